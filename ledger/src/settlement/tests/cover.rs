//! What is in a settlement is in no other: parts of stretches, rows by themselves, and what of a chain is paid.

use super::*;
use crate::view::ChainNo;

/// Writes lines and the draft they come to, where `admit` lets it through.
pub(super) fn say(desk: &mut Desk, lines: &[Settling]) -> Result<u64, Rejection> {
    let first = desk.head(&value(TREASURY)).next;
    for line in lines {
        desk.write(&value(TREASURY), settle(line.clone()));
    }
    let frozen = settle(frozen(desk, first, lines));
    desk.ask(&value(TREASURY), &frozen)?;
    Ok(desk.write(&value(TREASURY), frozen))
}

fn frozen(desk: &Desk, first: u64, lines: &[Settling]) -> Settling {
    let mut tally = Tally::default();
    let all = rows(&desk.state, FOOD, lines).expect("all is here");
    assert!(all.iter().all(|row| tally.push(row)));
    tally.finish(first).expect("a row")
}

/// A stretch of A's first chain.
pub(super) fn stretch(desk: &mut Desk, from: u64, to: u64, except: &[u64]) -> Settling {
    let chain = desk.state.trunk(&value(A));
    let head = desk.state.accumulator(chain, to).expect("it is here");
    Settling::Stretch { node: node(A), from, to, head, except: bounded(except.iter().copied()) }
}

/// An entry of A by itself: all of it.
pub(super) fn single(index: u64, entry: &Value, copy: u8) -> Single {
    let amount = match entry {
        Value::Redeem { amount, .. } | Value::Refund { amount, .. } => *amount,
        _ => unreachable!("goods that went or came"),
    };
    let kind = match entry {
        Value::Refund { .. } => Kind::Refunded,
        _ => Kind::Redeemed,
    };
    let leaf = leaf(&Entry::Value(entry.clone()).encode());
    let (merchant, cycle, commodity) = (merchant(7), MAY, RICE);
    Single { index, leaf, copy, kind, merchant, cycle, commodity, amount }
}

pub(super) fn by_itself(rows: impl IntoIterator<Item = Single>) -> Settling {
    Settling::Rows { node: node(A), rows: bounded(rows) }
}

/// A, of which all is known: its redemptions stand at 4, 5, 6 and 7.
fn four() -> (Desk, Burnt) {
    let mut desk = desk();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4), redeem(2, 1), redeem(2, 2)]);
    a.arrive(&mut desk, 8);
    (desk, a)
}

const BEFORE: Result<u64, Rejection> = Err(Rejection::SettledBefore);

#[test]
fn no_part_of_a_stretch_is_said_again() {
    let (mut desk, _) = four();
    let mut ask = |from, to| {
        let line = stretch(&mut desk, from, to, &[]);
        say(&mut desk, &[line])
    };
    assert!(ask(0, 5).is_ok());
    assert!(ask(5, 7).is_ok());
    for (from, to) in [(0, 5), (4, 5), (3, 6), (6, 7), (6, 8), (0, 8)] {
        assert_eq!(ask(from, to), BEFORE, "{from}..{to}");
    }
    assert!(ask(7, 8).is_ok());
}

#[test]
fn a_stretch_leaves_out_what_was_settled_by_itself_and_nothing_of_another_branch() {
    let five = single(5, &redeem(3, 4), 0);
    for (from, to, except, free) in [
        (4, 8, &[][..], false),
        (5, 6, &[], false),
        (4, 8, &[6], false),
        (4, 8, &[5], true),
        (4, 5, &[], true),
        (6, 8, &[], true),
    ] {
        let (mut desk, _) = four();
        assert!(say(&mut desk, &[by_itself([five])]).is_ok());
        let line = stretch(&mut desk, from, to, except);
        let said = say(&mut desk, &[line]);
        assert_eq!(said.is_ok(), free, "{from}..{to} without {except:?}");
        assert!(free || said == BEFORE);
    }
    let (mut desk, a) = four();
    a.twin(&mut desk, 5, [redeem(3, 3)]);
    assert!(say(&mut desk, &[by_itself([single(5, &redeem(3, 3), 0)])]).is_ok());
    let line = stretch(&mut desk, 4, 8, &[]);
    assert!(say(&mut desk, &[line]).is_ok(), "another entry stands there on the first chain");
}

#[test]
fn of_the_same_bytes_on_two_branches_a_stretch_takes_the_first_and_rows_the_next() {
    let (mut desk, a) = four();
    a.twin(&mut desk, 5, [redeem(3, 3), redeem(2, 1)]);
    let line = stretch(&mut desk, 4, 8, &[]);
    assert!(say(&mut desk, &[line]).is_ok());
    let six = |copy| by_itself([single(6, &redeem(2, 1), copy)]);
    assert_eq!(say(&mut desk, &[six(0)]), BEFORE);
    assert_eq!(say(&mut desk, &[six(2)]), Err(Rejection::SettlementWrong), "there are two");
    assert!(say(&mut desk, &[six(1)]).is_ok());
    assert_eq!(say(&mut desk, &[six(1)]), BEFORE);
    // What a person takes back of the first names it, and says nothing again.
    let back = Single { kind: Kind::Returned, ..single(6, &redeem(2, 1), 0) };
    assert!(say(&mut desk, &[by_itself([back])]).is_ok());
}

#[test]
fn a_line_of_which_one_row_was_said_says_it_again() {
    let (mut desk, _) = four();
    let (five, six) = (single(5, &redeem(3, 4), 0), single(6, &redeem(2, 1), 0));
    assert!(say(&mut desk, &[by_itself([five])]).is_ok());
    assert_eq!(say(&mut desk, &[by_itself([five, six])]), BEFORE);
    assert_eq!(say(&mut desk, &[by_itself([six]), by_itself([six])]), BEFORE, "in one draft");
    assert!(say(&mut desk, &[by_itself([six])]).is_ok());
}

#[test]
fn what_settlements_hold_of_one_feed_is_nothing_of_another() {
    let (mut desk, _) = four();
    let Settling::Stretch { from, to, head, except, .. } = stretch(&mut desk, 4, 8, &[]) else {
        unreachable!("a stretch")
    };
    let five = single(5, &redeem(3, 4), 0);
    let stretch_of = |node| Settling::Stretch { node, from, to, head, except: except.clone() };
    let rows_of = |node| Settling::Rows { node, rows: bounded([five]) };
    let draft = At { chain: desk.state.trunk(&value(TREASURY)), index: 9 };
    let feed = feed_of(A);
    let mut covered = Coverage::default();
    for line in [stretch_of(node(B)), rows_of(node(B))] {
        covered.add(&desk.state, &feed, &line, draft);
    }
    let chain = desk.state.trunk(&value(A));
    let holds = |covered: &Coverage| covered.has(&desk.state, &feed, five.index, &five.leaf);
    assert_eq!(covered.gaps(chain, 8), [(0, 8)]);
    assert!(!holds(&covered));
    covered.add(&desk.state, &feed, &rows_of(node(A)), draft);
    assert!(holds(&covered));
    covered.add(&desk.state, &feed, &stretch_of(node(A)), draft);
    assert_eq!(covered.gaps(chain, 8), [(0, 4)]);
    let again = |line: &Settling| covered.says_again(&desk.state, &feed, line);
    assert!(again(&stretch_of(node(A))) && again(&rows_of(node(A))));
    assert!(!again(&stretch_of(node(B))) && !again(&rows_of(node(B))));
}

/// What is paid of A's first chain, and of one that left it.
fn parts(desk: &mut Desk, chain: Option<ChainNo>) -> Vec<(u64, u64)> {
    let trunk = desk.state.trunk(&value(A));
    paid(&desk.state, chain.unwrap_or(trunk))
}

#[test]
fn of_a_stretch_all_is_paid_but_what_it_left_out_and_on_a_branch_what_they_share() {
    let (mut desk, a) = four();
    let line = stretch(&mut desk, 4, 8, &[4, 6]);
    let at = say(&mut desk, &[line]).expect("two rows");
    assert_eq!(parts(&mut desk, None), [], "nobody has paid yet");
    pay(&mut desk, TREASURY, at);
    assert_eq!(parts(&mut desk, None), [(5, 6), (7, 8)]);
    let shares = [5, 6, 7].map(|index| {
        let twin = a.twin(&mut desk, index, [redeem(2, 9)]);
        parts(&mut desk, Some(twin))
    });
    assert_eq!(shares, [vec![], vec![(5, 6)], vec![(5, 6)]]);
    let (mut desk, a) = four();
    let line = stretch(&mut desk, 4, 8, &[7]);
    let at = say(&mut desk, &[line]).expect("three rows");
    pay(&mut desk, TREASURY, at);
    let twin = a.twin(&mut desk, 6, []);
    assert_eq!(parts(&mut desk, Some(twin)), [(4, 6)]);
}

#[test]
fn a_row_by_itself_is_paid_where_its_entry_stands_and_once_any_settlement_of_it_was() {
    let (mut desk, a) = four();
    let five = single(5, &redeem(3, 4), 0);
    let at = say(&mut desk, &[by_itself([five])]).expect("a row");
    let back = Single { kind: Kind::Returned, ..five };
    let taken = say(&mut desk, &[by_itself([back])]).expect("a row");
    pay(&mut desk, TREASURY, taken);
    assert_eq!(parts(&mut desk, None), [], "what was taken back of it is not its pay");
    // A treasury that has not heard of the first settles it too, and does not come to pay.
    let lines = [by_itself([five])];
    let first = desk.force(&value(B), settle(lines[0].clone()).entry);
    let frozen = frozen(&desk, first, &lines);
    desk.force(&value(B), settle(frozen).entry);
    pay(&mut desk, TREASURY, at);
    assert_eq!(parts(&mut desk, None), [(5, 6)]);
    let line = stretch(&mut desk, 4, 8, &[5]);
    let rest = say(&mut desk, &[line]).expect("three rows");
    pay(&mut desk, TREASURY, rest);
    assert_eq!(parts(&mut desk, None), [(4, 5), (5, 6), (6, 8)]);
    let twins = [(5, redeem(3, 3)), (6, redeem(2, 9))];
    let [other, same] = twins.map(|(index, entry)| a.twin(&mut desk, index, [entry]));
    assert_eq!(parts(&mut desk, Some(other)), [(4, 5)], "it says something else there");
    assert_eq!(parts(&mut desk, Some(same)), [(4, 5), (5, 6)]);
}

#[test]
fn a_stretch_begins_anew_behind_what_is_not_here() {
    let (desk, _) = four();
    let above = Above::of(&desk.state, 6);
    let found = lines(&above, &feed_of(A), &reach(8, false));
    let spans: Vec<(u64, u64)> = found
        .iter()
        .filter_map(|line| match line {
            Settling::Stretch { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    assert_eq!(spans, [(6, 8)]);
    assert_eq!(rows(&above, FOOD, &found).map(|rows| rows.len()), Some(2));
}
