use super::*;
use crate::entry::{FloatCover, Method, Send};
use crate::feed::Head;
use crate::id::EntryName;
use crate::key::Signature;
use crate::state::State;
use crate::testing::*;
use crate::ticket::{Moved, Sent, Ticket};
use crate::view::FloatSpan;
use crate::wire::Bounded;

mod edges;

fn redeem(lot: u64, amount: u64) -> Value {
    let (lot, amount, method) = (Lot(lot), units(amount), Method::Pin);
    Value::Redeem { lot, amount, merchant: 0, at: NOW, method }
}

fn issue(from: u64, row: u32, amount: u64) -> Value {
    let (from, amount, expires) = (Lot(from), units(amount), LAST);
    Value::Issue { from, list: 0, row, purse: purse(0), amount, expires, at: NOW }
}

fn send(from: u64, to: u8, owner: Owner, amount: u64) -> Send {
    let (cycle, commodity, expires) = (MAY, RICE, LAST);
    let (from, amount) = (Lot(from), units(amount));
    Send { from, to: node(to), owner, cycle, commodity, amount, expires, at: NOW }
}

fn claim(ticket: Ticket) -> Value {
    Value::Claim { ticket: Box::new(ticket), at: NOW }
}

fn claim_sent(sent: Sent) -> Value {
    claim(Ticket::Sent(sent, Bounded::empty()))
}

fn cover(from: u64, amount: u64) -> Value {
    let float = EntryName { feed: feed_of(B), index: 7, accumulator: Hash([7; 32]) };
    let (cycle, commodity, amount) = (MAY, RICE, units(amount));
    Value::FloatCover(FloatCover { from: Lot(from), float, cycle, commodity, amount, at: NOW })
}

/// A treasury with: 0 the budget, 1 a merchant, 2 purse 0 with five, 3 two of it redeemed, 4 one of it held.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let t = value(TREASURY);
    let hold = Value::Hold { lot: Lot(2), amount: units(1), merchant: 0, until: LAST, at: NOW };
    let merchant = Value::Merchant { merchant: merchant(1) };
    for entry in [claim(FOOD_BUDGET), merchant, issue(0, 0, 5), redeem(2, 2), hold] {
        desk.force(&t, entry);
    }
    assert_eq!(faults(&desk), []);
    assert_eq!(pool(&desk, TREASURY), [98, 0, 2]);
    desk
}

fn faults(desk: &Desk) -> Vec<Fault> {
    desk.state.faults().map(|(_, fault)| *fault).collect()
}

/// Lots, arriving and redeemed of one node's rice.
fn pool(desk: &Desk, seed: u8) -> [i128; 3] {
    let of = |(key, pool): (&PoolKey, &Pool)| {
        let counted = [pool.lots, pool.arriving, pool.redeemed].map(|sum| sum.units());
        (key.node == node(seed) && key.programme == FOOD).then_some(counted)
    };
    desk.state.pools().find_map(of).unwrap_or_default()
}

#[test]
fn every_fault_is_noted_and_what_left_is_counted() {
    /// What one more entry of the treasury does: the faults noted, and the change of its pool.
    #[track_caller]
    fn check(before: &[Value], entry: Value, want: &[Fault], moved: [i128; 3]) {
        let mut desk = desk();
        for entry in before {
            desk.force(&value(TREASURY), entry.clone());
            assert_eq!(faults(&desk), [], "{entry:?}");
        }
        let at = pool(&desk, TREASURY);
        desk.force(&value(TREASURY), entry);
        assert_eq!(faults(&desk), want);
        let after = pool(&desk, TREASURY);
        let by: Vec<i128> = after.iter().zip(at).map(|(after, at)| after - at).collect();
        assert_eq!(by, moved);
    }
    use Fault as F;
    let federation = charter().federation();
    let elsewhere = Head { next: 40, accumulator: Hash([40; 32]) };
    let from_a = |to| ticket(&federation, A, elsewhere, Moved::Send(send(0, to, Owner::Float, 3)));

    // 1 LotMissing: without a lot nobody can say of what so many units were.
    check(&[], redeem(99, 1), &[F::LotMissing], [0; 3]);
    check(&[], redeem(5, 1), &[F::LotMissing], [0; 3]); // itself
    check(&[], redeem((1 << 40) + 2, 1), &[F::LotMissing], [0; 3]); // far above, as lot 2 in its lower bits
    check(&[], redeem(3, 1), &[F::LotMissing], [0; 3]); // a redemption opens no lot
    check(&[], issue(99, 1, 1), &[F::LotMissing], [0; 3]);
    check(&[], Value::Post { hold: 3, at: NOW, method: Method::Pin }, &[F::LotMissing], [0; 3]);
    check(&[], Value::Drop { hold: 3, at: NOW }, &[F::LotMissing], [0; 3]);
    check(&[], Value::Refund { redeem: 4, amount: units(1), at: NOW }, &[F::LotMissing], [0; 3]);
    // A send says of what its units are, so they are owed, and on their way all the same.
    let away = Value::Send(send(99, A, Owner::Float, 7));
    check(&[], away, &[F::LotMissing], [-7, 0, 0]);
    check(&[], cover(99, 7), &[F::LotMissing], [-7, 0, 0]);

    // 2 WrongOwner.
    check(&[], redeem(0, 1), &[F::WrongOwner], [-1, 0, 1]);
    check(&[], issue(2, 1, 1), &[F::WrongOwner], [0; 3]);
    let purse_to_float = Value::Send(send(2, A, Owner::Float, 1));
    check(&[], purse_to_float, &[F::WrongOwner], [-1, 0, 0]);
    let other = Send { cycle: CycleId(9), ..send(0, A, Owner::Float, 1) };
    check(&[], Value::Send(other), &[F::WrongOwner], [0; 3]); // in the pool of that cycle
    check(&[], cover(0, 1), &[F::WrongOwner], [-1, 0, 0]);
    let held = Value::Hold { lot: Lot(0), amount: units(3), merchant: 0, until: LAST, at: NOW };
    check(&[], held, &[F::WrongOwner], [0; 3]);

    // 3 Short: all of it left.
    check(&[], redeem(2, 4), &[F::Short], [-4, 0, 4]);
    check(&[], issue(0, 1, 96), &[F::Short], [0; 3]);
    check(&[], Value::Send(send(0, A, Owner::Float, 99)), &[F::Short], [-99, 0, 0]);
    let posted = Value::Post { hold: 4, at: NOW, method: Method::Pin };
    check(&[redeem(2, 3)], posted.clone(), &[F::Short], [-1, 0, 1]);
    check(&[], redeem(2, 3), &[], [-3, 0, 3]);

    // 4 Forged, 5 NotAddressed: a lot of nothing.
    let forged = Sent { signature: Signature::Ed25519([[0; 32]; 2]), ..from_a(TREASURY) };
    check(&[], claim_sent(forged), &[F::Forged], [0; 3]);
    check(&[], claim_sent(Sent { index: 41, ..from_a(TREASURY) }), &[F::Forged], [0; 3]);
    check(&[], claim_sent(from_a(B)), &[F::NotAddressed], [0; 3]);
    check(&[], claim_sent(from_a(TREASURY)), &[], [3, 0, 0]);
    let hopped = claim(Ticket::Sent(from_a(TREASURY), bounded([forged])));
    check(&[], hopped, &[], [3, 0, 0]); // what cannot be believed adds nothing

    // 6 ClaimedTwice, 7 RowTwice, 8 ResolvedTwice, 9 RefundTooLarge, 10 CoveredTwice, 11 NotBudgeted.
    let twice = claim_sent(from_a(TREASURY));
    check(std::slice::from_ref(&twice), twice.clone(), &[F::ClaimedTwice], [0; 3]);
    check(&[], claim(FOOD_BUDGET), &[F::ClaimedTwice], [0; 3]);
    check(&[], issue(0, 0, 5), &[F::RowTwice], [0; 3]);
    check(std::slice::from_ref(&posted), posted.clone(), &[F::ResolvedTwice], [-1, 0, 1]);
    let dropped = Value::Drop { hold: 4, at: NOW };
    check(std::slice::from_ref(&dropped), posted, &[F::ResolvedTwice], [-1, 0, 1]);
    check(std::slice::from_ref(&dropped), dropped.clone(), &[F::ResolvedTwice], [0; 3]);
    let refund = |amount| Value::Refund { redeem: 3, amount: units(amount), at: NOW };
    check(&[refund(1)], refund(2), &[F::ResolvedTwice], [0; 3]);
    check(&[], refund(2), &[], [2, 0, -2]);
    check(&[], refund(3), &[F::RefundTooLarge], [2, 0, -2]);
    check(&[cover(2, 1)], cover(2, 1), &[F::CoveredTwice], [-1, 0, 0]);
    let budget = |epoch, act, line| claim(Ticket::Budget { epoch, act, line });
    check(&[], budget(0, 4, 0), &[F::NotBudgeted], [0; 3]); // the cash programme's
    check(&[], budget(0, 9, 0), &[F::NotBudgeted], [0; 3]);
    check(&[], budget(1, 3, 0), &[F::NotBudgeted], [0; 3]);

    // 32 and above are listed, and move nothing else than they would.
    let early = Value::Redeem {
        lot: Lot(2),
        amount: units(1),
        merchant: 0,
        at: Minute(NOW.0 - 1),
        method: Method::Pin,
    };
    check(&[], early, &[F::StampFell], [-1, 0, 1]);
    let late = |merchant| Value::Redeem {
        lot: Lot(2),
        amount: units(1),
        merchant,
        at: Minute(LAST.0 + 1),
        method: Method::Pin,
    };
    check(&[], late(0), &[F::Late], [-1, 0, 1]);
    check(&[], late(1), &[F::Late, F::MerchantMissing], [-1, 0, 1]);
    check(&[], Value::Basket { entries: 0 }, &[F::BasketBroken], [0; 3]);
}

#[test]
fn a_hold_on_what_is_nobodys_purse_pays_nothing_when_it_is_posted() {
    let mut desk = desk();
    let t = value(TREASURY);
    let hold = Value::Hold { lot: Lot(0), amount: units(3), merchant: 0, until: LAST, at: NOW };
    let hold = desk.force(&t, hold);
    let post = desk.force(&t, Value::Post { hold, at: NOW, method: Method::Pin });
    assert_eq!(faults(&desk), [Fault::WrongOwner, Fault::WrongOwner]);
    assert_eq!(pool(&desk, TREASURY), [95, 0, 5]);
    let chain = desk.state.trunk(&t);
    let (_, budget) = resolve(&desk.state, chain, Lot(0)).expect("the budget's lot");
    let (_, owed) = resolve(&desk.state, chain, Lot(post)).expect("what is owed");
    assert_eq!([budget, owed].map(|lot| lot.balance.units()), [95, -3]);
}

#[test]
fn a_ticket_whose_signature_is_spoilt_is_forged_wherever_its_block_is() {
    let federation = charter().federation();
    let mut roots = Vec::new();
    for block_first in [true, false] {
        let mut desk = desk();
        let before = desk.head(&value(TREASURY));
        let moved = Moved::Send(send(0, A, Owner::Float, 3));
        let good = ticket(&federation, TREASURY, before, moved);
        let spoilt = Sent { signature: Signature::Ed25519([[1; 32]; 2]), ..good };
        if block_first {
            desk.force(&value(TREASURY), moved.entry());
        }
        desk.force(&value(A), claim_sent(spoilt));
        assert_eq!(faults(&desk), [Fault::Forged]);
        if !block_first {
            desk.force(&value(TREASURY), moved.entry());
        }
        assert_eq!(pool(&desk, A), [0, 3, 0]);
        roots.push(desk.state.root());
    }
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn provenance_that_names_one_send_twice_moves_it_once() {
    let mut desk = desk();
    let federation = desk.federation();
    let elsewhere = |n: u8| Head { next: n.into(), accumulator: Hash([n; 32]) };
    let hop =
        ticket(&federation, TREASURY, elsewhere(40), Moved::Send(send(0, A, Owner::Float, 3)));
    let sent = ticket(&federation, A, elsewhere(0), Moved::Send(send(0, B, Owner::Float, 3)));
    let hops = bounded([hop, hop, sent, hop]);
    desk.force(&value(B), claim(Ticket::Sent(sent, hops)));
    assert_eq!(pool(&desk, TREASURY), [95, 0, 2]);
    assert_eq!(pool(&desk, A), [-3, 3, 0]);
    assert_eq!(pool(&desk, B), [3, 0, 0]);
}

#[test]
fn two_senders_that_sign_one_accumulator_made_two_tickets() {
    // Both colluding senders claim that this accumulator is theirs. Which of the two is seen first must not matter.
    let federation = charter().federation();
    let shared = Head { next: 4, accumulator: Hash([4; 32]) };
    let moved = Moved::Send(send(0, B, Owner::Float, 3));
    let tickets = [TREASURY, A].map(|seed| ticket(&federation, seed, shared, moved));
    assert_eq!(tickets[0].accumulator(), tickets[1].accumulator());
    let folded = |order: [usize; 2]| {
        let mut desk = Desk::new();
        for at in order {
            let hop = Ticket::Sent(tickets[at], Bounded::empty());
            desk.force(&value(B), claim(hop));
        }
        (pool(&desk, TREASURY), pool(&desk, A), pool(&desk, B))
    };
    assert_eq!(folded([0, 1]), folded([1, 0]));
    assert_eq!(folded([0, 1]), ([-3, 100, 0], [-3, 0, 0], [6, 0, 0]));
}

#[test]
fn a_claim_waits_for_its_senders_certificate_and_proves_nothing_until_then() {
    let charter = charter();
    let federation = charter.federation();
    let elsewhere = Head { next: 4, accumulator: Hash([4; 32]) };
    let sent = ticket(&federation, A, elsewhere, Moved::Send(send(0, B, purse_of(1), 3)));
    let mut desk = Desk { state: State::new(charter.clone(), roster_without(&charter, &[A])) };
    let merchant = Value::Merchant { merchant: merchant(1) };
    desk.force(&value(B), merchant);
    let lot = desk.force(&value(B), claim_sent(sent));
    desk.force(&value(B), redeem(lot, 3));
    assert_eq!(faults(&desk), []);
    assert_eq!(desk.state.waiting().count(), 1);
    assert!(!desk.state.faulty(&feed_of(B)));
    // As long as nobody vouches for the sender, the units are missing at the place that gave them.
    assert_eq!(pool(&desk, B), [-3, 0, 3]);
}

#[test]
fn float_counts_until_its_home_covers_it() {
    let mut desk = Desk::new();
    let (t, b) = (value(TREASURY), value(B));
    desk.force(&t, claim(FOOD_BUDGET));
    let before = desk.head(&t);
    let moved = Moved::Send(send(0, B, Owner::Float, 9));
    desk.force(&t, moved.entry());
    let federation = desk.federation();
    desk.force(&b, claim_sent(ticket(&federation, TREASURY, before, moved)));
    let (lot, home, method) = (Lot(0), feed_of(TREASURY), Method::Sight);
    let (purse, amount) = (purse(0), units(2));
    let given = Value::FloatRedeem { lot, home, purse, amount, merchant: 0, at: NOW, method };
    let index = desk.force(&b, given);
    let accumulator = desk.head(&b).accumulator;
    let chain = desk.state.trunk(&b);
    let used = |desk: &Desk, span| desk.state.float_used(chain, RICE, span).units();
    assert_eq!(pool(&desk, B), [7, 0, 2]);
    assert_eq!(used(&desk, FloatSpan::Site), 2);
    desk.force(&t, issue(0, 0, 5));
    let float = EntryName { feed: feed_of(B), index, accumulator };
    let Value::FloatCover(cover) = cover(2, 2) else { unreachable!("it is a cover") };
    // What another says of it, or the home with less, makes nothing good.
    let less = FloatCover { float, amount: units(1), ..cover };
    desk.force(&value(A), Value::FloatCover(less));
    desk.force(&value(A), Value::FloatCover(FloatCover { float, ..cover }));
    assert_eq!(used(&desk, FloatSpan::Site), 2);
    desk.force(&t, Value::FloatCover(FloatCover { float, ..cover }));
    assert_eq!(used(&desk, FloatSpan::Site), 0);
    assert_eq!(used(&desk, FloatSpan::Purse(purse)), 2);
    assert_eq!(used(&desk, FloatSpan::Day(NOW.day())), 2);
    assert_eq!(pool(&desk, B), [7, 5, 2]);
    // Two of A, without a lot, and the second of one redemption; none of the home.
    let of_a = [Fault::LotMissing, Fault::LotMissing, Fault::CoveredTwice];
    assert_eq!(faults(&desk), [&[Fault::MerchantMissing], &of_a[..]].concat());
}

#[test]
fn every_fault_is_found_by_its_number_and_those_below_32_prove_insolvency() {
    for number in 0..=u8::MAX {
        let named = Fault::ALL.into_iter().find(|fault| *fault as u8 == number);
        assert_eq!(Fault::of(number), named);
        if let Some(fault) = named {
            assert_eq!(fault.proves_insolvency(), number < 32, "{fault:?}");
        }
    }
    assert!(Fault::Short.proves_insolvency() && !Fault::Late.proves_insolvency());
}
