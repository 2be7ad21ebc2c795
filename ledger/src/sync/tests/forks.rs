//! Feeds that say two things: found by their heads, shown by both sides, and bounded.

use super::link::Link;
use super::meetings::pair;
use super::shelf::{CONTROL, FOOD, Shelf, alike, seal};
use crate::fixtures::key;
use crate::id::{FeedId, Lane, ProgrammeId};
use crate::sync::frame::Frame;

fn feed(seed: u8, lane: Lane, programme: ProgrammeId) -> FeedId {
    FeedId { node: key(seed).public(), lane, programme }
}

/// Writes `shared` blocks on both, then others on each.
fn split(a: &mut Shelf, b: &mut Shelf, feed: FeedId, shared: usize, ours: usize, theirs: usize) {
    a.write(5, feed.lane, feed.programme, &vec![2; shared]);
    b.write(5, feed.lane, feed.programme, &vec![2; shared]);
    for (shelf, more, salt) in [(a, ours, 1), (b, theirs, 2)] {
        for _ in 0..more {
            let chain = shelf.feeds.get(&feed).map(|chains| chains[0].clone()).unwrap_or_default();
            let block = seal(shelf.federation(), 5, feed, &chain, 2, salt);
            assert_eq!(shelf.put(feed, block), Some(true));
        }
    }
}

#[track_caller]
fn check(lane: Lane, programme: ProgrammeId, shared: usize, ours: usize, theirs: usize) {
    let (mut a, mut b) = pair();
    split(&mut a, &mut b, feed(5, lane, programme), shared, ours, theirs);
    a.write(1, Lane::Value, FOOD, &[9]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let what = format!("{lane:?}: {shared} shared, {ours} and {theirs} beside");
    assert!(alike(&link.a.shelf, &link.b.shelf), "{what}");
    assert_eq!(link.a.shelf.blocks(), shared + ours + theirs + 1, "{what}");
    assert_eq!(link.a.shelf.forks.len(), 1, "{what}: the proof is here");
    let again = link.a.shelf.again + link.b.shelf.again;
    assert_eq!(again, 0, "{what}: no block goes twice");
    assert_eq!((link.a.session.owed(), link.b.session.owed()), (0, 0), "{what}");
    let asked = |frames: &[Frame]| frames.iter().filter(|f| matches!(f, Frame::Need(_))).count();
    let rounds = asked(&link.a.heard).max(asked(&link.b.heard));
    assert!(rounds <= 6, "{what}: asked {rounds} times");
}

#[test]
fn where_two_chains_part_is_found_and_both_are_sent() {
    check(Lane::Value, FOOD, 5, 1, 1);
    check(Lane::Value, FOOD, 0, 1, 1);
    check(Lane::Value, FOOD, 1, 3, 1);
    check(Lane::Value, FOOD, 0, 7, 4);
    check(Lane::Value, FOOD, 300, 2, 3);
    check(Lane::Value, FOOD, 7, 90, 1);
    check(Lane::Value, FOOD, 7, 1, 90);
    check(Lane::Registry, FOOD, 40, 40, 40);
    check(Lane::Control, CONTROL, 0, 1, 1);
    check(Lane::Control, CONTROL, 12, 1, 5);
}

#[test]
fn a_branch_that_comes_later_is_asked_for() {
    let (mut a, mut b) = pair();
    let feed = feed(5, Lane::Value, FOOD);
    split(&mut a, &mut b, feed, 6, 3, 0);
    let mut link = Link::new(a, b);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf), "no fork yet");
    let chain = link.a.shelf.feeds[&feed][0][..4].to_vec();
    let block = seal(link.a.shelf.federation(), 5, feed, &chain, 1, 9);
    assert_eq!(link.a.shelf.put(feed, block), Some(true));
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    assert_eq!(link.b.shelf.forks.len(), 1);
    assert_eq!(link.b.shelf.feeds[&feed].len(), 2);
}

#[test]
fn who_has_both_branches_shows_both() {
    let (mut a, mut b) = pair();
    let feed = feed(5, Lane::Value, FOOD);
    split(&mut a, &mut b, feed, 4, 2, 3);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let (a, _) = link.apart();
    let mut c = Shelf::new(3, &[FOOD]);
    c.certify(1..10);
    let mut link = Link::new(a, c);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    // The shared blocks go once for each branch at most.
    assert!(link.b.shelf.again <= 4, "{} again", link.b.shelf.again);
}

#[test]
fn forks_without_end_stop_nobody_else() {
    let (mut a, mut b) = pair();
    let flood = feed(5, Lane::Value, FOOD);
    a.write(5, Lane::Value, FOOD, &[1]);
    let chain = a.feeds[&flood][0].clone();
    for salt in 1..200 {
        let block = seal(a.federation(), 5, flood, &chain, 1, salt);
        a.put(flood, block);
    }
    a.write(1, Lane::Value, FOOD, &[9]);
    b.write(2, Lane::Value, FOOD, &[9]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let branches = link.b.shelf.feeds[&flood].len();
    assert!((2..=66).contains(&branches), "{branches} branches");
    assert_eq!(link.b.shelf.forks.len(), 1, "one proof for a feed");
    assert!(link.b.shelf.feeds.contains_key(&feed(1, Lane::Value, FOOD)));
    assert!(link.a.shelf.feeds.contains_key(&feed(2, Lane::Value, FOOD)));
    assert!(link.talk() < 16_000, "{} bytes of talk", link.talk());
}

/// Two branches of one feed, both held here, and the proof of it.
pub(super) fn fork(a: &mut Shelf) {
    let feed = feed(5, Lane::Value, FOOD);
    let mut other = a.clone();
    split(a, &mut other, feed, 2, 1, 1);
    let branch = other.feeds.get(&feed).map(|chains| chains[0].clone()).unwrap_or_default();
    for block in branch.into_iter().filter_map(|held| held.block) {
        a.put(feed, block);
    }
    assert_eq!(a.forks.len(), 1);
}
