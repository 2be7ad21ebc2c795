//! Parts of chains that stretches hold, kept so that asking costs little however many stretches say so.

use std::collections::BTreeMap;

use super::Settling;
use super::rows::chain_with;
use crate::cut;
use crate::id::FeedRef;
use crate::view::{At, ChainNo, View};

/// Entries of one chain that are its own: from an index up to another.
pub(super) type Part = (ChainNo, u64, u64);

/// Sets of indexes, by the chain whose own they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans(BTreeMap<ChainNo, BTreeMap<u64, u64>>);

impl Spans {
    pub(super) fn add(&mut self, (chain, mut from, mut to): Part) {
        let spans = self.0.entry(chain).or_default();
        let touching = spans.range(..=to).rev().take_while(|(_, end)| **end >= from);
        let touching: Vec<u64> = touching.map(|(start, _)| *start).collect();
        for start in touching {
            let end = spans.remove(&start).unwrap_or(to);
            (from, to) = (from.min(start), to.max(end));
        }
        spans.insert(from, to);
    }

    pub(super) fn holds(&self, at: At) -> bool {
        self.meets(&(at.chain, at.index, at.index.saturating_add(1)))
    }

    /// Whether some of a part is among them.
    pub(super) fn meets(&self, (chain, from, to): &Part) -> bool {
        let Some(spans) = self.0.get(chain) else { return false };
        spans.range(..*to).next_back().is_some_and(|(_, end)| from < end)
    }

    /// What of a chain's own entries below an end is not among them.
    pub(super) fn gaps(&self, chain: ChainNo, end: u64) -> Vec<(u64, u64)> {
        let (mut next, mut gaps) = (0, Vec::new());
        for (from, to) in self.0.get(&chain).into_iter().flatten() {
            gaps.push((next, (*from).min(end)));
            next = *to;
        }
        gaps.push((next, end));
        gaps.retain(|(from, to)| from < to);
        gaps
    }
}

/// The entries that a stretch of a feed holds: none where the chain it names is not known here.
pub(super) fn parts(view: &dyn View, feed: &FeedRef, stretch: &Settling) -> Vec<Part> {
    let Settling::Stretch { from, to, head, except, .. } = stretch else { return Vec::new() };
    let Some(chain) = chain_with(view, feed, *to, head) else { return Vec::new() };
    let mut left_out = except.to_vec();
    left_out.sort_unstable();
    let (mut parts, mut next) = (Vec::new(), *from);
    for end in left_out.into_iter().filter(|index| (*from..*to).contains(index)).chain([*to]) {
        parts.extend(cut::owners(view, chain, next, end));
        next = end.saturating_add(1);
    }
    parts
}

/// Whether two stretches among some lines have an index of one node in common, left out or not. A draft of such lines
/// freezes nothing, or it could make everybody walk through a feed once for each of its lines.
pub(crate) fn overlap(lines: &[Settling]) -> bool {
    let stretch = |line: &Settling| match line {
        Settling::Stretch { node, from, to, .. } if from < to => Some((*node, *from, *to)),
        _ => None,
    };
    let mut all: Vec<([u8; 8], u64, u64)> = lines.iter().filter_map(stretch).collect();
    all.sort_unstable();
    all.windows(2).any(|pair| match pair {
        [(node, _, to), (next, from, _)] => node == next && from < to,
        _ => false,
    })
}
