//! Vectors of spec/vectors/audit: one defect a file, named by it, in the form of spec/vectors/README.md. To make them
//! again: `UPDATE_EXPECT=1 cargo test -p annona-node --lib audit::vectors`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use annona_ledger::audit::verdict::Problem;
use annona_ledger::audit::{Options, Verdict};
use annona_ledger::block::{Block, Draft, Evidence, Proof};
use annona_ledger::charter::{
    Act, Article, Commodity, Organisation, Risk, SignedArticle, Unit, default_quorum,
};
use annona_ledger::day::{Closing, Day};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{
    CommodityId, FederationId, FeedId, Lane, MerchantId, OrgId, ProgrammeId, SiteId,
};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::{NodeCertificate, Notice, Roles, SignedNotice};
use annona_ledger::settlement::Settling;
use annona_ledger::sync::frame::{Frame, Hello};
use annona_ledger::time::{Hlc, Millis, Minute};
use annona_ledger::wire::{Bounded, Bytes, Name};

use super::export::MAGIC;
use super::{AuditFile, audit};

const FOOD: ProgrammeId = ProgrammeId(1);
/// Seeds of the organisation, of its node, and of one that has no certificate.
const ORG: u8 = 1;
const NODE: u8 = 20;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short visible text")
}

fn many<T, const N: usize>(values: Vec<T>) -> Bounded<T, N> {
    Bounded::new(values).expect("few enough")
}

/// One organisation and its programme.
fn founding() -> SignedArticle {
    let (signing, recovery) = (key(ORG).public(), key(100 + ORG).public());
    let organisation = Organisation { id: OrgId(1), name: name("One"), key: signing, recovery };
    let unit = Unit::Item { measure: name("kg"), minor_digits: 3 };
    let acts = vec![
        Act::Found {
            name: name("Lake"),
            founded: Millis(1_795_000_000_000),
            quorum: default_quorum(1),
            organisations: many(vec![organisation]),
        },
        Act::Programme {
            id: FOOD,
            org: OrgId(1),
            name: name("Food"),
            commodities: many(vec![Commodity { id: CommodityId(1), name: name("Rice"), unit }]),
            risk: Risk::default(),
        },
    ];
    let article = Article { epoch: 0, previous: Hash::ZERO, acts: many(acts) };
    let signature = article.sign(&article.founds(), &key(ORG));
    SignedArticle { article, signatures: many(vec![(OrgId(1), signature)]) }
}

fn federation() -> FederationId {
    founding().article.founds()
}

fn certificate(signed_by: u8) -> SignedNotice {
    certificate_as(Roles::MERCHANT, signed_by)
}

fn certificate_as(roles: Roles, signed_by: u8) -> SignedNotice {
    let (federation, org) = (federation(), OrgId(1));
    let (transport, sealing) = (key(NODE + 1).public(), [NODE; 32]);
    let certificate = NodeCertificate {
        org,
        node: key(NODE).public(),
        transport,
        sealing,
        site: SiteId(1),
        site_name: name("Lakeside"),
        roles,
        programmes: many(vec![FOOD]),
        ceilings: Bounded::empty(),
        issued: Minute(0),
        not_after: Minute(1_000),
        replaces: None,
        acceptance: NodeCertificate::accept(&key(NODE), &federation, org, &transport, &sealing),
    };
    Notice::Node(certificate).sign(&federation, &key(signed_by))
}

fn feed() -> FeedId {
    FeedId { node: key(NODE).public(), lane: Lane::Value, programme: FOOD }
}

fn merchant(n: u8) -> Entry {
    Value::Merchant { merchant: MerchantId([n; 16]) }.into()
}

fn sealed(seq: u64, start: Head, entry: Entry) -> Block {
    with_evidence(seq, start, entry, &Evidence::default())
}

fn with_evidence(seq: u64, start: Head, entry: Entry, evidence: &Evidence) -> Block {
    let draft = Draft {
        feed: feed(),
        seq,
        start,
        entries: &[entry.encode()],
        evidence,
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc { millis: 1, count: 0 },
    };
    draft.seal(&key(NODE), &federation()).expect("small")
}

/// What a file is made of, a part at a time.
struct Making {
    magic: [u8; 16],
    federation: FederationId,
    frames: Vec<Vec<u8>>,
    /// Added to the count of frames, and the first byte of the digest.
    wrong: (u64, u8),
    end: bool,
}

/// The frames of a good file, in order.
const ARTICLE: usize = 0;
const NOTICE: usize = 1;
const FIRST: usize = 3;
const SECOND: usize = 4;

fn bytes_of(frame: Frame) -> Vec<u8> {
    frame.encode().expect("it fits")
}

fn block(block: &Block) -> Vec<u8> {
    bytes_of(Frame::Block(Box::new(block.clone())))
}

fn start() -> Head {
    Head::start(&federation(), &feed())
}

fn blocks() -> [Block; 2] {
    let first = sealed(0, start(), merchant(1));
    let second = sealed(1, first.header.end(), merchant(2));
    [first, second]
}

fn good() -> Making {
    let [first, second] = blocks();
    let frames = vec![
        bytes_of(Frame::Article(Box::new(founding()))),
        bytes_of(Frame::Notice(Box::new(certificate(ORG)))),
        bytes_of(Frame::Feed(feed())),
        block(&first),
        block(&second),
    ];
    Making { magic: *MAGIC, federation: federation(), frames, wrong: (0, 0), end: true }
}

impl Making {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend_from_slice(&self.federation.0.0);
        self.frames.iter().for_each(|frame| bytes.extend_from_slice(frame));
        if self.end {
            let mut digest = Hasher::new(Purpose::File).with(&bytes).finish();
            digest.0[0] ^= self.wrong.1;
            let count = self.frames.len() as u64 + self.wrong.0;
            bytes.extend_from_slice(&bytes_of(Frame::Bye { count, digest }));
        }
        bytes
    }
}

fn with(change: impl FnOnce(&mut Making)) -> Vec<u8> {
    let mut making = good();
    change(&mut making);
    making.bytes()
}

/// The file with one frame exchanged for others.
fn instead(at: usize, frames: Vec<Vec<u8>>) -> Vec<u8> {
    with(|making| drop(making.frames.splice(at..=at, frames)))
}

/// Name, what is found, and the bytes.
fn vectors() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let [first, second] = blocks();
    let whole = good().bytes();
    let changed = |change: fn(&mut Block)| {
        let mut other = second.clone();
        change(&mut other);
        instead(SECOND, vec![block(&other)])
    };
    let mut unsigned = founding();
    unsigned.signatures = Bounded::empty();
    let hello = Hello {
        version: 1,
        federation: federation(),
        epoch: 0,
        charter: founding().article.hash(),
    };
    let nothing = Statement::Header(first.header, first.signature);
    let nothing = ForkProof { feed: feed(), one: nothing.clone(), other: nothing };
    let ended = sealed(0, start(), Value::End { at: Minute(9) }.into());
    let after_end = sealed(1, ended.header.end(), merchant(2));
    let of_two = sealed(0, first.header.end(), merchant(2));
    let beside = sealed(1, first.header.end(), merchant(3));
    // Nothing was handed out in that day, and a settlement of its entries has no row.
    let (root, totals) = (Hash::ZERO, Bounded::empty());
    let closing = Closing { first: 0, redeemed: 1, refunded: 0, root, totals };
    let closed = Value::DayClose { day: Box::new(Day::Close(closing)), at: Minute(9) };
    let closed = sealed(1, first.header.end(), closed.into());
    let node = feed().node.short();
    let head = first.header.end().accumulator;
    let line = Settling::Stretch { node, from: 0, to: 1, head, except: Bounded::empty() };
    let draft = Settling::Draft { first: 1, root, rows: 1, totals: Bounded::empty() };
    let settle = |seq, start, settling| {
        sealed(seq, start, Value::Settle { settling: Box::new(settling), at: Minute(9) }.into())
    };
    let line = settle(1, first.header.end(), line);
    let draft = settle(2, line.header.end(), draft);
    let mut frames = vec![
        ("good", "good", whole.clone()),
        ("closing_of_another_day", "ClosingDiffers", instead(SECOND, vec![block(&closed)])),
        ("settlement_without_its_rows", "SettlementDiffers", {
            with(|making| {
                let treasury = certificate_as(Roles::TREASURY.and(Roles::MERCHANT), ORG);
                making.frames[NOTICE] = bytes_of(Frame::Notice(Box::new(treasury)));
                drop(making.frames.splice(SECOND..=SECOND, [block(&line), block(&draft)]));
            })
        }),
        ("empty", "NoCharter, Empty", vec![]),
        (
            "other_magic",
            "NoCharter, NotAuditFile",
            with(|making| making.magic = *b"annona proof v1\n"),
        ),
        (
            "later_version",
            "NoCharter, NotAuditFile",
            with(|making| making.magic = *b"annona audit v2\n"),
        ),
        (
            "other_federation",
            "CharterElsewhere",
            with(|making| making.federation = FederationId(Hash([1; 32]))),
        ),
        ("no_article", "NoCharter, Disorder", instead(ARTICLE, vec![])),
        ("article_unsigned", "NoCharter, Article, Disorder", {
            instead(ARTICLE, vec![bytes_of(Frame::Article(Box::new(unsigned)))])
        }),
        ("notice_signed_by_another", "Notice, NotCertified", {
            instead(NOTICE, vec![bytes_of(Frame::Notice(Box::new(certificate(2))))])
        }),
        ("notice_left_out", "NotCertified", instead(NOTICE, vec![])),
        ("block_left_out", "Gap", instead(FIRST, vec![])),
        ("block_twice", "Repeated", instead(FIRST, vec![block(&first), block(&first)])),
        ("header_of_a_block_before", "Repeated", {
            let header = Frame::Header { header: first.header, signature: first.signature };
            with(|making| making.frames.push(bytes_of(header)))
        }),
        ("block_of_another_number", "Number", instead(SECOND, vec![block(&of_two)])),
        ("block_unsigned", "Signature", changed(|b| b.header.frontier_root = Hash([1; 32]))),
        ("block_with_another_entry", "Core", {
            changed(|b| {
                let mut body = b.body.to_vec();
                body[1] ^= 1;
                b.body = Bytes::new(body).expect("as long as before");
            })
        }),
        (
            "fork",
            "Forked",
            instead(SECOND, {
                let mut both = [block(&second), block(&beside)];
                both.sort_by_key(|_| second.header.hash() > beside.header.hash());
                both.to_vec()
            }),
        ),
        ("entry_after_the_end", "Rule(AfterEnd)", {
            with(|making| {
                (making.frames[FIRST], making.frames[SECOND]) = (block(&ended), block(&after_end));
            })
        }),
        ("fork_proof_of_nothing", "NoForkProof", {
            with(|making| making.frames.push(bytes_of(Frame::ForkProof(Box::new(nothing)))))
        }),
        ("hello", "Disorder", {
            with(|making| making.frames.insert(ARTICLE, bytes_of(Frame::Hello(hello))))
        }),
        ("frame_kind_200", "Frame(Kind)", instead(SECOND, vec![vec![0, 0, 0, 2, 200, 0]])),
        ("frame_with_a_byte_more", "Frame(Malformed)", {
            let mut longer = block(&second);
            longer[3] += 1;
            longer.push(0);
            instead(SECOND, vec![longer])
        }),
        ("frame_of_no_bytes", "Frame(Length), Truncated", instead(SECOND, vec![vec![0; 4]])),
        (
            "frame_of_four_gigabytes",
            "Frame(Length), Truncated",
            instead(SECOND, vec![vec![0xff; 4]]),
        ),
        ("cut_in_a_frame", "Truncated", whole[..whole.len() - 60].to_vec()),
        ("no_end", "Truncated", with(|making| making.end = false)),
        ("other_digest", "Digest", with(|making| making.wrong.1 = 1)),
        ("other_count", "Count", with(|making| making.wrong.0 = 1)),
        ("trailing_byte", "Trailing", [&whole[..], &[0]].concat()),
    ];
    frames.sort_by_key(|vector| vector.0);
    frames
}

/// What an audit finds, in order.
fn found(verdict: &Verdict) -> String {
    let word = |text: String| text.split(" {").next().unwrap_or_default().to_owned();
    let name = |problem: &Problem| match problem {
        Problem::File(problem) => format!("{problem:?}"),
        Problem::Block(fault) => word(format!("{fault:?}")),
        Problem::Frame(fault) => {
            let text = format!("{fault:?}");
            format!("Frame({})", text.split(['(', ' ']).next().unwrap_or_default())
        }
        other => word(format!("{other:?}")),
    };
    let names: Vec<String> = verdict.findings.iter().map(|found| name(&found.problem)).collect();
    if names.is_empty() { "good".to_owned() } else { names.join(", ") }
}

fn text(answer: &str, bytes: &[u8]) -> String {
    let mut text = format!("kind: audit file\nanswer: {answer}\nbytes:");
    for line in bytes.chunks(48) {
        text.push_str("\n  ");
        line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes all"));
    }
    text.push('\n');
    text
}

#[test]
fn vectors_are_what_they_were_and_read_as_they_say() {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/audit");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let folder = tempfile::tempdir().expect("a folder");
    let (vectors, mut wrong) = (vectors(), Vec::new());
    for (name, answer, bytes) in &vectors {
        let path = folder.path().join("vector.audit");
        fs::write(&path, bytes).expect("written");
        let file = AuditFile::open(&path).expect("a file that opens");
        let verdict = audit(&file, &Options::default(), 1, &|_| {}, &AtomicBool::new(false));
        if found(&verdict) != *answer {
            wrong.push(format!("{name}: {}", found(&verdict)));
        }
        assert_eq!(verdict.is_good(), *answer == "good", "{name}");
        let (path, text) = (kept.join(format!("{name}.txt")), text(answer, bytes));
        if update {
            fs::create_dir_all(&kept).expect("a folder to write to");
            fs::write(&path, &text).expect("written");
        }
        assert!(fs::read_to_string(&path).expect("it is kept") == text, "{name} has changed");
    }
    assert_eq!(wrong, [""; 0]);
    let files = fs::read_dir(&kept).expect("lists").count();
    assert_eq!(files, vectors.len(), "no file without a vector");
    let good = vectors.iter().filter(|(_, answer, _)| *answer == "good").count();
    assert!(good > 0 && vectors.len() >= 5 * good, "{good} of {} are good", vectors.len());
}

#[test]
fn evidence_that_a_block_commits_to_and_nobody_shows_is_counted() {
    let piece = Proof { place: 0, bytes: Bytes::new(vec![7; 9]).expect("short") };
    let evidence = Evidence(Bounded::new(vec![piece]).expect("one"));
    let first = with_evidence(0, start(), merchant(1), &evidence);
    let second = sealed(1, first.header.end(), merchant(2));
    let shown =
        Frame::Evidence { seq: 0, header: first.header.hash(), pieces: evidence.0, last: true };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some.audit");
    for (frames, there, lacking) in
        [(vec![block(&first)], 0, 1), (vec![block(&first), bytes_of(shown)], 1, 0)]
    {
        let bytes = with(|making| {
            making.frames[SECOND] = block(&second);
            making.frames.splice(FIRST..=FIRST, frames);
        });
        fs::write(&path, &bytes).expect("written");
        let file = AuditFile::open(&path).expect("a file that opens");
        let verdict = audit(&file, &Options::default(), 1, &|_| {}, &AtomicBool::new(false));
        assert_eq!(found(&verdict), "good");
        assert_eq!((verdict.evidence, verdict.evidence_not_shown), (there, lacking));
    }
}
