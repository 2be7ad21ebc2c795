//! Which feeds differ: one hash a programme, then sums of buckets, then tips.

use std::collections::{BTreeMap, BTreeSet};

use super::{FEEDS, Note, Session, TheirTips, Theirs, checked};
use crate::block::Header;
use crate::frontier;
use crate::id::{FeedId, FeedRef, Lane, ProgrammeId};
use crate::limits;
use crate::sync::frame::{Frame, Known};
use crate::sync::index::{Change, Index};
use crate::sync::talk::{
    self, BUCKETS, Buckets, DIRECT, NodeTips, Part, Point, Run, Tip, Tips, bucket,
};
use crate::wire::Bounded;

/// Every bucket.
const ALL: u64 = u64::MAX;
/// Tips of one frame: 48 KiB, where each has a node of its own.
const TIPS: usize = 2_048;

/// How far the comparison has come.
#[derive(Debug, Default)]
pub(in crate::sync) struct Comparing {
    sections: BTreeMap<ProgrammeId, Section>,
    /// The tips this side told, in the order in which it told them.
    told: Vec<Known>,
    /// How many the other side told.
    heard: u32,
    theirs: TheirTips,
    their_count: usize,
    /// Feeds of which the other side was told, without naming places, that its chain is another.
    apart: BTreeSet<FeedRef>,
    /// Parts whose sums the other side told.
    summed: BTreeSet<Part>,
}

/// Parts of one session: the programmes both opened with, those of control feeds, and what is loose.
const PARTS: usize = talk::SECTIONS.saturating_mul(2).saturating_add(2);

/// How far it has come with one programme.
#[derive(Debug, Default)]
struct Section {
    /// The buckets of which this side told every tip.
    told: u64,
    /// The buckets of which the other side did.
    heard: u64,
    /// The buckets of which both held the same when they were compared.
    alike: u64,
}

impl Comparing {
    pub(super) fn alike(&mut self, programme: ProgrammeId) {
        if let Some(section) = self.section(programme) {
            section.alike = ALL;
        }
    }

    /// What is known of a programme, where there is room for it: no more than both can have opened with.
    fn section(&mut self, programme: ProgrammeId) -> Option<&mut Section> {
        if self.sections.len() >= PARTS && !self.sections.contains_key(&programme) {
            return None;
        }
        Some(self.sections.entry(programme).or_default())
    }

    /// Whether sums of a part come for the first time: each side tells them once.
    pub(super) fn first(&mut self, part: Part) -> bool {
        self.summed.len() < PARTS && self.summed.insert(part)
    }

    /// Whether a feed is not yet said to part; it is from now on.
    pub(super) fn part(&mut self, feed: FeedRef) -> bool {
        self.apart.insert(feed)
    }

    /// Whether all tips in these runs were told, and no run reaches into the next.
    pub(super) fn told_all(&self, runs: &[Run]) -> bool {
        let mut next = 0;
        runs.iter().all(|run| {
            let Some(end) = run.from.checked_add(run.count) else { return false };
            let ascends = run.from >= next && run.count > 0;
            next = end;
            ascends && usize::try_from(end).is_ok_and(|end| end <= self.told.len())
        })
    }

    pub(super) fn told(&self, ordinal: u32) -> Option<Known> {
        self.told.get(usize::try_from(ordinal).ok()?).copied()
    }

    pub(super) fn theirs(&self, feed: &FeedRef) -> &[Theirs] {
        self.theirs.get(feed).map_or(&[], |tips| tips)
    }

    /// What is known of the bucket a feed is in: whether this side told its tips, whether the other side did, and whether
    /// they were the same.
    fn known(&self, feed: &FeedRef) -> (bool, bool, bool) {
        let bit = bit(feed);
        // A programme that neither opened with came up since: nobody had anything of it.
        let Some(section) = self.sections.get(&feed.programme) else { return (false, false, true) };
        let is = |mask: u64| mask & bit != 0;
        (is(section.told), is(section.heard), is(section.alike))
    }

    /// Notes that the other side has a feed up to a place, and what it had before that place on the same chain is no news.
    /// `false` where there is no room to note it: nothing else is kept of it either.
    pub(super) fn they_have(&mut self, feed: FeedRef, theirs: Theirs) -> bool {
        let tips = self.theirs(&feed);
        if tips.iter().any(|tip| (tip.blocks, tip.check) == (theirs.blocks, theirs.check)) {
            return true;
        }
        if tips.len() >= usize::from(limits::BRANCHES) || self.their_count >= FEEDS {
            return false;
        }
        self.theirs.entry(feed).or_default().push(theirs);
        self.their_count = self.their_count.saturating_add(1);
        true
    }

    /// Feeds of which anything is noted.
    #[cfg(test)]
    pub(super) fn feeds(&self) -> usize {
        self.theirs.len()
    }

    /// What the other side was thought to hold of a feed, it may not.
    pub(super) fn forget(&mut self, feed: &FeedRef) {
        if let Some(tips) = self.theirs.remove(feed) {
            self.their_count = self.their_count.saturating_sub(tips.len());
        }
    }

    /// The other side has come from one place of a chain to another.
    pub(super) fn they_moved(&mut self, feed: FeedRef, from: (u64, talk::Check), to: Theirs) {
        let mut tips = self.theirs.get_mut(&feed).into_iter().flatten();
        if let Some(tip) = tips.find(|tip| (tip.blocks, tip.check) == from) {
            *tip = to;
        } else {
            self.they_have(feed, to);
        }
    }
}

impl Session {
    /// The tips held here of a programme that both sides exchange, in order.
    fn shared(&self, programme: ProgrammeId, index: &dyn Index) -> Vec<Known> {
        let mut tips = index.tips(programme);
        tips.retain(|tip| self.in_scope(&tip.feed.short()));
        tips
    }

    /// What both opened with differs in a programme: tells tips where there are few, else sums; and where the other side
    /// has `nothing` of it, it waits to be told so.
    pub(super) fn differ(&mut self, programme: ProgrammeId, nothing: bool, index: &dyn Index) {
        let tips = self.shared(programme, index);
        if nothing && tips.len() > DIRECT {
            return;
        }
        if tips.len() <= DIRECT {
            self.tell(programme, ALL, &tips);
            return;
        }
        let sums = self.sums(&tips);
        let part = Part::Feeds(programme);
        self.talk.push_back(Frame::Buckets(Box::new(Buckets { part, sums })));
    }

    fn sums(&self, tips: &[Known]) -> Bounded<[u8; 4], BUCKETS> {
        let mut names: Vec<Vec<crate::hash::Hash>> = vec![Vec::new(); BUCKETS];
        for tip in tips {
            let at = bucket(tip.feed.node.short()[0]) as usize;
            if let Some(names) = names.get_mut(at) {
                names.push(frontier::leaf(tip));
            }
        }
        let sums = names.iter().map(|names| self.salt.sum(names)).collect();
        Bounded::new(sums).unwrap_or_default()
    }

    pub(super) fn hear_buckets(&mut self, heard: &Buckets, index: &dyn Index) {
        let programme = match heard.part {
            Part::Feeds(programme) => programme,
            Part::Loose => return self.hear_loose_buckets(&heard.sums, index),
        };
        let tips = self.shared(programme, index);
        let mask = different(&self.sums(&tips), &heard.sums);
        let Some(section) = self.comparing.section(programme) else { return };
        section.alike |= !mask;
        self.tell(programme, mask, &tips);
    }

    /// Tells every tip of those buckets of which not every tip was told.
    fn tell(&mut self, programme: ProgrammeId, mask: u64, tips: &[Known]) {
        let Some(section) = self.comparing.section(programme) else { return };
        let mut left = mask & !section.told;
        section.told |= left;
        let inside = |tip: &&Known| left & bit(&tip.feed.short()) != 0;
        let chosen: Vec<Known> = tips.iter().filter(inside).copied().collect();
        let mut some: Vec<Known> = Vec::new();
        // Buckets ascend as feeds do. One that fits no frame by itself is told as far as it fits.
        for group in chosen.chunk_by(|a, b| bit(&a.feed.short()) == bit(&b.feed.short())) {
            if !some.is_empty() && some.len().saturating_add(group.len()) > TIPS {
                let told = some.last().map_or(0, |tip| up_to(bit(&tip.feed.short()))) & left;
                left &= !told;
                self.tell_frame(programme, told, &some);
                some.clear();
            }
            some.extend(group.iter().take(TIPS));
        }
        if left != 0 {
            self.tell_frame(programme, left, &some);
        }
    }

    fn tell_frame(&mut self, programme: ProgrammeId, mask: u64, tips: &[Known]) {
        let nodes = self.by_node(tips);
        if mask != 0 {
            self.comparing.told.extend(tips);
        }
        self.talk.push_back(Frame::Tips(Box::new(Tips { programme, mask, nodes })));
    }

    fn by_node(&self, tips: &[Known]) -> Bounded<NodeTips, { talk::TIPS_NODES }> {
        let same = |a: &Known, b: &Known| a.feed.node == b.feed.node;
        let tip = |tip: &Known| {
            let check = checked(&self.salt, &tip.feed, &tip.head);
            Tip::new(tip.feed.lane, tip.blocks, check)
        };
        let node = |tips: &[Known]| {
            let node = tips.first()?.feed.node.short();
            Some(NodeTips { node, tips: Bounded::new(tips.iter().map(tip).collect()).ok()? })
        };
        Bounded::new(tips.chunk_by(same).filter_map(node).collect()).unwrap_or_default()
    }

    pub(super) fn hear_tips(&mut self, heard: &Tips, index: &dyn Index) {
        let programme = heard.programme;
        let mut news = Vec::new();
        for node in heard.nodes.iter() {
            for tip in node.tips.iter() {
                let feed = FeedRef { node: node.node, lane: tip.lane(), programme };
                let counted = heard.mask != 0;
                let ordinal = counted.then_some(self.comparing.heard);
                self.comparing.heard = self.comparing.heard.saturating_add(u32::from(counted));
                let control = feed.lane == Lane::Control;
                if control != (programme == ProgrammeId::NONE) || !self.in_scope(&feed) {
                    continue;
                }
                let theirs = Theirs { blocks: tip.blocks(), check: tip.check, ordinal };
                if self.comparing.they_have(feed, theirs) {
                    news.push(feed);
                }
            }
        }
        // A bucket is told once; the whole frontier is looked through for it.
        let section = self.comparing.section(programme).filter(|_| heard.mask != 0);
        let fresh = section.map_or(0, |section| {
            let fresh = heard.mask & !section.heard;
            section.heard |= fresh;
            fresh
        });
        if fresh != 0 {
            let tips = self.shared(programme, index);
            self.tell(programme, fresh, &tips);
            if programme == ProgrammeId::NONE {
                for tip in tips.iter().filter(|tip| fresh & bit(&tip.feed.short()) != 0) {
                    self.push_control(tip, 0, index);
                }
            }
        }
        news.sort_unstable();
        news.dedup();
        for feed in news {
            self.asks.news(feed);
        }
    }

    /// Sends what the other side lacks of a control feed, without being asked.
    fn push_control(&mut self, tip: &Known, first: u64, index: &dyn Index) {
        let feed = tip.feed.short();
        if !self.in_scope(&feed) || self.serving.is_stopped(&feed) {
            return;
        }
        let (_, heard, alike) = self.comparing.known(&feed);
        let told_nothing = self.comparing.theirs(&feed).is_empty();
        match self.placed(tip, index) {
            Some(from) => self.serve(*tip, from),
            None if told_nothing && heard => self.serve(*tip, 0),
            // Both held the same: what it lacks is what came since.
            None if told_nothing && alike => self.serve(*tip, first),
            // It is still to tell.
            None if told_nothing => {}
            // It is ahead, and will send what is lacking here; or it holds another chain: where do the two part?
            None => {
                let theirs = self.comparing.theirs(&feed).iter().map(|theirs| theirs.blocks);
                let (least, below) = theirs.fold((u64::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
                if least <= tip.blocks && self.comparing.part(feed) {
                    self.talk.push_back(Frame::Apart(talk::Apart { feed, above: 0, below }));
                }
            }
        }
    }

    /// After how many blocks the other side stands on the chain of a tip, as far as it told. `None` where it told nothing
    /// that is known here.
    pub(super) fn placed(&self, tip: &Known, index: &dyn Index) -> Option<u64> {
        let feed = tip.feed.short();
        let on = |theirs: &&Theirs| {
            let head = (theirs.blocks <= tip.blocks).then(|| index.head_at(tip, theirs.blocks));
            head.flatten().is_some_and(|h| checked(&self.salt, &tip.feed, &h) == theirs.check)
        };
        self.comparing.theirs(&feed).iter().filter(on).map(|theirs| theirs.blocks).max()
    }

    /// Whether a tip of theirs is on a chain that is held here.
    pub(super) fn is_held(&self, theirs: &Theirs, tips: &[Known], index: &dyn Index) -> bool {
        tips.iter().any(|tip| {
            let head = if theirs.blocks == tip.blocks {
                Some(tip.head)
            } else {
                (theirs.blocks < tip.blocks).then(|| index.head_at(tip, theirs.blocks)).flatten()
            };
            head.is_some_and(|head| checked(&self.salt, &tip.feed, &head) == theirs.check)
        })
    }

    /// Blocks have come to be known here: what is being sent goes on, what is urgent is pushed, the rest is told.
    pub(super) fn feeds_grew(&mut self, since: u64, index: &dyn Index) {
        let mut news: BTreeMap<ProgrammeId, Vec<Known>> = BTreeMap::new();
        for Change { feed, first } in index.changed(since) {
            let name = feed.short();
            if !self.in_scope(&name) {
                continue;
            }
            let tips = index.tips_of(&feed);
            for tip in &tips {
                if self.go_on(tip, index) {
                    continue;
                }
                if self.placed(tip, index) == Some(tip.blocks) {
                    continue;
                }
                let (told, heard, alike) = self.comparing.known(&name);
                if feed.lane == Lane::Control {
                    self.push_control(tip, first, index);
                } else if told || heard || alike {
                    news.entry(feed.programme).or_default().push(*tip);
                }
            }
            self.asks.grew(&name);
        }
        for (programme, tips) in news {
            for some in tips.chunks(TIPS) {
                self.tell_frame(programme, 0, some);
            }
        }
    }

    /// The other side has a block, or will have: it stands at the block's end, and at its start no more.
    pub(super) fn they_go_on(&mut self, feed: &FeedId, header: &Header) {
        let before = (header.seq, checked(&self.salt, feed, &header.start()));
        let check = checked(&self.salt, feed, &header.end());
        let blocks = header.seq.saturating_add(1);
        let theirs = Theirs { blocks, check, ordinal: None };
        self.comparing.they_moved(feed.short(), before, theirs);
    }

    /// Notes what the other side says of this node's own feeds.
    pub(super) fn own_ahead(&mut self, feed: &FeedRef, theirs: &Theirs) {
        let note = Note::Ahead(*feed, theirs.blocks);
        if feed.node == self.terms.node && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// A place of a chain that is held here, as the other side would know it.
    pub(super) fn point(&self, tip: &Known, blocks: u64, index: &dyn Index) -> Option<Point> {
        let head = if blocks == tip.blocks { tip.head } else { index.head_at(tip, blocks)? };
        Some(Point { blocks, check: checked(&self.salt, &tip.feed, &head) })
    }
}

fn bit(feed: &FeedRef) -> u64 {
    1u64.checked_shl(bucket(feed.node[0])).unwrap_or(0)
}

/// A bit and all below it.
const fn up_to(bit: u64) -> u64 {
    bit | bit.saturating_sub(1)
}

/// The buckets whose sums differ.
pub(super) fn different(ours: &[[u8; 4]], theirs: &[[u8; 4]]) -> u64 {
    let pairs = ours.iter().zip(theirs).enumerate();
    let differ = pairs.filter(|(_, (a, b))| a != b);
    differ.fold(0, |mask, (at, _)| {
        mask | 1u64.checked_shl(u32::try_from(at).unwrap_or(u32::MAX)).unwrap_or(0)
    })
}
