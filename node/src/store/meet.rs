//! What a meeting with another node asks of the file: what is new in it, where chains end, what stands on them.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::block::{Block, Evidence, Header};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, ProgrammeId};
use annona_ledger::key::Signature;
use annona_ledger::limits;
use annona_ledger::list::List;
use annona_ledger::sync::frame::Known;
use annona_ledger::view::{ChainNo, View};
use annona_ledger::wire::{self, Bytes};
use rusqlite::{OptionalExtension, params};

use super::work::Work;
use super::{Blob, Store, StoreFault, rows};

/// Blocks looked through for missing evidence at a time.
const PAGE: i64 = 512;

/// Where a chain ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tip {
    /// How far it is known.
    pub(crate) known: Known,
    /// The chain it ends, where its bodies are here; else its headers alone are.
    pub(crate) chain: Option<ChainNo>,
}

/// A block by its feed, its number and the hash of its header.
pub(crate) type Named = (FeedId, u64, Hash);

/// What changes when the charter or the roster does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PowerMark {
    articles: i64,
    newest: Option<Vec<u8>>,
    notices: i64,
    aside: i64,
}

/// How many words there are that follow no feed's order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Words {
    /// Names of fork proofs.
    pub(crate) forks: BTreeSet<Hash>,
    /// Hashes of checkpoints.
    pub(crate) pages: Vec<Hash>,
    /// How many cosignatures.
    pub(crate) said: i64,
}

impl Store {
    /// A number that is another one after each commit of another connection.
    pub(crate) fn version(&self) -> Result<i64, StoreFault> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// What changes when the charter or the roster does.
    pub(crate) fn power(&self) -> Result<PowerMark, StoreFault> {
        let power = self.conn.query_row(
            "SELECT (SELECT count(*) FROM article), (SELECT bytes FROM article ORDER BY epoch DESC LIMIT 1),
                    (SELECT count(*) FROM notice), (SELECT count(*) FROM blob WHERE kind=?1)",
            [Blob::Aside as u8],
            |r| Ok(PowerMark { articles: r.get(0)?, newest: r.get(1)?, notices: r.get(2)?, aside: r.get(3)? }),
        );
        Ok(power.optional()?.unwrap_or_default())
    }

    /// Reads charter and notices anew: another connection has written some.
    pub(crate) fn reload(&mut self) -> Result<(), StoreFault> {
        (self.charter, self.roster, self.branches) = super::load(&self.conn)?;
        Ok(())
    }
}

impl Work<'_> {
    /// What is here that follows no feed's order, but for notices.
    pub(crate) fn words(&self) -> Words {
        let names = |sql: &str, kind: &[u8]| {
            self.all(sql, rusqlite::params_from_iter(kind), |r| r.get(0).map(Hash))
        };
        let forks = names("SELECT name FROM blob WHERE kind=?1", &[Blob::ForkProof as u8]);
        let pages = names("SELECT hash FROM checkpoint ORDER BY hash", &[]);
        let said = self.one("SELECT count(*) FROM cosignature", [], |r| r.get(0)).unwrap_or(0);
        Words { forks: forks.into_iter().collect(), pages, said }
    }

    /// Where every chain ends whose bodies are here, in sealed blocks; ascending by feed, then by head.
    pub(crate) fn chain_tips(&self) -> BTreeMap<FeedId, Vec<Tip>> {
        let found = self.all(
            "SELECT f.id, c.no, c.seq, c.sealed, c.sealed_accumulator FROM chain c JOIN feed f ON f.no=c.feed
             WHERE c.sealed>0",
            [],
            |r| {
                let head = Head {
                    next: r.get::<_, i64>(3)?.cast_unsigned(),
                    accumulator: Hash(r.get(4)?),
                };
                let blocks = r.get::<_, i64>(2)?.cast_unsigned();
                Ok((r.get::<_, [u8; 36]>(0)?, ChainNo(r.get(1)?), blocks, head))
            },
        );
        let mut tips: BTreeMap<FeedId, Vec<Tip>> = BTreeMap::new();
        for (feed, chain, blocks, head) in found {
            let Some(feed) = rows::feed_id(&feed) else { continue };
            let tip = Tip { known: Known { feed, blocks, head }, chain: Some(chain) };
            tips.entry(feed).or_default().push(tip);
        }
        for tips in tips.values_mut() {
            tips.sort_unstable_by_key(|tip| tip.known.head);
        }
        tips
    }

    /// The feeds of which headers without bodies are here, and the highest number of one.
    pub(crate) fn header_feeds(&self) -> Vec<(FeedId, u64)> {
        // From feed to feed by the key of the table: it has a row for every block.
        let found = self.all(
            "WITH RECURSIVE f(no) AS (
               SELECT min(feed) FROM header
               UNION ALL SELECT (SELECT min(feed) FROM header WHERE feed>f.no) FROM f WHERE f.no IS NOT NULL)
             SELECT feed.id, (SELECT max(seq) FROM header WHERE header.feed=f.no) FROM f JOIN feed ON feed.no=f.no",
            [],
            |r| Ok((r.get::<_, [u8; 36]>(0)?, r.get::<_, i64>(1)?.cast_unsigned())),
        );
        found.into_iter().filter_map(|(feed, seq)| Some((rows::feed_id(&feed)?, seq))).collect()
    }

    /// Where the chains of a feed end of which its headers tell, with or without bodies.
    pub(crate) fn outline_tips(&self, feed: &FeedId, forked: bool) -> Result<Vec<Tip>, StoreFault> {
        let tip = |header: &Header| Tip {
            known: Known { feed: *feed, blocks: header.seq.saturating_add(1), head: header.end() },
            chain: None,
        };
        if !forked {
            let last = self.one(
                "SELECT header, signature FROM (
                   SELECT seq, header, signature FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1)
                     AND seq=(SELECT max(seq) FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1))
                   UNION ALL SELECT seq, header, signature FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1)
                     AND seq=(SELECT max(seq) FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1)))
                 ORDER BY seq DESC LIMIT 1",
                [feed.bytes()],
                |r| r.get::<_, Vec<u8>>(0),
            );
            self.check()?;
            let Some(last) = last else { return Ok(Vec::new()) };
            return Ok(vec![tip(&wire::decode::<Header>(&last, 512)?)]);
        }
        let (mut ends, mut begun) = (Vec::new(), BTreeSet::new());
        self.headers::<StoreFault>(feed, 0, |(header, _)| {
            begun.insert(header.start());
            ends.push(header);
            Ok(())
        })?;
        ends.retain(|header| !begun.contains(&header.end()));
        ends.sort_unstable_by_key(Header::end);
        ends.truncate(usize::from(limits::BRANCHES));
        Ok(ends.iter().map(tip).collect())
    }

    /// The number of the first block that a chain has for itself.
    pub(crate) fn first_own(&self, chain: ChainNo) -> Option<u64> {
        self.one("SELECT seq FROM block WHERE chain=?1 ORDER BY first LIMIT 1", [chain.0], |r| {
            r.get::<_, i64>(0).map(i64::cast_unsigned)
        })
    }

    /// The head after so many blocks of the chain that ends in a tip.
    pub(crate) fn head_on(&self, tip: &Tip, blocks: u64) -> Result<Option<Head>, StoreFault> {
        if blocks == tip.known.blocks {
            return Ok(Some(tip.known.head));
        }
        let Some(last) = blocks.checked_sub(1).filter(|last| *last < tip.known.blocks) else {
            let start = Head::start(&self.charter().federation(), &tip.known.feed);
            return Ok((blocks == 0).then_some(start));
        };
        if let Some(floor) = tip.chain.and_then(|chain| self.floor(chain))
            && floor.blocks == blocks
        {
            return Ok(Some(floor.head));
        }
        Ok(self.header_on(tip, last)?.map(|(header, _)| header.end()))
    }

    /// A block of the chain that ends in a tip, by its number, where its body is here.
    pub(crate) fn block_on(&self, tip: &Tip, seq: u64) -> Result<Option<Block>, StoreFault> {
        let Some(mut chain) = tip.chain.filter(|_| seq < tip.known.blocks) else { return Ok(None) };
        for _ in 0..=limits::BRANCHES {
            let found = self.one(
                "SELECT header, signature, body FROM block
                 WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND chain=?3",
                params![tip.known.feed.bytes(), seq.cast_signed(), chain.0],
                |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?, r.get::<_, Vec<u8>>(2)?)),
            );
            self.check()?;
            if let Some((header, signature, body)) = found {
                let (header, signature) = signed(&header, &signature)?;
                return Ok(Some(Block { header, signature, body: Bytes::new(body)? }));
            }
            let Some(before) = self.left_below(&tip.known.feed, chain, seq)? else { break };
            chain = before;
        }
        Ok(None)
    }

    /// A header of the chain that ends in a tip, by its number, with or without its body.
    pub(crate) fn header_on(
        &self,
        tip: &Tip,
        seq: u64,
    ) -> Result<Option<(Header, Signature)>, StoreFault> {
        if seq >= tip.known.blocks {
            return Ok(None);
        }
        let feed = &tip.known.feed;
        let mut beside = self.headers_at(feed, seq)?;
        if beside.len() < 2 {
            return Ok(beside.pop());
        }
        let mut chain = tip.chain;
        for _ in 0..=limits::BRANCHES {
            let Some(of) = chain else { break };
            let found = self.one(
                "SELECT header, signature FROM block
                 WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND chain=?3",
                params![feed.bytes(), seq.cast_signed(), of.0],
                |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)),
            );
            self.check()?;
            if let Some((header, signature)) = found {
                return Ok(Some(signed(&header, &signature)?));
            }
            chain = self.left_below(feed, of, seq)?;
        }
        // Headers alone: back from the tip, block by block.
        let mut head = tip.known.head;
        for at in (seq..tip.known.blocks).rev() {
            let ends = |(header, _): &(Header, Signature)| header.end() == head;
            let Some(found) = self.headers_at(feed, at)?.into_iter().find(ends) else { break };
            if at == seq {
                return Ok(Some(found));
            }
            head = found.0.start();
        }
        Ok(None)
    }

    /// The chain that holds what a chain continues, where a number lies below its own first block.
    fn left_below(
        &self,
        feed: &FeedId,
        chain: ChainNo,
        seq: u64,
    ) -> Result<Option<ChainNo>, StoreFault> {
        let first = self.one(
            "SELECT header FROM block WHERE chain=?1 ORDER BY first LIMIT 1",
            [chain.0],
            |r| r.get::<_, Vec<u8>>(0),
        );
        self.check()?;
        let Some(first) = first else { return Ok(None) };
        let first: Header = wire::decode(&first, 512)?;
        let Some(before) = first.seq.checked_sub(1).filter(|_| seq < first.seq) else {
            return Ok(None);
        };
        let beside = self.all(
            "SELECT chain, header FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 LIMIT 128",
            params![feed.bytes(), before.cast_signed()],
            |r| Ok((ChainNo(r.get(0)?), r.get::<_, Vec<u8>>(1)?)),
        );
        self.check()?;
        for (of, header) in beside {
            let header: Header = wire::decode(&header, 512)?;
            if header.end() == first.start() && of != chain {
                return Ok(Some(of));
            }
        }
        Ok(None)
    }

    /// The evidence of a block, if it is kept here.
    pub(crate) fn evidence_of(
        &self,
        feed: &FeedId,
        seq: u64,
        name: &Hash,
    ) -> Result<Option<Evidence>, StoreFault> {
        let bytes: Option<Vec<u8>> = self.one(
            "SELECT e.bytes FROM block b JOIN evidence e ON e.block=b.id
             WHERE b.feed=(SELECT no FROM feed WHERE id=?1) AND b.seq=?2 AND b.hash=?3",
            params![feed.bytes(), seq.cast_signed(), name.0],
            |r| r.get(0),
        );
        self.check()?;
        let read = |bytes: Vec<u8>| wire::decode(&bytes, limits::BLOCK_EVIDENCE_BYTES);
        Ok(bytes.map(read).transpose()?)
    }

    /// Keeps the evidence of a block that is here. Says whether it was new.
    pub(crate) fn take_evidence(
        &self,
        feed: &FeedId,
        seq: u64,
        name: &Hash,
        evidence: &Evidence,
    ) -> Result<bool, StoreFault> {
        let Some(known) = self.block_named(feed, seq, name)? else { return Ok(false) };
        self.keep_evidence(feed, &known.block, evidence)?;
        Ok(self.tx.changes() > 0)
    }

    /// Blocks kept after the one of this number whose evidence is missing, in the order in which they came to be kept, and
    /// the number up to which was looked. At most so many.
    pub(crate) fn without_evidence(
        &self,
        after: i64,
        most: usize,
    ) -> Result<(Vec<Named>, i64), StoreFault> {
        let none = Evidence::default().root();
        let (mut found, mut last) = (Vec::new(), after);
        while found.len() < most {
            let page = self.all(
                "SELECT b.id, f.id, b.seq, b.hash, b.header FROM block b JOIN feed f ON f.no=b.feed
                 LEFT JOIN evidence e ON e.block=b.id WHERE b.id>?1 AND e.block IS NULL ORDER BY b.id LIMIT ?2",
                [last, PAGE],
                |r| {
                    let name = (r.get::<_, [u8; 36]>(1)?, r.get::<_, i64>(2)?, Hash(r.get(3)?));
                    Ok((r.get::<_, i64>(0)?, name, r.get::<_, Vec<u8>>(4)?))
                },
            );
            self.check()?;
            if page.is_empty() {
                break;
            }
            for (id, (feed, seq, name), header) in page {
                if found.len() >= most {
                    break;
                }
                last = id;
                let header: Header = wire::decode(&header, 512)?;
                if header.evidence_root != none
                    && let Some(feed) = rows::feed_id(&feed)
                {
                    found.push((feed, seq.cast_unsigned(), name));
                }
            }
        }
        Ok((found, last))
    }

    /// The lists that stand on the ledger and whose rows are not here, of some programmes.
    pub(crate) fn without_rows(
        &self,
        programmes: &BTreeSet<ProgrammeId>,
    ) -> Result<Vec<(ProgrammeId, Hash)>, StoreFault> {
        let lists =
            self.all("SELECT bytes FROM list ORDER BY node, idx", [], |r| r.get::<_, Vec<u8>>(0));
        self.check()?;
        let mut found = Vec::new();
        for bytes in lists {
            let list: List = wire::decode(&bytes, limits::ENTRY_BYTES)?;
            let named = (list.programme, list.root);
            if programmes.contains(&list.programme)
                && !found.contains(&named)
                && self.blob(Blob::ListRows, &list.root)?.is_none()
            {
                found.push(named);
            }
        }
        Ok(found)
    }
}

fn signed(header: &[u8], signature: &[u8]) -> Result<(Header, Signature), StoreFault> {
    Ok((wire::decode(header, 512)?, wire::decode(signature, 80)?))
}
