//! What the state of a long ledger takes of memory when it is named by its root.
//!
//! A program of its own, for it counts what the heap gives out.

use annona_ledger::leaf::{self, HELD};
use annona_ledger::merkle::Tree;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Rows of a ledger of more than a million entries.
const ROWS: u64 = 300_000;
/// Bytes of a row: about those of a lot.
const ROW: usize = 92;

/// A row of one of two leaves, in no order.
fn row(n: u64) -> [u8; ROW] {
    let mut row = [0; ROW];
    row[3] = 1 + (n % 2) as u8;
    row[4..12].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    row[12..20].copy_from_slice(&n.to_be_bytes());
    row
}

#[test]
fn the_leaves_of_many_rows_are_worked_out_without_holding_them() {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let leaves = leaf::leaves_told(HELD, |each| {
        (0..ROWS).for_each(|n| each(&row(n)));
        Ok::<(), ()>(())
    });
    let took = HEAP.peak_usage().saturating_sub(before);
    // Each of those held, with room for what the map and the heap add to it.
    let held = HELD.max(usize::try_from(ROWS / 8).expect("few"));
    assert!(took < held * (ROW + 100), "{took} bytes for {ROWS} rows");
    assert!(took * 3 < usize::try_from(ROWS).expect("few") * ROW, "a third of the rows: {took}");
    // The same as from all of them in order.
    let mut rows: Vec<[u8; ROW]> = (0..ROWS).map(row).collect();
    rows.sort_unstable();
    let leaves = leaves.expect("nothing fails");
    for (found, of) in leaves.iter().zip(rows.chunk_by(|a, b| a[3] == b[3])) {
        let tree: Tree = of.iter().map(|row| leaf::row_hash(row)).collect();
        assert_eq!((u64::from(found.rows), found.root), (tree.leaves(), tree.root()));
    }
    assert_eq!(leaves.len(), 2);
}
