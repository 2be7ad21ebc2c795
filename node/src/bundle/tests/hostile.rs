//! What a member may write that means no good, and what it costs who reads it.

use std::fs;
use std::path::PathBuf;

use annona_ledger::block::{self, BlockFault, Evidence};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::feed::Head as FeedHead;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane, ProgrammeId, Pseudonym};
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::notice::Learned;
use annona_ledger::sync::frame::{self, Frame, Hello};
use annona_ledger::sync::talk::Letter;
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::wire::Bytes;

use super::super::LETTERS;
use super::super::part::{Part, Plan, Sender};
use super::world::*;
use crate::consent::request;
use crate::envelope;
use crate::guard::GuardFault;
use crate::keystore::{Name, Secret};
use crate::letters::{self, Letters, Way};
use crate::node::{Node, NodeFault};
use crate::seal::{Key, random};
use crate::store::{Received, StoreFault};
use crate::taking::Misfit;

/// A block of one entry, signed by a node that keeps to no rule.
fn block(by: &Node, feed: FeedId, seq: u64, start: FeedHead, who: u8) -> block::Block {
    let key = by.signing_key(Name::NodeSigning).expect("a key");
    let federation = by.federation().expect("founded");
    let entry = Registry::Enrol { pseudonym: Pseudonym([who; 16]), at: Minute(100) };
    let draft = block::Draft {
        feed,
        seq,
        start,
        entries: &[Entry::from(entry).encode()],
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc::default(),
    };
    draft.seal(&key, &federation).expect("one entry fits")
}

/// Blocks of one entry, one after the other.
fn chain(by: &Node, feed: FeedId, count: u8) -> Vec<block::Block> {
    let mut head = FeedHead::start(&by.federation().expect("founded"), &feed);
    let next = |seq: u8| {
        let block = block(by, feed, seq.into(), head, seq);
        head = block.header.end();
        block
    };
    (0..count).map(next).collect()
}

/// A part for one reader, with these frames in the section of the programme.
fn part(w: &World, from: &Node, to: &Node, frames: &[Frame]) -> PathBuf {
    part_of(w, from, to, FOOD, frames)
}

/// The same in the section of another.
fn part_of(w: &World, from: &Node, to: &Node, of: ProgrammeId, frames: &[Frame]) -> PathBuf {
    part_for(w, from, &[to], of, frames)
}

/// As [`part_of`], for several: the signature names the first.
fn part_for(w: &World, from: &Node, to: &[&Node], of: ProgrammeId, frames: &[Frame]) -> PathBuf {
    let sealing = |to: &&Node| {
        let secret = to.keys().get(Name::NodeSealing).and_then(Secret::as_seed).expect("a secret");
        envelope::public(secret).expect("a key")
    };
    let readers: Vec<_> = to.iter().map(sealing).collect();
    let transport: SigningKey = from.signing_key(Name::NodeTransport).expect("a key");
    let hello = Hello {
        version: frame::VERSION,
        federation: w.federation(),
        epoch: 0,
        charter: w.founding.article.hash(),
    };
    let sender = Sender { hello, node: from.public(), transport: &transport };
    let plan = [ProgrammeId::NONE, of].map(|p| Plan { programme: p, readers: readers.clone() });
    let path = w.path("forged").join("one.annona");
    let out = fs::File::create(&path).expect("a file");
    let mut part = Part::begin(out, [6; 16], 1, &sender, &plan, &mut random).expect("begins");
    part.section().expect("opens");
    part.end().expect("ends");
    part.section().expect("opens");
    frames.iter().for_each(|frame| part.frame(frame).expect("fits"));
    part.end().expect("ends");
    part.finish(1).expect("finishes");
    path
}

#[test]
fn a_section_ends_at_the_first_frame_of_another_place() {
    let mut w = World::new();
    let feed = w.a.feed(Lane::Registry, FOOD);
    let blocks = chain(&w.a, feed, 2).into_iter().map(|b| Frame::Block(Box::new(b)));
    let [first, second] = blocks.collect::<Vec<_>>().try_into().expect("two");
    let mut frames = vec![Frame::Feed(feed), first];
    frames.extend(std::iter::repeat_n(Frame::Stop(feed.short()), 1_000));
    frames.push(second);
    let path = part(&w, &w.a, &w.b, &frames);
    let taken = import(&mut w.b, &[path]);
    assert_eq!(faults(&taken), ["Frame"], "one fault, and the section is over");
    assert_eq!(taken.blocks, 1, "what came whole before it stays");
}

#[test]
fn letters_stand_in_a_section_of_theirs_and_are_as_many_as_may() {
    let mut w = World::new();
    let until = letters::days(&w.b).expect("a day").perhaps.plus(letters::DAYS);
    let letter = |n: usize| {
        let bytes = Bytes::new(request::sample(n as u64)).expect("short");
        Frame::Letter(Box::new(Letter { until, bytes }))
    };
    let kept = |node: &Node| Letters::of(node.folder().root()).list(Way::In);
    let path = part(&w, &w.a, &w.b, &[letter(1)]);
    let taken = import(&mut w.b, &[path]);
    assert_eq!((faults(&taken), kept(&w.b)), (vec!["Frame"], vec![]), "another place");
    let many: Vec<Frame> = (0..letters::OUT + 1).map(letter).collect();
    let path = part_of(&w, &w.a, &w.b, LETTERS, &many);
    let taken = import(&mut w.b, &[path]);
    assert_eq!((faults(&taken), kept(&w.b)), (vec!["Frame"], vec![]), "one too many");
    let feed = w.a.feed(Lane::Registry, FOOD);
    let path = part_of(&w, &w.a, &w.b, LETTERS, &[letter(1), Frame::Stop(feed.short())]);
    let taken = import(&mut w.b, &[path]);
    assert_eq!((faults(&taken), kept(&w.b)), (vec!["Frame"], vec![]), "not signed to its end");
    // As many as go in one bundle: of one node sixteen wait, and the others come again.
    let path = part_of(&w, &w.a, &w.b, LETTERS, &many[1..]);
    let taken = import(&mut w.b, &[path]);
    assert_eq!(faults(&taken), [""; 0]);
    assert_eq!((taken.letters.len(), kept(&w.b).len()), (letters::WAITING, letters::WAITING));
    assert!(kept(&w.b).iter().all(|kept| kept.peer == w.a.public().short()));
}

/// What a section of letters says, its sender said to its reader: sealed on to a third, it is nobody's.
#[test]
fn a_section_of_letters_is_for_the_reader_its_sender_named() {
    let mut w = World::new();
    let until = letters::days(&w.b).expect("a day").perhaps.plus(letters::DAYS);
    let bytes = Bytes::new(request::sample(1)).expect("short");
    let frames = [Frame::Letter(Box::new(Letter { until, bytes }))];
    let path = part_for(&w, &w.a, &[&w.t, &w.b], LETTERS, &frames);
    let taken = import(&mut w.b, std::slice::from_ref(&path));
    assert_eq!((faults(&taken), taken.letters.len()), (vec!["Signature"], 0));
    assert_eq!(import(&mut w.t, &[path]).letters.len(), 1);
}

/// A photograph is no letter: bare, behind how an answer begins, or sealed as one.
#[test]
fn a_letter_that_is_no_paper_is_not_kept() {
    let mut w = World::new();
    let until = letters::days(&w.b).expect("a day").perhaps.plus(letters::DAYS);
    let jpeg = [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 400]].concat();
    let answer = |plain: &[u8]| {
        let (about, key) = ([5; 32], Key::random().expect("randomness"));
        let federation = w.b.federation().expect("a federation");
        let info = [request::ANSWER_KEY, &federation.0.0, &about].concat();
        let to = w.b.certificate().expect("certified").sealing;
        let wrapped = envelope::wrap(&to, &info, &key).expect("a key");
        [&request::ANSWER[..], &about, &wrapped, &key.seal(&info, plain).expect("sealed")].concat()
    };
    let text = br#"{"household":{},"members":[{"full_name":"Noor"}]}"#;
    let hidden = format!(r#"{{"members":["{}"]}}"#, "/9j/4AAQSkZJRgABAQ".repeat(8));
    let papers = [
        jpeg.clone(),
        [&request::ANSWER[..], &[5; 112], &jpeg].concat(),
        answer(&jpeg),
        answer(hidden.as_bytes()),
        answer(&text[..text.len() - 1]),
        answer(text),
    ];
    let frames = papers.map(|bytes| {
        Frame::Letter(Box::new(Letter { until, bytes: Bytes::new(bytes).expect("short") }))
    });
    let path = part_of(&w, &w.a, &w.b, LETTERS, &frames);
    let taken = import(&mut w.b, &[path]);
    assert_eq!(taken.refused, [Misfit::Letter]);
    let kept = Letters::of(w.b.folder().root()).list(Way::In);
    assert_eq!(kept.iter().filter(|kept| kept.bytes > 0).count(), 1, "an answer");
    assert_eq!(kept.iter().filter(|kept| kept.not_taken).count(), 5, "names alone");
}

#[test]
fn blocks_written_backwards_are_not_read_once_for_each() {
    let mut w = World::new();
    let feed = w.a.feed(Lane::Registry, FOOD);
    let blocks = chain(&w.a, feed, 40);
    let of = |blocks: Vec<block::Block>| {
        let blocks = blocks.into_iter().map(|block| Frame::Block(Box::new(block)));
        [Frame::Feed(feed)].into_iter().chain(blocks).collect::<Vec<_>>()
    };
    let backwards = of(blocks.iter().rev().cloned().collect());
    let path = part(&w, &w.a, &w.b, &backwards);
    let taken = import(&mut w.b, &[path]);
    assert!((1..=3).contains(&taken.blocks), "a round a part, and two: {}", taken.blocks);
    assert!(!taken.gaps.is_empty() && taken.refusals == 0, "{taken:?}");
    // What has no place is not read through, and still has to be its writer's word.
    let mut far = blocks[30].clone();
    far.body = Bytes::new(vec![0; 10]).expect("short");
    let mut work = w.b.store_mut().begin().expect("begins");
    let gap = work.receive(&feed, &far, None).expect("its header is signed");
    assert_eq!(gap, Received::Gap { have: taken.blocks });
    far.signature = blocks[31].signature;
    let forged = work.receive(&feed, &far, None);
    assert!(matches!(forged, Err(StoreFault::Block(BlockFault::Signature))), "{forged:?}");
    drop(work);
    let path = part(&w, &w.a, &w.b, &of(blocks));
    let taken = import(&mut w.b, &[path]);
    assert!(taken.is_whole(), "{taken:?}");
}

#[test]
fn that_this_folder_was_put_back_is_kept_with_what_proves_it() {
    let mut w = World::new();
    let feed = w.a.feed(Lane::Registry, FOOD);
    let lost = chain(&w.a, feed, 1);
    let frames = [Frame::Feed(feed), Frame::Block(Box::new(lost[0].clone()))];
    let path = part(&w, &w.b, &w.a, &frames);
    // The power goes as the note is written.
    let cut = "CREATE TRIGGER cut BEFORE INSERT ON meta WHEN NEW.key LIKE 'ahead %'
               BEGIN SELECT RAISE(ABORT, 'cut'); END";
    w.a.store().conn().execute_batch(cut).expect("a trigger");
    let fault =
        crate::bundle::import(&mut w.a, std::slice::from_ref(&path), None, &mut |_, _| true);
    assert!(fault.is_err(), "the folder failed");
    assert!(w.a.may_sign().is_err(), "and it knows, as long as it runs");
    assert!(w.a.store().feeds().expect("a look").is_empty(), "the proof is not here as known");
    w.a.store().conn().execute_batch("DROP TRIGGER cut").expect("dropped");
    let World { dir, a, .. } = w;
    drop(a);
    let mut a = reopen(dir.path(), "a");
    let taken = import(&mut a, &[path]);
    assert!(taken.own_ahead.iter().any(|own| own.proven), "{taken:?}");
    drop(a);
    assert!(reopen(dir.path(), "a").may_sign().is_err(), "for good");
}

#[test]
fn no_block_leaves_that_the_memory_outside_may_not_have() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 1);
    let dir = w.dir.path().to_owned();
    drop(std::mem::replace(&mut w.a, make(&dir, "other")));
    // The stick with the memory cannot be read.
    let heads = dir.join("heads-a");
    let file = if heads.is_dir() {
        let mut files = fs::read_dir(&heads).expect("a folder").map(|f| f.expect("there").path());
        files.find(|f| fs::metadata(f).is_ok_and(|m| m.len() > 0)).expect("the memory")
    } else {
        heads
    };
    let aside = dir.join("aside");
    fs::rename(&file, &aside).expect("moved");
    fs::create_dir(&file).expect("in its place");
    let mut a = reopen(&dir, "a");
    assert!(matches!(a.may_sign(), Err(GuardFault::Disk(_))), "{:?}", a.may_sign());
    assert!(
        a.hand_on().is_err(),
        "sealed blocks are here, and it cannot tell whether they are remembered"
    );
    fs::remove_dir(&file).expect("removed");
    fs::rename(&aside, &file).expect("back");
    a.hand_on().expect("looks again by itself");
    assert!(a.may_sign().is_ok());
}

#[test]
fn a_feed_nobody_may_write_is_not_taken_in() {
    let mut w = World::new();
    let federation = w.federation();
    let mut check = |lane, programme, expect| {
        let feed = w.b.feed(lane, programme);
        let block = block(&w.b, feed, 0, FeedHead::start(&federation, &feed), 1);
        let mut work = w.a.store_mut().begin().expect("begins");
        let header = work.receive_header(&feed, &block.header, &block.signature);
        assert_eq!(header.expect("an answer"), expect, "a header of {feed:?}");
        if expect != Received::New {
            assert_eq!(work.receive(&feed, &block, None).expect("an answer"), expect, "{feed:?}");
        }
    };
    check(Lane::Registry, FOOD, Received::New);
    // There is no such lane.
    check(Lane::Control, FOOD, Received::AuthorUnknown);
    check(Lane::Value, ProgrammeId::NONE, Received::AuthorUnknown);
}

#[test]
fn one_organisation_fills_no_frontier_with_feeds_of_programmes_there_are_not() {
    let mut w = World::new();
    let federation = w.federation();
    let feeds = (0..=limits::UNKNOWN_FEEDS).map(|n| {
        let programme = ProgrammeId(1_000 + u16::try_from(n).expect("few"));
        let feed = w.b.feed(Lane::Registry, programme);
        (feed, block(&w.b, feed, 0, FeedHead::start(&federation, &feed), 1))
    });
    let feeds: Vec<_> = feeds.collect();
    let mut work = w.a.store_mut().begin().expect("begins");
    let mut said = Vec::new();
    for (n, (feed, block)) in feeds.iter().enumerate() {
        // With bodies and without alike.
        said.push(if n % 2 == 0 {
            work.receive_header(feed, &block.header, &block.signature).expect("an answer")
        } else {
            work.receive(feed, block, None).expect("an answer")
        });
    }
    let last = said.pop().expect("the last");
    assert!(said.iter().all(|received| *received == Received::New), "{said:?}");
    assert_eq!(last, Received::CharterBehind { epoch: 1 });
    // What is here goes on, and so does every feed of a programme there is.
    let (first, begun) = &feeds[1];
    let next = block(&w.b, *first, 1, begun.header.end(), 1);
    assert_eq!(work.receive(first, &next, None).expect("an answer"), Received::New);
    let food = w.b.feed(Lane::Registry, FOOD);
    let start = FeedHead::start(&federation, &food);
    let answer = work.receive(&food, &block(&w.b, food, 0, start, 1), None);
    assert_eq!(answer.expect("an answer"), Received::New);
}

#[test]
fn a_branch_too_many_is_refused_before_any_is_read() {
    let mut w = World::new();
    let feed = w.a.feed(Lane::Registry, FOOD);
    let start = FeedHead::start(&w.federation(), &feed);
    let mut work = w.b.store_mut().begin().expect("begins");
    for who in 0..limits::BRANCHES {
        work.receive(&feed, &block(&w.a, feed, 0, start, who), None).expect("a branch");
    }
    work.commit().expect("commits");
    // Whoever reads the blocks that are here notices.
    w.b.store().conn().execute("UPDATE block SET body=x'00'", []).expect("changed");
    let mut work = w.b.store_mut().begin().expect("begins");
    let one_more = block(&w.a, feed, 0, start, limits::BRANCHES);
    let answer = work.receive(&feed, &one_more, None).expect("nothing was read");
    assert_eq!(answer, Received::TooManyBranches);
}

#[test]
fn state_is_made_anew_once_for_many_notices_and_nothing_is_written_before_it_is() {
    let mut w = World::new();
    let federation = w.federation();
    w.distribute(4);
    let late: Vec<_> = ["x", "y", "z"]
        .map(|name| certify(&make(w.dir.path(), name), &federation, 2, &[FOOD]))
        .into();
    let waits = "INSERT INTO waiting(node, at) VALUES(?1, 0)";
    for notice in &late {
        let annona_ledger::notice::Notice::Node(certificate) = &notice.notice else {
            panic!("a certificate")
        };
        w.a.store().conn().execute(waits, [certificate.short()]).expect("a claim waits");
    }
    // The next certificate of a key that is known here turns no ticket into a good one.
    let mut again = certify(&w.b, &federation, 2, &[FOOD]);
    if let annona_ledger::notice::Notice::Node(certificate) = &mut again.notice {
        certificate.issued = Minute(2);
    }
    let again = again.notice.sign(&federation, &key(2));
    w.a.store().conn().execute(waits, [short(&w.b)]).expect("a claim waits");
    w.a.store_mut().learn_of_many(&again).expect("a good certificate");
    assert_eq!(w.a.store().meta("stale").expect("reads"), None);
    w.a.store().conn().execute("DELETE FROM waiting WHERE node=?1", [short(&w.b)]).expect("gone");
    let want = root(&w.a);
    // There is no room to make state anew.
    let full =
        "CREATE TRIGGER full BEFORE DELETE ON waiting BEGIN SELECT RAISE(ABORT, 'full'); END";
    w.a.store().conn().execute_batch(full).expect("a trigger");
    for notice in &late {
        let learned = w.a.store_mut().learn_of_many(notice).expect("nothing is folded yet");
        assert_eq!(learned, Learned::New);
    }
    assert!(matches!(w.a.store_mut().fresh(), Err(StoreFault::Stale(_))));
    let dir = w.dir.path().to_owned();
    drop(std::mem::replace(&mut w.a, make(&dir, "other")));
    // It opens, is read, and writes nothing.
    let mut a = reopen(&dir, "a");
    let feed = a.feed(Lane::Registry, FOOD);
    assert!(a.store().feeds().is_ok());
    let compose = || -> crate::node::Compose<'_> {
        let entry = Registry::Enrol { pseudonym: Pseudonym([9; 16]), at: Minute(100) };
        Box::new(move |_, _, _| Ok(vec![Entry::from(entry.clone()).into()]))
    };
    let refused = a.write(&mut [crate::node::Request { feed, compose: compose() }]);
    assert!(matches!(refused, Err(NodeFault::Store(StoreFault::Stale(_)))), "{refused:?}");
    a.store().conn().execute_batch("DROP TRIGGER full").expect("room again");
    assert_eq!(a.store_mut().fresh().map_err(|e| e.to_string()), Ok(()));
    assert_eq!(root(&a), want);
    let answers = a.write(&mut [crate::node::Request { feed, compose: compose() }]);
    assert!(answers.expect("writes")[0].is_ok());
}
