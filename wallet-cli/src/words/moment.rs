//! Times as people write them: `2026-05-01`, `2026-05-01T08:30`, or so many days from now, `+30d`. Always UTC.

use std::str::FromStr;

use annona_ledger::time::{Millis, Minute};
use annona_node::calendar;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A time as it was written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A day or a minute, in milliseconds since 1970, and whether only the day was said.
    At { millis: u64, day: bool },
    /// So many days from now.
    Days(u32),
}

impl Moment {
    /// The minute it begins in, for a federation founded at `founded`.
    pub(crate) fn from(self, now: Millis, founded: Millis) -> Minute {
        match self {
            Self::At { millis, .. } => Minute::of(Millis(millis), founded),
            Self::Days(days) => Minute::of(
                Millis(now.0.saturating_add(u64::from(days).saturating_mul(DAY))),
                founded,
            ),
        }
    }

    /// The last minute of it: of the whole day, where only a day was said.
    pub(crate) fn until(self, now: Millis, founded: Millis) -> Minute {
        match self {
            Self::At { millis, day: true } => {
                let end = millis.saturating_add(DAY - 60_000);
                Minute::of(Millis(end), founded)
            }
            other => other.from(now, founded),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no time: write 2026-05-01, 2026-05-01T08:30 (UTC) or +30d");
        if let Some(days) = text.strip_prefix('+').and_then(|rest| rest.strip_suffix('d')) {
            let digits = !days.is_empty() && days.bytes().all(|d| d.is_ascii_digit());
            return digits.then(|| days.parse().map(Self::Days).ok()).flatten().ok_or_else(wrong);
        }
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
        let number = |t: &str, width| {
            (t.len() == width && t.bytes().all(|d| d.is_ascii_digit()))
                .then(|| t.parse::<u64>().ok())
                .flatten()
                .ok_or_else(wrong)
        };
        let mut parts = date.split('-');
        let mut next = |width| number(parts.next().unwrap_or_default(), width);
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let days = calendar::days_of(year, month, day).ok_or_else(wrong)?;
        if parts.next().is_some() {
            return Err(wrong());
        }
        if time.is_empty() && date.len() == text.len() {
            return Ok(Self::At { millis: days.saturating_mul(DAY), day: true });
        }
        let (hour, minute) = time.split_once(':').ok_or_else(wrong)?;
        let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
        if hour > 23 || minute > 59 {
            return Err(wrong());
        }
        let millis = days.saturating_mul(DAY).saturating_add((hour * 60 + minute) * 60_000);
        Ok(Self::At { millis, day: false })
    }
}

/// A minute of a federation as date and time, UTC; the last minute there is as `never`.
pub(crate) fn print_minute(minute: Minute, founded: Millis) -> String {
    if minute == Minute::NEVER {
        return "never".into();
    }
    print_millis(minute.begins(founded))
}

/// Milliseconds since 1970 as date and time, UTC, to the minute.
pub(crate) fn print_millis(millis: Millis) -> String {
    let minutes = millis.0 / 60_000;
    let (year, month, day) = calendar::date_of(minutes / (24 * 60));
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_print() {
        #[track_caller]
        fn check(text: &str, want: Option<&str>) {
            let read = text.parse::<Moment>().ok().map(|moment| match moment {
                Moment::At { millis, .. } => print_millis(Millis(millis)),
                Moment::Days(days) => format!("{days} days"),
            });
            assert_eq!(read.as_deref(), want, "{text}");
        }
        check("1970-01-01", Some("1970-01-01 00:00"));
        check("2026-05-01T08:30", Some("2026-05-01 08:30"));
        check("2026-05-01 23:59", Some("2026-05-01 23:59"));
        check("2024-02-29", Some("2024-02-29 00:00"));
        check("2099-12-31", Some("2099-12-31 00:00"));
        check("+30d", Some("30 days"));
        for bad in
            ["2023-02-29", "2100-02-29", "2026-13-01", "2026-00-01", "2026-05-32", "26-05-01"]
        {
            check(bad, None);
        }
        for bad in ["1969-12-31", "2026-05-01T", "2026-05-01T24:00", "2026-05-01-01", "+d", "++1d"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn every_day_of_four_centuries_goes_round() {
        for days in 0..146_097 {
            let (year, month, day) = calendar::date_of(days);
            assert_eq!(calendar::days_of(year, month, day), Some(days), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn a_day_ends_at_its_last_minute() {
        let founded = Millis(0);
        let day: Moment = "1970-01-02".parse().expect("a day");
        assert_eq!(day.from(Millis(0), founded), Minute(24 * 60));
        assert_eq!(day.until(Millis(0), founded), Minute(2 * 24 * 60 - 1));
        assert_eq!(Moment::Days(1).until(Millis(0), founded), Minute(24 * 60));
        assert_eq!(print_minute(Minute::NEVER, founded), "never");
    }
}
