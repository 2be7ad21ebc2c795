//! What was asked under a name of the asker's own, so that asking again changes nothing.

use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_ledger::limits;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};

use super::{Accepted, Blob, StoreFault, Work};

/// A request's own name and what it asks for. Kept with the entries it became, in the same commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Hash of the feed and the name the asker gave.
    pub name: Hash,
    /// Hash of what is asked for: the same name with another content is a mistake, never a second helping.
    pub content: Hash,
}

/// Where the entries of an earlier request stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Hash of what was asked for.
    pub content: Hash,
    /// The feed.
    pub feed: FeedId,
    /// The index of its first entry.
    pub first: u64,
    /// How many entries it became.
    pub count: u8,
}

impl Earlier {
    /// The index of its last entry: its promise covers all of them.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.first.saturating_add(self.count.saturating_sub(1) as u64)
    }
}

impl Work<'_> {
    /// What a request of this name became, if it was accepted before.
    #[must_use]
    pub fn earlier(&self, name: &Hash) -> Option<Earlier> {
        let bytes: Option<Vec<u8>> = self.one(
            "SELECT bytes FROM blob WHERE kind=?1 AND name=?2",
            rusqlite::params![Blob::Asked as u8, name.0],
            |r| r.get(0),
        );
        let read = wire::decode(&bytes?, limits::ENTRY_BYTES);
        self.kept(read.map_err(|_| StoreFault::damaged("a request's name")))
    }

    /// Keeps the name of a request beside the entries it became.
    pub(crate) fn keep_asked(&self, asked: &Asked, accepted: &[Accepted]) {
        let Some(first) = accepted.first() else { return };
        let earlier = Earlier {
            content: asked.content,
            feed: first.feed,
            first: first.at.index,
            count: u8::try_from(accepted.len()).unwrap_or(u8::MAX),
        };
        self.write(
            "INSERT INTO blob(kind, name, bytes) VALUES(?1, ?2, ?3)",
            rusqlite::params![Blob::Asked as u8, asked.name.0, wire::encode(&earlier)],
        );
    }
}
