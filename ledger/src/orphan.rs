//! What is known of a feed that burnt without its blocks: entries that merchants and holders can show, each by a
//! promise of its feed or by its place in a block its feed sealed (spec/orphans.md).
//!
//! What was shown is a set of facts, as blocks are: the same facts and blocks come to the same sums in any order. A fact
//! whose block is here counts nothing more. So nothing is stored but the facts; what they come to is computed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Balance};
use crate::block::Header;
use crate::entry::{Entry, Value};
use crate::feed::{leaf, step};
use crate::fold::{budget_name, folded_to, owner_of, redeemed, release_name};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use crate::key::{PublicKey, Signature};
use crate::limits;
use crate::merkle::Path;
use crate::receipt::{Heading, Receipt};
use crate::ticket::{Moved, Promise, Sent, Ticket};
use crate::time::Minute;
use crate::view::{At, Pool, PoolKey, Use, View};
use crate::wire::{Bounded, Bytes};

#[cfg(test)]
pub(crate) mod tests;

/// One entry of another feed, with what its feed signed over it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Shown {
    /// By the promise its till was given: all that is left of an open tail.
    Promised {
        /// Its index.
        index: u64,
        /// The accumulator before it.
        before: Hash,
        /// Its bytes.
        entry: Bytes<{ limits::CARRYING_ENTRY_BYTES }>,
        /// The feed's, in the promise context.
        signature: Signature,
    },
    /// By a receipt: its path in a block the feed sealed.
    Sealed {
        /// Its bytes.
        entry: Bytes<{ limits::CARRYING_ENTRY_BYTES }>,
        /// Its path.
        path: Path,
        /// The block's header, without what the path says already.
        heading: Heading,
        /// The feed's, over the header.
        signature: Signature,
    },
}

impl Shown {
    /// The entry's index in its feed.
    #[must_use]
    pub fn index(&self) -> u64 {
        match self {
            Self::Promised { index, .. } => *index,
            Self::Sealed { path, heading, .. } => {
                heading.first.saturating_add(u64::from(path.index))
            }
        }
    }

    /// The entry's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Promised { entry, .. } | Self::Sealed { entry, .. } => entry,
        }
    }

    /// The accumulator after the entry, which names it. A place in a block does not tell it.
    #[must_use]
    pub fn name(&self) -> Option<Hash> {
        match self {
            Self::Promised { before, entry, .. } => Some(step(before, &leaf(entry))),
            Self::Sealed { .. } => None,
        }
    }

    /// The value entry shown, where it is one.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        match Entry::decode(Lane::Value, self.bytes()) {
            Ok(Entry::Value(value)) => Some(value),
            Ok(Entry::Registry(_) | Entry::Control(_) | Entry::Later(_)) | Err(_) => None,
        }
    }

    /// Whether the node of this key signed it on its value feed for a programme.
    #[must_use]
    pub fn verifies(
        &self,
        federation: &FederationId,
        node: &PublicKey,
        programme: ProgrammeId,
    ) -> bool {
        let feed = FeedId { node: *node, lane: Lane::Value, programme };
        match self {
            Self::Promised { index, before, entry, signature } => {
                let (index, before, signature) = (*index, *before, *signature);
                let promise =
                    Promise { feed: feed.short(), index, before, entry: entry.clone(), signature };
                promise.verifies(federation, node)
            }
            Self::Sealed { entry, path, heading, signature } => {
                let root = path.root(&leaf(entry), u32::from(heading.count));
                let header: Option<Header> = root.map(|root| heading.under(root));
                header
                    .is_some_and(|h| h.check().is_ok() && h.verifies(federation, &feed, signature))
            }
        }
    }
}

impl From<Promise> for Shown {
    fn from(promise: Promise) -> Self {
        let Promise { index, before, entry, signature, .. } = promise;
        Self::Promised { index, before, entry, signature }
    }
}

impl From<Receipt> for Shown {
    fn from(receipt: Receipt) -> Self {
        let Receipt { entry, path, heading, signature, .. } = receipt;
        Self::Sealed { entry, path, heading, signature }
    }
}

/// Entries of a feed that burnt: a redemption first, then what it stands on, as far as that is not known here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Orphan {
    /// The feed's node, by eight bytes of its key. Its feed is the value feed of this entry's own programme.
    pub node: [u8; 8],
    /// The entries.
    pub shown: Bounded<Shown, { limits::SHOWN }>,
    /// The sends that filled their lots, nearest first.
    pub sends: Bounded<Sent, { limits::HOPS }>,
    /// The author's stamp.
    pub at: Minute,
}

/// An entry that was shown, as state keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Its feed.
    pub feed: FeedRef,
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Hash,
    /// Its name, where a promise showed it.
    pub name: Option<Hash>,
    /// What it says.
    pub value: Value,
}

/// The same bytes at one place of a feed, however often they were shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The index.
    pub index: u64,
    /// The leaf.
    pub leaf: Hash,
    /// What it says.
    pub value: Value,
    /// How many entries these are at least: branches may say the same at one place, and promises tell them apart.
    pub copies: u64,
    /// How many of them no block here holds. None where this view has no entries from: whoever has them tells.
    pub missing: u64,
}

/// What a fact that no block bears out does to the sums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effect {
    /// The pool.
    pub key: PoolKey,
    /// The lot, by its index.
    pub lot: u64,
    /// What the lot by itself gains.
    pub by: Balance,
    /// What the pool gains.
    pub pool: Pool,
}

/// What blocks tell of one feed, by index.
pub trait Book {
    /// The entries at an index, one for each chain that has its own.
    fn values(&self, index: u64) -> Vec<Value>;
    /// Whether these are all that blocks say at an index: below where a view begins, they may say what it has not.
    fn tells(&self, index: u64) -> bool;
    /// What redemptions at an index handed out, as far as they moved anything: lot, amount, and of what.
    fn given(&self, index: u64) -> Vec<Given>;
    /// The most that refunds in blocks have given back of the redemption at an index.
    fn refunded(&self, index: u64) -> Amount;
    /// The name of a ticket that is on its way to this feed and that no block has taken up.
    fn coming(&self, sent: &Sent) -> Option<Hash>;
    /// Of what the line of a budget, or a release, is.
    fn voted(&self, ticket: &Ticket) -> Option<(CycleId, CommodityId)>;
}

/// A redemption that moved something: its lot, how much, and of what.
pub type Given = (u64, Amount, (CycleId, CommodityId));

/// A view as the book of one feed.
pub struct Pages<'a> {
    view: &'a dyn View,
    feed: FeedRef,
}

impl<'a> Pages<'a> {
    /// The book of a feed.
    pub const fn new(view: &'a dyn View, feed: FeedRef) -> Self {
        Self { view, feed }
    }

    /// The places at an index, one for each chain that has its own entry there and has folded it.
    pub fn places(&self, index: u64) -> impl Iterator<Item = At> + use<'_, 'a> {
        let own = move |chain| {
            let at = At { chain, index };
            let here = owner_of(self.view, chain, index) == at;
            (here && index < folded_to(self.view, chain)).then_some(at)
        };
        self.view.branches(&self.feed).into_iter().filter_map(own)
    }
}

impl Book for Pages<'_> {
    fn values(&self, index: u64) -> Vec<Value> {
        self.places(index).filter_map(|at| self.view.entry(at)).collect()
    }

    fn tells(&self, index: u64) -> bool {
        let gone = |at: At| index < self.view.floor(at.chain).next && self.view.entry(at).is_none();
        !self.places(index).any(gone)
    }

    fn given(&self, index: u64) -> Vec<Given> {
        let given = self.places(index).filter_map(|at| {
            let (row, amount) = redeemed(self.view, at)?;
            let lot = match self.view.entry(at)? {
                Value::Redeem { lot, .. } => lot.0,
                Value::Post { hold, .. } => {
                    self.view.hold(owner_of(self.view, at.chain, hold))?.lot.index
                }
                _ => return None,
            };
            Some((lot, amount, (row.cycle, row.commodity)))
        });
        given.collect()
    }

    fn coming(&self, sent: &Sent) -> Option<Hash> {
        let name = sent.name(self.feed.programme).ticket();
        let row = self.view.ticket(&name)?;
        (row.to == self.feed.node && row.claimed.is_none()).then_some(name)
    }

    fn refunded(&self, index: u64) -> Amount {
        let refunds = self.places(index).flat_map(|at| self.view.uses(&Use::Redemption(at)));
        let given = refunds.filter_map(|at| match self.view.entry(at)? {
            Value::Refund { amount, .. } => Some(amount),
            _ => None,
        });
        given.max().unwrap_or(Amount::ZERO)
    }

    fn voted(&self, ticket: &Ticket) -> Option<(CycleId, CommodityId)> {
        let name = match ticket {
            Ticket::Budget { epoch, act, line } => budget_name(*epoch, *act, *line),
            Ticket::Release { epoch, act } => release_name(*epoch, *act),
            Ticket::Sent(..) => return None,
        };
        self.view.ticket(&name).map(|row| (row.cycle, row.commodity))
    }
}

/// What was shown of a feed, held against its book.
#[derive(Debug)]
pub struct Facts<'a, B> {
    feed: FeedRef,
    book: &'a B,
    shown: BTreeMap<(u64, Hash), Standing>,
}

impl<'a, B: Book> Facts<'a, B> {
    /// Groups facts of one feed by what they say.
    pub fn new(feed: FeedRef, book: &'a B, facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut names: BTreeMap<(u64, Hash), BTreeSet<Hash>> = BTreeMap::new();
        let mut shown: BTreeMap<(u64, Hash), Standing> = BTreeMap::new();
        for Fact { index, leaf, name, value, .. } in facts {
            names.entry((index, leaf)).or_default().extend(name);
            let fresh = Standing { index, leaf, value, copies: 1, missing: 1 };
            shown.entry((index, leaf)).or_insert(fresh);
        }
        for (key, standing) in &mut shown {
            let named = names.get(key).map_or(0, BTreeSet::len) as u64;
            let held = book.values(key.0).iter().filter(|v| **v == standing.value).count() as u64;
            standing.copies = named.max(1);
            standing.missing =
                if book.tells(key.0) { standing.copies.saturating_sub(held) } else { 0 };
        }
        Self { feed, book, shown }
    }

    /// What was shown, by index.
    pub fn standing(&self) -> impl Iterator<Item = &Standing> {
        self.shown.values()
    }

    /// Everything known to stand at an index, in blocks or shown.
    fn known(&self, index: u64) -> Vec<Value> {
        let shown = self.shown.range((index, Hash::ZERO)..).take_while(|((at, _), _)| *at == index);
        self.book.values(index).into_iter().chain(shown.map(|(_, s)| s.value.clone())).collect()
    }

    /// Of what the units of a lot are, by the entries that opened it. Where branches disagree, the least.
    #[must_use]
    pub fn of_lot(&self, lot: u64) -> Option<(CycleId, CommodityId)> {
        let (mut told, mut asked) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![lot];
        while let Some(index) = open.pop() {
            if !asked.insert(index) {
                continue;
            }
            for value in self.known(index) {
                match value {
                    Value::Claim { ticket, .. } => match &*ticket {
                        Ticket::Sent(Sent { moved: Moved::Send(s), .. }, _) => {
                            told.insert((s.cycle, s.commodity));
                        }
                        Ticket::Sent(Sent { moved: Moved::Cover(c), .. }, _) => {
                            told.insert((c.cycle, c.commodity));
                        }
                        // Nobody may claim what came back.
                        Ticket::Sent(Sent { moved: Moved::Refund { .. }, .. }, _) => {}
                        Ticket::Budget { .. } | Ticket::Release { .. } => {
                            told.extend(self.book.voted(&ticket));
                        }
                    },
                    Value::Issue { from, .. } => open.push(from.0),
                    Value::Refund { redeem, .. } => {
                        for value in self.known(redeem) {
                            match value {
                                Value::Redeem { lot, .. } => open.push(lot.0),
                                Value::Post { hold, .. } => {
                                    open.extend(self.known(hold).iter().filter_map(|v| match v {
                                        Value::Hold { lot, .. } => Some(lot.0),
                                        _ => None,
                                    }));
                                }
                                _ => {}
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        told.first().copied()
    }

    /// The lot and amount of a redemption, through its hold if need be; both stand before it. Where branches disagree,
    /// the least.
    #[must_use]
    pub fn handed_out(&self, standing: &Standing) -> Option<(u64, Amount)> {
        match &standing.value {
            Value::Redeem { lot, amount, .. } | Value::FloatRedeem { lot, amount, .. } => {
                (lot.0 < standing.index).then_some((lot.0, *amount))
            }
            Value::Post { hold, .. } if *hold < standing.index => {
                let holds = self.known(*hold).into_iter().filter_map(|value| match value {
                    Value::Hold { lot, amount, .. } if lot.0 < *hold => Some((lot.0, amount)),
                    _ => None,
                });
                holds.min()
            }
            _ => None,
        }
    }

    /// The merchant of a redemption, by its number among its feed's.
    #[must_use]
    pub fn merchant(&self, value: &Value) -> Option<u32> {
        match value {
            Value::Redeem { merchant, .. } | Value::FloatRedeem { merchant, .. } => Some(*merchant),
            Value::Post { hold, .. } => {
                let holds = self.known(*hold).into_iter().filter_map(|value| match value {
                    Value::Hold { lot, amount, merchant, .. } => Some((lot, amount, merchant)),
                    _ => None,
                });
                holds.min().map(|(_, _, merchant)| merchant)
            }
            _ => None,
        }
    }

    /// What was handed out at an index, by an entry that counts. Where branches disagree, the least; a float's
    /// redemption is never refunded.
    pub(crate) fn given_at(&self, index: u64) -> Option<Given> {
        let shown = self.shown.range((index, Hash::ZERO)..).take_while(|((at, _), _)| *at == index);
        let shown = shown.map(|(_, standing)| standing).filter(|standing| {
            standing.missing > 0 && !matches!(standing.value, Value::FloatRedeem { .. })
        });
        let shown = shown.filter_map(|standing| {
            let (lot, amount) = self.handed_out(standing)?;
            Some((lot, amount, self.of_lot(lot)?))
        });
        self.book.given(index).into_iter().chain(shown).min()
    }

    fn key(&self, (cycle, commodity): (CycleId, CommodityId)) -> PoolKey {
        PoolKey { node: self.feed.node, programme: self.feed.programme, cycle, commodity }
    }

    /// What the facts that no block bears out do to the sums. One of which nobody can say of what its units were does
    /// nothing yet.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut back: BTreeMap<u64, (Amount, u64)> = BTreeMap::new();
        let mut claimed = BTreeSet::new();
        for standing in self.shown.values().filter(|standing| standing.missing > 0) {
            match &standing.value {
                Value::Refund { redeem, amount, .. } if *redeem < standing.index => {
                    let most = back.entry(*redeem).or_insert((*amount, standing.index));
                    *most = (*most).max((*amount, standing.index));
                }
                Value::Issue { from, amount, .. } => {
                    let Some(of) = self.of_lot(from.0) else { continue };
                    let (key, pool) = (self.key(of), Pool::default());
                    let (less, more) = (Balance::ZERO.debit(*amount), Balance::from(*amount));
                    effects.push(Effect { key, lot: from.0, by: less, pool });
                    effects.push(Effect { key, lot: standing.index, by: more, pool });
                }
                Value::Claim { ticket, .. } => {
                    let Some(of) = self.of_lot(standing.index) else { continue };
                    let Ticket::Sent(sent, _) = &**ticket else { continue };
                    let name = self.book.coming(sent);
                    if !name.is_some_and(|name| claimed.insert(name)) {
                        continue;
                    }
                    let amount = match &sent.moved {
                        Moved::Send(send) => send.amount,
                        Moved::Cover(cover) => cover.amount,
                        Moved::Refund { .. } => continue,
                    };
                    let (key, pool) = (self.key(of), Pool::default());
                    effects.push(Effect { key, lot: standing.index, by: amount.into(), pool });
                }
                _ => {
                    let Some((lot, amount)) = self.handed_out(standing) else { continue };
                    let Some(of) = self.of_lot(lot) else { continue };
                    for _ in 0..standing.missing {
                        effects.push(self.moved(of, lot, Balance::ZERO.debit(amount)));
                    }
                }
            }
        }
        for (redeem, (amount, index)) in back {
            // Only of a redemption that is known itself: or a refund would pay for others.
            let Some((_, given, of)) = self.given_at(redeem) else { continue };
            let more = amount.min(given).minus(self.book.refunded(redeem));
            if let Some(more) = more.filter(|more| *more > Amount::ZERO) {
                effects.push(self.moved(of, index, more.into()));
            }
        }
        effects
    }

    fn moved(&self, of: (CycleId, CommodityId), lot: u64, by: Balance) -> Effect {
        let redeemed = Balance::of(by.units().saturating_neg());
        let pool = Pool { lots: by, redeemed, ..Pool::default() };
        Effect { key: self.key(of), lot, by, pool }
    }
}

/// What was shown of a feed, held against what a view knows of it.
pub fn facts<'a>(view: &dyn View, book: &'a Pages<'a>) -> Facts<'a, Pages<'a>> {
    Facts::new(book.feed, book, view.shown(&book.feed))
}

/// What everything that was shown of a feed, and that no block bears out, does to its pools: to be added to them
/// wherever what the feed holds is asked for.
#[must_use]
pub fn pools(view: &dyn View, feed: &FeedRef) -> BTreeMap<PoolKey, Pool> {
    let mut sums: BTreeMap<PoolKey, Pool> = BTreeMap::new();
    if view.shown(feed).is_empty() {
        return sums;
    }
    let book = Pages::new(view, *feed);
    for Effect { key, pool, .. } in facts(view, &book).effects() {
        let sum = sums.entry(key).or_default();
        *sum = sum.plus(pool);
    }
    sums.retain(|_, pool| *pool != Pool::default());
    sums
}

/// The lowest index at which something was shown that a chain of the feed, folded beyond it, does not have: the feed said
/// two things there.
#[must_use]
pub fn contradicted(view: &dyn View, feed: &FeedRef) -> Option<u64> {
    contradicts(view, feed, view.shown(feed))
}

/// As [`contradicted`], by some of what was shown: all that is shown at one index tells whether it is contradicted there.
#[must_use]
pub fn contradicts(view: &dyn View, feed: &FeedRef, shown: Vec<Fact>) -> Option<u64> {
    if shown.is_empty() {
        return None;
    }
    let chains = view.branches(feed).into_iter();
    let reached = chains.map(|chain| folded_to(view, chain)).max()?;
    let book = Pages::new(view, *feed);
    let facts = Facts::new(*feed, &book, shown);
    let missing = facts.standing().filter(|s| s.missing > 0 && s.index < reached);
    missing.map(|standing| standing.index).min()
}
