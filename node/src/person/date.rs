//! A calendar date in the Gregorian calendar, without a clock and without a zone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A date from the year 1850 to 2200: anything else in a registration is a mistake of typing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Makes a date, or none where there is no such day or the year is outside 1850 to 2200.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        ((1850..=2200).contains(&year) && (1..=last).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// Whole years from this day to another; none before it.
    #[must_use]
    pub fn years_until(self, other: Self) -> u64 {
        let years = other.year.saturating_sub(self.year);
        let not_yet = (other.month, other.day) < (self.month, self.day);
        u64::from(years.saturating_sub(u16::from(not_yet)))
    }

    /// Year, month and day.
    #[must_use]
    pub fn ymd(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }
}

impl From<Date> for u32 {
    fn from(d: Date) -> Self {
        Self::from(d.year) * 10_000 + Self::from(d.month) * 100 + Self::from(d.day)
    }
}

impl TryFrom<u32> for Date {
    type Error = &'static str;
    fn try_from(n: u32) -> Result<Self, Self::Error> {
        let part = |n: u32| u16::try_from(n).map_err(|_| "no such date");
        let small = |n: u32| u8::try_from(n).map_err(|_| "no such date");
        Self::new(part(n / 10_000)?, small(n / 100 % 100)?, small(n % 100)?).ok_or("no such date")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    // A birth date is personal: a log shows that there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
