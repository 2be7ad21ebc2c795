//! Settlements held against the entries they name: what a draft froze is what its lines come to (spec/audit-file.md, "Days
//! and settlements").

use std::collections::BTreeMap;
use std::ops::Range;

use super::Part;
use super::came::{Named, Settled, Terms};
use super::feed::Outcome;
use super::verdict::{Compared, NotCompared, Problem, Why};
use crate::amount::Amount;
use crate::charter::Charter;
use crate::id::{FeedId, FeedRef, Lane, ProgrammeId};
use crate::notice::Roster;
use crate::role::Settlers;
use crate::settlement::{Kind, Row, SettlementRow, Settling, Single, Stage, Tally};
use crate::view::At;

/// How often the settlements of one node may name the entries of one feed, all together, before no more of them are compared:
/// or a node that drafts the same again and again would keep every auditor busy for days.
const TIMES: u64 = 4;

/// The nodes that settle programmes, asked for each feed.
#[derive(Debug, Default)]
pub(super) struct Who(BTreeMap<ProgrammeId, Settlers>);

impl Who {
    /// Whether a feed is one on which settlements of its programme stand.
    pub(super) fn settle(&mut self, charter: &Charter, roster: &Roster, feed: &FeedId) -> bool {
        let of = feed.programme;
        let settlers = self.0.entry(of).or_insert_with(|| Settlers::of(charter, roster, of));
        feed.lane == Lane::Value && settlers.include(roster, &feed.node.short())
    }
}

/// The entries that the settlements of some feeds name, by feed.
pub(super) fn named<'a>(parts: impl Iterator<Item = &'a Part>) -> BTreeMap<FeedRef, Named> {
    let mut all: BTreeMap<FeedRef, Named> = BTreeMap::new();
    for part in parts {
        for (_, line) in &part.outcome.lines {
            match line {
                Settling::Stretch { node, from, to, .. } => {
                    let feed = FeedRef::value(*node, part.feed.programme);
                    all.entry(feed).or_default().stretch(*from, *to);
                }
                Settling::Rows { node, rows } => {
                    let named = all.entry(FeedRef::value(*node, part.feed.programme)).or_default();
                    rows.iter().for_each(|row| named.single(row.index));
                }
                Settling::Draft { .. } | Settling::Step { .. } => {}
            }
        }
    }
    all.values_mut().for_each(Named::close);
    all
}

/// What was kept of every feed that settlements name.
pub(super) type Kept<'a> = BTreeMap<FeedRef, &'a Settled>;

/// What one settlement comes to, as far as that can be told.
#[derive(Debug, Default)]
struct Coming {
    tally: Tally,
    rows: u32,
    /// Whether its rows are more than a settlement has.
    over: bool,
    /// Whether something it names is not here, or named too often; and what, the first of it.
    open: bool,
    lacks: Vec<NotCompared>,
    /// Indexes of entries that do not say what a row by itself does.
    wrong: Vec<u64>,
}

/// How a settlement compares, what is wrong with it, and what was in the way.
pub(super) type Answer = (Compared, Vec<Problem>, Vec<NotCompared>);

/// Holds the settlements of one feed against what they name, each by the place of its draft.
pub(super) fn compared(feed: &FeedRef, out: &Outcome, kept: &Kept<'_>) -> BTreeMap<At, Answer> {
    let mut lines: BTreeMap<At, Vec<&Settling>> = BTreeMap::new();
    for (draft, line) in &out.lines {
        lines.entry(*draft).or_default().push(line);
    }
    // How many entries of each feed were looked at.
    let mut looked: BTreeMap<[u8; 8], u64> = BTreeMap::new();
    let standing = out.settlements.iter().filter(|(_, row)| row.stage() != Stage::Disputed);
    let each = standing.map(|(at, row)| {
        let of = lines.get(at).map(Vec::as_slice).unwrap_or_default();
        let coming = coming(feed, of, kept, &mut looked);
        (*at, coming.held_against(row))
    });
    each.collect()
}

fn coming(
    feed: &FeedRef,
    lines: &[&Settling],
    kept: &Kept<'_>,
    looked: &mut BTreeMap<[u8; 8], u64>,
) -> Coming {
    let mut coming = Coming::default();
    for line in lines {
        match line {
            Settling::Stretch { node, from, to, head, except } => {
                let of = FeedRef::value(*node, feed.programme);
                let settled = kept.get(&of);
                let parts = settled.and_then(|s| Some((s, s.parts(*from, *to, head)?)));
                let Some((settled, parts)) = parts else {
                    coming.lacks(of, *from..*to, Why::NotHere);
                    continue;
                };
                if settled.is_unsure_below(*to) {
                    coming.lacks(of, *from..*to, Why::Unnamed);
                }
                let looked = looked.entry(*node).or_default();
                for row in parts.into_iter().flat_map(|part| settled.rows(part)) {
                    *looked = looked.saturating_add(1);
                    if *looked > settled.len().saturating_mul(TIMES) {
                        coming.lacks(of, *from..*to, Why::TooOften);
                        break;
                    }
                    let (index, leaf, terms, amount) = row;
                    if amount > Amount::ZERO && !except.contains(&index) {
                        let (merchant, cycle, commodity, kind) = terms;
                        let copy = 0;
                        let what =
                            Single { index, leaf, copy, kind, merchant, cycle, commodity, amount };
                        coming.add(*node, what);
                    }
                }
            }
            Settling::Rows { node, rows } => {
                let of = FeedRef::value(*node, feed.programme);
                let settled = kept.get(&of);
                for row in rows.iter() {
                    coming.add(*node, *row);
                    let after = row.index.saturating_add(1);
                    let mut says = settled.into_iter().flat_map(|s| s.says(row.index, row.leaf));
                    match (says.next(), says.next()) {
                        (None, _) => coming.lacks(of, row.index..after, Why::NotHere),
                        (Some(one), other) => {
                            let mut all = [Some(one), other].into_iter().flatten().chain(says);
                            if settled.is_some_and(|s| s.is_unsure_below(after)) {
                                coming.lacks(of, row.index..after, Why::Unnamed);
                            } else if !all.any(|said| is_said(row, &said)) {
                                coming.wrong.push(row.index);
                            }
                        }
                    }
                }
            }
            Settling::Draft { .. } | Settling::Step { .. } => {}
        }
    }
    coming
}

/// Whether an entry says what a row by itself does. What a person took back names the redemption.
fn is_said(row: &Single, (terms, amount): &(Terms, Amount)) -> bool {
    let kind = if row.kind.is_by_hand() { Kind::Redeemed } else { row.kind };
    *terms == (row.merchant, row.cycle, row.commodity, kind) && row.amount <= *amount
}

impl Coming {
    fn add(&mut self, node: [u8; 8], what: Single) {
        let pushed = self.tally.push(&Row { row: self.rows, node, what });
        self.rows = self.rows.saturating_add(u32::from(pushed));
        self.over |= !pushed;
    }

    fn lacks(&mut self, feed: FeedRef, entries: Range<u64>, why: Why) {
        self.open = true;
        if self.lacks.len() < NotCompared::TOLD {
            self.lacks.push(NotCompared { feed, from: entries.start, to: entries.end, why });
        }
    }

    fn held_against(self, row: &SettlementRow) -> Answer {
        let wrong = self.wrong.into_iter().map(|index| Problem::SettlementRow { entry: index });
        let mut problems: Vec<Problem> = wrong.collect();
        if self.open {
            let compared = if problems.is_empty() { Compared::Open } else { Compared::Differs };
            return (compared, problems, self.lacks);
        }
        let same = match self.tally.finish(row.first) {
            Some(Settling::Draft { root, rows, totals, .. }) => {
                !self.over && (root, rows, totals) == (row.root, row.rows, row.totals.clone())
            }
            _ => false,
        };
        if !same {
            problems.push(Problem::SettlementDiffers { said: row.rows, found: self.rows });
        }
        let compared = if problems.is_empty() { Compared::Same } else { Compared::Differs };
        (compared, problems, Vec::new())
    }
}
