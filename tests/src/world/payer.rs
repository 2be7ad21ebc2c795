//! Who pays, outside: each reference once, whichever treasury asks.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{FeedId, FeedRef};
use annona_ledger::settlement::Kind;

use super::{Malice, World};
use crate::check::{Broken, Holds, ensure};
use crate::planted::Bug;

/// What was paid for one entry: how often, and how much; and what was taken off.
#[derive(Clone, Copy, Default, Debug)]
struct Paid {
    times: usize,
    units: u128,
    back: u128,
}

/// The payer.
#[derive(Default)]
pub(super) struct Payer {
    references: BTreeSet<Hash>,
    paid: BTreeMap<(FeedRef, u64, Hash), Paid>,
}

impl World {
    /// A settlement was recorded as paid: its rows are, each under its reference.
    pub(super) fn pay(&mut self, n: usize, feed: &FeedId, step: &Hash) -> Holds {
        let model = &self.nodes[n].model;
        let paid = |line: &&crate::model::SettlementLine| {
            line.is_paid() && line.steps.iter().any(|taken| taken.name == *step)
        };
        let Some(line) = model.settlements().iter().find(paid).cloned() else { return Ok(()) };
        let rows = model.rows_of(feed.programme, &line.lines).unwrap_or_default();
        self.coverage.note("paid");
        for row in rows {
            let reference = match self.options.bug {
                Some(Bug::PaysByRow) => {
                    hash(Purpose::Payment, &[&line.name.0, &row.row.to_be_bytes()])
                }
                _ => row.reference(&self.cast.federation, feed.programme),
            };
            if !self.payer.references.insert(reference) {
                self.coverage.note("payer refuses a reference again");
                continue;
            }
            let of = FeedRef::value(row.node, feed.programme);
            let place = (of, row.what.index, row.what.leaf);
            let units = u128::from(row.what.amount.units());
            let paid = self.payer.paid.entry(place).or_default();
            match row.what.kind {
                Kind::Redeemed => (paid.times, paid.units) = (paid.times + 1, paid.units + units),
                Kind::Refunded | Kind::Returned | Kind::Disputed => paid.back += units,
            }
            let paid = *paid;
            // What a liar hands out of nothing the model does not know.
            if self.malice == Malice::Lie && of.node == self.cast.nodes[self.villain].short() {
                continue;
            }
            let (copies, units) = self.truth.handed_at(&of, place.1, &place.2);
            ensure(
                paid.times <= copies && paid.units <= units && paid.back <= units,
                Broken::PaidTwice,
                || format!("{of}#{}: {paid:?} of {copies} entries, {units} units", place.1),
            )?;
        }
        Ok(())
    }
}
