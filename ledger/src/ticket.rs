//! Signed single entries that travel by themselves: the promise a till is given, and the ticket a holder carries.
//!
//! Both are `{feed, index, accumulator before, entry, signature}`. The accumulator *after* the entry — its name — is
//! computed, not carried, so that nobody can pair a name with another entry; the signature is over index and name, and
//! through the name over the whole prefix. (The design carried the accumulator after the entry: same size, one more
//! thing to believe.)

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::entry::{Entry, FloatCover, Send, Value};
use crate::feed::{Head, leaf};
use crate::hash::Hash;
use crate::id::{EntryName, FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use crate::key::{Context, PublicKey, Signature, SigningKey};
use crate::limits;
use crate::time::Minute;
use crate::wire::{self, Bounded, Bytes, WireFault};

#[cfg(test)]
mod tests;

/// The message of a promise's signature: index (big-endian) and the accumulator after the entry.
fn promised(index: u64, accumulator: &Hash) -> [u8; 40] {
    let mut message = [0u8; 40];
    message[..8].copy_from_slice(&index.to_be_bytes());
    message[8..].copy_from_slice(&accumulator.0);
    message
}

/// Signs the place an entry has taken: only after the entry is durable.
#[must_use]
pub fn sign_place(
    key: &SigningKey,
    federation: &FederationId,
    feed: &FeedId,
    head: &Head,
) -> Signature {
    let index = head.next.saturating_sub(1);
    let message = promised(index, &head.accumulator);
    key.sign(Context::Promise, &[&federation.0.0, &feed.bytes()], &message)
}

/// A feed's word that an entry is in it for good: given to the till at once, in the manner of a certificate-transparency
/// SCT (RFC 6962). A feed that later shows another entry at this index has proven its own fork.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Promise {
    /// The feed.
    pub feed: FeedRef,
    /// The entry's index.
    pub index: u64,
    /// The accumulator before the entry.
    pub before: Hash,
    /// The entry's bytes.
    pub entry: Bytes<{ limits::CARRYING_ENTRY_BYTES }>,
    /// Over index and name, in the promise context.
    pub signature: Signature,
}

impl Promise {
    /// The name of the entry promised.
    #[must_use]
    pub fn name(&self) -> EntryName {
        let accumulator = crate::feed::step(&self.before, &leaf(&self.entry));
        EntryName { feed: self.feed, index: self.index, accumulator }
    }

    /// Whether the feed of node key `node` signed this.
    #[must_use]
    pub fn verifies(&self, federation: &FederationId, node: &PublicKey) -> bool {
        let feed = FeedId { node: *node, lane: self.feed.lane, programme: self.feed.programme };
        let message = promised(self.index, &self.name().accumulator);
        let scope: [&[u8]; 2] = [&federation.0.0, &feed.bytes()];
        node.short() == self.feed.node
            && node.verifies(Context::Promise, &scope, &message, &self.signature)
    }

    /// The entry promised.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where the bytes are no entry of the feed's lane.
    pub fn entry(&self) -> Result<Entry, WireFault> {
        Entry::decode(self.feed.lane, &self.entry)
    }
}

/// What a ticket says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Moved {
    /// Units sent.
    Send(Send),
    /// A float covered.
    Cover(FloatCover),
    /// Goods that came back and filled the lot that was sent on. It goes to nobody: it stands among the hops of a ticket
    /// or receipt, and is never a ticket itself.
    Refund {
        /// Index of the `Redeem`, or of the `Post`, in the sender's feed.
        redeem: u64,
        /// How much.
        amount: Amount,
        /// The author's stamp.
        at: Minute,
    },
}

impl Moved {
    /// The entry as it stands in the sender's feed.
    #[must_use]
    pub const fn entry(&self) -> Value {
        match self {
            Self::Send(send) => Value::Send(*send),
            Self::Cover(cover) => Value::FloatCover(*cover),
            Self::Refund { redeem, amount, at } => {
                Value::Refund { redeem: *redeem, amount: *amount, at: *at }
            }
        }
    }

    /// The node, by eight bytes of its key, that alone may claim it. Zeros of a refund, which nobody may.
    #[must_use]
    pub const fn to(&self) -> [u8; 8] {
        match self {
            Self::Send(send) => send.to,
            Self::Cover(cover) => cover.float.feed.node,
            Self::Refund { .. } => [0; 8],
        }
    }
}

/// A promise of a `Send`, `FloatCover` or `Refund`, without what the claiming feed implies (lane and programme).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// The sender's node, by eight bytes of its key.
    pub node: [u8; 8],
    /// The index in the sender's feed.
    pub index: u64,
    /// The accumulator before it.
    pub before: Hash,
    /// What was sent.
    pub moved: Moved,
    /// The sender's signature, in the promise context.
    pub signature: Signature,
}

impl Sent {
    /// The accumulator after the entry.
    #[must_use]
    pub fn accumulator(&self) -> Hash {
        crate::feed::step(&self.before, &leaf(&wire::encode(&self.moved.entry())))
    }

    /// The full name, in the sender's value feed for `programme`.
    #[must_use]
    pub fn name(&self, programme: ProgrammeId) -> EntryName {
        let feed = FeedRef::value(self.node, programme);
        EntryName { feed, index: self.index, accumulator: self.accumulator() }
    }

    /// The promise this was cut from: what a fork proof compares.
    ///
    /// # Errors
    ///
    /// None for a send of the sizes entries have; the bound is checked all the same.
    pub fn promise(&self, programme: ProgrammeId) -> Result<Promise, WireFault> {
        Ok(Promise {
            feed: FeedRef::value(self.node, programme),
            index: self.index,
            before: self.before,
            entry: Bytes::new(wire::encode(&self.moved.entry()))?,
            signature: self.signature,
        })
    }

    /// Whether the node of key `node` signed this on its value feed for `programme`.
    #[must_use]
    pub fn verifies(
        &self,
        federation: &FederationId,
        node: &PublicKey,
        programme: ProgrammeId,
    ) -> bool {
        self.verifies_with(node, programme, |feed, message| {
            node.verifies(Context::Promise, &[&federation.0.0, feed], message, &self.signature)
        })
    }

    /// As [`Sent::verifies`], for whoever has the key ready: `signed` is asked about feed and message.
    pub(crate) fn verifies_with(
        &self,
        node: &PublicKey,
        programme: ProgrammeId,
        signed: impl FnOnce(&[u8; 36], &[u8]) -> bool,
    ) -> bool {
        let feed = FeedId { node: *node, lane: Lane::Value, programme };
        node.short() == self.node
            && signed(&feed.bytes(), &promised(self.index, &self.accumulator()))
    }
}

/// What filled a lot, as a writer finds it: what others signed, and what it signs itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hop {
    /// A send or refund, as a ticket carried it.
    Sent(Sent),
    /// A refund of the writer's own chain, at this index.
    Refund(u64),
}

/// The hops a ticket or receipt carries, of those that filled its lot: `sign` makes one of a refund of the writer's own.
/// Of more than fit, refunds are left out, the furthest first.
///
/// # Errors
///
/// What `sign` answers; [`WireFault::TooLong`] for more sends than [`limits::HOPS`].
pub fn carried<E: From<WireFault>>(
    hops: &[Hop],
    mut sign: impl FnMut(u64) -> Result<Sent, E>,
) -> Result<Bounded<Sent, { limits::HOPS }>, E> {
    let too_many = hops.len().saturating_sub(limits::HOPS);
    let refund = |hop: &&Hop| match hop {
        Hop::Sent(sent) => matches!(sent.moved, Moved::Refund { .. }),
        Hop::Refund(_) => true,
    };
    let keep = hops.iter().filter(refund).count().saturating_sub(too_many);
    let mut refunds = 0usize;
    let mut carried = Vec::with_capacity(limits::HOPS);
    for hop in hops {
        if refund(&hop) {
            refunds = refunds.saturating_add(1);
            if refunds > keep {
                continue;
            }
        }
        carried.push(match hop {
            Hop::Sent(sent) => *sent,
            Hop::Refund(index) => sign(*index)?,
        });
    }
    Ok(Bounded::new(carried)?)
}

/// What a `Claim` takes up, and all that a stranger needs to believe it.
#[expect(clippy::large_enum_variant, reason = "kept boxed in the one entry that carries it")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ticket {
    /// Units another feed sent, with the sends and refunds that filled the lots they came from, nearest first, back to
    /// what the receiver can be assumed to hold.
    Sent(Sent, Bounded<Sent, { limits::HOPS }>),
    /// A line of a voted budget: article epoch, act within the article, line within the act.
    Budget {
        /// The article's epoch.
        epoch: u32,
        /// The act within the article.
        act: u8,
        /// The line within the budget.
        line: u8,
    },
    /// What an article released of a feed's suspense: article epoch, act within the article.
    Release {
        /// The article's epoch.
        epoch: u32,
        /// The act within the article.
        act: u8,
    },
}

impl Ticket {
    /// What a ticket makes known: its own send, then its provenance.
    pub fn sends(&self) -> impl Iterator<Item = &Sent> {
        let (own, hops): (Option<&Sent>, &[Sent]) = match self {
            Self::Sent(sent, hops) => (Some(sent), hops),
            Self::Budget { .. } | Self::Release { .. } => (None, &[]),
        };
        own.into_iter().chain(hops)
    }

    /// The epoch whose articles voted what it claims; of what a node sent, none.
    #[must_use]
    pub const fn voted(&self) -> Option<u32> {
        match self {
            Self::Budget { epoch, .. } | Self::Release { epoch, .. } => Some(*epoch),
            Self::Sent(..) => None,
        }
    }
}
