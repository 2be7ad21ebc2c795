//! What a meeting remembers of the ledger between two looks into it, so that a look costs what has changed.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::charter::SignedArticle;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::sync::frame::Known;
use annona_ledger::sync::index::{Change, Kind, Loose, Marks, cosignature_name, fork_name};

use crate::store::{PowerMark, Store, StoreFault, Tip, Words, Work};

/// What was seen of the ledger.
pub(super) struct Memo {
    /// The programmes whose bodies this node reads.
    programmes: BTreeSet<ProgrammeId>,
    version: Option<i64>,
    power: Option<PowerMark>,
    /// At which mark the reader of this meeting read charter and notices.
    read: Option<PowerMark>,
    words: Words,
    pub(super) articles: Vec<SignedArticle>,
    pub(super) tips: BTreeMap<FeedId, Vec<Tip>>,
    /// What came since it was last asked for, with the mark at which it did.
    log: Vec<(u64, Change)>,
    pub(super) loose: Vec<Loose>,
    /// The checkpoint that a cosignature of this name is of.
    pub(super) said: BTreeMap<Hash, Hash>,
    pub(super) marks: Marks,
    /// The number of the block up to which evidence was looked for.
    pub(super) evidence_from: i64,
    /// Whether rows of lists are wanted: a terminal has no use for the purses and shares of everybody.
    pub(super) rows: bool,
}

/// What a look found changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Changed {
    /// Charter or roster.
    pub(super) power: bool,
    /// A feed of this node's own.
    pub(super) own: bool,
}

impl Memo {
    pub(super) fn new(programmes: BTreeSet<ProgrammeId>, rows: bool) -> Self {
        Self {
            rows,
            programmes,
            version: None,
            power: None,
            read: None,
            words: Words::default(),
            articles: Vec::new(),
            tips: BTreeMap::new(),
            log: Vec::new(),
            loose: Vec::new(),
            said: BTreeMap::new(),
            marks: Marks::default(),
            evidence_from: 0,
        }
    }

    pub(super) fn serves(&self, feed: &FeedId) -> bool {
        feed.lane == Lane::Control || self.programmes.contains(&feed.programme)
    }

    pub(super) const fn programmes(&self) -> &BTreeSet<ProgrammeId> {
        &self.programmes
    }

    /// Reads charter and notices anew where they have changed. Answers `None` where nothing at all has.
    pub(super) fn freshen(&mut self, store: &mut Store) -> Result<Option<Changed>, StoreFault> {
        let version = store.version()?;
        if self.version == Some(version) {
            return Ok(None);
        }
        let power = store.power()?;
        let mut changed = Changed::default();
        if self.power.as_ref() != Some(&power) {
            self.reread(store)?;
            self.articles = store.articles()?;
            self.marks.articles = u32::try_from(self.articles.len()).unwrap_or(u32::MAX);
            changed.power = true;
        }
        (self.version, self.power) = (Some(version), Some(power));
        Ok(Some(changed))
    }

    /// Reads charter and notices anew where they have changed since they were read; says whether they have.
    pub(super) fn reread(&mut self, store: &mut Store) -> Result<bool, StoreFault> {
        let power = Some(store.power()?);
        if self.read == power {
            return Ok(false);
        }
        store.reload()?;
        self.read = power;
        Ok(true)
    }

    /// Looks what has come. Own feeds are those of `own`.
    pub(super) fn look(
        &mut self,
        store: &Store,
        work: &Work<'_>,
        own: &[u8; 8],
        mut changed: Changed,
    ) -> Result<Changed, StoreFault> {
        let words = work.words();
        work.check()?;
        if changed.power || words != self.words {
            self.look_loose(store, words)?;
        }
        changed.own = self.look_feeds(work, own)?;
        Ok(changed)
    }

    fn look_loose(&mut self, store: &Store, words: Words) -> Result<(), StoreFault> {
        let of = |kind| move |name: Hash| Loose { kind, name };
        let notices = store.roster().notices().map(|notice| notice.notice.hash());
        let mut loose: Vec<Loose> = notices.map(of(Kind::Notice)).collect();
        loose.extend(words.forks.iter().copied().map(of(Kind::Fork)));
        loose.extend(words.pages.iter().copied().map(of(Kind::Page)));
        if words.pages != self.words.pages || words.said != self.words.said {
            self.said.clear();
            for page in &words.pages {
                let Some(kept) = store.kept_page(page)? else { continue };
                self.said.extend(kept.cosignatures.iter().map(|c| (cosignature_name(c), *page)));
            }
        }
        loose.extend(self.said.keys().copied().map(of(Kind::Cosignature)));
        loose.sort_unstable_by_key(|loose| loose.name);
        loose.truncate(limits::LOOSE);
        if loose != self.loose {
            self.marks.loose = self.marks.loose.saturating_add(1);
            self.loose = loose;
        }
        self.words = words;
        Ok(())
    }

    /// Whether a feed is shown to have forked.
    fn forked(&self, feed: &FeedId) -> bool {
        !self.words.forks.is_empty() && self.words.forks.contains(&fork_name(feed))
    }

    fn look_feeds(&mut self, work: &Work<'_>, own: &[u8; 8]) -> Result<bool, StoreFault> {
        let mut tips = work.chain_tips();
        let headers: BTreeMap<FeedId, u64> = work.header_feeds().into_iter().collect();
        work.check()?;
        // Of what this node does not serve it tells by headers, those of bodies it has from before among them.
        let narrow: Vec<FeedId> = tips.keys().filter(|feed| !self.serves(feed)).copied().collect();
        let narrow: BTreeSet<FeedId> = narrow
            .into_iter()
            .chain(headers.keys().copied().filter(|feed| !self.serves(feed)))
            .collect();
        for feed in narrow {
            let ends = |last: u64| {
                let forked = self.forked(&feed);
                let known = self.tips.get(&feed).filter(|_| !forked)?;
                let [tip] = known[..] else { return None };
                (tip.known.blocks == last.saturating_add(1)).then(|| known.clone())
            };
            let bodies = tips.get(&feed).and_then(|t| t.iter().map(|t| t.known.blocks).max());
            let last = headers.get(&feed).copied();
            let last = last.max(bodies.and_then(|blocks| blocks.checked_sub(1)));
            // A chain of headers that is as long as before is the same chain: a fork would have left its proof.
            let found = match last.and_then(ends) {
                Some(known) => known,
                None => work.outline_tips(&feed, self.forked(&feed))?,
            };
            tips.insert(feed, found);
        }
        let mut changed = Vec::new();
        for (feed, now) in &tips {
            let before = self.tips.get(feed).map_or(&[][..], |tips| tips);
            if before != now.as_slice() {
                changed.push(Change { feed: *feed, first: first_new(before, now, work) });
            }
        }
        work.check()?;
        let own = changed.iter().any(|change| change.feed.node.short() == *own);
        if !changed.is_empty() {
            let mark = self.marks.blocks.saturating_add(1);
            self.marks.blocks = mark;
            self.log.extend(changed.into_iter().map(|change| (mark, change)));
        }
        self.tips = tips;
        Ok(own)
    }

    /// The feeds of which blocks came since a mark. Who asks has heard of those before it.
    pub(super) fn since(&mut self, mark: u64) -> Vec<Change> {
        self.log.retain(|(at, _)| *at > mark);
        let mut first: BTreeMap<FeedId, u64> = BTreeMap::new();
        for (_, change) in &self.log {
            let least = first.entry(change.feed).or_insert(change.first);
            *least = (*least).min(change.first);
        }
        first.into_iter().map(|(feed, first)| Change { feed, first }).collect()
    }

    /// The tip of this feed and head.
    pub(super) fn tip(&self, known: &Known) -> Option<Tip> {
        let tips = self.tips.get(&known.feed)?;
        tips.iter().find(|tip| tip.known.head == known.head).copied()
    }
}

/// The lowest number of a block that is in one of these tips' chains, and in none of those before.
fn first_new(before: &[Tip], now: &[Tip], work: &Work<'_>) -> u64 {
    let new = now.iter().filter(|tip| !before.contains(tip));
    let first = new.map(|tip| {
        let same = before.iter().find(|old| old.chain == tip.chain);
        match (same, tip.chain) {
            (Some(old), _) if old.known.blocks < tip.known.blocks => old.known.blocks,
            (None, Some(chain)) => work.first_own(chain).unwrap_or(0),
            _ => 0,
        }
    });
    first.min().unwrap_or(0)
}
