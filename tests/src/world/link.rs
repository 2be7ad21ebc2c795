//! Meetings over a link: the machine that two nodes meet with, over their sites. The seed says who speaks when, how much
//! may be under way, and where the link is cut.

use std::collections::{BTreeSet, VecDeque};

use annona_ledger::hash::Hash;
use annona_ledger::sync::frame::Known;
use annona_ledger::sync::session::{Given, Note, Session, Terms};
use annona_ledger::sync::split::Splitter;
use annona_ledger::sync::talk::Slice;

use super::{Malice, World};
use crate::cast::{CASH, ITEMS};
use crate::check::{Broken, Holds, ensure};
use crate::planted::Bug;
use crate::rng::Rng;
use crate::site::shelf::Shelf;

/// Of a hundred steps, those before which two nodes meet.
const OFTEN: u64 = 5;
/// Frames that one meeting takes at most: what a whole run has written, many times over.
const ENDLESS: usize = 20_000;

/// One link.
struct Line {
    /// Bytes that either side may have under way.
    window: [u32; 2],
    /// Bytes that either side takes of what is not urgent.
    budget: u64,
    /// After how many frames the link is cut.
    cut: Option<usize>,
    /// Whether one of the two loses its power then.
    power: Option<usize>,
}

impl Line {
    fn draw(rng: &mut Rng) -> Self {
        let mut window = || (4 * 1024) << rng.between(0, 5);
        let window = [window(), window()];
        let budget = if rng.chance(15) { rng.between(200, 20_000) } else { u64::MAX };
        let cut = rng.chance(45).then(|| usize::try_from(rng.between(3, 60)).unwrap_or(3));
        let power = rng.chance(40).then(|| rng.below(2));
        Self { window, budget, cut, power }
    }
}

/// One side of a meeting.
struct End {
    n: usize,
    session: Session,
    shelf: Shelf,
    /// Frames on their way to it.
    coming: VecDeque<Vec<u8>>,
    /// What was heard and is not kept yet. It is, before anything more is said.
    heard: Vec<Given>,
    /// What the other side says that it keeps.
    acknowledged: Vec<Known>,
}

impl World {
    /// Two nodes that can reach each other meet, now and then.
    pub(super) fn link(&mut self) -> Holds {
        if !self.linked || !self.line.chance(OFTEN) {
            return Ok(());
        }
        let two = [self.line.below(self.nodes.len()), self.line.below(self.nodes.len())];
        let [one, other] = two.map(|n| &self.nodes[n]);
        if one.person == other.person || one.burnt || other.burnt || one.side != other.side {
            return Ok(());
        }
        for n in two {
            if self.line.chance(80) {
                self.seal(n);
            }
        }
        let line = Line::draw(&mut self.line);
        self.converse(two, &line)
    }

    /// Everybody meets the first, twice and to the end: whatever was cut off before has come to all of them.
    pub(super) fn all_meet(&mut self, alive: &[usize]) -> Holds {
        let whole = Line { window: [64 * 1024; 2], budget: u64::MAX, cut: None, power: None };
        for _ in 0..2 {
            for n in alive.iter().skip(1) {
                if self.linked && self.nodes[alive[0]].person != self.nodes[*n].person {
                    self.converse([alive[0], *n], &whole)?;
                }
            }
        }
        Ok(())
    }

    fn comes_to(&mut self, n: usize, window: u32, line: &Line) -> End {
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&self.line.bits().to_be_bytes());
        let terms = Terms {
            federation: self.cast.federation,
            node: self.cast.nodes[self.nodes[n].person].short(),
            programmes: [CASH, ITEMS].into(),
            slice: Slice::Whole,
            theirs: [CASH, ITEMS].into(),
            nonce,
            window,
            budget: line.budget,
            spend: u64::MAX,
            quota: u64::MAX,
        };
        let mut end = End {
            n,
            session: Session::new(terms),
            shelf: Shelf::new(self.cast.federation),
            coming: VecDeque::new(),
            heard: Vec::new(),
            acknowledged: Vec::new(),
        };
        self.shelve(&mut end);
        end
    }

    fn shelve(&self, end: &mut End) {
        let node = &self.nodes[end.n];
        let notices = node.notices.iter().map(|n| &self.cast.notices[*n]);
        end.shelf.catch_up(self.power(end.n).1, notices, &node.site.blocks());
    }

    fn converse(&mut self, two: [usize; 2], line: &Line) -> Holds {
        let [one, other] = two;
        let mut ends =
            [self.comes_to(one, line.window[0], line), self.comes_to(other, line.window[1], line)];
        let mut frames = 0;
        let whole = loop {
            if line.cut.is_some_and(|cut| frames >= cut) {
                break false;
            }
            let first = self.line.below(4);
            let mut stirs = false;
            for act in (first..first + 4).map(|act| act % 4) {
                stirs = if act < 2 {
                    self.says(&mut ends, act)?
                } else {
                    let hears = self.hears(&mut ends[act - 2])?;
                    frames += usize::from(hears);
                    hears
                };
                if stirs {
                    break;
                }
            }
            if !stirs {
                break true;
            }
            ensure(frames < ENDLESS, Broken::LinkBroken, || format!("{two:?} talk without end"))?;
        };
        self.coverage.note("met");
        let tell = if whole { "to the end" } else { "cut" };
        self.note(&format!("{one} and {other} met over {frames} frames, {tell}"));
        if !whole {
            self.coverage.note("met and cut");
            if let Some(which) = line.power {
                self.crash(two[which])?;
            }
        } else {
            self.keeps(&mut ends[0])?;
            self.keeps(&mut ends[1])?;
        }
        for (end, to) in ends.iter().zip([other, one]) {
            self.acknowledged(end, to)?;
        }
        if whole && line.budget == u64::MAX {
            self.as_by_bundle(one, other)?;
            self.as_by_bundle(other, one)?;
        }
        self.after(one)?;
        self.after(other)
    }

    /// One side says the next thing it has to say: all it heard is kept by then.
    fn says(&mut self, ends: &mut [End; 2], who: usize) -> Result<bool, crate::check::Breach> {
        if self.options.bug != Some(Bug::TakenUnkept) {
            self.keeps(&mut ends[who])?;
        }
        let end = &mut ends[who];
        let said = end.session.next(&end.shelf);
        let Some(said) = said else { return Ok(false) };
        let mut bytes = &said[..];
        let mut splitter = Splitter::default();
        splitter.widen();
        while let Ok(Some(frame)) = splitter.take(&mut bytes) {
            ends[1 - who].coming.push_back(frame);
        }
        Ok(true)
    }

    /// One side hears the next frame on its way to it.
    fn hears(&self, end: &mut End) -> Result<bool, crate::check::Breach> {
        let Some(frame) = end.coming.pop_front() else { return Ok(false) };
        match end.session.receive(&frame) {
            Ok(given) => {
                if let (Some(Bug::TakenUnkept), Some(Given::Block(feed, block))) =
                    (self.options.bug, &given)
                {
                    end.shelf.put(feed, block);
                }
                end.heard.extend(given);
            }
            Err(breach) => {
                ensure(false, Broken::LinkBroken, || format!("node {}: {breach}", end.n))?;
            }
        }
        for note in end.session.notes() {
            if let Note::Acknowledged(known) = note {
                end.acknowledged.push(known);
            }
        }
        Ok(true)
    }

    fn keeps(&mut self, end: &mut End) -> Holds {
        for given in std::mem::take(&mut end.heard) {
            match given {
                Given::Block(feed, block) => {
                    self.hand_over(end.n, &feed, &block)?;
                    if self.given.contains(&(end.n, block.header.hash())) {
                        end.shelf.put(&feed, &block);
                    }
                }
                Given::Article(article) => {
                    let known = self.nodes[end.n].articles;
                    if self.cast.articles.get(known) == Some(&*article) {
                        self.papers_arrive(end.n, known + 1, &BTreeSet::new());
                    } else if self.is_lost_branch(&article) {
                        self.side_arrives(end.n)?;
                    }
                    self.follows_right(end.n)?;
                    self.shelve(end);
                }
                Given::Notice(notice) => {
                    let which = self.cast.notices.iter().position(|known| *known == *notice);
                    let charter = self.power(end.n).0;
                    let mut roster = self.nodes[end.n].model.roster().clone();
                    if let Some(which) = which
                        && roster.learn(&charter, &notice).is_ok()
                    {
                        self.papers_arrive(end.n, self.nodes[end.n].articles, &[which].into());
                        self.shelve(end);
                    }
                }
                Given::Fork(proof) => {
                    let read = proof.verify(&self.cast.federation).is_some();
                    let forked = self.malice != Malice::None
                        && proof.feed.node == self.cast.nodes[self.villain].key;
                    ensure(read && forked, Broken::HonestAccused, || format!("{proof:?}"))?;
                    end.shelf.learn(*proof);
                }
                other => {
                    ensure(false, Broken::LinkBroken, || format!("nobody asked for {other:?}"))?;
                }
            }
        }
        Ok(())
    }

    /// What one side was told is kept, the other keeps, whatever became of the link and its power.
    fn acknowledged(&self, end: &End, to: usize) -> Holds {
        let blocks = self.nodes[to].site.blocks();
        for known in &end.acknowledged {
            let kept = blocks
                .iter()
                .any(|(feed, block)| (feed, block.header.end()) == (&known.feed, known.head));
            ensure(kept, Broken::TakenUnkept, || {
                format!("node {to} said it holds {} up to {}", known.feed.short(), known.head.next)
            })?;
        }
        Ok(())
    }

    /// A meeting that came to its end has brought what a bundle would have brought: what is still only here either waits
    /// there, or says again what is there, sealed a second time.
    fn as_by_bundle(&mut self, from: usize, to: usize) -> Holds {
        let there: BTreeSet<Hash> =
            self.nodes[to].site.blocks().iter().map(|(_, block)| block.header.hash()).collect();
        for (feed, block) in self.nodes[from].site.blocks() {
            let entries = block.read(feed.lane).unwrap_or_default();
            let news = entries.iter().any(|e| !self.nodes[to].model.knows(&e.accumulator));
            if !news || there.contains(&block.header.hash()) {
                continue;
            }
            self.hand_over(to, &feed, &block)?;
            let waits = !self.given.contains(&(to, block.header.hash()));
            ensure(waits, Broken::LinkBroughtLess, || {
                format!(
                    "{from} has block {} of {} ({} entries from {}), and {to} would take it",
                    block.header.seq,
                    feed.short(),
                    block.header.count,
                    block.header.first,
                )
            })?;
        }
        let (ours, theirs) = (&self.nodes[from], &self.nodes[to]);
        let papers = ours.articles == theirs.articles && ours.notices == theirs.notices;
        ensure(papers || self.side.is_some(), Broken::LinkBroughtLess, || {
            format!(
                "{from} has {} articles and notices {:?}, {to} {} and {:?}",
                ours.articles, ours.notices, theirs.articles, theirs.notices
            )
        })
    }
}
