//! Goods that came back by the word of a ticket alone, as [`crate::charge::came_back`] has them: nobody is charged for
//! what was drawn on them, until their block is here.

use std::collections::BTreeMap;

use super::Part;
use super::feed::Outcome;
use crate::amount::Amount;
use crate::id::{CommodityId, CycleId, FeedRef, Lane};
use crate::view::PoolKey;

/// A refund that a claimed ticket carried, signed by its feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The feed.
    pub(super) feed: FeedRef,
    /// The refund's index in it.
    pub(super) index: u64,
    /// The index of what was redeemed.
    pub(super) redeem: u64,
    /// How much.
    pub(super) amount: Amount,
}

/// What was redeemed and not refunded, of what and how much, by its index: of a feed that was read for it.
pub(super) type HandedOut = BTreeMap<u64, ((CycleId, CommodityId), Amount)>;

/// Whether a refund is beyond what is known of its feed. Of a feed with a second chain, lots count one by one.
fn beyond(outcome: &Outcome, told: &Told) -> bool {
    outcome.chains.len() <= 1 && reach(outcome) <= told.index && told.redeem < told.index
}

/// How many entries of a feed with one chain, or none, are known.
fn reach(outcome: &Outcome) -> u64 {
    outcome.chains.first().map_or(0, |chain| chain.head.next)
}

/// What a redemption handed out, and of what: by its block, or as it was shown.
fn given(outcome: &Outcome, redeem: u64) -> Option<((CycleId, CommodityId), Amount)> {
    if redeem < reach(outcome) {
        outcome.handed_out.get(&redeem).copied().filter(|_| outcome.certified)
    } else {
        outcome.burnt.given.get(&redeem).map(|(_, amount, of)| (*of, *amount))
    }
}

/// Whether a feed has to be read once more for what others were told that came back to it.
pub(super) fn asked(parts: &[Part], part: &Part) -> bool {
    let feed = part.feed.short();
    let told = parts.iter().flat_map(|other| &other.outcome.back);
    part.feed.lane == Lane::Value
        && told.into_iter().any(|told| told.feed == feed && beyond(&part.outcome, told))
}

/// How much came back to each pool by the word of tickets alone: of one redemption the larger, at most what was given.
pub(super) fn came_back(parts: &[Part]) -> BTreeMap<PoolKey, u128> {
    let feeds: BTreeMap<FeedRef, &Outcome> =
        parts.iter().map(|part| (part.feed.short(), &part.outcome)).collect();
    let mut most: BTreeMap<(FeedRef, u64), (PoolKey, Amount)> = BTreeMap::new();
    for told in parts.iter().flat_map(|part| &part.outcome.back) {
        let Some(outcome) = feeds.get(&told.feed).filter(|outcome| beyond(outcome, told)) else {
            continue;
        };
        let Some(((cycle, commodity), given)) = given(outcome, told.redeem) else { continue };
        // Shown besides: then it counts as that.
        if outcome.burnt.refunded.contains(&told.redeem) {
            continue;
        }
        let FeedRef { node, programme, .. } = told.feed;
        let key = PoolKey { node, programme, cycle, commodity };
        let at = (told.feed, told.redeem);
        let (_, so_far) = most.entry(at).or_insert((key, Amount::ZERO));
        *so_far = told.amount.min(given).max(*so_far);
    }
    let mut sums: BTreeMap<PoolKey, u128> = BTreeMap::new();
    for (key, amount) in most.into_values() {
        let sum = sums.entry(key).or_default();
        *sum = sum.saturating_add(u128::from(amount.units()));
    }
    sums
}
