//! The vault: who the people of a site are, sealed one by one in a file of its own.
//!
//! Each household and each member is sealed under a random data key of its own, and that key under the vault's key.
//! Destroying one data key therefore destroys one person's record and nobody else's; data keys lie in a file apart (`keys`),
//! which is written anew whenever one is destroyed and never part of a backup. What can be read without the
//! vault's key is: how many households there are, how many people each has, their lengths rounded up to 64 bytes, and
//! in which programmes each is enrolled. Registration numbers, card codes and pseudonyms are kept as keyed hashes only.
//!
//! The vault takes and gives bytes; what is inside a record is said in `person.rs`.
//!
//! ```text
//! people.db                                                                  people.keys: data key by number, slot
//! household id ─ head:   root (32) ‖ registration (32) ‖ digest (32) ‖ edition (16) ‖ members (1)
//!              │                                                                  sealed under data key 0
//!              ├ body 0: length (2) ‖ household record ‖ zeros to 64              sealed under data key 0
//!              └ body n: length (2) ‖ member record    ‖ zeros to 64              sealed under data key n
//! ```

mod apart;
mod begun;
mod copies;
mod erased;
mod fault;
mod file;
mod keys;
mod older;
mod papers;
mod registers;
mod rows;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash, keyed};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use apart::Beside;
pub use begun::Begun;
pub use copies::Given;
pub use erased::Erasure;
pub use fault::VaultFault;
pub(crate) use file::key_path;
use keys::KeyFile;
pub use keys::MAX_KEY_FILE;
pub use papers::{MAX_PAPERS, Paper};
pub use registers::MAX_REGISTERS;
use rows::{Rows, Secrets};

use crate::seal::Key;

/// The longest household or member record, in bytes.
pub const MAX_RECORD: usize = 16 * 1024;
/// The most members one household can have. The largest household in the registration files studied has 22.
pub const MAX_MEMBERS: usize = 255;
/// The longest name of a source of registrations, in bytes.
pub const MAX_SOURCE: usize = 64;
/// The longest key of a household within its source, and the longest card code, in bytes.
pub const MAX_HANDLE: usize = 256;
/// The most households one page of [`Vault::all`] or [`Vault::pending`] lists.
pub const MAX_PAGE: usize = 4096;

/// The register that every site keeps by itself: two sites number their families alike without meaning the same ones.
pub const OWN_SOURCE: &str = "desk";

/// What every site that took a household from the same register calls it: a hash of the register's name and the
/// household's key in it, `H(lookup, "registration" ‖ source ‖ 0 ‖ key)`. `None` for a site's own register.
///
/// Numbers in a register can be guessed, so this never leaves a vault but under a cycle's key.
#[must_use]
pub fn registration(source: &str, key: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let parts: [&[u8]; 4] = [b"registration", source.as_bytes(), &[0], key];
    (source != OWN_SOURCE).then(|| Zeroizing::new(hash(Purpose::Lookup, &parts).0))
}

/// What was passed over for want of a key is held against the erasures again.
const FORGET_HEARD: &str = "DELETE FROM note WHERE name = 'heard'";

/// A household's number in one vault. Numbers are given in order, never again, and mean nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HouseholdId(pub u64);

impl std::fmt::Display for HouseholdId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of a household before its record is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number in this vault.
    pub id: HouseholdId,
    /// The digest given when it was stored: equal content, equal digest. `None` where its record does not open, for want of
    /// its key or by damage.
    pub digest: Option<[u8; 32]>,
    /// Whether it is enrolled in any programme.
    pub enrolled: bool,
}

/// A household's opened records. Wiped when dropped; neither copied nor printed.
pub struct Stored {
    /// Its number in this vault.
    pub id: HouseholdId,
    /// The digest given when it was stored.
    pub digest: [u8; 32],
    /// The household record.
    pub household: Zeroizing<Vec<u8>>,
    /// The member records, in the order they were given.
    pub members: Vec<Zeroizing<Vec<u8>>>,
}

#[cfg(test)]
thread_local! {
    /// How often a household was opened on this thread: as often as a disclosure was made, where nothing else is.
    pub(crate) static OPENED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The sealed person file of a site, open.
pub struct Vault {
    connection: Connection,
    secrets: Secrets,
    keys: KeyFile,
    path: PathBuf,
    /// Whether what a killed process may have left unsynced in the log is durable by now.
    settled: bool,
}

impl Vault {
    /// Makes an empty vault and opens it. The file appears under its name only once it is whole.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`] where the path is taken or cannot be written.
    pub fn create(path: &Path, key: &Key) -> Result<Self, VaultFault> {
        Self::create_under(path, key, &[])
    }

    /// As [`Vault::create`], its data keys under the last of these site keys ([`Vault::open_under`]).
    ///
    /// # Errors
    ///
    /// As [`Vault::create`].
    pub fn create_under(path: &Path, key: &Key, sites: &[Key]) -> Result<Self, VaultFault> {
        file::create(path, key)?;
        Self::open_under(path, key, sites)
    }

    /// Opens a vault.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotAVault`], [`VaultFault::Newer`], [`VaultFault::Older`], [`VaultFault::Damaged`],
    /// [`VaultFault::WrongKey`] or [`VaultFault::KeysLost`], tested in this order; [`VaultFault::Disk`] where the file cannot be read.
    pub fn open(path: &Path, key: &Key) -> Result<Self, VaultFault> {
        Self::open_under(path, key, &[])
    }

    /// As [`Vault::open`], its data keys lying under one of these site keys, or under the vault's own where they were never
    /// put under another ([`Vault::rotate`]).
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub fn open_under(path: &Path, key: &Key, sites: &[Key]) -> Result<Self, VaultFault> {
        Self::opened(path, file::open(path, key, sites, false)?)
    }

    /// As [`Vault::open_under`], where its data keys are lost: it begins a new file of them, for a copy to be put into
    /// ([`Vault::put_keys`]).
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub fn open_without_keys(path: &Path, key: &Key, sites: &[Key]) -> Result<Self, VaultFault> {
        Self::opened(path, file::open(path, key, sites, true)?)
    }

    fn opened(
        path: &Path,
        (connection, secrets, keys): (Connection, Secrets, KeyFile),
    ) -> Result<Self, VaultFault> {
        let mut vault = Self { connection, secrets, keys, path: path.to_owned(), settled: false };
        if vault.keys_due()? {
            // What an interrupted erasure has left. A full disk keeps nobody from being served: it is tried again.
            match vault.scrub() {
                Ok(()) | Err(VaultFault::Disk(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        vault.unpart()?;
        Ok(vault)
    }

    /// Looks up a household by its key in a source of registrations, such as a national number.
    ///
    /// # Errors
    ///
    /// [`VaultFault::TooLong`] or [`VaultFault::BadSource`] for what cannot be a key; otherwise a broken file.
    pub fn find(&self, source: &str, key: &[u8]) -> Result<Option<Found>, VaultFault> {
        self.rows().find(source, key)
    }

    /// The digest of a record's content under a key of this vault's own, to be stored with it ([`Found::digest`]).
    #[must_use]
    pub fn content_digest(&self, content: &[u8]) -> [u8; 32] {
        keyed(Purpose::Content, self.secrets.source.expose(), &[content]).0
    }

    /// Starts a set of changes; nothing is kept unless it is committed.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`] where another process is writing.
    pub fn begin(&mut self) -> Result<VaultTxn<'_>, VaultFault> {
        if !self.settled {
            // An import that finds everything there commits nothing, and says so only of what a power cut leaves alone.
            let checkpoint =
                self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            checkpoint.map_err(|e| VaultFault::sqlite("write", &self.path, e))?;
            self.settled = true;
        }
        self.keys.begin(self.rows().newest_key()?)?;
        let Self { connection, secrets, keys, path, .. } = self;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| VaultFault::sqlite("write", path, e))?;
        let next = Rows { connection: &transaction, secrets, keys, path }.next_id()?;
        Ok(VaultTxn { transaction, secrets, keys, path, next, broken: false })
    }

    /// Opens a household's records.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; [`VaultFault::Damaged`] where a record does not open in its place.
    pub fn household(&self, id: HouseholdId) -> Result<Stored, VaultFault> {
        #[cfg(test)]
        OPENED.set(OPENED.get() + 1);
        self.rows().household(id)
    }

    /// The household's pseudonym in one programme of one federation.
    ///
    /// Without the household's root, which never leaves the vault, two of them cannot be linked.
    ///
    /// # Errors
    ///
    /// As [`Vault::household`].
    pub fn pseudonym(
        &self,
        id: HouseholdId,
        programme: u16,
        federation: &[u8; 32],
    ) -> Result<[u8; 16], VaultFault> {
        self.rows().pseudonym(id, programme, federation)
    }

    /// What the household's purses are derived from, together with a cycle's key: the same at every site that has it
    /// from the same register under the same key ([`registration`]), and a secret of this vault where the register is
    /// the site's own.
    ///
    /// # Errors
    ///
    /// As [`Vault::household`].
    pub fn registration(&self, id: HouseholdId) -> Result<Zeroizing<[u8; 32]>, VaultFault> {
        Ok(self.rows().head(id)?.1.registration)
    }

    /// The household enrolled in a programme under a pseudonym.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn find_by_pseudonym(
        &self,
        programme: u16,
        pseudonym: [u8; 16],
    ) -> Result<Option<HouseholdId>, VaultFault> {
        self.rows().find_by_pseudonym(programme, &pseudonym)
    }

    /// The household a card was given to. Only a keyed hash of the code is stored. None has it where it was just drawn;
    /// where it was shown, [`Vault::nobody`] says whether it may be of one whose key is not here.
    ///
    /// # Errors
    ///
    /// [`VaultFault::TooLong`] for what cannot be a code; otherwise a broken file.
    pub fn household_by_card(&self, code: &[u8]) -> Result<Option<HouseholdId>, VaultFault> {
        self.rows().household_by_card(code)
    }

    /// Households not yet enrolled in a programme, in order, starting after one; at most `limit` and [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn pending(
        &self,
        programme: u16,
        after: Option<HouseholdId>,
        limit: usize,
    ) -> Result<Vec<HouseholdId>, VaultFault> {
        self.rows().page(
            "SELECT id FROM household WHERE id > ?1 AND NOT EXISTS
                 (SELECT 1 FROM enrolment WHERE programme = ?3 AND household = household.id)
             ORDER BY id LIMIT ?2",
            after,
            limit,
            Some(programme),
        )
    }

    /// All households in order, starting after one; at most `limit` and [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn all(
        &self,
        after: Option<HouseholdId>,
        limit: usize,
    ) -> Result<Vec<HouseholdId>, VaultFault> {
        let sql = "SELECT id FROM household WHERE id > ?1 ORDER BY id LIMIT ?2";
        self.rows().page(sql, after, limit, None)
    }

    /// How many households there are.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn count(&self) -> Result<u64, VaultFault> {
        self.rows().count("SELECT count(*) FROM household")
    }

    /// Opens every record and checks the file's structure; says how many households are whole.
    ///
    /// # Errors
    ///
    /// The first thing found broken.
    pub fn verify(&self) -> Result<u64, VaultFault> {
        self.rows().check_structure()?;
        let (mut after, mut whole) = (None, 0);
        loop {
            let page = self.all(after, MAX_PAGE)?;
            let Some(last) = page.last() else { return Ok(whole) };
            after = Some(*last);
            for id in page {
                self.household(id)?;
                whole += 1;
            }
        }
    }

    /// Erases a household for good: its data keys, records, look-up handles, and every trace of them in the file.
    ///
    /// Rewrites the whole file, so that no stale copy of a page keeps the key; the cost is that of copying it once.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; a broken or full disk. After a fault it is safe to erase again.
    pub fn erase(&mut self, id: HouseholdId) -> Result<(), VaultFault> {
        let txn = self.begin()?;
        txn.rows().erase(id)?;
        txn.commit()?;
        self.scrub()
    }

    /// Writes the data keys anew under a new file key, without those no record names; then the file without what was
    /// deleted, and empties the write-ahead log.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`] where there is no room for a second copy; what was begun is finished when it is next opened.
    pub fn scrub(&mut self) -> Result<(), VaultFault> {
        self.rewrite(None)
    }

    /// As [`Vault::scrub`], and puts the data keys under a new site key. A key file of before opens with the old one alone.
    ///
    /// # Errors
    ///
    /// As [`Vault::scrub`].
    pub fn rotate(&mut self, site: &Key) -> Result<(), VaultFault> {
        self.rewrite(Some(site))
    }

    fn rewrite(&self, site: Option<&Key>) -> Result<(), VaultFault> {
        let live = self.rows().live_keys()?;
        self.keys.rewrite(&live, site)?;
        let failed = |e| VaultFault::sqlite("rewrite", &self.path, e);
        file::scrub(&self.connection).map_err(failed)?;
        self.connection.execute("DELETE FROM note WHERE name = 'due'", []).map_err(failed)?;
        file::checkpoint(&self.connection).map_err(failed)
    }

    /// Whether somebody's keys are still to be destroyed: an erasure was interrupted, or the disk was full.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn keys_due(&self) -> Result<bool, VaultFault> {
        self.noted("due")
    }

    /// Whether the site key that an erased person's keys lay under is still to be destroyed, wherever they were written anew
    /// meanwhile: a key file that somebody kept of before opens with it ([`crate::erase::rotate`]).
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn site_key_due(&self) -> Result<bool, VaultFault> {
        self.noted("site")
    }

    /// Notes that the site key of before is destroyed.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn site_key_gone(&mut self) -> Result<(), VaultFault> {
        self.rows().run("DELETE FROM note WHERE name = 'site'", [])
    }

    fn noted(&self, name: &str) -> Result<bool, VaultFault> {
        let sql = "SELECT EXISTS (SELECT 1 FROM note WHERE name = ?1)";
        let there = self.connection.query_row(sql, [name], |r| r.get(0));
        there.map_err(|e| VaultFault::sqlite("read", &self.path, e))
    }

    /// The data keys, in a file of their own, under the vault's key, which a backup has: what a keeper of a copy is given,
    /// sealed once more.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`].
    pub fn copy_keys(&self) -> Result<Vec<u8>, VaultFault> {
        self.keys.copy(&self.secrets.key, &self.rows().live_keys()?)
    }

    /// Lays a copy of the data keys over this file: records that have no key here open, and nothing of the copy is on the
    /// disk yet. So whoever was erased is found and goes ([`crate::erase`]) before [`Vault::put_keys`].
    ///
    /// # Errors
    ///
    /// [`VaultFault::Damaged`] or [`VaultFault::WrongKey`] for what is no copy of this vault's keys.
    pub fn lay_over(&mut self, copy: &[u8]) -> Result<(), VaultFault> {
        self.keys.lay_over(copy, &self.secrets.key)
    }

    /// Notes of every household whose keys were destroyed before the copy that lies over this file was made that no other
    /// file may tell of it ([`Vault::to_forget`]): it was erased, or its record is an older one than was kept then, and opens
    /// for nobody.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn forget_destroyed(&mut self) -> Result<(), VaultFault> {
        let rows = self.rows();
        for place in rows.live_keys()? {
            if place.slot % 256 == 0 && self.keys.was_destroyed(place)? {
                rows.note_forget(place.slot / 256)?;
            }
        }
        Ok(())
    }

    /// Keeps the keys of the copy that lies over this file. Only records that are here get theirs: nobody who was erased
    /// comes back. Says how many records have no key yet.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`], and then none was kept.
    pub fn put_keys(&mut self) -> Result<u64, VaultFault> {
        // What was passed over for want of a key is held against the erasures again when this is next opened.
        self.connection.execute(FORGET_HEARD, []).map_err(|e| self.rows().sqlite("write", e))?;
        self.keys.rewrite(&self.rows().live_keys()?, None)?;
        self.unpart()?;
        self.keyless()
    }

    /// How many members a household has, whether or not its record opens.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; a broken file.
    pub fn members(&self, id: HouseholdId) -> Result<u64, VaultFault> {
        self.rows().members(id)
    }

    /// How many records have no key here.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn keyless(&self) -> Result<u64, VaultFault> {
        let rows = self.rows();
        let mut without = rows.count("SELECT count(*) FROM body WHERE key <= 0")?;
        for place in rows.live_keys()? {
            without += u64::from(self.keys.sealed(place)?.is_none());
        }
        Ok(without)
    }

    /// Puts the keys of a second file of before they had a file of their own into the person file that it was made with.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`] where it is not such a file.
    pub fn put_older_keys(path: &Path, rows: &[(i64, Vec<u8>)]) -> Result<(), VaultFault> {
        older::put_rows(path, rows)
    }

    /// What tells this vault from every other, and its copies from theirs.
    #[must_use]
    pub const fn id(&self) -> &[u8; 16] {
        &self.secrets.id
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn rows(&self) -> Rows<'_> {
        let Self { connection, secrets, keys, path, .. } = self;
        Rows { connection, secrets, keys, path }
    }

    /// A household's root and data keys, and its keys and records as they lie sealed: what a test of erasure looks for.
    #[cfg(test)]
    pub(crate) fn secrets_of(&self, id: HouseholdId) -> Vec<(&'static str, Vec<u8>)> {
        self.rows().secrets_of(id)
    }

    /// What else of a household lies in the file in a form of its own: her papers, and her handles.
    #[cfg(test)]
    pub(crate) fn found_by(&self, id: HouseholdId) -> Vec<(&'static str, Vec<u8>)> {
        self.rows().found_by(id)
    }
}

/// Changes to a vault. Dropped without [`VaultTxn::commit`], nothing has happened.
pub struct VaultTxn<'a> {
    transaction: rusqlite::Transaction<'a>,
    secrets: &'a Secrets,
    keys: &'a KeyFile,
    path: &'a Path,
    next: u64,
    broken: bool,
}

impl VaultTxn<'_> {
    /// As [`Vault::find`], and sees what this transaction has added.
    ///
    /// # Errors
    ///
    /// As [`Vault::find`].
    pub fn find(&self, source: &str, key: &[u8]) -> Result<Option<Found>, VaultFault> {
        self.rows().find(source, key)
    }

    /// As [`Vault::pseudonym`], and sees what this transaction has added.
    ///
    /// # Errors
    ///
    /// As [`Vault::pseudonym`].
    pub fn pseudonym(
        &self,
        id: HouseholdId,
        programme: u16,
        federation: &[u8; 32],
    ) -> Result<[u8; 16], VaultFault> {
        self.rows().pseudonym(id, programme, federation)
    }

    /// Stores a household that this source has not named before, with a fresh root.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Known`] where the key is there already; [`VaultFault::TooLong`] for a record over [`MAX_RECORD`]
    /// or a household over [`MAX_MEMBERS`]; a broken or full disk.
    pub fn add(
        &mut self,
        source: &str,
        key: &[u8],
        digest: [u8; 32],
        household: &[u8],
        members: &[Zeroizing<Vec<u8>>],
    ) -> Result<HouseholdId, VaultFault> {
        rows::fits(household, members)?;
        let rows = self.rows();
        let handle = rows.source_handle(source, key)?;
        if let Some(id) = rows.id_by_source(&handle)? {
            return Err(VaultFault::Known { id });
        }
        let id = HouseholdId(self.next);
        let root = Key::random()?;
        let registration = match registration(source, key) {
            Some(shared) => shared,
            None => Zeroizing::new(*Key::random()?.expose()),
        };
        let secrets = (root.expose(), &*registration);
        let stored = rows.store(id, &handle, secrets, digest, household, members);
        let stored = stored.and_then(|()| rows.unmark_erased(&handle));
        self.whole(stored)?;
        self.next += 1;
        Ok(id)
    }

    /// Replaces a household's records. Its number, root and pseudonyms stay; its data keys are new.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; otherwise as [`VaultTxn::add`].
    pub fn replace(
        &mut self,
        id: HouseholdId,
        digest: [u8; 32],
        household: &[u8],
        members: &[Zeroizing<Vec<u8>>],
    ) -> Result<(), VaultFault> {
        rows::fits(household, members)?;
        let rows = self.rows();
        let (handle, head) = rows.head(id)?;
        let secrets = (&*head.root, &*head.registration);
        let stored = rows
            .remove_records(id)
            .and_then(|()| rows.store(id, &handle, secrets, digest, household, members))
            .and_then(|()| rows.reseal_papers(id, &head.key))
            .and_then(|()| rows.reseal_apart(id, &head.key));
        self.whole(stored)
    }

    /// Notes that a household is enrolled in a programme, and gives its pseudonym there. Again changes nothing.
    ///
    /// Call it once the enrolment is durable in the ledger: until then the household is listed as pending, and
    /// enrolling again gives the same pseudonym.
    ///
    /// # Errors
    ///
    /// As [`Vault::pseudonym`].
    pub fn mark_enrolled(
        &mut self,
        id: HouseholdId,
        programme: u16,
        federation: &[u8; 32],
    ) -> Result<[u8; 16], VaultFault> {
        let rows = self.rows();
        let pseudonym = rows.pseudonym(id, programme, federation)?;
        let handle = rows.pseudonym_handle(programme, &pseudonym);
        let binding = rows.binding(id, &handle);
        rows.run(
            "INSERT INTO enrolment (programme, household, handle, binding) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET handle = ?3, binding = ?4",
            params![programme, rows::number(id)?, handle, binding],
        )?;
        Ok(pseudonym)
    }

    /// Gives a household a card. Giving it the same one again changes nothing.
    ///
    /// # Errors
    ///
    /// [`VaultFault::CardTaken`] where another household has that code; [`VaultFault::NotFound`].
    pub fn set_card(&mut self, id: HouseholdId, code: &[u8]) -> Result<(), VaultFault> {
        let rows = self.rows();
        rows.head(id)?;
        match rows.household_by_card(code)? {
            Some(held) if held == id => Ok(()),
            Some(held) => Err(VaultFault::CardTaken { held }),
            None => {
                let handle = rows.card_handle(code)?;
                let binding = rows.binding(id, &handle);
                rows.run(
                    "INSERT INTO card (handle, household, binding) VALUES (?1, ?2, ?3)",
                    params![handle, rows::number(id)?, binding],
                )
            }
        }
    }

    /// Takes all codes of a household back; says how many there were.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn drop_cards(&mut self, id: HouseholdId) -> Result<u64, VaultFault> {
        let rows = self.rows();
        let held = rows.count("SELECT count(*) FROM card")?;
        rows.run("DELETE FROM card WHERE household = ?1", params![rows::number(id)?])?;
        Ok(held.saturating_sub(rows.count("SELECT count(*) FROM card")?))
    }

    /// Takes a card back, as when it is lost; says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`Vault::household_by_card`].
    pub fn drop_card(&mut self, code: &[u8]) -> Result<bool, VaultFault> {
        let rows = self.rows();
        let held = rows.household_by_card(code)?.is_some();
        let handle = rows.card_handle(code)?;
        rows.run("DELETE FROM card WHERE handle = ?1", params![handle])?;
        Ok(held)
    }

    /// Makes the changes durable, all of them at once.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Disk`], or [`VaultFault::Broken`] where an earlier change failed half-way; then none of them has
    /// happened.
    pub fn commit(self) -> Result<(), VaultFault> {
        if self.broken {
            return Err(VaultFault::Broken);
        }
        let Self { transaction, keys, path, .. } = self;
        // Before the rows that name them.
        keys.keep()?;
        transaction.commit().map_err(|e| VaultFault::sqlite("write", path, e))?;
        keys.wipe();
        Ok(())
    }

    /// A household half written must never be committed, even by a caller that passes over the fault.
    fn whole(&mut self, stored: Result<(), VaultFault>) -> Result<(), VaultFault> {
        self.broken |= stored.is_err();
        stored
    }

    fn rows(&self) -> Rows<'_> {
        let Self { transaction, secrets, keys, path, .. } = self;
        Rows { connection: transaction, secrets, keys, path }
    }
}

impl Rows<'_> {
    fn find(&self, source: &str, key: &[u8]) -> Result<Option<Found>, VaultFault> {
        let handle = self.source_handle(source, key)?;
        let Some(id) = self.id_by_source(&handle)? else { return self.nobody().map(|()| None) };
        let digest = match self.head(id) {
            Ok((_, head)) => Some(head.digest),
            Err(fault) if fault.is_of_one_record() => None,
            Err(fault) => return Err(fault),
        };
        let number = rows::number(id)?;
        let enrolled = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM enrolment WHERE household = ?1)")
            .and_then(|mut s| s.query_row([number], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))?;
        Ok(Some(Found { id, digest, enrolled }))
    }

    fn household(&self, id: HouseholdId) -> Result<Stored, VaultFault> {
        let (_, head) = self.head(id)?;
        let household = self.body(id, 0, &head)?;
        let members =
            (1..=head.members).map(|n| self.body(id, n, &head)).collect::<Result<_, _>>()?;
        Ok(Stored { id, digest: head.digest, household, members })
    }

    fn pseudonym(
        &self,
        id: HouseholdId,
        programme: u16,
        federation: &[u8; 32],
    ) -> Result<[u8; 16], VaultFault> {
        let (_, head) = self.head(id)?;
        let parts: [&[u8]; 2] = [federation, &programme.to_le_bytes()];
        let mut out = [0; 16];
        out.copy_from_slice(&keyed(Purpose::Pseudonym, &head.root, &parts).0[..16]);
        Ok(out)
    }

    fn find_by_pseudonym(
        &self,
        programme: u16,
        pseudonym: &[u8; 16],
    ) -> Result<Option<HouseholdId>, VaultFault> {
        let handle = self.pseudonym_handle(programme, pseudonym);
        self.bound("SELECT household, binding FROM enrolment WHERE handle = ?1", &handle)
    }

    fn household_by_card(&self, code: &[u8]) -> Result<Option<HouseholdId>, VaultFault> {
        let handle = self.card_handle(code)?;
        self.bound("SELECT household, binding FROM card WHERE handle = ?1", &handle)
    }

    fn id_by_source(&self, handle: &[u8; 32]) -> Result<Option<HouseholdId>, VaultFault> {
        self.connection
            .prepare_cached("SELECT id FROM household WHERE source = ?1")
            .and_then(|mut s| s.query_row([handle], |r| r.get(0)).optional())
            .map_err(|e| self.sqlite("read", e))
            .map(|found| found.map(|id: i64| HouseholdId(id.unsigned_abs())))
    }
}
