//! Checkpoints kept here, what this node has signed as a witness, and the state as it was at a frontier.

mod reached;
mod scratch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use annona_ledger::block::Header;
use annona_ledger::charter::Charter;
use annona_ledger::checkpoint::{Certified, Cosignature, Page, PageFault, Standing, standing};
use annona_ledger::cut::{self, Cut};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::Head;
use annona_ledger::finality::{Finality, finality};
use annona_ledger::frontier::{Chains, Frontier, FrontierFault};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FeedId, FeedRef, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::leaf::{self, Leaf, LeafId};
use annona_ledger::limits;
use annona_ledger::notice::Learned;
use annona_ledger::settlement;
use annona_ledger::sync::frame::Known;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, View};
use annona_ledger::wire;
use rusqlite::{OptionalExtension, params};

use super::work::Work;
use super::{Store, StoreFault};

pub use reached::Reached;
pub use scratch::Scratch;
pub(super) use scratch::sweep;

/// Bytes a stored frontier may have.
const FRONTIER_BYTES: usize = limits::FRONTIER_TIPS * 96;
/// Under which name a witness remembers what it has signed.
const MEMORY: &str = "witness memory";

/// A checkpoint kept here, with what is said about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptPage {
    /// Its hash.
    pub hash: Hash,
    /// The page.
    pub page: Page,
    /// Its tips.
    pub frontier: Frontier,
    /// Every cosignature kept, by witness and time.
    pub cosignatures: Vec<Cosignature>,
}

impl Chains for Work<'_> {
    fn continues(&self, feed: &FeedId, early: &Head, late: &Head) -> bool {
        if early.next > late.next || !self.holds(feed, early) || !self.holds(feed, late) {
            return false;
        }
        if early == late || !self.forked(feed) {
            return true;
        }
        // Back from the later one, block by block; a block begins where the one before ends.
        let mut at = *late;
        while at.next > early.next {
            let Some(header) = self.ending_at(feed, &at) else { return false };
            at = header.start();
        }
        at == *early
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        self.ending_at(feed, head).is_some() || self.begins_at(feed, head).is_some()
    }

    fn reach(&self, feed: &FeedId) -> u64 {
        let known = self.one(
            "SELECT max(e) FROM (
               SELECT max(first+count) AS e FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1)
               UNION ALL SELECT max(first+count) FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1)
               UNION ALL SELECT max(next) FROM floor WHERE chain IN
                 (SELECT c.no FROM chain c JOIN feed f ON f.no=c.feed WHERE f.id=?1))",
            [feed.bytes()],
            |r| r.get::<_, Option<i64>>(0),
        );
        known.flatten().map_or(0, i64::cast_unsigned)
    }

    fn forked(&self, feed: &FeedId) -> bool {
        let proof = self.fork_proof(feed);
        self.chain_numbers(feed).len() > 1 || self.kept(proof).flatten().is_some()
    }
}

impl Work<'_> {
    /// The header of a feed that ends at a head.
    pub(crate) fn ending_at(&self, feed: &FeedId, head: &Head) -> Option<Header> {
        let last = head.next.checked_sub(1)?;
        let found = self.all(
            "SELECT header FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first<=?2 AND first+count=?3
             UNION SELECT header FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first<=?2 AND first+count=?3
             LIMIT 128",
            params![feed.bytes(), last.cast_signed(), head.next.cast_signed()],
            |r| r.get::<_, Vec<u8>>(0),
        );
        let read = |bytes: &Vec<u8>| {
            self.kept(wire::decode::<Header>(bytes, 512).map_err(StoreFault::from))
        };
        found.iter().filter_map(read).find(|header| header.end() == *head)
    }

    /// The tip this file began with, where a chain of a feed begins at that head.
    fn begins_at(&self, feed: &FeedId, head: &Head) -> Option<Known> {
        let floors = self.chain_numbers(feed).into_iter().filter_map(|chain| self.floor(chain));
        let tips =
            floors.map(|floor| Known { feed: *feed, blocks: floor.blocks, head: floor.head });
        tips.into_iter().find(|tip| tip.head == *head)
    }

    /// Whether the body of a block is here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn has_body(&self, feed: &FeedId, header: &Header) -> Result<bool, StoreFault> {
        let found = self.one(
            "SELECT 1 FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND hash=?3",
            params![feed.bytes(), header.seq.cast_signed(), header.hash().0],
            |_| Ok(()),
        );
        self.check()?;
        Ok(found.is_some())
    }

    /// How far a quorum has cosigned a feed, by its blocks.
    pub(super) fn certified_cut(&self, feed: &FeedRef) -> Option<Cut> {
        self.one(
            "SELECT seq, head FROM certified WHERE feed=?1",
            [super::rows::feed_ref_bytes(feed)],
            |r| Ok(Cut { seq: r.get::<_, i64>(0)?.cast_unsigned(), head: Hash(r.get(1)?) }),
        )
    }

    /// How far every feed is known in sealed blocks, with bodies or without.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn frontier(&self) -> Result<Frontier, StoreFault> {
        let mut tips: Vec<Known> = self.whole();
        tips.extend(self.outlines()?);
        let all = Frontier::new(tips).map_err(StoreFault::Frontier)?;
        let all = all.join(&Frontier::default(), self).map_err(StoreFault::Frontier)?;
        self.check()?;
        Ok(all)
    }

    /// The tips of chains whose every entry is folded here.
    fn whole(&self) -> Vec<Known> {
        let sealed = self.feeds().into_iter().filter(|feed| feed.sealed.next > 0);
        sealed.map(|feed| Known { feed: feed.id, blocks: feed.seq, head: feed.sealed }).collect()
    }

    /// Whether everything a frontier covers of a programme, and of the control feeds, is folded here and nothing else.
    fn stands_at(&self, frontier: &Frontier, programme: ProgrammeId) -> bool {
        let of = |p: ProgrammeId| p == programme || p == ProgrammeId::NONE;
        let mine: Vec<Known> = self.whole().into_iter().filter(|t| of(t.feed.programme)).collect();
        let theirs: Vec<Known> =
            frontier.tips().iter().filter(|t| of(t.feed.programme)).copied().collect();
        Frontier::new(mine).is_ok_and(|mine| mine.tips() == theirs)
    }

    /// The leaves of state and of working rows of those of some programmes that stand whole at a frontier.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn leaves_at(
        &self,
        frontier: &Frontier,
        programmes: &BTreeSet<ProgrammeId>,
    ) -> Result<(Vec<Leaf>, Vec<Leaf>), StoreFault> {
        let mut whole: BTreeSet<ProgrammeId> =
            programmes.iter().copied().filter(|p| self.stands_at(frontier, *p)).collect();
        if self.stands_at(frontier, ProgrammeId::NONE) {
            whole.insert(ProgrammeId::NONE);
        }
        let state = self.state_leaves().into_iter();
        let state = state.filter(|leaf| whole.contains(&leaf.id.programme)).collect();
        let mut working = Vec::new();
        for programme in whole {
            if let Some(rows) = self.working_rows(programme)? {
                working.extend(leaf::leaves(rows));
            }
        }
        self.check()?;
        Ok((state, working))
    }

    /// Finds the tips of a page among the headers known here.
    ///
    /// # Errors
    ///
    /// [`PageFault`] in the inner result; a storage fault.
    pub fn tips_of(&self, page: &Page) -> Result<Result<Frontier, PageFault>, StoreFault> {
        let found = page.sketch.resolve(|feed, blocks, head| self.tip(feed, blocks, head));
        self.check()?;
        Ok(found.map_err(PageFault::from).and_then(|frontier| {
            page.check_frontier(&frontier)?;
            Ok(frontier)
        }))
    }

    fn tip(&self, feed: FeedRef, blocks: u64, head: [u8; 8]) -> Option<Known> {
        let keys = self.roster().node_keys(&feed.node);
        keys.into_iter().find_map(|node| {
            let id = FeedId { node, lane: feed.lane, programme: feed.programme };
            let headers = self.headers_at(&id, blocks.checked_sub(1)?);
            let ends = self.kept(headers)?.into_iter().map(|(header, _)| header.end());
            let known = ends.map(|head| Known { feed: id, blocks, head });
            let floors = self.chain_numbers(&id).into_iter().filter_map(|chain| self.floor(chain));
            let begun =
                floors.map(|floor| Known { feed: id, blocks: floor.blocks, head: floor.head });
            known
                .chain(begun)
                .find(|tip| tip.blocks == blocks && tip.head.accumulator.short() == head)
        })
    }

    /// The join of everything this node has signed as a witness.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn signed(&self) -> Result<Frontier, StoreFault> {
        let bytes: Option<Vec<u8>> =
            self.one("SELECT value FROM meta WHERE key=?1", [MEMORY], |r| r.get(0));
        self.check()?;
        bytes.map_or_else(|| Ok(Frontier::default()), |bytes| read_frontier(&bytes))
    }

    /// Remembers what this node signs, with the signature itself: before it leaves.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn sign_for(&self, memory: &Frontier, said: &Cosignature) -> Result<(), StoreFault> {
        self.writing()?.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
            params![MEMORY, wire::encode(memory.tips())],
        )?;
        self.put_cosignature(said)
    }

    fn put_cosignature(&self, cosignature: &Cosignature) -> Result<(), StoreFault> {
        let said = &cosignature.said;
        self.writing()?.execute(
            "INSERT OR REPLACE INTO cosignature(checkpoint, witness, time, bytes) VALUES(?1, ?2, ?3, ?4)",
            params![said.checkpoint.0, said.witness, said.time.0, cosignature.encode()],
        )?;
        Ok(())
    }

    /// The cycle an entry moves value of, where one can be told.
    pub(super) fn cycle_of(&self, chain: ChainNo, index: u64, entry: &Value) -> Option<LeafId> {
        let programme = self.chain(chain).feed.programme;
        let slot = |index: u64| {
            let lot = annona_ledger::entry::Lot(index);
            annona_ledger::fold::resolve(self, chain, lot).map(|(_, row)| row.cycle)
        };
        // A hold that was posted or dropped is told by its entry alone.
        let held = |index: u64| match self.entry_at(At { chain, index })? {
            Entry::Value(Value::Hold { lot, .. }) => slot(lot.0),
            _ => None,
        };
        let cycle = match entry {
            Value::Issue { from, .. } => slot(from.0),
            Value::Redeem { lot, .. }
            | Value::Hold { lot, .. }
            | Value::FloatRedeem { lot, .. } => slot(lot.0),
            Value::Send(send) => Some(send.cycle),
            Value::FloatCover(cover) => Some(cover.cycle),
            Value::Claim { .. } | Value::Refund { .. } => slot(index),
            Value::Post { hold, .. } | Value::Drop { hold, .. } => held(*hold),
            // What belongs to no cycle, or is not known to this page, is kept.
            _ => None,
        }?;
        Some(LeafId { programme, cycle })
    }
}

pub(super) fn read_frontier(bytes: &[u8]) -> Result<Frontier, StoreFault> {
    let tips: Vec<Known> = wire::decode(bytes, FRONTIER_BYTES)?;
    Frontier::new(tips).map_err(StoreFault::Frontier)
}

/// A page as it is kept, where the disk has not changed it.
pub(super) fn read_page(hash: &Hash, page: &[u8], frontier: &[u8]) -> Option<(Page, Frontier)> {
    let page = Page::decode(page).ok().filter(|page| page.checkpoint.hash() == *hash)?;
    Some((page, read_frontier(frontier).ok()?))
}

impl Store {
    /// The charter as it stood after an article, if that is known here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn charter_at(&self, epoch: u32) -> Result<Option<Charter>, StoreFault> {
        let now = self.charter()?;
        if now.epoch() == epoch {
            return Ok(Some(Charter::clone(now)));
        }
        let mut charter: Option<Charter> = None;
        for signed in self.articles()?.iter().take_while(|signed| signed.article.epoch <= epoch) {
            charter = Some(
                match &charter {
                    None => Charter::found(signed),
                    Some(charter) => charter.apply(signed),
                }
                .map_err(StoreFault::Article)?,
            );
        }
        Ok(charter.filter(|charter| charter.epoch() == epoch))
    }

    /// Makes a page of what is known here, with the leaves of those programmes this node has whole. Entries of open tails
    /// are not in it: the caller, `own`, seals its own first. A tail of another key is one nobody can seal any more: of an
    /// earlier incarnation, after an unclean stop.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Open`] where an entry of `own` is not in a block yet; a storage fault.
    pub fn page(
        &self,
        own: &PublicKey,
        programmes: &BTreeSet<ProgrammeId>,
        time: Minute,
    ) -> Result<Page, StoreFault> {
        let work = self.look()?;
        let feeds = work.feeds();
        let mut open = feeds.iter().filter(|feed| feed.head != feed.sealed).peekable();
        let others = open.peek().is_some();
        if let Some(open) = open.find(|feed| feed.id.node == *own) {
            return Err(StoreFault::Open { feed: open.id.short() });
        }
        let frontier = work.frontier()?;
        let (state, working) = if others {
            drop(work);
            match self.scratch(&frontier, self.charter()?.epoch())? {
                Some(scratch) => scratch.store.look()?.leaves_at(&frontier, programmes)?,
                None => (Vec::new(), Vec::new()),
            }
        } else {
            work.leaves_at(&frontier, programmes)?
        };
        Ok(Page::new(self.charter()?, &frontier, state, working, time)?)
    }

    /// Keeps a page, once it stands and its tips are known here.
    ///
    /// # Errors
    ///
    /// [`PageFault`] in the inner result: nothing is kept then. A storage fault.
    pub fn keep_page(&mut self, page: &Page) -> Result<Result<Learned, PageFault>, StoreFault> {
        let hash = page.checkpoint.hash();
        if self.kept_page(&hash)?.is_some() {
            return Ok(Ok(Learned::Known));
        }
        let epoch = page.checkpoint.epoch;
        let Some(charter) = self.charter_at(epoch)? else {
            return Ok(Err(PageFault::Charter(epoch)));
        };
        if let Err(fault) = page.check(&charter) {
            return Ok(Err(fault));
        }
        let frontier = match self.look()?.tips_of(page)? {
            Ok(frontier) => frontier,
            Err(fault) => return Ok(Err(fault)),
        };
        self.conn.execute(
            "INSERT OR REPLACE INTO checkpoint(hash, time, page, frontier) VALUES(?1, ?2, ?3, ?4)",
            params![hash.0, page.checkpoint.time.0, page.encode(), wire::encode(frontier.tips())],
        )?;
        self.make_room(&hash)?;
        Ok(Ok(Learned::New))
    }

    /// Keeps a cosignature of a page that is kept. One that does not count is not kept. Of an organisation
    /// [`limits::ORG_COSIGNATURES`] are: a witness could otherwise fill the disk with its words. One more takes the place of
    /// the oldest that its witness has said anew since, and is not kept where there is none.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn keep_cosignature(&mut self, cosignature: &Cosignature) -> Result<Learned, StoreFault> {
        let Some(kept) = self.kept_page(&cosignature.said.checkpoint)? else {
            return Ok(Learned::Known);
        };
        let charter = self.charter_at(kept.page.checkpoint.epoch)?.ok_or(StoreFault::NoCharter)?;
        let org =
            |c: &Cosignature| c.check(&kept.page, &charter, self.roster()).map(|by| by.org).ok();
        let Some(of) = org(cosignature).filter(|_| !kept.cosignatures.contains(cosignature)) else {
            return Ok(Learned::Known);
        };
        let of_org: Vec<&Cosignature> =
            kept.cosignatures.iter().filter(|kept| org(kept) == Some(of)).collect();
        let mut gone = None;
        if of_org.len() >= limits::ORG_COSIGNATURES {
            let newer = |than: &Cosignature| {
                let all = of_org.iter().copied().chain([cosignature]);
                let mut own = all.filter(|other| other.said.witness == than.said.witness);
                own.any(|other| other.said.time > than.said.time)
            };
            let stale = of_org.iter().filter(|kept| newer(kept));
            gone = stale.min_by_key(|kept| (kept.said.time, kept.said.witness));
            if gone.is_none() || newer(cosignature) {
                return Ok(Learned::Known);
            }
        }
        let work = self.begin()?;
        if let Some(gone) = gone {
            work.write(
                "DELETE FROM cosignature WHERE checkpoint=?1 AND witness=?2 AND time=?3",
                params![kept.hash.0, gone.said.witness, gone.said.time.0],
            );
        }
        work.put_cosignature(cosignature)?;
        work.commit()?;
        self.note_certified()?;
        Ok(Learned::New)
    }

    /// Writes down how far a quorum has cosigned each feed, where the rules about cuts find it.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn note_certified(&mut self) -> Result<(), StoreFault> {
        let certified = self.certified()?;
        let work = self.begin()?;
        for tip in certified.frontier.tips() {
            // Of a feed that forked the branches are many: a fence is all that cuts it.
            // Where this file began with rows the header is not here: what is certified is as many blocks, whatever they
            // are called. Only a fork could have others there.
            let name = match work.ending_at(&tip.feed, &tip.head) {
                Some(header) => header.hash(),
                None if work.begins_at(&tip.feed, &tip.head).is_some() => Hash::ZERO,
                None => continue,
            };
            work.write(
                "INSERT INTO certified(feed, seq, head) VALUES(?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET seq=excluded.seq, head=excluded.head WHERE excluded.seq>seq",
                params![
                    super::rows::feed_ref_bytes(&tip.feed.short()),
                    tip.blocks.cast_signed(),
                    name.0
                ],
            );
        }
        work.check()?;
        work.commit()
    }

    /// A page kept here. One that the disk has changed is not: it comes again from others.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn kept_page(&self, hash: &Hash) -> Result<Option<KeptPage>, StoreFault> {
        let found: Option<(Vec<u8>, Vec<u8>)> = self
            .conn
            .query_row("SELECT page, frontier FROM checkpoint WHERE hash=?1", [hash.0], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        let Some((page, frontier)) = found else { return Ok(None) };
        let mut rows = self.conn.prepare_cached(
            "SELECT bytes FROM cosignature WHERE checkpoint=?1 ORDER BY witness, time",
        )?;
        let mut cosignatures = Vec::new();
        for bytes in rows.query_map([hash.0], |r| r.get::<_, Vec<u8>>(0))? {
            cosignatures.extend(Cosignature::decode(&bytes?));
        }
        let Some((page, frontier)) = read_page(hash, &page, &frontier) else { return Ok(None) };
        Ok(Some(KeptPage { hash: *hash, page, frontier, cosignatures }))
    }

    /// Who vouches for a page, counted by the charter of its epoch.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn page_standing(&self, kept: &KeptPage) -> Result<Standing, StoreFault> {
        let charter = self.charter_at(kept.page.checkpoint.epoch)?.ok_or(StoreFault::NoCharter)?;
        Ok(standing(&kept.page, &kept.cosignatures, &charter, self.roster()))
    }

    /// What quorums have vouched for, over all pages kept here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn certified(&self) -> Result<Certified, StoreFault> {
        let mut certified = Certified::default();
        let work = self.look()?;
        for hash in self.page_hashes()? {
            let Some(kept) = self.kept_page(&hash)? else { continue };
            let standing = self.page_standing(&kept)?;
            certified.add(&standing, &kept.frontier, &work).map_err(StoreFault::Frontier)?;
        }
        work.check()?;
        Ok(certified)
    }

    /// This ledger as it was at a frontier and a charter epoch, in a file of its own that is gone when the answer is
    /// dropped. `None` where this file began above it.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn scratch(&self, frontier: &Frontier, epoch: u32) -> Result<Option<Scratch>, StoreFault> {
        let mut scratch = Scratch::new(&self.path)?;
        let store = &mut scratch.store;
        for article in self.articles()?.iter().filter(|signed| signed.article.epoch <= epoch) {
            store.apply_article(article)?;
        }
        for notice in self.roster.notices() {
            // One that needs a later article says nothing about a state before it.
            drop(store.learn(notice));
        }
        let work = self.look()?;
        if let Some(based) = work.based() {
            let floors = work
                .feeds()
                .into_iter()
                .filter_map(|feed| Some((feed.id, work.floor(feed.chain)?.head)));
            if !floors.into_iter().all(|(feed, head)| frontier.covers(&feed, &head, &work)) {
                return Ok(None);
            }
            let rows: Vec<Vec<u8>> = work.all("SELECT row FROM base", [], |r| r.get(0));
            let work = store.begin()?;
            work.put_base(based.epoch, &based.programmes, &rows)?;
            work.derive(&mut |_, _| {})?.commit()?;
        }
        let mut into = store.begin()?;
        work.blocks_as_kept::<StoreFault>(|feed, row| {
            let end = row.block.header.end();
            let floor = work.floor(row.chain).map_or(0, |floor| floor.head.next);
            if end.next > floor && frontier.covers(feed, &end, &work) {
                into.receive(feed, &row.block, None)?;
            }
            Ok(true)
        })?;
        into.commit()?;
        work.check()?;
        Ok(Some(scratch))
    }
}

/// Rows of a page's leaves as this file has them at its frontier.
pub(crate) type Leafed = BTreeMap<LeafId, Vec<Vec<u8>>>;

/// Parts rows by leaf.
#[must_use]
pub(crate) fn by_leaf(rows: Vec<Vec<u8>>) -> Leafed {
    let mut leaves = Leafed::new();
    for row in rows {
        leaves.entry(LeafId::of(&row)).or_default().push(row);
    }
    leaves
}

impl From<FrontierFault> for StoreFault {
    fn from(fault: FrontierFault) -> Self {
        Self::Frontier(fault)
    }
}
