//! What the world asks of a node, whatever keeps its state.

mod bound;
pub mod memory;
pub mod shelf;
pub mod stored;
mod tables;

use std::collections::BTreeMap;

use annona_ledger::admit::{self, Draft};
use annona_ledger::block::Block;
use annona_ledger::charge::Charge;
use annona_ledger::charter::SignedArticle;
use annona_ledger::checkpoint::{Chunk, Cosignature, Page, Refusal};
use annona_ledger::cut::{self, Label};
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::feed::Head;
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedId, FeedRef, MerchantId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::SignedNotice;
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::{Reach, Settling};
use annona_ledger::suspense::Suspense;
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket, carried};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{ChainNo, Fault, Pool, PoolKey, View};
use annona_ledger::wire::WireFault;

/// What became of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// It continues what is known of its feed.
    New,
    /// It was known.
    Known,
    /// It leaves what was known of its feed.
    Fork,
    /// Blocks before it, its author's certificate or an article are missing: offered again later.
    Waits,
    /// It is not what its header says.
    Refused,
}

/// A lot as the comparison sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    /// The feed it lies in.
    pub feed: FeedRef,
    /// Its name.
    pub origin: Hash,
    /// Whom it is for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// What is left.
    pub balance: i128,
    /// What is held of it.
    pub held: i128,
    /// Whether its claim waits for the sender's certificate.
    pub waiting: bool,
}

/// A node: its core, its storage and its key.
pub trait Site {
    /// Asks to write one draft, or a basket and its drafts, and makes it durable.
    ///
    /// # Errors
    ///
    /// The rejection; then nothing was written.
    fn submit(&mut self, feed: &FeedId, drafts: &[Draft]) -> Result<Vec<Promise>, Rejection>;
    /// Seals every open tail, and returns what it sealed.
    fn seal(&mut self, now: Millis) -> Vec<(FeedId, Block)>;
    /// Takes in a block.
    fn receive(&mut self, feed: &FeedId, block: &Block) -> Received;
    /// Takes in a notice.
    fn learn(&mut self, notice: &SignedNotice);
    /// Takes in an article.
    fn article(&mut self, article: &SignedArticle);
    /// The power goes while something is being written, and comes back. `keep` bytes of what was not durable survive.
    fn crash(&mut self, keep: usize);
    /// A copy of the folder as it is now, opened elsewhere with the same keys.
    fn restored(&self) -> Box<dyn Site>;
    /// Every sealed block known here, each feed's in order.
    fn blocks(&self) -> Vec<(FeedId, Block)>;
    /// Every chain known here, tails included.
    fn heads(&self) -> Vec<(FeedId, Head)>;
    /// The newest stamp in this node's own feed.
    fn last_stamp(&self, feed: &FeedId) -> Minute;
    /// The charter's epoch.
    fn epoch(&self) -> u32;
    /// The state root.
    fn root(&self) -> Hash;
    /// The state root after deriving everything anew.
    fn replayed(&self) -> Hash;
    /// The pools that are not empty.
    fn pools(&self) -> BTreeMap<PoolKey, Pool>;
    /// The pools that are not empty, with what was shown of feeds whose blocks are not here.
    fn whole_pools(&self) -> BTreeMap<PoolKey, Pool>;
    /// The lines that settle what is in no settlement yet of a feed, as a treasury's program finds them; whoever's name
    /// burnt with the feed is paid as `unnamed`.
    fn waiting(&self, feed: &FeedRef, unnamed: MerchantId) -> Vec<Settling>;
    /// The lots, in order.
    fn lots(&self) -> Vec<Seen>;
    /// The faults noted.
    fn faults(&self) -> Vec<(FeedRef, u64, Fault)>;
    /// Whether a feed is proven faulty.
    fn faulty(&self, feed: &FeedRef) -> bool;
    /// What organisations owe; `None` where nobody here can say, as in a ledger file.
    fn charges(&self) -> Option<Vec<Charge>>;
    /// The pools that are suspense.
    fn suspense(&self) -> Vec<Suspense>;
    /// What an entry is called by the cuts known here; `None` where nobody here can say.
    fn label(&self, name: &Hash, cycle: Option<CycleId>) -> Option<Label>;
    /// Makes a checkpoint of what is here; `None` over the core's maps, which make none.
    fn page(&mut self, time: Minute) -> Option<Page>;
    /// Signs a checkpoint as a witness, remembering what it signed.
    ///
    /// # Errors
    ///
    /// Why it does not.
    fn cosign(
        &mut self,
        page: &Page,
        key: &SigningKey,
        time: Minute,
    ) -> Result<Cosignature, Refusal>;
    /// The rows that a node starts from, of a checkpoint kept here.
    fn rows(&self, checkpoint: &Hash) -> Vec<Chunk>;
    /// The proof kept that a feed forked.
    fn fork_proof(&self, feed: &FeedId) -> Option<ForkProof>;
    /// The ticket of a promised send, with its provenance.
    fn ticket(&self, promise: &Promise) -> Option<Ticket>;
}

/// The ticket of a promise of a chain, with the provenance of what it moves; `refund` signs one of the chain's own.
fn ticket(
    view: &dyn View,
    chain: ChainNo,
    promise: &Promise,
    refund: impl Fn(u64) -> Option<Sent>,
) -> Option<Ticket> {
    let (from, moved) = match promise.entry().ok()? {
        Entry::Value(Value::Send(send)) => (send.from, Moved::Send(send)),
        Entry::Value(Value::FloatCover(cover)) => (cover.from, Moved::Cover(cover)),
        _ => return None,
    };
    // All of it, where there is room: what stands in a block here need not have reached the receiver.
    let hops = admit::carrying(view, chain, from, Some(moved.to())).ok()?;
    let Promise { feed, index, before, signature, .. } = promise;
    let sent =
        Sent { node: feed.node, index: *index, before: *before, moved, signature: *signature };
    let signed = |index| refund(index).ok_or(WireFault::Malformed);
    Some(Ticket::Sent(sent, carried(&hops, signed).ok()?))
}

/// How far a treasury settles a feed by stretches: all that is sealed, as far as every branch says the same, and nobody
/// cut it. What lies beyond is settled entry by entry only where its blocks will not come.
fn reach(view: &dyn View, feed: &FeedRef, sealed: u64, unnamed: MerchantId) -> Reach {
    let chains = view.branches(feed);
    let left = chains.iter().filter_map(|chain| view.chain(*chain).left.map(|left| left.index));
    let trunk = chains.iter().find(|chain| view.chain(**chain).left.is_none());
    let lowest = cut::lowest(view, feed);
    let below = trunk.zip(lowest).and_then(|(trunk, lowest)| cut::below(view, *trunk, &lowest));
    let end = left.chain([sealed]).chain(below).min().unwrap_or(0);
    let beyond = lowest.is_some() || chains.len() > 1 || view.faulty(feed);
    Reach { end, beyond, merchant: Some(unnamed) }
}
