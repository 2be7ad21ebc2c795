//! Files that commands make take the place of none that is there, unless somebody says so.

use crate::camp::Camp;
use crate::counter::counter;
use crate::dry_run::kept;

/// The words by which every command refuses.
const THERE: &str = "is there already. Name another file, or say --replace.";

fn changes_nothing(camp: &Camp, command: &str, code: i32, words: &str) {
    let before = kept(camp);
    for dry in ["", " --dry-run"] {
        let answer = camp.run(&format!("{command}{dry}"));
        // Not every command has a dry run.
        if dry.is_empty() || answer.code != Some(2) {
            answer.fails(code, words);
        }
        assert!(kept(camp) == before, "{command}{dry} changed a file");
    }
}

#[test]
fn no_command_writes_over_what_is_there() {
    let camp = counter();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    for command in [
        "audit export camp.audit",
        "audit export camp.audit --seal",
        "audit log publish camp.log --key-out log.key",
        "audit report camp.audit --out noor.receipt",
        "charter show --out charter.annona",
        "checkpoint export camp.checkpoint",
        "family lend-pins --to hill --out amina.ticket",
        "node request --out hill.request",
        "pay charge --family 1 --item Rice=0.5 --receipts amina.ticket",
        "pay receipt 1#12 --out noor.receipt",
        "pay supply --dir treasury --cycle 1 --item Rice=1 --to lake --out supply.ticket",
        "pay ticket --family 1 --to hill --out amina.ticket",
    ] {
        changes_nothing(&camp, command, 6, THERE);
    }
    let prove = format!("audit prove camp.audit {} --out noor.proof", camp.told("name.txt"));
    changes_nothing(&camp, &prove, 6, THERE);
    camp.write("cards.html", "the cards of yesterday");
    changes_nothing(&camp, &format!("card print 2 --out cards.html {mara}"), 6, THERE);
    changes_nothing(&camp, &format!("card reprint 1 --out cards.html {mara}"), 6, THERE);
    std::fs::create_dir(camp.file("pictures")).expect("a folder");
    camp.write("pictures/2.png", "another card");
    changes_nothing(&camp, &format!("card print 2 --png pictures {mara}"), 6, THERE);
    // Of a receipt the command's own name is no other: it may be the only paper somebody has.
    let receipt = format!("pay receipt {}", camp.told("entry.txt"));
    let made = camp.run(&format!("{receipt} --json")).fine().field(0, "file");
    camp.write(&made, "somebody's");
    camp.run(&receipt).fails(6, THERE);
    assert_eq!(camp.told(&made), "somebody's");
    camp.run(&format!("{receipt} --replace")).fine();
    camp.run(&format!("pay receipt --check {made}")).fine();
    // Who says so, gets it.
    for command in
        [&prove, "charter show --out charter.annona", "checkpoint export camp.checkpoint"]
    {
        camp.run(&format!("{command} --replace")).fine();
    }
    camp.run(&format!("--replace card print 2 --png pictures {mara} --out cards.html")).fine();
    assert!(camp.told("cards.html").contains("<svg"));
}

#[test]
fn what_is_read_or_holds_keys_is_replaced_by_no_word() {
    let camp = counter();
    let read = "is a file this command reads";
    for command in [
        "audit report camp.audit --out camp.audit --replace",
        "audit report camp.audit --out ./camp.audit",
        "charter sign budget.annona --keys relief.keys --out relief.keys --replace",
        "node request --out pass.txt --replace",
    ] {
        changes_nothing(&camp, command, 6, read);
    }
    let prove = format!("audit prove camp.audit {} --out camp.audit", camp.told("name.txt"));
    changes_nothing(&camp, &format!("{prove} --replace"), 6, read);
    for command in ["key new --organisation 9", "operator new"] {
        let command = format!("{command} --out mara.keys --passphrase-cost light --replace");
        let before = kept(&camp);
        assert_eq!(camp.run(&command).code, Some(6), "{command}");
        assert!(kept(&camp) == before, "{command}");
    }
}

#[test]
fn a_place_that_is_none_is_told_before_anything_is_moved() {
    let camp = counter();
    let ticket = "pay ticket --family 1 --to hill --out";
    changes_nothing(&camp, &format!("{ticket} nowhere/a.ticket"), 3, "there is no folder nowhere");
    changes_nothing(&camp, &format!("{ticket} hill"), 3, "is a folder: name a file in it");
    camp.run(&format!("{ticket} new.ticket")).fine();
}

#[test]
fn what_is_asked_again_under_its_own_name_is_answered_with_its_receipts() {
    let camp = counter();
    let charge = "pay charge --family 1 --item Rice=0.25 --request till-9 --receipts nine --json";
    let first = camp.run(charge).fine();
    let again = camp.run(charge).fine();
    assert_eq!(again.field(0, "entry"), first.field(0, "entry"), "the same, and not a second one");
    // Somebody's file is nobody's receipts: a new request is not begun, and one that was answered leaves the file as it is.
    camp.write("theirs", "a letter");
    let theirs = |request: &str| charge.replace("till-9", request).replace("nine", "theirs");
    changes_nothing(&camp, &theirs("till-10"), 6, "theirs is there already");
    let again = camp.run(&theirs("till-9")).fine();
    assert_eq!(again.lines()[0]["receipts"], first.lines()[0]["receipts"]);
    assert!(again.err.contains("theirs is there already"), "{}", again.err);
    assert_eq!(camp.told("theirs"), "a letter");
}
