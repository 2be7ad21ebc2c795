//! How a complaint stands, from what was said of it, whatever the order in which it was heard.

use std::collections::BTreeSet;

use super::words::{Outcome, Stage};
use super::{GrievanceStep, People, Told};
use crate::id::{Commitment, FederationId, OrgId};
use crate::key::PublicKey;
use crate::notice::{OperatorRoles, Roster};
use crate::statement::{Stated, Statement};
use crate::time::DayNo;

/// How a complaint stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// How far it is.
    pub stage: Stage,
    /// The day it was made, as far as is known.
    pub opened: Option<DayNo>,
    /// Who is to decide.
    pub decider: Option<OrgId>,
    /// By when.
    pub due: Option<DayNo>,
    /// How it was decided last.
    pub outcome: Option<Outcome>,
    /// Who decided first: none of these may decide the appeal.
    pub first: BTreeSet<PublicKey>,
}

/// Whether somebody may decide complaints for an organisation on a day: an operator certified as approver or supervisor,
/// and no node.
#[must_use]
pub fn may_decide(roster: &Roster, org: OrgId, who: &PublicKey, on: DayNo) -> bool {
    let roles = OperatorRoles::APPROVER.and(OperatorRoles::SUPERVISOR);
    roster.node_ever(who).next().is_none()
        && roster.operator_ever(who).any(|c| {
            c.org == org
                && c.roles.meets(roles)
                && c.issued <= on.last()
                && on.first() <= c.not_after
        })
}

/// How a complaint stands. A decision counts where its word is signed by somebody who may decide for an organisation that
/// was named for it; that of an appeal, where she has not decided before. Everything else is kept, and counts for nothing.
///
/// Where several nodes say that they took it, it is as far as it is by the word of each: whoever is complained of ends
/// nothing by having opened it too.
#[must_use]
pub fn standing(
    federation: &FederationId,
    roster: &Roster,
    grievance: Commitment,
    told: &[Told],
) -> Standing {
    let steps: Vec<Step> = told
        .iter()
        .filter_map(|told| match told.people()? {
            People::Grievance { commitment, step, on } if *commitment == grievance => {
                Some(Step { by: told.by, on: *on, step: *step })
            }
            _ => None,
        })
        .collect();
    let opened = steps.iter().filter(|said| matches!(said.step, GrievanceStep::Opened { .. }));
    let at: BTreeSet<[u8; 8]> = opened.map(|said| said.by).collect();
    let by_each = at.iter().map(|node| {
        let counting = counting(roster, node, &steps);
        stands(federation, roster, grievance, &counting)
    });
    by_each
        .min_by_key(|found| (found.stage as u8, found.opened))
        .unwrap_or_else(|| stands(federation, roster, grievance, &[]))
}

/// What a node said of a complaint.
#[derive(Clone, Copy)]
struct Step {
    by: [u8; 8],
    on: DayNo,
    step: GrievanceStep,
}

/// What counts of a complaint that a node took: what its organisation says, and that of whoever is to decide; of an appeal
/// taken elsewhere that there is one, and whom it names but itself; every decision, which its own word answers for.
fn counting(roster: &Roster, node: &[u8; 8], steps: &[Step]) -> Vec<(DayNo, GrievanceStep)> {
    let mut orgs: BTreeSet<OrgId> = roster.certificates(node).map(|c| c.org).collect();
    let is_of = |org: OrgId, by: &[u8; 8]| roster.certificates(by).any(|c| c.org == org);
    let own =
        |orgs: &BTreeSet<OrgId>, by: &[u8; 8]| by == node || orgs.iter().any(|org| is_of(*org, by));
    // Who was named may name another in turn.
    loop {
        let named = steps.iter().filter_map(|said| match said.step {
            GrievanceStep::Opened { decider, .. } if said.by == *node => Some(decider),
            GrievanceStep::Referred { decider, .. } if own(&orgs, &said.by) => Some(decider),
            _ => None,
        });
        let new: Vec<OrgId> = named.filter(|org| !orgs.contains(org)).collect();
        if new.is_empty() {
            break;
        }
        orgs.extend(new);
    }
    let counts = |said: &&Step| match said.step {
        GrievanceStep::Opened { .. } => said.by == *node,
        GrievanceStep::Referred { .. } | GrievanceStep::TakenBack => own(&orgs, &said.by),
        GrievanceStep::Appealed { decider, .. } => {
            own(&orgs, &said.by) || !is_of(decider, &said.by)
        }
        GrievanceStep::Decided { .. } | GrievanceStep::AppealDecided { .. } => true,
    };
    steps.iter().filter(counts).map(|said| (said.on, said.step)).collect()
}

fn stands(
    federation: &FederationId,
    roster: &Roster,
    grievance: Commitment,
    steps: &[(DayNo, GrievanceStep)],
) -> Standing {
    let signed = |word: &Stated, appeal, outcome, on| {
        Statement::Decision { grievance, appeal, outcome, on }.is_by(federation, word)
    };
    // Who was named to decide, first and in the appeal: the latest of each is asked first, any of them may answer.
    let named = |appeal: bool| {
        let mut named: Vec<(DayNo, DayNo, OrgId)> = steps
            .iter()
            .filter_map(|(on, step)| match step {
                GrievanceStep::Opened { decider, due }
                | GrievanceStep::Referred { decider, due }
                    if !appeal =>
                {
                    Some((*on, *due, *decider))
                }
                GrievanceStep::Appealed { decider, due } if appeal => Some((*on, *due, *decider)),
                _ => None,
            })
            .collect();
        named.sort_unstable();
        named
    };
    let may = |named: &[(DayNo, DayNo, OrgId)], who: &PublicKey, on| {
        named.iter().any(|(.., org)| may_decide(roster, *org, who, on))
    };
    let (first_named, appeal_named) = (named(false), named(true));
    let mut decided: Vec<(DayNo, Outcome, PublicKey)> = steps
        .iter()
        .filter_map(|(on, step)| match step {
            GrievanceStep::Decided { outcome, word }
                if signed(word, false, *outcome, *on) && may(&first_named, &word.operator, *on) =>
            {
                Some((*on, *outcome, word.operator))
            }
            _ => None,
        })
        .collect();
    decided.sort_unstable();
    let first: BTreeSet<PublicKey> = decided.iter().map(|(.., who)| *who).collect();
    let mut settled: Vec<(DayNo, Outcome, PublicKey)> = steps
        .iter()
        .filter_map(|(on, step)| match step {
            GrievanceStep::AppealDecided { outcome, word }
                if signed(word, true, *outcome, *on)
                    && may(&appeal_named, &word.operator, *on)
                    && !first.contains(&word.operator) =>
            {
                Some((*on, *outcome, word.operator))
            }
            _ => None,
        })
        .collect();
    settled.sort_unstable();
    let taken_back = steps.iter().any(|(_, step)| *step == GrievanceStep::TakenBack);
    let stage = match () {
        () if steps.is_empty() => Stage::Unknown,
        () if taken_back => Stage::TakenBack,
        () if !settled.is_empty() => Stage::Settled,
        () if !appeal_named.is_empty() => Stage::Appealed,
        () if !decided.is_empty() => Stage::Decided,
        () if !first_named.is_empty() => Stage::Open,
        () => Stage::Unknown,
    };
    let last = appeal_named.last().or_else(|| first_named.last());
    let opened = steps.iter().filter(|(_, step)| matches!(step, GrievanceStep::Opened { .. }));
    Standing {
        stage,
        opened: opened.map(|(on, _)| *on).min(),
        decider: last.map(|(.., org)| *org),
        due: last.map(|(_, due, _)| *due),
        outcome: settled.last().or_else(|| decided.last()).map(|(_, outcome, _)| *outcome),
        first,
    }
}
