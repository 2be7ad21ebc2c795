//! What a backup has of a household beside its records, sealed for whoever has its data key: by which handles it is found,
//! where it is enrolled, which cards it has (spec/privacy.md, "What a backup has").
//!
//! A backup is under the vault's key, and so are the look-up keys: with a handle in the clear, whoever has a backup of before
//! an erasure finds an erased household by its registration number, and by its cards what the ledger has of it.

use std::path::Path;

use annona_ledger::wire;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::begun::FORGET_BEGUN;
use super::erased::FORGET_GONE;
use super::fault::VaultFault;
use super::file;
use super::rows::{Rows, number};
use super::{HouseholdId, MAX_PAGE, Paper, Vault};
use crate::seal::{Key, random};

#[cfg(test)]
mod tests;

const APART: &[u8] = b"annona 2026 v1 vault apart";
/// The longest such record, in bytes: some hundred cards and enrolments.
const MAX_APART: usize = 64 << 10;

/// `rows` is 1 while the household's own rows lie here, 2 where somebody said besides that nobody has its key any more, 0
/// once only what other files had of it does.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS apart (
    household INTEGER PRIMARY KEY, rows INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
";

/// What lies apart of one household.
#[derive(Serialize, Deserialize)]
struct Apart {
    source: [u8; 32],
    /// Programme, handle, binding.
    enrolments: Vec<(u16, [u8; 32], [u8; 32])>,
    /// Handle, binding.
    cards: Vec<([u8; 32], [u8; 32])>,
    beside: Vec<u8>,
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.beside.zeroize();
    }
}

/// What another file has of a household, while this one is copied.
pub type Beside<'a> = &'a dyn Fn(HouseholdId) -> Vec<u8>;

impl Vault {
    /// Copies this file to another for a backup: without any data key, and each household's handles, enrolments and cards
    /// sealed under its own. Nobody can open a record of the copy, nor find whose it is, until the keys are put back
    /// ([`Vault::put_keys`]). What `beside` gives of a household goes the same way ([`Vault::beside`]).
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`] where there is no room for a second copy.
    pub fn copy_without_keys(&self, to: &Path, beside: Beside<'_>) -> Result<(), VaultFault> {
        let name = to.to_string_lossy();
        let failed = |e| VaultFault::sqlite("copy", to, e);
        self.connection.execute("VACUUM INTO ?1", [name.as_ref()]).map_err(failed)?;
        let copy = Connection::open(to).map_err(failed)?;
        let begin = "PRAGMA secure_delete=1; PRAGMA synchronous=OFF; BEGIN IMMEDIATE;";
        // Beside other keys than now, other records open: whoever was erased is looked for again.
        let forget =
            [super::FORGET_HEARD, file::FORGET_KEYED, FORGET_BEGUN, FORGET_GONE].join("; ");
        let forget = format!("{begin} {forget};");
        copy.execute_batch(&forget).map_err(failed)?;
        let Self { secrets, keys, .. } = self;
        let rows = Rows { connection: &copy, secrets, keys, path: to };
        let mut after = None;
        loop {
            let page = self.all(after, MAX_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for id in page {
                match rows.part(id, beside(id)) {
                    Ok(()) => {}
                    // What opens for nobody here is in the copy as it is here: apart already, or damaged.
                    Err(fault) if fault.is_of_one_record() => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        // Written anew: no freed page of the copy has what was parted.
        copy.execute_batch("COMMIT; VACUUM;").map_err(failed)
    }

    /// Puts back what lies apart of every household whose key is here. Again changes nothing.
    pub(super) fn unpart(&self) -> Result<(), VaultFault> {
        let rows = self.rows();
        let ids: Vec<i64> = rows
            .connection
            .prepare_cached("SELECT household FROM apart WHERE rows > 0 ORDER BY household")
            .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
            .map_err(|e| rows.sqlite("read", e))?;
        if ids.is_empty() {
            return Ok(());
        }
        rows.run("BEGIN IMMEDIATE", [])?;
        for id in ids {
            match rows.put_back(HouseholdId(id.unsigned_abs())) {
                Ok(()) => {}
                Err(fault) if fault.is_of_one_record() => {}
                Err(fault) => {
                    drop(rows.run("ROLLBACK", []));
                    return Err(fault);
                }
            }
        }
        rows.run("COMMIT", [])
    }

    /// The households whose handles lie apart, and whose keys nobody gave up: as long as there is one, a number or code that
    /// is not found may be its own.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn unfound(&self) -> Result<u64, VaultFault> {
        self.rows().count("SELECT count(*) FROM apart WHERE rows = 1")
    }

    /// Refuses to say that nobody is found while some household's handles lie apart ([`Vault::unfound`]).
    ///
    /// # Errors
    ///
    /// [`VaultFault::NoKey`] of the first of them.
    pub fn nobody(&self) -> Result<(), VaultFault> {
        self.rows().nobody()
    }

    /// Notes that nobody has the keys of those households ([`Vault::unfound`]) any more: who is not found is new from now on.
    /// Nothing is destroyed; should a key come after all, its household is back.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn give_up(&mut self) -> Result<(), VaultFault> {
        self.rows().run("UPDATE apart SET rows = 2 WHERE rows = 1", [])
    }

    /// What other files had of households when the backup was made that this file came from, as far as their keys are here.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn beside(&self) -> Result<Vec<Paper>, VaultFault> {
        let rows = self.rows();
        let ids: Vec<i64> = rows
            .connection
            .prepare_cached("SELECT household FROM apart WHERE rows = 0 ORDER BY household")
            .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
            .map_err(|e| rows.sqlite("read", e))?;
        let mut all = Vec::new();
        for id in ids.into_iter().map(|id| HouseholdId(id.unsigned_abs())) {
            match rows.data_key(id, 0).and_then(|key| rows.apart(id, &key)) {
                Ok(Some(mut apart)) if !apart.beside.is_empty() => {
                    all.push((id, Zeroizing::new(std::mem::take(&mut apart.beside))));
                }
                Ok(_) => {}
                Err(fault) if fault.is_of_one_record() => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(all)
    }

    /// Notes that what [`Vault::beside`] gave of a household is back in its file.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn beside_is_back(&mut self, id: HouseholdId) -> Result<(), VaultFault> {
        let rows = self.rows();
        let key = rows.data_key(id, 0)?;
        let Some(mut apart) = rows.apart(id, &key)? else { return Ok(()) };
        if rows.source(id)? == apart.source {
            return rows.run("DELETE FROM apart WHERE household = ?1", [number(id)?]);
        }
        apart.beside.zeroize();
        rows.put_apart(id, &key, 0, &apart)
    }
}

impl Rows<'_> {
    /// Parts a household's rows from it, in a copy of its file.
    fn part(&self, id: HouseholdId, beside: Vec<u8>) -> Result<(), VaultFault> {
        let id_number = number(id)?;
        let (source, head) = self.head(id)?;
        let apart: Option<i64> = self
            .connection
            .prepare_cached("SELECT rows FROM apart WHERE household = ?1")
            .and_then(|mut s| s.query_row([id_number], |r| r.get(0)).optional())
            .map_err(|e| self.sqlite("read", e))?;
        if apart.is_some_and(|rows| rows > 0) {
            return Ok(());
        }
        let read = |sql: &str| {
            let mut s = self.connection.prepare_cached(sql)?;
            let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
            s.query_map([id_number], row)?.collect::<rusqlite::Result<Vec<(u16, _, _)>>>()
        };
        let sql = "SELECT programme, handle, binding FROM enrolment WHERE household = ?1";
        let enrolments = read(sql).map_err(|e| self.sqlite("read", e))?;
        let cards = read("SELECT 0, handle, binding FROM card WHERE household = ?1")
            .map_err(|e| self.sqlite("read", e))?;
        let cards = cards.into_iter().map(|(_, handle, binding)| (handle, binding)).collect();
        // What the other file had when it came out of a backup itself, and is not back there yet.
        let mut before = self.apart(id, &head.key)?;
        let before = before.as_mut().map(|one| std::mem::take(&mut one.beside));
        let beside = before.filter(|old| !old.is_empty()).unwrap_or(beside);
        let apart = Apart { source, enrolments, cards, beside };
        self.put_apart(id, &head.key, 1, &apart)?;
        self.run("DELETE FROM enrolment WHERE household = ?1", [id_number])?;
        self.run("DELETE FROM card WHERE household = ?1", [id_number])?;
        let nobodys: [u8; 32] = random()?;
        self.run("UPDATE household SET source = ?2 WHERE id = ?1", params![id_number, nobodys])
    }

    fn put_back(&self, id: HouseholdId) -> Result<(), VaultFault> {
        let id_number = number(id)?;
        let key = self.data_key(id, 0)?;
        let Some(apart) = self.apart(id, &key)? else { return Ok(()) };
        // Whoever was registered under the same number meanwhile is found by it; this one stays, and is found by her name.
        let sql = "UPDATE OR IGNORE household SET source = ?2 WHERE id = ?1";
        self.run(sql, params![id_number, apart.source])?;
        for (programme, handle, binding) in &apart.enrolments {
            let sql = "INSERT OR IGNORE INTO enrolment (programme, household, handle, binding)
                       VALUES (?1, ?2, ?3, ?4)";
            self.run(sql, params![programme, id_number, handle, binding])?;
        }
        for (handle, binding) in &apart.cards {
            let sql = "INSERT OR IGNORE INTO card (handle, household, binding) VALUES (?1, ?2, ?3)";
            self.run(sql, params![handle, id_number, binding])?;
        }
        if apart.beside.is_empty() && self.source(id)? == apart.source {
            return self.run("DELETE FROM apart WHERE household = ?1", [id_number]);
        }
        self.run("UPDATE apart SET rows = 0 WHERE household = ?1", [id_number])
    }

    fn source(&self, id: HouseholdId) -> Result<[u8; 32], VaultFault> {
        self.connection
            .prepare_cached("SELECT source FROM household WHERE id = ?1")
            .and_then(|mut s| s.query_row([number(id).unwrap_or(-1)], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))
    }

    /// What lies apart of a household.
    fn apart(&self, id: HouseholdId, key: &Key) -> Result<Option<Apart>, VaultFault> {
        let sql =
            "SELECT CASE WHEN length(sealed) <= ?2 THEN sealed END FROM apart WHERE household = ?1";
        let Some(sealed) = self.blob(sql, number(id)?, MAX_APART)? else { return Ok(None) };
        let damaged = || self.damaged(format!("what a backup had of family {id}"));
        let plain = key.open(&self.place(APART, number(id)?, &[]), &sealed);
        let plain = plain.map_err(|_| damaged())?;
        wire::decode(&plain, MAX_APART).map(Some).map_err(|_| damaged())
    }

    /// The handle by which a household was found, where that lies apart.
    pub(super) fn source_apart(
        &self,
        id: HouseholdId,
        key: &Key,
    ) -> Result<Option<[u8; 32]>, VaultFault> {
        Ok(self.apart(id, key)?.map(|apart| apart.source))
    }

    fn put_apart(
        &self,
        id: HouseholdId,
        key: &Key,
        rows: i64,
        apart: &Apart,
    ) -> Result<(), VaultFault> {
        let plain = Zeroizing::new(wire::encode(apart));
        let sealed = key.seal(&self.place(APART, number(id)?, &[]), &plain)?;
        super::rows::short_enough("what a backup has of a household", sealed.len(), MAX_APART)?;
        let sql = "INSERT OR REPLACE INTO apart (household, rows, sealed) VALUES (?1, ?2, ?3)";
        self.run(sql, params![number(id)?, rows, sealed])
    }

    /// Seals what is left apart of a household under its new key.
    pub(super) fn reseal_apart(&self, id: HouseholdId, old: &Key) -> Result<(), VaultFault> {
        let Some(apart) = self.apart(id, old)? else { return Ok(()) };
        let (_, head) = self.head(id)?;
        self.put_apart(id, &head.key, 0, &apart)
    }

    /// Refuses to say that nobody is found while some household's handles lie apart: she may be there.
    pub(super) fn nobody(&self) -> Result<(), VaultFault> {
        let sql = "SELECT household FROM apart WHERE rows = 1 ORDER BY household LIMIT 1";
        let first: Option<i64> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
            .map_err(|e| self.sqlite("read", e))?;
        first.map_or(Ok(()), |id| {
            let (id, path) = (HouseholdId(id.unsigned_abs()), self.path.to_owned());
            Err(VaultFault::NoKey { id, path })
        })
    }
}
