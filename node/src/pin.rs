//! PINs: kept so that a stolen file cannot be guessed, and counted so that a stolen card cannot (spec/pin.md).
//!
//! An attempt has two halves, which the types keep in order: [`Pins::begin`] counts it, durably, and gives an
//! [`Attempt`]; only that lets [`Pins::check`] look at the PIN. What is killed in between has used an attempt up.

mod digits;
mod file;
mod ladder;
mod lent;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::Purse;
use annona_ledger::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};

pub use digits::{NoPin, Pin};
pub use ladder::{Next, next};
pub use lent::{Lent, LentFault, envelope, open as open_lent, usable};

use crate::disk::DiskFault;
use crate::folder::{PEOPLE, PINS};
use crate::node::Node;
use crate::seal::{Cost, Key, SealError, random};
use crate::vault::{HouseholdId, Vault, VaultFault};

/// From this many wrong in a row on, the PIN waits after each.
pub const WAITS_AT: u32 = 3;
/// At this many wrong in a row it is locked.
pub const LOCKED_AT: u32 = 10;
/// How long it waits, in milliseconds.
pub const WAIT: u64 = 10 * 60 * 1000;
/// What one look at a PIN costs: within 400 ms on a small machine.
pub const COST: Cost = Cost::FLOOR;

/// Why PINs could not be kept or counted.
#[derive(Debug, thiserror::Error)]
pub enum PinFault {
    /// The file is something else, or another version's.
    #[error(
        "{} is no file of PINs this program knows, or is damaged. Where a newer annona has served this folder, use that one. Else put back the one of \
         this folder, or take the copy from the last \
         backup (`annona restore FILE --dir ELSEWHERE`, then copy it here). Where there is none, move it away: `annona family \
         pin FAMILY --second FILE` begins another. Other methods serve meanwhile.",
        path.display()
    )]
    NotPins {
        /// The file.
        path: PathBuf,
    },
    /// It was begun once, and is not there or has nothing in it.
    #[error(
        "{} is not here, or is empty, and families have PINs: begun anew, whoever guessed could guess again, and one operator \
         alone could give anybody another PIN. Put it back, or take the copy from the last backup (`annona restore FILE --dir \
         ELSEWHERE`, then copy it here). Where there is none, two operators begin another: `annona family pin FAMILY --second \
         FILE`. Other methods serve meanwhile.",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The person file, which notes that there are PINs.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// No randomness for a salt, or a cost that is not allowed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// Whether a PIN may be tried now.
#[derive(Debug)]
pub enum Begun {
    /// It may: the attempt is counted already.
    Attempt(Attempt),
    /// Not before this time.
    Waits(Millis),
    /// Not before two operators have opened it.
    Locked,
    /// The household has no PIN here.
    NoPin,
}

/// An attempt that was counted, and durably so. Used up by looking at the PIN.
#[derive(Debug)]
pub struct Attempt {
    handle: [u8; 32],
    wrong: u32,
    at: Millis,
}

/// What a PIN that was looked at leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is right.
    Right,
    /// It is wrong, and may be tried again at once: so often before the next method is offered.
    Again {
        /// Attempts left before that.
        left: u32,
    },
    /// It is wrong, and waits until this time. The next method is offered at once.
    Waits(Millis),
    /// It is wrong, and locked.
    Locked,
}

/// The PINs of a site.
pub struct Pins {
    connection: Connection,
    path: PathBuf,
    key: Key,
}

impl Pins {
    /// Opens the file of PINs of a node, or begins one where it never had any.
    ///
    /// # Errors
    ///
    /// [`PinFault::Missing`]; otherwise as [`Pins::open`].
    pub fn of_node(node: &Node, vault: &Vault) -> Result<Self, PinFault> {
        let path = node.folder().file(PINS);
        if !path.exists() && vault.has_pins()? {
            return Err(PinFault::Missing { path });
        }
        let pins = Self::of_folder(node)?;
        if pins.kept()? > 0 {
            // From before this was noted. The next time does it where the disk is full.
            drop(vault.note_pins());
        }
        Ok(pins)
    }

    /// As [`Pins::of_node`], and begins one also where there was one: two people have to say so.
    ///
    /// # Errors
    ///
    /// As [`Pins::open`].
    pub fn begin_anew(node: &Node) -> Result<Self, PinFault> {
        let path = node.folder().file(PINS);
        if std::fs::metadata(&path).is_ok_and(|about| about.len() == 0) {
            std::fs::remove_file(&path).map_err(|e| DiskFault::io("remove", &path, e))?;
        }
        Self::of_folder(node)
    }

    /// As [`Pins::of_node`], where the person file does not open: for looking whether they are whole.
    ///
    /// # Errors
    ///
    /// As [`Pins::open`].
    pub fn of_folder(node: &Node) -> Result<Self, PinFault> {
        let other = |_| VaultFault::WrongKey { path: node.folder().file(PEOPLE) };
        Self::open(&node.folder().file(PINS), &node.vault_key().map_err(other)?)
    }

    /// Opens the file of PINs, or begins one. `key` is the person file's.
    ///
    /// # Errors
    ///
    /// [`PinFault`]; [`PinFault::Missing`] for a file of no bytes.
    pub fn open(path: &Path, key: &Key) -> Result<Self, PinFault> {
        let connection = file::open(path)?;
        let Hash(mut site) = keyed(Purpose::Lookup, key.expose(), &[b"pin site key"]);
        Ok(Self { connection, path: path.to_owned(), key: Key::take(&mut site) })
    }

    /// How many PINs there are, of households and lent ones.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn kept(&self) -> Result<u64, PinFault> {
        let count = self.connection.query_row("SELECT count(*) FROM pin", [], |r| r.get(0));
        count.map(i64::unsigned_abs).map_err(|e| self.sqlite("read", e))
    }

    /// Reads the whole file, and says how many PINs are in it.
    ///
    /// # Errors
    ///
    /// [`PinFault::NotPins`] where it is damaged.
    pub fn verify(&self) -> Result<u64, PinFault> {
        let damaged = || PinFault::NotPins { path: self.path.clone() };
        let check = "PRAGMA integrity_check(1)";
        let said: String =
            self.connection.query_row(check, [], |r| r.get(0)).map_err(|_| damaged())?;
        if said == "ok" { self.kept() } else { Err(damaged()) }
    }

    /// Gives a household a PIN, in place of the one it had. Nothing of it is locked afterwards.
    ///
    /// # Errors
    ///
    /// [`PinFault`]; then the old one still holds.
    pub fn set(&mut self, household: HouseholdId, pin: &Pin) -> Result<(), PinFault> {
        let handle = self.handle(household);
        let salt: [u8; 16] = random()?;
        let check = check_of(&self.key_of(&handle), &COST.key(pin.expose(), &salt)?);
        let sql = "INSERT OR REPLACE INTO pin (handle, salt, memory, passes, tag, wrong, last)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)";
        let row = params![handle, salt, COST.memory_kib, COST.passes, check];
        self.connection.execute(sql, row).map(drop).map_err(|e| self.sqlite("write", e))
    }

    /// Whether a household has a PIN here.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn has(&self, household: HouseholdId) -> Result<bool, PinFault> {
        Ok(self.counted(&self.handle(household))?.is_some())
    }

    /// Whether a household has a PIN here that may be tried now: it neither waits nor is locked. Counts nothing.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn may_try(&self, household: HouseholdId, now: Millis) -> Result<bool, PinFault> {
        self.is_open(&self.handle(household), now)
    }

    fn is_open(&self, handle: &[u8; 32], now: Millis) -> Result<bool, PinFault> {
        let open = |(wrong, last)| wrong < WAITS_AT || wrong < LOCKED_AT && now >= after(last);
        Ok(self.counted(handle)?.is_some_and(open))
    }

    /// Begins an attempt: counts it, and makes that durable, before the PIN is looked at.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`]: then nothing was begun and no PIN is looked at.
    pub fn begin(&mut self, household: HouseholdId, now: Millis) -> Result<Begun, PinFault> {
        self.begin_one(self.handle(household), now)
    }

    fn begin_one(&self, handle: [u8; 32], now: Millis) -> Result<Begun, PinFault> {
        let Some((wrong, last)) = self.counted(&handle)? else { return Ok(Begun::NoPin) };
        if wrong >= LOCKED_AT {
            return Ok(Begun::Locked);
        }
        if wrong >= WAITS_AT {
            if now < last {
                // A clock that was set back: ten minutes from now, and not from what it once showed.
                self.count(&handle, wrong, now)?;
                return Ok(Begun::Waits(after(now)));
            }
            if now < after(last) {
                return Ok(Begun::Waits(after(last)));
            }
        }
        let wrong = wrong + 1;
        self.count(&handle, wrong, now)?;
        Ok(Begun::Attempt(Attempt { handle, wrong, at: now }))
    }

    /// Looks at the PIN of an attempt that was counted.
    ///
    /// # Errors
    ///
    /// [`PinFault`]; the attempt stays counted.
    pub fn check(&mut self, attempt: Attempt, pin: &Pin) -> Result<Answer, PinFault> {
        let Attempt { handle, wrong, at } = attempt;
        let right = match self.row(&handle)? {
            None => false,
            Some(Row { salt, cost, check: kept, lent }) => {
                let slow = cost.key(pin.expose(), &salt)?;
                match lent {
                    Some(none) if none.is_empty() => {
                        let right = same(&self.first_check(&handle, &slow), &kept);
                        if right {
                            self.renew(&handle, &check_of(&self.key_of(&handle), &slow))?;
                        }
                        right
                    }
                    Some(sealed) => {
                        same(&check_of(&self.open_key(&handle, &sealed)?, &slow), &kept)
                    }
                    None => same(&check_of(&self.key_of(&handle), &slow), &kept),
                }
            }
        };
        if right {
            self.count(&handle, 0, at)?;
            return Ok(Answer::Right);
        }
        Ok(match wrong {
            wrong if wrong >= LOCKED_AT => Answer::Locked,
            wrong if wrong >= WAITS_AT => Answer::Waits(after(at)),
            wrong => Answer::Again { left: WAITS_AT - wrong },
        })
    }

    /// Opens a PIN that is locked or waits. Who may is for the caller to make sure. Says whether it was locked.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn unlock(&mut self, household: HouseholdId) -> Result<bool, PinFault> {
        let handle = self.handle(household);
        let Some((wrong, _)) = self.counted(&handle)? else { return Ok(false) };
        self.count(&handle, 0, Millis(0))?;
        Ok(wrong >= LOCKED_AT)
    }

    /// Takes the PINs of households away, as where they are erased; all at once. Says how many there were.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`]; then none is gone.
    pub fn forget(&mut self, households: &[HouseholdId]) -> Result<usize, PinFault> {
        let handles: Vec<_> = households.iter().map(|one| self.handle(*one)).collect();
        let gone = (|| {
            let transaction = self.connection.transaction()?;
            let mut gone = 0;
            for handle in handles {
                gone += transaction.execute("DELETE FROM pin WHERE handle = ?1", [handle])?;
            }
            transaction.commit().map(|()| gone)
        })();
        gone.map_err(|e| self.sqlite("write", e))
    }

    /// What PINs are compared with, as it lies in the file: what a test of erasure looks for.
    #[cfg(test)]
    pub(crate) fn tags(&self) -> Vec<[u8; 32]> {
        let mut rows = self.connection.prepare("SELECT tag FROM pin").expect("reads");
        rows.query_map([], |row| row.get(0)).expect("reads").map(|tag| tag.expect("one")).collect()
    }

    fn handle(&self, household: HouseholdId) -> [u8; 32] {
        let parts: [&[u8]; 2] = [b"pin holder", &household.0.to_be_bytes()];
        keyed(Purpose::Lookup, self.key.expose(), &parts).0
    }

    fn lent_handle(&self, purse: &Purse) -> [u8; 32] {
        keyed(Purpose::Lookup, self.key.expose(), &[b"pin lent", &purse.0]).0
    }

    /// The key of one household's check: what may be lent, and opens nobody else's.
    fn key_of(&self, handle: &[u8; 32]) -> Key {
        let Hash(mut key) = keyed(Purpose::Lookup, self.key.expose(), &[b"pin key", handle]);
        Key::take(&mut key)
    }

    /// A check as the first version kept it: under the site key, which cannot be lent.
    fn first_check(&self, handle: &[u8; 32], slow: &Key) -> [u8; 32] {
        keyed(Purpose::Lookup, self.key.expose(), &[b"pin check", handle, slow.expose()]).0
    }

    /// Keeps the check of today for one of the first version: the PIN has just been typed.
    fn renew(&self, handle: &[u8; 32], check: &[u8; 32]) -> Result<(), PinFault> {
        let sql = "UPDATE pin SET tag = ?2, lent = NULL WHERE handle = ?1";
        let done = self.connection.execute(sql, params![handle, check]);
        done.map(drop).map_err(|e| self.sqlite("write", e))
    }

    fn row(&self, handle: &[u8; 32]) -> Result<Option<Row>, PinFault> {
        let sql = "SELECT salt, memory, passes, tag, lent FROM pin WHERE handle = ?1";
        let row = self.connection.query_row(sql, params![handle], |r| {
            let cost = Cost { memory_kib: r.get(1)?, passes: r.get(2)? };
            Ok(Row { salt: r.get(0)?, cost, check: r.get(3)?, lent: r.get(4)? })
        });
        row.optional().map_err(|e| self.sqlite("read", e))
    }

    fn counted(&self, handle: &[u8; 32]) -> Result<Option<(u32, Millis)>, PinFault> {
        let sql = "SELECT wrong, last FROM pin WHERE handle = ?1";
        let row = self.connection.query_row(sql, params![handle], |r| {
            Ok((r.get(0)?, Millis(r.get::<_, i64>(1)?.unsigned_abs())))
        });
        row.optional().map_err(|e| self.sqlite("read", e))
    }

    /// One statement is one transaction, synced before it returns.
    fn count(&self, handle: &[u8; 32], wrong: u32, at: Millis) -> Result<(), PinFault> {
        let sql = "UPDATE pin SET wrong = ?2, last = ?3 WHERE handle = ?1";
        let at = i64::try_from(at.0).unwrap_or(i64::MAX);
        let done = self.connection.execute(sql, params![handle, wrong, at]);
        done.map(drop).map_err(|e| self.sqlite("write", e))
    }

    fn sqlite(&self, doing: &'static str, fault: rusqlite::Error) -> PinFault {
        DiskFault::sqlite(doing, &self.path, fault).into()
    }
}

fn after(at: Millis) -> Millis {
    Millis(at.0.saturating_add(WAIT))
}

/// What a PIN is compared with.
struct Row {
    salt: [u8; 16],
    cost: Cost,
    check: [u8; 32],
    /// The sealed key of a PIN that is kept elsewhere; empty where the check is one of the first version.
    lent: Option<Vec<u8>>,
}

fn check_of(key: &Key, slow: &Key) -> [u8; 32] {
    keyed(Purpose::Lookup, key.expose(), &[b"pin check", slow.expose()]).0
}

/// Equal, without telling by time how many bytes are.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
