//! Disks that fail, briefly; at length: `cargo run --release -p annona-tests --bin faults`. Here are the planted bugs,
//! each caught by name, and every seed that ever failed.

use std::sync::OnceLock;

use annona_tests::faults::camp::{Camp, Machine};
use annona_tests::faults::power::{self, Planted};
use annona_tests::faults::rebuild::Pair;
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

/// Runs seeds with a bug until one breaks its word as that bug must.
#[track_caller]
fn caught(planted: Planted, words: &str) {
    let mut machine = machine(true);
    for seed in 0..60 {
        if let Err(failed) = power::run(camp(), &mut machine, seed, 6, Some(planted)) {
            let said = failed.broken.to_string();
            assert!(said.contains(words), "{planted:?} was caught by another: {failed}");
            return;
        }
    }
    panic!("{planted:?} was not caught in sixty seeds");
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
    assert!(all.found > 0, "nothing unanswered was ever found written: {all}");
}

#[test]
fn synchronous_normal_is_caught() {
    caught(Planted::SyncedLater, "lost");
}

#[test]
fn a_disk_that_lies_is_caught() {
    caught(Planted::LyingDisk, "");
}

#[test]
fn a_promise_before_the_commit_is_caught() {
    caught(Planted::SignsFirst, "promised");
}

#[test]
fn a_log_believed_after_a_kill_is_caught() {
    caught(Planted::TrustsTheLog, "lost");
}

#[test]
fn a_request_that_fails_is_a_refusal() {
    let mut machines = [machine(true), machine(false)];
    let mut refused = 0;
    for (n, at) in (1..SCRIPT).step_by(23).enumerate() {
        let machine = &mut machines[usize::from(at % 4 == 3)];
        refused += kept(refuse::run(camp(), machine, 1, at, n % WAYS.len())).refused;
    }
    assert!(refused > 0, "nothing was refused");
}

#[test]
fn damage_is_found_or_does_no_harm() {
    let mut machine = machine(true);
    let mut all = rot::Tally::default();
    for seed in 0..60 {
        all.add(&kept(rot::run(camp(), &mut machine, seed, false)));
    }
    assert!(all.met > 0 && all.harmless > 0, "{all:?}");
}

#[test]
fn a_store_that_does_not_verify_is_caught() {
    let mut machine = machine(true);
    let blind = (0..200).find_map(|seed| rot::run(camp(), &mut machine, seed, true).err());
    let failed = blind.expect("in two hundred media");
    assert!(failed.broken.to_string().contains("serve"), "{failed}");
}

#[test]
fn a_lost_machine_comes_back_from_its_neighbour() {
    let mut pair = Pair::found().expect("two sites");
    for _ in 0..3 {
        kept(pair.lose(1));
    }
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
                kept(refuse::run(camp(), machine, *seed, *at, way));
            }
            ("rot", [seed]) => {
                kept(rot::run(camp(), &mut machines[0], *seed, false));
            }
            _ => panic!("{line:?} says nothing that can be run"),
        }
    }
}
