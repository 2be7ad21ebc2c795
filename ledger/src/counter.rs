//! How somebody is known at a counter, and who answers for it (spec/counter.md).
//!
//! Every method but the PIN and the card rests on words: statements of people, of a reader, or of her own wallet, that
//! stand as evidence beside the hand-out. What they must be is decided here, purely, by who writes and again by
//! whoever audits; the fold never asks.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::entry::Method;
use crate::hash::Hash;
use crate::id::{CommodityId, FederationId, FeedRef, OrgId, Purse};
use crate::limits;
use crate::notice::{OperatorRoles, Roles, Roster};
use crate::statement::{Stated, Statement};
use crate::time::{DayNo, Minute};
use crate::wallet::Spend;
use crate::wire::{self, Bounded, WireFault};

/// The version of the rules of this page, as refusals name it.
pub const RULES: u32 = 1;

/// One word: what was said, by whom, signed.
pub type Word = (Statement, Stated);

/// The words beside a hand-out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Vouched(pub Bounded<Word, { limits::VOUCHED }>);

impl Vouched {
    /// The bytes that stand as evidence.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no words.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::EVIDENCE_BYTES)
    }
}

/// Why a method does not hold, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[repr(u8)]
pub enum Turned {
    /// Nobody, or not enough people, said so.
    #[error("somebody has to answer for it, and has not signed")]
    TooFew = 1,
    /// A signature is not that of the key beside it.
    #[error("a word is not signed by the person it names")]
    Unsigned = 2,
    /// Both words are by one key.
    #[error("two different people must sign")]
    OnePerson = 3,
    /// The signer has no certificate for it, here and now, or is a node.
    #[error(
        "who signed may not answer for this here and now: `annona operator list` tells who may"
    )]
    MayNot = 4,
    /// The paper is about somebody else.
    #[error("the paper is for another family, or another programme")]
    OtherHolder = 5,
    /// The word is about another hand-out.
    #[error("the word is about another hand-out")]
    OtherEntry = 6,
    /// Its days are over, or have not come.
    #[error("the paper does not count today")]
    Ended = 7,
    /// No.
    #[error("the reader said no")]
    SaysNo = 8,
    /// A voucher for less.
    #[error("the voucher or signature is for less, or for something else")]
    TooMuch = 9,
    /// Signed by another key than the one that holds the purse.
    #[error("it is signed by another key than the one this purse was given to")]
    OtherKey = 10,
    /// There are two of this wallet.
    #[error(
        "this wallet was copied: two signatures of it stand at one place. It counts no more; a registrar gives her another"
    )]
    Copied = 11,
    /// The wallet signed before what it now says comes next.
    #[error(
        "this wallet is older than what it signed before: it must learn its newest count first"
    )]
    Behind = 12,
}

impl Turned {
    /// Every answer, in order.
    pub const ALL: [Self; 12] = [
        Self::TooFew,
        Self::Unsigned,
        Self::OnePerson,
        Self::MayNot,
        Self::OtherHolder,
        Self::OtherEntry,
        Self::Ended,
        Self::SaysNo,
        Self::TooMuch,
        Self::OtherKey,
        Self::Copied,
        Self::Behind,
    ];
}

/// A hand-out, as far as its method is concerned.
#[derive(Clone, Copy, Debug)]
pub struct HandOut {
    /// The feed it stands in.
    pub feed: FeedRef,
    /// Its leaf.
    pub leaf: Hash,
    /// Whose purse.
    pub purse: Purse,
    /// Of what.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// Its stamp.
    pub at: Minute,
    /// How she was known.
    pub method: Method,
}

/// Whose certificates count.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The federation.
    pub federation: &'a FederationId,
    /// The certificates.
    pub roster: &'a Roster,
    /// The programme's organisation, and the node's.
    pub orgs: [OrgId; 2],
}

/// One kind of word: whether a statement is of it, and who may say it.
struct Asked {
    fits: fn(&Statement) -> bool,
    roles: &'static [OperatorRoles],
}

const STAFF: OperatorRoles = OperatorRoles::STAFF;

/// What a method asks for: for each word the roles of which its signer needs one.
fn asked(method: Method) -> Asked {
    let handed_out = |said: &Statement| matches!(said, Statement::HandedOut { .. });
    let (fits, roles): (fn(&Statement) -> bool, &'static [OperatorRoles]) = match method {
        Method::Pin | Method::Sight | Method::Signed => (|_| false, &[]),
        Method::Adult => (handed_out, &[STAFF]),
        Method::Override => (handed_out, &[OperatorRoles::SUPERVISOR]),
        Method::Witness => (handed_out, &[OperatorRoles::WITNESS, STAFF]),
        Method::Desk => (handed_out, &[OperatorRoles::SENIOR, STAFF]),
        Method::Voucher => {
            (|said| matches!(said, Statement::Voucher { .. }), &[OperatorRoles::SENIOR, STAFF])
        }
        Method::Collector => {
            (|said| matches!(said, Statement::Mandate { .. }), &[OperatorRoles::REGISTRAR])
        }
        Method::Attested => {
            (|said| matches!(said, Statement::Attested { .. }), &[OperatorRoles::DEVICE])
        }
    };
    Asked { fits, roles }
}

/// Whether anything must stand beside a hand-out by this method.
#[must_use]
pub fn needs_words(method: Method) -> bool {
    method == Method::Signed || !signers(method).is_empty()
}

/// The roles of which each signer needs one, for a method: a list as long as its words. None where no operator signs.
#[must_use]
pub fn signers(method: Method) -> &'static [OperatorRoles] {
    asked(method).roles
}

/// Whether a key may say something of a programme at a minute: certified by one of the organisations, in one of the roles,
/// and no node's.
#[must_use]
pub fn may(ground: &Ground<'_>, roles: OperatorRoles, word: &Stated, out: &HandOut) -> bool {
    let roster = ground.roster;
    roster.node_ever(&word.operator).next().is_none()
        && roster.operator_ever(&word.operator).any(|c| {
            ground.orgs.contains(&c.org)
                && c.roles.meets(roles)
                && c.programmes.contains(&out.feed.programme)
                && (c.issued..=c.not_after).contains(&out.at)
        })
}

/// Whether the words beside a hand-out are what its method asks for. More than that is passed over.
///
/// What lies outside the words is for the caller: whether a PIN is right, a mandate's paper cancelled, a challenge this
/// node's own, a voucher or challenge used before.
///
/// # Errors
///
/// The first [`Turned`] that applies.
pub fn check(ground: &Ground<'_>, out: &HandOut, words: &[Word]) -> Result<(), Turned> {
    if out.method == Method::Signed {
        return by_wallet(ground, out, words);
    }
    let asked = asked(out.method);
    let words: Vec<&Word> = words.iter().filter(|(said, _)| (asked.fits)(said)).collect();
    let words = words.get(..asked.roles.len()).ok_or(Turned::TooFew)?;
    if !words.iter().all(|(said, word)| said.is_by(ground.federation, word)) {
        return Err(Turned::Unsigned);
    }
    let (first, second) = (words.first(), words.get(1));
    if let (Some((_, first)), Some((_, second))) = (first, second)
        && first.operator == second.operator
    {
        return Err(Turned::OnePerson);
    }
    let all_may = |order: [usize; 2]| {
        asked.roles.iter().zip(order).all(|(roles, place)| {
            words.get(place).is_some_and(|(_, word)| may(ground, *roles, word, out))
        })
    };
    // Whoever signed first need not be who is named first.
    if !all_may([0, 1]) && !all_may([1, 0]) {
        return Err(Turned::MayNot);
    }
    let mut answers: Vec<Turned> =
        words.iter().filter_map(|(said, _)| about(said, out).err()).collect();
    answers.sort_unstable();
    answers.first().map_or(Ok(()), |turned| Err(*turned))
}

/// Whether what a wallet signed, and what a registrar's node says of its key, are good for this hand-out.
fn by_wallet(ground: &Ground<'_>, out: &HandOut, words: &[Word]) -> Result<(), Turned> {
    let holds = words.iter().find(|(said, _)| matches!(said, Statement::Holder { .. }));
    let spends = words.iter().find(|(said, _)| matches!(said, Statement::Spend(_)));
    let (Some(holds), Some(spends)) = (holds, spends) else { return Err(Turned::TooFew) };
    if ![holds, spends].iter().all(|(said, word)| said.is_by(ground.federation, word)) {
        return Err(Turned::Unsigned);
    }
    let registrar = ground.roster.node_ever(&holds.1.operator).any(|c| {
        // Any organisation may certify a registrar for any programme: those alone count that answer here.
        ground.orgs.contains(&c.org)
            && c.roles.meets(Roles::REGISTRAR)
            && c.programmes.contains(&out.feed.programme)
            && (c.issued..=c.not_after).contains(&out.at)
    });
    if !registrar {
        return Err(Turned::MayNot);
    }
    about(&holds.0, out).and(about(&spends.0, out))?;
    match holds.0 {
        Statement::Holder { key, .. } if key == spends.1.operator => Ok(()),
        _ => Err(Turned::OtherKey),
    }
}

/// Whether a statement says this of this hand-out.
fn about(said: &Statement, out: &HandOut) -> Result<(), Turned> {
    let today = DayNo::of(out.at);
    let (programme, purse) = (out.feed.programme, out.purse);
    match *said {
        Statement::HandedOut { feed, leaf, .. } => {
            let same = (feed, leaf) == (out.feed, out.leaf);
            if same { Ok(()) } else { Err(Turned::OtherEntry) }
        }
        Statement::Mandate { programme: of, purse: whose, until, .. } => {
            if (of, whose) != (programme, purse) {
                return Err(Turned::OtherHolder);
            }
            if today <= until { Ok(()) } else { Err(Turned::Ended) }
        }
        Statement::Voucher { programme: of, purse: whose, commodity, amount, until, .. } => {
            if (of, whose) != (programme, purse) {
                return Err(Turned::OtherHolder);
            }
            if today > until {
                return Err(Turned::Ended);
            }
            let enough = commodity == out.commodity && out.amount <= amount;
            if enough { Ok(()) } else { Err(Turned::TooMuch) }
        }
        Statement::Attested { programme: of, yes, on, .. } => {
            if of != programme {
                return Err(Turned::OtherHolder);
            }
            if on != today {
                return Err(Turned::Ended);
            }
            if yes { Ok(()) } else { Err(Turned::SaysNo) }
        }
        Statement::Holder { programme: of, purse: whose, until, .. } => {
            if (of, whose) != (programme, purse) {
                return Err(Turned::OtherHolder);
            }
            // The word has no day of its own: one that would count for longer than any may was not given by our program.
            let in_time = today <= until && until <= today.plus(limits::HOLDER_DAYS);
            if in_time { Ok(()) } else { Err(Turned::Ended) }
        }
        Statement::Spend(spend) => {
            if (spend.programme, spend.purse) != (programme, purse) {
                return Err(Turned::OtherHolder);
            }
            if spend.node != out.feed.node || !(1..=Spend::LAST).contains(&spend.counter) {
                return Err(Turned::OtherEntry);
            }
            if spend.on != today {
                return Err(Turned::Ended);
            }
            let enough = spend.commodity == out.commodity && out.amount <= spend.amount;
            if enough { Ok(()) } else { Err(Turned::TooMuch) }
        }
        Statement::Entry { .. }
        | Statement::TakenBack { .. }
        | Statement::Import { .. }
        | Statement::Clock { .. }
        | Statement::Consent { .. }
        | Statement::Decision { .. }
        | Statement::File { .. } => Err(Turned::OtherEntry),
    }
}
