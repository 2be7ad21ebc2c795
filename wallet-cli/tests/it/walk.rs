//! The examples of the help once more, where things go wrong: clocks that are decades away, and a process that is killed
//! half way. Every command is met, the new ones too.
//!
//! All of them take minutes, so a run takes one of [`PARTS`]: `ANNONA_PART` names it by its number, 0 where it is not set.
//! `.ci/run` takes the others. A failure names its part.

use std::fs::File;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::camp::{Camp, split};
use crate::dry_run::{command_of, prints};
use crate::help::{prepared, runnable};

/// How many parts the examples are taken in.
const PARTS: usize = 8;
/// A dead battery, and 2099-01-01.
const CLOCKS: [u64; 2] = [0, 4_070_908_800_000];

/// The examples of one part, each in a camp where it holds; says what was wrong, and how many there were.
fn walk(takes: impl Fn(&str) -> bool, tries: impl Fn(&Camp, &str) -> Result<(), String>) {
    let part = std::env::var("ANNONA_PART").ok().and_then(|part| part.parse().ok()).unwrap_or(0);
    let all: Vec<&String> = runnable().iter().filter(|example| takes(example)).collect();
    assert!(all.len() > 100, "{} examples", all.len());
    let mine = all.into_iter().enumerate().filter(|(n, _)| n % PARTS == part % PARTS);
    let wrong: Vec<String> = mine
        .filter_map(|(_, example)| {
            let (camp, words) = prepared(example);
            tries(&camp, &words).err().map(|why| format!("annona {words}\n  {why}"))
        })
        .collect();
    assert!(wrong.is_empty(), "ANNONA_PART={part}, {}:\n{}", wrong.len(), wrong.join("\n"));
}

/// An example, ready to run. What it reads from standard input comes from there.
fn command(camp: &Camp, words: &str) -> Command {
    let (words, from) = words.split_once(" < ").map_or((words, None), |(w, f)| (w, Some(f)));
    let given = if words.contains("--passphrase-f") { "" } else { " --passphrase-file pass.txt" };
    let mut command = camp.command(split(&format!("{words}{given}")));
    if let Some(from) = from {
        command.stdin(File::open(camp.file(from)).expect("opens"));
    }
    command
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?} {}{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_example_at_1970_and_2099_is_done_or_names_the_clock() {
    let takes = |example: &str| !example.starts_with("demo") && !example.contains("--help");
    walk(takes, |made, words| {
        for now in CLOCKS {
            let camp = made.copied();
            let output = command(&camp, words).env("ANNONA_NOW", now.to_string()).output();
            let output = output.expect("the program runs");
            let said = said(&output);
            let named = ["clock", "1970", "2099", "founded", "not yet valid", "Expired"];
            let named = named.iter().any(|word| said.contains(word));
            let broke = said.contains("panicked") || output.status.code() == Some(70);
            if !(output.status.success() || named) || broke {
                return Err(format!("at {now}: {said}"));
            }
        }
        Ok(())
    });
}

/// What opens the folder, or who lives in it, is another after these: they are killed in `killed`.
const ANOTHER: [&str; 3] = ["key passwd", "key shares open", "node reincarnate"];

/// What a command says that was done before it was killed: not one of these is said of anything half done.
const DONE: [&str; 2] = ["exists already", "is there already"];

#[test]
fn every_example_that_is_killed_half_way_is_done_by_the_next_or_was_done() {
    let takes = |example: &str| {
        let prints = prints(&command_of(example)) && !example.contains("--rebuild");
        !prints
            && !["demo", "run "].iter().chain(&ANOTHER).any(|word| example.starts_with(word))
            && !["--help", "--dry-run"].iter().any(|word| example.contains(word))
    };
    walk(takes, |made, words| {
        let whole = made.copied();
        let began = Instant::now();
        let output = command(&whole, words).output().expect("the program runs");
        let mut after = began.elapsed() / 2;
        if !output.status.success() {
            return Err(said(&output));
        }
        let camp = loop {
            let camp = made.copied();
            let mut killed = command(&camp, words);
            killed.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = killed.spawn().expect("starts");
            std::thread::sleep(after);
            child.kill().expect("killed");
            if child.wait().expect("ended").code().is_none() {
                break camp;
            }
            // It came too late: sooner.
            after = if after.as_millis() > 1 { after / 2 } else { Duration::ZERO };
        };
        let again = command(&camp, words).output().expect("the program runs");
        let told = said(&again);
        // Killed after its last word was durable, it ends as one does that was done and is said twice.
        let twice = || command(&whole, words).output().expect("the program runs").status.code();
        let done =
            || DONE.iter().any(|words| told.contains(words)) || again.status.code() == twice();
        if !again.status.success() && !done() {
            return Err(format!("again: {told}"));
        }
        for dir in ["treasury", "lake", "hill"] {
            let health = camp.run(&format!("doctor --full --rebuild --dir {dir}"));
            if health.code != Some(0) {
                return Err(format!("{dir}: {}{}", health.out, health.err));
            }
        }
        Ok(())
    });
}
