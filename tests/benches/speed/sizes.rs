//! Bytes: of what travels, and of the program.

use std::path::PathBuf;
use std::process::Command;

use annona_tests::bench::{Fault, Sizes};

use crate::table::Table;

pub(crate) fn figures(table: &mut Table) -> Result<(), Fault> {
    table.title("Bytes, the same on every machine");
    let sizes = Sizes::weigh()?;
    for (what, each) in [
        ("a currency redemption in a block of 256", sizes.body_each()),
        ("  with header and signature shared out", sizes.all_each()),
    ] {
        table.row(what, &format!("{each:7.2} bytes"), "at most 12", each <= 12.0);
    }
    for (what, bytes, most) in [
        ("a receipt, without hops", sizes.receipt, 520),
        ("a ticket, without hops", sizes.ticket, 200),
        ("  of a float's cover", sizes.cover, 200),
        ("  each hop", sizes.hop, 160),
        ("a promise", sizes.promise, 150),
    ] {
        table.row(what, &format!("{bytes:7} bytes"), &format!("at most {most}"), bytes <= most);
    }
    program(table)
}

/// The size of the released program: built by `cargo build --release`, measured where cargo says it put it.
fn program(table: &mut Table) -> Result<(), Fault> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().ok_or("a target folder")?;
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", "annona", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the program does not build".into());
    }
    let bytes = std::fs::metadata(target.join("release/annona"))?.len();
    let figure = format!("{:7.2} MB", bytes as f64 / 1e6);
    table.row("annona, release, stripped", &figure, "at most 12 MB", bytes <= 12_000_000);
    Ok(())
}
