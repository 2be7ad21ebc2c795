//! Every notice a node knows, and what they come to. A set: any order of learning gives the same roster.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles};
use super::{Reserve, Roles, SignedNotice};
use crate::charter::{Allowance, Charter};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, OrgId, ProgrammeId};
use crate::key::{Context, PublicKey};
use crate::limits;
use crate::merkle::Tree;
use crate::time::Minute;
use crate::wire;

/// Why a notice was not accepted, in order of precedence: the first that applies is reported. Numbers are those of
/// spec/notices.md and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
#[repr(u16)]
pub enum NoticeRejection {
    /// Longer than a notice may be.
    #[error("the notice is too long")]
    TooLong = 1,
    /// The charter known here has no such organisation.
    #[error("the organisation is not in the charter known here")]
    UnknownOrganisation = 2,
    /// The charter known here has no such programme.
    #[error("the programme is not in the charter known here")]
    UnknownProgramme = 3,
    /// The programme has no such commodity in the charter known here.
    #[error("the commodity is not in the charter known here")]
    UnknownCommodity = 4,
    /// None of the keys the organisation ever had, in the charter known here, signed this.
    #[error("the signature is not the organisation's")]
    BadSignature = 5,
    /// Programmes or ceilings are not ascending.
    #[error("programmes or ceilings are not in order")]
    NotRising = 6,
    /// A ceiling for a programme that the certificate does not list.
    #[error("a ceiling is for a programme the node does not serve")]
    CeilingElsewhere = 7,
    /// A key under which anything verifies.
    #[error("a key is weak")]
    WeakKey = 8,
    /// One key for two uses, or a node that takes its own place or insures itself.
    #[error("a key is used for two things")]
    SameKey = 9,
    /// No role at all.
    #[error("the certificate gives no role")]
    NoRole = 10,
    /// It ends before it begins.
    #[error("the times are not in order")]
    TimesNotInOrder = 11,
    /// The node itself did not say that it belongs to this organisation.
    #[error("the node has not accepted the certificate")]
    NotAccepted = 12,
}

impl NoticeRejection {
    /// Its number in spec/notices.md.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether a longer charter could make the same notice acceptable: worth keeping until articles arrive.
    #[must_use]
    pub const fn awaits_charter(self) -> bool {
        matches!(
            self,
            Self::UnknownOrganisation
                | Self::UnknownProgramme
                | Self::UnknownCommodity
                | Self::BadSignature
        )
    }
}

/// What learning a notice changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Learned {
    /// It was not known.
    New,
    /// It was known.
    Known,
}

/// Which certificate of several for one short name stands: the greatest.
///
/// A lower key stands before a higher one, then a lower organisation, then a later certificate, then a greater hash.
type NodeRank = (Reverse<PublicKey>, Reverse<OrgId>, Minute, Hash);

/// Every notice known, by what it is about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roster {
    notices: BTreeMap<Hash, SignedNotice>,
    nodes: BTreeMap<[u8; 8], BTreeSet<NodeRank>>,
    operators: BTreeMap<(PublicKey, OrgId), Said>,
    cycles: BTreeMap<(ProgrammeId, CycleId), BTreeSet<Hash>>,
    reserves: BTreeMap<([u8; 8], ProgrammeId), Said>,
}

/// Notices about one thing, by stamp.
type Said = BTreeSet<(Minute, Hash)>;

/// Notices that contradict each other. One of them stands, always the same; the others are listed for people to settle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// Two keys with the same first eight bytes: the lower key has the name.
    ShortName {
        /// The eight bytes.
        node: [u8; 8],
        /// The keys, lowest first.
        keys: Vec<PublicKey>,
    },
    /// A node that accepted two organisations: the lower number has it.
    TwoOrganisations {
        /// The node.
        node: PublicKey,
        /// The organisations, ascending.
        orgs: Vec<OrgId>,
    },
    /// A cycle that its organisation opened in different ways: the lowest hash stands.
    Cycle {
        /// The programme.
        programme: ProgrammeId,
        /// The cycle.
        cycle: CycleId,
        /// The notices, lowest first.
        notices: Vec<Hash>,
    },
}

/// A ceiling that does not count, because its organisation had given away what the charter allows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverCeiling {
    /// Whose certificate it is.
    pub org: OrgId,
    /// The node.
    pub node: [u8; 8],
    /// The certificate.
    pub notice: Hash,
    /// The ceiling as it stands there.
    pub ceiling: NodeCeiling,
    /// What the charter allows all nodes of the organisation.
    pub allowed: Allowance,
}

/// What each node may hold at one time, as far as the charter covers it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ceilings {
    counted: BTreeMap<([u8; 8], ProgrammeId, CommodityId), NodeCeiling>,
    /// What does not count, in the order in which certificates are counted.
    pub over: Vec<OverCeiling>,
}

impl Ceilings {
    /// What a node may hold of a commodity, if anything.
    #[must_use]
    pub fn of(&self, node: &[u8; 8], p: ProgrammeId, c: CommodityId) -> Option<&NodeCeiling> {
        self.counted.get(&(*node, p, c))
    }
}

impl Roster {
    /// A roster without notices.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a notice. Which notices are taken depends on the charter alone, never on those already here.
    ///
    /// # Errors
    ///
    /// The first [`NoticeRejection`] that applies.
    pub fn learn(
        &mut self,
        charter: &Charter,
        signed: &SignedNotice,
    ) -> Result<Learned, NoticeRejection> {
        self.check(charter, signed)?;
        Ok(self.take_in(signed))
    }

    /// Whether [`Roster::learn`] would accept a notice.
    ///
    /// # Errors
    ///
    /// The first [`NoticeRejection`] that applies.
    pub fn check(&self, charter: &Charter, signed: &SignedNotice) -> Result<(), NoticeRejection> {
        check(charter, signed)
    }

    /// Takes in a notice that was checked.
    pub(super) fn take_in(&mut self, signed: &SignedNotice) -> Learned {
        let hash = signed.notice.hash();
        if let Some(known) = self.notices.get_mut(&hash) {
            // Several good signatures of one notice: the least is kept, whichever came first.
            known.signature = known.signature.min(signed.signature);
            return Learned::Known;
        }
        match &signed.notice {
            Notice::Node(c) => {
                let rank = (Reverse(c.node), Reverse(c.org), c.issued, hash);
                self.nodes.entry(c.short()).or_default().insert(rank);
            }
            Notice::Operator(c) => {
                self.operators.entry((c.operator, c.org)).or_default().insert((c.issued, hash));
            }
            Notice::Cycle(c) => {
                self.cycles.entry((c.programme, c.cycle)).or_default().insert(hash);
            }
            Notice::Reserve(r) => {
                let place = (r.insured, r.programme);
                self.reserves.entry(place).or_default().insert((r.issued, hash));
            }
        }
        self.notices.insert(hash, signed.clone());
        Learned::New
    }

    /// The certificate of a node, by eight bytes of its key. It may have ended: that is for the caller to ask.
    #[must_use]
    pub fn node(&self, node: &[u8; 8]) -> Option<&NodeCertificate> {
        self.nodes.get(node)?.last().and_then(|rank| self.node_notice(&rank.3))
    }

    /// Every key ever certified under eight bytes, the one that stands last. What was signed by one of them stays
    /// signed, whichever certificate is learned later.
    #[must_use]
    pub fn node_keys(&self, node: &[u8; 8]) -> Vec<PublicKey> {
        let ranks = self.nodes.get(node).into_iter().flatten();
        let mut keys: Vec<PublicKey> = ranks.map(|rank| rank.0.0).collect();
        keys.dedup();
        keys
    }

    /// Every certificate ever given to a key. What its node wrote under one of them stays good, whatever came after.
    pub fn node_ever(&self, node: &PublicKey) -> impl Iterator<Item = &NodeCertificate> {
        let ranks = self.nodes.get(&node.short()).into_iter().flatten();
        ranks.filter(move |rank| rank.0.0 == *node).filter_map(|rank| self.node_notice(&rank.3))
    }

    /// Every certificate ever given under eight bytes of a key, the one that stands last.
    pub fn certificates(&self, node: &[u8; 8]) -> impl Iterator<Item = &NodeCertificate> {
        let ranks = self.nodes.get(node).into_iter().flatten();
        ranks.filter_map(|rank| self.node_notice(&rank.3))
    }

    /// The certificates that stand, ascending by the nodes' eight bytes.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeCertificate> {
        self.nodes.keys().filter_map(|node| self.node(node))
    }

    /// The organisation that answers for a node.
    #[must_use]
    pub fn org_of(&self, node: &[u8; 8]) -> Option<OrgId> {
        self.node(node).map(|c| c.org)
    }

    /// The node that took the place of another one, if one did: the last, where several say so. Any organisation that ever
    /// certified the one before may say so.
    #[must_use]
    pub fn successor(&self, node: &[u8; 8]) -> Option<&NodeCertificate> {
        let own = |org: OrgId| self.certificates(node).any(|c| c.org == org);
        let successors = self.nodes().filter(|c| c.replaces == Some(*node) && own(c.org));
        successors.max_by_key(|c| (c.issued, c.node))
    }

    /// The certificate of an operator with one organisation: the last issued.
    #[must_use]
    pub fn operator_of(&self, operator: &PublicKey, org: OrgId) -> Option<&OperatorCertificate> {
        let (_, hash) = self.operators.get(&(*operator, org))?.last()?;
        self.operator_notice(hash)
    }

    /// The certificate of an operator: the last issued, and of several organisations that with the lowest number.
    #[must_use]
    pub fn operator(&self, operator: &PublicKey) -> Option<&OperatorCertificate> {
        let mut orgs = self.operators.range((*operator, OrgId(0))..=(*operator, OrgId(u16::MAX)));
        let (_, hash) = orgs.next()?.1.last()?;
        self.operator_notice(hash)
    }

    /// Every certificate an operator ever had. What was good when it was used stays good, whatever came after.
    pub fn operator_ever(
        &self,
        operator: &PublicKey,
    ) -> impl Iterator<Item = &OperatorCertificate> {
        let orgs = self.operators.range((*operator, OrgId(0))..=(*operator, OrgId(u16::MAX)));
        orgs.flat_map(|(_, all)| all).filter_map(|(_, hash)| self.operator_notice(hash))
    }

    /// When an organisation withdrew an operator, if it did: her last certificate ends in the minute it begins. From then on
    /// nobody lets her answer for anything who has heard of it; what she signed before stays good.
    #[must_use]
    pub fn withdrawn(&self, operator: &PublicKey, org: OrgId) -> Option<Minute> {
        let last = self.operator_of(operator, org)?;
        Some(last.issued).filter(|issued| *issued == last.not_after)
    }

    /// The certificates of one organisation's operators that stand.
    pub fn operators_of(&self, org: OrgId) -> impl Iterator<Item = &OperatorCertificate> {
        self.operators().filter(move |c| c.org == org)
    }

    /// The certificates of operators that stand, one for each person and organisation.
    pub fn operators(&self) -> impl Iterator<Item = &OperatorCertificate> {
        let last = self.operators.values().filter_map(BTreeSet::last);
        last.filter_map(|(_, hash)| self.operator_notice(hash))
    }

    /// How a cycle was opened.
    #[must_use]
    pub fn cycle(&self, programme: ProgrammeId, cycle: CycleId) -> Option<&Cycle> {
        let hash = self.cycles.get(&(programme, cycle))?.first()?;
        match &self.notices.get(hash)?.notice {
            Notice::Cycle(cycle) => Some(cycle),
            Notice::Node(_) | Notice::Operator(_) | Notice::Reserve(_) => None,
        }
    }

    /// Who re-issues to the families of a node where that is lost: the last that its organisation named, then that with
    /// the greater hash. What others say of a node that is not theirs counts for nothing.
    #[must_use]
    pub fn reserve_of(&self, insured: &[u8; 8], programme: ProgrammeId) -> Option<&Reserve> {
        let org = self.org_of(insured)?;
        let named = self.reserves.get(&(*insured, programme))?.iter().rev();
        named.filter_map(|(_, hash)| self.reserve_notice(hash)).find(|r| r.org == org)
    }

    /// The nodes whose families a node serves where they are lost, ascending.
    pub fn insured_by(
        &self,
        reserve: &[u8; 8],
        programme: ProgrammeId,
    ) -> impl Iterator<Item = [u8; 8]> {
        let nodes = self.reserves.keys().filter(move |(_, p)| *p == programme).map(|(n, _)| *n);
        nodes.filter(move |node| {
            self.reserve_of(node, programme).is_some_and(|r| r.reserve == *reserve)
        })
    }

    /// The cycles that were opened, ascending.
    pub fn cycles(&self) -> impl Iterator<Item = &Cycle> {
        self.cycles.keys().filter_map(|(programme, cycle)| self.cycle(*programme, *cycle))
    }

    /// One notice.
    #[must_use]
    pub fn notice(&self, hash: &Hash) -> Option<&SignedNotice> {
        self.notices.get(hash)
    }

    /// Every notice, ascending by hash: the canonical order, in which they are stored, sent and digested.
    pub fn notices(&self) -> impl Iterator<Item = &SignedNotice> {
        self.notices.values()
    }

    /// The root of the tree over the hashes of all notices, ascending. Equal for equal sets.
    #[must_use]
    pub fn digest(&self) -> Hash {
        self.notices.keys().copied().collect::<Tree>().root()
    }

    /// Every contradiction among the notices: short names, then nodes, then cycles, each ascending.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (node, ranks) in &self.nodes {
            let keys: BTreeSet<PublicKey> = ranks.iter().map(|rank| rank.0.0).collect();
            if keys.len() > 1 {
                let keys = keys.into_iter().collect();
                conflicts.push(Conflict::ShortName { node: *node, keys });
            }
        }
        let mut belongs: BTreeMap<PublicKey, BTreeSet<OrgId>> = BTreeMap::new();
        for (node, org, ..) in self.nodes.values().flatten() {
            belongs.entry(node.0).or_default().insert(org.0);
        }
        for (node, orgs) in belongs.into_iter().filter(|(_, orgs)| orgs.len() > 1) {
            let orgs = orgs.into_iter().collect();
            conflicts.push(Conflict::TwoOrganisations { node, orgs });
        }
        for ((programme, cycle), notices) in self.cycles.iter().filter(|(_, all)| all.len() > 1) {
            let notices = notices.iter().copied().collect();
            conflicts.push(Conflict::Cycle { programme: *programme, cycle: *cycle, notices });
        }
        conflicts
    }

    /// What each node may hold at a time, and what its organisation had no right to promise.
    ///
    /// Certificates that stand, have begun and have not ended at `at`, and whose place no other node of the organisation
    /// took, are counted in the order of (issued, hash). A ceiling counts whole, or not at all where it would take the
    /// organisation above what the charter allows it; later and smaller ones may still count. What one receiver takes
    /// unverified counts up to the organisation's allowance of rights.
    #[must_use]
    pub fn ceilings(&self, charter: &Charter, at: Minute) -> Ceilings {
        let standing = self.nodes.values().filter_map(BTreeSet::last);
        let standing = standing.filter_map(|(_, _, issued, hash)| {
            self.node_notice(hash).map(|certificate| ((*issued, *hash), certificate))
        });
        let mut replaced: BTreeSet<(OrgId, [u8; 8])> = BTreeSet::new();
        let mut order: BTreeMap<(Minute, Hash), &NodeCertificate> = BTreeMap::new();
        for (place, c) in standing.filter(|(_, c)| c.issued <= at && at <= c.not_after) {
            replaced.extend(c.replaces.map(|node| (c.org, node)));
            order.insert(place, c);
        }
        let mut sums: BTreeMap<(OrgId, ProgrammeId, CommodityId), Allowance> = BTreeMap::new();
        let mut ceilings = Ceilings::default();
        for ((_, notice), c) in order {
            if replaced.contains(&(c.org, c.short())) {
                continue;
            }
            for line in c.ceilings.iter() {
                let allowed = charter.ceiling(c.org, line.programme, line.commodity);
                let sum = sums.entry((c.org, line.programme, line.commodity)).or_default();
                let rights = sum.rights.plus(line.rights).filter(|r| *r <= allowed.rights);
                let float = sum.float.plus(line.float).filter(|f| *f <= allowed.float);
                if let (Some(rights), Some(float)) = (rights, float) {
                    *sum = Allowance { rights, float };
                    let unverified = line.unverified.min(allowed.rights);
                    let place = (c.short(), line.programme, line.commodity);
                    ceilings.counted.insert(place, NodeCeiling { unverified, ..*line });
                } else {
                    let (org, node, ceiling) = (c.org, c.short(), *line);
                    ceilings.over.push(OverCeiling { org, node, notice, ceiling, allowed });
                }
            }
        }
        ceilings
    }

    fn node_notice(&self, hash: &Hash) -> Option<&NodeCertificate> {
        match &self.notices.get(hash)?.notice {
            Notice::Node(certificate) => Some(certificate),
            Notice::Operator(_) | Notice::Cycle(_) | Notice::Reserve(_) => None,
        }
    }

    fn operator_notice(&self, hash: &Hash) -> Option<&OperatorCertificate> {
        match &self.notices.get(hash)?.notice {
            Notice::Operator(certificate) => Some(certificate),
            Notice::Node(_) | Notice::Cycle(_) | Notice::Reserve(_) => None,
        }
    }

    fn reserve_notice(&self, hash: &Hash) -> Option<&Reserve> {
        match &self.notices.get(hash)?.notice {
            Notice::Reserve(reserve) => Some(reserve),
            Notice::Node(_) | Notice::Operator(_) | Notice::Cycle(_) => None,
        }
    }
}

/// Checks a notice against the charter and nothing else.
fn check(charter: &Charter, signed: &SignedNotice) -> Result<(), NoticeRejection> {
    if signed.encode().len() > limits::NOTICE_BYTES {
        return Err(NoticeRejection::TooLong);
    }
    let (org, programmes): (OrgId, &[ProgrammeId]) = match &signed.notice {
        Notice::Node(c) => (c.org, &c.programmes),
        Notice::Operator(c) => (c.org, &c.programmes),
        Notice::Cycle(c) => {
            let programme = charter.programme(c.programme);
            (programme.ok_or(NoticeRejection::UnknownProgramme)?.org, &[])
        }
        Notice::Reserve(r) => (r.org, std::slice::from_ref(&r.programme)),
    };
    if charter.organisation(org).is_none() {
        return Err(NoticeRejection::UnknownOrganisation);
    }
    if programmes.iter().any(|p| charter.programme(*p).is_none()) {
        return Err(NoticeRejection::UnknownProgramme);
    }
    if let Notice::Node(c) = &signed.notice {
        know_ceilings(charter, &c.ceilings)?;
    }
    let message = wire::encode(&signed.notice);
    let scope: [&[u8]; 1] = [&charter.federation().0.0];
    let signs =
        |key: &PublicKey| key.verifies(Context::Notice, &scope, &message, &signed.signature);
    if !charter.keys(org).any(signs) {
        return Err(NoticeRejection::BadSignature);
    }
    if !programmes.is_sorted_by(|a, b| a < b) {
        return Err(NoticeRejection::NotRising);
    }
    match &signed.notice {
        Notice::Node(c) => check_node(charter, c),
        Notice::Operator(c) => check_operator(c),
        Notice::Cycle(c) if c.opens < c.closes && c.closes <= c.expires => Ok(()),
        Notice::Cycle(_) => Err(NoticeRejection::TimesNotInOrder),
        Notice::Reserve(r) if r.insured == r.reserve => Err(NoticeRejection::SameKey),
        Notice::Reserve(_) => Ok(()),
    }
}

fn know_ceilings(charter: &Charter, ceilings: &[NodeCeiling]) -> Result<(), NoticeRejection> {
    for ceiling in ceilings {
        let programme = charter.programme(ceiling.programme);
        let programme = programme.ok_or(NoticeRejection::UnknownProgramme)?;
        programme.commodity(ceiling.commodity).ok_or(NoticeRejection::UnknownCommodity)?;
    }
    Ok(())
}

fn check_node(charter: &Charter, c: &NodeCertificate) -> Result<(), NoticeRejection> {
    let place = |c: &NodeCeiling| (c.programme, c.commodity);
    if !c.ceilings.is_sorted_by(|a, b| place(a) < place(b)) {
        return Err(NoticeRejection::NotRising);
    }
    if c.ceilings.iter().any(|ceiling| !c.programmes.contains(&ceiling.programme)) {
        return Err(NoticeRejection::CeilingElsewhere);
    }
    if c.node.check().is_err() || c.transport.check().is_err() {
        return Err(NoticeRejection::WeakKey);
    }
    if c.node == c.transport || c.replaces == Some(c.short()) {
        return Err(NoticeRejection::SameKey);
    }
    if c.roles == Roles::NONE {
        return Err(NoticeRejection::NoRole);
    }
    if c.not_after < c.issued {
        return Err(NoticeRejection::TimesNotInOrder);
    }
    if c.accepted(&charter.federation()) { Ok(()) } else { Err(NoticeRejection::NotAccepted) }
}

fn check_operator(c: &OperatorCertificate) -> Result<(), NoticeRejection> {
    if c.operator.check().is_err() {
        return Err(NoticeRejection::WeakKey);
    }
    if c.roles == OperatorRoles::NONE {
        return Err(NoticeRejection::NoRole);
    }
    if c.not_after < c.issued {
        return Err(NoticeRejection::TimesNotInOrder);
    }
    Ok(())
}
