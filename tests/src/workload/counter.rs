//! What counters and merchants do: open and close a day, and show what they were promised by a site whose blocks do not
//! come.

use annona_ledger::day::Day;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_ledger::merkle;
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::receipt::Heading;
use annona_ledger::ticket::Promise;
use annona_ledger::wire::Bounded;

use crate::check::Holds;
use crate::world::{Slip, World};

impl World {
    /// The newest entry of one of a node's feeds, by its name.
    pub(super) fn tip(&self, n: usize, feed: &annona_ledger::id::FeedId) -> Hash {
        let start = annona_ledger::feed::Head::start(&self.cast.federation, feed);
        self.nodes[n].tips.get(feed).copied().unwrap_or(start).accumulator
    }

    /// A counter opens its day, or closes it with a statement; now and then with a wrong one.
    pub(super) fn day(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        // Mostly where something was handed out since.
        let busy: Vec<usize> = (0..self.nodes.len())
            .filter(|n| {
                let feed = self.feed(*n, Lane::Value, programme);
                let day = self.nodes[*n].model.day(&self.tip(*n, &feed));
                !self.nodes[*n].burnt && !day.closing.totals.is_empty()
            })
            .collect();
        let n = if self.desk.chance(92) { self.desk.pick(&busy).copied().unwrap_or(n) } else { n };
        let feed = self.feed(n, Lane::Value, programme);
        let known = self.nodes[n].model.day(&self.tip(n, &feed));
        let opens = if known.open { 10 } else { 35 };
        let day = if self.desk.chance(opens) {
            Day::Open
        } else {
            let mut closing = known.closing;
            if self.desk.chance(15) {
                self.coverage.note("a day's statement was wrong");
                match self.desk.below(4) {
                    0 => closing.redeemed += 1,
                    1 => closing.first += 1,
                    2 => closing.root = Hash([3; 32]),
                    _ => closing.totals = Bounded::empty(),
                }
            }
            Day::Close(closing)
        };
        let at = self.stamp(n, &feed);
        let value = Value::DayClose { day: Box::new(day), at };
        self.write(n, &feed, &[Entry::from(value).into()])?;
        self.after(n)
    }

    /// A merchant shows what another site promised him: mostly what nobody here knows of, and of a site that is gone.
    pub(super) fn show(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let own = self.feed(n, Lane::Value, programme);
        let mine = self.desk.chance(5);
        let again = self.desk.chance(12);
        let gone = |world: &Self, feed: &FeedRef| {
            let burnt = world.cast.burns.is_some_and(|b| world.cast.nodes[b].short() == feed.node);
            burnt || world.truth.lowest_cut(feed).is_some()
        };
        let model = &self.nodes[n].model;
        let fits = |slip: &&Slip| {
            let of = slip.promise.feed;
            slip.hands
                && of.programme == programme
                && (of.node == own.node.short()) == mine
                && (again || mine || !model.knows(&slip.name))
        };
        let all: Vec<Slip> = self.slips.iter().filter(fits).cloned().collect();
        let lost: Vec<Slip> =
            all.iter().filter(|slip| gone(self, &slip.promise.feed)).cloned().collect();
        let some = if lost.is_empty() || self.desk.chance(35) { all } else { lost };
        let Some(slip) = self.desk.pick(&some).cloned() else { return Ok(()) };
        let mut names = vec![slip.name];
        if self.desk.chance(88) {
            let more = self.desk.chance(10);
            let under = self.stands_on(&slip.name);
            let model = &self.nodes[n].model;
            names.extend(under.into_iter().filter(|name| more || !model.knows(name)));
        }
        let mut shown: Vec<Shown> =
            names.iter().filter_map(|name| self.evidence(name)).take(8).collect();
        let sends = names.last().and_then(|name| self.truth.fact(name)).map(|fact| &fact.entry);
        let sends = match sends {
            Some(Entry::Value(Value::Claim { ticket, .. })) => ticket.sends().copied().collect(),
            _ => Vec::new(),
        };
        let sends = if self.desk.chance(30) { sends } else { Vec::new() };
        if self.desk.chance(6)
            && let Some(Shown::Promised { index, .. }) = shown.first_mut()
        {
            // Somebody wrote another place on it.
            *index += 1;
        }
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        let sends = Bounded::new(sends.into_iter().take(6).collect()).expect("six at most");
        let node = slip.promise.feed.node;
        loop {
            let list = Bounded::new(shown.clone()).expect("eight at most");
            let orphan = Orphan { node, shown: list, sends: sends.clone(), at };
            let entry = Entry::from(Value::Orphan(Box::new(orphan)));
            if entry.encode().len() > entry.limit() && shown.len() > 1 && self.desk.chance(98) {
                shown.pop();
                continue;
            }
            if self.write(n, &feed, &[entry.into()])?.is_some() {
                if gone(self, &slip.promise.feed) {
                    self.coverage.note("orphan of a site that is gone");
                }
                if shown.iter().any(|shown| matches!(shown, Shown::Sealed { .. })) {
                    self.coverage.note("orphan told by a receipt");
                }
            }
            return self.after(n);
        }
    }

    /// What an entry stands on in its own feed, nearest first.
    fn stands_on(&self, name: &Hash) -> Vec<Hash> {
        let (mut under, mut open) = (Vec::new(), vec![*name]);
        while let Some(fact) = open.pop().and_then(|name| self.truth.fact(&name)) {
            let Entry::Value(value) = &fact.entry else { continue };
            let index = match value {
                Value::Redeem { lot, .. }
                | Value::FloatRedeem { lot, .. }
                | Value::Hold { lot, .. } => lot.0,
                Value::Issue { from, .. } => from.0,
                Value::Post { hold, .. } => *hold,
                Value::Refund { redeem, .. } => *redeem,
                _ => continue,
            };
            if let Some(next) = self.truth.past(&fact.before, index) {
                under.push(next.name);
                open.push(next.name);
            }
        }
        under
    }

    /// The promise that somebody holds of an entry; or, where its block was sealed, sometimes a receipt.
    fn evidence(&mut self, name: &Hash) -> Option<Shown> {
        if self.desk.chance(35)
            && !self.options.cuts_nothing
            && let Some(receipt) = self.receipt(name)
        {
            return Some(receipt);
        }
        let slip = self.slips.iter().find(|slip| slip.name == *name)?;
        Some(Shown::from(slip.promise.clone()))
    }

    fn receipt(&self, name: &Hash) -> Option<Shown> {
        let fact = self.truth.fact(name)?;
        let over = self.archive.iter().filter(|(feed, block)| {
            let header = &block.header;
            *feed == fact.feed && (header.first..header.end().next).contains(&fact.index)
        });
        over.filter_map(|(feed, block)| {
            let entries = block.read(feed.lane).ok()?;
            let place = usize::try_from(fact.index - block.header.first).ok()?;
            (entries.get(place)?.accumulator == *name).then_some(())?;
            let leaves: Vec<Hash> = entries.iter().map(|e| leaf(&e.entry.encode())).collect();
            let path = merkle::path(&leaves, u32::try_from(place).ok()?)?;
            let entry = annona_ledger::wire::Bytes::new(fact.entry.encode()).ok()?;
            let heading = Heading::of(&block.header);
            Some(Shown::Sealed { entry, path, heading, signature: block.signature })
        })
        .next()
    }

    /// Keeps what a till is given.
    pub(crate) fn keep_slip(&mut self, promise: &Promise, entry: &Entry) {
        let hands = matches!(
            entry,
            Entry::Value(
                Value::Redeem { .. }
                    | Value::Post { .. }
                    | Value::FloatRedeem { .. }
                    | Value::Refund { .. }
            )
        );
        if promise.feed.lane == Lane::Value {
            let name = promise.name().accumulator;
            self.slips.push(Slip { promise: promise.clone(), name, hands });
        }
    }
}
