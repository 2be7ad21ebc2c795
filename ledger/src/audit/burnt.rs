//! What others show of a feed, held against what its own blocks say (spec/orphans.md): once all feeds were read, those of
//! which something was shown are read again.

use std::collections::{BTreeMap, BTreeSet};

use super::feed::Outcome;
use super::matched::Matched;
use crate::amount::{Amount, Balance};
use crate::entry::Value;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef};
use crate::orphan::{self, Book, Effect, Fact, Facts, Given, Pages};
use crate::ticket::{Sent, Ticket};
use crate::view::View;

/// What was shown of a feed comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Burnt {
    pub(super) effects: Vec<Effect>,
    /// The lowest index at which its blocks say otherwise.
    pub(super) contradicted: Option<u64>,
    /// The redemptions of which it shows refunds.
    pub(super) refunded: BTreeSet<u64>,
    /// What the redemptions that it shows handed out, by index.
    pub(super) given: BTreeMap<u64, Given>,
}

impl Burnt {
    /// `whole`: all its blocks are here and were folded. Otherwise nobody can say that they say otherwise.
    pub(super) fn of(view: &dyn View, feed: FeedRef, coming: &BTreeSet<Hash>, whole: bool) -> Self {
        let book = Shelf { pages: Pages::new(view, feed), feed, coming, view };
        let facts = Facts::new(feed, &book, view.shown(&feed));
        let given = facts.standing().filter_map(|s| Some((s.index, facts.given_at(s.index)?)));
        let (given, effects) = (given.collect(), facts.effects());
        let contradicted = orphan::contradicted(view, &feed).filter(|_| whole);
        let refunded = view.shown(&feed).into_iter().filter_map(|fact| match fact.value {
            Value::Refund { redeem, .. } => Some(redeem),
            _ => None,
        });
        Self { effects, contradicted, refunded: refunded.collect(), given }
    }

    /// Adds what it comes to to what its feed gave.
    pub(super) fn count(out: &mut Outcome) {
        for Effect { key, pool, .. } in &out.burnt.effects {
            let (given, units) = (out.given.of(key), pool.redeemed.units());
            if units > 0 {
                given.redeemed = given.redeemed.plus(pool.redeemed);
                given.count = given.count.saturating_add(1);
            } else {
                given.refunded = given.refunded.plus(Balance::of(units.saturating_neg()));
            }
        }
    }
}

/// What was shown of each feed, by every other; and the tickets in it that are known.
pub(super) fn shown<'a>(
    outcomes: impl Iterator<Item = &'a Outcome>,
    matched: &Matched,
) -> (BTreeMap<FeedRef, Vec<Fact>>, BTreeSet<Hash>) {
    let mut shown: BTreeMap<FeedRef, Vec<Fact>> = BTreeMap::new();
    let mut coming = BTreeSet::new();
    for fact in outcomes.flat_map(|out| &out.shown) {
        if let Value::Claim { ticket, .. } = &fact.value
            && let Ticket::Sent(sent, _) = &**ticket
        {
            let name = sent.name(fact.feed.programme).ticket();
            coming.extend(matched.knows(&name).then_some(name));
        }
        shown.entry(fact.feed).or_default().push(fact.clone());
    }
    (shown, coming)
}

/// The book of a feed whose tickets stand in the books of others.
struct Shelf<'a> {
    pages: Pages<'a>,
    feed: FeedRef,
    coming: &'a BTreeSet<Hash>,
    view: &'a dyn View,
}

impl Book for Shelf<'_> {
    fn values(&self, index: u64) -> Vec<Value> {
        self.pages.values(index)
    }

    fn tells(&self, index: u64) -> bool {
        self.pages.tells(index)
    }

    fn given(&self, index: u64) -> Vec<Given> {
        self.pages.given(index)
    }

    fn refunded(&self, index: u64) -> Amount {
        self.pages.refunded(index)
    }

    fn coming(&self, sent: &Sent) -> Option<Hash> {
        let name = sent.name(self.feed.programme).ticket();
        let claimed = self.view.ticket(&name).is_some_and(|row| row.claimed.is_some());
        let here = sent.moved.to() == self.feed.node && self.coming.contains(&name);
        (here && !claimed).then_some(name)
    }

    fn voted(&self, ticket: &Ticket) -> Option<(CycleId, CommodityId)> {
        self.pages.voted(ticket)
    }
}
