//! What a meeting costs in bytes (spec/sync.md, "Figures"). Printed with `--nocapture`.

use super::link::Link;
use super::shelf::{CASH, CONTROL, FOOD, Shelf};
use crate::id::Lane;
use crate::sync::frame::Frame;

/// A thousand feeds: 250 nodes with four each, 1,334 entries a feed, four on control.
fn thousand() -> Shelf {
    let mut shelf = Shelf::new(1, &[FOOD, CASH]);
    shelf.certify(1..=250);
    for seed in 1..=250 {
        shelf.write(seed, Lane::Control, CONTROL, &[1; 4]);
        for (lane, programme) in [(Lane::Value, FOOD), (Lane::Registry, FOOD), (Lane::Value, CASH)]
        {
            shelf.write(seed, lane, programme, &[256, 256, 256, 256, 256, 54]);
        }
    }
    shelf
}

fn other(shelf: &Shelf) -> Shelf {
    Shelf { name: crate::fixtures::key(2).public().short(), ..shelf.clone() }
}

#[test]
fn s34_what_a_meeting_costs() {
    let whole = thousand();
    let entries: u64 =
        whole.feeds.values().flatten().flatten().map(|b| u64::from(b.header.count)).sum();
    assert!(entries >= 1_000_000);

    // In sync: one flight each way.
    let mut link = Link::new(whole.clone(), other(&whole));
    assert!(link.run());
    println!("in sync: {} bytes in both directions, {} round trip", link.bytes(), link.turns);
    assert!(link.bytes() <= 1_024);
    assert_eq!(link.turns, 1);

    // Ten entries behind in three quarters of a million.
    let mut ahead = whole.clone();
    ahead.write(77, Lane::Value, FOOD, &[10]);
    let mut link = Link::new(ahead, other(&whole));
    assert!(link.run());
    assert_eq!(link.b.shelf.blocks_came, 1);
    let block = link.b.heard.iter().find_map(|f| matches!(f, Frame::Block(_)).then(|| f.encode()));
    let block = block.expect("came").expect("fits").len() as u64;
    println!("ten behind: {} bytes beside a block of {block}", link.bytes() - block);
    assert!(link.bytes() - block <= 2_048);

    // A thousand feeds of which the other side knows none: its tips, before any content.
    let mut empty = Shelf::new(2, &[FOOD, CASH]);
    empty.certify(1..=250);
    let mut link = Link::new(whole, empty);
    while link.a.session.figures().content_sent == 0 {
        link.step(true);
        link.step(false);
    }
    println!("a thousand feeds unknown: {} bytes before the first block", link.talk());
    assert!(link.talk() <= 14 * 1_024);
    assert!(link.run());
    assert_eq!(link.b.shelf.blocks(), 1_000 + 750 * 6);
    assert_eq!(link.b.shelf.again, 0);
    let (sent, content) = (link.bytes(), link.a.session.figures().content_sent);
    println!("{entries} entries in {sent} bytes, {} of them talk", sent - content);
    assert!((sent - content) * 100 < sent, "less than one in a hundred");
}
