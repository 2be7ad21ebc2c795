//! The audit: everything checked again by somebody who trusts nobody, in one pass (spec/audit-file.md).
//!
//! Charter and notices are read first; then every feed by itself, on as many cores as there are ([`part`]); then what
//! crosses feeds is matched by name ([`Join`]). Only the names of tickets and sums outlive a feed, so memory grows with
//! the lots of the feeds in hand and with the tickets, never with the redemptions. [`run`] does all of it in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::{Block, Header, Proof};
use crate::charter::{ArticleFork, Charter, SignedArticle};
use crate::fold;
use crate::fork::ForkProof;
use crate::hash::Hash;
use crate::id::{FederationId, FeedId};
use crate::key::Signature;
use crate::limits;
use crate::notice::{Conflict, Notice, Roster, SignedNotice};
use crate::sync::frame::FrameFault;
use crate::view::Change;
use crate::wire::Bounded;

mod aside;
mod back;
mod burnt;
mod came;
mod cosigned;
mod feed;
mod issued;
mod join;
mod keys;
mod known;
mod lots;
mod matched;
mod open;
mod rows;
mod settled;
mod slots;
mod strangers;
#[cfg(test)]
mod tests;
mod twice;
pub mod verdict;

pub use aside::Aside;
pub use cosigned::{Blocks, Cosigned};
pub use join::Join;
pub use verdict::Verdict;
use verdict::{FileProblem, Finding, Problem, Where};

/// What comes before the feeds, and after them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// An article.
    Article(Box<SignedArticle>),
    /// A notice.
    Notice(Box<SignedNotice>),
    /// A proof of a fork.
    ForkProof(Box<ForkProof>),
    /// Something that does not decode.
    Unreadable(FrameFault),
    /// Something that does not belong here.
    Disorder,
}

/// What a feed is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A block.
    Block(Box<Block>),
    /// A block whose body stays elsewhere.
    Header(Box<(Header, Signature)>),
    /// Evidence of the block before.
    Evidence {
        /// The block's number.
        seq: u64,
        /// Its header's hash.
        header: Hash,
        /// The pieces.
        pieces: Bounded<Proof, { limits::BLOCK_ENTRIES }>,
        /// Whether they are the last.
        last: bool,
    },
    /// Something that does not decode.
    Unreadable(FrameFault),
}

/// How a source ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct End {
    /// How far it could be read.
    pub reached: u64,
    /// How much there is, if known.
    pub size: Option<u64>,
    /// Whether it ended as it should.
    pub complete: bool,
    /// What is wrong with it as a whole, by place.
    pub problems: Vec<(u64, FileProblem)>,
}

/// What an audit reads: a file, or a store. It decides nothing.
pub trait Source {
    /// The federation it says it is of, if it says.
    fn federation(&self) -> Option<FederationId> {
        None
    }
    /// Hands over articles in order, then notices, then fork proofs, each with its place.
    fn said(&self, each: &mut dyn FnMut(u64, Said));
    /// The feeds there are, ascending.
    fn feeds(&self) -> Vec<FeedId>;
    /// Hands over what a feed is made of, in order, each with its place, for as long as it is told to go on.
    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool);
    /// Reads a block again, by its place.
    fn block(&self, place: u64) -> Option<Block>;
    /// What its checkpoints say of its feeds, as far as their cosignatures hold.
    fn cosigned(&self) -> Cosigned {
        Cosigned::default()
    }
    /// How it ends, once all of it was read.
    fn end(&self) -> End;
}

/// What feeds are held against.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The charter as far as it was accepted.
    pub charter: Charter,
    /// The notices that were accepted.
    pub roster: Roster,
    /// Feeds whose fork two signatures prove, whatever their blocks say.
    pub forked: BTreeSet<FeedId>,
}

/// What the charter and the notices come to.
#[derive(Clone, Debug, Default)]
pub struct Governed {
    ground: Option<Ground>,
    articles: u64,
    notices: u64,
    signatures: u64,
    findings: Vec<Finding>,
}

impl Governed {
    /// What feeds are held against; `None` where no founding article is to be believed.
    #[must_use]
    pub const fn ground(&self) -> Option<&Ground> {
        self.ground.as_ref()
    }
}

/// What every feed is told before it is read.
#[derive(Clone, Debug, Default)]
pub struct Hints(rows::Told);

impl Hints {
    /// The budgets of a charter, the keys of its nodes, and what checkpoints say.
    #[must_use]
    pub fn of(ground: &Ground, cosigned: &Cosigned) -> Self {
        let keys = Arc::new(keys::Keys::of(&ground.roster));
        let cosigned = cosigned.clone();
        let mut told = rows::Told { keys, cosigned, ..rows::Told::default() };
        for epoch in 0..=ground.charter.epoch() {
            for change in fold::voted(&ground.charter, epoch) {
                if let Change::Ticket(name, row) = change {
                    told.known.insert(name, row);
                }
            }
        }
        Self(told)
    }

    /// With room outside memory for what is kept of entries that settlements name.
    #[must_use]
    pub fn aside(mut self, room: Arc<dyn Aside>) -> Self {
        self.0.aside = Some(room);
        self
    }
}

/// What one feed comes to.
#[derive(Clone, Debug)]
pub struct Part {
    feed: FeedId,
    outcome: feed::Outcome,
}

impl Part {
    /// The feed.
    #[must_use]
    pub const fn feed(&self) -> &FeedId {
        &self.feed
    }
}

/// What may be asked of an audit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Options {
    /// Only this federation will do.
    pub federation: Option<FederationId>,
    /// Whether the state root is wanted. It needs every row of state at once: some 100 bytes a lot.
    pub root: bool,
    /// Whether the lots of a feed are wanted though its own blocks prove no fault of it.
    #[serde(default)]
    pub lots: bool,
    /// How many minutes the clocks are ahead of UTC by whose hours families are counted.
    #[serde(default)]
    pub utc_offset: i16,
}

impl Options {
    /// For a feed that [`Join::suspects`]: only its lots.
    #[must_use]
    pub const fn lots(&self) -> Self {
        Self { root: false, lots: true, ..*self }
    }
}

/// Reads charter and notices.
pub fn govern(source: &dyn Source, options: &Options) -> Governed {
    let mut governing = Governing { governed: Governed::default(), charter: None, first: None };
    let mut proofs: Vec<(u64, ForkProof)> = Vec::new();
    let mut roster = Roster::new();
    source.said(&mut |place, said| match said {
        Said::Article(article) => governing.article(place, *article),
        Said::Notice(notice) => governing.notice(place, &notice, &mut roster),
        Said::ForkProof(proof) => proofs.push((place, *proof)),
        Said::Unreadable(fault) => governing.find(place, Problem::Frame(fault)),
        Said::Disorder => governing.find(place, Problem::Disorder),
    });
    for conflict in roster.conflicts() {
        governing.find(0, Problem::Conflict(words(&conflict)));
    }
    let Governing { charter, mut governed, .. } = governing;
    let Some(charter) = charter else {
        governed.findings.push(at(0, Problem::File(FileProblem::NoCharter)));
        return governed;
    };
    let federation = charter.federation();
    if options.federation.is_some_and(|wanted| wanted != federation) {
        let other = FileProblem::OtherFederation(federation);
        governed.findings.push(at(0, Problem::File(other)));
    }
    if source.federation().is_some_and(|said| said != federation) {
        governed.findings.push(at(0, Problem::File(FileProblem::CharterElsewhere)));
    }
    let mut forked = BTreeSet::new();
    for (place, proof) in proofs {
        governed.signatures = governed.signatures.saturating_add(2);
        let feed = proof.feed;
        let problem = match proof.verify(&federation) {
            None => at(place, Problem::NoForkProof),
            // Whoever makes a key can make it contradict itself.
            Some(_) if !roster.node_keys(&feed.node.short()).contains(&feed.node) => {
                let place =
                    Where { feed: Some(feed.short()), ..at(place, Problem::Disorder).place };
                Finding { place, problem: Problem::NotCertified }
            }
            Some(index) if forked.insert(feed) => {
                let (feed, index) = (Some(feed.short()), Some(index));
                let place = Where { offset: place, feed, seq: None, index };
                Finding { place, problem: Problem::Forked }
            }
            Some(_) => continue,
        };
        if governed.findings.len() < feed::FINDINGS {
            governed.findings.push(problem);
        }
    }
    governed.ground = Some(Ground { charter, roster, forked });
    governed
}

struct Governing {
    governed: Governed,
    charter: Option<Charter>,
    /// The last article accepted, to hold a second one of its epoch against.
    first: Option<SignedArticle>,
}

const fn at(offset: u64, problem: Problem) -> Finding {
    Finding { place: Where { offset, feed: None, seq: None, index: None }, problem }
}

impl Governing {
    fn find(&mut self, place: u64, problem: Problem) {
        if self.governed.findings.len() < feed::FINDINGS {
            self.governed.findings.push(at(place, problem));
        }
    }

    fn article(&mut self, place: u64, signed: SignedArticle) {
        let count = signed.signatures.len() as u64;
        self.governed.signatures = self.governed.signatures.saturating_add(count);
        let next = match &self.charter {
            None => Charter::found(&signed),
            Some(charter) => charter.apply(&signed),
        };
        match next {
            Ok(charter) => {
                self.charter = Some(charter);
                self.governed.articles = self.governed.articles.saturating_add(1);
                self.first = Some(signed);
            }
            Err(why) => {
                let epoch = signed.article.epoch;
                let fork = self.charter.as_ref().zip(self.first.as_ref());
                let orgs = fork.map(|(charter, first)| {
                    let fork = ArticleFork { one: first.clone(), other: signed.clone() };
                    fork.verify(charter)
                });
                match orgs.filter(|orgs| !orgs.is_empty()) {
                    Some(orgs) => self.find(place, Problem::ArticleFork { epoch, orgs }),
                    None => self.find(place, Problem::Article { epoch, why }),
                }
            }
        }
    }

    fn notice(&mut self, place: u64, signed: &SignedNotice, roster: &mut Roster) {
        let Some(charter) = &self.charter else {
            return self.find(place, Problem::Disorder);
        };
        let signatures = if matches!(signed.notice, Notice::Node(_)) { 2 } else { 1 };
        self.governed.signatures = self.governed.signatures.saturating_add(signatures);
        match roster.learn(charter, signed) {
            Ok(_) => self.governed.notices = self.governed.notices.saturating_add(1),
            Err(why) => {
                let hash = signed.notice.hash();
                self.find(place, Problem::Notice { hash, why });
            }
        }
    }
}

fn words(conflict: &Conflict) -> String {
    match conflict {
        Conflict::ShortName { keys, .. } => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            format!("two node keys begin alike: {}", keys.join(", "))
        }
        Conflict::TwoOrganisations { node, orgs } => {
            let orgs: Vec<String> = orgs.iter().map(ToString::to_string).collect();
            format!("node {node} accepted organisations {}", orgs.join(", "))
        }
        Conflict::Cycle { programme, cycle, .. } => {
            format!("cycle {cycle} of programme {programme} was opened in different ways")
        }
    }
}

/// Reads one feed. `go_on` is asked at every block, with its place, and stops the part where it says no.
pub fn part(
    source: &dyn Source,
    ground: &Ground,
    hints: &Hints,
    feed: FeedId,
    options: &Options,
    go_on: &dyn Fn(u64) -> bool,
) -> Part {
    let mut audit = feed::FeedAudit::new(source, ground, &hints.0, feed, *options);
    source.items(&feed, &mut |place, item| {
        audit.item(place, item);
        go_on(place)
    });
    Part { feed, outcome: audit.finish() }
}

/// The feeds of a source in the order they are read: first those of nodes that settle what others hand out, then all others,
/// which are told what is settled of them ([`Join::settled`]).
#[must_use]
pub fn in_order(ground: &Ground, feeds: Vec<FeedId>) -> [Vec<FeedId>; 2] {
    let mut who = settled::Who::default();
    let settle = |feed: &FeedId| who.settle(&ground.charter, &ground.roster, feed);
    let (first, then) = feeds.into_iter().partition(settle);
    [first, then]
}

/// Audits a source from beginning to end, one feed after the other.
pub fn run(source: &dyn Source, options: &Options) -> Verdict {
    run_with(source, options, None)
}

fn run_with(source: &dyn Source, options: &Options, aside: Option<Arc<dyn Aside>>) -> Verdict {
    let governed = govern(source, options);
    let cosigned = source.cosigned();
    let mut join = Join::new(&governed, *options, cosigned.clone());
    if let Some(ground) = governed.ground() {
        let mut hints = Hints::of(ground, &cosigned);
        hints.0.aside = aside;
        let on = |_: u64| true;
        for feeds in in_order(ground, source.feeds()) {
            for feed in feeds {
                join.add(part(source, ground, &hints, feed, options, &on));
            }
            hints = join.settled(&hints);
        }
        let (suspects, hints) = join.suspects(&hints);
        for feed in suspects {
            join.lots(part(source, ground, &hints, feed, &options.lots(), &on));
        }
    }
    join.finish(source.end())
}
