//! A node over the core's ordered maps and a simulated disk.

mod deciding;

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::admit::{self, Draft};
use annona_ledger::block::{self, Block, Evidence, Placed};
use annona_ledger::charge::{self, Charge};
use annona_ledger::charter::{Charter, SignedArticle};
use annona_ledger::checkpoint::{Chunk, Cosignature, Page, PageFault, Refusal};
use annona_ledger::cut::{self, Label};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement, contradiction};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FeedId, FeedRef, MerchantId};
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::notice::{Learned, Roster, SignedNotice};
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::{self, Reach, Settling};
use annona_ledger::state::State;
use annona_ledger::suspense::{self, Suspense};
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket, sign_place};
use annona_ledger::time::{Hlc, Millis, Minute};
use annona_ledger::view::{At, ChainNo, Fault, Opened, Pool, PoolKey, View};
use annona_ledger::wire::{self, Bytes};

use super::bound::{parted, well_bound, whole_entries};
use super::{Received, Seen, Site};
use crate::disk::Disk;
use crate::memo;
use crate::planted::{self, Bug};

const ARTICLE: u8 = 1;
const NOTICE: u8 = 2;
const BLOCK: u8 = 3;
const TAIL: u8 = 4;

/// One of this node's own feeds: its open tail.
#[derive(Clone, Debug)]
struct Tail {
    sealed: Head,
    seq: u64,
    entries: Vec<Vec<u8>>,
    promised: Head,
}

/// The node.
pub struct Memory {
    seed: [u8; 32],
    key: SigningKey,
    bug: Option<Bug>,
    disk: Disk,
    charter: Charter,
    roster: Roster,
    state: State,
    blocks: Vec<(FeedId, Block)>,
    known: BTreeSet<Hash>,
    /// The headers kept, by feed and number: two at one place are two things said.
    headers: BTreeMap<(FeedId, u64), Vec<Statement>>,
    places: BTreeMap<Hash, At>,
    tails: BTreeMap<FeedId, Tail>,
    hlc: Hlc,
}

impl Memory {
    /// Founds a node's folder: the first articles and notices are handed over in person.
    #[must_use]
    pub fn found(
        seed: [u8; 32],
        articles: &[SignedArticle],
        notices: &[SignedNotice],
        bug: Option<Bug>,
    ) -> Self {
        let mut disk = Disk::default();
        articles.iter().for_each(|a| disk.write(ARTICLE, &a.encode()));
        notices.iter().for_each(|n| disk.write(NOTICE, &n.encode()));
        disk.sync();
        Self::open(seed, disk, bug)
    }

    /// Opens a folder: everything is derived from what the disk holds.
    fn open(seed: [u8; 32], disk: Disk, bug: Option<Bug>) -> Self {
        let (charter, roster) = Self::power(&disk);
        Self::derive_from(seed, disk, bug, charter, roster)
    }

    /// Reads the charter and the notices.
    fn power(disk: &Disk) -> (Charter, Roster) {
        let of = |wanted: u8| -> Vec<Vec<u8>> {
            let found = disk.records().filter(|(kind, _)| *kind == wanted);
            found.map(|(_, bytes)| bytes.to_vec()).collect()
        };
        memo::power(&of(ARTICLE), &of(NOTICE))
    }

    fn derive_from(
        seed: [u8; 32],
        disk: Disk,
        bug: Option<Bug>,
        charter: Charter,
        roster: Roster,
    ) -> Self {
        let mut site = Self {
            seed,
            key: SigningKey::from_seed(&seed),
            bug,
            // Every node of a world asks about the same signatures, many times over.
            state: State::new(charter.clone(), roster.clone()).checking(memo::bears),
            disk,
            charter,
            roster,
            blocks: Vec::new(),
            known: BTreeSet::new(),
            headers: BTreeMap::new(),
            places: BTreeMap::new(),
            tails: BTreeMap::new(),
            hlc: Hlc::default(),
        };
        let records: Vec<_> = site.disk.records().map(|(k, b)| (k, b.to_vec())).collect();
        for (kind, bytes) in &records {
            match *kind {
                BLOCK => {
                    let (feed, block): (FeedId, Block) =
                        wire::decode(bytes, 2 * limits::BODY_BYTES).expect("it was written whole");
                    site.take_own_or_other(feed, block);
                }
                TAIL => {
                    let (feed, entry): (FeedId, Bytes<{ limits::CARRYING_ENTRY_BYTES }>) =
                        wire::decode(bytes, 2 * limits::CARRYING_ENTRY_BYTES)
                            .expect("it was written whole");
                    site.append(&feed, &entry);
                }
                _ => {}
            }
        }
        site
    }

    fn federation(&self) -> annona_ledger::id::FederationId {
        self.charter.federation()
    }

    fn tail(&mut self, feed: &FeedId) -> &mut Tail {
        let start = Head::start(&self.charter.federation(), feed);
        let empty = Tail { sealed: start, seq: 0, entries: Vec::new(), promised: start };
        self.tails.entry(*feed).or_insert(empty)
    }

    /// Puts an entry at the end of an own feed and folds it. Returns the heads before and after it.
    fn append(&mut self, feed: &FeedId, bytes: &[u8]) -> (Head, Head) {
        let entry = Entry::decode(feed.lane, bytes).expect("it was admitted");
        let tail = self.tail(feed);
        let before = tail.promised;
        tail.entries.push(bytes.to_vec());
        tail.promised = before.after(bytes);
        let head = tail.promised;
        let chain = self.state.trunk(feed);
        let at = At { chain, index: head.next - 1 };
        self.places.insert(head.accumulator, at);
        self.state.fold(chain, head.accumulator, &entry);
        (before, head)
    }

    /// Replays a stored block: an own one takes its entries out of the tail, where they were folded already.
    fn take_own_or_other(&mut self, feed: FeedId, block: Block) {
        if !self.adopt(&feed, &block) {
            let entries = block.read(feed.lane).expect("it was checked when written");
            self.place(&feed, &block, &entries);
        }
        self.keep(feed, block);
    }

    /// Takes a block for the sealed form of the front of an own tail, where it is: a restored copy meets what its
    /// original sealed before either wrote anything else.
    fn adopt(&mut self, feed: &FeedId, block: &Block) -> bool {
        if feed.node != self.key.public() {
            return false;
        }
        let count = usize::from(block.header.count);
        let end = block.header.end();
        let tail = self.tail(feed);
        let sealed = tail.entries.iter().take(count).fold(tail.sealed, |h, e| h.after(e));
        let follows = (tail.sealed, tail.seq) == (block.header.start(), block.header.seq);
        if !follows || sealed != end {
            return false;
        }
        tail.entries.drain(..count);
        tail.sealed = end;
        tail.seq += 1;
        true
    }

    /// Keeps a block. Where another header of its number is kept, their feed has forked, whatever their entries say.
    fn keep(&mut self, feed: FeedId, block: Block) -> bool {
        let (header, signature) = (block.header, block.signature);
        let beside = self.headers.entry((feed, header.seq)).or_default();
        let shown = Statement::Header(header, signature);
        let index = beside.iter().filter_map(|other| contradiction(&shown, other)).min();
        beside.push(shown);
        if let Some(index) = index {
            self.state.note_fork(feed.short(), index);
        }
        if let Some(At { chain, .. }) = self.places.get(&header.end().accumulator).copied() {
            let first = At { chain, index: header.first };
            let free = self.state.sealed(chain, header.seq).is_none()
                && self.state.sealed_over(first).is_none();
            // Entries sealed a second time are a branch of which nothing is its own: what its headers say of them counts.
            let end = At { chain, index: header.end().next };
            let of = if free { chain } else { self.state.branch(end, header.end()) };
            self.state.seal(of, &header);
        }
        self.known.insert(header.hash());
        self.blocks.push((feed, block));
        index.is_some()
    }

    /// Folds the entries of a block that are not known yet, on the chain they continue or on a branch of their own.
    fn place(&mut self, feed: &FeedId, block: &Block, entries: &[Placed]) -> Received {
        let start = feed.start(&self.federation());
        let mut before = block.header.before;
        let mut at = (before != start).then(|| self.places.get(&before).copied());
        if at == Some(None) || (before == start) != (block.header.first == 0) {
            return Received::Waits;
        }
        let mut chain: Option<ChainNo> = None;
        let mut received = Received::Known;
        for placed in entries {
            if chain.is_none() {
                if let Some(known) = self.places.get(&placed.accumulator) {
                    at = Some(Some(*known));
                    before = placed.accumulator;
                    continue;
                }
                let found = at.flatten().map_or_else(|| self.state.trunk(feed), |at| at.chain);
                let head = Head { next: placed.index, accumulator: before };
                if self.state.head(found) == head {
                    chain = Some(found);
                    received = Received::New;
                } else {
                    let left = At { chain: found, index: placed.index };
                    chain = Some(self.state.branch(left, head));
                    received = Received::Fork;
                }
            }
            let chain = chain.expect("set above");
            self.places.insert(placed.accumulator, At { chain, index: placed.index });
            self.state.fold(chain, placed.accumulator, &placed.entry);
        }
        let own = feed.node == self.key.public() && chain == Some(self.state.trunk(feed));
        if received == Received::New && own {
            // A restored copy catches up with what it wrote before: its own feed goes on from there.
            let (head, seq) = (block.header.end(), block.header.seq + 1);
            let tail = self.tail(feed);
            (tail.sealed, tail.promised, tail.seq) = (head, head, seq);
            tail.entries.clear();
        }
        received
    }
}

impl Site for Memory {
    fn submit(&mut self, feed: &FeedId, drafts: &[Draft]) -> Result<Vec<Promise>, Rejection> {
        let chain = self.state.trunk(feed);
        let mut written: Vec<Vec<u8>> = Vec::new();
        if let [draft] = drafts
            && well_bound(drafts)
        {
            written.push(self.admit(&self.state, chain, draft)?);
        } else {
            // A basket is tried as a whole, and its parts see each other.
            let mut trial = self.state.clone();
            for (n, draft) in drafts.iter().enumerate() {
                let bytes = self.admit(&trial, chain, draft)?;
                let bound = match self.bug {
                    Some(Bug::Anything) => !parted(drafts),
                    _ => well_bound(drafts),
                };
                if n == 0 && !bound {
                    return Err(Rejection::BadBasket);
                }
                let before = trial.head(chain);
                trial.fold(chain, before.after(&bytes).accumulator, &draft.entry);
                written.push(bytes);
            }
        }
        let mut promises = Vec::new();
        let heads: Vec<(Head, Head)> = written
            .iter()
            .map(|bytes| {
                let record = Bytes::<{ limits::CARRYING_ENTRY_BYTES }>::new(bytes.clone());
                let record = record.expect("admitted entries fit");
                self.disk.write(TAIL, &wire::encode(&(*feed, record)));
                self.append(feed, bytes)
            })
            .collect();
        // Goods leave after the sync, and no signature before it.
        self.disk.sync();
        for (bytes, (before, head)) in written.into_iter().zip(heads) {
            promises.push(Promise {
                feed: feed.short(),
                index: before.next,
                before: before.accumulator,
                entry: Bytes::new(bytes).expect("admitted entries fit"),
                signature: sign_place(&self.key, &self.federation(), feed, &head),
            });
        }
        Ok(promises)
    }

    fn seal(&mut self, now: Millis) -> Vec<(FeedId, Block)> {
        let mut sealed = Vec::new();
        let feeds: Vec<FeedId> = self.tails.keys().copied().collect();
        for feed in feeds {
            loop {
                let federation = self.federation();
                let epoch = self.charter.epoch();
                self.hlc = self.hlc.tick(now);
                let hlc = self.hlc;
                let tail = self.tail(&feed);
                let count = whole_entries(feed.lane, &tail.entries);
                if count == 0 {
                    break;
                }
                let entries: Vec<Vec<u8>> = tail.entries.drain(..count).collect();
                let draft = block::Draft {
                    feed,
                    seq: tail.seq,
                    start: tail.sealed,
                    entries: &entries,
                    evidence: &Evidence::default(),
                    frontier_root: Hash::ZERO,
                    epoch,
                    hlc,
                };
                let block = draft.seal(&self.key, &federation).expect("bounded above");
                let tail = self.tail(&feed);
                tail.sealed = block.header.end();
                tail.seq += 1;
                self.disk.write(BLOCK, &wire::encode(&(feed, block.clone())));
                self.keep(feed, block.clone());
                sealed.push((feed, block));
            }
        }
        self.disk.sync();
        sealed
    }

    fn receive(&mut self, feed: &FeedId, block: &Block) -> Received {
        let hash = block.header.hash();
        let author = self.roster.node(&feed.node.short());
        if author.is_none_or(|c| c.node != feed.node) || block.header.epoch > self.charter.epoch() {
            return Received::Waits;
        }
        let Some(entries) = planted::verify(self.bug, block, &self.federation(), feed) else {
            return Received::Refused;
        };
        if self.charter.check_kinds(block.header.epoch, &entries).is_err() {
            return Received::Refused;
        }
        if self.known.contains(&hash) {
            return Received::Known;
        }
        if self.bug == Some(Bug::ReplicaDecides) && !self.would_admit(feed, &entries) {
            self.known.insert(hash);
            self.blocks.push((*feed, block.clone()));
            return Received::Known;
        }
        let received =
            if self.adopt(feed, block) { Received::New } else { self.place(feed, block, &entries) };
        if received == Received::Waits {
            return received;
        }
        self.disk.write(BLOCK, &wire::encode(&(*feed, block.clone())));
        self.disk.sync();
        let forked = self.keep(*feed, block.clone());
        if forked { Received::Fork } else { received }
    }

    fn learn(&mut self, notice: &SignedNotice) {
        let mut roster = self.roster.clone();
        if roster.learn(&self.charter, notice) == Ok(Learned::New) {
            self.disk.write(NOTICE, &notice.encode());
            self.disk.sync();
            self.derive(self.charter.clone(), roster);
        }
    }

    fn article(&mut self, article: &SignedArticle) {
        let kept: Vec<Vec<u8>> =
            self.disk.records().filter(|(k, _)| *k == ARTICLE).map(|(_, b)| b.to_vec()).collect();
        // One that stands on articles which are not here is for later.
        if !memo::stands(&kept, article) {
            return;
        }
        self.disk.write(ARTICLE, &article.encode());
        self.disk.sync();
        let (charter, roster) = Self::power(&self.disk);
        if charter.article(charter.epoch()) != self.charter.article(self.charter.epoch()) {
            self.derive(charter, roster);
        }
    }

    fn crash(&mut self, keep: usize) {
        // Something was being written: a torn record of an entry nobody was promised.
        self.disk.write(TAIL, &[0xee; 40]);
        let mut disk = std::mem::take(&mut self.disk);
        disk.cut(keep.min(disk.unsynced().saturating_sub(1)));
        *self = Self::open(self.seed, disk, self.bug);
    }

    fn restored(&self) -> Box<dyn Site> {
        Box::new(Self::open(self.seed, self.disk.clone(), self.bug))
    }

    fn blocks(&self) -> Vec<(FeedId, Block)> {
        self.blocks.clone()
    }

    fn heads(&self) -> Vec<(FeedId, Head)> {
        let mut heads: Vec<_> = self
            .state
            .chains()
            .map(|c| (self.state.chain(c), self.state.head(c)))
            .filter(|(chain, head)| {
                head.next > 0 && chain.left.is_none_or(|left| left.index < head.next)
            })
            .map(|(chain, head)| (chain.feed, head))
            .collect();
        heads.sort_unstable();
        heads
    }

    fn last_stamp(&self, feed: &FeedId) -> Minute {
        self.trunk_of(&feed.short()).map_or(Minute(0), |chain| self.state.last_stamp(chain))
    }

    fn epoch(&self) -> u32 {
        self.charter.epoch()
    }

    fn root(&self) -> Hash {
        self.state.root()
    }

    fn replayed(&self) -> Hash {
        self.derived().root()
    }

    fn pools(&self) -> BTreeMap<PoolKey, Pool> {
        let filled = self.state.pools().filter(|(_, pool)| **pool != Pool::default());
        filled.map(|(key, pool)| (*key, *pool)).collect()
    }

    fn whole_pools(&self) -> BTreeMap<PoolKey, Pool> {
        let mut pools = self.state.whole_pools();
        if self.bug == Some(Bug::OrphanTwice) {
            planted::count_again(&self.state, &mut pools);
        }
        pools.retain(|_, pool| *pool != Pool::default());
        pools
    }

    fn waiting(&self, feed: &FeedRef, unnamed: MerchantId) -> Vec<Settling> {
        let Some(trunk) = self.trunk_of(feed) else {
            return settlement::lines(
                &self.state,
                feed,
                &super::reach(&self.state, feed, 0, unnamed),
            );
        };
        let own = self.tails.get(&self.state.chain(trunk).feed);
        let sealed = own.map_or(self.state.head(trunk).next, |tail| tail.sealed.next);
        let reach = super::reach(&self.state, feed, sealed, unnamed);
        match self.bug {
            Some(Bug::SettlesPastCut) => {
                let reach = Reach { end: sealed, beyond: false, ..reach };
                settlement::lines(&self.state, feed, &reach)
            }
            Some(bug) => planted::lines(bug, &self.state, feed, &reach),
            None => settlement::lines(&self.state, feed, &reach),
        }
    }

    fn lots(&self) -> Vec<Seen> {
        let mut lots: Vec<Seen> = self
            .state
            .lots()
            .map(|(at, lot)| Seen {
                feed: self.state.chain(at.chain).feed.short(),
                origin: lot.origin,
                owner: lot.owner,
                cycle: lot.cycle,
                commodity: lot.commodity,
                balance: lot.balance.units(),
                held: lot.held.units(),
                waiting: lot.opened == Opened::Waiting,
            })
            .collect();
        lots.sort_unstable();
        lots
    }

    fn faults(&self) -> Vec<(FeedRef, u64, Fault)> {
        let seen =
            |(at, fault): &(At, Fault)| (self.state.chain(at.chain).feed.short(), at.index, *fault);
        self.state.faults().map(seen).collect()
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        self.bug != Some(Bug::ForkForgotten) && self.state.faulty(feed)
    }

    fn charges(&self) -> Option<Vec<Charge>> {
        let charges = charge::charges(&self.state);
        Some(self.bug.map_or(charges.clone(), |bug| planted::charged(bug, charges)))
    }

    fn suspense(&self) -> Vec<Suspense> {
        suspense::among(&self.state, self.whole_pools()).collect()
    }

    fn label(&self, name: &Hash, cycle: Option<CycleId>) -> Option<Label> {
        self.places.get(name).map(|at| cut::label(&self.state, *at, cycle))
    }

    fn page(&mut self, _: Minute) -> Option<Page> {
        None
    }

    fn cosign(&mut self, page: &Page, _: &SigningKey, _: Minute) -> Result<Cosignature, Refusal> {
        Err(Refusal::Page(PageFault::Charter(page.checkpoint.epoch)))
    }

    fn rows(&self, _: &Hash) -> Vec<Chunk> {
        Vec::new()
    }

    fn fork_proof(&self, feed: &FeedId) -> Option<ForkProof> {
        let of = self.headers.range((*feed, 0)..=(*feed, u64::MAX));
        if self.bug == Some(Bug::Slanders) {
            let mut all = of.flat_map(|(_, beside)| beside.first().cloned());
            let (one, other) = (all.next()?, all.next()?);
            return Some(ForkProof { feed: *feed, one, other });
        }
        of.filter_map(|(_, beside)| beside.split_first()).find_map(|(one, rest)| {
            let other = rest.iter().find(|other| contradiction(one, other).is_some())?;
            Some(ForkProof { feed: *feed, one: one.clone(), other: other.clone() })
        })
    }

    fn ticket(&self, promise: &Promise) -> Option<Ticket> {
        let chain = self.trunk_of(&promise.feed)?;
        super::ticket(&self.state, chain, promise, |index| self.refunded(chain, index))
    }
}
