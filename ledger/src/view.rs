//! What the rules may ask of whoever keeps the state, and what they answer with.
//!
//! The node's store, the auditor's replay, a proof's small replay and the simulator all implement [`View`]; none of them
//! decides anything. Rows here are derived: every one of them can be rebuilt from blocks, charter and notices.

use crate::amount::{Amount, Balance};
use crate::charter::Charter;
use crate::consent::Told;
use crate::cut::{Cut, Reason};
use crate::day::DayRow;
use crate::entry::{CarrierKind, Lot, Owner, Value};
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, CommodityId, CycleId, EntryName, FeedId, FeedRef, MerchantId,
    ProgrammeId, Pseudonym, Purse,
};
use crate::key::PublicKey;
use crate::list::List;
use crate::notice::Roster;
use crate::orphan::Fact;
use crate::settlement::SettlementRow;
use crate::ticket::Sent;
use crate::time::Minute;

/// The number a view gives to one branch of one feed. Local: it never enters a hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChainNo(pub u32);

/// An entry's place in a view: chain and index. Names a lot by the entry that opened it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct At {
    /// The chain.
    pub chain: ChainNo,
    /// The index in its feed.
    pub index: u64,
}

/// One chain of a feed. A feed that never forked has one; a branch shares what lies below its first entry with the
/// chain it left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    /// The feed.
    pub feed: FeedId,
    /// The chain it left, and the first index of its own. `None` for the chain that was known first.
    pub left: Option<At>,
}

/// How a lot came to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Opened {
    /// By an `Issue`.
    Issue,
    /// By a `Claim`.
    Claim,
    /// By a `Refund`.
    Refund,
    /// By an entry that named no lot which could pay it: holds only what is owed.
    Unbacked,
    /// By a claim whose sender's certificate is not known here yet: what is owed on it proves nothing.
    Waiting,
}

/// A credit in one place, and what is left of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LotRow {
    /// Its name wherever it is known: the accumulator of the entry that opened it, or the name of the ticket it took up,
    /// so that two branches' claims of one ticket are one lot.
    pub origin: Hash,
    /// Whom it is for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// What is left, below zero where more was given.
    pub balance: Balance,
    /// What pending holds have set aside of it.
    pub held: Balance,
    /// The last minute in which it may be redeemed.
    pub expires: Minute,
    /// How it came to be.
    pub opened: Opened,
}

impl LotRow {
    /// What may still be given: the balance less what is held.
    #[must_use]
    pub const fn available(&self) -> Balance {
        Balance::of(self.balance.units().saturating_sub(self.held.units()))
    }
}

/// What stands at an opening entry's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// The lot it opened.
    Lot(LotRow),
    /// The same lot as another entry opened: a second claim of one ticket.
    Same(At),
}

/// Where a view begins a chain: what lies below came as rows ([`View::floor`]). Nothing does where it has all of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Floor {
    /// How many blocks lie below.
    pub blocks: u64,
    /// The index of the first entry that does not.
    pub next: u64,
}

/// Units that were sent, and whether they have arrived. Named by [`EntryName::ticket`] of the `Send` or `FloatCover`, or
/// by the name of a budget line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TicketRow {
    /// The programme.
    pub programme: ProgrammeId,
    /// The sender's node, or `None` for a budget line.
    pub from: Option<[u8; 8]>,
    /// Its index in the sender's feed; zero for a budget line.
    pub index: u64,
    /// The lot it was drawn on, in the sender's feed.
    pub lot: Lot,
    /// The node that alone may claim it.
    pub to: [u8; 8],
    /// Whom it is for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// When the receiver should rather send it back.
    pub expires: Minute,
    /// Whether its entry was folded in a verified block of the sender. Until then it is known from a ticket only.
    pub placed: bool,
    /// The lot it became, once claimed by the node it was sent to.
    pub claimed: Option<At>,
}

/// Something that may be used once in the past of any entry. Which entries used it is kept for all branches, so that
/// the answer never depends on which branch arrived first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Use {
    /// A ticket, by its name: claimed.
    Ticket(Hash),
    /// A float redemption, by its name: covered.
    Float(Hash),
    /// A redemption: refunded.
    Redemption(At),
    /// A hold: posted or dropped.
    Hold(At),
    /// A row of a list in a node's control feed: issued.
    Row {
        /// The node.
        node: [u8; 8],
        /// The list.
        list: u64,
        /// The row.
        row: u32,
    },
}

/// Units set aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoldRow {
    /// The lot.
    pub lot: At,
    /// How much.
    pub amount: Amount,
    /// The merchant.
    pub merchant: u32,
    /// The last minute in which it may be posted.
    pub until: Minute,
}

/// Goods handed out against a site's allowance. Named by the accumulator of the `FloatRedeem`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FloatRow {
    /// Where it stands.
    pub at: At,
    /// Its name.
    pub name: EntryName,
    /// The purse's home.
    pub home: FeedRef,
    /// The purse.
    pub purse: Purse,
    /// The cycle of the float it came from.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// The author's stamp.
    pub stamp: Minute,
}

/// Whose units a pool counts: one node's in one programme, cycle and commodity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PoolKey {
    /// The node.
    pub node: [u8; 8],
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
}

/// The sums of one pool. `lots + arriving` is what the place holds or is owed; below zero, its organisation owes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pool {
    /// What its lots come to, sends known only from tickets taken off.
    pub lots: Balance,
    /// What is in flight to it.
    pub arriving: Balance,
    /// What it handed out, refunds taken off.
    pub redeemed: Balance,
}

impl Pool {
    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            lots: self.lots.plus(other.lots),
            arriving: self.arriving.plus(other.arriving),
            redeemed: self.redeemed.plus(other.redeemed),
        }
    }
}

/// A node's word that a feed is taken at its word up to a cut. Whether the node may say so, its certificate tells
/// ([`crate::cut::lowest`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Revocation {
    /// The feed.
    pub feed: FeedRef,
    /// The node that said it, by eight bytes of its key.
    pub by: [u8; 8],
    /// Up to where.
    pub cut: Cut,
    /// Why.
    pub reason: Reason,
}

/// An operator's word that a node's clock was right. Whether the operator may say so, her certificate tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClockWord {
    /// The node whose clock it was.
    pub node: [u8; 8],
    /// What it showed.
    pub clock: Minute,
    /// Who said that it was right. Her signature was checked.
    pub operator: PublicKey,
}

/// A sealed block of a chain, as its header has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Its number in its feed.
    pub seq: u64,
    /// The hash of its header.
    pub hash: Hash,
    /// Index of its first entry.
    pub first: u64,
    /// Index after its last.
    pub next: u64,
    /// The charter epoch its author knew.
    pub epoch: u32,
}

/// What is wrong with an entry that was nonetheless folded. Numbers are part of the format of reports.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Fault {
    /// It names a lot that its own prefix does not have.
    LotMissing = 1,
    /// It uses a lot for somebody or something it is not for.
    WrongOwner = 2,
    /// It takes more than the lot had.
    Short = 3,
    /// Its ticket is not signed by the sender.
    Forged = 4,
    /// Its ticket is addressed to another node.
    NotAddressed = 5,
    /// Its ticket was claimed before in the same chain.
    ClaimedTwice = 6,
    /// Its list row was issued before in the same chain.
    RowTwice = 7,
    /// The redemption or hold it resolves is missing, or was resolved before.
    ResolvedTwice = 8,
    /// It refunds more than was redeemed.
    RefundTooLarge = 9,
    /// It covers a float redemption that was covered before in the same chain.
    CoveredTwice = 10,
    /// It claims a budget line that is not this node's.
    NotBudgeted = 11,
    /// Its stamp is before that of an earlier entry.
    StampFell = 32,
    /// It was redeemed after its last minute.
    Late = 33,
    /// It names a merchant the feed did not name.
    MerchantMissing = 34,
    /// Its basket binds nothing.
    BasketBroken = 35,
    /// Its feed had ended before it.
    AfterEnd = 36,
    /// It is of a kind that must not be passed over, and that this version does not know: its chain is kept and handed on,
    /// and not folded from here, until a version that knows it derives state anew.
    Halted = 37,
    /// It shows an entry that its feed did not sign.
    OrphanUnsigned = 40,
    /// It opens a day that is open, or closes another than the one that is.
    DayBroken = 41,
    /// Its settlement freezes no lines, or its step is out of order, unsigned or by a key that may not take it.
    SettlementBroken = 42,
}

impl Fault {
    /// Every fault, by number.
    pub const ALL: [Self; 20] = [
        Self::LotMissing,
        Self::WrongOwner,
        Self::Short,
        Self::Forged,
        Self::NotAddressed,
        Self::ClaimedTwice,
        Self::RowTwice,
        Self::ResolvedTwice,
        Self::RefundTooLarge,
        Self::CoveredTwice,
        Self::NotBudgeted,
        Self::StampFell,
        Self::Late,
        Self::MerchantMissing,
        Self::BasketBroken,
        Self::AfterEnd,
        Self::Halted,
        Self::OrphanUnsigned,
        Self::DayBroken,
        Self::SettlementBroken,
    ];

    /// The fault of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| *fault as u8 == number)
    }

    /// Whether this proves, from the feed's own prefix and the tickets in it, that an entry cannot be paid: an
    /// insolvency proof. The others are listed, and move nothing.
    #[must_use]
    pub const fn proves_insolvency(self) -> bool {
        (self as u8) < 32
    }
}

/// One change to derived state. A view applies the changes of one entry before the next is folded.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Sets what stands at an opening entry's place.
    Slot(At, Slot),
    /// Adds to a pool.
    Pool(PoolKey, Pool),
    /// Sets a ticket.
    Ticket(Hash, TicketRow),
    /// Sets a hold.
    Hold(At, HoldRow),
    /// Notes that the entry at a place used something.
    Used(Use, At),
    /// Adds a float redemption.
    Float(Hash, FloatRow),
    /// Names a merchant in a chain.
    Merchant(ChainNo, MerchantId),
    /// Adds a frozen list, by node and index in its control feed.
    List([u8; 8], u64, Box<List>),
    /// Adds an enrolment.
    Enrolled(ProgrammeId, Pseudonym),
    /// Adds a carrier's binding.
    CarrierBound(ProgrammeId, CarrierId, Pseudonym, CarrierKind),
    /// Adds a carrier's cancellation, and where it stands: `None` in what a checkpoint told that kept no places.
    CarrierCancelled(ProgrammeId, CarrierId, Option<At>),
    /// Notes a claim whose ticket waits for its sender's certificate: when that arrives, state is derived anew.
    Waiting([u8; 8], At),
    /// Adds an entry of another feed that was shown.
    Shown(Box<Fact>),
    /// Notes that a chain's day was opened or closed.
    Day(At, DayRow),
    /// Notes that a draft froze a line, which concerns a feed.
    Line {
        /// The feed.
        feed: FeedRef,
        /// The line.
        line: At,
        /// The draft.
        draft: At,
    },
    /// Sets a settlement, by the place of its draft.
    Settlement(At, Box<SettlementRow>),
    /// Notes a fault.
    Fault(At, Fault),
    /// Adds a revocation.
    Revoked(Revocation),
    /// Notes that a chain ended with the entry at a place, of this accumulator.
    Ended(At, Hash),
    /// Adds an operator's word about a clock.
    ClockAnswered(ClockWord),
    /// Adds what was said about people.
    Told(Told),
}

/// How far back a float's use is summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatSpan {
    /// One purse, ever.
    Purse(Purse),
    /// One day of this chain.
    Day(u32),
    /// All of this chain that is not covered yet.
    Site,
}

/// What the rules ask. A view that cannot answer because its storage failed keeps that fault and answers `None`; its
/// owner looks for the fault before anything is committed.
pub trait View {
    /// The charter.
    fn charter(&self) -> &Charter;
    /// Certificates and cycles.
    fn roster(&self) -> &Roster;
    /// A chain.
    fn chain(&self, chain: ChainNo) -> Chain;
    /// Where a chain stands.
    fn head(&self, chain: ChainNo) -> Head;
    /// The newest stamp in a chain.
    fn last_stamp(&self, chain: ChainNo) -> Minute;
    /// Whether the feed of a node for a programme has forked or is proven insolvent.
    fn faulty(&self, feed: &FeedRef) -> bool;
    /// What stands at an opening entry's place in exactly this chain.
    fn slot(&self, at: At) -> Option<Slot>;
    /// A hold in exactly this chain.
    fn hold(&self, at: At) -> Option<HoldRow>;
    /// A value entry of exactly this chain. One that is kept and not yet folded may be answered too: whoever asks for
    /// what an entry names asks only for places before that entry.
    fn entry(&self, at: At) -> Option<Value>;
    /// A ticket.
    fn ticket(&self, name: &Hash) -> Option<TicketRow>;
    /// A float redemption.
    fn float(&self, name: &Hash) -> Option<FloatRow>;
    /// The entries that used something, on any branch.
    fn uses(&self, what: &Use) -> Vec<At>;
    /// How many merchants a chain names.
    fn merchants(&self, chain: ChainNo) -> u32;
    /// Whether a chain names this merchant.
    fn has_merchant(&self, chain: ChainNo, merchant: &MerchantId) -> bool;
    /// A frozen list.
    fn list(&self, node: &[u8; 8], index: u64) -> Option<List>;
    /// A frozen list whose two approvals hold by the charter and the certificates of this view, or nothing.
    ///
    /// The answer is the one below, and only that: a view may remember it for as long as its charter, its certificates
    /// and the list stand still. Checking anew costs two signatures for every row that is issued.
    fn approved_list(&self, node: &[u8; 8], index: u64) -> Option<List> {
        let list = self.list(node, index)?;
        crate::list::check(&list, node, self.charter(), self.roster()).is_ok().then_some(list)
    }
    /// Whether a send is signed by a key certified for its node.
    ///
    /// The answer is the one below, and only that: a view may have the keys ready, or remember what it has checked.
    fn signed(&self, sent: &Sent, programme: ProgrammeId) -> bool {
        let federation = self.charter().federation();
        let keys = self.roster().node_keys(&sent.node);
        keys.iter().any(|key| sent.verifies(&federation, key, programme))
    }
    /// Whether a holder is enrolled.
    fn enrolled(&self, programme: ProgrammeId, pseudonym: &Pseudonym) -> bool;
    /// Whom a carrier is bound to.
    fn carrier(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Pseudonym>;
    /// Where anybody said that a carrier is cancelled ([`crate::carrier::cancelled`] tells whether it is); `None` in what a
    /// checkpoint told that kept no places.
    fn cancellations(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Option<At>>;
    /// What this chain has claimed from a sender that is not yet found in a verified block of the sender.
    fn unverified(&self, chain: ChainNo, from: &[u8; 8], commodity: CommodityId) -> Balance;
    /// The chains known of a feed.
    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo>;
    /// The block of a number in exactly this chain, if it is known, with its body or without.
    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed>;
    /// The sealed block in which the entry at a place stands. `None` in an open tail.
    fn sealed_over(&self, at: At) -> Option<Sealed>;
    /// From where on all of exactly this chain is here. Below it, of what this view began with as rows, only those entries
    /// are that later ones refer to: that another is not here tells nothing, nor that a block is not.
    fn floor(&self, chain: ChainNo) -> Floor {
        let _ = chain;
        Floor::default()
    }
    /// The first [`Fault::Halted`] of exactly this chain.
    fn halted(&self, chain: ChainNo) -> Option<u64>;
    /// The index of the entry with which exactly this chain ended: the lowest, where there are several.
    fn ended(&self, chain: ChainNo) -> Option<u64>;
    /// What nodes said against a feed, whether or not they may, ascending.
    fn revocations(&self, feed: &FeedRef) -> Vec<Revocation>;
    /// What operators said of a node's clock, ascending.
    fn clock_words(&self, node: &[u8; 8]) -> Vec<ClockWord>;
    /// How much of a feed a quorum of witnesses has cosigned, by the highest checkpoint known here.
    ///
    /// The hook of checkpoints: a view without them knows of none, and every cut counts as it stands.
    fn certified(&self, feed: &FeedRef) -> Option<Cut> {
        let _ = feed;
        None
    }
    /// The accumulator of a chain before the entry at an index.
    fn accumulator(&self, chain: ChainNo, next: u64) -> Option<Hash>;
    /// A merchant by its number among those a chain names.
    fn merchant(&self, chain: ChainNo, number: u32) -> Option<MerchantId>;
    /// The entries of a feed that were shown, in any order.
    fn shown(&self, feed: &FeedRef) -> Vec<Fact>;
    /// The last opening or closing of a chain's day, with its index.
    fn day(&self, chain: ChainNo) -> Option<(u64, DayRow)>;
    /// The lines of settlements that concern a feed, each with its draft, in order of place.
    fn lines(&self, feed: &FeedRef) -> Vec<(At, At)>;
    /// A settlement, by the place of its draft.
    fn settlement(&self, at: At) -> Option<SettlementRow>;
    /// What was said about a consent, an erasure or a complaint, by anybody, in any order. The fold asks for none of it.
    fn told(&self, about: &Commitment) -> Vec<Told>;
    /// What this chain handed out of its float.
    fn float_used(&self, chain: ChainNo, commodity: CommodityId, span: FloatSpan) -> Balance;
}
