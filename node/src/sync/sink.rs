//! What came over a link, put together and handed to the writer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use annona_ledger::block::{Evidence, Proof};
use annona_ledger::checkpoint::{Cosignature, Page};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::sync::blob::Gathering;
use annona_ledger::sync::frame::Known;
use annona_ledger::sync::session::Given;
use annona_ledger::wire::Bounded;

use super::begin::Beginning;
use crate::node::NodeFault;
use crate::store::StoreFault;
use crate::taking::{self, Item, Misfit, Rows, Taken};
use crate::writer::Asking;

/// Bytes of what came that wait for the writer: no more than a window, so that the memory of a meeting is bounded.
const WAITING: usize = limits::WINDOW_BYTES;
/// Bytes of what came that are worth a commit: half of what an honest side has under way on a fast link.
const ENOUGH: usize = limits::WINDOW_BYTES / 2;
/// How long more is waited for.
const LONGEST: Duration = Duration::from_millis(20);
/// Checkpoints that wait for the feeds they tell of.
const PAGES: usize = 4;
/// Cosignatures that wait with them.
const SAID: usize = 1_024;
/// Checkpoints that are put together at a time: one that is pushed may be overtaken by one that was asked for.
const GATHERINGS: usize = 2;

/// Evidence of one block that has not come to its end.
struct Pieces {
    feed: FeedId,
    seq: u64,
    header: Hash,
    pieces: Vec<Proof>,
    bytes: usize,
}

/// What waits for the writer.
#[derive(Default)]
pub(super) struct Sink {
    items: Vec<Item>,
    bytes: usize,
    gathering: BTreeMap<Hash, Gathering>,
    pages: Vec<Page>,
    said: Vec<Cosignature>,
    /// Whether feeds have grown since the pages were last tried.
    grew: bool,
    evidence: Option<Pieces>,
    rows: Option<Rows>,
    /// What the other side holds for good, as it says.
    holds: BTreeMap<FeedId, (u64, bool)>,
    /// How long the last commit took.
    took: Duration,
}

impl Sink {
    /// Whether so much waits that the writer is to have it now.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= WAITING
    }

    /// Whether an article or a notice waits: what comes after it may stand on it.
    pub(super) fn has_power(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Article(_) | Item::Notice(_)))
    }

    /// How long it is worth to wait for more before the writer has what waits: no longer than the last commit took, and not
    /// at all where there is enough for one.
    pub(super) fn patience(&self) -> Option<Duration> {
        let some = self.bytes > 0 && self.bytes < ENOUGH;
        some.then(|| self.took.min(LONGEST)).filter(|time| *time >= Duration::from_millis(1))
    }

    /// Takes something that came in so many bytes.
    pub(super) fn given(
        &mut self,
        given: Given,
        bytes: usize,
        beginning: &Beginning,
        taken: &mut Taken,
    ) {
        self.bytes = self.bytes.saturating_add(bytes);
        let item = match given {
            Given::Article(article) => Item::Article(article),
            Given::Notice(notice) => Item::Notice(notice),
            Given::Block(feed, block) => Item::Block(feed, block, None),
            Given::Header(feed, header, signature) => Item::Header(feed, header, signature),
            Given::Fork(proof) => Item::Fork(proof),
            Given::Evidence { feed, seq, header, pieces, last } => {
                let Some(item) = self.evidence(feed, seq, header, pieces, last, taken) else {
                    return;
                };
                item
            }
            Given::Rows(list, rows) => {
                // One list ends before another begins: what did not end is let go.
                let held = self.rows.take().filter(|held| held.list == list);
                self.rows.insert(held.unwrap_or_else(|| Rows::new(list))).push(rows, taken);
                return;
            }
            Given::Page { name, total, offset, bytes } => {
                if let Some(page) = self.page(name, total, offset, &bytes, taken) {
                    if beginning.is_wanted() {
                        beginning.page(page);
                    } else if self.pages.len() < PAGES {
                        self.pages.push(page);
                        self.grew = true;
                    }
                }
                return;
            }
            Given::Cosignature(said) => {
                if beginning.is_wanted() {
                    beginning.said(*said);
                } else if self.said.len() < SAID && !self.said.contains(&said) {
                    self.said.push(*said);
                    self.grew = true;
                }
                return;
            }
            // Kept apart, and not by the writer.
            Given::Letter(_) => return,
            Given::Chunk(chunk) => {
                if !beginning.chunk(*chunk) {
                    taken.refuse(Misfit::Chunk);
                }
                return;
            }
        };
        self.items.push(item);
    }

    fn evidence(
        &mut self,
        feed: FeedId,
        seq: u64,
        header: Hash,
        pieces: Vec<Proof>,
        last: bool,
        taken: &mut Taken,
    ) -> Option<Item> {
        let held = self.evidence.take().filter(|held| held.header == header);
        let new = Pieces { feed, seq, header, pieces: Vec::new(), bytes: 0 };
        let mut held = held.unwrap_or(new);
        let more: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        held.bytes = held.bytes.saturating_add(more);
        held.pieces.extend(pieces);
        let fits = held.bytes <= limits::BLOCK_EVIDENCE_BYTES
            && held.pieces.len() <= limits::BLOCK_ENTRIES;
        if !fits {
            taken.refuse(Misfit::Evidence);
            return None;
        }
        if !last {
            self.evidence = Some(held);
            return None;
        }
        let evidence = Evidence(Bounded::new(held.pieces).ok()?);
        Some(Item::Evidence(held.feed, held.seq, held.header, evidence))
    }

    fn page(
        &mut self,
        name: Hash,
        total: u64,
        offset: u64,
        bytes: &[u8],
        taken: &mut Taken,
    ) -> Option<Page> {
        while self.gathering.len() >= GATHERINGS && !self.gathering.contains_key(&name) {
            self.gathering.pop_first();
        }
        let gathering = self.gathering.entry(name).or_default();
        let whole = gathering.take(name, total, offset, bytes, limits::CHECKPOINT_BYTES);
        if matches!(whole, Ok(None)) {
            return None;
        }
        self.gathering.remove(&name);
        let page = whole.ok().flatten().and_then(|whole| Page::decode(&whole).ok());
        let page = page.filter(|page| page.checkpoint.hash() == name);
        if page.is_none() {
            taken.refuse(Misfit::NoPage);
        }
        page
    }

    /// All rows of a list have come, or there are none.
    pub(super) fn rows_ended(&mut self, programme: ProgrammeId, list: &Hash) {
        if let Some(rows) = self.rows.take().filter(|held| held.list == *list) {
            self.items.push(Item::Rows(programme, Box::new(rows)));
        }
    }

    /// The other side holds a feed up to a head: with its bodies, or headers alone.
    pub(super) fn holds(&mut self, known: &Known, whole: bool) {
        self.holds.insert(known.feed, (known.head.next, whole));
    }

    /// Hands everything that waits to the writer, and returns when it is durable or refused. With `all`, also what can wait:
    /// checkpoints that tell of feeds still to come, and what the other side holds.
    ///
    /// # Errors
    ///
    /// [`NodeFault`] where this node's own folder fails.
    pub(super) fn flush(
        &mut self,
        asking: &Asking,
        peer: [u8; 8],
        all: bool,
        taken: &mut Taken,
    ) -> Result<(), NodeFault> {
        let mut items = std::mem::take(&mut self.items);
        self.bytes = 0;
        self.grew |= !items.is_empty();
        let pages = all && self.grew && !(self.pages.is_empty() && self.said.is_empty());
        if all {
            let holds = std::mem::take(&mut self.holds).into_iter();
            items.extend(holds.map(|(feed, (next, whole))| Item::Holds { feed, next, whole }));
        }
        if items.is_empty() && !pages {
            return Ok(());
        }
        let mut so_far = std::mem::take(taken);
        let mut with = (Vec::new(), Vec::new());
        if pages {
            with = (std::mem::take(&mut self.pages), self.said.clone());
            self.grew = false;
        }
        let begun = Instant::now();
        let done = asking.with(move |node| {
            let (pages, said) = with;
            let result = taking::take(node, items, Some(&peer), &mut so_far)
                .and_then(|()| taking::checkpoints(node, pages, &said, &mut so_far));
            (so_far, result)
        });
        let (so_far, result) = done?;
        self.took = begun.elapsed();
        *taken = so_far;
        let ahead = result?;
        if pages {
            if ahead.is_empty() {
                self.said.clear();
            }
            self.pages = ahead;
        }
        Ok(())
    }

    /// Begins this node's programmes from rows.
    ///
    /// # Errors
    ///
    /// [`NodeFault`] where this node's own folder fails.
    pub(super) fn begin(
        asking: &Asking,
        carried: crate::checkpoint::Carried,
        programmes: std::collections::BTreeSet<ProgrammeId>,
    ) -> Result<Result<u64, crate::checkpoint::CheckpointFault>, NodeFault> {
        asking.with(move |node| {
            match crate::checkpoint::begin(node.store_mut(), &carried, &programmes) {
                Err(crate::checkpoint::CheckpointFault::Store(fault @ StoreFault::Disk(_))) => {
                    Err(fault.into())
                }
                begun => Ok(begun),
            }
        })?
    }
}
