//! Rows a transaction holds in memory: read once, written once at its end, and taken back with a basket that is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// How a row stands to the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Differs {
    No,
    Changed,
    /// The file has nothing of it.
    New,
}

/// A row, and whether it differs from the file.
type Row<V> = (V, Differs);

/// Scatters keys by a factor that nobody outside knows: whoever chooses places chooses none that fall together. It is asked
/// for a dozen times an entry; the hasher of the standard library was a tenth of taking in a ledger.
#[derive(Clone, Copy)]
struct Scatter(u64);

impl Scatter {
    fn new() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }
}

impl BuildHasher for Scatter {
    type Hasher = Scattering;

    fn build_hasher(&self) -> Scattering {
        Scattering { factor: self.0, sum: 0 }
    }
}

struct Scattering {
    factor: u64,
    sum: u64,
}

impl Hasher for Scattering {
    fn finish(&self) -> u64 {
        self.sum
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = rest.iter().rfold(0, |word, byte| (word << 8) | u64::from(*byte));
            self.write_u64(word);
        }
    }

    // What keys are made of, as it is: spelt out in bytes first, each cost more than the rest of a look.
    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline(always)]
    fn write_u64(&mut self, word: u64) {
        // The product's upper half too: its lower bits know nothing of the word's upper ones.
        let product = u128::from(self.sum.rotate_left(23) ^ word) * u128::from(self.factor);
        self.sum = (product as u64) ^ ((product >> 64) as u64);
    }
}

/// The rows of one table that a transaction has touched.
pub(super) struct Held<K, V> {
    rows: HashMap<K, Row<V>, Scatter>,
    /// The keys of rows that came to differ from the file, some of them twice; more is held than changes.
    dirty: Vec<K>,
    /// Whether the file may have nothing of one of them.
    new: bool,
    /// While a basket is being accepted: what stood in each row before, in the order of change.
    undo: Option<Vec<(K, Option<Row<V>>)>>,
}

impl<K, V> Default for Held<K, V> {
    fn default() -> Self {
        Self {
            rows: HashMap::with_hasher(Scatter::new()),
            dirty: Vec::new(),
            new: false,
            undo: None,
        }
    }
}

impl<K: Copy + Ord + Hash, V: Copy> Held<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.rows.get(key).map(|(row, _)| *row)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, (row, _))| (key, row))
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Notes a row as it stands in the file.
    pub(super) fn read(&mut self, key: K, row: V) {
        self.put(key, (row, Differs::No));
    }

    /// Changes a row.
    pub(super) fn set(&mut self, key: K, row: V) {
        self.put(key, (row, Differs::Changed));
    }

    /// Adds a row that the file does not have. However often it changes until it is written, it is written once.
    pub(super) fn add(&mut self, key: K, row: V) {
        self.new = true;
        self.put(key, (row, Differs::New));
    }

    /// Whether the file may lack rows that are held.
    pub(super) const fn has_new(&self) -> bool {
        self.new
    }

    fn put(&mut self, key: K, (row, differs): Row<V>) {
        let slot = self.rows.entry(key);
        let before = match &slot {
            Entry::Occupied(held) => Some(*held.get()),
            Entry::Vacant(_) => None,
        };
        let was = before.map_or(Differs::No, |(_, was)| was);
        let stays = was == Differs::New && differs == Differs::Changed;
        slot.insert_entry((row, if stays { Differs::New } else { differs }));
        if differs != Differs::No && was == Differs::No {
            self.dirty.push(key);
        }
        if let Some(undo) = &mut self.undo {
            undo.push((key, before));
        }
    }

    /// From here on changes can be taken back. Rows read from here on are forgotten with them: the file will not have
    /// them either.
    pub(super) fn mark(&mut self) {
        self.undo = Some(Vec::new());
    }

    /// Keeps what changed since the mark.
    pub(super) fn keep(&mut self) {
        self.undo = None;
    }

    /// Takes back what changed since the mark.
    pub(super) fn take_back(&mut self) {
        for (key, before) in self.undo.take().unwrap_or_default().into_iter().rev() {
            match before {
                // It was noted when it came to differ, and nothing was written since.
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }

    /// The rows that differ from the file, in order, and whether the file lacks them; from now on they count as written.
    pub(super) fn changed(&mut self) -> Vec<(K, V, bool)> {
        let mut keys = std::mem::take(&mut self.dirty);
        keys.sort_unstable();
        self.new = false;
        let mut changed = Vec::with_capacity(keys.len());
        for key in keys {
            // What was taken back, or stands there twice, differs no more.
            let Some((row, differs)) = self.rows.get_mut(&key) else { continue };
            match std::mem::replace(differs, Differs::No) {
                Differs::No => {}
                Differs::Changed => changed.push((key, *row, false)),
                Differs::New => changed.push((key, *row, true)),
            }
        }
        changed
    }

    /// Forgets everything. Only after [`Held::changed`] has been written.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.dirty.clear();
        self.new = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_basket_changed_and_read_is_taken_back_in_order() {
        let mut held = Held::default();
        held.read(1, 'a');
        held.set(2, 'b');
        held.mark();
        held.set(1, 'c');
        held.set(1, 'd');
        held.set(2, 'e');
        held.read(3, 'f');
        held.take_back();
        let mut rows: Vec<_> = held.iter().collect();
        rows.sort_unstable();
        assert_eq!(rows, [(&1, &'a'), (&2, &'b')]);
        assert_eq!(held.changed(), [(2, 'b', false)], "a row is dirty as it was before");
        held.mark();
        held.set(1, 'g');
        held.keep();
        held.take_back();
        assert_eq!(held.changed(), [(1, 'g', false)], "kept, and there is nothing to take back");
        assert_eq!(held.changed(), []);
    }

    #[test]
    fn a_new_row_is_written_once_as_it_last_was_and_one_taken_back_never() {
        let mut held = Held::default();
        held.add(1, 'a');
        held.set(1, 'b');
        held.mark();
        held.add(2, 'c');
        held.set(2, 'd');
        held.set(1, 'e');
        held.take_back();
        assert!(held.has_new());
        assert_eq!(held.changed(), [(1, 'b', true)]);
        assert!(!held.has_new());
        held.set(1, 'f');
        assert_eq!(held.changed(), [(1, 'f', false)], "the file has it by now");
    }
}
