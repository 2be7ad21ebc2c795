//! Why the vault did not do what was asked.

use std::path::{Path, PathBuf};

use super::HouseholdId;
use crate::disk::{DiskFault, DiskTrouble};
use crate::seal::SealError;

/// Why the vault did not do what was asked. Prints with the place and the next step.
#[derive(Debug, thiserror::Error)]
pub enum VaultFault {
    /// The file is something else, or a vault whose making was interrupted.
    #[error(
        "{} is not a person file: it is empty, or something else has its name. Put back the one that was there, or \
         restore the last backup (`annona restore`); nothing was changed.",
        path.display()
    )]
    NotAVault {
        /// The file.
        path: PathBuf,
    },
    /// There was a file, and it is gone.
    #[error(
        "{} is not here, and people were registered in it: begun anew it would enrol each of them a second time. Put it back; \
         where nobody has it, restore the last backup into another folder (`annona restore FILE --dir ELSEWHERE`) and go on \
         there. Purses are served meanwhile (`annona pay charge --purse`).",
        path.display()
    )]
    Lost {
        /// The person file.
        path: PathBuf,
    },
    /// There was a file of data keys, and it is gone.
    #[error(
        "{} is not here, and every record of a family is sealed under a key in it. Put it back. Where nobody has it, a node that \
         keeps a copy gives the keys back (`annona family keys give` there, `annona family keys take` here), or restore the \
         last backup with its --people-keys file. Purses are served meanwhile (`annona pay charge --purse`).",
        path.display()
    )]
    KeysLost {
        /// The file of data keys.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error(
        "{} is a person file of version {found}, this program knows up to {known}. Use the newer program; nothing was changed.",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file was written before the first release, when records held less.
    #[error(
        "{} is a person file of version {found}, from before the first release; this program reads version {known}. What a family's purses are derived from is not in it: begin a new folder with `annona init` and read the registrations again with `annona family import`. Nothing was changed.",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version read here.
        known: i64,
    },
    /// The file is whole and was sealed under another key.
    #[error(
        "{} is sealed under another key than the one in this folder's key file: one of the two comes from another node. Put back the pair that belongs together.",
        path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Bytes in the file are not what was written.
    #[error(
        "{} is damaged at {place}. Copy the whole folder to another disk first. `annona doctor --full` says what else is; the way back is the last backup (`annona restore`).",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file: a household and member number, never a name.
        place: String,
        /// What SQLite said, where it was SQLite that noticed.
        source: Option<DiskFault>,
    },
    /// A value is longer than this file takes; nothing was changed.
    #[error(
        "{what} of {is} is over the limit of {limit}. Shorten it and try again; nothing was changed."
    )]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its size in bytes, or number of members.
        is: usize,
        /// The limit.
        limit: usize,
    },
    /// A source name that is empty or contains a zero byte.
    #[error("a source of registrations needs a name without zero bytes, such as the file's label")]
    BadSource,
    /// The source has named this household before.
    #[error("this registration is already stored as family {id}. Replace it instead of adding it.")]
    Known {
        /// Its number.
        id: HouseholdId,
    },
    /// Another household has that card.
    #[error("that card was given to family {held}. Check the code, or take the card back first.")]
    CardTaken {
        /// The household that has it.
        held: HouseholdId,
    },
    /// There is no such household: never was, or it was erased.
    #[error("no family has number {id} here: there never was one, or it was erased.")]
    NotFound {
        /// The number asked for.
        id: HouseholdId,
    },
    /// The record is there, and the key that opens it is not: it was left out of a copy, or destroyed.
    #[error(
        "the key of family {id} is not here: {} came from a backup, which has none. A node that keeps a copy gives it back (`annona family keys give` there, `annona family keys take` here). Where nobody has it, `annona family keys give-up` says so: who is not found is new from then on.",
        path.display()
    )]
    NoKey {
        /// The household.
        id: HouseholdId,
        /// The person file.
        path: PathBuf,
    },
    /// An earlier change of the same set failed half-way.
    #[error(
        "an earlier change failed half-way, so none of this set was kept. Run the same command again."
    )]
    Broken,
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// Sealing failed: no randomness.
    #[error("could not seal a record: {0}. Try again; nothing was changed.")]
    Seal(#[from] SealError),
}

impl VaultFault {
    /// Whether it is about one record: the others open.
    #[must_use]
    pub const fn is_of_one_record(&self) -> bool {
        matches!(self, Self::NoKey { .. } | Self::Damaged { .. })
    }

    pub(super) fn sqlite(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let fault = DiskFault::sqlite(doing, path, source);
        if fault.trouble() == DiskTrouble::Damaged {
            let place = "a page or row of the file".to_owned();
            Self::Damaged { path: path.to_owned(), place, source: Some(fault) }
        } else {
            Self::Disk(fault)
        }
    }

    pub(super) fn damaged(path: &Path, place: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), place: place.into(), source: None }
    }
}
