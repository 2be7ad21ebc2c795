//! Tries mutants of the value rules and of verification against the ledger's own tests.
//!
//! ```text
//! cargo run --release --manifest-path tests/teeth/Cargo.toml                             all of them
//! cargo run --release --manifest-path tests/teeth/Cargo.toml -- ledger/src/cut.rs        those of one file
//! cargo run --release --manifest-path tests/teeth/Cargo.toml -- --again                  those that survived the last run
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

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};

use crate::forge::Forge;
use crate::run::{End, Runner};

/// Survivors that are known, and why.
const KNOWN: &str = "tests/mutants.md";

/// Only mutants that survived the last run, by name: what a new test is for is soon told.
const AGAIN: &str = "--again";

fn main() -> Result<ExitCode> {
    let (again, only): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word == AGAIN);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let scratch = std::env::var_os("TEETH_SCRATCH")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/woven"), Into::into);
    std::fs::create_dir_all(&scratch)?;
    let known = std::fs::read_to_string(root.join(KNOWN)).context(KNOWN)?;
    let known: BTreeSet<&str> =
        known.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next()).collect();
    let last = scratch.join("survived");
    let before = std::fs::read_to_string(&last).unwrap_or_default();
    let before: BTreeSet<&str> = before.lines().collect();
    let mut forge = Forge::new(&root, &scratch, &only)?;
    let names = forge.names();
    println!("{} mutants", names.len());
    let program = forge.build()?;
    println!("{} do not compile", forge.unviable.len());
    let folder = scratch.join("tree/ledger");
    let runner = Runner::new(&program, &folder, &scratch)?;
    let (tests, millis) = runner.summary();
    println!("{tests} tests take {millis} ms");
    let tried = (0u32..).zip(&names).filter(|(id, name)| {
        let asked = again.is_empty() || before.contains(place_free(name).as_str());
        asked && !forge.unviable.contains(id)
    });
    let (mut files, mut survived) = (BTreeMap::<&str, Tally>::new(), Vec::new());
    for (name, end) in all(&runner, &tried.collect::<Vec<_>>())? {
        let file = name.split(':').next().unwrap_or_default();
        for of in [file, ALL] {
            files.entry(of).or_default().tried += 1;
        }
        let free = place_free(name);
        let listed = known.contains(free.as_str());
        let word = match end {
            End::Caught | End::Stopped => continue,
            End::Survived => "survived",
            End::Unreached => "reached by no test",
        };
        for of in [file, ALL] {
            let tally = files.entry(of).or_default();
            tally.survived += 1;
            tally.listed += u32::from(listed);
        }
        println!("{word}{}: {name}", if listed { ", as listed" } else { "" });
        survived.push(free);
    }
    std::fs::write(&last, survived.join("\n"))?;
    println!("tried, survived, of those listed with a reason");
    for (file, Tally { tried, survived, listed }) in &files {
        println!("{tried:5} {survived:4} {listed:4}  {file}");
    }
    let unexplained = files.get(ALL).map_or(0, |all| all.survived - all.listed);
    println!("{unexplained} of those that survived are not in {KNOWN}");
    Ok(if unexplained == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The line of every file together.
const ALL: &str = "~ all";

/// Mutants of a file.
#[derive(Default)]
struct Tally {
    tried: u32,
    survived: u32,
    listed: u32,
}

/// Tries them, on `TEETH_JOBS` processors or one.
fn all<'a>(runner: &Runner, tried: &[(u32, &'a String)]) -> Result<Vec<(&'a String, End)>> {
    let jobs = std::env::var("TEETH_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut ends = Vec::new();
        while let Some((id, name)) = tried.get(next.fetch_add(1, Ordering::Relaxed)) {
            let end = runner.try_one(*id)?;
            ends.push((*id, end));
            if matches!(end, End::Survived | End::Unreached) {
                eprintln!("{name}");
            }
            if ends.len() % 100 == 0 {
                eprintln!("about {} of {}", next.load(Ordering::Relaxed), tried.len());
            }
        }
        Ok(ends)
    };
    let ends: Result<Vec<Vec<(u32, End)>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let ends: BTreeMap<u32, End> = ends?.into_iter().flatten().collect();
    Ok(tried.iter().map(|(id, name)| (*name, ends[id])).collect())
}

/// `ledger/src/cut.rs:41:9: replace < with <= in below` without line and column, which change with every edit above.
fn place_free(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    format!("{file}:{}", parts.nth(2).unwrap_or_default())
}
