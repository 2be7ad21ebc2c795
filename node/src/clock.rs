//! The one place that time comes from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use annona_ledger::time::Millis;

/// Where a command takes the time from. Every command has one, so that all it does happens at readings of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug)]
enum Source {
    System,
    #[cfg(any(test, feature = "test-clock"))]
    Fixed(Millis),
}

impl Clock {
    /// The machine's clock.
    ///
    /// A build for tests, and no other, takes the environment variable `ANNONA_NOW` (milliseconds since 1970) instead
    /// where it is set: a released program that could be told the time could be told to redeem what has expired.
    #[must_use]
    pub fn system() -> Self {
        #[cfg(any(test, feature = "test-clock"))]
        if let Some(now) = std::env::var("ANNONA_NOW").ok().and_then(|t| t.parse().ok()) {
            return Self::fixed(Millis(now));
        }
        Self(Source::System)
    }

    /// A clock that stands still, for tests.
    #[cfg(any(test, feature = "test-clock"))]
    #[must_use]
    pub fn fixed(now: Millis) -> Self {
        Self(Source::Fixed(now))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; 0 where the machine believes it is earlier.
    ///
    /// A dead battery shows as 1970 and is nobody's reason to refuse food: whether a stamp is to be doubted is asked
    /// later, against the stamps of others.
    #[must_use]
    pub fn now(&self) -> Millis {
        match self.0 {
            Source::System => since_epoch(SystemTime::now()),
            #[cfg(any(test, feature = "test-clock"))]
            Source::Fixed(now) => now,
        }
    }
}

fn since_epoch(time: SystemTime) -> Millis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_at_1970_and_in_2099_reads() {
        let day = Duration::from_secs(86_400);
        assert_eq!(since_epoch(UNIX_EPOCH - day), Millis(0));
        assert_eq!(since_epoch(UNIX_EPOCH), Millis(0));
        assert_eq!(since_epoch(UNIX_EPOCH + Duration::from_micros(1_999)), Millis(1));
        // 2099-12-31T00:00:00Z
        assert_eq!(since_epoch(UNIX_EPOCH + day * 47_481), Millis(4_102_358_400_000));
    }

    #[test]
    fn the_system_clock_is_after_this_was_written_and_a_fixed_one_stands() {
        assert!(Clock(Source::System).now() > Millis(1_700_000_000_000));
        assert_eq!(Clock::fixed(Millis(5)).now(), Millis(5));
    }
}
