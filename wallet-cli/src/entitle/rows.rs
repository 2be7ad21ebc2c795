//! Lists as this node keeps them beside its ledger: rows by the list's root, and drafts that wait for approvals.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::charter::Programme;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, Purse};
use annona_ledger::limits;
use annona_ledger::list::{Approval, Draft, List, Row};
use annona_ledger::view::{Use, View};
use annona_ledger::wire::{self, Bounded};
use annona_node::store::{Blob, Store};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;
use crate::words::{count, print_units};

/// A list on its way to being frozen.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) draft: Draft,
    pub(super) approvals: Vec<Approval>,
}

/// Keeps rows: one after the other, as bundles carry them.
pub(super) fn keep(store: &Store, root: &Hash, rows: &[Row]) -> Outcome {
    let bytes: Vec<u8> = rows.iter().flat_map(wire::encode).collect();
    Ok(store.put_blob(Blob::ListRows, root, &bytes)?)
}

/// The rows of a list.
pub(super) fn rows(store: &Store, root: &Hash) -> Outcome<Vec<Row>> {
    let bytes = store.blob(Blob::ListRows, root)?.ok_or_else(|| {
        Fault::input(format!("the rows of list {root} are not at this node."))
            .then("Only the node that drafted a list can issue it.")
    })?;
    let mut rows = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (row, after) = wire::take(rest)?;
        rows.push(row);
        rest = after;
    }
    Ok(rows)
}

/// What families of a list were issued before, of the same cycle and commodity.
#[derive(Default)]
pub(super) struct Before {
    families: BTreeSet<Purse>,
    totals: BTreeMap<CommodityId, i128>,
}

impl Before {
    /// As far as this node's ledger knows: by whichever node, for whichever list.
    pub(super) fn of(store: &Store, cycle: CycleId, rows: &[Row]) -> Outcome<Self> {
        let wanted: BTreeSet<_> = rows.iter().map(|row| (row.purse, row.commodity)).collect();
        let mut before = Self::default();
        let work = store.look()?;
        work.issued(cycle, |purse, lot, amount| {
            if wanted.contains(&(purse, lot.commodity)) {
                before.families.insert(purse);
                // Where the issue itself is known no more: what is left, which is the least it was.
                let units = amount.map_or(lot.balance.units(), |amount| amount.units().into());
                let total = before.totals.entry(lot.commodity).or_default();
                *total = total.saturating_add(units.max(0));
            }
        });
        work.check()?;
        Ok(before)
    }

    /// For whoever drafts or approves: a warning, where there is any.
    pub(super) fn told(&self, about: &Programme, all: usize, screen: &Screen) -> Value {
        let totals: Vec<String> = self
            .totals
            .iter()
            .filter_map(|(id, units)| Some((about.commodity(*id)?, *units)))
            .map(|(c, units)| format!("{} {}", print_units(c, units), c.name))
            .collect();
        let had = self.families.len();
        if had > 0 {
            let (verb, totals) = (if had == 1 { "was" } else { "were" }, totals.join(", "));
            screen.warn(format!(
                "{had} of {} on this list {verb} issued of this cycle before: {totals}. With this list they get it again.",
                count(all as u64, "family", "families")
            ));
        }
        json!({ "families": had, "totals": totals })
    }
}

/// What whoever drafted a list was told of its file, for those who approve it elsewhere: counts, and nobody's number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noted {
    /// Rows with problems, left out.
    pub(super) bad: u64,
    /// Rows that give nothing.
    pub(super) nothing: u64,
    /// Rows of families that were merged into others.
    pub(super) merged: u64,
}

impl Noted {
    /// In words, each a warning.
    pub(super) fn words(self) -> Vec<String> {
        let of = |rows: u64, what: &str| {
            (rows > 0).then(|| format!("{} {what}", count(rows, "row", "rows")))
        };
        let all = [
            of(self.bad, "of its file had problems, and were left out"),
            of(self.nothing, "of its file gave a family nothing, and were left out"),
            of(self.merged, "of it are of families that were merged into others"),
        ];
        all.into_iter().flatten().collect()
    }
}

fn noted_name(root: &Hash) -> String {
    format!("drafted {root}")
}

/// Keeps what was told beside a draft.
pub(super) fn note(store: &Store, root: &Hash, noted: &Noted) -> Outcome {
    let bytes = wire::encode(&(noted.bad, noted.nothing, noted.merged));
    Ok(store.set_meta(&noted_name(root), &bytes)?)
}

/// What was told beside a draft; nothing of one that an earlier version made.
pub(super) fn noted(store: &Store, root: &Hash) -> Outcome<Noted> {
    let kept = store.meta(&noted_name(root))?;
    let kept: Option<(u64, u64, u64)> =
        kept.and_then(|bytes| wire::decode(&bytes, limits::ENTRY_BYTES).ok());
    Ok(kept.map(|(bad, nothing, merged)| Noted { bad, nothing, merged }).unwrap_or_default())
}

/// How many rows of a frozen list were issued.
pub(super) fn issued(store: &Store, node: &[u8; 8], index: u64, list: &List) -> Outcome<u64> {
    let work = store.look()?;
    let used = (0..list.rows)
        .filter(|row| !work.uses(&Use::Row { node: *node, list: index, row: *row }).is_empty());
    let used = used.count() as u64;
    work.check()?;
    Ok(used)
}

/// Keeps a draft with its approvals.
pub(super) fn wait(store: &Store, waiting: &Waiting) -> Outcome {
    let approvals = Bounded::<Approval, 2>::new(waiting.approvals.clone())?;
    let bytes = wire::encode(&(&waiting.draft, approvals));
    Ok(store.put_blob(Blob::Draft, &waiting.draft.root, &bytes)?)
}

/// The draft of a list.
pub(super) fn waiting(store: &Store, root: &Hash) -> Outcome<Option<Waiting>> {
    let Some(bytes) = store.blob(Blob::Draft, root)? else { return Ok(None) };
    let (draft, approvals): (Draft, Bounded<Approval, 2>) =
        wire::decode(&bytes, limits::CARRYING_ENTRY_BYTES)?;
    Ok(Some(Waiting { draft, approvals: approvals.into_vec() }))
}

/// The frozen lists of this node, by their index in its control feed.
pub(super) fn frozen(store: &Store, node: &[u8; 8]) -> Outcome<Vec<(u64, List)>> {
    let work = store.look()?;
    let lists = work.lists_of(node);
    work.check()?;
    Ok(lists)
}

/// A root by the digits it begins with, among those of drafts or frozen lists.
pub(super) fn pick(text: &str, roots: impl Iterator<Item = Hash>) -> Outcome<Hash> {
    let wanted = text.to_lowercase();
    let mut found: Vec<Hash> = roots.filter(|root| root.to_string().starts_with(&wanted)).collect();
    found.dedup();
    match (wanted.len() >= 4, found.as_slice()) {
        (true, [one]) => Ok(*one),
        (true, []) => {
            Err(Fault::input(format!("there is no list {text}."))
                .then("See `annona entitle list`."))
        }
        (true, _) => Err(Fault::new(
            Exit::Conflict,
            format!("several lists begin with {text}: give more digits."),
        )),
        (false, _) => Err(Fault::usage("name a list by at least four of its digits.")),
    }
}
