//! A charter that forks: one organisation signs two articles for one epoch, parts of the federation know different ones,
//! and a third heals it. The branch that everybody else goes on with is the one that is kept.

use std::collections::BTreeSet;

use annona_ledger::amount::Amount;
use annona_ledger::charter::{Act, Charter, SignedArticle, Twice};
use annona_ledger::cut::Reason;
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{FeedRef, OrgId};
use annona_ledger::key::{Signature, SigningKey};
use annona_ledger::wire::{Bounded, Bytes};

use super::World;
use crate::check::{Broken, Holds, ensure};

/// The branch that is given up: one article, and who knows of it.
pub(super) struct Side {
    signed: SignedArticle,
    charter: Charter,
    /// How many articles both branches have.
    shared: usize,
    /// Who follows it.
    pub(super) follow: BTreeSet<usize>,
    /// Who has heard of it.
    pub(super) know: BTreeSet<usize>,
    /// How many articles there are with the one that heals.
    healed: Option<usize>,
}

impl World {
    /// Whether a node waits for healing: it has heard of both branches, and not of the article that heals.
    pub(super) fn waits(&self, n: usize, articles: usize) -> bool {
        self.side.as_ref().is_some_and(|side| {
            let both = side.know.contains(&n) && (articles > side.shared);
            both && side.healed.is_none_or(|healed| articles < healed)
        })
    }

    /// Whether the charter has forked, and a node knows of no healing.
    pub(super) fn not_healed(&self, n: usize) -> bool {
        let healed = |side: &Side| side.healed.is_some_and(|h| self.nodes[n].articles >= h);
        self.side.as_ref().is_some_and(|side| !healed(side))
    }

    /// Whether an article is the one of the branch that will be given up.
    pub(super) fn is_lost_branch(&self, article: &SignedArticle) -> bool {
        self.side.as_ref().is_some_and(|side| side.signed == *article)
    }

    /// Whether a fork waits to be healed.
    pub(super) fn is_split(&self) -> bool {
        self.side.as_ref().is_some_and(|side| side.healed.is_none())
    }

    /// The charter a node follows that knows so many articles of the branch that is kept, with its bytes.
    pub(super) fn power(&self, n: usize) -> (Charter, Vec<SignedArticle>) {
        let known = self.nodes[n].articles;
        let mut articles = self.cast.articles[..known].to_vec();
        match self.side.as_ref().filter(|side| side.follow.contains(&n)) {
            Some(side) => {
                articles.push(side.signed.clone());
                (side.charter.clone(), articles)
            }
            None => (self.charters[known - 1].clone(), articles),
        }
    }

    /// One organisation signs two articles, one with each of the others; later those who signed once heal it.
    pub(super) fn split(&mut self, step: usize) -> Holds {
        let Some((splits, heals)) = self.splits else { return Ok(()) };
        if step == splits && self.side.is_none() {
            return self.sign_both_ways();
        }
        if step == heals && self.is_split() { self.heal_charter() } else { Ok(()) }
    }

    fn any_act(&mut self) -> Act {
        let all = self.cast.nodes.len();
        let person = 1 + self.desk.below(all - 1);
        let programme = if self.desk.chance(50) { crate::cast::CASH } else { crate::cast::ITEMS };
        let feed = FeedRef::value(self.cast.nodes[person].short(), programme);
        let cut = annona_ledger::cut::Cut::NOTHING;
        if self.desk.chance(50) {
            return Act::Fence { feed, cut, reason: Reason::Late };
        }
        Act::Ceiling {
            org: OrgId(1),
            programme,
            commodity: crate::cast::commodities(programme)[0],
            rights: Amount::new(self.desk.between(100_000, 200_000)).unwrap_or(Amount::MAX),
            float: Amount::new(10_000).unwrap_or(Amount::MAX),
        }
    }

    fn sign_both_ways(&mut self) -> Holds {
        let alive: Vec<usize> = (0..self.nodes.len()).filter(|n| !self.nodes[*n].burnt).collect();
        let (one, other) = (self.desk.below(alive.len()), self.desk.below(alive.len()));
        if one == other {
            return Ok(());
        }
        let base = self.charters.last().expect("one at least").clone();
        let (kept, lost) = (self.any_act(), self.any_act());
        let mut signed =
            SignedArticle::unsigned(base.draft(Bounded::new(vec![lost]).expect("one")));
        for (org, key) in self.cast.orgs.iter().take(2) {
            let signature = signed.article.sign(&self.cast.federation, key);
            signed.add(Some(&base), *org, signature).expect("a member");
        }
        let (Ok(charter), Some((article, next))) =
            (base.apply(&signed), self.cast.vote(&base, kept))
        else {
            return Ok(());
        };
        if article.article == signed.article {
            return Ok(());
        }
        self.coverage.note("charter forked");
        let shared = self.cast.articles.len();
        let (follow, know) = (BTreeSet::new(), BTreeSet::new());
        self.side = Some(Side { signed, charter, shared, follow, know, healed: None });
        // Whoever gets the article that is given up knows all before it, and not the other one.
        self.side_arrives(alive[other])?;
        self.cast.articles.push(article);
        self.charters.push(next.clone());
        self.everything_under(next);
        let notices = self.nodes[alive[one]].notices.clone();
        self.papers_arrive(alive[one], self.cast.articles.len(), &notices);
        self.follows_right(alive[one])?;
        self.note(&format!("charter forked at {} and {}", alive[one], alive[other]));
        Ok(())
    }

    fn everything_under(&mut self, charter: Charter) {
        let all = (0..self.cast.notices.len()).collect();
        let roster = super::roster(&self.cast, self.cast.articles.len(), &all);
        self.truth.under(charter, roster);
    }

    /// A node hears of the branch that will be given up.
    pub(super) fn side_arrives(&mut self, to: usize) -> Holds {
        let Some(side) = &self.side else { return Ok(()) };
        let (signed, shared, healed) = (side.signed.clone(), side.shared, side.healed);
        if side.know.contains(&to) || healed.is_some_and(|h| self.nodes[to].articles >= h) {
            return Ok(());
        }
        let notices = self.nodes[to].notices.clone();
        self.papers_arrive(to, shared, &notices);
        let follows = self.nodes[to].articles == shared;
        if follows {
            self.seal(to);
        }
        self.nodes[to].site.article(&signed);
        let side = self.side.as_mut().expect("as above");
        side.know.insert(to);
        if follows {
            side.follow.insert(to);
            self.under_its_charter(to);
        } else {
            self.coverage.note("article kept aside");
        }
        self.follows_right(to)
    }

    pub(super) fn under_its_charter(&mut self, n: usize) {
        let (charter, articles) = self.power(n);
        let roster = super::roster_of(&self.cast, &articles, &self.nodes[n].notices);
        let node = &mut self.nodes[n];
        node.model.under(charter, roster);
        node.changed = true;
    }

    /// Nothing but healing moves a node that has heard of both branches.
    pub(super) fn follows_right(&self, n: usize) -> Holds {
        let (core, naive) = (self.nodes[n].site.epoch(), self.power(n).0.epoch());
        ensure(core == naive, Broken::CharterDiffers, || {
            format!("node {n} is at epoch {core}, and should be at {naive}")
        })
    }

    /// Those who signed once give the one who signed twice a new key, and keep the branch that most followed.
    pub(super) fn heal_charter(&mut self) -> Holds {
        let Some(side) = &self.side else { return Ok(()) };
        let kept = self.cast.articles[side.shared].clone();
        let lost = side.signed.clone();
        let both = OrgId(2);
        let of = |signed: &SignedArticle| -> Vec<(OrgId, Signature)> {
            signed.signatures.iter().copied().filter(|(org, _)| *org == both).collect()
        };
        let new = SigningKey::from_seed(&hash(Purpose::File, &[&self.cast.federation.0.0]).0);
        let bounded = |list| Bounded::new(list).expect("one");
        let act = Act::Heal {
            kept: kept.article.hash(),
            lost: Bytes::new(annona_ledger::wire::encode(&lost.article)).expect("a short article"),
            kept_by: bounded(of(&kept)),
            lost_by: bounded(of(&lost)),
            twice: Bounded::new(vec![Twice { org: both, key: Some(new.public()) }]).expect("one"),
            quorum: 2,
        };
        let base = self.charters.last().expect("one at least").clone();
        let article = base.draft(Bounded::new(vec![act]).expect("one"));
        let federation = self.cast.federation;
        let sign = |(org, key): &(OrgId, SigningKey)| {
            let key = if *org == both { &new } else { key };
            (*org, article.sign(&federation, key))
        };
        let signatures = self.cast.orgs.iter().map(sign).collect();
        let signatures = Bounded::new(signatures).expect("three");
        let signed = SignedArticle { article: article.clone(), signatures };
        let next = base.apply(&signed);
        let Ok(next) = next else {
            return ensure(false, Broken::CharterDiffers, || format!("not healed: {next:?}"));
        };
        self.coverage.note("charter healed");
        self.cast.articles.push(signed);
        self.charters.push(next.clone());
        if let Some((_, key)) = self.cast.orgs.iter_mut().find(|(org, _)| *org == both) {
            *key = new;
        }
        let count = self.cast.articles.len();
        self.side.as_mut().expect("as above").healed = Some(count);
        self.everything_under(next);
        self.note("charter healed");
        Ok(())
    }
}
