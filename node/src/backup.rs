//! A sealed copy of a data folder: ledger, person file without its data keys, key file, settings.
//!
//! ```text
//! "annona backup 1\n"   16 bytes
//! memory, passes, salt   4 + 4 + 16, little-endian: what one guess at the passphrase costs (Argon2id)
//! chunks                 last (1) ‖ length (4, little-endian) ‖ sealed; together one stream (see `seal`)
//! ```
//!
//! The stream holds `name length (1) ‖ name ‖ size (8, little-endian) ‖ bytes` for each file, then a name of no length.
//! The mark of the living copy (`turn`) is never part of it: that is how a restored folder is known to be one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::atomic;
use crate::disk::DiskFault;
use crate::folder::{CARDS, Folder, KEYS, LEDGER, PEOPLE, PINS, SETTINGS};
use crate::keystore::normal;
use crate::seal::{Cost, SealError, Stream, random};
use crate::sink::Sink;

const MAGIC: &[u8; 16] = b"annona backup 1\n";
const HEADER: usize = 16 + 4 + 4 + 16;
/// Bytes of one chunk before it is sealed.
const CHUNK: usize = 1 << 20;
/// The data keys of the person file, in a backup of their own.
pub const PEOPLE_KEYS: &str = "people.keys";

/// The names a backup may hold: a hostile one cannot write anywhere else.
const NAMES: [&str; 6] = [LEDGER, PEOPLE, KEYS, SETTINGS, CARDS, PINS];

/// Why a backup could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// The file is something else.
    #[error("this is no annona backup. Check the path.")]
    NotABackup,
    /// The passphrase is another, or the bytes were changed or cut.
    #[error(
        "the backup does not open: the passphrase is another one (that of the time it was made), or the file was changed or cut short."
    )]
    DoesNotOpen,
    /// The file of people's keys where a backup should be, or the other way round.
    #[error(
        "this is the other of the two files: a backup, and the keys of its people's records. Check the paths."
    )]
    OtherFile,
    /// What was sealed is not what a backup holds.
    #[error("the backup holds something this program does not know: use a newer annona.")]
    Unknown,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// What a backup is gathered from, beside what it copies.
const SCRATCH: [&str; 5] = [LEDGER, PEOPLE, PEOPLE_KEYS, KEYS, CARDS];

/// Where a copy of a file of the folder lies while a backup is made.
#[must_use]
pub fn scratch(folder: &Folder, name: &str) -> PathBuf {
    folder.file(&format!("{name}.copy"))
}

/// Destroys what a backup is gathered from, or what is left of it where that was interrupted: keys of people lie in it.
///
/// # Errors
///
/// [`DiskFault`] where something of it may still be there.
pub fn clear(folder: &Folder) -> Result<(), DiskFault> {
    for name in SCRATCH {
        let path = scratch(folder, name);
        atomic::destroy(&path)?;
        atomic::sweep(&path)?;
    }
    Ok(())
}

/// A backup that is whole and has no name yet; dropped, there is none.
pub struct Unnamed {
    new: atomic::New,
    size: u64,
}

impl Unnamed {
    /// Takes the name, durably; says how many bytes it has.
    ///
    /// # Errors
    ///
    /// [`BackupFault::Disk`], such as where there is another file of that name by now.
    pub fn named(self) -> Result<u64, BackupFault> {
        self.new.finish()?;
        Ok(self.size)
    }
}

/// Seals files into one, which appears under its name by [`Unnamed::named`]: of two that belong together, neither does
/// before both are whole.
///
/// # Errors
///
/// [`BackupFault::Disk`] where there is a file already, or no room.
pub fn write(
    to: &Path,
    files: &[(&str, &Path)],
    passphrase: &Zeroizing<String>,
    cost: Cost,
) -> Result<Unnamed, BackupFault> {
    let salt: [u8; 16] = random()?;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&cost.memory_kib.to_le_bytes());
    header.extend_from_slice(&cost.passes.to_le_bytes());
    header.extend_from_slice(&salt);
    let key = cost.key(normal(passphrase).as_bytes(), &salt)?;
    let failed = |e| DiskFault::io("write", to, e);
    let new = atomic::New::begin(to)?;
    let stream = Stream::new(&key);
    let mut out = Sealing { to: new, stream, header, held: Vec::new(), size: 0 };
    let written = out.begin().and_then(|()| {
        for (name, path) in files {
            out.file(name, path)?;
        }
        out.add(&[0]).and_then(|()| out.end())
    });
    written.map_err(|fault| match fault {
        Trouble::Read(disk) => BackupFault::from(disk),
        Trouble::Write(io) => failed(io).into(),
        Trouble::Seal(seal) => seal.into(),
    })?;
    Ok(Unnamed { new: out.to, size: out.size })
}

enum Trouble {
    Read(DiskFault),
    Write(io::Error),
    Seal(SealError),
}

struct Sealing {
    to: atomic::New,
    stream: Stream,
    header: Vec<u8>,
    held: Vec<u8>,
    size: u64,
}

impl Sealing {
    fn begin(&mut self) -> Result<(), Trouble> {
        self.size = self.header.len() as u64;
        self.to.file.write_all(&self.header).map_err(Trouble::Write)
    }

    fn file(&mut self, name: &str, path: &Path) -> Result<(), Trouble> {
        let read = |e| Trouble::Read(DiskFault::io("read", path, e));
        let mut file = File::open(path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        self.add(&[&[length], name.as_bytes(), &size.to_le_bytes()].concat())?;
        let mut left = size;
        let mut piece = Zeroizing::new(vec![0u8; 1 << 16]);
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let Some(place) = piece.get_mut(..want) else { break };
            file.read_exact(place).map_err(read)?;
            self.add(place)?;
            left -= want as u64;
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.held.extend_from_slice(bytes);
        while self.held.len() > CHUNK {
            let rest = self.held.split_off(CHUNK);
            let chunk = std::mem::replace(&mut self.held, rest);
            self.chunk(&chunk, false)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Trouble> {
        let chunk = std::mem::take(&mut self.held);
        self.chunk(&chunk, true)
    }

    fn chunk(&mut self, plain: &[u8], last: bool) -> Result<(), Trouble> {
        let sealed = self.stream.seal(&self.header, plain, last).map_err(Trouble::Seal)?;
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        let start = [&[u8::from(last)][..], &length.to_le_bytes()].concat();
        self.size += (start.len() + sealed.len()) as u64;
        let file = &mut self.to.file;
        file.write_all(&start).and_then(|()| file.write_all(&sealed)).map_err(Trouble::Write)
    }
}

/// Opens a backup into a folder that is there and empty of those files; gives the names of what came out.
///
/// # Errors
///
/// [`BackupFault`]; what was written before it stays, and is not yet a data folder.
pub fn read(
    from: &Path,
    into: &Path,
    passphrase: &Zeroizing<String>,
) -> Result<Vec<&'static str>, BackupFault> {
    open(from, Some(into), passphrase, &NAMES)
}

/// Reads a backup to its end, as [`read`] does, and keeps nothing of it; gives the names of what would come out.
///
/// # Errors
///
/// [`BackupFault`].
pub fn check(
    from: &Path,
    passphrase: &Zeroizing<String>,
) -> Result<Vec<&'static str>, BackupFault> {
    open(from, None, passphrase, &NAMES)
}

/// As [`check`], of a file of people's keys.
///
/// # Errors
///
/// [`BackupFault`].
pub fn check_people_keys(from: &Path, passphrase: &Zeroizing<String>) -> Result<(), BackupFault> {
    open(from, None, passphrase, &[PEOPLE_KEYS]).map(drop)
}

/// Opens the file of people's keys beside what [`read`] gave, as [`PEOPLE_KEYS`].
///
/// # Errors
///
/// As [`read`].
pub fn read_people_keys(
    from: &Path,
    into: &Path,
    passphrase: &Zeroizing<String>,
) -> Result<(), BackupFault> {
    open(from, Some(into), passphrase, &[PEOPLE_KEYS]).map(drop)
}

/// Opens what was sealed, into a folder or only to see that it opens.
fn open(
    from: &Path,
    into: Option<&Path>,
    passphrase: &Zeroizing<String>,
    allowed: &[&'static str],
) -> Result<Vec<&'static str>, BackupFault> {
    let failed = |e| DiskFault::io("read", from, e);
    let mut file = File::open(from).map_err(failed)?;
    let mut header = [0u8; HEADER];
    file.read_exact(&mut header).map_err(|_| BackupFault::NotABackup)?;
    let rest = header.strip_prefix(MAGIC).ok_or(BackupFault::NotABackup)?;
    let (memory, rest) = rest.split_first_chunk().ok_or(BackupFault::NotABackup)?;
    let (passes, rest) = rest.split_first_chunk().ok_or(BackupFault::NotABackup)?;
    let salt = rest.first_chunk().ok_or(BackupFault::NotABackup)?;
    let cost =
        Cost { memory_kib: u32::from_le_bytes(*memory), passes: u32::from_le_bytes(*passes) };
    let key = cost.key(normal(passphrase).as_bytes(), salt)?;
    let mut opened =
        Opening { file, stream: Stream::new(&key), header, held: Vec::new(), done: false };
    let mut names = Vec::new();
    loop {
        let [length] = opened.take::<1>()?;
        if length == 0 {
            return if opened.is_over()? { Ok(names) } else { Err(BackupFault::DoesNotOpen) };
        }
        let mut name = Vec::new();
        for _ in 0..length {
            name.extend_from_slice(&opened.take::<1>()?);
        }
        let told = |names: &[&'static str]| names.iter().find(|n| n.as_bytes() == name).copied();
        let other = told(&NAMES).or_else(|| told(&[PEOPLE_KEYS]));
        let name = match (told(allowed), other) {
            (Some(name), _) if !names.contains(&name) => name,
            (None, Some(_)) => return Err(BackupFault::OtherFile),
            _ => return Err(BackupFault::Unknown),
        };
        let path = into.map(|into| into.join(name)).unwrap_or_default();
        let write = |e| DiskFault::io("write", &path, e);
        let mut out = match into {
            Some(_) => Sink::File(
                atomic::private().write(true).create_new(true).open(&path).map_err(write)?,
            ),
            None => Sink::nothing(),
        };
        let mut left = u64::from_le_bytes(opened.take::<8>()?);
        while left > 0 {
            let bytes = opened.some(left)?;
            out.write_all(&bytes).map_err(write)?;
            left -= bytes.len() as u64;
        }
        out.sync().map_err(write)?;
        names.push(name);
    }
}

struct Opening {
    file: File,
    stream: Stream,
    header: [u8; HEADER],
    held: Vec<u8>,
    done: bool,
}

impl Opening {
    fn more(&mut self) -> Result<(), BackupFault> {
        let mut start = [0u8; 5];
        if self.done || self.file.read_exact(&mut start).is_err() {
            return Err(BackupFault::DoesNotOpen);
        }
        let [last, length @ ..] = start;
        let length = u32::from_le_bytes(length) as usize;
        // Checked before anything is allocated for it.
        if last > 1 || length > CHUNK + crate::seal::OVERHEAD {
            return Err(BackupFault::DoesNotOpen);
        }
        let mut sealed = vec![0u8; length];
        self.file.read_exact(&mut sealed).map_err(|_| BackupFault::DoesNotOpen)?;
        let plain = self.stream.open(&self.header, &sealed, last == 1);
        self.held.extend_from_slice(&plain.map_err(|_| BackupFault::DoesNotOpen)?);
        self.done = last == 1;
        Ok(())
    }

    fn some(&mut self, most: u64) -> Result<Vec<u8>, BackupFault> {
        while self.held.is_empty() {
            self.more()?;
        }
        let len = usize::try_from(most).unwrap_or(usize::MAX).min(self.held.len());
        let rest = self.held.split_off(len);
        Ok(std::mem::replace(&mut self.held, rest))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BackupFault> {
        let mut bytes = [0u8; N];
        for byte in &mut bytes {
            *byte = self.some(1)?.first().copied().unwrap_or_default();
        }
        Ok(bytes)
    }

    fn is_over(&mut self) -> Result<bool, BackupFault> {
        let mut one = [0u8; 1];
        let rest = self.file.read(&mut one).map_err(|_| BackupFault::DoesNotOpen)?;
        Ok(self.done && self.held.is_empty() && rest == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_opens_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let big: Vec<u8> = (0..2_500_000u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(at("a"), &big).expect("write");
        std::fs::write(at("b"), b"").expect("write");
        let passphrase = Zeroizing::new("four words nobody guesses".to_owned());
        let (a, b) = (at("a"), at("b"));
        let files = [(LEDGER, a.as_path()), (SETTINGS, b.as_path())];
        let copy = at("copy");
        let backup = write(&copy, &files, &passphrase, Cost::FLOOR).expect("write");
        assert!(!copy.exists(), "it has no name yet");
        backup.named().expect("named");
        assert!(write(&copy, &files, &passphrase, Cost::FLOOR).is_err(), "never overwritten");
        let into = |name: &str| {
            let path = at(name);
            std::fs::create_dir(&path).expect("folder");
            path
        };
        let whole = into("whole");
        assert_eq!(read(&copy, &whole, &passphrase).expect("read"), [LEDGER, SETTINGS]);
        assert_eq!(check(&copy, &passphrase).expect("checked"), [LEDGER, SETTINGS]);
        assert_eq!(std::fs::read(whole.join(LEDGER)).expect("read"), big);
        let other = Zeroizing::new("other".to_owned());
        let told = read(&copy, &into("other"), &other).expect_err("wrong passphrase");
        assert!(matches!(told, BackupFault::DoesNotOpen));
        let bytes = std::fs::read(&copy).expect("read");
        for (n, end) in
            [0, 10, HEADER, HEADER + 3, 1_000_000, bytes.len() - 1].into_iter().enumerate()
        {
            std::fs::write(&copy, &bytes[..end]).expect("write");
            assert!(read(&copy, &into(&format!("cut-{n}")), &passphrase).is_err(), "cut at {end}");
            assert!(check(&copy, &passphrase).is_err(), "cut at {end}");
        }
        let mut bad = bytes.clone();
        bad[HEADER + 100] ^= 1;
        std::fs::write(&copy, &bad).expect("write");
        assert!(read(&copy, &into("changed"), &passphrase).is_err());
        std::fs::write(&copy, [&bytes[..], b"x"].concat()).expect("write");
        assert!(read(&copy, &into("longer"), &passphrase).is_err());
    }
    /// Ended at any moment, nothing lies there that looks like a backup.
    #[cfg(unix)]
    #[test]
    fn a_backup_that_is_being_made_has_no_name() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a"), vec![7; 3 << 20]).expect("write");
        let made = std::process::Command::new("mkfifo").arg(at("b")).status().expect("mkfifo");
        assert!(made.success());
        let passphrase = Zeroizing::new("four words nobody guesses".to_owned());
        let (a, b, copy) = (at("a"), at("b"), at("copy"));
        // What one that was killed has left goes with the next.
        std::fs::write(at(".copy.0123456789abcdef.annona-tmp"), b"left").expect("write");
        let files = [(LEDGER, a.as_path()), (SETTINGS, b.as_path())];
        std::thread::scope(|scope| {
            let making = scope.spawn(|| write(&copy, &files, &passphrase, Cost::FLOOR));
            // Opens once the first file is in it, and the second is waited for.
            let waited = std::fs::OpenOptions::new().write(true).open(&b).expect("opens");
            assert!(!copy.exists(), "it has no name before it is whole");
            drop(waited);
            let backup = making.join().expect("ends").expect("made");
            assert!(backup.named().expect("named") > 3 << 20);
        });
        assert!(copy.exists());
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .expect("reads")
            .map(|entry| entry.expect("one").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["a", "b", "copy"]);
    }
}
