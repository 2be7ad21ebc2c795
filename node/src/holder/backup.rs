//! Backups of a wallet: the same file under another passphrase, or under a key that several people hold together.

use std::path::Path;

use zeroize::Zeroizing;

use super::file::{self, Lock};
use super::{HolderFault, Wallet, held};
use crate::seal::{Cost, Key};
use crate::shares;

/// A share of a backup's key: its number and 32 bytes. As secret as half a key is.
pub type Share = Zeroizing<Vec<u8>>;

impl Wallet {
    /// Writes a backup under a passphrase of its own.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Exists`]; [`HolderFault::EmptyPassphrase`]; the disk.
    pub fn backup(
        &self,
        to: &Path,
        passphrase: &Zeroizing<String>,
        cost: Cost,
    ) -> Result<(), HolderFault> {
        self.write_backup(to, &Lock::new(passphrase, cost)?)
    }

    /// Writes a backup under a random key, and gives that key in `count` shares, of which `needed` open it.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Shares`] for a number nobody can hold; [`HolderFault::Exists`]; the disk.
    pub fn backup_split(
        &self,
        to: &Path,
        needed: u8,
        count: u8,
    ) -> Result<Vec<Share>, HolderFault> {
        if needed < 2 || needed > count || usize::from(count) > shares::MOST {
            return Err(HolderFault::Shares);
        }
        let key = Key::random()?;
        let split = shares::split(key.expose(), needed, count);
        self.write_backup(to, &Lock::split(key)?)?;
        Ok(split)
    }

    fn write_backup(&self, to: &Path, lock: &Lock) -> Result<(), HolderFault> {
        if to.exists() {
            return Err(HolderFault::Exists { path: to.to_owned() });
        }
        file::write(to, lock, &file::print(&self.secrets, &self.book)?)
    }

    /// Makes a wallet of a backup, under a passphrase of its own. It is a copy: it signs nothing before it has learned.
    ///
    /// # Errors
    ///
    /// [`HolderFault`].
    pub fn restore(
        backup: &Path,
        by: &By<'_>,
        path: &Path,
        (passphrase, cost): (&Zeroizing<String>, Cost),
        place: &Path,
    ) -> Result<Self, HolderFault> {
        if path.exists() {
            return Err(HolderFault::Exists { path: path.to_owned() });
        }
        let held = held(path)?;
        let plain = match by {
            By::Passphrase(old) => file::read(backup, old)?.1,
            By::Shares(shares) => {
                let mut key = shares::join(shares).ok_or(HolderFault::WrongShares)?;
                file::read_split(backup, &Key::take(&mut key))?
            }
        };
        let mut wallet = Self::take(path, place, (Lock::new(passphrase, cost)?, plain), held)?;
        // Also on the machine it was made on: what was signed after the backup is not in it.
        wallet.is_a_copy()?;
        wallet.save()?;
        Ok(wallet)
    }
}

/// What opens a backup.
pub enum By<'a> {
    /// Its passphrase.
    Passphrase(&'a Zeroizing<String>),
    /// Shares of its key.
    Shares(&'a [Share]),
}
