//! Unknown codes: remembered over restarts, so that starting the program anew gives no more tries.

use annona_ledger::limits;
use annona_ledger::wire::{self, Bounded};
use annona_node::node::Node;

use crate::fault::{Fault, Outcome};

/// Where the times are kept.
const META: &str = "unknown codes";
/// So many unknown codes…
const TRIES: usize = 5;
/// … within so long …
const WITHIN: u64 = 10 * 60 * 1000;
/// … and no code is looked at for so long.
const WAIT: u64 = 30 * 1000;

type Times = Bounded<u64, TRIES>;

fn times(node: &Node) -> Outcome<Vec<u64>> {
    let Some(bytes) = node.store().meta(META)? else { return Ok(Vec::new()) };
    Ok(wire::decode::<Times>(&bytes, limits::ENTRY_BYTES)?.into_vec())
}

/// Refuses while this node waits.
pub(super) fn check(node: &Node) -> Outcome {
    match wait(&times(node)?, node.now().0) {
        0 => Ok(()),
        wait => Err(Fault::refused(format!(
            "five unknown codes within ten minutes: wait {} seconds before the next.",
            wait.div_ceil(1000)
        ))
        .then("Find the family by name meanwhile: `annona family find WORD`.")),
    }
}

/// Remembers an unknown code.
pub(super) fn unknown(node: &Node) -> Outcome {
    let times = after(times(node)?, node.now().0);
    Ok(node.store().set_meta(META, &wire::encode(&Times::new(times)?))?)
}

/// How many milliseconds are left to wait. A clock that was set back does not make anybody wait longer.
fn wait(times: &[u64], now: u64) -> u64 {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
    if times.len() < TRIES || last.saturating_sub(*first) > WITHIN || now < *last {
        return 0;
    }
    last.saturating_add(WAIT).saturating_sub(now)
}

fn after(mut times: Vec<u64>, now: u64) -> Vec<u64> {
    times.push(now);
    let extra = times.len().saturating_sub(TRIES);
    times.split_off(extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_unknown_codes_in_ten_minutes_cost_half_a_minute() {
        let mut times = Vec::new();
        for n in 0..5 {
            assert_eq!(wait(&times, n * 1000), 0);
            times = after(times, n * 1000);
        }
        assert_eq!(wait(&times, 4_000), WAIT);
        assert_eq!(wait(&times, 33_999), 1);
        assert_eq!(wait(&times, 34_000), 0);
        assert_eq!(wait(&times, 10), 0, "a clock set back");
        let slow: Vec<u64> = (0..5).map(|n| n * 4 * 60 * 1000).collect();
        assert_eq!(wait(&slow, 16 * 60 * 1000), 0, "five in sixteen minutes");
        assert_eq!(after(times, 99_000).len(), TRIES);
    }
}
