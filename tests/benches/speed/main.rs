//! Every figure of `spec/bench.md`, each beside its limit, measured in one run.
//!
//! `cargo bench -p annona-tests`; with `ANNONA_BENCH_FULL=1` also at ten million entries, whose ledger takes minutes to
//! write the first time. Any word after `--` runs only the parts whose names begin with it: `redeem`, `open`,
//! `audit`, `sync`, `sizes`, `import`, `cards`, `people`. `ANNONA_BENCH_ENTRIES=200000` takes one ledger of so many entries
//! in place of all: to find where time goes, not for the limits.

mod audit;
mod bare;
mod cards;
mod import;
mod people;
mod redeem;
mod serve;
mod sizes;
mod sync;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use annona_tests::bench::{Fault, Written};

use table::Table;

const DEFAULT: [u64; 2] = [10_000, 1_000_000];
const FULL: u64 = 10_000_000;
/// What is measured at that many, part by part.
const REDEEM: [&str; 4] = [
    "alone at",
    "saturated at",
    "as the ledger grows, alone at",
    "as the ledger grows, saturated at",
];
const OPEN: [&str; 2] = ["opening at", "memory, serving at"];
const AUDIT: [&str; 3] = [
    "rate by a scan with BLAKE3, entries",
    "beside one strict verification, entries",
    "memory, auditing, entries",
];
const SYNC: [&str; 3] = [
    "taken in, verified and durable, entries",
    "on the wire, entries",
    "memory of who takes in, entries",
];
/// Says how many entries the one ledger has that is measured in place of the others.
const ENTRIES: &str = "ANNONA_BENCH_ENTRIES";

fn main() -> Result<(), Fault> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench").peekable();
    if args.next_if(|arg| arg == serve::CHILD).is_some() {
        return serve::child(args);
    }
    if args.next_if(|arg| arg == audit::CHILD).is_some() {
        return audit::child(args);
    }
    if args.next_if(|arg| arg == sync::CHILD).is_some() {
        return sync::child(args);
    }
    if args.next_if(|arg| arg == sync::GIVER).is_some() {
        return sync::giver(args);
    }
    if args.next_if(|arg| arg == import::CHILD).is_some() {
        return import::child(args);
    }
    let words: Vec<String> = args.collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| part.starts_with(word));
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&place)?;
    let mut table = Table::default();
    if ["redeem", "open", "audit", "sync"].into_iter().any(wanted) {
        let ledgers = ledgers(&place)?;
        if wanted("redeem") {
            redeem::figures(&mut table, &place, &ledgers)?;
            not_run(&mut table, &ledgers, &REDEEM);
        }
        if wanted("open") {
            serve::figures(&mut table, &place, &ledgers)?;
            not_run(&mut table, &ledgers, &OPEN);
        }
        if wanted("audit") {
            audit::figures(&mut table, &place, &ledgers)?;
            not_run(&mut table, &ledgers, &AUDIT);
        }
        if wanted("sync") {
            sync::figures(&mut table, &place, &ledgers)?;
            not_run(&mut table, &ledgers, &SYNC);
        }
    }
    if wanted("sizes") {
        sizes::figures(&mut table)?;
    }
    if wanted("import") {
        import::figures(&mut table, &place)?;
    }
    if wanted("cards") {
        cards::figures(&mut table)?;
    }
    if wanted("people") {
        people::figures(&mut table, &place)?;
    }
    table.end();
    Ok(())
}

/// Says of each figure at ten million entries that it was not measured, where that ledger was not asked for.
fn not_run(table: &mut Table, ledgers: &[Written], figures: &[&str]) {
    if ledgers.iter().any(|written| written.entries == FULL) {
        return;
    }
    for figure in figures {
        table.not_run(&format!("{figure} {FULL}"), "set ANNONA_BENCH_FULL=1");
    }
}

fn ledgers(place: &Path) -> Result<Vec<Written>, Fault> {
    let full = std::env::var_os("ANNONA_BENCH_FULL").map(|_| FULL);
    let mut ledgers = Vec::new();
    let one: Option<u64> = std::env::var(ENTRIES).ok().map(|n| n.parse()).transpose()?;
    let sizes: Vec<u64> =
        one.map_or_else(|| DEFAULT.into_iter().chain(full).collect(), |n| vec![n]);
    for entries in sizes {
        let started = Instant::now();
        ledgers.push(Written::at(place, entries)?);
        println!("ledger of {entries} entries: {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(ledgers)
}
