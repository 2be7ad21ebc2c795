//! The data keys of a vault, in one small file apart from what they open (spec/privacy.md, "The key file").
//!
//! ```text
//! "annona datakeys\n"   16
//! vault                 16    whose keys they are
//! first                  8    the number of the first record, little-endian
//! file key              72    sealed under the vault's key
//! checksum              32    of the above
//! records          72 each    a data key, sealed under the file key for its number and its slot; zeros: none
//! ```
//!
//! Records are only added, and are durable before a row of the vault names them. To destroy some, the others are written
//! into a new file under a new file key, which takes the name at once; what is left of the old one is overwritten. So a
//! sealed key that a disk still has somewhere opens for nobody: the key it was sealed under lay in one place.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash};

use super::fault::VaultFault;
use crate::atomic;
use crate::disk::DiskFault;
use crate::seal::{Key, OVERHEAD, SealError};

#[cfg(test)]
mod tests;

const MAGIC: &[u8; 16] = b"annona datakeys\n";
/// What the file key is sealed for.
const FILE_KEY: &[u8] = b"annona 2026 v1 vault file key";
/// What a data key is sealed for.
const DATA_KEY: &[u8] = b"annona 2026 v1 vault data key in file";
/// Bytes of a sealed key.
const RECORD: usize = 32 + OVERHEAD;
/// Bytes before the checksum.
const START: usize = 16 + 16 + 8 + RECORD;
/// Bytes before the records.
const HEADER: usize = START + 32;
/// The longest file of keys that is read whole, in bytes: four million keys.
pub const MAX_KEY_FILE: usize = HEADER + 4 * 1024 * 1024 * RECORD;

/// Which record a row names, and what the row is: a data key opens in no other place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The record's number, from 1; 0 is none.
    pub(super) number: u64,
    /// Household × 256 + member.
    pub(super) slot: i64,
}

/// The key file of an open vault.
pub(super) struct KeyFile {
    path: PathBuf,
    vault: [u8; 16],
    /// What the file key is sealed under.
    key: RefCell<Key>,
    open: RefCell<Open>,
    over: RefCell<Option<Copy>>,
}

struct Open {
    file: File,
    head: Head,
    /// The number the next record gets.
    next: u64,
    /// Records that are not in the file yet.
    waiting: Vec<u8>,
    /// Numbers that no row names once the changes at hand are kept.
    dropped: Vec<u64>,
}

/// What the header says.
struct Head {
    first: u64,
    key: Key,
}

impl Head {
    /// Reads a header. The checksum tells damage from another key.
    fn read(
        path: &Path,
        bytes: &[u8; HEADER],
        key: &Key,
        vault: &[u8; 16],
    ) -> Result<Self, VaultFault> {
        let damaged = || VaultFault::damaged(path, "its header");
        let (start, checksum) = bytes.split_at(START);
        let whole = start.starts_with(MAGIC) && hash(Purpose::File, &[start]).0 == checksum;
        let rest = start.strip_prefix(MAGIC).filter(|_| whole).ok_or_else(damaged)?;
        let (whose, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
        let (first, sealed) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let other = || VaultFault::WrongKey { path: path.to_owned() };
        if whose != vault {
            return Err(other());
        }
        let plain = key.open(&[FILE_KEY, vault].concat(), sealed).map_err(|_| other())?;
        let mut bytes: [u8; 32] = plain.as_slice().try_into().map_err(|_| damaged())?;
        let first = u64::from_le_bytes(*first);
        if first == 0 || first > 1 << 60 {
            return Err(damaged());
        }
        Ok(Self { first, key: Key::take(&mut bytes) })
    }

    fn print(&self, key: &Key, vault: &[u8; 16]) -> Result<Vec<u8>, SealError> {
        let sealed = key.seal(&[FILE_KEY, vault].concat(), self.key.expose())?;
        let mut bytes = [&MAGIC[..], vault, &self.first.to_le_bytes(), &sealed].concat();
        let checksum = hash(Purpose::File, &[&bytes]);
        bytes.extend_from_slice(&checksum.0);
        Ok(bytes)
    }

    fn seal(&self, vault: &[u8; 16], at: Place, key: &Key) -> Result<Vec<u8>, SealError> {
        self.key.seal(&purpose(vault, at), key.expose())
    }

    fn unseal(&self, vault: &[u8; 16], at: Place, sealed: &[u8]) -> Option<Key> {
        let plain = self.key.open(&purpose(vault, at), sealed).ok()?;
        let mut bytes: [u8; 32] = plain.as_slice().try_into().ok()?;
        Some(Key::take(&mut bytes))
    }

    /// Where a record begins.
    fn at(&self, number: u64) -> Option<u64> {
        let before = number.checked_sub(self.first)?;
        before.checked_mul(RECORD as u64)?.checked_add(HEADER as u64)
    }
}

fn purpose(vault: &[u8; 16], at: Place) -> Vec<u8> {
    [DATA_KEY, vault, &at.number.to_le_bytes(), &at.slot.to_le_bytes()].concat()
}

/// A whole file of keys under a fresh file key, in the order of their numbers; places without a key are left out.
fn image(
    key: &Key,
    vault: &[u8; 16],
    first: u64,
    keys: impl Iterator<Item = (Place, Key)>,
) -> Result<Vec<u8>, SealError> {
    let head = Head { first, key: Key::random()? };
    let mut bytes = head.print(key, vault)?;
    for (place, key) in keys {
        let sealed = head.seal(vault, place, &key)?;
        let Some(at) = head.at(place.number).and_then(|at| usize::try_from(at).ok()) else {
            continue;
        };
        bytes.resize(at.max(bytes.len()), 0);
        bytes.extend_from_slice(&sealed);
    }
    Ok(bytes)
}

/// The number after the last whole or torn record.
fn next(first: u64, length: u64) -> u64 {
    let records = length.saturating_sub(HEADER as u64).div_ceil(RECORD as u64);
    first.saturating_add(records)
}

impl KeyFile {
    /// Writes a file of these keys, whole, in the place of any other there.
    pub(super) fn make(
        path: &Path,
        key: &Key,
        vault: [u8; 16],
        first: u64,
        keys: impl Iterator<Item = (Place, Key)>,
    ) -> Result<(), VaultFault> {
        Ok(atomic::write(path, &image(key, &vault, first, keys)?)?)
    }

    /// Opens the file with the first of these keys that fits; `None` where there is none. What an interrupted rewriting left
    /// beside it goes.
    pub(super) fn open<'k>(
        path: &Path,
        keys: impl IntoIterator<Item = &'k Key>,
        vault: [u8; 16],
    ) -> Result<Option<Self>, VaultFault> {
        atomic::sweep(path)?;
        let mut other = None;
        for key in keys {
            match Open::of(path, key, &vault) {
                Ok(None) => return Ok(None),
                Ok(Some(open)) => {
                    let (open, over) = (RefCell::new(open), RefCell::new(None));
                    let (path, key) = (path.to_owned(), RefCell::new(key.again()));
                    return Ok(Some(Self { path, vault, key, open, over }));
                }
                Err(fault @ VaultFault::WrongKey { .. }) => other = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(other.unwrap_or_else(|| VaultFault::WrongKey { path: path.to_owned() }))
    }

    /// Forgets what was not kept, and sees what another process has done to the file since. No number up to `newest`, the
    /// last that a row names, is given again, though the file may be shorter: an older one was put back.
    pub(super) fn begin(&self, newest: u64) -> Result<(), VaultFault> {
        let gone = || DiskFault::io("open", &self.path, io::ErrorKind::NotFound.into());
        let mut open = Open::of(&self.path, &self.key.borrow(), &self.vault)?.ok_or_else(gone)?;
        open.next = open.next.max(newest.saturating_add(1));
        *self.open.borrow_mut() = open;
        Ok(())
    }

    /// Adds a key for a slot; it is in the file once [`KeyFile::keep`] says so.
    pub(super) fn add(&self, slot: i64, key: &Key) -> Result<u64, VaultFault> {
        let mut open = self.open.borrow_mut();
        let place = Place { number: open.next, slot };
        let sealed = open.head.seal(&self.vault, place, key)?;
        open.waiting.extend_from_slice(&sealed);
        open.next = open.next.saturating_add(1);
        Ok(place.number)
    }

    /// Notes that no row will name a record any more.
    pub(super) fn drop(&self, number: u64) {
        self.open.borrow_mut().dropped.push(number);
    }

    /// Makes what was added durable.
    pub(super) fn keep(&self) -> Result<(), VaultFault> {
        let mut open = self.open.borrow_mut();
        if open.waiting.is_empty() {
            return Ok(());
        }
        let added = (open.waiting.len() / RECORD) as u64;
        let at = open.head.at(open.next.saturating_sub(added)).unwrap_or(HEADER as u64);
        let waiting = std::mem::take(&mut open.waiting);
        let mut file = &open.file;
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.write_all(&waiting))
            .and_then(|()| file.sync_data())
            .map_err(|e| DiskFault::io("write", &self.path, e).into())
    }

    /// Overwrites what no row names any more. Not waited for: until the next rewriting a power cut may bring it back,
    /// sealed under the file key as before.
    pub(super) fn wipe(&self) {
        let mut open = self.open.borrow_mut();
        let dropped = std::mem::take(&mut open.dropped);
        let mut file = &open.file;
        for at in dropped.into_iter().filter_map(|number| open.head.at(number)) {
            drop(file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&[0; RECORD])));
        }
    }

    /// The key of a place, where there is one.
    pub(super) fn get(&self, place: Place) -> Result<Option<Key>, VaultFault> {
        let sealed = self.sealed(place)?;
        let here = sealed.and_then(|s| self.open.borrow().head.unseal(&self.vault, place, &s));
        let over = || self.over.borrow().as_ref().and_then(|copy| copy.get(&self.vault, place));
        Ok(here.or_else(over))
    }

    /// The record of a place as it lies in the file.
    pub(super) fn sealed(&self, place: Place) -> Result<Option<[u8; RECORD]>, VaultFault> {
        let open = self.open.borrow();
        let Some(at) = open.head.at(place.number) else { return Ok(None) };
        let mut sealed = [0; RECORD];
        let written = open.next.saturating_sub((open.waiting.len() / RECORD) as u64);
        if let Some(nth) = place.number.checked_sub(written) {
            let begins = usize::try_from(nth).ok().and_then(|n| n.checked_mul(RECORD));
            let found = begins.and_then(|at| open.waiting.get(at..at.checked_add(RECORD)?));
            return Ok(found.and_then(|bytes| bytes.try_into().ok()));
        }
        let mut file = &open.file;
        match file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut sealed)) {
            Ok(()) => Ok(Some(sealed).filter(|bytes| *bytes != [0; RECORD])),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(DiskFault::io("read", &self.path, e).into()),
        }
    }

    /// Whether the copy that lies over the file was made when a place had its number already, and no key any more: it was
    /// destroyed before.
    pub(super) fn was_destroyed(&self, place: Place) -> Result<bool, VaultFault> {
        let given = |copy: &Copy| next(copy.head.first, copy.bytes.len() as u64);
        let given = self.over.borrow().as_ref().map_or(0, given);
        Ok((1..given).contains(&place.number) && self.get(place)?.is_none())
    }

    /// These keys in a file of their own, under a file key of its own: what a copy is. As long as all numbers that were
    /// given, so that it tells which keys were destroyed.
    pub(super) fn copy(&self, key: &Key, live: &[Place]) -> Result<Vec<u8>, VaultFault> {
        let first = live.first().map_or(1, |place| place.number);
        let mut fault = None;
        let keys = live.iter().filter_map(|place| match self.get(*place) {
            Ok(found) => found.map(|key| (*place, key)),
            Err(e) => {
                fault.get_or_insert(e);
                None
            }
        });
        let mut bytes = image(key, &self.vault, first, keys)?;
        let newest = live.last().map_or(0, |place| place.number);
        let after = self.open.borrow().next.max(newest.saturating_add(1));
        let given = usize::try_from(after.saturating_sub(first)).unwrap_or(usize::MAX);
        let whole = given.saturating_mul(RECORD).saturating_add(HEADER);
        bytes.resize(whole.min(MAX_KEY_FILE).max(bytes.len()), 0);
        fault.map_or(Ok(bytes), Err)
    }

    /// Writes these keys into a new file under a new file key, sealed under a new key where one is given. No other key is
    /// left afterwards: what was the file is overwritten, and a copy that lay over it has done its work. The file stays as
    /// long as it was, so that no number is given twice.
    pub(super) fn rewrite(&self, live: &[Place], new: Option<&Key>) -> Result<(), VaultFault> {
        let key = new.map_or_else(|| self.key.borrow().again(), Key::again);
        let newest = live.last().map_or(0, |place| place.number);
        let after = self.open.borrow().next.max(newest.saturating_add(1));
        let bytes = if live.is_empty() {
            image(&key, &self.vault, after, std::iter::empty())?
        } else {
            self.copy(&key, live)?
        };
        let old = atomic::set_aside(&self.path)?;
        atomic::write(&self.path, &bytes)?;
        *self.over.borrow_mut() = None;
        *self.key.borrow_mut() = key;
        self.begin(newest)?;
        Ok(old.destroy()?)
    }

    /// Lays a copy over the file: what the file has no key for opens by the copy's, and nothing of it is on the disk.
    pub(super) fn lay_over(&self, bytes: &[u8], key: &Key) -> Result<(), VaultFault> {
        let header = bytes.first_chunk();
        let header = header.ok_or_else(|| VaultFault::damaged(&self.path, "its header"))?;
        let head = Head::read(&self.path, header, key, &self.vault)?;
        *self.over.borrow_mut() = Some(Copy { head, bytes: bytes.to_vec() });
        Ok(())
    }
}

impl Open {
    fn of(path: &Path, key: &Key, vault: &[u8; 16]) -> Result<Option<Self>, VaultFault> {
        let failed = |e| DiskFault::io("open", path, e);
        let mut file = match atomic::private().read(true).write(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(VaultFault::damaged(path, "its header"));
            }
            other => other.map_err(failed)?,
        }
        let head = Head::read(path, &header, key, vault)?;
        let next = next(head.first, file.metadata().map_err(failed)?.len());
        Ok(Some(Self { file, head, next, waiting: Vec::new(), dropped: Vec::new() }))
    }
}

/// A file of keys that was made by [`KeyFile::copy`], read whole.
struct Copy {
    head: Head,
    bytes: Vec<u8>,
}

impl Copy {
    fn get(&self, vault: &[u8; 16], place: Place) -> Option<Key> {
        let at = usize::try_from(self.head.at(place.number)?).ok()?;
        let sealed = self.bytes.get(at..at.checked_add(RECORD)?)?;
        self.head.unseal(vault, place, sealed)
    }
}
