//! The scenarios of failure, each a test found by its number: what tests/README.md lists is here or where it says.

mod camp;
mod float;
mod forks;
mod rules;
mod tickets;

use std::collections::BTreeSet;
use std::path::Path;

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
    let mut wrong = Vec::new();
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
            if !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("{number}: {file} has no test {name}"));
            }
        }
    }
    let differ: Vec<_> = numbers().symmetric_difference(&listed).cloned().collect();
    assert!(
        differ.is_empty(),
        "rows without a number expected, or numbers without a row: {differ:?}"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
