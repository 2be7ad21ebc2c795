//! Feeds that failed, cycles that close, and charters that forked, as a description says them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use annona_ledger::charter::{Act, ArticleFork, Charter, NodeCut, Programme, SignedArticle, Twice};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FederationId, FeedRef, Lane, OrgId, ProgrammeId};
use annona_ledger::key::Signature;
use annona_ledger::wire::{Bounded, Bytes, encode};
use serde::Deserialize;

use super::Figure;
use crate::fault::{Fault, Outcome};
use crate::key::Public;
use crate::paper::Papers;
use crate::words;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fence {
    feed: String,
    cut: String,
    reason: String,
}

/// A kind of entry that a later version brings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activate {
    lane: LaneName,
    kind: u8,
    size: u16,
    critical: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LaneName {
    Control,
    Value,
    Registry,
    Access,
}

impl Activate {
    pub(super) fn read(&self) -> Outcome<Act> {
        let lane = match self.lane {
            LaneName::Control => Lane::Control,
            LaneName::Value => Lane::Value,
            LaneName::Registry => Lane::Registry,
            LaneName::Access => Lane::Access,
        };
        let Self { kind, size, critical, .. } = *self;
        Ok(Act::Activate { lane, kind, size, critical })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    feed: String,
    cycle: u16,
    commodity: Figure,
    amount: Figure,
    reserve: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    pub(super) programme: Figure,
    cycle: u16,
    /// By node; a node without one brought nothing.
    #[serde(default)]
    cuts: BTreeMap<String, String>,
}

/// A fork of the charter, and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heal {
    kept: PathBuf,
    lost: PathBuf,
    /// Those who signed both and stay, with their new keys; the others leave.
    #[serde(default)]
    stays: Vec<Stays>,
    quorum: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stays {
    organisation: u16,
    keys: Option<PathBuf>,
    key: Option<String>,
}

/// The federation a new one takes the place of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Succeed {
    federation: String,
    heads: [String; 2],
}

impl Fence {
    pub(super) fn read(&self) -> Outcome<Act> {
        Ok(Act::Fence {
            feed: words::feed(&self.feed)?,
            cut: words::cut(&self.cut)?,
            reason: words::reason(&self.reason)?,
        })
    }
}

impl Release {
    /// The feed whose programme it is of.
    pub(super) fn feed(&self) -> Outcome<FeedRef> {
        words::feed(&self.feed)
    }

    pub(super) fn read(&self, programme: &Programme) -> Outcome<Act> {
        let commodity = words::commodity(programme, &self.commodity.text())?;
        Ok(Act::Release {
            feed: self.feed()?,
            cycle: CycleId(self.cycle),
            commodity: commodity.id,
            amount: words::amount(commodity, &self.amount.text())?,
            reserve: words::unhex("the reserve", &self.reserve)?,
        })
    }
}

impl Close {
    pub(super) fn read(&self, programme: ProgrammeId) -> Outcome<Act> {
        let mut cuts = Vec::new();
        for (node, cut) in &self.cuts {
            cuts.push(NodeCut { node: words::unhex("a node", node)?, cut: words::cut(cut)? });
        }
        cuts.sort_unstable();
        Ok(Act::Close { programme, cycle: CycleId(self.cycle), cuts: Bounded::new(cuts)? })
    }
}

impl Heal {
    pub(super) fn read(&self, folder: &Path, charter: &Charter) -> Outcome<Act> {
        let article =
            |path: &PathBuf| -> Outcome<SignedArticle> { Papers::read_article(&folder.join(path)) };
        let (kept, lost) = (article(&self.kept)?, article(&self.lost)?);
        let fork = ArticleFork { one: kept.clone(), other: lost.clone() };
        let twice: BTreeSet<OrgId> = fork.verify(charter).into_iter().collect();
        if twice.is_empty() {
            return Err(Fault::input(
                "the two articles show nobody who signed both: they are no fork of this charter.",
            ));
        }
        let by = |signed: &SignedArticle| -> Outcome<Bounded<(OrgId, Signature), 64>> {
            let both = signed.signatures.iter().filter(|(org, _)| twice.contains(org));
            Ok(Bounded::new(both.copied().collect())?)
        };
        let mut became = Vec::new();
        for org in twice.iter().filter(|org| charter.is_member(**org)) {
            let stays = self.stays.iter().find(|stays| stays.organisation == org.0);
            let key = stays.map(|stays| stays.new_key(folder)).transpose()?;
            became.push(Twice { org: *org, key });
        }
        Ok(Act::Heal {
            kept: kept.article.hash(),
            lost: Bytes::new(encode(&lost.article))?,
            kept_by: by(&kept)?,
            lost_by: by(&lost)?,
            twice: Bounded::new(became)?,
            quorum: self.quorum,
        })
    }
}

impl Stays {
    fn new_key(&self, folder: &Path) -> Outcome<annona_ledger::key::PublicKey> {
        let what = format!("the new key of organisation {}", self.organisation);
        match (&self.keys, &self.key) {
            (Some(path), None) => Public::read(&folder.join(path))?.key(&what),
            (None, Some(key)) => words::public_key(&what, key),
            _ => Err(Fault::input(format!("{what}: give keys = \"FILE.public\" or key = \"…\"."))),
        }
    }
}

impl Succeed {
    pub(super) fn read(&self) -> Outcome<Act> {
        let federation = FederationId(Hash(words::unhex("the federation", &self.federation)?));
        let [one, other] = &self.heads;
        let mut heads = [Hash(words::unhex("a head", one)?), Hash(words::unhex("a head", other)?)];
        heads.sort_unstable();
        Ok(Act::Succeed { federation, heads })
    }
}
