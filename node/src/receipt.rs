//! What a till and a holder are given: promises made again from what is stored, and receipts of sealed entries.
//!
//! Nothing here is new: a promise is the same bytes each time, since Ed25519 signs the same message the same way
//! (RFC 8032), and a receipt is put together from a block that stands.

use annona_ledger::admit::carrying;
use annona_ledger::entry::{Entry, Lot, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::merkle;
use annona_ledger::receipt::{Heading, Receipt};
use annona_ledger::ticket::{Hop, Moved, Promise, Sent, carried};
use annona_ledger::view::{At, View};
use annona_ledger::wire::{Bounded, Bytes};

use crate::node::{NodeFault, promise};
use crate::store::{Accepted, StoreFault, Work};

/// An entry that stands in one of the feeds here, as it was when it was accepted. `None` where there is none.
///
/// # Errors
///
/// A damaged ledger file.
pub fn accepted(work: &Work<'_>, feed: &FeedId, index: u64) -> Result<Option<Accepted>, NodeFault> {
    let Some(chain) = work.trunk(feed) else { return Ok(None) };
    let at = At { chain, index };
    let Some(bytes) = work.entry_bytes(at) else {
        work.check()?;
        return Ok(None);
    };
    // From the nearest place whose accumulator is stored: the block's beginning, or the end of what is sealed.
    let mut head = match work.block_at(at) {
        Some(row) => {
            let mut head = row.block.header.start();
            let mut rest: &[u8] = &row.block.body;
            while head.next < index {
                let (entry, after) = first(feed, rest)?;
                head = head.after(entry);
                rest = after;
            }
            head
        }
        None => {
            let chains = work.chains_of(feed);
            let sealed = chains.iter().find(|f| f.chain == chain).map(|f| f.sealed);
            let sealed = sealed.ok_or_else(|| missing(feed, index))?;
            // Its bytes may be here without its block. What stands before it nobody can tell then, and a promise of another
            // place would be a fork.
            if index < sealed.next {
                return Err(not_kept(feed, index));
            }
            sealed
        }
    };
    let behind = index.saturating_sub(head.next);
    if behind > 0 {
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        head = work.tail(chain)?.iter().take(behind).fold(head, |head, entry| head.after(entry));
    }
    work.check()?;
    let after = head.after(&bytes);
    let (before, accumulator) = (head.accumulator, after.accumulator);
    Ok(Some(Accepted { feed: *feed, at, before, accumulator, bytes }))
}

/// The promise of an entry of this node, made again.
///
/// # Errors
///
/// [`NodeFault::Refused`] where there is no such entry.
pub fn promised(
    work: &Work<'_>,
    key: &SigningKey,
    feed: &FeedId,
    index: u64,
) -> Result<Promise, NodeFault> {
    let accepted = accepted(work, feed, index)?.ok_or_else(|| missing(feed, index))?;
    promise(key, &work.charter().federation(), &accepted)
}

/// A refund of this node, as it stands among the hops of a ticket or receipt.
///
/// # Errors
///
/// As [`promised`].
pub fn refunded(
    work: &Work<'_>,
    key: &SigningKey,
    feed: &FeedId,
    index: u64,
) -> Result<Sent, NodeFault> {
    let Promise { index, before, entry, signature, .. } = promised(work, key, feed, index)?;
    let entry = Entry::decode(feed.lane, &entry).map_err(StoreFault::from)?;
    let Entry::Value(Value::Refund { redeem, amount, at }) = entry else {
        return Err(missing(feed, index));
    };
    let moved = Moved::Refund { redeem, amount, at };
    Ok(Sent { node: feed.node.short(), index, before, moved, signature })
}

/// The hops a ticket or receipt carries, without refunds of its own feed that cannot be signed again here, since their
/// blocks are not kept: refunds may be left out.
///
/// # Errors
///
/// As [`refunded`].
pub fn hops_of(
    work: &Work<'_>,
    key: &SigningKey,
    feed: &FeedId,
    mut hops: Vec<Hop>,
) -> Result<Bounded<Sent, { limits::HOPS }>, NodeFault> {
    let signable = |index: &u64| {
        let at = work.trunk(feed).map(|chain| At { chain, index: *index });
        at.is_some_and(|at| work.block_at(at).is_some() || index >= &work.sealed_next(at.chain))
    };
    hops.retain(|hop| match hop {
        Hop::Refund(index) => signable(index),
        Hop::Sent(_) => true,
    });
    carried(&hops, |index| refunded(work, key, feed, index))
}

/// The receipt of an entry, once it is in a sealed block. `None` before. Refunds that filled its lot are signed again with
/// `key` where the feed is this node's own, and left out where it is not.
///
/// # Errors
///
/// [`NodeFault::Refused`] where there is no such entry, or its block is not kept here;
/// [`annona_ledger::rejection::Rejection::TooManyHops`] where its lot travelled too far.
pub fn receipt(
    work: &Work<'_>,
    key: &SigningKey,
    feed: &FeedId,
    index: u64,
) -> Result<Option<Receipt>, NodeFault> {
    let chain = work.trunk(feed).ok_or_else(|| missing(feed, index))?;
    let at = At { chain, index };
    let (bytes, row) = (work.entry_bytes(at), work.block_at(at));
    let sealed = index < work.sealed_next(chain);
    work.check()?;
    let Some(row) = row else {
        // What was pruned is sealed, and has no path without its neighbours.
        return if sealed {
            Err(not_kept(feed, index))
        } else {
            bytes.map(|_| None).ok_or_else(|| missing(feed, index))
        };
    };
    let bytes = bytes.ok_or_else(|| missing(feed, index))?;
    let mut leaves: Vec<Hash> = Vec::with_capacity(usize::from(row.block.header.count));
    let mut rest: &[u8] = &row.block.body;
    while !rest.is_empty() {
        let (entry, after) = first(feed, rest)?;
        leaves.push(leaf(entry));
        rest = after;
    }
    let place = index.checked_sub(row.block.header.first).and_then(|p| u32::try_from(p).ok());
    let path = place.and_then(|place| merkle::path(&leaves, place));
    let path = path.ok_or_else(|| missing(feed, index))?;
    let entry = Entry::decode(feed.lane, &bytes).map_err(StoreFault::from)?;
    let own = key.public() == feed.node;
    let mut hops = match lot_of(&entry, index) {
        Some(lot) => carrying(work, chain, lot, None)?,
        None => Vec::new(),
    };
    hops.retain(|hop| own || matches!(hop, Hop::Sent(_)));
    let provenance = hops_of(work, key, feed, hops)?;
    work.check()?;
    Ok(Some(Receipt {
        feed: feed.short(),
        entry: Bytes::new(bytes).map_err(StoreFault::from)?,
        path,
        heading: Heading::of(&row.block.header),
        signature: row.block.signature,
        provenance,
    }))
}

/// The lot an entry drew on; for an entry that opened one, that lot.
fn lot_of(entry: &Entry, index: u64) -> Option<Lot> {
    let Entry::Value(value) = entry else { return None };
    match value {
        Value::Redeem { lot, .. } | Value::Hold { lot, .. } | Value::FloatRedeem { lot, .. } => {
            Some(*lot)
        }
        Value::Issue { from, .. } => Some(*from),
        Value::Send(send) => Some(send.from),
        Value::FloatCover(cover) => Some(cover.from),
        Value::Refund { .. } => Some(Lot(index)),
        // Its own ticket stands in it.
        Value::Claim { .. }
        | Value::Merchant { .. }
        | Value::Post { .. }
        | Value::Drop { .. }
        | Value::Basket { .. }
        | Value::End { .. }
        | Value::Orphan(_)
        | Value::DayClose { .. }
        | Value::Settle { .. } => None,
    }
}

fn missing(feed: &FeedId, index: u64) -> NodeFault {
    NodeFault::Refused(format!("feed {feed:?} has no entry {index} here"))
}

/// Pruned here, or never here: what stood beside it is needed for any word about it.
fn not_kept(feed: &FeedId, index: u64) -> NodeFault {
    NodeFault::Refused(format!(
        "the block of entry {}#{index} is not kept here: import it again from a node that has it",
        feed.programme
    ))
}

/// The bytes of the first entry of a body, and the rest.
fn first<'a>(feed: &FeedId, body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), StoreFault> {
    let (_, rest) = Entry::take(feed.lane, body)?;
    Ok(body.split_at(body.len().saturating_sub(rest.len())))
}
