//! What is under way: sends, and the tickets by which they are known before their blocks are.

use annona_ledger::entry::{Entry, Lot, Owner};
use annona_ledger::feed::leaf;
use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{CommodityId, CycleId, FeedRef, Lane, ProgrammeId};
use annona_ledger::ticket::{Moved, Sent, Ticket};
use annona_ledger::time::Minute;

use super::cuts::release_line;
use super::{Fact, LotLine, Model, SendLine};
use crate::memo;

impl Model {
    pub(super) fn placed(&mut self, fact: &Fact, moved: &Moved) {
        let name = ticket_name(&fact.feed.short(), fact.index, fact.name);
        if let Some(at) = self.sent.get(&name) {
            self.sends[*at].placed = true;
            return;
        }
        let line =
            send_line(name, (fact.feed.node.short(), fact.index), fact.feed.programme, moved, true);
        self.add_send(line);
    }

    /// Learns a send from a ticket, if it can be believed.
    pub(super) fn learn(&mut self, programme: ProgrammeId, sent: &Sent) -> bool {
        let name = name_of(programme, sent);
        if self.sent.contains_key(&name) {
            return true;
        }
        let Some(certificate) = self.roster.node(&sent.node) else { return false };
        if !memo::bears(sent, &self.charter.federation(), &certificate.node, programme) {
            return false;
        }
        self.add_send(send_line(name, (sent.node, sent.index), programme, &sent.moved, false));
        true
    }

    pub(super) fn claim(&mut self, fact: &Fact, ticket: &Ticket) {
        let programme = fact.feed.programme;
        let (name, believed, hops) = match ticket {
            Ticket::Budget { epoch, act, line } => {
                (budget_line(*epoch, *act, *line), true, Vec::new())
            }
            Ticket::Release { epoch, act } => (release_line(*epoch, *act), true, Vec::new()),
            Ticket::Sent(sent, hops) => {
                // A refund among them moves nothing until its block is seen.
                let sends = hops.iter().filter(|hop| !is_refund(hop));
                for hop in sends.clone() {
                    let _ = self.learn(programme, hop);
                }
                let names = std::iter::once(sent).chain(sends);
                let names = names.map(|s| (name_of(programme, s), s.node)).collect();
                (name_of(programme, sent), self.learn(programme, sent), names)
            }
        };
        let known = self.sent.get(&name).copied();
        let (line, waiting) = match (known, ticket) {
            (Some(at), _) if believed => {
                self.sends[at].claims.push(fact.name);
                (self.sends[at].clone(), false)
            }
            (_, Ticket::Sent(sent, _)) => {
                (send_line(name, (sent.node, sent.index), programme, &sent.moved, false), true)
            }
            _ => return,
        };
        if let [first, _, ..] = line.claims[..]
            && let Some(lot) = self.opened.get(&first).copied()
        {
            self.opened.insert(fact.name, lot);
            self.lots[lot].opened_by.push(fact.name);
            return;
        }
        self.open(LotLine {
            feed: fact.feed.short(),
            opened_by: vec![fact.name],
            origin: name,
            owner: line.owner,
            cycle: line.cycle,
            commodity: line.commodity,
            credit: if waiting { 0 } else { line.amount },
            debit: 0,
            held: 0,
            expires: line.expires,
            waiting,
            hops,
        });
    }
}

/// Whether a hop tells of goods that came back, and not of a send.
pub(super) const fn is_refund(hop: &Sent) -> bool {
    matches!(hop.moved, Moved::Refund { .. })
}

/// The name of a budget's line (spec: one hash over epoch, act and line).
pub(super) fn budget_line(epoch: u32, act: u8, line: u8) -> Hash {
    hash(Purpose::BudgetLine, &[&epoch.to_be_bytes(), &[act, line]])
}

/// The name of the send a ticket speaks of: sender's feed, index and accumulator (spec: tickets).
pub(super) fn name_of(programme: ProgrammeId, sent: &Sent) -> Hash {
    let bytes = Entry::Value(sent.moved.entry()).encode();
    let accumulator = hash(Purpose::Accumulator, &[&sent.before.0, &leaf(&bytes).0]);
    ticket_name(&value_feed(sent.node, programme), sent.index, accumulator)
}

fn ticket_name(feed: &FeedRef, index: u64, accumulator: Hash) -> Hash {
    let (lane, programme) = ([feed.lane as u8], feed.programme.0.to_be_bytes());
    let index = index.to_be_bytes();
    hash(Purpose::Ticket, &[&feed.node, &lane, &programme, &index, &accumulator.0])
}

fn send_line(
    name: Hash,
    (from, index): ([u8; 8], u64),
    programme: ProgrammeId,
    moved: &Moved,
    placed: bool,
) -> SendLine {
    let (lot, to, owner, cycle, commodity, amount, expires) = match moved {
        Moved::Send(s) => (s.from, s.to, s.owner, s.cycle, s.commodity, s.amount, s.expires),
        Moved::Cover(c) => {
            let to = c.float.feed.node;
            (c.from, to, Owner::Float, c.cycle, c.commodity, c.amount, Minute::NEVER)
        }
        // Nobody writes a claim of one: it goes to nobody.
        Moved::Refund { amount, .. } => {
            let (cycle, commodity) = (CycleId(0), CommodityId(0));
            (Lot(0), [0; 8], Owner::Budget, cycle, commodity, *amount, Minute::NEVER)
        }
    };
    let amount = i128::from(amount.units());
    SendLine {
        name,
        from: Some(from),
        released: None,
        index,
        lot: lot.0,
        programme,
        to,
        owner,
        cycle,
        commodity,
        amount,
        expires,
        placed,
        claims: Vec::new(),
    }
}

/// The feed's lane and programme, for look-ups by node.
pub(super) const fn value_feed(node: [u8; 8], programme: ProgrammeId) -> FeedRef {
    FeedRef { node, lane: Lane::Value, programme }
}
