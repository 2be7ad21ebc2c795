//! Papers for one node alone, on their way to it or come from it (spec/sync.md, "Letters").
//!
//! ```text
//! letters/out/5f1c…-9a03…   last day (4) ‖ about (40) ‖ paper   for node 5f1c…, until it says that it has it;
//!                                                               without its paper: it ended, and did not come there; one
//!                                                               byte in its place: that node does not take it
//! letters/in/8be8…-77d0…    last day (4) ‖ paper                from node 8be8…; the day alone once it was taken out; one
//!                                                               byte after it: none of the papers that letters are
//! ```
//!
//! What is here decides nothing: a person takes a paper out as a file, and hands it to the command that reads it.

mod paper;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use annona_ledger::consent::People;
use annona_ledger::hash::{Hash, Purpose, hash_one};
use annona_ledger::id::Commitment;
use annona_ledger::limits::LETTER_BYTES;
use annona_ledger::sync::talk::{self, Letter, Over};
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::view::View;
use annona_ledger::wire::Bytes;

use crate::atomic;
use crate::disk::DiskFault;
use crate::node::{Node, NodeFault};
use crate::vault::HouseholdId;

pub use paper::{Paper, is_whole};

/// For how many days a letter is kept, at either end.
pub const DAYS: u32 = 30;
/// Letters of one node that wait to be taken out.
pub const WAITING: usize = 16;
/// Letters of one node that are remembered, so that none comes twice: those that wait, and those taken out.
pub const KNOWN: usize = 64;
/// Letters for one node: as many as go in one meeting.
pub const OUT: usize = talk::LETTERS;
/// Bytes of all letters that came and were not taken out.
pub const IN_BYTES: usize = 16 << 20;
/// Days by which clocks may differ.
const SLACK: u32 = 2;
/// Bytes of the last day.
const DAY: usize = 4;
/// Bytes before the paper of one that waits to go.
const HEAD: usize = DAY + 8 + 32;
/// In place of a paper: whom it is for does not take it.
const NOT_TAKEN: &[u8] = &[4];
/// How every paper begins. A file of before it was kept whom a letter tells of has its paper right after the day.
const PAPER: &[u8] = b"annona ";

/// What a letter is called: the first 16 bytes of its paper's hash.
pub type Name = [u8; 16];

/// Where letters lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Come from others.
    In,
    /// For others.
    Out,
}

/// Whom an outgoing letter tells of, so that it can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The household.
    pub family: HouseholdId,
    /// The consent it is under.
    pub consent: Commitment,
}

/// One letter that is kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whom it is from, or for.
    pub peer: [u8; 8],
    /// Its name.
    pub name: Name,
    /// The last day on which it is kept.
    pub until: DayNo,
    /// Bytes of the paper; zero where it was taken out, ended before it came to whom it is for, or is not taken there.
    pub bytes: usize,
    /// Whether whom it is for does not take it: it is none of the papers that are known there.
    pub not_taken: bool,
    /// Whom it tells of, where it goes and that is known.
    pub about: Option<About>,
}

/// What day it is, as far as a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// It is no earlier: by what others say, too. A clock alone, however far ahead, ends nothing.
    pub surely: DayNo,
    /// It may be as late: the wall clock's day, or what others say.
    pub perhaps: DayNo,
}

/// What became of a letter that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is kept.
    New,
    /// It came before.
    Known,
    /// It is not kept: it has ended, or its sender has as many here as one may have.
    Not,
    /// It is none of the papers that letters are, and never kept.
    Never,
}

/// Why a paper does not go as a letter.
#[derive(Debug, thiserror::Error)]
pub enum LetterFault {
    /// Too long.
    #[error("the paper has {0} bytes, and a letter takes {LETTER_BYTES}: carry it as a file.")]
    TooLong(usize),
    /// Another paper.
    #[error("this paper does not go as a letter: carry it as a file.")]
    Strange,
    /// Too many.
    #[error("{OUT} letters for that node wait already: meet it, or carry this one as a file.")]
    TooMany,
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// The letters of one data folder.
#[derive(Clone, Debug)]
pub struct Letters(PathBuf);

/// What day it is, for letters.
///
/// # Errors
///
/// [`NodeFault`].
pub fn days(node: &Node) -> Result<Days, NodeFault> {
    let between = node.between()?;
    let work = node.store().look()?;
    let agreed = work.heard_of_others(&node.public()).map_or(Minute(0), |others| others.agreed);
    let wall = Minute::of(node.now(), work.charter().founded());
    work.check()?;
    let (surely, perhaps) = (between.earliest.min(agreed), between.latest.max(wall));
    Ok(Days { surely: DayNo::of(surely), perhaps: DayNo::of(perhaps) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    let plain = text.len() == 2 * N && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    for (at, byte) in out.iter_mut().enumerate().filter(|_| plain) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    plain.then_some(out)
}

impl Letters {
    /// Those of a data folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("letters"))
    }

    fn folder(&self, way: Way) -> PathBuf {
        self.0.join(match way {
            Way::In => "in",
            Way::Out => "out",
        })
    }

    fn path(&self, way: Way, peer: &[u8; 8], name: &Name) -> PathBuf {
        self.folder(way).join(format!("{}-{}", hex(peer), hex(name)))
    }

    /// Node, name and bytes of the paper of what is kept: no file is opened. What bears no letter's name is passed over.
    fn names(&self, way: Way) -> Vec<([u8; 8], Name, usize)> {
        let all = self.files(way).into_iter();
        all.map(|(peer, name, len)| (peer, name, paper_bytes(len))).collect()
    }

    /// As [`Self::names`], with all bytes that stand where the paper does.
    fn files(&self, way: Way) -> Vec<([u8; 8], Name, usize)> {
        let Ok(entries) = fs::read_dir(self.folder(way)) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            let (peer, name) = name.to_str()?.split_once('-')?;
            let len = usize::try_from(entry.metadata().ok()?.len()).ok()?;
            Some((bytes(peer)?, bytes(name)?, len.saturating_sub(head(way))))
        });
        names.collect()
    }

    /// The names of what is kept of a node, and bytes of their papers.
    fn of_peer(&self, way: Way, peer: &[u8; 8]) -> Vec<(Name, usize)> {
        let of = self.names(way).into_iter().filter(|(of, ..)| of == peer);
        let mut names: Vec<_> = of.map(|(_, name, bytes)| (name, bytes)).collect();
        names.sort_unstable();
        names
    }

    /// What is kept, in order of node and name. No paper is read.
    #[must_use]
    pub fn list(&self, way: Way) -> Vec<Kept> {
        let kept = self.files(way).into_iter().filter_map(|(peer, name, len)| {
            let mut read = [0; HEAD];
            let read = read.get_mut(..head(way))?;
            File::open(self.path(way, &peer, &name)).ok()?.read_exact(read).ok()?;
            let (until, about) = read_head(read)?;
            let (bytes, not_taken) = (paper_bytes(len), len == NOT_TAKEN.len());
            Some(Kept { peer, name, until, bytes, not_taken, about })
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_unstable_by_key(|kept| (kept.peer, kept.name));
        kept
    }

    /// A letter that is kept. `None` where there is none, where it was taken out, or where it is not what its name says.
    #[must_use]
    pub fn get(&self, way: Way, peer: &[u8; 8], name: &Name) -> Option<Letter> {
        let file = atomic::read(&self.path(way, peer, name), HEAD + LETTER_BYTES).ok()?;
        let before = file.get(DAY..)?.starts_with(PAPER);
        let (head, paper) = file.split_at_checked(if before { DAY } else { head(way) })?;
        let (until, _) = read_head(head)?;
        let letter = Letter { until, bytes: Bytes::new(paper.to_vec()).ok()? };
        (letter.name() == *name && Paper::of(paper).is_some()).then_some(letter)
    }

    fn put(&self, way: Way, kept: &Kept, paper: &[u8]) -> Result<(), DiskFault> {
        let path = self.path(way, &kept.peer, &kept.name);
        let mut head = kept.until.0.to_be_bytes().to_vec();
        if way == Way::Out {
            let nobody = About { family: HouseholdId(0), consent: Commitment(Hash::ZERO) };
            let about = kept.about.unwrap_or(nobody);
            head.extend(about.family.0.to_be_bytes());
            head.extend(about.consent.0.0);
        }
        atomic::private_folder(&self.folder(way))?;
        atomic::sweep(&path)?;
        atomic::write(&path, &[&head, paper].concat())
    }

    /// Keeps a paper for another node until it has it, durably, and whom it tells of, so that it can be stopped; the same
    /// paper again is the same letter.
    ///
    /// # Errors
    ///
    /// [`LetterFault`].
    pub fn send(
        &self,
        to: &[u8; 8],
        paper: &[u8],
        about: Option<About>,
        days: Days,
    ) -> Result<Name, LetterFault> {
        if paper.len() > LETTER_BYTES {
            return Err(LetterFault::TooLong(paper.len()));
        }
        if Paper::of(paper).is_none() {
            return Err(LetterFault::Strange);
        }
        let Hash(hash) = hash_one(Purpose::File, paper);
        let name: Name = hash.first_chunk().copied().unwrap_or_default();
        let others = self.of_peer(Way::Out, to).into_iter();
        if others.filter(|(known, bytes)| *bytes > 0 && *known != name).count() >= OUT {
            return Err(LetterFault::TooMany);
        }
        let until = days.perhaps.plus(DAYS);
        let kept = Kept { peer: *to, name, until, bytes: paper.len(), not_taken: false, about };
        self.put(Way::Out, &kept, paper)?;
        Ok(name)
    }

    /// The letters for a node.
    pub(crate) fn outgoing(&self, to: &[u8; 8]) -> Vec<Name> {
        let waiting = self.of_peer(Way::Out, to).into_iter().filter(|(_, bytes)| *bytes > 0);
        waiting.map(|(name, _)| name).take(OUT).collect()
    }

    /// Stops letters that wait to go: they are gone when this returns. Says how many those were.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn stop(&self, which: impl Fn(&About) -> bool) -> Result<usize, DiskFault> {
        let mut stopped = 0;
        for kept in self.list(Way::Out) {
            if kept.about.as_ref().is_some_and(&which) {
                let path = self.path(Way::Out, &kept.peer, &kept.name);
                match fs::remove_file(&path) {
                    Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                        return Err(DiskFault::io("remove", &path, fault));
                    }
                    _ => stopped += 1,
                }
            }
        }
        Ok(stopped)
    }

    /// Stops what goes under a consent that was taken back, at whatever desk, as far as that was heard.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn stop_withdrawn(&self, view: &dyn View) -> Result<usize, DiskFault> {
        self.stop(|about| {
            let told = view.told(&about.consent);
            told.iter().any(|told| matches!(told.people(), Some(People::ConsentWithdrawn { .. })))
        })
    }

    /// What is said to a node of the letters that came from it: which it need not send again, those taken out among them,
    /// and which are not taken.
    pub(crate) fn known(&self, from: &[u8; 8]) -> Vec<Over> {
        let all = self.files(Way::In).into_iter().filter(|(of, ..)| of == from);
        let mut names: Vec<_> = all.map(|(_, name, len)| (name, len == NOT_TAKEN.len())).collect();
        names.sort_unstable();
        names.truncate(KNOWN);
        let said = |(name, not)| if not { Over::NotTaken(name) } else { Over::Letter(name) };
        names.into_iter().map(said).collect()
    }

    /// What a node says of a letter for it: that it has it for good, and it is not sent again; or that it does not take it,
    /// and its paper goes, and its name stays to be told.
    pub(crate) fn heard(&self, to: &[u8; 8], over: &Over) {
        match over {
            // Where it cannot be removed it goes again, and the other side knows it.
            Over::Letter(name) => drop(fs::remove_file(self.path(Way::Out, to, name))),
            Over::NotTaken(name) => {
                let mut all = self.list(Way::Out).into_iter();
                let kept =
                    all.find(|kept| kept.peer == *to && kept.name == *name && kept.bytes > 0);
                if let Some(kept) = kept {
                    let until = kept.until.plus(DAYS);
                    drop(self.put(Way::Out, &Kept { until, about: None, ..kept }, NOT_TAKEN));
                }
            }
            Over::Feed(_) | Over::Item(_) | Over::Budget => {}
        }
    }

    /// What would become of a letter that came from a node: each has its bounds. `whole`: whether it [is a paper](is_whole).
    #[must_use]
    pub fn judge(&self, from: &[u8; 8], letter: &Letter, whole: bool, days: Days) -> Came {
        let known = fs::metadata(self.path(Way::In, from, &letter.name())).map(|file| file.len());
        if known.is_ok_and(|len| len != (DAY + NOT_TAKEN.len()) as u64) {
            return Came::Known;
        }
        // One that was not taken before may be by a later program.
        if !whole {
            return Came::Never;
        }
        let waiting = self.of_peer(Way::In, from).into_iter().filter(|(_, bytes)| *bytes > 0);
        if letter.until < days.surely || waiting.count() >= WAITING {
            return Came::Not;
        }
        if self.room(from, letter.bytes.len()).is_some() { Came::New } else { Came::Not }
    }

    /// What makes room for a paper of a node, if anything does: papers of whoever has most here, as long as that is more than
    /// this node then has.
    fn room(&self, from: &[u8; 8], len: usize) -> Option<Vec<([u8; 8], Name)>> {
        let mut all = self.names(Way::In);
        all.sort_unstable_by_key(|(peer, name, bytes)| (*bytes, *peer, *name));
        let mut gone = Vec::new();
        while all.iter().map(|(.., bytes)| bytes).sum::<usize>().saturating_add(len) > IN_BYTES {
            let of = |peer: &[u8; 8]| {
                all.iter().filter(|(of, ..)| of == peer).map(|(.., bytes)| bytes).sum::<usize>()
            };
            let most = all.iter().map(|(peer, ..)| (of(peer), *peer)).max()?;
            if most.0 <= of(from).saturating_add(len) {
                return None;
            }
            let at = all.iter().rposition(|(peer, ..)| *peer == most.1)?;
            let (peer, name, _) = all.remove(at);
            gone.push((peer, name));
        }
        Some(gone)
    }

    /// Keeps what came from a node, durably, where [`Letters::judge`] says so: for no longer than a letter of today is.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn came(
        &self,
        from: &[u8; 8],
        letter: &Letter,
        whole: bool,
        days: Days,
    ) -> Result<Came, DiskFault> {
        let came = self.judge(from, letter, whole, days);
        let until = letter.until.min(days.perhaps.plus(DAYS + SLACK));
        let about = None;
        if came == Came::Never {
            let name = letter.name();
            let kept = Kept { peer: *from, name, until, bytes: 0, not_taken: true, about };
            self.forget_oldest(from, &name);
            self.put(Way::In, &kept, NOT_TAKEN)?;
        }
        if came != Came::New {
            return Ok(came);
        }
        for (peer, name) in self.room(from, letter.bytes.len()).unwrap_or_default() {
            let until = days.perhaps.plus(DAYS);
            self.put(Way::In, &Kept { peer, name, until, bytes: 0, not_taken: false, about }, &[])?;
        }
        let (name, bytes) = (letter.name(), letter.bytes.len());
        self.forget_oldest(from, &name);
        let kept = Kept { peer: *from, name, until, bytes, not_taken: false, about };
        self.put(Way::In, &kept, &letter.bytes)?;
        Ok(came)
    }

    /// Makes a place for one more name of a node. The oldest is forgotten: its letter was taken out long ago, or never taken.
    fn forget_oldest(&self, from: &[u8; 8], name: &Name) {
        let mut names = self.list(Way::In);
        names.retain(|kept| kept.peer == *from && kept.name != *name);
        names.sort_unstable_by_key(|kept| (kept.bytes > 0, !kept.not_taken, kept.until, kept.name));
        let over = (names.len() + 1).saturating_sub(KNOWN);
        for kept in names.iter().take(over) {
            drop(fs::remove_file(self.path(Way::In, from, &kept.name)));
        }
    }

    /// A letter was taken out as a file: its paper goes, and that it came is remembered.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn taken(&self, kept: &Kept) -> Result<(), DiskFault> {
        self.put(Way::In, kept, &[])
    }

    /// Removes what has surely had its time. Of what did not come to whom it is for the name stays, to be told.
    pub fn sweep(&self, days: Days) {
        for way in [Way::In, Way::Out] {
            for kept in self.list(way).iter().filter(|kept| kept.until < days.surely) {
                if way == Way::Out && kept.bytes > 0 {
                    let until = days.surely.plus(DAYS);
                    drop(self.put(way, &Kept { until, ..*kept }, &[]));
                } else {
                    // What cannot be removed is tried again.
                    drop(fs::remove_file(self.path(way, &kept.peer, &kept.name)));
                }
            }
        }
    }
}

/// Bytes before the paper.
const fn head(way: Way) -> usize {
    match way {
        Way::In => DAY,
        Way::Out => HEAD,
    }
}

/// How much of what stands where a paper does is one.
const fn paper_bytes(len: usize) -> usize {
    if len > NOT_TAKEN.len() { len } else { 0 }
}

fn read_head(bytes: &[u8]) -> Option<(DayNo, Option<About>)> {
    let (day, about) = bytes.split_first_chunk::<DAY>()?;
    let about = Some(about).filter(|about| !about.starts_with(PAPER));
    let about =
        about.and_then(|about| about.split_first_chunk::<8>()).and_then(|(family, consent)| {
            let (family, consent) =
                (u64::from_be_bytes(*family), <[u8; 32]>::try_from(consent).ok()?);
            let about = About { family: HouseholdId(family), consent: Commitment(Hash(consent)) };
            (family > 0).then_some(about)
        });
    Some((DayNo(u32::from_be_bytes(*day)), about))
}
