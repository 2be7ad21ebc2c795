//! What a verdict says of feeds that were cut or have ended, of cycles that were closed, and of keys that took the place
//! of others.

use crate::charter::{Closed, Released};
use crate::clock::Bracket;
use crate::cut::{Cut, Reason};
use crate::finality::Finality;
use crate::id::{CycleId, FeedRef, OrgId, ProgrammeId};
use crate::settlement::{SettlementRow, Stage};
use crate::time::Minute;

/// Who cut a feed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SaidBy {
    /// The article of this epoch: a fence.
    Article(u32),
    /// A node, by a revocation.
    Node([u8; 8]),
}

/// One cut, as it was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CutSaid {
    /// Who said it.
    pub by: SaidBy,
    /// Up to where.
    pub cut: Cut,
    /// Why.
    pub reason: Reason,
    /// Whether it counts: a revocation by somebody who may not revoke is kept, and counts for nothing.
    pub counts: bool,
}

/// A feed that somebody cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CutFeed {
    /// The feed.
    pub feed: FeedRef,
    /// Everybody who cut it: articles first.
    pub said: Vec<CutSaid>,
    /// The one that counts: the lowest. `None` where nobody who cut it may.
    pub lowest: Option<Cut>,
    /// The first index above it. `None` where its last block is not here.
    pub index: Option<u64>,
    /// Entries below it that are here, on all branches.
    pub good: u64,
    /// Entries above it.
    pub tainted: u64,
    /// Entries after the feed's end, wherever they stand to the cut.
    pub after_end: u64,
}

/// A chain that ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EndedFeed {
    /// Its feed.
    pub feed: FeedRef,
    /// The index of its `End`.
    pub index: u64,
    /// How many entries of it follow all the same.
    pub after: u64,
}

/// A release, as an article voted it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freed {
    /// The article's epoch.
    pub epoch: u32,
    /// What was released.
    pub released: Released,
    /// Whether the reserve has claimed it, as far as is known here.
    pub claimed: bool,
}

/// Hand-outs of a closed cycle that turned up late on one feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LateOn {
    /// The feed.
    pub feed: FeedRef,
    /// The index of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// A cycle that was closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedCycle {
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// The epoch of the first article that closed it.
    pub epoch: u32,
    /// How many feeds it shows.
    pub feeds: u64,
    /// Hand-outs of the cycle above what it shows of their feeds: they turned up late, and are paid from suspense. Counted
    /// by whole blocks.
    pub late: u64,
    /// The same feed by feed; of a forked feed, chain by chain.
    pub late_on: Vec<LateOn>,
}

impl ClosedCycle {
    pub(crate) fn of(
        (programme, cycle): (ProgrammeId, CycleId),
        closed: &Closed,
        late_on: Vec<LateOn>,
    ) -> Self {
        let late = late_on.iter().fold(0, |sum, on| on.count.saturating_add(sum));
        let feeds = closed.cuts.len() as u64;
        Self { programme, cycle, epoch: closed.epoch, feeds, late, late_on }
    }
}

/// How final hand-outs are, each counted under the highest grade the source shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shares {
    /// Durable with their writer, as far as is known here.
    pub accepted: u64,
    /// A witness of another organisation has signed them.
    pub seen: u64,
    /// Below a certified checkpoint whose programme a quorum has folded.
    pub certified: u64,
    /// Below a close.
    pub settled: u64,
}

impl Shares {
    /// Counts hand-outs of one grade.
    pub const fn add(&mut self, grade: Finality, count: u64) {
        let sum = match grade {
            Finality::Accepted => &mut self.accepted,
            Finality::Seen => &mut self.seen,
            Finality::Certified => &mut self.certified,
            Finality::Settled => &mut self.settled,
        };
        *sum = sum.saturating_add(count);
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.accepted
            .saturating_add(self.seen)
            .saturating_add(self.certified)
            .saturating_add(self.settled)
    }
}

/// Stamps of a feed that lie outside what certified checkpoints say (spec/clocks.md): recourse only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// The feed.
    pub feed: FeedRef,
    /// The first entry.
    pub index: u64,
    /// Its stamp.
    pub stamp: Minute,
    /// Between what it should lie.
    pub bracket: Bracket,
    /// Entries stamped after a checkpoint that has them: their clock was ahead.
    pub ahead: u64,
    /// Entries stamped before a checkpoint that does not have them: a clock was behind, or they were long on their way.
    pub behind: u64,
}

/// A settlement, and how far it has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementLine {
    /// The treasury's feed.
    pub feed: FeedRef,
    /// The index of its draft.
    pub index: u64,
    /// What it holds, and the steps that were taken.
    pub row: SettlementRow,
    /// How far it has come.
    pub stage: Stage,
    /// Whether every step was taken by an operator who was entitled to it.
    pub entitled: bool,
    /// Whether it is what its lines come to.
    pub compared: Compared,
    /// What was in the way of comparing it, the first [`NotCompared::TOLD`].
    pub lacks: Vec<NotCompared>,
}

/// Something a settlement names that it could not be compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotCompared {
    /// Whose entries these are.
    pub feed: FeedRef,
    /// The index of the first.
    pub from: u64,
    /// The index after the last.
    pub to: u64,
    /// Why.
    pub why: Why,
}

impl NotCompared {
    /// How many are told of one settlement.
    pub const TOLD: usize = 8;
}

/// Why an entry that a settlement names could not be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Why {
    /// It is not here: not its chain up to there, or not these bytes.
    #[error("not here, or not on this branch")]
    NotHere,
    /// It stands behind a hand-out for a merchant that its feed has not named.
    #[error("behind a hand-out for a merchant its feed has not named")]
    Unnamed,
    /// Its node's entries are named too often by one treasury.
    #[error("named too often by this treasury")]
    TooOften,
}

/// Whether a settlement is what the entries that its lines name come to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compared {
    /// It is.
    Same,
    /// It is not: a finding says of what.
    Differs,
    /// Something it names is not here, or its node names the same too often.
    Open,
    /// Nobody asks: it is disputed, or its node does not settle the programme.
    Void,
}

/// Entries that two settlements hold which both count as paid. The payer has refused the second by its reference; no sum
/// moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SettledTwice {
    /// Their feed.
    pub feed: FeedRef,
    /// The index of the first.
    pub from: u64,
    /// The index after the last. Not each of them need have handed something out.
    pub to: u64,
    /// The settlements, ascending: each by its treasury's feed and the index of its draft.
    pub by: [(FeedRef, u64); 2],
    /// The organisation whose treasury was paid beyond a cut or an end of its feed, if one of the two was and the other not.
    pub fault: Option<OrgId>,
}

/// A node whose key takes the place of another one's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Incarnation {
    /// The new node.
    pub node: [u8; 8],
    /// The one whose place it takes.
    pub replaces: [u8; 8],
    /// The organisation that admitted it.
    pub org: OrgId,
    /// Since when.
    pub issued: Minute,
}
