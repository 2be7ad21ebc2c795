//! A feed's running name: the accumulator, and where a chain stands.

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Purpose, hash_one, hash_pair};
use crate::id::{FederationId, FeedId};

/// The leaf of an entry: the hash of its bytes as received.
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    hash_one(Purpose::Leaf, entry)
}

/// One step of the accumulator: `a_i = H(accumulator, a_{i−1} ‖ leaf_i)`.
#[must_use]
pub fn step(before: &Hash, leaf: &Hash) -> Hash {
    hash_pair(Purpose::Accumulator, before, leaf)
}

/// Where a chain stands: how many entries it has, and the name of the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The index the next entry will have: the number of entries so far.
    pub next: u64,
    /// The accumulator after the last entry.
    pub accumulator: Hash,
}

impl Head {
    /// The head of a feed without entries.
    #[must_use]
    pub fn start(federation: &FederationId, feed: &FeedId) -> Self {
        Self { next: 0, accumulator: feed.start(federation) }
    }

    /// The head after one more entry.
    #[must_use]
    pub fn after(&self, entry: &[u8]) -> Self {
        Self {
            next: self.next.saturating_add(1),
            accumulator: step(&self.accumulator, &leaf(entry)),
        }
    }
}
