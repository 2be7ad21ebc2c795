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
#[must_use]
pub fn standing(
    federation: &FederationId,
    roster: &Roster,
    grievance: Commitment,
    told: &[Told],
) -> Standing {
    let steps: Vec<(DayNo, GrievanceStep)> = told
        .iter()
        .filter_map(Told::people)
        .filter_map(|said| match said {
            People::Grievance { commitment, step, on } if *commitment == grievance => {
                Some((*on, *step))
            }
            _ => None,
        })
        .collect();
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
