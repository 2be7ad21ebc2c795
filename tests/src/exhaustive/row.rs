//! A row: who plays, what may happen, what must hold, and what is done otherwise than the rules say.

use super::clocks::Clock;
use super::world::{FEEDS, KINDS};

/// A set of up to 64 named things.
macro_rules! set {
    ($(#[$doc:meta])* $name:ident, $one:ident: $($(#[$each:meta])* $member:ident,)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum $one { $($(#[$each])* $member,)+ }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) struct $name(u64);

        impl $name {
            pub(super) const fn of(members: &[$one]) -> Self {
                Self(0).and(members)
            }
            pub(super) const fn and(self, members: &[$one]) -> Self {
                let (mut set, mut n) = (self.0, 0);
                while n < members.len() {
                    set |= 1 << members[n] as u64;
                    n += 1;
                }
                Self(set)
            }
            pub(super) const fn has(self, member: $one) -> bool {
                self.0 >> member as u64 & 1 == 1
            }
        }
    };
}

set! {
    /// What may happen.
    Acts, Act:
    Issue,
    Send,
    Redeem,
    Refund,
    Hold,
    Float,
    /// Issue from a reserve.
    Reissue,
    /// Claim a ticket from above a known cut and send it back, in one step.
    Decline,
    Fire,
    Fence,
    Hear,
    /// A writer goes on from an old copy.
    Restore,
    /// A faulty writer sends what it does not have.
    Mint,
    Release,
    /// Nothing is released before its writer has ended.
    EndFirst,
    /// Nothing is released of a cycle before its writer has heard of the close.
    HeardFirst,
    Observe,
    Settle,
    LoseTreasury,
    /// Days pass.
    Days,
    /// A site's clock falls back to the first day.
    ClockFalls,
    /// A writer ends of its own will, for another key.
    HandOver,
    Close,
    /// What is left of a closed cycle is sent home.
    Return,
}

set! {
    /// What is done otherwise than the rules say.
    Twists, Twist:
    // Read literally, and wrong.
    TicketByName,
    NoProvenance,
    TicketWithoutProvenance,
    OneDecide,
    BoundIsRights,
    CoverAnywhere,
    SettleByRange,
    PlainReference,
    PurseWithoutReissue,
    MerchantsCapped,
    SuspenseIsRights,
    // Planted.
    ClaimAgain,
    CoverAgain,
    Reclaim,
    Recall,
    SuccessorClaims,
    SuspenseToPurse,
    // Amounts.
    RefundAgain,
    LotAsIssued,
    CeilingCountsTickets,
    RefundsAddUp,
    LastRefundStands,
    BoundWithoutRefunds,
    RefundAsItsRow,
    RefundRowsAddUp,
    SpendAsOpened,
    // Commodities and programmes.
    IssueFromAny,
    ReleaseAnyKind,
    InsolventInSum,
    TicketWithoutProgramme,
    // Holds.
    TimeFreesHold,
    StampsFall,
    PostLate,
    PostDropped,
    HoldDebits,
    DropCredits,
    // Branches.
    BoundOnce,
    BoundClaimsOnce,
    BoundEntriesOnce,
    BoundWithoutDraws,
    LotPerBranch,
    // Another key.
    WriteAfterEnd,
    EndOutOfOrder,
    SuccessorOpens,
    // Reserves.
    AnyReserve,
    InsuredAsIssued,
    DrawAnywhere,
    ReserveAtSite,
    // Closes.
    CloseStopsFeed,
    LateRowsRefused,
    ReturnAfterRelease,
    ReleaseOffOther,
}

set! {
    /// What must hold in every state.
    Checks, Check:
    Conserved,
    /// What is counted as handed out is what was, and did not come back.
    Goods,
    /// An honest feed is charged for nothing but what a quorum released early.
    Enough,
    /// The same as an observer sees it.
    EnoughSeen,
    Lots,
    Purse,
    ClaimOnce,
    CoverOnce,
    Programme,
    FaultPaid,
    PaidOnce,
    Bound,
    Minted,
    Stranded,
    /// What is frozen at a fence pays for everything given above the cut.
    Fixed,
    /// All that is short is charged to somebody.
    Attributed,
    NeverCharged,
    /// Every order of delivery gives one state.
    Order,
    /// Merchants are paid for what they gave.
    Merchants,
    /// Nobody is charged for units that are still there.
    Fair,
    /// Whoever overspent a lot is proven to have.
    Proven,
    /// A reserve gives a purse no more than stood at the feed it insures.
    Insured,
    /// No honest writer is kept from an open cycle.
    Hungry,
    /// What was stamped in time can be settled, however late it comes.
    Payable,
    /// For goods that came back once, a merchant is debited once.
    Debited,
    /// A reserve is left where its site burnt.
    ReserveLeft,
}

/// Who pays for a feed that gave more than it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Charge {
    /// The rule: one pool, or lot by lot once a fault is proven; a release is taken off what is left.
    Pool,
    /// Lot by lot, whatever is known.
    PerLot,
    /// One pool, without what is on its way to the feed.
    RightsOnly,
    /// One pool, even of a proven fault.
    PoolAlways,
    /// Tainted entries only, by the lower or the higher of two cuts.
    Tainted { higher: bool },
    /// One pool for all commodities.
    OneForAll,
    /// As the rule, but under a proven fault a release counts as a lot of its own.
    ReleaseIsLot,
    /// As the rule, but under a proven fault a release is left out.
    ReleaseIsForgotten,
}

/// What the fifth feed is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fifth {
    Nobody,
    /// The reserve that insures B; the first then insures A alone.
    Reserve,
    /// A's next key.
    Successor,
    /// A's feed of another programme: same node.
    Programme,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its code and what it is about.
    pub name: &'static str,
    /// In how many steps it breaks. `None`: it holds.
    pub breaks: Option<usize>,
    /// A part of the end of the trace's last line, so that it breaks for the reason it should.
    pub because: &'static str,
    /// A model of its own, in place of all that follows.
    pub(super) clock: Option<Clock>,
    pub(super) acts: Acts,
    pub(super) twists: Twists,
    pub(super) checks: Checks,
    pub(super) charge: Charge,
    pub(super) fifth: Fifth,
    /// Units of each kind at each feed from the beginning.
    pub(super) stock: [[u8; KINDS]; FEEDS],
    pub(super) purses: u8,
    pub(super) kinds: u8,
    /// Sites that play, of A, B and C.
    pub(super) sites: usize,
    /// Units of an issue.
    pub(super) issue: u8,
    /// Units that may be sent, redeemed, held or refunded at once.
    pub(super) parts: &'static [u8],
    /// Sites that may burn or be fenced, a bit each.
    pub(super) mortal: u8,
    /// Feeds whose writer may break the rules, a bit each.
    pub(super) wicked: u8,
    pub(super) branches: u8,
    /// Fences of one feed.
    pub(super) fences: usize,
    /// Units a receiver takes from one sender unverified.
    pub(super) ceiling: Option<u8>,
    /// Steps, at most.
    pub(super) depth: u8,
    /// Whether B and C are treated alike.
    pub(super) alike: bool,
}

impl Row {
    /// Whether a purse's writer at `feed` is a reserve.
    pub(super) fn is_reserve(&self, feed: usize) -> bool {
        feed == super::world::R || feed == super::world::S && self.fifth == Fifth::Reserve
    }

    /// Whether a feed may issue from a list, and be sent to.
    pub(super) fn is_site(&self, feed: usize) -> bool {
        feed < self.sites || feed == super::world::S && self.fifth == Fifth::Successor
    }
}
