//! Which meeting asks for which feed: what several others offer is asked of one, and comes once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use annona_ledger::id::FeedRef;
use annona_ledger::sync::session::Session;

/// Claims of all meetings of a node.
pub(super) type Board = Arc<Mutex<BTreeMap<FeedRef, u64>>>;

/// The claims of one meeting. Dropped with it, they are free.
pub(super) struct Claims {
    board: Board,
    meeting: u64,
    held: BTreeSet<FeedRef>,
}

impl Claims {
    pub(super) const fn new(board: Board, meeting: u64) -> Self {
        Self { board, meeting, held: BTreeSet::new() }
    }

    /// Whether another meeting asks for a feed. Where none does, this one does from now on.
    pub(super) fn elsewhere(&mut self, feed: &FeedRef) -> bool {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        if *board.entry(*feed).or_insert(self.meeting) != self.meeting {
            return true;
        }
        self.held.insert(*feed);
        false
    }

    /// Gives back what this meeting asks for no more.
    pub(super) fn settle(&mut self, session: &Session) {
        if self.held.is_empty() {
            return;
        }
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        self.held.retain(|feed| {
            let asks = session.asks_for(feed);
            if !asks {
                board.remove(feed);
            }
            asks
        });
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in &self.held {
            board.remove(feed);
        }
    }
}
