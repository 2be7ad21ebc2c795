//! What nodes do about a cut, a close or a release: end, send back what may not be taken up, take up what was set free,
//! revoke; and what a hurried person tries in spite of it.

use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{Control, CycleKey, Entry, Lot, Method, Owner, Send, Value, Wrapped};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_ledger::notice::Roles;
use annona_ledger::statement::Statement;
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;

use super::{amount, units};
use crate::check::Holds;
use crate::world::{Paper, World};

impl World {
    /// One thing that somebody does because of what organisations decided.
    pub(super) fn trouble(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let freed = self.truth.charter().releases().next().is_some();
        if freed && self.fate.chance(30) {
            return self.take_up_released();
        }
        match self.fate.below(20) {
            0..9 => self.end(n, programme),
            9..11 => self.revoke(n),
            11..14 => self.send_back(),
            14..16 => self.send_to_cut(n, programme),
            16 => self.answer_clock(n),
            17 => self.give_key(n, programme),
            _ => self.serve_from_reserve(n, programme),
        }
    }

    /// A writer that hears of a cut of its feed writes its last entry; now and then one that hands over.
    fn end(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let cut: Vec<usize> = (0..self.nodes.len())
            .filter(|n| {
                let feed = self.feed(*n, Lane::Value, programme);
                self.nodes[*n].model.lowest_cut(&feed.short()).is_some()
            })
            .collect();
        let hands_over = self.fate.chance(4);
        let n = match self.fate.pick(&cut) {
            Some(cut) if !hands_over => *cut,
            _ if hands_over => n,
            _ => return Ok(()),
        };
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        self.write(n, &feed, &[Entry::from(Value::End { at }).into()]).map(|_| ())
    }

    /// The reserve takes up what was set free for it; now and then somebody else tries, or it tries again.
    fn take_up_released(&mut self) -> Holds {
        let freed: Vec<_> = self.truth.charter().releases().map(|(at, r)| (at, *r)).collect();
        let Some(((epoch, act), freed)) = self.fate.pick(&freed).copied() else { return Ok(()) };
        let home = (0..self.nodes.len())
            .find(|n| self.cast.nodes[self.nodes[*n].person].short() == freed.reserve);
        let other = self.fate.below(self.nodes.len());
        let n = if self.fate.chance(88) { home.unwrap_or(other) } else { other };
        let feed = self.feed(n, Lane::Value, freed.feed.programme);
        let at = self.stamp(n, &feed);
        let ticket = Box::new(Ticket::Release { epoch, act });
        self.write(n, &feed, &[Entry::from(Value::Claim { ticket, at }).into()]).map(|_| ())
    }

    /// A treasury takes a feed of its own organisation at its word up to some cut, and no further.
    fn revoke(&mut self, n: usize) -> Holds {
        let speaks = |n: &usize| {
            self.cast.nodes[self.nodes[*n].person].certificate.roles.has(Roles::TREASURY)
        };
        let treasuries: Vec<usize> = (0..self.nodes.len()).filter(speaks).collect();
        let n = if self.fate.chance(90) {
            self.fate.pick(&treasuries).copied().unwrap_or(n)
        } else {
            n
        };
        let org = self.cast.nodes[self.nodes[n].person].org;
        let own = self.fate.chance(85);
        let persons = 1..self.cast.nodes.len();
        let of: Vec<usize> = persons.filter(|p| !own || self.cast.nodes[*p].org == org).collect();
        let Some(whose) = self.fate.pick(&of).copied() else { return Ok(()) };
        // At most a few: whoever is cut does nothing more.
        if self.truth.revoked.len() > 2 {
            return Ok(());
        }
        let programme = if self.fate.chance(50) { crate::cast::CASH } else { crate::cast::ITEMS };
        let of = FeedRef::value(self.cast.nodes[whose].short(), programme);
        let mut cut = self.any_cut(&of);
        if self.fate.chance(8) {
            cut = Cut { seq: 0, head: Hash([3; 32]) };
        }
        let feed = self.feed(n, Lane::Control, ProgrammeId::NONE);
        let at = self.stamp(n, &feed);
        let revoke = Control::Revoke { feed: of, cut, reason: Reason::Lost, at };
        self.write(n, &feed, &[Entry::from(revoke).into()]).map(|_| ())
    }

    /// Tickets of a cut sender are sent back; now and then somebody tries to take one up.
    fn send_back(&mut self) -> Holds {
        let cut = |paper: &&Paper| {
            let Ticket::Sent(sent, _) = &paper.ticket else { return false };
            let feed = FeedRef::value(sent.node, paper.programme);
            paper.shown == 0 && self.truth.lowest_cut(&feed).is_some()
        };
        let papers: Vec<Paper> = self.papers.iter().filter(cut).cloned().collect();
        let Some(paper) = self.fate.pick(&papers).cloned() else { return Ok(()) };
        let Ticket::Sent(sent, _) = &paper.ticket else { return Ok(()) };
        let Some(n) = self.addressee(sent) else { return Ok(()) };
        if self.fate.chance(50) {
            self.coverage.note("sent back from above a cut");
            return self.send_back_at(n, &paper);
        }
        let feed = self.feed(n, Lane::Value, paper.programme);
        let at = self.stamp(n, &feed);
        let ticket = Box::new(paper.ticket.clone());
        self.write(n, &feed, &[Entry::from(Value::Claim { ticket, at }).into()]).map(|_| ())
    }

    /// Somebody who heard of a cut, or did not, sends to the feed that is cut.
    fn send_to_cut(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let cut: Vec<[u8; 8]> = self
            .cast
            .nodes
            .iter()
            .map(super::super::cast::Person::short)
            .filter(|node| self.truth.lowest_cut(&FeedRef::value(*node, programme)).is_some())
            .collect();
        let feed = self.feed(n, Lane::Value, programme);
        let lots = self.lots(n, &feed, |_| true);
        let (Some(to), Some(lot)) = (self.fate.pick(&cut).copied(), self.fate.pick(&lots).cloned())
        else {
            return Ok(());
        };
        let at = self.stamp(n, &feed);
        let send = Send {
            from: Lot(self.index_of(n, &lot)),
            to,
            owner: lot.owner,
            cycle: lot.cycle,
            commodity: lot.commodity,
            amount: amount(units(&lot).min(5)),
            expires: lot.expires,
            at,
        };
        self.write(n, &feed, &[Entry::from(Value::Send(send)).into()]).map(|_| ())
    }

    /// Families of a site that failed are served from reserve, in the same visit: mostly by an issue, and once in a
    /// while somebody forgets that.
    fn serve_from_reserve(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let rich = |n: &usize| {
            let feed = self.feed(*n, Lane::Value, programme);
            !self.lots(*n, &feed, |l| l.owner == Owner::Reserve).is_empty()
        };
        let all: Vec<usize> = (0..self.nodes.len()).filter(rich).collect();
        let n = self.fate.pick(&all).copied().unwrap_or(n);
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        if self.fate.chance(75) {
            let person = self.nodes[n].person;
            let has_list =
                self.books.iter().any(|b| b.person == person && b.programme == programme);
            if !has_list {
                return self.freeze(n, programme);
            }
            let Some(drafts) = self.issue(n, &feed, at) else { return Ok(()) };
            return self.write(n, &feed, &drafts).map(|_| ());
        }
        let lots = self.lots(n, &feed, |l| l.owner == Owner::Reserve);
        let Some(lot) = self.fate.pick(&lots).cloned() else { return Ok(()) };
        let Ok(merchant) = self.merchant(n, &feed) else { return Ok(()) };
        let value = Value::Redeem {
            lot: Lot(self.index_of(n, &lot)),
            amount: amount(units(&lot).min(7)),
            merchant,
            at,
            method: Method::Sight,
        };
        self.write(n, &feed, &[Entry::from(value).into()]).map(|_| ())
    }

    /// An operator says that what a node's clock shows is right; now and then of another reading, or to a node of
    /// another organisation.
    fn answer_clock(&mut self, n: usize) -> Holds {
        let node = self.cast.nodes[self.nodes[n].person].short();
        let shown = self.nodes[n].clock.shows(self.now);
        let which = self.fate.below(self.cast.operators.len());
        let of = if self.fate.chance(85) { shown } else { Minute(shown.0.saturating_add(1)) };
        let said = Statement::Clock { node, clock: of };
        let word = said.sign(&self.cast.federation, &self.cast.operators[which]);
        let feed = self.feed(n, Lane::Control, ProgrammeId::NONE);
        let at = self.stamp(n, &feed);
        let answer = Control::ClockAnswer { clock: shown, word, at };
        if self.write(n, &feed, &[Entry::from(answer).into()])?.is_some() {
            self.nodes[n].answered = self.nodes[n].answered.max(Some(shown));
        }
        Ok(())
    }

    /// A treasury gives a node the key of a cycle; now and then one that has none to give, or to one that keeps none.
    fn give_key(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let n = if self.fate.chance(75) { 0 } else { n };
        let to = self.fate.below(self.cast.nodes.len());
        let feed = self.feed(n, Lane::Control, ProgrammeId::NONE);
        let at = self.stamp(n, &feed);
        let key = CycleKey {
            programme,
            cycle: crate::cast::CYCLE,
            node: self.cast.nodes[to].short(),
            key: Hash([4; 32]),
            sealed: Wrapped::of(&[5; 80]),
            at,
        };
        self.write(n, &feed, &[Entry::from(Control::CycleKey(Box::new(key))).into()]).map(|_| ())
    }
}
