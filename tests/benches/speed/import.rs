//! Reading a registration file of 20,000 households into a site's person file, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use annona_node::import::{Apply, CsvOptions, Map, Registration, Source, VaultRegister, Watch};
use annona_node::sample;
use annona_node::seal::Key;
use annona_node::vault::Vault;
use annona_tests::bench::Fault;

use crate::table::Table;

/// The first argument of such a process.
pub(crate) const CHILD: &str = "--import";
const HOUSEHOLDS: u32 = 20_000;
const SECONDS: f64 = 30.0;

/// What the process does: reads, plans and writes, and says what it took.
pub(crate) fn child(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let file = PathBuf::from(args.next().ok_or("a file")?);
    let people = PathBuf::from(args.next().ok_or("a place for the people")?);
    let cancel = AtomicBool::new(false);
    let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
    let started = Instant::now();
    let source = Source::open(&file, &CsvOptions::default())?;
    let registration = Registration::read(&source, &Map::parse(sample::MAP)?, &mut watch)?;
    let mut vault = Vault::create(&people, &Key::random()?)?;
    let mut register = VaultRegister::new(&mut vault);
    let plan = registration.plan(&register, &mut watch)?;
    registration.apply(&mut register, Apply::default(), &mut watch)?;
    let took = started.elapsed();
    let report = &plan.report;
    println!(
        "{} {} {} {}",
        took.as_micros(),
        crate::serve::peak()?,
        report.households,
        report.members
    );
    Ok(())
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
    let people = folder.join("people");
    let child =
        Command::new(std::env::current_exe()?).arg(CHILD).arg(&file).arg(&people).output()?;
    let words = String::from_utf8(child.stdout)?;
    let numbers: Vec<u64> = words.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [micros, bytes, households, members] = numbers[..] else {
        return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
    };
    let seconds = micros as f64 / 1e6;
    let what = format!("{households} households, {members} members");
    table.row(&what, &format!("{seconds:7.2} s"), "at most 30 s", seconds <= SECONDS);
    table.note("  memory at most", &format!("{:7.1} MB", bytes as f64 / 1e6));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
