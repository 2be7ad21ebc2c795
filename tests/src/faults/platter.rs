//! A disk in memory that a power cut finds in the middle of its work.
//!
//! What is written stays *pending* until its file is synced. A cut keeps what was synced and, of what was pending, what
//! it likes: each 512-byte sector for itself is there, missing, torn in the middle or full of noise, in any order; a new
//! file may have no name yet, a removed one may have it still. Any operation can be told to fail, once or for good, and
//! a disk can be full.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};

use crate::rng::Rng;

/// Bytes that reach the medium together or not at all, unless torn.
pub const SECTOR: usize = 512;

/// What a file on this disk may be asked that changes it.
#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// One file.
#[derive(Clone, Debug, Default)]
struct Content {
    /// What the medium has for certain. `None` where it has not even the name.
    durable: Option<Vec<u8>>,
    /// What a reader is shown.
    live: Vec<u8>,
    /// What happened since the last sync, in order.
    pending: Vec<Change>,
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// The power goes at this change, counted from 1; nothing answers until [`Platter::restart`].
    Cut {
        /// Which change.
        at: u64,
    },
    /// This request and, unless `once`, all later ones fail as a broken medium does. Reads and questions count too.
    Broken {
        /// Which request, counted from 1.
        at: u64,
        /// Whether it works again at once.
        once: bool,
    },
    /// From this request on (or for this one) there is no room for any write: file systems that never write in place
    /// have none for an overwrite either.
    Full {
        /// Which request, counted from 1.
        at: u64,
        /// Whether there is room again at once.
        once: bool,
    },
}

/// What this disk promises and does not keep. Sound disks keep everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Honesty {
    /// A sync is a sync.
    #[default]
    Sound,
    /// A log is synced only when its contents are about to be copied into the main file: what `synchronous=NORMAL` asks
    /// of a sound disk, planted under a store that asks for FULL.
    LogLater,
    /// A sync answers at once and does nothing: what `synchronous=OFF` comes to.
    Lying,
    /// A journal that was removed may be there again: what `synchronous=FULL` asks of a sound disk, planted under a file that
    /// asks for EXTRA.
    FolderLater,
}

/// The whole disk.
#[derive(Clone, Debug, Default)]
pub struct Platter {
    files: BTreeMap<String, Content>,
    /// Files removed whose removal may not have reached the medium, with what it has of them.
    removed: BTreeMap<String, Vec<u8>>,
    /// How the disk keeps its word.
    pub honesty: Honesty,
    trouble: Trouble,
    /// Which life this is: handles of an earlier one are dead.
    boot: u64,
    dead: bool,
    changes: u64,
    requests: u64,
    fired: bool,
}

/// How much of what was pending a cut keeps, in eighths.
const KEEPS: [u64; 5] = [0, 1, 4, 7, 8];

impl Platter {
    /// Sets what will go wrong, and begins to count anew.
    pub const fn trouble(&mut self, trouble: Trouble) {
        self.trouble = trouble;
        (self.changes, self.requests, self.fired) = (0, 0, false);
    }

    /// Which life of the disk this is.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Whether what was to go wrong did.
    #[must_use]
    pub const fn fired(&self) -> bool {
        self.fired
    }

    /// Requests since the trouble was set.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Changes since the trouble was set.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Everything written is on the medium: how a disk lies in a drawer.
    pub fn settle(&mut self) {
        for file in self.files.values_mut() {
            file.durable = Some(file.live.clone());
            file.pending.clear();
        }
        self.removed.clear();
    }

    /// Keeps only the files below a folder.
    pub fn only(&mut self, folder: &str) {
        self.files.retain(|name, _| name.starts_with(folder));
        self.removed.retain(|name, _| name.starts_with(folder));
    }

    /// Makes this the life after another, whose handles are dead.
    pub const fn follow(&mut self, boot: u64) {
        self.boot = boot + 1;
    }

    /// The process dies and the machine goes on: what was written is still there, no handle is.
    pub const fn kill(&mut self) {
        self.boot += 1;
        self.dead = false;
        self.trouble(Trouble::None);
    }

    /// The power comes back after a cut. `chance` decides what of the pending is there.
    pub fn restart(&mut self, chance: &mut Rng) {
        self.boot += 1;
        self.dead = false;
        let keep = *chance.pick(&KEEPS).unwrap_or(&0);
        let mut after = BTreeMap::new();
        for (name, file) in std::mem::take(&mut self.files) {
            let named = file.durable.is_some() || chance.chance(50);
            let ghost = self.removed.remove(&name);
            if named {
                let bytes = survivors(file, keep, chance);
                after.insert(name, Content::whole(bytes));
            } else if let Some(bytes) = ghost {
                after.insert(name, Content::whole(bytes));
            }
        }
        for (name, bytes) in std::mem::take(&mut self.removed) {
            if chance.chance(50) {
                after.insert(name, Content::whole(bytes));
            }
        }
        self.files = after;
        self.trouble(Trouble::None);
    }

    /// Gives a file another name, durably.
    ///
    /// # Errors
    ///
    /// Where there is none of that name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let file = self.files.remove(from).ok_or(ErrorKind::NotFound)?;
        self.files.insert(to.to_owned(), file);
        Ok(())
    }

    /// The names there are.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// What a file holds.
    #[must_use]
    pub fn file_bytes(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|file| file.live.as_slice())
    }

    /// Damages a file on the medium. Says whether there is one of that name.
    pub fn damage(&mut self, name: &str, how: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(file) = self.files.get_mut(name) else { return false };
        how(&mut file.live);
        file.sync();
        true
    }

    /// Counts one request; says whether it fails.
    fn ask(&mut self, boot: u64, change: bool, fills: bool) -> Result<(), Error> {
        if self.dead || boot != self.boot {
            return Err(Error::other("the power is gone"));
        }
        self.requests += 1;
        self.changes += u64::from(change);
        let due = |at: u64, once: bool| {
            if once { self.requests == at } else { self.requests >= at }
        };
        match self.trouble {
            Trouble::Cut { at } if change && self.changes >= at => {
                (self.dead, self.fired) = (true, true);
                Err(Error::other("the power goes"))
            }
            Trouble::Broken { at, once } if due(at, once) => {
                self.fired = true;
                Err(Error::other("the medium is broken"))
            }
            Trouble::Full { at, once } if fills && self.requests >= at && !(once && self.fired) => {
                self.fired = true;
                // What the binding passes on as SQLITE_FULL.
                Err(ErrorKind::WriteZero.into())
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, name: &str) -> Result<&mut Content, Error> {
        self.files.get_mut(name).ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn open(&mut self, name: &str, create: bool) -> Result<u64, Error> {
        let new = !self.files.contains_key(name);
        if new && !create {
            return Err(ErrorKind::NotFound.into());
        }
        self.ask(self.boot, new, new)?;
        self.files.entry(name.to_owned()).or_default();
        Ok(self.boot)
    }

    pub(super) fn exists(&mut self, name: &str) -> Result<bool, Error> {
        self.ask(self.boot, false, false)?;
        Ok(self.files.contains_key(name))
    }

    pub(super) fn size(&mut self, boot: u64, name: &str) -> Result<u64, Error> {
        self.ask(boot, false, false)?;
        Ok(self.file(name)?.live.len() as u64)
    }

    pub(super) fn read(
        &mut self,
        boot: u64,
        name: &str,
        into: &mut [u8],
        at: u64,
    ) -> Result<(), Error> {
        self.ask(boot, false, false)?;
        let from = usize::try_from(at).map_err(Error::other)?;
        let live = self.file(name)?.live.get(from..).unwrap_or_default();
        let have = live.len().min(into.len());
        into[..have].copy_from_slice(&live[..have]);
        // SQLite asks that what is not there reads as zero.
        into[have..].fill(0);
        if have < into.len() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    pub(super) fn write(
        &mut self,
        boot: u64,
        name: &str,
        bytes: &[u8],
        at: u64,
    ) -> Result<(), Error> {
        let at = usize::try_from(at).map_err(Error::other)?;
        let log = name.ends_with("-wal");
        let (was_dead, life) = (self.dead, self.boot);
        let asked = self.ask(boot, true, true);
        if self.honesty == Honesty::LogLater && !log && asked.is_ok() {
            let logs = self.files.iter_mut().filter(|(name, _)| name.ends_with("-wal"));
            logs.for_each(|(_, log)| log.sync());
        }
        let dead = self.dead;
        let file = self.file(name)?;
        match asked {
            Ok(()) => {
                file.put(at, bytes);
                file.pending.push(Change::Write { at, bytes: bytes.to_vec() });
                Ok(())
            }
            Err(fault) => {
                // A write that fails has begun: some of it may be there, or on its way to the medium.
                if dead && !was_dead {
                    file.put(at, bytes);
                    file.pending.push(Change::Write { at, bytes: bytes.to_vec() });
                } else if !dead && boot == life {
                    let part = bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
                    file.put(at, &part);
                    file.pending.push(Change::Write { at, bytes: part });
                }
                Err(fault)
            }
        }
    }

    pub(super) fn sync(&mut self, boot: u64, name: &str) -> Result<(), Error> {
        self.ask(boot, true, false)?;
        let kept = match self.honesty {
            Honesty::Sound | Honesty::FolderLater => true,
            Honesty::LogLater => !name.ends_with("-wal"),
            Honesty::Lying => false,
        };
        if kept {
            self.file(name)?.sync();
            self.removed.remove(name);
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, boot: u64, name: &str, len: u64) -> Result<(), Error> {
        self.ask(boot, true, false)?;
        let len = usize::try_from(len).map_err(Error::other)?;
        let file = self.file(name)?;
        file.live.resize(len, 0);
        file.pending.push(Change::Length(len));
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Error> {
        self.ask(self.boot, true, false)?;
        let file = self.files.remove(name).ok_or(ErrorKind::NotFound)?;
        // SQLite asks that the folder be synced where a commit is the end of its journal; the binding does not say so.
        let asked = name.ends_with("-journal") && self.honesty == Honesty::Sound;
        if let Some(durable) = file.durable.filter(|_| !asked) {
            self.removed.insert(name.to_owned(), durable);
        }
        Ok(())
    }
}

impl Content {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { durable: Some(bytes.clone()), live: bytes, pending: Vec::new() }
    }

    fn sync(&mut self) {
        self.durable = Some(self.live.clone());
        self.pending.clear();
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.live, at, bytes);
    }
}

fn put(into: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if into.len() < at + bytes.len() {
        into.resize(at + bytes.len(), 0);
    }
    into[at..at + bytes.len()].copy_from_slice(bytes);
}

/// What the medium has of a file after the power went.
fn survivors(file: Content, keep: u64, chance: &mut Rng) -> Vec<u8> {
    let mut image = file.durable.unwrap_or_default();
    let mut pending = file.pending;
    if chance.chance(50) {
        // The cache of a disk writes in the order it likes.
        chance.shuffle(&mut pending);
    }
    for change in pending {
        match change {
            Change::Length(len) => {
                if chance.between(1, 8) <= keep {
                    image.resize(len, 0);
                }
            }
            Change::Write { at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = (((at + from) / SECTOR + 1) * SECTOR - at).min(bytes.len());
                    let mut sector = bytes[from..to].to_vec();
                    if chance.chance(2) {
                        let torn = chance.below(sector.len());
                        sector.truncate(torn);
                    } else if chance.chance(1) {
                        sector.fill_with(|| chance.bits().to_be_bytes()[0]);
                    }
                    if chance.between(1, 8) <= keep {
                        put(&mut image, at + from, &sector);
                    }
                    from = to;
                }
            }
        }
    }
    image
}
