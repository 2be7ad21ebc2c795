//! What belongs together: a basket and the entries it binds.

use annona_ledger::admit::Draft;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::id::Lane;
use annona_ledger::limits;

/// Whether drafts are one entry, or a basket with exactly what it binds.
pub(super) fn well_bound(drafts: &[Draft]) -> bool {
    let basket = |d: &Draft| matches!(d.entry, Entry::Value(Value::Basket { .. }));
    match drafts {
        [] => false,
        [Draft { entry: Entry::Value(Value::Basket { entries }), .. }, rest @ ..] => {
            rest.len() == usize::from(*entries) && !rest.iter().any(basket)
        }
        rest => rest.len() == 1,
    }
}

/// Whether a basket among the drafts binds more than follow it: no block could hold it.
pub(super) fn parted(drafts: &[Draft]) -> bool {
    let parted = |(n, draft): (usize, &Draft)| match &draft.entry {
        Entry::Value(Value::Basket { entries }) => usize::from(*entries) > drafts.len() - n - 1,
        _ => false,
    };
    drafts.iter().enumerate().any(parted)
}

/// How many entries at the front of a tail go into one block: as many as fit, and no basket in two.
pub(super) fn whole_entries(lane: Lane, entries: &[Vec<u8>]) -> usize {
    let (mut whole, mut bytes, mut at) = (0usize, 0usize, 0usize);
    while at < entries.len() {
        let bound = match Entry::decode(lane, &entries[at]) {
            Ok(Entry::Value(Value::Basket { entries })) => usize::from(entries) + 1,
            _ => 1,
        };
        let end = (at + bound).min(entries.len());
        bytes += entries[at..end].iter().map(Vec::len).sum::<usize>();
        if end > limits::BLOCK_ENTRIES || bytes > limits::BODY_BYTES {
            break;
        }
        whole = end;
        at = end;
    }
    whole
}
