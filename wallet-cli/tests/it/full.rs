//! The examples of the help once more, on a disk that is full: each is refused in words, leaves nothing half done, and is
//! done once there is room.

use std::process::Command;

use crate::camp::{Camp, split};
use crate::dry_run::{command_of, prints};
use crate::faults::{Small, filled};
use crate::help::{prepared, runnable};

/// Whose examples are tried; what else writes is tried by name in `faults` and `limits`.
const GROUPS: [&str; 10] = [
    "card ",
    "consent ",
    "erase ",
    "wallet ",
    "init ",
    "restore ",
    "settle pay ",
    "family add ",
    "family pin ",
    "key shares ",
];

/// An example, ready to run where the camp is now.
fn command(camp: &Camp, words: &str) -> Command {
    let given = if words.contains("--passphrase-f") { "" } else { " --passphrase-file pass.txt" };
    camp.command(split(&format!("{words}{given}")))
}

/// How a command ended, and what it said.
fn ran(camp: &Camp, words: &str) -> (Option<i32>, String) {
    let output = command(camp, words).output().expect("the program runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code();
    (code, format!("{code:?} {}{}", text(&output.stdout), text(&output.stderr)))
}

/// Tries one example; says what is wrong, and otherwise whether the disk was too full for it.
fn tried(disk: &Small, made: &Camp, words: &str) -> Result<bool, String> {
    disk.grow(64);
    let camp = made.copied_in(&disk.0);
    let ballast = filled(&disk.0);
    let (code, full) = ran(&camp, words);
    let left: Vec<String> = ["", "lake", "hill", "treasury"]
        .iter()
        .flat_map(|folder| crate::killed::leftovers(&camp.file(folder)))
        .collect();
    std::fs::remove_file(ballast).expect("room again");
    // As much as the doctor wants to see.
    disk.grow(2_048);
    if !left.is_empty() {
        return Err(format!("left {left:?}: {full}"));
    }
    let refused = code != Some(0);
    if refused && (!full.contains("the disk is full") || code == Some(70)) {
        return Err(format!("does not say that the disk is full: {full}"));
    }
    let (code, again) = ran(&camp, words);
    if refused && code != Some(0) {
        return Err(format!("is not done once there is room: {again}\nand was refused: {full}"));
    }
    let other =
        ["treasury", "hill"].into_iter().filter(|dir| words.contains(&format!("--dir {dir}")));
    for dir in other.chain(["lake"]) {
        // What opens the folder may be another by now.
        let opens = if words.contains("--new-passphrase-file") && !words.starts_with("wallet") {
            "new-passphrase.txt"
        } else {
            "pass.txt"
        };
        let doctor = format!("doctor --full --dir {dir} --passphrase-file {opens}");
        let (code, health) = ran(&camp, &doctor);
        if code != Some(0) {
            return Err(format!("{dir}: {health}"));
        }
    }
    Ok(refused)
}

#[cfg(target_os = "linux")]
#[test]
fn examples_on_a_disk_that_is_full_are_refused_and_done_once_there_is_room() {
    let place = tempfile::tempdir().expect("a folder");
    let Some(disk) = Small::mount(&place.path().join("small"), 64) else { return };
    let takes = |example: &&String| {
        GROUPS.iter().any(|group| example.starts_with(group))
            && !prints(&command_of(example))
            && !["--help", "--dry-run", "--json"].iter().any(|word| example.contains(word))
    };
    let (mut wrong, mut refused, mut all) = (Vec::new(), 0, 0);
    for example in runnable().iter().filter(takes) {
        let (made, words) = prepared(example);
        all += 1;
        match tried(&disk, &made, &words) {
            Ok(full) => refused += usize::from(full),
            Err(why) => wrong.push(format!("annona {words}\n  {why}")),
        }
    }
    drop(disk);
    assert!(wrong.is_empty(), "{} of {all}:\n{}", wrong.len(), wrong.join("\n"));
    println!("{refused} of {all} were refused");
    assert!(refused > 20, "{refused} of {all} were refused");
}
