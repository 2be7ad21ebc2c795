//! JWS in its compact form (RFC 7515) with EdDSA (RFC 8037): the envelope of SD-JWT and of status lists as JWT; and the
//! spellings of a key in JSON.

use annona_ledger::key::{Foreign, PublicKey, SigningKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use super::trust::{Issuer, TrustList};
use super::{Refusal, json as strict};

/// The longest header, in bytes.
const MAX_HEADER: usize = 4096;
/// What stands before the 32 bytes of an Ed25519 key in multibase (multicodec `ed25519-pub`).
const ED25519: [u8; 2] = [0xed, 0x01];

/// A key as did:key: `did:key:z6Mk…`. Only a spelling: whether the key is believed, a trust list says.
#[must_use]
pub fn did(key: &PublicKey) -> String {
    format!("did:key:{}", multibase(key))
}

/// A key in multibase: `z6Mk…`.
#[must_use]
pub fn multibase(key: &PublicKey) -> String {
    format!("z{}", bs58::encode([&ED25519[..], key.bytes()].concat()).into_string())
}

/// Reads `z6Mk…`.
#[must_use]
pub fn from_multibase(text: &str) -> Option<PublicKey> {
    let mut bytes = [0; 34];
    // 34 bytes have 48 letters at most.
    let letters = text.strip_prefix('z').filter(|letters| letters.len() <= 48)?;
    let read = bs58::decode(letters).onto(&mut bytes).ok()?;
    let key = bytes.strip_prefix(&ED25519).filter(|_| read == 34)?;
    Some(PublicKey::Ed25519(key.try_into().ok()?))
}

/// Reads `did:key:z6Mk…`.
#[must_use]
pub fn from_did(text: &str) -> Option<PublicKey> {
    from_multibase(text.strip_prefix("did:key:")?)
}

/// Bytes of base64url without padding, in their one spelling.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    (Base64UrlUnpadded::encode_string(&bytes) == text).then_some(bytes)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// A key as JWK (RFC 8037).
pub(super) fn jwk(key: &PublicKey) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(key.bytes()) })
}

/// Reads a JWK.
pub(super) fn from_jwk(jwk: &Value) -> Option<PublicKey> {
    let is = |name: &str, value: &str| jwk.get(name).and_then(Value::as_str) == Some(value);
    if !is("kty", "OKP") || !is("crv", "Ed25519") || jwk.get("d").is_some() {
        return None;
    }
    let bytes = unbase64(jwk.get("x")?.as_str()?)?;
    Some(PublicKey::Ed25519(bytes.try_into().ok()?))
}

/// Signs claims.
pub(super) fn sign(key: &SigningKey, typ: &str, claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "typ": typ });
    let input = format!(
        "{}.{}",
        base64(header.to_string().as_bytes()),
        base64(claims.to_string().as_bytes())
    );
    // Always of that form: a header of JSON begins with `{"`.
    let signature = key.sign_credential(Foreign::Jws, input.as_bytes()).unwrap_or([0; 64]);
    format!("{input}.{}", base64(&signature))
}

/// A token as it was read. Its claims are believed only after [`Jws::signer`] or [`Jws::verifies`].
pub(super) struct Jws<'a> {
    input: &'a str,
    header: Map<String, Value>,
    signature: Option<[u8; 64]>,
    pub(super) claims: Map<String, Value>,
}

impl<'a> Jws<'a> {
    /// Reads a token whose claims have at most so many bytes.
    pub(super) fn read(text: &'a str, most: usize) -> Result<Self, Refusal> {
        let other = Refusal::Unreadable("no token");
        let (input, signature) = text.rsplit_once('.').ok_or(other)?;
        let (header, claims) = input.split_once('.').ok_or(other)?;
        if header.len() > MAX_HEADER || claims.len() > most.saturating_mul(4) / 3 + 4 {
            return Err(Refusal::Unreadable("longer than is read"));
        }
        let object = |part: &str| match strict::read(&unbase64(part)?) {
            Some(Value::Object(map)) => Some(map),
            _ => None,
        };
        let header = object(header).ok_or(other)?;
        let claims = object(claims).ok_or(other)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refusal::NotOurs("it asks for more than is known here"));
        }
        if signature.len() > MAX_HEADER {
            return Err(other);
        }
        let signature = unbase64(signature).ok_or(other)?.try_into().ok();
        Ok(Self { input, header, signature, claims })
    }

    pub(super) fn typ(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// Whether this key signed it, with EdDSA.
    pub(super) fn verifies(&self, key: &PublicKey) -> bool {
        let alg = self.header.get("alg").and_then(Value::as_str);
        matches!(alg, Some("EdDSA" | "Ed25519"))
            && self.signature.is_some_and(|s| key.verifies_credential(self.input.as_bytes(), &s))
    }

    /// Who of the trust list signed it.
    pub(super) fn signer<'t>(&self, trust: &'t TrustList) -> Result<&'t Issuer, Refusal> {
        let alg = self.header.get("alg").and_then(Value::as_str);
        if !matches!(alg, Some("EdDSA" | "Ed25519")) {
            return Err(Refusal::NotOurs("not signed with EdDSA"));
        }
        let iss = self.claims.get("iss").and_then(Value::as_str);
        let kid = self.header.get("kid").and_then(Value::as_str);
        let candidates = match (iss, kid) {
            (Some(iss), _) => named(trust, iss),
            (None, Some(kid)) => trust.candidates(Some(kid.as_bytes())),
            (None, None) => trust.candidates(None),
        };
        if candidates.is_empty() {
            return Err(Refusal::IssuerUnknown);
        }
        let signer = candidates.into_iter().find(|issuer| self.verifies(&issuer.key));
        signer.ok_or(match (iss, kid) {
            (None, None) => Refusal::IssuerUnknown,
            _ => Refusal::NotAuthentic("the signature is not its issuer's"),
        })
    }
}

/// Who of the trust list calls itself so: by did:key, or by the name the list has for it.
pub(super) fn named<'t>(trust: &'t TrustList, iss: &str) -> Vec<&'t Issuer> {
    match from_did(iss) {
        Some(key) => trust.of_key(&key).take(1).collect(),
        None => trust.issuers().filter(|issuer| issuer.id.as_deref() == Some(iss)).collect(),
    }
}
