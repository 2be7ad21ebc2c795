//! What pages tell people to type: every command of them is one, and those of the field guide are run from top to bottom.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::camp::Camp;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).expect("a page of the tree")
}

/// Every page somebody may type from.
fn pages() -> Vec<String> {
    let spec = std::fs::read_dir(root().join("spec")).expect("the pages");
    let names =
        spec.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut all: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("spec/{name}")).collect();
    all.extend(["README.md", "SECURITY.md"].map(str::to_owned));
    all.sort();
    all
}

/// What stands between fences, with what is said behind the first of them, and the lines outside of them.
fn parts(text: &str) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let (mut fenced, mut outside, mut open) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(said), false) => fenced.push((said.to_owned(), Vec::new())),
            (None, true) => {
                fenced.last_mut().expect("one is open").1.push(line.to_owned());
            }
            (None, false) => outside.push(line.to_owned()),
            (Some(_), true) => {}
        }
        open ^= line.starts_with("```");
    }
    assert!(!open, "a fence that is never closed");
    (fenced, outside)
}

/// A line as it is typed: without what is said of it behind several spaces or a number sign, and where its answer goes.
fn typed(line: &str) -> &str {
    let line = line.trim().trim_start_matches("$ ");
    let ends = ["   ", " # ", "  # ", " > ", " < "].iter().filter_map(|end| line.find(end));
    &line[..ends.min().unwrap_or(line.len())]
}

#[test]
fn every_command_of_the_pages_is_one() {
    let camp = Camp::empty();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for name in pages() {
        let (fenced, outside) = parts(&page(&name));
        let fenced = fenced.iter().flat_map(|(_, lines)| lines).map(|line| typed(line));
        let fenced = fenced.filter(|line| line.starts_with("annona ")).map(str::to_owned);
        // Names of commands within a sentence; what is no command names bytes or a purpose in the same way.
        let inline = outside.iter().flat_map(|line| line.split('`').skip(1).step_by(2));
        let bytes = |words: &str| words.starts_with("annona 2026 ") || words == "annona bundle v";
        let inline = inline.filter(|words| words.starts_with("annona ") && !bytes(words));
        for words in fenced.chain(inline.map(str::to_owned)) {
            // Asked for help, the program reads the rest of the line first.
            let words = words.trim_start_matches("annona ").replace('…', "x");
            let answer = camp.bare(&format!("{words} --help"));
            tried += 1;
            if answer.code != Some(0) {
                wrong.push(format!("{name}: annona {words}\n{}", answer.err));
            }
        }
    }
    assert!(tried > 60, "{tried} commands found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever begins with nothing but a file comes to the first hand-out by typing what stands there.
#[test]
#[cfg(unix)]
fn the_field_guide_goes_from_a_file_to_a_hand_out() {
    let camp = Camp::empty();
    let given = |words: &str| {
        let mut all = "--no-input --yes --heads heads --passphrase-file pass.txt".to_owned();
        for (option, file) in [
            ("--operator ", " --operator-passphrase-file pass.txt"),
            ("key new ", " --passphrase-cost light"),
            ("operator new ", " --passphrase-cost light"),
            ("init ", " --passphrase-cost light"),
        ] {
            if words.contains(option) {
                all.push_str(file);
            }
        }
        all
    };
    let (mut list, mut code, mut treasury) = (String::new(), String::new(), String::new());
    let mut lake = String::new();
    let (mut out, mut lines) = (String::new(), 0);
    let (fenced, _) = parts(&page("spec/field.md"));
    for (said, block) in fenced {
        if let Some((_, file)) = said.split_once(' ') {
            camp.write(file, format!("{}\n", block.join("\n")).replace("TREASURY", &treasury));
            continue;
        }
        for line in block {
            let line = line.replace("LIST", &list).replace("CODE", &code).replace("OLD", &lake);
            let words = line.split(" # ").next().unwrap_or_default();
            // In a shell, as it will be; what a person is asked for on the way is given beside it.
            let given = if words.starts_with("annona ") { given(words) } else { String::new() };
            let words = words.replacen("annona ", "\"$ANNONA\" ", 1);
            let words = match words.split_once(" > ") {
                Some((typed, file)) => format!("{typed} {given} > {file}"),
                None => format!("{words} {given}"),
            };
            let shell = Command::new("sh")
                .args(["-c", &words])
                .current_dir(camp.path())
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", camp.path())
                .env("ANNONA", env!("CARGO_BIN_EXE_annona"))
                .output()
                .expect("a shell");
            out = String::from_utf8_lossy(&shell.stdout).into_owned();
            let err = String::from_utf8_lossy(&shell.stderr);
            assert!(shell.status.success(), "{line}\n{out}{err}");
            let word = |before: &str| {
                let rest = out.split_once(before).map(|(_, rest)| rest).unwrap_or_default();
                rest.split_whitespace().next().unwrap_or_default().to_owned()
            };
            if line.starts_with("annona status") {
                treasury = camp.bare("status --dir treasury --json").fine().field(0, "node");
                assert!(out.contains(&treasury), "{out}");
            } else if line.starts_with("annona node reincarnate") {
                lake = camp.bare("status --dir lake --json").fine().field(0, "node");
                assert!(format!("{out}{err}").contains(&lake), "{out}{err}");
            } else if line.starts_with("annona entitle import") {
                list = word("List ");
            } else if line.starts_with("annona card issue") {
                code = out
                    .split_whitespace()
                    .find(|w| w.matches('-').count() == 2)
                    .unwrap_or_default()
                    .into();
            }
            lines += 1;
            if line.starts_with("annona pay list") {
                assert!(out.contains("10.000 kg"), "{out}");
            }
        }
    }
    assert!(lines > 40, "{lines} lines were run: {out}");
}
