//! `sim`: runs seeds of the simulator.
//!
//! ```text
//! sim --seed N                       one seed, its digest and what it tried
//! sim --seeds FROM..TO [--minutes M] a range, stopped after M minutes; failed seeds are printed, and the rate
//! sim --steps S                      steps of a seed (320 unless told)
//! sim --store                        over ledger files on disk instead of the core's maps
//! sim --both                         over both, and both must come to the same
//! sim --compare K                    every K-th seed over both, the others over the core's maps
//! sim --threads T                    seeds run side by side (as many as there are processors unless told)
//! sim --malice M                     every seed has a node that does what it must not: fork, mint, overdraw, lie; or none
//! sim --bug B                        every honest node has a planted bug, and no naive verdict helps: which invariant tells?
//!                                    higher-cut, reclaim-at-fence, suspense-to-purse, successor-claims, release-uncharged,
//!                                    orphan-twice, day-unchecked, settles-past-cut, settles-again, pays-by-row, fork-forgotten,
//!                                    slanders, taken-unkept
//! sim --plain                        no days, receipts or settlements: as seeds were before there were any
//! sim --no-people                    nothing is said about people: as seeds were before anything was
//! sim --no-links                     nobody meets over a link: as seeds were before anybody did
//! sim --tell                         prints every line that enters the digest: what differs between two runs
//! sim --keep FILE                    adds failed seeds to a file
//! ```
//!
//! Ends with 1 where a seed failed, or where of 100 seeds or more something did not occur in one of a hundred.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annona_tests::coverage::Table;
use annona_tests::planted::Bug;
use annona_tests::run::{Failed, Over, Ran, name_panics, run_over};
use annona_tests::world::{Malice, Options};

struct Asked {
    seeds: std::ops::Range<u64>,
    minutes: Option<u64>,
    steps: usize,
    keep: Option<String>,
    over: Over,
    compare: Option<u64>,
    threads: usize,
    tell: bool,
    plain: bool,
    no_people: bool,
    no_links: bool,
    malice: Option<Malice>,
    bug: Option<Bug>,
}

impl Asked {
    fn over(&self, seed: u64) -> Over {
        match self.compare {
            Some(each) if seed.is_multiple_of(each) => Over::Both,
            _ => self.over,
        }
    }
}

fn asked() -> Result<Asked, String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut asked = Asked {
        seeds: 0..200,
        minutes: None,
        steps: Options::STEPS,
        keep: None,
        over: Over::Core,
        compare: None,
        threads,
        tell: false,
        plain: false,
        no_people: false,
        no_links: false,
        malice: None,
        bug: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--store" => asked.over = Over::Store,
            "--both" => asked.over = Over::Both,
            "--tell" => asked.tell = true,
            "--plain" => asked.plain = true,
            "--no-people" => asked.no_people = true,
            "--no-links" => asked.no_links = true,
            _ => {
                let value = args.next().ok_or(format!("{arg} wants a value"))?;
                with(&mut asked, &arg, value)?;
            }
        }
    }
    Ok(asked)
}

fn with(asked: &mut Asked, arg: &str, value: String) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{arg} {text}: {e}"));
    let size = |text: &str| text.parse::<usize>().map_err(|e| format!("{arg} {text}: {e}"));
    match arg {
        "--seed" => {
            let seed = number(&value)?;
            asked.seeds = seed..seed.saturating_add(1);
        }
        "--seeds" => {
            let (from, to) = value.split_once("..").ok_or("--seeds wants FROM..TO")?;
            asked.seeds = number(from)?..number(to)?;
        }
        "--minutes" => asked.minutes = Some(number(&value)?),
        "--steps" => asked.steps = size(&value)?,
        "--compare" => asked.compare = Some(number(&value)?.max(1)),
        "--malice" => {
            asked.malice = Some(match value.as_str() {
                "none" => Malice::None,
                "fork" => Malice::Fork,
                "mint" => Malice::Mint,
                "overdraw" => Malice::Overdraw,
                "lie" => Malice::Lie,
                other => {
                    return Err(format!("--malice {other}: fork, mint, overdraw, lie or none"));
                }
            });
        }
        "--bug" => {
            asked.bug = Some(match value.as_str() {
                "higher-cut" => Bug::HigherCutWins,
                "reclaim-at-fence" => Bug::ReclaimAtFence,
                "suspense-to-purse" => Bug::SuspenseToPurse,
                "successor-claims" => Bug::SuccessorClaims,
                "release-uncharged" => Bug::ReleaseUncharged,
                "orphan-twice" => Bug::OrphanTwice,
                "day-unchecked" => Bug::DayUnchecked,
                "settles-past-cut" => Bug::SettlesPastCut,
                "settles-again" => Bug::SettlesAgain,
                "pays-by-row" => Bug::PaysByRow,
                "fork-forgotten" => Bug::ForkForgotten,
                "slanders" => Bug::Slanders,
                "taken-unkept" => Bug::TakenUnkept,
                other => return Err(format!("--bug {other}: see the head of this program")),
            });
        }
        "--threads" => asked.threads = size(&value)?.max(1),
        "--keep" => asked.keep = Some(value),
        other => {
            return Err(format!("unknown: {other}; --seed N | --seeds FROM..TO [--minutes M]"));
        }
    }
    Ok(())
}

/// What the seeds came to so far.
#[derive(Default)]
struct Sum {
    table: Table,
    done: u64,
    compared: u64,
    failed: u64,
    entries: usize,
    nodes: usize,
}

impl Sum {
    fn add(&mut self, asked: &Asked, seed: u64, outcome: Result<Ran, Box<Failed>>) {
        self.done += 1;
        self.compared += u64::from(asked.over(seed) == Over::Both);
        let fault = match outcome {
            Ok(ran) => {
                self.table.add(&ran.coverage);
                self.entries += ran.entries.len();
                self.nodes += ran.nodes;
                if asked.seeds.end.saturating_sub(asked.seeds.start) == 1 {
                    println!("{}", self.table);
                    let Ran { nodes, digest, .. } = ran;
                    let entries = ran.entries.len();
                    println!("seed {seed}: {nodes} nodes, {entries} entries, digest {digest}");
                }
                return;
            }
            Err(fault) => fault,
        };
        self.failed += 1;
        println!("FAILED {fault}");
        if let Some(path) = &asked.keep {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            if let Err(e) = file.and_then(|mut f| writeln!(f, "{seed}")) {
                eprintln!("{path}: {e}");
            }
        }
    }
}

/// Runs seeds side by side until none is left or the time is up.
fn run_all(asked: &Asked, began: Instant) -> Sum {
    let limit = asked.minutes.map(|m| Duration::from_secs(m.saturating_mul(60)));
    let (next, sum) = (AtomicU64::new(asked.seeds.start), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..asked.threads {
            scope.spawn(|| {
                while limit.is_none_or(|limit| began.elapsed() < limit) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !asked.seeds.contains(&seed) {
                        break;
                    }
                    let options = Options {
                        steps: asked.steps,
                        tell: asked.tell,
                        malice: asked.malice,
                        bug: asked.bug,
                        naive: asked.bug.is_none(),
                        offices: asked.plain.then_some(false),
                        people: asked.no_people.then_some(false),
                        links: asked.no_links.then_some(false),
                        ..Options::seed(seed)
                    };
                    let outcome = run_over(options, asked.over(seed));
                    sum.lock().expect("nobody panics with it").add(asked, seed, outcome);
                }
            });
        }
    });
    sum.into_inner().expect("nobody panics with it")
}

fn main() -> std::process::ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("{text}");
            return std::process::ExitCode::from(2);
        }
    };
    name_panics();
    let began = Instant::now();
    let sum = run_all(&asked, began);
    let seconds = began.elapsed().as_secs_f64();
    let Sum { table, done, compared, failed, entries, nodes } = sum;
    let mut thin = false;
    if done > 1 {
        println!("{table}");
        let missing = table.missing();
        thin = done >= 100 && asked.malice.is_none() && !missing.is_empty();
        if thin {
            println!("in under one seed of a hundred: {missing:?}");
        }
    }
    let each = |sum: usize| sum as f64 / done.max(1) as f64;
    println!(
        "{done} seeds, {failed} failed, {compared} also over ledger files; {seconds:.1} s, {:.1} seeds/s on {} threads",
        done as f64 / seconds.max(0.001),
        asked.threads,
    );
    println!(
        "a seed: {} steps, {:.1} nodes, {:.0} entries; after each step the naive model and every invariant",
        asked.steps,
        each(nodes),
        each(entries),
    );
    std::process::ExitCode::from(u8::from(failed > 0 || thin))
}
