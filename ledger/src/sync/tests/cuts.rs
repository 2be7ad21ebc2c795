//! The link is cut at the end of every frame, just before and after, and inside every frame: what is left is taken up again
//! where it was, and no more than one block goes twice (S30).

use super::link::Link;
use super::meetings::pair;
use super::shelf::{CONTROL, FOOD, Shelf, alike};
use crate::id::Lane;

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
