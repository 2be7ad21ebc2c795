//! Which settlements keep what they name from others, by the sentences of the rules: of whom, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, OrgId};
use annona_ledger::notice::{NodeCertificate, Notice, Roles};
use annona_ledger::settlement::{Kind, Settling, Single, Step};

use super::settle::{Covered, SettlementLine};
use super::{Fact, Model};

/// Whether two stretches of one node have an index in common, whatever they leave out.
pub(super) fn share_an_index(lines: &[Settling]) -> bool {
    lines.iter().enumerate().any(|(n, line)| {
        let Settling::Stretch { node, from, to, .. } = line else { return false };
        lines[n + 1..].iter().any(|other| match other {
            Settling::Stretch { node: of, from: first, to: end, .. } => {
                node == of && from < to && first < end && from.max(first) < to.min(end)
            }
            _ => false,
        })
    })
}

impl Model {
    fn node_certificates(&self, node: [u8; 8]) -> impl Iterator<Item = &NodeCertificate> {
        self.roster.notices().filter_map(move |signed| match &signed.notice {
            Notice::Node(certificate) if certificate.node.short() == node => Some(certificate),
            _ => None,
        })
    }

    /// Whether a node settles the programme of its value feed: once certified as a treasury for it by the programme's
    /// organisation, or by that of a node that a budget of it was voted for.
    #[must_use]
    pub fn settles(&self, feed: &FeedId) -> bool {
        let mut orgs: Vec<OrgId> = Vec::new();
        orgs.extend(self.charter.programme(feed.programme).map(|programme| programme.org));
        for (_, line) in self.charter.budgets() {
            if line.programme == feed.programme {
                orgs.extend(self.node_certificates(line.treasury).map(|c| c.org));
            }
        }
        self.node_certificates(feed.node.short()).any(|c| {
            orgs.contains(&c.org)
                && c.roles.has(Roles::TREASURY)
                && c.programmes.contains(&feed.programme)
        })
    }

    /// Whether a settlement holds what it names: nobody disputed it, its node settles the programme, and it counts as paid
    /// or may still turn out to be.
    #[must_use]
    pub fn holds(&self, line: &SettlementLine) -> bool {
        let by_entitled =
            line.steps.iter().all(|s| self.entitled(&line.feed, s.step, &s.operator, s.at));
        let paid = line.is_paid() && by_entitled;
        !line.is_disputed() && self.settles(&line.feed) && (paid || !self.is_lost(line))
    }

    /// Whether every branch that has a draft is closed, and none was paid before it closed.
    fn is_lost(&self, line: &SettlementLine) -> bool {
        let feed = line.feed.short();
        let followed: BTreeSet<Hash> = self.facts.iter().map(|fact| fact.before).collect();
        let tips = self.facts.iter().filter(|fact| {
            fact.feed == line.feed
                && !followed.contains(&fact.name)
                && self.in_past(&fact.name, &line.name)
        });
        let cut = self.lowest_cut(&feed);
        tips.map(|tip| tip.name).all(|tip| {
            let cut = cut.and_then(|cut| self.below_in(&feed, &cut, &tip));
            let ends = self.ends.iter().filter(|end| self.in_past(&tip, end));
            let end = ends.filter_map(|end| self.fact(end)).map(|end| end.index).min();
            let Some(closed) = cut.into_iter().chain(end).min() else { return false };
            let paid = line.steps.iter().filter(|s| s.step == Step::Paid);
            let places = paid.filter(|s| self.in_past(&tip, &s.name)).map(|s| self.fact(&s.name));
            !places.flatten().any(|fact| fact.index < closed)
        })
    }

    /// Whether refunds by rows of their own take back more than the largest refund of each redemption says, less what
    /// stretches hold. A row names bytes: what the same bytes may mean on other branches is looked at together.
    pub(super) fn takes_too_much(&self, feed: &FeedRef, covered: &Covered, row: &Single) -> bool {
        let mut refunds: Vec<(&Fact, Hash, Hash, u128)> = Vec::new();
        for fact in self.facts.iter().filter(|fact| fact.feed.short() == *feed) {
            let Entry::Value(Value::Refund { redeem, .. }) = &fact.entry else { continue };
            let Some(came) = self.came(fact) else { continue };
            let Some(redemption) = self.past(&fact.before, *redeem) else { continue };
            let bytes = leaf(&fact.entry.encode());
            refunds.push((fact, bytes, redemption.name, u128::from(came.amount)));
        }
        let mut rows = BTreeSet::from([(row.index, row.leaf)]);
        let mut of: BTreeSet<Hash> = BTreeSet::new();
        loop {
            let before = (rows.len(), of.len());
            for (fact, bytes, redemption, _) in &refunds {
                if rows.contains(&(fact.index, *bytes)) || of.contains(redemption) {
                    rows.insert((fact.index, *bytes));
                    of.insert(*redemption);
                }
            }
            if before == (rows.len(), of.len()) {
                break;
            }
        }
        let (mut most, mut held): (BTreeMap<Hash, u128>, BTreeMap<Hash, u128>) = Default::default();
        for (fact, _, redemption, units) in &refunds {
            let largest = most.entry(*redemption).or_default();
            *largest = (*largest).max(*units);
            if covered.names.contains(&fact.name) {
                *held.entry(*redemption).or_default() += units;
            }
        }
        let left = |redemption: &Hash| {
            let held = held.get(redemption).copied().unwrap_or(0);
            most.get(redemption).copied().unwrap_or(0).saturating_sub(held)
        };
        let may: u128 = of.iter().map(left).sum();
        let by_rows = covered.singles.iter().filter(|((index, bytes, kind, _), _)| {
            *kind == Kind::Refunded && rows.contains(&(*index, *bytes))
        });
        by_rows.map(|(_, units)| u128::from(*units)).sum::<u128>() > may
    }
}
