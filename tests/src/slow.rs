//! A slow, lossy link in a time of its own, as a stream of TCP meets it: segments that take their time, some of which are
//! lost and sent again a round later while everything behind them waits. Nobody waits for it: time is a number.

pub mod carry;
pub mod crowd;
pub mod pair;
pub mod plain;

use std::collections::{BTreeMap, VecDeque};

use crate::rng::Rng;

/// Microseconds.
pub type Micros = u64;

/// What a link is like.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bits a second, in each direction.
    pub bits: u64,
    /// From one end to the other.
    pub delay: Micros,
    /// Segments lost, of a thousand.
    pub loss: u64,
}

/// Bytes of a stream in one segment: an MTU of 1,400.
const SEGMENT: usize = 1_348;
/// Bytes of headers around them (IPv4, TCP with its timestamps).
const HEADERS: u64 = 52;
/// How long after a round a sender sends again what nothing behind it has shown to be missing.
const TAIL: Micros = 400_000;

/// One direction of a link.
pub struct Way {
    line: Line,
    waiting: VecDeque<u8>,
    /// When the line is free.
    free: Micros,
    /// The place in the stream of the next byte that is sent, and of the next that is handed out.
    sent: u64,
    handed: u64,
    /// What is on its way, by when it arrives.
    flying: BTreeMap<(Micros, u64), Vec<u8>>,
    /// What was lost, by when it is sent again.
    again: BTreeMap<(Micros, u64), Vec<u8>>,
    /// What came before something that is missing.
    early: BTreeMap<u64, Vec<u8>>,
    /// Bytes of the stream that went over the line for the first time.
    pub stream: u64,
    /// Bytes on the line: headers, and what was sent again.
    pub wire: u64,
}

impl Way {
    /// A direction over which nothing has gone, free from a time on.
    #[must_use]
    pub const fn new(line: Line, from: Micros) -> Self {
        Self {
            line,
            waiting: VecDeque::new(),
            free: from,
            sent: 0,
            handed: 0,
            flying: BTreeMap::new(),
            again: BTreeMap::new(),
            early: BTreeMap::new(),
            stream: 0,
            wire: 0,
        }
    }

    /// Hands bytes to the sending end.
    pub fn send(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
    }

    /// When something happens next: a segment leaves or arrives.
    #[must_use]
    pub fn next(&self) -> Option<Micros> {
        let arrives = self.flying.keys().next().map(|(at, _)| *at);
        let again = self.again.keys().next().map(|(at, _)| (*at).max(self.free));
        let leaves = (!self.waiting.is_empty()).then_some(self.free);
        [arrives, again, leaves].into_iter().flatten().min()
    }

    /// Lets everything happen that happens until a time, and hands out what arrives.
    pub fn until(&mut self, now: Micros, chance: &mut Rng) -> Vec<u8> {
        while self.free <= now {
            let due = self.again.first_key_value().filter(|((at, _), _)| *at <= now);
            let due = due.map(|(key, _)| *key);
            if let Some(key) = due {
                let Some(bytes) = self.again.remove(&key) else { break };
                self.put(now.max(self.free).max(key.0), key.1, bytes, chance);
            } else if self.waiting.is_empty() {
                break;
            } else {
                let some = self.waiting.len().min(SEGMENT);
                let bytes: Vec<u8> = self.waiting.drain(..some).collect();
                let place = self.sent;
                self.sent += bytes.len() as u64;
                self.stream += bytes.len() as u64;
                self.put(now.max(self.free), place, bytes, chance);
            }
        }
        let mut out = Vec::new();
        while let Some(entry) = self.flying.first_entry().filter(|e| e.key().0 <= now) {
            let ((_, place), bytes) = entry.remove_entry();
            self.early.insert(place, bytes);
        }
        while let Some(bytes) = self.early.remove(&self.handed) {
            self.handed += bytes.len() as u64;
            out.extend(bytes);
        }
        out
    }

    fn put(&mut self, at: Micros, place: u64, bytes: Vec<u8>, chance: &mut Rng) {
        let size = bytes.len() as u64 + HEADERS;
        self.wire += size;
        self.free = at + size * 8 * 1_000_000 / self.line.bits;
        if chance.bits() % 1_000 < self.line.loss {
            let tail = if self.waiting.is_empty() { TAIL } else { 0 };
            self.again.insert((self.free + 2 * self.line.delay + tail, place), bytes);
        } else {
            self.flying.insert((self.free + self.line.delay, place), bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SATELLITE: Line = Line { bits: 64_000, delay: 300_000, loss: 50 };

    /// Sends so many bytes one way and answers when the last arrived, and what came.
    fn carry(line: Line, bytes: &[u8]) -> (Micros, Vec<u8>) {
        let (mut way, mut chance) = (Way::new(line, 0), Rng::new(7));
        way.send(bytes);
        let (mut now, mut came) = (0, Vec::new());
        while let Some(next) = way.next() {
            now = now.max(next);
            came.extend(way.until(now, &mut chance));
        }
        (now, came)
    }

    #[test]
    fn everything_arrives_in_order_and_takes_its_time() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let clean = Line { loss: 0, ..SATELLITE };
        let (took, came) = carry(clean, &bytes);
        assert_eq!(came, bytes);
        // 200,000 bytes and the headers of 149 segments at 8,000 bytes a second, and the way.
        assert!((26_200_000..26_400_000).contains(&took), "{took}");
        let (lossy, came) = carry(SATELLITE, &bytes);
        assert_eq!(came, bytes);
        assert!(lossy > took && lossy < took * 12 / 10, "{lossy} after {took}");
    }
}
