//! The charter as it stands after some articles, and how the next one changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::cuts::{Cuts, Released};
use super::heal::Healed;
use super::kinds::{Active, Kinds};
use super::signing::Signers;
use super::{Act, Article, CharterRejection, Commodity, Line, Missing, Organisation, Risk};
use super::{SignedArticle, Unit};
use crate::amount::Amount;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FederationId, OrgId, ProgrammeId};
use crate::key::PublicKey;
use crate::limits;
use crate::time::Millis;
use crate::wire::{self, Bounded, Name};

/// Bytes kept free in an article for the signatures of every organisation: each at most 3 + 1 + 64, and their count.
const SIGNATURE_ROOM: usize = limits::ORGANISATIONS * 68 + 1;

/// Returns the quorum for `organisations` where nobody asks for another: two thirds, rounded up.
#[must_use]
pub fn default_quorum(organisations: usize) -> u8 {
    let two_thirds = organisations.saturating_mul(2).div_ceil(3);
    u8::try_from(two_thirds).unwrap_or(u8::MAX)
}

/// What the articles so far come to. Built only from articles that were checked; equal for equal chains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charter {
    federation: FederationId,
    name: Name,
    founded: Millis,
    epoch: u32,
    head: Hash,
    quorum: u8,
    members: BTreeMap<OrgId, Member>,
    programmes: BTreeMap<ProgrammeId, Programme>,
    ceilings: BTreeMap<(OrgId, ProgrammeId, CommodityId), Allowance>,
    budgets: BTreeMap<(u32, u8, u8), BudgetLine>,
    budgeted: BTreeMap<(ProgrammeId, CycleId, CommodityId), Amount>,
    pub(super) cuts: Cuts,
    pub(super) kinds: Kinds,
    pub(super) healed: Vec<Healed>,
    pub(super) succeeds: Option<(FederationId, [Hash; 2])>,
    /// Every article, by epoch: what a second one for an epoch is held against.
    pub(super) history: Vec<Arc<Article>>,
}

/// An organisation that is or was a member.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Member {
    organisation: Organisation,
    /// Every key it ever had, with the epoch of the article that gave it.
    keys: Vec<(u32, PublicKey)>,
    /// The epoch of the article by which it left.
    left: Option<u32>,
}

impl Member {
    /// The key it signs the article of `epoch` with: the newest that an earlier article gave.
    fn key_for(&self, epoch: u32) -> Option<PublicKey> {
        if self.left.is_some_and(|left| left < epoch) {
            return None;
        }
        self.keys.iter().rev().find(|(from, _)| *from < epoch).map(|(_, key)| *key)
    }
}

/// A programme as the charter has it now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Programme {
    /// Whose it is.
    pub org: OrgId,
    /// What it is called.
    pub name: Name,
    /// What it gives, ascending by number.
    pub commodities: Bounded<Commodity, { limits::COMMODITIES }>,
    /// What may be risked offline.
    pub risk: Risk,
}

impl Programme {
    /// One commodity.
    #[must_use]
    pub fn commodity(&self, id: CommodityId) -> Option<&Commodity> {
        self.commodities.iter().find(|c| c.id == id)
    }
}

/// What the nodes of one organisation may together be certified for, of one commodity, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allowance {
    /// Rights.
    pub rights: Amount,
    /// Float.
    pub float: Amount,
}

/// A line of a voted budget, with what its act says about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BudgetLine {
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// The only node that may claim it, by eight bytes of its key.
    pub treasury: [u8; 8],
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
}

/// Something that a federation of this shape cannot do. Allowed, and said aloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Warning {
    /// One organisation.
    Alone,
    /// Two organisations.
    Pair,
    /// Everybody must sign.
    Unanimous,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone => {
                "One organisation decides everything. If it signs two different articles for one \
                 epoch, or loses both of its keys, the federation must be founded again."
            }
            Self::Pair => {
                "With two organisations, one that signs two different articles for one epoch \
                 leaves nobody to heal the charter with: the federation must be founded again."
            }
            Self::Unanimous => {
                "Every organisation must sign every article. If one is gone for good, budgets \
                 cannot be voted and members cannot change."
            }
        })
    }
}

impl Charter {
    /// Founds a federation: every organisation must have signed.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies.
    pub fn found(first: &SignedArticle) -> Result<Self, CharterRejection> {
        let charter = Self::check_founding(&first.article)?;
        Signers::founding(&first.article).check(first)?;
        Ok(charter)
    }

    /// Everything [`Charter::found`] checks but the signatures. Returns the charter as it would be.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies.
    pub fn check_founding(first: &Article) -> Result<Self, CharterRejection> {
        check_shape(first, 0, Hash::ZERO)?;
        let [Act::Found { name, founded, .. }, ..] = &*first.acts else {
            return Err(CharterRejection::FoundMisplaced);
        };
        let empty = Self {
            federation: first.founds(),
            name: name.clone(),
            founded: *founded,
            epoch: 0,
            head: Hash::ZERO,
            quorum: 0,
            members: BTreeMap::new(),
            programmes: BTreeMap::new(),
            ceilings: BTreeMap::new(),
            budgets: BTreeMap::new(),
            budgeted: BTreeMap::new(),
            cuts: Cuts::default(),
            kinds: Kinds::default(),
            healed: Vec::new(),
            succeeds: None,
            history: Vec::new(),
        };
        empty.after(first)
    }

    /// The charter after one more article, signed by enough.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies; this charter stays as it is.
    pub fn apply(&self, next: &SignedArticle) -> Result<Self, CharterRejection> {
        let charter = self.preview(&next.article)?;
        Signers::of(self, &next.article).check(next)?;
        Ok(charter)
    }

    /// Everything [`Charter::apply`] checks but the signatures: before an article goes round to be signed.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies.
    pub fn check_draft(&self, draft: &Article) -> Result<(), CharterRejection> {
        self.preview(draft).map(|_| ())
    }

    /// The charter as it would be after an article, whoever signs it.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies, signatures left aside.
    pub fn preview(&self, article: &Article) -> Result<Self, CharterRejection> {
        let epoch = self.epoch.checked_add(1).ok_or(CharterRejection::EpochNotNext)?;
        check_shape(article, epoch, self.head)?;
        self.clone().after(article)
    }

    /// An article without acts that would follow this charter.
    #[must_use]
    pub const fn draft(&self, acts: Bounded<Act, { limits::ACTS }>) -> Article {
        Article { epoch: self.epoch.saturating_add(1), previous: self.head, acts }
    }

    /// The federation: the hash of its first article.
    #[must_use]
    pub const fn federation(&self) -> FederationId {
        self.federation
    }

    /// What the federation is called.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The time that stamps count from.
    #[must_use]
    pub const fn founded(&self) -> Millis {
        self.founded
    }

    /// The epoch of the last article.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The hash of the last article.
    #[must_use]
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// How many organisations must sign the next article.
    #[must_use]
    pub const fn quorum(&self) -> u8 {
        self.quorum
    }

    /// The members, ascending by number.
    pub fn organisations(&self) -> impl Iterator<Item = &Organisation> {
        self.members.values().filter(|m| m.left.is_none()).map(|m| &m.organisation)
    }

    /// An organisation that is, or was, a member.
    #[must_use]
    pub fn organisation(&self, org: OrgId) -> Option<&Organisation> {
        self.members.get(&org).map(|m| &m.organisation)
    }

    /// Whether an organisation is a member now.
    #[must_use]
    pub fn is_member(&self, org: OrgId) -> bool {
        self.members.get(&org).is_some_and(|m| m.left.is_none())
    }

    /// Every key an organisation ever had, newest first: its notices are good with any of them.
    pub fn keys(&self, org: OrgId) -> impl Iterator<Item = &PublicKey> {
        self.members.get(&org).into_iter().flat_map(|m| m.keys.iter().rev().map(|(_, key)| key))
    }

    /// The key a member signs the article of `epoch` with, as far as the articles before it are known here.
    pub(super) fn key_for(&self, org: OrgId, epoch: u32) -> Option<PublicKey> {
        self.members.get(&org).and_then(|m| m.key_for(epoch))
    }

    /// A programme.
    #[must_use]
    pub fn programme(&self, id: ProgrammeId) -> Option<&Programme> {
        self.programmes.get(&id)
    }

    /// The programmes, ascending by number.
    pub fn programmes(&self) -> impl Iterator<Item = (ProgrammeId, &Programme)> {
        self.programmes.iter().map(|(id, programme)| (*id, programme))
    }

    /// A budget line, as a claim's ticket names it.
    #[must_use]
    pub fn budget_line(&self, epoch: u32, act: u8, line: u8) -> Option<BudgetLine> {
        self.budgets.get(&(epoch, act, line)).copied()
    }

    /// Every budget line with its epoch, act and line, in that order.
    pub fn budgets(&self) -> impl Iterator<Item = ((u32, u8, u8), &BudgetLine)> {
        self.budgets.iter().map(|(place, line)| (*place, line))
    }

    /// All that was voted of a commodity for a cycle.
    #[must_use]
    pub fn budgeted(
        &self,
        programme: ProgrammeId,
        cycle: CycleId,
        commodity: CommodityId,
    ) -> Amount {
        self.budgeted.get(&(programme, cycle, commodity)).copied().unwrap_or_default()
    }

    /// What the nodes of an organisation may together be certified for. Nothing, where no article says.
    #[must_use]
    pub fn ceiling(&self, org: OrgId, p: ProgrammeId, commodity: CommodityId) -> Allowance {
        self.ceilings.get(&(org, p, commodity)).copied().unwrap_or_default()
    }

    /// Who still has to sign before [`Charter::apply`] takes an article.
    #[must_use]
    pub fn missing_signatures(&self, signed: &SignedArticle) -> Missing {
        Signers::of(self, &signed.article).missing(signed)
    }

    /// What this federation cannot do, being so few.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        match self.organisations().count() {
            1 => vec![Warning::Alone],
            2 => vec![Warning::Pair, Warning::Unanimous],
            n if n == usize::from(self.quorum) => vec![Warning::Unanimous],
            _ => Vec::new(),
        }
    }

    /// The article of an epoch.
    #[must_use]
    pub fn article(&self, epoch: u32) -> Option<&Article> {
        self.history.get(usize::try_from(epoch).ok()?).map(Arc::as_ref)
    }

    /// This charter as it was with the article of an epoch.
    #[must_use]
    pub fn until(&self, epoch: u32) -> Option<Self> {
        if epoch == self.epoch {
            return Some(self.clone());
        }
        let last = usize::try_from(epoch).ok()?;
        let (first, rest) = self.history.get(..=last)?.split_first()?;
        // What was carried out once is carried out again.
        let founded = Self::check_founding(first).ok()?;
        rest.iter().try_fold(founded, |charter, next| charter.after(next)).ok()
    }

    /// Carries out the acts of an article whose place is right.
    pub(super) fn after(mut self, article: &Article) -> Result<Self, CharterRejection> {
        for (place, act) in (0u8..).zip(article.acts.iter()) {
            self.carry_out(article.epoch, place, act)?;
        }
        self.epoch = article.epoch;
        self.head = article.hash();
        self.history.push(Arc::new(article.clone()));
        Ok(self)
    }

    fn carry_out(&mut self, epoch: u32, place: u8, act: &Act) -> Result<(), CharterRejection> {
        match act {
            Act::Found { quorum, organisations, .. } => {
                if organisations.is_empty() {
                    return Err(CharterRejection::NothingListed);
                }
                organisations.iter().try_for_each(|o| self.admit(epoch, o))?;
                self.set_quorum(*quorum)
            }
            Act::Join { organisation, quorum } => {
                self.admit(epoch, organisation)?;
                self.set_quorum(*quorum)
            }
            Act::Leave { org, quorum } => {
                if !self.is_member(*org) {
                    return Err(CharterRejection::UnknownOrganisation);
                }
                if self.organisations().count() == 1 {
                    return Err(CharterRejection::LastOrganisation);
                }
                self.part_with(epoch, *org);
                self.set_quorum(*quorum)
            }
            Act::Rotate { org, key } | Act::Recover { org, key } => self.rekey(epoch, *org, *key),
            Act::Programme { id, org, name, commodities, risk } => {
                let (org, name) = (*org, name.clone());
                let (commodities, risk) = (commodities.clone(), risk.clone());
                self.set_programme(*id, Programme { org, name, commodities, risk })
            }
            Act::Ceiling { org, programme, commodity, rights, float } => {
                if !self.is_member(*org) {
                    return Err(CharterRejection::UnknownOrganisation);
                }
                self.know(*programme, *commodity)?;
                let allowance = Allowance { rights: *rights, float: *float };
                self.ceilings.insert((*org, *programme, *commodity), allowance);
                Ok(())
            }
            Act::Budget { programme, cycle, treasury, lines } => {
                let of = |line: &Line| BudgetLine {
                    programme: *programme,
                    cycle: *cycle,
                    treasury: *treasury,
                    commodity: line.commodity,
                    amount: line.amount,
                };
                self.budget(epoch, place, *programme, &lines.iter().map(of).collect::<Vec<_>>())
            }
            Act::Fence { feed, cut, reason } => self.fence(epoch, *feed, *cut, *reason),
            Act::Release { feed, cycle, commodity, amount, reserve } => {
                let (feed, cycle, commodity) = (*feed, *cycle, *commodity);
                let (amount, reserve) = (*amount, *reserve);
                self.set_free((epoch, place), Released { feed, cycle, commodity, amount, reserve })
            }
            Act::Close { programme, cycle, cuts } => self.close(epoch, *programme, *cycle, cuts),
            Act::Activate { lane, kind, size, critical } => {
                let active = Active { epoch, size: *size, critical: *critical };
                self.activate((*lane, *kind), active)
            }
            Act::Heal { .. } => self.heal(epoch, act),
            Act::Succeed { federation, heads } => {
                let [one, other] = heads;
                if self.succeeds.is_some() || one >= other {
                    return Err(CharterRejection::NumbersNotRising);
                }
                self.succeeds = Some((*federation, *heads));
                Ok(())
            }
        }
    }

    fn admit(&mut self, epoch: u32, organisation: &Organisation) -> Result<(), CharterRejection> {
        let last = self.members.last_key_value().map_or(0, |(id, _)| id.0);
        if organisation.id.0 <= last {
            return Err(CharterRejection::NumbersNotRising);
        }
        self.check_keys(&[organisation.key, organisation.recovery])?;
        if self.organisations().count() >= limits::ORGANISATIONS {
            return Err(CharterRejection::OrganisationsFull);
        }
        let keys = vec![(epoch, organisation.key)];
        let member = Member { organisation: organisation.clone(), keys, left: None };
        self.members.insert(organisation.id, member);
        Ok(())
    }

    pub(super) fn part_with(&mut self, epoch: u32, org: OrgId) {
        if let Some(member) = self.members.get_mut(&org) {
            member.left = Some(epoch);
        }
    }

    pub(super) fn rekey(
        &mut self,
        epoch: u32,
        org: OrgId,
        key: PublicKey,
    ) -> Result<(), CharterRejection> {
        if !self.is_member(org) {
            return Err(CharterRejection::UnknownOrganisation);
        }
        self.check_keys(&[key])?;
        if let Some(member) = self.members.get_mut(&org) {
            member.organisation.key = key;
            member.keys.push((epoch, key));
        }
        Ok(())
    }

    /// Keys must be strong, different from each other, and new to this charter: a key once given up stays given up.
    fn check_keys(&self, keys: &[PublicKey]) -> Result<(), CharterRejection> {
        if keys.iter().any(|key| key.check().is_err()) {
            return Err(CharterRejection::WeakKey);
        }
        let mut used: BTreeSet<PublicKey> = BTreeSet::new();
        for member in self.members.values() {
            used.insert(member.organisation.recovery);
            used.extend(member.keys.iter().map(|(_, key)| *key));
        }
        if keys.iter().all(|key| used.insert(*key)) {
            Ok(())
        } else {
            Err(CharterRejection::KeyUsed)
        }
    }

    /// More than half, so that any two quorums have an organisation in common.
    pub(super) fn set_quorum(&mut self, quorum: u8) -> Result<(), CharterRejection> {
        let (organisations, k) = (self.organisations().count(), usize::from(quorum));
        if k <= organisations / 2 {
            return Err(CharterRejection::QuorumTooSmall);
        }
        if k > organisations {
            return Err(CharterRejection::QuorumTooLarge);
        }
        self.quorum = quorum;
        Ok(())
    }

    fn set_programme(&mut self, id: ProgrammeId, new: Programme) -> Result<(), CharterRejection> {
        let before = self.programmes.get(&id);
        if !self.is_member(new.org) {
            return Err(CharterRejection::UnknownOrganisation);
        }
        if new.risk.caps.iter().any(|cap| new.commodity(cap.commodity).is_none()) {
            return Err(CharterRejection::UnknownCommodity);
        }
        let last = self.programmes.last_key_value().map_or(0, |(id, _)| id.0);
        let numbered = (before.is_some() || id.0 > last)
            && rise(0, new.commodities.iter().map(|c| c.id.0))
            && rise(0, new.risk.caps.iter().map(|cap| cap.commodity.0));
        if !numbered {
            return Err(CharterRejection::NumbersNotRising);
        }
        if new.commodities.is_empty() {
            return Err(CharterRejection::NothingListed);
        }
        if !new.commodities.iter().all(|c| c.unit.is_valid()) {
            return Err(CharterRejection::UnitInvalid);
        }
        if let Some(before) = before {
            if before.org != new.org {
                return Err(CharterRejection::ProgrammeMoved);
            }
            if before.commodities.iter().any(|c| new.commodity(c.id) != Some(c)) {
                return Err(CharterRejection::CommodityChanged);
            }
        }
        self.programmes.insert(id, new);
        Ok(())
    }

    fn budget(
        &mut self,
        epoch: u32,
        act: u8,
        programme: ProgrammeId,
        lines: &[BudgetLine],
    ) -> Result<(), CharterRejection> {
        if self.programme(programme).is_none() {
            return Err(CharterRejection::UnknownProgramme);
        }
        lines.iter().try_for_each(|line| self.know(programme, line.commodity))?;
        if !rise(0, lines.iter().map(|line| line.commodity.0)) {
            return Err(CharterRejection::NumbersNotRising);
        }
        if lines.is_empty() {
            return Err(CharterRejection::NothingListed);
        }
        if lines.iter().any(|line| line.amount == Amount::ZERO) {
            return Err(CharterRejection::AmountZero);
        }
        for (place, line) in (0u8..).zip(lines) {
            let sum = self.budgeted.entry((line.programme, line.cycle, line.commodity));
            let sum = sum.or_default();
            *sum = sum.plus(line.amount).ok_or(CharterRejection::BudgetOverflow)?;
            self.budgets.insert((epoch, act, place), *line);
        }
        Ok(())
    }

    pub(super) fn know(
        &self,
        p: ProgrammeId,
        commodity: CommodityId,
    ) -> Result<(), CharterRejection> {
        let programme = self.programme(p).ok_or(CharterRejection::UnknownProgramme)?;
        programme.commodity(commodity).map(|_| ()).ok_or(CharterRejection::UnknownCommodity)
    }
}

/// The checks that need no state: size, place, and which acts may stand together.
fn check_shape(article: &Article, epoch: u32, previous: Hash) -> Result<(), CharterRejection> {
    if wire::encode(article).len() > article.limit() - SIGNATURE_ROOM {
        return Err(CharterRejection::TooLong);
    }
    if article.epoch != epoch {
        return Err(CharterRejection::EpochNotNext);
    }
    if article.previous != previous {
        return Err(CharterRejection::PreviousNotHead);
    }
    if article.acts.is_empty() {
        return Err(CharterRejection::NoActs);
    }
    let founds = |act: &Act| matches!(act, Act::Found { .. });
    let misplaced = |(place, act)| founds(act) != (epoch == 0 && place == 0);
    if article.acts.iter().enumerate().any(misplaced) {
        return Err(CharterRejection::FoundMisplaced);
    }
    if epoch > 0 && article.acts.iter().any(|act| matches!(act, Act::Succeed { .. })) {
        return Err(CharterRejection::FoundMisplaced);
    }
    let heals = |act: &Act| matches!(act, Act::Heal { .. });
    if article.acts.iter().any(heals) && article.acts.len() > 1 {
        return Err(CharterRejection::HealNotAlone);
    }
    let recovers = |act: &Act| matches!(act, Act::Recover { .. });
    if article.acts.iter().any(recovers) && !article.acts.iter().all(recovers) {
        return Err(CharterRejection::RecoveryNotAlone);
    }
    Ok(())
}

/// Whether numbers rise from above `after`.
fn rise(after: u8, numbers: impl Iterator<Item = u8>) -> bool {
    let mut last = after;
    for number in numbers {
        if number <= last {
            return false;
        }
        last = number;
    }
    true
}

impl Unit {
    /// Whether the code is three capital letters and the digits after the point are at most four.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Currency { code, minor_digits } => {
                code.iter().all(u8::is_ascii_uppercase) && *minor_digits <= 4
            }
            Self::Item { minor_digits, .. } => *minor_digits <= 4,
        }
    }

    /// Digits after the point.
    #[must_use]
    pub const fn minor_digits(&self) -> u8 {
        match self {
            Self::Currency { minor_digits, .. } | Self::Item { minor_digits, .. } => *minor_digits,
        }
    }
}
