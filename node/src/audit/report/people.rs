//! What a report says of people, whom nobody can name by it: consents, disclosures, erasures and complaints, by site, and the
//! register of sharing.

use std::collections::BTreeMap;

use annona_ledger::audit::verdict::{PeopleLine, Unfounded, Verdict};
use annona_ledger::consent::Purpose;
use annona_ledger::id::OrgId;
use serde::Serialize;

use super::data::{Count, hide};
use crate::audit::labels::Labels;

/// What one site said about people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeopleRow {
    /// The site.
    pub site: String,
    /// Consents given, consents taken back, disclosures, people erased, erasures followed, complaints, decisions.
    pub counts: [Count; 7],
    /// Disclosures that no consent in the file covers, and why: these are not hidden.
    pub unfounded: Vec<String>,
}

/// How often one organisation gave something about somebody to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sharing {
    /// Who gave it; nothing where no certificate says.
    pub from: String,
    /// Who got it.
    pub to: String,
    /// What for.
    pub purpose: String,
    /// How often.
    pub times: Count,
}

/// Why a disclosure should not have been, in words.
#[must_use]
pub const fn unfounded(why: Unfounded) -> &'static str {
    match why {
        Unfounded::NoConsent => "no consent to it is in the file",
        Unfounded::TakenBack => "the consent had been taken back",
        Unfounded::Ended => "the consent had ended",
        Unfounded::NothingNamed => "it names no attribute",
    }
}

pub(super) fn people(verdict: &Verdict, labels: &Labels) -> Vec<PeopleRow> {
    let found = &verdict.people;
    let columns: [fn(&PeopleLine) -> u64; 7] = [
        |line| line.given,
        |line| line.withdrawn,
        |line| line.disclosed,
        |line| line.erased,
        |line| line.erasures_seen,
        |line| line.grievances,
        |line| line.decided,
    ];
    let columns = columns.map(|of| hide(&found.nodes.values().map(of).collect::<Vec<_>>()));
    let row = |(at, node): (usize, &[u8; 8])| {
        let mut why: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, _, reason) in found.unfounded.iter().filter(|(by, ..)| by == node) {
            *why.entry(unfounded(*reason)).or_default() += 1;
        }
        PeopleRow {
            site: labels.site(node),
            counts: columns.each_ref().map(|of| of.get(at).copied().unwrap_or(Count::Shown(0))),
            unfounded: why.into_iter().map(|(why, count)| format!("{count}: {why}")).collect(),
        }
    };
    found.nodes.keys().enumerate().map(row).collect()
}

pub(super) fn sharing(verdict: &Verdict, labels: &Labels) -> Vec<Sharing> {
    let all = &verdict.people.sharing;
    let times = hide(&all.values().copied().collect::<Vec<_>>());
    let line = |((from, to, purpose), times): (&(Option<OrgId>, OrgId, Purpose), Count)| Sharing {
        from: from.map(|org| labels.org(org)).unwrap_or_default(),
        to: labels.org(*to),
        purpose: format!("{purpose:?}").to_lowercase(),
        times,
    };
    all.keys().zip(times).map(line).collect()
}
