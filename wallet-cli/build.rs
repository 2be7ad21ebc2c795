//! Leaves out of the released program, where the linker is known to do so, the tables that only unwinding reads.
//!
//! Whoever names a linker of their own, or links the C library in, gets the program with its tables: not every linker knows
//! the words of `no-unwinding.ld`, and a program that is a tenth larger is better than none.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=no-unwinding.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let own = ["linker", "fuse-ld", "crt-static"].iter().any(|word| flags.contains(word))
        || env::var_os("RUSTC_LINKER").is_some();
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if is("PROFILE", "release")
        && !own
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        for word in ["-Wl,--no-eh-frame-hdr", "-T", &format!("{folder}/no-unwinding.ld")] {
            println!("cargo:rustc-link-arg-bin=annona={word}");
        }
    }
}
