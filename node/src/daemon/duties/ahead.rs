//! Pages that nobody may sign yet, or ever, more of them than anybody would try: an honest one is signed all the same.

use std::sync::{Arc, Mutex};

use annona_ledger::entry::{Entry, Registry};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Lane, Pseudonym};
use annona_ledger::time::Minute;

use super::{Duties, TRIED};
use crate::bundle::tests::world::{FOOD, World, enrol, export, import, short, write};
use crate::checkpoint;
use crate::clock::Clock;
use crate::log::Log;

/// All that A has goes to B.
fn carry(world: &mut World, name: &str) {
    let (b, folder) = (short(&world.b), world.path(name));
    let done = export(&mut world.a, &[b], &folder);
    assert!(import(&mut world.b, &done.files).is_whole());
}

fn signed(world: &World, page: &Hash) -> bool {
    let kept = world.b.store().kept_page(page).expect("readable").expect("kept");
    kept.cosignatures.iter().any(|c| c.said.witness == short(&world.b))
}

/// One hostile member: pages dated years ahead, one entry dated so that nobody's newest stamp tells them apart, and each covers
/// more than the honest one.
#[test]
fn pages_dated_ahead_and_one_entry_dated_so_keep_no_page_from_being_signed() {
    let mut world = World::new();
    world.distribute(4);
    enrol(&mut world.b, FOOD, [1; 16]);
    let honest = checkpoint::make(&mut world.a).expect("a page").checkpoint.hash();
    let ahead = Registry::Enrol { pseudonym: Pseudonym([2; 16]), at: Minute(1_000_000) };
    let registry = world.a.feed(Lane::Registry, FOOD);
    write(&mut world.a, registry, vec![Entry::from(ahead).into()]);
    let last = checkpoint::make(&mut world.a).expect("a page").checkpoint.hash();
    carry(&mut world, "all");
    let store = world.b.store_mut();
    let kept = store.kept_page(&last).expect("readable").expect("kept");
    let charter = store.charter().expect("founded").clone();
    for n in 0..=2 * TRIED as u32 {
        let (state, working) = (kept.page.state.to_vec(), kept.page.working.to_vec());
        let time = Minute(1_000_000 + n);
        let page =
            annona_ledger::checkpoint::Page::new(&charter, &kept.frontier, state, working, time);
        store.keep_page(&page.expect("fits")).expect("stored").expect("stands");
    }
    let sql = "DELETE FROM checkpoint WHERE hash=?1";
    store.conn().execute(sql, [last.0]).expect("nobody sent it");
    let entries = store.feeds().expect("readable").iter().map(|feed| feed.head.next).sum();
    let said = crate::config::Config::default().log;
    let log = Log::to(said, Clock::system(), Arc::new(Mutex::new(std::io::sink())));
    assert!(Duties::default().look(&mut world.b, entries, &log).wrote);
    assert!(signed(&world, &honest));
}
