//! Who pays for what was given beyond what there was. Computed from state, never asserted, and the same wherever the
//! same entries are known (spec/value.md, "Charge").
//!
//! While no fault of a feed is proven, all it holds of one commodity of one programme and cycle is one pool: a receipt
//! seen before the `Issue` it stands on must not charge an honest site, and the units are in the budget lot beside it.
//! Once a fork or an insolvency is proven, each lot counts by itself: or what an innocent purse has left would pay for
//! what a thief took from another.

use std::collections::BTreeMap;

use crate::amount::{Amount, Balance};
use crate::cut;
use crate::entry::{Lot, Send, Value};
use crate::fold::{owner_of, redeemed};
use crate::hash::{Hash, Purpose, hash};
use crate::id::{FeedRef, OrgId};
use crate::orphan::{self, Fact, Given, Pages};
use crate::state::State;
use crate::suspense;
use crate::ticket::Moved;
use crate::view::{At, ChainNo, Fault, LotRow, PoolKey, TicketRow, Use, View};

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
    let (lots, came_back) = (by_lot(state), came_back(state));
    let mut charges = Vec::new();
    for (key, pool) in &state.whole_pools() {
        let proven = proven(state, &FeedRef::value(key.node, key.programme));
        let lacks = pool.lots.plus(pool.arriving).short();
        let units = match proven {
            None => lacks.saturating_sub(came_back.get(key).copied().unwrap_or(0)),
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
        let all = suspense::released(state, key).units().unsigned_abs();
        for (heard, units) in shares(units, heard(state, key)) {
            let org = state.roster().org_of(&heard.unwrap_or(key.node));
            charges.push(Charge { org, key: *key, units, proven, released: all.min(units), heard });
        }
    }
    charges
}

/// What tickets tell of goods that came back, beyond what is known of their senders' feeds: it moves no sum until its
/// block is here, but nobody is charged for it.
///
/// Of one redemption, which must be known by its block or by being shown, the larger: no more than was given, and once.
/// Where the redemption is not known, it has not left the pool either.
#[must_use]
pub fn came_back(state: &State) -> BTreeMap<PoolKey, u128> {
    let mut most: BTreeMap<(FeedRef, u64), (PoolKey, Amount)> = BTreeMap::new();
    for (programme, hop) in state.carried() {
        let Moved::Refund { redeem, amount, .. } = hop.moved else { continue };
        let feed = FeedRef::value(hop.node, programme);
        // Of a feed that forked each lot counts by itself, and which chain it is of cannot be told.
        let chain = match state.branches(&feed)[..] {
            [] => None,
            [chain] => Some(chain),
            _ => continue,
        };
        let known = chain.map_or(0, |chain| state.head(chain).next);
        if hop.index < known || hop.index <= redeem || !state.signed(hop, programme) {
            continue;
        }
        let again =
            |fact: &Fact| matches!(fact.value, Value::Refund { redeem: of, .. } if of == redeem);
        // Shown besides: then it counts as that.
        if state.shown(&feed).iter().any(again) {
            continue;
        }
        let given = match chain.filter(|_| redeem < known) {
            Some(chain) => unrefunded(state, At { chain, index: redeem }),
            None => orphan::facts(state, &Pages::new(state, feed)).given_at(redeem),
        };
        let Some((_, given, (cycle, commodity))) = given else { continue };
        let key = PoolKey { node: hop.node, programme, cycle, commodity };
        let (_, so_far) = most.entry((feed, redeem)).or_insert((key, Amount::ZERO));
        *so_far = amount.min(given).max(*so_far);
    }
    let mut sums: BTreeMap<PoolKey, u128> = BTreeMap::new();
    for (key, amount) in most.into_values() {
        let sum = sums.entry(key).or_default();
        *sum = sum.saturating_add(u128::from(amount.units()));
    }
    sums
}

/// A redemption in a block of which no block gave anything back.
fn unrefunded(state: &State, redeem: At) -> Option<Given> {
    let (lot, given) = redeemed(state, redeem)?;
    let of = (lot.cycle, lot.commodity);
    state.uses(&Use::Redemption(redeem)).is_empty().then_some((redeem.index, given, of))
}

/// What nodes took up of a feed's tickets from above a fence, in blocks whose authors had heard of that fence, and did
/// not send back: in the order of the tickets' names, each node once.
fn heard(state: &State, key: &PoolKey) -> Vec<([u8; 8], u128)> {
    let feed = FeedRef::value(key.node, key.programme);
    if state.charter().fences(&feed).is_empty() {
        return Vec::new();
    }
    let taken = state.tickets().filter(|(name, row)| {
        let knew = || took_knowing(state, name, row);
        is_of(key, row)
            && row.claimed.is_some()
            && cut::heard_from(state, &feed, row.index, row.placed)
                .is_some_and(|epoch| knew().is_some_and(|k| state.charter().had_heard(epoch, k)))
    });
    each_once(taken.map(|(_, row)| row))
}

/// Whether a ticket draws on a pool.
pub(crate) fn is_of(key: &PoolKey, row: &TicketRow) -> bool {
    row.from == Some(key.node)
        && (row.programme, row.cycle, row.commodity) == (key.programme, key.cycle, key.commodity)
}

/// How much of the charter the author of a block knew that takes a ticket up, where it is not sent back. A forked claimer
/// may have taken it up on several branches: the most of them, whichever is known first. None where what stands beside
/// the claim lies below what is here: neither its block nor whether it was sent back can be told.
pub(crate) fn took_knowing(view: &dyn View, name: &Hash, row: &TicketRow) -> Option<u32> {
    let uses = view.uses(&Use::Ticket(*name)).into_iter();
    let here = uses.filter(|at| at.index >= view.floor(at.chain).next);
    here.filter(|at| !declined(view, *at, row)).map(|at| knew(view, at)).max()
}

/// What tickets come to by the nodes they went to, each node where it is met first.
pub(crate) fn each_once<'a>(taken: impl Iterator<Item = &'a TicketRow>) -> Vec<([u8; 8], u128)> {
    let mut sums: Vec<([u8; 8], u128)> = Vec::new();
    for row in taken {
        let units = u128::from(row.amount.units());
        match sums.iter_mut().find(|(node, _)| *node == row.to) {
            Some((_, sum)) => *sum = sum.saturating_add(units),
            None => sums.push((row.to, units)),
        }
    }
    sums
}

/// Splits what is owed for a pool: first those who took up what they had heard of, each at most what is left, then the
/// feed's own organisation (`None`). No share is nothing.
pub(crate) fn shares(
    units: u128,
    heard: Vec<([u8; 8], u128)>,
) -> impl Iterator<Item = (Option<[u8; 8]>, u128)> {
    let mut left = units;
    let mut share = move |units: u128| {
        let units = units.min(left);
        left = left.saturating_sub(units);
        units
    };
    let takers = heard.into_iter().map(|(node, taken)| (Some(node), taken));
    let all = takers.chain([(None, u128::MAX)]).map(move |(node, units)| (node, share(units)));
    all.filter(|(_, units)| *units > 0)
}

/// How much of the charter the author of an entry's block knew, by the author's own word. In an open tail: all of it.
///
/// A copy of a feed may seal again what was sealed before, and say that it knows more: the newest word counts, whichever
/// of the blocks is known first.
fn knew(view: &dyn View, at: At) -> u32 {
    let feed = view.chain(at.chain).feed.short();
    let sees = |chain: &ChainNo| owner_of(view, *chain, at.index) == at;
    let blocks = view.branches(&feed).into_iter().filter(sees);
    let epochs = blocks.filter_map(|chain| view.sealed_over(At { chain, ..at }));
    epochs.map(|sealed| sealed.epoch).max().unwrap_or(view.charter().epoch())
}

/// Whether a claim is followed by a send of all of it to where it came from.
fn declined(view: &dyn View, claim: At, row: &TicketRow) -> bool {
    let feed = view.chain(claim.chain).feed.short();
    let back = |chain| {
        let next = owner_of(view, chain, claim.index.saturating_add(1));
        let follows = owner_of(view, chain, claim.index) == claim;
        follows
            && matches!(view.entry(next), Some(Value::Send(Send { from, to, amount, .. }))
                if from == Lot(claim.index) && Some(to) == row.from && amount == row.amount)
    };
    view.branches(&feed).into_iter().any(back)
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
    for feed in state.shown_feeds() {
        let book = Pages::new(state, *feed);
        for effect in orphan::facts(state, &book).effects() {
            let at = places.get(&(*feed, Lot(effect.lot))).into_iter().flatten();
            let lot = at.filter(|(of, _)| *of == effect.key).map(|(_, origin)| *origin).min();
            let lot = lot.unwrap_or_else(|| shown_lot(feed, effect.lot));
            let lots = sums.entry((effect.key, lot)).or_default();
            match lots.iter_mut().min() {
                Some(least) => *least = least.plus(effect.by),
                None => lots.push(effect.by),
            }
        }
    }
    sums
}

/// The name of a lot that is itself known only because it was shown.
pub(crate) fn shown_lot(feed: &FeedRef, lot: u64) -> Hash {
    let parts: [&[u8]; 3] = [&feed.node, &feed.programme.0.to_be_bytes(), &lot.to_be_bytes()];
    hash(Purpose::Orphan, &parts)
}
