//! Proof that a feed said two things at one place: two statements under its key, checked by anyone.

use serde::{Deserialize, Serialize};

use crate::block::Header;
use crate::feed::Head;
use crate::id::{FederationId, FeedId};
use crate::key::Signature;
use crate::ticket::Promise;

/// Something a feed's key signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Statement {
    /// A block's header.
    Header(Header, Signature),
    /// A promise, or what a ticket is made of.
    Promise(Box<Promise>),
}

impl Statement {
    /// Whether the feed's key signed it.
    #[must_use]
    pub fn verifies(&self, federation: &FederationId, feed: &FeedId) -> bool {
        match self {
            Self::Header(header, signature) => header.verifies(federation, feed, signature),
            Self::Promise(promise) => {
                promise.feed == feed.short() && promise.verifies(federation, &feed.node)
            }
        }
    }

    /// The two heads it commits to: before its first entry and after its last.
    #[must_use]
    pub fn heads(&self) -> [Head; 2] {
        match self {
            Self::Header(header, _) => [header.start(), header.end()],
            Self::Promise(promise) => {
                let before = Head { next: promise.index, accumulator: promise.before };
                [before, before.after(&promise.entry)]
            }
        }
    }
}

/// Two statements of one feed that cannot both be of one chain. A fact about the feed, whoever shows it.
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
    /// Whether both are the feed's own and contradict each other: two headers of one number, or two names for one
    /// prefix.
    #[must_use]
    pub fn verify(&self, federation: &FederationId) -> bool {
        self.contradicts()
            && self.one.verifies(federation, &self.feed)
            && self.other.verifies(federation, &self.feed)
    }

    fn contradicts(&self) -> bool {
        let same_number = match (&self.one, &self.other) {
            (Statement::Header(one, _), Statement::Header(other, _)) => {
                one.seq == other.seq && one.hash() != other.hash()
            }
            (Statement::Promise(_), _) | (_, Statement::Promise(_)) => false,
        };
        let apart = |a: &Head, b: &Head| a.next == b.next && a.accumulator != b.accumulator;
        let (one, other) = (self.one.heads(), self.other.heads());
        same_number || one.iter().any(|a| other.iter().any(|b| apart(a, b)))
    }
}
