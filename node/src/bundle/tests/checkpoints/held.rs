//! Who holds what others would drop, and who does not any more.

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
