//! Person files of before the data keys had a file of their own: version 3 and earlier.

use std::path::Path;

use rusqlite::{Connection, params};

use super::fault::VaultFault;
use super::file;
use super::keys::{KeyFile, Place};
use super::rows::Secrets;
use crate::seal::Key;

/// What a data key was sealed for in its table.
const DATA_KEY: &[u8] = b"annona 2026 v1 vault data key";

/// A data key as it lay in its table: household × 256 + member, and what was sealed.
pub(super) type Row = (i64, Vec<u8>);

fn rows(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT slot, sealed FROM data_key WHERE length(sealed) = 72 ORDER BY slot";
    let mut rows = connection.prepare(sql)?;
    rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
}

/// Moves the data keys into a file of their own. Where this is interrupted it begins anew: the table goes in the commit by
/// which rows name the file's records, and its pages are overwritten by the rewriting that the commit leaves due.
pub(super) fn part_keys(
    connection: &Connection,
    path: &Path,
    secrets: &Secrets,
) -> Result<(), VaultFault> {
    let failed = |e| VaultFault::sqlite("bring up to date", path, e);
    let open = |number: u64, slot: i64, sealed: &[u8]| {
        let purpose = [DATA_KEY, &secrets.id, &slot.to_le_bytes()].concat();
        let plain = secrets.key.open(&purpose, sealed).ok()?;
        let mut bytes: [u8; 32] = plain.as_slice().try_into().ok()?;
        Some((Place { number, slot }, Key::take(&mut bytes)))
    };
    let rows = rows(connection).map_err(failed)?;
    let keys = (1..).zip(&rows).filter_map(|(number, (slot, sealed))| open(number, *slot, sealed));
    KeyFile::make(&file::key_path(path), &secrets.key, secrets.id, 1, keys)?;
    let change = || {
        connection.execute_batch(
            "BEGIN IMMEDIATE; ALTER TABLE body ADD COLUMN key INTEGER NOT NULL DEFAULT 0;",
        )?;
        let mut name = connection.prepare("UPDATE body SET key = ?2 WHERE slot = ?1")?;
        for (number, (slot, _)) in (1i64..).zip(&rows) {
            name.execute(params![slot, number])?;
        }
        drop(name);
        connection.execute_batch(&format!(
            "DROP TABLE data_key; {copies} INSERT OR REPLACE INTO note (name, value) VALUES ('due', 1);
             PRAGMA user_version=4; COMMIT;",
            copies = file::COPIES,
        ))
    };
    change().map_err(|e| {
        drop(connection.execute_batch("ROLLBACK"));
        failed(e)
    })
}

/// Puts the keys of a second file of that time back into the person file it was made with, before it is opened.
pub(super) fn put_rows(path: &Path, rows: &[Row]) -> Result<(), VaultFault> {
    let connection = file::connect(path)?;
    let put = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let sql = "INSERT OR IGNORE INTO data_key (slot, sealed) VALUES (?1, ?2)";
        let mut put = connection.prepare(sql)?;
        for (slot, sealed) in rows {
            put.execute(params![slot, sealed])?;
        }
        drop(put);
        connection.execute_batch("COMMIT")
    };
    put().map_err(|e| VaultFault::sqlite("write", path, e))
}
