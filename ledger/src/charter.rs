//! The charter: who belongs to the federation, what may be spent, and who decides. One chain of articles, each signed by
//! a quorum of organisations (spec/charter.md). Nothing about food waits for it.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::cut::{Cut, Reason};
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{CommodityId, CycleId, FederationId, FeedRef, Lane, OrgId, ProgrammeId};
use crate::key::{Context, PublicKey, Signature, SigningKey};
use crate::limits;
use crate::time::Millis;
use crate::wire::{self, Bounded, Bytes, Name, WireFault};

mod branches;
mod cuts;
mod heal;
mod kinds;
mod rejection;
mod signing;
mod state;
#[cfg(test)]
mod tests;

pub use branches::{Branches, Taken, Turn};
pub use cuts::{Closed, Fenced, Released};
pub use heal::Healed;
pub use kinds::Active;
pub use rejection::CharterRejection;
pub use signing::{ArticleFork, Missing};
pub use state::{Allowance, BudgetLine, Charter, Programme, Warning, default_quorum};

/// One link of the charter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Article {
    /// Its place in the chain: zero founds, each next one counts on.
    pub epoch: u32,
    /// The hash of the article before it; zero for the first.
    pub previous: Hash,
    /// What it decides, in order: each act stands on those before it.
    pub acts: Bounded<Act, { limits::ACTS }>,
}

/// One decision of an article. Variants are only ever added at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Act {
    /// Founds the federation: the first act of the first article and of no other. Every organisation signs.
    Found {
        /// What it is called.
        name: Name,
        /// The time that stamps count from.
        founded: Millis,
        /// How many organisations must sign an article.
        quorum: u8,
        /// Who founds it, ascending by number.
        organisations: Bounded<Organisation, { limits::ORGANISATIONS }>,
    },
    /// Takes in an organisation, which signs too.
    Join {
        /// The newcomer, with a number higher than any given before.
        organisation: Organisation,
        /// How many must sign from now on.
        quorum: u8,
    },
    /// Takes leave of an organisation. Its keys stay known, so that what it signed stays checkable.
    Leave {
        /// Which.
        org: OrgId,
        /// How many must sign from now on.
        quorum: u8,
    },
    /// Gives an organisation a new key. It must itself be among the signers, with the old one.
    Rotate {
        /// Which.
        org: OrgId,
        /// The new key.
        key: PublicKey,
    },
    /// Gives an organisation a new key on the word of its recovery key, which signs in the place of the lost one. An
    /// article with this act holds no act of another kind: that is all a recovery key can do.
    Recover {
        /// Which.
        org: OrgId,
        /// The new key.
        key: PublicKey,
    },
    /// Starts a programme, or changes the name, the risk policy and the further commodities of one.
    Programme {
        /// Its number.
        id: ProgrammeId,
        /// Whose it is: for good.
        org: OrgId,
        /// What it is called.
        name: Name,
        /// What it gives, ascending by number. What was once listed stays listed, unchanged.
        commodities: Bounded<Commodity, { limits::COMMODITIES }>,
        /// What may be risked offline.
        risk: Risk,
    },
    /// Sets what the nodes of an organisation may together be certified for.
    Ceiling {
        /// The organisation.
        org: OrgId,
        /// The programme.
        programme: ProgrammeId,
        /// The commodity.
        commodity: CommodityId,
        /// The most rights its nodes may hold, in minor units.
        rights: Amount,
        /// The most float its nodes may hold, in minor units.
        float: Amount,
    },
    /// Gives value to a cycle. Each line is claimed once, by the treasury node.
    Budget {
        /// The programme.
        programme: ProgrammeId,
        /// The cycle.
        cycle: CycleId,
        /// The node that may claim it, by eight bytes of its key.
        treasury: [u8; 8],
        /// How much of what, ascending by commodity.
        lines: Bounded<Line, { limits::BUDGET_LINES }>,
    },
    /// Takes a feed at its word up to a cut, and no further. Moves nothing, and permits a release.
    Fence {
        /// The feed.
        feed: FeedRef,
        /// Up to where.
        cut: Cut,
        /// Why.
        reason: Reason,
    },
    /// Takes units out of the suspense of a fenced feed, or of a feed in a closed cycle. Claimed once, by the reserve.
    Release {
        /// The value feed.
        feed: FeedRef,
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// How much: an absolute number, never "what is left".
        amount: Amount,
        /// The node that may claim it, by eight bytes of its key.
        reserve: [u8; 8],
    },
    /// Closes a cycle. Waits for nobody: what the cuts do not show is suspense until it turns up.
    Close {
        /// The programme.
        programme: ProgrammeId,
        /// The cycle.
        cycle: CycleId,
        /// Up to where each value feed of the programme is known, ascending by node. Without a cut: nothing is.
        cuts: Bounded<NodeCut, { limits::CLOSE_CUTS }>,
    },
    /// Heals a fork of this charter: keeps this branch. Stands alone in its article, and is signed by every member not
    /// shown to have signed twice.
    Heal {
        /// The hash of this branch's article for the epoch.
        kept: Hash,
        /// The other branch's article for it, encoded.
        lost: Bytes<{ limits::ARTICLE_BYTES }>,
        /// Signatures under the one kept by those who signed both, ascending.
        kept_by: Bounded<(OrgId, Signature), { limits::ORGANISATIONS }>,
        /// Signatures under the other by those who signed both, ascending.
        lost_by: Bounded<(OrgId, Signature), { limits::ORGANISATIONS }>,
        /// What becomes of those who signed both and are still members, ascending.
        twice: Bounded<Twice, { limits::ORGANISATIONS }>,
        /// How many must sign from now on.
        quorum: u8,
    },
    /// Founds a federation in the place of one whose charter forked beyond healing. Only in a first article.
    Succeed {
        /// The federation.
        federation: FederationId,
        /// The last articles of its two branches, the lesser hash first.
        heads: [Hash; 2],
    },
    /// Brings in a kind of entry that a later version of the programs knows, so that those who do not know it keep it and
    /// hand it on. Once for each kind of a lane.
    Activate {
        /// The lane.
        lane: Lane,
        /// The kind, 64 to 127.
        kind: u8,
        /// How many bytes such an entry may have after its kind and length.
        size: u16,
        /// Whether who does not know it must not fold what follows it in its feed.
        critical: bool,
    },
}

/// Up to where one node's value feed is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct NodeCut {
    /// The node, by eight bytes of its key.
    pub node: [u8; 8],
    /// Up to where.
    pub cut: Cut,
}

/// What becomes of an organisation that signed two articles for one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Twice {
    /// Which.
    pub org: OrgId,
    /// Its new key, which signs the healing article too; none where it leaves.
    pub key: Option<PublicKey>,
}

/// A member of the federation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Organisation {
    /// Its number, from one, never used again.
    pub id: OrgId,
    /// What it is called.
    pub name: Name,
    /// The key it signs articles and notices with.
    pub key: PublicKey,
    /// A key kept apart, which can do nothing but replace `key`.
    pub recovery: PublicKey,
}

/// A unit of value of one programme.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commodity {
    /// Its number within the programme, from one.
    pub id: CommodityId,
    /// What it is called.
    pub name: Name,
    /// What one of it is.
    pub unit: Unit,
}

/// What amounts of a commodity count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Unit {
    /// Money.
    Currency {
        /// ISO 4217, three capital letters.
        code: [u8; 3],
        /// Digits after the point: 0 to 4, as ISO 4217 has them.
        minor_digits: u8,
    },
    /// A thing in a measure.
    Item {
        /// `kg`, `piece`, `500 g`.
        measure: Name,
        /// Digits after the point: 0 to 4.
        minor_digits: u8,
    },
}

/// What a programme's organisation is ready to lose to being offline. Beyond it the risk is the merchant's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Risk {
    /// Limits on what is given from float, ascending by commodity. A commodity without a cap is not given from float.
    pub caps: Bounded<Cap, { limits::COMMODITIES }>,
    /// Rights a feed should hold, in days of demand.
    pub rights_per_feed_days: u8,
    /// Days after which a node's list of revocations is too old to be relied on.
    pub revocations_max_age_days: u16,
}

impl Default for Risk {
    /// No float, three days of rights, and revocations at most thirty days old: the time a site must manage offline.
    fn default() -> Self {
        Self { caps: Bounded::empty(), rights_per_feed_days: 3, revocations_max_age_days: 30 }
    }
}

/// Limits on float redemptions of one commodity, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cap {
    /// The commodity.
    pub commodity: CommodityId,
    /// To one purse, per cycle.
    pub per_purse: Amount,
    /// At one site on one day.
    pub per_site_day: Amount,
    /// At one site, until covered.
    pub per_site: Amount,
}

/// One line of a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
}

/// An article with the signatures collected so far: perhaps not yet enough. What [`Charter::apply`] took is enough.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedArticle {
    /// What is signed.
    pub article: Article,
    /// By whom, ascending by organisation.
    pub signatures: Bounded<(OrgId, Signature), { limits::ORGANISATIONS }>,
}

impl Article {
    /// The hash that the next article names, and that names the federation if this is the first.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_one(Purpose::Article, &wire::encode(self))
    }

    /// Bytes this article may have, with its signatures.
    #[must_use]
    pub fn limit(&self) -> usize {
        if self.heals() { limits::HEAL_BYTES } else { limits::ARTICLE_BYTES }
    }

    /// The federation this article founds, if it is a first one.
    #[must_use]
    pub fn founds(&self) -> FederationId {
        FederationId(self.hash())
    }

    /// Signs for an organisation with its key. For a founding article `federation` is [`Article::founds`].
    #[must_use]
    pub fn sign(&self, federation: &FederationId, key: &SigningKey) -> Signature {
        key.sign(Context::Article, &[&federation.0.0], &wire::encode(self))
    }

    /// Signs an article of [`Act::Recover`] with the organisation's recovery key.
    #[must_use]
    pub fn sign_recovery(&self, federation: &FederationId, recovery: &SigningKey) -> Signature {
        recovery.sign(Context::Recovery, &[&federation.0.0], &wire::encode(self))
    }
}

impl SignedArticle {
    /// An article nobody has signed yet.
    #[must_use]
    pub const fn unsigned(article: Article) -> Self {
        Self { article, signatures: Bounded::empty() }
    }

    /// The bytes of the file that goes from organisation to organisation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no article of at most [`limits::ARTICLE_BYTES`], or [`limits::HEAL_BYTES`] for one
    /// that heals a fork.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        let signed: Self = wire::decode(bytes, limits::HEAL_BYTES)?;
        let limit = signed.article.limit();
        let len = bytes.len();
        if len > limit { Err(WireFault::TooLong { len, limit }) } else { Ok(signed) }
    }
}
