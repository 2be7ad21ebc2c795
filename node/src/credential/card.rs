//! A printed card: Claim 169 in a CWT in COSE_Sign1, packed, in the letters of a QR code (spec/cards.md).

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::CarrierId;
use annona_ledger::key::SigningKey;
use base64ct::{Base64UrlUnpadded, Encoding};
use unicode_normalization::is_nfc;

use super::cbor::{Item, Out};
use super::cose::{self, Sign1};
use super::status::{self, Statuses};
use super::trust::{Issuer, TrustList};
use super::when::Seconds;
use super::{NotMade, Refusal, pack};
use crate::person::forbidden;

/// The most characters of a card: what the largest QR code holds in its lowest level.
pub const MAX_TEXT: usize = 4296;
/// The most characters a card of ours may have, so that a simple phone reads it: QR version 13, level M.
pub const MAX_PRINTED: usize = 483;
/// The longest name on a card, in bytes.
pub const MAX_NAME: usize = 60;
/// The most bytes of a card as it is unpacked.
const MAX_INFLATED: usize = 8192;
/// The longest text a foreign card may hold.
const MAX_FOREIGN_TEXT: usize = 512;

const ISS: i64 = 1;
const EXP: i64 = 4;
const NBF: i64 = 5;
const CLAIM_169: i64 = 169;
/// Attributes of claim 169.
const ID: i64 = 1;
const LANGUAGE: i64 = 3;
const NAME: i64 = 4;

/// What stands on a card. It finds a holder and authenticates nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// Attribute 1: with us, the holder's pseudonym in the card's programme.
    pub id: String,
    /// Attribute 3: the language to speak with the holder, ISO 639.
    pub language: Option<String>,
    /// Attribute 4: what the holder is called, where the holder wants that on paper.
    pub name: Option<String>,
    /// Until when it holds, that second included.
    pub expires: Seconds,
    /// From when it holds, where it says so; ours do not.
    pub begins: Option<Seconds>,
    /// What the issuer of a card of others calls itself.
    pub issuer: Option<String>,
    /// Where to look whether it was revoked.
    pub status: Option<StatusRef>,
}

/// A name on a card is for the screen of the person at the counter, and not for logs.
impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// An entry of a status list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRef {
    /// The name of the list.
    pub uri: String,
    /// Which entry.
    pub index: u32,
}

impl Card {
    /// A card of ours. `id` is the holder's pseudonym.
    #[must_use]
    pub fn ours(id: &[u8; 16], expires: Seconds, status: StatusRef) -> Self {
        Self {
            id: Base64UrlUnpadded::encode_string(id),
            language: None,
            name: None,
            expires,
            begins: None,
            issuer: None,
            status: Some(status),
        }
    }

    /// The pseudonym, where this card has the form of ours.
    #[must_use]
    pub fn pseudonym(&self) -> Option<[u8; 16]> {
        let mut id = [0; 16];
        let read = Base64UrlUnpadded::decode(&self.id, &mut id).ok()?;
        (read.len() == 16).then_some(id)
    }

    /// The programme, where this card has the form of ours: its status list says it.
    #[must_use]
    pub fn programme(&self) -> Option<u16> {
        status::ListName::parse(&self.status.as_ref()?.uri).map(|list| list.programme)
    }

    /// The text to print. The same card is always the same text.
    ///
    /// # Errors
    ///
    /// [`NotMade`] for a text that does not belong on a card, or a card that is too long.
    pub fn print(&self, key: &SigningKey) -> Result<Printed, NotMade> {
        self.check()?;
        let mut holder = vec![(Out::Number(ID), Out::Text(&self.id))];
        let optional = [(LANGUAGE, &self.language), (NAME, &self.name)];
        for (attribute, text) in optional {
            holder.extend(text.as_ref().map(|text| (Out::Number(attribute), Out::Text(text))));
        }
        let number = |n: u64| Out::Number(i64::try_from(n).unwrap_or(i64::MAX));
        let mut claims = vec![
            (Out::Number(EXP), number(self.expires.0)),
            (Out::Number(CLAIM_169), Out::Map(holder)),
        ];
        if let Some(StatusRef { uri, index }) = &self.status {
            let place = vec![
                (Out::Text("idx"), Out::Number(i64::from(*index))),
                (Out::Text("uri"), Out::Text(uri)),
            ];
            let status = Out::Map(vec![(Out::Text("status_list"), Out::Map(place))]);
            claims.push((Out::Number(status::STATUS), status));
        }
        let signed = cose::sign(key, None, &Out::Map(claims).encode());
        let text = base45::encode(pack::zlib(&signed));
        if text.len() > MAX_PRINTED {
            return Err(NotMade::TooLong);
        }
        let mut signature = [0; 64];
        signature.copy_from_slice(&signed[signed.len() - 64..]);
        Ok(Printed { text, carrier: carrier(&signature) })
    }

    /// Whether all that stands on it belongs on a card: asked before an old one is taken back for its sake.
    ///
    /// # Errors
    ///
    /// [`NotMade`] for a text that does not.
    pub fn check(&self) -> Result<(), NotMade> {
        let language = |l: &String| {
            matches!(l.len(), 2 | 3) && l.bytes().all(|letter| letter.is_ascii_lowercase())
        };
        if !self.language.as_ref().is_none_or(language) {
            return Err(NotMade::Text("a language is two or three small letters, as in \"ar\""));
        }
        if let Some(name) = &self.name {
            if name.trim().is_empty() || !is_nfc(name) || name.chars().any(char::is_control) {
                return Err(NotMade::Text("the name is empty, or not as names are kept"));
            }
            if forbidden(name).is_some() {
                return Err(NotMade::Text("the name looks like an image or a template"));
            }
            if name.len() > MAX_NAME {
                return Err(NotMade::Text("the name is longer than a card holds: shorten it"));
            }
        }
        if self.pseudonym().is_none() || self.programme().is_none() {
            return Err(NotMade::Text("a card needs a pseudonym and a place in a status list"));
        }
        Ok(())
    }
}

/// A card as it goes on paper.
#[derive(Clone, PartialEq, Eq)]
pub struct Printed {
    /// The text of its code: letters of Base45 only.
    pub text: String,
    /// What it is called on the ledger.
    pub carrier: CarrierId,
}

/// What a card is called on the ledger: known to whoever holds the card, and telling nothing to whoever does not.
fn carrier(signature: &[u8; 64]) -> CarrierId {
    let Hash(hash) = hash(Purpose::Lookup, &[b"printed card", signature]);
    let mut carrier = [0; 16];
    carrier.copy_from_slice(&hash[..16]);
    CarrierId(carrier)
}

/// What happens where nobody knows whether a card was revoked since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStale {
    /// Honour it and say so: food.
    Allow,
    /// Refuse it: what goes to another organisation.
    Refuse,
}

/// What a card is checked against.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// Who is believed.
    pub trust: &'a TrustList,
    /// What was revoked, as far as is known.
    pub statuses: &'a Statuses,
    /// The time.
    pub now: Seconds,
    /// What to do where nobody knows.
    pub stale: OnStale,
}

/// A card that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The card.
    pub card: Card,
    /// Who issued it.
    pub issuer: Issuer,
    /// What it is called on the ledger.
    pub carrier: CarrierId,
    /// Of when what is known of its status is; `None` where nothing is known.
    pub as_of: Option<Seconds>,
    /// Whether its status is unknown or too old: to be shown and counted.
    pub stale: bool,
}

/// Checks the text of a code.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub fn check(text: &str, against: &Against<'_>) -> Result<Checked, Refusal> {
    let bytes = unpack(text)?;
    let message = Sign1::read(&bytes)?;
    let card = read_claims(message.payload)?;
    let issuer = issuer(&message, &card, against.trust)?;
    if let Some(begins) = card.begins.filter(|begins| *begins > against.now) {
        return Err(Refusal::NotYet(begins));
    }
    let ends = card.expires.min(issuer.until);
    if against.now > ends {
        return Err(Refusal::Expired(ends));
    }
    let (as_of, fresh) = status::known(against, issuer, card.status.as_ref())?;
    let carrier = carrier(&message.signature);
    Ok(Checked { card, issuer: issuer.clone(), carrier, as_of, stale: !fresh })
}

fn unpack(text: &str) -> Result<Vec<u8>, Refusal> {
    if text.len() > MAX_TEXT {
        return Err(Refusal::Unreadable("longer than any code"));
    }
    let packed = base45::decode(text).map_err(|_| Refusal::Unreadable("no Base45"))?;
    // Two letters at the end stand for one byte, and may spell more.
    if base45::encode(&packed) != text {
        return Err(Refusal::Unreadable("no Base45"));
    }
    pack::unzlib(&packed, MAX_INFLATED)
        .ok_or(Refusal::Unreadable("no zlib, or more than a card has"))
}

fn read_claims(payload: &[u8]) -> Result<Card, Refusal> {
    let claims = Item::read(payload).ok_or(Refusal::Unreadable("its claims are no CBOR"))?;
    let Some(Item::Map(holder)) = claims.at(CLAIM_169) else {
        return Err(Refusal::NotOurs("no claim 169"));
    };
    // Before anything else is looked at: nothing of a photograph or a template is read any further.
    for (attribute, value) in holder {
        let Item::Number(attribute) = attribute else {
            return Err(Refusal::NotOurs("an attribute without a number"));
        };
        let fits = match value {
            Item::Text(text) => text.len() <= MAX_FOREIGN_TEXT && forbidden(text).is_none(),
            Item::Number(_) => true,
            _ => false,
        };
        if !fits || !matches!(attribute, 1..=12 | 14 | 15 | 19 | 20 | 23) {
            return Err(Refusal::Forbidden(attribute.unsigned_abs()));
        }
    }
    let holder = Item::Map(holder.clone());
    let text = |attribute| holder.at(attribute).and_then(Item::as_text).map(str::to_owned);
    let time = |claim| match claims.at(claim) {
        None => Ok(None),
        Some(item) => {
            let seconds = item.as_u64().ok_or(Refusal::NotOurs("a time that is none"))?;
            Ok(Some(Seconds(seconds)))
        }
    };
    Ok(Card {
        id: text(ID).ok_or(Refusal::NotOurs("a card of nobody"))?,
        language: text(LANGUAGE),
        name: text(NAME),
        expires: time(EXP)?.ok_or(Refusal::NotOurs("a card without an end"))?,
        begins: time(NBF)?,
        issuer: claims.at(ISS).and_then(Item::as_text).map(str::to_owned),
        status: claims.at(status::STATUS).map(status::reference).transpose()?,
    })
}

/// Who of the trust list signed it, and may have.
fn issuer<'t>(
    message: &Sign1<'_>,
    card: &Card,
    trust: &'t TrustList,
) -> Result<&'t Issuer, Refusal> {
    let candidates = trust.candidates(message.kid.as_deref());
    if candidates.is_empty() {
        return Err(Refusal::IssuerUnknown);
    }
    let Some(signer) = candidates.iter().find(|issuer| message.verifies(&issuer.key)) else {
        return Err(match message.kid {
            Some(_) => Refusal::NotAuthentic("the signature is not its issuer's"),
            None => Refusal::IssuerUnknown,
        });
    };
    let programme = card.programme();
    let mut of_key = trust.of_key(&signer.key);
    let may = of_key.find(|issuer| issuer.programme.is_none() || issuer.programme == programme);
    let issuer = may.ok_or(Refusal::NotAuthentic("its issuer may not issue for this programme"))?;
    if issuer.programme.is_some() && card.expires > issuer.until {
        return Err(Refusal::NotAuthentic("it outlives its issuer's certificate"));
    }
    Ok(issuer)
}

#[cfg(test)]
mod tests;
