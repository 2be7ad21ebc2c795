use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::frontier::tests::{Woods, feed, tip};
use crate::id::{CycleId, FeedRef, Lane, OrgId};
use crate::notice::Notice;
use crate::sync::frame::Known;
use crate::testing::*;

const ORGS: [(u8, u8); 3] = [(1, TREASURY), (2, A), (3, B)];

/// The roster of the tests, whose nodes are witnesses here.
fn witnesses(charter: &Charter) -> Roster {
    let federation = charter.federation();
    let mut roster = Roster::new();
    for (org, seed) in ORGS {
        let plain = certificate(&federation, org, seed);
        let roles = plain.roles.and(Roles::WITNESS);
        let notice = Notice::Node(NodeCertificate { roles, ..plain });
        roster.learn(charter, &notice.sign(&federation, &key(org))).expect("a good notice");
    }
    roster
}

fn id(programme: ProgrammeId, cycle: u16) -> LeafId {
    LeafId { programme, cycle: CycleId(cycle) }
}

fn rows(programme: ProgrammeId, cycle: u16, count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| [&id(programme, cycle).bytes()[..], &[9, n, n]].concat()).collect()
}

fn of(tips: &[Known]) -> Frontier {
    Frontier::new(tips.to_vec()).expect("a frontier")
}

fn page_of(frontier: &Frontier, time: u32) -> Page {
    let state = [rows(FOOD, 0, 3), rows(FOOD, 5, 200), rows(CASH, 5, 1)].concat();
    let working = [rows(ProgrammeId::NONE, 0, 2), rows(FOOD, 0, 70)].concat();
    let (state, working) = (leaf::leaves(state), leaf::leaves(working));
    Page::new(&charter(), frontier, state, working, Minute(time)).expect("few leaves")
}

fn page() -> Page {
    page_of(&of(&[tip(feed(A, Lane::Value), 4, 0), tip(feed(B, Lane::Control), 2, 0)]), 50)
}

/// What a witness says who has folded these programmes.
fn said(page: &Page, seed: u8, folded: &[ProgrammeId]) -> Said {
    let leaves = folded.iter().flat_map(|p| page.leaves_of(*p)).map(|leaf| leaf.id);
    Said {
        checkpoint: page.checkpoint.hash(),
        witness: node(seed),
        time: NOW,
        leaves: bounded(leaves),
        holds: bounded(folded.iter().copied()),
    }
}

fn sign(said: Said, seed: u8) -> Cosignature {
    said.sign(&charter().federation(), &key(seed + 1))
}

#[test]
fn a_page_is_held_to_its_roots() {
    let good = page();
    assert_eq!(good.check(&charter()), Ok(()));
    let check = |change: &dyn Fn(&mut Page)| {
        let mut page = good.clone();
        change(&mut page);
        page.check(&charter()).err()
    };
    let none = Hash::ZERO;
    assert_eq!(check(&|p| p.checkpoint.federation.0 = none), Some(PageFault::Federation));
    assert_eq!(check(&|p| p.checkpoint.charter = none), Some(PageFault::Charter(0)));
    assert_eq!(check(&|p| p.checkpoint.state = none), Some(PageFault::State));
    assert_eq!(check(&|p| p.checkpoint.working = none), Some(PageFault::Working));
    assert_eq!(check(&|p| p.checkpoint.feeds = 3), Some(PageFault::Feeds(2, 3)));
    let turned = |p: &mut Page| {
        let mut leaves = p.state.clone().into_vec();
        leaves.swap(0, 1);
        p.checkpoint.state = leaf::root(&leaves);
        p.state = bounded(leaves);
    };
    assert_eq!(check(&turned), Some(PageFault::State), "they ascend");
    assert_eq!(Page::decode(&good.encode()), Ok(good.clone()));
    let other = of(&[tip(feed(A, Lane::Value), 4, 1), tip(feed(B, Lane::Control), 2, 0)]);
    assert_eq!(good.check_frontier(&other), Err(PageFault::Frontier));
}

#[test]
fn a_cosignature_counts_only_as_it_was_signed() {
    use CosignatureRejection as R;
    let (charter, page) = (charter(), page());
    let roster = witnesses(&charter);
    let good = sign(said(&page, A, &[FOOD]), A);
    assert_eq!(good.check(&page, &charter, &roster).map(|c| c.org), Ok(OrgId(2)));
    let check = |change: &dyn Fn(&mut Cosignature)| {
        let mut cosignature = good.clone();
        change(&mut cosignature);
        cosignature.check(&page, &charter, &roster).err()
    };
    let unsorted = |c: &mut Cosignature| {
        let mut leaves = c.said.leaves.clone().into_vec();
        leaves.reverse();
        c.said.leaves = bounded(leaves);
    };
    assert_eq!(check(&|c| c.said.checkpoint = Hash::ZERO), Some(R::OtherCheckpoint));
    assert_eq!(check(&|c| c.said.witness = [0; 8]), Some(R::UnknownWitness));
    assert_eq!(check(&|c| c.said.time = Minute(u32::MAX)), Some(R::NotAWitness), "it has ended");
    assert_eq!(check(&unsorted), Some(R::Leaves));
    assert_eq!(check(&|c| c.said.leaves = bounded([id(FOOD, 9)])), Some(R::Leaves));
    assert_eq!(
        check(&|c| c.said.leaves = bounded([id(FOOD, 5)])),
        Some(R::Leaves),
        "it holds what it has not folded"
    );
    assert_eq!(check(&|c| c.said.leaves = bounded([])), Some(R::Leaves));
    assert_eq!(check(&|c| c.said.holds = bounded([])), Some(R::BadSignature));
    assert_eq!(check(&|c| c.said.witness = node(B)), Some(R::BadSignature), "another's");
    let plain = roster_without(&charter, &[]);
    assert_eq!(good.check(&page, &charter, &plain).err(), Some(R::NotAWitness), "no such role");
    let page_text = include_str!("../../../spec/checkpoints.md");
    let told = crate::fixtures::rejections_of(page_text);
    let code: Vec<_> = R::ALL.iter().map(|r| (*r as u16, format!("{r:?}"))).collect();
    assert_eq!(told, code, "the page and the code have the same");
}

#[test]
fn an_organisation_counts_once_and_each_programme_by_itself() {
    let (charter, page) = (charter(), page());
    let roster = witnesses(&charter);
    assert_eq!(charter.quorum(), 2);
    let a = sign(said(&page, A, &[FOOD]), A);
    let again = sign(Said { time: Minute(101), ..said(&page, A, &[FOOD]) }, A);
    let stand = |all: &[&Cosignature]| standing(&page, all.iter().copied(), &charter, &roster);
    let one = stand(&[&a, &again]);
    assert!(!one.certifies_frontier() && !one.certifies(FOOD), "twice is once");
    let outside = sign(said(&page, B, &[]), B);
    let two = stand(&[&a, &outside]);
    assert!(two.certifies_frontier() && two.certifies(ProgrammeId::NONE));
    assert!(!two.certifies(FOOD), "who is outside vouches for the frontier alone");
    let inside = sign(said(&page, B, &[FOOD]), B);
    let three = stand(&[&a, &inside, &outside]);
    assert!(three.certifies(FOOD) && three.certifies_leaf(id(FOOD, 5)) && !three.certifies(CASH));
    let first = (OrgId(0), [0; 8]);
    assert!(three.is_mirrored(FOOD, first) && !two.is_mirrored(FOOD, first));
    assert!(!three.is_mirrored(FOOD, (OrgId(2), node(A))), "who drops bodies holds none");
    // Its newest word is that it holds nothing: its folding stands, its holding does not.
    let later =
        sign(Said { time: Minute(102), holds: Bounded::empty(), ..said(&page, A, &[FOOD]) }, A);
    for all in [[&a, &inside, &later], [&later, &inside, &a]] {
        let stands = stand(&all);
        assert!(stands.certifies(FOOD) && !stands.is_mirrored(FOOD, first));
    }
    let forged = Cosignature { signature: a.signature, ..inside };
    let four = stand(&[&a, &forged]);
    assert_eq!(four.refused, [(node(B), CosignatureRejection::BadSignature)]);
    assert!(!four.certifies_frontier());
}

/// However many drop bodies before they hear of each other, two organisations keep them: the last of those who hold them.
#[test]
fn nobody_relies_on_a_node_that_may_rely_on_it() {
    let mut standing = Standing::default();
    let nodes = [(1, 5), (1, 3), (2, 9), (4, 1), (4, 2), (7, 0)].map(|(o, n)| (OrgId(o), [n; 8]));
    let holders = nodes.iter().map(|(org, node)| (*node, *org)).collect();
    standing.holds.insert(FOOD, holders);
    let may = |own: &(OrgId, [u8; 8])| standing.is_mirrored(FOOD, *own);
    let left: BTreeSet<OrgId> = nodes.iter().filter(|own| !may(own)).map(|(org, _)| *org).collect();
    assert_eq!(left, BTreeSet::from([OrgId(4), OrgId(7)]), "all others at once");
    for one in nodes {
        for other in nodes {
            let counts = |own: (OrgId, [u8; 8]), other: (OrgId, [u8; 8])| {
                let mut alone = Standing::default();
                alone.holds.insert(FOOD, BTreeMap::from([(other.1, other.0)]));
                !alone.mirrors(FOOD, own).is_empty()
            };
            assert!(!(counts(one, other) && counts(other, one)), "{one:?} {other:?}");
        }
    }
}

/// A page that its witness had let go is certified later, with its old word, elsewhere.
#[test]
fn a_word_that_was_taken_back_on_one_page_is_taken_back_on_all() {
    let charter = charter();
    let roster = witnesses(&charter);
    let (old, new) = (page(), page_of(&of(&[tip(feed(A, Lane::Value), 9, 0)]), 60));
    let stand = |page: &Page, said: Said| standing(page, &[sign(said, A)], &charter, &roster);
    let word = |page: &Page, time: u32, folded: &[ProgrammeId], holds: &[ProgrammeId]| {
        let holds = bounded(holds.iter().copied());
        stand(page, Said { time: Minute(time), holds, ..said(page, A, folded) })
    };
    for (time, folded, holds, keeps) in [
        (102, &[FOOD][..], &[][..], false),
        (101, &[FOOD], &[], false),
        (100, &[FOOD], &[], true),
        (102, &[FOOD], &[FOOD], true),
        // Not a word about it.
        (102, &[], &[], true),
    ] {
        let mut standing = word(&old, 101, &[FOOD], &[FOOD]);
        standing.hear(&word(&new, time, folded, holds));
        assert_eq!(standing.holds.get(&FOOD).is_some_and(|all| !all.is_empty()), keeps, "{time}");
    }
}

/// A witness with its memory, as a node keeps it.
struct Witness {
    memory: Frontier,
    woods: Woods,
}

impl Witness {
    fn new(woods: &Woods) -> Self {
        Self { memory: Frontier::default(), woods: woods.clone() }
    }

    fn asked(&mut self, frontier: &Frontier, time: u32) -> Result<(), Refusal> {
        let page = page_of(frontier, time);
        self.memory = vouch(&page, frontier, &self.memory, Minute(9), &self.woods)?;
        Ok(())
    }
}

#[test]
fn s29_a_witness_refuses_what_goes_back_and_puts_off_what_is_old_or_new_to_it() {
    let (f, g) = (feed(A, Lane::Value), feed(B, Lane::Value));
    let mut woods = Woods::default();
    woods.grow(f, 6, &[]);
    woods.grow(g, 6, &[]);
    let at = |a: u64, b: u64| of(&[tip(f, a, 0), tip(g, b, 0)]);
    let mut witness = Witness::new(&woods);
    assert_eq!(witness.asked(&at(4, 4), 1), Ok(()));
    assert_eq!(witness.asked(&at(4, 4), 1), Ok(()), "again changes nothing");
    assert_eq!(witness.asked(&at(5, 4), 2), Ok(()));
    let stale = witness.asked(&at(4, 4), 3).expect_err("older than what was signed");
    assert_eq!((stale, stale.status()), (Refusal::Stale, 409));
    let back = witness.asked(&at(3, 6), 4).expect_err("one feed goes back");
    assert_eq!((back, back.status()), (Refusal::Rollback { feed: f.short(), signed: 50 }, 422));
    let left_out = witness.asked(&of(&[tip(g, 6, 0)]), 4).expect_err("one feed is left out");
    assert_eq!(left_out.status(), 422);
    let ahead = witness.asked(&at(7, 6), 5).expect_err("more than is known");
    let behind = Refusal::Behind { feed: f.short(), have: 60, needs: 70 };
    assert_eq!((ahead, ahead.status()), (behind, 409));
    let forked = witness.asked(&of(&[tip(f, 6, 1), tip(g, 6, 0)]), 6).expect_err("another history");
    assert_eq!((forked, forked.status()), (Refusal::Forked { feed: f.short() }, 422));
    assert_eq!(witness.memory, at(5, 4), "what was refused is not remembered");
    assert_eq!(witness.asked(&at(6, 6), 7), Ok(()));
    let other = vouch(&page_of(&at(5, 6), 8), &at(6, 6), &witness.memory, Minute(9), &woods);
    assert_eq!(other, Err(Refusal::Page(PageFault::Frontier)));
    // A clock a month ahead made it: signed, it would stand before every honest page for that month.
    let day = 24 * 60;
    assert_eq!(witness.asked(&at(6, 6), 9 + day), Ok(()));
    let dated = witness.asked(&at(6, 6), 10 + day).expect_err("a day ahead, and more");
    let ahead = Refusal::Ahead { time: 10 + day, latest: 9 };
    assert_eq!((dated, dated.status()), (ahead, 409));
}

#[test]
fn s28_a_fork_is_signed_only_with_both_branches_by_who_can_show_them() {
    let f = feed(A, Lane::Value);
    let (mut whole, mut half) = (Woods::default(), Woods::default());
    half.grow(f, 4, &[]);
    whole.grow(f, 4, &[2]);
    let both = of(&[tip(f, 4, 0), tip(f, 4, 1)]);
    assert_eq!(Witness::new(&half).asked(&both, 1), Err(Refusal::Forked { feed: f.short() }));
    let mut witness = Witness::new(&whole);
    assert_eq!(witness.asked(&of(&[tip(f, 3, 0)]), 1), Ok(()));
    assert_eq!(witness.asked(&both, 2), Ok(()));
    let one = witness.asked(&of(&[tip(f, 4, 0)]), 3).expect_err("a branch is left out");
    assert_eq!(one, Refusal::Stale);
}

#[test]
fn two_halves_of_a_partition_certify_apart_and_join_without_a_leader() {
    let (f, g) = (feed(A, Lane::Value), feed(B, Lane::Value));
    let mut woods = Woods::default();
    woods.grow(f, 9, &[]);
    woods.grow(g, 9, &[]);
    let (charter, at) = (charter(), |a, b| of(&[tip(f, a, 0), tip(g, b, 0)]));
    let roster = witnesses(&charter);
    let certify = |frontier: &Frontier, seeds: [u8; 2]| {
        let page = page_of(frontier, 9);
        let signed = seeds.map(|seed| sign(said(&page, seed, &[FOOD]), seed));
        standing(&page, &signed, &charter, &roster)
    };
    let (north, south) = (at(7, 2), at(3, 8));
    let parts = [(certify(&north, [A, B]), &north), (certify(&south, [TREASURY, B]), &south)];
    let join = |order: &[usize]| {
        let mut certified = Certified::default();
        for part in order {
            let (standing, frontier) = &parts[*part];
            certified.add(standing, frontier, &woods).expect("few feeds");
        }
        certified
    };
    let joined = join(&[0, 1]);
    assert_eq!(joined, join(&[1, 0, 1]));
    assert_eq!(joined.frontier, at(7, 8));
    assert!(joined.certifies(&f, &tip(f, 6, 0).head, &woods));
    assert!(!joined.certifies(&f, &tip(f, 8, 0).head, &woods), "not yet");
    let cash = FeedRef { programme: CASH, ..f.short() };
    let cash = crate::id::FeedId { programme: cash.programme, ..f };
    assert!(!joined.certifies(&cash, &tip(f, 6, 0).head, &woods), "another programme");
    assert!(only_a_fence_may_cut(&joined.frontier, &f, 69));
    assert!(!only_a_fence_may_cut(&joined.frontier, &f, 70), "at the tip and above anybody may");
    assert!(!only_a_fence_may_cut(&Frontier::default(), &f, 0));
}

#[test]
fn s40_rows_that_were_not_vouched_for_are_refused() {
    let page = page();
    let all = rows(FOOD, 5, 200);
    let made = chunks(&page, Of::State, id(FOOD, 5), all.clone()).expect("short rows");
    assert_eq!(made.len(), 4);
    let told: BTreeSet<Vec<u8>> =
        made.iter().flat_map(|c| c.rows.iter().map(|row| row.to_vec())).collect();
    assert_eq!(told, all.into_iter().collect());
    for chunk in &made {
        assert_eq!(chunk.check(&page), Ok(()));
        assert_eq!(Chunk::decode(&chunk.encode()).as_ref(), Ok(chunk));
    }
    let check = |change: &dyn Fn(&mut Chunk)| {
        let mut chunk = made[1].clone();
        change(&mut chunk);
        chunk.check(&page).expect_err("it was changed")
    };
    let edit = |c: &mut Chunk, with: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut rows: Vec<Vec<u8>> = c.rows.iter().map(|row| row.to_vec()).collect();
        with(&mut rows);
        let kept = rows.into_iter().map(|row| wire::Bytes::new(row).expect("short"));
        c.rows = bounded(kept);
    };
    let path = ChunkFault::Path { leaf: id(FOOD, 5), index: 1 };
    assert_eq!(check(&|c| c.checkpoint = Hash::ZERO), ChunkFault::OtherCheckpoint);
    assert_eq!(check(&|c| c.leaf = id(FOOD, 6)), ChunkFault::NoLeaf(id(FOOD, 6)));
    assert_eq!(check(&|c| c.of = Of::Working), ChunkFault::NoLeaf(id(FOOD, 5)));
    assert!(matches!(check(&|c| edit(c, &|r| drop(r.pop()))), ChunkFault::Count { .. }));
    assert_eq!(check(&|c| edit(c, &|r| r[3][1] = 2)), ChunkFault::Row(id(FOOD, 5)));
    assert_eq!(check(&|c| edit(c, &|r| r[3][5] ^= 1)), path);
    assert_eq!(check(&|c| edit(c, &|r| r.swap(0, 1))), path);
    assert_eq!(check(&|c| c.path.index = 2), ChunkFault::Path { leaf: id(FOOD, 5), index: 2 });
    assert!(matches!(check(&|c| c.path.index = 3), ChunkFault::Count { .. }));
    assert!(matches!(check(&|c| c.path.index = u32::MAX), ChunkFault::Count { .. }));
}

/// What dishonest organisations can do with two histories of one feed: show one here, the other there.
fn certified_twice(quorum: usize, orgs: usize, dishonest: usize, shown: &[bool]) -> bool {
    let f = feed(A, Lane::Value);
    let mut histories = [Woods::default(), Woods::default()];
    histories[0].grow(f, 4, &[]);
    let other: Vec<Known> = (1..=4).map(|n| tip(f, n, u8::from(n > 2))).collect();
    histories[1].0.insert(f, vec![other]);
    let frontiers = [of(&[tip(f, 4, 0)]), of(&[tip(f, 4, 1)])];
    let mut vouched = [0usize; 2];
    for (org, shown) in shown.iter().enumerate().take(orgs) {
        if org < dishonest {
            vouched = vouched.map(|n| n + 1);
            continue;
        }
        // An honest witness holds the history it was shown first, and is asked for both.
        let first = usize::from(*shown);
        let mut witness = Witness::new(&histories[first]);
        for which in [first, 1 - first] {
            vouched[which] += usize::from(witness.asked(&frontiers[which], 1).is_ok());
        }
    }
    vouched.iter().all(|n| *n >= quorum)
}

proptest! {
    #[test]
    fn certified_frontiers_are_compatible_while_fewer_than_2k_minus_n_lie(
        orgs in 1usize..9, more in 0usize..8, dishonest in 0usize..9, shown in prop::collection::vec(any::<bool>(), 9),
    ) {
        let quorum = (orgs / 2 + 1 + more).min(orgs);
        prop_assume!(dishonest < 2 * quorum - orgs);
        prop_assert!(!certified_twice(quorum, orgs, dishonest, &shown));
    }
}

#[test]
fn of_three_with_a_quorum_of_two_a_single_liar_can_certify_two_histories() {
    assert!(certified_twice(2, 3, 1, &[true, true, false]), "why the page says 2k − n");
    assert!(!certified_twice(3, 4, 1, &[true, true, false, true]));
    assert!(!certified_twice(2, 3, 0, &[true, true, false]));
}

#[test]
fn what_travels_has_one_spelling() {
    let page = page();
    let good = sign(said(&page, A, &[FOOD]), A);
    let whole = crate::fixtures::every_byte_matters(
        &good,
        &good.encode(),
        Cosignature::decode,
        Cosignature::encode,
    );
    whole.expect("one spelling");
    let whole =
        crate::fixtures::every_byte_matters(&page, &page.encode(), Page::decode, Page::encode);
    whole.expect("one spelling");
}
