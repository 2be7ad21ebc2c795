//! What is asked for, and whether what comes was asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, FEEDS, Given, Note, Session, Theirs};
use crate::block::Header;
use crate::feed::Head;
use crate::id::{FeedId, FeedRef, Lane};
use crate::limits;
use crate::sync::frame::{self, Frame, Known};
use crate::sync::index::{Index, cosignature_name, fork_name, notice_name};
use crate::sync::talk::{Apart, Check, Item, Need, Over, POINTS, RUNS, Run, WANTS};
use crate::wire::Bounded;

/// How often one feed may be asked where two chains part: each time the stretch shrinks by sixteen, so 2⁶⁴ blocks would do.
const ROUNDS: u8 = 16;

/// What is asked for.
#[derive(Debug, Default)]
pub(in crate::sync) struct Asks {
    /// Feeds of which the other side told something that was not looked at yet.
    news: BTreeSet<FeedRef>,
    /// Feeds whose node has no certificate here.
    strangers: BTreeSet<FeedRef>,
    strangers_at: u64,
    /// Those of them that have one by now: what came before was refused, and is asked for.
    met: BTreeSet<FeedRef>,
    /// Feeds of which something was refused here under the charter as it is.
    early: BTreeSet<FeedRef>,
    /// Feeds another session is asking for.
    elsewhere: BTreeSet<FeedRef>,
    feeds: BTreeMap<FeedRef, Asked>,
    /// Feeds not to be asked for in this session.
    refused: BTreeSet<FeedRef>,
    items: BTreeSet<Item>,
    /// Things the other side has nothing of.
    without: BTreeSet<Item>,
    /// The feed that blocks, headers and evidence belong to.
    named: Option<FeedId>,
    /// Feeds of which something came since the last step, and up to where.
    touched: BTreeMap<FeedId, Head>,
    /// Bytes of each control feed, which come unasked.
    control: BTreeMap<FeedRef, u64>,
    /// Bytes of feeds that were not urgent.
    bytes: u64,
    /// Bytes of things that were asked for, and of pages.
    things: u64,
    /// How many things in a row the other side had nothing of: who has none of the last 64 is asked for no more.
    misses: usize,
    /// Bytes of refused feeds that may still be under way.
    let_go: u64,
    /// Whether things are to be looked for: something came, or was over.
    look: bool,
    /// Nothing but what is urgent comes in this session any more: a budget is used up.
    spent: bool,
}

/// A feed that was asked for.
#[derive(Clone, Debug, Default)]
struct Asked {
    rounds: u8,
    bytes: u64,
    /// The tips that were asked for.
    tips: BTreeSet<(u64, Check)>,
    /// How far what is held here reached when it was asked for, or what came has reached since.
    reached: u64,
    /// Everything the other side told of is here.
    done: bool,
}

impl Asks {
    pub(super) fn news(&mut self, feed: FeedRef) {
        self.news.insert(feed);
    }

    /// A feed that is asked for has grown here: perhaps there is nothing more to wait for.
    pub(super) fn grew(&mut self, feed: &FeedRef) {
        if self.feeds.get(feed).is_some_and(|asked| !asked.done) {
            self.news.insert(*feed);
        }
    }

    pub(super) fn over(&mut self, over: &Over) {
        match over {
            Over::Feed(feed) => {
                if self.feeds.remove(feed).is_some() {
                    self.refused.insert(*feed);
                }
            }
            Over::Item(item) => {
                if self.items.remove(item) {
                    self.without.insert(*item);
                    self.misses = self.misses.saturating_add(1);
                    self.look = true;
                }
            }
            Over::Budget => self.spent = true,
            Over::Letter(_) | Over::NotTaken(_) => {}
        }
    }

    pub(super) fn owed(&self) -> usize {
        let feeds = self.feeds.keys().filter(|feed| self.asks_for(feed)).count();
        feeds.saturating_add(if self.spent { 0 } else { self.items.len() })
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Whether a feed may still come.
    fn comes(&self, feed: &FeedRef) -> bool {
        feed.lane == Lane::Control || !self.spent
    }

    pub(super) fn reached(&self, feed: &FeedRef) -> u64 {
        self.feeds.get(feed).map_or(0, |asked| asked.reached)
    }

    pub(super) const fn things(&self) -> u64 {
        self.things
    }

    pub(super) fn asks_for_item(&self, item: &Item) -> bool {
        !self.spent && self.items.contains(item)
    }

    pub(super) fn asks_for(&self, feed: &FeedRef) -> bool {
        self.comes(feed) && self.feeds.get(feed).is_some_and(|asked| !asked.done)
    }

    /// Lets go what comes of a feed from now on: as much of it as may be under way.
    fn refuse(&mut self, feed: FeedRef) {
        self.feeds.remove(&feed);
        if self.refused.insert(feed) {
            self.let_go = self.let_go.saturating_add(limits::WINDOW_BYTES as u64);
        }
    }

    /// Feeds of which anything is noted.
    #[cfg(test)]
    pub(super) fn noted(&self) -> usize {
        let Self { news, strangers, elsewhere, feeds, refused, .. } = self;
        let sets = [news, strangers, elsewhere, refused].map(BTreeSet::len);
        sets.iter().sum::<usize>().saturating_add(feeds.len())
    }

    /// The charter has grown: what was refused may be fit by now, and is asked for once more.
    pub(super) fn charter_grew(&mut self) {
        for feed in std::mem::take(&mut self.early) {
            self.refused.remove(&feed);
            self.met.insert(feed);
            self.news.insert(feed);
        }
    }

    pub(super) const fn look_again(&mut self) {
        self.look = true;
    }
}

impl Session {
    /// After how many blocks the other side stands with a feed that it is asked for, by what it brought: it grows with each
    /// block that is new here, and not with one that comes again.
    #[must_use]
    pub fn reached(&self, feed: &FeedRef) -> u64 {
        self.asks.reached(feed)
    }

    /// Bytes of things that were asked for, and of checkpoints: whether they are good is known when they are whole.
    #[must_use]
    pub const fn things(&self) -> u64 {
        self.asks.things()
    }

    /// Has no more of a feed. What was still to be asked of it is not.
    fn stop(&mut self, feed: FeedRef) {
        self.talk.retain(|frame| !matches!(frame, Frame::Need(need) if need.feed == feed));
        self.stops.push_back(feed);
    }

    /// Looks whether what came is held now. What is not was refused by the rules here, and is not asked for again.
    pub(super) fn look_after(&mut self, index: &dyn Index) {
        for (feed, head) in std::mem::take(&mut self.asks.touched) {
            let name = feed.short();
            if index.holds(&feed, &head) {
                self.asks.grew(&name);
                continue;
            }
            self.asks.refuse(name);
            self.stop(name);
            if index.feed(&name).is_some() {
                self.notes.push(Note::Refused(feed));
                if self.asks.early.len() < FEEDS {
                    self.asks.early.insert(name);
                }
            } else {
                // Its certificate is still to come: it is asked for then.
                self.asks.strangers.insert(name);
            }
        }
    }

    /// Asks for what the other side has and this one lacks.
    pub(super) fn ask(&mut self, index: &dyn Index) {
        if self.asks.strangers_at != self.seen.loose {
            self.asks.strangers_at = self.seen.loose;
            for feed in std::mem::take(&mut self.asks.strangers) {
                if index.feed(&feed).is_some() {
                    self.asks.refused.remove(&feed);
                    self.asks.met.insert(feed);
                    self.asks.news.insert(feed);
                } else {
                    self.asks.strangers.insert(feed);
                }
            }
        }
        // From the last: where another session is only slow with many, it comes from the first.
        let free = self.asks.elsewhere.iter().rev().filter(|feed| !index.elsewhere(feed)).copied();
        let free: Vec<FeedRef> = free.collect();
        for feed in free {
            self.asks.elsewhere.remove(&feed);
            self.asks.news.insert(feed);
        }
        let mut follow: Vec<u32> = Vec::new();
        for feed in std::mem::take(&mut self.asks.news) {
            self.ask_feed(feed, &mut follow, index);
        }
        for some in runs(follow).chunks(RUNS) {
            self.talk.extend(Bounded::new(some.to_vec()).ok().map(Frame::Follow));
        }
        self.ask_items(index);
    }

    fn ask_feed(&mut self, feed: FeedRef, follow: &mut Vec<u32>, index: &dyn Index) {
        let gives =
            if self.serves(feed.programme) { self.they_serve(feed.programme) } else { true };
        if !gives || self.asks.refused.contains(&feed) {
            return;
        }
        let Some(id) = index.feed(&feed) else {
            self.asks.strangers.insert(feed);
            return;
        };
        let tips = index.tips_of(&id);
        let theirs = self.comparing.theirs(&feed);
        let lacking: Vec<Theirs> =
            theirs.iter().filter(|t| !self.is_held(t, &tips, index)).copied().collect();
        let mut asked = self.asks.feeds.get(&feed).cloned().unwrap_or_default();
        asked.done = lacking.is_empty();
        let again = self.asks.feeds.contains_key(&feed);
        if again {
            self.asks.feeds.insert(feed, asked.clone());
        }
        let new = |theirs: &&Theirs| !asked.tips.contains(&(theirs.blocks, theirs.check));
        let lacking: Vec<Theirs> = lacking.iter().filter(new).copied().collect();
        let Some(first) = lacking.first() else { return };
        self.own_ahead(&feed, first);
        if feed.lane != Lane::Control && self.asks.bytes >= self.terms.budget {
            // What this side takes no more of it does not ask for.
            self.asks.spent = true;
        }
        if !self.asks.comes(&feed) {
            return;
        }
        // Pushed without being asked, unless the two chains differ.
        let met = self.asks.met.remove(&feed);
        if feed.lane == Lane::Control && !met && follows(&lacking, &tips) {
            return;
        }
        if index.elsewhere(&feed) {
            self.asks.elsewhere.insert(feed);
            return;
        }
        if asked.rounds > ROUNDS || (!again && self.asks.feeds.len() >= FEEDS) {
            return;
        }
        asked.rounds = asked.rounds.saturating_add(1);
        asked.tips.extend(lacking.iter().map(|theirs| (theirs.blocks, theirs.check)));
        asked.reached = tips.iter().map(|tip| tip.blocks).max().unwrap_or(0).max(asked.reached);
        self.asks.feeds.insert(feed, asked);
        let by_ordinal = feed.lane != Lane::Control && !again;
        if by_ordinal && lacking.iter().all(|theirs| theirs.ordinal.is_some()) {
            follow.extend(lacking.iter().filter_map(|theirs| theirs.ordinal));
        } else {
            let points = self.ladder(&tips, index);
            self.talk.push_back(Frame::Need(Need { feed, points }));
        }
    }

    /// Where this node stands with a feed: the tip that goes furthest, and places before it, ever further apart.
    fn ladder(
        &self,
        tips: &[Known],
        index: &dyn Index,
    ) -> Bounded<crate::sync::talk::Point, POINTS> {
        let Some(tip) = tips.iter().max_by_key(|tip| (tip.blocks, tip.head)) else {
            return Bounded::empty();
        };
        let (mut points, mut step, mut at) = (Vec::new(), 1u64, tip.blocks);
        while at > 0 && points.len() < POINTS {
            points.extend(self.point(tip, at, index));
            at = at.saturating_sub(step);
            step = step.saturating_mul(2);
        }
        Bounded::new(points).unwrap_or_default()
    }

    /// Names the places between two, so that the other side finds where the chains part.
    pub(super) fn hear_apart(&mut self, apart: &Apart, index: &dyn Index) {
        let Apart { feed, above, below } = *apart;
        let known = self.asks.feeds.contains_key(&feed)
            || (self.asks.feeds.len() < FEEDS && index.feed(&feed).is_some());
        let control = feed.lane == Lane::Control && self.in_scope(&feed);
        if control && known && !self.asks.refused.contains(&feed) {
            // It would have been sent without being asked for, did the chains not differ.
            self.asks.feeds.entry(feed).or_default();
            self.asks.news(feed);
        }
        let Some(asked) = self.asks.feeds.get_mut(&feed) else { return };
        asked.rounds = asked.rounds.saturating_add(1);
        let tips = index.feed(&feed).map(|id| index.tips_of(&id)).unwrap_or_default();
        let tip = tips.iter().max_by_key(|tip| (tip.blocks, tip.head));
        let Some(tip) = tip.filter(|tip| above < below && below <= tip.blocks) else { return };
        if asked.rounds > ROUNDS {
            self.asks.refuse(feed);
            self.stop(feed);
            return;
        }
        let between = (POINTS as u64).saturating_sub(1);
        let gap = below.saturating_sub(above);
        let place = |n: u64| above.saturating_add(gap.saturating_mul(n) / between.min(gap).max(1));
        let mut places: Vec<u64> = (0..=between.min(gap)).rev().map(place).collect();
        places.dedup();
        let points = places.into_iter().filter_map(|at| self.point(tip, at, index)).collect();
        let points = Bounded::new(points).unwrap_or_default();
        self.talk.push_back(Frame::Need(Need { feed, points }));
    }

    fn ask_items(&mut self, index: &dyn Index) {
        if self.asks.spent || (!std::mem::replace(&mut self.asks.look, false) && !index.freed()) {
            return;
        }
        let room = WANTS.saturating_sub(self.asks.items.len());
        // Things wait for the feeds they belong to, or nothing would be known of them.
        if self.asks.misses >= WANTS {
            return;
        }
        if room < WANTS / 2 || self.asks.feeds.values().any(|asked| !asked.done) {
            self.asks.look = room >= WANTS / 2;
            return;
        }
        let asks = &self.asks;
        let not = |item: &Item| asks.items.contains(item) || asks.without.contains(item);
        let mut items = index.wants(room, &not);
        items.retain(|item| !not(item));
        items.truncate(room);
        if !items.is_empty() {
            self.asks.items.extend(&items);
            self.talk.extend(Bounded::new(items).ok().map(Frame::Want));
        }
    }

    /// Checks that content may come, and hands it out.
    pub(super) fn given(&mut self, frame: Frame, len: usize) -> Result<Option<Given>, Breach> {
        match frame {
            Frame::Feed(feed) => {
                self.asks.named = Some(feed);
                Ok(None)
            }
            Frame::Article(article) => {
                self.they_have_article(article.article.epoch);
                Ok(Some(Given::Article(article)))
            }
            Frame::Notice(notice) => {
                self.loose.they_have(notice_name(&notice));
                Ok(Some(Given::Notice(notice)))
            }
            Frame::ForkProof(proof) => {
                self.loose.they_have(fork_name(&proof.feed));
                Ok(Some(Given::Fork(proof)))
            }
            Frame::Cosignature(said) => {
                self.take_bytes(len)?;
                self.loose.they_have(cosignature_name(&said));
                Ok(Some(Given::Cosignature(said)))
            }
            Frame::BlobChunk { kind: frame::PAGE, name, total, offset, bytes } => {
                self.take_bytes(len)?;
                self.loose.they_have(name);
                self.asks.things = self.asks.things.saturating_add(len as u64);
                Ok(Some(Given::Page { name, total, offset, bytes: bytes.into_vec() }))
            }
            Frame::Block(block) => {
                let feed = self.of_feed(&block.header, len, true)?;
                Ok(feed.map(|feed| Given::Block(feed, block)))
            }
            Frame::Header { header, signature } => {
                let feed = self.of_feed(&header, len, false)?;
                Ok(feed.map(|feed| Given::Header(feed, Box::new(header), signature)))
            }
            Frame::Letter(letter) => self.letter_came(letter, len).map(Some),
            thing => self.thing(thing, len).map(Some),
        }
    }

    /// Whether a block or header of the feed named last may come: `None` where it is let go.
    fn of_feed(
        &mut self,
        header: &Header,
        len: usize,
        body: bool,
    ) -> Result<Option<FeedId>, Breach> {
        let feed = self.asks.named.ok_or(Breach::Unasked)?;
        let name = feed.short();
        if body != self.serves(feed.programme) || !self.in_scope(&name) {
            return Err(Breach::Scope);
        }
        let control = feed.lane == Lane::Control;
        // What was refused may still be under way: no more than fits the window, which is counted.
        if self.asks.refused.contains(&name) {
            let left = self.asks.let_go.checked_sub(len as u64).ok_or(Breach::Unasked)?;
            self.asks.let_go = left;
            return Ok(None);
        }
        // Control feeds come unasked, and what is refused is remembered.
        let count = self.asks.refused.len().saturating_add(self.asks.touched.len());
        if control && count.max(self.asks.control.len()) >= FEEDS {
            return Err(Breach::Flood);
        }
        let bytes = if control {
            self.asks.control.entry(name).or_default()
        } else {
            self.take_bytes(len)?;
            &mut self.asks.feeds.get_mut(&name).ok_or(Breach::Unasked)?.bytes
        };
        *bytes = bytes.saturating_add(len as u64);
        if *bytes > self.terms.quota {
            self.asks.refuse(name);
            self.notes.push(Note::Quota(feed));
            self.stop(name);
            return Ok(None);
        }
        self.they_go_on(&feed, header);
        if let Some(asked) = self.asks.feeds.get_mut(&name) {
            asked.reached = asked.reached.max(header.seq.saturating_add(1));
        }
        self.asks.touched.insert(feed, header.end());
        Ok(Some(feed))
    }

    pub(super) fn take_bytes(&mut self, len: usize) -> Result<(), Breach> {
        self.asks.bytes = self.asks.bytes.saturating_add(len as u64);
        let over = self.asks.spent || self.asks.bytes > self.terms.budget;
        if over { Err(Breach::Budget) } else { Ok(()) }
    }

    /// Whether something may come that follows no feed's order.
    fn thing(&mut self, frame: Frame, len: usize) -> Result<Given, Breach> {
        self.take_bytes(len)?;
        let asked = |wanted: &dyn Fn(&Item) -> bool| self.asks.items.iter().any(wanted);
        let given = match frame {
            Frame::Evidence { seq, header, pieces, last } => {
                let feed = self.asks.named.ok_or(Breach::Unasked)?;
                let item = Item::Evidence { feed: feed.short(), seq, header };
                if !asked(&|wanted| *wanted == item) {
                    return Err(Breach::Unasked);
                }
                if last {
                    self.asks.items.remove(&item);
                    self.asks.look = true;
                }
                Given::Evidence { feed, seq, header, pieces: pieces.into_vec(), last }
            }
            Frame::ListRows { list, rows }
                if asked(
                    &|wanted| matches!(wanted, Item::Rows { list: one, .. } if *one == list),
                ) =>
            {
                Given::Rows(list, rows.into_vec())
            }
            Frame::Chunk(chunk) if asked(&|wanted| is_of(wanted, &chunk)) => Given::Chunk(chunk),
            _ => return Err(Breach::Unasked),
        };
        self.asks.misses = 0;
        self.asks.things = self.asks.things.saturating_add(len as u64);
        Ok(given)
    }
}

/// Whether a chunk is among those wanted.
fn is_of(wanted: &Item, chunk: &crate::checkpoint::Chunk) -> bool {
    match wanted {
        Item::State { checkpoint, of, leaf, from } => {
            (*checkpoint, *of, *leaf) == (chunk.checkpoint, chunk.of, chunk.leaf)
                && chunk.path.index >= *from
        }
        Item::Evidence { .. } | Item::Rows { .. } | Item::Page => false,
    }
}

/// Whether all that is lacking of a control feed may be what follows what is here: then it comes by itself.
fn follows(lacking: &[Theirs], tips: &[Known]) -> bool {
    let later = |theirs: &Theirs| tips.iter().all(|tip| theirs.blocks > tip.blocks);
    tips.len() <= 1 && lacking.iter().all(later)
}

/// Puts ordinals into runs.
fn runs(mut ordinals: Vec<u32>) -> Vec<Run> {
    ordinals.sort_unstable();
    ordinals.dedup();
    let next = |a: &u32, b: &u32| a.checked_add(1) == Some(*b);
    let run = |run: &[u32]| Run {
        from: run.first().copied().unwrap_or_default(),
        count: u32::try_from(run.len()).unwrap_or_default(),
    };
    ordinals.chunk_by(next).map(run).collect()
}
