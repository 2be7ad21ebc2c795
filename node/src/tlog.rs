//! The log for outsiders: sealed block headers in the forms other people's programs check (spec/outside-log.md).

pub mod check;
pub mod folder;
pub mod leaf;
pub mod note;
pub mod publish;
pub mod tree;
pub mod witness;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::disk::DiskFault;
use crate::store::StoreFault;

/// Why a log was not written, cosigned or read.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The folder holds something else than what this node has signed.
    #[error("{} does not hold what this node signed: {size} leaves under that name", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// How many leaves the signed checkpoint has.
        size: u64,
    },
    /// The folder's leaves do not give its tiles, or its tiles not its checkpoint.
    #[error("{}: {what}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A note in it is not what it must be.
    #[error("{}: {source}", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Why.
        source: note::NoteFault,
    },
    /// What is to be cosigned is older than what was cosigned before.
    #[error("this log had {had} leaves when it was cosigned here last, and now has {now}")]
    Older {
        /// Leaves then.
        had: u64,
        /// Leaves now.
        now: u64,
    },
    /// What is to be cosigned does not extend what was cosigned before: the log was rewritten.
    #[error("the first {had} leaves are not those that were cosigned here: the log was rewritten")]
    Rewritten {
        /// Leaves then.
        had: u64,
    },
    /// The ledger could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}
