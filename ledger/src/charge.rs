//! Who pays for what was given beyond what there was. Computed from state, never asserted, and the same wherever the
//! same entries are known (spec/value.md, "Charge").
//!
//! While no fault of a feed is proven, all it holds of one commodity of one programme and cycle is one pool: a receipt
//! seen before the `Issue` it stands on must not charge an honest site, and the units are in the budget lot beside it.
//! Once a fork or an insolvency is proven, each lot counts by itself: or what an innocent purse has left would pay for
//! what a thief took from another.

use std::collections::BTreeMap;

use crate::amount::Balance;
use crate::entry::Lot;
use crate::hash::Hash;
use crate::id::{FeedRef, OrgId};
use crate::state::State;
use crate::view::{Fault, LotRow, Pool, PoolKey, TicketRow, View};

/// What is proven against a feed. Where both are, the lower index is what it is known by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proven {
    /// It said two things at this index.
    Fork {
        /// The lowest index shown.
        index: u64,
    },
    /// Its own prefix cannot pay this entry.
    Insolvency {
        /// The entry.
        index: u64,
        /// Why.
        fault: Fault,
    },
}

/// What one organisation owes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charge {
    /// The organisation that certified the node. `None` where no certificate of it is known here.
    pub org: Option<OrgId>,
    /// The node, programme, cycle and commodity.
    pub key: PoolKey,
    /// How much, in minor units. Never nothing.
    pub units: u128,
    /// The fault by which lots are counted one by one. `None` where the pool as a whole is short.
    pub proven: Option<Proven>,
}

/// What is proven against a feed, as far as this state knows.
#[must_use]
pub fn proven(state: &State, feed: &FeedRef) -> Option<Proven> {
    let fork = state.fork_at(feed).map(|index| (index, Proven::Fork { index }));
    let insolvent = state
        .insolvent_at(feed)
        .map(|(at, fault)| (at.index, Proven::Insolvency { index: at.index, fault }));
    fork.into_iter().chain(insolvent).min_by_key(|(index, _)| *index).map(|(_, proven)| proven)
}

/// Everything that is owed, by node, programme, cycle and commodity.
#[must_use]
pub fn charges(state: &State) -> Vec<Charge> {
    let lots = by_lot(state);
    let charge = |(key, pool): (&PoolKey, &Pool)| {
        let proven = proven(state, &FeedRef::value(key.node, key.programme));
        let units = match proven {
            None => pool.lots.plus(pool.arriving).short(),
            Some(_) => {
                let of_key = lots.range((*key, Hash::ZERO)..).take_while(|((k, _), _)| k == key);
                let short = of_key.flat_map(|(_, lots)| lots.iter().map(|lot| lot.short()));
                short.fold(0, u128::saturating_add)
            }
        };
        let org = state.roster().org_of(&key.node);
        (units > 0).then_some(Charge { org, key: *key, units, proven })
    };
    state.pools().filter_map(charge).collect()
}

/// What each lot comes to, by its name. Sends known from tickets only are taken off the lot they name; off nothing,
/// where no such lot is known.
///
/// Several lots may share a name: empty ones of one ticket that was claimed twice where it was not addressed, and
/// refunds of two redemptions at one index of two branches. Of those a send is taken off the least, so that the answer
/// does not depend on which came first.
fn by_lot(state: &State) -> BTreeMap<(PoolKey, Hash), Vec<Balance>> {
    let mut sums: BTreeMap<(PoolKey, Hash), Vec<Balance>> = BTreeMap::new();
    let mut places: BTreeMap<(FeedRef, Lot), Vec<(PoolKey, Hash)>> = BTreeMap::new();
    let key_of = |feed: &FeedRef, lot: &LotRow| {
        let FeedRef { node, programme, .. } = *feed;
        PoolKey { node, programme, cycle: lot.cycle, commodity: lot.commodity }
    };
    for (at, lot) in state.lots() {
        let feed = state.chain(at.chain).feed.short();
        sums.entry((key_of(&feed, lot), lot.origin)).or_default().push(lot.balance);
    }
    // A lot that two branches opened, at two indexes, is named by either: which came first must not matter.
    for (at, lot) in state.places() {
        let feed = state.chain(at.chain).feed.short();
        places.entry((feed, Lot(at.index))).or_default().push((key_of(&feed, lot), lot.origin));
    }
    for (name, ticket) in state.tickets().filter(|(_, ticket)| !ticket.placed) {
        let Some(node) = ticket.from else { continue };
        let TicketRow { programme, cycle, commodity, .. } = *ticket;
        let key = PoolKey { node, programme, cycle, commodity };
        // On a forked feed several branches may have a lot at that index: the least name is taken.
        let at = places.get(&(FeedRef::value(node, programme), ticket.lot)).into_iter().flatten();
        let lot = at.filter(|(of, _)| *of == key).map(|(_, origin)| *origin).min();
        let lots = sums.entry((key, lot.unwrap_or(*name))).or_default();
        match lots.iter_mut().min() {
            Some(least) => *least = least.debit(ticket.amount),
            None => lots.push(Balance::ZERO.debit(ticket.amount)),
        }
    }
    sums
}
