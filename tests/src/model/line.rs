//! What the lists hold.

use annona_ledger::entry::{Entry, Owner};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedId, FeedRef, ProgrammeId, Purse};
use annona_ledger::time::Minute;

/// One entry, under its name.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The feed.
    pub feed: FeedId,
    /// Its index there.
    pub index: u64,
    /// The name of the entry before it.
    pub before: Hash,
    /// Its own name.
    pub name: Hash,
    /// What it says.
    pub entry: Entry,
}

/// One sealed block of a feed.
#[derive(Clone, Copy, Debug)]
pub struct BlockLine {
    /// The feed.
    pub feed: FeedId,
    /// Its number there.
    pub seq: u64,
    /// The hash of its header.
    pub hash: Hash,
    /// Index of its first entry.
    pub first: u64,
    /// Index after its last.
    pub next: u64,
    /// The name of its last entry.
    pub last: Hash,
    /// How much of the charter its author knew.
    pub epoch: u32,
}

/// Units in one place.
#[derive(Clone, Debug)]
pub struct LotLine {
    /// The feed.
    pub feed: FeedRef,
    /// The entries that opened it: more than one where branches claimed one ticket.
    pub opened_by: Vec<Hash>,
    /// Its name.
    pub origin: Hash,
    /// Whom it is for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// What was put in.
    pub credit: i128,
    /// What was taken.
    pub debit: i128,
    /// What pending holds set aside.
    pub held: i128,
    /// The last minute in which it may be redeemed.
    pub expires: Minute,
    /// Whether its claim waits for the sender's certificate.
    pub waiting: bool,
    /// The sends that filled it, nearest first, as its claim carried them: name and sender.
    pub hops: Vec<(Hash, [u8; 8])>,
}

impl LotLine {
    /// What is left.
    #[must_use]
    pub const fn left(&self) -> i128 {
        self.credit - self.debit
    }
}

/// Units that left for another feed.
#[derive(Clone, Debug)]
pub struct SendLine {
    /// The name of the `Send` or `FloatCover`; of a budget, its line's.
    pub name: Hash,
    /// The sender; `None` for a budget, and for what an article set free.
    pub from: Option<[u8; 8]>,
    /// Whose suspense an article took it out of.
    pub released: Option<[u8; 8]>,
    /// Its index in the sender's feed.
    pub index: u64,
    /// The index of the entry that opened the lot it was drawn on.
    pub lot: u64,
    /// The programme.
    pub programme: ProgrammeId,
    /// The receiver.
    pub to: [u8; 8],
    /// Whom they are for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: i128,
    /// Until when.
    pub expires: Minute,
    /// Whether the entry itself is known.
    pub placed: bool,
    /// The claims of it by its receiver.
    pub claims: Vec<Hash>,
}

/// Goods handed out, or taken back where the amount is below zero.
#[derive(Clone, Debug)]
pub struct GivenLine {
    /// The entry.
    pub name: Hash,
    /// By whom.
    pub feed: FeedRef,
    /// To whom.
    pub purse: Purse,
    /// Whether from float.
    pub float: bool,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: i128,
    /// The lot, by its place among the lots: two branches may each refund a redemption of one index, and then two lots
    /// of one feed have one name.
    pub lot: usize,
    /// The stamp.
    pub at: Minute,
    /// For float: the purse's home.
    pub home: Option<FeedRef>,
    /// What was refunded, at most, on any branch; the refunds' names.
    pub refunded: i128,
    /// The refunds.
    pub refunds: Vec<Hash>,
    /// The covers, where from float.
    pub covers: Vec<Hash>,
}

/// Units set aside.
#[derive(Clone, Debug)]
pub struct HoldLine {
    /// The `Hold`.
    pub name: Hash,
    /// The lot, by its place among the lots.
    pub lot: usize,
    /// How much.
    pub amount: i128,
    /// Until when.
    pub until: Minute,
    /// The posts and drops.
    pub resolved: Vec<Hash>,
}
