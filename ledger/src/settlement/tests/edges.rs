//! Where a rule of settlements begins and where it ends: one step to either side.

use super::cover::{by_itself, say, single, stretch};
use super::*;
use crate::charter::{Act, SignedArticle};
use crate::cut::{Cut, Reason};
use crate::entry::{Later, Lot};
use crate::id::{Lane, OrgId, SiteId};
use crate::notice::{Notice, OperatorCertificate};
use crate::orphan::tests::METHOD;
use crate::view::Change;

fn refund(redeem: u64, amount: u64) -> Value {
    Value::Refund { redeem, amount: units(amount), at: NOW }
}

fn hold(lot: u64, amount: u64) -> Value {
    Value::Hold { lot: Lot(lot), amount: units(amount), merchant: 0, until: LAST, at: NOW }
}

fn post(hold: u64) -> Value {
    Value::Post { hold, at: NOW, method: METHOD }
}

fn issue(row: u32) -> Value {
    let (from, amount, purse) = (Lot(0), units(3), purse(0));
    Value::Issue { from, list: 0, row, purse, amount, expires: LAST, at: NOW }
}

/// A desk to which all that A wrote has come.
fn known(more: impl IntoIterator<Item = Value>) -> (Desk, Burnt) {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, more);
    a.arrive(&mut desk, a.entries.len());
    (desk, a)
}

/// From, up to, and what it leaves out.
type Part = (u64, u64, Vec<u64>);

/// The stretches of the next settlement, and its rows by themselves.
fn next(desk: &Desk, reach: &Reach) -> (Vec<Part>, Vec<Single>) {
    let (mut stretches, mut singles) = (Vec::new(), Vec::new());
    for line in lines(&desk.state, &feed_of(A), reach) {
        match line {
            Settling::Stretch { from, to, except, .. } => {
                stretches.push((from, to, except.to_vec()));
            }
            Settling::Rows { rows, .. } => singles.extend(rows.iter().copied()),
            Settling::Draft { .. } | Settling::Step { .. } => unreachable!("no line"),
        }
    }
    (stretches, singles)
}

#[test]
fn a_row_is_its_entry_in_every_part() {
    let (mut desk, _) = known([redeem(2, 5), redeem(3, 4)]);
    let good = single(4, &redeem(2, 5), 0);
    let wrong = Err(Rejection::SettlementWrong);
    let changed = [
        (Single { kind: Kind::Refunded, ..good }, wrong),
        (Single { amount: units(6), ..good }, wrong),
        (Single { copy: 1, ..good }, wrong),
        (Single { merchant: merchant(8), ..good }, wrong),
        (Single { cycle: CycleId(6), ..good }, wrong),
        (Single { commodity: CommodityId(2), ..good }, wrong),
        (Single { index: 5, ..good }, Err(Rejection::NotHere)),
        (Single { leaf: Hash([9; 32]), ..good }, Err(Rejection::NotHere)),
    ];
    for (row, want) in changed {
        assert_eq!(say(&mut desk, &[by_itself([row])]), want, "{row:?}");
    }
    assert!(say(&mut desk, &[by_itself([good])]).is_ok());
    // Less than it says, where refunds of two branches were taken off.
    let less = Single { amount: units(1), ..single(5, &redeem(3, 4), 0) };
    assert!(say(&mut desk, &[by_itself([less])]).is_ok());
}

/// By two rows of one person, by a refund of its own feed, by both: in all no more than went out.
#[test]
fn what_comes_back_of_a_redemption_never_comes_to_more_than_was_given() {
    let exceeds = Err(Rejection::ExceedsRedemption);
    let back = |amount, copy| {
        let row = single(4, &redeem(2, 5), copy);
        by_itself([Single { kind: Kind::Returned, amount: units(amount), ..row }])
    };
    let (mut desk, _) = known([redeem(2, 5)]);
    assert_eq!(say(&mut desk, &[back(5, 0)]), Err(Rejection::NotHere), "it is in no settlement");
    let line = stretch(&mut desk, 4, 5, &[]);
    assert!(say(&mut desk, &[line]).is_ok());
    assert_eq!(say(&mut desk, &[back(6, 0)]), exceeds);
    assert!(say(&mut desk, &[back(5, 0)]).is_ok(), "all of it");
    // Three came back by a refund, of one entry or of one of two that say the same.
    for (twin, gives) in [(false, 2), (true, 5)] {
        let (mut desk, a) = known([redeem(2, 5), refund(4, 3)]);
        if twin {
            let other = Entry::Value(Value::Merchant { merchant: merchant(8) });
            let before = a.entries[3].1.after(&other.encode());
            let shown = a.promise_after(before, 4);
            desk.force(&value(B), orphan([shown, a.promise(4)]).entry);
        }
        let line = stretch(&mut desk, 4, 5, &[]);
        assert!(say(&mut desk, &[line]).is_ok());
        assert_eq!(say(&mut desk, &[back(gives + 1, 0)]), exceeds, "of the first, twin: {twin}");
        assert!(say(&mut desk, &[back(gives, 0)]).is_ok(), "twin: {twin}");
        if twin {
            assert_eq!(say(&mut desk, &[back(3, 1)]), exceeds, "ten less three less five");
            assert!(say(&mut desk, &[back(2, 1)]).is_ok());
        }
    }
}

#[test]
fn each_branch_says_who_handed_it_out() {
    let (mut desk, a) = known([redeem(2, 5)]);
    let again: Vec<Value> = a.entries[2..]
        .iter()
        .map(|(entry, ..)| match entry {
            Entry::Value(value) => value.clone(),
            _ => unreachable!("a value entry"),
        })
        .collect();
    let named = Value::Merchant { merchant: merchant(8) };
    a.twin(&mut desk, 1, std::iter::once(named).chain(again));
    let other = Single { merchant: merchant(9), ..single(4, &redeem(2, 5), 0) };
    let wrong = Err(Rejection::SettlementWrong);
    assert_eq!(say(&mut desk, &[by_itself([other])]), wrong, "who is on neither");
    let (_, rows) = draft(&mut desk, TREASURY, &reach(1, true)).expect("two rows");
    let paid: Vec<_> = rows.iter().map(|row| (row.what.copy, row.what.merchant)).collect();
    assert_eq!(paid, [(0, merchant(7)), (1, merchant(8))]);
}

#[test]
fn a_stretch_may_end_where_a_cut_is_and_no_entry_further() {
    let (mut desk, a) = known([redeem(2, 5), redeem(3, 4), redeem(2, 1)]);
    let trunk = desk.state.trunk(&value(A));
    let below: Vec<Entry> = a.entries[..6].iter().map(|(entry, ..)| entry.clone()).collect();
    let block = seal(&a.federation, A, value(A), 0, a.entries[0].1, &below);
    desk.state.seal(trunk, &block.header);
    let cut = Cut { seq: 1, head: block.header.hash() };
    let charter = desk.state.charter().clone();
    let article =
        charter.draft(bounded([Act::Fence { feed: feed_of(A), cut, reason: Reason::Lost }]));
    let by = |n: u8| (OrgId(n.into()), article.sign(&a.federation, &key(n)));
    let signed = SignedArticle { signatures: bounded([1, 2, 3].map(by)), article: article.clone() };
    desk.state.enact(charter.apply(&signed).expect("a good article"));
    let mut ask = |to| {
        let line = stretch(&mut desk, 4, to, &[]);
        desk.ask(&value(TREASURY), &settle(line))
    };
    let wrong = Err(Rejection::SettlementWrong);
    assert_eq!([5, 6, 7].map(&mut ask), [Ok(()), Ok(()), wrong]);
}

#[test]
fn a_step_is_signed_by_who_takes_it() {
    let (mut desk, _) = known([redeem(2, 5)]);
    let (at, _) = draft(&mut desk, TREASURY, &reach(5, false)).expect("one row");
    let good = step(&mut desk, TREASURY, at, Step::Verified, 62);
    let Entry::Value(Value::Settle { settling, .. }) = &good.entry else { unreachable!("a step") };
    let Settling::Step { draft, step, signature, .. } = **settling else { unreachable!("a step") };
    let operator = key(60).public();
    let forged = settle(Settling::Step { draft, step, operator, signature });
    assert_eq!(desk.ask(&value(TREASURY), &forged), Err(Rejection::StepUnsigned));
    desk.force(&value(TREASURY), forged.entry);
    let chain = desk.state.trunk(&value(TREASURY));
    let stage =
        |desk: &Desk| desk.state.settlement(At { chain, index: at }).expect("a draft").stage();
    assert_eq!(stage(&desk), Stage::Draft);
    desk.write(&value(TREASURY), good);
    assert_eq!(stage(&desk), Stage::Verified);
}

/// Operator 70, as the notices say that are given.
fn with(certificates: impl IntoIterator<Item = OperatorCertificate>) -> Desk {
    let charter = charter();
    let mut roster = roster(&charter);
    for certificate in certificates {
        let by = u8::try_from(certificate.org.0).expect("one of three");
        let said = Notice::Operator(certificate).sign(&charter.federation(), &key(by));
        roster.learn(&charter, &said).expect("a good notice");
    }
    Desk { state: crate::state::State::new(charter, roster) }
}

fn approver() -> OperatorCertificate {
    OperatorCertificate {
        org: OrgId(1),
        operator: key(70).public(),
        site: SiteId(1),
        roles: OperatorRoles::APPROVER,
        programmes: bounded([FOOD]),
        issued: Minute(50),
        not_after: Minute(200),
    }
}

#[test]
fn who_takes_a_step_was_certified_for_it_then_and_there() {
    let asked = |certificate: OperatorCertificate, step, at| {
        let desk = with([certificate]);
        // A's organisation is the second: its settlements are the programme's, or its own.
        entitled(&desk.state, &feed_of(A), step, &key(70).public(), Minute(at))
    };
    let approves = |certificate| asked(certificate, Step::Approved, 100);
    assert!(approves(approver()));
    assert!(approves(OperatorCertificate { org: OrgId(2), ..approver() }), "the treasury's own");
    assert!(!approves(OperatorCertificate { org: OrgId(3), ..approver() }), "a third one's");
    assert!(!approves(OperatorCertificate { programmes: bounded([CASH]), ..approver() }));
    assert!(!approves(OperatorCertificate { operator: key(71).public(), ..approver() }));
    for step in [Step::Verified, Step::Approved, Step::Paid, Step::Disputed] {
        let times = [49, 50, 200, 201].map(|at| asked(approver(), step, at));
        assert_eq!(times, [false, true, true, false]);
        for roles in OperatorRoles::each() {
            let supervises = roles == OperatorRoles::SUPERVISOR && step != Step::Approved;
            let may = roles == OperatorRoles::APPROVER || supervises;
            let certificate = OperatorCertificate { roles, ..approver() };
            assert_eq!(asked(certificate, step, 100), may, "{roles:?} {step:?}");
        }
    }
}

#[test]
fn one_step_of_somebody_who_was_not_entitled_and_nothing_counts_as_paid() {
    for stranger in 0..3 {
        let (mut desk, a) = known([redeem(2, 5)]);
        let (at, _) = draft(&mut desk, TREASURY, &reach(5, false)).expect("one row");
        let steps = [Step::Verified, Step::Approved, Step::Paid];
        for (n, (taken, who)) in steps.into_iter().zip(PEOPLE).enumerate() {
            let who = if n == stranger { 99 } else { who };
            let step = step(&mut desk, TREASURY, at, taken, who);
            desk.force(&value(TREASURY), step.entry);
        }
        let chain = desk.state.trunk(&value(TREASURY));
        let row = desk.state.settlement(At { chain, index: at }).expect("a draft");
        assert_eq!(row.stage(), Stage::Paid, "by what the fold can tell");
        let leaf = leaf(&a.entries[4].0.encode());
        assert!(settled(&desk.state, &feed_of(A), 4, &leaf).is_empty());
    }
}

#[test]
fn a_draft_has_so_many_rows_of_so_many_commodities_and_no_more() {
    let of = |commodity: u8| {
        let commodity = CommodityId(commodity);
        let what = Single { commodity, ..single(4, &redeem(2, 5), 0) };
        Row { row: 0, node: node(A), what }
    };
    let mut tally = Tally::default();
    let most = u8::try_from(limits::SETTLE_TOTALS).expect("few");
    assert!((0..most).all(|commodity| tally.push(&of(commodity))));
    assert!(!tally.push(&of(most)), "of one more");
    assert!(tally.push(&of(0)), "of a known one");
    let last = u64::from(limits::LIST_ROWS) - 1;
    let mut full = Tally { tree: Tree::seeming(last), ..Tally::default() };
    assert!(full.push(&of(0)), "the last row");
    assert!(!full.push(&of(0)) && !full.push(&of(1)), "one more");
}

#[test]
fn stretches_fill_the_gaps_below_an_end() {
    let (mut desk, _) = known((0..10).map(|_| redeem(2, 1)));
    for (from, to) in [(10, 12), (6, 8)] {
        let line = stretch(&mut desk, from, to, &[]);
        assert!(say(&mut desk, &[line]).is_ok());
    }
    let told = |end| {
        let (stretches, _) = next(&desk, &reach(end, false));
        stretches.into_iter().map(|(from, to, _)| (from, to)).collect::<Vec<_>>()
    };
    assert_eq!(told(14), [(0, 6), (8, 10), (12, 14)]);
    assert_eq!([4, 5].map(told), [vec![], vec![(0, 5)]], "nothing was handed out below 4");
    assert_eq!([6, 7, 8].map(told), [vec![(0, 6)], vec![(0, 6)], vec![(0, 6)]]);
    assert_eq!([9, 11].map(told), [vec![(0, 6), (8, 9)], vec![(0, 6), (8, 10)]]);
}

#[test]
fn a_stretch_that_would_leave_out_too_much_is_several() {
    let most = limits::SETTLE_EXCEPT as u64;
    // Every second one was settled by itself, one more often than one line can say.
    let (mut desk, _) = known((0..80).map(|_| redeem(2, 1)));
    let alone: Vec<u64> = (0..=most).map(|n| 4 + 2 * n).collect();
    for some in alone.chunks(limits::SETTLE_ROWS) {
        let rows = some.iter().map(|index| single(*index, &redeem(2, 1), 0));
        assert!(say(&mut desk, &[by_itself(rows)]).is_ok());
    }
    let (stretches, _) = next(&desk, &reach(84, false));
    let (last, first) = alone.split_last().expect("some");
    let after = first.last().expect("some") + 1;
    assert_eq!(stretches, [(0, after, first.to_vec()), (after, 84, vec![*last])]);
}

#[test]
fn refunds_of_two_branches_take_back_the_larger_of_one_redemption_and_each_of_two() {
    // Of one: together they come to the larger, whichever is met first; a second that is no larger has no row.
    for (ours, theirs, want) in [(3, 7, &[3, 4][..]), (7, 3, &[7]), (5, 5, &[5])] {
        let (mut desk, a) = known([redeem(2, 10), refund(4, ours)]);
        a.twin(&mut desk, 5, [Value::Merchant { merchant: merchant(9) }, refund(4, theirs)]);
        let (_, rows) = next(&desk, &reach(5, true));
        let back: Vec<u64> = rows.iter().map(|row| row.amount.units()).collect();
        assert_eq!(back, want, "{ours} and {theirs}");
    }
    // Of two that stand at one place on two branches: each, though their bytes are the same.
    let (mut desk, a) = known([redeem(2, 5), refund(4, 3)]);
    let row = single(5, &refund(4, 3), 0);
    assert!(say(&mut desk, &[by_itself([row])]).is_ok());
    a.twin(&mut desk, 4, [redeem(2, 6), refund(4, 3)]);
    let (_, rows) = next(&desk, &reach(4, true));
    let back: Vec<_> = rows.into_iter().filter(|row| row.kind.is_back()).collect();
    assert_eq!(back, [Single { copy: 1, ..row }]);
}

#[test]
fn what_came_to_nothing_is_in_no_line() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 0), redeem(2, 5)]);
    a.arrive(&mut desk, 4);
    desk.force(&value(B), orphan([a.promise(4), a.promise(5)]).entry);
    let (_, rows) = next(&desk, &reach(4, true));
    assert_eq!(rows, [single(5, &redeem(2, 5), 0)], "shown");
    a.arrive(&mut desk, 6);
    let (_, rows) = next(&desk, &reach(4, true));
    assert_eq!(rows, [single(5, &redeem(2, 5), 0)], "in a block");
}

#[test]
fn an_entry_comes_to_what_it_handed_out_or_took_back_of_what_stands_before_it() {
    let by_float = Value::FloatRedeem {
        lot: Lot(0),
        home: feed_of(B),
        purse: purse(0),
        amount: units(3),
        merchant: 0,
        at: NOW,
        method: METHOD,
    };
    let (mut desk, _) = known([
        hold(2, 5),    // 4
        post(4),       // 5: five
        refund(5, 2),  // 6: two back
        refund(5, 1),  // 7: a second time
        post(9),       // 8: before its hold
        hold(2, 1),    // 9
        redeem(2, 0),  // 10: nothing
        redeem(13, 1), // 11: out of what comes later
        refund(14, 1), // 12: of what comes later
        issue(2),      // 13
        redeem(3, 4),  // 14: four
        refund(14, 9), // 15: four back, for no more was given
        refund(9, 1),  // 16: of what was only held
        by_float,      // 17: three
    ]);
    let line = stretch(&mut desk, 0, 18, &[]);
    let told = rows(&desk.state, FOOD, &[line]).expect("all is here");
    use Kind::{Redeemed, Refunded};
    let want = [(5, 5, Redeemed), (6, 2, Refunded), (14, 4, Redeemed), (15, 4, Refunded)];
    assert_eq!(amounts(&told)[..4], want);
    assert_eq!(amounts(&told)[4..], [(17, 3, Redeemed)]);
    assert!(told.iter().all(|row| row.what.merchant == merchant(7)));
}

#[test]
fn a_chain_is_known_by_its_accumulator_wherever_that_can_be_told() {
    let (mut desk, a) = known([redeem(2, 5), redeem(3, 4)]);
    let with = |desk: &Desk, next, head: &Hash| chain_with(&desk.state, &feed_of(A), next, head);
    let trunk = desk.state.trunk(&value(A));
    let head = a.entries[5].2;
    assert_eq!(with(&desk, 6, &head.accumulator), Some(trunk));
    assert_eq!(with(&desk, 5, &head.accumulator), None, "it stands elsewhere");
    assert_eq!(with(&desk, 7, &head.accumulator), None, "not yet reached");
    // Who began above that place cannot tell, and has one chain; who has two does not guess.
    let told = |desk: &Desk, next| {
        let view = Above::of(&desk.state, 9);
        chain_with(&view, &feed_of(A), next, &Hash::ZERO)
    };
    assert_eq!([5, 6, 7].map(|next| told(&desk, next)), [Some(trunk), Some(trunk), None]);
    a.twin(&mut desk, 5, []);
    assert_eq!([5, 6, 7].map(|next| told(&desk, next)), [None; 3]);
}

#[test]
fn what_is_not_here_comes_to_nothing_that_anybody_could_sign() {
    let (mut desk, _) = known([redeem(2, 5), redeem(3, 4), redeem(2, 1)]);
    let [all, here] = [4, 5].map(|from| stretch(&mut desk, from, 7, &[]));
    let view = Above::of(&desk.state, 5);
    assert_eq!(rows(&view, FOOD, &[all]), None);
    let told = rows(&view, FOOD, &[here]).map(|rows| amounts(&rows));
    assert_eq!(told, Some(vec![(5, 4, Kind::Redeemed), (6, 1, Kind::Redeemed)]));
}

/// A site writes an entry of a kind that its treasury does not know and may pass over: its merchants are paid.
#[test]
fn what_may_be_passed_over_keeps_back_nobodys_pay_and_what_may_not_does() {
    let later = || {
        let bytes = wire::Bytes::new(vec![7; 5]).expect("within");
        Entry::Later(Later { lane: Lane::Value, kind: 64, bytes })
    };
    for critical in [false, true] {
        let (mut desk, _) = known([redeem(2, 5), redeem(3, 4)]);
        let index = desk.force(&value(A), later());
        let trunk = desk.state.trunk(&value(A));
        if critical {
            desk.state.apply(Change::Fault(At { chain: trunk, index }, crate::view::Fault::Halted));
        }
        desk.force(&value(A), redeem(2, 1));
        let head = desk.head(&value(A));
        let (from, to, except) = (4, head.next, Bounded::empty());
        let line = Settling::Stretch { node: node(A), from, to, head: head.accumulator, except };
        let told = rows(&desk.state, FOOD, &[line]).map(|rows| amounts(&rows));
        use Kind::Redeemed;
        let all = vec![(4, 5, Redeemed), (5, 4, Redeemed), (7, 1, Redeemed)];
        assert_eq!(told, (!critical).then_some(all));
        // The next settlement reaches as far as it can be told.
        let end = |reaches| {
            let (stretches, _) = next(&desk, &reach(reaches, false));
            stretches.into_iter().map(|(from, to, _)| (from, to)).collect::<Vec<_>>()
        };
        let whole = if critical { (0, 6) } else { (0, 8) };
        assert_eq!([5, 6, 8].map(end), [(0, 5), (0, 6), whole].map(|stretch| vec![stretch]));
    }
}
