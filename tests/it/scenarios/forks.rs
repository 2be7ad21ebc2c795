//! Keys in two hands: copied machines, cloned cards, floods of branches.

use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, MerchantId};
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::Ticket;
use annona_ledger::time::{Hlc, Millis};
use annona_tests::cast::CASH;
use annona_tests::check::charges;
use annona_tests::clock::FOUNDED;
use annona_tests::rng::Rng;
use annona_tests::site::memory::Memory;
use annona_tests::site::stored::Stored;
use annona_tests::site::{Received, Site};

use super::camp::{Camp, NOW};

const NIGHT: Millis = Millis(FOUNDED.0 + 90_000_000);

/// A family's ten units at site 1, and site 1 in two places.
fn copied() -> (Camp, u64, usize) {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let twin = camp.sites[1].restored();
    camp.sites.push(twin);
    let twin = camp.sites.len() - 1;
    // It has the same key.
    let feed = camp.feed(1);
    let redeem = Entry::from(Camp::redeeming(lot, 9));
    camp.write(1, Camp::redeeming(lot, 10));
    camp.sites[twin].submit(&feed, &[redeem.into()]).expect("it does not know better");
    (camp, lot, twin)
}

#[test]
fn s08_a_cloned_machine_is_proven_and_its_organisation_owes_the_excess_and_no_more() {
    let (mut camp, _, twin) = copied();
    let feed = camp.feed(1);
    camp.hand(0, 2);
    camp.hand(0, 3);
    camp.hand(1, 2);
    camp.hand(twin, 3);
    assert!(!camp.sites[2].faulty(&feed.short()) && !camp.sites[3].faulty(&feed.short()));
    // One exchange between two who saw one half each.
    camp.hand(3, 2);
    assert!(camp.sites[2].faulty(&feed.short()));
    let proof = camp.sites[2].fork_proof(&feed).expect("it is kept");
    let read = ForkProof::decode(&proof.encode()).expect("it travels");
    assert!(read.verify(&camp.cast.federation).is_some(), "whoever has the key sees it");
    // Both redemptions stand; ten were there, nineteen were eaten, nine are owed, by one organisation.
    assert_eq!(camp.redeemed(2), 19);
    let owed: Vec<i128> = charges(&*camp.sites[2]).into_values().collect();
    assert_eq!(owed, [9]);
    camp.conserved(2);
}

#[test]
fn s20_a_card_with_a_key_cloned_and_used_at_two_tills_is_proven_by_what_it_signed() {
    // A card that signs is a feed of its own: the till's slip is its promise.
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let mut clone = camp.sites[1].restored();
    let feed = camp.feed(1);
    let one = camp.write(1, Camp::redeeming(lot, 6));
    let other = Entry::from(Camp::redeeming(lot, 7));
    let other = clone.submit(&feed, &[other.into()]).expect("it does not know better").remove(0);
    assert_eq!(one.index, other.index, "the same counter, twice");
    let statement = |p| Statement::Promise(Box::new(p));
    let proof = ForkProof { feed, one: statement(one.clone()), other: statement(other) };
    assert_eq!(proof.verify(&camp.cast.federation), Some(one.index));
    // Either alone proves nothing.
    let twice = ForkProof { feed, one: statement(one.clone()), other: statement(one) };
    assert_eq!(twice.verify(&camp.cast.federation), None);
}

#[test]
fn s21_a_counter_that_jumps_back_is_shown_by_the_slip_against_the_later_block() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let mut old = camp.sites[1].restored();
    let feed = camp.feed(1);
    for _ in 0..3 {
        camp.write(1, Camp::redeeming(lot, 1));
    }
    let sealed = camp.sites[1].seal(NIGHT);
    let (_, block) = sealed.last().expect("there was something");
    let jumped = Entry::from(Camp::redeeming(lot, 9));
    let slip = old.submit(&feed, &[jumped.into()]).expect("it does not know better").remove(0);
    assert!(slip.index + 1 < block.header.end().next, "back from where it was");
    let one = Statement::Promise(Box::new(slip.clone()));
    let other = Statement::Block(Box::new(block.clone()));
    let proof = ForkProof { feed, one, other };
    assert_eq!(proof.verify(&camp.cast.federation), Some(slip.index));
}

#[test]
fn s43_a_member_that_forks_without_end_fills_its_own_share_and_stops_nobody() {
    let mut camp = Camp::new();
    let who = &camp.cast.nodes[1];
    let feed = who.value(CASH);
    let branch = |n: u128| -> Block {
        let merchant = MerchantId(n.to_be_bytes());
        let entry = Entry::from(Value::Merchant { merchant }).encode();
        let draft = Draft {
            feed,
            seq: 0,
            start: Head::start(&camp.cast.federation, &feed),
            entries: &[entry],
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: 1,
            hlc: Hlc::default(),
        };
        draft.seal(&SigningKey::from_seed(&who.seed), &camp.cast.federation).expect("small")
    };
    let received: Vec<Received> =
        (0..10_000).map(|n| camp.sites[2].receive(&feed, &branch(n))).collect();
    let kept = received.iter().filter(|r| matches!(r, Received::New | Received::Fork)).count();
    assert_eq!(kept, usize::from(limits::BRANCHES));
    assert!(
        received[kept..].iter().all(|r| *r == Received::Waits),
        "not kept, and no fault of ours"
    );
    assert!(camp.sites[2].faulty(&feed.short()));
    // Others are served and heard as before.
    let lot = camp.family_at(2, 0, 5);
    camp.shop(2);
    camp.write(2, Camp::redeeming(lot, 5));
    assert!(camp.hand(0, 2).iter().all(|r| matches!(r, Received::New | Received::Known)));
    // It writes nothing more itself once it has heard of it.
    camp.hand(2, 1);
    let merchant = camp.cast.merchants[2];
    assert_eq!(camp.refused(1, Value::Merchant { merchant }), Rejection::FeedFaulty);
}

/// Blocks of one feed that say the same entries, sealed at different places, each after the entries before it.
fn sealed_otherwise(camp: &Camp, shapes: &[(u64, usize, usize)]) -> Vec<Block> {
    let who = &camp.cast.nodes[0];
    let (feed, key) = (who.value(CASH), SigningKey::from_seed(&who.seed));
    let ticket = Box::new(Ticket::Budget { epoch: 1, act: 0, line: 0 });
    let send = |units| Value::Send(camp.sending(0, 1, Owner::Budget, units));
    let said = [Value::Claim { ticket, at: NOW }, send(3), send(4), send(5)];
    let said: Vec<Vec<u8>> = said.into_iter().map(|value| Entry::from(value).encode()).collect();
    let start = |first: usize| {
        let start = Head::start(&camp.cast.federation, &feed);
        said.iter().take(first).fold(start, |head, bytes| head.after(bytes))
    };
    let block = |(seq, first, next): &(u64, usize, usize)| {
        let draft = Draft {
            feed,
            seq: *seq,
            start: start(*first),
            entries: &said[*first..*next],
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: 1,
            hlc: Hlc::default(),
        };
        draft.seal(&key, &camp.cast.federation).expect("small")
    };
    shapes.iter().map(block).collect()
}

/// Hands blocks over in an order, those that wait again, until none waits.
fn delivered(site: &mut dyn Site, feed: &FeedId, blocks: &[Block], order: &[usize]) {
    let mut left = order.to_vec();
    while !left.is_empty() {
        let waits: Vec<usize> = left
            .iter()
            .copied()
            .filter(|at| site.receive(feed, &blocks[*at]) == Received::Waits)
            .collect();
        assert!(waits.len() < left.len(), "each can be placed in the end");
        left = waits;
    }
}

/// Every order of so many things, or some where there are many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders: Vec<Vec<usize>> = vec![vec![]];
    if count > 3 {
        let mut rng = Rng::new(749);
        let shuffled = |_| {
            let mut order: Vec<usize> = (0..count).collect();
            rng.shuffle(&mut order);
            order
        };
        return (0..9).map(shuffled).collect();
    }
    for next in 0..count {
        let with = |order: &Vec<usize>| {
            let put = |at| [&order[..at], &[next], &order[at..]].concat();
            (0..=order.len()).map(put).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(with).collect();
    }
    orders
}

#[test]
fn what_several_branches_say_alike_counts_once_in_whatever_order_and_blocks_it_arrives() {
    let camp = Camp::new();
    let feed = camp.feed(0);
    // Number, first entry, next entry.
    let (x, y, xy) = ((0, 0, 1), (1, 1, 2), (0, 0, 2));
    let (xyz, yz, z, z_of_xy) = ((0, 0, 3), (1, 1, 3), (2, 2, 3), (1, 2, 3));
    let shapes: [&[(u64, usize, usize)]; 4] = [
        &[x, y, xy],
        &[x, y, xy, xyz],
        &[x, xy, yz, z_of_xy],
        &[x, y, z, xy, z_of_xy, yz, xyz, (2, 2, 4), (3, 3, 4)],
    ];
    for shapes in shapes {
        let blocks = sealed_otherwise(&camp, shapes);
        let (articles, notices) = (&camp.cast.articles, &camp.cast.notices);
        let mut plain = Memory::found([9; 32], articles, notices, None);
        delivered(&mut plain, &feed, &blocks, &orders(blocks.len())[0]);
        for order in orders(blocks.len()) {
            let mut site = Stored::found([9; 32], articles, notices);
            delivered(&mut site, &feed, &blocks, &order);
            assert!(site.faulty(&feed.short()), "two headers of one number: {shapes:?} {order:?}");
            assert_eq!(site.pools(), plain.pools(), "{shapes:?} {order:?}");
            assert_eq!(site.lots(), plain.lots(), "{shapes:?} {order:?}");
            assert_eq!(charges(&site), charges(&plain), "{shapes:?} {order:?}");
            assert_eq!(site.root(), plain.root(), "{shapes:?} {order:?}");
            assert_eq!(site.replayed(), plain.root(), "{shapes:?} {order:?}, derived anew");
        }
    }
}
