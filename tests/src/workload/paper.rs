//! What people do with tickets: show them, show them again, elsewhere, with another amount; or have them sent back.

use annona_ledger::entry::{Entry, Lot, Owner, Send, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::ticket::{Moved, Sent, Ticket, sign_place};
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;

use super::{amount, units};
use crate::cast::{CASH, CYCLE, ITEMS};
use crate::check::Holds;
use crate::model::LotLine;
use crate::world::{Malice, Paper, World};

impl World {
    /// Somebody shows a ticket: mostly where it is addressed to, sometimes elsewhere, sometimes again.
    pub(super) fn show_paper(&mut self, n: usize) -> Holds {
        if self.papers.is_empty() {
            return self.ask_value(n);
        }
        let which = if self.rng.chance(92) {
            let fresh: Vec<usize> =
                (0..self.papers.len()).filter(|p| self.papers[*p].shown == 0).collect();
            match self.rng.pick(&fresh) {
                Some(paper) => *paper,
                None => return self.ask_value(n),
            }
        } else {
            self.rng.below(self.papers.len())
        };
        self.papers[which].shown += 1;
        let paper = self.papers[which].clone();
        let Ticket::Sent(sent, hops) = &paper.ticket else { return Ok(()) };
        let mut sent = *sent;
        let home = self.addressee(&sent);
        let shown_at = if self.rng.chance(88) { home.unwrap_or(n) } else { n };
        if Some(shown_at) != home {
            self.coverage.note("shown at the wrong site");
        }
        if paper.shown > 1 {
            self.coverage.note("shown twice");
        }
        if self.rng.chance(3)
            && let Moved::Send(send) = &mut sent.moved
        {
            // Somebody wrote another amount on it.
            send.amount = amount(send.amount.units().saturating_add(100));
        }
        let feed = self.feed(shown_at, Lane::Value, paper.programme);
        let at = self.stamp(shown_at, &feed);
        let ticket = Box::new(Ticket::Sent(sent, hops.clone()));
        self.write(shown_at, &feed, &[Entry::from(Value::Claim { ticket, at }).into()]).map(|_| ())
    }

    /// Which node a ticket is for; of a forked one, either.
    pub(super) fn addressee(&mut self, sent: &Sent) -> Option<usize> {
        let to = sent.moved.to();
        let fits: Vec<usize> = (0..self.nodes.len())
            .filter(|n| !self.nodes[*n].burnt)
            .filter(|n| self.cast.nodes[self.nodes[*n].person].short() == to)
            .collect();
        self.rng.pick(&fits).copied()
    }

    /// Claims and sends back in one basket.
    pub(super) fn decline(&mut self, _n: usize) -> Holds {
        let fresh: Vec<Paper> = self.papers.iter().filter(|p| p.shown == 0).cloned().collect();
        let Some(paper) = self.rng.pick(&fresh).cloned() else { return Ok(()) };
        let Ticket::Sent(sent, _) = &paper.ticket else { return Ok(()) };
        let Some(n) = self.addressee(sent) else { return Ok(()) };
        self.send_back_at(n, &paper)
    }

    /// A node claims a ticket and sends it back, in one basket.
    pub(crate) fn send_back_at(&mut self, n: usize, paper: &Paper) -> Holds {
        let Ticket::Sent(sent, _) = &paper.ticket else { return Ok(()) };
        let Moved::Send(send) = sent.moved else { return Ok(()) };
        let feed = self.feed(n, Lane::Value, paper.programme);
        let at = self.stamp(n, &feed);
        let start = Head::start(&self.cast.federation, &feed);
        let next = self.nodes[n].tips.get(&feed).copied().unwrap_or(start).next;
        let back = Send { from: Lot(next + 1), to: sent.node, at, ..send };
        let ticket = Box::new(paper.ticket.clone());
        let drafts = [
            Entry::from(Value::Basket { entries: 2 }).into(),
            Entry::from(Value::Claim { ticket, at }).into(),
            Entry::from(Value::Send(back)).into(),
        ];
        if self.write(n, &feed, &drafts)?.is_some() {
            self.coverage.note("decline");
        }
        Ok(())
    }

    /// A family moves on again and again, always with a ticket and never with a link.
    pub(super) fn tour(&mut self, programme: ProgrammeId) -> Holds {
        let mut n = self.rng.below(self.nodes.len());
        let feed = self.feed(n, Lane::Value, programme);
        let Some(mut lot) = self.lots(n, &feed, |_| true).pop() else { return Ok(()) };
        self.coverage.note("tour");
        for _ in 0..9 {
            let feed = self.feed(n, Lane::Value, programme);
            let at = self.stamp(n, &feed);
            let to = (n + 1) % self.nodes.len();
            let send = Send {
                from: Lot(self.index_of(n, &lot)),
                to: self.cast.nodes[self.nodes[to].person].short(),
                owner: lot.owner,
                cycle: lot.cycle,
                commodity: lot.commodity,
                amount: amount(units(&lot).min(9)),
                expires: lot.expires,
                at,
            };
            if self.write(n, &feed, &[Entry::from(Value::Send(send)).into()])?.is_none() {
                return Ok(());
            }
            let Some(paper) = self.papers.last_mut() else { return Ok(()) };
            paper.shown += 1;
            let ticket = Box::new(paper.ticket.clone());
            let feed = self.feed(to, Lane::Value, programme);
            let at = self.stamp(to, &feed);
            let claim = Entry::from(Value::Claim { ticket, at });
            let Some(promises) = self.write(to, &feed, &[claim.into()])? else { return Ok(()) };
            let name = promises.first().map(|p| p.name().accumulator);
            let opened = |l: &&LotLine| name.is_some_and(|name| l.opened_by.contains(&name));
            let Some(next) = self.nodes[to].model.lots.iter().find(opened).cloned() else {
                return Ok(());
            };
            (n, lot) = (to, next);
        }
        Ok(())
    }

    /// A malicious node signs a ticket for an entry that stands in no feed of its.
    pub(crate) fn mint(&mut self) {
        debug_assert_eq!(self.malice, Malice::Mint);
        self.coverage.note("mint");
        let villain = &self.cast.nodes[self.villain];
        let programme = if self.rng.chance(50) { CASH } else { ITEMS };
        let to = self.cast.nodes[self.rng.below(self.cast.nodes.len())].short();
        let family = self.cast.families[self.rng.below(self.cast.families.len())];
        let purse = family.purse[usize::from(programme.0 - 1)];
        let commodity = if self.rng.chance(15) { CommodityId(9) } else { CommodityId(1) };
        let moved = Moved::Send(Send {
            from: Lot(0),
            to,
            owner: Owner::Purse(purse),
            cycle: CYCLE,
            commodity,
            amount: amount(self.rng.between(5, 200)),
            expires: Minute::NEVER,
            at: self.now,
        });
        let before = Hash(self.rng.seed());
        // Mostly for a place its feed never reaches; now and then for one where it has said something else.
        let near = self.rng.chance(15);
        let index = if near { self.rng.bits() % 12 } else { 900 + self.rng.bits() % 100 };
        let feed = villain.value(programme);
        let head = Head { next: index, accumulator: before };
        let head = head.after(&Entry::from(moved.entry()).encode());
        let key = SigningKey::from_seed(&villain.seed);
        let signature = sign_place(&key, &self.cast.federation, &feed, &head);
        let sent = Sent { node: villain.short(), index, before, moved, signature };
        let ticket = Ticket::Sent(sent, Bounded::empty());
        self.papers.push(Paper { programme, ticket, shown: 0 });
    }
}
