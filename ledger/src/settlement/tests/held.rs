//! Which settlements hold what they name, and what it costs to ask.

use super::cover::{by_itself, say, single, stretch};
use super::*;
use crate::charter::{Act, SignedArticle};
use crate::cut::{Cut, Reason};
use crate::feed::Head;
use crate::fold::{Place, fold};
use crate::id::OrgId;
use crate::notice::{NodeCertificate, Notice, Roles};
use crate::state::State;
use crate::view::{ChainNo, Change, Fault};

/// A of which two redemptions are known.
fn two(desk: &mut Desk) -> Burnt {
    let a = Burnt::new(desk, [redeem(2, 5), redeem(3, 4)]);
    a.arrive(desk, 6);
    a
}

/// Fences the first treasury.
fn fence(desk: &mut Desk, cut: Cut) {
    let charter = desk.state.charter().clone();
    let act = Act::Fence { feed: feed_of(TREASURY), cut, reason: Reason::Lost };
    let article = charter.draft(bounded([act]));
    let by = |n: u8| (OrgId(n.into()), article.sign(&desk.federation(), &key(n)));
    let signed = SignedArticle { signatures: bounded([1, 2, 3].map(by)), article: article.clone() };
    desk.state.enact(charter.apply(&signed).expect("a good article"));
}

/// Seals what a treasury wrote below an index, in one block: the cut that ends there.
fn seal_below(desk: &mut Desk, index: u64) -> Cut {
    let chain = desk.state.trunk(&value(TREASURY));
    let entry = |index| desk.state.entry(At { chain, index }).map(Entry::Value);
    let entries: Vec<Entry> = (0..index).map(|index| entry(index).expect("it is here")).collect();
    let federation = desk.federation();
    let start = Head::start(&federation, &value(TREASURY));
    let block = seal(&federation, TREASURY, value(TREASURY), 0, start, &entries);
    desk.state.seal(chain, &block.header);
    Cut { seq: 1, head: block.header.hash() }
}

/// Whether the successor finds A's entries free.
fn free(desk: &Desk) -> bool {
    !lines(&desk.state, &feed_of(A), &reach(6, false)).is_empty()
}

#[test]
fn a_draft_that_can_no_longer_be_paid_leaves_its_rows_to_another() {
    // The treasury is cut so many entries behind its draft; of its three steps so many are known.
    for (behind, steps, held) in [
        (None, 0, true),
        (None, 3, true),
        (Some(0), 0, false),
        (Some(1), 0, false),
        (Some(1), 2, false),
        (Some(3), 2, false),
        (Some(3), 3, true),
        (Some(4), 3, true),
        // Paid above the cut: three people said so, and nobody else has their keys.
        (Some(3), 3, true),
        (Some(1), 3, true),
        (Some(0), 3, true),
    ] {
        let mut desk = desk();
        two(&mut desk);
        let (at, _) = draft(&mut desk, TREASURY, &reach(6, false)).expect("two rows");
        for (taken, who) in
            [Step::Verified, Step::Approved, Step::Paid].into_iter().zip(PEOPLE).take(steps)
        {
            let step = step(&mut desk, TREASURY, at, taken, who);
            desk.write(&value(TREASURY), step);
        }
        assert!(!free(&desk), "a draft holds what it names");
        if let Some(behind) = behind {
            while desk.head(&value(TREASURY)).next < at + behind {
                desk.force(&value(TREASURY), Value::Merchant { merchant: merchant(9) });
            }
            let cut = seal_below(&mut desk, at + behind);
            fence(&mut desk, cut);
        }
        assert_eq!(!free(&desk), held, "cut {behind:?} behind, {steps} steps");
        assert_eq!(draft(&mut desk, SUCCESSOR, &reach(6, false)).is_none(), held);
    }
}

#[test]
fn a_draft_holds_while_a_payment_below_the_cut_may_still_turn_up() {
    let mut desk = desk();
    two(&mut desk);
    let (at, _) = draft(&mut desk, TREASURY, &reach(6, false)).expect("two rows");
    fence(&mut desk, Cut { seq: 2, head: Hash([7; 32]) });
    assert!(!free(&desk), "up to the cut it is not known");
    let below = seal_below(&mut desk, at + 1);
    assert!(!free(&desk));
    fence(&mut desk, below);
    assert!(free(&desk));
}

#[test]
fn a_draft_whose_feed_ended_unpaid_is_free_and_on_a_branch_that_goes_on_it_is_not() {
    let mut desk = desk();
    two(&mut desk);
    let (at, _) = draft(&mut desk, TREASURY, &reach(6, false)).expect("two rows");
    let trunk = desk.state.trunk(&value(TREASURY));
    let head = desk.head(&value(TREASURY));
    desk.force(&value(TREASURY), Value::End { at: NOW });
    assert!(free(&desk));
    let other = desk.state.branch(At { chain: trunk, index: at + 1 }, head);
    let entry = Entry::Value(Value::Merchant { merchant: merchant(9) });
    desk.state.fold(other, head.after(&entry.encode()).accumulator, &entry);
    assert!(!free(&desk), "there it can still be paid");
    let entry = Entry::Value(Value::End { at: NOW });
    let after = desk.state.head(other).after(&entry.encode());
    desk.state.fold(other, after.accumulator, &entry);
    assert!(free(&desk));
    // Two branches have it and one is paid: below its end, or beyond it.
    let (again, _) = draft(&mut desk, SUCCESSOR, &reach(6, false)).expect("two rows");
    assert!(!free(&desk), "{again}");
}

/// Nothing that was paid is unpaid: who comes later with a payment from above the cut shows what was settled twice.
#[test]
fn a_payment_that_turns_up_above_the_cut_counts_and_its_reference_is_refused() {
    let mut desk = desk();
    let a = two(&mut desk);
    let (at, rows) = draft(&mut desk, TREASURY, &reach(6, false)).expect("two rows");
    let cut = seal_below(&mut desk, at + 1);
    fence(&mut desk, cut);
    let (again, same) = draft(&mut desk, SUCCESSOR, &reach(6, false)).expect("the same rows");
    pay(&mut desk, SUCCESSOR, again);
    let leaf = leaf(&a.entries[4].0.encode());
    let settled_in = |desk: &Desk| settled(&desk.state, &feed_of(A), 4, &leaf).len();
    assert_eq!(settled_in(&desk), 1);
    let chain = desk.state.trunk(&value(TREASURY));
    let lost = |desk: &Desk| {
        let row = desk.state.settlement(At { chain, index: at }).expect("a draft");
        is_paid_beyond(&desk.state, At { chain, index: at }, &row)
    };
    assert!(!lost(&desk));
    for (taken, who) in [Step::Verified, Step::Approved, Step::Paid].into_iter().zip(PEOPLE) {
        let step = step(&mut desk, TREASURY, at, taken, who);
        desk.force(&value(TREASURY), step.entry);
    }
    assert_eq!(settled_in(&desk), 2);
    assert!(lost(&desk));
    let mut payer = Payer::default();
    payer.pay(&desk.federation(), &rows);
    payer.pay(&desk.federation(), &same);
    assert!(payer.paid.values().all(|kinds| kinds.len() == 1));
}

/// A certificate of the operator who recorded a payment may be on its way: what she recorded below the cut is not paid anew.
#[test]
fn a_payment_below_the_cut_holds_though_nobody_is_known_who_may_have_recorded_it() {
    let mut desk = desk();
    two(&mut desk);
    let (at, _) = draft(&mut desk, TREASURY, &reach(6, false)).expect("two rows");
    for (taken, who) in [(Step::Verified, 60), (Step::Approved, 61), (Step::Paid, 99)] {
        let step = step(&mut desk, TREASURY, at, taken, who);
        desk.force(&value(TREASURY), step.entry);
    }
    assert!(!free(&desk));
    let cut = seal_below(&mut desk, at + 4);
    fence(&mut desk, cut);
    assert!(!free(&desk));
    fence(&mut desk, Cut::NOTHING);
    assert!(free(&desk), "what stands above, and is of nobody known, is not waited for");
}

/// A node of this organisation, with these roles, for these programmes, in the place of A.
fn with(org: u8, roles: Roles, programmes: &[ProgrammeId]) -> Desk {
    let mut desk = desk();
    let charter = desk.state.charter().clone();
    let mut roster = desk.state.roster().clone();
    let node = NodeCertificate {
        roles,
        programmes: bounded(programmes.iter().copied()),
        ceilings: Bounded::empty(),
        ..certificate(&charter.federation(), org, 50)
    };
    let notice = Notice::Node(node).sign(&charter.federation(), &key(org));
    roster.learn(&charter, &notice).expect("a good notice");
    desk.state = State::new(charter, roster);
    desk
}

#[test]
fn only_a_treasury_of_the_programme_or_of_one_with_a_budget_in_it_holds() {
    let treasury = Roles::TREASURY.and(Roles::MERCHANT);
    let refused = |why| (Err(why), false);
    for (org, roles, programmes, (asked, may)) in [
        (1, treasury, &[FOOD][..], (Ok(()), true)),
        (1, Roles::MERCHANT, &[FOOD], refused(Rejection::OtherRole)),
        (1, treasury, &[CASH], refused(Rejection::NotCertified)),
        // CASH is the second's programme, and FOOD has budgets for the first alone.
        (2, treasury, &[FOOD], refused(Rejection::OtherRole)),
        (3, treasury, &[FOOD], refused(Rejection::OtherRole)),
    ] {
        let mut desk = with(org, roles, programmes);
        two(&mut desk);
        let first = desk.head(&value(50)).next;
        let lines = lines(&desk.state, &feed_of(A), &reach(6, false));
        let rows = rows(&desk.state, FOOD, &lines).expect("all is here");
        let mut tally = Tally::default();
        assert!(rows.iter().all(|row| tally.push(row)));
        for line in lines {
            assert_eq!(desk.ask(&value(50), &settle(line.clone())), asked, "{org} {roles:?}");
            desk.force(&value(50), settle(line).entry);
        }
        let frozen = tally.finish(first).expect("rows");
        let at = desk.force(&value(50), settle(frozen).entry);
        assert_eq!(!free(&desk), may, "{org} {roles:?} {programmes:?}");
        for (taken, who) in [Step::Verified, Step::Approved, Step::Paid].into_iter().zip(PEOPLE) {
            let step = step(&mut desk, 50, at, taken, who);
            desk.force(&value(50), step.entry);
        }
        let leaf = rows[0].what.leaf;
        let counts = !settled(&desk.state, &feed_of(A), 4, &leaf).is_empty();
        assert_eq!((counts, !free(&desk)), (may, may), "paid, by {org}");
    }
    // Another organisation's own programme, and a budget of it that the first one's treasury holds.
    let desk = with(2, treasury, &[CASH]);
    let cash = |seed| FeedRef::value(node(seed), CASH);
    assert!(may_settle(&desk.state, &cash(50)));
    assert!(!may_settle(&desk.state, &cash(A)), "it has no certificate for it");
    assert!(!may_settle(&desk.state, &cash(99)));
    let desk = with(1, treasury, &[CASH]);
    assert!(may_settle(&desk.state, &cash(50)), "it holds a budget there");
}

/// Whichever comes first, the drafts or the fence of a feed, and whoever is certified by then: one state, of which who asks
/// is told by what she knows.
#[test]
fn who_holds_does_not_depend_on_what_came_first() {
    let settling = |fence_first: bool, seeds: [u8; 2], known: bool| {
        let mut desk = desk();
        if !known {
            let charter = charter();
            let roster = roster(&charter);
            desk.state = State::new(charter, roster);
        }
        two(&mut desk);
        if fence_first {
            fence(&mut desk, Cut::NOTHING);
        }
        let line = stretch(&mut desk, 4, 6, &[]);
        let mut tally = Tally::default();
        for row in rows(&desk.state, FOOD, std::slice::from_ref(&line)).expect("all is here") {
            assert!(tally.push(&row));
        }
        for seed in seeds {
            let first = desk.force(&value(seed), settle(line.clone()).entry);
            let frozen = tally.clone().finish(first).expect("rows");
            desk.force(&value(seed), settle(frozen).entry);
        }
        if !fence_first {
            fence(&mut desk, Cut::NOTHING);
        }
        let held = |seed| {
            let chain = desk.state.branches(&feed_of(seed))[0];
            let index = desk.state.head(chain).next - 1;
            let row = desk.state.settlement(At { chain, index }).expect("a draft");
            holds(&desk.state, At { chain, index }, &row)
        };
        ([TREASURY, SUCCESSOR].map(held), desk.state.root())
    };
    let (held, root) = settling(false, [TREASURY, SUCCESSOR], true);
    assert_eq!(held, [false, true]);
    for fence_first in [false, true] {
        for seeds in [[TREASURY, SUCCESSOR], [SUCCESSOR, TREASURY]] {
            assert_eq!(settling(fence_first, seeds, true), (held, root));
            assert_eq!(settling(fence_first, seeds, false), ([false, false], root));
        }
    }
}

#[test]
fn a_row_of_a_refund_takes_no_more_than_earlier_ones_left() {
    let refund = |amount| Value::Refund { redeem: 4, amount: units(amount), at: NOW };
    let named = Value::Merchant { merchant: merchant(9) };
    // What the first branch took back by a stretch or by a row, what the other may still take, and what is too much.
    for (ours, theirs, left) in [(3, 7, 4), (7, 3, 0), (5, 5, 0)] {
        for by_stretch in [true, false] {
            let mut desk = desk();
            let a = Burnt::new(&mut desk, [redeem(2, 10), refund(ours)]);
            a.arrive(&mut desk, 6);
            let line = if by_stretch {
                stretch(&mut desk, 4, 6, &[])
            } else {
                by_itself([single(5, &refund(ours), 0)])
            };
            say(&mut desk, &[line]).expect("what is known");
            a.twin(&mut desk, 5, [named.clone(), refund(theirs)]);
            let row = |amount| {
                by_itself([Single { amount: units(amount), ..single(6, &refund(theirs), 0) }])
            };
            let exceeds = Err(Rejection::ExceedsRedemption);
            assert_eq!(say(&mut desk, &[row(left + 1)]), exceeds, "{ours}, {theirs}");
            assert_eq!(say(&mut desk, &[row(theirs)]), exceeds, "all that it says");
            if left > 0 {
                assert!(say(&mut desk, &[row(left)]).is_ok(), "{ours}, {theirs}");
            }
        }
    }
    // In one draft, in any order of its rows.
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 10), named, refund(3)]);
    a.arrive(&mut desk, 7);
    a.twin(&mut desk, 5, [refund(7)]);
    let (first, second) = (single(5, &refund(7), 0), single(6, &refund(3), 0));
    let both = |one, two| {
        let amount = |amount, of| Single { amount: units(amount), ..of };
        by_itself([amount(one, first), amount(two, second)])
    };
    assert_eq!(say(&mut desk, &[both(7, 1)]), Err(Rejection::ExceedsRedemption));
    assert_eq!(say(&mut desk, &[both(5, 3)]), Err(Rejection::ExceedsRedemption));
    assert!(say(&mut desk, &[both(4, 3)]).is_ok());
}

/// The same bytes on two branches, of which one refunds another redemption.
#[test]
fn refunds_that_cannot_be_told_apart_take_back_what_both_may() {
    let refund = |amount| Value::Refund { redeem: 4, amount: units(amount), at: NOW };
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund(3)]);
    a.arrive(&mut desk, 6);
    a.twin(&mut desk, 4, [redeem(2, 6), refund(3)]);
    let row = |copy, amount| Single { amount: units(amount), ..single(5, &refund(3), copy) };
    assert!(say(&mut desk, &[by_itself([row(0, 3)])]).is_ok());
    assert_eq!(say(&mut desk, &[by_itself([row(1, 4)])]), Err(Rejection::SettlementWrong));
    assert!(say(&mut desk, &[by_itself([row(1, 3)])]).is_ok());
}

/// A draft over lines at the end of a treasury's feed, as anybody may write it.
fn forced(desk: &mut Desk, lines: impl IntoIterator<Item = Settling>) -> (ChainNo, Settling) {
    let first = desk.head(&value(TREASURY)).next;
    for line in lines {
        desk.force(&value(TREASURY), settle(line).entry);
    }
    let draft = Settling::Draft { first, root: Hash::ZERO, rows: 1, totals: Bounded::empty() };
    (desk.state.trunk(&value(TREASURY)), draft)
}

/// What it takes to fold an entry at the end of a chain, and what comes of it.
fn cost(desk: &Desk, chain: ChainNo, settling: &Settling) -> (usize, Vec<Change>) {
    let head = desk.state.head(chain);
    let view = Above::of(&desk.state, 0);
    let entry = settle(settling.clone()).entry;
    let (feed, at) = (desk.state.chain(chain).feed, At { chain, index: head.next });
    let accumulator = head.after(&entry.encode()).accumulator;
    let place = Place { feed, at, accumulator, last_stamp: NOW };
    let changes = fold(&view, &place, &entry);
    (view.looked.get(), changes)
}

fn broken(changes: &[Change]) -> bool {
    matches!(changes, [Change::Fault(_, Fault::SettlementBroken)])
}

#[test]
fn a_draft_costs_its_readers_what_stands_since_the_one_before_it() {
    const LINES: usize = 400;
    let mut desk = desk();
    two(&mut desk);
    let one = |from| {
        let (node, head, except) = (node(A), Hash::ZERO, Bounded::empty());
        Settling::Stretch { node, from, to: from + 1, head, except }
    };
    let (chain, draft) = forced(&mut desk, (0..LINES as u64).map(one));
    let (looked, changes) = cost(&desk, chain, &draft);
    assert_eq!(changes.len(), LINES + 1, "each line, and the settlement");
    assert!(looked <= 2 * LINES, "{looked} looks at {LINES} lines");
    let Settling::Draft { first, root, rows, totals } = draft.clone() else { panic!("a draft") };
    desk.force(&value(TREASURY), settle(draft).entry);
    // Again over the same, and once more over nothing.
    let again = Settling::Draft { first, root, rows, totals };
    let (looked, changes) = cost(&desk, chain, &again);
    assert!(broken(&changes) && looked <= 2, "{looked}");
    // What stands since can be drafted alone.
    let (chain, fresh) = forced(&mut desk, [one(0)]);
    assert!(broken(&cost(&desk, chain, &again).1), "over an earlier draft");
    assert_eq!(cost(&desk, chain, &fresh).1.len(), 2);
}

#[test]
fn a_draft_whose_stretches_overlap_freezes_nothing_and_is_refused_unread() {
    const WIDE: u64 = 1 << 32;
    let parts = |parts: &[(u8, u64, u64)]| {
        let stretch = |(of, from, to): &(u8, u64, u64)| {
            let (node, head, except) = (node(*of), Hash::ZERO, Bounded::empty());
            Settling::Stretch { node, from: *from, to: *to, head, except }
        };
        parts.iter().map(stretch).collect::<Vec<_>>()
    };
    for (lines, overlaps) in [
        (&[(A, 0, WIDE), (A, 0, WIDE)][..], true),
        (&[(A, 0, WIDE), (A, WIDE - 1, WIDE)], true),
        (&[(A, 7, 9), (A, 0, 8)], true),
        (&[(A, 0, WIDE), (B, 0, WIDE)], false),
        (&[(A, 7, 9), (A, 0, 7)], false),
        (&[(A, 5, 5), (A, 0, 7)], false),
    ] {
        assert_eq!(overlap(&parts(lines)), overlaps, "{lines:?}");
        let mut desk = desk();
        two(&mut desk);
        let (chain, draft) = forced(&mut desk, parts(lines));
        let (looked, changes) = cost(&desk, chain, &draft);
        assert_eq!(broken(&changes), overlaps, "{lines:?}");
        assert!(looked <= 4, "{looked}");
        if overlaps {
            let asked = desk.ask(&value(TREASURY), &settle(draft));
            assert_eq!(asked, Err(Rejection::SettledBefore));
            assert_eq!(rows(&desk.state, FOOD, &parts(lines)), None);
        }
    }
}

/// However many drafts hold parts of a feed, to ask what waits costs no more than its entries and their lines.
#[test]
fn what_waits_is_found_in_one_walk_whatever_others_have_drafted() {
    const ENTRIES: u64 = 300;
    let mut desk = desk();
    let a = Burnt::new(&mut desk, (4..ENTRIES).map(|_| redeem(2, 0)));
    a.arrive(&mut desk, a.entries.len());
    // The same stretch in as many settlements: of a treasury that writes what it likes.
    let whole = stretch(&mut desk, 0, ENTRIES, &[]);
    for _ in 0..ENTRIES {
        let (_, draft) = forced(&mut desk, [whole.clone()]);
        desk.force(&value(TREASURY), settle(draft).entry);
    }
    let view = Above::of(&desk.state, 0);
    assert!(lines(&view, &feed_of(A), &reach(ENTRIES, true)).is_empty());
    let looked = view.looked.get();
    assert!(looked <= 8 * ENTRIES as usize, "{looked} looks at {ENTRIES} entries");
    let asked = Above { looked: Default::default(), ..view };
    let covered = coverage(&asked, &feed_of(A));
    assert!(covered.says_again(&asked, &feed_of(A), &whole));
    assert!(asked.looked.get() <= 8 * ENTRIES as usize);
}
