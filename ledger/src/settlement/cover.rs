//! What is in a settlement already: a name that is in one is skipped wherever it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Came, came_of, chain_with, entry_of, places_of};
use super::{Kind, Settling, Single, Stage, is_paid};
use crate::amount::Amount;
use crate::cut::shared;
use crate::entry::Value;
use crate::fold::owner_of;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef, MerchantId};
use crate::orphan::{Book, Facts, Pages};
use crate::view::{At, ChainNo, View};

/// Everything of one feed that is in settlements which are not disputed.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Stretches: from, up to, accumulator there, and what was left out; each with its draft.
    pub stretches: Vec<(u64, u64, Hash, BTreeSet<u64>, At)>,
    /// Single rows, each with the drafts it is in.
    pub singles: BTreeMap<Named, (Amount, BTreeSet<At>)>,
}

/// A row by what it is for: index, leaf, kind, copy.
pub type Named = (u64, Hash, Kind, u8);

/// An entry that handed something out or took it back, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    /// `None` where its feed's `Merchant` entry is not known.
    pub(crate) merchant: Option<MerchantId>,
    pub(crate) cycle: CycleId,
    pub(crate) commodity: CommodityId,
    pub(crate) amount: Amount,
    /// What refunds in blocks have given back of it.
    pub(crate) refunded: Amount,
}

/// What settlements cover of a feed, disputed ones left out.
#[must_use]
pub fn coverage(view: &dyn View, feed: &FeedRef) -> Coverage {
    let mut all = Coverage::default();
    for (line, draft) in view.lines(feed) {
        let disputed = |row: super::SettlementRow| row.stage() == Stage::Disputed;
        if view.settlement(draft).is_none_or(disputed) {
            continue;
        }
        if let Some(Value::Settle { settling, .. }) = view.entry(line) {
            all.add(feed, &settling, draft);
        }
    }
    all
}

/// The parts of a chain that settlements hold which are paid, ascending: from an index, up to another.
#[must_use]
pub fn paid(view: &dyn View, chain: ChainNo) -> Vec<(u64, u64)> {
    let feed = view.chain(chain).feed.short();
    let all = coverage(view, &feed);
    let mut known: BTreeMap<At, bool> = BTreeMap::new();
    let mut is_paid = |at: &At| {
        *known.entry(*at).or_insert_with(|| {
            let treasury = view.chain(at.chain).feed.short();
            view.settlement(*at).is_some_and(|row| is_paid(view, &treasury, &row))
        })
    };
    let mut parts = Vec::new();
    for (from, to, head, except, draft) in &all.stretches {
        let Some(of) = chain_with(view, &feed, *to, head).filter(|_| is_paid(draft)) else {
            continue;
        };
        let to = (*to).min(shared(view, chain, of));
        let mut from = *from;
        for index in except.iter().copied().chain([to]) {
            if from < index.min(to) {
                parts.push((from, index.min(to)));
            }
            from = index.saturating_add(1);
        }
    }
    for ((index, leaf, kind, _), (_, drafts)) in &all.singles {
        let named = matches!(kind, Kind::Redeemed | Kind::Refunded);
        let here = || entry_of(view, chain, *index).is_some_and(|(.., found)| found == *leaf);
        if named && drafts.iter().any(&mut is_paid) && here() {
            parts.push((*index, index.saturating_add(1)));
        }
    }
    parts.sort_unstable();
    parts
}

impl Coverage {
    /// Adds a line of a draft, where it is of this feed.
    pub fn add(&mut self, feed: &FeedRef, line: &Settling, draft: At) {
        match line {
            Settling::Stretch { node, from, to, head, except } if *node == feed.node => {
                let except = except.iter().copied().collect();
                self.stretches.push((*from, *to, *head, except, draft));
            }
            Settling::Rows { node, rows } if *node == feed.node => {
                for Single { index, leaf, kind, copy, amount, .. } in rows.iter() {
                    let place = (*index, *leaf, *kind, *copy);
                    let (_, drafts) =
                        self.singles.entry(place).or_insert((*amount, BTreeSet::new()));
                    drafts.insert(draft);
                }
            }
            Settling::Stretch { .. }
            | Settling::Rows { .. }
            | Settling::Draft { .. }
            | Settling::Step { .. } => {}
        }
    }

    /// The drafts whose stretches hold the entry at exactly this place.
    pub fn stretched(&self, view: &dyn View, feed: &FeedRef, at: At) -> Vec<At> {
        let holds = |(from, to, head, except, draft): &(u64, u64, Hash, BTreeSet<u64>, At)| {
            let within = (*from..*to).contains(&at.index) && !except.contains(&at.index);
            let chain = within.then(|| chain_with(view, feed, *to, head)).flatten()?;
            (owner_of(view, chain, at.index) == at).then_some(*draft)
        };
        self.stretches.iter().filter_map(holds).collect()
    }

    /// The drafts in which an entry of these bytes at this place stands.
    pub fn of(&self, view: &dyn View, feed: &FeedRef, index: u64, leaf: &Hash) -> BTreeSet<At> {
        let places = places_of(view, feed, index, leaf);
        let stretched = places.iter().flat_map(|(at, _)| self.stretched(view, feed, *at));
        let from = (index, *leaf, Kind::Redeemed, 0);
        let to = (index, *leaf, Kind::Refunded, u8::MAX);
        let singles = self.singles.range(from..=to).flat_map(|(_, (_, drafts))| drafts.clone());
        stretched.chain(singles).collect()
    }

    /// How many entries of these bytes at this place stretches cover, and how many rows by themselves.
    pub(super) fn copies(
        &self,
        view: &dyn View,
        feed: &FeedRef,
        index: u64,
        leaf: &Hash,
    ) -> (u64, u64) {
        let places = places_of(view, feed, index, leaf).into_iter();
        let stretched = places.filter(|(at, _)| !self.stretched(view, feed, *at).is_empty());
        let from = (index, *leaf, Kind::Redeemed, 0);
        let to = (index, *leaf, Kind::Refunded, u8::MAX);
        (stretched.count() as u64, self.singles.range(from..=to).count() as u64)
    }

    /// What is known to stand at a place with these bytes, in blocks or shown; one for each entry.
    pub(crate) fn entries_at(
        &self,
        view: &dyn View,
        feed: &FeedRef,
        index: u64,
        leaf: &Hash,
    ) -> Vec<Known> {
        let book = Pages::new(view, *feed);
        let facts = Facts::new(*feed, &book, view.shown(feed));
        let placed = places_of(view, feed, index, leaf).into_iter().filter_map(|(at, value)| {
            let Came { kind, merchant, cycle, commodity, amount } = came_of(view, at, &value)?;
            let refunded = book.refunded(index);
            Some(Known { kind, merchant: Some(merchant), cycle, commodity, amount, refunded })
        });
        let mut all: Vec<Known> = placed.collect();
        let standing = facts.standing().find(|s| (s.index, s.leaf) == (index, *leaf));
        let shown = standing.and_then(|standing| {
            let (lot, amount) = facts.handed_out(standing)?;
            let (cycle, commodity) = facts.of_lot(lot)?;
            let number = facts.merchant(&standing.value)?;
            let mut chains = view.branches(feed).into_iter();
            let merchant = chains.find_map(|chain| view.merchant(chain, number));
            let refunded = Amount::ZERO;
            let kind = Kind::Redeemed;
            Some((standing.missing, Known { kind, merchant, cycle, commodity, amount, refunded }))
        });
        if let Some((missing, known)) = shown {
            all.extend((0..missing).map(|_| known));
        }
        all
    }

    /// What was taken back of a redemption by rows of its own: returned, or disputed.
    #[must_use]
    pub fn taken_back(&self, index: u64, leaf: &Hash) -> Amount {
        let from = (index, *leaf, Kind::Returned, 0);
        let to = (index, *leaf, Kind::Disputed, u8::MAX);
        let amounts = self.singles.range(from..=to).map(|(_, (amount, _))| *amount);
        amounts.fold(Amount::ZERO, |sum, amount| sum.plus(amount).unwrap_or(Amount::MAX))
    }

    /// Whether a line says again what is covered.
    pub(crate) fn says_again(&self, view: &dyn View, feed: &FeedRef, line: &Settling) -> bool {
        match line {
            Settling::Stretch { node, from, to, head, except } if *node == feed.node => {
                let Some(chain) = chain_with(view, feed, *to, head) else { return false };
                let near = self.is_near(*from, *to);
                let single = |index: u64| {
                    let at = (index, Hash::ZERO, Kind::Redeemed, 0);
                    self.singles.range(at..).next().is_some_and(|((i, ..), _)| *i == index)
                };
                (*from..*to).filter(|index| except.binary_search(index).is_err()).any(|index| {
                    let at = owner_of(view, chain, index);
                    let again = near && !self.stretched(view, feed, at).is_empty();
                    again || (single(index) && self.first_copy_is_single(view, chain, index))
                })
            }
            Settling::Rows { node, rows } if *node == feed.node => rows.iter().any(|row| {
                let both = [Kind::Returned, Kind::Disputed];
                let kinds = if row.kind.is_by_hand() { both } else { [row.kind; 2] };
                let said = |kind| (row.index, row.leaf, kind, row.copy);
                if kinds.into_iter().any(|kind| self.singles.contains_key(&said(kind))) {
                    return true;
                }
                let places = places_of(view, feed, row.index, &row.leaf).into_iter();
                let stretched =
                    places.filter(|(at, _)| !self.stretched(view, feed, *at).is_empty());
                // Stretches take the first copies.
                !row.kind.is_by_hand() && u64::from(row.copy) < stretched.count() as u64
            }),
            Settling::Stretch { .. }
            | Settling::Rows { .. }
            | Settling::Draft { .. }
            | Settling::Step { .. } => false,
        }
    }

    /// Whether some stretch has an index in common with a range: where none has, nobody need walk through it.
    fn is_near(&self, from: u64, to: u64) -> bool {
        self.stretches.iter().any(|(other, end, ..)| *other < to && from < *end)
    }

    fn first_copy_is_single(&self, view: &dyn View, chain: ChainNo, index: u64) -> bool {
        let Some((_, _, leaf)) = entry_of(view, chain, index) else { return false };
        [Kind::Redeemed, Kind::Refunded]
            .iter()
            .any(|kind| self.singles.contains_key(&(index, leaf, *kind, 0)))
    }
}
