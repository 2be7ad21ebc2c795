//! Sizes that are the same on every machine: what a redemption, a promise, a ticket and a receipt weigh.

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::entry::{Entry, FloatCover, Lot, Method, Owner, Send, Value};
use annona_ledger::feed::{Head, leaf};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, EntryName, FederationId, FeedId, FeedRef, Lane, Purse};
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::merkle;
use annona_ledger::receipt::{Heading, Receipt};
use annona_ledger::ticket::{Moved, Promise, Sent, sign_place};
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::wire::{self, Bounded, Bytes};

use super::federation::{CASH, USD};
use super::{Chance, Fault};

/// The first index that takes a fourth byte.
const LOTS_BELOW: u64 = 1 << 21;
/// Two million minutes: nearly four years after founding.
const LATE: Minute = Minute((1 << 21) - 1);
/// The largest amount of two bytes: 163.83.
const TWO_BYTES: usize = (1 << 14) - 1;

/// What things weigh, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// The core body of a block of 256 redemptions of currency.
    pub body: usize,
    /// Header and signature of that block.
    pub seal: usize,
    /// A receipt of one of them, without provenance.
    pub receipt: usize,
    /// A promise of one of them.
    pub promise: usize,
    /// The ticket of a send, without provenance.
    pub ticket: usize,
    /// The ticket of a float's cover, without provenance.
    pub cover: usize,
    /// One hop of provenance.
    pub hop: usize,
}

impl Sizes {
    /// Bytes of the body for each redemption.
    #[must_use]
    pub fn body_each(&self) -> f64 {
        self.body as f64 / limits::BLOCK_ENTRIES as f64
    }

    /// Bytes of body, header and signature for each redemption.
    #[must_use]
    pub fn all_each(&self) -> f64 {
        (self.body + self.seal) as f64 / limits::BLOCK_ENTRIES as f64
    }

    /// Weighs, near the upper end of every number's range: lots and indexes just below 2,097,152, the charter's
    /// hundredth epoch, a clock of today.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn weigh() -> Result<Self, Fault> {
        let key = SigningKey::from_seed(&[5; 32]);
        let feed = FeedId { node: key.public(), lane: Lane::Value, programme: CASH };
        let federation = FederationId(Hash([6; 32]));
        let mut chance = Chance::new(1);
        let entries: Vec<Vec<u8>> =
            (0..limits::BLOCK_ENTRIES).map(|_| redemption(&mut chance).encode()).collect();
        let start = Head { next: LOTS_BELOW - 512, accumulator: Hash([7; 32]) };
        let block = Draft {
            feed,
            seq: LOTS_BELOW / 256,
            start,
            entries: &entries,
            evidence: &Evidence::default(),
            frontier_root: Hash([8; 32]),
            epoch: 100,
            hlc: Hlc { millis: 1_800_000_000_000, count: 3 },
        }
        .seal(&key, &federation)?;
        let seal = wire::encode(&block.header).len() + wire::encode(&block.signature).len();
        let hop = wire::encode(&sent(&key, Moved::Send(send()))).len();
        Ok(Self {
            body: block.body.len(),
            seal,
            receipt: wire::encode(&receipt(&feed, &block, &entries)?).len(),
            promise: wire::encode(&promise(&key, &federation, &feed, &start, &entries)?).len(),
            // A claim carries the ticket, and one byte that says how many hops follow.
            ticket: hop + 1,
            cover: wire::encode(&sent(&key, Moved::Cover(cover(&feed)))).len() + 1,
            hop,
        })
    }
}

fn redemption(chance: &mut Chance) -> Entry {
    let lot = LOTS_BELOW - 1 - u64::try_from(chance.below(1 << 20)).unwrap_or(0);
    let units = 1 + u64::try_from(chance.below(TWO_BYTES)).unwrap_or(0);
    Entry::Value(Value::Redeem {
        lot: Lot(lot),
        amount: Amount::new(units).unwrap_or(Amount::MAX),
        merchant: u32::try_from(chance.below(20)).unwrap_or(0),
        at: LATE,
        method: Method::Pin,
    })
}

fn promise(
    key: &SigningKey,
    federation: &FederationId,
    feed: &FeedId,
    start: &Head,
    entries: &[Vec<u8>],
) -> Result<Promise, Fault> {
    let entry = entries.first().ok_or("an entry")?;
    let signature = sign_place(key, federation, feed, &start.after(entry));
    Ok(Promise {
        feed: feed.short(),
        index: start.next,
        before: start.accumulator,
        entry: Bytes::new(entry.clone())?,
        signature,
    })
}

fn receipt(feed: &FeedId, block: &Block, entries: &[Vec<u8>]) -> Result<Receipt, Fault> {
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf(entry)).collect();
    let last = entries.len() - 1;
    Ok(Receipt {
        feed: feed.short(),
        entry: Bytes::new(entries.last().cloned().ok_or("an entry")?)?,
        path: merkle::path(&leaves, u32::try_from(last)?).ok_or("a path")?,
        heading: Heading::of(&block.header),
        signature: block.signature,
        provenance: Bounded::empty(),
    })
}

fn sent(key: &SigningKey, moved: Moved) -> Sent {
    Sent {
        node: key.public().short(),
        index: LOTS_BELOW - 1,
        before: Hash([9; 32]),
        moved,
        signature: key.sign(annona_ledger::key::Context::Promise, &[], b""),
    }
}

fn send() -> Send {
    Send {
        from: Lot(LOTS_BELOW - 2),
        to: [1; 8],
        owner: Owner::Purse(Purse([2; 16])),
        cycle: CycleId(12),
        commodity: USD,
        amount: Amount::new(2_000_000).unwrap_or(Amount::MAX),
        expires: LATE,
        at: LATE,
    }
}

fn cover(feed: &FeedId) -> FloatCover {
    let FeedRef { programme, .. } = feed.short();
    let float = EntryName {
        feed: FeedRef::value([1; 8], programme),
        index: LOTS_BELOW - 1,
        accumulator: Hash([4; 32]),
    };
    FloatCover {
        from: Lot(LOTS_BELOW - 2),
        float,
        cycle: CycleId(12),
        commodity: USD,
        amount: Amount::new(2_000_000).unwrap_or(Amount::MAX),
        at: LATE,
    }
}
