//! The report: one page that stands by itself, and the same numbers as JSON and CSV.
//!
//! The page loads nothing: no script, no font, no picture from elsewhere. Each plot has a title, a description and a table
//! with the same numbers. Counts of families below ten are hidden, and where that would leave one hidden number to be
//! worked out from a total, the next smallest is hidden too.

pub mod data;
mod page;
mod plot;
pub mod stopped;
mod tables;
#[cfg(test)]
mod tests;

pub use data::{Labels, Report};
pub use page::html;

use annona_ledger::audit::Verdict;

use super::Vouched;

/// The numbers of a report as JSON.
#[must_use]
pub fn json(verdict: &Verdict, vouched: &[Vouched], labels: &Labels) -> serde_json::Value {
    serde_json::to_value(Report::of(verdict, vouched, labels)).unwrap_or_default()
}

/// The numbers of a report as CSV: one table after the other, each line beginning with the table's name.
#[must_use]
pub fn csv(verdict: &Verdict, vouched: &[Vouched], labels: &Labels) -> String {
    tables::csv(&Report::of(verdict, vouched, labels))
}
