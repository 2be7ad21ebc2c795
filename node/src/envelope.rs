//! The only user of HPKE (RFC 9180): a content key wrapped to a node's X25519 key.
//!
//! Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, base mode. A wrapped key is the encapsulated key
//! (32 bytes) and the sealed content key (32 + 16 bytes).

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256 as Kem;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use std::convert::Infallible;
use zeroize::{Zeroize, Zeroizing};

use crate::seal::{self, Key};

/// Bytes of a wrapped content key.
pub const WRAPPED: usize = 32 + 32 + 16;

/// A key that cannot be wrapped to or unwrapped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wrapped key does not open with this node's key")]
pub struct NotForUs;

type Private = <Kem as hpke::Kem>::PrivateKey;

fn private(secret: &[u8; 32]) -> Result<Private, NotForUs> {
    Private::from_bytes(secret).map_err(|_| NotForUs)
}

/// The public half of an X25519 secret.
///
/// # Errors
///
/// [`NotForUs`] for bytes that are no secret.
pub fn public(secret: &[u8; 32]) -> Result<[u8; 32], NotForUs> {
    Ok(Kem::sk_to_pk(&private(secret)?).to_bytes().into())
}

/// Wraps a content key to a recipient; only the same `info` unwraps it.
///
/// # Errors
///
/// [`NotForUs`] where the recipient's key is no X25519 key.
pub fn wrap(recipient: &[u8; 32], info: &[u8], key: &Key) -> Result<[u8; WRAPPED], NotForUs> {
    let mut seed = seal::random().map_err(|_| NotForUs)?;
    let wrapped = wrap_seeded(recipient, info, key, &seed);
    seed.zeroize();
    wrapped
}

/// Wraps with the randomness given, so that test vectors can be made again. The seed must be used once.
pub(crate) fn wrap_seeded(
    recipient: &[u8; 32],
    info: &[u8],
    key: &Key,
    seed: &[u8; 32],
) -> Result<[u8; WRAPPED], NotForUs> {
    let recipient = <Kem as hpke::Kem>::PublicKey::from_bytes(recipient).map_err(|_| NotForUs)?;
    let (encapped, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeS::Base,
        &recipient,
        info,
        key.expose(),
        b"",
        &mut Once(Zeroizing::new(*seed), 0),
    )
    .map_err(|_| NotForUs)?;
    let mut wrapped = [0u8; WRAPPED];
    let (head, tail) = wrapped.split_at_mut(32);
    head.copy_from_slice(&encapped.to_bytes());
    if sealed.len() != tail.len() {
        return Err(NotForUs);
    }
    tail.copy_from_slice(&sealed);
    Ok(wrapped)
}

/// Randomness from one seed: its bytes, and zeros where more were asked for than the suite's key generation takes (32).
struct Once(Zeroizing<[u8; 32]>, usize);

impl TryRng for Once {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut word = [0; 4];
        self.try_fill_bytes(&mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = [0; 8];
        self.try_fill_bytes(&mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.0.get(self.1).copied().unwrap_or_default();
            self.1 = self.1.saturating_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Once {}

/// Unwraps a content key with this node's secret.
///
/// # Errors
///
/// [`NotForUs`] for another recipient's, or changed bytes.
pub fn unwrap(secret: &[u8; 32], info: &[u8], wrapped: &[u8; WRAPPED]) -> Result<Key, NotForUs> {
    let (head, tail) = wrapped.split_at(32);
    let encapped = <Kem as hpke::Kem>::EncappedKey::from_bytes(head).map_err(|_| NotForUs)?;
    let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeR::Base,
        &private(secret)?,
        &encapped,
        info,
        tail,
        b"",
    )
    .map(Zeroizing::new)
    .map_err(|_| NotForUs)?;
    let mut key: [u8; 32] = plain.as_slice().try_into().map_err(|_| NotForUs)?;
    Ok(Key::take(&mut key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_recipient_unwraps_and_only_for_the_same_purpose() {
        let (secret, key) = ([7u8; 32], Key::random().expect("randomness"));
        let wrapped = wrap(&public(&secret).expect("a key"), b"part 1", &key).expect("wraps");
        assert_eq!(unwrap(&secret, b"part 1", &wrapped).expect("opens").expose(), key.expose());
        assert!(unwrap(&secret, b"part 2", &wrapped).is_err());
        assert!(unwrap(&[8; 32], b"part 1", &wrapped).is_err());
        for i in 0..WRAPPED {
            let mut bad = wrapped;
            bad[i] ^= 1;
            assert!(unwrap(&secret, b"part 1", &bad).is_err(), "byte {i}");
        }
    }
}
