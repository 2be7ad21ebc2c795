//! How much is had under way: as much as goes over the link in three seconds, so that what is urgent never waits longer, and
//! an answer that is lost and sent again a second later finds the link still busy.

use std::time::Instant;

/// The least, and what is under way on a link nothing is known of: three seconds at 64 kbit/s, one round of 600 ms at 320.
pub(super) const LEAST: u32 = 24 * 1024;
/// The most: the most that a window may be.
const MOST: u32 = 128 * 1024;
/// What the other side took in, and how long that took.
#[derive(Debug)]
pub(super) struct Pace {
    bytes: u32,
    /// Up to where something was sent that fills the link, when, and how much was under way then.
    mark: Option<(Instant, u64, u64)>,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { bytes: LEAST, mark: None }
    }

    /// What may be under way, now that so many bytes have been taken in of those sent.
    ///
    /// What is under way, by the time it takes to be taken in, is what the link carries: however unevenly that comes. Where
    /// little is under way, it says nothing of the link.
    pub(super) fn at(&mut self, now: Instant, taken: u64, sent: u64) -> u32 {
        if let Some((when, upto, under_way)) = self.mark.filter(|(_, upto, _)| taken >= *upto) {
            debug_assert!(upto <= sent, "nothing is taken that was not sent");
            let took = now.saturating_duration_since(when).as_micros().max(1);
            let three = u128::from(under_way) * 3_000_000 / took;
            // After a loss all of it is taken in at once: one such answer says little of the link.
            let most = (self.bytes / 4).saturating_add(self.bytes).min(MOST);
            self.bytes = u32::try_from(three).unwrap_or(MOST).clamp(LEAST, most);
            self.mark = None;
        }
        let under_way = sent.saturating_sub(taken);
        if self.mark.is_none() && under_way >= u64::from(self.bytes / 2) {
            self.mark = Some((now, sent, under_way));
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A link of so many bytes a second and so long a round: what is under way after half a minute of sending.
    fn after(bytes_a_second: f64, round: f64) -> u32 {
        let (start, mut pace) = (Instant::now(), Pace::new());
        let (mut taken, mut bytes, mut at) = (0u64, LEAST, 0.0);
        while at < 30.0 {
            let sent = taken + u64::from(bytes);
            pace.at(start + Duration::from_secs_f64(at), taken, sent);
            at += round + f64::from(bytes) / bytes_a_second;
            // All of it at once, as after a loss.
            taken = sent;
            bytes = pace.at(start + Duration::from_secs_f64(at), taken, sent);
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
