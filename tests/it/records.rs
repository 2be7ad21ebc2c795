//! Who opens what is known of people: what another organisation is shown goes through a permit alone, and every other place
//! that opens a record is at the desk that keeps it, and named here with its reason.

use std::collections::BTreeMap;

use super::tidy::{files, read};

/// Files that open a household's record, or read an opened one, and for whom.
const DOORS: [(&str, &str); 16] = [
    ("node/src/consent/permit.rs", "another organisation, under a consent, written down before"),
    ("node/src/vault.rs", "the door itself, and the check of a whole file"),
    ("node/src/household.rs", "who is there before and after a change that two operators make"),
    ("node/src/import/register.rs", "what a register's next file would change"),
    ("node/src/overlap.rs", "the blinded questions of a site about its own people"),
    ("wallet-cli/src/family/show.rs", "the desk that keeps it"),
    ("wallet-cli/src/family.rs", "the name of that door for the rest of the program"),
    ("wallet-cli/src/family/pin.rs", "that there is a record behind a PIN"),
    ("wallet-cli/src/entitle/balance.rs", "that a record opens, before its purse is told"),
    ("wallet-cli/src/pay/known.rs", "whether a member is an adult"),
    ("wallet-cli/src/card/paper.rs", "the name on a card, where she wants it"),
    ("wallet-cli/src/family/duplicates.rs", "two side by side, for a person to decide"),
    (
        "wallet-cli/src/holder.rs",
        "whose a number is that could be two families', before anything is given",
    ),
    ("wallet-cli/src/pay/turned.rs", "whether another adult may come, once a method was refused"),
    ("wallet-cli/src/erase.rs", "that who is erased is still who she was when it was asked"),
    ("node/src/person.rs", "what a record is made of"),
];

/// Files that open one by the door of the desk, in their own folder.
const AT_THE_DESK: [&str; 4] = [
    "wallet-cli/src/family/add.rs",
    "wallet-cli/src/family/happened.rs",
    "wallet-cli/src/family/find.rs",
    "wallet-cli/src/family/change.rs",
];

/// The file without its tests and comments.
fn shipped(file: &str) -> String {
    let text = read(file);
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_record_is_opened_by_a_permit_or_at_a_desk_that_is_named() {
    let folders = ["node/src", "wallet-cli/src", "examples"];
    let sources = files(&folders, &[".rs"]);
    let sources = sources.iter().filter(|file| !file.contains("tests"));
    let opens = [
        ".household(",
        "Household::from_records(",
        "fn from_records",
        "show::open",
        "family::open",
    ];
    let mut found = BTreeMap::new();
    for file in sources {
        let text = shipped(file);
        // A member of something that is called so, and no call, opens nothing.
        let calls = opens.iter().filter(|call| text.contains(**call)).count();
        let own = file.starts_with("wallet-cli/src/family/")
            && (text.contains("use super::show::open") || text.contains("show::open"));
        if calls > 0 || own {
            found.insert(file.clone(), calls);
        }
    }
    let named = |file: &&String| {
        DOORS.iter().any(|(door, _)| door == *file) || AT_THE_DESK.contains(&file.as_str())
    };
    let strangers: Vec<&String> = found.keys().filter(|file| !named(file)).collect();
    assert!(strangers.is_empty(), "{strangers:?}: what of whom is opened there, and who is told?");
    let gone = DOORS.iter().map(|(door, _)| *door).chain(AT_THE_DESK);
    let gone: Vec<&str> = gone.filter(|door| !found.contains_key(*door)).collect();
    assert!(gone.is_empty(), "{gone:?} open nothing any more: take them off the list");
}

/// The looking finds a new door.
#[test]
fn what_opens_a_record_is_seen() {
    let text = shipped("node/src/consent/permit.rs");
    assert!(text.contains(".household(") && text.contains("Household::from_records("));
    assert!(!shipped("node/src/consent/request.rs").contains(".household("));
}
