use super::*;
use crate::charter::Charter;
use crate::entry::{List, Method};
use crate::feed::Head;
use crate::id::{EntryName, FeedId, Lane};
use crate::key::Signature;
use crate::notice::Roster;
use crate::state::State;
use crate::testing::*;
use crate::view::{Change, FloatRow};
use crate::wire::Bounded;

mod edges;

const LATER: Minute = Minute(NOW.0 + 10);

fn redeem(lot: u64, amount: u64, merchant: u32, at: Minute) -> Draft {
    let (lot, amount, method) = (Lot(lot), units(amount), Method::Pin);
    Entry::Value(Value::Redeem { lot, amount, merchant, at, method }).into()
}

fn hold(lot: u64, amount: u64) -> Draft {
    let (lot, amount) = (Lot(lot), units(amount));
    Entry::Value(Value::Hold { lot, amount, merchant: 0, until: LATER, at: NOW }).into()
}

fn post(hold: u64, at: Minute) -> Draft {
    Entry::Value(Value::Post { hold, at, method: Method::Pin }).into()
}

fn refund(redeem: u64, amount: u64) -> Draft {
    Entry::Value(Value::Refund { redeem, amount: units(amount), at: NOW }).into()
}

fn issue(from: u64, list: u64, proof: &RowProof) -> Draft {
    let Row { row, purse, amount, .. } = proof.row;
    let issue = Value::Issue { from: Lot(from), list, row, purse, amount, expires: LAST, at: NOW };
    Draft { entry: issue.into(), row: Some(proof.clone()) }
}

fn send(from: u64, to: u8, owner: Owner, amount: u64) -> Send {
    let (cycle, commodity, expires) = (MAY, RICE, LAST);
    let (from, amount) = (Lot(from), units(amount));
    Send { from, to: node(to), owner, cycle, commodity, amount, expires, at: NOW }
}

fn sends(send: Send) -> Draft {
    Entry::Value(Value::Send(send)).into()
}

fn claim(ticket: Ticket) -> Draft {
    Entry::Value(Value::Claim { ticket: Box::new(ticket), at: NOW }).into()
}

fn claim_sent(sent: Sent) -> Draft {
    claim(Ticket::Sent(sent, Bounded::empty()))
}

fn float_redeem(lot: u64, home: FeedRef, purse_of: u8, amount: u64) -> Draft {
    let (lot, amount, method) = (Lot(lot), units(amount), Method::Sight);
    let (purse, merchant, at) = (purse(purse_of), 0, NOW);
    let entry = Value::FloatRedeem { lot, home, purse, amount, merchant, at, method };
    Entry::Value(entry).into()
}

fn cover(from: u64, float: EntryName, amount: u64) -> FloatCover {
    let (cycle, commodity, amount) = (MAY, RICE, units(amount));
    FloatCover { from: Lot(from), float, cycle, commodity, amount, at: NOW }
}

fn covers(cover: FloatCover) -> Draft {
    Entry::Value(Value::FloatCover(cover)).into()
}

/// What one day leaves behind: see the comments for the places the table names.
struct Day {
    desk: Desk,
    proofs: Vec<RowProof>,
    /// On its way to A, and claimed by nobody.
    to_a: Sent,
    /// Drawn up by a treasury that keeps it out of its feed.
    unwritten: Sent,
    /// B's float redemptions for purses 0 and 1, whose home is the treasury.
    floats: [EntryName; 2],
}

fn day() -> Day {
    day_under(100)
}

/// The same, where an organisation's nodes may mint as much together.
fn day_under(rights: u64) -> Day {
    let mut desk = Desk::with_ceilings(rights);
    let federation = desk.federation();
    let (t, b) = (value(TREASURY), value(B));
    let amounts = [5, 4, 3, 50];
    let (list, proofs) = list(&federation, TREASURY, &amounts, NOW);
    desk.write(&on(TREASURY, Lane::Control), Entry::from(Control::List(Box::new(list))));
    desk.write(&t, claim(FOOD_BUDGET)); // 0: the budget
    desk.write(&t, Entry::Value(Value::Merchant { merchant: merchant(1) })); // 1
    desk.write(&t, issue(0, 0, &proofs[0])); // 2: purse 0, five
    desk.write(&t, redeem(2, 2, 0, NOW)); // 3: leaves three
    desk.write(&t, hold(2, 1)); // 4: leaves two available
    desk.write(&t, hold(2, 1)); // 5
    desk.write(&t, Entry::Value(Value::Drop { hold: 5, at: NOW })); // 6
    desk.write(&t, redeem(2, 1, 0, NOW)); // 7: leaves one available
    desk.write(&t, refund(7, 1)); // 8: purse 0, one
    let to_a = desk.send(TREASURY, Moved::Send(send(0, A, Owner::Float, 3))); // 9
    let to_b = desk.send(TREASURY, Moved::Send(send(0, B, Owner::Float, 20))); // 10
    let Draft { entry: Entry::Value(mut early), row } = issue(0, 0, &proofs[1]) else {
        unreachable!("an issue is a value entry")
    };
    if let Value::Issue { expires, .. } = &mut early {
        *expires = Minute(NOW.0 - 1);
    }
    desk.write(&t, Draft { entry: early.into(), row }); // 11: purse 1, four, too late
    desk.write(&b, claim_sent(to_b)); // 0: float of twenty
    desk.write(&b, Entry::Value(Value::Merchant { merchant: merchant(2) })); // 1
    let mut floats = [0, 1].map(|n| {
        let accumulator = Hash::ZERO;
        (n, EntryName { feed: feed_of(B), index: 0, accumulator })
    });
    for (n, name) in &mut floats {
        name.index = desk.write(&b, float_redeem(0, feed_of(TREASURY), *n, 1)); // 2, 3
        name.accumulator = desk.head(&b).accumulator;
    }
    let floats = floats.map(|(_, name)| name);
    desk.write(&t, covers(cover(2, floats[0], 1))); // 12: nothing is available in lot 2 now
    let elsewhere = Head { next: 99, accumulator: Hash([9; 32]) };
    let moved = Moved::Send(send(0, A, Owner::Float, 21));
    let unwritten = ticket(&federation, TREASURY, elsewhere, moved);
    Day { desk, proofs, to_a, unwritten, floats }
}

fn list_of(federation: &crate::id::FederationId, units: u64) -> List {
    let (mut list, _) = list(federation, TREASURY, &[units], NOW);
    list.approvals[0].signature = list.approvals[1].signature;
    list
}

/// Whoever certifies a node says how much its tickets are worth before its blocks are here; the charter bounds that, for all
/// nodes of an organisation together.
#[test]
fn no_organisation_mints_more_on_paper_than_the_charter_gives_it() {
    for (rights, want) in [(20, None), (19, Some(Rejection::UnverifiedCeiling))] {
        let mut day = day_under(rights);
        let Moved::Send(send) = day.to_a.moved else { unreachable!("it is a send") };
        let elsewhere = Head { next: 99, accumulator: Hash([9; 32]) };
        let moved = Moved::Send(Send { amount: units(20), ..send });
        let unwritten = ticket(&day.desk.federation(), TREASURY, elsewhere, moved);
        assert_eq!(day.desk.ask(&value(A), &claim_sent(unwritten)).err(), want);
    }
}

#[test]
fn a_draft_is_refused_for_the_first_reason_that_applies() {
    #[track_caller]
    fn check(day: &mut Day, feed: &FeedId, draft: impl Into<Draft>, want: Option<Rejection>) {
        assert_eq!(day.desk.ask(feed, &draft.into()).err(), want);
    }
    use Rejection as R;
    let mut d = day();
    let day = &mut d;
    let (t, a, b) = (value(TREASURY), value(A), value(B));
    let federation = day.desk.federation();

    // Standing, in which nothing of what the entry says matters yet.
    check(day, &value(99), redeem(0, 0, 9, Minute(9_999)), Some(R::NotCertified));
    let cash = FeedId { programme: CASH, ..t };
    check(day, &cash, redeem(0, 0, 9, Minute(9_999)), Some(R::NotCertified));
    check(day, &on(TREASURY, Lane::Registry), redeem(0, 0, 9, NOW), Some(R::NotCertified));
    check(day, &t, redeem(99, 0, 9, Minute(1_001)), Some(R::CertificateExpired));
    check(day, &t, redeem(99, 0, 9, Minute(1_000)), Some(R::ZeroAmount));
    check(day, &t, redeem(99, 0, 9, Minute(NOW.0 - 1)), Some(R::StampFell));

    // Shape.
    check(day, &t, redeem(99, 0, 9, NOW), Some(R::ZeroAmount));
    for (entries, want) in
        [(0, Some(R::BadBasket)), (1, None), (32, None), (33, Some(R::BadBasket))]
    {
        check(day, &t, Entry::Value(Value::Basket { entries }), want);
    }
    let named = |n| Entry::Value(Value::Merchant { merchant: merchant(n) });
    check(day, &t, named(1), Some(R::MerchantRefused));
    check(day, &t, named(2), None);

    // Redeem: what is available is what is left without the holds.
    check(day, &t, redeem(99, 1, 1, NOW), Some(R::UnknownMerchant));
    check(day, &t, redeem(99, 9, 0, NOW), Some(R::LotNotFound));
    check(day, &t, redeem(0, 999, 0, NOW), Some(R::WrongOwner));
    check(day, &t, redeem(11, 9, 0, NOW), Some(R::Expired));
    check(day, &t, redeem(2, 1, 0, NOW), Some(R::ExceedsLot));
    check(day, &t, redeem(8, 2, 0, NOW), Some(R::ExceedsLot));
    check(day, &t, redeem(8, 1, 0, NOW), None);
    check(day, &t, redeem(8, 1, 0, LAST), None);
    check(day, &t, redeem(8, 2, 0, Minute(LAST.0 + 1)), Some(R::Expired));

    // Hold, post, drop.
    check(day, &t, hold(99, 0), Some(R::ZeroAmount));
    check(day, &t, hold(0, 999), Some(R::WrongOwner));
    check(day, &t, hold(2, 1), Some(R::ExceedsLot));
    check(day, &t, hold(8, 1), None);
    check(day, &t, post(3, NOW), Some(R::NotHere));
    check(day, &t, post(5, Minute(LATER.0 + 1)), Some(R::AlreadyResolved));
    check(day, &t, post(4, Minute(LATER.0 + 1)), Some(R::HoldTimedOut));
    check(day, &t, post(4, LATER), None);
    check(day, &t, Entry::Value(Value::Drop { hold: 99, at: NOW }), Some(R::NotHere));
    check(day, &t, Entry::Value(Value::Drop { hold: 5, at: NOW }), Some(R::AlreadyResolved));
    check(day, &t, Entry::Value(Value::Drop { hold: 4, at: NOW }), None);

    // Refund: once each, at most what was redeemed.
    check(day, &t, refund(99, 0), Some(R::ZeroAmount));
    check(day, &t, refund(4, 9), Some(R::NotHere));
    check(day, &t, refund(7, 9), Some(R::AlreadyResolved));
    check(day, &t, refund(3, 3), Some(R::ExceedsRedemption));
    check(day, &t, refund(3, 2), None);

    // Issue: out of a budget, by a row of an approved list, once.
    let proofs = day.proofs.clone();
    let none = RowProof { row: Row { amount: Amount::ZERO, ..proofs[2].row }, ..proofs[2].clone() };
    check(day, &t, issue(99, 9, &none), Some(R::ZeroAmount));
    check(day, &t, issue(99, 9, &proofs[2]), Some(R::LotNotFound));
    check(day, &t, issue(2, 9, &proofs[2]), Some(R::WrongOwner));
    check(day, &t, issue(0, 9, &proofs[2]), Some(R::ListNotApproved));
    check(day, &t, Draft { row: None, ..issue(0, 0, &proofs[2]) }, Some(R::RowNotInList));
    let more = RowProof { row: Row { amount: units(9), ..proofs[2].row }, ..proofs[2].clone() };
    check(day, &t, issue(0, 0, &more), Some(R::RowNotInList));
    let moved = RowProof { path: proofs[1].path.clone(), ..proofs[2].clone() };
    check(day, &t, issue(0, 0, &moved), Some(R::RowNotInList));
    check(day, &t, issue(0, 0, &proofs[0]), Some(R::RowIssued));
    check(day, &t, issue(0, 0, &proofs[2]), None);
    let budget_left = 100 - 5 - 3 - 20 - 4;
    assert!(budget_left >= 50, "row 3 is for fifty");
    check(day, &t, issue(0, 0, &proofs[3]), None);

    // Send.
    let one = send(0, A, Owner::Float, 1);
    check(day, &t, sends(Send { amount: Amount::ZERO, ..one }), Some(R::ZeroAmount));
    check(day, &t, sends(Send { from: Lot(99), to: node(99), ..one }), Some(R::LotNotFound));
    check(day, &t, sends(Send { to: node(99), owner: purse_of(0), ..one }), Some(R::WrongOwner));
    check(day, &t, sends(Send { to: node(99), cycle: CycleId(9), ..one }), Some(R::WrongOwner));
    let longer = send(8, A, purse_of(0), 1);
    let longer = Send { expires: Minute(LAST.0 + 1), ..longer };
    check(day, &t, sends(longer), Some(R::WrongOwner));
    check(day, &t, sends(Send { expires: LAST, ..longer }), None);
    check(day, &t, sends(send(8, A, Owner::Budget, 1)), Some(R::WrongOwner));
    let back = Send { at: Minute(LAST.0 + 1), ..send(8, A, Owner::Budget, 1) };
    check(day, &t, sends(back), None);
    check(day, &t, sends(send(0, 99, Owner::Float, 999)), Some(R::UnknownReceiver));
    check(day, &t, sends(send(0, TREASURY, Owner::Float, 999)), Some(R::UnknownReceiver));
    check(day, &t, sends(send(0, A, Owner::Float, 999)), Some(R::ExceedsLot));
    check(day, &t, sends(one), None);

    // Claim.
    check(day, &a, claim(FOOD_BUDGET), Some(R::NotAddressed));
    check(day, &t, claim(Ticket::Budget { epoch: 9, act: 0, line: 0 }), Some(R::NotAddressed));
    check(day, &t, claim(FOOD_BUDGET), Some(R::AlreadyClaimed));
    let (to_a, unwritten) = (day.to_a, day.unwritten);
    let like = |change: &dyn Fn(&mut Send)| {
        let Moved::Send(mut send) = to_a.moved else { unreachable!("it is a send") };
        change(&mut send);
        let before = Head { next: to_a.index, accumulator: to_a.before };
        ticket(&federation, TREASURY, before, Moved::Send(send))
    };
    let sent = like(&|s| (s.commodity, s.cycle) = (CommodityId(9), CycleId(9)));
    check(day, &b, claim_sent(sent), Some(R::UnknownCommodity));
    check(day, &b, claim_sent(like(&|s| s.cycle = CycleId(9))), Some(R::UnknownCycle));
    let stranger = Sent { node: node(99), ..to_a };
    check(day, &b, claim_sent(stranger), Some(R::NotAddressed));
    check(day, &a, claim_sent(stranger), Some(R::UnknownSender));
    let forged = Sent { signature: Signature::Ed25519([[0; 32]; 2]), ..to_a };
    check(day, &a, claim_sent(forged), Some(R::TicketForged));
    check(day, &a, claim_sent(Sent { index: 8, ..to_a }), Some(R::TicketForged));
    let forged_hop = Ticket::Sent(to_a, bounded([forged]));
    check(day, &a, claim(forged_hop), Some(R::TicketForged));
    check(day, &a, claim_sent(unwritten), Some(R::UnverifiedCeiling));
    let unwritten = like(&|s| s.amount = units(20));
    let elsewhere = Head { next: 99, accumulator: Hash([9; 32]) };
    let unwritten = ticket(&federation, TREASURY, elsewhere, unwritten.moved);
    check(day, &a, claim_sent(unwritten), None);
    check(day, &a, claim_sent(to_a), None);
    day.desk.write(&a, claim_sent(to_a));
    check(day, &a, claim_sent(to_a), Some(R::AlreadyClaimed));
    day.desk.write(&a, claim_sent(unwritten));
    let another = ticket(&federation, TREASURY, elsewhere, like(&|s| s.amount = units(1)).moved);
    check(day, &a, claim_sent(another), Some(R::UnverifiedCeiling));

    // Float.
    let home = feed_of(TREASURY);
    check(day, &b, float_redeem(99, home, 0, 0), Some(R::ZeroAmount));
    check(day, &b, float_redeem(99, home, 0, 1), Some(R::LotNotFound));
    check(day, &t, float_redeem(2, home, 0, 1), Some(R::WrongOwner));
    check(day, &b, float_redeem(0, feed_of(B), 0, 99), Some(R::NotHome));
    check(day, &b, float_redeem(0, home, 0, 4), Some(R::FloatCap)); // 4 to one purse
    check(day, &b, float_redeem(0, home, 9, 5), Some(R::FloatCap));
    check(day, &b, float_redeem(0, home, 9, 4), None);
    check(day, &a, Entry::Value(Value::Merchant { merchant: merchant(1) }), None);
    day.desk.write(&b, float_redeem(0, home, 9, 4)); // six today
    check(day, &b, float_redeem(0, home, 8, 1), Some(R::FloatCap));

    // Cover.
    let [covered, open] = day.floats;
    let nowhere = EntryName { accumulator: Hash::ZERO, ..open };
    let one = cover(11, open, 1);
    check(day, &t, covers(FloatCover { amount: Amount::ZERO, ..one }), Some(R::ZeroAmount));
    check(day, &t, covers(cover(99, nowhere, 1)), Some(R::LotNotFound));
    check(day, &t, covers(cover(2, nowhere, 1)), Some(R::NotHere));
    check(day, &t, covers(cover(2, covered, 9)), Some(R::AlreadyResolved));
    check(day, &t, covers(cover(2, EntryName { index: 9, ..open }, 9)), Some(R::NotHome));
    check(day, &t, covers(cover(2, open, 1)), Some(R::CoverMismatch)); // purse 0 for purse 1
    check(day, &t, covers(cover(11, open, 2)), Some(R::CoverMismatch));
    check(day, &t, covers(one), None);

    // Lists, enrolments and carriers.
    let control = on(TREASURY, Lane::Control);
    let bad = Entry::from(Control::List(Box::new(list_of(&federation, 9))));
    check(day, &control, bad, Some(R::ListNotApproved));
    let again = Entry::from(Control::List(Box::new(
        day.desk.state.list(&node(TREASURY), 0).expect("frozen"),
    )));
    check(day, &control, again, Some(R::ListFrozen));
    let registry = on(TREASURY, Lane::Registry);
    let bound = |who, card| Registry::CarrierBound {
        pseudonym: holder(who),
        carrier: CarrierId([card; 16]),
        kind: CarrierKind::Paper,
        at: NOW,
    };
    let bind = |who, card| Entry::from(bound(who, card));
    check(day, &registry, bind(1, 1), Some(R::NotEnrolled));
    for who in [1, 2] {
        let enrol = Registry::Enrol { pseudonym: holder(who), at: NOW };
        day.desk.write(&registry, Entry::from(enrol));
    }
    day.desk.write(&registry, bind(1, 1));
    check(day, &registry, bind(2, 1), Some(R::CarrierRefused));
    check(day, &registry, bind(9, 1), Some(R::CarrierRefused));
    check(day, &registry, bind(1, 1), None);
    let cancel = Registry::CarrierCancelled { carrier: CarrierId([1; 16]), at: NOW };
    day.desk.write(&registry, Entry::from(cancel));
    check(day, &registry, bind(1, 1), Some(R::CarrierRefused));

    // Nothing is written on a feed that is proven faulty, and its tickets can only be declined.
    day.desk.state.note_fork(feed_of(TREASURY), 5);
    check(day, &t, redeem(8, 1, 0, NOW), Some(R::FeedFaulty));
    check(day, &value(99), redeem(8, 1, 0, NOW), Some(R::NotCertified));
}

#[test]
fn no_entry_of_a_known_kind_is_too_large() {
    // `TooLarge` guards kinds to come: the largest of those there are fit, so no draft can meet it.
    let mut desk = Desk::new();
    let federation = desk.federation();
    let head = Head { next: u64::MAX - 1, accumulator: Hash([255; 32]) };
    let (cycle, commodity) = (CycleId(u16::MAX), CommodityId(u8::MAX));
    let largest = Send {
        from: Lot(u64::MAX),
        to: [255; 8],
        owner: purse_of(255),
        cycle,
        commodity,
        amount: Amount::MAX,
        expires: Minute::NEVER,
        at: Minute::NEVER,
    };
    let far = EntryName { index: u64::MAX, accumulator: Hash([255; 32]), feed: feed_of(B) };
    let cover = FloatCover { cycle, commodity, amount: Amount::MAX, ..cover(u64::MAX, far, 1) };
    for moved in [Moved::Send(largest), Moved::Cover(cover)] {
        let sent = ticket(&federation, TREASURY, head, moved);
        let hops = bounded([sent; limits::HOPS]);
        let claim = Value::Claim { ticket: Box::new(Ticket::Sent(sent, hops)), at: Minute::NEVER };
        let claim = Entry::Value(claim);
        assert!(claim.encode().len() <= claim.limit(), "{} bytes", claim.encode().len());
        let alone = Entry::Value(moved.entry());
        assert!(alone.encode().len() <= alone.limit());
    }
    let (mut list, _) = list(&federation, TREASURY, &[1], Minute::NEVER);
    let total = crate::entry::Total { commodity, amount: Amount::MAX };
    list.totals = bounded([total; limits::LIST_TOTALS]);
    list.rows = u32::MAX;
    let list = Entry::from(Control::List(Box::new(list)));
    assert!(list.encode().len() <= list.limit(), "{} bytes", list.encode().len());
    assert_eq!(desk.head(&value(A)).next, 0);
}

#[test]
fn a_programme_the_charter_does_not_have_serves_nobody() {
    let full = charter();
    let roster: Roster = roster(&full);
    let mut first = founding();
    first.article.acts = bounded([first.article.acts[0].clone()]);
    let federation = first.article.founds();
    first.signatures = bounded(
        [1u8, 2, 3].map(|n| (crate::id::OrgId(n.into()), first.article.sign(&federation, &key(n)))),
    );
    let bare = Charter::found(&first).expect("a founding of nothing but organisations");
    let mut state = State::new(bare, roster);
    let chain = state.trunk(&value(A));
    let verdict = admit(&state, chain, &redeem(0, 0, 9, NOW));
    assert_eq!(verdict.err(), Some(Rejection::UnknownProgramme));
}

#[test]
fn a_faulty_senders_ticket_is_taken_up_only_to_be_sent_back() {
    let Day { mut desk, to_a, .. } = day();
    let a = value(A);
    desk.state.note_fork(feed_of(TREASURY), 5);
    assert_eq!(desk.ask(&a, &claim_sent(to_a)), Err(Rejection::SenderFaulty));
    desk.write(&a, Entry::Value(Value::Merchant { merchant: merchant(1) }));
    desk.write(&a, Entry::Value(Value::Basket { entries: 2 }));
    let lot = desk.write(&a, claim_sent(to_a));
    let all = send(lot, TREASURY, Owner::Float, 3);
    let others = [
        sends(Send { amount: units(2), ..all }),
        sends(Send { to: node(B), ..all }),
        redeem(lot, 1, 0, NOW),
        float_redeem(lot, feed_of(B), 0, 1),
        Entry::Value(Value::Basket { entries: 2 }).into(),
    ];
    for other in others {
        assert_eq!(desk.ask(&a, &other), Err(Rejection::SenderFaulty), "{other:?}");
    }
    desk.write(&a, sends(all));
    desk.write(&a, Entry::Value(Value::Merchant { merchant: merchant(2) }));
    assert!(!desk.state.faulty(&feed_of(A)));
}

#[test]
fn a_lot_that_travelled_too_far_unsynced_waits_for_a_sync() {
    // To and fro between A and B, each hop by ticket alone: the receivers' view has none of the sends.
    let mut desk = Desk::new();
    desk.write(&value(TREASURY), claim(FOOD_BUDGET));
    let mut sent = desk.send(TREASURY, Moved::Send(send(0, A, Owner::Float, 1)));
    let charter = charter();
    let mut far = State::new(charter.clone(), roster(&charter));
    let mut hops: Vec<Sent> = Vec::new();
    let mut at = A;
    for hop in 0..=limits::HOPS + 1 {
        let feed = value(at);
        let chain = far.trunk(&feed);
        let ticket = Ticket::Sent(sent, bounded(hops.iter().copied().take(limits::HOPS)));
        let entry = claim(ticket).entry;
        let head = far.head(chain);
        far.fold(chain, head.after(&entry.encode()).accumulator, &entry);
        let known = provenance(&far, chain, Lot(head.next), |_| false);
        let verdict = known.as_ref().map(Vec::len).map_err(|rejection| *rejection);
        let want = if hop < limits::HOPS { Ok(hop + 1) } else { Err(Rejection::TooManyHops) };
        assert_eq!(verdict, want, "after {hop} hops");
        let to = if at == A { B } else { A };
        let on = sends(send(head.next, to, Owner::Float, 1));
        // The receiver made every second of these sends, and is assumed to hold what it made and all before.
        assert_eq!(admit(&far, chain, &on).map(|_| ()), Ok(()));
        if hop > limits::HOPS {
            let third = sends(send(head.next, TREASURY, Owner::Float, 1));
            assert_eq!(admit(&far, chain, &third).err(), Some(Rejection::TooManyHops));
            // Nor is a float covered whose ticket nobody could make.
            let name = EntryName { feed: feed_of(TREASURY), index: 9, accumulator: Hash([7; 32]) };
            let row = FloatRow {
                at: At { chain, index: 9 },
                name,
                home: feed_of(at),
                purse: purse(0),
                cycle: MAY,
                commodity: RICE,
                amount: units(1),
                stamp: NOW,
            };
            far.apply(Change::Float(name.accumulator, row));
            let covers = covers(cover(head.next, name, 1));
            assert_eq!(admit(&far, chain, &covers).err(), Some(Rejection::TooManyHops));
        }
        hops.insert(0, sent);
        let elsewhere = Head { next: 50, accumulator: Hash([u8::try_from(hop).expect("few"); 32]) };
        let moved = Moved::Send(send(head.next, to, Owner::Float, 1));
        sent = ticket_of(at, elsewhere, moved);
        at = to;
    }
}

fn ticket_of(seed: u8, before: Head, moved: Moved) -> Sent {
    ticket(&charter().federation(), seed, before, moved)
}
