//! The audit file: written from a ledger, read and checked by anybody, on every core there is; proofs of single entries;
//! and the report.

pub mod anomalies;
mod aside;
pub mod checkpoints;
pub mod export;
pub mod file;
pub mod labels;
mod look;
pub mod proof;
pub mod reconcile;
pub mod report;
pub mod run;
pub mod sample;
mod shown;
pub mod states;
pub mod store;
#[cfg(test)]
mod tests;
pub mod trace;
mod unread;
#[cfg(test)]
mod vectors;
mod walk;
mod words;

pub use anomalies::anomalies;
pub use checkpoints::{StateCheck, Vouched, VouchedProblem, checkpoints};
pub use export::{Exported, Ledger, export, measure};
pub use file::AuditFile;
pub use labels::Labels;
pub use look::LookFault;
pub use proof::{Checked, Proof, check_proof, prove};
pub use reconcile::reconcile;
pub use run::{Progress, audit, cores};
pub use sample::sample;
pub use store::StoreSource;
pub use trace::{Step, Trail, trace};
