//! Each part of a condition by itself, where one test of the whole would leave the others out.

use super::*;
use crate::entry::Wrapped;
use crate::notice::{NodeCertificate, Notice, Roles};

#[track_caller]
fn refused(desk: &mut Desk, feed: &FeedId, draft: impl Into<Draft>, want: Rejection) {
    assert_eq!(desk.ask(feed, &draft.into()), Err(want));
}

#[test]
fn an_issue_is_its_row_in_every_part() {
    let Day { mut desk, proofs, .. } = day();
    let t = value(TREASURY);
    let good = issue(0, 0, &proofs[2]);
    assert_eq!(desk.ask(&t, &good), Ok(()));
    let changed = |change: &dyn Fn(&mut Value)| {
        let Draft { entry: Entry::Value(mut value), row } = good.clone() else {
            unreachable!("an issue is a value entry")
        };
        change(&mut value);
        Draft { entry: value.into(), row }
    };
    let other_purse = changed(&|v| {
        if let Value::Issue { purse: p, .. } = v {
            *p = purse(9);
        }
    });
    let other_row = changed(&|v| {
        if let Value::Issue { row, .. } = v {
            *row = 1;
        }
    });
    let other_amount = changed(&|v| {
        if let Value::Issue { amount, .. } = v {
            *amount = units(2);
        }
    });
    for draft in [other_purse, other_row, other_amount] {
        refused(&mut desk, &t, draft, Rejection::RowNotInList);
    }
    // Approved, and of this node: but for another cycle than the lot's.
    let sent = send(0, A, Owner::Budget, 9);
    let to_a = desk.send(TREASURY, Moved::Send(sent));
    desk.write(&value(A), claim_sent(to_a));
    let federation = desk.federation();
    let (frozen, rows) = list(&federation, A, &[3], NOW);
    desk.write(&on(A, Lane::Control), Entry::from(Control::List(Box::new(frozen))));
    assert_eq!(desk.ask(&value(A), &issue(0, 0, &rows[0])), Ok(()));
    let chain = desk.state.trunk(&value(A));
    let at = At { chain, index: 0 };
    let Some(crate::view::Slot::Lot(lot)) = desk.state.slot(at) else { unreachable!("a lot") };
    let june = LotRow { cycle: CycleId(6), ..lot };
    desk.state.apply(Change::Slot(at, crate::view::Slot::Lot(june)));
    refused(&mut desk, &value(A), issue(0, 0, &rows[0]), Rejection::ListNotApproved);
    let oil = LotRow { commodity: CommodityId(2), ..lot };
    desk.state.apply(Change::Slot(at, crate::view::Slot::Lot(oil)));
    refused(&mut desk, &value(A), issue(0, 0, &rows[0]), Rejection::RowNotInList);
}

#[test]
fn a_voted_line_is_claimed_in_its_own_programme() {
    let mut desk = Desk::new();
    let cash = claim(Ticket::Budget { epoch: 0, act: 4, line: 0 });
    refused(&mut desk, &value(TREASURY), cash, Rejection::NotAddressed);
    assert_eq!(desk.ask(&value(TREASURY), &claim(FOOD_BUDGET)), Ok(()));
}

#[test]
fn nothing_is_sent_to_who_does_not_serve_the_programme() {
    let charter = charter();
    let federation = charter.federation();
    let mut roster = roster_without(&charter, &[B]);
    let served = certificate(&federation, 3, B);
    let mut cash = NodeCertificate { programmes: bounded([CASH]), ..served };
    cash.ceilings = bounded([]);
    let notice = Notice::Node(cash).sign(&federation, &key(3));
    roster.learn(&charter, &notice).expect("a good certificate");
    let mut desk = Desk { state: State::new(charter, roster) };
    desk.write(&value(TREASURY), claim(FOOD_BUDGET));
    let to = |seed| sends(send(0, seed, Owner::Float, 1));
    refused(&mut desk, &value(TREASURY), to(B), Rejection::UnknownReceiver);
    assert_eq!(desk.ask(&value(TREASURY), &to(A)), Ok(()));
}

#[test]
fn a_cover_is_its_float_in_every_part() {
    let Day { mut desk, floats: [_, open], .. } = day();
    let t = value(TREASURY);
    let good = cover(11, open, 1);
    assert_eq!(desk.ask(&t, &covers(good)), Ok(()));
    let other_cycle = FloatCover { cycle: CycleId(9), ..good };
    refused(&mut desk, &t, covers(other_cycle), Rejection::CoverMismatch);
    let other_commodity = FloatCover { commodity: CommodityId(2), ..good };
    refused(&mut desk, &t, covers(other_commodity), Rejection::CoverMismatch);
    // Lot and cover agree with each other, and not with what was given.
    let chain = desk.state.trunk(&t);
    let at = At { chain, index: 11 };
    let Some(crate::view::Slot::Lot(lot)) = desk.state.slot(at) else { unreachable!("a lot") };
    let oil = LotRow { commodity: CommodityId(2), ..lot };
    desk.state.apply(Change::Slot(at, crate::view::Slot::Lot(oil)));
    refused(&mut desk, &t, covers(other_commodity), Rejection::CoverMismatch);
    desk.state.apply(Change::Slot(at, crate::view::Slot::Lot(lot)));
    // A float covers at home, and nowhere else.
    let lot_of_a = {
        let budget = desk.send(TREASURY, Moved::Send(send(0, A, Owner::Budget, 9)));
        desk.write(&value(A), claim_sent(budget))
    };
    let away = covers(cover(lot_of_a, open, 1));
    refused(&mut desk, &value(A), away, Rejection::NotHome);
}

#[test]
fn a_site_names_so_many_merchants_and_no_more() {
    let mut desk = Desk::new();
    let a = value(A);
    let chain = desk.state.trunk(&a);
    for n in 0..limits::MERCHANTS - 1 {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&n.to_be_bytes());
        desk.state.apply(Change::Merchant(chain, MerchantId(name)));
    }
    let last = Entry::Value(Value::Merchant { merchant: merchant(9) });
    desk.write(&a, last);
    let more = Entry::Value(Value::Merchant { merchant: merchant(10) });
    refused(&mut desk, &a, more, Rejection::MerchantRefused);
    let none = redeem(0, 1, limits::MERCHANTS, NOW);
    refused(&mut desk, &a, none, Rejection::UnknownMerchant);
    refused(&mut desk, &a, redeem(0, 1, limits::MERCHANTS - 1, NOW), Rejection::LotNotFound);
}

#[test]
fn a_cycles_key_goes_from_its_treasury_to_the_sites_that_register() {
    let charter = charter();
    let federation = charter.federation();
    // A may only hand out, B is not of the programme, and node 40 registers.
    let mut roster = roster_without(&charter, &[A, B]);
    let serves = NodeCertificate { roles: Roles::MERCHANT, ..certificate(&federation, 2, A) };
    let mut other = certificate(&federation, 3, B);
    (other.programmes, other.ceilings) = (bounded([CASH]), bounded([]));
    let registers = NodeCertificate { roles: Roles::REGISTRAR, ..certificate(&federation, 3, 40) };
    for (node, org) in [(serves, 2), (other, 3), (registers, 3)] {
        let notice = Notice::Node(node).sign(&federation, &key(org));
        roster.learn(&charter, &notice).expect("a good certificate");
    }
    let mut desk = Desk { state: State::new(charter, roster) };
    let given = |to, programme, cycle| {
        let (key, sealed) = (Hash([5; 32]), Wrapped([[6; 16]; 5]));
        let key = CycleKey { programme, cycle, node: to, key, sealed, at: NOW };
        Draft::from(Entry::Control(Control::CycleKey(Box::new(key))))
    };
    let control = on(TREASURY, Lane::Control);
    let mut check = |to, programme, cycle, want| {
        assert_eq!(desk.ask(&control, &given(to, programme, cycle)).err(), want);
    };
    use Rejection as R;
    check(node(40), FOOD, MAY, None);
    check(node(40), ProgrammeId(9), MAY, Some(R::UnknownProgramme));
    check(node(40), FOOD, CycleId(9), Some(R::UnknownCycle));
    check(node(99), FOOD, MAY, Some(R::UnknownReceiver));
    check(node(A), FOOD, MAY, Some(R::UnknownReceiver)); // hands out, and holds no key
    check(node(B), FOOD, MAY, Some(R::UnknownReceiver)); // not of the programme
    check(node(TREASURY), FOOD, MAY, Some(R::UnknownReceiver)); // itself
    // Who has no budget of that cycle has no key to give.
    let mut charter = desk.state.charter().clone();
    charter = charter.apply(&next_article(&charter)).expect("a good article");
    let budgets = |node, programme, cycle| gives_keys(&charter, &node, programme, cycle);
    assert!(budgets(node(TREASURY), FOOD, MAY));
    assert!(!budgets(node(TREASURY), FOOD, CycleId(6)));
    assert!(!budgets(node(TREASURY), ProgrammeId(9), MAY));
    assert!(!budgets(node(A), FOOD, MAY));
}

#[test]
fn what_is_admitted_is_signed_as_it_was_asked() {
    let mut desk = Desk::new();
    let chain = desk.state.trunk(&value(TREASURY));
    let draft = claim(FOOD_BUDGET);
    let admitted = admit(&desk.state, chain, &draft).expect("a budget");
    assert_eq!((admitted.entry(), admitted.bytes()), (&draft.entry, &draft.entry.encode()[..]));
}

#[test]
fn provenance_goes_through_what_came_back_and_never_in_circles() {
    let Day { mut desk, .. } = day();
    let t = value(TREASURY);
    let chain = desk.state.trunk(&t);
    // The hold of the fourth place, handed out and brought back.
    let posted = desk.write(&t, post(4, NOW));
    let back = desk.write(&t, refund(posted, 1));
    let hops = |desk: &Desk, lot| provenance(&desk.state, chain, Lot(lot), |_| false);
    assert!(matches!(hops(&desk, back).as_deref(), Ok([Hop::Refund(at)]) if *at == back));
    // Who writes whatever it likes: an issue out of itself.
    let next = desk.head(&t).next;
    let (from, amount, purse) = (Lot(next), units(1), purse(0));
    let issue = Value::Issue { from, list: 0, row: 3, purse, amount, expires: LAST, at: NOW };
    desk.force(&t, issue);
    assert_eq!(hops(&desk, next).err(), Some(Rejection::LotNotFound));
}

#[test]
fn an_entry_may_be_as_long_as_its_limit() {
    let mut desk = Desk::new();
    let long = |bytes| {
        let bytes = crate::wire::Bytes::new(vec![7; bytes]).expect("within");
        let entry = Entry::Later(crate::entry::Later { lane: Lane::Value, kind: 64, bytes });
        (entry.encode().len(), entry)
    };
    let (length, entry) = long(limits::LATER_ENTRY_BYTES);
    assert_eq!(length, entry.limit());
    let asked = desk.ask(&value(TREASURY), &entry.into());
    assert!(asked.is_err_and(|why| why != Rejection::TooLarge), "{asked:?}");
}

#[test]
fn a_ticket_taken_up_on_another_branch_is_taken_up() {
    let Day { mut desk, to_a, .. } = day();
    assert_eq!(desk.ask(&value(A), &claim_sent(to_a)), Ok(()));
    let name = to_a.name(FOOD).ticket();
    let row = desk.state.ticket(&name).expect("it was sent");
    let claimed = Some(At { chain: ChainNo(9), index: 0 });
    desk.state.apply(Change::Ticket(name, crate::view::TicketRow { claimed, ..row }));
    refused(&mut desk, &value(A), claim_sent(to_a), Rejection::AlreadyClaimed);
}

#[test]
fn of_a_day_nobody_knows_the_minute_so_it_is_as_late_as_its_feed() {
    // The certificate ends with minute 1,000 of the first day.
    let asked = |last, entry: Registry| {
        let mut desk = Desk::new();
        let feed = on(A, Lane::Registry);
        desk.force(&feed, Registry::Enrol { pseudonym: holder(1), at: Minute(last) });
        desk.ask(&feed, &Entry::from(entry).into())
    };
    let erased = |day| {
        let (commitment, on) = (crate::id::Commitment(Hash([1; 32])), crate::time::DayNo(day));
        Registry::People(crate::consent::People::Erased { commitment, on })
    };
    assert_eq!(asked(1_000, erased(0)), Ok(()));
    assert_eq!(asked(1_001, erased(0)), Err(Rejection::CertificateExpired));
    assert_eq!(asked(0, erased(1)), Err(Rejection::CertificateExpired), "the next day");
    // Who says a minute says when it was.
    let enrol = Registry::Enrol { pseudonym: holder(2), at: Minute(900) };
    assert_eq!(asked(900, enrol.clone()), Ok(()));
    assert_eq!(asked(1_001, enrol), Err(Rejection::StampFell));
}
