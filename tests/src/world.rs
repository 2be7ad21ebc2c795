//! The world: nodes, the bundles between them, the papers people carry, and what chance does to all of it.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::admit::Draft;
use annona_ledger::block::Block;
use annona_ledger::charter::Charter;
use annona_ledger::feed::Head;
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FeedId, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::list::Row;
use annona_ledger::notice::{Notice, Roster};
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::wire::Bytes;

use crate::cast::{CASH, Cast, ITEMS};
use crate::check::{self, Broken, Holds, ensure};
use crate::clock::Clock;
use crate::coverage::Coverage;
use crate::model::{Fact, Model};
use crate::planted::Bug;
use crate::rng::Rng;
use crate::site::{Received, Site, memory::Memory};

/// Makes a node's site: seed of its key, the articles and notices it is founded with.
pub type Founder<'a> = dyn Fn(&FoundedWith<'_>) -> Box<dyn Site> + 'a;

/// What a node is founded with.
pub struct FoundedWith<'a> {
    /// Which node.
    pub number: usize,
    /// Seed of its signing key.
    pub seed: [u8; 32],
    /// The articles it is handed.
    pub articles: &'a [annona_ledger::charter::SignedArticle],
    /// The notices it is handed.
    pub notices: &'a [annona_ledger::notice::SignedNotice],
    /// Whether it hands out what it does not have.
    pub reckless: bool,
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
    /// Whether the naive model's verdict is held against the core's.
    pub naive: bool,
}

impl Options {
    /// An ordinary run.
    #[must_use]
    pub const fn seed(seed: u64) -> Self {
        Self { seed, steps: 320, bug: None, naive: true }
    }
}

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
    /// The newest stamp it holds from others.
    pub heard: Minute,
    pub(crate) articles: usize,
    pub(crate) notices: BTreeSet<usize>,
    pub(crate) tips: BTreeMap<FeedId, Head>,
    heads: Vec<(FeedId, Head)>,
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

struct Bundle {
    to: usize,
    articles: usize,
    notices: BTreeSet<usize>,
    blocks: Vec<(FeedId, Block)>,
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
    pub(crate) now: Minute,
    pub(crate) papers: Vec<Paper>,
    pub(crate) books: Vec<Book>,
    pub(crate) malice: Malice,
    pub(crate) villain: usize,
    /// Whether some ticket left sends out that its sender took the receiver to hold.
    pub(crate) trimmed: bool,
    options: Options,
    charters: Vec<Charter>,
    bundles: Vec<Bundle>,
    given: BTreeSet<(usize, Hash)>,
    sealed: BTreeSet<Hash>,
    promises: Vec<(usize, Promise)>,
    rights: Rights,
    log: Hasher,
}

impl World {
    /// Founds a world.
    #[must_use]
    pub fn found(options: Options, founder: &Founder<'_>) -> Self {
        let mut rng = Rng::new(options.seed);
        let count = usize::try_from(rng.between(3, 9)).unwrap_or(3);
        let cast = Cast::draw(&mut rng, count);
        let mut charters = vec![Charter::found(&cast.articles[0]).expect("it is good")];
        for article in &cast.articles[1..] {
            let next = charters.last().expect("one at least").apply(article).expect("it is good");
            charters.push(next);
        }
        let all: BTreeSet<usize> = (0..cast.notices.len()).collect();
        let last = charters.len() - 1;
        let truth = Model::new(charters[last].clone(), roster(&cast, &charters[last], &all));
        let malice = match rng.below(100) {
            0..70 => Malice::None,
            70..84 => Malice::Fork,
            84..92 => Malice::Mint,
            _ => Malice::Overdraw,
        };
        let malice = if options.bug.is_some() { Malice::None } else { malice };
        let villain = rng.below(count);
        let mut nodes = Vec::new();
        for (number, person) in cast.nodes.iter().enumerate() {
            let known = if number == 0 || rng.chance(70) { last + 1 } else { last };
            let mut notices = all.clone();
            // Somebody's certificate, or the opening of a cycle, has not got here yet.
            if number > 0 && rng.chance(40) {
                let late = rng.below(count + 2);
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
                reckless: malice == Malice::Overdraw && number == villain,
            });
            let charter = charters[known - 1].clone();
            let model = Model::new(charter.clone(), roster(&cast, &charter, &notices));
            nodes.push(Node {
                person: number,
                site,
                model,
                clock: Clock::Off(rng.between(0, 240) as i64 - 120),
                side: 0,
                heard: Minute(0),
                articles: known,
                notices,
                tips: BTreeMap::new(),
                heads: Vec::new(),
            });
        }
        Self {
            cast,
            nodes,
            truth,
            coverage: Coverage::default(),
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
    pub fn run(&mut self) -> Holds {
        for step in 0..self.options.steps {
            self.now = Minute(self.now.0 + u32::try_from(self.rng.between(1, 160)).unwrap_or(1));
            self.malice(step);
            let n = self.rng.below(self.nodes.len());
            match self.rng.below(100) {
                0..64 => self.serve(n)?,
                64..74 => self.seal(n),
                74..84 => self.pack(n),
                84..93 => self.deliver()?,
                93..95 => self.divide(),
                95..97 => self.crash(n)?,
                97..98 => self.jump(n),
                _ => self.late_papers(n),
            }
            self.after(n)?;
            if step == self.options.steps / 2 {
                self.permuted(n)?;
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

    /// Entries written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.truth.facts.len()
    }

    pub(crate) fn note(&mut self, line: &str) {
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

    /// The stamp a draft of this node bears: its clock's, but never before the feed's last, and not far past what
    /// others say (rule 23).
    pub(crate) fn stamp(&self, n: usize, feed: &FeedId) -> Minute {
        let node = &self.nodes[n];
        let last = node.site.last_stamp(feed);
        let shown = node.clock.shows(self.now);
        let ahead = annona_ledger::limits::CLOCK_AHEAD_DAYS * 24 * 60;
        if shown.0 > node.heard.0.saturating_add(ahead) {
            last.max(node.heard)
        } else {
            last.max(shown)
        }
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
        let reckless = self.malice == Malice::Overdraw && node.person == self.villain;
        if self.options.naive && !reckless {
            ensure(naive == verdict.is_ok(), Broken::VerdictDiffers, || {
                let verdict = verdict.as_ref().map(|_| "accepted");
                format!("core {verdict:?}, naive {naive}, drafts {drafts:?}")
            })?;
        }
        match &verdict {
            Err(rejection) => self.coverage.refused(*rejection),
            Ok(promises) => {
                let person = node.person;
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
                    let head = Head { next: promise.index + 1, accumulator: name };
                    self.nodes[n].tips.insert(*feed, head);
                    if self.honest(person) {
                        let honest = self.malice == Malice::None;
                        check::written(&self.truth, &fact, &self.cast, honest)?;
                        self.promises.push((person, promise.clone()));
                    }
                }
            }
        }
        self.note(&format!("{n} {:?}", verdict.as_ref().err()));
        Ok(verdict)
    }

    fn seal(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.site.seal(node.clock.millis(self.now));
        self.sealed.extend(node.site.blocks().iter().map(|(_, b)| b.header.hash()));
        self.coverage.note("seal");
    }

    /// Packs a bundle for somebody on the same side, whole or in part, and puts it on its way.
    fn pack(&mut self, n: usize) {
        self.seal(n);
        let to = self.rng.below(self.nodes.len());
        if to == n || self.nodes[to].side != self.nodes[n].side {
            return;
        }
        let mut blocks = self.nodes[n].site.blocks();
        if self.rng.chance(85) {
            blocks.retain(|(_, b)| !self.given.contains(&(to, b.header.hash())));
        } else {
            self.coverage.note("bundle twice");
        }
        if self.rng.chance(25) {
            let keep = self.rng.below(blocks.len() + 1);
            blocks.truncate(keep);
            self.coverage.note("bundle partial");
        }
        if self.rng.chance(25) {
            self.rng.shuffle(&mut blocks);
            self.coverage.note("bundle shuffled");
        }
        let node = &self.nodes[n];
        let notices = node.notices.clone();
        self.bundles.push(Bundle { to, articles: node.articles, notices, blocks });
    }

    /// Hands over some bundle, or loses it.
    fn deliver(&mut self) -> Holds {
        if self.bundles.is_empty() {
            return Ok(());
        }
        let at = self.rng.below(self.bundles.len());
        let bundle = self.bundles.swap_remove(at);
        if self.rng.chance(12) {
            self.coverage.note("bundle lost");
            return Ok(());
        }
        self.coverage.note("bundle delivered");
        let to = bundle.to;
        if self.rng.chance(60) {
            self.papers_arrive(to, bundle.articles, &bundle.notices);
        }
        for (feed, block) in &bundle.blocks {
            if self.rng.chance(3) {
                self.tamper(to, feed, block)?;
            }
            self.hand_over(to, feed, block)?;
        }
        self.after(to)?;
        let root = self.nodes[to].site.root();
        self.note(&format!("{to} {root}"));
        Ok(())
    }

    fn hand_over(&mut self, to: usize, feed: &FeedId, block: &Block) -> Holds {
        let hash = block.header.hash();
        let received = self.nodes[to].site.receive(feed, block);
        match received {
            Received::New | Received::Fork => self.coverage.note("block new"),
            Received::Known => self.coverage.note("block known"),
            Received::Waits => self.coverage.note("block waits"),
            Received::Refused => {}
        }
        let taken = matches!(received, Received::New | Received::Fork | Received::Known);
        let own = self.sealed.contains(&hash);
        ensure(!taken || own, Broken::ForeignBlock, || format!("block {hash} of {feed:?}"))?;
        ensure(taken || received == Received::Waits || !own, Broken::NotConverged, || {
            format!("a good block of {feed:?} was refused")
        })?;
        let node = &mut self.nodes[to];
        let start = Head::start(&self.cast.federation, feed);
        let tip = node.tips.get(feed).copied().unwrap_or(start);
        // A restored copy that takes in what it wrote itself goes on from there.
        let follows = received == Received::New && block.header.start().next <= tip.next;
        let ends = block.read(feed.lane).is_ok_and(|entries| {
            tip == block.header.start() || entries.iter().any(|p| p.accumulator == tip.accumulator)
        });
        if follows && ends && feed.node == self.cast.nodes[node.person].key {
            node.tips.insert(*feed, block.header.end());
        }
        if taken {
            self.given.insert((to, hash));
            self.learn_facts(to, feed, block);
        }
        Ok(())
    }

    fn learn_facts(&mut self, to: usize, feed: &FeedId, block: &Block) {
        let Ok(entries) = block.read(feed.lane) else { return };
        let node = &mut self.nodes[to];
        let mut before = block.header.before;
        let other = feed.node != self.cast.nodes[node.person].key;
        for placed in entries {
            if let Some(stamp) = placed.entry.stamp().filter(|_| other) {
                node.heard = node.heard.max(stamp);
            }
            let name = placed.accumulator;
            let entry = placed.entry;
            node.model.add(Fact { feed: *feed, index: placed.index, before, name, entry });
            before = name;
        }
    }

    /// Offers a block that its author never sealed: a changed body, a changed header, or a signed lie.
    fn tamper(&mut self, to: usize, feed: &FeedId, block: &Block) -> Holds {
        self.coverage.note("tampered");
        let mut block = block.clone();
        match self.rng.below(3) {
            0 => {
                let mut body = block.body.into_vec();
                let at = self.rng.below(body.len());
                body[at] ^= 1 << self.rng.below(8);
                block.body = Bytes::new(body).expect("no longer than before");
            }
            1 => block.header.hlc = Hlc { millis: self.rng.bits() >> 8, count: 7 },
            _ => {
                let villain = &self.cast.nodes[self.villain];
                if self.malice == Malice::None || feed.node != villain.key {
                    block.header.evidence_root = Hash(self.rng.seed());
                } else {
                    block.header.after = Hash(self.rng.seed());
                    let key = SigningKey::from_seed(&villain.seed);
                    let scope: [&[u8]; 2] = [&self.cast.federation.0.0, &feed.bytes()];
                    let header = annona_ledger::wire::encode(&block.header);
                    block.signature =
                        key.sign(annona_ledger::key::Context::Header, &scope, &header);
                }
            }
        }
        let root = self.nodes[to].site.root();
        let received = self.nodes[to].site.receive(feed, &block);
        let out = matches!(received, Received::Refused | Received::Waits);
        ensure(out, Broken::ForeignBlock, || format!("a changed block of {feed:?}: {received:?}"))?;
        let same = self.nodes[to].site.root() == root;
        ensure(same, Broken::ForeignBlock, || "a refused block changed state".into())
    }

    fn papers_arrive(&mut self, to: usize, articles: usize, notices: &BTreeSet<usize>) {
        let node = &mut self.nodes[to];
        let late = notices.difference(&node.notices).copied().collect::<Vec<_>>();
        if articles <= node.articles && late.is_empty() {
            return;
        }
        self.coverage.note("late papers");
        for article in &self.cast.articles[node.articles.min(articles)..articles] {
            node.site.article(article);
        }
        node.articles = node.articles.max(articles);
        for notice in late {
            node.site.learn(&self.cast.notices[notice]);
            node.notices.insert(notice);
        }
        let charter = self.charters[node.articles - 1].clone();
        let roster = roster(&self.cast, &charter, &node.notices);
        node.model.under(charter, roster);
    }

    fn late_papers(&mut self, n: usize) {
        if self.rng.chance(60) {
            let all = (0..self.cast.notices.len()).collect();
            self.papers_arrive(n, self.cast.articles.len(), &all);
        }
    }

    fn divide(&mut self) {
        self.coverage.note("partition");
        let sides = self.rng.between(1, 3);
        for node in &mut self.nodes {
            node.side = u8::try_from(self.rng.bits() % sides).unwrap_or(0);
        }
    }

    fn crash(&mut self, n: usize) -> Holds {
        self.coverage.note("crash");
        let keep = self.rng.below(64);
        let node = &mut self.nodes[n];
        let before = (node.site.root(), node.site.heads());
        node.site.crash(keep);
        let after = (node.site.root(), node.site.heads());
        ensure(before.1 == after.1, Broken::FactLost, || {
            format!("heads {:?} before, {:?} after", before.1, after.1)
        })?;
        ensure(before.0 == after.0, Broken::ReplayDiffers, || "after a crash".into())
    }

    fn jump(&mut self, n: usize) {
        let clock = match self.rng.below(4) {
            0 => Clock::Epoch,
            1 => Clock::Far,
            2 => Clock::Off(self.rng.between(0, 6_000) as i64 - 3_000),
            _ => Clock::Off(0),
        };
        match clock {
            Clock::Epoch => self.coverage.note("clock 1970"),
            Clock::Far => self.coverage.note("clock 2099"),
            Clock::Off(_) => {}
        }
        self.nodes[n].clock = clock;
    }

    /// A copy is taken, and later opened beside the original; or tickets are signed that stand nowhere.
    fn malice(&mut self, step: usize) {
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
                    heard: original.heard,
                    articles: original.articles,
                    notices: original.notices.clone(),
                    tips: original.tips.clone(),
                    heads: site.heads(),
                    site,
                };
                self.coverage.note("fork");
                self.nodes.push(twin);
            }
            Malice::Overdraw if step == 0 => self.coverage.note("overdraw"),
            Malice::Mint if step >= 40 && step.is_multiple_of(40) => self.mint(),
            _ => {}
        }
    }

    /// Checks a node's view after something happened to it.
    fn after(&mut self, n: usize) -> Holds {
        let byzantine = self.byzantine();
        let node = &mut self.nodes[n];
        if self.options.naive {
            check::agree(&*node.site, &node.model)?;
        }
        let whole = !self.trimmed || node.model.facts.len() == self.truth.facts.len();
        check::view(&*node.site, &node.model, &self.truth, &self.cast, byzantine, whole)?;
        let heads = node.site.heads();
        for (feed, head) in &node.heads {
            let grew = heads.iter().any(|(f, h)| f == feed && h.next >= head.next);
            ensure(grew, Broken::FactLost, || format!("{feed:?} fell below {}", head.next))?;
        }
        node.heads = heads;
        Ok(())
    }

    /// Everybody gets everything; then equal sets must give equal roots.
    fn heal(&mut self) -> Holds {
        let all: BTreeSet<usize> = (0..self.cast.notices.len()).collect();
        for n in 0..self.nodes.len() {
            self.papers_arrive(n, self.cast.articles.len(), &all);
            self.seal(n);
        }
        for _ in 0..2 {
            for from in 0..self.nodes.len() {
                for to in 0..self.nodes.len() {
                    let mut blocks = self.nodes[from].site.blocks();
                    blocks.retain(|(_, b)| !self.given.contains(&(to, b.header.hash())));
                    for (feed, block) in blocks.iter().filter(|_| to != from) {
                        self.hand_over(to, feed, block)?;
                    }
                }
            }
        }
        for n in 0..self.nodes.len() {
            self.after(n)?;
        }
        Ok(())
    }

    /// What must hold once everybody has everything.
    fn settle(&mut self) -> Holds {
        let set = |site: &dyn Site| -> BTreeSet<Hash> {
            site.blocks().iter().map(|(_, b)| b.header.hash()).collect()
        };
        let known = set(&*self.nodes[0].site);
        let root = self.nodes[0].site.root();
        for (n, node) in self.nodes.iter().enumerate() {
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
            let kept = sealed.contains(&promise.name().accumulator);
            ensure(kept, Broken::PromiseBroken, || format!("node {person}: {}", promise.name()))?;
            let key = &self.cast.nodes[*person].key;
            let signed = promise.verifies(&self.cast.federation, key);
            ensure(signed, Broken::PromiseBroken, || format!("{} is not signed", promise.name()))?;
        }
        self.bounded()?;
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
    fn permuted(&mut self, n: usize) -> Holds {
        let mut blocks = self.nodes[n].site.blocks();
        self.rng.shuffle(&mut blocks);
        let part = blocks.len() - self.rng.below(blocks.len() / 3 + 1);
        blocks.truncate(part);
        let mut roots = Vec::new();
        for _ in 0..2 {
            self.rng.shuffle(&mut blocks);
            let mut observer = Memory::found(
                self.rng.seed(),
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
        let same = roots[0] == roots[1];
        ensure(same, Broken::RootsDiffer, || format!("two orders of {part} blocks: {roots:?}"))
    }

    /// Rule 11: what was redeemed above the budget is explained by the fork or the minted tickets.
    fn bounded(&self) -> Holds {
        let mut redeemed: BTreeMap<_, i128> = BTreeMap::new();
        for (key, pool) in self.nodes[0].site.pools() {
            *redeemed.entry((key.programme, key.commodity)).or_default() += pool.redeemed.units();
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
            let excess = match self.malice {
                Malice::None => 0,
                Malice::Fork => {
                    self.rights.get(&(programme, commodity)).copied().unwrap_or(0) + twice
                }
                Malice::Mint => {
                    let minted = self.truth.roster().node(&self.cast.nodes[self.villain].short());
                    let ceiling = minted.and_then(|c| c.ceiling(programme, commodity));
                    let ceiling = ceiling.map_or(0, |c| i128::from(c.unverified.units()));
                    ceiling * self.cast.nodes.len() as i128
                }
                Malice::Overdraw => continue,
            };
            ensure(sum <= i128::from(voted.units()) + excess, Broken::BoundPassed, || {
                format!("{sum} redeemed of {voted} in {programme:?} {commodity:?}, excess {excess}")
            })?;
        }
        Ok(())
    }

    /// The feeds of a node for a lane, by the programmes it serves.
    pub(crate) fn feed(&self, n: usize, lane: Lane, programme: ProgrammeId) -> FeedId {
        self.cast.nodes[self.nodes[n].person].feed(lane, programme)
    }
}

/// The roster of some of the notices.
fn roster(cast: &Cast, charter: &Charter, known: &BTreeSet<usize>) -> Roster {
    let mut roster = Roster::new();
    for n in known {
        roster.learn(charter, &cast.notices[*n]).expect("the charter bears it out");
    }
    debug_assert!(
        cast.notices.iter().take(cast.nodes.len()).all(|n| matches!(n.notice, Notice::Node(_)))
    );
    roster
}
