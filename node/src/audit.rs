//! The audit file: written from a ledger, read and checked by anybody, on every core there is.

pub mod export;
pub mod file;
pub mod run;
#[cfg(test)]
mod tests;

pub use export::{Exported, Ledger, export};
pub use file::AuditFile;
pub use run::{Progress, audit};
