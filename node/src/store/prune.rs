//! Which checkpoints are kept, and which bodies may go below one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::checkpoint::{Checkpoint, Standing};
use annona_ledger::cut::{self, Label};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::frontier::Frontier;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, Lane, OrgId, ProgrammeId};
use annona_ledger::leaf::LeafId;
use annona_ledger::limits;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, View};
use rusqlite::params;

use super::checkpoints::{KeptPage, read_page};
use super::work::Work;
use super::{Store, StoreFault};
use crate::member::{self, Between};

/// Blocks that are looked at in one go.
const LOOKED: usize = 256;

/// What pruning took away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// Blocks whose bodies are gone. Their headers are here.
    pub blocks: u64,
    /// Bytes of those bodies.
    pub bytes: u64,
}

/// What pruning would take away, and what it still lacks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pruning {
    /// What would go.
    pub would: Pruned,
    /// The programmes whose leaves no quorum has signed: how many organisations have, and how many it takes.
    pub uncertified: Option<(usize, u8)>,
    /// Organisations that hold the bodies of the programme, and of the control feeds (programme zero), on nodes that come
    /// after this one.
    pub mirrors: BTreeMap<ProgrammeId, BTreeSet<OrgId>>,
    /// A feed of the programme that has forked: then nothing goes.
    pub forked: Option<FeedRef>,
    going: Vec<(FeedId, u64, Hash)>,
}

impl Pruning {
    /// Whether everything it takes is there.
    #[must_use]
    pub fn may(&self) -> bool {
        self.uncertified.is_none() && self.forked.is_none() && self.unmirrored().next().is_none()
    }

    /// The programmes that too few others hold.
    pub fn unmirrored(&self) -> impl Iterator<Item = ProgrammeId> {
        let few = self.mirrors.iter().filter(|(_, orgs)| orgs.len() < limits::MIRRORS);
        few.map(|(programme, _)| *programme)
    }
}

impl Store {
    /// What pruning a programme below a kept page would take away, and what it lacks. `own` is the node that asks: only
    /// words of nodes that come after it count ([`Standing::mirrors`]).
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn pruning(
        &self,
        kept: &KeptPage,
        programme: ProgrammeId,
        own: &[u8; 8],
    ) -> Result<Pruning, StoreFault> {
        let mut standing = self.page_standing(kept)?;
        for hash in self.page_hashes()? {
            if let Some(other) = self.kept_page(&hash)? {
                standing.hear(&self.page_standing(&other)?);
            }
        }
        let work = self.look()?;
        // Who burnt, was replaced or left holds nothing any more, and takes no word back; nor does who handed over or ended,
        // or has no certificate any more by what two organisations agree on.
        let own_key = self.roster().node(own).map(|certificate| certificate.node);
        let agreed = own_key.and_then(|own| work.heard_of_others(&own)).map(|others| others.agreed);
        let now = Between { earliest: agreed.unwrap_or(Minute(0)), ..Between::UNKNOWN };
        let lives = |node: &[u8; 8]| {
            member::may_meet(&work, node, now).is_ok() && !member::has_ended(&work, node)
        };
        for witnesses in standing.holds.values_mut() {
            witnesses.retain(|node, _| lives(node));
        }
        let mut pruning = Pruning::default();
        if !standing.certifies(programme) {
            let of = standing.leaves.iter().filter(|(leaf, _)| leaf.programme == programme);
            let least = of.map(|(_, orgs)| orgs.len()).min().unwrap_or(0);
            pruning.uncertified = Some((least, standing.quorum));
        }
        for held in [ProgrammeId::NONE, programme] {
            let of = self.roster().org_of(own);
            let mirrors = of.map(|org| standing.mirrors(held, (org, *own))).unwrap_or_default();
            pruning.mirrors.insert(held, mirrors);
        }
        let (going, bytes) = work.closed_below(&kept.frontier, programme)?;
        pruning.would = Pruned { blocks: going.len() as u64, bytes };
        pruning.going = going;
        let programmes = pruned_with(&work, programme);
        // A branch found since then may begin below the frontier, where the page knew of none.
        for feed in work.feeds().iter().filter(|feed| programmes.contains(&feed.id.programme)) {
            let shown = || work.shown_otherwise(&feed.id.short());
            if feed.left.is_some() || work.fork_proof(&feed.id)?.is_some() || shown() {
                pruning.forked = Some(feed.id.short());
            }
        }
        Ok(pruning)
    }

    /// Drops the bodies of blocks of a programme all of whose entries lie below the close of their cycle, below a page that
    /// a quorum vouches for and nodes of two organisations beside this node hold the bodies of. Headers stay.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Unmirrored`] where too few hold them; [`StoreFault::Begun`] where a feed has forked. Nothing is
    /// changed then.
    pub fn prune(
        &mut self,
        kept: &KeptPage,
        programme: ProgrammeId,
        own: &[u8; 8],
    ) -> Result<Pruned, StoreFault> {
        let pruning = self.pruning(kept, programme, own)?;
        if pruning.uncertified.is_some() || pruning.unmirrored().next().is_some() {
            return Err(StoreFault::Unmirrored { programme });
        }
        if pruning.going.is_empty() {
            return Ok(Pruned::default());
        }
        if let Some(feed) = pruning.forked {
            return Err(StoreFault::Begun { feed });
        }
        let programmes = pruned_with(&self.look()?, programme);
        let epoch = kept.page.checkpoint.epoch;
        let Some(scratch) = self.scratch(&kept.frontier, epoch)? else {
            return Ok(Pruned::default());
        };
        let mut rows = Vec::new();
        for programme in &programmes {
            let Some(some) = scratch.store.look()?.working_rows(*programme)? else {
                let feed = FeedRef { node: [0; 8], lane: Lane::Value, programme: *programme };
                return Err(StoreFault::Begun { feed });
            };
            rows.extend(some);
        }
        // State stands on the rows before the first body goes: wherever this is cut short, nothing is missing.
        let work = self.begin()?;
        work.put_base(epoch, &programmes, &rows)?;
        work.derive(&mut |_, _| {})?.commit()?;
        let mut pruned = Pruned::default();
        let work = self.begin()?;
        for (feed, seq, hash) in pruning.going {
            if let Some(bytes) = work.drop_body(&feed, seq, &hash) {
                pruned.blocks = pruned.blocks.saturating_add(1);
                pruned.bytes = pruned.bytes.saturating_add(bytes);
            }
        }
        work.check()?;
        work.commit()?;
        Ok(pruned)
    }

    /// The hashes of all pages kept here, those that cover most first. Nobody signs a page to send it, so its own time
    /// orders only those that cover as much, of one article: first those dated no more than a day past every stamp here,
    /// of these the newest. Last of all are those dated further past every stamp here than a clock is believed. One that the disk
    /// has changed is not among them.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn page_hashes(&self) -> Result<Vec<Hash>, StoreFault> {
        const DAY: u32 = 24 * 60;
        let newest = "SELECT coalesce(max(stamp), 0) FROM chain";
        let newest: u32 = self.conn.query_row(newest, [], |r| r.get(0))?;
        let past = |days: u32| newest.saturating_add(days.saturating_mul(DAY));
        let mut rows = self.conn.prepare_cached("SELECT hash, page, frontier FROM checkpoint")?;
        let mut rows = rows.query([])?;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            let (hash, page, frontier): (_, Vec<u8>, Vec<u8>) =
                (Hash(row.get(0)?), row.get(1)?, row.get(2)?);
            let Some((page, frontier)) = read_page(&hash, &page, &frontier) else { continue };
            let Checkpoint { epoch, time, .. } = page.checkpoint;
            let covers = entries(&frontier);
            let (far, ahead) = (time.0 > past(limits::CLOCK_AHEAD_DAYS), time.0 > past(1));
            let tells = (Reverse(covers), Reverse(epoch));
            pages.push((far, tells, ahead, Reverse(time), hash));
        }
        pages.sort_unstable();
        Ok(pages.into_iter().map(|page| page.4).collect())
    }

    /// Changes every page and cosignature kept here, as a disk may.
    #[cfg(test)]
    pub(crate) fn spoil_pages(&self) {
        let all = "UPDATE cosignature SET bytes=x'07'; UPDATE checkpoint SET page=x'07'";
        self.conn.execute_batch(all).expect("changed");
    }

    /// How many of the pages kept here the disk has changed: they stand in nobody's way, and come again from others.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub(super) fn changed_pages(&self) -> Result<usize, StoreFault> {
        let all: i64 = self.conn.query_row("SELECT count(*) FROM checkpoint", [], |r| r.get(0))?;
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        Ok(all.saturating_sub(self.page_hashes()?.len()))
    }

    /// Lets a page go where there are more than [`limits::OPEN_PAGES`] that no quorum has signed, other than the one that
    /// has just come: nobody signs a page to send it, so a stranger could fill the disk with them.
    ///
    /// First one that nobody has signed; then one of whoever has signed most of them alone; of several the one that covers
    /// least, and not the one with the earliest date: a date is its maker's word.
    pub(super) fn make_room(&mut self, new: &Hash) -> Result<(), StoreFault> {
        let hashes = self.page_hashes()?;
        if hashes.len() <= limits::OPEN_PAGES {
            return Ok(());
        }
        let mut open: Vec<(Hash, Standing)> = Vec::new();
        for hash in hashes.iter().filter(|hash| *hash != new) {
            let Some(kept) = self.kept_page(hash)? else { continue };
            let standing = self.page_standing(&kept)?;
            if !standing.certifies_frontier() {
                open.push((*hash, standing));
            }
        }
        if open.len() < limits::OPEN_PAGES {
            return Ok(());
        }
        let mut alone: BTreeMap<OrgId, usize> = BTreeMap::new();
        for org in open.iter().filter_map(|(_, standing)| only(standing)) {
            let sum = alone.entry(org).or_default();
            *sum = sum.saturating_add(1);
        }
        let worth = |standing: &Standing| {
            let most = only(standing).and_then(|org| alone.get(&org)).copied().unwrap_or(0);
            (standing.frontier.len(), usize::MAX.saturating_sub(most))
        };
        let gone = open.iter().rev().min_by_key(|(_, standing)| worth(standing));
        if let Some((hash, _)) = gone {
            let work = self.begin()?;
            work.tx.execute("DELETE FROM cosignature WHERE checkpoint=?1", [hash.0])?;
            work.tx.execute("DELETE FROM checkpoint WHERE hash=?1", [hash.0])?;
            work.commit()?;
        }
        Ok(())
    }
}

/// How many entries a frontier covers.
fn entries(frontier: &Frontier) -> u64 {
    frontier.tips().iter().fold(0, |sum: u64, tip| sum.saturating_add(tip.head.next))
}

/// The only organisation that has signed a page, if one has.
fn only(standing: &Standing) -> Option<OrgId> {
    let mut orgs = standing.frontier.iter();
    orgs.next().copied().filter(|_| orgs.next().is_none())
}

/// The programmes whose state stands on rows once one is pruned.
fn pruned_with(work: &Work<'_>, programme: ProgrammeId) -> BTreeSet<ProgrammeId> {
    let mut programmes = work.began_with();
    programmes.extend([programme, ProgrammeId::NONE]);
    programmes
}

/// A block whose body is here: feed, number, hash.
type Bodied = (FeedId, u64, Hash);

impl Work<'_> {
    /// The blocks of a programme's value feeds that are here with their bodies, below a frontier, and all of whose entries
    /// lie below the close of their cycle; and the bytes of those bodies.
    fn closed_below(
        &self,
        frontier: &Frontier,
        programme: ProgrammeId,
    ) -> Result<(Vec<Bodied>, u64), StoreFault> {
        let (mut below, mut bytes) = (Vec::new(), 0u64);
        self.blocks_as_kept::<StoreFault>(|feed, row| {
            let header = &row.block.header;
            let of = feed.programme == programme && feed.lane == Lane::Value;
            if !of || !frontier.covers(feed, &header.end(), self) {
                return Ok(true);
            }
            let entries = row.block.read(feed.lane)?;
            let closed = entries.iter().all(|placed| {
                let Entry::Value(value) = &placed.entry else { return false };
                let at = At { chain: row.chain, index: placed.index };
                if let Value::Merchant { .. } | Value::Basket { .. } = value {
                    return cut::label(self, at, None) == Label::Good;
                }
                self.cycle_of(at.chain, at.index, value).is_some_and(|LeafId { cycle, .. }| {
                    self.charter().closed(programme, cycle).is_some()
                        && cut::label(self, at, Some(cycle)) == Label::Good
                })
            });
            if closed {
                below.push((*feed, header.seq, header.hash()));
                bytes = bytes.saturating_add(row.block.body.len() as u64);
            }
            Ok(true)
        })?;
        self.check()?;
        Ok((below, bytes))
    }

    /// Whether evidence that a block of a programme's value feeds below a frontier commits to is not here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn lacks_evidence(
        &self,
        frontier: &Frontier,
        programme: ProgrammeId,
    ) -> Result<bool, StoreFault> {
        let mut after = 0;
        loop {
            let (lacking, last) = self.without_evidence(after, LOOKED)?;
            let of = |feed: &FeedId| feed.programme == programme && feed.lane == Lane::Value;
            for (feed, seq, name) in lacking.iter().filter(|(feed, ..)| of(feed)) {
                let known = self.block_named(feed, *seq, name)?;
                let end = known.map(|known| known.block.header.end());
                if end.is_some_and(|end| frontier.covers(feed, &end, self)) {
                    return Ok(true);
                }
            }
            if lacking.len() < LOOKED {
                self.check()?;
                return Ok(false);
            }
            after = last;
        }
    }

    /// Keeps the header of a block in place of the block. Answers the bytes of the body, if it was here.
    fn drop_body(&self, feed: &FeedId, seq: u64, hash: &Hash) -> Option<u64> {
        let (id, bytes): (i64, i64) = self.one(
            "SELECT id, length(body) FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND hash=?3",
            params![feed.bytes(), seq.cast_signed(), hash.0],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        self.write(
            "INSERT OR IGNORE INTO header(feed, seq, hash, first, count, header, signature)
             SELECT feed, seq, hash, first, count, header, signature FROM block WHERE id=?1",
            [id],
        );
        self.write("DELETE FROM evidence WHERE block=?1", [id]);
        self.write("DELETE FROM block WHERE id=?1", [id]);
        Some(bytes.unsigned_abs())
    }
}
