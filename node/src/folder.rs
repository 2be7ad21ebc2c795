//! The data folder of one node: what lies where in it, and that only one process uses it.
//!
//! ```text
//! ledger.db      blocks and state            node.toml   settings, nothing secret
//! people.db      the vault                   turn        which copy of this folder is the living one (see `guard`)
//! people.keys    its data keys               copy-…      keys of another site's people, kept for it, sealed twice
//! keys.annona    sealed keys                 lock        the number of the process that holds the folder
//! run.toml       what `annona run` does      run.sock    there while it runs: commands ask it for the folder
//! letters/       papers for one node alone (see `letters`)
//! carried/       parts of bundles for others (see `bundle::courier`)
//! ```

pub mod loan;

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::disk::DiskFault;

/// Blocks and derived state.
pub const LEDGER: &str = "ledger.db";
/// The vault of people.
pub const PEOPLE: &str = "people.db";
/// The sealed register of printed cards.
pub const CARDS: &str = "cards.annona";
/// The PINs of households, and how often each was tried.
pub const PINS: &str = "pins.db";
/// The sealed key file.
pub const KEYS: &str = "keys.annona";
/// By what two of several operators open the key file. **Never part of a backup.**
pub const SHARES: &str = "shares.annona";
/// Settings.
pub const SETTINGS: &str = "node.toml";
/// Which copy of the folder is the living one. **Never part of a backup**: that is how a restored one is known.
pub const TURN: &str = "turn";
/// Held while a process uses the folder.
pub const LOCK: &str = "lock";
/// Where a process that runs is asked for things.
pub const SOCKET: &str = "run.sock";
/// There while a folder is being made: what lies beside it is nobody's yet, and the next attempt begins anew.
const MAKING: &str = "unfinished";
/// What is in it: a folder of somebody's with a file of that name is not ours to empty.
const MARK: &[u8] = b"annona: this folder is being made\n";

/// Why a data folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    /// Another process holds it.
    #[error(
        "another annona process{} holds {}. Wait until it is done, or stop it, and run the same command again.",
        pid.map(|p| format!(" (pid {p})")).unwrap_or_default(),
        path.display()
    )]
    Held {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// The path is something else than an annona folder.
    #[error("{} is not an annona data folder. Check the path, or make one there with `annona init`.", path.display())]
    NotOurs {
        /// The path.
        path: PathBuf,
    },
    /// It was being made when the process ended.
    #[error("{} is only half made: its making was interrupted. Run that command again (`annona init` or `annona restore`); it begins anew.", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// A new folder was asked for where there is something already.
    #[error("{} is not empty. Choose a new path; nothing was changed.", path.display())]
    NotEmpty {
        /// The path.
        path: PathBuf,
    },
    /// A process that runs holds it, and cannot lend it now.
    #[error("the node that runs in {} does not lend its folder: {why}. Look at `annona status`, or stop it and run the same command again.", path.display())]
    NotLent {
        /// The folder.
        path: PathBuf,
        /// What it says.
        why: String,
    },
    /// The disk does not do what is asked.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// A data folder, held by this process until dropped.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    lock: File,
    /// Open while the folder is lent to this process by one that runs.
    loan: Option<loan::Loan>,
}

fn is_being_made(path: &Path) -> bool {
    atomic::read(&path.join(MAKING), MARK.len()).is_ok_and(|found| *found == MARK)
}

impl Folder {
    /// Makes a folder that only its owner can enter, and holds it.
    ///
    /// # Errors
    ///
    /// [`FolderFault::NotEmpty`] where there is something in it already; [`FolderFault::Disk`].
    pub fn create(path: &Path) -> Result<Self, FolderFault> {
        let folder = Self::begin(path)?;
        folder.finish()?;
        Ok(folder)
    }

    /// Begins to make a folder, or begins anew where that was interrupted. Until [`Folder::finish`] it is none.
    ///
    /// # Errors
    ///
    /// [`FolderFault::NotEmpty`] where there is something in it already, [`FolderFault::Held`] where somebody else is at
    /// it; [`FolderFault::Disk`].
    pub fn begin(path: &Path) -> Result<Self, FolderFault> {
        atomic::private_folder(path)?;
        Self::vacant(path)?;
        let folder = Self::hold(path)?;
        // Who held it a moment ago may have finished it since.
        Self::vacant(path)?;
        if is_being_made(path) {
            for entry in fs::read_dir(path).map_err(|e| DiskFault::io("list", path, e))? {
                let entry = entry.map_err(|e| DiskFault::io("list", path, e))?;
                if entry.file_name() != MAKING && entry.file_name() != LOCK {
                    let left = entry.path();
                    fs::remove_file(&left).map_err(|e| DiskFault::io("remove", &left, e))?;
                }
            }
        } else {
            // What a process has left that was killed before it could say that it makes a folder.
            atomic::sweep(&path.join(MAKING))?;
            atomic::write(&path.join(MAKING), MARK)?;
        }
        Ok(folder)
    }

    /// Whether [`Folder::begin`] would make a folder here. Nothing is made, and nobody is asked who may be at it.
    ///
    /// # Errors
    ///
    /// [`FolderFault::NotEmpty`] where there is something in it; [`FolderFault::Disk`] where it cannot be read.
    pub fn vacant(path: &Path) -> Result<(), FolderFault> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(DiskFault::io("list", path, e).into()),
        };
        // A lock, and a mark half written, are what one leaves that was killed as it began.
        let ours = |name: &OsStr| name == LOCK || atomic::is_leftover(name, MAKING);
        let filled = entries
            .map(|entry| entry.map_err(|e| DiskFault::io("list", path, e)))
            .find(|entry| entry.as_ref().map_or(true, |entry| !ours(&entry.file_name())))
            .transpose()?
            .is_some();
        if filled && !is_being_made(path) {
            return Err(FolderFault::NotEmpty { path: path.to_owned() });
        }
        Ok(())
    }

    /// The folder is made: everything in it is whole and durable.
    ///
    /// # Errors
    ///
    /// [`FolderFault::Disk`].
    pub fn finish(&self) -> Result<(), FolderFault> {
        let making = self.file(MAKING);
        fs::remove_file(&making)
            .and_then(|()| atomic::sync_folder(Some(&self.root)))
            .map_err(|e| DiskFault::io("remove", &making, e).into())
    }

    /// Holds a folder that was made before.
    ///
    /// # Errors
    ///
    /// [`FolderFault::Unfinished`], [`FolderFault::NotOurs`], then [`FolderFault::Held`]; [`FolderFault::Disk`] where the
    /// path cannot be read.
    pub fn open(path: &Path) -> Result<Self, FolderFault> {
        if is_being_made(path) {
            return Err(FolderFault::Unfinished { path: path.to_owned() });
        }
        match fs::metadata(path.join(LOCK)) {
            Ok(found) if found.is_file() => Self::hold(path),
            Ok(_) => Err(FolderFault::NotOurs { path: path.to_owned() }),
            Err(e)
                if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Err(FolderFault::NotOurs { path: path.to_owned() })
            }
            Err(e) => Err(DiskFault::io("open", path, e).into()),
        }
    }

    fn hold(path: &Path) -> Result<Self, FolderFault> {
        let root = fs::canonicalize(path).map_err(|e| DiskFault::io("open", path, e))?;
        let lock = |root: &Path| {
            hold(&root.join(LOCK)).map_err(|e| FolderFault::from(DiskFault::io("lock", path, e)))
        };
        let pid = match lock(&root)? {
            Ok(lock) => return Ok(Self { root, lock, loan: None }),
            Err(pid) => pid,
        };
        let held = || FolderFault::Held { path: path.to_owned(), pid };
        let loan = loan::ask(&root)?.ok_or_else(held)?;
        // Somebody who asked nobody may have been faster; whoever it is will soon be done.
        for _ in 0..loan::TRIES {
            if let Ok(lock) = lock(&root)? {
                return Ok(Self { root, lock, loan: Some(loan) });
            }
            std::thread::sleep(loan::PAUSE);
        }
        Err(held())
    }

    /// Whether a node that runs has lent it: it takes it back.
    #[must_use]
    pub const fn is_on_loan(&self) -> bool {
        self.loan.is_some()
    }

    /// Lets another process hold the folder until [`Folder::retake`].
    pub(crate) fn release(&self) -> Result<(), FolderFault> {
        self.lock.unlock().map_err(|e| DiskFault::io("unlock", &self.root, e).into())
    }

    /// Gives it to whoever wants it, and back to the node that lent it.
    pub(crate) fn let_go(&mut self) -> Result<(), FolderFault> {
        self.release()?;
        self.loan = None;
        Ok(())
    }

    /// Holds it again as [`Folder::open`] does, waiting for other commands to be done, and for a node that does not lend it
    /// now, for as long as `waits` says: whoever asks has taken something in that nobody else will answer.
    pub(crate) fn hold_again(&mut self, waits: &dyn Fn() -> bool) -> Result<(), FolderFault> {
        loop {
            let pause = match Self::hold(&self.root) {
                Err(FolderFault::Held { .. }) if waits() => loan::PAUSE,
                Err(FolderFault::NotLent { .. }) if waits() => loan::ASKED,
                held => {
                    *self = held?;
                    return Ok(());
                }
            };
            std::thread::sleep(pause);
        }
    }

    /// Holds it again, once nobody else does.
    pub(crate) fn retake(&self) -> Result<(), FolderFault> {
        self.lock.lock().map_err(|e| DiskFault::io("lock", &self.root, e))?;
        let mut lock = &self.lock;
        // As in `hold`: the number is for people.
        drop(lock.set_len(0).and_then(|()| lock.rewind()));
        drop(writeln!(lock, "{}", std::process::id()));
        Ok(())
    }

    /// The folder, as an absolute path without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file in it, by one of the names above.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Takes the lock of a file, making it if need be, and writes this process's number into it.
///
/// The inner error is the number of the process that has it. The system gives the lock back when a process ends, however
/// it ends, so a file left behind by `kill -9` holds nobody up.
pub(crate) fn hold(path: &Path) -> io::Result<Result<File, Option<u32>>> {
    let mut file =
        atomic::private().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // On Windows a locked file cannot be read: then the number stays unknown.
            let read = (&mut file).take(16).read_to_string(&mut text);
            return Ok(Err(read.ok().and_then(|_| text.trim().parse().ok())));
        }
        Err(TryLockError::Error(e)) => return Err(e),
    }
    file.set_len(0)?;
    file.rewind()?;
    // The number is for people; the lock is what counts, and a full disk must not keep a site from serving.
    drop(writeln!(file, "{}", std::process::id()));
    Ok(Ok(file))
}

/// Keeps this process from leaving its memory on disk when it crashes: opened records and keys would be in it.
///
/// Does nothing where the system is not Unix.
///
/// # Errors
///
/// What the system says against it.
pub fn forbid_core_dumps() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        // A limit of zero does not stop dumps that are piped to a collecting program; this does.
        #[cfg(target_os = "linux")]
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_and_the_second_is_told_who() {
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("site-a");
        let held = Folder::create(&path).expect("create");
        // A lock belongs to an open file, so a second opening in the same process is refused as another process is.
        let told = Folder::open(&path).expect_err("held");
        assert!(matches!(told, FolderFault::Held { pid: Some(p), .. } if p == std::process::id()));
        let text = told.to_string();
        assert!(text.starts_with(&format!("another annona process (pid {})", std::process::id())));
        drop(held);
        let again = Folder::open(&path).expect("free again");
        assert_eq!(again.file(KEYS), again.root().join("keys.annona"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |p: &Path| fs::metadata(p).expect("metadata").permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&path.join(LOCK))), (0o700, 0o600));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_lent_to_who_asks_and_taken_back() {
        use std::io::{BufRead, BufReader};
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("site-a");
        let held = Folder::create(&path).expect("create");
        let listener = std::os::unix::net::UnixListener::bind(held.file(SOCKET)).expect("socket");
        let lender = std::thread::spawn(move || {
            let mut asked = String::new();
            for answer in ["not now", loan::YOURS] {
                let (mut stream, _) = listener.accept().expect("asked");
                asked.clear();
                BufReader::new(&stream).read_line(&mut asked).expect("a line");
                if answer == loan::YOURS {
                    held.release().expect("released");
                }
                writeln!(stream, "{answer}").expect("answered");
                if answer == loan::YOURS {
                    assert_eq!(stream.read(&mut [0; 8]).expect("closed"), 0, "until it is done");
                    held.retake().expect("taken back");
                }
            }
            (held, asked)
        });
        let refused = Folder::open(&path).expect_err("not now");
        assert!(matches!(&refused, FolderFault::NotLent { why, .. } if why == "not now"));
        let lent = Folder::open(&path).expect("lent");
        drop(lent);
        let (held, asked) = lender.join().expect("lender");
        assert_eq!(asked.trim(), format!("lend {}", std::process::id()));
        assert!(matches!(Folder::open(&path), Err(FolderFault::Held { .. })), "nobody listens");
        drop(held);
    }

    #[test]
    fn a_folder_that_was_given_away_is_waited_for_for_as_long_as_that_is_wanted() {
        use std::cell::{Cell, RefCell};
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("site-a");
        let mut own = Folder::create(&path).expect("create");
        own.let_go().expect("let go");
        let (other, asked) = (RefCell::new(Some(Folder::open(&path).expect("free"))), Cell::new(0));
        let waits = || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                drop(other.take());
            }
            true
        };
        own.hold_again(&waits).expect("held once it is free");
        assert_eq!(asked.get(), 3);
        own.let_go().expect("let go");
        let held = Folder::open(&path).expect("free");
        assert!(matches!(own.hold_again(&|| false), Err(FolderFault::Held { .. })));
        drop(held);
        own.hold_again(&|| false).expect("free");
    }

    #[cfg(unix)]
    #[test]
    fn a_node_that_does_not_lend_it_now_is_asked_again() {
        use std::io::{BufRead, BufReader};
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("site-a");
        let mut own = Folder::create(&path).expect("create");
        own.let_go().expect("let go");
        let held = Folder::open(&path).expect("free");
        let listener = std::os::unix::net::UnixListener::bind(held.file(SOCKET)).expect("socket");
        let lender = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("asked");
            BufReader::new(&stream).read_line(&mut String::new()).expect("a line");
            // It stops: whoever asks again finds the folder free.
            drop((listener, held));
            writeln!(stream, "not now").expect("answered");
        });
        own.hold_again(&|| true).expect("asked again");
        lender.join().expect("lender");
    }

    #[test]
    fn what_is_not_a_data_folder_is_not_used() {
        let parent = tempfile::tempdir().expect("folder");
        fs::write(parent.path().join("thesis.odt"), b"mine").expect("write");
        assert!(matches!(Folder::create(parent.path()), Err(FolderFault::NotEmpty { .. })));
        assert!(matches!(Folder::open(parent.path()), Err(FolderFault::NotOurs { .. })));
        let file = parent.path().join("thesis.odt");
        assert!(matches!(Folder::open(&file), Err(FolderFault::NotOurs { .. })), "a file");
        assert!(matches!(Folder::create(&file), Err(FolderFault::Disk(_))), "a file");
        let nothing = parent.path().join("nothing");
        assert!(matches!(Folder::open(&nothing), Err(FolderFault::NotOurs { .. })));
        assert!(!nothing.exists(), "opening makes nothing");
    }

    #[test]
    fn a_making_that_was_interrupted_begins_anew() {
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("site-a");
        drop(Folder::begin(&path).expect("begin"));
        fs::write(path.join(KEYS), b"half").expect("write");
        assert!(matches!(Folder::open(&path), Err(FolderFault::Unfinished { .. })));
        let again = Folder::begin(&path).expect("again");
        assert!(!again.file(KEYS).exists(), "nothing of the first attempt");
        assert!(matches!(Folder::begin(&path), Err(FolderFault::Held { .. })), "one at a time");
        fs::write(path.join(KEYS), b"whole").expect("write");
        again.finish().expect("finish");
        drop(again);
        assert!(matches!(Folder::create(&path), Err(FolderFault::NotEmpty { .. })));
        drop(Folder::open(&path).expect("made"));
    }

    /// Each holds the folder before it looks what lies there: a mark set by the second over what the first has finished
    /// would have it all thrown away by the third.
    #[test]
    fn of_many_that_begin_at_once_one_makes_the_folder() {
        let parent = tempfile::tempdir().expect("folder");
        for round in 0..20 {
            let path = parent.path().join(format!("site-{round}"));
            let begun: Vec<_> = std::thread::scope(|scope| {
                let makers = [0; 8].map(|_| {
                    scope.spawn(|| {
                        let folder = Folder::begin(&path)?;
                        atomic::write(&folder.file(KEYS), b"keys").expect("written");
                        folder.finish()
                    })
                });
                makers.map(|maker| maker.join().expect("ended")).into()
            });
            assert_eq!(begun.iter().filter(|made| made.is_ok()).count(), 1, "{begun:?}");
            let told = |fault: &FolderFault| {
                matches!(fault, FolderFault::Held { .. } | FolderFault::NotEmpty { .. })
            };
            assert!(begun.iter().all(|made| made.as_ref().err().is_none_or(told)), "{begun:?}");
            drop(Folder::open(&path).expect("made"));
            assert_eq!(fs::read(path.join(KEYS)).expect("kept"), b"keys");
        }
    }

    #[test]
    fn what_was_killed_as_it_began_is_in_nobodys_way() {
        let parent = tempfile::tempdir().expect("folder");
        fs::write(parent.path().join(LOCK), b"4711\n").expect("write");
        fs::write(parent.path().join(".unfinished.0123456789abcdef.annona-tmp"), b"")
            .expect("write");
        drop(Folder::create(parent.path()).expect("made"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn core_dumps_are_off_once_forbidden() {
        forbid_core_dumps().expect("allowed");
        let limits = fs::read_to_string("/proc/self/limits").expect("limits");
        let line = limits.lines().find(|l| l.starts_with("Max core file size")).expect("line");
        assert_eq!(line.split_whitespace().nth(4), Some("0"), "{line}");
    }
}
