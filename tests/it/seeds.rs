//! A fixed set of seeds, what it has to show, and the seeds that failed once.

use annona_tests::coverage::Table;
use annona_tests::run::{Ran, run, run_both};
use annona_tests::world::{Malice, Options};

/// Seeds that failed once, one a line, replayed for ever.
const REGRESSIONS: &str = include_str!("../data/regressions.txt");

fn ran(seed: u64) -> Ran {
    run(Options::seed(seed)).unwrap_or_else(|failed| panic!("{failed}"))
}

#[test]
fn two_hundred_seeds_hold_and_reach_everything() {
    let mut table = Table::default();
    let halves: Vec<_> = [0..100u64, 100..200]
        .into_iter()
        .map(|seeds| std::thread::spawn(move || seeds.map(ran).collect::<Vec<_>>()))
        .collect();
    for half in halves {
        for ran in half.join().expect("a seed failed: see above") {
            table.add(&ran.coverage);
        }
    }
    assert!(table.missing().is_empty(), "in under 1 % of seeds: {:?}\n{table}", table.missing());
    assert_eq!(table.unlisted(), [] as [&str; 0], "occurs, and no list asks for it");
}

#[test]
fn one_seed_is_one_run_to_the_last_byte() {
    assert_eq!(ran(7), ran(7));
    assert_ne!(ran(7).digest, ran(8).digest);
}

#[test]
fn seeds_that_failed_once_hold() {
    for line in REGRESSIONS.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        let seed = words.next().and_then(|n| n.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("{line:?} does not begin with a seed"));
        // Most are from before there were days, receipts and settlements, and before anything was said about people or
        // anybody met over a link.
        let (mut malice, mut offices, mut people) = (None, Some(false), Some(false));
        let mut links = Some(false);
        for word in words {
            match word {
                "none:" => malice = Some(Malice::None),
                "fork:" => malice = Some(Malice::Fork),
                "mint:" => malice = Some(Malice::Mint),
                "busy:" => offices = None,
                "people:" => people = None,
                "links:" => links = None,
                _ => break,
            }
        }
        let options = Options { malice, offices, people, links, ..Options::seed(seed) };
        run(options).unwrap_or_else(|failed| panic!("{failed}"));
    }
}

/// The ledger file and the core's maps are two tellings of one state: what happens over either is the same to the
/// last refusal, head and root. Among these seeds are late certificates, power cuts, forks whose copies seal the same
/// entries twice, minted tickets and overdrafts.
#[test]
fn ledger_files_tell_the_same_as_the_core() {
    let halves: Vec<_> = [0..8u64, 40..48]
        .into_iter()
        .map(|mut seeds| {
            std::thread::spawn(move || {
                seeds.try_for_each(|seed| {
                    let options = Options { steps: 160, ..Options::seed(seed) };
                    run_both(options).map(|_| ()).map_err(|failed| failed.to_string())
                })
            })
        })
        .collect();
    for half in halves {
        assert_eq!(half.join().expect("it tells what failed"), Ok(()));
    }
}
