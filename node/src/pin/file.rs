//! The file of PINs: made, recognised, opened.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::PinFault;
use crate::atomic;
use crate::disk::DiskFault;

/// "PINS", as SQLite keeps it.
const APPLICATION: i64 = 0x5049_4e53;
const VERSION: i64 = 3;

const TABLES: &str = "
BEGIN IMMEDIATE;
CREATE TABLE pin(
  handle BLOB PRIMARY KEY NOT NULL CHECK(length(handle) = 32),
  salt BLOB NOT NULL CHECK(length(salt) = 16),
  memory INTEGER NOT NULL,
  passes INTEGER NOT NULL,
  tag BLOB NOT NULL CHECK(length(tag) = 32),
  wrong INTEGER NOT NULL CHECK(wrong BETWEEN 0 AND 10),
  last INTEGER NOT NULL,
  lent BLOB,
  until INTEGER,
  gone BLOB
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 0x50494e53;
PRAGMA user_version = 3;
COMMIT;
";

/// From version 1, which lent nothing: an empty `lent` marks a check of that time until the PIN is typed.
const FROM_1: &str = "
ALTER TABLE pin ADD COLUMN lent BLOB;
ALTER TABLE pin ADD COLUMN until INTEGER;
UPDATE pin SET lent = x'';
";

/// From version 2, which did not keep by what an erasure names whoever was lent: nothing would reach her key here, so
/// what was lent is lent anew. Counts stay.
const FROM_2: &str = "
ALTER TABLE pin ADD COLUMN gone BLOB;
UPDATE pin SET lent = NULL WHERE lent <> x'';
PRAGMA user_version = 3;
";

/// Opens the file, or makes it where there is none; one of an earlier version is brought up to date.
pub(super) fn open(path: &Path) -> Result<Connection, PinFault> {
    match fs::metadata(path) {
        // Never of our making: it has its name once it is whole.
        Ok(about) if about.len() == 0 => return Err(PinFault::Missing { path: path.to_owned() }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => create(path)?,
        // What is wrong with it is told by whoever opens it.
        _ => {}
    }
    let connection = connect(path)?;
    let failed = |e| DiskFault::sqlite("open", path, e);
    let read = |name| connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0));
    let found = (read("application_id").map_err(failed)?, read("user_version").map_err(failed)?);
    match found {
        (APPLICATION, VERSION) => Ok(connection),
        (APPLICATION, before @ (1 | 2)) => {
            // In one go: a cut in between leaves the file as it was.
            let from_1 = if before == 1 { FROM_1 } else { "" };
            let all = format!("BEGIN IMMEDIATE; {from_1} {FROM_2} COMMIT;");
            connection.execute_batch(&all).map_err(failed)?;
            Ok(connection)
        }
        _ => Err(PinFault::NotPins { path: path.to_owned() }),
    }
}

/// Makes an empty file beside `path`, and gives it that name once it is whole and durable.
fn create(path: &Path) -> Result<(), PinFault> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let failed = |e| DiskFault::io("create", path, e);
    // What an interrupted making has left: nobody's PIN was ever in it.
    match fs::remove_file(&unfinished) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e).into()),
        _ => {}
    }
    // For its owner alone, before anything is in it.
    let file = atomic::private().write(true).create_new(true).open(&unfinished).map_err(failed)?;
    let connection = connect(&unfinished)?;
    let sqlite = |e| DiskFault::sqlite("create", path, e);
    connection.execute_batch(TABLES).map_err(sqlite)?;
    connection.close().map_err(|(_, e)| sqlite(e))?;
    file.sync_all()
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| atomic::sync_folder(path.parent()))
        .map_err(|e| failed(e).into())
}

fn connect(path: &Path) -> Result<Connection, PinFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set = || {
        let c = Connection::open_with_flags(path, flags)?;
        c.busy_timeout(Duration::from_secs(5))?;
        // A hostile file may carry a schema of its own: nothing in it may run.
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        c.pragma_update(None, "cell_size_check", true)?;
        // One file and no log beside it: what `commit` returns from is on the disk.
        c.pragma_update(None, "journal_mode", "DELETE")?;
        c.pragma_update(None, "synchronous", "EXTRA")?;
        c.pragma_update(None, "secure_delete", true)?;
        c.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(c)
    };
    set().map_err(|e: rusqlite::Error| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => PinFault::NotPins { path: path.to_owned() },
        _ => DiskFault::sqlite("open", path, e).into(),
    })
}
