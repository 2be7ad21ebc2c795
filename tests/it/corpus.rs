//! Hostile bytes: every decoder is given every vector, every kept finding, and many small changes of both. None may
//! panic, and what decodes must encode to the same bytes.
//!
//! What a fuzzer has found worth keeping lies in `tests/fuzz/corpus/`, one folder for each decoder, and is tried for ever.

use std::fs;
use std::path::{Path, PathBuf};

use annona_tests::hostile::credentials;
use annona_tests::hostile::seeds::seeds as made;
use annona_tests::hostile::{DECODERS, Decoder, SEALED, TABLES, handed_over, simulator, spoilt};
use annona_tests::rng::Rng;

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

/// Files, meetings and a desk are slow to try: only with bytes as they are, and from their own corpus.
const SLOW: [&str; 12] = [
    "audit_file",
    "bundle_part",
    "proof_file",
    "session",
    "pin_file",
    "checkpoint_file",
    "shares_file",
    "overlap_asked",
    "overlap_answered",
    "consent_request",
    "lent_pins",
    "people_copy",
];

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
    let mut rng = Rng::new(2026);
    for seed in &seeds {
        for round in 0..30 {
            let bytes = if round == 0 { seed.clone() } else { spoilt(seed, &mut rng) };
            for ((name, decode), count) in DECODERS.iter().zip(&mut values) {
                let file = SLOW.contains(name);
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
    for (name, decode) in DECODERS.iter().chain(&TABLES).chain(&SEALED) {
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
fn every_decoder_has_a_corpus_in_which_something_is_a_value() {
    // UPDATE_EXPECT=1 writes what a fuzzer begins with: to be done where the bytes of something have changed.
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let mut given = made();
        given.extend(vectors_of_decoders());
        given.extend(credentials::seeds());
        given.extend(handed_over());
        for (nth, (name, bytes)) in given.into_iter().enumerate() {
            let folder = corpus.join(name);
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join(format!("seed-{nth:03}")), bytes).expect("a seed");
        }
    }
    for (name, decode) in DECODERS.iter().chain(&TABLES).chain(&SEALED) {
        let kept = kept(name);
        assert!(!kept.is_empty(), "{name}: nothing in tests/fuzz/corpus");
        let values = kept.iter().filter(|bytes| decode(bytes)).count();
        assert!(values > 0, "{name}: no value among {}", kept.len());
    }
    assert!(!kept("simulator").is_empty(), "the simulator's");
}

/// Of the vectors, those that are values of a decoder, a few for each.
fn vectors_of_decoders() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = seeds();
    seeds.sort_by_key(Vec::len);
    seeds.dedup();
    let few = |(name, decode): &(&'static str, Decoder)| {
        let (name, decode) = (*name, *decode);
        let good: Vec<_> = seeds.iter().filter(|bytes| decode(bytes)).take(8).cloned().collect();
        good.into_iter().map(move |bytes| (name, bytes))
    };
    DECODERS.iter().flat_map(few).collect()
}
