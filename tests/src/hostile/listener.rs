//! A replica that hears frames from somebody hostile, and must be none the wiser.

use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::charter::{Charter, SignedArticle};
use annona_ledger::entry::{CarrierKind, Entry, Registry, Value};
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CarrierId, FeedId, Lane, ProgrammeId, Pseudonym};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::{Learned, Roster, SignedNotice};
use annona_ledger::state::State;
use annona_ledger::sync::frame::{self, Frame, Hello, Known, PREFIX};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::view::View;
use annona_ledger::wire::{Bounded, Bytes};

use crate::cast::{CASH, Cast};
use crate::rng::Rng;

/// What came of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It is no frame.
    NoFrame,
    /// A frame whose content is refused, or claims something that moves nothing.
    Nothing,
    /// Something that this replica did not know was proven to it.
    Learned,
}

/// The replica: it knows all but the newest article, notice and blocks.
pub struct Listener {
    charter: Charter,
    roster: Roster,
    state: State,
    feed: Option<FeedId>,
    /// Every frame of what there is, as it travels: what it knows, and what it does not.
    pub known: Vec<Vec<u8>>,
    /// Each of these it would learn from.
    pub new: Vec<Vec<u8>>,
}

impl Listener {
    /// A small federation drawn from a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let cast = Cast::draw(&mut Rng::new(seed), 3);
        let [first, articles @ ..] = &cast.articles[..] else { unreachable!("it was founded") };
        let (Some((last, between)), Some((newest, notices))) =
            (articles.split_last(), cast.notices.split_last())
        else {
            unreachable!("budgets were voted, and cycles opened")
        };
        let mut charter = Charter::found(first).expect("all have signed");
        for article in between {
            charter = charter.apply(article).expect("a quorum has signed");
        }
        let mut roster = Roster::new();
        for notice in notices {
            roster.learn(&charter, notice).expect("a good notice");
        }
        let mut state = State::new(charter.clone(), roster.clone());
        let article = |a: &SignedArticle| Frame::Article(Box::new(a.clone()));
        let notice = |n: &SignedNotice| Frame::Notice(Box::new(n.clone()));
        let mut known = vec![Frame::Hello(Hello {
            version: frame::VERSION,
            federation: cast.federation,
            epoch: charter.epoch(),
            charter: charter.head(),
        })];
        known.extend(cast.articles[..cast.articles.len() - 1].iter().map(article));
        known.extend(notices.iter().map(notice));
        let mut new = vec![article(last), notice(newest)];
        for (feed, blocks) in feeds(&cast) {
            let [old, newer] = &blocks;
            let chain = state.trunk(&feed);
            let verified = old.verify(&cast.federation, &feed).expect("a good block");
            state.fold_block(chain, &verified).expect("the first of its feed");
            let head = state.head(chain);
            let told = || Bounded::new(vec![Known { feed, blocks: 1, head }]).expect("one feed");
            let statement = |b: &Block| Statement::Header(b.header, b.signature);
            let proof = ForkProof { feed, one: statement(old), other: statement(newer) };
            known.extend([
                Frame::Feed(feed),
                Frame::Block(Box::new(old.clone())),
                Frame::Header { header: old.header, signature: old.signature },
                Frame::Frontier(told()),
                Frame::Ack(told()),
                // Two blocks that follow each other contradict nothing.
                Frame::ForkProof(Box::new(proof)),
            ]);
            new.extend([Frame::Feed(feed), Frame::Block(Box::new(newer.clone()))]);
        }
        known.extend([
            Frame::BlobChunk {
                kind: frame::PAGE,
                name: Hash::ZERO,
                total: 9,
                offset: 0,
                bytes: Bytes::new(vec![3; 9]).expect("nine bytes"),
            },
            Frame::ListRows { list: Hash::ZERO, rows: Bounded::empty() },
            Frame::Bye { count: 7, digest: Hash::ZERO },
        ]);
        let travelling = |frames: Vec<Frame>| {
            frames.iter().map(|f| f.encode().expect("it fits a frame")).collect::<Vec<_>>()
        };
        let (mut known, new) = (travelling(known), travelling(new));
        known.extend(super::peer::talk());
        Self { charter, roster, state, feed: None, known, new }
    }

    /// What it holds.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Everything a peer could have changed, as one line.
    #[must_use]
    pub fn digest(&self) -> (Hash, Hash, Hash) {
        (self.charter.head(), self.roster.digest(), self.state.root())
    }

    /// Hears a message that somebody honest sent: it may name the feed that blocks after it belong to.
    pub fn trust(&mut self, message: &[u8]) {
        if let Some((_, body)) = message.split_first_chunk::<PREFIX>()
            && let Ok(Frame::Feed(feed)) = Frame::decode(body)
        {
            self.feed = Some(feed);
        }
    }

    /// Reads a message from the wire: its length, then as many bytes as it says, and not one more.
    pub fn hear(&mut self, message: &[u8]) -> Heard {
        let Some((prefix, rest)) = message.split_first_chunk::<PREFIX>() else {
            return Heard::NoFrame;
        };
        let Ok(length) = frame::length(*prefix) else { return Heard::NoFrame };
        let Some(body) = rest.get(..length) else { return Heard::NoFrame };
        let Ok(frame) = Frame::decode(body) else { return Heard::NoFrame };
        assert_eq!(frame.encode().as_deref(), Ok(&message[..PREFIX + length]), "one spelling");
        if self.takes_in(frame) { Heard::Learned } else { Heard::Nothing }
    }

    fn takes_in(&mut self, frame: Frame) -> bool {
        let federation = self.charter.federation();
        match frame {
            Frame::Article(article) => match self.charter.apply(&article) {
                Ok(charter) => {
                    self.state.enact(charter.clone());
                    self.charter = charter;
                    true
                }
                Err(_) => false,
            },
            Frame::Notice(notice) => {
                let before = self.roster.digest();
                let learned = self.roster.learn(&self.charter, &notice);
                learned == Ok(Learned::New) || self.roster.digest() != before
            }
            Frame::Block(block) => {
                let Some(feed) = self.feed else { return false };
                let Ok(verified) = block.verify(&federation, &feed) else { return false };
                let chain = self.state.trunk(&feed);
                self.state.fold_block(chain, &verified).is_ok()
            }
            Frame::Header { header, signature } => {
                // A header alone says what a feed said; only a contradiction is anything new.
                let Some(feed) = self.feed else { return false };
                header.verifies(&federation, &feed, &signature)
                    && self
                        .state
                        .sealed(self.state.branches(&feed.short())[0], header.seq)
                        .is_none_or(|known| known.hash != header.hash())
            }
            Frame::ForkProof(proof) => proof.verify(&federation).is_some(),
            // Claims of a peer about itself or about what it is going to send: nothing here rests on them.
            Frame::Hello(_)
            | Frame::Feed(_)
            | Frame::Evidence { .. }
            | Frame::ListRows { .. }
            | Frame::BlobChunk { .. }
            | Frame::Frontier(_)
            | Frame::Ack(_)
            | Frame::Bye { .. }
            | Frame::From(_)
            | Frame::Outline(_)
            | Frame::Signed { .. }
            | Frame::Cosignature(_)
            | Frame::Chunk(_)
            | Frame::Open(_)
            | Frame::Buckets(_)
            | Frame::Tips(_)
            | Frame::Ids(_)
            | Frame::Follow(_)
            | Frame::Need(_)
            | Frame::Apart(_)
            | Frame::Want(_)
            | Frame::Over(_)
            | Frame::Stop(_)
            | Frame::Taken(_)
            | Frame::Busy { .. }
            | Frame::End(_)
            | Frame::Letter(_) => false,
        }
    }
}

/// Two blocks of each of three feeds.
pub(super) fn feeds(cast: &Cast) -> Vec<(FeedId, [Block; 2])> {
    let at = Minute(500);
    let claim = |act| {
        let ticket = Box::new(Ticket::Budget { epoch: 1, act, line: 0 });
        Entry::Value(Value::Claim { ticket, at })
    };
    let enrol = |n| Entry::from(Registry::Enrol { pseudonym: Pseudonym([n; 16]), at });
    let bind = |n| {
        Entry::from(Registry::CarrierBound {
            pseudonym: Pseudonym([n; 16]),
            carrier: CarrierId([n; 16]),
            kind: CarrierKind::Paper,
            at,
        })
    };
    let merchant = |n: usize| Entry::Value(Value::Merchant { merchant: cast.merchants[n] });
    let [treasury, site, ..] = &cast.nodes[..] else { unreachable!("three nodes") };
    let registry = site.feed(Lane::Registry, CASH);
    assert_ne!(registry.programme, ProgrammeId::NONE);
    let written = [
        (treasury, treasury.value(CASH), [vec![claim(0)], vec![merchant(0), merchant(1)]]),
        (site, site.value(CASH), [vec![merchant(0)], vec![merchant(2)]]),
        (site, registry, [vec![enrol(1), enrol(2)], vec![bind(1)]]),
    ];
    let sealed = |(who, feed, blocks): (&crate::cast::Person, FeedId, [Vec<Entry>; 2])| {
        let mut start = Head::start(&cast.federation, &feed);
        let blocks = blocks.map(|entries| {
            let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
            let draft = Draft {
                feed,
                seq: u64::from(start.next > 0),
                start,
                entries: &entries,
                evidence: &Evidence::default(),
                frontier_root: Hash::ZERO,
                epoch: 1,
                hlc: Hlc { millis: 1, count: 0 },
            };
            let block = draft.seal(&SigningKey::from_seed(&who.seed), &cast.federation);
            let block = block.expect("few entries");
            start = block.header.end();
            block
        });
        (feed, blocks)
    };
    written.into_iter().map(sealed).collect()
}
