//! The printed table: what, how much, beside what, and whether the limit holds.

use std::time::Duration;

/// Counts what holds.
#[derive(Default)]
pub(crate) struct Table {
    holds: u32,
    broken: Vec<String>,
    not_run: u32,
}

impl Table {
    pub(crate) fn title(&self, words: &str) {
        println!("\n{words}");
    }

    /// A figure with a limit.
    pub(crate) fn row(&mut self, what: &str, figure: &str, limit: &str, holds: bool) {
        let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
        println!("  {what:<44} {figure:<44} {limit:<26} {verdict}");
        if holds {
            self.holds += 1;
        } else {
            self.broken.push(what.to_owned());
        }
    }

    /// A figure without one.
    pub(crate) fn note(&self, what: &str, figure: &str) {
        println!("  {what:<44} {figure}");
    }

    /// A figure with a limit that this run does not measure.
    pub(crate) fn not_run(&mut self, what: &str, why: &str) {
        println!("  {what:<44} not run: {why}");
        self.not_run += 1;
    }

    pub(crate) fn end(self) {
        let (broken, not_run) = (self.broken.len(), self.not_run);
        println!("\n{} limits hold, {broken} do not, {not_run} were not run", self.holds);
        self.broken.iter().for_each(|what| println!("  does not hold: {what}"));
    }
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
