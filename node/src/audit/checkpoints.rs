//! The checkpoints of an audit file: who vouches for them, and whether the file still shows what they signed.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Blocks, Cosigned, Item, Said, Source};
use annona_ledger::charter::Charter;
use annona_ledger::checkpoint::{
    Cosignature, CosignatureRejection, Page, PageFault, Standing, standing,
};
use annona_ledger::cut::Cut;
use annona_ledger::feed::Head;
use annona_ledger::frontier::{Frontier, FrontierFault};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, ProgrammeId};
use annona_ledger::leaf::LeafId;
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
    /// The charter epoch its state follows from.
    pub epoch: u32,
    /// Who vouches for what.
    pub standing: Standing,
    /// Whether any cosignature of it holds. A page is signed by nobody else: without one it says nothing of the file.
    pub signed: bool,
    /// What is wrong with it, if anything.
    pub problem: Option<VouchedProblem>,
    /// What its leaves of state come to when they are made anew. `None` where that was not tried.
    pub state: Option<StateCheck>,
}

/// The leaves of state of a checkpoint, made anew from the blocks of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCheck {
    /// Leaves that come out as signed.
    pub same: Vec<LeafId>,
    /// Leaves that come out otherwise, or that only one side has.
    pub differ: Vec<LeafId>,
    /// Programmes in it of which the file does not have every body up to there.
    pub unchecked: Vec<ProgrammeId>,
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

    /// Whether the file contradicts what was signed, or says that somebody signed what they did not. A witness whose
    /// certificate is not in the file is not wrong: it cannot be checked.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.signed_problem().is_some() || self.refused().next().is_some() || self.differs()
    }

    /// What is wrong with it, where anybody signed it: what nobody signed, whoever wrote the file may have made up.
    fn signed_problem(&self) -> Option<VouchedProblem> {
        self.problem.filter(|_| self.signed)
    }

    /// Whether a quorum signed another state than its blocks come to. What fewer have signed is theirs alone.
    fn differs(&self) -> bool {
        let differ = self.state.iter().flat_map(|state| &state.differ);
        differ.into_iter().any(|leaf| self.standing.certifies(leaf.programme))
    }

    /// Cosignatures that are not what they say.
    pub fn refused(&self) -> impl Iterator<Item = &([u8; 8], CosignatureRejection)> {
        let unknown = CosignatureRejection::UnknownWitness;
        self.standing.refused.iter().filter(move |(_, why)| *why != unknown)
    }

    /// Witnesses whose cosignatures could not be checked: the file has no certificate of them.
    pub fn uncertified(&self) -> impl Iterator<Item = &[u8; 8]> {
        let unknown = CosignatureRejection::UnknownWitness;
        let all = self.standing.refused.iter().filter(move |(_, why)| *why == unknown);
        all.map(|(witness, _)| witness)
    }

    /// The programmes a quorum has folded.
    #[must_use]
    pub fn programmes(&self) -> Vec<ProgrammeId> {
        let mut all: Vec<ProgrammeId> = self.standing.leaves.keys().map(|l| l.programme).collect();
        all.dedup();
        all.retain(|programme| self.standing.certifies(*programme));
        all
    }

    /// In words why it does not bear the file out, if it does not.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        let problem = self.signed_problem().map(|problem| problem.to_string());
        let refused = self.refused().next().map(|(_, why)| why.to_string());
        let differs = self.differs().then(|| {
            let leaf = self.state.iter().flat_map(|state| &state.differ).next();
            let leaf = leaf.map(ToString::to_string).unwrap_or_default();
            format!("the state of {leaf} that a quorum signed is not what the blocks come to")
        });
        problem.or(refused).or(differs)
    }
}

/// Checks every checkpoint of a file, in the order in which they stand there. State is not made anew:
/// [`super::states::recompute`] does that.
#[must_use]
pub fn checkpoints(file: &AuditFile) -> Vec<Vouched> {
    file.checked().all.iter().map(|checked| checked.vouched.clone()).collect()
}

/// A block as its header places it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    pub(super) seq: u64,
    pub(super) hash: Hash,
    pub(super) start: Head,
    pub(super) end: Head,
}

/// One page, what it comes to, and its tips where the file shows them.
#[derive(Clone, Debug)]
pub(super) struct One {
    pub(super) page: Page,
    pub(super) vouched: Vouched,
    pub(super) frontier: Option<Frontier>,
}

/// The checkpoints of a file, with the headers they were held against.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked {
    pub(super) all: Vec<One>,
    pub(super) seals: BTreeMap<FeedId, Vec<Seal>>,
    pub(super) roster: Roster,
}

impl Checked {
    pub(super) fn of(file: &AuditFile) -> Self {
        let (pages, said) = file.vouched();
        if pages.is_empty() {
            return Self::default();
        }
        let (charters, roster) = power(file);
        let mut checked = Self { all: Vec::new(), seals: seals(file), roster };
        let mut met = BTreeSet::new();
        for page in pages.into_iter().filter(|page| met.insert(page.checkpoint.hash())) {
            let one = checked.one(page, &said, &charters);
            checked.all.push(one);
        }
        checked
    }

    fn one(&self, page: Page, said: &[Cosignature], charters: &BTreeMap<u32, Charter>) -> One {
        let (epoch, hash) = (page.checkpoint.epoch, page.checkpoint.hash());
        let of = |c: &&Cosignature| c.said.checkpoint == hash;
        let mut vouched = Vouched {
            hash,
            time: page.checkpoint.time,
            epoch,
            standing: Standing::default(),
            signed: false,
            problem: None,
            state: None,
        };
        let mut frontier = None;
        match charters.get(&epoch) {
            None => {
                vouched.problem = Some(VouchedProblem::Page(PageFault::Charter(epoch)));
                // By what charter it would count is not here; that somebody signed it can be seen by the last one that is.
                let last = charters.values().next_back();
                vouched.signed = last.is_some_and(|charter| {
                    let standing = standing(&page, said.iter().filter(of), charter, &self.roster);
                    !standing.counted.is_empty()
                });
            }
            Some(charter) => {
                vouched.standing = standing(&page, said.iter().filter(of), charter, &self.roster);
                vouched.signed = !vouched.standing.counted.is_empty();
                match self.tips(&page, charter) {
                    Ok(tips) => frontier = Some(tips),
                    Err(problem) => vouched.problem = Some(problem),
                }
            }
        }
        One { page, vouched, frontier }
    }

    fn tips(&self, page: &Page, charter: &Charter) -> Result<Frontier, VouchedProblem> {
        page.check(charter).map_err(VouchedProblem::Page)?;
        let found = page.sketch.resolve(|feed, blocks, head| {
            self.roster.node_keys(&feed.node).into_iter().find_map(|node| {
                let id = FeedId { node, lane: feed.lane, programme: feed.programme };
                let ends = |seal: &&Seal| {
                    seal.seq.checked_add(1) == Some(blocks) && seal.end.accumulator.short() == head
                };
                let seal = self.seals.get(&id)?.iter().find(ends)?;
                Some(Known { feed: id, blocks, head: seal.end })
            })
        });
        match found {
            Ok(frontier) => {
                page.check_frontier(&frontier).map_err(VouchedProblem::Page)?;
                Ok(frontier)
            }
            Err(FrontierFault::Unknown { feed, blocks }) => {
                Err(VouchedProblem::RolledBack { feed, blocks })
            }
            Err(fault) => Err(VouchedProblem::Page(fault.into())),
        }
    }

    /// The blocks below a frontier, by feed.
    pub(super) fn below(&self, frontier: &Frontier) -> BTreeMap<FeedId, BTreeSet<Hash>> {
        let mut below: BTreeMap<FeedId, BTreeSet<Hash>> = BTreeMap::new();
        for tip in frontier.tips() {
            let Some(seals) = self.seals.get(&tip.feed) else { continue };
            let ends: BTreeMap<Head, &Seal> = seals.iter().map(|seal| (seal.end, seal)).collect();
            let known = below.entry(tip.feed).or_default();
            let mut at = tip.head;
            // Every block ends after it begins, so this comes to an end.
            while let Some(seal) = ends.get(&at) {
                if !known.insert(seal.hash) {
                    break;
                }
                at = seal.start;
            }
        }
        below
    }

    /// What all of this comes to for the feeds.
    pub(super) fn cosigned(&self) -> Cosigned {
        let mut cosigned = Cosigned::default();
        for One { vouched, frontier, .. } in &self.all {
            let Some(frontier) = frontier else { continue };
            let header = |tip: &Known| {
                let seals = self.seals.get(&tip.feed)?;
                seals.iter().find(|seal| seal.end == tip.head).map(|seal| seal.hash)
            };
            let of = (vouched.time, &vouched.standing, frontier);
            add(&mut cosigned, of, &self.roster, header);
        }
        cosigned
    }
}

/// Adds what one checkpoint says. `header` names the header that ends at a tip.
pub(super) fn add(
    cosigned: &mut Cosigned,
    (time, standing, frontier): (Minute, &Standing, &Frontier),
    roster: &Roster,
    header: impl Fn(&Known) -> Option<Hash>,
) {
    let mut blocks = Blocks::new();
    for tip in frontier.tips() {
        let feed = tip.feed.short();
        let alone = frontier.of(&tip.feed).len() == 1;
        blocks.insert(feed, alone.then_some(tip.blocks));
        let Some(head) = header(tip) else { continue };
        let cut = Cut { seq: tip.blocks, head };
        if standing.certifies_frontier() {
            let known = cosigned.cuts.entry(feed).or_insert(cut);
            if cut.seq > known.seq {
                *known = cut;
            }
        }
        let reaches = |of: &mut BTreeMap<FeedRef, (u64, Cut)>| {
            let here = (tip.head.next, cut);
            let upto = of.entry(feed).or_insert(here);
            if here.0 > upto.0 {
                *upto = here;
            }
        };
        if alone && standing.certifies(feed.programme) {
            reaches(&mut cosigned.certified);
        }
        let own = roster.org_of(&feed.node);
        if alone && standing.frontier.iter().any(|org| Some(*org) != own) {
            reaches(&mut cosigned.seen);
        }
    }
    if standing.certifies_frontier() {
        cosigned.times.push((time, blocks));
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

/// Where each block of the file begins and ends.
fn seals(file: &AuditFile) -> BTreeMap<FeedId, Vec<Seal>> {
    let mut seals: BTreeMap<FeedId, Vec<Seal>> = BTreeMap::new();
    for feed in file.feeds() {
        let of_feed = seals.entry(feed).or_default();
        file.items(&feed, &mut |_, item| {
            let header = match item {
                Item::Block(block) => block.header,
                Item::Header(signed) => signed.0,
                Item::Evidence { .. } | Item::Unreadable(_) => return true,
            };
            let (start, end) = (header.start(), header.end());
            of_feed.push(Seal { seq: header.seq, hash: header.hash(), start, end });
            true
        });
    }
    seals
}
