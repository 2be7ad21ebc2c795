//! Files that leave out what nothing in them would tell of.

use super::*;

/// What is wrong with a file of the camp, and that nobody is named for it alone.
fn check(camp: &Camp, expected: fn(&Problem) -> bool) {
    let case = Case::of(camp);
    let verdict = case.audit(&case.bytes);
    assert!(!verdict.is_good());
    assert!(verdict.findings.iter().any(|found| expected(&found.problem)), "{verdict:?}");
    assert!(verdict.findings.iter().all(|found| !found.problem.is_of_file()));
    assert_eq!(verdict.whole(), None, "it may be that of an honest site, and lack something");
    let answerable = verdict.answerable();
    assert!(!answerable.is_empty());
    for all in answerable.values() {
        assert_eq!((all.is_certain(), all.findings), (false, all.unless_lacking));
    }
}

fn lane(camp: &Camp, lane: Lane) -> FeedId {
    *camp.feeds.keys().rfind(|feed| feed.lane == lane).expect("one")
}

#[test]
fn a_file_without_the_notice_that_renewed_a_certificate_accuses_nobody_alone() {
    let mut camp = camp(2, 3, 9);
    let site = lane(&camp, Lane::Control).node;
    for signed in &mut camp.notices {
        if let Notice::Node(certificate) = &signed.notice
            && certificate.node == site
        {
            // The one before the renewal.
            let before = NodeCertificate { not_after: Minute(25), ..certificate.clone() };
            let by = key(100 + before.org.0);
            *signed = Notice::Node(before).sign(&camp.federation, &by);
        }
    }
    camp.notices.sort_by_key(|signed| signed.notice.hash());
    check(&camp, |problem| matches!(problem, Problem::CertificateEnded));
}

#[test]
fn a_file_without_the_last_block_of_a_control_feed_accuses_nobody_alone() {
    let mut camp = camp(2, 3, 9);
    let control = lane(&camp, Lane::Control);
    drop(camp.feeds.get_mut(&control).expect("here").pop());
    check(&camp, |problem| matches!(problem, Problem::NoList { .. }));
}

#[test]
fn a_file_without_who_approved_a_list_accuses_nobody_alone() {
    let mut camp = camp(2, 3, 9);
    camp.notices.retain(|signed| !matches!(signed.notice, Notice::Operator(_)));
    check(&camp, |problem| matches!(problem, Problem::List(_)));
}

/// What a file shows by itself is not softened.
#[test]
fn who_forked_has_to_answer_whatever_the_file_lacks() {
    let mut camp = camp(2, 3, 9);
    let control = lane(&camp, Lane::Control);
    let value = FeedId { lane: Lane::Value, programme: P, ..control };
    let (node, federation) = (value.node, camp.federation);
    let secret = (0..2).map(|n| key(1_000 + n)).find(|key| key.public() == node).expect("a site");
    let mut pen = Pen::new(&secret, federation, value.lane, value.programme);
    pen.write(Value::Merchant { merchant: MerchantId([2; 16]) });
    pen.seal();
    let blocks = camp.feeds.get_mut(&value).expect("here");
    blocks.extend(pen.blocks);
    blocks.sort_by_key(|block| (block.header.seq, block.header.hash()));
    let case = Case::of(&camp);
    let verdict = case.audit(&case.bytes);
    assert_eq!(verdict.whole(), Some(true), "{verdict:?}");
    drop(camp.feeds.get_mut(&control).expect("here").pop());
    let case = Case::of(&camp);
    let verdict = case.audit(&case.bytes);
    assert_eq!(verdict.whole(), None, "{verdict:?}");
    let all = verdict.answerable()[&value.short()];
    assert!(all.is_certain() && all.unless_lacking > 0, "{all:?}");
}
