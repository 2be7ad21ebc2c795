//! What entries handed out and took back, and what a counter's statement of its day must therefore say.

use std::collections::BTreeMap;

use annona_ledger::amount::Amount;
use annona_ledger::day::{Closing, Day, Sum};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedRef, MerchantId};
use annona_ledger::merkle;
use annona_ledger::settlement::Net;
use annona_ledger::view::PoolKey;
use annona_ledger::wire::Bounded;

use super::{Fact, GivenLine, Model};

/// What one entry handed out, or took back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CameLine {
    /// Whether it took back.
    pub back: bool,
    /// The merchant.
    pub merchant: MerchantId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much. Never nothing.
    pub amount: u64,
}

/// A day that was not closed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayLine {
    /// Whether somebody opened it.
    pub open: bool,
    /// What its statement must be.
    pub closing: Closing,
}

pub(super) fn amount(units: u64) -> Amount {
    Amount::new(units).unwrap_or(Amount::MAX)
}

fn unsigned(units: i128) -> u64 {
    u64::try_from(units).unwrap_or(0)
}

impl Model {
    /// What an entry handed out, by its name.
    #[must_use]
    pub fn handed(&self, name: &Hash) -> Option<&GivenLine> {
        self.given.get(*self.handed.get(name)?)
    }

    /// What an entry handed out or took back, if it did.
    #[must_use]
    pub fn came(&self, fact: &Fact) -> Option<CameLine> {
        let Entry::Value(value) = &fact.entry else { return None };
        let (redemption, back, units) = match value {
            Value::Redeem { .. } | Value::FloatRedeem { .. } | Value::Post { .. } => {
                (fact, false, self.handed(&fact.name)?.amount)
            }
            Value::Refund { redeem, amount, .. } => {
                let redemption = self.past(&fact.before, *redeem)?;
                let given = self.handed(&redemption.name).filter(|given| !given.float)?;
                let earlier =
                    |name: &&Hash| **name != fact.name && self.in_past(&fact.before, name);
                if given.refunds.iter().any(|name| earlier(&name)) {
                    return None;
                }
                (redemption, true, given.amount.min(i128::from(amount.units())))
            }
            _ => return None,
        };
        let given = self.handed(&redemption.name)?;
        let number = self.number_of(redemption)?;
        let merchant = self.merchants_before(&fact.name).nth(usize::try_from(number).ok()?)?;
        let (cycle, commodity, amount) = (given.cycle, given.commodity, unsigned(units));
        (amount > 0).then_some(CameLine { back, merchant: *merchant, cycle, commodity, amount })
    }

    /// What was handed out of each pool, whatever came back of it.
    #[must_use]
    pub fn handed_out(&self) -> BTreeMap<PoolKey, i128> {
        let mut sums = BTreeMap::new();
        for given in &self.given {
            let FeedRef { node, programme, .. } = given.feed;
            let (cycle, commodity) = (given.cycle, given.commodity);
            *sums.entry(PoolKey { node, programme, cycle, commodity }).or_insert(0) += given.amount;
        }
        sums
    }

    /// The number, among those its feed names, of a redemption's merchant.
    fn number_of(&self, redemption: &Fact) -> Option<u32> {
        match &redemption.entry {
            Entry::Value(Value::Redeem { merchant, .. } | Value::FloatRedeem { merchant, .. }) => {
                Some(*merchant)
            }
            Entry::Value(Value::Post { hold, .. }) => {
                match self.past(&redemption.before, *hold)?.entry {
                    Entry::Value(Value::Hold { merchant, .. }) => Some(merchant),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The day that a feed whose newest entry is `tip` has not closed.
    #[must_use]
    pub fn day(&self, tip: &Hash) -> DayLine {
        let (mut first, mut open, mut entries) = (0, false, Vec::new());
        let mut at = self.fact(tip);
        while let Some(fact) = at {
            if let Entry::Value(Value::DayClose { day, .. }) = &fact.entry {
                (first, open) = (fact.index + 1, matches!(**day, Day::Open));
                break;
            }
            entries.push(fact);
            at = self.fact(&fact.before);
        }
        let mut sums: BTreeMap<(MerchantId, CycleId, CommodityId), [u64; 4]> = BTreeMap::new();
        for came in entries.into_iter().filter_map(|fact| self.came(fact)) {
            let sum = sums.entry((came.merchant, came.cycle, came.commodity)).or_default();
            let at = if came.back { 2 } else { 0 };
            sum[at] += 1;
            // A liar's sums may be more than there are numbers for: more than that is that.
            sum[at + 1] = sum[at + 1].saturating_add(came.amount);
        }
        let mut nets: BTreeMap<CommodityId, (u64, u64)> = BTreeMap::new();
        let (mut redeemed, mut refunded, mut leaves) = (0, 0, Vec::new());
        for ((merchant, cycle, commodity), [times, given, times_back, back]) in sums {
            let net = nets.entry(commodity).or_default();
            *net = (net.0.saturating_add(given), net.1.saturating_add(back));
            let sum = Sum {
                merchant,
                cycle,
                commodity,
                redeemed: u32::try_from(times).unwrap_or(u32::MAX),
                given: amount(given),
                refunded: u32::try_from(times_back).unwrap_or(u32::MAX),
                back: amount(back),
            };
            redeemed += sum.redeemed;
            refunded += sum.refunded;
            leaves.push(sum.leaf());
        }
        let net = |(commodity, (given, back))| Net {
            commodity,
            given: amount(given),
            back: amount(back),
        };
        let totals = Bounded::new(nets.into_iter().map(net).collect()).expect("two commodities");
        let root = merkle::root(&leaves);
        DayLine { open, closing: Closing { first, redeemed, refunded, root, totals } }
    }

    /// Whether a writer may open its day, or close it with a statement.
    pub(super) fn may_day(&self, tip: &Hash, day: &Day) -> bool {
        let known = self.day(tip);
        match day {
            Day::Open => !known.open,
            Day::Close(said) => {
                (known.open || !known.closing.totals.is_empty()) && *said == known.closing
            }
        }
    }
}
