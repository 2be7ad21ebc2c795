//! Model disks under SQLite, beside the real ones: a path below a place where a model disk is mounted is a file on it,
//! every other path is the machine's own business and refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock};
use std::time::Duration;

use sqlite_vfs::wip::{WalIndex, WalIndexLock};
use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, Vfs};

use super::platter::Platter;

/// Bytes of one region of a log's index.
const REGION: usize = 32_768;

/// A model disk, and what the machine remembers of its open files: locks and the shared index of a log.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Machine>>);

#[derive(Debug, Default)]
struct Machine {
    platter: Platter,
    /// Whether this machine has memory that connections can share. Without, a log needs a connection of its own.
    shares: bool,
    locks: BTreeMap<String, Locks>,
    boot: u64,
}

/// Who holds what of a file, by handle.
#[derive(Debug, Default)]
struct Locks {
    shared: BTreeSet<u64>,
    reserved: Option<u64>,
    exclusive: Option<u64>,
    index: Vec<Box<[u8; REGION]>>,
    slots: [Slot; 8],
}

/// One lock of the index of a log.
#[derive(Debug, Default)]
struct Slot {
    shared: BTreeSet<u64>,
    exclusive: Option<u64>,
}

static MOUNTED: OnceLock<Mutex<BTreeMap<String, Disk>>> = OnceLock::new();
static REGISTER: Once = Once::new();
static HANDLES: AtomicU64 = AtomicU64::new(1);

fn mounted() -> MutexGuard<'static, BTreeMap<String, Disk>> {
    let all = MOUNTED.get_or_init(Mutex::default);
    all.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Disk {
    /// A disk with these contents, under every SQLite file below `place`, in a machine whose connections share memory or
    /// do not. It stays until another is mounted there.
    ///
    /// # Panics
    ///
    /// Where SQLite takes no further file system.
    #[must_use]
    pub fn mount(place: &Path, platter: Platter, shares: bool) -> Self {
        REGISTER.call_once(|| {
            sqlite_vfs::register("model", Mounts, true).expect("SQLite takes a file system");
        });
        let boot = platter.boot();
        let machine = Machine { platter, shares, boot, ..Machine::default() };
        let disk = Self(Arc::new(Mutex::new(machine)));
        mounted().insert(place.to_string_lossy().into_owned(), disk.clone());
        disk
    }

    /// Takes the disk away.
    pub fn unmount(place: &Path) {
        mounted().remove(&*place.to_string_lossy());
    }

    /// The medium itself.
    pub fn with<T>(&self, act: impl FnOnce(&mut Platter) -> T) -> T {
        act(&mut self.machine().platter)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        let mut machine = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // What a dead process held is free again, and memory is gone with the power.
        if machine.boot != machine.platter.boot() {
            machine.boot = machine.platter.boot();
            machine.locks.clear();
        }
        machine
    }

    /// The disk a path is on, and its name there.
    fn of(path: &str) -> Result<(Self, &str), Error> {
        let mounted = mounted();
        let on = |(place, disk): (&String, &Self)| {
            let rest = path.strip_prefix(place.as_str())?.strip_prefix('/')?;
            Some((disk.clone(), rest))
        };
        let nearest = mounted.iter().filter_map(on).min_by_key(|(_, rest)| rest.len());
        nearest.ok_or_else(|| Error::new(ErrorKind::NotFound, "no model disk is mounted there"))
    }
}

/// The file system: all mounted disks.
struct Mounts;

/// An open file.
struct Handle {
    disk: Disk,
    name: String,
    id: u64,
    boot: u64,
    lock: LockKind,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut machine = self.disk.machine();
        if machine.boot == self.boot
            && let Some(locks) = machine.locks.get_mut(&self.name)
        {
            locks.release(self.id);
            for slot in &mut locks.slots {
                slot.release(self.id);
            }
        }
    }
}

impl Locks {
    fn release(&mut self, id: u64) {
        self.shared.remove(&id);
        self.reserved = self.reserved.filter(|held| *held != id);
        self.exclusive = self.exclusive.filter(|held| *held != id);
    }

    /// Moves a handle to a lock, if nobody stands against it.
    fn take(&mut self, id: u64, lock: LockKind) -> bool {
        let other = |held: Option<u64>| held.is_some_and(|held| held != id);
        match lock {
            LockKind::None => self.release(id),
            LockKind::Shared => {
                if other(self.exclusive) {
                    return false;
                }
                self.release(id);
                self.shared.insert(id);
            }
            LockKind::Reserved => {
                if other(self.reserved) || other(self.exclusive) {
                    return false;
                }
                self.reserved = Some(id);
            }
            LockKind::Pending | LockKind::Exclusive => {
                let readers = self.shared.iter().any(|reader| *reader != id);
                if readers || other(self.reserved) || other(self.exclusive) {
                    return false;
                }
                self.exclusive = Some(id);
            }
        }
        true
    }
}

impl Slot {
    fn release(&mut self, id: u64) {
        self.shared.remove(&id);
        self.exclusive = self.exclusive.filter(|held| *held != id);
    }

    fn grants(&self, id: u64, lock: WalIndexLock) -> bool {
        let other = self.exclusive.is_some_and(|held| held != id);
        match lock {
            WalIndexLock::None => true,
            WalIndexLock::Shared => !other,
            WalIndexLock::Exclusive => !other && self.shared.iter().all(|reader| *reader == id),
        }
    }

    fn take(&mut self, id: u64, lock: WalIndexLock) {
        self.release(id);
        match lock {
            WalIndexLock::None => {}
            WalIndexLock::Shared => drop(self.shared.insert(id)),
            WalIndexLock::Exclusive => self.exclusive = Some(id),
        }
    }
}

/// The index of a log as one connection has it: SQLite works on a copy that is fetched with a lock and put back with it.
struct Index {
    disk: Disk,
    name: String,
    id: u64,
    boot: u64,
}

impl Index {
    fn locks<T>(&self, act: impl FnOnce(&mut Locks) -> T) -> Result<T, Error> {
        let mut machine = self.disk.machine();
        if machine.boot != self.boot {
            return Err(Error::other("the power is gone"));
        }
        Ok(act(machine.locks.entry(self.name.clone()).or_default()))
    }
}

impl WalIndex for Index {
    fn map(&mut self, region: u32) -> Result<[u8; REGION], Error> {
        let region = region as usize;
        self.locks(|locks| {
            while locks.index.len() <= region {
                locks.index.push(Box::new([0; REGION]));
            }
            *locks.index[region]
        })
    }

    fn lock(&mut self, slots: Range<u8>, lock: WalIndexLock) -> Result<bool, Error> {
        let id = self.id;
        self.locks(|locks| {
            let range = usize::from(slots.start)..usize::from(slots.end);
            let slots = locks.slots.get_mut(range).unwrap_or_default();
            let granted = slots.iter().all(|slot| slot.grants(id, lock));
            if granted {
                slots.iter_mut().for_each(|slot| slot.take(id, lock));
            }
            granted
        })
    }

    fn delete(self) -> Result<(), Error> {
        self.locks(|locks| locks.index.clear())
    }

    fn pull(&mut self, region: u32, data: &mut [u8; REGION]) -> Result<(), Error> {
        let kept = self.map(region)?;
        data.copy_from_slice(&kept);
        Ok(())
    }

    fn push(&mut self, region: u32, data: &[u8; REGION]) -> Result<(), Error> {
        self.map(region)?;
        self.locks(|locks| locks.index[region as usize].copy_from_slice(data))
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = Index;

    fn size(&self) -> Result<u64, Error> {
        self.disk.with(|platter| platter.size(self.boot, &self.name))
    }

    fn read_exact_at(&mut self, buf: &mut [u8], offset: u64) -> Result<(), Error> {
        self.disk.with(|platter| platter.read(self.boot, &self.name, buf, offset))
    }

    fn write_all_at(&mut self, buf: &[u8], offset: u64) -> Result<(), Error> {
        self.disk.with(|platter| platter.write(self.boot, &self.name, buf, offset))
    }

    fn sync(&mut self, _: bool) -> Result<(), Error> {
        self.disk.with(|platter| platter.sync(self.boot, &self.name))
    }

    fn set_len(&mut self, size: u64) -> Result<(), Error> {
        self.disk.with(|platter| platter.set_len(self.boot, &self.name, size))
    }

    fn lock(&mut self, lock: LockKind) -> Result<bool, Error> {
        let mut machine = self.disk.machine();
        if machine.boot != self.boot {
            return Err(Error::other("the power is gone"));
        }
        let taken = machine.locks.entry(self.name.clone()).or_default().take(self.id, lock);
        if taken {
            self.lock = lock;
        }
        Ok(taken)
    }

    fn reserved(&mut self) -> Result<bool, Error> {
        let machine = self.disk.machine();
        let locks = machine.locks.get(&self.name);
        Ok(locks.is_some_and(|l| l.reserved.is_some() || l.exclusive.is_some()))
    }

    fn current_lock(&self) -> Result<LockKind, Error> {
        Ok(self.lock)
    }

    fn wal_index(&self, _: bool) -> Result<Index, Error> {
        if !self.disk.machine().shares {
            return Err(Error::new(ErrorKind::Unsupported, "no memory is shared here"));
        }
        let (disk, name) = (self.disk.clone(), self.name.clone());
        Ok(Index { disk, name, id: self.id, boot: self.boot })
    }
}

impl Vfs for Mounts {
    type Handle = Handle;

    fn open(&self, db: &str, opts: sqlite_vfs::OpenOptions) -> Result<Handle, Error> {
        let (disk, name) = Disk::of(db)?;
        let create = matches!(opts.access, OpenAccess::Create | OpenAccess::CreateNew);
        let boot = disk.with(|platter| platter.open(name, create))?;
        let id = HANDLES.fetch_add(1, Ordering::Relaxed);
        Ok(Handle { disk, name: name.to_owned(), id, boot, lock: LockKind::None })
    }

    fn delete(&self, db: &str) -> Result<(), Error> {
        let (disk, name) = Disk::of(db)?;
        disk.with(|platter| platter.delete(name))
    }

    fn exists(&self, db: &str) -> Result<bool, Error> {
        let (disk, name) = Disk::of(db)?;
        disk.with(|platter| platter.exists(name))
    }

    fn temporary_name(&self) -> String {
        format!("temporary-{}", HANDLES.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self, buffer: &mut [i8]) {
        // SQLite wants salts that differ; which ones decides nothing here.
        let mut n = HANDLES.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in buffer {
            n = n.rotate_left(7).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(1);
            *byte = n.to_be_bytes()[0].cast_signed();
        }
    }

    fn sleep(&self, duration: Duration) -> Duration {
        // Nobody here waits for another process: a busy file stays busy.
        duration
    }
}
