//! An oblivious pseudorandom function: RFC 9497, mode OPRF, suite ristretto255-SHA512 (spec/overlap.md).
//!
//! One side holds a key, the other an input. At the end the second knows the function of its input under that key, and the
//! first has learned nothing; with no answer, nobody can compute it. Randomness is handed in.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

const CONTEXT: &[u8] = b"OPRFV1-\x00-ristretto255-SHA512";

/// An element of the group as it travels: 32 bytes.
pub type Element = [u8; 32];

/// The output: 64 bytes.
pub type Output = [u8; 64];

/// Bytes that are no element of the group, or the one that tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no element of the group")]
pub struct NoElement;

/// The key of the side that answers: for one answer, and wiped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct OprfKey(Scalar);

/// What the asking side keeps until the answer is there.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Blind(Scalar);

fn element(bytes: &Element) -> Result<RistrettoPoint, NoElement> {
    let point = CompressedRistretto(*bytes).decompress().ok_or(NoElement)?;
    if point == RistrettoPoint::identity() { Err(NoElement) } else { Ok(point) }
}

/// Whether bytes are an element of the group, as any that is asked or answered is.
#[must_use]
pub fn is_element(bytes: &Element) -> bool {
    element(bytes).is_ok()
}

/// `expand_message_xmd` of RFC 9380 with SHA-512, for 64 bytes: one block of output.
fn expand(parts: &[&[u8]], tag: &[u8]) -> [u8; 64] {
    let tag_length = [u8::try_from(tag.len().saturating_add(CONTEXT.len())).unwrap_or(u8::MAX)];
    let mut first = Sha512::new();
    first.update([0; 128]);
    parts.iter().for_each(|part| first.update(part));
    first.update([0, 64, 0]);
    [tag, CONTEXT, &tag_length].iter().for_each(|part| first.update(part));
    let first = first.finalize();
    let mut second = Sha512::new();
    second.update(first);
    second.update([1]);
    [tag, CONTEXT, &tag_length].iter().for_each(|part| second.update(part));
    second.finalize().into()
}

fn to_group(input: &[u8]) -> Result<RistrettoPoint, NoElement> {
    let point = RistrettoPoint::from_uniform_bytes(&expand(&[input], b"HashToGroup-"));
    if point == RistrettoPoint::identity() { Err(NoElement) } else { Ok(point) }
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}

fn finish(input: &[u8], unblinded: &RistrettoPoint) -> Output {
    let unblinded = unblinded.compress();
    let mut hash = Sha512::new();
    let parts: [&[u8]; 5] = [&length(input), input, &[0, 32], unblinded.as_bytes(), b"Finalize"];
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

impl OprfKey {
    /// From 64 random bytes, which are wiped.
    #[must_use]
    pub fn of(random: &mut [u8; 64]) -> Self {
        let key = Scalar::from_bytes_mod_order_wide(random);
        random.zeroize();
        Self(key)
    }

    /// Answers a blinded element.
    ///
    /// # Errors
    ///
    /// [`NoElement`].
    pub fn answer(&self, blinded: &Element) -> Result<Element, NoElement> {
        Ok((element(blinded)? * self.0).compress().to_bytes())
    }

    /// The function of an input of one's own.
    ///
    /// # Errors
    ///
    /// [`NoElement`] for an input nobody can find.
    pub fn output(&self, input: &[u8]) -> Result<Output, NoElement> {
        Ok(finish(input, &(to_group(input)? * self.0)))
    }
}

impl Blind {
    /// Blinds an input with 64 random bytes, which are wiped.
    ///
    /// # Errors
    ///
    /// [`NoElement`] for an input nobody can find.
    pub fn of(input: &[u8], random: &mut [u8; 64]) -> Result<(Self, Element), NoElement> {
        let blind = Scalar::from_bytes_mod_order_wide(random);
        random.zeroize();
        let blinded = (to_group(input)? * blind).compress().to_bytes();
        Ok((Self(blind), blinded))
    }

    /// The bytes to keep it by: as secret as the input.
    #[must_use]
    pub fn expose(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// From the bytes it was kept by.
    ///
    /// # Errors
    ///
    /// [`NoElement`] for others.
    pub fn kept(bytes: &[u8; 32]) -> Result<Self, NoElement> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(*bytes).into();
        scalar.filter(|scalar| *scalar != Scalar::ZERO).map(Self).ok_or(NoElement)
    }

    /// The function of the input, from the answer.
    ///
    /// # Errors
    ///
    /// [`NoElement`].
    pub fn output(&self, input: &[u8], answer: &Element) -> Result<Output, NoElement> {
        Ok(finish(input, &(element(answer)? * self.0.invert())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        assert_eq!(hex.len(), N * 2);
        let mut out = [0; N];
        for (byte, at) in out.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
        }
        out
    }

    fn scalar(hex: &str) -> Scalar {
        Option::from(Scalar::from_canonical_bytes(bytes(hex))).expect("a scalar")
    }

    /// RFC 9497, appendix A.1.1, both vectors; and the derivation of their key (section 3.2.1).
    #[test]
    fn it_is_that_of_the_rfc() {
        let mut derive = [0xa3; 32].to_vec();
        derive.extend([0, 8]);
        derive.extend(b"test key");
        derive.push(0);
        let wide = expand(&[&derive], b"DeriveKeyPair");
        let key = OprfKey(Scalar::from_bytes_mod_order_wide(&wide));
        let named = "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e";
        assert_eq!(key.0.to_bytes(), bytes(named));
        let blind =
            Blind(scalar("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"));
        let rows: [(&[u8], &str, &str, &str); 2] = [
            (
                &[0],
                "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
                "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
                "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3\
                 ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
            ),
            (
                &[0x5a; 17],
                "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
                "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
                "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4\
                 f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
            ),
        ];
        for (input, blinded, answered, output) in rows {
            let point = to_group(input).expect("an element") * blind.0;
            assert_eq!(point.compress().to_bytes(), bytes(blinded));
            let answer = key.answer(&bytes(blinded)).expect("an element");
            assert_eq!(answer, bytes(answered));
            assert_eq!(blind.output(input, &answer).expect("an element"), bytes(output));
            assert_eq!(key.output(input).expect("an element"), bytes(output));
        }
    }

    #[test]
    fn whatever_the_blind_the_output_is_one_and_what_is_no_element_is_refused() {
        let key = OprfKey::of(&mut [7; 64]);
        let own = key.output(b"Amina").expect("an element");
        let mut seen = Vec::new();
        for n in 1..6 {
            let (blind, blinded) = Blind::of(b"Amina", &mut [n; 64]).expect("blinds");
            let answer = key.answer(&blinded).expect("an element");
            let kept = Blind::kept(&blind.expose()).expect("a scalar");
            assert_eq!(kept.output(b"Amina", &answer).expect("an element"), own);
            assert_ne!(kept.output(b"Idris", &answer).expect("an element"), own);
            seen.push(blinded);
        }
        seen.dedup();
        assert_eq!(seen.len(), 5, "nothing in a question is seen twice");
        assert_eq!(key.answer(&[0; 32]), Err(NoElement), "the identity");
        assert_eq!(key.answer(&[0xff; 32]), Err(NoElement));
        assert!(Blind::kept(&[0; 32]).is_err());
        assert!(Blind::kept(&[0xff; 32]).is_err());
        assert_eq!(Blind(Scalar::ONE).output(b"", &[1; 32]), Err(NoElement));
    }
}
