//! The state that checkpoints were signed over, made anew from the blocks below their tips.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use annona_ledger::audit::{End, Item, Options, Said, Source, Verdict};
use annona_ledger::block::Block;
use annona_ledger::checkpoint::Page;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::leaf::Leaf;
use annona_ledger::notice::Notice;

use super::AuditFile;
use super::checkpoints::{Checked, One, StateCheck, Vouched};
use super::run::audit;

/// Checkpoints whose state is made anew unless all are asked for, the newest ones: each costs as much as an audit up to it.
pub const NEWEST: usize = 4;

/// As [`super::checkpoints`](fn@super::checkpoints()), with the state of the newest made anew, or of all of them, each on
/// `threads` threads. Where `stop` becomes true the rest is left out.
#[must_use]
pub fn recompute(file: &AuditFile, all: bool, threads: usize, stop: &AtomicBool) -> Vec<Vouched> {
    let checked = file.checked();
    let mut newest: Vec<&One> = checked.all.iter().filter(|one| one.frontier.is_some()).collect();
    // What nobody signed may be anybody's: it takes the place of nothing that a quorum did.
    newest.sort_by_cached_key(|one| {
        let vouched = &one.vouched;
        let quorum = vouched.is_certified() || !vouched.programmes().is_empty();
        std::cmp::Reverse((quorum, vouched.signed, vouched.time, vouched.hash))
    });
    newest.truncate(if all { usize::MAX } else { NEWEST });
    let wanted: BTreeSet<Hash> = newest.iter().map(|one| one.vouched.hash).collect();
    let again = |one: &One| {
        let mut vouched = one.vouched.clone();
        if wanted.contains(&vouched.hash) {
            let compared = |upto: &Upto<'_>| {
                let options = Options { root: true, ..Options::default() };
                let verdict = audit(upto, &options, threads, &|_| {}, stop);
                verdict.complete.then(|| compare(&one.page, &verdict))
            };
            vouched.state = Upto::of(file, checked, one).and_then(|upto| {
                let state = compared(&upto)?;
                // What was claimed of a node waits until its certificate is shown: it may have been shown since.
                let unheard = upto.unheard();
                if state.differ.is_empty() || unheard.is_empty() {
                    return Some(state);
                }
                let before = compared(&Upto { unheard, ..upto })?;
                Some(state.or_before(before))
            });
        }
        vouched
    };
    checked.all.iter().map(again).collect()
}

fn compare(page: &Page, verdict: &Verdict) -> StateCheck {
    let mut check = StateCheck::default();
    let missing: BTreeSet<ProgrammeId> = verdict.unchecked_programmes().into_iter().collect();
    let programmes: BTreeSet<ProgrammeId> =
        page.state.iter().map(|leaf| leaf.id.programme).collect();
    for programme in programmes {
        // Whatever stands on control feeds that are not whole may come out otherwise.
        if missing.contains(&programme) || missing.contains(&ProgrammeId::NONE) {
            check.unchecked.push(programme);
            continue;
        }
        let of = |leaf: &&Leaf| leaf.id.programme == programme;
        let signed: Vec<&Leaf> = page.state.iter().filter(of).collect();
        let made: Vec<&Leaf> = verdict.leaves.iter().filter(of).collect();
        check.same.extend(signed.iter().filter(|leaf| made.contains(leaf)).map(|leaf| leaf.id));
        let apart = signed.iter().filter(|leaf| !made.contains(leaf));
        let apart = apart.chain(made.iter().filter(|leaf| !signed.contains(leaf)));
        let differ: BTreeSet<_> = apart.map(|leaf| leaf.id).collect();
        check.differ.extend(differ);
    }
    check
}

impl StateCheck {
    /// A leaf that comes out as signed in either is as signed.
    fn or_before(mut self, before: Self) -> Self {
        self.differ.retain(|leaf| !before.same.contains(leaf));
        let same = before.same.into_iter().filter(|leaf| !self.same.contains(leaf));
        let same: Vec<_> = same.collect();
        self.same.extend(same);
        self.same.sort_unstable();
        self
    }
}

/// A file as far as a checkpoint goes.
struct Upto<'a> {
    file: &'a AuditFile,
    epoch: u32,
    blocks: BTreeMap<FeedId, BTreeSet<Hash>>,
    /// Nodes whose certificates are left out.
    unheard: BTreeSet<PublicKey>,
}

impl<'a> Upto<'a> {
    fn of(file: &'a AuditFile, checked: &Checked, one: &One) -> Option<Self> {
        let blocks = checked.below(one.frontier.as_ref()?);
        let unheard = BTreeSet::new();
        Some(Self { file, epoch: one.vouched.epoch, blocks, unheard })
    }

    /// The nodes whose certificates the witnesses need not have had: of the others they have blocks.
    fn unheard(&self) -> BTreeSet<PublicKey> {
        let heard: BTreeSet<PublicKey> = self.blocks.keys().map(|feed| feed.node).collect();
        let mut unheard = BTreeSet::new();
        self.file.said(&mut |_, said| {
            if let Said::Notice(signed) = said
                && let Notice::Node(certificate) = &signed.notice
                && !heard.contains(&certificate.node)
            {
                unheard.insert(certificate.node);
            }
        });
        unheard
    }

    fn leaves_out(&self, notice: &Notice) -> bool {
        matches!(notice, Notice::Node(certificate) if self.unheard.contains(&certificate.node))
    }
}

impl Source for Upto<'_> {
    fn federation(&self) -> Option<FederationId> {
        self.file.federation()
    }

    fn said(&self, each: &mut dyn FnMut(u64, Said)) {
        self.file.said(&mut |place, said| match said {
            Said::Article(article) if article.article.epoch > self.epoch => {}
            Said::Notice(signed) if self.leaves_out(&signed.notice) => {}
            Said::Article(_) | Said::Notice(_) => each(place, said),
            Said::ForkProof(_) | Said::Unreadable(_) | Said::Disorder => {}
        });
    }

    fn feeds(&self) -> Vec<FeedId> {
        self.blocks.keys().copied().collect()
    }

    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool) {
        let Some(blocks) = self.blocks.get(feed) else { return };
        self.file.items(feed, &mut |place, item| {
            let header = match &item {
                Item::Block(block) => block.header.hash(),
                Item::Header(signed) => signed.0.hash(),
                // State has no evidence in it.
                Item::Evidence { .. } | Item::Unreadable(_) => return true,
            };
            !blocks.contains(&header) || each(place, item)
        });
    }

    fn block(&self, place: u64) -> Option<Block> {
        self.file.block(place)
    }

    fn end(&self) -> End {
        End { complete: true, ..End::default() }
    }
}
