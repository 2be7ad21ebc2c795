//! A leaf of the log: what a node signed when it sealed a block, and its signature.

use annona_ledger::block::Header;
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::key::{Context, PublicKey, Signature};
use annona_ledger::wire;

use crate::store::{SignedHeader, feed_id};

/// The largest leaf that is read, in bytes.
pub const MAX_LEAF: usize = 4_096;

const CONTEXT: usize = 16;
const FEDERATION: usize = 32;
const FEED: usize = 36;
const SIGNATURE: usize = 64;

/// A header with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The federation.
    pub federation: FederationId,
    /// The feed.
    pub feed: FeedId,
    /// The header.
    pub header: Header,
    /// Its signature.
    pub signature: Signature,
}

impl Leaf {
    /// The leaf of a header.
    #[must_use]
    pub fn of(federation: FederationId, feed: FeedId, signed: &SignedHeader) -> Self {
        Self { federation, feed, header: signed.0, signature: signed.1 }
    }

    /// `context ‖ federation ‖ feed ‖ header ‖ signature`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Signature::Ed25519([r, s]) = &self.signature;
        [
            &Context::Header.bytes()[..],
            &self.federation.0.0,
            &self.feed.bytes(),
            &wire::encode(&self.header),
            r,
            s,
        ]
        .concat()
    }

    /// Reads a leaf; `None` where the bytes are none, or its signature does not verify under the key it names.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (context, rest) = bytes.split_first_chunk::<CONTEXT>()?;
        let (federation, rest) = rest.split_first_chunk::<FEDERATION>()?;
        let (feed, rest) = rest.split_first_chunk::<FEED>()?;
        let (header, signature) = rest.split_last_chunk::<SIGNATURE>()?;
        let (r, s) = signature.split_first_chunk::<32>()?;
        let signature = Signature::Ed25519([*r, s.try_into().ok()?]);
        let read = Self {
            federation: FederationId(annona_ledger::hash::Hash(*federation)),
            feed: feed_id(feed)?,
            header: wire::decode(header, MAX_LEAF).ok()?,
            signature,
        };
        let scope: [&[u8]; 2] = [federation, feed];
        let signed = read.key().verifies(Context::Header, &scope, header, &read.signature);
        (bytes.len() <= MAX_LEAF && context == Context::Header.bytes() && signed).then_some(read)
    }

    const fn key(&self) -> PublicKey {
        self.feed.node
    }
}
