//! One transaction: what it sees, and what it will have changed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use annona_ledger::admit::Draft;
use annona_ledger::amount::Balance;
use annona_ledger::charter::Charter;
use annona_ledger::clock::{self, Others};
use annona_ledger::consent::Told;
use annona_ledger::day::DayRow;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::Head;
use annona_ledger::fold::Place;
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CarrierId, Commitment, CommodityId, FeedId, FeedRef, Lane, MerchantId, OrgId, ProgrammeId,
    Pseudonym, Purse,
};
use annona_ledger::key::{PublicKey, Ready, Signature};
use annona_ledger::list::List;
use annona_ledger::notice::Roster;
use annona_ledger::orphan::Fact;
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::SettlementRow;
use annona_ledger::ticket::Sent;
use annona_ledger::time::Minute;
use annona_ledger::view::{
    At, Chain, ChainNo, Change, ClockWord, FloatRow, FloatSpan, Floor, HoldRow, LotRow, Pool,
    PoolKey, Revocation, Sealed, Slot, TicketRow, Use, View,
};
use annona_ledger::{admit, fold, limits, wire};
use rusqlite::{OptionalExtension, Params, Row, ToSql, Transaction, params};

use super::StoreFault;
use super::held::Held;
use super::recent::Recent;
use super::rows::{self, At64, FLOAT, SLOT, Sum, TICKET};

/// Where a node last sent what a purse had.
pub(super) const GONE_TO: &str =
    "SELECT receiver FROM ticket WHERE sender=?1 AND purse=?2 ORDER BY idx DESC LIMIT 1";

/// A chain's row, as it stands within this transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainRow {
    pub(super) chain: Chain,
    pub(super) head: Head,
    pub(super) stamp: Minute,
    /// How much of it is in sealed blocks.
    pub(super) sealed: Head,
    /// The number of its next block.
    pub(super) seq: u64,
    pub(super) merchants: u32,
    pub(super) faulty: bool,
}

/// A transaction on the ledger file. Dropped without [`Work::commit`], nothing of it remains.
///
/// It is a [`View`]: where a look into the file fails, the fault is kept, the look answers with nothing, and the commit
/// refuses.
pub struct Work<'a> {
    pub(super) tx: Transaction<'a>,
    pub(super) charter: Arc<Charter>,
    pub(super) roster: Arc<Roster>,
    /// Rows that nearly every entry touches: read once, written once.
    pub(super) chains: RefCell<Held<ChainNo, ChainRow>>,
    pub(super) pools: RefCell<Held<PoolKey, Pool>>,
    /// What stands at opening entries' places. It is written at the end, a new one before any is looked for by its purse.
    pub(super) slots: RefCell<Held<At, Slot>>,
    /// Entries of the tail that are not in the file yet: most of a burst are sealed before they would be.
    pub(super) pending: RefCell<BTreeMap<At, Pending>>,
    trunks: RefCell<BTreeMap<FeedId, ChainNo>>,
    /// Lists whose approvals were checked in this transaction, and what came of it: charter and roster stand still in it.
    pub(super) approved: RefCell<Approved>,
    newest: Cell<Option<Newest>>,
    merchants: RefCell<BTreeMap<(ChainNo, MerchantId), u32>>,
    /// The lowest ticket of a feed that its blocks here do not bear out, if any. Forgotten when any ticket changes.
    pub(super) unplaced: RefCell<BTreeMap<FeedId, Option<u64>>>,
    /// Where feeds ended and what was said against them: few, and asked for at every entry.
    pub(super) stopped: RefCell<Option<super::cuts::Stopped>>,
    /// Whether others have shown entries of a feed, once asked for.
    pub(super) burnt: RefCell<BTreeMap<FeedRef, bool>>,
    /// Whether refunds wait for entries of a feed, once asked for.
    pub(super) refunds: RefCell<BTreeMap<FeedRef, bool>>,
    /// How many feeds of programmes that the charter does not have are here, by organisation, once asked for.
    pub(super) unknown: RefCell<Option<BTreeMap<Option<OrgId>, usize>>>,
    /// The chains of feeds, once asked for.
    pub(super) numbers: RefCell<BTreeMap<FeedId, Vec<ChainNo>>>,
    /// The highest row of a list that a lot was opened for, once asked for. Rows come nearly always in their order, and what
    /// is above it was used by nobody.
    pub(super) rows_used: RefCell<MostUsed>,
    /// The blocks folded last: what an entry refers to nearly always stands in one of them.
    pub(super) recent: RefCell<Recent>,
    /// The chain that was asked for last: of a dozen questions an entry asks of chains, all are about its own.
    last: Cell<Option<(ChainNo, ChainRow)>>,
    /// Room for what a fold changes.
    changes: RefCell<Vec<Change>>,
    /// Sends whose signatures were checked beforehand and hold, by signature.
    pub(super) vouched: RefCell<BTreeMap<Signature, (Sent, ProgrammeId)>>,
    pub(super) fault: RefCell<Option<StoreFault>>,
    /// Where rows are left for the next transaction.
    pub(super) home: Option<(Home, i64)>,
}

/// Rows as the last transaction of a writer left them, until something else writes the file.
#[derive(Default)]
pub(super) struct Kept {
    chains: Held<ChainNo, ChainRow>,
    pools: Held<PoolKey, Pool>,
    slots: Held<At, Slot>,
    recent: Recent,
    /// How many rows this connection had changed, and the number of the last commit of another.
    at: Option<(u64, i64)>,
}

/// What stays with one store from one transaction to the next.
#[derive(Clone, Default)]
pub(super) struct Home {
    kept: Arc<Mutex<Kept>>,
    pub(super) ready: Arc<Mutex<Ready>>,
}

/// An entry of the tail, and its evidence.
pub(super) type Pending = (Vec<u8>, Option<Vec<u8>>);

/// Lists by node and index, where their approvals hold.
type Approved = BTreeMap<([u8; 8], u64), Option<List>>;

/// The highest row of lists, by node and index, that a lot was opened for; of some there is none.
type MostUsed = BTreeMap<([u8; 8], u64), Option<u32>>;

/// The newest stamps as one node sees them, looked for once in a transaction.
#[derive(Clone, Copy)]
struct Newest {
    of: [u8; 8],
    own: Option<Minute>,
    others: Option<Others>,
}

/// Under which name a reading of the clock is kept that somebody here believed: an incarnation has its own, since a copy of
/// the folder stands at another machine.
pub(crate) fn believed_key(own: &PublicKey) -> String {
    format!("clock believed {own}")
}

/// Rows of one kind held in memory at most: a rebuild is one transaction over all there is.
const HELD: usize = 16_384;
/// Rows of one kind kept between transactions at most: 8 MB of lots.
const KEPT: usize = 49_152;

/// An entry this node has written, in its place. Its promise may be signed once the transaction is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The feed.
    pub feed: FeedId,
    /// Its place.
    pub at: At,
    /// The accumulator before it.
    pub before: Hash,
    /// The accumulator after it.
    pub accumulator: Hash,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl<'a> Work<'a> {
    pub(super) fn new(tx: Transaction<'a>, charter: Arc<Charter>, roster: Arc<Roster>) -> Self {
        Self {
            tx,
            charter,
            roster,
            chains: RefCell::default(),
            pools: RefCell::default(),
            slots: RefCell::default(),
            pending: RefCell::default(),
            trunks: RefCell::default(),
            approved: RefCell::default(),
            newest: Cell::new(None),
            merchants: RefCell::default(),
            unplaced: RefCell::default(),
            stopped: RefCell::default(),
            burnt: RefCell::default(),
            refunds: RefCell::default(),
            unknown: RefCell::default(),
            numbers: RefCell::default(),
            rows_used: RefCell::default(),
            recent: RefCell::default(),
            last: Cell::new(None),
            changes: RefCell::default(),
            vouched: RefCell::default(),
            fault: RefCell::default(),
            home: None,
        }
    }

    /// The same for the one who writes: what its last transaction knew of rows it need not read again, as long as nobody
    /// else has written since. `version` is the number of the last commit of another connection.
    pub(super) fn at_home(mut self, home: &Home, version: i64) -> Self {
        let mut kept =
            std::mem::take(&mut *home.kept.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.at.take() == Some((self.tx.total_changes(), version)) {
            self.chains = RefCell::new(kept.chains);
            self.pools = RefCell::new(kept.pools);
            self.slots = RefCell::new(kept.slots);
            self.recent = RefCell::new(kept.recent);
        }
        self.home = Some((home.clone(), version));
        self
    }

    /// Reads at most one row; a failure is kept and answers nothing.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        key: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let found = self
            .tx
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(key, read).optional());
        self.kept(found.map_err(StoreFault::from)).flatten()
    }

    pub(super) fn all<T>(
        &self,
        sql: &str,
        key: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let found = self
            .tx
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(key, read)?.collect());
        self.kept(found.map_err(StoreFault::from)).unwrap_or_default()
    }

    /// Reads rows one by one, as many as there are.
    pub(super) fn each(&self, sql: &str, mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) {
        let walked = self.tx.prepare_cached(sql).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                read(row)?;
            }
            Ok(())
        });
        self.kept(walked.map_err(StoreFault::from));
    }

    pub(super) fn write(&self, sql: &str, values: impl Params) {
        let done = self.writing().and_then(|tx| Ok(tx.prepare_cached(sql)?.execute(values)?));
        self.kept(done);
    }

    /// The transaction, for writing. SQLite may end it by itself where a statement fails, as on a full disk: what is written
    /// after that would be a commit of its own.
    pub(super) fn writing(&self) -> Result<&Transaction<'a>, StoreFault> {
        if self.tx.is_autocommit() {
            self.check()?;
            let given_up = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
            return Err(rusqlite::Error::SqliteFailure(given_up, None).into());
        }
        Ok(&self.tx)
    }

    pub(super) fn kept<T>(&self, result: Result<T, StoreFault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault.borrow_mut().get_or_insert(fault);
                None
            }
        }
    }

    /// The first fault this transaction met, if any: asked before an answer taken from it is relied on.
    ///
    /// # Errors
    ///
    /// That fault.
    pub fn check(&self) -> Result<(), StoreFault> {
        self.fault.borrow_mut().take().map_or(Ok(()), Err)
    }

    pub(super) fn chain_row(&self, chain: ChainNo) -> Option<ChainRow> {
        if let Some((_, row)) = self.last.get().filter(|(last, _)| *last == chain) {
            return Some(row);
        }
        let row = self.chain_held(chain)?;
        self.last.set(Some((chain, row)));
        Some(row)
    }

    fn chain_held(&self, chain: ChainNo) -> Option<ChainRow> {
        if let Some(row) = self.chains.borrow().get(&chain) {
            return Some(row);
        }
        let row = self.one(
            "SELECT f.id, c.left_chain, c.left_index, c.next, c.accumulator, c.stamp, c.sealed,
                    c.sealed_accumulator, c.seq, c.merchants, c.faulty
             FROM chain c JOIN feed f ON f.no=c.feed WHERE c.no=?1",
            [chain.0],
            chain_row,
        )?;
        self.chains.borrow_mut().read(chain, row);
        Some(row)
    }

    pub(super) fn set_chain(&self, chain: ChainNo, row: ChainRow) {
        self.last.set(Some((chain, row)));
        self.chains.borrow_mut().set(chain, row);
    }

    /// The chain of a feed that was known first, if any.
    #[must_use]
    pub fn trunk(&self, feed: &FeedId) -> Option<ChainNo> {
        if let Some(chain) = self.trunks.borrow().get(feed) {
            return Some(*chain);
        }
        let chain = self.one(
            "SELECT c.no FROM chain c JOIN feed f ON f.no=c.feed WHERE f.id=?1 AND c.left_chain IS NULL",
            [feed.bytes()],
            |r| r.get(0).map(ChainNo),
        )?;
        self.trunks.borrow_mut().insert(*feed, chain);
        Some(chain)
    }

    /// What the words of all other nodes come to for a node, stamps and cosignatures; none where none is here.
    #[must_use]
    pub fn heard_of_others(&self, node: &PublicKey) -> Option<Others> {
        let mut stamps = self.newest_stamps();
        // Only kept ones are here: each was found to be its witness's.
        let said =
            self.all("SELECT witness, max(time) FROM cosignature GROUP BY witness", [], |r| {
                Ok((r.get::<_, [u8; 8]>(0)?, Minute(r.get(1)?)))
            });
        for (witness, at) in said {
            let newest = stamps.entry(witness).or_default();
            *newest = at.max(*newest);
        }
        clock::others(&self.roster, &node.short(), &stamps)
    }

    /// The newest stamp of a node in any feed, if it wrote anything, and what those of all others come to for it.
    #[must_use]
    pub fn newest_of(&self, node: &PublicKey) -> (Option<Minute>, Option<Others>) {
        if let Some(found) = self.newest.get().filter(|found| found.of == node.short()) {
            return (found.own, found.others);
        }
        let stamps = self.newest_stamps();
        let others = clock::others(&self.roster, &node.short(), &stamps);
        let own = stamps.get(&node.short()).copied();
        self.newest.set(Some(Newest { of: node.short(), own, others }));
        (own, others)
    }

    /// The newest stamp of each node in any feed.
    fn newest_stamps(&self) -> BTreeMap<[u8; 8], Minute> {
        // A feed's id begins with its node's algorithm and key.
        let rows = self.all(
            "SELECT f.id, max(c.stamp) FROM chain c JOIN feed f ON f.no=c.feed GROUP BY substr(f.id, 1, 33)",
            [],
            |r| Ok((r.get::<_, [u8; 36]>(0)?, Minute(r.get(1)?))),
        );
        let written =
            rows.iter().filter_map(|(id, at)| Some((rows::feed_id(id)?.node.short(), *at)));
        let mut stamps: BTreeMap<[u8; 8], Minute> = written.collect();
        for (_, row) in self.chains.borrow().iter() {
            let newest = stamps.entry(row.chain.feed.node.short()).or_default();
            *newest = row.stamp.max(*newest);
        }
        stamps
    }

    /// The newest reading of this machine's clock that whoever works here said was right, if any.
    pub(crate) fn believed_clock(&self, own: &PublicKey) -> Option<Minute> {
        let key = believed_key(own);
        let kept: Option<Vec<u8>> =
            self.one("SELECT value FROM meta WHERE key=?1", [key], |r| r.get(0));
        kept.and_then(|bytes| bytes.try_into().ok()).map(|bytes| Minute(u32::from_le_bytes(bytes)))
    }

    /// The chain of a feed, made if it is new.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn open_trunk(&self, feed: &FeedId) -> Result<ChainNo, StoreFault> {
        if let Some(chain) = self.trunk(feed) {
            return Ok(chain);
        }
        self.check()?;
        let head = Head::start(&self.charter.federation(), feed);
        self.add_chain(feed, None, head, 0)
    }

    pub(super) fn add_chain(
        &self,
        feed: &FeedId,
        left: Option<At>,
        head: Head,
        seq: u64,
    ) -> Result<ChainNo, StoreFault> {
        self.numbers.borrow_mut().remove(feed);
        self.unknown.borrow_mut().take();
        self.writing()?.execute("INSERT OR IGNORE INTO feed(id) VALUES(?1)", [feed.bytes()])?;
        self.writing()?.execute(
            "INSERT INTO chain(feed, left_chain, left_index, next, accumulator, stamp, sealed, sealed_accumulator, seq)
             VALUES((SELECT no FROM feed WHERE id=?1), ?2, ?3, ?4, ?5, 0, ?4, ?5, ?6)",
            params![
                feed.bytes(),
                left.map(|at| at.chain.0),
                left.map(|at| at.index.cast_signed()),
                head.next.cast_signed(),
                head.accumulator.0,
                seq.cast_signed(),
            ],
        )?;
        let number = self.tx.last_insert_rowid();
        Ok(ChainNo(u32::try_from(number).map_err(|_| StoreFault::damaged("chain numbers"))?))
    }

    /// Writes drafts of one feed, all of them or none: one draft, or a basket.
    ///
    /// # Errors
    ///
    /// The rejection of the first draft that is refused, in the outer `Ok`; a storage fault in the outer `Err`. In both
    /// cases nothing of the group remains.
    pub fn accept(
        &mut self,
        chain: ChainNo,
        drafts: &[Draft],
        evidence: &[Option<Vec<u8>>],
    ) -> Result<Result<Vec<Accepted>, Rejection>, StoreFault> {
        self.spill();
        if drafts.len() == 1 {
            // Refused, it has written nothing; admitted, it is in whole.
            let outcome = self.accept_each(chain, drafts, evidence);
            self.check()?;
            return Ok(outcome);
        }
        let start = At { chain, index: self.head(chain).next };
        self.writing()?.prepare_cached("SAVEPOINT basket")?.execute([])?;
        self.chains.borrow_mut().mark();
        self.pools.borrow_mut().mark();
        self.slots.borrow_mut().mark();
        let outcome = self.accept_each(chain, drafts, evidence);
        self.check()?;
        if outcome.is_err() {
            self.tx.prepare_cached("ROLLBACK TO basket")?.execute([])?;
            self.chains.borrow_mut().take_back();
            self.last.set(None);
            self.pools.borrow_mut().take_back();
            self.slots.borrow_mut().take_back();
            self.approved.borrow_mut().clear();
            self.merchants.borrow_mut().clear();
            self.numbers.borrow_mut().clear();
            self.rows_used.borrow_mut().clear();
            self.unplaced.borrow_mut().clear();
            *self.stopped.borrow_mut() = None;
            self.burnt.borrow_mut().clear();
            self.refunds.borrow_mut().clear();
            self.pending.borrow_mut().retain(|at, _| at.chain != chain || at.index < start.index);
        } else {
            self.chains.borrow_mut().keep();
            self.pools.borrow_mut().keep();
            self.slots.borrow_mut().keep();
        }
        self.tx.prepare_cached("RELEASE basket")?.execute([])?;
        Ok(outcome)
    }

    /// Writes what is held once there is much of it.
    pub(super) fn spill(&self) {
        if self.slots.borrow().len() > HELD || self.pending.borrow().len() > HELD {
            let flushed = self.flush();
            self.kept(flushed);
            self.slots.borrow_mut().clear();
        }
    }

    fn accept_each(
        &self,
        chain: ChainNo,
        drafts: &[Draft],
        evidence: &[Option<Vec<u8>>],
    ) -> Result<Vec<Accepted>, Rejection> {
        let mut accepted = Vec::with_capacity(drafts.len());
        for (i, draft) in drafts.iter().enumerate() {
            let admitted = admit::admit(self, chain, draft)?;
            let following = drafts.len().saturating_sub(i + 1);
            // What it binds comes with it: a block that ends before its basket is none.
            if let Entry::Value(Value::Basket { entries }) = draft.entry
                && usize::from(entries) > following
            {
                return Err(Rejection::BadBasket);
            }
            let proof = evidence.get(i).and_then(Option::as_deref);
            if let Some(proof) = proof {
                self.keep_spends(&self.chain(chain).feed, proof);
            }
            accepted.push(self.append(chain, admitted.entry(), admitted.bytes(), proof));
        }
        Ok(accepted)
    }

    fn append(
        &self,
        chain: ChainNo,
        entry: &Entry,
        bytes: &[u8],
        evidence: Option<&[u8]>,
    ) -> Accepted {
        let head = self.head(chain);
        let after = head.after(bytes);
        let at = At { chain, index: head.next };
        let pending = (bytes.to_vec(), evidence.map(<[u8]>::to_vec));
        self.pending.borrow_mut().insert(at, pending);
        self.fold_at(at, after, entry);
        Accepted {
            feed: self.chain(chain).feed,
            at,
            before: head.accumulator,
            accumulator: after.accumulator,
            bytes: bytes.to_vec(),
        }
    }

    /// Folds one entry at the end of its chain.
    pub(super) fn fold_at(&self, at: At, after: Head, entry: &Entry) {
        let Some(row) = self.chain_row(at.chain) else { return };
        let place = Place {
            feed: row.chain.feed,
            at,
            accumulator: after.accumulator,
            last_stamp: row.stamp,
        };
        let mut changes = self.changes.take();
        fold::fold_into(self, &place, entry, &mut changes);
        for change in changes.drain(..) {
            self.apply(change);
        }
        self.changes.replace(changes);
        let Some(row) = self.chain_row(at.chain) else { return };
        let stamp = row.stamp.max(entry.stamp().unwrap_or(row.stamp));
        let feed = row.chain.feed;
        self.set_chain(at.chain, ChainRow { head: after, stamp, ..row });
        if let Entry::Value(value) = entry {
            let (feed, programme) = (feed.short(), feed.programme);
            self.held_against_shown(&feed, at.index);
            self.held_against_refunds(&feed, &after);
            self.hold_refunds(programme, value);
        }
    }

    /// Makes everything durable. When this returns, promises may be signed and goods may leave.
    ///
    /// # Errors
    ///
    /// The first fault met on the way; nothing of the transaction remains then.
    pub fn commit(self) -> Result<(), StoreFault> {
        self.flush()?;
        let Self { tx, home, chains, pools, slots, recent, .. } = self;
        let changes = tx.total_changes();
        tx.commit()?;
        if let Some((home, version)) = home {
            let (chains, pools, slots) =
                (chains.into_inner(), pools.into_inner(), slots.into_inner());
            if slots.len() <= KEPT && pools.len() <= KEPT {
                let recent = recent.into_inner();
                let kept = Kept { chains, pools, slots, recent, at: Some((changes, version)) };
                *home.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            }
        }
        Ok(())
    }

    /// Lets everything go.
    ///
    /// # Errors
    ///
    /// The first fault met on the way.
    pub fn abandon(self) -> Result<(), StoreFault> {
        self.check()
    }

    pub(super) fn flush(&self) -> Result<(), StoreFault> {
        for (at, (bytes, evidence)) in std::mem::take(&mut *self.pending.borrow_mut()) {
            self.write(
                "INSERT INTO tail(at, entry, evidence) VALUES(?1, ?2, ?3)",
                params![At64(at), bytes, evidence],
            );
        }
        self.flush_slots();
        for (chain, row, _) in self.chains.borrow_mut().changed() {
            self.write(
                "UPDATE chain SET next=?2, accumulator=?3, stamp=?4, sealed=?5, sealed_accumulator=?6, seq=?7,
                        merchants=?8, faulty=?9 WHERE no=?1",
                params![
                    chain.0,
                    row.head.next.cast_signed(),
                    row.head.accumulator.0,
                    row.stamp.0,
                    row.sealed.next.cast_signed(),
                    row.sealed.accumulator.0,
                    row.seq.cast_signed(),
                    row.merchants,
                    row.faulty,
                ],
            );
        }
        for (key, pool, _) in self.pools.borrow_mut().changed() {
            self.write(
                "INSERT OR REPLACE INTO pool(node, programme, cycle, commodity, lots, arriving, redeemed)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    key.node,
                    key.programme.0,
                    key.cycle.0,
                    key.commodity.0,
                    Sum(pool.lots),
                    Sum(pool.arriving),
                    Sum(pool.redeemed),
                ],
            );
        }
        self.check()
    }

    pub(super) fn pool(&self, key: &PoolKey) -> Pool {
        if let Some(pool) = self.pools.borrow().get(key) {
            return pool;
        }
        let pool = self
            .one(
                "SELECT lots, arriving, redeemed FROM pool WHERE node=?1 AND programme=?2 AND cycle=?3 AND commodity=?4",
                params![key.node, key.programme.0, key.cycle.0, key.commodity.0],
                |r| {
                    Ok(Pool {
                        lots: r.get::<_, Sum>(0)?.0,
                        arriving: r.get::<_, Sum>(1)?.0,
                        redeemed: r.get::<_, Sum>(2)?.0,
                    })
                },
            )
            .unwrap_or_default();
        self.pools.borrow_mut().read(*key, pool);
        pool
    }

    /// Has the file hold every lot: for whoever looks for them by what they say.
    fn place_new_lots(&self) {
        if self.slots.borrow().has_new() {
            self.flush_slots();
        }
    }

    /// The lots of a purse in a chain, oldest first, those with nothing left included.
    #[must_use]
    pub fn lots_of_purse(&self, chain: ChainNo, purse: &Purse) -> Vec<(At, LotRow)> {
        self.place_new_lots();
        // Indexed chain by chain: what comes of a feed then touches few pages, wherever its purses lie.
        let lots = self.all(
            &format!("SELECT at, {SLOT} FROM slot WHERE at>>40=?1 AND purse=?2 AND purse IS NOT NULL ORDER BY at"),
            params![chain.0, purse.0],
            read_lot,
        );
        let here = lots.into_iter().flatten();
        here.map(|(at, lot)| (at, self.as_held(at, lot))).collect()
    }

    /// The holds on a lot that are neither posted nor dropped, oldest first.
    #[must_use]
    pub fn holds_of_lot(&self, lot: At) -> Vec<(At, HoldRow)> {
        self.unresolved(
            "SELECT lot, amount, merchant, until, at FROM hold WHERE lot=?1 ORDER BY at",
            At64(lot),
        )
    }

    /// The holds of every chain that are neither posted nor dropped, and may be posted at this minute, oldest first.
    #[must_use]
    pub fn open_holds(&self, at: Minute) -> Vec<(At, HoldRow)> {
        self.unresolved(
            "SELECT lot, amount, merchant, until, at FROM hold WHERE until>=?1 ORDER BY at",
            at.0,
        )
    }

    fn unresolved(&self, sql: &str, of: impl ToSql) -> Vec<(At, HoldRow)> {
        let holds = self.all(sql, [of], |r| Ok((r.get::<_, At64>(4)?.0, rows::hold(r)?)));
        holds.into_iter().filter(|(at, _)| self.uses(&Use::Hold(*at)).is_empty()).collect()
    }

    /// The lots of a chain that are nobody's yet: budget, float and reserve, oldest first.
    #[must_use]
    pub fn common_lots(&self, chain: ChainNo) -> Vec<(At, LotRow)> {
        self.place_new_lots();
        let from = At64(At { chain, index: 0 });
        let to = At64(At { chain: ChainNo(chain.0.saturating_add(1)), index: 0 });
        let mut lots = Vec::new();
        for owner in 0..3u8 {
            let sql = format!(
                "SELECT at, {SLOT} FROM slot WHERE owner=?1 AND owner<3 AND at>=?2 AND at<?3 ORDER BY at"
            );
            let found = self.all(&sql, params![owner, from, to], read_lot).into_iter().flatten();
            lots.extend(found.map(|(at, lot)| (at, self.as_held(at, lot))));
        }
        lots
    }

    /// Every lot, by place, those with nothing left included: what an audit or a comparison of two copies asks.
    #[must_use]
    pub fn all_lots(&self) -> Vec<(At, LotRow)> {
        let flushed = self.flush();
        self.kept(flushed);
        let lots = self.all(&format!("SELECT at, {SLOT} FROM slot ORDER BY at"), [], read_lot);
        lots.into_iter().flatten().collect()
    }

    /// A lot as this transaction has left it, where the file has it as it was.
    fn as_held(&self, at: At, lot: LotRow) -> LotRow {
        let held = self.slots.borrow().get(&at);
        match held {
            Some(Slot::Lot(held)) => held,
            Some(Slot::Same(_)) => lot,
            None => {
                // Whoever asks for a purse's lots is about to take from one of them.
                self.slots.borrow_mut().read(at, Slot::Lot(lot));
                lot
            }
        }
    }

    /// All pools, in order.
    #[must_use]
    pub fn all_pools(&self) -> Vec<(PoolKey, Pool)> {
        self.all(
            "SELECT node, programme, cycle, commodity, lots, arriving, redeemed FROM pool
             ORDER BY node, programme, cycle, commodity",
            [],
            |r| {
                let key = PoolKey {
                    node: r.get(0)?,
                    programme: ProgrammeId(r.get(1)?),
                    cycle: annona_ledger::id::CycleId(r.get(2)?),
                    commodity: CommodityId(r.get(3)?),
                };
                let pool = Pool {
                    lots: r.get::<_, Sum>(4)?.0,
                    arriving: r.get::<_, Sum>(5)?.0,
                    redeemed: r.get::<_, Sum>(6)?.0,
                };
                Ok((key, pool))
            },
        )
    }

    /// Tickets on their way to a node that it has not claimed, by name.
    #[must_use]
    pub fn coming(&self, node: &[u8; 8], programme: ProgrammeId) -> Vec<(Hash, TicketRow)> {
        self.all(
            &format!("SELECT {TICKET}, name FROM ticket WHERE receiver=?1 AND programme=?2 AND claimed IS NULL ORDER BY name"),
            params![node, programme.0],
            |r| Ok((Hash(r.get(13)?), rows::ticket(r)?)),
        )
    }

    /// Where a node has sent what a purse had there, if it did: the last time counts. As long as nothing came back, the holder
    /// is served there.
    #[must_use]
    pub fn gone_to(&self, node: &[u8; 8], purse: &Purse) -> Option<[u8; 8]> {
        self.one(GONE_TO, params![node, purse.0], |r| r.get(0))
    }

    /// Float redemptions that name a feed as home and that it has not covered.
    #[must_use]
    pub fn uncovered(&self, home: &FeedRef) -> Vec<FloatRow> {
        let names: Vec<Hash> = self.all(
            "SELECT name FROM float WHERE home=?1 ORDER BY at",
            [rows::feed_ref_bytes(home)],
            |r| r.get(0).map(Hash),
        );
        let rows = names.iter().filter_map(|name| Some((name, self.float(name)?)));
        rows.filter(|(name, row)| !self.is_covered(name, row)).map(|(_, row)| row).collect()
    }

    /// The faults noted, by place.
    #[must_use]
    pub fn faults(&self) -> Vec<(At, u8)> {
        self.all("SELECT at, kind FROM fault ORDER BY at, kind", [], |r| {
            Ok((r.get::<_, At64>(0)?.0, r.get(1)?))
        })
    }

    /// A merchant's number in a chain, if the chain names it.
    #[must_use]
    pub fn merchant_number(&self, chain: ChainNo, merchant: &MerchantId) -> Option<u32> {
        if let Some(number) = self.merchants.borrow().get(&(chain, *merchant)) {
            return Some(*number);
        }
        let number = self.one(
            "SELECT no FROM merchant WHERE chain=?1 AND id=?2 ORDER BY no LIMIT 1",
            params![chain.0, merchant.0],
            |r| r.get(0),
        )?;
        self.merchants.borrow_mut().insert((chain, *merchant), number);
        Some(number)
    }

    /// The merchants a chain names, by number.
    #[must_use]
    pub fn merchant_names(&self, chain: ChainNo) -> Vec<MerchantId> {
        self.all("SELECT id FROM merchant WHERE chain=?1 ORDER BY no", [chain.0], |r| {
            r.get(0).map(MerchantId)
        })
    }

    /// The frozen lists of a node, by their index in its control feed.
    #[must_use]
    pub fn lists_of(&self, node: &[u8; 8]) -> Vec<(u64, List)> {
        let found =
            self.all("SELECT idx, bytes FROM list WHERE node=?1 ORDER BY idx", [node], |r| {
                Ok((r.get::<_, i64>(0)?.cast_unsigned(), r.get::<_, Vec<u8>>(1)?))
            });
        found
            .into_iter()
            .filter_map(|(index, bytes)| {
                let list = wire::decode(&bytes, limits::ENTRY_BYTES);
                Some((index, self.kept(list.map_err(StoreFault::from))?))
            })
            .collect()
    }
}

/// Whether a send is signed by a key certified for its node.
pub(super) fn signed(
    charter: &Charter,
    roster: &Roster,
    sent: &Sent,
    programme: ProgrammeId,
) -> bool {
    let federation = charter.federation();
    roster.node_keys(&sent.node).iter().any(|key| sent.verifies(&federation, key, programme))
}

/// Reads a place, and the lot there if it is one.
pub(super) fn read_lot(row: &Row<'_>) -> rusqlite::Result<Option<(At, LotRow)>> {
    let at = row.get::<_, At64>(0)?.0;
    Ok(match rows::slot_from(row, 1)? {
        Slot::Lot(lot) => Some((at, lot)),
        Slot::Same(_) => None,
    })
}

pub(super) fn chain_row(r: &Row<'_>) -> rusqlite::Result<ChainRow> {
    let feed = rows::feed_id(&r.get::<_, [u8; 36]>(0)?).ok_or(rusqlite::Error::InvalidQuery)?;
    let left = match (r.get::<_, Option<u32>>(1)?, r.get::<_, Option<i64>>(2)?) {
        (Some(chain), Some(index)) => {
            Some(At { chain: ChainNo(chain), index: index.cast_unsigned() })
        }
        _ => None,
    };
    let head = |next: i64, accumulator: [u8; 32]| Head {
        next: next.cast_unsigned(),
        accumulator: Hash(accumulator),
    };
    Ok(ChainRow {
        chain: Chain { feed, left },
        head: head(r.get(3)?, r.get(4)?),
        stamp: Minute(r.get(5)?),
        sealed: head(r.get(6)?, r.get(7)?),
        seq: r.get::<_, i64>(8)?.cast_unsigned(),
        merchants: r.get(9)?,
        faulty: r.get(10)?,
    })
}

/// The chain an unanswerable question gets: a feed without entries. The fault is kept, so nothing is ever decided on it.
const NOWHERE: Chain = Chain {
    feed: FeedId {
        node: PublicKey::Ed25519([0; 32]),
        lane: Lane::Access,
        programme: ProgrammeId(0),
    },
    left: None,
};

impl View for Work<'_> {
    fn charter(&self) -> &Charter {
        &self.charter
    }

    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn chain(&self, chain: ChainNo) -> Chain {
        self.known(chain).map_or(NOWHERE, |row| row.chain)
    }

    fn head(&self, chain: ChainNo) -> Head {
        self.known(chain).map_or(Head { next: 0, accumulator: Hash::ZERO }, |row| row.head)
    }

    fn last_stamp(&self, chain: ChainNo) -> Minute {
        self.known(chain).map_or(Minute(0), |row| row.stamp)
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        // Few chains, and a short name leads to one certificate, hence one key.
        let Some(certificate) = self.roster.node(&feed.node) else { return false };
        let id = FeedId { node: certificate.node, lane: feed.lane, programme: feed.programme };
        let Some(trunk) = self.trunk(&id) else { return false };
        self.known(trunk).is_some_and(|row| row.faulty) || self.shown_forked(&id)
    }

    fn slot(&self, at: At) -> Option<Slot> {
        if let Some(slot) = self.slots.borrow().get(&at) {
            return Some(slot);
        }
        let sql = format!("SELECT {SLOT} FROM slot WHERE at=?1");
        let slot = self.one(&sql, [At64(at)], rows::slot)?;
        self.slots.borrow_mut().read(at, slot);
        Some(slot)
    }

    fn hold(&self, at: At) -> Option<HoldRow> {
        self.one(
            "SELECT lot, amount, merchant, until FROM hold WHERE at=?1",
            [At64(at)],
            rows::hold,
        )
    }

    fn entry(&self, at: At) -> Option<Value> {
        match self.entry_at(at)? {
            Entry::Value(value) => Some(value),
            Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => None,
        }
    }

    fn ticket(&self, name: &Hash) -> Option<TicketRow> {
        self.one(&format!("SELECT {TICKET} FROM ticket WHERE name=?1"), [name.0], rows::ticket)
    }

    fn float(&self, name: &Hash) -> Option<FloatRow> {
        self.one(&format!("SELECT {FLOAT} FROM float WHERE name=?1"), [name.0], |r| {
            rows::float(r, name)
        })
    }

    fn uses(&self, what: &Use) -> Vec<At> {
        if let Use::Row { node, list, row } = what
            && self.most_used(node, *list).is_none_or(|most| *row > most)
        {
            return Vec::new();
        }
        let (kind, key) = rows::use_key(what);
        self.all(
            "SELECT at FROM used WHERE kind=?1 AND key=?2 ORDER BY at",
            params![kind, key],
            |r| r.get::<_, At64>(0).map(|at| at.0),
        )
    }

    fn merchants(&self, chain: ChainNo) -> u32 {
        let Some(row) = self.known(chain) else { return 0 };
        let left = row.chain.left;
        let shared = left.map_or(0, |left| self.merchants_below(left.chain, left.index));
        row.merchants.saturating_add(shared)
    }

    fn has_merchant(&self, chain: ChainNo, merchant: &MerchantId) -> bool {
        self.one(
            "SELECT 1 FROM merchant WHERE chain=?1 AND id=?2 LIMIT 1",
            params![chain.0, merchant.0],
            |_| Ok(()),
        )
        .is_some()
    }

    fn list(&self, node: &[u8; 8], index: u64) -> Option<List> {
        let bytes: Vec<u8> = self.one(
            "SELECT bytes FROM list WHERE node=?1 AND idx=?2",
            params![node, index.cast_signed()],
            |r| r.get(0),
        )?;
        self.kept(wire::decode(&bytes, limits::ENTRY_BYTES).map_err(StoreFault::from))
    }

    fn approved_list(&self, node: &[u8; 8], index: u64) -> Option<List> {
        if let Some(known) = self.approved.borrow().get(&(*node, index)) {
            return known.clone();
        }
        let list = self.list(node, index)?;
        let good = annona_ledger::list::check(&list, node, &self.charter, &self.roster).is_ok();
        let approved = good.then_some(list);
        self.approved.borrow_mut().insert((*node, index), approved.clone());
        approved
    }

    fn signed(&self, sent: &Sent, programme: ProgrammeId) -> bool {
        let known = self.vouched.borrow().get(&sent.signature) == Some(&(*sent, programme));
        known || signed(&self.charter, &self.roster, sent, programme)
    }

    fn enrolled(&self, programme: ProgrammeId, pseudonym: &Pseudonym) -> bool {
        self.one(
            "SELECT 1 FROM enrolled WHERE programme=?1 AND pseudonym=?2",
            params![programme.0, pseudonym.0],
            |_| Ok(()),
        )
        .is_some()
    }

    fn carrier(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Pseudonym> {
        self.all(
            "SELECT pseudonym FROM carrier WHERE programme=?1 AND carrier=?2 ORDER BY pseudonym",
            params![programme.0, carrier.0],
            |r| r.get(0).map(Pseudonym),
        )
    }

    fn cancellations(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Option<At>> {
        self.cancelled_at(programme, carrier)
    }

    fn accumulator(&self, chain: ChainNo, next: u64) -> Option<Hash> {
        self.head_after(chain, next).map(|head| head.accumulator)
    }

    fn merchant(&self, chain: ChainNo, number: u32) -> Option<MerchantId> {
        self.merchant_at(chain, number)
    }

    fn shown(&self, feed: &FeedRef) -> Vec<Fact> {
        self.shown_of(feed)
    }

    fn day(&self, chain: ChainNo) -> Option<(u64, DayRow)> {
        self.last_day(chain)
    }

    fn lines(&self, feed: &FeedRef) -> Vec<(At, At)> {
        self.lines_of(feed)
    }

    fn settlement(&self, at: At) -> Option<SettlementRow> {
        self.settlement_at(at)
    }

    fn unverified(&self, chain: ChainNo, from: &[u8; 8], commodity: CommodityId) -> Balance {
        let claimed = self.all(
            "SELECT amount, claimed, programme FROM ticket WHERE sender=?1 AND commodity=?2 AND placed=0 AND claimed IS NOT NULL",
            params![from, commodity.0],
            |r| Ok((r.get::<_, rows::Units>(0)?.0, r.get::<_, At64>(1)?.0)),
        );
        claimed
            .iter()
            .filter(|(_, at)| at.chain == chain)
            .fold(Balance::ZERO, |sum, (amount, _)| sum.credit(*amount))
    }

    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo> {
        self.feed_named(feed).map(|feed| self.chain_numbers(&feed)).unwrap_or_default()
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        self.sealed_as(chain, seq)
    }

    fn sealed_over(&self, at: At) -> Option<Sealed> {
        self.sealed_around(at)
    }

    fn floor(&self, chain: ChainNo) -> Floor {
        let begun = Work::floor(self, chain);
        begun.map_or(Floor::default(), |it| Floor { blocks: it.blocks, next: it.head.next })
    }

    fn halted(&self, chain: ChainNo) -> Option<u64> {
        self.stopped(|stopped| stopped.halted.get(&chain).copied())
    }

    fn ended(&self, chain: ChainNo) -> Option<u64> {
        self.stopped(|stopped| stopped.ended.get(&chain).copied())
    }

    fn revocations(&self, feed: &FeedRef) -> Vec<Revocation> {
        self.stopped(|stopped| {
            stopped.revoked.iter().filter(|said| said.feed == *feed).copied().collect()
        })
    }

    fn certified(&self, feed: &FeedRef) -> Option<annona_ledger::cut::Cut> {
        self.certified_cut(feed)
    }

    fn clock_words(&self, node: &[u8; 8]) -> Vec<ClockWord> {
        self.words_about(node)
    }

    fn told(&self, about: &Commitment) -> Vec<Told> {
        self.told_about(about)
    }

    fn float_used(&self, chain: ChainNo, commodity: CommodityId, span: FloatSpan) -> Balance {
        self.one(
            "SELECT amount FROM float_sum WHERE chain=?1 AND commodity=?2 AND span=?3",
            params![chain.0, commodity.0, super::apply::span_key(&span)],
            |r| r.get::<_, Sum>(0),
        )
        .map_or(Balance::ZERO, |sum| sum.0)
    }
}

impl Work<'_> {
    /// The highest row of a list that a lot was opened for.
    fn most_used(&self, node: &[u8; 8], list: u64) -> Option<u32> {
        if let Some(most) = self.rows_used.borrow().get(&(*node, list)) {
            return *most;
        }
        let key = |row| rows::use_key(&Use::Row { node: *node, list, row });
        let ((kind, from), (_, to)) = (key(0), key(u32::MAX));
        let most = self.one(
            "SELECT key FROM used WHERE kind=?1 AND key>=?2 AND key<=?3 ORDER BY key DESC LIMIT 1",
            params![kind, from, to],
            |r| match rows::use_of(kind, &r.get::<_, Vec<u8>>(0)?)? {
                Use::Row { row, .. } => Ok(row),
                Use::Ticket(_) | Use::Float(_) | Use::Redemption(_) | Use::Hold(_) => {
                    Err(rows::damaged())
                }
            },
        );
        self.rows_used.borrow_mut().insert((*node, list), most);
        most
    }

    /// A chain that must be there: its absence is a damaged file.
    fn known(&self, chain: ChainNo) -> Option<ChainRow> {
        let row = self.chain_row(chain);
        if row.is_none() {
            self.kept::<()>(Err(StoreFault::damaged(format!("chain {}", chain.0))));
        }
        row
    }

    /// Whether a ticket shows that a feed forked: the feed signed it for a place where its chain has something else.
    pub(super) fn shown_forked(&self, feed: &FeedId) -> bool {
        if feed.lane != Lane::Value {
            return false;
        }
        let known = self.unplaced.borrow().get(feed).copied();
        let lowest = known.unwrap_or_else(|| {
            let lowest = self.lowest_unplaced(feed);
            self.unplaced.borrow_mut().insert(*feed, lowest);
            lowest
        });
        let Some(lowest) = lowest else { return false };
        let chains = self.chain_numbers(feed);
        chains.into_iter().any(|chain| lowest < fold::folded_to(self, chain))
    }

    fn lowest_unplaced(&self, feed: &FeedId) -> Option<u64> {
        let lowest = self.one(
            "SELECT min(idx) FROM ticket WHERE sender=?1 AND programme=?2 AND placed=0",
            params![feed.node.short(), feed.programme.0],
            |r| r.get::<_, Option<i64>>(0),
        );
        lowest.flatten().map(i64::cast_unsigned)
    }
}
