//! Frontiers: how far every feed is known, as one vector. Two of them join without anybody leading (spec/checkpoints.md).
//!
//! A feed has one tip; one that forked has one for each branch. A tip stands for everything before it, so the join of two
//! frontiers keeps those tips that no other tip continues. Whether one continues another, whoever holds the headers can
//! tell: [`Chains`].

use serde::{Deserialize, Serialize};

use crate::feed::Head;
use crate::hash::{Hash, Purpose, hash};
use crate::id::{FeedId, FeedRef, Lane, ProgrammeId};
use crate::limits;
use crate::merkle::{self, Path};
use crate::sync::frame::Known;
use crate::wire::{self, Bounded, WireFault};

#[cfg(test)]
pub(crate) mod tests;

/// What whoever holds blocks or headers knows of chains.
pub trait Chains {
    /// Whether some known chain of a feed goes through both heads, `early` first: the later one then stands for the
    /// earlier.
    fn continues(&self, feed: &FeedId, early: &Head, late: &Head) -> bool;
    /// Whether some known chain of a feed goes through a head, at the end of a block.
    fn holds(&self, feed: &FeedId, head: &Head) -> bool;
    /// How many entries of a feed are known, on the branch that goes furthest.
    fn reach(&self, feed: &FeedId) -> u64;
    /// Whether a feed is known to have forked.
    fn forked(&self, feed: &FeedId) -> bool;
}

/// Tips of feeds, ascending by feed and then by head. Feeds without entries are not in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier(Vec<Known>);

/// Why tips are no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierFault {
    /// More than [`limits::FRONTIER_TIPS`].
    #[error("a frontier of {0} tips: at most {max} are allowed", max = limits::FRONTIER_TIPS)]
    TooMany(usize),
    /// A tip of no entries, or of more blocks than entries.
    #[error("a tip of {0} says what no chain can")]
    Tip(FeedRef),
    /// Not strictly ascending.
    #[error("the tips are not strictly ascending")]
    Order,
    /// A head is not known here.
    #[error(
        "{feed} is not known here up to its block {blocks}: take in a bundle of whoever made this, and ask again"
    )]
    Unknown {
        /// The feed.
        feed: FeedRef,
        /// How many blocks are said to be known of it.
        blocks: u64,
    },
}

impl Frontier {
    /// Sorts tips into a frontier; of equal ones, one stays.
    ///
    /// # Errors
    ///
    /// [`FrontierFault::Tip`], [`FrontierFault::TooMany`].
    pub fn new(mut tips: Vec<Known>) -> Result<Self, FrontierFault> {
        tips.sort_unstable_by_key(order);
        tips.dedup();
        if let Some(bad) = tips.iter().find(|t| t.blocks == 0 || t.blocks > t.head.next) {
            return Err(FrontierFault::Tip(bad.feed.short()));
        }
        if tips.len() > limits::FRONTIER_TIPS {
            return Err(FrontierFault::TooMany(tips.len()));
        }
        // One head with two numbers of blocks is no head of any chain.
        if tips.windows(2).any(|pair| matches!(pair, [a, b] if order(a) == order(b))) {
            return Err(FrontierFault::Order);
        }
        Ok(Self(tips))
    }

    /// The tips, ascending.
    #[must_use]
    pub fn tips(&self) -> &[Known] {
        &self.0
    }

    /// How many tips there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tips of one feed: none, one, or one for each branch.
    #[must_use]
    pub fn of(&self, feed: &FeedId) -> &[Known] {
        let from = self.0.partition_point(|tip| tip.feed < *feed);
        let to = self.0.partition_point(|tip| tip.feed <= *feed);
        self.0.get(from..to).unwrap_or_default()
    }

    /// The root over the tips. How many there are is signed beside it.
    #[must_use]
    pub fn root(&self) -> Hash {
        merkle::root(&self.leaves())
    }

    fn leaves(&self) -> Vec<Hash> {
        self.0.iter().map(leaf).collect()
    }

    /// The path from one tip to the root. `None` where it is not in here.
    #[must_use]
    pub fn path(&self, tip: &Known) -> Option<Path> {
        let at = self.0.iter().position(|known| known == tip)?;
        merkle::path(&self.leaves(), u32::try_from(at).ok()?)
    }

    /// Everything either knows, each feed up to where the one that knows it further does.
    ///
    /// Asked of the same chains it is commutative, associative and idempotent: two halves of a partition come to the same
    /// frontier, whichever hears of the other first.
    ///
    /// # Errors
    ///
    /// [`FrontierFault::TooMany`].
    pub fn join(&self, other: &Self, chains: &impl Chains) -> Result<Self, FrontierFault> {
        let mut all = self.0.clone();
        all.extend_from_slice(&other.0);
        let all = Self::new(all)?;
        let stands = |tip: &&Known| {
            let beside = all.of(&tip.feed).iter().filter(|other| other.head != tip.head);
            !beside.into_iter().any(|late| chains.continues(&tip.feed, &tip.head, &late.head))
        };
        Ok(Self(all.0.iter().filter(stands).copied().collect()))
    }

    /// Whether this frontier knows a place of a feed: one of its tips is at it, or continues it.
    #[must_use]
    pub fn covers(&self, feed: &FeedId, head: &Head, chains: &impl Chains) -> bool {
        let stands = |tip: &Known| tip.head == *head || chains.continues(feed, head, &tip.head);
        self.of(feed).iter().any(stands)
    }

    /// The first tip of another frontier that this one does not cover.
    #[must_use]
    pub fn lacks<'a>(&self, other: &'a Self, chains: &impl Chains) -> Option<&'a Known> {
        other.0.iter().find(|tip| !self.covers(&tip.feed, &tip.head, chains))
    }

    /// Two tips of one feed, one here and one there, that cannot be of one chain: the feed has forked.
    ///
    /// Only what both show is compared: tips of unlike length may hide a fork that headers would show.
    #[must_use]
    pub fn clash(&self, other: &Self) -> Option<(Known, Known)> {
        let apart = |a: &Known, b: &Known| {
            (a.blocks == b.blocks || a.head.next == b.head.next)
                && (a.blocks, a.head) != (b.blocks, b.head)
        };
        let pair = |a: &Known| {
            let b = other.of(&a.feed).iter().find(|b| apart(a, b))?;
            // A fork that both know is no clash.
            let both = other.of(&a.feed).contains(a) || self.of(&a.feed).contains(b);
            (!both).then_some((*a, *b))
        };
        self.0.iter().find_map(pair)
    }

    /// The tips that are not in an earlier frontier: what is sent to somebody who has that one.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let known = |tip: &&Known| !earlier.of(&tip.feed).contains(tip);
        Self(self.0.iter().filter(known).copied().collect())
    }

    /// How the frontier is written down for somebody who has the headers.
    #[must_use]
    pub fn sketch(&self) -> Sketch {
        let mut nodes: Vec<NodeTips> = Vec::new();
        for node in self.0.chunk_by(|a, b| a.feed.node == b.feed.node) {
            let tips = node.iter().map(|tip| Tip {
                feed: place(tip.feed.lane, tip.feed.programme),
                blocks: tip.blocks,
                head: tip.head.accumulator.short(),
            });
            let named = node.first().map(|tip| tip.feed.node.short()).unwrap_or_default();
            // No more tips than the frontier has, which are few enough.
            let tips = Bounded::new(tips.collect()).unwrap_or_default();
            nodes.push(NodeTips { node: named, tips });
        }
        Sketch { nodes: Bounded::new(nodes).unwrap_or_default() }
    }
}

/// What stands for a tip in the tree of a frontier.
#[must_use]
pub fn leaf(tip: &Known) -> Hash {
    let next = tip.head.next.to_be_bytes();
    hash(Purpose::Frontier, &[&tip.feed.bytes(), &next, &tip.head.accumulator.0])
}

const fn order(tip: &Known) -> (FeedId, Head) {
    (tip.feed, tip.head)
}

/// A frontier in few bytes: a node once, and of each tip its feed, the number of its blocks, and eight bytes of the head.
/// Thirteen bytes a tip where a node has four feeds.
///
/// Who has the headers finds the tips again ([`Sketch::resolve`]); the root beside it tells whether they are the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sketch {
    nodes: Bounded<NodeTips, { limits::FRONTIER_TIPS }>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct NodeTips {
    node: [u8; 8],
    tips: Bounded<Tip, { limits::FRONTIER_TIPS }>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Tip {
    /// Programme × 4 + lane.
    feed: u32,
    blocks: u64,
    head: [u8; 8],
}

fn place(lane: Lane, programme: ProgrammeId) -> u32 {
    u32::from(programme.0).saturating_mul(4).saturating_add(u32::from(lane as u8))
}

impl Tip {
    fn feed(&self, node: [u8; 8]) -> Option<FeedRef> {
        let lane = match self.feed % 4 {
            0 => Lane::Control,
            1 => Lane::Value,
            2 => Lane::Registry,
            _ => Lane::Access,
        };
        let programme = ProgrammeId(u16::try_from(self.feed / 4).ok()?);
        Some(FeedRef { node, lane, programme })
    }
}

impl Sketch {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no sketch of at most [`limits::SKETCH_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::SKETCH_BYTES)
    }

    /// How many tips it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| node.tips.len()).sum()
    }

    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many blocks it names: more where it covers more, if whoever made it is honest.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        let tips = self.nodes.iter().flat_map(|node| node.tips.iter());
        tips.fold(0, |sum: u64, tip| sum.saturating_add(tip.blocks))
    }

    /// Finds the frontier again: `find` is asked for the tip of a feed after so many blocks whose accumulator begins with
    /// these eight bytes.
    ///
    /// # Errors
    ///
    /// [`FrontierFault::Unknown`] for the first tip that `find` does not have; another where they are no frontier.
    pub fn resolve(
        &self,
        mut find: impl FnMut(FeedRef, u64, [u8; 8]) -> Option<Known>,
    ) -> Result<Frontier, FrontierFault> {
        let mut tips = Vec::with_capacity(self.len().min(limits::FRONTIER_TIPS));
        for node in self.nodes.iter() {
            for tip in node.tips.iter() {
                let nowhere =
                    FeedRef { node: node.node, lane: Lane::Control, programme: ProgrammeId::NONE };
                let feed = tip.feed(node.node).ok_or(FrontierFault::Tip(nowhere))?;
                let found = find(feed, tip.blocks, tip.head);
                tips.push(found.ok_or(FrontierFault::Unknown { feed, blocks: tip.blocks })?);
            }
        }
        Frontier::new(tips)
    }
}
