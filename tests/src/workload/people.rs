//! What is said about people: consents, what is opened by them, complaints, refusals, pairs and erasures; and, now and
//! then, what must not be said.

use annona_ledger::consent::{
    Attributes, GrievanceStep, Outcome, People, Purpose, RefusalClass, Verdict, Withdrawal,
};
use annona_ledger::entry::{Control, Entry, Lot, Method, Owner, Registry, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, FeedRef, Lane, OrgId, ProgrammeId, Purse, SlipId};
use annona_ledger::key::SigningKey;
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;

use super::amount;
use crate::cast::{CASH, ITEMS};
use crate::check::Holds;
use crate::model::{Fact, LotLine};
use crate::world::World;

/// Consents, complaints and disclosures that a run knows of: few, so that each is met again.
const CONSENTS: u64 = 10;
const COMPLAINTS: u64 = 6;

/// The nth thing that may be spoken of, of its kind.
fn about(kind: u8, nth: u64) -> Commitment {
    let mut hash = [kind; 32];
    hash[..8].copy_from_slice(&nth.to_be_bytes());
    Commitment(Hash(hash))
}

fn consent(nth: u64) -> Commitment {
    about(1, nth)
}

impl World {
    /// Somebody at a desk says something about somebody.
    pub(crate) fn about_people(&mut self) -> Holds {
        if !self.peopled || !self.crowd.chance(30) {
            return Ok(());
        }
        let n = self.crowd.below(self.nodes.len());
        let programme = if self.crowd.chance(50) { CASH } else { ITEMS };
        if self.nodes[n].burnt {
            return Ok(());
        }
        let (lane, programme) = match self.crowd.below(12) {
            0 => (Lane::Control, ProgrammeId::NONE),
            _ => (Lane::Registry, programme),
        };
        let feed = self.feed(n, lane, programme);
        let on = DayNo::of(self.stamp(n, &feed));
        let entry = if lane == Lane::Control {
            let erased = consent(self.crowd.between(0, CONSENTS - 1));
            Entry::from(Control::ErasureSeen { erased, on })
        } else {
            let people = match self.crowd.below(20) {
                0..4 => self.consented(n, on),
                4..5 => {
                    let commitment = consent(self.crowd.between(0, CONSENTS - 1));
                    People::ConsentWithdrawn { commitment, reason: Withdrawal::Asked, on }
                }
                5..9 => self.disclosed(on),
                9..10 => {
                    let commitment = consent(self.crowd.between(0, CONSENTS - 1));
                    People::Erased { commitment, on }
                }
                10..11 => {
                    let slip = SlipId([self.crowd.bits().to_be_bytes()[0]; 16]);
                    People::Refused { class: RefusalClass::Policy, rule: 1, slip, on }
                }
                11..12 => {
                    let pair = about(3, self.crowd.between(0, 4));
                    People::Pair { pair, verdict: Verdict::Distinct, on }
                }
                _ => self.complains(n, on),
            };
            Entry::from(Registry::People(people))
        };
        self.write(n, &feed, &[entry.into()]).map(|_| ())
    }

    fn consented(&mut self, n: usize, on: DayNo) -> People {
        let commitment = consent(self.crowd.between(0, CONSENTS - 1));
        // Most end soon enough for somebody to come too late; a few would outlast the year.
        let days = if self.crowd.chance(8) { 366 } else { self.crowd.between(0, 12) };
        let expires = DayNo(on.0 + u32::try_from(days).unwrap_or(0));
        let own = self.cast.nodes[self.nodes[n].person].org;
        let issuer = if self.crowd.chance(8) { OrgId(1 + own.0 % 3) } else { own };
        People::ConsentGiven { commitment, issuer, expires, on }
    }

    fn disclosed(&mut self, on: DayNo) -> People {
        let grant = consent(self.crowd.between(0, CONSENTS - 1));
        let commitment = about(2, self.crowd.between(0, 1));
        let attributes = Attributes(u32::from(!self.crowd.chance(30)) * 5);
        let (recipient, purpose) = (OrgId(2), Purpose::Aid);
        People::Disclosed { commitment, grant, recipient, purpose, attributes, on }
    }

    /// A step of a complaint: mostly the one that follows on what this node knows of it.
    fn complains(&mut self, n: usize, on: DayNo) -> People {
        let commitment = about(4, self.crowd.between(0, COMPLAINTS - 1));
        let (opened, decided, appealed) = self.steps_of(n, commitment);
        let next = if appealed {
            3
        } else if decided {
            2
        } else {
            u64::from(opened)
        };
        let step = if self.crowd.chance(70) { next } else { self.crowd.between(0, 5) };
        let due = DayNo(on.0 + u32::try_from(self.crowd.between(0, 60)).unwrap_or(0) * 8 / 5);
        let decider = if self.crowd.chance(5) { OrgId(9) } else { self.someone() };
        let step = match step {
            0 => GrievanceStep::Opened { decider, due },
            1 => {
                let (outcome, word) = self.decision(commitment, false, on);
                GrievanceStep::Decided { outcome, word }
            }
            2 => GrievanceStep::Appealed { decider, due },
            3 => {
                let (outcome, word) = self.decision(commitment, true, on);
                GrievanceStep::AppealDecided { outcome, word }
            }
            4 => GrievanceStep::Referred { decider, due },
            _ => GrievanceStep::TakenBack,
        };
        People::Grievance { commitment, step, on }
    }

    /// Two of the three organisations have operators.
    fn someone(&mut self) -> OrgId {
        OrgId(u16::try_from(self.crowd.between(1, 3)).unwrap_or(1).min(2))
    }

    fn decision(
        &mut self,
        grievance: Commitment,
        appeal: bool,
        on: DayNo,
    ) -> (Outcome, annona_ledger::statement::Stated) {
        let who = self.crowd.below(self.cast.operators.len());
        let said = Statement::Decision { grievance, appeal, outcome: Outcome::Upheld, on };
        let key: &SigningKey = &self.cast.operators[who];
        let word = said.sign(&self.cast.federation, key);
        let outcome = if self.crowd.chance(6) { Outcome::NotUpheld } else { Outcome::Upheld };
        (outcome, word)
    }

    /// Whether a node has heard that a complaint was opened, decided and appealed.
    fn steps_of(&self, n: usize, complaint: Commitment) -> (bool, bool, bool) {
        let mut known = (false, false, false);
        for fact in &self.nodes[n].model.facts {
            let Entry::Registry(Registry::People(People::Grievance { commitment, step, .. })) =
                &fact.entry
            else {
                continue;
            };
            if *commitment == complaint {
                known.0 |= matches!(step, GrievanceStep::Opened { .. });
                known.1 |= matches!(step, GrievanceStep::Decided { .. });
                known.2 |= matches!(step, GrievanceStep::Appealed { .. });
            }
        }
        known
    }
}

impl World {
    /// A copied card is shown at two sites that never hear of each other in time: each gives from its float, within its
    /// own caps.
    pub(crate) fn copy_card(&mut self) -> Holds {
        if !self.peopled || !self.crowd.chance(4) {
            return Ok(());
        }
        let programme = if self.crowd.chance(50) { CASH } else { ITEMS };
        let mut stocks: Vec<(usize, LotLine)> = Vec::new();
        for n in (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt) {
            let feed = self.feed(n, Lane::Value, programme);
            let lots = self.lots(n, &feed, |lot| lot.owner == Owner::Float);
            stocks.extend(lots.into_iter().map(|lot| (n, lot)));
        }
        let Some((_, first)) = self.crowd.pick(&stocks).cloned() else { return Ok(()) };
        stocks.retain(|(_, lot)| lot.commodity == first.commodity);
        stocks.dedup_by_key(|(n, _)| self.nodes[*n].person);
        self.crowd.shuffle(&mut stocks);
        let purses: Vec<(Purse, FeedRef)> = self
            .truth
            .lots
            .iter()
            .filter(|lot| lot.feed.programme == programme && lot.commodity == first.commodity)
            .filter_map(|lot| match lot.owner {
                Owner::Purse(purse) => Some((purse, lot.feed)),
                _ => None,
            })
            .collect();
        let Some((purse, home)) = self.crowd.pick(&purses).copied() else { return Ok(()) };
        let mut given = 0;
        for (n, lot) in stocks.into_iter().filter(|(_, lot)| lot.feed != home).take(2) {
            let feed = self.feed(n, Lane::Value, programme);
            let merchant = Entry::from(Value::Merchant { merchant: self.cast.merchants[0] });
            if self.merchants_named(n, &feed) == 0
                && self.write(n, &feed, &[merchant.into()])?.is_none()
            {
                continue;
            }
            let (lot, at) = (Lot(self.index_of(n, &lot)), self.stamp(n, &feed));
            let (merchant, method) = (0, Method::Sight);
            let amount = amount(self.crowd.between(1, 4));
            let value = Value::FloatRedeem { lot, home, purse, amount, merchant, at, method };
            given += u32::from(self.write(n, &feed, &[Entry::from(value).into()])?.is_some());
        }
        if given == 2 {
            self.coverage.note("copied card at two sites");
        }
        Ok(())
    }

    /// Notes where a card is used at two sites in one day: copied, or carried from one to the other.
    pub(crate) fn note_clone(&mut self, fact: &Fact) {
        let Entry::Value(Value::FloatRedeem { purse, at, .. }) = &fact.entry else { return };
        let elsewhere = self.truth.given.iter().any(|given| {
            given.float
                && given.purse == *purse
                && given.at.day() == at.day()
                && given.feed.node != fact.feed.node.short()
        });
        if elsewhere {
            self.coverage.note("one card at two sites in a day");
        }
    }
}

/// What an entry about people is called in a table of what was tried.
pub(crate) const fn kind(people: &People) -> &'static str {
    match people {
        People::ConsentGiven { .. } => "consent given",
        People::ConsentWithdrawn { .. } => "consent withdrawn",
        People::Disclosed { .. } => "disclosed",
        People::Erased { .. } => "erased",
        People::Refused { .. } => "refused slip",
        People::Pair { .. } => "pair looked at",
        People::Grievance { step, .. } => match step {
            GrievanceStep::Opened { .. } => "complaint opened",
            GrievanceStep::Referred { .. } => "complaint referred",
            GrievanceStep::Decided { .. } => "complaint decided",
            GrievanceStep::Appealed { .. } => "complaint appealed",
            GrievanceStep::AppealDecided { .. } => "appeal decided",
            GrievanceStep::TakenBack => "complaint taken back",
        },
    }
}
