//! The shape of everything that is written for others, or kept: what `ledger/` writes is walked there
//! (`ledger/src/shape.rs`), what the node and the program write themselves stands in `spec/shape-node.snap` as its types
//! say it. Both must name every type that can be written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tidy::{files, read};

/// Types that become JSON for people and their programs, whose fields are versioned by name (`--json`): neither read back
/// nor signed.
const ANSWERS: [&str; 2] = ["node/src/audit/", "node/src/import/"];

/// A type that can be written, as it stands in its file.
struct Written {
    name: String,
    /// What serde is told of it, then the definition, without comments and what else is not its shape.
    shape: String,
}

/// The types of a file that derive `Serialize`, and with it how they are written.
fn written(file: &str) -> Vec<Written> {
    let text = read(file);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[derive(") {
            continue;
        }
        let mut attributes = vec![line.to_owned()];
        // Attributes may go on over several lines; the first line that is none begins the definition.
        let first = loop {
            let last = attributes.last_mut().expect("the first");
            match lines.next() {
                None => break "",
                Some(line) if !last.ends_with(']') => last.push_str(line),
                Some(line) if line.starts_with("#[") => attributes.push(line.to_owned()),
                Some(line) => break line,
            }
        };
        if !attributes[0].contains("Serialize") {
            continue;
        }
        let definition = definition(first, &mut lines);
        let name = definition.split([' ', '(', '<', '{', ';']).nth(1).unwrap_or_default();
        let told = attributes.iter().filter(|line| line.starts_with("#[serde("));
        let told: String = told.map(|line| format!("{line}\n")).collect();
        found.push(Written { name: name.to_owned(), shape: format!("{told}{definition}") });
    }
    found
}

/// A definition from its first line to its end, each field or variant on a line of its own.
fn definition<'a>(first: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut whole = String::new();
    let mut line = first;
    loop {
        if !line.is_empty() {
            let told = line.starts_with("#[serde(") || !line.starts_with("#[");
            if told {
                let open = whole.matches(['{', '(']).count();
                let closed = whole.matches(['}', ')']).count() + usize::from(line.starts_with('}'));
                whole.push_str(&"  ".repeat(open.saturating_sub(closed)));
                whole.push_str(&visible(line));
                whole.push('\n');
            }
        }
        let depth = |open: char, close: char| {
            whole.matches(open).count().saturating_sub(whole.matches(close).count())
        };
        if depth('{', '}') + depth('(', ')') == 0
            && (line.ends_with(';') || line.ends_with('}') || line.ends_with("},"))
        {
            return whole.trim_end().to_owned();
        }
        match lines.next() {
            Some(next) => line = next,
            None => return whole,
        }
    }
}

/// A line without who may see it.
fn visible(line: &str) -> String {
    let mut line = line.to_owned();
    for word in ["pub(crate) ", "pub(super) ", "pub "] {
        line = line.replace(word, "");
    }
    line.trim_end().to_owned()
}

fn shipped(folder: &str) -> impl Iterator<Item = String> {
    let test = |file: &String| {
        ["/tests", "/vectors", "/samples", "/shape"].iter().any(|part| file.contains(part))
    };
    files(&[folder], &[".rs"]).into_iter().filter(move |file| !test(file))
}

#[test]
fn what_a_node_writes_has_the_shape_that_was_agreed() {
    let mut page = String::new();
    for file in shipped("node/src").chain(shipped("wallet-cli/src")) {
        if ANSWERS.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        for Written { shape, .. } in written(&file) {
            write!(page, "## {file}\n{shape}\n\n").expect("a string takes everything");
        }
    }
    assert!(page.matches("## ").count() > 30, "{page}");
    for word in ["HashMap", "f32", "f64", "usize", "isize", "char"] {
        let holds = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|w| w == word);
        assert!(!page.lines().any(holds), "{word} has no one spelling:\n{page}");
    }
    // To change what is written on purpose: `UPDATE_EXPECT=1 cargo test -p annona-tests shapes`, and say why in the change.
    expect_test::expect_file!["../../spec/shape-node.snap"].assert_eq(&page);
}

/// Nothing gets on the wire beside the two pages.
#[test]
fn every_type_that_is_written_stands_in_a_page() {
    let page = read("spec/shape.snap");
    // The variant of a type may have the name of another type: it is not that one.
    let words: Vec<&str> = page
        .split(|c: char| !c.is_alphanumeric() && c != ':')
        .filter_map(|word| word.split(':').next())
        .collect();
    // What is never written by itself, or only as JSON.
    let elsewhere = [
        ("$name", "numbers and names made by one macro, each in the page under its own"),
        ("Access", "has no variant: the lane is reserved"),
        ("Balance", "a sum in tables that are derived"),
        ("Charge", "of an audit's verdict, as JSON"),
        ("Evidence", "the pieces of its frame, in the page as Frame::Evidence"),
        ("Missing", "of an audit's verdict, as JSON"),
        ("Options", "what an audit is asked, from one process to its own children"),
        ("Told", "in the page as Working::Told"),
    ];
    let mut missing = BTreeMap::new();
    for file in shipped("ledger/src") {
        for Written { name, .. } in written(&file) {
            let known = elsewhere.iter().any(|(other, why)| *other == name && !why.is_empty());
            if !known && !words.contains(&name.as_str()) {
                missing.insert(name, file.clone());
            }
        }
    }
    assert!(missing.is_empty(), "not in spec/shape.snap: {missing:#?}");
    // Whoever writes a type by hand says so: lists and runs of bytes with a limit, and findings for people.
    let by_hand: Vec<String> = ["ledger/src", "node/src", "wallet-cli/src"]
        .into_iter()
        .flat_map(shipped)
        .flat_map(|file| {
            let text = read(&file);
            let count =
                text.lines().filter(|l| l.starts_with("impl") && l.contains(" Serialize for "));
            count.map(|line| format!("{file}: {line}")).collect::<Vec<_>>()
        })
        .collect();
    let known = [
        "ledger/src/wire.rs: impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {",
        "ledger/src/wire.rs: impl<const MAX: usize> Serialize for Bytes<MAX> {",
        "node/src/import/check.rs: impl Serialize for Finding {",
    ];
    assert_eq!(by_hand, known);
}
