//! What all lives of a machine have promised, and whether a medium keeps it.

use std::collections::BTreeMap;

use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_node::store::{Store, StoreFault};

use crate::faults::camp::{Machine, Order};
use crate::faults::{Kept, hold, sound};

/// The word given for one feed.
pub(in crate::faults) struct Word {
    pub(super) feed: FeedId,
    /// Accumulators by index.
    pub(super) promised: BTreeMap<u64, Hash>,
    /// Hashes of headers by block number.
    pub(super) shown: BTreeMap<u64, Hash>,
    /// Asked and never answered.
    pub(super) doubt: Vec<Order>,
    /// How long the feed is once nothing is in doubt.
    pub(super) length: u64,
    number: u64,
}

/// A feed as a medium has it.
struct Found {
    accumulators: BTreeMap<u64, Hash>,
    blocks: BTreeMap<u64, Hash>,
}

impl Word {
    pub(super) fn new(feed: FeedId) -> Self {
        let (promised, shown) = (BTreeMap::new(), BTreeMap::new());
        Self { feed, promised, shown, doubt: Vec::new(), length: 0, number: 0 }
    }

    /// The number of the next order.
    pub(super) const fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Takes the feed as it lies there as promised.
    pub(super) fn begin(&mut self, machine: &Machine) -> Kept {
        let copy = machine.copy();
        let store = sound("opening", Store::open(&copy.ledger))?;
        self.length = sound("looking", self.length_of(&store))?;
        let found = sound("looking", self.found(&store))?;
        (self.promised, self.shown) = (found.accumulators, found.blocks);
        Ok(())
    }

    pub(super) fn length_of(&self, store: &Store) -> Result<u64, StoreFault> {
        let feeds = store.feeds()?;
        Ok(feeds.iter().find(|feed| feed.id == self.feed).map_or(0, |feed| feed.head.next))
    }

    /// Blocks sealed so far have been shown to others. Says how many are new.
    pub(super) fn show(&mut self, store: &Store) -> Result<u64, StoreFault> {
        let before = self.shown.len() as u64;
        for (seq, hash) in self.found(store)?.blocks {
            self.shown.entry(seq).or_insert(hash);
        }
        Ok(self.shown.len() as u64 - before)
    }

    /// Promises whatever stands there that was asked for and not answered. Says how many entries.
    pub(super) fn promise_found(&mut self, store: &Store) -> Result<u64, StoreFault> {
        let before = self.promised.len() as u64;
        for (index, accumulator) in self.found(store)?.accumulators {
            self.promised.entry(index).or_insert(accumulator);
        }
        Ok(self.promised.len() as u64 - before)
    }

    fn found(&self, store: &Store) -> Result<Found, StoreFault> {
        let mut found = Found { accumulators: BTreeMap::new(), blocks: BTreeMap::new() };
        let work = store.look()?;
        let feeds = work.feeds();
        work.check()?;
        let Some(feed) = feeds.iter().find(|feed| feed.id == self.feed) else { return Ok(found) };
        work.blocks::<StoreFault>(feed.chain, 0, |row, _| {
            for placed in row.block.read(self.feed.lane)? {
                found.accumulators.insert(placed.index, placed.accumulator);
            }
            found.blocks.insert(row.block.header.seq, row.block.header.hash());
            Ok(true)
        })?;
        let mut head = feed.sealed;
        for bytes in work.tail(feed.chain)? {
            let index = head.next;
            head = head.after(&bytes);
            found.accumulators.insert(index, head.accumulator);
        }
        Ok(found)
    }

    /// Holds a copy of the medium against all that was promised.
    pub(in crate::faults) fn check(&self, machine: &Machine) -> Kept {
        let copy = machine.copy();
        let mut store = sound("opening", Store::open(&copy.ledger))?;
        sound("the heads", store.check_heads())?;
        let health = sound("checking", store.check_all(&mut |_, _| {}))?;
        hold(health.damage.is_empty(), || health.damage.join("; "))?;
        let found = sound("looking", self.found(&store))?;
        for (index, accumulator) in &self.promised {
            let there = found.accumulators.get(index);
            hold(there.is_some(), || format!("the promised entry {index} is lost"))?;
            let same = there == Some(accumulator);
            hold(same, || format!("at the promised place {index} stands something else"))?;
        }
        for (seq, hash) in &self.shown {
            let same = found.blocks.get(seq) == Some(hash);
            hold(same, || format!("block {seq}, which others have, is not the one that is here"))?;
        }
        let root = sound("the root", store.root())?;
        sound("folding again", store.rebuild(&mut |_, _| {}))?;
        let replayed = sound("the root", store.root())?;
        hold(root == replayed, || "the state is not what its blocks say".to_owned())
    }
}
