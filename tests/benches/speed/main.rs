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
        }
        if wanted("open") {
            serve::figures(&mut table, &place, &ledgers)?;
        }
        if wanted("audit") {
            audit::figures(&mut table, &place, &ledgers)?;
        }
        if wanted("sync") {
            sync::figures(&mut table, &place, &ledgers)?;
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
