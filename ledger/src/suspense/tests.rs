//! Feeds that fail, by scenario. One log of blocks and articles; any part of it, in any order, is one state.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::admit::Draft;
use crate::block::{Block, Draft as BlockDraft, Evidence};
use crate::charge::{Charge, charges};
use crate::charter::{Act, Charter, NodeCut, SignedArticle};
use crate::cut::{Label, Reason, Stands};
use crate::entry::{Control, Entry, Lot, Method, Owner, Send, Value};
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{CycleId, FeedId, Lane, OrgId};
use crate::notice::{NodeCertificate, Notice, Roster};
use crate::rejection::Rejection;
use crate::state::State;
use crate::testing::units as units_of;
use crate::testing::*;
use crate::ticket::{Moved, Sent, Ticket};
use crate::time::Hlc;
use crate::view::{ChainNo, Fault};

mod camp;
mod edges;
mod lots;

use camp::Camp;

fn suspended(state: &State) -> Vec<Suspense> {
    among(state, state.pools().map(|(k, p)| (*k, *p)).collect::<Vec<_>>()).collect()
}

fn claim_of(sent: Sent) -> Value {
    Value::Claim { ticket: Box::new(Ticket::Sent(sent, bounded([]))), at: NOW }
}

fn redeem_of(lot: Lot, units: u64) -> Value {
    let (amount, method) = (units_of(units), Method::Pin);
    Value::Redeem { lot, amount, merchant: 0, at: NOW, method }
}

/// The families' lot at A.
const FAMILY: Lot = Lot(2);

fn family() -> Owner {
    Owner::Purse(purse(0))
}

#[test]
fn s05_a_ticket_claimed_before_the_cut_was_heard_costs_its_claimer_nothing() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    let lot = camp.claim(B, sent);
    camp.write(B, Value::Merchant { merchant: merchant(1) });
    camp.redeem(B, lot, 4);
    camp.seal(&value(B));
    camp.fence(A, cut);
    assert_eq!(camp.label(A, 3), Label::Tainted);
    assert_eq!(camp.label(B, 0), Label::Good);
    assert!(camp.charges().is_empty(), "tainted costs nobody anything by itself");
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 16);
    // Released beyond what is left: A's organisation owes it, though B's ticket was tainted.
    camp.release(A, 18, TREASURY);
    let [owed] = &camp.charges()[..] else { panic!("one charge: {:?}", camp.charges()) };
    assert_eq!((owed.org, owed.units, owed.released, owed.heard), (Some(OrgId(2)), 2, 2, None));
    camp.settled();
}

#[test]
fn s05_who_claims_a_tainted_ticket_after_hearing_pays_in_the_senders_place() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    camp.fence(A, cut);
    assert_eq!(camp.ask(B, claim_of(sent)), Err(Rejection::SenderCut), "only to be declined");
    camp.force(&value(B), claim_of(sent).into());
    camp.force(&value(B), Value::Merchant { merchant: merchant(1) }.into());
    camp.force(&value(B), redeem_of(Lot(0), 4).into());
    camp.seal(&value(B));
    assert!(camp.charges().is_empty(), "nothing is short");
    camp.release(A, 19, TREASURY);
    let [heard] = &camp.charges()[..] else { panic!("one charge: {:?}", camp.charges()) };
    assert_eq!((heard.org, heard.units, heard.heard), (Some(OrgId(3)), 3, Some(node(B))));
    camp.release(A, 5, TREASURY);
    let owed: Vec<_> = camp.charges().iter().map(|c| (c.org, c.units)).collect();
    assert_eq!(owed, [(Some(OrgId(3)), 4), (Some(OrgId(2)), 4)], "its own part, and no more");
    camp.settled();
}

#[test]
fn s05_a_lower_cut_that_comes_later_costs_nobody_what_it_took_up_below_the_first() {
    let mut camp = Camp::with_a(20);
    let low = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    let high = camp.seal(&value(A));
    camp.fence(A, high);
    // It heard of the fence, and the ticket stands below.
    let lot = camp.claim(B, sent);
    camp.write(B, Value::Merchant { merchant: merchant(1) });
    camp.redeem(B, lot, 4);
    camp.seal(&value(B));
    camp.fence(A, low);
    camp.release(A, 19, TREASURY);
    let [owed] = &camp.charges()[..] else { panic!("one charge: {:?}", camp.charges()) };
    assert_eq!((owed.org, owed.units, owed.heard), (Some(OrgId(2)), 3, None));
    camp.settled();
}

#[test]
fn s05_a_tainted_ticket_is_declined_although_its_sender_is_fenced() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    camp.seal(&value(A));
    camp.fence(A, cut);
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 16);
    camp.write(B, Value::Basket { entries: 2 });
    let claim = Lot(camp.write(B, claim_of(sent)));
    camp.write_nothing_but_back(B, claim, 4);
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 20, "back in suspense");
    assert_eq!(camp.pool(B), 0);
    camp.release(A, 20, TREASURY);
    assert!(camp.charges().is_empty(), "who declined owes nothing");
    camp.settled();
}

#[test]
fn s09_a_site_burns_its_families_eat_from_reserve_and_late_receipts_are_paid_by_suspense() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(TREASURY, Lot(0), node(B), Owner::Reserve, 10);
    let reserve = camp.claim(B, sent);
    camp.write(B, Value::Merchant { merchant: merchant(1) });
    // Re-issued at once: before any fence, without a quorum, good by the reserve's lot alone.
    let (list, rows) = list(&camp.charter.federation(), B, &[10], NOW);
    camp.write_on(&on(B, Lane::Control), Entry::Control(Control::List(Box::new(list))).into());
    let row = rows[0].clone();
    let (purse, amount) = (row.row.purse, units_of(10));
    let (from, list, expires) = (reserve, 0, LAST);
    let issue = Value::Issue { from, list, row: 0, purse, amount, expires, at: NOW };
    let issued = camp.write_on(&value(B), Draft { entry: issue.into(), row: Some(row) });
    camp.redeem(B, Lot(issued), 10);
    camp.fence(A, Cut::NOTHING);
    // What the burnt site had handed out turns up weeks later.
    camp.force(&value(A), redeem_of(FAMILY, 6).into());
    camp.seal(&value(A));
    let suspense = camp.suspense(A).expect("fenced");
    assert_eq!((suspense.units().units(), suspense.exact), (14, false));
    assert!(camp.charges().is_empty(), "an honest site is never charged");
    assert_eq!(camp.label(A, 3), Label::Tainted);
    camp.settled();
}

#[test]
fn s10_a_fenced_node_comes_back_and_its_suspense_pays_for_what_it_gave() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    let before = camp.pool(A);
    camp.fence(A, cut);
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), before, "a fence moves nothing");
    // It had not heard.
    for _ in 0..7 {
        camp.force(&value(A), redeem_of(FAMILY, 1).into());
    }
    camp.seal_at(&value(A), 0);
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), before - 7);
    // Now it has: nothing but what comes back, and the end.
    let send = camp.sending(Lot(0), node(B), Owner::Budget, 1);
    for refused in
        [redeem_of(FAMILY, 1), Value::Send(send), Value::Merchant { merchant: merchant(2) }]
    {
        assert_eq!(camp.ask(A, refused), Err(Rejection::FeedCut));
    }
    camp.write(A, Value::End { at: NOW });
    assert_eq!(camp.ask(A, Value::End { at: NOW }), Err(Rejection::FeedEnded));
    let suspense = camp.suspense(A).expect("fenced");
    assert_eq!((suspense.units().units(), suspense.exact), (before - 7, true));
    // Released whole after the end: nobody is ever charged.
    let left = u64::try_from(before - 7).expect("positive");
    let ticket = camp.release(A, left, TREASURY);
    let claim = Value::Claim { ticket: Box::new(ticket), at: NOW };
    camp.write(TREASURY, claim.clone());
    assert_eq!(camp.ask(TREASURY, claim.clone()), Err(Rejection::AlreadyClaimed));
    assert_eq!(camp.ask(B, claim), Err(Rejection::NotAddressed));
    assert_eq!(camp.suspense(A).expect("fenced").units().units(), 0);
    assert!(camp.charges().is_empty());
    camp.settled();
}

#[test]
fn s11_a_close_waits_for_nobody_and_what_was_stamped_in_time_is_good_whenever_it_comes() {
    let mut camp = Camp::with_a(20);
    let shown = camp.seal_at_zero();
    camp.redeem(A, FAMILY, 3);
    camp.seal_at(&value(A), 0);
    let cuts = bounded([NodeCut { node: node(A), cut: shown }]);
    camp.vote(vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]);
    assert_eq!([camp.label(A, 2), camp.label(A, 3)], [Label::Good, Label::Late]);
    assert_eq!(camp.label(TREASURY, 0), Label::Late, "without a cut nothing was shown");
    let suspense = camp.suspense(A).expect("the cycle is closed");
    assert_eq!((suspense.because, suspense.units().units()), (Because::Closed, 17));
    assert!(!camp.faults(A).contains(&Fault::Late), "in time");
    assert!(camp.charges().is_empty());
    // Nothing is refused to a feed that nobody cut: it goes on until its families' last minute.
    camp.redeem(A, FAMILY, 1);
    // What was released early is at the quorum's risk, and the organisation's up to that.
    camp.release(A, 16, TREASURY);
    assert!(camp.charges().is_empty());
    camp.redeem(A, FAMILY, 2);
    let owed: Vec<_> = camp.charges().iter().map(|c| (c.org, c.units, c.released)).collect();
    assert_eq!(owed, [(Some(OrgId(2)), 2, 2)]);
    camp.settled();
}

#[test]
fn s14_a_revocation_races_redemptions_and_every_order_is_one_state() {
    let mut camp = Camp::with_a(40);
    let cut = camp.seal_at_zero();
    for n in 0..10 {
        camp.force(&value(A), redeem_of(FAMILY, 1).into());
        if n == 4 {
            camp.revoke(A, A, cut);
        }
        camp.seal_all();
    }
    let chain = camp.desk.state.trunk(&value(A));
    let label = |camp: &Camp, index| cut::label(&camp.desk.state, At { chain, index }, None);
    assert_eq!(label(&camp, 2), Label::Good);
    assert_eq!(label(&camp, 3), Label::Tainted);
    assert_eq!(camp.pool(A), 30, "and nothing moved by it");
    assert!(camp.charges().is_empty());
    let release = Act::Release {
        feed: feed_of(A),
        cycle: MAY,
        commodity: RICE,
        amount: units_of(1),
        reserve: node(B),
    };
    let draft = camp.charter.draft(bounded([release]));
    let refused = Err(crate::charter::CharterRejection::NotFenced);
    assert_eq!(camp.charter.check_draft(&draft), refused, "a revocation permits no release");
    camp.settled();
}

/// Whoever has the laptop signs its acceptance for whom he likes; the lower number of two organisations stands.
#[test]
fn who_stole_a_node_ends_no_revocation_by_having_another_organisation_certify_it() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    camp.revoke(A, A, cut);
    let own = camp.desk.state.roster().org_of(&node(A)).expect("certified");
    let (charter, federation) = (charter(), camp.desk.federation());
    let mut roster = camp.desk.state.roster().clone();
    let org = u8::try_from(own.0).expect("small");
    let in_place = NodeCertificate { replaces: Some(node(A)), ..certificate(&federation, org, 77) };
    let learn = |roster: &mut Roster, by: u8, certificate: NodeCertificate| {
        let signed = Notice::Node(certificate).sign(&federation, &key(by));
        roster.learn(&charter, &signed).expect("a good notice");
    };
    learn(&mut roster, org, in_place);
    assert!(roster.successor(&node(A)).is_some());
    for other in (1..=3u8).filter(|other| u16::from(*other) != own.0) {
        learn(&mut roster, other, certificate(&federation, other, A));
    }
    assert!(roster.certificates(&node(A)).count() == 3 && roster.successor(&node(A)).is_some());
    for said in camp.desk.state.revocations(&feed_of(A)) {
        assert!(cut::may_revoke(&roster, &said), "{:?}", roster.org_of(&node(A)));
    }
}

#[test]
fn s15_organisations_revoke_their_own_feeds_only_and_food_goes_on() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    // B's organisation says it of A's feed, and A's of B's: kept, and worth nothing.
    camp.revoke(B, A, Cut::NOTHING);
    camp.revoke(A, B, Cut::NOTHING);
    assert_eq!(cut::lowest(&camp.desk.state, &feed_of(A)), None);
    assert_eq!(cut::lowest(&camp.desk.state, &feed_of(B)), None);
    let wrong =
        Control::Revoke { feed: feed_of(B), cut: Cut::NOTHING, reason: Reason::Late, at: NOW };
    let asked = camp.desk.ask(&on(A, Lane::Control), &Entry::Control(wrong).into());
    assert_eq!(asked, Err(Rejection::MayNotRevoke));
    // Each its own: both apply, both stop, and what was handed out stays.
    camp.redeem(A, FAMILY, 2);
    camp.revoke(A, A, cut);
    camp.revoke(B, B, Cut::NOTHING);
    assert_eq!(cut::lowest(&camp.desk.state, &feed_of(A)), Some(cut));
    assert_eq!(camp.ask(A, redeem_of(FAMILY, 1)), Err(Rejection::FeedCut));
    assert_eq!(camp.ask(B, Value::Merchant { merchant: merchant(1) }), Err(Rejection::FeedCut));
    let send = camp.sending(Lot(0), node(A), Owner::Budget, 1);
    assert_eq!(camp.ask(TREASURY, Value::Send(send)), Err(Rejection::ReceiverCut));
    assert_eq!(camp.pool(A), 18);
    assert!(camp.charges().is_empty());
    camp.settled();
}

#[test]
fn s16_the_lowest_cut_wins_whoever_set_it_and_whenever() {
    let mut camp = Camp::with_a(20);
    let low = camp.seal_at_zero();
    camp.redeem(A, FAMILY, 1);
    let high = camp.seal(&value(A));
    camp.redeem(A, FAMILY, 1);
    camp.seal(&value(A));
    let lowest = |camp: &Camp| cut::lowest(&camp.desk.state, &feed_of(A));
    camp.fence(A, high);
    assert_eq!(lowest(&camp), Some(high));
    let before = camp.suspense(A).expect("fenced").units();
    camp.revoke(A, A, low);
    assert_eq!(lowest(&camp), Some(low));
    camp.fence(A, Cut { seq: 9, head: Hash([9; 32]) });
    assert_eq!(lowest(&camp), Some(low), "never raised again");
    assert_eq!(camp.suspense(A).expect("fenced").units(), before, "the same for every cut");
    assert_eq!([camp.label(A, 2), camp.label(A, 3)], [Label::Good, Label::Tainted]);
    camp.settled();
}

#[test]
fn s18_a_release_before_the_end_charges_an_honest_feed_at_most_what_was_released() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    camp.fence(A, cut);
    camp.release(A, 20, TREASURY);
    assert!(camp.charges().is_empty());
    for given in 1..=10u32 {
        camp.force(&value(A), redeem_of(FAMILY, 1).into());
        let owed: u128 = camp.charges().iter().map(|c| c.units).sum();
        assert_eq!(owed, u128::from(given));
        assert!(owed <= 20, "at most what was released");
    }
    camp.settled();
}

#[test]
fn s19_blocks_of_the_old_key_are_good_up_to_its_end_and_the_new_key_claims_nothing_of_it() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(TREASURY, Lot(0), node(A), Owner::Budget, 5);
    camp.redeem(A, FAMILY, 2);
    camp.write(A, Value::End { at: NOW });
    let last = camp.seal(&value(A));
    let feed = feed_of(A);
    camp.vote(vec![Act::Fence { feed, cut: last, reason: Reason::HandedOver }]);
    for index in 0..=4 {
        assert_eq!(camp.label(A, index), Label::Good, "{index}");
    }
    // The new incarnation is another node: what is in flight to the old key is not addressed to it.
    let federation = camp.charter.federation();
    let mut roster = roster(&camp.charter);
    let new = NodeCertificate {
        replaces: Some(node(A)),
        issued: crate::time::Minute(50),
        ..certificate(&federation, 2, 40)
    };
    let said = Notice::Node(new).sign(&federation, &key(2));
    roster.learn(&camp.charter, &said).expect("a good certificate");
    let mut other = Desk { state: State::new(camp.charter.clone(), roster) };
    let asked = other.ask(&value(40), &Entry::Value(claim_of(sent)).into());
    assert_eq!(asked, Err(Rejection::NotAddressed));
    // Written all the same, it is a proven fault of the new key and opens nothing.
    other.force(&value(40), claim_of(sent));
    let found: Vec<_> = other.state.faults().map(|(_, fault)| *fault).collect();
    assert_eq!(found, [Fault::NotAddressed]);
    // What is in flight belongs to the suspense of the old key, exact now that it ended.
    let suspense = camp.suspense(A).expect("fenced");
    assert_eq!((suspense.units().units(), suspense.exact), (23, true));
    // Anything after the end is listed, and folds.
    camp.force(&value(A), redeem_of(FAMILY, 1).into());
    assert_eq!(camp.label(A, 5), Label::AfterEnd);
    assert!(camp.faults(A).contains(&Fault::AfterEnd));
    assert_eq!(camp.pool(A), 22);
    let proven = crate::charge::proven(&camp.desk.state, &feed_of(A));
    assert_eq!(proven, None, "and proves nothing");
    camp.settled();
}

#[test]
fn row_21_fork_fence_decline_release_what_lots_lack_and_what_the_pool_lacks() {
    let mut camp = Camp::with_a(20);
    let cut = camp.seal_at_zero();
    camp.fence(A, cut);
    // The family's lot is overdrawn by two: a proven fault, charged lot by lot.
    camp.force(&value(A), redeem_of(FAMILY, 12).into());
    camp.seal(&value(A));
    let owed = |camp: &Camp| camp.charges().iter().map(|c| c.units).sum::<u128>();
    assert_eq!((owed(&camp), camp.pool(A)), (2, 8));
    // Ten are still in the budget's lot beside it. Releasing them takes nothing from anybody.
    camp.release(A, 10, TREASURY);
    assert_eq!((owed(&camp), camp.pool(A)), (2, -2), "a release names no lot: not charged twice");
    // One more than there is: that one is owed, too.
    camp.release(A, 1, TREASURY);
    assert_eq!((owed(&camp), camp.pool(A)), (3, -3));
    camp.settled();
}

#[test]
fn a_ticket_that_cannot_be_told_is_declined_and_one_that_can_is_taken() {
    let mut camp = Camp::with_a(20);
    let sent = camp.send(A, FAMILY, node(B), family(), 4);
    let cut = camp.seal(&value(A));
    let late = camp.send(A, FAMILY, node(B), family(), 1);
    camp.seal(&value(A));
    camp.fence(A, cut);
    assert_eq!(camp.ask(B, claim_of(sent)), Ok(()), "below the cut: as good as ever");
    assert_eq!(camp.ask(B, claim_of(late)), Err(Rejection::SenderCut));
    // B alone, with the articles and without A's blocks.
    let mut alone = Desk { state: State::new(camp.charter.clone(), roster(&camp.charter)) };
    let stands = |desk: &Desk, sent: &Sent| {
        cut::stands(&desk.state, &feed_of(A), sent.index, &sent.accumulator())
    };
    assert_eq!((sent.index, late.index, cut.seq), (3, 4, 2));
    assert_eq!(stands(&alone, &sent), Stands::Unknown);
    let asked = alone.ask(&value(B), &Entry::Value(claim_of(sent)).into());
    assert_eq!(asked, Err(Rejection::SenderCut));
    let far = Sent { index: 512, ..sent };
    let near = Sent { index: 1, ..sent };
    assert_eq!((stands(&alone, &near), stands(&alone, &far)), (Stands::Below, Stands::Above));
    // With a cut below everything, everything is above.
    camp.fence(A, Cut::NOTHING);
    let alone = Desk { state: State::new(camp.charter.clone(), roster(&camp.charter)) };
    assert_eq!(stands(&alone, &near), Stands::Above);
}

#[test]
fn on_a_forked_feed_a_cut_names_one_branch() {
    let mut camp = Camp::with_a(20);
    let shared = camp.seal_at_zero();
    camp.redeem(A, FAMILY, 1);
    let ours = camp.seal(&value(A));
    // The other branch, from the same place.
    let federation = camp.charter.federation();
    let (_, block) = camp.blocks.last().expect("ours");
    let start = block.header.start();
    let other = seal(&federation, A, value(A), 1, start, &[redeem_of(FAMILY, 2).into()]);
    let state = &mut camp.desk.state;
    let trunk = state.trunk(&value(A));
    let branch = state.branch(At { chain: trunk, index: start.next }, start);
    let verified = other.verify(&federation, &value(A)).expect("a good block");
    state.fold_block(branch, &verified).expect("in its place");
    let theirs = Cut { seq: 2, head: other.header.hash() };
    let below = |chain: ChainNo, cut: &Cut| cut::below(&camp.desk.state, chain, cut);
    assert_eq!((below(trunk, &shared), below(branch, &shared)), (Some(3), Some(3)));
    assert_eq!((below(trunk, &ours), below(branch, &ours)), (Some(4), Some(3)));
    assert_eq!((below(trunk, &theirs), below(branch, &theirs)), (Some(3), Some(4)));
    let unknown = Cut { seq: 2, head: Hash([5; 32]) };
    assert_eq!((below(trunk, &unknown), below(branch, &unknown)), (Some(0), Some(0)));
    let later = Cut { seq: 3, head: Hash([5; 32]) };
    assert_eq!((below(trunk, &later), below(branch, &later)), (None, None), "not known so far");
}

/// One step of a camp where things go wrong. Numbers are drawn, and taken as far as they make sense.
#[derive(Clone, Copy, Debug)]
enum Step {
    Redeem(u8, u64),
    Send(u8, u8, u64),
    Claim(u8),
    Seal(u8),
    Fence(u8, u8),
    Revoke(u8, u8),
    Release(u8, u64),
    Close(u8),
    End(u8),
}

fn steps() -> impl Strategy<Value = Step> {
    let who = 0u8..3;
    let few = 1u64..6;
    prop_oneof![
        3 => (who.clone(), few.clone()).prop_map(|(w, n)| Step::Redeem(w, n)),
        3 => (who.clone(), who.clone(), few.clone()).prop_map(|(a, b, n)| Step::Send(a, b, n)),
        3 => any::<u8>().prop_map(Step::Claim),
        3 => who.clone().prop_map(Step::Seal),
        1 => (who.clone(), 0u8..4).prop_map(|(w, n)| Step::Fence(w, n)),
        1 => (who.clone(), 0u8..4).prop_map(|(w, n)| Step::Revoke(w, n)),
        1 => (who.clone(), few).prop_map(|(w, n)| Step::Release(w, n)),
        1 => (0u8..4).prop_map(Step::Close),
        1 => who.prop_map(Step::End),
    ]
}

const WHO: [u8; 3] = [TREASURY, A, B];

/// Cuts that are true of a feed: below everything, or after one of its blocks.
fn cut_of(camp: &Camp, seed: u8, nth: u8) -> Cut {
    let mut cuts = vec![Cut::NOTHING];
    let blocks = camp.blocks.iter().filter(|(feed, _)| *feed == value(seed));
    cuts.extend(blocks.map(|(_, b)| Cut { seq: b.header.seq + 1, head: b.header.hash() }));
    cuts[usize::from(nth) % cuts.len()]
}

fn take(camp: &mut Camp, step: Step, tickets: &mut Vec<Sent>) {
    let who = |n: u8| WHO[usize::from(n)];
    match step {
        // Nobody asks: that is what feeds do that have not heard, or do not care.
        Step::Redeem(w, n) => {
            camp.force(&value(who(w)), redeem_of(FAMILY, n).into());
        }
        Step::Send(from, to, n) => {
            let send = camp.sending(Lot(0), node(who(to)), Owner::Budget, n);
            tickets.push(camp.send_unasked(who(from), send));
        }
        Step::Claim(n) if !tickets.is_empty() => {
            let sent = tickets[usize::from(n) % tickets.len()];
            let to = WHO.into_iter().find(|s| node(*s) == sent.moved.to()).expect("one of three");
            camp.force(&value(to), claim_of(sent).into());
        }
        Step::Seal(w) => {
            let feed = value(who(w));
            if camp.pens.get(&feed).is_some_and(|pen| !pen.open.is_empty()) {
                camp.seal(&feed);
            }
        }
        Step::Fence(w, n) => {
            let cut = cut_of(camp, who(w), n);
            camp.fence(who(w), cut);
        }
        Step::Revoke(w, n) => {
            let cut = cut_of(camp, who(w), n);
            camp.revoke(who(w), who(w), cut);
        }
        Step::Release(w, n) => {
            let reserve = WHO.into_iter().find(|s| camp.charter.fences(&feed_of(*s)).is_empty());
            let fenced = !camp.charter.fences(&feed_of(who(w))).is_empty();
            if let (Some(reserve), true) = (reserve, fenced) {
                let ticket = camp.release(who(w), n, reserve);
                let claim = Value::Claim { ticket: Box::new(ticket), at: NOW };
                camp.force(&value(reserve), claim.into());
            }
        }
        Step::Close(n) => {
            let cuts = WHO.map(|seed| NodeCut { node: node(seed), cut: cut_of(camp, seed, n) });
            let mut cuts = cuts.to_vec();
            cuts.sort_unstable();
            let (programme, cycle) = (FOOD, CycleId(MAY.0));
            camp.vote(vec![Act::Close { programme, cycle, cuts: bounded(cuts) }]);
        }
        Step::End(w) => {
            camp.force(&value(who(w)), Value::End { at: NOW }.into());
        }
        Step::Claim(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_blocks_and_articles_is_one_state_one_suspense_one_charge(
        steps in prop::collection::vec(steps(), 4..24),
        picks in prop::collection::vec(any::<u8>(), 3..40),
    ) {
        let mut camp = Camp::with_a(20);
        let mut tickets = Vec::new();
        for step in steps {
            take(&mut camp, step, &mut tickets);
        }
        camp.seal_all();
        let state = camp.replayed(&picks);
        prop_assert_eq!(state.root(), camp.desk.state.root());
        prop_assert_eq!(suspended(&state), suspended(&camp.desk.state));
        prop_assert_eq!(charges(&state), camp.charges());
        let sum = |p: &Pool| p.lots.plus(p.arriving).plus(p.redeemed).units();
        let all = state.pools().filter(|(k, _)| k.programme == FOOD).map(|(_, p)| sum(p));
        prop_assert_eq!(all.sum::<i128>(), i128::from(VOTED));
    }
}
