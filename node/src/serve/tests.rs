use annona_ledger::id::Lane;
use annona_ledger::limits;

use super::*;
use crate::bundle::tests::world::{self, CANARY_PURSE, FOOD, RICE, World};
use crate::keystore::Name;
use crate::node::{Answer, Compose, Node, Refusal, Request};

const PURSE: Purse = Purse(CANARY_PURSE);

fn ask(node: &mut Node, compose: Compose<'_>) -> Answer {
    let feed = node.feed(Lane::Value, FOOD);
    node.write(&mut [Request { feed, compose }]).expect("the disk holds").remove(0)
}

fn charges(node: &mut Node, units: u64) -> Answer {
    let item = Item { commodity: RICE, amount: world::amount(units) };
    let (merchant, method) = (MerchantId([8; 16]), Method::Sight);
    let order = Charge { purse: PURSE, items: vec![item], merchant, method };
    ask(node, Box::new(move |work, feed, at| charge(work, feed, &order, at)))
}

fn left(node: &Node) -> Vec<u64> {
    let feed = node.feed(Lane::Value, FOOD);
    let at = node.stamp(&feed).expect("a stamp");
    let work = node.store().look().expect("a look");
    balance(&work, &feed, &PURSE, at).iter().map(|left| left.units).collect()
}

/// Puts by all that PURSE has at A, in parts, until minute 110.
fn put_by(node: &mut Node, parts: &[u64]) {
    for units in parts {
        let (amount, until, at) = (world::amount(*units), Minute(110), Minute(100));
        let hold = Value::Hold { lot: Lot(2), amount, merchant: 0, until, at };
        world::write(node, node.feed(Lane::Value, FOOD), vec![hold.into()]);
    }
}

fn drops(answer: Answer) -> usize {
    let accepted = answer.expect("accepted");
    let dropped = |one: &&Accepted| {
        matches!(Entry::decode(Lane::Value, &one.bytes), Ok(Entry::Value(Value::Drop { .. })))
    };
    accepted.iter().filter(dropped).count()
}

#[test]
fn what_was_put_by_for_a_time_that_is_over_is_hers_again() {
    let mut w = World::new();
    w.distribute(2);
    put_by(&mut w.a, &[2, 5]);
    assert!(left(&w.a).is_empty());
    assert_eq!(charges(&mut w.a, 1), Err(Refusal::Rule(Rejection::ExceedsLot)), "not in its time");
    drop(w.a);
    w.a = world::reopen_at(w.dir.path(), "a", 111);
    assert_eq!(left(&w.a), [7]);
    assert_eq!(charges(&mut w.a, 8), Err(Refusal::Rule(Rejection::ExceedsLot)));
    assert_eq!(drops(charges(&mut w.a, 4)), 1, "the larger hold is enough");
    assert_eq!((left(&w.a), drops(charges(&mut w.a, 1))), (vec![3], 0), "of what is free");
    let to = world::short(&w.b);
    let gone =
        ask(&mut w.a, Box::new(move |work, feed, at| travel(work, feed, &PURSE, to, (at, at))));
    assert_eq!(drops(gone), 1, "the other hold goes with her");
    assert!(left(&w.a).is_empty());
}

#[test]
fn a_purse_that_went_to_and_fro_between_sites_that_meet_has_a_ticket_each_time() {
    let mut w = World::new();
    w.distribute(2);
    let (a, b) = (world::short(&w.a), world::short(&w.b));
    for hop in 0..limits::HOPS + 3 {
        let out = w.path(&format!("stick-{hop}"));
        let (from, into, to) =
            if hop % 2 == 0 { (&mut w.a, &mut w.b, b) } else { (&mut w.b, &mut w.a, a) };
        let compose: Compose<'_> =
            Box::new(move |work, feed, at| travel(work, feed, &PURSE, to, (at, at)));
        let sent = ask(from, compose).expect("she may go");
        let key = from.signing_key(Name::NodeSigning).expect("a key");
        let last = sent.last().expect("a send");
        let made = ticket(&from.store().look().expect("a look"), &key, last);
        let made = made.unwrap_or_else(|why| panic!("hop {hop}: {why}"));
        let at = Minute(100);
        ask(into, Box::new(move |_, _, _| Ok(claim(made.clone(), at)))).expect("taken up");
        from.seal_all().expect("sealed");
        let exported = world::export(from, &[to], &out);
        world::import(into, &exported.files);
    }
}
