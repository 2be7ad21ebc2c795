//! The restore guard: how a node knows that its own folder is older than what it has signed.
//!
//! A node restored from a backup would sign again at places where it has signed before, and that is a fork. So each node
//! remembers its heads in a file *outside every data folder and backup*, written after each seal is durable and before
//! the block leaves, at each export and at each clean stop. At start the folder is compared with it:
//!
//! ```text
//! annona heads 1
//! node 5f1c…          the node's key
//! incarnation 8e20…   which life of the node this is
//! turn 77d3…          which copy of the data folder is the living one
//! head 1 3 812 a41b…  lane 1, programme 3: 812 entries sealed, and the accumulator after the last of them
//! sum 90aa…           of the lines above
//! ```
//!
//! Heads alone do not see what is between the last seal and a crash, nor a copy with the same heads. Hence the *turn*: a
//! random number that the folder and this file share and that changes before the node first signs after a start, and when it
//! stops. A copy taken before has an old turn, whatever its heads. Backups leave the folder's turn out, so that a restored one
//! has none. Who only looks takes no turn: a copy that somebody checks stays a copy.

mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::key::PublicKey;

use crate::atomic;
use crate::disk::{DiskFault, DiskTrouble};
use crate::folder::{self, Folder, TURN};
use crate::seal::{self, SealError};
pub(crate) use file::hex;
use file::{Heads, Turn};

/// The most feeds one node's head file names: four lanes of the programmes a certificate can list, and room to spare.
pub const MAX_FEEDS: usize = 512;

/// How far one feed of this node is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The feed's lane.
    pub lane: Lane,
    /// The feed's programme, or zero on the control lane.
    pub programme: ProgrammeId,
    /// How many entries are sealed: the index the next block begins at.
    pub sealed: u64,
    /// The accumulator after the last sealed entry.
    pub head: Hash,
}

impl Mark {
    /// Which feed this is of.
    fn feed(&self) -> (Lane, ProgrammeId) {
        (self.lane, self.programme)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} feed of programme {}", self.lane, self.programme)
    }
}

/// Why this node may not sign. Prints with what to do.
#[derive(Debug, thiserror::Error)]
pub enum GuardFault {
    /// There is no head file for this node on this machine.
    #[error(
        "this machine has no memory of what this node has signed ({} is missing): the folder was restored or copied here, or the file was deleted. {NEVER_AGAIN}",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The folder's feed ends before what was signed.
    #[error(
        "this folder is older than this node's own memory: its {remembered} ends at entry {folder}, but {} entries are signed. It was restored from a backup or copied. {NEVER_AGAIN}",
        remembered.sealed
    )]
    Behind {
        /// What the head file says.
        remembered: Mark,
        /// How many sealed entries the folder has.
        folder: u64,
    },
    /// The folder's feed reaches the signed place with other entries.
    #[error(
        "this folder's {remembered} has other entries than the {} this node remembers signing. {NEVER_AGAIN}",
        remembered.sealed
    )]
    Diverged {
        /// What the head file says.
        remembered: Mark,
    },
    /// Somebody else holds entries signed with this node's key that the folder does not have.
    #[error(
        "others hold entries of this node's {feed} up to {theirs}, this folder has {folder}: it was restored from an older copy. {NEVER_AGAIN}"
    )]
    Ahead {
        /// The feed.
        feed: annona_ledger::id::FeedRef,
        /// How many entries others can show.
        theirs: u64,
        /// How many sealed entries the folder had.
        folder: u64,
    },
    /// The folder is not the one this node last ran in, or is an earlier copy of it.
    #[error(
        "{} is not the living copy of this node's folder ({} is gone, or another's): it was restored from a backup, or the node has run in another copy since. If that other copy exists, go on with it. Otherwise: {NEVER_AGAIN}",
        folder.display(),
        folder.join(TURN).display()
    )]
    OtherFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// What this node wrote last is damaged in its folder.
    #[error(
        "this node's own ledger is damaged: {place}. Nothing is signed on top of that. Copy the whole folder to another disk \
         first; `annona doctor --full` tells what else is lost, and `annona node reincarnate` makes this folder a new node that \
         takes back from the others what it wrote before."
    )]
    Damaged {
        /// Where.
        place: String,
    },
    /// A file is there and is not whole.
    #[error("{} cannot be relied on: {why}. {NEVER_AGAIN}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The head file would lie where a backup or a copy takes it along.
    #[error(
        "the heads must lie outside every data folder, and {} is inside {}. Choose another place with --heads.",
        heads.display(), folder.display()
    )]
    Inside {
        /// Where the heads were to lie.
        heads: PathBuf,
        /// The data folder around it.
        folder: PathBuf,
    },
    /// There is no place to keep heads in.
    #[error(
        "neither XDG_STATE_HOME nor HOME names a folder. Name one, outside every data folder, with --heads."
    )]
    Nowhere,
    /// This machine remembers this node already.
    #[error("this machine already has a memory of this node in {}. A node is begun once.", path.display())]
    Exists {
        /// The head file.
        path: PathBuf,
    },
    /// Another process signs with this node's key.
    #[error(
        "another annona process{} signs with this node's key from another folder. Stop it first.",
        pid.map(|p| format!(" (pid {p})")).unwrap_or_default()
    )]
    Held {
        /// Its number, where it could be read.
        pid: Option<u32>,
    },
    /// What was to be remembered lies before what is remembered. A fault of this program: nothing was written.
    #[error("refused to remember {asked} at {} when {} entries are signed", asked.sealed, remembered.sealed)]
    Lower {
        /// What is remembered.
        remembered: Mark,
        /// What was asked for.
        asked: Mark,
    },
    /// It only tries what would happen.
    #[error("a dry run signs nothing")]
    Rehearsal,
    /// More feeds than one node can have.
    #[error("a node has at most {MAX_FEEDS} feeds")]
    TooMany,
    /// No randomness for a new turn.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The file could not be read or written; until it is, nothing is signed.
    #[error("{0} Until then this node signs nothing.")]
    Disk(#[from] DiskFault),
}

const NEVER_AGAIN: &str = "It will not sign, because signing twice at one place forks the ledger. \
     Run `annona node reincarnate` to return as a new node; nothing that was signed is lost";

/// A node's own memory of what it has signed, opened and not yet compared with a folder.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    heads: Heads,
    folder: PathBuf,
    _lock: File,
}

impl Guard {
    /// Where heads are kept unless said otherwise: `$XDG_STATE_HOME/annona/heads` or `~/.local/state/annona/heads`.
    ///
    /// # Errors
    ///
    /// [`GuardFault::Nowhere`] where neither variable holds an absolute path.
    pub fn default_place() -> Result<PathBuf, GuardFault> {
        place_in(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
            .ok_or(GuardFault::Nowhere)
    }

    /// Begins the memory of a new node, or of a new incarnation, and marks the folder as its living copy.
    ///
    /// # Errors
    ///
    /// [`GuardFault::Inside`], [`GuardFault::Held`], [`GuardFault::Exists`], tested in this order; or the disk.
    pub fn create(
        place: &Path,
        node: &PublicKey,
        incarnation: [u8; 16],
        folder: &Folder,
    ) -> Result<Self, GuardFault> {
        atomic::private_folder(place)?;
        let (path, lock) = hold(place, node, folder)?;
        if path.try_exists().map_err(|e| DiskFault::io("create", &path, e))? {
            return Err(GuardFault::Exists { path });
        }
        let now: [u8; 16] = seal::random()?;
        Turn { now, next: now }.write(&folder.file(TURN))?;
        let heads = Heads { node: name(node), incarnation, turn: now, marks: Vec::new() };
        heads.write(&path)?;
        Ok(Self { path, heads, folder: folder.root().to_owned(), _lock: lock })
    }

    /// Opens the memory of a node.
    ///
    /// # Errors
    ///
    /// [`GuardFault::Missing`], [`GuardFault::Inside`], [`GuardFault::Held`], [`GuardFault::Unreadable`]; or the disk.
    pub fn open(place: &Path, node: &PublicKey, folder: &Folder) -> Result<Self, GuardFault> {
        let missing = || GuardFault::Missing { path: path_of(place, node) };
        if !place.try_exists().map_err(|e| DiskFault::io("read", place, e))? {
            return Err(missing());
        }
        let (path, lock) = hold(place, node, folder)?;
        atomic::sweep(&path)?;
        atomic::sweep(&folder.file(TURN))?;
        let heads = match Heads::read(&path) {
            Err(GuardFault::Disk(e)) if e.trouble() == DiskTrouble::Missing => {
                return Err(missing());
            }
            other => other?,
        };
        if heads.node != name(node) {
            return Err(GuardFault::Unreadable { path, why: "it is another node's" });
        }
        Ok(Self { path, heads, folder: folder.root().to_owned(), _lock: lock })
    }

    /// Which life of the node this memory is of.
    #[must_use]
    pub fn incarnation(&self) -> [u8; 16] {
        self.heads.incarnation
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the node remembers, in order of lane and programme.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.heads.marks
    }

    /// Says whether this folder may sign; changes nothing.
    ///
    /// `claimed` is where the folder's feeds end; `head_at(lane, programme, sealed)` is the accumulator the folder has at
    /// an earlier block boundary, or `None`. A folder ahead of the memory is in order if it passes through it: a crash
    /// between the commit of a block and the writing of this file leaves it so.
    ///
    /// # Errors
    ///
    /// [`GuardFault::Behind`], [`GuardFault::Diverged`], then [`GuardFault::OtherFolder`].
    pub fn check(
        &self,
        claimed: &[Mark],
        head_at: impl Fn(Lane, ProgrammeId, u64) -> Option<Hash>,
    ) -> Result<(), GuardFault> {
        compare(&self.heads.marks, claimed, head_at)?;
        let other = || GuardFault::OtherFolder { folder: self.folder.clone() };
        let turn = match Turn::read(&self.folder.join(TURN)) {
            Err(GuardFault::Disk(e)) if e.trouble() == DiskTrouble::Missing => return Err(other()),
            read => read?,
        };
        if turn.allows(&self.heads.turn) { Ok(()) } else { Err(other()) }
    }

    /// Checks. Only what comes out of here can sign, once it has begun to; nothing is written so far.
    ///
    /// # Errors
    ///
    /// As [`Guard::check`].
    pub fn arm(
        self,
        claimed: &[Mark],
        head_at: impl Fn(Lane, ProgrammeId, u64) -> Option<Hash>,
    ) -> Result<Armed, GuardFault> {
        self.check(claimed, head_at)?;
        Ok(Armed { guard: self, begun: false })
    }
}

/// A guard whose folder has been found to be the living one.
#[derive(Debug)]
pub struct Armed {
    guard: Guard,
    /// Whether it has its own turn: from then on no other copy of the folder signs.
    begun: bool,
}

impl Armed {
    /// Whether this life of the folder has begun to sign.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the memory has all of these marks.
    #[must_use]
    pub fn knows(&self, marks: &[Mark]) -> bool {
        marks.iter().all(|mark| self.guard.heads.marks.contains(mark))
    }

    /// Before anything is signed: takes a turn of its own and remembers where the folder stands. From here on every copy of
    /// the folder is an old one. Done once; after that it costs nothing.
    ///
    /// # Errors
    ///
    /// As [`Armed::remember`]; then nothing may be signed.
    pub fn begin(&mut self, marks: &[Mark]) -> Result<(), GuardFault> {
        if !self.begun {
            self.turn(marks)?;
            self.begun = true;
        }
        Ok(())
    }

    /// Remembers that feeds are sealed up to here; feeds not named keep their mark.
    ///
    /// Call it after the block is durable in the folder and before any byte of it leaves the node.
    ///
    /// # Errors
    ///
    /// [`GuardFault::Lower`] or [`GuardFault::TooMany`] with nothing written; [`GuardFault::Disk`], and then the block
    /// must not leave: call it again.
    pub fn remember(&mut self, marks: &[Mark]) -> Result<(), GuardFault> {
        self.begin(marks)?;
        let marks = raise(&self.guard.heads.marks, marks)?;
        if marks != self.guard.heads.marks {
            self.keep(Heads { marks, ..self.guard.heads.clone() })?;
        }
        Ok(())
    }

    /// Remembers the last marks at a clean stop and begins a new turn, so that copies taken while the node ran are old. Who
    /// signed nothing changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Armed::remember`].
    pub fn close(mut self, marks: &[Mark]) -> Result<(), GuardFault> {
        if self.begun { self.turn(marks) } else { Ok(()) }
    }

    /// The memory itself.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Folder first: it then names the old turn and the new one, and is the living copy whichever this file still has.
    fn turn(&mut self, marks: &[Mark]) -> Result<(), GuardFault> {
        let marks = raise(&self.guard.heads.marks, marks)?;
        let next: [u8; 16] = seal::random()?;
        Turn { now: self.guard.heads.turn, next }.write(&self.guard.folder.join(TURN))?;
        self.keep(Heads { turn: next, marks, ..self.guard.heads.clone() })
    }

    fn keep(&mut self, heads: Heads) -> Result<(), GuardFault> {
        heads.write(&self.guard.path)?;
        self.guard.heads = heads;
        Ok(())
    }
}

/// Compares what is remembered with what a folder has. Feeds only the folder has are new since.
fn compare(
    remembered: &[Mark],
    claimed: &[Mark],
    head_at: impl Fn(Lane, ProgrammeId, u64) -> Option<Hash>,
) -> Result<(), GuardFault> {
    for &mark in remembered {
        let found = claimed.iter().find(|c| c.feed() == mark.feed());
        let folder = found.map_or(0, |c| c.sealed);
        if folder < mark.sealed {
            return Err(GuardFault::Behind { remembered: mark, folder });
        }
        let there = match found {
            Some(c) if c.sealed == mark.sealed => Some(c.head),
            _ if mark.sealed == 0 => Some(mark.head),
            _ => head_at(mark.lane, mark.programme, mark.sealed),
        };
        if there != Some(mark.head) {
            return Err(GuardFault::Diverged { remembered: mark });
        }
    }
    Ok(())
}

/// The marks after `asked`: never lower, and at the same place only the same head. In order of lane and programme.
fn raise(remembered: &[Mark], asked: &[Mark]) -> Result<Vec<Mark>, GuardFault> {
    let mut marks = remembered.to_vec();
    for &mark in asked {
        match marks.iter_mut().find(|m| m.feed() == mark.feed()) {
            Some(m)
                if mark.sealed < m.sealed || (mark.sealed == m.sealed && mark.head != m.head) =>
            {
                return Err(GuardFault::Lower { remembered: *m, asked: mark });
            }
            Some(m) => *m = mark,
            None => marks.push(mark),
        }
    }
    if marks.len() > MAX_FEEDS {
        return Err(GuardFault::TooMany);
    }
    marks.sort_by_key(Mark::feed);
    Ok(marks)
}

/// What a node's files are called by: a hash of its key.
fn name(node: &PublicKey) -> [u8; 32] {
    let PublicKey::Ed25519(key) = node;
    hash(Purpose::Lookup, &[b"head file", key]).0
}

fn path_of(place: &Path, node: &PublicKey) -> PathBuf {
    place.join(format!("{}.heads", Hash(name(node))))
}

/// Takes the lock of a node's head file, which must not lie in any data folder.
fn hold(place: &Path, node: &PublicKey, folder: &Folder) -> Result<(PathBuf, File), GuardFault> {
    let real = std::fs::canonicalize(place).map_err(|e| DiskFault::io("open", place, e))?;
    let around = real.ancestors().find(|a| *a == folder.root() || a.join(folder::KEYS).exists());
    if let Some(around) = around {
        return Err(GuardFault::Inside { heads: real.clone(), folder: around.to_owned() });
    }
    let path = path_of(&real, node);
    let lock = folder::hold(&path.with_extension("lock"))
        .map_err(|e| DiskFault::io("lock", &path, e))?
        .map_err(|pid| GuardFault::Held { pid })?;
    Ok((path, lock))
}

fn place_in(
    state: Option<std::ffi::OsString>,
    home: Option<std::ffi::OsString>,
) -> Option<PathBuf> {
    // The XDG Base Directory Specification has relative paths ignored.
    let absolute = |p: std::ffi::OsString| Some(PathBuf::from(p)).filter(|p| p.is_absolute());
    state
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")))
        .map(|state| state.join("annona/heads"))
}
