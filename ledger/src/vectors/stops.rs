//! Articles that stop feeds and cycles, and those that mend the charter itself.

use super::rules::{Given, founded, signed};
use super::{Made, Vector};
use crate::amount::Amount;
use crate::charter::{Act, Article, Charter, NodeCut, SignedArticle, Twice};
use crate::cut::{Cut, Reason};
use crate::fixtures;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedRef, Lane, OrgId, ProgrammeId};
use crate::testing::*;
use crate::wire::{self, Bytes};

pub(super) fn all() -> Made {
    [cuts(), heals()].into_iter().flatten().collect()
}

fn made(rows: Vec<(&'static str, &str, Given, SignedArticle)>) -> Made {
    let vector = |(name, answer, given, article): (_, &str, Given, SignedArticle)| {
        let bytes = ("bytes", article.encode());
        (name, Vector::new("article", answer, given.into_iter().chain([bytes]).collect()))
    };
    rows.into_iter().map(vector).collect()
}

fn at(seq: u64) -> Cut {
    if seq == 0 { Cut::NOTHING } else { Cut { seq, head: Hash([7; 32]) } }
}

pub(super) fn fence(feed: FeedRef, cut: Cut) -> Act {
    Act::Fence { feed, cut, reason: Reason::Lost }
}

/// Out of what is in suspense of a feed, for a reserve.
pub(super) fn release(feed: FeedRef, units: Amount, reserve: u8) -> Act {
    let (cycle, commodity) = (MAY, RICE);
    Act::Release { feed, cycle, commodity, amount: units, reserve: node(reserve) }
}

/// Brings in a kind of value entry.
pub(super) const fn activate(kind: u8, size: u16) -> Act {
    Act::Activate { lane: Lane::Value, kind, size, critical: true }
}

fn close(cuts: &[(u8, Cut)]) -> Act {
    let cuts = cuts.iter().map(|(seed, cut)| NodeCut { node: node(*seed), cut: *cut });
    let mut cuts: Vec<NodeCut> = cuts.collect();
    cuts.sort_unstable();
    Act::Close { programme: FOOD, cycle: MAY, cuts: bounded(cuts) }
}

fn cuts() -> Made {
    let charter = charter();
    let by = |acts: Vec<Act>, by: &[u8]| signed(&charter, charter.draft(bounded(acts)), by);
    let of = |acts: Vec<Act>| by(acts, &[1, 2]);
    let (a, five) = (feed_of(A), units(5));
    let fenced = || fence(a, at(4));
    let of_other = |commodity, cycle| Act::Release {
        feed: a,
        cycle,
        commodity,
        amount: five,
        reserve: node(B),
    };
    let unsound = Cut { seq: 3, head: Hash::ZERO };
    let nothing_named = Cut { seq: 0, head: Hash([7; 32]) };
    let twice = [NodeCut { node: node(A), cut: at(4) }, NodeCut { node: node(A), cut: at(5) }];
    let mut falling = [node(A), node(B)].map(|node| NodeCut { node, cut: at(4) });
    falling.sort_unstable();
    falling.reverse();
    let closing = |programme, cuts| Act::Close { programme, cycle: MAY, cuts: bounded(cuts) };
    let elsewhere = FeedRef { programme: ProgrammeId(9), ..a };
    let mixed = FeedRef { lane: Lane::Control, ..a };
    let registry = FeedRef { lane: Lane::Registry, ..a };
    let closed = || close(&[(A, at(4)), (B, at(0))]);
    let rows = vec![
        ("cut/fence", "good", of(vec![fenced()])),
        ("cut/release", "good", of(vec![fenced(), release(a, five, B)])),
        ("cut/close", "good", of(vec![closed(), release(a, five, B)])),
        ("cut/fence_of_blocks_without_a_hash", "CutUnsound", of(vec![fence(a, unsound)])),
        ("cut/fence_of_no_blocks_with_a_hash", "CutUnsound", of(vec![fence(a, nothing_named)])),
        ("cut/fence_in_no_programme", "UnknownProgramme", of(vec![fence(elsewhere, at(4))])),
        ("cut/fence_of_a_control_feed_in_one", "UnknownProgramme", of(vec![fence(mixed, at(4))])),
        ("cut/fence_without_a_quorum", "QuorumMissing", by(vec![fenced()], &[2])),
        ("cut/release_unfenced", "NotFenced", of(vec![release(a, five, B)])),
        (
            "cut/release_of_another_cycle",
            "NotFenced",
            of(vec![closed(), of_other(RICE, CycleId(6))]),
        ),
        (
            "cut/release_of_a_registry_feed",
            "NotFenced",
            of(vec![closed(), release(registry, five, B)]),
        ),
        (
            "cut/release_of_no_commodity",
            "UnknownCommodity",
            of(vec![fenced(), of_other(CommodityId(9), MAY)]),
        ),
        ("cut/release_of_nothing", "AmountZero", of(vec![fenced(), release(a, units(0), B)])),
        ("cut/release_to_the_fenced", "ReserveFenced", of(vec![fenced(), release(a, five, A)])),
        (
            "cut/release_to_another_fenced",
            "ReserveFenced",
            of(vec![fenced(), fence(feed_of(B), at(0)), release(a, five, B)]),
        ),
        ("cut/close_of_blocks_without_a_hash", "CutUnsound", of(vec![close(&[(A, unsound)])])),
        (
            "cut/close_of_no_programme",
            "UnknownProgramme",
            of(vec![closing(ProgrammeId(9), vec![])]),
        ),
        (
            "cut/close_with_one_node_twice",
            "NumbersNotRising",
            of(vec![closing(FOOD, twice.to_vec())]),
        ),
        ("cut/kind", "good", of(vec![activate(64, 200), activate(127, 2_045)])),
        ("cut/kind_of_this_version", "KindInvalid", of(vec![activate(63, 200)])),
        ("cut/kind_above_them", "KindInvalid", of(vec![activate(128, 200)])),
        ("cut/kind_of_no_bytes", "KindInvalid", of(vec![activate(64, 0)])),
        ("cut/kind_longer_than_any", "KindInvalid", of(vec![activate(64, 2_046)])),
        ("cut/kind_brought_in_twice", "KindActive", of(vec![activate(64, 200), activate(64, 200)])),
        (
            "cut/close_with_falling_nodes",
            "NumbersNotRising",
            of(vec![closing(FOOD, falling.to_vec())]),
        ),
    ];
    let given = |(name, answer, article)| (name, answer, vec![founded()], article);
    made(rows.into_iter().map(given).collect())
}

/// Five organisations, and two articles for their first epoch: 1, 2 and 3 signed both.
fn forked() -> (SignedArticle, Charter, [SignedArticle; 2]) {
    let acts = [fixtures::found([1, 2, 3, 4, 5]), fixtures::food()];
    let first = fixtures::founding(acts);
    let federation = first.founds();
    let first = fixtures::signed(first, &federation, 1..=5);
    let five = Charter::found(&first).expect("a founding");
    let article = |units, by: [u8; 4]| {
        let draft = five.draft(bounded([fixtures::ceiling(1, units, units)]));
        fixtures::signed(draft, &federation, by)
    };
    let branches = [article(5, [1, 2, 3, 4]), article(6, [1, 2, 3, 5])];
    (first, five, branches)
}

/// What a healing act says, a change at a time.
#[derive(Clone)]
struct Healing {
    kept: Hash,
    lost: Vec<u8>,
    kept_by: usize,
    lost_by: usize,
    twice: Vec<Twice>,
    quorum: u8,
    beside: Vec<Act>,
    by: Vec<u8>,
}

fn heals() -> Made {
    let (first, five, [one, other]) = forked();
    let federation = five.federation();
    let kept = five.apply(&one).expect("a quorum");
    let leaves = |org| Twice { org: OrgId(org), key: None };
    let again = Twice { org: OrgId(3), key: Some(key(53).public()) };
    let plain = Healing {
        kept: one.article.hash(),
        lost: wire::encode(&other.article),
        kept_by: 3,
        lost_by: 3,
        twice: vec![leaves(1), leaves(2), again],
        quorum: 2,
        beside: vec![],
        by: vec![3, 4, 5],
    };
    let shown =
        |signed: &SignedArticle, count| bounded(signed.signatures.iter().copied().take(count));
    let healing = |charter: &Charter, change: &dyn Fn(&mut Healing)| {
        let mut said = plain.clone();
        change(&mut said);
        let act = Act::Heal {
            kept: said.kept,
            lost: Bytes::new(said.lost).expect("small"),
            kept_by: shown(&one, said.kept_by),
            lost_by: shown(&other, said.lost_by),
            twice: bounded(said.twice),
            quorum: said.quorum,
        };
        let article = charter.draft(bounded([act].into_iter().chain(said.beside)));
        // The third signs with the key it gets.
        let sign = |n: &u8| {
            let seed = if *n == 3 { 53 } else { *n };
            (OrgId((*n).into()), article.sign(&federation, &key(seed)))
        };
        SignedArticle { signatures: bounded(said.by.iter().map(sign)), article: article.clone() }
    };
    let with = |change: &dyn Fn(&mut Healing)| healing(&kept, change);
    let article = |article: &SignedArticle| ("article", article.encode());
    let known = vec![article(&first), article(&one)];
    let good = with(&|_| ());
    let healed = kept.apply(&good).expect("healed");
    let known_healed = || [known.clone(), vec![article(&good)]].concat();
    let succeed = |heads| -> Article {
        let found = fixtures::found([3, 4]);
        fixtures::founding([found, Act::Succeed { federation, heads }])
    };
    let mut heads = [one.article.hash(), other.article.hash()];
    heads.sort_unstable();
    let founding = |heads| {
        let article = succeed(heads);
        let named = article.founds();
        fixtures::signed(article, &named, [3, 4])
    };
    let later = kept.draft(bounded([Act::Succeed { federation, heads }]));
    let later = fixtures::signed(later, &federation, 1..=5);
    let all_but_one = |h: &mut Healing| {
        // The fourth is shown to have signed both: only the fifth is left.
        h.twice.insert(3, leaves(4));
        h.kept_by = 4;
    };
    let mut unkept = vec![
        ("heal/good", "good", with(&|_| ())),
        ("heal/signed_by_too_few", "HealUnsigned", with(&|h| h.by = vec![3, 4])),
        ("heal/new_key_did_not_sign", "RotationUnsigned", with(&|h| h.by = vec![4, 5])),
        ("heal/signed_by_who_leaves", "UnknownSigner", with(&|h| h.by = vec![1, 3, 4, 5])),
        ("heal/one_not_shown_is_named", "TwiceMisstated", with(&all_but_one)),
        ("heal/one_shown_is_left_out", "TwiceMisstated", with(&|h| h.twice.truncate(2))),
        ("heal/signatures_left_out", "TwiceMisstated", with(&|h| h.lost_by = 0)),
        ("heal/other_article_kept", "NoFork", with(&|h| h.kept = Hash([1; 32]))),
        ("heal/lost_is_no_article", "NoFork", with(&|h| h.lost = vec![1, 2, 3])),
        ("heal/lost_is_the_kept", "NoFork", with(&|h| h.lost = wire::encode(&one.article))),
        (
            "heal/beside_another_act",
            "HealNotAlone",
            with(&|h| h.beside = vec![fixtures::ceiling(4, 1, 1)]),
        ),
        ("heal/quorum_of_half", "QuorumTooSmall", with(&|h| h.quorum = 1)),
    ];
    let mut rows: Vec<(_, _, Given, _)> = unkept
        .drain(..)
        .map(|(name, answer, article)| (name, answer, known.clone(), article))
        .collect();
    rows.push(("heal/twice", "NoFork", known_healed(), {
        healing(&healed, &|h| (h.twice, h.by) = (vec![again], vec![3, 4, 5]))
    }));
    rows.push(("heal/founded_again", "good", vec![], founding(heads)));
    rows.push(("heal/heads_exchanged", "NumbersNotRising", vec![], founding([heads[1], heads[0]])));
    rows.push(("heal/succeeding_later", "FoundMisplaced", known.clone(), later));
    made(rows)
}
