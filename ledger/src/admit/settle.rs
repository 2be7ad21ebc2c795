//! What a writer asks of itself before it shows what burnt, opens or closes a day, or settles.

use std::collections::{BTreeMap, BTreeSet};

use super::Asking;
use crate::cut;
use crate::day::{self, Closing, Day};
use crate::entry::Value;
use crate::fold::{may_step, owner_of};
use crate::hash::Hash;
use crate::id::FeedRef;
use crate::orphan::{Fact, Facts, Orphan, Pages};
use crate::rejection::Rejection;
use crate::settlement::{
    AsShown, Coverage, Kind, Net, Settling, Single, Step, Taken, Tally, as_shown, back, chain_with,
    coverage, entitled, overlap, reaches, rows,
};
use crate::time::Minute;
use crate::view::At;

impl Asking<'_> {
    pub(super) fn orphan(&self, orphan: &Orphan) -> Result<(), Rejection> {
        if orphan.node == self.feed.node {
            return Err(Rejection::OrphanOwn);
        }
        let keys = self.view.roster().node_keys(&orphan.node);
        if keys.is_empty() {
            return Err(Rejection::UnknownSender);
        }
        let (federation, programme) = (self.view.charter().federation(), self.feed.programme);
        let feed = FeedRef::value(orphan.node, programme);
        let mut facts = self.view.shown(&feed);
        let before = facts.len();
        for shown in orphan.shown.iter() {
            let signed = keys.iter().any(|key| shown.verifies(&federation, key, programme));
            let value = shown.value().filter(|_| signed).ok_or(Rejection::OrphanUnsigned)?;
            let (index, leaf, name) =
                (shown.index(), crate::feed::leaf(shown.bytes()), shown.name());
            let fact = Fact { feed, index, leaf, name, value };
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
        for sent in orphan.sends.iter() {
            let sender = self.view.roster().node(&sent.node).ok_or(Rejection::UnknownSender)?;
            if !sent.verifies(&federation, &sender.node, programme) {
                return Err(Rejection::TicketForged);
            }
        }
        let first = orphan.shown.first().ok_or(Rejection::OrphanUntold)?;
        let (index, leaf) = (first.index(), crate::feed::leaf(first.bytes()));
        let book = Pages::new(self.view, feed);
        let new = facts.len() > before;
        let facts = Facts::new(feed, &book, facts);
        let standing = facts.standing().find(|s| (s.index, s.leaf) == (index, leaf));
        let standing = standing.filter(|s| s.missing > 0 && new);
        let standing = standing.ok_or(Rejection::OrphanKnown)?;
        // A refund may be shown by itself: then only what it gave back is learned.
        let told = match standing.value {
            Value::Refund { .. } => Some(()),
            _ => facts.handed_out(standing).and_then(|(lot, _)| facts.of_lot(lot)).map(|_| ()),
        };
        told.ok_or(Rejection::OrphanUntold)
    }

    pub(super) fn day(&self, day: &Day) -> Result<(), Rejection> {
        let (begins, open) = day::begins(self.view, self.chain);
        let next = self.view.head(self.chain).next;
        match day {
            Day::Open => {
                if open {
                    Err(Rejection::DayOpen)
                } else {
                    Ok(())
                }
            }
            Day::Close(closing) => {
                let sums = day::sums(self.view, self.chain, begins, next);
                if !open && sums.is_empty() {
                    return Err(Rejection::DayNotOpen);
                }
                let came: Option<Closing> = sums.close(begins);
                if came.as_ref() == Some(closing) { Ok(()) } else { Err(Rejection::DayMismatch) }
            }
        }
    }

    pub(super) fn settle(&self, settling: &Settling, at: Minute) -> Result<(), Rejection> {
        match settling {
            Settling::Stretch { node, from, to, head, except } => {
                let rising = except.is_sorted_by(|a, b| a < b);
                let within = except.iter().all(|index| (*from..*to).contains(index));
                let known = self.view.roster().node(node).is_some();
                if from < to && rising && within && known && self.below_cuts(node, *to, head) {
                    Ok(())
                } else {
                    Err(Rejection::SettlementWrong)
                }
            }
            Settling::Rows { node, rows } => {
                let sound = |row: &Single| row.amount > crate::amount::Amount::ZERO;
                let good = !rows.is_empty()
                    && rows.is_sorted_by(|a, b| a < b)
                    && rows.iter().all(sound)
                    && self.view.roster().node(node).is_some();
                if good { Ok(()) } else { Err(Rejection::SettlementWrong) }
            }
            Settling::Draft { first, root, rows, totals } => {
                self.draft(*first, (root, *rows, totals))
            }
            Settling::Step { draft, step, operator, signature } => {
                self.step(*draft, (*step, *operator, at), signature)
            }
        }
    }

    /// A cut ends settlement by stretches: what lies above it is settled entry by entry, or a stretch written by somebody
    /// who has not heard of what was cut would hold what others settle by rows.
    fn below_cuts(&self, node: &[u8; 8], to: u64, head: &Hash) -> bool {
        let feed = FeedRef::value(*node, self.feed.programme);
        let Some(cut) = cut::lowest(self.view, &feed) else { return true };
        let chain = chain_with(self.view, &feed, to, head);
        let below = chain.and_then(|chain| cut::below(self.view, chain, &cut));
        below.is_none_or(|below| to <= below)
    }

    fn draft(&self, first: u64, said: (&Hash, u32, &[Net])) -> Result<(), Rejection> {
        let next = self.view.head(self.chain).next;
        if !reaches(first, next) {
            return Err(Rejection::NothingToSettle);
        }
        let mut lines: Vec<Settling> = Vec::new();
        for index in first..next {
            let entry = self.view.entry(owner_of(self.view, self.chain, index));
            let Some(Value::Settle { settling, .. }) = entry else { continue };
            match *settling {
                Settling::Draft { .. } => return Err(Rejection::SettlementWrong),
                Settling::Step { .. } => {}
                line @ (Settling::Stretch { .. } | Settling::Rows { .. }) => lines.push(line),
            }
        }
        // Before anything walks through what they name.
        if overlap(&lines) {
            return Err(Rejection::SettledBefore);
        }
        self.once(&lines, At { chain: self.chain, index: next })?;
        let all = rows(self.view, self.feed.programme, &lines).ok_or(Rejection::SettlementWrong)?;
        let mut tally = Tally::default();
        if !all.iter().all(|row| tally.push(row)) {
            return Err(Rejection::SettlementWrong);
        }
        match tally.finish(first).ok_or(Rejection::NothingToSettle)? {
            Settling::Draft { root, rows, totals, .. } if (&root, rows, &*totals) == said => Ok(()),
            _ => Err(Rejection::SettlementWrong),
        }
    }

    /// Whether lines, of a draft that is to stand here, name nothing that a settlement holds or another of them names; and
    /// whether what they name one by one is owed.
    fn once(&self, lines: &[Settling], here: At) -> Result<(), Rejection> {
        let mut wanted: BTreeMap<[u8; 8], BTreeSet<(u64, Hash)>> = BTreeMap::new();
        for line in lines {
            if let Settling::Rows { node, rows } = line {
                let of_node = wanted.entry(*node).or_default();
                of_node.extend(rows.iter().map(|row| (row.index, row.leaf)));
            }
        }
        let mut known: BTreeMap<[u8; 8], (Coverage, AsShown)> = BTreeMap::new();
        for line in lines {
            let (Settling::Stretch { node, .. } | Settling::Rows { node, .. }) = line else {
                continue;
            };
            let feed = FeedRef::value(*node, self.feed.programme);
            let (covered, shown) = known.entry(*node).or_insert_with(|| {
                let wanted = wanted.get(node);
                let shown = wanted.map(|wanted| as_shown(self.view, &feed, wanted));
                (coverage(self.view, &feed), shown.unwrap_or_default())
            });
            if covered.says_again(self.view, &feed, line) {
                return Err(Rejection::SettledBefore);
            }
            covered.add(self.view, &feed, line, here);
            if let Settling::Rows { rows, .. } = line {
                for row in rows.iter() {
                    self.is_owed(&feed, row, covered, shown)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a row by itself is what its entry says; and, where it takes back, not more than was handed out, or is left
    /// of what refunds of it take back.
    fn is_owed(
        &self,
        feed: &FeedRef,
        row: &Single,
        with: &Coverage,
        shown: &AsShown,
    ) -> Result<(), Rejection> {
        let entries = Coverage::entries_at(self.view, feed, row.index, &row.leaf, shown);
        let came = entries.first().ok_or(Rejection::NotHere)?;
        if (came.cycle, came.commodity) != (row.cycle, row.commodity) {
            return Err(Rejection::SettlementWrong);
        }
        let merchants = entries.iter().filter_map(|came| came.merchant);
        if came.merchant.is_some() && !merchants.into_iter().any(|m| m == row.merchant) {
            return Err(Rejection::SettlementWrong);
        }
        match row.kind {
            Kind::Redeemed | Kind::Refunded => {
                let fits = came.kind == row.kind
                    && row.amount <= came.amount
                    && u64::from(row.copy) < entries.len() as u64;
                if !fits {
                    return Err(Rejection::SettlementWrong);
                }
                let over = row.kind == Kind::Refunded
                    && back(self.view, feed, with, row.index, &row.leaf).is_over();
                if over { Err(Rejection::ExceedsRedemption) } else { Ok(()) }
            }
            Kind::Returned | Kind::Disputed => {
                if came.kind != Kind::Redeemed {
                    return Err(Rejection::SettlementWrong);
                }
                if !with.has(self.view, feed, row.index, &row.leaf) {
                    return Err(Rejection::NotHere);
                }
                let back = with.taken_back(row.index, &row.leaf).plus(came.refunded);
                let given = u128::from(came.amount.units()) * entries.len() as u128;
                let fits = row.amount <= came.amount
                    && u64::from(row.copy) < entries.len() as u64
                    && back.is_some_and(|back| u128::from(back.units()) <= given);
                if fits { Ok(()) } else { Err(Rejection::ExceedsRedemption) }
            }
        }
    }

    fn step(
        &self,
        draft: u64,
        (step, operator, at): (Step, crate::key::PublicKey, Minute),
        signature: &crate::key::Signature,
    ) -> Result<(), Rejection> {
        let next = At { chain: self.chain, index: self.view.head(self.chain).next };
        let place = owner_of(self.view, self.chain, draft);
        let row = self.view.settlement(place).ok_or(Rejection::NoSettlement)?;
        if row.stage().after(step).is_none() {
            return Err(Rejection::StepOutOfOrder);
        }
        let before: Vec<Taken> = row.by.iter().copied().collect();
        let taken = Taken { step, operator, at, place: next };
        let node = self.view.chain(self.chain).feed.node;
        if !may_step(&before, &taken, &node)
            || !entitled(self.view, &self.feed, step, &operator, at)
        {
            return Err(Rejection::OperatorRefused);
        }
        let signing = row.signing(&self.feed, step);
        let federation = self.view.charter().federation();
        if signing.is_by(&federation, &operator, signature) {
            Ok(())
        } else {
            Err(Rejection::StepUnsigned)
        }
    }
}
