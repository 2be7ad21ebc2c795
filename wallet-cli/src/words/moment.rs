//! Times as people write and read them: `2026-05-01`, `2026-05-01T08:30`, or so many days from now, `+30d`; in the zone of
//! the site, which stands in `node.toml`. Programs read them in UTC.

use std::str::FromStr;
use std::sync::OnceLock;

use annona_ledger::digits::typed;
use annona_ledger::time::{DayNo, Millis, Minute};
use annona_node::calendar;
use annona_node::config::Zone;
use annona_node::daemon::SOON_DAYS;

const DAY: u64 = 24 * 60 * 60 * 1000;
const MINUTE: u64 = 60 * 1000;

/// How this process shows times.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shown {
    /// The zone of the site, where one is known.
    pub(crate) zone: Option<Zone>,
    /// For a program to read.
    pub(crate) json: bool,
}

/// Settled once, before the command begins: a time is printed in some hundred places, and in one way.
static SHOWN: OnceLock<Shown> = OnceLock::new();

/// Settles how times are shown and read. What was settled first stays.
pub(crate) fn show_times(shown: Shown) {
    let _kept = SHOWN.set(shown);
}

fn shown() -> Shown {
    SHOWN.get().copied().unwrap_or_default()
}

/// A time as it was written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A day or a minute, in milliseconds since 1970 by the clock on the wall; whether only the day was said, and where the
    /// wall is, if that was.
    At { millis: u64, day: bool, zone: Option<Zone> },
    /// So many days from now.
    Days(u32),
}

impl Moment {
    /// The minute it begins in, for a federation founded at `founded`.
    pub(crate) fn from(self, now: Millis, founded: Millis) -> Minute {
        match self {
            Self::At { millis, zone, .. } => Minute::of(utc(millis, zone), founded),
            Self::Days(days) => Minute::of(
                Millis(now.0.saturating_add(u64::from(days).saturating_mul(DAY))),
                founded,
            ),
        }
    }

    /// The last minute of it: of the whole day, where only a day was said.
    pub(crate) fn until(self, now: Millis, founded: Millis) -> Minute {
        match self {
            Self::At { millis, day: true, zone } => {
                Minute::of(utc(millis.saturating_add(DAY - MINUTE), zone), founded)
            }
            other => other.from(now, founded),
        }
    }
}

/// What it is in UTC when a wall shows so much: by the zone that was said, or that of the site.
fn utc(millis: u64, zone: Option<Zone>) -> Millis {
    let Zone(east) = zone.or(shown().zone).unwrap_or_default();
    Millis(moved(millis, -i64::from(east)))
}

fn moved(millis: u64, minutes: i64) -> u64 {
    millis.saturating_add_signed(minutes * MINUTE.cast_signed())
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no time: write 2026-05-01, 2026-05-01T08:30, 2026-05-01T08:30+03:00 or +30d"
            )
        };
        let copied = typed(text);
        let text = copied.trim();
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
            return Ok(Self::At { millis: days.saturating_mul(DAY), day: true, zone: None });
        }
        let (time, zone) = match time.find(['Z', '+', '-']) {
            None => (time, None),
            Some(at) => match time.split_at(at) {
                (time, "Z") => (time, Some(Zone::default())),
                (time, zone) => (time, Some(zone.parse().map_err(|_| wrong())?)),
            },
        };
        // As it is printed for people, and as it is printed for programs.
        let time = time.strip_suffix(' ').unwrap_or(time);
        let time = if zone.is_some() {
            time.strip_suffix(":00").filter(|t| t.contains(':')).unwrap_or(time)
        } else {
            time
        };
        let (hour, minute) = time.split_once(':').ok_or_else(wrong)?;
        let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
        if hour > 23 || minute > 59 {
            return Err(wrong());
        }
        let millis = days.saturating_mul(DAY).saturating_add((hour * 60 + minute) * MINUTE);
        Ok(Self::At { millis, day: false, zone })
    }
}

/// A minute of a federation as date and time; the last minute there is as `never`.
pub(crate) fn print_minute(minute: Minute, founded: Millis) -> String {
    if minute == Minute::NEVER {
        return "never".into();
    }
    print_millis(minute.begins(founded))
}

/// How it stands with a certificate that has ended, or ends within [`SOON_DAYS`].
pub(crate) fn ending(not_after: Minute, now: Minute) -> Option<String> {
    const DAY: u32 = 24 * 60;
    if not_after <= now {
        return Some("it has ended".into());
    }
    let days = not_after.0.saturating_sub(now.0) / DAY;
    (days < SOON_DAYS).then(|| format!("it ends in {}", super::count(days.into(), "day", "days")))
}

/// Milliseconds since 1970 to the minute: `2026-05-01 11:30 +03:00` for people, `2026-05-01T08:30:00Z` for programs.
pub(crate) fn print_millis(millis: Millis) -> String {
    match shown() {
        Shown { json: true, .. } => calendar::rfc3339(millis.0 / MINUTE * 60),
        Shown { zone, .. } => on_wall(millis, zone),
    }
}

/// A time as people read it.
fn on_wall(millis: Millis, zone: Option<Zone>) -> String {
    let minutes = local(millis, zone) / MINUTE;
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    let zone = zone.map_or_else(|| "UTC".to_owned(), |zone| zone.to_string());
    format!("{} {hour:02}:{minute:02} {zone}", date_of(minutes / (24 * 60)))
}

/// The day of a time at the site, as a date.
pub(crate) fn print_date(millis: Millis) -> String {
    date_of(local(millis, shown().zone) / DAY)
}

/// A day since founding as dates at the site: both where it lies in two, `2026-11-23/24` (ISO 8601), since nobody can tell in
/// which of them it was. Days since founding turn at the hour of the founding.
pub(crate) fn print_day(day: DayNo, founded: Millis) -> String {
    day_at(day, founded, shown().zone)
}

fn day_at(day: DayNo, founded: Millis, zone: Option<Zone>) -> String {
    let date = |at: Minute| date_of(local(at.begins(founded), zone) / DAY);
    let (first, last) = (date(day.first()), date(day.last()));
    // What both begin with is said once: the year and month, the year, or nothing.
    let common = [8, 5].into_iter().find(|n| first.get(..*n) == last.get(..*n)).unwrap_or(0);
    match first == last {
        true => first,
        false => format!("{first}/{}", last.get(common..).unwrap_or_default()),
    }
}

/// The day since founding to whose end something counts for so many days, that of `at` included: the last of them, by the
/// clock on the wall here, lies in it to its end. Days since founding turn at the hour of the founding, and no wall shows that.
pub(crate) fn last_day(at: Minute, days: u32, founded: Millis) -> DayNo {
    last_at(at, days, founded, shown().zone)
}

fn last_at(at: Minute, days: u32, founded: Millis, zone: Option<Zone>) -> DayNo {
    // Of a minute in which the day turns it is the day that begins.
    let now = at.begins(founded).0.saturating_add(MINUTE - 1);
    let days = (local(Millis(now), zone) / DAY).saturating_add(u64::from(days));
    let end = days.saturating_mul(DAY).saturating_sub(1);
    DayNo::of(Minute::of(utc(end, Some(zone.unwrap_or_default())), founded))
}

/// The last day, by the clock on the wall here, to whose end something holds that counts until then: what stands on a paper.
pub(crate) fn print_last(day: DayNo, founded: Millis) -> String {
    print_at(day, founded, shown().zone)
}

fn print_at(day: DayNo, founded: Millis, zone: Option<Zone>) -> String {
    let after = Millis(day.last().begins(founded).0.saturating_add(MINUTE));
    date_of((local(after, zone) / DAY).saturating_sub(1))
}

/// How long it is until then, in words that need no clock: `for 9 more minutes`.
pub(crate) fn print_wait(until: Millis, now: Millis) -> String {
    let minutes = until.0.saturating_sub(now.0).div_ceil(MINUTE).max(1);
    format!("for {}", super::count(minutes, "more minute", "more minutes"))
}

fn local(millis: Millis, zone: Option<Zone>) -> u64 {
    moved(millis.0, zone.unwrap_or_default().0.into())
}

fn date_of(days: u64) -> String {
    let (year, month, day) = calendar::date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_print() {
        #[track_caller]
        fn check(text: &str, want: Option<&str>) {
            let read = text.parse::<Moment>().ok().map(|moment| match moment {
                Moment::At { millis, zone, .. } => on_wall(utc(millis, zone), zone),
                Moment::Days(days) => format!("{days} days"),
            });
            assert_eq!(read.as_deref(), want, "{text}");
        }
        check("1970-01-01", Some("1970-01-01 00:00 UTC"));
        check("2026-05-01T08:30", Some("2026-05-01 08:30 UTC"));
        check("2026-05-01 23:59", Some("2026-05-01 23:59 UTC"));
        check("2024-02-29", Some("2024-02-29 00:00 UTC"));
        check("2099-12-31", Some("2099-12-31 00:00 UTC"));
        check("2026-05-01 08:30 +03:00", Some("2026-05-01 08:30 +03:00"));
        check("2026-05-01T08:30-03:30", Some("2026-05-01 08:30 -03:30"));
        check("2026-05-01T08:30:00Z", Some("2026-05-01 08:30 +00:00"));
        check("+30d", Some("30 days"));
        // As it stands on a paper in Arabic, and as it is typed there.
        check("\u{2068}2026-05-01\u{2069}", Some("2026-05-01 00:00 UTC"));
        check("٢٠٢٦-٠٥-٠١T٠٨:٣٠", Some("2026-05-01 08:30 UTC"));
        for bad in
            ["2023-02-29", "2100-02-29", "2026-13-01", "2026-00-01", "2026-05-32", "26-05-01"]
        {
            check(bad, None);
        }
        for bad in
            ["2026-05-01T08:30+3", "2026-05-01T08:30 EAT", "2026-05-01T08:30:00", "2026-05-01Z"]
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
    fn a_wall_in_the_camp_shows_another_hour_and_sometimes_another_day() {
        let at = Millis(calendar::days_of(2026, 11, 22).expect("a day") * DAY + 1_350 * MINUTE);
        assert_eq!(on_wall(at, None), "2026-11-22 22:30 UTC");
        assert_eq!(on_wall(at, Some(Zone(180))), "2026-11-23 01:30 +03:00");
        assert_eq!(on_wall(at, Some(Zone(-210))), "2026-11-22 19:00 -03:30");
        let read = |text: &str| text.parse::<Moment>().expect("a time").from(Millis(0), Millis(0));
        assert_eq!(read("2026-11-23 01:30 +03:00"), read("2026-11-22T22:30:00Z"));
        assert_eq!(print_wait(Millis(540_001), Millis(60_000)), "for 9 more minutes");
        assert_eq!(print_wait(Millis(0), Millis(60_000)), "for 1 more minute");
    }

    #[test]
    fn what_is_printed_as_the_last_day_holds_to_its_end() {
        #[track_caller]
        fn check(founded: &str, at: &str, zone: i16, days: u32, last: &str) {
            let zone = Some(Zone(zone));
            let time = |text: &str| {
                let moment = text.parse::<Moment>().expect("a time");
                moment.from(Millis(0), Millis(0)).begins(Millis(0))
            };
            // Half a minute past, as a clock has it.
            let founded = Millis(time(founded).0 + 30_000);
            let at = Minute::of(Millis(time(at).0 + 30_000), founded);
            let until = last_at(at, days, founded, zone);
            assert_eq!(print_at(until, founded, zone), last);
            let end = Millis(time(&format!("{last}T23:59")).0 + MINUTE - 1);
            let end = utc(end.0, zone);
            assert!(DayNo::of(Minute::of(end, founded)) <= until, "it ends on {last} already");
            assert!(until <= DayNo::of(at).plus(days), "at most a day more than was asked for");
        }
        let founded = "2026-05-01T14:20+00:00";
        check(founded, "2026-11-23T09:00+00:00", 0, 1, "2026-11-23");
        check(founded, "2026-11-23T15:00+00:00", 0, 1, "2026-11-23");
        check(founded, "2026-11-23T09:00+00:00", 0, 14, "2026-12-06");
        check(founded, "2026-11-23T22:30+00:00", 180, 1, "2026-11-24");
        check(founded, "2026-11-23T02:00+00:00", -210, 1, "2026-11-22");
        check("2026-05-01T23:59+00:00", "2026-11-23T09:00+00:00", 0, 1, "2026-11-23");
        check("2026-05-01T00:00+00:00", "2026-11-23T00:00+00:00", 0, 2, "2026-11-24");
        // Of a day of another site, or of days before this was so, the day that holds is printed, and not the next.
        let printed = |day| print_at(DayNo(day), Millis(860 * MINUTE), None);
        assert_eq!([printed(0), printed(1)], ["1970-01-01", "1970-01-02"]);
    }

    #[test]
    fn a_day_that_lies_in_two_dates_is_printed_with_both() {
        #[track_caller]
        fn check(founded: &str, zone: i16, day: u16, want: &str) {
            let founded: Moment = founded.parse().expect("a time");
            let Moment::At { millis, .. } = founded else { panic!("a date") };
            let founded = Millis(moved(millis, -i64::from(zone)));
            assert_eq!(day_at(DayNo(day.into()), founded, Some(Zone(zone))), want);
        }
        check("2026-11-23T15:03", 0, 0, "2026-11-23/24");
        check("2026-11-23T15:03", 180, 1, "2026-11-24/25");
        check("2026-11-23T15:03", 0, 7, "2026-11-30/12-01");
        check("2026-11-23T00:01", 0, 38, "2026-12-31/2027-01-01");
        check("2026-11-23T00:00", 0, 0, "2026-11-23");
        check("2026-11-23", 330, 9, "2026-12-02");
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
