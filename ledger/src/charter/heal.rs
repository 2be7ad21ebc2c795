//! Healing a forked charter: two articles for one epoch, and people who decide which of them goes on.

use std::collections::BTreeSet;

use super::signing::signed_by;
use super::{Act, Article, Charter, CharterRejection, SignedArticle, Twice};
use crate::hash::Hash;
use crate::id::OrgId;
use crate::limits;
use crate::wire;

/// A fork that was healed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Healed {
    /// The epoch there were two articles for.
    pub from: u32,
    /// The epoch of the article that healed it.
    pub epoch: u32,
    /// The article kept.
    pub kept: Hash,
    /// The article given up.
    pub lost: Hash,
}

impl Charter {
    /// The forks that were healed, in order.
    #[must_use]
    pub fn healed(&self) -> &[Healed] {
        &self.healed
    }

    /// Whether two branches voted at this epoch before a healing kept one of them: a claim of its lines may be meant on
    /// the other, and what is short on it proves nothing.
    #[must_use]
    pub fn was_forked_at(&self, epoch: u32) -> bool {
        self.healed.iter().any(|h| (h.from..h.epoch).contains(&epoch))
    }

    /// Whether the author of a block that knew the charter up to `known` had heard of what `epoch` decided. Of an epoch from
    /// a fork to its healing only who knew of the healing had for certain: the number alone does not tell the branch.
    #[must_use]
    pub fn had_heard(&self, epoch: u32, known: u32) -> bool {
        let unsure = |h: &Healed| (h.from..h.epoch).contains(&epoch) && known < h.epoch;
        known >= epoch && !self.healed.iter().any(unsure)
    }

    /// The federation that this one was founded in the place of, and the heads of its two branches.
    #[must_use]
    pub const fn succeeds(&self) -> Option<&(crate::id::FederationId, [Hash; 2])> {
        self.succeeds.as_ref()
    }

    pub(super) fn heal(&mut self, epoch: u32, act: &Act) -> Result<(), CharterRejection> {
        let Act::Heal { kept, lost, kept_by, lost_by, twice, quorum } = act else {
            return Err(CharterRejection::NoFork);
        };
        let lost: Article =
            wire::decode(lost, limits::ARTICLE_BYTES).map_err(|_| CharterRejection::NoFork)?;
        let ours = usize::try_from(lost.epoch).ok().and_then(|e| self.history.get(e));
        let ours = ours.cloned().filter(|ours| {
            lost.epoch > 0
                && ours.hash() == *kept
                && **ours != lost
                && ours.previous == lost.previous
        });
        let lost_hash = lost.hash();
        let known = self.healed.iter().any(|h| h.kept == *kept && h.lost == lost_hash);
        let Some(ours) = ours.filter(|_| !known) else { return Err(CharterRejection::NoFork) };
        let from = lost.epoch;
        let under = |article: Article, signatures: &_| {
            let signatures = wire::Bounded::clone(signatures);
            signed_by(self, &SignedArticle { article, signatures })
        };
        let shown: BTreeSet<OrgId> = under((*ours).clone(), kept_by)
            .intersection(&under(lost, lost_by))
            .copied()
            .filter(|org| self.is_member(*org))
            .collect();
        if !twice.iter().map(|t| t.org).eq(shown.iter().copied()) {
            return Err(CharterRejection::TwiceMisstated);
        }
        if self.organisations().count().saturating_sub(shown.len()) < 2 {
            return Err(CharterRejection::TooFewHonest);
        }
        for Twice { org, key } in twice.iter() {
            match key {
                Some(key) => self.rekey(epoch, *org, *key)?,
                None => self.part_with(epoch, *org),
            }
        }
        self.set_quorum(*quorum)?;
        self.healed.push(Healed { from, epoch, kept: *kept, lost: lost_hash });
        Ok(())
    }
}
