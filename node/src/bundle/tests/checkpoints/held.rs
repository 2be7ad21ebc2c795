//! Who holds what others would drop, and who does not any more.

use annona_ledger::cut::Reason;
use annona_ledger::entry::Control;

use super::*;
use crate::store::StoreFault;

#[test]
fn a_witness_says_it_holds_a_programme_only_with_the_evidence_beside_it() {
    let mut world = camp();
    let page = checkpoint::make(&mut world.a).expect("a page");
    let (hash, b) = (page.checkpoint.hash(), short(&world.b));
    let folder = world.path("page");
    let done = export(&mut world.a, &[b], &folder);
    import(&mut world.b, &done.files);
    let holds = |node: &Node| {
        let (_, said) = checkpoint::saying(node, &hash).expect("has it all");
        (said.leaves.iter().any(|leaf| leaf.programme == FOOD), said.holds.contains(&FOOD))
    };
    assert_eq!(holds(&world.b), (true, true));
    // The evidence of one block came to nobody: on a link it comes last, and not at all over a spent budget.
    let evidence = "DELETE FROM evidence WHERE block=(SELECT min(block) FROM evidence)";
    let gone = world.b.store().conn().execute(evidence, []).expect("a row less");
    assert_eq!((gone, holds(&world.b)), (1, (true, false)), "folded, and not held");
    let value = world.a.feed(Lane::Value, FOOD);
    let work = world.a.store().look().expect("readable");
    let (block, evidence) = {
        let mut found = None;
        let trunk = work.trunk(&value).expect("known");
        work.blocks::<StoreFault>(trunk, 0, |row, evidence| {
            found = evidence.map(|evidence| (row.block, evidence));
            Ok(found.is_none())
        })
        .expect("readable");
        found.expect("some has evidence")
    };
    drop(work);
    let mut into = world.b.store_mut().begin().expect("begins");
    into.receive(&value, &block, Some(&evidence)).expect("known");
    into.commit().expect("kept");
    assert_eq!(holds(&world.b), (true, true));
}

#[test]
fn who_handed_over_or_ended_holds_nothing_that_others_could_drop() {
    for reason in [Some(Reason::HandedOver), None] {
        let mut world = camp();
        let page = certified(&mut world, "one");
        let mut mirror = mirror(&mut world, &page);
        let lacks = |a: &Node| {
            let pruning = checkpoint::pruning(a, &page.checkpoint.hash(), FOOD).expect("readable");
            pruning.unmirrored().collect::<Vec<_>>()
        };
        assert_eq!(lacks(&world.a), []);
        let (at, a, folder) = (Minute(100), short(&world.a), world.path("said"));
        let done = match reason {
            // Its organisation says so, by another node of it.
            Some(reason) => {
                let feed = mirror.feed(Lane::Control, ProgrammeId::NONE).short();
                let said = Control::Revoke { feed, cut: Cut::NOTHING, reason, at };
                let own = world.t.feed(Lane::Control, ProgrammeId::NONE);
                write(&mut world.t, own, vec![Entry::from(said).into()]);
                export(&mut world.t, &[a], &folder)
            }
            // It ends by itself.
            None => {
                let feed = mirror.feed(Lane::Value, FOOD);
                write(&mut mirror, feed, vec![Entry::from(Value::End { at }).into()]);
                export(&mut mirror, &[a], &folder)
            }
        };
        import(&mut world.a, &done.files);
        assert_eq!(lacks(&world.a), [FOOD], "{reason:?}: B alone is left");
    }
}
