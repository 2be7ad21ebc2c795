//! Token Status List: the signed forms of a list, CWT here and JWT (draft-ietf-oauth-status-list-21).

use annona_ledger::key::SigningKey;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::{About, MAX_LIST, MAX_URI, Signed, StatusList};
use crate::credential::cbor::{Item, Out};
use crate::credential::cose::{self, Sign1};
use crate::credential::json as limits;
use crate::credential::jws::{self, Jws};
use crate::credential::trust::TrustList;
use crate::credential::when::Seconds;
use crate::credential::{Refusal, pack};

/// The longest signed list that is read, in bytes.
pub const MAX_SIGNED: usize = MAX_LIST + MAX_LIST / 2;

const TYPE: &str = "application/statuslist+cwt";
const JWT_TYPE: &str = "statuslist+jwt";
/// How far ahead of this clock a list may have been issued, in seconds.
const AHEAD: u64 = 24 * 60 * 60;
const SUB: i64 = 2;
const EXP: i64 = 4;
const IAT: i64 = 6;
/// Claim numbers that the draft asks for.
const STATUS_LIST: i64 = 65_533;
const TTL: i64 = 65_534;

/// A list as CWT, signed.
#[must_use]
pub fn to_cwt(about: &About, list: &StatusList, key: &SigningKey) -> Vec<u8> {
    let number = |n: u64| Out::Number(i64::try_from(n).unwrap_or(i64::MAX));
    let packed = pack::zlib(list.bytes());
    let entries = vec![
        (Out::Text("bits"), Out::Number(i64::from(list.bits()))),
        (Out::Text("lst"), Out::Bytes(&packed)),
    ];
    let mut claims = vec![
        (Out::Number(SUB), Out::Text(&about.uri)),
        (Out::Number(IAT), number(about.issued.0)),
        (Out::Number(STATUS_LIST), Out::Map(entries)),
    ];
    claims.extend(about.ttl.map(|ttl| (Out::Number(TTL), number(ttl))));
    claims.extend(about.expires.map(|exp| (Out::Number(EXP), number(exp.0))));
    cose::sign(key, Some(TYPE), &Out::Map(claims).encode())
}

/// A list as JWT, signed.
#[must_use]
pub fn to_jwt(about: &About, list: &StatusList, key: &SigningKey) -> String {
    let packed = Base64UrlUnpadded::encode_string(&pack::zlib(list.bytes()));
    let mut claims = json!({
        "iss": jws::did(&key.public()),
        "sub": about.uri,
        "iat": about.issued.0,
        "status_list": { "bits": list.bits(), "lst": packed },
    });
    for (name, value) in [("ttl", about.ttl), ("exp", about.expires.map(|exp| exp.0))] {
        if let (Some(value), Some(claims)) = (value, claims.as_object_mut()) {
            claims.insert(name.to_owned(), value.into());
        }
    }
    jws::sign(key, JWT_TYPE, &claims)
}

/// Reads a signed list of any form: CWT, JWT, or a bitstring of W3C.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub fn read(bytes: &[u8], trust: &TrustList, now: Seconds) -> Result<Signed, Refusal> {
    if bytes.len() > MAX_SIGNED {
        return Err(Refusal::Unreadable("longer than any status list"));
    }
    // A JWT begins with the letters of `{"`; CBOR that begins so is a text, and no COSE.
    let signed = match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with("ey") => from_jwt(text.trim_end(), trust)?,
        Ok(text) if text.starts_with('{') => {
            let signed = super::bitstring::read(bytes, trust)?;
            Signed { about: fits(signed.about)?, ..signed }
        }
        _ => from_cwt(bytes, trust)?,
    };
    // A list of tomorrow would be fresh for longer than it should. A clock may be a day wrong.
    if signed.about.issued > now.plus(AHEAD) {
        return Err(Refusal::NotYet(signed.about.issued));
    }
    Ok(signed)
}

fn from_cwt(bytes: &[u8], trust: &TrustList) -> Result<Signed, Refusal> {
    let message = Sign1::read(bytes)?;
    if message.typ.as_deref() != Some(TYPE) {
        return Err(Refusal::NotOurs("no status list"));
    }
    let candidates = trust.candidates(message.kid.as_deref());
    let issuer = candidates.iter().find(|issuer| message.verifies(&issuer.key));
    let issuer = issuer.ok_or(match (&message.kid, candidates.is_empty()) {
        (Some(_), false) => Refusal::NotAuthentic("the signature is not its issuer's"),
        _ => Refusal::IssuerUnknown,
    })?;
    let wrong = Refusal::NotOurs("no status list");
    let claims = Item::read(message.payload).ok_or(wrong)?;
    let number = |claim| match claims.at(claim) {
        None => Ok(None),
        Some(item) => item.as_u64().map(Some).ok_or(wrong),
    };
    let about = About {
        uri: claims.at(SUB).and_then(Item::as_text).ok_or(wrong)?.to_owned(),
        issued: Seconds(number(IAT)?.ok_or(wrong)?),
        ttl: number(TTL)?,
        expires: number(EXP)?.map(Seconds),
    };
    let entries = claims.at(STATUS_LIST).ok_or(wrong)?;
    let bits = entries.named("bits").and_then(Item::as_u64).ok_or(wrong)?;
    let packed = entries.named("lst").and_then(Item::as_bytes).ok_or(wrong)?;
    Ok(Signed { issuer: issuer.key, about: fits(about)?, list: unpack(bits, packed)? })
}

fn from_jwt(text: &str, trust: &TrustList) -> Result<Signed, Refusal> {
    let token = Jws::read(text, limits::MAX_LIST)?;
    if token.typ() != Some(JWT_TYPE) {
        return Err(Refusal::NotOurs("no status list"));
    }
    let key = token.signer(trust)?.key;
    let wrong = Refusal::NotOurs("no status list");
    let claims = &token.claims;
    let number = |claim: &str| match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(wrong),
    };
    let about = About {
        uri: claims.get("sub").and_then(Value::as_str).ok_or(wrong)?.to_owned(),
        issued: Seconds(number("iat")?.ok_or(wrong)?),
        ttl: number("ttl")?,
        expires: number("exp")?.map(Seconds),
    };
    let entries = claims.get("status_list").ok_or(wrong)?;
    let bits = entries.get("bits").and_then(Value::as_u64).ok_or(wrong)?;
    let packed = entries.get("lst").and_then(Value::as_str).ok_or(wrong)?;
    let packed = jws::unbase64(packed).ok_or(Refusal::Unreadable("no base64url"))?;
    Ok(Signed { issuer: key, about: fits(about)?, list: unpack(bits, &packed)? })
}

fn fits(about: About) -> Result<About, Refusal> {
    if about.uri.len() > MAX_URI {
        return Err(Refusal::Unreadable("the name of the list is too long"));
    }
    Ok(about)
}

fn unpack(bits: u64, packed: &[u8]) -> Result<StatusList, Refusal> {
    let bits = u8::try_from(bits).map_err(|_| Refusal::NotOurs("no status list"))?;
    let bytes = pack::unzlib(packed, MAX_LIST)
        .ok_or(Refusal::Unreadable("no zlib, or more than a list has"))?;
    StatusList::of(bits, bytes).ok_or(Refusal::NotOurs("no status list"))
}
