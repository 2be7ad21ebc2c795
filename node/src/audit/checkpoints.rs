//! The checkpoints of an audit file: who vouches for them, and whether the file still shows what they signed.

use std::collections::BTreeMap;

use annona_ledger::audit::{Item, Said, Source};
use annona_ledger::charter::Charter;
use annona_ledger::checkpoint::{Cosignature, Page, PageFault, Standing, standing};
use annona_ledger::feed::Head;
use annona_ledger::frontier::FrontierFault;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, ProgrammeId};
use annona_ledger::notice::Roster;
use annona_ledger::sync::frame::Known;
use annona_ledger::time::Minute;

use super::AuditFile;

/// One checkpoint of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Vouched {
    /// Its hash.
    pub hash: Hash,
    /// When it was made.
    pub time: Minute,
    /// Who vouches for what.
    pub standing: Standing,
    /// What is wrong with it, if anything.
    pub problem: Option<VouchedProblem>,
}

/// Why a checkpoint does not bear the file out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VouchedProblem {
    /// The page is none.
    #[error(transparent)]
    Page(PageFault),
    /// The file ends before what was signed, or shows another history.
    #[error(
        "{feed} was signed up to its block {blocks}, and the file does not show that block: the ledger was rolled back, or goes another way"
    )]
    RolledBack {
        /// The feed.
        feed: FeedRef,
        /// Blocks that were signed.
        blocks: u64,
    },
}

impl Vouched {
    /// Whether a quorum has vouched for it.
    #[must_use]
    pub fn is_certified(&self) -> bool {
        self.standing.certifies_frontier()
    }

    /// Whether the file contradicts what a quorum has signed, or says it signed what it did not.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.problem.is_some() || !self.standing.refused.is_empty()
    }

    /// The programmes a quorum has folded.
    #[must_use]
    pub fn programmes(&self) -> Vec<ProgrammeId> {
        let mut all: Vec<ProgrammeId> = self.standing.leaves.keys().map(|l| l.programme).collect();
        all.dedup();
        all.retain(|programme| self.standing.certifies(*programme));
        all
    }
}

/// Checks every checkpoint of a file, in the order in which they stand there.
#[must_use]
pub fn checkpoints(file: &AuditFile) -> Vec<Vouched> {
    let (pages, said) = file.vouched();
    if pages.is_empty() {
        return Vec::new();
    }
    let (charters, roster) = power(file);
    let ends = ends(file);
    let check = |page: &Page| {
        let epoch = page.checkpoint.epoch;
        let hash = page.checkpoint.hash();
        let of = |c: &&Cosignature| c.said.checkpoint == hash;
        let mut vouched = Vouched {
            hash,
            time: page.checkpoint.time,
            standing: Standing::default(),
            problem: None,
        };
        let Some(charter) = charters.get(&epoch) else {
            vouched.problem = Some(VouchedProblem::Page(PageFault::Charter(epoch)));
            return vouched;
        };
        vouched.standing = standing(page, said.iter().filter(of), charter, &roster);
        vouched.problem = problem(page, charter, &roster, &ends);
        vouched
    };
    pages.iter().map(check).collect()
}

fn problem(
    page: &Page,
    charter: &Charter,
    roster: &Roster,
    ends: &BTreeMap<(FeedId, u64), Vec<Head>>,
) -> Option<VouchedProblem> {
    if let Err(fault) = page.check(charter) {
        return Some(VouchedProblem::Page(fault));
    }
    let found = page.sketch.resolve(|feed, blocks, head| {
        roster.node_keys(&feed.node).into_iter().find_map(|node| {
            let id = FeedId { node, lane: feed.lane, programme: feed.programme };
            let heads = ends.get(&(id, blocks))?;
            let head = heads.iter().find(|end| end.accumulator.short() == head)?;
            Some(Known { feed: id, blocks, head: *head })
        })
    });
    match found {
        Ok(frontier) => page.check_frontier(&frontier).err().map(VouchedProblem::Page),
        Err(FrontierFault::Unknown { feed, blocks }) => {
            Some(VouchedProblem::RolledBack { feed, blocks })
        }
        Err(fault) => Some(VouchedProblem::Page(fault.into())),
    }
}

fn power(file: &AuditFile) -> (BTreeMap<u32, Charter>, Roster) {
    let mut charters: BTreeMap<u32, Charter> = BTreeMap::new();
    let mut notices = Vec::new();
    file.said(&mut |_, said| match said {
        Said::Article(article) => {
            let last = charters.values().next_back();
            let next = last.map_or_else(|| Charter::found(&article), |last| last.apply(&article));
            // One that does not follow is the audit's finding.
            if let Ok(charter) = next {
                charters.insert(charter.epoch(), charter);
            }
        }
        Said::Notice(notice) => notices.push(notice),
        Said::ForkProof(_) | Said::Unreadable(_) | Said::Disorder => {}
    });
    let mut roster = Roster::new();
    if let Some(charter) = charters.values().next_back() {
        for notice in &notices {
            let _ = roster.learn(charter, notice);
        }
    }
    (charters, roster)
}

/// Where each block of the file ends, by its feed and how many blocks there are up to it.
fn ends(file: &AuditFile) -> BTreeMap<(FeedId, u64), Vec<Head>> {
    let mut ends: BTreeMap<(FeedId, u64), Vec<Head>> = BTreeMap::new();
    for feed in file.feeds() {
        file.items(&feed, &mut |_, item| {
            let header = match item {
                Item::Block(block) => block.header,
                Item::Header(signed) => signed.0,
                Item::Evidence { .. } | Item::Unreadable(_) => return true,
            };
            let blocks = header.seq.saturating_add(1);
            ends.entry((feed, blocks)).or_default().push(header.end());
            true
        });
    }
    ends
}
