//! Writing down what a fold changed.

use annona_ledger::amount::Balance;
use annona_ledger::fold::covers;
use annona_ledger::hash::Hash;
use annona_ledger::id::CommodityId;
use annona_ledger::view::{
    At, ChainNo, Change, Fault, FloatRow, FloatSpan, Slot, TicketRow, Use, View,
};
use annona_ledger::wire;
use rusqlite::params;

use super::StoreFault;
use super::rows::{self, At64, Sum, Units};
use super::work::{ChainRow, Work};

/// A span of float use as a key: one byte for its kind, then the purse or the day.
pub(super) fn span_key(span: &FloatSpan) -> Vec<u8> {
    match span {
        FloatSpan::Purse(purse) => [&[0], &purse.0[..]].concat(),
        FloatSpan::Day(day) => [&[1], &day.to_be_bytes()[..]].concat(),
        FloatSpan::Site => vec![2],
    }
}

impl Work<'_> {
    /// Applies one change of a fold.
    pub(super) fn apply(&self, change: Change) {
        match change {
            Change::Slot(at, slot) => self.put_slot(at, &slot),
            Change::Pool(key, by) => {
                let pool = self.pool(&key).plus(by);
                self.pools.borrow_mut().set(key, pool);
            }
            Change::Ticket(name, row) => self.put_ticket(&name, &row),
            Change::Hold(at, hold) => self.write(
                "INSERT OR REPLACE INTO hold(at, lot, amount, merchant, until) VALUES(?1, ?2, ?3, ?4, ?5)",
                params![At64(at), At64(hold.lot), Units(hold.amount), hold.merchant, hold.until.0],
            ),
            Change::Used(what, at) => self.put_use(&what, at),
            Change::Float(name, row) => self.put_float(&name, &row),
            Change::Merchant(chain, merchant) => {
                let Some(row) = self.chain_row(chain) else { return };
                self.write(
                    "INSERT OR REPLACE INTO merchant(chain, id, no, idx) VALUES(?1, ?2, ?3, ?4)",
                    params![chain.0, merchant.0, row.merchants, row.head.next.cast_signed()],
                );
                let merchants = row.merchants.saturating_add(1);
                self.set_chain(chain, ChainRow { merchants, ..row });
            }
            Change::List(node, index, list) => {
                self.approved.borrow_mut().remove(&(node, index));
                self.write(
                    "INSERT OR REPLACE INTO list(node, idx, bytes) VALUES(?1, ?2, ?3)",
                    params![node, index.cast_signed(), wire::encode(&*list)],
                );
            }
            Change::Enrolled(programme, who) => self.write(
                "INSERT OR IGNORE INTO enrolled(programme, pseudonym) VALUES(?1, ?2)",
                params![programme.0, who.0],
            ),
            Change::CarrierBound(programme, carrier, who, kind) => self.write(
                // Said to be two kinds, it is the lesser, whichever came first.
                "INSERT INTO carrier(programme, carrier, pseudonym, kind) VALUES(?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET kind=min(kind, excluded.kind)",
                params![programme.0, carrier.0, who.0, kind as u8],
            ),
            Change::CarrierCancelled(programme, carrier, at) => {
                self.put_cancelled(programme, &carrier, at);
            }
            Change::Waiting(node, at) => self.write(
                "INSERT OR IGNORE INTO waiting(node, at) VALUES(?1, ?2)",
                params![node, At64(at)],
            ),
            Change::Shown(fact) => self.put_shown(&fact),
            Change::Day(at, row) => self.put_day(at, &row),
            Change::Line { feed, line, draft } => self.put_line(&feed, line, draft),
            Change::Settlement(at, row) => self.put_settlement(at, &row),
            Change::Fault(at, fault) => {
                if fault == Fault::Halted {
                    self.put_halt(at);
                }
                self.put_fault(at, fault);
            }
            Change::Revoked(said) => self.put_revoked(&said),
            Change::Ended(at, accumulator) => self.put_ended(at, &accumulator),
            Change::ClockAnswered(word) => self.put_clock_word(&word),
            Change::Told(told) => self.put_told(&told),
        }
    }

    fn put_slot(&self, at: At, slot: &Slot) {
        let mut slots = self.slots.borrow_mut();
        match slot {
            // Only what is left of it and what is held can change after its opening.
            Slot::Lot(_) if matches!(slots.get(&at), Some(Slot::Lot(_))) => slots.set(at, *slot),
            // Nearly every lot is taken from soon after it is opened: it is written at the end, or before one is looked for.
            Slot::Lot(_) => slots.add(at, *slot),
            Slot::Same(first) => {
                slots.read(at, *slot);
                drop(slots);
                self.write(
                    "INSERT OR REPLACE INTO slot(at, same) VALUES(?1, ?2)",
                    params![At64(at), At64(*first)],
                );
            }
        }
    }

    /// Writes what came to be of lots.
    pub(super) fn flush_slots(&self) {
        let changed = self.slots.borrow_mut().changed();
        if !changed.is_empty() {
            let written = self.write_slots(changed);
            self.kept(written);
        }
    }

    fn write_slots(&self, changed: Vec<(At, Slot, bool)>) -> Result<(), StoreFault> {
        let tx = self.writing()?;
        // Found once for all: thousands are written at a time.
        let mut update = tx.prepare_cached("UPDATE slot SET balance=?2, held=?3 WHERE at=?1")?;
        // Only what can change after opening is rewritten: the index by purse then stays untouched.
        let mut insert = tx.prepare_cached(
            "INSERT INTO slot(at, origin, owner, purse, cycle, commodity, balance, held, expires, opened)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT(at) DO UPDATE SET balance=excluded.balance, held=excluded.held",
        )?;
        for (at, slot, new) in changed {
            let Slot::Lot(lot) = slot else { continue };
            if !new {
                update.execute(params![At64(at), Sum(lot.balance), Sum(lot.held)])?;
                continue;
            }
            let (owner, purse) = rows::owner_columns(&lot.owner);
            insert.execute(params![
                At64(at),
                lot.origin.0,
                owner,
                purse,
                lot.cycle.0,
                lot.commodity.0,
                Sum(lot.balance),
                Sum(lot.held),
                lot.expires.0,
                rows::opened_number(lot.opened),
            ])?;
        }
        Ok(())
    }

    fn put_ticket(&self, name: &Hash, row: &TicketRow) {
        self.unplaced.borrow_mut().clear();
        let (owner, purse) = rows::owner_columns(&row.owner);
        self.write(
            "INSERT OR REPLACE INTO ticket(name, programme, sender, idx, lot, receiver, owner, purse, cycle, commodity,
                    amount, expires, placed, claimed)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                name.0,
                row.programme.0,
                row.from,
                row.index.cast_signed(),
                row.lot.0.cast_signed(),
                row.to,
                owner,
                purse,
                row.cycle.0,
                row.commodity.0,
                Units(row.amount),
                row.expires.0,
                row.placed,
                row.claimed.map(At64),
            ],
        );
    }

    fn put_use(&self, what: &Use, at: At) {
        let (kind, key) = rows::use_key(what);
        if let Use::Float(name) = what
            && let Some(float) = self.float(name)
            && !self.is_covered(name, &float)
            && covers(self, &float, at)
        {
            let back = Balance::ZERO.debit(float.amount);
            self.add_float(float.at.chain, float.commodity, &FloatSpan::Site, back);
        }
        self.write(
            "INSERT OR IGNORE INTO used(kind, key, at) VALUES(?1, ?2, ?3)",
            params![kind, key, At64(at)],
        );
        if let Use::Row { node, list, row } = what
            && let Some(most) = self.rows_used.borrow_mut().get_mut(&(*node, *list))
        {
            *most = Some(*row).max(*most);
        }
    }

    fn put_float(&self, name: &Hash, row: &FloatRow) {
        self.write(
            "INSERT OR REPLACE INTO float(name, at, feed, home, purse, cycle, commodity, amount, stamp)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                name.0,
                At64(row.at),
                rows::feed_ref_bytes(&row.name.feed),
                rows::feed_ref_bytes(&row.home),
                row.purse.0,
                row.cycle.0,
                row.commodity.0,
                Units(row.amount),
                row.stamp.0,
            ],
        );
        let amount: Balance = Balance::from(row.amount);
        let (chain, commodity) = (row.at.chain, row.commodity);
        self.add_float(chain, commodity, &FloatSpan::Purse(row.purse), amount);
        self.add_float(chain, commodity, &FloatSpan::Day(row.stamp.day()), amount);
        if !self.is_covered(name, row) {
            self.add_float(chain, commodity, &FloatSpan::Site, amount);
        }
    }

    /// Whether a float redemption is made good.
    pub(super) fn is_covered(&self, name: &Hash, float: &FloatRow) -> bool {
        self.uses(&Use::Float(*name)).into_iter().any(|at| covers(self, float, at))
    }

    fn add_float(&self, chain: ChainNo, commodity: CommodityId, span: &FloatSpan, by: Balance) {
        let sum = self.float_used(chain, commodity, *span).plus(by);
        self.write(
            "INSERT OR REPLACE INTO float_sum(chain, commodity, span, amount) VALUES(?1, ?2, ?3, ?4)",
            params![chain.0, commodity.0, span_key(span), Sum(sum)],
        );
    }

    fn put_fault(&self, at: At, fault: Fault) {
        self.write(
            "INSERT OR IGNORE INTO fault(at, kind) VALUES(?1, ?2)",
            params![At64(at), fault as u8],
        );
        if fault.proves_insolvency() {
            self.mark_faulty(at.chain);
        }
    }

    /// Marks every chain of a feed: its writer stops, its food does not.
    pub(super) fn mark_faulty(&self, chain: ChainNo) {
        let chains = self.all(
            "SELECT no FROM chain WHERE feed=(SELECT feed FROM chain WHERE no=?1)",
            [chain.0],
            |r| r.get(0).map(ChainNo),
        );
        for chain in chains {
            if let Some(row) = self.chain_row(chain) {
                self.set_chain(chain, ChainRow { faulty: true, ..row });
            }
        }
    }
}
