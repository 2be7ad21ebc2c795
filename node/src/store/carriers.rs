//! Carriers: cards, codes, collectors' papers, wallets; to whom they are bound, and who said that one is cancelled.

use annona_ledger::carrier;
use annona_ledger::entry::CarrierKind;
use annona_ledger::id::{CarrierId, ProgrammeId, Pseudonym};
use annona_ledger::view::At;
use annona_ledger::wire;
use rusqlite::{Row, params};

use super::rows::{self, At64, NOWHERE};
use super::work::Work;

/// Where a cancellation stands; nothing in what a checkpoint told that kept no places.
fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<At>> {
    Ok(Some(row.get(column)?).filter(|number| *number != NOWHERE).map(At64::of))
}

impl Work<'_> {
    /// The carriers that name a holder in a programme, each with its kind: cards, codes, collectors' papers, wallets.
    /// Cancelled ones, too.
    #[must_use]
    pub fn carriers_of(
        &self,
        programme: ProgrammeId,
        pseudonym: &Pseudonym,
    ) -> Vec<(CarrierId, CarrierKind)> {
        self.all(
            "SELECT carrier, kind FROM carrier WHERE programme=?1 AND pseudonym=?2 ORDER BY carrier",
            params![programme.0, pseudonym.0],
            |r| {
                let kind = wire::decode(&[r.get::<_, u8>(1)?], 1).map_err(|_| rows::damaged())?;
                Ok((CarrierId(r.get(0)?), kind))
            },
        )
    }

    /// Whether a carrier is cancelled ([`carrier::cancelled`]).
    #[must_use]
    pub fn cancelled(&self, programme: ProgrammeId, carrier: &CarrierId) -> bool {
        carrier::cancelled(self, programme, carrier)
    }

    pub(super) fn put_cancelled(
        &self,
        programme: ProgrammeId,
        carrier: &CarrierId,
        at: Option<At>,
    ) {
        let at = at.map_or(NOWHERE, |at| At64(at).number());
        self.write(
            "INSERT OR IGNORE INTO cancelled(programme, carrier, at) VALUES(?1, ?2, ?3)",
            params![programme.0, carrier.0, at],
        );
    }

    pub(super) fn cancelled_at(
        &self,
        programme: ProgrammeId,
        carrier: &CarrierId,
    ) -> Vec<Option<At>> {
        self.all(
            "SELECT at FROM cancelled WHERE programme=?1 AND carrier=?2 ORDER BY at",
            params![programme.0, carrier.0],
            |r| place(r, 0),
        )
    }

    /// Every cancellation in a programme, whether or not its author may cancel.
    pub(super) fn cancelled_in(&self, programme: ProgrammeId) -> Vec<(CarrierId, Option<At>)> {
        self.all("SELECT carrier, at FROM cancelled WHERE programme=?1", [programme.0], |r| {
            Ok((CarrierId(r.get(0)?), place(r, 1)?))
        })
    }
}
