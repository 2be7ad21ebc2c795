//! Lots counted one by one, once a fault is proven: off which of several a unit is taken that names only a place.

use std::collections::BTreeSet;

use super::*;
use crate::orphan::Fact;

/// A second chain of A that leaves its first at an index and says something else there.
fn twin(camp: &mut Camp, index: u64, says: impl IntoIterator<Item = Value>) -> ChainNo {
    let state = &mut camp.desk.state;
    let chain = state.trunk(&value(A));
    let accumulator = state.accumulator(chain, index).expect("it is here");
    let branch = state.branch(At { chain, index }, Head { next: index, accumulator });
    for entry in says.into_iter().map(Entry::Value) {
        let after = state.head(branch).after(&entry.encode());
        state.fold(branch, after.accumulator, &entry);
    }
    branch
}

/// Units leave a lot of A by an entry whose block nobody has: by a ticket, or by a redemption that was shown.
fn leaves(camp: &mut Camp, lot: Lot, units: u64, shown: bool) {
    if shown {
        let value = redeem_of(lot, units);
        let leaf = crate::feed::leaf(&Entry::Value(value.clone()).encode());
        let fact = Fact { feed: feed_of(A), index: 40, leaf, name: None, value };
        camp.desk.state.apply(crate::view::Change::Shown(Box::new(fact)));
    } else {
        let elsewhere = Head { next: 50, accumulator: Hash([50; 32]) };
        let send = camp.sending(lot, node(B), family(), units);
        let sent = ticket(&camp.charter.federation(), A, elsewhere, Moved::Send(send));
        camp.force(&value(B), claim_of(sent).into());
    }
}

fn owed(camp: &Camp) -> u128 {
    camp.charges().iter().map(|charge| charge.units).sum()
}

#[test]
fn where_two_branches_have_a_lot_at_that_place_it_leaves_the_one_of_the_least_name() {
    for shown in [false, true] {
        let mut seen = BTreeSet::new();
        for n in 1..9 {
            let mut camp = Camp::with_a(20);
            // Ten for one family on the first chain, one for another on the second.
            let (from, amount, purse) = (Lot(0), units_of(1), purse(n));
            let issue =
                Value::Issue { from, list: 0, row: 1, purse, amount, expires: LAST, at: NOW };
            let branch = twin(&mut camp, 2, [issue]);
            let chain = camp.desk.state.trunk(&value(A));
            let name = |chain| {
                let mut lots = camp.desk.state.lots();
                let (_, lot) = lots.find(|(at, _)| **at == At { chain, index: 2 }).expect("a lot");
                (lot.origin, lot.balance.units())
            };
            let (_, has) = name(chain).min(name(branch));
            leaves(&mut camp, FAMILY, 4, shown);
            assert_eq!(owed(&camp), u128::try_from((4 - has).max(0)).expect("not below zero"));
            seen.insert(has);
        }
        assert_eq!(seen, BTreeSet::from([1, 10]), "either may be the least");
    }
}

#[test]
fn where_two_lots_have_one_name_it_leaves_the_one_with_less() {
    for (shown, first) in [(false, 5), (true, 5), (false, 1), (true, 1)] {
        let mut camp = Camp::with_a(20);
        let back = |amount| Value::Refund { redeem: 3, amount: units_of(amount), at: NOW };
        camp.redeem(A, FAMILY, first);
        camp.write(A, back(first));
        twin(&mut camp, 3, [redeem_of(FAMILY, 6 - first), back(6 - first)]);
        leaves(&mut camp, Lot(4), 3, shown);
        assert_eq!(owed(&camp), 2, "one came back there, and three went");
    }
}
