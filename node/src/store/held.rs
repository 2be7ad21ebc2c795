//! Rows a transaction holds in memory: read once, written once at its end, and taken back with a basket that is refused.

use std::collections::BTreeMap;

/// A row, and whether it differs from the file.
type Row<V> = (V, bool);

/// The rows of one table that a transaction has touched.
pub(super) struct Held<K, V> {
    rows: BTreeMap<K, Row<V>>,
    /// The keys of rows that came to differ from the file, some of them twice; more is held than changes.
    dirty: Vec<K>,
    /// While a basket is being accepted: what stood in each row before, in the order of change.
    undo: Option<Vec<(K, Option<Row<V>>)>>,
}

impl<K, V> Default for Held<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), dirty: Vec::new(), undo: None }
    }
}

impl<K: Copy + Ord, V: Copy> Held<K, V> {
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
        self.put(key, (row, false));
    }

    /// Changes a row.
    pub(super) fn set(&mut self, key: K, row: V) {
        self.put(key, (row, true));
    }

    fn put(&mut self, key: K, row: Row<V>) {
        let before = self.rows.insert(key, row);
        if row.1 && !before.is_some_and(|(_, dirty)| dirty) {
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

    /// The rows that differ from the file, in order; from now on they count as written.
    pub(super) fn changed(&mut self) -> Vec<(K, V)> {
        let mut keys = std::mem::take(&mut self.dirty);
        keys.sort_unstable();
        let mut changed = Vec::with_capacity(keys.len());
        for key in keys {
            // What was taken back, or stands there twice, differs no more.
            if let Some((row, dirty)) = self.rows.get_mut(&key).filter(|(_, dirty)| *dirty) {
                *dirty = false;
                changed.push((key, *row));
            }
        }
        changed
    }

    /// Forgets everything. Only after [`Held::changed`] has been written.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.dirty.clear();
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
        assert_eq!(held.iter().collect::<Vec<_>>(), [(&1, &'a'), (&2, &'b')]);
        assert_eq!(held.changed(), [(2, 'b')], "a row is dirty as it was before");
        held.mark();
        held.set(1, 'g');
        held.keep();
        held.take_back();
        assert_eq!(held.changed(), [(1, 'g')], "kept, and there is nothing to take back");
        assert_eq!(held.changed(), []);
    }
}
