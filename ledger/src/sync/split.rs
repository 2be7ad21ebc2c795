//! Bytes as they come, cut into frames.

use super::frame::{FrameFault, PREFIX, length};
use crate::limits;

/// Gathers one frame at a time. It holds no more than one frame of the size allowed, whatever the other side announces.
#[derive(Debug)]
pub struct Splitter {
    bytes: Vec<u8>,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { bytes: Vec::new(), limit: limits::GREETING_BYTES }
    }
}

impl Splitter {
    /// Allows frames of full size: once the other side has said who it is.
    pub const fn widen(&mut self) {
        self.limit = limits::FRAME_BYTES;
    }

    /// Takes bytes from the front of `bytes`, and hands out the frame they complete, without its length.
    ///
    /// # Errors
    ///
    /// [`FrameFault::Length`] as soon as the length is known: nothing was kept for it, and nothing after it can be read.
    pub fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameFault> {
        loop {
            let Some(prefix) = self.bytes.first_chunk::<PREFIX>() else {
                if bytes.is_empty() {
                    return Ok(None);
                }
                self.gather(bytes, PREFIX);
                continue;
            };
            let len = length(*prefix)?;
            if len > self.limit {
                return Err(FrameFault::Length(len as u64));
            }
            let whole = PREFIX.saturating_add(len);
            self.gather(bytes, whole);
            if self.bytes.len() < whole {
                return Ok(None);
            }
            let frame = self.bytes.split_off(PREFIX);
            self.bytes.clear();
            return Ok(Some(frame));
        }
    }

    fn gather(&mut self, bytes: &mut &[u8], up_to: usize) {
        let missing = up_to.saturating_sub(self.bytes.len()).min(bytes.len());
        let (now, rest) = bytes.split_at(missing);
        self.bytes.extend_from_slice(now);
        *bytes = rest;
    }

    /// Whether a frame was begun and not finished.
    #[must_use]
    pub const fn is_within(&self) -> bool {
        !self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_their_bytes_come_in() {
        let stream = [vec![0, 0, 0, 2, 28, 7], vec![0, 0, 0, 3, 1, 2, 3]].concat();
        for step in 1..=stream.len() {
            let (mut splitter, mut frames) = (Splitter::default(), Vec::new());
            for mut part in stream.chunks(step) {
                while let Some(frame) = splitter.take(&mut part).expect("short frames") {
                    frames.push(frame);
                }
                assert!(part.is_empty(), "every byte is taken");
            }
            assert_eq!(frames, [vec![28, 7], vec![1, 2, 3]], "{step} bytes at a time");
            assert!(!splitter.is_within());
        }
    }

    #[test]
    fn a_length_is_refused_before_anything_is_kept_for_it() {
        let check = |widen: bool, len: u32| {
            let mut splitter = Splitter::default();
            if widen {
                splitter.widen();
            }
            let taken = splitter.take(&mut &len.to_be_bytes()[..]);
            assert!(splitter.bytes.capacity() < 64);
            taken
        };
        assert_eq!(check(false, 4_096), Ok(None));
        assert_eq!(check(false, 4_097), Err(FrameFault::Length(4_097)));
        assert_eq!(check(true, 65_536), Ok(None));
        assert_eq!(check(true, 65_537), Err(FrameFault::Length(65_537)));
        assert_eq!(check(true, 0), Err(FrameFault::Length(0)));
    }
}
