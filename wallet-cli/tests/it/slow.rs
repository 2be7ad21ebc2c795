//! Two programs that run, and nothing between them but a bad line: what was written in a model of it, with real sockets,
//! handshakes and streams.

use std::collections::BTreeMap;

use annona_ledger::id::FeedId;
use annona_ledger::wire;
use annona_node::folder::LEDGER;
use annona_node::store::{Store, StoreFault};

use crate::camp::Camp;
use crate::counter::counter;
use crate::line::Line;
use crate::running::{Node, entries, name, port, until};

/// Rations of a gram each that the hill has not heard of.
const RATIONS: usize = 6_000;
/// Bytes after which the line is cut again: about as many as 64 kbit/s carry in two seconds.
const CUT_AFTER: u64 = 16 * 1024;
/// Bytes after which the line stands still until the lake is revoked.
const HELD_AT: u64 = 20 * 1024;
/// Bytes after which it stands still again until the hill knows of that: fewer than all blocks have, so that some are missing
/// however fast the line is looked at; and what is urgent on the link after the next cut lies before them.
const HELD_AGAIN: u64 = 41 * 1024;
/// What the listener says before it knows the dialler: that both speak Noise, and Noise's second message.
const ANSWER: u64 = 28 + 202;
/// What the dialler says with its first word: that it speaks Noise, and Noise's first message.
const FIRST: u64 = 28 + 34;
/// What it says once it knows who answered: Noise's third message, and that both speak Yamux.
const KNOWN: u64 = 170 + 51;
/// What it takes beside that to ask for the one stream: a frame of Yamux, and the stream's name.
const A_STREAM: u64 = 12 + 20 + 12;
/// What a cut may cost: the block it fell into, and handshakes and greetings of the next link.
const A_CUT: u64 = 6 * 1024;

/// A node's ledger as it stands in its file.
fn ledger(camp: &Camp, dir: &str) -> Store {
    Store::reader(&camp.file(&format!("{dir}/{LEDGER}"))).expect("its ledger")
}

/// How many entries and revocations a node knows, at one moment.
fn known(camp: &Camp, dir: &str) -> (u64, usize) {
    let store = ledger(camp, dir);
    let work = store.look().expect("a look");
    let entries = work.feeds().iter().map(|feed| feed.head.next).sum();
    (entries, work.all_revoked().len())
}

/// How many blocks of each feed a node has.
fn blocks(camp: &Camp, dir: &str) -> BTreeMap<FeedId, u64> {
    let feeds = ledger(camp, dir).feeds().expect("feeds");
    feeds.iter().map(|feed| (feed.id, feed.seq)).collect()
}

/// Bytes of the blocks that one has and the other, as it once stood, had not; and of the longest of them.
fn lacked(camp: &Camp, dir: &str, had: &BTreeMap<FeedId, u64>) -> (u64, u64) {
    let store = ledger(camp, dir);
    let work = store.look().expect("a look");
    let (mut sum, mut longest) = (0, 0);
    for feed in work.feeds() {
        let from = had.get(&feed.id).copied().unwrap_or(0);
        let read = work.blocks::<StoreFault>(feed.chain, from, |row, _| {
            let bytes = wire::encode(&row.block).len() as u64;
            (sum, longest) = (sum + bytes, bytes.max(longest));
            Ok(true)
        });
        read.expect("its blocks");
    }
    (sum, longest)
}

/// The state of a node, made anew from its blocks and found the same.
#[track_caller]
fn state(camp: &Camp, dir: &str) -> String {
    let said = camp.run(&format!("doctor --full --rebuild --dir {dir}")).fine().out;
    let line = said.lines().find(|line| line.contains("made anew, the same: "));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn s31_over_a_bad_line_nothing_comes_twice_and_a_revocation_comes_first() {
    let camp = counter();
    // The treasury has the lake's rations by stick; the hill has heard of none.
    let queue: String = (0..RATIONS)
        .map(|n| {
            format!("{{\"request\":\"n{n}\",\"family\":\"1\",\"items\":{{\"Rice\":\"0.001\"}}}}\n")
        })
        .collect();
    camp.write("rations.jsonl", queue);
    camp.run("pay charge --from rations.jsonl --json").fine();
    std::fs::create_dir(camp.file("to-treasury")).expect("a folder");
    camp.run("bundle export --dir lake --to treasury --out to-treasury").fine();
    camp.run("bundle import to-treasury --dir treasury").fine();
    let had = blocks(&camp, "hill");
    let (hill_before, _) = known(&camp, "hill");

    let (a, b) = (port(), port());
    let own = name(&camp, "treasury");
    let treasury = Node::start(&camp, "treasury", a, &[]);
    let line = Line::to(a, CUT_AFTER, HELD_AT);
    let hill = Node::start(&camp, "hill", b, &[(&own, line.port())]);
    until("the line stands still, with blocks under way", || line.down() >= HELD_AT);
    let (entries_then, revoked) = known(&camp, "hill");
    assert_eq!(revoked, 0, "nobody is revoked yet");
    assert!(entries_then > hill_before, "what came before the cuts was kept: {entries_then}");
    camp.run("node revoke lake --reason lost --dir treasury").fine();
    let (whole, _) = known(&camp, "treasury");
    line.goes_on_to(HELD_AGAIN);
    let mut missing = 0;
    until("the hill knows of the revocation", || {
        let (entries, revoked) = known(&camp, "hill");
        missing = whole.saturating_sub(entries);
        revoked > 0
    });
    assert!(missing > 0, "it came after everything that waited");
    line.goes_on();
    until("both know the same", || entries(&camp, "hill") == entries(&camp, "treasury"));
    assert_eq!([hill.stop(), treasury.stop()], [Some(0); 2]);

    let (content, longest) = lacked(&camp, "treasury", &had);
    let (down, cuts) = (line.down(), line.cuts());
    println!(
        "{content} bytes of blocks in {down} down and {} up, {cuts} cuts, {} links; {missing} of {whole} entries missing when \
         the revocation came",
        line.up(),
        line.links()
    );
    assert!(cuts >= 2, "{cuts} cuts");
    assert!(down >= content, "there is no other way: {down} of {content}");
    assert!(longest * 2 <= A_CUT, "a cut costs a block and a greeting: {longest}");
    // Were blocks to come twice, it would be all that was under way at each cut.
    assert!(
        down <= content + content / 10 + (cuts + 1) * A_CUT,
        "{down} bytes for {content}, {cuts} cuts"
    );
    assert_eq!(state(&camp, "hill"), state(&camp, "treasury"));
    for dir in ["hill", "treasury"] {
        let log = camp.told(&format!("{dir}.log"));
        for wrong in [" breach", "refused_from", "feed_forked"] {
            assert!(!log.contains(wrong), "{dir}: {log}");
        }
    }
}

#[test]
fn a_new_link_carries_frames_after_two_rounds_of_greeting() {
    let camp = counter();
    let (a, b) = (port(), port());
    let [own, other] = ["treasury", "hill"].map(|dir| name(&camp, dir));
    let treasury = Node::start(&camp, "treasury", a, &[]);
    // Nothing comes down: what goes up is said without an answer.
    let line = Line::to(a, u64::MAX, 0);
    let hill = Node::start(&camp, "hill", b, &[(&own, line.port())]);
    until("the first word takes the first message with it", || line.up() >= FIRST);
    assert_eq!((line.up(), line.down(), line.links()), (FIRST, 0, 1));
    // The first round's answer comes down, and no byte of another: whatever goes up then waited for one round alone.
    line.goes_on_to(ANSWER);
    until("the stream is asked for", || line.up() >= FIRST + KNOWN + A_STREAM);
    assert_eq!((line.down(), line.links()), (ANSWER, 1));
    line.goes_on();
    hill.comes_to(&camp, &own, "meeting");
    treasury.comes_to(&camp, &other, "meeting");
    assert_eq!(line.links(), 1);
    assert_eq!([hill.stop(), treasury.stop()], [Some(0); 2]);
}
