//! What a cut forbids: to the feed that is cut, and to those who heard of it.

use super::{Asking, stated};
use crate::amount::{Amount, Balance};
use crate::clock;
use crate::cut::{self, Cut, Reason, Stands};
use crate::entry::{Entry, Value};
use crate::fold::ended_before;
use crate::id::FeedRef;
use crate::rejection::Rejection;
use crate::statement::Stated;
use crate::ticket::{Sent, Ticket};
use crate::time::Minute;
use crate::view::{At, ClockWord, Revocation};

impl Asking<'_> {
    fn next(&self) -> At {
        At { chain: self.chain, index: self.view.head(self.chain).next }
    }

    /// Whether this feed may go on: not after its end and, once its writer heard of a cut, only to send back what comes
    /// and to end.
    pub(super) fn uncut(&self, entry: &Entry) -> Result<(), Rejection> {
        if ended_before(self.view, self.next()) {
            return Err(Rejection::FeedEnded);
        }
        if cut::lowest(self.view, &self.feed).is_none() {
            return Ok(());
        }
        let allowed = match entry {
            Entry::Value(Value::End { .. } | Value::Basket { entries: 2 }) => true,
            Entry::Value(Value::Claim { ticket, .. }) => {
                matches!(**ticket, Ticket::Sent(..)) && self.declines()
            }
            // Whether it is what was claimed, and all of it, is asked with the rest of a decline.
            Entry::Value(Value::Send(_)) => self.claimed_to_decline().is_some(),
            Entry::Value(_) | Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => false,
        };
        if allowed { Ok(()) } else { Err(Rejection::FeedCut) }
    }

    /// Whether a node can still be sent to.
    pub(super) fn receiver(&self, to: &[u8; 8]) -> Result<(), Rejection> {
        // What is sent back belongs to its sender's suspense, whatever became of the sender.
        if self.claimed_to_decline().is_some_and(|sent| sent.node == *to) {
            return Ok(());
        }
        let feed = FeedRef::value(*to, self.feed.programme);
        let ended = |chain| self.view.ended(chain).is_some();
        let gone = cut::lowest(self.view, &feed).is_some()
            || self.view.branches(&feed).into_iter().any(ended);
        if gone { Err(Rejection::ReceiverCut) } else { Ok(()) }
    }

    /// Why a ticket may be taken up only to be sent back, if so.
    pub(super) fn only_back(&self, sent: &Sent) -> Option<Rejection> {
        let feed = FeedRef::value(sent.node, self.feed.programme);
        if self.view.faulty(&feed) {
            return Some(Rejection::SenderFaulty);
        }
        // Where it cannot be told, too: who claims it after the fence would be charged for it.
        match cut::stands(self.view, &feed, sent.index, &sent.accumulator()) {
            Stands::Above | Stands::Unknown => return Some(Rejection::SenderCut),
            Stands::Below => {}
        }
        cut::lowest(self.view, &self.feed).map(|_| Rejection::FeedCut)
    }

    /// Whether the entry before the next opens a decline: a basket of two.
    pub(super) fn declines(&self) -> bool {
        matches!(self.back(1), Some(Value::Basket { entries: 2 }))
    }

    /// Whether a ticket, with all that its sender and its organisation sent on paper alone, is within what they may.
    pub(super) fn within_ceilings(&self, sent: &Sent) -> Result<(), Rejection> {
        let programme = self.feed.programme;
        let (_, commodity, amount) = stated(sent);
        let sender = self.view.roster().node(&sent.node);
        let written = sender
            .and_then(|certificate| certificate.ceiling(programme, commodity))
            .map_or(Amount::ZERO, |ceiling| ceiling.unverified);
        let own = self.view.unverified(self.chain, &sent.node, commodity).credit(amount);
        let Some(org) = sender.map(|certificate| certificate.org) else {
            return Err(Rejection::UnverifiedCeiling);
        };
        // However many nodes an organisation certifies, and for however much.
        let voted = self.view.charter().ceiling(org, programme, commodity).rights;
        let nodes = self.view.roster().nodes().filter(|c| c.org == org);
        let together = nodes.fold(Balance::ZERO.credit(amount), |sum, c| {
            sum.plus(self.view.unverified(self.chain, &c.short(), commodity))
        });
        let over = |ceiling: Amount, sum: Balance| Balance::from(ceiling).units() < sum.units();
        if over(written, own) || over(voted, together) {
            return Err(Rejection::UnverifiedCeiling);
        }
        Ok(())
    }

    /// The ticket that was just claimed in a basket of two.
    pub(super) fn claimed_to_decline(&self) -> Option<Sent> {
        let Some(Value::Claim { ticket, .. }) = self.back(1) else { return None };
        if !matches!(self.back(2), Some(Value::Basket { entries: 2 })) {
            return None;
        }
        match *ticket {
            Ticket::Sent(sent, _) => Some(sent),
            Ticket::Budget { .. } | Ticket::Release { .. } => None,
        }
    }

    pub(super) fn revoke(
        &self,
        feed: &FeedRef,
        cut: &Cut,
        reason: Reason,
    ) -> Result<(), Rejection> {
        let said = Revocation { feed: *feed, by: self.feed.node, cut: *cut, reason };
        let may = cut::may_revoke(self.view.roster(), &said);
        if may { Ok(()) } else { Err(Rejection::MayNotRevoke) }
    }

    pub(super) fn clock(&self, shown: Minute, word: &Stated) -> Result<(), Rejection> {
        let federation = self.view.charter().federation();
        let node = self.feed.node;
        let said = ClockWord { node, clock: shown, operator: word.operator };
        let good = clock::approves(&federation, &node, shown, word)
            && clock::answered(self.view.roster(), &[said]).is_some();
        if good { Ok(()) } else { Err(Rejection::ClockWordRefused) }
    }
}
