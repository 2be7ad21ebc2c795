//! Why a ledger file could not be used.

use std::path::{Path, PathBuf};

use annona_ledger::block::BlockFault;
use annona_ledger::charter::CharterRejection;
use annona_ledger::notice::NoticeRejection;
use annona_ledger::wire::WireFault;

use crate::disk::DiskFault;

/// Why the ledger file could not be used. Every one says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The disk's or SQLite's own fault: no space, no permission, a damaged page.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// Something was learnt that changes what the ledger comes to, and it could not be derived anew.
    #[error(
        "a certificate or article that came changes what the ledger comes to, and that could not be worked out anew: {0}. \
         Until it is, this folder can be read and writes nothing: make room on the disk, and try again"
    )]
    Stale(#[source] DiskFault),
    /// Not a file of ours.
    #[error("this file is not an Annona ledger")]
    NotALedger,
    /// Written by a later version.
    #[error("the ledger file has schema {found}, this program knows {known}: use a newer annona")]
    Newer {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Written by an earlier version, and asked for by somebody who only reads.
    #[error(
        "the ledger file has schema {found}, of an earlier version: `annona doctor` brings it to {known}, after a copy"
    )]
    Older {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// From before anything was released.
    #[error(
        "the ledger file has schema {found}, from before the first release; this program knows {known}: begin a new \
         folder with `annona init`, and take in the bundles of others"
    )]
    TooOld {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It is of an earlier version, and no copy of it could be written.
    #[error(
        "the ledger file is of an earlier version, and the copy it needs before it is brought up to date could not be \
         written to {}: {why}. Nothing was changed: make room for it, and open it again", copy.display()
    )]
    NoCopy {
        /// Where the copy belongs.
        copy: PathBuf,
        /// Why not.
        why: String,
    },
    /// It is of an earlier version, and could not be brought up to date.
    #[error(
        "the ledger file is of an earlier version and could not be brought up to date: {why}. Nothing was changed, and the \
         annona before this one still works with it. Make room for all of it once more, and open it again; {} is the copy \
         made for this", copy.display()
    )]
    NotUpgraded {
        /// The copy.
        copy: PathBuf,
        /// Why not.
        #[source]
        why: DiskFault,
    },
    /// The file system cannot keep a write-ahead log.
    #[error("the file system refuses a write-ahead log: put the data folder on a local disk")]
    NoWal,
    /// A stored value is not what it was when it was written.
    #[error(
        "the ledger file is damaged at {place}: run `annona doctor --full`, then restore from peers' bundles"
    )]
    Damaged {
        /// Which row.
        place: String,
    },
    /// The folder holds no charter yet.
    #[error("no charter here yet: run `annona charter apply FILE`")]
    NoCharter,
    /// Rows cannot stand in for blocks that are here.
    #[error("entries of {feed} are here already: begin from a checkpoint in a new folder")]
    Begun {
        /// The feed.
        feed: annona_ledger::id::FeedRef,
    },
    /// More feeds than one frontier tells.
    #[error("how far feeds are known cannot be told: {0}")]
    Frontier(annona_ledger::frontier::FrontierFault),
    /// Entries are not in a block yet.
    #[error("entries of {feed} are not sealed yet: seal first")]
    Open {
        /// The feed.
        feed: annona_ledger::id::FeedRef,
    },
    /// Too few hold what is to be dropped.
    #[error(
        "bodies of programme {programme} stay: no quorum has cosigned them, or other nodes of two organisations do not hold them"
    )]
    Unmirrored {
        /// The programme.
        programme: annona_ledger::id::ProgrammeId,
    },
    /// The file was not closed, and nothing can be written beside it.
    #[error(
        "{} was not closed, and its log cannot be read where nothing can be written. Copy the whole folder to another disk, \
         and read the copy: --dir COPY.", path.display()
    )]
    LogUnread {
        /// The file.
        path: PathBuf,
    },
    /// Two branches of the charter, and nothing has healed them yet.
    #[error(
        "the charter has forked at epoch {epoch}: both articles are kept, and nothing is voted until one that heals the \
         fork is signed. Whoever has something to eat goes on eating"
    )]
    CharterForked {
        /// The epoch with two articles.
        epoch: u32,
    },
    /// An article was refused.
    #[error("the article is refused: {0}")]
    Article(CharterRejection),
    /// A notice was refused.
    #[error("the notice is refused: {0}")]
    Notice(NoticeRejection),
    /// A block was refused.
    #[error("the block is refused: {0}")]
    Block(#[from] BlockFault),
    /// Bytes that are no value of ours.
    #[error("the bytes are not what they should be: {0}")]
    Wire(#[from] WireFault),
}

impl From<rusqlite::Error> for StoreFault {
    fn from(fault: rusqlite::Error) -> Self {
        Self::Disk(DiskFault::sqlite("use", Path::new(crate::folder::LEDGER), fault))
    }
}

impl StoreFault {
    /// The same fault, with the whole path of the file where it is the disk's.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::Disk(fault) if fault.path() == Path::new(crate::folder::LEDGER) => {
                Self::Disk(fault.at(path))
            }
            other => other,
        }
    }

    pub(crate) fn damaged(place: impl Into<String>) -> Self {
        Self::Damaged { place: place.into() }
    }
}
