//! The one place that writes small files whole: after a crash at any moment there is the old file or the new one.
//!
//! The bytes go to a temporary file in the same folder, are synced, take the name, and the folder is synced. Files are
//! readable by their owner only (0600).

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::DiskFault;
use crate::seal;

/// How a temporary file's name ends; nothing else in a data folder is called so.
const ENDING: &str = ".annona-tmp";

/// Writes `bytes` under `path`, replacing what was there, durably and all at once.
///
/// # Errors
///
/// [`DiskFault`] where the folder cannot be written; then the old file is still whole.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), DiskFault> {
    let temporary = Temporary::beside(path)?;
    write_and_take_name(&temporary.0, path, bytes).map_err(|e| DiskFault::io("write", path, e))
}

/// A file that is being written and has no name of its own yet: dropped, or ended by a power cut, there is none.
pub(crate) struct New {
    temporary: Temporary,
    path: PathBuf,
    /// What is written.
    pub(crate) file: File,
}

impl New {
    /// Begins a file that must not be there yet.
    ///
    /// # Errors
    ///
    /// [`DiskFault`] where the name is taken or the folder cannot be written.
    pub(crate) fn begin(path: &Path) -> Result<Self, DiskFault> {
        let failed = |e| DiskFault::io("write", path, e);
        // What an earlier one has left that was ended, be it as it let go of its second name.
        sweep(path)?;
        if path.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let temporary = Temporary::beside(path)?;
        let file = private().write(true).create_new(true).open(&temporary.0).map_err(failed)?;
        Ok(Self { temporary, path: path.to_owned(), file })
    }

    /// Takes the name, durably, once all of it is; never from another file.
    ///
    /// # Errors
    ///
    /// [`DiskFault`]; then there is no file of that name, or it is another's.
    pub(crate) fn finish(self) -> Result<(), DiskFault> {
        let Self { temporary, path, file } = self;
        let named = file.sync_all().and_then(|()| match fs::hard_link(&temporary.0, &path) {
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Err(fault),
            // A file system without second names (FAT).
            Err(_) => fs::rename(&temporary.0, &path),
            Ok(()) => fs::remove_file(&temporary.0),
        });
        let synced = named.and_then(|()| sync_folder(path.parent()));
        synced.map_err(|e| DiskFault::io("write", &path, e))
    }
}

/// A name nobody has, which [`sweep`] knows to be one of this file's.
fn beside(path: &Path) -> Result<PathBuf, DiskFault> {
    let name = file_name(path)?;
    let suffix: [u8; 8] =
        seal::random().map_err(|e| DiskFault::io("write", path, io::Error::other(e)))?;
    let mut temporary_name = OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{:016x}{ENDING}", u64::from_le_bytes(suffix)));
    Ok(path.with_file_name(temporary_name))
}

fn write_and_take_name(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fill(private().write(true).create_new(true).open(temporary)?, bytes)?;
    fs::rename(temporary, path)?;
    sync_folder(path.parent())
}

fn fill(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// The bytes that have a name now, held fast under a second one, to be overwritten once another file has taken the first:
/// for files of keys, of which the old ones must not stay. Where the disk keeps what is overwritten, so does this.
///
/// Ended anywhere in between, the next [`sweep`] overwrites them, or leaves them alone where no other file took the name;
/// on a file system without second names (FAT) a process that is killed in between leaves them.
///
/// # Errors
///
/// [`DiskFault`] where the folder cannot be written.
pub fn set_aside(path: &Path) -> Result<Aside, DiskFault> {
    let failed = |e| DiskFault::io("write", path, e);
    let old = match OpenOptions::new().write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        other => Some(other.map_err(failed)?),
    };
    let aside = beside(path)?;
    let linked = old.is_some() && fs::hard_link(path, &aside).is_ok();
    if linked {
        sync_folder(path.parent()).map_err(failed)?;
    }
    Ok(Aside { path: path.to_owned(), old, name: linked.then_some(aside) })
}

/// See [`set_aside`]. Dropped, it overwrites nothing.
#[must_use = "the old bytes stay until they are destroyed"]
pub struct Aside {
    path: PathBuf,
    old: Option<File>,
    name: Option<PathBuf>,
}

impl Aside {
    /// Overwrites the bytes with zeros. Another file must have taken the name.
    ///
    /// # Errors
    ///
    /// [`DiskFault`] where they may still be there; the next [`sweep`] tries again.
    pub fn destroy(mut self) -> Result<(), DiskFault> {
        let (Some(old), name) = (self.old.take(), self.name.take()) else { return Ok(()) };
        let gone = zero(&old).and_then(|()| match name {
            Some(name) => {
                absent(fs::remove_file(name)).and_then(|()| sync_folder(self.path.parent()))
            }
            None => Ok(()),
        });
        gone.map_err(|e| DiskFault::io("overwrite", &self.path, e))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            drop(fs::remove_file(name));
        }
    }
}

/// As [`write()`], and overwrites with zeros what had the name before: see [`set_aside`].
///
/// # Errors
///
/// As [`write()`]; [`DiskFault`] too where the new file has the name and the old bytes may still be there.
pub fn write_over(path: &Path, bytes: &[u8]) -> Result<(), DiskFault> {
    replace(path, bytes)?.destroy()
}

/// As [`write()`]; the answer is what had the name before, to be destroyed.
///
/// # Errors
///
/// As [`write()`].
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<Aside, DiskFault> {
    let old = set_aside(path)?;
    write(path, bytes)?;
    Ok(old)
}

/// Takes a name away, and overwrites what had it, unless that has another name too.
///
/// Under a name of its own first: whoever wrote the file and is still at it can then no longer give it the name it was
/// written for, or has done so, and nothing is there to be overwritten.
fn remove(path: &Path, of: &Path) -> io::Result<()> {
    let own = beside(of).map_err(io::Error::other)?;
    fs::rename(path, &own)?;
    let file = OpenOptions::new().write(true).open(&own)?;
    if names_of(&file.metadata()?) == 1 {
        zero(&file)?;
    }
    absent(fs::remove_file(&own))?;
    sync_folder(path.parent())
}

/// What is gone already was removed by another.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// How many names a file has. Where the system does not say, one that may be in use is never overwritten.
fn names_of(file: &fs::Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(file);
    #[cfg(not(unix))]
    {
        let _ = file;
        2
    }
}

/// Overwrites a file with zeros and removes it. One that is not there is no fault.
///
/// # Errors
///
/// [`DiskFault`] where it is still there.
pub fn destroy(path: &Path) -> Result<(), DiskFault> {
    let gone = match OpenOptions::new().write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.and_then(|file| zero(&file)),
    };
    gone.and_then(|()| fs::remove_file(path))
        .and_then(|()| sync_folder(path.parent()))
        .map_err(|e| DiskFault::io("remove", path, e))
}

/// The beginning first, and durably: it is what the rest hangs on.
fn zero(mut file: &File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    let zeros = [0u8; 4096];
    let mut first = true;
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..piece).unwrap_or(&zeros))?;
        left -= piece as u64;
        if std::mem::take(&mut first) {
            file.sync_data()?;
        }
    }
    file.sync_data()
}

/// Reads a file of at most `limit` bytes; a larger one is refused before anything is allocated.
///
/// # Errors
///
/// [`DiskFault`] where the file cannot be read or is larger than `limit`.
pub fn read(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, DiskFault> {
    read_within(path, limit).map_err(|e| DiskFault::io("read", path, e))
}

fn read_within(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let too_long =
        || io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes"));
    let size = usize::try_from(file.metadata()?.len()).map_err(|_| too_long())?;
    if size > limit {
        return Err(too_long());
    }
    // The file may grow between the two calls, and a device has no size: one byte over the limit is enough to notice.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(too_long());
    }
    Ok(bytes)
}

/// Removes what crashed writes of `path` have left beside it, overwritten, and says how many there were.
///
/// Called by the owner of a file's lock, else a write that is under way may be refused; it loses nothing.
///
/// # Errors
///
/// [`DiskFault`] where the folder cannot be listed or a leftover not removed.
pub fn sweep(path: &Path) -> Result<usize, DiskFault> {
    let name = file_name(path)?.to_string_lossy().into_owned();
    let folder = parent(path);
    let entries = fs::read_dir(folder).map_err(|e| DiskFault::io("list", folder, e))?;
    let mut swept = 0;
    for entry in entries {
        let entry = entry.map_err(|e| DiskFault::io("list", folder, e))?;
        if is_leftover(&entry.file_name(), &name) {
            let removed = absent(remove(&entry.path(), path));
            removed.map_err(|e| DiskFault::io("remove", &entry.path(), e))?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Whether a file's name is that of a crashed write of `name`.
pub(crate) fn is_leftover(found: &OsStr, name: &str) -> bool {
    let middle = found
        .to_str()
        .and_then(|found| found.strip_prefix('.')?.strip_prefix(name)?.strip_suffix(ENDING));
    middle.is_some_and(|m| m.len() == 17 && m.starts_with('.'))
}

/// Begins a large file that has no name of its own yet, held as long as what this gives: [`sweep_parts`] leaves it alone.
pub(crate) fn part(path: &Path) -> io::Result<(File, File)> {
    let file = private().read(true).write(true).create(true).truncate(true).open(path)?;
    // Where the file system has no locks, nothing is ever swept there either.
    drop(file.try_lock());
    let held = file.try_clone()?;
    Ok((file, held))
}

/// Removes parts that nobody holds: their process was killed, and they can be as large as a stick.
pub(crate) fn sweep_parts(folder: &Path, is_part: impl Fn(&str) -> bool) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // What cannot be listed or removed is in nobody's way but the disk's.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_str().is_some_and(&is_part)) {
        let path = entry.path();
        let held = File::open(&path).is_ok_and(|file| file.try_lock().is_err());
        if !held && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            drop(fs::remove_file(&path));
        }
    }
}

/// Makes a folder only its owner can enter (0700), with its parents, and nothing if it is there.
///
/// # Errors
///
/// [`DiskFault`] where it cannot be made.
pub fn private_folder(path: &Path) -> Result<(), DiskFault> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| DiskFault::io("create folder", path, e))
}

/// Options for opening a file that only its owner may read once created.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a new name in a folder survive a power cut. Windows has no such call and orders it by itself.
pub(crate) fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    if cfg!(unix) {
        let folder = folder.filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn file_name(path: &Path) -> Result<&OsStr, DiskFault> {
    path.file_name().ok_or_else(|| DiskFault::io("write", path, io::ErrorKind::InvalidInput.into()))
}

/// A temporary file that is removed unless it has taken its name.
struct Temporary(PathBuf, PathBuf);

impl Temporary {
    fn beside(path: &Path) -> Result<Self, DiskFault> {
        Ok(Self(beside(path)?, path.to_owned()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing to remove; after a failure the next sweep would do it anyway.
        drop(remove(&self.0, &self.1));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;
    use crate::disk::DiskTrouble;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("list")
            .map(|e| e.expect("entry").file_name().into_string().expect("utf-8"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_whole_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("heads");
        write(&path, b"one").expect("first");
        write(&path, b"two").expect("second");
        assert_eq!(read(&path, 3).expect("read").as_slice(), b"two");
        assert_eq!(names(folder.path()), ["heads"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_over_or_destroyed_leaves_zeros() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, remains) = (folder.path().join("keys"), folder.path().join("remains"));
        write(&path, &[7; 9_000]).expect("first");
        let raw = File::open(&path).expect("open");
        let read_raw = || {
            let mut bytes = Vec::new();
            (&raw).seek(io::SeekFrom::Start(0)).expect("begin");
            (&raw).read_to_end(&mut bytes).expect("reads");
            bytes
        };
        // Ended here, nothing is overwritten: nobody took the name.
        std::mem::forget(set_aside(&path).expect("aside"));
        assert_eq!((sweep(&path).expect("swept"), read_raw()), (1, vec![7; 9_000]));
        // Ended after the new file took the name, the old one is.
        std::mem::forget(set_aside(&path).expect("aside"));
        write(&path, b"new").expect("second");
        assert_eq!((sweep(&path).expect("swept"), read_raw()), (1, vec![0; 9_000]));
        assert_eq!(fs::read(&path).expect("reads"), b"new");
        let raw = File::open(&path).expect("open");
        let old = set_aside(&path).expect("aside");
        write(&path, b"newer").expect("third");
        old.destroy().expect("destroyed");
        let mut bytes = Vec::new();
        (&raw).read_to_end(&mut bytes).expect("reads");
        assert_eq!((bytes, names(folder.path())), (vec![0; 3], vec!["keys".to_owned()]));
        // A second name for the same bytes, as a disk would still have them.
        fs::hard_link(&path, &remains).expect("linked");
        destroy(&path).expect("destroyed");
        destroy(&path).expect("again");
        assert_eq!((fs::read(&remains).expect("reads"), path.exists()), (vec![0; 5], false));
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("taken");
        fs::create_dir(&path).expect("a folder has the name");
        fs::write(path.join("inside"), b"kept").expect("write");
        assert!(write(&path, b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        let nowhere = folder.path().join("no/such/folder/file");
        assert_eq!(write(&nowhere, b"x").expect_err("no folder").trouble(), DiskTrouble::Missing);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_and_a_forbidden_one_are_told_apart() {
        let full = File::options().write(true).open("/dev/full").expect("device");
        let told = DiskFault::io("write", Path::new("x"), fill(full, b"x").expect_err("full"));
        assert_eq!(told.trouble(), DiskTrouble::Full);
        // Not even root makes files there; in a container it is mounted read-only besides.
        let told = write(Path::new("/sys/annona"), b"x").expect_err("forbidden");
        let trouble = told.trouble();
        assert!(matches!(trouble, DiskTrouble::Denied | DiskTrouble::ReadOnly), "{told}");
    }

    #[test]
    fn too_long_is_refused_before_reading() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("big");
        File::create(&path).expect("create").set_len(4 << 30).expect("sparse 4 GiB");
        assert_eq!(read(&path, 1024).expect_err("too long").trouble(), DiskTrouble::TooLong);
        if cfg!(target_os = "linux") {
            assert!(read(Path::new("/dev/zero"), 1024).is_err(), "endless device");
        }
    }

    #[test]
    fn a_sweep_by_another_process_never_overwrites_what_a_write_has_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keys");
        write(&path, &[7; 65_536]).expect("first");
        let old = set_aside(&path).expect("aside");
        write(&path, &[8; 65_536]).expect("second");
        assert_eq!(sweep(&path).expect("swept"), 1);
        old.destroy().expect("whoever swept it has destroyed it");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            let sweeper = threads.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep(&path).expect("swept");
                }
            });
            let mut last = 8;
            for n in 9..=200 {
                if write(&path, &[n; 65_536]).is_ok() {
                    last = n;
                }
                let found = fs::read(&path).expect("there");
                assert!(found.iter().all(|byte| *byte == last), "{last}: {}", found[0]);
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            sweeper.join().expect("ended");
        });
    }

    #[test]
    fn a_sweep_takes_only_this_files_leftovers() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keys");
        for name in [
            ".keys.0123456789abcdef.annona-tmp",
            ".keys2.0123456789abcdef.annona-tmp",
            ".keys.annona-tmp",
            "keys",
        ] {
            fs::write(folder.path().join(name), b"x").expect("write");
        }
        assert_eq!(sweep(&path).expect("sweep"), 1);
        assert_eq!(sweep(&path).expect("sweep"), 0);
        assert_eq!(names(folder.path()).len(), 3);
    }
}
