//! Long commands ended at any moment, by SIGKILL and by Ctrl-C: the folder opens, nothing is half done, and the same
//! command run again finishes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::camp::{Answer, Camp};
use crate::counter::counter;
use crate::faults::left;

/// Runs a command to see how long it takes, then ends it at moments spread over that time, each in a fresh copy of the
/// camp, every second time as Ctrl-C does, and runs it again there.
fn killed_at_any_time(
    made: &Camp,
    words: &str,
    moments: u32,
    again: impl Fn(&Camp, Answer),
    check: impl Fn(&Camp),
) {
    let whole = made.copied();
    let began = Instant::now();
    whole.run(words).fine();
    let took = began.elapsed();
    check(&whole);
    for n in 0..moments {
        let camp = made.copied();
        let mut child = camp.start(words);
        std::thread::sleep(took * n / moments);
        let interrupted = cfg!(unix) && n % 2 == 1 && {
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            sent.is_ok_and(|sent| sent.success())
        };
        if !interrupted {
            child.kill().expect("killed");
        }
        let ended = child.wait_with_output().expect("ended");
        if interrupted {
            // Before it listens it is ended by the system; later it ends by itself, or was done.
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(matches!(ended.status.code(), None | Some(0 | 130)), "{words}: {said}");
        }
        again(&camp, camp.run(words));
        check(&camp);
    }
}

#[test]
fn an_issue_that_was_killed_is_finished_by_the_next() {
    let camp = Camp::new();
    camp.run("pay claim --budget --dir treasury").fine();
    camp.run("pay supply --dir treasury --cycle 1 --to lake --item Rice=3000 --item Oil=200 --out l.ticket")
        .fine();
    camp.run("pay claim l.ticket").fine();
    let words = format!("entitle issue {}", camp.told("frozen.txt"));
    killed_at_any_time(
        &camp,
        &words,
        6,
        |_, answer| drop(answer.fine()),
        |camp| assert_eq!(left(camp), 12_500),
    );
}

#[test]
fn an_import_that_was_killed_goes_on() {
    let camp = counter();
    let words = "family import families.csv --map families.toml --operator mara.keys \
                 --operator-passphrase-file pass.txt";
    let count = |camp: &Camp| {
        let found = camp.run("family find a --json").fine();
        let families: BTreeSet<String> =
            found.lines().iter().map(|line| line["family"].to_string()).collect();
        families.len()
    };
    let whole = camp.copied();
    whole.run(words).fine();
    let wanted = count(&whole);
    killed_at_any_time(
        &camp,
        words,
        6,
        |_, answer| drop(answer.fine()),
        |camp| assert_eq!(count(camp), wanted),
    );
}

#[test]
fn a_bundle_whose_import_was_killed_is_taken_in_by_the_next() {
    let camp = counter();
    killed_at_any_time(
        &camp,
        "bundle import stick",
        6,
        |_, answer| drop(answer.fine()),
        |camp| drop(camp.run("doctor --full --rebuild").fine()),
    );
}

#[test]
fn a_folder_whose_making_was_killed_is_made_anew() {
    let camp = Camp::empty();
    let words = "init --dir late --site late --role merchant --passphrase-cost light";
    killed_at_any_time(
        &camp,
        words,
        8,
        |_, answer| {
            // Either it begins anew, or it was done already.
            if answer.code != Some(0) {
                answer.fails(6, "is not empty");
            }
        },
        |camp| {
            camp.bare("status --dir late").fine();
            camp.run("doctor --dir late").fine();
        },
    );
    // Half made, it is nobody's folder, and the program says whose turn it is.
    fs::create_dir(camp.file("half")).expect("folder");
    camp.write("half/unfinished", "annona: this folder is being made\n");
    camp.write("half/keys.annona", "half");
    camp.run("doctor --dir half").fails(3, "annona init");
    camp.run("init --dir half --site half --role merchant --passphrase-cost light").fine();
}

#[test]
fn a_restore_that_was_killed_is_begun_anew() {
    let camp = Camp::new();
    let words = "restore lake.backup --people-keys lake.people --dir back";
    killed_at_any_time(
        &camp,
        words,
        6,
        |_, answer| {
            if answer.code != Some(0) {
                answer.fails(6, "is not empty");
            }
        },
        |camp| {
            assert!(camp.run("family show 1 --dir back").fine().out.contains("Noor"));
            assert!(!camp.file("back/unfinished").exists());
        },
    );
}

/// What begins with a point, or ends as something that is being made: nothing of it may stay.
fn leftovers(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let unfinished = |name: &String| {
        [".annona-tmp", ".part", ".copy"].iter().any(|ending| name.ends_with(ending))
    };
    names.map(|name| name.expect("a name")).filter(unfinished).collect()
}

#[test]
fn a_backup_that_was_killed_leaves_no_half_and_is_made_by_the_next() {
    let camp = Camp::new();
    let words = "backup late.backup --people-keys late.people";
    killed_at_any_time(
        &camp,
        words,
        6,
        |camp, answer| {
            if answer.code == Some(0) {
                return;
            }
            answer.fails(6, "exists already");
            if !camp.file("late.backup").exists() {
                // Ended between the two names, the keys first.
                fs::remove_file(camp.file("late.people")).expect("the keys of no backup");
                camp.run(words).fine();
            }
        },
        |camp| {
            camp.run("restore late.backup --people-keys late.people --dir back --dry-run").fine();
            for folder in [camp.path(), &camp.file("lake")] {
                assert_eq!(leftovers(folder), [] as [String; 0], "{}", folder.display());
            }
        },
    );
}

#[test]
fn an_audit_file_whose_making_was_killed_is_made_by_the_next() {
    let camp = counter();
    camp.run("pay charge --family 1 --item Rice=0.001").fine();
    killed_at_any_time(
        &camp,
        "audit export late.audit --seal --replace",
        6,
        |_, answer| drop(answer.fine()),
        |camp| {
            camp.run("audit verify late.audit").fine();
            assert_eq!(leftovers(camp.path()), [] as [String; 0]);
        },
    );
    killed_at_any_time(
        &camp,
        "audit verify camp.audit",
        4,
        |_, answer| drop(answer.fine()),
        |camp| drop(camp.run("doctor").fine()),
    );
}

#[test]
fn a_bundle_whose_writing_was_killed_leaves_no_part_of_it() {
    let camp = counter();
    fs::create_dir(camp.file("news")).expect("folder");
    killed_at_any_time(
        &camp,
        "bundle export --to hill --all --out news",
        6,
        |_, answer| drop(answer.fine()),
        |camp| {
            camp.run("bundle import news --dir hill").fine();
            assert_eq!(leftovers(&camp.file("news")), [] as [String; 0]);
        },
    );
}

/// Whoever changed the passphrase and was interrupted runs the command again, and two operators open what it opens.
#[test]
fn a_change_of_passphrase_that_was_killed_is_finished_by_the_same_command() {
    let camp = Camp::new();
    let two = "--operator mara.keys --operator yusuf.keys --operator-passphrase-file pass.txt";
    camp.run(&format!("key shares make {two}")).fine();
    killed_at_any_time(
        &camp,
        "key passwd --new-passphrase-file new-passphrase.txt --passphrase-cost light",
        8,
        |_, answer| drop(answer.fine()),
        |camp| {
            camp.bare("family show 1 --passphrase-file new-passphrase.txt").fine();
            camp.run("family show 1").fails(5, "does not open");
            camp.run(&format!("key shares open {two} --dry-run")).fine();
        },
    );
    // Between the key file and the shares: the file of before, beside the new key file.
    let shares = fs::read(camp.file("lake/shares.annona")).expect("shares");
    camp.run("key passwd --new-passphrase-file new-passphrase.txt --passphrase-cost light").fine();
    for finish in [
        "key passwd --new-passphrase-file new-passphrase.txt --passphrase-file pass.txt",
        "family show 1 --passphrase-file new-passphrase.txt",
    ] {
        let camp = camp.copied();
        fs::write(camp.file("lake/shares.annona"), &shares).expect("written");
        camp.run(&format!("key shares open {two} --dry-run")).fails(5, "");
        camp.bare(finish).fine();
        camp.run(&format!("key shares open {two} --dry-run")).fine();
    }
}

/// A second organisation's witness, and a node of the first that begins from what both vouch for.
fn vouched() -> Camp {
    let camp = counter();
    let all = ["treasury", "lake", "hill", "council", "late"];
    for (dir, organisation, key, role) in
        [("council", 2, "city", "--role witness"), ("late", 1, "relief", "--role merchant")]
    {
        camp.run(&format!(
            "init --dir {dir} --site {dir} {role} --organisation {organisation} --passphrase-cost light"
        ))
        .fine();
        camp.run(&format!("charter apply charter.annona --dir {dir}")).fine();
        camp.run(&format!("node request --dir {dir} --out {dir}.request")).fine();
        camp.run(&format!(
            "node admit {dir}.request --keys {key}.keys --charter charter.annona --programme Food \
             --site 9 --small-site --until +300d --out {dir}.annona"
        ))
        .fine();
    }
    for dir in all {
        camp.run(&format!("node learn council.annona late.annona --dir {dir}")).fine();
    }
    fs::create_dir(camp.file("news")).expect("folder");
    camp.run("bundle export --to council --all --out news").fine();
    camp.run("bundle import news --dir council").fine();
    camp.run("checkpoint make").fine();
    camp.run("checkpoint cosign").fine();
    camp.run("checkpoint export ours.checkpoint").fine();
    camp.run("bundle export --to council --out news").fine();
    camp.run("bundle import news --dir council").fine();
    camp.bare("checkpoint import ours.checkpoint --dir council").fine();
    camp.run("checkpoint cosign --dir council").fine();
    camp.run("checkpoint export theirs.checkpoint --dir council").fine();
    camp.bare("checkpoint import theirs.checkpoint").fine();
    camp.run("checkpoint export rows.checkpoint --rows Food").fine();
    camp
}

#[test]
fn a_beginning_from_a_checkpoint_that_was_killed_is_made_by_the_next() {
    let camp = vouched();
    let words = "checkpoint begin rows.checkpoint --programme Food --dir late";
    killed_at_any_time(
        &camp,
        words,
        8,
        |_, answer| {
            // Either nothing of it is there, or all of it.
            if answer.code != Some(0) {
                answer.fails(6, "are here already");
            }
        },
        |camp| {
            camp.run("doctor --full --rebuild --dir late").fine();
            let told = camp.bare("status --dir late --json").fine();
            assert!(told.out.contains("late"), "{}", told.out);
        },
    );
}
