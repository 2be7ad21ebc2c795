//! One stream of TCP over the same line with the same cuts: what anything else is held against.

use super::carry::Weather;
use super::{Micros, Way};
use crate::rng::Rng;

/// Bytes handed to the line at a time: enough that it is never idle.
const AHEAD: u64 = 64 * 1024;

/// How long it takes to hand over so many bytes, where each new connection costs one round and goes on, to the byte, behind
/// what arrived over the last: nobody asks for anything, and nobody checks or keeps what comes.
#[must_use]
pub fn plain(bytes: u64, weather: &Weather) -> Micros {
    let mut chance = Rng::new(weather.seed);
    let (mut now, mut arrived): (Micros, u64) = (0, 0);
    while arrived < bytes {
        now += 2 * weather.line.delay;
        let ends = if weather.up == 0 { Micros::MAX } else { now + weather.up };
        let mut way = Way::new(weather.line, now);
        let mut given = arrived;
        loop {
            while given < bytes && given - arrived < AHEAD {
                let some = (bytes - given).min(AHEAD);
                way.send(&vec![0; usize::try_from(some).unwrap_or_default()]);
                given += some;
            }
            let Some(next) = way.next().filter(|next| *next < ends) else { break };
            now = now.max(next);
            arrived += way.until(now, &mut chance).len() as u64;
        }
        if arrived < bytes {
            now = ends;
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slow::Line;

    #[test]
    fn a_stream_takes_the_time_of_its_bytes_and_a_cut_costs_what_was_on_its_way() {
        let line = Line { bits: 64_000, delay: 300_000, loss: 0 };
        let calm = Weather { line, up: 0, revokes: 0, seed: 1 };
        let whole = plain(400_000, &calm);
        // 297 segments of 1,400 bytes at 8,000 bytes a second, a round and the way.
        assert!((52_000_000..53_500_000).contains(&whole), "{whole}");
        let cut = plain(400_000, &Weather { up: 30_000_000, ..calm });
        assert!(cut > whole && cut < whole + 3_000_000, "{cut} after {whole}");
    }
}
