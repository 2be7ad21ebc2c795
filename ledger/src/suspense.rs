//! What a place that failed holds or is owed: the same number for every cut (spec/cuts.md, "Suspense").
//!
//! No cut enters it. What a feed gave above the cut leaves its pool when it turns up, whatever it is called; what is in
//! flight to the feed belongs to it, because nobody else can move that.

use crate::amount::Balance;
use crate::cut::{self, Cut};
use crate::fold::ended_before;
use crate::id::FeedRef;
use crate::view::{At, Pool, PoolKey, View};

#[cfg(test)]
mod tests;

/// Why a pool is called suspense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// Its feed is cut here, by a fence or a revocation.
    Cut(Cut),
    /// Its cycle is closed.
    Closed,
}

/// One pool of a feed that is cut, or of a cycle that is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suspense {
    /// The node, programme, cycle and commodity.
    pub key: PoolKey,
    /// Why it is suspense.
    pub because: Because,
    /// What its lots come to, with everything released taken off.
    pub lots: Balance,
    /// What is in flight to it.
    pub arriving: Balance,
    /// What articles have released of it.
    pub released: Balance,
    /// Whether nothing can turn up that lowers it: the feed is known from its first block to its `End`. Otherwise it is
    /// the most there can be.
    pub exact: bool,
}

impl Suspense {
    /// How much it is, below zero where more turned up than there was.
    #[must_use]
    pub const fn units(&self) -> Balance {
        self.lots.plus(self.arriving)
    }
}

/// The suspense among these pools, in their order.
pub fn among<'a>(
    view: &'a dyn View,
    pools: impl IntoIterator<Item = (PoolKey, Pool)> + 'a,
) -> impl Iterator<Item = Suspense> + 'a {
    pools.into_iter().filter_map(move |(key, pool)| of(view, &key, &pool))
}

/// What one pool is in suspense, if it is.
#[must_use]
pub fn of(view: &dyn View, key: &PoolKey, pool: &Pool) -> Option<Suspense> {
    let feed = FeedRef::value(key.node, key.programme);
    let closed = view.charter().closed(key.programme, key.cycle).map(|_| Because::Closed);
    let because = cut::lowest(view, &feed).map(Because::Cut).or(closed)?;
    let (released, exact) = (released(view, key), has_ended(view, &feed));
    let (lots, arriving) = (pool.lots, pool.arriving);
    Some(Suspense { key: *key, because, lots, arriving, released, exact })
}

/// What articles have released of a pool.
#[must_use]
pub fn released(view: &dyn View, key: &PoolKey) -> Balance {
    let of_key = view.charter().releases().filter(|(_, freed)| {
        freed.feed == FeedRef::value(key.node, key.programme)
            && (freed.cycle, freed.commodity) == (key.cycle, key.commodity)
    });
    of_key.fold(Balance::ZERO, |sum, (_, freed)| sum.credit(freed.amount))
}

/// Whether a feed is known from its first block to its end, on one chain and without a proven fault.
#[must_use]
pub fn has_ended(view: &dyn View, feed: &FeedRef) -> bool {
    let chains = view.branches(feed);
    let [chain] = chains[..] else { return false };
    let next = At { chain, index: view.head(chain).next };
    ended_before(view, next) && !view.faulty(feed)
}
