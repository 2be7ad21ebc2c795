//! Proof that a feed did not keep its word: a promise for an entry that its sealed chain ends without.
//!
//! A promise that a block contradicts is a fork ([`crate::fork`]). This is the other case: nothing contradicts it, and it
//! was never sealed. The merchant holds the promise, the charter names the cut, and the last header below it is the
//! feed's own word for how many entries it had (spec/receipts-and-promises.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::block::Header;
use crate::cut::Cut;
use crate::id::{FederationId, FeedId, OrgId};
use crate::key::Signature;
use crate::limits;
use crate::ticket::Promise;
use crate::time::Minute;
use crate::wire::{self, WireFault};

#[cfg(test)]
mod tests;

/// A promise, and the last header its feed sealed below the cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokenPromise {
    /// The feed.
    pub feed: FeedId,
    /// What it promised.
    pub promise: Promise,
    /// The last block's header, and the feed's signature over it. `None` where the feed was cut before its first block.
    pub last: Option<(Header, Signature)>,
}

/// Why a promise is not shown to be broken. The first that applies is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBroken {
    /// The promise is of another feed, or not signed by it.
    #[error("the promise is not this feed's")]
    NotPromised,
    /// The header is not the one the charter cuts the feed at.
    #[error("the header is not the one at which the charter cut the feed")]
    OtherCut,
    /// The header is not signed by the feed.
    #[error("the header is not signed by the feed")]
    Unsigned,
    /// The entry's place is below the cut: its block says whether it was kept, or the two are a fork.
    #[error("the entry's place is below the cut: look into its block")]
    Below,
    /// The grace is not over.
    #[error("the entry may still be found until minute {}", .0.0)]
    Grace(Minute),
}

/// When a feed was fenced, at the latest: the earliest minute by which two organisations had heard, by the first block of
/// each node that knew the fence; where all are of one, by which two of its nodes had. `None` where one alone tells: its
/// clock may be wrong, and nobody is called a liar by it.
#[must_use]
pub fn fenced_since(first: &[([u8; 8], Option<OrgId>, Minute)]) -> Option<Minute> {
    let mut of: BTreeMap<Option<OrgId>, Minute> = BTreeMap::new();
    for (_, org, at) in first {
        let least = of.entry(*org).or_insert(*at);
        *least = (*at).min(*least);
    }
    let mut nodes: BTreeMap<[u8; 8], Minute> = BTreeMap::new();
    if of.len() == 1 {
        for (node, _, at) in first {
            let least = nodes.entry(*node).or_insert(*at);
            *least = (*at).min(*least);
        }
    }
    let mut heard: Vec<Minute> =
        if of.len() == 1 { nodes.into_values().collect() } else { of.into_values().collect() };
    heard.sort_unstable();
    heard.get(1).copied()
}

impl BrokenPromise {
    /// Checks that the feed gave its word for an entry and was cut without it, and that the time in which the entry may
    /// still be found ([`limits::PROMISE_GRACE_MINUTES`] from `since`, when it was cut) was over at `now`. Returns the
    /// entry's index.
    ///
    /// # Errors
    ///
    /// The first [`NotBroken`] that applies.
    pub fn check(
        &self,
        federation: &FederationId,
        cut: &Cut,
        since: Minute,
        now: Minute,
    ) -> Result<u64, NotBroken> {
        let promise = &self.promise;
        if promise.feed != self.feed.short() || !promise.verifies(federation, &self.feed.node) {
            return Err(NotBroken::NotPromised);
        }
        let sealed = match (&self.last, cut.seq.checked_sub(1)) {
            (None, None) => 0,
            (Some((header, _)), Some(last)) if header.seq == last && header.hash() == cut.head => {
                header.end().next
            }
            _ => return Err(NotBroken::OtherCut),
        };
        let signed = |(header, signature): &(Header, Signature)| {
            header.check().is_ok() && header.verifies(federation, &self.feed, signature)
        };
        if !self.last.as_ref().is_none_or(signed) {
            return Err(NotBroken::Unsigned);
        }
        if promise.index < sealed {
            return Err(NotBroken::Below);
        }
        let over = Minute(since.0.saturating_add(limits::PROMISE_GRACE_MINUTES));
        if now <= over { Err(NotBroken::Grace(over)) } else { Ok(promise.index) }
    }

    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no promise and header of at most [`limits::FRAME_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::FRAME_BYTES)
    }
}
