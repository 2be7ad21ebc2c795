//! Where a rule about feeds that fail begins and where it ends: one step to either side.

use super::*;
use crate::charge::{Proven, proven};
use crate::entry::Registry;
use crate::id::Pseudonym;
use crate::notice::Roles;
use crate::view::Revocation;

/// A sends four to B and is fenced below that; B hears of it and takes the ticket up all the same.
fn taken_after_hearing() -> (Camp, Lot) {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    camp.fence(A, cut);
    let lot = camp.force(&value(B), claim_of(sent).into());
    (camp, Lot(lot))
}

fn owed(camp: &Camp) -> Vec<(Option<OrgId>, u128, bool)> {
    camp.charges().iter().map(|c| (c.org, c.units, c.heard.is_some())).collect()
}

#[test]
fn whatever_one_receiver_took_after_hearing_is_one_sum() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let tickets = [4, 3].map(|units| camp.send(A, FAMILY, node(B), family(), units));
    camp.seal(&value(A));
    camp.fence(A, cut);
    for sent in tickets {
        camp.force(&value(B), claim_of(sent).into());
    }
    camp.seal(&value(B));
    camp.release(A, 19, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(3)), 6, true)], "13 were left");
    camp.release(A, 3, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(3)), 7, true), (Some(OrgId(2)), 2, false)]);
    camp.settled();
}

#[test]
fn the_first_fence_is_the_one_that_was_to_be_heard() {
    let (mut camp, _) = taken_after_hearing();
    camp.seal(&value(B));
    // A second fence, which its block cannot have known.
    camp.fence(A, Cut::NOTHING);
    camp.release(A, 17, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(3)), 1, true)]);
    camp.settled();
}

#[test]
fn only_all_of_it_sent_back_where_it_came_from_is_a_decline() {
    // Part of it; all of it to somebody else; as much, out of another lot.
    for (units, to, other_lot, released) in
        [(3, A, false, 20), (4, TREASURY, false, 17), (4, A, true, 21)]
    {
        let mut camp = Camp::with_a(20);
        let cut = camp.seal_at_zero();
        let sent = camp.send(A, FAMILY, node(B), family(), 4);
        let own = camp.send(TREASURY, Lot(0), node(B), Owner::Budget, 9);
        camp.seal_all();
        let own = camp.claim(B, own);
        camp.fence(A, cut);
        let lot = Lot(camp.force(&value(B), claim_of(sent).into()));
        let (from, owner) = if other_lot { (own, Owner::Budget) } else { (lot, family()) };
        let back = camp.sending(from, node(to), owner, units);
        camp.send_unasked(B, back);
        camp.seal(&value(B));
        camp.release(A, released, TREASURY);
        assert_eq!(owed(&camp), [(Some(OrgId(3)), 1, true)], "{units} to {to}");
        camp.settled();
    }
}

#[test]
fn a_fenced_feed_gives_back_what_comes_and_does_nothing_else() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(TREASURY, Lot(0), node(A), Owner::Budget, 5);
    camp.seal_all();
    let cut = camp.seal_at_zero();
    camp.fence(A, cut);
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 25, "with what is in flight");
    let cut_off = Err(Rejection::FeedCut);
    assert_eq!(camp.ask(A, claim_of(sent)), cut_off, "not by itself");
    assert_eq!(camp.ask(A, Value::Basket { entries: 1 }), cut_off);
    assert_eq!(camp.ask(A, Value::Basket { entries: 3 }), cut_off);
    let enrol = Registry::Enrol { pseudonym: Pseudonym([1; 16]), at: NOW };
    let asked = camp.desk.ask(&on(A, Lane::Registry), &Entry::from(enrol).into());
    assert_eq!(asked, Ok(()), "its registry is another feed");
    camp.write(A, Value::Basket { entries: 2 });
    let budget = Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW };
    assert_eq!(camp.ask(A, budget), cut_off, "no ticket of anybody's");
    let nothing = camp.sending(FAMILY, node(TREASURY), family(), 5);
    assert_eq!(camp.ask(A, Value::Send(nothing)), cut_off, "nothing was claimed");
    let lot = camp.claim(A, sent);
    let back = |units, to| camp.sending(lot, node(to), Owner::Budget, units);
    let (all, part, elsewhere) = (back(5, TREASURY), back(4, TREASURY), back(5, B));
    assert_eq!(camp.ask(A, Value::Send(part)), cut_off);
    assert_eq!(camp.ask(A, Value::Send(elsewhere)), cut_off);
    assert_eq!(camp.ask(A, redeem_of(FAMILY, 1)), cut_off);
    camp.write(A, Value::Send(all));
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 20);
    let more = camp.sending(Lot(0), node(TREASURY), Owner::Budget, 1);
    assert_eq!(camp.ask(A, Value::Send(more)), cut_off, "once");
    camp.settled();
}

#[test]
fn nothing_is_sent_to_a_feed_that_ended() {
    let mut camp = Camp::with_a(20);
    let sends = |camp: &Camp| Value::Send(camp.sending(Lot(0), node(B), Owner::Budget, 1));
    camp.write(B, Value::Merchant { merchant: merchant(1) });
    let send = sends(&camp);
    assert_eq!(camp.ask(TREASURY, send), Ok(()));
    camp.write(B, Value::End { at: NOW });
    let send = sends(&camp);
    assert_eq!(camp.ask(TREASURY, send), Err(Rejection::ReceiverCut));
}

#[test]
fn what_cannot_be_told_lies_between_the_fewest_and_the_most_entries_there_can_be() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    let cut = camp.seal(&value(A));
    assert_eq!(cut.seq, 2, "two blocks: of two entries at least, and of 512 at most");
    camp.fence(A, cut);
    let alone = State::new(camp.charter.clone(), roster(&camp.charter));
    let stands = |index| cut::stands(&alone, &feed_of(A), index, &sent.accumulator());
    let at = [1, 2, 511, 512].map(stands);
    assert_eq!(at, [Stands::Below, Stands::Unknown, Stands::Unknown, Stands::Above]);
    assert_eq!(cut::stands(&alone, &feed_of(B), 600, &sent.accumulator()), Stands::Below, "uncut");
}

#[test]
fn a_close_is_about_the_value_lane_alone() {
    let mut camp = Camp::with_a(20);
    let enrol = Registry::Enrol { pseudonym: Pseudonym([1; 16]), at: NOW };
    camp.force(&on(A, Lane::Registry), enrol.into());
    camp.seal_all();
    camp.vote(vec![Act::Close { programme: FOOD, cycle: MAY, cuts: bounded([]) }]);
    let label = |camp: &mut Camp, feed: FeedId, cycle| {
        let chain = camp.desk.state.trunk(&feed);
        cut::label(&camp.desk.state, At { chain, index: 0 }, cycle)
    };
    assert_eq!(label(&mut camp, value(A), Some(MAY)), Label::Late);
    assert_eq!(label(&mut camp, value(A), Some(CycleId(6))), Label::Good, "another cycle");
    assert_eq!(label(&mut camp, value(A), None), Label::Good, "of no cycle");
    assert_eq!(label(&mut camp, on(A, Lane::Registry), Some(MAY)), Label::Good);
}

#[test]
fn a_revocation_is_by_a_treasury_or_a_hub_of_the_same_organisation_with_a_cut_that_can_be() {
    let charter = charter();
    let federation = charter.federation();
    let zero = Cut::NOTHING;
    let may = |roles, of, cut| {
        let mut roster = roster_without(&charter, &[A]);
        let certificate = NodeCertificate { roles, ..certificate(&federation, 2, A) };
        let notice = Notice::Node(certificate).sign(&federation, &key(2));
        roster.learn(&charter, &notice).expect("a good certificate");
        let said = Revocation { feed: feed_of(of), by: node(A), cut, reason: Reason::Lost };
        cut::may_revoke(&roster, &said)
    };
    assert!(may(Roles::TREASURY, A, zero));
    assert!(may(Roles::HUB, A, zero));
    assert!(may(Roles::HUB.and(Roles::TREASURY), A, Cut { seq: 1, head: Hash([1; 32]) }));
    for roles in Roles::each().filter(|roles| ![Roles::TREASURY, Roles::HUB].contains(roles)) {
        assert!(!may(roles, A, zero), "{roles:?}");
    }
    assert!(!may(Roles::HUB, B, zero), "another organisation's");
    assert!(!may(Roles::HUB, 99, zero), "nobody's");
    assert!(!may(Roles::HUB, A, Cut { seq: 0, head: Hash([1; 32]) }), "a block before the first");
    assert!(!may(Roles::HUB, A, Cut { seq: 1, head: Hash::ZERO }), "no block has this name");
    let said = Revocation { feed: feed_of(A), by: node(99), cut: zero, reason: Reason::Lost };
    assert!(!cut::may_revoke(&roster(&charter), &said), "by nobody known");
}

#[test]
fn below_what_witnesses_have_cosigned_only_a_fence_cuts() {
    let mut camp = Camp::with_a(20);
    let low = camp.seal_at_zero();
    camp.redeem(A, FAMILY, 1);
    let high = camp.seal(&value(A));
    let lowest = |camp: &Camp, cosigned| {
        let view = Above { cosigned, ..Above::of(&camp.desk.state, 0) };
        cut::lowest(&view, &feed_of(A))
    };
    camp.revoke(A, A, low);
    assert_eq!(lowest(&camp, None), Some(low));
    assert_eq!(lowest(&camp, Some(low)), Some(low));
    assert_eq!(lowest(&camp, Some(high)), Some(high), "as if it stood there");
    camp.fence(A, low);
    assert_eq!(lowest(&camp, Some(high)), Some(low));
}

/// A block that does not exist, or stands on another branch, is above all that was certified and below none of it.
#[test]
fn a_revocation_that_does_not_have_what_was_cosigned_below_it_counts_as_if_it_stood_there() {
    let begin = || {
        let mut camp = Camp::with_a(20);
        let low = camp.seal_at_zero();
        camp.redeem(A, FAMILY, 1);
        let high = camp.seal(&value(A));
        (camp, low, high)
    };
    let lowest = |camp: &Camp, cosigned| {
        let view = Above { cosigned: Some(cosigned), ..Above::of(&camp.desk.state, 0) };
        cut::lowest(&view, &feed_of(A))
    };
    let none = |seq| Cut { seq, head: Hash([0xff; 32]) };
    let (mut camp, low, high) = begin();
    camp.revoke(A, A, none(2));
    assert_eq!([low, high].map(|cosigned| lowest(&camp, cosigned)), [Some(low), Some(high)]);
    // Beyond all that is known it may be right.
    let (mut camp, low, high) = begin();
    camp.revoke(A, A, none(3));
    assert_eq!([low, high].map(|cosigned| lowest(&camp, cosigned)), [Some(none(3)); 2]);
    // One that is right is kept as it stands.
    let (mut camp, low, high) = begin();
    camp.revoke(A, A, high);
    assert_eq!(lowest(&camp, low), Some(high));
}

#[test]
fn releases_add_up_by_feed_and_an_end_is_exact_only_of_one_chain_that_is_sound() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(TREASURY, Lot(0), node(B), Owner::Budget, 10);
    camp.claim(B, sent);
    camp.seal_all();
    let cut = camp.seal_at_zero();
    camp.fence(A, cut);
    camp.fence(B, Cut::NOTHING);
    let released = |camp: &Camp, of| camp.suspense(of).expect("fenced").released.units();
    assert_eq!(released(&camp, A), 0);
    camp.release(A, 5, TREASURY);
    camp.release(B, 1, TREASURY);
    camp.release(A, 2, TREASURY);
    assert_eq!((released(&camp, A), released(&camp, B)), (7, 1));
    let exact = |camp: &Camp| camp.suspense(A).expect("fenced").exact;
    assert!(!exact(&camp));
    camp.write(A, Value::End { at: NOW });
    assert!(exact(&camp));
    assert!(!camp.suspense(B).expect("fenced").exact, "the other has not ended");
    camp.desk.state.note_fork(feed_of(A), 9);
    assert!(!exact(&camp), "whose chain is this?");
}

#[test]
fn the_earliest_fault_is_the_one_that_is_shown() {
    let mut camp = Camp::with_a(20);
    let given = camp.force(&value(A), redeem_of(FAMILY, 12).into());
    let shown = |camp: &Camp| proven(&camp.desk.state, &feed_of(A));
    let insolvent = Some(Proven::Insolvency { index: given, fault: Fault::Short });
    assert_eq!(shown(&camp), insolvent);
    camp.desk.state.note_fork(feed_of(A), given + 1);
    assert_eq!(shown(&camp), insolvent);
    camp.desk.state.note_fork(feed_of(A), given - 1);
    assert_eq!(shown(&camp), Some(Proven::Fork { index: given - 1 }));
    camp.desk.state.note_fork(feed_of(A), given + 5);
    assert_eq!(shown(&camp), Some(Proven::Fork { index: given - 1 }), "the lowest stays");
    assert_eq!(proven(&camp.desk.state, &feed_of(B)), None);
}

#[test]
fn what_was_sent_back_was_not_taken_up() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    camp.fence(A, cut);
    camp.write(B, Value::Basket { entries: 2 });
    let claim = Lot(camp.write(B, claim_of(sent)));
    let back = camp.sending(claim, node(A), family(), 4);
    camp.write(B, Value::Send(back));
    camp.seal(&value(B));
    // Who began above it, or dropped it, cannot tell whether it was sent back, and says nothing of it.
    let (state, name) = (&camp.desk.state, sent.name(FOOD).ticket());
    let row = state.ticket(&name).expect("it was claimed");
    assert_eq!(crate::charge::took_knowing(state, &name, &row), None);
    for first in [claim.0, claim.0 + 1, claim.0 + 2] {
        let above = Above::of(state, first);
        assert_eq!(crate::charge::took_knowing(&above, &name, &row), None, "from {first}");
    }
    camp.release(A, 21, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(2)), 1, false)]);
    camp.settled();
}

#[test]
fn only_what_the_fenced_feed_sent_was_to_be_left() {
    let (mut camp, _) = taken_after_hearing();
    // As much again, and more, of somebody nobody fenced: at a place that would lie above the cut.
    let elsewhere = Head { next: 400, accumulator: Hash([40; 32]) };
    let stray = camp.sending(Lot(0), node(B), Owner::Budget, 9);
    let stray = ticket(&camp.charter.federation(), TREASURY, elsewhere, Moved::Send(stray));
    camp.force(&value(B), claim_of(stray).into());
    camp.seal(&value(B));
    camp.release(A, 22, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(3)), 4, true), (Some(OrgId(2)), 2, false)]);
    camp.settled();
}

#[test]
fn who_took_it_on_two_branches_knew_what_the_newer_one_knew() {
    for epochs in [[0, 1], [1, 0]] {
        let mut desk = Desk::new();
        let federation = desk.federation();
        let (from, to, amount) = (Lot(2), node(B), units_of(4));
        let (cycle, commodity, expires, at) = (MAY, RICE, LAST, NOW);
        let send = Send { from, to, owner: family(), cycle, commodity, amount, expires, at };
        let elsewhere = Head { next: 4, accumulator: Hash([4; 32]) };
        let sent = ticket(&federation, A, elsewhere, Moved::Send(send));
        let trunk = desk.state.trunk(&value(B));
        let start = desk.state.head(trunk);
        let branch = desk.state.branch(At { chain: trunk, index: 0 }, start);
        let named = Value::Merchant { merchant: merchant(1) };
        let claims = [vec![claim_of(sent)], vec![named, claim_of(sent)]];
        for ((chain, entries), epoch) in [trunk, branch].into_iter().zip(claims).zip(epochs) {
            let entries: Vec<Entry> = entries.into_iter().map(Entry::from).collect();
            let block = seal(&federation, B, value(B), 0, start, &entries);
            for entry in &entries {
                let after = desk.state.head(chain).after(&entry.encode());
                desk.state.fold(chain, after.accumulator, entry);
            }
            desk.state.seal(chain, &crate::block::Header { epoch, ..block.header });
        }
        let name = sent.name(FOOD).ticket();
        let row = desk.state.ticket(&name).expect("it was claimed");
        assert_eq!(crate::charge::took_knowing(&desk.state, &name, &row), Some(1), "{epochs:?}");
    }
}

#[test]
fn who_held_another_branch_shorter_than_the_cut_had_not_heard_that_it_was_meant() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    assert_eq!(cut.seq, 1, "one block is below");
    camp.fence(A, cut);
    let federation = camp.charter.federation();
    let start = Head::start(&federation, &value(A));
    let state = &mut camp.desk.state;
    let trunk = state.trunk(&value(A));
    assert!(state.head(trunk).next < 6, "its own first block is shorter than the twin's");
    let twin = state.branch(At { chain: trunk, index: 0 }, start);
    for (chain, seq, count) in [(trunk, 1, 12), (twin, 0, 10), (twin, 1, 2)] {
        let from = state.head(chain);
        let named = Entry::from(Value::Merchant { merchant: merchant(1) });
        let entries = vec![named; count];
        for entry in &entries {
            let after = state.head(chain).after(&entry.encode());
            state.fold(chain, after.accumulator, entry);
        }
        state.seal(chain, &seal(&federation, A, value(A), seq, from, &entries).header);
    }
    let heard = |index, placed| cut::heard_from(state, &feed_of(A), index, placed).is_some();
    assert!(!heard(9, true), "in the twin's first block: who knew no other took it to be below");
    assert!(heard(10, true), "in its second, which no branch has below");
    let end = state.head(trunk).next;
    assert!(heard(end - 1, true), "where the twin does not reach");
    assert!(!heard(end, true), "no chain has it");
    assert!(!heard(10, false), "where its block is not known, it may be in the first");
    assert!(!heard(255, false));
    assert!(heard(256, false), "no block is as long");
}

#[test]
fn what_left_another_chain_where_a_block_ends_has_that_block() {
    let mut camp = Camp::with_a(20);
    let federation = camp.charter.federation();
    let first = camp.seal_at_zero();
    let state = &mut camp.desk.state;
    let trunk = state.trunk(&value(A));
    let end = state.head(trunk);
    let twin = state.branch(At { chain: trunk, index: end.next }, end);
    let named = Entry::from(Value::Merchant { merchant: merchant(1) });
    let after = end.after(&named.encode());
    state.fold(trunk, after.accumulator, &named);
    let block = seal(&federation, A, value(A), 1, end, &[named]);
    state.seal(trunk, &block.header);
    let other = Cut { head: Hash([9; 32]), ..first };
    let two = Cut { seq: 2, head: Hash([9; 32]) };
    for (chain, cut, below, why) in [
        (twin, first, Some(end.next), "the block they share"),
        (twin, other, Some(0), "it has another block there than the one that was meant"),
        (twin, two, None, "it is not known so far"),
        (trunk, two, Some(0), "it has another block there"),
    ] {
        assert_eq!(cut::below(state, chain, &cut), below, "{why}");
    }
    let shared = At { chain: trunk, index: 0 };
    assert!(cut::is_above(state, shared, &two), "one of the chains that have it is past the cut");
    assert!(!cut::is_above(state, shared, &first));
    camp.fence(A, first);
    let heard = cut::heard_from(&camp.desk.state, &feed_of(A), end.next, true);
    assert!(heard.is_some(), "on either chain it comes after the block they share");
}

#[test]
fn where_an_entry_stands_say_only_the_chains_that_have_it() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    let cut = camp.seal(&value(A));
    camp.fence(A, cut);
    assert_eq!(sent.index, 3);
    let state = &mut camp.desk.state;
    let chain = state.trunk(&value(A));
    let accumulator = state.accumulator(chain, 1).expect("it is here");
    let twin = state.branch(At { chain, index: 1 }, Head { next: 1, accumulator });
    for n in [8, 9] {
        let named = Entry::from(Value::Merchant { merchant: merchant(n) });
        let after = state.head(twin).after(&named.encode());
        state.fold(twin, after.accumulator, &named);
    }
    assert_eq!(state.head(twin).next, sent.index, "it ends right before");
    assert_eq!(cut::below(state, twin, &cut), Some(1), "only what they share is below");
    let stands = cut::stands(state, &feed_of(A), sent.index, &sent.accumulator());
    assert_eq!(stands, Stands::Below);
}

#[test]
fn who_began_above_a_cut_takes_what_came_later_to_be_above_it() {
    let mut camp = Camp::with_a(20);
    let [first, second, third] = [(); 3].map(|()| {
        let sent = camp.send(A, FAMILY, node(B), family(), 1);
        (sent, camp.seal(&value(A)))
    });
    let feed = feed_of(A);
    let chain = camp.desk.state.trunk(&value(A));
    // It begins with rows of two blocks, and has the third.
    let first_here = third.0.index;
    let stands = |camp: &Camp, headers: bool| {
        let view = Above { headers, ..Above::of(&camp.desk.state, first_here) };
        let stands = |sent: &Sent| cut::stands(&view, &feed, sent.index, &sent.accumulator());
        [&first.0, &second.0, &third.0].map(stands)
    };
    let heard = |camp: &Camp, headers: bool| {
        let view = Above { headers, ..Above::of(&camp.desk.state, first_here) };
        let heard = |sent: &Sent| cut::heard_from(&view, &feed, sent.index, true).is_some();
        [heard(&second.0), heard(&third.0)]
    };
    // Fenced at its end there: whatever lies below is below the cut, and the rest above.
    camp.fence(A, second.1);
    let all = [Stands::Below, Stands::Below, Stands::Above];
    assert_eq!([stands(&camp, true), stands(&camp, false)], [all, all]);
    assert_eq!([heard(&camp, true), heard(&camp, false)], [[false, true]; 2]);
    // And once more, further below: what is on which side of it the rows do not say.
    camp.fence(A, first.1);
    assert_eq!(stands(&camp, true), [Stands::Below, Stands::Above, Stands::Above]);
    assert_eq!(stands(&camp, false), [Stands::Unknown, Stands::Unknown, Stands::Above]);
    let view = Above { headers: false, ..Above::of(&camp.desk.state, first_here) };
    assert_eq!(cut::below(&view, chain, &first.1), Some(first_here));
    let later = At { chain, index: first_here };
    assert_eq!(cut::label(&view, later, None), Label::Tainted);
}

#[test]
fn a_decline_on_one_branch_is_a_decline() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    camp.fence(A, cut);
    camp.write(B, Value::Basket { entries: 2 });
    let claim = Lot(camp.write(B, claim_of(sent)));
    let back = camp.sending(claim, node(A), family(), 4);
    camp.write(B, Value::Send(back));
    camp.seal(&value(B));
    let chain = camp.desk.state.trunk(&value(B));
    let start = Head::start(&camp.charter.federation(), &value(B));
    camp.desk.state.branch(At { chain, index: 0 }, start);
    camp.release(A, 21, TREASURY);
    assert_eq!(owed(&camp), [(Some(OrgId(2)), 1, false)], "a branch that has it not says nothing");
}

#[test]
fn what_tickets_tell_of_goods_that_came_back_counts_once_and_only_where_it_can_be_true() {
    // A handed out five at its third place, and its feed is known up to there.
    let told = |refunds: &[(u64, u64, u64)], known: &dyn Fn(&mut Camp)| {
        let mut camp = Camp::with_a(20);
        let redeemed = camp.redeem(A, FAMILY, 5);
        assert_eq!(redeemed, 3);
        known(&mut camp);
        let federation = camp.charter.federation();
        for (n, (redeem, amount, index)) in (0u8..).zip(refunds) {
            let at = |next: u64| Head { next, accumulator: Hash([50 + n; 32]) };
            let amount = units_of(*amount);
            let refund = Moved::Refund { redeem: *redeem, amount, at: NOW };
            let hop = ticket(&federation, A, at(*index), refund);
            let send = camp.sending(Lot(*index), node(B), family(), 1);
            let sent = ticket(&federation, A, at(60), Moved::Send(send));
            let ticket = Box::new(Ticket::Sent(sent, bounded([hop])));
            camp.force(&value(B), Value::Claim { ticket, at: NOW }.into());
        }
        crate::charge::came_back(&camp.desk.state).into_values().collect::<Vec<u128>>()
    };
    let nothing = |_: &mut Camp| {};
    assert_eq!(told(&[(3, 2, 9)], &nothing), [2]);
    assert_eq!(told(&[(3, 9, 9)], &nothing), [5], "no more than was given");
    assert_eq!(told(&[(3, 2, 9), (3, 4, 9), (3, 1, 9)], &nothing), [4], "once: the most");
    assert_eq!(told(&[(3, 2, 4)], &nothing), [2], "at the first place that is not known");
    assert_eq!(told(&[(3, 2, 3)], &nothing), [], "at a place that has something else");
    let goes_on = |camp: &mut Camp| {
        for n in 5..=7 {
            camp.write(A, Value::Merchant { merchant: merchant(n) });
        }
    };
    assert_eq!(told(&[(3, 2, 5)], &goes_on), [], "at a place that has something else, later on");
    assert_eq!(told(&[(5, 2, 9)], &nothing), [], "of what is not known");
    assert_eq!(told(&[(1, 2, 9)], &nothing), [], "of what handed nothing out");
    let refunded = |camp: &mut Camp| {
        camp.write(A, Value::Refund { redeem: 3, amount: units_of(1), at: NOW });
    };
    assert_eq!(told(&[(3, 2, 9)], &refunded), [], "its own word is here");
    let forked = |camp: &mut Camp| {
        let chain = camp.desk.state.trunk(&value(A));
        let head = camp.desk.state.head(chain);
        camp.desk.state.branch(At { chain, index: head.next }, head);
    };
    assert_eq!(told(&[(3, 2, 9)], &forked), [], "whose redemption?");
}

#[test]
fn units_sent_out_of_no_lot_that_is_known_are_owed_once_a_fault_is_proven() {
    let mut camp = Camp::with_a(20);
    let elsewhere = Head { next: 50, accumulator: Hash([50; 32]) };
    let send = camp.sending(Lot(49), node(B), family(), 4);
    let sent = ticket(&camp.charter.federation(), A, elsewhere, Moved::Send(send));
    camp.force(&value(B), claim_of(sent).into());
    assert_eq!(owed(&camp), [], "the pool has it");
    camp.desk.state.note_fork(feed_of(A), 3);
    assert_eq!(owed(&camp), [(Some(OrgId(2)), 4, false)]);
}

#[test]
fn what_a_close_shows_is_settled_and_nothing_else_is() {
    let mut camp = Camp::with_a(20);
    let shown = camp.seal_at_zero();
    camp.redeem(A, FAMILY, 3);
    camp.seal(&value(A));
    let asked = |camp: &mut Camp| {
        let chain = camp.desk.state.trunk(&value(A));
        let is = |index, cycle| cut::below_close(&camp.desk.state, At { chain, index }, cycle);
        [is(2, MAY), is(3, MAY), is(2, CycleId(6))]
    };
    assert_eq!(asked(&mut camp), [false; 3], "nothing is closed");
    let cuts = bounded([NodeCut { node: node(A), cut: shown }]);
    camp.vote(vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]);
    assert_eq!(asked(&mut camp), [true, false, false]);
    // Where the feed is not known up to its cut, nobody can say.
    let charter = camp.charter.clone();
    let mut desk = Desk { state: State::new(charter, roster(&camp.charter)) };
    desk.force(&value(A), Value::Merchant { merchant: merchant(1) });
    let chain = desk.state.trunk(&value(A));
    assert!(!cut::below_close(&desk.state, At { chain, index: 0 }, MAY));
}
