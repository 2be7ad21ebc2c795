//! Leaves out of the released program, where the linker is known to do so, the tables that only unwinding reads.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=no-unwinding.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        for word in ["-Wl,--no-eh-frame-hdr", "-T", &format!("{folder}/no-unwinding.ld")] {
            println!("cargo:rustc-link-arg-bin=annona={word}");
        }
    }
}
