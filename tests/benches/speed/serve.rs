//! Opening and memory, in a process of its own that has done nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use annona_ledger::key::SigningKey;
use annona_tests::bench::{Chance, Fault, Written, lots_for};

use crate::redeem;
use crate::table::Table;

/// The first argument of such a process.
pub(crate) const CHILD: &str = "--serve";

/// What the process does: opens the ledger, serves, and says how long the one took and how much memory all of it.
pub(crate) fn child(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let place = PathBuf::from(args.next().ok_or("a place")?);
    let entries: u64 = args.next().ok_or("a number of entries")?.parse()?;
    let written = Written::at(&place, entries)?;
    // All but the passphrase: the ledger file, charter and certificates, heads, and the head file outside the folder.
    let mut node = written.open()?;
    let mut opened = Vec::new();
    for _ in 0..3 {
        let started = Instant::now();
        node.reopen()?;
        opened.push(started.elapsed());
    }
    let mut chance = Chance::new(node.now().0);
    let till = SigningKey::from_seed(&[77; 32]);
    for _ in 0..2 {
        redeem::group(&mut node, &till, &redeem::asked(&till, &written, &mut chance))?;
    }
    for _ in 0..100 {
        redeem::single(&mut node, &written.charge(&mut chance))?;
    }
    node.close()?;
    println!("{} {}", crate::table::median(opened).as_micros(), peak()?);
    Ok(())
}

/// The most memory this process ever held, in bytes.
pub(crate) fn peak() -> Result<u64, Fault> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024)
}

pub(crate) fn figures(table: &mut Table, place: &Path, ledgers: &[Written]) -> Result<(), Fault> {
    table.title("Opening and serving, in a process of its own");
    for written in ledgers {
        let entries = written.entries.to_string();
        let child =
            Command::new(std::env::current_exe()?).arg(CHILD).arg(place).arg(&entries).output()?;
        let words = String::from_utf8(child.stdout)?;
        let mut words = words.split_whitespace();
        let mut next = || words.next().and_then(|w| w.parse::<u64>().ok());
        let (Some(micros), Some(bytes)) = (next(), next()) else {
            return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
        };
        let figure = format!("{:7.1} ms", micros as f64 / 1e3);
        table.row(
            &format!("opening at {entries} entries"),
            &figure,
            "at most 100 ms",
            micros <= 100_000,
        );
        let most = 64 * 1_000_000 + 32 * lots_for(written.entries);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let (figure, limit) =
            (format!("{:7.1} MB", mb(bytes)), format!("at most {:.1} MB", mb(most)));
        table.row(&format!("memory, serving at {entries} entries"), &figure, &limit, bytes <= most);
    }
    Ok(())
}
