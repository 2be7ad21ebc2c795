//! A day's statement, and what a merchant can show of it.

use super::*;
use crate::admit::Draft;
use crate::entry::{Entry, Value};
use crate::orphan::tests::{Burnt, redeem};
use crate::rejection::Rejection;
use crate::testing::*;
use crate::view::Fault;

fn day(day: Day) -> Draft {
    Draft::from(Entry::Value(Value::DayClose { day: Box::new(day), at: NOW }))
}

#[test]
fn a_day_is_closed_with_what_it_came_to_and_a_merchant_shows_his_part() {
    let mut desk = Desk::new();
    let refund = Value::Refund { redeem: 4, amount: units(2), at: NOW };
    let other = Value::Merchant { merchant: merchant(8) };
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4), refund, other]);
    a.arrive(&mut desk, 8);
    let feed = value(A);
    let chain = desk.state.trunk(&feed);
    let sums = sums(&desk.state, chain, 0, 8);
    let [sum] = sums.iter().copied().collect::<Vec<_>>()[..] else { unreachable!("one merchant") };
    assert_eq!((sum.merchant, sum.redeemed, sum.refunded), (merchant(7), 2, 1));
    assert_eq!((sum.given, sum.back), (units(9), units(2)));
    let closing = sums.close(0).expect("one commodity");
    assert_eq!((closing.redeemed, closing.refunded), (2, 1));
    let path = sums.path(0).expect("a leaf");
    assert!(path.verifies(&sum.leaf(), sums.len(), &closing.root));
    let more = Sum { given: units(10), ..sum };
    assert!(!path.verifies(&more.leaf(), sums.len(), &closing.root));
    let wrong = Closing { redeemed: 3, ..closing.clone() };
    assert_eq!(desk.ask(&feed, &day(Day::Close(wrong))), Err(Rejection::DayMismatch));
    desk.write(&feed, day(Day::Close(closing.clone())));
    // Nothing since: only a new day can be opened.
    assert_eq!(desk.ask(&feed, &day(Day::Close(closing))), Err(Rejection::DayNotOpen));
    desk.write(&feed, day(Day::Open));
    let (at, row) = desk.state.day(chain).expect("it was opened");
    assert_eq!((row.first, row.closed), (at + 1, None), "a day begins behind its opening");
    assert_eq!(desk.ask(&feed, &day(Day::Open)), Err(Rejection::DayOpen));
    let empty = Sums::default().close(begins(&desk.state, chain).0).expect("nothing");
    desk.write(&feed, day(Day::Close(empty)));
    assert_eq!(desk.state.faults().count(), 0);
}

#[test]
fn a_closing_that_leaves_entries_out_is_noted_and_moves_nothing() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 5);
    let before = desk.state.whole_pools();
    let closing = Sums::default().close(5).expect("nothing");
    desk.force(&value(A), day(Day::Close(closing)).entry);
    let faults: Vec<Fault> = desk.state.faults().map(|(_, fault)| *fault).collect();
    assert_eq!(faults, [Fault::DayBroken]);
    assert_eq!(desk.state.whole_pools(), before);
    assert_eq!(begins(&desk.state, desk.state.branches(&feed_of(A))[0]), (6, false));
}

#[test]
fn a_day_names_every_commodity_a_programme_may_have() {
    let mut sums = Sums::default();
    for n in 1..=64 {
        sums.add(&Came {
            kind: crate::settlement::Kind::Redeemed,
            merchant: merchant(7),
            cycle: CycleId(5),
            commodity: CommodityId(n),
            amount: Amount::MAX,
        });
    }
    let closing = sums.close(u64::MAX).expect("as many as a programme has");
    let entry = day(Day::Close(closing)).entry;
    let bytes = entry.encode();
    assert!(bytes.len() > limits::ENTRY_BYTES && bytes.len() <= limits::CARRYING_ENTRY_BYTES);
    assert_eq!(Entry::decode(crate::id::Lane::Value, &bytes), Ok(entry));
}
