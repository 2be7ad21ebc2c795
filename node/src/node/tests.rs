use annona_ledger::id::Lane;
use annona_ledger::time::Minute;

use crate::bundle::tests::world::{
    FOOD, World, enrol, enrol_blocks, export, import, reopen, reopen_at, replacing, short,
};
use crate::folder::Folder;
use crate::guard::{Guard, GuardFault};
use crate::node::Node;

/// Changes one byte of the last block of a node, as it lies in a folder.
fn damage(node: &Node, of: &Node) {
    let feed = of.feed(Lane::Registry, FOOD);
    let work = node.store().look().expect("looks");
    let chain = work.trunk(&feed).expect("it is here");
    work.check().expect("reads");
    drop(work);
    let sql = "UPDATE block SET body = zeroblob(length(body)) WHERE chain = ?1 AND seq = \
               (SELECT max(seq) FROM block WHERE chain = ?1)";
    assert_eq!(node.store().conn().execute(sql, [chain.0]).expect("damaged"), 1);
}

/// A disk has lost a block that another site wrote: here everybody is served all the same, and it is named to who asks.
#[test]
fn a_lost_block_of_another_node_stops_nobody_here() {
    let mut world = World::new();
    enrol_blocks(&mut world.b, FOOD, 2);
    let (to, heard) = (short(&world.a), world.path("heard"));
    let out = export(&mut world.b, &[to], &heard);
    assert!(import(&mut world.a, &out.files).is_whole());
    damage(&world.a, &world.b);
    let World { dir, a, .. } = world;
    drop(a);
    let mut a = reopen(dir.path(), "a");
    a.may_sign().expect("its own feeds are whole");
    enrol(&mut a, FOOD, [7; 16]);
    let found = a.store().check_heads().expect_err("and yet it is found");
    assert!(found.to_string().contains("damaged at the last block of"), "{found}");
}

/// A node that lost its own last block signs nothing on top of it, and opens: its people are reached, and it can be retired.
#[test]
fn a_node_that_lost_its_own_last_block_opens_and_signs_nothing() {
    let mut world = World::new();
    enrol_blocks(&mut world.a, FOOD, 2);
    damage(&world.a, &world.a);
    let heads = world.path("a-heads");
    let World { dir, a, .. } = world;
    drop(a);
    let mut a = reopen(dir.path(), "a");
    let told = a.may_sign().expect_err("it must not sign");
    assert!(matches!(told, GuardFault::Damaged { .. }), "{told}");
    assert!(told.to_string().contains("annona node reincarnate"), "{told}");
    let feed = a.feed(Lane::Registry, FOOD);
    let compose = Box::new(|_: &crate::store::Work<'_>, _: &_, _| Ok(Vec::new()));
    a.write(&mut [super::Request { feed, compose }]).expect_err("nothing is written");
    let before = a.public();
    a.reincarnate(&heads).expect("a new node in the same folder");
    assert_ne!(a.public(), before);
    a.may_sign().expect("the new one may");
}

#[test]
fn with_its_clock_set_back_a_node_seals_all_the_same() {
    let mut world = World::new();
    enrol(&mut world.a, FOOD, [7; 16]);
    world.a.close().expect("closed");
    // At 106 it has not been ten minutes yet; at 3 nobody knows how long it has been.
    for (minute, open) in [(106, 1), (3, 0)] {
        let mut a = reopen_at(world.dir.path(), "a", minute);
        a.seal_due().expect("durable");
        let work = a.store().look().expect("readable");
        let chain = work.trunk(&a.feed(Lane::Registry, FOOD)).expect("known");
        assert_eq!(work.tail_len(chain), open, "{minute}");
        drop(work);
        a.close().expect("closed");
    }
}

#[test]
fn a_memory_given_back_after_the_folder_is_asked_for_again() {
    let mut world = World::new();
    let (path, heads) = (world.dir.path().join("a"), world.dir.path().join("heads-a"));
    let own = world.a.public();
    let lent = world.a.lend(|| {
        let folder = Folder::open(&path).expect("lent");
        Guard::open(&heads, &own, &folder).expect("lent")
    });
    let held = lent.expect("given back");
    world.a.may_sign().expect_err("held");
    drop(held);
    enrol(&mut world.a, FOOD, [7; 16]);
}

/// Another machine, with a flat battery: what its own key never wrote, the one before it did.
#[test]
fn s12_who_took_the_place_of_another_doubts_a_leap_by_what_that_one_wrote() {
    const MONTH: u32 = 100 + 30 * 24 * 60;
    for takes in [true, false] {
        let mut world = World::new();
        enrol(&mut world.b, FOOD, [7; 16]);
        let gone = Some(short(&world.b)).filter(|_| takes);
        let heads = world.dir.path().join("heads-b");
        world.b.reincarnate(&heads).expect("a new node in the same folder");
        let notice = replacing(&world.b, &world.federation(), 2, &[FOOD], gone);
        world.b.learn(&notice).expect("a good notice");
        drop(world.b);
        world.b = reopen_at(world.dir.path(), "b", MONTH);
        let feed = world.b.feed(Lane::Value, FOOD);
        // Who is in nobody's place has no day to leap from.
        let want = if takes { 100 } else { MONTH };
        assert_eq!(world.b.stamp(&feed).expect("a look"), Minute(want), "{takes}");
        if takes {
            world.b.believe(Minute(MONTH)).expect("kept");
            assert_eq!(world.b.stamp(&feed).expect("a look"), Minute(MONTH), "said to be right");
            world.b.reincarnate(&heads).expect("a third key");
            let notice = replacing(&world.b, &world.federation(), 2, &[FOOD], gone);
            world.b.learn(&notice).expect("a good notice");
            let feed = world.b.feed(Lane::Value, FOOD);
            assert_eq!(world.b.stamp(&feed).expect("a look"), Minute(100), "of that key alone");
        }
    }
}
