//! Branches of a charter: what was voted beside the one that is followed, and how a node comes over to the one kept.
//!
//! ```text
//! followed  0 ─ 1 ─ 2 ─ 3            2' turns up: power stops, 2' is kept aside
//! aside             2' ─ 3' ─ 4' Heal{kept 2', lost 2}
//! then      0 ─ 1 ─ 2' ─ 3' ─ 4'     and 2, 3 lie aside
//! ```

use std::collections::BTreeMap;

use super::{Act, Article, Charter, CharterRejection, SignedArticle};
use crate::hash::Hash;
use crate::limits;

/// Articles signed by enough that a charter does not follow. Kept, because the fork is proven by them and healed by one
/// that stands on them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Branches {
    aside: BTreeMap<Hash, SignedArticle>,
}

/// What an article that is signed by enough is to somebody with a charter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is in the charter.
    Known,
    /// It is the next: the charter as it is with it.
    Follows(Box<Charter>),
    /// Kept aside: of another branch, or voted while two branches wait for healing.
    Aside,
    /// It heals a fork, and with it this charter goes another way.
    Heals(Box<Turn>),
}

/// How a charter goes on where a fork is healed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The charter as it is then.
    pub charter: Charter,
    /// The first epoch whose article is another one than before, or was not there.
    pub from: u32,
    /// The articles from there on.
    pub articles: Vec<SignedArticle>,
}

impl Article {
    /// Whether it heals a fork.
    #[must_use]
    pub fn heals(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Heal { .. }))
    }
}

impl Branches {
    /// What lay aside, as it was kept. What no longer stands on any article of `charter` is left out.
    #[must_use]
    pub fn kept(charter: &Charter, mut aside: Vec<SignedArticle>) -> Self {
        aside.sort_by_key(|signed| signed.article.epoch);
        let mut branches = Self::default();
        for signed in aside {
            if branches.before(charter, &signed.article).is_some() {
                branches.keep(signed);
            }
        }
        branches
    }

    /// Says what an article is to who follows `charter`, and keeps it where it lies aside.
    ///
    /// # Errors
    ///
    /// The first [`CharterRejection`] that applies, on the branch it stands on; [`CharterRejection::EpochNotNext`] where
    /// that is not known, or as many lie aside as are kept ([`limits::ARTICLES_ASIDE`]).
    pub fn take(
        &mut self,
        charter: &Charter,
        signed: &SignedArticle,
    ) -> Result<Taken, CharterRejection> {
        let article = &signed.article;
        if charter.article(article.epoch) == Some(article) {
            return Ok(Taken::Known);
        }
        if self.aside.contains_key(&article.hash()) {
            return Ok(Taken::Aside);
        }
        let Some((shared, path, before)) = self.before(charter, article) else {
            // The reasons an article that does not follow was always refused with.
            return charter.apply(signed).map(|after| Taken::Follows(Box::new(after)));
        };
        let after = before.apply(signed)?;
        let next = shared == charter.epoch() && path.is_empty();
        let goes_on = match after.healed().last().filter(|_| article.heals()) {
            None => next && self.fork(charter).is_none(),
            Some(healed) => {
                let ours = charter.article(healed.from).map(Article::hash);
                // Who was healed the other way stays: whoever signed both ways answers for it.
                let before = |h: &super::Healed| h.kept == healed.lost && h.lost == healed.kept;
                let given_up = ours == Some(healed.lost) && !charter.healed().iter().any(before);
                shared == charter.epoch() || given_up
            }
        };
        Ok(match (goes_on, next) {
            (true, true) => Taken::Follows(Box::new(after)),
            (true, false) => {
                let mut articles: Vec<SignedArticle> = path.into_iter().cloned().collect();
                articles.push(signed.clone());
                let from = shared.saturating_add(1);
                Taken::Heals(Box::new(Turn { charter: after, from, articles }))
            }
            (false, _) if self.aside.len() >= limits::ARTICLES_ASIDE => {
                return Err(CharterRejection::EpochNotNext);
            }
            (false, _) => {
                self.keep(signed.clone());
                Taken::Aside
            }
        })
    }

    /// Goes the way of a [`Turn`]: what is followed from now on lies aside no longer, and what was does.
    pub fn turn(&mut self, turn: &Turn, given_up: impl IntoIterator<Item = SignedArticle>) {
        for signed in &turn.articles {
            self.aside.remove(&signed.article.hash());
        }
        given_up.into_iter().for_each(|signed| self.keep(signed));
    }

    /// The lowest epoch with two articles of which none is given up yet. Until it is healed nothing is voted.
    #[must_use]
    pub fn fork(&self, charter: &Charter) -> Option<u32> {
        self.beside(charter).map(|signed| signed.article.epoch).min()
    }

    /// The articles that stand beside one of `charter`, on the article before it, and are not given up.
    pub fn beside<'a>(
        &'a self,
        charter: &'a Charter,
    ) -> impl Iterator<Item = &'a SignedArticle> + 'a {
        self.aside.iter().filter_map(move |(hash, signed)| {
            let (article, healed) = (&signed.article, charter.healed());
            let before = charter.article(article.epoch.checked_sub(1)?)?;
            charter.article(article.epoch)?;
            let stands =
                before.hash() == article.previous && !healed.iter().any(|h| h.lost == *hash);
            stands.then_some(signed)
        })
    }

    /// Everything that lies aside, in the order in which it can be taken.
    #[must_use]
    pub fn aside(&self) -> Vec<&SignedArticle> {
        let mut all: Vec<&SignedArticle> = self.aside.values().collect();
        all.sort_by_key(|signed| signed.article.epoch);
        all
    }

    /// The charter that an article follows: some of `charter`, then of what lies aside. `None` where it isn't known.
    #[must_use]
    pub fn followed(&self, charter: &Charter, article: &Article) -> Option<Charter> {
        self.before(charter, article).map(|(_, _, before)| before)
    }

    /// The last epoch shared with `charter`, the articles from there, and the charter they lead to.
    fn before(
        &self,
        charter: &Charter,
        article: &Article,
    ) -> Option<(u32, Vec<&SignedArticle>, Charter)> {
        let mut path = Vec::new();
        let (mut epoch, mut previous) = (article.epoch.checked_sub(1)?, article.previous);
        while charter.article(epoch).is_none_or(|ours| ours.hash() != previous) {
            let parent = self.aside.get(&previous).filter(|p| p.article.epoch == epoch)?;
            path.push(parent);
            (epoch, previous) = (epoch.checked_sub(1)?, parent.article.previous);
        }
        path.reverse();
        let shared = charter.until(epoch)?;
        let before = path.iter().try_fold(shared, |before, next| before.after(&next.article));
        Some((epoch, path, before.ok()?))
    }

    fn keep(&mut self, signed: SignedArticle) {
        self.aside.insert(signed.article.hash(), signed);
    }
}
