//! Who pays for what was given beyond what there was. Computed from state, never asserted, and the same wherever the
//! same entries are known (spec/value.md, "Charge").
//!
//! While no fault of a feed is proven, all it holds of one commodity of one programme and cycle is one pool: a receipt
//! seen before the `Issue` it stands on must not charge an honest site, and the units are in the budget lot beside it.
//! Once a fork or an insolvency is proven, each lot counts by itself: or what an innocent purse has left would pay for
//! what a thief took from another.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Balance;
use crate::cut::{self, Stands};
use crate::entry::{Lot, Send, Value};
use crate::fold::owner_of;
use crate::hash::Hash;
use crate::id::{FeedRef, OrgId};
use crate::state::State;
use crate::suspense;
use crate::view::{At, Fault, LotRow, PoolKey, TicketRow, Use, View};

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
    /// Of it, at most so much because a quorum released units of the pool: before the feed's end it takes that risk.
    pub released: u128,
    /// The node that took up tickets from above a fence it had heard of, and whose organisation owes this in the place
    /// of the sender's. `None` where the sender's own organisation owes it.
    pub heard: Option<[u8; 8]>,
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
    let mut charges = Vec::new();
    for (key, pool) in state.pools() {
        let proven = proven(state, &FeedRef::value(key.node, key.programme));
        let lacks = pool.lots.plus(pool.arriving).short();
        let units = match proven {
            None => lacks,
            Some(_) => {
                let of_key = lots.range((*key, Hash::ZERO)..).take_while(|((k, _), _)| k == key);
                let short = of_key.flat_map(|(_, lots)| lots.iter().map(|lot| lot.short()));
                // A release left the pool, and no lot by name.
                short.fold(0, u128::saturating_add).max(lacks)
            }
        };
        if units == 0 {
            continue;
        }
        let released = suspense::released(state, key).units().unsigned_abs();
        let mut left = units;
        let mut owes = |node: [u8; 8], units: u128, heard| {
            let org = state.roster().org_of(&node);
            let released = released.min(units);
            charges.push(Charge { org, key: *key, units, proven, released, heard });
        };
        for (node, taken) in heard(state, key) {
            let units = taken.min(left);
            left = left.saturating_sub(units);
            if units > 0 {
                owes(node, units, Some(node));
            }
        }
        if left > 0 {
            owes(key.node, left, None);
        }
    }
    charges
}

/// What nodes took up of a feed's tickets from above its fence, in blocks whose authors had heard of the fence, and did
/// not send back: in the order of the tickets' names, each node once.
fn heard(state: &State, key: &PoolKey) -> Vec<([u8; 8], u128)> {
    let feed = FeedRef::value(key.node, key.programme);
    let Some(epoch) = cut::fenced_from(state.charter(), &feed) else { return Vec::new() };
    let of_key = |row: &TicketRow| {
        row.from == Some(key.node)
            && (row.programme, row.cycle, row.commodity)
                == (key.programme, key.cycle, key.commodity)
    };
    let mut taken: Vec<([u8; 8], u128)> = Vec::new();
    for (name, row) in state.tickets().filter(|(_, row)| of_key(row) && row.claimed.is_some()) {
        if cut::stands_named(state, &feed, row.index, name) != Stands::Above {
            continue;
        }
        let knew = |at: &At| knew(state, *at) >= epoch && !declined(state, *at, row);
        // A forked claimer may have taken it up on several branches: one of them is enough, whichever is known first.
        if state.uses(&Use::Ticket(*name)).iter().any(knew) {
            let units = u128::from(row.amount.units());
            match taken.iter_mut().find(|(node, _)| *node == row.to) {
                Some((_, sum)) => *sum = sum.saturating_add(units),
                None => taken.push((row.to, units)),
            }
        }
    }
    taken
}

/// How much of the charter the author of an entry's block knew, by the author's own word. In an open tail: all of it.
fn knew(state: &State, at: At) -> u32 {
    state.sealed_over(at).map_or(state.charter().epoch(), |sealed| sealed.epoch)
}

/// Whether a claim is followed by a send of all of it to where it came from.
fn declined(state: &State, claim: At, row: &TicketRow) -> bool {
    let feed = state.chain(claim.chain).feed.short();
    let chains: BTreeSet<_> = state.branches(&feed).into_iter().collect();
    let back = |chain| {
        let next = owner_of(state, chain, claim.index.saturating_add(1));
        let follows = owner_of(state, chain, claim.index) == claim;
        follows
            && matches!(state.entry(next), Some(Value::Send(Send { from, to, amount, .. }))
                if from == Lot(claim.index) && Some(to) == row.from && amount == row.amount)
    };
    chains.into_iter().any(back)
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
