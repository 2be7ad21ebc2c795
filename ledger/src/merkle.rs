//! A tree over hashes in the shape of RFC 6962: inner nodes in pairs from the left, an odd last node promoted as it is.
//!
//! Leaves arrive already hashed, each under a purpose of its own; an inner node is hashed under [`Purpose::Node`], so no
//! leaf can pass for a node. The root alone does not tell how many leaves there are: whoever signs a root signs the
//! count beside it, and [`Path::verifies`] asks for that count (spec/lists.md, "The tree").

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Purpose, hash, hash_pair};
use crate::limits;
use crate::wire::Bounded;

/// A tree that leaves are pushed into one by one. Holds one hash for each bit of the count, whatever its size.
#[derive(Clone, Debug)]
pub struct Tree {
    leaves: u64,
    /// At height h, where bit h of `leaves` is set: the root of a perfect subtree of 2^h leaves.
    peaks: [Hash; 64],
}

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { leaves: 0, peaks: [Hash::ZERO; 64] }
    }

    /// A tree that seems to have so many leaves, for who asks about its limit and not for its root.
    #[cfg(test)]
    pub(crate) const fn seeming(leaves: u64) -> Self {
        Self { leaves, ..Self::new() }
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Adds a leaf on the right.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for (height, peak) in self.peaks.iter_mut().enumerate() {
            if (self.leaves >> height) & 1 == 0 {
                *peak = node;
                break;
            }
            node = hash_pair(Purpose::Node, peak, &node);
        }
        self.leaves = self.leaves.saturating_add(1);
    }

    /// The root over the leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        // From the right, lowest peak first: what is already joined is the odd node that was promoted.
        let standing = self.peaks.iter().enumerate().filter(|(h, _)| (self.leaves >> h) & 1 == 1);
        standing
            .map(|(_, peak)| *peak)
            .reduce(|right, left| hash_pair(Purpose::Node, &left, &right))
            .unwrap_or_else(|| hash(Purpose::EmptyTree, &[]))
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// Returns the root over `leaves`. Allocates nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Tree>().root()
}

/// Returns the path from leaf `index` to the root: the hashes beside it, lowest first. `None` where there is no such
/// leaf.
#[must_use]
pub fn path(leaves: &[Hash], index: u32) -> Option<Path> {
    let mut at = usize::try_from(index).ok().filter(|at| *at < leaves.len())?;
    let mut level = leaves.to_vec();
    let mut hashes = Vec::new();
    while level.len() > 1 {
        if let Some(beside) = level.get(at ^ 1) {
            hashes.push(*beside);
        }
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => hash_pair(Purpose::Node, left, right),
                promoted => promoted.first().copied().unwrap_or_default(),
            })
            .collect();
        at /= 2;
    }
    Some(Path { index, hashes: Bounded::new(hashes).ok()? })
}

/// A whole tree in memory, 64 bytes a leaf: a path costs a look at each level and not a walk over all leaves.
#[derive(Clone, Debug)]
pub struct Paths {
    levels: Vec<Vec<Hash>>,
}

impl Paths {
    /// Builds the tree over `leaves`.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => hash_pair(Purpose::Node, left, right),
                promoted => promoted.first().copied().unwrap_or_default(),
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The same as [`path`] over the same leaves.
    #[must_use]
    pub fn path(&self, index: u32) -> Option<Path> {
        let mut at = usize::try_from(index).ok()?;
        self.levels.first()?.get(at)?;
        let mut hashes = Vec::new();
        for level in &self.levels {
            if let Some(beside) = level.get(at ^ 1) {
                hashes.push(*beside);
            }
            at /= 2;
        }
        Some(Path { index, hashes: Bounded::new(hashes).ok()? })
    }
}

/// A proof that one leaf stands at one place of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Path {
    /// Which leaf, from zero.
    pub index: u32,
    /// The hashes beside the way up, lowest first.
    pub hashes: Bounded<Hash, { limits::PATH_HASHES }>,
}

impl Path {
    /// Whether `leaf` stands at [`Path::index`] of the tree of `count` leaves with this root.
    ///
    /// `count` must be the one signed beside the root: a wrong count can make a true leaf appear elsewhere.
    /// The algorithm is that of RFC 9162, section 2.1.3.2.
    #[must_use]
    pub fn verifies(&self, leaf: &Hash, count: u32, root: &Hash) -> bool {
        self.root(leaf, count).is_some_and(|found| found == *root)
    }

    /// The root this path leads to from `leaf` in a tree of `count` leaves. `None` where no path of such a tree has this
    /// place and length.
    #[must_use]
    pub fn root(&self, leaf: &Hash, count: u32) -> Option<Hash> {
        let mut last = count.checked_sub(1).filter(|last| self.index <= *last)?;
        let mut at = self.index;
        let mut node = *leaf;
        for beside in self.hashes.iter() {
            if last == 0 {
                return None;
            }
            if at & 1 == 1 {
                node = hash_pair(Purpose::Node, beside, &node);
            } else if at == last {
                // Promoted unpaired: it goes up alone until it is somebody's right-hand side.
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
                node = hash_pair(Purpose::Node, beside, &node);
            } else {
                node = hash_pair(Purpose::Node, &node, beside);
            }
            at >>= 1;
            last >>= 1;
        }
        (last == 0).then_some(node)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::hash_one;

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| hash_one(Purpose::Leaf, &n.to_be_bytes())).collect()
    }

    /// The definition in RFC 6962, section 2.1, word for word: split at the largest power of two below the count.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash(Purpose::EmptyTree, &[]),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                hash_pair(Purpose::Node, &defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_rfc_6962_defines() {
        for count in 0..=300 {
            let leaves = leaves(count);
            assert_eq!(root(&leaves), defined(&leaves), "{count} leaves");
        }
    }

    #[test]
    fn every_path_of_small_trees_verifies_and_no_other_place_or_leaf_does() {
        for count in 1..=33 {
            let leaves = leaves(count);
            let root = root(&leaves);
            for (index, leaf) in (0..count).zip(&leaves) {
                let path = path(&leaves, index).expect("a leaf there is");
                assert!(path.verifies(leaf, count, &root), "{index} of {count}");
                for (other, other_leaf) in (0..count).zip(&leaves) {
                    let moved = Path { index: other, hashes: path.hashes.clone() };
                    assert_eq!(moved.verifies(leaf, count, &root), other == index);
                    assert_eq!(path.verifies(other_leaf, count, &root), other == index);
                }
            }
            assert_eq!(path(&leaves, count), None, "past the end");
        }
    }

    proptest! {
        #[test]
        fn a_path_verifies_as_it_is_and_in_no_changed_form(
            count in 1u32..2_000, at in any::<u32>(), byte in any::<prop::sample::Index>(),
            drop in any::<bool>(),
        ) {
            let index = at % count;
            let leaves = leaves(count);
            let root = root(&leaves);
            let leaf = leaves[index as usize];
            let good = path(&leaves, index).expect("a leaf there is");
            prop_assert!(good.verifies(&leaf, count, &root));
            prop_assert!(!good.verifies(&leaf, 0, &root));
            prop_assert!(!good.verifies(&leaf, index, &root), "a tree it is not in");
            let mut hashes = good.hashes.into_vec();
            if hashes.is_empty() {
                return Ok(());
            }
            let which = byte.index(hashes.len() * 32);
            if drop { hashes.pop(); } else { hashes[which / 32].0[which % 32] ^= 1; }
            let bad = Path { index, hashes: Bounded::new(hashes).expect("no longer than before") };
            prop_assert!(!bad.verifies(&leaf, count, &root));
        }
    }

    #[test]
    fn a_tree_in_memory_gives_the_same_paths() {
        for count in 0..70u32 {
            let leaves: Vec<Hash> = (0..count)
                .map(|n| hash_pair(Purpose::Leaf, &Hash([n as u8; 32]), &Hash::ZERO))
                .collect();
            let paths = Paths::new(leaves.clone());
            for index in 0..=count {
                assert_eq!(paths.path(index), path(&leaves, index), "{index} of {count}");
            }
        }
    }
}
