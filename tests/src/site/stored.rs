//! A node over the real ledger file: SQLite with its write-ahead log, as shipped.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annona_ledger::admit::Draft;
use annona_ledger::block::Block;
use annona_ledger::charge::Charge;
use annona_ledger::charter::SignedArticle;
use annona_ledger::checkpoint::{Chunk, Cosignature, Page, Refusal, Said, vouch};
use annona_ledger::cut::Label;
use annona_ledger::feed::Head;
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FeedId, FeedRef, Lane, MerchantId, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::SignedNotice;
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::{self, Settling};
use annona_ledger::suspense::{self, Suspense};
use annona_ledger::ticket::{Promise, Ticket, sign_place};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{At, Fault, Opened, Pool, PoolKey, View};
use annona_ledger::wire::{Bounded, Bytes};
use annona_node::checkpoint::{self, Carried};
use annona_node::receipt;
use annona_node::store::{self, Extent, Store, StoreFault, Work};
use tempfile::TempDir;

use super::bound::well_bound;
use super::tables::{apart, tables};
use super::{Received, Seen, Site};
use crate::cast::{CASH, ITEMS};

/// Why every `expect` on the store holds here: its disk is the test's own, and has room.
const SOUND: &str = "the ledger file of a test is sound";

/// Both programmes.
const PROGRAMMES: [ProgrammeId; 2] = [CASH, ITEMS];

/// What a new node is handed: papers, a checkpoint with its rows, and the blocks there are.
pub struct Beginning<'a> {
    /// The articles.
    pub articles: &'a [SignedArticle],
    /// The notices.
    pub notices: &'a [SignedNotice],
    /// The checkpoint.
    pub page: Page,
    /// Who signed it.
    pub cosignatures: Vec<Cosignature>,
    /// Its rows.
    pub rows: Vec<Chunk>,
    /// Every block, those below the checkpoint too.
    pub blocks: &'a [(FeedId, Block)],
}

/// Starts a node from a checkpoint instead of from the first block, hands it what came later, and returns where it stands.
///
/// # Errors
///
/// Why it cannot start from it.
pub fn begin(with: &Beginning<'_>) -> Result<Hash, String> {
    let mut node = Stored::found([0x77; 32], with.articles, with.notices);
    let Beginning { page, cosignatures, rows, .. } = with;
    let (page, cosignatures, rows) = (page.clone(), cosignatures.clone(), rows.clone());
    let carried = Carried { page, cosignatures, rows };
    checkpoint::begin(&mut node.store, &carried, &PROGRAMMES.into()).map_err(|e| e.to_string())?;
    let mut waits: Vec<&(FeedId, Block)> = with.blocks.iter().collect();
    loop {
        let before = waits.len();
        waits.retain(|(feed, block)| node.receive(feed, block) == Received::Waits);
        if waits.len() == before {
            break;
        }
    }
    Ok(node.root())
}

/// The node.
pub struct Stored {
    seed: [u8; 32],
    key: SigningKey,
    store: Store,
    /// Each power cut moves the node to a new folder, with the files as they lay on the disk.
    folder: TempDir,
}

fn ledger(folder: &TempDir) -> PathBuf {
    folder.path().join("ledger.db")
}

fn log(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

impl Stored {
    /// Founds a node's folder: the first articles and notices are handed over in person.
    #[must_use]
    pub fn found(seed: [u8; 32], articles: &[SignedArticle], notices: &[SignedNotice]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut store = Store::create(&ledger(&folder)).expect(SOUND);
        for article in articles {
            store.apply_article(article).expect("the cast's articles follow one another");
        }
        for notice in notices {
            store.learn(notice).expect("the charter bears it out");
        }
        Self { seed, key: SigningKey::from_seed(&seed), store, folder }
    }

    fn open(seed: [u8; 32], folder: TempDir) -> Self {
        let store = Store::open(&ledger(&folder)).expect(SOUND);
        store.check_heads().expect("what was durable is whole");
        Self { seed, key: SigningKey::from_seed(&seed), store, folder }
    }

    fn copied(&self) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder");
        self.store.copy_to(&ledger(&folder)).expect(SOUND);
        folder
    }

    /// Looks, and makes sure that the answer is no silence about a failed look.
    fn look<T>(&self, at: impl FnOnce(&Work<'_>) -> T) -> T {
        let work = self.store.look().expect(SOUND);
        let answer = at(&work);
        work.check().expect(SOUND);
        answer
    }
}

impl Site for Stored {
    fn submit(&mut self, feed: &FeedId, drafts: &[Draft]) -> Result<Vec<Promise>, Rejection> {
        let federation = self.store.federation().expect(SOUND);
        let mut work = self.store.begin().expect(SOUND);
        let chain = work.open_trunk(feed).expect(SOUND);
        if !well_bound(drafts) {
            // What binds other entries than it says never reaches the store: the pages build baskets whole.
            let first = work.accept(chain, drafts.get(..1).unwrap_or_default(), &[]).expect(SOUND);
            work.abandon().expect(SOUND);
            return Err(first.err().unwrap_or(Rejection::BadBasket));
        }
        let accepted = work.accept(chain, drafts, &[]).expect(SOUND)?;
        work.commit().expect(SOUND);
        // Goods leave after the commit, and no signature before it.
        let promised = accepted.into_iter().map(|entry| {
            let next = entry.at.index + 1;
            let head = Head { next, accumulator: entry.accumulator };
            Promise {
                feed: entry.feed.short(),
                index: entry.at.index,
                before: entry.before,
                signature: sign_place(&self.key, &federation, &entry.feed, &head),
                entry: Bytes::new(entry.bytes).expect("admitted entries fit"),
            }
        });
        Ok(promised.collect())
    }

    fn seal(&mut self, now: Millis) -> Vec<(FeedId, Block)> {
        let mut work = self.store.begin().expect(SOUND);
        let mut own = work.feeds();
        own.retain(|feed| feed.id.node == self.key.public() && feed.left.is_none());
        own.sort_by_key(|feed| feed.id);
        let mut sealed = Vec::new();
        for feed in own {
            let blocks = work.seal(feed.chain, &self.key, now, Extent::All).expect(SOUND);
            sealed.extend(blocks.into_iter().map(|block| (feed.id, block)));
        }
        work.commit().expect(SOUND);
        sealed
    }

    fn receive(&mut self, feed: &FeedId, block: &Block) -> Received {
        let mut work = self.store.begin().expect(SOUND);
        match work.receive(feed, block, None) {
            Ok(received) => {
                work.commit().expect(SOUND);
                match received {
                    store::Received::New => Received::New,
                    store::Received::Known => Received::Known,
                    store::Received::Fork { .. } => Received::Fork,
                    store::Received::Gap { .. }
                    | store::Received::AuthorUnknown
                    | store::Received::CharterBehind { .. }
                    | store::Received::TooManyBranches => Received::Waits,
                }
            }
            Err(StoreFault::Block(_)) => Received::Refused,
            Err(fault) => panic!("{SOUND}: {fault}"),
        }
    }

    fn learn(&mut self, notice: &SignedNotice) {
        match self.store.learn(notice) {
            Ok(_) | Err(StoreFault::Notice(_)) => {}
            Err(fault) => panic!("{SOUND}: {fault}"),
        }
    }

    fn article(&mut self, article: &SignedArticle) {
        match self.store.apply_article(article) {
            // One that forks the charter is kept beside the other.
            Ok(_) | Err(StoreFault::Article(_) | StoreFault::CharterForked { .. }) => {}
            Err(fault) => panic!("{SOUND}: {fault}"),
        }
    }

    fn crash(&mut self, keep: usize) {
        let folder = TempDir::new().expect("a temporary folder");
        // Something was being written that nobody was promised, and a torn piece of it reached the log.
        let nobody = SigningKey::from_seed(&[0xee; 32]).public();
        let feed = FeedId { node: nobody, lane: Lane::Value, programme: CASH };
        let work = self.store.begin().expect(SOUND);
        work.open_trunk(&feed).expect(SOUND);
        let (from, to) = (ledger(&self.folder), ledger(&folder));
        std::fs::copy(&from, &to).expect("it is there");
        let mut written = std::fs::read(log(&from)).unwrap_or_default();
        written.extend(std::iter::repeat_n(0xee, keep));
        std::fs::write(log(&to), written).expect("there is room");
        drop(work);
        *self = Self::open(self.seed, folder);
        let lost = self.look(|work| work.trunk(&feed).is_none());
        assert!(lost, "what was not committed is not there");
    }

    fn restored(&self) -> Box<dyn Site> {
        Box::new(Self::open(self.seed, self.copied()))
    }

    fn blocks(&self) -> Vec<(FeedId, Block)> {
        self.look(|work| {
            let mut blocks = Vec::new();
            work.blocks_as_kept::<StoreFault>(|feed, row| {
                blocks.push((*feed, row.block));
                Ok(true)
            })
            .expect(SOUND);
            blocks
        })
    }

    fn heads(&self) -> Vec<(FeedId, Head)> {
        let feeds = self.look(|work| work.feeds());
        // A branch whose blocks repeat what the chain it left says has come no further than that one; nor has a chain
        // that a branch goes on from at its end, where another copy cut its blocks elsewhere.
        let own = |f: &&store::Feed| {
            f.head.next > 0 && f.left.is_none_or(|left| left.index < f.head.next)
        };
        let ends = |f: &&store::Feed| {
            let end = At { chain: f.chain, index: f.head.next };
            !feeds.iter().any(|b| b.left == Some(end) && b.head.next > end.index)
        };
        let tips = feeds.iter().filter(own).filter(ends);
        let mut heads: Vec<_> = tips.map(|feed| (feed.id, feed.head)).collect();
        heads.sort_unstable();
        heads
    }

    fn last_stamp(&self, feed: &FeedId) -> Minute {
        self.look(|work| work.trunk(feed).map_or(Minute(0), |chain| work.last_stamp(chain)))
    }

    fn epoch(&self) -> u32 {
        self.store.charter().expect(SOUND).epoch()
    }

    fn root(&self) -> Hash {
        self.store.root().expect(SOUND)
    }

    fn replayed(&self) -> Hash {
        let folder = self.copied();
        let mut store = Store::open(&ledger(&folder)).expect(SOUND);
        let kept = tables(&ledger(&folder)).expect(SOUND);
        let steps = Cell::new(0u64);
        store.rebuild(&mut |_, _| steps.set(steps.get() + 1)).expect(SOUND);
        // The root is of what nodes agree on. What a till alone looks up is made anew as it was as well.
        let anew = tables(&ledger(&folder)).expect(SOUND);
        assert_eq!(apart(&kept, &anew), None, "a rebuild makes another file");
        let health = store.check_all(&mut |_, _| {}).expect(SOUND);
        assert!(health.damage.is_empty(), "{:?}", health.damage);
        assert_eq!(health.blocks, steps.get(), "every block is folded again");
        store.root().expect(SOUND)
    }

    fn pools(&self) -> BTreeMap<PoolKey, Pool> {
        let pools = self.look(|work| work.all_pools());
        pools.into_iter().filter(|(_, pool)| *pool != Pool::default()).collect()
    }

    fn whole_pools(&self) -> BTreeMap<PoolKey, Pool> {
        let pools = self.look(|work| work.whole_pools());
        pools.into_iter().filter(|(_, pool)| *pool != Pool::default()).collect()
    }

    fn waiting(&self, feed: &FeedRef, unnamed: MerchantId) -> Vec<Settling> {
        self.look(|work| {
            let trunk = |f: &store::Feed| f.id.short() == *feed && f.left.is_none();
            let sealed = work.feeds().into_iter().find(trunk).map_or(0, |f| f.sealed.next);
            settlement::lines(work, feed, &super::reach(work, feed, sealed, unnamed))
        })
    }

    fn lots(&self) -> Vec<Seen> {
        let mut lots = self.look(|work| {
            let seen = work.all_lots().into_iter().map(|(at, lot)| Seen {
                feed: work.chain(at.chain).feed.short(),
                origin: lot.origin,
                owner: lot.owner,
                cycle: lot.cycle,
                commodity: lot.commodity,
                balance: lot.balance.units(),
                held: lot.held.units(),
                waiting: lot.opened == Opened::Waiting,
            });
            seen.collect::<Vec<_>>()
        });
        lots.sort_unstable();
        lots
    }

    fn faults(&self) -> Vec<(FeedRef, u64, Fault)> {
        self.look(|work| {
            let named = work.faults().into_iter().map(|(at, number)| {
                let fault = Fault::of(number).expect("only faults are noted as faults");
                (work.chain(at.chain).feed.short(), at.index, fault)
            });
            named.collect()
        })
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        self.look(|work| work.faulty(feed))
    }

    fn charges(&self) -> Option<Vec<Charge>> {
        None
    }

    fn suspense(&self) -> Vec<Suspense> {
        let pools = self.whole_pools();
        self.look(|work| suspense::among(work, pools).collect())
    }

    fn label(&self, _: &Hash, _: Option<CycleId>) -> Option<Label> {
        None
    }

    fn page(&mut self, time: Minute) -> Option<Page> {
        let page = self.store.page(&self.key.public(), &PROGRAMMES.into(), time).expect(SOUND);
        self.store.keep_page(&page).expect(SOUND).expect("its own page stands");
        Some(page)
    }

    fn cosign(
        &mut self,
        page: &Page,
        key: &SigningKey,
        time: Minute,
    ) -> Result<Cosignature, Refusal> {
        self.store.keep_page(page).expect(SOUND).map_err(Refusal::Page)?;
        let checkpoint = page.checkpoint.hash();
        let kept = self.store.kept_page(&checkpoint).expect(SOUND).expect("it was just kept");
        let memory = self.look(|work| {
            let signed = work.signed().expect(SOUND);
            // Clocks of a run are years apart; what a date ahead does is tried at the witness itself.
            vouch(&kept.page, &kept.frontier, &signed, Minute(u32::MAX), work)
        })?;
        // What it folded itself, of exactly that much.
        let scratch = self.store.scratch(&kept.frontier, page.checkpoint.epoch).expect(SOUND);
        let scratch = scratch.expect("it began with nothing");
        let then = scratch.store.look().expect(SOUND);
        let folded = then.leaves_at(&kept.frontier, &PROGRAMMES.into()).expect(SOUND);
        let same = (&page.state.to_vec(), &page.working.to_vec()) == (&folded.0, &folded.1);
        let leaves =
            if same { page.state.iter().map(|leaf| leaf.id).collect() } else { Vec::new() };
        let holds = if same { vec![ProgrammeId::NONE, CASH, ITEMS] } else { Vec::new() };
        drop(then);
        let said = Said {
            checkpoint,
            witness: self.key.public().short(),
            time,
            leaves: Bounded::new(leaves).expect("no more than the page has"),
            holds: Bounded::new(holds).expect("three"),
        };
        let signed = said.sign(&self.store.federation().expect(SOUND), key);
        let work = self.store.begin().expect(SOUND);
        work.sign_for(&memory, &signed).expect(SOUND);
        work.commit().expect(SOUND);
        Ok(signed)
    }

    fn rows(&self, checkpoint: &Hash) -> Vec<Chunk> {
        let carried = checkpoint::carry(&self.store, checkpoint, Some(&PROGRAMMES.into()));
        carried.map(|carried| carried.rows).unwrap_or_default()
    }

    fn fork_proof(&self, feed: &FeedId) -> Option<ForkProof> {
        self.look(|work| work.fork_proof(feed).expect(SOUND))
    }

    fn ticket(&self, promise: &Promise) -> Option<Ticket> {
        self.look(|work| {
            let feeds = work.feeds();
            let trunk = |f: &&store::Feed| f.id.short() == promise.feed && f.left.is_none();
            let chain = feeds.iter().find(trunk)?.chain;
            let id = feeds.iter().find(trunk)?.id;
            let refund = |index| receipt::refunded(work, &self.key, &id, index).ok();
            super::ticket(work, chain, promise, refund)
        })
    }
}
