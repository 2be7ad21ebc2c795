//! Two verdicts: whether a file is whole and true, and what it shows; and who is named for which.

use std::fs;

use serde_json::json;

use crate::camp::{Camp, copy_tree};
use crate::counter::counter;

/// Two copies of the lake go on: each hands out something else, and the hill hears of both. It writes an audit file and a
/// log.
fn forked() -> Camp {
    let camp = counter();
    let twin = camp.copied();
    for (camp, name, rice) in [(&camp, "one", 1), (&twin, "two", 2)] {
        camp.run(&format!("pay charge --family 1 --item Rice={rice}")).fine();
        fs::create_dir(camp.file(name)).expect("folder");
        camp.run(&format!("bundle export --to hill --out {name}")).fine();
    }
    fs::create_dir(camp.file("two")).expect("folder");
    copy_tree(&twin.file("two"), &camp.file("two"));
    for name in ["one", "two"] {
        camp.run(&format!("bundle import {name} --dir hill"));
    }
    camp.run("audit export hill.audit --dir hill").fine();
    camp
}

#[test]
fn who_forked_has_to_answer_and_not_who_wrote_the_file() {
    let camp = forked();
    let words = camp.bare("audit verify hill.audit").fails(1, "the file is whole and true");
    assert!(words.err.contains("to answer: lake of Relief ("), "{}", words.err);
    assert!(!words.err.contains("Ask for the file again"), "{}", words.err);
    assert!(words.out.contains("the file    whole and true\nit shows "), "{}", words.out);
    let told = camp.bare("audit verify hill.audit --json").lines().remove(0);
    assert_eq!((&told["good"], &told["whole"]), (&json!(false), &json!(true)), "{told}");
    assert_eq!(told["answerable"][0]["site"], json!("lake"));
    assert_eq!(told["answerable"].as_array().map(Vec::len), Some(1), "{told}");
    assert!(
        told["findings"].as_array().expect("some").iter().all(|one| one["of_file"] == json!(false))
    );
    camp.bare("audit report hill.audit --out hill.html").fails(1, "has faults");
    let page = camp.told("hill.html");
    assert!(page.contains("The file is whole and true;"), "{page}");
    assert!(page.contains("to answer for it: lake of Relief"), "{page}");

    // Cut short, it shows the same, and is not whole: two are asked.
    let bytes = fs::read(camp.file("hill.audit")).expect("read");
    camp.write("short.audit", &bytes[..bytes.len() - 40]);
    let short = camp.bare("audit verify short.audit").fails(1, "Ask for the file again");
    assert!(short.err.contains("to answer: lake of Relief"), "{}", short.err);
    assert!(short.out.contains("the file    NOT whole"), "{}", short.out);
    // Of a good file that is cut short, its writer alone.
    let bytes = fs::read(camp.file("camp.audit")).expect("read");
    camp.write("short.audit", &bytes[..bytes.len() - 40]);
    let short = camp.bare("audit verify short.audit").fails(1, "Ask for the file again");
    assert!(!short.err.contains("to answer: "), "{}", short.err);
    // Another federation's file is only another file.
    let other = "ab".repeat(32);
    let other = camp.bare(&format!("audit verify camp.audit --federation {other}"));
    let other = other.fails(1, "Ask for the file of the federation you mean");
    assert!(!other.err.contains("Ask for the file again"), "{}", other.err);
}

#[test]
fn a_log_that_shows_a_fork_is_in_order_and_sites_that_forked_do_not_all_match() {
    let camp = forked();
    camp.run("audit log publish hill.log --dir hill --key-out hill.key").fine();
    let check = "audit log check hill.log --log-key hill.key --audit hill.audit";
    let said = camp.bare(check).fails(1, "The log is in order");
    assert!(said.out.contains("SHOWS: feed ") && !said.out.contains("WRONG"), "{}", said.out);
    assert!(said.out.ends_with("the log is in order; what it shows is NOT GOOD\n"), "{}", said.out);
    let said = camp.bare("audit reconcile hill.audit").out;
    assert!(said.contains("lake of Relief (") && said.contains(" has forked: "), "{said}");
    assert!(!said.contains("everything matches"), "{said}");
    let told = camp.bare("audit reconcile hill.audit hill --json").lines().remove(0);
    assert_eq!(told["forked"], json!([]), "of the hill alone");
}

#[test]
fn a_log_of_today_does_not_accuse_a_file_of_yesterday() {
    let camp = counter();
    camp.run("pay charge --family 1 --item Rice=1").fine();
    camp.run("audit export today.audit --seal").fine();
    camp.run("audit log publish camp.log").fine();
    let check = "audit log check camp.log --log-key log.key --audit camp.audit";
    let told = camp.bare(&format!("{check} --json")).fine();
    assert_eq!(
        (told.field(0, "later_than_the_file"), told.field(0, "sealed_since")),
        ("1".into(), "0".into())
    );
    let said = camp.bare(check).fine().out;
    assert!(said.contains("0 sealed since the log, 1 since the audit file"), "{said}");
}
