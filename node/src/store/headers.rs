//! Headers of blocks whose bodies stay with those who need to know, what others are known to hold, and fork proofs.

use std::collections::BTreeMap;

use annona_ledger::block::{BlockFault, Header};
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane, OrgId, ProgrammeId};
use annona_ledger::key::Signature;
use annona_ledger::sync::frame::Known;
use annona_ledger::sync::index::fork_name;
use annona_ledger::view::View;
use annona_ledger::{limits, wire};
use rusqlite::{Connection, OptionalExtension, params};

use super::received::Received;
use super::work::Work;
use super::{Blob, Store, StoreFault, rows};

/// Bytes a stored header may have; an encoded one has under 200.
const HEADER_BYTES: usize = 512;
/// Bytes a stored signature may have.
const SIGNATURE_BYTES: usize = 80;
/// Bytes of a stored fork proof: two promises with the largest entries.
const PROOF_BYTES: usize = 8 * 1024;

/// The first block of a chain that ends after an index: the one that begins there or last before it, or the one after that.
pub(super) const AFTER: &str = "SELECT seq FROM block WHERE chain=?1 AND first+count>?2
  AND first>=coalesce((SELECT first FROM block WHERE chain=?1 AND first<=?2 ORDER BY first DESC LIMIT 1), 0)
  ORDER BY first LIMIT 1";

/// A signed header.
pub type SignedHeader = (Header, Signature);

impl Work<'_> {
    /// Whether the feed's author has a certificate here.
    pub(super) fn knows_author(&self, feed: &FeedId) -> bool {
        self.roster().node(&feed.node.short()).is_some_and(|c| c.node == feed.node)
    }

    /// What must come before anything of a feed is taken in: its author's certificate. Control feeds are of no programme,
    /// all others of one.
    pub(super) fn lacks(&self, feed: &FeedId) -> Option<Received> {
        let control = feed.lane == Lane::Control;
        if !self.knows_author(feed) || control != (feed.programme == ProgrammeId::NONE) {
            return Some(Received::AuthorUnknown);
        }
        if !control && !self.has_room_for(feed) {
            return Some(Received::CharterBehind {
                epoch: self.charter().epoch().saturating_add(1),
            });
        }
        None
    }

    /// Whether a feed is here, or of a programme of the charter, or one of few of its organisation that are neither. Such
    /// feeds are those of a branch of the charter that was given up, and who knew that branch has them; but a member that
    /// makes up programmes fills no frontier with them. What is not taken in now is taken in once the charter has it.
    fn has_room_for(&self, feed: &FeedId) -> bool {
        let known = |feed: &FeedId| self.charter().programme(feed.programme).is_some();
        let here = || self.one("SELECT 1 FROM feed WHERE id=?1", [feed.bytes()], |_| Ok(()));
        if known(feed) || here().is_some() {
            return true;
        }
        let mut beside = self.unknown.borrow_mut();
        let beside = beside.get_or_insert_with(|| {
            let feeds = self.all("SELECT id FROM feed", [], |r| r.get::<_, [u8; 36]>(0));
            let mut of: BTreeMap<Option<OrgId>, usize> = BTreeMap::new();
            let unknown = feeds.iter().filter_map(rows::feed_id);
            for feed in unknown.filter(|f| f.lane != Lane::Control && !known(f)) {
                let count = of.entry(self.roster().org_of(&feed.node.short())).or_default();
                *count = count.saturating_add(1);
            }
            of
        });
        let org = self.roster().org_of(&feed.node.short());
        beside.get(&org).is_none_or(|count| *count < limits::UNKNOWN_FEEDS)
    }

    /// Takes in a header of a block whose body is not for this node. It is checked and kept, and folds nothing.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Block`] for one no block can have, or that is not signed by its feed; a storage fault.
    pub fn receive_header(
        &mut self,
        feed: &FeedId,
        header: &Header,
        signature: &Signature,
    ) -> Result<Received, StoreFault> {
        if let Some(received) = self.lacks(feed) {
            return Ok(received);
        }
        if header.epoch > self.charter().epoch() {
            return Ok(Received::CharterBehind { epoch: header.epoch });
        }
        let name = header.hash();
        let beside = self.headers_at(feed, header.seq)?;
        if beside.iter().any(|(other, _)| other.hash() == name) {
            return Ok(Received::Known);
        }
        header.check()?;
        let federation = self.charter().federation();
        if !header.verifies(&federation, feed, signature) {
            return Err(BlockFault::Signature.into());
        }
        if beside.len() >= usize::from(limits::BRANCHES) {
            return Ok(Received::TooManyBranches);
        }
        let continues = match header.seq.checked_sub(1) {
            None => header.start() == Head::start(&federation, feed),
            Some(before) => {
                let before = self.headers_at(feed, before)?;
                before.iter().any(|(other, _)| other.end() == header.start())
            }
        };
        if !continues {
            return Ok(Received::Gap {
                have: self.outline(feed)?.map_or(0, |known| known.head.next),
            });
        }
        self.unknown.borrow_mut().take();
        self.writing()?.execute("INSERT OR IGNORE INTO feed(id) VALUES(?1)", [feed.bytes()])?;
        self.writing()?.execute(
            "INSERT INTO header(feed, seq, hash, first, count, header, signature)
             VALUES((SELECT no FROM feed WHERE id=?1), ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                feed.bytes(),
                header.seq.cast_signed(),
                name.0,
                header.first.cast_signed(),
                header.count,
                wire::encode(header),
                wire::encode(signature),
            ],
        )?;
        self.check()?;
        if beside.is_empty() {
            return Ok(Received::New);
        }
        self.keep_contradiction(feed, header, signature)?;
        Ok(Received::Fork { index: header.first })
    }

    /// Drops a header whose block is here now.
    pub(super) fn drop_header(
        &self,
        feed: &FeedId,
        seq: u64,
        name: &Hash,
    ) -> Result<(), StoreFault> {
        self.writing()?
            .prepare_cached(
                "DELETE FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2 AND hash=?3",
            )?
            .execute(params![feed.bytes(), seq.cast_signed(), name.0])?;
        Ok(())
    }

    /// The headers known at one number of a feed, with or without their bodies, ascending by hash.
    pub(super) fn headers_at(
        &self,
        feed: &FeedId,
        seq: u64,
    ) -> Result<Vec<SignedHeader>, StoreFault> {
        let found = self.all(
            "SELECT header, signature FROM (
               SELECT hash, header, signature FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2
               UNION SELECT hash, header, signature FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2)
             ORDER BY hash LIMIT 128",
            params![feed.bytes(), seq.cast_signed()],
            |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)),
        );
        self.check()?;
        found.iter().map(signed_header).collect()
    }

    /// The headers of a feed whose blocks end after an index, in order, with or without their bodies.
    ///
    /// # Errors
    ///
    /// A storage fault, or what `each` answers.
    pub fn headers<E: From<StoreFault>>(
        &self,
        feed: &FeedId,
        after: u64,
        mut each: impl FnMut(SignedHeader) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = self.one(
            "SELECT min(seq) FROM (
               SELECT seq FROM block WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first+count>?2
               UNION ALL SELECT seq FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first+count>?2)",
            params![feed.bytes(), after.cast_signed()],
            |r| r.get::<_, Option<i64>>(0),
        );
        self.check()?;
        let Some(first) = first.flatten() else { return Ok(()) };
        let mut seq = first.cast_unsigned();
        loop {
            let found = self.headers_at(feed, seq)?;
            if found.is_empty() {
                return Ok(());
            }
            found.into_iter().try_for_each(&mut each)?;
            seq = seq.saturating_add(1);
        }
    }

    /// How far the headers of a feed go, where its bodies are not here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn outline(&self, feed: &FeedId) -> Result<Option<Known>, StoreFault> {
        let last = self.one(
            "SELECT header, signature FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1)
             ORDER BY seq DESC, hash LIMIT 1",
            [feed.bytes()],
            |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)),
        );
        self.check()?;
        let Some(last) = last else { return Ok(None) };
        let (header, _) = signed_header(&last)?;
        let blocks = header.seq.saturating_add(1);
        Ok(Some(Known { feed: *feed, blocks, head: header.end() }))
    }

    /// The feeds of which headers without bodies are here, in order of feed, and how far they go.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn outlines(&self) -> Result<Vec<Known>, StoreFault> {
        let feeds = self.all(
            // Of a chain whose bodies were pruned, headers are left: it is whole all the same.
            "SELECT id FROM feed WHERE no IN (SELECT DISTINCT feed FROM header)
             AND no NOT IN (SELECT c.feed FROM chain c JOIN floor f ON f.chain=c.no) ORDER BY id",
            [],
            |r| r.get::<_, [u8; 36]>(0),
        );
        self.check()?;
        let mut known = Vec::with_capacity(feeds.len());
        for feed in feeds.iter().filter_map(rows::feed_id) {
            known.extend(self.outline(&feed)?);
        }
        Ok(known)
    }

    /// Whether some known chain of a feed passes through a head at the end of a block; with `whole`, of blocks that are
    /// here with their bodies.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn passes(&self, feed: &FeedId, head: &Head, whole: bool) -> Result<bool, StoreFault> {
        let Some(last) = head.next.checked_sub(1) else { return Ok(false) };
        let tables: &[&str] = if whole { &["block"] } else { &["block", "header"] };
        for table in tables {
            let found = self.all(
                &format!(
                    "SELECT header, signature FROM {table}
                     WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first<=?2 AND first+count=?3 LIMIT 128"
                ),
                params![feed.bytes(), last.cast_signed(), head.next.cast_signed()],
                |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)),
            );
            self.check()?;
            for bytes in &found {
                if signed_header(bytes)?.0.end() == *head {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Keeps the proof that two headers of one number contradict each other, where another is here.
    pub(super) fn keep_contradiction(
        &self,
        feed: &FeedId,
        header: &Header,
        signature: &Signature,
    ) -> Result<(), StoreFault> {
        let other = self.headers_at(feed, header.seq)?;
        let Some(other) = other.into_iter().find(|(other, _)| other.hash() != header.hash()) else {
            return Ok(());
        };
        let proof = ForkProof {
            feed: *feed,
            one: Statement::Header(other.0, other.1),
            other: Statement::Header(*header, *signature),
        };
        self.put_proof(&proof)
    }

    /// Learns that a feed forked, from a proof. One is kept for each feed.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn learn_fork(&mut self, proof: &ForkProof) -> Result<ForkLearned, StoreFault> {
        let Some(index) = proof.verify(&self.charter().federation()) else {
            return Ok(ForkLearned::NoProof);
        };
        if self.fork_proof(&proof.feed)?.is_some() {
            return Ok(ForkLearned::Known);
        }
        self.put_proof(proof)?;
        if let Some(trunk) = self.trunk(&proof.feed) {
            self.mark_faulty(trunk);
        }
        self.check()?;
        Ok(ForkLearned::New { index })
    }

    pub(super) fn put_proof(&self, proof: &ForkProof) -> Result<(), StoreFault> {
        self.writing()?.execute(
            "INSERT OR IGNORE INTO blob(kind, name, bytes) VALUES(?1, ?2, ?3)",
            params![Blob::ForkProof as u8, fork_name(&proof.feed).0, wire::encode(proof)],
        )?;
        Ok(())
    }

    /// The proof that a feed forked, if one is known.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn fork_proof(&self, feed: &FeedId) -> Result<Option<ForkProof>, StoreFault> {
        self.fork_proof_named(&fork_name(feed))
    }

    /// The fork proof of this name ([`fork_name`]).
    pub(crate) fn fork_proof_named(&self, name: &Hash) -> Result<Option<ForkProof>, StoreFault> {
        let bytes = self.blob(Blob::ForkProof, name)?;
        Ok(bytes.map(|bytes| wire::decode(&bytes, PROOF_BYTES)).transpose()?)
    }

    /// Every fork proof known, one for a feed.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn fork_proofs(&self) -> Result<Vec<ForkProof>, StoreFault> {
        let found = self.all(
            "SELECT bytes FROM blob WHERE kind=?1 ORDER BY name",
            [Blob::ForkProof as u8],
            |r| r.get::<_, Vec<u8>>(0),
        );
        self.check()?;
        found.iter().map(|bytes| Ok(wire::decode(bytes, PROOF_BYTES)?)).collect()
    }

    /// Notes, with the rest of this transaction, how far another node is known to hold a feed.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn note_seen(&self, node: &[u8; 8], feed: &FeedId, next: u64) -> Result<(), StoreFault> {
        note(self.writing()?, "seen", node, feed, next)
    }

    /// Sets a small value, with the rest of this transaction.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub(crate) fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreFault> {
        self.writing()?
            .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")?
            .execute(params![key, value])?;
        Ok(())
    }

    /// Notes, with the rest of this transaction, how far another node is known to hold the headers of a feed.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn note_outlined(
        &self,
        node: &[u8; 8],
        feed: &FeedId,
        next: u64,
    ) -> Result<(), StoreFault> {
        note(self.writing()?, "outlined", node, feed, next)
    }

    /// Finds a blob, at the moment this transaction looks at.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn blob(&self, kind: Blob, name: &Hash) -> Result<Option<Vec<u8>>, StoreFault> {
        let found = self.one(
            "SELECT bytes FROM blob WHERE kind=?1 AND name=?2",
            params![kind as u8, name.0],
            |r| r.get(0),
        );
        self.check()?;
        Ok(found)
    }

    /// The first block of a chain that ends after an index, by its number.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn block_after(
        &self,
        chain: annona_ledger::view::ChainNo,
        index: u64,
    ) -> Result<Option<u64>, StoreFault> {
        let seq = self.one(AFTER, params![chain.0, index.cast_signed()], |r| r.get::<_, i64>(0));
        self.check()?;
        Ok(seq.map(i64::cast_unsigned))
    }
}

/// What a fork proof taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkLearned {
    /// The feed is known to have forked from now on.
    New {
        /// The index at which its statements contradict each other.
        index: u64,
    },
    /// That was known.
    Known,
    /// The statements do not contradict each other, or are not the feed's.
    NoProof,
}

fn note(
    conn: &Connection,
    table: &str,
    node: &[u8; 8],
    feed: &FeedId,
    next: u64,
) -> Result<(), StoreFault> {
    let sql = format!(
        "INSERT INTO {table}(node, feed, next) VALUES(?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET next=max(next, excluded.next)"
    );
    let next = i64::try_from(next).unwrap_or(i64::MAX);
    conn.prepare_cached(&sql)?.execute(params![node, feed.bytes(), next])?;
    Ok(())
}

fn signed_header((header, signature): &(Vec<u8>, Vec<u8>)) -> Result<SignedHeader, StoreFault> {
    Ok((wire::decode(header, HEADER_BYTES)?, wire::decode(signature, SIGNATURE_BYTES)?))
}

impl Store {
    /// How far another node is known to hold the headers of a feed.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn outlined(&self, node: &[u8; 8], feed: &FeedId) -> Result<u64, StoreFault> {
        let next: Option<i64> = self
            .conn()
            .query_row(
                "SELECT next FROM outlined WHERE node=?1 AND feed=?2",
                params![node, feed.bytes()],
                |r| r.get(0),
            )
            .optional()?;
        Ok(next.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }
}
