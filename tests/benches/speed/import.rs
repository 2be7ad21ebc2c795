//! Reading a registration file of 20,000 households into a site's person file, and enrolling each of them on its ledger,
//! in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use annona_ledger::entry::{Entry, Registry};
use annona_ledger::feed::leaf;
use annona_ledger::id::{Lane, Pseudonym};
use annona_ledger::key::SigningKey;
use annona_ledger::statement::Statement;
use annona_node::import::{Apply, CsvOptions, Map, Registration, Source, VaultRegister, Watch};
use annona_node::node::{Compose, Composed, Node, Request};
use annona_node::sample;
use annona_node::vault::{HouseholdId, Vault};
use annona_node::writer::GROUP;
use annona_tests::bench::{CASH, Fault, Federation, OPERATORS, opened_at};

use crate::table::Table;

/// The first argument of such a process.
pub(crate) const CHILD: &str = "--import";
const HOUSEHOLDS: u32 = 20_000;
const SECONDS: f64 = 30.0;
/// What serving takes at most, and the pages kept of the file in which rows wait: their number adds nothing.
const MEMORY: u64 = 80 * 1_000_000;

/// What the process does: reads, plans, writes and enrols, and says what it took.
pub(crate) fn child(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let file = PathBuf::from(args.next().ok_or("a file")?);
    let folder = PathBuf::from(args.next().ok_or("a federation")?);
    let cancel = AtomicBool::new(false);
    let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
    let mut node = opened_at(&folder.join("site-0"), &folder.join("heads"))?;
    let started = Instant::now();
    let source = Source::open(&file, &CsvOptions::default())?;
    let registration = Registration::read(&source, &Map::parse(sample::MAP)?, &mut watch)?;
    let mut vault = node.vault()?;
    let federation = node.federation()?;
    let plan = registration.plan(&VaultRegister::new(&mut vault, federation), &mut watch)?;
    let (mut enrolled, operator) = (0, SigningKey::from_seed(&OPERATORS[0]));
    let after = |vault: &mut Vault, added: &[HouseholdId], _: &[HouseholdId]| {
        enrolled += enrol(&mut node, vault, added, &operator).map_err(|why| why.to_string())?;
        Ok(())
    };
    let mut register = VaultRegister::with(&mut vault, federation, Box::new(after));
    registration.apply(&mut register, Apply::default(), &mut watch)?;
    drop(register);
    let took = started.elapsed();
    let report = &plan.report;
    let (peak, took) = (crate::serve::peak()?, took.as_micros());
    println!("{took} {peak} {} {} {enrolled}", report.households, report.members);
    Ok(())
}

/// Enrols households as `annona family import` does: each with an operator's word, durable before the person file says so.
fn enrol(
    node: &mut Node,
    vault: &mut Vault,
    ids: &[HouseholdId],
    operator: &SigningKey,
) -> Result<u64, Fault> {
    let (federation, feed) = (node.federation()?, node.feed(Lane::Registry, CASH));
    let mut written = 0;
    for ids in ids.chunks(GROUP) {
        let mut group = Vec::with_capacity(ids.len());
        for id in ids {
            let pseudonym = Pseudonym(vault.pseudonym(*id, CASH.0, &federation.0.0)?);
            let compose: Compose<'_> = Box::new(move |_, _, at| {
                let entry = Entry::from(Registry::Enrol { pseudonym, at });
                let said = Statement::Entry { feed: feed.short(), leaf: leaf(&entry.encode()) };
                let evidence = Some(said.sign(&federation, operator).encode());
                Ok(vec![Composed { evidence, ..Composed::from(entry) }])
            });
            group.push(Request { feed, compose });
        }
        for answer in node.write(&mut group)? {
            written += answer?.len() as u64;
        }
        drop(group);
        let mut txn = vault.begin()?;
        for id in ids {
            txn.mark_enrolled(*id, CASH.0, &federation.0.0)?;
        }
        txn.commit()?;
    }
    Ok(written)
}

pub(crate) fn figures(table: &mut Table, place: &Path) -> Result<(), Fault> {
    table.title("Import of a registration file, in a process of its own");
    let folder = place.join("import");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("camp.csv");
    sample::camp(1, HOUSEHOLDS, &mut std::io::BufWriter::new(std::fs::File::create(&file)?))?;
    drop(Federation::of(&folder, 1)?);
    let child =
        Command::new(std::env::current_exe()?).arg(CHILD).arg(&file).arg(&folder).output()?;
    let words = String::from_utf8(child.stdout)?;
    let numbers: Vec<u64> = words.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [micros, bytes, households, members, enrolled] = numbers[..] else {
        return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
    };
    let seconds = micros as f64 / 1e6;
    if enrolled != households {
        return Err(format!("{enrolled} of {households} households were enrolled").into());
    }
    let what = format!("{households} households, {members} members, enrolled");
    table.row(&what, &format!("{seconds:7.2} s"), "at most 30 s", seconds <= SECONDS);
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let (figure, limit) =
        (format!("{:7.1} MB", mb(bytes)), format!("at most {:.1} MB", mb(MEMORY)));
    table.row("  memory", &figure, &limit, bytes <= MEMORY);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
