//! Every command that takes a file is given nothing, noise, and every kind of file that is not its own: it says which file
//! it was and ends with one of its exit codes, and nothing has changed.

use std::fs;

use crate::counter::counter;

/// Files of every kind there is, with the word by which the commands below say that it is their own.
const KINDS: [(&str, &str); 15] = [
    ("empty", ""),
    ("noise", ""),
    // Four gigabytes of nothing: no command may ask for so much memory, or read so long.
    ("huge", ""),
    ("charter.annona", "papers"),
    ("camp.audit", "audit"),
    ("noor.proof", "proof"),
    ("part-1.annona", "bundle"),
    ("camp.checkpoint", "checkpoint"),
    ("relief.keys", "keys"),
    ("lake.backup", "backup"),
    ("lake.people", "people"),
    ("lake.request", "request"),
    ("families.csv", "table"),
    ("families.toml", "toml"),
    ("amina.ticket", "ticket"),
];

/// Commands with a file, and the kinds that are theirs.
const COMMANDS: [(&str, &[&str]); 44] = [
    ("charter apply {}", &["papers"]),
    ("charter show {}", &["papers"]),
    ("charter propose --found {} --out out", &[]),
    ("charter propose --acts {} --out out", &[]),
    ("charter propose --acts budget.toml --charter {} --out out", &["papers"]),
    ("charter sign {} --keys relief.keys", &[]),
    ("charter sign budget.annona --keys {}", &["keys"]),
    ("node admit {} --keys relief.keys --site 9 --role courier --out out", &["request"]),
    ("node admit lake.request --keys {} --site 9 --role courier --out out", &["keys"]),
    ("node learn {}", &["papers"]),
    ("node insure hill --reserve treasury --programme Food --keys {} --out out", &["keys"]),
    (
        "operator admit {} --keys relief.keys --organisation 1 --site 2 --role cashier --programme Food --out out",
        &[],
    ),
    ("family add --from adam.family --operator {} --operator-passphrase-file pass.txt", &["keys"]),
    ("family add --from {} --operator mara.keys --operator-passphrase-file pass.txt", &[]),
    ("family import {} --map families.toml --dry-run", &["table"]),
    ("family import families.csv --map {} --dry-run", &["toml"]),
    ("family import families.csv --members {} --map two.toml --dry-run", &["table"]),
    ("entitle import {} --programme Food --cycle 1 --dry-run", &["table"]),
    ("entitle import list.csv --programme Food --cycle 1 --map {} --dry-run", &["toml", "empty"]),
    ("pay claim {} --dir hill", &["ticket"]),
    ("pay decline {} --dir hill", &["ticket"]),
    ("pay charge --ticket {} --item Rice=1 --dir hill", &["ticket"]),
    ("pay charge --from {}", &["empty"]),
    ("bundle import {}", &["bundle"]),
    ("bundle inspect {}", &["bundle"]),
    ("checkpoint import {}", &["checkpoint"]),
    ("checkpoint verify {}", &["checkpoint"]),
    ("checkpoint begin {} --programme Food --dir hill", &["checkpoint"]),
    ("audit verify {}", &["audit"]),
    ("audit prove {} NAME --out out", &["audit"]),
    ("audit check-proof {}", &["proof"]),
    ("audit trace {} NAME", &["audit"]),
    ("audit reconcile {}", &["audit"]),
    ("audit reconcile camp.audit --merchant-list {}", &[]),
    ("audit anomalies {}", &["audit"]),
    ("audit sample {} --seed x", &["audit"]),
    ("audit report {} --out out", &["audit"]),
    ("audit log check camp.log --log-key {}", &[]),
    ("restore {} --dir elsewhere", &["backup"]),
    ("restore lake.backup --people-keys {} --dir elsewhere", &["people"]),
    ("family keys keep {} --dir hill", &[]),
    ("family keys take {}", &[]),
    ("key show {}", &["keys"]),
    ("key passwd {} --new-passphrase-file new-passphrase.txt", &["keys"]),
];

#[test]
fn a_file_of_another_kind_is_named_and_changes_nothing() {
    let camp = counter();
    camp.write("empty", "");
    let noise: Vec<u8> =
        (0u32..5_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    camp.write("noise", noise);
    let huge = fs::File::create(camp.file("huge")).expect("a file");
    huge.set_len(4 << 30).expect("a file of holes");
    let before = camp.run("status --json").fine().out;
    let name = camp.told("name.txt");
    // Copies that broke off, of what is no text: a text that ends early may be a whole one.
    let cut = |kind: &str| {
        let (file, _) = KINDS.iter().find(|(_, of)| of == &kind)?;
        let name = format!("cut-{file}");
        if !camp.file(&name).exists() {
            let mut bytes = fs::read(camp.file(file)).expect("it is there");
            bytes.truncate(bytes.len() * 2 / 3);
            camp.write(&name, bytes);
        }
        Some(name)
    };
    let mut wrong = Vec::new();
    for (command, own) in COMMANDS {
        let texts = ["table", "toml", "empty", "ticket"];
        let cuts = own.iter().filter(|kind| !texts.contains(kind)).filter_map(|kind| cut(kind));
        let others = KINDS.iter().filter(|(file, kind)| !own.contains(kind) && !own.contains(file));
        let files = others.map(|(file, _)| (*file).to_owned()).chain(cuts);
        for file in &files.collect::<Vec<String>>() {
            let words = command.replace("{}", file).replace("NAME", &name);
            let answer = camp.run(&words);
            // A queue answers line by line.
            let told = answer.err.contains(file.as_str()) || command.contains("--from");
            let refused = matches!(answer.code, Some(1 | 3 | 5 | 6));
            // What is no audit file gets no verdict: it is bad input for every command alike.
            let alike = own != ["audit"] || file.starts_with("cut-") || answer.code == Some(3);
            if !refused || !told || !alike || answer.err.contains("fault of") {
                wrong.push(format!(
                    "{words}\n  {:?} {}{}",
                    answer.code,
                    answer.out.trim(),
                    answer.err.trim()
                ));
            }
            let made = ["out", "elsewhere"].into_iter().find(|name| camp.file(name).exists());
            if let Some(made) = made {
                // A report says what is wrong with a file, and is written for that.
                if !words.starts_with("audit report cut-") {
                    wrong.push(format!("{words}\n  left {made} behind"));
                }
                let path = camp.file(made);
                let gone =
                    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                gone.expect("removed");
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(camp.run("status --json").fine().out, before);
    camp.run("doctor --full").fine();
}
