//! A redemption costs one `fsync`: counted by a disk of our own under SQLite, which this test program alone has.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use annona_ledger::id::Lane;
use annona_node::node::{Compose, Node, Request};
use annona_node::serve;
use annona_tests::bench::{CASH, Chance, Fault, Written};
use sqlite_vfs::wip::{WalIndex, WalIndexLock};
use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenKind, Vfs};

/// How often a write-ahead log, or any other file, was asked to be durable.
static LOG: AtomicU64 = AtomicU64::new(0);
static OTHER: AtomicU64 = AtomicU64::new(0);

/// The real file system, with a tally.
struct Counting;

struct Handle {
    file: File,
    is_log: bool,
    lock: LockKind,
}

/// The index of a log that one connection has for itself.
struct Alone;

impl WalIndex for Alone {
    fn map(&mut self, _: u32) -> Result<[u8; 32_768], Error> {
        Ok([0; 32_768])
    }

    fn lock(&mut self, _: Range<u8>, _: WalIndexLock) -> Result<bool, Error> {
        Ok(true)
    }

    fn delete(self) -> Result<(), Error> {
        Ok(())
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = Alone;

    fn size(&self) -> Result<u64, Error> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&mut self, buf: &mut [u8], offset: u64) -> Result<(), Error> {
        let mut have = 0;
        while have < buf.len() {
            match self.file.read_at(&mut buf[have..], offset + have as u64)? {
                0 => {
                    // SQLite asks that what is not there reads as zero.
                    buf[have..].fill(0);
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                read => have += read,
            }
        }
        Ok(())
    }

    fn write_all_at(&mut self, buf: &[u8], offset: u64) -> Result<(), Error> {
        self.file.write_all_at(buf, offset)
    }

    fn sync(&mut self, data_only: bool) -> Result<(), Error> {
        let tally = if self.is_log { &LOG } else { &OTHER };
        tally.fetch_add(1, Ordering::SeqCst);
        if data_only { self.file.sync_data() } else { self.file.sync_all() }
    }

    fn set_len(&mut self, size: u64) -> Result<(), Error> {
        self.file.set_len(size)
    }

    fn lock(&mut self, lock: LockKind) -> Result<bool, Error> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    fn current_lock(&self) -> Result<LockKind, Error> {
        Ok(self.lock)
    }

    fn wal_index(&self, _: bool) -> Result<Alone, Error> {
        Ok(Alone)
    }
}

impl Vfs for Counting {
    type Handle = Handle;

    fn open(&self, db: &str, opts: sqlite_vfs::OpenOptions) -> Result<Handle, Error> {
        let create = matches!(opts.access, OpenAccess::Create | OpenAccess::CreateNew);
        let write = opts.access != OpenAccess::Read;
        let file = OpenOptions::new().read(true).write(write).create(create).open(db)?;
        Ok(Handle { file, is_log: opts.kind == OpenKind::Wal, lock: LockKind::None })
    }

    fn delete(&self, db: &str) -> Result<(), Error> {
        std::fs::remove_file(db)
    }

    fn exists(&self, db: &str) -> Result<bool, Error> {
        Ok(Path::new(db).exists())
    }

    fn temporary_name(&self) -> String {
        format!("{}/annona-{}", std::env::temp_dir().display(), std::process::id())
    }

    fn random(&self, buffer: &mut [i8]) {
        buffer.fill(7);
    }

    fn sleep(&self, duration: Duration) -> Duration {
        std::thread::sleep(duration);
        duration
    }
}

/// Every file that is none of SQLite's, with when it was last written: nothing but the log may be made durable for a commit,
/// and what is written through the standard library the disk above does not see.
fn beside(folder: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(beside(&path));
        } else if !path.to_string_lossy().contains("ledger.db") {
            let is = path.metadata().expect("a file");
            found.push((path, is.modified().expect("a time"), is.len()));
        }
    }
    found.sort();
    found
}

/// Writes so many redemptions in one commit; says how often the log and the rest were synced for it.
fn syncs(
    node: &mut Node,
    written: &Written,
    chance: &mut Chance,
    count: usize,
) -> Result<(u64, u64), Fault> {
    let feed = node.feed(Lane::Value, CASH);
    let charges: Vec<_> = (0..count).map(|_| written.charge(chance)).collect();
    let mut group: Vec<Request<'_>> = charges
        .iter()
        .map(|charge| {
            let compose: Compose<'_> =
                Box::new(|work, feed, at| serve::charge(work, feed, charge, at));
            Request { feed, compose }
        })
        .collect();
    let (log, other) = (LOG.load(Ordering::SeqCst), OTHER.load(Ordering::SeqCst));
    for answer in node.write(&mut group)? {
        answer?;
    }
    Ok((LOG.load(Ordering::SeqCst) - log, OTHER.load(Ordering::SeqCst) - other))
}

#[test]
fn a_commit_is_durable_with_one_fsync_however_many_requests_it_holds() {
    sqlite_vfs::register("counting", Counting, true).expect("a disk for SQLite");
    let place = tempfile::tempdir().expect("a folder");
    let written = Written::write(place.path(), 2_000).expect("a ledger");
    let mut node = written.open().expect("its node");
    let mut chance = Chance::new(3);
    // The main file is synced by nothing but a checkpoint; the log that begins anew after it, or after an opening, is
    // synced once more for its first frame. Blocks are sealed in the commit that fills them.
    let (mut begins, mut plain, mut blocks) = (true, 0, 0);
    let sealed = |node: &Node| node.store().feeds().map(|f| f.iter().map(|f| f.seq).sum::<u64>());
    let before = sealed(&node).expect("feeds");
    for n in 0..600 {
        let count = if n % 3 == 0 { 7 } else { 1 };
        let files = beside(place.path());
        let (log, other) = syncs(&mut node, &written, &mut chance, count).expect("redemptions");
        let now = sealed(&node).expect("feeds") - before;
        if other == 0 && !begins {
            assert_eq!(log, 1, "commit {n}, of {count}");
            plain += 1;
            // Where a block is sealed, its head is kept outside as well.
            assert!(now > blocks || beside(place.path()) == files, "commit {n} wrote a file");
        }
        begins = other > 0;
        blocks = now;
    }
    assert!(!beside(place.path()).is_empty(), "heads and turn are among them");
    assert!(plain > 500, "nearly every commit is one: {plain} of 600");
    assert!(blocks > 3, "and {blocks} blocks were sealed meanwhile");
    node.close().expect("a clean end");
}
