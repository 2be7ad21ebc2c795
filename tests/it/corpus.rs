//! Hostile bytes: every decoder is given every vector, every kept finding, and many small changes of both. None may
//! panic, and what decodes must encode to the same bytes.
//!
//! A finding of a fuzzer is kept as a file in `tests/data/corpus/`, named by what it broke, and is tried for ever.

use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::block::{Block, Evidence, Header};
use annona_ledger::charter::SignedArticle;
use annona_ledger::entry::Entry;
use annona_ledger::fork::ForkProof;
use annona_ledger::id::Lane;
use annona_ledger::notice::SignedNotice;
use annona_ledger::receipt::Receipt;
use annona_ledger::sync::frame::Frame;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes, and encodes again if that went well. `true` where the bytes were a value.
type Decoder = (&'static str, fn(&[u8]) -> bool);

fn plain<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(value) = wire::decode::<T>(bytes, 128 * 1024) else { return false };
    assert_eq!(wire::encode(&value), bytes, "one spelling for each value");
    true
}

fn entry(lane: Lane, bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::decode(lane, bytes) else { return false };
    assert_eq!(entry.encode(), bytes, "one spelling for each entry");
    true
}

const DECODERS: [Decoder; 13] = [
    ("value entry", |b| entry(Lane::Value, b)),
    ("registry entry", |b| entry(Lane::Registry, b)),
    ("control entry", |b| entry(Lane::Control, b)),
    ("access entry", |b| entry(Lane::Access, b)),
    ("header", plain::<Header>),
    ("block", plain::<Block>),
    ("evidence", plain::<Evidence>),
    ("promise", plain::<Promise>),
    ("ticket", plain::<Ticket>),
    ("receipt", plain::<Receipt>),
    ("article", |b| SignedArticle::decode(b).is_ok()),
    ("notice", |b| SignedNotice::decode(b).is_ok()),
    ("fork proof", plain::<ForkProof>),
];

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree").flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The byte strings of every vector, and every file of the corpus.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    below(&root.join("spec/vectors"), &mut files);
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a vector is text");
        // A value is the rest of its line, or the indented lines that follow (spec/vectors/README.md).
        let mut words: Vec<String> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("  "), line.split_once(':')) {
                (Some(more), _) => {
                    words.last_mut().expect("a name before it").push_str(more.trim());
                }
                (None, Some((_, value))) => words.push(value.trim().to_owned()),
                (None, None) => {}
            }
        }
        for word in words.iter().filter(|word| word.len() % 2 == 0) {
            let bytes = (0..word.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(word.get(i..i + 2)?, 16).ok());
            seeds.extend(bytes.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() > 3));
        }
    }
    let mut kept = Vec::new();
    below(&root.join("tests/data/corpus"), &mut kept);
    kept.sort();
    seeds.extend(kept.iter().map(|file| fs::read(file).expect("a kept finding")));
    seeds
}

/// A small deterministic stream of numbers (SplitMix64, Steele et al. 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn changed(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
            1 if !bytes.is_empty() => bytes[at] = 0xff,
            2 => bytes.truncate(at),
            3 => bytes.insert(at.min(bytes.len()), numbers.next() as u8),
            4 if at + 4 < bytes.len() => bytes[at..at + 4].fill(0x80),
            _ => bytes.extend_from_slice(seed.get(..at).unwrap_or_default()),
        }
    }
    bytes
}

#[test]
fn no_decoder_panics_and_every_value_has_one_spelling() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "the vectors are there");
    let mut values = vec![0u32; DECODERS.len()];
    let mut frames = 0u32;
    let mut numbers = Numbers(2026);
    for seed in &seeds {
        for round in 0..60 {
            let bytes = if round == 0 { seed.clone() } else { changed(seed, &mut numbers) };
            for ((_, decode), count) in DECODERS.iter().zip(&mut values) {
                *count += u32::from(decode(&bytes));
            }
            frames += u32::from(Frame::decode(&bytes).is_ok());
        }
    }
    // Entries, promises and blocks have vectors: a decoder that refuses all of them is not being tried.
    for name in ["value entry", "promise", "block"] {
        let place = DECODERS.iter().position(|(other, _)| *other == name).expect("in the table");
        assert!(values[place] > 0, "{name}: no vector decodes");
    }
    println!("{} seeds, values {values:?}, frames {frames}", seeds.len());
}
