//! The tables of a ledger file, and how the file is opened.
//!
//! `article`, `notice`, `block`, `header` (of blocks whose bodies are not for this node), `evidence` and `tail` are what was
//! said; `feed` and `chain` say where it stands; `seen` and `outlined` what others hold; `spend` what wallets signed, as found in evidence; `checkpoint` and `cosignature` what they vouch for; `base` and `floor` where this
//! file begins, if it began from a checkpoint or was pruned. All other tables are derived: they can be emptied and rebuilt from these.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreFault;
use crate::disk::{DiskFault, DiskTrouble};

/// The schema this version writes. A newer file is refused, an older one is brought up to date after a copy
/// (`upgrade.rs`): whoever adds a table, or changes a derived one, counts it up.
pub(super) const SCHEMA: i64 = 6;

/// Marks the file as a ledger of ours in its header.
pub(super) const APPLICATION: i64 = 0x416e_6e41;

/// What was said: never rewritten, only added to (the tail moves into blocks).
pub(super) const SAID: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE article(epoch INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE notice(hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE feed(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE chain(
  no INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feed(no),
  left_chain INTEGER, left_index INTEGER,
  next INTEGER NOT NULL, accumulator BLOB NOT NULL, stamp INTEGER NOT NULL,
  sealed INTEGER NOT NULL, sealed_accumulator BLOB NOT NULL, seq INTEGER NOT NULL,
  merchants INTEGER NOT NULL DEFAULT 0, faulty INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX chain_feed ON chain(feed);
CREATE TABLE block(
  id INTEGER PRIMARY KEY, feed INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
  chain INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
  header BLOB NOT NULL, signature BLOB NOT NULL, body BLOB NOT NULL,
  UNIQUE(feed, seq, hash)) STRICT;
CREATE INDEX block_place ON block(chain, first);
CREATE TABLE evidence(block INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE header(
  feed INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
  header BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY(feed, seq, hash)) WITHOUT ROWID, STRICT;
CREATE TABLE tail(
  at INTEGER PRIMARY KEY, entry BLOB NOT NULL, evidence BLOB) STRICT;
CREATE TABLE blob(kind INTEGER NOT NULL, name BLOB NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(kind, name)) WITHOUT ROWID, STRICT;
CREATE TABLE seen(node BLOB NOT NULL, feed BLOB NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY(node, feed)) WITHOUT ROWID, STRICT;
CREATE TABLE checkpoint(hash BLOB PRIMARY KEY, time INTEGER NOT NULL, page BLOB NOT NULL, frontier BLOB NOT NULL)
  WITHOUT ROWID, STRICT;
CREATE TABLE cosignature(checkpoint BLOB NOT NULL, witness BLOB NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(checkpoint, witness, time)) WITHOUT ROWID, STRICT;
CREATE TABLE certified(feed BLOB PRIMARY KEY, seq INTEGER NOT NULL, head BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE base(row BLOB PRIMARY KEY) WITHOUT ROWID, STRICT;
CREATE TABLE floor(chain INTEGER PRIMARY KEY, blocks INTEGER NOT NULL, next INTEGER NOT NULL, accumulator BLOB NOT NULL,
  stamp INTEGER NOT NULL) STRICT;
CREATE TABLE spend(key BLOB NOT NULL, counter INTEGER NOT NULL, hash BLOB NOT NULL, previous BLOB NOT NULL, word BLOB NOT NULL,
  PRIMARY KEY(key, counter, hash)) WITHOUT ROWID, STRICT;
CREATE INDEX spend_previous ON spend(key, previous);
CREATE TABLE outlined(node BLOB NOT NULL, feed BLOB NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY(node, feed)) WITHOUT ROWID, STRICT;
";

/// What follows from it.
pub(super) const DERIVED: &str = "
CREATE TABLE slot(
  at INTEGER PRIMARY KEY, same INTEGER, origin BLOB, owner INTEGER, purse BLOB, cycle INTEGER,
  commodity INTEGER, balance ANY, held ANY, expires INTEGER, opened INTEGER) STRICT;
CREATE INDEX slot_purse ON slot(at >> 40, purse) WHERE purse IS NOT NULL;
CREATE INDEX slot_open ON slot(owner, at) WHERE owner < 3;
CREATE TABLE pool(
  node BLOB NOT NULL, programme INTEGER NOT NULL, cycle INTEGER NOT NULL, commodity INTEGER NOT NULL,
  lots ANY NOT NULL, arriving ANY NOT NULL, redeemed ANY NOT NULL,
  PRIMARY KEY(node, programme, cycle, commodity)) WITHOUT ROWID, STRICT;
CREATE TABLE ticket(
  name BLOB PRIMARY KEY, programme INTEGER NOT NULL, sender BLOB, idx INTEGER NOT NULL,
  lot INTEGER NOT NULL, receiver BLOB NOT NULL, owner INTEGER NOT NULL, purse BLOB, cycle INTEGER NOT NULL,
  commodity INTEGER NOT NULL, amount INTEGER NOT NULL, expires INTEGER NOT NULL,
  placed INTEGER NOT NULL, claimed INTEGER) WITHOUT ROWID, STRICT;
CREATE INDEX ticket_unplaced ON ticket(sender, commodity) WHERE placed = 0;
CREATE INDEX ticket_coming ON ticket(receiver, programme) WHERE claimed IS NULL;
CREATE TABLE hold(
  at INTEGER PRIMARY KEY, lot INTEGER NOT NULL, amount INTEGER NOT NULL, merchant INTEGER NOT NULL,
  until INTEGER NOT NULL) STRICT;
CREATE INDEX hold_lot ON hold(lot);
CREATE TABLE used(kind INTEGER NOT NULL, key BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(kind, key, at)) WITHOUT ROWID, STRICT;
CREATE TABLE float(
  name BLOB PRIMARY KEY, at INTEGER NOT NULL, feed BLOB NOT NULL, home BLOB NOT NULL, purse BLOB NOT NULL,
  cycle INTEGER NOT NULL, commodity INTEGER NOT NULL, amount INTEGER NOT NULL, stamp INTEGER NOT NULL)
  WITHOUT ROWID, STRICT;
CREATE TABLE float_sum(chain INTEGER NOT NULL, commodity INTEGER NOT NULL, span BLOB NOT NULL, amount ANY NOT NULL,
  PRIMARY KEY(chain, commodity, span)) WITHOUT ROWID, STRICT;
CREATE TABLE merchant(chain INTEGER NOT NULL, id BLOB NOT NULL, no INTEGER NOT NULL, idx INTEGER NOT NULL,
  PRIMARY KEY(chain, no)) WITHOUT ROWID, STRICT;
CREATE INDEX merchant_id ON merchant(chain, id);
CREATE TABLE list(node BLOB NOT NULL, idx INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(node, idx)) WITHOUT ROWID, STRICT;
CREATE TABLE enrolled(programme INTEGER NOT NULL, pseudonym BLOB NOT NULL,
  PRIMARY KEY(programme, pseudonym)) WITHOUT ROWID, STRICT;
CREATE TABLE carrier(programme INTEGER NOT NULL, carrier BLOB NOT NULL, pseudonym BLOB NOT NULL, kind INTEGER NOT NULL,
  PRIMARY KEY(programme, carrier, pseudonym)) WITHOUT ROWID, STRICT;
CREATE TABLE cancelled(programme INTEGER NOT NULL, carrier BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(programme, carrier, at)) WITHOUT ROWID, STRICT;
CREATE TABLE waiting(node BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(node, at)) WITHOUT ROWID, STRICT;
CREATE TABLE given(at INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TABLE shown(node BLOB NOT NULL, programme INTEGER NOT NULL, idx INTEGER NOT NULL, leaf BLOB NOT NULL,
  name BLOB NOT NULL, entry BLOB NOT NULL, PRIMARY KEY(node, programme, idx, leaf, name)) WITHOUT ROWID, STRICT;
CREATE TABLE day(at INTEGER PRIMARY KEY, name BLOB NOT NULL, first INTEGER NOT NULL, closed BLOB) STRICT;
CREATE TABLE settle_line(node BLOB NOT NULL, programme INTEGER NOT NULL, line INTEGER NOT NULL, draft INTEGER NOT NULL,
  PRIMARY KEY(node, programme, line, draft)) WITHOUT ROWID, STRICT;
CREATE TABLE settlement(
  at INTEGER PRIMARY KEY, name BLOB NOT NULL, first INTEGER NOT NULL, root BLOB NOT NULL, rows INTEGER NOT NULL,
  totals BLOB NOT NULL) STRICT;
CREATE TABLE settle_step(draft INTEGER NOT NULL, place INTEGER NOT NULL, step BLOB NOT NULL, operator BLOB NOT NULL,
  stamp INTEGER NOT NULL, PRIMARY KEY(draft, place)) WITHOUT ROWID, STRICT;
CREATE TABLE fault(at INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY(at, kind)) WITHOUT ROWID, STRICT;
CREATE TABLE revoked(feed BLOB NOT NULL, node BLOB NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL, reason INTEGER NOT NULL,
  PRIMARY KEY(feed, node, seq, head, reason)) WITHOUT ROWID, STRICT;
CREATE TABLE ended(at INTEGER PRIMARY KEY, accumulator BLOB NOT NULL) STRICT;
CREATE TABLE clock_word(node BLOB NOT NULL, clock INTEGER NOT NULL, operator BLOB NOT NULL,
  PRIMARY KEY(node, clock, operator)) WITHOUT ROWID, STRICT;
CREATE TABLE told(programme INTEGER NOT NULL, node BLOB NOT NULL, said BLOB NOT NULL, about BLOB,
  PRIMARY KEY(programme, node, said)) WITHOUT ROWID, STRICT;
CREATE INDEX told_about ON told(about) WHERE about IS NOT NULL;
";

/// Indexes that files of the same schema may lack: whoever writes makes them. Programs that do not know them keep them up.
pub(super) const ADDED: &str = "
CREATE INDEX IF NOT EXISTS ticket_purse ON ticket(sender, purse, idx) WHERE purse IS NOT NULL;
";

/// The derived tables, for emptying.
pub(super) const DERIVED_TABLES: [&str; 24] = [
    "slot",
    "pool",
    "ticket",
    "hold",
    "used",
    "float",
    "float_sum",
    "merchant",
    "list",
    "enrolled",
    "carrier",
    "cancelled",
    "waiting",
    "fault",
    "revoked",
    "ended",
    "clock_word",
    "given",
    "shown",
    "day",
    "settle_line",
    "settlement",
    "settle_step",
    "told",
];

/// Opens or creates the file with the settings a ledger needs: WAL and `synchronous=FULL` (NORMAL lost acknowledged
/// redemptions in 1,137 of 2,000 simulated power cuts while passing every integrity check), and SQLite's defences
/// against hostile files.
pub(super) fn open(path: &Path, create: bool) -> Result<Connection, StoreFault> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        // SQLite would make a file that others of this machine can read; its log gets the rights of the file.
        let made = crate::atomic::private().write(true).create_new(true).open(path);
        made.map_err(|why| DiskFault::io("create", path, why))?;
        // A disk that is not the system's has its own idea of what is there.
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut conn = writing(path, flags)?;
    if create {
        conn.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SAID} {DERIVED} {ADDED} PRAGMA application_id={APPLICATION}; PRAGMA user_version={SCHEMA}; COMMIT;"
        ))?;
        return Ok(conn);
    }
    let application: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION {
        return Err(StoreFault::NotALedger);
    }
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > SCHEMA {
        return Err(StoreFault::Newer { found: version, known: SCHEMA });
    }
    super::upgrade::upgrade(&mut conn, path)?;
    // Without them answers are the same, only later: a full disk keeps nobody from reading.
    drop(conn.execute_batch(ADDED));
    Ok(conn)
}

/// Opens a second connection that can only read. Where nothing can be written beside the file, as in a folder that is kept as
/// evidence, SQLite has no place for the index of its log: a file that was closed is read without one.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fault = match reader(path, flags) {
        Err(StoreFault::Disk(fault)) => fault.at(path),
        other => return other,
    };
    // SQLite says of an index it may not make either that, or that it cannot open something.
    let refused = matches!(fault.trouble(), DiskTrouble::ReadOnly | DiskTrouble::Denied);
    if !path.exists() || !(refused || fault.cannot_open()) {
        return Err(fault.into());
    }
    match std::fs::metadata(format!("{}-wal", path.display())) {
        Ok(log) if log.len() > 0 => Err(StoreFault::LogUnread { path: path.to_owned() }),
        // Who writes has a log: without one nobody does.
        _ => reader(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)
            .map_err(|_| StoreFault::Disk(fault)),
    }
}

fn reader(path: impl AsRef<Path>, flags: OpenFlags) -> Result<Connection, StoreFault> {
    let conn = Connection::open_with_flags(path, flags)?;
    defend(&conn)?;
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        newer if newer > SCHEMA => Err(StoreFault::Newer { found, known: SCHEMA }),
        1..SCHEMA => Err(StoreFault::Older { found, known: SCHEMA }),
        // What is no ledger at all is told apart by whoever reads its tables.
        _ => Ok(conn),
    }
}

/// The name of a file that nobody changes, as SQLite takes it: byte for byte, whatever a name is made of here.
fn unchanging(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    // Without a host between the slashes the first part of a name with two would be taken for one.
    let mut name = if path.is_absolute() { "file://" } else { "file:" }.to_owned();
    for byte in bytes {
        match byte {
            b'/' | b'.' | b'-' | b'_' => name.push(char::from(*byte)),
            plain if plain.is_ascii_alphanumeric() => name.push(char::from(*plain)),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    name + "?immutable=1"
}

pub(super) fn defend(conn: &Connection) -> Result<(), StoreFault> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A prepared statement stays prepared, whatever is bound to it: else those that a partial index might serve are parsed
    // and planned anew at every use, which was a sixth of taking in a ledger.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch(
        "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;",
    )?;
    conn.set_prepared_statement_cache_capacity(96);
    Ok(())
}

/// What the writer keeps of the file in memory, in KiB: at ten million entries a site's purses are spread over 14 MB of
/// index, and its lots take 2 MB.
const WRITER_CACHE: u32 = 32_768;

/// A connection that writes. A log has an index that connections share in memory; where the system gives none (some
/// network and phone file systems), this one takes the file for itself and keeps the index to itself.
fn writing(path: &Path, flags: OpenFlags) -> Result<Connection, StoreFault> {
    let conn = Connection::open_with_flags(path, flags)?;
    match prepare(&conn) {
        Err(StoreFault::Disk(fault)) if fault.lacks_shared_memory() => {}
        prepared => return prepared.map(|()| conn),
    }
    drop(conn);
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch("PRAGMA locking_mode=EXCLUSIVE;")?;
    prepare(&conn)?;
    Ok(conn)
}

fn prepare(conn: &Connection) -> Result<(), StoreFault> {
    defend(conn)?;
    conn.execute_batch(&format!("PRAGMA cache_size=-{WRITER_CACHE}"))?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreFault::NoWal);
    }
    conn.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, blocks, cuts, headers, work};

    /// How SQLite goes about a query, step by step.
    fn plan(conn: &Connection, sql: &str) -> String {
        let mut steps = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
        let empty = vec![rusqlite::types::Null; steps.parameter_count()];
        let steps = steps
            .query_map(rusqlite::params_from_iter(empty), |r| r.get::<_, String>(3))
            .expect("a plan");
        steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_looked_for_in_a_long_ledger_is_found_without_reading_all_before_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger.db");
        drop(Store::create(&path).expect("a file"));
        // As one that was made before there was such an index.
        let old = Connection::open(&path).expect("opens");
        old.execute_batch("DROP INDEX ticket_purse").expect("as it was");
        drop(old);
        let store = Store::open(&path).expect("opens");
        for (sql, by) in [
            (blocks::PAGE, "(feed=? AND seq>?)"),
            (blocks::BESIDE, "(chain=? AND first<?)"),
            (cuts::NUMBERED, "(feed=? AND seq=?)"),
            (headers::AFTER, "(chain=? AND first>?)"),
            (work::GONE_TO, "(sender=? AND purse=?)"),
        ] {
            let plan = plan(store.conn(), sql);
            assert!(plan.contains(by), "{sql}\n{plan}");
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_ledger_and_its_log_are_for_nobody_else_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::create(&dir.path().join("ledger.db")).expect("a file");
        store.set_meta("any", &[1]).expect("written");
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            let found = std::fs::metadata(dir.path().join(name)).expect("there");
            assert_eq!(found.permissions().mode() & 0o077, 0, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_closed_ledger_is_read_by_its_own_name_whatever_bytes_are_in_it() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().expect("a folder");
        for name in [&b"camp \xff?#%25&immutable=0"[..], "ሐይቅ 湖".as_bytes(), b"a/../b"] {
            let folder = dir.path().join(std::ffi::OsStr::from_bytes(name));
            if std::fs::create_dir_all(&folder).is_err() {
                println!("skipped, because this file system takes no such name");
                continue;
            }
            let path = folder.join("ledger.db");
            let store = Store::create(&path).expect("a file");
            store.set_meta("whose", name).expect("written");
            drop(store);
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let conn = reader(unchanging(&path), flags).expect("opens");
            let of = "SELECT value FROM meta WHERE key='whose'";
            let whose: Vec<u8> = conn.query_row(of, [], |row| row.get(0)).expect("its own");
            assert_eq!(whose, name);
        }
        assert!(unchanging(Path::new("//x/y")).starts_with("file:////x"), "no host");
    }

    #[test]
    fn a_ledger_is_hardened_whoever_opens_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger.db");
        let store = Store::create(&path).expect("a file");
        crate::disk::is_hardened(store.conn(), 2);
        drop(store);
        crate::disk::is_hardened(Store::open(&path).expect("opens").conn(), 2);
        let reader = Store::reader(&path).expect("opens");
        let told = |name: &str| {
            let conn = reader.conn();
            conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a setting")
        };
        assert_eq!((told("trusted_schema"), told("cell_size_check")), (0, 1));
        reader.conn().execute("DELETE FROM meta", []).expect_err("it only reads");
    }
}
