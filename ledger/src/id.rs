//! One type per kind of name, so that no two can be mistaken for each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Purpose, hash};
use crate::key::PublicKey;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("…")
            }
        }
    };
}

number! {
    /// An organisation: its number in the charter, given at founding or on joining and never reused.
    OrgId(u16)
}
number! {
    /// A programme: its number in the charter. Zero is no programme: control feeds carry it.
    ProgrammeId(u16)
}
number! {
    /// A cycle of one programme: its number within the programme.
    CycleId(u16)
}
number! {
    /// A commodity of one programme: its number within the programme.
    CommodityId(u8)
}
number! {
    /// A site: its number within the organisation that runs it.
    SiteId(u16)
}

handle! {
    /// One holder's entitlement in one cycle of one programme. Derived from a cycle key, so cycles do not join.
    Purse
}
handle! {
    /// One holder in one programme. Derived from a root that never leaves the vault, so programmes do not join.
    Pseudonym
}
handle! {
    /// A keyed commitment to a carrier's short code.
    CarrierId
}
handle! {
    /// A merchant of one programme.
    MerchantId
}
handle! {
    /// The number on the slip of paper that a person who was refused takes home: random, and unrelated to anybody.
    SlipId
}

handle! {
    /// A till's challenge to an outside reader: for one purse on one day, used once.
    Nonce
}

/// A keyed hash of a record that is kept off the ledger: nobody without the 32 random bytes beside that record can tell
/// what it is of, or try guesses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Commitment(pub Hash);

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ProgrammeId {
    /// No programme: what control feeds carry.
    pub const NONE: Self = Self(0);
}

/// A federation: the hash of its founding article.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FederationId(pub Hash);

impl fmt::Display for FederationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of facts a feed carries. A backlog on one lane never delays another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Lane {
    /// Lists, revocations, fork proofs, cycle keys: carries no programme.
    Control = 0,
    /// Issues, sends, claims, redemptions.
    Value = 1,
    /// Enrolments, carriers, credentials, consent.
    Registry = 2,
    /// Disclosures and reads.
    Access = 3,
}

/// One single-writer chain: a node's lane for one programme.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedId {
    /// The node's signing key.
    pub node: PublicKey,
    /// The kind of facts.
    pub lane: Lane,
    /// The programme, or zero on the control lane.
    pub programme: ProgrammeId,
}

impl FeedId {
    /// The 36 bytes that enter signatures and the accumulator's start: algorithm, key, lane, programme (big-endian).
    #[must_use]
    pub fn bytes(&self) -> [u8; 36] {
        let mut bytes = [0u8; 36];
        let PublicKey::Ed25519(key) = self.node;
        bytes[1..33].copy_from_slice(&key);
        bytes[33] = self.lane as u8;
        bytes[34..].copy_from_slice(&self.programme.0.to_be_bytes());
        bytes
    }

    /// The short name of this feed.
    #[must_use]
    pub fn short(&self) -> FeedRef {
        FeedRef { node: self.node.short(), lane: self.lane, programme: self.programme }
    }

    /// Where this feed's accumulator starts in a federation.
    #[must_use]
    pub fn start(&self, federation: &FederationId) -> Hash {
        hash(Purpose::FeedStart, &[&federation.0.0, &self.bytes()])
    }
}

impl fmt::Debug for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.short().fmt(f)
    }
}

/// A feed named by eight bytes of its node's key. Certificates resolve it; two admitted nodes with the same eight bytes
/// are refused at admission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedRef {
    /// The first eight bytes of the node's signing key.
    pub node: [u8; 8],
    /// The kind of facts.
    pub lane: Lane,
    /// The programme.
    pub programme: ProgrammeId,
}

impl FeedRef {
    /// The value feed of the same node for the same programme, which is where rights can be sent to.
    #[must_use]
    pub const fn value(node: [u8; 8], programme: ProgrammeId) -> Self {
        Self { node, lane: Lane::Value, programme }
    }
}

impl fmt::Display for FeedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        let lane = match self.lane {
            Lane::Control => "control",
            Lane::Value => "value",
            Lane::Registry => "registry",
            Lane::Access => "access",
        };
        write!(f, "/{lane}/{}", self.programme)
    }
}

impl fmt::Debug for FeedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The name of an entry: where it stands, and the running hash of everything up to it. The hash alone is unique in a
/// federation, since every feed starts at its own value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EntryName {
    /// The feed.
    pub feed: FeedRef,
    /// The index within the feed, from zero.
    pub index: u64,
    /// The accumulator after the entry.
    pub accumulator: Hash,
}

impl EntryName {
    /// The name of the ticket that a `Send` or `FloatCover` of this name is.
    ///
    /// The accumulator alone would do for entries of verified blocks. A ticket may be seen before them, and two
    /// colluding senders could sign one accumulator as their own: whose units it moves would depend on which of the
    /// two was seen first.
    #[must_use]
    pub fn ticket(&self) -> Hash {
        let mut place = [0u8; 19];
        place[..8].copy_from_slice(&self.feed.node);
        place[8] = self.feed.lane as u8;
        place[9..11].copy_from_slice(&self.feed.programme.0.to_be_bytes());
        place[11..].copy_from_slice(&self.index.to_be_bytes());
        hash(Purpose::Ticket, &[&place, &self.accumulator.0])
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}:", self.feed, self.index)?;
        self.accumulator.short().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
