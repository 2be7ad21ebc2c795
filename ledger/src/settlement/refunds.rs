//! What refunds of one redemption may take back, on however many branches they stand: what the largest of them says, once.

use std::collections::BTreeSet;

use super::Kind;
use super::cover::Coverage;
use super::rows::{came_of, entry_of, places_of};
use crate::amount::Amount;
use crate::entry::Value;
use crate::fold::owner_of;
use crate::hash::Hash;
use crate::id::FeedRef;
use crate::view::{At, Use, View};

/// What refunds that belong together may take back by rows of their own, and what they took, in units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Back {
    may: u128,
    took: u128,
}

impl Back {
    /// Whether more was taken than may be.
    pub(crate) const fn is_over(&self) -> bool {
        self.took > self.may
    }

    /// What is left to take.
    pub(super) fn left(&self) -> Amount {
        let left = u64::try_from(self.may.saturating_sub(self.took)).unwrap_or(u64::MAX);
        Amount::new(left).unwrap_or(Amount::MAX)
    }
}

/// Of the refund with these bytes at an index, of all refunds of what it takes back, and of all that cannot be told from
/// those: the same bytes at one place of two branches may be refunds of two redemptions, and a row names bytes.
pub(crate) fn back(
    view: &dyn View,
    feed: &FeedRef,
    covered: &Coverage,
    index: u64,
    leaf: &Hash,
) -> Back {
    let mut redemptions: BTreeSet<At> = BTreeSet::new();
    let mut asked: BTreeSet<(u64, Hash)> = BTreeSet::new();
    let mut open = vec![(index, *leaf)];
    let mut sums = Back { may: 0, took: 0 };
    while let Some((index, leaf)) = open.pop() {
        if !asked.insert((index, leaf)) {
            continue;
        }
        sums.took = sums.took.saturating_add(covered.alone(index, &leaf, Kind::Refunded));
        for (at, value) in places_of(view, feed, index, &leaf) {
            let Value::Refund { redeem, .. } = value else { continue };
            let redemption = owner_of(view, at.chain, redeem);
            // One that came second in its chain takes nothing back.
            let counts = came_of(view, at, &value).is_some();
            if counts && redemptions.insert(redemption) {
                sums.may = sums.may.saturating_add(of_one(view, covered, redemption, &mut open));
            }
        }
    }
    sums
}

/// What refunds of one redemption may take back by rows of their own: what the largest says, less what stretches hold. Adds
/// where they stand.
fn of_one(
    view: &dyn View,
    covered: &Coverage,
    redemption: At,
    refunds: &mut Vec<(u64, Hash)>,
) -> u128 {
    let (mut most, mut stretched) = (0u128, 0u128);
    for at in view.uses(&Use::Redemption(redemption)) {
        let Some((_, value, leaf)) = entry_of(view, at.chain, at.index) else { continue };
        let Some(came) = came_of(view, at, &value) else { continue };
        let units = u128::from(came.amount.units());
        most = most.max(units);
        if covered.stretched(at) {
            stretched = stretched.saturating_add(units);
        }
        refunds.push((at.index, leaf));
    }
    most.saturating_sub(stretched)
}
