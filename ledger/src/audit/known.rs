//! The chains of all feeds, without their entries: what cuts, ends and labels ask for once every feed was read.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Branch, Run, sealed_as, sealed_over};
use super::verdict::{CutFeed, CutSaid, EndedFeed, LateOn, SaidBy, Shares};
use super::{Cosigned, Ground, Part};
use crate::amount::Balance;
use crate::charter::Charter;
use crate::cut::{self, Cut, Label};
use crate::day::DayRow;
use crate::entry::Value;
use crate::feed::Head;
use crate::finality::{Standing, finality};
use crate::hash::Hash;
use crate::id::{
    CarrierId, CommodityId, CycleId, FeedId, FeedRef, MerchantId, OrgId, ProgrammeId, Pseudonym,
};
use crate::list::List;
use crate::notice::Roster;
use crate::orphan::Fact;
use crate::settlement::SettlementRow;
use crate::time::Minute;
use crate::view::{
    At, Chain, ChainNo, ClockWord, FloatRow, FloatSpan, HoldRow, Revocation, Sealed, Slot,
    TicketRow, Use, View,
};

/// How final hand-outs are, by programme.
type Finalities = BTreeMap<ProgrammeId, Shares>;
/// How many hand-outs of a closed cycle turned up late.
type Lateness = BTreeMap<(ProgrammeId, CycleId), Vec<LateOn>>;

/// What the parts of an audit know of chains, cuts and ends. Its chain numbers run over all feeds.
pub(super) struct Known<'a> {
    ground: &'a Ground,
    chains: Vec<(FeedId, Branch)>,
    feeds: BTreeMap<FeedRef, Vec<ChainNo>>,
    ended: BTreeSet<At>,
    revoked: BTreeMap<FeedRef, BTreeSet<Revocation>>,
    faulty: BTreeSet<FeedRef>,
    /// Feeds of which not every block is here and was folded.
    partly: BTreeSet<FeedRef>,
    cosigned: Cosigned,
}

impl<'a> Known<'a> {
    /// What the parts tell. `faulty` are the feeds a fault is proven of.
    pub(super) fn of(
        ground: &'a Ground,
        parts: &mut [Part],
        faulty: BTreeSet<FeedRef>,
        cosigned: Cosigned,
    ) -> Self {
        let mut known = Self {
            ground,
            chains: Vec::new(),
            feeds: BTreeMap::new(),
            ended: BTreeSet::new(),
            revoked: BTreeMap::new(),
            faulty,
            partly: BTreeSet::new(),
            cosigned,
        };
        for part in parts {
            known.add(part);
        }
        known
    }

    fn add(&mut self, part: &mut Part) {
        let first = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        let global = |chain: ChainNo| ChainNo(chain.0.saturating_add(first));
        let at = |at: At| At { chain: global(at.chain), ..at };
        let feed = part.feed;
        let out = &mut part.outcome;
        if !out.is_whole() {
            self.partly.insert(feed.short());
        }
        for (number, mut branch) in (0u32..).zip(std::mem::take(&mut out.chains)) {
            branch.left = branch.left.map(at);
            // A chain whose beginning is missing stands nowhere: it is read past, and listed as not checked.
            if number == 0 || branch.left.is_some() {
                self.feeds.entry(feed.short()).or_default().push(global(ChainNo(number)));
            }
            self.chains.push((feed, branch));
        }
        self.ended.extend(out.ended.iter().copied().map(at));
        for said in out.revocations.drain(..) {
            self.revoked.entry(said.feed).or_default().insert(said);
        }
    }

    /// A place of a feed, as its part names it, by the numbers of this view.
    pub(super) fn global(&self, feed: &FeedRef, at: At) -> At {
        let first = self.feeds.get(feed).and_then(|chains| chains.first());
        let first = first.map_or(0, |chain| chain.0);
        At { chain: ChainNo(at.chain.0.saturating_add(first)), ..at }
    }

    /// The index up to which all chains of a feed agree, as far as that can be told.
    pub(super) fn common(&self, feed: &FeedRef) -> u64 {
        let Some(chains) = self.feeds.get(feed) else { return 0 };
        let left = chains.iter().filter_map(|chain| self.chain(*chain).left);
        left.map(|left| left.index).min().unwrap_or(u64::MAX)
    }

    /// Whether a feed may have more than is folded of it.
    pub(super) fn is_partly(&self, feed: &FeedRef) -> bool {
        self.partly.contains(feed)
    }

    /// The organisation that answers for a feed.
    pub(super) fn org_of(&self, feed: &FeedRef) -> Option<OrgId> {
        self.ground.roster.org_of(&feed.node)
    }

    fn branch(&self, chain: ChainNo) -> Option<&Branch> {
        self.chains.get(chain.0 as usize).map(|(_, branch)| branch)
    }

    /// Every feed that somebody cut, ascending, and what that comes to.
    pub(super) fn cuts(&self) -> Vec<CutFeed> {
        let fenced = self.ground.charter.fenced();
        let all: BTreeSet<FeedRef> = fenced.chain(self.revoked.keys()).copied().collect();
        all.into_iter().map(|feed| self.cut_of(feed)).collect()
    }

    fn cut_of(&self, feed: FeedRef) -> CutFeed {
        let fences = self.ground.charter.fences(&feed).iter().map(|fenced| CutSaid {
            by: SaidBy::Article(fenced.epoch),
            cut: fenced.cut,
            reason: fenced.reason,
            counts: true,
        });
        let revoked = self.revoked.get(&feed).into_iter().flatten().map(|said| CutSaid {
            by: SaidBy::Node(said.by),
            cut: said.cut,
            reason: said.reason,
            counts: cut::may_revoke(&self.ground.roster, said),
        });
        let lowest = cut::lowest(self, &feed);
        let mut line = CutFeed {
            feed,
            said: fences.chain(revoked).collect(),
            lowest,
            index: lowest.and_then(|cut| self.first_above(&feed, &cut)),
            good: 0,
            tainted: 0,
            after_end: 0,
        };
        for chain in self.branches(&feed) {
            for (from, to) in self.runs(chain, lowest.as_ref()) {
                let count = to.saturating_sub(from);
                let sum = match cut::label(self, At { chain, index: from }, None) {
                    Label::Good | Label::Late => &mut line.good,
                    Label::Tainted => &mut line.tainted,
                    Label::AfterEnd => &mut line.after_end,
                };
                *sum = sum.saturating_add(count);
            }
        }
        line
    }

    /// The entries of a chain's own in runs that bear one label: it changes only at a cut, after an end, and where a branch
    /// leaves.
    fn runs(&self, chain: ChainNo, cut: Option<&Cut>) -> Vec<(u64, u64)> {
        let (from, to) = self.own(chain);
        let feed = self.chain(chain).feed.short();
        let mut steps = vec![from, to];
        for other in self.branches(&feed) {
            steps.extend(self.chain(other).left.map(|left| left.index));
            steps.extend(self.ended(other).map(|end| end.saturating_add(1)));
            steps.extend(cut.and_then(|cut| cut::below(self, other, cut)));
        }
        steps.retain(|step| (from..=to).contains(step));
        steps.sort_unstable();
        steps.dedup();
        steps.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect()
    }

    /// The entries of a chain that it does not share with the one it left.
    fn own(&self, chain: ChainNo) -> (u64, u64) {
        let Some(branch) = self.branch(chain) else { return (0, 0) };
        let from = branch.left.map_or(0, |left| left.index);
        (from, branch.head.next.max(from))
    }

    /// The first index above a cut, on the chain it names.
    fn first_above(&self, feed: &FeedRef, cut: &Cut) -> Option<u64> {
        let Some(last) = cut.seq.checked_sub(1) else { return Some(0) };
        let blocks = self.branches(feed).into_iter().filter_map(|chain| self.sealed(chain, last));
        blocks.filter(|block| block.hash == cut.head).map(|block| block.next).next()
    }

    /// How final hand-outs are, by programme; and how many of each closed cycle turned up late.
    pub(super) fn hand_outs(&self) -> (Finalities, Lateness) {
        let (mut final_so, mut late) = (Finalities::new(), Lateness::new());
        for (chain, (feed, branch)) in (0u32..).zip(&self.chains) {
            let feed = feed.short();
            let mut on: BTreeMap<CycleId, LateOn> = BTreeMap::new();
            if branch.runs.is_empty() {
                continue;
            }
            // By the block that was signed, not by its number: another branch may have as many.
            let below = |of: &BTreeMap<FeedRef, (u64, Cut)>| {
                of.get(&feed).and_then(|(_, cut)| cut::below(self, ChainNo(chain), cut))
            };
            let upto = [&self.cosigned.seen, &self.cosigned.certified].map(below);
            for &Run { block, cycle, place, more } in &branch.runs {
                let Some(block) = branch.sealed.get(block as usize) else { continue };
                let index = block.first.saturating_add(u64::from(place));
                let at = At { chain: ChainNo(chain), index };
                let settled = cut::below_close(self, at, cycle);
                let [seen, certified] =
                    upto.map(|upto| upto.is_some_and(|upto| block.next <= upto));
                let standing = Standing { seen, certified, settled };
                let count = u64::from(more).saturating_add(1);
                final_so.entry(feed.programme).or_default().add(finality(&standing), count);
                if cut::label(self, at, Some(cycle)) == Label::Late {
                    let first = LateOn { feed, first: index, count: 0 };
                    let sum = &mut on.entry(cycle).or_insert(first).count;
                    *sum = sum.saturating_add(count);
                }
            }
            for (cycle, of) in on {
                late.entry((feed.programme, cycle)).or_default().push(of);
            }
        }
        (final_so, late)
    }

    /// The ends of feeds, ascending.
    pub(super) fn ends(&self) -> Vec<EndedFeed> {
        let ended = |at: &At| {
            let (_, to) = self.own(at.chain);
            EndedFeed {
                feed: self.chain(at.chain).feed.short(),
                index: at.index,
                after: to.saturating_sub(at.index.saturating_add(1)),
            }
        };
        let mut ends: Vec<EndedFeed> = self.ended.iter().map(ended).collect();
        ends.sort_unstable();
        ends
    }
}

impl View for Known<'_> {
    fn charter(&self) -> &Charter {
        &self.ground.charter
    }

    fn roster(&self) -> &Roster {
        &self.ground.roster
    }

    fn chain(&self, chain: ChainNo) -> Chain {
        // Every number this view gives out is that of a chain it has.
        let (feed, branch) = &self.chains[chain.0 as usize];
        Chain { feed: *feed, left: branch.left }
    }

    fn head(&self, chain: ChainNo) -> Head {
        self.chains[chain.0 as usize].1.head
    }

    fn last_stamp(&self, chain: ChainNo) -> Minute {
        self.branch(chain).map_or(Minute(0), |branch| branch.last_stamp)
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        self.faulty.contains(feed)
    }

    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo> {
        self.feeds.get(feed).cloned().unwrap_or_default()
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        sealed_as(&self.branch(chain)?.sealed, seq)
    }

    fn sealed_over(&self, at: At) -> Option<Sealed> {
        sealed_over(&self.branch(at.chain)?.sealed, at.index)
    }

    // Nothing is folded here.
    fn halted(&self, _: ChainNo) -> Option<u64> {
        None
    }

    fn ended(&self, chain: ChainNo) -> Option<u64> {
        let at = self.ended.range(At { chain, index: 0 }..).next()?;
        (at.chain == chain).then_some(at.index)
    }

    fn revocations(&self, feed: &FeedRef) -> Vec<Revocation> {
        self.revoked.get(feed).into_iter().flatten().copied().collect()
    }

    fn certified(&self, feed: &FeedRef) -> Option<Cut> {
        self.cosigned.cuts.get(feed).copied()
    }

    // Entries are not kept: no question about chains, cuts or ends looks at one.
    fn slot(&self, _: At) -> Option<Slot> {
        None
    }

    fn hold(&self, _: At) -> Option<HoldRow> {
        None
    }

    fn entry(&self, _: At) -> Option<Value> {
        None
    }

    fn ticket(&self, _: &Hash) -> Option<TicketRow> {
        None
    }

    fn float(&self, _: &Hash) -> Option<FloatRow> {
        None
    }

    fn uses(&self, _: &Use) -> Vec<At> {
        Vec::new()
    }

    fn merchants(&self, _: ChainNo) -> u32 {
        0
    }

    fn has_merchant(&self, _: ChainNo, _: &MerchantId) -> bool {
        false
    }

    fn list(&self, _: &[u8; 8], _: u64) -> Option<List> {
        None
    }

    fn enrolled(&self, _: ProgrammeId, _: &Pseudonym) -> bool {
        false
    }

    fn carrier(&self, _: ProgrammeId, _: &CarrierId) -> Vec<Pseudonym> {
        Vec::new()
    }

    fn cancellations(&self, _: ProgrammeId, _: &CarrierId) -> Vec<Option<At>> {
        Vec::new()
    }

    fn unverified(&self, _: ChainNo, _: &[u8; 8], _: CommodityId) -> Balance {
        Balance::ZERO
    }

    fn clock_words(&self, _: &[u8; 8]) -> Vec<ClockWord> {
        Vec::new()
    }

    fn told(&self, _: &crate::id::Commitment) -> Vec<crate::consent::Told> {
        Vec::new()
    }

    fn float_used(&self, _: ChainNo, _: CommodityId, _: FloatSpan) -> Balance {
        Balance::ZERO
    }

    fn accumulator(&self, _: ChainNo, _: u64) -> Option<Hash> {
        None
    }

    fn merchant(&self, _: ChainNo, _: u32) -> Option<MerchantId> {
        None
    }

    fn shown(&self, _: &FeedRef) -> Vec<Fact> {
        Vec::new()
    }

    fn day(&self, _: ChainNo) -> Option<(u64, DayRow)> {
        None
    }

    fn lines(&self, _: &FeedRef) -> Vec<(At, At)> {
        Vec::new()
    }

    fn settlement(&self, _: At) -> Option<SettlementRow> {
        None
    }
}
