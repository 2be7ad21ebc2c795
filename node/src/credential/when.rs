//! Time as credentials write it: whole seconds since 1970, and RFC 3339 in UTC.

use std::fmt;

use annona_ledger::time::Millis;

const DAY: u64 = 24 * 60 * 60;

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
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days_from(year, month, day)? * DAY + hour * 3600 + minute * 60 + second;
        // A day that does not exist prints as another.
        let read = Self(seconds);
        (read.to_string() == text).then_some(read)
    }
}

/// Days since 1970 of a date of the Gregorian calendar; `None` for no month (Hinnant, "chrono-compatible low-level date
/// algorithms", 2013: years begin in March, so that the day a leap year adds is the last).
fn days_from(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || day == 0 || day > 31 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Beyond year 9999 there is no RFC 3339.
        let Self(seconds) = *self.min(&Self(253_402_300_799));
        let (days, rest) = (seconds / DAY + 719_468, seconds % DAY);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march + 2) / 5 + 1;
        let month = if march < 10 { march + 3 } else { march - 9 };
        let year = years + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
            let at = Seconds(day * DAY + 3_661);
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
