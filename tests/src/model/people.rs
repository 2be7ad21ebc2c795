//! The rules about people, naively: every question is a walk over all that was ever said.

use annona_ledger::consent::{GrievanceStep, People};
use annona_ledger::entry::{Control, Entry, Registry};
use annona_ledger::id::{Commitment, FeedId, OrgId};
use annona_ledger::key::PublicKey;
use annona_ledger::notice::OperatorRoles;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::DayNo;

use super::Model;

/// What was said of a complaint, each with its day.
type Steps = Vec<(DayNo, GrievanceStep)>;

impl Model {
    fn said(&self) -> impl Iterator<Item = &People> {
        self.facts.iter().filter_map(|fact| match &fact.entry {
            Entry::Registry(Registry::People(people)) => Some(people),
            _ => None,
        })
    }

    pub(super) fn may_say(&self, feed: &FeedId, people: &People) -> bool {
        match people {
            People::ConsentGiven { commitment, issuer, expires, on } => {
                let fresh = !self.said().any(|said| about(said) == Some(*commitment))
                    && !self.seen_erased(commitment);
                let own = self.roster.org_of(&feed.node.short()) == Some(*issuer);
                fresh && own && (on.0..on.0 + 366).contains(&expires.0)
            }
            People::ConsentWithdrawn { .. }
            | People::Erased { .. }
            | People::Refused { .. }
            | People::Pair { .. } => true,
            People::Disclosed { commitment, grant, attributes, on, .. } => {
                let mut given = false;
                for said in self.said() {
                    match said {
                        People::ConsentGiven { commitment: c, expires, .. } if c == grant => {
                            given = true;
                            if on > expires {
                                return false;
                            }
                        }
                        People::ConsentWithdrawn { commitment: c, .. } if c == grant => {
                            return false;
                        }
                        People::Disclosed { commitment: c, grant: g, .. }
                            if g == grant && c == commitment =>
                        {
                            return false;
                        }
                        _ => {}
                    }
                }
                given && commitment != grant && attributes.0 != 0 && attributes.0 < 1 << 16
            }
            People::Grievance { commitment, step, on } => self.may_step(*commitment, step, *on),
        }
    }

    pub(super) fn may_follow(&self, erased: &Commitment) -> bool {
        self.said()
            .any(|said| matches!(said, People::Erased { commitment, .. } if commitment == erased))
    }

    fn seen_erased(&self, commitment: &Commitment) -> bool {
        self.facts.iter().any(|fact| {
            matches!(&fact.entry, Entry::Control(Control::ErasureSeen { erased, .. }) if erased == commitment)
        })
    }

    /// What counts of a complaint: of every node that took it, by itself, and the one that is least far.
    fn steps(&self, complaint: Commitment) -> Steps {
        let all: Vec<(FeedId, DayNo, GrievanceStep)> = self
            .facts
            .iter()
            .filter_map(|fact| match &fact.entry {
                Entry::Registry(Registry::People(People::Grievance { commitment, step, on }))
                    if *commitment == complaint =>
                {
                    Some((fact.feed, *on, *step))
                }
                _ => None,
            })
            .collect();
        let mut takers: Vec<FeedId> = all
            .iter()
            .filter_map(|(feed, _, step)| {
                matches!(step, GrievanceStep::Opened { .. }).then_some(*feed)
            })
            .collect();
        takers.sort_by_key(|feed| feed.node.short());
        let by_each = takers.iter().map(|taker| self.steps_of(taker, &all));
        by_each.min_by_key(|steps| self.how_far(complaint, steps)).unwrap_or_default()
    }

    /// What counts of a complaint that one node took.
    fn steps_of(&self, taker: &FeedId, all: &[(FeedId, DayNo, GrievanceStep)]) -> Steps {
        let is_of = |feed: &FeedId, org: OrgId| {
            self.roster.certificates(&feed.node.short()).any(|c| c.org == org)
        };
        let mut orgs: Vec<OrgId> =
            self.roster.certificates(&taker.node.short()).map(|c| c.org).collect();
        let is_own = |orgs: &[OrgId], feed: &FeedId| {
            feed.node == taker.node || orgs.iter().any(|org| is_of(feed, *org))
        };
        // As often as there are words: each may name one more who then may name another.
        for _ in all {
            for (feed, _, step) in all {
                match step {
                    GrievanceStep::Opened { decider, .. } if feed.node == taker.node => {
                        orgs.push(*decider);
                    }
                    GrievanceStep::Referred { decider, .. } if is_own(&orgs, feed) => {
                        orgs.push(*decider);
                    }
                    _ => {}
                }
            }
        }
        let counts = |feed: &FeedId, step: &GrievanceStep| match step {
            GrievanceStep::Opened { .. } => feed.node == taker.node,
            GrievanceStep::Referred { .. } | GrievanceStep::TakenBack => is_own(&orgs, feed),
            GrievanceStep::Appealed { decider, .. } => {
                is_own(&orgs, feed) || !is_of(feed, *decider)
            }
            _ => true,
        };
        let counting = all.iter().filter(|(feed, _, step)| counts(feed, step));
        counting.map(|(_, on, step)| (*on, *step)).collect()
    }

    /// How far a complaint is by these words, then since when it is one.
    fn how_far(&self, complaint: Commitment, steps: &Steps) -> (u8, Option<DayNo>) {
        let any = |what: fn(&GrievanceStep) -> bool| steps.iter().any(|(_, step)| what(step));
        let far = if any(|s| *s == GrievanceStep::TakenBack) {
            5
        } else if !self.decided(complaint, steps, true).is_empty() {
            4
        } else if any(|s| matches!(s, GrievanceStep::Appealed { .. })) {
            3
        } else if self.decided(complaint, steps, false).is_empty() {
            1
        } else {
            2
        };
        let opened = steps.iter().filter(|(_, s)| matches!(s, GrievanceStep::Opened { .. }));
        (far, opened.map(|(on, _)| *on).min())
    }

    fn decides(&self, org: OrgId, who: &PublicKey, on: DayNo) -> bool {
        let roles = OperatorRoles::APPROVER.and(OperatorRoles::SUPERVISOR);
        self.roster.node_ever(who).count() == 0
            && self.roster.operators().any(|c| {
                c.operator == *who
                    && c.org == org
                    && c.roles.meets(roles)
                    && c.issued.day() <= on.0
                    && on.0 <= c.not_after.day()
            })
    }

    /// Who decided well before, first or in the appeal.
    fn decided(&self, complaint: Commitment, steps: &Steps, appeal: bool) -> Vec<PublicKey> {
        let named: Vec<OrgId> = steps
            .iter()
            .filter_map(|(_, step)| match step {
                GrievanceStep::Opened { decider, .. } | GrievanceStep::Referred { decider, .. } => {
                    (!appeal).then_some(*decider)
                }
                GrievanceStep::Appealed { decider, .. } => appeal.then_some(*decider),
                _ => None,
            })
            .collect();
        let before = if appeal { self.decided(complaint, steps, false) } else { Vec::new() };
        let good = |(on, step): &(DayNo, GrievanceStep)| {
            let (outcome, word, of_appeal) = match step {
                GrievanceStep::Decided { outcome, word } => (*outcome, *word, false),
                GrievanceStep::AppealDecided { outcome, word } => (*outcome, *word, true),
                _ => return None,
            };
            let may = named.iter().any(|org| self.decides(*org, &word.operator, *on));
            let signed = self.signed(complaint, appeal, outcome, *on, &word);
            let anew = !before.contains(&word.operator);
            (of_appeal == appeal && may && signed && anew).then_some(word.operator)
        };
        steps.iter().filter_map(good).collect()
    }

    fn signed(
        &self,
        grievance: Commitment,
        appeal: bool,
        outcome: annona_ledger::consent::Outcome,
        on: DayNo,
        word: &Stated,
    ) -> bool {
        let said = Statement::Decision { grievance, appeal, outcome, on };
        said.is_by(&self.charter.federation(), word)
    }

    fn may_step(&self, complaint: Commitment, step: &GrievanceStep, on: DayNo) -> bool {
        let steps = self.steps(complaint);
        let any = |what: fn(&GrievanceStep) -> bool| steps.iter().any(|(_, step)| what(step));
        let over = any(|s| *s == GrievanceStep::TakenBack)
            || !self.decided(complaint, &steps, true).is_empty();
        let appealed = any(|s| matches!(s, GrievanceStep::Appealed { .. }));
        let first = self.decided(complaint, &steps, false);
        let open =
            any(|s| matches!(s, GrievanceStep::Opened { .. } | GrievanceStep::Referred { .. }));
        let known = |org: &OrgId| self.charter.organisations().any(|one| one.id == *org);
        let in_time = |due: &DayNo| (on.0 + 1..=on.0 + 90).contains(&due.0);
        // The one who was named last is asked.
        let last = |appeal: bool| {
            let named = steps.iter().filter_map(|(on, step)| match step {
                GrievanceStep::Opened { decider, due }
                | GrievanceStep::Referred { decider, due } => {
                    (!appeal).then_some((*on, *due, *decider))
                }
                GrievanceStep::Appealed { decider, due } => appeal.then_some((*on, *due, *decider)),
                _ => None,
            });
            named.max().map(|(.., org)| org)
        };
        let by = |appeal, outcome, word: &Stated| {
            last(appeal).is_some_and(|org| self.decides(org, &word.operator, on))
                && self.signed(complaint, appeal, outcome, on, word)
        };
        match step {
            GrievanceStep::Opened { decider, due } => {
                let fresh = !self.said().any(|said| about(said) == Some(complaint))
                    && !self.seen_erased(&complaint);
                fresh && known(decider) && in_time(due)
            }
            GrievanceStep::Referred { decider, due } => {
                open && first.is_empty() && !appealed && !over && known(decider) && in_time(due)
            }
            GrievanceStep::Decided { outcome, word } => {
                open && first.is_empty() && !appealed && !over && by(false, *outcome, word)
            }
            GrievanceStep::Appealed { decider, due } => {
                !first.is_empty() && !appealed && !over && known(decider) && in_time(due)
            }
            GrievanceStep::AppealDecided { outcome, word } => {
                appealed && !over && !first.contains(&word.operator) && by(true, *outcome, word)
            }
            GrievanceStep::TakenBack => (open || appealed || !first.is_empty()) && !over,
        }
    }
}

fn about(people: &People) -> Option<Commitment> {
    match people {
        People::ConsentGiven { commitment, .. }
        | People::ConsentWithdrawn { commitment, .. }
        | People::Erased { commitment, .. }
        | People::Grievance { commitment, .. }
        | People::Pair { pair: commitment, .. } => Some(*commitment),
        People::Disclosed { grant, .. } => Some(*grant),
        People::Refused { .. } => None,
    }
}
