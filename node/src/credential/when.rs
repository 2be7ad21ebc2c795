//! Time as credentials write it: whole seconds since 1970, and RFC 3339 in UTC.

use std::fmt;

use annona_ledger::time::Millis;

use crate::calendar;

/// Seconds since 1970-01-01T00:00:00Z. Prints as RFC 3339: `2026-11-22T17:30:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(pub u64);

impl Seconds {
    /// The second a clock shows.
    #[must_use]
    pub const fn of(now: Millis) -> Self {
        Self(now.0 / 1000)
    }

    /// This many seconds later, or the last second there is.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Reads `2026-11-22T17:30:00Z`: UTC, whole seconds, years 1970 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shape = b"0000-00-00T00:00:00Z";
        let fits = bytes.len() == shape.len()
            && bytes.iter().zip(shape).all(|(b, s)| match s {
                b'0' => b.is_ascii_digit(),
                other => b == other,
            });
        if !fits {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let days = calendar::days_of(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        (hour < 24 && minute < 60 && second < 60)
            .then(|| Self(days * 86_400 + hour * 3_600 + minute * 60 + second))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Beyond year 9999 there is no RFC 3339.
        f.write_str(&calendar::rfc3339(self.0.min(253_402_300_799)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_and_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_677_281_798, "2023-02-24T23:36:38Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Seconds(seconds).to_string(), text);
            assert_eq!(Seconds::parse(text), Some(Seconds(seconds)));
        }
        for day in 0..60_000 {
            let at = Seconds(day * 86_400 + 3_661);
            assert_eq!(Seconds::parse(&at.to_string()), Some(at));
        }
        assert_eq!(Seconds(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T17:30:00",
            "2026-11-22T17:30:00+01:00",
            "2026-11-22t17:30:00z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "+026-01-01T00:00:00Z",
            "२026-01-01T00:0:00Z",
        ] {
            assert_eq!(Seconds::parse(text), None, "{text}");
        }
    }
}
