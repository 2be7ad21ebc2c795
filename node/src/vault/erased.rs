//! What is left of people who were erased: under which commitments the ledger says so, and whether it does yet.

use annona_ledger::consent::{Secret, erasure_commitment};
use annona_ledger::hash::Hash;
use annona_ledger::hash::{Purpose, keyed};
use annona_ledger::id::{CarrierId, Commitment, ProgrammeId};
use rusqlite::{OptionalExtension, params};

use super::rows::{Rows, number};
use super::{HouseholdId, Vault, VaultFault, VaultTxn};

/// An erasure that this vault carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// In which programme the ledger says so.
    pub programme: ProgrammeId,
    /// Under which commitment.
    pub commitment: Commitment,
    /// Whether the ledger is known to say so.
    pub said: bool,
}

impl Vault {
    /// Under which commitment a household's erasure is said in a programme. It follows from the root, so whoever has a copy
    /// of her keys knows whom an erasure is about, and once they are gone nobody does.
    ///
    /// # Errors
    ///
    /// As [`Vault::household`].
    pub fn erasure_commitment(
        &self,
        id: HouseholdId,
        programme: ProgrammeId,
    ) -> Result<Commitment, VaultFault> {
        self.rows().erasure_commitment(id, programme)
    }

    /// The programmes a household is enrolled in.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn programmes(&self, id: HouseholdId) -> Result<Vec<ProgrammeId>, VaultFault> {
        let rows = self.rows();
        rows.connection
            .prepare_cached(
                "SELECT programme FROM enrolment WHERE household = ?1 ORDER BY programme",
            )
            .and_then(|mut s| {
                let read = |r: &rusqlite::Row<'_>| Ok(ProgrammeId(r.get(0)?));
                s.query_map([number(id).unwrap_or(-1)], read)?.collect()
            })
            .map_err(|e| rows.sqlite("read", e))
    }

    /// The erasures this vault carried out, in order.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn erasures(&self) -> Result<Vec<Erasure>, VaultFault> {
        let rows = self.rows();
        rows.connection
            .prepare_cached("SELECT programme, \"commitment\", said FROM erased ORDER BY no")
            .and_then(|mut s| {
                let read = |r: &rusqlite::Row<'_>| {
                    let commitment = Commitment(Hash(r.get(1)?));
                    Ok(Erasure { programme: ProgrammeId(r.get(0)?), commitment, said: r.get(2)? })
                };
                s.query_map([], read)?.collect()
            })
            .map_err(|e| rows.sqlite("read", e))
    }

    /// Households that are gone, and of whom another file of the folder may still tell: their PINs, their cards. Kept with
    /// the change that erased them, so that no power cut leaves those behind.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn to_forget(&self) -> Result<Vec<HouseholdId>, VaultFault> {
        self.rows().noted("forget *")
    }

    /// Notes that no other file tells of any household [`Vault::to_forget`] gave.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn forgotten(&mut self) -> Result<(), VaultFault> {
        self.rows().run("DELETE FROM note WHERE name GLOB 'forget *'", [])
    }

    /// Wallets of whoever was erased here upon hearing of it that the ledger may not say are cancelled yet, by what they are
    /// called there.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn wallets_to_cancel(&self) -> Result<Vec<(ProgrammeId, CarrierId)>, VaultFault> {
        let rows = self.rows();
        let read = |r: &rusqlite::Row<'_>| {
            let name: String = r.get(0)?;
            Ok((name.strip_prefix(CANCEL).and_then(carrier_of), r.get::<_, u16>(1)?))
        };
        let sql = "SELECT name, value FROM note WHERE name GLOB ?1 || '*' ORDER BY name";
        let all: Vec<(Option<CarrierId>, u16)> = rows
            .connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_map([CANCEL], read)?.collect())
            .map_err(|e| rows.sqlite("read", e))?;
        Ok(all.into_iter().filter_map(|(id, of)| Some((ProgrammeId(of), id?))).collect())
    }

    /// Notes that the ledger says so of these.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn wallets_cancelled(
        &mut self,
        done: &[(ProgrammeId, CarrierId)],
    ) -> Result<(), VaultFault> {
        let rows = self.rows();
        let gone = |(_, carrier): &(ProgrammeId, CarrierId)| {
            rows.run("DELETE FROM note WHERE name = ?1", [cancel(carrier)])
        };
        done.iter().try_for_each(gone)
    }

    /// Whether cards were ever printed by an issuer, by eight bytes of its key.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn has_printed(&self, issuer: &[u8; 8]) -> Result<bool, VaultFault> {
        let rows = self.rows();
        let sql = "SELECT EXISTS (SELECT 1 FROM note WHERE name = ?1)";
        let found = rows.connection.query_row(sql, [printed(issuer)], |r| r.get(0));
        found.map_err(|e| rows.sqlite("read", e))
    }

    /// Notes that an issuer has begun to print cards: from then on a folder without their register is one that lost it.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_printed(&mut self, issuer: &[u8; 8]) -> Result<(), VaultFault> {
        if self.has_printed(issuer)? {
            return Ok(());
        }
        self.rows().run("INSERT INTO note (name, value) VALUES (?1, 1)", [printed(issuer)])
    }

    /// Whether families were ever given PINs, or some were lent to this node: from then on a folder without their file is one
    /// that lost it.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn has_pins(&self) -> Result<bool, VaultFault> {
        self.noted("pins")
    }

    /// Notes that the first PIN is about to be kept.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_pins(&self) -> Result<(), VaultFault> {
        if self.has_pins()? {
            return Ok(());
        }
        self.rows().run("INSERT INTO note (name, value) VALUES ('pins', 1)", [])
    }

    /// Households of whom something may have been written down as shown that never was.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn unshown(&self) -> Result<Vec<HouseholdId>, VaultFault> {
        self.rows().noted("unshown *")
    }

    /// Notes that nothing is left of a household that [`Vault::unshown`] gave.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn all_shown(&mut self, id: HouseholdId) -> Result<(), VaultFault> {
        self.rows().run("DELETE FROM note WHERE name GLOB 'unshown ' || ?1 || ' *'", [number(id)?])
    }

    /// How many erasures said on the ledger were held against this vault's people.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn erasures_heard(&self) -> Result<u64, VaultFault> {
        let rows = self.rows();
        let heard: Option<i64> = rows
            .connection
            .query_row("SELECT value FROM note WHERE name = 'heard'", [], |r| r.get(0))
            .optional()
            .map_err(|e| rows.sqlite("read", e))?;
        Ok(heard.unwrap_or(0).unsigned_abs())
    }
}

/// How the mark of a registration that was erased begins; hexadecimal digits follow.
const GONE: &str = "gone ";
/// What a copy forgets: whoever has it and a registration number would know that she was here, and asked to be forgotten.
pub(super) const FORGET_GONE: &str = "DELETE FROM note WHERE name GLOB 'gone *'";

impl Vault {
    /// Whether the household of that key in that source was erased here, and has not been registered anew since. It follows
    /// from a mark under this file's key: the number itself is kept nowhere, nor anything else of her.
    ///
    /// # Errors
    ///
    /// As [`Vault::find`].
    pub fn was_erased(&self, source: &str, key: &[u8]) -> Result<bool, VaultFault> {
        let rows = self.rows();
        let mark = rows.gone_mark(&rows.source_handle(source, key)?);
        rows.noted_mark(&mark)
    }
}

fn printed(issuer: &[u8; 8]) -> String {
    let digits: String = issuer.iter().map(|b| format!("{b:02x}")).collect();
    format!("printed {digits}")
}

/// How the note of a wallet that is to be cancelled begins; its carrier follows.
const CANCEL: &str = "cancel ";

fn cancel(carrier: &CarrierId) -> String {
    let digits: String = carrier.0.iter().map(|b| format!("{b:02x}")).collect();
    format!("{CANCEL}{digits}")
}

fn carrier_of(digits: &str) -> Option<CarrierId> {
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(CarrierId(number.to_be_bytes()))
}

impl VaultTxn<'_> {
    /// Notes that a wallet is to be cancelled on the ledger ([`Vault::wallets_to_cancel`]).
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_wallet_to_cancel(
        &mut self,
        programme: ProgrammeId,
        carrier: &CarrierId,
    ) -> Result<(), VaultFault> {
        let sql = "INSERT OR REPLACE INTO note (name, value) VALUES (?1, ?2)";
        self.rows().run(sql, params![cancel(carrier), programme.0])
    }

    /// Deletes a household's data keys, records, papers and look-up handles. Nothing is left of them in the file once this
    /// is committed and the file rewritten ([`Vault::scrub`]); what must be said on the ledger for it is kept.
    ///
    /// # Errors
    ///
    /// [`VaultFault::NotFound`]; a broken or full disk.
    pub fn erase(&mut self, id: HouseholdId, erasures: &[Erasure]) -> Result<(), VaultFault> {
        let rows = self.rows();
        let erased = rows.erase(id).and_then(|()| {
            erasures.iter().try_for_each(|one| {
                rows.run(
                    "INSERT INTO erased (programme, \"commitment\", said) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET said = max(said, ?3)",
                    params![one.programme.0, one.commitment.0.0, one.said],
                )
            })
        });
        self.whole(erased)
    }

    /// Notes of a paper whether what it tells of may not have been shown ([`Vault::unshown`]).
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn note_unshown(
        &mut self,
        id: HouseholdId,
        paper: &[u8],
        unshown: bool,
    ) -> Result<(), VaultFault> {
        let rows = self.rows();
        let (number, handle) = (number(id)?, rows.paper_handle(paper)?);
        let name = "'unshown ' || ?1 || ' ' || hex(?2)";
        let sql = if unshown {
            format!("INSERT OR REPLACE INTO note (name, value) VALUES ({name}, ?1)")
        } else {
            format!("DELETE FROM note WHERE name = {name}")
        };
        rows.run(&sql, params![number, handle])
    }

    /// Notes that the ledger says of an erasure.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn erasure_said(&mut self, commitment: &Commitment) -> Result<(), VaultFault> {
        let sql = "UPDATE erased SET said = 1 WHERE \"commitment\" = ?1";
        self.rows().run(sql, [commitment.0.0])
    }

    /// Notes how many erasures were held against this vault's people ([`Vault::erasures_heard`]).
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn set_erasures_heard(&mut self, heard: u64) -> Result<(), VaultFault> {
        let sql = "INSERT INTO note (name, value) VALUES ('heard', ?1)
                   ON CONFLICT DO UPDATE SET value = ?1";
        self.rows().run(sql, [heard.cast_signed()])
    }
}

impl Rows<'_> {
    fn gone_mark(&self, handle: &[u8]) -> String {
        let mark = keyed(Purpose::Lookup, self.secrets.key.expose(), &[b"erased", handle]);
        format!("{GONE}{mark}")
    }

    fn noted_mark(&self, mark: &str) -> Result<bool, VaultFault> {
        self.connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM note WHERE name = ?1)")
            .and_then(|mut s| s.query_row([mark], |r| r.get(0)))
            .map_err(|e| self.sqlite("read", e))
    }

    /// Keeps of a household that is about to go that its registration number was erased.
    pub(super) fn mark_erased(&self, id: i64) -> Result<(), VaultFault> {
        let handle = self
            .connection
            .prepare_cached("SELECT source FROM household WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |r| r.get::<_, Vec<u8>>(0)))
            .map_err(|e| self.sqlite("read", e))?;
        let sql = "INSERT OR REPLACE INTO note (name, value) VALUES (?1, 1)";
        self.run(sql, [self.gone_mark(&handle)])
    }

    /// Takes that mark away: she is registered anew.
    pub(super) fn unmark_erased(&self, handle: &[u8; 32]) -> Result<(), VaultFault> {
        self.run("DELETE FROM note WHERE name = ?1", [self.gone_mark(handle)])
    }

    /// The households that notes of a kind are of.
    pub(super) fn noted(&self, kind: &str) -> Result<Vec<HouseholdId>, VaultFault> {
        let read = |r: &rusqlite::Row<'_>| Ok(HouseholdId(r.get::<_, i64>(0)?.unsigned_abs()));
        self.connection
            .prepare_cached("SELECT DISTINCT value FROM note WHERE name GLOB ?1 ORDER BY value")
            .and_then(|mut s| s.query_map([kind], read)?.collect())
            .map_err(|e| self.sqlite("read", e))
    }

    fn erasure_commitment(
        &self,
        id: HouseholdId,
        programme: ProgrammeId,
    ) -> Result<Commitment, VaultFault> {
        let (_, head) = self.head(id)?;
        let mut bytes = keyed(Purpose::Commitment, &head.root, &[b"erasure"]).0;
        Ok(erasure_commitment(&Secret::take(&mut bytes), programme))
    }
}
