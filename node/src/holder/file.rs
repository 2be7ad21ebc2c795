//! A wallet's file, and what the machine remembers of it.

use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash};
use annona_ledger::wire;
use zeroize::Zeroizing;

use super::book::{Before, Book};
use super::{HolderFault, PEOPLE, Secrets};
use crate::disk::DiskTrouble;
use crate::keystore::normal;
use crate::seal::{Cost, Key, random};
use crate::{atomic, guard};

const MAGIC: &[u8; 16] = b"annona wallet 1\n";
const HEADER: usize = 16 + 4 + 4 + 16;
/// The largest wallet that is read.
const MAX_FILE: usize = 4 * 1024 * 1024;
/// The cost in the header of a file whose key was split and comes from no passphrase.
const SPLIT: Cost = Cost { memory_kib: 0, passes: 0 };

/// What opens a file: its key, and the header that says where the key comes from.
pub(super) struct Lock {
    cost: Cost,
    salt: [u8; 16],
    key: Key,
}

impl Lock {
    pub(super) fn new(passphrase: &Zeroizing<String>, cost: Cost) -> Result<Self, HolderFault> {
        Self::with_salt(passphrase, cost, random()?)
    }

    fn with_salt(
        passphrase: &Zeroizing<String>,
        cost: Cost,
        salt: [u8; 16],
    ) -> Result<Self, HolderFault> {
        if passphrase.is_empty() {
            return Err(HolderFault::EmptyPassphrase);
        }
        let key = cost.key(normal(passphrase).as_bytes(), &salt)?;
        Ok(Self { cost, salt, key })
    }

    /// Of a key that will be split.
    pub(super) fn split(key: Key) -> Result<Self, HolderFault> {
        Ok(Self { cost: SPLIT, salt: random()?, key })
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..20].copy_from_slice(&self.cost.memory_kib.to_le_bytes());
        header[20..24].copy_from_slice(&self.cost.passes.to_le_bytes());
        header[24..].copy_from_slice(&self.salt);
        header
    }
}

/// A file as it lies there, whole and closed.
struct Closed<'a> {
    cost: Cost,
    salt: [u8; 16],
    header: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Closed<'a> {
    fn parse(path: &Path, bytes: &'a [u8]) -> Result<Self, HolderFault> {
        let damaged = || HolderFault::Damaged { path: path.to_owned() };
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(HolderFault::NotWallet { path: path.to_owned() });
        };
        let (memory, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (passes, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (salt, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (checksum, sealed) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
        let header = bytes.get(..HEADER).ok_or_else(damaged)?;
        if hash(Purpose::File, &[header, sealed]).0 != *checksum {
            return Err(damaged());
        }
        let (memory_kib, passes) = (u32::from_le_bytes(*memory), u32::from_le_bytes(*passes));
        Ok(Self { cost: Cost { memory_kib, passes }, salt: *salt, header, sealed })
    }
}

/// Writes a wallet whole and durably.
pub(super) fn write(path: &Path, lock: &Lock, plain: &[u8]) -> Result<(), HolderFault> {
    let header = lock.header();
    let sealed = lock.key.seal(&header, plain)?;
    let checksum = hash(Purpose::File, &[&header, &sealed]);
    let bytes = [&header[..], &checksum.0, &sealed].concat();
    if bytes.len() > MAX_FILE {
        return Err(HolderFault::Full);
    }
    Ok(atomic::write_over(path, &bytes)?)
}

/// Opens a file with its passphrase.
pub(super) fn read(
    path: &Path,
    passphrase: &Zeroizing<String>,
) -> Result<(Lock, Zeroizing<Vec<u8>>), HolderFault> {
    let bytes = atomic::read(path, MAX_FILE)?;
    let closed = Closed::parse(path, &bytes)?;
    if closed.cost == SPLIT {
        return Err(HolderFault::NeedsShares { path: path.to_owned() });
    }
    let lock = Lock::with_salt(passphrase, closed.cost, closed.salt)?;
    let wrong = |_| HolderFault::WrongPassphrase { path: path.to_owned() };
    let plain = lock.key.open(closed.header, closed.sealed).map_err(wrong)?;
    atomic::sweep(path)?;
    Ok((lock, plain))
}

/// Opens a backup with the key its shares give.
pub(super) fn read_split(path: &Path, key: &Key) -> Result<Zeroizing<Vec<u8>>, HolderFault> {
    let bytes = atomic::read(path, MAX_FILE)?;
    let closed = Closed::parse(path, &bytes)?;
    key.open(closed.header, closed.sealed).map_err(|_| HolderFault::WrongShares)
}

/// What is sealed: how many people, three secrets of each, and the book.
pub(super) fn print(secrets: &[Secrets], book: &Book) -> Result<Zeroizing<Vec<u8>>, HolderFault> {
    let book = Zeroizing::new(wire::encode(book));
    let count = u8::try_from(secrets.len()).map_err(|_| HolderFault::Full)?;
    let size = 1 + secrets.len() * 96 + book.len();
    let mut plain = Zeroizing::new(Vec::with_capacity(size));
    plain.push(count);
    for one in secrets {
        for key in [&one.seed, &one.salt, &one.sealing] {
            plain.extend_from_slice(key.expose());
        }
    }
    plain.extend_from_slice(&book);
    Ok(plain)
}

pub(super) fn parse(plain: &[u8]) -> Option<(Vec<Secrets>, Book)> {
    let (count, mut rest) = plain.split_first()?;
    let count = usize::from(*count);
    let mut secrets = Vec::with_capacity(count.min(PEOPLE));
    for _ in 0..count {
        let mut key = || {
            let (bytes, after) = rest.split_first_chunk::<32>()?;
            rest = after;
            Some(Key::take(&mut { *bytes }))
        };
        secrets.push(Secrets { seed: key()?, salt: key()?, sealing: key()? });
    }
    let book: Option<Book> = wire::decode(rest, MAX_FILE).ok();
    let book = book.or_else(|| Some(wire::decode::<Before>(rest, MAX_FILE).ok()?.into()))?;
    (count <= PEOPLE && book.people.len() == count).then_some((secrets, book))
}

/// What this machine remembers of a wallet: how often it was written here.
///
/// ```text
/// annona wallet mark 1
/// writes 12
/// ```
pub(super) struct Mark(PathBuf);

const MARK: &str = "annona wallet mark 1\nwrites ";

impl Mark {
    pub(super) fn at(place: &Path, file: &[u8; 16]) -> Result<Self, HolderFault> {
        atomic::private_folder(place)?;
        Ok(Self(place.join(format!("wallet-{}", guard::hex(file)))))
    }

    /// `None` where it remembers nothing, or nothing that can be read: then the file is taken for a copy.
    pub(super) fn read(&self) -> Result<Option<u64>, HolderFault> {
        let bytes = match atomic::read(&self.0, 128) {
            Err(fault) if fault.trouble() == DiskTrouble::Missing => return Ok(None),
            other => other?,
        };
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let writes = text.strip_prefix(MARK).and_then(|rest| rest.strip_suffix('\n'));
        Ok(writes.and_then(|writes| writes.parse().ok()))
    }

    pub(super) fn write(&self, writes: u64) -> Result<(), HolderFault> {
        Ok(atomic::write(&self.0, format!("{MARK}{writes}\n").as_bytes())?)
    }
}
