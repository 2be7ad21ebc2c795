//! Vectors of spec/vectors/bundle: one defect a file, named by it. Keys and randomness are fixed, so that they can be made
//! again: `ANNONA_WRITE_VECTORS=1 cargo test -p annona-node --lib bundle::vectors`.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::PathBuf;

use annona_ledger::block::{Draft, Evidence};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::feed;
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FederationId, FeedId, Lane, ProgrammeId, Pseudonym};
use annona_ledger::key::SigningKey;
use annona_ledger::sync::frame::{self, Frame, Hello};
use annona_ledger::sync::talk::{Letter, Over};
use annona_ledger::time::{DayNo, Hlc, Minute};
use annona_ledger::wire::Bytes;

use super::part::{Part, Plan, Sender};
use super::read::{Broken, Opened};
use super::{CHECK, FIXED, LINE, PartFault};
use crate::envelope::{self, WRAPPED};

const SECRET: [u8; 32] = [7; 32];
const FEDERATION: FederationId = FederationId(Hash([3; 32]));

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Frames of a value section with one block.
fn content() -> Vec<Frame> {
    let feed = FeedId { node: key(1).public(), lane: Lane::Registry, programme: ProgrammeId(1) };
    let entry = Registry::Enrol { pseudonym: Pseudonym([1; 16]), at: Minute(4) };
    let draft = Draft {
        feed,
        seq: 0,
        start: feed::Head::start(&FEDERATION, &feed),
        entries: &[Entry::from(entry).encode()],
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc::default(),
    };
    let block = draft.seal(&key(1), &FEDERATION).expect("one entry fits");
    vec![Frame::Feed(feed), Frame::Block(Box::new(block))]
}

/// Frames of a section of letters: one of the reader's that came, and one for it.
fn letters() -> Vec<Frame> {
    let bytes = Bytes::new(b"a paper".to_vec()).expect("short");
    let letter = Letter { until: DayNo(30), bytes };
    vec![Frame::Over(Over::Letter([8; 16])), Frame::Letter(Box::new(letter))]
}

/// How a part is made, a defect at a time.
#[derive(Default)]
struct Making {
    hello: Option<Hello>,
    transport: Option<SigningKey>,
    /// Written after the frames, before the end.
    before_end: Option<(Vec<u8>, bool)>,
    /// Written after the end.
    after_end: Option<Vec<u8>>,
    unsigned: bool,
    long: bool,
    stranger: bool,
    letters: bool,
}

fn make(making: Making) -> Vec<u8> {
    let hello =
        Hello { version: frame::VERSION, federation: FEDERATION, epoch: 0, charter: Hash::ZERO };
    let transport = making.transport.unwrap_or_else(|| key(2));
    let sender = Sender {
        hello: making.hello.unwrap_or(hello),
        node: key(1).public(),
        transport: &transport,
    };
    let secret = if making.stranger { [8; 32] } else { SECRET };
    let readers = vec![envelope::public(&secret).expect("a secret")];
    let programmes = [ProgrammeId::NONE, ProgrammeId(1), super::LETTERS];
    let plan = programmes.map(|programme| Plan { programme, readers: readers.clone() });
    let plan = &plan[..if making.letters { 3 } else { 2 }];
    let mut next = 0u8;
    let mut seeds = || {
        next += 1;
        Ok(annona_ledger::hash::hash_one(Purpose::File, &[next]).0)
    };
    let out = Cursor::new(Vec::new());
    let mut part = Part::begin(out, [6; 16], 1, &sender, plan, &mut seeds).expect("begins");
    part.section().expect("opens");
    part.end().expect("ends");
    part.section().expect("opens");
    for frame in content() {
        part.frame(&frame).expect("fits");
    }
    if making.long {
        for frame in content().iter().cycle().take(2_000) {
            part.frame(frame).expect("fits");
        }
    }
    if let Some((bytes, counted)) = making.before_end {
        part.forge(&bytes, counted).expect("fits");
    }
    if making.unsigned {
        part.close().expect("closes");
    } else if let Some(after) = making.after_end {
        part.sign().expect("signs");
        part.forge(&after, false).expect("fits");
        part.close().expect("closes");
    } else {
        part.end().expect("ends");
    }
    if making.letters {
        part.section().expect("opens");
        for frame in letters() {
            part.frame(&frame).expect("fits");
        }
        part.end().expect("ends");
    }
    part.finish(1).expect("finishes").into_inner()
}

/// What a reader makes of a part: how many frames, or the first fault.
fn read(bytes: &[u8]) -> Result<usize, PartFault> {
    let part = |broken| match broken {
        Broken::Part(fault) => fault,
        Broken::Io(fault) => panic!("memory has no faults: {fault}"),
    };
    let mut opened = Opened::open(Cursor::new(bytes), Some(&SECRET)).map_err(part)?;
    let mut frames = 0;
    for section in 0..opened.head.directory.len() {
        let mut section = opened.section(section, Some(&FEDERATION)).map_err(part)?;
        while section.frame().map_err(part)?.is_some() {
            frames += 1;
        }
        if !section.signed_by(&key(2).public()) {
            return Err(PartFault::Signature);
        }
    }
    opened.trailing().map_or(Ok(frames), Err)
}

/// Gives a head that was changed the check it should have.
fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = FIXED + 2 * LINE + 8 * WRAPPED;
    let check = Hasher::new(Purpose::File).with(&bytes[..end]).finish();
    bytes[end..end + CHECK].copy_from_slice(&check.0[..CHECK]);
    bytes
}

fn changed(at: usize, to: &[u8]) -> Vec<u8> {
    let mut bytes = make(Making::default());
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

const START: usize = FIXED + 2 * LINE + 8 * WRAPPED + CHECK;

/// Name, what is expected, why, and the bytes.
fn vectors() -> Vec<(&'static str, &'static str, &'static str, Vec<u8>)> {
    let good = || make(Making::default());
    let hello = Hello { version: 1, federation: FEDERATION, epoch: 0, charter: Hash::ZERO };
    let from =
        frame::From { node: key(1).public(), bundle: [6; 16], part: 1, programme: ProgrammeId(1) };
    let encoded = |frame: Frame| frame.encode().expect("fits");
    let before = |bytes: Vec<u8>, counted| {
        make(Making { before_end: Some((bytes, counted)), ..Making::default() })
    };
    let slots = FIXED + 2 * LINE;
    let swapped = {
        let mut bytes = good();
        let (one, other) = bytes[slots..slots + 2 * WRAPPED].split_at_mut(WRAPPED);
        one.swap_with_slice(other);
        checked(bytes)
    };
    let spliced = {
        // The sections of one part behind the head of another with their order exchanged.
        let mut bytes = good();
        let (one, other) = bytes[FIXED..FIXED + 2 * LINE].split_at_mut(LINE);
        one.swap_with_slice(other);
        let first = usize::try_from(u64::from_be_bytes(
            bytes[FIXED + 16..FIXED + 24].try_into().expect("eight"),
        ))
        .expect("small");
        let sealed = bytes.split_off(START);
        bytes.extend_from_slice(&sealed[sealed.len() - first..]);
        bytes.extend_from_slice(&sealed[..sealed.len() - first]);
        checked(bytes)
    };
    let (long, chunk) = (make(Making { long: true, ..Making::default() }), super::CHUNK + 16);
    let mut reordered = long.clone();
    let second = long.len() - START;
    let begins = START
        + usize::try_from(u64::from_be_bytes(
            long[FIXED + 16..FIXED + 24].try_into().expect("eight"),
        ))
        .expect("small");
    assert!(second > 2 * chunk, "two whole chunks and more");
    let (one, other) = reordered[begins..begins + 2 * chunk].split_at_mut(chunk);
    one.swap_with_slice(other);
    let mut list = vec![
        ("good", "2 frames", "two sections, one block", good()),
        (
            "letters",
            "4 frames",
            "a section of letters stands last",
            make(Making { letters: true, ..Making::default() }),
        ),
        ("empty", "NotABundle", "no byte at all", Vec::new()),
        (
            "other_magic",
            "NotABundle",
            "an archive",
            b"PK\x03\x04 and so on, longer than a magic".to_vec(),
        ),
        ("version_2", "Version", "a later version", changed(15, b"2")),
        ("part_0", "Limit", "parts count from one", checked(changed(32, &[0, 0]))),
        ("part_after_last", "Limit", "part 2 of 1", checked(changed(32, &[0, 2]))),
        ("no_sections", "Limit", "there is always a common one", checked(changed(36, &[0]))),
        ("slots_9", "Limit", "not a multiple of eight", checked(changed(37, &[0, 9]))),
        ("slots_too_many", "Limit", "1,032 wrapped keys", checked(changed(37, &[4, 8]))),
        ("cut_in_head", "Cut", "ends among the wrapped keys", good()[..FIXED + 100].to_vec()),
        ("check", "Head", "one bit of the directory", changed(FIXED, &[0xff])),
        ("slots_order", "Slots", "wrapped keys do not ascend", swapped),
        ("directory_sum", "Slots", "directory and sealed bytes differ", checked(changed(46, &[1]))),
        (
            "for_another",
            "NotForUs",
            "wrapped to another key",
            make(Making { stranger: true, ..Making::default() }),
        ),
        (
            "other_part",
            "NotForUs",
            "keys wrapped for part 1, head says 2 of 2",
            checked(changed(32, &[0, 2, 0, 2])),
        ),
        (
            "truncated",
            "Truncated",
            "ends within the last section",
            good()[..good().len() - 1].to_vec(),
        ),
        ("chunk_bit", "Damaged", "one bit of the first chunk", changed(START, &[0x00])),
        (
            "frame_length_0xffffffff",
            "Frame",
            "a frame of four gigabytes",
            before(vec![0xff; 4], false),
        ),
        ("frame_kind_200", "Frame", "a kind nobody knows", before(vec![0, 0, 0, 2, 200, 0], true)),
        ("hello_twice", "Frame", "a second hello", before(encoded(Frame::Hello(hello)), true)),
        ("from_twice", "Frame", "a second from", before(encoded(Frame::From(from)), true)),
        (
            "hello_version_2",
            "Frame",
            "frames of a later version",
            make(Making { hello: Some(Hello { version: 2, ..hello }), ..Making::default() }),
        ),
        (
            "other_federation",
            "OtherFederation",
            "a hello of another ledger",
            make(Making {
                hello: Some(Hello { federation: FederationId(Hash([4; 32])), ..hello }),
                ..Making::default()
            }),
        ),
        ("sections_exchanged", "Spliced", "the common section stands second", spliced),
        (
            "no_end",
            "Unsigned",
            "padding where the end should be",
            make(Making { unsigned: true, ..Making::default() }),
        ),
        (
            "frame_not_counted",
            "Unsigned",
            "a frame its sender did not sign",
            before(encoded(content().remove(0)), false),
        ),
        (
            "padding_not_zero",
            "Padding",
            "a byte after the end",
            make(Making { after_end: Some(vec![1]), ..Making::default() }),
        ),
        (
            "padding_too_long",
            "Padding",
            "more zeros than a multiple needs",
            make(Making { after_end: Some(vec![0; 1_024]), ..Making::default() }),
        ),
        ("trailing", "Trailing", "a byte after the last section", [good(), vec![0]].concat()),
        (
            "other_transport",
            "Signature",
            "signed by a key that is not the sender's",
            make(Making { transport: Some(key(9)), ..Making::default() }),
        ),
    ];
    // Too long for a file of text: checked here only.
    assert_eq!(read(&reordered).map_err(|f| f.name()), Err("Damaged"), "chunks exchanged");
    let mut dropped = long;
    dropped.drain(begins..begins + chunk);
    assert_eq!(read(&dropped).map_err(|f| f.name()), Err("Damaged"), "a chunk dropped");
    list.sort_by_key(|vector| vector.0);
    list
}

fn file(name: &str, expect: &str, why: &str, bytes: &[u8]) -> String {
    let mut text = format!(
        "# {name}: {why}\nexpect: {expect}\nsealing secret: {}\ntransport: {}\nfederation: {}\n\n",
        Hash(SECRET),
        key(2).public(),
        FEDERATION
    );
    for line in bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes all"));
        text.push('\n');
    }
    text
}

#[test]
fn vectors_are_what_they_were_and_read_as_they_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/bundle");
    let write = std::env::var_os("ANNONA_WRITE_VECTORS").is_some();
    let vectors = vectors();
    for (name, expect, why, bytes) in &vectors {
        let found = match read(bytes) {
            Ok(frames) => format!("{frames} frames"),
            Err(fault) => fault.name().to_owned(),
        };
        assert_eq!(found, *expect, "{name}: {why}");
        let (path, text) = (folder.join(format!("{name}.txt")), file(name, expect, why, bytes));
        if write {
            std::fs::write(&path, &text).expect("writes");
        }
        let kept = std::fs::read_to_string(&path).expect("the vector is kept");
        assert!(kept == text, "{name} has changed");
    }
    let kept = std::fs::read_dir(&folder).expect("lists").count();
    assert_eq!(kept, vectors.len(), "no file without a vector");
    let good = vectors.iter().filter(|(_, expect, ..)| expect.ends_with(" frames")).count();
    assert!(good > 0 && vectors.len() >= 5 * good, "{good} of {} are good", vectors.len());
}

#[test]
fn faults_are_those_of_the_page() {
    let page = include_str!("../../../spec/bundle.md");
    let rows: Vec<(u16, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let number = cells.next()?.parse().ok()?;
            Some((number, cells.next()?.strip_prefix('`')?.strip_suffix('`')?))
        })
        .collect();
    assert_eq!(rows.len(), 16);
    let what = super::FrameWrong::Place;
    let faults = [
        PartFault::NotABundle,
        PartFault::Version('2'),
        PartFault::Limit(""),
        PartFault::Cut,
        PartFault::Head,
        PartFault::Slots(""),
        PartFault::NotForUs,
        PartFault::Truncated { at: 0 },
        PartFault::Damaged { chunk: 0 },
        PartFault::Frame { frame: 0, what },
        PartFault::OtherFederation(Hash::ZERO),
        PartFault::Spliced,
        PartFault::Unsigned,
        PartFault::Padding,
        PartFault::Trailing,
        PartFault::Signature,
    ];
    let named: Vec<_> = faults.iter().map(|fault| (fault.number(), fault.name())).collect();
    assert_eq!(rows, named);
}
