//! Two of several operators open a node's key file without its passphrase, and no one of them alone.
//!
//! ```text
//! "annona shares 1\n"   16
//! public                32    X25519; its secret is split, and lies nowhere
//! salt                  16    of the key file it opens
//! wrapped               80    the key the passphrase gives, for that secret (HPKE)
//! count                  1
//! share            105 each    operator (32) ‖ sealed (33 + 40): under a key that follows from the operator's own seed
//! checksum              32
//! ```
//!
//! The only user of blahaj: Shamir's scheme over bytes. Any two shares give the secret back, one says nothing of it.

use annona_ledger::hash::{Purpose, hash, keyed};
use annona_ledger::key::{PublicKey, SigningKey};
use blahaj::{Share, Sharks};
use zeroize::Zeroizing;

use crate::atomic;
use crate::disk::DiskFault;
use crate::envelope::{self, WRAPPED};
use crate::folder::{Folder, KEYS, SHARES};
use crate::keystore::{Keystore, KeystoreFault, salt_of};
use crate::seal::{Key, OVERHEAD, SealError, random};

#[cfg(test)]
mod tests;

const MAGIC: &[u8; 16] = b"annona shares 1\n";
/// How many must agree.
pub const NEEDED: u8 = 2;
/// The most operators who may have a share.
pub const MOST: usize = 16;
/// Bytes of a sealed share: its number, and one byte for each of the secret's.
const SEALED: usize = 33 + OVERHEAD;
const RECORD: usize = 32 + SEALED;
const START: usize = 16 + 32 + 16 + WRAPPED + 1;
const MAX_FILE: usize = START + MOST * RECORD + 32;

/// Why shares were not made, or did not open anything.
#[derive(Debug, thiserror::Error)]
pub enum SharesFault {
    /// Fewer than two, or more than sixteen, or one of them twice.
    #[error(
        "two to {MOST} different operators have shares, and two different ones open with them."
    )]
    Count,
    /// There are none.
    #[error("no operators have shares of this node's keys. `annona key shares make` gives them.")]
    None,
    /// The file is not what was written.
    #[error(
        "the file of shares, shares.annona, was changed or cut short. Make it anew with `annona key shares make`."
    )]
    Damaged,
    /// An operator who has none.
    #[error(
        "operator {0:?} has no share of this node's keys. `annona key shares list` tells who has."
    )]
    NotTheirs(PublicKey),
    /// The key file was sealed anew since.
    #[error(
        "the key file has another passphrase since these shares were made for it, or is another node's."
    )]
    OtherKeys,
    /// The key file.
    #[error(transparent)]
    Keys(#[from] KeystoreFault),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// No randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// An operator, by the seed of her key: what her own passphrase opens.
pub struct Holder(Key, PublicKey);

impl Holder {
    /// Of a seed.
    #[must_use]
    pub fn of(seed: &[u8; 32]) -> Self {
        let mut copy = *seed;
        Self(Key::take(&mut copy), SigningKey::from_seed(seed).public())
    }

    /// Her key.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.1
    }

    fn key(&self, public: &[u8; 32]) -> Key {
        Key::take(&mut keyed(Purpose::Lookup, self.0.expose(), &[b"share of keys", public]).0)
    }
}

fn info(salt: &[u8; 16]) -> Vec<u8> {
    [b"annona 2026 v1 shares".as_slice(), salt].concat()
}

/// What the file says.
struct File {
    public: [u8; 32],
    salt: [u8; 16],
    wrapped: [u8; WRAPPED],
    shares: Vec<([u8; 32], [u8; SEALED])>,
}

impl File {
    fn read(folder: &Folder) -> Result<Self, SharesFault> {
        let path = folder.file(SHARES);
        if !path.exists() {
            return Err(SharesFault::None);
        }
        Self::parse(&atomic::read(&path, MAX_FILE)?).ok_or(SharesFault::Damaged)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_last_chunk::<32>()?;
        let rest = body.strip_prefix(MAGIC)?;
        let (public, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (wrapped, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first()?;
        let whole = usize::from(*count) <= MOST
            && rest.len() == usize::from(*count) * RECORD
            && hash(Purpose::File, &[body]).0 == *checksum;
        let share = |record: &[u8]| {
            let (operator, sealed) = record.split_first_chunk()?;
            Some((*operator, sealed.try_into().ok()?))
        };
        let shares = rest.chunks_exact(RECORD).map(share).collect::<Option<_>>()?;
        whole.then_some(Self { public: *public, salt: *salt, wrapped: *wrapped, shares })
    }

    fn write(&self, folder: &Folder) -> Result<(), SharesFault> {
        let count = u8::try_from(self.shares.len()).map_err(|_| SharesFault::Count)?;
        let mut bytes = [&MAGIC[..], &self.public, &self.salt, &self.wrapped, &[count]].concat();
        for (operator, sealed) in &self.shares {
            bytes.extend_from_slice(operator);
            bytes.extend_from_slice(sealed);
        }
        let checksum = hash(Purpose::File, &[&bytes]);
        bytes.extend_from_slice(&checksum.0);
        Ok(atomic::write_over(&folder.file(SHARES), &bytes)?)
    }
}

/// Splits a secret, so that any `needed` of `count` shares give it back and fewer say nothing of it.
pub(crate) fn split(secret: &[u8; 32], needed: u8, count: u8) -> Vec<Zeroizing<Vec<u8>>> {
    let shares = Sharks(needed).dealer(secret).take(count.into());
    shares.map(|share| Zeroizing::new(Vec::from(&share))).collect()
}

/// Puts a secret together from shares: of too few, or of several secrets, it is another. `None` where they are no shares of
/// 32 bytes, or one of them stands twice.
pub(crate) fn join(shares: &[Zeroizing<Vec<u8>>]) -> Option<[u8; 32]> {
    let of = |share: &Zeroizing<Vec<u8>>| match share.len() {
        33 => Share::try_from(share.as_slice()).ok(),
        _ => None,
    };
    let read: Vec<Share> = shares.iter().map(of).collect::<Option<_>>()?;
    let mut numbers: Vec<u8> = shares.iter().filter_map(|share| share.first().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.len() != shares.len() {
        return None;
    }
    let secret = Zeroizing::new(Sharks(NEEDED).recover(&read).ok()?);
    secret.as_slice().try_into().ok()
}

fn distinct(holders: &[Holder]) -> bool {
    let mut keys: Vec<_> = holders.iter().map(|holder| *holder.1.bytes()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len() == holders.len() && (usize::from(NEEDED)..=MOST).contains(&keys.len())
}

/// Splits a new secret among operators, in the place of any split before: whoever had a share and is not among them opens
/// nothing any more.
///
/// # Errors
///
/// [`SharesFault::Count`]; a full disk.
pub fn make(folder: &Folder, keys: &Keystore, holders: &[Holder]) -> Result<(), SharesFault> {
    if !distinct(holders) {
        return Err(SharesFault::Count);
    }
    let secret = Zeroizing::new(random::<32>()?);
    let public = envelope::public(&secret).map_err(|_| SharesFault::Damaged)?;
    let mut shares = Vec::new();
    for (holder, share) in holders.iter().zip(Sharks(NEEDED).dealer(secret.as_slice())) {
        let plain = Zeroizing::new(Vec::from(&share));
        let sealed = holder.key(&public).seal(&public, &plain)?;
        shares.push((*holder.1.bytes(), sealed.try_into().map_err(|_| SharesFault::Damaged)?));
    }
    let (salt, wrapped) = wrap(&public, keys)?;
    File { public, salt, wrapped, shares }.write(folder)
}

fn wrap(public: &[u8; 32], keys: &Keystore) -> Result<([u8; 16], [u8; WRAPPED]), SharesFault> {
    let (key, salt) = keys.unlocked();
    let wrapped = envelope::wrap(public, &info(salt), key).map_err(|_| SharesFault::Damaged)?;
    Ok((*salt, wrapped))
}

/// After the key file got another passphrase: the same shares open it. Nothing where there are none.
///
/// # Errors
///
/// [`SharesFault::Damaged`]; a full disk.
pub fn renew(folder: &Folder, keys: &Keystore) -> Result<bool, SharesFault> {
    let mut file = match File::read(folder) {
        Err(SharesFault::None) => return Ok(false),
        other => other?,
    };
    (file.salt, file.wrapped) = wrap(&file.public, keys)?;
    file.write(folder)?;
    Ok(true)
}

/// As [`renew`], where the key file got its passphrase and the process ended before the shares heard of it: for every
/// opening of the key file. What is wrong with the shares is told when they are used.
pub(crate) fn follow(folder: &Folder, keys: &Keystore) {
    if File::read(folder).is_ok_and(|file| file.salt != *keys.unlocked().1) {
        drop(renew(folder, keys));
    }
}

/// Who has a share.
///
/// # Errors
///
/// [`SharesFault::None`]; [`SharesFault::Damaged`].
pub fn holders(folder: &Folder) -> Result<Vec<PublicKey>, SharesFault> {
    let shares = File::read(folder)?.shares;
    Ok(shares.into_iter().map(|(operator, _)| PublicKey::Ed25519(operator)).collect())
}

/// Whether the shares are those of the key file as it is: one that was given another passphrase without them is opened by
/// none.
///
/// # Errors
///
/// [`SharesFault::None`]; [`SharesFault::Damaged`]; a disk that does not read.
pub fn fit(folder: &Folder) -> Result<bool, SharesFault> {
    Ok(salt_of(&folder.file(KEYS))? == Some(File::read(folder)?.salt))
}

/// Opens the key file by two shares.
///
/// # Errors
///
/// [`SharesFault`], tested in its order.
pub fn open(folder: &Folder, by: &[Holder]) -> Result<Keystore, SharesFault> {
    if !distinct(by) {
        return Err(SharesFault::Count);
    }
    let file = File::read(folder)?;
    let mut shares = Vec::new();
    for holder in by {
        let found = file.shares.iter().find(|(operator, _)| operator == holder.1.bytes());
        let (_, sealed) = found.ok_or(SharesFault::NotTheirs(holder.1))?;
        let plain = holder.key(&file.public).open(&file.public, sealed);
        let plain = plain.map_err(|_| SharesFault::Damaged)?;
        shares.push(Share::try_from(plain.as_slice()).map_err(|_| SharesFault::Damaged)?);
    }
    let secret = Sharks(NEEDED).recover(&shares).map_err(|_| SharesFault::Damaged)?;
    let secret = Zeroizing::new(secret);
    let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| SharesFault::Damaged)?;
    let key = envelope::unwrap(secret, &info(&file.salt), &file.wrapped);
    let key = key.map_err(|_| SharesFault::Damaged)?;
    match Keystore::open_with(&folder.file(KEYS), key) {
        Err(KeystoreFault::WrongPassphrase { .. }) => Err(SharesFault::OtherKeys),
        other => Ok(other?),
    }
}
