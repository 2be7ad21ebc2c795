//! What is sent, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    FEEDS, HEADERS, LETTERS, RANKS, STATE, Session, THINGS, URGENT, checked, encoded, rank,
};
use crate::id::{FeedId, FeedRef};
use crate::sync::credit::Sent;
use crate::sync::frame::{Frame, Known};
use crate::sync::index::{Index, Loose};
use crate::sync::talk::{self, Apart, Item, Need, Over, Run, Slice, WANTS};

/// Bytes of one feed that go before another of the same rank has its turn, at least: on a fast link as much as may be under
/// way. Who takes them in then writes each of the feed's lots once for many entries.
const TURN: usize = 16 * 1024;

/// What is to be sent.
#[derive(Debug, Default)]
pub(in crate::sync) struct Serving {
    ranks: [Rank; RANKS],
    /// Chains that were sent to their end, and go on when that moves.
    parked: BTreeMap<FeedId, Vec<Walk>>,
    /// Feeds the other side wants no more of.
    stopped: BTreeSet<FeedRef>,
    /// Tips it asked for by their order.
    followed: BTreeSet<u32>,
    /// The feed that the blocks sent now belong to.
    named: Option<FeedId>,
    /// Nothing but what is urgent.
    paused: bool,
    /// Bytes sent that were not urgent.
    spent: u64,
    /// Of those, letters.
    letters: u64,
    /// Nothing but what is urgent is sent any more, and that was said: a budget is used up.
    withheld: bool,
}

/// What is to be sent of one rank.
#[derive(Debug, Default)]
struct Rank {
    pushes: VecDeque<Push>,
    walks: VecDeque<Walk>,
    items: VecDeque<(Item, u32)>,
    /// Frames made and not sent yet, for want of room.
    ready: VecDeque<Ready>,
}

/// One thing to be sent once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sync) enum Push {
    Article(u32),
    Loose(Loose),
    Letter([u8; 16]),
}

/// A chain on its way to the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Walk {
    tip: Known,
    /// The first block that was sent.
    from: u64,
    /// The next block to send.
    next: u64,
    /// Bytes sent in this turn.
    turn: usize,
    bodies: bool,
}

#[derive(Debug)]
struct Ready {
    bytes: Vec<u8>,
    /// Whether the bytes count against the window.
    counts: bool,
    feed: Option<FeedId>,
    sent: Option<Sent>,
    /// The letter that it is.
    letter: Option<[u8; 16]>,
}

impl Serving {
    pub(super) fn push(&mut self, rank: usize, push: Push) {
        if let Some(rank) = self.ranks.get_mut(rank) {
            rank.pushes.push_back(push);
        }
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub(super) const fn is_withheld(&self) -> bool {
        self.withheld
    }

    pub(super) fn wanted(&mut self, items: &[Item]) {
        for item in items {
            let rank = match item {
                Item::Page | Item::State { .. } => STATE,
                Item::Rows { .. } | Item::Evidence { .. } => THINGS,
            };
            if let Some(rank) = self.ranks.get_mut(rank) {
                let asked = rank.items.iter().any(|(known, _)| known == item);
                if !asked && rank.items.len() < WANTS {
                    rank.items.push_back((*item, 0));
                }
            }
        }
    }

    /// Sends no more of a feed. `false` where more feeds are stopped than anybody could be sent.
    pub(super) fn stop(&mut self, feed: &FeedRef) -> bool {
        if self.stopped.len() >= FEEDS && !self.stopped.contains(feed) {
            return false;
        }
        self.stopped.insert(*feed);
        self.parked.retain(|known, _| known.short() != *feed);
        for rank in &mut self.ranks {
            rank.walks.retain(|walk| walk.tip.feed.short() != *feed);
            rank.ready.retain(|ready| ready.feed.is_none_or(|known| known.short() != *feed));
        }
        true
    }

    pub(super) fn is_stopped(&self, feed: &FeedRef) -> bool {
        self.stopped.contains(feed)
    }

    fn walks(&self) -> impl Iterator<Item = &Walk> {
        let active = self.ranks.iter().flat_map(|rank| &rank.walks);
        active.chain(self.parked.values().flatten())
    }

    fn forget(&mut self, tip: &Known) {
        let other = |walk: &Walk| walk.tip.feed != tip.feed || walk.tip.head != tip.head;
        self.ranks.iter_mut().for_each(|rank| rank.walks.retain(other));
        if let Some(walks) = self.parked.get_mut(&tip.feed) {
            walks.retain(other);
        }
    }
}

impl Session {
    /// Sends a chain after so many blocks, and what comes to continue it. What is under way already is not begun again.
    pub(super) fn serve(&mut self, tip: Known, from: u64) {
        let covers = |walk: &&Walk| walk.tip.feed == tip.feed && walk.tip.head == tip.head;
        if let Some(walk) = self.serving.walks().find(covers)
            && (walk.from..=walk.next).contains(&from)
        {
            return;
        }
        self.serving.forget(&tip);
        let bodies = self.they_serve(tip.feed.programme);
        let walk = Walk { tip, from, next: from, turn: 0, bodies };
        let at = if bodies { rank(tip.feed.lane) } else { HEADERS };
        if from >= tip.blocks {
            self.serving.parked.entry(tip.feed).or_default().push(walk);
        } else if let Some(rank) = self.serving.ranks.get_mut(at) {
            // Of control feeds those first of which little is lacking: what is new stands there.
            let left = |walk: &Walk| walk.tip.blocks.saturating_sub(walk.next);
            let before = |other: &Walk| at != URGENT || left(other) <= left(&walk);
            let place = rank.walks.iter().take_while(|other| before(other)).count();
            rank.walks.insert(place, walk);
        }
    }

    /// Whether a tip is already on its way, or goes on from one that was sent to its end.
    pub(super) fn go_on(&mut self, tip: &Known, index: &dyn Index) -> bool {
        let on = |walk: &Walk| {
            walk.tip.feed == tip.feed
                && walk.tip.blocks <= tip.blocks
                && (walk.tip.head == tip.head
                    || index.head_at(tip, walk.tip.blocks) == Some(walk.tip.head))
        };
        for (at, rank) in self.serving.ranks.iter_mut().enumerate() {
            let Some(found) = rank.walks.iter().position(on) else { continue };
            if let Some(walk) = rank.walks.get_mut(found) {
                walk.tip = *tip;
            }
            if at == URGENT
                && let Some(walk) = rank.walks.remove(found)
            {
                // It has something new: what was said on other control feeds before that waits.
                rank.walks.push_front(walk);
            }
            return true;
        }
        let Some(parked) = self.serving.parked.get_mut(&tip.feed) else { return false };
        let Some(at) = parked.iter().position(on) else { return false };
        let walk = parked.swap_remove(at);
        // What came from the other side need not go back there.
        let next = self.placed(tip, index).unwrap_or(0).max(walk.next);
        let walk = Walk { tip: *tip, next, turn: 0, ..walk };
        if next >= tip.blocks {
            self.serving.parked.entry(tip.feed).or_default().push(walk);
            return true;
        }
        let at = if walk.bodies { rank(tip.feed.lane) } else { HEADERS };
        if let Some(rank) = self.serving.ranks.get_mut(at) {
            if at == URGENT {
                // It is new: what was said on control feeds before it waits.
                rank.walks.push_front(walk);
            } else {
                rank.walks.push_back(walk);
            }
        }
        true
    }

    /// The other side asks for tips by the order in which they were told.
    pub(super) fn hear_follow(&mut self, runs: &[Run], index: &dyn Index) {
        for run in runs {
            for ordinal in run.from..run.from.saturating_add(run.count) {
                let Some(told) = self.comparing.told(ordinal) else { continue };
                if told.feed.lane == crate::id::Lane::Control {
                    continue;
                }
                let feed = told.feed.short();
                // Once, unless it was stopped in between: whoever asks again for what is on its way gets no second answer.
                let again = !self.serving.followed.insert(ordinal);
                if !self.serving.stopped.remove(&feed) && again {
                    continue;
                }
                // It may have grown since it was told.
                let grown = |tip: &Known| index.head_at(tip, told.blocks) == Some(told.head);
                let told = index.tips_of(&told.feed).into_iter().find(grown).unwrap_or(told);
                match self.placed(&told, index) {
                    Some(from) => self.serve(told, from),
                    None if self.comparing.theirs(&feed).is_empty() => self.serve(told, 0),
                    None => {
                        let theirs = self.comparing.theirs(&feed).iter().map(|t| t.blocks);
                        let below = theirs.max().unwrap_or(0);
                        // It says the same of each branch.
                        if self.comparing.part(feed) {
                            self.talk.push_back(Frame::Apart(Apart { feed, above: 0, below }));
                        }
                    }
                }
            }
        }
    }

    /// The other side asks for a feed by places it knows.
    pub(super) fn hear_need(&mut self, need: &Need, index: &dyn Index) {
        let name = need.feed;
        self.serving.stopped.remove(&name);
        let feed = index.feed(&name).filter(|_| self.in_scope(&name));
        let tips = feed.map(|feed| index.tips_of(&feed)).unwrap_or_default();
        if tips.is_empty() {
            self.talk.push_back(Frame::Over(Over::Feed(name)));
            return;
        }
        let mut apart = None;
        for tip in tips {
            // What is known to stand there already, because it came from there or went there, is not sent.
            let placed = self.placed(&tip, index).unwrap_or(0);
            if placed == tip.blocks {
                continue;
            }
            let known = |point: &talk::Point| {
                let head = (point.blocks <= tip.blocks).then(|| index.head_at(&tip, point.blocks));
                let head = head.flatten();
                head.is_some_and(|head| checked(&self.salt, &tip.feed, &head) == point.check)
            };
            let at = need.points.iter().position(known);
            let above = at.and_then(|at| need.points.get(at)).map_or(0, |point| point.blocks);
            let before = at.unwrap_or(need.points.len()).checked_sub(1);
            let below = before.and_then(|at| need.points.get(at)).map(|point| point.blocks);
            match below {
                Some(below) if below.saturating_sub(above) > 1 => {
                    apart = apart.or(Some(Apart { feed: name, above, below }));
                }
                _ => self.serve(tip, above.max(placed)),
            }
        }
        self.talk.extend(apart.map(Frame::Apart));
    }

    /// The next content to send, if there is room for it.
    pub(super) fn content(&mut self, index: &dyn Index) -> Option<Vec<u8>> {
        let budget = self.terms.spend.min(self.greeting.their_budget());
        for at in 0..RANKS {
            if at != URGENT && (self.serving.paused || self.serving.withheld) {
                return None;
            }
            if !self.prepare(at, index) {
                continue;
            }
            let ready = self.serving.ranks.get(at)?.ready.front()?;
            let mut bytes = match ready.feed {
                Some(feed) if self.serving.named != Some(feed) => encoded(&Frame::Feed(feed)),
                _ => Vec::new(),
            };
            let len = if ready.counts { bytes.len().saturating_add(ready.bytes.len()) } else { 0 };
            let within = self.serving.spent.saturating_add(len as u64) <= budget;
            let letters = self.serving.letters.saturating_add(len as u64);
            let spared = letters > budget / talk::LETTERS_SHARE;
            if at == LETTERS && !(within && (!spared || index.spares())) {
                // Nobody waits for it in this session, and it holds back nothing else.
                self.serving.ranks.get_mut(at)?.ready.pop_front();
                return self.content(index);
            }
            if at != URGENT && !within {
                // Who waits for it would take this side for one that stalls, and ask nobody else.
                self.serving.withheld = true;
                return Some(encoded(&Frame::Over(Over::Budget)));
            }
            if !self.outflow.has_room(len, at == URGENT) {
                return None;
            }
            let ready = self.serving.ranks.get_mut(at)?.ready.pop_front()?;
            bytes.extend(&ready.bytes);
            if ready.feed.is_some() {
                self.serving.named = ready.feed;
            }
            if at != URGENT {
                self.serving.spent = self.serving.spent.saturating_add(len as u64);
            }
            if let Some(name) = ready.letter {
                self.serving.letters = letters;
                index.posted(&name, spared);
            }
            self.outflow.sent(len, ready.sent);
            self.figures.content_sent = self.outflow.total();
            return Some(bytes);
        }
        None
    }

    /// Makes the next frame of a rank, where there is one.
    fn prepare(&mut self, at: usize, index: &dyn Index) -> bool {
        loop {
            let Some(rank) = self.serving.ranks.get_mut(at) else { return false };
            if !rank.ready.is_empty() {
                return true;
            }
            if let Some(push) = rank.pushes.pop_front() {
                let letter = if let Push::Letter(name) = push { Some(name) } else { None };
                let frames = match push {
                    Push::Article(epoch) => index
                        .article(epoch)
                        .map(|a| Frame::Article(Box::new(a)))
                        .into_iter()
                        .collect(),
                    Push::Loose(loose) => index.carried(&loose),
                    Push::Letter(name) => {
                        let letter = index.letter(&name).map(|letter| Frame::Letter(letter.into()));
                        letter.into_iter().collect()
                    }
                };
                self.make(at, &frames, None, letter);
            } else if let Some((item, part)) = rank.items.pop_front() {
                self.prepare_item(at, item, part, index);
            } else if !self.loose.is_settled() {
                // Blocks wait for the certificates of those who wrote them.
                return false;
            } else if let Some(walk) = rank.walks.pop_front() {
                self.prepare_walk(at, walk, index);
            } else {
                return false;
            }
        }
    }

    fn make(
        &mut self,
        at: usize,
        frames: &[Frame],
        feed: Option<FeedId>,
        letter: Option<[u8; 16]>,
    ) {
        if let Some(rank) = self.serving.ranks.get_mut(at) {
            let ready = frames.iter().map(|frame| {
                let counts = super::is_content(frame);
                Ready { bytes: encoded(frame), counts, feed, sent: None, letter }
            });
            rank.ready.extend(ready.filter(|ready| !ready.bytes.is_empty()));
        }
    }

    fn prepare_item(&mut self, at: usize, item: Item, part: u32, index: &dyn Index) {
        let feed = match &item {
            Item::Evidence { feed, .. } => index.feed(feed).filter(|_| self.in_scope(feed)),
            _ => None,
        };
        let allowed = match &item {
            Item::Evidence { feed: name, .. } => feed.is_some() && self.they_serve(name.programme),
            // Of everybody: not for who takes the feeds of a few nodes.
            Item::Rows { programme, .. } => {
                self.they_serve(*programme) && *self.greeting.their_slice() == Slice::Whole
            }
            Item::State { leaf, .. } => {
                let few = matches!(self.greeting.their_slice(), Slice::Nodes(_));
                self.they_serve(leaf.programme) && !few
            }
            Item::Page => true,
        };
        let piece = if allowed { index.piece(&item, part) } else { None };
        let more = piece.as_ref().is_some_and(|(_, more)| *more);
        let made = piece.is_some();
        if let Some((frames, _)) = piece {
            self.make(at, &frames, feed, None);
        }
        if more {
            if let Some(rank) = self.serving.ranks.get_mut(at) {
                rank.items.push_front((item, part.saturating_add(1)));
            }
        } else if !made || !matches!(item, Item::Evidence { .. }) {
            // After what was made: it waits with it, and costs no window. Evidence says itself where it ends.
            self.make(at, &[Frame::Over(Over::Item(item))], None, None);
        }
    }

    fn prepare_walk(&mut self, at: usize, walk: Walk, index: &dyn Index) {
        let tip = walk.tip;
        // Before each turn: meanwhile it may have come there from elsewhere.
        let placed = if walk.turn == 0 { self.placed(&tip, index) } else { None };
        let next = placed.unwrap_or(0).max(walk.next);
        let walk = Walk { next, ..walk };
        if next >= tip.blocks {
            self.serving.parked.entry(tip.feed).or_default().push(walk);
            return;
        }
        let made = if walk.bodies {
            index.block(&tip, next).map(|block| (block.header, Frame::Block(Box::new(block))))
        } else {
            let header = index.header(&tip, next);
            header.map(|(header, signature)| (header, Frame::Header { header, signature }))
        };
        let Some((header, frame)) = made else {
            // Pruned, or below where this node began: somebody else may have it.
            self.talk.push_back(Frame::Over(Over::Feed(tip.feed.short())));
            return;
        };
        let (blocks, head, bytes) = (next.saturating_add(1), header.end(), encoded(&frame));
        self.they_go_on(&tip.feed, &header);
        let walk = Walk { next: blocks, turn: walk.turn.saturating_add(bytes.len()), ..walk };
        let paced = self.outflow.paced().and_then(|bytes| usize::try_from(bytes).ok());
        let turn = TURN.max(paced.unwrap_or(0));
        let Some(rank) = self.serving.ranks.get_mut(at) else { return };
        let sent = Some(Sent { feed: tip.feed, blocks, head });
        rank.ready.push_back(Ready {
            bytes,
            counts: true,
            feed: Some(tip.feed),
            sent,
            letter: None,
        });
        if walk.turn < turn {
            rank.walks.push_front(walk);
        } else {
            rank.walks.push_back(Walk { turn: 0, ..walk });
        }
    }
}
