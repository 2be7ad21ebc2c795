//! What cosigned checkpoints say of the feeds of a source: how far a quorum, or at least somebody else, has signed them.

use std::collections::BTreeMap;

use crate::clock::Bracket;
use crate::cut::Cut;
use crate::finality::Standing;
use crate::id::FeedRef;
use crate::time::Minute;

/// How many blocks a checkpoint has of each feed. Of a feed with several tips in it, nothing is said.
pub type Blocks = BTreeMap<FeedRef, Option<u64>>;

/// What the checkpoints of a source come to, as far as their cosignatures hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cosigned {
    /// How much of a feed a quorum has cosigned: below, only a fence cuts.
    pub cuts: BTreeMap<FeedRef, Cut>,
    /// How many entries of a feed lie below a certified checkpoint whose programme a quorum has folded, and after which block:
    /// of a forked feed, on which branch.
    pub certified: BTreeMap<FeedRef, (u64, Cut)>,
    /// How many entries of a feed a witness of another organisation has signed, and after which block.
    pub seen: BTreeMap<FeedRef, (u64, Cut)>,
    /// The certified checkpoints: when they were made, and how many blocks they have of each feed.
    pub times: Vec<(Minute, Blocks)>,
}

impl Cosigned {
    /// How final the entries of a feed below `next` are, but for what settles them. `upto` tells how many entries of their
    /// chain lie below a block that was signed: of a branch that nobody has signed, only what it shares.
    #[must_use]
    pub fn standing(
        &self,
        feed: &FeedRef,
        next: u64,
        upto: impl Fn(&(u64, Cut)) -> Option<u64>,
    ) -> Standing {
        let reaches = |of: &BTreeMap<FeedRef, (u64, Cut)>| {
            of.get(feed).and_then(&upto).is_some_and(|upto| next <= upto)
        };
        Standing { seen: reaches(&self.seen), certified: reaches(&self.certified), settled: false }
    }

    /// The certified checkpoints as one feed sees them: when each was made, and how many blocks of the feed it has.
    #[must_use]
    pub fn of(&self, feed: &FeedRef) -> Vec<(Minute, u64)> {
        let of = self.times.iter().filter_map(|(time, blocks)| match blocks.get(feed) {
            None => Some((*time, 0)),
            Some(blocks) => blocks.map(|blocks| (*time, blocks)),
        });
        of.collect()
    }
}

/// The bracket of a block's entries: the last checkpoint that does not have it, the first that does.
pub(super) fn bracket(checkpoints: &[(Minute, u64)], seq: u64) -> Bracket {
    let times = |has: bool| {
        let of = checkpoints.iter().filter(move |(_, blocks)| (seq < *blocks) == has);
        of.map(|(time, _)| *time)
    };
    Bracket { after: times(false).max(), before: times(true).min() }
}
