//! Disks that fail, at length. A failure prints its seed and the one command that repeats it.
//!
//! ```text
//! faults power --cuts 20000            power cuts, --lives N to a seed
//! faults refuse                        every request of a script fails, in every way; --at N --way N for one
//! faults rot --count 10000             flipped, zeroed and misdirected sectors
//! faults people --cuts 5000            power cuts under the person file
//! faults pins --cuts 5000              power cuts under the PINs
//! faults rebuild --count 100           a machine is lost and comes back from its neighbour
//! ```
//!
//! `--seed S` is the first seed, `--minutes M` the most to take. Chains run on all cores. Ends with 1 where a promise was
//! broken, and where the minutes were over before everything asked for was tried.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annona_tests::bench::Fault;
use annona_tests::faults::camp::{Camp, Machine};
use annona_tests::faults::people::{self, Office};
use annona_tests::faults::pins::{self, Counter};
use annona_tests::faults::platter::Honesty;
use annona_tests::faults::rebuild::Pair;
use annona_tests::faults::refuse::{SCRIPT, WAYS};
use annona_tests::faults::{Failed, power, refuse, rot};

/// What the command line says.
struct Asked {
    what: String,
    seed: u64,
    count: Option<u64>,
    lives: u64,
    minutes: u64,
    at: Option<u64>,
    way: Option<usize>,
}

fn asked() -> Result<Asked, Fault> {
    let mut words = std::env::args().skip(1);
    let what = words.next().ok_or("say what: power, people, pins, refuse, rot or rebuild")?;
    let mut asked =
        Asked { what, seed: 1, count: None, lives: 10, minutes: 600, at: None, way: None };
    while let Some(word) = words.next() {
        let number = words.next().ok_or(format!("{word} needs a number"))?.parse()?;
        match word.as_str() {
            "--seed" => asked.seed = number,
            "--cuts" | "--count" => asked.count = Some(number),
            "--lives" => asked.lives = number,
            "--minutes" => asked.minutes = number,
            "--at" => asked.at = Some(number),
            "--way" => asked.way = Some(usize::try_from(number)? % WAYS.len()),
            _ => return Err(format!("{word} is not known").into()),
        }
    }
    Ok(asked)
}

fn main() -> ExitCode {
    let began = Instant::now();
    let done = asked().and_then(|asked| match asked.what.as_str() {
        "power" => power(&asked),
        "refuse" => refuse(&asked),
        "rot" => rot(&asked),
        "rebuild" => rebuild(&asked),
        "people" => people(&asked),
        "pins" => pins(&asked),
        other => Err(format!("{other} is not known").into()),
    });
    match done {
        Ok(Done { words, broken, short }) => {
            println!("{words}, {broken} broken, {:.0} s", began.elapsed().as_secs_f64());
            if let Some(short) = &short {
                println!("{short}: give it more --minutes, or ask for less");
            }
            if broken == 0 && short.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

/// What was done, in words.
struct Done {
    words: String,
    /// How many promises were broken.
    broken: usize,
    /// What was asked for and not tried.
    short: Option<String>,
}

impl Done {
    /// So much was tried of what was wanted; what broke ends a run early and speaks for itself.
    fn of(words: String, broken: usize, (tried, wanted): (u64, u64)) -> Self {
        let short = (broken == 0 && tried < wanted).then(|| format!("{tried} tried of {wanted}"));
        Self { words, broken, short }
    }
}

/// Runs `one` for number after number on all cores until it has done enough, or fails; gives what was summed up.
fn spread<T: Default + Send>(
    asked: &Asked,
    one: impl Fn(&Camp, &mut [Machine; 2], u64) -> Result<T, Failed> + Sync,
    add: impl Fn(&mut T, T) -> bool + Sync,
) -> Result<(T, usize), Fault> {
    let camp = Camp::found()?;
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let all = Mutex::new((T::default(), 0usize, true));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let end = Duration::from_secs(asked.minutes * 60);
    let work = || -> Result<(), Fault> {
        let mut machines = [camp.machine(true)?, camp.machine(false)?];
        while began.elapsed() < end {
            let done = one(&camp, &mut machines, next.fetch_add(1, Ordering::SeqCst));
            let mut all = all.lock().map_err(|_| "another thread broke off")?;
            match done {
                Ok(tally) if all.2 => all.2 = add(&mut all.0, tally),
                Ok(_) => {}
                Err(failed) => {
                    eprintln!("{failed}");
                    (all.1, all.2) = (all.1 + 1, false);
                }
            }
            if !all.2 {
                break;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Result<(), Fault> {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread broke off")??;
        }
        Ok(())
    })?;
    let (tally, broken, _) = all.into_inner().map_err(|_| "a thread broke off")?;
    Ok((tally, broken))
}

/// Chains of lives, every fourth on a machine without shared memory.
fn power(asked: &Asked) -> Result<Done, Fault> {
    let wanted = asked.count.unwrap_or(1);
    let (tally, broken) = spread(
        asked,
        |camp, machines, n| {
            let seed = asked.seed + n;
            power::run(camp, &mut machines[usize::from(seed % 4 == 3)], seed, asked.lives, None)
        },
        |all: &mut power::Tally, tally| {
            all.add(&tally);
            all.cuts < wanted
        },
    )?;
    Ok(Done::of(tally.to_string(), broken, (tally.cuts, wanted)))
}

/// Runs chains of lives one after the other until so many cuts were made, or one fails.
fn chains(asked: &Asked, mut one: impl FnMut(u64) -> Result<u64, Failed>) -> (usize, (u64, u64)) {
    let (began, wanted) = (Instant::now(), asked.count.unwrap_or(1));
    let (mut cuts, mut seed) = (0, asked.seed);
    while cuts < wanted && began.elapsed() < Duration::from_secs(asked.minutes * 60) {
        match one(seed) {
            Ok(more) => cuts += more,
            Err(failed) => {
                eprintln!("{failed}");
                return (1, (cuts, wanted));
            }
        }
        seed += 1;
    }
    (0, (cuts, wanted))
}

fn people(asked: &Asked) -> Result<Done, Fault> {
    let (office, mut all) = (Office::found()?, people::Tally::default());
    let (broken, counts) = chains(asked, |seed| {
        let tally = office.run(seed, asked.lives, Honesty::Sound)?;
        all.add(&tally);
        Ok(tally.cuts)
    });
    let people::Tally { cuts, answered, erased, found } = all;
    let words = format!(
        "{cuts} power cuts under the person file: {answered} acts answered, {erased} of them erasures; {found} that \
         nobody was answered had been written"
    );
    Ok(Done::of(words, broken, counts))
}

fn pins(asked: &Asked) -> Result<Done, Fault> {
    let (counter, mut all) = (Counter::found()?, pins::Tally::default());
    let (broken, counts) = chains(asked, |seed| {
        let tally = counter.run(seed, asked.lives, Honesty::Sound)?;
        all.add(&tally);
        Ok(tally.cuts)
    });
    let pins::Tally { cuts, counted, doubted } = all;
    let words = format!(
        "{cuts} power cuts under the PINs: {counted} attempts counted, {doubted} that nobody was answered"
    );
    Ok(Done::of(words, broken, counts))
}

fn refuse(asked: &Asked) -> Result<Done, Fault> {
    let runs: Vec<(u64, usize)> = (1..=SCRIPT)
        .filter(|at| asked.at.is_none_or(|only| only == *at))
        .flat_map(|at| (0..WAYS.len()).map(move |way| (at, way)))
        .filter(|(_, way)| asked.way.is_none_or(|only| only == *way))
        .collect();
    let total = runs.len() as u64;
    let (tally, broken) = spread(
        asked,
        |camp, machines, n| {
            let Some((at, way)) = usize::try_from(n).ok().and_then(|n| runs.get(n)) else {
                return Ok((0, refuse::Tally::default()));
            };
            let machine = &mut machines[usize::from(at % 4 == 3)];
            refuse::run(camp, machine, asked.seed, *at, *way, None).map(|tally| (1, tally))
        },
        |(runs, all): &mut (u64, refuse::Tally), (run, tally)| {
            *runs += run;
            all.failed += tally.failed;
            all.refused += tally.refused;
            all.promised += tally.promised;
            *runs < total
        },
    )?;
    let (runs, refuse::Tally { failed, refused, promised }) = tally;
    let words = format!(
        "{runs} scripts of {SCRIPT} requests, {failed} with a request that failed: {refused} refusals, \
         {promised} entries promised"
    );
    Ok(Done::of(words, broken, (failed, total)))
}

fn rot(asked: &Asked) -> Result<Done, Fault> {
    let wanted = asked.count.unwrap_or(1);
    let (tally, broken) = spread(
        asked,
        |camp, machines, n| {
            let seed = asked.seed + n;
            rot::run(camp, &mut machines[usize::from(seed % 4 == 3)], seed, None)
        },
        |all: &mut rot::Tally, tally| {
            all.add(&tally);
            all.damaged < wanted
        },
    )?;
    let rot::Tally { damaged, harmless, met, searched, shorter } = tally;
    let words = format!(
        "{damaged} media damaged: {harmless} with every answer right, {met} found at once, {searched} found by a \
         search, {shorter} an earlier truth"
    );
    Ok(Done::of(words, broken, (damaged, wanted)))
}

fn rebuild(asked: &Asked) -> Result<Done, Fault> {
    let (mut pair, began) = (Pair::found()?, Instant::now());
    let end = Duration::from_secs(asked.minutes * 60);
    let (mut done, mut broken, wanted) = (0, 0, asked.count.unwrap_or(1));
    while done < wanted && broken == 0 && began.elapsed() < end {
        match pair.lose(asked.seed) {
            Ok(()) => done += 1,
            Err(failed) => {
                eprintln!("{failed}");
                broken = 1;
            }
        }
    }
    let words = format!("{done} machines lost and rebuilt from a neighbour's bundle");
    Ok(Done::of(words, broken, (done, wanted)))
}
