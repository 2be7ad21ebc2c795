//! The stamp a writer uses, and when an operator is asked.

use super::*;
use crate::entry::Control;
use crate::id::Lane;
use crate::notice::{Notice, OperatorCertificate};
use crate::rejection::Rejection;
use crate::state::State;
use crate::testing::*;
use crate::view::View;

const DAY: u32 = 24 * 60;

fn read(clock: u32, last: u32, others: Option<u32>, answered: Option<u32>) -> (u32, bool) {
    let minute = |m: Option<u32>| m.map(Minute);
    let others = minute(others).map(|at| Others { newest: at, agreed: at });
    let last = Minute(last);
    let heard = Heard { last, others, answered: minute(answered), ..Heard::default() };
    let reading = reading(Minute(clock), &heard);
    (reading.at.0, reading.doubted == Some(Doubt::Ahead))
}

#[test]
fn one_organisation_far_ahead_neither_ends_what_runs_nor_makes_a_bad_clock_believed() {
    let read = |clock: u32, last: u32, newest: u32, agreed: u32| {
        let others = Others { newest: Minute(newest), agreed: Minute(agreed) };
        let heard = Heard { last: Minute(last), others: Some(others), ..Heard::default() };
        let reading = reading(Minute(clock), &heard);
        (reading.at.0, reading.doubted.is_some())
    };
    let today = 100 * DAY;
    for ahead in [30 * DAY, 34 * DAY, 3 * 365 * DAY] {
        let newest = today + ahead;
        // A clock that is right is used, whatever others say.
        assert_eq!(read(today + 9, today, newest, today), (today + 9, false), "{ahead}");
        // One that is years ahead is doubted beside a stamp that is further ahead still, and what stands in its place is
        // of today.
        let years = today + 2 * 365 * DAY;
        assert_eq!(read(years, today, newest, today), (today, true), "{ahead}");
        assert_eq!(read(years, 0, newest, today), (today, true), "{ahead}");
    }
    // Alone it widens what is believed to twice the days, never further.
    let far = today + 9_999 * DAY;
    assert_eq!(read(today + 70 * DAY, today, far, today), (today + 70 * DAY, false));
    assert_eq!(read(today + 70 * DAY + 1, today, far, today), (today, true));
}

#[test]
fn what_two_organisations_have_reached_is_agreed_and_what_one_says_is_not() {
    let charter = charter();
    let mut roster = roster(&charter);
    // One more node of each of two organisations.
    let org_of = |roster: &Roster, n: u8| roster.org_of(&node(n)).expect("certified").0 as u8;
    for (beside, seed) in [(A, 51), (B, 52)] {
        let org = org_of(&roster, beside);
        let more = Notice::Node(certificate(&charter.federation(), org, seed));
        roster.learn(&charter, &more.sign(&charter.federation(), &key(org))).expect("good");
    }
    let check = |stamps: &[(u8, u32)], want: Option<(u32, u32)>| {
        let of = |(n, at): &(u8, u32)| (node(*n), Minute(*at));
        let found = others(&roster, &node(A), &stamps.iter().map(of).collect());
        assert_eq!(found.map(|o| (o.newest.0, o.agreed.0)), want, "{stamps:?}");
    };
    let org = |n: u8| roster.org_of(&node(n));
    assert_ne!(org(A), org(B), "two organisations");
    check(&[], None);
    check(&[(A, 500)], None); // its own alone
    check(&[(A, 0), (B, 900)], Some((900, 900))); // it never stamped: there is nothing else
    check(&[(A, 500), (B, 900)], Some((900, 500)));
    check(&[(A, 990), (B, 900)], Some((900, 900)));
    check(&[(A, 500), (B, 0)], None); // a feed without a stamp says nothing
    check(&[(A, 500), (B, 900), (TREASURY, 700)], Some((900, 700)));
    check(&[(A, 500), (B, 900), (52, 880)], Some((900, 500))); // one organisation twice is one
    check(&[(A, 500), (51, 600), (B, 900)], Some((900, 600)));
    check(&[(A, 500), (51, 600)], Some((600, 500))); // where there is no other, its nodes stand for two
}

#[test]
fn s12_a_wrong_clock_neither_falls_nor_starves_a_site() {
    let (last, others) = (100 * DAY, Some(99 * DAY));
    // Three days behind, three years behind, 1970: the feed's own last stamp.
    for clock in [97 * DAY, 1, 0] {
        assert_eq!(read(clock, last, others, None), (last, false), "{clock}");
    }
    // Three days ahead, and up to 35 past what was heard: nobody is asked.
    for clock in [103 * DAY, 134 * DAY] {
        assert_eq!(read(clock, last, others, None), (clock, false), "{clock}");
    }
    // Beyond: it serves on with the newest it knows, and asks.
    assert_eq!(read(134 * DAY + 1, last, others, None), (last, true));
    assert_eq!(read(134 * DAY + 1, 0, others, None), (99 * DAY, true), "the newest of others");
    assert_eq!(read(u32::MAX - 1, last, Some(u32::MAX - 2), None), (u32::MAX - 1, false));
    // Answered: that reading counts like a stamp of another node.
    let shown = 1_195 * DAY;
    assert_eq!(read(shown, last, others, Some(shown)), (shown, false));
    assert_eq!(read(shown + 35 * DAY, last, others, Some(shown)), (shown + 35 * DAY, false));
    assert_eq!(read(shown + 35 * DAY + 1, last, others, Some(shown)), (shown, true));
    // Who never heard of anybody has nothing to doubt it by.
    assert_eq!(read(shown, last, None, None), (shown, false));
}

/// A month typed wrong at a shop that was open yesterday would end for good whatever ends in between.
#[test]
fn s12_a_leap_of_days_is_asked_about_where_goods_are_handed_out() {
    let (today, leap) = (100 * DAY, limits::CLOCK_LEAP_DAYS * DAY);
    let heard = Heard { last: Minute(today), served: Some(Minute(today)), ..Heard::default() };
    let check = |clock: u32, heard: Heard, want: (u32, Option<Doubt>)| {
        let found = reading(Minute(clock), &heard);
        assert_eq!((found.at.0, found.doubted), want, "{clock} {heard:?}");
    };
    let minute = |at: u32| Some(Minute(at));
    let both =
        |newest: u32, agreed: u32| Some(Others { newest: Minute(newest), agreed: Minute(agreed) });
    let doubted = (today, Some(Doubt::Leap));
    // With nobody heard of, its own last day is what it knows.
    check(today + leap, heard, (today + leap, None));
    check(today + leap + 1, heard, doubted);
    check(today + 30 * DAY, heard, doubted);
    // Another feed of its own that is newer than this one, or a node that was heard of since.
    check(
        today + 30 * DAY,
        Heard { served: minute(today + 26 * DAY), ..heard },
        (today + 30 * DAY, None),
    );
    let others = both(today + 26 * DAY, today + 26 * DAY);
    check(today + 30 * DAY, Heard { others, ..heard }, (today + 30 * DAY, None));
    let others = both(today + 9 * DAY, today + 8 * DAY);
    check(today + 30 * DAY, Heard { others, ..heard }, (today + 8 * DAY, Some(Doubt::Leap)));
    // Whoever works there says that it is right; her word is for that leap alone.
    let said = Heard { believed: minute(today + 30 * DAY), ..heard };
    check(today + 30 * DAY, said, (today + 30 * DAY, None));
    let said = Heard { believed: minute(today + 20 * DAY), ..heard };
    check(today + 20 * DAY + leap, said, (today + 20 * DAY + leap, None));
    check(today + 20 * DAY + leap + 1, said, doubted);
    check(
        today + 30 * DAY,
        Heard { answered: minute(today + 30 * DAY), ..heard },
        (today + 30 * DAY, None),
    );
    // Nobody who is ahead hides a leap, by a month or for ever: two organisations have not reached that day.
    for newest in [today + 30 * DAY, u32::MAX] {
        let heard = Heard { others: both(newest, today), ..heard };
        check(today + 30 * DAY, heard, doubted);
        check(today + leap, heard, (today + leap, None));
    }
    // It does not stand for an operator's.
    let far = Heard { others: both(today, today), believed: minute(today + 40 * DAY), ..heard };
    check(today + 40 * DAY, far, (today, Some(Doubt::Ahead)));
    // Nor where nobody else is known: past 35 days an operator is asked, whatever was believed.
    let ahead = (today, Some(Doubt::Ahead));
    check(today + 36 * DAY, heard, ahead);
    check(today + 36 * DAY, Heard { believed: minute(today + 36 * DAY), ..heard }, ahead);
    let far = Heard { believed: minute(u32::MAX - 1), ..heard };
    check(u32::MAX - 1, far, ahead);
    // Set right after it was said of a wrong clock, it is asked again.
    check(today + 6 * DAY, Heard { believed: minute(today + 30 * DAY), ..heard }, doubted);
    check(today + 30 * DAY, far, doubted);
    // To the minute: 35 days are not past 35 days, for the clock and for what was believed.
    check(today + 35 * DAY, heard, doubted);
    let last = Heard { believed: minute(today + 35 * DAY), ..heard };
    check(today + 35 * DAY, last, (today + 35 * DAY, None));
    // Who is new leaps as it likes.
    check(today + 30 * DAY, Heard { served: None, ..heard }, (today + 30 * DAY, None));
    // Nor within the first minute of the federation is it otherwise.
    let first = Heard { last: Minute(0), served: minute(0), ..heard };
    check(leap + 1, first, (0, Some(Doubt::Leap)));
}

fn answer(word: Stated, clock: Minute) -> crate::entry::Entry {
    crate::entry::Entry::Control(Control::ClockAnswer { clock, word, at: NOW })
}

#[test]
fn an_operator_of_the_nodes_own_organisation_answers_and_nobody_else() {
    let charter = charter();
    let federation = charter.federation();
    let mut roster = roster(&charter);
    let of_a = OperatorCertificate {
        org: OrgId(2),
        operator: key(70).public(),
        ..roster.operator(&key(OPERATORS[0]).public()).expect("an operator").clone()
    };
    let said = Notice::Operator(of_a).sign(&federation, &key(2));
    roster.learn(&charter, &said).expect("a good notice");
    let mut desk = Desk { state: State::new(charter, roster) };
    let (feed, clock) = (on(A, Lane::Control), Minute(900));
    let word = |node, clock, by: u8| Statement::Clock { node, clock }.sign(&federation, &key(by));
    let mut check = |word, want| {
        assert_eq!(desk.ask(&feed, &answer(word, clock).into()).err(), want);
    };
    let refused = Some(Rejection::ClockWordRefused);
    check(word(node(A), clock, 70), None);
    check(word(node(A), clock, OPERATORS[0]), refused); // of another organisation
    check(word(node(A), clock, 71), refused); // of none
    check(word(node(B), clock, 70), refused); // about another node
    check(word(node(A), Minute(901), 70), refused); // about another reading
    let ends = Minute(1_000);
    let at_its_end = answer(word(node(A), ends, 70), ends);
    assert_eq!(desk.ask(&feed, &at_its_end.clone().into()), Ok(()), "its last minute");
    let late = Minute(1_001);
    let after = answer(word(node(A), late, 70), late);
    assert_eq!(desk.ask(&feed, &after.into()).err(), refused, "her certificate had ended");
    desk.write(&feed, answer(word(node(A), clock, 70), clock));
    desk.force(&feed, answer(word(node(A), late, OPERATORS[0]), late));
    desk.force(&feed, answer(word(node(B), late, 70), late));
    let words = desk.state.clock_words(&node(A));
    assert_eq!(words.len(), 2, "what is signed by nobody it names is not even kept");
    assert_eq!(answered(desk.state.roster(), &words), Some(clock));
    desk.write(&feed, at_its_end);
    let words = desk.state.clock_words(&node(A));
    assert_eq!(answered(desk.state.roster(), &words), Some(ends), "the newest");
}

#[test]
fn s13_a_stamp_outside_its_bracket_is_doubted_and_changes_nothing() {
    let check = |after: Option<u32>, before: Option<u32>, stamp, want| {
        let bracket = Bracket { after: after.map(Minute), before: before.map(Minute) };
        assert_eq!(doubtful(Minute(stamp), &bracket), want, "{after:?} {stamp} {before:?}");
    };
    check(None, None, 5, false);
    check(Some(10), Some(20), 10, false);
    check(Some(10), Some(20), 20, false);
    check(Some(10), Some(20), 9, true);
    check(Some(10), Some(20), 21, true);
    check(Some(10), None, 9, true);
    check(None, Some(20), 21, true);
}
