//! A public key made ready for many signatures: an audit meets a few dozen keys, each thousands of times.
//!
//! The answer is that of `verify_strict`, bit for bit, and no batch: `R` must be the one encoding of `[s]B − [k]A`. Only
//! the multiples of `A` and `B` are looked up in tables instead of being doubled up to, which is three times as fast.
//! Where `R` equals the encoding of a point that was computed it also decodes, so that is not asked again.

use std::sync::OnceLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

use super::{Context, PublicKey, Signature};

/// Bits looked up at once for a key: 52 rows of 16 points, 133 kB. A bit more is a tenth faster and 90 kB larger.
const KEY_BITS: usize = 5;
/// Bits looked up at once for the base point: 33 rows of 128 points, 0.7 MB, once a process. Two more are six additions of
/// ninety less, and three times as large.
const BASE_BITS: usize = 8;

/// A public key with its table.
pub struct Prepared {
    key: [u8; 32],
    minus: Table<KEY_BITS>,
}

impl Prepared {
    /// Computes a key's table: as long as some four verifications. `None` for a key under which nothing verifies.
    #[must_use]
    pub fn new(key: &PublicKey) -> Option<Self> {
        let key = *key.bytes();
        let point = CompressedEdwardsY(key).decompress()?;
        (!point.is_small_order()).then(|| Self { key, minus: Table::new(-point) })
    }

    /// The same as [`PublicKey::verifies`].
    #[must_use]
    pub fn verifies(
        &self,
        context: Context,
        scope: &[&[u8]],
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        static BASE: OnceLock<Table<BASE_BITS>> = OnceLock::new();
        let Signature::Ed25519([r, s]) = signature;
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)) else {
            return false;
        };
        let mut hash = Sha512::new_with_prefix(r);
        hash.update(self.key);
        hash.update(context.bytes());
        scope.iter().for_each(|part| hash.update(part));
        hash.update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let base = BASE.get_or_init(|| Table::new(ED25519_BASEPOINT_POINT));
        let expected = self.minus.add(base.add(EdwardsPoint::identity(), &s), &k);
        expected.compress().0 == *r && !expected.is_small_order()
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        PublicKey::Ed25519(self.key).fmt(f)
    }
}

/// The multiples of a point: row `i` holds 1 to 2^(W − 1) times 2^(W i) of it.
struct Table<const W: usize> {
    points: Vec<EdwardsPoint>,
}

impl<const W: usize> Table<W> {
    /// Digits run from −2^(W − 1) + 1 to 2^(W − 1), so half as many points do.
    const HALF: usize = 1 << (W - 1);
    /// A scalar has 253 bits, and the last digit may carry.
    const ROWS: usize = 253usize.div_ceil(W) + 1;

    fn new(point: EdwardsPoint) -> Self {
        let mut points = Vec::with_capacity(Self::ROWS * Self::HALF);
        let mut first = point;
        for _ in 0..Self::ROWS {
            let mut multiple = first;
            for _ in 1..Self::HALF {
                points.push(multiple);
                multiple += &first;
            }
            points.push(multiple);
            first = multiple + multiple;
        }
        Self { points }
    }

    /// `sum` and `scalar` times the point. Takes as long as it takes: nothing here is secret.
    fn add(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        let bytes = scalar.as_bytes();
        let mut carry = 0usize;
        for (row, points) in self.points.chunks_exact(Self::HALF).enumerate() {
            let digit = bits(bytes, row * W, W) + carry;
            carry = usize::from(digit > Self::HALF);
            let (size, minus) = if carry == 1 { ((1 << W) - digit, true) } else { (digit, false) };
            match size.checked_sub(1).and_then(|at| points.get(at)) {
                Some(point) if minus => sum -= point,
                Some(point) => sum += point,
                None => {}
            }
        }
        sum
    }
}

/// `count` bits of a little-endian number, from bit `from` on; zero beyond its end.
fn bits(bytes: &[u8; 32], from: usize, count: usize) -> usize {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
    let two = byte(from / 8) | byte(from / 8 + 1) << 8;
    (two >> (from % 8)) & ((1 << count) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::SigningKey;

    /// Every encoding of a point whose order is small, and two that are no points.
    const ODD: [&str; 9] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "0200000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    fn odd(which: usize) -> [u8; 32] {
        let digits = ODD[which % ODD.len()].as_bytes();
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).expect("digits");
            *byte = u8::from_str_radix(pair, 16).expect("two digits");
        }
        bytes
    }

    #[track_caller]
    fn same(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let plain = key.verifies(Context::Header, &[b"one", b"two"], message, signature);
        let prepared = Prepared::new(key).is_some_and(|prepared| {
            prepared.verifies(Context::Header, &[b"one", b"two"], message, signature)
        });
        assert_eq!(plain, prepared, "{key} {message:?}");
        plain
    }

    #[test]
    fn edge_scalars_are_multiplied_as_the_library_does() {
        let point = CompressedEdwardsY(*SigningKey::from_seed(&[5; 32]).public().bytes());
        let point = point.decompress().expect("a key");
        let (key, base) = (Table::<KEY_BITS>::new(point), Table::<BASE_BITS>::new(point));
        let mut scalars: Vec<Scalar> = (0..70u64).map(Scalar::from).collect();
        scalars.extend((0..70u64).map(|n| -Scalar::from(n)));
        scalars.extend((0..=252u32).map(|n| {
            let mut bytes = [0; 32];
            bytes[n as usize / 8] = 1 << (n % 8);
            Scalar::from_bytes_mod_order(bytes) - Scalar::ONE
        }));
        for scalar in scalars {
            let zero = EdwardsPoint::identity();
            assert_eq!(key.add(zero, &scalar), point * scalar);
            assert_eq!(base.add(zero, &scalar), point * scalar);
        }
    }

    #[test]
    fn odd_keys_and_odd_points_are_refused_as_verify_strict_does() {
        let good = SigningKey::from_seed(&[5; 32]);
        for a in 0..ODD.len() {
            for r in 0..ODD.len() {
                for s in [[0; 32], odd(0)] {
                    let signature = Signature::Ed25519([odd(r), s]);
                    assert!(!same(&PublicKey::Ed25519(odd(a)), b"rice", &signature));
                    assert!(!same(&good.public(), b"rice", &signature));
                }
            }
        }
    }

    #[test]
    fn a_signature_with_its_scalar_spelt_larger_is_refused() {
        let key = SigningKey::from_seed(&[9; 32]);
        let Signature::Ed25519([r, mut s]) = key.sign(Context::Header, &[b"one", b"two"], b"oil");
        assert!(same(&key.public(), b"oil", &Signature::Ed25519([r, s])));
        // The order of the group, little-endian (RFC 8032, section 5.1).
        let mut order = [0u8; 32];
        order[..16].copy_from_slice(&[
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14,
        ]);
        order[31] = 0x10;
        let mut carry = 0u16;
        for (byte, add) in s.iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert!(!same(&key.public(), b"oil", &Signature::Ed25519([r, s])));
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_verify_strict(
            seed in any::<[u8; 32]>(), message in prop::collection::vec(any::<u8>(), 0..300),
            torsion in 0..ODD.len(), flip in any::<prop::sample::Index>(),
        ) {
            let key = SigningKey::from_seed(&seed);
            let signature = key.sign(Context::Header, &[b"one", b"two"], &message);
            prop_assert!(same(&key.public(), &message, &signature));
            let Signature::Ed25519([r, s]) = signature;
            let mut both = [r, s];
            let bit = flip.index(512);
            both[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert!(!same(&key.public(), &message, &Signature::Ed25519(both)));
            // Moved by a point of small order, key or R: good for a check that multiplies by eight, not for the strict.
            let moved = |bytes: [u8; 32]| {
                let point = CompressedEdwardsY(bytes).decompress();
                let by = CompressedEdwardsY(odd(torsion)).decompress();
                point.zip(by).map(|(a, b)| (a + b).compress().0)
            };
            if let Some(r) = moved(r) {
                same(&key.public(), &message, &Signature::Ed25519([r, s]));
            }
            if let Some(a) = moved(*key.public().bytes()) {
                same(&PublicKey::Ed25519(a), &message, &signature);
            }
        }
    }
}
