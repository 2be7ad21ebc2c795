//! How much is had under way: as much as goes over the link in two seconds, so that what is urgent never waits longer.

use std::time::{Duration, Instant};

/// Bytes under way on a link nothing is known of: three seconds at 64 kbit/s, and one round of 600 ms at 320.
pub(super) const FIRST: u32 = 24 * 1024;
/// The least: two seconds at 64 kbit/s.
const LEAST: u32 = 16 * 1024;
/// The most: the most that a window may be.
const MOST: u32 = 128 * 1024;
/// How far back is looked.
const SPAN: Duration = Duration::from_secs(4);

/// What the other side took in, and when.
#[derive(Debug)]
pub(super) struct Pace {
    bytes: u32,
    since: Option<(Instant, u64)>,
    last: u64,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { bytes: FIRST, since: None, last: 0 }
    }

    /// What may be under way, now that so many bytes have been taken in of those sent.
    pub(super) fn at(&mut self, now: Instant, taken: u64, sent: u64) -> u32 {
        if taken == self.last && taken < sent {
            return self.bytes;
        }
        let grew = taken > self.last;
        self.last = taken;
        // Where nothing is under way, time passes that says nothing about the link.
        let Some((begun, from)) = self.since.filter(|_| taken < sent || grew) else {
            self.since = (taken < sent).then_some((now, taken));
            return self.bytes;
        };
        let took = now.saturating_duration_since(begun);
        let bytes = taken.saturating_sub(from);
        if took >= Duration::from_millis(2) && bytes > 0 {
            let a_second = u128::from(bytes) * 1_000_000 / took.as_micros().max(1);
            let two = u32::try_from(a_second.saturating_mul(2)).unwrap_or(MOST);
            self.bytes = two.clamp(LEAST, MOST);
        }
        if took >= SPAN || taken >= sent {
            self.since = (taken < sent).then_some((now, taken));
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link of so many bytes a second and so long a round: what is under way after half a minute of sending.
    fn after(bytes_a_second: f64, round: f64) -> u32 {
        let (start, mut pace) = (Instant::now(), Pace::new());
        let (mut taken, mut bytes) = (0u64, FIRST);
        let mut at = 0.0;
        while at < 30.0 {
            let sent = taken + u64::from(bytes);
            bytes = pace.at(start + Duration::from_secs_f64(at), taken, sent);
            at += round.max(f64::from(bytes) / bytes_a_second);
            taken = sent;
            bytes = pace.at(start + Duration::from_secs_f64(at), taken, sent + 1);
        }
        bytes
    }

    #[test]
    fn what_is_under_way_follows_the_link() {
        assert_eq!(after(8_000.0, 0.6), LEAST, "64 kbit/s");
        assert_eq!(after(100_000_000.0, 0.001), MOST, "a wire");
        let megabit = after(125_000.0, 0.6);
        assert!(megabit > 64 * 1024, "a megabit over a satellite: {megabit}");
    }
}
