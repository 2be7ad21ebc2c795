//! What a node brings to a meeting over a link: its blocks by feed and place, as the machine of meetings asks for them.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::block::{Block, Header};
use annona_ledger::charter::SignedArticle;
use annona_ledger::feed::Head;
use annona_ledger::fork::{ForkProof, Statement, contradiction};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, FeedRef, ProgrammeId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::notice::{Notice, SignedNotice};
use annona_ledger::sync::frame::{Frame, Known};
use annona_ledger::sync::index::{Change, Index, Kind, Loose, Marks, fork_name, notice_name};
use annona_ledger::sync::talk::Item;

use crate::cast::{CASH, ITEMS};

/// Where a block ends: its number, and the head after it.
type End = (FeedId, u64, Head);

/// What one node holds, in the order in which it came.
pub struct Shelf {
    federation: FederationId,
    articles: Vec<SignedArticle>,
    notices: BTreeMap<Hash, SignedNotice>,
    forks: BTreeMap<Hash, ForkProof>,
    blocks: Vec<(FeedId, Block)>,
    known: BTreeSet<Hash>,
    ends: BTreeMap<End, usize>,
    /// Where blocks begin: their number, and the head before them.
    begun: BTreeSet<End>,
}

impl Shelf {
    /// A shelf with nothing on it.
    #[must_use]
    pub const fn new(federation: FederationId) -> Self {
        Self {
            federation,
            articles: Vec::new(),
            notices: BTreeMap::new(),
            forks: BTreeMap::new(),
            blocks: Vec::new(),
            known: BTreeSet::new(),
            ends: BTreeMap::new(),
            begun: BTreeSet::new(),
        }
    }

    /// Puts what is new among a node's papers and blocks beside what is here.
    pub fn catch_up<'a>(
        &mut self,
        articles: Vec<SignedArticle>,
        notices: impl Iterator<Item = &'a SignedNotice>,
        blocks: &[(FeedId, Block)],
    ) {
        self.articles = articles;
        for notice in notices {
            self.notices.entry(notice_name(notice)).or_insert_with(|| notice.clone());
        }
        blocks.iter().for_each(|(feed, block)| self.put(feed, block));
    }

    /// Puts a block beside the others. Two at one place are a fork, which this side then can show.
    pub fn put(&mut self, feed: &FeedId, block: &Block) {
        let header = block.header;
        if !self.known.insert(header.hash()) {
            return;
        }
        let shown = Statement::Header(header, block.signature);
        let beside = self.blocks.iter().filter(|(of, b)| of == feed && b.header.seq == header.seq);
        let mut beside = beside.map(|(_, b)| Statement::Header(b.header, b.signature));
        if let Some(one) = beside.find(|one| contradiction(one, &shown).is_some()) {
            let proof = ForkProof { feed: *feed, one, other: shown };
            self.forks.entry(fork_name(feed)).or_insert(proof);
        }
        self.begun.insert((*feed, header.seq, header.start()));
        self.ends.entry((*feed, header.seq, header.end())).or_insert(self.blocks.len());
        self.blocks.push((*feed, block.clone()));
    }

    /// Keeps a proof that somebody else has shown.
    pub fn learn(&mut self, proof: ForkProof) {
        self.forks.entry(fork_name(&proof.feed)).or_insert(proof);
    }

    /// The block of this number on the chain that ends in a tip.
    fn on(&self, tip: &Known, seq: u64) -> Option<&Block> {
        let mut head = tip.head;
        for at in (seq..tip.blocks).rev() {
            let (_, block) = &self.blocks[*self.ends.get(&(tip.feed, at, head))?];
            if at == seq {
                return Some(block);
            }
            head = block.header.start();
        }
        None
    }
}

impl Index for Shelf {
    fn marks(&self) -> Marks {
        Marks {
            blocks: self.blocks.len() as u64,
            loose: (self.notices.len() + self.forks.len()) as u64,
            articles: u32::try_from(self.articles.len()).unwrap_or(u32::MAX),
        }
    }

    fn charter(&self) -> Option<(u32, Hash)> {
        let last = &self.articles.last()?.article;
        Some((last.epoch, last.hash()))
    }

    fn article(&self, epoch: u32) -> Option<SignedArticle> {
        self.articles.get(usize::try_from(epoch).ok()?).cloned()
    }

    fn programmes(&self) -> Vec<ProgrammeId> {
        let mut all = vec![ProgrammeId::NONE, CASH, ITEMS];
        all.sort_unstable();
        all
    }

    fn tips(&self, programme: ProgrammeId) -> Vec<Known> {
        let feeds: BTreeSet<FeedId> = self.blocks.iter().map(|(feed, _)| *feed).collect();
        let of = feeds.iter().filter(|feed| feed.programme == programme);
        of.flat_map(|feed| self.tips_of(feed)).collect()
    }

    fn tips_of(&self, feed: &FeedId) -> Vec<Known> {
        let none = Head { next: 0, accumulator: Hash::ZERO };
        let all = self.ends.range((*feed, 0, none)..).take_while(|((of, ..), _)| of == feed);
        let ends = all.map(|(end, _)| *end);
        let last = |(feed, seq, head): &End| !self.begun.contains(&(*feed, *seq + 1, *head));
        let tip = |(feed, seq, head): End| Known { feed, blocks: seq + 1, head };
        let mut tips: Vec<Known> = ends.filter(last).map(tip).collect();
        tips.sort_unstable_by_key(|tip| tip.head);
        tips
    }

    fn changed(&self, since: u64) -> Vec<Change> {
        let mut first: BTreeMap<FeedId, u64> = BTreeMap::new();
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        for (feed, block) in self.blocks.iter().skip(since) {
            let least = first.entry(*feed).or_insert(block.header.seq);
            *least = (*least).min(block.header.seq);
        }
        first.into_iter().map(|(feed, first)| Change { feed, first }).collect()
    }

    fn feed(&self, name: &FeedRef) -> Option<FeedId> {
        let node = |signed: &SignedNotice| -> Option<PublicKey> {
            match &signed.notice {
                Notice::Node(certificate) if certificate.short() == name.node => {
                    Some(certificate.node)
                }
                _ => None,
            }
        };
        let node = self.notices.values().find_map(node)?;
        Some(FeedId { node, lane: name.lane, programme: name.programme })
    }

    fn head_at(&self, tip: &Known, blocks: u64) -> Option<Head> {
        let Some(last) = blocks.checked_sub(1) else {
            return Some(Head::start(&self.federation, &tip.feed));
        };
        self.on(tip, last).map(|block| block.header.end())
    }

    fn block(&self, tip: &Known, seq: u64) -> Option<Block> {
        self.on(tip, seq).cloned()
    }

    fn header(&self, tip: &Known, seq: u64) -> Option<(Header, Signature)> {
        self.on(tip, seq).map(|block| (block.header, block.signature))
    }

    fn holds(&self, feed: &FeedId, head: &Head) -> bool {
        self.blocks.iter().any(|(of, block)| of == feed && block.header.end() == *head)
    }

    fn loose(&self) -> Vec<Loose> {
        let of = |kind: Kind, name: &Hash| Loose { kind, name: *name };
        let notices = self.notices.keys().map(|name| of(Kind::Notice, name));
        let forks = self.forks.keys().map(|name| of(Kind::Fork, name));
        let mut all: Vec<Loose> = notices.chain(forks).collect();
        all.sort_unstable_by_key(|loose| loose.name);
        all
    }

    fn carried(&self, loose: &Loose) -> Vec<Frame> {
        let notice = self.notices.get(&loose.name).map(|n| Frame::Notice(Box::new(n.clone())));
        let fork = self.forks.get(&loose.name).map(|p| Frame::ForkProof(Box::new(p.clone())));
        notice.into_iter().chain(fork).collect()
    }

    fn wants(&self, _: usize, _: &dyn Fn(&Item) -> bool) -> Vec<Item> {
        Vec::new()
    }

    fn piece(&self, _: &Item, _: u32) -> Option<(Vec<Frame>, bool)> {
        None
    }
}
