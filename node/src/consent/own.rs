//! What a person says of a consent by her own wallet: a desk draws up what she is asked, she signs it on her own device, and
//! the desk takes her word in (spec/wallet.md, "Consents").

use annona_ledger::consent::{Grant, GrantId, People, Secret, StateWord, Way, Withdrawal};
use annona_ledger::id::{Commitment, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::DayNo;
use annona_ledger::view::View;
use annona_ledger::wire::{self, WireFault};
use serde::{Deserialize, Serialize};

use super::{Consent, ConsentFault, find, list, of_hers, say, spoken, state};
use crate::holder::desk;
use crate::node::{Node, NodeFault};
use crate::seal;
use crate::vault::{HouseholdId, Vault};

/// What a desk asks her, with the 32 random bytes of its commitment. It concerns nobody but her and the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What she would agree to.
    pub grant: Grant,
    secret: [u8; 32],
}

impl Offer {
    /// Draws up an offer, to be answered by her wallet.
    ///
    /// # Errors
    ///
    /// [`ConsentFault::Grant`] where nobody could agree to it; no randomness.
    pub fn of(grant: Grant) -> Result<Self, ConsentFault> {
        let grant = Grant { way: Way::Wallet, ..grant };
        grant.check()?;
        Ok(Self { grant, secret: seal::random()? })
    }

    /// What the ledger would have of it.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.grant.commitment(&Secret::take(&mut { self.secret }))
    }

    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::CARRYING_ENTRY_BYTES)
    }
}

/// What she says. Variants are only ever added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// She agrees to what she was offered.
    Given(Offer),
    /// She takes a consent back.
    TakenBack {
        /// In which programme.
        programme: ProgrammeId,
        /// Which.
        commitment: Commitment,
    },
}

/// Her word: what she says, signed by a key of a purse of hers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What.
    pub saying: Saying,
    /// By which key, and the signature.
    pub word: Stated,
}

impl Saying {
    /// What is signed for it.
    #[must_use]
    pub fn statement(&self) -> Statement {
        match self {
            Self::Given(offer) => Statement::Consent { commitment: offer.commitment() },
            Self::TakenBack { commitment, .. } => Statement::TakenBack { commitment: *commitment },
        }
    }

    const fn programme(&self) -> ProgrammeId {
        match self {
            Self::Given(offer) => offer.grant.programme,
            Self::TakenBack { programme, .. } => *programme,
        }
    }
}

impl Word {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::CARRYING_ENTRY_BYTES)
    }
}

/// Makes sure that a word is hers, and may be taken here: by a key this desk gave to a purse of this household, whose
/// carrier is bound to her and not cancelled. Gives the record it is about. Writes nothing.
///
/// # Errors
///
/// [`ConsentFault::NotHers`], with why; what stands against the consent itself.
pub fn would_take(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
    own: &Word,
) -> Result<Consent, ConsentFault> {
    let programme = own.saying.programme();
    let federation = node.federation()?;
    let kept = desk::kept(vault, household, programme)?;
    let kept = kept.ok_or(ConsentFault::NotHers("it has no wallet here"))?;
    if !desk::is_hers(&kept, &own.word) {
        return Err(ConsentFault::NotHers("no purse of its wallet has the key that signed it"));
    }
    if !own.saying.statement().is_by(&federation, &own.word) {
        return Err(ConsentFault::NotHers("what it says is not what was signed"));
    }
    let carrier = kept.carrier(programme);
    let pseudonym = vault.pseudonym(household, programme.0, &federation.0.0)?;
    let work = node.store().look().map_err(NodeFault::from)?;
    let bound = work.carrier(programme, &carrier).iter().any(|one| one.0 == pseudonym);
    let counts = bound && !work.cancelled(programme, &carrier);
    work.check().map_err(NodeFault::from)?;
    if !counts {
        return Err(ConsentFault::NotHers("its wallet was cancelled, or was never bound"));
    }
    match &own.saying {
        Saying::TakenBack { commitment, .. } => {
            let hers = list(vault, household)?.into_iter();
            let of =
                |one: &Consent| one.commitment() == *commitment && one.grant.programme == programme;
            hers.into_iter().find(of).ok_or(ConsentFault::Unknown)
        }
        Saying::Given(offer) => {
            let grant = offer.grant;
            grant.check()?;
            if grant.way != Way::Wallet || Some(grant.controller) != node.org() {
                return Err(ConsentFault::NotHers("it is not what this desk could have offered"));
            }
            of_hers(node, vault, household, &grant)?;
            if let Some(known) = find(vault, &grant.id)? {
                let same =
                    known.household == household && known.grant == grant && known.word == own.word;
                return if same { Ok(known) } else { Err(ConsentFault::Answered) };
            }
            let secret = Secret::take(&mut { offer.secret });
            let answered = StateWord::Given;
            Ok(Consent {
                household,
                grant,
                secret,
                word: own.word,
                answered,
                carrier: Some(carrier),
            })
        }
    }
}

/// Takes her word in: what she agreed to is kept and said on the ledger, or what she takes back is. No operator signs.
/// Taken in again it changes nothing. Says how the consent then stands.
///
/// # Errors
///
/// As [`would_take`]; [`ConsentFault::Refused`] where the ledger's rules refuse the entry.
pub fn take(
    node: &mut Node,
    vault: &mut Vault,
    household: HouseholdId,
    own: &Word,
    today: DayNo,
) -> Result<(GrantId, StateWord), ConsentFault> {
    let consent = would_take(node, vault, household, own)?;
    match &own.saying {
        Saying::Given(_) => {
            if find(vault, &consent.grant.id)?.is_none() {
                consent.keep(vault)?;
            }
            spoken(node, &consent, None)?;
        }
        Saying::TakenBack { programme, commitment } => {
            let stands = state(node, &consent, today)?;
            if !matches!(stands, StateWord::Withdrawn | StateWord::Invalidated) {
                let (commitment, reason) = (*commitment, Withdrawal::Asked);
                say(node, *programme, None, |on| People::ConsentWithdrawn {
                    commitment,
                    reason,
                    on,
                })?;
            }
        }
    }
    Ok((consent.grant.id, state(node, &consent, today)?))
}
