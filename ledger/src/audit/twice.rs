//! Entries that two settlements hold which both count as paid: a treasury did not know of the other, or paid after it was
//! cut. The payer refuses the second by its reference, and no sum moves (spec/settlement.md, "Held").

use std::collections::{BTreeMap, BTreeSet};

use super::Part;
use super::known::Known;
use super::verdict::SettledTwice;
use crate::hash::Hash;
use crate::id::{FeedRef, OrgId};
use crate::settlement::{self, Kind, SettlementRow, Settling, Stage, Taken};
use crate::view::{At, ChainNo};

/// A settlement that is recorded as paid.
struct Paid<'a> {
    name: (FeedRef, u64),
    /// The organisation of its treasury, where it was paid beyond a cut or an end.
    beyond: Option<OrgId>,
    lines: Vec<&'a Settling>,
}

/// Entries of one feed: of all its branches, or of the one that has an accumulator before an index.
type Group = (FeedRef, Option<(u64, Hash)>);

/// What one settlement holds: from an index up to another; or one entry, by its leaf.
type Piece = (Group, u64, u64, Option<Hash>, usize);

/// Two settlements that name the same indexes; where a leaf is given, only if the entry has it.
struct Meet {
    feed: FeedRef,
    from: u64,
    to: u64,
    leaf: Option<Hash>,
    by: [usize; 2],
}

/// The entries of which it must be known what they say, before [`settled_twice`] can tell: by feed.
pub(super) fn asked(parts: &[Part]) -> BTreeMap<FeedRef, BTreeSet<u64>> {
    let mut asked: BTreeMap<FeedRef, BTreeSet<u64>> = BTreeMap::new();
    let paid = recorded(parts, &mut |_, _, _| Some(None));
    for meet in meets(&paid, &|_| u64::MAX).into_iter().filter(|meet| meet.leaf.is_some()) {
        asked.entry(meet.feed).or_default().insert(meet.from);
    }
    asked
}

/// The entries that are settled twice, by feed and index.
pub(super) fn settled_twice(parts: &[Part], known: &Known<'_>) -> Vec<SettledTwice> {
    let paid = recorded(parts, &mut |feed, at, row| {
        let global = |taken: &Taken| Taken { place: known.global(feed, taken.place), ..*taken };
        let row = SettlementRow { by: row.by.iter().map(global).collect(), ..row.clone() };
        let beyond = settlement::is_paid_beyond(known, known.global(feed, at), &row);
        let org = known.org_of(feed).filter(|_| beyond);
        settlement::is_paid(known, feed, &row).then_some(org)
    });
    let leaves: BTreeMap<FeedRef, &BTreeMap<At, Hash>> =
        parts.iter().map(|part| (part.feed().short(), &part.outcome.leaves)).collect();
    let said = |meet: &Meet| match (meet.leaf, leaves.get(&meet.feed)) {
        (Some(leaf), Some(leaves)) => {
            leaves.get(&At { chain: ChainNo(0), index: meet.from }) == Some(&leaf)
        }
        (leaf, _) => leaf.is_none(),
    };
    let all = meets(&paid, &|feed| known.common(feed)).into_iter().filter(said);
    let twice = all.filter_map(|meet| {
        let Meet { feed, from, to, by: [one, other], .. } = meet;
        let (one, other) = (paid.get(one)?, paid.get(other)?);
        // Where both were paid beyond a cut, neither was to be expected.
        let fault = match (one.beyond, other.beyond) {
            (Some(org), None) | (None, Some(org)) => Some(org),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let mut by = [one.name, other.name];
        by.sort_unstable();
        Some(SettledTwice { feed, from, to, by, fault })
    });
    let mut twice: Vec<SettledTwice> = twice.collect();
    twice.sort_unstable();
    twice.dedup();
    twice
}

/// Settlements recorded as paid, of which somebody says whether they count, and whether beyond a cut of whom.
fn recorded<'a>(
    parts: &'a [Part],
    counts: &mut impl FnMut(&FeedRef, At, &SettlementRow) -> Option<Option<OrgId>>,
) -> Vec<Paid<'a>> {
    let mut all = Vec::new();
    for part in parts {
        let (feed, out) = (part.feed().short(), &part.outcome);
        let mut lines: BTreeMap<At, Vec<&Settling>> = BTreeMap::new();
        for (draft, line) in &out.lines {
            lines.entry(*draft).or_default().push(line);
        }
        let rows: BTreeMap<At, &SettlementRow> =
            out.settlements.iter().map(|(at, row)| (*at, row)).collect();
        for (at, lines) in lines {
            let Some(row) = rows.get(&at).filter(|row| row.stage() == Stage::Paid) else {
                continue;
            };
            if let Some(beyond) = counts(&feed, at, row) {
                all.push(Paid { name: (feed, at.index), beyond, lines });
            }
        }
    }
    all
}

/// Where two settlements name the same, in time that grows with their lines: of many that do, each with another one.
/// `common` tells up to where the branches of a feed agree.
fn meets(paid: &[Paid<'_>], common: &dyn Fn(&FeedRef) -> u64) -> Vec<Meet> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rows: BTreeMap<(FeedRef, u64, Hash, Kind, u8), usize> = BTreeMap::new();
    let mut meets = Vec::new();
    for (by, Paid { name, lines, .. }) in paid.iter().enumerate() {
        for line in lines {
            match line {
                Settling::Stretch { node, from, to, head, except } => {
                    let feed = FeedRef::value(*node, name.0.programme);
                    let agree = common(&feed);
                    let mut left_out: Vec<u64> = except.to_vec();
                    left_out.sort_unstable();
                    let mut next = *from;
                    for end in left_out.into_iter().filter(|at| from <= at && at < to).chain([*to])
                    {
                        pieces.push(((feed, None), next, end.min(agree), None, by));
                        pieces.push(((feed, Some((*to, *head))), next.max(agree), end, None, by));
                        next = end.saturating_add(1);
                    }
                }
                Settling::Rows { node, rows: singles } => {
                    let feed = FeedRef::value(*node, name.0.programme);
                    for row in singles.iter() {
                        let (from, to) = (row.index, row.index.saturating_add(1));
                        let kind = if row.kind.is_by_hand() { Kind::Returned } else { row.kind };
                        let place = (feed, row.index, row.leaf, kind, row.copy);
                        let other = *rows.entry(place).or_insert(by);
                        if other != by {
                            meets.push(Meet { feed, from, to, leaf: None, by: [other, by] });
                        }
                        // Stretches hold the first copies.
                        if row.copy == 0 && !row.kind.is_by_hand() {
                            pieces.push(((feed, None), from, to, Some(row.leaf), by));
                        }
                    }
                }
                Settling::Draft { .. } | Settling::Step { .. } => {}
            }
        }
    }
    pieces.retain(|(_, from, to, ..)| from < to);
    pieces.sort_unstable();
    let mut widest: Option<Piece> = None;
    for piece in pieces {
        let (group, from, to, leaf, by) = piece;
        let over = widest.filter(|(of, _, end, ..)| *of == group && from < *end);
        if let Some((_, _, end, _, other)) = over.filter(|(.., other)| *other != by) {
            let by = [other, by];
            meets.push(Meet { feed: group.0, from, to: to.min(end), leaf, by });
        }
        if leaf.is_none() && over.is_none_or(|(_, _, end, ..)| end < to) {
            widest = Some(piece);
        }
    }
    meets
}
