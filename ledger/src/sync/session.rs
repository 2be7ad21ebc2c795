//! One meeting of two nodes: what each holds is compared, and each sends what the other lacks (spec/sync.md).
//!
//! The machine has two methods. [`Session::receive`] is handed one frame and hands out what is to be kept;
//! [`Session::next`] hands out the next bytes to send. It knows no link, clock or disk. Two rules tie it to its caller:
//!
//! - before `next` is called, everything that `receive` handed out is durable, or was refused: `next` looks which;
//! - what `next` hands out is written in order, and while it is being written the caller goes on reading.

mod ask;
mod compare;
mod greet;
mod letters;
mod loose;
mod serve;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::credit::{Inflow, Outflow};
use super::frame::{Frame, FrameFault, Known, PREFIX};
use super::index::{Index, Marks};
use super::talk::{self, Item, Letter, Over, Salt, Slice, Why};
use crate::block::{Block, Header, Proof};
use crate::charter::SignedArticle;
use crate::checkpoint::{Chunk, Cosignature};
use crate::feed::Head;
use crate::fork::ForkProof;
use crate::hash::Hash;
use crate::id::{FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use crate::key::Signature;
use crate::limits;
use crate::list::Row;
use crate::notice::SignedNotice;

pub(super) use ask::Asks;
pub(super) use compare::Comparing;
pub(super) use loose::LooseSet;
pub(super) use serve::Serving;

/// Bytes of talk that may wait for [`Session::next`]: more tips than a frontier has.
const HEARD_BYTES: usize = 512 * 1024;
/// Frames that may wait to be said before anything more is listened to: who asks faster than it takes answers has its talk
/// wait, and past [`HEARD_BYTES`] of that floods.
const TALK: usize = 4_096;
/// Feeds one session keeps anything of: twice a frontier, for both sides may hold one.
const FEEDS: usize = limits::FRONTIER_TIPS.saturating_mul(2);

/// What this side brings to a meeting, and whom it meets. Whether the other is a member, and what its certificate
/// lists, the caller has checked.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The federation.
    pub federation: FederationId,
    /// This node.
    pub node: [u8; 8],
    /// The programmes whose bodies this node reads.
    pub programmes: BTreeSet<ProgrammeId>,
    /// Which part of them it wants.
    pub slice: Slice,
    /// The programmes whose bodies the other side may read.
    pub theirs: BTreeSet<ProgrammeId>,
    /// Random, new for each session.
    pub nonce: [u8; 8],
    /// Bytes of content the other side may have under way: 4 KiB to [`limits::WINDOW_BYTES`].
    /// What is urgent waits behind at most so many bytes: on a slow link, a few seconds' worth.
    pub window: u32,
    /// Bytes of content beside charter, notices and control feeds that this side takes.
    pub budget: u64,
    /// Bytes of the same that it sends.
    pub spend: u64,
    /// Bytes of one feed that it takes: who floods does so at the cost of nobody else.
    pub quota: u64,
}

/// Something to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// An article.
    Article(Box<SignedArticle>),
    /// A notice.
    Notice(Box<SignedNotice>),
    /// A block.
    Block(FeedId, Box<Block>),
    /// A header of a block whose body is not for this node.
    Header(FeedId, Box<Header>, Signature),
    /// A fork proof.
    Fork(Box<ForkProof>),
    /// Evidence of a block; more than fits one frame goes on in the next.
    Evidence {
        /// The feed.
        feed: FeedId,
        /// The block's number.
        seq: u64,
        /// The hash of its header.
        header: Hash,
        /// The pieces.
        pieces: Vec<Proof>,
        /// Whether these are the last.
        last: bool,
    },
    /// Rows of a list, in order. All have come when [`Note::Over`] says so.
    Rows(Hash, Vec<Row>),
    /// A piece of a checkpoint's page.
    Page {
        /// The checkpoint.
        name: Hash,
        /// Bytes of the whole.
        total: u64,
        /// Where the piece begins.
        offset: u64,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// What a witness says.
    Cosignature(Box<Cosignature>),
    /// Rows of a checkpoint.
    Chunk(Box<Chunk>),
    /// A letter for this node, from the other side itself. Once it is durable, [`Session::keeps_letter`].
    Letter(Box<Letter>),
}

/// Something the caller may want to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// The other side holds a feed up to a head, durably.
    Acknowledged(Known),
    /// The other side says it holds more of this node's own feed than is here, or something else.
    Ahead(FeedRef, u64),
    /// Both have another article of this epoch.
    CharterForked(u32),
    /// What came of a feed was refused here: it is asked for no more in this session.
    Refused(FeedId),
    /// So much came of one feed that no more is taken in this session.
    Quota(FeedId),
    /// There is nothing, or nothing more, of something that was asked for.
    Over(Over),
    /// The other side asks for nothing but what is urgent, for about so many seconds.
    Busy(u32),
    /// The other side ends the session.
    Ended(Why),
}

/// A rule the other side broke. The session ends; numbers are those of spec/sync.md and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Bytes that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// Something else than `hello` and `open` first, or one of them again.
    #[error("the other side did not begin with one hello and one open")]
    Greeting,
    /// A frame that belongs into files.
    #[error("a {0} frame does not belong on a link")]
    Place(&'static str),
    /// What it opens with is outside its limits or out of order.
    #[error("the other side opens with what cannot be")]
    Terms,
    /// More under way than it was given room for.
    #[error("the other side sent more than it was given room for")]
    Window,
    /// More than this side takes.
    #[error("the other side sent more than this side takes")]
    Budget,
    /// A block, header or thing nobody asked for.
    #[error("the other side sent what it was not asked for")]
    Unasked,
    /// Bodies for who reads only headers, or headers for who reads bodies.
    #[error("the other side sent what is not for this node")]
    Scope,
    /// More talk than can be listened to, or what is said once and was said before.
    #[error("the other side talks more than can be listened to")]
    Flood,
    /// It has taken in more than was sent, or less than it said before.
    #[error("the other side acknowledges what was not sent")]
    Taken,
    /// It follows tips that were not told, or out of order, or tells buckets that there are not.
    #[error("the other side names what there is not")]
    Name,
    /// A frame after the end.
    #[error("the other side goes on after its end")]
    After,
}

impl Breach {
    /// Its number in spec/sync.md.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Frame(_) => 1,
            Self::Greeting => 2,
            Self::Place(_) => 3,
            Self::Terms => 4,
            Self::Window => 5,
            Self::Budget => 6,
            Self::Unasked => 7,
            Self::Scope => 8,
            Self::Flood => 9,
            Self::Taken => 10,
            Self::Name => 11,
            Self::After => 12,
        }
    }
}

/// How much went over the link, length prefixes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Bytes handed out by [`Session::next`].
    pub sent: u64,
    /// Bytes handed to [`Session::receive`].
    pub received: u64,
    /// Of those sent, content.
    pub content_sent: u64,
    /// Of that, what the other side has taken in.
    pub content_taken: u64,
    /// Of those received, content.
    pub content_received: u64,
}

/// One meeting. It ends with the link.
#[derive(Debug)]
pub struct Session {
    terms: Terms,
    greeting: greet::Greeting,
    salt: Salt,
    /// What was heard and is not yet answered.
    heard: VecDeque<(Frame, usize)>,
    heard_bytes: usize,
    /// What is to be said before anything is sent.
    talk: VecDeque<Frame>,
    /// Feeds to be stopped, before anything else is said: what was let go of them is not to be taken for held.
    stops: VecDeque<FeedRef>,
    notes: Vec<Note>,
    seen: Marks,
    comparing: Comparing,
    loose: LooseSet,
    asks: Asks,
    letters: letters::Letters,
    serving: Serving,
    inflow: Inflow,
    outflow: Outflow,
    figures: Figures,
    /// Content that must not be taken in any more; what of it is under way is let go.
    end: Option<Why>,
    said_end: bool,
    heard_end: bool,
}

impl Session {
    /// Begins a meeting.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        let inflow = Inflow::new(terms.window);
        Self {
            salt: Salt::new(terms.nonce, terms.nonce),
            greeting: greet::Greeting::default(),
            heard: VecDeque::new(),
            heard_bytes: 0,
            talk: VecDeque::new(),
            stops: VecDeque::new(),
            notes: Vec::new(),
            seen: Marks::default(),
            comparing: Comparing::default(),
            loose: LooseSet::default(),
            asks: Asks::default(),
            letters: letters::Letters::default(),
            serving: Serving::default(),
            outflow: Outflow::default(),
            figures: Figures::default(),
            inflow,
            terms,
            end: None,
            said_end: false,
            heard_end: false,
        }
    }

    /// The next bytes to send: whole frames. `None` where there is nothing to send until something is received or comes to
    /// be known here.
    pub fn next(&mut self, index: &dyn Index) -> Option<Vec<u8>> {
        let bytes = self.step(index)?;
        self.figures.sent = self.figures.sent.saturating_add(bytes.len() as u64);
        Some(bytes)
    }

    fn step(&mut self, index: &dyn Index) -> Option<Vec<u8>> {
        if let Some(why) = self.end {
            let first = !std::mem::replace(&mut self.said_end, true);
            return first.then(|| encoded(&Frame::End(why)));
        }
        if !self.greeting.said() {
            return Some(self.greet(index));
        }
        if !self.greeting.done() {
            return None;
        }
        self.observe(index);
        if let Some(feed) = self.stops.pop_front() {
            return Some(encoded(&Frame::Stop(feed)));
        }
        if let Some(bytes) = self.returned(false) {
            return Some(bytes);
        }
        self.ask(index);
        if let Some(frame) = self.talk.pop_front() {
            return Some(encoded(&frame));
        }
        if let Some(bytes) = self.content(index) {
            return Some(bytes);
        }
        self.returned(true)
    }

    /// Takes note of all that has changed since the last step: what was heard, what was kept, what came from elsewhere.
    fn observe(&mut self, index: &dyn Index) {
        self.meet(index);
        self.look_after(index);
        let now = index.marks();
        if now != self.seen {
            let before = std::mem::replace(&mut self.seen, now);
            self.charter_grew(index);
            if now.articles != before.articles {
                self.asks.charter_grew();
            }
            if now.loose != before.loose {
                self.loose_grew(index);
            }
            if now.blocks != before.blocks {
                self.feeds_grew(before.blocks, index);
            }
            self.asks.look_again();
        }
        // Last: what is compared now is what was looked at.
        while self.talk.len() < TALK
            && let Some((frame, len)) = self.heard.pop_front()
        {
            self.heard_bytes = self.heard_bytes.saturating_sub(len);
            self.hear(frame, index);
        }
    }

    fn hear(&mut self, frame: Frame, index: &dyn Index) {
        match frame {
            Frame::Buckets(buckets) => self.hear_buckets(&buckets, index),
            Frame::Tips(tips) => self.hear_tips(&tips, index),
            Frame::Ids(ids) => self.hear_ids(&ids, index),
            Frame::Follow(runs) => self.hear_follow(&runs, index),
            Frame::Need(need) => self.hear_need(&need, index),
            Frame::Apart(apart) => self.hear_apart(&apart, index),
            Frame::Want(items) => self.serving.wanted(&items),
            // Nothing else is put aside.
            _ => {}
        }
    }

    fn returned(&mut self, idle: bool) -> Option<Vec<u8>> {
        self.inflow.due(idle).map(|total| encoded(&Frame::Taken(total)))
    }

    /// Takes in one frame, without its length, and hands out what is to be kept.
    ///
    /// # Errors
    ///
    /// [`Breach`]: the session is over, [`Session::next`] says so once more to the other side.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Given>, Breach> {
        let len = bytes.len().saturating_add(PREFIX);
        self.figures.received = self.figures.received.saturating_add(len as u64);
        let given = self.take(bytes, len);
        if let Err(breach) = given {
            self.end = self.end.or(Some(Why::Breach(breach.number())));
        }
        given
    }

    fn take(&mut self, bytes: &[u8], len: usize) -> Result<Option<Given>, Breach> {
        if self.heard_end {
            return Err(Breach::After);
        }
        if !self.greeting.done() && bytes.len() > limits::GREETING_BYTES {
            return Err(FrameFault::Length(bytes.len() as u64).into());
        }
        let frame = Frame::decode(bytes)?;
        if let Frame::End(why) = frame {
            self.heard_end = true;
            self.end = self.end.or(Some(Why::Done));
            self.notes.push(Note::Ended(why));
            return Ok(None);
        }
        if !self.greeting.done() {
            return self.greeted(frame).map(|()| None);
        }
        if is_content(&frame) {
            self.inflow.came(len)?;
            self.figures.content_received = self.inflow.total();
            return self.given(frame, len);
        }
        self.talked(frame, len).map(|()| None)
    }

    fn talked(&mut self, frame: Frame, len: usize) -> Result<(), Breach> {
        match frame {
            Frame::Hello(_) | Frame::Open(_) => return Err(Breach::Greeting),
            Frame::Taken(total) => {
                let done = self.outflow.taken(total)?;
                self.figures.content_taken = self.outflow.acknowledged();
                for sent in done {
                    let known = Known { feed: sent.feed, blocks: sent.blocks, head: sent.head };
                    self.notes.push(Note::Acknowledged(known));
                }
            }
            Frame::Stop(feed) => {
                if !self.serving.stop(&feed) {
                    return Err(Breach::Flood);
                }
                self.comparing.forget(&feed);
                self.outflow.forget(&feed);
            }
            Frame::Busy { seconds } => {
                self.serving.pause(seconds > 0);
                self.notes.push(Note::Busy(seconds));
            }
            Frame::Over(over) => {
                self.asks.over(&over);
                self.letters.over(&over);
                self.notes.push(Note::Over(over));
            }
            Frame::Buckets(ref buckets) if buckets.sums.len() != talk::BUCKETS => {
                return Err(Breach::Name);
            }
            Frame::Buckets(ref buckets) if !self.comparing.first(buckets.part) => {
                return Err(Breach::Flood);
            }
            Frame::Follow(ref runs) if !self.comparing.told_all(runs) => return Err(Breach::Name),
            frame @ (Frame::Buckets(_)
            | Frame::Tips(_)
            | Frame::Ids(_)
            | Frame::Follow(_)
            | Frame::Need(_)
            | Frame::Apart(_)
            | Frame::Want(_)) => {
                self.heard_bytes = self.heard_bytes.saturating_add(len);
                if self.heard_bytes > HEARD_BYTES {
                    return Err(Breach::Flood);
                }
                self.heard.push_back((frame, len));
            }
            other => return Err(Breach::Place(super::frame::name(other.kind()))),
        }
        Ok(())
    }

    /// What happened since this was last asked.
    pub fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Ends the session: [`Session::next`] says so, and then nothing more.
    pub fn end(&mut self, why: Why) {
        self.end = self.end.or(Some(why));
    }

    /// Asks the other side for nothing but what is urgent for some seconds; zero: to go on.
    pub fn busy(&mut self, seconds: u32) {
        self.talk.push_back(Frame::Busy { seconds });
    }

    /// Has no more than so many bytes of content under way, where that is less than the window the other side gives: what
    /// becomes urgent later waits behind as much.
    pub const fn pace(&mut self, bytes: u32) {
        self.outflow.pace(bytes);
    }

    /// Whether the session has ended, and has said so.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.end.is_some() && self.said_end
    }

    /// Whether the other side has said who it is and what it will take.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.greeting.done()
    }

    /// How many feeds and things were asked for that the other side still owes. A caller that sees this stay above zero for
    /// a minute in which nothing new was kept and [`Session::things`] stayed the same ends the session.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.asks.owed()
    }

    /// Whether a budget holds back what is not urgent, of either side, in either direction: more of it goes in another
    /// session.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        self.serving.is_withheld() || self.asks.is_spent()
    }

    /// Whether this session is asking for a feed that the other side has more of.
    #[must_use]
    pub fn asks_for(&self, feed: &FeedRef) -> bool {
        self.asks.asks_for(feed)
    }

    /// Whether this session is asking for a thing.
    #[must_use]
    pub fn asks_for_item(&self, item: &Item) -> bool {
        self.asks.asks_for_item(item)
    }

    /// What went over the link so far.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        self.figures
    }

    /// Feeds of which anything is noted, and frames that wait: what a hostile side can make grow.
    #[cfg(test)]
    pub(in crate::sync) fn keeps(&self) -> (usize, usize) {
        (self.comparing.feeds().max(self.asks.noted()), self.talk.len())
    }

    fn serves(&self, programme: ProgrammeId) -> bool {
        programme == ProgrammeId::NONE || self.terms.programmes.contains(&programme)
    }

    fn they_serve(&self, programme: ProgrammeId) -> bool {
        programme == ProgrammeId::NONE || self.terms.theirs.contains(&programme)
    }

    /// Whether a feed is exchanged at all: it lies inside both slices, and bodies or headers of it are for both.
    fn in_scope(&self, feed: &FeedRef) -> bool {
        let narrow = |slice: &Slice, serves: bool| *slice == Slice::Whole || serves;
        let theirs = self.greeting.their_slice();
        self.terms.slice.holds(feed)
            && theirs.holds(feed)
            && narrow(&self.terms.slice, self.serves(feed.programme))
            && narrow(theirs, self.they_serve(feed.programme))
    }
}

/// Whether a frame counts against the window: what is kept, and what names its feed.
const fn is_content(frame: &Frame) -> bool {
    matches!(
        frame,
        Frame::Article(_)
            | Frame::Notice(_)
            | Frame::Feed(_)
            | Frame::Block(_)
            | Frame::Evidence { .. }
            | Frame::Header { .. }
            | Frame::ListRows { .. }
            | Frame::BlobChunk { .. }
            | Frame::ForkProof(_)
            | Frame::Cosignature(_)
            | Frame::Chunk(_)
            | Frame::Letter(_)
    )
}

/// The bytes of a frame this machine made, which is short enough: nothing is said that does not fit.
fn encoded(frame: &Frame) -> Vec<u8> {
    frame.encode().unwrap_or_default()
}

/// In which order content goes: the first number first.
const URGENT: usize = 0;
const STATE: usize = 1;
const BODIES: [usize; 4] = [URGENT, 2, 3, 4];
const HEADERS: usize = 5;
const THINGS: usize = 6;
const LETTERS: usize = 7;
const RANKS: usize = 8;

/// The rank of a feed's bodies.
const fn rank(lane: Lane) -> usize {
    match lane {
        Lane::Control => BODIES[0],
        Lane::Value => BODIES[1],
        Lane::Registry => BODIES[2],
        Lane::Access => BODIES[3],
    }
}

/// What is known of the other side's hold on one feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Theirs {
    blocks: u64,
    check: talk::Check,
    /// Its place in the order in which tips were told.
    ordinal: Option<u32>,
}

/// Feeds by name, with what the other side holds of them.
type TheirTips = BTreeMap<FeedRef, Vec<Theirs>>;

/// A head, as this session compares it.
fn checked(salt: &Salt, feed: &FeedId, head: &Head) -> talk::Check {
    salt.check(&super::index::head_name(feed, head))
}
