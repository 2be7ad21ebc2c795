//! How many organisations vouch for a checkpoint, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cosignature, CosignatureRejection, Page};
use crate::charter::Charter;
use crate::feed::Head;
use crate::frontier::{Chains, Frontier, FrontierFault};
use crate::id::{FeedId, OrgId, ProgrammeId};
use crate::key::PublicKey;
use crate::leaf::LeafId;
use crate::limits;
use crate::notice::Roster;
use crate::time::Minute;

/// Who vouches for what of one checkpoint. An organisation counts once, however many of its nodes have signed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// How many organisations it takes: the charter's quorum at the checkpoint's epoch.
    pub quorum: u8,
    /// Organisations that vouch for the frontier.
    pub frontier: BTreeSet<OrgId>,
    /// Organisations that vouch for each leaf of state.
    pub leaves: BTreeMap<LeafId, BTreeSet<OrgId>>,
    /// Witnesses that hold every body of a programme up to the frontier, by their newest word, and their organisations.
    /// Programme zero are the control feeds.
    pub holds: BTreeMap<ProgrammeId, BTreeMap<[u8; 8], OrgId>>,
    /// The newest word of each witness about a programme, one that lists all its leaves: when it was said, and whether the
    /// witness keeps the bodies. Of one minute the word that it does not.
    words: BTreeMap<ProgrammeId, BTreeMap<[u8; 8], (Minute, bool)>>,
    /// Cosignatures that count, in the order given.
    pub counted: Vec<Counted>,
    /// Cosignatures that do not count.
    pub refused: Vec<([u8; 8], CosignatureRejection)>,
}

/// A cosignature that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The witness.
    pub witness: [u8; 8],
    /// The organisation it counts for.
    pub org: OrgId,
    /// The transport key it is signed with.
    pub key: PublicKey,
    /// When, by the witness's clock.
    pub time: Minute,
}

impl Standing {
    fn enough(&self, orgs: usize) -> bool {
        self.quorum > 0 && orgs >= usize::from(self.quorum)
    }

    /// Whether a quorum vouches for the frontier.
    #[must_use]
    pub fn certifies_frontier(&self) -> bool {
        self.enough(self.frontier.len())
    }

    /// Whether a quorum vouches for one leaf of state.
    #[must_use]
    pub fn certifies_leaf(&self, id: LeafId) -> bool {
        self.leaves.get(&id).is_some_and(|orgs| self.enough(orgs.len()))
    }

    /// Whether a quorum vouches for every leaf of a programme; for the control feeds, for the frontier.
    #[must_use]
    pub fn certifies(&self, programme: ProgrammeId) -> bool {
        if programme == ProgrammeId::NONE {
            return self.certifies_frontier();
        }
        let mut leaves = self.leaves.keys().filter(|id| id.programme == programme).peekable();
        leaves.peek().is_some() && leaves.all(|id| self.certifies_leaf(*id))
    }

    /// Takes off who has said since, of another checkpoint, that it does not keep a programme's bodies any more. What is
    /// said of programme zero stays: bodies of control feeds do not go.
    pub fn hear(&mut self, other: &Self) {
        for (programme, witnesses) in &mut self.holds {
            let (here, there) = (self.words.get(programme), other.words.get(programme));
            witnesses.retain(|witness, _| {
                let said = here.and_then(|words| words.get(witness)).map(|(time, _)| *time);
                let since = there.and_then(|words| words.get(witness));
                since.is_none_or(|(time, keeps)| *keeps || Some(*time) < said)
            });
        }
    }

    /// Organisations of which a node that comes after another, of an organisation, keeps every body of a programme: by the
    /// organisation's number, then by node. Nobody relies on a node that may rely on it, or all of them could prune at once.
    #[must_use]
    pub fn mirrors(&self, programme: ProgrammeId, own: (OrgId, [u8; 8])) -> BTreeSet<OrgId> {
        let holds = self.holds.get(&programme).into_iter().flatten();
        let after = holds.filter(|(witness, org)| (**org, **witness) > own);
        after.map(|(_, org)| *org).collect()
    }

    /// Whether nodes of [`limits::MIRRORS`] organisations, all after a node of an organisation, keep every body of a
    /// programme: there those of closed cycles may go.
    #[must_use]
    pub fn is_mirrored(&self, programme: ProgrammeId, own: (OrgId, [u8; 8])) -> bool {
        self.mirrors(programme, own).len() >= limits::MIRRORS
    }
}

/// Counts cosignatures. What a witness has folded it has folded for good; what it holds, its newest word tells: it keeps it
/// until it says otherwise. `charter` is that of the checkpoint's epoch: what a quorum was then, it stays.
#[must_use]
pub fn standing<'a>(
    page: &Page,
    cosignatures: impl IntoIterator<Item = &'a Cosignature>,
    charter: &Charter,
    roster: &Roster,
) -> Standing {
    let mut standing = Standing { quorum: charter.quorum(), ..Standing::default() };
    for leaf in page.state.iter() {
        standing.leaves.insert(leaf.id, BTreeSet::new());
    }
    let mut newest: BTreeMap<[u8; 8], (&Cosignature, OrgId)> = BTreeMap::new();
    for cosignature in cosignatures {
        let certificate = match cosignature.check(page, charter, roster) {
            Ok(certificate) => certificate,
            Err(why) => {
                standing.refused.push((cosignature.said.witness, why));
                continue;
            }
        };
        let (org, key) = (certificate.org, certificate.transport);
        let (witness, time) = (cosignature.said.witness, cosignature.said.time);
        standing.counted.push(Counted { witness, org, key, time });
        let last = newest.entry(witness).or_insert((cosignature, org));
        // Of two words of one minute the greater bytes stand, whichever came first.
        let age = |c: &Cosignature| (c.said.time, c.encode());
        if age(cosignature) > age(last.0) {
            *last = (cosignature, org);
        }
        standing.frontier.insert(org);
        let programmes: BTreeSet<_> = page.state.iter().map(|leaf| leaf.id.programme).collect();
        for programme in programmes.into_iter().filter(|p| cosignature.folded(page, *p)) {
            let keeps = cosignature.said.holds.contains(&programme);
            let words = standing.words.entry(programme).or_default();
            let word = words.entry(witness).or_insert((time, keeps));
            if time > word.0 {
                *word = (time, keeps);
            } else if time == word.0 {
                word.1 &= keeps;
            }
        }
        for id in cosignature.said.leaves.iter() {
            standing.leaves.entry(*id).or_default().insert(org);
        }
    }
    for (cosignature, org) in newest.into_values() {
        for programme in cosignature.said.holds.iter() {
            let witness = cosignature.said.witness;
            standing.holds.entry(*programme).or_default().insert(witness, org);
        }
    }
    standing
}

/// What quorums have vouched for, over all checkpoints.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Certified {
    /// Every frontier that a quorum vouches for, joined.
    pub frontier: Frontier,
    /// The same, of those checkpoints where a quorum has folded the programme.
    programmes: BTreeMap<ProgrammeId, Frontier>,
}

impl Certified {
    /// Adds a checkpoint. In any order, and again, the result is the same.
    ///
    /// # Errors
    ///
    /// [`FrontierFault::TooMany`].
    pub fn add(
        &mut self,
        standing: &Standing,
        frontier: &Frontier,
        chains: &impl Chains,
    ) -> Result<(), FrontierFault> {
        if standing.certifies_frontier() {
            self.frontier = self.frontier.join(frontier, chains)?;
        }
        let programmes: BTreeSet<_> = standing.leaves.keys().map(|id| id.programme).collect();
        for programme in programmes.into_iter().filter(|p| standing.certifies(*p)) {
            let known = self.programmes.entry(programme).or_default();
            *known = known.join(frontier, chains)?;
        }
        Ok(())
    }

    /// Up to where a feed is certified: none, one tip, or one for each branch.
    #[must_use]
    pub fn tips(&self, feed: &FeedId) -> &[crate::sync::frame::Known] {
        match feed.programme {
            ProgrammeId::NONE => self.frontier.of(feed),
            programme => self.programmes.get(&programme).map_or(&[], |known| known.of(feed)),
        }
    }

    /// Whether an entry whose block ends at `head` is certified.
    #[must_use]
    pub fn certifies(&self, feed: &FeedId, head: &Head, chains: &impl Chains) -> bool {
        let frontier = match feed.programme {
            ProgrammeId::NONE => Some(&self.frontier),
            programme => self.programmes.get(&programme),
        };
        frontier.is_some_and(|frontier| frontier.covers(feed, head, chains))
    }
}

/// Whether a cut of a feed after `next` entries lies below what a quorum has vouched for: there the word of the admitting
/// organisation alone does not cut, only a fence.
///
/// `certified` joins every frontier that a quorum has cosigned ([`Certified::frontier`]).
#[must_use]
pub fn only_a_fence_may_cut(certified: &Frontier, feed: &FeedId, next: u64) -> bool {
    certified.of(feed).iter().any(|tip| next < tip.head.next)
}
