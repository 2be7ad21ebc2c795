//! Deriving state anew, naming it by its root, and checking what is stored.

use annona_ledger::entry::Entry;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CarrierId, FeedId, ProgrammeId, Pseudonym};
use annona_ledger::key::PublicKey;
use annona_ledger::leaf::{self, Leaf};
use annona_ledger::state;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, Pool, Slot, View};
use annona_ledger::{limits, wire};
use rusqlite::TransactionBehavior;

use super::rows::{self, At64, FLOAT, SLOT, TICKET};
use super::work::{ChainRow, Work};
use super::{Store, StoreFault, power, schema};

/// What a look at the stored bytes found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Blocks looked at.
    pub blocks: u64,
    /// Entries in them and in tails.
    pub entries: u64,
    /// Places that are not what they were, in words.
    pub damage: Vec<String>,
}

impl Store {
    /// Empties every derived table and folds all blocks and tails again. `progress` is told how many of how many blocks
    /// are done.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]; the old state stands then.
    pub fn rebuild(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreFault> {
        let charter = self.charter()?.clone();
        let roster = self.roster().clone();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Work::new(tx, charter, roster).derive(progress)?.commit()
    }

    /// The root of the state as it stands.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub fn root(&self) -> Result<Hash, StoreFault> {
        let work = self.look()?;
        let root = work.root();
        work.check()?;
        Ok(root)
    }

    /// Checks every stored block and tail against its header and signature, and SQLite's own structure.
    ///
    /// # Errors
    ///
    /// [`StoreFault`] where the file cannot be read at all; what is damaged in it is in the answer.
    pub fn check_all(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Health, StoreFault> {
        let mut health = Health::default();
        let mut rows = self.conn.prepare("PRAGMA integrity_check(16)")?;
        for word in rows.query_map([], |r| r.get::<_, String>(0))? {
            match word {
                Ok(word) if word == "ok" => {}
                Ok(word) => health.damage.push(format!("SQLite: {word}")),
                Err(fault) => health.damage.push(format!("SQLite: {fault}")),
            }
        }
        match self.changed_pages()? {
            0 => {}
            n => health.damage.push(format!("{n} of the checkpoints")),
        }
        let work = self.look()?;
        let federation = self.federation()?;
        let feeds = work.feeds();
        let total: u64 = feeds.iter().map(|feed| feed.seq).sum();
        for feed in &feeds {
            let floor = work.floor(feed.chain);
            let mut head = match (feed.left, floor) {
                (None, None) => Head::start(&federation, &feed.id),
                (None, Some(floor)) => floor.head,
                (Some(_), _) => work.first_block(feed.chain)?,
            };
            let above = floor.map_or(0, |floor| floor.blocks);
            work.blocks::<StoreFault>(feed.chain, above, |row, evidence| {
                let header = &row.block.header;
                let place = || format!("{} block {}", feed.id.short(), header.seq);
                let sound = row.block.verify(&federation, &feed.id);
                if let Err(fault) = sound {
                    health.damage.push(format!("{}: {fault}", place()));
                }
                if header.start() != head {
                    health.damage.push(format!("{}: does not continue the block before", place()));
                }
                if evidence.is_some_and(|e| row.block.check_evidence(&e).is_err()) {
                    health.damage.push(format!("{}: its evidence is changed", place()));
                }
                head = header.end();
                health.blocks = health.blocks.saturating_add(1);
                health.entries = health.entries.saturating_add(u64::from(header.count));
                progress(health.blocks, total);
                Ok(true)
            })?;
            if head != feed.sealed {
                health.damage.push(format!("{}: blocks are missing at its end", feed.id.short()));
            }
            let tail = work.tail(feed.chain)?;
            for bytes in &tail {
                head = head.after(bytes);
                health.entries = health.entries.saturating_add(1);
            }
            if head != feed.head {
                health.damage.push(format!("{}: its open tail is changed", feed.id.short()));
            }
        }
        Ok(health)
    }

    /// What an opening checks of a node's own feeds, each one's last block and its tail, so that nothing is signed on top of
    /// damage. What others wrote is not asked about: a block of theirs that a disk has lost keeps nobody here from food.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Damaged`] naming the first place.
    pub fn check_own(&self, own: &PublicKey) -> Result<(), StoreFault> {
        self.check_ends(|feed| feed.node == *own)
    }

    /// As [`Store::check_own`], of every feed.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Damaged`] naming the first place.
    pub fn check_heads(&self) -> Result<(), StoreFault> {
        self.check_ends(|_| true)
    }

    fn check_ends(&self, of: impl Fn(&FeedId) -> bool) -> Result<(), StoreFault> {
        let Ok(federation) = self.federation() else { return Ok(()) };
        let work = self.look()?;
        for feed in work.feeds().into_iter().filter(|feed| of(&feed.id)) {
            if let Some(last) = feed.sealed.next.checked_sub(1) {
                let branch_start = feed.left.is_some_and(|left| left.index > last);
                let begins = work.floor(feed.chain).is_some_and(|floor| floor.head == feed.sealed);
                if !branch_start && !begins {
                    let found = work.block_at(At { chain: feed.chain, index: last });
                    work.check()?;
                    let sound = found.is_some_and(|row: super::BlockRow| {
                        row.block.verify(&federation, &feed.id).is_ok()
                            && row.block.header.end() == feed.sealed
                    });
                    if !sound {
                        return Err(StoreFault::damaged(format!(
                            "the last block of {}",
                            feed.id.short()
                        )));
                    }
                }
            }
            let head =
                work.tail(feed.chain)?.iter().fold(feed.sealed, |head, bytes| head.after(bytes));
            if head != feed.head {
                return Err(StoreFault::damaged(format!("the open tail of {}", feed.id.short())));
            }
        }
        Ok(())
    }
}

impl<'a> Work<'a> {
    /// Empties every derived table and folds anew all that this transaction sees. Nothing counts before it is committed, so
    /// whatever asked for it is changed in the same transaction: cut short, both are as they were.
    pub(super) fn derive(self, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, StoreFault> {
        self.flush()?;
        let Self { tx, charter, roster, .. } = self;
        for table in schema::DERIVED_TABLES {
            tx.execute(&format!("DELETE FROM {table}"), [])?;
        }
        power::fresh(&tx)?;
        let work = Work::new(tx, charter.clone(), roster);
        let based = work.based();
        for epoch in 0..=charter.epoch() {
            for change in work.budgets_beside(epoch, based.as_ref()) {
                work.apply(change);
            }
        }
        let feeds = work.feeds();
        let total: u64 = feeds.iter().map(|feed| feed.seq).sum();
        let mut done = 0u64;
        let mut above = Vec::new();
        for feed in &feeds {
            let start = match feed.left {
                None => Head::start(&charter.federation(), &feed.id),
                Some(left) => work.start_of_branch(left)?,
            };
            let Some(row) = work.chain_row(feed.chain) else { continue };
            let forked = feeds.iter().any(|other| other.id == feed.id && other.left.is_some())
                || work.fork_proof(&feed.id)?.is_some();
            if work.floor(feed.chain).is_some() {
                above.extend(forked.then_some(feed.chain));
                continue;
            }
            let fresh =
                ChainRow { head: start, stamp: Minute(0), merchants: 0, faulty: forked, ..row };
            work.set_chain(feed.chain, fresh);
        }
        if based.is_some() {
            work.load_base()?;
        }
        above.into_iter().for_each(|chain| work.mark_faulty(chain));
        // A branch names lots of the chain it left: chains go in the order in which they became known.
        let mut order = feeds;
        order.sort_by_key(|feed| feed.chain);
        for feed in &order {
            let above = work.floor(feed.chain).map_or(0, |floor| floor.blocks);
            work.blocks::<StoreFault>(feed.chain, above, |row, _| {
                let entries = row.block.read(feed.id.lane)?;
                work.fold_block(feed.chain, &entries);
                done = done.saturating_add(1);
                progress(done, total);
                Ok(true)
            })?;
            work.fold_tail(feed.chain)?;
        }
        work.check()?;
        Ok(work)
    }
}

impl Work<'_> {
    fn start_of_branch(&self, left: At) -> Result<Head, StoreFault> {
        let head = self.head_after(left.chain, left.index);
        self.check()?;
        head.ok_or_else(|| {
            StoreFault::damaged(format!("chain {} before {}", left.chain.0, left.index))
        })
    }

    /// Where the first block of a branch begins, which may be before the branch does.
    fn first_block(&self, chain: ChainNo) -> Result<Head, StoreFault> {
        let mut start = None;
        self.blocks::<StoreFault>(chain, 0, |row, _| {
            start = Some(row.block.header.start());
            Ok(false)
        })?;
        start.ok_or_else(|| StoreFault::damaged(format!("the first block of chain {}", chain.0)))
    }

    /// The entries of a chain that are not in a sealed block yet, in order.
    ///
    /// # Errors
    ///
    /// The first fault this transaction met.
    pub fn tail(&self, chain: ChainNo) -> Result<Vec<Vec<u8>>, StoreFault> {
        let from = At64(At { chain, index: 0 });
        let to = At64(At { chain: ChainNo(chain.0.saturating_add(1)), index: 0 });
        let tail = self.all(
            "SELECT entry FROM tail WHERE at>=?1 AND at<?2 ORDER BY at",
            [from, to],
            |r| r.get(0),
        );
        self.check()?;
        let pending = self.pending.borrow();
        let pending = pending.iter().filter(|(at, _)| at.chain == chain);
        Ok(tail.into_iter().chain(pending.map(|(_, (bytes, _))| bytes.clone())).collect())
    }

    fn fold_tail(&self, chain: ChainNo) -> Result<(), StoreFault> {
        for bytes in self.tail(chain)? {
            let head = self.head(chain);
            let entry = Entry::decode(self.chain(chain).feed.lane, &bytes)?;
            let at = At { chain, index: head.next };
            self.fold_at(at, head.after(&bytes), &entry);
        }
        self.check()
    }

    /// The root of the state as this transaction sees it. A fault is kept.
    #[must_use]
    pub fn root(&self) -> Hash {
        leaf::root(&self.state_leaves())
    }

    /// The leaves under the state root. Rows are read again for each share of them that is held: a ledger of millions of
    /// lots has no room in a phone's memory. A fault is kept.
    #[must_use]
    pub fn state_leaves(&self) -> Vec<Leaf> {
        let flushed = self.flush();
        self.kept(flushed);
        let leaves = leaf::leaves_told(leaf::HELD, |each| {
            self.state_rows(each);
            self.check()
        });
        self.kept(leaves).unwrap_or_default()
    }

    /// Hands on the rows under the state root, in no particular order.
    fn state_rows(&self, out: &mut dyn FnMut(&[u8])) {
        self.each(&format!("SELECT {SLOT}, at FROM slot WHERE same IS NULL"), |r| {
            if let Slot::Lot(lot) = rows::slot(r)? {
                let at = r.get::<_, At64>(10)?.0;
                out(&state::lot_bytes(&self.chain(at.chain).feed.short(), &lot));
            }
            Ok(())
        });
        for (key, pool) in self.all_pools() {
            if pool != Pool::default() {
                out(&state::pool_bytes(&key, &pool));
            }
        }
        self.each(&format!("SELECT {TICKET}, name FROM ticket"), |r| {
            out(&state::ticket_bytes(&Hash(r.get(13)?), &rows::ticket(r)?));
            Ok(())
        });
        self.each(&format!("SELECT {FLOAT}, name FROM float"), |r| {
            let name = Hash(r.get(8)?);
            out(&state::float_bytes(&name, &rows::float(r, &name)?));
            Ok(())
        });
        self.each("SELECT programme, pseudonym FROM enrolled", |r| {
            out(&state::enrolled_bytes(ProgrammeId(r.get(0)?), &Pseudonym(r.get(1)?)));
            Ok(())
        });
        self.each("SELECT programme, carrier, pseudonym FROM carrier", |r| {
            let (carrier, who) = (CarrierId(r.get(1)?), Pseudonym(r.get(2)?));
            out(&state::carrier_bytes(ProgrammeId(r.get(0)?), &carrier, &who));
            Ok(())
        });
        self.each("SELECT DISTINCT programme, carrier FROM cancelled", |r| {
            out(&state::cancelled_bytes(ProgrammeId(r.get(0)?), &CarrierId(r.get(1)?)));
            Ok(())
        });
        let lists = self.all("SELECT node, idx, bytes FROM list", [], |r| {
            Ok((r.get::<_, [u8; 8]>(0)?, r.get::<_, i64>(1)?, r.get::<_, Vec<u8>>(2)?))
        });
        for (node, index, bytes) in lists {
            let list = wire::decode(&bytes, limits::ENTRY_BYTES).map_err(StoreFault::from);
            if let Some(list) = self.kept(list) {
                out(&state::list_bytes(&node, index.cast_unsigned(), &list));
            }
        }
        self.stop_rows().iter().for_each(|row| out(row));
        self.settled_bytes().iter().for_each(|row| out(row));
    }
}
