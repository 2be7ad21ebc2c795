//! What goes first, and how much waits behind it: counted in bytes, not in time (S31, S43).

use super::link::{Link, split, terms};
use super::meetings::pair;
use super::shelf::{CONTROL, FOOD, Shelf, alike};
use crate::fixtures::key;
use crate::id::{FeedId, Lane, ProgrammeId};
use crate::sync::frame::Frame;
use crate::sync::session::{Breach, Note, Terms};
use crate::sync::talk::Over;

#[test]
fn s31_a_revocation_overtakes_all_that_waits() {
    let (mut a, b) = pair();
    // A million entries, but for the time it takes to write them: what waits is the chain, however long.
    a.write(1, Lane::Value, FOOD, &[256; 400]);
    let (one, mut other) = (terms(&a, &b, 1), terms(&b, &a, 2));
    other.window = 16 * 1024;
    let mut link = Link::with(a, one, b, other);
    while link.b.shelf.blocks() < 40 {
        link.step(true);
        link.step(false);
    }
    // The other side falls silent: everything there is room for is under way, and nothing more goes.
    let before = link.a.session.figures().content_sent;
    while link.say(true) {}
    let under_way = link.a.session.figures().content_sent - before;
    assert!(under_way <= 12 * 1024, "{under_way} bytes are under way at most");
    link.a.shelf.write(3, Lane::Control, CONTROL, &[1]);
    let bytes = link.a.next().expect("what is urgent has room");
    let frames = split(&bytes);
    assert!(matches!(frames[..], [Frame::Feed(f), Frame::Block(_)] if f.lane == Lane::Control));
    println!("a revocation goes behind {under_way} bytes, of a window of 16 KiB");
}

#[test]
fn at_a_first_meeting_urgent_goes_before_value_and_value_before_the_rest() {
    let (mut a, b) = pair();
    a.write(1, Lane::Registry, FOOD, &[200; 6]);
    a.write(1, Lane::Value, FOOD, &[256; 20]);
    for seed in 3..9 {
        a.write(seed, Lane::Control, CONTROL, &[1]);
    }
    a.certify([20]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let mut lane = None;
    let mut order = Vec::new();
    for frame in &link.b.heard {
        match frame {
            Frame::Notice(_) => order.push(0),
            Frame::Feed(feed) => lane = Some(feed.lane),
            Frame::Block(_) => order.push(lane.expect("named") as u8 + 1),
            Frame::Evidence { .. } => order.push(9),
            _ => {}
        }
    }
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(order.len(), 1 + 6 + 20 + 6 + 6);
}

#[test]
fn s43_a_flood_of_one_feed_has_its_turn_and_no_more() {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[1; 1_500]);
    for seed in 2..9 {
        a.write(seed, Lane::Value, FOOD, &[200, 200]);
    }
    let flood = FeedId { node: key(1).public(), lane: Lane::Value, programme: FOOD };
    let mut link = Link::new(a, b);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    let (mut named, mut flooded, mut others) = (None, 0usize, 0);
    for frame in &link.b.heard {
        match frame {
            Frame::Feed(feed) => named = Some(*feed),
            Frame::Block(_) if named == Some(flood) && others < 14 => {
                flooded += frame.encode().expect("fits").len();
            }
            Frame::Block(_) if named != Some(flood) => others += 1,
            _ => {}
        }
    }
    assert_eq!(others, 14);
    assert!(flooded <= 17 * 1024, "{flooded} bytes of the flood before everybody else was served");
}

/// A feed that floods, beside another.
#[track_caller]
fn check_quota(lane: Lane, programme: ProgrammeId) {
    let (mut a, b) = pair();
    a.write(1, lane, programme, &[1; 1_000]);
    a.write(2, Lane::Value, FOOD, &[256; 3]);
    let flood = FeedId { node: key(1).public(), lane, programme };
    let other = FeedId { node: key(2).public(), lane: Lane::Value, programme: FOOD };
    let (one, two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    let mut link = Link::with(a, one, b, Terms { quota: 50_000, ..two });
    assert!(link.run());
    assert_eq!(link.b.shelf.tips_len(&other), 3);
    let kept = link.b.shelf.tips_len(&flood);
    assert!((100..300).contains(&kept), "{kept} blocks of 1,000");
    assert!(link.b.notes.contains(&Note::Quota(flood)));
    assert_eq!(link.b.session.owed(), 0, "it waits for nothing more of it");
    let sent = link.a.session.figures().content_sent;
    assert!(sent < 50_000 + 64 * 1024 + 20_000, "{sent} bytes went");
}

#[test]
fn a_feed_over_its_quota_is_stopped_and_the_others_go_on() {
    check_quota(Lane::Value, FOOD);
    check_quota(Lane::Control, CONTROL);
}

#[test]
fn a_budget_holds_back_all_but_what_is_urgent() {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[256; 50]);
    let (one, two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    for (spend, budget) in [(20_000, u64::MAX), (u64::MAX, 20_000)] {
        let one = Terms { spend, ..one.clone() };
        let two = Terms { budget, ..two.clone() };
        let mut link = Link::with(a.clone(), one, b.clone(), two);
        assert!(link.run());
        let sent = link.a.session.figures().content_sent;
        assert!((15_000..=20_000).contains(&sent), "{sent} bytes");
        let value = FeedId { node: key(1).public(), lane: Lane::Value, programme: FOOD };
        let asks = link.b.session.asks_for(&value.short());
        assert_eq!((link.b.session.owed(), asks), (0, false), "nobody waits for it");
        assert!(link.a.session.is_withheld() && link.b.session.is_withheld());
        assert_eq!(link.b.heard.iter().filter(|frame| is_withheld(frame)).count(), 1);
        // What is urgent goes beyond it, and nothing else of what is written meanwhile.
        link.a.shelf.write(3, Lane::Control, CONTROL, &[1]);
        link.a.shelf.write(1, Lane::Value, FOOD, &[9]);
        assert!(link.run());
        let control = FeedId { node: key(3).public(), lane: Lane::Control, programme: CONTROL };
        assert_eq!((link.b.shelf.tips_len(&control), link.b.session.owed()), (1, 0));
        // Who brings more after that has more than it says.
        let block = link.a.shelf.feeds[&value][0].last().and_then(|held| held.block.clone());
        let block = Frame::Block(Box::new(block.expect("it wrote it")));
        link.b.hears(&Frame::Feed(value)).expect("a name alone");
        assert_eq!(link.b.hears(&block), Err(Breach::Budget));
    }
}

#[test]
fn who_has_no_budget_left_asks_for_nothing_and_still_hears_what_is_urgent() {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[256; 5]);
    a.write(3, Lane::Control, CONTROL, &[1]);
    let (one, two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    let mut link = Link::with(a, one, b, Terms { budget: 0, spend: 0, ..two });
    assert!(link.run());
    let control = FeedId { node: key(3).public(), lane: Lane::Control, programme: CONTROL };
    assert_eq!((link.b.shelf.tips_len(&control), link.b.session.owed()), (1, 0));
    assert!(link.b.session.is_withheld(), "more goes on another day");
    let asked = |frame: &&Frame| matches!(frame, Frame::Follow(_) | Frame::Want(_));
    assert_eq!(link.a.heard.iter().filter(asked).count(), 0);
    // Where nothing is lacking, no budget holds anything back.
    let (mut a, b) = pair();
    a.write(3, Lane::Control, CONTROL, &[1]);
    let (one, two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    let mut link = Link::with(a, one, b, Terms { budget: 0, spend: 0, ..two });
    assert!(link.run());
    assert!(!link.a.session.is_withheld() && !link.b.session.is_withheld());
}

const fn is_withheld(frame: &Frame) -> bool {
    matches!(frame, Frame::Over(Over::Budget))
}

#[test]
fn who_is_busy_gets_what_is_urgent_and_the_rest_later() {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[256; 50]);
    let (one, mut two) = (terms(&a, &b, 1), terms(&b, &a, 2));
    two.window = 8 * 1024;
    let mut link = Link::with(a, one, b, two);
    while link.b.shelf.blocks() < 5 {
        link.step(true);
        link.step(false);
    }
    link.b.session.busy(30);
    assert!(link.run());
    assert!(link.a.notes.contains(&Note::Busy(30)));
    let held = link.b.shelf.blocks();
    assert!(held < 12, "{held} blocks");
    link.a.shelf.write(3, Lane::Control, CONTROL, &[1]);
    assert!(link.run());
    assert_eq!(link.b.shelf.blocks(), held + 1);
    link.b.session.busy(0);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
}

impl Shelf {
    /// How many blocks of a feed's first chain are here.
    fn tips_len(&self, feed: &FeedId) -> usize {
        self.feeds.get(feed).map_or(0, |chains| chains[0].len())
    }
}
