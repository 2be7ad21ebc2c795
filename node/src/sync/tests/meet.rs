//! What two and three nodes come to hold.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::sync::frame::Frame;
use annona_ledger::sync::talk::Why;

use super::{Site, Three, Wire, World, meet, world};
use crate::store::{Blob, StoreFault};
use crate::sync::{Ended, Meeting};
use world::{CANARY, CASH, FOOD};

fn grown() -> Three {
    let mut w = World::new();
    w.distribute(40);
    world::enrol(&mut w.a, FOOD, CANARY);
    world::enrol_blocks(&mut w.b, FOOD, 5);
    Three::of(w)
}

#[test]
fn two_nodes_catch_up_both_ways_and_then_have_little_to_say() {
    let Three { a, b, dir: _dir, .. } = grown();
    let (to_a, to_b, first) = meet(&a, &b);
    assert_eq!(a.root(), b.root());
    assert!(to_a.refused.is_empty() && to_b.refused.is_empty(), "{to_a:?} {to_b:?}");
    assert_eq!((to_a.blocks, to_a.known, to_b.known), (5, 0, 0), "nothing came twice");
    assert!(to_b.blocks >= 3 && to_b.headers == 0 && to_b.lists == 1, "{to_b:?}");
    assert!(to_b.evidence > 0, "evidence came after what it belongs to");
    assert!(first.rounds < 12, "{} rounds", first.rounds);
    // Evidence is the writer's own.
    let value = a.with(|node| node.feed(Lane::Value, FOOD));
    let pieces = b.with(move |node| {
        let work = node.store().look().expect("a look");
        let mut pieces = 0;
        for chain in work.chains_of(&value) {
            work.blocks::<StoreFault>(chain.chain, 0, |_, evidence| {
                pieces += evidence.map_or(0, |e| e.0.len());
                Ok(true)
            })
            .expect("reads");
        }
        pieces
    });
    assert_eq!(pieces, 40);
    let rows = |site: &Site| {
        site.with(|node| {
            let [list] = node.store().blobs(Blob::ListRows).expect("a look")[..] else {
                panic!("one list")
            };
            node.store().blob(Blob::ListRows, &list).expect("a look")
        })
    };
    assert_eq!(rows(&a), rows(&b));
    // Both know what the other holds: neither would write it into a bundle.
    let (own, other) = (value, b.short());
    assert!(a.with(move |node| node.store().seen(&other, &own).expect("a look")) > 0);

    // What is alike costs one round, and under a kilobyte in both directions.
    let (to_a, to_b, again) = meet(&a, &b);
    assert_eq!((to_a.blocks, to_b.blocks, to_a.known, to_b.known), (0, 0, 0, 0));
    assert!(again.bytes[0] + again.bytes[1] <= 1_024, "{:?} bytes", again.bytes);
    assert_eq!(again.rounds, 1);
}

#[test]
fn an_outsider_of_a_programme_gets_headers_and_hands_them_on() {
    let Three { a, b, t, dir: _dir } = grown();
    let (_, to_t, _) = meet(&a, &t);
    assert!(to_t.headers > 0 && to_t.refused.is_empty(), "{to_t:?}");
    let food = a.with(|node| node.feed(Lane::Registry, FOOD));
    t.with(move |node| {
        let work = node.store().look().expect("a look");
        assert!(work.chains_of(&food).is_empty(), "no body of Food is here");
        assert!(work.outline(&food).expect("a look").is_some());
    });
    // What T has of A, B has in whole: T's headers tell it, and T gives none of it.
    let (to_t, to_b, _) = meet(&t, &b);
    assert!(to_b.blocks == 0 || to_b.refused.is_empty());
    assert!(to_t.refused.is_empty() && to_t.headers > 0);
    meet(&a, &b);
    let (to_a, to_t, wire) = meet(&a, &t);
    assert_eq!(to_t.known + to_a.known, 0, "nothing twice");
    let bodies = |frame: &Frame| matches!(frame, Frame::Block(_));
    assert!(!wire.frames[1].iter().any(bodies), "T has no body that A lacks");
}

#[test]
fn three_nodes_in_a_row_are_alike_and_no_block_comes_twice() {
    let Three { a, b, t, dir } = grown();
    let federation = a.with(|node| node.federation().expect("founded"));
    // T is let into Food as well.
    let wider = t.with(move |node| {
        let mut wider = world::certify(node, &federation, 3, &[FOOD, CASH]);
        if let annona_ledger::notice::Notice::Node(certificate) = &mut wider.notice {
            certificate.issued = annona_ledger::time::Minute(50);
        }
        wider.notice.sign(&federation, &world::key(3))
    });
    a.with(move |node| node.learn(&wider).expect("a good certificate"));
    // The first meeting brings the certificate, and with it other terms: both meet again.
    let (mut one, mut other) = (a.meets(&t).expect("members"), t.meets(&a).expect("members"));
    Wire::new(usize::MAX).run(&mut one, &mut other);
    assert!(one.is_over() || other.is_over(), "terms have changed");
    drop((one, other));
    meet(&a, &t);
    let (to_t, to_b, _) = meet(&t, &b);
    assert_eq!((to_t.known, to_b.known), (0, 0));
    meet(&t, &a);
    assert_eq!(a.root(), t.root());
    let again = [a.again(), t.again(), b.again()];
    assert_eq!(again[0].root(), again[1].root(), "and after a restart");
    drop(dir);
}

#[test]
fn s30_cut_after_any_byte_a_meeting_goes_on_where_it_was() {
    let mut w = World::new();
    w.distribute(6);
    world::enrol_blocks(&mut w.a, FOOD, 30);
    world::enrol_blocks(&mut w.b, FOOD, 12);
    let Three { a, b, dir: _dir, .. } = Three::of(w);
    let (mut cuts, mut known, mut left) = (0u64, 0u64, 1usize);
    let mut blocks = 0;
    loop {
        let (mut one, mut other) = (a.meets(&b).expect("members"), b.meets(&a).expect("members"));
        let whole = Wire::new(left).run(&mut one, &mut other);
        for taken in [one.close().expect("kept"), other.close().expect("kept")] {
            assert!(taken.refused.is_empty() && taken.gaps.is_empty(), "{taken:?}");
            known += taken.known;
            blocks += taken.blocks;
        }
        if whole {
            break;
        }
        cuts += 1;
        // First within the greeting, then wherever it falls.
        left = if left < 700 { left + 53 } else { left + 211 };
    }
    assert!(cuts > 15, "{cuts} cuts");
    assert_eq!(known, 0, "a block that came whole is kept, and one that did not was never here");
    assert_eq!(a.root(), b.root());
    assert!(blocks > 42);
    let health = b.with(|node| node.store().check_all(&mut |_, _| {}).expect("reads"));
    assert!(health.damage.is_empty(), "{health:?}");
    let live = b.root();
    b.with(|node| node.store_mut().rebuild(&mut |_, _| {}).expect("rebuilds"));
    assert_eq!(b.root(), live);
}

#[test]
fn what_others_hold_leaves_room_for_what_is_written_here() {
    let mut w = World::new();
    w.distribute(4);
    world::enrol_blocks(&mut w.a, FOOD, 3);
    world::enrol_blocks(&mut w.b, FOOD, 2);
    let Three { a, b, dir: _dir, .. } = Three::of(w);
    let control = a.with(|node| node.feed(Lane::Control, ProgrammeId::NONE));
    let next = |site: &Site| {
        let feeds = site.with(|node| node.store().feeds().expect("a look"));
        let own: Vec<_> = feeds.iter().filter(|feed| feed.id.node == a.key).collect();
        let of = |urgent| {
            let of = own.iter().filter(move |feed| (feed.id == control) == urgent);
            of.map(|feed| feed.head.next).sum::<u64>()
        };
        (of(true), of(false))
    };
    let floor = |bytes| b.desk.shared.floor.store(bytes, Ordering::Relaxed);
    let free = crate::disk::free(&b.dir).expect("the system tells");
    floor(u64::MAX);
    let (to_a, _, _) = meet(&a, &b);
    assert_eq!(to_a.blocks, 2, "it gives what it has");
    assert_eq!(next(&b), (0, 0), "there is room for nothing");
    // A disk that others write to changes: between one and two times of what is free is half of that away from either end.
    floor(free + free / 2);
    let (mut one, mut other) = (a.meets(&b).expect("members"), b.meets(&a).expect("members"));
    let mut wire = Wire::new(usize::MAX);
    assert!(wire.run(&mut one, &mut other));
    assert_eq!(next(&b), (next(&a).0, 0), "what is urgent");
    floor(0);
    assert!(wire.run(&mut one, &mut other));
    assert!(other.is_over(), "they meet anew");
    drop((one, other));
    meet(&a, &b);
    assert_eq!(next(&b), next(&a));
}

#[test]
fn one_damaged_block_keeps_nothing_back_but_what_follows_it() {
    let mut w = World::new();
    w.distribute(6);
    world::enrol_blocks(&mut w.a, FOOD, 5);
    let Three { a, b, dir: _dir, .. } = Three::of(w);
    let value = a.with(|node| node.feed(Lane::Value, FOOD));
    a.with(move |node| {
        // The first of the feed that goes first.
        let changed = node.store().conn().execute(
            "UPDATE block SET body=x'00' WHERE seq=0 AND feed=(SELECT no FROM feed WHERE id=?1)",
            [&value.bytes()[..]],
        );
        assert_eq!(changed.expect("changed"), 1);
    });
    for _ in 0..2 {
        let (mut one, mut other) = (a.meets(&b).expect("members"), b.meets(&a).expect("members"));
        assert!(Wire::new(usize::MAX).run(&mut one, &mut other), "the link stays");
        let place = one.damage().first().expect("it is told here").clone();
        assert!(place.contains("block 0"), "{place}");
        assert!(!one.is_over() && !other.is_over());
    }
    let registry = a.with(|node| node.feed(Lane::Registry, FOOD));
    let blocks = b.with(move |node| {
        let work = node.store().look().expect("a look");
        let of = |feed| work.chains_of(feed).first().map_or(0, |chain| chain.sealed.next);
        (of(&value), of(&registry))
    });
    assert_eq!(blocks, (0, 15), "what stands behind it in its rank, and below, went");
}

/// Waits until something holds: meetings on threads of their own have no end.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a meeting over one end of a socket, on a thread.
fn running(
    mut meeting: Meeting,
    end: UnixStream,
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<(Ended, Meeting)> {
    let stop = stop.clone();
    std::thread::spawn(move || (meeting.run(&end, &stop).expect("no fault"), meeting))
}

#[test]
fn over_sockets_what_is_written_later_arrives_and_several_meetings_share_one_writer() {
    let Three { a, b, t, dir: _dir } = grown();
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for (one, other) in [(&a, &b), (&b, &t), (&a, &t)] {
        let (here, there) = UnixStream::pair().expect("two ends");
        threads.push(running(one.meets(other).expect("members"), here, &stop));
        threads.push(running(other.meets(one).expect("members"), there, &stop));
    }
    until("A and B are alike", || a.root() == b.root());
    // Written while they are connected.
    a.with(|node| {
        world::enrol(node, FOOD, [9; 16]);
        node.seal_all().expect("sealed");
    });
    let feed = a.with(|node| node.feed(Lane::Registry, FOOD));
    let next = a.with(move |node| {
        let work = node.store().look().expect("a look");
        work.chains_of(&feed)[0].sealed.next
    });
    until("B has what A wrote", || a.root() == b.root());
    until("T has its header", || {
        t.with(move |node| {
            let work = node.store().look().expect("a look");
            work.outline(&feed).expect("a look").is_some_and(|known| known.head.next == next)
        })
    });
    stop.store(true, Ordering::Relaxed);
    let (mut blocks, mut known) = (0, 0);
    for thread in threads {
        let (ended, meeting) = thread.join().expect("no panic");
        let stopped = [Ended::Ours(Why::Stopping), Ended::Theirs(Why::Stopping), Ended::Cut];
        assert!(stopped.contains(&ended), "{ended:?}");
        let taken = meeting.taken().clone();
        assert!(taken.refused.is_empty(), "{taken:?}");
        (blocks, known) = (blocks + taken.blocks, known + taken.known);
    }
    assert!(blocks > 7, "{blocks}");
    // Of what two others offer, control feeds alone may come twice: they are sent unasked.
    assert!(known <= 2, "{known} of {blocks} blocks came twice");
    let control = a.with(|node| node.feed(Lane::Control, ProgrammeId::NONE));
    assert!(b.with(move |node| node.store().look().expect("a look").trunk(&control).is_some()));
}

#[test]
fn a_stick_and_a_link_carry_the_same_blocks_and_words() {
    let mut w = World::new();
    w.distribute(12);
    world::enrol_blocks(&mut w.a, FOOD, 4);
    let folder = w.path("out");
    let exported = world::export(&mut w.a, &[world::short(&w.b)], &folder);
    let mut stick = crate::bundle::tests::frames_of(&w.b, &exported.files);
    let Three { a, b, dir: _dir, .. } = Three::of(w);
    let (_, _, wire) = meet(&a, &b);
    let kept = |frame: &Frame| {
        matches!(
            frame,
            Frame::Block(_) | Frame::Feed(_) | Frame::Evidence { .. } | Frame::ListRows { .. }
        )
    };
    let sorted = |frames: &[Frame]| {
        let mut all: Vec<Vec<u8>> =
            frames.iter().filter(|f| kept(f)).map(|f| f.encode().expect("fits")).collect();
        all.sort();
        all.dedup();
        all
    };
    stick.retain(|frame| kept(frame));
    assert!(stick.len() > 8);
    assert_eq!(sorted(&stick), sorted(&wire.frames[0]));
}
