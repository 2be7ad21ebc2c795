//! Goods that came back.

use super::{Folding, owner_of, redeemed, used_before};
use crate::amount::{Amount, Balance};
use crate::entry::Value;
use crate::hash::{Purpose, hash};
use crate::view::{At, Change, Fault, LotRow, Opened, Pool, Slot, Use, View};

impl Folding<'_> {
    /// Opens the lot of a refund. Refunds of one redemption on two branches are one lot, worth the larger of them:
    /// the goods can have come back only once.
    pub(super) fn refund(&mut self, index: u64, amount: Amount) {
        let at = self.at();
        let redeem = owner_of(self.view, at.chain, index);
        // Asked here and not of the view, which may hold the whole block already: what stands later was not yet
        // handed out, so nothing of it came back.
        let before = index < at.index;
        let Some((lot, given)) = before.then(|| redeemed(self.view, redeem)).flatten() else {
            return self.fault(Fault::LotMissing);
        };
        let redemption = Use::Redemption(redeem);
        let twice = used_before(self.view, at, &redemption);
        if twice {
            self.fault(Fault::ResolvedTwice);
        } else if amount > given {
            self.fault(Fault::RefundTooLarge);
        }
        let credit = if twice { Amount::ZERO } else { amount.min(given) };
        let earlier = self.view.uses(&redemption);
        let first = earlier.iter().find_map(|at| match self.view.slot(*at) {
            Some(Slot::Lot(row)) if row.opened == Opened::Refund => Some((*at, row)),
            Some(Slot::Lot(_) | Slot::Same(_)) | None => None,
        });
        let credited = earlier
            .iter()
            .filter_map(|at| refunded_by(self.view, *at, given))
            .max()
            .unwrap_or(Amount::ZERO);
        let more = credit.minus(credited).unwrap_or(Amount::ZERO);
        if let Some((first, row)) = first {
            let balance = row.balance.credit(more);
            self.push(Change::Slot(first, Slot::Lot(LotRow { balance, ..row })));
            self.push(Change::Slot(at, Slot::Same(first)));
        } else {
            let feed = self.place.feed.bytes();
            let origin = hash(Purpose::Refund, &[&feed, &index.to_be_bytes(), &lot.origin.0]);
            let opened = Opened::Refund;
            let row = LotRow { origin, balance: more.into(), held: Balance::ZERO, opened, ..lot };
            self.push(Change::Slot(at, Slot::Lot(row)));
        }
        self.own_pool(
            lot.cycle,
            lot.commodity,
            Pool {
                lots: more.into(),
                arriving: Balance::ZERO,
                redeemed: Balance::ZERO.debit(more),
            },
        );
        // One that came second in its own chain credits nothing, on any branch: it must not count as the larger.
        if !twice {
            self.push(Change::Used(redemption, at));
        }
    }
}

/// What the refund at a place could credit.
fn refunded_by(view: &dyn View, at: At, given: Amount) -> Option<Amount> {
    match view.entry(at)? {
        Value::Refund { amount, .. } => Some(amount.min(given)),
        _ => None,
    }
}
