//! The only user of XChaCha20-Poly1305 and Argon2id: sealing bytes under a key, and a key from a passphrase.
//!
//! A sealed value is `nonce (24 bytes) ‖ ciphertext ‖ tag (16 bytes)`. The nonce is random: XChaCha20 was made so that
//! random nonces are safe for any number of messages one key will ever see here. Every seal names its purpose in the
//! associated data, so that a value moved to another place does not open.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How many bytes sealing adds to a value: a 24-byte nonce and a 16-byte tag.
pub const OVERHEAD: usize = 24 + 16;

/// A symmetric key. It can be neither copied nor printed, and is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

/// Why a sealed value did not open.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The bytes are shorter than a nonce and a tag, or do not authenticate under this key and purpose.
    #[error("the sealed bytes do not open: wrong key, wrong place, or changed")]
    DoesNotOpen,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// The cost in a file's header is below what is safe or above what this machine can be asked for.
    #[error(
        "passphrase cost of {memory_kib} KiB and {passes} passes is outside {floor} to {ceiling}"
    )]
    Cost {
        /// Memory asked for, in KiB.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
        /// The least that is accepted, in words.
        floor: &'static str,
        /// The most that is accepted, in words.
        ceiling: &'static str,
    },
}

/// Fills a fixed array from the operating system's randomness.
///
/// # Errors
///
/// [`SealError::NoRandomness`] where the operating system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

impl Key {
    /// Makes a fresh random key.
    ///
    /// # Errors
    ///
    /// [`SealError::NoRandomness`] where the operating system has none to give.
    pub fn random() -> Result<Self, SealError> {
        Ok(Self(random()?))
    }

    /// Takes over 32 bytes as a key and wipes the caller's copy.
    #[must_use]
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let key = Self(*bytes);
        bytes.zeroize();
        key
    }

    /// The same key once more, for who must hold it beside another. Not `Clone`: a second copy is to be seen.
    pub(crate) fn again(&self) -> Self {
        Self(self.0)
    }

    /// The bytes, for sealing this key under another.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `plain` for one purpose; only the same purpose opens it.
    ///
    /// # Errors
    ///
    /// [`SealError::NoRandomness`] where no nonce can be drawn.
    pub fn seal(&self, purpose: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; 24] = random()?;
        let cipher = XChaCha20Poly1305::new((&self.0).into());
        let body = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: purpose })
            .map_err(|_| SealError::DoesNotOpen)?;
        let mut sealed = Vec::with_capacity(nonce.len() + body.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what [`Key::seal`] made for the same purpose.
    ///
    /// # Errors
    ///
    /// [`SealError::DoesNotOpen`] for a wrong key, purpose or byte.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<24>().ok_or(SealError::DoesNotOpen)?;
        let cipher = XChaCha20Poly1305::new((&self.0).into());
        cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: purpose })
            .map(Zeroizing::new)
            .map_err(|_| SealError::DoesNotOpen)
    }
}

/// The chunks of one stream, in order: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015). Each nonce holds the chunk's
/// number and whether it is the last, so that chunks cannot be moved, dropped or cut off unseen. The key must seal
/// this one stream and nothing else.
pub struct Stream {
    cipher: XChaCha20Poly1305,
    next: u64,
    done: bool,
}

/// How many bytes a chunk of a [`Stream`] is longer than what it holds.
pub const CHUNK_OVERHEAD: usize = 16;

impl Stream {
    /// Begins a stream.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self { cipher: XChaCha20Poly1305::new((&key.0).into()), next: 0, done: false }
    }

    fn nonce(&mut self, last: bool) -> Result<XNonce, SealError> {
        if self.done {
            return Err(SealError::DoesNotOpen);
        }
        let mut nonce = [0u8; 24];
        nonce[15..23].copy_from_slice(&self.next.to_be_bytes());
        nonce[23] = u8::from(last);
        self.next = self.next.checked_add(1).ok_or(SealError::DoesNotOpen)?;
        self.done = last;
        Ok(XNonce::from(nonce))
    }

    /// Seals the next chunk.
    ///
    /// # Errors
    ///
    /// [`SealError::DoesNotOpen`] after the last chunk.
    pub fn seal(&mut self, aad: &[u8], plain: &[u8], last: bool) -> Result<Vec<u8>, SealError> {
        let nonce = self.nonce(last)?;
        let payload = Payload { msg: plain, aad };
        self.cipher.encrypt(&nonce, payload).map_err(|_| SealError::DoesNotOpen)
    }

    /// Opens the next chunk.
    ///
    /// # Errors
    ///
    /// [`SealError::DoesNotOpen`] where it is not the chunk that belongs here, unchanged; or after the last.
    pub fn open(
        &mut self,
        aad: &[u8],
        sealed: &[u8],
        last: bool,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let nonce = self.nonce(last)?;
        let payload = Payload { msg: sealed, aad };
        self.cipher.decrypt(&nonce, payload).map(Zeroizing::new).map_err(|_| SealError::DoesNotOpen)
    }
}

/// What one passphrase guess costs. Written in the header of each sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Cost {
    /// 64 MiB and 3 passes: RFC 9106 section 4, second recommended option (with one lane).
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3 };
    /// 19 MiB and 2 passes: the OWASP floor. Anything below is refused; the demo and the tests use it and say so.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// 1 GiB and 16 passes: above it a hostile file header could stall or kill the machine.
    pub const CEILING: Self = Self { memory_kib: 1024 * 1024, passes: 16 };

    /// Derives a key from a passphrase and a file's own salt.
    ///
    /// # Errors
    ///
    /// [`SealError::Cost`] where the cost is under the floor or over the ceiling.
    pub fn key(self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Key, SealError> {
        let refused = || SealError::Cost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            floor: "19 MiB and 2 passes",
            ceiling: "1 GiB and 16 passes",
        };
        let fits = (Self::FLOOR.memory_kib..=Self::CEILING.memory_kib).contains(&self.memory_kib)
            && (Self::FLOOR.passes..=Self::CEILING.passes).contains(&self.passes);
        if !fits {
            return Err(refused());
        }
        let params =
            Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| refused())?;
        let mut out = [0u8; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, &mut out)
            .map_err(|_| refused())?;
        Ok(Key::take(&mut out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_unchanged() {
        let key = Key::random().expect("randomness");
        let sealed = key.seal(b"person", b"Amina").expect("seal");
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(key.open(b"person", &sealed).expect("open").as_slice(), b"Amina");
        assert!(key.open(b"card", &sealed).is_err(), "another purpose");
        assert!(
            Key::random().expect("randomness").open(b"person", &sealed).is_err(),
            "another key"
        );
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(key.open(b"person", &bad).is_err(), "byte {i} changed");
            assert!(key.open(b"person", &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn chunks_open_in_their_order_once_and_to_the_end() {
        let key = Key::random().expect("randomness");
        let mut writer = Stream::new(&key);
        let one = writer.seal(b"b", b"one", false).expect("seals");
        let two = writer.seal(b"b", b"two", false).expect("seals");
        let end = writer.seal(b"b", b"end", true).expect("seals");
        assert!(writer.seal(b"b", b"more", true).is_err(), "nothing after the last");
        assert_eq!(one.len(), 3 + CHUNK_OVERHEAD);
        let read = |chunks: &[(&[u8], bool)]| {
            let mut reader = Stream::new(&key);
            chunks.iter().all(|(chunk, last)| reader.open(b"b", chunk, *last).is_ok())
        };
        assert!(read(&[(&one, false), (&two, false), (&end, true)]));
        for wrong in [
            vec![(&one[..], true)],
            vec![(&two[..], false)],
            vec![(&one[..], false), (&one[..], false)],
            vec![(&one[..], false), (&end[..], true)],
            vec![(&one[..], false), (&two[..], true)],
        ] {
            assert!(!read(&wrong));
        }
        assert!(Stream::new(&key).open(b"c", &one, false).is_err(), "another bundle");
    }

    #[test]
    fn a_cost_below_the_floor_or_above_the_ceiling_is_refused() {
        for cost in [
            Cost { memory_kib: Cost::FLOOR.memory_kib - 1, ..Cost::FLOOR },
            Cost { passes: 1, ..Cost::FLOOR },
            Cost { memory_kib: u32::MAX, ..Cost::FLOOR },
            Cost { passes: u32::MAX, ..Cost::FLOOR },
        ] {
            assert!(matches!(cost.key(b"x", &[0; 16]), Err(SealError::Cost { .. })), "{cost:?}");
        }
        let a = Cost::FLOOR.key(b"x", &[0; 16]).expect("floor is accepted");
        let b = Cost::FLOOR.key(b"x", &[1; 16]).expect("floor is accepted");
        assert_ne!(a.expose(), b.expose(), "the salt matters");
    }
}
