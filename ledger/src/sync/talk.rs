//! What two nodes say to each other about what they hold, ask for and have taken in (spec/sync.md).
//!
//! Heads and names travel as a few bytes of a hash under the session's salt: a feed's own writer cannot make two heads
//! that look alike in a session it does not know yet.

use serde::{Deserialize, Serialize};

use crate::checkpoint::Of;
use crate::hash::{Hash, Purpose, hash};
use crate::id::{FeedRef, Lane, ProgrammeId};
use crate::leaf::LeafId;
use crate::limits;
use crate::time::DayNo;
use crate::wire::{Bounded, Bytes};

/// A head under a session's salt. Two different ones look alike once in 2³² sessions, and in the next no more.
pub type Check = [u8; 4];
/// A name under a session's salt: longer, for each is held against many.
pub type Id = [u8; 6];
/// Parts into which what is compared is divided, by the first six bits of a key or name.
pub const BUCKETS: usize = 64;
/// Up to so many tips or names are told at once, without comparing buckets first.
pub const DIRECT: usize = 64;
/// Nodes of a slice.
pub const SLICE_NODES: usize = 16;
/// Programmes of one [`Open`].
pub const SECTIONS: usize = 128;
/// Nodes of one [`Tips`].
pub const TIPS_NODES: usize = 4_096;
/// Tips of one node in one [`Tips`].
pub const NODE_TIPS: usize = 256;
/// Names of one [`Ids`].
pub const IDS: usize = 8_192;
/// Runs of one follow frame.
pub const RUNS: usize = 1_024;
/// Points of one [`Need`].
pub const POINTS: usize = 18;
/// Letters that one side may have sent in a session and the other not have kept.
pub const LETTERS: usize = 32;
/// Of what may be sent in a session that is not urgent, letters take one part in so many.
pub const LETTERS_SHARE: u64 = 4;
/// Things of one want frame, and those that may be asked for and not yet over.
pub const WANTS: usize = 64;

/// What a side says after `hello`: what it holds in one hash a programme, and what it will take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Open {
    /// Random, new in each session.
    pub nonce: [u8; 8],
    /// Bytes of content the other side may have sent that are not taken in yet: at most [`limits::WINDOW_BYTES`].
    pub window: u32,
    /// Bytes of content other than charter, notices and control feeds that the other side may send in this session.
    pub budget: u64,
    /// Which part of what it may read it wants.
    pub slice: Slice,
    /// What it holds of feeds inside its slice, ascending by programme.
    pub sections: Bounded<Section, SECTIONS>,
    /// The digest of notices, fork proofs, checkpoints and cosignatures.
    pub loose: Digest,
}

/// Sixteen bytes of a hash.
pub type Digest = [u8; 16];

/// Everything held of one programme's feeds, or of control feeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Section {
    /// The programme; zero for control feeds.
    pub programme: ProgrammeId,
    /// The digest of the tips.
    pub digest: Digest,
}

/// Which part of what a node may read it wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Slice {
    /// Everything, and headers of the rest.
    Whole,
    /// Charter, notices, control feeds, and of its programmes the feeds of these nodes, itself among them: what a
    /// merchant's terminal takes.
    Nodes(Bounded<[u8; 8], SLICE_NODES>),
    /// Charter, notices, and rows of a checkpoint: what a node takes that begins.
    State,
}

impl Slice {
    /// Whether a feed lies inside.
    #[must_use]
    pub fn holds(&self, feed: &FeedRef) -> bool {
        match self {
            Self::Whole => true,
            Self::Nodes(nodes) => feed.lane == Lane::Control || nodes.contains(&feed.node),
            Self::State => false,
        }
    }
}

/// What is compared in buckets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Part {
    /// The tips of a programme's feeds; of control feeds for programme zero.
    Feeds(ProgrammeId),
    /// Notices, fork proofs, checkpoints, cosignatures.
    Loose,
}

/// The sum of each bucket of a part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Buckets {
    /// The part.
    pub part: Part,
    /// [`BUCKETS`] sums.
    pub sums: Bounded<[u8; 4], BUCKETS>,
}

/// How far feeds are held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tips {
    /// The programme.
    pub programme: ProgrammeId,
    /// The buckets of which these are all: one bit each, the first bucket lowest. Zero for news.
    pub mask: u64,
    /// By node, in order of feed.
    pub nodes: Bounded<NodeTips, TIPS_NODES>,
}

/// The tips of one node's feeds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeTips {
    /// The node.
    pub node: [u8; 8],
    /// Its tips; a feed that forked has one for each branch.
    pub tips: Bounded<Tip, NODE_TIPS>,
}

/// How far one chain of a feed is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tip {
    /// How many blocks × 4 + lane.
    pub place: u64,
    /// The head after them.
    pub check: Check,
}

impl Tip {
    /// The tip after so many blocks.
    #[must_use]
    pub const fn new(lane: Lane, blocks: u64, check: Check) -> Self {
        Self { place: blocks.saturating_mul(4).saturating_add(lane as u64), check }
    }

    /// How many blocks.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.place / 4
    }

    /// The lane.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self.place % 4 {
            0 => Lane::Control,
            1 => Lane::Value,
            2 => Lane::Registry,
            _ => Lane::Access,
        }
    }
}

/// The names of what is held in some buckets of the loose part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ids {
    /// The buckets of which these are all.
    pub mask: u64,
    /// The names.
    pub ids: Bounded<Id, IDS>,
}

/// Some of the tips the other side told, by the order in which it told them. Those of news do not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The first.
    pub from: u32,
    /// How many.
    pub count: u32,
}

/// Asks for what continues a feed, from the latest of these points that the other side knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Need {
    /// The feed.
    pub feed: FeedRef,
    /// Places of one chain that is here, latest first. None: from the beginning.
    pub points: Bounded<Point, POINTS>,
}

/// A place of a chain, after whole blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// How many blocks.
    pub blocks: u64,
    /// The head after them.
    pub check: Check,
}

/// Answers a [`Need`] whose points lie too far apart to tell where two chains part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Apart {
    /// The feed.
    pub feed: FeedRef,
    /// The latest number of blocks after which both are alike.
    pub above: u64,
    /// The earliest after which they are not.
    pub below: u64,
}

/// Something asked for that follows no feed's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Item {
    /// The evidence of a block.
    Evidence {
        /// The feed.
        feed: FeedRef,
        /// The block's number.
        seq: u64,
        /// The hash of its header.
        header: Hash,
    },
    /// The rows of a distribution list.
    Rows {
        /// The programme the list is of.
        programme: ProgrammeId,
        /// The list's root.
        list: Hash,
    },
    /// The newest checkpoint a quorum vouches for, with its cosignatures.
    Page,
    /// Rows of a checkpoint.
    State {
        /// The checkpoint.
        checkpoint: Hash,
        /// Of which root.
        of: Of,
        /// Of which leaf.
        leaf: LeafId,
        /// The first chunk that is wanted; all after it follow.
        from: u32,
    },
}

/// Of what there is nothing, or nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Over {
    /// A feed, or what continues it here.
    Feed(FeedRef),
    /// A thing.
    Item(Item),
    /// Everything that is not urgent, in this session: a budget is used up.
    Budget,
    /// A letter, by its [`Letter::name`]: it is kept here for good, and need not be sent again. Said only to who sends letters.
    Letter([u8; 16]),
    /// A letter that is not kept here, and never will be: it is none of the papers this side knows.
    NotTaken([u8; 16]),
}

/// A paper for one node alone, as its sender wrote it: nothing is decided by its coming, a person takes it out and looks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The last day on which it is kept, at either end.
    pub until: DayNo,
    /// What it says: sealed, or nothing about a person that could be read.
    pub bytes: Bytes<{ limits::LETTER_BYTES }>,
}

impl Letter {
    /// What it is called: the same paper is the same letter, whoever sends it and how often.
    #[must_use]
    pub fn name(&self) -> [u8; 16] {
        let Hash(hash) = hash(Purpose::File, &[&self.bytes]);
        let (name, _) = hash.split_at(16);
        <[u8; 16]>::try_from(name).unwrap_or_default()
    }
}

/// The window to open with for a side that takes letters: an odd one. Programs from before there were letters opened with
/// even ones, and take either.
#[must_use]
pub const fn with_letters(window: u32) -> u32 {
    if window % 2 == 1 || (window as usize) < limits::WINDOW_BYTES {
        window | 1
    } else {
        window.saturating_sub(1)
    }
}

/// Whether a side that opens with this window takes letters.
#[must_use]
pub const fn takes_letters(window: u32) -> bool {
    window % 2 == 1
}

/// Why a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    /// Nothing is left to say.
    Done,
    /// The other side's frames are of another version.
    Version,
    /// The other side is of another federation.
    Federation,
    /// The other side broke a rule: the number of the [`Breach`](super::session::Breach).
    Breach(u8),
    /// The other side took too long.
    Stalled,
    /// The other side is no member any more.
    NotAMember,
    /// This side is stopping, or has no room.
    Stopping,
}

/// What heads and names of one session are hashed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Salt([u8; 16]);

impl Salt {
    /// The salt of a session: both nonces, the lower one first.
    #[must_use]
    pub fn new(one: [u8; 8], other: [u8; 8]) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&low);
        salt[8..].copy_from_slice(&high);
        Self(salt)
    }

    /// A head's hash under this salt.
    #[must_use]
    pub fn check(&self, head: &Hash) -> Check {
        let [a, b, c, d, ..] = self.id(head);
        [a, b, c, d]
    }

    /// A name under this salt.
    #[must_use]
    pub fn id(&self, name: &Hash) -> Id {
        let Hash([a, b, c, d, e, f, ..]) = hash(Purpose::Sync, &[&self.0, &name.0]);
        [a, b, c, d, e, f]
    }

    /// The sum of a bucket: of the hashes of its tips or names, in order.
    #[must_use]
    pub fn sum(&self, parts: &[Hash]) -> [u8; 4] {
        let mut hasher = crate::hash::Hasher::new(Purpose::Sync).with(&self.0);
        for part in parts {
            hasher = hasher.with(&part.0);
        }
        let Hash([a, b, c, d, ..]) = hasher.finish();
        [a, b, c, d]
    }
}

/// The digest of what is held: of the hashes of tips or names, in order.
#[must_use]
pub fn digest(parts: &[Hash]) -> Digest {
    let Hash(bytes) = crate::merkle::root(parts);
    let mut digest = [0; 16];
    digest.copy_from_slice(&bytes[..16]);
    digest
}

/// The bucket a key or name belongs to.
#[must_use]
pub const fn bucket(first: u8) -> u32 {
    (first >> 2) as u32
}

/// The window one side may be given.
#[must_use]
pub const fn window_fits(window: u32) -> bool {
    window >= 4_096 && window as usize <= limits::WINDOW_BYTES
}
