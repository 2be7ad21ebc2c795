//! Parts of bundles that a node carries for others, and can not read (spec/bundle.md, "Couriers").
//!
//! ```text
//! carried/9c41…-00001-77d0….part   a part as it came, under its digest
//! carried/9c41…-00001-77d0….for    last day (4) ‖ the nodes it is for that have not said that they have it (8 each)
//! ```
//!
//! No key is asked for anything but a receipt, which whoever took parts in signs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::FederationId;
use annona_ledger::key::{Context, Signature, SigningKey};
use annona_ledger::notice::Roster;
use annona_ledger::time::DayNo;
use annona_ledger::wire::{self, Bounded};

use super::read::{Broken, head};
use super::{ENDING, Head, PartFault};
use crate::atomic;
use crate::disk::{self, DiskFault};
use crate::letters::{DAYS, Days};

/// What a receipt begins with. The last byte is the version.
pub const RECEIPT: &[u8; 16] = b"annona carried 1";
/// How the name of a receipt ends.
pub const RECEIPT_ENDING: &str = "receipt";
/// Bytes of one part that is carried.
pub const CARRIED_PART: u64 = 64 << 20;
/// Bytes of all parts that are carried.
pub const CARRIED_BYTES: u64 = 1 << 30;
/// Parts that are carried.
pub const CARRIED: usize = 1_024;
/// Nodes one part may be for.
pub const ADDRESSEES: usize = 64;
/// Parts of one receipt.
pub const RECEIPT_PARTS: usize = 4_096;
/// Bytes left free on the disk, for what is written here.
const FREE: u64 = 256 << 20;
/// Bytes of a receipt, at most.
const RECEIPT_BYTES: usize = RECEIPT.len() + 8 + 3 + RECEIPT_PARTS * (16 + 3) + 65;

/// Which part of which bundle.
pub type PartName = ([u8; 16], u16);

/// Why something is not carried.
#[derive(Debug, thiserror::Error)]
pub enum CourierFault {
    /// What it is.
    #[error(transparent)]
    Part(#[from] PartFault),
    /// Too large.
    #[error(
        "the part is larger than the {CARRIED_PART} bytes a courier takes: have it exported with --part-bytes"
    )]
    TooLarge,
    /// Too much.
    #[error(
        "a courier carries {CARRIED} parts and {CARRIED_BYTES} bytes, and leaves {FREE} free: give out first"
    )]
    Full,
    /// Too many.
    #[error("one part goes to {ADDRESSEES} nodes")]
    Addressees,
    /// No receipt.
    #[error("the receipt is damaged, or whoever wrote it did not sign it")]
    Receipt,
    /// Changed since.
    #[error("the part changed since it was taken in: it is not given out, take it in again")]
    Changed,
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// One part that is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Which.
    pub name: PartName,
    /// The first bytes of its digest: a copy that was damaged on its way is another.
    pub digest: [u8; 8],
    /// Its bytes.
    pub bytes: u64,
    /// The last day on which it is carried.
    pub until: DayNo,
    /// For which nodes that have not said that they have it.
    pub to: BTreeSet<[u8; 8]>,
}

/// What a courier carries, beside its ledger.
#[derive(Clone, Debug)]
pub struct Courier(PathBuf);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let plain = text.len() == 2 * N && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate().filter(|_| plain) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    plain.then_some(out)
}

/// The digest of what a file holds, of so many bytes at most.
fn digest(file: &mut File, most: u64, mut copy: Option<&mut File>) -> io::Result<Hash> {
    file.seek(SeekFrom::Start(0))?;
    let (mut from, mut hasher) = (file.take(most), Hasher::new(Purpose::File));
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let len = from.read(&mut chunk)?;
        let some = chunk.get(..len).unwrap_or_default();
        if some.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(some);
        if let Some(copy) = &mut copy {
            copy.write_all(some)?;
        }
    }
}

impl Courier {
    /// What a data folder carries.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("carried"))
    }

    fn path(&self, name: PartName, digest: &[u8; 8], end: &str) -> PathBuf {
        self.0.join(format!("{}-{:05}-{}.{end}", hex(&name.0), name.1, hex(digest)))
    }

    /// What is carried, in order of bundle and part.
    #[must_use]
    pub fn list(&self) -> Vec<Carried> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let one = |entry: fs::DirEntry| {
            let file = entry.file_name();
            let mut fields = file.to_str()?.strip_suffix(".part")?.split('-');
            let (bundle, part) = (bytes(fields.next()?)?, fields.next()?.parse().ok()?);
            let digest = bytes(fields.next()?)?;
            let name = (bundle, part);
            let told = atomic::read(&self.path(name, &digest, "for"), 4 + 8 * ADDRESSEES).ok()?;
            let (day, to) = told.split_first_chunk::<4>()?;
            let to = to.as_chunks::<8>().0.iter().copied().collect();
            let until = DayNo(u32::from_be_bytes(*day));
            Some(Carried { name, digest, bytes: entry.metadata().ok()?.len(), until, to })
        };
        let mut all: Vec<Carried> = entries.flatten().filter_map(one).collect();
        all.sort_unstable_by_key(|one| (one.name, one.digest));
        all
    }

    fn tell(&self, one: &Carried) -> Result<(), DiskFault> {
        let mut told = one.until.0.to_be_bytes().to_vec();
        one.to.iter().for_each(|node| told.extend(node));
        atomic::write(&self.path(one.name, &one.digest, "for"), &told)
    }

    fn drop_part(&self, one: &Carried) -> Result<(), DiskFault> {
        // The part first: without it nothing is carried.
        for end in ["part", "for"] {
            let path = self.path(one.name, &one.digest, end);
            match fs::remove_file(&path) {
                Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
                    return Err(DiskFault::io("remove", &path, fault));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets go of what has surely had its time; says how many parts that were.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn sweep(&self, days: Days) -> Result<usize, DiskFault> {
        let mut gone = 0;
        for one in self.list().iter().filter(|one| one.until < days.surely) {
            self.drop_part(one)?;
            gone += 1;
        }
        Ok(gone)
    }

    /// Takes in a part for some nodes, durably: its head is looked at and its length, and nothing of it is opened. Says whether
    /// it is new; of one that is carried already, more nodes may be named.
    ///
    /// # Errors
    ///
    /// [`CourierFault`].
    pub fn take(
        &self,
        path: &Path,
        to: &BTreeSet<[u8; 8]>,
        days: Days,
    ) -> Result<bool, CourierFault> {
        let failed = |fault| CourierFault::Disk(DiskFault::io("read", path, fault));
        let mut file = File::open(path).map_err(failed)?;
        let head = match head(&mut file) {
            Err(Broken::Part(fault)) => return Err(fault.into()),
            Err(Broken::Io(fault)) => return Err(failed(fault)),
            Ok(head) => head,
        };
        let begins = Head::len(head.directory.len(), head.slots.len()) as u64;
        let size = file.metadata().map_err(failed)?.len();
        let whole = begins.saturating_add(head.sealed());
        if size < whole {
            return Err(PartFault::Truncated { at: size.saturating_sub(begins) }.into());
        }
        if size > whole {
            return Err(PartFault::Trailing.into());
        }
        if size > CARRIED_PART {
            return Err(CourierFault::TooLarge);
        }
        let Hash(found_of) = digest(&mut file, size, None).map_err(failed)?;
        let digest_of = found_of.first_chunk().copied().unwrap_or_default();
        let name = (head.place.bundle, head.place.part);
        let all = self.list();
        let known = all.iter().find(|one| (one.name, one.digest) == (name, digest_of));
        let mut addressees = known.map_or_else(BTreeSet::new, |one| one.to.clone());
        addressees.extend(to);
        if addressees.len() > ADDRESSEES {
            return Err(CourierFault::Addressees);
        }
        let until = days.perhaps.plus(DAYS);
        let one = Carried { name, digest: digest_of, bytes: size, until, to: addressees };
        let path = self.path(name, &digest_of, "part");
        let kept = |known: &Carried| {
            let found = File::open(&path).and_then(|mut file| digest(&mut file, known.bytes, None));
            found.is_ok_and(|kept| kept.0 == found_of)
        };
        if let Some(known) = known.filter(|known| kept(known)) {
            if known.to != one.to {
                self.tell(&Carried { until: known.until, ..one })?;
            }
            return Ok(false);
        }
        let carried = all
            .iter()
            .filter(|one| Some(*one) != known)
            .fold(size, |sum, one| sum.saturating_add(one.bytes));
        atomic::private_folder(&self.0)?;
        let room = disk::free(&self.0).is_none_or(|free| free >= FREE.saturating_add(size));
        if (all.len() >= CARRIED && known.is_none()) || carried > CARRIED_BYTES || !room {
            return Err(CourierFault::Full);
        }
        // For whom it is stands there before it does.
        self.tell(&one)?;
        if known.is_some() {
            // What the disk did not keep makes place.
            fs::remove_file(&path).map_err(|fault| DiskFault::io("remove", &path, fault))?;
        }
        copy(&mut file, size, &found_of, &path)?;
        Ok(true)
    }

    /// Gives out a part as a file of a folder, as it came. Says the file; `None` where it is there already.
    ///
    /// # Errors
    ///
    /// [`CourierFault::Changed`] where the disk did not keep it; the disk.
    pub fn give(&self, one: &Carried, out: &Path) -> Result<Option<PathBuf>, CourierFault> {
        let from = self.path(one.name, &one.digest, "part");
        let failed = |fault| CourierFault::Disk(DiskFault::io("read", &from, fault));
        let mut file = File::open(&from).map_err(failed)?;
        let found = digest(&mut file, one.bytes, None).map_err(failed)?;
        if found.0.first_chunk() != Some(&one.digest) {
            return Err(CourierFault::Changed);
        }
        // Called like a part; by its digest too, for another copy of it may be carried.
        let (bundle, part) = (hex(&one.name.0), one.name.1);
        let name = format!("annona-{bundle}-{part:03}-{}.{ENDING}", hex(&one.digest));
        let path = out.join(name);
        if path.symlink_metadata().is_ok() {
            return Ok(None);
        }
        copy(&mut file, one.bytes, &found.0, &path)?;
        Ok(Some(path))
    }

    /// Hears that a node has parts: they are carried for it no more, and a part that was for it alone is gone. Says who it is,
    /// and how many parts it is about.
    ///
    /// # Errors
    ///
    /// [`CourierFault::Receipt`] where its certificate here does not make it its word; the disk.
    pub fn heard(
        &self,
        receipt: &[u8],
        federation: &FederationId,
        roster: &Roster,
    ) -> Result<([u8; 8], usize), CourierFault> {
        let (node, parts) = read(receipt, federation, roster).ok_or(CourierFault::Receipt)?;
        let mut about = 0;
        for mut one in self.list() {
            if !parts.contains(&one.name) || !one.to.remove(&node) {
                continue;
            }
            about += 1;
            if one.to.is_empty() {
                self.drop_part(&one)?;
            } else {
                self.tell(&one)?;
            }
        }
        Ok((node, about))
    }
}

/// Copies a file that was looked at under a new name, durably, if it is still what was looked at.
fn copy(from: &mut File, size: u64, found: &[u8; 32], to: &Path) -> Result<(), CourierFault> {
    let mut new = atomic::New::begin(to)?;
    let failed = |fault| CourierFault::Disk(DiskFault::io("write", to, fault));
    let Hash(copied) = digest(from, size, Some(&mut new.file)).map_err(failed)?;
    if copied != *found {
        return Err(CourierFault::Changed);
    }
    Ok(new.finish()?)
}

fn scope(federation: &FederationId) -> [&[u8]; 2] {
    [&federation.0.0, RECEIPT]
}

/// A receipt for parts that were taken in whole: the word of a node, under its transport key, for whoever carried them.
#[must_use]
pub fn receipt(
    node: [u8; 8],
    parts: &BTreeSet<PartName>,
    federation: &FederationId,
    transport: &SigningKey,
) -> Option<Vec<u8>> {
    let parts: Bounded<PartName, RECEIPT_PARTS> =
        Bounded::new(parts.iter().copied().collect()).ok()?;
    let body = wire::encode(&(node, parts));
    let signature = transport.sign(Context::Bundle, &scope(federation), &body);
    Some([&RECEIPT[..], &body, &wire::encode(&signature)].concat())
}

fn read(
    bytes: &[u8],
    federation: &FederationId,
    roster: &Roster,
) -> Option<([u8; 8], BTreeSet<PartName>)> {
    if bytes.len() > RECEIPT_BYTES {
        return None;
    }
    let rest = bytes.strip_prefix(RECEIPT)?;
    let ((node, parts), end): (([u8; 8], Bounded<PartName, RECEIPT_PARTS>), _) =
        wire::take(rest).ok()?;
    let body = rest.get(..rest.len().checked_sub(end.len())?)?;
    let signature: Signature = wire::decode(end, 128).ok()?;
    let ascend = parts.is_sorted_by(|a, b| a < b);
    let signed = |key: &annona_ledger::key::PublicKey| {
        key.verifies(Context::Bundle, &scope(federation), body, &signature)
    };
    let certificate = roster.node(&node)?;
    (ascend && signed(&certificate.transport)).then(|| (node, parts.iter().copied().collect()))
}

/// A receipt as a file, of as many bytes as one may have.
///
/// # Errors
///
/// [`DiskFault`].
pub fn receipt_file(path: &Path) -> Result<Vec<u8>, DiskFault> {
    Ok(atomic::read(path, RECEIPT_BYTES)?.to_vec())
}
