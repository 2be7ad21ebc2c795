//! What shown entries come to by themselves: which lot, how much, of what, by whom. Their signatures were checked when
//! they were folded, so here they are facts at once; what stands in a block, a test says.

use super::*;
use crate::entry::FloatCover;
use crate::id::EntryName;

/// Shows an entry of a feed.
fn show_of(desk: &mut Desk, seed: u8, index: u64, value: &Value) {
    let Standing { leaf, value, .. } = standing(index, value.clone());
    let fact = Fact { feed: feed_of(seed), index, leaf, name: None, value };
    desk.state.apply(Change::Shown(Box::new(fact)));
}

fn show(desk: &mut Desk, index: u64, value: &Value) {
    show_of(desk, A, index, value);
}

fn standing(index: u64, value: Value) -> Standing {
    let leaf = leaf(&Entry::Value(value.clone()).encode());
    Standing { index, leaf, value, copies: 1, missing: 1 }
}

fn ask<T>(desk: &Desk, seed: u8, asks: impl FnOnce(&Facts<'_, Pages<'_>>) -> T) -> T {
    let book = Pages::new(&desk.state, feed_of(seed));
    asks(&facts(&desk.state, &book))
}

/// The effects of what was shown of A: lot, what it gains, what the pool's lots gain, what it has redeemed more.
fn effects(desk: &Desk) -> Vec<(u64, i128, i128, i128)> {
    let told = ask(desk, A, |facts| facts.effects());
    let each = told.into_iter().map(|effect| {
        let (lots, redeemed) = (effect.pool.lots.units(), effect.pool.redeemed.units());
        (effect.lot, effect.by.units(), lots, redeemed)
    });
    each.collect()
}

fn claim(sent: Sent) -> Value {
    Value::Claim { ticket: Box::new(Ticket::Sent(sent, bounded([]))), at: NOW }
}

fn issue(from: u64, row: u32, amount: u64) -> Value {
    let (from, amount, purse) = (Lot(from), units(amount), purse(0));
    Value::Issue { from, list: 0, row, purse, amount, expires: LAST, at: NOW }
}

fn hold(lot: u64, amount: u64, merchant: u32) -> Value {
    Value::Hold { lot: Lot(lot), amount: units(amount), merchant, until: LAST, at: NOW }
}

fn post(hold: u64) -> Value {
    Value::Post { hold, at: NOW, method: METHOD }
}

fn refund(redeem: u64, amount: u64) -> Value {
    Value::Refund { redeem, amount: units(amount), at: NOW }
}

fn by_float(lot: u64, amount: u64, merchant: u32) -> Value {
    let (lot, amount, home) = (Lot(lot), units(amount), feed_of(B));
    Value::FloatRedeem { lot, home, purse: purse(0), amount, merchant, at: NOW, method: METHOD }
}

/// A send of the treasury to a node, known to nobody yet.
fn unsent(desk: &Desk, to: u8, cycle: CycleId, amount: u64) -> Sent {
    let (from, to, owner, amount) = (Lot(0), node(to), Owner::Budget, units(amount));
    let send = Send { from, to, owner, cycle, commodity: RICE, amount, expires: LAST, at: NOW };
    let elsewhere = Head { next: 70, accumulator: Hash([70; 32]) };
    ticket(&desk.federation(), TREASURY, elsewhere, Moved::Send(send))
}

#[test]
fn a_lot_that_was_shown_has_what_filled_it_less_what_left_it_and_the_pool_has_neither() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, []);
    show(&mut desk, 0, &claim(a.ticket));
    assert_eq!(effects(&desk), [(0, 50, 0, 0)]);
    show(&mut desk, 2, &issue(0, 0, 20));
    assert_eq!(effects(&desk), [(0, 50, 0, 0), (0, -20, 0, 0), (2, 20, 0, 0)]);
    show(&mut desk, 4, &redeem(2, 5));
    assert_eq!(effects(&desk)[3..], [(2, -5, -5, 5)]);
    // Whatever blocks bear out counts there, and here no more.
    a.arrive(&mut desk, 4);
    assert_eq!(effects(&desk), [(2, -5, -5, 5)]);
}

#[test]
fn a_ticket_fills_one_lot_of_the_node_it_is_on_its_way_to() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, []);
    let to_b = unsent(&desk, B, MAY, 7);
    desk.force(
        &value(B),
        Value::Orphan(Box::new(Orphan {
            node: node(A),
            shown: bounded([]),
            sends: bounded([to_b]),
            at: NOW,
        })),
    );
    show(&mut desk, 3, &claim(to_b));
    assert_eq!(effects(&desk), [], "it is somebody else's");
    show(&mut desk, 3, &claim(a.ticket));
    show(&mut desk, 5, &claim(a.ticket));
    assert_eq!(effects(&desk), [(3, 50, 0, 0)], "once");
    a.arrive(&mut desk, 1);
    assert_eq!(effects(&desk), [], "a block has taken it up");
    let unheard = unsent(&desk, A, MAY, 1);
    show(&mut desk, 6, &claim(unheard));
    assert_eq!(effects(&desk), [], "nobody knows of it");
}

#[test]
fn what_was_voted_or_sent_says_of_what_the_units_are_and_branches_agree_on_the_least() {
    let mut desk = Desk::new();
    let of_lot = |desk: &Desk, seed, lot| ask(desk, seed, |facts| facts.of_lot(lot));
    let voted = |line| {
        let ticket = Box::new(Ticket::Budget { epoch: 0, act: 3, line });
        Value::Claim { ticket, at: NOW }
    };
    show_of(&mut desk, TREASURY, 0, &voted(0));
    show_of(&mut desk, TREASURY, 1, &voted(9));
    assert_eq!(of_lot(&desk, TREASURY, 0), Some((MAY, RICE)));
    assert_eq!(of_lot(&desk, TREASURY, 1), None, "no such line was voted");
    for cycle in [CycleId(6), MAY, CycleId(7)] {
        let sent = unsent(&desk, A, cycle, 1);
        show(&mut desk, 0, &claim(sent));
    }
    assert_eq!(of_lot(&desk, A, 0), Some((MAY, RICE)));
    let float = EntryName { feed: feed_of(A), index: 1, accumulator: Hash([1; 32]) };
    let (from, amount) = (Lot(0), units(1));
    let covered = FloatCover { from, float, cycle: MAY, commodity: RICE, amount, at: NOW };
    let elsewhere = Head { next: 71, accumulator: Hash([71; 32]) };
    let cover = ticket(&desk.federation(), TREASURY, elsewhere, Moved::Cover(covered));
    show(&mut desk, 9, &claim(cover));
    assert_eq!(of_lot(&desk, A, 9), Some((MAY, RICE)));
}

#[test]
fn of_what_a_lot_is_can_be_told_through_goods_that_came_back_and_through_their_hold() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, []);
    let of_last = |desk: &Desk| ask(desk, A, |facts| facts.of_lot(7));
    let entries = [(7, refund(6, 1)), (6, post(5)), (5, hold(2, 1, 0)), (2, issue(0, 0, 20))];
    for (index, entry) in entries {
        show(&mut desk, index, &entry);
        assert_eq!(of_last(&desk), None, "of what, its claim would tell");
    }
    show(&mut desk, 0, &claim(a.ticket));
    assert_eq!(of_last(&desk), Some((MAY, RICE)));
}

#[test]
fn a_redemption_is_out_of_a_lot_before_it_and_a_post_out_of_a_hold_between_them() {
    let mut desk = Desk::new();
    let out = |desk: &Desk, index, entry| {
        let standing = standing(index, entry);
        ask(desk, A, |facts| facts.handed_out(&standing)).map(|(lot, left)| (lot, left.units()))
    };
    assert_eq!(out(&desk, 4, redeem(3, 5)), Some((3, 5)));
    assert_eq!([redeem(4, 5), redeem(5, 5)].map(|entry| out(&desk, 4, entry)), [None; 2]);
    assert_eq!(out(&desk, 4, by_float(3, 6, 0)), Some((3, 6)));
    assert_eq!([by_float(4, 5, 0), by_float(5, 5, 0)].map(|f| out(&desk, 4, f)), [None; 2]);
    show(&mut desk, 5, &hold(2, 1, 0));
    assert_eq!(out(&desk, 6, post(5)), Some((2, 1)));
    assert_eq!([4, 5].map(|index| out(&desk, index, post(5))), [None; 2], "before its hold");
    for (index, lot) in [(8, 8), (9, 10)] {
        show(&mut desk, index, &hold(lot, 1, 0));
        assert_eq!(out(&desk, 20, post(index)), None, "of a lot that came after it");
    }
    assert_eq!(out(&desk, 20, post(3)), None, "of no hold");
    assert_eq!(out(&desk, 20, refund(4, 1)), None, "that came back");
    // Where branches say different things of one place: the least, whichever was shown first.
    for entry in [hold(2, 9, 0), hold(3, 1, 0), hold(2, 4, 0)] {
        show(&mut desk, 11, &entry);
    }
    assert_eq!(out(&desk, 12, post(11)), Some((2, 4)));
}

#[test]
fn whoever_handed_it_out_is_named_by_the_redemption_or_by_its_hold() {
    let mut desk = Desk::new();
    let by = |desk: &Desk, entry| ask(desk, A, |facts| facts.merchant(&entry));
    let Value::Redeem { lot, amount, at, method, .. } = redeem(2, 5) else {
        unreachable!("a redemption")
    };
    assert_eq!(by(&desk, Value::Redeem { lot, amount, merchant: 3, at, method }), Some(3));
    assert_eq!(by(&desk, by_float(2, 5, 4)), Some(4));
    assert_eq!(by(&desk, post(5)), None, "its hold is not known");
    for entry in [hold(2, 9, 7), hold(2, 4, 8), hold(3, 1, 6)] {
        show(&mut desk, 5, &entry);
    }
    assert_eq!(by(&desk, post(5)), Some(8), "of the hold that counts");
    assert_eq!(by(&desk, refund(4, 1)), None);
}

#[test]
fn what_was_given_at_a_place_is_the_least_that_counts_there_and_never_from_a_float() {
    let mut desk = Desk::new();
    let given = |desk: &Desk, index| {
        let given = ask(desk, A, |facts| facts.given_at(index));
        given.map(|(lot, amount, _)| (lot, amount.units()))
    };
    let a = Burnt::new(&mut desk, [redeem(0, 3), redeem(2, 6)]);
    show(&mut desk, 0, &claim(a.ticket));
    show(&mut desk, 2, &issue(0, 0, 20));
    show(&mut desk, 9, &by_float(0, 5, 0));
    assert_eq!(given(&desk, 9), None, "no float's redemption is ever refunded");
    show(&mut desk, 4, &redeem(0, 3));
    assert_eq!(given(&desk, 4), Some((0, 3)));
    show(&mut desk, 5, &redeem(2, 6));
    show(&mut desk, 5, &redeem(2, 4));
    assert_eq!(given(&desk, 5), Some((2, 4)), "where branches disagree, the least");
    // Its block shows that it went out of a budget, which is nobody's purse: nothing can come back of it.
    a.arrive(&mut desk, 6);
    assert_eq!(given(&desk, 4), None);
    assert_eq!(given(&desk, 5), Some((2, 4)), "the other branch's is still not here");
}

#[test]
fn of_one_redemption_the_larger_refund_comes_back_once_and_only_after_it() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund(4, 3)]);
    a.arrive(&mut desk, 4);
    for (index, entry) in [(6, refund(7, 5)), (7, redeem(2, 5)), (7, refund(7, 4))] {
        show(&mut desk, index, &entry);
    }
    assert_eq!(effects(&desk), [(2, -5, -5, 5)], "before it and beside it, of nothing");
    for (index, amount) in [(8, 2), (9, 4), (10, 1)] {
        show(&mut desk, index, &refund(7, amount));
    }
    assert_eq!(effects(&desk), [(2, -5, -5, 5), (9, 4, 4, -4)]);
    show(&mut desk, 11, &refund(7, 9));
    assert_eq!(effects(&desk)[1..], [(11, 5, 5, -5)], "no more than was given");
    // What a refund in a block gave back, none that is shown gives back again.
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund(4, 3)]);
    a.arrive(&mut desk, 6);
    for (amount, more) in [(2, None), (3, None), (4, Some(1)), (9, Some(2))] {
        show(&mut desk, 9, &refund(4, amount));
        let want: Vec<_> = more.into_iter().map(|more| (9, more, more, -more)).collect();
        assert_eq!(effects(&desk), want, "{amount}");
    }
}

#[test]
fn a_view_tells_what_its_blocks_gave_and_took_back_on_every_branch() {
    let mut desk = Desk::new();
    let held = Value::Hold { lot: Lot(2), amount: units(5), merchant: 0, until: LAST, at: NOW };
    let a = Burnt::new(&mut desk, [held, post(4), refund(5, 1)]);
    a.arrive(&mut desk, 7);
    a.twin(&mut desk, 6, [refund(5, 3)]);
    let book = Pages::new(&desk.state, feed_of(A));
    let given = Book::given(&book, 5);
    assert_eq!(given, [(2, units(5), (MAY, RICE))]);
    assert_eq!(Book::given(&book, 4), [], "a hold gives nothing");
    assert_eq!(book.refunded(5), units(3), "two branches: the larger");
    assert_eq!(book.refunded(4), Amount::ZERO);
    let places = |index| book.places(index).count();
    assert_eq!([5, 6, 7].map(places), [1, 2, 0], "shared, of each its own, not yet reached");
    // And a refund that is shown beside them takes back only what is over.
    show(&mut desk, 6, &refund(5, 4));
    assert_eq!(effects(&desk), [(6, 1, 1, -1)]);
}

#[test]
fn what_a_chain_that_reaches_as_far_does_not_have_is_a_fork_where_it_is_lowest() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 1), redeem(2, 2)]);
    a.arrive(&mut desk, 6);
    a.twin(&mut desk, 3, []);
    let forked = |desk: &Desk| contradicted(&desk.state, &feed_of(A));
    for (index, entry) in [(4, redeem(2, 1)), (6, redeem(2, 9)), (7, redeem(2, 9))] {
        show(&mut desk, index, &entry);
        assert_eq!(forked(&desk), None, "{index} is here, or no chain is as long");
    }
    for (index, lowest) in [(5, 5), (3, 3), (4, 3)] {
        show(&mut desk, index, &redeem(2, 9));
        assert_eq!(forked(&desk), Some(lowest));
    }
}

#[test]
fn a_receipt_that_its_feed_did_not_sign_shows_nothing() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 4);
    let Shown::Sealed { entry, path, heading, signature } = a.receipt(0, 4) else {
        unreachable!("a receipt")
    };
    let signed = |signature| {
        let (entry, path) = (entry.clone(), path.clone());
        let shown = Shown::Sealed { entry, path, heading, signature };
        shown.verifies(&a.federation, &key(A).public(), FOOD)
    };
    assert!(signed(signature));
    assert!(!signed(Signature::Ed25519([[1; 32]; 2])), "a block that could be");
}
