//! Clocks, limits, and what is refused before it can do harm.

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::entry::{Entry, Lot, Owner, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_ledger::key::SigningKey;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::view::Fault;
use annona_ledger::wire::Bytes;
use annona_tests::cast::{CASH, Person};
use annona_tests::check::charges;
use annona_tests::site::Received;

use super::camp::{Camp, LAST, NOW, amount};

/// A block as its author's own program would never write it.
fn written(camp: &Camp, who: &Person, entries: &[Value]) -> (FeedId, Block) {
    let feed = who.value(CASH);
    let entries: Vec<Vec<u8>> = entries.iter().map(|v| Entry::from(v.clone()).encode()).collect();
    let draft = Draft {
        feed,
        seq: 0,
        start: Head::start(&camp.cast.federation, &feed),
        entries: &entries,
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 1,
        hlc: Hlc::default(),
    };
    (feed, draft.seal(&SigningKey::from_seed(&who.seed), &camp.cast.federation).expect("small"))
}

fn at(value: Value, stamp: Minute) -> Value {
    match value {
        Value::Redeem { lot, amount, merchant, method, .. } => {
            Value::Redeem { lot, amount, merchant, at: stamp, method }
        }
        other => other,
    }
}

#[test]
fn s12_a_clock_years_ahead_elsewhere_expires_nothing_here() {
    let mut camp = Camp::new();
    let lots = [1usize, 2].map(|site| camp.family_at(site, 0, 10));
    for site in [1, 2] {
        camp.shop(site);
    }
    // Site 2's clock is three years fast: it serves nobody any more, and says why. What it may write bears that stamp.
    let far = Minute(3 * 365 * 24 * 60);
    assert_eq!(camp.refused(2, at(Camp::redeeming(lots[1], 1), far)), Rejection::Expired);
    let mut back = camp.sending(lots[1], 0, Owner::Budget, 10);
    (back.at, back.expires) = (far, Minute(0));
    camp.write(2, Value::Send(back));
    // Site 1 has heard from it, and goes on by its own clock.
    camp.hand(2, 1);
    camp.write(1, Camp::redeeming(lots[0], 4));
    // A clock that fell back to 1970 stamps nothing earlier than its feed's last; with that stamp it serves on.
    let fallen = at(Camp::redeeming(lots[0], 4), Minute(0));
    assert_eq!(camp.refused(1, fallen), Rejection::StampFell);
    let feed = camp.feed(1);
    let last = camp.sites[1].last_stamp(&feed);
    assert_eq!(last, NOW);
    camp.write(1, at(Camp::redeeming(lots[0], 4), last));
}

#[test]
fn s13_a_spend_backdated_past_its_expiry_is_late_or_fell_and_moves_what_it_moved() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let late = Minute(LAST.0 + 1);
    assert_eq!(camp.refused(1, at(Camp::redeeming(lot, 1), late)), Rejection::Expired);
    // A clock that is set back after the last minute cannot be: the feed has a later stamp already.
    let mut on = camp.sending(0, 2, Owner::Float, 5);
    on.at = late;
    let ticket = camp.write(0, Value::Send(on));
    let ticket = camp.sites[0].ticket(&ticket).expect("a send");
    camp.write(1, Value::Merchant { merchant: camp.cast.merchants[1] });
    let claimed = Value::Claim { ticket: Box::new(ticket), at: late };
    assert_eq!(camp.refused(1, claimed), Rejection::NotAddressed, "it is for site 2");
    // A program that does not ask is told by everybody who reads it: late, and its stamp fell. Nothing is undone.
    let who = &camp.cast.nodes[3];
    let redeem = |stamp| at(Camp::redeeming(0, 1), stamp);
    let (feed, block) = written(&camp, who, &[redeem(late), redeem(NOW)]);
    assert_eq!(camp.sites[4].receive(&feed, &block), Received::New);
    let faults: Vec<Fault> = camp.sites[4].faults().iter().map(|(_, _, fault)| *fault).collect();
    assert!(faults.contains(&Fault::StampFell), "{faults:?}");
    assert_eq!(
        camp.redeemed(4),
        0,
        "it names no lot: what it gave is owed, and no sum of a purse's"
    );
}

#[test]
fn s36_a_kind_this_version_does_not_know_is_refused_and_changes_nothing() {
    let mut camp = Camp::new();
    let who = &camp.cast.nodes[3];
    let merchant = Value::Merchant { merchant: camp.cast.merchants[0] };
    let (feed, good) = written(&camp, who, &[merchant]);
    let mut body = good.body.clone().into_vec();
    body[0] = 0x7f;
    let head = good.header.start().after(&body);
    let mut newer = good;
    newer.body = Bytes::new(body).expect("as long as before");
    newer.header.after = head.accumulator;
    let root = camp.sites[4].root();
    assert_eq!(camp.sites[4].receive(&feed, &newer), Received::Refused);
    assert_eq!(camp.sites[4].root(), root);
}

#[test]
fn s45_amounts_at_their_limit_are_refused_or_summed_and_never_wrap() {
    let mut camp = Camp::new();
    assert_eq!(Amount::new(u64::MAX), None);
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let most = |lot| match Camp::redeeming(lot, 1) {
        Value::Redeem { lot, merchant, at, method, .. } => {
            Value::Redeem { lot, amount: Amount::MAX, merchant, at, method }
        }
        other => other,
    };
    assert_eq!(camp.refused(1, most(lot)), Rejection::ExceedsLot);
    // Somebody else's program writes it all the same, forty times over.
    let who = &camp.cast.nodes[3];
    let mut send = camp.sending(0, 4, Owner::Budget, 1);
    (send.amount, send.from) = (Amount::MAX, Lot(0));
    let (feed, block) = written(&camp, who, &vec![Value::Send(send); 40]);
    assert_eq!(camp.sites[4].receive(&feed, &block), Received::New);
    camp.conserved(4);
    let owed: i128 = charges(&*camp.sites[4]).values().sum();
    assert_eq!(owed, 40 * i128::from(Amount::MAX.units()));
    assert!(camp.sites[4].faulty(&feed.short()));
    assert!(amount(1) < Amount::MAX);
}
