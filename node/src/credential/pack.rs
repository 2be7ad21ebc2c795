//! The only user of flate2: zlib and gzip, in both directions, and never more out than the caller allows.

use flate2::bufread::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, Status};
use std::io::{Read, Write};

/// zlib (RFC 1950) at level 9.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// gzip (RFC 1952) at level 9, without a name or a time.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// What zlib packed; `None` where it is not one whole stream and nothing behind it, or is more than `most`.
pub(super) fn unzlib(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut stream = Decompress::new(true);
    // Room for what there may be and one byte more is never asked for at once: a short text unpacks to little.
    let mut out = Vec::with_capacity(most.min(bytes.len().saturating_mul(4)).max(64));
    loop {
        let (read, had) = (usize::try_from(stream.total_in()).ok()?, out.len());
        let rest = bytes.get(read..)?;
        let status = stream.decompress_vec(rest, &mut out, FlushDecompress::Finish).ok()?;
        if out.len() > most {
            return None;
        }
        let read_now = usize::try_from(stream.total_in()).ok()?;
        match status {
            Status::StreamEnd => return (read_now == bytes.len()).then_some(out),
            // Full: room for as much again, up to one byte more than there may be.
            Status::Ok | Status::BufError if out.len() == out.capacity() => {
                let more = out.len().max(64).min(most + 1 - out.len());
                out.reserve_exact(more);
            }
            Status::Ok if read_now > read || out.len() > had => {}
            Status::Ok | Status::BufError => return None,
        }
    }
}

/// What gzip packed; `None` where it is not one whole member and nothing behind it, or is more than `most`.
pub(super) fn ungzip(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let mut out = Vec::new();
    let limit = u64::try_from(most).ok()?.checked_add(1)?;
    let mut decoder = GzDecoder::new(&mut rest);
    decoder.by_ref().take(limit).read_to_end(&mut out).ok()?;
    // At the limit the checksum behind has not been looked at: one more byte says whether it was the end.
    let ended = out.len() <= most && matches!(decoder.read(&mut [0]), Ok(0));
    drop(decoder);
    (ended && rest.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_within_its_limit_only() {
        let mixed: Vec<u8> = (0..50_000u32).map(|n| ((n * n) >> 7) as u8).collect();
        for bytes in [vec![], vec![7], vec![0; 16_384], mixed] {
            let (z, g) = (zlib(&bytes), gzip(&bytes));
            assert_eq!(unzlib(&z, bytes.len()).as_deref(), Some(&bytes[..]));
            assert_eq!(ungzip(&g, bytes.len()).as_deref(), Some(&bytes[..]));
            assert_eq!(unzlib(&z, 1 << 20).as_deref(), Some(&bytes[..]));
            if let Some(less) = bytes.len().checked_sub(1) {
                assert_eq!(unzlib(&z, less), None, "one byte too many");
                assert_eq!(ungzip(&g, less), None, "one byte too many");
            }
        }
    }

    #[test]
    fn a_stream_cut_changed_or_followed_is_none() {
        let bytes = b"nobody reads half a card, nobody reads half a card".as_slice();
        let (z, g) = (zlib(bytes), gzip(bytes));
        for cut in 0..z.len() {
            assert_eq!(unzlib(&z[..cut], 1000), None, "zlib cut at {cut}");
        }
        for cut in 0..g.len() {
            assert_eq!(ungzip(&g[..cut], 1000), None, "gzip cut at {cut}");
        }
        assert_eq!(unzlib(&[&z[..], b"x"].concat(), 1000), None);
        assert_eq!(ungzip(&[&g[..], b"x"].concat(), 1000), None);
        let mut wrong = z;
        *wrong.last_mut().expect("a checksum") ^= 1;
        assert_eq!(unzlib(&wrong, 1000), None);
    }

    #[test]
    fn a_bomb_costs_no_more_than_its_limit() {
        let bomb = zlib(&vec![0; 64 << 20]);
        assert!(bomb.len() < 70_000);
        assert_eq!(unzlib(&bomb, 8192), None);
        assert_eq!(ungzip(&gzip(&vec![0; 8 << 20]), 8192), None);
    }
}
