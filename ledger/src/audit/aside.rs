//! What an audit keeps of entries that settlements name, in bounded memory: full runs of them are put aside, where somebody
//! lends room for that (spec/audit-file.md, "Days and settlements").

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use crate::amount::Amount;
use crate::hash::Hash;

/// Room outside memory, lent to an audit: a file that nobody else reads, and that is gone with it.
pub trait Aside: Debug + Send + Sync {
    /// After how many entries, of 52 bytes, a run is put aside. At least one.
    fn run(&self) -> usize;
    /// Takes bytes; answers by which number they are given back. `None` where there is no room: they stay in memory.
    fn put(&self, bytes: &[u8]) -> Option<u64>;
    /// Gives bytes back. `None` where they cannot be read any more: what was made with it is then worth nothing, and whoever
    /// lent the room has to say so.
    fn get(&self, number: u64) -> Option<Vec<u8>>;
}

/// An entry that settlements name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) amount: Amount,
    /// Its place among the terms.
    pub(super) terms: u32,
}

/// How long one is, put aside.
const LONG: usize = 52;

impl Packed {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.index.to_le_bytes());
        to.extend(self.leaf.0);
        to.extend(self.amount.units().to_le_bytes());
        to.extend(self.terms.to_le_bytes());
    }

    fn read(bytes: &[u8; LONG]) -> Option<Self> {
        let (index, rest) = bytes.split_first_chunk()?;
        let (leaf, rest) = rest.split_first_chunk()?;
        let (units, rest) = rest.split_first_chunk()?;
        let (terms, _) = rest.split_first_chunk()?;
        Some(Self {
            index: u64::from_le_bytes(*index),
            leaf: Hash(*leaf),
            amount: Amount::new(u64::from_le_bytes(*units))?,
            terms: u32::from_le_bytes(*terms),
        })
    }
}

/// A run that was put aside: from one index up to another, both with it.
#[derive(Clone, Debug)]
struct Run {
    first: u64,
    last: u64,
    long: u64,
    room: Arc<dyn Aside>,
    number: u64,
}

impl Run {
    fn read(&self) -> Vec<Packed> {
        let bytes = self.room.get(self.number).unwrap_or_default();
        let (each, _) = bytes.as_chunks();
        each.iter().filter_map(Packed::read).collect()
    }
}

/// A run that was read back, by its place among the runs.
type Back = (usize, Arc<Vec<Packed>>);

/// Those of one chain, ascending by index.
#[derive(Debug, Default)]
pub(super) struct Rows {
    runs: Vec<Run>,
    last: Vec<Packed>,
    /// The run that was asked for last: single entries are asked for one after the other.
    back: Mutex<Option<Back>>,
}

impl Clone for Rows {
    fn clone(&self) -> Self {
        Self { runs: self.runs.clone(), last: self.last.clone(), back: Mutex::default() }
    }
}

impl Rows {
    pub(super) fn push(&mut self, aside: Option<&Arc<dyn Aside>>, row: Packed) {
        self.last.push(row);
        let Some(room) = aside.filter(|room| self.last.len() >= room.run().max(1)) else { return };
        let mut bytes = Vec::with_capacity(self.last.len().saturating_mul(LONG));
        self.last.iter().for_each(|row| row.write(&mut bytes));
        let (Some(first), Some(last)) = (self.last.first(), self.last.last()) else { return };
        let (first, last) = (first.index, last.index);
        // Where there is no room it stays, and is tried again with the next.
        if let Some(number) = room.put(&bytes) {
            let (long, room) = (self.last.len() as u64, Arc::clone(room));
            self.runs.push(Run { first, last, long, room, number });
            self.last.clear();
        }
    }

    pub(super) fn len(&self) -> u64 {
        let aside: u64 = self.runs.iter().map(|run| run.long).sum();
        aside.saturating_add(self.last.len() as u64)
    }

    pub(super) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.last.shrink_to_fit();
    }

    /// Those from an index up to another, in order; one run at a time is in memory.
    pub(super) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = Packed> + '_ {
        let first = self.runs.partition_point(|run| run.last < from);
        let last = self.runs.partition_point(|run| run.first < to);
        let aside = (first..last).flat_map(move |at| {
            let run = self.run(at);
            let (first, last) = bounds(&run, from, to);
            (first..last).filter_map(move |at| run.get(at).copied())
        });
        let (first, last) = bounds(&self.last, from, to);
        aside.chain(self.last.get(first..last).unwrap_or_default().iter().copied())
    }

    fn run(&self, at: usize) -> Arc<Vec<Packed>> {
        let mut back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, rows)) = back.as_ref()
            && *known == at
        {
            return Arc::clone(rows);
        }
        let rows = Arc::new(self.runs.get(at).map(Run::read).unwrap_or_default());
        *back = Some((at, Arc::clone(&rows)));
        rows
    }
}

fn bounds(rows: &[Packed], from: u64, to: u64) -> (usize, usize) {
    let first = rows.partition_point(|row| row.index < from);
    (first, rows.partition_point(|row| row.index < to).max(first))
}
