//! The only user of BLAKE3: one derive-key context per purpose, so that no two uses can ever be confused.
//!
//! A hash of purpose P over bytes b is `BLAKE3-keyed(key(P), b)` with `key(P) = BLAKE3-derive-key(context(P), "")`;
//! under a secret k it is `BLAKE3-keyed(BLAKE3-derive-key(context(P), k), b)`. Parts are hashed one after the other:
//! every caller hands over parts of fixed length, or at most one of variable length and that one last, so that
//! concatenation is unambiguous (spec/encoding.md, "Hashes").

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A BLAKE3 hash, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Thirty-two zero bytes: "nothing before this".
    pub const ZERO: Self = Self([0; 32]);

    /// The first eight bytes, enough to name a thing among those a node already knows.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.short().iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("…")
    }
}

/// What a hash is for. The table in spec/encoding.md is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The running name of an entry within its feed.
    Accumulator,
    /// Where a feed's accumulator starts: federation and feed.
    FeedStart,
    /// A leaf of an entry tree.
    Leaf,
    /// An inner node of any tree.
    Node,
    /// The root of a tree without leaves.
    EmptyTree,
    /// A block header, chaining blocks.
    Header,
    /// A charter article, chaining articles; the first one names the federation.
    Article,
    /// A node or operator certificate.
    Certificate,
    /// A leaf of a frontier.
    Frontier,
    /// A row of a distribution list.
    ListRow,
    /// A row of derived state.
    StateRow,
    /// A leaf of derived state: the rows of one cycle of one programme.
    StateTable,
    /// A file (bundle, audit file, backup) as a whole.
    File,
    /// A keyed commitment to something off the ledger.
    Commitment,
    /// A programme pseudonym from a person's root.
    Pseudonym,
    /// A purse from a cycle key and a pseudonym.
    Purse,
    /// A look-up handle for something that must not be stored in the clear.
    Lookup,
    /// The digest of a sealed person record's content, keyed by the file it lies in.
    Content,
    /// Check digits of a short code.
    ShortCode,
    /// The name of a budget line, which is claimed like a ticket.
    BudgetLine,
    /// The lot of a refund, named by what was refunded.
    Refund,
    /// A ticket, named by its sender, place and entry.
    Ticket,
    /// The leaves of derived state, as a whole.
    State,
    /// A checkpoint.
    Checkpoint,
    /// The name of a release from suspense, which is claimed like a ticket.
    Release,
    /// A row of a settlement.
    SettlementRow,
    /// The reference under which an outside payer pays one row of a settlement, once.
    Payment,
    /// A row of a counter's day.
    DayRow,
    /// A lot of a feed that is known only through entries shown by others.
    Orphan,
    /// Heads and names as two nodes compare them in one session.
    Sync,
}

impl Purpose {
    /// The derive-key context: never changed, never reused.
    #[must_use]
    pub const fn context(self) -> &'static str {
        match self {
            Self::Accumulator => "annona 2026 v1 accumulator",
            Self::FeedStart => "annona 2026 v1 feed start",
            Self::Leaf => "annona 2026 v1 leaf",
            Self::Node => "annona 2026 v1 node",
            Self::EmptyTree => "annona 2026 v1 empty tree",
            Self::Header => "annona 2026 v1 header",
            Self::Article => "annona 2026 v1 article",
            Self::Certificate => "annona 2026 v1 certificate",
            Self::Frontier => "annona 2026 v1 frontier",
            Self::ListRow => "annona 2026 v1 list row",
            Self::StateRow => "annona 2026 v1 state row",
            Self::StateTable => "annona 2026 v1 state table",
            Self::File => "annona 2026 v1 file",
            Self::Commitment => "annona 2026 v1 commitment",
            Self::Pseudonym => "annona 2026 v1 pseudonym",
            Self::Purse => "annona 2026 v1 purse",
            Self::Lookup => "annona 2026 v1 lookup",
            Self::Content => "annona 2026 v1 content",
            Self::ShortCode => "annona 2026 v1 short code",
            Self::BudgetLine => "annona 2026 v1 budget line",
            Self::Refund => "annona 2026 v1 refund",
            Self::Ticket => "annona 2026 v1 ticket",
            Self::State => "annona 2026 v1 state",
            Self::Checkpoint => "annona 2026 v1 checkpoint",
            Self::Release => "annona 2026 v1 release",
            Self::SettlementRow => "annona 2026 v1 settlement row",
            Self::Payment => "annona 2026 v1 payment",
            Self::DayRow => "annona 2026 v1 day row",
            Self::Orphan => "annona 2026 v1 orphan",
            Self::Sync => "annona 2026 v1 sync",
        }
    }
}

/// Every purpose, in the order of [`Purpose`]'s declaration.
pub const PURPOSES: [Purpose; 30] = [
    Purpose::Accumulator,
    Purpose::FeedStart,
    Purpose::Leaf,
    Purpose::Node,
    Purpose::EmptyTree,
    Purpose::Header,
    Purpose::Article,
    Purpose::Certificate,
    Purpose::Frontier,
    Purpose::ListRow,
    Purpose::StateRow,
    Purpose::StateTable,
    Purpose::File,
    Purpose::Commitment,
    Purpose::Pseudonym,
    Purpose::Purse,
    Purpose::Lookup,
    Purpose::Content,
    Purpose::ShortCode,
    Purpose::BudgetLine,
    Purpose::Refund,
    Purpose::Ticket,
    Purpose::State,
    Purpose::Checkpoint,
    Purpose::Release,
    Purpose::SettlementRow,
    Purpose::Payment,
    Purpose::DayRow,
    Purpose::Orphan,
    Purpose::Sync,
];

/// The key of a purpose: `BLAKE3-derive-key(context, "")`, derived once. Deriving it anew for each entry would double
/// the price of a chain step.
fn purpose_key(purpose: Purpose) -> &'static [u8; 32] {
    static KEYS: OnceLock<[[u8; 32]; PURPOSES.len()]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| PURPOSES.map(|p| blake3::derive_key(p.context(), b"")));
    keys.get(purpose as usize).unwrap_or(&keys[0])
}

/// A hash being fed in pieces.
#[derive(Clone)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts a hash for one purpose.
    #[must_use]
    pub fn new(purpose: Purpose) -> Self {
        Self(blake3::Hasher::new_keyed(purpose_key(purpose)))
    }

    /// Starts a keyed hash for one purpose: without the key, neither made nor checked.
    #[must_use]
    pub fn keyed(purpose: Purpose, key: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_keyed(&blake3::derive_key(purpose.context(), key)))
    }

    /// Adds bytes.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// Adds bytes in place, for loops.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything added.
    #[must_use]
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

/// Hashes one run of bytes for one purpose: the short way, without an incremental state.
#[must_use]
pub fn hash_one(purpose: Purpose, bytes: &[u8]) -> Hash {
    Hash(*blake3::keyed_hash(purpose_key(purpose), bytes).as_bytes())
}

/// Hashes two hashes for one purpose: the step of every chain and tree.
#[must_use]
pub fn hash_pair(purpose: Purpose, left: &Hash, right: &Hash) -> Hash {
    let mut both = [0u8; 64];
    both[..32].copy_from_slice(&left.0);
    both[32..].copy_from_slice(&right.0);
    hash_one(purpose, &both)
}

/// Hashes parts for one purpose.
#[must_use]
pub fn hash(purpose: Purpose, parts: &[&[u8]]) -> Hash {
    parts.iter().fold(Hasher::new(purpose), |h, part| h.with(part)).finish()
}

/// Hashes parts for one purpose under a secret key.
#[must_use]
pub fn keyed(purpose: Purpose, key: &[u8; 32], parts: &[&[u8]]) -> Hash {
    parts.iter().fold(Hasher::keyed(purpose, key), |h, part| h.with(part)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_keys_separate() {
        let all = [Purpose::Accumulator, Purpose::Leaf, Purpose::Node, Purpose::Header];
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert_ne!(hash(*a, &[b"x"]), hash(*b, &[b"x"]), "{a:?} {b:?}");
            }
        }
        assert_ne!(
            keyed(Purpose::Leaf, &[1; 32], &[b"x"]),
            keyed(Purpose::Leaf, &[2; 32], &[b"x"])
        );
        assert_ne!(keyed(Purpose::Leaf, &[0; 32], &[b"x"]), hash(Purpose::Leaf, &[b"x"]));
        for (i, p) in PURPOSES.iter().enumerate() {
            assert_eq!(*p as usize, i, "{p:?} stands in its place in the table of keys");
        }
        assert_eq!(hash_one(Purpose::Leaf, b"xy"), hash(Purpose::Leaf, &[b"x", b"y"]));
    }
}
