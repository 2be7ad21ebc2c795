//! `exhaust`: searches the small model of the value rules, row by row (spec/model.md).
//!
//! ```text
//! exhaust [ROW] [--states N] [--threads N]    rows whose name begins so; all of them unless told
//! exhaust --core [ROW] [--states N]           holds the states of rows against the real core
//! ```
//!
//! Prints the table. Ends with 1 where a row breaks or holds otherwise than it should, and where one that holds was not
//! searched as deep as the page says: a row that grows is tried less than it was.

use std::io::Write;
use std::process::ExitCode;

use annona_tests::exhaustive::{Limits, Line, Row, rows, run_all};

/// States of a row: with this, all rows take about two minutes on two cores shared with others.
const STATES: usize = 1_000_000;

/// The same in the core, where each is folded in every order: about a minute.
const CORE_STATES: usize = 1_000;

struct Asked {
    rows: Vec<Row>,
    limits: Limits,
    threads: usize,
    core: bool,
}

fn asked() -> Result<Asked, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = Limits { states: STATES, depth: u8::MAX };
    let mut asked = Asked { rows: rows(), limits, threads, core: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().ok_or(format!("{arg} wants a number"))?;
            value.parse::<usize>().map_err(|fault| format!("{arg} {value}: {fault}"))
        };
        match arg.as_str() {
            "--core" => {
                asked.core = true;
                asked.rows.retain(Row::is_real);
                asked.limits.states = asked.limits.states.min(CORE_STATES);
            }
            "--states" => asked.limits.states = number()?,
            "--threads" => asked.threads = number()?,
            prefix if !prefix.starts_with('-') => {
                asked.rows.retain(|row| row.name.starts_with(prefix));
            }
            other => {
                return Err(format!(
                    "unknown: {other}; exhaust [--core] [ROW] [--states N] [--threads N]"
                ));
            }
        }
    }
    if asked.rows.is_empty() { Err("no row begins so".to_owned()) } else { Ok(asked) }
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    println!("| row | verdict | states | depth, or shortest trace |\n|---|---|---|---|");
    let (mut states, mut surprises) = (0, 0);
    let run = |row: &Row| {
        if asked.core { row.run_in_core(asked.limits) } else { row.run(asked.limits) }
    };
    run_all(&asked.rows, run, asked.threads, |row, found| {
        println!("{}", Line(row, found));
        if let Some(surprise) = row.surprise(found) {
            surprises += 1;
            println!("UNEXPECTED: {}: {surprise}", row.name);
        }
        let deep = asked.limits.states >= STATES && !asked.core;
        if let Some(shallow) = row.shallow(found).filter(|_| deep) {
            surprises += 1;
            println!("UNEXPECTED: {}: {shallow}", row.name);
        }
        states += found.states;
        // Nobody reads the table any more: that is no reason to stop searching.
        std::io::stdout().flush().unwrap_or_default();
    });
    println!("\n{} rows, {states} states, {surprises} otherwise than expected", asked.rows.len());
    if surprises == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
