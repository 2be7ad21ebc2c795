//! Bringing a ledger file of an earlier version up to date: after a copy, and with all that is derived made anew in one
//! transaction, so that where it fails the program before still serves from the file.
//!
//! What was said is never rewritten: a version adds tables to it, and changes derived ones as it likes. So a file of any
//! earlier schema comes up to date in one way: tables it lacks are made, derived ones are dropped, made and filled again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior, params};

use super::work::Work;
use super::{StoreFault, schema};
use crate::atomic;
use crate::disk::DiskFault;

/// The earliest schema this version brings up to date.
const OLDEST: i64 = 1;

/// What a copy of a file of a schema is called, beside it.
pub(super) fn copy_of(path: &Path, schema: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema-{schema}"));
    name.into()
}

/// Brings a file up to date, if it is of an earlier version.
pub(super) fn upgrade(conn: &mut Connection, path: &Path) -> Result<(), StoreFault> {
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = schema::SCHEMA;
    if found >= known {
        return Ok(());
    }
    if found < OLDEST {
        return Err(StoreFault::TooOld { found, known });
    }
    copy(conn, path, found)
        .map_err(|why| StoreFault::NoCopy { copy: copy_of(path, found), why: why.to_string() })?;
    private(path).map_err(|why| DiskFault::io("close to others", path, why))?;
    anew(conn).map_err(|fault| match fault {
        StoreFault::Disk(why) => StoreFault::NotUpgraded { copy: copy_of(path, found), why },
        other => other,
    })
}

/// Earlier versions left it to the shell who may read a ledger file and its log.
#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match std::fs::set_permissions(PathBuf::from(name), PermissionsExt::from_mode(0o600)) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn anew(conn: &mut Connection) -> Result<(), StoreFault> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in schema::DERIVED_TABLES {
        tx.execute_batch(&format!("DROP TABLE IF EXISTS {table};"))?;
    }
    tx.execute_batch(
        &schema::SAID
            .replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ")
            .replace("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS "),
    )?;
    tx.execute_batch(schema::DERIVED)?;
    tx.execute_batch(&format!("PRAGMA user_version={};", schema::SCHEMA))?;
    match super::load(&tx)? {
        (Some(charter), roster, _) => {
            Work::new(tx, charter, roster).derive(&mut |_, _| {})?.commit()
        }
        (None, ..) => Ok(tx.commit()?),
    }
}

/// Writes a copy beside the file, durable and whole or not there. One of an attempt before gives way to it: the earlier
/// program may have gone on since.
fn copy(conn: &Connection, path: &Path, found: i64) -> Result<(), StoreFault> {
    let whole = copy_of(path, found);
    let part = copy_of(path, found).with_extension("part");
    let copied = fill(conn, &part).and_then(|()| {
        let fault = |why| StoreFault::Disk(DiskFault::io("rename", &part, why));
        std::fs::rename(&part, &whole)
            .and_then(|()| atomic::sync_folder(whole.parent()))
            .map_err(fault)
    });
    if copied.is_err() {
        // Half a copy is of no use, and has all the room that was left.
        drop(std::fs::remove_file(&part));
    }
    copied
}

fn fill(conn: &Connection, part: &Path) -> Result<(), StoreFault> {
    let fault = |what: &'static str, why| StoreFault::Disk(DiskFault::io(what, part, why));
    drop(std::fs::remove_file(part));
    // Made first, so that nobody else can ever read it; SQLite fills an empty file.
    atomic::write(part, &[])?;
    let name =
        part.to_str().ok_or_else(|| fault("name", std::io::ErrorKind::InvalidFilename.into()))?;
    conn.execute("VACUUM INTO ?1", params![name])?;
    let file = std::fs::File::open(part).map_err(|why| fault("open", why))?;
    file.sync_all().map_err(|why| fault("write", why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::world::{self, World};
    use crate::store::Store;

    /// A ledger as version 1 left it: without the tables that came later, and an open tail in it.
    fn of_version_1() -> (World, PathBuf) {
        let mut w = World::new();
        w.distribute(20);
        let path = w.a.store().path().to_owned();
        world::enrol(&mut w.a, world::FOOD, [7; 16]);
        (w, path)
    }

    #[test]
    fn half_a_copy_goes_again_and_an_old_one_is_not_taken_for_this() {
        let (w, path) = of_version_1();
        w.a.close().expect("closed");
        turn_back(&path);
        let copy = copy_of(&path, 1);
        std::fs::write(&copy, b"of another day").expect("there");
        // A page that does not read ends the copy midway, as a full disk would.
        let conn = Connection::open(&path).expect("opens");
        let page: u64 = conn
            .query_row("SELECT rootpage FROM sqlite_master WHERE name='slot'", [], |r| {
                r.get::<_, i64>(0).map(i64::cast_unsigned)
            })
            .expect("one");
        drop(conn);
        let bytes = std::fs::read(&path).expect("reads");
        let mut damaged = bytes.clone();
        let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        let at = size * (usize::try_from(page).expect("small") - 1);
        damaged[at..at + size].fill(0xee);
        std::fs::write(&path, &damaged).expect("damaged");
        let why = Store::open(&path).map(|_| ()).expect_err("no copy").to_string();
        assert!(why.contains("Nothing was changed"), "{why}");
        assert!(!copy.with_extension("part").exists());
        std::fs::write(&path, &bytes).expect("mended");
        drop(Store::open(&path).expect("opens"));
        let conn = Connection::open(&copy).expect("a copy");
        let found: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).expect("one");
        assert_eq!(found, 1);
    }

    fn turn_back(path: &Path) {
        let conn = Connection::open(path).expect("opens");
        conn.execute_batch("DROP TABLE told; PRAGMA user_version=1;").expect("as it was");
    }

    #[test]
    fn a_ledger_of_the_version_before_opens_after_a_copy_and_comes_to_the_same_state() {
        let (w, path) = of_version_1();
        let before = w.a.store().root().expect("a root");
        w.a.close().expect("closed");
        turn_back(&path);
        // Who only reads refuses, and says what to do.
        let why = Store::reader(&path).map(|_| ()).expect_err("old").to_string();
        assert!(why.contains("schema 1") && why.contains("annona doctor"), "{why}");
        let node = world::reopen(w.dir.path(), "a");
        assert_eq!(node.store().root().expect("a root"), before);
        assert!(node.store().check_all(&mut |_, _| {}).expect("a look").damage.is_empty());
        node.close().expect("closed");
        // The copy is the file as it was, and this user's alone.
        let copy = copy_of(&path, 1);
        let conn = Connection::open(&copy).expect("a copy");
        let found: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).expect("one");
        let sound: String =
            conn.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("one");
        assert_eq!((found, sound.as_str()), (1, "ok"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&copy).expect("a copy").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
        Store::reader(&path).map(|_| ()).expect("up to date");
    }

    #[test]
    fn without_a_copy_or_where_state_cannot_be_made_anew_nothing_changes() {
        let (w, path) = of_version_1();
        let before = w.a.store().root().expect("a root");
        w.a.close().expect("closed");
        turn_back(&path);
        // Where no copy can be written, the file stays as it is.
        let part = copy_of(&path, 1).with_extension("part");
        std::fs::create_dir_all(part.join("in the way")).expect("a folder");
        let why = Store::open(&path).map(|_| ()).expect_err("no copy").to_string();
        assert!(why.contains("Nothing was changed"), "{why}");
        let version = || -> i64 {
            let conn = Connection::open(&path).expect("opens");
            conn.pragma_query_value(None, "user_version", |r| r.get(0)).expect("a version")
        };
        assert_eq!(version(), 1);
        std::fs::remove_dir_all(&part).expect("out of the way");
        // A block that cannot be folded stands for a disk that fills up meanwhile.
        let conn = Connection::open(&path).expect("opens");
        let body: Vec<u8> =
            conn.query_row("SELECT body FROM block WHERE id=1", [], |r| r.get(0)).expect("one");
        conn.execute("UPDATE block SET body=x'ff' WHERE id=1", []).expect("damaged");
        Store::open(&path).map(|_| ()).expect_err("not derived");
        let lots = "SELECT count(*) FROM slot";
        let lots: i64 = conn.query_row(lots, [], |r| r.get(0)).expect("one");
        assert!(version() == 1 && lots > 0, "the program before goes on: {lots}");
        conn.execute("UPDATE block SET body=?1 WHERE id=1", [body]).expect("mended");
        drop(conn);
        let store = Store::open(&path).expect("opens");
        assert_eq!(store.root().expect("a root"), before);
        assert_eq!(version(), schema::SCHEMA);
    }

    #[test]
    fn what_is_newer_or_from_before_the_first_is_refused_with_the_next_step() {
        let (w, path) = of_version_1();
        w.a.close().expect("closed");
        for (version, says) in [(schema::SCHEMA + 1, "use a newer annona"), (0, "before the first")]
        {
            let conn = Connection::open(&path).expect("opens");
            conn.pragma_update(None, "user_version", version).expect("written");
            drop(conn);
            let why = Store::open(&path).map(|_| ()).expect_err(says).to_string();
            assert!(why.contains(says), "{why}");
            assert!(!copy_of(&path, version).exists());
        }
    }
}
