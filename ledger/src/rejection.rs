//! Why a writer does not accept a draft, in order of precedence.

/// Why a draft was not accepted: the first that applies is reported.
///
/// Numbers are part of the interface (spec/deciding.md, "Rejections") and are never reused. A rejection is an answer,
/// not a fault: nothing was written.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[repr(u16)]
pub enum Rejection {
    /// The feed has forked, or been proven insolvent: its writer stops.
    #[error("this feed is proven faulty: it writes nothing more")]
    FeedFaulty = 1,
    /// The node's certificate does not cover this.
    #[error("this node is not certified for this programme")]
    NotCertified = 2,
    /// The node's certificate has run out.
    #[error("this node's certificate has expired: ask its organisation for a new one")]
    CertificateExpired = 3,
    /// The entry is larger than its kind may be.
    #[error("the entry is larger than its kind may be")]
    TooLarge = 4,
    /// The draft's stamp is before the feed's last.
    #[error("the stamp is before this feed's last entry")]
    StampFell = 5,
    /// None of the node's roles allows entries of this kind.
    #[error("this node's role does not allow it: its organisation certifies another")]
    OtherRole = 6,
    /// The feed has ended.
    #[error("this feed has ended: nothing follows")]
    FeedEnded = 7,
    /// The feed is cut: its writer only sends back what comes, and ends it.
    #[error("this feed is fenced or revoked: it can only send back what arrives, and end")]
    FeedCut = 8,
    /// The entry is of a later version's kind.
    #[error("entries of this kind belong to a later version: use the newer program")]
    UnknownKind = 9,
    /// The programme does not exist.
    #[error("the programme is not in the charter")]
    UnknownProgramme = 10,
    /// The commodity does not exist in the programme.
    #[error("the commodity is not in the programme")]
    UnknownCommodity = 11,
    /// The cycle is not open.
    #[error("the cycle is not known here")]
    UnknownCycle = 12,
    /// An amount of zero.
    #[error("the amount is zero")]
    ZeroAmount = 13,
    /// A basket of nothing, of too many, or of a basket.
    #[error("a basket binds 1 to 32 entries, and no other basket")]
    BadBasket = 14,
    /// The merchant is not named in this feed.
    #[error("the merchant is not named in this feed")]
    UnknownMerchant = 15,
    /// The merchant is named already, or one too many.
    #[error("the merchant is already named in this feed, or the feed names too many")]
    MerchantRefused = 16,
    /// No such lot here.
    #[error("no such lot is at this place")]
    LotNotFound = 21,
    /// The lot is for somebody or something else, or would be made to last longer.
    #[error("the lot is not meant for this")]
    WrongOwner = 22,
    /// The lot's last minute has passed.
    #[error("the entitlement has expired")]
    Expired = 23,
    /// No such hold, redemption or float redemption in this feed.
    #[error("this feed has no such hold or redemption")]
    NotHere = 25,
    /// Posted, dropped, refunded or covered before.
    #[error("this was already posted, dropped, refunded or covered")]
    AlreadyResolved = 26,
    /// More than was redeemed.
    #[error("the refund is more than was redeemed")]
    ExceedsRedemption = 27,
    /// The holder of a hold let its time pass.
    #[error("the hold has timed out")]
    HoldTimedOut = 28,
    /// The list is not known or not approved by two operators.
    #[error("the distribution list is not approved by two certified operators")]
    ListNotApproved = 31,
    /// The row is not in the list as given.
    #[error("the row is not in the distribution list as approved")]
    RowNotInList = 32,
    /// The row was issued before.
    #[error("the row of the distribution list has been issued already")]
    RowIssued = 33,
    /// The charter names another treasury for the cycle.
    #[error(
        "the charter budgets this cycle for another treasury: the cycle's key is that one's to give"
    )]
    NotTreasury = 34,
    /// The same list, approved for the same minute, stands on this feed.
    #[error("this distribution list is frozen on this feed already: issue its rows from there")]
    ListFrozen = 35,
    /// The ticket is for another feed.
    #[error("the ticket is addressed to another node")]
    NotAddressed = 41,
    /// The ticket's sender is not known.
    #[error("the ticket's sender is not known here: import a bundle with its certificate first")]
    UnknownSender = 42,
    /// The ticket is not signed by its sender.
    #[error("the ticket is not signed by its sender")]
    TicketForged = 43,
    /// The ticket was claimed before.
    #[error("the ticket has been claimed already")]
    AlreadyClaimed = 44,
    /// The ticket's sender has forked or is insolvent.
    #[error("the ticket's sender is proven faulty")]
    SenderFaulty = 45,
    /// More unverified units from this sender than its certificate allows.
    #[error(
        "more unverified tickets from this sender than its certificate allows: sync with it first"
    )]
    UnverifiedCeiling = 46,
    /// The ticket's provenance is longer than it may be.
    #[error("the lot has travelled through too many sites unsynced: sync first")]
    TooManyHops = 47,
    /// The receiver is not a certified node of this programme.
    #[error("the receiver is not a node of this programme")]
    UnknownReceiver = 48,
    /// The receiver's feed is fenced or revoked, or has ended.
    #[error("the receiver is fenced, revoked or has ended: send to another node")]
    ReceiverCut = 49,
    /// The ticket stands above the cut of its sender.
    #[error(
        "the ticket's sender is fenced or revoked below it: send it back, and serve from the site's allowance"
    )]
    SenderCut = 50,
    /// The float redemption names another home.
    #[error("the float redemption names another home")]
    NotHome = 51,
    /// A float cap would be passed.
    #[error(
        "the site's offline allowance for this purse or day is used up, or the programme gives none of this commodity"
    )]
    FloatCap = 52,
    /// The cover is not for the purse or commodity that was served.
    #[error("the cover does not match what was handed out")]
    CoverMismatch = 53,
    /// More than what is left.
    #[error("more than what is left")]
    ExceedsLot = 54,
    /// The pseudonym or carrier is already as the draft says, or cancelled.
    #[error("the carrier is cancelled or bound to another holder")]
    CarrierRefused = 61,
    /// The holder is not enrolled.
    #[error("the holder is not enrolled in this programme")]
    NotEnrolled = 62,
    /// The revocation is not this node's to make.
    #[error("only a treasury or hub of the feed's own organisation can revoke it")]
    MayNotRevoke = 63,
    /// The operator's word is not good for this node's clock.
    #[error("the answer about the clock is not signed by an operator of this node's organisation")]
    ClockWordRefused = 64,
    /// The consent has no day to count on, or too many.
    #[error("a consent counts for at least one day and at most twelve months")]
    ConsentDays = 65,
    /// Something stands under this commitment.
    #[error("this consent stands already: it never changes, another takes its place")]
    ConsentKnown = 66,
    /// The consent names another organisation.
    #[error("the consent names another organisation than this node's")]
    OtherIssuer = 67,
    /// The consent is not known.
    #[error("no such consent is known here")]
    ConsentUnknown = 68,
    /// The consent was withdrawn.
    #[error("the consent was withdrawn")]
    ConsentTakenBack = 69,
    /// The consent's last day has passed.
    #[error("the consent has ended: ask again")]
    ConsentEnded = 70,
    /// The entries shown are this feed's own.
    #[error("these entries are of this node's own feed: it has them already")]
    OrphanOwn = 71,
    /// An entry shown is not signed by its feed.
    #[error("an entry shown is not signed by its feed")]
    OrphanUnsigned = 72,
    /// Nothing in it is new.
    #[error("the redemption shown is known here already")]
    OrphanKnown = 73,
    /// Of what its units were cannot be told.
    #[error("nobody can tell of what this was: show the entry that opened its lot, too")]
    OrphanUntold = 74,
    /// The day is open.
    #[error("the day is open already")]
    DayOpen = 76,
    /// No day is open, and nothing was handed out since the last was closed.
    #[error("no day is open, and nothing was handed out since the last was closed")]
    DayNotOpen = 77,
    /// The statement is not what the feed comes to.
    #[error("the day's sums are not what this feed comes to")]
    DayMismatch = 78,
    /// No line, or no row.
    #[error("there is nothing to settle")]
    NothingToSettle = 81,
    /// Lines, rows or totals do not fit.
    #[error("the settlement is not what its lines come to")]
    SettlementWrong = 82,
    /// An entry is in another settlement.
    #[error("an entry of it is in another settlement already")]
    SettledBefore = 83,
    /// No such draft.
    #[error("this feed has no such settlement")]
    NoSettlement = 84,
    /// Not the next step.
    #[error("this is not the next step of the settlement")]
    StepOutOfOrder = 85,
    /// The same person, the node itself, or somebody without the certificate.
    #[error(
        "this operator may not take this step: another one, certified for it, must, and never the node"
    )]
    OperatorRefused = 86,
    /// The signature is of something else.
    #[error("the step is not signed by its operator")]
    StepUnsigned = 87,
    /// No attribute, or one that is not known.
    #[error("nothing is named that could be shown, or something this version does not know")]
    NothingNamed = 91,
    /// The disclosure stands already.
    #[error("this disclosure stands already")]
    DisclosedBefore = 92,
    /// The organisation that should decide is not in the charter.
    #[error("the organisation that should decide is not in the charter")]
    DeciderUnknown = 93,
    /// Not the next step of the complaint.
    #[error("this is not the next step of the complaint")]
    GrievanceStep = 94,
    /// The day by which to decide is past, or too far.
    #[error("the day by which to decide is not after today, or too far off")]
    GrievanceClock = 95,
    /// Somebody who may not decide it.
    #[error(
        "this person may not decide it: another one, certified by the organisation that decides, must, and an appeal never by who decided before"
    )]
    DecisionRefused = 96,
    /// The signature is of something else.
    #[error("the decision is not signed by the person it names")]
    DecisionUnsigned = 97,
    /// Nothing was erased under this commitment.
    #[error("no such erasure is known here")]
    NotErased = 98,
}

impl Rejection {
    /// All of them, in order of their numbers.
    pub const ALL: [Self; 74] = [
        Self::FeedFaulty,
        Self::NotCertified,
        Self::CertificateExpired,
        Self::TooLarge,
        Self::StampFell,
        Self::OtherRole,
        Self::FeedEnded,
        Self::FeedCut,
        Self::UnknownKind,
        Self::UnknownProgramme,
        Self::UnknownCommodity,
        Self::UnknownCycle,
        Self::ZeroAmount,
        Self::BadBasket,
        Self::UnknownMerchant,
        Self::MerchantRefused,
        Self::LotNotFound,
        Self::WrongOwner,
        Self::Expired,
        Self::NotHere,
        Self::AlreadyResolved,
        Self::ExceedsRedemption,
        Self::HoldTimedOut,
        Self::ListNotApproved,
        Self::RowNotInList,
        Self::RowIssued,
        Self::NotTreasury,
        Self::ListFrozen,
        Self::NotAddressed,
        Self::UnknownSender,
        Self::TicketForged,
        Self::AlreadyClaimed,
        Self::SenderFaulty,
        Self::UnverifiedCeiling,
        Self::TooManyHops,
        Self::UnknownReceiver,
        Self::ReceiverCut,
        Self::SenderCut,
        Self::NotHome,
        Self::FloatCap,
        Self::CoverMismatch,
        Self::ExceedsLot,
        Self::CarrierRefused,
        Self::NotEnrolled,
        Self::MayNotRevoke,
        Self::ClockWordRefused,
        Self::ConsentDays,
        Self::ConsentKnown,
        Self::OtherIssuer,
        Self::ConsentUnknown,
        Self::ConsentTakenBack,
        Self::ConsentEnded,
        Self::OrphanOwn,
        Self::OrphanUnsigned,
        Self::OrphanKnown,
        Self::OrphanUntold,
        Self::DayOpen,
        Self::DayNotOpen,
        Self::DayMismatch,
        Self::NothingToSettle,
        Self::SettlementWrong,
        Self::SettledBefore,
        Self::NoSettlement,
        Self::StepOutOfOrder,
        Self::OperatorRefused,
        Self::StepUnsigned,
        Self::NothingNamed,
        Self::DisclosedBefore,
        Self::DeciderUnknown,
        Self::GrievanceStep,
        Self::GrievanceClock,
        Self::DecisionRefused,
        Self::DecisionUnsigned,
        Self::NotErased,
    ];

    /// The number of this rejection.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}
