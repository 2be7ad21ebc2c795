//! How rows are sealed, bound to their place, and read back.

use std::path::Path;

use annona_ledger::hash::{Purpose, keyed};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::fault::VaultFault;
use super::keys::{KeyFile, Place};
use super::{HouseholdId, MAX_HANDLE, MAX_MEMBERS, MAX_PAGE, MAX_RECORD, MAX_SOURCE};
use crate::seal::{self, Key, OVERHEAD};

/// Lengths are rounded up to this before sealing, so that a name's length is not written on the outside.
const PAD: usize = 64;
/// Bytes before a padded record: its length.
const LENGTH: usize = 2;
/// The longest sealed body a row can hold.
const MAX_SEALED: usize = (MAX_RECORD + LENGTH).div_ceil(PAD) * PAD + OVERHEAD;
/// Bytes of a sealed head: root, registration, digest, edition, number of members.
const SEALED_HEAD: usize = 32 + 32 + 32 + 16 + 1 + OVERHEAD;

const HEAD: &[u8] = b"annona 2026 v1 vault head";
const BODY: &[u8] = b"annona 2026 v1 vault body";

/// What an open vault holds in memory: the vault's key, and one look-up key per kind of handle.
pub(super) struct Secrets {
    pub(super) id: [u8; 16],
    pub(super) key: Key,
    pub(super) source: Key,
    card: Key,
    pseudonym: Key,
}

impl Secrets {
    /// Takes the 96 opened bytes apart.
    pub(super) fn new(id: [u8; 16], key: &Key, plain: &[u8]) -> Option<Self> {
        let (source, rest) = plain.split_first_chunk()?;
        let (card, rest) = rest.split_first_chunk()?;
        let (pseudonym, []) = rest.split_first_chunk()? else { return None };
        Some(Self {
            id,
            key: key.again(),
            source: copy(source),
            card: copy(card),
            pseudonym: copy(pseudonym),
        })
    }
}

fn copy(bytes: &[u8; 32]) -> Key {
    let mut bytes = *bytes;
    Key::take(&mut bytes)
}

/// The opened head of a household.
pub(super) struct Head {
    pub(super) key: Key,
    pub(super) root: Zeroizing<[u8; 32]>,
    pub(super) registration: Zeroizing<[u8; 32]>,
    pub(super) digest: [u8; 32],
    edition: [u8; 16],
    pub(super) members: u8,
}

/// The rows of a vault, inside a transaction or outside.
pub(super) struct Rows<'a> {
    pub(super) connection: &'a Connection,
    pub(super) secrets: &'a Secrets,
    pub(super) keys: &'a KeyFile,
    pub(super) path: &'a Path,
}

/// A household's number as SQLite stores it. Numbers are below 2^55, so that a slot fits.
pub(super) fn number(id: HouseholdId) -> Result<i64, VaultFault> {
    i64::try_from(id.0).ok().filter(|n| *n < 1 << 55).ok_or(VaultFault::NotFound { id })
}

fn slot(id: HouseholdId, member: u8) -> Result<i64, VaultFault> {
    Ok(number(id)? * 256 + i64::from(member))
}

impl Rows<'_> {
    pub(super) fn source_handle(&self, source: &str, key: &[u8]) -> Result<[u8; 32], VaultFault> {
        if source.is_empty() || source.contains('\0') {
            return Err(VaultFault::BadSource);
        }
        short_enough("the name of a source", source.len(), MAX_SOURCE)?;
        short_enough("a registration key", key.len(), MAX_HANDLE)?;
        // The zero ends the source: "a" ‖ 0 ‖ "bc" and "ab" ‖ 0 ‖ "c" stay apart.
        let parts = [source.as_bytes(), &[0], key];
        Ok(keyed(Purpose::Lookup, self.secrets.source.expose(), &parts).0)
    }

    pub(super) fn card_handle(&self, code: &[u8]) -> Result<[u8; 32], VaultFault> {
        short_enough("a card code", code.len(), MAX_HANDLE)?;
        Ok(keyed(Purpose::Lookup, self.secrets.card.expose(), &[code]).0)
    }

    pub(super) fn pseudonym_handle(&self, programme: u16, pseudonym: &[u8; 16]) -> [u8; 32] {
        let parts: [&[u8]; 2] = [&programme.to_le_bytes(), pseudonym];
        keyed(Purpose::Lookup, self.secrets.pseudonym.expose(), &parts).0
    }

    /// Ties a handle to its household, so that two rows cannot be exchanged in the file.
    pub(super) fn binding(&self, id: HouseholdId, handle: &[u8; 32]) -> [u8; 32] {
        let parts: [&[u8]; 3] = [b"binding", &id.0.to_le_bytes(), handle];
        keyed(Purpose::Lookup, self.secrets.key.expose(), &parts).0
    }

    /// Follows a handle to a household and checks that the two belong together.
    pub(super) fn bound(
        &self,
        sql: &str,
        handle: &[u8; 32],
    ) -> Result<Option<HouseholdId>, VaultFault> {
        let row: Option<(i64, [u8; 32])> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([handle], |r| Ok((r.get(0)?, r.get(1)?))).optional())
            .map_err(|e| self.sqlite("read", e))?;
        let Some((found, binding)) = row else { return Ok(None) };
        let id = HouseholdId(found.unsigned_abs());
        if found < 0 || binding != self.binding(id, handle) {
            return Err(self.damaged(format!("a card or enrolment of family {id}")));
        }
        Ok(Some(id))
    }

    /// Opens a household's head; gives its source handle with it.
    pub(super) fn head(&self, id: HouseholdId) -> Result<([u8; 32], Head), VaultFault> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT source, CASE WHEN length(head) = ?2 THEN head END FROM household WHERE id = ?1",
            )
            .and_then(|mut s| {
                let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?));
                s.query_row(params![number(id).unwrap_or(-1), SEALED_HEAD as i64], row).optional()
            })
            .map_err(|e| self.sqlite("read", e))?;
        let (source, sealed): ([u8; 32], Option<Vec<u8>>) =
            row.ok_or(VaultFault::NotFound { id })?;
        let damaged = || self.damaged(format!("the head of family {id}"));
        let key = self.data_key(id, 0)?;
        let sealed = sealed.ok_or_else(damaged)?;
        let place = slot(id, 0)?;
        let opened = |source: &[u8; 32]| key.open(&self.place(HEAD, place, source), &sealed);
        let (source, plain) = match opened(&source) {
            Ok(plain) => (source, plain),
            Err(_) => {
                // In a file from a backup the handle lies apart.
                let apart = self.source_apart(id, &key)?.ok_or_else(damaged)?;
                (apart, opened(&apart).map_err(|_| damaged())?)
            }
        };
        let (root, rest) = plain.split_first_chunk().ok_or_else(damaged)?;
        let (registration, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (digest, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (edition, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let &[members] = rest else { return Err(damaged()) };
        let (root, registration) = (Zeroizing::new(*root), Zeroizing::new(*registration));
        Ok((source, Head { key, root, registration, digest: *digest, edition: *edition, members }))
    }

    /// Opens a record: member 0 is the household's own.
    pub(super) fn body(
        &self,
        id: HouseholdId,
        member: u8,
        head: &Head,
    ) -> Result<Zeroizing<Vec<u8>>, VaultFault> {
        let damaged = || self.damaged(format!("record {member} of family {id}"));
        let sealed = self.blob(
            "SELECT CASE WHEN length(sealed) <= ?2 THEN sealed END FROM body WHERE slot = ?1",
            slot(id, member)?,
            MAX_SEALED,
        )?;
        let place = self.place(BODY, slot(id, member)?, &head.edition);
        let sealed = sealed.ok_or_else(damaged)?;
        let plain = if member == 0 {
            head.key.open(&place, &sealed)
        } else {
            self.data_key(id, member)?.open(&place, &sealed)
        };
        unpad(&plain.map_err(|_| damaged())?).ok_or_else(damaged)
    }

    /// Writes a household that [`fits`] whole, every record under a fresh data key and a fresh edition.
    ///
    /// The edition ties members to their head: one kept from before a correction does not open beside a later head.
    pub(super) fn store(
        &self,
        id: HouseholdId,
        source: &[u8; 32],
        (root, registration): (&[u8; 32], &[u8; 32]),
        digest: [u8; 32],
        household: &[u8],
        members: &[Zeroizing<Vec<u8>>],
    ) -> Result<(), VaultFault> {
        let edition: [u8; 16] = seal::random()?;
        let key = self.put(id, 0, &edition, household)?;
        let mut count = 0u8;
        for member in members {
            count += 1; // At most MAX_MEMBERS: see `fits`.
            self.put(id, count, &edition, member)?;
        }
        let mut head = Zeroizing::new(Vec::with_capacity(SEALED_HEAD));
        for part in [root.as_slice(), registration, &digest, &edition, &[count]] {
            head.extend_from_slice(part);
        }
        let sealed = key.seal(&self.place(HEAD, slot(id, 0)?, source), &head)?;
        self.run(
            "INSERT INTO household (id, source, head) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET head = ?3",
            params![number(id)?, source, sealed],
        )
    }

    fn put(
        &self,
        id: HouseholdId,
        member: u8,
        edition: &[u8; 16],
        record: &[u8],
    ) -> Result<Key, VaultFault> {
        let slot = slot(id, member)?;
        let key = Key::random()?;
        let number = self.keys.add(slot, &key)?;
        let sealed = key.seal(&self.place(BODY, slot, edition), &pad(record))?;
        let sql = "INSERT INTO body (slot, sealed, key) VALUES (?1, ?2, ?3)";
        self.run(sql, params![slot, sealed, number.cast_signed()])?;
        Ok(key)
    }

    /// Which data key a record names.
    fn key_place(&self, slot: i64) -> Result<Place, VaultFault> {
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT key FROM body WHERE slot = ?1")
            .and_then(|mut s| s.query_row([slot], |r| r.get(0)).optional())
            .map_err(|e| self.sqlite("read", e))?;
        Ok(Place { number: number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0), slot })
    }

    pub(super) fn data_key(&self, id: HouseholdId, member: u8) -> Result<Key, VaultFault> {
        let place = self.key_place(slot(id, member)?)?;
        if let Some(key) = self.keys.get(place)? {
            return Ok(key);
        }
        match self.keys.sealed(place)? {
            Some(_) => Err(self.damaged(format!("data key {member} of family {id}"))),
            None => Err(VaultFault::NoKey { id, path: self.path.to_owned() }),
        }
    }

    /// The highest number of a data key that a record names; 0 where none does.
    pub(super) fn newest_key(&self) -> Result<u64, VaultFault> {
        self.connection
            .prepare_cached("SELECT coalesce(max(key), 0) FROM body")
            .and_then(|mut s| s.query_row([], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))
            .map(|newest: i64| u64::try_from(newest).unwrap_or(0))
    }

    /// How many members a household has, whether or not it opens.
    pub(super) fn members(&self, id: HouseholdId) -> Result<u64, VaultFault> {
        let (first, last) = (slot(id, 0)?, slot(id, u8::MAX)?);
        let records: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM body WHERE slot BETWEEN ?1 AND ?2")
            .and_then(|mut s| s.query_row([first, last], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))?;
        let records = u64::try_from(records).unwrap_or(0);
        records.checked_sub(1).ok_or(VaultFault::NotFound { id })
    }

    /// The data keys that records name, in the order of their numbers.
    pub(super) fn live_keys(&self) -> Result<Vec<Place>, VaultFault> {
        let row = |r: &rusqlite::Row<'_>| {
            let (number, slot): (i64, i64) = (r.get(0)?, r.get(1)?);
            Ok(Place { number: number.unsigned_abs(), slot })
        };
        self.connection
            .prepare_cached("SELECT key, slot FROM body WHERE key > 0 ORDER BY key")
            .and_then(|mut s| s.query_map([], row)?.collect())
            .map_err(|e| self.sqlite("read", e))
    }

    #[cfg(test)]
    pub(super) fn secrets_of(&self, id: HouseholdId) -> Vec<(&'static str, Vec<u8>)> {
        let (_, head) = self.head(id).expect("opens");
        let mut all = vec![("root", head.root.to_vec())];
        for member in 0..=head.members {
            let key = self.data_key(id, member).expect("opens");
            all.push(("data key", key.expose().to_vec()));
            let slot = slot(id, member).expect("a number");
            let place = self.key_place(slot).expect("a row");
            let sealed = self.keys.sealed(place).expect("reads").expect("a key");
            all.push(("sealed key", sealed[..32].to_vec()));
            let sql = "SELECT sealed FROM body WHERE slot = ?1";
            let sealed: Vec<u8> =
                self.connection.query_row(sql, [slot], |r| r.get(0)).expect("a row");
            all.push(("sealed record", sealed[..32].to_vec()));
        }
        all
    }

    /// Her sealed papers, as they begin, and the handles by which she is found.
    #[cfg(test)]
    pub(super) fn found_by(&self, id: HouseholdId) -> Vec<(&'static str, Vec<u8>)> {
        let sql = "SELECT 'sealed paper', substr(sealed, 1, 32) FROM paper WHERE household = ?1
                   UNION ALL SELECT 'handle', source FROM household WHERE id = ?1
                   UNION ALL SELECT 'handle', handle FROM enrolment WHERE household = ?1
                   UNION ALL SELECT 'handle', handle FROM card WHERE household = ?1";
        let mut rows = self.connection.prepare(sql).expect("reads");
        let read = |r: &rusqlite::Row<'_>| {
            let what: String = r.get(0)?;
            Ok((if what == "handle" { "handle" } else { "sealed paper" }, r.get(1)?))
        };
        let number = number(id).expect("a number");
        let rows = rows.query_map([number], read).expect("reads");
        rows.map(|row| row.expect("a row")).collect()
    }

    /// One value of at most `limit` bytes; a longer one is not loaded and counts as absent.
    pub(super) fn blob(
        &self,
        sql: &str,
        slot: i64,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, VaultFault> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row(params![slot, limit as i64], |r| r.get(0)).optional())
            .map(Option::flatten)
            .map_err(|e| self.sqlite("read", e))
    }

    /// Deletes a household's records, and its data keys once that is kept; the head stays.
    pub(super) fn remove_records(&self, id: HouseholdId) -> Result<(), VaultFault> {
        let (first, last) = (slot(id, 0)?, slot(id, u8::MAX)?);
        let dropped: Vec<i64> = self
            .connection
            .prepare_cached("SELECT key FROM body WHERE slot BETWEEN ?1 AND ?2")
            .and_then(|mut s| s.query_map([first, last], |r| r.get(0))?.collect())
            .map_err(|e| self.sqlite("read", e))?;
        dropped.into_iter().for_each(|number| self.keys.drop(number.unsigned_abs()));
        self.run("DELETE FROM body WHERE slot BETWEEN ?1 AND ?2", params![first, last])
    }

    /// Deletes everything of a household; works on one too damaged to open.
    pub(super) fn erase(&self, id: HouseholdId) -> Result<(), VaultFault> {
        let id_number = number(id)?;
        let there: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM household WHERE id = ?1)")
            .and_then(|mut s| s.query_row([id_number], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))?;
        if !there {
            return Err(VaultFault::NotFound { id });
        }
        self.mark_erased(id_number)?;
        self.remove_records(id)?;
        // Until the keys are written anew without hers, whatever happens.
        self.run("INSERT OR REPLACE INTO note (name, value) VALUES ('due', 1)", [])?;
        // And until the site key they lay under is destroyed, which only who holds that key can do.
        self.run("INSERT OR REPLACE INTO note (name, value) VALUES ('site', 1)", [])?;
        // And until the other files of the folder tell nothing of her.
        self.note_forget(id_number)?;
        let sql = "DELETE FROM note WHERE name GLOB 'unshown ' || ?1 || ' *'";
        self.run(sql, params![id_number])?;
        let sql = "DELETE FROM note WHERE name GLOB 'begun*' AND value = ?1";
        self.run(sql, params![id_number])?;
        self.run("DELETE FROM paper WHERE household = ?1", params![id_number])?;
        self.run("DELETE FROM card WHERE household = ?1", params![id_number])?;
        self.run("DELETE FROM apart WHERE household = ?1", params![id_number])?;
        self.run("DELETE FROM enrolment WHERE household = ?1", params![id_number])?;
        self.run("DELETE FROM household WHERE id = ?1", params![id_number])
    }

    /// Notes that no other file of the folder may tell of a household.
    pub(super) fn note_forget(&self, id: i64) -> Result<(), VaultFault> {
        let sql = "INSERT OR REPLACE INTO note (name, value) VALUES ('forget ' || ?1, ?1)";
        self.run(sql, [id])
    }

    /// The number the next household gets: above every one ever given, erased ones included.
    pub(super) fn next_id(&self) -> Result<u64, VaultFault> {
        let last: Option<i64> = self
            .connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'household'", [], |r| r.get(0))
            .optional()
            .map_err(|e| self.sqlite("read", e))?;
        let last = u64::try_from(last.unwrap_or(0))
            .map_err(|_| self.damaged("the counter of households".to_owned()))?;
        Ok(last.saturating_add(1))
    }

    pub(super) fn page(
        &self,
        sql: &str,
        after: Option<HouseholdId>,
        limit: usize,
        programme: Option<u16>,
    ) -> Result<Vec<HouseholdId>, VaultFault> {
        let after = after.map_or(0, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let limit = limit.min(MAX_PAGE) as i64;
        let read = |r: &rusqlite::Row<'_>| Ok(HouseholdId(r.get::<_, i64>(0)?.unsigned_abs()));
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| match programme {
                Some(p) => s.query_map(params![after, limit, p], read)?.collect(),
                None => s.query_map(params![after, limit], read)?.collect(),
            })
            .map_err(|e| self.sqlite("read", e))
    }

    pub(super) fn count(&self, sql: &str) -> Result<u64, VaultFault> {
        self.connection
            .query_row(sql, [], |r| r.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|e| self.sqlite("read", e))
    }

    /// SQLite's own check of pages, indexes and types.
    pub(super) fn check_structure(&self) -> Result<(), VaultFault> {
        let found: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))
            .map_err(|e| self.sqlite("read", e))?;
        if found == "ok" { Ok(()) } else { Err(self.damaged(found)) }
    }

    pub(super) fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), VaultFault> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(params))
            .map(drop)
            .map_err(|e| self.sqlite("write", e))
    }

    pub(super) fn sqlite(&self, doing: &'static str, source: rusqlite::Error) -> VaultFault {
        VaultFault::sqlite(doing, self.path, source)
    }

    pub(super) fn damaged(&self, place: String) -> VaultFault {
        VaultFault::damaged(self.path, place)
    }

    /// What a value is sealed for: its kind, this vault, its slot, and what else it must not be parted from.
    pub(super) fn place(&self, kind: &[u8], slot: i64, with: &[u8]) -> Vec<u8> {
        [kind, &self.secrets.id, &slot.to_le_bytes(), with].concat()
    }
}

/// Refuses what is too long before anything is sealed or deleted.
pub(super) fn fits(household: &[u8], members: &[Zeroizing<Vec<u8>>]) -> Result<(), VaultFault> {
    short_enough("a household record", household.len(), MAX_RECORD)?;
    short_enough("the number of members", members.len(), MAX_MEMBERS)?;
    members.iter().try_for_each(|m| short_enough("a member record", m.len(), MAX_RECORD))
}

pub(super) fn short_enough(what: &'static str, is: usize, limit: usize) -> Result<(), VaultFault> {
    if is > limit { Err(VaultFault::TooLong { what, is, limit }) } else { Ok(()) }
}

pub(super) fn pad(record: &[u8]) -> Zeroizing<Vec<u8>> {
    let padded = (LENGTH + record.len()).div_ceil(PAD) * PAD;
    let mut out = Zeroizing::new(Vec::with_capacity(padded));
    // Callers have tested MAX_RECORD, which fits.
    let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(record);
    out.resize(padded, 0);
    out
}

pub(super) fn unpad(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = padded.split_first_chunk()?;
    rest.get(..usize::from(u16::from_le_bytes(*length))).map(|r| Zeroizing::new(r.to_vec()))
}
