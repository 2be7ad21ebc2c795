//! What leaves for another place and arrives there: sends and covers, tickets, claims.

use super::{Folding, in_past, may_become, used_before};
use crate::amount::{Amount, Balance};
use crate::charter::{Charter, Released};
use crate::entry::{FloatCover, Lot, Owner, Send};
use crate::hash::{Hash, Purpose, hash};
use crate::id::{CommodityId, CycleId, EntryName, ProgrammeId};
use crate::ticket::{Moved, Sent, Ticket};
use crate::time::Minute;
use crate::view::{Change, Fault, LotRow, Opened, Pool, PoolKey, Slot, TicketRow, Use};

/// What became of an attempt to learn a send from a ticket.
pub(super) enum Learned {
    Known(TicketRow),
    Forged,
    SenderUnknown,
}

/// The name under which a budget line is claimed.
#[must_use]
pub fn budget_name(epoch: u32, act: u8, line: u8) -> Hash {
    hash(Purpose::BudgetLine, &[&epoch.to_be_bytes(), &[act, line]])
}

/// The name under which a release is claimed.
#[must_use]
pub fn release_name(epoch: u32, act: u8) -> Hash {
    hash(Purpose::Release, &[&epoch.to_be_bytes(), &[act]])
}

/// What an article of a charter changes: the lines of its budgets are on their way to their treasuries, and what it
/// releases has left the suspense of its feed for a reserve.
#[must_use]
pub fn voted(charter: &Charter, epoch: u32) -> Vec<Change> {
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
    for ((_, act), release) in charter.releases().filter(|((at, _), _)| *at == epoch) {
        let Released { feed, cycle, commodity, amount, reserve } = *release;
        let programme = feed.programme;
        let key = |node| PoolKey { node, programme, cycle, commodity };
        let row = TicketRow {
            programme,
            from: None,
            index: 0,
            lot: Lot(0),
            to: reserve,
            owner: Owner::Reserve,
            cycle,
            commodity,
            amount,
            expires: Minute::NEVER,
            placed: true,
            claimed: None,
        };
        changes.push(Change::Ticket(release_name(epoch, act), row));
        let gone = Pool { lots: Balance::ZERO.debit(amount), ..Pool::default() };
        changes.push(Change::Pool(key(feed.node), gone));
        let coming = Pool { arriving: amount.into(), ..Pool::default() };
        changes.push(Change::Pool(key(reserve), coming));
    }
    changes
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
        // Nobody is sent anything by it: of nothing, in no cycle.
        Moved::Refund { redeem, amount, .. } => {
            (Lot(*redeem), Owner::Budget, CycleId(0), CommodityId(0), *amount, Minute::NEVER)
        }
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

impl Folding<'_> {
    pub(super) fn send(&mut self, send: &Send) {
        match self.named(send.from) {
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

    pub(super) fn cover(&mut self, cover: &FloatCover) {
        let at = self.at();
        match self.named(cover.from) {
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
        // What others say of it closes nothing for the home.
        let feed = self.view.chain(at.chain).feed;
        let mut before = self.view.uses(&float).into_iter();
        if before.any(|e| self.view.chain(e.chain).feed == feed && in_past(self.view, at, e)) {
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
    pub(super) fn learn(&mut self, sent: &Sent) -> (Hash, Learned) {
        let programme = self.programme();
        let name = sent.name(programme).ticket();
        // A refund moves nothing: who is charged asks for it (`charge`).
        if matches!(sent.moved, Moved::Refund { .. }) {
            return (name, Learned::Forged);
        }
        let keys = self.view.roster().node_keys(&sent.node);
        if keys.is_empty() {
            self.push(Change::Waiting(sent.node, self.at()));
            return (name, Learned::SenderUnknown);
        }
        // Asked even of a ticket that is known by name: or a claim with a spoilt signature would be a fault where it
        // is folded before the sender's block, and none where it is folded after.
        if !self.view.signed(sent, programme) {
            return (name, Learned::Forged);
        }
        if let Some(row) = self.ticket(&name) {
            return (name, Learned::Known(row));
        }
        let row = ticket_row(programme, sent.node, sent.index, &sent.moved, false);
        self.send_off(name, row, sent.node);
        (name, Learned::Known(row))
    }

    pub(super) fn claim(&mut self, ticket: &Ticket) {
        let node = self.place.feed.node.short();
        match ticket {
            Ticket::Budget { epoch, act, line } => {
                self.claim_voted(*epoch, budget_name(*epoch, *act, *line));
            }
            Ticket::Release { epoch, act } => self.claim_voted(*epoch, release_name(*epoch, *act)),
            Ticket::Sent(sent, hops) => {
                // Provenance that cannot be believed adds nothing; the ticket itself decides about the claim.
                // A refund moves nothing: who is charged asks for it (`charge`).
                let refund = |sent: &Sent| matches!(sent.moved, Moved::Refund { .. });
                for hop in hops.iter().filter(|hop| *hop != sent && !refund(hop)) {
                    let _ = self.learn(hop);
                }
                let stated =
                    ticket_row(self.programme(), sent.node, sent.index, &sent.moved, false);
                if refund(sent) {
                    self.fault(Fault::NotAddressed);
                    let name = sent.name(self.programme()).ticket();
                    return self.open(claimed_lot(name, &stated, Amount::ZERO, Opened::Unbacked));
                }
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

    /// Takes up what an article voted: a budget's line, or a release.
    fn claim_voted(&mut self, epoch: u32, name: Hash) {
        let node = self.place.feed.node.short();
        // Perhaps a line of a branch of the charter that was given up: its author trusted a quorum, and proves nothing
        // by it.
        let lost = self.view.charter().was_forked_at(epoch);
        // Blocks are folded once the charter is known up to their epoch, and claim of no later one: what is not here
        // was never voted.
        match self.view.ticket(&name) {
            Some(row) if row.to == node && row.programme == self.programme() => {
                let opened = if lost { Opened::Waiting } else { Opened::Claim };
                self.take_up_as(name, row, opened);
            }
            // It cannot be told what it was: what names it finds no lot, and its pool is short by what was given.
            _ if lost => {}
            _ => self.fault(Fault::NotBudgeted),
        }
    }

    /// Turns a ticket into a lot of this feed: once, however often and on however many branches it is claimed.
    fn take_up(&mut self, name: Hash, row: TicketRow) {
        self.take_up_as(name, row, Opened::Claim);
    }

    fn take_up_as(&mut self, name: Hash, row: TicketRow, opened: Opened) {
        let at = self.at();
        let ticket = Use::Ticket(name);
        if used_before(self.view, at, &ticket) {
            self.fault(Fault::ClaimedTwice);
        }
        self.push(Change::Used(ticket, at));
        if let Some(first) = row.claimed {
            return self.push(Change::Slot(at, Slot::Same(first)));
        }
        let lot = claimed_lot(name, &row, row.amount, opened);
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
