//! What was shown of feeds that burnt, days and settlements, as rows.

use std::collections::BTreeSet;

use annona_ledger::checkpoint::Working;
use annona_ledger::day::DayRow;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedRef, Lane, MerchantId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::limits;
use annona_ledger::orphan::{self, Fact};
use annona_ledger::settlement::{SettlementRow, Step, Taken};
use annona_ledger::state;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, PoolKey, View};
use annona_ledger::wire::{self, Bytes};
use rusqlite::params;

use super::StoreFault;
use super::rows::At64;
use super::work::Work;

/// The most bytes of what a settlement comes to, or of an operator's key: both stand in an entry.
const SMALL: usize = limits::ENTRY_BYTES;

impl Work<'_> {
    pub(super) fn put_shown(&self, fact: &Fact) {
        self.burnt.borrow_mut().insert(fact.feed, true);
        self.write(
            "INSERT OR IGNORE INTO shown(node, programme, idx, leaf, name, entry) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                fact.feed.node,
                fact.feed.programme.0,
                fact.index.cast_signed(),
                fact.leaf.0,
                fact.name.unwrap_or(Hash::ZERO).0,
                Entry::Value(fact.value.clone()).encode(),
            ],
        );
        self.held_against_shown(&fact.feed, fact.index);
        self.hold_refunds(fact.feed.programme, &fact.value);
    }

    /// The feeds of which others have shown entries: few, and hardly ever any.
    #[must_use]
    pub fn shown_feeds(&self) -> BTreeSet<FeedRef> {
        let feeds = self.all("SELECT DISTINCT node, programme FROM shown", [], |r| {
            Ok(FeedRef::value(r.get(0)?, ProgrammeId(r.get(1)?)))
        });
        feeds.into_iter().collect()
    }

    /// Whether others have shown an entry of a feed: asked at every entry, and found without reading what they showed.
    fn is_shown(&self, feed: &FeedRef) -> bool {
        if let Some(known) = self.burnt.borrow().get(feed) {
            return *known;
        }
        let found = self.one(
            "SELECT 1 FROM shown WHERE node=?1 AND programme=?2 LIMIT 1",
            params![feed.node, feed.programme.0],
            |_| Ok(()),
        );
        self.burnt.borrow_mut().insert(*feed, found.is_some());
        found.is_some()
    }

    pub(super) fn shown_of(&self, feed: &FeedRef) -> Vec<Fact> {
        self.shown_between(feed, 0, i64::MAX)
    }

    /// What was shown of a feed, from one index to another.
    fn shown_between(&self, feed: &FeedRef, from: i64, to: i64) -> Vec<Fact> {
        if feed.lane != Lane::Value || !self.is_shown(feed) {
            return Vec::new();
        }
        let rows = self.all(
            "SELECT idx, leaf, name, entry FROM shown WHERE node=?1 AND programme=?2 AND idx BETWEEN ?3 AND ?4
             ORDER BY idx, leaf, name",
            params![feed.node, feed.programme.0, from, to],
            |r| {
                let name: [u8; 32] = r.get(2)?;
                Ok((r.get::<_, i64>(0)?, Hash(r.get(1)?), Hash(name), r.get::<_, Vec<u8>>(3)?))
            },
        );
        let fact = |(index, leaf, name, bytes): (i64, Hash, Hash, Vec<u8>)| {
            let entry = Entry::decode(Lane::Value, &bytes).map_err(StoreFault::from);
            let Some(Entry::Value(value)) = self.kept(entry) else { return None };
            let name = (name != Hash::ZERO).then_some(name);
            Some(Fact { feed: *feed, index: index.cast_unsigned(), leaf, name, value })
        };
        rows.into_iter().filter_map(fact).collect()
    }

    /// All pools, with what was shown of feeds whose blocks are not here.
    #[must_use]
    pub fn whole_pools(&self) -> Vec<(PoolKey, annona_ledger::view::Pool)> {
        let mut pools: std::collections::BTreeMap<_, _> = self.all_pools().into_iter().collect();
        for feed in self.shown_feeds() {
            for (key, by) in orphan::pools(self, &feed) {
                let pool = pools.entry(key).or_default();
                *pool = pool.plus(by);
            }
        }
        pools.into_iter().collect()
    }

    pub(super) fn put_day(&self, at: At, row: &DayRow) {
        self.write(
            "INSERT OR REPLACE INTO day(at, name, first, closed) VALUES(?1, ?2, ?3, ?4)",
            params![At64(at), row.name.0, row.first.cast_signed(), row.closed.map(|root| root.0)],
        );
    }

    pub(super) fn last_day(&self, chain: ChainNo) -> Option<(u64, DayRow)> {
        let (mut chain, mut below) = (chain, None::<u64>);
        loop {
            let from = At64(At { chain, index: 0 });
            let to = match below {
                Some(index) => At64(At { chain, index }),
                None => At64(At { chain: ChainNo(chain.0.saturating_add(1)), index: 0 }),
            };
            let found = self.one(
                "SELECT at, name, first, closed FROM day WHERE at>=?1 AND at<?2 ORDER BY at DESC LIMIT 1",
                [from, to],
                day_row,
            );
            if let Some((at, row)) = found {
                return Some((at.index, row));
            }
            let left = self.chain(chain).left?;
            let most = below.map_or(left.index, |below| below.min(left.index));
            (chain, below) = (left.chain, Some(most));
        }
    }

    pub(super) fn put_line(&self, feed: &FeedRef, line: At, draft: At) {
        self.write(
            "INSERT OR IGNORE INTO settle_line(node, programme, line, draft) VALUES(?1, ?2, ?3, ?4)",
            params![feed.node, feed.programme.0, At64(line), At64(draft)],
        );
    }

    pub(super) fn lines_of(&self, feed: &FeedRef) -> Vec<(At, At)> {
        self.all(
            "SELECT line, draft FROM settle_line WHERE node=?1 AND programme=?2 ORDER BY line, draft",
            params![feed.node, feed.programme.0],
            |r| Ok((r.get::<_, At64>(0)?.0, r.get::<_, At64>(1)?.0)),
        )
    }

    pub(super) fn put_settlement(&self, at: At, row: &SettlementRow) {
        self.write(
            "INSERT OR REPLACE INTO settlement(at, name, first, root, rows, totals) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                At64(at),
                row.name.0,
                row.first.cast_signed(),
                row.root.0,
                row.rows,
                wire::encode(&row.totals),
            ],
        );
        for taken in &row.by {
            self.put_step(at, taken);
        }
    }

    pub(super) fn put_step(&self, draft: At, taken: &Taken) {
        self.write(
            "INSERT OR IGNORE INTO settle_step(draft, place, step, operator, stamp) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![
                At64(draft),
                At64(taken.place),
                wire::encode(&taken.step),
                wire::encode(&taken.operator),
                taken.at.0,
            ],
        );
    }

    pub(super) fn settlement_at(&self, at: At) -> Option<SettlementRow> {
        let (name, first, root, rows, totals) = self.one(
            "SELECT name, first, root, rows, totals FROM settlement WHERE at=?1",
            [At64(at)],
            |r| {
                let first = r.get::<_, i64>(1)?.cast_unsigned();
                let totals: Vec<u8> = r.get(4)?;
                Ok((Hash(r.get(0)?), first, Hash(r.get(2)?), r.get(3)?, totals))
            },
        )?;
        let totals = self.kept(wire::decode(&totals, SMALL).map_err(StoreFault::from))?;
        let steps = self.all(
            "SELECT place, step, operator, stamp FROM settle_step WHERE draft=?1",
            [At64(at)],
            |r| {
                let (step, operator): (Vec<u8>, Vec<u8>) = (r.get(1)?, r.get(2)?);
                Ok((r.get::<_, At64>(0)?.0, step, operator, Minute(r.get(3)?)))
            },
        );
        let taken = |(place, step, operator, at): (At, Vec<u8>, Vec<u8>, Minute)| {
            let step: Step = self.kept(wire::decode(&step, SMALL).map_err(StoreFault::from))?;
            let operator: PublicKey =
                self.kept(wire::decode(&operator, SMALL).map_err(StoreFault::from))?;
            Some(Taken { step, operator, at, place })
        };
        let by = steps.into_iter().filter_map(taken).collect();
        Some(SettlementRow { name, first, root, rows, totals, by })
    }

    /// The settlements drafted in a chain, in order.
    #[must_use]
    pub fn settlements_of(&self, chain: ChainNo) -> Vec<(At, SettlementRow)> {
        let from = At64(At { chain, index: 0 });
        let to = At64(At { chain: ChainNo(chain.0.saturating_add(1)), index: 0 });
        let places = self.all(
            "SELECT at FROM settlement WHERE at>=?1 AND at<?2 ORDER BY at",
            [from, to],
            |r| r.get::<_, At64>(0).map(|at| at.0),
        );
        places.into_iter().filter_map(|at| Some((at, self.settlement_at(at)?))).collect()
    }

    /// How many merchants a chain names below an index, those it shares included.
    pub(super) fn merchants_below(&self, chain: ChainNo, below: u64) -> u32 {
        let own: Option<u32> = self.one(
            "SELECT count(*) FROM merchant WHERE chain=?1 AND idx<?2",
            params![chain.0, i64::try_from(below).unwrap_or(i64::MAX)],
            |r| r.get(0),
        );
        let left = self.chain(chain).left;
        let shared = left.map_or(0, |left| self.merchants_below(left.chain, left.index.min(below)));
        own.unwrap_or(0).saturating_add(shared)
    }

    pub(super) fn merchant_at(&self, chain: ChainNo, number: u32) -> Option<MerchantId> {
        let left = self.chain(chain).left;
        let shared = left.map_or(0, |left| self.merchants_below(left.chain, left.index));
        if let (Some(left), true) = (left, number < shared) {
            return self.merchant_at(left.chain, number);
        }
        self.one(
            "SELECT id FROM merchant WHERE chain=?1 AND no=?2",
            params![chain.0, number.checked_sub(shared)?],
            |r| r.get(0).map(MerchantId),
        )
    }

    /// The rows of this page, as they enter the state root.
    pub(super) fn settled_bytes(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for feed in self.shown_feeds() {
            for fact in self.shown_of(&feed) {
                out.push(state::shown_bytes(&feed, fact.index, &fact.leaf, fact.name.as_ref()));
            }
        }
        let days = self.all("SELECT at, name, first, closed FROM day", [], day_row);
        let feed = |at: At| self.chain(at.chain).feed.short();
        out.extend(days.iter().map(|(at, row)| state::day_bytes(&feed(*at), row)));
        let drafts =
            self.all("SELECT at FROM settlement", [], |r| r.get::<_, At64>(0).map(|at| at.0));
        for at in drafts {
            if let Some(row) = self.settlement_at(at) {
                out.push(state::settlement_bytes(&feed(at), &row));
            }
        }
        out
    }

    /// What goes on from here of days and settlements in a chain.
    pub(super) fn settled_of_chain(&self, chain: ChainNo, out: &mut Vec<Working>) {
        let from = At64(At { chain, index: 0 });
        let to = At64(At { chain: ChainNo(chain.0.saturating_add(1)), index: 0 });
        let days = self.all(
            "SELECT at, name, first, closed FROM day WHERE at>=?1 AND at<?2",
            [from, to],
            day_row,
        );
        out.extend(days.into_iter().map(|(at, DayRow { name, first, closed })| Working::Day {
            at: self.spot(at),
            name,
            first,
            closed,
        }));
        for (at, row) in self.settlements_of(chain) {
            let (draft, SettlementRow { name, first, root, rows, totals, by }) =
                (self.spot(at), row);
            out.push(Working::Settlement { at: draft, name, first, root, rows, totals });
            out.extend(by.into_iter().map(|Taken { step, operator, at: stamp, place }| {
                Working::Step { draft, at: self.spot(place), step, operator, stamp }
            }));
        }
    }

    /// What goes on from here of lines and of what was shown, of all feeds of a programme.
    pub(super) fn settled_of_programme(&self, programme: ProgrammeId, out: &mut Vec<Working>) {
        let lines = self.all(
            "SELECT node, line, draft FROM settle_line WHERE programme=?1",
            [programme.0],
            |r| Ok((r.get::<_, [u8; 8]>(0)?, r.get::<_, At64>(1)?.0, r.get::<_, At64>(2)?.0)),
        );
        out.extend(lines.into_iter().map(|(node, line, draft)| Working::Line {
            feed: FeedRef::value(node, programme),
            line: self.spot(line),
            draft: self.spot(draft),
        }));
        for feed in self.shown_feeds().into_iter().filter(|feed| feed.programme == programme) {
            for Fact { index, leaf, name, value, .. } in self.shown_of(&feed) {
                let (name, bytes) = (name.unwrap_or(Hash::ZERO), Entry::Value(value).encode());
                for (piece, bytes) in (0u8..).zip(bytes.chunks(limits::ENTRY_BYTES)) {
                    if let Some(bytes) =
                        self.kept(Bytes::new(bytes.to_vec()).map_err(StoreFault::from))
                    {
                        out.push(Working::Shown { feed, index, leaf, name, piece, bytes });
                    }
                }
            }
        }
    }

    /// Puts a piece of what was shown where the fold finds it. Pieces come in order.
    pub(super) fn put_piece(
        &self,
        feed: &FeedRef,
        (index, leaf, name): (u64, Hash, Hash),
        bytes: &[u8],
    ) {
        self.burnt.borrow_mut().insert(*feed, true);
        self.write(
            "INSERT INTO shown(node, programme, idx, leaf, name, entry) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET entry=CAST(entry||excluded.entry AS BLOB)",
            params![feed.node, feed.programme.0, index.cast_signed(), leaf.0, name.0, bytes],
        );
    }

    /// Whether something was shown of a feed that its chains here, folded beyond it, do not have.
    pub(super) fn shown_otherwise(&self, feed: &FeedRef) -> bool {
        self.is_shown(feed) && orphan::contradicted(self, feed).is_some()
    }

    /// Marks a feed faulty where blocks and what was shown say two things at an index. Asked once, when either comes: what
    /// anybody shows of a feed costs its writer nothing at each redemption.
    pub(super) fn held_against_shown(&self, feed: &FeedRef, index: u64) {
        if !self.is_shown(feed) {
            return;
        }
        let shown = self.shown_between(feed, index.cast_signed(), index.cast_signed());
        if orphan::contradicts(self, feed, shown).is_some()
            && let Some(chain) = self.branches(feed).first()
        {
            self.mark_faulty(*chain);
        }
    }
}

fn day_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<(At, DayRow)> {
    let row = DayRow {
        name: Hash(r.get(1)?),
        first: r.get::<_, i64>(2)?.cast_unsigned(),
        closed: r.get::<_, Option<[u8; 32]>>(3)?.map(Hash),
    };
    Ok((r.get::<_, At64>(0)?.0, row))
}

/// The value entry at a place, where it is a line or step of a settlement.
#[must_use]
pub fn settling(work: &Work<'_>, at: At) -> Option<annona_ledger::settlement::Settling> {
    match work.entry(at)? {
        Value::Settle { settling, .. } => Some(*settling),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::feed::Head;
    use annona_ledger::id::FeedId;
    use annona_ledger::orphan::{Orphan, Shown};
    use annona_ledger::ticket::sign_place;
    use annona_ledger::wire::Bounded;

    use super::*;
    use crate::bundle::tests::world::{self, FOOD, World};
    use crate::keystore::Name;
    use crate::node::Node;
    use crate::store::Store;

    /// Whether a feed is marked, without a look at what was shown of it.
    fn is_marked(store: &Store, feed: &FeedId) -> bool {
        let work = store.look().expect("readable");
        let trunk = work.trunk(feed).expect("known");
        work.chain_row(trunk).expect("a row").faulty
    }

    /// Another redemption of A's second lot, at a place where A's chain has something else.
    fn denied(a: &Node, feed: &FeedId, index: u64) -> Shown {
        let (lot, amount) = (annona_ledger::entry::Lot(2), world::amount(1));
        let (at, method) = (Minute(100), annona_ledger::entry::Method::Sight);
        let bytes = Entry::Value(Value::Redeem { lot, amount, merchant: 0, at, method }).encode();
        let before = Head { next: index, accumulator: Hash([7; 32]) };
        let key = a.signing_key(Name::NodeSigning).expect("a key");
        let federation = a.federation().expect("founded");
        let signature = sign_place(&key, &federation, feed, &before.after(&bytes));
        let entry = Bytes::new(bytes).expect("small");
        Shown::Promised { index, before: before.accumulator, entry, signature }
    }

    #[test]
    fn a_merchant_that_is_named_twice_has_both_numbers_wherever_it_is_counted() {
        let mut w = World::new();
        let feed = w.a.feed(Lane::Value, FOOD);
        let names = [1, 1, 2].map(|n| MerchantId([n; 16]));
        let mut state = state::State::new(
            w.a.store().charter().expect("known").as_ref().clone(),
            w.a.store().roster().as_ref().clone(),
        );
        let trunk = state.trunk(&feed);
        let work = w.a.store_mut().begin().expect("a transaction");
        let chain = work.open_trunk(&feed).expect("a chain");
        for merchant in names {
            let entry = Entry::Value(Value::Merchant { merchant });
            let head = work.head(chain);
            let after = head.after(&entry.encode());
            work.fold_at(At { chain, index: head.next }, after, &entry);
            state.fold(trunk, after.accumulator, &entry);
        }
        for number in 0..4 {
            let want = names.get(number as usize).copied();
            assert_eq!(work.merchant(chain, number), want, "{number} of the file");
            assert_eq!(state.merchant(trunk, number), want, "{number} of the audit");
        }
        assert_eq!((work.merchants(chain), state.merchants(trunk)), (3, 3));
        assert_eq!(work.merchant_names(chain), names);
        assert_eq!(work.merchant_number(chain, &names[0]), Some(0));
    }

    #[test]
    fn what_was_shown_is_held_against_blocks_once_when_either_comes() {
        for blocks_first in [true, false] {
            let mut w = World::new();
            w.distribute(2);
            let feed = w.a.feed(Lane::Value, FOOD);
            let folder = w.path("stick");
            let done = world::export(&mut w.a, &[world::short(&w.b)], &folder);
            if blocks_first {
                world::import(&mut w.b, &done.files);
            }
            let shown = Bounded::new(vec![denied(&w.a, &feed, 5)]).expect("few");
            let (node, at) = (world::short(&w.a), Minute(100));
            let orphan = Orphan { node, shown, sends: Bounded::empty(), at };
            let of_b = w.b.feed(Lane::Value, FOOD);
            let store = w.b.store_mut();
            let work = store.begin().expect("a transaction");
            let chain = work.open_trunk(&of_b).expect("a chain");
            let entry = Entry::Value(Value::Orphan(Box::new(orphan)));
            let after = work.head(chain).after(&entry.encode());
            let place = At { chain, index: work.head(chain).next };
            work.fold_at(place, after, &entry);
            work.commit().expect("durable");
            if !blocks_first {
                assert!(w.b.store().look().expect("readable").trunk(&feed).is_none());
                world::import(&mut w.b, &done.files);
            }
            assert!(is_marked(w.b.store(), &feed), "blocks first: {blocks_first}");
        }
    }
}
