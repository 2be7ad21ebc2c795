//! Entries about entries: what was shown of a feed that burnt, a counter's day, and settlements. None of them moves a
//! unit of the feed it stands in.

use super::{Folding, in_past, owner_of};
use crate::day::{Closing, Day, DayRow};
use crate::entry::Value;
use crate::feed::leaf;
use crate::id::FeedRef;
use crate::orphan::{Fact, Orphan};
use crate::settlement::{SettlementRow, Settling, Step, Taken, overlap, reaches, stage_of};
use crate::time::Minute;
use crate::view::{At, Change, Fault};

impl Folding<'_> {
    /// Learns what an orphan shows. What is not signed by its feed adds nothing.
    pub(super) fn orphan(&mut self, orphan: &Orphan) {
        for sent in orphan.sends.iter() {
            let _ = self.learn(sent);
        }
        let keys = self.view.roster().node_keys(&orphan.node);
        if keys.is_empty() {
            return self.push(Change::Waiting(orphan.node, self.at()));
        }
        let (federation, programme) = (self.view.charter().federation(), self.programme());
        for shown in orphan.shown.iter() {
            let signed = keys.iter().any(|key| shown.verifies(&federation, key, programme));
            let Some(value) = shown.value().filter(|_| signed) else {
                self.fault(Fault::OrphanUnsigned);
                continue;
            };
            // As the block with this claim would: or its sender's pool would not know that the units left.
            if let Value::Claim { ticket, .. } = &value {
                for sent in ticket.sends() {
                    let _ = self.learn(sent);
                }
            }
            let feed = FeedRef::value(orphan.node, programme);
            let leaf = leaf(shown.bytes());
            let (index, name) = (shown.index(), shown.name());
            self.push(Change::Shown(Box::new(Fact { feed, index, leaf, name, value })));
        }
    }

    pub(super) fn day(&mut self, day: &Day) {
        let (begins, open) = crate::day::begins(self.view, self.at().chain);
        let (first, closed) = match day {
            Day::Open => (self.at().index.saturating_add(1), None),
            Day::Close(Closing { first, root, .. }) => (*first, Some(*root)),
        };
        let fits = match day {
            Day::Open => !open,
            Day::Close(_) => first == begins,
        };
        if !fits {
            self.fault(Fault::DayBroken);
        }
        let row = DayRow { name: self.place.accumulator, first, closed };
        self.push(Change::Day(self.at(), row));
    }

    pub(super) fn settle(&mut self, settling: &Settling, stamp: Minute) {
        match settling {
            Settling::Stretch { .. } | Settling::Rows { .. } => {}
            Settling::Draft { first, root, rows, totals } => {
                let lines = self.lines_from(*first);
                if lines.is_empty() {
                    return self.fault(Fault::SettlementBroken);
                }
                for (line, feed) in lines {
                    self.push(Change::Line { feed, line, draft: self.at() });
                }
                let row = SettlementRow {
                    name: self.place.accumulator,
                    first: *first,
                    root: *root,
                    rows: *rows,
                    totals: totals.clone(),
                    by: std::collections::BTreeSet::new(),
                };
                self.push(Change::Settlement(self.at(), Box::new(row)));
            }
            Settling::Step { draft, step, operator, signature } => {
                let taken = Taken { step: *step, operator: *operator, at: stamp, place: self.at() };
                self.step(*draft, taken, signature);
            }
        }
    }

    /// The lines from an index up to here in this chain. None of a draft that reaches too far, or over another one, or whose
    /// stretches have an index in common: so a draft costs its readers what stands since the draft before it, and no more.
    fn lines_from(&self, first: u64) -> Vec<(At, FeedRef)> {
        let at = self.at();
        if !reaches(first, at.index) {
            return Vec::new();
        }
        let (mut lines, mut said) = (Vec::new(), Vec::new());
        for index in (first..at.index).rev() {
            let line = owner_of(self.view, at.chain, index);
            let Some(Value::Settle { settling, .. }) = self.view.entry(line) else { continue };
            match *settling {
                Settling::Draft { .. } => return Vec::new(),
                Settling::Step { .. } => {}
                Settling::Stretch { node, .. } | Settling::Rows { node, .. } => {
                    lines.push((line, FeedRef::value(node, self.programme())));
                    said.push(*settling);
                }
            }
        }
        if overlap(&said) {
            return Vec::new();
        }
        lines.reverse();
        lines
    }

    fn step(&mut self, draft: u64, taken: Taken, signature: &crate::key::Signature) {
        let at = self.at();
        let place = owner_of(self.view, at.chain, draft);
        let Some(mut row) = self.view.settlement(place).filter(|_| draft < at.index) else {
            return self.fault(Fault::SettlementBroken);
        };
        let before: Vec<Taken> =
            row.by.iter().filter(|t| in_past(self.view, at, t.place)).copied().collect();
        let feed = self.place.feed.short();
        let fits = stage_of(before.iter()).after(taken.step).is_some()
            && may_step(&before, &taken, &self.place.feed.node)
            && row.signing(&feed, taken.step).is_by(
                &self.view.charter().federation(),
                &taken.operator,
                signature,
            );
        if !fits {
            return self.fault(Fault::SettlementBroken);
        }
        row.by.insert(taken);
        self.push(Change::Settlement(place, Box::new(row)));
    }
}

/// Whether a key may take a step after others: never the node's own, and a different one for each step but a dispute.
pub(crate) fn may_step(before: &[Taken], taken: &Taken, node: &crate::key::PublicKey) -> bool {
    let again = before.iter().any(|earlier| earlier.operator == taken.operator);
    taken.operator != *node && (!again || taken.step == Step::Disputed)
}
