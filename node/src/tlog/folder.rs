//! The folder of a log: tiles, entry bundles, the checkpoint and whose it is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::disk::DiskFault;

use super::LogFault;
use super::leaf::MAX_LEAF;
use super::note::{MAX_NOTE, Note};
use super::tree::{Edge, Full, Node, TILE};

/// The most bytes of an entry bundle.
const MAX_BUNDLE: usize = TILE * (MAX_LEAF + 2);

/// The folder of a log.
#[derive(Clone, Debug)]
pub struct LogFolder {
    path: PathBuf,
}

impl LogFolder {
    /// A log's folder, there or to be made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoint is.
    #[must_use]
    pub fn checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint")
    }

    /// Where it says whose log it is.
    #[must_use]
    pub fn keys_path(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The checkpoint, where there is one.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`], [`LogFault::Note`].
    pub fn checkpoint(&self) -> Result<Option<Note>, LogFault> {
        let path = self.checkpoint_path();
        if !path.try_exists().map_err(|e| DiskFault::io("read", &path, e))? {
            return Ok(None);
        }
        let bytes = atomic::read(&path, MAX_NOTE)?;
        Note::parse(&bytes).map(Some).map_err(|source| LogFault::Note { path, source })
    }

    /// Writes the checkpoint.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`].
    pub fn put_checkpoint(&self, note: &Note) -> Result<(), LogFault> {
        Ok(atomic::write(&self.checkpoint_path(), note.write().as_bytes())?)
    }

    /// The tile of hashes at a place, with at least `count` of them.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`], [`LogFault::Wrong`].
    pub fn tile(&self, level: u8, number: u64, count: usize) -> Result<Vec<Node>, LogFault> {
        let (path, bytes) = self.read(&level.to_string(), number, count, TILE * 32)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        let hashes = hashes.get(..count).filter(|_| rest.is_empty());
        let what = "it has fewer hashes than its place needs";
        hashes.map(<[Node]>::to_vec).ok_or(LogFault::Wrong { path, what })
    }

    /// The right edge of the tree of the first `size` leaves.
    ///
    /// # Errors
    ///
    /// As [`LogFolder::tile`].
    pub fn edge(&self, size: u64) -> Result<Edge, LogFault> {
        Edge::read(size, |level, number, count| self.tile(level, number, count))
    }

    /// The leaves of one bundle, the first `count`.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`], [`LogFault::Wrong`].
    pub fn bundle(&self, number: u64, count: usize) -> Result<Vec<Vec<u8>>, LogFault> {
        let (path, bytes) = self.read("entries", number, count, MAX_BUNDLE)?;
        let wrong = |what| LogFault::Wrong { path: path.clone(), what };
        let mut leaves = Vec::with_capacity(count);
        let mut rest = &*bytes;
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let leaf = after.split_at_checked(length);
            let (leaf, after) = leaf.ok_or_else(|| wrong("a leaf is cut off"))?;
            leaves.push(leaf.to_vec());
            rest = after;
        }
        if !rest.is_empty() || leaves.len() < count || leaves.len() > TILE {
            return Err(wrong("it does not have the leaves its place needs"));
        }
        leaves.truncate(count);
        Ok(leaves)
    }

    /// Hands over the first `size` leaves in order.
    ///
    /// # Errors
    ///
    /// As [`LogFolder::bundle`], or what `each` answers.
    pub fn leaves(
        &self,
        size: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), LogFault>,
    ) -> Result<(), LogFault> {
        let mut at = 0u64;
        while at < size {
            let count = usize::try_from(size - at).map_or(TILE, |left| left.min(TILE));
            for leaf in self.bundle(at / TILE as u64, count)? {
                each(at, &leaf)?;
                at += 1;
            }
        }
        Ok(())
    }

    /// Writes a tile of hashes, full or not.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`].
    pub fn put_tile(&self, level: u8, number: u64, hashes: &[Node]) -> Result<(), LogFault> {
        self.put(&level.to_string(), number, hashes.len(), hashes.as_flattened())
    }

    /// Writes a tile that is full.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`].
    pub fn put_full(&self, tile: &Full) -> Result<(), LogFault> {
        self.put_tile(tile.level, tile.number, &tile.hashes)
    }

    /// Writes a bundle of leaves, each at most [`MAX_LEAF`] bytes.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`], [`LogFault::Wrong`] for a leaf that is too long.
    pub fn put_bundle(&self, number: u64, leaves: &[Vec<u8>]) -> Result<(), LogFault> {
        let mut bytes = Vec::new();
        for leaf in leaves {
            let length = u16::try_from(leaf.len()).ok().filter(|_| leaf.len() <= MAX_LEAF);
            let length = length.ok_or_else(|| LogFault::Wrong {
                path: self.place("entries", number, leaves.len()),
                what: "a leaf is longer than leaves are",
            })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(leaf);
        }
        self.put("entries", number, leaves.len(), &bytes)
    }

    /// Removes the partial tiles and bundles that a tree of `size` leaves has outgrown.
    ///
    /// # Errors
    ///
    /// [`LogFault::Disk`].
    pub fn sweep(&self, old: u64, size: u64) -> Result<(), LogFault> {
        let kept: Vec<(u8, u64, usize)> = Edge::places(size).collect();
        for place in Edge::places(old).filter(|place| place.2 > 0 && !kept.contains(place)) {
            let (level, number, count) = place;
            self.remove(&self.place(&level.to_string(), number, count))?;
            if level == 0 {
                self.remove(&self.place("entries", number, count))?;
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), LogFault> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(DiskFault::io("remove", path, e).into())
            }
            _ => {
                // The folder of partial tiles goes with the last of them; it is no loss where it stays.
                path.parent().map(fs::remove_dir).map_or(Ok(()), |_| Ok(()))
            }
        }
    }

    /// `tile/<kind>/x001/234`, with `.p/<count>` where it is not full.
    fn place(&self, kind: &str, number: u64, count: usize) -> PathBuf {
        let mut digits = vec![format!("{:03}", number % 1_000)];
        let mut rest = number / 1_000;
        while rest > 0 {
            digits.push(format!("x{:03}", rest % 1_000));
            rest /= 1_000;
        }
        let mut path = self.path.join("tile").join(kind);
        while digits.len() > 1 {
            path.extend(digits.pop());
        }
        let name = digits.pop().unwrap_or_default();
        if count < TILE {
            path.join(format!("{name}.p")).join(count.to_string())
        } else {
            path.join(name)
        }
    }

    /// Reads what is at a place: the partial file of that many, or the full one that took its place since.
    fn read(
        &self,
        kind: &str,
        number: u64,
        count: usize,
        limit: usize,
    ) -> Result<(PathBuf, Vec<u8>), LogFault> {
        let full = self.place(kind, number, TILE);
        let partial = self.place(kind, number, count);
        let path = if partial.exists() { partial } else { full };
        let bytes = atomic::read(&path, limit)?.to_vec();
        Ok((path, bytes))
    }

    fn put(&self, kind: &str, number: u64, count: usize, bytes: &[u8]) -> Result<(), LogFault> {
        let path = self.place(kind, number, count);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| DiskFault::io("create folder", folder, e))?;
        }
        Ok(atomic::write(&path, bytes)?)
    }
}
