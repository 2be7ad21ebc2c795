//! Checkpoints: what is known, on one page that independent organisations sign (spec/checkpoints.md).
//!
//! A witness signs a checkpoint that extends everything it has signed before, and lists the cycles whose entries it has
//! folded itself. No witness waits for another, and nobody leads: signatures of one page are collected like those of an
//! article, and pages of two halves of a partition join.

use serde::{Deserialize, Serialize};

use crate::charter::Charter;
use crate::frontier::{Frontier, FrontierFault, Sketch};
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{FederationId, ProgrammeId};
use crate::key::{Context, Signature, SigningKey};
use crate::leaf::{self, Leaf, LeafId};
use crate::limits;
use crate::notice::{NodeCertificate, Roles, Roster};
use crate::time::Minute;
use crate::wire::{self, Bounded, WireFault};

mod chunk;
mod quorum;
#[cfg(test)]
mod tests;
mod witness;
mod working;

pub use chunk::{Chunk, ChunkFault, Of, chunks};
pub use quorum::{Certified, Counted, Standing, only_a_fence_may_cut, standing};
pub use witness::{Refusal, vouch};
pub use working::{Spot, Used, Working, opened_number};

/// One page of what is known. Its hash is what witnesses sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The federation.
    pub federation: FederationId,
    /// The charter epoch the state follows from.
    pub epoch: u32,
    /// The hash of that article.
    pub charter: Hash,
    /// The root over the tips of all feeds.
    pub frontier: Hash,
    /// How many tips.
    pub feeds: u32,
    /// The root over the leaves of state that its maker has folded.
    pub state: Hash,
    /// The root over what a node needs beside state to go on from here.
    pub working: Hash,
    /// When it was made, by its maker's clock.
    pub time: Minute,
}

impl Checkpoint {
    /// Names it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_one(Purpose::Checkpoint, &wire::encode(self))
    }
}

/// A list of leaves.
pub type Leaves = Bounded<Leaf, { limits::STATE_LEAVES }>;

/// A checkpoint with what its roots stand for. At most [`limits::CHECKPOINT_BYTES`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The leaves of state, ascending: of those programmes whose every entry its maker had.
    pub state: Leaves,
    /// The leaves of what a node needs beside state, ascending: one for a programme, under cycle zero.
    pub working: Leaves,
    /// How far feeds are known.
    pub sketch: Sketch,
}

/// Why a page is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// It belongs to another federation.
    #[error("the checkpoint belongs to another federation")]
    Federation,
    /// It names another charter than the one of its epoch.
    #[error("the checkpoint names another article of epoch {0} than the one known here")]
    Charter(u32),
    /// Its leaves do not ascend, or are not those of its state root.
    #[error("the leaves beside the checkpoint are not those of its state root")]
    State,
    /// The same, of what a node needs beside state.
    #[error("the leaves beside the checkpoint are not those of its working root")]
    Working,
    /// Its sketch names another number of tips than it says.
    #[error("the sketch beside the checkpoint names {0} tips, the checkpoint says {1}")]
    Feeds(usize, u32),
    /// The tips are not those of its frontier root.
    #[error("the tips beside the checkpoint are not those of its frontier root")]
    Frontier,
    /// The sketch is no frontier, or more is known in it than here.
    #[error(transparent)]
    Tips(#[from] FrontierFault),
}

impl Page {
    /// Puts a page together.
    ///
    /// # Errors
    ///
    /// [`WireFault::TooLong`] for more leaves than [`limits::STATE_LEAVES`].
    pub fn new(
        charter: &Charter,
        frontier: &Frontier,
        state: Vec<Leaf>,
        working: Vec<Leaf>,
        time: Minute,
    ) -> Result<Self, WireFault> {
        let checkpoint = Checkpoint {
            federation: charter.federation(),
            epoch: charter.epoch(),
            charter: charter.head(),
            frontier: frontier.root(),
            feeds: frontier.len(),
            state: leaf::root(&state),
            working: leaf::root(&working),
            time,
        };
        let (state, working) = (Bounded::new(state)?, Bounded::new(working)?);
        Ok(Self { checkpoint, state, working, sketch: frontier.sketch() })
    }

    /// Checks everything that needs no feeds: `charter` is that of the checkpoint's epoch.
    ///
    /// # Errors
    ///
    /// The first [`PageFault`] that applies.
    pub fn check(&self, charter: &Charter) -> Result<(), PageFault> {
        let (said, ascending) = (&self.checkpoint, |leaves: &Leaves| {
            leaves.iter().map(|leaf| leaf.id).is_sorted_by(|a, b| a < b)
        });
        match () {
            () if said.federation != charter.federation() => Err(PageFault::Federation),
            () if (said.epoch, said.charter) != (charter.epoch(), charter.head()) => {
                Err(PageFault::Charter(said.epoch))
            }
            () if !ascending(&self.state) || leaf::root(&self.state) != said.state => {
                Err(PageFault::State)
            }
            () if !ascending(&self.working) || leaf::root(&self.working) != said.working => {
                Err(PageFault::Working)
            }
            () if u32::try_from(self.sketch.len()) != Ok(said.feeds) => {
                Err(PageFault::Feeds(self.sketch.len(), said.feeds))
            }
            () => Ok(()),
        }
    }

    /// Checks that tips are those of the checkpoint.
    ///
    /// # Errors
    ///
    /// [`PageFault::Frontier`].
    pub fn check_frontier(&self, frontier: &Frontier) -> Result<(), PageFault> {
        let said = (self.checkpoint.frontier, self.checkpoint.feeds);
        if (frontier.root(), frontier.len()) == said { Ok(()) } else { Err(PageFault::Frontier) }
    }

    /// The leaf of state with this number.
    #[must_use]
    pub fn leaf(&self, id: LeafId) -> Option<&Leaf> {
        self.state.iter().find(|leaf| leaf.id == id)
    }

    /// The leaves of one programme.
    pub fn leaves_of(&self, programme: ProgrammeId) -> impl Iterator<Item = &Leaf> {
        self.state.iter().filter(move |leaf| leaf.id.programme == programme)
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
    /// [`WireFault`] where they are no page of at most [`limits::CHECKPOINT_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::CHECKPOINT_BYTES)
    }
}

/// What a witness says about a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Said {
    /// The checkpoint.
    pub checkpoint: Hash,
    /// The witness, by eight bytes of its key.
    pub witness: [u8; 8],
    /// When, by its clock.
    pub time: Minute,
    /// The leaves it has folded itself and found the same, ascending.
    pub leaves: Bounded<LeafId, { limits::STATE_LEAVES }>,
    /// The programmes of which it holds every body up to the frontier, and all evidence beside their value feeds, and keeps
    /// them until it says otherwise, ascending.
    /// Programme zero are the control feeds.
    pub holds: Bounded<ProgrammeId, { limits::CERTIFICATE_PROGRAMMES + 1 }>,
}

/// A witness's signature of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cosignature {
    /// What it says.
    pub said: Said,
    /// By its transport key.
    pub signature: Signature,
}

impl Said {
    /// Signs with the witness's transport key.
    #[must_use]
    pub fn sign(self, federation: &FederationId, key: &SigningKey) -> Cosignature {
        let signature = key.sign(Context::Cosignature, &[&federation.0.0], &wire::encode(&self));
        Cosignature { said: self, signature }
    }
}

/// Why a cosignature does not count, in order of precedence: the first that applies is reported. Numbers are part of the
/// format and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[repr(u16)]
pub enum CosignatureRejection {
    /// It is of another checkpoint.
    #[error("the cosignature is of another checkpoint")]
    OtherCheckpoint = 1,
    /// No certificate is known for this witness.
    #[error("the witness has no certificate here")]
    UnknownWitness = 2,
    /// No certificate of it makes it a witness of a member at that time.
    #[error("no certificate makes this node a witness of a member at that time")]
    NotAWitness = 3,
    /// It lists leaves that the checkpoint does not have, or not ascending, or holds a programme it has not folded.
    #[error("it lists what the checkpoint does not have, or not in order")]
    Leaves = 4,
    /// It is not signed by the witness.
    #[error("the cosignature is not signed by its witness")]
    BadSignature = 5,
}

impl CosignatureRejection {
    /// Every rejection, in order.
    pub const ALL: [Self; 5] = [
        Self::OtherCheckpoint,
        Self::UnknownWitness,
        Self::NotAWitness,
        Self::Leaves,
        Self::BadSignature,
    ];
}

impl Cosignature {
    /// Checks that it counts, and returns the certificate it counts under. `charter` is that of the checkpoint's epoch, or
    /// a later one.
    ///
    /// # Errors
    ///
    /// The first [`CosignatureRejection`] that applies.
    pub fn check<'a>(
        &self,
        page: &Page,
        charter: &Charter,
        roster: &'a Roster,
    ) -> Result<&'a NodeCertificate, CosignatureRejection> {
        let said = &self.said;
        if said.checkpoint != page.checkpoint.hash() {
            return Err(CosignatureRejection::OtherCheckpoint);
        }
        let keys = roster.node_keys(&said.witness);
        if keys.is_empty() {
            return Err(CosignatureRejection::UnknownWitness);
        }
        let fit = |c: &&NodeCertificate| {
            c.roles.has(Roles::WITNESS)
                && (c.issued..=c.not_after).contains(&said.time)
                && charter.is_member(c.org)
        };
        let mut certificates =
            keys.iter().flat_map(|key| roster.node_ever(key)).filter(fit).peekable();
        if certificates.peek().is_none() {
            return Err(CosignatureRejection::NotAWitness);
        }
        if !self.lists(page) {
            return Err(CosignatureRejection::Leaves);
        }
        let (scope, message) = (page.checkpoint.federation.0.0, wire::encode(said));
        certificates
            .find(|c| {
                c.transport.verifies(Context::Cosignature, &[&scope], &message, &self.signature)
            })
            .ok_or(CosignatureRejection::BadSignature)
    }

    /// Whether what it lists is in the page, in order, and it has folded what it holds.
    fn lists(&self, page: &Page) -> bool {
        let (leaves, holds) = (&self.said.leaves, &self.said.holds);
        leaves.is_sorted_by(|a, b| a < b)
            && holds.is_sorted_by(|a, b| a < b)
            && leaves.iter().all(|id| page.leaf(*id).is_some())
            && holds.iter().all(|p| *p == ProgrammeId::NONE || self.folded(page, *p))
    }

    /// Whether it lists every leaf of a programme: its witness has folded all that is known of it.
    #[must_use]
    pub fn folded(&self, page: &Page, programme: ProgrammeId) -> bool {
        let mut any = false;
        let all = page.leaves_of(programme).all(|leaf| {
            any = true;
            self.said.leaves.contains(&leaf.id)
        });
        any && all
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
    /// [`WireFault`] where they are no cosignature of at most [`limits::FRAME_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::FRAME_BYTES)
    }
}
