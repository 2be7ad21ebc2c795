//! Cards and credentials that strangers can check: made here, and checked here against a trust list (spec/cards.md,
//! spec/credentials.md).
//!
//! ```text
//! text of a QR ─ Base45 ─ zlib ─ COSE_Sign1 ─ CWT ─ claim 169        a printed card
//! bits ─ zlib ─ CWT or JWT                                            which cards are revoked
//! JSON ─ SD-JWT, eddsa-jcs-2022                                       what one organisation shows another
//! ```
//!
//! There is no way to check anything without a [`TrustList`].

pub mod card;
mod cbor;
mod cose;
pub mod integrity;
pub mod json;
pub mod jws;
mod pack;
pub mod png;
#[cfg(test)]
mod published;
pub mod qr;
pub mod register;
pub mod sd_jwt;
pub mod sheet;
pub mod status;
pub mod trust;
#[cfg(test)]
mod vectors;
pub mod when;

use annona_ledger::key::PublicKey;
use serde_json::{Map, Value};

pub use card::{Against, Card, Checked, OnStale};
pub use status::{StatusList, Statuses};
pub use trust::{Issuer, TrustList};
use when::Seconds;

/// Why a card or credential is not honoured, in order of precedence: the first that applies is given.
///
/// Numbers are those of spec/cards.md, "Checking", and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not written as any card or credential is.
    #[error("unreadable: {0}")]
    Unreadable(&'static str),
    /// It is something, and no card or credential of a kind that is read here.
    #[error("not ours: {0}")]
    NotOurs(&'static str),
    /// It holds an attribute that no card may have, such as a photograph or a fingerprint.
    #[error("forbidden: it holds attribute {0}, which no card may have")]
    Forbidden(u64),
    /// No issuer on the trust list made it.
    #[error("issuer unknown: nobody on the trust list made it")]
    IssuerUnknown,
    /// It names an issuer who did not make it so.
    #[error("not authentic: {0}")]
    NotAuthentic(&'static str),
    /// It does not hold yet.
    #[error("not yet valid: it begins at {0}")]
    NotYet(Seconds),
    /// It no longer holds.
    #[error("expired: it ended at {0}")]
    Expired(Seconds),
    /// Its issuer took it back.
    #[error("revoked: its issuer took it back")]
    Revoked,
    /// Whether it was taken back is not known, or was long ago.
    #[error("stale: {0}")]
    Stale(&'static str),
    /// It was shown to somebody else, or in answer to another question.
    #[error("not for us: {0}")]
    NotForUs(&'static str),
    /// Whoever shows it made it.
    #[error("self-issued: whoever it is bound to signed it, and is nobody on the trust list")]
    SelfIssued,
}

impl Refusal {
    /// Its number in spec/cards.md.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Unreadable(_) => 1,
            Self::NotOurs(_) => 2,
            Self::Forbidden(_) => 3,
            Self::IssuerUnknown => 4,
            Self::NotAuthentic(_) => 5,
            Self::NotYet(_) => 6,
            Self::Expired(_) => 7,
            Self::Revoked => 8,
            Self::Stale(_) => 9,
            Self::NotForUs(_) => 10,
            Self::SelfIssued => 11,
        }
    }

    /// Its name in spec/cards.md: for `--json` and figures.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotOurs(_) => "not ours",
            Self::Forbidden(_) => "forbidden",
            Self::IssuerUnknown => "issuer unknown",
            Self::NotAuthentic(_) => "not authentic",
            Self::NotYet(_) => "not yet",
            Self::Expired(_) => "expired",
            Self::Revoked => "revoked",
            Self::Stale(_) => "stale",
            Self::NotForUs(_) => "not for us",
            Self::SelfIssued => "self-issued",
        }
    }
}

/// A credential that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Everything that was shown, and what always is.
    pub claims: Map<String, Value>,
    /// Who issued it.
    pub issuer: Issuer,
    /// The key of whom it is bound to, who has shown to hold it. `None` where it is bound to nobody.
    pub holder: Option<PublicKey>,
    /// Of when what is known of its status is.
    pub as_of: Option<Seconds>,
    /// Whether its status is unknown or too old.
    pub stale: bool,
}

/// Why a card or credential could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// A text that does not belong on a card.
    #[error("{0}")]
    Text(&'static str),
    /// More than the form holds.
    #[error("the card is too long to print: leave the name off it")]
    TooLong,
}
