//! Room on disk for what an audit keeps of settled entries: a temporary SQLite file that nobody else can open, and that the
//! system takes away when it is closed or the process ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use annona_ledger::audit::Aside;
use rusqlite::{Connection, OptionalExtension, params};

/// After how many settled entries of one chain a run is put aside: 213 kB of each chain stay in memory at most.
const RUN: usize = 4_096;

/// The file, made when something is first put aside: in the folder that `SQLITE_TMPDIR` or `TMPDIR` names, else where the
/// system keeps such files.
#[derive(Debug)]
pub(super) struct Temporary {
    run: usize,
    file: Mutex<Option<Connection>>,
    lost: AtomicBool,
}

impl Temporary {
    /// None is made yet.
    #[must_use]
    pub(super) fn new() -> Arc<Self> {
        Self::of(RUN)
    }

    fn of(run: usize) -> Arc<Self> {
        Arc::new(Self { run, file: Mutex::new(None), lost: AtomicBool::new(false) })
    }

    /// Whether something could not be read back: then no verdict made with it is worth anything.
    #[must_use]
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

fn open() -> rusqlite::Result<Connection> {
    // Without a name it is a file that is taken away at once. It need not outlive a power cut; but what a full disk refuses
    // has to leave the rest as it was.
    let file = Connection::open("")?;
    file.execute_batch(
        "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-512;
         CREATE TABLE run(number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;",
    )?;
    Ok(file)
}

impl Aside for Temporary {
    fn run(&self) -> usize {
        self.run
    }

    fn put(&self, bytes: &[u8]) -> Option<u64> {
        let mut file = self.file.lock().ok()?;
        if file.is_none() {
            *file = Some(open().ok()?);
        }
        let file = file.as_ref()?;
        file.prepare_cached("INSERT INTO run(bytes) VALUES(?1)").ok()?.execute([bytes]).ok()?;
        u64::try_from(file.last_insert_rowid()).ok()
    }

    fn get(&self, number: u64) -> Option<Vec<u8>> {
        let file = self.file.lock().ok();
        let found = file.as_ref().and_then(|file| file.as_ref()).and_then(|file| {
            let mut read = file.prepare_cached("SELECT bytes FROM run WHERE number=?1").ok()?;
            read.query_row(params![number.cast_signed()], |r| r.get(0)).optional().ok()?
        });
        if found.is_none() {
            self.lost.store(true, Ordering::Relaxed);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_comes_back_and_what_does_not_is_told() {
        let room = Temporary::of(2);
        assert_eq!(room.run(), 2);
        let runs: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 52 * 4_096]).collect();
        let numbers: Vec<u64> = runs.iter().map(|run| room.put(run).expect("room")).collect();
        for (number, run) in numbers.iter().zip(&runs).rev() {
            assert!(room.get(*number).as_ref() == Some(run), "another, or none");
        }
        assert!(!room.is_lost());
        assert_eq!(room.get(41), None);
        assert!(room.is_lost());
    }

    /// A disk that is full takes nothing, and what it had taken comes back.
    #[test]
    fn a_file_without_room_keeps_what_it_has() {
        let room = Temporary::of(2);
        let first = room.put(&[7; 3_000]).expect("room");
        if let Some(file) = room.file.lock().expect("whole").as_ref() {
            file.execute_batch("PRAGMA max_page_count=1").expect("set");
        }
        assert_eq!(room.put(&[8; 300_000]), None);
        assert!(room.get(first) == Some(vec![7; 3_000]), "another, or none");
        assert!(!room.is_lost());
    }
}
