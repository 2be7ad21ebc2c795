//! The Gregorian calendar from 1970 on, in UTC: days counted, and their dates.
//!
//! After Howard Hinnant, "chrono-compatible low-level date algorithms" (2013): years begin in March, so that the day a leap
//! year adds is the last, and the calendar repeats every 400 years, which have 146,097 days.

/// Days from the first of March of the year 0 to 1970-01-01.
const BEFORE_1970: u64 = 719_468;

/// Days since 1970-01-01 of a date; `None` where there is no such day, or it lies before.
#[must_use]
pub fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(1970..=u64::from(u32::MAX)).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.checked_sub(BEFORE_1970)
}

/// Year, month and day of a number of days since 1970-01-01.
#[must_use]
pub const fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(BEFORE_1970);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// A second since 1970 as in RFC 3339, in UTC: `2026-11-22T17:30:00Z`.
#[must_use]
pub fn rfc3339(seconds: u64) -> String {
    let ((year, month, day), rest) = (date_of(seconds / 86_400), seconds % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_one_date_and_the_next_day_the_next() {
        let mut before = (1969, 12, 31);
        for days in 0..300_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
            assert!((year, month, day) > before, "{before:?}");
            before = (year, month, day);
        }
    }

    #[test]
    fn moments_print_to_the_second() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn there_is_no_such_day() {
        for (year, month, day) in [
            (1969, 12, 31),
            (2026, 2, 29),
            (2100, 2, 29),
            (2026, 4, 31),
            (2026, 13, 1),
            (2026, 0, 1),
            (2026, 1, 0),
            (u64::MAX, 1, 1),
        ] {
            assert_eq!(days_of(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(days_of(2000, 2, 29), Some(11_016));
    }
}
