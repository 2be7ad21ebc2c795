//! Copies of genuine blocks, which anybody can put into a file: they are no branch, and nobody hands out twice by them.

use super::*;

fn opened(camp: &Camp) -> (Case, AuditFile) {
    let case = Case::of(camp);
    fs::write(case.path(), &case.bytes).expect("room in the folder");
    let file = AuditFile::open(&case.path()).expect("it was written");
    (case, file)
}

#[test]
fn copies_of_blocks_change_no_number() {
    let mut camp = camp(3, 4, 300);
    let (_one, genuine) = opened(&camp);
    for blocks in camp.feeds.values_mut() {
        let again = blocks.clone();
        blocks.extend(again);
    }
    let (_two, copied) = opened(&camp);
    let of = |file: &AuditFile| {
        let sample = sample(file, 20, "spring", Zone::default()).expect("a charter");
        let sites = reconcile(file, &[], &[], Zone::default()).expect("a charter");
        (sample, format!("{:?}", sites.lines))
    };
    assert_eq!(of(&copied), of(&genuine));
}
