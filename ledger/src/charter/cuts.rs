//! What the charter says of feeds that failed and cycles that closed. None of it moves a balance but a release.

use std::collections::BTreeMap;

use super::{Charter, CharterRejection, NodeCut};
use crate::amount::Amount;
use crate::cut::{Cut, Reason};
use crate::id::{CommodityId, CycleId, FeedRef, Lane, ProgrammeId};

/// A fence, as an article set it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fenced {
    /// Up to where: the lowest of all counts.
    pub cut: Cut,
    /// The article's epoch.
    pub epoch: u32,
    /// Why.
    pub reason: Reason,
}

/// Units taken out of a feed's suspense.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Released {
    /// The value feed they were taken from.
    pub feed: FeedRef,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// The only node that may claim them, by eight bytes of its key.
    pub reserve: [u8; 8],
}

/// A closed cycle: what the federation had been shown of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    /// The epoch of the first article that closed it.
    pub epoch: u32,
    /// The lowest cut of each node's value feed. A feed without one: nothing was shown.
    pub cuts: BTreeMap<[u8; 8], Cut>,
}

/// Everything of this kind in a charter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Cuts {
    fences: BTreeMap<FeedRef, Vec<Fenced>>,
    releases: BTreeMap<(u32, u8), Released>,
    closes: BTreeMap<(ProgrammeId, CycleId), Closed>,
}

impl Charter {
    /// The fences of a feed, in the order of their articles.
    #[must_use]
    pub fn fences(&self, feed: &FeedRef) -> &[Fenced] {
        self.cuts.fences.get(feed).map_or(&[], Vec::as_slice)
    }

    /// The feeds that are fenced, ascending.
    pub fn fenced(&self) -> impl Iterator<Item = &FeedRef> {
        self.cuts.fences.keys()
    }

    /// A release, as a claim's ticket names it.
    #[must_use]
    pub fn release(&self, epoch: u32, act: u8) -> Option<Released> {
        self.cuts.releases.get(&(epoch, act)).copied()
    }

    /// The releases, by article epoch and act.
    pub fn releases(&self) -> impl Iterator<Item = ((u32, u8), &Released)> {
        self.cuts.releases.iter().map(|(at, release)| (*at, release))
    }

    /// How a cycle was closed, if it was.
    #[must_use]
    pub fn closed(&self, programme: ProgrammeId, cycle: CycleId) -> Option<&Closed> {
        self.cuts.closes.get(&(programme, cycle))
    }

    /// The closed cycles, ascending.
    pub fn closes(&self) -> impl Iterator<Item = (ProgrammeId, CycleId, &Closed)> {
        self.cuts.closes.iter().map(|((programme, cycle), closed)| (*programme, *cycle, closed))
    }

    pub(super) fn fence(
        &mut self,
        epoch: u32,
        feed: FeedRef,
        cut: Cut,
        reason: Reason,
    ) -> Result<(), CharterRejection> {
        let known = match feed.lane {
            Lane::Control => feed.programme == ProgrammeId::NONE,
            Lane::Value | Lane::Registry | Lane::Access => self.programme(feed.programme).is_some(),
        };
        if !known {
            return Err(CharterRejection::UnknownProgramme);
        }
        sound(&cut)?;
        self.cuts.fences.entry(feed).or_default().push(Fenced { cut, epoch, reason });
        Ok(())
    }

    pub(super) fn set_free(
        &mut self,
        place: (u32, u8),
        release: Released,
    ) -> Result<(), CharterRejection> {
        let Released { feed, cycle, commodity, amount, reserve } = release;
        self.know(feed.programme, commodity)?;
        if amount == Amount::ZERO {
            return Err(CharterRejection::AmountZero);
        }
        let closed = feed.lane == Lane::Value && self.closed(feed.programme, cycle).is_some();
        if !closed && (feed.lane != Lane::Value || self.fences(&feed).is_empty()) {
            return Err(CharterRejection::NotFenced);
        }
        let to = FeedRef::value(reserve, feed.programme);
        if to == feed || !self.fences(&to).is_empty() {
            return Err(CharterRejection::ReserveFenced);
        }
        self.cuts.releases.insert(place, release);
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        epoch: u32,
        programme: ProgrammeId,
        cycle: CycleId,
        cuts: &[NodeCut],
    ) -> Result<(), CharterRejection> {
        if self.programme(programme).is_none() {
            return Err(CharterRejection::UnknownProgramme);
        }
        if !cuts.is_sorted_by(|a, b| a.node < b.node) {
            return Err(CharterRejection::NumbersNotRising);
        }
        cuts.iter().try_for_each(|shown| sound(&shown.cut))?;
        let new = Closed { epoch, cuts: BTreeMap::new() };
        let closed = self.cuts.closes.entry((programme, cycle)).or_insert(new);
        for NodeCut { node, cut } in cuts {
            let lowest = closed.cuts.entry(*node).or_insert(*cut);
            *lowest = cut.min(lowest).to_owned();
        }
        Ok(())
    }
}

fn sound(cut: &Cut) -> Result<(), CharterRejection> {
    if cut.is_sound() { Ok(()) } else { Err(CharterRejection::CutUnsound) }
}
