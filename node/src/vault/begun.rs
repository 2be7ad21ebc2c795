//! Changes that stand and may not have been answered: said once more they are gone on with, and not made twice
//! (spec/privacy.md, "Said once more").

use rusqlite::{OptionalExtension, params};

use super::fault::VaultFault;
use super::rows::number;
use super::{HouseholdId, Vault, VaultTxn};

/// The digest is keyed, and goes with the household and out of every copy all the same.
pub(super) const FORGET_BEGUN: &str = "DELETE FROM note WHERE name GLOB 'begun *'";
const NAME: &str = "'begun ' || hex(?1)";

impl Vault {
    /// The household that a change made or left, where it was asked for in these words ([`Vault::content_digest`]) and not
    /// answered.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn begun(&self, asked: &[u8; 32]) -> Result<Option<HouseholdId>, VaultFault> {
        let rows = self.rows();
        let sql = format!("SELECT value FROM note WHERE name = {NAME}");
        let found: Option<i64> = rows
            .connection
            .query_row(&sql, [asked], |r| r.get(0))
            .optional()
            .map_err(|e| rows.sqlite("read", e))?;
        Ok(found.map(|id| HouseholdId(id.unsigned_abs())))
    }

    /// The households of all such changes.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn all_begun(&self) -> Result<Vec<HouseholdId>, VaultFault> {
        self.rows().noted("begun *")
    }

    /// Notes that a change was answered.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn answered(&mut self, asked: &[u8; 32]) -> Result<(), VaultFault> {
        self.rows().run(&format!("DELETE FROM note WHERE name = {NAME}"), [asked])
    }
}

impl VaultTxn<'_> {
    /// Notes, with the change itself, in which words it was asked for, and what household it made or left.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_begun(&mut self, asked: &[u8; 32], id: HouseholdId) -> Result<(), VaultFault> {
        let sql = format!("INSERT OR REPLACE INTO note (name, value) VALUES ({NAME}, ?2)");
        self.rows().run(&sql, params![asked, number(id)?])
    }
}
