//! What the entries of a feed handed out and took back: added up by days, for their closings, and kept where a settlement
//! names them (spec/audit-file.md, "Days and settlements").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::aside::{Aside, Packed, Rows};
use super::feed::FeedAudit;
use super::verdict::Problem;
use crate::amount::Amount;
use crate::block::Placed;
use crate::day::{self, Day, Sums};
use crate::entry::{Entry, Value};
use crate::feed::leaf;
use crate::fold;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, MerchantId};
use crate::settlement::{Came, Kind, came_of};
use crate::view::{At, ChainNo, Change, Fault, Slot, View};

/// The entries of one feed that settlements name.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// By stretches: from an index up to another, ascending and apart.
    spans: Vec<(u64, u64)>,
    /// By themselves.
    singles: BTreeSet<u64>,
    /// Where stretches end: the accumulator there tells of which chain they are.
    ends: BTreeSet<u64>,
}

impl Named {
    /// Adds a stretch.
    pub(super) fn stretch(&mut self, from: u64, to: u64) {
        if from < to {
            self.spans.push((from, to));
            self.ends.insert(to);
        }
    }

    /// Adds an entry by itself.
    pub(super) fn single(&mut self, index: u64) {
        self.singles.insert(index);
    }

    /// Puts stretches that touch together. Called once all are added.
    pub(super) fn close(&mut self) {
        self.spans.sort_unstable();
        let mut apart: Vec<(u64, u64)> = Vec::new();
        for (from, to) in self.spans.drain(..) {
            match apart.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => apart.push((from, to)),
            }
        }
        self.spans = apart;
    }

    fn has(&self, index: u64) -> bool {
        let behind = self.spans.partition_point(|(from, _)| *from <= index);
        let span = behind.checked_sub(1).and_then(|at| self.spans.get(at));
        span.is_some_and(|(_, to)| index < *to)
    }
}

/// What an entry was for: of which merchant, cycle and commodity, handed out or taken back.
pub(super) type Terms = (MerchantId, CycleId, CommodityId, Kind);

/// What an entry came to that handed nothing out, and is named by itself all the same.
const NOTHING: Came = Came {
    kind: Kind::Redeemed,
    merchant: MerchantId([0; 16]),
    cycle: CycleId(0),
    commodity: CommodityId(0),
    amount: Amount::ZERO,
};

/// What those of one feed's entries came to that settlements name.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    terms: Vec<Terms>,
    numbers: BTreeMap<Terms, u32>,
    /// By chain, ascending by index.
    rows: Vec<Rows>,
    /// The chain in which an accumulator stands before an index.
    chains: BTreeMap<(u64, Hash), ChainNo>,
    /// Where each chain left another, and up to where it is folded.
    upto: Vec<(Option<At>, u64)>,
    /// The first entry for a merchant that its feed had not named yet: whether it did later, a settlement knows and an
    /// audit that reads on does not. From there on a treasury is not held to what is found.
    nameless: Option<u64>,
}

impl Settled {
    fn keep(&mut self, aside: Option<&Arc<dyn Aside>>, at: At, leaf: Hash, came: &Came) {
        let terms = (came.merchant, came.cycle, came.commodity, came.kind);
        let next = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(terms).or_insert(next);
        if number == next {
            self.terms.push(terms);
        }
        let chain = at.chain.0 as usize;
        if self.rows.len() <= chain {
            self.rows.resize_with(chain.saturating_add(1), Rows::default);
        }
        if let Some(rows) = self.rows.get_mut(chain) {
            rows.push(aside, Packed { index: at.index, leaf, amount: came.amount, terms: number });
        }
    }

    /// Whether an entry below an index may be settled for a merchant that was named after it.
    pub(super) fn is_unsure_below(&self, index: u64) -> bool {
        self.nameless.is_some_and(|first| first < index)
    }

    /// How many entries were kept.
    pub(super) fn len(&self) -> u64 {
        self.rows.iter().map(Rows::len).sum()
    }

    /// The parts of the chain with this accumulator before `to`, from an index on: each the own of one chain, first first.
    /// `None` where no such chain is folded up to there.
    pub(super) fn parts(
        &self,
        from: u64,
        mut to: u64,
        head: &Hash,
    ) -> Option<Vec<(ChainNo, u64, u64)>> {
        let mut chain = *self.chains.get(&(to, *head))?;
        let mut parts = Vec::new();
        // Each chain left one that was known before it, so this ends.
        while from < to {
            let (left, upto) = *self.upto.get(chain.0 as usize)?;
            if upto < to {
                return None;
            }
            let own = left.map_or(0, |left| left.index).max(from);
            if own < to {
                parts.push((chain, own, to));
            }
            let Some(left) = left.filter(|left| from < left.index) else { break };
            (chain, to) = (left.chain, to.min(left.index));
        }
        parts.reverse();
        Some(parts)
    }

    /// What entries of a chain's own came to, in order: index, leaf, what for, how much; nothing, where one came to nothing.
    pub(super) fn rows(
        &self,
        (chain, from, to): (ChainNo, u64, u64),
    ) -> impl Iterator<Item = (u64, Hash, Terms, Amount)> + '_ {
        let rows = self.rows.get(chain.0 as usize).into_iter();
        let named = rows.flat_map(move |rows| rows.between(from, to));
        named.filter_map(|row| {
            let terms = *self.terms.get(row.terms as usize)?;
            Some((row.index, row.leaf, terms, row.amount))
        })
    }

    /// What entries at an index with these bytes came to, on whichever chains.
    pub(super) fn says(
        &self,
        index: u64,
        leaf: Hash,
    ) -> impl Iterator<Item = (Terms, Amount)> + '_ {
        let chains = (0u32..).map(ChainNo).take(self.rows.len());
        let rows = chains.flat_map(move |chain| self.rows((chain, index, index.saturating_add(1))));
        rows.filter(move |(_, found, ..)| *found == leaf)
            .map(|(_, _, terms, amount)| (terms, amount))
    }
}

/// The days of a feed's chains as they go on: what the one that is open came to. `None` where it began on another chain.
pub(super) type Days = Vec<Option<Sums>>;

impl FeedAudit<'_> {
    /// What a folded entry handed out or took back, before what it changes is set.
    pub(super) fn came(&mut self, placed: &Placed, offset: u64, seq: u64, to: At, all: &[Change]) {
        let Entry::Value(value) = &placed.entry else { return };
        if let Some(named) = self.named
            && named.ends.contains(&to.index.saturating_add(1))
        {
            let end = (to.index.saturating_add(1), placed.accumulator);
            self.out.settled.get_or_insert_default().chains.insert(end, to.chain);
        }
        let nameless = |change: &Change| matches!(change, Change::Fault(_, Fault::MerchantMissing));
        if self.named.is_some() && all.iter().any(nameless) {
            let first = &mut self.out.settled.get_or_insert_default().nameless;
            *first = Some(first.map_or(to.index, |known| known.min(to.index)));
        }
        let came = match value {
            Value::DayClose { day, .. } => {
                self.day(day, offset, seq, to);
                None
            }
            Value::Redeem { amount, merchant, .. }
            | Value::FloatRedeem { amount, merchant, .. } => {
                // The lot the fold found: the first its changes set. Most are, and it is not looked for again.
                let lot = all.iter().find_map(|change| match change {
                    Change::Slot(_, Slot::Lot(row)) => Some(row),
                    _ => None,
                });
                match lot {
                    Some(lot) => self.rows.merchant(to.chain, *merchant).map(|merchant| Came {
                        kind: Kind::Redeemed,
                        merchant,
                        cycle: lot.cycle,
                        commodity: lot.commodity,
                        amount: *amount,
                    }),
                    None if fold::halted_before(&self.rows, to) => None,
                    None => came_of(&self.rows, to, value),
                }
            }
            Value::Post { .. } | Value::Refund { .. } if !fold::halted_before(&self.rows, to) => {
                came_of(&self.rows, to, value)
            }
            _ => None,
        };
        let came = came.filter(|came| came.amount > Amount::ZERO);
        if let Some(came) = &came
            && let Some(sums) = self.open_day(to.chain)
        {
            sums.add(came);
        }
        let Some(named) = self.named else { return };
        if named.singles.contains(&to.index) || came.is_some() && named.has(to.index) {
            let leaf = leaf(&placed.entry.encode());
            let settled = self.out.settled.get_or_insert_default();
            settled.keep(self.told.aside.as_ref(), to, leaf, &came.unwrap_or(NOTHING));
        }
    }

    fn open_day(&mut self, chain: ChainNo) -> &mut Option<Sums> {
        let at = chain.0 as usize;
        while self.days.len() <= at {
            // The first chain began with the feed.
            let first = self.days.is_empty().then(Sums::default);
            self.days.push(first);
        }
        &mut self.days[at]
    }

    /// Holds a closing against what its day came to, and begins the next.
    fn day(&mut self, said: &Day, offset: u64, seq: u64, at: At) {
        let sums = self.open_day(at.chain).replace(Sums::default());
        let (Day::Close(said), Some(sums)) = (said, sums) else { return };
        let begins = day::begins(&self.rows, at.chain).0;
        if said.first != begins || fold::halted_before(&self.rows, at) {
            return;
        }
        let found = sums.close(begins);
        if found.as_ref() != Some(said) {
            let count = |of: fn(&day::Sum) -> u32| sums.iter().map(of).fold(0, u32::saturating_add);
            let (redeemed, refunded) = (count(|sum| sum.redeemed), count(|sum| sum.refunded));
            let problem = Problem::ClosingDiffers { redeemed, refunded };
            self.find(offset, Some(seq), Some(at.index), problem);
        }
    }

    /// Ends what is kept for settlements: up to where it is known.
    pub(super) fn end_settled(&mut self) {
        if self.named.is_none() {
            return;
        }
        let settled = self.out.settled.get_or_insert_default();
        settled.numbers = BTreeMap::new();
        let chains = (0u32..).map(ChainNo).zip(&self.rows.chains);
        let upto = chains.map(|(chain, branch)| (branch.left, fold::folded_to(&self.rows, chain)));
        settled.upto = upto.collect();
        settled.rows.iter_mut().for_each(Rows::shrink);
    }
}
