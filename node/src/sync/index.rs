//! One look into the ledger, as the session machine asks for it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Instant;

use annona_ledger::block::{Block, Header};
use annona_ledger::charter::SignedArticle;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, ProgrammeId};
use annona_ledger::key::Signature;
use annona_ledger::list::Row;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{self, Frame, Known, LIST_ROWS};
use annona_ledger::sync::index::{Change, Index, Kind, Loose, Marks};
use annona_ledger::sync::talk::{Item, Letter};
use annona_ledger::view::View;
use annona_ledger::wire::{self, Bounded};

use super::begin::{Beginning, Offering};
use super::claims::Claims;
use super::memo::Memo;
use super::post::Rests;
use crate::bundle::pieces;
use crate::letters::{Letters, Way};
use crate::store::{Blob, Store, StoreFault, Tip, Work};

/// Places that are named of what is damaged.
const DAMAGE: usize = 16;

/// The ledger at one moment. Where a look fails the fault is kept, and the look answers with nothing. What is damaged in one
/// place is noted and no fault: of that feed the machine says `over`, and everything beside it goes on.
pub(super) struct Looking<'a> {
    pub(super) store: &'a Store,
    /// None before there is a charter.
    pub(super) work: Option<Work<'a>>,
    pub(super) memo: RefCell<&'a mut Memo>,
    pub(super) claims: RefCell<&'a mut Claims>,
    /// The rows that were asked for last, as they are cut into frames.
    pub(super) rows: RefCell<&'a mut Option<(Hash, Vec<Row>)>>,
    pub(super) offering: &'a Offering,
    pub(super) beginning: &'a Beginning,
    /// Letters, and whom those of this meeting are for.
    pub(super) letters: (&'a Letters, [u8; 8]),
    /// Letters that were sent, and what time it is.
    pub(super) rests: (&'a Rests, Instant),
    pub(super) fault: RefCell<Option<StoreFault>>,
    pub(super) damage: RefCell<&'a mut BTreeSet<String>>,
}

impl Looking<'_> {
    fn kept<T>(&self, result: Result<Option<T>, StoreFault>) -> Option<T> {
        match result {
            Ok(value) => value,
            Err(fault @ (StoreFault::Damaged { .. } | StoreFault::Wire(_))) => {
                let place = match fault {
                    StoreFault::Damaged { place } => place,
                    other => other.to_string(),
                };
                let mut damage = self.damage.borrow_mut();
                if damage.len() < DAMAGE {
                    damage.insert(place);
                }
                None
            }
            Err(fault) => {
                self.fault.borrow_mut().get_or_insert(fault);
                None
            }
        }
    }

    fn at<T>(
        &self,
        tip: &Known,
        look: impl FnOnce(&Work<'_>, &Tip) -> Result<Option<T>, StoreFault>,
    ) -> Option<T> {
        let work = self.work.as_ref()?;
        let tip = self.tip(work, tip)?;
        self.kept(look(work, &tip))
    }

    /// A tip that was one when it was told, and may lie within a longer chain by now.
    fn tip(&self, work: &Work<'_>, known: &Known) -> Option<Tip> {
        let memo = self.memo.borrow();
        if let Some(tip) = memo.tip(known) {
            return Some(tip);
        }
        let grown = memo.tips.get(&known.feed)?.iter();
        let mut grown = grown.filter(|tip| tip.known.blocks > known.blocks);
        grown.find(|tip| self.kept(work.head_on(tip, known.blocks)) == Some(known.head)).copied()
    }

    /// A block that leaves is what its writer signed: what a failing medium made of one is nobody else's, and this site
    /// hears of it here, and in time.
    fn sound(&self, feed: &FeedId, block: Block) -> Option<Block> {
        let federation = self.work.as_ref()?.charter().federation();
        if block.verify(&federation, feed).is_err() {
            let place = format!("{} block {}", feed.short(), block.header.seq);
            return self.kept(Err(StoreFault::damaged(place)));
        }
        Some(block)
    }

    fn evidence(
        &self,
        feed: &FeedRef,
        seq: u64,
        header: &Hash,
        part: u32,
    ) -> Option<(Vec<Frame>, bool)> {
        let (work, feed) = (self.work.as_ref()?, self.feed(feed)?);
        let evidence = self.kept(work.evidence_of(&feed, seq, header))?;
        let frames = self.kept(pieces(seq, *header, evidence).map(Some))?;
        let at = usize::try_from(part).ok()?;
        let more = at.saturating_add(1) < frames.len();
        Some((vec![frames.into_iter().nth(at)?], more))
    }

    fn rows_of(&self, list: &Hash, part: u32) -> Option<(Vec<Frame>, bool)> {
        let mut held = self.rows.borrow_mut();
        if held.as_ref().is_none_or(|(of, _)| of != list) {
            let bytes = self.kept(self.store.blob(Blob::ListRows, list))?;
            let mut rows = Vec::new();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (row, after) =
                    self.kept(wire::take(rest).map(Some).map_err(StoreFault::from))?;
                rows.push(row);
                rest = after;
            }
            **held = Some((*list, rows));
        }
        let (_, rows) = held.as_ref()?;
        let mut parts = rows.chunks(LIST_ROWS).skip(usize::try_from(part).ok()?);
        let some = parts.next()?.to_vec();
        let frame = Frame::ListRows { list: *list, rows: Bounded::new(some).ok()? };
        Some((vec![frame], parts.next().is_some()))
    }
}

impl Index for Looking<'_> {
    fn marks(&self) -> Marks {
        self.memo.borrow().marks
    }

    fn charter(&self) -> Option<(u32, Hash)> {
        let work = self.work.as_ref()?;
        Some((work.charter().epoch(), work.charter().head()))
    }

    fn article(&self, epoch: u32) -> Option<SignedArticle> {
        self.memo.borrow().articles.get(usize::try_from(epoch).ok()?).cloned()
    }

    fn programmes(&self) -> Vec<ProgrammeId> {
        let memo = self.memo.borrow();
        let mut all = memo.programmes().clone();
        all.extend(memo.tips.keys().map(|feed| feed.programme));
        all.insert(ProgrammeId::NONE);
        all.into_iter().collect()
    }

    fn tips(&self, programme: ProgrammeId) -> Vec<Known> {
        let memo = self.memo.borrow();
        let of = memo.tips.iter().filter(|(feed, _)| feed.programme == programme);
        of.flat_map(|(_, tips)| tips.iter().map(|tip| tip.known)).collect()
    }

    fn tips_of(&self, feed: &FeedId) -> Vec<Known> {
        let memo = self.memo.borrow();
        memo.tips.get(feed).map(|tips| tips.iter().map(|t| t.known).collect()).unwrap_or_default()
    }

    fn changed(&self, since: u64) -> Vec<Change> {
        self.memo.borrow_mut().since(since)
    }

    fn feed(&self, name: &FeedRef) -> Option<FeedId> {
        let node = self.store.roster().node(&name.node)?.node;
        Some(FeedId { node, lane: name.lane, programme: name.programme })
    }

    fn head_at(&self, tip: &Known, blocks: u64) -> Option<Head> {
        self.at(tip, |work, tip| work.head_on(tip, blocks))
    }

    fn block(&self, tip: &Known, seq: u64) -> Option<Block> {
        let block = self.at(tip, |work, tip| work.block_on(tip, seq))?;
        self.sound(&tip.feed, block)
    }

    fn header(&self, tip: &Known, seq: u64) -> Option<(Header, Signature)> {
        self.at(tip, |work, tip| work.header_on(tip, seq))
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        let Some(work) = &self.work else { return false };
        let (tips, whole) = {
            let memo = self.memo.borrow();
            (memo.tips.get(feed).cloned().unwrap_or_default(), memo.serves(feed))
        };
        // What came last ends its chain nearly always: the file is asked where it does not.
        tips.iter().any(|tip| tip.known.head == *head)
            || self.kept(work.passes(feed, head, whole).map(Some)).unwrap_or(false)
    }

    fn loose(&self) -> Vec<Loose> {
        self.memo.borrow().loose.clone()
    }

    fn carried(&self, loose: &Loose) -> Vec<Frame> {
        let name = &loose.name;
        match loose.kind {
            Kind::Notice => {
                let notice = self.store.roster().notice(name).cloned();
                notice.map(|notice| Frame::Notice(Box::new(notice))).into_iter().collect()
            }
            Kind::Fork => {
                let Some(work) = &self.work else { return Vec::new() };
                let proof = self.kept(work.fork_proof_named(name));
                proof.map(|proof| Frame::ForkProof(Box::new(proof))).into_iter().collect()
            }
            Kind::Page => {
                let kept = self.kept(self.store.kept_page(name));
                kept.map(|kept| blob::pieces(frame::PAGE, *name, &kept.page.encode()))
                    .unwrap_or_default()
            }
            Kind::Cosignature => {
                let of = self.memo.borrow().said.get(name).copied();
                let kept = of.and_then(|page| self.kept(self.store.kept_page(&page)));
                let said = kept.into_iter().flat_map(|kept| kept.cosignatures);
                let named = |c: &annona_ledger::checkpoint::Cosignature| {
                    annona_ledger::sync::index::cosignature_name(c) == *name
                };
                said.filter(named).map(|said| Frame::Cosignature(Box::new(said))).collect()
            }
        }
    }

    fn wants(&self, room: usize, not: &dyn Fn(&Item) -> bool) -> Vec<Item> {
        if self.beginning.is_wanted() {
            return self.beginning.wants(room, not);
        }
        let Some(work) = &self.work else { return Vec::new() };
        let mut memo = self.memo.borrow_mut();
        let mut claims = self.claims.borrow_mut();
        let lists = memo.rows.then(|| self.kept(work.without_rows(memo.programmes()).map(Some)));
        let lists = lists.flatten().unwrap_or_default();
        let lists = lists.into_iter().map(|(programme, list)| Item::Rows { programme, list });
        let mut items: Vec<Item> = lists.filter(|item| !not(item)).take(room).collect();
        // What another meeting was to bring, and did not; of evidence, unless it has come since.
        let left = room.saturating_sub(items.len());
        let lacks = |item: &Item| match item {
            Item::Evidence { feed, seq, header } => {
                let feed = self.feed(feed);
                feed.is_some_and(|feed| matches!(work.evidence_of(&feed, *seq, header), Ok(None)))
            }
            Item::Rows { .. } | Item::Page | Item::State { .. } => false,
        };
        items.extend(claims.freed(left).into_iter().filter(|item| !not(item) && lacks(item)));
        // Each is asked for once in a meeting: what the other side does not have, it will not have a moment later.
        let left = room.saturating_sub(items.len());
        let lacking = self.kept(work.without_evidence(memo.evidence_from, left).map(Some));
        if let Some((found, upto)) = lacking {
            memo.evidence_from = upto;
            let item = |(feed, seq, header): (FeedId, u64, Hash)| Item::Evidence {
                feed: feed.short(),
                seq,
                header,
            };
            items.extend(found.into_iter().map(item));
        }
        claims.things(items)
    }

    fn piece(&self, item: &Item, part: u32) -> Option<(Vec<Frame>, bool)> {
        match item {
            Item::Evidence { feed, seq, header } => self.evidence(feed, *seq, header, part),
            Item::Rows { list, .. } => self.rows_of(list, part),
            Item::Page => self.kept(self.offering.page(self.store)).map(|frames| (frames, false)),
            Item::State { checkpoint, of, leaf, from } => {
                let at = from.checked_add(part)?;
                let chunk = self.offering.chunk(self.store, checkpoint, *of, leaf, at);
                let (chunk, more) = self.kept(chunk)?;
                Some((vec![Frame::Chunk(Box::new(chunk))], more))
            }
        }
    }

    fn letter(&self, name: &[u8; 16]) -> Option<Letter> {
        let (letters, peer) = &self.letters;
        letters.get(Way::Out, peer, name)
    }

    fn spares(&self) -> bool {
        let (rests, now) = self.rests;
        rests.spares(&self.letters.1, now)
    }

    fn posted(&self, name: &[u8; 16], spared: bool) {
        let (rests, now) = self.rests;
        rests.sent(self.letters.1, *name, now);
        if spared {
            rests.spared(self.letters.1, now);
        }
    }

    fn freed(&self) -> bool {
        self.claims.borrow().has_freed()
    }

    fn elsewhere(&self, feed: &FeedRef) -> bool {
        self.claims.borrow_mut().elsewhere(feed)
    }
}
