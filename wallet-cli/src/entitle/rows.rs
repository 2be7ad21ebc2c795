//! Lists as this node keeps them beside its ledger: rows by the list's root, and drafts that wait for approvals.

use annona_ledger::hash::Hash;
use annona_ledger::limits;
use annona_ledger::list::{Approval, Draft, List, Row};
use annona_ledger::wire::{self, Bounded};
use annona_node::store::{Blob, Store};

use crate::fault::{Exit, Fault, Outcome};

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
