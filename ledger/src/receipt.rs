//! A receipt: one entry, its path to the root, and the signed header. Anyone with the charter checks it offline.

use serde::{Deserialize, Serialize};

use crate::block::Header;
use crate::entry::Entry;
use crate::feed::leaf;
use crate::hash::Hash;
use crate::id::{EntryName, FederationId, FeedId, FeedRef};
use crate::key::{PublicKey, Signature};
use crate::limits;
use crate::merkle::Path;
use crate::ticket::Sent;
use crate::time::Hlc;
use crate::wire::{Bounded, Bytes, WireFault};

/// Proof that an entry stands in a sealed block, with the sends that filled its lot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The feed.
    pub feed: FeedRef,
    /// The entry's bytes.
    pub entry: Bytes<{ limits::CARRYING_ENTRY_BYTES }>,
    /// Its path in the core tree.
    pub path: Path,
    /// The block's header, without what the path says already.
    pub heading: Heading,
    /// The feed's signature over the header.
    pub signature: Signature,
    /// The sends that filled the entry's lot, nearest first.
    pub provenance: Bounded<Sent, { limits::HOPS }>,
}

/// A header without its core root: entry and path lead to it, and the signature tells whether it is the one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heading {
    /// As [`Header::version`].
    pub version: u8,
    /// As [`Header::seq`].
    pub seq: u64,
    /// As [`Header::first`].
    pub first: u64,
    /// As [`Header::count`].
    pub count: u16,
    /// As [`Header::before`].
    pub before: Hash,
    /// As [`Header::after`].
    pub after: Hash,
    /// As [`Header::evidence_root`].
    pub evidence_root: Hash,
    /// As [`Header::frontier_root`].
    pub frontier_root: Hash,
    /// As [`Header::epoch`].
    pub epoch: u32,
    /// As [`Header::hlc`].
    pub hlc: Hlc,
    /// As [`Header::body_len`].
    pub body_len: u32,
}

impl Heading {
    /// What a receipt carries of a header.
    #[must_use]
    pub const fn of(header: &Header) -> Self {
        let Header { version, seq, first, count, before, after, core_root: _, .. } = *header;
        let Header { evidence_root, frontier_root, epoch, hlc, body_len, .. } = *header;
        Self {
            version,
            seq,
            first,
            count,
            before,
            after,
            evidence_root,
            frontier_root,
            epoch,
            hlc,
            body_len,
        }
    }

    /// The header with this core root.
    #[must_use]
    pub const fn under(&self, core_root: Hash) -> Header {
        let Self { version, seq, first, count, before, after, .. } = *self;
        let Self { evidence_root, frontier_root, epoch, hlc, body_len, .. } = *self;
        Header {
            version,
            seq,
            first,
            count,
            before,
            after,
            core_root,
            evidence_root,
            frontier_root,
            epoch,
            hlc,
            body_len,
        }
    }
}

/// Why a receipt proves nothing. The first that applies is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It names another feed than the key at hand.
    #[error("the receipt names another feed")]
    Feed,
    /// The path is none of a block with so many entries.
    #[error("the receipt's path leads nowhere in a block of as many entries as its header says")]
    Path,
    /// The header that entry and path lead to is not signed by the feed: the entry, its place or the header is another.
    #[error("the receipt's entry and block header are not signed by its feed for this federation")]
    Signature,
    /// The entry is none.
    #[error("the receipt's entry does not decode: {0}")]
    Entry(#[from] WireFault),
}

impl Receipt {
    /// The index of the entry in its feed.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.heading.first.saturating_add(u64::from(self.path.index))
    }

    /// Checks the receipt against the key of its feed's node and returns the entry.
    ///
    /// # Errors
    ///
    /// The first [`ReceiptFault`] that applies.
    pub fn check(
        &self,
        federation: &FederationId,
        node: &PublicKey,
    ) -> Result<Entry, ReceiptFault> {
        let FeedRef { lane, programme, .. } = self.feed;
        let feed = FeedId { node: *node, lane, programme };
        if feed.short() != self.feed {
            return Err(ReceiptFault::Feed);
        }
        let count = u32::from(self.heading.count);
        let root = self.path.root(&leaf(&self.entry), count).ok_or(ReceiptFault::Path)?;
        if !self.heading.under(root).verifies(federation, &feed, &self.signature) {
            return Err(ReceiptFault::Signature);
        }
        Ok(Entry::decode(lane, &self.entry)?)
    }

    /// The entry's name, given the accumulator after it (which a receipt does not carry).
    #[must_use]
    pub fn name(&self, accumulator: Hash) -> EntryName {
        EntryName { feed: self.feed, index: self.index(), accumulator }
    }
}
