//! A ledger file as the source of an audit: every thread reads through a connection of its own, for reading only.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use annona_ledger::audit::verdict::FileProblem;
use annona_ledger::audit::{Cosigned, End, Item, Said, Source};
use annona_ledger::block::{Block, Evidence};
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::limits;
use annona_ledger::sync::frame::{FrameFault, Known};
use annona_ledger::wire::{self, Bytes, WireFault};
use rusqlite::Connection;

use super::checkpoints;
use super::export::Ledger;
use crate::store::{SignedHeader, Store, StoreFault};

/// A ledger file. Places in findings are the numbers of its block rows.
pub struct StoreSource {
    path: PathBuf,
    store: Mutex<Store>,
    /// Connections that no thread reads through at the moment.
    idle: Mutex<Vec<Connection>>,
    failed: Mutex<bool>,
}

impl StoreSource {
    /// Opens a ledger file for reading.
    ///
    /// # Errors
    ///
    /// [`StoreFault`] where it is not ours, too new, or damaged.
    pub fn open(path: &Path) -> Result<Self, StoreFault> {
        let store = Store::reader(path)?;
        // Every feed's blocks are read once, through connections of their own; here only now and then one again.
        store.conn().execute_batch("PRAGMA cache_size=-256")?;
        let store = Mutex::new(store);
        Ok(Self { path: path.to_owned(), store, idle: Mutex::default(), failed: Mutex::new(false) })
    }

    fn fail<T>(&self, result: Result<T, StoreFault>) -> Option<T> {
        if result.is_err()
            && let Ok(mut failed) = self.failed.lock()
        {
            *failed = true;
        }
        result.ok()
    }

    fn with<T>(&self, read: impl FnOnce(&Store) -> Result<T, StoreFault>) -> Option<T> {
        let store = self.store.lock().ok()?;
        let result = read(&store);
        drop(store);
        self.fail(result)
    }

    fn stream(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(u64, Item) -> bool,
    ) -> Result<(), StoreFault> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let conn = idle.map_or_else(|| Store::streaming(&self.path), Ok)?;
        let result = Self::read(&conn, feed, each);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(conn);
        }
        result
    }

    fn read(
        conn: &Connection,
        feed: &FeedId,
        each: &mut dyn FnMut(u64, Item) -> bool,
    ) -> Result<(), StoreFault> {
        let mut rows = conn.prepare_cached(
            "SELECT b.id, b.header, b.signature, b.body, e.bytes FROM block b
             LEFT JOIN evidence e ON e.block=b.id
             WHERE b.feed=(SELECT no FROM feed WHERE id=?1) ORDER BY b.seq, b.hash",
        )?;
        let mut rows = rows.query([feed.bytes()])?;
        while let Some(row) = rows.next()? {
            let place = row.get::<_, i64>(0)?.cast_unsigned();
            let columns = (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?);
            let blob = |value: rusqlite::types::ValueRef<'_>| value.as_blob().map(<[u8]>::to_vec);
            let block = match (blob(columns.0), blob(columns.1), blob(columns.2)) {
                (Ok(header), Ok(signature), Ok(body)) => built(&header, &signature, body),
                _ => Err(WireFault::Malformed),
            };
            let (item, seq_hash) = match block {
                Ok(block) => {
                    let of = (block.header.seq, block.header.hash());
                    (Item::Block(Box::new(block)), Some(of))
                }
                Err(fault) => (Item::Unreadable(FrameFault::Malformed { kind: 4, fault }), None),
            };
            if !each(place, item) {
                return Ok(());
            }
            let evidence: Option<Vec<u8>> = row.get(4)?;
            if let (Some(bytes), Some((seq, header))) = (evidence, seq_hash) {
                let item = match wire::decode::<Evidence>(&bytes, limits::BLOCK_EVIDENCE_BYTES) {
                    Ok(evidence) => Item::Evidence { seq, header, pieces: evidence.0, last: true },
                    Err(fault) => Item::Unreadable(FrameFault::Malformed { kind: 5, fault }),
                };
                if !each(place, item) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn built(header: &[u8], signature: &[u8], body: Vec<u8>) -> Result<Block, WireFault> {
    Ok(Block {
        header: wire::decode(header, 512)?,
        signature: wire::decode(signature, 80)?,
        body: Bytes::new(body)?,
    })
}

impl Source for StoreSource {
    fn federation(&self) -> Option<FederationId> {
        self.with(Store::federation)
    }

    fn said(&self, each: &mut dyn FnMut(u64, Said)) {
        for article in self.with(Ledger::articles).unwrap_or_default() {
            each(u64::from(article.article.epoch), Said::Article(Box::new(article)));
        }
        for notice in self.with(Ledger::notices).unwrap_or_default() {
            each(0, Said::Notice(Box::new(notice)));
        }
        for proof in self.with(Ledger::fork_proofs).unwrap_or_default() {
            each(0, Said::ForkProof(Box::new(proof)));
        }
    }

    fn feeds(&self) -> Vec<FeedId> {
        self.with(Ledger::feeds).unwrap_or_default()
    }

    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool) {
        let headers = self.with(|store| Ledger::pruned(store, feed)).unwrap_or_default();
        let mut headers = headers.into_iter().peekable();
        let mut on = true;
        let result = self.stream(feed, &mut |place, item| {
            if let Item::Block(block) = &item {
                let before = |(header, _): &SignedHeader| header.seq < block.header.seq;
                while let Some(signed) = headers.next_if(before).filter(|_| on) {
                    on = each(place, Item::Header(Box::new(signed)));
                }
            }
            on = on && each(place, item);
            on
        });
        self.fail(result);
        for signed in headers {
            on = on && each(0, Item::Header(Box::new(signed)));
        }
    }

    fn block(&self, place: u64) -> Option<Block> {
        self.with(|store| {
            let sql = "SELECT header, signature, body FROM block WHERE id=?1";
            let mut rows = store.conn().prepare_cached(sql)?;
            let columns = rows.query_row([place.cast_signed()], |r| {
                Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?, r.get::<_, Vec<u8>>(2)?))
            })?;
            Ok(built(&columns.0, &columns.1, columns.2)?)
        })
    }

    fn cosigned(&self) -> Cosigned {
        let read = |store: &Store| {
            let mut cosigned = Cosigned::default();
            for hash in store.page_hashes()? {
                let Some(kept) = store.kept_page(&hash)? else { continue };
                let standing = store.page_standing(&kept)?;
                let work = store.look()?;
                let header = |tip: &Known| work.ending_at(&tip.feed, &tip.head).map(|h| h.hash());
                let of = (kept.page.checkpoint.time, &standing, &kept.frontier);
                checkpoints::add(&mut cosigned, of, store.roster(), header);
                work.check()?;
            }
            Ok(cosigned)
        };
        self.with(read).unwrap_or_default()
    }

    fn end(&self) -> End {
        let failed = self.failed.lock().is_ok_and(|failed| *failed);
        let problems = if failed { vec![(0, FileProblem::Unreadable)] } else { Vec::new() };
        End { complete: !failed, problems, ..End::default() }
    }
}
