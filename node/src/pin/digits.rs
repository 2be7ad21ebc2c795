//! A PIN as it is typed.

use std::fmt;

use annona_ledger::digits::digit;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The fewest digits.
pub(super) const LEAST: usize = 6;
/// The most digits.
pub(super) const MOST: usize = 12;

/// Six to twelve digits: wiped when dropped, neither copied nor printed.
#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pin(Vec<u8>);

/// Why a text is no PIN, or not one to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPin {
    /// Something else than digits.
    #[error("a PIN has digits only")]
    Digits,
    /// Too few or too many.
    #[error("a PIN has {LEAST} to {MOST} digits")]
    Length,
    /// One that is tried first.
    #[error("this PIN is one of the first anybody tries: choose another")]
    TooEasy,
}

impl Pin {
    /// Reads a PIN as it is typed, in the digits of any script.
    ///
    /// # Errors
    ///
    /// [`NoPin::Digits`] or [`NoPin::Length`].
    pub fn parse(text: &str) -> Result<Self, NoPin> {
        // Room for all of them at once: a vector that grows leaves copies behind.
        let mut digits = Self(Vec::with_capacity(MOST));
        for letter in text.trim().chars() {
            let digit = digit(letter).ok_or(NoPin::Digits)?;
            if digits.0.len() == MOST {
                return Err(NoPin::Length);
            }
            digits.0.push(b'0' + digit);
        }
        if digits.0.len() < LEAST { Err(NoPin::Length) } else { Ok(digits) }
    }

    /// Reads a PIN that somebody chooses.
    ///
    /// # Errors
    ///
    /// As [`Pin::parse`], and [`NoPin::TooEasy`].
    pub fn choose(text: &str) -> Result<Self, NoPin> {
        let pin = Self::parse(text)?;
        let step = |by: i16| {
            pin.0.windows(2).all(|two| matches!(two, [a, b] if i16::from(*b) - i16::from(*a) == by))
        };
        if step(0) || step(1) || step(-1) { Err(NoPin::TooEasy) } else { Ok(pin) }
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_same_in_every_script() {
        let pin = Pin::parse("204816").expect("a PIN");
        for typed in
            ["٢٠٤٨١٦", "۲۰۴۸۱۶", "২০৪৮১৬", "၂၀၄၈၁၆", "២០៤៨១៦", "߂߀߄߈߁߆", "꘢꘠꘤꘨꘡꘦", " 204816\n"]
        {
            assert_eq!(Pin::parse(typed), Ok(Pin::parse("204816").expect("a PIN")), "{typed}");
        }
        assert_eq!(pin.expose(), b"204816");
        assert_eq!(format!("{pin:?}"), "Pin(…)");
    }

    #[test]
    fn what_is_no_pin_or_too_easy_is_told() {
        for (typed, why) in [
            ("", NoPin::Length),
            ("20481", NoPin::Length),
            ("2048160000000", NoPin::Length),
            ("20481a", NoPin::Digits),
            ("204 816", NoPin::Digits),
            ("-204816", NoPin::Digits),
        ] {
            assert_eq!(Pin::parse(typed).expect_err("no PIN"), why, "{typed}");
        }
        for easy in ["000000", "123456", "98765432", "١٢٣٤٥٦"] {
            assert_eq!(Pin::choose(easy).expect_err("too easy"), NoPin::TooEasy, "{easy}");
            assert!(Pin::parse(easy).is_ok(), "one that was set elsewhere is read");
        }
        assert!(Pin::choose("123457").is_ok());
    }
}
