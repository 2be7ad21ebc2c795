//! One row per rejection, in order of precedence; then the properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::ListRejection::*;
use super::*;
use crate::fixtures::{
    FOOD, MAY, MAY_CYCLE, OIL, RICE, amount, camp, every_byte_matters, key, list, node, operator,
    rejections_of, said,
};
use crate::merkle;
use crate::notice::Notice;

const ALL: [ListRejection; 20] = [
    NoRows,
    TooManyRows,
    RowOutOfPlace,
    TotalsNotRising,
    AmountZero,
    TotalOverflow,
    TotalsBelowRows,
    UnknownProgramme,
    UnknownCommodity,
    UnknownCycle,
    UnknownNode,
    SameOperator,
    ApprovalsNotRising,
    OperatorIsNode,
    UnknownOperator,
    OtherOrganisation,
    NotApprover,
    OtherProgramme,
    NotInForce,
    BadSignature,
];

/// Node 10 of organisation 1 freezes lists; operators 20 and 21 approve them.
fn treasury() -> [u8; 8] {
    key(10).public().short()
}

fn row(row: u32, commodity: CommodityId, units: u64) -> Row {
    Row { row, purse: Purse([7; 16]), commodity, amount: amount(units) }
}

fn draft() -> Draft {
    let mut builder = Builder::new();
    for next in [row(0, RICE, 5), row(1, OIL, 2), row(2, RICE, 1)] {
        builder.push(&next).expect("a good row");
    }
    builder.finish(treasury(), FOOD, MAY, Minute(50)).expect("three rows")
}

fn approved(draft: Draft, one: u8, other: u8) -> List {
    let federation = camp().federation();
    let [one, other] = [one, other].map(|n| draft.approve(&federation, &key(n)));
    draft.approved(one, other)
}

fn roster(charter: &Charter) -> Roster {
    let mut roster = Roster::new();
    let mut cashier = operator(1, 22);
    cashier.roles = OperatorRoles::CASHIER;
    let mut elsewhere = operator(1, 23);
    elsewhere.programmes = list([]);
    let mut ended = operator(1, 24);
    ended.not_after = Minute(49);
    let mut later = operator(1, 25);
    later.issued = Minute(51);
    // Was an approver, is a cashier: what he approved before stays approved.
    let mut former = operator(1, 21);
    (former.issued, former.roles) = (Minute(40), OperatorRoles::CASHIER);
    for certificate in [
        operator(1, 20),
        operator(1, 21),
        cashier,
        elsewhere,
        ended,
        later,
        former,
        operator(2, 26),
    ] {
        let by = u8::try_from(certificate.org.0).expect("one of three");
        let notice = said(charter, by, Notice::Operator(certificate));
        roster.learn(charter, &notice).expect("a good certificate");
    }
    for n in [1, 2] {
        let notice = said(charter, n, Notice::Node(node(charter, n, 8 + 2 * n)));
        roster.learn(charter, &notice).expect("a good certificate");
    }
    // The treasury's key, certified as an operator's too: a mistake the list must not profit from.
    let notice = said(charter, 1, Notice::Operator(operator(1, 10)));
    roster.learn(charter, &notice).expect("a good certificate");
    let cycle = said(charter, 1, Notice::Cycle(MAY_CYCLE));
    roster.learn(charter, &cycle).expect("a good cycle");
    roster
}

#[test]
fn lists_are_refused_in_order_of_precedence() {
    let charter = camp();
    let roster = roster(&charter);
    let mut seen = BTreeSet::new();
    let mut check = |want: Result<(), ListRejection>, list: &List, node: [u8; 8]| {
        assert_eq!(check(list, &node, &charter, &roster), want);
        seen.extend(want.err());
    };
    let with = |change: fn(&mut Draft)| {
        let mut draft = draft();
        change(&mut draft);
        approved(draft, 20, 21)
    };
    let total = |commodity, units| Total { commodity, amount: amount(units) };
    let with_totals = |totals: &[Total]| {
        let totals = list(totals.iter().copied());
        approved(Draft { totals, ..draft() }, 20, 21)
    };
    let at = treasury();
    check(Ok(()), &with(|_| {}), at);
    check(Err(NoRows), &with(|d| (d.rows, d.totals) = (0, list([]))), at);
    check(Err(TooManyRows), &with(|d| (d.rows, d.totals) = (u32::MAX, list([]))), at);
    check(Err(TotalsNotRising), &with_totals(&[]), at);
    check(Err(TotalsNotRising), &with_totals(&[total(OIL, 0), total(RICE, 6)]), at);
    check(Err(TotalsNotRising), &with_totals(&[total(RICE, 0), total(RICE, 6)]), at);
    check(Err(AmountZero), &with_totals(&[total(RICE, 0), total(OIL, 2)]), at);
    check(Err(TotalsBelowRows), &with_totals(&[total(RICE, 1), total(CommodityId(9), 1)]), at);
    check(Err(UnknownProgramme), &with(|d| d.programme = ProgrammeId(9)), at);
    check(Err(UnknownCommodity), &with_totals(&[total(CommodityId(9), 6)]), at);
    check(Err(UnknownCycle), &with(|d| d.cycle = CycleId(6)), [0; 8]);
    check(Err(UnknownNode), &approved(draft(), 20, 20), [0; 8]);
    check(Err(SameOperator), &approved(draft(), 10, 10), at);
    let mut swapped = with(|_| {});
    swapped.approvals.reverse();
    check(Err(ApprovalsNotRising), &swapped, at);
    check(Err(OperatorIsNode), &approved(draft(), 10, 99), at);
    check(Err(UnknownOperator), &approved(draft(), 20, 99), at);
    check(Err(UnknownOperator), &approved(draft(), 26, 99), at);
    check(Err(OtherOrganisation), &approved(draft(), 20, 26), at);
    check(Err(OtherOrganisation), &approved(draft(), 22, 26), at);
    check(Err(NotApprover), &approved(draft(), 20, 22), at);
    check(Err(OtherProgramme), &approved(draft(), 20, 23), at);
    check(Err(NotInForce), &approved(draft(), 20, 24), at);
    check(Err(NotInForce), &approved(draft(), 20, 25), at);
    let mut changed = with(|_| {});
    changed.at = Minute(51);
    check(Err(BadSignature), &changed, at);
    // The same list on another node's feed is nothing, though its operators would do.
    let elsewhere = key(12).public().short();
    check(Err(BadSignature), &with(|_| {}), elsewhere);
    let at_two = Draft { node: elsewhere, ..draft() };
    check(Ok(()), &approved(at_two, 20, 26), elsewhere);

    let mut push = |want, builder: &Builder, row: Row| {
        assert_eq!(builder.clone().push(&row), Err(want));
        seen.insert(want);
    };
    let mut builder = Builder::new();
    assert_eq!(builder.clone().finish(at, FOOD, MAY, Minute(1)), Err(NoRows));
    push(RowOutOfPlace, &builder, row(1, RICE, 0));
    push(AmountZero, &builder, row(0, RICE, 0));
    for n in 0..8 {
        builder.push(&row(n, CommodityId(n as u8), limits::AMOUNT)).expect("a good row");
    }
    push(TotalsNotRising, &builder, row(8, CommodityId(8), 0));
    push(TotalOverflow, &builder, row(8, RICE, 1));
    let full = Builder { rows: limits::LIST_ROWS, ..Builder::new() };
    push(TooManyRows, &full, row(0, RICE, 0));
    assert_eq!(seen, ALL.into_iter().collect(), "one row each");
}

#[test]
fn the_page_and_the_code_have_the_same_rejections() {
    let page = rejections_of(include_str!("../../../spec/lists.md"));
    assert_eq!(page, ALL.map(|r| (r.number(), format!("{r:?}"))));
}

#[test]
fn a_list_fits_an_entry_and_sums_its_rows() {
    let list = approved(draft(), 21, 20);
    assert_eq!(list, approved(draft(), 20, 21), "in whichever order they approve");
    assert_eq!((list.total(RICE), list.total(OIL)), (amount(6), amount(2)));
    assert_eq!(list.total(CommodityId(9)), Amount::ZERO);
    let totals = (0..8).map(|n| Total { commodity: CommodityId(n), amount: Amount::MAX });
    let widest = Draft { totals: self::list(totals), rows: limits::LIST_ROWS, ..draft() };
    let widest = Draft { at: Minute::NEVER, programme: ProgrammeId(u16::MAX), ..widest };
    let entry = crate::entry::Control::List(Box::new(approved(widest, 20, 21)));
    assert!(wire::encode(&entry).len() <= limits::ENTRY_BYTES);
}

#[test]
fn a_row_stands_at_its_number_even_where_two_operators_approved_a_crooked_tree() {
    let leaves = [row(1, RICE, 5), row(1, RICE, 6)].map(|r| r.leaf());
    let crooked = Draft { root: merkle::root(&leaves), rows: 2, ..draft() };
    let list = approved(crooked, 20, 21);
    let path = |index| merkle::path(&leaves, index).expect("a leaf there is");
    assert!(!list.holds(&row(1, RICE, 5), &path(0)), "number one at place zero");
    assert!(list.holds(&row(1, RICE, 6), &path(1)));
}

#[test]
fn the_same_rows_approved_twice_are_shown() {
    let federation = camp().federation();
    let first = approved(draft(), 20, 21);
    let again = approved(Draft { at: Minute(60), ..draft() }, 21, 26);
    let here = treasury();
    let forks = ListFork::between((&here, &first), (&here, &again));
    let [(operator, fork)] = forks.as_slice() else { panic!("one operator approved both") };
    assert_eq!(*operator, key(21).public());
    assert_eq!(fork.verify(&federation), Some(key(21).public()));
    assert_eq!(fork.verify(&FederationId(Hash::ZERO)), None);
    assert_eq!(ListFork { other: fork.one.clone(), ..fork.clone() }.verify(&federation), None);
    let mut forged = fork.clone();
    forged.other.0.at = Minute(61);
    assert_eq!(forged.verify(&federation), None);
    let elsewhere = approved(Draft { node: [1; 8], ..draft() }, 20, 21);
    assert_eq!(ListFork::between((&here, &first), (&[1; 8], &elsewhere)).len(), 2);
    let june = approved(Draft { cycle: CycleId(6), ..draft() }, 20, 21);
    assert_eq!(ListFork::between((&here, &first), (&here, &june)), []);
    assert_eq!(ListFork::between((&here, &first), (&here, &first)), []);
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let cell = (any::<[u8; 16]>(), 1u8..5, 1u64..1_000_000);
    prop::collection::vec(cell, 1..60).prop_map(|cells| {
        let row = |(row, (purse, commodity, units))| Row {
            row,
            purse: Purse(purse),
            commodity: CommodityId(commodity),
            amount: amount(units),
        };
        (0..).zip(cells).map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_row_of_a_list_proves_itself_and_nothing_else(rows in rows(), other in any::<u32>()) {
        let mut builder = Builder::new();
        for row in &rows {
            prop_assert_eq!(builder.push(row), Ok(()));
        }
        let draft = builder.finish(treasury(), FOOD, MAY, Minute(50)).expect("rows");
        let leaves: Vec<_> = rows.iter().map(Row::leaf).collect();
        prop_assert_eq!(draft.root, merkle::root(&leaves), "streamed or at once");
        let list = approved(draft, 20, 21);
        let sum = |total: &Total| {
            rows.iter().filter(|r| r.commodity == total.commodity).map(|r| r.amount.units()).sum()
        };
        for total in list.totals.iter() {
            prop_assert_eq!(total.amount, amount(sum(total)));
        }
        for row in &rows {
            let path = merkle::path(&leaves, row.row).expect("a row there is");
            prop_assert!(list.holds(row, &path));
            let more = Row { amount: amount(row.amount.units() + 1), ..*row };
            prop_assert!(!list.holds(&more, &path));
            let moved = Row { row: other, ..*row };
            prop_assert!(other == row.row || !list.holds(&moved, &path));
        }
    }

    #[test]
    fn a_list_and_its_parts_have_one_spelling(rows in rows(), at in any::<u32>()) {
        let mut builder = Builder::new();
        for row in &rows {
            prop_assert_eq!(builder.push(row), Ok(()));
        }
        let draft = builder.finish(treasury(), FOOD, MAY, Minute(at)).expect("rows");
        let list = approved(draft.clone(), 20, 21);
        let row = rows[0];
        let leaves: Vec<_> = rows.iter().map(Row::leaf).collect();
        let path = merkle::path(&leaves, 0).expect("a row there is");
        let draft_of = |bytes: &[u8]| wire::decode::<Draft>(bytes, 512);
        every_byte_matters(&draft, &wire::encode(&draft), draft_of, wire::encode)?;
        let approval = list.approvals[0];
        let fork = ListFork { one: (draft.clone(), approval), other: (draft, approval) };
        every_byte_matters(&fork, &fork.encode(), ListFork::decode, ListFork::encode)?;
        let list_of = |bytes: &[u8]| wire::decode::<List>(bytes, 512);
        every_byte_matters(&list, &wire::encode(&list), list_of, wire::encode)?;
        let row_of = |bytes: &[u8]| wire::decode::<Row>(bytes, 64);
        every_byte_matters(&row, &wire::encode(&row), row_of, wire::encode)?;
        let path_of = |bytes: &[u8]| wire::decode::<Path>(bytes, 2_048);
        every_byte_matters(&path, &wire::encode(&path), path_of, wire::encode)?;
    }
}
