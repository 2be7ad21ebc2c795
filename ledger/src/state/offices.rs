//! What is known of days and settlements: entries about entries, which move no unit.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::DayRow;
use crate::id::FeedRef;
use crate::settlement::SettlementRow;
use crate::view::{At, ChainNo, Change, View};

/// Days, lines and settlements, of all feeds or of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offices {
    /// Openings and closings, by their places.
    pub(crate) days: BTreeMap<At, DayRow>,
    /// By the feed that is settled: each line, and the draft that took it.
    lines: BTreeMap<FeedRef, BTreeSet<(At, At)>>,
    /// By the places of their drafts.
    pub(crate) settlements: BTreeMap<At, SettlementRow>,
}

impl Offices {
    /// Takes in a change of days or settlements; any other changes nothing.
    pub(crate) fn set(&mut self, change: &Change) {
        match change {
            Change::Day(at, row) => {
                self.days.insert(*at, *row);
            }
            Change::Line { feed, line, draft } => {
                self.lines.entry(*feed).or_default().insert((*line, *draft));
            }
            Change::Settlement(at, row) => {
                self.settlements.insert(*at, (**row).clone());
            }
            _ => {}
        }
    }

    /// As [`View::day`], along the chains of a view.
    pub(crate) fn day(&self, view: &dyn View, chain: ChainNo) -> Option<(u64, DayRow)> {
        let (mut chain, mut below) = (chain, u64::MAX);
        loop {
            let own = At { chain, index: 0 }..At { chain, index: below };
            if let Some((at, row)) = self.days.range(own).next_back() {
                return Some((at.index, *row));
            }
            let left = view.chain(chain).left?;
            (chain, below) = (left.chain, left.index.min(below));
        }
    }

    /// Every line, of whichever feed, and the draft that took it.
    pub(crate) fn drafted(&self) -> impl Iterator<Item = (At, At)> {
        self.lines.values().flatten().copied()
    }

    /// As [`View::lines`].
    pub(crate) fn lines(&self, feed: &FeedRef) -> Vec<(At, At)> {
        self.lines.get(feed).into_iter().flatten().copied().collect()
    }
}
