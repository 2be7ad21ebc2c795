//! What others show of a feed and its own blocks do not have (spec/orphans.md): what sums over blocks alone leave out.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::amount::Amount;
use annona_ledger::audit::{Ground, Item, Source};
use annona_ledger::charter::Charter;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedId, FeedRef};
use annona_ledger::key::PublicKey;
use annona_ledger::orphan::{Book, Effect, Fact, Facts, Given, Orphan};
use annona_ledger::ticket::{Sent, Ticket};

use super::walk::{Did, walk_feed};

/// How much was handed out, of what.
type Out = (Amount, (CycleId, CommodityId));

/// What orphans in a file show, by the feed it is of.
pub(super) type AllShown = BTreeMap<FeedRef, Vec<Fact>>;

/// Adds what an orphan shows, as far as its feed signed it.
pub(super) fn note(all: &mut AllShown, ground: &Ground, feed: &FeedRef, orphan: &Orphan) {
    let of = FeedRef::value(orphan.node, feed.programme);
    let federation = ground.charter.federation();
    let keys: Vec<PublicKey> = ground.roster.node_keys(&of.node);
    for shown in orphan.shown.iter() {
        let signed = |key: &PublicKey| shown.verifies(&federation, key, of.programme);
        let Some(value) = shown.value().filter(|_| keys.iter().any(signed)) else { continue };
        let (index, leaf, name) = (shown.index(), leaf(shown.bytes()), shown.name());
        all.entry(of).or_default().push(Fact { feed: of, index, leaf, name, value });
    }
}

/// What all of it does to the pools: each feed of which something was shown is read once more.
pub(super) fn effects(source: &impl Source, ground: &Ground, all: AllShown) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (of, facts) in all {
        let mut own = Own::new(&ground.charter);
        for feed in source.feeds().into_iter().filter(|feed| feed.short() == of) {
            own.read(source, ground, &feed);
        }
        effects.extend(Facts::new(of, &own, facts).effects());
    }
    effects
}

/// What a feed's own blocks in a file tell.
struct Own<'a> {
    charter: &'a Charter,
    values: BTreeMap<(u64, Hash), Value>,
    given: BTreeMap<u64, BTreeSet<Out>>,
    refunded: BTreeMap<u64, Amount>,
}

impl<'a> Own<'a> {
    const fn new(charter: &'a Charter) -> Self {
        Self { charter, values: BTreeMap::new(), given: BTreeMap::new(), refunded: BTreeMap::new() }
    }

    fn read(&mut self, source: &impl Source, ground: &Ground, feed: &FeedId) {
        let federation = self.charter.federation();
        source.items(feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            let Ok(block) = block.verify(&federation, feed) else { return true };
            for placed in block.entries() {
                if let Entry::Value(value) = &placed.entry {
                    self.values.insert((placed.index, placed.accumulator), value.clone());
                }
            }
            true
        });
        let known = (ground, &source.cosigned());
        walk_feed(
            source,
            known,
            feed,
            &mut |seen| {
                let Some(units) = Amount::new(seen.units) else { return };
                match seen.did {
                    Did::HandedOut { .. } => {
                        let of = (units, (seen.cycle, seen.commodity));
                        self.given.entry(seen.name.index).or_default().insert(of);
                    }
                    Did::Refunded { redeem, .. } => {
                        let most = self.refunded.entry(redeem).or_insert(units);
                        *most = units.max(*most);
                    }
                    _ => {}
                }
            },
            &mut Default::default(),
        );
    }
}

impl Book for Own<'_> {
    fn values(&self, index: u64) -> Vec<Value> {
        let here = self.values.range((index, Hash::ZERO)..).take_while(|((at, _), _)| *at == index);
        here.map(|(_, value)| value.clone()).collect()
    }

    fn tells(&self, _: u64) -> bool {
        true
    }

    fn given(&self, index: u64) -> Vec<Given> {
        let here = self.given.get(&index).into_iter().flatten();
        here.map(|(amount, of)| (0, *amount, *of)).collect()
    }

    fn refunded(&self, index: u64) -> Amount {
        self.refunded.get(&index).copied().unwrap_or(Amount::ZERO)
    }

    /// What a claim takes up moves nothing here.
    fn coming(&self, _: &Sent) -> Option<Hash> {
        None
    }

    fn voted(&self, ticket: &Ticket) -> Option<(CycleId, CommodityId)> {
        match ticket {
            Ticket::Budget { epoch, act, line } => {
                let line = self.charter.budget_line(*epoch, *act, *line)?;
                Some((line.cycle, line.commodity))
            }
            Ticket::Release { epoch, act } => {
                let freed = self.charter.release(*epoch, *act)?;
                Some((freed.cycle, freed.commodity))
            }
            Ticket::Sent(..) => None,
        }
    }
}
