//! The ledger file: the only user of SQLite for ledger facts (people have a file of their own).
//!
//! [`Store`] owns the writing connection; [`Work`] is one transaction and a [`View`](annona_ledger::view::View) at once:
//! what is decided against it is committed with it, or not at all.

mod ahead;
mod apply;
mod asked;
mod belied;
mod blocks;
mod carriers;
mod checkpoints;
mod cuts;
mod fault;
mod headers;
mod held;
mod issued;
mod knew;
mod lost;
mod meet;
mod people;
mod power;
mod prune;
mod received;
mod recent;
mod replay;
mod rows;
mod schema;
mod settle;
mod spends;
mod upgrade;
mod work;
mod working;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::DiskFault;
use annona_ledger::charter::{Branches, Charter, SignedArticle};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::notice::{Roster, SignedNotice};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

pub(crate) use ahead::{Checked, Checker};
pub use asked::{Asked, Earlier};
pub use blocks::{BlockRow, Extent, Feed};
pub(crate) use checkpoints::by_leaf;
pub use checkpoints::{KeptPage, Reached, Scratch};
pub use fault::StoreFault;
pub use headers::{ForkLearned, SignedHeader};
pub(crate) use lost::Lost;
pub(crate) use meet::{PowerMark, Tip, Words};
pub use prune::{Pruned, Pruning};
pub use received::Received;
pub use replay::Health;
pub(crate) use rows::feed_id;
pub use settle::settling;
pub(crate) use work::believed_key;
pub use work::{Accepted, Work};

/// What a blob in the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Blob {
    /// The rows of a distribution list, by the list's root: canonically encoded, one after the other.
    ListRows = 1,
    /// A list waiting for approvals, by its root.
    Draft = 2,
    /// A ticket this node wrote, by its name.
    Ticket = 3,
    /// Work in progress of an import, by its own name.
    Import = 4,
    /// The proof that a feed forked, by the feed ([`Work::fork_proof`]).
    ForkProof = 5,
    /// Where a request stands that had a name of its own, by the hash of that name.
    Asked = 6,
    /// An article of a branch of the charter that is not followed, by its hash ([`Store::branches`]).
    Aside = 7,
    /// A refund that a ticket carries of a feed not known so far, by its feed and index.
    Refund = 8,
}

/// A ledger file, open for writing. One per folder, held by the writer.
pub struct Store {
    conn: Connection,
    path: PathBuf,
    charter: Option<Arc<Charter>>,
    roster: Arc<Roster>,
    branches: Branches,
    /// What the last transaction knew.
    home: work::Home,
    /// Set while state is not that of the articles and notices beside it.
    stale: bool,
}

impl Store {
    /// Creates an empty ledger file.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`] where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, StoreFault> {
        let conn = schema::open(path, true)?;
        let (path, roster) = (path.to_owned(), Arc::new(Roster::new()));
        let (branches, home) = (Branches::default(), work::Home::default());
        Ok(Self { conn, path, charter: None, roster, branches, home, stale: false })
    }

    /// Opens a ledger file, reading its charter and notices. What it says of feeds is checked by [`Store::check_heads`].
    ///
    /// # Errors
    ///
    /// [`StoreFault`] for a file that is not ours, too new, or damaged.
    pub fn open(path: &Path) -> Result<Self, StoreFault> {
        let conn = schema::open(path, false).map_err(|fault| fault.at(path))?;
        let (charter, roster, branches) = load(&conn).map_err(|fault| fault.at(path))?;
        let home = work::Home::default();
        let mut store =
            Self { conn, path: path.to_owned(), charter, roster, branches, home, stale: false };
        checkpoints::sweep(path);
        match store.freshen() {
            // It can be read, and nothing is written before it is fresh.
            Ok(()) | Err(StoreFault::Disk(_)) => Ok(store),
            Err(fault) => Err(fault),
        }
    }

    /// Opens the same file once more, for reading only: pages, audits and exports while the writer goes on.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn reader(path: &Path) -> Result<Self, StoreFault> {
        let conn = schema::open_reader(path)?;
        let (charter, roster, branches) = load(&conn).map_err(|fault| fault.at(path))?;
        let home = work::Home::default();
        Ok(Self { conn, path: path.to_owned(), charter, roster, branches, home, stale: false })
    }

    /// A connection for streaming through many rows: it knows no charter, and keeps little of the file in memory.
    pub(crate) fn streaming(path: &Path) -> Result<Connection, StoreFault> {
        let conn = schema::open_reader(path)?;
        // Each row is read once: only the way to it is worth keeping.
        conn.execute_batch("PRAGMA cache_size=-256")?;
        Ok(conn)
    }

    /// Keeps no more than 1 MiB of the file in memory: of a reader of which there are many.
    pub(crate) fn keep_little(&self) -> Result<(), StoreFault> {
        Ok(self.conn.execute_batch("PRAGMA cache_size=-1024")?)
    }

    /// Makes durable whatever can be read here. A process that was killed between writing and syncing its log leaves
    /// entries that the next one reads as committed, and that a power cut would still take: nothing may be promised,
    /// repeated or handed on that rests on them before this. Costs nothing where the log is empty.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn settle(&self) -> Result<(), StoreFault> {
        let (busy, logged, copied): (i64, i64, i64) =
            self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })?;
        // The log is synced before it is copied. Where a reader keeps it from being copied, a commit of our own syncs it.
        if busy != 0 || copied < logged { self.set_meta("settled", &[]) } else { Ok(()) }
    }

    /// As [`Store::settle`], for who holds no folder and only reads: what was read here may be handed on after this.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn settle_log(&self) -> Result<(), StoreFault> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let log = PathBuf::from(log);
        // Windows syncs only what may be written.
        match std::fs::File::options().read(true).write(cfg!(windows)).open(&log) {
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
            opened => opened
                .and_then(|log| log.sync_all())
                .map_err(|fault| DiskFault::io("write", &log, fault).into()),
        }
    }

    /// This store without its file, which it has given back: every look into it fails.
    pub(crate) fn closed(&self) -> Result<Self, StoreFault> {
        let (charter, roster) = (self.charter.clone(), self.roster.clone());
        let conn = Connection::open_in_memory()?;
        let branches = self.branches.clone();
        let home = work::Home::default();
        Ok(Self {
            conn,
            path: self.path.clone(),
            charter,
            roster,
            branches,
            home,
            stale: self.stale,
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The charter.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`].
    pub fn charter(&self) -> Result<&Arc<Charter>, StoreFault> {
        self.charter.as_ref().ok_or(StoreFault::NoCharter)
    }

    /// The federation.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`].
    pub fn federation(&self) -> Result<FederationId, StoreFault> {
        Ok(self.charter()?.federation())
    }

    /// Certificates and cycles.
    #[must_use]
    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    pub(crate) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Begins a transaction that will write. Dropped without a commit, it never was.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`], [`StoreFault::Disk`]; [`StoreFault::Stale`] while state cannot be derived anew that must
    /// be.
    pub fn begin(&mut self) -> Result<Work<'_>, StoreFault> {
        self.fresh()?;
        let charter = self.charter.clone().ok_or(StoreFault::NoCharter)?;
        let roster = self.roster.clone();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked at every commit: `pragma_query_value` would have it parsed anew each time.
        let version = tx.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(Work::new(tx, charter, roster).at_home(&self.home, version))
    }

    /// Begins a transaction that only looks, at one moment.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`], [`StoreFault::Disk`].
    pub fn look(&self) -> Result<Work<'_>, StoreFault> {
        let charter = self.charter.clone().ok_or(StoreFault::NoCharter)?;
        let tx = self.conn.unchecked_transaction()?;
        Ok(Work::new(tx, charter, self.roster.clone()))
    }

    /// The articles, in order.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`], [`StoreFault::Wire`].
    pub fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault> {
        articles(&self.conn)
    }

    /// Keeps a blob beside the ledger.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn put_blob(&self, kind: Blob, name: &Hash, bytes: &[u8]) -> Result<(), StoreFault> {
        self.conn.execute(
            "INSERT OR REPLACE INTO blob(kind, name, bytes) VALUES(?1, ?2, ?3)",
            params![kind as u8, name.0, bytes],
        )?;
        Ok(())
    }

    /// Finds a blob.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn blob(&self, kind: Blob, name: &Hash) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(self
            .conn
            .query_row(
                "SELECT bytes FROM blob WHERE kind=?1 AND name=?2",
                params![kind as u8, name.0],
                |r| r.get(0),
            )
            .optional()?)
    }

    /// The names of all blobs of a kind.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn blobs(&self, kind: Blob) -> Result<Vec<Hash>, StoreFault> {
        let mut rows =
            self.conn.prepare_cached("SELECT name FROM blob WHERE kind=?1 ORDER BY name")?;
        let names = rows.query_map([kind as u8], |r| r.get::<_, [u8; 32]>(0).map(Hash))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Drops a blob.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn drop_blob(&self, kind: Blob, name: &Hash) -> Result<(), StoreFault> {
        self.conn
            .execute("DELETE FROM blob WHERE kind=?1 AND name=?2", params![kind as u8, name.0])?;
        Ok(())
    }

    /// A small value kept beside the ledger.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(self
            .conn
            .query_row("SELECT value FROM meta WHERE key=?1", [key], |r| r.get(0))
            .optional()?)
    }

    /// Sets a small value.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreFault> {
        self.conn.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
            params![key, value],
        )?;
        Ok(())
    }

    /// Notes how far another node is known to hold a feed.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn note_seen(&self, node: &[u8; 8], feed: &FeedId, next: u64) -> Result<(), StoreFault> {
        self.conn.execute(
            "INSERT INTO seen(node, feed, next) VALUES(?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET next=max(next, excluded.next)",
            params![node, feed.bytes(), i64::try_from(next).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    /// How far another node is known to hold a feed.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn seen(&self, node: &[u8; 8], feed: &FeedId) -> Result<u64, StoreFault> {
        let next: Option<i64> = self
            .conn
            .query_row(
                "SELECT next FROM seen WHERE node=?1 AND feed=?2",
                params![node, feed.bytes()],
                |r| r.get(0),
            )
            .optional()?;
        Ok(next.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }

    /// Whether a node ever said over a link or in a bundle what it holds: only who has its secrets did.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`].
    pub fn was_met(&self, node: &[u8; 8]) -> Result<bool, StoreFault> {
        let sql = "SELECT EXISTS(SELECT 1 FROM seen WHERE node=?1)
                       OR EXISTS(SELECT 1 FROM outlined WHERE node=?1)";
        Ok(self.conn.query_row(sql, [node], |r| r.get(0))?)
    }

    /// A copy to try things on, which ends with this value: in memory as far as it fits there, beyond that in a file of
    /// the system's that has no name and goes when this process does, however it ends. [`Store::path`] is that of the
    /// ledger it is a copy of.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`], such as no room where the system keeps what is only for a moment.
    pub fn rehearsal(&self) -> Result<Self, StoreFault> {
        let mut conn = Connection::open("")?;
        {
            let copy = rusqlite::backup::Backup::new(&self.conn, &mut conn)?;
            copy.run_to_completion(1024, std::time::Duration::ZERO, None)?;
        }
        schema::defend(&conn)?;
        let (charter, roster, branches) = load(&conn)?;
        let (path, home) = (self.path.clone(), work::Home::default());
        let mut store = Self { conn, path, charter, roster, branches, home, stale: false };
        store.freshen()?;
        Ok(store)
    }

    /// Copies the whole file, consistent, while it is in use.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Disk`], such as a full disk at the destination.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreFault> {
        let mut copy = Connection::open(path)?;
        let backup = rusqlite::backup::Backup::new(&self.conn, &mut copy)?;
        backup.run_to_completion(1024, std::time::Duration::ZERO, None)?;
        Ok(())
    }
}

fn articles(conn: &Connection) -> Result<Vec<SignedArticle>, StoreFault> {
    let mut rows = conn.prepare_cached("SELECT bytes FROM article ORDER BY epoch")?;
    let mut articles = Vec::new();
    for bytes in rows.query_map([], |r| r.get::<_, Vec<u8>>(0))? {
        articles.push(SignedArticle::decode(&bytes?)?);
    }
    Ok(articles)
}

type Power = (Option<Arc<Charter>>, Arc<Roster>, Branches);

fn load(conn: &Connection) -> Result<Power, StoreFault> {
    let mut charter: Option<Charter> = None;
    for signed in articles(conn)? {
        charter = Some(
            match &charter {
                None => Charter::found(&signed),
                Some(charter) => charter.apply(&signed),
            }
            .map_err(|_| StoreFault::damaged(format!("article {}", signed.article.epoch)))?,
        );
    }
    let mut roster = Roster::new();
    if let Some(charter) = &charter {
        let mut rows = conn.prepare_cached("SELECT bytes FROM notice ORDER BY hash")?;
        for bytes in rows.query_map([], |r| r.get::<_, Vec<u8>>(0))? {
            let signed = SignedNotice::decode(&bytes?)?;
            roster.learn(charter, &signed).map_err(|_| StoreFault::damaged("a notice"))?;
        }
    }
    let branches = charter.as_ref().map(|charter| power::aside(conn, charter)).transpose()?;
    Ok((charter.map(Arc::new), Arc::new(roster), branches.unwrap_or_default()))
}
