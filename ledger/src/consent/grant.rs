//! What a consent says, and what a disclosure was: records that lie sealed in a vault, and what the ledger has of them.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::words::{Attributes, Basis, Purpose};
use crate::hash::{self, Hash, keyed};
use crate::id::{Commitment, OrgId, ProgrammeId, Pseudonym};
use crate::key::PublicKey;
use crate::limits;
use crate::notice::Roles;
use crate::time::DayNo;
use crate::wire;

/// A consent's own number, on the slip its giver takes home. Random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GrantId(pub [u8; 16]);

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The 32 random bytes beside a record, without which its commitment says nothing. Not copied, not printed, wiped.
#[derive(Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes over 32 random bytes and wipes the caller's copy.
    #[must_use]
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let secret = Self(*bytes);
        bytes.zeroize();
        secret
    }

    /// The bytes, for sealing them beside their record.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Who may have what a consent gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Recipient {
    /// Any certified node of an organisation.
    Organisation(OrgId),
    /// A node of an organisation with one of these roles. [A role of no organisation was refused: whoever joins later
    /// would be in.]
    Role {
        /// The organisation.
        org: OrgId,
        /// One of these.
        roles: Roles,
    },
}

/// How a consent was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Way {
    /// In words, to an operator who signed that she heard it.
    Spoken,
    /// On paper, which the organisation keeps.
    Paper,
    /// In words, to an operator and a witness of the person's own choice.
    Witnessed,
    /// By her guardian.
    Guardian,
    /// By her own wallet's key: no operator signs.
    Wallet,
}

/// Who speaks for somebody who cannot consent for herself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Guardian {
    /// Mother or father.
    Parent,
    /// Named by a court or an authority.
    Legal,
    /// Who looks after her, without papers.
    Caregiver,
}

/// A language tag (BCP 47), at most eight letters, digits and hyphens; zeros behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Language([u8; 8]);

impl Language {
    /// The one of a tag. `None` for what is no tag of at most eight letters, digits and hyphens.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        let tag = tag.as_bytes();
        let good = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        if !(2..=8).contains(&tag.len()) || !tag.iter().all(good) {
            return None;
        }
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(tag).for_each(|(to, from)| *to = *from);
        Some(Self(bytes))
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> String {
        self.0.iter().take_while(|b| **b != 0).map(|b| char::from(*b)).collect()
    }

    fn is_good(&self) -> bool {
        Self::of(&self.tag()) == Some(*self)
    }
}

/// The notice that was read out or shown before the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoticeShown {
    /// Its text, by its hash as a file.
    pub text: Hash,
    /// Its version.
    pub version: u16,
    /// The language it was in.
    pub language: Language,
}

/// A consent, as the person gave it. It never changes: another takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Its own number.
    pub id: GrantId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Whose data, in that programme.
    pub pseudonym: Pseudonym,
    /// The organisation that keeps the data and answers for it.
    pub controller: OrgId,
    /// Who may have it.
    pub recipient: Recipient,
    /// What for.
    pub purpose: Purpose,
    /// Which attributes.
    pub attributes: Attributes,
    /// On what ground.
    pub basis: Basis,
    /// The first day on which it counts.
    pub not_before: DayNo,
    /// The last.
    pub expires: DayNo,
    /// How often attributes may be opened under it.
    pub uses: u32,
    /// How it was given.
    pub way: Way,
    /// After which notice.
    pub notice: NoticeShown,
    /// A witness, by her own key.
    pub witness: Option<PublicKey>,
    /// Who spoke for the person.
    pub guardian: Option<Guardian>,
    /// The consent this one takes the place of.
    pub renews: Option<Commitment>,
}

/// Why a record is no consent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GrantFault {
    /// It would count for no day, or for more than twelve months.
    #[error("a consent counts for at least one day and at most {} days", limits::CONSENT_DAYS)]
    Days,
    /// It names no attribute, or one that is not known.
    #[error("a consent names at least one attribute, and only those of the list")]
    Attributes,
    /// It may never be used.
    #[error("a consent that may never be used is none")]
    Uses,
    /// The language is no tag.
    #[error("the language of the notice is no language tag")]
    Language,
    /// How it was given and who was there do not fit.
    #[error("given before a witness it names her, and given by a guardian it says which")]
    Way,
    /// The bytes are no consent.
    #[error("these bytes are no consent")]
    Malformed,
}

impl Grant {
    /// Whether it says something that can be consented to.
    ///
    /// # Errors
    ///
    /// The first [`GrantFault`] that applies.
    pub fn check(&self) -> Result<(), GrantFault> {
        let days = self.expires.0.checked_sub(self.not_before.0).ok_or(GrantFault::Days)?;
        if days >= limits::CONSENT_DAYS {
            return Err(GrantFault::Days);
        }
        if !self.attributes.is_named() {
            return Err(GrantFault::Attributes);
        }
        if self.uses == 0 {
            return Err(GrantFault::Uses);
        }
        if !self.notice.language.is_good() {
            return Err(GrantFault::Language);
        }
        let witnessed = matches!(self.way, Way::Witnessed) == self.witness.is_some();
        let guarded = matches!(self.way, Way::Guardian) == self.guardian.is_some();
        if witnessed && guarded { Ok(()) } else { Err(GrantFault::Way) }
    }

    /// Its one spelling in bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads it back.
    ///
    /// # Errors
    ///
    /// [`GrantFault::Malformed`] for bytes that are none, and what [`Grant::check`] finds.
    pub fn decode(bytes: &[u8]) -> Result<Self, GrantFault> {
        let grant: Self =
            wire::decode(bytes, limits::GRANT_BYTES).map_err(|_| GrantFault::Malformed)?;
        grant.check().map(|()| grant)
    }

    /// What the ledger has of it: `H_key(commitment, "consent" ‖ 0 ‖ record)` under the 32 random bytes kept beside it.
    #[must_use]
    pub fn commitment(&self, secret: &Secret) -> Commitment {
        commit(secret, b"consent", &self.encode())
    }
}

/// What was opened for whom: the record its person can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disclosure {
    /// The consent it rests on.
    pub grant: GrantId,
    /// Whose data.
    pub pseudonym: Pseudonym,
    /// The organisation that got it.
    pub recipient: OrgId,
    /// Its node.
    pub node: [u8; 8],
    /// What for.
    pub purpose: Purpose,
    /// Which attributes.
    pub attributes: Attributes,
    /// The day.
    pub on: DayNo,
}

impl Disclosure {
    /// Its one spelling in bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads it back.
    ///
    /// # Errors
    ///
    /// [`GrantFault::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, GrantFault> {
        wire::decode(bytes, limits::GRANT_BYTES).map_err(|_| GrantFault::Malformed)
    }

    /// What the ledger has of it: `H_key(commitment, "disclosure" ‖ 0 ‖ record)`.
    #[must_use]
    pub fn commitment(&self, secret: &Secret) -> Commitment {
        commit(secret, b"disclosure", &self.encode())
    }
}

/// What an `Erased` says of somebody in one programme: `H_key(commitment, "erased" ‖ 0 ‖ programme)` under 32 random bytes
/// that lie beside her data keys and go with them. By programme, so that two programmes' erasures do not join.
#[must_use]
pub fn erasure_commitment(secret: &Secret, programme: ProgrammeId) -> Commitment {
    commit(secret, b"erased", &programme.0.to_be_bytes())
}

/// What the ledger has of a record of another kind, such as a complaint: `H_key(commitment, "record" ‖ 0 ‖ bytes)`.
#[must_use]
pub fn random_commitment(secret: &Secret, record: &[u8]) -> Commitment {
    commit(secret, b"record", record)
}

fn commit(secret: &Secret, kind: &[u8], bytes: &[u8]) -> Commitment {
    Commitment(keyed(hash::Purpose::Commitment, secret.expose(), &[kind, &[0], bytes]))
}
