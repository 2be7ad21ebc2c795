//! What merchants are paid for what they handed out: settled by the name of each entry, once, whoever asks
//! (spec/settlement.md).
//!
//! A settlement stands on its treasury's value feed: lines that say which entries, a draft that freezes what they come
//! to, and the steps three different people take. It moves no value: the goods left long before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::hash::{Hash, Purpose, hash, hash_one};
use crate::id::{CommodityId, CycleId, FederationId, FeedRef, MerchantId, ProgrammeId};
use crate::key::{Context, PublicKey, Signature, SigningKey};
use crate::limits;
use crate::merkle::Tree;
use crate::notice::{OperatorRoles, Roster};
use crate::time::Minute;
use crate::view::{At, View};
use crate::wire::{self, Bounded};

mod cover;
mod fitting;
mod held;
mod lines;
mod refunds;
mod rows;
mod spans;
#[cfg(test)]
mod tests;

pub(crate) use cover::{AsShown, as_shown};
pub use cover::{Coverage, Named, coverage, paid};
pub use fitting::{Fitting, fitting};
pub use held::{holds, is_lost, is_paid, is_paid_beyond, may_settle};
pub use lines::{Reach, lines};
pub(crate) use refunds::back;
pub(crate) use rows::chain_with;
pub use rows::{Came, came_of, rows};
pub(crate) use spans::overlap;

/// What a row of a settlement is for. The last three take from what a merchant is paid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// Goods handed out: a `Redeem`, `Post` or `FloatRedeem`.
    Redeemed,
    /// Goods taken back: a `Refund`.
    Refunded,
    /// Goods taken back when their feed could not write any more. Names the redemption.
    Returned,
    /// Goods that are disputed, as a person decided. Names the redemption.
    Disputed,
}

impl Kind {
    /// Whether it takes from what is paid.
    #[must_use]
    pub const fn is_back(self) -> bool {
        !matches!(self, Self::Redeemed)
    }

    /// Whether a person decided it, and no entry says it: once for each redemption.
    #[must_use]
    pub const fn is_by_hand(self) -> bool {
        matches!(self, Self::Returned | Self::Disputed)
    }
}

/// One entry that is settled by itself: above a cut, on another branch, shown without its block; or taken back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Single {
    /// The entry's index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Hash,
    /// Which of the entries with these bytes at this place, from zero: branches may say the same.
    pub copy: u8,
    /// What for.
    pub kind: Kind,
    /// Who is paid.
    pub merchant: MerchantId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
}

/// A commodity's sums.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Net {
    /// The commodity.
    pub commodity: CommodityId,
    /// What was handed out.
    pub given: Amount,
    /// What was taken back.
    pub back: Amount,
}

/// A step in the life of a settlement. Each is taken by another person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Step {
    /// Held against the counters' statements and receipts.
    Verified,
    /// To be paid.
    Approved,
    /// Paid, outside, under each row's reference.
    Paid,
    /// Not to be paid: all of it is free to be settled anew. Not after it was paid.
    Disputed,
}

/// A line or a step of a settlement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Settling {
    /// Everything a chain says from one index up to another.
    Stretch {
        /// The feed's node.
        node: [u8; 8],
        /// The first index.
        from: u64,
        /// The index after the last.
        to: u64,
        /// The accumulator after the last: which chain, and all that is in it.
        head: Hash,
        /// Indexes left out, ascending: settled by themselves before.
        except: Bounded<u64, { limits::SETTLE_EXCEPT }>,
    },
    /// Entries one by one.
    Rows {
        /// The feed's node.
        node: [u8; 8],
        /// The entries, ascending.
        rows: Bounded<Single, { limits::SETTLE_ROWS }>,
    },
    /// Freezes the lines of this feed from an index up to this entry.
    Draft {
        /// The index of the first line.
        first: u64,
        /// Root of the tree over the rows they come to.
        root: Hash,
        /// How many rows.
        rows: u32,
        /// What they come to, ascending by commodity.
        totals: Bounded<Net, { limits::SETTLE_TOTALS }>,
    },
    /// One step.
    Step {
        /// The index of the draft.
        draft: u64,
        /// Which.
        step: Step,
        /// Who takes it.
        operator: PublicKey,
        /// Hers, over [`Signing`], in the operator context.
        signature: Signature,
    },
}

/// A row of a settlement: one payment, or one deduction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its number, from zero.
    pub row: u32,
    /// The feed's node.
    pub node: [u8; 8],
    /// The entry and what it is for.
    pub what: Single,
}

impl Row {
    /// Its leaf in the settlement's tree.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        hash_one(Purpose::SettlementRow, &wire::encode(self))
    }

    /// The reference under which it is paid. It follows from the entry alone, so a payer who keeps references refuses to
    /// pay it twice, whichever treasury asks and however it came to know of the entry. What a person took back of a
    /// redemption has one reference, whatever she called it and however much it was: or two treasuries that do not know of
    /// each other would take back more than was paid.
    #[must_use]
    pub fn reference(&self, federation: &FederationId, programme: ProgrammeId) -> Hash {
        let Single { index, leaf, copy, kind, .. } = self.what;
        let kind = if kind.is_by_hand() { Kind::Returned } else { kind };
        let parts: [&[u8]; 6] = [
            &federation.0.0,
            &self.node,
            &programme.0.to_be_bytes(),
            &index.to_be_bytes(),
            &[kind as u8, copy],
            &leaf.0,
        ];
        hash(Purpose::Payment, &parts)
    }
}

/// What an operator signs who takes a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signing {
    /// The treasury's node.
    pub node: [u8; 8],
    /// The programme.
    pub programme: ProgrammeId,
    /// The accumulator after the draft, which names it.
    pub draft: Hash,
    /// As the draft.
    pub root: Hash,
    /// As the draft.
    pub rows: u32,
    /// As the draft.
    pub totals: Bounded<Net, { limits::SETTLE_TOTALS }>,
    /// The step.
    pub step: Step,
}

impl Signing {
    /// Signs with an operator's key.
    #[must_use]
    pub fn sign(&self, federation: &FederationId, operator: &SigningKey) -> Signature {
        operator.sign(Context::Operator, &[&federation.0.0], &wire::encode(self))
    }

    /// Whether this operator signed it.
    #[must_use]
    pub fn is_by(
        &self,
        federation: &FederationId,
        operator: &PublicKey,
        signature: &Signature,
    ) -> bool {
        operator.verifies(Context::Operator, &[&federation.0.0], &wire::encode(self), signature)
    }
}

/// How far a settlement has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Stage {
    /// Drafted.
    Draft = 0,
    /// Verified.
    Verified = 1,
    /// Approved.
    Approved = 2,
    /// Paid.
    Paid = 3,
    /// Disputed: nothing of it counts as settled.
    Disputed = 4,
}

impl Stage {
    /// Every stage, by number.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Verified, Self::Approved, Self::Paid, Self::Disputed];

    /// The stage a step leads to from here; `None` where it is out of order.
    #[must_use]
    pub const fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Draft, Step::Verified) => Some(Self::Verified),
            (Self::Verified, Step::Approved) => Some(Self::Approved),
            (Self::Approved, Step::Paid) => Some(Self::Paid),
            (Self::Draft | Self::Verified | Self::Approved, Step::Disputed) => Some(Self::Disputed),
            (Self::Draft | Self::Verified | Self::Approved | Self::Paid | Self::Disputed, _) => {
                None
            }
        }
    }
}

/// A settlement, as state keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementRow {
    /// The accumulator after the draft.
    pub name: Hash,
    /// The index of its first line.
    pub first: u64,
    /// Root over its rows.
    pub root: Hash,
    /// How many rows.
    pub rows: u32,
    /// What they come to.
    pub totals: Bounded<Net, { limits::SETTLE_TOTALS }>,
    /// The steps that were taken in order, on any branch of its treasury's feed, ascending.
    pub by: BTreeSet<Taken>,
}

/// A step that was taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Taken {
    /// Which.
    pub step: Step,
    /// By whom.
    pub operator: PublicKey,
    /// The entry's stamp.
    pub at: Minute,
    /// Where it stands.
    pub place: At,
}

impl SettlementRow {
    /// How far it has come. Where a treasury's feed forked: what was paid on one branch was paid.
    #[must_use]
    pub fn stage(&self) -> Stage {
        stage_of(self.by.iter())
    }

    /// What an operator signs to take a step.
    #[must_use]
    pub fn signing(&self, feed: &FeedRef, step: Step) -> Signing {
        Signing {
            node: feed.node,
            programme: feed.programme,
            draft: self.name,
            root: self.root,
            rows: self.rows,
            totals: self.totals.clone(),
            step,
        }
    }
}

/// How far some steps lead.
pub(crate) fn stage_of<'a>(steps: impl Iterator<Item = &'a Taken>) -> Stage {
    let reached = steps.map(|taken| match taken.step {
        Step::Verified => (1, Stage::Verified),
        Step::Approved => (2, Stage::Approved),
        Step::Disputed => (3, Stage::Disputed),
        Step::Paid => (4, Stage::Paid),
    });
    reached.max_by_key(|(rank, _)| *rank).map_or(Stage::Draft, |(_, stage)| stage)
}

/// Rows being put together: root, count and totals in memory that does not grow with them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    tree: Tree,
    totals: BTreeMap<CommodityId, (Amount, Amount)>,
}

impl Tally {
    /// Adds the next row.
    ///
    /// Returns `false`, and leaves all as it was, where a sum or the count would pass its limit.
    pub fn push(&mut self, row: &Row) -> bool {
        let Single { commodity, kind, amount, .. } = row.what;
        let known = self.totals.contains_key(&commodity);
        if self.tree.leaves() >= u64::from(limits::LIST_ROWS)
            || (!known && self.totals.len() >= limits::SETTLE_TOTALS)
        {
            return false;
        }
        let (given, back) = self.totals.get(&commodity).copied().unwrap_or_default();
        let sum = if kind.is_back() {
            back.plus(amount).map(|back| (given, back))
        } else {
            given.plus(amount).map(|given| (given, back))
        };
        let Some(sum) = sum else { return false };
        self.totals.insert(commodity, sum);
        self.tree.push(row.leaf());
        true
    }

    /// The draft of what was added, whose lines begin at an index. `None` where nothing was.
    #[must_use]
    pub fn finish(self, first: u64) -> Option<Settling> {
        let rows = u32::try_from(self.tree.leaves()).ok().filter(|rows| *rows > 0)?;
        let net = |(commodity, (given, back))| Net { commodity, given, back };
        let totals = Bounded::new(self.totals.into_iter().map(net).collect()).ok()?;
        Some(Settling::Draft { first, root: self.tree.root(), rows, totals })
    }
}

/// Whether a draft at an index may reach back to its first line: not ahead of itself, and not over more than
/// [`limits::SETTLE_LINES`] entries.
pub(crate) fn reaches(first: u64, draft: u64) -> bool {
    draft.checked_sub(first).is_some_and(|lines| lines <= limits::SETTLE_LINES as u64)
}

/// Whether somebody was entitled to take a step: certified by the programme's or the treasury's organisation, for the
/// programme, at that minute, as an approver; to verify and to record a payment, as an approver or a supervisor.
///
/// Any certificate she ever had for that time will do: what was good when it was signed stays good.
#[must_use]
pub fn entitled(
    view: &dyn View,
    feed: &FeedRef,
    step: Step,
    operator: &PublicKey,
    at: Minute,
) -> bool {
    let roster: &Roster = view.roster();
    let ours = view.charter().programme(feed.programme).map(|programme| programme.org);
    let orgs = [ours, roster.org_of(&feed.node)];
    let roles = match step {
        Step::Approved => vec![OperatorRoles::APPROVER],
        Step::Verified | Step::Paid | Step::Disputed => {
            vec![OperatorRoles::APPROVER, OperatorRoles::SUPERVISOR]
        }
    };
    roster.operator_ever(operator).any(|c| {
        orgs.contains(&Some(c.org))
            && roles.iter().any(|role| c.roles.has(*role))
            && c.programmes.contains(&feed.programme)
            && c.issued <= at
            && at <= c.not_after
    })
}

/// The settlements in which an entry of a feed is paid, each by the place of its draft. More than one is a fault of its
/// treasury; none means it is not settled yet.
#[must_use]
pub fn settled(view: &dyn View, feed: &FeedRef, index: u64, leaf: &Hash) -> BTreeSet<At> {
    let drafts = coverage(view, feed).of(view, feed, index, leaf);
    let paid = |at: &At| {
        let treasury = view.chain(at.chain).feed.short();
        view.settlement(*at).is_some_and(|row| is_paid(view, &treasury, &row))
    };
    drafts.into_iter().filter(paid).collect()
}
