//! Long commands ended at any moment, by SIGKILL and by Ctrl-C: the folder opens, nothing is half done, and the same
//! command run again finishes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::camp::{Answer, Camp};
use crate::counter::counter;
use crate::faults::left;
use crate::vouch::{closed, signs, witnessed};

/// Runs a command to see how long it takes, then ends it at moments spread over that time, each in a fresh copy of the
/// camp, every second time as Ctrl-C does, and runs it again there. A kill that comes too late is tried again sooner, so that
/// every one meets a living process.
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
        let interrupts = cfg!(unix) && n % 2 == 1;
        let mut after = took * n / moments;
        let camp = loop {
            let camp = made.copied();
            if ended(&camp, words, after, interrupts) {
                break camp;
            }
            after = if after.as_millis() > 1 { after / 2 } else { Duration::ZERO };
        };
        again(&camp, camp.run(words));
        check(&camp);
    }
}

/// As [`killed_at_any_time`], of what would be done a second time if it were said twice: it is said again where no answer
/// came.
fn killed_before_its_answer(made: &Camp, words: &str, moments: u32, check: impl Fn(&Camp)) {
    let whole = made.copied();
    let began = Instant::now();
    whole.run(words).fine();
    let mut took = began.elapsed();
    check(&whole);
    let mut cut = 0;
    while cut == 0 {
        for n in 0..moments {
            let camp = made.copied();
            let mut child = camp.start(words);
            // What is written comes late in it.
            std::thread::sleep(took / 2 + took * n / moments / 2);
            child.kill().expect("killed");
            let ended = child.wait_with_output().expect("ended");
            if ended.stdout.is_empty() {
                cut += 1;
                camp.run(words).fine();
            }
            check(&camp);
        }
        assert!(cut > 0 || took.as_millis() > 1, "{words}: it was always answered before");
        // The first may have been slower than all others.
        took /= 2;
    }
}

/// Ends a command so long after its beginning; whether it was still at work.
fn ended(camp: &Camp, words: &str, after: Duration, interrupts: bool) -> bool {
    let mut child = camp.start(words);
    std::thread::sleep(after);
    let interrupted = interrupts && {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        sent.is_ok_and(|sent| sent.success())
    };
    if !interrupted {
        child.kill().expect("killed");
    }
    let ended = child.wait_with_output().expect("ended");
    let code = ended.status.code();
    if interrupted {
        // Before it listens it is ended by the system; later it ends by itself, at a safe place or when it was done.
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(matches!(code, None | Some(0 | 130)), "{words}: {said}");
        return true;
    }
    code.is_none()
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
pub(crate) fn leftovers(folder: &std::path::Path) -> Vec<String> {
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

/// Two operators who gave the folder another passphrase and were interrupted say it again.
#[test]
fn opening_by_two_operators_that_was_killed_is_finished_by_the_same_command() {
    let camp = Camp::new();
    let two = "--operator mara.keys --operator yusuf.keys --operator-passphrase-file pass.txt";
    camp.run(&format!("key shares make {two}")).fine();
    killed_at_any_time(
        &camp,
        &format!("key shares open {two} --new-passphrase-file new-passphrase.txt"),
        8,
        |_, answer| drop(answer.fine()),
        |camp| {
            camp.bare("family show 1 --passphrase-file new-passphrase.txt").fine();
            camp.run("family show 1").fails(5, "does not open");
            camp.run(&format!("key shares open {two} --dry-run")).fine();
            assert_eq!(leftovers(&camp.file("lake")), [] as [String; 0]);
        },
    );
}

/// A node of the first organisation that begins from what a witness of the second vouches for as well.
fn vouched() -> Camp {
    let camp = witnessed();
    let late = "init --dir late --site late --role merchant --organisation 1";
    camp.run(&format!("{late} --passphrase-cost light")).fine();
    camp.run("charter apply charter.annona --dir late").fine();
    camp.run("node request --dir late --out late.request").fine();
    camp.run(
        "node admit late.request --keys relief.keys --charter charter.annona --programme Food --site 10 --small-site \
         --until +300d --out late.annona",
    )
    .fine();
    for dir in ["treasury", "lake", "hill", "council", "late"] {
        camp.run(&format!("node learn council.annona late.annona --dir {dir}")).fine();
    }
    camp.run("checkpoint make").fine();
    camp.run("checkpoint cosign").fine();
    signs(&camp, "council");
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

/// Value that is taken up, approved, erased, closed, paid and pruned: each is done once, however often it was begun.
#[test]
fn a_claim_that_was_killed_is_made_once() {
    let claim = "pay claim supply.ticket --dir hill";
    killed_at_any_time(
        &counter(),
        claim,
        4,
        |_, answer| drop(once(answer, 5, "claimed already")),
        |camp| {
            camp.run(claim).fails(5, "claimed already");
            camp.run("doctor --full --rebuild --dir hill").fine();
        },
    );
}

/// Done now, or done before.
fn once(answer: Answer, code: i32, words: &str) -> Answer {
    if answer.code == Some(0) { answer } else { answer.fails(code, words) }
}

#[test]
fn an_approval_that_was_killed_freezes_a_list_once() {
    let camp = counter();
    let waiting = camp.told("waiting.txt");
    let by = |who: &str| {
        format!(
            "entitle approve {waiting} --operator {who}.keys --operator-passphrase-file pass.txt"
        )
    };
    camp.run(&by("mara")).fine();
    killed_at_any_time(
        &camp,
        &by("yusuf"),
        4,
        |_, answer| drop(once(answer, 6, "two approved it")),
        |camp| {
            camp.run(&by("yusuf")).fails(6, "two approved it");
            camp.run("doctor --full --rebuild").fine();
        },
    );
}

#[test]
fn an_article_whose_taking_in_was_killed_is_taken_in_by_the_next() {
    let camp = counter();
    camp.run("charter propose --acts budget.toml --out again.annona").fine();
    for keys in ["relief", "city"] {
        camp.run(&format!("charter sign again.annona --keys {keys}.keys")).fine();
    }
    killed_at_any_time(
        &camp,
        "charter apply again.annona",
        4,
        |_, answer| drop(answer.fine()),
        |camp| {
            assert_eq!(camp.run("charter show --json").fine().field(0, "epoch"), "2");
            camp.run("doctor --full --rebuild").fine();
        },
    );
}

#[test]
fn the_steps_of_a_settlement_that_were_killed_are_taken_once() {
    let camp = crate::settle::treasury();
    let stage = |camp: &Camp| {
        let told = camp.run("settle status --dir treasury --json").fine();
        (told.lines().len(), told.field(0, "stage"))
    };
    killed_at_any_time(
        &camp,
        "settle draft --dir treasury",
        4,
        |_, answer| drop(once(answer, 5, "nothing waits")),
        |camp| {
            assert_eq!(stage(camp), (2, "draft".into()), "one draft, and what waits");
            camp.run("doctor --full --rebuild --dir treasury").fine();
        },
    );
    let draft = crate::settle::drafted(&camp, 0);
    killed_at_any_time(
        &camp,
        &format!(
            "settle verify {draft} --operator mara.keys --operator-passphrase-file pass.txt --dir treasury"
        ),
        4,
        |_, answer| drop(once(answer, 5, "rejection")),
        |camp| assert_eq!(stage(camp).1, "verified"),
    );
}

#[test]
fn a_folder_that_was_killed_while_it_began_anew_is_no_copy_of_what_it_was() {
    let camp = Camp::new();
    camp.run("restore lake.backup --people-keys lake.people --dir back").fine();
    let node = |camp: &Camp, dir: &str| {
        camp.run(&format!("status --dir {dir} --json")).fine().field(0, "node")
    };
    let before = node(&camp, "back");
    killed_at_any_time(
        &camp,
        "node reincarnate --dir back",
        4,
        |_, answer| drop(answer.fine()),
        |camp| {
            assert_ne!(node(camp, "back"), before);
            camp.run("doctor --dir back --full").fine();
            assert!(camp.run("family show 1 --dir back").fine().out.contains("Noor"));
        },
    );
}

#[test]
fn an_erasure_that_was_killed_is_finished() {
    let camp = counter();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    killed_at_any_time(
        &camp,
        &format!("erase 2 {mara}"),
        6,
        |camp, answer| {
            if answer.code != Some(0) {
                answer.fails(3, "it was erased");
                camp.run(&format!("erase --finish {mara}")).fine();
            }
        },
        |camp| {
            camp.run("family show 2").fails(3, "it was erased");
            let pending = camp.run("erase --pending --json").fine();
            assert_eq!(pending.out.lines().count(), 1, "said once: {}", pending.out);
            camp.run("doctor --full --rebuild").fine();
        },
    );
}

#[test]
fn a_pruning_that_was_killed_loses_nothing_and_is_finished_by_the_next() {
    let camp = closed();
    signs(&camp, "treasury");
    let prune = "checkpoint prune --programme Food --json";
    killed_at_any_time(
        &camp,
        prune,
        6,
        |_, answer| drop(answer.fine()),
        |camp| {
            assert_eq!(camp.run(prune).fine().field(0, "blocks"), "0", "all of it is gone");
            camp.run("doctor --full --rebuild").fine();
            camp.run("pay charge --family 1 --item Rice=0.001").fine();
        },
    );
}

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const TWO: &str = "--operator mara.keys --operator-passphrase-file pass.txt \
                   --second yusuf.keys --second-passphrase-file pass.txt";

/// How many families there are, and that each is enrolled.
fn enrolled(camp: &Camp) -> usize {
    let found = camp.run("family find e --json").fine();
    let families: BTreeSet<String> =
        found.lines().iter().map(|line| line["family"].to_string()).collect();
    for family in &families {
        let shown = camp.run(&format!("family show {family}")).fine();
        assert!(shown.out.contains("enrolled in: 1"), "{}", shown.out);
    }
    families.len()
}

#[test]
fn a_registration_that_was_killed_registers_one_family_and_enrols_it() {
    let camp = Camp::new();
    camp.write("late.family", "size=2\nmember: full_name=Lateefe\nmember: full_name=Here");
    let before = enrolled(&camp);
    for key in ["", "--key B1-077"] {
        let words = format!("family add --from late.family {key} {MARA}");
        killed_before_its_answer(&camp, &words, 6, |camp| {
            assert_eq!(enrolled(camp), before + 1, "{words}");
        });
    }
}

#[test]
fn what_happens_to_a_family_happens_once_however_often_it_was_killed() {
    let made = Camp::new();
    let four = "member: full_name=Eve\nmember: full_name=Pete\nmember: full_name=Zee\nmember: full_name=Lee";
    let id = made.family(four, &format!("--json {MARA}")).fine().field(0, "family");
    let other = made.family(four, &format!("--json {MARA}")).fine().field(0, "family");
    let people = |camp: &Camp, family: &str| {
        let shown = camp.run(&format!("family show {family} --json")).fine();
        shown.lines()[0]["members"].as_array().expect("members").len()
    };
    let families = enrolled(&made);
    for (words, left, families) in [
        (format!("birth {id} --from adam.family"), 5, families),
        (format!("death {id} --member 4"), 3, families),
        (format!("split {id} --member 3 --member 4"), 2, families + 1),
        (format!("merge {id} {other}"), 8, families),
    ] {
        let words = format!("family {words} --collector 1 {TWO}");
        killed_before_its_answer(&made, &words, 4, |camp| {
            assert_eq!(people(camp, &id), left, "{words}");
            if !words.contains("merge") {
                assert_eq!(enrolled(camp), families, "{words}");
            }
        });
    }
}
