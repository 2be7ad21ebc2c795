//! What might be owed, and hangs on what a source does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::Part;
use super::verdict::{Missing, Undecided};
use crate::id::FeedRef;
use crate::view::PoolKey;

/// What the source does not have, and what might be owed hangs on.
pub(super) struct Open {
    /// What claims stand for whose senders have no certificate here.
    waits: BTreeMap<PoolKey, u128>,
    /// The feeds of which there are blocks that could not be counted.
    partly: BTreeSet<FeedRef>,
}

impl Open {
    pub(super) fn of(parts: &[Part]) -> Self {
        let mut waits: BTreeMap<PoolKey, u128> = BTreeMap::new();
        for (key, amount) in parts.iter().flat_map(|part| part.outcome.waits.values()) {
            let sum = waits.entry(*key).or_default();
            *sum = sum.saturating_add(u128::from(amount.units()));
        }
        let partly = parts.iter().filter(|part| !part.outcome.is_whole());
        Self { waits, partly: partly.map(|part| part.feed.short()).collect() }
    }

    /// Of what a pool lacks: what is owed, and what cannot be decided. A fault that is proven stays so whatever else there is.
    pub(super) fn split(
        &self,
        key: &PoolKey,
        units: u128,
        proven: bool,
    ) -> (u128, Option<Undecided>) {
        let partly = self.partly.contains(&FeedRef::value(key.node, key.programme));
        let (open, missing) = if partly && !proven {
            (units, Missing::Blocks)
        } else {
            (units.min(self.waits.get(key).copied().unwrap_or(0)), Missing::Certificate)
        };
        let undecided = Undecided { node: key.node, units: open, missing };
        (units.saturating_sub(open), (open > 0).then_some(undecided))
    }
}
