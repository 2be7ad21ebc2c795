//! Times the import of a sample camp into a vault: `import_speed [HOUSEHOLDS] [FILE.csv|FILE.xlsx]`.
//!
//! A file that is not there is made (an XLSX in a run of its own, so that making it does not count as memory). Prints the time of each phase and the most memory the process ever held.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use annona_ledger::hash::Hash;
use annona_ledger::id::FederationId;
use annona_node::import::{Apply, CsvOptions, Map, Registration, Source, VaultRegister, Watch};
use annona_node::sample;
use annona_node::seal::Key;
use annona_node::vault::Vault;

/// The sample camp as a workbook, with strings shared as spreadsheet programs do.
fn workbook(path: &Path, households: u32) -> Result<(), Box<dyn Error>> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, sample::HEADER)?;
    let mut at = 0;
    sample::rows(1, households, |row| {
        at += 1;
        sheet.write_row(at, 0, row).map(|_| ())
    })?;
    Ok(book.save(path)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let households: u32 = args.next().map_or(Ok(20_000), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("annona-import-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = args.next().map_or_else(|| folder.join("camp.csv"), PathBuf::from);
    if !path.exists() && path.extension().is_some_and(|e| e == "xlsx") {
        workbook(&path, households)?;
    } else if !path.exists() {
        sample::camp(1, households, &mut std::io::BufWriter::new(std::fs::File::create(&path)?))?;
    }
    let cancel = AtomicBool::new(false);
    let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
    let started = Instant::now();
    let mut lap = {
        let mut last = started;
        move |what: &str| {
            println!("{what:>10} {:7.2} s", last.elapsed().as_secs_f64());
            last = Instant::now();
        }
    };
    let source = Source::open(&path, &CsvOptions::default())?;
    let registration = Registration::read(&source, &Map::parse(sample::MAP)?, &mut watch)?;
    lap("read");
    let mut vault = Vault::create(&folder.join("people"), &Key::random()?)?;
    let mut register = VaultRegister::new(&mut vault, FederationId(Hash([0; 32])));
    let plan = registration.plan(&register, &mut watch)?;
    lap("plan");
    let applied = registration.apply(&mut register, Apply::default(), &mut watch)?;
    lap("apply");
    let again = registration.apply(&mut register, Apply::default(), &mut watch)?;
    lap("again");
    println!("     total {:7.2} s", started.elapsed().as_secs_f64());
    println!(
        "{} households, {} members; {applied:?}; again {again:?}",
        plan.report.households, plan.report.members
    );
    println!("findings {:?}", plan.report.findings.counts);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|l| l.starts_with("VmHWM")).for_each(|l| println!("{l}"));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
