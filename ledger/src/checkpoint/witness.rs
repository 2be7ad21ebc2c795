//! What a witness signs, and what it refuses. Pure: its memory of what it signed is handed in.

use super::{Page, PageFault};
use crate::frontier::{Chains, Frontier};
use crate::id::FeedRef;
use crate::time::Minute;

/// Why a witness does not sign, in the numbers of the status a server would answer with: 409 is worth another try, 422 is
/// not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The page is not what it says.
    #[error(transparent)]
    Page(PageFault),
    /// It holds less than this node knows to be of one chain with it: nothing new to sign.
    #[error(
        "it is older than what this witness has signed: make a new checkpoint from what both know"
    )]
    Stale,
    /// Its time is more than a day past the latest this witness knows it may be: signed, it would stand before every honest
    /// one until then.
    #[error(
        "it is dated minute {time}, and by all that is known here it is {latest} at the latest: one clock is wrong"
    )]
    Ahead {
        /// Its minute.
        time: u32,
        /// The latest it may be here.
        latest: u32,
    },
    /// More is known in it than here.
    #[error(
        "{feed} goes on to entry {needs} in it, and only {have} are known here: take in a bundle of whoever made it, and ask again"
    )]
    Behind {
        /// The feed.
        feed: FeedRef,
        /// Entries known here.
        have: u64,
        /// Entries it covers.
        needs: u64,
    },
    /// It goes back on a feed this witness has signed further, or leaves it out.
    #[error("it goes back on {feed}: this witness has signed {signed} entries of it")]
    Rollback {
        /// The feed.
        feed: FeedRef,
        /// Entries this witness has signed.
        signed: u64,
    },
    /// It shows another history of a feed than the one known here.
    #[error(
        "it shows another history of {feed} than the one known here: one of the two is a fork, whose headers prove it"
    )]
    Forked {
        /// The feed.
        feed: FeedRef,
    },
}

impl Refusal {
    /// The status a server would answer with: 409 where another try may succeed, 422 where it cannot.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Stale
            | Self::Ahead { .. }
            | Self::Behind { .. }
            | Self::Page(PageFault::Tips(_)) => 409,
            Self::Page(_) | Self::Rollback { .. } | Self::Forked { .. } => 422,
        }
    }
}

/// Decides whether a witness signs a page whose frontier is `frontier`, when `memory` joins all it has signed and it is
/// `latest` or earlier by all it knows. Returns what it has to remember, durably, before the signature leaves.
///
/// # Errors
///
/// The first [`Refusal`] that applies: the page itself, its time, another history, going back, more than is known, nothing new.
pub fn vouch(
    page: &Page,
    frontier: &Frontier,
    memory: &Frontier,
    latest: Minute,
    chains: &impl Chains,
) -> Result<Frontier, Refusal> {
    page.check_frontier(frontier).map_err(Refusal::Page)?;
    let (time, latest) = (page.checkpoint.time.0, latest.0);
    if time > latest.saturating_add(24 * 60) {
        return Err(Refusal::Ahead { time, latest });
    }
    let known = |tip: &&crate::sync::frame::Known| chains.holds(&tip.feed, &tip.head);
    if let Some(tip) = frontier.tips().iter().find(|tip| !known(tip)) {
        let (feed, have) = (tip.feed.short(), chains.reach(&tip.feed));
        // What is longer may still continue what is known; what is not longer and not known cannot.
        return Err(if have < tip.head.next {
            Refusal::Behind { feed, have, needs: tip.head.next }
        } else {
            Refusal::Forked { feed }
        });
    }
    // Two tips of one feed are a fork: signed only by who can show it.
    let mut pairs = frontier.tips().windows(2);
    let unproven =
        pairs.find(|pair| matches!(pair, [a, b] if a.feed == b.feed && !chains.forked(&a.feed)));
    if let Some([tip, ..]) = unproven {
        return Err(Refusal::Forked { feed: tip.feed.short() });
    }
    let lacks = frontier.lacks(memory, chains);
    let news = memory.lacks(frontier, chains);
    match (lacks, news) {
        (None, _) => memory.join(frontier, chains).map_err(|fault| Refusal::Page(fault.into())),
        (Some(_), None) => Err(Refusal::Stale),
        (Some(tip), Some(_)) => {
            Err(Refusal::Rollback { feed: tip.feed.short(), signed: tip.head.next })
        }
    }
}
