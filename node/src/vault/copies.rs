//! Which nodes were given a copy of the data keys, and how far behind it is.

use annona_ledger::time::DayNo;
use rusqlite::params;

use super::{Vault, VaultFault};

/// A copy of this vault's keys, as it was when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// For which node, by eight bytes of its key.
    pub node: [u8; 8],
    /// On which day.
    pub on: DayNo,
    /// How many records got a key since: those a restored folder would not open by it.
    pub newer: u64,
    /// How many erasures it is behind: whose keys are in it still.
    pub behind: u64,
}

impl Vault {
    /// Notes that a node was given a copy of the keys as they are now.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn gave_copy(&mut self, node: [u8; 8], on: DayNo) -> Result<(), VaultFault> {
        let (records, erasures) = (self.newest_key()?, self.erasures()?.len() as u64);
        let sql =
            "INSERT OR REPLACE INTO copy (node, day, records, erasures) VALUES (?1, ?2, ?3, ?4)";
        let row = params![node, on.0, records.cast_signed(), erasures.cast_signed()];
        self.rows().run(sql, row)
    }

    /// Forgets that a node was given one: it was asked to destroy it.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn took_copy(&mut self, node: [u8; 8]) -> Result<(), VaultFault> {
        self.rows().run("DELETE FROM copy WHERE node = ?1", [node])
    }

    /// The copies that were given.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn copies(&self) -> Result<Vec<Given>, VaultFault> {
        let (erasures, rows) = (self.erasures()?.len() as u64, self.rows());
        let live = rows.live_keys()?;
        let read = |r: &rusqlite::Row<'_>| {
            let (records, then): (i64, i64) = (r.get(2)?, r.get(3)?);
            let newer = live.iter().filter(|place| place.number > records.unsigned_abs()).count();
            Ok(Given {
                node: r.get(0)?,
                on: DayNo(r.get(1)?),
                newer: newer as u64,
                behind: erasures.saturating_sub(then.unsigned_abs()),
            })
        };
        rows.connection
            .prepare_cached("SELECT node, day, records, erasures FROM copy ORDER BY node")
            .and_then(|mut s| s.query_map([], read)?.collect())
            .map_err(|e| rows.sqlite("read", e))
    }

    fn newest_key(&self) -> Result<u64, VaultFault> {
        Ok(self.rows().live_keys()?.last().map_or(0, |place| place.number))
    }
}
