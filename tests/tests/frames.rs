//! Malformed input by the million: no panic, nothing learned, and no more memory than is allowed for it.
//!
//! A program of its own, for it counts what the heap gives out.

use std::fs;
use std::path::Path;

use annona_ledger::sync::frame::{self, PREFIX};
use annona_tests::hostile::listener::{Heard, Listener};
use annona_tests::hostile::peer::{meeting, meetings};
use annona_tests::hostile::{DECODERS, SEALED, TABLES, spoilt};
use annona_tests::rng::Rng;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What malformed input may make a decoder ask for, in bytes.
const MOST: usize = 16 * 1024 * 1024;
/// Messages in all.
const MESSAGES: u32 = 1_000_000;
/// Meetings that begin well.
const MEETINGS: u32 = 5_000;

/// What a call asked for at its height, beyond what there was before.
fn asked_for<T>(call: impl FnOnce() -> T) -> (T, usize) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let answer = call();
    (answer, HEAP.peak_usage().saturating_sub(before))
}

/// The planted bug: room is made for a frame before its length is looked at.
fn without_a_cap(message: &[u8]) -> Vec<u8> {
    let Some((prefix, rest)) = message.split_first_chunk::<PREFIX>() else { return Vec::new() };
    let mut body = Vec::with_capacity(u32::from_be_bytes(*prefix) as usize);
    body.extend_from_slice(rest);
    body
}

// One test: the heap is everybody's.
#[test]
fn a_million_malformed_frames_teach_nothing_and_cost_little() {
    let mut listener = Listener::draw(1);
    let before = listener.digest();
    let (known, new) = (listener.known.clone(), listener.new.clone());
    for message in &known {
        listener.trust(message);
        assert_eq!(listener.hear(message), Heard::Nothing, "it knows that");
    }

    let mut rng = Rng::new(7);
    let (mut noise, mut frames, mut refused) = (0u32, 0u32, 0u32);
    let mut most = 0;
    let mut heard = |listener: &mut Listener, message: &[u8]| {
        let (heard, bytes) = asked_for(|| listener.hear(message));
        most = bytes.max(most);
        assert!(bytes <= MOST, "{bytes} bytes were asked for {message:02x?}");
        assert_ne!(heard, Heard::Learned, "a peer taught it {message:02x?}");
        heard
    };
    let all: Vec<&Vec<u8>> = known.iter().chain(&new).collect();
    for turn in 0..MESSAGES {
        // A quarter is noise, the rest is good messages with something wrong.
        if turn % 4 == 0 {
            let mut message = vec![0u8; rng.below(60)];
            message.iter_mut().for_each(|byte| *byte = rng.bits() as u8);
            // Half of it with a length that is true and a kind that there is.
            if turn % 8 == 0 && message.len() > PREFIX {
                let length = u32::try_from(message.len() - PREFIX).expect("short");
                message[..PREFIX].copy_from_slice(&length.to_be_bytes());
                message[PREFIX] %= 32;
            }
            noise += u32::from(heard(&mut listener, &message) == Heard::NoFrame);
            continue;
        }
        let good = all[turn as usize % all.len()];
        let message = if turn % 4 == 1 {
            // The length stays, what it announces is spoilt: or most would end at the length.
            let mut body = spoilt(&good[PREFIX..], &mut rng);
            body.truncate(frame::length([0, 1, 0, 0]).expect("the most there may be"));
            let length = u32::try_from(body.len()).expect("short");
            [&length.to_be_bytes()[..], &body].concat()
        } else {
            spoilt(good, &mut rng)
        };
        // What is wrong may be behind the frame, where nothing of it is read.
        if message.starts_with(good) {
            continue;
        }
        // Somebody honest has said whose the blocks are.
        listener.trust(all[(turn as usize % all.len()).saturating_sub(1)]);
        match heard(&mut listener, &message) {
            Heard::NoFrame => refused += 1,
            Heard::Nothing | Heard::Learned => frames += 1,
        }
    }
    assert_eq!(listener.digest(), before, "nothing changed");
    println!(
        "{noise} of noise and {refused} spoilt were no frames, {frames} were, and taught nothing"
    );
    println!("at most {most} bytes were asked for at once");
    assert!(frames > MESSAGES / 20, "most end at the length: nothing is tried");

    // Whole meetings with something wrong, over the machine that answers.
    let meetings = meetings();
    let (mut broken, mut held) = (0u32, 0u32);
    for turn in 0..MEETINGS {
        let spoilt = spoilt(&meetings[turn as usize % meetings.len()], &mut rng);
        let (good, bytes) = asked_for(|| meeting(&spoilt));
        assert!(bytes <= MOST, "{bytes} bytes were asked for in {spoilt:02x?}");
        (broken, held) = (broken + u32::from(!good), held + u32::from(good));
    }
    println!("{broken} meetings were ended for a breach, {held} were not");
    assert!(broken > MEETINGS / 20 && held > MEETINGS / 20, "one of both is not tried");

    // What is whole, it learns: or it would be deaf.
    for message in &new {
        listener.trust(message);
        let feed = message.get(PREFIX) == Some(&3);
        assert_eq!(listener.hear(message) == Heard::Learned, !feed);
    }
    assert_ne!(listener.digest(), before);

    // Every decoder, on all that is kept of it: as little.
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut tried = 0u32;
    for (name, decode) in DECODERS.iter().chain(&TABLES).chain(&SEALED) {
        // Where it opens a desk or a key first, that is not asked for by the bytes. A passphrase costs what a header says.
        decode(&[]);
        let passphrase = SEALED.iter().any(|(sealed, _)| sealed == name);
        let most = MOST + if passphrase { 20 * 1024 * 1024 } else { 0 };
        for file in fs::read_dir(corpus.join(name)).into_iter().flatten().flatten() {
            let bytes = fs::read(file.path()).expect("a kept file");
            let (_, asked) = asked_for(|| decode(&bytes));
            assert!(asked <= most, "{name} asked for {asked} bytes: {:?}", file.path());
            tried += 1;
        }
    }
    println!("{tried} kept");

    let (_, asked) = asked_for(|| without_a_cap(&[0x7f, 0xff, 0xff, 0xff, 0]));
    assert!(asked > MOST, "a reader without a cap must be caught: {asked}");
}
