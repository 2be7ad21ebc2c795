//! When a peer may be dialled, and how much may go over its link: back-off, quiet hours, a day's bytes.

use std::time::Duration;

use annona_ledger::time::Millis;

use super::limits;

const DAY_MINUTES: u16 = 24 * 60;

/// Hours of each day in which no link is kept. They may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The first quiet minute of the day.
    pub from: u16,
    /// The first minute that is no longer quiet.
    pub to: u16,
}

impl Quiet {
    /// Whether a minute of the day is quiet.
    #[must_use]
    pub const fn holds(&self, minute: u16) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }
}

/// The day and the minute of the day at a place so many minutes east of UTC.
#[must_use]
pub fn local(now: Millis, zone: i16) -> (u64, u16) {
    let minutes = (now.0 / 60_000).saturating_add_signed(i64::from(zone));
    let day = u64::from(DAY_MINUTES);
    (minutes / day, u16::try_from(minutes % day).unwrap_or(0))
}

/// How long to wait before a peer is tried again, after so many failures in a row: doubling from a second, up to five
/// minutes or half an hour, each time a random half more or less, so that sites that lost one link together do not all
/// come back in one second. `chance` is random.
#[must_use]
pub fn wait(failures: u32, metered: bool, chance: u8) -> Duration {
    let most = if metered { limits::RETRY_METERED } else { limits::RETRY_MOST };
    let doubled = limits::RETRY_FIRST.saturating_mul(1 << failures.min(16)).min(most);
    // Half to one and a half.
    doubled / 2 + doubled.mul_f64(f64::from(chance) / 255.0)
}

/// How many failures in a row are counted once a link has ended: none where it was a good one, or brought anybody anything. A
/// link that was ended at once costs a handshake, whatever word it ended with.
#[must_use]
pub fn failures(before: u32, lived: Duration, useful: bool) -> u32 {
    if lived >= limits::GOOD || useful { 0 } else { before }
}

/// Whether so little is left of a day's budget that no link is opened for it: what is left is given in halves, and each costs
/// a greeting.
#[must_use]
pub const fn is_scant(left: u64, budget: u64) -> bool {
    left < budget.div_ceil(16)
}

/// What went over the links with one peer on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    /// The day, counted from 1970 in the zone of the configuration.
    pub day: u64,
    /// The bytes, both ways.
    pub bytes: u64,
}

impl Spent {
    /// Notes bytes of a day; those of earlier days are forgotten.
    pub const fn add(&mut self, day: u64, bytes: u64) {
        if self.day != day {
            *self = Self { day, bytes: 0 };
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What is left of a day's budget.
    #[must_use]
    pub const fn left(&self, day: u64, budget: u64) -> u64 {
        if self.day == day { budget.saturating_sub(self.bytes) } else { budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_pass_midnight() {
        let night = Quiet { from: 22 * 60, to: 5 * 60 + 30 };
        let noon = Quiet { from: 12 * 60, to: 13 * 60 };
        for (minute, at_night, at_noon) in [
            (0, true, false),
            (329, true, false),
            (330, false, false),
            (719, false, false),
            (720, false, true),
            (780, false, false),
            (1_319, false, false),
            (1_320, true, false),
            (1_439, true, false),
        ] {
            assert_eq!((night.holds(minute), noon.holds(minute)), (at_night, at_noon), "{minute}");
        }
        let never = Quiet { from: 60, to: 60 };
        assert!((0..1_440).all(|minute| !never.holds(minute)));
    }

    #[test]
    fn the_day_turns_where_the_peer_is() {
        // 2026-11-22T22:30:00Z
        let now = Millis(1_795_386_600_000);
        let (day, minute) = local(now, 0);
        assert_eq!(minute, 22 * 60 + 30);
        assert_eq!(local(now, 180), (day + 1, 90));
        assert_eq!(local(now, -180), (day, 19 * 60 + 30));
        assert_eq!(local(Millis(0), -60), (0, 0), "before 1970 there is nothing");
    }

    #[test]
    fn waits_double_up_to_a_most_and_differ_by_chance() {
        let ms = |n, metered, chance| wait(n, metered, chance).as_millis();
        assert_eq!([ms(0, false, 0), ms(0, false, 255)], [500, 1_500]);
        assert_eq!([ms(3, false, 0), ms(3, false, 255)], [4_000, 12_000]);
        assert_eq!([ms(9, false, 0), ms(40, false, 0)], [150_000, 150_000]);
        assert_eq!(ms(u32::MAX, true, 255), 2_700_000);
    }

    #[test]
    fn a_day_s_bytes_are_forgotten_on_the_next() {
        let mut spent = Spent::default();
        spent.add(5, 300);
        spent.add(5, 300);
        assert_eq!(spent.left(5, 1_000), 400);
        assert_eq!(spent.left(5, 500), 0);
        assert_eq!(spent.left(6, 500), 500);
        spent.add(6, 1);
        assert_eq!((spent.left(6, 500), spent.left(5, 500)), (499, 500));
    }

    #[test]
    fn a_day_s_budget_is_used_up_before_its_halves_come_to_nothing() {
        let links = |budget: u64| {
            let mut left = budget;
            (1..).find(|_| {
                left -= left / 2;
                is_scant(left, budget)
            })
        };
        assert_eq!((links(5_000_000), links(1_000)), (Some(5), Some(5)));
        assert!(is_scant(0, 1) && !is_scant(1, 1) && !is_scant(7, 7));
    }

    #[test]
    fn who_is_met_for_nothing_is_waited_for_ever_longer() {
        let short = Duration::from_millis(300);
        assert_eq!(failures(7, short, false), 7);
        assert_eq!((failures(7, short, true), failures(7, limits::GOOD, false)), (0, 0));
    }
}
