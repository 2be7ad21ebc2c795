//! What nobody may pass, asked every few steps as well as at the end: the bound of what a faulty node can cost, and that
//! what an honest one gave counts once.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::view::PoolKey;

use super::{Malice, World};
use crate::cast::{CASH, ITEMS, commodities};
use crate::check::{Breach, Broken, Holds, ensure};

impl World {
    /// Holds all that was ever written against the budget, and each node's view against all that was ever written.
    pub(super) fn checked(&self) -> Holds {
        self.bounded(self.truth.pools().into_iter().map(|(key, sums)| (key, sums.2)))?;
        let counts = self.gave();
        for n in (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt) {
            self.counted(n, &counts, true)?;
            self.explained(n)?;
            if self.whole(n) {
                self.released(n)?;
            }
            self.labelled(n)?;
        }
        Ok(())
    }

    /// Of each pool of an honest node what it handed out and did not get back, and what it handed out in all.
    pub(super) fn gave(&self) -> BTreeMap<PoolKey, (usize, i128, i128)> {
        let most = self.truth.handed_out();
        let honest = |key: &PoolKey| {
            let number = self.cast.nodes.iter().position(|person| person.short() == key.node)?;
            (self.honest(number) && self.cast.burns != Some(number)).then_some(number)
        };
        let pools = self.truth.pools().into_iter();
        pools
            .filter_map(|(key, sums)| {
                Some((key, (honest(&key)?, sums.2, most.get(&key).copied().unwrap_or(0))))
            })
            .collect()
    }

    /// What an honest node gave counts as given, once: at itself, and with everybody in the end, just that; with others on
    /// the way there no more than it gave in all, since they may not have heard yet what came back.
    pub(super) fn counted(
        &self,
        n: usize,
        gave: &BTreeMap<PoolKey, (usize, i128, i128)>,
        under_way: bool,
    ) -> Holds {
        let pools = self.nodes[n].site.whole_pools();
        for (key, (person, left, most)) in gave {
            let came = pools.get(key).map_or(0, |pool| pool.redeemed.units());
            let part = under_way && self.nodes[n].person != *person;
            let fine = if part { came <= *most } else { came == *left };
            ensure(fine, Broken::ShownTwice, || {
                format!("node {n}, {key:?}: {came} counts as redeemed, {left} was, of {most}")
            })?;
        }
        Ok(())
    }

    /// Whether a node knows everything there is. On the way an honest one may seem to owe what it was given by an article
    /// or a ticket that has not come yet.
    fn whole(&self, n: usize) -> bool {
        let node = &self.nodes[n];
        node.model.facts.len() == self.truth.facts.len()
            && node.articles == self.cast.articles.len()
            && node.notices.len() == self.cast.notices.len()
    }

    /// Where one node knows everything: whatever was handed out beyond the budget is charged to the one that is not honest,
    /// or was released early.
    pub(super) fn explained(&self, n: usize) -> Holds {
        let node = &self.nodes[n];
        let Some(charges) = node.site.charges().filter(|_| self.whole(n)) else { return Ok(()) };
        let pools = node.site.whole_pools();
        for (programme, commodity) in [CASH, ITEMS]
            .into_iter()
            .flat_map(|programme| commodities(programme).iter().map(move |c| (programme, *c)))
        {
            let of = |key: &PoolKey| (key.programme, key.commodity) == (programme, commodity);
            let redeemed: i128 =
                pools.iter().filter(|(key, _)| of(key)).map(|(_, p)| p.redeemed.units()).sum();
            let cycle = crate::cast::CYCLE;
            let voted =
                i128::from(node.model.charter().budgeted(programme, cycle, commodity).units());
            let villain = self.byzantine();
            let early = |key: &PoolKey| self.freed.iter().any(|f| f.key == *key && !f.exact);
            let owed: i128 = charges
                .iter()
                .filter(|c| of(&c.key) && (villain == Some(c.key.node) || early(&c.key)))
                .map(|c| i128::try_from(c.units).unwrap_or(i128::MAX))
                .sum();
            ensure(redeemed <= voted + owed, Broken::BoundPassed, || {
                format!(
                    "{redeemed} redeemed of {voted} in {programme:?} {commodity:?}, {owed} explained"
                )
            })?;
        }
        Ok(())
    }

    /// Rule 11: what was redeemed above the budget is explained by the fork or the minted tickets.
    pub(super) fn bounded(&self, pools: impl Iterator<Item = (PoolKey, i128)>) -> Holds {
        let mut redeemed: BTreeMap<_, i128> = BTreeMap::new();
        for (key, units) in pools {
            *redeemed.entry((key.programme, key.commodity)).or_default() += units;
        }
        for ((programme, commodity), sum) in redeemed {
            let cycle = crate::cast::CYCLE;
            let voted = self.truth.charter().budgeted(programme, cycle, commodity);
            let twice: i128 = self
                .truth
                .sends
                .iter()
                .filter(|s| (s.programme, s.commodity) == (programme, commodity))
                .filter(|s| s.claims.len() > 1)
                .map(|s| s.amount)
                .sum();
            let of = |key: &PoolKey| (key.programme, key.commodity) == (programme, commodity);
            let lines = self.truth.sends.iter().filter(|s| s.released.is_some());
            // What was released before a feed's end, or too much of it, the quorum took on itself.
            let early: i128 = lines
                .filter(|s| (s.programme, s.commodity) == (programme, commodity))
                .filter(|s| {
                    self.freed
                        .iter()
                        .any(|f| of(&f.key) && Some(f.key.node) == s.released && !f.exact)
                })
                .map(|s| s.amount)
                .sum();
            let again: i128 = self
                .truth
                .given
                .iter()
                .filter(|g| (g.feed.programme, g.commodity) == (programme, commodity))
                .filter(|g| g.refunds.len() > 1)
                .map(|g| g.refunded)
                .sum();
            let excess = early
                + match self.malice {
                    Malice::None => 0,
                    Malice::Fork => {
                        self.rights.get(&(programme, commodity)).copied().unwrap_or(0)
                            + twice
                            + again
                    }
                    Malice::Mint => {
                        let minted =
                            self.truth.roster().node(&self.cast.nodes[self.villain].short());
                        let ceiling = minted.and_then(|c| c.ceiling(programme, commodity));
                        let ceiling = ceiling.map_or(0, |c| i128::from(c.unverified.units()));
                        ceiling * self.cast.nodes.len() as i128
                    }
                    // It counts what it sent as its own again: no more than all it ever sent.
                    Malice::Overdraw => {
                        let own = self.cast.nodes[self.villain].short();
                        let sent = self.truth.sends.iter().filter(|s| s.from == Some(own));
                        sent.filter(|s| (s.programme, s.commodity) == (programme, commodity))
                            .map(|s| s.amount)
                            .sum()
                    }
                    // What a liar writes the naive model does not know: `explained` asks its charges.
                    Malice::Lie => continue,
                };
            ensure(sum <= i128::from(voted.units()) + excess, Broken::BoundPassed, || {
                format!("{sum} redeemed of {voted} in {programme:?} {commodity:?}, excess {excess}")
            })?;
        }
        Ok(())
    }

    /// Rule 17, where one node knows everything: what is released after a feed's end, and no more than it had, is charged
    /// to nobody.
    pub(super) fn released(&self, n: usize) -> Holds {
        let Some(charges) = self.nodes[n].site.charges() else { return Ok(()) };
        let honest = |node: &[u8; 8]| self.byzantine() != Some(*node);
        for charge in charges.iter().filter(|c| c.heard.is_none() && honest(&c.key.node)) {
            let early = self.freed.iter().any(|freed| freed.key == charge.key && !freed.exact);
            ensure(early, Broken::ChargedAfterEnd, || format!("node {n}: {charge:?}"))?;
        }
        Ok(())
    }

    /// What entries of feeds that never forked are called, as far as a node knows them. Gives what names there were.
    pub(super) fn labelled(&self, n: usize) -> Result<BTreeSet<String>, Breach> {
        let node = &self.nodes[n];
        let faulty = node.model.faulty();
        let mut seen = BTreeSet::new();
        for fact in node.model.facts.iter().filter(|f| !faulty.contains(&f.feed.short())) {
            let cycle = node.model.cycle_of(fact);
            let naive = node.model.label(fact, cycle);
            seen.insert(format!("label {naive:?}"));
            let Some(core) = node.site.label(&fact.name, cycle) else { continue };
            ensure(core == naive || !self.options.naive, Broken::LabelDiffers, || {
                let (feed, index) = (fact.feed.short(), fact.index);
                format!("node {n}, {feed}#{index}: core {core:?}, naive {naive:?}")
            })?;
        }
        Ok(seen)
    }
}
