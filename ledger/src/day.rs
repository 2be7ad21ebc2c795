//! A counter's day: opened, and closed with a signed statement of what each merchant handed out (spec/settlement.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::fold::owner_of;
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{CommodityId, CycleId, MerchantId};
use crate::limits;
use crate::merkle::{self, Path};
use crate::settlement::{Came, Net, came_of};
use crate::view::{At, ChainNo, View};
use crate::wire::{self, Bounded};

#[cfg(test)]
mod tests;

/// The beginning or the end of a counter's day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Day {
    /// It begins with the next entry.
    Open,
    /// It ends with the entry before.
    Close(Closing),
}

/// What a day came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closing {
    /// The index of its first entry: after the last opening or closing.
    pub first: u64,
    /// How many times goods were handed out.
    pub redeemed: u32,
    /// How many times goods were taken back.
    pub refunded: u32,
    /// Root of the tree over its sums.
    pub root: Hash,
    /// The sums by commodity, ascending.
    pub totals: Bounded<Net, { limits::COMMODITIES }>,
}

/// What one merchant handed out of one commodity in one day: a leaf of the day's tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Sum {
    /// The merchant.
    pub merchant: MerchantId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How many times goods were handed out.
    pub redeemed: u32,
    /// What was handed out.
    pub given: Amount,
    /// How many times goods were taken back.
    pub refunded: u32,
    /// What was taken back.
    pub back: Amount,
}

impl Sum {
    /// Its leaf.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        hash_one(Purpose::DayRow, &wire::encode(self))
    }
}

/// The last opening or closing of a chain's day, as state keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayRow {
    /// Its accumulator.
    pub name: Hash,
    /// The day's first entry.
    pub first: u64,
    /// The root of a closing; `None` for an opening.
    pub closed: Option<Hash>,
}

/// Sums being put together.
#[derive(Clone, Debug, Default)]
pub struct Sums(BTreeMap<(MerchantId, CycleId, CommodityId), Sum>);

impl Sums {
    /// Adds what one entry handed out or took back.
    pub fn add(&mut self, came: &Came) {
        let Came { kind, merchant, cycle, commodity, amount } = *came;
        let (redeemed, refunded) = (0, 0);
        let (given, back) = (Amount::ZERO, Amount::ZERO);
        let fresh = Sum { merchant, cycle, commodity, redeemed, given, refunded, back };
        let sum = self.0.entry((merchant, cycle, commodity)).or_insert(fresh);
        if kind.is_back() {
            sum.refunded = sum.refunded.saturating_add(1);
            sum.back = sum.back.plus(amount).unwrap_or(Amount::MAX);
        } else {
            sum.redeemed = sum.redeemed.saturating_add(1);
            sum.given = sum.given.plus(amount).unwrap_or(Amount::MAX);
        }
    }

    /// The sums, by merchant, cycle and commodity.
    pub fn iter(&self) -> impl Iterator<Item = &Sum> {
        self.0.values()
    }

    /// The statement of a day that began at an index. `None` where it would name more commodities than a programme has.
    #[must_use]
    pub fn close(&self, first: u64) -> Option<Closing> {
        let mut nets: BTreeMap<CommodityId, Net> = BTreeMap::new();
        let (mut redeemed, mut refunded) = (0u32, 0u32);
        for sum in self.iter() {
            let commodity = sum.commodity;
            let fresh = Net { commodity, given: Amount::ZERO, back: Amount::ZERO };
            let net = nets.entry(commodity).or_insert(fresh);
            net.given = net.given.plus(sum.given).unwrap_or(Amount::MAX);
            net.back = net.back.plus(sum.back).unwrap_or(Amount::MAX);
            redeemed = redeemed.saturating_add(sum.redeemed);
            refunded = refunded.saturating_add(sum.refunded);
        }
        let totals = Bounded::new(nets.into_values().collect()).ok()?;
        Some(Closing { first, redeemed, refunded, root: self.root(), totals })
    }

    /// The root over the sums.
    #[must_use]
    pub fn root(&self) -> Hash {
        let leaves: Vec<Hash> = self.iter().map(Sum::leaf).collect();
        merkle::root(&leaves)
    }

    /// The path of a sum, by its place among them: with the closing's promise, what a merchant can show by himself.
    #[must_use]
    pub fn path(&self, place: u32) -> Option<Path> {
        let leaves: Vec<Hash> = self.iter().map(Sum::leaf).collect();
        merkle::path(&leaves, place)
    }

    /// How many sums there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where the day of a chain that would be closed now begins; and whether it was opened.
#[must_use]
pub fn begins(view: &dyn View, chain: ChainNo) -> (u64, bool) {
    match view.day(chain) {
        None => (0, false),
        Some((at, DayRow { closed: None, .. })) => (at.saturating_add(1), true),
        Some((at, DayRow { closed: Some(_), .. })) => (at.saturating_add(1), false),
    }
}

/// What a chain's entries from one index up to another come to.
#[must_use]
pub fn sums(view: &dyn View, chain: ChainNo, from: u64, to: u64) -> Sums {
    let mut sums = Sums::default();
    for index in from..to {
        let at: At = owner_of(view, chain, index);
        let came = view.entry(at).and_then(|value| came_of(view, at, &value));
        if let Some(came) = came {
            sums.add(&came);
        }
    }
    sums
}
