//! What a side may do that means no good, and what it comes to: each has a bound.

use super::link::{End, terms};
use super::meetings::pair;
use super::shelf::{CASH, CONTROL, FOOD, Shelf, seal};
use crate::fixtures::key;
use crate::hash::Hash;
use crate::id::{FeedId, FeedRef, Lane, ProgrammeId};
use crate::limits;
use crate::sync::frame::{Frame, FrameFault, Hello, VERSION};
use crate::sync::session::{Breach, Note, Terms};
use crate::sync::talk::{
    self, Buckets, Ids, NodeTips, Open, Part, Run, Section, Slice, Tip, Tips, Why,
};
use crate::wire::Bounded;

fn hello(shelf: &Shelf) -> Frame {
    let (federation, charter) = (shelf.federation(), shelf.charter.head());
    Frame::Hello(Hello { version: VERSION, federation, epoch: 0, charter })
}

fn open() -> Open {
    Open {
        nonce: [9; 8],
        window: 64 * 1024,
        budget: u64::MAX,
        slice: Slice::Whole,
        sections: Bounded::empty(),
        loose: [1; 16],
    }
}

/// An end that was greeted by somebody who means no good.
fn greeted(change: impl Fn(&mut Terms)) -> End {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[5, 5]);
    let mut terms = terms(&a, &b, 1);
    change(&mut terms);
    let mut end = End::new(a, terms);
    drop(end.says());
    end.hears(&hello(&b)).expect("a hello");
    end.hears(&Frame::Open(Box::new(open()))).expect("an open");
    drop(end.says());
    end
}

fn feed(seed: u8, lane: Lane, programme: ProgrammeId) -> FeedId {
    FeedId { node: key(seed).public(), lane, programme }
}

/// A feed frame and a first block of it.
fn block(feed: FeedId, seed: u8, entries: usize) -> [Frame; 2] {
    let block = seal(Shelf::new(1, &[]).federation(), seed, feed, &[], entries, 0);
    [Frame::Feed(feed), Frame::Block(Box::new(block))]
}

/// Tips of one node, as news.
fn tips(seed: u8, lane: Lane, programme: ProgrammeId, blocks: u64) -> Frame {
    let tip = Tip::new(lane, blocks, [5; 4]);
    let tips = Bounded::new(vec![tip]).expect("one");
    let nodes =
        Bounded::new(vec![NodeTips { node: key(seed).public().short(), tips }]).expect("one");
    Frame::Tips(Box::new(Tips { programme, mask: 0, nodes }))
}

#[track_caller]
fn check(frames: &[Frame], breach: Breach) {
    let mut end = greeted(|_| {});
    let mut result = Ok(());
    for frame in frames {
        assert_eq!(result, Ok(()), "only the last breaks a rule");
        result = end.hears(frame);
    }
    assert_eq!(result, Err(breach));
    assert_eq!(end.says(), [Frame::End(Why::Breach(breach.number()))], "told, and over");
    assert!(end.session.is_over());
    assert_eq!(end.next(), None);
}

#[test]
fn a_rule_that_is_broken_ends_the_session() {
    let (a, _) = pair();
    check(&[hello(&a)], Breach::Greeting);
    check(&[Frame::Open(Box::new(open()))], Breach::Greeting);
    check(&[Frame::Bye { count: 0, digest: Hash::ZERO }], Breach::Place("bye"));
    check(&[Frame::Frontier(Bounded::empty())], Breach::Place("frontier"));
    check(&[Frame::Taken(1 << 40)], Breach::Taken);
    check(
        &[Frame::Follow(Bounded::new(vec![Run { from: 1, count: 9 }]).expect("one"))],
        Breach::Name,
    );
    let run = Run { from: u32::MAX, count: u32::MAX };
    check(&[Frame::Follow(Bounded::new(vec![run]).expect("one"))], Breach::Name);
    let sums = Bounded::new(vec![[0; 4]; 63]).expect("few");
    check(&[Frame::Buckets(Box::new(Buckets { part: Part::Loose, sums }))], Breach::Name);
    // Nobody asked for it, nobody named its feed, or it is not for this node.
    check(&block(feed(3, Lane::Value, FOOD), 3, 5), Breach::Unasked);
    check(&block(feed(3, Lane::Value, FOOD), 3, 5)[1..], Breach::Unasked);
    check(&block(feed(3, Lane::Value, CASH), 3, 5), Breach::Scope);
    let [named, body] = block(feed(3, Lane::Control, CONTROL), 3, 1);
    let Frame::Block(inner) = body else { panic!("a block") };
    let header = Frame::Header { header: inner.header, signature: inner.signature };
    check(&[named, header], Breach::Scope);
    let rows = Frame::ListRows { list: Hash::ZERO, rows: Bounded::empty() };
    check(&[rows], Breach::Unasked);
    let header = Hash::ZERO;
    let evidence = Frame::Evidence { seq: 0, header, pieces: Bounded::empty(), last: true };
    check(&[Frame::Feed(feed(1, Lane::Value, FOOD)), evidence], Breach::Unasked);
}

#[test]
fn nothing_is_listened_to_before_a_greeting() {
    let (a, b) = pair();
    let mut end = End::new(a, terms(&b, &b, 1));
    assert_eq!(end.hears(&Frame::Taken(0)), Err(Breach::Greeting));
    let (a, b) = pair();
    let mut end = End::new(a, terms(&b, &b, 1));
    let long = [0x00, 0x00, 0x10, 0x01, 0x00];
    assert_eq!(end.arrives(&long), Err(FrameFault::Length(4_097).into()));
    for (window, sections) in [(0, vec![]), (u32::MAX, vec![]), (65_536, vec![2, 1])] {
        let (a, b) = pair();
        let mut end = End::new(a, terms(&b, &b, 1));
        end.hears(&hello(&b)).expect("a hello");
        let section = |p| Section { programme: ProgrammeId(p), digest: [0; 16] };
        let sections = Bounded::new(sections.into_iter().map(section).collect()).expect("few");
        let open = Open { window, sections, ..open() };
        assert_eq!(end.hears(&Frame::Open(Box::new(open))), Err(Breach::Terms));
    }
}

#[test]
fn no_more_is_held_than_there_was_room_for() {
    let mut end = greeted(|terms| terms.window = 8 * 1024);
    // Control blocks may come unasked, but not without end.
    let mut held = 0;
    let breach = loop {
        let [named, block] = block(feed(3, Lane::Control, CONTROL), 3, 1);
        held += block.encode().expect("fits").len();
        match end.hears(&named).and_then(|()| end.hears(&block)) {
            Ok(()) => assert!(held < limits::WINDOW_BYTES),
            Err(breach) => break breach,
        }
    };
    assert_eq!(breach, Breach::Window);
}

#[test]
fn talk_without_end_is_not_listened_to() {
    let mut end = greeted(|_| {});
    let ids = Frame::Ids(Box::new(Ids {
        mask: 0,
        ids: Bounded::new(vec![[0; 6]; 8_000]).expect("many"),
    }));
    let mut heard = 0;
    while end.hears(&ids) == Ok(()) {
        heard += 48_000;
        assert!(heard < 1 << 20);
    }
    assert_eq!(end.says(), [Frame::End(Why::Breach(Breach::Flood.number()))]);
    // With room to answer in between, it costs an answer or none.
    let mut end = greeted(|_| {});
    for _ in 0..100 {
        end.hears(&ids).expect("heard");
        assert!(end.says().len() <= 2);
    }
}

#[test]
fn who_asks_and_does_not_listen_floods() {
    let mut end = greeted(|_| {});
    let unknown = feed(9, Lane::Value, FOOD).short();
    let need = Frame::Need(talk::Need { feed: unknown, points: Bounded::empty() });
    let mut asked = 0;
    // It has one answer for many questions.
    let breach = 'asks: loop {
        for _ in 0..200 {
            if let Err(breach) = end.hears(&need) {
                break 'asks breach;
            }
            asked += 1;
            assert!(asked < 60_000, "what waits does not count");
        }
        assert!(end.next().is_some(), "an answer");
        assert!(end.session.keeps().1 <= 4_096);
    };
    assert_eq!(breach, Breach::Flood);
}

#[test]
fn a_tip_is_followed_once_and_its_feed_parts_once() {
    let follow = |runs: &[(u32, u32)]| {
        let runs = runs.iter().map(|(from, count)| Run { from: *from, count: *count }).collect();
        Frame::Follow(Bounded::new(runs).expect("few"))
    };
    let mut end = greeted(|_| {});
    // Another chain than the one it is told of.
    end.hears(&tips(1, Lane::Value, FOOD, 1)).expect("news");
    drop(end.says());
    let mut parted = 0;
    for _ in 0..100 {
        end.hears(&follow(&[(0, 1)])).expect("told");
        parted += end.says().iter().filter(|said| matches!(said, Frame::Apart(_))).count();
    }
    assert_eq!(parted, 1, "said once");
    for runs in [&[(0, 1), (0, 1)][..], &[(0, 0)]] {
        check(&[follow(runs)], Breach::Name);
    }
}

#[test]
fn what_is_said_of_feeds_nobody_has_is_kept_up_to_a_bound() {
    let mut end = greeted(|_| {});
    let most = 2 * limits::FRONTIER_TIPS;
    let name = |n: usize| {
        let mut node = [7; 8];
        node[..4].copy_from_slice(&u32::try_from(n).expect("few").to_be_bytes());
        node
    };
    for frame in 0..20usize {
        let node = |n: usize| {
            let tips = Bounded::new(vec![Tip::new(Lane::Value, 3, [5; 4])]).expect("one");
            NodeTips { node: name(frame * 2_048 + n), tips }
        };
        let nodes = Bounded::new((0..2_048).map(node).collect()).expect("fits");
        end.hears(&Frame::Tips(Box::new(Tips { programme: FOOD, mask: 0, nodes }))).expect("news");
        drop(end.says());
    }
    assert_eq!(end.session.keeps().0, most);
    let stop = |n| Frame::Stop(FeedRef { node: name(n), lane: Lane::Value, programme: FOOD });
    for n in 0..most {
        end.hears(&stop(n)).expect("stopped");
    }
    end.hears(&stop(0)).expect("again");
    assert_eq!(end.hears(&stop(most)), Err(Breach::Flood));
    // Sums are told once.
    let sums = Bounded::new(vec![[0; 4]; 64]).expect("all");
    let sums = Frame::Buckets(Box::new(Buckets { part: Part::Loose, sums }));
    check(&[sums.clone(), sums], Breach::Flood);
}

#[test]
fn who_says_it_holds_more_and_brings_nothing_owes_it() {
    let mut end = greeted(|_| {});
    end.hears(&tips(3, Lane::Value, FOOD, 1_000_000)).expect("news");
    let said = end.says();
    assert!(
        matches!(&said[..], [Frame::Need(need)] if need.feed == feed(3, Lane::Value, FOOD).short())
    );
    assert_eq!(end.session.owed(), 1);
    let before = end.session.figures().content_received;
    end.hears(&tips(3, Lane::Value, FOOD, 2_000_000)).expect("more news");
    drop(end.says());
    assert_eq!((end.session.owed(), end.session.figures().content_received), (1, before));
    // A minute later, whoever runs it ends it.
    end.session.end(Why::Stalled);
    assert_eq!(end.says(), [Frame::End(Why::Stalled)]);
}

#[test]
fn what_was_let_go_is_not_taken_for_held() {
    let (mut a, mut b) = pair();
    a.write(1, Lane::Value, FOOD, &[5, 5, 5]);
    a.write(2, Lane::Value, FOOD, &[5]);
    let (bad, good) = (feed(1, Lane::Value, FOOD), feed(2, Lane::Value, FOOD));
    b.refuses.insert(bad);
    let mut link = super::link::Link::new(a, b);
    assert!(link.run());
    let held = |of| {
        let is = |note: &Note| matches!(note, Note::Acknowledged(known) if known.feed == of);
        link.a.notes.iter().any(is)
    };
    assert_eq!((held(bad), held(good)), (false, true));
}

#[test]
fn endless_lies_about_one_feed_are_asked_about_a_few_times() {
    let mut end = greeted(|_| {});
    let mut asked = 0;
    for blocks in 1..1_000 {
        end.hears(&tips(3, Lane::Value, FOOD, blocks)).expect("news");
        asked += end.says().len();
    }
    assert!(asked <= 20, "asked {asked} times");
}

#[test]
fn what_the_rules_refuse_is_stopped_and_let_go() {
    let mut end = greeted(|_| {});
    let bad = feed(3, Lane::Value, FOOD);
    end.shelf.refuses.insert(bad);
    end.hears(&tips(3, Lane::Value, FOOD, 9)).expect("news");
    drop(end.says());
    let [named, body] = block(bad, 3, 200);
    end.hears(&named).expect("named");
    end.hears(&body).expect("asked for");
    assert!(end.says().contains(&Frame::Stop(bad.short())));
    assert!(end.notes.contains(&Note::Refused(bad)));
    assert_eq!(end.session.owed(), 0);
    // What was under way is let go; what never ends is not.
    let mut let_go = 0;
    let breach = loop {
        let_go += body.encode().expect("fits").len();
        match end.hears(&body) {
            Ok(()) => drop(end.says()),
            Err(breach) => break breach,
        }
    };
    assert_eq!(breach, Breach::Unasked);
    assert!(let_go <= limits::WINDOW_BYTES + 4_096);
}

#[test]
fn more_than_the_budget_is_not_taken() {
    let mut end = greeted(|terms| terms.budget = 3_000);
    end.hears(&tips(3, Lane::Value, FOOD, 9)).expect("news");
    drop(end.says());
    let [named, body] = block(feed(3, Lane::Value, FOOD), 3, 200);
    end.hears(&named).expect("named");
    assert_eq!(end.hears(&body), Ok(()));
    assert_eq!(end.hears(&body), Err(Breach::Budget));
}

#[test]
fn asked_again_and_again_it_answers_inside_its_credit() {
    let (mut a, b) = pair();
    a.write(1, Lane::Value, FOOD, &[256; 60]);
    let mut end = End::new(a, terms(&b, &b, 1));
    drop(end.says());
    end.hears(&hello(&b)).expect("a hello");
    let loose = {
        // The same loose part, so that blocks wait for nothing.
        let mut other = End::new(b.clone(), terms(&b, &b, 3));
        let said = other.says();
        let Some(Frame::Open(open)) = said.get(1) else { panic!("an open") };
        open.loose
    };
    end.hears(&Frame::Open(Box::new(Open { loose, ..open() }))).expect("an open");
    drop(end.says());
    let need = talk::Need { feed: feed(1, Lane::Value, FOOD).short(), points: Bounded::empty() };
    for _ in 0..1_000 {
        end.hears(&Frame::Need(need.clone())).expect("asked");
        drop(end.says());
    }
    let sent = end.session.figures().content_sent;
    assert!(sent <= 64 * 1024, "{sent} bytes, for nothing was taken");
}

#[test]
fn no_bytes_break_the_machine() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2_000 {
        let mut end = greeted(|_| {});
        for _ in 0..8 {
            let len = random() as usize % 60;
            let mut bytes: Vec<u8> = (0..len).map(|_| random() as u8).collect();
            if let Some(kind) = bytes.first_mut() {
                *kind = 18 + (random() % 12) as u8;
            }
            if end.session.receive(&bytes).is_err() {
                break;
            }
            drop(end.says());
        }
    }
}
