//! The rows from which another node goes on without the blocks below ([`Working`]), and going on from them.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::checkpoint::{Spot, Used, Working, opened_number};
use annona_ledger::entry::{CarrierKind, Entry, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CarrierId, FeedRef, Lane, MerchantId, ProgrammeId, Pseudonym};
use annona_ledger::settlement::Taken;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, Change, Slot, View};
use annona_ledger::wire::{self, Bytes};
use annona_ledger::{fold, limits};
use rusqlite::params;

use super::blocks::Feed;
use super::rows::{self, At64, FLOAT, SLOT, TICKET};
use super::work::{ChainRow, Work};
use super::{Store, StoreFault};

/// Every derived table, and which working rows carry it. A table that is added is added here too.
#[cfg(test)]
const CARRIED: [(&str, &str); 24] = [
    ("slot", "Lot, Same"),
    ("pool", "Pool"),
    ("ticket", "Ticket"),
    ("hold", "Hold"),
    ("used", "Used"),
    ("float", "Float"),
    ("float_sum", "follows from Float and Used"),
    ("merchant", "Merchant"),
    ("list", "List"),
    ("enrolled", "Enrolled"),
    ("carrier", "Carrier"),
    ("cancelled", "Cancelled, CancelledAt"),
    ("waiting", "Waiting"),
    ("fault", "Fault"),
    ("given", "Entry, Long"),
    ("revoked", "Revoked"),
    ("ended", "Ended"),
    ("clock_word", "ClockWord"),
    ("shown", "Shown"),
    ("day", "Day"),
    ("settle_line", "Line"),
    ("settlement", "Settlement"),
    ("settle_step", "Step"),
    ("told", "Told"),
];

/// Where a chain begins here: what is below came as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) head: Head,
    pub(super) blocks: u64,
    pub(super) stamp: Minute,
}

impl Work<'_> {
    /// Where a chain begins here, if not at its first entry.
    pub(super) fn floor(&self, chain: ChainNo) -> Option<Floor> {
        self.one(
            "SELECT blocks, next, accumulator, stamp FROM floor WHERE chain=?1",
            [chain.0],
            |r| {
                let next = r.get::<_, i64>(1)?.cast_unsigned();
                Ok(Floor {
                    head: Head { next, accumulator: Hash(r.get(2)?) },
                    blocks: r.get::<_, i64>(0)?.cast_unsigned(),
                    stamp: Minute(r.get(3)?),
                })
            },
        )
    }

    /// Everything a node needs to go on with a programme from here, or `None` where one of its feeds has forked: such feeds
    /// are read from their blocks. Programme zero are the control feeds.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn working_rows(&self, programme: ProgrammeId) -> Result<Option<Vec<Vec<u8>>>, StoreFault> {
        self.flush()?;
        let feeds: Vec<Feed> =
            self.feeds().into_iter().filter(|feed| feed.id.programme == programme).collect();
        for feed in &feeds {
            if feed.left.is_some()
                || self.fork_proof(&feed.id)?.is_some()
                || self.shown_otherwise(&feed.id.short())
            {
                return Ok(None);
            }
        }
        let mut out: Vec<Working> = Vec::new();
        for feed in &feeds {
            self.rows_of_chain(feed, &mut out)?;
        }
        self.rows_of_programme(programme, &mut out);
        self.check()?;
        Ok(Some(out.iter().map(|row| row.row(programme)).collect()))
    }

    pub(super) fn spot(&self, at: At) -> Spot {
        Spot { feed: self.chain(at.chain).feed.short(), index: at.index }
    }

    fn rows_of_chain(&self, feed: &Feed, out: &mut Vec<Working>) -> Result<(), StoreFault> {
        let name = feed.id.short();
        let stamp = self.last_stamp(feed.chain);
        out.push(Working::Chain { feed: feed.id, blocks: feed.seq, head: feed.sealed, stamp });
        out.extend(
            (0u32..)
                .zip(self.merchant_names(feed.chain))
                .map(|(number, merchant)| Working::Merchant { feed: name, number, merchant }),
        );
        let from = At64(At { chain: feed.chain, index: 0 });
        let to = At64(At { chain: ChainNo(feed.chain.0.saturating_add(1)), index: 0 });
        let slots = self.all(
            &format!("SELECT {SLOT}, at FROM slot WHERE at>=?1 AND at<?2"),
            [from, to],
            |r| Ok((rows::slot(r)?, r.get::<_, At64>(10)?.0)),
        );
        out.extend(slots.into_iter().map(|(slot, at)| match slot {
            Slot::Same(first) => Working::Same { at: self.spot(at), first: self.spot(first) },
            Slot::Lot(lot) => Working::Lot {
                at: self.spot(at),
                origin: lot.origin,
                owner: lot.owner,
                cycle: lot.cycle,
                commodity: lot.commodity,
                balance: lot.balance.units(),
                held: lot.held.units(),
                expires: lot.expires,
                opened: opened_number(lot.opened),
            },
        }));
        let holds = self.all(
            "SELECT lot, amount, merchant, until, at FROM hold WHERE at>=?1 AND at<?2",
            [from, to],
            |r| Ok((rows::hold(r)?, r.get::<_, At64>(4)?.0)),
        );
        out.extend(holds.into_iter().map(|(hold, at)| Working::Hold {
            at: self.spot(at),
            lot: self.spot(hold.lot),
            amount: hold.amount,
            merchant: hold.merchant,
            until: hold.until,
        }));
        let used =
            self.all("SELECT kind, key, at FROM used WHERE at>=?1 AND at<?2", [from, to], |r| {
                Ok((rows::use_of(r.get(0)?, &r.get::<_, Vec<u8>>(1)?)?, r.get::<_, At64>(2)?.0))
            });
        out.extend(used.into_iter().map(|(what, at)| {
            use annona_ledger::view::Use;
            let what = match what {
                Use::Ticket(name) => Used::Ticket(name),
                Use::Float(name) => Used::Float(name),
                Use::Redemption(at) => Used::Redemption(self.spot(at)),
                Use::Hold(at) => Used::Hold(self.spot(at)),
                Use::Row { node, list, row } => Used::Row { node, list, row },
            };
            Working::Used { what, at: self.spot(at) }
        }));
        let floats = self.all(
            &format!("SELECT {FLOAT}, name FROM float WHERE at>=?1 AND at<?2"),
            [from, to],
            |r| rows::float(r, &Hash(r.get(8)?)),
        );
        out.extend(floats.into_iter().map(|float| Working::Float {
            at: self.spot(float.at),
            accumulator: float.name.accumulator,
            home: float.home,
            purse: float.purse,
            cycle: float.cycle,
            commodity: float.commodity,
            amount: float.amount,
            stamp: float.stamp,
        }));
        let waiting =
            self.all("SELECT node, at FROM waiting WHERE at>=?1 AND at<?2", [from, to], |r| {
                Ok((r.get::<_, [u8; 8]>(0)?, r.get::<_, At64>(1)?.0))
            });
        out.extend(
            waiting.into_iter().map(|(node, at)| Working::Waiting { node, at: self.spot(at) }),
        );
        let faults =
            self.all("SELECT at, kind FROM fault WHERE at>=?1 AND at<?2", [from, to], |r| {
                Ok((r.get::<_, At64>(0)?.0, r.get::<_, u8>(1)?))
            });
        out.extend(
            faults.into_iter().map(|(at, number)| Working::Fault { at: self.spot(at), number }),
        );
        let ended =
            self.all("SELECT at, accumulator FROM ended WHERE at>=?1 AND at<?2", [from, to], |r| {
                Ok((r.get::<_, At64>(0)?.0, Hash(r.get(1)?)))
            });
        out.extend(
            ended
                .into_iter()
                .map(|(at, accumulator)| Working::Ended { at: self.spot(at), accumulator }),
        );
        let given =
            self.all("SELECT at, entry FROM given WHERE at>=?1 AND at<?2", [from, to], |r| {
                Ok((r.get::<_, At64>(0)?.0, r.get::<_, Vec<u8>>(1)?))
            });
        for (at, bytes) in given {
            carry(self.spot(at), &bytes, out)?;
        }
        if feed.id.lane == Lane::Value {
            self.settled_of_chain(feed.chain, out);
            self.entries_referred_to(feed, out)?;
        }
        Ok(())
    }

    /// Entries that later ones refer back to, however late: what opened a lot, which may be sent on, returned, refunded to or
    /// covered from; holds; redemptions, which a refund may name, and what posted holds; and the lines of settlements.
    fn entries_referred_to(&self, feed: &Feed, out: &mut Vec<Working>) -> Result<(), StoreFault> {
        let above = self.floor(feed.chain).map_or(0, |floor| floor.blocks);
        self.blocks::<StoreFault>(feed.chain, above, |row, _| {
            for placed in row.block.read(feed.id.lane)? {
                if let Entry::Value(
                    Value::Issue { .. }
                    | Value::Claim { .. }
                    | Value::Refund { .. }
                    | Value::Hold { .. }
                    | Value::Redeem { .. }
                    | Value::FloatRedeem { .. }
                    | Value::Post { .. }
                    | Value::Settle { .. },
                ) = placed.entry
                {
                    let at = Spot { feed: feed.id.short(), index: placed.index };
                    carry(at, &placed.entry.encode(), out)?;
                }
            }
            Ok(true)
        })
    }

    fn rows_of_programme(&self, programme: ProgrammeId, out: &mut Vec<Working>) {
        self.settled_of_programme(programme, out);
        self.told_of_programme(programme, out);
        let pools = self.all_pools().into_iter().filter(|(key, _)| key.programme == programme);
        out.extend(pools.map(|(key, pool)| Working::Pool {
            node: key.node,
            cycle: key.cycle,
            commodity: key.commodity,
            sums: [pool.lots.units(), pool.arriving.units(), pool.redeemed.units()],
        }));
        let tickets = self.all(
            &format!("SELECT {TICKET}, name FROM ticket WHERE programme=?1"),
            [programme.0],
            |r| Ok((rows::ticket(r)?, Hash(r.get(13)?))),
        );
        out.extend(tickets.into_iter().map(|(t, name)| Working::Ticket {
            name,
            from: t.from,
            index: t.index,
            lot: t.lot,
            to: t.to,
            owner: t.owner,
            cycle: t.cycle,
            commodity: t.commodity,
            amount: t.amount,
            expires: t.expires,
            placed: t.placed,
            claimed: t.claimed.map(|at| self.spot(at)),
        }));
        out.extend(self.all(
            "SELECT pseudonym FROM enrolled WHERE programme=?1",
            [programme.0],
            |r| Ok(Working::Enrolled(Pseudonym(r.get(0)?))),
        ));
        out.extend(self.all(
            "SELECT carrier, pseudonym, kind FROM carrier WHERE programme=?1",
            [programme.0],
            |r| {
                let kind: CarrierKind =
                    wire::decode(&[r.get::<_, u8>(2)?], 1).map_err(|_| rows::damaged())?;
                Ok(Working::Carrier(CarrierId(r.get(0)?), Pseudonym(r.get(1)?), kind))
            },
        ));
        let cancelled = self.cancelled_in(programme).into_iter();
        out.extend(cancelled.map(|(carrier, at)| match at {
            Some(at) => Working::CancelledAt { carrier, at: self.spot(at) },
            None => Working::Cancelled(carrier),
        }));
        if programme == ProgrammeId::NONE {
            out.extend(self.all_revoked().into_iter().map(|said| {
                let (feed, by, cut, reason) = (said.feed, said.by, said.cut, said.reason);
                Working::Revoked { feed, by, cut, reason }
            }));
            out.extend(self.all_clock_words().into_iter().map(|word| {
                let (node, clock, operator) = (word.node, word.clock, word.operator);
                Working::ClockWord { node, clock, operator }
            }));
            let lists = self.all("SELECT node, idx, bytes FROM list", [], |r| {
                let list = wire::decode(&r.get::<_, Vec<u8>>(2)?, limits::ENTRY_BYTES);
                Ok((r.get::<_, [u8; 8]>(0)?, r.get::<_, i64>(1)?, list))
            });
            for (node, index, list) in lists {
                if let Some(list) = self.kept(list.map_err(StoreFault::from)) {
                    out.push(Working::List { node, index: index.cast_unsigned(), list });
                }
            }
        }
    }

    /// Which programmes this file began with as rows, and at which charter epoch.
    pub(super) fn based(&self) -> Option<Based> {
        let bytes: Vec<u8> =
            self.one("SELECT value FROM meta WHERE key='base'", [], |r| r.get(0))?;
        let (epoch, programmes): (u32, Vec<ProgrammeId>) =
            self.kept(wire::decode(&bytes, 1 << 16).map_err(StoreFault::from))?;
        Some(Based { epoch, programmes: programmes.into_iter().collect() })
    }

    /// Puts the rows this file began with where the fold finds them. Derived tables of their programmes are empty.
    pub(super) fn load_base(&self) -> Result<(), StoreFault> {
        let rows = self.all("SELECT row FROM base ORDER BY row", [], |r| r.get::<_, Vec<u8>>(0));
        self.check()?;
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            read.push(Working::of_row(row)?);
        }
        let mut chains: BTreeMap<FeedRef, ChainNo> = BTreeMap::new();
        for (_, row) in &read {
            let Working::Chain { feed, head, stamp, blocks } = row else { continue };
            let chain = self.open_trunk(feed)?;
            chains.insert(feed.short(), chain);
            let Some(row) = self.chain_row(chain) else { continue };
            // What stands above is folded again by whoever asked for this.
            let above = row.sealed.next > head.next;
            let (sealed, seq) = if above { (row.sealed, row.seq) } else { (*head, *blocks) };
            let fresh = ChainRow {
                head: *head,
                stamp: *stamp,
                sealed,
                seq,
                merchants: 0,
                faulty: false,
                ..row
            };
            self.set_chain(chain, fresh);
        }
        let mut merchants: Vec<(ChainNo, u32, MerchantId)> = Vec::new();
        for (programme, row) in &read {
            match row {
                Working::Chain { .. } => {}
                Working::Merchant { feed, number, merchant } => {
                    if let Some(chain) = chains.get(feed) {
                        merchants.push((*chain, *number, *merchant));
                    }
                }
                Working::Entry { at, bytes } => {
                    if let Some(chain) = chains.get(&at.feed) {
                        let at = At { chain: *chain, index: at.index };
                        self.write(
                            "INSERT OR REPLACE INTO given(at, entry) VALUES(?1, ?2)",
                            params![At64(at), &**bytes],
                        );
                    }
                }
                // Pieces come in order.
                Working::Long { at, bytes, .. } => {
                    if let Some(chain) = chains.get(&at.feed) {
                        let at = At { chain: *chain, index: at.index };
                        self.write(
                            "INSERT INTO given(at, entry) VALUES(?1, ?2)
                             ON CONFLICT DO UPDATE SET entry=CAST(entry||excluded.entry AS BLOB)",
                            params![At64(at), &**bytes],
                        );
                    }
                }
                Working::Shown { feed, index, leaf, name, bytes, .. } => {
                    self.put_piece(feed, (*index, *leaf, *name), bytes);
                }
                Working::Step { draft, at, step, operator, stamp } => {
                    let place = |spot: &Spot| {
                        let chain = chains.get(&spot.feed)?;
                        Some(At { chain: *chain, index: spot.index })
                    };
                    let placed = place(draft).zip(place(at));
                    let (draft, place) =
                        placed.ok_or_else(|| StoreFault::damaged("a row this file began with"))?;
                    let (step, operator, at) = (*step, *operator, *stamp);
                    self.put_step(draft, &Taken { step, operator, at, place });
                }
                Working::Lot { .. }
                | Working::Day { .. }
                | Working::Line { .. }
                | Working::Settlement { .. }
                | Working::Same { .. }
                | Working::Pool { .. }
                | Working::Ticket { .. }
                | Working::Hold { .. }
                | Working::Used { .. }
                | Working::Float { .. }
                | Working::Enrolled(_)
                | Working::Carrier(..)
                | Working::Cancelled(_)
                | Working::CancelledAt { .. }
                | Working::List { .. }
                | Working::Waiting { .. }
                | Working::Fault { .. }
                | Working::Revoked { .. }
                | Working::Ended { .. }
                | Working::ClockWord { .. }
                | Working::Told { .. } => {
                    let change = row.change(*programme, |feed| chains.get(feed).copied());
                    let change =
                        change.ok_or_else(|| StoreFault::damaged("a row this file began with"))?;
                    self.apply(change);
                }
            }
        }
        for (chain, number, merchant) in merchants {
            // Each was named below where this file begins, whoever leaves the chain there.
            self.write(
                "INSERT OR REPLACE INTO merchant(chain, id, no, idx) VALUES(?1, ?2, ?3, 0)",
                params![chain.0, merchant.0, number],
            );
            if let Some(row) = self.chain_row(chain) {
                let merchants = row.merchants.max(number.saturating_add(1));
                self.set_chain(chain, ChainRow { merchants, ..row });
            }
        }
        self.spill();
        self.check()
    }

    /// The budgets of an article that rows did not bring.
    pub(super) fn budgets_beside(&self, epoch: u32, based: Option<&Based>) -> Vec<Change> {
        let brought = |programme: &ProgrammeId| {
            based.is_some_and(|based| epoch <= based.epoch && based.programmes.contains(programme))
        };
        let mut changes = fold::voted(self.charter(), epoch);
        changes.retain(|change| {
            let known = matches!(change, Change::Pool(key, _) if brought(&key.programme))
                || matches!(change, Change::Ticket(_, row) if brought(&row.programme));
            !known
        });
        changes
    }
}

/// An entry as rows: one, or as many pieces as it takes.
fn carry(at: Spot, bytes: &[u8], out: &mut Vec<Working>) -> Result<(), StoreFault> {
    if bytes.len() <= limits::ENTRY_BYTES {
        out.push(Working::Entry { at, bytes: Bytes::new(bytes.to_vec())? });
        return Ok(());
    }
    for (piece, bytes) in (0u8..).zip(bytes.chunks(limits::ENTRY_BYTES)) {
        out.push(Working::Long { at, piece, bytes: Bytes::new(bytes.to_vec())? });
    }
    Ok(())
}

/// What a file began with.
pub(super) struct Based {
    pub(super) epoch: u32,
    pub(super) programmes: BTreeSet<ProgrammeId>,
}

impl Work<'_> {
    /// The programmes this file has rows of in place of blocks.
    #[must_use]
    pub fn began_with(&self) -> BTreeSet<ProgrammeId> {
        self.based().map(|based| based.programmes).unwrap_or_default()
    }
}

impl Store {
    /// Undoes [`Store::begin_from`], before anything was built on it.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn forget_base(&mut self) -> Result<(), StoreFault> {
        let work = self.begin()?;
        for table in ["chain", "floor", "base"] {
            let of = if table == "chain" { " WHERE no IN (SELECT chain FROM floor)" } else { "" };
            work.write(&format!("DELETE FROM {table}{of}"), []);
        }
        work.write("DELETE FROM meta WHERE key='base'", []);
        work.check()?;
        work.derive(&mut |_, _| {})?.commit()
    }

    /// Begins programmes from rows: they were checked against a page somebody vouches for, whose charter epoch is
    /// `epoch`. The file must know that charter and hold no block of these programmes.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Begun`] where it holds one; a storage fault. Nothing is changed then.
    pub fn begin_from(
        &mut self,
        epoch: u32,
        programmes: &BTreeSet<ProgrammeId>,
        rows: &[Vec<u8>],
    ) -> Result<(), StoreFault> {
        let begun = self.feeds()?.into_iter().find(|feed| programmes.contains(&feed.id.programme));
        if let Some(feed) = begun {
            return Err(StoreFault::Begun { feed: feed.id.short() });
        }
        let work = self.begin()?;
        work.put_base(epoch, programmes, rows)?;
        work.derive(&mut |_, _| {})?.commit()
    }
}

impl Work<'_> {
    /// Replaces what this file begins with. State is to be derived anew after it, in the same transaction.
    pub(super) fn put_base(
        &self,
        epoch: u32,
        programmes: &BTreeSet<ProgrammeId>,
        rows: &[Vec<u8>],
    ) -> Result<(), StoreFault> {
        self.writing()?.execute("DELETE FROM base", [])?;
        self.writing()?.execute("DELETE FROM floor", [])?;
        for row in rows {
            self.write("INSERT OR IGNORE INTO base(row) VALUES(?1)", [row]);
            let (_, read) = Working::of_row(row)?;
            if let Working::Chain { feed, blocks, head, stamp } = read {
                let chain = self.open_trunk(&feed)?;
                self.write(
                    "INSERT OR REPLACE INTO floor(chain, blocks, next, accumulator, stamp) VALUES(?1, ?2, ?3, ?4, ?5)",
                    params![
                        chain.0,
                        blocks.cast_signed(),
                        head.next.cast_signed(),
                        head.accumulator.0,
                        stamp.0
                    ],
                );
            }
        }
        let programmes: Vec<ProgrammeId> = programmes.iter().copied().collect();
        self.write(
            "INSERT OR REPLACE INTO meta(key, value) VALUES('base', ?1)",
            [wire::encode(&(epoch, programmes))],
        );
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_derived_table_is_carried_by_a_checkpoint() {
        let mut tables = super::super::schema::DERIVED_TABLES;
        let mut carried = CARRIED.map(|(table, _)| table);
        tables.sort_unstable();
        carried.sort_unstable();
        assert_eq!(tables, carried);
    }
}
