//! Decoders of files that people hand to a node or write for it: configurations, checkpoints, PINs lent to another site.

use std::path::Path;

use annona_ledger::checkpoint::{Chunk, Cosignature, Page};
use annona_node::checkpoint::{self, Carried};
use annona_node::config::Config;
use annona_node::import::list::ListMap;
use annona_node::pin::{Pin, Pins};
use annona_node::seal::Key;
use annona_node::vault::HouseholdId;

/// Under which the file of PINs of the corpus was made.
fn key() -> Key {
    Key::take(&mut [5; 32])
}

/// What `run.toml` says.
pub(super) fn config(text: &str) -> bool {
    Config::parse(Path::new("run.toml"), text).is_ok()
}

/// How a list's columns are called.
pub(super) fn list_map(text: &str) -> bool {
    ListMap::parse(text).is_ok()
}

/// A file of a checkpoint.
pub(super) fn checkpoint(path: &Path) -> bool {
    checkpoint::read(path).is_ok()
}

/// A file of PINs.
pub(super) fn pins(path: &Path) -> bool {
    Pins::open(path, &key()).is_ok_and(|pins| pins.has(HouseholdId(7)).is_ok_and(|has| has))
}

/// Good files, each with the name of its decoder.
///
/// # Panics
///
/// Where there is no room for a small file.
pub(super) fn seeds(
    page: Page,
    cosignatures: Vec<Cosignature>,
    rows: Vec<Chunk>,
) -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("carried.checkpoint");
    checkpoint::write(&path, &Carried { page, cosignatures, rows }).expect("room");
    let carried = std::fs::read(&path).expect("written");
    let path = folder.path().join("pins.db");
    let mut pins = Pins::open(&path, &key()).expect("room");
    pins.set(HouseholdId(7), &Pin::parse("204816").expect("a PIN")).expect("room");
    drop(pins);
    let run = b"[network]\nlisten = [\"127.0.0.1:4455\"]\n[ledger]\nbegin = \"checkpoint\"\n";
    vec![
        ("checkpoint_file", carried),
        ("pin_file", std::fs::read(&path).expect("written")),
        ("run_config", run.to_vec()),
        ("list_map", b"source = \"camp\"\nkey = [\"household_id\"]\ndecimal = \",\"\n".to_vec()),
    ]
}
