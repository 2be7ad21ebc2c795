//! The lots of one feed, each by itself: what counts once a fault of the feed is proven (spec/value.md, "Charge").

use std::collections::BTreeMap;

use super::matched::Sending;
use super::rows::Rows;
use crate::amount::Balance;
use crate::charge::shown_lot;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef};
use crate::orphan::Effect;

/// What a lot is of.
type Of = (CycleId, CommodityId);

/// The lots of a feed by what they are of and by name. Several may share a name: see `charge`.
#[derive(Clone, Debug, Default)]
pub(super) struct Lots {
    sums: BTreeMap<(Of, Hash), Vec<Balance>>,
    /// The names of the lots at an index: on a forked feed, of all branches.
    places: BTreeMap<u64, Vec<(Of, Hash)>>,
}

impl Lots {
    pub(super) fn of(rows: &Rows<'_>) -> Self {
        let mut lots = Self::default();
        for (_, lot) in rows.lots() {
            let of = (lot.cycle, lot.commodity);
            lots.sums.entry((of, lot.origin)).or_default().push(lot.balance);
        }
        for (index, lot) in rows.places() {
            let of = (lot.cycle, lot.commodity);
            lots.places.entry(index).or_default().push((of, lot.origin));
        }
        lots
    }

    /// Takes off a send that is known from a ticket only.
    pub(super) fn take_off(&mut self, name: Hash, sending: &Sending) {
        let of = sending.of;
        let at = self.places.get(&sending.lot.0).into_iter().flatten();
        let lot = at.filter(|(other, _)| *other == of).map(|(_, origin)| *origin).min();
        let lots = self.sums.entry((of, lot.unwrap_or(name))).or_default();
        match lots.iter_mut().min() {
            Some(least) => *least = least.debit(sending.amount),
            None => lots.push(Balance::ZERO.debit(sending.amount)),
        }
    }

    /// Adds what something shown without its block does to a lot.
    pub(super) fn shown(&mut self, feed: &FeedRef, effect: &Effect) {
        let of = (effect.key.cycle, effect.key.commodity);
        let at = self.places.get(&effect.lot).into_iter().flatten();
        let lot = at.filter(|(other, _)| *other == of).map(|(_, origin)| *origin).min();
        let lot = lot.unwrap_or_else(|| shown_lot(feed, effect.lot));
        let lots = self.sums.entry((of, lot)).or_default();
        match lots.iter_mut().min() {
            Some(least) => *least = least.plus(effect.by),
            None => lots.push(effect.by),
        }
    }

    /// What single lots gave beyond themselves.
    pub(super) fn short(&self) -> BTreeMap<Of, u128> {
        let mut short: BTreeMap<Of, u128> = BTreeMap::new();
        for ((of, _), lots) in &self.sums {
            let units = lots.iter().map(|lot| lot.short()).fold(0, u128::saturating_add);
            if units > 0 {
                let sum = short.entry(*of).or_default();
                *sum = sum.saturating_add(units);
            }
        }
        short
    }
}
