//! What an audit tells of people, whom nobody can name by it: who took which consents, and what was opened under them.

use std::collections::{BTreeMap, BTreeSet};

use crate::consent::{GrievanceStep, People, Purpose, RefusalClass, Said, Told};
use crate::id::{Commitment, OrgId};
use crate::notice::Roster;
use crate::time::DayNo;

/// What one node said about people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeopleLine {
    /// Consents given.
    pub given: u64,
    /// Consents taken back.
    pub withdrawn: u64,
    /// Disclosures.
    pub disclosed: u64,
    /// People erased.
    pub erased: u64,
    /// Erasures it says it followed.
    pub erasures_seen: u64,
    /// Refusals, by class.
    pub refused: BTreeMap<RefusalClass, u64>,
    /// Complaints made.
    pub grievances: u64,
    /// Complaints and appeals decided.
    pub decided: u64,
    /// The commitments it made up. Each is 32 bytes of its author's choice, unless somebody shows the record behind it:
    /// what a hostile node could write in instalments would be here.
    pub commitments: BTreeSet<Commitment>,
}

/// Why a disclosure should not have been.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unfounded {
    /// No consent under the commitment it names is here.
    NoConsent,
    /// The consent was taken back on an earlier day.
    TakenBack,
    /// The consent had ended.
    Ended,
    /// It names no attribute, or unknown ones.
    NothingNamed,
}

/// What an audit found about people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeopleFound {
    /// By node.
    pub nodes: BTreeMap<[u8; 8], PeopleLine>,
    /// How often one organisation gave something about somebody to another, and what for: the register of sharing.
    pub sharing: BTreeMap<(Option<OrgId>, OrgId, Purpose), u64>,
    /// Disclosures that nothing in the file covers: by node, the disclosure, and why. Withdrawals travel, so one of the
    /// same day, or not yet heard of at the other site, is not held against anybody.
    pub unfounded: BTreeSet<([u8; 8], Commitment, Unfounded)>,
    told: Vec<Told>,
}

impl PeopleFound {
    pub(in crate::audit) fn add(&mut self, told: impl IntoIterator<Item = Told>) {
        self.told.extend(told);
    }

    /// Everything that was said, in one order: by about what, programme, node.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// How many of a node's commitments nobody opened to this auditor, who holds these records.
    #[must_use]
    pub fn unopened(&self, node: &[u8; 8], opened: &BTreeSet<Commitment>) -> u64 {
        let line = self.nodes.get(node);
        line.map_or(0, |line| line.commitments.difference(opened).count() as u64)
    }

    pub(in crate::audit) fn finish(&mut self, roster: &Roster) {
        let key = |told: &Told| (told.said.about(), crate::state::told_bytes(told));
        self.told.sort_by_cached_key(key);
        self.told.dedup();
        let mut consents: BTreeMap<Commitment, (Option<DayNo>, Option<DayNo>)> = BTreeMap::new();
        for people in self.told.iter().filter_map(Told::people) {
            match people {
                People::ConsentGiven { commitment, expires, .. } => {
                    let (ends, _) = consents.entry(*commitment).or_default();
                    *ends = Some(ends.map_or(*expires, |e| e.min(*expires)));
                }
                People::ConsentWithdrawn { commitment, on, .. } => {
                    let (_, back) = consents.entry(*commitment).or_default();
                    *back = Some(back.map_or(*on, |b| b.min(*on)));
                }
                _ => {}
            }
        }
        for told in &self.told {
            let line = self.nodes.entry(told.by).or_default();
            let add = |count: &mut u64| *count = count.saturating_add(1);
            let people = match &told.said {
                Said::ErasureSeen { .. } => {
                    add(&mut line.erasures_seen);
                    continue;
                }
                Said::People(people) => people,
            };
            line.commitments.extend(people.commits());
            match people {
                People::ConsentGiven { .. } => add(&mut line.given),
                People::ConsentWithdrawn { .. } => add(&mut line.withdrawn),
                People::Erased { .. } => add(&mut line.erased),
                // Counted among the commitments; it moves nothing.
                People::Pair { .. } => {}
                People::Refused { class, .. } => add(line.refused.entry(*class).or_default()),
                People::Grievance { step, .. } => match step {
                    GrievanceStep::Opened { .. } => add(&mut line.grievances),
                    GrievanceStep::Decided { .. } | GrievanceStep::AppealDecided { .. } => {
                        add(&mut line.decided);
                    }
                    GrievanceStep::Referred { .. }
                    | GrievanceStep::Appealed { .. }
                    | GrievanceStep::TakenBack => {}
                },
                People::Disclosed { commitment, grant, recipient, purpose, attributes, on } => {
                    add(&mut line.disclosed);
                    let from = roster.org_of(&told.by);
                    add(self.sharing.entry((from, *recipient, *purpose)).or_default());
                    let consent = consents.get(grant).copied().unwrap_or_default();
                    let why = match consent {
                        (None, _) => Some(Unfounded::NoConsent),
                        (_, Some(back)) if *on > back => Some(Unfounded::TakenBack),
                        (Some(ends), _) if *on > ends => Some(Unfounded::Ended),
                        _ if !attributes.is_named() => Some(Unfounded::NothingNamed),
                        _ => None,
                    };
                    let found = why.map(|why| (told.by, *commitment, why));
                    self.unfounded.extend(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Withdrawal;
    use crate::hash::Hash;
    use crate::id::ProgrammeId;

    /// A hostile issuer chunks bytes through commitments: what nobody opens to the auditor is counted, for each node.
    #[test]
    fn commitments_never_opened_are_flagged_by_node() {
        let (honest, hostile) = ([1; 8], [2; 8]);
        let commitment = |n: u8| Commitment(Hash([n; 32]));
        let given = |by, n| Told {
            by,
            programme: ProgrammeId(1),
            said: Said::People(People::ConsentGiven {
                commitment: commitment(n),
                issuer: OrgId(1),
                expires: DayNo(30),
                on: DayNo(1),
            }),
        };
        let mut found = PeopleFound::default();
        found.add((1..=3).map(|n| given(honest, n)));
        found.add((11..=15).map(|n| given(hostile, n)));
        // Naming another's again makes none of its own.
        let back = |commitment| People::ConsentWithdrawn {
            commitment,
            reason: Withdrawal::Asked,
            on: DayNo(2),
        };
        let (programme, said) = (ProgrammeId(1), Said::People(back(commitment(1))));
        found.add([Told { by: hostile, programme, said }]);
        found.finish(&Roster::new());
        // The sites show the records they hold; behind the others there is none.
        let opened: BTreeSet<_> = (1..=3).chain([11]).map(commitment).collect();
        assert_eq!(found.unopened(&honest, &opened), 0);
        assert_eq!(found.unopened(&hostile, &opened), 4);
        assert_eq!(found.unopened(&[3; 8], &opened), 0, "nobody");
        assert_eq!(found.unopened(&honest, &BTreeSet::new()), 3);
    }
}
