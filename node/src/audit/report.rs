//! The report: one page that stands by itself, and the same numbers as JSON and CSV.
//!
//! The page loads nothing: no script, no font, no picture from elsewhere. Each plot has a title, a description and a table
//! with the same numbers. Counts of families below ten are hidden, and where that would leave one hidden number to be
//! worked out from a total, the next smallest is hidden too.

pub mod data;
mod page;
pub mod people;
mod plot;
pub mod stopped;
mod tables;
#[cfg(test)]
mod tests;

pub use data::{About, Report, reason};
pub use page::html;
pub use stopped::{compared, late};

/// The numbers of a report as JSON.
#[must_use]
pub fn json(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// The numbers of a report as CSV: one table after the other, each line beginning with the table's name.
#[must_use]
pub fn csv(report: &Report) -> String {
    tables::csv(report)
}
