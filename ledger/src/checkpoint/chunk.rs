//! Rows of state in pieces, each with its path to the leaf it belongs to.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::leaf::{Leaf, LeafId, row_hash};
use crate::limits;
use crate::merkle::{Path, Paths, Tree};
use crate::wire::{self, Bounded, Bytes, WireFault};

/// Which of a page's two roots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Of {
    /// State.
    State,
    /// What a node needs beside it.
    Working,
}

/// Some rows of one leaf: [`limits::CHUNK_ROWS`], fewer only in the last chunk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chunk {
    /// The checkpoint.
    pub checkpoint: crate::hash::Hash,
    /// Of which root.
    pub of: Of,
    /// Of which leaf.
    pub leaf: LeafId,
    /// The rows, ascending.
    pub rows: Bounded<Bytes<{ limits::ROW_BYTES }>, { limits::CHUNK_ROWS }>,
    /// From the chunk, which is a node of the leaf's tree, to the leaf's root; its index counts chunks.
    pub path: Path,
}

/// Why a chunk is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// It is of another checkpoint.
    #[error("the rows are of another checkpoint")]
    OtherCheckpoint,
    /// The checkpoint has no such leaf.
    #[error("the checkpoint has no leaf {0}")]
    NoLeaf(LeafId),
    /// It has another number of rows than its place needs.
    #[error("chunk {index} of leaf {leaf} has {found} rows, not {needs}")]
    Count {
        /// The leaf.
        leaf: LeafId,
        /// The chunk.
        index: u32,
        /// Rows found.
        found: usize,
        /// Rows that belong there.
        needs: usize,
    },
    /// A row belongs to another leaf.
    #[error("a row of leaf {0} belongs to another leaf")]
    Row(LeafId),
    /// The rows do not lead to the root.
    #[error("the rows of chunk {index} of leaf {leaf} are not those that were vouched for")]
    Path {
        /// The leaf.
        leaf: LeafId,
        /// The chunk.
        index: u32,
    },
}

/// How many chunks a leaf has.
fn count(leaf: &Leaf) -> u32 {
    leaf.rows.div_ceil(u32::try_from(limits::CHUNK_ROWS).unwrap_or(u32::MAX))
}

/// A chunk's node in the tree of its leaf: chunks have a power of two of rows, so each is a subtree of it.
fn node<'a>(rows: impl Iterator<Item = &'a [u8]>) -> crate::hash::Hash {
    rows.map(row_hash).collect::<Tree>().root()
}

/// Parts the rows of a page's leaf, in any order, into chunks.
///
/// # Errors
///
/// [`WireFault::TooLong`] for a row longer than [`limits::ROW_BYTES`].
pub fn chunks(
    page: &Page,
    of: Of,
    id: LeafId,
    mut rows: Vec<Vec<u8>>,
) -> Result<Vec<Chunk>, WireFault> {
    rows.sort_unstable();
    let nodes = rows.chunks(limits::CHUNK_ROWS).map(|rows| node(rows.iter().map(|row| &row[..])));
    let paths = Paths::new(nodes.collect());
    let checkpoint = page.checkpoint.hash();
    let made = (0u32..).zip(rows.chunks(limits::CHUNK_ROWS)).filter_map(|(index, rows)| {
        let path = paths.path(index)?;
        Some((path, rows))
    });
    made.map(|(path, rows)| {
        let rows = rows.iter().map(|row| Bytes::new(row.clone())).collect::<Result<_, _>>()?;
        Ok(Chunk { checkpoint, of, leaf: id, rows: Bounded::new(rows)?, path })
    })
    .collect()
}

impl Chunk {
    /// Checks the rows against a page somebody vouches for.
    ///
    /// # Errors
    ///
    /// The first [`ChunkFault`] that applies.
    pub fn check(&self, page: &Page) -> Result<(), ChunkFault> {
        if self.checkpoint != page.checkpoint.hash() {
            return Err(ChunkFault::OtherCheckpoint);
        }
        let leaves = match self.of {
            Of::State => &page.state,
            Of::Working => &page.working,
        };
        let (id, index) = (self.leaf, self.path.index);
        let leaf = leaves.iter().find(|leaf| leaf.id == id).ok_or(ChunkFault::NoLeaf(id))?;
        let full = limits::CHUNK_ROWS;
        let before = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(full);
        let needs =
            usize::try_from(leaf.rows).unwrap_or(usize::MAX).saturating_sub(before).min(full);
        if self.rows.len() != needs || needs == 0 {
            return Err(ChunkFault::Count { leaf: id, index, found: self.rows.len(), needs });
        }
        if self.rows.iter().any(|row| LeafId::of(row) != id) {
            return Err(ChunkFault::Row(id));
        }
        let node = node(self.rows.iter().map(|row| &row[..]));
        if self.path.verifies(&node, count(leaf), &leaf.root) {
            Ok(())
        } else {
            Err(ChunkFault::Path { leaf: id, index })
        }
    }

    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no chunk of at most [`limits::FRAME_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::FRAME_BYTES)
    }
}
