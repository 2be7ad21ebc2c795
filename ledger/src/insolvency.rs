//! Proof that a feed gave what it did not have: its blocks from the first, replayed.
//!
//! A claim carries its ticket, so a prefix by itself tells all that ever came in. It is the whole proof: publishing it
//! is sending the blocks, and checking it is folding them into an empty state. Nothing here is a matter of opinion or
//! of what else a checker happens to know (spec/proofs.md).

use crate::block::{Block, BlockFault};
use crate::charter::Charter;
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::FeedId;
use crate::notice::Roster;
use crate::state::{ChainFault, State};
use crate::view::{Fault, View};

#[cfg(test)]
mod tests;

/// The first entry of a feed that its own prefix cannot pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Insolvent {
    /// The feed.
    pub feed: FeedId,
    /// The entry's index.
    pub index: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// The block it stands in, by its header's hash: what a `FaultSeen` names.
    pub block: Hash,
}

/// Why blocks are no prefix of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixFault {
    /// A block is not what its header says.
    #[error("block {at} of the prefix: {fault}")]
    Block {
        /// Its place among the blocks given.
        at: usize,
        /// What is wrong.
        fault: BlockFault,
    },
    /// A block does not follow the one before, or knows more of the charter than the checker.
    #[error("block {at} of the prefix: {fault}")]
    Chain {
        /// Its place among the blocks given.
        at: usize,
        /// What is wrong.
        fault: ChainFault,
    },
    /// A block has another number than its place.
    #[error("block {at} of the prefix has number {seq}")]
    Number {
        /// Its place among the blocks given.
        at: usize,
        /// Its number.
        seq: u64,
    },
}

/// Replays the blocks of a feed from its first, and returns the first entry they cannot pay: `None` where they pay
/// them all. One block is held at a time, so a prefix of any length can be read from a file or a store.
///
/// A ticket whose sender's certificate is not in `roster` proves nothing: give every certificate known.
///
/// # Errors
///
/// The first [`PrefixFault`].
pub fn replay(
    charter: &Charter,
    roster: &Roster,
    feed: &FeedId,
    blocks: impl IntoIterator<Item = Block>,
) -> Result<Option<Insolvent>, PrefixFault> {
    let federation = charter.federation();
    let mut state = State::new(charter.clone(), roster.clone());
    let chain = state.trunk(feed);
    debug_assert_eq!(state.head(chain), Head::start(&federation, feed));
    for (at, block) in blocks.into_iter().enumerate() {
        let verified =
            block.verify(&federation, feed).map_err(|fault| PrefixFault::Block { at, fault })?;
        let seq = verified.header().seq;
        if u64::try_from(at) != Ok(seq) {
            return Err(PrefixFault::Number { at, seq });
        }
        state.fold_block(chain, &verified).map_err(|fault| PrefixFault::Chain { at, fault })?;
        if let Some((at, fault)) = state.insolvent_at(&feed.short()) {
            let block = *verified.hash();
            return Ok(Some(Insolvent { feed: *feed, index: at.index, fault, block }));
        }
    }
    Ok(None)
}
