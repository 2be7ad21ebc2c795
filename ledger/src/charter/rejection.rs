//! Why an article is refused.

/// Why an article was not accepted, in order of precedence: the first that applies is reported, and of several acts the
/// first that is at fault. Numbers are those of spec/charter.md and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
#[repr(u16)]
pub enum CharterRejection {
    /// With room for every signature it would be longer than an article may be.
    #[error("the article is too long")]
    TooLong = 1,
    /// Its epoch is not the one after the last article's (for a founding article: not zero).
    #[error("the article's epoch is not the next one")]
    EpochNotNext = 2,
    /// It does not name the last article (for a founding article: not zero).
    #[error("the article does not follow the last one")]
    PreviousNotHead = 3,
    /// It decides nothing.
    #[error("the article has no acts")]
    NoActs = 4,
    /// A founding article does not begin with `Found`, or `Found` stands anywhere else.
    #[error("an article founds a federation if, and only if, it is the first")]
    FoundMisplaced = 5,
    /// Beside an act of recovery stands one of another kind.
    #[error("an article that recovers a key does nothing else")]
    RecoveryNotAlone = 6,
    /// Beside an act that heals a fork stands another.
    #[error("an article that heals a fork does nothing else")]
    HealNotAlone = 7,
    /// An act names an organisation that is not a member.
    #[error("the organisation is not a member")]
    UnknownOrganisation = 10,
    /// An act names a programme that does not exist.
    #[error("the programme does not exist")]
    UnknownProgramme = 11,
    /// An act names a commodity its programme does not have.
    #[error("the programme does not have that commodity")]
    UnknownCommodity = 12,
    /// Numbers do not rise: zero, out of order, twice, or used before.
    #[error("numbers must start at one, rise, and never be used again")]
    NumbersNotRising = 13,
    /// A founding without organisations, a programme without commodities, a budget without lines.
    #[error("the act lists nothing")]
    NothingListed = 14,
    /// A key under which anything verifies.
    #[error("a key is weak")]
    WeakKey = 15,
    /// A key that is, or ever was, another key of this charter.
    #[error("a key was used before")]
    KeyUsed = 16,
    /// The federation is as large as it may be.
    #[error("there are as many organisations as there may be")]
    OrganisationsFull = 17,
    /// The last organisation may not leave.
    #[error("the last organisation cannot leave")]
    LastOrganisation = 18,
    /// Half the organisations or fewer could decide: two halves could decide differently.
    #[error("the quorum must be more than half of the organisations")]
    QuorumTooSmall = 19,
    /// More would have to sign than there are.
    #[error("the quorum is more than there are organisations")]
    QuorumTooLarge = 20,
    /// A currency code that is not three capital letters, or more than four digits after the point.
    #[error("the unit of a commodity is not a valid one")]
    UnitInvalid = 21,
    /// A programme cannot change hands.
    #[error("the programme belongs to another organisation")]
    ProgrammeMoved = 22,
    /// A commodity was dropped or changed: amounts already written would change their meaning.
    #[error("a commodity once listed must stay as it was")]
    CommodityChanged = 23,
    /// A budget line of nothing.
    #[error("the amount is zero")]
    AmountZero = 24,
    /// All budgets of a commodity in a cycle together pass the largest amount.
    #[error("the budgets of the cycle are too large together")]
    BudgetOverflow = 25,
    /// Nothing is released of a feed that is not fenced, in a cycle that is not closed.
    #[error("the feed is not fenced, nor the cycle closed: nothing of it is in suspense")]
    NotFenced = 26,
    /// Released to the fenced feed's own node, or to one that is fenced too.
    #[error("what is released must go to a reserve on a node that is not fenced")]
    ReserveFenced = 27,
    /// A cut with blocks and no hash, or a hash and no blocks.
    #[error("a cut names blocks and the hash of the last, or neither")]
    CutUnsound = 28,
    /// What is to be healed is no fork of this charter, or is healed.
    #[error("the two articles are no unhealed fork of this charter")]
    NoFork = 29,
    /// Those said to have signed twice are not those whose signatures show it.
    #[error("those named are not the members whose signatures stand under both articles")]
    TwiceMisstated = 30,
    /// Fewer than two members did not sign twice.
    #[error(
        "fewer than two organisations remain that did not sign twice: found the federation again"
    )]
    TooFewHonest = 31,
    /// A kind below 64 or above 127, or of no size or one that no entry may have.
    #[error("later kinds are 64 to 127, and their entries have 1 to {max} bytes", max = crate::limits::LATER_ENTRY_BYTES)]
    KindInvalid = 32,
    /// The kind was brought in before: what it is stays.
    #[error("the kind was brought in before, and what was said of it stays")]
    KindActive = 33,
    /// Signatures are not ascending by organisation.
    #[error("the signatures are not in order")]
    SignersNotRising = 40,
    /// A signature by somebody who has no say in this article.
    #[error("a signer has no say in this article")]
    UnknownSigner = 41,
    /// A signature that does not verify.
    #[error("a signature is wrong")]
    BadSignature = 42,
    /// A founding or joining organisation did not sign.
    #[error("an organisation that founds or joins has not signed")]
    NewcomerUnsigned = 43,
    /// An organisation whose key is rotated did not sign.
    #[error("the organisation whose key is rotated has not signed")]
    RotationUnsigned = 44,
    /// The recovery key did not sign.
    #[error("the recovery key has not signed")]
    RecoveryUnsigned = 45,
    /// Fewer organisations signed than the quorum asks for.
    #[error("not enough organisations have signed")]
    QuorumMissing = 46,
    /// A member not shown to have signed twice did not sign what heals the fork.
    #[error("an organisation that did not sign twice has not signed")]
    HealUnsigned = 47,
}

impl CharterRejection {
    /// Its number in spec/charter.md.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}
