//! Checkpoints, what witnesses say of them, and the rows a new node begins from.

use super::rules::{Given, founded, said};
use super::{Made, Vector};
use crate::checkpoint::{Chunk, Cosignature, Of, Page, Said, Spot, Working, chunks};
use crate::entry::Owner;
use crate::frontier::Frontier;
use crate::frontier::tests::{feed, tip};
use crate::hash::Hash;
use crate::id::{CycleId, Lane, ProgrammeId};
use crate::leaf::{self, LeafId};
use crate::notice::{Notice, Roles, SignedNotice};
use crate::testing::*;
use crate::time::Minute;
use crate::wire::Bytes;

pub(super) fn all() -> Made {
    [checkpoints(), cosignatures(), pieces(), working()].into_iter().flatten().collect()
}

fn made(kind: &str, given: &Given, rows: Vec<(&'static str, &str, Vec<u8>)>) -> Made {
    let vector = |(name, answer, bytes)| {
        (name, Vector::new(kind, answer, given.iter().cloned().chain([("bytes", bytes)]).collect()))
    };
    rows.into_iter().map(vector).collect()
}

fn and_a_byte(mut whole: Vec<u8>) -> Vec<u8> {
    whole.push(0);
    whole
}

fn id(programme: ProgrammeId, cycle: u16) -> LeafId {
    LeafId { programme, cycle: CycleId(cycle) }
}

fn rows(programme: ProgrammeId, cycle: u16, count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| [&id(programme, cycle).bytes()[..], &[9, n]].concat()).collect()
}

/// Two feeds; two leaves of state, the second of two chunks; what a node needs of one programme.
fn page() -> Page {
    let tips = vec![tip(feed(A, Lane::Value), 4, 0), tip(feed(B, Lane::Control), 2, 0)];
    let frontier = Frontier::new(tips).expect("two");
    let state = leaf::leaves([rows(FOOD, 0, 3), rows(FOOD, 5, 66), rows(CASH, 5, 1)].concat());
    let working = leaf::leaves([rows(ProgrammeId::NONE, 0, 2), rows(FOOD, 0, 7)].concat());
    Page::new(&charter(), &frontier, state, working, NOW).expect("few leaves")
}

fn changed<T: Clone>(value: &T, change: impl FnOnce(&mut T)) -> T {
    let mut other = value.clone();
    change(&mut other);
    other
}

fn checkpoints() -> Made {
    let good = page();
    let with = |change: &dyn Fn(&mut Page)| changed(&good, |page| change(page)).encode();
    let exchanged = |page: &mut Page| {
        let mut leaves = page.state.clone().into_vec();
        leaves.swap(0, 1);
        page.checkpoint.state = leaf::root(&leaves);
        page.state = bounded(leaves);
    };
    let rows = vec![
        ("checkpoint/good", "good", good.encode()),
        (
            "checkpoint/other_federation",
            "Federation",
            with(&|p| p.checkpoint.federation.0 = Hash([1; 32])),
        ),
        ("checkpoint/other_article", "Charter(0)", with(&|p| p.checkpoint.charter = Hash([1; 32]))),
        ("checkpoint/other_epoch", "Charter(1)", with(&|p| p.checkpoint.epoch = 1)),
        (
            "checkpoint/leaf_left_out",
            "State",
            with(&|p| p.state = bounded(p.state.iter().copied().skip(1))),
        ),
        ("checkpoint/leaves_not_ascending", "State", with(&exchanged)),
        ("checkpoint/working_leaf_left_out", "Working", with(&|p| p.working = bounded([]))),
        ("checkpoint/fewer_tips_than_said", "Feeds(2, 3)", with(&|p| p.checkpoint.feeds = 3)),
        ("checkpoint/trailing_byte", "Trailing(1)", and_a_byte(good.encode())),
    ];
    made("checkpoint", &vec![founded()], rows)
}

/// The certificate of a witness, or of a node that is none.
fn certified(org: u8, seed: u8, witness: bool) -> SignedNotice {
    let mut certificate = certificate(&charter().federation(), org, seed);
    if witness {
        certificate.roles = certificate.roles.and(Roles::WITNESS);
    }
    said(org, Notice::Node(certificate))
}

/// What the witness A says who has folded food: which is two leaves.
fn vouched(page: &Page) -> Said {
    let leaves = page.leaves_of(FOOD).map(|leaf| leaf.id);
    let checkpoint = page.checkpoint.hash();
    let (leaves, holds) = (bounded(leaves), bounded([FOOD]));
    Said { checkpoint, witness: node(A), time: NOW, leaves, holds }
}

fn cosignatures() -> Made {
    let (federation, page) = (charter().federation(), page());
    let good = vouched(&page);
    let sign = |said: Said, seed: u8| said.sign(&federation, &key(seed + 1)).encode();
    let with = |change: &dyn Fn(&mut Said)| sign(changed(&good, |said| change(said)), A);
    let falling = |said: &mut Said| {
        let mut leaves = said.leaves.clone().into_vec();
        leaves.reverse();
        said.leaves = bounded(leaves);
    };
    let signed = good.clone().sign(&federation, &key(A + 1));
    let after = Cosignature { said: changed(&good, |s| s.holds = bounded([])), ..signed };
    let rows = vec![
        ("cosignature/good", "good", sign(good.clone(), A)),
        (
            "cosignature/other_checkpoint",
            "OtherCheckpoint",
            with(&|s| s.checkpoint = Hash([1; 32])),
        ),
        ("cosignature/unknown_witness", "UnknownWitness", with(&|s| s.witness = [0; 8])),
        ("cosignature/after_its_certificate", "NotAWitness", with(&|s| s.time = Minute(1_001))),
        (
            "cosignature/node_that_is_no_witness",
            "NotAWitness",
            sign(changed(&good, |s| s.witness = node(B)), B),
        ),
        ("cosignature/leaves_not_ascending", "Leaves", with(&falling)),
        (
            "cosignature/leaf_there_is_not",
            "Leaves",
            with(&|s| s.leaves = bounded([id(FOOD, 0), id(FOOD, 5), id(FOOD, 9)])),
        ),
        (
            "cosignature/holds_what_it_did_not_fold",
            "Leaves",
            with(&|s| s.leaves = bounded([id(FOOD, 5)])),
        ),
        ("cosignature/holds_not_ascending", "Leaves", with(&|s| s.holds = bounded([FOOD, FOOD]))),
        ("cosignature/changed_after_signing", "BadSignature", after.encode()),
        ("cosignature/signed_by_another", "BadSignature", sign(good.clone(), B)),
        ("cosignature/trailing_byte", "Trailing(1)", and_a_byte(sign(good.clone(), A))),
    ];
    let notices = [certified(2, A, true), certified(3, B, false)];
    let mut given = vec![founded()];
    given.extend(notices.map(|notice| ("notice", notice.encode())));
    given.push(("checkpoint", page.encode()));
    made("cosignature", &given, rows)
}

fn pieces() -> Made {
    let page = page();
    let chunks = chunks(&page, Of::State, id(FOOD, 5), rows(FOOD, 5, 66)).expect("short rows");
    let good = chunks.get(1).expect("of two chunks").clone();
    let with = |change: &dyn Fn(&mut Chunk)| changed(&good, |chunk| change(chunk)).encode();
    let edit = |change: fn(&mut Vec<Vec<u8>>)| {
        with(&|chunk| {
            let mut rows: Vec<Vec<u8>> = chunk.rows.iter().map(|row| row.to_vec()).collect();
            change(&mut rows);
            chunk.rows = bounded(rows.into_iter().map(|row| Bytes::new(row).expect("short")));
        })
    };
    let rows = vec![
        ("chunk/good", "good", good.encode()),
        (
            "chunk/other_checkpoint",
            "OtherCheckpoint",
            with(&|chunk| chunk.checkpoint = Hash([1; 32])),
        ),
        ("chunk/leaf_there_is_not", "NoLeaf", with(&|chunk| chunk.leaf = id(FOOD, 6))),
        ("chunk/other_root", "NoLeaf", with(&|chunk| chunk.of = Of::Working)),
        ("chunk/row_left_out", "Count", edit(|rows| drop(rows.pop()))),
        ("chunk/row_of_another_leaf", "Row", edit(|rows| rows[0][3] = 6)),
        ("chunk/row_changed", "Path", edit(|rows| rows[0][5] ^= 0x40)),
        ("chunk/rows_exchanged", "Path", edit(|rows| rows.swap(0, 1))),
        ("chunk/after_the_last", "Count", with(&|chunk| chunk.path.index = 2)),
        ("chunk/trailing_byte", "Trailing(1)", and_a_byte(good.encode())),
    ];
    made("rows of a checkpoint", &vec![("checkpoint", page.encode())], rows)
}

fn working() -> Made {
    let at = Spot { feed: feed_of(A), index: 3 };
    let lot = Working::Lot {
        at,
        origin: Hash([3; 32]),
        owner: Owner::Float,
        cycle: MAY,
        commodity: RICE,
        balance: -5,
        held: 0,
        expires: LAST,
        opened: 1,
    };
    let good = lot.row(FOOD);
    let with = |at: usize, to: &[u8]| [&good[..at], to, &good[at + 1..]].concat();
    let rows = vec![
        ("working/lot", "good", good.clone()),
        ("working/of_a_cycle", "Malformed", with(3, &[5])),
        ("working/kind_there_is_not", "Malformed", with(4, &[100])),
        ("working/kind_spelt_longer", "NotCanonical", with(4, &[0x82, 0])),
        ("working/cut_short", "Malformed", good[..good.len() - 1].to_vec()),
        ("working/nothing", "Malformed", vec![]),
        ("working/trailing_byte", "Trailing(1)", and_a_byte(good.clone())),
    ];
    made("working row", &Given::new(), rows)
}
