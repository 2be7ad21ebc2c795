//! What stands on feeds that no program reads, node by node: entries of kinds that later versions brought, and commitments
//! that nothing later names (spec/privacy.md, "What can still be hidden").

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Ground, Item, Source};
use annona_ledger::consent::{GrievanceStep, People};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, FeedRef, Lane, Pseudonym};

/// Commitments that nothing later names below which a node is not told of.
const FEW: u64 = 50;
/// How many such commitments are usual for each person a node enrolled: consents, disclosures, an erasure.
const A_PERSON: u64 = 3;

/// What one node wrote that nothing reads.
#[derive(Clone, Default)]
pub(super) struct Unread {
    /// Entries of later versions' kinds, and the bytes in them.
    pub later: (u64, u64),
    /// Commitments it made up.
    pub commitments: u64,
    /// How many of those nothing later names.
    pub unopened: u64,
    /// People it enrolled.
    pub enrolled: u64,
    /// The feed that has most of what it said about people.
    pub most: Option<FeedRef>,
}

impl Unread {
    /// In hundredths of those that would be usual.
    fn share(&self) -> u64 {
        let usual = A_PERSON.saturating_mul(self.enrolled.max(1));
        self.unopened.saturating_mul(100).checked_div(usual).unwrap_or_default()
    }
}

/// What one node said about people.
#[derive(Default)]
struct OfNode {
    /// How many entries about people stand on each of its feeds.
    feeds: BTreeMap<FeedRef, u64>,
    later: (u64, u64),
    made: BTreeSet<Commitment>,
    enrolled: BTreeSet<Pseudonym>,
}

/// What each certified node wrote that nothing reads. Other feeds than those about people are gone through only where the
/// charter has brought in a kind of a later version, since nothing of one stands anywhere before.
pub(super) fn unread(source: &impl Source, ground: &Ground) -> BTreeMap<[u8; 8], Unread> {
    let federation = ground.charter.federation();
    let brought: BTreeSet<Lane> = ground.charter.kinds().map(|(lane, ..)| lane).collect();
    let mut nodes: BTreeMap<[u8; 8], OfNode> = BTreeMap::new();
    let mut named: BTreeSet<Commitment> = BTreeSet::new();
    for feed in source.feeds() {
        let short = feed.node.short();
        let certified = ground.roster.node(&short).is_some_and(|c| c.node == feed.node);
        if !certified || !(feed.lane == Lane::Registry || brought.contains(&feed.lane)) {
            continue;
        }
        let of = nodes.entry(short).or_default();
        let mut met: BTreeSet<Hash> = BTreeSet::new();
        source.items(&feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            let Ok(verified) = block.verify(&federation, &feed) else { return true };
            // A copy of a block holds nothing more.
            if !met.insert(verified.header().hash()) {
                return true;
            }
            for placed in verified.entries() {
                match &placed.entry {
                    Entry::Later(later) => {
                        of.later.0 += 1;
                        of.later.1 += later.bytes.len() as u64;
                    }
                    Entry::Registry(Registry::Enrol { pseudonym, .. }) => {
                        of.enrolled.insert(*pseudonym);
                    }
                    Entry::Registry(Registry::People(said)) => {
                        *of.feeds.entry(feed.short()).or_default() += 1;
                        named.extend(names(said));
                        of.made.extend(said.commits().filter(|_| made(said)));
                    }
                    Entry::Value(_) | Entry::Registry(_) | Entry::Control(_) => {}
                }
            }
            true
        });
    }
    let of = |node: OfNode| Unread {
        later: node.later,
        commitments: node.made.len() as u64,
        unopened: node.made.difference(&named).count() as u64,
        enrolled: node.enrolled.len() as u64,
        most: node.feeds.into_iter().max_by_key(|(_, said)| *said).map(|(feed, _)| feed),
    };
    nodes.into_iter().map(|(node, said)| (node, of(said))).collect()
}

/// Whether its author made its commitment up here, rather than naming one again.
const fn made(said: &People) -> bool {
    match said {
        People::ConsentGiven { .. }
        | People::Disclosed { .. }
        | People::Erased { .. }
        | People::Pair { .. }
        | People::Grievance { step: GrievanceStep::Opened { .. }, .. } => true,
        People::ConsentWithdrawn { .. } | People::Refused { .. } | People::Grievance { .. } => {
            false
        }
    }
}

/// The commitment that this names, made by another entry: one that is used has a record behind it.
const fn names(said: &People) -> Option<Commitment> {
    match said {
        People::Disclosed { grant, .. } => Some(*grant),
        People::ConsentWithdrawn { commitment, .. } => Some(*commitment),
        People::Grievance { step: GrievanceStep::Opened { .. }, .. } => None,
        People::Grievance { commitment, .. } => Some(*commitment),
        People::ConsentGiven { .. }
        | People::Erased { .. }
        | People::Refused { .. }
        | People::Pair { .. } => None,
    }
}

/// The nodes that stand out: more commitments nothing names than people account for, and twice what the others have.
pub(super) fn odd(nodes: &BTreeMap<[u8; 8], Unread>) -> Vec<(FeedRef, u64, String)> {
    let mut found = Vec::new();
    for (node, of) in nodes {
        let mut others = Unread::default();
        for (_, other) in nodes.iter().filter(|(other, _)| *other != node) {
            others.unopened += other.unopened;
            others.enrolled += other.enrolled;
        }
        let (own, usual) = (of.share(), others.share());
        if of.unopened >= FEW && own >= 100 && own >= usual.saturating_mul(2) {
            let what = format!(
                "{} of {} commitments (consents, disclosures, complaints, erasures, pairs) are named by nothing later, and {} \
                 people were enrolled: ask for their records",
                of.unopened, of.commitments, of.enrolled
            );
            found.extend(of.most.map(|feed| (feed, of.unopened, what)));
        }
    }
    found
}
