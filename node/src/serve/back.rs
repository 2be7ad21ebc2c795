//! What nobody at a site can use any more goes back as budget: what is over of a float, a reserve or a budget, and what
//! was issued and not fetched until its last minute.

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Lot, Owner, Send, Value};
use annona_ledger::id::{CycleId, FeedId};
use annona_ledger::limits;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::Minute;
use annona_ledger::view::LotRow;

use super::bound;
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

/// The lots of a cycle at a feed that can go back, oldest first, with what is free of each. What is put by for a time that
/// is over has to be let go first.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] where the feed has no chain here.
pub fn unused(
    work: &Work<'_>,
    feed: &FeedId,
    cycle: CycleId,
    at: Minute,
) -> Result<Vec<(Lot, LotRow, Unused)>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let lots = work.all_lots().into_iter().filter(|(place, lot)| {
        place.chain == chain && lot.cycle == cycle && lot.available().units() > 0
    });
    Ok(lots
        .filter_map(|(place, lot)| Some((Lot(place.index), lot, Unused::of(&lot, at)?)))
        .collect())
}

/// Lots that one basket takes back.
pub const LOTS: usize = limits::BASKET_ENTRIES as usize;

/// Composes the sends that give lots back to another node as budget: at most [`LOTS`], all of them or none.
#[must_use]
pub fn back(lots: &[(Lot, LotRow, Unused)], to: [u8; 8], at: Minute) -> Vec<Composed> {
    let sends = lots.iter().take(LOTS).map(|(from, lot, _)| {
        let units = u64::try_from(lot.available().units()).unwrap_or(u64::MAX);
        Value::Send(Send {
            from: *from,
            to,
            owner: Owner::Budget,
            cycle: lot.cycle,
            commodity: lot.commodity,
            amount: Amount::new(units).unwrap_or(Amount::MAX),
            expires: Minute::NEVER,
            at,
        })
    });
    bound(sends.collect())
}
