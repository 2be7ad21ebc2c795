//! A node that meets somebody hostile over a link: the machine of meetings over a small ledger in memory.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use annona_ledger::block::{Block, Header};
use annona_ledger::charter::SignedArticle;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::notice::SignedNotice;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{Frame, Known, PAGE, PREFIX};
use annona_ledger::sync::index::{Change, Index, Kind, Loose, Marks, notice_name};
use annona_ledger::sync::session::{Given, Session, Terms};
use annona_ledger::sync::split::Splitter;
use annona_ledger::sync::talk::{Item, Letter, Slice, with_letters};
use annona_ledger::time::DayNo;
use annona_ledger::wire::{Bounded, Bytes};

use super::listener::feeds;
use crate::cast::{CASH, Cast};
use crate::rng::Rng;

/// Bytes of content this side allows to be under way.
const WINDOW: u32 = 8 * 1024;
/// Frames of one meeting that are heard.
const FRAMES: usize = 64;
/// What a side may say between two frames it hears: the credit it was given, and all it has to tell of so small a ledger.
const SAID: usize = 512 * 1024;

/// A ledger of two organisations' feeds.
#[derive(Clone)]
pub struct Peer {
    federation: FederationId,
    nodes: Vec<PublicKey>,
    articles: Vec<SignedArticle>,
    notices: Vec<SignedNotice>,
    feeds: BTreeMap<FeedId, Vec<Block>>,
    log: Vec<Change>,
}

static BEHIND: LazyLock<Peer> = LazyLock::new(|| Peer::draw(1));
static AHEAD: LazyLock<Peer> = LazyLock::new(|| Peer::draw(2));

impl Peer {
    /// A ledger that knows so many of the two blocks of each feed.
    fn draw(blocks: usize) -> Self {
        let cast = Cast::draw(&mut Rng::new(1), 3);
        let mut peer = Self {
            federation: cast.federation,
            nodes: cast.nodes.iter().map(|node| node.key).collect(),
            articles: cast.articles[..cast.articles.len() - 2 + blocks].to_vec(),
            notices: cast.notices[..cast.notices.len() - 2 + blocks].to_vec(),
            feeds: BTreeMap::new(),
            log: Vec::new(),
        };
        for (feed, all) in feeds(&cast) {
            all.into_iter().take(blocks).for_each(|block| peer.put(feed, block));
        }
        peer
    }

    fn terms(&self, node: usize, slice: Slice) -> Terms {
        Terms {
            federation: self.federation,
            node: self.nodes[node].short(),
            programmes: [CASH].into(),
            slice,
            theirs: [CASH].into(),
            nonce: [node as u8; 8],
            window: WINDOW,
            budget: 1 << 20,
            spend: 1 << 20,
            quota: 1 << 16,
        }
    }

    fn put(&mut self, feed: FeedId, block: Block) {
        let chain = self.feeds.entry(feed).or_default();
        let start = Head::start(&self.federation, &feed);
        let start = chain.last().map_or(start, |last| last.header.end());
        if block.header.start() == start && block.verify(&self.federation, &feed).is_ok() {
            self.log.push(Change { feed, first: block.header.seq });
            chain.push(block);
        }
    }

    /// Keeps what it can tell good from bad; all else it refuses.
    fn keep(&mut self, given: Given) {
        match given {
            Given::Block(feed, block) => self.put(feed, *block),
            Given::Notice(notice) if self.notices.len() < 64 => self.notices.push(*notice),
            _ => {}
        }
    }

    fn held(&self, tip: &Known, seq: u64) -> Option<&Block> {
        self.feeds.get(&tip.feed)?.get(usize::try_from(seq).ok()?)
    }
}

/// What an honest side sends to who takes letters.
fn letter() -> Letter {
    Letter { until: DayNo(9), bytes: Bytes::new(b"a paper".to_vec()).expect("short") }
}

impl Index for Peer {
    fn letter(&self, name: &[u8; 16]) -> Option<Letter> {
        Some(letter()).filter(|letter| letter.name() == *name)
    }

    fn marks(&self) -> Marks {
        let (blocks, loose) = (self.log.len() as u64, self.notices.len() as u64);
        Marks { blocks, loose, articles: self.articles.len() as u32 }
    }

    fn charter(&self) -> Option<(u32, Hash)> {
        let last = &self.articles.last()?.article;
        Some((last.epoch, last.hash()))
    }

    fn article(&self, epoch: u32) -> Option<SignedArticle> {
        self.articles.get(usize::try_from(epoch).ok()?).cloned()
    }

    fn programmes(&self) -> Vec<ProgrammeId> {
        vec![ProgrammeId::NONE, CASH]
    }

    fn tips(&self, programme: ProgrammeId) -> Vec<Known> {
        let of = self.feeds.keys().filter(|feed| feed.programme == programme);
        of.flat_map(|feed| self.tips_of(feed)).collect()
    }

    fn tips_of(&self, feed: &FeedId) -> Vec<Known> {
        let chain = self.feeds.get(feed).map_or(&[][..], |chain| chain);
        let known = |last: &Block| Known {
            feed: *feed,
            blocks: chain.len() as u64,
            head: last.header.end(),
        };
        chain.last().map(known).into_iter().collect()
    }

    fn changed(&self, since: u64) -> Vec<Change> {
        let mut first: BTreeMap<FeedId, Change> = BTreeMap::new();
        for change in self.log.iter().skip(since as usize) {
            first.entry(change.feed).or_insert(*change);
        }
        first.into_values().collect()
    }

    fn feed(&self, name: &FeedRef) -> Option<FeedId> {
        let node = *self.nodes.iter().find(|node| node.short() == name.node)?;
        Some(FeedId { node, lane: name.lane, programme: name.programme })
    }

    fn head_at(&self, tip: &Known, blocks: u64) -> Option<Head> {
        let Some(last) = blocks.checked_sub(1) else {
            return Some(Head::start(&self.federation, &tip.feed));
        };
        (blocks <= tip.blocks).then(|| self.held(tip, last).map(|b| b.header.end())).flatten()
    }

    fn block(&self, tip: &Known, seq: u64) -> Option<Block> {
        self.held(tip, seq).cloned()
    }

    fn header(&self, tip: &Known, seq: u64) -> Option<(Header, Signature)> {
        self.held(tip, seq).map(|block| (block.header, block.signature))
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        let chain = self.feeds.get(feed);
        chain.is_some_and(|chain| chain.iter().any(|block| block.header.end() == *head))
    }

    fn loose(&self) -> Vec<Loose> {
        let of = |notice| Loose { kind: Kind::Notice, name: notice_name(notice) };
        let mut all: Vec<Loose> = self.notices.iter().map(of).collect();
        all.sort_unstable_by_key(|loose| loose.name);
        all.dedup();
        all
    }

    fn carried(&self, loose: &Loose) -> Vec<Frame> {
        let notice = self.notices.iter().find(|notice| notice_name(notice) == loose.name);
        notice.map(|n| Frame::Notice(Box::new(n.clone()))).into_iter().collect()
    }

    fn wants(&self, room: usize, not: &dyn Fn(&Item) -> bool) -> Vec<Item> {
        let feed = FeedRef { node: self.nodes[1].short(), lane: Lane::Value, programme: CASH };
        let (header, list) = (Hash::ZERO, Hash::ZERO);
        let all = [
            Item::Page,
            Item::Rows { programme: CASH, list },
            Item::Evidence { feed, seq: 0, header },
        ];
        all.into_iter().filter(|item| !not(item)).take(room).collect()
    }

    fn piece(&self, item: &Item, part: u32) -> Option<(Vec<Frame>, bool)> {
        match item {
            Item::Page => Some((blob::pieces(PAGE, Hash::ZERO, &[1; 900]), false)),
            Item::Rows { list, .. } => {
                let rows = Frame::ListRows { list: *list, rows: Bounded::empty() };
                (part < 3).then(|| (vec![rows], part < 2))
            }
            Item::Evidence { seq, header, .. } => {
                let (seq, header, pieces) = (*seq, *header, Bounded::empty());
                Some((vec![Frame::Evidence { seq, header, pieces, last: true }], false))
            }
            Item::State { .. } => None,
        }
    }
}

/// The slice this side asks for, as the first byte of a meeting says.
fn slice(first: u8, peer: &Peer) -> Slice {
    let nodes = || Bounded::new(vec![peer.nodes[0].short()]).expect("one");
    match first & 3 {
        0 | 1 => Slice::Whole,
        2 => Slice::Nodes(nodes()),
        _ => Slice::State,
    }
}

/// What this side opens with, as that byte says: with letters or without.
fn mine(first: u8, peer: &Peer) -> Terms {
    let mut terms = peer.terms(1, slice(first, peer));
    if first & 8 != 0 {
        terms.window = with_letters(terms.window);
    }
    terms
}

/// Holds a meeting in which the other side says what the bytes say: one for what this side asks for and whether it greets
/// honestly first, then frames, each with two bytes of length. Answers `true` where no rule was broken.
///
/// # Panics
///
/// Where this side panics, talks without end, or goes on after its own end: that is a find.
#[must_use]
pub fn meeting(bytes: &[u8]) -> bool {
    let Some((first, mut rest)) = bytes.split_first() else { return false };
    let mut peer = BEHIND.clone();
    let mut session = Session::new(mine(*first, &peer));
    says(&mut session, &peer);
    if first & 4 == 0 {
        let other = Session::new(AHEAD.terms(2, Slice::Whole)).next(&*AHEAD).unwrap_or_default();
        for frame in frames(&other) {
            session.receive(&frame).expect("an honest greeting");
        }
        says(&mut session, &peer);
    }
    for _ in 0..FRAMES {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { break };
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        match session.receive(frame) {
            Ok(Some(Given::Letter(letter))) => session.keeps_letter(letter.name()),
            Ok(given) => given.into_iter().for_each(|given| peer.keep(given)),
            Err(_) => {
                says(&mut session, &peer);
                assert!(session.is_over(), "a breach ends it");
                assert!(session.next(&peer).is_none(), "and nothing more is said");
                return false;
            }
        }
        says(&mut session, &peer);
    }
    session.is_open()
}

fn says(session: &mut Session, peer: &Peer) {
    let mut said = 0;
    while let Some(bytes) = session.next(peer) {
        assert!(!bytes.is_empty(), "what is said has bytes");
        said += bytes.len();
        assert!(said <= SAID, "{said} bytes, and nothing was heard");
    }
    drop(session.notes());
}

fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::default();
    splitter.widen();
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = splitter.take(&mut bytes) {
        frames.push(frame);
    }
    frames
}

/// Meetings with somebody honest, as bytes for [`meeting`]: each way round, for each slice.
#[must_use]
pub fn meetings() -> Vec<Vec<u8>> {
    (4..8).chain([12]).map(honest).collect()
}

fn honest(first: u8) -> Vec<u8> {
    let (mut mine, mut theirs) = (BEHIND.clone(), AHEAD.clone());
    let mut here = Session::new(self::mine(first, &mine));
    let mut there = Session::new(theirs.terms(2, Slice::Whole));
    let mut bytes = vec![first];
    for _ in 0..FRAMES {
        there.send_letters([letter().name()]);
        let (said, heard) = (here.next(&mine), there.next(&theirs));
        // Both ask for the same evidence without end, and a letter comes after all evidence: it has turns of its own.
        let more = if first & 8 == 0 { None } else { there.next(&theirs) };
        for frame in frames(said.as_deref().unwrap_or_default()) {
            let given = there.receive(&frame).expect("honest");
            given.into_iter().for_each(|given| theirs.keep(given));
        }
        let heard = heard.into_iter().chain(more);
        for frame in heard.flat_map(|heard| frames(&heard)) {
            let given = here.receive(&frame).expect("honest");
            given.into_iter().for_each(|given| mine.keep(given));
            let length = u16::try_from(frame.len()).expect("short frames");
            bytes.extend(length.to_be_bytes());
            bytes.extend(frame);
        }
    }
    let letters = frames_of(&bytes).filter(|frame| frame.first() == Some(&31)).count();
    assert_eq!(letters, usize::from(first & 8 != 0), "and a letter, where one is taken");
    assert!(first & 3 > 1 || mine.log.len() == theirs.log.len(), "all came over");
    bytes
}

/// The frames of such bytes.
fn frames_of(meeting: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = meeting.get(1..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (frame, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        rest = after;
        Some(frame)
    })
}

/// Every frame that only links have, and those of an honest meeting, as they travel.
pub(super) fn talk() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for meeting in meetings() {
        for frame in frames_of(&meeting) {
            let prefix = u32::try_from(frame.len()).expect("short").to_be_bytes();
            all.push([&prefix[..], frame].concat());
        }
    }
    all.sort();
    all.dedup();
    // Those that teach the listener something are not for it.
    all.retain(|message| message.get(PREFIX).is_some_and(|kind| *kind >= 18));
    all
}
