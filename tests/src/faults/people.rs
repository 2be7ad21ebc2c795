//! The person file under power cuts: who was registered is there with what was said last, and whoever was erased is not.

use std::collections::{BTreeMap, BTreeSet};

use annona_node::seal::Key;
use annona_node::vault::{Vault, VaultFault};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::platter::Honesty;
use super::{Broken, Failed, Kept, hold, sound};
use crate::bench::Fault;
use crate::rng::Rng;

/// Acts in one life at most.
const ACTS: usize = 25;
/// Families at the beginning.
const FAMILIES: u64 = 5;
/// Who names them.
const SOURCE: &str = "ration cards";

/// What is known of a family: how often it was written, and its card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    written: u8,
    card: bool,
}

/// What is to be found of each key that was ever used; `None` where she was erased.
type Book = BTreeMap<u64, Option<Known>>;

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// Acts that were answered.
    pub answered: u64,
    /// Erasures among them.
    pub erased: u64,
    /// Acts the power went in that had been written all the same.
    pub found: u64,
}

impl Tally {
    /// Adds another run's.
    pub const fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.answered += other.answered;
        self.erased += other.erased;
        self.found += other.found;
    }
}

/// A person file to begin from.
pub struct Office {
    desk: Desk,
    key: Key,
    book: Book,
}

fn key_of(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The records of a family that was written so often: a member more with each birth.
fn records(number: u64, written: u8) -> (Vec<u8>, Vec<Zeroizing<Vec<u8>>>) {
    let member = |n: u8| Zeroizing::new(vec![n; 40 + usize::from(n)]);
    ([&key_of(number)[..], &[written; 700]].concat(), (0..=written).map(member).collect())
}

/// What may be done to a family.
#[derive(Clone, Copy, Debug)]
enum Act {
    Write,
    Card,
    Erase,
}

impl Act {
    /// What is known afterwards.
    fn after(self, before: Option<Known>) -> Option<Known> {
        match self {
            Self::Write => {
                let known = before.map_or(Known { written: 0, card: false }, |known| Known {
                    written: known.written.saturating_add(1),
                    ..known
                });
                Some(known)
            }
            Self::Card => before.map(|known| Known { card: true, ..known }),
            Self::Erase => None,
        }
    }

    fn run(self, vault: &mut Vault, number: u64, after: Option<Known>) -> Result<(), VaultFault> {
        let known = vault.find(SOURCE, &key_of(number))?.map(|found| found.id);
        match (self, known) {
            (Self::Erase, Some(id)) => return vault.erase(id),
            (Self::Erase, None) => return Ok(()),
            _ => {}
        }
        let written = after.map_or(0, |known| known.written);
        let (household, members) = records(number, written);
        let mut txn = vault.begin()?;
        match (self, known) {
            (Self::Card, Some(id)) => txn.set_card(id, &key_of(number))?,
            (_, Some(id)) => txn.replace(id, [written; 32], &household, &members)?,
            (_, None) => {
                txn.add(SOURCE, &key_of(number), [written; 32], &household, &members)?;
            }
        }
        txn.commit()
    }
}

impl Office {
    /// Registers a few families.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn found() -> Result<Self, Fault> {
        let key = Key::random()?;
        // The name is taken on the machine's own disk alone, so it cannot be opened yet.
        let desk = Desk::found("people.db", |path| drop(Vault::create(path, &key)))?;
        let mut book = Book::new();
        let mut vault = Vault::open(&desk.file(), &key)?;
        for number in 1..=FAMILIES {
            let after = Act::Write.after(None);
            Act::Write.run(&mut vault, number, after)?;
            book.insert(number, after);
        }
        drop(vault);
        desk.disk.with(super::platter::Platter::settle);
        Ok(Self { desk, key, book })
    }

    /// Runs one seed: so many lives of one machine, on a disk that keeps its word like this.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub fn run(&self, seed: u64, lives: u64, honesty: Honesty) -> Result<Tally, Failed> {
        let mut life = 0;
        let mut chain = || {
            let desk = sound("a machine", self.desk.copy())?;
            let (book, chance) = (self.book.clone(), Rng::new(seed));
            let tally = Tally::default();
            let mut run = Run { desk, key: &self.key, book, doubt: None, chance, tally };
            while life < lives {
                run.life(honesty)?;
                life += 1;
            }
            Ok(run.tally)
        };
        let done = chain();
        let repeat = format!("people --seed {seed} --lives {lives}");
        done.map_err(|broken| Failed { seed, step: life, broken, repeat })
    }
}

struct Run<'a> {
    desk: Desk,
    key: &'a Key,
    book: Book,
    /// Whom something was asked for and not answered, and what she would be.
    doubt: Option<(u64, Option<Known>)>,
    chance: Rng,
    tally: Tally,
}

impl Run<'_> {
    fn life(&mut self, honesty: Honesty) -> Kept {
        self.desk.arm(honesty, &mut self.chance);
        let done = self.live();
        if !self.desk.over() {
            done?;
        }
        self.tally.cuts += u64::from(self.desk.end(&mut self.chance));
        let copy = sound("a copy", self.desk.copy())?;
        let opened = Vault::open(&copy.file(), self.key);
        self.check(&sound("opening", opened)?)
    }

    fn live(&mut self) -> Kept {
        let mut vault = sound("opening", Vault::open(&self.desk.file(), self.key))?;
        if let Some((number, after)) = self.doubt {
            // Asked again: what is there by now is answered, once that is durable.
            let txn = sound("asking again", vault.begin())?;
            sound("asking again", txn.commit())?;
            let is = sound("asking again", state(&vault, number))?;
            self.tally.found += u64::from(is == after);
            self.book.insert(number, is);
            self.doubt = None;
        }
        for _ in 0..ACTS {
            let newest = self.book.keys().next_back().copied().unwrap_or(0);
            let number = self.chance.between(1, newest + 1);
            let before = self.book.get(&number).copied().flatten();
            let act = match self.chance.below(100) {
                0..12 => Act::Erase,
                12..35 if before.is_some() => Act::Card,
                _ => Act::Write,
            };
            let after = act.after(before);
            self.doubt = Some((number, after));
            sound("an act", act.run(&mut vault, number, after))?;
            self.doubt = None;
            self.book.insert(number, after);
            self.tally.answered += 1;
            self.tally.erased += u64::from(before.is_some() && after.is_none());
        }
        Ok(())
    }

    /// Holds a file against all that was answered.
    fn check(&self, vault: &Vault) -> Kept {
        let whole = sound("checking", vault.verify())?;
        let mut alive = 0;
        let doubted = self.doubt.map(|(number, _)| number);
        let all: BTreeSet<u64> = self.book.keys().copied().chain(doubted).collect();
        for number in all {
            let is = sound("reading", state(vault, number))?;
            let was = self.book.get(&number).copied().flatten();
            let asked = self.doubt.filter(|(whose, _)| *whose == number).map(|(_, after)| after);
            hold(is == was || asked == Some(is), || {
                let words = if was.is_none() { "is there again" } else { "is lost" };
                format!(
                    "what was said of family {number} {words}: {is:?}, and was {was:?}, asked {asked:?}"
                )
            })?;
            alive += u64::from(is.is_some());
        }
        hold(whole == alive, || format!("{whole} families are there, {alive} were registered"))?;
        let keyless = sound("reading", vault.keyless())?;
        hold(keyless == 0, || format!("{keyless} records have no key"))?;
        let due = sound("reading", vault.keys_due())?;
        hold(!due, || "keys of the erased are left once it was opened".into())
    }
}

/// What a file has of a family.
fn state(vault: &Vault, number: u64) -> Result<Option<Known>, Broken> {
    let Some(found) = sound("looking", vault.find(SOURCE, &key_of(number)))? else {
        let card = sound("looking", vault.household_by_card(&key_of(number)))?;
        hold(card.is_none(), || format!("family {number} is gone, and her card is not"))?;
        return Ok(None);
    };
    let stored = sound("opening her", vault.household(found.id))?;
    let written = stored.digest[0];
    let (household, members) = records(number, written);
    let same = stored.household.as_slice() == household && stored.members == members;
    hold(same && found.digest == Some(stored.digest), || {
        format!("the records of family {number} are of different times")
    })?;
    let card = sound("looking", vault.household_by_card(&key_of(number)))?;
    hold(card.is_none_or(|id| id == found.id), || "her card is another's".into())?;
    Ok(Some(Known { written, card: card.is_some() }))
}
