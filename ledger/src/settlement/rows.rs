//! The rows that lines come to: one for each entry that handed something out or took it back.

use super::{Kind, Row, Settling, Single, overlap};
use crate::amount::Amount;
use crate::entry::{Entry, Value};
use crate::feed::leaf;
use crate::fold::{halted_before, owner_of, redeemed, resolve, used_before};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef, MerchantId, ProgrammeId};
use crate::limits;
use crate::orphan::Pages;
use crate::view::{At, ChainNo, Use, View};

/// What one entry of a chain handed out or took back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Came {
    /// Handed out, or taken back.
    pub kind: Kind,
    /// By whom.
    pub merchant: MerchantId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much. Never nothing.
    pub amount: Amount,
}

/// What the entry at a place handed out or took back, as far as its chain tells of what and by whom.
#[must_use]
pub fn came_of(view: &dyn View, at: At, value: &Value) -> Option<Came> {
    let (chain, kind) = match value {
        Value::Refund { .. } => (at.chain, Kind::Refunded),
        _ => (at.chain, Kind::Redeemed),
    };
    let (number, cycle, commodity, amount) = match value {
        Value::Redeem { lot, amount, merchant, .. }
        | Value::FloatRedeem { lot, amount, merchant, .. } => {
            let (_, row) = resolve(view, chain, *lot).filter(|_| lot.0 < at.index)?;
            (*merchant, row.cycle, row.commodity, *amount)
        }
        Value::Post { hold, .. } => held(view, chain, at.index, *hold)?,
        Value::Refund { redeem, amount, .. } => {
            let place = owner_of(view, chain, *redeem);
            // One that came second in its chain credits nothing, and takes nothing from anybody.
            if *redeem >= at.index || used_before(view, at, &Use::Redemption(place)) {
                return None;
            }
            let (row, given) = redeemed(view, place)?;
            let number = match view.entry(place)? {
                Value::Redeem { merchant, .. } => merchant,
                Value::Post { hold, .. } => held(view, place.chain, place.index, hold)?.0,
                _ => return None,
            };
            (number, row.cycle, row.commodity, (*amount).min(given))
        }
        _ => return None,
    };
    let merchant = view.merchant(chain, number)?;
    (amount > Amount::ZERO).then_some(Came { kind, merchant, cycle, commodity, amount })
}

fn held(
    view: &dyn View,
    chain: ChainNo,
    before: u64,
    hold: u64,
) -> Option<(u32, CycleId, CommodityId, Amount)> {
    let hold = view.hold(owner_of(view, chain, hold)).filter(|_| hold < before)?;
    match view.slot(hold.lot)? {
        crate::view::Slot::Lot(row) => Some((hold.merchant, row.cycle, row.commodity, hold.amount)),
        crate::view::Slot::Same(_) => None,
    }
}

/// The entry of a chain at an index, with its leaf.
pub(super) fn entry_of(view: &dyn View, chain: ChainNo, index: u64) -> Option<(At, Value, Hash)> {
    let at = owner_of(view, chain, index);
    let value = view.entry(at)?;
    let leaf = leaf(&Entry::Value(value.clone()).encode());
    Some((at, value, leaf))
}

/// The chain of a feed that has this accumulator before an index. A view that began above that place cannot tell, and
/// has one chain: that one.
pub(crate) fn chain_with(
    view: &dyn View,
    feed: &FeedRef,
    next: u64,
    head: &Hash,
) -> Option<ChainNo> {
    let has = |chain: &ChainNo| view.accumulator(*chain, next).as_ref() == Some(head);
    let chains = view.branches(feed);
    if let [only] = *chains
        && next <= view.head(only).next
        && view.accumulator(only, next).is_none()
    {
        return Some(only);
    }
    chains.into_iter().find(has)
}

/// The rows that lines come to, in order. Depends on the lines and on the entries they name, and on nothing else that is
/// known. `None` where an entry they name is not here, where two of their stretches have an index in common, and where
/// they come to more than [`limits::LIST_ROWS`] rows: no settlement is of such lines.
#[must_use]
pub fn rows(view: &dyn View, programme: ProgrammeId, lines: &[Settling]) -> Option<Vec<Row>> {
    if overlap(lines) {
        return None;
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |node: [u8; 8], what: Single| {
        let row = u32::try_from(rows.len()).ok().filter(|row| *row < limits::LIST_ROWS)?;
        rows.push(Row { row, node, what });
        Some(())
    };
    for line in lines {
        match line {
            Settling::Stretch { node, from, to, head, except } => {
                let feed = FeedRef::value(*node, programme);
                let chain = chain_with(view, &feed, *to, head)?;
                for index in *from..*to {
                    if except.contains(&index) {
                        continue;
                    }
                    let Some((at, value, leaf)) = entry_of(view, chain, index) else {
                        if passed_over(view, chain, index) {
                            continue;
                        }
                        return None;
                    };
                    // As the stretch's own chain sees it: an earlier one may have been left by a branch since.
                    if let Some(came) = came_of(view, at, &value) {
                        add(*node, single(index, leaf, 0, &came))?;
                    }
                }
            }
            Settling::Rows { node, rows: singles } => {
                singles.iter().try_for_each(|single| add(*node, *single))?;
            }
            Settling::Draft { .. } | Settling::Step { .. } => {}
        }
    }
    Some(rows)
}

/// Whether an entry is here and of a kind this version does not know, but may pass over: it hands nothing out, and must
/// not keep back the pay for what stands beside it.
fn passed_over(view: &dyn View, chain: ChainNo, index: u64) -> bool {
    let next = index.saturating_add(1);
    let here = |next| view.accumulator(chain, next).is_some();
    here(index) && here(next) && !halted_before(view, At { chain, index: next })
}

pub(super) const fn single(index: u64, leaf: Hash, copy: u8, came: &Came) -> Single {
    let Came { kind, merchant, cycle, commodity, amount } = *came;
    Single { index, leaf, copy, kind, merchant, cycle, commodity, amount }
}

/// Whether any of a feed's chains has an entry with this leaf at an index, and which.
pub(super) fn places_of(
    view: &dyn View,
    feed: &FeedRef,
    index: u64,
    leaf: &Hash,
) -> Vec<(At, Value)> {
    let book = Pages::new(view, *feed);
    let same = |at: At| {
        let (_, value, found) = entry_of(view, at.chain, at.index)?;
        (found == *leaf).then_some((at, value))
    };
    book.places(index).filter_map(same).collect()
}
