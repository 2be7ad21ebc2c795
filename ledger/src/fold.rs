//! What every replica does with a verified entry. Total: an entry that breaks a value rule is folded as *unbacked* and
//! noted as a fault of its feed; it never stops the feed and never takes anyone else's redemption with it.
//!
//! A balance is a sum over the set of known entries, so the same entries give the same state in any order of arrival
//! (spec/deciding.md). What is known of a send through a ticket alone counts in the sender's pool at once, and in the
//! sender's lot once its block is here.

use crate::amount::{Amount, Balance};
use crate::charter::Charter;
use crate::entry::{Control, Entry, FloatCover, Lot, Owner, Registry, Send, Value};
use crate::hash::{Hash, Purpose, hash};
use crate::id::{CommodityId, CycleId, EntryName, FeedId, FeedRef, ProgrammeId};
use crate::list::List;
use crate::ticket::{Moved, Sent, Ticket};
use crate::time::Minute;
use crate::view::{
    At, Chain, ChainNo, Change, Fault, FloatRow, HoldRow, LotRow, Opened, Pool, PoolKey, Slot,
    TicketRow, Use, View,
};

#[cfg(test)]
mod tests;

/// An entry where it stands, as the fold needs it.
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
    /// The charter epoch of its block's header; in an open tail, that of the charter. A block is folded only once the
    /// charter is known up to its epoch.
    pub epoch: u32,
    /// How many entries follow in its block; in an open tail, as many as can.
    pub following: u16,
}

/// The name under which a budget line is claimed.
#[must_use]
pub fn budget_name(epoch: u32, act: u8, line: u8) -> Hash {
    hash(Purpose::BudgetLine, &[&epoch.to_be_bytes(), &[act, line]])
}

/// What a charter's newest article changes: the lines of its budgets are on their way to their treasuries.
#[must_use]
pub fn budgets(charter: &Charter, epoch: u32) -> Vec<Change> {
    let mut changes = Vec::new();
    let voted = charter.budgets().filter(|((at, _, _), _)| *at == epoch);
    for ((_, act, line), budget) in voted {
        let key = PoolKey {
            node: budget.treasury,
            programme: budget.programme,
            cycle: budget.cycle,
            commodity: budget.commodity,
        };
        let row = TicketRow {
            programme: budget.programme,
            from: None,
            index: 0,
            lot: Lot(0),
            to: budget.treasury,
            owner: Owner::Budget,
            cycle: budget.cycle,
            commodity: budget.commodity,
            amount: budget.amount,
            expires: Minute::NEVER,
            placed: true,
            claimed: None,
        };
        changes.push(Change::Ticket(budget_name(epoch, act, line), row));
        changes.push(Change::Pool(key, Pool { arriving: budget.amount.into(), ..Pool::default() }));
    }
    changes
}

/// Folds one verified entry.
#[must_use]
pub fn fold(view: &impl View, place: &Place, entry: &Entry) -> Vec<Change> {
    let mut changes = Vec::with_capacity(4);
    fold_into(view, place, entry, &mut changes);
    changes
}

/// As [`fold`], adding to a list of the caller's: a replay of a million entries reuses one.
pub fn fold_into(view: &impl View, place: &Place, entry: &Entry, changes: &mut Vec<Change>) {
    let mut out = Folding { view, place, changes };
    if entry.stamp().is_some_and(|at| at < place.last_stamp) {
        out.fault(Fault::StampFell);
    }
    match entry {
        Entry::Value(value) => out.value(value),
        Entry::Registry(registry) => out.registry(registry),
        Entry::Control(control) => out.control(control),
    }
}

/// Finds the lot an entry of `chain` names: in its own chain, or in one it left, below the point where it left.
#[must_use]
pub fn resolve(view: &impl View, chain: ChainNo, lot: Lot) -> Option<(At, LotRow)> {
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
pub fn owner_of(view: &impl View, chain: ChainNo, index: u64) -> At {
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
pub fn in_past(view: &impl View, at: At, earlier: At) -> bool {
    earlier.index < at.index && owner_of(view, at.chain, earlier.index) == earlier
}

/// Whether something was used by an entry in the past of `at`.
#[must_use]
pub fn used_before(view: &impl View, at: At, what: &Use) -> bool {
    view.uses(what).iter().any(|earlier| in_past(view, at, *earlier))
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

/// What the refund at a place could credit.
fn refunded_by(view: &impl View, at: At, given: Amount) -> Option<Amount> {
    match view.entry(at)? {
        Value::Refund { amount, .. } => Some(amount.min(given)),
        _ => None,
    }
}

/// What became of an attempt to learn a send from a ticket.
enum Learned {
    Known(TicketRow),
    Forged,
    SenderUnknown,
}

struct Folding<'a, V> {
    view: &'a V,
    place: &'a Place,
    changes: &'a mut Vec<Change>,
}

/// What one entry takes out of a lot.
struct Taking {
    lot: Lot,
    amount: Amount,
}

impl<V: View> Folding<'_, V> {
    fn at(&self) -> At {
        self.place.at
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
                if *entries == 0 || u16::from(*entries) > self.place.following {
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
        }
    }

    fn merchant(&mut self, merchant: u32) {
        if merchant >= self.view.merchants(self.at().chain) {
            self.fault(Fault::MerchantMissing);
        }
    }

    fn issue(&mut self, taking: &Taking, (list, row): (u64, u32), owner: Owner, expires: Minute) {
        let at = self.at();
        let lot = resolve(self.view, at.chain, taking.lot);
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

    fn send(&mut self, send: &Send) {
        let at = self.at();
        match resolve(self.view, at.chain, send.from) {
            Some((from, row))
                if (row.cycle, row.commodity) == (send.cycle, send.commodity)
                    && may_become(&row, send.owner, send.at) =>
            {
                self.take(from, row, send.amount);
            }
            found => {
                let fault = if found.is_some() { Fault::WrongOwner } else { Fault::LotMissing };
                self.fault(fault);
                self.owe_without_pool(send.owner, send.cycle, send.commodity, send.amount);
            }
        }
        self.placed(&Moved::Send(*send));
    }

    fn cover(&mut self, cover: &FloatCover) {
        let at = self.at();
        match resolve(self.view, at.chain, cover.from) {
            Some((from, row))
                if (row.cycle, row.commodity) == (cover.cycle, cover.commodity)
                    && matches!(row.owner, Owner::Purse(_)) =>
            {
                self.take(from, row, cover.amount);
            }
            found => {
                let fault = if found.is_some() { Fault::WrongOwner } else { Fault::LotMissing };
                self.fault(fault);
                self.owe_without_pool(Owner::Float, cover.cycle, cover.commodity, cover.amount);
            }
        }
        let float = Use::Float(cover.float.accumulator);
        if used_before(self.view, at, &float) {
            self.fault(Fault::CoveredTwice);
        }
        self.push(Change::Used(float, at));
        self.placed(&Moved::Cover(*cover));
    }

    /// Sets down, below zero, what a send without a fitting lot owes; its pool moves with the ticket.
    fn owe_without_pool(
        &mut self,
        owner: Owner,
        cycle: CycleId,
        commodity: CommodityId,
        owed: Amount,
    ) {
        let row = LotRow {
            origin: self.place.accumulator,
            owner,
            cycle,
            commodity,
            balance: Balance::ZERO.debit(owed),
            held: Balance::ZERO,
            expires: Minute::NEVER,
            opened: Opened::Unbacked,
        };
        self.push(Change::Slot(self.at(), Slot::Lot(row)));
    }

    /// Notes a send of this feed now that its block is here. Its pools moved already if a ticket told of it first.
    fn placed(&mut self, moved: &Moved) {
        let (feed, index) = (self.place.feed.short(), self.at().index);
        let name = EntryName { feed, index, accumulator: self.place.accumulator }.ticket();
        let node = self.place.feed.node.short();
        if let Some(row) = self.view.ticket(&name) {
            return self.push(Change::Ticket(name, TicketRow { placed: true, ..row }));
        }
        let row = ticket_row(self.programme(), node, self.at().index, moved, true);
        self.send_off(name, row, node);
    }

    fn send_off(&mut self, name: Hash, row: TicketRow, from: [u8; 8]) {
        let gone = Pool { lots: Balance::ZERO.debit(row.amount), ..Pool::default() };
        self.pool(from, row.cycle, row.commodity, gone);
        let coming = Pool { arriving: row.amount.into(), ..Pool::default() };
        self.pool(row.to, row.cycle, row.commodity, coming);
        self.push(Change::Ticket(name, row));
    }

    /// A ticket, with what this very entry told of it: provenance may name one send twice.
    fn ticket(&self, name: &Hash) -> Option<TicketRow> {
        let told = self.changes.iter().rev().find_map(|change| match change {
            Change::Ticket(other, row) if other == name => Some(*row),
            _ => None,
        });
        told.or_else(|| self.view.ticket(name))
    }

    /// Learns a send from a ticket: its name, and its row once it can be believed.
    fn learn(&mut self, sent: &Sent) -> (Hash, Learned) {
        let programme = self.programme();
        let name = sent.name(programme).ticket();
        let keys = self.view.roster().node_keys(&sent.node);
        if keys.is_empty() {
            self.push(Change::Waiting(sent.node, self.at()));
            return (name, Learned::SenderUnknown);
        }
        // Asked even of a ticket that is known by name: or a claim with a spoilt signature would be a fault where it
        // is folded before the sender's block, and none where it is folded after.
        let federation = self.view.charter().federation();
        let signed = || keys.iter().any(|key| sent.verifies(&federation, key, programme));
        if !signed() {
            return (name, Learned::Forged);
        }
        if let Some(row) = self.ticket(&name) {
            return (name, Learned::Known(row));
        }
        let row = ticket_row(programme, sent.node, sent.index, &sent.moved, false);
        self.send_off(name, row, sent.node);
        (name, Learned::Known(row))
    }

    fn claim(&mut self, ticket: &Ticket) {
        let node = self.place.feed.node.short();
        match ticket {
            Ticket::Budget { epoch, act, line } => {
                let name = budget_name(*epoch, *act, *line);
                // A budget its author cannot have known, by its own word, is none, whatever a later charter says: or
                // the answer would depend on which came first, the article or the block.
                let known = *epoch <= self.place.epoch;
                match self.view.ticket(&name).filter(|_| known) {
                    Some(row) if row.to == node && row.programme == self.programme() => {
                        self.take_up(name, row);
                    }
                    _ => self.fault(Fault::NotBudgeted),
                }
            }
            Ticket::Sent(sent, hops) => {
                // Provenance that cannot be believed adds nothing; the ticket itself decides about the claim.
                for hop in hops.iter().filter(|hop| *hop != sent) {
                    let _ = self.learn(hop);
                }
                let stated =
                    ticket_row(self.programme(), sent.node, sent.index, &sent.moved, false);
                let (name, learned) = self.learn(sent);
                let (row, opened) = match learned {
                    Learned::Known(row) if row.to == node && row.programme == self.programme() => {
                        return self.take_up(name, row);
                    }
                    Learned::Known(row) => {
                        self.fault(Fault::NotAddressed);
                        (row, Opened::Unbacked)
                    }
                    Learned::Forged => {
                        self.fault(Fault::Forged);
                        (stated, Opened::Unbacked)
                    }
                    Learned::SenderUnknown => (stated, Opened::Waiting),
                };
                // An empty lot: what is redeemed from it stays owed, and can be counted.
                self.open(claimed_lot(name, &row, Amount::ZERO, opened));
            }
        }
    }

    /// Turns a ticket into a lot of this feed: once, however often and on however many branches it is claimed.
    fn take_up(&mut self, name: Hash, row: TicketRow) {
        let at = self.at();
        let ticket = Use::Ticket(name);
        if used_before(self.view, at, &ticket) {
            self.fault(Fault::ClaimedTwice);
        }
        self.push(Change::Used(ticket, at));
        if let Some(first) = row.claimed {
            return self.push(Change::Slot(at, Slot::Same(first)));
        }
        let lot = claimed_lot(name, &row, row.amount, Opened::Claim);
        self.push(Change::Slot(at, Slot::Lot(lot)));
        self.own_pool(
            row.cycle,
            row.commodity,
            Pool {
                lots: row.amount.into(),
                arriving: Balance::ZERO.debit(row.amount),
                redeemed: Balance::ZERO,
            },
        );
        self.push(Change::Ticket(name, TicketRow { claimed: Some(at), ..row }));
    }

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

    fn hand_out(&mut self, taking: &Taking, stamp: Minute) {
        let Some((at, row)) = resolve(self.view, self.at().chain, taking.lot) else {
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

    fn hold(&mut self, taking: &Taking, merchant: u32, until: Minute) {
        self.merchant(merchant);
        let Some((lot, row)) = resolve(self.view, self.at().chain, taking.lot) else {
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

    fn post(&mut self, index: u64, stamp: Minute) {
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

    fn let_go(&mut self, index: u64) {
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

    /// Opens the lot of a refund. Refunds of one redemption on two branches are one lot, worth the larger of them:
    /// the goods can have come back only once.
    fn refund(&mut self, index: u64, amount: Amount) {
        let at = self.at();
        let redeem = owner_of(self.view, at.chain, index);
        let Some((lot, given)) = redeemed(self.view, redeem) else {
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

    fn float_redeem(&mut self, taking: &Taking, home: FeedRef, owner: Owner, stamp: Minute) {
        let Some((at, row)) = resolve(self.view, self.at().chain, taking.lot) else {
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

    fn registry(&mut self, registry: &Registry) {
        let programme = self.programme();
        self.push(match registry {
            Registry::Enrol { pseudonym, .. } => Change::Enrolled(programme, *pseudonym),
            Registry::CarrierBound { pseudonym, carrier, kind, .. } => {
                Change::CarrierBound(programme, *carrier, *pseudonym, *kind)
            }
            Registry::CarrierCancelled { carrier, .. } => {
                Change::CarrierCancelled(programme, *carrier)
            }
        });
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
            Control::FaultSeen { .. } => {}
        }
    }
}

/// The lot and amount of the redemption at exactly this place: a `Redeem`, or a `Post` through its hold.
#[must_use]
pub fn redeemed(view: &impl View, at: At) -> Option<(LotRow, Amount)> {
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
        | Value::FloatCover(_) => None,
    }
}

/// The row of a ticket that `node` wrote at `index`.
#[must_use]
pub fn ticket_row(
    programme: ProgrammeId,
    node: [u8; 8],
    index: u64,
    moved: &Moved,
    placed: bool,
) -> TicketRow {
    let (lot, owner, cycle, commodity, amount, expires) = match moved {
        Moved::Send(s) => (s.from, s.owner, s.cycle, s.commodity, s.amount, s.expires),
        Moved::Cover(c) => (c.from, Owner::Float, c.cycle, c.commodity, c.amount, Minute::NEVER),
    };
    TicketRow {
        programme,
        from: Some(node),
        index,
        lot,
        to: moved.to(),
        owner,
        cycle,
        commodity,
        amount,
        expires,
        placed,
        claimed: None,
    }
}

fn claimed_lot(origin: Hash, row: &TicketRow, amount: Amount, opened: Opened) -> LotRow {
    LotRow {
        origin,
        owner: row.owner,
        cycle: row.cycle,
        commodity: row.commodity,
        balance: amount.into(),
        held: Balance::ZERO,
        expires: row.expires,
        opened,
    }
}
