//! Holes this simulator's author found in the fold, each as the few entries that showed it: two orders, one root.

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::entry::{Control, Entry, Lot, Owner, Send, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, FeedId, Lane, ProgrammeId};
use annona_ledger::key::{Signature, SigningKey};
use annona_ledger::list::{Builder, Row};
use annona_ledger::ticket::{Moved, Sent, Ticket, sign_place};
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::wire::Bounded;
use annona_tests::cast::{CASH, CYCLE, Cast, Person};
use annona_tests::rng::Rng;
use annona_tests::site::{Received, Site, memory::Memory};

fn amount(units: u64) -> Amount {
    Amount::new(units).expect("small")
}

fn cast() -> Cast {
    Cast::draw(&mut Rng::new(77), 4)
}

fn block(
    cast: &Cast,
    who: &Person,
    feed: FeedId,
    seq: u64,
    start: Head,
    entries: &[Entry],
) -> Block {
    let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
    let draft = Draft {
        feed,
        seq,
        start,
        entries: &entries,
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 1,
        hlc: Hlc::default(),
    };
    draft.seal(&SigningKey::from_seed(&who.seed), &cast.federation).expect("small")
}

/// The ticket of a send that stands first in its sender's feed.
fn first_send(cast: &Cast, from: &Person, to: &Person, units: u64) -> Sent {
    let feed = from.value(CASH);
    let moved = Moved::Send(Send {
        from: Lot(0),
        to: to.short(),
        owner: Owner::Budget,
        cycle: CYCLE,
        commodity: CommodityId(1),
        amount: amount(units),
        expires: Minute::NEVER,
        at: Minute(1),
    });
    let start = Head::start(&cast.federation, &feed);
    let head = start.after(&Entry::from(moved.entry()).encode());
    let key = SigningKey::from_seed(&from.seed);
    let signature = sign_place(&key, &cast.federation, &feed, &head);
    Sent { node: from.short(), index: 0, before: start.accumulator, moved, signature }
}

fn claim(sent: Sent, hops: Vec<Sent>) -> Entry {
    let ticket = Box::new(Ticket::Sent(sent, Bounded::new(hops).expect("few")));
    Value::Claim { ticket, at: Minute(2) }.into()
}

/// Both orders, and the roots they come to.
#[track_caller]
fn same_root(cast: &Cast, blocks: &[(FeedId, Block)]) {
    let root = |order: &mut dyn Iterator<Item = &(FeedId, Block)>| {
        let mut site = Memory::found([9; 32], &cast.articles, &cast.notices, None);
        for (feed, block) in order {
            assert_ne!(site.receive(feed, block), Received::Refused);
        }
        site.root()
    };
    assert_eq!(root(&mut blocks.iter()), root(&mut blocks.iter().rev()));
}

#[test]
fn a_claim_with_a_false_signature_is_false_whether_or_not_its_send_came_first() {
    let cast = cast();
    let (a, b) = (&cast.nodes[0], &cast.nodes[1]);
    let sent = first_send(&cast, a, b, 10);
    let send = block(
        &cast,
        a,
        a.value(CASH),
        0,
        Head::start(&cast.federation, &a.value(CASH)),
        &[sent.moved.entry().into()],
    );
    let false_word = Sent { signature: Signature::Ed25519([[3; 32]; 2]), ..sent };
    let feed = b.value(CASH);
    let taken = block(
        &cast,
        b,
        feed,
        0,
        Head::start(&cast.federation, &feed),
        &[claim(false_word, vec![])],
    );
    same_root(&cast, &[(a.value(CASH), send), (feed, taken)]);
}

#[test]
fn provenance_that_repeats_a_send_moves_its_units_once() {
    let cast = cast();
    let (a, b, c) = (&cast.nodes[0], &cast.nodes[1], &cast.nodes[2]);
    let hop = first_send(&cast, a, b, 10);
    let own = first_send(&cast, b, c, 5);
    let feed = c.value(CASH);
    let start = Head::start(&cast.federation, &feed);
    let taken = block(&cast, c, feed, 0, start, &[claim(own, vec![hop, hop, own])]);
    let send = block(
        &cast,
        a,
        a.value(CASH),
        0,
        Head::start(&cast.federation, &a.value(CASH)),
        &[hop.moved.entry().into()],
    );
    same_root(&cast, &[(feed, taken), (a.value(CASH), send)]);
}

#[test]
fn two_lists_at_one_index_of_a_forked_feed_leave_the_lower_one() {
    let cast = cast();
    let a = &cast.nodes[0];
    let feed = a.feed(Lane::Control, ProgrammeId::NONE);
    let start = Head::start(&cast.federation, &feed);
    let list = |units: u64| {
        let mut builder = Builder::new();
        let purse = cast.families[0].purse[0];
        let row = Row { row: 0, purse, commodity: CommodityId(1), amount: amount(units) };
        builder.push(&row).expect("one row");
        let draft = builder.finish(a.short(), CASH, CYCLE, Minute(1)).expect("it has a row");
        let approve = |k: usize| draft.approve(&cast.federation, &cast.operators[k]);
        let (one, other) = (approve(0), approve(1));
        Entry::from(Control::List(Box::new(draft.clone().approved(one, other))))
    };
    let one = block(&cast, a, feed, 0, start, &[list(5)]);
    let other = block(&cast, a, feed, 0, start, &[list(6)]);
    same_root(&cast, &[(feed, one), (feed, other)]);
}

#[test]
fn refunds_on_two_branches_come_to_the_same_in_any_order() {
    let cast = cast();
    let (t, a) = (&cast.nodes[0], &cast.nodes[1]);
    let purse = cast.families[0].purse[0];
    let mut sent = first_send(&cast, t, a, 50);
    // A purse's lot, sent by a treasury that never had it: what matters here is the refunds.
    if let Moved::Send(send) = &mut sent.moved {
        send.owner = Owner::Purse(purse);
    }
    let feed = t.value(CASH);
    let head = Head { next: 0, accumulator: sent.before };
    let head = head.after(&Entry::from(sent.moved.entry()).encode());
    sent.signature = sign_place(&SigningKey::from_seed(&t.seed), &cast.federation, &feed, &head);
    let feed = a.value(CASH);
    let start = Head::start(&cast.federation, &feed);
    let refund =
        |units| Entry::from(Value::Refund { redeem: 1, amount: amount(units), at: Minute(3) });
    let redeem = Value::Redeem {
        lot: Lot(0),
        amount: amount(20),
        merchant: 0,
        at: Minute(2),
        method: annona_ledger::entry::Method::Pin,
    };
    let base = block(&cast, a, feed, 0, start, &[claim(sent, vec![]), redeem.into()]);
    let one = block(&cast, a, feed, 1, base.header.end(), &[refund(5), refund(10)]);
    let other = block(&cast, a, feed, 1, base.header.end(), &[refund(8)]);
    let order = |blocks: [&Block; 3]| {
        let mut site = Memory::found([9; 32], &cast.articles, &cast.notices, None);
        for block in blocks {
            site.receive(&feed, block);
        }
        site.root()
    };
    assert_eq!(order([&base, &one, &other]), order([&base, &other, &one]));
}

#[test]
fn a_claim_of_what_its_author_cannot_have_known_is_in_no_block() {
    let cast = cast();
    let a = &cast.nodes[0];
    let feed = a.value(CASH);
    let ticket = Box::new(Ticket::Budget { epoch: 2, act: 0, line: 0 });
    let claim = Entry::from(Value::Claim { ticket, at: Minute(1) });
    // Its header says an older epoch than the article it names.
    let block = block(&cast, a, feed, 0, Head::start(&cast.federation, &feed), &[claim]);
    assert_eq!((block.header.epoch, cast.articles.len() > 2), (1, true));
    // Neither before the article is known nor after.
    let mut site = Memory::found([9; 32], &cast.articles[..2], &cast.notices, None);
    assert_eq!(site.receive(&feed, &block), Received::Refused);
    site.article(&cast.articles[2]);
    assert_eq!(site.receive(&feed, &block), Received::Refused);
}
