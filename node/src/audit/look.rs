//! Finding single entries in a source.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Cosigned, Ground, Item, Options, Source, govern};
use annona_ledger::block::{Block, Header, Placed};
use annona_ledger::charter::Charter;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::finality::Standing;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, EntryName, FeedId, FeedRef};

use super::labels::Labels;
use crate::config::Zone;

/// Why an entry cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookFault {
    /// There is no charter to check anything against.
    #[error("the source has no founding article: nothing can be shown from it")]
    NoCharter,
    /// The source ends before it should, or is not what it was.
    #[error(
        "it ends too early, or is not what was written: nothing can be counted from a part of it"
    )]
    NotWhole,
    /// No such feed.
    #[error("the source has no feed {0}")]
    NoFeed(FeedRef),
    /// No such entry.
    #[error("feed {feed} has no entry {index} in a sealed block here")]
    NoEntry {
        /// The feed.
        feed: FeedRef,
        /// The index.
        index: u64,
    },
    /// Another entry stands there.
    #[error("what stands at {feed}#{index} is called otherwise: {names}")]
    Called {
        /// The feed.
        feed: FeedRef,
        /// The index.
        index: u64,
        /// What is there, by their whole names.
        names: String,
    },
    /// The feed forked, and several entries stand there.
    #[error(
        "the feed has forked, and several entries stand at {feed}#{index}. Ask for one of them: {names}"
    )]
    Several {
        /// The feed.
        feed: FeedRef,
        /// The index.
        index: u64,
        /// They, by their whole names.
        names: String,
    },
    /// No node of that name.
    #[error("nobody is certified for a site called \"{0}\"")]
    NoSite(String),
    /// Something does not fit where it has to.
    #[error("{0}")]
    TooLarge(&'static str),
}

/// How far an entry of a block has come that moves units of a cycle: as closes and signatures show it. That it was paid is
/// said by `audit verify`, which holds a settlement against its entries.
pub(super) fn standing(
    (charter, cosigned): (&Charter, &Cosigned),
    (feed, header): (&FeedRef, &Header),
    signed: &Signed,
    cycle: Option<CycleId>,
) -> Standing {
    let closed = cycle.and_then(|cycle| charter.closed(feed.programme, cycle));
    let shown = closed.and_then(|closed| closed.cuts.get(&feed.node));
    let settled =
        shown.is_some_and(|cut| header.seq < cut.seq && signed.has(&cut.head, &header.hash()));
    let standing = cosigned.standing(feed, header.end().next, |(upto, cut)| {
        signed.has(&cut.head, &header.hash()).then_some(*upto)
    });
    Standing { settled, ..standing }
}

/// What lies below the blocks of a feed that were signed, or shown at a close: of one that forked, what lies there on the
/// branch of each.
pub(super) struct Signed(Option<BTreeMap<Hash, BTreeSet<Hash>>>);

impl Signed {
    pub(super) fn of(
        source: &impl Source,
        (charter, cosigned): (&Charter, &Cosigned),
        feed: &FeedId,
    ) -> Self {
        let short = feed.short();
        let both = [&cosigned.seen, &cosigned.certified].into_iter();
        let signed = both.filter_map(|of| of.get(&short)).map(|(_, cut)| cut.head);
        let value = short == FeedRef::value(short.node, short.programme);
        let closes = charter.closes().filter(|(p, ..)| value && *p == short.programme);
        let shown = closes.filter_map(|(.., closed)| closed.cuts.get(&short.node));
        let lasts: BTreeSet<Hash> = signed.chain(shown.map(|cut| cut.head)).collect();
        if lasts.is_empty() || !forked(source, feed) {
            return Self(None);
        }
        Self(Some(lasts.into_iter().map(|last| (last, below(source, feed, &last))).collect()))
    }

    /// Whether a block is `last` or lies below it, on its branch. `last` is one of those [`Signed::of`] was made for.
    fn has(&self, last: &Hash, block: &Hash) -> bool {
        let Some(branches) = &self.0 else { return true };
        branches.get(last).is_some_and(|below| below.contains(block))
    }
}

/// The blocks of a feed from its beginning to one of them, on its branch, as far as they are here.
fn below(source: &impl Source, feed: &FeedId, last: &Hash) -> BTreeSet<Hash> {
    let mut found = BTreeSet::new();
    // By where each ends: the block before begins there.
    let mut ends = BTreeMap::new();
    let mut at = None;
    source.items(feed, &mut |_, item| {
        let header = match item {
            Item::Block(block) => block.header,
            Item::Header(signed) => signed.0,
            Item::Evidence { .. } | Item::Unreadable(_) => return true,
        };
        let hash = header.hash();
        if hash == *last {
            at = Some(header.end());
        }
        ends.insert(header.end(), (header.start(), hash));
        true
    });
    // Every block ends after it begins, so this comes to an end.
    while let Some((start, hash)) = at.and_then(|at| ends.get(&at)) {
        if !found.insert(*hash) {
            break;
        }
        at = Some(*start);
    }
    found
}

/// Whether two blocks of one number stand in a feed.
fn forked(source: &impl Source, feed: &FeedId) -> bool {
    let (mut forked, mut last) = (false, None);
    source.items(feed, &mut |_, item| {
        let header = match item {
            Item::Block(block) => block.header,
            Item::Header(signed) => signed.0,
            Item::Evidence { .. } | Item::Unreadable(_) => return true,
        };
        // Ascending by number they stand beside each other.
        let here = (header.seq, header.hash());
        forked |= last.is_some_and(|(seq, hash)| seq == here.0 && hash != here.1);
        last = Some(here);
        !forked
    });
    forked
}

/// A source with its charter read.
pub(super) struct Looking<'a, S> {
    pub(super) source: &'a S,
    pub(super) ground: Ground,
    pub(super) labels: Labels,
    /// The entry that is asked about, where several may stand at one place.
    chosen: Option<(FeedRef, u64, Hash)>,
}

/// An entry that was found, and the block it stands in.
pub(super) struct Found {
    pub(super) placed: Placed,
    pub(super) block: Block,
}

impl<'a, S: Source> Looking<'a, S> {
    pub(super) fn at(source: &'a S, zone: Zone) -> Result<Self, LookFault> {
        let governed = govern(source, &Options::default());
        let ground = governed.ground().cloned().ok_or(LookFault::NoCharter)?;
        let labels = Labels::of(&ground.charter, &ground.roster, zone);
        Ok(Self { source, ground, labels, chosen: None })
    }

    /// As [`Looking::at`], for what is counted over all of it: of a copy that broke off, nothing is.
    pub(super) fn whole(source: &'a S, zone: Zone) -> Result<Self, LookFault> {
        let looking = Self::at(source, zone)?;
        if source.end().complete { Ok(looking) } else { Err(LookFault::NotWhole) }
    }

    /// The whole id of a feed that is named short.
    pub(super) fn feed(&self, feed: &FeedRef) -> Result<FeedId, LookFault> {
        let certified = |id: &FeedId| {
            let certificate = self.ground.roster.node(&id.node.short());
            certificate.is_some_and(|certificate| certificate.node == id.node)
        };
        let mut feeds = self.source.feeds().into_iter().filter(|id| id.short() == *feed);
        feeds.find(certified).ok_or(LookFault::NoFeed(*feed))
    }

    /// Hands over the entries of a feed from an index on, with their blocks, for as long as it is told to go on.
    pub(super) fn entries(
        &self,
        feed: &FeedId,
        from: u64,
        each: &mut dyn FnMut(&Placed, &Block) -> bool,
    ) {
        self.source.items(feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            if block.header.end().next <= from {
                return true;
            }
            let Ok(verified) = block.verify(&self.ground.charter.federation(), feed) else {
                return true;
            };
            let mut entries = verified.entries().iter().filter(|placed| placed.index >= from);
            entries.all(|placed| each(placed, &block))
        });
    }

    /// The entry meant by a feed, an index, and perhaps the beginning of its hash in hexadecimal digits. From then on it is
    /// the one that is found there.
    ///
    /// # Errors
    ///
    /// [`LookFault::NoEntry`], [`LookFault::Called`], [`LookFault::Several`].
    pub(super) fn choose(
        &mut self,
        feed: &FeedRef,
        index: u64,
        begins: Option<&str>,
    ) -> Result<Hash, LookFault> {
        let id = self.feed(feed)?;
        let mut there = BTreeSet::new();
        let federation = self.ground.charter.federation();
        self.source.items(&id, &mut |_, item| {
            // On every branch: those that stand elsewhere are passed over unread.
            if let Item::Block(block) = item
                && (block.header.first..block.header.end().next).contains(&index)
                && let Ok(verified) = block.verify(&federation, &id)
            {
                let here = verified.entries().iter().filter(|placed| placed.index == index);
                there.extend(here.map(|placed| placed.accumulator));
            }
            true
        });
        let named = |hash: &Hash| EntryName { feed: *feed, index, accumulator: *hash }.to_string();
        let names = there.iter().map(named).collect::<Vec<_>>().join(", ");
        let begins = begins.unwrap_or_default().to_lowercase();
        let mut meant = there.iter().filter(|hash| hash.to_string().starts_with(&begins));
        match (meant.next(), meant.next()) {
            (Some(one), None) => {
                self.chosen = Some((*feed, index, *one));
                Ok(*one)
            }
            (Some(_), Some(_)) => Err(LookFault::Several { feed: *feed, index, names }),
            (None, _) if there.is_empty() => Err(LookFault::NoEntry { feed: *feed, index }),
            (None, _) => Err(LookFault::Called { feed: *feed, index, names }),
        }
    }

    /// Finds an entry. Of a feed that forked, the first, or the chosen one; or that of a name.
    pub(super) fn find(
        &self,
        feed: &FeedRef,
        index: u64,
        name: Option<&Hash>,
    ) -> Result<Found, LookFault> {
        let id = self.feed(feed)?;
        let chosen = self.chosen.as_ref().filter(|(of, at, _)| (of, *at) == (feed, index));
        let name = name.or_else(|| chosen.map(|(_, _, name)| name));
        let mut found = None;
        self.entries(&id, index, &mut |placed, block| {
            if placed.index == index && name.is_none_or(|name| placed.accumulator == *name) {
                let (placed, block) = (placed.clone(), block.clone());
                found = Some(Found { placed, block });
                return false;
            }
            true
        });
        found.ok_or(LookFault::NoEntry { feed: *feed, index })
    }

    /// The value entry at a place.
    pub(super) fn value(&self, feed: &FeedRef, index: u64) -> Result<Value, LookFault> {
        match self.find(feed, index, None)?.placed.entry {
            Entry::Value(value) => Ok(value),
            Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => {
                Err(LookFault::NoEntry { feed: *feed, index })
            }
        }
    }
}
