//! Bytes of a text file to UTF-8, in pieces: the encoding is found in one pass and used in the next.
//!
//! Order: declared in the map, byte order mark, zero bytes in every other place (UTF-16), valid UTF-8 throughout, and
//! only then a guess from the letters. Looking at the start alone would take the first accented name on row 900 for
//! damage, so the whole file is looked at; that is one read at the speed of the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::TableError;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// The most bytes the guess of a legacy encoding looks at: more text does not make it surer.
const GUESS_BYTES: usize = 4 * 1024 * 1024;

/// An encoding and whether it was guessed from the letters.
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    pub(super) guessed: bool,
}

/// Finds how a file's bytes are to be read.
pub(super) fn detect(path: &Path, declared: Option<&str>) -> Result<Found, TableError> {
    if let Some(label) = declared {
        let encoding = Encoding::for_label(label.trim().as_bytes());
        let encoding = encoding.ok_or_else(|| TableError::NoEncoding(label.to_owned()))?;
        return Ok(Found { encoding, guessed: false });
    }
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut chunk = vec![0u8; CHUNK];
    let first = fill(&mut file, &mut chunk).map_err(io)?;
    let head = chunk.get(..first).unwrap_or_default();
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Ok(Found { encoding, guessed: false });
    }
    if let Some(encoding) = utf16_without_mark(head) {
        return Ok(Found { encoding, guessed: true });
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    let mut utf8 = Utf8 { valid: true, rest: Vec::new() };
    let (mut filled, mut offset, mut fed) = (first, 0u64, 0usize);
    while filled > 0 && (utf8.valid || fed < GUESS_BYTES) {
        let bytes = chunk.get(..filled).unwrap_or_default();
        if let Some(at) = bytes.iter().position(|b| *b == 0) {
            return Err(TableError::Binary { at: offset.saturating_add(at as u64) });
        }
        let was_valid = utf8.valid;
        utf8.feed(bytes);
        // The detector learns from letters outside ASCII only; always show it the part in which UTF-8 failed.
        if (fed < GUESS_BYTES && !bytes.is_ascii()) || (was_valid && !utf8.valid) {
            detector.feed(bytes, false);
            fed = fed.saturating_add(filled);
        }
        offset = offset.saturating_add(filled as u64);
        filled = fill(&mut file, &mut chunk).map_err(io)?;
    }
    if utf8.valid {
        return Ok(Found { encoding: UTF_8, guessed: false });
    }
    detector.feed(b"", true);
    Ok(Found { encoding: detector.guess(None, chardetng::Utf8Detection::Deny), guessed: true })
}

/// Whether everything fed so far is UTF-8, except perhaps a character cut at the end.
struct Utf8 {
    valid: bool,
    rest: Vec<u8>,
}

impl Utf8 {
    fn feed(&mut self, bytes: &[u8]) {
        if !self.valid {
            return;
        }
        self.rest.extend_from_slice(bytes);
        match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.clear(),
            Err(e) if e.error_len().is_some() => self.valid = false,
            Err(e) => {
                let whole = e.valid_up_to();
                self.rest.drain(..whole);
            }
        }
    }
}

/// UTF-16 text in any script has zero bytes beside its delimiters and line ends, all on one side.
fn utf16_without_mark(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |side: usize| head.iter().skip(side).step_by(2).filter(|b| **b == 0).count();
    let enough = |n: usize| n > 0 && n >= head.len() / 64;
    match (zeros(0), zeros(1)) {
        (0, odd) if enough(odd) => Some(UTF_16LE),
        (even, 0) if enough(even) => Some(UTF_16BE),
        _ => None,
    }
}

fn fill(file: &mut File, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|r| !r.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// A file being decoded, piece by piece.
pub(super) struct Decoding {
    file: File,
    decoder: Decoder,
    chunk: Vec<u8>,
    /// Bytes of the file read so far.
    pub(super) read: u64,
    done: bool,
}

impl Decoding {
    pub(super) fn open(path: &Path, encoding: &'static Encoding) -> io::Result<Self> {
        let (file, decoder) = (File::open(path)?, encoding.new_decoder_with_bom_removal());
        Ok(Self { file, decoder, chunk: vec![0; CHUNK], read: 0, done: false })
    }

    /// Decodes the next piece into `out`; false at the end.
    pub(super) fn next(&mut self, out: &mut String) -> io::Result<bool> {
        out.clear();
        if self.done {
            return Ok(false);
        }
        let filled = fill(&mut self.file, &mut self.chunk)?;
        self.read = self.read.saturating_add(filled as u64);
        self.done = filled < self.chunk.len();
        let bytes = self.chunk.get(..filled).unwrap_or_default();
        out.reserve(self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(CHUNK * 4));
        let (_result, _read, _replaced) = self.decoder.decode_to_string(bytes, out, self.done);
        Ok(true)
    }
}
