//! What is in a settlement already: a name that is in one is skipped wherever it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::held::{holds_if, is_paid};
use super::rows::{Came, came_of, chain_with, entry_of, places_of};
use super::spans::{Part, Spans, parts};
use super::{Kind, Settling, Single};
use crate::amount::Amount;
use crate::cut;
use crate::entry::Value;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef, MerchantId};
use crate::orphan::{Book, Facts, Pages};
use crate::role::Settlers;
use crate::view::{At, ChainNo, View};

/// Everything of one feed that is in settlements which hold it.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// What stretches hold.
    spans: Spans,
    /// Each of them, with its draft.
    stretches: Vec<(Vec<Part>, At)>,
    /// Single rows, each with the drafts it is in.
    singles: BTreeMap<Named, (Amount, BTreeSet<At>)>,
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

/// What was shown of a feed, as far as somebody asked for it: by index and leaf, how many of them no block here holds.
pub(crate) type AsShown = BTreeMap<(u64, Hash), (u64, Known)>;

/// What settlements hold of a feed.
#[must_use]
pub fn coverage(view: &dyn View, feed: &FeedRef) -> Coverage {
    let mut all = Coverage::default();
    let lines = view.lines(feed);
    if lines.is_empty() {
        return all;
    }
    let settlers = Settlers::of(view.charter(), view.roster(), feed.programme);
    let mut settles: BTreeMap<FeedRef, bool> = BTreeMap::new();
    let mut may_settle = |feed: &FeedRef| {
        let asked = || settlers.include(view.roster(), &feed.node);
        *settles.entry(*feed).or_insert_with(asked)
    };
    let mut held: BTreeMap<At, bool> = BTreeMap::new();
    for (line, draft) in lines {
        let holds = held.entry(draft).or_insert_with(|| {
            let row = view.settlement(draft);
            row.is_some_and(|row| holds_if(view, draft, &row, &mut may_settle))
        });
        if *holds && let Some(Value::Settle { settling, .. }) = view.entry(line) {
            all.add(view, feed, &settling, draft);
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
    let mut paid = Vec::new();
    for (parts, draft) in &all.stretches {
        if !is_paid(draft) {
            continue;
        }
        for (owner, from, to) in parts {
            let seen = cut::owners(view, chain, *from, *to).into_iter();
            paid.extend(seen.filter(|(own, ..)| own == owner).map(|(_, from, to)| (from, to)));
        }
    }
    for ((index, leaf, kind, _), (_, drafts)) in &all.singles {
        let here = || entry_of(view, chain, *index).is_some_and(|(.., found)| found == *leaf);
        if !kind.is_by_hand() && drafts.iter().any(&mut is_paid) && here() {
            paid.push((*index, index.saturating_add(1)));
        }
    }
    paid.sort_unstable();
    paid
}

/// What was shown of a feed at the places that somebody asks for.
pub(crate) fn as_shown(view: &dyn View, feed: &FeedRef, wanted: &BTreeSet<(u64, Hash)>) -> AsShown {
    let book = Pages::new(view, *feed);
    let facts = Facts::new(*feed, &book, view.shown(feed));
    let wanted = facts.standing().filter(|s| wanted.contains(&(s.index, s.leaf)));
    let known = wanted.filter_map(|standing| {
        let (lot, amount) = facts.handed_out(standing)?;
        let (cycle, commodity) = facts.of_lot(lot)?;
        let number = facts.merchant(&standing.value)?;
        let mut chains = view.branches(feed).into_iter();
        let merchant = chains.find_map(|chain| view.merchant(chain, number));
        let (kind, refunded) = (Kind::Redeemed, Amount::ZERO);
        let known = Known { kind, merchant, cycle, commodity, amount, refunded };
        Some(((standing.index, standing.leaf), (standing.missing, known)))
    });
    known.collect()
}

impl Coverage {
    /// Adds a line of a draft, where it is of this feed.
    pub fn add(&mut self, view: &dyn View, feed: &FeedRef, line: &Settling, draft: At) {
        match line {
            Settling::Stretch { node, .. } if *node == feed.node => {
                let parts = parts(view, feed, line);
                parts.iter().for_each(|part| self.spans.add(*part));
                self.stretches.push((parts, draft));
            }
            Settling::Rows { node, rows } if *node == feed.node => {
                rows.iter().for_each(|row| self.add_row(row, draft));
            }
            Settling::Stretch { .. }
            | Settling::Rows { .. }
            | Settling::Draft { .. }
            | Settling::Step { .. } => {}
        }
    }

    /// Adds a row by itself.
    pub(super) fn add_row(&mut self, row: &Single, draft: At) {
        let Single { index, leaf, kind, copy, amount, .. } = *row;
        let place = (index, leaf, kind, copy);
        let (_, drafts) = self.singles.entry(place).or_insert((amount, BTreeSet::new()));
        drafts.insert(draft);
    }

    /// Whether a stretch holds the entry at exactly this place.
    pub(crate) fn stretched(&self, at: At) -> bool {
        self.spans.holds(at)
    }

    /// Whether a row by itself holds this.
    pub(super) fn has_row(&self, named: &Named) -> bool {
        self.singles.contains_key(named)
    }

    /// What no stretch holds of a chain's own entries below an end.
    pub(super) fn gaps(&self, chain: ChainNo, end: u64) -> Vec<(u64, u64)> {
        self.spans.gaps(chain, end)
    }

    /// The rows by themselves of these bytes at an index, of one kind: by copy.
    fn rows_of(
        &self,
        index: u64,
        leaf: &Hash,
        kind: Kind,
    ) -> impl Iterator<Item = &(Amount, BTreeSet<At>)> + use<'_> {
        let all = (index, *leaf, kind, 0)..=(index, *leaf, kind, u8::MAX);
        self.singles.range(all).map(|(_, row)| row)
    }

    /// What rows by themselves of these bytes at an index come to, of one kind, in units.
    pub(crate) fn alone(&self, index: u64, leaf: &Hash, kind: Kind) -> u128 {
        let amounts = self.rows_of(index, leaf, kind).map(|(amount, _)| u128::from(amount.units()));
        amounts.fold(0, u128::saturating_add)
    }

    /// The rows by themselves of what an entry with these bytes at an index says.
    fn own_rows(&self, index: u64, leaf: &Hash) -> impl Iterator<Item = &(Amount, BTreeSet<At>)> {
        let kinds = [Kind::Redeemed, Kind::Refunded].map(|kind| self.rows_of(index, leaf, kind));
        kinds.into_iter().flatten()
    }

    /// The drafts in which an entry of these bytes at this place stands.
    pub fn of(&self, view: &dyn View, feed: &FeedRef, index: u64, leaf: &Hash) -> BTreeSet<At> {
        let places = places_of(view, feed, index, leaf);
        let holds = |(chain, from, to): &Part| {
            places.iter().any(|(at, _)| at.chain == *chain && (*from..*to).contains(&at.index))
        };
        let stretched = self.stretches.iter().filter(|(parts, _)| parts.iter().any(holds));
        let singles = self.own_rows(index, leaf).flat_map(|(_, drafts)| drafts.iter().copied());
        stretched.map(|(_, draft)| *draft).chain(singles).collect()
    }

    /// Whether an entry of these bytes at this place stands in any.
    pub(crate) fn has(&self, view: &dyn View, feed: &FeedRef, index: u64, leaf: &Hash) -> bool {
        let (stretched, alone) = self.copies(view, feed, index, leaf);
        stretched > 0 || alone > 0
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
        let stretched = places.filter(|(at, _)| self.stretched(*at));
        (stretched.count() as u64, self.own_rows(index, leaf).count() as u64)
    }

    /// What is known to stand at a place with these bytes, in blocks or shown; one for each entry.
    pub(crate) fn entries_at(
        view: &dyn View,
        feed: &FeedRef,
        index: u64,
        leaf: &Hash,
        shown: &AsShown,
    ) -> Vec<Known> {
        let book = Pages::new(view, *feed);
        let placed = places_of(view, feed, index, leaf).into_iter().filter_map(|(at, value)| {
            let Came { kind, merchant, cycle, commodity, amount } = came_of(view, at, &value)?;
            let refunded = book.refunded(index);
            Some(Known { kind, merchant: Some(merchant), cycle, commodity, amount, refunded })
        });
        let mut all: Vec<Known> = placed.collect();
        if let Some((missing, known)) = shown.get(&(index, *leaf)) {
            all.extend((0..*missing).map(|_| *known));
        }
        all
    }

    /// What was taken back of a redemption by rows of its own: returned, or disputed.
    #[must_use]
    pub fn taken_back(&self, index: u64, leaf: &Hash) -> Amount {
        let rows = [Kind::Returned, Kind::Disputed].map(|kind| self.rows_of(index, leaf, kind));
        let amounts = rows.into_iter().flatten().map(|(amount, _)| *amount);
        amounts.fold(Amount::ZERO, |sum, amount| sum.plus(amount).unwrap_or(Amount::MAX))
    }

    /// Whether a line says again what is covered.
    pub(crate) fn says_again(&self, view: &dyn View, feed: &FeedRef, line: &Settling) -> bool {
        match line {
            Settling::Stretch { node, from, to, head, except } if *node == feed.node => {
                let Some(chain) = chain_with(view, feed, *to, head) else { return false };
                let mut parts = parts(view, feed, line).into_iter();
                // Only what is in a row by itself is walked through.
                let rows = self.singles.range((*from, Hash::ZERO, Kind::Redeemed, 0)..);
                let mut rows = rows.take_while(|((index, ..), _)| index < to);
                parts.any(|part| self.spans.meets(&part))
                    || rows.any(|((index, leaf, kind, copy), _)| {
                        let first = *copy == 0 && !kind.is_by_hand() && !except.contains(index);
                        let at = first.then(|| entry_of(view, chain, *index)).flatten();
                        at.is_some_and(|(.., found)| found == *leaf)
                    })
            }
            Settling::Rows { node, rows } if *node == feed.node => rows.iter().any(|row| {
                let both = [Kind::Returned, Kind::Disputed];
                let kinds = if row.kind.is_by_hand() { both } else { [row.kind; 2] };
                let said = |kind| (row.index, row.leaf, kind, row.copy);
                if kinds.into_iter().any(|kind| self.has_row(&said(kind))) {
                    return true;
                }
                // Stretches take the first copies.
                let stretched = || self.copies(view, feed, row.index, &row.leaf).0;
                !row.kind.is_by_hand() && u64::from(row.copy) < stretched()
            }),
            Settling::Stretch { .. }
            | Settling::Rows { .. }
            | Settling::Draft { .. }
            | Settling::Step { .. } => false,
        }
    }
}
