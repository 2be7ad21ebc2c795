//! Papers for one node alone, on their way to it or come from it (spec/sync.md, "Letters").
//!
//! ```text
//! letters/out/5f1c…-9a03…   last day (4) ‖ paper     for node 5f1c…, until it says that it has it
//! letters/in/8be8…-77d0…    last day (4) ‖ paper     from node 8be8…; the day alone once it was taken out
//! ```
//!
//! What is here decides nothing: a person takes a paper out as a file, and hands it to the command that reads it.

mod paper;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Hash, Purpose, hash_one};
use annona_ledger::limits::LETTER_BYTES;
use annona_ledger::sync::talk::{self, Letter};
use annona_ledger::time::DayNo;
use annona_ledger::wire::Bytes;

use crate::atomic;
use crate::disk::DiskFault;
use crate::member::Between;
use crate::node::{Node, NodeFault};

pub use paper::{Paper, is_whole};

/// For how many days a letter is kept, at either end.
pub const DAYS: u32 = 30;
/// Letters of one node that wait to be taken out.
pub const WAITING: usize = 16;
/// Letters of one node that are remembered, so that none comes twice: those that wait, and those taken out.
pub const KNOWN: usize = 64;
/// Letters for one node: as many as go in one meeting.
pub const OUT: usize = talk::LETTERS;
/// Days by which clocks may differ.
const SLACK: u32 = 2;
/// Bytes of the last day.
const DAY: usize = 4;

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

/// One letter that is kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Whom it is from, or for.
    pub peer: [u8; 8],
    /// Its name.
    pub name: Name,
    /// The last day on which it is kept.
    pub until: DayNo,
    /// Bytes of the paper; zero where it was taken out.
    pub bytes: usize,
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

/// The day by which letters end: the latest it may be.
///
/// # Errors
///
/// [`NodeFault`].
pub fn today(node: &Node) -> Result<DayNo, NodeFault> {
    Ok(day(node.between()?))
}

pub(crate) fn day(now: Between) -> DayNo {
    DayNo::of(now.latest)
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
        let Ok(entries) = fs::read_dir(self.folder(way)) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            let (peer, name) = name.to_str()?.split_once('-')?;
            let len = usize::try_from(entry.metadata().ok()?.len()).ok()?;
            Some((bytes(peer)?, bytes(name)?, len.saturating_sub(DAY)))
        });
        names.collect()
    }

    /// The names of what is kept of a node.
    fn of_peer(&self, way: Way, peer: &[u8; 8]) -> Vec<Name> {
        let of = self.names(way).into_iter().filter(|(of, ..)| of == peer);
        let mut names: Vec<Name> = of.map(|(_, name, _)| name).collect();
        names.sort_unstable();
        names
    }

    /// What is kept, in order of node and name.
    #[must_use]
    pub fn list(&self, way: Way) -> Vec<Kept> {
        let kept = self.names(way).into_iter().filter_map(|(peer, name, bytes)| {
            let file = self.file(way, &peer, &name)?;
            let until = DayNo(u32::from_be_bytes(*file.first_chunk::<DAY>()?));
            Some(Kept { peer, name, until, bytes })
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_unstable();
        kept
    }

    fn file(&self, way: Way, peer: &[u8; 8], name: &Name) -> Option<Vec<u8>> {
        let read = atomic::read(&self.path(way, peer, name), DAY + LETTER_BYTES).ok()?;
        Some(read.to_vec())
    }

    /// A letter that is kept. `None` where there is none, where it was taken out, or where it is not what its name says.
    #[must_use]
    pub fn get(&self, way: Way, peer: &[u8; 8], name: &Name) -> Option<Letter> {
        let file = self.file(way, peer, name)?;
        let (day, paper) = file.split_first_chunk::<DAY>()?;
        let until = DayNo(u32::from_be_bytes(*day));
        let letter = Letter { until, bytes: Bytes::new(paper.to_vec()).ok()? };
        (letter.name() == *name && Paper::of(paper).is_some()).then_some(letter)
    }

    fn put(
        &self,
        way: Way,
        peer: &[u8; 8],
        name: &Name,
        until: DayNo,
        paper: &[u8],
    ) -> Result<(), DiskFault> {
        let path = self.path(way, peer, name);
        atomic::private_folder(&self.folder(way))?;
        atomic::sweep(&path)?;
        atomic::write(&path, &[&until.0.to_be_bytes(), paper].concat())
    }

    /// Keeps a paper for another node until it has it, durably; the same paper again is the same letter.
    ///
    /// # Errors
    ///
    /// [`LetterFault`].
    pub fn send(&self, to: &[u8; 8], paper: &[u8], today: DayNo) -> Result<Name, LetterFault> {
        if paper.len() > LETTER_BYTES {
            return Err(LetterFault::TooLong(paper.len()));
        }
        if Paper::of(paper).is_none() {
            return Err(LetterFault::Strange);
        }
        let Hash(hash) = hash_one(Purpose::File, paper);
        let name: Name = hash.first_chunk().copied().unwrap_or_default();
        let others = self.of_peer(Way::Out, to).into_iter().filter(|known| *known != name);
        if others.count() >= OUT {
            return Err(LetterFault::TooMany);
        }
        self.put(Way::Out, to, &name, today.plus(DAYS), paper)?;
        Ok(name)
    }

    /// The letters for a node.
    pub(crate) fn outgoing(&self, to: &[u8; 8]) -> Vec<Name> {
        let mut names = self.of_peer(Way::Out, to);
        names.truncate(OUT);
        names
    }

    /// The letters that came from a node, those taken out among them: it need not send them again.
    pub(crate) fn known(&self, from: &[u8; 8]) -> Vec<Name> {
        let mut names = self.of_peer(Way::In, from);
        names.truncate(KNOWN);
        names
    }

    /// A node has a letter for good: it is not sent again.
    pub(crate) fn arrived(&self, to: &[u8; 8], name: &Name) {
        // Where it cannot be removed it goes again, and the other side knows it.
        drop(fs::remove_file(self.path(Way::Out, to, name)));
    }

    /// What would become of a letter that came from a node: each has its bounds. `whole`: whether it [is a paper](is_whole).
    #[must_use]
    pub fn judge(&self, from: &[u8; 8], letter: &Letter, whole: bool, today: DayNo) -> Came {
        if self.path(Way::In, from, &letter.name()).is_file() {
            return Came::Known;
        }
        if !whole {
            return Came::Never;
        }
        let of = self.names(Way::In).into_iter().filter(|(of, ..)| of == from);
        let kept: Vec<usize> = of.map(|(.., bytes)| bytes).collect();
        let waiting = kept.iter().filter(|bytes| **bytes > 0).count();
        let ends = letter.until < today || letter.until > today.plus(DAYS + SLACK);
        if ends || kept.len() >= KNOWN || waiting >= WAITING {
            return Came::Not;
        }
        Came::New
    }

    /// Keeps what came from a node, durably, where [`Letters::judge`] says so.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn came(
        &self,
        from: &[u8; 8],
        letter: &Letter,
        whole: bool,
        today: DayNo,
    ) -> Result<Came, DiskFault> {
        let came = self.judge(from, letter, whole, today);
        if came == Came::New {
            self.put(Way::In, from, &letter.name(), letter.until, &letter.bytes)?;
        }
        Ok(came)
    }

    /// A letter was taken out as a file: its paper goes, and that it came is remembered.
    ///
    /// # Errors
    ///
    /// [`DiskFault`].
    pub fn taken(&self, kept: &Kept) -> Result<(), DiskFault> {
        self.put(Way::In, &kept.peer, &kept.name, kept.until, &[])
    }

    /// Removes what has had its time.
    pub fn sweep(&self, today: DayNo) {
        for way in [Way::In, Way::Out] {
            for kept in self.list(way).iter().filter(|kept| kept.until < today) {
                // What cannot be removed is tried again, and is neither sent nor taken out.
                drop(fs::remove_file(self.path(way, &kept.peer, &kept.name)));
            }
        }
    }
}
