//! Which meeting asks for what: a feed, evidence or rows that several others offer are asked of one, and come once. Who is
//! asked and brings nothing keeps it from nobody for longer than a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::id::FeedRef;
use annona_ledger::sync::session::Session;
use annona_ledger::sync::talk::Item;

/// How long a claim stands for which nothing comes.
pub(super) const LATE: Duration = Duration::from_secs(60);
/// Feeds that one meeting takes over at a time: where the other is only slow, no more than those come twice.
const OVERTAKEN: usize = 64;
/// Things that wait for another meeting to bring them.
const WAITING: usize = 4_096;
/// Bytes of things in which a claim of one is good for another minute: fewer keep nobody waiting.
const SOME: u64 = 16 * 1024;
/// Late claims that are remembered of all peers; beyond, they are all forgotten.
const REMEMBERED: usize = 65_536;

/// A meeting, and the peer it is with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct By {
    pub(super) meeting: u64,
    pub(super) peer: [u8; 8],
}

#[derive(Debug)]
struct Claim {
    by: By,
    /// When it was made, or something last came of it.
    since: Instant,
}

/// Whose it is to ask for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// This meeting's from now on.
    Mine,
    /// This meeting's, which another was before and kept waiting.
    Overtaken,
    /// This meeting may ask, and keeps nobody else from it: its peer was asked before, and was late.
    Beside,
    /// Another meeting's.
    Elsewhere,
}

/// Claims of one kind, by all meetings of a node.
#[derive(Debug)]
pub(super) struct Claimed<K> {
    claims: BTreeMap<K, Claim>,
    /// Who was asked for what and brought nothing in time. A peer that comes again is not believed again.
    late: BTreeSet<([u8; 8], K)>,
}

impl<K> Default for Claimed<K> {
    fn default() -> Self {
        Self { claims: BTreeMap::new(), late: BTreeSet::new() }
    }
}

impl<K: Ord + Copy> Claimed<K> {
    /// Whether a meeting may ask for something; it takes over a claim that is `patience` old, if it `may`.
    pub(super) fn claim(
        &mut self,
        of: K,
        by: By,
        now: Instant,
        patience: Duration,
        may: bool,
    ) -> Turn {
        let late = self.late.contains(&(by.peer, of));
        let turn = match self.claims.get(&of) {
            Some(claim) if claim.by == by => return Turn::Mine,
            _ if late => return Turn::Beside,
            Some(claim) if !claim.is_late(now, patience) || !may => return Turn::Elsewhere,
            Some(claim) => {
                if self.late.len() >= REMEMBERED {
                    self.late.clear();
                }
                self.late.insert((claim.by.peer, of));
                Turn::Overtaken
            }
            None => Turn::Mine,
        };
        self.claims.insert(of, Claim { by, since: now });
        turn
    }

    /// Something came of it.
    pub(super) fn came(&mut self, of: K, by: By, now: Instant) {
        self.late.remove(&(by.peer, of));
        if let Some(claim) = self.claims.get_mut(&of).filter(|claim| claim.by == by) {
            claim.since = now;
        }
    }

    pub(super) fn give_back(&mut self, of: K, by: By) {
        if self.claims.get(&of).is_some_and(|claim| claim.by == by) {
            self.claims.remove(&of);
        }
    }

    /// Whether nobody asks for it, or who does is late.
    pub(super) fn is_free(&self, of: &K, now: Instant, patience: Duration) -> bool {
        self.claims.get(of).is_none_or(|claim| claim.is_late(now, patience))
    }
}

impl Claim {
    fn is_late(&self, now: Instant, patience: Duration) -> bool {
        now.saturating_duration_since(self.since) >= patience
    }
}

/// Claims of one kind, shared.
pub(super) type Board<K> = Arc<Mutex<Claimed<K>>>;

pub(super) fn locked<K>(board: &Board<K>) -> MutexGuard<'_, Claimed<K>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The claims of one meeting. Dropped with it, they are free.
pub(super) struct Claims {
    board: Board<FeedRef>,
    items: Board<Item>,
    by: By,
    now: Instant,
    /// Feeds that are asked for here, and how far each has come.
    held: BTreeMap<FeedRef, u64>,
    /// Of those, the ones another meeting was late with.
    overtaken: BTreeSet<FeedRef>,
    things: BTreeSet<Item>,
    /// Bytes of things when their claims were last good for another minute.
    bytes: u64,
    /// Things another meeting asks for: where it ends without them, they are asked for here.
    waiting: BTreeSet<Item>,
}

impl Claims {
    pub(super) const fn new(
        board: Board<FeedRef>,
        items: Board<Item>,
        by: By,
        now: Instant,
    ) -> Self {
        Self {
            board,
            items,
            by,
            now,
            held: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            things: BTreeSet::new(),
            bytes: 0,
            waiting: BTreeSet::new(),
        }
    }

    /// Hears what time it is.
    pub(super) const fn tell(&mut self, now: Instant) {
        self.now = now;
    }

    /// Those of some things that no other meeting asks for; this one does from now on. The rest waits.
    pub(super) fn things(&mut self, some: Vec<Item>) -> Vec<Item> {
        let mut board = locked(&self.items);
        let mut mine = Vec::with_capacity(some.len());
        for item in some {
            if board.claim(item, self.by, self.now, LATE, true) != Turn::Elsewhere {
                self.things.insert(item);
                mine.push(item);
            } else if self.waiting.len() < WAITING {
                self.waiting.insert(item);
            }
        }
        mine
    }

    /// Things that waited for a meeting that asks for them no more, or is late.
    pub(super) fn freed(&mut self, room: usize) -> Vec<Item> {
        let board = locked(&self.items);
        let is_free = |item: &&Item| board.is_free(item, self.now, LATE);
        let free: Vec<Item> = self.waiting.iter().filter(is_free).take(room).copied().collect();
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
        let board = locked(&self.items);
        self.waiting.iter().any(|item| board.is_free(item, self.now, LATE))
    }

    /// Whether another meeting asks for a feed. Where none does, or it is late, this one does from now on.
    pub(super) fn elsewhere(&mut self, feed: &FeedRef) -> bool {
        let may = self.overtaken.len() < OVERTAKEN;
        match locked(&self.board).claim(*feed, self.by, self.now, LATE, may) {
            Turn::Elsewhere => return true,
            Turn::Overtaken => {
                self.overtaken.insert(*feed);
            }
            Turn::Mine | Turn::Beside => {}
        }
        self.held.entry(*feed).or_insert(u64::MAX);
        false
    }

    /// Gives back what this meeting asks for no more, and keeps what something came of.
    pub(super) fn settle(&mut self, session: &Session) {
        if !self.things.is_empty() {
            let mut board = locked(&self.items);
            let came = session.things().saturating_sub(self.bytes) >= SOME;
            self.things.retain(|item| {
                let asks = session.asks_for_item(item);
                if !asks {
                    board.give_back(*item, self.by);
                } else if came {
                    board.came(*item, self.by, self.now);
                }
                asks
            });
            if came {
                self.bytes = session.things();
            }
        }
        if self.held.is_empty() {
            return;
        }
        let mut board = locked(&self.board);
        self.held.retain(|feed, reached| {
            let now = session.reached(feed);
            if now > *reached {
                board.came(*feed, self.by, self.now);
            }
            *reached = now;
            let asks = session.asks_for(feed);
            if !asks {
                board.give_back(*feed, self.by);
                self.overtaken.remove(feed);
            }
            asks
        });
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut items = locked(&self.items);
        for item in &self.things {
            items.give_back(*item, self.by);
        }
        drop(items);
        let mut board = locked(&self.board);
        for feed in self.held.keys() {
            board.give_back(*feed, self.by);
        }
    }
}
