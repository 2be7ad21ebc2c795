//! What organisations decide while the run goes on: feeds are fenced at any cut, cycles closed, units set free from
//! suspense. Whoever is not told goes on as before.

use annona_ledger::amount::Amount;
use annona_ledger::charter::{Act, NodeCut};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{Control, Entry, Value};
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_ledger::notice::Roles;
use annona_ledger::ticket::{Moved, Ticket};
use annona_ledger::view::PoolKey;
use annona_ledger::wire::Bounded;

use super::{Paper, World};
use crate::cast::{CASH, CYCLE, ITEMS};
use crate::check::Holds;
use crate::model::BlockLine;

/// Units that an article set free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freed {
    /// The pool they left.
    pub(super) key: PoolKey,
    /// Whether the feed was known to its end, and had as much: then nobody may ever be charged for it.
    pub(super) exact: bool,
}

/// Every reason.
const REASONS: [Reason; 4] = [Reason::Lost, Reason::Compromised, Reason::Late, Reason::HandedOver];

impl World {
    /// Whether organisations decide anything in this run.
    pub(crate) fn troubled(&self) -> bool {
        !self.sits.is_empty()
    }

    /// Organisations meet, and decide one thing.
    pub(super) fn council(&mut self, step: usize) -> Holds {
        // Nothing but healing is voted while two branches wait for it.
        if !self.sits.contains(&step) || self.is_split() {
            return Ok(());
        }
        let alive: Vec<usize> = (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt).collect();
        let Some(any) = self.fate.pick(&alive).copied() else { return Ok(()) };
        // Whoever knows of an end speaks of it.
        let mut told = alive.into_iter().filter(|n| {
            let suspense = self.nodes[*n].model.suspense();
            suspense.values().any(|(units, _, exact)| *exact && *units > 0)
        });
        let here = told.next_back().filter(|_| self.fate.chance(70)).unwrap_or(any);
        match self.fate.below(12) {
            0..5 => {
                let (act, again) = self.fence();
                self.vote(here, act, if again { "fence again" } else { "fence" })
            }
            5..11 => match self.release(here) {
                Some((act, freed)) => {
                    let what = if freed.exact { "release exact" } else { "release early" };
                    let voted = self.charters.len();
                    self.vote(here, act, what)?;
                    if self.charters.len() > voted {
                        self.freed.push(freed);
                    }
                    Ok(())
                }
                None => {
                    let (act, again) = self.fence();
                    self.vote(here, act, if again { "fence again" } else { "fence" })
                }
            },
            _ => {
                let act = self.close();
                self.vote(here, act, "close")
            }
        }
    }

    /// Two of three organisations sign; the node they met at hears of it first.
    fn vote(&mut self, here: usize, act: Act, what: &str) -> Holds {
        let charter = self.charters.last().expect("one at least").clone();
        let Some((article, charter)) = self.cast.vote(&charter, act) else {
            self.coverage.note("article refused");
            return Ok(());
        };
        self.coverage.note(what);
        self.cast.articles.push(article);
        self.charters.push(charter.clone());
        let all = (0..self.cast.notices.len()).collect();
        let roster = super::roster(&self.cast, self.cast.articles.len(), &all);
        self.truth.under(charter, roster);
        let notices = self.nodes[here].notices.clone();
        self.papers_arrive(here, self.cast.articles.len(), &notices);
        self.note(&format!("article at {here}: {what}"));
        self.after(here)
    }

    /// Some cut of a feed: below everything, or after any block it ever sealed, on any branch.
    pub(crate) fn any_cut(&mut self, feed: &FeedRef) -> Cut {
        let blocks = self.truth.blocks.iter().filter(|block| block.feed.short() == *feed);
        let cuts: Vec<Cut> =
            blocks.map(|block| Cut { seq: block.seq + 1, head: block.hash }).collect();
        let low = self.fate.chance(20) || self.options.cuts_nothing;
        self.fate.pick(&cuts).copied().filter(|_| !low).unwrap_or(Cut::NOTHING)
    }

    fn any_programme(&mut self) -> ProgrammeId {
        if self.fate.chance(50) { CASH } else { ITEMS }
    }

    fn fence(&mut self) -> (Act, bool) {
        let programme = self.any_programme();
        let value = |world: &Self, person: usize| {
            FeedRef::value(world.cast.nodes[person].short(), programme)
        };
        let charter = self.charters.last().expect("one at least");
        let fenced: Vec<FeedRef> = charter.fenced().copied().collect();
        let gone = self.cast.burns.filter(|burnt| self.nodes[*burnt].burnt);
        let (choice, all) = (self.fate.below(100), self.cast.nodes.len());
        // Whose tickets are under way is cut as often: there it matters.
        let under_way: Vec<FeedRef> = self
            .papers
            .iter()
            .filter(|paper| paper.shown == 0)
            .filter_map(|paper| match &paper.ticket {
                Ticket::Sent(sent, _) => Some(FeedRef::value(sent.node, paper.programme)),
                Ticket::Budget { .. } | Ticket::Release { .. } => None,
            })
            .collect();
        if !under_way.is_empty() && self.fate.chance(30) {
            let feed = under_way[self.fate.below(under_way.len())];
            let cut = self.any_cut(&feed);
            return (Act::Fence { feed, cut, reason: Reason::Lost }, fenced.contains(&feed));
        }
        // A treasury that is cut with a draft unpaid lets go of what it named. The first is spared mostly.
        let spared = self.cast.nodes[0].short();
        let open = self.truth.settlements().iter().filter(|line| line.next().is_some());
        let mut unpaid: Vec<FeedRef> = open.map(|line| line.feed.short()).collect();
        unpaid.sort_unstable();
        unpaid.dedup();
        if !unpaid.is_empty() && self.fate.chance(25) {
            let feed = unpaid[self.fate.below(unpaid.len())];
            if feed.node != spared || self.fate.chance(15) {
                let cut = self.any_cut(&feed);
                return (Act::Fence { feed, cut, reason: Reason::Lost }, fenced.contains(&feed));
            }
        }
        let feed = match (choice, gone) {
            (0..35, Some(burnt)) => value(self, burnt),
            (0..60, _) if !fenced.is_empty() => fenced[self.fate.below(fenced.len())],
            (60..70, _) => value(self, self.villain),
            (70..74, _) => {
                let node = self.cast.nodes[self.fate.below(all)].short();
                let lane = if choice % 2 == 0 { Lane::Registry } else { Lane::Control };
                let programme = if lane == Lane::Control { ProgrammeId::NONE } else { programme };
                FeedRef { node, lane, programme }
            }
            _ => {
                // The treasury is spared mostly, or there would be nothing to see.
                let person = self.fate.below(all);
                let other = if self.fate.chance(80) { 1 } else { 0 };
                value(self, person.max(other).min(all - 1))
            }
        };
        let cut = self.any_cut(&feed);
        let reason = REASONS[self.fate.below(REASONS.len())];
        (Act::Fence { feed, cut, reason }, fenced.contains(&feed))
    }

    /// Sets something free of what is suspense at one node, mostly no more than is known to be there.
    fn release(&mut self, here: usize) -> Option<(Act, Freed)> {
        // Who decides looks at all articles first.
        let notices = self.nodes[here].notices.clone();
        self.papers_arrive(here, self.cast.articles.len(), &notices);
        let model = &self.nodes[here].model;
        let fenced = |key: &PoolKey| {
            let feed = FeedRef::value(key.node, key.programme);
            !model.charter().fences(&feed).is_empty()
                || model.charter().closed(key.programme, key.cycle).is_some()
        };
        let suspense = model.suspense();
        let mut some: Vec<_> =
            suspense.iter().filter(|(key, (units, ..))| fenced(key) && *units > 0).collect();
        if some.iter().any(|(_, (_, _, exact))| *exact) && self.fate.chance(75) {
            some.retain(|(_, (_, _, exact))| *exact);
        }
        let (key, (units, _, ended)) = self.fate.pick(&some).map(|(key, sums)| (**key, **sums))?;
        let there = u64::try_from(units).ok()?;
        let rash = self.fate.chance(12);
        let most = if rash { there.saturating_add(there / 2) } else { there };
        let units = self.fate.between(1, most.max(1));
        let to = self.fate.below(self.cast.nodes.len());
        let freed = Freed { key, exact: ended && units <= there };
        let act = Act::Release {
            feed: FeedRef::value(key.node, key.programme),
            cycle: key.cycle,
            commodity: key.commodity,
            amount: Amount::new(units)?,
            reserve: self.cast.nodes[to].short(),
        };
        Some((act, freed))
    }

    fn close(&mut self) -> Act {
        let programme = self.any_programme();
        let mut cuts = Vec::new();
        for person in 0..self.cast.nodes.len() {
            let node = self.cast.nodes[person].short();
            if self.fate.chance(80) {
                let cut = self.any_cut(&FeedRef::value(node, programme));
                cuts.push(NodeCut { node, cut });
            }
        }
        cuts.sort_unstable();
        Act::Close { programme, cycle: CYCLE, cuts: Bounded::new(cuts).expect("few nodes") }
    }

    /// A feed is cut twice, above a ticket of it that is under way and below, in either order and by an article or its
    /// own organisation's word; whom the ticket is for hears of both, and then it is shown to him.
    pub(super) fn cut_twice(&mut self, step: usize) -> Holds {
        // Cuts that name no block cannot stand on two sides of anything.
        if self.twice.is_none_or(|from| step < from) || self.options.cuts_nothing || self.is_split()
        {
            return Ok(());
        }
        let papers: Vec<Paper> = self.papers.iter().filter(|p| p.shown == 0).cloned().collect();
        let fit = papers.iter().filter_map(|paper| Some((paper.clone(), self.may_cut(paper)?)));
        let all: Vec<(Paper, (usize, usize))> = fit.collect();
        let Some((paper, (from, to))) = self.desk.pick(&all).cloned() else { return Ok(()) };
        self.twice = None;
        let Ticket::Sent(sent, _) = &paper.ticket else { return Ok(()) };
        self.seal(from);
        for (feed, block) in self.nodes[from].site.blocks() {
            self.hand_over(to, &feed, &block)?;
        }
        let feed = FeedRef::value(sent.node, paper.programme);
        let mut blocks: Vec<BlockLine> =
            self.truth.blocks.iter().filter(|b| b.feed.short() == feed).copied().collect();
        blocks.sort_by_key(|block| block.seq);
        let over = blocks.iter().filter(|block| block.next > sent.index);
        let above: Vec<Cut> = over.map(cut_after).collect();
        let under = blocks.iter().filter(|block| block.next <= sent.index);
        let below: Vec<Cut> = under.map(cut_after).chain([Cut::NOTHING]).collect();
        let (Some(high), Some(low)) = (self.desk.pick(&above), self.desk.pick(&below)) else {
            return Ok(());
        };
        let (high, low) = (*high, *low);
        let order = if self.desk.chance(50) { [high, low] } else { [low, high] };
        self.coverage.note("cut twice around a ticket");
        for cut in order {
            if self.desk.chance(30)
                && let Some(by) = self.speaks_for(from)
            {
                let control = self.feed(by, Lane::Control, ProgrammeId::NONE);
                let at = self.stamp(by, &control);
                let said = Control::Revoke { feed, cut, reason: Reason::Late, at };
                drop(self.ask(by, &control, &[Entry::from(said).into()])?);
                self.seal(by);
                for (feed, block) in self.nodes[by].site.blocks() {
                    self.hand_over(to, &feed, &block)?;
                }
            } else {
                self.vote(to, Act::Fence { feed, cut, reason: Reason::Lost }, "fence")?;
            }
        }
        let own = self.feed(to, Lane::Value, paper.programme);
        let at = self.stamp(to, &own);
        let ticket = Box::new(paper.ticket.clone());
        let claim = Entry::from(Value::Claim { ticket, at });
        drop(self.ask(to, &own, &[claim.into()])?);
        self.send_back_at(to, &paper)
    }

    /// Who sent a ticket and whom it is for, where both are there and honest, know each other, and nobody cut either.
    fn may_cut(&self, paper: &Paper) -> Option<(usize, usize)> {
        let Ticket::Sent(sent, _) = &paper.ticket else { return None };
        let Moved::Send(send) = sent.moved else { return None };
        let node = |short: [u8; 8]| {
            let is = |n: &usize| self.cast.nodes[self.nodes[*n].person].short() == short;
            let fit = |n: &usize| !self.nodes[*n].burnt && self.honest(self.nodes[*n].person);
            (0..self.nodes.len()).find(is).filter(fit)
        };
        let (from, to) = (node(sent.node)?, node(send.to)?);
        let uncut = [sent.node, send.to]
            .iter()
            .all(|n| self.truth.lowest_cut(&FeedRef::value(*n, paper.programme)).is_none());
        let known = self.nodes[to].model.roster().node(&sent.node).is_some();
        let spared = self.nodes[from].person != 0;
        (uncut && known && spared).then_some((from, to))
    }

    /// A treasury of a node's own organisation that is there, and is not the node itself.
    fn speaks_for(&self, n: usize) -> Option<usize> {
        let org = self.cast.nodes[self.nodes[n].person].org;
        (0..self.nodes.len()).find(|by| {
            let person = self.nodes[*by].person;
            let treasury = self.cast.nodes[person].certificate.roles.has(Roles::TREASURY);
            let here = !self.nodes[*by].burnt && self.honest(person);
            *by != n && here && treasury && self.cast.nodes[person].org == org
        })
    }
}

fn cut_after(block: &BlockLine) -> Cut {
    Cut { seq: block.seq + 1, head: block.hash }
}
