//! Checkpoints: one node says how far everything is known, others sign that they see the same, and nobody signs what
//! goes back. At the end somebody starts from one, and comes to the same state as who read everything.
//!
//! Only ledger files make them: over the core's maps the same blocks are handed over, and no page is made.

use std::collections::BTreeSet;

use annona_ledger::checkpoint::{Cosignature, Page, Refusal};
use annona_ledger::id::OrgId;
use annona_ledger::key::SigningKey;
use annona_ledger::notice::Roles;

use super::{Malice, World};
use crate::check::{Broken, Holds, ensure};
use crate::site::stored;

/// A page, who made it, and who signed it.
pub(super) struct Signed {
    maker: usize,
    page: Page,
    cosignatures: Vec<Cosignature>,
    /// Which nodes signed.
    by: Vec<usize>,
}

impl World {
    /// Whether feeds can show two histories: then a page may be refused, and nobody starts from it.
    fn straight(&self) -> bool {
        matches!(self.malice, Malice::None | Malice::Mint)
    }

    /// Twice in some runs: a page is made, and witnesses of several organisations are asked to sign it.
    pub(super) fn checkpoint(&mut self, step: usize) -> Holds {
        let due = [self.options.steps / 2 + 7, self.options.steps * 3 / 4].contains(&step);
        let alive: Vec<usize> = (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt).collect();
        let Some(maker) = alive.iter().copied().find(|n| self.honest(self.nodes[*n].person)) else {
            return Ok(());
        };
        if !due || !self.witnessed || self.is_split() {
            return Ok(());
        }
        self.coverage.note("checkpoint");
        let all: BTreeSet<usize> = (0..self.cast.notices.len()).collect();
        let articles = self.cast.articles.len();
        self.papers_arrive(maker, articles, &all);
        self.seal(maker);
        let mut orgs: BTreeSet<OrgId> = BTreeSet::new();
        let mut witnesses = Vec::new();
        for n in alive {
            let person = &self.cast.nodes[self.nodes[n].person];
            let witness = person.certificate.roles.has(Roles::WITNESS);
            if witness && self.honest(self.nodes[n].person) && orgs.insert(person.org) {
                witnesses.push(n);
            }
        }
        let blocks = self.nodes[maker].site.blocks();
        for to in witnesses.iter().copied().filter(|to| *to != maker) {
            self.papers_arrive(to, articles, &all);
            for (feed, block) in &blocks {
                self.hand_over(to, feed, block)?;
            }
            self.after(to)?;
        }
        let Some(page) = self.nodes[maker].site.page(self.now) else { return Ok(()) };
        let mut signed = Signed { maker, page, cosignatures: Vec::new(), by: Vec::new() };
        for n in witnesses {
            let answer = self.cosign(n, &signed.page);
            ensure(answer.is_ok() || !self.straight(), Broken::CheckpointRefused, || {
                format!("node {n} refuses what it knows: {:?}", answer.as_ref().err())
            })?;
            if let Ok(said) = answer {
                let leaves = said.said.leaves.len() == signed.page.state.len();
                ensure(leaves, Broken::CheckpointDiffers, || {
                    format!("node {n} folded something else than node {maker}: {said:?}")
                })?;
                signed.cosignatures.push(said);
                signed.by.push(n);
            }
        }
        self.nobody_goes_back(&signed)?;
        self.pages.push(signed);
        Ok(())
    }

    fn cosign(&mut self, n: usize, page: &Page) -> Result<Cosignature, Refusal> {
        let key = SigningKey::from_seed(&self.cast.nodes[self.nodes[n].person].transport);
        self.nodes[n].site.cosign(page, &key, self.now)
    }

    /// Who signed a later page does not sign an earlier one again.
    fn nobody_goes_back(&mut self, later: &Signed) -> Holds {
        let Some(earlier) = self.pages.last() else { return Ok(()) };
        if earlier.page.checkpoint.frontier == later.page.checkpoint.frontier {
            return Ok(());
        }
        let page = earlier.page.clone();
        let both: Vec<usize> =
            earlier.by.iter().copied().filter(|n| later.by.contains(n)).collect();
        for n in both {
            let answer = self.cosign(n, &page);
            let refused = matches!(answer, Err(Refusal::Stale | Refusal::Rollback { .. }));
            ensure(refused || !self.straight(), Broken::RollbackSigned, || {
                format!("node {n} signs what goes back: {answer:?}")
            })?;
        }
        Ok(())
    }

    /// Somebody new starts from the first page, takes in what came later, and stands where everybody does.
    pub(super) fn begin_anew(&mut self) -> Holds {
        let root = self.nodes[0].site.root();
        for signed in std::mem::take(&mut self.pages) {
            let orgs: BTreeSet<OrgId> =
                signed.by.iter().map(|n| self.cast.nodes[self.nodes[*n].person].org).collect();
            if orgs.len() < 2 || !self.straight() {
                continue;
            }
            let hash = signed.page.checkpoint.hash();
            let rows = self.nodes[signed.maker].site.rows(&hash);
            let began = stored::begin(&stored::Beginning {
                articles: &self.cast.articles,
                notices: &self.cast.notices,
                page: signed.page,
                cosignatures: signed.cosignatures,
                rows,
                blocks: &self.nodes[0].site.blocks(),
            });
            ensure(began == Ok(root), Broken::CheckpointDiffers, || {
                format!("who starts from a checkpoint comes to {began:?}, all others to {root}")
            })?;
            self.began += 1;
        }
        Ok(())
    }
}
