//! What follows no feed's order: evidence, rows of lists, checkpoints and their rows.

use super::link::{Link, terms};
use super::meetings::pair;
use super::shelf::{CASH, FOOD, Shelf};
use crate::checkpoint::{Chunk, Of};
use crate::fixtures::{MAY, RICE, amount};
use crate::hash::Hash;
use crate::id::Lane;
use crate::leaf::LeafId;
use crate::list::Row;
use crate::sync::frame::Frame;
use crate::sync::session::{Note, Terms};
use crate::sync::talk::{Item, Over, Slice};
use crate::wire::{Bounded, Bytes};

pub(super) fn rows(count: u32) -> Vec<Row> {
    let purse = crate::id::Purse([7; 16]);
    (0..count).map(|row| Row { row, purse, commodity: RICE, amount: amount(5) }).collect()
}

#[test]
fn evidence_comes_after_everything_and_only_what_is_lacking() {
    let (mut a, b) = pair();
    a.write(1, Lane::Registry, FOOD, &[30; 80]);
    a.write(1, Lane::Value, FOOD, &[30; 5]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    assert_eq!(link.b.shelf.evidence.len(), 80);
    let kind = |frame: &Frame| match frame {
        Frame::Block(_) => Some(false),
        Frame::Evidence { .. } => Some(true),
        _ => None,
    };
    let order: Vec<bool> = link.b.heard.iter().filter_map(kind).collect();
    assert!(order.is_sorted() && order.len() == 165);
    assert_eq!(link.b.session.owed(), 0);
    link.a.shelf.write(1, Lane::Registry, FOOD, &[3]);
    assert!(link.run());
    assert_eq!(link.b.shelf.evidence.len(), 81, "and of what is written later");
    // Who has none of it is asked for little.
    let (mut a, b) = pair();
    a.write(1, Lane::Registry, FOOD, &[1; 300]);
    a.evidence.clear();
    let mut link = Link::new(a, b);
    assert!(link.run());
    let wanted = |frame: &Frame| match frame {
        Frame::Want(items) => items.len(),
        _ => 0,
    };
    let asked: usize = link.a.heard.iter().map(wanted).sum();
    assert!(asked <= 128, "{asked} were asked for");
}

#[test]
fn rows_of_a_list_come_in_parts_and_only_to_who_serves_the_programme() {
    let (mut a, mut b) = pair();
    let list = Hash([8; 32]);
    a.rows.insert(list, rows(35));
    b.missing_rows.insert(list);
    let outsider = Shelf { programmes: [CASH].into(), ..b.clone() };
    let mut link = Link::new(a.clone(), b);
    assert!(link.run());
    assert_eq!(link.b.shelf.rows.get(&list), Some(&rows(35)));
    let item = Item::Rows { programme: FOOD, list };
    assert!(link.b.notes.contains(&Note::Over(Over::Item(item))));
    let mut link = Link::new(a, outsider);
    assert!(link.run());
    assert_eq!(link.b.shelf.rows.get(&list), None);
    assert!(
        link.b.notes.contains(&Note::Over(Over::Item(item))),
        "there is nothing of it for them"
    );
}

#[test]
fn who_begins_takes_rows_of_a_checkpoint_and_goes_on_where_it_was_cut() {
    let (mut a, b) = pair();
    let leaf = LeafId { programme: FOOD, cycle: MAY };
    let checkpoint = Hash([9; 32]);
    for index in 0..5u32 {
        let row = Bytes::new(vec![index as u8; 600]).expect("short");
        let leaves: Vec<Hash> = (0..5u8).map(|n| Hash([n; 32])).collect();
        let path = crate::merkle::path(&leaves, index).expect("inside");
        let rows = Bounded::new(vec![row; 10]).expect("ten");
        let chunk = Chunk { checkpoint, of: Of::Working, leaf, rows, path };
        a.chunks.insert((index, true), chunk);
    }
    a.write(1, Lane::Value, FOOD, &[9]);
    let wanted = |from| Item::State { checkpoint, of: Of::Working, leaf, from };
    let mut b = Shelf { missing_state: Some(wanted(0)), ..b };
    let state =
        |shelf: &Shelf, other: &Shelf| Terms { slice: Slice::State, ..terms(shelf, other, 2) };
    let (one, two) = (terms(&a, &b, 1), state(&b, &a));
    let mut link = Link::with(a.clone(), one.clone(), b, two.clone());
    link.left = 16_000;
    assert!(!link.run());
    (_, b) = link.apart();
    let have = b.chunks.len() as u32;
    assert!((1..5).contains(&have));
    b.missing_state = Some(wanted(have));
    let mut link = Link::with(a.clone(), one, b, two);
    assert!(link.run());
    assert_eq!(link.b.shelf.chunks, a.chunks);
    assert_eq!(link.b.shelf.blocks(), 0, "no feed is taken before its rows are");
    let came = link.b.heard.iter().filter(|f| matches!(f, Frame::Chunk(_))).count();
    assert_eq!(came as u32, 5 - have);
}

#[test]
fn a_page_is_asked_for_by_who_begins() {
    let (a, mut b) = pair();
    b.missing_state = Some(Item::Page);
    let (one, two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    let mut link = Link::with(a, one, b, Terms { slice: Slice::State, ..two });
    assert!(link.run());
    let pieces = link.b.heard.iter().filter(|f| matches!(f, Frame::BlobChunk { .. })).count();
    assert_eq!(pieces, 2);
    assert!(link.b.notes.contains(&Note::Over(Over::Item(Item::Page))));
}
