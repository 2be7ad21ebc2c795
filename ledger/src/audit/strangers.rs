//! Feeds of nodes that no certificate here is for: read past and counted. Whoever writes a file may put a million of them
//! into it, so next to nothing is kept of one.

use super::Part;
use super::verdict::{Finding, Unchecked, Verdict};

/// Findings and feeds that are kept; more are counted. Those that come first in the source are, whichever thread read them.
const KEPT: usize = 10_000;

/// What they come to, all together.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// How many there are.
    pub(super) feeds: u64,
    blocks: u64,
    signatures: u64,
    evidence: u64,
    unshown: u64,
    findings: Vec<Finding>,
    more: u64,
    unchecked: Vec<Unchecked>,
}

impl Strangers {
    /// Takes in one of them. `no_certificate` tells whether its node has none, or one of another key.
    pub(super) fn add(&mut self, part: Part, no_certificate: bool) {
        let out = part.outcome;
        self.feeds = self.feeds.saturating_add(1);
        self.blocks = self.blocks.saturating_add(out.blocks);
        self.signatures = self.signatures.saturating_add(out.signatures);
        self.evidence = self.evidence.saturating_add(out.evidence);
        self.unshown = self.unshown.saturating_add(out.unshown);
        self.more = self.more.saturating_add(out.more);
        self.findings.extend(out.findings);
        self.unchecked.push(Unchecked {
            feed: part.feed.short(),
            headers_only: out.headers_only,
            unfolded: out.unfolded,
            no_certificate,
        });
        if self.findings.len() > KEPT.saturating_mul(2) {
            self.trim();
        }
        if self.unchecked.len() > KEPT.saturating_mul(2) {
            self.unchecked.sort_unstable();
            self.unchecked.truncate(KEPT);
        }
    }

    fn trim(&mut self) {
        self.findings.sort_by_key(|finding| finding.place);
        let over = self.findings.len().saturating_sub(KEPT);
        self.more = self.more.saturating_add(over as u64);
        self.findings.truncate(KEPT);
    }

    /// Adds all of it to a verdict.
    pub(super) fn tell(mut self, verdict: &mut Verdict) {
        self.trim();
        self.unchecked.sort_unstable();
        self.unchecked.truncate(KEPT);
        verdict.blocks = verdict.blocks.saturating_add(self.blocks);
        verdict.signatures = verdict.signatures.saturating_add(self.signatures);
        verdict.evidence = verdict.evidence.saturating_add(self.evidence);
        verdict.evidence_not_shown = verdict.evidence_not_shown.saturating_add(self.unshown);
        verdict.more = verdict.more.saturating_add(self.more);
        verdict.findings.append(&mut self.findings);
        verdict.unchecked.append(&mut self.unchecked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::feed::Outcome;
    use crate::audit::verdict::{Problem, Where};
    use crate::id::{FeedId, Lane, ProgrammeId};
    use crate::key::PublicKey;

    #[test]
    fn a_million_feeds_of_nobody_are_counted_and_few_are_kept() {
        let mut strangers = Strangers::default();
        let many = 5 * KEPT as u64;
        // The last ones first, as another thread might read them.
        for n in (0..many).rev() {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            let node = PublicKey::Ed25519(key);
            let feed = FeedId { node, lane: Lane::Value, programme: ProgrammeId(1) };
            let place = Where { offset: n, feed: Some(feed.short()), seq: None, index: None };
            let findings = vec![Finding { place, problem: Problem::NotCertified }];
            let outcome = Outcome { blocks: 1, findings, ..Outcome::default() };
            strangers.add(Part { feed, outcome }, true);
            assert!(strangers.findings.len() <= 2 * KEPT && strangers.unchecked.len() <= 2 * KEPT);
        }
        let mut verdict = Verdict::default();
        assert_eq!(strangers.feeds, many);
        strangers.tell(&mut verdict);
        assert_eq!((verdict.blocks, verdict.more), (many, many - KEPT as u64));
        let offsets: Vec<u64> = verdict.findings.iter().map(|found| found.place.offset).collect();
        assert_eq!(offsets, (0..KEPT as u64).collect::<Vec<_>>(), "the first in the source");
        assert_eq!(verdict.unchecked.len(), KEPT);
        assert!(verdict.unchecked.iter().all(|feed| feed.no_certificate));
    }
}
