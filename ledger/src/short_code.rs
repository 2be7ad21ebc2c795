//! Short codes: twelve characters that name a carrier, written on paper or spoken (spec/statements.md).
//!
//! ```text
//! 7K3M-9QXD-2VHN      50 random bits, then 10 check bits; Crockford's base 32, five bits a character
//! ```
//!
//! A code finds a purse and authenticates nobody. It is unrelated to pseudonym and purse, and cancelled with its
//! carrier; only a keyed commitment to it stands on the ledger. The check bits catch all but one in 1,024 mistakes; the
//! random bits leave one in 2⁵⁰ ÷ (codes in use) guesses to find one.

use std::fmt;
use std::str::FromStr;

use crate::digits::{is_gap, is_mark, western};
use crate::hash::{Hash, Purpose, hash_one, keyed};
use crate::id::{CarrierId, ProgrammeId};

/// Characters of a code.
pub const LENGTH: usize = 12;
/// Random bits of a code.
pub const RANDOM_BITS: u32 = 50;
const CHECK_BITS: u32 = 10;

/// Crockford's alphabet: no I, L, O or U, which are taken for other characters or make words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code whose check bits are right. It prints in groups of four, and `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShortCode(u64);

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// Too few or too many characters.
    #[error("a code has 12 characters, this has {0}")]
    Length(usize),
    /// A character no code has.
    #[error("a code has no \"{0}\"")]
    Character(char),
    /// A character was mistaken for another, or two changed places.
    #[error("the code is misread or mistyped: read it again")]
    Check,
}

impl ShortCode {
    /// The code of 50 random bits: the lowest of `random`, whatever stands above them.
    #[must_use]
    pub fn new(random: u64) -> Self {
        let random = random & ((1 << RANDOM_BITS) - 1);
        Self(random << CHECK_BITS | check_bits(random))
    }

    /// The eight bytes a code is looked up by.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The carrier this code names in a programme: checked only by whoever has the key of the place that issued it.
    #[must_use]
    pub fn carrier(&self, key: &[u8; 32], programme: ProgrammeId) -> CarrierId {
        let Hash(hash) = keyed(
            Purpose::Commitment,
            key,
            &[b"carrier", &programme.0.to_be_bytes(), &self.bytes()],
        );
        let mut carrier = [0u8; 16];
        carrier.copy_from_slice(&hash[..16]);
        CarrierId(carrier)
    }
}

fn check_bits(random: u64) -> u64 {
    let Hash([first, second, ..]) = hash_one(Purpose::ShortCode, &random.to_be_bytes());
    u64::from(u16::from_be_bytes([first, second]) >> (16 - CHECK_BITS))
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for place in (0..LENGTH).rev() {
            let digit = usize::try_from(self.0 >> (5 * place) & 31).unwrap_or_default();
            f.write_char(char::from(ALPHABET[digit]))?;
            if place == 8 || place == 4 {
                f.write_char('-')?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortCode(…)")
    }
}

impl FromStr for ShortCode {
    type Err = NotACode;

    /// Reads a code as people write or copy it: in either case, with spaces, hyphens or marks of direction, `O` for zero, `I` or
    /// `L` for one, its digits in those of any script.
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let (mut bits, mut length) = (0u64, 0usize);
        for c in text.chars().filter(|c| !is_gap(*c) && !is_mark(*c)) {
            let plain = match western(c).to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let digit = ALPHABET.iter().position(|letter| char::from(*letter) == plain);
            let digit = digit.ok_or(NotACode::Character(c))?;
            length = length.saturating_add(1);
            if length <= LENGTH {
                bits = bits << 5 | u64::try_from(digit).unwrap_or_default();
            }
        }
        if length != LENGTH {
            return Err(NotACode::Length(length));
        }
        let code = Self::new(bits >> CHECK_BITS);
        if code.0 == bits { Ok(code) } else { Err(NotACode::Check) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_written() {
        let code = ShortCode::new(0x3_1415_9265_3589);
        let text = code.to_string();
        let arabic = |c: char| c.to_digit(10).and_then(|d| char::from_u32(0x660 + d)).unwrap_or(c);
        assert_eq!(text.len(), LENGTH + 2);
        for written in [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            text.replace('0', "o").replace('1', "l"),
            text.chars().map(arabic).collect(),
            format!("\u{2068}{text}\u{2069}"),
        ] {
            assert_eq!(written.parse(), Ok(code), "{written}");
        }
        assert_eq!(ShortCode::new(u64::MAX), ShortCode::new((1 << RANDOM_BITS) - 1));
        assert_eq!(format!("{code:?}"), "ShortCode(…)");
    }

    #[test]
    fn what_is_no_code_is_told_why() {
        #[track_caller]
        fn check(text: &str, want: NotACode) {
            assert_eq!(text.parse::<ShortCode>(), Err(want), "{text}");
        }
        check("", NotACode::Length(0));
        check("7K3M-9QXD-2VH", NotACode::Length(11));
        check("7K3M-9QXD-2VHNN", NotACode::Length(13));
        check("7K3M-9QXD-2VHU", NotACode::Character('U'));
        check("7K3M-9QXD-2VHن", NotACode::Character('ن'));
        check(&"0".repeat(100_000), NotACode::Length(100_000));
    }

    #[test]
    fn nearly_every_single_mistake_and_swap_is_caught() {
        let (mut tried, mut missed) = (0u32, 0u32);
        for seed in 0..64u64 {
            let text = ShortCode::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .to_string()
                .replace('-', "");
            for place in 0..LENGTH {
                for letter in ALPHABET {
                    let mut bytes = text.clone().into_bytes();
                    bytes[place] = *letter;
                    let wrong = String::from_utf8(bytes).expect("ASCII");
                    tried += u32::from(wrong != text);
                    missed += u32::from(wrong != text && wrong.parse::<ShortCode>().is_ok());
                }
            }
            for place in 1..LENGTH {
                let mut bytes = text.clone().into_bytes();
                bytes.swap(place - 1, place);
                let wrong = String::from_utf8(bytes).expect("ASCII");
                tried += u32::from(wrong != text);
                missed += u32::from(wrong != text && wrong.parse::<ShortCode>().is_ok());
            }
        }
        // One in 1,024 would be 24 of 24,500; twice as many would be a fault of the check.
        assert!(missed <= tried / 512, "{missed} of {tried}");
    }

    #[test]
    fn carriers_do_not_join_across_programmes_or_places() {
        let code = ShortCode::new(7);
        let one = code.carrier(&[1; 32], ProgrammeId(1));
        assert_ne!(one, code.carrier(&[1; 32], ProgrammeId(2)));
        assert_ne!(one, code.carrier(&[2; 32], ProgrammeId(1)));
        assert_ne!(one, ShortCode::new(8).carrier(&[1; 32], ProgrammeId(1)));
    }
}
