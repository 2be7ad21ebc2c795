//! What treasuries do: settle with merchants, one step after the other, each by another person.

use annona_ledger::admit::Draft;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::Roles;
use annona_ledger::settlement::{Kind, Settling, Single, Step};
use annona_ledger::wire::Bounded;

use super::amount;
use crate::check::{Breach, Broken, Holds, ensure};
use crate::model::SettlementLine;
use crate::world::World;

impl World {
    /// A treasury drafts a settlement, or takes the next step in one.
    pub(super) fn settle_some(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        // Where something is under way it goes on, mostly.
        let goes_on = |n: &usize| {
            let feed = self.feed(*n, Lane::Value, programme);
            let own = |line: &&SettlementLine| line.feed == feed && line.next().is_some();
            !self.nodes[*n].burnt && self.nodes[*n].model.settlements().iter().any(|l| own(&l))
        };
        let some: Vec<usize> = (0..self.nodes.len()).filter(goes_on).collect();
        // And where nobody has heard of any settlement, the same is settled again.
        let not_heard = |n: &usize| {
            let here = &self.nodes[*n];
            let settles = here.model.settles(&self.feed(*n, Lane::Value, programme));
            !here.burnt && settles && here.model.settlements().is_empty()
        };
        let others: Vec<usize> = (0..self.nodes.len()).filter(not_heard).collect();
        let n = match self.desk.below(10) {
            0..6 if !some.is_empty() => self.desk.pick(&some).copied().unwrap_or(n),
            6..8 if !others.is_empty() => self.desk.pick(&others).copied().unwrap_or(n),
            0..9 => 0,
            _ => n,
        };
        let feed = self.feed(n, Lane::Value, programme);
        // In every seventh seed those who have heard of nothing settle what others have settled, to the end and at once.
        if self.options.seed.is_multiple_of(7) && self.desk.chance(60) {
            let n = self.desk.pick(&others).copied().unwrap_or(n);
            return self.settle_at_once(n, &self.feed(n, Lane::Value, programme));
        }
        let under_way = |line: &&SettlementLine| line.feed == feed && line.next().is_some();
        let open: Vec<SettlementLine> =
            self.nodes[n].model.settlements().iter().filter(under_way).cloned().collect();
        match self.desk.pick(&open).cloned() {
            Some(line) if self.desk.chance(85) => self.step(n, &feed, &line)?,
            _ => self.draft(n, &feed)?,
        }
        self.after(n)
    }

    /// A draft, and all steps of it, each by somebody who may take it.
    fn settle_at_once(&mut self, n: usize, feed: &FeedId) -> Holds {
        self.draft(n, feed)?;
        let drafts = |line: &&SettlementLine| line.feed == *feed && line.next().is_some();
        let lines = self.nodes[n].model.settlements();
        let Some(line) = lines.iter().filter(drafts).max_by_key(|line| line.index).cloned() else {
            return self.after(n);
        };
        let signed = |step: &Step| line.steps.iter().any(|taken| taken.step == *step);
        let steps = [Step::Verified, Step::Approved, Step::Paid];
        let todo: Vec<Step> = steps.into_iter().filter(|step| !signed(step)).collect();
        // The last operator may only serve.
        let some = &self.cast.operators[..self.cast.operators.len() - 1];
        let took = |key: &SigningKey| line.steps.iter().any(|taken| taken.operator == key.public());
        let free = some.iter().filter(|key| !took(key));
        let of = |(step, key): (Step, &SigningKey)| {
            let signature = line.signing(step).sign(&self.cast.federation, key);
            Settling::Step { draft: line.index, step, operator: key.public(), signature }
        };
        let steps: Vec<Settling> = todo.into_iter().zip(free).map(of).collect();
        for step in steps {
            self.settle_entry(n, feed, step)?;
        }
        self.after(n)
    }

    fn settle_entry(
        &mut self,
        n: usize,
        feed: &FeedId,
        settling: Settling,
    ) -> Result<Option<u64>, Breach> {
        let at = self.stamp(n, feed);
        let value = Value::Settle { settling: Box::new(settling), at };
        let written = self.write(n, feed, &[Draft::from(Entry::from(value))])?;
        Ok(written.and_then(|promises| promises.first().map(|promise| promise.index)))
    }

    /// The next step, mostly by somebody who may take it.
    fn step(&mut self, n: usize, feed: &FeedId, line: &SettlementLine) -> Holds {
        let next = line.next().unwrap_or(Step::Disputed);
        let step = match self.desk.below(20) {
            0 => Step::Verified,
            1 => Step::Paid,
            2 => Step::Disputed,
            _ => next,
        };
        // By number: operators, then the supervisor. The last operator may only serve.
        let (all, cashier) = (self.cast.operators.len(), self.cast.operators.len() - 1);
        let key = |world: &Self, who: usize| {
            world.cast.operators.get(who).unwrap_or(&world.cast.supervisor).public()
        };
        let took = |who: &usize| line.steps.iter().any(|s| s.operator == key(self, *who));
        let looks_only = |who: &usize| *who == all && step == Step::Approved;
        let fits = |who: &usize| *who != cashier && !took(who) && !looks_only(who);
        let fresh: Vec<usize> = (0..=all).filter(fits).collect();
        let own = SigningKey::from_seed(&self.cast.nodes[self.nodes[n].person].seed);
        let who = match self.desk.below(20) {
            0 => None,
            1 | 2 => Some(self.desk.below(all)),
            _ => self.desk.pick(&fresh).copied(),
        };
        let signed = if self.desk.chance(5) { Step::Disputed } else { step };
        let key = match who {
            None => &own,
            Some(who) => self.cast.operators.get(who).unwrap_or(&self.cast.supervisor),
        };
        let signature = line.signing(signed).sign(&self.cast.federation, key);
        let operator = key.public();
        let draft = line.index + u64::from(self.desk.chance(4));
        let settling = Settling::Step { draft, step, operator, signature };
        self.settle_entry(n, feed, settling).map(|_| ())
    }

    /// Lines over what waits of some feeds, and the draft that freezes them.
    fn draft(&mut self, n: usize, feed: &FeedId) -> Holds {
        let treasury = self.cast.nodes[self.nodes[n].person].certificate.roles.has(Roles::TREASURY);
        if !treasury && self.desk.chance(80) {
            return Ok(());
        }
        let all: Vec<FeedRef> =
            self.cast.nodes.iter().map(|p| p.value(feed.programme).short()).collect();
        let count = if self.desk.chance(60) { all.len() } else { 1 };
        let model = &self.nodes[n].model;
        let of_programme =
            |line: &&SettlementLine| line.feed.programme == feed.programme && line.next().is_some();
        let mut open = model.settlements().iter().filter(of_programme);
        if open.any(|line| !model.holds(line)) {
            self.coverage.note("a draft held nothing any more");
        }
        // What was cut is looked at as often as all the rest.
        let cut = |of: &usize| self.nodes[n].model.lowest_cut(&all[*of]).is_some();
        let stopped: Vec<usize> = (0..all.len()).filter(cut).collect();
        let any = self.desk.below(all.len());
        let from = if self.desk.chance(50) { self.desk.pick(&stopped).copied() } else { None };
        let from = from.unwrap_or(any);
        let mut lines = Vec::new();
        for of in all.iter().cycle().skip(from).take(count) {
            let waiting = self.nodes[n].site.waiting(of, self.cast.merchants[0]);
            self.nothing_is_forgotten(n, of, &waiting)?;
            lines.extend(waiting);
            if self.desk.chance(20) {
                lines.extend(self.by_hand(n, of));
            }
        }
        if self.desk.chance(25) {
            self.hurry(n, feed.programme, all[from], &mut lines);
        }
        // A few of them, so that nothing is drafted that nobody could overlook.
        lines.truncate(24);
        let (mut first, mut taken) = (None, Vec::new());
        for line in lines {
            if let Some(index) = self.settle_entry(n, feed, line.clone())? {
                first.get_or_insert(index);
                taken.push(line);
            }
        }
        let tip = self.tip(n, feed);
        let next = self.nodes[n].model.fact(&tip).map_or(0, |fact| fact.index + 1);
        let first = first.unwrap_or(next);
        let draft = self.nodes[n].model.draft_of(feed.programme, &taken, first);
        let Some(mut draft) = draft.or_else(|| {
            let nothing = self.desk.chance(5);
            let (root, totals) = (Hash([4; 32]), Bounded::empty());
            nothing.then_some(Settling::Draft { first, root, rows: 1, totals })
        }) else {
            return Ok(());
        };
        if self.desk.chance(8)
            && let Settling::Draft { rows, .. } = &mut draft
        {
            *rows += 1;
        }
        self.settle_entry(n, feed, draft).map(|_| ())
    }

    /// What a treasury's program finds is all that the naive model finds.
    fn nothing_is_forgotten(&self, n: usize, of: &FeedRef, waiting: &[Settling]) -> Holds {
        let model = &self.nodes[n].model;
        if !self.options.naive || model.faulty().contains(of) {
            return Ok(());
        }
        let rows = model.rows_of(of.programme, waiting);
        let row = |row: &annona_ledger::settlement::Row| {
            (row.what.index, row.what.leaf, row.what.kind == Kind::Refunded)
        };
        let core: Option<std::collections::BTreeSet<_>> =
            rows.map(|rows| rows.iter().map(row).collect());
        let naive = model.waits(of);
        ensure(core.as_ref() == Some(&naive), Broken::SettlementDiffers, || {
            format!("of {of}: core {core:?}, naive {naive:?}, lines {waiting:?}")
        })
    }

    /// A row by which goods are taken back that their feed cannot take back any more; now and then too much.
    fn by_hand(&mut self, n: usize, of: &FeedRef) -> Option<Settling> {
        let model = &self.nodes[n].model;
        let given: Vec<_> = model
            .facts
            .iter()
            .filter(|fact| fact.feed.short() == *of)
            .filter_map(|fact| Some((fact.clone(), model.came(fact).filter(|came| !came.back)?)))
            .collect();
        let (fact, came) = self.desk.pick(&given).cloned()?;
        let more = u64::from(self.desk.chance(10)) * 1_000;
        let row = Single {
            index: fact.index,
            leaf: leaf(&fact.entry.encode()),
            copy: u8::try_from(self.desk.below(2)).unwrap_or(0),
            kind: if self.desk.chance(50) { Kind::Returned } else { Kind::Disputed },
            merchant: came.merchant,
            cycle: came.cycle,
            commodity: came.commodity,
            amount: amount(self.desk.between(1, came.amount) + more),
        };
        let rows = Bounded::new(vec![row]).expect("one");
        Some(Settling::Rows { node: of.node, rows })
    }

    /// What a hurried treasurer does to lines.
    fn hurry(&mut self, n: usize, programme: ProgrammeId, of: FeedRef, lines: &mut Vec<Settling>) {
        self.coverage.note("a settlement was hurried");
        let which = self.desk.below(lines.len());
        let other = self.desk.below(6);
        match (lines.get_mut(which), other) {
            (Some(Settling::Stretch { from, .. }), 0 | 1) => *from = 0,
            (Some(Settling::Stretch { from, to, .. }), 2) => std::mem::swap(from, to),
            (Some(Settling::Rows { rows, .. }), 0 | 1) => {
                let mut some = rows.to_vec();
                some[0].amount = amount(some[0].amount.units() + 1);
                *rows = Bounded::new(some).expect("as many as before");
            }
            (Some(Settling::Rows { rows, .. }), 2) => {
                let mut some = rows.to_vec();
                some[0].leaf = Hash([8; 32]);
                *rows = Bounded::new(some).expect("as many as before");
            }
            (Some(line), 3) => {
                let again = line.clone();
                lines.push(again);
            }
            _ => {
                // All that is known of a feed, whatever was settled or cut.
                let feed = self.cast.nodes.iter().map(|p| p.value(programme));
                let Some(feed) = feed.into_iter().find(|feed| feed.short() == of) else { return };
                let heads = self.nodes[n].site.heads();
                let head = heads.iter().find(|(id, _)| *id == feed).map(|(_, head)| *head);
                if let Some(head) = head {
                    let (to, head) = (head.next, head.accumulator);
                    let except = Bounded::empty();
                    lines.push(Settling::Stretch { node: of.node, from: 0, to, head, except });
                }
            }
        }
    }
}
