//! Things longer than a frame, in pieces: in order, and none longer than was said before anything was allocated.

use super::frame::{CHUNK_BYTES, Frame};
use crate::hash::Hash;
use crate::wire::Bytes;

/// The frames that carry a blob, in order.
#[must_use]
pub fn pieces(kind: u8, name: Hash, bytes: &[u8]) -> Vec<Frame> {
    let total = bytes.len() as u64;
    let mut offset = 0u64;
    let mut frames = Vec::new();
    for piece in bytes.chunks(CHUNK_BYTES) {
        let Ok(bytes) = Bytes::new(piece.to_vec()) else { break };
        frames.push(Frame::BlobChunk { kind, name, total, offset, bytes });
        offset = offset.saturating_add(piece.len() as u64);
    }
    frames
}

/// A blob that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    name: Hash,
    total: usize,
    bytes: Vec<u8>,
}

/// Why a piece does not belong where it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobFault {
    /// Longer than such a blob may be.
    #[error("{0} bytes are announced: more than such a thing may have")]
    Length(u64),
    /// Not the next piece of the blob that was begun.
    #[error("a piece is missing before this one")]
    Order,
}

impl Gathering {
    /// Takes in a piece, and hands out the whole once it is there.
    ///
    /// # Errors
    ///
    /// [`BlobFault`]: what was gathered is gone.
    pub fn take(
        &mut self,
        name: Hash,
        total: u64,
        offset: u64,
        piece: &[u8],
        limit: usize,
    ) -> Result<Option<Vec<u8>>, BlobFault> {
        let mut held = std::mem::take(self);
        let whole = usize::try_from(total).ok().filter(|total| (1..=limit).contains(total));
        let whole = whole.ok_or(BlobFault::Length(total))?;
        if offset == 0 {
            held = Self { name, total: whole, bytes: Vec::new() };
        }
        let next = held.bytes.len();
        let fits = next.saturating_add(piece.len()) <= whole && !piece.is_empty();
        if (held.name, held.total) != (name, whole) || offset != next as u64 || !fits {
            return Err(BlobFault::Order);
        }
        held.bytes.extend_from_slice(piece);
        if held.bytes.len() == whole {
            return Ok(Some(held.bytes));
        }
        *self = held;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(bytes: &[u8]) -> Vec<(Hash, u64, u64, Vec<u8>)> {
        let read = |frame| match frame {
            Frame::BlobChunk { name, total, offset, bytes, .. } => {
                (name, total, offset, bytes.to_vec())
            }
            other => panic!("no piece: {other:?}"),
        };
        pieces(1, Hash([7; 32]), bytes).into_iter().map(read).collect()
    }

    #[test]
    fn pieces_come_together_in_order_and_in_no_other() {
        let bytes: Vec<u8> = (0..120_000u32).map(|n| n as u8).collect();
        let pieces = carried(&bytes);
        assert_eq!(pieces.len(), 3);
        let gather = |order: &[usize], limit| {
            let mut gathering = Gathering::default();
            let mut last = Ok(None);
            for at in order {
                let (name, total, offset, piece) = &pieces[*at];
                last = gathering.take(*name, *total, *offset, piece, limit);
            }
            last
        };
        assert_eq!(gather(&[0, 1, 2], 120_000), Ok(Some(bytes)));
        assert_eq!(gather(&[0, 2], 120_000), Err(BlobFault::Order));
        assert_eq!(gather(&[1], 120_000), Err(BlobFault::Order));
        assert_eq!(gather(&[0, 1, 1], 120_000), Err(BlobFault::Order));
        assert_eq!(gather(&[0], 119_999), Err(BlobFault::Length(120_000)));
        assert_eq!(gather(&[0, 1, 0], 120_000), Ok(None), "begun anew");
    }
}
