//! The rows of one feed, while it is being audited: what its own entries may look back at. Dropped when the feed ends.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::aside::Aside;
use super::came::Named;
use super::keys::Keys;
use super::slots::Slots;
use super::{Cosigned, Source};
use crate::amount::Balance;
use crate::block::{Block, Placed};
use crate::charter::Charter;
use crate::day::DayRow;
use crate::entry::{Entry, Value};
use crate::feed::Head;
use crate::fold::owner_of;
use crate::hash::{Hash, Purpose, hash};
use crate::id::{
    CarrierId, CommodityId, CycleId, FeedId, FeedRef, MerchantId, ProgrammeId, Pseudonym,
};
use crate::key::{Context, Signature};
use crate::list::List;
use crate::notice::Roster;
use crate::orphan::Fact;
use crate::settlement::{SettlementRow, Settling, Stage};
use crate::state::Offices;
use crate::ticket::Sent;
use crate::time::Minute;
use crate::view::{
    At, Chain, ChainNo, Change, ClockWord, Fault, FloatRow, FloatSpan, HoldRow, LotRow, PoolKey,
    Revocation, Sealed, Slot, TicketRow, Use, View,
};

/// Bytes of block bodies kept for entries that look back; older ones are read again from the source.
const KEPT_BODIES: usize = 1024 * 1024;

/// What is known of tickets before a feed is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The budgets, which are claimed like tickets.
    pub(super) known: BTreeMap<Hash, TicketRow>,
    /// The keys of the nodes.
    pub(super) keys: Arc<Keys>,
    /// What other feeds showed of one, and which of the tickets in that are known: told when a feed is read once more.
    pub(super) shown: BTreeMap<FeedRef, Vec<Fact>>,
    pub(super) coming: BTreeSet<Hash>,
    /// The entries of which a leaf is asked for, by feed: told when it is read once more.
    pub(super) asked: BTreeMap<FeedRef, BTreeSet<u64>>,
    /// The entries that settlements name, by feed: known once those are read that settle.
    pub(super) settled: BTreeMap<FeedRef, Named>,
    /// What checkpoints say of feeds.
    pub(super) cosigned: Cosigned,
    /// Where what is kept of settled entries is put aside, if anywhere.
    pub(super) aside: Option<Arc<dyn Aside>>,
}

/// One chain of the feed.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) left: Option<At>,
    pub(super) head: Head,
    pub(super) blocks: u64,
    pub(super) last_stamp: Minute,
    /// Nothing here is folded: something before it is missing.
    pub(super) loose: bool,
    /// Its own blocks, in order.
    pub(super) sealed: Vec<Sealed>,
    /// Its hand-outs, block by block.
    pub(super) runs: Vec<Run>,
}

/// Hand-outs of one cycle in one block. There may be one for every few entries: eight bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Which of the chain's own blocks, counted from none.
    pub(super) block: u32,
    pub(super) cycle: CycleId,
    /// The first of them: its place in the block, which has 256 at most.
    pub(super) place: u8,
    /// How many there are beside the first.
    pub(super) more: u8,
}

/// Where a block can be read again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) chain: ChainNo,
    pub(super) before: Head,
    /// The index after its last entry: whether an entry lies here is known without reading it again.
    pub(super) next: u64,
    pub(super) place: u64,
}

/// A body that is still here, and where its entries begin.
struct Kept {
    chain: ChainNo,
    first: u64,
    starts: Vec<u16>,
    body: Vec<u8>,
}

/// A block that was read again: its place, and where its entries begin, as far as somebody looked.
struct Again {
    place: u64,
    block: Block,
    starts: Vec<usize>,
}

/// Values by pool: few, and mostly one of those asked for last.
#[derive(Clone, Debug)]
pub(super) struct Few<T> {
    rows: Vec<(PoolKey, T)>,
    /// Where the last ones stood, newest first.
    recent: [usize; 4],
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), recent: [0; 4] }
    }
}

impl<T: Default> Few<T> {
    pub(super) fn of(&mut self, key: &PoolKey) -> &mut T {
        let is = |at: &usize| self.rows.get(*at).is_some_and(|(known, _)| known == key);
        let found = self.recent.iter().copied().find(is);
        let at = found.unwrap_or_else(|| {
            let found = self.rows.iter().rposition(|(known, _)| known == key);
            let at = found.unwrap_or(self.rows.len());
            if found.is_none() {
                self.rows.push((*key, T::default()));
            }
            self.recent.rotate_right(1);
            self.recent[0] = at;
            at
        });
        &mut self.rows[at].1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(PoolKey, T)> {
        self.rows.iter()
    }

    pub(super) fn shrink(&mut self) {
        self.rows.shrink_to_fit();
    }
}

/// The view of one feed's audit.
pub(super) struct Rows<'a> {
    source: &'a dyn Source,
    charter: &'a Charter,
    roster: &'a Roster,
    told: &'a Told,
    pub(super) feed: FeedId,
    pub(super) chains: Vec<Branch>,
    pub(super) spots: Vec<Spot>,
    /// Where they stand among them, by chain and first index: a fork of many small blocks is looked through as fast.
    placed: BTreeMap<At, usize>,
    slots: Vec<Slots>,
    /// The merchants each chain names itself, with their indexes.
    merchants: Vec<Vec<(u64, MerchantId)>>,
    /// The index of the entry in hand.
    pub(super) hand: u64,
    holds: BTreeMap<At, HoldRow>,
    uses: BTreeMap<Use, Vec<At>>,
    issued: BTreeMap<(u64, u32), Vec<At>>,
    pub(super) tickets: BTreeMap<Hash, TicketRow>,
    pub(super) floats: Vec<(Hash, FloatRow)>,
    pub(super) lists: BTreeMap<u64, List>,
    pub(super) ended: BTreeMap<At, Hash>,
    pub(super) offices: Offices,
    halted: BTreeMap<ChainNo, u64>,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    /// How many bodies were kept before those that are, and the number of each that is, by chain and first index.
    kept_before: u64,
    kept_at: BTreeMap<At, u64>,
    again: RefCell<Option<Again>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        charter: &'a Charter,
        roster: &'a Roster,
        told: &'a Told,
        feed: FeedId,
    ) -> Self {
        Self {
            source,
            charter,
            roster,
            told,
            feed,
            chains: Vec::new(),
            spots: Vec::new(),
            placed: BTreeMap::new(),
            slots: Vec::new(),
            merchants: Vec::new(),
            hand: 0,
            holds: BTreeMap::new(),
            uses: BTreeMap::new(),
            issued: BTreeMap::new(),
            tickets: BTreeMap::new(),
            floats: Vec::new(),
            lists: BTreeMap::new(),
            ended: BTreeMap::new(),
            offices: Offices::default(),
            halted: BTreeMap::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
            kept_before: 0,
            kept_at: BTreeMap::new(),
            again: RefCell::new(None),
        }
    }

    pub(super) fn add_chain(&mut self, branch: Branch) -> ChainNo {
        let number = ChainNo(u32::try_from(self.chains.len()).unwrap_or(u32::MAX));
        self.chains.push(branch);
        self.slots.push(Slots::default());
        self.merchants.push(Vec::new());
        number
    }

    pub(super) fn branch(&mut self, chain: ChainNo) -> Option<&mut Branch> {
        self.chains.get_mut(chain.0 as usize)
    }

    /// Notes where a block can be read again.
    pub(super) fn add_spot(&mut self, spot: Spot) {
        let at = At { chain: spot.chain, index: spot.before.next };
        self.placed.insert(at, self.spots.len());
        self.spots.push(spot);
    }

    /// Keeps a body for entries that will look back at it.
    pub(super) fn keep(&mut self, chain: ChainNo, first: u64, starts: Vec<u16>, body: Vec<u8>) {
        self.kept_bytes = self.kept_bytes.saturating_add(body.len());
        let number = self.kept_before.saturating_add(self.kept.len() as u64);
        self.kept_at.insert(At { chain, index: first }, number);
        self.kept.push_back(Kept { chain, first, starts, body });
        while self.kept_bytes > KEPT_BODIES {
            let Some(gone) = self.kept.pop_front() else { break };
            self.kept_bytes = self.kept_bytes.saturating_sub(gone.body.len());
            let at = At { chain: gone.chain, index: gone.first };
            if self.kept_at.get(&at) == Some(&self.kept_before) {
                self.kept_at.remove(&at);
            }
            self.kept_before = self.kept_before.saturating_add(1);
        }
    }

    /// Every lot, by chain and index.
    pub(super) fn lots(&self) -> impl Iterator<Item = (At, LotRow)> {
        (0u32..).zip(&self.slots).flat_map(|(chain, slots)| {
            slots.iter().filter_map(move |(index, slot)| match slot {
                Slot::Lot(row) => Some((At { chain: ChainNo(chain), index }, row)),
                Slot::Same(_) => None,
            })
        })
    }

    /// What stands at every place that opened a lot, or that stands for one: index and lot.
    pub(super) fn places(&self) -> impl Iterator<Item = (u64, LotRow)> {
        self.slots.iter().flat_map(Slots::iter).filter_map(|(index, slot)| match slot {
            Slot::Lot(row) => Some((index, row)),
            Slot::Same(first) => match self.slot(first) {
                Some(Slot::Lot(row)) => Some((index, row)),
                Some(Slot::Same(_)) | None => None,
            },
        })
    }

    /// Sets what a change says; pools, faults and what no entry of this feed looks back at are the caller's.
    pub(super) fn set(&mut self, change: &Change) {
        match change {
            Change::Slot(at, slot) => {
                if let Some(slots) = self.slots.get_mut(at.chain.0 as usize) {
                    slots.set(at.index, *slot);
                }
            }
            Change::Ticket(name, row) => {
                self.tickets.insert(*name, *row);
            }
            Change::Hold(at, row) => {
                self.holds.insert(*at, *row);
            }
            Change::Used(Use::Row { list, row, .. }, at) => {
                self.issued.entry((*list, *row)).or_default().push(*at);
            }
            Change::Used(what, at) => self.uses.entry(*what).or_default().push(*at),
            Change::Merchant(chain, merchant) => {
                if let Some(named) = self.merchants.get_mut(chain.0 as usize) {
                    named.push((self.hand, *merchant));
                }
            }
            Change::Float(name, row) => self.floats.push((*name, *row)),
            Change::List(_, index, list) => {
                self.lists.insert(*index, (**list).clone());
            }
            Change::Day(..) | Change::Line { .. } | Change::Settlement(..) => {
                self.offices.set(change);
            }
            Change::Fault(at, Fault::Halted) => {
                self.halted.entry(at.chain).or_insert(at.index);
            }
            Change::Pool(..)
            | Change::Shown(..)
            | Change::Enrolled(..)
            | Change::CarrierBound(..)
            | Change::CarrierCancelled(..)
            | Change::Waiting(..)
            | Change::Fault(..)
            | Change::Revoked(..)
            | Change::Told(..)
            | Change::ClockAnswered(..) => {}
            Change::Ended(at, accumulator) => {
                self.ended.insert(*at, *accumulator);
            }
        }
    }

    /// The merchants that a chain names itself below a place, and where it left another, as far as that matters below it.
    fn named(&self, at: At) -> (&[(u64, MerchantId)], Option<At>) {
        let own = self.merchants.get(at.chain.0 as usize).map(Vec::as_slice).unwrap_or_default();
        let own = own.get(..own.partition_point(|(index, _)| *index < at.index));
        let left = self.chains.get(at.chain.0 as usize).and_then(|branch| branch.left);
        let left = left.map(|left| At { index: left.index.min(at.index), ..left });
        (own.unwrap_or_default(), left)
    }

    /// How many merchants are named below a place, by all chains on the way to it.
    fn named_below(&self, at: At) -> usize {
        let (mut next, mut count) = (Some(at), 0usize);
        // A chain leaves one that was known before it, so this ends.
        while let Some(at) = next {
            let (own, left) = self.named(at);
            (next, count) = (left, count.saturating_add(own.len()));
        }
        count
    }

    /// The lines of settlements that are not disputed, with their drafts, in order of place.
    pub(super) fn settled_lines(&self) -> Vec<(At, Settling)> {
        let stands = |draft: &At| {
            self.offices.settlements.get(draft).is_some_and(|row| row.stage() != Stage::Disputed)
        };
        let drafted = self.offices.drafted().filter(|(_, draft)| stands(draft));
        let lines: BTreeSet<(At, At)> = drafted.collect();
        let said = lines.into_iter().filter_map(|(line, draft)| match self.entry(line)? {
            Value::Settle { settling, .. } => Some((draft, *settling)),
            _ => None,
        });
        said.collect()
    }

    /// The chain in which a head lies: at the end of a block, or inside one.
    pub(super) fn chain_of(&self, head: &Head) -> Option<ChainNo> {
        if let Some(spot) = self.spots.iter().find(|spot| spot.before == *head) {
            return Some(spot.chain);
        }
        let last = head.next.checked_sub(1)?;
        let covers = |spot: &&Spot| (spot.before.next..spot.next).contains(&last);
        self.spots.iter().filter(covers).find_map(|spot| {
            let found = self.names(spot, last)? == head.accumulator;
            found.then_some(spot.chain)
        })
    }

    /// How many entries, from the first on, stand under the same names in another chain.
    pub(super) fn common(&self, chain: ChainNo, entries: &[Placed]) -> usize {
        let same = |placed: &&Placed| {
            let at = owner_of(self, chain, placed.index);
            let spot = self.spots.iter().rev();
            let mut spot = spot.filter(|s| s.chain == at.chain && s.before.next <= at.index);
            let name = spot.next().and_then(|spot| self.names(spot, at.index));
            name == Some(placed.accumulator)
        };
        entries.iter().take_while(same).count()
    }

    /// Where entries that follow at the end of a chain stop being those of a branch that left it there, and how many are.
    pub(super) fn ahead(&self, chain: ChainNo, entries: &[Placed]) -> Option<(At, usize)> {
        let first = entries.first()?.index;
        let end = Some(At { chain, index: first });
        (0u32..).zip(&self.chains).filter(|(_, other)| other.left == end && !other.loose).find_map(
            |(number, _)| {
                let known = self.common(ChainNo(number), entries);
                let index = first.saturating_add(known as u64);
                (known > 0).then_some((At { chain: ChainNo(number), index }, known))
            },
        )
    }

    /// The block at a spot, read again unless it was the last that was.
    fn again(&self, spot: &Spot) -> Option<std::cell::RefMut<'_, Again>> {
        let mut again = self.again.borrow_mut();
        if again.as_ref().is_none_or(|again| again.place != spot.place) {
            let (place, block) = (spot.place, self.source.block(spot.place)?);
            *again = Some(Again { place, block, starts: vec![0] });
        }
        std::cell::RefMut::filter_map(again, Option::as_mut).ok()
    }

    /// The name of the entry at an index, if it lies in the block at a spot.
    fn names(&self, spot: &Spot, index: u64) -> Option<Hash> {
        let again = self.again(spot)?;
        let block = &again.block;
        if index >= block.header.end().next {
            return None;
        }
        let mut head = block.header.start();
        let mut rest: &[u8] = &block.body;
        while head.next <= index {
            let after = Entry::take(self.feed.lane, rest).ok()?.1;
            head = head.after(rest.get(..rest.len().checked_sub(after.len())?)?);
            rest = after;
        }
        Some(head.accumulator)
    }

    fn here(&self, at: At) -> Option<Value> {
        let own = At { index: 0, ..at }..=at;
        let (_, number) = self.kept_at.range(own).next_back()?;
        let kept = self.kept.get(usize::try_from(number.checked_sub(self.kept_before)?).ok()?)?;
        let place = usize::try_from(at.index.checked_sub(kept.first)?).ok()?;
        let start = usize::from(*kept.starts.get(place)?);
        value(Entry::take(self.feed.lane, kept.body.get(start..)?).ok()?.0)
    }

    fn reread(&self, at: At) -> Option<Value> {
        let own = At { index: 0, ..at }..=at;
        let (_, spot) = self.placed.range(own).next_back()?;
        let mut again = self.again(self.spots.get(*spot)?)?;
        let Again { block, starts, .. } = &mut *again;
        let place = usize::try_from(at.index.checked_sub(block.header.first)?).ok()?;
        // What was looked for before is not read through again: drafts ask for one entry after the other.
        while starts.len() <= place {
            let rest = block.body.get(*starts.last()?..)?;
            let after = Entry::take(self.feed.lane, rest).ok()?.1;
            starts.push(block.body.len().checked_sub(after.len())?);
        }
        value(Entry::take(self.feed.lane, block.body.get(*starts.get(place)?..)?).ok()?.0)
    }
}

/// The block of a number among those of one chain.
pub(super) fn sealed_as(sealed: &[Sealed], seq: u64) -> Option<Sealed> {
    sealed.iter().find(|sealed| sealed.seq == seq).copied()
}

/// The block over an index among those of one chain.
pub(super) fn sealed_over(sealed: &[Sealed], index: u64) -> Option<Sealed> {
    let behind = sealed.partition_point(|sealed| sealed.next <= index);
    sealed.get(behind).filter(|sealed| sealed.first <= index).copied()
}

fn value(entry: Entry) -> Option<Value> {
    match entry {
        Entry::Value(value) => Some(value),
        Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => None,
    }
}

impl View for Rows<'_> {
    fn charter(&self) -> &Charter {
        self.charter
    }

    fn roster(&self) -> &Roster {
        self.roster
    }

    fn chain(&self, chain: ChainNo) -> Chain {
        let left = self.chains.get(chain.0 as usize).and_then(|branch| branch.left);
        Chain { feed: self.feed, left }
    }

    fn head(&self, chain: ChainNo) -> Head {
        let start = || Head::start(&self.charter.federation(), &self.feed);
        self.chains.get(chain.0 as usize).map_or_else(start, |branch| branch.head)
    }

    fn last_stamp(&self, chain: ChainNo) -> Minute {
        self.chains.get(chain.0 as usize).map_or(Minute(0), |branch| branch.last_stamp)
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        *feed == self.feed.short() && self.chains.len() > 1
    }

    fn slot(&self, at: At) -> Option<Slot> {
        self.slots.get(at.chain.0 as usize)?.get(at.index)
    }

    fn hold(&self, at: At) -> Option<HoldRow> {
        self.holds.get(&at).copied()
    }

    fn entry(&self, at: At) -> Option<Value> {
        self.here(at).or_else(|| self.reread(at))
    }

    fn ticket(&self, name: &Hash) -> Option<TicketRow> {
        self.tickets.get(name).or_else(|| self.told.known.get(name)).copied()
    }

    fn float(&self, name: &Hash) -> Option<FloatRow> {
        self.floats.iter().find(|(known, _)| known == name).map(|(_, row)| *row)
    }

    fn uses(&self, what: &Use) -> Vec<At> {
        let found = match what {
            Use::Row { list, row, .. } => self.issued.get(&(*list, *row)),
            _ => self.uses.get(what),
        };
        found.cloned().unwrap_or_default()
    }

    fn merchants(&self, chain: ChainNo) -> u32 {
        u32::try_from(self.named_below(At { chain, index: u64::MAX })).unwrap_or(u32::MAX)
    }

    fn signed(&self, sent: &Sent, programme: ProgrammeId) -> bool {
        // The sends behind a ticket were tickets themselves, and claimed: most were asked about before.
        let Signature::Ed25519([r, s]) = &sent.signature;
        let name = sent.name(programme).ticket();
        let asked = hash(Purpose::Ticket, &[&name.0, &sent.node, r, s]);
        if self.told.keys.holds(&asked) {
            return true;
        }
        let federation = self.charter.federation();
        let signed = self.roster.node_keys(&sent.node).iter().any(|key| {
            sent.verifies_with(key, programme, |feed, message| {
                let of = (Context::Promise, &federation, feed);
                self.told.keys.verifies(key, of, message, &sent.signature)
            })
        });
        if signed {
            self.told.keys.keep(asked);
        }
        signed
    }

    fn list(&self, _: &[u8; 8], index: u64) -> Option<List> {
        self.lists.get(&index).cloned()
    }

    fn halted(&self, chain: ChainNo) -> Option<u64> {
        self.halted.get(&chain).copied()
    }

    fn ended(&self, chain: ChainNo) -> Option<u64> {
        let (at, _) = self.ended.range(At { chain, index: 0 }..).next()?;
        (at.chain == chain).then_some(at.index)
    }

    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo> {
        let all = 0..u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        if *feed == self.feed.short() { all.map(ChainNo).collect() } else { Vec::new() }
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        sealed_as(&self.chains.get(chain.0 as usize)?.sealed, seq)
    }

    fn sealed_over(&self, at: At) -> Option<Sealed> {
        sealed_over(&self.chains.get(at.chain.0 as usize)?.sealed, at.index)
    }

    fn shown(&self, feed: &FeedRef) -> Vec<Fact> {
        let own = self.told.shown.get(feed).filter(|_| *feed == self.feed.short());
        own.cloned().unwrap_or_default()
    }

    // Only writers ask what follows; an audit writes nothing.
    fn revocations(&self, _: &FeedRef) -> Vec<Revocation> {
        Vec::new()
    }

    fn clock_words(&self, _: &[u8; 8]) -> Vec<ClockWord> {
        Vec::new()
    }

    fn has_merchant(&self, _: ChainNo, _: &MerchantId) -> bool {
        false
    }

    fn enrolled(&self, _: ProgrammeId, _: &Pseudonym) -> bool {
        false
    }

    fn carrier(&self, _: ProgrammeId, _: &CarrierId) -> Vec<Pseudonym> {
        Vec::new()
    }

    fn cancellations(&self, _: ProgrammeId, _: &CarrierId) -> Vec<Option<At>> {
        Vec::new()
    }

    fn accumulator(&self, _: ChainNo, _: u64) -> Option<Hash> {
        None
    }

    fn merchant(&self, chain: ChainNo, number: u32) -> Option<MerchantId> {
        let mut at = At { chain, index: u64::MAX };
        let (number, mut below) = (usize::try_from(number).ok()?, self.named_below(at));
        loop {
            let (own, left) = self.named(at);
            below = below.saturating_sub(own.len());
            if let Some(own_number) = number.checked_sub(below) {
                return own.get(own_number).map(|(_, merchant)| *merchant);
            }
            at = left?;
        }
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

    fn unverified(&self, _: ChainNo, _: &[u8; 8], _: CommodityId) -> Balance {
        Balance::ZERO
    }

    fn told(&self, _: &crate::id::Commitment) -> Vec<crate::consent::Told> {
        Vec::new()
    }

    fn float_used(&self, _: ChainNo, _: CommodityId, _: FloatSpan) -> Balance {
        Balance::ZERO
    }
}
