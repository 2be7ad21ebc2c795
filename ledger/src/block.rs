//! A sealed run of one feed's entries under one signature, in three types: [`Block`] as received, [`Verified`] once its
//! hashes and signature have been checked, and nothing in between.
//!
//! On the wire a block is `header ‖ signature ‖ core body ‖ evidence`; federation and feed do not travel, they are part
//! of what was signed. Core entries stand one after the other without lengths. Evidence sits in a tree of its own at
//! the same indexes, so value can travel first and evidence later.

use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Value};
use crate::feed::{Head, leaf, step};
use crate::hash::{Hash, Purpose, hash};
use crate::id::{FederationId, FeedId, Lane};
use crate::key::{Context, Signature, SigningKey};
use crate::limits;
use crate::merkle;
use crate::time::Hlc;
use crate::wire::{self, Bounded, Bytes, WireFault};

/// The version of the block format.
pub const VERSION: u8 = 1;

/// What one signature covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub version: u8,
    /// The block's number in its feed, from zero.
    pub seq: u64,
    /// Index of the first entry.
    pub first: u64,
    /// How many entries, 1 to [`limits::BLOCK_ENTRIES`].
    pub count: u16,
    /// Accumulator before the first entry.
    pub before: Hash,
    /// Accumulator after the last entry.
    pub after: Hash,
    /// Root over the leaves of the core entries.
    pub core_root: Hash,
    /// Root over the leaves of the evidence.
    pub evidence_root: Hash,
    /// Root over the heads of other feeds the author had seen.
    pub frontier_root: Hash,
    /// The charter epoch the author knew.
    pub epoch: u32,
    /// The author's logical clock.
    pub hlc: Hlc,
    /// Bytes of the core body.
    pub body_len: u32,
}

impl Header {
    /// Names the block among those at its place.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash(Purpose::Header, &[&wire::encode(self)])
    }

    /// The head before the block.
    #[must_use]
    pub const fn start(&self) -> Head {
        Head { next: self.first, accumulator: self.before }
    }

    /// The head after the block.
    #[must_use]
    pub const fn end(&self) -> Head {
        Head { next: self.first.saturating_add(self.count as u64), accumulator: self.after }
    }

    /// Checks that some block could have this header.
    ///
    /// # Errors
    ///
    /// [`BlockFault::Header`] naming what cannot be.
    pub fn check(&self) -> Result<(), BlockFault> {
        let too_many = usize::from(self.count) > limits::BLOCK_ENTRIES;
        match () {
            () if self.version != VERSION => Err(BlockFault::Header("version")),
            () if self.count == 0 || too_many => Err(BlockFault::Header("count")),
            () if self.first.checked_add(u64::from(self.count)).is_none() => {
                Err(BlockFault::Header("first index"))
            }
            () if self.seq > self.first => Err(BlockFault::Header("sequence")),
            () => Ok(()),
        }
    }

    /// Checks the entries that say something of their own block. One entry may lie in two blocks of a forked feed: only
    /// where no block says otherwise does its meaning not depend on which came first.
    fn holds(&self, entries: &[Placed]) -> Result<(), BlockFault> {
        let mut following = entries.len();
        for Placed { index, entry, .. } in entries {
            following = following.saturating_sub(1);
            let (index, knew) = (*index, self.epoch);
            match entry {
                Entry::Value(Value::Basket { entries }) if usize::from(*entries) > following => {
                    return Err(BlockFault::Basket { index });
                }
                Entry::Value(Value::Claim { ticket, .. }) => match ticket.voted() {
                    Some(voted) if voted > knew => {
                        return Err(BlockFault::Unheard { index, voted, knew });
                    }
                    Some(_) | None => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the feed's key signed this header.
    #[must_use]
    pub fn verifies(
        &self,
        federation: &FederationId,
        feed: &FeedId,
        signature: &Signature,
    ) -> bool {
        let scope: [&[u8]; 2] = [&federation.0.0, &feed.bytes()];
        feed.node.verifies(Context::Header, &scope, &wire::encode(self), signature)
    }
}

/// Why a block is not what its header says. The first that applies is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// The header cannot be, whatever the body: version, counts or lengths outside their limits.
    #[error("the block header says something no block can be ({0})")]
    Header(&'static str),
    /// Not signed by the feed's key for this federation.
    #[error("the block is not signed by its feed's key for this federation")]
    Signature,
    /// The body is shorter or longer than the header says.
    #[error("the block's body has {found} bytes, its header says {said}")]
    BodyLength {
        /// Bytes found.
        found: usize,
        /// Bytes announced.
        said: u32,
    },
    /// An entry does not decode.
    #[error("entry {index} of the block is not an entry: {fault}")]
    Entry {
        /// Its index in the feed.
        index: u64,
        /// What is wrong with its bytes.
        fault: WireFault,
    },
    /// It ends before its basket does.
    #[error("the basket at index {index} of the block binds more entries than follow in it")]
    Basket {
        /// Its index in the feed.
        index: u64,
    },
    /// It claims what was voted later than its author, by the header, had heard.
    #[error(
        "entry {index} of the block claims what epoch {voted} voted, its author knew of epoch {knew}"
    )]
    Unheard {
        /// Its index in the feed.
        index: u64,
        /// The epoch of the budget or release it claims.
        voted: u32,
        /// The header's epoch.
        knew: u32,
    },
    /// The entries are not the ones the header commits to.
    #[error("the block's entries are not those its header commits to")]
    Core,
    /// The evidence is not what the header commits to.
    #[error("the block's evidence is not what its header commits to")]
    Evidence,
}

/// A block as it was received: nothing about it has been checked but its shape.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The feed's signature over it.
    pub signature: Signature,
    /// The core entries, one after the other.
    pub body: Bytes<{ limits::BODY_BYTES }>,
}

/// The evidence of a block: for each entry that has any, its place in the block and the bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Evidence(pub Bounded<Proof, { limits::BLOCK_ENTRIES }>);

/// Evidence beside one entry: signatures and the like, which the fold never reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The entry's place in the block, ascending.
    pub place: u16,
    /// The evidence.
    pub bytes: Bytes<{ limits::EVIDENCE_BYTES }>,
}

impl Evidence {
    /// The root over the evidence: one leaf for each piece, `place (big-endian) ‖ bytes`.
    #[must_use]
    pub fn root(&self) -> Hash {
        let leaves: Vec<Hash> = self
            .0
            .iter()
            .map(|p| hash(Purpose::Leaf, &[&p.place.to_be_bytes(), &p.bytes]))
            .collect();
        merkle::root(&leaves)
    }

    /// The evidence beside the entry at a place.
    #[must_use]
    pub fn at(&self, place: u16) -> Option<&[u8]> {
        self.0.iter().find(|p| p.place == place).map(|p| &*p.bytes)
    }
}

/// An entry in its checked place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Its index in the feed.
    pub index: u64,
    /// Where its bytes begin in the block's body.
    pub start: u16,
    /// The accumulator after it: its name.
    pub accumulator: Hash,
    /// What it says.
    pub entry: Entry,
}

/// A block whose every hash and signature has been checked. There is no other way to build one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    feed: FeedId,
    header: Header,
    hash: Hash,
    entries: Vec<Placed>,
}

impl Verified {
    /// The feed.
    #[must_use]
    pub const fn feed(&self) -> &FeedId {
        &self.feed
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The header's hash, which names the block.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Placed] {
        &self.entries
    }
}

impl Block {
    /// Checks everything a block can be held to by itself: limits, signature, every entry, accumulator and root.
    /// Whether it continues what is known of its feed is the store's question.
    ///
    /// # Errors
    ///
    /// The first [`BlockFault`] that applies.
    pub fn verify(&self, federation: &FederationId, feed: &FeedId) -> Result<Verified, BlockFault> {
        self.verify_with(feed, || self.header.verifies(federation, feed, &self.signature))
    }

    /// As [`Block::verify`], for whoever has the key ready: `signed` says whether the signature holds.
    pub(crate) fn verify_with(
        &self,
        feed: &FeedId,
        signed: impl FnOnce() -> bool,
    ) -> Result<Verified, BlockFault> {
        self.header.check()?;
        if !signed() {
            return Err(BlockFault::Signature);
        }
        let entries = self.read(feed.lane)?;
        let hash = self.header.hash();
        Ok(Verified { feed: *feed, header: self.header, hash, entries })
    }

    /// Decodes the entries and checks them against the header, without the signature: for blocks this node has
    /// verified before and stored.
    ///
    /// # Errors
    ///
    /// As [`Block::verify`], but for the signature.
    pub fn read(&self, lane: Lane) -> Result<Vec<Placed>, BlockFault> {
        self.header.check()?;
        let header = &self.header;
        if usize::try_from(header.body_len) != Ok(self.body.len()) {
            return Err(BlockFault::BodyLength { found: self.body.len(), said: header.body_len });
        }
        let count = usize::from(header.count);
        let mut entries = Vec::with_capacity(count);
        let mut leaves = Vec::with_capacity(count);
        let mut head = header.start();
        let mut rest: &[u8] = &self.body;
        for _ in 0..count {
            let (entry, after) = Entry::take(lane, rest)
                .map_err(|fault| BlockFault::Entry { index: head.next, fault })?;
            let used = rest.len().saturating_sub(after.len());
            let leaf = leaf(rest.get(..used).unwrap_or_default());
            let index = head.next;
            let accumulator = step(&head.accumulator, &leaf);
            head = Head { next: index.saturating_add(1), accumulator };
            leaves.push(leaf);
            let start = self.body.len().saturating_sub(rest.len());
            let start = u16::try_from(start).unwrap_or(u16::MAX);
            entries.push(Placed { index, start, accumulator, entry });
            rest = after;
        }
        if !rest.is_empty() {
            let fault = WireFault::Trailing(rest.len());
            return Err(BlockFault::Entry { index: head.next, fault });
        }
        if head != header.end() || merkle::root(&leaves) != header.core_root {
            return Err(BlockFault::Core);
        }
        header.holds(&entries)?;
        Ok(entries)
    }

    /// Checks evidence that came with or after the block.
    ///
    /// # Errors
    ///
    /// [`BlockFault::Evidence`] where it is not what the header commits to, or not in ascending places.
    pub fn check_evidence(&self, evidence: &Evidence) -> Result<(), BlockFault> {
        let mut places = evidence.0.iter().map(|p| p.place);
        let inside = evidence.0.iter().all(|p| p.place < self.header.count);
        let ascending = places.next().is_none_or(|first| {
            places.try_fold(first, |before, at| (at > before).then_some(at)).is_some()
        });
        let same = evidence.root() == self.header.evidence_root;
        if inside && ascending && same { Ok(()) } else { Err(BlockFault::Evidence) }
    }
}

/// What a block is sealed from.
pub struct Draft<'a> {
    /// The feed.
    pub feed: FeedId,
    /// The block's number.
    pub seq: u64,
    /// The head before it.
    pub start: Head,
    /// The core entries' bytes, in order, as they were promised.
    pub entries: &'a [Vec<u8>],
    /// The evidence beside them.
    pub evidence: &'a Evidence,
    /// Root over what the author had seen.
    pub frontier_root: Hash,
    /// The charter epoch the author knows.
    pub epoch: u32,
    /// The author's logical clock.
    pub hlc: Hlc,
}

impl Draft<'_> {
    /// Builds and signs the block. The caller makes it durable before it leaves the node.
    ///
    /// # Errors
    ///
    /// [`BlockFault::Header`] for no entries, more than a block holds, or more bytes than a body holds.
    pub fn seal(&self, key: &SigningKey, federation: &FederationId) -> Result<Block, BlockFault> {
        let leaves: Vec<Hash> = self.entries.iter().map(|e| leaf(e)).collect();
        let after = leaves.iter().fold(self.start.accumulator, |a, leaf| step(&a, leaf));
        let body =
            Bytes::new(self.entries.concat()).map_err(|_| BlockFault::Header("body length"))?;
        let header = Header {
            version: VERSION,
            seq: self.seq,
            first: self.start.next,
            count: u16::try_from(self.entries.len()).map_err(|_| BlockFault::Header("count"))?,
            before: self.start.accumulator,
            after,
            core_root: merkle::root(&leaves),
            evidence_root: self.evidence.root(),
            frontier_root: self.frontier_root,
            epoch: self.epoch,
            hlc: self.hlc,
            body_len: u32::try_from(body.len()).map_err(|_| BlockFault::Header("body length"))?,
        };
        let scope: [&[u8]; 2] = [&federation.0.0, &self.feed.bytes()];
        let signature = key.sign(Context::Header, &scope, &wire::encode(&header));
        let block = Block { header, signature, body };
        block.header.check()?;
        Ok(block)
    }
}

#[cfg(test)]
mod tests;
