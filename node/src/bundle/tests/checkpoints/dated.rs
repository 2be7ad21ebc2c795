//! Pages whose date is a lie or a slip.

use super::*;
use crate::store::Store;

const DAY: u32 = 24 * 60;

/// What a page says, under another date.
fn redated(node: &Node, page: &Page, time: Minute) -> Page {
    let kept = node.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let charter = node.store().charter().expect("founded").clone();
    let (state, working) = (page.state.to_vec(), page.working.to_vec());
    Page::new(&charter, &kept.frontier, state, working, time).expect("fits")
}

fn first(store: &Store) -> Option<Hash> {
    store.page_hashes().expect("readable").first().copied()
}

#[test]
fn pages_dated_ahead_stand_before_none_that_covers_more_and_crowd_none_out() {
    let mut world = camp();
    let old = checkpoint::make(&mut world.a).expect("a page");
    enrol(&mut world.a, FOOD, [3; 16]);
    let new = checkpoint::make(&mut world.a).expect("a page");
    // Within what a clock is believed, and past it; of what is old, and of what is new.
    let mut ahead = Vec::new();
    for days in (1..limits::CLOCK_AHEAD_DAYS + 5).step_by(3) {
        ahead.push(redated(&world.a, &old, Minute(new.checkpoint.time.0 + days * DAY)));
    }
    ahead.push(redated(&world.a, &new, Minute(new.checkpoint.time.0 + 9 * DAY)));
    for page in &ahead {
        world.a.store_mut().keep_page(page).expect("stored").expect("stands");
    }
    let (name, b) = (new.checkpoint.hash(), short(&world.b));
    assert_eq!(first(world.a.store()), Some(name));
    let folder = world.path("pages");
    let done = export(&mut world.a, &[b], &folder);
    import(&mut world.b, &done.files);
    assert_eq!(first(world.b.store()), Some(name), "it travels, however many are dated after it");
    // Of more than are kept it is not the honest one that goes.
    for n in 0..2 * limits::OPEN_PAGES as u32 {
        let page = redated(&world.a, &old, Minute(new.checkpoint.time.0 + 2 * DAY + n));
        world.a.store_mut().keep_page(&page).expect("stored").expect("stands");
    }
    let kept = world.a.store().page_hashes().expect("readable");
    assert_eq!((kept.len(), kept.first()), (limits::OPEN_PAGES, Some(&name)));
}
