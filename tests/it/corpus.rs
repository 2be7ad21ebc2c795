//! Hostile bytes: every decoder is given every vector, every kept finding, and many small changes of both. None may
//! panic, and what decodes must encode to the same bytes.
//!
//! What a fuzzer has found worth keeping lies in `tests/fuzz/corpus/`, one folder for each decoder, and is tried for ever.

use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::sync::frame::{Frame, PREFIX};
use annona_tests::hostile::{DECODERS, TABLES, simulator};

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

/// The byte strings of every vector.
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

/// Files of a fuzz target that were kept because they reached something new, or broke something.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files = Vec::new();
    if folder.is_dir() {
        below(&folder, &mut files);
    }
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a kept file")).collect()
}

#[test]
fn no_decoder_panics_and_every_value_has_one_spelling() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "the vectors are there");
    let mut values = vec![0u32; DECODERS.len()];
    let mut numbers = Numbers(2026);
    for seed in &seeds {
        for round in 0..30 {
            let bytes = if round == 0 { seed.clone() } else { changed(seed, &mut numbers) };
            for ((name, decode), count) in DECODERS.iter().zip(&mut values) {
                // Files are slow to try: only as they are, and from their own corpus.
                let file = matches!(*name, "audit_file" | "bundle_part" | "proof_file");
                *count += u32::from((round == 0 || !file) && decode(&bytes));
            }
        }
    }
    for ((name, _), values) in DECODERS.iter().zip(&values) {
        println!("{name}: {values} values");
    }
    // What has vectors and is refused every time is not being tried.
    for name in ["entry_value", "entry_control", "promise", "block", "notice", "ticket", "receipt"]
    {
        let place = DECODERS.iter().position(|(other, _)| *other == name).expect("in the table");
        assert!(values[place] > 0, "{name}: no vector decodes");
    }
}

#[test]
fn what_fuzzers_found_worth_keeping_is_tried_again() {
    for (name, decode) in DECODERS.iter().chain(&TABLES) {
        let mut values = 0;
        let kept = kept(name);
        for bytes in &kept {
            values += u32::from(decode(bytes));
        }
        println!("{name}: {} kept, {values} values", kept.len());
    }
    kept("simulator").iter().for_each(|bytes| simulator(bytes));
}

#[test]
fn a_million_frames_that_are_none_change_nothing() {
    // Lengths, kinds and bodies of a hostile peer, from a seed: never a panic, and nothing is reserved for a length
    // that no frame has.
    let mut numbers = Numbers(7);
    let mut good = 0u32;
    for _ in 0..1_000_000u32 {
        let mut bytes = vec![0u8; numbers.below(40)];
        bytes.iter_mut().for_each(|byte| *byte = numbers.next() as u8);
        if let Some(kind) = bytes.first_mut() {
            *kind %= 24;
        }
        let claimed = (numbers.next() as u32).to_be_bytes();
        let length = annona_ledger::sync::frame::length(claimed);
        let allowed = (1..=annona_ledger::limits::FRAME_BYTES)
            .contains(&(u32::from_be_bytes(claimed) as usize));
        assert_eq!(length.is_ok(), allowed);
        if let Ok(frame) = Frame::decode(&bytes) {
            assert_eq!(
                frame.encode().map(|e| e[PREFIX..].to_vec()).ok(),
                Some(bytes),
                "one spelling"
            );
            good += 1;
        }
    }
    println!("{good} of a million were frames");
}

#[test]
fn a_decoder_that_takes_a_second_spelling_is_caught() {
    // The planted bug: postcard by itself, which takes a number that is longer than it needs to be.
    fn planted(bytes: &[u8]) {
        if let Ok(value) = postcard::from_bytes::<u64>(bytes) {
            assert_eq!(postcard::to_allocvec(&value).expect("a number"), bytes, "one spelling");
        }
    }
    planted(&[5]);
    assert!(std::panic::catch_unwind(|| planted(&[0x85, 0])).is_err(), "5 in two bytes");
}

#[test]
fn every_decoder_has_its_fuzz_target() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let targets: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .filter(|name| !["annona-fuzz", "simulator"].contains(name))
        .collect();
    let decoders: Vec<&str> = DECODERS.iter().chain(&TABLES).map(|(name, _)| *name).collect();
    assert_eq!(targets, decoders);
}
