//! Tries mutants of the value rules and of verification against the ledger's own tests.
//!
//! ```text
//! cargo run --release --manifest-path tests/teeth/Cargo.toml                             all of them
//! cargo run --release --manifest-path tests/teeth/Cargo.toml -- ledger/src/cut.rs        those of one file
//! ```
//!
//! `cargo mutants` builds once for each. Here all stand in one program, each behind a switch, and a mutant meets only the
//! tests that reach it: minutes instead of a night. What survives is listed in `tests/mutants.md` with the reason, or
//! this fails.

mod find;
mod forge;
#[expect(dead_code, reason = "woven into the copy, and only kept in shape here")]
mod gate;
mod run;
mod values;
mod weave;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::forge::Forge;
use crate::run::{End, Runner};

/// Survivors that are known, and why.
const KNOWN: &str = "tests/mutants.md";

fn main() -> Result<ExitCode> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let scratch = std::env::var_os("TEETH_SCRATCH")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/woven"), Into::into);
    std::fs::create_dir_all(&scratch)?;
    let known = std::fs::read_to_string(root.join(KNOWN)).context(KNOWN)?;
    let mut forge = Forge::new(&root, &scratch, &only)?;
    let names = forge.names();
    println!("{} mutants", names.len());
    let program = forge.build()?;
    println!("{} do not compile", forge.unviable.len());
    let folder = scratch.join("tree/ledger");
    let runner = Runner::new(&program, &folder, &scratch)?;
    let (tests, millis) = runner.summary();
    println!("{tests} tests take {millis} ms");
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    let mut unexplained = 0u32;
    for (id, name) in (0u32..).zip(&names).filter(|(id, _)| !forge.unviable.contains(id)) {
        let end = runner.try_one(id)?;
        let (word, told) = match end {
            End::Caught => ("caught", false),
            End::Stopped => ("stopped", false),
            End::Survived => ("survived", true),
            End::Unreached => ("reached by no test", true),
        };
        *ends.entry(word).or_default() += 1;
        if told {
            let why = known.contains(&place_free(name));
            println!("{word}{}: {name}", if why { ", as listed" } else { "" });
            unexplained += u32::from(!why);
        }
    }
    for (word, count) in ends {
        println!("{count} {word}");
    }
    println!("{unexplained} of those that survived are not in {KNOWN}");
    Ok(if unexplained == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `ledger/src/cut.rs:41:9: replace < with <= in below` without line and column, which change with every edit above.
fn place_free(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    format!("{file}:{}", parts.nth(2).unwrap_or_default())
}
