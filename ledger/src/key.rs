//! The only user of ed25519-dalek and what it is made of: strict verification, and one signing context per kind of statement.
//!
//! Validity is dalek's `verify_strict`; small-order keys are refused when a key is admitted. Batch verification never
//! decides anything: dalek documents that batch and single verification may disagree on signatures made for it.

use std::fmt;

use ed25519_dalek::{Signer, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::hash::Hash;

#[cfg(test)]
pub(crate) mod odd;
mod prepared;
mod ready;

pub use prepared::Prepared;
pub use ready::Ready;

/// A public signing key. The algorithm is part of the key: its variant number on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
}

/// A signature. The algorithm is part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Signature {
    /// Ed25519 (RFC 8032): R and s.
    Ed25519([[u8; 32]; 2]),
}

/// What a signature is for. A statement signed in one context is never valid in another. A feed key
/// signs promises and headers and, once, that it accepts its organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// An accepted entry (feed key).
    Promise,
    /// A block header (feed key).
    Header,
    /// A certificate or cycle notice (organisation key).
    Notice,
    /// A charter article (organisation key).
    Article,
    /// A rotation by recovery key.
    Recovery,
    /// An approval by an operator.
    Operator,
    /// A bundle's or file's author (transport key).
    Bundle,
    /// A node's word that it belongs to an organisation (feed key).
    Acceptance,
    /// What an operator answers for beside an entry (operator key).
    Evidence,
    /// A checkpoint a witness vouches for (transport key).
    Cosignature,
}

impl Context {
    /// What a statement in this context begins with, as it is signed.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8; 16] {
        match self {
            Self::Promise => b"annona1 promise ",
            Self::Header => b"annona1 header  ",
            Self::Notice => b"annona1 notice  ",
            Self::Article => b"annona1 article ",
            Self::Recovery => b"annona1 recovery",
            Self::Operator => b"annona1 operator",
            Self::Bundle => b"annona1 bundle  ",
            Self::Acceptance => b"annona1 accepts ",
            Self::Evidence => b"annona1 evidence",
            Self::Cosignature => b"annona1 cosigned",
        }
    }
}

/// A key that may not be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is no point of the curve in its one spelling, or of small order: such keys verify anything"
)]
pub struct WeakKey;

impl PublicKey {
    /// The 32 key bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        let Self::Ed25519(bytes) = self;
        bytes
    }

    /// The first eight bytes: how a feed is named in tickets and receipts.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        Hash(*self.bytes()).short()
    }

    /// Checks that the key may be admitted.
    ///
    /// # Errors
    ///
    /// [`WeakKey`] for bytes that are no key, a second spelling of one, or one under which any message verifies.
    pub fn check(&self) -> Result<(), WeakKey> {
        let key = VerifyingKey::from_bytes(self.bytes()).map_err(|_| WeakKey)?;
        // Keys are told apart by their bytes: a point spelt in two ways would be two keys.
        let respelt = key.to_edwards().compress().0 != *self.bytes();
        if key.is_weak() || respelt { Err(WeakKey) } else { Ok(()) }
    }

    /// Whether `signature` is this key's over `context ‖ scope ‖ message`.
    #[must_use]
    pub fn verifies(
        &self,
        context: Context,
        scope: &[&[u8]],
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(self.bytes()) else { return false };
        let Signature::Ed25519([r, s]) = signature;
        let signature = ed25519_dalek::Signature::from_components(*r, *s);
        key.verify_strict(&signed_bytes(context, scope, message), &signature).is_ok()
    }

    /// Whether `signature` is this key's over `text` and nothing before it: the notes of the outsiders' log, whose form
    /// others have laid down.
    #[must_use]
    pub fn verifies_note(&self, text: &str, signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(self.bytes()) else { return false };
        let Signature::Ed25519([r, s]) = signature;
        let signature = ed25519_dalek::Signature::from_components(*r, *s);
        key.verify_strict(text.as_bytes(), &signature).is_ok()
    }

    /// Whether `signature` is this key's over `bytes` and nothing before them: cards and credentials, whose forms others
    /// have laid down (spec/cards.md).
    #[must_use]
    pub fn verifies_credential(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(self.bytes()) else { return false };
        key.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.short().iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("…")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// A secret signing key: wiped when dropped, never copied, never printed.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a 32-byte seed. The caller wipes its copy.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// Signs `context ‖ scope ‖ message`. Deterministic: the same bytes give the same signature.
    #[must_use]
    pub fn sign(&self, context: Context, scope: &[&[u8]], message: &[u8]) -> Signature {
        let signature = self.0.sign(&signed_bytes(context, scope, message));
        Signature::Ed25519([*signature.r_bytes(), *signature.s_bytes()])
    }

    /// Signs `text` and nothing before it: a note of the outsiders' log. A key that does this signs nothing else, and no
    /// note begins as a statement of ours does.
    #[must_use]
    pub fn sign_note(&self, text: &str) -> Signature {
        let signature = self.0.sign(text.as_bytes());
        Signature::Ed25519([*signature.r_bytes(), *signature.s_bytes()])
    }
}

/// What a card or credential begins with as it is signed. No statement of ours begins so: each begins with `annona1 `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// `Sig_structure` of COSE_Sign1 (RFC 9052, 4.4): an array of four, the first of them "Signature1".
    Cose,
    /// The signing input of a JWS (RFC 7515): base64url of a JSON object.
    Jws,
    /// Two SHA-256 of Data Integrity: 64 bytes, of which nobody can choose the first sixteen.
    Hashes,
}

impl Foreign {
    fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Cose => bytes.starts_with(b"\x84\x6aSignature1"),
            Self::Jws => bytes.starts_with(b"ey"),
            Self::Hashes => bytes.len() == 64 && !bytes.starts_with(b"annona1 "),
        }
    }
}

impl SigningKey {
    /// Signs a card or credential, whose forms others have laid down. `None` for bytes that are not of that form, so that
    /// no statement of ours is ever signed this way.
    #[must_use]
    pub fn sign_credential(&self, form: Foreign, bytes: &[u8]) -> Option<[u8; 64]> {
        form.is(bytes).then(|| self.0.sign(bytes).to_bytes())
    }
}

/// Scope parts have fixed lengths per context (federation 32, feed 36), so the concatenation is unambiguous.
fn signed_bytes(context: Context, scope: &[&[u8]], message: &[u8]) -> Vec<u8> {
    let mut bytes = context.bytes().to_vec();
    scope.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.extend_from_slice(message);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_context_scope_message_and_key_only() {
        let key = SigningKey::from_seed(&[7; 32]);
        let signature = key.sign(Context::Promise, &[b"camp"], b"rice");
        let check = |c, s: &[u8], m: &[u8], k: &PublicKey| k.verifies(c, &[s], m, &signature);
        assert!(check(Context::Promise, b"camp", b"rice", &key.public()));
        assert!(!check(Context::Header, b"camp", b"rice", &key.public()));
        assert!(!check(Context::Promise, b"cam2", b"rice", &key.public()));
        assert!(!check(Context::Promise, b"camp", b"oil", &key.public()));
        assert!(!check(
            Context::Promise,
            b"camp",
            b"rice",
            &SigningKey::from_seed(&[8; 32]).public()
        ));
    }

    #[test]
    fn a_credential_is_signed_only_in_a_form_of_others() {
        let key = SigningKey::from_seed(&[7; 32]);
        let cose = b"\x84\x6aSignature1 and what follows";
        let signature = key.sign_credential(Foreign::Cose, cose).expect("of that form");
        assert!(key.public().verifies_credential(cose, &signature));
        assert!(!key.public().verifies_credential(b"other", &signature));
        for context in [Context::Promise, Context::Header, Context::Notice] {
            let ours = signed_bytes(context, &[&[7; 48]], b"");
            assert_eq!(ours.len(), 64);
            for form in [Foreign::Cose, Foreign::Jws, Foreign::Hashes] {
                assert_eq!(key.sign_credential(form, &ours), None, "{context:?} {form:?}");
            }
        }
    }

    #[test]
    fn weak_keys_are_not_admitted() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::Ed25519(identity).check(), Err(WeakKey));
        assert_eq!(PublicKey::Ed25519([0; 32]).check(), Err(WeakKey), "order four");
        assert_eq!(SigningKey::from_seed(&[1; 32]).public().check(), Ok(()));
    }
}
