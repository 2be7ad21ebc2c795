//! Whole imports: a file, a map, what comes out, and the second time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use annona_ledger::hash::Hash;
use annona_ledger::id::FederationId;

use super::*;
use crate::person::{Field, Household, HouseholdError, Value};

mod bad_rows;
mod desk;
mod maps;
mod real;
mod two_files;
mod two_sheets;

const FEDERATION: FederationId = FederationId(Hash([1; 32]));

/// A person file in a map, for looking at what it was given. `fail_after` breaks it in the middle, as a kill does.
#[derive(Default)]
struct Book {
    kept: BTreeMap<(String, String), (Household, Hash)>,
    open: Vec<(String, Household, Hash)>,
    commits: u32,
    fail_after: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
#[error("broken on purpose")]
struct Broken;

impl KnownHouseholds for Book {
    type Id = (String, String);
    type Error = Broken;
    fn digest(&self, household: &Household) -> Result<Hash, HouseholdError> {
        household.digest(&[7; 32])
    }
    fn find(&self, source: &str, key: &str) -> Result<Option<Known<Self::Id>>, Broken> {
        let id = (source.to_owned(), key.to_owned());
        Ok(self.kept.get(&id).map(|(_, digest)| Known { id: id.clone(), digest: Some(*digest) }))
    }
    fn was_erased(&self, _: &str, _: &str) -> Result<bool, Broken> {
        Ok(false)
    }
    fn registers(&self) -> Result<BTreeSet<String>, Broken> {
        Ok(self.kept.keys().map(|(source, _)| source.clone()).collect())
    }
    fn open(&self, id: &Self::Id) -> Result<Option<Household>, Broken> {
        Ok(self.kept.get(id).map(|(h, _)| h.clone()))
    }
    fn undoes(&self, _: &Self::Id, _: &Household) -> Result<Vec<&'static str>, Broken> {
        Ok(Vec::new())
    }
}

impl Register for Book {
    fn add(&mut self, source: &str, household: &Household, digest: Hash) -> Result<(), Broken> {
        self.open.push((source.to_owned(), household.clone(), digest));
        Ok(())
    }
    fn replace(
        &mut self,
        id: &Self::Id,
        household: &Household,
        digest: Hash,
    ) -> Result<(), Broken> {
        self.open.push((id.0.clone(), household.clone(), digest));
        Ok(())
    }
    fn commit(&mut self, _: &str) -> Result<(), Broken> {
        if self.fail_after.is_some_and(|n| self.commits >= n) {
            return Err(Broken);
        }
        self.commits += 1;
        for (source, household, digest) in self.open.drain(..) {
            self.kept.insert((source, household.key.clone()), (household, digest));
        }
        Ok(())
    }
}

/// Runs `work` with a watch that looks at nothing.
fn watched<T>(work: impl FnOnce(&mut Watch<'_>) -> T) -> T {
    let cancel = AtomicBool::new(false);
    work(&mut Watch { progress: &mut |_| {}, cancel: &cancel })
}

fn read(path: &Path, map: &str) -> Result<Registration, ImportError> {
    let map = Map::parse(map).expect("a map of this test");
    let source = Source::open(path, &map.csv())?;
    watched(|w| Registration::read(&source, &map, w))
}

/// Writes `text` to a file and reads it by `map`.
fn csv(text: &str, map: &str) -> Result<Registration, ImportError> {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("file.csv");
    std::fs::write(&path, text).expect("write");
    read(&path, map)
}

fn households(registration: &Registration) -> Vec<Household> {
    let mut all = Vec::new();
    registration
        .each(|_, h| {
            all.push(h.clone());
            Ok(())
        })
        .expect("staged rows come back");
    all
}

/// Findings as the person at the counter reads them, without notes about columns that are only not mapped.
fn said(registration: &Registration) -> Vec<String> {
    let findings = registration.report().findings.list.iter();
    findings.filter(|f| f.code != Code::UnmappedColumn).map(short).collect()
}

fn short(f: &Finding) -> String {
    let row = f.row.map(|r| r.to_string()).unwrap_or_default();
    let column = f.column.as_ref().map(|c| c.letters.clone()).unwrap_or_default();
    let sheet = if f.sheet.is_empty() { String::new() } else { format!("{}!", f.sheet) };
    format!("{sheet}{column}{row} {}", f.code.name())
}

/// The folder of outside files, where there is one.
/// A registration file of others (`ANNONA_SAMPLES`, tests/README.md); `None`, said aloud, where it is not here.
fn sample(file: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples"));
    let samples = std::env::var_os("ANNONA_SAMPLES").map_or_else(beside, PathBuf::from);
    let path = samples.join("registrations").join(file);
    if !path.exists() {
        println!("skipped, because {} is not there", path.display());
        return None;
    }
    Some(path)
}

const ONE: &str =
    "source = \"s\"\nkey = [\"id\"]\n[household.columns]\nname = \"full_name\"\nsize = \"size\"\n";

#[test]
fn the_second_time_changes_nothing_and_a_change_waits_for_update() {
    let first = csv("id,name,size\n1,Amina,4\n2,Bo,2\n3,Chen,9\n", ONE).expect("read");
    let mut book = Book::default();
    let plan = watched(|w| first.plan(&book, w)).expect("plan");
    assert_eq!((plan.new, plan.unchanged, plan.changed), (3, 0, 0));
    let applied = watched(|w| first.apply(&mut book, Apply::default(), w)).expect("apply");
    assert_eq!(applied, Applied { added: 3, ..Applied::default() });
    let again = watched(|w| first.apply(&mut book, Apply::default(), w)).expect("apply");
    assert_eq!(again, Applied { unchanged: 3, ..Applied::default() });
    assert_eq!(book.commits, 1, "nothing to write, nothing committed");

    let second = csv("id,name,size\n3,Chen,9\n2,Bo,3\n4,Dara,1\n", ONE).expect("read");
    let plan = watched(|w| second.plan(&book, w)).expect("plan");
    assert_eq!((plan.new, plan.unchanged, plan.changed), (1, 1, 1));
    assert_eq!(
        plan.changes,
        [plan::Change { row: 3, fields: vec!["size"], unread: vec![], told: vec![] }]
    );
    let json = serde_json::to_string(&plan).expect("json");
    assert!(!json.contains("Chen") && !json.contains("Dara"), "{json}");
    let left = watched(|w| second.apply(&mut book, Apply::default(), w)).expect("apply");
    assert_eq!(left, Applied { added: 1, unchanged: 1, left: 1, ..Applied::default() });
    let update = Apply { update: true, ..Apply::default() };
    let done = watched(|w| second.apply(&mut book, update, w)).expect("apply");
    assert_eq!(done, Applied { replaced: 1, unchanged: 2, ..Applied::default() });
    let plan = watched(|w| second.plan(&book, w)).expect("plan");
    assert_eq!((plan.new, plan.unchanged, plan.changed), (0, 3, 0));
    assert_eq!(book.kept.len(), 4, "a household absent from the second file stays");
}

/// A list under another name is most likely the same list.
#[test]
fn keys_that_are_here_under_another_register_are_noticed() {
    let first = csv("id,name,size\n1,Amina,4\n2,Bo,2\n3,Chen,9\n", ONE).expect("read");
    let mut book = Book::default();
    watched(|w| first.apply(&mut book, Apply::default(), w)).expect("apply");
    let elsewhere = |text: &str, source: &str| {
        let map = ONE.replace("source = \"s\"", &format!("source = \"{source}\""));
        let read = csv(text, &map).expect("read");
        watched(|w| read.plan(&book, w)).expect("plan").elsewhere.map(|e| (e.source, e.keys))
    };
    let rows = [
        ("id,name,size\n1,Amina,4\n2,Bo,2\n", "s-june", Some(("s".to_owned(), 2))),
        ("id,name,size\n1,Amina,4\n2,Bo,2\n9,Dara,1\n", "s-june", Some(("s".to_owned(), 2))),
        // Half of them, and none: two registers that number alike, and one that does not.
        ("id,name,size\n1,Amina,4\n9,Dara,1\n", "s-june", None),
        ("id,name,size\n8,Amina,4\n9,Dara,1\n", "s-june", None),
        ("id,name,size\n", "s-june", None),
        // The same register.
        ("id,name,size\n1,Amina,4\n2,Bo,2\n", "s", None),
    ];
    for (text, source, expected) in rows {
        assert_eq!(elsewhere(text, source), expected, "{source}: {text}");
    }
}

#[test]
fn an_update_that_could_not_read_a_column_forgets_nothing() {
    let first = csv("id,name,size\n1,Amina,4\n2,Bo,\n", ONE).expect("read");
    let mut book = Book::default();
    watched(|w| first.apply(&mut book, Apply::default(), w)).expect("apply");
    let before = book.kept.clone();
    let update = Apply { update: true, ..Apply::default() };
    // The column has another name, stands there twice, or holds what is no number.
    for text in [
        "id,name,people\n1,Aminah,4\n",
        "id,name,size,size\n1,Aminah,4,4\n",
        "id,name,size\n1,Aminah,x\n",
    ] {
        let second = csv(text, ONE).expect("read");
        let plan = watched(|w| second.plan(&book, w)).expect("plan");
        assert_eq!((plan.changed, plan.held), (1, 1), "{text}");
        assert_eq!(plan.changes[0].unread, ["size"], "{text}");
        let done = watched(|w| second.apply(&mut book, update, w)).expect("apply");
        assert_eq!(done, Applied { held: 1, ..Applied::default() }, "{text}");
        assert_eq!(book.kept, before, "{text}");
    }
    // Who has no size here loses none; a cell that is blank, and a map without the column, are meant.
    let blank = "id,name,size\n1,Aminah,\n2,Bob,\n";
    let done = watched(|w| csv(blank, ONE).expect("read").apply(&mut book, update, w));
    assert_eq!(done.expect("apply"), Applied { replaced: 2, ..Applied::default() });
    watched(|w| first.apply(&mut book, update, w)).expect("apply");
    let text = "id,name,people\n1,Aminah,4\n2,Bob,4\n";
    let done = watched(|w| csv(text, ONE).expect("read").apply(&mut book, update, w));
    assert_eq!(done.expect("apply"), Applied { replaced: 1, held: 1, ..Applied::default() });
    let less = ONE.replace("size = \"size\"\n", "");
    let done = watched(|w| csv(text, &less).expect("read").apply(&mut book, update, w));
    assert_eq!(done.expect("apply"), Applied { replaced: 1, unchanged: 1, ..Applied::default() });
}

#[test]
fn after_a_kill_the_same_command_goes_on() {
    let mut text = "id,name,size\n".to_owned();
    (0..95).for_each(|i| text.push_str(&format!("{i},Name{i},{}\n", i % 9)));
    let registration = csv(&text, ONE).expect("read");
    let mut book = Book { fail_after: Some(3), ..Book::default() };
    let how = Apply { batch: 10, ..Apply::default() };
    let fault =
        watched(|w| registration.apply(&mut book, how, w)).expect_err("breaks in the fourth batch");
    assert!(matches!(fault, ImportError::Register(_)), "{fault}");
    assert_eq!(book.kept.len(), 30, "three whole batches are durable");
    book.open.clear();
    book.fail_after = None;
    let applied = watched(|w| registration.apply(&mut book, how, w)).expect("apply");
    assert_eq!((applied.added, applied.unchanged, book.kept.len()), (65, 30, 95));
}

#[test]
fn stopping_is_noticed_between_rows_and_what_was_begun_is_committed() {
    let mut text = "id,name,size\n".to_owned();
    (0..5_000).for_each(|i| text.push_str(&format!("{i},Name{i},1\n")));
    let registration = csv(&text, ONE).expect("read");
    let cancel = AtomicBool::new(false);
    let mut book = Book::default();
    let mut stop = |p: Progress| cancel.store(p.rows >= 1024, Ordering::Relaxed);
    let mut watch = Watch { progress: &mut stop, cancel: &cancel };
    let fault = registration.apply(&mut book, Apply::default(), &mut watch).expect_err("stopped");
    assert!(matches!(fault, ImportError::Cancelled), "{fault}");
    assert_eq!(book.kept.len(), 1025);
    let rest = watched(|w| registration.apply(&mut book, Apply::default(), w)).expect("apply");
    assert_eq!((rest.added, rest.unchanged), (3_975, 1_025));
}
