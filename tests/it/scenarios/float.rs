//! What is given without asking home: photographed cards, and an allowance that is used up.

use annona_ledger::entry::{FloatCover, Lot, Owner, Value};
use annona_ledger::id::CommodityId;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::Promise;
use annona_tests::cast::CYCLE;
use annona_tests::check::charges;

use super::camp::{Camp, NOW, amount};

fn covering(lot: u64, float: &Promise, units: u64) -> Value {
    Value::FloatCover(FloatCover {
        from: Lot(lot),
        float: float.name(),
        cycle: CYCLE,
        commodity: CommodityId(1),
        amount: amount(units),
        at: NOW,
    })
}

#[test]
fn s22_a_photographed_card_at_five_sites_costs_no_more_than_the_caps_and_never_the_budget() {
    let mut camp = Camp::new();
    let lot = camp.issue(0, 30);
    let cap = camp.cast.cap(CommodityId(1)).expect("there is one").per_purse.units();
    let mut given = Vec::new();
    for site in 1..=5 {
        let float = camp.float_at(site, 60);
        camp.shop(site);
        let first = cap.min(15);
        given.push(camp.write(site, camp.float_redeeming(float, 0, first)));
        let rest = cap - first;
        if rest > 0 {
            let more = camp.float_redeeming(float, 0, rest);
            let second = camp.ask(site, &[more]);
            assert!(second.is_ok() || second == Err(Rejection::FloatCap), "{second:?}");
        }
        let over = camp.float_redeeming(float, 0, 1);
        let refused = camp.ask(site, &[over]);
        assert!(refused == Err(Rejection::FloatCap), "{refused:?}");
    }
    for site in 1..=5 {
        camp.hand(site, 0);
    }
    let loss = camp.redeemed(0);
    assert!(loss <= 5 * i128::from(cap), "{loss} of five times {cap}");
    // Home covers one of them, once; the others stay what the sites' allowances paid.
    camp.write(0, covering(lot, &given[0], cap.min(15)));
    let again = covering(lot, &given[0], cap.min(15));
    assert_eq!(camp.refused(0, again), Rejection::AlreadyResolved);
    camp.conserved(0);
    assert!(charges(&*camp.sites[0]).is_empty());
}

#[test]
fn s23_an_empty_float_declines_offline_with_a_reason() {
    let mut camp = Camp::new();
    camp.issue(0, 30);
    let float = camp.float_at(1, 5);
    camp.shop(1);
    camp.write(1, camp.float_redeeming(float, 0, 5));
    let more = camp.float_redeeming(float, 1, 1);
    assert_eq!(camp.refused(1, more), Rejection::ExceedsLot);
    // Nor does another lot stand in for it: units that are somebody's are not an allowance.
    let purse = camp.family_at(1, 2, 10);
    let more = camp.float_redeeming(purse, 1, 1);
    assert_eq!(camp.refused(1, more), Rejection::WrongOwner);
    let back = camp.sending(float, 0, Owner::Budget, 1);
    assert_eq!(camp.refused(1, Value::Send(back)), Rejection::ExceedsLot);
}
