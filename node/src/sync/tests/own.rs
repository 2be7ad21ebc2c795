//! A node and its own feeds: restored, wiped, begun without a history; and a writer that says two things.

use std::collections::BTreeSet;

use annona_ledger::checkpoint::{Page, Said};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::id::{FeedId, Lane, ProgrammeId, Purse};
use annona_ledger::notice::Notice;
use annona_ledger::sync::frame::Frame;
use annona_ledger::sync::talk::{Item, Slice, Why};
use annona_ledger::ticket::{Sent, Ticket};
use annona_ledger::time::Minute;

use super::{Site, Three, Wire, World, meet, world};
use crate::checkpoint;
use crate::keystore::Name;
use crate::node::{Compose, Node, Request};
use crate::sync::begin::{Basket, Beginning, Offering};
use crate::sync::claims::{Board, By};
use crate::sync::{Bounds, Desk, Meeting, Stage};
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
fn put_back(dir: &std::path::Path, name: &str) {
    for name in [name, &format!("heads-{name}")] {
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
    put_back(dir.path(), "b");
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
    put_back(&path, "b");
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

/// Sends all of a purse, and leaves the tail open.
fn sends(node: &mut Node, to: [u8; 8]) -> Ticket {
    let feed = node.feed(Lane::Value, FOOD);
    let compose: Compose<'_> = Box::new(move |work, feed, at| {
        crate::serve::travel(work, feed, &Purse(world::CANARY_PURSE), to, (at, at))
    });
    let mut answers = node.write(&mut [Request { feed, compose }]).expect("the disk holds");
    let accepted = answers.remove(0).expect("a good entry");
    let key = node.signing_key(Name::NodeSigning).expect("a key");
    let work = node.store().look().expect("a look");
    crate::serve::ticket(&work, &key, accepted.last().expect("an entry")).expect("one")
}

fn takes_up(node: &mut Node, ticket: Ticket) {
    let feed = node.feed(Lane::Value, FOOD);
    world::write(node, feed, crate::serve::claim(ticket, Minute(200)));
}

#[test]
fn a_node_that_lost_what_it_promised_hears_of_it_from_who_took_it_up() {
    let mut w = World::new();
    w.distribute(4);
    let Three { mut a, b, t: _t, dir } = Three::of(w);
    let dir = dir.path();
    meet(&a, &b);
    a.writer.take().expect("running").stop().expect("a clean stop");
    for name in ["a", "heads-a"] {
        copy(&dir.join(name), &dir.join(format!("yesterday-{name}")));
    }
    let a = Site::new(world::reopen(dir, "a"), "a", dir);
    let to = b.short();
    let ticket = a.with(move |node| sends(node, to));
    let forged = match &ticket {
        Ticket::Sent(sent, hops) => {
            Ticket::Sent(Sent { index: sent.index + 9, ..*sent }, hops.clone())
        }
        other => other.clone(),
    };
    b.with(move |node| takes_up(node, ticket));
    // While it has its tail, what others show of it is what it knows.
    let (to_a, _, _) = meet(&a, &b);
    assert!(to_a.blocks > 0 && to_a.own_ahead.is_empty(), "{to_a:?}");
    let mut a = a;
    drop(a.writer.take());
    put_back(dir, "a");
    let a = Site::new(world::reopen(dir, "a"), "a", dir);
    // Sealed blocks of it that others have are all here: nothing tells yet, and a number without a signature never does.
    assert!(a.with(|node| node.may_sign().is_ok()));
    let lost = a.with(move |node| {
        let feed = FeedId { node: node.public(), lane: Lane::Value, programme: FOOD };
        let claim = Entry::from(Value::Claim { ticket: Box::new(forged), at: Minute(200) });
        let work = node.store().look().expect("a look");
        work.lost_word_in(&feed.node, &feed, vec![claim]).expect("a look")
    });
    assert_eq!(lost, None);
    let (to_a, _, _) = meet(&a, &b);
    assert!(to_a.own_ahead.iter().any(|ahead| ahead.proven), "{to_a:?}");
    let why = a.with(|node| node.may_sign().expect_err("signs no more").to_string());
    assert!(why.contains("others hold entries of this node's"), "{why}");
    let a = a.again();
    assert!(a.with(|node| node.may_sign().is_err()), "nor after a restart");
    // It still takes in and hands on.
    b.with(|node| world::enrol_blocks(node, FOOD, 1));
    let (to_a, _, _) = meet(&a, &b);
    assert!(to_a.blocks > 0 && to_a.refused.is_empty(), "{to_a:?}");
}

/// A fresh folder whose node an organisation admits.
fn newcomer(a: &Site, dir: &std::path::Path) -> Site {
    admitted(a, None, dir)
}

/// A fresh folder whose node an organisation admits in place of B.
fn successor(a: &Site, b: &Site, dir: &std::path::Path) -> Site {
    admitted(a, Some(b.short()), dir)
}

fn admitted(a: &Site, replaces: Option<[u8; 8]>, dir: &std::path::Path) -> Site {
    let new = world::make(dir, "new");
    let federation = a.with(|node| node.federation().expect("founded"));
    let mut signed = world::certify(&new, &federation, 2, &[FOOD]);
    if let Notice::Node(certificate) = &mut signed.notice {
        certificate.replaces = replaces;
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

/// Certified both, one of before and dated ahead: what covers more is offered, and begun from.
#[test]
fn a_page_dated_ahead_is_neither_offered_nor_begun_from_where_another_covers_more() {
    let mut w = World::new();
    w.distribute(10);
    let (a, b) = (world::short(&w.a), world::short(&w.b));
    let federation = w.federation();
    let round = |w: &mut World, name: &str| {
        let page = checkpoint::make(&mut w.a).expect("a page");
        let folder = w.path(name);
        let done = world::export(&mut w.a, &[b], &folder);
        world::import(&mut w.b, &done.files);
        let hash = page.checkpoint.hash();
        let said = [checkpoint::cosign(&mut w.a, &hash), checkpoint::cosign(&mut w.b, &hash)];
        let said = said.map(|said| said.expect("signs"));
        w.a.store_mut().keep_cosignature(&said[1]).expect("kept");
        (page, said)
    };
    let (old, said) = round(&mut w, "one");
    world::enrol_blocks(&mut w.a, FOOD, 2);
    let (new, said_of_new) = round(&mut w, "two");
    let kept = w.a.store().kept_page(&old.checkpoint.hash()).expect("reads").expect("kept");
    let charter = w.a.store().charter().expect("founded").clone();
    let keys = [&w.a, &w.b].map(|node| node.signing_key(Name::NodeTransport).expect("a key"));
    let ahead: Vec<Page> = (1..7)
        .map(|days| {
            let time = Minute(new.checkpoint.time.0 + days * 5 * 24 * 60);
            let (state, working) = (old.state.to_vec(), old.working.to_vec());
            Page::new(&charter, &kept.frontier, state, working, time).expect("fits")
        })
        .collect();
    let mut words = said_of_new.to_vec();
    for page in &ahead {
        w.a.store_mut().keep_page(page).expect("stored").expect("stands");
        for (said, key) in said.iter().zip(&keys) {
            let said = Said { checkpoint: page.checkpoint.hash(), ..said.said.clone() };
            let said = said.sign(&federation, key);
            w.a.store_mut().keep_cosignature(&said).expect("kept");
            words.push(said);
        }
    }
    let offered = Offering::default().page(w.a.store()).expect("reads").expect("certified");
    let name = new.checkpoint.hash();
    assert!(matches!(offered[0], Frame::BlobChunk { name: of, .. } if of == name));
    // As they may come: the honest one first, and more after it than are looked at.
    let by = By { meeting: 1, peer: a };
    let (basket, board) = (Basket::default(), Board::default());
    let mut begun = Beginning::new(true, BTreeSet::from([FOOD]), basket, (board, by));
    for page in std::iter::once(&new).chain(&ahead) {
        begun.page(page.clone());
    }
    words.into_iter().for_each(|said| begun.said(said));
    assert!(begun.page_ended(w.a.store()).expect("reads"));
    let wanted = begun.wants(1, &|_| false);
    let of = |item: &Item| matches!(item, Item::State { checkpoint, .. } if *checkpoint == name);
    assert!(wanted.iter().all(of) && !wanted.is_empty(), "{wanted:?}");
}

#[test]
fn rows_to_begin_from_are_asked_of_one_and_a_cut_costs_none_of_them_twice() {
    let mut w = World::new();
    w.distribute(200);
    let Three { a, b, t: _t, dir } = Three::of(w);
    meet(&a, &b);
    let new = newcomer(&a, dir.path());
    // Charter, certificates; and nobody has a checkpoint yet.
    assert_eq!(begin(&new, &a, &Slice::State), 0);
    let state = || Bounds { slice: Slice::State, ..Bounds::default() };
    let open = || Meeting::open(&new.desk, &a.key, state()).expect("begins");
    {
        let (mut here, mut there) = (open(), a.meets(&new).expect("a member"));
        assert_eq!(here.stage(), Some(Stage::Asking));
        assert_eq!(open().stage(), Some(Stage::Elsewhere), "of one at a time");
        Wire::new(usize::MAX).run(&mut here, &mut there);
        assert_eq!(here.stage(), Some(Stage::Without));
        assert!(here.may_begin(), "another may be asked");
    }
    let hash = a.with(|node| checkpoint::make(node).expect("a page").checkpoint.hash());
    a.with(move |node| checkpoint::cosign(node, &hash).map(|_| ()).expect("signs"));
    meet(&a, &b);
    // One vouches for it: nobody folds a ledger for rows that nobody could begin with.
    let offering = Offering::default();
    let rows = |offering: Offering| {
        a.with(move |node| {
            let store = crate::store::Store::reader(node.store().path()).expect("a reader");
            let page = store.kept_page(&hash).expect("reads").expect("kept").page;
            let leaf = page.working.iter().find(|leaf| leaf.rows > 0).expect("rows").id;
            let of = annona_ledger::checkpoint::Of::Working;
            offering.chunk(&store, &hash, of, &leaf, 0).expect("reads").is_some()
        })
    };
    assert!(!rows(offering.clone()));
    b.with(move |node| checkpoint::cosign(node, &hash).map(|_| ()).expect("signs"));
    meet(&a, &b);
    assert!(rows(offering.clone()) && rows(offering.clone()), "held ready");
    offering.forget();
    assert!(!rows(offering), "who asks for others in turn has the same folded once");
    let chunks = |wire: &Wire| {
        wire.frames[1].iter().filter(|frame| matches!(frame, Frame::Chunk(_))).count()
    };
    let (mut sent, mut cuts) = (0, 0);
    loop {
        // As after a restart: what was gathered lies beside the ledger file.
        let desk = Desk::new(&new.writer.as_ref().expect("it runs").asking()).expect("runs");
        let here = Meeting::open(&desk, &a.key, state()).expect("begins");
        let (mut here, mut there) = (here, a.meets(&new).expect("a member"));
        let mut wire = Wire::new(24_000);
        let whole = wire.run(&mut here, &mut there);
        sent += chunks(&wire);
        if here.stage() == Some(Stage::Begun) {
            break;
        }
        assert!(!whole && cuts < 20, "it goes on until it is cut");
        cuts += 1;
        if cuts == 2 {
            // Somebody else has none of it.
            drop((here, there));
            let mut other = Meeting::open(&desk, &b.key, state()).expect("begins");
            other.beginning.not_there();
            assert_eq!(other.stage(), Some(Stage::Without));
        }
    }
    assert!(cuts > 0, "nothing was cut");
    let needs = a.with(move |node| {
        let kept = node.store().kept_page(&hash).expect("reads").expect("kept");
        let mine = kept.page.working.iter().filter(|leaf| leaf.id.programme.0 <= FOOD.0);
        mine.map(|leaf| (leaf.rows as usize).div_ceil(64)).sum::<usize>()
    });
    assert!(sent >= needs && sent <= needs + 2 * cuts, "{sent} chunks for {needs}, {cuts} cuts");
    begin(&new, &a, &Slice::Whole);
    assert_eq!(new.root(), a.root());
    assert!(!new.desk.holds_nothing().expect("a look"));
}

#[test]
fn evidence_that_two_could_bring_comes_once() {
    let mut w = World::new();
    w.distribute(40);
    let Three { a, b, t: _t, dir } = Three::of(w);
    let new = newcomer(&a, dir.path());
    meet(&a, &b);
    begin(&new, &a, &Slice::State);
    // Both have everything; they are met at once, and what one was asked for the other is not.
    let certificates = meet(&b, &a);
    drop(certificates);
    let mut pairs = [&a, &b]
        .map(|from| (new.meets(from).expect("a member"), from.meets(&new).expect("a member")));
    let mut wires = [Wire::new(usize::MAX), Wire::new(usize::MAX)];
    for _ in 0..400 {
        for ((here, there), wire) in pairs.iter_mut().zip(&mut wires) {
            wire.left = usize::MAX;
            wire.step(here, there);
        }
    }
    let mut came: Vec<(u64, annona_ledger::hash::Hash)> = Vec::new();
    for wire in &wires {
        came.extend(wire.frames[1].iter().filter_map(|frame| match frame {
            Frame::Evidence { seq, header, last: true, .. } => Some((*seq, *header)),
            _ => None,
        }));
    }
    let all = came.len();
    came.sort_unstable();
    came.dedup();
    assert!(all > 0 && came.len() == all, "{all} came, {} of them different", came.len());
    assert_eq!(new.root(), a.root());
}
