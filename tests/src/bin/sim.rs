//! `sim`: runs seeds of the simulator.
//!
//! ```text
//! sim --seed N                       one seed, its digest and what it tried
//! sim --seeds FROM..TO [--minutes M] a range, stopped after M minutes; failed seeds are printed, and the rate
//! sim --steps S                      steps of a seed (320 unless told)
//! sim --keep FILE                    adds failed seeds to a file
//! sim --store                        over ledger files on disk instead of the core's maps
//! ```

use std::io::Write;
use std::time::{Duration, Instant};

use annona_tests::coverage::Table;
use annona_tests::run::{run, run_stored};
use annona_tests::world::Options;

struct Asked {
    seeds: std::ops::Range<u64>,
    minutes: Option<u64>,
    steps: usize,
    keep: Option<String>,
    store: bool,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { seeds: 0..200, minutes: None, steps: 320, keep: None, store: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--store" {
            asked.store = true;
            continue;
        }
        let value = args.next().ok_or(format!("{arg} wants a value"))?;
        let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{arg} {text}: {e}"));
        match arg.as_str() {
            "--seed" => {
                let seed = number(&value)?;
                asked.seeds = seed..seed.saturating_add(1);
            }
            "--seeds" => {
                let (from, to) = value.split_once("..").ok_or("--seeds wants FROM..TO")?;
                asked.seeds = number(from)?..number(to)?;
            }
            "--minutes" => asked.minutes = Some(number(&value)?),
            "--steps" => {
                asked.steps = usize::try_from(number(&value)?).map_err(|e| e.to_string())?;
            }
            "--keep" => asked.keep = Some(value),
            other => {
                return Err(format!("unknown: {other}; --seed N | --seeds FROM..TO [--minutes M]"));
            }
        }
    }
    Ok(asked)
}

fn main() -> std::process::ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("{text}");
            return std::process::ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let limit = asked.minutes.map(|m| Duration::from_secs(m.saturating_mul(60)));
    let single = asked.seeds.end.saturating_sub(asked.seeds.start) == 1;
    let (mut table, mut done, mut failed, mut entries) = (Table::default(), 0u64, 0u64, 0usize);
    for seed in asked.seeds {
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            break;
        }
        done += 1;
        let options = Options { steps: asked.steps, ..Options::seed(seed) };
        match if asked.store { run_stored(options) } else { run(options) } {
            Ok(ran) => {
                table.add(&ran.coverage);
                entries += ran.entries;
                if single {
                    println!("{table}");
                    println!(
                        "seed {seed}: {} nodes, {} entries, digest {}",
                        ran.nodes, ran.entries, ran.digest
                    );
                }
            }
            Err(fault) => {
                failed += 1;
                println!("FAILED {fault}");
                if let Some(path) = &asked.keep {
                    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                    if let Err(e) = file.and_then(|mut f| writeln!(f, "{seed}")) {
                        eprintln!("{path}: {e}");
                    }
                }
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    if !single {
        println!("{table}");
        let missing = table.missing();
        if done >= 100 && !missing.is_empty() {
            println!("in under one seed of a hundred: {missing:?}");
        }
    }
    println!(
        "{done} seeds of {} steps and more, {failed} failed, {entries} entries, {seconds:.1} s, {:.1} seeds/s",
        asked.steps,
        done as f64 / seconds.max(0.001),
    );
    std::process::ExitCode::from(u8::from(failed > 0))
}
