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
    /// The block's header.
    pub header: Header,
    /// The feed's signature over the header.
    pub signature: Signature,
    /// The sends that filled the entry's lot, nearest first.
    pub provenance: Bounded<Sent, { limits::HOPS }>,
}

/// Why a receipt proves nothing. The first that applies is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It names another feed than the key at hand.
    #[error("the receipt names another feed")]
    Feed,
    /// The header is not signed by the feed.
    #[error("the receipt's block header is not signed by its feed for this federation")]
    Signature,
    /// The entry is not in the block.
    #[error("the receipt's entry is not in the block its header describes")]
    Path,
    /// The entry is none.
    #[error("the receipt's entry does not decode: {0}")]
    Entry(#[from] WireFault),
}

impl Receipt {
    /// The index of the entry in its feed.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.header.first.saturating_add(u64::from(self.path.index))
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
        if !self.header.verifies(federation, &feed, &self.signature) {
            return Err(ReceiptFault::Signature);
        }
        let count = u32::from(self.header.count);
        if !self.path.verifies(&leaf(&self.entry), count, &self.header.core_root) {
            return Err(ReceiptFault::Path);
        }
        Ok(Entry::decode(lane, &self.entry)?)
    }

    /// The entry's name, given the accumulator after it (which a receipt does not carry).
    #[must_use]
    pub fn name(&self, accumulator: Hash) -> EntryName {
        EntryName { feed: self.feed, index: self.index(), accumulator }
    }
}
