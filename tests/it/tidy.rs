//! Checks of the tree itself that no general tool knows of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// The files below some folders with one of these endings, relative to the workspace.
pub(crate) fn files(folders: &[&str], endings: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|f| root.join(f)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(&root).expect("below it").display().to_string());
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect("a text of the tree")
}

/// Code of a file without its comments, as far as a line-wise look can tell.
fn code(file: &str) -> impl Iterator<Item = (usize, String)> {
    let text = read(file);
    let lines: Vec<_> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(n, line)| (n + 1, line.to_owned()))
        .collect();
    lines.into_iter()
}

#[test]
fn each_library_has_one_door() {
    let doors: [(&str, &[&str]); 13] = [
        ("flate2::", &["node/src/credential/pack.rs"]),
        ("fast_qr::", &["node/src/credential/qr.rs"]),
        ("bs58::", &["node/src/credential"]),
        ("libp2p_", &["node/src/net"]),
        ("tokio::", &["node/src/net"]),
        ("blake3::", &["ledger/src/hash.rs"]),
        ("ed25519_dalek::", &["ledger/src/key.rs"]),
        ("postcard::", &["ledger/src/wire.rs", "node/src/person"]),
        ("chacha20poly1305::", &["node/src/seal.rs"]),
        ("argon2::", &["node/src/seal.rs"]),
        ("hpke::", &["node/src/envelope.rs"]),
        ("calamine::", &["node/src/import"]),
        (
            "rusqlite::",
            &[
                "node/src/store",
                "node/src/vault",
                "node/src/pin",
                "node/src/import",
                "node/src/disk.rs",
                "node/src/audit",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for file in files(&["ledger/src", "node/src", "wallet-cli/src"], &[".rs"]) {
        for (n, line) in code(&file) {
            for (library, places) in doors {
                let used = line.contains(&format!("use {library}"))
                    || line.contains(&format!(" {library}"));
                if used && !places.iter().any(|place| file.starts_with(place)) {
                    wrong.push(format!("{file}:{n}: {library} belongs in {places:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shipped_code_is_finished_and_safe() {
    let banned = ["unsafe {", "unsafe fn", "todo!(", "unimplemented!(", "dbg!(", "#[ignore"];
    let mut wrong = Vec::new();
    for file in files(&["ledger/src", "node/src", "wallet-cli/src"], &[".rs"]) {
        for (n, line) in code(&file) {
            if let Some(word) = banned.iter().find(|word| line.contains(*word)) {
                let ignored_with_reason = *word == "#[ignore" && line.contains("#[ignore = \"");
                if !ignored_with_reason {
                    wrong.push(format!("{file}:{n}: {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files longer than a page anybody reads at once, each with what holds it together. The list only gets shorter.
const LONG: [(&str, &str); 13] = [
    ("ledger/src/audit/feed.rs", "one pass over a feed, and all it keeps between two entries"),
    ("ledger/src/audit/rows.rs", "one feed's rows, and the view of them that the rules ask"),
    ("ledger/src/audit/tests.rs", "to be parted: its world from what it tries"),
    ("ledger/src/charter/state.rs", "one charter, and each act applied to it"),
    ("ledger/src/entry.rs", "the kinds of entries, one after the other"),
    ("ledger/src/settlement/tests.rs", "one day of one merchant, settled in every way"),
    ("ledger/src/state.rs", "one state, and the view of it that the rules ask"),
    ("node/src/audit/tests.rs", "to be parted: its camp from what it tries"),
    (
        "node/src/bundle/tests/checkpoints.rs",
        "to be parted: what an audit says from what bundles carry",
    ),
    ("node/src/node.rs", "to be parted: the memory of what was signed from the node"),
    ("node/src/store/work.rs", "to be parted: chains and the view from the transaction"),
    ("node/src/vault.rs", "to be parted: its transaction from the file"),
    ("tests/src/exhaustive/world.rs", "one value: what there is in the model"),
];

#[test]
fn a_file_is_read_in_one_go() {
    let mut wrong = Vec::new();
    let folders = ["ledger", "node", "wallet-cli", "tests", "examples"];
    for file in files(&folders, &[".rs"]) {
        let lines = read(&file).lines().count();
        let known = LONG.iter().any(|(long, why)| *long == file && !why.is_empty());
        match (lines > 600, known) {
            (true, false) => {
                wrong.push(format!("{file}: {lines} lines; at most 600: where is its seam?"));
            }
            (false, true) => {
                wrong.push(format!("{file}: {lines} lines, and still in the list of long ones"));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_test_clock_is_not_in_the_program() {
    for manifest in ["wallet-cli/Cargo.toml", "Cargo.toml"] {
        // What stands under [dev-dependencies] is for tests alone.
        let manifest_text = read(manifest);
        let shipped = manifest_text.split("[dev-dependencies]").next().unwrap_or_default();
        let rest = manifest_text.split("[dev-dependencies]").skip(1);
        let after: String =
            rest.filter_map(|part| part.split_once("\n[")).map(|(_, a)| a).collect();
        for part in [shipped, &after] {
            assert!(!part.contains("test-clock"), "{manifest} turns on the test clock");
        }
    }
}

#[test]
fn pages_have_one_title_and_their_links_lead_somewhere() {
    let mut pages = files(&["spec"], &[".md"]);
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
            .map(String::from),
    );
    let mut wrong = Vec::new();
    for page in pages {
        let text = read(&page);
        let mut fenced = false;
        let mut titles = 0;
        for line in text.lines() {
            fenced ^= line.trim_start().starts_with("```");
            titles += usize::from(!fenced && line.starts_with("# "));
        }
        if titles != 1 {
            wrong.push(format!("{page}: {titles} titles"));
        }
        let folder = root().join(&page).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            let outside = link.is_empty() || link.contains("://") || link.starts_with("mailto:");
            if !outside && !folder.join(link).exists() {
                wrong.push(format!("{page}: {link} does not exist"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_may_be_used_here() {
    let allowed: BTreeSet<&str> = [
        "MIT",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "CC0-1.0",
        "MPL-2.0",
        "Unlicense",
        "0BSD",
        "BSL-1.0",
        "MIT-0",
    ]
    .into();
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        let licence = licence.replace('/', " OR ").replace(['(', ')'], "");
        let good = licence
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim())));
        if !good {
            wrong.push(format!("{name}: {licence}"));
        }
        let source = package["source"].as_str().unwrap_or("registry+");
        if !source.starts_with("registry+") {
            wrong.push(format!("{name}: comes from {source}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who opens a household's records. What leaves the site goes by the first alone, which eats a leave that stands on the
/// ledger; the others are the site's own work, whose operators have its passphrase.
#[test]
fn a_household_is_opened_in_these_places_and_no_other() {
    const OPENS: [(&str, &str); 8] = [
        ("node/src/consent/permit.rs", "a disclosure, under a leave that is eaten"),
        ("node/src/household.rs", "a birth, death, split or merge writes the record anew"),
        ("node/src/import/register.rs", "an import compares what it brings with what is there"),
        ("node/src/overlap.rs", "names become blinded numbers, for those who agreed"),
        (
            "node/src/vault.rs",
            "that every record opens is asked of a restored file; nothing is kept",
        ),
        (
            "wallet-cli/src/family/pin.rs",
            "that the number is somebody's; nothing of it is looked at",
        ),
        ("wallet-cli/src/family/show.rs", "the site looks at its own family"),
        (
            "wallet-cli/src/entitle/balance.rs",
            "that the number is somebody's; nothing of it is looked at",
        ),
    ];
    let mut found = Vec::new();
    for file in files(&["node/src", "wallet-cli/src"], &[".rs"]) {
        if file.contains("/tests") {
            continue;
        }
        let lines: Vec<String> = code(&file)
            .map(|(_, line)| line)
            .take_while(|line| line.trim() != "mod tests {")
            .collect();
        // However the lines break.
        let flat: String = lines.concat().split_whitespace().collect();
        // The rows of the file itself are behind the vault, which is the door.
        let of_rows = flat.matches("rows().household(").count();
        assert!(of_rows == 0 || file == "node/src/vault.rs", "{file} goes round the door");
        found.extend((0..flat.matches(".household(").count() - of_rows).map(|_| file.clone()));
    }
    let mut wanted: Vec<String> = OPENS.iter().map(|(file, _)| (*file).to_owned()).collect();
    wanted.sort();
    assert_eq!(found, wanted, "say in the list who opens a household, and why it may");
}

/// What a log may name: nodes, feeds, counts, days and words. No person, household, purse, card, slip or pseudonym has a
/// field, and one that is new stands here first.
#[test]
fn a_log_has_these_fields_and_no_other() {
    const FIELDS: [&str; 25] = [
        "address",
        "checkpoint",
        "count",
        "cycles",
        "days",
        "dialled",
        "doubted",
        "entry",
        "epoch",
        "erasures",
        "families",
        "feed",
        "here",
        "next",
        "node",
        "organisation",
        "peer",
        "pid",
        "place",
        "proven",
        "rows",
        "standing",
        "state",
        "theirs",
        "why",
    ];
    let (mut found, mut calls) = (BTreeSet::new(), 0);
    for file in files(&["node/src", "wallet-cli/src"], &[".rs"]) {
        if file.contains("/tests") || file == "node/src/log.rs" {
            continue;
        }
        let flat: String = code(&file).map(|(_, line)| line).collect();
        let flat: String = flat.split_whitespace().collect();
        let said = ["log.debug(", "log.info(", "log.warn(", "log.error("];
        let here = said.iter().flat_map(|call| flat.split(call).skip(1));
        // What is logged stands in the call, or under one name before it.
        let before = flat.split("letfields:").skip(1).filter_map(|let_| let_.split_once("]=["));
        let before = before.map(|(_, rest)| rest).filter(|_| flat.contains(",&fields);"));
        for rest in here.chain(before) {
            calls += 1;
            let call = rest.split(");").next().unwrap_or(rest).split("];").next().unwrap_or(rest);
            let pairs = call.split("(\"").skip(1);
            found
                .extend(pairs.filter_map(|pair| pair.split_once("\",")).map(|(f, _)| f.to_owned()));
        }
    }
    assert!(calls > 40, "{calls} lines are logged");
    let wanted: BTreeSet<String> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    assert_eq!(found, wanted);
}
