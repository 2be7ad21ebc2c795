//! Ledger files beside a ledger file, for as long as something is tried on them.

use super::*;

/// A ledger file for a while.
pub struct Scratch {
    /// The ledger in it.
    pub store: Store,
    path: PathBuf,
}

impl Scratch {
    pub(super) fn new(beside: &Path) -> Result<Self, StoreFault> {
        // Several may be wanted at a time: a witness signs while somebody else begins.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = beside.with_extension(format!("{SCRATCH}{}-{count}", std::process::id()));
        remove(&path);
        Ok(Self { store: Store::create(&path)?, path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// How the name of a scratch file ends, before the process and its count.
const SCRATCH: &str = "scratch-";

/// Removes what a process that was killed has left beside a ledger file: nothing in it is needed.
pub(in crate::store) fn sweep(beside: &Path) {
    let (Some(folder), Some(stem)) = (beside.parent(), beside.file_stem()) else { return };
    let begins = format!("{}.{SCRATCH}", stem.to_string_lossy());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&begins) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// A scratch file that cannot be removed is removed at the next opening: nothing in it is needed.
fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        drop(std::fs::remove_file(PathBuf::from(name)));
    }
}
