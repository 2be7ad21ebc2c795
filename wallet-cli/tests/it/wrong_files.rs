//! Every command that takes a file is given nothing, noise, and every kind of file that is not its own: it says which file
//! it was and ends with one of its exit codes, and nothing has changed.

use std::fs;

use crate::camp::Camp;
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

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

/// Commands whose file nobody else's is mistaken for, each tried with a few kinds; those that are theirs.
const MORE: &[(&str, &[&str])] = &[
    ("bundle carry {} --for hill --dir bus", &["bundle"]),
    ("audit log check camp.log --log-key log.key --audit {}", &["audit"]),
    ("audit log check camp.log --log-key log.key --witness-key {}", &[]),
    ("audit log cosign camp.log --log-key {} --key-out out", &[]),
    ("card check {}", &[]),
    ("card check card.txt --charter {}", &["papers"]),
    ("card check card.txt --trust {} --status camp.cards/1.1.cwt", &[]),
    ("card check card.txt --trust camp.cards/trust.json --status {}", &[]),
    ("card credential check {} --dir hill", &[]),
    (
        "card credential issue 1/1 --for hill --purpose referral --attributes name --holders {} --out out MARA",
        &[],
    ),
    ("card credential present {} --out out --dir hill", &[]),
    ("charter sign budget.annona --keys relief.keys --charter {} --out out", &["papers"]),
    (
        "consent give 1 --purpose referral --to Water --attributes name --notice {} --language sw MARA",
        // A notice may be a recording as well: only that it is none is known.
        &["noise", "proof", "papers", "huge"],
    ),
    ("consent read {} --dir hill", &[]),
    ("consent reply {} --out out MARA", &[]),
    ("consent take 1 {}", &[]),
    (
        "cycle open --programme Food --cycle 2 --opens +0d --closes +30d --keys {} --charter charter.annona --out out",
        &["keys"],
    ),
    (
        "cycle open --programme Food --cycle 2 --opens +0d --closes +30d --keys relief.keys --charter {} --out out",
        &["papers"],
    ),
    (
        "family birth 1 --from adam.family --collector 1 MARA --second {} --second-passphrase-file pass.txt",
        &[],
    ),
    (
        "family birth 1 --from {} --collector 1 MARA --second yusuf.keys --second-passphrase-file pass.txt",
        &[],
    ),
    ("family change 1 --from {} MARA", &[]),
    ("family overlap answer {} --out out --dir hill", &[]),
    ("family overlap read {}", &[]),
    ("family take-pins --dir hill {}", &[]),
    ("grievance open --text {} --decider Relief MARA", &[]),
    ("grievance read {} --dir hill", &[]),
    ("node show --charter {}", &["papers"]),
    ("operator list --charter {}", &["papers"]),
    (
        "operator admit mara.keys.public --keys {} --organisation 1 --site 2 --role cashier --programme Food --out out",
        &["keys"],
    ),
    ("operator withdraw mara.keys.public --keys {} --organisation 1 --out out", &["keys"]),
    ("pay attest {} --method finger --yes-it-is MARA", &[]),
    ("pay charge --family 1 --item Rice=1 --method attested --paper {}", &[]),
    ("pay challenge --ticket {}", &["ticket"]),
    ("pay float --home lake --item Rice=1 --ticket {} --dir hill", &["ticket"]),
    ("pay hold --item Rice=1 --ticket {} --dir hill", &["ticket"]),
    ("pay list --ticket {} --dir hill", &["ticket"]),
    ("pay ticket --to lake --ticket {} --dir hill", &["ticket"]),
    (
        "pay voucher --ticket {} --item Rice=1 --dir hill MARA --second yusuf.keys --second-passphrase-file pass.txt",
        &["ticket"],
    ),
    ("pay orphan {}", &[]),
    ("pay promise {}", &[]),
    ("pay receipt --check {}", &[]),
    ("pay receipt --check noor.receipt --charter {}", &["papers"]),
    ("run --config {}", &["empty"]),
    ("wallet add {} --name x", &[]),
    ("wallet backup {} --out out --backup-passphrase-file pass.txt", &[]),
    ("wallet balance {}", &[]),
    ("wallet consent list {}", &[]),
    ("wallet consent withdraw {} 77aa5b0c --out out", &[]),
    ("wallet consent give amina.wallet {} --out out", &[]),
    ("wallet introduce {} --out out", &[]),
    ("wallet passwd {} --new-passphrase-file new-passphrase.txt", &[]),
    ("wallet permissions {}", &[]),
    (
        "wallet present amina.wallet {} --show age_band --audience https://clinic.example --nonce 4711 --out out",
        &[],
    ),
    ("wallet receipts {}", &[]),
    ("wallet receive amina.wallet {}", &[]),
    ("wallet restore {} --out out --backup-passphrase-file pass.txt", &[]),
    ("wallet restore amina.split --out out --share {} --share amina-1.share", &[]),
    ("wallet show {}", &[]),
    ("wallet sign amina.wallet {} --out out", &[]),
    ("wallet take amina.wallet {}", &[]),
    ("wallet tickets {}", &[]),
    ("wallet check-clone {}", &[]),
];

/// How a command answers a file of another kind: 3, bad input. What gives a verdict on whatever it is shown may say 1.
fn codes(command: &str) -> &'static [i32] {
    let verdicts = [
        "audit check-proof {}",
        "card check {}",
        "card credential check {}",
        "card check card.txt --trust camp.cards/trust.json --status {}",
    ];
    if verdicts.iter().any(|words| command.starts_with(words)) { &[1, 3] } else { &[3] }
}

/// How a next step is told.
const NEXT: [&str; 27] = [
    "heck the path",
    "begins with",
    "opy it again",
    "export it again",
    "take it again",
    "have it made again",
    "Read it again",
    "Ask for the file again",
    "take away what",
    "`annona ",
    "such as",
    "it would begin with",
    "give the .public",
    "the .public file?",
    "missing field",
    "name+id+key",
    "Correct",
    "it has: ",
    "has 12 characters",
    "no column",
    "Have it",
    "NOT PROVEN",
    "expected",
    "Take the copy",
    "write ",
    "there are: ",
    "the passphrase is another one",
];

/// What is wrong with how a command answered another's file.
fn wrong(camp: &Camp, (command, file): (&str, &str), codes: &[i32]) -> Option<String> {
    let words = command.replace("{}", file).replace("MARA", MARA);
    let answer = camp.run(&words.replace("NAME", &camp.told("name.txt")));
    let all = format!("{}{}", answer.out, answer.err);
    // A queue answers line by line; what may be typed as well as lie in a file is told as it was read.
    let typed = [
        "family add --from {}",
        "pay charge --from",
        "card check {}",
        "card credential check {}",
        "wallet present",
    ];
    let told = answer.err.contains(file) || typed.iter().any(|words| command.starts_with(words));
    let next = NEXT.iter().any(|next| all.contains(next));
    let fine = answer.code.is_some_and(|code| codes.contains(&code)) && told && next;
    let mut wrong = (!fine || all.contains("fault of")).then(|| {
        format!(
            "{words}\n  {:?}, not {codes:?} {}{}",
            answer.code,
            answer.out.trim(),
            answer.err.trim()
        )
    });
    for made in ["out", "elsewhere"].map(|name| camp.file(name)).iter().filter(|made| made.exists())
    {
        // A report says what is wrong with a file, and is written for that.
        if !words.starts_with("audit report cut-") {
            wrong = Some(format!("{words}\n  left {} behind", made.display()));
        }
        let gone = if made.is_dir() { fs::remove_dir_all(made) } else { fs::remove_file(made) };
        gone.expect("removed");
    }
    wrong
}

/// Files of a camp that are nobody's, and what is there before anything is tried.
fn laid(camp: &Camp) -> String {
    camp.write("empty", "");
    let noise: Vec<u8> =
        (0u32..5_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    camp.write("noise", noise);
    let huge = fs::File::create(camp.file("huge")).expect("a file");
    huge.set_len(4 << 30).expect("a file of holes");
    camp.run("status --json").fine().out
}

fn after(camp: &Camp, before: &str, told: &[String]) {
    assert!(told.is_empty(), "{} of them:\n{}", told.len(), told.join("\n"));
    assert_eq!(camp.run("status --json").fine().out, before);
    camp.run("doctor --full").fine();
}

#[test]
fn a_file_of_another_kind_is_named_and_changes_nothing() {
    let camp = counter();
    let before = laid(&camp);
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
    let mut told = Vec::new();
    for (command, own) in COMMANDS {
        let texts = ["table", "toml", "empty", "ticket"];
        for (file, _) in
            KINDS.iter().filter(|(file, kind)| !own.contains(kind) && !own.contains(file))
        {
            told.extend(wrong(&camp, (command, file), codes(command)));
        }
        for file in own.iter().filter(|kind| !texts.contains(kind)).filter_map(|kind| cut(kind)) {
            // Damaged, or of what is sealed another passphrase's.
            told.extend(wrong(&camp, (command, &file), &[1, 3, 5]));
        }
    }
    after(&camp, &before, &told);
}

#[test]
fn a_file_that_is_no_paper_of_any_kind_is_named_and_changes_nothing() {
    let camp = crate::wallet::at_hand();
    crate::courier::bus(&camp);
    let before = laid(&camp);
    let kinds = ["empty", "noise", "huge", "noor.proof", "charter.annona"];
    let mut told = Vec::new();
    for (command, own) in MORE {
        let all = KINDS.iter().filter(|(file, _)| kinds.contains(file));
        for (file, _) in all.filter(|(file, kind)| !own.contains(kind) && !own.contains(file)) {
            told.extend(wrong(&camp, (command, file), codes(command)));
        }
    }
    after(&camp, &before, &told);
}

/// What stands in help for something that lies in a file.
const FILES: [&str; 19] = [
    "FILE",
    "FILES",
    "FILE|-",
    "TICKET",
    "BACKUP",
    "BILL",
    "CHALLENGE",
    "OFFER",
    "CREDENTIAL",
    "CARD",
    "PAPER",
    "PART",
    "PROMISE",
    "PROOF",
    "PUBLIC",
    "RECEIPTS",
    "REQUEST",
    "WALLET",
    "ARTICLE",
];

/// Options that take no file of anybody's: they are written, or hold a secret that is typed as well.
const NONE: [&str; 7] =
    ["--out", "--receipts", "--key-out", "--recovery", "--pin-file", "--offer", "passphrase-file"];

/// Commands that only write the files they name; one that reads them as `family import` does, and one that looks for its
/// hold first.
const WRITE: [&str; 7] =
    ["audit export", "backup", "checkpoint export", "wallet new", "demo", "key new", "pay post"];

/// A command that takes a file, and an option that does, is tried above before it is anybody's.
#[test]
fn every_command_that_takes_a_file_is_given_anothers() {
    let rows: Vec<&str> = COMMANDS.iter().chain(MORE).map(|(command, _)| *command).collect();
    let mut missing = Vec::new();
    for (command, help) in crate::dry_run::tree() {
        // Arguments and options, before those that every command takes.
        for line in help.lines().map(str::trim_start) {
            let Some((_, value)) = line.split_once(['<', '[']) else { continue };
            let option = line.split_whitespace().find(|word| word.starts_with("--"));
            let begins = line.starts_with(['<', '[', '-']);
            let value = value.split(['>', ']']).next().unwrap_or_default();
            let none = |option: &str| NONE.iter().any(|name| option.ends_with(name));
            if !begins
                || !FILES.contains(&value)
                || option.is_some_and(none)
                || WRITE.contains(&command.as_str())
            {
                continue;
            }
            let of = |row: &&&str| {
                row.strip_prefix(command.as_str()).is_some_and(|r| r.starts_with(' '))
            };
            let tried = match option {
                // One option is one door, whichever command has it.
                Some(option) => rows.iter().any(|row| row.contains(&format!("{option} {{}}"))),
                None => rows.iter().filter(of).any(|row| row.contains("{}")),
            };
            if !tried
                || option.is_none_or(|o| !["--operator", "--second", "--charter"].contains(&o))
                    && !rows.iter().any(|row| of(&row))
            {
                missing.push(format!("annona {command}: {line}"));
            }
        }
    }
    assert!(missing.is_empty(), "give these another's file:\n{}", missing.join("\n"));
}
