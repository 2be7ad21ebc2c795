//! Split purses, tickets shown twice, at the wrong counter, on two phones; goods in baskets.

use annona_ledger::entry::{Lot, Method, Owner, Value};
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;
use annona_tests::check::charges;

use super::camp::{Camp, NOW, amount};

#[test]
fn s01_two_sites_spend_one_split_purse_in_partition() {
    let mut camp = Camp::new();
    let lot = camp.issue(0, 40);
    let owner = Owner::Purse(camp.purse(0));
    let tickets = [1usize, 2].map(|site| (site, camp.send(0, lot, site, owner, 20)));
    for (site, ticket) in &tickets {
        let lot = camp.claim(*site, ticket);
        camp.shop(*site);
        camp.write(*site, Camp::redeeming(lot, 20));
        assert_eq!(camp.refused(*site, Camp::redeeming(lot, 1)), Rejection::ExceedsLot);
    }
    assert_eq!(camp.refused(0, Value::Send(camp.sending(lot, 3, owner, 1))), Rejection::ExceedsLot);
    // They meet again: what was split is what was eaten, and nobody owes.
    for (from, to) in [(1, 0), (2, 0), (0, 1), (2, 1)] {
        camp.hand(from, to);
    }
    assert_eq!(camp.redeemed(0), 40);
    camp.conserved(0);
    assert!(charges(&*camp.sites[0]).is_empty());
    assert_eq!(camp.redeemed(1), 40);
}

#[test]
fn s02_one_grant_claimed_twice_or_replayed_from_two_bundles_is_one_lot() {
    let mut camp = Camp::new();
    let lot = camp.issue(0, 10);
    let ticket = camp.send(0, lot, 1, Owner::Purse(camp.purse(0)), 10);
    camp.claim(1, &ticket);
    let again = Camp::claiming(Box::new(ticket));
    assert_eq!(camp.refused(1, again), Rejection::AlreadyClaimed);
    // The claim's block reaches the treasury by two couriers, one of them by way of another site.
    camp.hand(1, 0);
    let root = camp.sites[0].root();
    camp.hand(1, 2);
    camp.hand(2, 0);
    camp.hand(1, 0);
    assert_eq!(camp.sites[0].root(), root, "what is known changes nothing");
    camp.conserved(0);
}

#[test]
fn s03_a_grant_shown_at_the_wrong_site_is_refused_and_stays_good_at_the_right_one() {
    let mut camp = Camp::new();
    let lot = camp.issue(0, 10);
    let ticket = camp.send(0, lot, 1, Owner::Purse(camp.purse(0)), 10);
    let shown = Camp::claiming(Box::new(ticket.clone()));
    assert_eq!(camp.refused(2, shown), Rejection::NotAddressed);
    // Somebody writes the other site's name on it, or more units.
    let Ticket::Sent(sent, hops) = &ticket else { panic!("a send's ticket") };
    for more in [false, true] {
        let mut forged = *sent;
        let annona_ledger::ticket::Moved::Send(send) = &mut forged.moved else { panic!("a send") };
        if more {
            send.amount = amount(11);
        } else {
            send.to = camp.cast.nodes[2].short();
        }
        let shown = Camp::claiming(Box::new(Ticket::Sent(forged, hops.clone())));
        let site = if more { 1 } else { 2 };
        assert_eq!(camp.refused(site, shown), Rejection::TicketForged);
    }
    camp.claim(1, &ticket);
}

#[test]
fn s04_one_ticket_on_two_phones_both_at_one_site_is_one_claim() {
    let mut camp = Camp::new();
    let lot = camp.issue(0, 10);
    let ticket = camp.send(0, lot, 1, Owner::Purse(camp.purse(0)), 10);
    let (one, other) = (ticket.clone(), ticket);
    let lot = camp.claim(1, &one);
    assert_eq!(camp.refused(1, Camp::claiming(Box::new(other))), Rejection::AlreadyClaimed);
    camp.shop(1);
    camp.write(1, Camp::redeeming(lot, 10));
    assert_eq!(camp.refused(1, Camp::redeeming(lot, 1)), Rejection::ExceedsLot);
}

#[test]
fn s25_a_basket_that_is_half_affordable_is_nothing_at_all() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let (root, heads) = (camp.sites[1].root(), camp.sites[1].heads());
    let basket = [Value::Basket { entries: 2 }, Camp::redeeming(lot, 6), Camp::redeeming(lot, 6)];
    assert_eq!(camp.ask(1, &basket), Err(Rejection::ExceedsLot));
    assert_eq!((camp.sites[1].root(), camp.sites[1].heads()), (root, heads), "nothing was written");
    let basket = [Value::Basket { entries: 2 }, Camp::redeeming(lot, 6), Camp::redeeming(lot, 4)];
    assert_eq!(camp.ask(1, &basket).map(|promises| promises.len()), Ok(3));
}

#[test]
fn s46_two_nodes_of_one_site_on_a_split_lan_each_spend_only_their_own_lots() {
    let mut camp = Camp::new();
    // One family, the same shop, two tills; each till holds its part under its own key.
    let lots = [1usize, 2].map(|till| (till, camp.family_at(till, 0, 10)));
    for (till, lot) in lots {
        camp.shop(till);
        camp.write(till, Camp::redeeming(lot, 10));
        assert_eq!(camp.refused(till, Camp::redeeming(lot, 1)), Rejection::ExceedsLot);
    }
    // The LAN is back: what the other till holds, or held, is still not to be spent here.
    camp.hand(1, 2);
    let (_, lot) = lots[1];
    assert_eq!(camp.refused(2, Camp::redeeming(lot, 1)), Rejection::ExceedsLot);
    camp.hand(2, 0);
    camp.hand(1, 0);
    assert_eq!(camp.redeemed(0), 20);
    camp.conserved(0);
    assert!(charges(&*camp.sites[0]).is_empty());
}

#[test]
fn s24_goods_come_back_once_and_never_more_than_was_given() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let redeem = camp.write(1, Camp::redeeming(lot, 6)).index;
    let back = |units| Value::Refund { redeem, amount: amount(units), at: NOW };
    assert_eq!(camp.refused(1, back(7)), Rejection::ExceedsRedemption);
    camp.write(1, back(4));
    assert_eq!(camp.refused(1, back(2)), Rejection::AlreadyResolved);
    camp.hand(1, 0);
    assert_eq!(camp.redeemed(0), 2);
    camp.conserved(0);
}

#[test]
fn s26_a_hold_is_posted_in_time_or_let_go_and_every_reader_sees_the_same_one() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let until = Minute(NOW.0 + 5);
    let hold = Value::Hold { lot: Lot(lot), amount: amount(6), merchant: 0, until, at: NOW };
    let (one, other) = (camp.write(1, hold.clone()).index, camp.ask(1, &[hold]));
    assert_eq!(other, Err(Rejection::ExceedsLot), "what is held is not there twice");
    assert_eq!(camp.refused(1, Camp::redeeming(lot, 5)), Rejection::ExceedsLot);
    let post = |at| Value::Post { hold: one, at, method: Method::Pin };
    assert_eq!(camp.refused(1, post(Minute(until.0 + 1))), Rejection::HoldTimedOut);
    camp.write(1, Value::Drop { hold: one, at: NOW });
    assert_eq!(camp.refused(1, post(NOW)), Rejection::AlreadyResolved);
    camp.write(1, Camp::redeeming(lot, 10));
    for reader in [0, 2, 3] {
        camp.hand(0, reader);
        camp.hand(1, reader);
        assert_eq!(camp.redeemed(reader), 10);
        camp.conserved(reader);
    }
    assert_eq!(camp.sites[2].root(), camp.sites[3].root());
}
