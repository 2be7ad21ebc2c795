//! What nobody at a site can use any more goes back as budget: what is over of a float, a reserve or a budget, and what
//! was issued and not fetched until its last minute.

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Lot, Owner, Send, Value};
use annona_ledger::id::{CycleId, FeedId};
use annona_ledger::limits;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, LotRow};

use super::lots::freed;
use super::{bound, let_go, over};
use crate::node::{Composed, NodeFault};
use crate::store::Work;

/// What kind of lot goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unused {
    /// Issued to somebody, and not fetched in time.
    Expired,
    /// The site's own allowance.
    Float,
    /// Set aside for the families of another site.
    Reserve,
    /// Not issued.
    Budget,
}

impl Unused {
    /// What a lot is left as. `None` of a purse that may still be paid from.
    #[must_use]
    pub fn of(lot: &LotRow, at: Minute) -> Option<Self> {
        match lot.owner {
            Owner::Purse(_) if lot.expires < at => Some(Self::Expired),
            Owner::Purse(_) => None,
            Owner::Float => Some(Self::Float),
            Owner::Reserve => Some(Self::Reserve),
            Owner::Budget => Some(Self::Budget),
        }
    }
}

/// A lot that can go back, with what is free of it once the holds nobody can post any more are let go.
#[derive(Clone, Debug)]
pub struct Back {
    /// The lot.
    pub lot: Lot,
    /// As it is without those holds.
    pub row: LotRow,
    /// What it is left as.
    pub left: Unused,
    /// The holds that are let go with it, in the same basket: fewer than [`LOTS`].
    holds: Vec<u64>,
}

/// The lots of a cycle at a feed that can go back, oldest first. What is put by for a time that is over goes with its lot:
/// nobody can post it any more, and who put it by may have lost its number.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] where the feed has no chain here.
pub fn unused(
    work: &Work<'_>,
    feed: &FeedId,
    cycle: CycleId,
    at: Minute,
) -> Result<Vec<Back>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let lots = work.all_lots().into_iter();
    let lots = lots.filter(|(place, lot)| place.chain == chain && lot.cycle == cycle);
    let back = |(place, row): (At, LotRow)| {
        let left = Unused::of(&row, at)?;
        let mut over = over(work, &[(place, row)], at);
        over.truncate(LOTS.saturating_sub(1));
        let lot = Lot(place.index);
        let (_, row) = freed(&[(lot, row)], &over).pop()?;
        let holds = over.iter().map(|hold| hold.hold).collect();
        (row.available().units() > 0).then_some(Back { lot, row, left, holds })
    };
    Ok(lots.filter_map(back).collect())
}

/// Entries that one basket binds: sends, and the holds let go before them.
pub const LOTS: usize = limits::BASKET_ENTRIES as usize;

/// Parts lots into baskets, in their order.
#[must_use]
pub fn baskets(lots: &[Back]) -> Vec<&[Back]> {
    let (mut all, mut from, mut entries) = (Vec::new(), 0usize, 0usize);
    for (nth, lot) in lots.iter().enumerate() {
        let takes = lot.holds.len().saturating_add(1);
        if entries.saturating_add(takes) > LOTS {
            all.extend(lots.get(from..nth));
            (from, entries) = (nth, 0);
        }
        entries = entries.saturating_add(takes);
    }
    all.extend(lots.get(from..).filter(|rest| !rest.is_empty()));
    all
}

/// Composes the sends that give the lots of one basket ([`baskets`]) back to another node as budget, all of them or none.
#[must_use]
pub fn back(lots: &[Back], to: [u8; 8], at: Minute) -> Vec<Composed> {
    let holds = lots.iter().flat_map(|lot| lot.holds.iter().copied()).collect();
    let mut entries: Vec<Value> = let_go(holds, at).collect();
    entries.extend(lots.iter().map(|Back { lot, row, .. }| {
        let units = u64::try_from(row.available().units()).unwrap_or(u64::MAX);
        Value::Send(Send {
            from: *lot,
            to,
            owner: Owner::Budget,
            cycle: row.cycle,
            commodity: row.commodity,
            amount: Amount::new(units).unwrap_or(Amount::MAX),
            expires: Minute::NEVER,
            at,
        })
    }));
    bound(entries)
}
