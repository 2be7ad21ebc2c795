//! What is said on the ledger about people: that a consent was given or withdrawn, that something was disclosed, that
//! somebody was erased, refused, or complained (spec/consent.md). Commitments, days and words of closed lists; never who.
//!
//! The rules of consent stand here too, because they are pure: what a consent says ([`Grant`]), how it is committed to,
//! and the nine questions before anything is shown to anybody ([`check()`]). The records lie sealed in a vault.

use serde::{Deserialize, Serialize};

use crate::id::{Commitment, OrgId, ProgrammeId, SlipId};
use crate::statement::Stated;
use crate::time::DayNo;

mod check;
mod grant;
mod grievance;
#[cfg(test)]
pub(crate) mod tests;
mod words;

pub use check::{Asker, Closed, Known, Question, check, state_of, uses_of, withdrawn};
pub use grant::{
    Disclosure, Grant, GrantFault, GrantId, Guardian, Language, NoticeShown, Recipient, Secret,
    Way, erasure_commitment, random_commitment,
};
pub use grievance::{Standing, may_decide, standing};
pub use words::{
    Attribute, Attributes, Basis, Body, Exception, Outcome, Purpose, RefusalClass, Stage,
    StateWord, Verdict, Withdrawal,
};

/// Facts about people, on a registry feed. Variants are only ever added at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum People {
    /// Somebody consented to something.
    ConsentGiven {
        /// To the grant ([`Grant::commitment`]).
        commitment: Commitment,
        /// The organisation that answers for it: that of the node that writes it.
        issuer: OrgId,
        /// The last day on which it counts.
        expires: DayNo,
        /// The day.
        on: DayNo,
    },
    /// A consent counts no more. Good wherever it is said, and whether or not the consent is known there.
    ConsentWithdrawn {
        /// That of the consent.
        commitment: Commitment,
        /// Why.
        reason: Withdrawal,
        /// The day.
        on: DayNo,
    },
    /// Attributes were opened for somebody. Durable before they are.
    Disclosed {
        /// To the disclosure ([`Disclosure::commitment`]).
        commitment: Commitment,
        /// That of the consent it rests on.
        grant: Commitment,
        /// The organisation that got them.
        recipient: OrgId,
        /// What for.
        purpose: Purpose,
        /// Which.
        attributes: Attributes,
        /// The day.
        on: DayNo,
    },
    /// Somebody's keys and records were destroyed: whoever has a copy destroys it too.
    Erased {
        /// By which holders of copies know whom ([`erasure_commitment`]).
        commitment: Commitment,
        /// The day.
        on: DayNo,
    },
    /// Somebody was refused something. What and why stands on the slip, and sealed for who decides.
    Refused {
        /// What kind of refusal.
        class: RefusalClass,
        /// The version of the rules that refused.
        rule: u32,
        /// The number on the slip.
        slip: SlipId,
        /// The day.
        on: DayNo,
    },
    /// A step of a complaint.
    Grievance {
        /// To the complaint, the same at each step.
        commitment: Commitment,
        /// The step.
        step: GrievanceStep,
        /// The day.
        on: DayNo,
    },
    /// Somebody looked at two households that may be registered twice, and says what they are. It decides nothing else.
    Pair {
        /// To the pair, the same whoever names it first.
        pair: Commitment,
        /// What they are.
        verdict: Verdict,
        /// The day.
        on: DayNo,
    },
}

/// A step of a complaint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum GrievanceStep {
    /// It was made.
    Opened {
        /// The organisation that decides it.
        decider: OrgId,
        /// The last day by which it should.
        due: DayNo,
    },
    /// Another organisation is to decide it.
    Referred {
        /// Which.
        decider: OrgId,
        /// By when.
        due: DayNo,
    },
    /// It was decided.
    Decided {
        /// How.
        outcome: Outcome,
        /// By whom: [`crate::statement::Statement::Decision`].
        word: Stated,
    },
    /// The person does not accept the decision: somebody else decides.
    Appealed {
        /// The organisation that decides the appeal.
        decider: OrgId,
        /// By when.
        due: DayNo,
    },
    /// The appeal was decided, by another person than the first decision.
    AppealDecided {
        /// How.
        outcome: Outcome,
        /// By whom.
        word: Stated,
    },
    /// The person took it back.
    TakenBack,
}

impl People {
    /// The day it says.
    #[must_use]
    pub const fn on(&self) -> DayNo {
        match self {
            Self::ConsentGiven { on, .. }
            | Self::ConsentWithdrawn { on, .. }
            | Self::Disclosed { on, .. }
            | Self::Erased { on, .. }
            | Self::Refused { on, .. }
            | Self::Grievance { on, .. }
            | Self::Pair { on, .. } => *on,
        }
    }

    /// What it is about, by which [`View::told`](crate::view::View::told) finds it: a disclosure is found by its consent.
    #[must_use]
    pub const fn about(&self) -> Option<Commitment> {
        match self {
            Self::ConsentGiven { commitment, .. }
            | Self::ConsentWithdrawn { commitment, .. }
            | Self::Erased { commitment, .. }
            | Self::Grievance { commitment, .. }
            | Self::Pair { pair: commitment, .. } => Some(*commitment),
            Self::Disclosed { grant, .. } => Some(*grant),
            Self::Refused { .. } => None,
        }
    }

    /// The commitments its author made up for it: what an auditor may ask to have opened.
    #[must_use]
    pub const fn commits(&self) -> Option<Commitment> {
        match self {
            Self::ConsentGiven { commitment, .. }
            | Self::ConsentWithdrawn { commitment, .. }
            | Self::Disclosed { commitment, .. }
            | Self::Erased { commitment, .. }
            | Self::Grievance { commitment, .. }
            | Self::Pair { pair: commitment, .. } => Some(*commitment),
            Self::Refused { .. } => None,
        }
    }
}

/// What a node said about people: kept as a set, so no order of arrival can matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Said {
    /// On a registry feed.
    People(People),
    /// On a control feed: it destroyed its copies of what was erased.
    ErasureSeen {
        /// That of the erasure.
        erased: Commitment,
        /// The day.
        on: DayNo,
    },
}

impl Said {
    /// What it is about.
    #[must_use]
    pub const fn about(&self) -> Option<Commitment> {
        match self {
            Self::People(people) => people.about(),
            Self::ErasureSeen { erased, .. } => Some(*erased),
        }
    }
}

/// One thing a node said about people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The programme of its feed; none for a control feed.
    pub programme: ProgrammeId,
    /// The node, by eight bytes of its key.
    pub by: [u8; 8],
    /// What.
    pub said: Said,
}

impl Told {
    /// What was said on a registry feed.
    #[must_use]
    pub const fn people(&self) -> Option<&People> {
        match &self.said {
            Said::People(people) => Some(people),
            Said::ErasureSeen { .. } => None,
        }
    }
}
