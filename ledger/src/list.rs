//! Distribution lists: who is to receive what, frozen as the root of a tree over its rows and approved by two persons.
//! The rows themselves stay with the site; an `Issue` names its row and shows nothing else (spec/lists.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::entry::{Approval, List, Total};

use crate::amount::Amount;
use crate::charter::Charter;
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{CommodityId, CycleId, FederationId, OrgId, ProgrammeId, Purse};
use crate::key::{Context, PublicKey, SigningKey};
use crate::limits;
use crate::merkle::{Path, Tree};
use crate::notice::{OperatorRoles, Roster};
use crate::time::Minute;
use crate::wire::{self, Bounded, WireFault};

#[cfg(test)]
mod tests;

/// One line of a distribution list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its number, from zero, without gaps.
    pub row: u32,
    /// For whom.
    pub purse: Purse,
    /// What.
    pub commodity: CommodityId,
    /// How much, in minor units. Never nothing.
    pub amount: Amount,
}

impl Row {
    /// The leaf of this row in the list's tree.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        hash_one(Purpose::ListRow, &wire::encode(self))
    }
}

/// What two operators approve: a list, and the one node that may freeze it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The node on whose control feed the list will stand. Anywhere else the approvals are worth nothing, or a second
    /// treasury could issue the same rows again.
    pub node: [u8; 8],
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// Root of the tree over its rows.
    pub root: Hash,
    /// How many rows.
    pub rows: u32,
    /// The sum of its rows by commodity, ascending.
    pub totals: Bounded<Total, { limits::LIST_TOTALS }>,
    /// The stamp the entry will bear.
    pub at: Minute,
}

impl Draft {
    /// Approves, with an operator's key.
    #[must_use]
    pub fn approve(&self, federation: &FederationId, operator: &SigningKey) -> Approval {
        let signature = operator.sign(Context::Operator, &[&federation.0.0], &wire::encode(self));
        Approval { operator: operator.public(), signature }
    }

    /// Whether an approval is of this list.
    #[must_use]
    pub fn is_approved_by(&self, federation: &FederationId, approval: &Approval) -> bool {
        let (scope, message): ([&[u8]; 1], _) = ([&federation.0.0], wire::encode(self));
        approval.operator.verifies(Context::Operator, &scope, &message, &approval.signature)
    }

    /// The list as it stands in an entry, its approvals in order.
    #[must_use]
    pub fn approved(self, one: Approval, other: Approval) -> List {
        let approvals = if one.operator <= other.operator { [one, other] } else { [other, one] };
        let Self { programme, cycle, root, rows, totals, at, .. } = self;
        List { programme, cycle, root, rows, totals, approvals, at }
    }
}

/// A list being built row by row, in memory that does not grow with it.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    tree: Tree,
    rows: u32,
    totals: BTreeMap<CommodityId, Amount>,
}

impl Builder {
    /// A list without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next row.
    ///
    /// # Errors
    ///
    /// [`ListRejection::TooManyRows`], `RowOutOfPlace`, `TotalsNotRising` (more commodities than a list can have),
    /// `AmountZero` or `TotalOverflow`. The list stays as it was.
    pub fn push(&mut self, row: &Row) -> Result<(), ListRejection> {
        if self.rows >= limits::LIST_ROWS {
            return Err(ListRejection::TooManyRows);
        }
        if row.row != self.rows {
            return Err(ListRejection::RowOutOfPlace);
        }
        let known = self.totals.contains_key(&row.commodity);
        if !known && self.totals.len() >= limits::LIST_TOTALS {
            return Err(ListRejection::TotalsNotRising);
        }
        if row.amount == Amount::ZERO {
            return Err(ListRejection::AmountZero);
        }
        let before = self.totals.get(&row.commodity).copied().unwrap_or_default();
        let total = before.plus(row.amount).ok_or(ListRejection::TotalOverflow)?;
        self.totals.insert(row.commodity, total);
        self.tree.push(row.leaf());
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// The list as it is put before those who approve it.
    ///
    /// # Errors
    ///
    /// [`ListRejection::NoRows`].
    pub fn finish(
        self,
        node: [u8; 8],
        programme: ProgrammeId,
        cycle: CycleId,
        at: Minute,
    ) -> Result<Draft, ListRejection> {
        if self.rows == 0 {
            return Err(ListRejection::NoRows);
        }
        let totals = self.totals.into_iter().map(|(commodity, amount)| Total { commodity, amount });
        let totals = Bounded::new(totals.collect()).map_err(|_| ListRejection::TotalsNotRising)?;
        Ok(Draft { node, programme, cycle, root: self.tree.root(), rows: self.rows, totals, at })
    }
}

/// Why a list is not good, in order of precedence: the first that applies is reported. Numbers are those of
/// spec/lists.md and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
#[repr(u16)]
pub enum ListRejection {
    /// The list is empty.
    #[error("the list has no rows")]
    NoRows = 1,
    /// The list has more rows than a list may have.
    #[error("the list has too many rows")]
    TooManyRows = 2,
    /// While building: a row does not have the next number.
    #[error("the rows are not numbered in order")]
    RowOutOfPlace = 3,
    /// Totals are not ascending by commodity, none, or too many.
    #[error("the totals are not in order")]
    TotalsNotRising = 4,
    /// A row or a total of nothing.
    #[error("an amount is zero")]
    AmountZero = 5,
    /// While building: the sum of a commodity passes the largest amount.
    #[error("a total is too large")]
    TotalOverflow = 6,
    /// The totals come to less than one minor unit a row.
    #[error("the totals are less than the rows must come to")]
    TotalsBelowRows = 7,
    /// The programme does not exist.
    #[error("the programme does not exist")]
    UnknownProgramme = 8,
    /// The programme does not have the commodity.
    #[error("the programme does not have that commodity")]
    UnknownCommodity = 9,
    /// The programme's organisation has not opened the cycle.
    #[error("the cycle was not opened")]
    UnknownCycle = 10,
    /// The node that froze it is not known.
    #[error("the node is not known")]
    UnknownNode = 11,
    /// One person approved twice.
    #[error("one operator approved twice: two different ones must")]
    SameOperator = 12,
    /// The approvals are not ascending by key.
    #[error("the approvals are not in order")]
    ApprovalsNotRising = 13,
    /// The node approved its own list.
    #[error("the node's own key is no operator's")]
    OperatorIsNode = 14,
    /// No certificate for that key.
    #[error("an approval is by somebody who is not an operator")]
    UnknownOperator = 15,
    /// A certificate of neither the programme's nor the node's organisation.
    #[error("an operator works for another organisation")]
    OtherOrganisation = 16,
    /// A certificate without the approver's role.
    #[error("an operator may not approve lists")]
    NotApprover = 17,
    /// A certificate for other programmes.
    #[error("an operator may not act for this programme")]
    OtherProgramme = 18,
    /// A certificate that had not begun, or had ended.
    #[error("an operator's certificate was not in force")]
    NotInForce = 19,
    /// The approval is not of this list, on this node.
    #[error("an approval is not of this list")]
    BadSignature = 20,
}

impl ListRejection {
    /// Its number in spec/lists.md.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl List {
    /// What its operators signed, if it stands on the control feed of `node`.
    #[must_use]
    pub fn draft(&self, node: [u8; 8]) -> Draft {
        Draft {
            node,
            programme: self.programme,
            cycle: self.cycle,
            root: self.root,
            rows: self.rows,
            totals: self.totals.clone(),
            at: self.at,
        }
    }

    /// The message its operators signed.
    #[must_use]
    pub fn signed(&self, node: [u8; 8]) -> Vec<u8> {
        wire::encode(&self.draft(node))
    }

    /// Whether a row is one of this list.
    #[must_use]
    pub fn holds(&self, row: &Row, path: &Path) -> bool {
        path.index == row.row && path.verifies(&row.leaf(), self.rows, &self.root)
    }

    /// The total of a commodity.
    #[must_use]
    pub fn total(&self, commodity: CommodityId) -> Amount {
        let total = self.totals.iter().find(|total| total.commodity == commodity);
        total.map(|total| total.amount).unwrap_or_default()
    }
}

/// Decides whether a list on the control feed of `node` freezes anything. Once good, a list stays good when more notices
/// and articles are learned: any certificate the operators ever had for that time will do, and none takes it back.
///
/// # Errors
///
/// The first [`ListRejection`] that applies.
pub fn check(
    list: &List,
    node: &[u8; 8],
    charter: &Charter,
    roster: &Roster,
) -> Result<(), ListRejection> {
    if list.rows == 0 {
        return Err(ListRejection::NoRows);
    }
    if list.rows > limits::LIST_ROWS {
        return Err(ListRejection::TooManyRows);
    }
    let rising = list.totals.is_sorted_by(|a, b| a.commodity < b.commodity);
    if !rising || list.totals.is_empty() {
        return Err(ListRejection::TotalsNotRising);
    }
    if list.totals.iter().any(|total| total.amount == Amount::ZERO) {
        return Err(ListRejection::AmountZero);
    }
    let units: u128 = list.totals.iter().map(|total| u128::from(total.amount.units())).sum();
    if units < u128::from(list.rows) {
        return Err(ListRejection::TotalsBelowRows);
    }
    let programme = charter.programme(list.programme).ok_or(ListRejection::UnknownProgramme)?;
    if list.totals.iter().any(|total| programme.commodity(total.commodity).is_none()) {
        return Err(ListRejection::UnknownCommodity);
    }
    roster.cycle(list.programme, list.cycle).ok_or(ListRejection::UnknownCycle)?;
    let author = roster.node(node).ok_or(ListRejection::UnknownNode)?;
    let [one, other] = list.approvals.map(|approval| approval.operator);
    if one == other {
        return Err(ListRejection::SameOperator);
    }
    if one > other {
        return Err(ListRejection::ApprovalsNotRising);
    }
    if [one, other].contains(&author.node) {
        return Err(ListRejection::OperatorIsNode);
    }
    let orgs = [programme.org, author.org];
    let entitled = |operator| check_operator(operator, list, orgs, roster);
    // The earliest step at which either of them fails: precedence does not depend on whose key is lower.
    let first = [one, other].into_iter().filter_map(|operator| entitled(operator).err()).min();
    if let Some(rejection) = first {
        return Err(rejection);
    }
    let draft = list.draft(*node);
    if list.approvals.iter().all(|a| draft.is_approved_by(&charter.federation(), a)) {
        Ok(())
    } else {
        Err(ListRejection::BadSignature)
    }
}

/// Looks among all certificates the operator ever had for one that entitles to approve this list.
fn check_operator(
    operator: PublicKey,
    list: &List,
    orgs: [OrgId; 2],
    roster: &Roster,
) -> Result<(), ListRejection> {
    let mut found = ListRejection::UnknownOperator;
    for c in roster.operator_ever(&operator) {
        let fails = if !orgs.contains(&c.org) {
            ListRejection::OtherOrganisation
        } else if !c.roles.has(OperatorRoles::APPROVER) {
            ListRejection::NotApprover
        } else if !c.programmes.contains(&list.programme) {
            ListRejection::OtherProgramme
        } else if list.at < c.issued || c.not_after < list.at {
            ListRejection::NotInForce
        } else {
            return Ok(());
        };
        // The one that came closest is the one worth telling.
        found = found.max(fails);
    }
    Err(found)
}

/// The same rows approved twice by one operator for one cycle, in two lists: the same families would be issued the same
/// again. Both lists stand, as facts; the pair is listed for people to settle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListFork {
    /// One list, and the node on whose control feed it stands.
    pub one: (Draft, Approval),
    /// The other.
    pub other: (Draft, Approval),
}

impl ListFork {
    /// The bytes of a proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are not two approved drafts, each no longer than an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::ENTRY_BYTES.saturating_mul(2))
    }

    /// The operators that approved both of two lists with the same rows, with the proof for each.
    #[must_use]
    pub fn between(one: (&[u8; 8], &List), other: (&[u8; 8], &List)) -> Vec<(PublicKey, Self)> {
        let drafts = (one.1.draft(*one.0), other.1.draft(*other.0));
        let mut forks = Vec::new();
        for a in &one.1.approvals {
            for b in other.1.approvals.iter().filter(|b| b.operator == a.operator) {
                let fork = Self { one: (drafts.0.clone(), *a), other: (drafts.1.clone(), *b) };
                if fork.is_fork() {
                    forks.push((a.operator, fork));
                }
            }
        }
        forks
    }

    /// The operator shown to have approved the same rows twice, if the proof is one.
    #[must_use]
    pub fn verify(&self, federation: &FederationId) -> Option<PublicKey> {
        let signed =
            |(draft, approval): &(Draft, Approval)| draft.is_approved_by(federation, approval);
        let proven = self.is_fork() && signed(&self.one) && signed(&self.other);
        proven.then_some(self.one.1.operator)
    }

    fn is_fork(&self) -> bool {
        let rows = |draft: &Draft| (draft.programme, draft.cycle, draft.root);
        self.one.1.operator == self.other.1.operator
            && rows(&self.one.0) == rows(&self.other.0)
            && self.one.0 != self.other.0
    }
}
