//! What can go wrong with a disk, in words for the person in front of it: what was tried, where, why, and what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// The kinds of disk trouble a person can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskTrouble {
    /// No space, or a quota reached.
    Full,
    /// The medium or mount does not take writes.
    ReadOnly,
    /// This user may not do that there.
    Denied,
    /// There is nothing at that path.
    Missing,
    /// There is something at that path already.
    Exists,
    /// Another process holds it.
    Busy,
    /// The bytes there are not what was written: a bad medium, a cut copy, another program.
    Damaged,
    /// The file ends before it should: a copy that broke off.
    CutShort,
    /// There is a folder where a file should be.
    Folder,
    /// The file is larger than such a file can be.
    TooLong,
    /// Anything else the system reports.
    Other,
}

impl fmt::Display for DiskTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl DiskTrouble {
    fn reason(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "the disk is read-only",
            Self::Denied => "this user is not allowed to",
            Self::Missing => "it does not exist",
            Self::Exists => "it exists already",
            Self::Busy => "another process is using it",
            Self::Damaged => "the file is damaged",
            Self::CutShort => "the file ends too early",
            Self::Folder => "it is a folder",
            Self::TooLong => "it is larger than such a file can be",
            Self::Other => "the system reported a fault",
        }
    }

    fn next_step(self) -> &'static str {
        match self {
            Self::Full => {
                "Free some space and run the same command again; what was accepted before is safe."
            }
            Self::ReadOnly => {
                "Remount the disk for writing, or choose another folder, and run the same command again."
            }
            Self::Denied => {
                "Run as the user who owns the folder, or correct the owner and mode of that path."
            }
            Self::Missing => "Check the path.",
            Self::Exists => "Choose another path; nothing was overwritten.",
            Self::Busy => "Stop the other process, or wait for it, and run the same command again.",
            Self::Damaged => {
                "Copy the whole folder to another disk first, then run `annona doctor --full` on the copy."
            }
            Self::CutShort => {
                "Take it again from where it came: a copy broke off. If it lies in the data folder, copy that to another disk first, then run `annona doctor --full` on the copy."
            }
            Self::Folder => "Name the file in it.",
            Self::TooLong => "It is probably another file: check the path.",
            Self::Other => "Check the disk and its cable, then run the same command again.",
        }
    }
}

/// A file operation that failed. Prints as what was tried, where, the reason and the next step.
#[derive(Debug)]
pub struct DiskFault {
    trouble: DiskTrouble,
    doing: &'static str,
    path: PathBuf,
    source: Box<dyn Error + Send + Sync>,
}

impl DiskFault {
    /// Reads an I/O error; `doing` completes "could not …", as in "write".
    #[must_use]
    pub fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let trouble = match source.kind() {
            K::StorageFull | K::QuotaExceeded => DiskTrouble::Full,
            K::FileTooLarge if doing == "read" => DiskTrouble::TooLong,
            K::FileTooLarge => DiskTrouble::Full,
            K::ReadOnlyFilesystem => DiskTrouble::ReadOnly,
            K::PermissionDenied => DiskTrouble::Denied,
            K::NotFound => DiskTrouble::Missing,
            K::IsADirectory => DiskTrouble::Folder,
            K::AlreadyExists => DiskTrouble::Exists,
            K::ResourceBusy | K::WouldBlock => DiskTrouble::Busy,
            K::UnexpectedEof => DiskTrouble::CutShort,
            K::InvalidData => DiskTrouble::Damaged,
            _ => DiskTrouble::Other,
        };
        Self { trouble, doing, path: path.to_owned(), source: Box::new(source) }
    }

    /// Reads an SQLite error; `doing` completes "could not …".
    #[must_use]
    pub fn sqlite(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        // 522: SQLITE_IOERR_SHORT_READ, 8458: SQLITE_IOERR_CORRUPTFS; both are damage, not a failing cable.
        let trouble = match source.sqlite_error() {
            Some(e) if matches!(e.extended_code, 522 | 8458) => DiskTrouble::Damaged,
            // 4874: SQLITE_IOERR_SHMSIZE. The first that a full disk has no room for is the index of a log.
            Some(e) if e.extended_code == 4874 => DiskTrouble::Full,
            Some(e) => match e.code {
                ErrorCode::DiskFull => DiskTrouble::Full,
                ErrorCode::ReadOnly => DiskTrouble::ReadOnly,
                ErrorCode::PermissionDenied => DiskTrouble::Denied,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DiskTrouble::Busy,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DiskTrouble::Damaged,
                _ => DiskTrouble::Other,
            },
            // A stored value of a type the schema does not allow: somebody else wrote this file.
            None => DiskTrouble::Damaged,
        };
        Self { trouble, doing, path: path.to_owned(), source: Box::new(source) }
    }

    /// The same fault, of a file whose place was not known where it was met.
    #[must_use]
    pub(crate) fn at(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Whether it was memory shared between processes that the system did not give.
    pub(crate) fn lacks_shared_memory(&self) -> bool {
        // SQLITE_IOERR_SHMOPEN, _SHMSIZE, _SHMLOCK, _SHMMAP.
        let code = self.source.downcast_ref::<rusqlite::Error>().and_then(|e| e.sqlite_error());
        code.is_some_and(|e| matches!(e.extended_code, 4618 | 4874 | 5130 | 5386))
    }

    /// Whether SQLite could not open a file, or another that it needs beside it.
    pub(crate) fn cannot_open(&self) -> bool {
        let code = self.source.downcast_ref::<rusqlite::Error>().and_then(|e| e.sqlite_error());
        code.is_some_and(|e| e.code == ErrorCode::CannotOpen)
    }

    /// The kind of trouble.
    #[must_use]
    pub fn trouble(&self) -> DiskTrouble {
        self.trouble
    }

    /// The path it happened at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} {}: {}", self.doing, self.path.display(), self.trouble.reason())?;
        if self.trouble == DiskTrouble::Other {
            write!(f, " ({})", self.source)?;
        }
        write!(f, ". {}", self.trouble.next_step())
    }
}

impl Error for DiskFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Bytes that are free for this user on the disk a path is on; `None` where the system does not tell.
#[cfg(unix)]
#[must_use]
pub fn free(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Bytes that are free: this system is not asked.
#[cfg(not(unix))]
#[must_use]
pub fn free(_: &Path) -> Option<u64> {
    None
}

/// Reads back, on a connection as it is used, what keeps a file from harm by whoever wrote into it, and what was deleted
/// from being read.
#[cfg(test)]
pub(crate) fn is_hardened(connection: &rusqlite::Connection, synchronous: i64) {
    use rusqlite::config::DbConfig;
    let told = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a setting")
    };
    assert_eq!(told("trusted_schema"), 0, "nothing in a schema may run");
    assert_eq!(told("cell_size_check"), 1, "cells are measured before they are read");
    assert_eq!(told("secure_delete"), 1, "what is deleted is overwritten");
    assert_eq!(told("synchronous"), synchronous, "what is committed is on the disk");
    let defends = connection.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE).expect("a setting");
    assert!(defends, "tables of SQLite's own are not written");
    // And it does what it says.
    connection.execute_batch("PRAGMA writable_schema=ON").expect("ignored");
    let refused = connection.execute("UPDATE sqlite_schema SET sql='x'", []);
    let refused = refused.expect_err("defensive").to_string();
    assert!(refused.contains("may not be modified"), "{refused}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_names_path_reason_and_next_step() {
        let path = Path::new("/camp/ledger.db");
        for (kind, trouble) in [
            (io::ErrorKind::StorageFull, DiskTrouble::Full),
            (io::ErrorKind::QuotaExceeded, DiskTrouble::Full),
            (io::ErrorKind::ReadOnlyFilesystem, DiskTrouble::ReadOnly),
            (io::ErrorKind::PermissionDenied, DiskTrouble::Denied),
            (io::ErrorKind::NotFound, DiskTrouble::Missing),
            (io::ErrorKind::AlreadyExists, DiskTrouble::Exists),
            (io::ErrorKind::IsADirectory, DiskTrouble::Folder),
            (io::ErrorKind::UnexpectedEof, DiskTrouble::CutShort),
            (io::ErrorKind::InvalidData, DiskTrouble::Damaged),
            (io::ErrorKind::BrokenPipe, DiskTrouble::Other),
        ] {
            let fault = DiskFault::io("write", path, kind.into());
            assert_eq!(fault.trouble(), trouble, "{kind:?}");
            let text = fault.to_string();
            assert!(text.starts_with("could not write /camp/ledger.db: "), "{text}");
            assert!(text.contains(trouble.reason()), "{text}");
            assert!(text.ends_with(trouble.next_step()), "{text}");
        }
    }

    #[test]
    fn sqlite_codes_are_read_by_kind() {
        let fault = |code| {
            let e = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            DiskFault::sqlite("read", Path::new("x"), e).trouble()
        };
        assert_eq!(fault(13), DiskTrouble::Full);
        assert_eq!(fault(8), DiskTrouble::ReadOnly);
        assert_eq!(fault(5), DiskTrouble::Busy);
        assert_eq!(fault(11), DiskTrouble::Damaged);
        assert_eq!(fault(26), DiskTrouble::Damaged);
        assert_eq!(fault(522), DiskTrouble::Damaged);
        assert_eq!(fault(4874), DiskTrouble::Full);
        assert_eq!(fault(10), DiskTrouble::Other);
    }
}
