//! Disks that fail, briefly; at length: `cargo run --release -p annona-tests --bin faults`. Here are the planted bugs,
//! each caught by name, and every seed that ever failed.

use std::sync::OnceLock;

use annona_tests::faults::camp::{Camp, Machine};
use annona_tests::faults::people::{self, Office};
use annona_tests::faults::pins::{self, Counter};
use annona_tests::faults::platter::Honesty;
use annona_tests::faults::power::{self, Planted};
use annona_tests::faults::rebuild::{self, Pair};
use annona_tests::faults::refuse::{self, SCRIPT, WAYS};
use annona_tests::faults::{Failed, rot};

/// Seeds that failed once: what, seed, and the numbers it takes.
const REGRESSIONS: &str = include_str!("../data/faults.txt");

fn camp() -> &'static Camp {
    static CAMP: OnceLock<Camp> = OnceLock::new();
    CAMP.get_or_init(|| Camp::found().expect("a camp"))
}

fn machine(shares: bool) -> Machine {
    camp().machine(shares).expect("a machine")
}

#[track_caller]
fn kept<T>(done: Result<T, Failed>) -> T {
    done.unwrap_or_else(|failed| panic!("{failed}"))
}

/// Runs seeds with a bug until one breaks its word as that bug must: in the first of these words, and in no others.
#[track_caller]
fn caught(
    planted: impl std::fmt::Debug,
    words: &[&str],
    mut run: impl FnMut(u64) -> Option<Failed>,
) {
    for seed in 0..200 {
        let Some(failed) = run(seed) else { continue };
        let said = failed.broken.to_string();
        let known = words.iter().any(|words| said.contains(words));
        assert!(known, "{planted:?} was caught by another: {failed}");
        if said.contains(words[0]) {
            return;
        }
    }
    panic!("{planted:?} was not caught as {:?} in two hundred seeds", words[0]);
}

/// Runs chains of lives with a bug.
#[track_caller]
fn caught_in_lives(planted: Planted, words: &[&str]) {
    let mut machine = machine(true);
    caught(planted, words, |seed| power::run(camp(), &mut machine, seed, 6, Some(planted)).err());
}

#[test]
fn a_power_cut_takes_nothing_that_was_promised() {
    let mut machines = [machine(true), machine(false)];
    let mut all = power::Tally::default();
    for seed in 0..12 {
        let machine = &mut machines[usize::from(seed % 4 == 3)];
        all.add(&kept(power::run(camp(), machine, seed, 6, None)));
    }
    assert!(all.cuts > 20 && all.kills > 3 && all.promised > 100, "little was tried: {all}");
    assert!(all.others > 10, "hardly anything but handing out: {all}");
    assert!(all.found > 0, "nothing unanswered was ever found written: {all}");
}

#[test]
fn synchronous_normal_is_caught() {
    caught_in_lives(Planted::SyncedLater, &["is lost"]);
}

#[test]
fn a_disk_that_lies_is_caught() {
    // A main file whose pages were never synced is damaged as often as it is too old.
    caught_in_lives(Planted::LyingDisk, &["is lost", "opening: ", "checking: "]);
}

#[test]
fn a_promise_before_the_commit_is_caught() {
    caught_in_lives(Planted::SignsFirst, &["promised"]);
}

#[test]
fn a_log_believed_after_a_kill_is_caught() {
    caught_in_lives(Planted::TrustsTheLog, &["is lost"]);
}

#[test]
fn a_power_cut_forgets_nobody_and_brings_nobody_back() {
    let office = Office::found().expect("an office");
    let mut all = people::Tally::default();
    for seed in 0..40 {
        all.add(&kept(office.run(seed, 6, Honesty::Sound)));
    }
    let people::Tally { cuts, answered, erased, found } = all;
    assert!(cuts > 30 && answered > 200 && erased > 10 && found > 0, "little was tried: {all:?}");
}

#[test]
fn a_person_file_that_syncs_less_is_caught() {
    let office = Office::found().expect("an office");
    // What is lost may be one of several things that belong together.
    let words = ["is lost", "opening: ", "checking: ", "looking: ", "reading: ", "opening her: "];
    for planted in [Honesty::LogLater, Honesty::Lying] {
        caught(planted, &words, |seed| office.run(seed, 6, planted).err());
    }
}

#[test]
fn a_power_cut_forgets_no_wrong_pin() {
    let counter = Counter::found().expect("a counter");
    let mut all = pins::Tally::default();
    for seed in 0..30 {
        all.add(&kept(counter.run(seed, 6, Honesty::Sound)));
    }
    let pins::Tally { cuts, counted, doubted } = all;
    assert!(cuts > 60 && counted > 200 && doubted > 20, "little was tried: {all:?}");
}

#[test]
fn a_file_of_pins_that_syncs_less_is_caught() {
    let counter = Counter::found().expect("a counter");
    for planted in [Honesty::FolderLater, Honesty::Lying] {
        let words = ["were forgotten", "opening: ", "checking: "];
        caught(planted, &words, |seed| counter.run(seed, 6, planted).err());
    }
}

#[test]
fn a_request_that_fails_is_a_refusal() {
    let mut machines = [machine(true), machine(false)];
    let mut refused = 0;
    for (n, at) in (1..SCRIPT).step_by(23).enumerate() {
        let machine = &mut machines[usize::from(at % 4 == 3)];
        refused += kept(refuse::run(camp(), machine, 1, at, n % WAYS.len(), None)).refused;
    }
    assert!(refused > 0, "nothing was refused");
}

#[test]
fn a_commit_that_failed_and_is_answered_with_yes_is_caught() {
    let mut machine = machine(true);
    let caught = (0..200).find_map(|seed: u64| {
        let (at, way) = (1 + seed * 37 % SCRIPT, usize::try_from(seed).expect("few") % WAYS.len());
        refuse::run(camp(), &mut machine, seed, at, way, Some(Planted::Swallows)).err()
    });
    let failed = caught.expect("in two hundred scripts");
    let said = failed.broken.to_string();
    // What was promised is missing, or the file goes on refusing what it was never asked to take back.
    let known = ["is lost", "the feed has", "sealing on it: "];
    assert!(known.iter().any(|words| said.contains(words)), "{failed}");
}

#[test]
fn damage_is_found_or_does_no_harm() {
    let mut machine = machine(true);
    let mut all = rot::Tally::default();
    for seed in 0..60 {
        all.add(&kept(rot::run(camp(), &mut machine, seed, None)));
    }
    assert!(all.met > 0 && all.harmless > 0, "{all:?}");
}

#[test]
fn a_store_that_does_not_verify_is_caught() {
    let mut machine = machine(true);
    let planted = rot::Planted::Believes;
    caught(planted, &["what is served is not", "is served changed"], |seed| {
        rot::run(camp(), &mut machine, seed, Some(planted)).err()
    });
}

#[test]
fn a_search_that_finds_nothing_is_caught() {
    let mut machine = machine(true);
    let planted = rot::Planted::SearchesBlindly;
    caught(planted, &["nothing finds it"], |seed| {
        rot::run(camp(), &mut machine, seed, Some(planted)).err()
    });
}

#[test]
fn a_lost_machine_comes_back_from_its_neighbour() {
    let mut pair = Pair::found().expect("two sites");
    for _ in 0..3 {
        kept(pair.lose(1));
    }
}

#[test]
fn a_neighbour_that_hands_over_too_little_is_caught() {
    let mut pair = Pair::found().expect("two sites");
    kept(pair.lose(1));
    let failed = pair.lose_with(1, Some(rebuild::Planted::PartLost)).expect_err("a part is lost");
    assert!(failed.broken.to_string().contains("it came back with root"), "{failed}");
}

#[test]
fn what_failed_once_holds() {
    let mut machines = [machine(true), machine(false)];
    for line in REGRESSIONS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let what = words.next().expect("what failed");
        let numbers: Vec<u64> = words.map(|word| word.parse().expect("a number")).collect();
        match (what, numbers.as_slice()) {
            ("power", [seed, lives]) => {
                let machine = &mut machines[usize::from(seed % 4 == 3)];
                kept(power::run(camp(), machine, *seed, *lives, None));
            }
            ("refuse", [seed, at, way]) => {
                let machine = &mut machines[usize::from(at % 4 == 3)];
                let way = usize::try_from(*way).expect("a way");
                kept(refuse::run(camp(), machine, *seed, *at, way, None));
            }
            ("people", [seed, lives]) => {
                let office = Office::found().expect("an office");
                kept(office.run(*seed, *lives, Honesty::Sound));
            }
            ("pins", [seed, lives]) => {
                let counter = Counter::found().expect("a counter");
                kept(counter.run(*seed, *lives, Honesty::Sound));
            }
            ("rot", [seed]) => {
                kept(rot::run(camp(), &mut machines[0], *seed, None));
            }
            _ => panic!("{line:?} says nothing that can be run"),
        }
    }
}
