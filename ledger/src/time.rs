//! Time as the ledger knows it: a stamp an author wrote, and a logical clock that only orders.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, as some node's clock said.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Millis(pub u64);

/// Whole minutes since the federation was founded: the stamp inside an entry, by the author's own wall clock.
///
/// Stamps never fall within a feed. Expiry compares with them; nothing else does.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Minute(pub u32);

impl Minute {
    /// The last minute there is, some 8,000 years after founding: "never expires".
    pub const NEVER: Self = Self(u32::MAX);

    /// The minute a wall clock shows, for a federation founded at `founded`. A clock before the founding shows zero.
    #[must_use]
    pub fn of(now: Millis, founded: Millis) -> Self {
        let minutes = now.0.saturating_sub(founded.0) / 60_000;
        Self(u32::try_from(minutes).unwrap_or(u32::MAX - 1))
    }

    /// The wall-clock time at which this minute begins.
    #[must_use]
    pub fn begins(self, founded: Millis) -> Millis {
        Millis(founded.0.saturating_add(u64::from(self.0).saturating_mul(60_000)))
    }

    /// The day since founding that this minute lies in: caps "per site-day" count by it.
    #[must_use]
    pub const fn day(self) -> u32 {
        self.0 / (24 * 60)
    }
}

/// Whole days since the federation was founded: all that entries about people say of when. A minute would tell who stood
/// at which desk together with whom.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct DayNo(pub u32);

impl DayNo {
    /// The day a minute lies in.
    #[must_use]
    pub const fn of(minute: Minute) -> Self {
        Self(minute.day())
    }

    /// Its first minute.
    #[must_use]
    pub const fn first(self) -> Minute {
        Minute(self.0.saturating_mul(24 * 60))
    }

    /// Its last minute.
    #[must_use]
    pub const fn last(self) -> Minute {
        Minute(self.0.saturating_mul(24 * 60).saturating_add(24 * 60 - 1))
    }

    /// So many days later.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for DayNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "day {}", self.0)
    }
}

/// A hybrid logical clock: orders what a node did after what it had seen, whatever its wall clock says. It expires
/// nothing and moves no value: one fast clock would otherwise make every site that synced with it refuse food.
///
/// After Kulkarni et al., "Logical Physical Clocks" (2014).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Hlc {
    /// The greatest wall time seen, in milliseconds.
    pub millis: u64,
    /// Events within that millisecond.
    pub count: u32,
}

impl Hlc {
    /// The next reading, greater than this one and not below the wall clock.
    #[must_use]
    pub fn tick(self, now: Millis) -> Self {
        if now.0 > self.millis {
            return Self { millis: now.0, count: 0 };
        }
        match self.count.checked_add(1) {
            Some(count) => Self { millis: self.millis, count },
            None => Self { millis: self.millis.saturating_add(1), count: 0 },
        }
    }

    /// This reading, moved up to one seen from elsewhere.
    #[must_use]
    pub fn seen(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "day {} {:02}:{:02}", self.day(), self.0 / 60 % 24, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_survive_absurd_clocks() {
        let founded = Millis(1_795_000_000_000);
        assert_eq!(Minute::of(Millis(0), founded), Minute(0), "a clock in 1970");
        assert_eq!(Minute::of(Millis(u64::MAX), founded), Minute(u32::MAX - 1), "not `never`");
        assert_eq!(Minute::of(Minute(77).begins(founded), founded), Minute(77));
    }

    #[test]
    fn the_logical_clock_only_rises() {
        let mut clock = Hlc::default();
        for now in [5, 5, 3, 9, 0] {
            let next = clock.tick(Millis(now));
            assert!(next > clock);
            clock = next;
        }
        let full = Hlc { millis: 9, count: u32::MAX };
        assert!(full.tick(Millis(0)) > full);
    }
}
