//! Changes that stand and may not have been answered: said once more they are gone on with, and not made twice
//! (spec/privacy.md, "Said once more").

use rusqlite::{OptionalExtension, params};

use super::fault::VaultFault;
use super::rows::number;
use super::{HouseholdId, Vault, VaultTxn};

/// The digest is keyed, and goes with the household and out of every copy all the same.
pub(super) const FORGET_BEGUN: &str = "DELETE FROM note WHERE name GLOB 'begun*'";
const NAME: &str = "'begun ' || hex(?1)";
/// Since something else was answered.
const DOUBTED: &str = "'begun~ ' || hex(?1)";

/// A change that was asked for in the same words, and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The household that it made or left.
    pub family: HouseholdId,
    /// Whether another was answered since: then the same words may be meant anew.
    pub doubted: bool,
}

impl Vault {
    /// What was asked for in these words ([`Vault::content_digest`]) and not answered.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn begun(&self, asked: &[u8; 32]) -> Result<Option<Begun>, VaultFault> {
        let rows = self.rows();
        let sql = format!(
            "SELECT value, name = {DOUBTED} FROM note WHERE name IN ({NAME}, {DOUBTED}) ORDER BY 2"
        );
        let found: Option<(i64, bool)> = rows
            .connection
            .query_row(&sql, [asked], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()
            .map_err(|e| rows.sqlite("read", e))?;
        let begun = |(id, doubted): (i64, bool)| {
            let family = HouseholdId(id.unsigned_abs());
            Begun { family, doubted }
        };
        Ok(found.map(begun))
    }

    /// The households of all such changes.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn all_begun(&self) -> Result<Vec<HouseholdId>, VaultFault> {
        self.rows().noted("begun*")
    }

    /// Notes that a change was answered: of all others that were not, the same words may be meant anew from then on.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn answered(&mut self, asked: &[u8; 32]) -> Result<(), VaultFault> {
        let sql = format!("DELETE FROM note WHERE name IN ({NAME}, {DOUBTED})");
        self.rows().run(&sql, [asked])?;
        self.doubt_begun()
    }

    /// Notes that something was answered, such as an import.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn doubt_begun(&mut self) -> Result<(), VaultFault> {
        let sql = "UPDATE OR REPLACE note SET name = 'begun~ ' || substr(name, 7) WHERE name GLOB 'begun *'";
        self.rows().run(sql, [])
    }
}

impl VaultTxn<'_> {
    /// Notes, with the change itself, in which words it was asked for, and what household it made or left.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_begun(&mut self, asked: &[u8; 32], id: HouseholdId) -> Result<(), VaultFault> {
        self.rows().run(&format!("DELETE FROM note WHERE name = {DOUBTED}"), [asked])?;
        let sql = format!("INSERT OR REPLACE INTO note (name, value) VALUES ({NAME}, ?2)");
        self.rows().run(&sql, params![asked, number(id)?])
    }
}
