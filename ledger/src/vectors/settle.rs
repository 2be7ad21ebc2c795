//! Settlements somebody would draft next, and what drafts that freeze nothing leave of a state.

use super::kinds::{certified, everybody};
use super::rules::{Given, Log, decides, family, founded};
use super::stops::fence;
use super::{Made, Vector};
use crate::block::Block;
use crate::charter::Charter;
use crate::cut::Cut;
use crate::entry::{Entry, Value};
use crate::hash::Hash;
use crate::id::{FeedId, Lane};
use crate::notice::{Roles, Roster, SignedNotice};
use crate::settlement::{SettlementRow, Settling, Tally, rows};
use crate::state::{self, State};
use crate::testing::*;
use crate::view::View;
use crate::wire::{self, Bounded};

/// Seeds of a second treasury of the first organisation, and of a terminal of it.
const SECOND: u8 = 40;
const TERMINAL: u8 = 50;

pub(super) fn all() -> Made {
    [drafts(), histories()].into_iter().flatten().collect()
}

fn known() -> Vec<SignedNotice> {
    let terminal = certified(1, TERMINAL, |c| c.roles = Roles::MERCHANT);
    everybody().into_iter().chain([certified(1, SECOND, |_| ()), terminal]).collect()
}

fn settle(settling: Settling) -> Entry {
    Value::Settle { settling: Box::new(settling), at: NOW }.into()
}

type Blocks = Vec<(FeedId, Block)>;

/// One block of a node's value feed.
fn writes(seed: u8, said: &[Settling]) -> (FeedId, Block) {
    let entries: Vec<Entry> = said.iter().cloned().map(settle).collect();
    Log::new(seed, Lane::Value).seal(&entries)
}

fn folded(blocks: &[(FeedId, Block)]) -> State {
    let charter = charter();
    let federation = charter.federation();
    let mut roster = Roster::new();
    for notice in known() {
        roster.learn(&charter, &notice).expect("a good notice");
    }
    let mut state = State::new(charter, roster);
    for (feed, block) in blocks {
        let chain = state.trunk(feed);
        let block = block.verify(&federation, feed).expect("a good block");
        state.fold_block(chain, &block).expect("the next of its chain");
    }
    state
}

/// All that A wrote: its redemption stands at 2.
fn stretch(from: u64) -> Settling {
    let blocks = family();
    let (_, block) = blocks.iter().find(|(feed, _)| *feed == value(A)).expect("A's");
    let head = block.header.end();
    let (node, to, head) = (node(A), head.next, head.accumulator);
    Settling::Stretch { node, from, to, head, except: Bounded::empty() }
}

/// The draft of a stretch over all of A, whose first line stands at an index.
fn draft(first: u64) -> Settling {
    let rows = rows(&folded(&family()), FOOD, &[stretch(0)]).expect("all is here");
    let mut tally = Tally::default();
    assert!(rows.iter().all(|row| tally.push(row)) && rows.len() == 1);
    tally.finish(first).expect("a row")
}

fn changed(change: impl FnOnce(&mut u32, &mut Hash)) -> Settling {
    let mut other = draft(0);
    if let Settling::Draft { rows, root, .. } = &mut other {
        change(rows, root);
    }
    other
}

fn given(articles: &Given, blocks: &[(FeedId, Block)]) -> Given {
    let mut given = vec![founded()];
    given.extend(articles.iter().cloned());
    given.extend(known().iter().map(|notice| ("notice", notice.encode())));
    for (feed, block) in blocks {
        given.push(("feed", feed.bytes().to_vec()));
        given.push(("block", wire::encode(block)));
    }
    given
}

fn drafts() -> Made {
    let charter: Charter = charter();
    let lost =
        vec![("article", decides(&charter, fence(feed_of(TREASURY), Cut::NOTHING)).encode())];
    let none = Given::new();
    let after =
        |more: Option<(FeedId, Block)>| -> Blocks { family().into_iter().chain(more).collect() };
    // The first treasury writes on behind what it issued: as if all of that had been another's.
    let first = |said: &[Settling]| -> Blocks {
        let entries: Vec<Entry> = said.iter().cloned().map(settle).collect();
        let mut blocks = family();
        let (feed, block) = blocks.iter().find(|(feed, _)| *feed == value(TREASURY)).expect("its");
        let more = seal(&charter.federation(), TREASURY, *feed, 1, block.header.end(), &entries);
        blocks.push((*feed, more));
        blocks
    };
    let held = || {
        let place = family()
            .iter()
            .find(|(feed, _)| *feed == value(TREASURY))
            .map(|(_, block)| block.header.end().next);
        let draft = draft(place.expect("its block"));
        let mut blocks = first(&[stretch(0), draft]);
        blocks.push(writes(SECOND, &[stretch(0)]));
        blocks
    };
    let own = |said: &[Settling]| after(Some(writes(SECOND, said)));
    let (meets, other) = ([stretch(0), stretch(2)], Hash([9; 32]));
    let table: Vec<(_, _, &Given, Blocks, u8, Settling)> = vec![
        ("draft/settlement", "good", &none, own(&[stretch(0)]), SECOND, draft(0)),
        ("draft/settlement_of_a_lost_draft", "good", &lost, held(), SECOND, draft(0)),
        ("draft/settlement_of_a_held_draft", "SettledBefore", &none, held(), SECOND, draft(0)),
        (
            "draft/settlement_of_another_organisation",
            "OtherRole",
            &none,
            after(Some(writes(B, &[stretch(0)]))),
            B,
            draft(0),
        ),
        (
            "draft/settlement_of_a_terminal",
            "OtherRole",
            &none,
            after(Some(writes(TERMINAL, &[stretch(0)]))),
            TERMINAL,
            draft(0),
        ),
        (
            "draft/settlement_over_another",
            "SettlementWrong",
            &none,
            own(&[stretch(0), draft(0)]),
            SECOND,
            draft(0),
        ),
        (
            "draft/settlement_of_stretches_that_meet",
            "SettledBefore",
            &none,
            own(&meets),
            SECOND,
            draft(0),
        ),
        (
            "draft/settlement_of_another_root",
            "SettlementWrong",
            &none,
            own(&[stretch(0)]),
            SECOND,
            changed(|_, root| *root = other),
        ),
        (
            "draft/settlement_of_a_row_more",
            "SettlementWrong",
            &none,
            own(&[stretch(0)]),
            SECOND,
            changed(|rows, _| *rows += 1),
        ),
        ("draft/settlement_of_nothing", "NothingToSettle", &none, after(None), SECOND, draft(0)),
    ];
    let made = |(name, answer, articles, blocks, by, entry): (_, &str, &Given, Blocks, u8, _)| {
        let mut given = given(articles, &blocks);
        given.push(("writer", value(by).bytes().to_vec()));
        given.push(("bytes", settle(entry).encode()));
        (name, Vector::new("draft", answer, given))
    };
    table.into_iter().map(made).collect()
}

fn histories() -> Made {
    let over = family().into_iter().chain([writes(SECOND, &[stretch(0), draft(0), draft(0)])]);
    let meets = [stretch(0), stretch(2), draft(0)];
    let meeting = family().into_iter().chain([writes(SECOND, &meets)]);
    let (over, meeting): (Blocks, Blocks) = (over.collect(), meeting.collect());
    // As if the last entry had frozen something.
    let counted = |blocks: &Blocks| {
        let state = folded(blocks);
        let last = &blocks.last().expect("its own").1;
        let Settling::Draft { first, root, rows, totals } = draft(0) else {
            unreachable!("a draft")
        };
        let (name, by) = (last.header.end().accumulator, std::collections::BTreeSet::new());
        let row = SettlementRow { name, first, root, rows, totals, by };
        let all = state.rows().into_iter().chain([state::settlement_bytes(&feed_of(SECOND), &row)]);
        state::root(all.collect())
    };
    let (good, before) = (folded(&over).root(), folded(&family()).root());
    assert_eq!(folded(&over).settlements().count(), 1);
    assert_eq!(folded(&meeting).settlements().count(), 0);
    assert_eq!(folded(&meeting).branches(&feed_of(SECOND)).len(), 1);
    let table = [
        ("state/draft_over_another", "good", &over, good),
        ("state/root_with_a_draft_over_another", "Root", &over, counted(&over)),
        ("state/root_with_a_draft_of_stretches_that_meet", "Root", &meeting, counted(&meeting)),
        ("state/root_without_a_settlement", "Root", &over, before),
    ];
    let made = |(name, answer, blocks, root): (_, &str, &Blocks, Hash)| {
        let mut all = vec![("federation", charter().federation().0.0.to_vec())];
        all.extend(given(&Given::new(), blocks));
        all.push(("root", root.0.to_vec()));
        (name, Vector::new("history", answer, all))
    };
    table.into_iter().map(made).collect()
}
