//! COSE_Sign1 (RFC 9052) with EdDSA: the envelope of cards and of status lists as CWT.

use annona_ledger::key::{Foreign, PublicKey, SigningKey};

use super::Refusal;
use super::cbor::{Item, Out};

/// Header: algorithm.
const ALG: i64 = 1;
/// Header: what must be understood.
const CRIT: i64 = 2;
/// Header: key id.
const KID: i64 = 4;
/// Header: type of the whole (RFC 9596).
pub(super) const TYP: i64 = 16;
/// EdDSA (RFC 9053), and Ed25519 by its own number (RFC 9864).
const EDDSA: [i64; 2] = [-8, -19];
/// Tag of COSE_Sign1.
const SIGN1: u64 = 18;
/// Tag of CWT (RFC 8392), which may stand before that of COSE.
const CWT: u64 = 61;

/// A message as it was read. Nothing in it is believed until [`Sign1::verifies`].
pub(super) struct Sign1<'a> {
    protected: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) signature: [u8; 64],
    pub(super) kid: Option<Vec<u8>>,
    pub(super) typ: Option<String>,
}

/// Signs a payload. The key id is the first four bytes of the key.
pub(super) fn sign(key: &SigningKey, typ: Option<&str>, payload: &[u8]) -> Vec<u8> {
    let public = key.public();
    let kid = kid(&public);
    let mut header =
        vec![(Out::Number(ALG), Out::Number(EDDSA[0])), (Out::Number(KID), Out::Bytes(&kid))];
    header.extend(typ.map(|typ| (Out::Number(TYP), Out::Text(typ))));
    let protected = Out::Map(header).encode();
    // Always of that form: it was put together just here.
    let signed = key.sign_credential(Foreign::Cose, &to_be_signed(&protected, payload));
    let signature = signed.unwrap_or([0; 64]);
    let parts = vec![
        Out::Bytes(&protected),
        Out::Map(Vec::new()),
        Out::Bytes(payload),
        Out::Bytes(&signature),
    ];
    Out::Tag(SIGN1, Box::new(Out::Array(parts))).encode()
}

/// What a key is called in a header.
pub(super) fn kid(key: &PublicKey) -> [u8; 4] {
    let [a, b, c, d, ..] = *key.bytes();
    [a, b, c, d]
}

fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let context = Out::Text("Signature1");
    let parts = [Out::Bytes(protected), Out::Bytes(&[]), Out::Bytes(payload)];
    Out::Array(std::iter::once(context).chain(parts).collect()).encode()
}

impl<'a> Sign1<'a> {
    /// Reads a message.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let item = Item::read(bytes).ok_or(Refusal::Unreadable("no CBOR, or more than is read"))?;
        let other = Refusal::NotOurs("no COSE_Sign1");
        let item = match item {
            Item::Tag(CWT, inner) => *inner,
            untagged => untagged,
        };
        let parts = match item {
            Item::Tag(SIGN1, inner) => *inner,
            untagged => untagged,
        };
        let Item::Array(parts) = parts else { return Err(other) };
        let &[
            Item::Bytes(protected),
            Item::Map(ref aside),
            Item::Bytes(payload),
            Item::Bytes(signature),
        ] = &parts[..]
        else {
            return Err(other);
        };
        // No header at all may be written as no bytes (RFC 9052, 3).
        let header = match protected {
            [] => Item::Map(Vec::new()),
            bytes => Item::read(bytes).ok_or(Refusal::Unreadable("its header is no CBOR"))?,
        };
        let Item::Map(said) = &header else { return Err(other) };
        if said.iter().any(|(key, _)| aside.iter().any(|(k, _)| k == key)) {
            return Err(Refusal::Unreadable("a header twice"));
        }
        let aside_at = |key| aside.iter().find(|(k, _)| *k == Item::Number(key)).map(|(_, v)| v);
        if header.at(CRIT).is_some() || aside_at(CRIT).is_some() {
            return Err(Refusal::NotOurs("it asks for more than is known here"));
        }
        // The algorithm counts only where it is signed.
        if !matches!(header.at(ALG), Some(Item::Number(alg)) if EDDSA.contains(alg)) {
            return Err(Refusal::NotOurs("not signed with EdDSA"));
        }
        let signature =
            signature.try_into().map_err(|_| Refusal::NotOurs("not signed with EdDSA"))?;
        let kid = header.at(KID).or_else(|| aside_at(KID));
        let kid = kid.and_then(Item::as_bytes).map(<[u8]>::to_vec);
        let typ = header.at(TYP).and_then(Item::as_text).map(str::to_owned);
        Ok(Self { protected, payload, signature, kid, typ })
    }

    /// Whether this key signed it.
    pub(super) fn verifies(&self, key: &PublicKey) -> bool {
        key.verifies_credential(&to_be_signed(self.protected, self.payload), &self.signature)
    }
}
