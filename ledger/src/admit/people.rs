//! What a node asks of itself before it says something about people. What the vault must ask before it opens anything
//! ([`crate::consent::check()`]) is asked there; this is what the ledger alone can tell, and an auditor again.

use super::Asking;
use crate::consent::{
    Attributes, GrievanceStep, People, Stage, Told, may_decide, standing, uses_of, withdrawn,
};
use crate::id::{Commitment, OrgId};
use crate::limits;
use crate::rejection::Rejection;
use crate::statement::{Stated, Statement};
use crate::time::DayNo;

impl Asking<'_> {
    pub(super) fn people(&self, people: &People) -> Result<(), Rejection> {
        match people {
            People::ConsentGiven { commitment, issuer, expires, on } => {
                self.consent(*commitment, *issuer, *expires, *on)
            }
            // Taking back is good wherever it is said: the consent may be known at another site only.
            People::ConsentWithdrawn { .. }
            | People::Erased { .. }
            | People::Refused { .. }
            | People::Pair { .. } => Ok(()),
            People::Disclosed { commitment, grant, attributes, on, .. } => {
                self.disclosed(*commitment, *grant, *attributes, *on)
            }
            People::Grievance { commitment, step, on } => self.grievance(*commitment, step, *on),
        }
    }

    fn consent(
        &self,
        commitment: Commitment,
        issuer: OrgId,
        expires: DayNo,
        on: DayNo,
    ) -> Result<(), Rejection> {
        // The first day may be a while off, the last is at most so many days after today: whoever renews asks again.
        if expires < on || expires >= on.plus(limits::CONSENT_DAYS) {
            return Err(Rejection::ConsentDays);
        }
        if !self.view.told(&commitment).is_empty() {
            return Err(Rejection::ConsentKnown);
        }
        let own = self.view.roster().org_of(&self.feed.node) == Some(issuer);
        if own { Ok(()) } else { Err(Rejection::OtherIssuer) }
    }

    fn disclosed(
        &self,
        commitment: Commitment,
        grant: Commitment,
        attributes: Attributes,
        on: DayNo,
    ) -> Result<(), Rejection> {
        let told = self.view.told(&grant);
        let people = || told.iter().filter_map(Told::people);
        let ends = people().filter_map(|said| match said {
            People::ConsentGiven { expires, .. } => Some(*expires),
            _ => None,
        });
        let ends = ends.min().ok_or(Rejection::ConsentUnknown)?;
        if withdrawn(people()).is_some() {
            return Err(Rejection::ConsentTakenBack);
        }
        if on > ends {
            return Err(Rejection::ConsentEnded);
        }
        if !attributes.is_named() {
            return Err(Rejection::NothingNamed);
        }
        let same = people().filter(|said| said.commits() == Some(commitment));
        if uses_of(same) > 0 || commitment == grant {
            return Err(Rejection::DisclosedBefore);
        }
        Ok(())
    }

    fn grievance(
        &self,
        grievance: Commitment,
        step: &GrievanceStep,
        on: DayNo,
    ) -> Result<(), Rejection> {
        let (charter, roster) = (self.view.charter(), self.view.roster());
        let told = self.view.told(&grievance);
        let stands = standing(&charter.federation(), roster, grievance, &told);
        let named = match step {
            GrievanceStep::Opened { decider, due }
            | GrievanceStep::Referred { decider, due }
            | GrievanceStep::Appealed { decider, due } => Some((*decider, *due)),
            GrievanceStep::Decided { .. }
            | GrievanceStep::AppealDecided { .. }
            | GrievanceStep::TakenBack => None,
        };
        if named.is_some_and(|(decider, _)| charter.organisation(decider).is_none()) {
            return Err(Rejection::DeciderUnknown);
        }
        let next = match step {
            GrievanceStep::Opened { .. } => told.is_empty(),
            GrievanceStep::Referred { .. } | GrievanceStep::Decided { .. } => {
                stands.stage == Stage::Open
            }
            GrievanceStep::Appealed { .. } => stands.stage == Stage::Decided,
            GrievanceStep::AppealDecided { .. } => stands.stage == Stage::Appealed,
            GrievanceStep::TakenBack => {
                matches!(stands.stage, Stage::Open | Stage::Decided | Stage::Appealed)
            }
        };
        if !next {
            return Err(Rejection::GrievanceStep);
        }
        if named.is_some_and(|(_, due)| due <= on || due > on.plus(limits::GRIEVANCE_DAYS)) {
            return Err(Rejection::GrievanceClock);
        }
        let (appeal, outcome, word): (bool, _, &Stated) = match step {
            GrievanceStep::Decided { outcome, word } => (false, *outcome, word),
            GrievanceStep::AppealDecided { outcome, word } => (true, *outcome, word),
            _ => return Ok(()),
        };
        let may = stands.decider.is_some_and(|org| may_decide(roster, org, &word.operator, on));
        if !may || appeal && stands.first.contains(&word.operator) {
            return Err(Rejection::DecisionRefused);
        }
        let said = Statement::Decision { grievance, appeal, outcome, on };
        let signed = said.is_by(&charter.federation(), word);
        if signed { Ok(()) } else { Err(Rejection::DecisionUnsigned) }
    }

    /// A node says that it destroyed its copies only of what it knows to be erased.
    pub(super) fn erasure_seen(&self, erased: Commitment) -> Result<(), Rejection> {
        let told = self.view.told(&erased);
        let known = told.iter().filter_map(Told::people);
        let known = known.into_iter().any(|said| matches!(said, People::Erased { .. }));
        if known { Ok(()) } else { Err(Rejection::NotErased) }
    }
}
