//! What may not enter the person file in the disguise of text: images, fingerprints, templates, recordings.
//!
//! A photograph put in a cell is either its raw bytes read as text, or base64, or a data URI. Names, addresses and
//! document numbers have none of these signs: the longest run of base64 letters in a real identifier is a UUID's 36.

use std::fmt;

/// The longest run of base64 letters that text may hold.
pub(super) const MAX_RUN: usize = 64;

/// What a text looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// A JPEG, JPEG 2000, PNG, WEBP or AVIF image, or a data URI of one.
    Image,
    /// A WSQ fingerprint image.
    Fingerprint,
    /// An ISO 19794 finger minutiae or finger image record (FMR, FIR).
    Template,
    /// A WAV recording.
    Recording,
    /// More than 64 letters of base64 in a row.
    EncodedBytes,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => {
                "it looks like a photograph or scan, and no image of a person is ever stored"
            }
            Self::Fingerprint => {
                "it looks like a fingerprint image, and no body measurement is ever stored"
            }
            Self::Template => {
                "it looks like a fingerprint template, and no body measurement is ever stored"
            }
            Self::Recording => "it looks like a recording, and no voice is ever stored",
            Self::EncodedBytes => {
                "it looks like encoded bytes (a picture or a template), not like text"
            }
        })
    }
}

/// Magic numbers as base64 prints them. Sources: ISO/IEC 10918-1 (FF D8 FF), 15444-1 (JP2 signature box),
/// RFC 2083 (PNG), RFC 9649 (RIFF…WEBP), the WSQ specification (FF A0), ISO/IEC 19794-2 and -4 (`FMR`, `FIR`).
const BASE64: [(&str, Forbidden); 9] = [
    ("/9j/", Forbidden::Image),
    ("_9j_", Forbidden::Image),
    ("iVBORw0KGgo", Forbidden::Image),
    ("AAAADGpQ", Forbidden::Image),
    ("UklGR", Forbidden::Image),
    ("R0lGODlh", Forbidden::Image),
    ("/6D/", Forbidden::Fingerprint),
    ("Rk1SA", Forbidden::Template),
    ("RklSA", Forbidden::Template),
];

/// The same in raw bytes, each byte read as one character (as Windows-1252 and Latin-1 do), or cut by a bad decoding.
const RAW: [(&str, Forbidden); 10] = [
    ("\u{FF}\u{D8}\u{FF}", Forbidden::Image),
    ("\u{89}PNG", Forbidden::Image),
    ("‰PNG", Forbidden::Image),
    ("\u{FFFD}PNG\r", Forbidden::Image),
    ("\0\0\0\u{C}jP", Forbidden::Image),
    ("\u{FF}\u{A0}\u{FF}", Forbidden::Fingerprint),
    ("FMR\0", Forbidden::Template),
    ("FIR\0", Forbidden::Template),
    ("data:image/", Forbidden::Image),
    ("data:audio/", Forbidden::Recording),
];

/// AVIF and HEIC boxes as base64 prints them, after `AAAA` and the box's length.
const BOXES: [&str; 2] = ["GZ0eXBhdmlm", "GZ0eXBoZWlj"];

/// Tells what a text looks like, where it looks like something that may not be kept: by itself, or among other words.
#[must_use]
pub fn forbidden(text: &str) -> Option<Forbidden> {
    if let Some((_, what)) = RAW.iter().find(|(magic, _)| text.contains(magic)) {
        return Some(*what);
    }
    if text.contains("ftypavif") || text.contains("ftypheic") {
        return Some(Forbidden::Image);
    }
    let riff = |word: &str, inside| word.starts_with("RIFF") && text.contains(inside);
    let words = || text.split(|c: char| !is_letter(c) || c == '=').filter(|word| !word.is_empty());
    for word in words() {
        if riff(word, "WAVE") {
            return Some(Forbidden::Recording);
        }
        if riff(word, "WEBP") {
            return Some(Forbidden::Image);
        }
        if let Some(what) = encoded(word) {
            return Some(what);
        }
    }
    (longest_run(text) > MAX_RUN).then_some(Forbidden::EncodedBytes)
}

/// What one word of base64 looks like.
fn encoded(word: &str) -> Option<Forbidden> {
    if word.len() < 20 {
        return None;
    }
    if word.starts_with("AAAA") && BOXES.iter().any(|inside| word.contains(inside)) {
        return Some(Forbidden::Image);
    }
    let (_, what) = BASE64.iter().find(|(magic, _)| word.starts_with(magic))?;
    // RIFF opens both a picture and a recording: the container's name stands eight bytes on.
    let wav = word.starts_with("UklGR") && word.get(8..).is_some_and(|rest| rest.contains("XQVZF"));
    Some(if wav { Forbidden::Recording } else { *what })
}

/// A letter of base64, of either alphabet.
const fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if is_letter(c) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
