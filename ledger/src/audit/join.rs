//! Where feeds meet: sends and claims matched by name, sums, charges, lists.

use std::collections::{BTreeMap, BTreeSet};

use super::back;
use super::burnt::{self, Burnt};
use super::feed::Outcome;
use super::known::Known;
use super::lots::Lots;
use super::matched::{Matched, Sending};
use super::open::Open;
use super::settled;
use super::strangers::Strangers;
use super::twice;
use super::verdict::{
    Charge, ClosedCycle, Compared, FileProblem, Finding, Freed, Handed, Incarnation, Owed, Problem,
    Served, SettlementLine, Sum, Unchecked, Verdict, Where,
};
use super::{Cosigned, End, Governed, Ground, Hints, Options, Part};
use crate::amount::{Amount, Balance};
use crate::charge;
use crate::charter::Released;
use crate::cut;
use crate::fold;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedId, FeedRef, Lane};
use crate::leaf;
use crate::settlement::{self, Taken};
use crate::state;
use crate::suspense::{self, Suspense};
use crate::time::Minute;
use crate::view::{Change, Pool, PoolKey, TicketRow, View};

/// Findings listed in a verdict; more are counted.
const FINDINGS: usize = 10_000;

/// The parts as they come, in any order: what is known of a ticket on both sides is let go at once.
pub struct Join<'a> {
    governed: &'a Governed,
    options: Options,
    parts: Vec<Part>,
    /// Feeds that are not here at all, and of which others show something.
    absent: Vec<Part>,
    strangers: Strangers,
    matched: Matched,
    pools: BTreeMap<PoolKey, Pool>,
    cosigned: Cosigned,
}

impl<'a> Join<'a> {
    /// Nothing yet but what checkpoints say.
    #[must_use]
    pub fn new(governed: &'a Governed, options: Options, cosigned: Cosigned) -> Self {
        let matched = Matched::new(options.root);
        let (parts, absent, pools) = (Vec::new(), Vec::new(), BTreeMap::new());
        let strangers = Strangers::default();
        Self { governed, options, parts, absent, strangers, matched, pools, cosigned }
    }

    /// Adds what one feed comes to. A feed is added once.
    pub fn add(&mut self, mut part: Part) {
        if !part.outcome.certified {
            let node = part.feed.node.short();
            let known = self.governed.ground().and_then(|ground| ground.roster.node(&node));
            return self.strangers.add(part, known.is_none());
        }
        let tickets = std::mem::take(&mut part.outcome.tickets);
        let pools = &mut self.pools;
        self.matched.take(tickets.told(), |row, undo| move_off(pools, row, undo));
        self.parts.push(part);
    }

    /// What the feeds added so far settle: told to the others while they are read.
    #[must_use]
    pub fn settled(&self, hints: &Hints) -> Hints {
        let mut hints = hints.clone();
        let Some(ground) = self.governed.ground() else { return hints };
        let mut who = settled::Who::default();
        let (charter, roster) = (&ground.charter, &ground.roster);
        let settle = self.parts.iter().filter(|part| who.settle(charter, roster, &part.feed));
        hints.0.settled = settled::named(settle);
        hints
    }

    /// Feeds of which something outside their own blocks tells more: a proof of a fork, a ticket that is denied, goods that
    /// came back by the word of a ticket alone, entries that others show, settlements that name them, or two that may hold one. They have to be read once more, by
    /// [`Options::lots`] and with the hints returned here, and given to [`Join::lots`].
    #[must_use]
    pub fn suspects(&self, hints: &Hints) -> (Vec<FeedId>, Hints) {
        let mut hints = hints.clone();
        let Some(ground) = self.governed.ground() else { return (Vec::new(), hints) };
        let named = &hints.0.settled;
        let unkept =
            |part: &Part| part.outcome.settled.is_none() && named.contains_key(&part.feed.short());
        let unkept: BTreeSet<FeedId> =
            self.parts.iter().filter(|part| unkept(part)).map(|part| part.feed).collect();
        let outcomes = self.parts.iter().map(|part| &part.outcome);
        (hints.0.shown, hints.0.coming) = burnt::shown(outcomes, &self.matched);
        hints.0.asked = twice::asked(&self.parts);
        let denied = denied(&self.parts, &self.matched);
        let suspect = |part: &&Part| {
            let forked = ground.forked.contains(&part.feed) || denied.contains(&part.feed);
            let burnt = hints.0.shown.contains_key(&part.feed.short());
            let fresh = part.outcome.lots.is_none();
            let asked = || forked || back::asked(&self.parts, part);
            let settled = hints.0.asked.contains_key(&part.feed.short());
            let again = burnt || settled || unkept.contains(&part.feed);
            part.feed.lane == Lane::Value && (again || fresh && asked())
        };
        let mut suspects: Vec<_> = self.parts.iter().filter(suspect).map(|p| p.feed).collect();
        let shown = hints.0.shown.keys().filter_map(|feed| {
            let FeedRef { node, lane, programme } = *feed;
            let certificate = ground.roster.node(&node)?;
            Some(FeedId { node: certificate.node, lane, programme })
        });
        // A feed is faulty, and known by its tickets, though none of its blocks may be here.
        let forked = ground.forked.iter().copied().filter(|feed| feed.lane == Lane::Value);
        let here: BTreeSet<FeedRef> = self.parts.iter().map(|part| part.feed.short()).collect();
        let absent: BTreeSet<FeedId> =
            shown.chain(forked).filter(|feed| !here.contains(&feed.short())).collect();
        suspects.extend(absent);
        (suspects, hints)
    }

    /// Adds what came of a feed that was read once more.
    pub fn lots(&mut self, again: Part) {
        let outcome = again.outcome;
        match self.parts.iter_mut().find(|part| part.feed == again.feed) {
            Some(Part { outcome: known, .. }) => {
                (known.lots, known.burnt) = (outcome.lots, outcome.burnt);
                (known.handed_out, known.leaves) = (outcome.handed_out, outcome.leaves);
                known.settled = outcome.settled;
            }
            None => self.absent.push(Part { feed: again.feed, outcome }),
        }
    }

    /// Puts everything together.
    #[must_use]
    pub fn finish(self, end: End) -> Verdict {
        let Self { governed, options, mut parts, mut absent, strangers, matched, pools, cosigned } =
            self;
        let feeds = (parts.len() as u64).saturating_add(strangers.feeds);
        parts.append(&mut absent);
        parts.sort_by_key(|part| part.feed);
        let mut joining = Joining {
            verdict: Verdict {
                articles: governed.articles,
                notices: governed.notices,
                signatures: governed.signatures,
                findings: governed.findings.clone(),
                feeds,
                reached: end.reached,
                size: end.size,
                complete: end.complete,
                ..Verdict::default()
            },
            pools,
            rows: Vec::new(),
        };
        for (offset, problem) in end.problems {
            joining.find(nowhere(offset), Problem::File(problem));
        }
        let Some(ground) = governed.ground() else { return joining.finish() };
        joining.verdict.federation = Some(ground.charter.federation());
        joining.verdict.epoch = Some(ground.charter.epoch());
        joining.verdict.charter = Some(ground.charter.head());
        joining.budgets(ground, &matched);
        let denied = denied(&parts, &matched);
        for (name, sending) in matched.unplaced() {
            let of = FeedRef::value(sending.from, sending.programme);
            let sender = parts.iter_mut().find(|part| part.feed.short() == of);
            if let Some(lots) = sender.and_then(|part| part.outcome.lots.as_mut()) {
                lots.take_off(*name, sending);
            }
        }
        let mut heard: BTreeMap<Hash, (TicketRow, u32)> = BTreeMap::new();
        for part in &mut parts {
            let taken = std::mem::take(&mut part.outcome.heard).into_iter();
            heard.extend(taken.map(|(name, row, knew)| (name, (row, knew))));
        }
        let placed: BTreeSet<Hash> =
            heard.keys().filter(|name| matched.is_placed(name)).copied().collect();
        let claimed: BTreeSet<Hash> = voted_releases(ground)
            .map(|(_, name, _)| name)
            .filter(|name| matched.claims(name))
            .collect();
        joining.tickets(&parts, matched, &options);
        joining.lists(&parts);
        strangers.tell(&mut joining.verdict);
        joining.verdict.as_of = as_of(&parts);
        for part in &mut parts {
            Burnt::count(&mut part.outcome);
            joining.take(part);
        }
        // Of the sums that enter the root, those shown are left out: they stand there by themselves.
        if options.root {
            joining.root();
        }
        joining.burnt(&mut parts);
        let faulty = faulty(ground, &denied, &parts);
        let proven = faulty.keys().copied().collect();
        let (back, open) = (back::came_back(&parts), Open::of(&parts));
        let known = Known::of(ground, &mut parts, proven, cosigned);
        // Below the fences it had heard of, or not to be told, a ticket costs nobody anything by itself.
        let above = |name: &Hash, row: &TicketRow, knew: u32| {
            let feed = FeedRef::value(row.from?, row.programme);
            let epoch = cut::heard_from(&known, &feed, row.index, placed.contains(name))?;
            ground.charter.had_heard(epoch, knew).then_some(*row)
        };
        let heard: BTreeMap<Hash, TicketRow> = heard
            .iter()
            .filter_map(|(name, (row, knew))| Some((*name, above(name, row, *knew)?)))
            .collect();
        joining.sums(&faulty, &heard, (&back, &open), &known);
        joining.stopped(&known, &claimed, ground);
        joining.verdict.twice = twice::settled_twice(&parts, &known);
        joining.settlements(&mut parts, &known);
        joining.finish()
    }
}

/// The feeds that deny a send they signed: they are here, beyond its index, and say something else.
fn denied(parts: &[Part], matched: &Matched) -> BTreeSet<FeedId> {
    let senders: BTreeMap<FeedRef, &Part> =
        parts.iter().map(|part| (part.feed.short(), part)).collect();
    let denies = |(_, sending): (&Hash, &Sending)| {
        let sender = senders.get(&FeedRef::value(sending.from, sending.programme))?;
        denies(&sender.outcome, sending.index).then_some(sender.feed)
    };
    matched.unplaced().filter_map(denies).collect()
}

fn denies(sender: &Outcome, index: u64) -> bool {
    sender.is_whole() && sender.folded > index
}

/// The value feeds that are proven faulty: why, and what their lots lack one by one.
type Faulty = BTreeMap<FeedRef, (BTreeMap<(CycleId, CommodityId), u128>, Charge)>;

fn faulty(ground: &Ground, denied: &BTreeSet<FeedId>, parts: &[Part]) -> Faulty {
    let mut faulty = Faulty::new();
    for part in parts.iter().filter(|part| part.feed.lane == Lane::Value) {
        let shown = ground.forked.contains(&part.feed) || denied.contains(&part.feed);
        let burnt = part.outcome.burnt.contradicted.is_some();
        let reason = if part.outcome.forked || shown || burnt {
            Charge::Forked
        } else if part.outcome.insolvent {
            Charge::Insolvent
        } else {
            continue;
        };
        let short = part.outcome.lots.as_ref().map(Lots::short).unwrap_or_default();
        faulty.insert(part.feed.short(), (short, reason));
    }
    faulty
}

/// The newest stamp of the node that has the second-newest; of the only one that has any; the founding where all are of it.
fn as_of(parts: &[Part]) -> Option<Minute> {
    let mut newest: BTreeMap<[u8; 8], Minute> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.outcome.entries > 0) {
        let last = part.outcome.chains.iter().map(|chain| chain.last_stamp).max();
        let known = newest.entry(part.feed.node.short()).or_default();
        *known = last.unwrap_or_default().max(*known);
    }
    let founding = newest.values().next().map(|_| Minute(0));
    let mut stamps: Vec<Minute> = newest.into_values().filter(|at| *at > Minute(0)).collect();
    stamps.sort_unstable_by(|a, b| b.cmp(a));
    stamps.get(1).or(stamps.first()).copied().or(founding)
}

/// Every release the charter voted: its epoch, the name it is claimed by, and what it is.
fn voted_releases(ground: &Ground) -> impl Iterator<Item = (u32, Hash, Released)> {
    let all = ground.charter.releases();
    all.map(|((epoch, act), freed)| (epoch, fold::release_name(epoch, act), *freed))
}

/// What a send does to two pools: takes from one, is on its way to the other.
fn move_off(pools: &mut BTreeMap<PoolKey, Pool>, row: &TicketRow, undo: bool) {
    let Some(from) = row.from else { return };
    let key = |node| PoolKey {
        node,
        programme: row.programme,
        cycle: row.cycle,
        commodity: row.commodity,
    };
    let (plus, minus) = (Balance::from(row.amount), Balance::ZERO.debit(row.amount));
    let (gone, coming) = if undo { (plus, minus) } else { (minus, plus) };
    let mut add = |key, by| {
        let pool = pools.entry(key).or_default();
        *pool = pool.plus(by);
    };
    add(key(from), Pool { lots: gone, ..Pool::default() });
    add(key(row.to), Pool { arriving: coming, ..Pool::default() });
}

const fn nowhere(offset: u64) -> Where {
    Where { offset, feed: None, seq: None, index: None }
}

pub(super) struct Joining {
    verdict: Verdict,
    pools: BTreeMap<PoolKey, Pool>,
    rows: Vec<Vec<u8>>,
}

impl Joining {
    pub(super) fn find(&mut self, place: Where, problem: Problem) {
        self.verdict.findings.push(Finding { place, problem });
    }

    fn pool(&mut self, key: PoolKey, by: Pool) {
        let pool = self.pools.entry(key).or_default();
        *pool = pool.plus(by);
    }

    fn budgets(&mut self, ground: &Ground, matched: &Matched) {
        for epoch in 0..=ground.charter.epoch() {
            for change in fold::voted(&ground.charter, epoch) {
                match change {
                    Change::Pool(key, by) => self.pool(key, by),
                    Change::Ticket(name, mut row) => {
                        let place = crate::view::At { chain: crate::view::ChainNo(0), index: 0 };
                        row.claimed = matched.claims(&name).then_some(place);
                        self.rows.push(state::ticket_bytes(&name, &row));
                    }
                    _ => {}
                }
            }
        }
        for ((_, _, _), line) in ground.charter.budgets() {
            let key = (line.programme, line.cycle, line.commodity);
            let sum = self.verdict.sums.entry(key).or_default();
            sum.budget = sum.budget.plus(line.amount).unwrap_or(Amount::MAX);
        }
    }

    fn tickets(&mut self, parts: &[Part], matched: Matched, options: &Options) {
        let heads: BTreeMap<FeedRef, &Outcome> =
            parts.iter().map(|part| (part.feed.short(), &part.outcome)).collect();
        for (name, sending) in matched.open() {
            if !sending.placed {
                self.denied(&sending, &heads);
            }
            if let Some(row) = sending.row.filter(|_| options.root) {
                self.rows.push(state::ticket_bytes(&name, &row));
            }
        }
    }

    /// A promise that its own feed does not keep: the feed is here, beyond that index, and says something else.
    fn denied(&mut self, sending: &Sending, heads: &BTreeMap<FeedRef, &Outcome>) {
        let of = FeedRef::value(sending.from, sending.programme);
        let Some(sender) = heads.get(&of) else { return };
        if denies(sender, sending.index) {
            self.find(sending.carried.unwrap_or(nowhere(0)), Problem::SendDenied { sender: of });
        }
    }

    fn take(&mut self, part: &mut Part) {
        let (feed, out) = (part.feed, &mut part.outcome);
        let verdict = &mut self.verdict;
        verdict.findings.append(&mut out.findings);
        verdict.more = verdict.more.saturating_add(out.more);
        verdict.blocks = verdict.blocks.saturating_add(out.blocks);
        verdict.entries = verdict.entries.saturating_add(out.entries);
        verdict.signatures = verdict.signatures.saturating_add(out.signatures);
        verdict.evidence = verdict.evidence.saturating_add(out.evidence);
        verdict.evidence_not_shown = verdict.evidence_not_shown.saturating_add(out.unshown);
        verdict.waiting = verdict.waiting.saturating_add(out.waiting);
        let hours = std::mem::take(&mut out.served);
        if !hours.is_empty() {
            let (node, programme) = (feed.node.short(), feed.programme);
            verdict.served.push(Served { node, programme, hours });
        }
        verdict.people.add(out.people.drain(..));
        verdict.doubts.extend(out.doubts);
        if out.headers_only > 0 || out.unfolded > 0 {
            verdict.unchecked.push(Unchecked {
                feed: feed.short(),
                headers_only: out.headers_only,
                unfolded: out.unfolded,
                no_certificate: false,
            });
        }
        for (key, given) in out.given.iter() {
            verdict.handed.push(Handed {
                node: key.node,
                programme: key.programme,
                cycle: key.cycle,
                commodity: key.commodity,
                given: *given,
            });
            let sum = verdict.sums.entry((key.programme, key.cycle, key.commodity)).or_default();
            sum.given = sum.given.plus(*given);
        }
        for (key, by) in out.pools.iter() {
            self.pool(*key, *by);
        }
        self.rows.append(&mut out.rows);
    }

    /// Adds what was shown of feeds whose blocks are not here.
    fn burnt(&mut self, parts: &mut [Part]) {
        for part in parts {
            let (feed, out) = (part.feed.short(), &mut part.outcome);
            for effect in &out.burnt.effects {
                if let Some(lots) = &mut out.lots {
                    lots.shown(&feed, effect);
                }
                // Where no unit left a pool there is none to be short of.
                if effect.pool != Pool::default() {
                    self.pool(effect.key, effect.pool);
                }
            }
            if let Some(index) = out.burnt.contradicted {
                let place = Where { feed: Some(feed), index: Some(index), ..nowhere(0) };
                self.find(place, Problem::Forked);
            }
        }
    }

    fn sums(
        &mut self,
        faulty: &Faulty,
        heard: &BTreeMap<Hash, TicketRow>,
        (back, open): (&BTreeMap<PoolKey, u128>, &Open),
        known: &Known<'_>,
    ) {
        let mut all: BTreeMap<_, Balance> = BTreeMap::new();
        for (key, pool) in &self.pools {
            let of = (key.programme, key.cycle, key.commodity);
            let sum: &mut Sum = self.verdict.sums.entry(of).or_default();
            sum.lots = sum.lots.plus(pool.lots);
            sum.in_flight = sum.in_flight.plus(pool.arriving);
            let whole = all.entry(of).or_default();
            *whole = whole.plus(pool.lots).plus(pool.arriving).plus(pool.redeemed);
            let lacks = pool.lots.plus(pool.arriving).short();
            let proven = faulty.get(&FeedRef::value(key.node, key.programme));
            let (units, reason) = match proven {
                None => {
                    let back = back.get(key).copied().unwrap_or(0);
                    (lacks.saturating_sub(back), Charge::Overdrawn)
                }
                // A release left the pool, and no lot by name.
                Some((short, reason)) => {
                    let short = short.get(&(key.cycle, key.commodity)).copied().unwrap_or(0);
                    (short.max(lacks), *reason)
                }
            };
            let (units, undecided) = open.split(key, units, proven.is_some());
            sum.undecided.extend(undecided);
            let taken = charge::each_once(heard.values().filter(|row| charge::is_of(key, row)));
            let all = suspense::released(known, key).units().unsigned_abs();
            for (heard, units) in charge::shares(units, taken) {
                let org = known.roster().org_of(&heard.unwrap_or(key.node));
                let released = all.min(units);
                sum.charged.push(Owed { org, node: key.node, units, reason, released, heard });
            }
        }
        for ((programme, cycle, commodity), whole) in all {
            let sum = self.verdict.sums.get(&(programme, cycle, commodity));
            let budget = sum.map_or(Amount::ZERO, |sum| sum.budget);
            let by = whole.units().saturating_sub(i128::from(budget.units()));
            if by != 0 {
                let problem = Problem::NotConserved { programme, cycle, commodity, by };
                self.find(nowhere(0), problem);
            }
        }
    }

    fn settlements(&mut self, parts: &mut [Part], known: &Known<'_>) {
        let mut who = settled::Who::default();
        let mut all = BTreeMap::new();
        let kept: settled::Kept<'_> = parts
            .iter()
            .filter_map(|part| Some((part.feed.short(), part.outcome.settled.as_ref()?)))
            .collect();
        for part in parts.iter().filter(|part| !part.outcome.settlements.is_empty()) {
            if who.settle(known.charter(), known.roster(), &part.feed) {
                let feed = part.feed.short();
                all.insert(feed, settled::compared(&feed, &part.outcome, &kept));
            }
        }
        drop(kept);
        for part in parts {
            let feed = part.feed.short();
            let mut compared = all.remove(&feed).unwrap_or_default();
            for (at, row) in part.outcome.settlements.drain(..) {
                let answer = compared.remove(&at);
                let (compared, problems, lacks) =
                    answer.unwrap_or((Compared::Void, Vec::new(), Vec::new()));
                let offset = part.outcome.drafts.get(&at).copied().unwrap_or_default();
                for problem in problems {
                    let place =
                        Where { feed: Some(feed), index: Some(at.index), ..nowhere(offset) };
                    self.find(place, problem);
                }
                let may =
                    |by: &Taken| settlement::entitled(known, &feed, by.step, &by.operator, by.at);
                let (stage, entitled) = (row.stage(), row.by.iter().all(may));
                let line =
                    SettlementLine { feed, index: at.index, row, stage, entitled, compared, lacks };
                self.verdict.settlements.push(line);
            }
        }
    }

    /// What failed, and what is left of it.
    fn stopped(&mut self, known: &Known<'_>, claimed: &BTreeSet<Hash>, ground: &Ground) {
        let verdict = &mut self.verdict;
        verdict.cuts = known.cuts();
        verdict.people.finish(&ground.roster);
        verdict.ended = known.ends();
        let pools = self.pools.iter().map(|(key, pool)| (*key, *pool));
        // A chain whose beginning is missing is no branch, and may say more.
        let exact = |held: Suspense| {
            let partly = known.is_partly(&FeedRef::value(held.key.node, held.key.programme));
            Suspense { exact: held.exact && !partly, ..held }
        };
        verdict.suspense = suspense::among(known, pools).map(exact).collect();
        let freed = voted_releases(ground).map(|(epoch, name, released)| Freed {
            epoch,
            released,
            claimed: claimed.contains(&name),
        });
        verdict.releases = freed.collect();
        let (shares, mut late) = known.hand_outs();
        verdict.finality = shares;
        let closed = ground.charter.closes().map(|(programme, cycle, closed)| {
            let late_on = late.remove(&(programme, cycle)).unwrap_or_default();
            ClosedCycle::of((programme, cycle), closed, late_on)
        });
        verdict.closed = closed.collect();
        let replaced = ground.roster.nodes().filter_map(|certificate| {
            Some(Incarnation {
                node: certificate.short(),
                replaces: certificate.replaces?,
                org: certificate.org,
                issued: certificate.issued,
            })
        });
        verdict.incarnations = replaced.collect();
    }

    fn root(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        // Who is enrolled, what is bound, what was said of feeds and people and what was shown are sets: two feeds may say the same.
        let is_set = |row: &[u8]| {
            state::table(row).is_some_and(|table| matches!(table, 5..=8 | 9 | 11 | 13 | 16))
        };
        rows.sort_unstable();
        rows.dedup_by(|a, b| a == b && is_set(a));
        let pools = self.pools.iter().filter(|(_, pool)| **pool != Pool::default());
        rows.extend(pools.map(|(key, pool)| state::pool_bytes(key, pool)));
        let leaves = leaf::leaves(rows);
        self.verdict.root = Some(leaf::root(&leaves));
        self.verdict.leaves = leaves;
    }

    fn finish(mut self) -> Verdict {
        let verdict = &mut self.verdict;
        // Of too many, those about the file are kept: whether it is whole must not depend on what it shows.
        verdict.findings.sort_by_key(|finding| (!finding.problem.is_of_file(), finding.place));
        let over = verdict.findings.len().saturating_sub(FINDINGS);
        verdict.findings.truncate(FINDINGS);
        verdict.findings.sort_by_key(|finding| finding.place);
        verdict.more = verdict.more.saturating_add(over as u64);
        let whole = |problem: &Problem| matches!(problem, Problem::File(FileProblem::Stopped));
        verdict.complete &= !verdict.findings.iter().any(|finding| whole(&finding.problem));
        verdict.served.sort_unstable();
        verdict.unchecked.sort_unstable();
        self.verdict
    }
}
