//! The link is cut at the end of every frame, just before and after, and inside every frame: what is left is taken up again
//! where it was, and no more than one block goes twice (S30).

use std::collections::BTreeSet;

use super::link::{End, Link, terms};
use super::meetings::pair;
use super::shelf::{CONTROL, FOOD, Shelf, alike};
use crate::hash::Hash;
use crate::id::Lane;
use crate::sync::frame::Frame;
use crate::sync::talk::{Letter, with_letters};
use crate::time::DayNo;
use crate::wire::Bytes;

fn filled() -> (Shelf, Shelf) {
    let (mut a, mut b) = pair();
    a.write(1, Lane::Value, FOOD, &[40, 40, 40]);
    a.write(3, Lane::Control, CONTROL, &[1, 1]);
    a.write(4, Lane::Registry, FOOD, &[10, 10]);
    a.certify([12, 13]);
    b.write(2, Lane::Value, FOOD, &[30, 30]);
    b.write(5, Lane::Control, CONTROL, &[1]);
    (a, b)
}

#[test]
fn s30_cut_anywhere_it_goes_on_where_it_was() {
    let (a, b) = filled();
    let mut whole = Link::new(a.clone(), b.clone());
    assert!(whole.run());
    let (total, sent) = (whole.arrived, whole.bytes());
    let mut places: Vec<usize> = Vec::new();
    let mut before = 0;
    for end in &whole.ends {
        places.extend([end - 1, *end, end + 1, before + (end - before) / 2]);
        before = *end;
    }
    places.retain(|at| (1..total).contains(at));
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 100, "{} places", places.len());
    let largest = 700;
    for at in places {
        let mut link = Link::new(a.clone(), b.clone());
        link.left = at;
        assert!(!link.run(), "cut after {at} bytes");
        let (a, b) = link.apart();
        let mut link = Link::new(a, b);
        assert!(link.run());
        assert!(alike(&link.a.shelf, &link.b.shelf), "cut after {at} bytes");
        let again = link.a.shelf.again + link.b.shelf.again;
        assert_eq!(again, 0, "cut after {at} bytes: what was kept does not come again");
        // Beside a second greeting and comparison, no more than the block that was under way.
        let content = link.a.session.figures().content_sent + link.b.session.figures().content_sent;
        let left = (sent as usize).saturating_sub(at) + largest;
        assert!(
            content as usize <= left,
            "cut after {at} bytes: {content} of content, {left} left"
        );
    }
}

/// Beside blocks: a fork, evidence, rows of a list, and letters of either side. What does not follow a feed is not taken up
/// where it was, but it comes, whole, wherever the link was cut.
#[test]
fn s30_what_follows_no_feed_comes_wherever_it_was_cut() {
    let (mut a, mut b) = filled();
    super::forks::fork(&mut a);
    let rows = super::things::rows(9);
    let list = Hash([9; 32]);
    a.rows.insert(list, rows.clone());
    b.missing_rows.insert(list);
    for (shelf, n) in [(&mut a, 1), (&mut b, 2)] {
        let bytes = Bytes::new(vec![n; 900]).expect("short");
        let letter = Letter { until: DayNo(9), bytes };
        shelf.letters.insert(letter.name(), letter);
    }
    let letters = |shelf: &Shelf| shelf.letters.keys().copied().collect::<Vec<_>>();
    let meet = |a: &Shelf, b: &Shelf, left: usize| {
        let (mut one, mut other) = (terms(a, b, 1), terms(b, a, 2));
        (one.window, other.window) = (with_letters(one.window), with_letters(other.window));
        let mut link = Link::with(a.clone(), one, b.clone(), other);
        link.left = left;
        let mut whole = true;
        // Until nothing more comes: letters are handed over once both have greeted, and said to be kept once they are.
        for _ in 0..3 {
            whole = whole && link.run();
            for (end, kept) in [(&mut link.a, letters(a)), (&mut link.b, letters(b))] {
                end.session.send_letters(kept);
                let came: Vec<_> = end.shelf.came.iter().map(Letter::name).collect();
                came.into_iter().for_each(|name| end.session.keeps_letter(name));
            }
        }
        (whole, link)
    };
    let (whole, link) = meet(&a, &b, usize::MAX);
    assert!(whole);
    let mut places: Vec<usize> = Vec::new();
    let mut before = 0;
    for end in link.ends.iter().copied().filter(|end| *end < link.arrived) {
        places.extend([end - 1, end, end + 1, before + (end - before) / 2]);
        before = end;
    }
    places.sort_unstable();
    places.dedup();
    let kinds = |end: &End| {
        let all = end.heard.iter();
        let of = |frame: &Frame| match frame {
            Frame::Evidence { .. } => 1,
            Frame::ListRows { .. } => 2,
            Frame::ForkProof(_) => 4,
            Frame::Letter(_) => 8,
            _ => 0,
        };
        all.map(of).fold(0, |sum, one| sum | one)
    };
    assert_eq!((kinds(&link.b), kinds(&link.a) & 8), (15, 8), "all of it goes over this link");
    for at in places.into_iter().filter(|at| *at > 0) {
        let (whole, link) = meet(&a, &b, at);
        assert!(!whole, "cut after {at} bytes");
        let (a, b) = link.apart();
        let (whole, link) = meet(&a, &b, usize::MAX);
        assert!(whole);
        let (a, b) = link.apart();
        assert!(alike(&a, &b), "cut after {at} bytes");
        assert_eq!(b.rows.get(&list), Some(&rows), "cut after {at} bytes");
        assert_eq!(a.evidence, b.evidence, "cut after {at} bytes");
        for (shelf, other) in [(&a, &b), (&b, &a)] {
            let came: BTreeSet<_> = shelf.came.iter().map(Letter::name).collect();
            assert_eq!(came, other.letters.keys().copied().collect(), "cut after {at} bytes");
        }
    }
}

#[test]
fn cut_again_and_again_it_comes_to_its_end() {
    let (mut a, mut b) = filled();
    let mut cuts = 0;
    loop {
        let mut link = Link::new(a, b);
        // More than a greeting, a comparison and one block, and little more.
        link.left = 4_000 + cuts * 7;
        let whole = link.run();
        assert_eq!(link.a.shelf.again + link.b.shelf.again, 0);
        if whole {
            assert!(alike(&link.a.shelf, &link.b.shelf));
            break;
        }
        cuts += 1;
        assert!(cuts < 20);
        (a, b) = link.apart();
    }
    assert!(cuts > 0);
}
