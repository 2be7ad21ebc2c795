//! Sends and claims matched by name, feed by feed: once both sides of a ticket are known, only its name is kept.

use std::collections::BTreeSet;

use super::feed::Told1;
use super::verdict::Where;
use crate::amount::Amount;
use crate::entry::Lot;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, ProgrammeId};
use crate::view::TicketRow;

/// A ticket about which something remains to be said: what is asked of it once all feeds were read, and no more, since
/// half of all tickets are claimed in a feed that is read before the sender's.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) programme: ProgrammeId,
    pub(super) from: [u8; 8],
    pub(super) index: u64,
    pub(super) lot: Lot,
    pub(super) of: (CycleId, CommodityId),
    pub(super) amount: Amount,
    pub(super) placed: bool,
    /// Where a claim carried it: in the first feed of those that did.
    pub(super) carried: Option<Where>,
    /// All of it, where rows are wanted: placed and claimed as soon as one feed has it so.
    pub(super) row: Option<Box<TicketRow>>,
}

/// All tickets that the feeds read so far know of.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    /// By name, ascending: a list takes two thirds of what a tree takes. `None` where nothing remains: the name alone
    /// says that its pools have moved.
    known: Vec<(Hash, Option<Box<Sending>>)>,
    /// Budget lines that were claimed.
    budgets: BTreeSet<Hash>,
    /// Whether rows are wanted of all.
    rows: bool,
}

impl Matched {
    pub(super) const fn new(rows: bool) -> Self {
        Self { known: Vec::new(), budgets: BTreeSet::new(), rows }
    }

    /// Takes in what one feed knows, by name, ascending. Every feed that is first to know, of what it was told, has moved the pools; `moves`
    /// takes that back and moves them once: a name commits to feed, index and entry, so all who know of it know the same.
    pub(super) fn take(
        &mut self,
        told: impl Iterator<Item = Told1>,
        mut moves: impl FnMut(&TicketRow, bool),
    ) {
        let mut new = Vec::new();
        let mut from_here = 0usize;
        for Told1 { name, row, moved, carried } in told {
            let Some(from) = row.from else {
                if row.claimed.is_some() {
                    self.budgets.insert(name);
                }
                continue;
            };
            if moved {
                moves(&row, true);
            }
            let later = self.known.get(from_here..).unwrap_or_default();
            from_here = from_here.saturating_add(later.partition_point(|(known, _)| *known < name));
            match self.known.get_mut(from_here).filter(|(known, _)| *known == name) {
                None => {
                    moves(&row, false);
                    let open = self.rows || !row.placed;
                    let sending = open.then(|| {
                        Box::new(Sending {
                            programme: row.programme,
                            from,
                            index: row.index,
                            lot: row.lot,
                            of: (row.cycle, row.commodity),
                            amount: row.amount,
                            placed: row.placed,
                            carried,
                            row: self.rows.then(|| Box::new(row)),
                        })
                    });
                    new.push((name, sending));
                }
                Some((_, known)) => {
                    let Some(sending) = known else { continue };
                    sending.placed |= row.placed;
                    if let Some(all) = &mut sending.row {
                        all.placed |= row.placed;
                        all.claimed = all.claimed.or(row.claimed);
                    }
                    let both = [sending.carried, carried];
                    sending.carried = both.into_iter().flatten().min_by_key(|place| place.feed);
                    if sending.placed && !self.rows {
                        *known = None;
                    }
                }
            }
        }
        self.add(new);
    }

    /// Merges ascending names that are not known yet, from the back, so that nothing is held twice.
    fn add(&mut self, mut new: Vec<(Hash, Option<Box<Sending>>)>) {
        let mut old = self.known.len();
        let mut end = old.saturating_add(new.len());
        self.known.reserve_exact(new.len());
        self.known.resize(end, (Hash::ZERO, None));
        while let Some((name, _)) = new.last() {
            end = end.saturating_sub(1);
            let before = old.checked_sub(1);
            match before.filter(|at| self.known.get(*at).is_some_and(|(known, _)| known > name)) {
                Some(at) => {
                    self.known.swap(at, end);
                    old = at;
                }
                None => {
                    if let Some((place, one)) = self.known.get_mut(end).zip(new.pop()) {
                        *place = one;
                    }
                }
            }
        }
    }

    /// Whether any feed knows of a ticket.
    pub(super) fn knows(&self, name: &Hash) -> bool {
        self.known.binary_search_by_key(&name, |(known, _)| known).is_ok()
    }

    /// Whether a budget line was claimed.
    pub(super) fn claims(&self, name: &Hash) -> bool {
        self.budgets.contains(name)
    }

    /// Whether a block of its sender says this ticket.
    pub(super) fn is_placed(&self, name: &Hash) -> bool {
        let found = self.known.binary_search_by_key(&name, |(known, _)| known);
        let known = found.ok().and_then(|at| self.known.get(at));
        known.is_some_and(|(_, sending)| sending.as_ref().is_none_or(|sending| sending.placed))
    }

    /// The tickets that no block of their sender says, by name.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = (&Hash, &Sending)> {
        let open =
            self.known.iter().filter_map(|(name, sending)| Some((name, &**sending.as_ref()?)));
        open.filter(|(_, sending)| !sending.placed)
    }

    /// The tickets about which something remains to be said, by name.
    pub(super) fn open(self) -> impl Iterator<Item = (Hash, Box<Sending>)> {
        self.known.into_iter().filter_map(|(name, sending)| Some((name, sending?)))
    }
}
