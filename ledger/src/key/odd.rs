//! Keys and signatures on which verifiers differ: points of small order, points with a part of small order, second
//! spellings. Made after the cases of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, SSR 2020), which tells
//! how widely used libraries answer them. Here they have one answer, whoever is asked.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use super::{Context, Prepared, PublicKey, Signature, SigningKey, WeakKey};

/// What every case is signed for. Messages begin with the zeros of a scope, federation and feed, so that they can be
/// asked about with a scope and without.
pub(crate) const CONTEXT: Context = Context::Promise;
pub(crate) const SCOPE: usize = 32 + 36;

/// A key, a message, a signature, and what they are to everybody.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) key: PublicKey,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Signature,
    pub(crate) good: bool,
}

/// The order of the group, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A second spelling of a y below 19: with the order of the field, 2^255 − 19, added to it.
fn spelt_larger(y: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + y, 0x7f);
    bytes
}

/// `s` and so many times the order of the group.
fn more(s: &Scalar, times: u8) -> [u8; 32] {
    let mut bytes = s.to_bytes();
    for _ in 0..times {
        let mut carry = 0u16;
        for (byte, add) in bytes.iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "still 32 bytes");
    }
    bytes
}

fn spelt(point: &EdwardsPoint) -> [u8; 32] {
    point.compress().0
}

/// What is multiplied with the key: the hash of R, key and what is signed.
fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key);
    let hash = hash.chain_update(CONTEXT.bytes()).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// The part of small order of so many times the generator of all of them.
fn torsion(n: u8) -> EdwardsPoint {
    EIGHT_TORSION[usize::from(n % 8)]
}

/// The remainder by eight: what a scalar does to a point whose order divides eight.
fn by_eight(k: &Scalar) -> u8 {
    k.as_bytes()[0] % 8
}

/// Secret, nonce, and the points they stand for.
struct Signer {
    a: Scalar,
    r: Scalar,
}

const SIGNER: fn() -> Signer = || Signer {
    a: Scalar::from_bytes_mod_order([0x5a; 32]),
    r: Scalar::from_bytes_mod_order([0x3c; 32]),
};

/// The first message for which a signature of this make exists: `make` returns its R and s, if so.
fn found(make: impl Fn(&[u8]) -> Option<([u8; 32], [u8; 32])>) -> (Vec<u8>, Signature) {
    let messages = (0u16..4_096).map(|n| [&[0; SCOPE][..], &n.to_be_bytes()].concat());
    let made = messages.map(|message| (make(&message), message));
    let mut made = made.filter_map(|(made, message)| Some((message, made?)));
    let (message, (r, s)) = made.next().expect("one of eight does");
    (message, Signature::Ed25519([r, s]))
}

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let Signer { a, r } = SIGNER();
    let base = ED25519_BASEPOINT_POINT;
    let case = |name, key, (message, signature), good| {
        let key = PublicKey::Ed25519(key);
        Case { name, key, message, signature, good }
    };
    let none = Scalar::ZERO.to_bytes();
    // A key with a part of small order, whose s leaves that part to R.
    let mixed = spelt(&(base * a + torsion(1)));
    let plain = spelt(&(base * a));
    // R with a part of small order: the one that the key's part asks for, if `fits` says so of the two.
    let with_parts = |fits: fn(u8, u8) -> bool| {
        move |message: &[u8]| {
            (0..8).find_map(|part| {
                let point = spelt(&(base * r + torsion(part)));
                let k = challenge(&point, &mixed, message);
                let asked = (8 - by_eight(&k)) % 8;
                fits(part, asked).then(|| (point, (r + k * a).to_bytes()))
            })
        }
    };
    let small = spelt(&torsion(1));
    let both_small = found(|message| {
        (0..8).find_map(|part| {
            let point = spelt(&torsion(part));
            let k = challenge(&point, &small, message);
            (part == (8 - by_eight(&k)) % 8).then_some((point, none))
        })
    });
    let small_key = found(|message| {
        (1..8).find_map(|part| {
            let point = spelt(&(base * r + torsion(part)));
            let k = challenge(&point, &small, message);
            (part == (8 - by_eight(&k)) % 8).then(|| (point, r.to_bytes()))
        })
    });
    let small_r = |key: [u8; 32], least: u8| {
        found(move |message| {
            (least..8).find_map(|part| {
                let point = spelt(&torsion(part));
                let k = challenge(&point, &key, message);
                let asked = if key == mixed { (8 - by_eight(&k)) % 8 } else { 0 };
                (part == asked).then(|| (point, (k * a).to_bytes()))
            })
        })
    };
    // R is the neutral point, spelt larger; the hash is over one spelling or the other.
    let r_spelt_larger = |hashed: [u8; 32]| {
        found(move |message| {
            let k = challenge(&hashed, &mixed, message);
            (by_eight(&k) == 0).then(|| (spelt_larger(1), (k * a).to_bytes()))
        })
    };
    // The key is the point of order four with y = 0, spelt larger; the hash is over one spelling or the other.
    let four = EIGHT_TORSION.iter().find(|point| spelt(point) == [0; 32]).expect("of order four");
    let key_spelt_larger = |hashed: [u8; 32]| {
        found(move |message| {
            (0..8).find_map(|part| {
                let point = base * r + torsion(part);
                let k = challenge(&spelt(&point), &hashed, message);
                (base * r - four * k == point).then(|| (spelt(&point), r.to_bytes()))
            })
        })
    };
    let honest = found(|message| {
        let point = spelt(&(base * r));
        Some((point, (r + challenge(&point, &plain, message) * a).to_bytes()))
    });
    let larger = |times| {
        let (message, Signature::Ed25519([point, s])) = honest.clone();
        let s = Scalar::from_canonical_bytes(s).expect("below the order");
        (message, Signature::Ed25519([point, more(&s, times)]))
    };
    vec![
        case("honest", plain, honest.clone(), true),
        case(
            "key_and_r_with_parts_that_cancel",
            mixed,
            found(with_parts(|p, a| p == a && p > 0)),
            true,
        ),
        case(
            "key_with_a_part_that_is_not_asked_for",
            mixed,
            found(with_parts(|p, a| p == a && p == 0)),
            true,
        ),
        case(
            "key_and_r_with_parts_that_do_not_cancel",
            mixed,
            found(with_parts(|p, a| p != a && p > 0)),
            false,
        ),
        case(
            "key_with_a_part_that_r_leaves_out",
            mixed,
            found(with_parts(|p, a| p != a && p == 0)),
            false,
        ),
        case("key_and_r_of_small_order", small, both_small, false),
        case("key_of_small_order", small, small_key, false),
        case("r_of_small_order", mixed, small_r(mixed, 1), false),
        case("r_of_nothing", plain, small_r(plain, 0), false),
        case("s_and_the_order", plain, larger(1), false),
        case("s_and_fourteen_times_the_order", plain, larger(14), false),
        case("r_spelt_larger", mixed, r_spelt_larger(spelt_larger(1)), false),
        case(
            "r_spelt_larger_and_hashed_as_it_should_be",
            mixed,
            r_spelt_larger(spelt(&torsion(0))),
            false,
        ),
        case("key_spelt_larger", spelt_larger(0), key_spelt_larger(spelt_larger(0)), false),
        case(
            "key_spelt_larger_and_hashed_as_it_should_be",
            spelt_larger(0),
            key_spelt_larger([0; 32]),
            false,
        ),
    ]
}

/// Whether the equation holds that a verifier multiplies by eight before it compares: what others may accept.
fn holds_by_eight(case: &Case) -> bool {
    let Signature::Ed25519([r, s]) = case.signature;
    let point = |bytes: [u8; 32]| {
        curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress().expect("a point")
    };
    let (key, at) = (point(*case.key.bytes()), point(r));
    let s = Scalar::from_bytes_mod_order(s);
    let spellings = [r, spelt(&at)].into_iter().flat_map(|r| {
        [*case.key.bytes(), spelt(&key)].map(|key| challenge(&r, &key, &case.message))
    });
    let mut left = spellings.map(|k| ED25519_BASEPOINT_POINT * s - key * k - at);
    left.any(|rest| rest.is_small_order())
}

#[test]
fn s37_odd_keys_and_signatures_have_one_answer_whoever_is_asked() {
    for case in cases() {
        let Case { name, key, message, signature, good } = &case;
        assert!(holds_by_eight(&case), "{name}: some verifiers take it");
        assert_eq!(key.verifies(CONTEXT, &[], message, signature), *good, "{name}");
        let prepared = Prepared::new(key);
        let answer = prepared.is_some_and(|key| key.verifies(CONTEXT, &[], message, signature));
        assert_eq!(answer, *good, "{name}: prepared");
    }
}

#[test]
fn s37_an_odd_key_is_admitted_only_where_something_can_be_signed_with_it() {
    let weak = |bytes| PublicKey::Ed25519(bytes).check();
    for part in 0..8 {
        assert_eq!(weak(spelt(&torsion(part))), Err(WeakKey), "{part}");
    }
    for y in 0..19 {
        assert_eq!(weak(spelt_larger(y)), Err(WeakKey), "{y} has another spelling");
    }
    let mut turned = spelt(&torsion(0));
    turned[31] |= 0x80;
    assert_eq!(weak(turned), Err(WeakKey), "no point has x = −0");
    let Signer { a, .. } = SIGNER();
    for part in 0..8 {
        let key = spelt(&(ED25519_BASEPOINT_POINT * a + torsion(part)));
        assert_eq!(weak(key), Ok(()), "{part}: its owner can sign, and nobody else");
    }
    assert_eq!(SigningKey::from_seed(&[1; 32]).public().check(), Ok(()));
}
