//! What the lists come to.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::entry::{Entry, Value};
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{CommodityId, CycleId, FeedRef, ProgrammeId};
use annona_ledger::ticket::{Moved, Sent};
use annona_ledger::view::PoolKey;

use super::shown::What;
use super::{LotLine, Model, value_feed};
use crate::memo;
use crate::site::Seen;

/// One pool: lots, arriving, redeemed.
pub type Sums = (i128, i128, i128);

impl Model {
    /// Every pool that is not empty, added up from the lists.
    #[must_use]
    pub fn pools(&self) -> BTreeMap<PoolKey, Sums> {
        let mut pools: BTreeMap<PoolKey, Sums> = BTreeMap::new();
        let key = |feed: FeedRef, cycle: CycleId, commodity: CommodityId| PoolKey {
            node: feed.node,
            programme: feed.programme,
            cycle,
            commodity,
        };
        for send in &self.sends {
            if let Some(from) = send.from {
                let from = key(value_feed(from, send.programme), send.cycle, send.commodity);
                pools.entry(from).or_default().0 -= send.amount;
            }
            if let Some(freed) = send.released {
                let freed = key(value_feed(freed, send.programme), send.cycle, send.commodity);
                pools.entry(freed).or_default().0 -= send.amount;
            }
            let to = key(value_feed(send.to, send.programme), send.cycle, send.commodity);
            let to = pools.entry(to).or_default();
            if send.claims.is_empty() { to.1 += send.amount } else { to.0 += send.amount }
        }
        for given in &self.given {
            let pool = pools.entry(key(given.feed, given.cycle, given.commodity)).or_default();
            pool.0 -= given.amount - given.refunded;
            pool.2 += given.amount - given.refunded;
        }
        pools.retain(|_, sums| *sums != (0, 0, 0));
        pools
    }

    /// The lots, in order.
    #[must_use]
    pub fn seen_lots(&self) -> Vec<Seen> {
        let seen = |lot: &LotLine| Seen {
            feed: lot.feed,
            origin: lot.origin,
            owner: lot.owner,
            cycle: lot.cycle,
            commodity: lot.commodity,
            balance: lot.left(),
            held: lot.held,
            waiting: lot.waiting,
        };
        let mut lots: Vec<Seen> = self.lots.iter().map(seen).collect();
        lots.sort_unstable();
        lots
    }

    /// The feeds that contradict themselves, or gave more than a lot of theirs could pay.
    #[must_use]
    pub fn faulty(&self) -> BTreeSet<FeedRef> {
        let short = self.lots.iter().filter(|lot| lot.left() < 0 && !lot.waiting);
        // A ticket that stands nowhere below where its feed is known to reach: the feed said two things there.
        let reached = |feed: &FeedRef, index: u64| self.last_index(feed) >= Some(index);
        let belied = self.shown_feeds().into_iter().filter(|feed| self.belied(feed));
        let two_things = self.sends.iter().filter(|s| !s.placed).filter_map(|s| {
            let feed = value_feed(s.from?, s.programme);
            reached(&feed, s.index).then_some(feed)
        });
        // A refund that a ticket carries is as much its writer's word as the ticket.
        let refunds = self.carried().into_iter().filter_map(|(programme, hop)| {
            let feed = value_feed(hop.node, programme);
            let refund = matches!(hop.moved, Moved::Refund { .. });
            let said = hop.accumulator();
            let stands = || self.standing_at(&feed, hop.index).any(|fact| fact.name == said);
            let denied = refund && reached(&feed, hop.index) && !stands();
            (denied && self.bears(&hop, programme)).then_some(feed)
        });
        let two_things = two_things.chain(refunds);
        let forked = self.forked.iter().copied().chain(two_things).chain(belied);
        forked.chain(short.map(|lot| lot.feed)).collect()
    }

    /// What each pool lacks that somebody owes; nothing where nobody owes anything. Without a proven fault the pool
    /// counts as one; with one each lot by itself, and at least what the pool lacks.
    #[must_use]
    pub fn charges(&self) -> BTreeMap<PoolKey, i128> {
        let faulty = self.faulty();
        let back = self.came_back(&faulty);
        let mut charges = BTreeMap::new();
        let mut pools = self.whole_pools();
        // Lots that cancel out are no pool to speak of, and count all the same.
        for lot in &self.lots {
            let FeedRef { node, programme, .. } = lot.feed;
            let key = PoolKey { node, programme, cycle: lot.cycle, commodity: lot.commodity };
            pools.entry(key).or_default();
        }
        for (key, (lots, arriving, _)) in pools {
            let feed = value_feed(key.node, key.programme);
            let lacks = (-(lots + arriving)).max(0);
            let owed = if faulty.contains(&feed) {
                lacks.max(self.by_lot(&key))
            } else {
                lacks - back.get(&key).copied().unwrap_or(0)
            };
            if owed > 0 {
                charges.insert(key, owed);
            }
        }
        charges
    }

    /// What came back, as tickets tell, to feeds of which that is not known otherwise: nobody is charged for it. Of one
    /// redemption the largest, and no more than was given.
    #[must_use]
    pub fn came_back(&self, faulty: &BTreeSet<FeedRef>) -> BTreeMap<PoolKey, i128> {
        let mut most: BTreeMap<(FeedRef, u64), (What, i128)> = BTreeMap::new();
        for (programme, hop) in self.carried() {
            let Moved::Refund { redeem, amount, .. } = hop.moved else { continue };
            let feed = value_feed(hop.node, programme);
            let reach = self.last_index(&feed).map_or(0, |last| last + 1);
            let signed = || self.bears(&hop, programme);
            if faulty.contains(&feed) || hop.index < reach || hop.index <= redeem || !signed() {
                continue;
            }
            // Shown besides, it counts as that.
            if self.shows_refund(&feed, redeem) || self.refunded_in_a_block(&feed, redeem) {
                continue;
            }
            let Some((_, given, what)) = self.told(feed).given_at(redeem) else { continue };
            let units = i128::from(amount.units().min(given));
            let so_far = most.entry((feed, redeem)).or_insert((what, 0));
            so_far.1 = units.max(so_far.1);
        }
        let mut sums = BTreeMap::new();
        for ((FeedRef { node, programme, .. }, _), ((cycle, commodity), units)) in most {
            *sums.entry(PoolKey { node, programme, cycle, commodity }).or_insert(0) += units;
        }
        sums
    }

    fn bears(&self, hop: &Sent, programme: ProgrammeId) -> bool {
        let key = self.roster.node(&hop.node).map(|certificate| certificate.node);
        key.is_some_and(|key| memo::bears(hop, &self.charter.federation(), &key, programme))
    }

    fn refunded_in_a_block(&self, feed: &FeedRef, redeem: u64) -> bool {
        let mut there = self.standing_at(feed, redeem);
        there.any(|fact| self.handed(&fact.name).is_some_and(|given| !given.refunds.is_empty()))
    }

    /// What tickets and orphans carry of other feeds, in blocks or shown, with the programme.
    fn carried(&self) -> Vec<(ProgrammeId, Sent)> {
        let mut carried = Vec::new();
        for fact in &self.facts {
            let programme = fact.feed.programme;
            match &fact.entry {
                Entry::Value(Value::Claim { ticket, .. }) => {
                    carried.extend(ticket.sends().map(|sent| (programme, *sent)));
                }
                Entry::Value(Value::Orphan(orphan)) => {
                    carried.extend(orphan.sends.iter().map(|sent| (programme, *sent)));
                }
                _ => {}
            }
        }
        carried.extend(self.shown_carries());
        carried
    }

    /// What the lots of a pool lack, one by one. A send known from a ticket alone is taken off the lot it names; off
    /// nothing where there is none.
    fn by_lot(&self, key: &PoolKey) -> i128 {
        let feed = value_feed(key.node, key.programme);
        let own = |lot: &LotLine| {
            lot.feed == feed && (lot.cycle, lot.commodity) == (key.cycle, key.commodity)
        };
        let mut left: Vec<(annona_ledger::hash::Hash, i128)> =
            self.lots.iter().filter(|l| own(l)).map(|l| (l.origin, l.left())).collect();
        let unseen = self.sends.iter().filter(|s| {
            !s.placed
                && s.from == Some(key.node)
                && (s.programme, s.cycle, s.commodity) == (key.programme, key.cycle, key.commodity)
        });
        for send in unseen {
            let opened_there = |lot: &&LotLine| {
                let mut facts = lot.opened_by.iter().filter_map(|name| self.fact(name));
                own(lot) && facts.any(|fact| fact.index == send.lot)
            };
            let origin = self.lots.iter().filter(opened_there).map(|lot| lot.origin).min();
            // Who took up what it minted for itself owes what it gave of it.
            let origin = origin.unwrap_or(send.name);
            // Lots of one name: the least pays.
            let of_name = left.iter_mut().filter(|(name, _)| *name == origin);
            match of_name.min_by_key(|(_, sum)| *sum) {
                Some((_, sum)) => *sum -= send.amount,
                None => left.push((send.name, -send.amount)),
            }
        }
        for effect in self.told(feed).effects().into_iter().filter(|effect| effect.key == *key) {
            let opened_there = |lot: &&LotLine| {
                let mut facts = lot.opened_by.iter().filter_map(|name| self.fact(name));
                own(lot) && facts.any(|fact| fact.index == effect.lot)
            };
            let origin = self.lots.iter().filter(opened_there).map(|lot| lot.origin).min();
            // A lot that is itself known only because it was shown has a name by its place.
            let origin =
                origin.unwrap_or_else(|| hash(Purpose::Orphan, &[&effect.lot.to_be_bytes()]));
            let of_name = left.iter_mut().filter(|(name, _)| *name == origin);
            match of_name.min_by_key(|(_, sum)| *sum) {
                Some((_, sum)) => *sum += effect.by,
                None => left.push((origin, effect.by)),
            }
        }
        left.into_iter().map(|(_, sum)| (-sum).max(0)).sum()
    }
}
