//! Who signs an article: collecting signatures one by one, counting them, and proving that somebody signed two.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Act, Article, Charter, CharterRejection, SignedArticle, Twice};
use crate::id::{FederationId, OrgId};
use crate::key::{Context, PublicKey, Signature};
use crate::limits;
use crate::wire::{self, Bounded, WireFault};

/// Who may sign one article, with which key, and who must.
pub(super) struct Signers {
    federation: FederationId,
    /// Everybody with a say: the members before the article, and whoever joins by it.
    keys: BTreeMap<OrgId, (Context, PublicKey)>,
    /// Without these it's nothing, and the rejection that says so.
    required: BTreeMap<OrgId, CharterRejection>,
    /// Those who count towards the quorum.
    voters: BTreeSet<OrgId>,
    quorum: u8,
}

/// Who still has to sign.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Missing {
    /// Organisations without whose signature the article is nothing.
    pub required: Vec<OrgId>,
    /// How many more signatures the quorum needs; those required may be among them.
    pub more: u8,
    /// Organisations that could still give one towards the quorum.
    pub from: Vec<OrgId>,
}

impl Missing {
    /// Whether enough have signed.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.required.is_empty() && self.more == 0
    }
}

impl Signers {
    /// The signers of a first article: every organisation it founds with.
    pub(super) fn founding(article: &Article) -> Self {
        let mut signers = Self {
            federation: article.founds(),
            keys: BTreeMap::new(),
            required: BTreeMap::new(),
            voters: BTreeSet::new(),
            quorum: 0,
        };
        if let Some(Act::Found { organisations, .. }) = article.acts.first() {
            for o in organisations.iter() {
                signers.keys.insert(o.id, (Context::Article, o.key));
                signers.voters.insert(o.id);
                signers.required.insert(o.id, CharterRejection::NewcomerUnsigned);
            }
            signers.quorum = u8::try_from(signers.voters.len()).unwrap_or(u8::MAX);
        }
        signers.newcomers(article);
        signers
    }

    /// The signers of an article that follows `charter`.
    pub(super) fn of(charter: &Charter, article: &Article) -> Self {
        let members = charter.organisations().map(|o| (o.id, (Context::Article, o.key)));
        let mut signers = Self {
            federation: charter.federation(),
            keys: members.collect(),
            required: BTreeMap::new(),
            voters: charter.organisations().map(|o| o.id).collect(),
            quorum: charter.quorum(),
        };
        for act in article.acts.iter() {
            match act {
                Act::Rotate { org, .. } => {
                    signers.required.insert(*org, CharterRejection::RotationUnsigned);
                }
                Act::Recover { org, .. } => {
                    if let Some(o) = charter.organisation(*org) {
                        signers.keys.insert(*org, (Context::Recovery, o.recovery));
                    }
                    signers.required.insert(*org, CharterRejection::RecoveryUnsigned);
                }
                Act::Found { .. }
                | Act::Join { .. }
                | Act::Leave { .. }
                | Act::Programme { .. }
                | Act::Ceiling { .. }
                | Act::Budget { .. }
                | Act::Fence { .. }
                | Act::Release { .. }
                | Act::Close { .. }
                | Act::Activate { .. }
                | Act::Succeed { .. } => {}
                Act::Heal { twice, .. } => signers.heal(twice),
            }
        }
        signers.newcomers(article);
        signers
    }

    /// Everybody who did not sign twice must sign what heals the fork; of the others, those who stay sign with their new
    /// keys, and do not count.
    fn heal(&mut self, twice: &[Twice]) {
        for Twice { org, key } in twice {
            self.voters.remove(org);
            self.keys.remove(org);
            if let Some(key) = key {
                self.keys.insert(*org, (Context::Article, *key));
                self.required.insert(*org, CharterRejection::RotationUnsigned);
            }
        }
        for org in &self.voters {
            self.required.insert(*org, CharterRejection::HealUnsigned);
        }
        self.quorum = u8::try_from(self.voters.len()).unwrap_or(u8::MAX);
    }

    /// Those who join sign too, but their signature doesn't count: the quorum is that of the members before.
    fn newcomers(&mut self, article: &Article) {
        for act in article.acts.iter() {
            if let Act::Join { organisation: o, .. } = act {
                self.keys.insert(o.id, (Context::Article, o.key));
                self.required.insert(o.id, CharterRejection::NewcomerUnsigned);
            }
        }
    }

    /// Whether a signature of `org` is good. `None` where it has no say.
    fn verifies(&self, message: &[u8], org: OrgId, signature: &Signature) -> Option<bool> {
        let (context, key) = self.keys.get(&org)?;
        Some(key.verifies(*context, &[&self.federation.0.0], message, signature))
    }

    pub(super) fn check(&self, signed: &SignedArticle) -> Result<(), CharterRejection> {
        let signatures = &signed.signatures;
        if !signatures.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(CharterRejection::SignersNotRising);
        }
        if !signatures.iter().all(|(org, _)| self.keys.contains_key(org)) {
            return Err(CharterRejection::UnknownSigner);
        }
        let message = wire::encode(&signed.article);
        if !signatures.iter().all(|(org, s)| self.verifies(&message, *org, s) == Some(true)) {
            return Err(CharterRejection::BadSignature);
        }
        let by: BTreeSet<OrgId> = signatures.iter().map(|(org, _)| *org).collect();
        let unsigned = self.required.iter().filter(|(org, _)| !by.contains(org));
        if let Some(rejection) = unsigned.map(|(_, rejection)| *rejection).min() {
            return Err(rejection);
        }
        if by.intersection(&self.voters).count() < usize::from(self.quorum) {
            return Err(CharterRejection::QuorumMissing);
        }
        Ok(())
    }

    pub(super) fn missing(&self, signed: &SignedArticle) -> Missing {
        let message = wire::encode(&signed.article);
        let good = |(org, s): &&(OrgId, Signature)| self.verifies(&message, *org, s) == Some(true);
        let by: BTreeSet<OrgId> = signed.signatures.iter().filter(good).map(|s| s.0).collect();
        let votes = by.intersection(&self.voters).count();
        let more = usize::from(self.quorum).saturating_sub(votes);
        Missing {
            required: self.required.keys().filter(|org| !by.contains(org)).copied().collect(),
            more: u8::try_from(more).unwrap_or(u8::MAX),
            from: self.voters.difference(&by).copied().collect(),
        }
    }
}

impl SignedArticle {
    /// Adds one organisation's signature to those collected. Adding it again changes nothing, and the order in which
    /// signatures arrive doesn't matter.
    ///
    /// `charter` is the one the article follows, or `None` for a founding article.
    ///
    /// # Errors
    ///
    /// [`CharterRejection::UnknownSigner`] or [`CharterRejection::BadSignature`]; nothing was added.
    pub fn add(
        &mut self,
        charter: Option<&Charter>,
        org: OrgId,
        signature: Signature,
    ) -> Result<(), CharterRejection> {
        let message = wire::encode(&self.article);
        match self.signers(charter).verifies(&message, org, &signature) {
            None => return Err(CharterRejection::UnknownSigner),
            Some(false) => return Err(CharterRejection::BadSignature),
            Some(true) => {}
        }
        let mut all: BTreeMap<OrgId, Signature> = self.signatures.iter().copied().collect();
        // A signer can make several good signatures of one message: the least is kept, whichever came first.
        all.entry(org).and_modify(|old| *old = signature.min(*old)).or_insert(signature);
        self.signatures = Bounded::new(all.into_iter().collect())
            .map_err(|_| CharterRejection::OrganisationsFull)?;
        Ok(())
    }

    /// Adds every signature of another copy of the same article.
    ///
    /// # Errors
    ///
    /// As [`SignedArticle::add`], and [`CharterRejection::PreviousNotHead`] for another article. Nothing was added.
    pub fn merge(
        &mut self,
        charter: Option<&Charter>,
        other: &Self,
    ) -> Result<(), CharterRejection> {
        if self.article != other.article {
            return Err(CharterRejection::PreviousNotHead);
        }
        let mut merged = self.clone();
        for (org, signature) in other.signatures.iter() {
            merged.add(charter, *org, *signature)?;
        }
        *self = merged;
        Ok(())
    }

    /// Who still has to sign. `charter` is the one the article follows, or `None` for a founding article.
    #[must_use]
    pub fn missing(&self, charter: Option<&Charter>) -> Missing {
        self.signers(charter).missing(self)
    }

    fn signers(&self, charter: Option<&Charter>) -> Signers {
        match charter {
            Some(charter) => Signers::of(charter, &self.article),
            None => Signers::founding(&self.article),
        }
    }
}

/// Two different articles for one epoch: somebody signed both. Anybody who knows the articles before can check it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ArticleFork {
    /// One.
    pub one: SignedArticle,
    /// The other.
    pub other: SignedArticle,
}

impl ArticleFork {
    /// The bytes of a proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are not two articles, each within its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::ARTICLE_BYTES.saturating_mul(2))
    }

    /// The organisations that signed both, ascending: shown to have done so by nobody's word but their own. None where
    /// the two are no fork, or not of an epoch that follows an article of `charter`.
    #[must_use]
    pub fn verify(&self, charter: &Charter) -> Vec<OrgId> {
        let epoch = self.one.article.epoch;
        let known = epoch > 0 && epoch <= charter.epoch().saturating_add(1);
        if !known || self.other.article.epoch != epoch || self.one.article == self.other.article {
            return Vec::new();
        }
        let other = signed_by(charter, &self.other);
        signed_by(charter, &self.one).intersection(&other).copied().collect()
    }
}

/// The members that signed an article of an epoch `charter` has reached, each with the key it had then.
pub(super) fn signed_by(charter: &Charter, signed: &SignedArticle) -> BTreeSet<OrgId> {
    let article = &signed.article;
    let message = wire::encode(article);
    let recovered = |org| {
        article.acts.iter().any(|act| matches!(act, Act::Recover { org: o, .. } if *o == org))
    };
    let good = |(org, signature): &&(OrgId, Signature)| {
        let Some(key) = charter.key_for(*org, article.epoch) else { return false };
        let (context, key) = match charter.organisation(*org) {
            Some(o) if recovered(*org) => (Context::Recovery, o.recovery),
            _ => (Context::Article, key),
        };
        key.verifies(context, &[&charter.federation().0.0], &message, signature)
    };
    signed.signatures.iter().filter(good).map(|(org, _)| *org).collect()
}
