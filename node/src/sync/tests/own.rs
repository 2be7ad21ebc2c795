//! A node and its own feeds: restored, wiped, begun without a history; and a writer that says two things.

use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::notice::Notice;
use annona_ledger::sync::talk::{Slice, Why};

use super::{Site, Three, Wire, World, meet, world};
use crate::checkpoint;
use crate::sync::{Bounds, Meeting};
use world::FOOD;

fn copy(from: &std::path::Path, to: &std::path::Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("reads") {
            let entry = entry.expect("reads");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).expect("copies");
    }
}

/// A machine put back to an earlier day, its memory of what it signed with it.
fn put_back(dir: &std::path::Path) {
    for name in ["b", "heads-b"] {
        std::fs::remove_dir_all(dir.join(name)).expect("gone");
        copy(&dir.join(format!("yesterday-{name}")), &dir.join(name));
    }
}

fn of_yesterday() -> (Site, Site, tempfile::TempDir) {
    let mut w = World::new();
    world::enrol_blocks(&mut w.b, FOOD, 2);
    let Three { a, b, t: _t, dir } = Three::of(w);
    let path = dir.path().to_owned();
    let mut b = b;
    b.writer.take().expect("running").stop().expect("a clean stop");
    for name in ["b", "heads-b"] {
        copy(&path.join(name), &path.join(format!("yesterday-{name}")));
    }
    let b = Site::new(world::reopen(&path, "b"), "b", &path);
    (a, b, dir)
}

#[test]
fn a_node_that_meets_more_of_its_own_feed_signs_no_more_and_says_why() {
    let (a, mut b, dir) = of_yesterday();
    b.with(|node| world::enrol_blocks(node, FOOD, 3));
    meet(&a, &b);
    b.writer.take().expect("running").stop().expect("a clean stop");
    put_back(dir.path());
    let b = Site::new(world::reopen(dir.path(), "b"), "b", dir.path());
    b.with(|node| node.may_sign().map_err(ToString::to_string)).expect("nothing tells yet");
    let (to_b, _, _) = {
        let (to_a, to_b, wire) = meet(&a, &b);
        (to_b, to_a, wire)
    };
    assert!(to_b.own_ahead.iter().any(|ahead| ahead.proven), "{to_b:?}");
    let why = b.with(|node| node.may_sign().expect_err("signs no more").to_string());
    assert!(
        why.contains("others hold entries of this node's") && why.contains("reincarnate"),
        "{why}"
    );
    let b = b.again();
    assert!(b.with(|node| node.may_sign().is_err()), "nor after a restart");
    assert_eq!(a.root(), b.root(), "what others held came back");
    // It still reads, takes in and hands on.
    a.with(|node| world::enrol_blocks(node, FOOD, 1));
    meet(&a, &b);
    assert_eq!(a.root(), b.root());
}

#[test]
fn s28_a_writer_that_says_two_things_is_found_out_by_both() {
    let (a, mut b, dir) = of_yesterday();
    let path = dir.path().to_owned();
    b.with(|node| {
        world::enrol(node, FOOD, [1; 16]);
        node.seal_all().expect("sealed");
    });
    let (_, _, _) = meet(&a, &b);
    b.writer.take().expect("running").stop().expect("a clean stop");
    put_back(&path);
    let b = Site::new(world::reopen(&path, "b"), "b", &path);
    b.with(|node| {
        world::enrol(node, FOOD, [2; 16]);
        node.seal_all().expect("sealed");
    });
    let (to_a, to_b, _) = meet(&a, &b);
    assert_eq!(to_a.forks.len(), 1, "{to_a:?}");
    assert_eq!(to_b.forks.len(), 1, "{to_b:?}");
    assert!(b.with(|node| node.may_sign().is_err()));
    assert_eq!(a.root(), b.root(), "both hold both branches");
    let (to_a, to_b, again) = meet(&a, &b);
    assert_eq!((to_a.blocks, to_b.blocks, to_a.known, to_b.known), (0, 0, 0, 0));
    assert_eq!(again.rounds, 1, "nothing is left to say");
}

/// A fresh folder whose node an organisation admits in place of B.
fn successor(a: &Site, b: &Site, dir: &std::path::Path) -> Site {
    let new = world::make(dir, "new");
    let federation = a.with(|node| node.federation().expect("founded"));
    let mut signed = world::certify(&new, &federation, 2, &[FOOD]);
    if let Notice::Node(certificate) = &mut signed.notice {
        certificate.replaces = Some(b.short());
    }
    let signed = signed.notice.sign(&federation, &world::key(2));
    a.with(move |node| node.learn(&signed).expect("a good certificate"));
    Site::new(new, "new", dir)
}

/// Meets until terms stand still: a node that begins learns its own certificate in the first meeting.
fn begin(new: &Site, from: &Site, slice: &Slice) -> u64 {
    let federation = from.with(|node| node.federation().expect("founded"));
    let mut rows = 0;
    for _ in 0..4 {
        let bounds =
            Bounds { federation: Some(federation), slice: slice.clone(), ..Bounds::default() };
        let mut here = Meeting::open(&new.desk, &from.key, bounds).expect("begins");
        let mut there = from.meets(new).expect("a member");
        Wire::new(usize::MAX).run(&mut here, &mut there);
        let anew = there.ended() == Some(Why::Stopping) || here.ended() == Some(Why::Stopping);
        let taken = here.close().expect("kept");
        assert!(taken.refused.is_empty(), "{taken:?}");
        rows += taken.rows;
        if !anew {
            break;
        }
    }
    rows
}

#[test]
fn a_wiped_node_comes_back_from_its_peers_under_a_new_key() {
    let mut w = World::new();
    w.distribute(10);
    world::enrol_blocks(&mut w.b, FOOD, 3);
    let Three { a, b, t: _t, dir } = Three::of(w);
    meet(&a, &b);
    let new = successor(&a, &b, dir.path());
    begin(&new, &a, &Slice::Whole);
    assert_eq!(new.root(), a.root(), "everything it ever said is back");
    new.with(|node| {
        assert_eq!(node.org(), Some(annona_ledger::id::OrgId(2)));
        world::enrol(node, FOOD, [3; 16]);
    });
    meet(&a, &new);
    assert_eq!(new.root(), a.root());
    assert!(super::refused(a.meets(&b)).contains("another node took its place"));
}

#[test]
fn a_new_node_begins_from_the_rows_of_a_checkpoint_and_goes_on_from_there() {
    let mut w = World::new();
    w.distribute(150);
    world::enrol_blocks(&mut w.b, FOOD, 3);
    let Three { a, b, t, dir } = Three::of(w);
    meet(&a, &b);
    let hash = a.with(|node| checkpoint::make(node).expect("a page").checkpoint.hash());
    a.with(move |node| checkpoint::cosign(node, &hash).map(|_| ()).expect("signs"));
    // The page and what A says of it reach B over the link, and B's word comes back the same way.
    meet(&a, &b);
    b.with(move |node| checkpoint::cosign(node, &hash).map(|_| ()).expect("signs"));
    meet(&a, &b);
    assert_eq!(
        a.with(move |node| node
            .store()
            .kept_page(&hash)
            .expect("reads")
            .expect("kept")
            .cosignatures
            .len()),
        2
    );
    a.with(|node| world::enrol_blocks(node, FOOD, 2));
    let new = successor(&a, &b, dir.path());
    let rows = begin(&new, &a, &Slice::State);
    assert!(rows > 150, "{rows} rows");
    begin(&new, &a, &Slice::Whole);
    let control = new.with(|node| {
        let feed = node.feed(Lane::Control, ProgrammeId::NONE);
        node.store().look().expect("a look").chains_of(&feed).len()
    });
    assert_eq!(control, 0);
    assert_eq!(new.root(), a.root(), "begun from rows, it comes to the same state");
    drop(t);
}
