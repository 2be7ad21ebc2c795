//! Files of a data folder that are gone, empty or damaged: named, with what to do, and the till goes on where it can.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::camp::{Answer, Camp};
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--second yusuf.keys --second-passphrase-file pass.txt";

/// What may happen to a file.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Gone,
    Empty,
    Turned(u64),
}

fn harm(path: &Path, how: Harm) {
    match how {
        Harm::Gone => fs::remove_file(path).expect("there"),
        Harm::Empty => fs::write(path, "").expect("emptied"),
        Harm::Turned(page) => {
            let mut bytes = fs::read(path).expect("there");
            let from = usize::try_from(page * 4_096).expect("small");
            let end = (from + 4_096).min(bytes.len());
            let turned = (end - from) / 3 + 1;
            bytes[from..end].rotate_left(turned);
            fs::write(path, bytes).expect("written");
        }
    }
}

/// The file outside the folder that tells what the lake has signed: the one that a block of its own changes.
fn head(camp: &Camp) -> PathBuf {
    let all = || {
        let files = fs::read_dir(camp.file("heads")).expect("heads");
        files.map(|one| one.expect("one").path()).map(|path| (fs::read(&path).expect("read"), path))
    };
    let before: Vec<_> = all().collect();
    camp.run("pay charge --family 1 --item Rice=0.001").fine();
    camp.run("audit export sealed.audit --seal").fine();
    let heads = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "heads");
    let mut changed = all().filter(|one| heads(&one.1) && !before.contains(one));
    let changed = changed.next().expect("a head file").1;
    changed.strip_prefix(camp.path()).expect("inside").to_owned()
}

/// What is wrong with an answer: a fault of the program, or one that does not name the file or says nothing to do.
fn wrong(answer: &Answer, file: &str) -> Option<&'static str> {
    let said = format!("{}{}", answer.out, answer.err);
    if !matches!(answer.code, Some(0 | 1 | 3 | 5 | 6)) || said.contains("panicked") {
        return Some("broke");
    }
    if answer.code == Some(0) {
        return None;
    }
    // A name that is an English word too counts with its folder alone.
    if !(said.contains(&format!("/{file}")) || file.contains('.') && said.contains(file)) {
        return Some("names no place");
    }
    let next = ["annona ", "Put ", "Copy ", "Make it anew", "see above"];
    (!next.iter().any(|next| said.contains(next))).then_some("says nothing to do")
}

#[test]
fn files_that_are_lost_or_damaged_are_named_and_purses_are_served() {
    let made = counter();
    made.run(&format!("key shares make {MARA} --operator yusuf.keys")).fine();
    made.run(&format!("family pin 1 --pin-file pin.txt {MARA}")).fine();
    let purse = made.run("pay charge --family 1 --item Rice=0.5 --dry-run --json").fine();
    let purse = purse.field(0, "purses");
    let purse = purse.trim_matches(['[', ']', '"']);
    let purse = format!("pay charge --purse {purse} --item Rice=0.001");
    made.run(&purse).fine();
    let head = head(&made);
    // Whether the till goes on, and whether the doctor has something to say where it is gone.
    let files = [
        ("lake/people.db".into(), true, true),
        ("lake/people.keys".into(), true, true),
        ("lake/pins.db".into(), true, true),
        ("lake/cards.annona".into(), true, true),
        ("lake/shares.annona".into(), true, false),
        ("lake/keys.annona".into(), false, true),
        ("lake/turn".into(), false, true),
        (head, false, true),
    ];
    let words = [
        "family find Noor",
        "pay charge --family 1 --item Rice=0.001",
        "pay charge --family 1 --item Rice=0.001 --method pin --pin-file pin.txt",
        &format!("card reprint 1 {MARA}"),
        &format!("family pin 1 --unlock {MARA} {YUSUF}"),
        "backup late.backup",
        "doctor --full",
    ];
    let whole = made.copied();
    for words in words {
        whole.run(words).fine();
    }
    let mut found = Vec::new();
    for (file, serves, missed) in files {
        let size = fs::metadata(made.file(file.to_str().expect("a name"))).expect("there").len();
        let pages = [0, 2].into_iter().filter(|page| page * 4_096 < size).map(Harm::Turned);
        for how in [Harm::Gone, Harm::Empty].into_iter().chain(pages) {
            let camp = made.copied();
            for log in ["lake/people.db-wal", "lake/people.db-shm"] {
                drop(fs::remove_file(camp.file(log)));
            }
            harm(&camp.file(file.to_str().expect("a name")), how);
            let mut saw = |words: &str, answer: &Answer, what: &str| {
                found.push(format!(
                    "{} {how:?}: {words} {what}: {:?} {}{}",
                    file.display(),
                    answer.code,
                    answer.out,
                    answer.err
                ));
            };
            for words in words.into_iter().chain([purse.as_str()]) {
                let answer = camp.run(words);
                let name = file.file_name().and_then(OsStr::to_str).expect("a name");
                if let Some(what) = wrong(&answer, name) {
                    saw(words, &answer, what);
                }
                if words == purse && serves && answer.code != Some(0) {
                    saw(words, &answer, "does not serve");
                }
                if words == "doctor --full" {
                    if answer.code == Some(0) && (missed || !matches!(how, Harm::Gone)) {
                        saw(words, &answer, "sees nothing");
                    }
                    // One damaged file hides no other.
                    if serves && !answer.out.contains("cards: ") {
                        saw(words, &answer, "stops before the end");
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
