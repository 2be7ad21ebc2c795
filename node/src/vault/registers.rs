//! Which registers a vault's families were taken from, by name. Sealed like all that is told of people: a register may be
//! called after whom it is of.

use std::collections::BTreeSet;

use super::rows::{Rows, pad, unpad};
use super::{HouseholdId, OWN_SOURCE, Vault, VaultFault, VaultTxn};

/// The most names of registers a vault keeps; the keys of further ones are found as before by whoever says the name.
pub const MAX_REGISTERS: usize = 64;

/// What the name of a register is sealed for.
const REGISTER: &[u8] = b"annona 2026 v1 vault register";

impl Vault {
    /// The registers families here were taken from, by name; the site's own is always among them.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn registers(&self) -> Result<BTreeSet<String>, VaultFault> {
        self.rows().registers()
    }

    /// The register that a household was taken from under this key; `None` where its name was not kept.
    ///
    /// # Errors
    ///
    /// As [`Vault::find`].
    pub fn register_of(&self, id: HouseholdId, key: &[u8]) -> Result<Option<String>, VaultFault> {
        let rows = self.rows();
        for name in rows.registers()? {
            let handle = rows.source_handle(&name, key)?;
            if rows.id_by_source(&handle)? == Some(id) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

impl VaultTxn<'_> {
    /// Keeps the name of a register that households are taken from. Again, or beyond [`MAX_REGISTERS`], changes nothing.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn keep_register(&mut self, name: &str) -> Result<(), VaultFault> {
        let rows = self.rows();
        let known = rows.registers()?;
        if known.contains(name) || known.len() >= MAX_REGISTERS {
            return Ok(());
        }
        let sealed = rows.secrets.key.seal(&rows.place(REGISTER, 0, &[]), &pad(name.as_bytes()))?;
        rows.run("INSERT INTO note (name, value) VALUES ('register ' || hex(?1), 1)", [sealed])
    }
}

impl Rows<'_> {
    fn registers(&self) -> Result<BTreeSet<String>, VaultFault> {
        let sql = "SELECT unhex(substr(name, 10)) FROM note WHERE name GLOB 'register *' LIMIT ?1";
        let sealed: Vec<Option<Vec<u8>>> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_map([MAX_REGISTERS as i64], |r| r.get(0))?.collect())
            .map_err(|e| self.sqlite("read", e))?;
        let place = self.place(REGISTER, 0, &[]);
        // One that does not open names no register, and takes no family away.
        let open = |sealed: Vec<u8>| unpad(&self.secrets.key.open(&place, &sealed).ok()?);
        let names = sealed.into_iter().flatten().filter_map(open);
        let names = names.filter_map(|name| String::from_utf8(name.to_vec()).ok());
        Ok(names.chain([OWN_SOURCE.to_owned()]).collect())
    }
}
