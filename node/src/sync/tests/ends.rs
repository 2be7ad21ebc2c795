//! Who is not met, and how a meeting ends that must not go on.

use std::time::{Duration, Instant};

use annona_ledger::charter::{Act, Article, SignedArticle};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{Control, Entry};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, Lane, OrgId, ProgrammeId};
use annona_ledger::sync::frame::Frame;
use annona_ledger::sync::session::Breach;
use annona_ledger::sync::talk::Why;
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;

use super::{Site, Three, Wire, World, frames, meet, refused, world};
use crate::consent::request;
use crate::letters::{self, Letters};
use crate::sync::{Bounds, Fault, Meeting, PATIENCE};
use world::{CASH, FOOD};

/// Everything a meeting would send now.
fn says(meeting: &mut Meeting) -> Vec<Frame> {
    let mut all = Vec::new();
    while let Some(bytes) = meeting.outgoing().expect("the folder holds") {
        all.extend(frames(&bytes));
    }
    all
}

/// An article of the whole federation.
fn article(site: &Site, acts: Vec<Act>) -> SignedArticle {
    let (epoch, previous, federation) = site.with(|node| {
        let charter = node.store().charter().expect("founded").clone();
        (charter.epoch() + 1, charter.head(), charter.federation())
    });
    let article = Article { epoch, previous, acts: Bounded::new(acts).expect("few") };
    let by = [1u8, 2, 3].map(|n| (OrgId(n.into()), article.sign(&federation, &world::key(n))));
    SignedArticle { article, signatures: Bounded::new(by.to_vec()).expect("three") }
}

#[test]
fn s44_strangers_and_who_is_cut_off_are_not_met() {
    let Three { a, b, t: _t, dir } = Three::of(World::new());
    let stranger = Site::new(world::make(dir.path(), "x"), "x", dir.path());
    assert!(refused(a.meets(&stranger)).contains("it has no certificate"));
    assert!(refused(stranger.meets(&a)).contains("no charter here yet"));
    assert!(refused(a.meets(&a)).contains("own key"));
    // Cut off while they are connected: told so, and not met again.
    let (mut one, mut other) = (a.meets(&b).expect("members"), b.meets(&a).expect("members"));
    assert!(Wire::new(usize::MAX).run(&mut one, &mut other));
    let feed = b.with(|node| node.feed(Lane::Value, FOOD).short());
    let fence = Act::Fence { feed, cut: Cut::NOTHING, reason: Reason::Compromised };
    let fence = article(&a, vec![fence]);
    a.with(move |node| node.apply_article(&fence).expect("a good article"));
    let said = says(&mut one);
    assert_eq!(said, [Frame::End(Why::NotAMember)]);
    assert!(one.is_over());
    other.incoming(&said[0].encode().expect("fits")).expect("a good frame");
    assert_eq!(other.ended(), Some(Why::NotAMember));
    assert!(refused(a.meets(&b)).contains("cut off"));
}

#[test]
fn another_federation_is_told_and_its_frames_are_not_heard() {
    let Three { a, b, t: _t, dir } = Three::of(World::new());
    let other = Site::new(world::make(dir.path(), "y"), "y", dir.path());
    let bounds = Bounds { federation: Some(FederationId(Hash([9; 32]))), ..Bounds::default() };
    let mut foreign = Meeting::open(&other.desk, &a.key, bounds).expect("a node that begins");
    let mut here = a.meets(&b).expect("members");
    let greeting = foreign.outgoing().expect("reads").expect("a greeting");
    here.outgoing().expect("reads").expect("a greeting");
    here.incoming(&greeting).expect("well formed");
    assert_eq!(says(&mut here), [Frame::End(Why::Federation)]);
    assert!(here.is_over() && !here.is_open());
    // A frame after the end of the other side is a breach, and nothing is kept of it.
    let block = Frame::Notice(Box::new(
        a.with(|node| node.store().roster().notices().next().expect("one").clone()),
    ));
    let end = Frame::End(Why::Done).encode().expect("fits");
    let mut here = a.meets(&b).expect("members");
    here.incoming(&end).expect("well formed");
    let after = here.incoming(&block.encode().expect("fits"));
    assert!(matches!(after, Err(Fault::Breach(Breach::After))), "{after:?}");
}

#[test]
fn s47_who_opens_and_stalls_is_found_out_and_others_go_on() {
    let mut w = World::new();
    world::enrol_blocks(&mut w.a, CASH, 4);
    let Three { a, b, t, dir: _dir } = Three::of(w);
    let mut silent = a.meets(&b).expect("members");
    silent.outgoing().expect("reads").expect("a greeting");
    // Another that says it has much, and brings none of it.
    let (mut owed, mut owing) = (t.meets(&a).expect("members"), a.meets(&t).expect("members"));
    while owed.wants() == 0 {
        let bytes = owing.outgoing().expect("reads").expect("something to say");
        owed.incoming(&bytes).expect("well formed");
        while let Some(bytes) = owed.outgoing().expect("reads") {
            owing.incoming(&bytes).expect("well formed");
        }
    }
    let later = |past: u64| Instant::now() + PATIENCE + Duration::from_secs(past);
    assert!(!silent.stalled(Instant::now()) && !owed.stalled(Instant::now()));
    assert!(silent.stalled(later(1)) && owed.stalled(later(1)));
    // What names a feed and goes on to bring none of it is nothing.
    let feed = a.with(|node| node.feed(Lane::Registry, CASH));
    owed.tell(later(0));
    owed.incoming(&Frame::Feed(feed).encode().expect("fits")).expect("well formed");
    owed.outgoing().expect("reads");
    owed.tell(later(0) + PATIENCE);
    assert!(owed.stalled(later(1) + PATIENCE), "nothing that is owed came");
    drop(owed);
    let (_, to_t, _) = meet(&a, &t);
    assert_eq!(to_t.blocks, 4, "the others are not kept waiting");
    silent.end(Why::Stalled);
    assert_eq!(says(&mut silent), [Frame::End(Why::Stalled)]);
}

#[test]
fn what_one_is_late_with_another_brings_and_it_is_not_waited_for_again() {
    let mut w = World::new();
    world::enrol_blocks(&mut w.a, CASH, 4);
    let Three { a, b, t, dir: _dir } = Three::of(w);
    // B is let into the programme, or it had headers alone.
    let federation = a.with(|node| node.federation().expect("founded"));
    let wider = b.with(move |node| {
        let mut wider = world::certify(node, &federation, 2, &[FOOD, CASH]);
        if let annona_ledger::notice::Notice::Node(certificate) = &mut wider.notice {
            certificate.issued = Minute(50);
        }
        wider.notice.sign(&federation, &world::key(2))
    });
    for site in [&a, &b, &t] {
        let wider = wider.clone();
        site.with(move |node| node.learn(&wider).expect("a good certificate"));
    }
    meet(&a, &b);
    let (mut owed, mut owing) = (t.meets(&a).expect("members"), a.meets(&t).expect("members"));
    while owed.wants() == 0 {
        let bytes = owing.outgoing().expect("reads").expect("something to say");
        owed.incoming(&bytes).expect("well formed");
        while let Some(bytes) = owed.outgoing().expect("reads") {
            owing.incoming(&bytes).expect("well formed");
        }
    }
    let (mut one, mut other) = (t.meets(&b).expect("members"), b.meets(&t).expect("members"));
    let mut wire = Wire::new(usize::MAX);
    assert!(wire.run(&mut one, &mut other));
    assert_eq!(one.taken().blocks, 0, "it is asked of the first alone");
    one.tell(Instant::now() + PATIENCE);
    assert!(wire.run(&mut one, &mut other));
    assert_eq!((one.taken().blocks, t.root()), (4, b.root()));
    drop((owed, owing));
    // It comes again, and says so again: nobody waits for it now.
    b.with(|node| {
        world::enrol(node, CASH, [9; 16]);
        node.seal_all().expect("sealed");
    });
    let shared = &t.desk.shared;
    let by = crate::sync::claims::By { meeting: 99, peer: a.short() };
    let feed = a.with(|node| node.feed(Lane::Registry, CASH)).short();
    let patience = crate::sync::claims::LATE;
    let again =
        crate::sync::claims::locked(&shared.board).claim(feed, by, Instant::now(), patience, true);
    assert_eq!(again, crate::sync::claims::Turn::Beside);
}

#[test]
fn what_is_nobody_s_is_refused_on_its_link_and_the_writer_hears_of_none() {
    let Three { mut a, b, t: _t, dir: _dir } = Three::of(World::new());
    let (mut one, mut other) = (a.meets(&b).expect("members"), b.meets(&a).expect("members"));
    assert!(Wire::new(usize::MAX).run(&mut one, &mut other));
    let good = a.with(|node| {
        let mut notices = node.store().roster().notices();
        let good = notices.find(|n| matches!(n.notice, annona_ledger::notice::Notice::Node(_)));
        good.expect("a certificate").clone()
    });
    // What reached it would fail from here on.
    a.writer.take().expect("running").stop().expect("a clean stop");
    let bad = |n: u64| {
        let mut bad = good.clone();
        if let annona_ledger::notice::Notice::Node(certificate) = &mut bad.notice {
            certificate.issued = Minute(1_000 + u32::try_from(n).expect("few"));
            certificate.not_after = Minute(u32::MAX);
        }
        Frame::Notice(Box::new(bad)).encode().expect("fits")
    };
    for n in 0..crate::sync::gate::REFUSED {
        one.incoming(&bad(n)).expect("one of few");
        if n % 100 == 0 {
            while one.outgoing().expect("nobody is asked").is_some() {}
        }
    }
    assert_eq!(one.taken().refusals, 1, "of one kind");
    let fault = one.incoming(&bad(crate::sync::gate::REFUSED)).expect_err("too many");
    assert!(matches!(fault, Fault::Breach(Breach::Flood)), "{fault}");
    assert_eq!(says(&mut one), [Frame::End(Why::Breach(9))]);
}

#[test]
fn who_comes_again_at_once_makes_no_block_each_time() {
    let Three { a, b, t: _t, dir: _dir } = Three::of(World::new());
    let bounds = || Bounds { sealed: Duration::from_secs(3_600), ..Bounds::default() };
    let open = || Meeting::open(&a.desk, &b.key, bounds()).map(drop).expect("members");
    let feed = a.with(|node| node.feed(Lane::Registry, FOOD));
    let sealed = || {
        a.with(move |node| {
            let work = node.store().look().expect("a look");
            work.chains_of(&feed).first().map_or(0, |chain| chain.sealed.next)
        })
    };
    for n in 0..4 {
        a.with(move |node| world::enrol(node, FOOD, [n; 16]));
        open();
        assert_eq!(sealed(), 1, "the first time alone");
    }
    drop(a.meets(&b).expect("members"));
    assert_eq!(sealed(), 4);
}

#[test]
fn bytes_that_are_no_frames_end_a_meeting_and_nothing_else() {
    let Three { a, b, t: _t, dir: _dir } = Three::of(World::new());
    let root = a.root();
    for bytes in [&[0xff; 4][..], &[0, 0, 0, 1, 200], &[0, 0, 0, 2, 4, 0], &[0, 0, 0, 0]] {
        let mut meeting = a.meets(&b).expect("members");
        meeting.outgoing().expect("reads");
        let fault = meeting.incoming(bytes).expect_err("no frame");
        assert!(matches!(fault, Fault::Breach(_)), "{fault}");
        let said = says(&mut meeting);
        assert!(matches!(said[..], [Frame::End(Why::Breach(_))]), "{said:?}");
        assert!(meeting.is_over());
    }
    assert_eq!(a.root(), root);
    meet(&a, &b);
}

#[test]
fn s31_a_revocation_goes_before_everything_that_waits() {
    let mut w = World::new();
    w.distribute(4);
    for n in 0..40 {
        world::enrol_blocks(&mut w.a, FOOD, 1 + n % 3);
    }
    let Three { a, b, t: _t, dir: _dir } = Three::of(w);
    let bounds = Bounds { window: 4_096, ..Bounds::default() };
    let mut one = a.meets(&b).expect("members");
    let mut other = Meeting::open(&b.desk, &a.key, bounds).expect("members");
    // Until some of the backlog is there.
    while other.taken().blocks < 12 {
        while let Some(bytes) = other.outgoing().expect("reads") {
            one.incoming(&bytes).expect("honest");
        }
        if let Some(bytes) = one.outgoing().expect("reads") {
            other.incoming(&bytes).expect("honest");
        }
    }
    let under_way = one.figures().content_sent - one.figures().content_taken;
    assert!(under_way <= 4_096, "{under_way} bytes under way");
    a.with(|node| {
        let control = node.feed(Lane::Control, ProgrammeId::NONE);
        let feed = node.feed(Lane::Registry, CASH).short();
        let revoke =
            Control::Revoke { feed, cut: Cut::NOTHING, reason: Reason::Late, at: Minute(100) };
        world::write(node, control, vec![Entry::from(revoke).into()]);
    });
    let mut before = 0;
    let revocations = |site: &Site| {
        let feed = a.key.short();
        site.with(move |node| {
            let work = node.store().look().expect("a look");
            let feed =
                annona_ledger::id::FeedRef { node: feed, lane: Lane::Registry, programme: CASH };
            annona_ledger::view::View::revocations(&work, &feed).len()
        })
    };
    let mut came = false;
    while !came {
        while let Some(bytes) = one.outgoing().expect("reads") {
            for frame in frames(&bytes) {
                came |= matches!(&frame, Frame::Feed(feed) if feed.lane == Lane::Control);
                other.incoming(&frame.encode().expect("fits")).expect("honest");
                before += u64::from(!came && matches!(frame, Frame::Block(_)));
            }
        }
        while let Some(bytes) = other.outgoing().expect("reads") {
            one.incoming(&bytes).expect("honest");
        }
    }
    assert_eq!(revocations(&b), 1, "it is applied");
    assert_eq!(before, 0, "what was not under way waits");
    assert!(other.wants() > 0, "and there is more of it");
    Wire::new(usize::MAX).run(&mut one, &mut other);
    assert_eq!(a.root(), b.root());
}

/// Of a small budget one letter a day takes more than its share; one that stayed rests for nothing, and goes next time.
#[test]
fn a_letter_rests_for_being_sent_and_not_for_having_no_room() {
    let Three { a, b, dir, .. } = Three::of(World::new());
    meet(&a, &b);
    let letters = Letters::of(&dir.path().join("a"));
    let days = a.with(|node| letters::days(node)).expect("a day");
    let papers = [1, 2].map(request::sample);
    let names = papers
        .each_ref()
        .map(|paper| letters.send(&b.short(), paper, None, days).expect("it is kept"));
    let small = 3 * papers[0].len() as u64;
    let meet_with = |spend| {
        let bounds = Bounds { spend, ..Bounds::default() };
        let mut one = Meeting::open(&a.desk, &b.key, bounds).expect("members");
        let mut other = b.meets(&a).expect("members");
        assert!(Wire::new(usize::MAX).run(&mut one, &mut other));
        drop((one.close().expect("kept"), other.close().expect("kept")));
        let rests = &a.desk.shared.rests;
        (letters.outgoing(&b.short()), rests.due(b.short(), names.to_vec(), Instant::now()).len())
    };
    // Too little for either: both stay, and rest for nothing.
    assert_eq!(meet_with(small / 6).1, 2);
    let (left, due) = meet_with(small);
    assert_eq!((left.len(), due), (1, 1), "the one that went rests, the other does not");
    assert_eq!(meet_with(small).0.len(), 1, "one a day");
    assert_eq!(meet_with(u64::MAX).0.len(), 0);
}
