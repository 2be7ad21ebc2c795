//! Blocks: where they are kept, sealing one's own, handing them on.

use annona_ledger::block::{self, Block, Evidence, Proof};
use annona_ledger::entry::Entry;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_ledger::key::SigningKey;
use annona_ledger::sync::frame::Known;
use annona_ledger::time::Hlc;
use annona_ledger::view::{At, ChainNo, View};
use annona_ledger::wire::{self, Bounded, Bytes};
use annona_ledger::{limits, merkle};
use rusqlite::{Row, params};

use super::rows::At64;
use super::work::{ChainRow, Pending, Work};
use super::{Store, StoreFault, rows};

/// A stored block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// The chain it stands in.
    pub chain: ChainNo,
    /// The block.
    pub block: Block,
}

/// A feed, and how far it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The feed.
    pub id: FeedId,
    /// The chain.
    pub chain: ChainNo,
    /// How much of it stands in sealed blocks.
    pub sealed: Head,
    /// How much of it is known at all.
    pub head: Head,
    /// The number of the next block.
    pub seq: u64,
    /// Where it left another chain, if it is a branch.
    pub left: Option<At>,
    /// Whether it is proven faulty.
    pub faulty: bool,
}

const BLOCK: &str = "chain, header, signature, body";

/// A page of a chain's blocks from a number on. By the number within the feed, of which there is an index: `+` keeps SQLite
/// from reading all blocks of the chain below instead, at every page.
pub(super) const PAGE: &str = "SELECT chain, header, signature, body, e.bytes, seq FROM block
  LEFT JOIN evidence e ON e.block=block.id
  WHERE feed=(SELECT feed FROM chain WHERE no=?1) AND seq>=?2 AND +chain=?1 ORDER BY seq LIMIT 64";

/// What stands beside the block of a chain that holds an index, if it is kept.
pub(super) const BESIDE: &str = "SELECT e.bytes, b.first FROM block b JOIN evidence e ON e.block=b.id
  WHERE b.id=(SELECT id FROM block WHERE chain=?1 AND first<=?2 ORDER BY first DESC LIMIT 1) AND b.first+b.count>?2";

/// The columns of a block: chain, header, signature, body.
type Columns = (ChainNo, Vec<u8>, Vec<u8>, Vec<u8>);

fn read_block(r: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((ChainNo(r.get(0)?), r.get(1)?, r.get(2)?, r.get(3)?))
}

fn built((chain, header, signature, body): Columns) -> Result<BlockRow, StoreFault> {
    let block = Block {
        header: wire::decode(&header, 512)?,
        signature: wire::decode(&signature, 80)?,
        body: Bytes::new(body)?,
    };
    Ok(BlockRow { chain, block })
}

impl Work<'_> {
    /// Folds the entries of a block that are not folded yet: those an open tail of an older copy of this very node
    /// holds, or another chain of a forked feed shares, are.
    pub(super) fn fold_block(&self, chain: ChainNo, entries: &[block::Placed]) {
        let from = self.head(chain).next;
        for placed in entries {
            if placed.index < from {
                continue;
            }
            let at = At { chain, index: placed.index };
            let after =
                Head { next: placed.index.saturating_add(1), accumulator: placed.accumulator };
            self.fold_at(at, after, &placed.entry);
        }
        self.spill();
    }

    pub(super) fn insert_block(
        &self,
        chain: ChainNo,
        feed: &FeedId,
        block: &Block,
        hash: &Hash,
    ) -> Result<(), StoreFault> {
        let header = &block.header;
        self.writing()?
            .prepare_cached(
                "INSERT INTO block(feed, seq, hash, chain, first, count, header, signature, body)
                 VALUES((SELECT no FROM feed WHERE id=?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                feed.bytes(),
                header.seq.cast_signed(),
                hash.0,
                chain.0,
                header.first.cast_signed(),
                header.count,
                wire::encode(header),
                wire::encode(&block.signature),
                &*block.body,
            ])?;
        self.drop_header(feed, header.seq, hash)
    }

    pub(super) fn keep_evidence(
        &self,
        feed: &FeedId,
        block: &Block,
        evidence: &Evidence,
    ) -> Result<(), StoreFault> {
        if evidence.0.is_empty() {
            return Ok(());
        }
        block.check_evidence(evidence)?;
        evidence.0.iter().for_each(|piece| self.keep_spends(feed, &piece.bytes));
        self.writing()?
            .prepare_cached(
                "INSERT OR IGNORE INTO evidence(block, bytes)
                 SELECT id, ?4 FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND hash=?3",
            )?
            .execute(params![
                feed.bytes(),
                block.header.seq.cast_signed(),
                block.header.hash().0,
                wire::encode(evidence)
            ])?;
        Ok(())
    }

    pub(super) fn block_named(
        &self,
        feed: &FeedId,
        seq: u64,
        hash: &Hash,
    ) -> Result<Option<BlockRow>, StoreFault> {
        let sql = format!(
            "SELECT {BLOCK} FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND hash=?3"
        );
        let found = self.one(&sql, params![feed.bytes(), seq.cast_signed(), hash.0], read_block);
        self.check()?;
        found.map(built).transpose()
    }

    /// The head a chain had after so many entries, counting those it shares with the chain it left. `None` past its end.
    pub(super) fn head_after(&self, chain: ChainNo, next: u64) -> Option<Head> {
        let row = self.chain_row(chain)?;
        let Some(last) = next.checked_sub(1) else {
            return Some(Head::start(&self.charter().federation(), &row.chain.feed));
        };
        if next == row.sealed.next {
            return Some(row.sealed);
        }
        if next == row.head.next {
            return Some(row.head);
        }
        self.heads_around(chain, last)?.into_iter().find(|head| head.next == next)
    }

    /// The heads after each entry of the block, or open tail, that holds the entry at an index: what is looked for of many
    /// entries in a row is read once.
    pub(super) fn heads_around(&self, chain: ChainNo, index: u64) -> Option<Vec<Head>> {
        let row = self.chain_row(chain)?;
        if let Some(floor) = self.floor(chain).filter(|floor| index < floor.head.next) {
            return Some(vec![floor.head]);
        }
        let at = annona_ledger::fold::owner_of(self, chain, index);
        if at.chain == chain && index >= row.sealed.next {
            let tail = self.tail(chain);
            let entries = self.kept(tail)?;
            let after = |head: &mut Head, bytes: &Vec<u8>| {
                *head = head.after(bytes);
                Some(*head)
            };
            return Some(entries.iter().scan(row.sealed, after).collect());
        }
        let block = self.block_at(at)?.block;
        let entries = self.kept(block.read(row.chain.feed.lane).map_err(StoreFault::from))?;
        let head = |placed: &block::Placed| Head {
            next: placed.index.saturating_add(1),
            accumulator: placed.accumulator,
        };
        Some(entries.iter().map(head).collect())
    }

    /// The chains of a feed: one, unless it has forked.
    #[must_use]
    pub fn chains_of(&self, feed: &FeedId) -> Vec<Feed> {
        let numbers = self.chain_numbers(feed);
        numbers.into_iter().filter_map(|chain| self.feed_of(chain)).collect()
    }

    pub(super) fn chain_numbers(&self, feed: &FeedId) -> Vec<ChainNo> {
        if let Some(known) = self.numbers.borrow().get(feed) {
            return known.clone();
        }
        let found = self.all(
            "SELECT c.no FROM chain c JOIN feed f ON f.no=c.feed WHERE f.id=?1 ORDER BY c.no",
            [feed.bytes()],
            |r| r.get(0).map(ChainNo),
        );
        self.numbers.borrow_mut().insert(*feed, found.clone());
        found
    }

    fn feed_of(&self, chain: ChainNo) -> Option<Feed> {
        let row = self.chain_row(chain)?;
        Some(Feed {
            id: row.chain.feed,
            chain,
            sealed: row.sealed,
            head: row.head,
            seq: row.seq,
            left: row.chain.left,
            faulty: row.faulty || self.shown_forked(&row.chain.feed),
        })
    }

    /// Every chain, in order of feed.
    #[must_use]
    pub fn feeds(&self) -> Vec<Feed> {
        self.all_chains().into_iter().filter_map(|chain| self.feed_of(chain)).collect()
    }

    /// How far each chain is sealed, in order of feed.
    fn heads(&self) -> Vec<(FeedId, Head)> {
        let rows = self.all_chains().into_iter().filter_map(|chain| self.chain_row(chain));
        rows.map(|row| (row.chain.feed, row.sealed)).collect()
    }

    fn all_chains(&self) -> Vec<ChainNo> {
        self.all(
            "SELECT c.no FROM chain c JOIN feed f ON f.no=c.feed ORDER BY f.id, c.no",
            [],
            |r| r.get(0).map(ChainNo),
        )
    }

    /// The root over the heads known here: what an author commits to having seen.
    #[must_use]
    pub fn frontier_root(&self) -> Hash {
        let known = self.heads().into_iter().filter(|(_, sealed)| sealed.next > 0);
        let mut tips: Vec<_> = known.map(|(feed, head)| Known { feed, blocks: 1, head }).collect();
        // Branches by their heads: which became known first is nobody's business.
        tips.sort_unstable_by_key(|tip| (tip.feed, tip.head));
        merkle::root(&tips.iter().map(annona_ledger::frontier::leaf).collect::<Vec<_>>())
    }

    /// Seals the open tail of a chain into blocks: all of it, or only as far as it fills them. In the same transaction
    /// the entries leave the tail. No block leaves this node before the transaction is committed.
    ///
    /// # Errors
    ///
    /// A storage fault; [`StoreFault::Block`] where an entry is larger than a body (none that was admitted is).
    pub fn seal(
        &mut self,
        chain: ChainNo,
        key: &SigningKey,
        now: annona_ledger::time::Millis,
        extent: Extent,
    ) -> Result<Vec<Block>, StoreFault> {
        let Some(row) = self.chain_row(chain) else {
            self.check()?;
            return Ok(Vec::new());
        };
        let feed = row.chain.feed;
        let (federation, epoch) = (self.charter().federation(), self.charter().epoch());
        let mut blocks = Vec::new();
        let mut clock = self.clock();
        while let Some(part) = self.next_part(chain, extent)? {
            let Some(row) = self.chain_row(chain) else { break };
            let epoch = part.knew.unwrap_or(epoch);
            clock = clock.tick(now);
            let block = block::Draft {
                feed,
                seq: row.seq,
                start: row.sealed,
                entries: &part.entries,
                evidence: &part.evidence,
                frontier_root: self.frontier_root(),
                epoch,
                hlc: clock,
            }
            .seal(key, &federation)?;
            self.insert_block(chain, &feed, &block, &block.header.hash())?;
            self.keep_evidence(&feed, &block, &part.evidence)?;
            let end = block.header.end();
            let (from, to) = (At { chain, index: row.sealed.next }, At { chain, index: end.next });
            self.pending.borrow_mut().retain(|at, _| *at < from || *at >= to);
            self.write("DELETE FROM tail WHERE at>=?1 AND at<?2", [At64(from), At64(to)]);
            let seq = row.seq.saturating_add(1);
            self.set_chain(chain, ChainRow { sealed: end, seq, ..row });
            if part.knew.is_some() {
                self.forget_knew(chain, end.next)?;
            }
            blocks.push(block);
        }
        if !blocks.is_empty() {
            self.set_clock(clock)?;
        }
        self.check()?;
        Ok(blocks)
    }

    /// The next entries of a tail that fit one block, never parting a basket.
    fn next_part(&self, chain: ChainNo, extent: Extent) -> Result<Option<Part>, StoreFault> {
        let Some(row) = self.chain_row(chain) else { return Ok(None) };
        let from = At { chain, index: row.sealed.next };
        let most = from.index.saturating_add(limits::BLOCK_ENTRIES as u64);
        // What was written before an article was learned is a block of its own: nothing is added to it.
        let knew = self.knew(chain, from.index)?;
        let to = At { chain, index: knew.map_or(most, |(below, _)| most.min(below)) };
        let mut rows: Vec<Pending> = self.all(
            "SELECT entry, evidence FROM tail WHERE at>=?1 AND at<?2 ORDER BY at",
            [At64(from), At64(to)],
            |r| Ok((r.get(0)?, r.get(1)?)),
        );
        self.check()?;
        // What is not in the file yet comes after all that is.
        rows.extend(self.pending.borrow().range(from..to).map(|(_, pending)| pending.clone()));
        let mut full = rows.len() >= limits::BLOCK_ENTRIES || knew.is_some();
        let lane = row.chain.feed.lane;
        let mut part = Part { knew: knew.map(|(_, epoch)| epoch), ..Part::default() };
        let mut bytes = 0usize;
        let mut proofs = Vec::new();
        let mut group: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        let mut bound = 0usize;
        for (entry, evidence) in rows {
            if bound == 0 {
                use annona_ledger::entry::Value;
                if let Ok(Entry::Value(Value::Basket { entries })) = Entry::decode(lane, &entry) {
                    bound = usize::from(entries).saturating_add(1);
                } else {
                    bound = 1;
                }
            }
            group.push((entry, evidence));
            bound = bound.saturating_sub(1);
            if bound > 0 {
                continue;
            }
            let size: usize = group.iter().map(|(entry, _)| entry.len()).sum();
            if bytes.saturating_add(size) > limits::BODY_BYTES {
                full = true;
                break;
            }
            bytes = bytes.saturating_add(size);
            for (entry, evidence) in group.drain(..) {
                if let Some(bytes) = evidence {
                    let place = u16::try_from(part.entries.len()).unwrap_or(u16::MAX);
                    proofs.push(Proof { place, bytes: Bytes::new(bytes)? });
                }
                part.entries.push(entry);
            }
        }
        part.evidence = Evidence(Bounded::new(proofs)?);
        let due = full || extent == Extent::All;
        Ok(if part.entries.is_empty() || !due { None } else { Some(part) })
    }

    /// How many entries of a chain are not in a block yet.
    #[must_use]
    pub fn tail_len(&self, chain: ChainNo) -> u64 {
        self.chain_row(chain).map_or(0, |row| row.head.next.saturating_sub(row.sealed.next))
    }

    /// The index from which on a chain's entries are in no block yet.
    #[must_use]
    pub fn sealed_next(&self, chain: ChainNo) -> u64 {
        self.chain_row(chain).map_or(0, |row| row.sealed.next)
    }

    fn clock(&self) -> Hlc {
        self.one("SELECT value FROM meta WHERE key='hlc'", [], |r| r.get::<_, Vec<u8>>(0))
            .and_then(|bytes| wire::decode(&bytes, 32).ok())
            .unwrap_or_default()
    }

    fn set_clock(&self, clock: Hlc) -> Result<(), StoreFault> {
        self.writing()?
            .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('hlc', ?1)")?
            .execute([wire::encode(&clock)])?;
        Ok(())
    }

    /// The entry at a place of exactly this chain, from its block or the tail.
    #[must_use]
    pub fn entry_at(&self, at: At) -> Option<Entry> {
        let lane = self.chain(at.chain).feed.lane;
        if let Some(entry) = self.recent.borrow().entry(at, lane) {
            return self.kept(entry.map_err(StoreFault::from));
        }
        let bytes = self.entry_bytes(at)?;
        self.kept(Entry::decode(lane, &bytes).map_err(StoreFault::from))
    }

    /// The bytes of the entry at a place.
    #[must_use]
    pub fn entry_bytes(&self, at: At) -> Option<Vec<u8>> {
        if let Some((bytes, _)) = self.pending.borrow().get(&at) {
            return Some(bytes.clone());
        }
        if self.chain_row(at.chain).is_none_or(|row| at.index >= row.sealed.next) {
            let tail = self.one("SELECT entry FROM tail WHERE at=?1", [At64(at)], |r| r.get(0));
            if tail.is_some() {
                return tail;
            }
        }
        let found: Option<(i64, Vec<u8>)> = self.one(
            "SELECT first, body FROM block WHERE chain=?1 AND first<=?2 AND first+count>?2 ORDER BY first DESC LIMIT 1",
            params![at.chain.0, at.index.cast_signed()],
            |r| Ok((r.get(0)?, r.get(1)?)),
        );
        let Some((first, body)) = found else {
            return self.one("SELECT entry FROM given WHERE at=?1", [At64(at)], |r| r.get(0));
        };
        let lane = self.chain(at.chain).feed.lane;
        let mut rest: &[u8] = &body;
        let skip = at.index.checked_sub(first.cast_unsigned())?;
        for _ in 0..skip {
            let (_, after) = self.kept(Entry::take(lane, rest).map_err(StoreFault::from))?;
            rest = after;
        }
        let (_, after) = self.kept(Entry::take(lane, rest).map_err(StoreFault::from))?;
        let used = rest.len().saturating_sub(after.len());
        rest.get(..used).map(<[u8]>::to_vec)
    }

    /// What stands beside the entry at a place of exactly this chain, if it is kept here.
    #[must_use]
    pub fn evidence_at(&self, at: At) -> Option<Vec<u8>> {
        let tail = self.one("SELECT evidence FROM tail WHERE at=?1", [At64(at)], |r| r.get(0));
        if let Some(evidence) = tail {
            return evidence;
        }
        let (bytes, first): (Vec<u8>, i64) =
            self.one(BESIDE, params![at.chain.0, at.index.cast_signed()], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?;
        let evidence = wire::decode::<Evidence>(&bytes, limits::BLOCK_EVIDENCE_BYTES);
        let Evidence(pieces) = self.kept(evidence.map_err(StoreFault::from))?;
        let place = at.index.checked_sub(first.cast_unsigned())?;
        let piece = pieces.into_vec().into_iter().find(|piece| u64::from(piece.place) == place)?;
        Some(piece.bytes.into_vec())
    }

    /// The sealed block that holds a place of exactly this chain.
    #[must_use]
    pub fn block_at(&self, at: At) -> Option<BlockRow> {
        let sql = format!(
            "SELECT {BLOCK} FROM block WHERE chain=?1 AND first<=?2 AND first+count>?2 ORDER BY first DESC LIMIT 1"
        );
        let found = self.one(&sql, params![at.chain.0, at.index.cast_signed()], read_block)?;
        self.kept(built(found))
    }

    /// The blocks of a chain from a block number on, handed to `each` one by one until it answers `false`.
    ///
    /// # Errors
    ///
    /// A storage fault, or what `each` answers.
    pub fn blocks<E: From<StoreFault>>(
        &self,
        chain: ChainNo,
        from: u64,
        mut each: impl FnMut(BlockRow, Option<Evidence>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut next = from.cast_signed();
        loop {
            // A page at a time, so that a reader never holds a statement while it writes elsewhere.
            let page = self.all(PAGE, params![chain.0, next], |r| {
                Ok((read_block(r)?, r.get::<_, Option<Vec<u8>>>(4)?, r.get::<_, i64>(5)?))
            });
            self.check()?;
            if page.is_empty() {
                return Ok(());
            }
            for (row, evidence, seq) in page {
                next = seq.saturating_add(1);
                let evidence = evidence
                    .map(|bytes| wire::decode(&bytes, limits::BLOCK_EVIDENCE_BYTES))
                    .transpose()
                    .map_err(StoreFault::from)?;
                if !each(built(row)?, evidence)? {
                    return Ok(());
                }
            }
        }
    }
}

impl Work<'_> {
    /// Every block of every feed in the order in which it came to be kept here, handed to `each` one by one until it
    /// answers `false`. Blocks of one feed come in the order of the feed, as none is kept before what it continues.
    ///
    /// # Errors
    ///
    /// A storage fault, or what `each` answers.
    pub fn blocks_as_kept<E: From<StoreFault>>(
        &self,
        mut each: impl FnMut(&FeedId, BlockRow) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut last = 0i64;
        loop {
            let sql = format!("SELECT {BLOCK}, id FROM block WHERE id>?1 ORDER BY id LIMIT 64");
            let page = self.all(&sql, [last], |r| Ok((read_block(r)?, r.get::<_, i64>(4)?)));
            self.check()?;
            if page.is_empty() {
                return Ok(());
            }
            for (row, id) in page {
                last = id;
                let row = built(row)?;
                let feed = self.chain(row.chain).feed;
                self.check()?;
                if !each(&feed, row)? {
                    return Ok(());
                }
            }
        }
    }
}

/// How much of a tail is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    All,
    /// What fills whole blocks; the rest stays open.
    Full,
}

#[derive(Default)]
struct Part {
    entries: Vec<Vec<u8>>,
    evidence: Evidence,
    /// The charter epoch its author knew, where more was learned since.
    knew: Option<u32>,
}

impl Store {
    /// Every chain, in order of feed.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub fn feeds(&self) -> Result<Vec<Feed>, StoreFault> {
        let work = self.look()?;
        let feeds = work.feeds();
        work.check()?;
        Ok(feeds)
    }

    /// Whether this file holds any entry of a node's own.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn has_entries_of(&self, node: &annona_ledger::key::PublicKey) -> Result<bool, StoreFault> {
        let feeds = self
            .conn()
            .prepare_cached("SELECT f.id FROM chain c JOIN feed f ON f.no=c.feed WHERE c.next>0")?
            .query_map([], |r| r.get::<_, [u8; 36]>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(feeds.iter().filter_map(rows::feed_id).any(|feed| feed.node == *node))
    }
}
