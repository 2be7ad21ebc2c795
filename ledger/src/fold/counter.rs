//! What leaves the counter: redemptions, holds and their end, rations from the float.

use super::{Folding, Taking, owner_of, used_before};
use crate::amount::{Amount, Balance};
use crate::entry::Owner;
use crate::id::{CommodityId, CycleId, EntryName, FeedRef};
use crate::time::Minute;
use crate::view::{At, Change, Fault, FloatRow, HoldRow, LotRow, Pool, Slot, Use};

impl Folding<'_> {
    fn handed_out(&mut self, cycle: CycleId, commodity: CommodityId, amount: Amount) {
        self.own_pool(
            cycle,
            commodity,
            Pool {
                lots: Balance::ZERO.debit(amount),
                arriving: Balance::ZERO,
                redeemed: amount.into(),
            },
        );
    }

    pub(super) fn hand_out(&mut self, taking: &Taking, stamp: Minute) {
        let Some((at, row)) = self.named(taking.lot) else {
            // Without a lot nobody can say of what so many units were: the fault is all there is.
            return self.fault(Fault::LotMissing);
        };
        if matches!(row.owner, Owner::Purse(_)) {
            if row.expires < stamp {
                self.fault(Fault::Late);
            }
            self.take(at, row, taking.amount);
            self.handed_out(row.cycle, row.commodity, taking.amount);
        } else {
            self.hand_out_unbacked(&row, taking.amount);
        }
    }

    fn hand_out_unbacked(&mut self, row: &LotRow, amount: Amount) {
        self.fault(Fault::WrongOwner);
        self.open_unbacked(row.owner, row.cycle, row.commodity, amount);
        let redeemed = Pool { redeemed: amount.into(), ..Pool::default() };
        self.own_pool(row.cycle, row.commodity, redeemed);
    }

    pub(super) fn hold(&mut self, taking: &Taking, merchant: u32, until: Minute) {
        self.merchant(merchant);
        let Some((lot, row)) = self.named(taking.lot) else {
            return self.fault(Fault::LotMissing);
        };
        if !matches!(row.owner, Owner::Purse(_)) {
            self.fault(Fault::WrongOwner);
        }
        let held = row.held.credit(taking.amount);
        self.push(Change::Slot(lot, Slot::Lot(LotRow { held, ..row })));
        let hold = HoldRow { lot, amount: taking.amount, merchant, until };
        self.push(Change::Hold(self.at(), hold));
    }

    fn find_hold(&self, index: u64) -> Option<(At, HoldRow, LotRow)> {
        if index >= self.at().index {
            return None;
        }
        let at = owner_of(self.view, self.at().chain, index);
        let hold = self.view.hold(at)?;
        match self.view.slot(hold.lot)? {
            Slot::Lot(row) => Some((at, hold, row)),
            Slot::Same(_) => None,
        }
    }

    /// The lot's row once a hold on it is resolved: what was held is free, unless a branch freed it before.
    fn freed(&self, hold_at: At, hold: &HoldRow, row: LotRow) -> LotRow {
        if self.view.uses(&Use::Hold(hold_at)).is_empty() {
            LotRow { held: row.held.debit(hold.amount), ..row }
        } else {
            row
        }
    }

    pub(super) fn post(&mut self, index: u64, stamp: Minute) {
        let Some((at, hold, row)) = self.find_hold(index) else {
            return self.fault(Fault::LotMissing);
        };
        // Goods that left a second time, or after the hold was let go, left all the same.
        if used_before(self.view, self.at(), &Use::Hold(at)) {
            self.fault(Fault::ResolvedTwice);
        }
        if stamp > hold.until {
            self.fault(Fault::Late);
        }
        let row = self.freed(at, &hold, row);
        self.push(Change::Used(Use::Hold(at), self.at()));
        if matches!(row.owner, Owner::Purse(_)) {
            self.take(hold.lot, row, hold.amount);
            self.handed_out(row.cycle, row.commodity, hold.amount);
        } else {
            self.push(Change::Slot(hold.lot, Slot::Lot(row)));
            self.hand_out_unbacked(&row, hold.amount);
        }
    }

    pub(super) fn let_go(&mut self, index: u64) {
        let Some((at, hold, row)) = self.find_hold(index) else {
            return self.fault(Fault::LotMissing);
        };
        if used_before(self.view, self.at(), &Use::Hold(at)) {
            self.fault(Fault::ResolvedTwice);
        }
        let row = self.freed(at, &hold, row);
        self.push(Change::Used(Use::Hold(at), self.at()));
        self.push(Change::Slot(hold.lot, Slot::Lot(row)));
    }

    pub(super) fn float_redeem(
        &mut self,
        taking: &Taking,
        home: FeedRef,
        owner: Owner,
        stamp: Minute,
    ) {
        let Some((at, row)) = self.named(taking.lot) else {
            return self.fault(Fault::LotMissing);
        };
        if row.owner == Owner::Float {
            self.take(at, row, taking.amount);
            self.handed_out(row.cycle, row.commodity, taking.amount);
        } else {
            self.hand_out_unbacked(&row, taking.amount);
        }
        let Owner::Purse(purse) = owner else { return };
        let accumulator = self.place.accumulator;
        let feed = self.place.feed.short();
        self.push(Change::Float(
            accumulator,
            FloatRow {
                at: self.at(),
                name: EntryName { feed, index: self.at().index, accumulator },
                home,
                purse,
                cycle: row.cycle,
                commodity: row.commodity,
                amount: taking.amount,
                stamp,
            },
        ));
    }
}
