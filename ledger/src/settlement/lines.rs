//! The lines of the next settlement: what is known of a feed and in no settlement yet.

use std::collections::{BTreeMap, BTreeSet};

use super::cover::Coverage;
use super::rows::{came_of, entry_of, single};
use super::{Came, Kind, Settling, Single, back, coverage};
use crate::amount::Amount;
use crate::entry::Value;
use crate::fold::{halted_before, owner_of};
use crate::hash::Hash;
use crate::id::{FeedRef, MerchantId};
use crate::limits;
use crate::orphan::{Facts, Pages, Standing};
use crate::view::{At, ChainNo, View};
use crate::wire::Bounded;

/// How far a feed is settled by stretches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// The index up to which all its chains agree, that is sealed and below its lowest known cut.
    pub end: u64,
    /// Whether what lies beyond is settled entry by entry: the feed is cut, or has forked. Otherwise its blocks will
    /// come.
    pub beyond: bool,
    /// Who is paid for what was shown, where the feed's own `Merchant` entry burnt with it.
    pub merchant: Option<MerchantId>,
}

/// The lines that settle what is known of a feed and in no settlement yet.
#[must_use]
pub fn lines(view: &dyn View, feed: &FeedRef, reach: &Reach) -> Vec<Settling> {
    let covered = coverage(view, feed);
    let mut lines = Vec::new();
    let branches = view.branches(feed);
    let trunk = branches.iter().copied().find(|chain| view.chain(*chain).left.is_none());
    if let Some(trunk) = trunk {
        // Behind an entry that must not be passed over it waits for who knows its kind: all else is paid meanwhile.
        let end = view.halted(trunk).map_or(reach.end, |at| reach.end.min(at));
        // A gap may be empty, and comes to no line then.
        for (from, to) in covered.gaps(trunk, end) {
            stretch(view, feed, trunk, (from, to), &covered, &mut lines);
        }
    }
    if reach.beyond {
        let mut singles = beyond(view, feed, reach, &covered);
        singles.sort_unstable();
        no_more_than_is_left(view, feed, covered, &mut singles);
        for rows in singles.chunks(limits::SETTLE_ROWS) {
            let rows = Bounded::new(rows.to_vec()).unwrap_or_default();
            lines.push(Settling::Rows { node: feed.node, rows });
        }
    }
    lines
}

/// The entries of a gap, leaving out what was settled by itself; in several lines where much is left out, and in none
/// where nothing in it was handed out or taken back.
fn stretch(
    view: &dyn View,
    feed: &FeedRef,
    chain: ChainNo,
    (from, to): (u64, u64),
    covered: &Coverage,
    lines: &mut Vec<Settling>,
) {
    let (mut first, mut except, mut counts) = (from, Vec::new(), false);
    let mut next = from;
    while next < to {
        let index = next;
        next = index.saturating_add(1);
        let Some((at, value, leaf)) = entry_of(view, chain, index) else {
            let place = owner_of(view, chain, index);
            if index < view.floor(place.chain).next {
                // What is not here, others settle: a stretch over it could not be made into rows.
                push(view, feed, chain, (first, index), std::mem::take(&mut except), counts, lines);
                let block = view.sealed_over(place).map(|block| block.next);
                next = block.unwrap_or_else(|| view.floor(place.chain).next).max(next).min(to);
                (first, counts) = (next, false);
            }
            continue;
        };
        let Some(came) = came_of(view, at, &value) else { continue };
        if covered.has_row(&(index, leaf, came.kind, 0)) {
            except.push(index);
            if except.len() == limits::SETTLE_EXCEPT {
                push(view, feed, chain, (first, next), std::mem::take(&mut except), counts, lines);
                (first, counts) = (next, false);
            }
        } else {
            counts = true;
        }
    }
    push(view, feed, chain, (first, to), except, counts, lines);
}

fn push(
    view: &dyn View,
    feed: &FeedRef,
    chain: ChainNo,
    (from, to): (u64, u64),
    except: Vec<u64>,
    counts: bool,
    lines: &mut Vec<Settling>,
) {
    let Some(head) = view.accumulator(chain, to).filter(|_| counts) else { return };
    let except = Bounded::new(except).unwrap_or_default();
    lines.push(Settling::Stretch { node: feed.node, from, to, head, except });
}

/// Every entry above an end that handed something out or took it back, chain by chain.
fn for_each_beyond(
    view: &dyn View,
    feed: &FeedRef,
    reach: &Reach,
    mut each: impl FnMut(At, Value, Hash, Came),
) {
    for chain in view.branches(feed) {
        for index in reach.end..view.head(chain).next {
            let place = At { chain, index };
            if owner_of(view, chain, index) != place || halted_before(view, place) {
                continue;
            }
            let Some((at, value, leaf)) = entry_of(view, chain, index) else { continue };
            if let Some(came) = came_of(view, at, &value) {
                each(at, value, leaf, came);
            }
        }
    }
}

/// What refunds above an end have taken back already, by their redemptions: settled by stretches of a time when nobody knew
/// of the fork, or by rows of their own.
fn taken_back(
    view: &dyn View,
    feed: &FeedRef,
    reach: &Reach,
    covered: &Coverage,
) -> BTreeMap<At, Amount> {
    let mut back: BTreeMap<At, Amount> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    for_each_beyond(view, feed, reach, |at, value, leaf, came| {
        let Value::Refund { redeem, .. } = value else { return };
        let mut add = |amount| {
            let taken = back.entry(owner_of(view, at.chain, redeem)).or_default();
            *taken = taken.plus(amount).unwrap_or(Amount::MAX);
        };
        if covered.stretched(at) {
            add(came.amount);
        } else if counted.insert((at.index, leaf)) {
            let units = u64::try_from(covered.alone(at.index, &leaf, Kind::Refunded));
            add(units.ok().and_then(Amount::new).unwrap_or(Amount::MAX));
        }
    });
    back
}

/// Takes from rows of refunds what is over, where entries that say the same on two branches cannot be told apart: a draft
/// of more would be refused.
fn no_more_than_is_left(
    view: &dyn View,
    feed: &FeedRef,
    mut covered: Coverage,
    singles: &mut Vec<Single>,
) {
    singles.retain_mut(|row| {
        if row.kind == Kind::Refunded {
            row.amount = row.amount.min(back(view, feed, &covered, row.index, &row.leaf).left());
            // Which draft holds it is not asked.
            covered.add_row(row, At { chain: ChainNo(0), index: 0 });
        }
        row.amount > Amount::ZERO
    });
}

/// Entries that no stretch will ever cover: above the end on every chain, and what was shown without its block.
fn beyond(view: &dyn View, feed: &FeedRef, reach: &Reach, covered: &Coverage) -> Vec<Single> {
    let mut placed: BTreeMap<(u64, Hash), Vec<Came>> = BTreeMap::new();
    let mut back = taken_back(view, feed, reach, covered);
    let mut met: BTreeMap<(u64, Hash), u64> = BTreeMap::new();
    for_each_beyond(view, feed, reach, |at, value, leaf, mut came| {
        if covered.stretched(at) {
            return;
        }
        // Refunds of one redemption on two branches take back what the larger of them says, once: less what was taken.
        if let Value::Refund { redeem, .. } = value {
            let alone = covered.copies(view, feed, at.index, &leaf).1;
            let met = met.entry((at.index, leaf)).or_default();
            let taken = back.entry(owner_of(view, at.chain, redeem)).or_default();
            // The first are those that have rows already, whichever they were.
            *met = met.saturating_add(1);
            if *met > alone {
                came.amount = came.amount.minus(*taken).unwrap_or(Amount::ZERO);
                *taken = taken.plus(came.amount).unwrap_or(Amount::MAX);
            }
        }
        if came.amount > Amount::ZERO {
            placed.entry((at.index, leaf)).or_default().push(came);
        }
    });
    let book = Pages::new(view, *feed);
    let facts = Facts::new(*feed, &book, view.shown(feed));
    for standing in facts.standing().filter(|standing| standing.missing > 0) {
        if let Some(came) = shown(view, feed, &facts, standing, reach.merchant) {
            let all = placed.entry((standing.index, standing.leaf)).or_default();
            all.extend((0..standing.missing).map(|_| came));
        }
    }
    let mut singles = Vec::new();
    for ((index, leaf), cames) in placed {
        let (stretched, alone) = covered.copies(view, feed, index, &leaf);
        // Stretches hold the first copies, rows by themselves the next: what is over is new.
        let fresh = cames.iter().skip(usize::try_from(alone).unwrap_or(usize::MAX));
        for (copy, came) in (stretched.saturating_add(alone)..).zip(fresh) {
            if let Ok(copy) = u8::try_from(copy) {
                singles.push(single(index, leaf, copy, came));
            }
        }
    }
    singles
}

/// What an entry that was shown handed out. Refunds that burnt are taken back by hand: nobody can say from one alone that
/// they were not taken back before.
fn shown(
    view: &dyn View,
    feed: &FeedRef,
    facts: &Facts<'_, Pages<'_>>,
    standing: &Standing,
    unnamed: Option<MerchantId>,
) -> Option<Came> {
    let (lot, amount) = facts.handed_out(standing)?;
    let (cycle, commodity) = facts.of_lot(lot)?;
    let number = facts.merchant(&standing.value)?;
    let named = view.branches(feed).into_iter().find_map(|chain| view.merchant(chain, number));
    let merchant = named.or(unnamed)?;
    let kind = Kind::Redeemed;
    (amount > Amount::ZERO).then_some(Came { kind, merchant, cycle, commodity, amount })
}
