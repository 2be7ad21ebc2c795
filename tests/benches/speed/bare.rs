//! What somebody would write by hand over SQLite, with nothing around it: verify, check, write.

use std::path::Path;

use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::Purse;
use annona_ledger::key::{Context, PublicKey, Signature, SigningKey};
use annona_tests::bench::Fault;
use rusqlite::{Connection, OptionalExtension, params};

/// A redemption that a till asks for, and its signature.
pub(crate) struct Asked {
    pub(crate) purse: Purse,
    pub(crate) commodity: u8,
    pub(crate) amount: u64,
    pub(crate) signature: Signature,
}

impl Asked {
    pub(crate) fn sign(key: &SigningKey, purse: Purse, commodity: u8, amount: u64) -> Self {
        let message = Self::message(&purse, commodity, amount);
        Self { purse, commodity, amount, signature: key.sign(Context::Operator, &[], &message) }
    }

    fn message(purse: &Purse, commodity: u8, amount: u64) -> [u8; 25] {
        let mut message = [0u8; 25];
        message[..16].copy_from_slice(&purse.0);
        message[16] = commodity;
        message[17..].copy_from_slice(&amount.to_be_bytes());
        message
    }

    /// The strict check that both sides make of each request.
    pub(crate) fn holds(&self, key: &PublicKey) -> bool {
        let message = Self::message(&self.purse, self.commodity, self.amount);
        key.verifies(Context::Operator, &[], &message, &self.signature)
    }
}

/// The bare loop's file.
pub(crate) struct Bare {
    conn: Connection,
    head: Head,
    till: PublicKey,
}

const TABLES: &str = "
CREATE TABLE lot(
  at INTEGER PRIMARY KEY, same INTEGER, origin BLOB, owner INTEGER, purse BLOB, cycle INTEGER,
  commodity INTEGER, balance ANY, held ANY, expires INTEGER, opened INTEGER) STRICT;
CREATE INDEX lot_purse ON lot(purse) WHERE purse IS NOT NULL;
CREATE TABLE entry(at INTEGER PRIMARY KEY, entry BLOB NOT NULL, evidence BLOB) STRICT;
CREATE TABLE chain(no INTEGER PRIMARY KEY, next INTEGER NOT NULL, accumulator BLOB NOT NULL) STRICT;
INSERT INTO chain VALUES(1, 0, zeroblob(32));
";

impl Bare {
    /// A file with the lots of these purses, one in each commodity, and others up to `lots`.
    pub(crate) fn make(
        path: &Path,
        purses: &[Purse],
        lots: u64,
        till: PublicKey,
    ) -> Result<Self, Fault> {
        let mut conn = Connection::open(path)?;
        conn.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;
             PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=67108864;
             PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;",
        )?;
        conn.execute_batch(TABLES)?;
        let tx = conn.transaction()?;
        let mut insert = tx.prepare(
            "INSERT INTO lot VALUES(?1, NULL, ?2, 3, ?3, 7, ?4, 2000000000, 0, 3900000, 0)",
        )?;
        let others = (0..lots / 2).map(|n| {
            let hash =
                annona_ledger::hash::hash_one(annona_ledger::hash::Purpose::Leaf, &n.to_be_bytes());
            let mut purse = [0u8; 16];
            purse.copy_from_slice(&hash.0[..16]);
            Purse(purse)
        });
        // A lot in ten is the measuring site's at most: spread them evenly among the others.
        let mut own = purses.iter().copied();
        let every = (lots / 2).div_ceil(u64::try_from(purses.len().max(1))?).max(1);
        let mut at = 0i64;
        for (n, other) in (0u64..).zip(others) {
            let purse = if n % every == 0 { own.next().unwrap_or(other) } else { other };
            for commodity in [1u8, 2] {
                at += 1;
                insert.execute(params![at, Hash([9; 32]).0, purse.0, commodity])?;
            }
        }
        for purse in own {
            for commodity in [1u8, 2] {
                at += 1;
                insert.execute(params![at, Hash([9; 32]).0, purse.0, commodity])?;
            }
        }
        drop(insert);
        tx.commit()?;
        Ok(Self { conn, head: Head { next: 0, accumulator: Hash::ZERO }, till })
    }

    /// One group: everything it does is durable when it returns.
    pub(crate) fn group(&mut self, asked: &[Asked]) -> Result<(), Fault> {
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for one in asked {
            if !one.holds(&self.till) {
                return Err("a till's signature".into());
            }
            let lot: Option<(i64, i64)> = tx
                .prepare_cached("SELECT at, balance FROM lot WHERE purse=?1 AND commodity=?2")?
                .query_row(params![one.purse.0, one.commodity], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            let (lot, balance) = lot.ok_or("a lot")?;
            let left = balance - i64::try_from(one.amount)?;
            if left < 0 {
                return Err("a lot that covers it".into());
            }
            tx.prepare_cached("UPDATE lot SET balance=?2 WHERE at=?1")?.execute([lot, left])?;
            let entry = entry(lot.unsigned_abs(), one.amount);
            let at = i64::try_from(self.head.next)?;
            tx.prepare_cached("INSERT INTO entry VALUES(?1, ?2, NULL)")?
                .execute(params![at, &entry[..]])?;
            self.head = self.head.after(&entry);
        }
        tx.prepare_cached("UPDATE chain SET next=?1, accumulator=?2 WHERE no=1")?
            .execute(params![i64::try_from(self.head.next)?, self.head.accumulator.0])?;
        tx.commit()?;
        Ok(())
    }
}

/// As many bytes as a redemption has in a ledger.
fn entry(lot: u64, amount: u64) -> [u8; 11] {
    let mut entry = [4u8; 11];
    entry[1..4].copy_from_slice(&lot.to_be_bytes()[5..]);
    entry[4..6].copy_from_slice(&amount.to_be_bytes()[6..]);
    entry
}
