//! Where a rule of the fold begins and where it ends: one step to either side.

use super::*;
use crate::view::ChainNo;

fn post(hold: u64, at: Minute) -> Value {
    Value::Post { hold, at, method: Method::Pin }
}

fn refund(redeem: u64, amount: u64) -> Value {
    Value::Refund { redeem, amount: units(amount), at: NOW }
}

fn held(lot: u64, until: Minute) -> Value {
    Value::Hold { lot: Lot(lot), amount: units(1), merchant: 0, until, at: NOW }
}

/// The faults of one more entry of the treasury.
#[track_caller]
fn after(before: &[Value], entry: Value) -> Vec<Fault> {
    let mut desk = desk();
    for entry in before {
        desk.force(&value(TREASURY), entry.clone());
    }
    let so_far = faults(&desk).len();
    desk.force(&value(TREASURY), entry);
    faults(&desk).split_off(so_far)
}

#[test]
fn the_last_minute_is_still_good() {
    let redeem_at = |at| {
        let (lot, amount, method) = (Lot(2), units(1), Method::Pin);
        Value::Redeem { lot, amount, merchant: 0, at, method }
    };
    let next = Minute(LAST.0 + 1);
    assert_eq!(after(&[], redeem_at(LAST)), []);
    assert_eq!(after(&[], redeem_at(next)), [Fault::Late]);
    let until = Minute(NOW.0 + 7);
    let hold = held(2, until);
    assert_eq!(after(std::slice::from_ref(&hold), post(5, Minute(until.0 - 1))), []);
    assert_eq!(after(std::slice::from_ref(&hold), post(5, until)), []);
    assert_eq!(after(&[hold], post(5, Minute(until.0 + 1))), [Fault::Late]);
    // Only after it may a purse's units go back to a budget.
    let mut desk = desk();
    let chain = desk.state.trunk(&value(TREASURY));
    let (_, purse) = resolve(&desk.state, chain, Lot(2)).expect("a purse's lot");
    let may = |at| may_become(&purse, Owner::Budget, at);
    assert_eq!([may(LAST), may(next)], [false, true]);
}

#[test]
fn what_was_posted_may_come_back_and_what_was_not_may_not() {
    let given_back = |before: &[Value], redeem, amount| {
        let mut desk = desk();
        for entry in before {
            desk.force(&value(TREASURY), entry.clone());
        }
        let (so_far, at) = (faults(&desk).len(), pool(&desk, TREASURY));
        desk.force(&value(TREASURY), refund(redeem, amount));
        let back = at[2] - pool(&desk, TREASURY)[2];
        (back, faults(&desk).split_off(so_far))
    };
    assert_eq!(given_back(&[post(4, NOW)], 5, 1), (1, vec![]));
    assert_eq!(given_back(&[post(4, NOW)], 5, 2), (1, vec![Fault::RefundTooLarge]));
    let nothing = (0, vec![Fault::LotMissing]);
    // Of a hold that came after the post which names it; of a hold on what is nobody's purse.
    assert_eq!(given_back(&[post(6, NOW), held(2, LAST)], 5, 1), nothing);
    assert_eq!(given_back(&[held(0, LAST), post(5, NOW)], 6, 1), nothing);
}

#[test]
fn what_no_row_paid_for_is_unbacked() {
    for (from, row) in [(0, 0), (2, 1)] {
        let mut desk = desk();
        let index = desk.force(&value(TREASURY), issue(from, row, 5));
        let chain = desk.state.trunk(&value(TREASURY));
        let (_, lot) = resolve(&desk.state, chain, Lot(index)).expect("an empty lot");
        assert_eq!((lot.opened, lot.balance.units()), (Opened::Unbacked, 0));
    }
    let mut desk = desk();
    let chain = desk.state.trunk(&value(TREASURY));
    let lots = [0, 2].map(|n| resolve(&desk.state, chain, Lot(n)).expect("a lot").1.opened);
    assert_eq!(lots, [Opened::Claim, Opened::Issue]);
}

/// A trunk of six entries, and branches that leave it at its third and at its fourth.
fn branches(desk: &mut Desk) -> [ChainNo; 3] {
    let feed = value(A);
    let chain = desk.state.trunk(&feed);
    let mut heads = vec![desk.head(&feed)];
    for n in 0..6 {
        desk.force(&feed, Value::Merchant { merchant: merchant(n) });
        heads.push(desk.head(&feed));
    }
    let at = |index: usize| At { chain, index: index as u64 };
    let third = desk.state.branch(at(2), heads[2]);
    let fourth = desk.state.branch(at(3), heads[3]);
    [chain, third, fourth]
}

#[test]
fn a_chain_stops_after_the_entry_that_stops_it_and_so_do_branches_that_hold_it() {
    let mut desk = Desk::new();
    let [trunk, third, fourth] = branches(&mut desk);
    let stop = At { chain: trunk, index: 2 };
    desk.state.apply(Change::Fault(stop, Fault::Halted));
    desk.state.apply(Change::Ended(stop, Hash::ZERO));
    let asked = [(trunk, 2), (trunk, 3), (third, 2), (third, 5), (fourth, 3), (fourth, 5)];
    let told =
        |stopped: &dyn Fn(At) -> bool| asked.map(|(chain, index)| stopped(At { chain, index }));
    let want = [false, true, false, false, true, true];
    assert_eq!(told(&|at| halted_before(&desk.state, at)), want);
    assert_eq!(told(&|at| ended_before(&desk.state, at)), want);
}

#[test]
fn what_is_sent_out_of_no_lot_is_owed_at_its_own_place() {
    for sent in [Value::Send(send(99, A, Owner::Float, 7)), cover(99, 7)] {
        let mut desk = desk();
        let index = desk.force(&value(TREASURY), sent);
        let chain = desk.state.trunk(&value(TREASURY));
        let (_, owed) = resolve(&desk.state, chain, Lot(index)).expect("what is owed");
        assert_eq!((owed.owner, owed.opened), (Owner::Float, Opened::Unbacked));
        assert_eq!(owed.balance.units(), -7);
    }
}
