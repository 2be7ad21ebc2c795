//! Papers: records beside a household, such as its consents and what was disclosed under them. Each is sealed under the
//! household's own data key and goes with it.

use annona_ledger::hash::{Purpose, keyed};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::rows::{Rows, number, pad, short_enough, unpad};
use super::{HouseholdId, MAX_HANDLE, MAX_RECORD, Vault, VaultFault, VaultTxn};
use crate::seal::Key;

const PAPER: &[u8] = b"annona 2026 v1 vault paper";
/// Papers one household can have: a disclosure a day for ten years, and its consents.
pub const MAX_PAPERS: usize = 4_096;

/// Whose a paper is, and what stands in it.
pub type Paper = (HouseholdId, Zeroizing<Vec<u8>>);

impl Vault {
    /// The papers of a household, in the order in which they were put there.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; [`VaultFault::Damaged`] where one does not open in its place.
    pub fn papers(&self, id: HouseholdId) -> Result<Vec<Zeroizing<Vec<u8>>>, VaultFault> {
        self.rows().papers(id)
    }

    /// Whether a household has any: asked before they are read, where it is asked of many.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn has_papers(&self, id: HouseholdId) -> Result<bool, VaultFault> {
        let rows = self.rows();
        rows.connection
            .prepare_cached("SELECT 1 FROM paper WHERE household = ?1")
            .and_then(|mut s| s.exists([number(id).unwrap_or(-1)]))
            .map_err(|e| rows.sqlite("read", e))
    }

    /// The household that has a paper of this name, and the paper.
    ///
    /// # Errors
    ///
    /// As [`Vault::papers`]; [`VaultFault::TooLong`] for what cannot be a name.
    pub fn paper(&self, name: &[u8]) -> Result<Option<Paper>, VaultFault> {
        self.rows().paper(name)
    }
}

impl VaultTxn<'_> {
    /// Puts a paper beside a household under a name, in the place of an earlier one of its own under that name.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; [`VaultFault::TooLong`] for a paper over [`MAX_RECORD`] or a household with
    /// [`MAX_PAPERS`]; a broken or full disk.
    pub fn put_paper(
        &mut self,
        id: HouseholdId,
        name: &[u8],
        record: &[u8],
    ) -> Result<(), VaultFault> {
        let put = self.rows().put_paper(id, name, record);
        self.whole(put)
    }

    /// Takes a paper away. Nothing of it is left once the file is rewritten ([`Vault::scrub`]),
    /// which is due from then on.
    ///
    /// # Errors
    ///
    /// A broken or full disk; [`VaultFault::TooLong`] for what cannot be a name.
    pub fn drop_paper(&mut self, id: HouseholdId, name: &[u8]) -> Result<(), VaultFault> {
        let rows = self.rows();
        let handle = rows.paper_handle(name)?;
        let dropped = rows
            .run(
                "DELETE FROM paper WHERE handle = ?1 AND household = ?2",
                params![handle, number(id)?],
            )
            .and_then(|()| {
                rows.run("INSERT OR REPLACE INTO note (name, value) VALUES ('due', 1)", [])
            });
        self.whole(dropped)
    }

    /// As [`Vault::papers`], and sees what this transaction has put.
    ///
    /// # Errors
    ///
    /// As [`Vault::papers`].
    pub fn papers(&self, id: HouseholdId) -> Result<Vec<Zeroizing<Vec<u8>>>, VaultFault> {
        self.rows().papers(id)
    }
}

/// A paper's handle and sealed bytes.
type Sealed = ([u8; 32], Vec<u8>);

impl Rows<'_> {
    pub(super) fn paper_handle(&self, name: &[u8]) -> Result<[u8; 32], VaultFault> {
        short_enough("the name of a paper", name.len(), MAX_HANDLE)?;
        Ok(keyed(Purpose::Lookup, self.secrets.source.expose(), &[b"paper", &[0], name]).0)
    }

    fn paper_place(&self, id: HouseholdId, handle: &[u8; 32]) -> Result<Vec<u8>, VaultFault> {
        Ok(self.place(PAPER, number(id)?, handle))
    }

    fn open_paper(
        &self,
        id: HouseholdId,
        key: &Key,
        (handle, sealed): &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultFault> {
        let damaged = || self.damaged(format!("a paper of family {id}"));
        let plain = key.open(&self.paper_place(id, handle)?, sealed).map_err(|_| damaged())?;
        unpad(&plain).ok_or_else(damaged)
    }

    fn sealed_papers(&self, id: HouseholdId) -> Result<Vec<Sealed>, VaultFault> {
        let sql = "SELECT handle, sealed FROM paper WHERE household = ?1 ORDER BY no LIMIT ?2";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| {
                let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?));
                s.query_map(params![number(id).unwrap_or(-1), MAX_PAPERS as i64], row)?.collect()
            })
            .map_err(|e| self.sqlite("read", e))
    }

    fn papers(&self, id: HouseholdId) -> Result<Vec<Zeroizing<Vec<u8>>>, VaultFault> {
        let (_, head) = self.head(id)?;
        let sealed = self.sealed_papers(id)?;
        sealed.iter().map(|one| self.open_paper(id, &head.key, one)).collect()
    }

    fn paper(&self, name: &[u8]) -> Result<Option<Paper>, VaultFault> {
        let handle = self.paper_handle(name)?;
        let row: Option<(i64, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT household, sealed FROM paper WHERE handle = ?1")
            .and_then(|mut s| s.query_row([handle], |r| Ok((r.get(0)?, r.get(1)?))).optional())
            .map_err(|e| self.sqlite("read", e))?;
        let Some((id, sealed)) = row else { return Ok(None) };
        let id = HouseholdId(id.unsigned_abs());
        let (_, head) = self.head(id)?;
        Ok(Some((id, self.open_paper(id, &head.key, &(handle, sealed))?)))
    }

    fn put_paper(&self, id: HouseholdId, name: &[u8], record: &[u8]) -> Result<(), VaultFault> {
        short_enough("a paper", record.len(), MAX_RECORD)?;
        let (_, head) = self.head(id)?;
        let handle = self.paper_handle(name)?;
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM paper WHERE household = ?1", [number(id)?], |r| {
                r.get(0)
            })
            .map_err(|e| self.sqlite("read", e))?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        short_enough("the number of papers", count.saturating_add(1), MAX_PAPERS)?;
        let sealed = head.key.seal(&self.paper_place(id, &handle)?, &pad(record))?;
        // Another household's paper of that name stays whose it is: the place it is sealed for would not fit.
        self.run(
            "INSERT INTO paper (handle, household, sealed) VALUES (?1, ?2, ?3)
             ON CONFLICT (handle) DO UPDATE SET sealed = ?3 WHERE household = ?2",
            params![handle, number(id)?, sealed],
        )
    }

    /// Seals a household's papers, as they were under its old key, under its new one.
    pub(super) fn reseal_papers(&self, id: HouseholdId, old: &Key) -> Result<(), VaultFault> {
        let (_, head) = self.head(id)?;
        for one in self.sealed_papers(id)? {
            let plain = self.open_paper(id, old, &one)?;
            let sealed = head.key.seal(&self.paper_place(id, &one.0)?, &pad(&plain))?;
            self.run("UPDATE paper SET sealed = ?2 WHERE handle = ?1", params![one.0, sealed])?;
        }
        Ok(())
    }
}
