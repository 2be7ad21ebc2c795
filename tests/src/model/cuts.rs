//! Fences, revocations, ends, releases and closes, by the sentences of the rules: a cut labels and stops, and moves
//! nothing.

use std::collections::BTreeMap;

use annona_ledger::cut::{Cut, Label};
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{CycleId, FeedId, FeedRef, Lane, OrgId};
use annona_ledger::limits;
use annona_ledger::notice::Roles;
use annona_ledger::ticket::{Sent, Ticket};
use annona_ledger::time::Minute;
use annona_ledger::view::PoolKey;

use super::{BlockLine, Fact, Model, SendLine, name_of, value_feed};

/// The name of what an article sets free (spec: one hash over epoch and act).
pub(super) fn release_line(epoch: u32, act: u8) -> Hash {
    hash(Purpose::Release, &[&epoch.to_be_bytes(), &[act]])
}

impl Model {
    /// What articles set free is under way from the suspense of a feed to a reserve.
    pub(super) fn set_free(&mut self) {
        let freed: Vec<_> = self.charter.releases().map(|(at, line)| (at, *line)).collect();
        for ((epoch, act), line) in freed {
            self.add_send(SendLine {
                name: release_line(epoch, act),
                from: None,
                released: Some(line.feed.node),
                index: 0,
                lot: 0,
                programme: line.feed.programme,
                to: line.reserve,
                owner: Owner::Reserve,
                cycle: line.cycle,
                commodity: line.commodity,
                amount: i128::from(line.amount.units()),
                expires: Minute::NEVER,
                placed: true,
                claims: Vec::new(),
            });
        }
    }

    /// What articles have set free of a pool.
    #[must_use]
    pub fn released(&self, key: &PoolKey) -> i128 {
        let of_key = self.sends.iter().filter(|s| {
            s.released == Some(key.node)
                && (s.programme, s.cycle, s.commodity) == (key.programme, key.cycle, key.commodity)
        });
        of_key.map(|s| s.amount).sum()
    }

    fn org_of(&self, node: &[u8; 8]) -> Option<OrgId> {
        self.roster.node(node).map(|certificate| certificate.org)
    }

    /// Whether a node's word against a feed counts: its treasury's or hub's, of the same organisation.
    pub(super) fn may_revoke(&self, by: &[u8; 8], feed: &FeedRef, cut: &Cut) -> bool {
        let speaks = self.roster.node(by).is_some_and(|certificate| {
            certificate.roles.has(Roles::TREASURY) || certificate.roles.has(Roles::HUB)
        });
        let one_thing = (cut.seq == 0) == (cut.head == Hash::ZERO);
        let own = self.org_of(by).is_some() && self.org_of(by) == self.org_of(&feed.node);
        speaks && one_thing && own
    }

    /// Of all cuts of a feed that count the lowest: whatever its reason, and whenever it came.
    #[must_use]
    pub fn lowest_cut(&self, feed: &FeedRef) -> Option<Cut> {
        let fences = self.charter.fences(feed).iter().map(|fence| fence.cut);
        let words =
            self.revoked.iter().filter(|(by, of, cut)| of == feed && self.may_revoke(by, of, cut));
        fences.chain(words.map(|(_, _, cut)| *cut)).min_by_key(|cut| (cut.seq, cut.head))
    }

    pub(super) fn blocks_of<'a>(
        &'a self,
        feed: &FeedRef,
    ) -> impl Iterator<Item = &'a BlockLine> + Clone {
        let feed = *feed;
        self.blocks.iter().filter(move |block| block.feed.short() == feed)
    }

    /// How many entries of a feed that never forked lie below a cut. `None` where what it names is not known.
    fn below(&self, feed: &FeedRef, cut: &Cut) -> Option<u64> {
        if cut.seq == 0 {
            return Some(0);
        }
        let mut there = self.blocks_of(feed).filter(|block| block.seq + 1 == cut.seq);
        let first = there.next()?;
        let named = std::iter::once(first).chain(there).find(|block| block.hash == cut.head);
        Some(named.map_or(0, |block| block.next))
    }

    /// How many entries of the chain that ends with `tip` lie below a cut; of a forked feed, what it shares with the
    /// branch that the cut names. `None` where the chain is not known up to the cut.
    pub(super) fn below_in(&self, feed: &FeedRef, cut: &Cut, tip: &Hash) -> Option<u64> {
        if cut.seq == 0 {
            return Some(0);
        }
        let mut there = self.blocks_of(feed).filter(|block| block.seq + 1 == cut.seq);
        if let Some(named) = there.clone().find(|block| block.hash == cut.head) {
            let mut shared = self.fact(&named.last);
            while let Some(fact) = shared.filter(|fact| !self.of_one_chain(tip, &fact.name)) {
                shared = self.fact(&fact.before);
            }
            return Some(shared.map_or(0, |fact| fact.index + 1));
        }
        there.any(|block| self.of_one_chain(tip, &block.last)).then_some(0)
    }

    fn of_one_chain(&self, one: &Hash, other: &Hash) -> bool {
        self.in_past(one, other) || self.in_past(other, one)
    }

    /// Whether a ticket's entry may stand above the lowest cut of its sender's feed, as far as can be told here.
    pub(super) fn tainted(&self, feed: &FeedRef, index: u64, placed: bool) -> bool {
        let cut = self.lowest_cut(feed);
        cut.is_some_and(|cut| self.above(feed, &cut, index, placed) != Some(false))
    }

    /// Whether a ticket's entry stands above the lowest cut of its sender's feed, for certain.
    #[must_use]
    pub fn stands_above(&self, feed: &FeedId, sent: &Sent) -> bool {
        let from = value_feed(sent.node, feed.programme);
        let placed = self.send(&name_of(feed.programme, sent)).is_some_and(|line| line.placed);
        let cut = self.lowest_cut(&from);
        cut.is_some_and(|cut| self.above(&from, &cut, sent.index, placed) == Some(true))
    }

    /// Whether a ticket's entry stands above a cut; `None` where it cannot be told.
    fn above(&self, feed: &FeedRef, cut: &Cut, index: u64, placed: bool) -> Option<bool> {
        match self.below(feed, cut) {
            Some(below) => Some(index >= below),
            None if placed => Some(false),
            // A block has one entry at least, and as many as fit at most.
            None if index < cut.seq => Some(false),
            None if index >= cut.seq.saturating_mul(limits::BLOCK_ENTRIES as u64) => Some(true),
            None => None,
        }
    }

    /// Whether everything known of a feed up to some entry includes its end.
    pub(super) fn ended_by(&self, tip: &Hash) -> bool {
        self.ends.iter().any(|name| self.in_past(tip, name))
    }

    fn has_end(&self, feed: &FeedRef) -> bool {
        let of = |name: &Hash| self.fact(name).is_some_and(|fact| fact.feed.short() == *feed);
        self.ends.iter().any(of)
    }

    /// Why only a decline may take a ticket up: its sender is faulty, it stands above the cut, or this feed is cut.
    pub(super) fn only_back(&self, feed: &FeedId, sent: &Sent) -> bool {
        let from = value_feed(sent.node, feed.programme);
        let placed = self.send(&name_of(feed.programme, sent)).is_some_and(|line| line.placed);
        self.faulty().contains(&from)
            || self.tainted(&from, sent.index, placed)
            || self.lowest_cut(&feed.short()).is_some()
    }

    /// The ticket that the newest entry takes up in a basket of two.
    pub(super) fn just_taken(&self, tip: &Hash) -> Option<(&Fact, &Sent)> {
        let claim = self.fact(tip)?;
        let Entry::Value(Value::Claim { ticket, .. }) = &claim.entry else { return None };
        let Ticket::Sent(sent, _) = &**ticket else { return None };
        self.declining(&claim.before).then_some((claim, sent))
    }

    /// After its end a feed says nothing; once its writer heard of a cut, it sends back and ends.
    pub(super) fn goes_on(&self, feed: &FeedId, tip: &Hash, entry: &Entry) -> bool {
        if self.ended_by(tip) {
            return false;
        }
        if self.lowest_cut(&feed.short()).is_none() {
            return true;
        }
        match entry {
            Entry::Value(Value::End { .. } | Value::Basket { entries: 2 }) => true,
            Entry::Value(Value::Claim { ticket, .. }) => {
                matches!(**ticket, Ticket::Sent(..)) && self.declining(tip)
            }
            Entry::Value(Value::Send(_)) => self.just_taken(tip).is_some(),
            _ => false,
        }
    }

    /// Whether a place can still be sent to: nothing goes to a feed that is cut or has ended, except what is sent back.
    pub(super) fn takes(&self, feed: &FeedId, tip: &Hash, to: &[u8; 8]) -> bool {
        let there = value_feed(*to, feed.programme);
        self.just_taken(tip).is_some_and(|(_, sent)| sent.node == *to)
            || (self.lowest_cut(&there).is_none() && !self.has_end(&there))
    }

    /// Whether a feed is known from its first entry to its end, and nothing is proven against it.
    #[must_use]
    pub fn complete_to_end(&self, feed: &FeedRef) -> bool {
        self.has_end(feed) && !self.faulty().contains(feed)
    }

    /// What is suspense, with whether it is exact: the pools of feeds that are cut and of cycles that are closed.
    #[must_use]
    pub fn suspense(&self) -> BTreeMap<PoolKey, (i128, i128, bool)> {
        let mut found = BTreeMap::new();
        for (key, (lots, arriving, _)) in self.whole_pools() {
            let feed = value_feed(key.node, key.programme);
            let closed = self.charter.closed(key.programme, key.cycle).is_some();
            if closed || self.lowest_cut(&feed).is_some() {
                let exact = self.complete_to_end(&feed);
                found.insert(key, (lots + arriving, self.released(&key), exact));
            }
        }
        found
    }

    /// How much of the charter the author of an entry knew, by the block it stands in: of several the newest. In an open
    /// tail: all of it.
    fn knew(&self, fact: &Fact) -> u32 {
        let over = self.blocks.iter().filter(|block| {
            block.feed == fact.feed
                && (block.first..block.next).contains(&fact.index)
                && self.in_past(&block.last, &fact.name)
        });
        over.map(|block| block.epoch).max().unwrap_or(self.charter.epoch())
    }

    /// What an entry of a feed that never forked is called.
    #[must_use]
    pub fn label(&self, fact: &Fact, cycle: Option<CycleId>) -> Label {
        let feed = fact.feed.short();
        if self.ended_by(&fact.before) {
            return Label::AfterEnd;
        }
        let above = |cut: &Cut| self.below(&feed, cut).is_some_and(|below| fact.index >= below);
        if self.lowest_cut(&feed).is_some_and(|cut| above(&cut)) {
            return Label::Tainted;
        }
        let closed = cycle.and_then(|cycle| self.charter.closed(feed.programme, cycle));
        let nothing = Cut { seq: 0, head: Hash::ZERO };
        match closed.filter(|_| feed.lane == Lane::Value) {
            Some(closed) if above(closed.cuts.get(&feed.node).unwrap_or(&nothing)) => Label::Late,
            _ => Label::Good,
        }
    }

    /// The cycle whose units an entry moves, where it says so itself.
    #[must_use]
    pub fn cycle_of(&self, fact: &Fact) -> Option<CycleId> {
        self.given.iter().find(|given| given.name == fact.name).map(|given| given.cycle)
    }

    /// What nodes took up of a feed's tickets from above a fence, knowing of that fence by their blocks' own word, and
    /// did not send back. By the names of the tickets.
    fn heard(&self, key: &PoolKey) -> Vec<([u8; 8], i128)> {
        let feed = value_feed(key.node, key.programme);
        let mut lines: Vec<&SendLine> = self
            .sends
            .iter()
            .filter(|s| {
                s.from == Some(key.node)
                    && (s.programme, s.cycle, s.commodity)
                        == (key.programme, key.cycle, key.commodity)
            })
            .collect();
        lines.sort_by_key(|line| line.name);
        let mut taken: Vec<([u8; 8], i128)> = Vec::new();
        for line in lines {
            let fences = self.charter.fences(&feed).iter();
            let fences = fences.filter(|f| self.seen_above(&feed, &f.cut, line.index, line.placed));
            let Some(fenced) = fences.map(|fence| fence.epoch).min() else { continue };
            let knew = line
                .claims
                .iter()
                .filter_map(|name| self.fact(name))
                .any(|claim| self.has_heard(claim, fenced) && !self.sent_back(claim, line));
            if knew {
                match taken.iter_mut().find(|(node, _)| *node == line.to) {
                    Some((_, sum)) => *sum += line.amount,
                    None => taken.push((line.to, line.amount)),
                }
            }
        }
        taken
    }

    /// Whether an entry lies beyond as many blocks as a cut counts, on every branch that may hold it.
    fn seen_above(&self, feed: &FeedRef, cut: &Cut, index: u64, placed: bool) -> bool {
        if !placed {
            return index >= cut.seq.saturating_mul(limits::BLOCK_ENTRIES as u64);
        }
        let counted = |block: &BlockLine| block.seq + 1 == cut.seq;
        let beyond = |fact: &Fact| {
            let mut last = self.blocks_of(feed).filter(|b| counted(b) && b.next <= index);
            cut.seq == 0 || last.any(|block| self.in_past(&fact.name, &block.last))
        };
        let mut there = self.standing_at(feed, index).peekable();
        there.peek().is_some() && there.all(beyond)
    }

    /// Whether the author of a claim had heard of a fence. Where the fence is of a branch of the charter, from its fork to
    /// its healing, only who knew of the healing had.
    fn has_heard(&self, claim: &Fact, fenced: u32) -> bool {
        let knew = self.knew(claim);
        let forks = self.charter.healed().iter();
        let unsure = forks.filter(|h| (h.from..h.epoch).contains(&fenced)).any(|h| knew < h.epoch);
        knew >= fenced && !unsure
    }

    fn sent_back(&self, claim: &Fact, line: &SendLine) -> bool {
        self.facts.iter().filter(|fact| fact.before == claim.name).any(|fact| {
            matches!(&fact.entry, Entry::Value(Value::Send(back))
                if back.from.0 == claim.index
                    && Some(back.to) == line.from
                    && i128::from(back.amount.units()) == line.amount)
        })
    }

    /// Who owes what each pool lacks: its own organisation (`None`), but for what others took up knowingly. Of a faulty
    /// feed the whole, under `None`: which branch a cut names is the core's business.
    #[must_use]
    pub fn owed(&self) -> BTreeMap<(PoolKey, Option<[u8; 8]>), i128> {
        let faulty = self.faulty();
        let mut owed = BTreeMap::new();
        for (key, sum) in self.charges() {
            let mut left = sum;
            if !faulty.contains(&value_feed(key.node, key.programme)) {
                for (node, taken) in self.heard(&key) {
                    let part = taken.min(left);
                    left -= part;
                    if part > 0 {
                        owed.insert((key, Some(node)), part);
                    }
                }
            }
            if left > 0 {
                owed.insert((key, None), left);
            }
        }
        owed
    }
}
