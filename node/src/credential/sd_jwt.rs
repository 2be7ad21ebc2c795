//! SD-JWT VC (RFC 9901): what one organisation shows another of a holder, attribute by attribute.
//!
//! ```text
//! token ~ disclosure ~ disclosure ~ key binding
//!         ["salt", "name", value]   aud, nonce, iat, hash of everything before it
//! ```

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::key::{PublicKey, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::card::{Against, StatusRef};
use super::jws::{self, Jws};
use super::when::Seconds;
use super::{NotMade, Refusal, Shown, json as strict, status};
use crate::seal::{SealError, random};

/// The type of what is issued here.
pub const HOLDER: &str = "annona:holder:1";
/// The most attributes of one credential, decoys not counted.
pub const MAX_DISCLOSURES: usize = 256;
/// How old a key binding may be, in seconds, where nobody noted when it was asked for.
pub const MAX_AGE: u64 = 10 * 60;
/// How far ahead of this clock it may be, in seconds.
pub const MAX_AHEAD: u64 = 5 * 60;

const TYPE: &str = "dc+sd-jwt";
const BINDING: &str = "kb+jwt";
/// Names a disclosure may not have: they would say what is disclosed, or for how long.
const NEVER_HIDDEN: [&str; 8] = ["iss", "nbf", "exp", "cnf", "vct", "status", "_sd", "..."];

/// Why none was issued.
#[derive(Debug, thiserror::Error)]
pub enum NotIssued {
    /// What it should hold is not what one can hold.
    #[error(transparent)]
    Content(#[from] NotMade),
    /// There was no randomness for its salts.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What is issued, beside the attributes.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The holder's key: whoever shows an SD-JWT proves to have it; of a W3C document it is the subject.
    pub holder: Option<PublicKey>,
    /// From when.
    pub issued: Seconds,
    /// Until when.
    pub expires: Seconds,
    /// Where to look whether it was revoked.
    pub status: StatusRef,
}

/// Issues a credential that can show each of these attributes by itself.
///
/// # Errors
///
/// [`NotIssued`].
pub fn issue(
    attributes: &[(&str, Value)],
    terms: &Terms,
    key: &SigningKey,
) -> Result<String, NotIssued> {
    let mut names = BTreeSet::new();
    let fits = |name: &&str| {
        !name.is_empty() && !NEVER_HIDDEN.contains(name) && names.insert((*name).to_owned())
    };
    if attributes.len() > MAX_DISCLOSURES || !attributes.iter().map(|(name, _)| name).all(fits) {
        return Err(NotMade::Text("an attribute twice, or one that cannot be hidden").into());
    }
    let holder = terms.holder.ok_or(NotMade::Text("an SD-JWT is bound to somebody's key"))?;
    let mut disclosures = Vec::new();
    for (name, value) in attributes {
        let salt: [u8; 16] = random()?;
        let disclosure = json!([jws::base64(&salt), name, value]).to_string();
        disclosures.push(jws::base64(disclosure.as_bytes()));
    }
    // In the order of the digests, which says nothing of the order of the attributes.
    let digests: BTreeSet<String> = disclosures.iter().map(|d| digest(d)).collect();
    let StatusRef { uri, index } = &terms.status;
    let claims = json!({
        "iss": jws::did(&key.public()),
        "iat": terms.issued.0,
        "exp": terms.expires.0,
        "vct": HOLDER,
        "cnf": { "jwk": jws::jwk(&holder) },
        "status": { "status_list": { "idx": index, "uri": uri } },
        "_sd_alg": "sha-256",
        "_sd": digests.into_iter().collect::<Vec<_>>(),
    });
    let mut text = jws::sign(key, TYPE, &claims);
    text.push('~');
    for disclosure in disclosures {
        text.push_str(&disclosure);
        text.push('~');
    }
    Ok(text)
}

/// Shows some attributes of a credential to one audience, in answer to its nonce. `None` where the credential has not all
/// of these, or is not one of ours.
#[must_use]
pub fn present(
    issued: &str,
    shown: &[&str],
    holder: &SigningKey,
    (audience, nonce): (&str, &str),
    now: Seconds,
) -> Option<String> {
    let parts = Parts::split(issued).ok()?;
    if parts.binding.is_some() {
        return None;
    }
    let mut text = format!("{}~", parts.token);
    let mut found = 0;
    for disclosure in parts.disclosures {
        let content = strict::read(&jws::unbase64(disclosure)?)?;
        let name = content.get(1)?.as_str()?;
        if shown.contains(&name) {
            found += 1;
            text.push_str(disclosure);
            text.push('~');
        }
    }
    let claims = json!({ "aud": audience, "nonce": nonce, "iat": now.0, "sd_hash": digest(&text) });
    text.push_str(&jws::sign(holder, BINDING, &claims));
    (found == shown.len()).then_some(text)
}

/// The names of what an issued credential can show, in no order. `None` where it is none.
#[must_use]
pub fn names(issued: &str) -> Option<Vec<String>> {
    let parts = Parts::split(issued).ok()?;
    let name = |text: &&str| {
        let content = strict::read(&jws::unbase64(text)?)?;
        Some(content.get(1)?.as_str()?.to_owned())
    };
    parts.disclosures.iter().map(name).collect()
}

/// What a presentation says it answers. Nothing of it is believed yet.
#[must_use]
pub fn nonce(shown: &str) -> Option<String> {
    let binding = Jws::read(Parts::split(shown).ok()?.binding?, strict::MAX_TEXT).ok()?;
    Some(binding.claims.get("nonce")?.as_str()?.to_owned())
}

/// What a presentation is checked against.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who is believed, what was revoked, the time.
    pub against: Against<'a>,
    /// Who asked: the verifier itself.
    pub audience: &'a str,
    /// What it asked. The caller makes sure that it is used once.
    pub nonce: &'a str,
    /// When, where that was noted: the answer may be as old. Otherwise it is [`MAX_AGE`] at most.
    pub since: Option<Seconds>,
}

/// Checks a presentation.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub fn check(text: &str, asked: &Asked<'_>) -> Result<Shown, Refusal> {
    let parts = Parts::split(text)?;
    let token = Jws::read(parts.token, strict::MAX_TEXT)?;
    // The name of the type before it was agreed on is accepted too.
    if !matches!(token.typ(), Some(TYPE | "vc+sd-jwt")) {
        return Err(Refusal::NotOurs("no SD-JWT VC"));
    }
    let Against { trust, now, .. } = asked.against;
    let issuer = token.signer(trust).map_err(|refusal| {
        let own = token.claims.get("cnf").and_then(|cnf| jws::from_jwk(cnf.get("jwk")?));
        let iss = token.claims.get("iss").and_then(Value::as_str);
        let self_issued = own.is_some() && iss.and_then(jws::from_did) == own;
        if refusal == Refusal::IssuerUnknown && self_issued { Refusal::SelfIssued } else { refusal }
    })?;
    let claims = reveal(&token.claims, &parts.disclosures)?;
    let wrong = Refusal::NotOurs("a claim that is none");
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(|s| Some(Seconds(s))).ok_or(wrong),
    };
    let at = match claims.get("status") {
        None => None,
        Some(status) => {
            let list = status.get("status_list").ok_or(wrong)?;
            let index = list.get("idx").and_then(Value::as_u64).and_then(|i| i.try_into().ok());
            let uri = list.get("uri").and_then(Value::as_str).ok_or(wrong)?.to_owned();
            Some(StatusRef { uri, index: index.ok_or(wrong)? })
        }
    };
    let issuer = status::within(trust, issuer, at.as_ref())?;
    if let Some(from) = time("nbf")?.filter(|from| *from > now) {
        return Err(Refusal::NotYet(from));
    }
    let ends = time("exp")?.unwrap_or(issuer.until).min(issuer.until);
    if now > ends {
        return Err(Refusal::Expired(ends));
    }
    let (as_of, fresh) = status::known(&asked.against, issuer, at.as_ref())?;
    let holder = Some(bound(&claims, &parts, asked)?);
    Ok(Shown { claims, issuer: issuer.clone(), holder, as_of, stale: !fresh })
}

/// Checks that the holder showed it to this asker, now.
fn bound(
    claims: &Map<String, Value>,
    parts: &Parts<'_>,
    asked: &Asked<'_>,
) -> Result<PublicKey, Refusal> {
    let holder = claims.get("cnf").and_then(|cnf| cnf.get("jwk")).and_then(jws::from_jwk);
    let holder = holder.filter(|key| key.check().is_ok());
    let holder = holder.ok_or(Refusal::NotOurs("no holder's key that is known here"))?;
    let binding = parts.binding.ok_or(Refusal::NotForUs("nobody shows that it is theirs"))?;
    let token = Jws::read(binding, strict::MAX_TEXT)?;
    if token.typ() != Some(BINDING) || !token.verifies(&holder) {
        return Err(Refusal::NotForUs("whoever shows it has not the holder's key"));
    }
    let is =
        |name: &str, value: &str| token.claims.get(name).and_then(Value::as_str) == Some(value);
    if !is("aud", asked.audience) {
        return Err(Refusal::NotForUs("shown to somebody else"));
    }
    if !is("nonce", asked.nonce) {
        return Err(Refusal::NotForUs("shown in answer to another question"));
    }
    if !is("sd_hash", &digest(parts.before_binding)) {
        return Err(Refusal::NotForUs("not what the holder chose to show"));
    }
    let at = token.claims.get("iat").and_then(Value::as_u64).map(Seconds);
    let at = at.ok_or(Refusal::NotForUs("shown at no time"))?;
    let now = asked.against.now;
    let old = match asked.since {
        Some(since) => at.plus(MAX_AHEAD) < since,
        None => at.plus(MAX_AGE) < now,
    };
    if old || at > now.plus(MAX_AHEAD) {
        return Err(Refusal::NotForUs("shown long ago, or by a clock that is wrong"));
    }
    Ok(holder)
}

/// The parts of a text between its tildes.
struct Parts<'a> {
    token: &'a str,
    disclosures: Vec<&'a str>,
    binding: Option<&'a str>,
    /// Everything up to the last tilde: what a key binding is over.
    before_binding: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Refusal> {
        let wrong = Refusal::Unreadable("no SD-JWT");
        if text.len() > 3 * strict::MAX_TEXT {
            return Err(Refusal::Unreadable("longer than is read"));
        }
        let (before, binding) = text.rsplit_once('~').ok_or(wrong)?;
        let before_binding = &text[..=before.len()];
        let mut parts = before.split('~');
        let token = parts.next().ok_or(wrong)?;
        let mut disclosures = Vec::new();
        for disclosure in parts {
            if disclosure.is_empty() || disclosures.len() >= MAX_DISCLOSURES {
                return Err(wrong);
            }
            disclosures.push(disclosure);
        }
        let binding = (!binding.is_empty()).then_some(binding);
        Ok(Self { token, disclosures, binding, before_binding })
    }
}

fn digest(text: &str) -> String {
    jws::base64(&Sha256::digest(text.as_bytes()))
}

/// A disclosure that some digest may refer to.
enum Disclosed {
    Claim(String, Value),
    Element(Value),
}

/// Puts what was disclosed where its digests stand, and takes all other digests out (RFC 9901, 7.1).
fn reveal(
    claims: &Map<String, Value>,
    disclosures: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    let alg = claims.get("_sd_alg").map_or(Some("sha-256"), Value::as_str);
    if alg != Some("sha-256") {
        return Err(Refusal::NotOurs("its digests are no SHA-256"));
    }
    let mut open = BTreeMap::new();
    for text in disclosures {
        let wrong = Refusal::Unreadable("a disclosure that is none");
        let content = jws::unbase64(text).and_then(|bytes| strict::read(&bytes)).ok_or(wrong)?;
        let Value::Array(parts) = content else { return Err(wrong) };
        let disclosed = match <[Value; 3]>::try_from(parts) {
            Ok([Value::String(_), Value::String(name), value]) => Disclosed::Claim(name, value),
            Ok(_) => return Err(wrong),
            Err(parts) => match <[Value; 2]>::try_from(parts) {
                Ok([Value::String(_), value]) => Disclosed::Element(value),
                _ => return Err(wrong),
            },
        };
        if open.insert(digest(text), disclosed).is_some() {
            return Err(Refusal::Unreadable("a disclosure twice"));
        }
    }
    let mut reader = Reader { open, seen: BTreeSet::new() };
    let mut claims = claims.clone();
    claims.remove("_sd_alg");
    reader.object(&mut claims, strict::MAX_DEPTH)?;
    if !reader.open.is_empty() {
        return Err(Refusal::Unreadable("a disclosure nothing refers to"));
    }
    Ok(claims)
}

struct Reader {
    /// What was disclosed and not yet found, by digest.
    open: BTreeMap<String, Disclosed>,
    /// Every digest met: none may stand twice, or one disclosure would be two claims.
    seen: BTreeSet<String>,
}

impl Reader {
    fn meet(&mut self, digest: &Value) -> Result<Option<Disclosed>, Refusal> {
        let digest = digest.as_str().ok_or(Refusal::Unreadable("a digest that is none"))?;
        if !self.seen.insert(digest.to_owned()) {
            return Err(Refusal::Unreadable("a digest twice"));
        }
        Ok(self.open.remove(digest))
    }

    fn value(&mut self, value: &mut Value, depth: u8) -> Result<(), Refusal> {
        let below = depth.checked_sub(1).ok_or(Refusal::Unreadable("too deep"));
        match value {
            Value::Object(map) => self.object(map, below?),
            Value::Array(items) => self.array(items, below?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn object(&mut self, map: &mut Map<String, Value>, depth: u8) -> Result<(), Refusal> {
        let digests = match map.remove("_sd") {
            None => Vec::new(),
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(Refusal::Unreadable("digests that are none")),
        };
        if map.contains_key("...") {
            return Err(Refusal::Unreadable("a digest where none belongs"));
        }
        for value in map.values_mut() {
            self.value(value, depth)?;
        }
        for digest in digests {
            match self.meet(&digest)? {
                None => {}
                Some(Disclosed::Element(_)) => {
                    return Err(Refusal::Unreadable("a disclosure of another kind"));
                }
                Some(Disclosed::Claim(name, mut value)) => {
                    if NEVER_HIDDEN.contains(&name.as_str()) || map.contains_key(&name) {
                        return Err(Refusal::Unreadable("a disclosure under a taken name"));
                    }
                    self.value(&mut value, depth)?;
                    map.insert(name, value);
                }
            }
        }
        Ok(())
    }

    fn array(&mut self, items: &mut Vec<Value>, depth: u8) -> Result<(), Refusal> {
        let mut shown = Vec::new();
        for mut item in std::mem::take(items) {
            let hidden = item.as_object().filter(|map| map.contains_key("..."));
            match hidden.map(|map| (map.len(), map.get("...").cloned().unwrap_or_default())) {
                None => {
                    self.value(&mut item, depth)?;
                    shown.push(item);
                }
                Some((1, digest)) => match self.meet(&digest)? {
                    None => {}
                    Some(Disclosed::Claim(..)) => {
                        return Err(Refusal::Unreadable("a disclosure of another kind"));
                    }
                    Some(Disclosed::Element(mut value)) => {
                        self.value(&mut value, depth)?;
                        shown.push(value);
                    }
                },
                Some(_) => return Err(Refusal::Unreadable("a digest where none belongs")),
            }
        }
        *items = shown;
        Ok(())
    }
}

/// What a text shows, whoever signed it: for vectors signed with what is not read here.
#[cfg(test)]
pub(super) fn unsigned(text: &str) -> Result<Map<String, Value>, Refusal> {
    let parts = Parts::split(text)?;
    reveal(&Jws::read(parts.token, strict::MAX_TEXT)?.claims, &parts.disclosures)
}

#[cfg(test)]
mod tests;
