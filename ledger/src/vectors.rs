//! `spec/vectors/<area>/<what is wrong>.txt`: one defect a file, named by the defect (spec/vectors/README.md).
//!
//! Two tests: what is made here is what is kept there, and what is kept there is answered as it says. The second knows
//! nothing of the first: it reads the files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

mod kinds;
mod links;
mod pages;
mod people;
mod proofs;
mod read;
mod rules;
mod settle;
mod single;
mod stops;

/// One file: what it is for, what the answer to it is, and what the reader is given.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Vector {
    kind: String,
    answer: String,
    given: Vec<(String, Vec<u8>)>,
}

/// Bytes of hexadecimal on one line.
const LINE_BYTES: usize = 48;

impl Vector {
    fn new(kind: &str, answer: &str, given: Vec<(&str, Vec<u8>)>) -> Self {
        let given = given.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        Self { kind: kind.to_owned(), answer: answer.to_owned(), given }
    }

    fn print(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut text = format!("kind: {}\nanswer: {}\n", self.kind, self.answer);
        for (name, bytes) in &self.given {
            let lines: Vec<String> = bytes.chunks(LINE_BYTES).map(hex).collect();
            text.push_str(&format!("{name}:"));
            match &lines[..] {
                [] => text.push('\n'),
                [one] => text.push_str(&format!(" {one}\n")),
                many => many.iter().for_each(|line| text.push_str(&format!("\n  {line}"))),
            }
            if lines.len() > 1 {
                text.push('\n');
            }
        }
        text
    }

    /// Reads a file by the page alone: `None` where it is not written as the page says.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let kind = lines.next()?.strip_prefix("kind: ")?.to_owned();
        let answer = lines.next()?.strip_prefix("answer: ")?.to_owned();
        let mut given: Vec<(String, Vec<u8>)> = Vec::new();
        for line in lines {
            if let Some(more) = line.strip_prefix("  ") {
                given.last_mut()?.1.extend(unhex(more)?);
            } else {
                let (name, bytes) = line.split_once(':')?;
                given.push((name.to_owned(), unhex(bytes.trim_start())?));
            }
        }
        Some(Self { kind, answer, given })
    }

    /// Everything given under a name, in order.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.given.iter().filter(move |(n, _)| n == name).map(|(_, bytes)| &bytes[..])
    }

    /// The one thing given under a name.
    fn one<'a>(&'a self, name: &'a str) -> &'a [u8] {
        let mut all = self.all(name);
        let one = all.next().unwrap_or_else(|| panic!("{} needs {name}", self.kind));
        assert!(all.next().is_none(), "{} needs one {name}", self.kind);
        one
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Files by name, without their ending.
type Made = Vec<(&'static str, Vector)>;

fn made() -> Made {
    let areas =
        [single::all(), kinds::all(), rules::all(), stops::all(), proofs::all(), pages::all()];
    let areas = areas.into_iter().chain([links::all(), people::all(), settle::all()]);
    areas.into_iter().flatten().collect()
}

fn root() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors").into()
}

/// The areas of this crate. Others stand beside them, written and read where their bytes are made.
const AREAS: [&str; 31] = [
    "article_fork",
    "block",
    "broken_promise",
    "charter",
    "checkpoint",
    "chunk",
    "clone",
    "code",
    "consent",
    "cosignature",
    "cut",
    "draft",
    "encoding",
    "entry",
    "fork",
    "frame",
    "grant",
    "heal",
    "insolvency",
    "kind",
    "list",
    "list_fork",
    "merkle",
    "notice",
    "promise",
    "receipt",
    "signature",
    "state",
    "statement",
    "ticket",
    "working",
];

/// Areas of the same table whose bytes are made and read in another crate.
const ELSEWHERE: [&str; 2] = ["card", "status_list"];

/// Every file of this crate's areas, as `area/name`, with its text.
fn kept() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for area in AREAS {
        for file in fs::read_dir(root().join(area)).expect("an area") {
            let path = file.expect("a file").path();
            let name = path.strip_prefix(root()).expect("below the root").with_extension("");
            let text = fs::read_to_string(&path).expect("text");
            files.insert(name.to_str().expect("a plain name").replace('\\', "/"), text);
        }
    }
    files
}

#[test]
fn every_vector_is_made_as_it_is_kept() {
    let made = made();
    for (name, vector) in &made {
        // To make them anew: `UPDATE_EXPECT=1 cargo test -p annona-ledger vectors::every_vector_is_made`.
        let path = root().join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(path.parent().expect("an area")).expect("a folder to write to");
        }
        expect_test::ExpectFile { path, position: file!() }.assert_eq(&vector.print());
    }
    let names: BTreeSet<String> = made.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), made.len(), "no name is used twice");
    assert_eq!(names, kept().into_keys().collect(), "nothing is kept that is not made");
}

#[test]
fn every_vector_kept_is_answered_as_it_says() {
    let mut count: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut shown, mut wrong) = (BTreeSet::new(), Vec::new());
    for (name, text) in kept() {
        let vector =
            Vector::parse(&text).unwrap_or_else(|| panic!("{name} is not as the page says"));
        assert_eq!(vector.print(), text, "{name} has one spelling");
        let answer = read::answer(&vector);
        if answer != vector.answer {
            wrong.push(format!("{name} is answered {answer}"));
        }
        let (area, _) = name.split_once('/').expect("an area");
        let (good, bad) = count.entry(area.to_owned()).or_default();
        *if read::is_good(&vector.answer) { good } else { bad } += 1;
        assert!(shown.insert((vector.kind, vector.given)), "{name} shows what another file shows");
    }
    assert_eq!(wrong, [""; 0]);
    for (area, (good, bad)) in &count {
        assert!(*good > 0 && *bad >= 4 * good, "{area}: {good} good, {bad} not");
    }
    let page = include_str!("../../spec/vectors/README.md");
    let told: Vec<&str> =
        page.lines().filter_map(|l| l.strip_prefix("| `")?.split_once("/`")).map(|t| t.0).collect();
    let told: Vec<&str> = told.into_iter().filter(|area| !ELSEWHERE.contains(area)).collect();
    assert_eq!(AREAS[..], told, "the page tells of each area, in order");
}
