//! What was said about people: one table, a set.

use annona_ledger::checkpoint::Working;
use annona_ledger::consent::{Said, Told};
use annona_ledger::id::{Commitment, ProgrammeId};
use annona_ledger::wire;
use annona_ledger::{limits, state};
use rusqlite::{Row, params};

use super::rows;
use super::work::Work;

const TOLD: &str = "SELECT programme, node, said FROM told";

fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    let bytes: Vec<u8> = row.get(2)?;
    let said: Said = wire::decode(&bytes, limits::ROW_BYTES).map_err(|_| rows::damaged())?;
    Ok(Told { programme: ProgrammeId(row.get(0)?), by: row.get(1)?, said })
}

impl Work<'_> {
    pub(super) fn put_told(&self, told: &Told) {
        self.write(
            "INSERT OR IGNORE INTO told(programme, node, said, about) VALUES(?1, ?2, ?3, ?4)",
            params![
                told.programme.0,
                told.by,
                wire::encode(&told.said),
                told.said.about().map(|about| about.0.0),
            ],
        );
    }

    pub(super) fn told_about(&self, about: &Commitment) -> Vec<Told> {
        self.all(
            &format!("{TOLD} WHERE about=?1 ORDER BY programme, node, said"),
            [about.0.0],
            told,
        )
    }

    /// Everything that was said about people, in order of programme, node and words.
    #[must_use]
    pub fn all_told(&self) -> Vec<Told> {
        self.all(&format!("{TOLD} ORDER BY programme, node, said"), [], told)
    }

    pub(super) fn told_rows(&self) -> Vec<Vec<u8>> {
        self.all_told().iter().map(state::told_bytes).collect()
    }

    pub(super) fn told_of_programme(&self, programme: ProgrammeId, out: &mut Vec<Working>) {
        let all = self.all(&format!("{TOLD} WHERE programme=?1"), [programme.0], told);
        out.extend(all.into_iter().map(|told| Working::Told { by: told.by, said: told.said }));
    }
}
