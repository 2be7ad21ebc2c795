//! What merchants are paid for: each entry by its name, once, whoever asks and by whatever it came to be known.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, MerchantId, OrgId, ProgrammeId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::limits;
use annona_ledger::notice::OperatorRoles;
use annona_ledger::settlement::{Kind, Net, Row, Settling, Signing, Single, Step, Tally};
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;

use super::counter::{CameLine, amount};
use super::held::share_an_index;
use super::shown::What;
use super::{Fact, Model, value_feed};
use crate::memo;

/// A settlement.
#[derive(Clone, Debug)]
pub struct SettlementLine {
    /// The draft.
    pub name: Hash,
    /// The treasury's feed.
    pub feed: FeedId,
    /// The draft's index there.
    pub index: u64,
    /// The lines it froze.
    pub lines: Vec<Settling>,
    /// What it says they come to.
    pub said: (Hash, u32, Bounded<Net, { limits::SETTLE_TOTALS }>),
    /// The steps that were taken in order.
    pub steps: Vec<StepLine>,
}

/// A step that was taken.
#[derive(Clone, Copy, Debug)]
pub struct StepLine {
    /// The entry.
    pub name: Hash,
    /// Which.
    pub step: Step,
    /// By whom.
    pub operator: PublicKey,
    /// When.
    pub at: Minute,
}

/// Entries of one feed that are in settlements.
#[derive(Clone, Debug, Default)]
pub struct Covered {
    /// By stretches: the entries' names.
    pub names: BTreeSet<Hash>,
    /// By rows of their own: index, leaf, kind and copy; with the amount.
    pub singles: BTreeMap<(u64, Hash, Kind, u8), u64>,
}

/// How far steps have led: drafted, verified, approved, disputed, paid.
fn stage<'a>(steps: impl Iterator<Item = &'a StepLine>) -> usize {
    let far = |step: &StepLine| match step.step {
        Step::Verified => 1,
        Step::Approved => 2,
        Step::Disputed => 3,
        Step::Paid => 4,
    };
    steps.map(far).max().unwrap_or(0)
}

/// Draft, verified, approved, paid; or disputed at any time before it was paid.
const fn follows(stage: usize, step: Step) -> bool {
    match step {
        Step::Verified => stage == 0,
        Step::Approved => stage == 1,
        Step::Paid => stage == 2,
        Step::Disputed => stage < 3,
    }
}

impl SettlementLine {
    /// Whether it was paid.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        stage(self.steps.iter()) == 4
    }

    /// Whether it is disputed, and nothing of it settled.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        stage(self.steps.iter()) == 3
    }

    /// The step that comes next, unless it is disputed.
    #[must_use]
    pub fn next(&self) -> Option<Step> {
        match stage(self.steps.iter()) {
            0 => Some(Step::Verified),
            1 => Some(Step::Approved),
            2 => Some(Step::Paid),
            _ => None,
        }
    }

    /// What an operator signs to take a step.
    #[must_use]
    pub fn signing(&self, step: Step) -> Signing {
        let (root, rows, totals) = self.said.clone();
        let FeedRef { node, programme, .. } = self.feed.short();
        Signing { node, programme, draft: self.name, root, rows, totals, step }
    }
}

const fn of_line(settling: &Settling) -> Option<[u8; 8]> {
    match settling {
        Settling::Stretch { node, .. } | Settling::Rows { node, .. } => Some(*node),
        Settling::Draft { .. } | Settling::Step { .. } => None,
    }
}

const fn settling(fact: &Fact) -> Option<&Settling> {
    match &fact.entry {
        Entry::Value(Value::Settle { settling, .. }) => Some(settling),
        _ => None,
    }
}

impl Model {
    pub(super) fn settle(&mut self, fact: &Fact, said: &Settling, at: Minute) {
        match said {
            Settling::Stretch { .. } | Settling::Rows { .. } => {}
            Settling::Draft { first, root, rows, totals } => {
                let lines = self.lines_from(fact, *first);
                if lines.is_empty() {
                    return;
                }
                self.settlements.push(SettlementLine {
                    name: fact.name,
                    feed: fact.feed,
                    index: fact.index,
                    lines,
                    said: (*root, *rows, totals.clone()),
                    steps: Vec::new(),
                });
            }
            Settling::Step { draft, step, operator, signature } => {
                let Some(place) = self.drafted(&fact.before, *draft) else { return };
                let line = &self.settlements[place];
                let earlier: Vec<&StepLine> =
                    line.steps.iter().filter(|s| self.in_past(&fact.before, &s.name)).collect();
                let fits = follows(stage(earlier.iter().copied()), *step)
                    && Self::another(&earlier, *step, operator, &fact.feed.node)
                    && self.signs(line, *step, operator, signature);
                if fits {
                    let taken = StepLine { name: fact.name, step: *step, operator: *operator, at };
                    self.settlements[place].steps.push(taken);
                }
            }
        }
    }

    /// The lines before a draft, from an index on: none where another draft stands among them, or where they share an index.
    fn lines_from(&self, draft: &Fact, first: u64) -> Vec<Settling> {
        if draft.index.checked_sub(first).is_none_or(|n| n > limits::SETTLE_LINES as u64) {
            return Vec::new();
        }
        let lines = self.open_lines(&draft.before, first).unwrap_or_default();
        if share_an_index(&lines) { Vec::new() } else { lines }
    }

    /// The settlement drafted at an index before an entry.
    fn drafted(&self, tip: &Hash, index: u64) -> Option<usize> {
        let name = self.past(tip, index)?.name;
        self.settlements.iter().position(|line| line.name == name)
    }

    /// Whether a key may take a step after others: not the node's, and another for each step but a dispute.
    fn another(earlier: &[&StepLine], step: Step, operator: &PublicKey, node: &PublicKey) -> bool {
        let again = earlier.iter().any(|taken| taken.operator == *operator);
        operator != node && (step == Step::Disputed || !again)
    }

    fn signs(
        &self,
        line: &SettlementLine,
        step: Step,
        operator: &PublicKey,
        signature: &Signature,
    ) -> bool {
        memo::steps(&line.signing(step), &self.charter.federation(), operator, signature)
    }

    /// Whether somebody is certified for a step at a minute: an approver, or for all but the approval a supervisor, of
    /// the programme's or of the treasury's organisation.
    pub(super) fn entitled(
        &self,
        feed: &FeedId,
        step: Step,
        operator: &PublicKey,
        at: Minute,
    ) -> bool {
        let programme = self.charter.programme(feed.programme).map(|programme| programme.org);
        let own = self.roster.node(&feed.node.short()).map(|certificate| certificate.org);
        let orgs: Vec<OrgId> = programme.into_iter().chain(own).collect();
        self.roster.operator_ever(operator).any(|c| {
            let approves = c.roles.has(OperatorRoles::APPROVER);
            let looks = step != Step::Approved && c.roles.has(OperatorRoles::SUPERVISOR);
            orgs.contains(&c.org)
                && (approves || looks)
                && c.programmes.contains(&feed.programme)
                && (c.issued..=c.not_after).contains(&at)
        })
    }

    /// What settlements hold of a feed.
    #[must_use]
    pub fn covered(&self, feed: &FeedRef) -> Covered {
        let mut covered = Covered::default();
        let of_feed = |line: &&SettlementLine| {
            let mut of = line.lines.iter().filter_map(of_line);
            line.feed.programme == feed.programme && of.any(|node| node == feed.node)
        };
        let here = |line: &&SettlementLine| of_feed(line) && self.holds(line);
        for line in self.settlements.iter().filter(here).flat_map(|s| &s.lines) {
            self.cover_by(&mut covered, feed, line);
        }
        covered
    }

    fn cover_by(&self, covered: &mut Covered, feed: &FeedRef, line: &Settling) {
        match line {
            Settling::Stretch { node, except, .. } if *node == feed.node => {
                let facts = self.stretch(feed.programme, line).unwrap_or_default();
                let own = facts.into_iter().filter(|fact| !except.contains(&fact.index));
                covered.names.extend(own.map(|fact| fact.name));
            }
            Settling::Rows { node, rows } if *node == feed.node => {
                for row in rows.iter() {
                    let place = (row.index, row.leaf, row.kind, row.copy);
                    covered.singles.entry(place).or_insert(row.amount.units());
                }
            }
            _ => {}
        }
    }

    /// The entries of a stretch, those left out too. `None` where its last one is not known.
    fn stretch(&self, programme: ProgrammeId, line: &Settling) -> Option<Vec<&Fact>> {
        let Settling::Stretch { node, from, to, head, .. } = line else { return None };
        let mut fact = self.fact(head)?;
        if fact.feed.short() != value_feed(*node, programme) || fact.index + 1 != *to {
            return None;
        }
        let mut facts = vec![fact];
        while fact.index > *from {
            fact = self.fact(&fact.before)?;
            facts.push(fact);
        }
        facts.retain(|fact| fact.index >= *from);
        facts.reverse();
        Some(facts)
    }

    /// The rows that lines come to. `None` where something they name is not known.
    #[must_use]
    pub fn rows_of(&self, programme: ProgrammeId, lines: &[Settling]) -> Option<Vec<Row>> {
        let mut rows = Vec::new();
        for line in lines {
            match line {
                Settling::Stretch { node, except, .. } => {
                    for fact in self.stretch(programme, line)? {
                        let Some(came) = self.came(fact) else { continue };
                        if !except.contains(&fact.index) {
                            rows.push((*node, single(fact, 0, &came)));
                        }
                    }
                }
                Settling::Rows { node, rows: singles } => {
                    rows.extend(singles.iter().map(|row| (*node, *row)));
                }
                Settling::Draft { .. } | Settling::Step { .. } => {}
            }
        }
        let numbered = rows.into_iter().enumerate();
        let row = |(number, (node, what))| Row {
            row: u32::try_from(number).unwrap_or(u32::MAX),
            node,
            what,
        };
        Some(numbered.map(row).collect())
    }

    /// The draft of lines that begin at an index, if they come to anything.
    #[must_use]
    pub fn draft_of(
        &self,
        programme: ProgrammeId,
        lines: &[Settling],
        first: u64,
    ) -> Option<Settling> {
        let mut tally = Tally::default();
        let rows = self.rows_of(programme, lines)?;
        rows.iter().all(|row| tally.push(row)).then(|| tally.finish(first)).flatten()
    }

    /// The lines of a feed's open settlement: from an index up to its newest entry. `None` where a draft is among them.
    fn open_lines(&self, tip: &Hash, first: u64) -> Option<Vec<Settling>> {
        let (mut lines, mut at) = (Vec::new(), self.fact(tip));
        while let Some(fact) = at.filter(|fact| fact.index >= first) {
            match settling(fact) {
                Some(Settling::Draft { .. }) => return None,
                Some(line) if of_line(line).is_some() => lines.push(line.clone()),
                _ => {}
            }
            at = self.fact(&fact.before);
        }
        lines.reverse();
        Some(lines)
    }

    /// Whether a writer may take this step in a settlement.
    pub(super) fn may_settle(
        &self,
        feed: &FeedId,
        tip: &Hash,
        said: &Settling,
        at: Minute,
    ) -> bool {
        let certified = |node: &[u8; 8]| self.roster.node(node).is_some();
        match said {
            Settling::Stretch { node, from, to, except, .. } => {
                from < to
                    && except.is_sorted_by(|a, b| a < b)
                    && except.iter().all(|index| (from..to).contains(&index))
                    && certified(node)
                    && !self.past_a_cut(feed.programme, said)
            }
            Settling::Rows { node, rows } => {
                !rows.is_empty()
                    && rows.is_sorted_by(|a, b| a < b)
                    && rows.iter().all(|row| row.amount > Amount::ZERO)
                    && certified(node)
            }
            Settling::Draft { first, .. } => self.may_draft(feed, tip, *first, said),
            Settling::Step { draft, step, operator, signature } => {
                let Some(place) = self.drafted(tip, *draft) else { return false };
                let line = &self.settlements[place];
                let taken: Vec<&StepLine> = line.steps.iter().collect();
                follows(stage(line.steps.iter()), *step)
                    && Self::another(&taken, *step, operator, &feed.node)
                    && self.entitled(feed, *step, operator, at)
                    && self.signs(line, *step, operator, signature)
            }
        }
    }

    /// Whether a stretch goes on beyond the lowest cut known of its feed.
    #[must_use]
    pub fn past_a_cut(&self, programme: ProgrammeId, line: &Settling) -> bool {
        let Settling::Stretch { node, to, head, .. } = line else { return false };
        let feed = value_feed(*node, programme);
        let Some(cut) = self.lowest_cut(&feed) else { return false };
        self.stretch(programme, line).is_some()
            && self.below_in(&feed, &cut, head).is_some_and(|below| *to > below)
    }

    fn may_draft(&self, feed: &FeedId, tip: &Hash, first: u64, said: &Settling) -> bool {
        let next = self.fact(tip).map_or(0, |fact| fact.index + 1);
        let most = limits::SETTLE_LINES as u64;
        if next.checked_sub(first).is_none_or(|lines| lines == 0 || lines > most) {
            return false;
        }
        let Some(lines) = self.open_lines(tip, first) else { return false };
        if share_an_index(&lines) {
            return false;
        }
        let mut known: BTreeMap<[u8; 8], Covered> = BTreeMap::new();
        for line in &lines {
            let Some(node) = of_line(line) else { continue };
            let of = value_feed(node, feed.programme);
            let covered = known.entry(node).or_insert_with(|| self.covered(&of));
            if self.says_again(&of, covered, line) {
                return false;
            }
            self.cover_by(covered, &of, line);
            if let Settling::Rows { rows, .. } = line
                && !rows.iter().all(|row| self.is_owed(&of, covered, row))
            {
                return false;
            }
        }
        self.draft_of(feed.programme, &lines, first).is_some_and(|draft| draft == *said)
    }

    /// Whether a line holds an entry that is covered: by its name, or as the first copy of its bytes.
    #[must_use]
    pub fn says_again(&self, feed: &FeedRef, covered: &Covered, line: &Settling) -> bool {
        match line {
            Settling::Stretch { except, .. } => {
                let facts = self.stretch(feed.programme, line).unwrap_or_default();
                facts.into_iter().filter(|fact| !except.contains(&fact.index)).any(|fact| {
                    let alone = [Kind::Redeemed, Kind::Refunded].into_iter().any(|kind| {
                        let at = fact.index;
                        let mut of = covered.singles.keys().filter(|(index, ..)| *index == at);
                        of.any(|(_, l, k, copy)| {
                            (*k, *copy) == (kind, 0) && *l == leaf(&fact.entry.encode())
                        })
                    });
                    alone || covered.names.contains(&fact.name)
                })
            }
            Settling::Rows { rows, .. } => rows.iter().any(|row| {
                let of_entry = matches!(row.kind, Kind::Redeemed | Kind::Refunded);
                let held = self.with_leaf(feed, row.index, &row.leaf);
                let stretched = held.filter(|fact| covered.names.contains(&fact.name)).count();
                // What a person took back, she took back under either name.
                let kinds = [Kind::Returned, Kind::Disputed];
                let kinds = if of_entry { [row.kind; 2] } else { kinds };
                let said = |kind| (row.index, row.leaf, kind, row.copy);
                kinds.into_iter().any(|kind| covered.singles.contains_key(&said(kind)))
                    || (of_entry && usize::from(row.copy) < stretched)
            }),
            Settling::Draft { .. } | Settling::Step { .. } => false,
        }
    }

    /// A line of a feed's open settlement, from an index on, that holds what another settlement, or a line before it,
    /// holds.
    #[must_use]
    pub fn settles_again(&self, feed: &FeedId, tip: &Hash, first: u64) -> Option<Settling> {
        let mut known: BTreeMap<[u8; 8], Covered> = BTreeMap::new();
        for line in self.open_lines(tip, first)? {
            let Some(node) = of_line(&line) else { continue };
            let of = value_feed(node, feed.programme);
            let covered = known.entry(node).or_insert_with(|| self.covered(&of));
            if self.says_again(&of, covered, &line) {
                return Some(line);
            }
            self.cover_by(covered, &of, &line);
        }
        None
    }

    fn with_leaf<'a>(
        &'a self,
        feed: &FeedRef,
        index: u64,
        of: &Hash,
    ) -> impl Iterator<Item = &'a Fact> {
        let of = *of;
        self.standing_at(feed, index).filter(move |fact| leaf(&fact.entry.encode()) == of)
    }

    /// Whether a row by itself is what its entry says and, where it takes back, not more than was handed out.
    fn is_owed(&self, feed: &FeedRef, covered: &Covered, row: &Single) -> bool {
        // In blocks first, then shown: merchant, of what, units, whether taken back, what blocks say came back of it.
        let mut entries: Vec<(Option<MerchantId>, What, u64, bool, u64)> = Vec::new();
        let told = self.told(*feed);
        for came in self.with_leaf(feed, row.index, &row.leaf).filter_map(|f| self.came(f)) {
            let of = (came.cycle, came.commodity);
            let back = told.refunded(row.index);
            entries.push((Some(came.merchant), of, came.amount, came.back, back));
        }
        let stands = told.standing();
        if let Some(stands) = stands.iter().find(|s| (s.index, s.leaf) == (row.index, row.leaf))
            && let Some((lot, units)) = told.handed_out(stands)
            && let Some(of) = told.of_lot(lot)
            && let Some(merchant) = told.merchant(stands.value)
        {
            entries.extend((0..stands.missing).map(|_| (merchant, of, units, false, 0)));
        }
        let Some((merchant, of, units, back, refunded)) = entries.first().copied() else {
            return false;
        };
        let by = merchant.is_none() || entries.iter().any(|entry| entry.0 == Some(row.merchant));
        let same = of == (row.cycle, row.commodity);
        let given = units.saturating_mul(entries.len() as u64);
        let of_row = |kinds: [Kind; 2]| {
            let of = (row.index, row.leaf);
            let own = covered.singles.iter().filter(move |((i, l, ..), _)| (*i, *l) == of);
            own.filter(move |((_, _, kind, _), _)| kinds.contains(kind)).map(|(_, units)| *units)
        };
        let fits = match row.kind {
            Kind::Redeemed | Kind::Refunded => {
                back == (row.kind == Kind::Refunded)
                    && row.amount.units() <= units
                    && usize::from(row.copy) < entries.len()
                    && !(back && self.takes_too_much(feed, covered, row))
            }
            Kind::Returned | Kind::Disputed => {
                let mut held = self.with_leaf(feed, row.index, &row.leaf);
                let paid = held.any(|fact| covered.names.contains(&fact.name))
                    || of_row([Kind::Redeemed, Kind::Refunded]).next().is_some();
                let back_by_hand: u64 = of_row([Kind::Returned, Kind::Disputed]).sum();
                let one = row.amount.units() <= units && usize::from(row.copy) < entries.len();
                !back && paid && one && back_by_hand.saturating_add(refunded) <= given
            }
        };
        by && same && fits
    }

    /// What waits to be settled of a feed that never forked: index, leaf, and whether it was taken back.
    #[must_use]
    pub fn waits(&self, feed: &FeedRef) -> BTreeSet<(u64, Hash, bool)> {
        let covered = self.covered(feed);
        let cut = self.lowest_cut(feed);
        let sealed = self.blocks_of(feed).map(|block| block.next).max().unwrap_or(0);
        let of_feed = self.facts.iter().filter(|fact| fact.feed.short() == *feed);
        let mut waits = BTreeSet::new();
        for fact in of_feed.filter(|fact| cut.is_some() || fact.index < sealed) {
            let Some(came) = self.came(fact) else { continue };
            let leaf = leaf(&fact.entry.encode());
            let kind = if came.back { Kind::Refunded } else { Kind::Redeemed };
            let alone = covered.singles.contains_key(&(fact.index, leaf, kind, 0));
            if !covered.names.contains(&fact.name) && !alone {
                waits.insert((fact.index, leaf, came.back));
            }
        }
        let told = self.told(*feed);
        let shown = told.standing().into_iter().filter(|s| cut.is_some() && s.missing > 0);
        for stands in shown {
            let of = told.handed_out(&stands).and_then(|(lot, _)| told.of_lot(lot));
            let alone =
                covered.singles.contains_key(&(stands.index, stands.leaf, Kind::Redeemed, 0));
            if of.is_some() && !alone {
                waits.insert((stands.index, stands.leaf, false));
            }
        }
        waits
    }

    /// How many entries of these bytes there are at a place, and what they handed out or took back together.
    #[must_use]
    pub fn handed_at(&self, feed: &FeedRef, index: u64, leaf: &Hash) -> (usize, u128) {
        let all: Vec<&Fact> = self.with_leaf(feed, index, leaf).collect();
        let came = all.iter().filter_map(|fact| self.came(fact));
        (all.len(), came.map(|came| u128::from(came.amount)).sum())
    }

    /// The settlements, in the order in which they were learned.
    #[must_use]
    pub fn settlements(&self) -> &[SettlementLine] {
        &self.settlements
    }
}

fn single(fact: &Fact, copy: u8, came: &CameLine) -> Single {
    let CameLine { back, merchant, cycle, commodity, amount: units } = *came;
    Single {
        index: fact.index,
        leaf: leaf(&fact.entry.encode()),
        copy,
        kind: if back { Kind::Refunded } else { Kind::Redeemed },
        merchant,
        cycle,
        commodity,
        amount: amount(units),
    }
}
