//! A small model of the value rules, searched exhaustively: every state that a few sites, purses and units can reach in so
//! many steps (spec/model.md).
//!
//! The simulator draws long histories at random from the real program; this takes every short one of an idea of it. A
//! [`Row`] says who plays, what may happen and what must hold, and mostly one thing that is done otherwise than the rules
//! say: then something must break, in a known number of steps. So each rule is seen to be needed, and the checks to bite.

mod bound;
mod checks;
mod clocks;
mod orders;
mod real;
mod row;
mod rows;
mod search;
mod steps;
mod sums;
mod world;
mod writer;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use row::Row;
pub use rows::rows;
pub use search::{Limits, Outcome};

use search::{Model, search};
use steps::Step;
use world::World;

impl Model for Row {
    type State = World;
    type Step = Step;

    fn start(&self) -> World {
        World::new()
    }
    fn next(&self, world: &World, out: &mut Vec<(Step, World)>) {
        steps::next(self, world, out);
    }
    fn broken(&self, world: &World, depth: u8, number: usize) -> Option<String> {
        checks::broken(self, world, depth, number)
    }
    fn pack(&self, world: &World, out: &mut Vec<u8>) {
        world.pack(out);
    }
    fn unpack(&self, bytes: &[u8]) -> World {
        World::unpack(bytes)
    }
    fn twin(&self, world: &World) -> Option<World> {
        self.alike.then(|| world.mirrored())
    }
}

impl Row {
    /// Searches this row.
    #[must_use]
    pub fn run(&self, limits: Limits) -> Outcome {
        let limits = Limits { depth: limits.depth.min(self.depth), ..limits };
        match &self.clock {
            Some(clock) => search(clock, limits),
            None => search(self, limits),
        }
    }

    /// What a search found otherwise than the table says. A row that should break and did not within its limits is one.
    #[must_use]
    pub fn surprise(&self, found: &Outcome) -> Option<String> {
        match (self.breaks, &found.broken) {
            (None, None) => None,
            (None, Some((why, _))) => Some(format!("should hold, and breaks: {why}")),
            (Some(steps), None) => Some(format!("should break in {steps} steps, and holds")),
            (Some(steps), Some((why, trace))) => {
                if trace.len() != steps {
                    Some(format!("should break in {steps} steps, not {}", trace.len()))
                } else if !why.contains(self.because) {
                    Some(format!("should break because {:?}, not because {why:?}", self.because))
                } else {
                    None
                }
            }
        }
    }
}

/// The page that says how deep each row is complete with a million and a half states.
const PAGE: &str = include_str!("../../spec/model.md");

impl Row {
    /// How deep this row must be complete with a million states, where it holds: a step less than the page says, since
    /// another step is more than half as many states again. `None` where the page does not say.
    #[must_use]
    pub fn least(&self) -> Option<u8> {
        let begins = format!("| {} | holds |", self.name);
        let line = PAGE.lines().find(|line| line.starts_with(&begins))?;
        let depth = line.trim_end_matches([' ', '|']).rsplit('|').next()?;
        let depth: u8 = depth.split([',', ' ']).find_map(|word| word.parse().ok())?;
        Some(depth.saturating_sub(1))
    }

    /// Why a search of a million states did not go as deep as it should: this row has grown, and is tried less than it
    /// was.
    #[must_use]
    pub fn shallow(&self, found: &Outcome) -> Option<String> {
        if self.breaks.is_some() || found.all {
            return None;
        }
        match self.least() {
            None => Some("the page does not say how deep".to_owned()),
            Some(least) if found.complete < least => {
                Some(format!("complete to {}, not {least}", found.complete))
            }
            Some(_) => None,
        }
    }
}

/// One line of the table, and the shortest trace below it.
pub struct Line<'a>(pub &'a Row, pub &'a Outcome);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(row, found) = self;
        let states = found.states;
        match &found.broken {
            None => {
                let depth = found.complete;
                let all = if found.all { ", all there are" } else { "" };
                write!(f, "| {} | holds | {states} | complete to {depth}{all} |", row.name)
            }
            Some((why, trace)) => {
                let steps = trace.len();
                let trace = trace.join("; ");
                write!(f, "| {} | breaks | {states} | {steps}: {trace} ⇒ {why} |", row.name)
            }
        }
    }
}

/// Searches rows on so many threads, each by `run`, handing out each result in the order of the rows. What is found does not depend on
/// the number of threads: a row is searched by one.
pub fn run_all(
    rows: &[Row],
    run: impl Fn(&Row) -> Outcome + Sync,
    threads: usize,
    mut done: impl FnMut(&Row, &Outcome),
) {
    let taken = AtomicUsize::new(0);
    let found: Vec<Mutex<Option<Outcome>>> = rows.iter().map(|_| Mutex::new(None)).collect();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (tell, found, taken, run) = (tell.clone(), &found, &taken, &run);
            scope.spawn(move || {
                loop {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(number) else { break };
                    let outcome = run(row);
                    *found[number].lock().expect("nobody panics with it") = Some(outcome);
                    tell.send(()).expect("the other end waits for all");
                }
            });
        }
        drop(tell);
        let mut next = 0;
        while told.recv().is_ok() {
            while let Some(row) = rows.get(next) {
                let Some(outcome) = found[next].lock().expect("nobody panics with it").take()
                else {
                    break;
                };
                done(row, &outcome);
                next += 1;
            }
        }
    });
}
