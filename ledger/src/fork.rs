//! Proof that a feed said two things at one place: two statements under its key that cannot both be of one chain.
//!
//! Whoever holds both can show them to anyone; nobody's word is needed. An honest feed signs one chain of entries,
//! sealed once into one chain of blocks, and sends stored bytes again rather than make them again: no two of its
//! statements ever contradict each other, whatever crashed in between (spec/proofs.md).

use serde::{Deserialize, Serialize};

use crate::block::{Block, Header};
use crate::entry::Value;
use crate::feed::Head;
use crate::fold;
use crate::id::{FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use crate::key::Signature;
use crate::limits;
use crate::ticket::{Moved, Promise, Sent};
use crate::view::View;
use crate::wire::{self, WireFault};

#[cfg(test)]
mod tests;

/// Something a feed's key signed.
#[expect(clippy::large_enum_variant, reason = "two stand in one proof, and proofs are few")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Statement {
    /// A block's header.
    Header(Header, Signature),
    /// A promise, or what a ticket is made of ([`crate::ticket::Sent::promise`]).
    Promise(Box<Promise>),
    /// A whole block: needed only against a promise for one of its inner entries. Two headers show two blocks.
    Block(Box<Block>),
}

impl Statement {
    /// Whether the feed's key signed it, and it is what it says.
    #[must_use]
    pub fn verifies(&self, federation: &FederationId, feed: &FeedId) -> bool {
        match self {
            Self::Header(header, signature) => header.verifies(federation, feed, signature),
            Self::Promise(promise) => {
                promise.feed == feed.short() && promise.verifies(federation, &feed.node)
            }
            Self::Block(block) => block.verify(federation, feed).is_ok(),
        }
    }

    /// The heads it commits to, ascending: before its first entry, after its last and, for a block, between.
    #[must_use]
    pub fn heads(&self) -> Vec<Head> {
        match self {
            Self::Header(header, _) => vec![header.start(), header.end()],
            Self::Promise(promise) => {
                let before = Head { next: promise.index, accumulator: promise.before };
                vec![before, before.after(&promise.entry)]
            }
            Self::Block(block) => {
                // Read on the lane it decodes on: a block that decodes on none has no heads to offer but its ends.
                let lanes = [Lane::Value, Lane::Control, Lane::Registry];
                let entries = lanes.into_iter().find_map(|lane| block.read(lane).ok());
                let inner = entries.unwrap_or_default();
                let inner = inner.iter().map(|placed| Head {
                    next: placed.index.saturating_add(1),
                    accumulator: placed.accumulator,
                });
                std::iter::once(block.header.start()).chain(inner).collect()
            }
        }
    }

    const fn header(&self) -> Option<&Header> {
        match self {
            Self::Header(header, _) => Some(header),
            Self::Block(block) => Some(&block.header),
            Self::Promise(_) => None,
        }
    }
}

/// Two statements of one feed that contradict each other. At most [`limits::FRAME_BYTES`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForkProof {
    /// The feed.
    pub feed: FeedId,
    /// One statement.
    pub one: Statement,
    /// The other.
    pub other: Statement,
}

impl ForkProof {
    /// Checks that both statements are the feed's own and contradict each other, and returns the lowest index at which
    /// they are known to differ. `None` where they prove nothing.
    ///
    /// Needs no charter: whose feed it is, a certificate tells.
    #[must_use]
    pub fn verify(&self, federation: &FederationId) -> Option<u64> {
        let index = contradiction(&self.one, &self.other)?;
        let signed = self.one.verifies(federation, &self.feed)
            && self.other.verifies(federation, &self.feed);
        signed.then_some(index)
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
    /// [`WireFault`] where they are no proof of at most [`limits::FRAME_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::FRAME_BYTES)
    }
}

/// What a claim or an orphan carries of other feeds: tickets, and the refunds in their provenance.
pub fn carried(value: &Value) -> impl Iterator<Item = &Sent> {
    let (ticket, sends) = match value {
        Value::Claim { ticket, .. } => (Some(ticket), None),
        Value::Orphan(orphan) => (None, Some(&orphan.sends)),
        _ => (None, None),
    };
    let of_ticket = ticket.into_iter().flat_map(|ticket| ticket.sends());
    of_ticket.chain(sends.into_iter().flat_map(|sends| sends.iter()))
}

/// Whether it is a refund, which moves nothing where it is carried: sends are held against their feed by their rows.
#[must_use]
pub const fn is_refund(sent: &Sent) -> bool {
    matches!(sent.moved, Moved::Refund { .. })
}

/// What the feed of a carried refund says of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Borne {
    /// A chain of the feed has it, or what stood there is not held here.
    Out,
    /// The feed is not known as far as that.
    Unknown,
    /// Its writer signed it, and every chain of the feed that reaches so far has something else there.
    Denied,
}

/// Holds a refund that a ticket carries against what is known of its feed.
#[must_use]
pub fn borne(view: &dyn View, programme: ProgrammeId, sent: &Sent) -> Borne {
    let feed = FeedRef::value(sent.node, programme);
    let chains = view.branches(&feed).into_iter();
    let mut reached = chains.filter(|chain| fold::folded_to(view, *chain) > sent.index).peekable();
    if reached.peek().is_none() {
        return Borne::Unknown;
    }
    let name = sent.accumulator();
    let after = |chain| view.accumulator(chain, sent.index.saturating_add(1));
    let denied = reached.all(|chain| after(chain).is_some_and(|said| said != name));
    if denied && view.signed(sent, programme) { Borne::Denied } else { Borne::Out }
}

/// The lowest index at which two statements cannot be of one chain, as far as they show. Symmetric.
#[must_use]
pub fn contradiction(one: &Statement, other: &Statement) -> Option<u64> {
    let (ours, theirs) = (one.heads(), other.heads());
    let apart = ours
        .iter()
        .filter(|a| theirs.iter().any(|b| a.next == b.next && a.accumulator != b.accumulator));
    // The name after entry i is the accumulator of a head whose next is i + 1.
    let by_name = apart.map(|head| head.next.saturating_sub(1)).min();
    let by_block = match (one.header(), other.header()) {
        (Some(one), Some(other)) => blocks_apart(one, other),
        _ => None,
    };
    by_name.into_iter().chain(by_block).min()
}

/// Where two headers cannot be of one chain of blocks, whatever the entries: blocks follow each other without gap or
/// overlap, numbered from zero, each of 1 to [`limits::BLOCK_ENTRIES`] entries.
fn blocks_apart(one: &Header, other: &Header) -> Option<u64> {
    if one == other {
        return None;
    }
    let (early, late) =
        if (one.seq, one.first) <= (other.seq, other.first) { (one, other) } else { (other, one) };
    let between = late.seq.saturating_sub(early.seq);
    if between == 0 {
        return Some(early.first);
    }
    let blocks = between.saturating_sub(1);
    let least = early.end().next.saturating_add(blocks);
    let most = early.end().next.saturating_add(blocks.saturating_mul(limits::BLOCK_ENTRIES as u64));
    let fits = (least..=most).contains(&late.first);
    if fits { None } else { Some(late.first.min(early.first)) }
}
