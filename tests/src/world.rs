//! The world: nodes, the bundles between them, the papers people carry, and what chance does to all of it.

mod bounds;
mod bundle;
mod chance;
mod checkpoint;
mod council;
mod end;
mod link;
mod payer;
mod proof;
mod split;

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::admit::Draft;
use annona_ledger::block::Block;
use annona_ledger::charter::{Charter, SignedArticle};
use annona_ledger::clock::{Heard, others, reading};
use annona_ledger::feed::Head;
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FeedId, Lane, ProgrammeId};
use annona_ledger::list::Row;
use annona_ledger::notice::Roster;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::time::Minute;

use crate::cast::Cast;
use crate::check::{self, Broken, Holds, ensure};
use crate::clock::Clock;
use crate::coverage::Coverage;
use crate::memo;
use crate::model::{Fact, Model};
use crate::planted::Bug;
use crate::rng::{NOTHING_TOLD, Rng, Told};
use crate::site::Site;
use checkpoint::Signed;
use council::Freed;
use payer::Payer;
use split::Side;

/// Makes a node's site: seed of its key, the articles and notices it is founded with.
pub type Founder<'a> = dyn Fn(&FoundedWith<'_>) -> Box<dyn Site> + 'a;

/// What a node is founded with.
pub struct FoundedWith<'a> {
    /// Which node.
    pub number: usize,
    /// Seed of its signing key.
    pub seed: [u8; 32],
    /// The articles it is handed.
    pub articles: &'a [SignedArticle],
    /// The notices it is handed.
    pub notices: &'a [annona_ledger::notice::SignedNotice],
    /// What it does not look at, where it does what it must not.
    pub reckless: Option<Bug>,
}

/// Who does what it must not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malice {
    /// Nobody.
    None,
    /// One node is restored from a copy, and both go on.
    Fork,
    /// One node signs tickets that stand in no feed.
    Mint,
    /// One node hands out what it does not have.
    Overdraw,
    /// One node writes whatever it is asked to, however false.
    Lie,
}

/// What a run is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// How many steps, at least.
    pub steps: usize,
    /// A bug planted in every node.
    pub bug: Option<Bug>,
    /// Who does what it must not; drawn, unless told.
    pub malice: Option<Malice>,
    /// Whether the naive model's verdict is held against the core's.
    pub naive: bool,
    /// Whether everything that enters the digest is printed as well.
    pub tell: bool,
    /// Whether cuts and those who show entries name no block: headers made over ledger files name the frontier, those over the core's maps do not,
    /// and what names them could not be compared.
    pub cuts_nothing: bool,
    /// Whether days are closed, receipts shown and merchants settled with; drawn, unless told. Seeds from before there was
    /// such a thing are told no.
    pub offices: Option<bool>,
    /// Whether anything is said about people; drawn, unless told. Seeds from before there was such a thing are told no.
    pub people: Option<bool>,
    /// Whether nodes meet over links as well; drawn, unless told. Seeds from before they did are told no.
    pub links: Option<bool>,
    /// Draws that are told instead of drawn.
    pub told: Told,
}

impl Options {
    /// Steps of an ordinary run; what happens at its end, when everybody gets everything, comes on top.
    pub const STEPS: usize = 320;

    /// An ordinary run.
    #[must_use]
    pub const fn seed(seed: u64) -> Self {
        Self {
            seed,
            steps: Self::STEPS,
            bug: None,
            malice: None,
            naive: true,
            tell: false,
            cuts_nothing: false,
            offices: None,
            people: None,
            links: None,
            told: NOTHING_TOLD,
        }
    }
}

/// After how many steps all that was ever written is held against the budget.
const CHECKED: usize = 40;

/// One node and what it is to itself.
pub struct Node {
    /// Its place in the cast. A restored copy shares it with the original.
    pub person: usize,
    /// The real thing.
    pub site: Box<dyn Site>,
    /// The naive model of the same view.
    pub model: Model,
    /// Its clock.
    pub clock: Clock,
    /// Which side of a partition it's on.
    pub side: u8,
    /// The newest stamp it holds of each other node.
    pub stamps: BTreeMap<[u8; 8], Minute>,
    /// The newest reading of its clock that an operator said was right.
    pub answered: Option<Minute>,
    /// Whether it burnt down.
    pub burnt: bool,
    pub(crate) articles: usize,
    pub(crate) notices: BTreeSet<usize>,
    pub(crate) tips: BTreeMap<FeedId, Head>,
    heads: Vec<(FeedId, Head)>,
    /// Whether anything came to it since its view was last checked.
    changed: bool,
}

/// A ticket on paper.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The programme.
    pub programme: ProgrammeId,
    /// The ticket.
    pub ticket: Ticket,
    /// How often it was shown.
    pub shown: u32,
}

/// A list this world froze, with the rows the site keeps.
#[derive(Clone, Debug)]
pub struct Book {
    /// Whose.
    pub person: usize,
    /// The programme.
    pub programme: ProgrammeId,
    /// Its index in the control feed.
    pub index: u64,
    /// The rows.
    pub rows: Vec<Row>,
}

/// What a till holds of an entry.
#[derive(Clone, Debug)]
pub struct Slip {
    /// The promise.
    pub promise: Promise,
    /// The entry's name.
    pub name: Hash,
    /// Whether the entry hands something out, or takes it back.
    pub hands: bool,
}

struct Bundle {
    to: usize,
    articles: usize,
    notices: BTreeSet<usize>,
    /// Whether it carries the article of a branch of the charter that will be given up.
    side: bool,
    blocks: Vec<(FeedId, Block)>,
}

/// A bundle that was lost, and from which step on somebody may find it.
struct Lost {
    at: usize,
    from: usize,
    bundle: Bundle,
}

/// Rights a node held when it was copied.
type Rights = BTreeMap<(ProgrammeId, annona_ledger::id::CommodityId), i128>;

/// Everything.
pub struct World {
    /// Who plays.
    pub cast: Cast,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Everything ever written anywhere.
    pub truth: Model,
    /// What this run tried.
    pub coverage: Coverage,
    pub(crate) rng: Rng,
    /// What organisations decide, and what follows, is drawn apart: runs without it stay what they were.
    pub(crate) fate: Rng,
    /// So is what counters, merchants and treasuries do.
    pub(crate) desk: Rng,
    pub(crate) busy: bool,
    /// And what is said about people.
    pub(crate) crowd: Rng,
    pub(crate) peopled: bool,
    /// And who meets over a link, and how.
    line: Rng,
    linked: bool,
    pub(crate) slips: Vec<Slip>,
    /// Every block that was sealed.
    pub(crate) archive: Vec<(FeedId, Block)>,
    payer: Payer,
    /// From which step on a feed is cut twice around a ticket of it.
    twice: Option<usize>,
    /// The steps at which the charter forks and is healed.
    splits: Option<(usize, usize)>,
    side: Option<Side>,
    pub(crate) now: Minute,
    pub(crate) papers: Vec<Paper>,
    pub(crate) books: Vec<Book>,
    pub(crate) malice: Malice,
    pub(crate) villain: usize,
    /// Whether some ticket left sends out that its sender took the receiver to hold.
    pub(crate) trimmed: bool,
    pub(crate) options: Options,
    charters: Vec<Charter>,
    bundles: Vec<Bundle>,
    /// Those that nobody found yet.
    lost: Vec<Lost>,
    given: BTreeSet<(usize, Hash)>,
    sealed: BTreeSet<Hash>,
    promises: Vec<(usize, Promise)>,
    rights: Rights,
    log: Hasher,
    /// The steps before which organisations meet.
    sits: BTreeSet<usize>,
    freed: Vec<Freed>,
    /// Whether checkpoints are made.
    witnessed: bool,
    pages: Vec<Signed>,
    /// How many started from a checkpoint, and came to what everybody has.
    pub began: usize,
}

impl World {
    /// Founds a world.
    #[must_use]
    pub fn found(options: Options, founder: &Founder<'_>) -> Self {
        memo::clear();
        let mut rng = Rng::told(options.seed, options.told);
        let count = usize::try_from(rng.between(3, 9)).unwrap_or(3);
        let cast = Cast::draw(&mut rng, count);
        let mut charters = vec![Charter::found(&cast.articles[0]).expect("it is good")];
        for article in &cast.articles[1..] {
            let next = charters.last().expect("one at least").apply(article).expect("it is good");
            charters.push(next);
        }
        let all: BTreeSet<usize> = (0..cast.notices.len()).collect();
        let last = charters.len() - 1;
        let truth = Model::new(charters[last].clone(), roster(&cast, last + 1, &all));
        let malice = match rng.below(100) {
            0..60 => Malice::None,
            60..74 => Malice::Fork,
            74..82 => Malice::Mint,
            82..88 => Malice::Overdraw,
            _ => Malice::Lie,
        };
        let malice = if options.bug.is_some() { Malice::None } else { malice };
        let malice = options.malice.unwrap_or(malice);
        // What a liar writes is told by the core's own word for it alone: the naive model knows no unbacked entries.
        let options = Options { naive: options.naive && malice != Malice::Lie, ..options };
        let villain = rng.below(count);
        let mut nodes = Vec::new();
        let mut coverage = Coverage::default();
        for (number, person) in cast.nodes.iter().enumerate().take(count) {
            coverage.node(number, person);
            let known = if number == 0 || rng.chance(70) { last + 1 } else { last };
            let mut notices = all.clone();
            // Somebody's certificate, or the opening of a cycle, has not got here yet.
            if number > 0 && rng.chance(40) {
                let late = rng.below(cast.nodes.len() + 2);
                if late != number {
                    notices.remove(&late);
                }
            }
            let list: Vec<_> = notices.iter().map(|n| cast.notices[*n].clone()).collect();
            let site = founder(&FoundedWith {
                number,
                seed: person.seed,
                articles: &cast.articles[..known],
                notices: &list,
                reckless: reckless(malice).filter(|_| number == villain),
            });
            let charter = charters[known - 1].clone();
            let model = Model::new(charter.clone(), roster(&cast, known, &notices));
            nodes.push(Node {
                person: number,
                site,
                model,
                clock: Clock::Off(rng.between(0, 240) as i64 - 120),
                side: 0,
                stamps: BTreeMap::new(),
                answered: None,
                burnt: false,
                articles: known,
                notices,
                tips: BTreeMap::new(),
                heads: Vec::new(),
                changed: true,
            });
        }
        let mut fate = Rng::new(options.seed ^ 0x00c0_4c11_0000_0000);
        let most = u64::try_from(options.steps).unwrap_or(0);
        let meetings = if fate.chance(55) { fate.between(1, 8) } else { 0 };
        let sits = (0..meetings).map(|_| fate.between(40, most.max(41)) as usize).collect();
        let witnessed = fate.chance(30);
        let mut desk = Rng::new(options.seed ^ 0xde5c_0000_0000_0000);
        let busy = options.offices.unwrap_or(desk.chance(55));
        let around = busy && desk.chance(40);
        let twice = around.then(|| desk.between(60, most.max(61)) as usize);
        let forks = busy && !options.cuts_nothing && desk.chance(14);
        let from = desk.between(70, most.max(71)) as usize;
        let splits = forks.then(|| (from, from + desk.between(5, 120) as usize));
        let mut crowd = Rng::new(options.seed ^ 0xc0d0_0000_0000_0000);
        let peopled = options.people.unwrap_or(crowd.chance(40));
        let mut line = Rng::new(options.seed ^ 0x11e4_0000_0000_0000);
        let linked = options.links.unwrap_or(line.chance(50));
        Self {
            desk,
            busy,
            crowd,
            peopled,
            line,
            linked,
            twice,
            splits,
            side: None,
            slips: Vec::new(),
            archive: Vec::new(),
            payer: Payer::default(),
            witnessed,
            pages: Vec::new(),
            began: 0,
            fate,
            sits,
            freed: Vec::new(),
            cast,
            nodes,
            truth,
            coverage,
            rng,
            now: Minute(60),
            papers: Vec::new(),
            books: Vec::new(),
            malice,
            villain,
            trimmed: false,
            options,
            charters,
            bundles: Vec::new(),
            lost: Vec::new(),
            given: BTreeSet::new(),
            sealed: BTreeSet::new(),
            promises: Vec::new(),
            rights: Rights::new(),
            log: Hasher::new(Purpose::File),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    pub fn run(&mut self, founder: &Founder<'_>) -> Holds {
        for step in 0..self.options.steps {
            self.now = Minute(self.now.0 + u32::try_from(self.rng.between(1, 160)).unwrap_or(1));
            self.malice(step);
            self.fire(step, founder);
            self.council(step)?;
            self.checkpoint(step)?;
            self.split(step)?;
            self.office_hours()?;
            self.about_people()?;
            self.find_lost(step)?;
            self.copy_card()?;
            self.cut_twice(step)?;
            self.link()?;
            let n = self.rng.below(self.nodes.len());
            if self.nodes[n].burnt {
                continue;
            }
            match self.rng.below(100) {
                0..64 => self.serve(n)?,
                64..74 => self.seal(n),
                74..84 => self.pack(n),
                84..93 => self.deliver(step)?,
                93..95 => self.divide(),
                95..97 => self.crash(n)?,
                97..98 => self.jump(n),
                98..99 => self.meet(n)?,
                _ => self.late_papers(n),
            }
            for changed in 0..self.nodes.len() {
                self.after(changed)?;
            }
            if step == self.options.steps / 2 {
                self.permuted(n)?;
            }
            if step % CHECKED == 0 {
                self.checked()?;
            }
            let heads = self.nodes[n].site.heads();
            self.note(&format!("{step} {n} {heads:?}"));
        }
        self.heal()?;
        self.settle()
    }

    /// What the run came to, in 32 bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        self.log.finish()
    }

    pub(crate) fn note(&mut self, line: &str) {
        if self.options.tell {
            println!("{line}");
        }
        self.log.update(line.as_bytes());
        self.log.update(b"\n");
    }

    /// Whether a node is honest.
    #[must_use]
    pub fn honest(&self, person: usize) -> bool {
        self.malice == Malice::None || person != self.villain
    }

    fn byzantine(&self) -> Option<[u8; 8]> {
        (self.malice != Malice::None).then(|| self.cast.nodes[self.villain].short())
    }

    /// The stamp a draft of this node bears, by the ledger's own rule for what its clock shows and what it holds (rule 23).
    pub(crate) fn stamp(&self, n: usize, feed: &FeedId) -> Minute {
        let (node, own) = (&self.nodes[n], self.cast.nodes[self.nodes[n].person].short());
        let (shown, mut stamps) = (node.clock.shows(self.now), node.stamps.clone());
        let newest = node.tips.keys().map(|feed| node.site.last_stamp(feed)).max();
        stamps.extend(newest.map(|newest| (own, newest)));
        let heard = Heard {
            last: node.site.last_stamp(feed),
            served: newest,
            others: others(node.model.roster(), &own, &stamps),
            answered: node.answered,
            // Said by whoever works there, where it is right to a few hours.
            believed: Some(shown).filter(|_| matches!(node.clock, Clock::Off(-360..=360))),
        };
        reading(shown, &heard).at
    }

    /// Asks a node to write, and holds the answer against the naive model.
    pub(crate) fn ask(
        &mut self,
        n: usize,
        feed: &FeedId,
        drafts: &[Draft],
    ) -> Result<Result<Vec<Promise>, Rejection>, check::Breach> {
        let start = Head::start(&self.cast.federation, feed);
        let tip = self.nodes[n].tips.get(feed).copied().unwrap_or(start);
        let node = &mut self.nodes[n];
        let naive = node.model.may(feed, &tip.accumulator, tip.next, drafts);
        let verdict = node.site.submit(feed, drafts);
        let reckless = reckless(self.malice).is_some() && node.person == self.villain;
        if self.options.naive && !reckless {
            ensure(naive == verdict.is_ok(), Broken::VerdictDiffers, || {
                let verdict = verdict.as_ref().map(|_| "accepted");
                format!("core {verdict:?}, naive {naive}, drafts {drafts:?}")
            })?;
        }
        if verdict.is_ok() && self.honest(self.nodes[n].person) {
            check::taken_up(&self.nodes[n].model, feed, drafts)?;
            check::told_right(&self.nodes[n].model, feed, &tip.accumulator, drafts)?;
        }
        let node = &self.nodes[n];
        match &verdict {
            Err(rejection) => self.coverage.refused(*rejection),
            Ok(promises) => {
                let person = node.person;
                self.nodes[n].changed = true;
                // The power goes between the commit and the answer: what nobody was told stands nonetheless.
                let unheard = self.rng.chance(2);
                for (draft, promise) in drafts.iter().zip(promises) {
                    let name = promise.name().accumulator;
                    let fact = Fact {
                        feed: *feed,
                        index: promise.index,
                        before: promise.before,
                        name,
                        entry: draft.entry.clone(),
                    };
                    self.nodes[n].model.add(fact.clone());
                    self.truth.add(fact.clone());
                    self.coverage.wrote(&draft.entry);
                    self.note_clone(&fact);
                    self.keep_slip(promise, &draft.entry);
                    if self.honest(person) {
                        self.pay(n, feed, &name)?;
                    }
                    let head = Head { next: promise.index + 1, accumulator: name };
                    self.nodes[n].tips.insert(*feed, head);
                    if self.honest(person) {
                        let honest = self.malice == Malice::None;
                        check::written(&self.truth, &fact, &self.cast, honest)?;
                        if !unheard {
                            self.promises.push((person, promise.clone()));
                        }
                    }
                }
                if unheard {
                    self.coverage.note("crash before the answer");
                    self.crash(n)?;
                }
            }
        }
        self.note(&format!("{n} {:?}", verdict.as_ref().err()));
        Ok(verdict)
    }

    /// Checks a node's view after something happened to it.
    pub(crate) fn after(&mut self, n: usize) -> Holds {
        let (byzantine, split) = (self.byzantine(), self.not_healed(n));
        let node = &mut self.nodes[n];
        // What has not changed holds as it held.
        if !std::mem::take(&mut node.changed) {
            return Ok(());
        }
        if self.options.naive {
            check::agree(&*node.site, &node.model)?;
        }
        let whole = !self.trimmed || node.model.facts.len() == self.truth.facts.len();
        check::view(&*node.site, &node.model, &self.truth, &self.cast, byzantine, whole, split)?;
        let heads = node.site.heads();
        for (feed, head) in &node.heads {
            let grew = heads.iter().any(|(f, h)| f == feed && h.next >= head.next);
            ensure(grew, Broken::FactLost, || format!("{feed:?} fell below {}", head.next))?;
        }
        node.heads = heads;
        Ok(())
    }

    /// The feeds of a node for a lane, by the programmes it serves.
    pub(crate) fn feed(&self, n: usize, lane: Lane, programme: ProgrammeId) -> FeedId {
        self.cast.nodes[self.nodes[n].person].feed(lane, programme)
    }
}

/// What a dishonest node does not look at.
const fn reckless(malice: Malice) -> Option<Bug> {
    match malice {
        Malice::None | Malice::Fork | Malice::Mint => None,
        Malice::Overdraw => Some(Bug::SenderRecalls),
        Malice::Lie => Some(Bug::Anything),
    }
}

/// The roster of some of the notices, under the charter after some of the articles.
fn roster(cast: &Cast, articles: usize, known: &BTreeSet<usize>) -> Roster {
    roster_of(cast, &cast.articles[..articles], known)
}

fn roster_of(cast: &Cast, articles: &[SignedArticle], known: &BTreeSet<usize>) -> Roster {
    let articles: Vec<_> = articles.iter().map(SignedArticle::encode).collect();
    let notices: Vec<_> = known.iter().map(|n| cast.notices[*n].encode()).collect();
    memo::power(&articles, &notices).1
}
