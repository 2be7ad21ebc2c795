//! What an audit found, in types that can be printed, stored and compared.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::amount::{Amount, Balance};
use crate::block::BlockFault;
use crate::charter::CharterRejection;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FederationId, FeedRef, OrgId, ProgrammeId};
use crate::leaf::Leaf;
use crate::list::ListRejection;
use crate::notice::NoticeRejection;
use crate::suspense::Suspense;
use crate::sync::frame::FrameFault;
use crate::time::Minute;
use crate::view::Fault;

mod answers;
mod people;
mod stopped;

pub use answers::Answerable;
pub use people::{PeopleFound, PeopleLine, Unfounded};
pub use stopped::{
    ClosedCycle, Compared, CutFeed, CutSaid, Doubt, EndedFeed, Freed, Incarnation, LateOn,
    NotCompared, SaidBy, SettledTwice, SettlementLine, Shares, Why,
};

/// Where something was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Where {
    /// The place in the source: in a file, the byte offset of the frame's length.
    pub offset: u64,
    /// The feed, if it is about one.
    pub feed: Option<FeedRef>,
    /// The block's number.
    pub seq: Option<u64>,
    /// The entry's index in its feed.
    pub index: Option<u64>,
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}", self.offset)?;
        if let Some(feed) = self.feed {
            write!(f, ", feed {feed}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, ", block {seq}")?;
        }
        if let Some(index) = self.index {
            write!(f, ", entry {index}")?;
        }
        Ok(())
    }
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Where.
    pub place: Where,
    /// What.
    pub problem: Problem,
}

/// What can be wrong.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The file is not what it should be as a whole.
    #[error("{0}")]
    File(FileProblem),
    /// A frame does not decode.
    #[error("{0}")]
    Frame(FrameFault),
    /// Frames are not in the order of an audit file.
    #[error("this does not belong here: the frames are not in order")]
    Disorder,
    /// An article does not follow.
    #[error("article {epoch} is not accepted: {why}")]
    Article {
        /// Its epoch.
        epoch: u32,
        /// Why.
        why: CharterRejection,
    },
    /// Organisations signed two articles for one epoch.
    #[error("two articles for epoch {epoch} were signed by {}", Numbers(orgs))]
    ArticleFork {
        /// The epoch.
        epoch: u32,
        /// Who signed both.
        orgs: Vec<OrgId>,
    },
    /// A notice is not accepted.
    #[error("the notice {hash:?} is not accepted: {why}")]
    Notice {
        /// Its hash.
        hash: Hash,
        /// Why.
        why: NoticeRejection,
    },
    /// Notices contradict each other.
    #[error("notices contradict each other: {0}")]
    Conflict(String),
    /// The feed's node has no certificate here.
    #[error("the node of this feed has no certificate here: the feed is not checked")]
    NotCertified,
    /// The node is not certified for the feed's programme.
    #[error("the node is not certified for this programme")]
    OtherProgramme,
    /// The node's role does not allow such an entry.
    #[error("the node was never certified in a role that writes this")]
    OtherRole,
    /// The node's certificate had ended.
    #[error("the node's certificate had ended")]
    CertificateEnded,
    /// A block is not what its header says.
    #[error("{0}")]
    Block(BlockFault),
    /// The same block again.
    #[error("the same block stands here again")]
    Repeated,
    /// The block does not have the next number.
    #[error("the block does not have the next number of its chain")]
    Number,
    /// Articles are missing that the author of a block knew.
    #[error(
        "its author knew the charter up to epoch {epoch}, and those articles are not here: from this block on its entries \
         are not counted"
    )]
    CharterBehind {
        /// The epoch it knew.
        epoch: u32,
    },
    /// Something before this block is missing.
    #[error("what comes before this block is missing: its entries are not counted")]
    Gap,
    /// The feed has two chains.
    #[error("the feed has forked: another entry of its own stands at this index")]
    Forked,
    /// A fork proof proves nothing.
    #[error("this is no proof of a fork")]
    NoForkProof,
    /// A value rule is broken.
    #[error("{}", rule(*.0))]
    Rule(Fault),
    /// A list is not approved.
    #[error("the distribution list is not good: {0}")]
    List(ListRejection),
    /// Entitlements were issued from a list that is not there, or not good.
    #[error("entitlements are issued from list {list}, which is not here or not good")]
    NoList {
        /// The list, by its index in the node's control feed.
        list: u64,
    },
    /// More was issued from a list than it has.
    #[error("more is issued from list {list} than it has")]
    ListExceeded {
        /// The list, by its index in the node's control feed.
        list: u64,
    },
    /// A claimed ticket's send is not in the sender's feed as far as it is here, though its beginning is.
    #[error(
        "the claimed ticket's send is not in its sender's feed {sender}, which is here beyond it"
    )]
    SendDenied {
        /// The sender's feed.
        sender: FeedRef,
    },
    /// A day's closing is not what its entries come to.
    #[error(
        "the day is closed with other sums than its entries come to: goods were handed out {redeemed} times and taken back \
         {refunded} times"
    )]
    ClosingDiffers {
        /// How many times goods were handed out.
        redeemed: u32,
        /// How many times goods were taken back.
        refunded: u32,
    },
    /// A settlement is not what its lines come to.
    #[error(
        "the settlement drafted here is not what its lines come to: it says {said} rows, and they have {found}, or the same \
         number with other sums or another root"
    )]
    SettlementDiffers {
        /// The rows it says.
        said: u32,
        /// Those its lines come to.
        found: u32,
    },
    /// A row by itself says something else than the entry it names.
    #[error(
        "the settlement drafted here has a row for entry {entry}, which handed out or took back something else, or nothing"
    )]
    SettlementRow {
        /// The entry's index in its feed.
        entry: u64,
    },
    /// The sums do not add up.
    #[error(
        "programme {programme}, cycle {cycle}, commodity {commodity}: the sums differ from the budget by {by}"
    )]
    NotConserved {
        /// The programme.
        programme: ProgrammeId,
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// By how much.
        by: i128,
    },
}

struct Numbers<'a>(&'a [OrgId]);

impl std::fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("organisations")?;
        self.0.iter().try_for_each(|org| write!(f, " {org}"))
    }
}

/// What can be wrong with a file as a whole.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileProblem {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Another magic.
    #[error("this is not an audit file of this version")]
    NotAuditFile,
    /// Another federation than asked for.
    #[error("the file is of another federation ({0})")]
    OtherFederation(FederationId),
    /// The charter in it founds another federation than the file names.
    #[error("the charter in the file founds another federation than the file says")]
    CharterElsewhere,
    /// No charter that can be believed.
    #[error("there is no founding article: nothing can be checked against it")]
    NoCharter,
    /// It ends before its end.
    #[error("the file ends early: what should follow is missing")]
    Truncated,
    /// The digest differs.
    #[error("the digest at the end is not that of the file")]
    Digest,
    /// The count of frames differs.
    #[error("the number of frames is not the one said at the end")]
    Count,
    /// Bytes after the end.
    #[error("bytes follow after the end")]
    Trailing,
    /// It could not be read.
    #[error("the file could not be read here")]
    Unreadable,
    /// The audit was stopped.
    #[error("the audit was stopped before the end")]
    Stopped,
    /// What was put aside on disk meanwhile was lost.
    #[error(
        "what the audit kept on disk meanwhile could not be read back: nothing here is worth anything; name another folder by TMPDIR"
    )]
    Aside,
}

/// A broken value rule in words.
#[must_use]
pub const fn rule(fault: Fault) -> &'static str {
    match fault {
        Fault::LotMissing => "it names a lot, hold or redemption that is not in its feed",
        Fault::WrongOwner => "it uses a lot for somebody or something it is not for",
        Fault::Short => "it takes more than the lot had",
        Fault::Forged => "its ticket is not signed by the sender",
        Fault::NotAddressed => "its ticket is addressed to another node",
        Fault::ClaimedTwice => "its ticket was claimed before",
        Fault::RowTwice => "its list row was issued before",
        Fault::ResolvedTwice => "what it resolves was resolved before",
        Fault::RefundTooLarge => "it refunds more than was redeemed",
        Fault::CoveredTwice => "it covers what was covered before",
        Fault::NotBudgeted => "it claims a budget line that is not this node's",
        Fault::StampFell => "its stamp is before that of an earlier entry",
        Fault::Late => "it was redeemed after its last minute",
        Fault::MerchantMissing => "it names a merchant the feed did not name",
        Fault::BasketBroken => "its basket binds nothing",
        Fault::AfterEnd => "its feed had ended before it",
        Fault::OrphanUnsigned => "it shows an entry that its feed did not sign",
        Fault::DayBroken => "it opens a day that is open, or closes another than the one that is",
        Fault::SettlementBroken => {
            "its settlement freezes no lines, or its step is out of order, unsigned or by a key that may not take it"
        }
        Fault::Halted => {
            "it is of a later version, and what follows it in its feed is not counted: use a newer program"
        }
    }
}

/// What one pool gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Given {
    /// Redeemed, refunds not taken off.
    pub redeemed: Balance,
    /// Refunded.
    pub refunded: Balance,
    /// Of what was redeemed: out of float.
    pub float: Balance,
    /// Redemptions out of lots.
    pub count: u64,
    /// Redemptions out of float.
    pub float_count: u64,
    /// Issued from a reserve, to families whose site is gone.
    pub reissued: Balance,
    /// How often.
    pub reissue_count: u64,
}

impl Given {
    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            redeemed: self.redeemed.plus(other.redeemed),
            refunded: self.refunded.plus(other.refunded),
            float: self.float.plus(other.float),
            count: self.count.saturating_add(other.count),
            float_count: self.float_count.saturating_add(other.float_count),
            reissued: self.reissued.plus(other.reissued),
            reissue_count: self.reissue_count.saturating_add(other.reissue_count),
        }
    }
}

/// Why an organisation owes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Charge {
    /// The node gave more than it had, taking all its lots together.
    Overdrawn,
    /// The feed forked: what single lots gave beyond themselves.
    Forked,
    /// The feed is proven insolvent: what single lots gave beyond themselves.
    Insolvent,
}

/// What an organisation owes to a programme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owed {
    /// Who owes it; `None` where no certificate says.
    pub org: Option<OrgId>,
    /// The node whose pool is short.
    pub node: [u8; 8],
    /// How much, in minor units.
    pub units: u128,
    /// Why.
    pub reason: Charge,
    /// Of it, at most so much because a quorum released units of the pool before its feed's end was known.
    pub released: u128,
    /// The node that took up what it had heard was fenced: its organisation owes this in the place of the sender's.
    pub heard: Option<[u8; 8]>,
}

/// What a pool lacks and nobody is charged for, because the source does not have what would decide it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Undecided {
    /// The node whose pool is short.
    pub node: [u8; 8],
    /// How much, in minor units. Never nothing.
    pub units: u128,
    /// What is missing.
    pub missing: Missing,
}

/// What would decide whether an organisation owes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Missing {
    /// The certificate of a node that sent the pool something.
    Certificate,
    /// What is in blocks of the node's own feed.
    Blocks,
}

/// The sums of one programme, cycle and commodity, in minor units.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// Voted by the charter.
    pub budget: Amount,
    /// In lots, where something is left.
    pub lots: Balance,
    /// On its way.
    pub in_flight: Balance,
    /// What was given and taken back, and out of what.
    pub given: Given,
    /// Who owes what.
    pub charged: Vec<Owed>,
    /// What may be owed, and cannot be decided.
    pub undecided: Vec<Undecided>,
}

/// How many families one node served, hour by hour.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Served {
    /// The node.
    pub node: [u8; 8],
    /// The programme.
    pub programme: ProgrammeId,
    /// The hours in which it served anybody, ascending. Forty nodes over a year have a third of a million: twelve bytes each.
    pub hours: Vec<Hour>,
}

/// One hour of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hour {
    /// Clock hours since the one in which the federation was founded, by the node's own clock and the offset asked for.
    pub hour: u32,
    /// Different purses in that hour.
    pub families: u32,
    /// Redemptions in that hour.
    pub redemptions: u32,
}

/// What one node handed out of one commodity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handed {
    /// The node.
    pub node: [u8; 8],
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// What.
    pub given: Given,
}

/// A feed that was not checked whole, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unchecked {
    /// The feed.
    pub feed: FeedRef,
    /// Blocks of which only the header is here.
    pub headers_only: u64,
    /// Entries whose hashes hold but that could not be counted.
    pub unfolded: u64,
    /// Whether there is no certificate for its node.
    pub no_certificate: bool,
}

/// Everything an audit found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// The federation audited, if a founding article says.
    pub federation: Option<FederationId>,
    /// The epoch of the last article accepted.
    pub epoch: Option<u32>,
    /// The hash of that article.
    pub charter: Option<Hash>,
    /// As of when it tells: no node but one has stamped anything later. One clock alone moves it nowhere. `None` where no
    /// feed of a certified node has a stamp.
    pub as_of: Option<Minute>,
    /// Articles accepted.
    pub articles: u64,
    /// Notices accepted.
    pub notices: u64,
    /// Feeds met.
    pub feeds: u64,
    /// Blocks met.
    pub blocks: u64,
    /// Entries checked and counted.
    pub entries: u64,
    /// Signatures checked.
    pub signatures: u64,
    /// Blocks whose evidence was here and checked.
    pub evidence: u64,
    /// Blocks that commit to evidence which is not in the file: who stands behind their entries was not checked.
    pub evidence_not_shown: u64,
    /// Claims whose sender has no certificate here.
    pub waiting: u64,
    /// Sums by programme, cycle and commodity.
    pub sums: BTreeMap<(ProgrammeId, CycleId, CommodityId), Sum>,
    /// Families served, by node, programme and hour.
    pub served: Vec<Served>,
    /// Commodities handed out, by node.
    pub handed: Vec<Handed>,
    /// Feeds that somebody cut.
    pub cuts: Vec<CutFeed>,
    /// Chains that ended.
    pub ended: Vec<EndedFeed>,
    /// What is held in suspense, by node, programme, cycle and commodity.
    pub suspense: Vec<Suspense>,
    /// What articles released from suspense.
    pub releases: Vec<Freed>,
    /// Cycles that were closed.
    pub closed: Vec<ClosedCycle>,
    /// Nodes that took the place of others.
    pub incarnations: Vec<Incarnation>,
    /// Feeds with stamps outside what checkpoints say. A feed that forked is not looked at.
    pub doubts: Vec<Doubt>,
    /// Settlements, by treasury and draft.
    pub settlements: Vec<SettlementLine>,
    /// Entries that two settlements hold which both count as paid, by feed and index.
    pub twice: Vec<SettledTwice>,
    /// What was said about people.
    pub people: PeopleFound,
    /// How final hand-outs are, by programme. Of those that are paid an audit tells by settlement, not by hand-out.
    pub finality: BTreeMap<ProgrammeId, Shares>,
    /// What is wrong, in the order of the source.
    pub findings: Vec<Finding>,
    /// How many more findings there were than are listed.
    pub more: u64,
    /// Feeds not checked whole.
    pub unchecked: Vec<Unchecked>,
    /// How far the source was read: in a file, bytes.
    pub reached: u64,
    /// How much there is of it, if known.
    pub size: Option<u64>,
    /// Whether the source ended as it should.
    pub complete: bool,
    /// The state root, where it was asked for.
    pub root: Option<Hash>,
    /// The leaves under it.
    pub leaves: Vec<Leaf>,
}

impl Verdict {
    /// Whether nothing is wrong in what is here, and the source ends as it should. Whether that is everything,
    /// [`Verdict::is_partial`] says.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.complete && self.findings.is_empty() && self.more == 0
    }

    /// Whether something could not be checked: what is good or wrong is so as far as the source goes.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.waiting > 0
            || self.evidence_not_shown > 0
            || !self.unchecked.is_empty()
            || self.settlements.iter().any(|line| line.compared == Compared::Open)
            || self.sums.values().any(|sum| !sum.undecided.is_empty())
    }

    /// The first finding in the order of the source.
    #[must_use]
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// Programmes of which something could not be checked.
    #[must_use]
    pub fn unchecked_programmes(&self) -> Vec<ProgrammeId> {
        let mut programmes: Vec<_> = self.unchecked.iter().map(|u| u.feed.programme).collect();
        programmes.sort_unstable();
        programmes.dedup();
        programmes
    }
}
