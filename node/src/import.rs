//! Registration files and distribution lists, read as field offices keep them.
//!
//! ```text
//! file ── table ──► rows ── map, check ──► values and findings ── stage ──► households ── plan, apply ──► person file
//! ```
//!
//! Reading, checking and joining never touch the person file: [`Registration::read`] leaves sealed rows in a temporary
//! file and a [`Report`]. [`Registration::plan`] then says what would happen, and [`Registration::apply`] does it in
//! batches, each durable by itself, so that the same command run again goes on where a kill left it.

pub mod check;
pub mod header;
pub mod list;
pub mod map;
pub mod plan;
mod read;
mod register;
mod stage;
pub mod table;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::DiskFault;

pub use check::{Code, Columns, Finding, Findings, InColumn, Severity, Words};
pub use map::{Map, suggest_map};
pub use plan::{Applied, Apply, Elsewhere, Known, KnownHouseholds, Plan, Register};
pub use read::{Dropped, Registration, Report};
pub use register::{AfterBatch, RegisterFault, VaultRegister};
pub use table::{CsvOptions, Source, TableError};

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading rows; done and total are bytes of the file.
    Reading,
    /// Joining and checking households; done and total are households, as in the phases after it.
    Joining,
    /// Comparing with the person file.
    Comparing,
    /// Writing to the person file.
    Writing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
    /// Rows or households so far.
    pub rows: u64,
}

/// Who watches an import, and whether it should stop.
pub struct Watch<'a> {
    /// Called every few hundred rows.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Looked at between rows.
    pub cancel: &'a AtomicBool,
}

impl Watch<'_> {
    pub(crate) fn step(&mut self, progress: Progress) -> Result<(), ImportError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ImportError::Cancelled);
        }
        if progress.rows.is_multiple_of(256) || progress.done >= progress.total {
            (self.progress)(progress);
        }
        Ok(())
    }
}

/// Where a sheet has a name, that name. A table of one sheet, as a CSV file, has none.
fn in_sheet(sheet: &str) -> String {
    if sheet.is_empty() { String::new() } else { format!("sheet \"{sheet}\": ") }
}

/// Why an import cannot go on. What is wrong with single rows is a [`Finding`] and stops nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read as a table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// No row that could be a header.
    #[error(
        "{}no names of columns stand within the first 40 rows: take away what stands above them, or give the file that has them",
        in_sheet(sheet)
    )]
    NoHeader {
        /// The sheet.
        sheet: String,
    },
    /// The key's column is not there.
    #[error(
        "{}no column is named \"{column}\", which the map names as key; it has: {have}",
        in_sheet(sheet)
    )]
    NoKeyColumn {
        /// The sheet.
        sheet: String,
        /// The column looked for.
        column: String,
        /// The columns there are, cut short.
        have: String,
    },
    /// A list without one of its columns.
    #[error("the list has no column \"{column}\"; it has: {have}; name the columns in a map")]
    NoListColumn {
        /// The column looked for.
        column: String,
        /// The columns there are, cut short.
        have: String,
    },
    /// The key's column cannot be told from another, or may not be read.
    #[error("column \"{column}\" cannot be the key: {why}")]
    KeyColumn {
        /// The column.
        column: String,
        /// Why.
        why: &'static str,
    },
    /// Both tables of the map name the same sheet.
    #[error("household and member both read sheet \"{0}\"; name the other one with sheet = \"…\"")]
    SameSheet(String),
    /// Two files, and a map of one.
    #[error(
        "members in a file of their own need a map that says both what a row of households is, [household.columns], and what a row of members is, [member.columns]"
    )]
    NotTwoTables,
    /// The temporary file failed.
    #[error(
        "{0} Rows of the table wait in that folder until all are read; where it has no room, TMPDIR names another."
    )]
    Stage(#[source] DiskFault),
    /// Sealing a row failed.
    #[error(transparent)]
    Seal(#[from] crate::seal::SealError),
    /// A staged row did not come back.
    #[error("a row left in the temporary file did not come back whole; run the command again")]
    StageBroken,
    /// A household has no canonical bytes.
    #[error(transparent)]
    Household(#[from] crate::person::HouseholdError),
    /// The person file failed.
    #[error("the person file: {0}")]
    Register(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The person asked to stop.
    #[error("stopped; run the same command again to go on")]
    Cancelled,
}

impl From<rusqlite::Error> for ImportError {
    fn from(fault: rusqlite::Error) -> Self {
        Self::Stage(DiskFault::sqlite("write", &stage::folder(), fault))
    }
}

/// One key out of its parts. A slash inside a part must not make two keys one: (a/b, c) and (a, b/c).
fn join_key(mut parts: Vec<String>) -> String {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    parts.iter().map(|p| p.replace('/', "//")).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests;
