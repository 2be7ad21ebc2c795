//! The state root's leaves: one for each cycle of each programme, so that who knows one programme can vouch for it, and
//! one row can be shown to somebody who has nothing else (spec/state.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Purpose, hash, hash_one};
use crate::id::{CycleId, ProgrammeId};
use crate::merkle::{self, Path, Tree};

/// Bytes of a row that say which leaf it stands in: programme and cycle, big-endian.
const KEY_BYTES: usize = 4;

/// Which leaf: a cycle of a programme. Rows that belong to no cycle stand under cycle zero, those that belong to no
/// programme under programme zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LeafId {
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
}

impl LeafId {
    /// The four bytes every row of the leaf begins with.
    #[must_use]
    pub const fn bytes(self) -> [u8; KEY_BYTES] {
        let ([a, b], [c, d]) = (self.programme.0.to_be_bytes(), self.cycle.0.to_be_bytes());
        [a, b, c, d]
    }

    /// The leaf a row stands in. Shorter than four bytes, a row is none of ours: it reads as if zeros followed.
    #[must_use]
    pub fn of(row: &[u8]) -> Self {
        let at = |place: usize| row.get(place).copied().unwrap_or_default();
        Self {
            programme: ProgrammeId(u16::from_be_bytes([at(0), at(1)])),
            cycle: CycleId(u16::from_be_bytes([at(2), at(3)])),
        }
    }
}

impl std::fmt::Display for LeafId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.programme, self.cycle)
    }
}

/// A leaf: how many rows it has, and the root over them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leaf {
    /// Which.
    pub id: LeafId,
    /// How many rows.
    pub rows: u32,
    /// The root of the tree over the rows, ascending by their bytes.
    pub root: Hash,
}

impl Leaf {
    /// What stands for it in the tree under the state root.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let (id, rows) = (self.id.bytes(), self.rows.to_be_bytes());
        hash(Purpose::StateTable, &[&id, &rows, &self.root.0])
    }
}

/// What stands for a row in the tree of its leaf.
#[must_use]
pub fn row_hash(row: &[u8]) -> Hash {
    hash_one(Purpose::StateRow, row)
}

/// The leaves over rows in any order, ascending. A row that is there twice counts twice.
#[must_use]
pub fn leaves(mut rows: Vec<Vec<u8>>) -> Vec<Leaf> {
    rows.sort_unstable();
    let same = |a: &Vec<u8>, b: &Vec<u8>| LeafId::of(a) == LeafId::of(b);
    let leaf = |rows: &[Vec<u8>]| Leaf {
        id: rows.first().map_or(LeafId::of(&[]), |row| LeafId::of(row)),
        rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        root: rows.iter().map(|row| row_hash(row)).collect::<Tree>().root(),
    };
    rows.chunk_by(same).map(leaf).collect()
}

/// Rows held at a time at least, where they are told again for each share of them: some five megabytes.
pub const HELD: usize = 32_768;
/// Shares of the rows there are at most, beyond the first: however many rows, they are told ten times.
const SHARES: u64 = 8;

/// As [`leaves`], over rows of which never all are held: `tell` hands on each of them, in any order and the same ones every
/// time, and is asked again for every next share. At least `held` of them are kept at a time, and at most an eighth of all
/// where that is more.
///
/// # Errors
///
/// What `tell` meets.
pub fn leaves_told<E>(
    held: usize,
    mut tell: impl FnMut(&mut dyn FnMut(&[u8])) -> Result<(), E>,
) -> Result<Vec<Leaf>, E> {
    let mut leaves: Vec<(LeafId, Tree)> = Vec::new();
    let mut below: Option<Box<[u8]>> = None;
    let mut most = held.max(1);
    loop {
        let (mut all, mut more) = (0u64, false);
        // The lowest rows that have not had their turn, each with how often it is there.
        let mut lowest: BTreeMap<Box<[u8]>, u32> = BTreeMap::new();
        tell(&mut |row| {
            all = all.saturating_add(1);
            if below.as_deref().is_some_and(|below| row <= below) {
                return;
            }
            if let Some(times) = lowest.get_mut(row) {
                *times = times.saturating_add(1);
                return;
            }
            if lowest.len() >= most {
                // What is let go stands above all that is kept, and so does every further one like it.
                more = true;
                if lowest.last_key_value().is_some_and(|(last, _)| row > &**last) {
                    return;
                }
                lowest.pop_last();
            }
            lowest.insert(row.into(), 1);
        })?;
        for (row, times) in &lowest {
            let id = LeafId::of(row);
            if leaves.last().is_none_or(|(last, _)| *last != id) {
                leaves.push((id, Tree::new()));
            }
            let Some((_, tree)) = leaves.last_mut() else { continue };
            let hash = row_hash(row);
            (0..*times).for_each(|_| tree.push(hash));
        }
        if !more {
            break;
        }
        below = lowest.pop_last().map(|(row, _)| row);
        most = most.max(usize::try_from(all.div_ceil(SHARES)).unwrap_or(usize::MAX));
    }
    let rows = |tree: &Tree| u32::try_from(tree.leaves()).unwrap_or(u32::MAX);
    Ok(leaves
        .iter()
        .map(|(id, tree)| Leaf { id: *id, rows: rows(tree), root: tree.root() })
        .collect())
}

/// The state root over leaves, ascending: how many there are, and the tree over them.
#[must_use]
pub fn root(leaves: &[Leaf]) -> Hash {
    let hashes: Vec<Hash> = leaves.iter().map(Leaf::hash).collect();
    whole(leaves.len(), &merkle::root(&hashes))
}

fn whole(leaves: usize, tree: &Hash) -> Hash {
    let leaves = u32::try_from(leaves).unwrap_or(u32::MAX);
    hash(Purpose::State, &[&leaves.to_be_bytes(), &tree.0])
}

/// The path from one leaf to the state root. `None` where there is no such leaf.
#[must_use]
pub fn path(leaves: &[Leaf], id: LeafId) -> Option<Path> {
    let at = leaves.iter().position(|leaf| leaf.id == id)?;
    let hashes: Vec<Hash> = leaves.iter().map(Leaf::hash).collect();
    merkle::path(&hashes, u32::try_from(at).ok()?)
}

/// Whether a leaf stands under a state root of so many leaves.
#[must_use]
pub fn stands(leaf: &Leaf, path: &Path, leaves: u32, root: &Hash) -> bool {
    let count = usize::try_from(leaves).unwrap_or(usize::MAX);
    path.root(&leaf.hash(), leaves).is_some_and(|tree| whole(count, &tree) == *root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(programme: u16, cycle: u16, rest: u8) -> Vec<u8> {
        let id = LeafId { programme: ProgrammeId(programme), cycle: CycleId(cycle) };
        [&id.bytes()[..], &[rest]].concat()
    }

    #[test]
    fn a_row_moves_its_own_leaf_and_no_other() {
        let rows = vec![row(1, 5, 1), row(1, 6, 1), row(2, 0, 1), row(1, 5, 2)];
        let before = leaves(rows.clone());
        let ids: Vec<_> = before.iter().map(|leaf| (leaf.id.to_string(), leaf.rows)).collect();
        assert_eq!(ids, [("1/5".into(), 2), ("1/6".into(), 1), ("2/0".into(), 1)]);
        let mut more = rows;
        more.push(row(1, 6, 9));
        let after = leaves(more);
        assert_eq!((before[0], before[2]), (after[0], after[2]));
        assert_ne!(before[1], after[1]);
        assert_ne!(root(&before), root(&after));
    }

    #[test]
    fn rows_told_in_shares_come_to_the_leaves_of_all_of_them() {
        // A row that stands there twice, on either side of a share's end, counts twice.
        let mut rows: Vec<Vec<u8>> = (0..200u8)
            .map(|n| row(u16::from(n % 3), u16::from(n % 5), n.wrapping_mul(77)))
            .collect();
        rows.extend(rows.clone().into_iter().step_by(7));
        let whole = leaves(rows.clone());
        for held in [1, 2, 3, 10, 31, 229, 230, 1_000] {
            let mut times = 0;
            let told = leaves_told(held, |each| {
                times += 1;
                rows.iter().for_each(|row| each(row));
                rows.reverse();
                Ok::<(), ()>(())
            });
            assert_eq!(told, Ok(whole.clone()), "{held} at a time");
            assert!(times <= 10, "{held} at a time: told {times} times");
        }
        assert_eq!(leaves_told(1, |_| Ok::<(), ()>(())), Ok(Vec::new()));
        assert_eq!(leaves_told(1, |_| Err("the disk")), Err("the disk"));
    }

    #[test]
    fn a_leaf_is_shown_under_the_root_and_under_no_other_count_or_place() {
        let rows = (1..=5).map(|cycle| row(1, cycle, 0)).collect();
        let all = leaves(rows);
        let whole = root(&all);
        for leaf in &all {
            let path = path(&all, leaf.id).expect("it is there");
            assert!(stands(leaf, &path, 5, &whole));
            assert!(!stands(leaf, &path, 4, &whole), "another count");
            let other = Leaf { rows: leaf.rows + 1, ..*leaf };
            assert!(!stands(&other, &path, 5, &whole), "another leaf");
            let moved = Path { index: (path.index + 1) % 5, ..path };
            assert!(!stands(leaf, &moved, 5, &whole), "another place");
        }
        assert_eq!(path(&all, LeafId::of(&[])), None);
        assert_ne!(root(&[]), root(&all[..1]));
    }
}
