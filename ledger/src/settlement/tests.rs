//! Settled once, by name: whatever is found, cut, forked or lost in between.

use super::*;
use crate::admit::Draft;
use crate::entry::{Entry, Value};
use crate::feed::leaf;
use crate::orphan::tests::{Burnt, orphan, redeem};
use crate::rejection::Rejection;
use crate::testing::*;
use proptest::prelude::*;

mod cover;
mod edges;
mod held;

/// A payer outside: refuses a reference it has paid.
#[derive(Default)]
struct Payer {
    references: BTreeSet<Hash>,
    paid: BTreeMap<(u64, Hash), Vec<Kind>>,
}

impl Payer {
    fn pay(&mut self, federation: &FederationId, rows: &[Row]) {
        for row in rows {
            if self.references.insert(row.reference(federation, FOOD)) {
                self.paid.entry((row.what.index, row.what.leaf)).or_default().push(row.what.kind);
            }
        }
    }
}

fn settle(settling: Settling) -> Draft {
    Draft::from(Entry::Value(Value::Settle { settling: Box::new(settling), at: NOW }))
}

/// Writes the next settlement of A at a treasury; its place and rows, or nothing where there is nothing to settle.
fn draft(desk: &mut Desk, seed: u8, reach: &Reach) -> Option<(u64, Vec<Row>)> {
    let lines = lines(&desk.state, &feed_of(A), reach);
    let rows = rows(&desk.state, FOOD, &lines).expect("all is here");
    let mut tally = Tally::default();
    assert!(rows.iter().all(|row| tally.push(row)));
    let first = desk.head(&value(seed)).next;
    let frozen = tally.finish(first)?;
    for line in lines {
        desk.write(&value(seed), settle(line));
    }
    Some((desk.write(&value(seed), settle(frozen)), rows))
}

fn step(desk: &mut Desk, seed: u8, draft: u64, step: Step, operator: u8) -> Draft {
    let chain = desk.state.trunk(&value(seed));
    let row = desk.state.settlement(At { chain, index: draft }).expect("a draft");
    let signature = row.signing(&feed_of(seed), step).sign(&desk.federation(), &key(operator));
    let operator = key(operator).public();
    settle(Settling::Step { draft, step, operator, signature })
}

/// Three people, none of them the node.
const PEOPLE: [u8; 3] = [60, 61, 62];

fn pay(desk: &mut Desk, seed: u8, draft: u64) {
    for (taken, who) in [Step::Verified, Step::Approved, Step::Paid].into_iter().zip(PEOPLE) {
        let step = step(desk, seed, draft, taken, who);
        desk.write(&value(seed), step);
    }
}

/// Seed of a second treasury, of the first one's organisation.
const SUCCESSOR: u8 = 40;

/// A desk where three operators are approvers, and two treasuries settle.
fn desk() -> Desk {
    let charter = charter();
    let mut roster = roster(&charter);
    let third = crate::notice::Notice::Operator(crate::notice::OperatorCertificate {
        org: crate::id::OrgId(1),
        operator: key(PEOPLE[2]).public(),
        site: crate::id::SiteId(1),
        roles: OperatorRoles::SUPERVISOR,
        programmes: bounded([FOOD]),
        issued: Minute(0),
        not_after: Minute(1_000),
    });
    roster.learn(&charter, &third.sign(&charter.federation(), &key(1))).expect("a good notice");
    let second = certificate(&charter.federation(), 1, SUCCESSOR);
    let second = crate::notice::Notice::Node(second).sign(&charter.federation(), &key(1));
    roster.learn(&charter, &second).expect("a good notice");
    Desk { state: crate::state::State::new(charter, roster) }
}

fn reach(end: u64, beyond: bool) -> Reach {
    Reach { end, beyond, merchant: None }
}

fn amounts(rows: &[Row]) -> Vec<(u64, u64, Kind)> {
    rows.iter().map(|r| (r.what.index, r.what.amount.units(), r.what.kind)).collect()
}

#[test]
fn a_settlement_goes_from_draft_to_paid_by_three_keys_in_order() {
    let mut desk = desk();
    let refund = Value::Refund { redeem: 4, amount: units(2), at: NOW };
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund, redeem(3, 4)]);
    a.arrive(&mut desk, 7);
    let (at, rows) = draft(&mut desk, TREASURY, &reach(7, false)).expect("three rows");
    use Kind::{Redeemed, Refunded};
    assert_eq!(amounts(&rows), [(4, 5, Redeemed), (5, 2, Refunded), (6, 4, Redeemed)]);
    assert!(rows.iter().all(|row| row.what.merchant == merchant(7)));
    let t = value(TREASURY);
    let ask = |desk: &mut Desk, taken, who| {
        let step = step(desk, TREASURY, at, taken, who);
        desk.ask(&t, &step)
    };
    assert_eq!(ask(&mut desk, Step::Approved, 60), Err(Rejection::StepOutOfOrder));
    assert_eq!(ask(&mut desk, Step::Verified, TREASURY), Err(Rejection::OperatorRefused));
    assert_eq!(ask(&mut desk, Step::Verified, 99), Err(Rejection::OperatorRefused), "a stranger");
    let good = step(&mut desk, TREASURY, at, Step::Verified, 62);
    desk.write(&t, good);
    assert_eq!(ask(&mut desk, Step::Approved, 62), Err(Rejection::OperatorRefused), "a supervisor");
    let good = step(&mut desk, TREASURY, at, Step::Approved, 60);
    desk.write(&t, good);
    assert_eq!(ask(&mut desk, Step::Paid, 60), Err(Rejection::OperatorRefused), "again");
    assert_eq!(ask(&mut desk, Step::Paid, 62), Err(Rejection::OperatorRefused), "again");
    let good = step(&mut desk, TREASURY, at, Step::Paid, 61);
    let mut other = good.clone();
    if let Entry::Value(Value::Settle { settling, .. }) = &mut other.entry
        && let Settling::Step { operator, .. } = &mut **settling
    {
        *operator = key(60).public();
    }
    assert_eq!(desk.ask(&t, &other), Err(Rejection::OperatorRefused));
    let leaf = leaf(&a.entries[4].0.encode());
    assert!(settled(&desk.state, &feed_of(A), 4, &leaf).is_empty());
    desk.write(&t, good);
    assert_eq!(settled(&desk.state, &feed_of(A), 4, &leaf).len(), 1);
    assert_eq!(ask(&mut desk, Step::Disputed, 60), Err(Rejection::StepOutOfOrder));
    assert_eq!(desk.state.faults().count(), 0);
    assert!(draft(&mut desk, TREASURY, &reach(7, true)).is_none(), "nothing is left");
}

#[test]
fn what_admit_refuses_folds_as_a_broken_settlement_and_settles_nothing() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 5);
    let (at, _) = draft(&mut desk, TREASURY, &reach(5, false)).expect("one row");
    let paid = step(&mut desk, TREASURY, at, Step::Paid, 60);
    desk.force(&value(TREASURY), paid.entry);
    let chain = desk.state.trunk(&value(TREASURY));
    let row = desk.state.settlement(At { chain, index: at }).expect("a draft");
    assert_eq!(row.stage(), Stage::Draft);
    let faults: Vec<_> = desk.state.faults().map(|(_, fault)| *fault).collect();
    assert_eq!(faults, [crate::view::Fault::SettlementBroken]);
    assert_eq!(crate::charge::proven(&desk.state, &feed_of(TREASURY)), None);
}

#[test]
fn s11_an_orphan_is_settled_then_the_node_comes_back_and_no_row_is_paid_twice() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4), redeem(2, 1)]);
    a.arrive(&mut desk, 4);
    desk.write(&value(B), orphan([a.promise(5)]));
    let mut payer = Payer::default();
    let federation = desk.federation();
    let (at, rows) = draft(&mut desk, TREASURY, &reach(4, true)).expect("the orphan");
    assert_eq!(amounts(&rows), [(5, 4, Kind::Redeemed)]);
    payer.pay(&federation, &rows);
    pay(&mut desk, TREASURY, at);
    a.arrive(&mut desk, 7);
    let (at, rows) = draft(&mut desk, TREASURY, &reach(7, false)).expect("the rest");
    assert_eq!(amounts(&rows), [(4, 5, Kind::Redeemed), (6, 1, Kind::Redeemed)]);
    payer.pay(&federation, &rows);
    pay(&mut desk, TREASURY, at);
    assert!(payer.paid.values().all(|kinds| kinds.len() == 1));
    assert_eq!(payer.paid.len(), 3);
}

#[test]
fn s10_a_fenced_node_comes_back_with_two_weeks_and_every_row_above_the_cut_is_settled_singly() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, (0..14).map(|_| redeem(2, 1)));
    a.arrive(&mut desk, 18);
    let (at, rows) = draft(&mut desk, TREASURY, &reach(6, true)).expect("all of it");
    assert_eq!(rows.len(), 14);
    pay(&mut desk, TREASURY, at);
    let chain = desk.state.trunk(&value(TREASURY));
    let lines = (0..at).filter_map(|index| match desk.state.entry(At { chain, index }) {
        Some(Value::Settle { settling, .. }) => Some(*settling),
        _ => None,
    });
    let stretches: Vec<(u64, u64)> = lines
        .filter_map(|line| match line {
            Settling::Stretch { from, to, .. } => Some((from, to)),
            _ => None,
        })
        .collect();
    assert_eq!(stretches, [(0, 6)], "no stretch goes past the cut");
}

/// Whoever finds the lines: a writer that has heard of a cut signs no stretch beyond it.
#[test]
fn a_stretch_beyond_a_cut_that_its_writer_has_heard_of_is_refused() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4)]);
    a.arrive(&mut desk, 6);
    let wide = lines(&desk.state, &feed_of(A), &reach(6, false)).remove(0);
    assert_eq!(desk.ask(&value(TREASURY), &settle(wide.clone())), Ok(()));
    let charter = desk.state.charter().clone();
    let (cut, reason) = (crate::cut::Cut::NOTHING, crate::cut::Reason::Lost);
    let fence = crate::charter::Act::Fence { feed: feed_of(A), cut, reason };
    let article = charter.draft(bounded([fence]));
    let by = |n: u8| (crate::id::OrgId(n.into()), article.sign(&desk.federation(), &key(n)));
    let signatures = bounded([1, 2, 3].map(by));
    let signed = crate::charter::SignedArticle { article: article.clone(), signatures };
    desk.state.enact(charter.apply(&signed).expect("a good article"));
    let refused = Err(Rejection::SettlementWrong);
    assert_eq!(desk.ask(&value(TREASURY), &settle(wide)), refused);
    // Entry by entry it is all paid.
    let (_, rows) = draft(&mut desk, TREASURY, &reach(0, true)).expect("two rows");
    assert_eq!(rows.len(), 2);
}

/// Row Ff of the model: two branches each take back of one redemption. Whichever is settled first, and whether by a stretch
/// or by itself, the merchant is debited the larger of them.
#[test]
fn ff_refunds_on_two_branches_take_back_the_larger_of_them_once() {
    for (ours, theirs) in [(3, 7), (7, 3), (5, 5)] {
        for twin_first in [false, true] {
            let mut desk = desk();
            let refund = |amount| Value::Refund { redeem: 4, amount: units(amount), at: NOW };
            let named = |n| Value::Merchant { merchant: merchant(n) };
            let a = Burnt::new(&mut desk, [redeem(2, 10), named(8), refund(ours)]);
            a.arrive(&mut desk, 5);
            let twin = |desk: &mut Desk| {
                let trunk = desk.state.trunk(&value(A));
                let branch = desk.state.branch(At { chain: trunk, index: 5 }, a.entries[5].1);
                for entry in [named(9), refund(theirs)].map(Entry::Value) {
                    let after = desk.state.head(branch).after(&entry.encode());
                    desk.state.fold(branch, after.accumulator, &entry);
                }
            };
            let mut back = 0;
            let mut settle = |desk: &mut Desk, reach: &Reach| {
                let Some((at, rows)) = draft(desk, TREASURY, reach) else { return };
                let taken = rows.iter().filter(|row| row.what.kind.is_back());
                back += taken.map(|row| row.what.amount.units()).sum::<u64>();
                pay(desk, TREASURY, at);
            };
            if twin_first {
                twin(&mut desk);
                settle(&mut desk, &reach(5, true));
                a.arrive(&mut desk, 7);
            } else {
                a.arrive(&mut desk, 7);
                settle(&mut desk, &reach(7, false));
                twin(&mut desk);
            }
            settle(&mut desk, &reach(5, true));
            settle(&mut desk, &reach(5, true));
            assert_eq!(back, ours.max(theirs), "{ours} and {theirs}, twin first: {twin_first}");
        }
    }
}

#[test]
fn l14_every_redemption_on_every_branch_is_settled() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 20), redeem(3, 1)]);
    a.arrive(&mut desk, 6);
    // Restored to before entry 4: the same 20 are handed out again, and 2 more.
    let trunk = desk.state.trunk(&value(A));
    let branch = desk.state.branch(At { chain: trunk, index: 4 }, a.entries[4].1);
    for entry in [redeem(2, 19), redeem(2, 2)] {
        let entry = Entry::Value(entry);
        let after = desk.state.head(branch).after(&entry.encode());
        desk.state.fold(branch, after.accumulator, &entry);
    }
    let (_, rows) = draft(&mut desk, TREASURY, &reach(4, true)).expect("four rows");
    let mut all = amounts(&rows);
    all.sort_unstable();
    use Kind::Redeemed;
    assert_eq!(all, [(4, 19, Redeemed), (4, 20, Redeemed), (5, 1, Redeemed), (5, 2, Redeemed)]);
}

#[test]
fn s24_goods_taken_back_after_a_fence_are_negative_rows_once_and_never_more_than_was_given() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4)]);
    a.arrive(&mut desk, 6);
    let (_, rows) = draft(&mut desk, TREASURY, &reach(6, true)).expect("two rows");
    let back = |amount, kind| Single { kind, amount: units(amount), ..rows[0].what };
    let line = |single| settle(Settling::Rows { node: node(A), rows: bounded([single]) });
    let freeze = |desk: &mut Desk, single| {
        let first = desk.head(&value(TREASURY)).next;
        desk.force(&value(TREASURY), line(single).entry);
        let mut tally = Tally::default();
        tally.push(&Row { row: 0, node: node(A), what: single });
        let frozen = settle(tally.finish(first).expect("one row"));
        let answer = desk.ask(&value(TREASURY), &frozen);
        if answer.is_ok() {
            desk.write(&value(TREASURY), frozen);
        }
        answer
    };
    assert_eq!(freeze(&mut desk, back(6, Kind::Returned)), Err(Rejection::ExceedsRedemption));
    assert_eq!(freeze(&mut desk, back(3, Kind::Returned)), Ok(()));
    assert_eq!(freeze(&mut desk, back(3, Kind::Returned)), Err(Rejection::SettledBefore), "twice");
    let (ours, theirs) = (back(3, Kind::Returned), back(5, Kind::Disputed));
    assert_eq!(freeze(&mut desk, theirs), Err(Rejection::SettledBefore), "by another name");
    let reference = |what| Row { row: 0, node: node(A), what }.reference(&desk.federation(), FOOD);
    assert_eq!(reference(ours), reference(theirs), "a payer takes one of them");
    assert_ne!(reference(ours), reference(rows[0].what));
    let other = Single { copy: 1, ..back(2, Kind::Disputed) };
    assert_eq!(freeze(&mut desk, other), Err(Rejection::ExceedsRedemption), "there is one of it");
    let unknown = Single { leaf: Hash([9; 32]), ..back(1, Kind::Returned) };
    assert_eq!(freeze(&mut desk, unknown), Err(Rejection::NotHere));
    let again = Single { kind: Kind::Redeemed, ..rows[1].what };
    assert_eq!(freeze(&mut desk, again), Err(Rejection::SettledBefore));
}

#[test]
fn a_disputed_settlement_leaves_its_rows_to_another() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 5);
    let (at, rows) = draft(&mut desk, TREASURY, &reach(5, false)).expect("one row");
    assert!(draft(&mut desk, TREASURY, &reach(5, false)).is_none());
    let no = step(&mut desk, TREASURY, at, Step::Disputed, 61);
    desk.write(&value(TREASURY), no);
    let (_, again) = draft(&mut desk, TREASURY, &reach(5, false)).expect("the same row");
    assert_eq!(rows, again);
}

#[test]
fn a_draft_that_says_other_than_its_lines_is_refused() {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 5);
    let lines = lines(&desk.state, &feed_of(A), &reach(5, false));
    let first = desk.head(&value(TREASURY)).next;
    let said = |root, rows, given| {
        let net = Net { commodity: RICE, given: units(given), back: Amount::ZERO };
        settle(Settling::Draft { first, root, rows, totals: bounded([net]) })
    };
    let t = value(TREASURY);
    assert_eq!(desk.ask(&t, &said(Hash::ZERO, 1, 5)), Err(Rejection::NothingToSettle));
    let mut tally = Tally::default();
    let all = rows(&desk.state, FOOD, &lines).expect("here");
    assert!(all.iter().all(|row| tally.push(row)));
    for line in lines {
        desk.write(&t, settle(line));
    }
    let Some(Settling::Draft { root, .. }) = tally.finish(first) else { unreachable!("a draft") };
    assert_eq!(desk.ask(&t, &said(Hash::ZERO, 1, 5)), Err(Rejection::SettlementWrong));
    assert_eq!(desk.ask(&t, &said(root, 2, 5)), Err(Rejection::SettlementWrong));
    assert_eq!(desk.ask(&t, &said(root, 1, 6)), Err(Rejection::SettlementWrong));
    assert_eq!(desk.ask(&t, &said(root, 1, 5)), Ok(()));
}

/// What happens to a feed and to those who pay for it.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// So many of its blocks arrive.
    Arrive(u8),
    /// Somebody shows an entry, by promise or receipt.
    Show(u8, bool),
    /// It is known to be cut at an index, or lower.
    Cut(u8),
    /// A treasury settles what it knows of, and pays.
    Settle,
    /// The treasury is lost. Its successor knows nothing of what it settled.
    Lost,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => any::<u8>().prop_map(Happens::Arrive),
        4 => any::<(u8, bool)>().prop_map(|(n, sealed)| Happens::Show(n, sealed)),
        1 => any::<u8>().prop_map(Happens::Cut),
        4 => Just(Happens::Settle),
        1 => Just(Happens::Lost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn l11_l12_nothing_is_paid_twice_and_all_that_is_known_is_paid_in_the_end(
        more in prop::collection::vec((0u8..4, 1u64..4), 1..9),
        fork in proptest::option::of(0u8..9),
        history in prop::collection::vec(happens(), 1..24),
    ) {
        let mut after: Vec<Value> = Vec::new();
        for (what, amount) in more {
            let last = after.iter().rposition(|v| matches!(v, Value::Redeem { .. }));
            after.push(match (what, last) {
                (0, Some(last)) => {
                    let redeem = 4 + u64::try_from(last).expect("small");
                    Value::Refund { redeem, amount: units(1), at: NOW }
                }
                (1, _) => redeem(3, amount),
                _ => redeem(2, amount),
            });
        }
        let mut desk = desk();
        let a = Burnt::new(&mut desk, after);
        let federation = desk.federation();
        let count = a.entries.len();
        // A twin that says the same bytes on a branch of its own, all of it known from some time on.
        if let Some(fork) = fork {
            a.arrive(&mut desk, 4);
            let at = 4 + usize::from(fork) % (count - 4);
            a.arrive(&mut desk, at);
            let trunk = desk.state.trunk(&value(A));
            let index = u64::try_from(at).expect("small");
            let branch = desk.state.branch(At { chain: trunk, index }, a.entries[at].1);
            let other = Entry::Value(Value::Merchant { merchant: merchant(9) });
            for entry in std::iter::once(&other).chain(a.entries[at + 1..].iter().map(|e| &e.0)) {
                let after = desk.state.head(branch).after(&entry.encode());
                desk.state.fold(branch, after.accumulator, entry);
            }
        }
        let (mut payer, mut cut, mut treasury) = (Payer::default(), None::<u64>, TREASURY);
        let ends = [Happens::Arrive(u8::MAX), Happens::Settle];
        for what in history.into_iter().chain(ends) {
            match what {
                Happens::Arrive(n) => {
                    let known = usize::try_from(desk.head(&value(A)).next).expect("small");
                    let to = if n == u8::MAX { count } else { usize::from(n) % (count + 1) };
                    a.arrive(&mut desk, to.max(known));
                }
                Happens::Show(n, sealed) => {
                    let index = 4 + usize::from(n) % (count - 4);
                    let by = if sealed { a.receipt(0, index) } else { a.promise(index) };
                    let draft = orphan([by, a.promise(2), a.promise(3), a.promise(0)]);
                    desk.force(&value(B), draft.entry);
                }
                Happens::Cut(n) => {
                    let at = u64::from(n) % (count as u64 + 1);
                    cut = Some(cut.map_or(at, |cut: u64| cut.min(at)));
                }
                Happens::Settle => {
                    let agree = desk.state.fork_at(&feed_of(A)).into_iter().chain(cut).min();
                    let head = desk.head(&value(A)).next;
                    let end = agree.unwrap_or(u64::MAX).min(head);
                    let reach = Reach { end, beyond: agree.is_some(), merchant: Some(merchant(7)) };
                    if let Some((at, rows)) = draft(&mut desk, treasury, &reach) {
                        payer.pay(&federation, &rows);
                        pay(&mut desk, treasury, at);
                    }
                }
                Happens::Lost if treasury == TREASURY => {
                    // The successor's own feed, in a ledger that never heard of the first one's settlements.
                    treasury = SUCCESSOR;
                    let mut other = self::desk();
                    let copy = Burnt::new(&mut other, []);
                    drop(copy);
                    let known = a.entries.len().min(
                        usize::try_from(desk.head(&value(A)).next).expect("small"),
                    );
                    a.arrive(&mut other, known);
                    for fact in desk.state.shown(&feed_of(A)) {
                        other.state.apply(crate::view::Change::Shown(Box::new(fact)));
                    }
                    if fork.is_none() {
                        desk = other;
                    } else {
                        treasury = TREASURY;
                    }
                }
                Happens::Lost => {}
            }
        }
        // Each entry was paid as often as it is there, never more: by name, whoever asked.
        let state = &desk.state;
        for (index, (entry, ..)) in a.entries.iter().enumerate() {
            let (index, leaf) = (u64::try_from(index).expect("small"), leaf(&entry.encode()));
            let wanted = BTreeSet::from([(index, leaf)]);
            let shown = as_shown(state, &feed_of(A), &wanted);
            let there = Coverage::entries_at(state, &feed_of(A), index, &leaf, &shown);
            let paid = payer.paid.get(&(index, leaf)).map_or(0, Vec::len);
            let backs = there.iter().filter(|known| known.kind == Kind::Refunded).count();
            if backs == 0 {
                prop_assert_eq!(paid, there.len(), "entry {} of {}", index, a.entries.len());
            } else {
                prop_assert!(paid <= there.len());
            }
        }
    }
}

#[test]
fn a_draft_reaches_back_so_many_entries_and_no_more() {
    let most = limits::SETTLE_LINES as u64;
    let broken = |first: u64| {
        let mut desk = desk();
        let trunk = desk.state.trunk(&value(TREASURY));
        // A chain that is long already: what it said before does not matter.
        let start = crate::feed::Head { next: 70_000, accumulator: Hash([7; 32]) };
        let chain = desk.state.branch(At { chain: trunk, index: start.next }, start);
        let line = Settling::Stretch {
            node: node(A),
            from: 0,
            to: 1,
            head: Hash::ZERO,
            except: Bounded::empty(),
        };
        let root = Hash::ZERO;
        let draft = Settling::Draft { first, root, rows: 1, totals: Bounded::empty() };
        for (n, settling) in [(1, line), (2, draft)] {
            desk.state.fold(chain, Hash([n; 32]), &settle(settling).entry);
        }
        desk.state.faults().any(|(_, fault)| *fault == crate::view::Fault::SettlementBroken)
    };
    let draft = 70_001;
    let firsts = [draft - most, draft - most - 1, draft - 1, draft, draft + 1];
    assert_eq!(firsts.map(broken), [false, true, false, true, true]);
}

#[test]
fn a_line_is_refused_that_names_what_cannot_be() {
    let mut desk = desk();
    let mut ask = |line| desk.ask(&value(TREASURY), &settle(line)).err();
    let wrong = Some(Rejection::SettlementWrong);
    let stretches: [(u8, u64, u64, &[u64], _); 12] = [
        (A, 0, 5, &[], None),
        (A, 4, 5, &[], None),
        (A, 5, 5, &[], wrong),
        (A, 6, 5, &[], wrong),
        (A, 0, 5, &[1, 3], None),
        (A, 0, 5, &[3, 1], wrong),
        (A, 0, 5, &[1, 1], wrong),
        (A, 1, 5, &[1, 4], None),
        (A, 0, 5, &[5], wrong),
        (A, 2, 5, &[1], wrong),
        (A, 2, 5, &[1, 3], wrong),
        (99, 0, 5, &[], wrong),
    ];
    for (of, from, to, except, want) in stretches {
        let (node, head, except_) = (node(of), Hash::ZERO, bounded(except.iter().copied()));
        let line = Settling::Stretch { node, from, to, head, except: except_ };
        assert_eq!(ask(line), want, "{of} {from}..{to} {except:?}");
    }
    let row = |index, amount| Single {
        index,
        leaf: Hash::ZERO,
        copy: 0,
        kind: Kind::Redeemed,
        merchant: merchant(1),
        cycle: MAY,
        commodity: RICE,
        amount: units(amount),
    };
    let rows: [(u8, &[(u64, u64)], _); 8] = [
        (A, &[(1, 5)], None),
        (A, &[(1, 5), (2, 5)], None),
        (A, &[], wrong),
        (A, &[(2, 5), (1, 5)], wrong),
        (A, &[(1, 5), (1, 5)], wrong),
        (A, &[(1, 5), (2, 0)], wrong),
        (A, &[(1, 0)], wrong),
        (99, &[(1, 5)], wrong),
    ];
    for (of, rows, want) in rows {
        let all = bounded(rows.iter().map(|(index, amount)| row(*index, *amount)));
        assert_eq!(ask(Settling::Rows { node: node(of), rows: all }), want, "{of} {rows:?}");
    }
}

#[test]
fn more_than_one_settlement_holds_waits_for_the_next() {
    let mut desk = desk();
    let refund = Value::Refund { redeem: 4, amount: units(2), at: NOW };
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund, redeem(3, 4)]);
    a.arrive(&mut desk, 7);
    let whole = lines(&desk.state, &feed_of(A), &reach(7, false));
    let fits = fitting(&desk.state, FOOD, &whole).expect("all is here");
    assert_eq!((fits.lines.clone(), fits.rows.len(), fits.more), (whole.clone(), 3, false));
    // A stretch cut short is a stretch, and the rest is another.
    let cut = fitting::until(&desk.state, FOOD, &whole[0], &fits.rows[2]).expect("all is here");
    assert_eq!(rows(&desk.state, FOOD, &[cut]).expect("all is here"), fits.rows[..2]);
    // Every commodity a programme may have, each at its most, one by one.
    let node = feed_of(A).node;
    let single = |n: u8| Single {
        index: u64::from(n),
        leaf: Hash::ZERO,
        copy: 0,
        kind: Kind::Redeemed,
        merchant: merchant(7),
        cycle: CycleId(5),
        commodity: CommodityId(n),
        amount: Amount::MAX,
    };
    let singles: Vec<Single> = (1..=64).map(single).collect();
    let row_lines = |some: &[Single]| Settling::Rows { node, rows: bounded(some.iter().copied()) };
    let all: Vec<Settling> = singles.chunks(limits::SETTLE_ROWS).map(row_lines).collect();
    let fits = fitting(&desk.state, FOOD, &all).expect("rows name themselves");
    assert!(fits.more);
    assert_eq!((fits.rows.len(), fits.lines.len()), (limits::SETTLE_TOTALS, 4));
    assert_eq!(rows(&desk.state, FOOD, &fits.lines).expect("as they are"), fits.rows);
    assert_eq!(fits.lines[3], row_lines(&singles[18..20]), "the last is cut short");
    let settling = fits.tally.finish(u64::MAX).expect("rows");
    let Settling::Draft { root, rows, ref totals, .. } = settling else { panic!("a draft") };
    let row = crate::checkpoint::Working::Settlement {
        at: crate::checkpoint::Spot { feed: feed_of(A), index: u64::MAX },
        name: Hash::ZERO,
        first: u64::MAX,
        root,
        rows,
        totals: totals.clone(),
    };
    assert!(wire::encode(&row).len() + 8 <= limits::ROW_BYTES);
    let at = Minute(u32::MAX);
    let entry = Entry::Value(Value::Settle { settling: Box::new(settling), at });
    assert!(entry.encode().len() <= limits::ENTRY_BYTES, "whatever they come to");
}
