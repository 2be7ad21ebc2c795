//! Frames: the one alphabet of links, bundles and audit files (spec/audit-file.md, "Frames").
//!
//! A frame is `length (4 bytes, big-endian) ‖ kind ‖ fields`. The length is checked before anything is read for it, each
//! field before anything is allocated for it. Kinds are only ever added at the end.

use serde::{Deserialize, Serialize};

use crate::block::{Block, Proof};
use crate::charter::SignedArticle;
use crate::checkpoint::{Chunk, Cosignature};
use crate::feed::Head;
use crate::fork::ForkProof;
use crate::hash::Hash;
use crate::id::{FederationId, FeedId, FeedRef, ProgrammeId};
use crate::key::PublicKey;
use crate::limits;
use crate::list::Row;
use crate::notice::SignedNotice;
use crate::sync::talk::{
    self, Apart, Buckets, Ids, Item, Letter, Need, Open, Over, Run, Tips, Why,
};
use crate::wire::{self, Bounded, Bytes, WireFault};

/// Bytes of the length before a frame.
pub const PREFIX: usize = 4;
/// Bytes of one chunk of a blob.
pub const CHUNK_BYTES: usize = 48 * 1024;
/// The kind of blob that the page of a checkpoint is.
pub const PAGE: u8 = 1;
/// Feeds of one [`Frame::Frontier`] or [`Frame::Ack`].
pub const FRONTIER_FEEDS: usize = 512;
/// Rows of one [`Frame::ListRows`].
pub const LIST_ROWS: usize = 1024;

/// What a sender says of itself first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the frames that follow: [`VERSION`].
    pub version: u8,
    /// The federation.
    pub federation: FederationId,
    /// The charter epoch the sender knows.
    pub epoch: u32,
    /// The hash of that article.
    pub charter: Hash,
}

/// The version of the frames.
pub const VERSION: u8 = 1;

/// Which section of which bundle this is, and whose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct From {
    /// The sender's signing key; its certificate names the transport key that signs the section.
    pub node: PublicKey,
    /// The bundle.
    pub bundle: [u8; 16],
    /// The part, from 1.
    pub part: u16,
    /// The section's programme, or none for the common one.
    pub programme: ProgrammeId,
}

/// How far one chain of a feed is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The feed.
    pub feed: FeedId,
    /// How many blocks.
    pub blocks: u64,
    /// The head after the last of them.
    pub head: Head,
}

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Frame {
    /// Who speaks.
    Hello(Hello),
    /// An article of the charter. Articles come in order of epoch.
    Article(Box<SignedArticle>),
    /// A notice. Notices come after the articles.
    Notice(Box<SignedNotice>),
    /// The feed that the blocks, evidence and headers after this belong to.
    Feed(FeedId),
    /// A block of the last feed named.
    Block(Box<Block>),
    /// Evidence of one block of the last feed named, in ascending places; more than fits one frame goes on in the next.
    Evidence {
        /// The block's number.
        seq: u64,
        /// The block's header, by its hash: a feed that forked has several blocks of one number.
        header: Hash,
        /// The pieces.
        pieces: Bounded<Proof, { limits::BLOCK_ENTRIES }>,
        /// Whether these are the last of the block.
        last: bool,
    },
    /// The header of a block of the last feed named, whose body stays with those who need to know.
    Header {
        /// The header.
        header: crate::block::Header,
        /// The feed's signature over it.
        signature: crate::key::Signature,
    },
    /// Rows of a distribution list, ascending.
    ListRows {
        /// The list's root.
        list: Hash,
        /// The rows.
        rows: Bounded<Row, LIST_ROWS>,
    },
    /// A piece of something that is no ledger entry.
    BlobChunk {
        /// What kind of thing.
        kind: u8,
        /// Its hash.
        name: Hash,
        /// How many bytes it has in all.
        total: u64,
        /// Where this piece begins.
        offset: u64,
        /// The piece.
        bytes: Bytes<CHUNK_BYTES>,
    },
    /// A feed that said two things at one place.
    ForkProof(Box<ForkProof>),
    /// How far feeds are known. Several frames where there are many.
    Frontier(Bounded<Known, FRONTIER_FEEDS>),
    /// What has been taken in for good.
    Ack(Bounded<Known, FRONTIER_FEEDS>),
    /// The end: nothing may follow.
    Bye {
        /// How many frames came before this one.
        count: u64,
        /// The hash, as a file, of every byte before this frame.
        digest: Hash,
    },
    /// Who made a section of a bundle, and where it belongs (spec/bundle.md).
    From(From),
    /// How far feeds are known of which only headers are here. Several frames where there are many.
    Outline(Bounded<Known, FRONTIER_FEEDS>),
    /// The end of a section of a bundle, by its sender's transport key.
    Signed {
        /// How many frames came before this one.
        count: u64,
        /// The hash, as a file, of every byte before this frame.
        digest: Hash,
        /// Over the digest, in the bundle context, scoped by the federation.
        signature: crate::key::Signature,
    },
    /// What a witness says about a checkpoint, whose page comes as blob chunks of kind [`PAGE`].
    Cosignature(Box<Cosignature>),
    /// Rows of a checkpoint.
    Chunk(Box<Chunk>),
    /// What the sender holds, and what it will take. Comes right after `hello` on a link, and nowhere else.
    Open(Box<Open>),
    /// The sum of each bucket of what is compared.
    Buckets(Box<Buckets>),
    /// How far feeds are held.
    Tips(Box<Tips>),
    /// What is held of the loose part.
    Ids(Box<Ids>),
    /// Asks for what continues feeds whose tips were told, from where the sender told its own.
    Follow(Bounded<Run, { talk::RUNS }>),
    /// Asks for what continues one feed.
    Need(Need),
    /// Asks for points between those of a [`Need`].
    Apart(Apart),
    /// Asks for things that follow no feed's order.
    Want(Bounded<Item, { talk::WANTS }>),
    /// There is nothing, or nothing more, of what was asked for.
    Over(Over),
    /// No more of this feed, please.
    Stop(FeedRef),
    /// How many bytes of content have been taken in for good, or refused, in all.
    Taken(u64),
    /// Nothing but charter, notices and control feeds for now, please; zero: go on.
    Busy {
        /// For how many seconds, about.
        seconds: u32,
    },
    /// The end of a session: nothing may follow.
    End(Why),
    /// A paper for the other side alone, on a link; for the one reader of its section, in a bundle.
    Letter(Box<Letter>),
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The length is more than a frame may have, or nothing. Nothing was read for it.
    #[error("a frame of {0} bytes is announced: 1 to {max} are allowed", max = limits::FRAME_BYTES)]
    Length(u64),
    /// A kind this version does not know.
    #[error("a frame of kind {0} is newer than this program: upgrade it")]
    Kind(u8),
    /// The bytes are no frame of their kind.
    #[error("the bytes are no frame of kind {kind} ({what}): {fault}", what = name(*kind))]
    Malformed {
        /// The kind they begin with.
        kind: u8,
        /// What is wrong.
        fault: WireFault,
    },
}

/// How many kinds this version knows.
const KINDS: [&str; 32] = [
    "hello",
    "article",
    "notice",
    "feed",
    "block",
    "evidence",
    "header",
    "list rows",
    "blob chunk",
    "fork proof",
    "frontier",
    "acknowledgement",
    "bye",
    "from",
    "outline",
    "signed",
    "cosignature",
    "rows of a checkpoint",
    "open",
    "buckets",
    "tips",
    "ids",
    "follow",
    "need",
    "apart",
    "want",
    "over",
    "stop",
    "taken",
    "busy",
    "end",
    "letter",
];

/// What a kind is called.
#[must_use]
pub fn name(kind: u8) -> &'static str {
    KINDS.get(usize::from(kind)).copied().unwrap_or("unknown")
}

impl Frame {
    /// The number of this kind: the first byte of the frame.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 0,
            Self::Article(_) => 1,
            Self::Notice(_) => 2,
            Self::Feed(_) => 3,
            Self::Block(_) => 4,
            Self::Evidence { .. } => 5,
            Self::Header { .. } => 6,
            Self::ListRows { .. } => 7,
            Self::BlobChunk { .. } => 8,
            Self::ForkProof(_) => 9,
            Self::Frontier(_) => 10,
            Self::Ack(_) => 11,
            Self::Bye { .. } => 12,
            Self::From(_) => 13,
            Self::Outline(_) => 14,
            Self::Signed { .. } => 15,
            Self::Cosignature(_) => 16,
            Self::Chunk(_) => 17,
            Self::Open(_) => 18,
            Self::Buckets(_) => 19,
            Self::Tips(_) => 20,
            Self::Ids(_) => 21,
            Self::Follow(_) => 22,
            Self::Need(_) => 23,
            Self::Apart(_) => 24,
            Self::Want(_) => 25,
            Self::Over(_) => 26,
            Self::Stop(_) => 27,
            Self::Taken(_) => 28,
            Self::Busy { .. } => 29,
            Self::End(_) => 30,
            Self::Letter(_) => 31,
        }
    }

    /// The frame with its length before it, as it travels.
    ///
    /// # Errors
    ///
    /// [`FrameFault::Length`] where it is longer than a frame may be: the sender splits it first.
    pub fn encode(&self) -> Result<Vec<u8>, FrameFault> {
        let body = wire::encode(self);
        let len = u32::try_from(body.len()).ok().filter(|len| fits(*len));
        let len = len.ok_or(FrameFault::Length(body.len() as u64))?;
        let mut bytes = Vec::with_capacity(PREFIX.saturating_add(body.len()));
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads a frame from the bytes after its length, all of them.
    ///
    /// # Errors
    ///
    /// The first [`FrameFault`] that applies. The next frame can still be read.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameFault> {
        let kind = *bytes.first().ok_or(FrameFault::Length(0))?;
        if usize::from(kind) >= KINDS.len() {
            return Err(FrameFault::Kind(kind));
        }
        wire::decode(bytes, limits::FRAME_BYTES)
            .map_err(|fault| FrameFault::Malformed { kind, fault })
    }
}

/// Reads the length before a frame.
///
/// # Errors
///
/// [`FrameFault::Length`]: where a frame cannot be as long as that, the rest of the stream cannot be read either.
pub fn length(prefix: [u8; PREFIX]) -> Result<usize, FrameFault> {
    let len = u32::from_be_bytes(prefix);
    let found = FrameFault::Length(u64::from(len));
    if fits(len) { usize::try_from(len).map_err(|_| found) } else { Err(found) }
}

fn fits(len: u32) -> bool {
    len > 0 && usize::try_from(len).is_ok_and(|len| len <= limits::FRAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Draft, Evidence};
    use crate::entry::{Entry, Registry};
    use crate::id::{Lane, Pseudonym};
    use crate::key::SigningKey;
    use crate::time::{Hlc, Minute};

    fn block() -> (FederationId, FeedId, Block) {
        let federation = FederationId(Hash([7; 32]));
        let key = SigningKey::from_seed(&[3; 32]);
        let feed = FeedId { node: key.public(), lane: Lane::Registry, programme: ProgrammeId(1) };
        let entry: Entry = Registry::Enrol { pseudonym: Pseudonym([1; 16]), at: Minute(4) }.into();
        let draft = Draft {
            feed,
            seq: 0,
            start: Head::start(&federation, &feed),
            entries: &[entry.encode()],
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: 0,
            hlc: Hlc::default(),
        };
        (federation, feed, draft.seal(&key, &federation).expect("one entry fits"))
    }

    fn samples() -> Vec<Frame> {
        let (federation, feed, block) = block();
        let known = Known { feed, blocks: 1, head: block.header.end() };
        let proof = ForkProof {
            feed,
            one: crate::fork::Statement::Header(block.header, block.signature),
            other: crate::fork::Statement::Header(block.header, block.signature),
        };
        assert_eq!(proof.verify(&federation), None, "one statement twice is no contradiction");
        let piece = Proof { place: 0, bytes: Bytes::new(vec![9; 5]).expect("five bytes fit") };
        let pieces = Bounded::new(vec![piece]).expect("one piece fits");
        let known = || Bounded::new(vec![known]).expect("one feed fits");
        let (header, signature) = (block.header, block.signature);
        vec![
            Frame::Hello(Hello { version: VERSION, federation, epoch: 3, charter: Hash::ZERO }),
            Frame::Feed(feed),
            Frame::Block(Box::new(block)),
            Frame::Evidence { seq: 0, header: header.hash(), pieces, last: true },
            Frame::Header { header, signature },
            Frame::ListRows { list: Hash::ZERO, rows: Bounded::empty() },
            Frame::BlobChunk {
                kind: 1,
                name: Hash::ZERO,
                total: 3,
                offset: 0,
                bytes: Bytes::default(),
            },
            Frame::ForkProof(Box::new(proof)),
            Frame::Frontier(known()),
            Frame::Ack(known()),
            Frame::Bye { count: 2, digest: Hash::ZERO },
            Frame::From(From {
                node: feed.node,
                bundle: [6; 16],
                part: 1,
                programme: ProgrammeId::NONE,
            }),
            Frame::Outline(known()),
            Frame::Signed { count: 2, digest: Hash::ZERO, signature },
        ]
        .into_iter()
        .chain(talk(feed))
        .collect()
    }

    /// One of each frame that only links have.
    fn talk(feed: FeedId) -> Vec<Frame> {
        let feed = feed.short();
        let tip = talk::Tip::new(feed.lane, 300, [7; 4]);
        let nodes = talk::NodeTips { node: feed.node, tips: Bounded::new(vec![tip]).expect("one") };
        let tips = Tips {
            programme: feed.programme,
            mask: 1,
            nodes: Bounded::new(vec![nodes]).expect("one"),
        };
        let sums = Bounded::new(vec![[1; 4]; talk::BUCKETS]).expect("as many as there are");
        let point = talk::Point { blocks: 1, check: [2; 4] };
        let page = Item::Page;
        vec![
            Frame::Open(Box::new(Open {
                nonce: [1; 8],
                window: 4_096,
                budget: u64::MAX,
                slice: talk::Slice::Whole,
                sections: Bounded::empty(),
                loose: [3; 16],
            })),
            Frame::Buckets(Box::new(Buckets { part: talk::Part::Loose, sums })),
            Frame::Tips(Box::new(tips)),
            Frame::Ids(Box::new(Ids { mask: 2, ids: Bounded::new(vec![[4; 6]]).expect("one") })),
            Frame::Follow(Bounded::new(vec![Run { from: 0, count: 3 }]).expect("one")),
            Frame::Need(Need { feed, points: Bounded::new(vec![point]).expect("one") }),
            Frame::Apart(Apart { feed, above: 0, below: 1 }),
            Frame::Want(Bounded::new(vec![page]).expect("one")),
            Frame::Over(Over::Item(page)),
            Frame::Over(Over::Budget),
            Frame::Stop(feed),
            Frame::Taken(70_000),
            Frame::Busy { seconds: 30 },
            Frame::End(Why::Breach(6)),
            Frame::Over(Over::Letter([5; 16])),
            Frame::Over(Over::NotTaken([5; 16])),
            Frame::Letter(Box::new(Letter {
                until: crate::time::DayNo(30),
                bytes: Bytes::new(vec![8; 3]).expect("three bytes"),
            })),
        ]
    }

    #[test]
    fn frames_read_back_and_no_other_spelling_does() {
        for frame in samples() {
            let bytes = frame.encode().expect("a sample fits a frame");
            let (prefix, body) = bytes.split_at(PREFIX);
            let prefix = prefix.try_into().expect("four bytes");
            assert_eq!(length(prefix), Ok(body.len()));
            assert_eq!(body.first(), Some(&frame.kind()), "{}", name(frame.kind()));
            assert_eq!(Frame::decode(body).as_ref(), Ok(&frame));
            for cut in 0..body.len() {
                assert!(Frame::decode(&body[..cut]).is_err(), "{} cut at {cut}", frame.kind());
            }
            let mut longer = body.to_vec();
            longer.push(0);
            assert!(Frame::decode(&longer).is_err(), "{} with a byte more", frame.kind());
        }
    }

    #[test]
    fn lengths_and_kinds_are_checked_before_anything_else() {
        for len in [0u32, 65_537, u32::MAX] {
            assert_eq!(length(len.to_be_bytes()), Err(FrameFault::Length(u64::from(len))));
        }
        assert_eq!(length(65_536u32.to_be_bytes()), Ok(65_536));
        assert_eq!(Frame::decode(&[]), Err(FrameFault::Length(0)));
        assert_eq!(Frame::decode(&[32, 0]), Err(FrameFault::Kind(32)));
        // A block whose body claims four gigabytes: refused without allocating them.
        let huge = [10, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let malformed = FrameFault::Malformed { kind: 10, fault: WireFault::Malformed };
        assert_eq!(Frame::decode(&huge), Err(malformed));
    }

    #[test]
    fn two_headers_of_one_number_are_a_fork() {
        let (federation, feed, block) = block();
        let mut other = block.header;
        other.epoch = 1;
        let key = SigningKey::from_seed(&[3; 32]);
        let scope: [&[u8]; 2] = [&federation.0.0, &feed.bytes()];
        let sign = |header| key.sign(crate::key::Context::Header, &scope, &wire::encode(header));
        let statement = crate::fork::Statement::Header;
        let one = statement(block.header, block.signature);
        let proof = ForkProof { feed, one, other: statement(other, sign(&other)) };
        assert_eq!(proof.verify(&federation), Some(0));
        let forged = ForkProof { other: statement(other, block.signature), ..proof.clone() };
        assert_eq!(forged.verify(&federation), None, "the other header is not signed");
        let elsewhere = FederationId(Hash([8; 32]));
        assert_eq!(proof.verify(&elsewhere), None, "another federation");
    }
}
