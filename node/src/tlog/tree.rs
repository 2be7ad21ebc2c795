//! The tree outsiders expect: RFC 6962 over SHA-256, kept as its right edge in tiles of 256 (C2SP `tlog-tiles`).

use sha2::{Digest, Sha256};

/// Hashes in a full tile: its height is eight.
pub const TILE: usize = 256;

/// A hash of this tree.
pub type Node = [u8; 32];

/// The hash of a leaf's bytes.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Node {
    let mut sha = Sha256::new();
    sha.update([0]);
    sha.update(bytes);
    sha.finalize().into()
}

fn parent(left: &Node, right: &Node) -> Node {
    let mut sha = Sha256::new();
    sha.update([1]);
    sha.update(left);
    sha.update(right);
    sha.finalize().into()
}

/// The root of a perfect subtree over hashes whose number is a power of two.
fn perfect(hashes: &[Node]) -> Node {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => parent(left, right),
                _ => pair.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(empty)
}

/// The root of a tree without leaves.
fn empty() -> Node {
    Sha256::digest([]).into()
}

/// A tile that is full, and never changes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// How far above the leaves, in tiles.
    pub level: u8,
    /// Which of its level, from zero.
    pub number: u64,
    /// Its 256 hashes.
    pub hashes: Vec<Node>,
}

/// The right edge of a growing tree: of each level, the hashes that do not fill a tile yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Node>>,
}

impl Edge {
    /// Which tiles the right edge of a tree of `size` leaves is made of: level, number, how many hashes.
    pub fn places(size: u64) -> impl Iterator<Item = (u8, u64, usize)> {
        (0u8..8).map_while(move |level| {
            let rest = size >> (8 * u32::from(level));
            let count = usize::from(rest.to_le_bytes()[0]);
            (rest > 0).then_some((level, rest >> 8, count))
        })
    }

    /// The edge of a tree of `size` leaves, from what its tiles hold.
    ///
    /// # Errors
    ///
    /// What `tile` answers, which is asked for each of [`Edge::places`] that is not empty.
    pub fn read<E>(
        size: u64,
        mut tile: impl FnMut(u8, u64, usize) -> Result<Vec<Node>, E>,
    ) -> Result<Self, E> {
        let levels = Self::places(size)
            .map(|(level, number, count)| match count {
                0 => Ok(Vec::new()),
                _ => tile(level, number, count),
            })
            .collect::<Result<_, E>>()?;
        Ok(Self { size, levels })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf's hash, and hands each tile it fills to `full`.
    pub fn push(&mut self, hash: Node, mut full: impl FnMut(Full)) {
        self.size = self.size.saturating_add(1);
        let mut carried = Some(hash);
        let mut level = 0usize;
        while let Some(hash) = carried.take() {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE));
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            if row.len() == TILE {
                let hashes = std::mem::take(row);
                carried = Some(perfect(&hashes));
                // The size counts leaves, so shifted by eight for each level it counts hashes of the next.
                let shift = u32::try_from(8 * (level + 1)).unwrap_or(u32::MAX);
                let number = self.size.checked_shr(shift).unwrap_or(0).saturating_sub(1);
                full(Full { level: u8::try_from(level).unwrap_or(u8::MAX), number, hashes });
            }
            level += 1;
        }
    }

    /// The tiles at the edge that are neither empty nor full: level, number, hashes.
    pub fn partial(&self) -> impl Iterator<Item = (u8, u64, &[Node])> {
        (0u8..).zip(&self.levels).filter(|(_, row)| !row.is_empty()).map(|(level, row)| {
            let shift = 8 * (u32::from(level) + 1);
            (level, self.size.checked_shr(shift).unwrap_or(0), &**row)
        })
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Node {
        // From the left the tree is perfect subtrees of falling size: those of the highest level first, and within a
        // level as the binary digits of how many there are.
        let mut subtrees: Vec<Node> = Vec::new();
        for row in self.levels.iter().rev() {
            let mut rest = row.as_slice();
            while !rest.is_empty() {
                let size = 1usize << rest.len().ilog2();
                let (first, after) = rest.split_at(size);
                subtrees.push(perfect(first));
                rest = after;
            }
        }
        subtrees.into_iter().rev().reduce(|right, left| parent(&left, &right)).unwrap_or_else(empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 section 2.1, word by word: split at the largest power of two below the size.
    fn by_definition(leaves: &[Node]) -> Node {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let split = 1usize << (leaves.len() - 1).ilog2();
                let (left, right) = leaves.split_at(split);
                parent(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn the_edge_gives_the_root_of_the_definition_at_every_size() {
        let mut edge = Edge::default();
        let mut leaves = Vec::new();
        let mut full = Vec::new();
        assert_eq!(edge.root(), by_definition(&[]));
        for number in 0u32..1_100 {
            let hash = leaf(&number.to_be_bytes());
            leaves.push(hash);
            edge.push(hash, |tile| full.push(tile));
            assert_eq!(edge.root(), by_definition(&leaves), "{} leaves", leaves.len());
        }
        let at: Vec<(u8, u64)> = full.iter().map(|tile| (tile.level, tile.number)).collect();
        assert_eq!(at, [(0, 0), (0, 1), (0, 2), (0, 3)]);
        let edge: Vec<_> = edge.partial().map(|(l, n, row)| (l, n, row.len())).collect();
        assert_eq!(edge, [(0, 4, 76), (1, 0, 4)]);
    }

    #[test]
    fn the_third_level_begins_after_65_536_leaves() {
        let mut edge = Edge::default();
        let mut last = None;
        for _ in 0..65_536 {
            edge.push([7; 32], |tile| last = Some((tile.level, tile.number)));
        }
        assert_eq!(last, Some((1, 0)));
        let edge: Vec<_> = edge.partial().map(|(l, n, row)| (l, n, row.len())).collect();
        assert_eq!(edge, [(2, 0, 1)]);
    }

    #[test]
    fn a_leaf_is_told_from_an_inner_node_and_from_no_tree() {
        // RFC 6962 2.1: the hash of no leaves is that of the empty string; the well-known digest of it.
        assert_eq!(empty()[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        assert_ne!(parent(&a, &b), leaf(&[a, b].concat()));
    }
}
