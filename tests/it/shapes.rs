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

/// Where what a node or a wallet writes has text or bytes of free length: nothing else does, and a face has no place there.
#[test]
fn what_a_node_writes_has_no_room_for_a_face() {
    const ROOM: [(&str, &str, &str); 26] = [
        ("Line", "language: Option<String>", "a tag of a language: a card is printed in it"),
        ("Row", "drawn: Vec<u8>", "bits: which places of a list are taken"),
        ("Row", "revoked: Vec<u8>", "bits: which places of a list count no more"),
        (
            "Carried",
            "pin: Option<Vec<u8>>",
            "a sealed PIN beside a ticket, read again by its own format",
        ),
        ("About", "programme: String", "a name of the charter"),
        ("About", "organisations: Vec<(OrgId, String)>", "names of the charter"),
        ("About", "places: Vec<(PublicKey, String)>", "names of certificates"),
        ("Person", "name: String", "in her own wallet, what she typed, at most so many letters"),
        ("Page", "programme: String", "a name of the charter"),
        (
            "Page",
            "organisations: Bounded<(OrgId, String), { annona_ledger::limits::ORGANISATIONS }>",
            "names of the charter",
        ),
        ("Page", "places: Bounded<(PublicKey, String), PLACES>", "names of certificates"),
        ("Kept", "input: String", "what is compared: a name and a date, made plain"),
        (
            "Text",
            "struct Text(String);",
            "what is registered: short, refused where it looks like a picture",
        ),
        ("Value", "Text(Text),", "the same"),
        (
            "Attributes",
            "struct Attributes(BTreeMap<Field, Value>);",
            "a closed list of fields, each of the same",
        ),
        ("Household", "key: String", "its number in a list"),
        (
            "Apart",
            "beside: Vec<u8>",
            "what cards.annona calls her cards and consents, read again by its own format",
        ),
        ("Public", "key: Option<String>", "a key in letters, read again"),
        ("Public", "recovery: Option<String>", "a key in letters, read again"),
        ("Public", "operator: Option<String>", "a key in letters, read again"),
        ("Settings", "site: Option<String>", "what stands in a file that people write"),
        ("Settings", "node: Option<String>", "the same"),
        ("Settings", "replaces: Option<String>", "the same"),
        ("Settings", "roles: Vec<String>", "the same"),
        ("Settings", "heads: Option<PathBuf>", "a folder"),
        ("Settings", "operator: Option<PathBuf>", "a file"),
    ];
    let mut found: Vec<(String, String)> = Vec::new();
    for file in shipped("node/src").chain(shipped("wallet-cli/src")) {
        if ANSWERS.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        for Written { name, shape } in written(&file) {
            for line in shape.lines().filter(|line| !line.trim_start().starts_with("#[")) {
                let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric()).collect();
                let room = ["String", "Text", "Value", "str", "PathBuf", "Bytes"];
                let free = room.iter().any(|word| words.contains(word))
                    || line.contains("Vec<u8>")
                    || line.contains("[u8]");
                if free && !line.trim_start().starts_with("enum ") {
                    found.push((name.clone(), line.trim().trim_end_matches(',').to_owned()));
                }
            }
        }
    }
    let mut wanted: Vec<(String, String)> = ROOM
        .iter()
        .map(|(of, line, _)| ((*of).to_owned(), line.trim_end_matches(',').to_owned()))
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "say in the list what is in it, and why that is no face");
}
