//! Which meeting asks for what: a feed, evidence or rows that several others offer are asked of one, and come once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use annona_ledger::id::FeedRef;
use annona_ledger::sync::session::Session;
use annona_ledger::sync::talk::Item;

/// Claims of things, by all meetings of a node.
pub(super) type ItemBoard = Arc<Mutex<BTreeMap<Item, u64>>>;
/// Things that wait for another meeting to bring them.
const WAITING: usize = 4_096;

/// Claims of feeds, by all meetings of a node.
pub(super) type Board = Arc<Mutex<BTreeMap<FeedRef, u64>>>;

/// The claims of one meeting. Dropped with it, they are free.
pub(super) struct Claims {
    board: Board,
    items: ItemBoard,
    meeting: u64,
    held: BTreeSet<FeedRef>,
    things: BTreeSet<Item>,
    /// Things another meeting asks for: where it ends without them, they are asked for here.
    waiting: BTreeSet<Item>,
}

impl Claims {
    pub(super) const fn new(board: Board, items: ItemBoard, meeting: u64) -> Self {
        Self {
            board,
            items,
            meeting,
            held: BTreeSet::new(),
            things: BTreeSet::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Those of some things that no other meeting asks for; this one does from now on. The rest waits.
    pub(super) fn things(&mut self, some: Vec<Item>) -> Vec<Item> {
        let mut board = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mine = Vec::with_capacity(some.len());
        for item in some {
            if *board.entry(item).or_insert(self.meeting) == self.meeting {
                self.things.insert(item);
                mine.push(item);
            } else if self.waiting.len() < WAITING {
                self.waiting.insert(item);
            }
        }
        mine
    }

    /// Things that waited for a meeting that asks for them no more.
    pub(super) fn freed(&mut self, room: usize) -> Vec<Item> {
        let board = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.waiting.iter().filter(|item| !board.contains_key(item)).take(room);
        let free: Vec<Item> = free.copied().collect();
        drop(board);
        free.iter().for_each(|item| {
            self.waiting.remove(item);
        });
        free
    }

    /// Whether there are such.
    pub(super) fn has_freed(&self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let board = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.iter().any(|item| !board.contains_key(item))
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
        if !self.things.is_empty() {
            let mut board = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            self.things.retain(|item| {
                let asks = session.asks_for_item(item);
                if !asks {
                    board.remove(item);
                }
                asks
            });
        }
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
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        for item in &self.things {
            items.remove(item);
        }
        drop(items);
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in &self.held {
            board.remove(feed);
        }
    }
}
