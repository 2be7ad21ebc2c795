//! How final a step of a trail is: by what was signed over it, on its own branch.

use annona_ledger::audit::{Cosigned, End, Item, Said, Source};
use annona_ledger::charter::NodeCut;
use annona_ledger::cut::Cut;

use super::*;

/// A file whose checkpoints say this.
struct Vouched(AuditFile, Cosigned);

impl Source for Vouched {
    fn said(&self, each: &mut dyn FnMut(u64, Said)) {
        self.0.said(each);
    }

    fn feeds(&self) -> Vec<FeedId> {
        self.0.feeds()
    }

    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool) {
        self.0.items(feed, each);
    }

    fn block(&self, place: u64) -> Option<Block> {
        self.0.block(place)
    }

    fn cosigned(&self) -> Cosigned {
        self.1.clone()
    }

    fn end(&self) -> End {
        self.0.end()
    }
}

fn file(camp: &Camp) -> (Case, AuditFile) {
    let case = Case::of(camp);
    fs::write(case.path(), &case.bytes).expect("room in the folder");
    let file = AuditFile::open(&case.path()).expect("it was written");
    (case, file)
}

/// A witness of another organisation has signed a feed up to a block.
fn signed(feed: &FeedId, last: &Block) -> Cosigned {
    let header = last.header;
    let upto = (header.end().next, Cut { seq: header.seq + 1, head: header.hash() });
    Cosigned { seen: BTreeMap::from([(feed.short(), upto)]), ..Cosigned::default() }
}

/// The grade of the first entry of a block.
fn grade(camp: &Camp, source: &Vouched, feed: &FeedId, block: &Block) -> &'static str {
    let verified = block.verify(&camp.federation, feed).expect("good");
    let name = verified.entries()[0].accumulator.to_string();
    let trail = trace(source, &feed.short(), block.header.first, Some(&name), Zone::default());
    trail.expect("a trail").entry.expect("the entry").finality.expect("a grade")
}

/// A camp whose site has forked above its first block: its three blocks, and another second one.
fn forked() -> (Camp, FeedId, [Block; 3], Block) {
    forked_with(Value::End { at: Minute(900) })
}

/// As [`forked`], with this in the other second block.
fn forked_with(entry: Value) -> (Camp, FeedId, [Block; 3], Block) {
    let mut camp = camp(1, 300, 900);
    let feed = site(&camp);
    let blocks = camp.feeds.get_mut(&feed).expect("the site");
    let node = key(1_000);
    let mut pen = Pen::new(&node, camp.federation, Lane::Value, P);
    (pen.head, pen.sealed) = (blocks[0].header.end(), blocks[0].header.end());
    pen.blocks.push(blocks[0].clone());
    pen.write(entry);
    pen.seal();
    let other = pen.blocks.remove(1);
    let own = [0, 1, 2].map(|n| blocks[n].clone());
    blocks.insert(2, other.clone());
    (camp, feed, own, other)
}

#[test]
fn where_a_feed_has_forked_the_entry_is_shown_that_was_named() {
    let (camp, feed, [_, second, third], other) = forked();
    let (_case, file) = file(&camp);
    let (short, at) = (feed.short(), second.header.first);
    let several = prove(&file, &short, at, None).expect_err("two stand there").to_string();
    for block in [&second, &other] {
        let verified = block.verify(&camp.federation, &feed).expect("good");
        let hash = verified.entries()[0].accumulator.to_string();
        assert!(several.contains(&format!("{short}#{at}:{}", &hash[..16])), "{several}");
        for name in [&hash[..16], &hash] {
            let proof = prove(&file, &short, at, Some(name)).expect("it is there");
            assert_eq!(proof.receipt.signature, block.signature);
        }
        let trail = trace(&file, &short, at, Some(&hash), Zone::default()).expect("a trail");
        let ends = trail.entry.expect("the entry").words.contains("ends its feed");
        assert_eq!(ends, block == &other);
    }
    let none = prove(&file, &short, at, Some("0000")).expect_err("nobody's name").to_string();
    assert!(none.contains("called otherwise"), "{none}");
    assert!(prove(&file, &short, third.header.first, None).is_ok(), "one stands there");
}

#[test]
fn what_lies_below_a_signed_block_of_a_forked_feed_is_as_final_as_it() {
    let (camp, feed, [first, second, third], other) = forked();
    let grades = |last: &Block| {
        let (_case, file) = file(&camp);
        let source = Vouched(file, signed(&feed, last));
        [&first, &second, &third].map(|block| grade(&camp, &source, &feed, block))
    };
    assert_eq!(grades(&first), ["seen", "accepted", "accepted"]);
    assert_eq!(grades(&second), ["seen", "seen", "accepted"]);
    assert_eq!(grades(&third), ["seen", "seen", "seen"]);
    assert_eq!(grades(&other), ["seen", "accepted", "accepted"], "what the branches share");
}

#[test]
fn what_a_close_was_shown_of_one_branch_settles_nothing_of_the_other() {
    let (amount, at, method) = (amount(100), Minute(900), Method::Pin);
    let (mut camp, feed, [_, second, third], other) =
        forked_with(Value::Redeem { lot: Lot(2), amount, merchant: 0, at, method });
    let shown = |last: &Block| Cut { seq: last.header.seq + 1, head: last.header.hash() };
    let previous = camp.article.article.hash();
    for (last, settled) in [
        (&second, ["settled", "accepted", "accepted"]),
        (&other, ["accepted", "accepted", "settled"]),
    ] {
        let cuts = vec![NodeCut { node: feed.node.short(), cut: shown(last) }];
        let close = Act::Close { programme: P, cycle: CycleId(1), cuts: many(cuts) };
        let article = Article { epoch: 1, previous, acts: many(vec![close]) };
        let sign = |id: u16| (OrgId(id), article.sign(&camp.federation, &key(100 + id)));
        let signatures = many(vec![sign(1), sign(2)]);
        camp.later = vec![SignedArticle { article, signatures }];
        let (_case, file) = file(&camp);
        let source = Vouched(file, Cosigned::default());
        let grades = [&second, &third, &other].map(|block| grade(&camp, &source, &feed, block));
        assert_eq!(grades, settled);
    }
}

#[test]
fn what_only_a_ticket_shows_is_held_by_who_claimed_it_and_by_who_signed_the_claim() {
    let mut camp = camp(2, 3, 20);
    let treasury = FeedId { node: key(1).public(), lane: Lane::Value, programme: P };
    let site = |n: u16| FeedId { node: key(1_000 + n).public(), ..treasury };
    let sent = |camp: &Camp, feed: &FeedId, cosigned: Cosigned| {
        let (_case, file) = file(camp);
        // The lot that the site's budget filled.
        let trail = trace(&Vouched(file, cosigned), &feed.short(), 2, None, Zone::default());
        let steps = trail.expect("a trail").came;
        let sent = steps.iter().find(|step| step.words.contains("sends")).expect("a send");
        sent.finality.expect("a grade")
    };
    let last = |camp: &Camp, feed: &FeedId| camp.feeds[feed].last().expect("a block").clone();
    let none = Cosigned::default;
    // The first site is of another organisation than the treasury, the second of its own.
    for held in [true, false] {
        if !held {
            camp.feeds.remove(&treasury);
        }
        assert_eq!(sent(&camp, &site(0), none()), "seen", "claimed elsewhere");
        assert_eq!(sent(&camp, &site(1), none()), "accepted", "its organisation alone has it");
        let witnessed = signed(&site(1), &last(&camp, &site(1)));
        assert_eq!(sent(&camp, &site(1), witnessed), "seen", "with the claim");
    }
}
