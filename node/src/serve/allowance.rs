//! What a site may still hand out of its own allowance: what it has, and what the programme's risk policy leaves.

use annona_ledger::amount::{Amount, Balance};
use annona_ledger::entry::Owner;
use annona_ledger::id::{CommodityId, FeedId, Purse};
use annona_ledger::time::Minute;
use annona_ledger::view::{FloatSpan, View};

use super::common;
use crate::store::Work;

/// A limit, and what is left of it, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most.
    pub most: u64,
    /// What is left of it.
    pub left: u64,
}

impl Limit {
    fn of(most: Amount, used: Balance) -> Self {
        let left = Balance::from(most).units().saturating_sub(used.units());
        Self { most: most.units(), left: u64::try_from(left.max(0)).unwrap_or(u64::MAX) }
    }
}

/// What is left of the allowance of a site, of one commodity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Of what.
    pub commodity: CommodityId,
    /// What lies here for it, in minor units.
    pub here: u64,
    /// To one purse: the one that was asked about, or whoever had none of it.
    pub purse: Limit,
    /// On this day: it begins at the hour in which the federation was founded.
    pub day: Limit,
    /// Until the homes cover it.
    pub site: Limit,
}

impl Allowance {
    /// The most that may be handed out at once, in minor units.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.here.min(self.purse.left).min(self.day.left).min(self.site.left)
    }
}

/// What is left of a feed's allowance at a minute, for one purse where one is named: every commodity that may be given from
/// one, ascending.
#[must_use]
pub fn allowances(
    work: &Work<'_>,
    feed: &FeedId,
    purse: Option<&Purse>,
    at: Minute,
) -> Vec<Allowance> {
    let Some(programme) = work.charter().programme(feed.programme) else { return Vec::new() };
    let chain = work.trunk(feed);
    let lots = chain.map(|chain| common(work, chain, Owner::Float)).unwrap_or_default();
    let of = |cap: &annona_ledger::charter::Cap| {
        let commodity = cap.commodity;
        let used =
            |span| chain.map_or(Balance::ZERO, |chain| work.float_used(chain, commodity, span));
        let lots = lots.iter().filter(|(_, lot)| lot.commodity == commodity);
        let here = lots.fold(0_u64, |sum, (_, lot)| {
            let units = u64::try_from(lot.available().units()).unwrap_or(u64::MAX);
            sum.saturating_add(units)
        });
        let had = purse.map_or(Balance::ZERO, |purse| used(FloatSpan::Purse(*purse)));
        Allowance {
            commodity,
            here,
            purse: Limit::of(cap.per_purse, had),
            day: Limit::of(cap.per_site_day, used(FloatSpan::Day(at.day()))),
            site: Limit::of(cap.per_site, used(FloatSpan::Site)),
        }
    };
    programme.risk.caps.iter().map(of).collect()
}
