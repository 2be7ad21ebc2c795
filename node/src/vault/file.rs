//! The vault's file: how it is made, recognised, opened and rewritten.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use annona_ledger::hash::{Purpose, hash, keyed};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use zeroize::Zeroizing;

use super::fault::VaultFault;
use super::keys::KeyFile;
use super::rows::Secrets;
use super::{apart, older};
use crate::atomic;
use crate::disk::DiskFault;
use crate::seal::{self, Key};

/// "ANVP", in the place of SQLite's header where a program writes its own mark.
const APPLICATION: i64 = 0x414e_5650;
/// The version of the tables below and of what is sealed in them. In version 1 heads had no registration, in version 2 there
/// were no papers and nothing was kept of who was erased, in version 3 data keys lay in a table here.
const VERSION: i64 = 4;
/// The oldest that is brought up to date when it is opened.
const OLDEST: i64 = 2;
/// What the sealed look-up keys are sealed for.
const SECRETS: &[u8] = b"annona 2026 v1 vault secrets";

/// `key` is the number of a record in the key file (`keys`), which a copy of this file leaves out; 0 where there is none.
///
/// `slot` is household × 256 + member, member 0 being the household itself.
const TABLES: &str = "
CREATE TABLE vault (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id BLOB NOT NULL, key_check BLOB NOT NULL, secrets BLOB NOT NULL, checksum BLOB NOT NULL
) STRICT;
CREATE TABLE household (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source BLOB NOT NULL UNIQUE, head BLOB NOT NULL
) STRICT;
CREATE TABLE body (slot INTEGER PRIMARY KEY, sealed BLOB NOT NULL, key INTEGER NOT NULL DEFAULT 0)
    STRICT;
CREATE TABLE enrolment (
    programme INTEGER NOT NULL, household INTEGER NOT NULL,
    handle BLOB NOT NULL UNIQUE, binding BLOB NOT NULL, PRIMARY KEY (programme, household)
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_household ON enrolment (household);
CREATE TABLE card (handle BLOB PRIMARY KEY, household INTEGER NOT NULL, binding BLOB NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE INDEX card_household ON card (household);
";

/// What version 3 added.
const PAPERS: &str = "
CREATE TABLE erased (
    no INTEGER PRIMARY KEY, programme INTEGER NOT NULL, \"commitment\" BLOB NOT NULL UNIQUE, said INTEGER NOT NULL
) STRICT;
CREATE TABLE note (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE paper (
    no INTEGER PRIMARY KEY, handle BLOB NOT NULL UNIQUE, household INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX paper_household ON paper (household);
";

/// What version 4 added: where copies of the keys are kept.
pub(super) const COPIES: &str = "
CREATE TABLE copy (
    node BLOB PRIMARY KEY, day INTEGER NOT NULL, records INTEGER NOT NULL, erasures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Whether the data keys had a file here: where it is gone, it was lost, and is not made anew as beside a backup.
const KEYED: &str = "SELECT EXISTS (SELECT 1 FROM note WHERE name = 'keyed')";
const KEEP_KEYED: &str = "INSERT OR IGNORE INTO note (name, value) VALUES ('keyed', 1)";
/// What a copy forgets that goes without them.
pub(super) const FORGET_KEYED: &str = "DELETE FROM note WHERE name = 'keyed'";

/// Makes an empty vault beside `path` and gives it that name once it is whole and durable.
pub(super) fn create(path: &Path, key: &Key) -> Result<(), VaultFault> {
    if path.try_exists().map_err(|e| DiskFault::io("create", path, e))? {
        let exists = std::io::ErrorKind::AlreadyExists.into();
        return Err(DiskFault::io("create", path, exists).into());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    // What an interrupted creation left: it never held a person.
    match fs::remove_file(&unfinished) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(DiskFault::io("remove", &unfinished, e).into());
        }
        _ => {}
    }
    let file = atomic::private()
        .write(true)
        .create_new(true)
        .open(&unfinished)
        .map_err(|e| DiskFault::io("create", &unfinished, e))?;
    fill(&unfinished, key)?;
    file.sync_all()
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| atomic::sync_folder(path.parent()))
        .map_err(|e| DiskFault::io("create", path, e).into())
}

fn fill(path: &Path, key: &Key) -> Result<(), VaultFault> {
    let id: [u8; 16] = seal::random()?;
    let secrets = Zeroizing::new(seal::random::<96>()?);
    let key_check = key_check(key, &id);
    let sealed = key.seal(&[SECRETS, &id].concat(), secrets.as_slice())?;
    let checksum = hash(Purpose::File, &[&id, &key_check, &sealed]).0;
    let mut connection = connect(path)?;
    let run = |c: &mut Connection| {
        c.pragma_update(None, "journal_mode", "DELETE")?;
        let txn = c.transaction()?;
        txn.execute_batch(TABLES)?;
        txn.execute_batch(PAPERS)?;
        txn.execute_batch(COPIES)?;
        txn.execute(
            "INSERT INTO vault VALUES (1, ?1, ?2, ?3, ?4)",
            params![id, key_check, sealed, checksum],
        )?;
        txn.pragma_update(None, "application_id", APPLICATION)?;
        txn.pragma_update(None, "user_version", VERSION)?;
        txn.commit()
    };
    run(&mut connection).map_err(|e| VaultFault::sqlite("create", path, e))?;
    connection.close().map_err(|(_, e)| VaultFault::sqlite("create", path, e))
}

/// Opens, recognises and unlocks; the order of the checks decides which fault is reported.
pub(super) fn open(
    path: &Path,
    key: &Key,
    sites: &[Key],
    without_keys: bool,
) -> Result<(Connection, Secrets, KeyFile), VaultFault> {
    let not_a_vault = || VaultFault::NotAVault { path: path.to_owned() };
    let begins = atomic_start(path)?;
    if begins.as_deref() != Some(b"SQLite format 3\0".as_slice()) {
        return Err(not_a_vault());
    }
    let connection = connect(path)?;
    let read = |name| {
        connection
            .pragma_query_value(None, name, |r| r.get::<_, i64>(0))
            .map_err(|e| VaultFault::sqlite("read", path, e))
    };
    if read("application_id")? != APPLICATION {
        return Err(not_a_vault());
    }
    let found = read("user_version")?;
    if found > VERSION {
        return Err(VaultFault::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found < OLDEST {
        return Err(VaultFault::Older { path: path.to_owned(), found, known: VERSION });
    }
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(|e| VaultFault::sqlite("open", path, e))?;
    let secrets = unlock(&connection, path, key)?;
    // Once the key fits: a folder that is not ours stays as it is.
    if found < 4 {
        // The first files of version 3 had papers alone.
        let lacks = PAPERS.replace(" TABLE ", " TABLE IF NOT EXISTS ");
        let lacks = lacks.replace(" INDEX ", " INDEX IF NOT EXISTS ");
        let sql = format!("BEGIN IMMEDIATE; {lacks} PRAGMA user_version=3; COMMIT;");
        connection.execute_batch(&sql).map_err(|e| VaultFault::sqlite("open", path, e))?;
        older::part_keys(&connection, path, &secrets)?;
    }
    connection.execute_batch(apart::TABLE).map_err(|e| VaultFault::sqlite("open", path, e))?;
    let keyed = connection.query_row(KEYED, [], |r| r.get::<_, bool>(0));
    let keyed = keyed.map_err(|e| VaultFault::sqlite("read", path, e))?;
    // The last first: it is the one in use, but where its first use was interrupted.
    let all = || sites.iter().rev().chain([key]);
    let keys = match KeyFile::open(&key_path(path), all(), secrets.id)? {
        Some(keys) => keys,
        None if !without_keys && keyed && last_key(&connection, path)? > 0 => {
            return Err(VaultFault::KeysLost { path: key_path(path) });
        }
        None => {
            new_keys(&connection, path, &secrets, sites.last().unwrap_or(key))?;
            let gone = || DiskFault::io("open", path, std::io::ErrorKind::NotFound.into());
            KeyFile::open(&key_path(path), all(), secrets.id)?.ok_or_else(gone)?
        }
    };
    if !keyed {
        // Noted the next time where the disk is full: nobody waits for it.
        drop(connection.execute(KEEP_KEYED, []));
    }
    Ok((connection, secrets, keys))
}

/// Where the keys of a vault lie: beside it, under its name.
pub(crate) fn key_path(path: &Path) -> PathBuf {
    path.with_extension("keys")
}

/// A file of keys for a vault that has none: a new one, or one from a backup. Numbers that its records name stay free for
/// keys that a copy brings.
fn new_keys(
    connection: &Connection,
    path: &Path,
    secrets: &Secrets,
    key: &Key,
) -> Result<(), VaultFault> {
    let first = last_key(connection, path)?.saturating_add(1);
    KeyFile::make(&key_path(path), key, secrets.id, first, std::iter::empty())
}

/// The last number that a record names, 0 where none does.
fn last_key(connection: &Connection, path: &Path) -> Result<u64, VaultFault> {
    let last: Option<i64> = connection
        .query_row("SELECT max(key) FROM body", [], |r| r.get(0))
        .map_err(|e| VaultFault::sqlite("read", path, e))?;
    Ok(last.unwrap_or(0).unsigned_abs())
}

/// The first 16 bytes, which tell an SQLite file from anything else before SQLite is asked to read it.
fn atomic_start(path: &Path) -> Result<Option<Vec<u8>>, VaultFault> {
    use std::io::Read;
    let mut start = Vec::with_capacity(16);
    let file = fs::File::open(path).map_err(|e| DiskFault::io("open", path, e))?;
    file.take(16).read_to_end(&mut start).map_err(|e| DiskFault::io("read", path, e))?;
    Ok((start.len() == 16).then_some(start))
}

pub(super) fn connect(path: &Path) -> Result<Connection, VaultFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set = || {
        let c = Connection::open_with_flags(path, flags)?;
        c.busy_timeout(Duration::from_secs(5))?;
        // A hostile file may carry a schema of its own: nothing in it may run.
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        c.pragma_update(None, "trusted_schema", false)?;
        c.pragma_update(None, "cell_size_check", true)?;
        c.pragma_update(None, "synchronous", "FULL")?;
        c.pragma_update(None, "secure_delete", true)?;
        c.pragma_update(None, "temp_store", "MEMORY")?;
        c.pragma_update(None, "mmap_size", 0)?;
        c.set_prepared_statement_cache_capacity(32);
        Ok(c)
    };
    set().map_err(|e| VaultFault::sqlite("open", path, e))
}

/// Opens the look-up keys. The checksum tells damage from a wrong key; the key check tells a wrong key before opening.
fn unlock(connection: &Connection, path: &Path, key: &Key) -> Result<Secrets, VaultFault> {
    let damaged = || VaultFault::damaged(path, "its first row");
    // The lengths are part of the question, so that an absurd value is never loaded.
    let row = connection.query_row(
        "SELECT id, key_check, secrets, checksum FROM vault WHERE length(id) = 16
         AND length(key_check) = 8 AND length(secrets) = 136 AND length(checksum) = 32",
        [],
        |r| {
            Ok((
                r.get::<_, [u8; 16]>(0)?,
                r.get::<_, [u8; 8]>(1)?,
                r.get::<_, [u8; 136]>(2)?,
                r.get::<_, [u8; 32]>(3)?,
            ))
        },
    );
    let (id, check, sealed, checksum) = match row {
        Err(rusqlite::Error::QueryReturnedNoRows) => return Err(damaged()),
        other => other.map_err(|e| VaultFault::sqlite("read", path, e))?,
    };
    if hash(Purpose::File, &[&id, &check, &sealed]).0 != checksum {
        return Err(damaged());
    }
    if check != key_check(key, &id) {
        return Err(VaultFault::WrongKey { path: path.to_owned() });
    }
    let plain = key.open(&[SECRETS, &id].concat(), &sealed).map_err(|_| damaged())?;
    Secrets::new(id, key, &plain).ok_or_else(damaged)
}

/// Eight bytes by which a key recognises its file; they say nothing about a random 32-byte key.
fn key_check(key: &Key, id: &[u8; 16]) -> [u8; 8] {
    keyed(Purpose::Lookup, key.expose(), &[b"vault key check", id]).short()
}

/// Rewrites the file from its live rows and empties the log.
pub(super) fn scrub(connection: &Connection) -> rusqlite::Result<()> {
    checkpoint(connection)?;
    connection.execute_batch("VACUUM")?;
    checkpoint(connection)
}

/// Empties the log. Where somebody else reads the file meanwhile it cannot be, which SQLite tells in an answer and by no
/// fault: what was deleted would stay in the log.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
    if busy == 0 {
        return Ok(());
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    let words = "another program reads this file: end it, and say the command once more".to_owned();
    Err(rusqlite::Error::SqliteFailure(busy, Some(words)))
}
