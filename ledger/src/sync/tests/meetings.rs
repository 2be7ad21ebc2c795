//! Two meet, or three: in the end all hold what each may read.

use proptest::prelude::*;

use super::link::{End, Link, terms};
use super::shelf::{CASH, CONTROL, FOOD, Shelf, alike, seal};
use crate::fixtures::{budget, key, signed};
use crate::id::{FeedId, Lane};
use crate::sync::frame::Frame;
use crate::sync::index::Index;
use crate::sync::session::Note;
use crate::sync::talk::{Slice, Why};
use crate::wire::Bounded;

/// Two shelves that know nodes 1 to 9, the first with blocks of some.
pub(super) fn pair() -> (Shelf, Shelf) {
    let (mut a, mut b) = (Shelf::new(1, &[FOOD]), Shelf::new(2, &[FOOD]));
    a.certify(1..10);
    b.certify(1..10);
    (a, b)
}

#[test]
fn each_gets_what_it_lacks_and_nothing_comes_twice() {
    let (mut a, mut b) = pair();
    a.write(1, Lane::Value, FOOD, &[256, 256, 10]);
    a.write(1, Lane::Control, CONTROL, &[1]);
    a.write(3, Lane::Registry, FOOD, &[20]);
    b.write(2, Lane::Value, FOOD, &[100]);
    b.write(4, Lane::Control, CONTROL, &[1, 1]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    assert_eq!(link.a.shelf.blocks(), 8);
    assert_eq!((link.a.shelf.again, link.b.shelf.again), (0, 0));
    assert_eq!((link.a.session.owed(), link.b.session.owed()), (0, 0));
    // Each knows what the other has kept for good.
    let feed = FeedId { node: key(1).public(), lane: Lane::Value, programme: FOOD };
    let kept = |note: &&Note| matches!(note, Note::Acknowledged(k) if k.feed == feed);
    let last = link.a.notes.iter().rfind(kept).expect("acknowledged");
    let Note::Acknowledged(known) = last else { unreachable!("chosen so") };
    assert_eq!((known.blocks, known.head.next), (3, 522));
}

#[test]
fn what_is_written_while_the_link_stands_goes_over_at_once() {
    let (a, b) = pair();
    let mut link = Link::new(a, b);
    assert!(link.run());
    let quiet = link.bytes();
    link.a.shelf.write(1, Lane::Value, FOOD, &[3]);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf), "told, asked for, sent");
    let first = link.bytes() - quiet;
    link.a.shelf.write(1, Lane::Value, FOOD, &[3]);
    link.a.shelf.write(1, Lane::Control, CONTROL, &[1]);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    link.b.shelf.write(2, Lane::Registry, FOOD, &[1]);
    link.b.shelf.certify([11]);
    link.b.shelf.write(11, Lane::Value, FOOD, &[1]);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf), "a newcomer's certificate goes before its blocks");
    assert_eq!((link.a.shelf.again, link.b.shelf.again), (0, 0));
    assert!(first < 450, "a block of three in {first} bytes");
}

#[test]
fn who_lacks_certificates_and_articles_gets_them_first() {
    let (mut a, mut b) = (Shelf::new(1, &[FOOD]), Shelf::new(2, &[FOOD]));
    a.certify(1..100);
    for seed in 1..100 {
        a.write(seed, Lane::Control, CONTROL, &[1]);
        a.write(seed, Lane::Value, FOOD, &[2]);
    }
    let article =
        a.charter.draft(Bounded::new(vec![budget(&[(crate::fixtures::RICE, 5)])]).expect("one"));
    let article = signed(article, &a.federation(), [1, 2]);
    a.charter = a.charter.apply(&article).expect("voted");
    a.articles.push(article);
    b.certify([2]);
    b.write(2, Lane::Value, FOOD, &[2]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    assert!(alike(&link.a.shelf, &link.b.shelf));
    assert_eq!(link.b.shelf.notices.len(), 99);
    assert_eq!(link.b.shelf.charter.epoch(), 1);
    let first = |wanted: fn(&Frame) -> bool| link.b.heard.iter().position(wanted);
    let article = first(|f| matches!(f, Frame::Article(_))).expect("came");
    let notice = first(|f| matches!(f, Frame::Notice(_))).expect("came");
    let block = first(|f| matches!(f, Frame::Block(_))).expect("came");
    assert!(article < notice && notice < block);
}

#[test]
fn outsiders_get_headers_and_hand_them_on() {
    let (mut a, mut b) = (Shelf::new(1, &[FOOD, CASH]), Shelf::new(2, &[FOOD]));
    let mut c = Shelf::new(3, &[]);
    for shelf in [&mut a, &mut b, &mut c] {
        shelf.certify(1..10);
    }
    a.write(1, Lane::Value, CASH, &[256, 4]);
    a.write(1, Lane::Value, FOOD, &[5]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let (a, b) = link.apart();
    assert!(b.everything().iter().all(|(feed, _, body)| *body == (feed.programme == FOOD)));
    let mut link = Link::new(b, c);
    assert!(link.run());
    let (_, mut c) = link.apart();
    assert_eq!(c.blocks(), 3);
    assert!(c.everything().iter().all(|(_, _, body)| !body));
    // Who comes to serve a programme later has headers and wants bodies: its own tips say so.
    c.feeds.clear();
    c.programmes = [CASH].into();
    let mut link = Link::new(a, c);
    assert!(link.run());
    let bodies = link.b.shelf.everything();
    assert_eq!(bodies.iter().filter(|(_, _, body)| *body).count(), 2);
}

#[test]
fn a_terminal_takes_its_own_and_what_is_urgent() {
    let (mut site, mut terminal) = pair();
    site.write(1, Lane::Value, FOOD, &[200]);
    site.write(3, Lane::Registry, FOOD, &[200]);
    site.write(1, Lane::Control, CONTROL, &[1]);
    terminal.write(2, Lane::Value, FOOD, &[7]);
    let (one, other) = (terms(&site, &terminal, 1), terms(&terminal, &site, 2));
    let own = Bounded::new(vec![terminal.name]).expect("one");
    let other = super::super::session::Terms { slice: Slice::Nodes(own), ..other };
    let mut link = Link::with(site, one, terminal, other.clone());
    assert!(link.run());
    let (site, terminal) = link.apart();
    assert_eq!(terminal.blocks(), 2, "its own, and the revocation");
    assert_eq!(site.blocks(), 4);
    // And once more: nothing is left to say.
    let one = terms(&site, &terminal, 3);
    let mut link = Link::with(site, one, terminal, other);
    assert!(link.run());
    assert!(link.bytes() < 1_000);
    link.a.shelf.write(3, Lane::Value, FOOD, &[1]);
    link.a.shelf.write(3, Lane::Control, CONTROL, &[1]);
    assert!(link.run());
    assert_eq!(link.b.shelf.blocks(), 3, "no one else's history, but every revocation");
}

#[test]
fn three_fetch_each_feed_once() {
    let (mut a, mut b) = pair();
    let mut c = Shelf::new(3, &[FOOD]);
    c.certify(1..10);
    for seed in 1..9 {
        a.write(seed, Lane::Value, FOOD, &[50, 50, 50]);
        b.write(seed, Lane::Value, FOOD, &[50, 50, 50]);
    }
    // One shelf between two sessions: what one asks for, the other leaves.
    let mut left = Link::new(a, c.clone());
    let mut right = Link::new(b, c);
    let feeds: Vec<FeedId> = left.a.shelf.feeds.keys().copied().collect();
    for _ in 0..2_000 {
        let before = (left.b.shelf.blocks(), right.b.shelf.blocks());
        for (link, other) in [(true, false), (false, true)] {
            let (link, other) = if link {
                (&mut left, &mut right)
            } else {
                let _ = other;
                (&mut right, &mut left)
            };
            let names = feeds.iter().map(FeedId::short);
            link.b.shelf.elsewhere = names.filter(|feed| other.b.session.asks_for(feed)).collect();
            link.step(true);
            link.step(false);
            let shelf = link.b.shelf.clone();
            let elsewhere = std::mem::take(&mut other.b.shelf.elsewhere);
            let again = other.b.shelf.again;
            other.b.shelf = Shelf { elsewhere, again, ..shelf };
        }
        if before == (24, 24) {
            break;
        }
    }
    assert!(alike(&left.a.shelf, &left.b.shelf));
    assert_eq!(left.b.shelf.again + right.b.shelf.again, 0);
    let blocks = |link: &Link| link.b.heard.iter().filter(|f| matches!(f, Frame::Block(_))).count();
    assert_eq!(blocks(&left) + blocks(&right), 24, "each block came over one link");
}

#[test]
fn a_line_of_three_hands_on_what_is_new() {
    let (mut a, b) = pair();
    let mut c = Shelf::new(3, &[FOOD]);
    c.certify(1..10);
    a.write(1, Lane::Value, FOOD, &[9, 9]);
    a.write(1, Lane::Control, CONTROL, &[1]);
    let mut left = Link::new(a, b.clone());
    let mut right = Link::new(b, c);
    for _ in 0..4 {
        assert!(left.run());
        right.a.shelf = left.b.shelf.clone();
        assert!(right.run());
        left.b.shelf = right.a.shelf.clone();
    }
    assert!(alike(&left.a.shelf, &right.b.shelf));
    left.a.shelf.write(1, Lane::Control, CONTROL, &[1]);
    left.a.shelf.write(5, Lane::Value, FOOD, &[1]);
    for _ in 0..4 {
        assert!(left.run());
        right.a.shelf = left.b.shelf.clone();
        assert!(right.run());
        left.b.shelf = right.a.shelf.clone();
    }
    assert!(alike(&left.a.shelf, &right.b.shelf));
    assert_eq!(left.b.shelf.again + right.b.shelf.again, 0);
}

#[test]
fn a_session_ends_when_either_says_so() {
    let (a, b) = pair();
    let mut link = Link::new(a, b);
    assert!(link.run());
    link.a.session.end(Why::NotAMember);
    assert!(link.run());
    assert!(link.a.session.is_over() && link.b.session.is_over());
    assert_eq!(link.b.notes, [Note::Ended(Why::NotAMember)]);
    assert_eq!(link.b.next(), None);
    // Another federation or version is told so, and nothing else.
    let (a, b) = pair();
    let (one, mut other) = (terms(&a, &b, 1), terms(&b, &a, 2));
    other.federation = crate::id::FederationId(crate::hash::Hash([9; 32]));
    let (mut a, mut b) = (End::new(a, one), End::new(b, other));
    let hello = a.next().expect("a greeting");
    b.arrives(&hello).expect("no rule is broken");
    assert_eq!(b.says(), [Frame::End(Why::Federation)]);
}

#[test]
fn who_holds_more_of_this_nodes_own_feed_is_noticed() {
    let (mut a, b) = pair();
    a.write(2, Lane::Value, FOOD, &[5, 5]);
    let mut link = Link::new(a, b);
    assert!(link.run());
    let own = FeedId { node: key(2).public(), lane: Lane::Value, programme: FOOD };
    assert!(link.b.notes.contains(&Note::Ahead(own.short(), 2)));
    assert!(alike(&link.a.shelf, &link.b.shelf), "and read again, as anybody's");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever each holds, however what they say is delayed, and whatever is written meanwhile: in the end they hold the
    /// same, and no block came twice over one unbroken link.
    #[test]
    fn any_two_come_to_the_same(
        ours in prop::collection::vec((1u8..9, 0usize..3, 1usize..40), 0..30),
        theirs in prop::collection::vec((11u8..19, 0usize..3, 1usize..40), 0..30),
        shared in prop::collection::vec((21u8..29, 0usize..3, 1usize..40), 0..30),
        steps in prop::collection::vec((0u8..5, 1usize..3_000), 0..400),
        window in 4_096u32..20_000,
    ) {
        let lanes = [(Lane::Control, CONTROL), (Lane::Value, FOOD), (Lane::Registry, FOOD)];
        let (mut a, mut b) = (Shelf::new(1, &[FOOD]), Shelf::new(2, &[FOOD]));
        a.certify((1..9).chain(21..29));
        b.certify((11..19).chain(21..29));
        for (seed, lane, entries) in &shared {
            let (lane, programme) = lanes[*lane];
            a.write(*seed, lane, programme, &[*entries]);
            b.write(*seed, lane, programme, &[*entries]);
        }
        for (n, (seed, lane, entries)) in shared.iter().enumerate() {
            let ahead = if n % 2 == 0 { &mut a } else { &mut b };
            let (lane, programme) = lanes[*lane];
            let feed = FeedId { node: key(*seed).public(), lane, programme };
            let chain = ahead.feeds.get(&feed).map(|c| c[0].clone()).unwrap_or_default();
            // Only one of the two writes on, or the feed would fork.
            if seed % 2 == u8::try_from(n % 2).expect("zero or one") {
                let block = seal(ahead.federation(), *seed, feed, &chain, *entries, 0);
                ahead.put(feed, block);
            }
        }
        for (shelf, wrote) in [(&mut a, &ours), (&mut b, &theirs)] {
            for (seed, lane, entries) in wrote {
                let (lane, programme) = lanes[*lane];
                shelf.write(*seed, lane, programme, &[*entries]);
            }
        }
        let (mut one, mut other) = (terms(&a, &b, 1), terms(&b, &a, 2));
        (one.window, other.window) = (window, window);
        let mut link = Link::with(a, one, b, other);
        for (what, bytes) in &steps {
            match what {
                0 => drop(link.say(true)),
                1 => drop(link.say(false)),
                2 => drop(link.arrive(true, *bytes)),
                3 => drop(link.arrive(false, *bytes)),
                _ => link.a.shelf.write(3, Lane::Control, CONTROL, &[1]),
            }
        }
        loop {
            let mut moved = false;
            for end in [true, false] {
                while link.say(end) {
                    moved = true;
                }
                moved |= link.arrive(!end, usize::MAX);
            }
            if !moved {
                break;
            }
        }
        prop_assert!(alike(&link.a.shelf, &link.b.shelf));
        prop_assert_eq!(link.a.shelf.again + link.b.shelf.again, 0);
        prop_assert_eq!(link.a.session.owed() + link.b.session.owed(), 0);
        let _: &dyn Index = &link.a.shelf;
    }
}
