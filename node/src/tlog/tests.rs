use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::block::{Header, VERSION};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, Lane, ProgrammeId};
use annona_ledger::key::{Context, PublicKey, SigningKey};
use annona_ledger::time::Hlc;
use annona_ledger::wire;

use super::LogFault;
use super::check::{Checked, SourceOf, check};
use super::folder::LogFolder;
use super::leaf::Leaf;
use super::note::{Note, NoteFault, NoteKey, Says};
use super::publish::{Owned, Published, Publisher, publish};
use super::witness::cosign;
use crate::store::Store;

mod held;

const FEDERATION: FederationId = FederationId(Hash([5; 32]));

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn leaf(node: u8, seq: u64) -> Leaf {
    let feed = FeedId { node: key(node).public(), lane: Lane::Value, programme: ProgrammeId(1) };
    let header = Header {
        version: VERSION,
        seq,
        first: seq,
        count: 1,
        before: Hash([seq as u8; 32]),
        after: Hash([seq.wrapping_add(1) as u8; 32]),
        core_root: Hash([3; 32]),
        evidence_root: Hash([4; 32]),
        frontier_root: Hash([5; 32]),
        epoch: 0,
        hlc: Hlc::default(),
        body_len: 10,
    };
    let scope: [&[u8]; 2] = [&FEDERATION.0.0, &feed.bytes()];
    let signature = key(node).sign(Context::Header, &scope, &wire::encode(&header));
    Leaf { federation: FEDERATION, feed, header, signature }
}

fn leaves(count: u64) -> Vec<Leaf> {
    (0..count).map(|at| leaf(20 + u8::from(at % 2 == 0), at / 2)).collect()
}

struct Desk {
    _dir: tempfile::TempDir,
    root: PathBuf,
    store: Store,
    log: NoteKey,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().to_owned();
        let store = Store::create(&root.join("ledger")).expect("a store");
        let log = NoteKey::new("camp.example/log", Says::Log, key(1).public()).expect("a name");
        Self { _dir: dir, root, store, log }
    }

    fn folder(&self) -> LogFolder {
        LogFolder::at(&self.root.join("log"))
    }

    fn publish(&self, leaves: &[Leaf]) -> Result<Published, LogFault> {
        let (signing, transport) = (key(1), key(2));
        let by = Publisher {
            named: &self.log,
            key: &signing,
            federation: FEDERATION,
            node: key(20).public(),
            transport: &transport,
        };
        publish(&self.store, &self.folder(), &by, leaves)
    }

    fn witness(&self) -> (NoteKey, SigningKey) {
        let named = NoteKey::new("camp.example/w", Says::Witness, key(3).public());
        (named.expect("a name"), key(3))
    }

    fn cosign(&self, seconds: u64) -> Result<Option<u64>, LogFault> {
        let (named, signing) = self.witness();
        cosign(&self.store, &self.folder(), &self.log, (&named, &signing), seconds)
            .map(|done| done.before)
    }

    fn check(&self) -> Checked {
        check(&self.folder(), &self.log, &[], None).expect("the folder is there")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { drop(fs::copy(&path, target)) }
    }
}

#[test]
fn a_leaf_is_what_was_signed_and_nothing_else_is_a_leaf() {
    let bytes = leaf(20, 3).encode();
    assert_eq!(Leaf::read(&bytes), Some(leaf(20, 3)));
    for at in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        assert_eq!(Leaf::read(&wrong), None, "byte {at}");
    }
    assert_eq!(Leaf::read(&bytes[..bytes.len() - 1]), None);
    assert_eq!(Leaf::read(&[]), None);
}

#[test]
fn a_log_grows_over_full_tiles_and_checks_at_every_size() {
    let desk = Desk::new();
    for count in [1, 2, 255, 256, 257, 600] {
        let done = desk.publish(&leaves(count)).expect("it is written");
        assert_eq!(done.head.size, count);
        let checked = desk.check();
        assert!(checked.is_good(), "{count}: {:?}", checked.findings);
        assert_eq!(checked.feeds, if count == 1 { 1 } else { 2 });
    }
    let tile = desk.root.join("log/tile");
    assert!(tile.join("0/000").is_file() && tile.join("0/002.p/88").is_file());
    assert!(tile.join("1/000.p/2").is_file() && tile.join("entries/002.p/88").is_file());
    assert!(!tile.join("0/000.p").exists() && !tile.join("0/001.p").exists(), "swept");
    let again = desk.publish(&leaves(600)).expect("nothing is new");
    assert_eq!((again.before, again.head.size), (600, 600));
}

#[test]
fn the_signed_checkpoint_is_written_again_after_a_crash_and_keeps_its_witnesses() {
    let desk = Desk::new();
    desk.publish(&leaves(10)).expect("it is written");
    desk.cosign(77).expect("it is cosigned");
    let path = desk.folder().checkpoint_path();
    let cosigned = fs::read(&path).expect("a checkpoint");
    desk.publish(&leaves(10)).expect("nothing is new");
    assert_eq!(fs::read(&path).expect("a checkpoint"), cosigned);
    fs::remove_file(&path).expect("it was there");
    desk.publish(&leaves(10)).expect("it is written again");
    let note = Note::parse(&fs::read(&path).expect("a checkpoint")).expect("a note");
    assert_eq!(note.check(&desk.log), Ok(0));
    assert!(desk.check().is_good());
}

#[test]
fn a_folder_that_lost_what_was_signed_is_refused() {
    let desk = Desk::new();
    desk.publish(&leaves(10)).expect("it is written");
    let older = desk.root.join("older");
    copy(&desk.root.join("log"), &older);
    desk.publish(&leaves(300)).expect("it is written");
    fs::remove_dir_all(desk.root.join("log")).expect("it was there");
    assert!(matches!(desk.publish(&leaves(300)), Err(LogFault::NotOurs { size: 300, .. })));
    copy(&older, &desk.root.join("log"));
    assert!(matches!(desk.publish(&leaves(300)), Err(LogFault::NotOurs { size: 300, .. })));
    // Another node's log is not taken over either.
    let other = Desk::new();
    copy(&older, &other.root.join("log"));
    assert!(matches!(other.publish(&leaves(1)), Err(LogFault::NotOurs { size: 0, .. })));
}

#[test]
fn s29_a_witness_cosigns_what_extends_and_refuses_older_and_rewritten_logs() {
    let desk = Desk::new();
    desk.publish(&leaves(10)).expect("it is written");
    let older = desk.root.join("older");
    copy(&desk.root.join("log"), &older);
    assert_eq!(desk.cosign(5).expect("the first time"), None);
    desk.publish(&leaves(300)).expect("it is written");
    assert_eq!(desk.cosign(6).expect("it extends"), Some(10));
    let (witness, _) = desk.witness();
    let checked = check(&desk.folder(), &desk.log, &[witness], None).expect("readable");
    assert!(checked.is_good(), "{:?}", checked.findings);
    assert_eq!(checked.witnesses, [("camp.example/w".to_owned(), Ok(6))]);

    // An older copy: come back with a newer one.
    fs::remove_dir_all(desk.root.join("log")).expect("it was there");
    copy(&older, &desk.root.join("log"));
    assert!(matches!(desk.cosign(7), Err(LogFault::Older { had: 300, now: 10 })));

    // The same key signs another history of more leaves: never.
    let liar = Desk::new();
    let mut rewritten: Vec<Leaf> = leaves(310);
    rewritten.remove(4);
    liar.publish(&rewritten).expect("it is written");
    fs::remove_dir_all(desk.root.join("log")).expect("it was there");
    copy(&liar.root.join("log"), &desk.root.join("log"));
    assert!(matches!(desk.cosign(8), Err(LogFault::Rewritten { had: 300 })));
}

#[test]
fn every_alteration_of_a_log_is_found() {
    let desk = Desk::new();
    desk.publish(&leaves(300)).expect("it is written");
    let whole = desk.root.join("whole");
    copy(&desk.root.join("log"), &whole);
    let alter = |file: &str, at: usize| {
        fs::remove_dir_all(desk.root.join("log")).expect("it was there");
        copy(&whole, &desk.root.join("log"));
        let path = desk.root.join("log").join(file);
        let mut bytes = fs::read(&path).expect("a file");
        bytes[at] ^= 1;
        fs::write(&path, bytes).expect("it is written");
        let checked = check(&desk.folder(), &desk.log, &[], None);
        assert!(!checked.is_ok_and(|checked| checked.is_good()), "{file} at {at}");
    };
    for (file, at) in [
        ("tile/0/000", 0),
        ("tile/0/000", 8_191),
        ("tile/0/001.p/44", 5),
        ("tile/1/000.p/1", 31),
        ("tile/entries/000", 1),
        ("tile/entries/000", 700),
        ("tile/entries/001.p/44", 90),
        ("checkpoint", 2),
        ("checkpoint", 20),
        ("checkpoint", 150),
    ] {
        alter(file, at);
    }
}

#[test]
fn a_checkpoint_of_another_key_or_none_is_not_taken() {
    let desk = Desk::new();
    assert!(!desk.check().is_good(), "there is none");
    desk.publish(&leaves(3)).expect("it is written");
    let other = NoteKey::new(&desk.log.name, Says::Log, key(9).public()).expect("a name");
    let checked = check(&desk.folder(), &other, &[], None).expect("readable");
    assert_eq!(
        checked.findings,
        [format!("the checkpoint, by camp.example/log: {}", NoteFault::Unsigned)]
    );
    let (witness, _) = desk.witness();
    let checked = check(&desk.folder(), &desk.log, &[witness], None).expect("readable");
    assert_eq!(checked.witnesses, [("camp.example/w".to_owned(), Err(NoteFault::Unsigned))]);
    assert!(!checked.is_good(), "a witness that was asked for");
}

#[test]
fn keys_says_whose_log_it_is() {
    let desk = Desk::new();
    desk.publish(&leaves(3)).expect("it is written");
    let owned = Owned::read(&desk.folder()).expect("it is there");
    assert!(owned.said_by(FEDERATION, &key(2).public()));
    assert!(!owned.said_by(FEDERATION, &key(1).public()), "by another key");
    assert!(!owned.said_by(FederationId(Hash([6; 32])), &key(2).public()), "elsewhere");
    let path = desk.folder().keys_path();
    let text = fs::read_to_string(&path).expect("a text");
    fs::write(&path, text.replace("log camp", "log lamp")).expect("written");
    assert!(matches!(Owned::read(&desk.folder()), Err(LogFault::Wrong { .. })));
}
