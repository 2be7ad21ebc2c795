//! What chance and malice do: late papers, partitions, power cuts, clocks that jump, folders that are copied.

use std::collections::{BTreeMap, BTreeSet};

use super::{FoundedWith, Founder, Malice, Node, World, roster};
use crate::cast::{CASH, ITEMS};
use crate::check::{Broken, Holds, ensure};
use crate::clock::Clock;
use crate::model::Model;

impl World {
    pub(super) fn papers_arrive(&mut self, to: usize, articles: usize, notices: &BTreeSet<usize>) {
        let node = &mut self.nodes[to];
        let late = notices.difference(&node.notices).copied().collect::<Vec<_>>();
        if articles <= node.articles && late.is_empty() {
            return;
        }
        self.coverage.note("late papers");
        if articles > node.articles {
            // What was written before an article was heard of must not bear its epoch.
            self.seal(to);
        }
        let waits = self.waits(to, articles);
        let node = &mut self.nodes[to];
        for article in &self.cast.articles[node.articles.min(articles)..articles] {
            node.site.article(article);
        }
        if waits {
            self.coverage.note("article kept aside");
        } else {
            if articles > node.articles && self.side.as_mut().is_some_and(|s| s.follow.remove(&to))
            {
                self.coverage.note("came over to the branch kept");
            }
            node.articles = node.articles.max(articles);
        }
        let node = &mut self.nodes[to];
        for notice in late {
            node.site.learn(&self.cast.notices[notice]);
            node.notices.insert(notice);
        }
        self.under_its_charter(to);
    }

    pub(super) fn late_papers(&mut self, n: usize) {
        if self.rng.chance(60) {
            let all = (0..self.cast.notices.len()).collect();
            self.papers_arrive(n, self.cast.articles.len(), &all);
        }
    }

    pub(super) fn divide(&mut self) {
        self.coverage.note("partition");
        let sides = self.rng.between(1, 3);
        for node in &mut self.nodes {
            node.side = u8::try_from(self.rng.bits() % sides).unwrap_or(0);
        }
    }

    pub(super) fn crash(&mut self, n: usize) -> Holds {
        self.coverage.note("crash");
        let keep = self.rng.below(64);
        let node = &mut self.nodes[n];
        let before = (node.site.root(), node.site.heads());
        node.site.crash(keep);
        node.changed = true;
        let after = (node.site.root(), node.site.heads());
        ensure(before.1 == after.1, Broken::FactLost, || {
            format!("heads {:?} before, {:?} after", before.1, after.1)
        })?;
        ensure(before.0 == after.0, Broken::ReplayDiffers, || "after a crash".into())
    }

    pub(super) fn jump(&mut self, n: usize) {
        let (clock, what) = match self.rng.below(6) {
            0 => (Clock::Epoch, "clock 1970"),
            1 => (Clock::Far, "clock 2099"),
            2 => (Clock::Off(3 * 365 * 24 * 60), "clock three years ahead"),
            3 => (Clock::Off(-3 * 24 * 60), "clock three days behind"),
            4 => (Clock::Off(self.rng.between(0, 6_000) as i64 - 3_000), "clock off"),
            _ => (Clock::Off(0), "clock set right"),
        };
        self.coverage.note(what);
        self.nodes[n].clock = clock;
    }

    /// A site burns down with everything it had not handed on. Later its people come back with a new key and no rights.
    pub(super) fn fire(&mut self, step: usize, founder: &Founder<'_>) {
        let Some(burnt) = self.cast.burns else { return };
        if step == self.options.steps / 3 {
            self.coverage.note("fire");
            self.nodes[burnt].burnt = true;
        }
        if step != self.options.steps / 2 {
            return;
        }
        self.coverage.note("new incarnation");
        let person = self.cast.nodes.len() - 1;
        let (articles, notices) = (self.cast.articles.len(), &self.cast.notices);
        let site = founder(&FoundedWith {
            number: person,
            seed: self.cast.nodes[person].seed,
            articles: &self.cast.articles,
            notices,
            reckless: None,
        });
        let notices: BTreeSet<usize> = (0..notices.len()).collect();
        let charter = self.charters[articles - 1].clone();
        let model = Model::new(charter, roster(&self.cast, articles, &notices));
        self.nodes.push(Node {
            person,
            site,
            model,
            clock: Clock::Off(0),
            side: 0,
            stamps: BTreeMap::new(),
            answered: None,
            burnt: false,
            articles,
            notices,
            tips: BTreeMap::new(),
            heads: Vec::new(),
            changed: true,
        });
    }

    /// A copy is taken, and later opened beside the original; or tickets are signed that stand nowhere.
    pub(super) fn malice(&mut self, step: usize) {
        match self.malice {
            Malice::Fork if step == 60 => {
                let site = self.nodes[self.villain].site.restored();
                let feed = |programme| self.cast.nodes[self.villain].value(programme).short();
                for programme in [CASH, ITEMS] {
                    let own = self.truth.lots.iter().filter(|lot| lot.feed == feed(programme));
                    for lot in own {
                        *self.rights.entry((programme, lot.commodity)).or_default() += lot.left();
                    }
                }
                let model = self.nodes[self.villain].model.clone();
                let original = &self.nodes[self.villain];
                let twin = Node {
                    person: self.villain,
                    model,
                    clock: Clock::Off(0),
                    side: 1,
                    stamps: original.stamps.clone(),
                    answered: original.answered,
                    burnt: false,
                    articles: original.articles,
                    notices: original.notices.clone(),
                    tips: original.tips.clone(),
                    heads: site.heads(),
                    changed: true,
                    site,
                };
                self.coverage.note("fork");
                self.nodes.push(twin);
            }
            Malice::Overdraw if step == 0 => self.coverage.note("overdraw"),
            Malice::Lie if step == 0 => self.coverage.note("lie"),
            Malice::Mint if step >= 40 && step.is_multiple_of(40) => self.mint(),
            _ => {}
        }
    }
}
