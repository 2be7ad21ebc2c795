//! What lies beside a charter, and how who followed the wrong branch comes over.

use super::stopped::{by, forked, heal};
use super::*;

/// Takes every article in turn, as a node does, and says where it ends: its head, and whether a fork is open.
fn walk(first: &Charter, articles: &[&SignedArticle]) -> (Charter, Branches) {
    let (mut charter, mut branches) = (first.clone(), Branches::default());
    let mut followed: Vec<SignedArticle> = Vec::new();
    for article in articles {
        match branches.take(&charter, article).expect("a good article") {
            Taken::Known | Taken::Aside => {}
            Taken::Follows(after) => {
                charter = *after;
                followed.push((*article).clone());
            }
            Taken::Heals(turn) => {
                let keep = usize::try_from(turn.from).expect("small") - 1;
                branches.turn(&turn, followed.drain(keep..));
                followed.extend(turn.articles.iter().cloned());
                charter = turn.charter;
            }
        }
        let whole: Vec<_> = followed.iter().map(|signed| &signed.article).collect();
        let ours: Vec<_> = (1..=charter.epoch()).filter_map(|e| charter.article(e)).collect();
        assert_eq!(ours, whole, "the charter is its articles");
    }
    (charter, branches)
}

#[test]
fn s17_whoever_followed_the_lost_branch_comes_over_in_any_order_of_hearing() {
    let (five, one, other) = forked();
    let kept = five.apply(&one).expect("a quorum");
    let later = signed(kept.draft(list([ceiling(1, 9, 9)])), &five.federation(), [1, 2, 3, 4]);
    let kept = kept.apply(&later).expect("a quorum");
    let healing = by(&kept, heal(&one, &other), &[3, 4, 5]);
    let want = kept.apply(&healing).expect("healed");
    // Each may hear of the other branch at any time; a branch is heard in its own order.
    for order in [
        [&one, &later, &healing, &other],
        [&one, &later, &other, &healing],
        [&one, &other, &later, &healing],
        [&other, &one, &later, &healing],
    ] {
        let (charter, branches) = walk(&five, &order);
        assert_eq!(charter, want);
        assert_eq!(branches.fork(&charter), None, "healed is healed");
        let aside = |s: &SignedArticle| s.article == other.article;
        let told = branches.aside().into_iter().any(aside);
        assert!(told, "what was given up is kept as proof");
    }
}

#[test]
fn s17_while_two_branches_wait_nothing_is_taken_but_what_heals() {
    let (five, one, other) = forked();
    let (mut charter, mut branches) = walk(&five, &[&one, &other]);
    assert_eq!(branches.fork(&charter), Some(1));
    assert_eq!(branches.beside(&charter).map(|s| &s.article).collect::<Vec<_>>(), [&other.article]);
    assert_eq!(branches.take(&charter, &other), Ok(Taken::Aside), "again");
    let budget = signed(charter.draft(list([ceiling(1, 7, 7)])), &five.federation(), [1, 2, 3, 4]);
    assert_eq!(branches.take(&charter, &budget), Ok(Taken::Aside), "it waits");
    let on_other = five.apply(&other).expect("a quorum");
    let there = signed(on_other.draft(list([ceiling(1, 8, 8)])), &five.federation(), [1, 2, 3, 5]);
    assert_eq!(branches.take(&charter, &there), Ok(Taken::Aside), "so does the other branch");
    assert_eq!(charter.epoch(), 1);
    // The healing stands on what waited.
    let after = charter.apply(&budget).expect("a quorum");
    let healing = by(&after, heal(&one, &other), &[3, 4, 5]);
    let Ok(Taken::Heals(turn)) = branches.take(&charter, &healing) else { panic!("it heals") };
    assert_eq!((turn.from, turn.articles.len()), (2, 2));
    branches.turn(&turn, []);
    charter = turn.charter;
    assert_eq!((charter.epoch(), branches.fork(&charter)), (3, None));
    // Healed the other way too: who is healed stays.
    let elsewhere = by(&on_other, heal(&other, &one), &[3, 4, 5]);
    assert_eq!(branches.take(&charter, &elsewhere), Ok(Taken::Aside));
    assert_eq!(branches.fork(&charter), None);
}

#[test]
fn s17_what_no_quorum_signed_or_stands_on_nothing_known_does_not_stop_anybody() {
    let (five, one, other) = forked();
    let (charter, mut branches) = walk(&five, &[&one]);
    let mut half = other.clone();
    half.signatures = list(other.signatures.iter().copied().take(2));
    assert_eq!(branches.take(&charter, &half), Err(QuorumMissing));
    let mut forged = other.clone();
    forged.article.acts = list([ceiling(1, 99, 99)]);
    assert_eq!(branches.take(&charter, &forged), Err(BadSignature));
    let there = five.apply(&other).expect("a quorum");
    let there = signed(there.draft(list([ceiling(1, 8, 8)])), &five.federation(), [1, 2, 3, 5]);
    assert_eq!(branches.take(&charter, &there), Err(PreviousNotHead));
    assert_eq!(branches, Branches::default());
    assert_eq!(branches.fork(&charter), None);
    // What was kept is read back; what stands on nothing any more is not.
    let aside = vec![there, other.clone()];
    let read = Branches::kept(&charter, aside);
    assert_eq!((read.aside().len(), read.fork(&charter)), (2, Some(1)));
    let article = Article { previous: Hash([9; 32]), ..other.article.clone() };
    let lost = SignedArticle { article, ..other };
    assert_eq!(Branches::kept(&charter, vec![lost]), Branches::default());
}
