//! A ledger of blocks in memory, which knows chains and no values: the naive side of these tests.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::block::{Block, Draft, Evidence, Header, Proof};
use crate::charter::{Charter, SignedArticle};
use crate::checkpoint::{Chunk, Cosignature, Of};
use crate::cut::{Cut, Reason};
use crate::entry::{Control, Entry, Lot, Method, Registry, Value};
use crate::feed::Head;
use crate::fixtures::{self, amount, camp, key};
use crate::fork::{ForkProof, Statement};
use crate::frontier;
use crate::hash::Hash;
use crate::id::{FederationId, FeedId, FeedRef, Lane, ProgrammeId, Pseudonym};
use crate::key::Signature;
use crate::list::Row;
use crate::notice::{Notice, SignedNotice};
use crate::sync::blob;
use crate::sync::frame::{self, Frame, Known};
use crate::sync::index::{Change, Index, Kind, Loose, Marks, cosignature_name, fork_name};
use crate::sync::session::Given;
use crate::sync::talk::{Item, Letter};
use crate::time::{Hlc, Minute};
use crate::wire::{Bounded, Bytes};

pub(super) const FOOD: ProgrammeId = ProgrammeId(1);
pub(super) const CASH: ProgrammeId = ProgrammeId(2);
pub(super) const CONTROL: ProgrammeId = ProgrammeId::NONE;

/// One block, of which only the header may be here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) header: Header,
    pub(super) signature: Signature,
    pub(super) block: Option<Block>,
}

/// Everything one node holds.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) name: [u8; 8],
    pub(super) programmes: BTreeSet<ProgrammeId>,
    pub(super) charter: Charter,
    pub(super) articles: Vec<SignedArticle>,
    pub(super) notices: BTreeMap<Hash, SignedNotice>,
    pub(super) forks: BTreeMap<Hash, ForkProof>,
    pub(super) said: BTreeMap<Hash, Cosignature>,
    /// Chains of each feed, from the first block; branches hold what they share.
    pub(super) feeds: BTreeMap<FeedId, Vec<Vec<Held>>>,
    pub(super) evidence: BTreeMap<Hash, Evidence>,
    pub(super) rows: BTreeMap<Hash, Vec<Row>>,
    pub(super) missing_rows: BTreeSet<Hash>,
    pub(super) chunks: BTreeMap<(u32, bool), Chunk>,
    pub(super) missing_state: Option<Item>,
    pub(super) log: Vec<(FeedId, u64)>,
    /// Blocks that came though they were here.
    pub(super) again: u64,
    pub(super) blocks_came: u64,
    pub(super) elsewhere: BTreeSet<FeedRef>,
    /// Letters for the other side, and those that came from it.
    pub(super) letters: BTreeMap<[u8; 16], Letter>,
    pub(super) came: Vec<Letter>,
    /// Whether one letter may take all that is left of the budget, and which went and whether they did.
    pub(super) spares: Cell<bool>,
    pub(super) posted: RefCell<Vec<([u8; 16], bool)>>,
    /// Feeds whose blocks are refused, as by a rule of the ledger.
    pub(super) refuses: BTreeSet<FeedId>,
}

impl Shelf {
    pub(super) fn new(seed: u8, programmes: &[ProgrammeId]) -> Self {
        let charter = camp();
        Self {
            name: key(seed).public().short(),
            programmes: programmes.iter().copied().collect(),
            articles: vec![founding()],
            charter,
            notices: BTreeMap::new(),
            forks: BTreeMap::new(),
            said: BTreeMap::new(),
            feeds: BTreeMap::new(),
            evidence: BTreeMap::new(),
            rows: BTreeMap::new(),
            missing_rows: BTreeSet::new(),
            chunks: BTreeMap::new(),
            missing_state: None,
            log: Vec::new(),
            again: 0,
            blocks_came: 0,
            elsewhere: BTreeSet::new(),
            letters: BTreeMap::new(),
            came: Vec::new(),
            spares: Cell::new(false),
            posted: RefCell::new(Vec::new()),
            refuses: BTreeSet::new(),
        }
    }

    pub(super) fn federation(&self) -> FederationId {
        self.charter.federation()
    }

    /// Learns the certificates of nodes with these seeds.
    pub(super) fn certify(&mut self, seeds: impl IntoIterator<Item = u8>) {
        for seed in seeds {
            let notice = Notice::Node(fixtures::node(&self.charter, 1, seed));
            let signed = fixtures::said(&self.charter, 1, notice);
            self.notices.insert(signed.notice.hash(), signed);
        }
    }

    /// Writes blocks of so many entries each on a feed of this seed.
    pub(super) fn write(&mut self, seed: u8, lane: Lane, programme: ProgrammeId, blocks: &[usize]) {
        for entries in blocks {
            let feed = FeedId { node: key(seed).public(), lane, programme };
            let trunk = self.feeds.get(&feed).and_then(|chains| chains.first().cloned());
            let block =
                seal(self.federation(), seed, feed, &trunk.unwrap_or_default(), *entries, 0);
            if lane == Lane::Registry {
                self.evidence.insert(block.header.hash(), evidence());
            }
            self.put(feed, block);
        }
    }

    /// Keeps a block; says whether it was new, or `None` where it does not fit.
    pub(super) fn put(&mut self, feed: FeedId, block: Block) -> Option<bool> {
        let (header, signature) = (block.header, block.signature);
        self.hold(feed, Held { header, signature, block: Some(block) })
    }

    fn hold(&mut self, feed: FeedId, held: Held) -> Option<bool> {
        if self.refuses.contains(&feed) || self.feed(&feed.short()) != Some(feed) {
            return None;
        }
        let start = Head::start(&self.federation(), &feed);
        let chains = self.feeds.entry(feed).or_default();
        let seq = usize::try_from(held.header.seq).ok()?;
        if chains.iter().any(|chain| chain.get(seq) == Some(&held)) {
            return Some(false);
        }
        let before = |chain: &Vec<Held>| match seq.checked_sub(1) {
            None => held.header.start() == start,
            Some(at) => chain.get(at).is_some_and(|b| b.header.end() == held.header.start()),
        };
        if chains.is_empty() && held.header.seq == 0 && held.header.start() == start {
            chains.push(Vec::new());
        }
        if let Some(chain) = chains.iter_mut().find(|chain| chain.len() == seq && before(chain)) {
            chain.push(held);
        } else {
            let chain = chains.iter().find(|chain| chain.len() > seq && before(chain))?;
            let other = chain.get(seq)?.clone();
            let mut branch = chain[..seq].to_vec();
            let proof = ForkProof {
                feed,
                one: Statement::Header(other.header, other.signature),
                other: Statement::Header(held.header, held.signature),
            };
            branch.push(held);
            chains.push(branch);
            self.forks.entry(fork_name(&feed)).or_insert(proof);
        }
        self.log.push((feed, seq as u64));
        Some(true)
    }

    /// Keeps what a session hands out.
    pub(super) fn keep(&mut self, given: Given) {
        match given {
            Given::Article(article) => {
                if let Ok(next) = self.charter.apply(&article) {
                    self.charter = next;
                    self.articles.push(*article);
                }
            }
            Given::Notice(notice) => {
                self.notices.insert(notice.notice.hash(), *notice);
            }
            Given::Block(feed, block) => {
                self.blocks_came += 1;
                if block.verify(&self.federation(), &feed).is_ok()
                    && self.put(feed, *block) == Some(false)
                {
                    self.again += 1;
                }
            }
            Given::Header(feed, header, signature) => {
                if header.verifies(&self.federation(), &feed, &signature) {
                    let held = Held { header: *header, signature, block: None };
                    self.hold(feed, held);
                }
            }
            Given::Fork(proof) => {
                if proof.verify(&self.federation()).is_some() {
                    self.forks.entry(fork_name(&proof.feed)).or_insert(*proof);
                }
            }
            Given::Evidence { header, pieces, last, .. } => {
                assert!(last, "small evidence");
                let evidence = Evidence(Bounded::new(pieces).expect("few"));
                self.evidence.insert(header, evidence);
            }
            Given::Rows(list, rows) => {
                self.missing_rows.remove(&list);
                self.rows.entry(list).or_default().extend(rows);
            }
            Given::Cosignature(said) => {
                self.said.insert(cosignature_name(&said), *said);
            }
            Given::Chunk(chunk) => {
                let key = (chunk.path.index, chunk.of == Of::Working);
                self.chunks.insert(key, *chunk);
                self.missing_state = None;
            }
            Given::Letter(letter) => self.came.push(*letter),
            Given::Page { .. } => {}
        }
    }

    fn chain(&self, tip: &Known) -> Option<&Vec<Held>> {
        let chains = self.feeds.get(&tip.feed)?;
        let through = |chain: &&Vec<Held>| {
            let at = usize::try_from(tip.blocks).ok().and_then(|n| n.checked_sub(1));
            at.and_then(|at| chain.get(at)).is_some_and(|b| b.header.end() == tip.head)
        };
        chains.iter().find(through)
    }

    fn held(&self, tip: &Known, seq: u64) -> Option<&Held> {
        self.chain(tip)?.get(usize::try_from(seq).ok()?)
    }

    /// Every block and header, by feed and hash.
    pub(super) fn everything(&self) -> BTreeSet<(FeedId, Hash, bool)> {
        let of = |(feed, chains): (&FeedId, &Vec<Vec<Held>>)| {
            let feed = *feed;
            let blocks = chains.iter().flatten();
            blocks.map(move |b| (feed, b.header.hash(), b.block.is_some())).collect::<Vec<_>>()
        };
        self.feeds.iter().flat_map(of).collect()
    }

    pub(super) fn blocks(&self) -> usize {
        self.everything().len()
    }
}

pub(super) fn founding() -> SignedArticle {
    let ceilings = [1, 2, 3].map(|n| fixtures::ceiling(n, 1_000, 100));
    let acts = [fixtures::found([1, 2, 3]), fixtures::food()].into_iter().chain(ceilings);
    let budget = fixtures::budget(&[(fixtures::RICE, 900), (fixtures::OIL, 90)]);
    let article = fixtures::founding(acts.chain([budget]));
    let federation = article.founds();
    fixtures::signed(article, &federation, [1, 2, 3])
}

/// Seals a block after a chain. `salt` makes two of one place differ.
pub(super) fn seal(
    federation: FederationId,
    seed: u8,
    feed: FeedId,
    chain: &[Held],
    entries: usize,
    salt: u32,
) -> Block {
    let start = Head::start(&federation, &feed);
    let start = chain.last().map_or(start, |last| last.header.end());
    let entry = |n: u64| -> Entry {
        let at = Minute(1_000 + salt);
        match feed.lane {
            Lane::Control => {
                let feed = FeedRef { lane: Lane::Value, programme: FOOD, ..feed.short() };
                let cut = Cut { seq: 0, head: Hash::ZERO };
                Control::Revoke { feed, cut, reason: Reason::Lost, at }.into()
            }
            Lane::Registry => {
                let mut pseudonym = [seed; 16];
                pseudonym[..8].copy_from_slice(&n.to_be_bytes());
                Registry::Enrol { pseudonym: Pseudonym(pseudonym), at }.into()
            }
            Lane::Value | Lane::Access => Value::Redeem {
                lot: Lot(n),
                amount: amount(1_000),
                merchant: 3,
                at,
                method: Method::Pin,
            }
            .into(),
        }
    };
    let entries: Vec<Vec<u8>> =
        (0..entries as u64).map(|n| entry(start.next + n).encode()).collect();
    let evidence = if feed.lane == Lane::Registry { evidence() } else { Evidence::default() };
    let draft = Draft {
        feed,
        seq: chain.len() as u64,
        start,
        entries: &entries,
        evidence: &evidence,
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc::default(),
    };
    draft.seal(&key(seed), &federation).expect("a block")
}

/// The evidence of every registry block here.
pub(super) fn evidence() -> Evidence {
    let bytes = Bytes::new(vec![7; 64]).expect("short");
    Evidence(Bounded::new(vec![Proof { place: 0, bytes }]).expect("one"))
}

impl Index for Shelf {
    fn letter(&self, name: &[u8; 16]) -> Option<Letter> {
        self.letters.get(name).cloned()
    }

    fn spares(&self) -> bool {
        self.spares.get()
    }

    fn posted(&self, name: &[u8; 16], spared: bool) {
        self.posted.borrow_mut().push((*name, spared));
        self.spares.set(self.spares.get() && !spared);
    }

    fn marks(&self) -> Marks {
        let loose = self.notices.len() + self.forks.len() + self.said.len();
        Marks {
            blocks: self.log.len() as u64,
            loose: loose as u64,
            articles: self.articles.len() as u32,
        }
    }

    fn charter(&self) -> Option<(u32, Hash)> {
        Some((self.charter.epoch(), self.charter.head()))
    }

    fn article(&self, epoch: u32) -> Option<SignedArticle> {
        self.articles.get(epoch as usize).cloned()
    }

    fn programmes(&self) -> Vec<ProgrammeId> {
        let mut all: BTreeSet<ProgrammeId> = self.feeds.keys().map(|feed| feed.programme).collect();
        all.extend(&self.programmes);
        all.insert(CONTROL);
        all.into_iter().collect()
    }

    fn tips(&self, programme: ProgrammeId) -> Vec<Known> {
        let of = self.feeds.keys().filter(|feed| feed.programme == programme);
        of.flat_map(|feed| self.tips_of(feed)).collect()
    }

    fn tips_of(&self, feed: &FeedId) -> Vec<Known> {
        let chains = self.feeds.get(feed).map_or(&[][..], |chains| chains);
        let tip = |chain: &Vec<Held>| {
            let head = chain.last()?.header.end();
            Some(Known { feed: *feed, blocks: chain.len() as u64, head })
        };
        let mut tips: Vec<Known> = chains.iter().filter_map(tip).collect();
        tips.sort_unstable_by_key(|tip| tip.head);
        tips
    }

    fn changed(&self, since: u64) -> Vec<Change> {
        let mut first: BTreeMap<FeedId, u64> = BTreeMap::new();
        for (feed, seq) in self.log.iter().skip(since as usize) {
            let least = first.entry(*feed).or_insert(*seq);
            *least = (*least).min(*seq);
        }
        first.into_iter().map(|(feed, first)| Change { feed, first }).collect()
    }

    fn feed(&self, name: &FeedRef) -> Option<FeedId> {
        let node = |signed: &SignedNotice| match &signed.notice {
            Notice::Node(c) if c.short() == name.node => Some(c.node),
            _ => None,
        };
        let node = self.notices.values().find_map(node)?;
        Some(FeedId { node, lane: name.lane, programme: name.programme })
    }

    fn head_at(&self, tip: &Known, blocks: u64) -> Option<Head> {
        let Some(last) = blocks.checked_sub(1) else {
            return Some(Head::start(&self.federation(), &tip.feed));
        };
        (blocks <= tip.blocks).then(|| self.held(tip, last).map(|held| held.header.end())).flatten()
    }

    fn block(&self, tip: &Known, seq: u64) -> Option<Block> {
        self.held(tip, seq)?.block.clone()
    }

    fn header(&self, tip: &Known, seq: u64) -> Option<(Header, Signature)> {
        self.held(tip, seq).map(|held| (held.header, held.signature))
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        let chains = self.feeds.get(feed).map_or(&[][..], |chains| chains);
        chains.iter().flatten().any(|held| held.header.end() == *head)
    }

    fn loose(&self) -> Vec<Loose> {
        let of = |kind, name: &Hash| Loose { kind, name: *name };
        let notices = self.notices.keys().map(|name| of(Kind::Notice, name));
        let forks = self.forks.keys().map(|name| of(Kind::Fork, name));
        let said = self.said.keys().map(|name| of(Kind::Cosignature, name));
        let mut all: Vec<Loose> = notices.chain(forks).chain(said).collect();
        all.sort_unstable_by_key(|loose| loose.name);
        all
    }

    fn carried(&self, loose: &Loose) -> Vec<Frame> {
        let name = &loose.name;
        let frame = match loose.kind {
            Kind::Notice => self.notices.get(name).map(|n| Frame::Notice(Box::new(n.clone()))),
            Kind::Fork => self.forks.get(name).map(|p| Frame::ForkProof(Box::new(p.clone()))),
            Kind::Cosignature => {
                self.said.get(name).map(|s| Frame::Cosignature(Box::new(s.clone())))
            }
            Kind::Page => None,
        };
        frame.into_iter().collect()
    }

    fn wants(&self, room: usize, not: &dyn Fn(&Item) -> bool) -> Vec<Item> {
        let rows = self.missing_rows.iter();
        let rows = rows.map(|list| Item::Rows { programme: FOOD, list: *list });
        let none = Evidence::default().root();
        let evidence = self.feeds.iter().flat_map(|(feed, chains)| {
            let feed = feed.short();
            chains.iter().flatten().filter_map(move |held| {
                let header = held.header.hash();
                let lacks = held.block.is_some() && held.header.evidence_root != none;
                (lacks && !self.evidence.contains_key(&header)).then_some(Item::Evidence {
                    feed,
                    seq: held.header.seq,
                    header,
                })
            })
        });
        let all = self.missing_state.into_iter().chain(rows).chain(evidence);
        all.filter(|item| !not(item)).take(room).collect()
    }

    fn piece(&self, item: &Item, part: u32) -> Option<(Vec<Frame>, bool)> {
        match item {
            Item::Evidence { seq, header, .. } => {
                let pieces = self.evidence.get(header)?.0.clone();
                let (seq, header) = (*seq, *header);
                Some((vec![Frame::Evidence { seq, header, pieces, last: true }], false))
            }
            Item::Rows { list, .. } => {
                let rows = self.rows.get(list)?;
                let at = part as usize * 10;
                let some = rows.get(at..(at + 10).min(rows.len()))?.to_vec();
                let rows_left = at + 10 < rows.len();
                let rows = Bounded::new(some).expect("ten");
                Some((vec![Frame::ListRows { list: *list, rows }], rows_left))
            }
            Item::Page => Some((blob::pieces(frame::PAGE, Hash([9; 32]), &[1; 60_000]), false)),
            Item::State { of, from, .. } => {
                let at = from + part;
                let chunk = self.chunks.get(&(at, *of == Of::Working))?.clone();
                let more = self.chunks.contains_key(&(at + 1, *of == Of::Working));
                Some((vec![Frame::Chunk(Box::new(chunk))], more))
            }
        }
    }

    fn elsewhere(&self, feed: &FeedRef) -> bool {
        self.elsewhere.contains(feed)
    }
}

/// Both hold the same of what both may read.
pub(super) fn alike(a: &Shelf, b: &Shelf) -> bool {
    let roots = |shelf: &Shelf| -> Vec<Hash> {
        let mut all = Vec::new();
        for programme in shelf.programmes() {
            all.extend(shelf.tips(programme).iter().map(frontier::leaf));
        }
        all
    };
    roots(a) == roots(b)
        && a.notices == b.notices
        && a.charter.head() == b.charter.head()
        && a.forks.keys().eq(b.forks.keys())
}
