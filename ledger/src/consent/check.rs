//! The nine questions before anything about a person is opened for somebody: the first that is not answered well closes
//! the door, and there is no other door.

use super::grant::{Grant, Recipient, Secret, Way};
use super::words::{Attributes, Purpose, StateWord, Withdrawal};
use super::{People, Told};
use crate::hash::Hash;
use crate::id::{Commitment, FederationId, OrgId};
use crate::key::PublicKey;
use crate::notice::{Roles, Roster};
use crate::statement::{Stated, Statement};
use crate::time::DayNo;

/// Why nothing is opened, in the order in which it is asked (spec/consent.md, "Before anything is opened").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
#[repr(u8)]
pub enum Closed {
    /// No such consent is here, or the ledger does not know it.
    #[error("no such consent is known here: nothing is shown")]
    Unknown = 1,
    /// Nobody who may signed that it was given.
    #[error("the consent is not signed by a person certified to take it")]
    Unsigned = 2,
    /// It was withdrawn.
    #[error("the consent was withdrawn")]
    Withdrawn = 3,
    /// It does not count yet, or no more.
    #[error("the consent does not count on this day")]
    OutsideWindow = 4,
    /// Somebody else asks.
    #[error("the consent names another recipient")]
    OtherRecipient = 5,
    /// It was given for something else.
    #[error("the consent was given for another purpose")]
    OtherPurpose = 6,
    /// More is asked than was given.
    #[error("the consent does not give all of what is asked")]
    MoreThanGiven = 7,
    /// It has been used as often as it may.
    #[error("the consent has been used as often as it may be")]
    UsedUp = 8,
    /// The disclosure is not durable on the ledger.
    #[error("the disclosure is not written down yet: nothing is shown before it is")]
    NotWritten = 9,
}

impl Closed {
    /// Every answer, in the order of the questions.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Unsigned,
        Self::Withdrawn,
        Self::OutsideWindow,
        Self::OtherRecipient,
        Self::OtherPurpose,
        Self::MoreThanGiven,
        Self::UsedUp,
        Self::NotWritten,
    ];
}

/// Who asks, as whoever talks to them has made sure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The organisation whose certificate the asking node has.
    pub org: OrgId,
    /// What that certificate lets it do.
    pub roles: Roles,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// Who asks.
    pub asker: Asker,
    /// What for.
    pub purpose: Purpose,
    /// For which attributes.
    pub attributes: Attributes,
    /// The day, by the stamp of the feed the disclosure is written on. [By the clock was refused: a clock set back would
    /// bring ended consents to life.]
    pub on: DayNo,
    /// The commitment of the disclosure that stands, durable, on the ledger. `None` before it is written; then the last
    /// question is answered with no, whatever else is well.
    pub written: Option<Commitment>,
}

/// A consent as it is known: the sealed record, its secret, who signed it, and what was told of it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The record.
    pub grant: &'a Grant,
    /// That of its commitment.
    pub commitment: Commitment,
    /// Who signed that it was given: [`Statement::Consent`].
    pub word: &'a Stated,
    /// The key of her own wallet, where whoever keeps the record took her word by it.
    pub hers: Option<PublicKey>,
    /// What the ledger here has about its commitment, in any order.
    pub told: &'a [Told],
}

impl<'a> Known<'a> {
    /// A consent with the commitment that follows from its record and secret.
    #[must_use]
    pub fn of(grant: &'a Grant, secret: &Secret, word: &'a Stated, told: &'a [Told]) -> Self {
        Self { grant, commitment: grant.commitment(secret), word, hers: None, told }
    }

    /// The same, of somebody whose wallet has this key.
    #[must_use]
    pub const fn by_her(self, hers: Option<PublicKey>) -> Self {
        Self { hers, ..self }
    }

    fn people(&self) -> impl Iterator<Item = &'a People> + use<'a> {
        let commitment = self.commitment;
        let of = move |said: &&People| said.about() == Some(commitment);
        self.told.iter().filter_map(Told::people).filter(of)
    }

    /// When it was written down that it was given, and the last day said then: of several, the least. [The greatest was
    /// refused: whoever knows a commitment could make it last longer.]
    fn given(&self) -> Option<(DayNo, DayNo)> {
        let given = self.people().filter_map(|said| match said {
            People::ConsentGiven { issuer, expires, on, .. }
                if *issuer == self.grant.controller =>
            {
                Some((*on, *expires))
            }
            _ => None,
        });
        given.reduce(|(on, expires), (o, e)| (on.min(o), expires.min(e)))
    }
}

/// Whether anything may be opened, and if not, why: the first question in order that is not answered well.
///
/// Asked twice: before the disclosure is written, when [`Closed::NotWritten`] is the answer that lets it be written; and
/// after, with the ledger as it then stands.
///
/// # Errors
///
/// The first [`Closed`] that applies.
pub fn check(
    federation: &FederationId,
    roster: &Roster,
    known: Option<&Known<'_>>,
    question: &Question,
) -> Result<(), Closed> {
    let known = known.ok_or(Closed::Unknown)?;
    let grant = known.grant;
    let (given, ends) = known.given().ok_or(Closed::Unknown)?;
    if grant.check().is_err() || !is_signed(federation, roster, known, given) {
        return Err(Closed::Unsigned);
    }
    if withdrawn(known.people()).is_some() {
        return Err(Closed::Withdrawn);
    }
    if question.on < grant.not_before || question.on > grant.expires.min(ends) {
        return Err(Closed::OutsideWindow);
    }
    let meant = match grant.recipient {
        Recipient::Organisation(org) => org == question.asker.org,
        Recipient::Role { org, roles } => {
            org == question.asker.org && roles.meets(question.asker.roles)
        }
    };
    if !meant {
        return Err(Closed::OtherRecipient);
    }
    if question.purpose != grant.purpose {
        return Err(Closed::OtherPurpose);
    }
    if !question.attributes.is_named() || !question.attributes.within(grant.attributes) {
        return Err(Closed::MoreThanGiven);
    }
    let before = uses_of(known.people().filter(|said| said.commits() != question.written));
    if before >= u64::from(grant.uses) {
        return Err(Closed::UsedUp);
    }
    let stands = |said: &&People| match said {
        People::Disclosed { commitment, recipient, purpose, attributes, .. } => {
            Some(*commitment) == question.written
                && *recipient == question.asker.org
                && *purpose == question.purpose
                && *attributes == question.attributes
        }
        _ => false,
    };
    if known.people().any(|said| stands(&said)) { Ok(()) } else { Err(Closed::NotWritten) }
}

/// Whether an operator of the organisation that answers for it, certified on the day it was given and no node, signed it;
/// and the witness it names, if it names one, is neither her nor a node. One that was given by a wallet is signed by that
/// wallet's key, and by no operator.
fn is_signed(federation: &FederationId, roster: &Roster, known: &Known<'_>, given: DayNo) -> bool {
    let grant = known.grant;
    let by = &known.word.operator;
    let statement = Statement::Consent { commitment: known.commitment };
    if grant.way == Way::Wallet {
        return known.hers.as_ref() == Some(by) && statement.is_by(federation, known.word);
    }
    let certified = roster.operator_ever(by).any(|c| {
        c.org == grant.controller
            && c.programmes.contains(&grant.programme)
            && c.issued <= given.last()
            && given.first() <= c.not_after
    });
    let is_node = |key: &PublicKey| roster.node_ever(key).next().is_some();
    let witness = grant.witness.as_ref().is_none_or(|witness| witness != by && !is_node(witness));
    certified && witness && !is_node(by) && statement.is_by(federation, known.word)
}

/// Why a consent counts no more, of what was told about it: of several reasons, the first by number.
pub fn withdrawn<'a>(people: impl IntoIterator<Item = &'a People>) -> Option<Withdrawal> {
    let reason = |said: &People| match said {
        People::ConsentWithdrawn { reason, .. } => Some(*reason),
        _ => None,
    };
    people.into_iter().filter_map(reason).min()
}

/// How often a consent was used, of what was told about it. The same disclosure said twice is one.
pub fn uses_of<'a>(people: impl IntoIterator<Item = &'a People>) -> u64 {
    let used = |said: &People| match said {
        People::Disclosed { commitment, .. } => Some(commitment.0),
        _ => None,
    };
    let all: std::collections::BTreeSet<Hash> = people.into_iter().filter_map(used).collect();
    all.len() as u64
}

/// How a consent that was given stands on a day.
#[must_use]
pub fn state_of(known: &Known<'_>, on: DayNo) -> StateWord {
    let Some((_, ends)) = known.given() else { return StateWord::Requested };
    let invalid = known
        .people()
        .any(|said| matches!(said, People::ConsentWithdrawn { reason: Withdrawal::Invalid, .. }));
    match withdrawn(known.people()) {
        _ if invalid => StateWord::Invalidated,
        Some(_) => StateWord::Withdrawn,
        None if on > known.grant.expires.min(ends) => StateWord::Expired,
        None if known.grant.renews.is_some() => StateWord::Renewed,
        None => StateWord::Given,
    }
}
