//! The key file: every secret of one node, sealed under a passphrase, in one small file that is replaced whole.
//!
//! ```text
//! "annona keys\n"   12 bytes    what this is
//! version            2          1 to 3: in 2 there are secrets of kinds 10 and 11, in 3 of kind 12
//! memory, passes     4 + 4      what one guess at the passphrase costs (Argon2id, one lane)
//! salt              16          this file's own
//! length             4          of what is sealed
//! checksum          32          of all the above and what is sealed
//! sealed                        nonce, ciphertext, tag; the first 42 bytes are its associated data
//! ```
//!
//! Numbers are little-endian. The checksum needs no key and says nothing about what is sealed: it is there so that "this
//! file was cut or changed" is not taken for "this passphrase is wrong". Somebody who changes a byte on purpose can mend
//! the checksum too, and is then told the passphrase is wrong; he learns and forges nothing by it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{CycleId, OrgId, ProgrammeId};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::atomic;
use crate::disk::{DiskFault, DiskTrouble};
use crate::seal::{self, Cost, Key, OVERHEAD, SealError};

const MAGIC: &[u8; 12] = b"annona keys\n";
const VERSION: u16 = 3;
/// The oldest version that is read: its secrets are of fewer kinds.
const OLDEST: u16 = 1;
/// Bytes before the checksum: what the seal is bound to.
const HEADER: usize = 12 + 2 + 4 + 4 + 16 + 4;
/// Bytes before what is sealed.
const START: usize = HEADER + 32;
/// Bytes of a name: its kind, and what tells several of a kind apart.
const NAME: usize = 1 + 8;

/// The largest key file that is read, in bytes: the most secrets at their longest fit in it.
pub const MAX_FILE: usize = START + OVERHEAD + MAX_SECRETS * (NAME + 1 + MAX_SECRET);
/// The most secrets one file holds: a programme's weekly cycles for 20 years are about 1,000.
pub const MAX_SECRETS: usize = 4_096;
/// The longest secret, in bytes. A seed has 32.
pub const MAX_SECRET: usize = 64;

/// What a secret is. The number of a kind is part of the file and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The seed of the node's signing key.
    NodeSigning,
    /// The seed of the node's transport key.
    NodeTransport,
    /// The X25519 secret that bundles and cycle keys are sealed to.
    NodeSealing,
    /// The key of the vault.
    Vault,
    /// The seed of an organisation's signing key.
    Organisation(OrgId),
    /// The seed of an organisation's recovery key. Kept in a file of its own, apart from the others.
    Recovery(OrgId),
    /// The seed of an operator's key, by the first eight bytes of the public one.
    Operator([u8; 8]),
    /// The key purses of one cycle are derived from. Destroyed when the cycle is settled.
    Cycle(ProgrammeId, CycleId),
    /// The seed of a card's key, by the first eight bytes of the public one.
    Card([u8; 8]),
    /// The seed that signs this node's log for outsiders.
    Log,
    /// The seed that cosigns other nodes' logs for outsiders.
    LogWitness,
    /// What the data keys of people lie under, by how many there were before it. In no backup; replaced at each erasure.
    Site(u32),
}

impl Name {
    fn to_bytes(self) -> [u8; NAME] {
        let two = |kind, a: u16, b: u16| {
            let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
            [kind, a, b, c, d, 0, 0, 0, 0]
        };
        let eight = |kind, [a, b, c, d, e, f, g, h]: [u8; 8]| [kind, a, b, c, d, e, f, g, h];
        match self {
            Self::NodeSigning => two(1, 0, 0),
            Self::NodeTransport => two(2, 0, 0),
            Self::NodeSealing => two(3, 0, 0),
            Self::Vault => two(4, 0, 0),
            Self::Organisation(org) => two(5, org.0, 0),
            Self::Recovery(org) => two(6, org.0, 0),
            Self::Operator(key) => eight(7, key),
            Self::Cycle(programme, cycle) => two(8, programme.0, cycle.0),
            Self::Card(key) => eight(9, key),
            Self::Log => two(10, 0, 0),
            Self::LogWitness => two(11, 0, 0),
            Self::Site(nth) => {
                let [a, b, c, d] = nth.to_be_bytes();
                [12, a, b, c, d, 0, 0, 0, 0]
            }
        }
    }

    fn from_bytes(bytes: [u8; NAME]) -> Option<Self> {
        let [kind, rest @ ..] = bytes;
        let [a, b, c, d, ..] = rest;
        let (first, second) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let name = match kind {
            1 => Self::NodeSigning,
            2 => Self::NodeTransport,
            3 => Self::NodeSealing,
            4 => Self::Vault,
            5 => Self::Organisation(OrgId(first)),
            6 => Self::Recovery(OrgId(first)),
            7 => Self::Operator(rest),
            8 => Self::Cycle(ProgrammeId(first), CycleId(second)),
            9 => Self::Card(rest),
            10 => Self::Log,
            11 => Self::LogWitness,
            12 => Self::Site(u32::from_be_bytes([a, b, c, d])),
            _ => return None,
        };
        // One name, one spelling.
        (name.to_bytes() == bytes).then_some(name)
    }
}

/// A secret: neither copied nor printed, wiped when dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over bytes of at most [`MAX_SECRET`]; `None` where there are more, and they are wiped.
    #[must_use]
    pub fn take(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        (bytes.len() <= MAX_SECRET).then_some(Self(bytes))
    }

    /// Takes over a seed or key and wipes the caller's copy.
    #[must_use]
    pub fn seed(bytes: &mut [u8; 32]) -> Self {
        Self::of(&Key::take(bytes))
    }

    /// Makes a fresh random seed.
    ///
    /// # Errors
    ///
    /// [`SealError::NoRandomness`] where the operating system has none to give.
    pub fn random() -> Result<Self, SealError> {
        Key::random().map(|key| Self::of(&key))
    }

    /// The bytes of a key, as a secret to keep.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self(Zeroizing::new(key.expose().to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as a seed; `None` where they are not 32.
    #[must_use]
    pub fn as_seed(&self) -> Option<&[u8; 32]> {
        self.0.as_slice().try_into().ok()
    }

    /// The bytes as a sealing key; `None` where they are not 32.
    #[must_use]
    pub fn as_key(&self) -> Option<Key> {
        self.as_seed().map(|seed| Key::take(&mut { *seed }))
    }
}

/// Why a key file could not be made, opened or saved. Prints with the next step.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreFault {
    /// The file is something else.
    #[error("{} is not an annona key file. Check the path.", path.display())]
    NotKeys {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error("{} is a key file of version {found}, this program knows {VERSION}. Use the newer program.", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
    },
    /// The file was cut or changed; no passphrase opens it.
    #[error("{} was changed or cut short: no passphrase will open it. Take the copy from the last backup.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file is whole and the passphrase is another.
    #[error("the passphrase does not open {}. Check the keyboard layout and Caps Lock, and try again.", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// There is a key file already.
    #[error("{} exists already, and keys are never overwritten. Choose another folder.", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No passphrase was given.
    #[error("the passphrase is empty. Choose four or more words nobody would guess together.")]
    EmptyPassphrase,
    /// The file can hold no more.
    #[error("the key file is full at {MAX_SECRETS} keys. Remove the keys of settled cycles first.")]
    Full,
    /// The cost is outside what is safe, or the operating system gave no randomness.
    #[error("{}: {source}. The floor keeps a stolen file from being guessed, the ceiling keeps a hostile one from stalling this machine.", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// What sealing said.
        source: SealError,
    },
    /// Somebody has given the file another passphrase since it was opened here.
    #[error("{} was given another passphrase meanwhile, and was left as it is. Run the command again with the new one.", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The new file is in its place; what it replaced may still be on the disk.
    #[error("{} is written, but what it replaced could not be overwritten: {source}. The next command that opens it tries again.", path.display())]
    Left {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: DiskFault,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// The salt of the passphrase that opens a key file; `None` where there is none that is whole.
pub(crate) fn salt_of(path: &Path) -> Result<Option<[u8; 16]>, DiskFault> {
    match atomic::read(path, MAX_FILE) {
        Ok(bytes) => Ok(Sealed::read(path, &bytes).ok().map(|file| file.salt)),
        Err(fault) if fault.trouble() == DiskTrouble::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// An open key file.
pub struct Keystore {
    path: PathBuf,
    lock: Lock,
    secrets: BTreeMap<Name, Secret>,
}

/// What opens a file: the key its passphrase gives, and the header that says how.
struct Lock {
    cost: Cost,
    salt: [u8; 16],
    key: Key,
}

/// What one guess at the passphrase of a file costs, and how many secrets lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The cost of one guess.
    pub cost: Cost,
    /// How many secrets the file holds.
    pub secrets: usize,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes } = self.cost;
        write!(f, "Argon2id, {} MiB, {passes} passes, 1 lane; ", memory_kib / 1024)?;
        write!(f, "{} secrets, XChaCha20-Poly1305", self.secrets)?;
        if self.cost.memory_kib < Cost::DEFAULT.memory_kib || passes < Cost::DEFAULT.passes {
            f.write_str(" (below the default cost: for demonstrations and tests)")?;
        }
        Ok(())
    }
}

impl Keystore {
    /// Makes an empty key file. An existing one is never overwritten.
    ///
    /// # Errors
    ///
    /// [`KeystoreFault::Exists`], [`KeystoreFault::EmptyPassphrase`], [`KeystoreFault::Seal`] for a cost below the
    /// floor, [`KeystoreFault::Disk`].
    pub fn create(
        path: &Path,
        passphrase: &Zeroizing<String>,
        cost: Cost,
    ) -> Result<Self, KeystoreFault> {
        if path.try_exists().map_err(|e| DiskFault::io("create", path, e))? {
            return Err(KeystoreFault::Exists { path: path.to_owned() });
        }
        let lock = Lock::new(path, passphrase, cost)?;
        let keystore = Self { path: path.to_owned(), lock, secrets: BTreeMap::new() };
        keystore.save()?;
        Ok(keystore)
    }

    /// Opens a key file, and removes what an interrupted save has left beside it. The caller holds the folder.
    ///
    /// # Errors
    ///
    /// [`KeystoreFault::NotKeys`], [`KeystoreFault::Newer`], [`KeystoreFault::Damaged`], [`KeystoreFault::Seal`] for a
    /// cost out of bounds, [`KeystoreFault::WrongPassphrase`], tested in this order; [`KeystoreFault::Disk`].
    pub fn open(path: &Path, passphrase: &Zeroizing<String>) -> Result<Self, KeystoreFault> {
        let bytes = atomic::read(path, MAX_FILE)?;
        let file = Sealed::read(path, &bytes)?;
        let lock = Lock::with_salt(path, passphrase, file.cost, file.salt)?;
        let secrets = file.open(path, &lock)?;
        atomic::sweep(path)?;
        Ok(Self { path: path.to_owned(), lock, secrets })
    }

    /// Opens a key file by the key its passphrase gives, which two operators have put together ([`crate::shares`]).
    ///
    /// # Errors
    ///
    /// As [`Keystore::open`].
    pub(crate) fn open_with(path: &Path, key: Key) -> Result<Self, KeystoreFault> {
        let bytes = atomic::read(path, MAX_FILE)?;
        let file = Sealed::read(path, &bytes)?;
        let lock = Lock { cost: file.cost, salt: file.salt, key };
        let secrets = file.open(path, &lock)?;
        atomic::sweep(path)?;
        Ok(Self { path: path.to_owned(), lock, secrets })
    }

    /// The key the passphrase gives, and the salt it belongs to.
    pub(crate) const fn unlocked(&self) -> (&Key, &[u8; 16]) {
        (&self.lock.key, &self.lock.salt)
    }

    /// Reads the file again, which another process may have written meanwhile. The caller holds the folder.
    ///
    /// # Errors
    ///
    /// As [`Keystore::open`]; [`KeystoreFault::WrongPassphrase`] where it was sealed under another one since.
    pub(crate) fn reread(&mut self) -> Result<(), KeystoreFault> {
        let bytes = atomic::read(&self.path, MAX_FILE)?;
        let file = Sealed::read(&self.path, &bytes)?;
        if (file.cost, file.salt) != (self.lock.cost, self.lock.salt) {
            return Err(KeystoreFault::WrongPassphrase { path: self.path.clone() });
        }
        self.secrets = file.open(&self.path, &self.lock)?;
        Ok(())
    }

    /// Seals the file under another passphrase, with a new salt, at once. If that fails, the old one still opens it.
    ///
    /// # Errors
    ///
    /// As [`Keystore::create`], [`KeystoreFault::Changed`]; [`KeystoreFault::Left`] where the new one opens it, and only the
    /// bytes of the old file may still be on the disk.
    pub fn change_passphrase(
        &mut self,
        passphrase: &Zeroizing<String>,
        cost: Cost,
    ) -> Result<(), KeystoreFault> {
        let lock = Lock::new(&self.path, passphrase, cost)?;
        let wrote = self.write(&lock);
        if matches!(wrote, Ok(()) | Err(KeystoreFault::Left { .. })) {
            self.lock = lock;
        }
        wrote
    }

    /// A secret by name.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&Secret> {
        self.secrets.get(&name)
    }

    /// Keeps a secret under a name, in place of any other there. Durable only after [`Keystore::save`].
    ///
    /// # Errors
    ///
    /// [`KeystoreFault::Full`].
    pub fn put(&mut self, name: Name, secret: Secret) -> Result<(), KeystoreFault> {
        if self.secrets.len() >= MAX_SECRETS && !self.secrets.contains_key(&name) {
            return Err(KeystoreFault::Full);
        }
        self.secrets.insert(name, secret);
        Ok(())
    }

    /// Removes a secret; says whether there was one. Durable only after [`Keystore::save`].
    pub fn remove(&mut self, name: Name) -> bool {
        self.secrets.remove(&name).is_some()
    }

    /// The names of all secrets, in order.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.secrets.keys().copied()
    }

    /// Writes the file whole and durably.
    ///
    /// # Errors
    ///
    /// [`KeystoreFault::Disk`], [`KeystoreFault::Changed`]; then the old file is still whole. [`KeystoreFault::Left`] where
    /// the new one is in its place, and bytes of the old one may still be on the disk.
    pub fn save(&self) -> Result<(), KeystoreFault> {
        self.write(&self.lock)
    }

    /// What unlocking this file costs.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description { cost: self.lock.cost, secrets: self.secrets.len() }
    }

    fn write(&self, lock: &Lock) -> Result<(), KeystoreFault> {
        let bytes = sealed(&self.path, &self.secrets, lock, VERSION)?;
        if salt_of(&self.path)?.is_some_and(|salt| salt != self.lock.salt) {
            return Err(KeystoreFault::Changed { path: self.path.clone() });
        }
        let old = atomic::replace(&self.path, &bytes)?;
        old.destroy().map_err(|source| KeystoreFault::Left { path: self.path.clone(), source })
    }

    /// The file's bytes as a backup has them: without the site keys, so that a key file of people kept with an old backup
    /// opens nobody.
    ///
    /// # Errors
    ///
    /// [`KeystoreFault::Seal`].
    pub fn for_backup(&self) -> Result<Vec<u8>, KeystoreFault> {
        let kept = self.secrets.iter().filter(|(name, _)| !matches!(name, Name::Site(_)));
        sealed(&self.path, kept, &self.lock, VERSION)
    }

    /// The site keys, oldest first: the last is in use, or the one before it where its first use was interrupted.
    #[must_use]
    pub fn site_keys(&self) -> Vec<Key> {
        let sites = self.secrets.iter().filter(|(name, _)| matches!(name, Name::Site(_)));
        sites.filter_map(|(_, secret)| secret.as_key()).collect()
    }
}

fn sealed<'s>(
    path: &Path,
    secrets: impl IntoIterator<Item = (&'s Name, &'s Secret)>,
    lock: &Lock,
    version: u16,
) -> Result<Vec<u8>, KeystoreFault> {
    let plain = print(secrets);
    let length = u32::try_from(plain.len() + OVERHEAD).map_err(|_| KeystoreFault::Full)?;
    let mut bytes = Vec::with_capacity(START + plain.len() + OVERHEAD);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&lock.cost.memory_kib.to_le_bytes());
    bytes.extend_from_slice(&lock.cost.passes.to_le_bytes());
    bytes.extend_from_slice(&lock.salt);
    bytes.extend_from_slice(&length.to_le_bytes());
    let sealed = lock.key.seal(&bytes, &plain).map_err(|e| at(path, e))?;
    let checksum = hash(Purpose::File, &[&bytes, &sealed]);
    bytes.extend_from_slice(&checksum.0);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

/// A file as it lies on the disk, whole and closed.
struct Sealed<'a> {
    cost: Cost,
    salt: [u8; 16],
    header: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn read(path: &Path, bytes: &'a [u8]) -> Result<Self, KeystoreFault> {
        let damaged = || KeystoreFault::Damaged { path: path.to_owned() };
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(KeystoreFault::NotKeys { path: path.to_owned() });
        };
        let (found, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let found = u16::from_le_bytes(*found);
        if found > VERSION {
            return Err(KeystoreFault::Newer { path: path.to_owned(), found });
        }
        if found < OLDEST {
            return Err(damaged());
        }
        let (memory_kib, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (passes, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (salt, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (length, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (checksum, sealed) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
        let header = bytes.get(..HEADER).ok_or_else(damaged)?;
        let whole = usize::try_from(u32::from_le_bytes(*length)) == Ok(sealed.len());
        if !whole || hash(Purpose::File, &[header, sealed]).0 != *checksum {
            return Err(damaged());
        }
        let cost = Cost {
            memory_kib: u32::from_le_bytes(*memory_kib),
            passes: u32::from_le_bytes(*passes),
        };
        Ok(Self { cost, salt: *salt, header, sealed })
    }

    fn open(&self, path: &Path, lock: &Lock) -> Result<BTreeMap<Name, Secret>, KeystoreFault> {
        let wrong = |_| KeystoreFault::WrongPassphrase { path: path.to_owned() };
        let plain = lock.key.open(self.header, self.sealed).map_err(wrong)?;
        parse(&plain).ok_or_else(|| KeystoreFault::Damaged { path: path.to_owned() })
    }
}

impl Lock {
    fn new(path: &Path, passphrase: &Zeroizing<String>, cost: Cost) -> Result<Self, KeystoreFault> {
        Self::with_salt(path, passphrase, cost, seal::random().map_err(|e| at(path, e))?)
    }

    fn with_salt(
        path: &Path,
        passphrase: &Zeroizing<String>,
        cost: Cost,
        salt: [u8; 16],
    ) -> Result<Self, KeystoreFault> {
        if passphrase.is_empty() {
            return Err(KeystoreFault::EmptyPassphrase);
        }
        let key = cost.key(normal(passphrase).as_bytes(), &salt).map_err(|e| at(path, e))?;
        Ok(Self { cost, salt, key })
    }
}

/// A passphrase as it is hashed: the same letters come as different bytes from different keyboards.
pub(crate) fn normal(passphrase: &str) -> Zeroizing<String> {
    // NFC at most triples a string (Unicode Standard Annex 15), so that this one never moves and leaves no copy behind.
    let mut normal = Zeroizing::new(String::with_capacity(passphrase.len() * 3));
    normal.extend(passphrase.nfc());
    normal
}

fn at(path: &Path, source: SealError) -> KeystoreFault {
    KeystoreFault::Seal { path: path.to_owned(), source }
}

/// What is sealed: name, length, bytes, one secret after the other in the order of their names.
fn print<'s>(secrets: impl IntoIterator<Item = (&'s Name, &'s Secret)>) -> Zeroizing<Vec<u8>> {
    let secrets: Vec<_> = secrets.into_iter().collect();
    let size = secrets.iter().map(|(_, s)| NAME + 1 + s.0.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    for (name, secret) in secrets {
        out.extend_from_slice(&name.to_bytes());
        out.push(u8::try_from(secret.0.len()).unwrap_or(u8::MAX)); // At most MAX_SECRET.
        out.extend_from_slice(&secret.0);
    }
    out
}

fn parse(mut rest: &[u8]) -> Option<BTreeMap<Name, Secret>> {
    let mut secrets = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first()?;
        let (bytes, after) = after.split_at_checked(usize::from(*length))?;
        let name = Name::from_bytes(*name)?;
        let rising = secrets.last_key_value().is_none_or(|(last, _)| *last < name);
        if !rising || secrets.len() >= MAX_SECRETS {
            return None;
        }
        secrets.insert(name, Secret::take(Zeroizing::new(bytes.to_vec()))?);
        rest = after;
    }
    Some(secrets)
}

#[cfg(test)]
mod tests;
