//! What is put by: whose, of what, and until when.

use annona_ledger::entry::Owner;
use annona_ledger::fold::owner_of;
use annona_ledger::id::{CommodityId, CycleId, FeedId, Purse};
use annona_ledger::time::Minute;
use annona_ledger::view::{Slot, View};

use crate::store::Work;

/// Goods that were put by for a purse, and can still be handed out to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The entry that put them by, by its index in the feed.
    pub hold: u64,
    /// Whose.
    pub purse: Purse,
    /// The cycle.
    pub cycle: CycleId,
    /// Of what.
    pub commodity: CommodityId,
    /// How much, in minor units.
    pub units: u64,
    /// The last minute in which they may be handed out.
    pub until: Minute,
}

/// What is put by in a feed now, oldest first.
#[must_use]
pub fn held(work: &Work<'_>, feed: &FeedId, at: Minute) -> Vec<Held> {
    let Some(chain) = work.trunk(feed) else { return Vec::new() };
    let holds = work.open_holds(at).into_iter();
    // Those of other feeds, and of other branches of this one, are not to be handed out here.
    let ours = holds.filter(|(place, _)| owner_of(work, chain, place.index) == *place);
    let row = |(place, hold): (annona_ledger::view::At, annona_ledger::view::HoldRow)| {
        let Slot::Lot(lot) = work.slot(hold.lot)? else { return None };
        let Owner::Purse(purse) = lot.owner else { return None };
        Some(Held {
            hold: place.index,
            purse,
            cycle: lot.cycle,
            commodity: lot.commodity,
            units: hold.amount.units(),
            until: hold.until,
        })
    };
    ours.filter_map(row).collect()
}
