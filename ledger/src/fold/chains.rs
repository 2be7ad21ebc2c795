//! Finding things as one chain of a feed sees them: its own entries, and those of the chain it left.

use crate::amount::Amount;
use crate::entry::{Lot, Owner, Value};
use crate::view::{At, Chain, ChainNo, FloatRow, LotRow, Slot, Use, View};

/// Finds the lot an entry of `chain` names: in its own chain, or in one it left, below the point where it left.
#[must_use]
pub fn resolve(view: &dyn View, chain: ChainNo, lot: Lot) -> Option<(At, LotRow)> {
    let at = owner_of(view, chain, lot.0);
    match view.slot(at)? {
        Slot::Lot(row) => Some((at, row)),
        Slot::Same(first) => match view.slot(first)? {
            Slot::Lot(row) => Some((first, row)),
            Slot::Same(_) => None,
        },
    }
}

/// The chain in which the entry at `index` stands, as seen from `chain`.
#[must_use]
pub fn owner_of(view: &dyn View, chain: ChainNo, index: u64) -> At {
    let mut at = At { chain, index };
    // A branch leaves a chain that is known already, so chains are acyclic; the bound only states it.
    for _ in 0..=crate::limits::BRANCHES {
        match view.chain(at.chain) {
            Chain { left: Some(left), .. } if index < left.index => at.chain = left.chain,
            Chain { .. } => return at,
        }
    }
    at
}

/// Whether an earlier place lies in the past of `at`'s chain, and not on another branch.
#[must_use]
pub fn in_past(view: &dyn View, at: At, earlier: At) -> bool {
    earlier.index < at.index && owner_of(view, at.chain, earlier.index) == earlier
}

/// Whether something was used by an entry in the past of `at`.
#[must_use]
pub fn used_before(view: &dyn View, at: At, what: &Use) -> bool {
    view.uses(what).iter().any(|earlier| in_past(view, at, *earlier))
}

/// Whether the cover at a place makes a float redemption good: it is of the purse's home, and gives as much of the same. What
/// another feed or a lesser cover says closes nothing. Where the entry is not here, its rows vouch for it.
#[must_use]
pub fn covers(view: &dyn View, float: &FloatRow, at: At) -> bool {
    view.chain(at.chain).feed.short() == float.home
        && view.entry(at).is_none_or(|entry| is_whole(&entry, float))
}

/// Whether a value entry is a cover of a float redemption, of as much.
fn is_whole(entry: &Value, float: &FloatRow) -> bool {
    let Value::FloatCover(cover) = entry else { return false };
    cover.float == float.name && (cover.commodity, cover.amount) == (float.commodity, float.amount)
}

/// Whether an entry before a place, as its chain sees it, must not be passed over and is not known to this version.
#[must_use]
pub fn halted_before(view: &dyn View, at: At) -> bool {
    let (mut chain, mut below) = (at.chain, at.index);
    for _ in 0..=crate::limits::BRANCHES {
        if view.halted(chain).is_some_and(|halted| halted < below) {
            return true;
        }
        let Some(left) = view.chain(chain).left else { return false };
        (chain, below) = (left.chain, below.min(left.index));
    }
    false
}

/// The index up to which a chain is folded: to its head, or to what must not be passed over and is not known to this
/// version. What stands beyond means something that is not known here, and contradicts nothing.
#[must_use]
pub fn folded_to(view: &dyn View, chain: ChainNo) -> u64 {
    let (mut chain, mut to) = (chain, view.head(chain).next);
    let mut below = to;
    for _ in 0..=crate::limits::BRANCHES {
        if let Some(halted) = view.halted(chain).filter(|halted| *halted < below) {
            to = to.min(halted);
        }
        let Some(left) = view.chain(chain).left else { break };
        (chain, below) = (left.chain, below.min(left.index));
    }
    to
}

/// Whether a feed had ended before a place, as its chain sees it.
#[must_use]
pub fn ended_before(view: &dyn View, at: At) -> bool {
    let (mut chain, mut below) = (at.chain, at.index);
    for _ in 0..=crate::limits::BRANCHES {
        if view.ended(chain).is_some_and(|end| end < below) {
            return true;
        }
        let Some(left) = view.chain(chain).left else { return false };
        (chain, below) = (left.chain, below.min(left.index));
    }
    false
}

/// The lot and amount of the redemption at exactly this place: a `Redeem`, or a `Post` through its hold.
#[must_use]
pub fn redeemed(view: &dyn View, at: At) -> Option<(LotRow, Amount)> {
    // What it names must stand before it: a lot opened later was not there to pay, and there is nothing to give back.
    match view.entry(at)? {
        Value::Redeem { lot, amount, .. } if lot.0 < at.index => {
            let (_, row) = resolve(view, at.chain, lot)?;
            matches!(row.owner, Owner::Purse(_)).then_some((row, amount))
        }
        Value::Post { hold, .. } if hold < at.index => {
            let hold = view.hold(owner_of(view, at.chain, hold))?;
            match view.slot(hold.lot)? {
                Slot::Lot(row) if matches!(row.owner, Owner::Purse(_)) => Some((row, hold.amount)),
                Slot::Lot(_) | Slot::Same(_) => None,
            }
        }
        Value::Merchant { .. }
        | Value::Issue { .. }
        | Value::Send(_)
        | Value::Claim { .. }
        | Value::Redeem { .. }
        | Value::Post { .. }
        | Value::Hold { .. }
        | Value::Drop { .. }
        | Value::Basket { .. }
        | Value::Refund { .. }
        | Value::FloatRedeem { .. }
        | Value::FloatCover(_)
        | Value::End { .. }
        | Value::Orphan(_)
        | Value::DayClose { .. }
        | Value::Settle { .. } => None,
    }
}
