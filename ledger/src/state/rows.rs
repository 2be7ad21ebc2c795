//! Rows of state as bytes, and the root over them: each table has its number, each row its leaf (spec/state.md).

use crate::amount::Balance;
use crate::consent::{Said, Told};
use crate::day::DayRow;
use crate::entry::Owner;
use crate::hash::Hash;
use crate::id::{CarrierId, CycleId, FeedRef, ProgrammeId, Pseudonym};
use crate::key::PublicKey;
use crate::leaf::{self, LeafId};
use crate::list::List;
use crate::settlement::SettlementRow;
use crate::view::{ClockWord, FloatRow, LotRow, Pool, PoolKey, Revocation, TicketRow};
use crate::wire;

/// The root over rows of state, in any order (spec/state.md).
#[must_use]
pub fn root(rows: Vec<Vec<u8>>) -> Hash {
    leaf::root(&leaf::leaves(rows))
}

/// The number of the table a row stands in.
#[must_use]
pub fn table(row: &[u8]) -> Option<u8> {
    row.get(LeafId::of(row).bytes().len()).copied()
}

/// Bytes of a row: its leaf, a table number, then fields of fixed length (spec/state.md).
struct RowBytes(Vec<u8>);

impl RowBytes {
    fn of(programme: ProgrammeId, cycle: CycleId, table: u8) -> Self {
        let mut bytes = LeafId { programme, cycle }.bytes().to_vec();
        bytes.push(table);
        Self(bytes)
    }

    fn with(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn feed(self, feed: &FeedRef) -> Self {
        self.with(&feed.node).with(&[feed.lane as u8]).with(&feed.programme.0.to_be_bytes())
    }

    fn owner(self, owner: &Owner) -> Self {
        match owner {
            Owner::Budget => self.with(&[0]).with(&[0; 16]),
            Owner::Float => self.with(&[1]).with(&[0; 16]),
            Owner::Reserve => self.with(&[2]).with(&[0; 16]),
            Owner::Purse(purse) => self.with(&[3]).with(&purse.0),
        }
    }

    fn balance(self, balance: Balance) -> Self {
        self.with(&balance.units().to_be_bytes())
    }
}

/// A lot, as it enters the state root: node, origin, owner, commodity, balance, expires.
#[must_use]
pub fn lot_bytes(feed: &FeedRef, lot: &LotRow) -> Vec<u8> {
    RowBytes::of(feed.programme, lot.cycle, 1)
        .with(&feed.node)
        .with(&lot.origin.0)
        .owner(&lot.owner)
        .with(&[lot.commodity.0])
        .balance(lot.balance)
        .with(&lot.expires.0.to_be_bytes())
        .0
}

/// A pool, as it enters the state root.
#[must_use]
pub fn pool_bytes(key: &PoolKey, pool: &Pool) -> Vec<u8> {
    RowBytes::of(key.programme, key.cycle, 2)
        .with(&key.node)
        .with(&[key.commodity.0])
        .balance(pool.lots)
        .balance(pool.arriving)
        .balance(pool.redeemed)
        .0
}

/// A ticket, as it enters the state root: whether it was claimed, not where, and whether its entry is here.
#[must_use]
pub fn ticket_bytes(name: &Hash, row: &TicketRow) -> Vec<u8> {
    RowBytes::of(row.programme, row.cycle, 3)
        .with(&name.0)
        .with(&row.from.unwrap_or_default())
        .with(&row.to)
        .owner(&row.owner)
        .with(&[row.commodity.0])
        .with(&row.amount.units().to_be_bytes())
        .with(&[u8::from(row.placed), u8::from(row.claimed.is_some())])
        .0
}

/// A float redemption, as it enters the state root.
#[must_use]
pub fn float_bytes(name: &Hash, row: &FloatRow) -> Vec<u8> {
    RowBytes::of(row.name.feed.programme, row.cycle, 4)
        .with(&name.0)
        .feed(&row.home)
        .with(&row.purse.0)
        .with(&[row.commodity.0])
        .with(&row.amount.units().to_be_bytes())
        .0
}

/// An enrolment, as it enters the state root.
#[must_use]
pub fn enrolled_bytes(programme: ProgrammeId, who: &Pseudonym) -> Vec<u8> {
    RowBytes::of(programme, CycleId(0), 5).with(&who.0).0
}

/// A carrier's binding, as it enters the state root.
#[must_use]
pub fn carrier_bytes(programme: ProgrammeId, carrier: &CarrierId, who: &Pseudonym) -> Vec<u8> {
    RowBytes::of(programme, CycleId(0), 6).with(&carrier.0).with(&who.0).0
}

/// A carrier's cancellation, as it enters the state root.
#[must_use]
pub fn cancelled_bytes(programme: ProgrammeId, carrier: &CarrierId) -> Vec<u8> {
    RowBytes::of(programme, CycleId(0), 7).with(&carrier.0).0
}

/// A frozen list, as it enters the state root.
#[must_use]
pub fn list_bytes(node: &[u8; 8], index: u64, list: &List) -> Vec<u8> {
    RowBytes::of(list.programme, list.cycle, 8)
        .with(node)
        .with(&index.to_be_bytes())
        .with(&list.root.0)
        .0
}

/// A revocation, as it enters the state root.
#[must_use]
pub fn revocation_bytes(said: &Revocation) -> Vec<u8> {
    RowBytes::of(said.feed.programme, CycleId(0), 9)
        .feed(&said.feed)
        .with(&said.by)
        .with(&said.cut.seq.to_be_bytes())
        .with(&said.cut.head.0)
        .with(&[said.reason as u8])
        .0
}

/// The end of a feed, as it enters the state root.
#[must_use]
pub fn end_bytes(feed: &FeedRef, index: u64, accumulator: &Hash) -> Vec<u8> {
    RowBytes::of(feed.programme, CycleId(0), 10)
        .feed(feed)
        .with(&index.to_be_bytes())
        .with(&accumulator.0)
        .0
}

/// An operator's word about a clock, as it enters the state root.
#[must_use]
pub fn clock_word_bytes(word: &ClockWord) -> Vec<u8> {
    let PublicKey::Ed25519(key) = word.operator;
    RowBytes::of(ProgrammeId::NONE, CycleId(0), 11)
        .with(&word.node)
        .with(&word.clock.0.to_be_bytes())
        .with(&key)
        .0
}

/// What was said about people, as it enters the state root: who said it, and the words as they were said.
#[must_use]
pub fn told_bytes(told: &Told) -> Vec<u8> {
    let row = RowBytes::of(told.programme, CycleId(0), 16).with(&told.by);
    match &told.said {
        Said::People(people) => row.with(&[0]).with(&wire::encode(people)).0,
        Said::ErasureSeen { erased, on } => {
            row.with(&[1]).with(&erased.0.0).with(&on.0.to_be_bytes()).0
        }
    }
}

/// An entry that was shown, as it enters the state root: zeros for a name that nobody knows.
#[must_use]
pub fn shown_bytes(feed: &FeedRef, index: u64, leaf: &Hash, name: Option<&Hash>) -> Vec<u8> {
    RowBytes::of(feed.programme, CycleId(0), 13)
        .with(&feed.node)
        .with(&index.to_be_bytes())
        .with(&leaf.0)
        .with(&name.unwrap_or(&Hash::ZERO).0)
        .0
}

/// The opening or closing of a day, as it enters the state root: zeros for the root of an opening.
#[must_use]
pub fn day_bytes(feed: &FeedRef, row: &DayRow) -> Vec<u8> {
    RowBytes::of(feed.programme, CycleId(0), 14)
        .with(&feed.node)
        .with(&row.name.0)
        .with(&row.first.to_be_bytes())
        .with(&row.closed.unwrap_or_default().0)
        .0
}

/// A settlement, as it enters the state root: its draft, and who took which step.
#[must_use]
pub fn settlement_bytes(feed: &FeedRef, row: &SettlementRow) -> Vec<u8> {
    let mut bytes = RowBytes::of(feed.programme, CycleId(0), 15)
        .with(&feed.node)
        .with(&row.name.0)
        .with(&row.root.0)
        .with(&row.rows.to_be_bytes())
        .with(&[row.stage() as u8]);
    let mut steps: Vec<_> =
        row.by.iter().map(|taken| (taken.step, taken.operator, taken.at)).collect();
    steps.dedup();
    for (step, operator, at) in steps {
        let PublicKey::Ed25519(key) = operator;
        bytes = bytes.with(&[step as u8]).with(&key).with(&at.0.to_be_bytes());
    }
    bytes.0
}

#[cfg(test)]
mod tests;
