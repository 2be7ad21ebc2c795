//! Every decoder that untrusted bytes reach, by name: what fuzzers drive and the kept corpora replay.
//!
//! A decoder may refuse. It may not panic, may not ask for more than 16 MiB, and what it takes it must write again as the
//! same bytes, so that no value has two spellings.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use annona_ledger::audit::Options;
use annona_ledger::block::{Block, Evidence, Header};
use annona_ledger::broken::BrokenPromise;
use annona_ledger::charter::{ArticleFork, SignedArticle};
use annona_ledger::checkpoint::{Chunk, Cosignature, Page, Working};
use annona_ledger::consent::{Disclosure, Grant};
use annona_ledger::counter::Vouched;
use annona_ledger::entry::Entry;
use annona_ledger::fork::ForkProof;
use annona_ledger::frontier::Sketch;
use annona_ledger::id::Lane;
use annona_ledger::list::ListFork;
use annona_ledger::notice::SignedNotice;
use annona_ledger::receipt::Receipt;
use annona_ledger::short_code::ShortCode;
use annona_ledger::statement::Stated;
use annona_ledger::sync::frame::Frame;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::wallet::CloneProof;
use annona_ledger::wire;
use annona_node::audit::{AuditFile, audit, check_proof};
use annona_node::bundle::inspect;
use annona_node::config::Zone;
use annona_node::consent::own::{Offer, Word};
use annona_node::consent::read_slip_code;
use annona_node::holder::HolderFault;
use annona_node::holder::page;
use annona_node::holder::till::{Bill, Introduction, Signed};
use annona_node::import::{CsvOptions, Map, Source, TableError};
use annona_node::person::Household;
use annona_node::tlog::leaf::Leaf;
use annona_node::tlog::note::{Checkpoint, Note, NoteKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::peer::meeting;
use crate::rng::{NOTHING_TOLD, Rng};

pub mod credentials;
mod desk;
mod files;
pub mod listener;
pub mod peer;
mod sealed;
pub mod seeds;

/// Hands bytes to a decoder; `true` where they were a value.
pub type Decoder = fn(&[u8]) -> bool;

/// Every decoder, by the name of its fuzz target.
pub const DECODERS: [(&str, Decoder); 56] = [
    ("entry_value", |b| entry(Lane::Value, b)),
    ("entry_registry", |b| entry(Lane::Registry, b)),
    ("entry_control", |b| entry(Lane::Control, b)),
    ("entry_access", |b| entry(Lane::Access, b)),
    ("header", plain::<Header>),
    ("block", plain::<Block>),
    ("evidence", plain::<Evidence>),
    ("promise", plain::<Promise>),
    ("ticket", plain::<Ticket>),
    ("receipt", plain::<Receipt>),
    ("article", |b| SignedArticle::decode(b).is_ok()),
    ("article_fork", |b| ArticleFork::decode(b).is_ok()),
    ("notice", |b| SignedNotice::decode(b).is_ok()),
    ("list_fork", |b| ListFork::decode(b).is_ok()),
    ("fork_proof", plain::<ForkProof>),
    ("statement", |b| Stated::decode(b).is_ok()),
    ("vouched", plain::<Vouched>),
    ("checkpoint", |b| Page::decode(b).is_ok()),
    ("cosignature", |b| Cosignature::decode(b).is_ok()),
    ("state_chunk", |b| Chunk::decode(b).is_ok()),
    ("frontier", |b| Sketch::decode(b).is_ok()),
    ("frame", frame),
    ("session", meeting),
    ("broken_promise", |b| BrokenPromise::decode(b).is_ok()),
    ("working_row", |b| Working::of_row(b).is_ok()),
    ("clone_proof", plain::<CloneProof>),
    ("wallet_paper", wallet_paper),
    ("short_code", |b| text(b).is_some_and(|t| t.parse::<ShortCode>().is_ok())),
    ("proof_file", |b| check_proof(b, None, Zone::default()).proven),
    ("household", |b| Household::decode(b).is_ok()),
    ("log_leaf", |b| Leaf::read(b).is_some()),
    ("log_note", note),
    ("map_file", |b| text(b).is_some_and(|t| Map::parse(t).is_ok())),
    ("list_map", |b| text(b).is_some_and(files::list_map)),
    ("run_config", |b| text(b).is_some_and(files::config)),
    ("checkpoint_file", |b| in_file("one.checkpoint", b, files::checkpoint)),
    ("pin_file", |b| in_file("pins.db", b, files::pins)),
    ("card", credentials::card),
    ("status_list", credentials::status_list),
    ("bitstring", credentials::bitstring),
    ("presentation", credentials::presentation),
    ("w3c", credentials::w3c),
    ("canonical", credentials::canonical),
    ("trust_list", credentials::trust_list),
    ("grant", |b| Grant::decode(b).is_ok_and(|grant| grant.encode() == b)),
    ("disclosure", |b| Disclosure::decode(b).is_ok_and(|shown| shown.encode() == b)),
    ("slip_code", |b| text(b).is_some_and(|t| read_slip_code(t).is_some())),
    ("oprf_element", desk::element),
    ("overlap_asked", desk::asked),
    ("overlap_answered", desk::answered),
    ("consent_request", desk::asking),
    ("lent_pins", desk::lent_pins),
    ("people_copy", desk::copy),
    ("shares_file", sealed::shares_file),
    ("audit_file", audit_file),
    ("bundle_part", |b| {
        in_file("part", b, |path| inspect(path, None).is_ok_and(|part| part.is_ok()))
    }),
];

/// Tables are tried apart: most bytes are some CSV.
pub const TABLES: [(&str, Decoder); 2] = [
    ("table_csv", |b| in_file("table.csv", b, table)),
    ("table_xlsx", |b| in_file("table.xlsx", b, table)),
];

/// Files under a passphrase are tried apart: opening one takes the memory that its header asks for, 19 MiB at the least.
pub const SEALED: [(&str, Decoder); 2] =
    [("keystore_file", sealed::keystore), ("backup_file", sealed::backup)];

/// What a fuzzer begins with of files that open by a secret, and of those that a desk takes.
#[must_use]
pub fn handed_over() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = sealed::seeds();
    seeds.extend(desk::seeds());
    seeds
}

/// Runs the simulator as bytes say: a seed, how long, and which of its draws are told instead of drawn. Every invariant
/// is checked after every step, over the core's own maps.
///
/// # Panics
///
/// Where one does not hold: that is a find.
pub fn simulator(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<3>() else { return };
    let [high, low, steps] = *head;
    let mut told = NOTHING_TOLD;
    let mut place = 0u32;
    // Each draw in three bytes: how many draws after the last, and what it gives. Draws are taken modulo small numbers.
    for (slot, turn) in told.iter_mut().zip(rest.as_chunks::<3>().0) {
        place = place.saturating_add(u32::from(u16::from_be_bytes([turn[0], turn[1]])) + 1);
        *slot = (place, u64::from(turn[2]));
    }
    let seed = u64::from(u16::from_be_bytes([high, low]));
    let steps = 40 + usize::from(steps);
    let options = crate::world::Options { steps, told, ..crate::world::Options::seed(seed) };
    if let Err(failed) = crate::run::run(options) {
        panic!("{failed}; told {told:?}");
    }
}

/// Tries one decoder, which the first byte names, on the rest: any but those that need a passphrase's memory.
pub fn any(bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        let all: Vec<_> = DECODERS.iter().chain(&TABLES).collect();
        let (_, decode) = all[usize::from(*first) % all.len()];
        decode(rest);
    }
}

/// Bytes with one to three small things wrong.
///
/// # Panics
///
/// Where there are none to begin with.
#[must_use]
pub fn spoilt(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len().max(1));
        match rng.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
            1 if !bytes.is_empty() => bytes[at] = 0xff,
            2 => bytes.truncate(at),
            3 => bytes.insert(at.min(bytes.len()), rng.bits() as u8),
            4 if at + 4 < bytes.len() => bytes[at..at + 4].fill(0x80),
            _ => bytes.extend_from_slice(seed.get(..at).unwrap_or_default()),
        }
    }
    bytes
}

/// A decoder by its name.
#[must_use]
pub fn decoder(name: &str) -> Option<Decoder> {
    let all = DECODERS.iter().chain(&TABLES).chain(&SEALED);
    all.into_iter().find(|(known, _)| *known == name).map(|(_, decoder)| *decoder)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn plain<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<T>(bytes, 128 * 1024) else { return false };
    assert_eq!(wire::encode(&value), bytes, "one spelling for each value");
    true
}

fn entry(lane: Lane, bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::decode(lane, bytes) else { return false };
    assert_eq!(entry.encode(), bytes, "one spelling for each entry");
    true
}

/// What goes between a wallet and whoever it meets.
fn wallet_paper(bytes: &[u8]) -> bool {
    fn same<T>(
        read: Result<T, HolderFault>,
        encode: impl FnOnce(&T) -> Vec<u8>,
        bytes: &[u8],
    ) -> bool {
        let Ok(read) = read else { return false };
        assert_eq!(encode(&read), bytes, "one spelling for each paper");
        true
    }
    same(Introduction::decode(bytes), Introduction::encode, bytes)
        | same(Bill::decode(bytes), Bill::encode, bytes)
        | same(Signed::decode(bytes), Signed::encode, bytes)
        | same(page::Note::decode(bytes), page::Note::encode, bytes)
        | same(Offer::decode(bytes).map_err(Into::into), Offer::encode, bytes)
        | same(Word::decode(bytes).map_err(Into::into), Word::encode, bytes)
        | plain::<page::Page>(bytes)
}

fn frame(bytes: &[u8]) -> bool {
    Frame::decode(bytes).is_ok()
}

fn note(bytes: &[u8]) -> bool {
    if let Some(text) = text(bytes) {
        drop(NoteKey::parse(text));
    }
    let Ok(note) = Note::parse(bytes) else { return false };
    drop(Checkpoint::parse(&note.text));
    assert_eq!(Note::parse(note.write().as_bytes()).as_ref(), Ok(&note), "what is written is read");
    true
}

fn audit_file(bytes: &[u8]) -> bool {
    in_file("file.audit", bytes, |path| {
        let Ok(file) = AuditFile::open(path) else { return false };
        let options = Options { federation: None, root: true, ..Options::default() };
        let verdict = audit(&file, &options, 1, &|_| {}, &AtomicBool::new(false));
        verdict.is_good()
    })
}

fn table(path: &Path) -> bool {
    let Ok(source) = Source::open(path, &CsvOptions::default()) else { return false };
    let mut rows = 0u64;
    let count = |rows: &mut u64| {
        *rows += 1;
        Ok::<(), TableError>(())
    };
    let mut sheets = 0..source.sheets().len();
    sheets.all(|sheet| source.read(sheet, |_, _| count(&mut rows)).is_ok()) && rows > 0
}

/// Decoders of files are given one.
fn in_file(name: &str, bytes: &[u8], decode: impl FnOnce(&Path) -> bool) -> bool {
    let folder = tempfile::tempdir().expect("a folder for one file");
    let path = folder.path().join(name);
    let mut file = std::fs::File::create(&path).expect("room for one file");
    file.write_all(bytes).expect("room for one file");
    drop(file);
    decode(&path)
}
