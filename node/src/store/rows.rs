//! How values stand in columns: the one place that turns rows into rows.

use annona_ledger::amount::{Amount, Balance};
use annona_ledger::entry::{Lot, Owner};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, EntryName, FeedId, FeedRef, Lane, ProgrammeId, Purse,
};
use annona_ledger::key::PublicKey;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, FloatRow, HoldRow, LotRow, Opened, Slot, TicketRow, Use};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Result, Row};

/// Bits of a place's number that are the index; the chain stands above them.
const INDEX_BITS: u32 = 40;

/// The number of no place.
pub(super) const NOWHERE: i64 = -1;

/// A place as one integer: chain × 2⁴⁰ + index. 2²² chains of 2⁴⁰ entries fit below SQLite's largest integer.
#[derive(Clone, Copy)]
pub(super) struct At64(pub(super) At);

impl At64 {
    pub(super) fn number(self) -> i64 {
        // Any entry may name any index. No row is at one so high, and this is the number of none.
        if self.0.index >> INDEX_BITS != 0 {
            return NOWHERE;
        }
        let number = (u64::from(self.0.chain.0) << INDEX_BITS) | self.0.index;
        i64::try_from(number).unwrap_or(NOWHERE)
    }

    pub(super) fn of(number: i64) -> At {
        let number = number.cast_unsigned();
        let chain = u32::try_from(number >> INDEX_BITS).unwrap_or(u32::MAX);
        At { chain: ChainNo(chain), index: number & ((1 << INDEX_BITS) - 1) }
    }
}

impl ToSql for At64 {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.number())))
    }
}

impl FromSql for At64 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self::of).map(Self)
    }
}

/// A balance: an integer where it fits 64 bits, else its 16 bytes.
pub(super) struct Sum(pub(super) Balance);

impl ToSql for Sum {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(match i64::try_from(self.0.units()) {
            Ok(units) => Value::Integer(units),
            Err(_) => Value::Blob(self.0.units().to_be_bytes().to_vec()),
        }))
    }
}

impl FromSql for Sum {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(units) => Ok(Self(Balance::of(i128::from(units)))),
            ValueRef::Blob(bytes) => {
                let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| FromSqlError::InvalidType)?;
                Ok(Self(Balance::of(i128::from_be_bytes(bytes))))
            }
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) => {
                Err(FromSqlError::InvalidType)
            }
        }
    }
}

/// An amount: at most 2⁶³ − 1, so always an integer.
pub(super) struct Units(pub(super) Amount);

impl ToSql for Units {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let units = i64::try_from(self.0.units()).unwrap_or(i64::MAX);
        Ok(ToSqlOutput::Owned(Value::Integer(units)))
    }
}

impl FromSql for Units {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let units = i64::column_result(value)?;
        let units = u64::try_from(units).map_err(|_| FromSqlError::OutOfRange(units))?;
        Amount::new(units).map(Self).ok_or(FromSqlError::InvalidType)
    }
}

pub(super) fn owner_columns(owner: &Owner) -> (u8, Option<[u8; 16]>) {
    match owner {
        Owner::Budget => (0, None),
        Owner::Float => (1, None),
        Owner::Reserve => (2, None),
        Owner::Purse(purse) => (3, Some(purse.0)),
    }
}

fn owner(kind: u8, purse: Option<[u8; 16]>) -> Result<Owner> {
    match (kind, purse) {
        (0, None) => Ok(Owner::Budget),
        (1, None) => Ok(Owner::Float),
        (2, None) => Ok(Owner::Reserve),
        (3, Some(purse)) => Ok(Owner::Purse(Purse(purse))),
        _ => Err(damaged()),
    }
}

pub(super) fn damaged() -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        0,
        rusqlite::types::Type::Integer,
        Box::new(FromSqlError::InvalidType),
    )
}

pub(super) const fn opened_number(opened: Opened) -> u8 {
    match opened {
        Opened::Issue => 0,
        Opened::Claim => 1,
        Opened::Refund => 2,
        Opened::Unbacked => 3,
        Opened::Waiting => 4,
    }
}

fn opened(number: u8) -> Result<Opened> {
    match number {
        0 => Ok(Opened::Issue),
        1 => Ok(Opened::Claim),
        2 => Ok(Opened::Refund),
        3 => Ok(Opened::Unbacked),
        4 => Ok(Opened::Waiting),
        _ => Err(damaged()),
    }
}

/// The columns of a slot, in the order [`slot`] reads them.
pub(super) const SLOT: &str =
    "same, origin, owner, purse, cycle, commodity, balance, held, expires, opened";

pub(super) fn slot(row: &Row<'_>) -> Result<Slot> {
    slot_from(row, 0)
}

/// Reads a slot whose columns begin at `first`.
pub(super) fn slot_from(row: &Row<'_>, first: usize) -> Result<Slot> {
    if let Some(same) = row.get::<_, Option<At64>>(first)? {
        return Ok(Slot::Same(same.0));
    }
    Ok(Slot::Lot(LotRow {
        origin: Hash(row.get(first + 1)?),
        owner: owner(row.get(first + 2)?, row.get(first + 3)?)?,
        cycle: CycleId(row.get(first + 4)?),
        commodity: CommodityId(row.get(first + 5)?),
        balance: row.get::<_, Sum>(first + 6)?.0,
        held: row.get::<_, Sum>(first + 7)?.0,
        expires: Minute(row.get(first + 8)?),
        opened: opened(row.get(first + 9)?)?,
    }))
}

/// The columns of a ticket, in the order [`ticket`] reads them.
pub(super) const TICKET: &str = "programme, sender, idx, lot, receiver, owner, purse, cycle, commodity, amount, expires, placed, claimed";

pub(super) fn ticket(row: &Row<'_>) -> Result<TicketRow> {
    Ok(TicketRow {
        programme: ProgrammeId(row.get(0)?),
        from: row.get(1)?,
        index: row.get::<_, i64>(2)?.cast_unsigned(),
        lot: Lot(row.get::<_, i64>(3)?.cast_unsigned()),
        to: row.get(4)?,
        owner: owner(row.get(5)?, row.get(6)?)?,
        cycle: CycleId(row.get(7)?),
        commodity: CommodityId(row.get(8)?),
        amount: row.get::<_, Units>(9)?.0,
        expires: Minute(row.get(10)?),
        placed: row.get(11)?,
        claimed: row.get::<_, Option<At64>>(12)?.map(|at| at.0),
    })
}

pub(super) fn hold(row: &Row<'_>) -> Result<HoldRow> {
    Ok(HoldRow {
        lot: row.get::<_, At64>(0)?.0,
        amount: row.get::<_, Units>(1)?.0,
        merchant: row.get(2)?,
        until: Minute(row.get(3)?),
    })
}

/// The columns of a float redemption, in the order [`float`] reads them.
pub(super) const FLOAT: &str = "at, feed, home, purse, cycle, commodity, amount, stamp";

pub(super) fn float(row: &Row<'_>, name: &Hash) -> Result<FloatRow> {
    let at = row.get::<_, At64>(0)?.0;
    let feed = feed_ref(&row.get::<_, [u8; 11]>(1)?).ok_or_else(damaged)?;
    let home = feed_ref(&row.get::<_, [u8; 11]>(2)?).ok_or_else(damaged)?;
    Ok(FloatRow {
        at,
        name: EntryName { feed, index: at.index, accumulator: *name },
        home,
        purse: Purse(row.get(3)?),
        cycle: CycleId(row.get(4)?),
        commodity: CommodityId(row.get(5)?),
        amount: row.get::<_, Units>(6)?.0,
        stamp: Minute(row.get(7)?),
    })
}

/// A feed's short name in eleven bytes: node, lane, programme.
pub(super) fn feed_ref_bytes(feed: &FeedRef) -> [u8; 11] {
    let mut bytes = [0u8; 11];
    bytes[..8].copy_from_slice(&feed.node);
    bytes[8] = feed.lane as u8;
    bytes[9..].copy_from_slice(&feed.programme.0.to_be_bytes());
    bytes
}

pub(super) fn feed_ref(bytes: &[u8; 11]) -> Option<FeedRef> {
    let (node, rest) = bytes.split_first_chunk::<8>()?;
    let [lane, high, low] = *rest.first_chunk::<3>()?;
    let programme = ProgrammeId(u16::from_be_bytes([high, low]));
    Some(FeedRef { node: *node, lane: lane_of(lane)?, programme })
}

const fn lane_of(number: u8) -> Option<Lane> {
    match number {
        0 => Some(Lane::Control),
        1 => Some(Lane::Value),
        2 => Some(Lane::Registry),
        3 => Some(Lane::Access),
        _ => None,
    }
}

/// A feed from the 36 bytes of [`FeedId::bytes`].
pub(crate) fn feed_id(bytes: &[u8; 36]) -> Option<FeedId> {
    let (algorithm, rest) = bytes.split_first()?;
    let (key, rest) = rest.split_first_chunk::<32>()?;
    let [lane, high, low] = *rest.first_chunk::<3>()?;
    let programme = ProgrammeId(u16::from_be_bytes([high, low]));
    (*algorithm == 0).then_some(())?;
    Some(FeedId { node: PublicKey::Ed25519(*key), lane: lane_of(lane)?, programme })
}

/// A use as kind and key.
pub(super) fn use_key(what: &Use) -> (u8, Vec<u8>) {
    match what {
        Use::Ticket(name) => (1, name.0.to_vec()),
        Use::Float(name) => (2, name.0.to_vec()),
        Use::Redemption(at) => (3, At64(*at).number().to_be_bytes().to_vec()),
        Use::Hold(at) => (4, At64(*at).number().to_be_bytes().to_vec()),
        Use::Row { node, list, row } => {
            (5, [&node[..], &list.to_be_bytes(), &row.to_be_bytes()].concat())
        }
    }
}

/// Reads a use back from kind and key.
pub(super) fn use_of(kind: u8, key: &[u8]) -> Result<Use> {
    let hash = || key.try_into().map(Hash).map_err(|_| damaged());
    let place = || {
        let bytes = key.try_into().map_err(|_| damaged())?;
        Ok::<At, rusqlite::Error>(At64::of(i64::from_be_bytes(bytes)))
    };
    match kind {
        1 => Ok(Use::Ticket(hash()?)),
        2 => Ok(Use::Float(hash()?)),
        3 => Ok(Use::Redemption(place()?)),
        4 => Ok(Use::Hold(place()?)),
        5 => {
            let (node, rest) = key.split_first_chunk::<8>().ok_or_else(damaged)?;
            let (list, row) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
            let row = row.try_into().map_err(|_| damaged())?;
            let (list, row) = (u64::from_be_bytes(*list), u32::from_be_bytes(row));
            Ok(Use::Row { node: *node, list, row })
        }
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_index_an_entry_may_name_is_another_place() {
        let at = |index| At { chain: ChainNo(3), index };
        let most = (1 << INDEX_BITS) - 1;
        for index in [0, 5, most] {
            assert_eq!(At64::of(At64(at(index)).number()), at(index));
        }
        for index in [most + 1, (1 << INDEX_BITS) + 5, 1 << 63, u64::MAX] {
            assert_eq!(At64(at(index)).number(), NOWHERE, "{index}");
        }
    }
}
