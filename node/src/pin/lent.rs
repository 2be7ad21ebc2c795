//! PINs that are checked elsewhere: rows for single purses, sealed to one node and signed by the one that keeps them
//! (spec/counter.md, "PINs elsewhere").
//!
//! A row holds the key of one household's check. Whoever breaks the node it was lent to can guess at that PIN, as with
//! any card; at the others of the site there is nothing to guess at.

use std::collections::BTreeSet;

use annona_ledger::hash::{Hash, Purpose, hash, keyed};
use annona_ledger::id::{Commitment, FederationId, OrgId, ProgrammeId, Purse};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::{NodeCertificate, Roster};
use annona_ledger::role::HOLDS_CYCLE_KEYS;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::{DayNo, Millis, Minute};
use annona_ledger::wire::{self, Bounded};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Begun, COST, PinFault, Pins, Row};
use crate::disk::DiskFault;
use crate::envelope::{self as wrapping, NotForUs, WRAPPED};
use crate::seal::{Cost, Key, SealError};
use crate::vault::HouseholdId;

/// Rows of one envelope.
pub(super) const MOST: usize = 16_384;
/// Bytes of one row, at most.
const ROW: usize = 192;
/// Bytes of the lender's name and signature.
const STATED: usize = 98;

/// What a node needs to check one household's PIN for one purse.
#[derive(Serialize, Deserialize, Zeroize)]
#[zeroize(drop)]
pub struct Lent {
    purse: [u8; 16],
    salt: [u8; 16],
    memory: u32,
    passes: u32,
    key: [u8; 32],
    check: [u8; 32],
    until: u32,
    gone: [u8; 32],
}

/// Why lent PINs were not taken.
#[derive(Debug, thiserror::Error)]
pub enum LentFault {
    /// Nothing that was lent by anybody.
    #[error("the PINs are damaged: scan or copy them again")]
    Damaged,
    /// Not by a site of the programme, or not signed.
    #[error("these PINs are not signed by a site of this programme: they are not taken")]
    Stranger,
    /// For another node, or changed.
    #[error(transparent)]
    NotForUs(#[from] NotForUs),
    /// The file of PINs.
    #[error(transparent)]
    Pins(#[from] PinFault),
}

/// Destroys the keys of what has ended. How often it was guessed stays, and what tells the PIN from another, which without
/// the key tells nobody anything.
const END: &str = "UPDATE pin SET lent = NULL WHERE until < ?1 AND lent IS NOT NULL";
/// For so many days after its last.
const KEPT_DAYS: u32 = 366;

/// The rows of an envelope that [`Pins::keep`] keeps: those that have not ended.
pub fn usable(rows: &[Lent], today: DayNo) -> impl Iterator<Item = &Lent> {
    // A cost nobody sets here is refused before it is ever paid.
    let usual = |row: &&Lent| (row.memory, row.passes) == (COST.memory_kib, COST.passes);
    rows.iter().filter(move |row| row.until >= today.0).filter(usual)
}

impl Pins {
    /// What another node needs to check a household's PIN for a purse, until a day, or until it hears of `gone`: what her
    /// erasure would be called in the purse's programme. `None` where it has no PIN here, or one of the first version that
    /// has not been typed since: what that is compared with opens under no key but the site's.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn lend(
        &self,
        household: HouseholdId,
        purse: Purse,
        until: DayNo,
        gone: &Commitment,
    ) -> Result<Option<Lent>, PinFault> {
        let handle = self.handle(household);
        let Some(Row { salt, cost, check, lent: None }) = self.row(&handle)? else {
            return Ok(None);
        };
        let Cost { memory_kib: memory, passes } = cost;
        let key = *self.key_of(&handle).expose();
        let (purse, until, gone) = (purse.0, until.0, gone.0.0);
        Ok(Some(Lent { purse, salt, memory, passes, key, check, until, gone }))
    }

    /// Keeps what was lent, and destroys the keys of what has ended. A row that is here already, or was within a year, keeps
    /// its count, whatever is brought: lending again buys no guess. Another PIN is taken only for a later last day than the
    /// one before, and begins at none: an older file brought once more is neither. Says how many were taken.
    ///
    /// # Errors
    ///
    /// [`PinFault`]; then nothing of it is kept.
    pub fn keep(&mut self, rows: &[Lent], today: DayNo) -> Result<usize, PinFault> {
        let mut sealed = Vec::with_capacity(rows.len());
        for row in usable(rows, today) {
            let handle = self.lent_handle(&Purse(row.purse));
            sealed.push((handle, row, self.key.seal(&purpose(&handle), &row.key)?));
        }
        let failed = |e| PinFault::from(DiskFault::sqlite("write", &self.path, e));
        let transaction = self.connection.transaction().map_err(failed)?;
        let write = || {
            transaction.execute(END, params![today.0])?;
            let year = today.0.saturating_sub(KEPT_DAYS);
            transaction.execute("DELETE FROM pin WHERE until < ?1", params![year])?;
            let mut taken = 0;
            for (handle, row, key) in &sealed {
                taken += transaction.execute(
                    "INSERT INTO pin (handle, salt, memory, passes, tag, wrong, last, lent, until, gone)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8)
                     ON CONFLICT(handle) DO UPDATE SET salt = ?2, memory = ?3, passes = ?4,
                       tag = ?5, lent = ?6, until = max(until, ?7), gone = ?8,
                       wrong = iif(tag = ?5, wrong, 0)
                     WHERE tag = ?5 OR until < ?7",
                    params![
                        handle,
                        row.salt,
                        row.memory,
                        row.passes,
                        row.check,
                        key,
                        row.until,
                        gone_name(&self.key, &row.gone)
                    ],
                )?;
            }
            Ok(taken)
        };
        let done: rusqlite::Result<usize> = write();
        let taken = done.map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(taken)
    }

    /// Destroys what was lent of whoever is erased: key, check and count, before its day. Says of how many purses.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`]; then nothing is.
    pub fn forget_lent<'a>(
        &mut self,
        erased: impl IntoIterator<Item = &'a Commitment>,
    ) -> Result<usize, PinFault> {
        let gone = (|| {
            let transaction = self.connection.transaction()?;
            let mut kept: BTreeSet<[u8; 32]> = BTreeSet::new();
            {
                let mut rows = transaction.prepare("SELECT gone FROM pin WHERE gone NOT NULL")?;
                for one in rows.query_map([], |row| row.get(0))? {
                    kept.insert(one?);
                }
            }
            let mut destroyed = 0;
            if !kept.is_empty() {
                for Commitment(Hash(erased)) in erased {
                    let name = gone_name(&self.key, erased);
                    if kept.contains(&name) {
                        let sql = "DELETE FROM pin WHERE gone = ?1";
                        destroyed += transaction.execute(sql, [name])?;
                    }
                }
            }
            transaction.commit().map(|()| destroyed)
        })();
        gone.map_err(|e| self.sqlite("write", e))
    }

    /// Begins an attempt at a purse's PIN that another node lent to this one, on a day: after its last it is none.
    ///
    /// # Errors
    ///
    /// As [`Pins::begin`].
    pub fn begin_lent(
        &mut self,
        purse: &Purse,
        now: Millis,
        today: DayNo,
    ) -> Result<Begun, PinFault> {
        self.connection.execute(END, params![today.0]).map_err(|e| self.sqlite("write", e))?;
        if self.has_lent(purse, today)? {
            self.begin_one(self.lent_handle(purse), now)
        } else {
            Ok(Begun::NoPin)
        }
    }

    /// Whether a purse's PIN was lent to this node, and not for a day that is over.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn has_lent(&self, purse: &Purse, today: DayNo) -> Result<bool, PinFault> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pin
             WHERE handle = ?1 AND lent IS NOT NULL AND until >= ?2)";
        let row = params![self.lent_handle(purse), today.0];
        self.connection.query_row(sql, row, |r| r.get(0)).map_err(|e| self.sqlite("read", e))
    }

    /// As [`Pins::may_try`], of a PIN that was lent to this node.
    ///
    /// # Errors
    ///
    /// [`PinFault::Disk`].
    pub fn may_try_lent(&self, purse: &Purse, now: Millis, today: DayNo) -> Result<bool, PinFault> {
        Ok(self.has_lent(purse, today)? && self.is_open(&self.lent_handle(purse), now)?)
    }

    pub(super) fn open_key(&self, handle: &[u8; 32], sealed: &[u8]) -> Result<Key, PinFault> {
        let plain = self.key.open(&purpose(handle), sealed)?;
        let mut key: [u8; 32] =
            plain.as_slice().try_into().map_err(|_| PinFault::Seal(SealError::DoesNotOpen))?;
        Ok(Key::take(&mut key))
    }
}

/// By what a file knows an erasure it may hear of: nobody else who reads it learns from the ledger which purse that was.
fn gone_name(key: &Key, erasure: &[u8; 32]) -> [u8; 32] {
    keyed(Purpose::Lookup, key.expose(), &[b"pin gone", erasure]).0
}

fn purpose(handle: &[u8; 32]) -> Vec<u8> {
    [b"annona 2026 v1 pin lent".as_slice(), handle].concat()
}

fn info(federation: &FederationId, to: &[u8; 8]) -> Vec<u8> {
    [b"annona 2026 v1 pins".as_slice(), &federation.0.0, to].concat()
}

fn hash_of(sealed: &[u8]) -> Hash {
    hash(Purpose::File, &[b"pins", sealed])
}

/// Seals rows to a node, and signs them: `who lent and signature ‖ wrapped key ‖ sealed rows`.
///
/// # Errors
///
/// [`LentFault::NotForUs`] where the node's key is none; [`LentFault::Damaged`] for more than `MOST`.
pub fn envelope(
    federation: &FederationId,
    from: &SigningKey,
    to: &NodeCertificate,
    rows: Vec<Lent>,
) -> Result<Vec<u8>, LentFault> {
    let rows = Bounded::<Lent, MOST>::new(rows).map_err(|_| LentFault::Damaged)?;
    let to_short = to.short();
    let info = info(federation, &to_short);
    let key = Key::random().map_err(PinFault::from)?;
    let wrapped = wrapping::wrap(&to.sealing, &info, &key)?;
    let plain = Zeroizing::new(wire::encode(&rows));
    let body = key.seal(&info, &plain).map_err(PinFault::from)?;
    let sealed = [wrapped.as_slice(), &body].concat();
    let said = Statement::File { to: to_short, file: hash_of(&sealed) };
    let stated = said.sign(federation, from);
    Ok([stated.encode(), sealed].concat())
}

/// Opens an envelope that was sealed to this node by a site of the programme, certified at this minute by one of these
/// organisations: that of the programme, and this node's own. Another's could give any purse a PIN of its own.
///
/// # Errors
///
/// [`LentFault`]; nothing is believed before the signature is.
pub fn open(
    federation: &FederationId,
    roster: &Roster,
    (programme, orgs): (ProgrammeId, [OrgId; 2]),
    at: Minute,
    (own, secret): (&[u8; 8], &[u8; 32]),
    bytes: &[u8],
) -> Result<Vec<Lent>, LentFault> {
    if bytes.len() > STATED + WRAPPED + MOST * ROW {
        return Err(LentFault::Damaged);
    }
    let (stated, sealed) = bytes.split_at_checked(STATED).ok_or(LentFault::Damaged)?;
    let stated = Stated::decode(stated).map_err(|_| LentFault::Damaged)?;
    let may = roster.node_ever(&stated.operator).any(|c| {
        c.roles.meets(HOLDS_CYCLE_KEYS)
            && orgs.contains(&c.org)
            && c.programmes.contains(&programme)
            && (c.issued..=c.not_after).contains(&at)
    });
    let said = Statement::File { to: *own, file: hash_of(sealed) };
    if !may || !said.is_by(federation, &stated) {
        return Err(LentFault::Stranger);
    }
    let (wrapped, body) = sealed.split_first_chunk::<WRAPPED>().ok_or(LentFault::Damaged)?;
    let info = info(federation, own);
    let key = wrapping::unwrap(secret, &info, wrapped)?;
    let plain = key.open(&info, body).map_err(|_| LentFault::Damaged)?;
    let rows: Bounded<Lent, MOST> =
        wire::decode(&plain, MOST * ROW).map_err(|_| LentFault::Damaged)?;
    Ok(rows.into_vec())
}
