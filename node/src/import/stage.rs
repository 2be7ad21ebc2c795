//! Where rows wait to be joined: a temporary SQLite file, every row sealed under a key that lives only in memory.
//!
//! Rows of two sheets, or of one household, may come in any order and in any number. SQLite unlinks the file as it is
//! opened; what a crash leaves on the disk are sealed bytes and keyed hashes whose keys are gone.

use std::path::PathBuf;

use annona_ledger::hash::{Purpose, keyed};
use rusqlite::{Connection, OptionalExtension, params};

use super::ImportError;
use crate::person::{Attributes, Household, from_bytes, to_bytes};
use crate::seal::Key;

const SEALED_AS: &[u8] = b"annona import staging";

pub(super) struct Stage {
    file: Connection,
    rows: Key,
    handles: Key,
}

/// One row, waiting: what it says of the household and of people.
pub(super) type Waiting = Household;

/// A household put together, and what was noticed while doing so.
pub(super) struct Joined {
    pub(super) id: i64,
    /// The row it first appeared on.
    pub(super) row: u64,
    pub(super) household: Household,
    /// Rows that contradict what an earlier row says of the household.
    pub(super) differing: Vec<u64>,
    pub(super) too_many: bool,
}

/// The household of a key: a new one, or one that was there with its row.
pub(super) enum Placed {
    New(i64),
    Known(i64, u64),
}

/// Where SQLite puts a file without a name: the order is its own (<https://sqlite.org/tempfiles.html>, section 5).
pub(super) fn folder() -> PathBuf {
    if !cfg!(unix) {
        return std::env::temp_dir();
    }
    let named = ["SQLITE_TMPDIR", "TMPDIR"].map(|name| std::env::var_os(name).map(PathBuf::from));
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].map(|path| Some(PathBuf::from(path)));
    let mut all = named.into_iter().chain(usual).flatten();
    all.find(|path| path.is_dir()).unwrap_or_else(std::env::temp_dir)
}

impl Stage {
    pub(super) fn open() -> Result<Self, ImportError> {
        // An empty name is a private file that SQLite deletes; no journal, because nobody ever reopens it.
        let file = Connection::open("")?;
        file.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;
             PRAGMA temp_store = FILE; PRAGMA trusted_schema = OFF;
             CREATE TABLE household (id INTEGER PRIMARY KEY, handle BLOB NOT NULL UNIQUE, row INTEGER NOT NULL,
                                     body BLOB NOT NULL) STRICT;
             CREATE TABLE member (household INTEGER NOT NULL, row INTEGER NOT NULL, body BLOB NOT NULL,
                                  PRIMARY KEY (household, row)) STRICT, WITHOUT ROWID;
             BEGIN;",
        )?;
        file.set_prepared_statement_cache_capacity(16);
        Ok(Self { file, rows: Key::random()?, handles: Key::random()? })
    }

    fn handle(&self, key: &str) -> [u8; 32] {
        keyed(Purpose::Lookup, self.handles.expose(), &[key.as_bytes()]).0
    }

    fn seal(&self, row: &Waiting) -> Result<Vec<u8>, ImportError> {
        let plain = to_bytes(row).ok_or(ImportError::StageBroken)?;
        Ok(self.rows.seal(SEALED_AS, &plain)?)
    }

    fn unseal(&self, sealed: &[u8]) -> Result<Waiting, ImportError> {
        let plain = self.rows.open(SEALED_AS, sealed)?;
        from_bytes(&plain).ok_or(ImportError::StageBroken)
    }

    /// The household of a key, if it is there.
    pub(super) fn find(&self, key: &str) -> Result<Option<i64>, ImportError> {
        let mut find = self.file.prepare_cached("SELECT id FROM household WHERE handle = ?1")?;
        Ok(find.query_row([self.handle(key)], |r| r.get(0)).optional()?)
    }

    /// Puts a household where its key is new.
    pub(super) fn place(&self, row: u64, waiting: &Waiting) -> Result<Placed, ImportError> {
        let handle = self.handle(&waiting.key);
        let mut find =
            self.file.prepare_cached("SELECT id, row FROM household WHERE handle = ?1")?;
        let known =
            find.query_row([handle], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?))).optional()?;
        if let Some((id, first)) = known {
            return Ok(Placed::Known(id, first.unsigned_abs()));
        }
        let mut add = self
            .file
            .prepare_cached("INSERT INTO household (handle, row, body) VALUES (?1, ?2, ?3)")?;
        add.execute(params![handle, number(row), self.seal(waiting)?])?;
        Ok(Placed::New(self.file.last_insert_rowid()))
    }

    /// Puts a person's row to a household.
    pub(super) fn member(
        &self,
        household: i64,
        row: u64,
        waiting: &Waiting,
    ) -> Result<(), ImportError> {
        let sql = "INSERT OR REPLACE INTO member (household, row, body) VALUES (?1, ?2, ?3)";
        let body = self.seal(waiting)?;
        self.file.prepare_cached(sql)?.execute(params![household, number(row), body])?;
        Ok(())
    }

    pub(super) fn households(&self) -> Result<u64, ImportError> {
        let count: i64 = self.file.query_row("SELECT count(*) FROM household", [], |r| r.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Hands over every household in the order of its first appearance, its members in the order of their rows.
    pub(super) fn each(
        &self,
        mut each: impl FnMut(Joined) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut households =
            self.file.prepare("SELECT id, row, body FROM household ORDER BY id")?;
        let mut members =
            self.file.prepare("SELECT household, row, body FROM member ORDER BY household, row")?;
        let (mut households, mut members) = (households.query([])?, members.query([])?);
        let mut next = members.next()?;
        while let Some(row) = households.next()? {
            let (id, first): (i64, i64) = (row.get(0)?, row.get(1)?);
            let household =
                self.unseal(row.get_ref(2)?.as_blob().map_err(|_| ImportError::StageBroken)?)?;
            let first = first.unsigned_abs();
            let mut joined =
                Joined { id, row: first, household, differing: Vec::new(), too_many: false };
            while let Some(member) = next {
                if member.get::<_, i64>(0)? != id {
                    break;
                }
                let at = member.get::<_, i64>(1)?.unsigned_abs();
                let body = member.get_ref(2)?.as_blob().map_err(|_| ImportError::StageBroken)?;
                joined.take(at, self.unseal(body)?);
                next = members.next()?;
            }
            each(joined)?;
        }
        Ok(())
    }
}

impl Joined {
    fn take(&mut self, row: u64, waiting: Waiting) {
        for (field, value) in waiting.whole.iter() {
            match self.household.whole.get(field) {
                Some(known) if known != value => self.differing.push(row),
                Some(_) => {}
                // The value was checked when it was staged.
                None => drop(self.household.whole.set(field, value.clone())),
            }
        }
        if self.household.members.len() >= crate::person::MAX_MEMBERS {
            self.too_many = true;
        } else {
            self.household.members.extend(waiting.members);
        }
    }

    /// Leaves out persons of whom nothing is known.
    pub(super) fn tidy(&mut self) {
        self.household.members.retain(|m: &Attributes| !m.is_empty());
    }
}

/// Rows as SQLite counts. No file has 2^63 of them.
fn number(row: u64) -> i64 {
    i64::try_from(row).unwrap_or(i64::MAX)
}
