//! Feeds that were cut or have ended, and what operators said of clocks.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::block::Header;
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::state;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, ClockWord, Fault, Revocation, Sealed, View};
use annona_ledger::wire;
use rusqlite::params;

use super::StoreFault;
use super::rows::{self, At64};
use super::work::Work;

/// Bytes a stored header may have; an encoded one has under 200.
const HEADER_BYTES: usize = 512;

/// The block of a number in exactly one chain, by the number within the feed, of which there is an index.
pub(super) const NUMBERED: &str = "SELECT header FROM block WHERE feed=(SELECT feed FROM chain WHERE no=?1) AND seq=?2 AND +chain=?1";

/// What stops feeds, as this transaction sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped {
    /// The index of the first end of each chain that ended.
    pub(super) ended: BTreeMap<ChainNo, u64>,
    /// The index of the first entry of each chain that must not be passed over and is not known to this program.
    pub(super) halted: BTreeMap<ChainNo, u64>,
    /// What nodes said against feeds.
    pub(super) revoked: BTreeSet<Revocation>,
}

const fn reason(number: u8) -> Option<Reason> {
    match number {
        0 => Some(Reason::Lost),
        1 => Some(Reason::Compromised),
        2 => Some(Reason::Late),
        3 => Some(Reason::HandedOver),
        _ => None,
    }
}

impl Work<'_> {
    /// Asks what stops feeds; the rows are read once a transaction.
    pub(super) fn stopped<T>(&self, ask: impl FnOnce(&Stopped) -> T) -> T {
        if self.stopped.borrow().is_none() {
            let read = Stopped {
                ended: self.ends().into_iter().rev().map(|(at, _)| (at.chain, at.index)).collect(),
                revoked: self.all_revoked().into_iter().collect(),
                halted: self.halts().into_iter().rev().map(|at| (at.chain, at.index)).collect(),
            };
            *self.stopped.borrow_mut() = Some(read);
        }
        match &*self.stopped.borrow() {
            Some(stopped) => ask(stopped),
            None => ask(&Stopped::default()),
        }
    }

    fn halts(&self) -> Vec<At> {
        let halted = Fault::Halted as u8;
        self.all("SELECT at FROM fault WHERE kind=?1 ORDER BY at", [halted], |r| {
            Ok(r.get::<_, At64>(0)?.0)
        })
    }

    pub(super) fn put_halt(&self, at: At) {
        if let Some(stopped) = &mut *self.stopped.borrow_mut() {
            let first = stopped.halted.entry(at.chain).or_insert(at.index);
            *first = at.index.min(*first);
        }
    }

    /// The programmes of which something was not folded, because this program does not know it and may not pass it over.
    /// Programme zero are the control feeds.
    #[must_use]
    pub fn halted_programmes(&self) -> BTreeSet<ProgrammeId> {
        self.halts().into_iter().map(|at| self.chain(at.chain).feed.programme).collect()
    }

    fn ends(&self) -> Vec<(At, Hash)> {
        self.all("SELECT at, accumulator FROM ended ORDER BY at", [], |r| {
            Ok((r.get::<_, At64>(0)?.0, Hash(r.get(1)?)))
        })
    }

    /// Every revocation, whether or not its author may revoke.
    #[must_use]
    pub fn all_revoked(&self) -> Vec<Revocation> {
        self.all("SELECT feed, node, seq, head, reason FROM revoked", [], |r| {
            let damaged = || rusqlite::Error::InvalidQuery;
            let feed = rows::feed_ref(&r.get::<_, [u8; 11]>(0)?).ok_or_else(damaged)?;
            let cut = Cut { seq: r.get::<_, i64>(2)?.cast_unsigned(), head: Hash(r.get(3)?) };
            let reason = reason(r.get(4)?).ok_or_else(damaged)?;
            Ok(Revocation { feed, by: r.get(1)?, cut, reason })
        })
    }

    pub(super) fn all_clock_words(&self) -> Vec<ClockWord> {
        self.all("SELECT node, clock, operator FROM clock_word", [], read_word)
    }

    /// What operators said of a node's clock.
    pub(super) fn words_about(&self, node: &[u8; 8]) -> Vec<ClockWord> {
        self.all("SELECT node, clock, operator FROM clock_word WHERE node=?1", [node], read_word)
    }

    pub(super) fn put_revoked(&self, said: &Revocation) {
        if let Some(stopped) = &mut *self.stopped.borrow_mut() {
            stopped.revoked.insert(*said);
        }
        self.write(
            "INSERT OR IGNORE INTO revoked(feed, node, seq, head, reason) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![
                rows::feed_ref_bytes(&said.feed),
                said.by,
                said.cut.seq.cast_signed(),
                said.cut.head.0,
                said.reason as u8,
            ],
        );
    }

    pub(super) fn put_ended(&self, at: At, accumulator: &Hash) {
        if let Some(stopped) = &mut *self.stopped.borrow_mut() {
            let first = stopped.ended.entry(at.chain).or_insert(at.index);
            *first = at.index.min(*first);
        }
        self.write(
            "INSERT OR IGNORE INTO ended(at, accumulator) VALUES(?1, ?2)",
            params![At64(at), accumulator.0],
        );
    }

    pub(super) fn put_clock_word(&self, word: &ClockWord) {
        self.write(
            "INSERT OR IGNORE INTO clock_word(node, clock, operator) VALUES(?1, ?2, ?3)",
            params![word.node, word.clock.0, word.operator.bytes()],
        );
    }

    /// The rows of all this, as they enter the state root.
    pub(super) fn stop_rows(&self) -> Vec<Vec<u8>> {
        let mut out: Vec<Vec<u8>> =
            self.all_revoked().iter().map(state::revocation_bytes).collect();
        out.extend(self.ends().into_iter().map(|(at, accumulator)| {
            state::end_bytes(&self.chain(at.chain).feed.short(), at.index, &accumulator)
        }));
        out.extend(self.all_clock_words().iter().map(state::clock_word_bytes));
        out.extend(self.told_rows());
        out
    }

    /// The cut after everything that is sealed and known here of a feed. Of a forked one: of the chain known first. `None`
    /// where that is what this file began with as rows: what its last block is called, only whoever has its header knows.
    #[must_use]
    pub fn cut_here(&self, feed: &FeedRef) -> Option<Cut> {
        let trunk = self.feed_named(feed).and_then(|feed| self.trunk(&feed));
        let row = trunk.and_then(|chain| Some((chain, self.chain_row(chain)?)));
        let last = row.and_then(|(chain, row)| Some((chain, row.seq.checked_sub(1)?)));
        let Some((chain, last)) = last else { return Some(Cut::NOTHING) };
        let last = self.sealed_as(chain, last)?;
        Some(Cut { seq: last.seq.saturating_add(1), head: last.hash })
    }

    /// The feed of a short name, by the certificate that stands for it.
    pub(super) fn feed_named(&self, feed: &FeedRef) -> Option<FeedId> {
        let node = self.roster().node(&feed.node)?.node;
        Some(FeedId { node, lane: feed.lane, programme: feed.programme })
    }

    /// The block of a number in exactly one chain. Of the trunk, a block whose body stays elsewhere counts too, where
    /// there is one of that number only.
    pub(super) fn sealed_as(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        let here =
            self.one(NUMBERED, params![chain.0, seq.cast_signed()], |r| r.get::<_, Vec<u8>>(0));
        let header = here.or_else(|| {
            let row = self.chain_row(chain).filter(|row| row.chain.left.is_none())?;
            let without = self.all(
                "SELECT header FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND seq=?2",
                params![row.chain.feed.bytes(), seq.cast_signed()],
                |r| r.get::<_, Vec<u8>>(0),
            );
            <[Vec<u8>; 1]>::try_from(without).ok().map(|[one]| one)
        })?;
        self.read_sealed(&header)
    }

    /// The sealed block in which an entry of exactly this chain stands.
    pub(super) fn sealed_around(&self, at: At) -> Option<Sealed> {
        let header = self.one(
            "SELECT header FROM block WHERE chain=?1 AND first<=?2 ORDER BY first DESC LIMIT 1",
            params![at.chain.0, at.index.cast_signed()],
            |r| r.get::<_, Vec<u8>>(0),
        );
        let holds =
            |bytes: Vec<u8>| self.read_sealed(&bytes).filter(|sealed| at.index < sealed.next);
        // Of a block that was pruned the header tells the same.
        header.and_then(holds).or_else(|| {
            let row = self.chain_row(at.chain).filter(|row| row.chain.left.is_none())?;
            let without = self.all(
                "SELECT header FROM header WHERE feed=(SELECT no FROM feed WHERE id=?1) AND first<=?2 AND first+count>?2",
                params![row.chain.feed.bytes(), at.index.cast_signed()],
                |r| r.get::<_, Vec<u8>>(0),
            );
            let [one] = <[Vec<u8>; 1]>::try_from(without).ok()?;
            holds(one)
        })
    }

    fn read_sealed(&self, bytes: &[u8]) -> Option<Sealed> {
        let header: Header =
            self.kept(wire::decode(bytes, HEADER_BYTES).map_err(StoreFault::from))?;
        Some(Sealed {
            seq: header.seq,
            hash: header.hash(),
            first: header.first,
            next: header.end().next,
            epoch: header.epoch,
        })
    }
}

fn read_word(row: &rusqlite::Row<'_>) -> rusqlite::Result<ClockWord> {
    let operator = PublicKey::Ed25519(row.get(2)?);
    Ok(ClockWord { node: row.get(0)?, clock: Minute(row.get(1)?), operator })
}
