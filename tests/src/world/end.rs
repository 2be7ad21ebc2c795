//! What must hold once everybody has everything, and in whatever order it came.

use std::collections::BTreeSet;

use annona_ledger::hash::Hash;

use super::World;
use crate::cast::Cast;
use crate::check::{self, Broken, Holds, ensure};
use crate::model::Model;
use crate::site::{Received, Site, memory::Memory};

impl World {
    /// Everybody gets everything; then equal sets must give equal roots.
    pub(super) fn heal(&mut self) -> Holds {
        if self.is_split() {
            self.heal_charter()?;
        }
        let all: BTreeSet<usize> = (0..self.cast.notices.len()).collect();
        let alive: Vec<usize> = (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt).collect();
        for n in &alive {
            self.papers_arrive(*n, self.cast.articles.len(), &all);
            self.follows_right(*n)?;
            self.seal(*n);
        }
        self.all_meet(&alive)?;
        for _ in 0..2 {
            for from in alive.iter().copied() {
                for to in alive.iter().copied() {
                    let mut blocks = self.nodes[from].site.blocks();
                    blocks.retain(|(_, b)| !self.given.contains(&(to, b.header.hash())));
                    for (feed, block) in blocks.iter().filter(|_| to != from) {
                        self.hand_over(to, feed, block)?;
                    }
                }
            }
        }
        for n in alive {
            self.after(n)?;
        }
        Ok(())
    }

    /// What must hold once everybody has everything.
    pub(super) fn settle(&mut self) -> Holds {
        let set = |site: &dyn Site| -> BTreeSet<Hash> {
            site.blocks().iter().map(|(_, b)| b.header.hash()).collect()
        };
        let known = set(&*self.nodes[0].site);
        let root = self.nodes[0].site.root();
        for (n, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.burnt) {
            let same = set(&*node.site) == known;
            ensure(same, Broken::NotConverged, || format!("node {n} lacks blocks"))?;
            let equal = node.site.root() == root;
            ensure(equal, Broken::RootsDiffer, || {
                let differ = check::compare(&*self.nodes[0].site, &*node.site);
                let first = &self.nodes[0].model;
                let unknown = |a: &Model, b: &Model| {
                    let facts = a.facts.iter().filter(|f| !b.knows(&f.name));
                    facts.map(|f| format!("{}#{}", f.feed.short(), f.index)).collect::<Vec<_>>()
                };
                let (here, there) = (unknown(first, &node.model), unknown(&node.model, first));
                format!(
                    "nodes 0 and {n} ({:?}, {:?}): only there {there:?}, only here {here:?}; {differ}",
                    self.malice,
                    self.cast.nodes[self.villain].short(),
                )
            })?;
            // Each kept its blocks in an order of its own; three of them tell enough.
            if n > 2 {
                continue;
            }
            let replayed = node.site.replayed();
            ensure(replayed == root, Broken::ReplayDiffers, || {
                format!("node {n} replays another")
            })?;
        }
        self.permuted(0)?;
        let sealed: BTreeSet<Hash> = self.nodes[0]
            .site
            .blocks()
            .iter()
            .flat_map(|(feed, b)| b.read(feed.lane).unwrap_or_default())
            .map(|placed| placed.accumulator)
            .collect();
        for (person, promise) in &self.promises {
            if self.cast.burns == Some(*person) {
                continue;
            }
            let kept = sealed.contains(&promise.name().accumulator);
            ensure(kept, Broken::PromiseBroken, || format!("node {person}: {}", promise.name()))?;
            let key = &self.cast.nodes[*person].key;
            let signed = promise.verifies(&self.cast.federation, key);
            ensure(signed, Broken::PromiseBroken, || format!("{} is not signed", promise.name()))?;
        }
        self.counted(0, &self.gave(), false)?;
        let pools = self.nodes[0].site.whole_pools().into_iter();
        self.bounded(pools.map(|(key, pool)| (key, pool.redeemed.units())))?;
        self.explained(0)?;
        self.released(0)?;
        for label in self.labelled(0)? {
            self.coverage.note(&label);
        }
        self.nobody_accused()?;
        self.begin_anew()?;
        for (_, _, fault) in self.nodes[0].site.faults() {
            self.coverage.fault(fault);
        }
        self.note(&format!("root {root}"));
        Ok(())
    }

    /// The root of the core's own maps once they are told everything the first node keeps, in the order it keeps it.
    #[must_use]
    pub fn retold(&self) -> Hash {
        let Cast { articles, notices, .. } = &self.cast;
        let mut listener = Memory::found([0x51; 32], articles, notices, None);
        for (feed, block) in self.nodes[0].site.blocks() {
            let _ = listener.receive(&feed, &block);
        }
        listener.root()
    }

    /// A node's blocks in other orders give the same root, in whole and of a part.
    pub(super) fn permuted(&mut self, n: usize) -> Holds {
        let mut blocks = self.nodes[n].site.blocks();
        self.coverage.note("history told in four orders");
        self.rng.shuffle(&mut blocks);
        let part = blocks.len() - self.rng.below(blocks.len() / 3 + 1);
        blocks.truncate(part);
        let mut roots = Vec::new();
        for order in 0..4 {
            // The other two are drawn apart: what follows stays what it was.
            let rng = if order < 2 { &mut self.rng } else { &mut self.line };
            rng.shuffle(&mut blocks);
            let mut observer = Memory::found(
                rng.seed(),
                &self.cast.articles,
                &self.cast.notices,
                self.options.bug,
            );
            let mut left = blocks.clone();
            loop {
                let before = left.len();
                left.retain(|(feed, block)| observer.receive(feed, block) == Received::Waits);
                if left.len() == before {
                    break;
                }
            }
            roots.push((observer.root(), left.len()));
        }
        let same = roots.iter().all(|root| *root == roots[0]);
        ensure(same, Broken::RootsDiffer, || format!("four orders of {part} blocks: {roots:?}"))
    }
}
