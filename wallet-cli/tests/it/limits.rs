//! The ends of things through the program: numbers no word holds, files that never end, a disk with no room for the heads,
//! and two commands at one moment.

use std::fs;

use crate::counter::counter;
use crate::faults::left;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

/// Whatever is typed, the answer is of the ledger or of the reader, in words; nothing is made, and nothing panics.
#[test]
fn numbers_that_no_word_holds_are_refused_in_words_wherever_they_are_typed() {
    const MOST: &str = "18446744073709551615";
    const OVER: &str = "18446744073709551616";
    let camp = counter();
    let (before, entry) = (left(&camp), camp.told("entry.txt"));
    let node = camp.run("status --json").fine().field(0, "node");
    camp.write("acts.toml", camp.told("budget.toml").replace("\"20000\"", "\"MUCH\""));
    camp.write("founded.toml", camp.told("federation.toml").replace("\"300\"", "\"MUCH\""));
    let signing = "--keys relief.keys --charter charter.annona --out out";
    let large = "larger than an amount can be";
    let rows: [(&str, i32, &str); 19] = [
        ("pay refund ENTRY --amount MUCH", 3, large),
        (
            "pay float --dir hill --purse 00112233445566778899aabbccddeeff --home lake --item Rice=MUCH",
            3,
            large,
        ),
        ("pay bill --item Rice=MUCH --out out", 3, large),
        (
            "pay voucher --family 1 --item Rice=MUCH MARA --second yusuf.keys --second-passphrase-file pass.txt --out out",
            3,
            large,
        ),
        ("charter propose --acts MUCH.toml --out out", 3, "MUCH"),
        ("charter propose --found MUCH.founded --out out", 3, "MUCH"),
        ("node admit lake.request SIGNING --site 2 --ceiling Food/Rice=MUCH:1:1", 3, "MUCH"),
        ("node admit lake.request SIGNING --site MUCH", 2, "--site"),
        ("node admit lake.request SIGNING --site 2 --until +MUCHd", 2, "MUCH"),
        ("cycle open --programme Food --cycle 2 --opens +0d --closes +MUCHd SIGNING", 2, "MUCH"),
        ("cycle open --programme Food --cycle MUCH --opens +0d --closes +1d SIGNING", 2, "--cycle"),
        ("pay hold --family 1 --item Rice=1 --minutes MUCH", 2, "--minutes"),
        ("pay refund 1#MUCH", 5, "no redemption"),
        ("pay post 1#MUCH", 3, "puts nothing by"),
        ("pay drop 1#MUCH", 3, "puts nothing by"),
        ("pay receipt 1#MUCH --out out", 5, ""),
        ("pay ticket --again 1#MUCH --out out", 3, ""),
        ("audit trace camp.audit NODE/value/1#MUCH", 3, ""),
        ("audit prove camp.audit NODE/value/1#MUCH --out out", 3, ""),
    ];
    let mut wrong = Vec::new();
    for (row, code, said) in rows {
        for much in [MOST, OVER] {
            camp.write(&format!("{much}.toml"), camp.told("acts.toml").replace("MUCH", much));
            camp.write(&format!("{much}.founded"), camp.told("founded.toml").replace("MUCH", much));
            let words = row.replace("MUCH", much).replace("MARA", MARA).replace("ENTRY", &entry);
            let answer = camp.run(&words.replace("SIGNING", signing).replace("NODE", &node));
            // Beyond what a number holds it is no entry of anybody's.
            let read = much == OVER && row.contains("1#");
            let codes = if read { [3, 3] } else { [code, code] };
            let told = read || answer.err.contains(&said.replace("MUCH", much));
            if !answer.code.is_some_and(|code| codes.contains(&code)) || !told {
                wrong.push(format!("{words}: {:?} {}{}", answer.code, answer.out, answer.err));
            }
            assert!(!camp.file("out").exists(), "{words}: nothing is made");
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(left(&camp), before, "nothing was handed out");
    camp.run("doctor --full --rebuild").fine();
}

/// A file of the right kind that goes on for four gigabytes of nothing: told to be wrong, with a quarter of that memory.
#[cfg(target_os = "linux")]
#[test]
fn a_good_file_that_never_ends_is_refused_with_little_memory() {
    let camp = counter();
    let rows = [
        ("charter.annona", "charter apply {} --dir hill"),
        ("camp.audit", "audit verify {}"),
        ("noor.proof", "audit check-proof {}"),
        ("part-1.annona", "bundle import {}"),
        ("camp.checkpoint", "checkpoint import {}"),
        ("relief.keys", "key show {}"),
        ("lake.backup", "restore {} --dir elsewhere"),
        ("lake.people", "restore lake.backup --people-keys {} --dir elsewhere"),
        ("lake.request", "node admit {} --keys relief.keys --site 9 --role courier --out out"),
        ("families.toml", "family import families.csv --map {} --dry-run"),
        ("amina.ticket", "pay claim {} --dir hill"),
        ("list.csv", "entitle import {} --programme Food --cycle 1 --dry-run"),
        ("noor.receipt", "pay receipt --check {}"),
    ];
    let mut wrong = Vec::new();
    for (file, row) in rows {
        let name = format!("endless-{file}");
        fs::copy(camp.file(file), camp.file(&name)).expect("a copy");
        let endless = fs::OpenOptions::new().write(true).open(camp.file(&name)).expect("opens");
        endless.set_len(4 << 30).expect("holes");
        let answer = crate::faults::with_little_memory(&camp, &row.replace("{}", &name));
        let named = answer.err.contains(&name) || answer.out.contains(&name);
        // Of what is sealed nobody can tell a changed one from another passphrase.
        let sealed = row.starts_with("restore");
        let refused = matches!(answer.code, Some(1 | 3)) || sealed && answer.code == Some(5);
        if !refused || !named {
            wrong.push(format!("{row} {name}: {:?} {}{}", answer.code, answer.out, answer.err));
        }
        for made in ["out", "elsewhere"] {
            assert!(!camp.file(made).exists(), "{row}: nothing half done");
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    camp.run("doctor --full").fine();
}

/// The heads lie on a disk of their own, which is full: what is accepted stands, what would leave the folder waits.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_under_the_heads_alone_loses_nothing() {
    use crate::faults::{Small, filled};
    let camp = counter();
    fs::rename(camp.file("heads"), camp.file("before")).expect("moved");
    let Some(disk) = Small::mount(&camp.file("heads"), 1) else { return };
    crate::camp::copy_tree(&camp.file("before"), &camp.file("heads"));
    fs::create_dir(camp.file("news")).expect("folder");
    let before = left(&camp);
    let mut served = 0;
    for words in [
        "pay charge --family 1 --item Rice=0.001",
        "audit export late.audit --seal --replace",
        "pay charge --family 1 --item Rice=0.001",
        "bundle export --to hill --all --out news",
        "pay charge --family 1 --item Rice=0.001",
        "checkpoint make",
    ] {
        let ballast = filled(&disk.0);
        let full = camp.run(words);
        let said = format!("{words}: {:?}\n{}{}", full.code, full.out, full.err);
        assert!(full.code == Some(0) || full.err.contains("the disk is full"), "{said}");
        let charge = words.starts_with("pay");
        served += u64::from(charge && full.code == Some(0));
        fs::remove_file(ballast).expect("room again");
        assert_eq!(crate::killed::leftovers(&camp.file("heads")), [] as [String; 0], "{said}");
        camp.run(words).fine();
        served += u64::from(charge);
    }
    assert_eq!(before - left(&camp), served, "each that was answered, once");
    camp.run("doctor --full --rebuild").fine();
    camp.run("audit verify late.audit").fine();
    drop(disk);
}

/// Two commands at one moment: each is done, or told that the other holds the folder; nothing is done twice or half.
#[test]
fn two_commands_at_once_are_each_done_or_told_to_wait() {
    let camp = counter();
    fs::create_dir(camp.file("news")).expect("folder");
    let charge = "pay charge --family 1 --item Rice=0.001";
    let pairs = [
        (charge, charge),
        (charge, "bundle export --to hill --all --out news"),
        (charge, "backup late.backup --people-keys late.people"),
        (charge, "doctor --full --rebuild"),
        ("bundle import stick", "bundle import stick"),
        ("checkpoint make", "audit export late.audit --seal"),
        (
            "init --dir new --site new --role merchant --passphrase-cost light",
            "init --dir new --site new --role merchant --passphrase-cost light",
        ),
    ];
    let before = left(&camp);
    let (mut served, mut done) = (0, 0);
    for (one, two) in pairs {
        let both = [one, two].map(|words| (words, camp.start(words)));
        for (words, child) in both {
            let ended = child.wait_with_output().expect("ended");
            let said = String::from_utf8_lossy(&ended.stderr);
            match ended.status.code() {
                Some(0) => {
                    served += u64::from(words == charge);
                    done += 1;
                }
                Some(6) => assert!(
                    said.contains("another annona process") || said.contains("is not empty"),
                    "{words}: {said}"
                ),
                code => panic!("{words}: {code:?} {said}"),
            }
        }
    }
    assert!(done >= pairs.len(), "of each two one at least: {done}");
    assert_eq!(before - left(&camp), served);
    camp.run("doctor --full --rebuild").fine();
    // The new one has no federation yet: nothing is wrong with it either.
    let said = camp.run("doctor --full --dir new");
    assert!(!said.out.contains("WRONG"), "{}{}", said.out, said.err);
}
