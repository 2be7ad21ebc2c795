//! State in ordered maps: what proofs, audits and models fold into. A node keeps the same rows in its store.
//!
//! [`root`] is defined here, for all of them: one hash over the rows that follow from the known entries, in an order
//! and in words that do not depend on who computes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Balance;
use crate::block::{BlockFault, Header, Verified};
use crate::charter::Charter;
use crate::consent::Told;
use crate::day::DayRow;
use crate::entry::{CarrierKind, Entry, Value};
use crate::feed::Head;
use crate::fold::{self, Place, covers};
use crate::fork::{self, Borne};
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, CommodityId, FederationId, FeedId, FeedRef, Lane, MerchantId,
    ProgrammeId, Pseudonym,
};
use crate::key::PublicKey;
use crate::leaf::{self, Leaf};
use crate::list::List;
use crate::notice::Roster;
use crate::orphan::{self, Fact};
use crate::settlement::SettlementRow;
use crate::ticket::Sent;
use crate::time::Minute;
use crate::view::{
    At, Chain, ChainNo, Change, ClockWord, Fault, FloatRow, FloatSpan, HoldRow, LotRow, Pool,
    PoolKey, Revocation, Sealed, Slot, TicketRow, Use, View,
};

mod offices;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use offices::Offices;
pub use rows::{
    cancelled_bytes, carrier_bytes, clock_word_bytes, day_bytes, end_bytes, enrolled_bytes,
    float_bytes, list_bytes, lot_bytes, pool_bytes, revocation_bytes, root, settlement_bytes,
    shown_bytes, table, ticket_bytes, told_bytes,
};

/// Says whether a key signed a send: [`Sent::verifies`], or what somebody remembers of its answers.
pub type SendCheck = fn(&Sent, &FederationId, &PublicKey, ProgrammeId) -> bool;

/// Index, leaf and name of an entry that was shown.
type Shown = (u64, Hash, Option<Hash>);

/// Everything that follows from a charter, a set of notices and a set of entries.
#[derive(Clone, Debug)]
pub struct State {
    charter: Charter,
    roster: Roster,
    chains: Vec<Known>,
    trunks: BTreeMap<FeedId, ChainNo>,
    slots: BTreeMap<At, Slot>,
    pools: BTreeMap<PoolKey, Pool>,
    tickets: BTreeMap<Hash, TicketRow>,
    holds: BTreeMap<At, HoldRow>,
    uses: BTreeMap<Use, Vec<At>>,
    floats: BTreeMap<Hash, FloatRow>,
    lists: BTreeMap<([u8; 8], u64), List>,
    enrolled: BTreeSet<(ProgrammeId, Pseudonym)>,
    carriers: BTreeMap<(ProgrammeId, CarrierId, Pseudonym), CarrierKind>,
    cancelled: BTreeSet<(ProgrammeId, CarrierId, Option<At>)>,
    waiting: BTreeSet<([u8; 8], At)>,
    faults: BTreeSet<(At, Fault)>,
    revocations: BTreeSet<Revocation>,
    ended: BTreeMap<At, Hash>,
    halted: BTreeMap<ChainNo, u64>,
    clock_words: BTreeSet<ClockWord>,
    /// What was said about people, by the bytes of its row.
    told: BTreeMap<Vec<u8>, Told>,
    /// The value entries later ones refer back to.
    entries: BTreeMap<At, Value>,
    /// The accumulator after each entry of a value feed.
    names: BTreeMap<At, Hash>,
    /// Entries shown by others: of a feed, by index, leaf and name.
    shown: BTreeMap<FeedRef, BTreeMap<Shown, Value>>,
    offices: Offices,
    /// Forks shown by statements that are not blocks of this state: the lowest index of each feed.
    forks: BTreeMap<FeedRef, u64>,
    /// Sends known from tickets only, by feed and index.
    unplaced: BTreeSet<(FeedRef, u64, Hash)>,
    check: SendCheck,
}

/// Why a block is not the next of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// It does not begin where the chain stands.
    #[error("the block begins at {found:?}, the chain stands at {stands:?}")]
    Gap {
        /// Where the chain stands.
        stands: Head,
        /// Where the block begins.
        found: Head,
    },
    /// Its author knew articles that are not known here: they come first.
    #[error("the block's author knew the charter up to epoch {0}: learn that first")]
    Epoch(u32),
    /// It holds an entry of a later kind that no article known to its author has brought in.
    #[error(transparent)]
    Kind(BlockFault),
}

#[derive(Clone, Debug)]
struct Known {
    chain: Chain,
    head: Head,
    last_stamp: Minute,
    /// The newest stamp after each index at which it rose: what a branch begins with.
    stamps: Vec<(u64, Minute)>,
    /// The merchants named in this chain itself, each with its index.
    merchants: Vec<(u64, MerchantId)>,
    /// Its own sealed blocks, in order.
    sealed: Vec<Sealed>,
}

impl State {
    /// The state of a charter and its notices before any entry: every budget is on its way to its treasury.
    #[must_use]
    pub fn new(charter: Charter, roster: Roster) -> Self {
        let mut state = Self {
            charter,
            roster,
            chains: Vec::new(),
            trunks: BTreeMap::new(),
            slots: BTreeMap::new(),
            pools: BTreeMap::new(),
            tickets: BTreeMap::new(),
            holds: BTreeMap::new(),
            uses: BTreeMap::new(),
            floats: BTreeMap::new(),
            lists: BTreeMap::new(),
            enrolled: BTreeSet::new(),
            carriers: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            waiting: BTreeSet::new(),
            faults: BTreeSet::new(),
            revocations: BTreeSet::new(),
            ended: BTreeMap::new(),
            halted: BTreeMap::new(),
            clock_words: BTreeSet::new(),
            told: BTreeMap::new(),
            entries: BTreeMap::new(),
            names: BTreeMap::new(),
            shown: BTreeMap::new(),
            offices: Offices::default(),
            forks: BTreeMap::new(),
            unplaced: BTreeSet::new(),
            check: Sent::verifies,
        };
        for epoch in 0..=state.charter.epoch() {
            for change in fold::voted(&state.charter, epoch) {
                state.apply(change);
            }
        }
        state
    }

    /// Asks `check` from now on whether sends are signed. For who folds the same entries again and again, and remembers
    /// what [`Sent::verifies`] said of each: nine of ten verifications of a simulated federation were of one that had been
    /// made before.
    #[must_use]
    pub fn checking(mut self, check: SendCheck) -> Self {
        self.check = check;
        self
    }

    /// Learns further articles: `charter` is the one known, with more of them.
    ///
    /// Where one of them heals a fork of the charter, what was folded before may mean something else: fold the blocks
    /// into a new state then ([`crate::charter::Healed`]).
    pub fn enact(&mut self, charter: Charter) {
        let known = self.charter.epoch();
        self.charter = charter;
        for epoch in known.saturating_add(1)..=self.charter.epoch() {
            for change in fold::voted(&self.charter, epoch) {
                self.apply(change);
            }
        }
    }

    /// The chain of a feed, made if it is new.
    pub fn trunk(&mut self, feed: &FeedId) -> ChainNo {
        if let Some(chain) = self.trunks.get(feed) {
            return *chain;
        }
        let head = Head::start(&self.charter.federation(), feed);
        let chain = self.add_chain(Chain { feed: *feed, left: None }, head);
        self.trunks.insert(*feed, chain);
        chain
    }

    /// A branch that leaves another chain of the same feed, with the head it has there: `left` is the place, in that
    /// chain, of the first entry they do not share.
    pub fn branch(&mut self, left: At, head: Head) -> ChainNo {
        let feed = self.chain(left.chain).feed;
        // The chain that holds the last shared entry, which a branch of a branch may have left earlier.
        let shared = left.index.checked_sub(1).map(|last| fold::owner_of(self, left.chain, last));
        let left = At { chain: shared.map_or(left.chain, |at| at.chain), index: left.index };
        let stamp = self.chains.get(left.chain.0 as usize).and_then(|known| {
            let below = known.stamps.partition_point(|(index, _)| *index < left.index);
            below.checked_sub(1).and_then(|last| known.stamps.get(last)).map(|(_, stamp)| *stamp)
        });
        let chain = self.add_chain(Chain { feed, left: Some(left) }, head);
        if let (Some(known), Some(stamp)) = (self.chains.get_mut(chain.0 as usize), stamp) {
            known.last_stamp = stamp;
            known.stamps.push((0, stamp));
        }
        chain
    }

    /// Folds a whole block at the end of a chain.
    ///
    /// # Errors
    ///
    /// [`ChainFault`]: nothing was folded.
    pub fn fold_block(&mut self, chain: ChainNo, block: &Verified) -> Result<(), ChainFault> {
        let (stands, found) = (self.head(chain), block.header().start());
        if stands != found {
            return Err(ChainFault::Gap { stands, found });
        }
        let epoch = block.header().epoch;
        if epoch > self.charter.epoch() {
            return Err(ChainFault::Epoch(epoch));
        }
        self.charter.check_kinds(epoch, block.entries()).map_err(ChainFault::Kind)?;
        for placed in block.entries() {
            self.fold(chain, placed.accumulator, &placed.entry);
        }
        self.seal(chain, block.header());
        Ok(())
    }

    /// Notes that entries folded one by one are a sealed block of their chain.
    pub fn seal(&mut self, chain: ChainNo, header: &Header) {
        let (seq, hash, first, epoch) = (header.seq, header.hash(), header.first, header.epoch);
        let sealed = Sealed { seq, hash, first, next: header.end().next, epoch };
        if let Some(known) = self.chains.get_mut(chain.0 as usize) {
            known.sealed.push(sealed);
        }
    }

    /// Learns that a feed said two things at an index, by statements that are not blocks of this state.
    pub fn note_fork(&mut self, feed: FeedRef, index: u64) {
        let lowest = self.forks.entry(feed).or_insert(index);
        *lowest = index.min(*lowest);
    }

    /// The lowest index at which a feed is shown to have said two things: two branches, a noted fork, or a ticket, or a
    /// refund in one, that it signed for a place where its chain has something else.
    #[must_use]
    pub fn fork_at(&self, feed: &FeedRef) -> Option<u64> {
        let of = |known: &&Known| known.chain.feed.short() == *feed;
        let branches = self.chains.iter().filter(of).filter_map(|known| known.chain.left);
        let chains = self.branches(feed).into_iter();
        let reached = chains.map(|chain| fold::folded_to(self, chain)).max();
        let from = (*feed, 0, Hash::ZERO);
        let lowest = self.unplaced.range(from..).next().filter(|(of, ..)| of == feed);
        let missing = lowest.map(|(_, index, _)| *index).filter(|i| Some(*i) < reached);
        let shown = orphan::contradicted(self, feed);
        let noted = self.forks.get(feed).copied();
        let refunds = self.carried().filter(|(programme, sent)| {
            fork::is_refund(sent)
                && FeedRef::value(sent.node, *programme) == *feed
                && fork::borne(self, *programme, sent) == Borne::Denied
        });
        let denied = refunds.map(|(_, sent)| sent.index);
        let left = branches.map(|left| left.index);
        left.chain(missing).chain(shown).chain(noted).chain(denied).min()
    }

    /// The first entry of a feed that its own prefix cannot pay.
    #[must_use]
    pub fn insolvent_at(&self, feed: &FeedRef) -> Option<(At, Fault)> {
        let of = |at: &At| self.chain(at.chain).feed.short() == *feed;
        let proven = self.faults.iter().filter(|(at, fault)| fault.proves_insolvency() && of(at));
        proven.min_by_key(|(at, fault)| (at.index, *fault)).copied()
    }

    fn add_chain(&mut self, chain: Chain, head: Head) -> ChainNo {
        let number = ChainNo(u32::try_from(self.chains.len()).unwrap_or(u32::MAX));
        let (stamps, merchants, sealed) = (Vec::new(), Vec::new(), Vec::new());
        let known = Known { chain, head, last_stamp: Minute(0), stamps, merchants, sealed };
        self.chains.push(known);
        number
    }

    /// What claims and orphans carry of other feeds, and what the claims carry that others have shown; with the programme.
    pub(crate) fn carried(&self) -> impl Iterator<Item = (ProgrammeId, &Sent)> {
        let in_blocks = self.entries.iter().flat_map(|(at, value)| {
            let programme = self.chain(at.chain).feed.programme;
            fork::carried(value).map(move |sent| (programme, sent))
        });
        let shown = self.shown.iter().flat_map(|(feed, facts)| {
            facts.values().flat_map(fork::carried).map(move |sent| (feed.programme, sent))
        });
        in_blocks.chain(shown)
    }

    /// Every chain, in the order in which they were first met.
    pub fn chains(&self) -> impl Iterator<Item = ChainNo> + use<> {
        (0..u32::try_from(self.chains.len()).unwrap_or(u32::MAX)).map(ChainNo)
    }

    /// Folds the next entry of a chain.
    pub fn fold(&mut self, chain: ChainNo, accumulator: Hash, entry: &Entry) {
        let feed = self.chain(chain).feed;
        let at = At { chain, index: self.head(chain).next };
        let last_stamp = self.last_stamp(chain);
        let place = Place { feed, at, accumulator, last_stamp };
        for change in fold::fold(self, &place, entry) {
            self.apply(change);
        }
        let halted = fold::halted_before(self, at);
        if feed.lane == Lane::Value && !halted {
            self.names.insert(at, accumulator);
            if let Entry::Value(value) = entry {
                self.entries.insert(at, value.clone());
            }
        }
        if let Some(known) = self.chains.get_mut(chain.0 as usize) {
            known.head = Head { next: at.index.saturating_add(1), accumulator };
            known.last_stamp = last_stamp.max(entry.stamp().unwrap_or(last_stamp));
            if known.last_stamp > last_stamp {
                known.stamps.push((at.index, known.last_stamp));
            }
        }
    }

    /// Applies one change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Slot(at, slot) => {
                self.slots.insert(at, slot);
            }
            Change::Pool(key, by) => {
                let pool = self.pools.entry(key).or_default();
                *pool = pool.plus(by);
            }
            Change::Ticket(name, row) => {
                if let Some(node) = row.from {
                    let place = (FeedRef::value(node, row.programme), row.index, name);
                    if row.placed {
                        self.unplaced.remove(&place);
                    } else {
                        self.unplaced.insert(place);
                    }
                }
                self.tickets.insert(name, row);
            }
            Change::Hold(at, row) => {
                self.holds.insert(at, row);
            }
            Change::Used(what, at) => self.uses.entry(what).or_default().push(at),
            Change::Float(name, row) => {
                self.floats.insert(name, row);
            }
            Change::Merchant(chain, merchant) => {
                if let Some(known) = self.chains.get_mut(chain.0 as usize) {
                    known.merchants.push((known.head.next, merchant));
                }
            }
            Change::List(node, index, list) => {
                self.lists.insert((node, index), *list);
            }
            Change::Enrolled(programme, pseudonym) => {
                self.enrolled.insert((programme, pseudonym));
            }
            Change::CarrierBound(programme, carrier, pseudonym, kind) => {
                let known = self.carriers.entry((programme, carrier, pseudonym)).or_insert(kind);
                *known = kind.min(*known);
            }
            Change::CarrierCancelled(programme, carrier, at) => {
                self.cancelled.insert((programme, carrier, at));
            }
            Change::Waiting(node, at) => {
                self.waiting.insert((node, at));
            }
            Change::Shown(fact) => {
                let Fact { feed, index, leaf, name, value } = *fact;
                self.shown.entry(feed).or_default().insert((index, leaf, name), value);
            }
            Change::Day(..) | Change::Line { .. } | Change::Settlement(..) => {
                self.offices.set(&change);
            }
            Change::Fault(at, fault) => {
                if fault == Fault::Halted {
                    self.halted.entry(at.chain).or_insert(at.index);
                }
                self.faults.insert((at, fault));
            }
            Change::Revoked(revocation) => {
                self.revocations.insert(revocation);
            }
            Change::Ended(at, accumulator) => {
                self.ended.insert(at, accumulator);
            }
            Change::ClockAnswered(word) => {
                self.clock_words.insert(word);
            }
            Change::Told(told) => {
                self.told.insert(told_bytes(&told), told);
            }
        }
    }

    /// The merchants a chain has named below an index, its latest own ones first, then those it shares.
    fn merchants_below(&self, chain: ChainNo, index: u64) -> impl Iterator<Item = MerchantId> {
        let mut next = Some((chain, index));
        let step = move || {
            let (chain, below) = next?;
            let known = self.chains.get(chain.0 as usize)?;
            next = known.chain.left.map(|left| (left.chain, left.index.min(below)));
            Some(known.merchants.iter().filter(move |(at, _)| *at < below).map(|(_, m)| *m))
        };
        std::iter::from_fn(step).flatten()
    }

    /// The merchants a chain names below an index, by number.
    fn merchants_in_order(&self, chain: ChainNo, below: u64) -> Vec<MerchantId> {
        let Some(known) = self.chains.get(chain.0 as usize) else { return Vec::new() };
        let left = known.chain.left;
        let shared = left.map(|left| self.merchants_in_order(left.chain, left.index.min(below)));
        let mut all = shared.unwrap_or_default();
        all.extend(known.merchants.iter().filter(|(at, _)| *at < below).map(|(_, m)| *m));
        all
    }

    /// The pools, in order, as blocks and tickets tell. What was shown of feeds that burnt is in
    /// [`State::whole_pools`].
    pub fn pools(&self) -> impl Iterator<Item = (&PoolKey, &Pool)> {
        self.pools.iter()
    }

    /// The pools, in order, with what was shown of feeds whose blocks are not here: what each place holds or is owed.
    #[must_use]
    pub fn whole_pools(&self) -> BTreeMap<PoolKey, Pool> {
        let mut pools = self.pools.clone();
        for feed in self.shown.keys() {
            for (key, by) in orphan::pools(self, feed) {
                let pool = pools.entry(key).or_default();
                *pool = pool.plus(by);
            }
        }
        pools
    }

    /// The feeds of which others have shown entries.
    pub fn shown_feeds(&self) -> impl Iterator<Item = &FeedRef> {
        self.shown.keys()
    }

    /// The settlements, by the place of their drafts.
    pub fn settlements(&self) -> impl Iterator<Item = (&At, &SettlementRow)> {
        self.offices.settlements.iter()
    }

    /// The lots, in order of place.
    pub fn lots(&self) -> impl Iterator<Item = (&At, &LotRow)> {
        self.slots.iter().filter_map(|(at, slot)| match slot {
            Slot::Lot(row) => Some((at, row)),
            Slot::Same(_) => None,
        })
    }

    /// Every place that leads to a lot, with that lot: where it was opened, and where a second branch opened it again.
    pub fn places(&self) -> impl Iterator<Item = (&At, &LotRow)> {
        self.slots.iter().filter_map(|(at, slot)| match slot {
            Slot::Lot(row) => Some((at, row)),
            Slot::Same(first) => match self.slots.get(first) {
                Some(Slot::Lot(row)) => Some((at, row)),
                Some(Slot::Same(_)) | None => None,
            },
        })
    }

    /// The tickets, by name.
    pub fn tickets(&self) -> impl Iterator<Item = (&Hash, &TicketRow)> {
        self.tickets.iter()
    }

    /// The float redemptions, by name.
    pub fn floats(&self) -> impl Iterator<Item = (&Hash, &FloatRow)> {
        self.floats.iter()
    }

    /// The faults noted, by place.
    pub fn faults(&self) -> impl Iterator<Item = &(At, Fault)> {
        self.faults.iter()
    }

    /// What was said about people, by its row.
    pub fn people(&self) -> impl Iterator<Item = &Told> {
        self.told.values()
    }

    /// The claims that wait for a certificate.
    pub fn waiting(&self) -> impl Iterator<Item = &([u8; 8], At)> {
        self.waiting.iter()
    }

    /// The root of this state.
    #[must_use]
    pub fn root(&self) -> Hash {
        leaf::root(&self.leaves())
    }

    /// The leaves under it.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        leaf::leaves(self.rows())
    }

    /// Its rows, in no particular order.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<u8>> {
        let mut rows: Vec<Vec<u8>> = Vec::new();
        for (at, lot) in self.lots() {
            rows.push(lot_bytes(&self.chain(at.chain).feed.short(), lot));
        }
        let pools = self.pools.iter().filter(|(_, pool)| **pool != Pool::default());
        rows.extend(pools.map(|(key, pool)| pool_bytes(key, pool)));
        rows.extend(self.tickets.iter().map(|(name, row)| ticket_bytes(name, row)));
        rows.extend(self.floats.iter().map(|(name, row)| float_bytes(name, row)));
        rows.extend(self.enrolled.iter().map(|(p, who)| enrolled_bytes(*p, who)));
        rows.extend(self.carriers.keys().map(|(p, carrier, who)| carrier_bytes(*p, carrier, who)));
        let cancelled: BTreeSet<_> = self.cancelled.iter().map(|(p, c, _)| (*p, c)).collect();
        rows.extend(cancelled.into_iter().map(|(p, carrier)| cancelled_bytes(p, carrier)));
        rows.extend(self.lists.iter().map(|((node, index), list)| list_bytes(node, *index, list)));
        rows.extend(self.revocations.iter().map(revocation_bytes));
        for (at, accumulator) in &self.ended {
            rows.push(end_bytes(&self.chain(at.chain).feed.short(), at.index, accumulator));
        }
        rows.extend(self.clock_words.iter().map(clock_word_bytes));
        rows.extend(self.told.keys().cloned());
        for (feed, shown) in &self.shown {
            let row = |(index, leaf, name): &Shown| shown_bytes(feed, *index, leaf, name.as_ref());
            rows.extend(shown.keys().map(row));
        }
        let feed = |at: &At| self.chain(at.chain).feed.short();
        rows.extend(self.offices.days.iter().map(|(at, row)| day_bytes(&feed(at), row)));
        let settlements = self.offices.settlements.iter();
        rows.extend(settlements.map(|(at, row)| settlement_bytes(&feed(at), row)));
        rows
    }
}

impl View for State {
    fn charter(&self) -> &Charter {
        &self.charter
    }

    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn chain(&self, chain: ChainNo) -> Chain {
        self.chains[chain.0 as usize].chain
    }

    fn head(&self, chain: ChainNo) -> Head {
        self.chains[chain.0 as usize].head
    }

    fn last_stamp(&self, chain: ChainNo) -> Minute {
        self.chains[chain.0 as usize].last_stamp
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        self.fork_at(feed).is_some() || self.insolvent_at(feed).is_some()
    }

    fn signed(&self, sent: &Sent, programme: ProgrammeId) -> bool {
        let federation = self.charter.federation();
        let keys = self.roster.node_keys(&sent.node);
        keys.iter().any(|key| (self.check)(sent, &federation, key, programme))
    }

    fn slot(&self, at: At) -> Option<Slot> {
        self.slots.get(&at).copied()
    }

    fn hold(&self, at: At) -> Option<HoldRow> {
        self.holds.get(&at).copied()
    }

    fn entry(&self, at: At) -> Option<Value> {
        self.entries.get(&at).cloned()
    }

    fn ticket(&self, name: &Hash) -> Option<TicketRow> {
        self.tickets.get(name).copied()
    }

    fn float(&self, name: &Hash) -> Option<FloatRow> {
        self.floats.get(name).copied()
    }

    fn uses(&self, what: &Use) -> Vec<At> {
        self.uses.get(what).cloned().unwrap_or_default()
    }

    fn merchants(&self, chain: ChainNo) -> u32 {
        u32::try_from(self.merchants_below(chain, u64::MAX).count()).unwrap_or(u32::MAX)
    }

    fn has_merchant(&self, chain: ChainNo, merchant: &MerchantId) -> bool {
        self.merchants_below(chain, u64::MAX).any(|named| named == *merchant)
    }

    fn list(&self, node: &[u8; 8], index: u64) -> Option<List> {
        self.lists.get(&(*node, index)).cloned()
    }

    fn enrolled(&self, programme: ProgrammeId, pseudonym: &Pseudonym) -> bool {
        self.enrolled.contains(&(programme, *pseudonym))
    }

    fn carrier(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Pseudonym> {
        let from = (programme, *carrier, Pseudonym([0; 16]));
        let to = (programme, *carrier, Pseudonym([0xff; 16]));
        self.carriers.range(from..=to).map(|((_, _, who), _)| *who).collect()
    }

    fn cancellations(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Option<At>> {
        let of = self.cancelled.range((programme, *carrier, None)..);
        let same = of.take_while(|(p, c, _)| (*p, c) == (programme, carrier));
        same.map(|(.., at)| *at).collect()
    }

    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo> {
        self.chains().filter(|chain| self.chain(*chain).feed.short() == *feed).collect()
    }

    fn accumulator(&self, chain: ChainNo, next: u64) -> Option<Hash> {
        let Some(last) = next.checked_sub(1) else {
            let feed = self.chain(chain).feed;
            return Some(Head::start(&self.charter.federation(), &feed).accumulator);
        };
        self.names.get(&fold::owner_of(self, chain, last)).copied()
    }

    fn merchant(&self, chain: ChainNo, number: u32) -> Option<MerchantId> {
        let number = usize::try_from(number).ok()?;
        let all: Vec<MerchantId> = self.merchants_in_order(chain, u64::MAX);
        all.get(number).copied()
    }

    fn shown(&self, feed: &FeedRef) -> Vec<Fact> {
        let shown = self.shown.get(feed).into_iter().flatten();
        let fact = |((index, leaf, name), value): (&Shown, &Value)| Fact {
            feed: *feed,
            index: *index,
            leaf: *leaf,
            name: *name,
            value: value.clone(),
        };
        shown.map(fact).collect()
    }

    fn day(&self, chain: ChainNo) -> Option<(u64, DayRow)> {
        self.offices.day(self, chain)
    }

    fn lines(&self, feed: &FeedRef) -> Vec<(At, At)> {
        self.offices.lines(feed)
    }

    fn settlement(&self, at: At) -> Option<SettlementRow> {
        self.offices.settlements.get(&at).cloned()
    }

    fn unverified(&self, chain: ChainNo, from: &[u8; 8], commodity: CommodityId) -> Balance {
        self.tickets
            .values()
            .filter(|t| !t.placed && t.from == Some(*from) && t.commodity == commodity)
            .filter(|t| t.claimed.is_some_and(|at| at.chain == chain))
            .fold(Balance::ZERO, |sum, t| sum.credit(t.amount))
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        let known = self.chains.get(chain.0 as usize)?;
        known.sealed.iter().find(|sealed| sealed.seq == seq).copied()
    }

    fn sealed_over(&self, at: At) -> Option<Sealed> {
        let sealed = &self.chains.get(at.chain.0 as usize)?.sealed;
        let behind = sealed.partition_point(|sealed| sealed.next <= at.index);
        sealed.get(behind).filter(|sealed| sealed.first <= at.index).copied()
    }

    fn halted(&self, chain: ChainNo) -> Option<u64> {
        self.halted.get(&chain).copied()
    }

    fn ended(&self, chain: ChainNo) -> Option<u64> {
        let from = At { chain, index: 0 };
        let (at, _) = self.ended.range(from..).next()?;
        (at.chain == chain).then_some(at.index)
    }

    fn revocations(&self, feed: &FeedRef) -> Vec<Revocation> {
        self.revocations.iter().filter(|said| said.feed == *feed).copied().collect()
    }

    fn clock_words(&self, node: &[u8; 8]) -> Vec<ClockWord> {
        self.clock_words.iter().filter(|word| word.node == *node).copied().collect()
    }

    fn told(&self, about: &Commitment) -> Vec<Told> {
        let of = |told: &&Told| told.said.about() == Some(*about);
        self.told.values().filter(of).copied().collect()
    }

    fn float_used(&self, chain: ChainNo, commodity: CommodityId, span: FloatSpan) -> Balance {
        self.floats
            .iter()
            .filter(|(_, f)| f.at.chain == chain && f.commodity == commodity)
            .filter(|(name, f)| match span {
                FloatSpan::Purse(purse) => f.purse == purse,
                FloatSpan::Day(day) => f.stamp.day() == day,
                FloatSpan::Site => {
                    let uses = self.uses.get(&Use::Float(**name)).into_iter().flatten();
                    !uses.into_iter().any(|at| covers(self, f, *at))
                }
            })
            .fold(Balance::ZERO, |sum, (_, f)| sum.credit(f.amount))
    }
}
