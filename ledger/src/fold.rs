//! What every replica does with a verified entry. Total: an entry that breaks a value rule is folded as *unbacked* and
//! noted as a fault of its feed; it never stops the feed and never takes anyone else's redemption with it.
//!
//! A balance is a sum over the set of known entries, so the same entries give the same state in any order of arrival
//! (spec/deciding.md). What is known of a send through a ticket alone counts in the sender's pool at once, and in the
//! sender's lot once its block is here.

use crate::amount::{Amount, Balance};
use crate::consent::{Said, Told};
use crate::entry::{Control, Entry, Later, Lot, Owner, Registry, Value};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedId, ProgrammeId};
use crate::list::List;
use crate::time::Minute;
use crate::view::{
    At, Change, ClockWord, Fault, LotRow, Opened, Pool, PoolKey, Revocation, Slot, View,
};

mod chains;
mod counter;
mod issue;
mod refunds;
mod settle;
#[cfg(test)]
mod tests;
mod tickets;

pub use chains::{
    covers, ended_before, folded_to, halted_before, in_past, owner_of, redeemed, resolve,
    used_before,
};
pub(crate) use settle::may_step;
pub use tickets::{budget_name, release_name, ticket_row, voted};

/// An entry where it stands, as the fold needs it: nothing of the block it lies in, for it may lie in two.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The feed.
    pub feed: FeedId,
    /// Chain and index.
    pub at: At,
    /// The accumulator after it.
    pub accumulator: Hash,
    /// The newest stamp before it in its chain.
    pub last_stamp: Minute,
}

/// Folds one verified entry.
#[must_use]
pub fn fold(view: &dyn View, place: &Place, entry: &Entry) -> Vec<Change> {
    let mut changes = Vec::with_capacity(4);
    fold_into(view, place, entry, &mut changes);
    changes
}

/// As [`fold`], adding to a list of the caller's: a replay of a million entries reuses one.
pub fn fold_into(view: &dyn View, place: &Place, entry: &Entry, changes: &mut Vec<Change>) {
    // What follows an entry that must not be passed over means something that is not known here.
    if halted_before(view, place.at) {
        return;
    }
    let mut out = Folding { view, place, changes };
    if entry.fell(place.last_stamp) {
        out.fault(Fault::StampFell);
    }
    if ended_before(view, place.at) {
        out.fault(Fault::AfterEnd);
    }
    match entry {
        Entry::Value(value) => out.value(value),
        Entry::Registry(registry) => out.registry(registry),
        Entry::Control(control) => out.control(control),
        Entry::Later(later) => out.later(later),
    }
}

/// What may be sent out of a lot of one owner as a lot of another.
#[must_use]
pub fn may_become(row: &LotRow, owner: Owner, at: Minute) -> bool {
    match (row.owner, owner) {
        (Owner::Purse(from), Owner::Purse(to)) => from == to,
        // A purse's units go back to a budget only once nobody can redeem them any more.
        (Owner::Purse(_), Owner::Budget) => row.expires < at,
        (Owner::Budget, Owner::Budget | Owner::Float | Owner::Reserve) => true,
        (Owner::Float, Owner::Float | Owner::Budget) => true,
        (Owner::Reserve, Owner::Reserve | Owner::Budget) => true,
        (Owner::Purse(_), Owner::Float | Owner::Reserve)
        | (Owner::Budget | Owner::Float | Owner::Reserve, Owner::Purse(_))
        | (Owner::Float, Owner::Reserve)
        | (Owner::Reserve, Owner::Float) => false,
    }
}

struct Folding<'a> {
    view: &'a dyn View,
    place: &'a Place,
    changes: &'a mut Vec<Change>,
}

/// What one entry takes out of a lot.
struct Taking {
    lot: Lot,
    amount: Amount,
}

impl Folding<'_> {
    fn at(&self) -> At {
        self.place.at
    }

    /// The lot an entry names, which stands before it: no state has one at a place still to come.
    fn named(&self, lot: Lot) -> Option<(At, LotRow)> {
        if lot.0 < self.at().index { resolve(self.view, self.at().chain, lot) } else { None }
    }

    fn programme(&self) -> ProgrammeId {
        self.place.feed.programme
    }

    fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    fn fault(&mut self, fault: Fault) {
        self.push(Change::Fault(self.at(), fault));
    }

    fn pool(&mut self, node: [u8; 8], cycle: CycleId, commodity: CommodityId, by: Pool) {
        let key = PoolKey { node, programme: self.programme(), cycle, commodity };
        self.push(Change::Pool(key, by));
    }

    fn own_pool(&mut self, cycle: CycleId, commodity: CommodityId, by: Pool) {
        self.pool(self.place.feed.node.short(), cycle, commodity, by);
    }

    /// Opens a lot at this entry's place.
    fn open(&mut self, row: LotRow) {
        self.push(Change::Slot(self.at(), Slot::Lot(row)));
        if row.balance != Balance::ZERO {
            let by = Pool { lots: row.balance, ..Pool::default() };
            self.own_pool(row.cycle, row.commodity, by);
        }
    }

    /// Opens what no lot pays for: it starts below zero, and stays the feed's organisation's.
    fn open_unbacked(
        &mut self,
        owner: Owner,
        cycle: CycleId,
        commodity: CommodityId,
        owed: Amount,
    ) {
        self.open(LotRow {
            origin: self.place.accumulator,
            owner,
            cycle,
            commodity,
            balance: Balance::ZERO.debit(owed),
            held: Balance::ZERO,
            expires: Minute::NEVER,
            opened: Opened::Unbacked,
        });
    }

    /// Takes an amount from a lot that was found fit for it; below zero if need be. The pool is the caller's.
    fn take(&mut self, at: At, row: LotRow, amount: Amount) {
        let left = LotRow { balance: row.balance.debit(amount), ..row };
        if left.balance.short() > 0 && row.opened != Opened::Waiting {
            self.fault(Fault::Short);
        }
        self.push(Change::Slot(at, Slot::Lot(left)));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Merchant { merchant } => {
                self.push(Change::Merchant(self.at().chain, *merchant));
            }
            Value::Issue { from, list, row, purse, amount, expires, .. } => {
                self.issue(
                    &Taking { lot: *from, amount: *amount },
                    (*list, *row),
                    Owner::Purse(*purse),
                    *expires,
                );
            }
            Value::Send(send) => self.send(send),
            Value::Claim { ticket, .. } => self.claim(ticket),
            Value::Redeem { lot, amount, merchant, at, .. } => {
                self.merchant(*merchant);
                self.hand_out(&Taking { lot: *lot, amount: *amount }, *at);
            }
            Value::Hold { lot, amount, merchant, until, .. } => {
                self.hold(&Taking { lot: *lot, amount: *amount }, *merchant, *until);
            }
            Value::Post { hold, at, .. } => self.post(*hold, *at),
            Value::Drop { hold, .. } => self.let_go(*hold),
            Value::Basket { entries } => {
                if *entries == 0 {
                    self.fault(Fault::BasketBroken);
                }
            }
            Value::Refund { redeem, amount, .. } => self.refund(*redeem, *amount),
            Value::FloatRedeem { lot, home, purse, amount, merchant, at, .. } => {
                self.merchant(*merchant);
                let taking = Taking { lot: *lot, amount: *amount };
                self.float_redeem(&taking, *home, Owner::Purse(*purse), *at);
            }
            Value::FloatCover(cover) => self.cover(cover),
            Value::End { .. } => self.push(Change::Ended(self.at(), self.place.accumulator)),
            Value::Orphan(orphan) => self.orphan(orphan),
            Value::DayClose { day, .. } => self.day(day),
            Value::Settle { settling, at } => self.settle(settling, *at),
        }
    }

    fn merchant(&mut self, merchant: u32) {
        if merchant >= self.view.merchants(self.at().chain) {
            self.fault(Fault::MerchantMissing);
        }
    }

    fn registry(&mut self, registry: &Registry) {
        let programme = self.programme();
        self.push(match registry {
            Registry::Enrol { pseudonym, .. } => Change::Enrolled(programme, *pseudonym),
            Registry::CarrierBound { pseudonym, carrier, kind, .. } => {
                Change::CarrierBound(programme, *carrier, *pseudonym, *kind)
            }
            // Whether its author may depends on certificates and cuts, which come when they come: where it stands is kept.
            Registry::CarrierCancelled { carrier, .. } => {
                Change::CarrierCancelled(programme, *carrier, Some(self.at()))
            }
            // Whether it may be so depends on what other feeds say, which come when they come: all of it is kept.
            Registry::People(people) => Change::Told(self.told(Said::People(*people))),
        });
    }

    fn told(&self, said: Said) -> Told {
        Told { programme: self.programme(), by: self.place.feed.node.short(), said }
    }

    /// Whether it may be passed over, the article says that brought in its kind: known to whoever folds its block.
    fn later(&mut self, later: &Later) {
        let active = self.view.charter().active(later.lane, later.kind);
        if active.is_some_and(|active| active.critical) {
            self.fault(Fault::Halted);
        }
    }

    fn control(&mut self, control: &Control) {
        match control {
            Control::List(list) => {
                let node = self.place.feed.node.short();
                let index = self.at().index;
                // Two branches may freeze two lists at one index: the one with the lesser bytes stands, whichever
                // came first.
                let bytes = |list: &List| crate::wire::encode(list);
                let stands =
                    self.view.list(&node, index).is_none_or(|old| bytes(list) < bytes(&old));
                if stands {
                    self.push(Change::List(node, index, list.clone()));
                }
            }
            // A fault is computed from known blocks, never asserted: the entry only says where a proof can be had.
            // For whom it is: nothing in the ledger asks for purses by their owners.
            Control::FaultSeen { .. } | Control::CycleKey(_) => {}
            // Whether its author may say so, a certificate tells, which may come later: kept in any case.
            Control::Revoke { feed, cut, reason, .. } => {
                let by = self.place.feed.node.short();
                let (feed, cut, reason) = (*feed, *cut, *reason);
                self.push(Change::Revoked(Revocation { feed, by, cut, reason }));
            }
            Control::ErasureSeen { erased, on } => {
                let told = self.told(Said::ErasureSeen { erased: *erased, on: *on });
                self.push(Change::Told(told));
            }
            Control::ClockAnswer { clock, word, .. } => {
                let (node, clock) = (self.place.feed.node.short(), *clock);
                let federation = self.view.charter().federation();
                if crate::clock::approves(&federation, &node, clock, word) {
                    let operator = word.operator;
                    self.push(Change::ClockAnswered(ClockWord { node, clock, operator }));
                }
            }
        }
    }
}
