//! Letters: after everything else, to who takes them, and within their bounds.

use super::link::{End, Link, terms};
use super::meetings::pair;
use super::shelf::FOOD;
use crate::id::Lane;
use crate::limits;
use crate::sync::frame::Frame;
use crate::sync::session::{Breach, Note, Terms};
use crate::sync::talk::{LETTERS, Letter, Over, Why, takes_letters, with_letters};
use crate::time::DayNo;
use crate::wire::Bytes;

fn letter(n: u8, bytes: usize) -> Letter {
    Letter { until: DayNo(9), bytes: Bytes::new(vec![n; bytes]).expect("short enough") }
}

fn letters(count: u8, bytes: usize) -> Vec<Letter> {
    (0..count).map(|n| letter(n, bytes)).collect()
}

/// Two ends, of which the first has letters for the second.
fn link(mine: &[Letter], change: impl Fn(&mut Terms, &mut Terms)) -> Link {
    let (mut a, b) = pair();
    a.write(1, Lane::Registry, FOOD, &[30; 20]);
    a.letters = mine.iter().map(|letter| (letter.name(), letter.clone())).collect();
    let (mut one, mut other) = (terms(&a, &b, 1), terms(&b, &a, 2));
    (one.window, other.window) = (with_letters(one.window), with_letters(other.window));
    change(&mut one, &mut other);
    Link::with(a, one, b, other)
}

/// Meets, hands over the letters while blocks are under way, and meets on.
fn run(link: &mut Link) {
    while !link.b.heard.iter().any(|frame| matches!(frame, Frame::Block(_))) {
        assert!(link.step(true) | link.step(false), "there are blocks");
    }
    let names: Vec<_> = link.a.shelf.letters.keys().copied().collect();
    // However often it is said that they are there.
    link.a.session.send_letters(names.clone());
    assert!(link.run());
    link.a.session.send_letters(names);
    assert!(link.run());
}

fn sent(link: &Link) -> usize {
    link.b.heard.iter().filter(|frame| matches!(frame, Frame::Letter(_))).count()
}

#[test]
fn a_letter_comes_once_after_the_blocks_and_is_acknowledged() {
    let mut link = link(&letters(3, 2_000), |_, _| {});
    run(&mut link);
    let mut came = link.b.shelf.came.clone();
    came.sort_unstable_by_key(Letter::name);
    assert_eq!(came, link.a.shelf.letters.values().cloned().collect::<Vec<_>>());
    let rank = |frame: &Frame| match frame {
        Frame::Block(_) => Some(0),
        Frame::Letter(_) => Some(1),
        _ => None,
    };
    let order: Vec<u8> = link.b.heard.iter().filter_map(rank).collect();
    assert!(order.is_sorted() && order.iter().filter(|rank| **rank == 1).count() == 3);
    for letter in &came {
        link.b.session.keeps_letter(letter.name());
    }
    assert!(link.run());
    let kept = link.a.notes.iter().filter_map(|note| match note {
        Note::Over(Over::Letter(name)) => Some(*name),
        _ => None,
    });
    assert_eq!(kept.collect::<Vec<_>>(), came.iter().map(Letter::name).collect::<Vec<_>>());
}

#[test]
fn who_takes_none_is_sent_none_and_who_is_not_asked_breaks_a_rule() {
    let mut link = link(&letters(3, 9), |_, other| other.window = 64 * 1024);
    run(&mut link);
    assert_eq!((sent(&link), link.b.shelf.came.len()), (0, 0), "a program from before letters");
    assert!(!link.a.session.is_over() && !link.b.session.is_over());
    let frame = Frame::Letter(Box::new(letter(1, 9)));
    assert_eq!(link.b.hears(&frame), Err(Breach::Unasked));
    assert_eq!(link.b.says(), [Frame::End(Why::Breach(7))]);
}

#[test]
fn letters_are_bounded_in_number_and_by_a_share_of_the_budget() {
    let many = letters(u8::try_from(LETTERS).expect("few") + 5, 40);
    let mut link = link(&many, |_, _| {});
    run(&mut link);
    assert_eq!(sent(&link), LETTERS, "no more before any is kept");
    for letter in link.b.shelf.came.clone() {
        // The caller's file goes when the note is heard.
        link.a.shelf.letters.remove(&letter.name());
        link.b.session.keeps_letter(letter.name());
    }
    run(&mut link);
    assert_eq!(sent(&link), many.len(), "then the others");
    for _ in 5..LETTERS {
        link.b.hears(&Frame::Letter(Box::new(letter(199, 9)))).expect("within its bounds");
    }
    let frame = Frame::Letter(Box::new(letter(200, 9)));
    assert_eq!(link.b.hears(&frame), Err(Breach::Flood));
    let longest = letters(3, limits::LETTER_BYTES);
    let budget = 600_000;
    let mut tight = self::link(&longest, |_, other| other.budget = budget);
    run(&mut tight);
    assert_eq!(sent(&tight), 2, "a third is more than a quarter of what the other side takes");
    assert!(!tight.a.session.is_withheld() && !tight.b.session.is_withheld());
    // Who sends on all the same is told so.
    let more = || Frame::Letter(Box::new(letter(200, limits::LETTER_BYTES)));
    let said = (0..LETTERS).find_map(|_| tight.b.hears(&more()).err());
    assert!(matches!(said, Some(Breach::Budget | Breach::Window)), "{said:?}");
}

/// On a link with a small budget a large letter would never go: one may take what is left, and none is noted that stayed.
#[test]
fn one_letter_may_take_what_is_left_of_a_small_budget() {
    let longest = letters(3, limits::LETTER_BYTES);
    let goes = |budget, spares| {
        let mut link = link(&longest, |_, other| other.budget = budget);
        link.a.shelf.spares.set(spares);
        run(&mut link);
        let posted = link.a.shelf.posted.borrow();
        assert_eq!(posted.len(), sent(&link), "what stayed is not noted as sent");
        posted.iter().map(|(_, spared)| *spared).collect::<Vec<_>>()
    };
    for (budget, spares, went) in [
        (150_000, false, &[][..]),
        (150_000, true, &[true]),
        (600_000, true, &[false, false, true]),
        (u64::MAX, true, &[false, false, false]),
        // Not all of it is left: blocks went before it.
        (64_000, true, &[]),
    ] {
        assert_eq!(goes(budget, spares), went, "{budget}");
    }
}

#[test]
fn who_never_keeps_a_letter_says_so_in_another_word() {
    let mut link = link(&letters(1, 9), |_, _| {});
    run(&mut link);
    let name = link.b.shelf.came[0].name();
    link.b.session.drops_letter(name);
    assert!(link.run());
    assert!(link.a.notes.contains(&Note::Over(Over::NotTaken(name))));
    assert!(!link.a.notes.contains(&Note::Over(Over::Letter(name))));
}

/// A letter that has no room holds back nothing that does.
#[test]
fn what_is_written_after_a_letter_without_room_comes_in_the_same_session() {
    let mut link = link(&letters(1, limits::LETTER_BYTES), |_, other| other.budget = 100_000);
    run(&mut link);
    assert_eq!(sent(&link), 0);
    let blocks =
        |link: &Link| link.b.heard.iter().filter(|frame| matches!(frame, Frame::Block(_))).count();
    let before = blocks(&link);
    link.a.shelf.write(1, Lane::Registry, FOOD, &[3]);
    assert!(link.run());
    assert_eq!(blocks(&link), before + 1);
}

#[test]
fn a_letter_that_is_gone_meanwhile_is_not_missed() {
    let mut link = link(&letters(2, 9), |_, _| {});
    link.step(true);
    link.step(false);
    link.a.session.send_letters([[7; 16], letter(1, 9).name()]);
    assert!(link.run());
    assert_eq!(link.b.shelf.came, [letter(1, 9)]);
}

#[test]
fn a_window_says_whether_letters_are_taken_and_stays_within_its_limits() {
    for window in [4_096, 4_097, 65_536, 131_071, 131_072] {
        let with = with_letters(window);
        assert!(takes_letters(with) && crate::sync::talk::window_fits(with), "{window}");
        assert!(with.abs_diff(window) <= 1);
    }
    assert!(!takes_letters(65_536));
    // Nobody is said to take any before it said so itself.
    let (a, b) = pair();
    let mut end = End::new(a.clone(), terms(&a, &b, 1));
    end.session.send_letters([[1; 16]]);
    let greeting: Vec<Frame> = end.says();
    assert!(greeting.iter().all(|frame| matches!(frame, Frame::Hello(_) | Frame::Open(_))));
}
