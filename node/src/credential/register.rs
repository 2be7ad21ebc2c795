//! Which cards this node has printed, and which places of its status lists are taken: one small sealed file that is
//! replaced whole.
//!
//! A line names a family by its number in the person file, a list and a place in it; nothing of what stands on the card
//! is kept, so that printing it again needs the person's own record, and erasing that leaves nothing to print.

use std::path::{Path, PathBuf};

use annona_ledger::hash::Hash;
use annona_ledger::id::{CarrierId, Commitment, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};

use super::card::StatusRef;
use super::status::{ENTRIES, ListName, StatusList};
use super::when::Seconds;
use crate::atomic;
use crate::disk::DiskFault;
use crate::folder::CARDS;
use crate::node::{Node, NodeFault};
use crate::seal::{Key, SealError, random};
use crate::vault::{HouseholdId, Vault, VaultFault};

/// The largest register that is read, in bytes: some 200,000 cards and 512 lists.
pub const MAX_FILE: usize = 32 << 20;

const PURPOSE: &[u8] = b"annona register of cards 1";

/// Why the register could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterFault {
    /// Another key sealed it, or it was changed.
    #[error("{} does not open: it was changed, or is another node's. Take the copy from the last backup.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It was begun once and is not there.
    #[error(
        "{} is not here, and cards were printed from it: without it cards that were cancelled would count again. Put it \
         back from the last backup (`annona restore FILE --dir ELSEWHERE`, then copy it here). Where there is none, \
         `annona node reincarnate` begins anew, and every card is printed again.",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No place is left, or none could be drawn.
    #[error("the register of cards is full")]
    Full,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The person file, which knows whether there was ever one.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The node has no key of it.
    #[error(transparent)]
    Node(#[from] Box<NodeFault>),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// A card that holds: what is needed to print it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Whose it is.
    pub household: HouseholdId,
    /// In which programme.
    pub programme: u16,
    /// Who signed it.
    pub issuer: PublicKey,
    /// The list of that issuer for that programme.
    pub list: u32,
    /// The place in it.
    pub index: u32,
    /// Until when it holds, in seconds.
    pub expires: u64,
    /// The language on it.
    pub language: Option<String>,
    /// Whether the name stands on it.
    pub named: bool,
    /// The short code beside it.
    pub code: Option<[u8; 8]>,
    /// What it is called on the ledger.
    pub carrier: CarrierId,
}

impl Line {
    /// Where its status stands.
    #[must_use]
    pub fn status(&self) -> StatusRef {
        let uri = ListName::of(&self.issuer, self.programme, self.list).to_string();
        StatusRef { uri, index: self.index }
    }

    /// Until when it holds.
    #[must_use]
    pub const fn expires(&self) -> Seconds {
        Seconds(self.expires)
    }
}

/// A credential that was issued from somebody's record: what is needed to take it back. Nothing of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Of whom.
    pub household: HouseholdId,
    /// In which programme.
    pub programme: u16,
    /// Who signed it.
    pub issuer: PublicKey,
    /// The list of that issuer for that programme.
    pub list: u32,
    /// The place in it.
    pub index: u32,
    /// The consent it rests on, by its commitment.
    pub consent: Commitment,
}

#[derive(Default, Serialize, Deserialize)]
struct Held {
    lists: Vec<Row>,
    lines: Vec<Line>,
    issued: Vec<Issued>,
}

/// As it was before credentials were issued.
#[derive(Serialize, Deserialize)]
struct Cards {
    lists: Vec<Row>,
    lines: Vec<Line>,
}

/// One status list: which places were ever drawn, and which are revoked.
#[derive(Serialize, Deserialize)]
struct Row {
    issuer: PublicKey,
    programme: u16,
    number: u32,
    taken: u32,
    drawn: Vec<u8>,
    revoked: Vec<u8>,
}

/// The register of a node, open. Nothing is kept before [`Register::save`].
pub struct Register {
    path: PathBuf,
    key: Key,
    held: Held,
}

impl Register {
    /// Opens the register of a node, or begins one where its key has never printed a card.
    ///
    /// # Errors
    ///
    /// [`RegisterFault::Missing`]; otherwise as [`Register::open`].
    pub fn of_node(node: &Node, vault: &mut Vault) -> Result<Self, RegisterFault> {
        let (path, issuer) = (node.folder().file(CARDS), node.public().short());
        if path.exists() {
            vault.note_printed(&issuer)?;
        } else if vault.has_printed(&issuer)? {
            return Err(RegisterFault::Missing { path });
        }
        let mut register = Self::open(&path, node.vault_key().map_err(Box::new)?)?;
        // Out of a backup, where whose they are lay apart until their keys came back.
        let beside = vault.beside()?;
        for (household, bytes) in &beside {
            register.put_back(*household, bytes);
        }
        if !beside.is_empty() {
            register.save()?;
        }
        for (household, _) in beside {
            vault.beside_is_back(household)?;
        }
        Ok(register)
    }

    /// What it has of a household, for a backup to seal under her own key ([`Vault::copy_without_keys`]).
    #[must_use]
    pub fn beside(&self, household: HouseholdId) -> Vec<u8> {
        let Held { lines, issued, .. } = &self.held;
        let lines: Vec<&Line> = lines.iter().filter(|l| l.household == household).collect();
        let issued: Vec<&Issued> = issued.iter().filter(|i| i.household == household).collect();
        if lines.is_empty() && issued.is_empty() {
            return Vec::new();
        }
        wire::encode(&(lines, issued))
    }

    /// This register as a backup has it: which places are whose, so that they are revoked with her, and nothing that the
    /// ledger, or a card, calls her.
    ///
    /// # Errors
    ///
    /// [`RegisterFault::Seal`] without randomness.
    pub fn for_backup(&self) -> Result<Vec<u8>, RegisterFault> {
        let Held { lists, lines, issued } = &self.held;
        let carrier = CarrierId([0; 16]);
        let lines: Vec<Line> =
            lines.iter().map(|l| Line { carrier, code: None, ..l.clone() }).collect();
        let consent = Commitment(Hash::ZERO);
        let issued: Vec<Issued> = issued.iter().map(|i| Issued { consent, ..*i }).collect();
        Ok(self.key.seal(PURPOSE, &wire::encode(&(lists, lines, issued)))?)
    }

    /// Puts back what [`Register::beside`] gave, where its place was not taken back meanwhile.
    fn put_back(&mut self, household: HouseholdId, bytes: &[u8]) {
        let read = wire::decode::<(Vec<Line>, Vec<Issued>)>(bytes, MAX_FILE);
        let Ok((lines, issued)) = read else { return };
        for line in lines.into_iter().filter(|line| line.household == household) {
            let is = |l: &&mut Line| {
                let place = (l.issuer, l.programme, l.list, l.index);
                place == (line.issuer, line.programme, line.list, line.index)
            };
            if let Some(here) = self.held.lines.iter_mut().find(is) {
                *here = line;
            }
        }
        for one in issued.into_iter().filter(|one| one.household == household) {
            let is = |i: &&mut Issued| {
                let place = (i.issuer, i.programme, i.list, i.index);
                place == (one.issuer, one.programme, one.list, one.index)
            };
            if let Some(here) = self.held.issued.iter_mut().find(is) {
                *here = one;
            }
        }
    }

    /// As [`Register::save`], the first time of all noting that there is one now: before any card of it is out.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`].
    pub fn save_first(&self, vault: &mut Vault, issuer: &PublicKey) -> Result<(), RegisterFault> {
        self.save()?;
        Ok(vault.note_printed(&issuer.short())?)
    }

    /// Opens a register, or begins one.
    ///
    /// # Errors
    ///
    /// [`RegisterFault::Damaged`]; [`RegisterFault::Disk`].
    pub fn open(path: &Path, key: Key) -> Result<Self, RegisterFault> {
        // What a killed writing has left tells of cards as the register itself does.
        atomic::sweep(path)?;
        let held = if path.exists() {
            let damaged = || RegisterFault::Damaged { path: path.to_owned() };
            let sealed = atomic::read(path, MAX_FILE)?;
            let plain = key.open(PURPOSE, &sealed).map_err(|_| damaged())?;
            wire::decode(&plain, MAX_FILE).or_else(|_| {
                let Cards { lists, lines } =
                    wire::decode(&plain, MAX_FILE).map_err(|_| damaged())?;
                Ok::<_, RegisterFault>(Held { lists, lines, issued: Vec::new() })
            })?
        } else {
            Held::default()
        };
        Ok(Self { path: path.to_owned(), key, held })
    }

    /// Keeps what was changed, durably and all at once. What lay there before is overwritten: it may tell of somebody who
    /// is erased.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`]; then the old register is still whole.
    pub fn save(&self) -> Result<(), RegisterFault> {
        let plain = zeroize::Zeroizing::new(wire::encode(&self.held));
        let sealed = self.key.seal(PURPOSE, &plain)?;
        if sealed.len() > MAX_FILE {
            return Err(RegisterFault::Full);
        }
        Ok(atomic::write_over(&self.path, &sealed)?)
    }

    /// Draws a place in a list at random among those never drawn: list and index. Save before it is used.
    ///
    /// # Errors
    ///
    /// [`RegisterFault::Full`]; [`RegisterFault::Seal`] without randomness.
    pub fn draw(
        &mut self,
        issuer: &PublicKey,
        programme: u16,
    ) -> Result<(u32, u32), RegisterFault> {
        let of = |row: &Row| row.issuer == *issuer && row.programme == programme;
        let last = self.held.lists.iter().filter(|row| of(row)).map(|row| row.number).max();
        let last = last.unwrap_or(0);
        let open = |row: &Row| of(row) && row.number == last && row.taken < ENTRIES / 2;
        let place = match self.held.lists.iter().position(open) {
            Some(place) => place,
            None => {
                let number = last.checked_add(1).ok_or(RegisterFault::Full)?;
                let empty = vec![0; ENTRIES as usize / 8];
                let (drawn, revoked) = (empty.clone(), empty);
                let (issuer, taken) = (*issuer, 0);
                self.held.lists.push(Row { issuer, programme, number, taken, drawn, revoked });
                self.held.lists.len() - 1
            }
        };
        let row = self.held.lists.get_mut(place);
        let row = row.ok_or(RegisterFault::Full)?;
        // At most half are taken: after 200 draws the chance of meeting only taken ones is 2⁻²⁰⁰.
        for _ in 0..200 {
            let index = u32::from_le_bytes(random()?) % ENTRIES;
            let (byte, bit) = (index as usize / 8, 1 << (index % 8));
            if let Some(byte) = row.drawn.get_mut(byte).filter(|byte| **byte & bit == 0) {
                *byte |= bit;
                row.taken += 1;
                return Ok((row.number, index));
            }
        }
        Err(RegisterFault::Full)
    }

    /// The card a family holds in a programme.
    #[must_use]
    pub fn of(&self, household: HouseholdId, programme: ProgrammeId) -> Option<&Line> {
        self.held.lines.iter().find(|l| l.household == household && l.programme == programme.0)
    }

    /// The cards a family holds: one for each programme.
    pub fn of_family(&self, household: HouseholdId) -> impl Iterator<Item = &Line> {
        self.held.lines.iter().filter(move |line| line.household == household)
    }

    /// The cards printed with a short code: one for each programme it was given in.
    pub fn by_code(&self, code: &[u8; 8]) -> impl Iterator<Item = &Line> {
        self.held.lines.iter().filter(move |line| line.code.as_ref() == Some(code))
    }

    /// Notes a card that was printed, in place of the one the family had in that programme, which is revoked.
    pub fn keep(&mut self, line: Line) {
        self.take_back(line.household, ProgrammeId(line.programme));
        self.held.lines.push(line);
    }

    /// Takes a family's card back: its place is revoked, for ever. Gives the line it had.
    pub fn take_back(&mut self, household: HouseholdId, programme: ProgrammeId) -> Option<Line> {
        let is = |l: &Line| l.household == household && l.programme == programme.0;
        let place = self.held.lines.iter().position(is)?;
        let line = self.held.lines.swap_remove(place);
        self.revoke(&line.issuer, line.programme, (line.list, line.index));
        Some(line)
    }

    /// Notes a credential, before it is out.
    pub fn issued(&mut self, issued: Issued) {
        self.held.issued.push(issued);
    }

    /// Takes back every credential that says so. Says how many there were.
    fn take_issued(&mut self, gone: impl Fn(&Issued) -> bool) -> usize {
        let (gone, left): (Vec<_>, Vec<_>) = self.held.issued.drain(..).partition(gone);
        self.held.issued = left;
        for one in &gone {
            self.revoke(&one.issuer, one.programme, (one.list, one.index));
        }
        gone.len()
    }

    /// Takes back all cards and credentials of families that are erased. Says how many there were.
    pub fn forget(&mut self, households: &[HouseholdId]) -> usize {
        let theirs = |l: &&Line| households.contains(&l.household);
        let of = |l: &Line| (l.household, ProgrammeId(l.programme));
        let gone: Vec<_> = self.held.lines.iter().filter(theirs).map(of).collect();
        for (household, programme) in &gone {
            self.take_back(*household, *programme);
        }
        gone.len() + self.take_issued(|one| households.contains(&one.household))
    }

    /// Takes back every card whose carrier is cancelled on the ledger, and every credential whose consent was taken back
    /// there. Says how many there were.
    pub fn reconcile(
        &mut self,
        cancelled: impl Fn(ProgrammeId, &CarrierId) -> bool,
        withdrawn: impl Fn(&Commitment) -> bool,
    ) -> usize {
        let gone = |l: &&Line| cancelled(ProgrammeId(l.programme), &l.carrier);
        let gone: Vec<(HouseholdId, ProgrammeId)> = self
            .held
            .lines
            .iter()
            .filter(gone)
            .map(|l| (l.household, ProgrammeId(l.programme)))
            .collect();
        for (household, programme) in &gone {
            self.take_back(*household, *programme);
        }
        gone.len() + self.take_issued(|one| withdrawn(&one.consent))
    }

    /// The lists of an issuer, to be signed and published.
    pub fn lists(&self, issuer: &PublicKey) -> impl Iterator<Item = (ListName, StatusList)> {
        let of = move |row: &&Row| row.issuer == *issuer;
        self.held.lists.iter().filter(of).filter_map(|row| {
            let list = StatusList::of(1, row.revoked.clone())?;
            Some((ListName::of(&row.issuer, row.programme, row.number), list))
        })
    }

    /// How many cards hold.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.lines.len()
    }

    /// How many credentials hold.
    #[must_use]
    pub fn credentials(&self) -> usize {
        self.held.issued.len()
    }

    /// Whether no card holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.lines.is_empty()
    }

    fn revoke(&mut self, issuer: &PublicKey, programme: u16, (list, index): (u32, u32)) {
        let of = |row: &&mut Row| {
            row.issuer == *issuer && row.programme == programme && row.number == list
        };
        if let Some(row) = self.held.lists.iter_mut().find(of)
            && let Some(byte) = row.revoked.get_mut(index as usize / 8)
        {
            *byte |= 1 << (index % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annona_ledger::key::SigningKey;

    fn issuer() -> PublicKey {
        SigningKey::from_seed(&[7; 32]).public()
    }

    fn key() -> Key {
        Key::take(&mut [3; 32])
    }

    fn line(household: u64, (list, index): (u32, u32)) -> Line {
        Line {
            household: HouseholdId(household),
            programme: 2,
            issuer: issuer(),
            list,
            index,
            expires: 1_800_000_000,
            language: Some("ar".into()),
            named: false,
            code: Some([household as u8; 8]),
            carrier: CarrierId([household as u8; 16]),
        }
    }

    #[test]
    fn a_register_reads_back_and_shows_nothing_at_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cards");
        let mut register = Register::open(&path, key()).expect("a new one");
        for household in 1..=3 {
            let place = register.draw(&issuer(), 2).expect("a place");
            register.keep(line(household, place));
        }
        register.save().expect("saved");
        let mut again = Register::open(&path, key()).expect("it opens");
        assert_eq!((again.len(), again.by_code(&[2; 8]).count()), (3, 1));
        let held = again.of(HouseholdId(2), ProgrammeId(2)).expect("kept").clone();
        assert_eq!(held.status().uri, ListName::of(&issuer(), 2, 1).to_string());
        assert_eq!(again.take_back(HouseholdId(2), ProgrammeId(2)), Some(held.clone()));
        assert_eq!(again.take_back(HouseholdId(2), ProgrammeId(2)), None);
        assert_eq!(again.forget(&[HouseholdId(1)]), 1);
        assert_eq!(again.reconcile(|_, carrier| *carrier == CarrierId([3; 16]), |_| false), 1);
        assert!(again.is_empty());
        let lists: Vec<_> = again.lists(&issuer()).collect();
        assert_eq!(
            (lists.len(), lists[0].1.revoked(), lists[0].1.get(held.index)),
            (1, 3, Some(1))
        );
        let bytes = std::fs::read(&path).expect("a file");
        assert!(!bytes.windows(8).any(|w| w == [2; 8]), "nothing of it is read at rest");
        assert!(matches!(
            Register::open(&path, Key::take(&mut [4; 32])),
            Err(RegisterFault::Damaged { .. })
        ));
    }

    #[test]
    fn what_was_issued_is_taken_back_with_its_consent_or_its_household() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cards");
        // A register of before credentials were issued.
        let mut register = Register::open(&path, key()).expect("a new one");
        let place = register.draw(&issuer(), 2).expect("a place");
        register.keep(line(1, place));
        let Held { lists, lines, .. } = register.held;
        let old = wire::encode(&Cards { lists, lines });
        let sealed = key().seal(PURPOSE, &old).expect("sealed");
        atomic::write(&path, &sealed).expect("written");
        let mut register = Register::open(&path, key()).expect("it opens");
        assert_eq!((register.len(), register.credentials()), (1, 0));
        for household in 1..=3 {
            let (list, index) = register.draw(&issuer(), 2).expect("a place");
            let (programme, issuer) = (2, issuer());
            let household = HouseholdId(household);
            let consent = Commitment(Hash([household.0 as u8; 32]));
            register.issued(Issued { household, programme, issuer, list, index, consent });
        }
        register.save().expect("saved");
        let mut register = Register::open(&path, key()).expect("it opens");
        assert_eq!((register.len(), register.credentials()), (1, 3));
        let consent = Commitment(Hash([2; 32]));
        assert_eq!(register.reconcile(|_, _| false, |one| *one == consent), 1);
        assert_eq!(register.forget(&[HouseholdId(1)]), 2, "her card and her credential");
        assert_eq!((register.len(), register.credentials()), (0, 1));
        let (_, list) = register.lists(&issuer()).next().expect("a list");
        assert_eq!(list.revoked(), 3);
    }

    #[test]
    fn a_place_is_drawn_once_and_a_list_ends_half_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut register = Register::open(&folder.path().join("cards"), key()).expect("a new one");
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..=ENTRIES / 2 {
            let (list, index) = register.draw(&issuer(), 2).expect("a place");
            assert_eq!(list, if n < ENTRIES / 2 { 1 } else { 2 });
            assert!(index < ENTRIES && seen.insert((list, index)), "{list} {index}");
        }
        assert_eq!(register.draw(&issuer(), 3).expect("a place").0, 1, "each programme its own");
        let other = SigningKey::from_seed(&[8; 32]).public();
        assert_eq!(register.draw(&other, 2).expect("a place").0, 1, "and each issuer");
        let sum: u64 = seen.iter().map(|(_, index)| u64::from(*index)).sum();
        let mean = sum / u64::from(ENTRIES / 2);
        assert!((60_000..71_000).contains(&mean), "places are spread: {mean}");
    }
}
