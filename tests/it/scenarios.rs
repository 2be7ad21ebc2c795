//! The scenarios of failure, each a test found by its number: what tests/README.md lists is here or where it says.

mod camp;
mod float;
mod forks;
mod rules;
mod tickets;

use std::collections::BTreeSet;
use std::path::Path;

use crate::tidy::{files, read};

/// Numbers without a row yet. One that gets its row leaves this list.
const WITHOUT: [u8; 0] = [];

/// The numbers the table must have, and no others.
fn numbers() -> BTreeSet<String> {
    (1..=48).filter(|n| !WITHOUT.contains(n)).map(|n| format!("S{n:02}")).collect()
}

/// Each row of the table names a number, what it is about, and at least one test as `path::name`.
#[test]
fn every_scenario_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = include_str!("../README.md");
    let mut listed = BTreeSet::new();
    let (mut wrong, mut named_there) = (Vec::new(), BTreeSet::new());
    for line in page.lines().filter(|line| line.starts_with("| S")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, tests] = cells[..] else { panic!("{line}: three columns") };
        listed.insert(number.to_owned());
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            wrong.push(format!("{number}: no test is named"));
        }
        for test in named {
            let (file, name) = test.split_once("::").expect("path::name");
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            match attributes(&text, name) {
                None => wrong.push(format!("{number}: {file} has no {name}")),
                Some(said) if !said.contains(&"#[test]") => {
                    wrong.push(format!("{number}: {file}::{name} is no test"));
                }
                Some(said) if said.iter().any(|line| line.starts_with("#[ignore")) => {
                    wrong.push(format!("{number}: {file}::{name} is not run"));
                }
                Some(_) => {}
            }
            named_there.insert(test.to_owned());
        }
    }
    let differ: Vec<_> = numbers().symmetric_difference(&listed).cloned().collect();
    assert!(
        differ.is_empty(),
        "rows without a number expected, or numbers without a row: {differ:?}"
    );
    for file in files(&["ledger", "node", "wallet-cli", "tests"], &[".rs"]) {
        let text = read(&file);
        for name in text.lines().filter_map(numbered) {
            if !named_there.contains(&format!("{file}::{name}")) {
                wrong.push(format!("{file}::{name} stands in no row"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The attributes of a function, where a text has it.
fn attributes<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = format!("fn {name}(");
    let at = lines
        .iter()
        .position(|line| line.trim_start_matches("pub(crate) ").starts_with(&begins))?;
    let above =
        lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
    Some(above.copied().collect())
}

/// The name of a function that begins with the number of a scenario.
fn numbered(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix("fn ")?.split('(').next()?;
    let digits = name.strip_prefix('s')?.split_once('_')?.0;
    (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}
