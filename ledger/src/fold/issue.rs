//! A row of a list becomes a lot of its purse.

use super::{Folding, Taking, used_before};
use crate::amount::Balance;
use crate::entry::Owner;
use crate::time::Minute;
use crate::view::{Change, Fault, LotRow, Opened, Pool, Use};

impl Folding<'_> {
    pub(super) fn issue(
        &mut self,
        taking: &Taking,
        (list, row): (u64, u32),
        owner: Owner,
        expires: Minute,
    ) {
        let at = self.at();
        let lot = self.named(taking.lot);
        let Some((from, source)) = lot else { return self.fault(Fault::LotMissing) };
        let mut opened = LotRow {
            origin: self.place.accumulator,
            owner,
            cycle: source.cycle,
            commodity: source.commodity,
            balance: taking.amount.into(),
            held: Balance::ZERO,
            expires,
            opened: Opened::Issue,
        };
        let used = Use::Row { node: self.place.feed.node.short(), list, row };
        let twice = used_before(self.view, at, &used);
        let fits = matches!(source.owner, Owner::Budget | Owner::Reserve);
        if twice || !fits {
            self.fault(if twice { Fault::RowTwice } else { Fault::WrongOwner });
            opened = LotRow { balance: Balance::ZERO, opened: Opened::Unbacked, ..opened };
            return self.open(opened);
        }
        self.take(from, source, taking.amount);
        self.own_pool(
            source.cycle,
            source.commodity,
            Pool { lots: Balance::ZERO.debit(taking.amount), ..Pool::default() },
        );
        self.open(opened);
        self.push(Change::Used(used, at));
    }
}
