use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{bounded, key};

/// Feeds as trees of heads: each branch is the whole way from the start to its tip.
#[derive(Clone, Debug, Default)]
pub(crate) struct Woods(pub(crate) BTreeMap<FeedId, Vec<Vec<Known>>>);

pub(crate) fn feed(node: u8, lane: Lane) -> FeedId {
    let programme = if lane == Lane::Control { ProgrammeId::NONE } else { ProgrammeId(1) };
    FeedId { node: key(node).public(), lane, programme }
}

/// A tip somewhere in a feed: `salt` tells branches apart.
pub(crate) fn tip(feed: FeedId, blocks: u64, salt: u8) -> Known {
    let place = [&feed.bytes()[..], &blocks.to_be_bytes(), &[salt]].concat();
    let accumulator = hash(Purpose::Accumulator, &[&place]);
    Known { feed, blocks, head: Head { next: blocks * 10, accumulator } }
}

impl Woods {
    /// A feed of so many blocks, with branches that leave it after so many and go on as long.
    pub(crate) fn grow(&mut self, feed: FeedId, blocks: u64, branches: &[u64]) {
        let trunk: Vec<_> = (1..=blocks).map(|n| tip(feed, n, 0)).collect();
        let mut all = vec![trunk];
        for (salt, left) in (1u8..).zip(branches) {
            let way = (1..=blocks).map(|n| tip(feed, n, if n > *left { salt } else { 0 }));
            all.push(way.collect());
        }
        self.0.insert(feed, all);
    }

    fn ways(&self, feed: &FeedId) -> &[Vec<Known>] {
        self.0.get(feed).map_or(&[], |ways| ways)
    }
}

impl Chains for Woods {
    fn continues(&self, feed: &FeedId, early: &Head, late: &Head) -> bool {
        let through = |way: &Vec<Known>| {
            let at = |head: &Head| way.iter().position(|known| known.head == *head);
            at(early).zip(at(late)).is_some_and(|(early, late)| early <= late)
        };
        self.ways(feed).iter().any(through)
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        self.ways(feed).iter().flatten().any(|known| known.head == *head)
    }

    fn reach(&self, feed: &FeedId) -> u64 {
        self.ways(feed).iter().flatten().map(|known| known.head.next).max().unwrap_or(0)
    }

    fn forked(&self, feed: &FeedId) -> bool {
        self.ways(feed).len() > 1
    }
}

/// A thousand feeds as a federation of 334 nodes has them, with heads of their own.
fn thousand() -> Frontier {
    let mut tips = Vec::new();
    for n in 0..334u64 {
        let node = crate::key::PublicKey::Ed25519(hash(Purpose::Lookup, &[&n.to_be_bytes()]).0);
        for lane in [Lane::Control, Lane::Value, Lane::Registry] {
            let programme = ProgrammeId(if lane == Lane::Control { 0 } else { 1 });
            tips.push(tip(FeedId { node, lane, programme }, 1 + n * 17 % 9_000, 0));
        }
    }
    tips.truncate(1_000);
    Frontier::new(tips).expect("a frontier")
}

#[test]
fn s34_a_thousand_feeds_are_told_in_fourteen_kilobytes_and_ten_that_moved_in_less_than_two() {
    let before = thousand();
    let sketch = before.sketch();
    let bytes = sketch.encode();
    assert_eq!(sketch.len(), 1_000);
    assert!(bytes.len() <= 14 * 1024, "{} bytes", bytes.len());
    let find = |feed: FeedRef, blocks: u64, head: [u8; 8]| {
        let same = |t: &&Known| t.feed.short() == feed && t.blocks == blocks;
        before.tips().iter().filter(same).find(|t| t.head.accumulator.short() == head).copied()
    };
    let read = Sketch::decode(&bytes).expect("a sketch").resolve(find);
    assert_eq!(read.as_ref(), Ok(&before));

    let mut tips = before.tips().to_vec();
    for known in tips.iter_mut().step_by(100) {
        *known = tip(known.feed, known.blocks + 1_000_000, 0);
    }
    let after = Frontier::new(tips).expect("a frontier");
    let moved = after.since(&before);
    assert_eq!(moved.len(), 10);
    assert!(wire::encode(moved.tips()).len() < 2_000);
    assert_ne!(before.root(), after.root());
    assert_eq!(before.root(), read.expect("the same").root(), "and equal ones need 32 bytes");
}

#[test]
fn one_tip_is_shown_under_the_root_and_no_other() {
    let frontier = thousand();
    let (root, count) = (frontier.root(), frontier.len());
    for known in frontier.tips().iter().step_by(97) {
        let path = frontier.path(known).expect("it is there");
        assert!(path.verifies(&leaf(known), count, &root));
        let longer = tip(known.feed, known.blocks + 1, 0);
        assert!(!path.verifies(&leaf(&longer), count, &root));
        assert_eq!(frontier.path(&longer), None);
    }
}

#[test]
fn what_is_no_frontier_is_refused() {
    let known = tip(feed(1, Lane::Value), 3, 0);
    let empty = Known { blocks: 0, ..known };
    assert_eq!(Frontier::new(vec![empty]), Err(FrontierFault::Tip(known.feed.short())));
    let dense = Known { blocks: known.head.next + 1, ..known };
    assert_eq!(Frontier::new(vec![dense]), Err(FrontierFault::Tip(known.feed.short())));
    let other = Known { blocks: 2, ..known };
    assert_eq!(Frontier::new(vec![known, other]), Err(FrontierFault::Order));
    let many = (1..=limits::FRONTIER_TIPS as u64 + 1).map(|n| tip(known.feed, n, 0));
    assert!(matches!(Frontier::new(many.collect()), Err(FrontierFault::TooMany(_))));
    let sketch = Frontier::new(vec![known]).expect("one").sketch();
    let unknown = FrontierFault::Unknown { feed: known.feed.short(), blocks: 3 };
    assert_eq!(sketch.resolve(|_, _, _| None), Err(unknown));
    let shown: Bounded<Known, 1> = bounded([known]);
    assert_eq!(sketch.resolve(|_, _, _| shown.first().copied()).expect("one").tips(), &shown[..]);
}

#[test]
fn heads_that_contradict_each_other_are_found() {
    let of = |salt| Frontier::new(vec![tip(feed(1, Lane::Value), 3, salt)]).expect("one");
    assert_eq!(of(0).clash(&of(0)), None);
    let (one, other) = of(0).clash(&of(1)).expect("two heads after three blocks");
    assert_eq!((one.salted(0), other.salted(1)), (true, true));
    let both = Frontier::new(vec![one, other]).expect("a fork both know");
    assert_eq!(both.clash(&of(0)), None);
}

impl Known {
    fn salted(&self, salt: u8) -> bool {
        *self == tip(self.feed, self.blocks, salt)
    }
}

/// Woods of four feeds, some forked, and three frontiers in them.
fn woods() -> impl Strategy<Value = (Woods, [Frontier; 3])> {
    let feeds = prop::collection::vec((1u64..6, prop::collection::vec(0u64..5, 0..3)), 4);
    let picks = prop::collection::vec((0usize..4, any::<prop::sample::Index>()), 0..8);
    (feeds, [picks.clone(), picks.clone(), picks]).prop_map(|(feeds, picks)| {
        let mut woods = Woods::default();
        for (n, (blocks, branches)) in (1u8..).zip(&feeds) {
            woods.grow(feed(n, Lane::Value), *blocks, branches);
        }
        let frontiers = picks.map(|picks| {
            let tip = |(n, at): (usize, prop::sample::Index)| {
                let all: Vec<Known> =
                    woods.0.values().nth(n).into_iter().flatten().flatten().copied().collect();
                all[at.index(all.len())]
            };
            let none = Frontier::default();
            // Joined with nothing, only tips remain: what stands below another is left out.
            let some = Frontier::new(picks.into_iter().map(tip).collect()).expect("few");
            some.join(&none, &woods).expect("few")
        });
        (woods, frontiers)
    })
}

proptest! {
    #[test]
    fn s28_frontiers_join_in_any_order_and_again((woods, [a, b, c]) in woods()) {
        let join = |a: &Frontier, b: &Frontier| a.join(b, &woods).expect("few");
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert!(join(&a, &a) == a);
        let all = join(&a, &b);
        prop_assert_eq!(all.lacks(&a, &woods).or(all.lacks(&b, &woods)), None, "it covers both");
        for known in all.tips() {
            prop_assert!(a.tips().contains(known) || b.tips().contains(known), "and adds nothing");
        }
        // Honest feeds: the join is the maximum of each.
        for (feed, ways) in woods.0.iter().filter(|(_, ways)| ways.len() == 1) {
            let most = |f: &Frontier| f.of(feed).iter().map(|t| t.blocks).max();
            prop_assert_eq!(most(&all), most(&a).max(most(&b)), "of {} ways", ways.len());
            prop_assert!(all.of(feed).len() <= 1);
        }
    }
}
