//! `links.json`: what went over links with a budget today, so that a node that is started again does not begin its day
//! anew. It may be lost: the day then begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::atomic;
use crate::net::schedule::Spent;
use crate::net::{Board, hex};

const FILE: &str = "links.json";
/// The most bytes of it: a hundred for each of the most peers.
const LARGEST: usize = 128 * 1024;

/// Reads it onto the board.
pub(super) fn read(root: &Path, board: &Board, budgets: &BTreeSet<[u8; 8]>) {
    let Ok(bytes) = atomic::read(&root.join(FILE), LARGEST) else { return };
    let Ok(read) = serde_json::from_slice::<BTreeMap<String, Spent>>(&bytes) else { return };
    for node in budgets {
        if let Some(spent) = read.get(&hex(node)) {
            board.with(node, |row| row.spent = *spent);
        }
    }
}

/// Writes it from the board, the links of now counted in.
pub(super) fn write(root: &Path, board: &Board, budgets: &BTreeSet<[u8; 8]>, day: u64) {
    if budgets.is_empty() {
        return;
    }
    let rows = board.rows();
    let spent = budgets.iter().filter_map(|node| {
        let row = rows.get(node)?;
        let mut spent = row.spent;
        spent.add(day, row.under_way(day));
        Some((hex(node), spent))
    });
    let spent: BTreeMap<String, Spent> = spent.collect();
    if let Ok(text) = serde_json::to_vec(&spent) {
        // A full disk stops no link; the next minute tries again.
        drop(atomic::write(&root.join(FILE), &text));
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::sync::session::Figures;

    use super::*;

    #[test]
    fn a_day_goes_on_after_a_start_and_a_broken_file_is_none() {
        let folder = tempfile::tempdir().expect("folder");
        let budgets: BTreeSet<[u8; 8]> = [[1; 8], [2; 8]].into();
        let board = Board::default();
        board.with(&[1; 8], |row| row.spent = Spent { day: 9, bytes: 40 });
        for (day, sent) in [(9, 2), (8, 50)] {
            let link = board.begins(&[1; 8], day);
            board.tell(&[1; 8], link, Figures { sent, ..Figures::default() });
        }
        write(folder.path(), &board, &budgets, 9);
        let again = Board::default();
        read(folder.path(), &again, &budgets);
        assert_eq!(again.left(&[1; 8], 9, 100), 58);
        assert_eq!(again.left(&[1; 8], 10, 100), 100);
        assert_eq!(again.left(&[2; 8], 9, 100), 100);
        std::fs::write(folder.path().join(FILE), b"{\"0101").expect("write");
        let broken = Board::default();
        read(folder.path(), &broken, &budgets);
        assert_eq!(broken.left(&[1; 8], 9, 100), 100);
    }
}
