//! What a log leaves out, by itself and against an audit file.

use super::*;

/// An audit file that holds these headers.
struct Holding(Vec<Leaf>);

impl SourceOf for Holding {
    fn transport(&self, node: &str) -> Option<(FederationId, PublicKey)> {
        (node == key(20).public().to_string()).then(|| (FEDERATION, key(2).public()))
    }

    fn each(&self, leaf: &mut dyn FnMut(Leaf)) {
        self.0.iter().cloned().for_each(leaf);
    }
}

fn asked(desk: &Desk, held: Vec<Leaf>) -> Checked {
    check(&desk.folder(), &desk.log, &[], Some(&Holding(held))).expect("the folder is there")
}

/// Another block of a number, on another branch.
fn beside(seq: u64) -> Leaf {
    let one = leaf(20, seq);
    let header = Header { after: Hash([99; 32]), ..one.header };
    signed(one.feed, header)
}

fn signed(feed: FeedId, header: Header) -> Leaf {
    let scope: [&[u8]; 2] = [&FEDERATION.0.0, &feed.bytes()];
    let signature = key(20).sign(Context::Header, &scope, &wire::encode(&header));
    Leaf { federation: FEDERATION, feed, header, signature }
}

#[test]
fn a_log_that_leaves_a_header_out_is_told_from_one_that_is_older() {
    let desk = Desk::new();
    let all: Vec<Leaf> = (0..6).map(|seq| leaf(20, seq)).collect();
    let without: Vec<Leaf> = all.iter().filter(|l| l.header.seq != 3).take(4).cloned().collect();
    desk.publish(&without).expect("published");
    // Numbers 0, 1, 2 and 4 are in the log: 5 may have been sealed since, 3 may not.
    let alone = desk.check();
    let [hole] = &alone.findings[..] else { panic!("{:?}", alone.findings) };
    assert!(hole.contains("after block 2") && hole.contains("block 4"), "{hole}");
    let found = asked(&desk, all);
    assert_eq!((found.newer, found.absent), (1, 0));
    let said = |said: &String| said.contains("the first is block 3");
    assert!(found.findings.iter().any(said), "{:?}", found.findings);
}

#[test]
fn a_log_that_begins_late_or_ends_early_is_good() {
    let desk = Desk::new();
    let all: Vec<Leaf> = (0..6).map(|seq| leaf(20, seq)).collect();
    desk.publish(&all[2..4]).expect("published");
    assert!(desk.check().is_good());
    let mut held = all[2..].to_vec();
    held.push(leaf(21, 0));
    let found = asked(&desk, held);
    assert_eq!(
        (found.findings.len(), found.newer, found.absent),
        (0, 3, 1),
        "{:?}",
        found.findings
    );
}

#[test]
fn a_fork_in_a_log_is_told() {
    let desk = Desk::new();
    let mut all: Vec<Leaf> = (0..3).map(|seq| leaf(20, seq)).collect();
    all.push(beside(1));
    desk.publish(&all).expect("published");
    let found = desk.check();
    assert!(found.shows.iter().any(|said| said.contains("has forked")), "{:?}", found.shows);
    assert!(found.is_in_order() && !found.is_good(), "its writer did right: {:?}", found.findings);
    let other = Desk::new();
    let two = leaf(20, 2);
    let astray = signed(two.feed, Header { before: Hash([98; 32]), ..two.header });
    other.publish(&[leaf(20, 0), leaf(20, 1), astray]).expect("published");
    let found = other.check().findings;
    assert!(found.iter().any(|said| said.contains("does not continue")), "{found:?}");
}

#[test]
fn a_branch_heard_of_later_or_a_header_nobody_signed_is_not_held_against_the_log() {
    let desk = Desk::new();
    let all: Vec<Leaf> = (0..4).map(|seq| leaf(20, seq)).collect();
    desk.publish(&all).expect("published");
    let junk = Leaf { signature: leaf(21, 0).signature, ..beside(1) };
    let mut held = all;
    held.extend([beside(1), junk]);
    let found = asked(&desk, held);
    assert_eq!((found.findings.len(), found.newer), (0, 1), "{:?}", found.findings);
}

/// The first block of another feed, of this node or another, sealed then.
fn of_another(node: u8, at: u64) -> Leaf {
    let one = leaf(node, 0);
    let feed = FeedId { lane: Lane::Registry, ..one.feed };
    let header = Header { hlc: Hlc { millis: at, ..Hlc::default() }, ..one.header };
    let scope: [&[u8]; 2] = [&FEDERATION.0.0, &feed.bytes()];
    let signature = key(node).sign(Context::Header, &scope, &wire::encode(&header));
    Leaf { federation: FEDERATION, feed, header, signature }
}

#[test]
fn a_file_of_yesterday_is_older_and_one_with_something_else_is_wrong() {
    let desk = Desk::new();
    let mut all: Vec<Leaf> = (0..6).map(|seq| leaf(20, seq)).collect();
    all.push(of_another(20, 9));
    desk.publish(&all).expect("published");
    let of = |held: &[usize]| held.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
    for (held, later) in [(&[0, 1, 2, 3, 4, 5][..], 1), (&[0, 1, 2], 4), (&[0], 6)] {
        let found = asked(&desk, of(held));
        assert_eq!((&found.findings[..], found.later), (&[][..], later), "{held:?}");
    }
    let wrong = |held: Vec<Leaf>, words: &str| {
        let found = asked(&desk, held);
        let said = found.findings.iter().any(|said| said.contains(words));
        assert!(said && !found.is_good(), "{words}: {:?}", found.findings);
    };
    // Beside what the file has, and all that follows it; or between two of its own, one or several.
    let mut branch = of(&[0, 1, 6]);
    branch.push(beside(2));
    wrong(branch, "4 of the log's headers are not in the audit file");
    wrong(of(&[0, 1, 3, 4, 5, 6]), "the first is block 2");
    wrong(of(&[0, 1, 4, 5, 6]), "the first is block 3");
    wrong(of(&[2, 3, 4, 5, 6]), "2 of the log's headers are not in the audit file");
    // A feed that began before the newest block of the file is there, or was left out.
    let hlc = of_another(20, 10).header.hlc;
    let newest = Header { seq: 6, first: 6, before: all[5].header.after, hlc, ..all[5].header };
    let mut held = of(&[0, 1, 2, 3, 4, 5]);
    held.push(signed(all[5].feed, newest));
    wrong(held, "is not in the audit file at all");
}

#[test]
fn a_clock_years_ahead_makes_nobody_elses_feed_one_that_was_left_out() {
    let desk = Desk::new();
    let mut all: Vec<Leaf> = (0..3).map(|seq| leaf(20, seq)).collect();
    all.extend([of_another(20, 9), of_another(22, 9)]);
    desk.publish(&all).expect("published");
    // The file has a block of somebody whose clock is at 2099, and nothing yet of two feeds.
    let mut held: Vec<Leaf> = all.iter().take(3).cloned().collect();
    held.push(of_another(21, 4_070_908_800_000));
    let found = asked(&desk, held);
    assert_eq!((&found.findings[..], found.later, found.untold), (&[][..], 1, 1));
}
