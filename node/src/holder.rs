//! A wallet: the keys of people on a device of their own, what they signed with them, and what they were promised
//! (spec/wallet.md). It stands apart from any node: what comes from one comes as a page or a receipt, signed.
//!
//! Nothing signed leaves a wallet before the file that remembers it is durable; a file that is a copy of another signs
//! nothing before it has learned what the other signed.

pub mod backup;
mod book;
pub mod desk;
mod fault;
mod file;
pub mod page;
#[cfg(test)]
mod tests;
pub mod till;

use std::fs::File;
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, keyed};
use annona_ledger::id::CycleId;
use annona_ledger::key::SigningKey;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::DayNo;
use annona_ledger::wallet::Spend;
use annona_ledger::wire::Bounded;
use zeroize::{Zeroize, Zeroizing};

pub use book::{About, Balance, Carried, Pending, Person, Purse};
pub use fault::HolderFault;

use crate::consent::own::{Saying, Word};

use self::book::Book;
use self::file::{Lock, Mark};
use self::page::{Note, Page};
use self::till::{Bill, Introduction, Signed};
use crate::seal::{Cost, Key, random};
use crate::{envelope, folder};

/// The most people in one wallet.
pub const PEOPLE: usize = 64;
/// The most purses of one of them.
pub const PURSES: usize = 64;
/// The most spends, and the most receipts, kept of one purse.
pub const KEPT: usize = 2_048;
/// The most tickets in one wallet.
pub const TICKETS: usize = 256;
/// Keys that an introduction offers at a time.
pub const OFFERED: u32 = 4;
/// How many purses a backup may have missed: [`PURSES`].
const PURSES_AHEAD: u32 = 64;

/// What one person has in a wallet that nobody else may know. Neither copied nor printed, wiped when dropped.
struct Secrets {
    seed: Key,
    salt: Key,
    sealing: Key,
}

impl Secrets {
    fn random() -> Result<Self, HolderFault> {
        Ok(Self { seed: Key::random()?, salt: Key::random()?, sealing: Key::random()? })
    }

    /// The key of a purse, by its number.
    fn key(&self, number: u32) -> SigningKey {
        self.derived(&[b"wallet", &number.to_be_bytes()])
    }

    /// The key that credentials are bound to: no purse's, so that showing one joins no hand-out to it.
    fn credentials(&self) -> SigningKey {
        self.derived(&[b"credential"])
    }

    /// The key that one copy of a credential is bound to. The label was drawn here, and says nothing of the key.
    fn copy(&self, label: &[u8; 8]) -> SigningKey {
        self.derived(&[b"credential", label])
    }

    fn derived(&self, parts: &[&[u8]]) -> SigningKey {
        let mut seed = keyed(Purpose::Lookup, self.seed.expose(), parts).0;
        let key = SigningKey::from_seed(&seed);
        seed.zeroize();
        key
    }
}

/// An open wallet: its file is held until it is dropped.
pub struct Wallet {
    path: PathBuf,
    lock: Lock,
    place: PathBuf,
    secrets: Vec<Secrets>,
    book: Book,
    /// Whether the file, or what the machine remembers of it, is behind what is in memory.
    unsaved: bool,
    _held: File,
}

/// Holds a wallet's file against a second process, which would sign at the same place of its history.
fn held(path: &Path) -> Result<File, HolderFault> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let held = folder::hold(&beside)
        .map_err(|e| crate::disk::DiskFault::io("lock", &beside, e))?
        .map_err(|_| HolderFault::Held { path: path.to_owned() })?;
    Ok(held)
}

impl Wallet {
    /// Makes a wallet for nobody yet. `place` is where this machine remembers what it has signed: beside node heads, never
    /// in a folder that is backed up with the wallet.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Exists`]; [`HolderFault::EmptyPassphrase`]; the disk.
    pub fn create(
        path: &Path,
        passphrase: &Zeroizing<String>,
        cost: Cost,
        place: &Path,
    ) -> Result<Self, HolderFault> {
        if path.exists() {
            return Err(HolderFault::Exists { path: path.to_owned() });
        }
        let held = held(path)?;
        let lock = Lock::new(passphrase, cost)?;
        let book = Book { file: random()?, ..Book::default() };
        let mut wallet = Self {
            path: path.to_owned(),
            lock,
            place: place.to_owned(),
            secrets: Vec::new(),
            book,
            unsaved: true,
            _held: held,
        };
        wallet.save()?;
        Ok(wallet)
    }

    /// Opens a wallet. Where this machine does not know the file as the newest of its kind, it is taken for a copy: it signs
    /// nothing until it has learned. To look at it writes nothing: the file it was copied from signs as before.
    ///
    /// # Errors
    ///
    /// [`HolderFault`].
    pub fn open(
        path: &Path,
        passphrase: &Zeroizing<String>,
        place: &Path,
    ) -> Result<Self, HolderFault> {
        let held = held(path)?;
        let (lock, plain) = file::read(path, passphrase)?;
        Self::take(path, place, (lock, plain), held)
    }

    fn take(
        path: &Path,
        place: &Path,
        (lock, plain): (Lock, Zeroizing<Vec<u8>>),
        held: File,
    ) -> Result<Self, HolderFault> {
        let damaged = || HolderFault::Damaged { path: path.to_owned() };
        let (secrets, book) = file::parse(&plain).ok_or_else(damaged)?;
        let mut wallet = Self {
            path: path.to_owned(),
            lock,
            place: place.to_owned(),
            secrets,
            book,
            unsaved: false,
            _held: held,
        };
        let known = wallet.mark()?.read()?;
        let of_file = wallet.of_file()?.read()?;
        let since = wallet.book.copy.map(|(_, since)| since);
        let moved_on = since.is_some_and(|since| since != of_file);
        if moved_on || known.is_none_or(|writes| writes > wallet.book.writes) {
            wallet.is_a_copy()?;
        }
        Ok(wallet)
    }

    /// What the machine remembers of this file; of a copy under its own number, until it has learned or signed.
    fn mark(&self) -> Result<Mark, HolderFault> {
        Mark::at(&self.place, &self.book.copy.map_or(self.book.file, |(number, _)| number))
    }

    /// What the machine remembers of the file, or of the one this is a copy of.
    fn of_file(&self) -> Result<Mark, HolderFault> {
        Mark::at(&self.place, &self.book.file)
    }

    /// Nothing is signed before every place that may know more has been heard. Written with whatever is written next.
    fn is_a_copy(&mut self) -> Result<(), HolderFault> {
        for person in &mut self.book.people {
            person.asked = random()?;
            person.told = Some(Vec::new());
            for purse in &mut person.purses {
                purse.unheard = purse.places();
            }
        }
        self.book.copy = Some((random()?, self.of_file()?.read()?));
        self.unsaved = true;
        Ok(())
    }

    /// A copy that has learned, or that signs for one who has, is the wallet from here on: the file it was copied from is the
    /// old one. Where that one was written in the meantime, there is more to learn.
    fn take_over(&mut self) -> Result<(), HolderFault> {
        let Some((_, since)) = self.book.copy else { return Ok(()) };
        let known = self.of_file()?.read()?;
        if known != since {
            return self.is_a_copy();
        }
        self.book.copy = None;
        self.book.writes = self.book.writes.max(known.unwrap_or_default());
        self.unsaved = true;
        Ok(())
    }

    /// Writes the file, then what the machine remembers of it.
    fn save(&mut self) -> Result<(), HolderFault> {
        self.unsaved = true;
        self.book.writes = self.book.writes.saturating_add(1);
        file::write(&self.path, &self.lock, &file::print(&self.secrets, &self.book)?)?;
        self.mark()?.write(self.book.writes)?;
        self.unsaved = false;
        Ok(())
    }

    /// Who is in it.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.book.people
    }

    /// The place of a person, by her name here, or the only one there is.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Who`].
    pub fn find(&self, name: Option<&str>) -> Result<usize, HolderFault> {
        let who = || {
            HolderFault::Who(self.book.people.iter().map(|person| person.name.clone()).collect())
        };
        match name {
            None if self.book.people.len() == 1 => Ok(0),
            None => Err(who()),
            Some(name) => {
                self.book.people.iter().position(|person| person.name == name).ok_or_else(who)
            }
        }
    }

    /// Adds a person, with keys of her own.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Name`] for none, a long one, or one that is there; [`HolderFault::Full`]; the disk.
    pub fn add(&mut self, name: &str) -> Result<usize, HolderFault> {
        let known = self.book.people.iter().any(|person| person.name == name);
        if known || name.trim().is_empty() || name.len() > 64 {
            return Err(HolderFault::Name);
        }
        if self.secrets.len() >= PEOPLE {
            return Err(HolderFault::Full);
        }
        self.secrets.push(Secrets::random()?);
        let person = Person { name: name.to_owned(), asked: random()?, ..Person::default() };
        self.book.people.push(person);
        self.save()?;
        Ok(self.book.people.len().saturating_sub(1))
    }

    fn both(&self, who: usize) -> Result<(&Secrets, &Person), HolderFault> {
        self.secrets.get(who).zip(self.book.people.get(who)).ok_or(HolderFault::Who(Vec::new()))
    }

    /// What she shows at a desk: by which her carrier is known, and keys for purses she has not yet. What it asks is written
    /// first: the answer comes to whoever opens the file then.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Who`]; the disk.
    pub fn introduce(&mut self, who: usize) -> Result<Introduction, HolderFault> {
        let shown = self.introduction(who)?;
        if self.unsaved {
            self.save()?;
        }
        Ok(shown)
    }

    fn introduction(&self, who: usize) -> Result<Introduction, HolderFault> {
        let (secrets, person) = self.both(who)?;
        let first = person.purses.iter().map(|purse| purse.number.saturating_add(1)).max();
        let first = first.unwrap_or_default();
        let keys = (first..first.saturating_add(OFFERED)).map(|n| secrets.key(n).public());
        let known = person.purses.iter().map(|purse| purse.key);
        Ok(Introduction {
            version: 1,
            sealing: envelope::public(secrets.sealing.expose())
                .map_err(|_| HolderFault::NotHers)?,
            salt: *secrets.salt.expose(),
            asked: person.asked,
            first,
            keys: Bounded::new(keys.collect())?,
            known: Bounded::new(known.collect())?,
        })
    }

    /// Takes in a page: whoever it is for, what it brings is hers from here on. Says for whom it was.
    ///
    /// # Errors
    ///
    /// [`HolderFault::NotHers`] where it is for nobody here; [`HolderFault::Page`] where it does not hold together or is not
    /// by a node that serves her.
    pub fn take_page(&mut self, bytes: &[u8]) -> Result<usize, HolderFault> {
        for who in 0..self.secrets.len() {
            let (secrets, person) = self.both(who)?;
            let Some(opened) = page::open(bytes, &secrets.sealing)? else { continue };
            let federation = person.about.as_ref().map(|about| about.federation);
            let page = opened.check(federation)?;
            self.learn(who, page)?;
            let mut purses = self.book.people.iter().flat_map(|person| person.purses.iter());
            if purses.all(|purse| purse.unheard.is_empty()) {
                self.take_over()?;
            }
            self.save()?;
            return Ok(who);
        }
        Err(HolderFault::NotHers)
    }

    fn learn(&mut self, who: usize, page: Page) -> Result<(), HolderFault> {
        let (secrets, person) = self.both(who)?;
        let about = About::of(&page);
        if let Some(known) = &person.about {
            // After the first, only whom the first named, or her home, is believed.
            let serves = known.places.iter().any(|(key, _)| *key == page.node);
            if known.programme_id != page.programme_id || !serves {
                return Err(HolderFault::Page("is by a node, or of a programme, that is not hers"));
            }
        }
        for (key, spend, signature) in page.newest.iter() {
            let stated = Stated { operator: *key, signature: *signature };
            if !Statement::Spend(*spend).is_by(&page.federation, &stated) {
                return Err(HolderFault::Page("names a spend that she did not sign"));
            }
        }
        let mut given = Vec::new();
        let mut keys = Vec::new();
        for one in page.purses.iter() {
            let found = person.purses.iter().find(|purse| purse.key == one.key);
            let number = match found {
                Some(purse) => purse.number,
                None => {
                    // An old backup may have missed as many purses as there can be.
                    if keys.is_empty() {
                        let most = person.purses.iter().map(|p| p.number.saturating_add(1)).max();
                        let end = most.unwrap_or_default().saturating_add(OFFERED + PURSES_AHEAD);
                        keys.extend((0..end).map(|n| (n, secrets.key(n).public())));
                    }
                    let hers = keys.iter().find(|(_, key)| *key == one.key);
                    hers.ok_or(HolderFault::Page("gives a purse to a key that is not hers"))?.0
                }
            };
            if one.card != annona_ledger::wallet::tied(secrets.salt.expose(), &one.key) {
                return Err(HolderFault::Page("names another wallet"));
            }
            person.may_give(number, one, &page.node)?;
            given.push((number, *one));
        }
        let new =
            given.iter().filter(|(n, _)| person.purses.iter().all(|p| p.number != *n)).count();
        if person.purses.len().saturating_add(new) > PURSES {
            return Err(HolderFault::Full);
        }
        let (is_home, unheard) = (person.is_home(&page.node), person.must_hear(&page));
        let person = self.book.people.get_mut(who).ok_or(HolderFault::NotHers)?;
        for (number, one) in &given {
            person.given(*number, one, page.node, &unheard);
        }
        person.heard(&page);
        if let Some(told) = person.told.as_mut().filter(|_| page.asked == person.asked) {
            let node = page.node.short();
            if !given.is_empty() && !told.contains(&node) {
                told.push(node);
            }
        }
        if new > 0 && !unheard.is_empty() {
            // Who answered before did not know of these purses, and is asked again.
            person.asked = random()?;
        }
        // An older page that comes late tells receipts, and nothing that a newer one has told.
        if is_home && person.about.as_ref().is_none_or(|known| known.as_of <= page.as_of) {
            person.about = Some(about);
            person.consents = page.consents.to_vec();
            person.disclosures = page.disclosures.to_vec();
        }
        page.notes.into_vec().into_iter().try_for_each(|note| person.note(note))?;
        Ok(())
    }

    /// Signs a till's bill, once: for the same bill the same bytes. Everything is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`HolderFault::MustLearn`] where the file is a copy that has not learned; [`HolderFault::Bill`]; the disk.
    pub fn sign(
        &mut self,
        who: usize,
        bill: &Bill,
        cycle: Option<CycleId>,
    ) -> Result<Signed, HolderFault> {
        bill.check()?;
        let (secrets, person) = self.both(who)?;
        let about = person.about.as_ref().ok_or(HolderFault::Bill("she has no purse yet"))?;
        if about.federation != bill.federation || about.programme_id != bill.programme {
            return Err(HolderFault::Bill("it is of a programme she is not in"));
        }
        let federation = about.federation;
        if let Some((purse, spends)) = person.answered(&bill.nonce) {
            let signed = purse.signed(*secrets.salt.expose(), bill, spends)?;
            if self.unsaved {
                // What could not be written when it was signed is written before it leaves.
                self.save()?;
            }
            return Ok(signed);
        }
        // Never this device's clock, which nobody puts right: the till's day, or what her home said since. Where the two
        // are over a day apart, one of their clocks is wrong, and it is the till that answers for what it hands out.
        let at = match DayNo::of(about.as_of) > bill.on.plus(1) {
            true => bill.on.first(),
            false => bill.on.first().max(about.as_of),
        };
        let place = person.paying(bill, cycle, at)?;
        let purse = person.purses.get(place).ok_or(HolderFault::Bill("she has no purse for it"))?;
        if !purse.unheard.is_empty() {
            return Err(HolderFault::MustLearn(about.names(&purse.unheard)));
        }
        self.take_over()?;
        let (secrets, person) = self.both(who)?;
        let purse = person.purses.get(place).ok_or(HolderFault::Bill("she has no purse for it"))?;
        if let Some(about) = person.about.as_ref().filter(|_| !purse.unheard.is_empty()) {
            return Err(HolderFault::MustLearn(about.names(&purse.unheard)));
        }
        let key = secrets.key(purse.number);
        let (mut counter, mut previous) = (purse.counter, purse.previous);
        let mut spends = Vec::new();
        for (commodity, amount) in bill.items.iter() {
            counter = counter.saturating_add(1);
            if counter > Spend::LAST {
                return Err(HolderFault::Full);
            }
            let spend = Spend {
                programme: bill.programme,
                purse: purse.purse,
                node: bill.node,
                nonce: bill.nonce,
                on: bill.on,
                commodity: *commodity,
                amount: *amount,
                counter,
                previous,
            };
            previous = spend.hash(&federation, &key.public());
            spends.push((spend, Statement::Spend(spend).sign(&federation, &key).signature));
        }
        let signed = purse.signed(*secrets.salt.expose(), bill, spends.clone())?;
        let person = self.book.people.get_mut(who).ok_or(HolderFault::NotHers)?;
        if let Some(purse) = person.purses.get_mut(place) {
            purse.spent(counter, previous, spends)?;
        }
        // What was signed is remembered before anybody sees it.
        self.save()?;
        Ok(signed)
    }

    /// Keeps a receipt. Says for whom it was.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Receipt`] where it is nobody's here, or not signed by a node she knows.
    pub fn receive(&mut self, note: &Note) -> Result<usize, HolderFault> {
        for (who, person) in self.book.people.iter_mut().enumerate() {
            if person.purses.iter().any(|purse| purse.purse == note.purse) {
                person.note(note.clone())?;
                self.save()?;
                return Ok(who);
            }
        }
        Err(HolderFault::Receipt("is for nobody in this wallet"))
    }

    /// Keeps a ticket that one of them carries to another site. Says for whom it was.
    ///
    /// # Errors
    ///
    /// [`HolderFault::NotHers`] where it is nobody's here; [`HolderFault::Receipt`] where no node she knows has signed it;
    /// [`HolderFault::Full`].
    pub fn carry(&mut self, carried: Carried) -> Result<usize, HolderFault> {
        let purse = carried.purse().ok_or(HolderFault::NotHers)?;
        let has = |person: &Person| person.purses.iter().any(|own| own.purse == purse);
        let who = self.book.people.iter().position(has);
        let who = who.ok_or(HolderFault::NotHers)?;
        let about = self.book.people.get(who).and_then(|person| person.about.as_ref());
        let signed = about.is_some_and(|about| match &carried.ticket {
            Ticket::Sent(sent, _) => about.places.iter().any(|(node, _)| {
                carried.programme == about.programme_id
                    && sent.verifies(&about.federation, node, carried.programme)
            }),
            Ticket::Budget { .. } | Ticket::Release { .. } => false,
        });
        if !signed {
            return Err(HolderFault::Receipt("is a ticket, and no node she knows has signed it"));
        }
        let tickets = &mut self.book.tickets;
        match tickets.iter_mut().find(|known| known.ticket == carried.ticket) {
            Some(known) => known.pin = carried.pin.or(known.pin.take()),
            None => tickets.push(carried),
        }
        if tickets.len() > TICKETS {
            // What was taken up is known by its receipt.
            let people = &self.book.people;
            tickets.retain(|one| !people.iter().any(|person| person.used(one)));
            if tickets.len() > TICKETS {
                tickets.pop();
                return Err(HolderFault::Full);
            }
        }
        self.save()?;
        Ok(who)
    }

    /// The tickets of a person, in the order in which they came.
    pub fn tickets(&self, who: usize) -> impl Iterator<Item = &Carried> {
        let person = self.book.people.get(who);
        let hers = move |one: &&Carried| {
            let purse = one.purse();
            person.is_some_and(|p| p.purses.iter().any(|own| Some(own.purse) == purse))
        };
        self.book.tickets.iter().filter(hers)
    }

    /// Her word on a consent, by the key of her first purse. A file that is a copy gives none before it has learned, and takes
    /// back at once.
    ///
    /// # Errors
    ///
    /// [`HolderFault::NoPurse`]; [`HolderFault::MustLearn`].
    pub fn says(&self, who: usize, saying: Saying) -> Result<Word, HolderFault> {
        let (secrets, person) = self.both(who)?;
        let first = person.about.as_ref().zip(person.purses.first());
        let (about, purse) = first.ok_or(HolderFault::NoPurse)?;
        let unheard = person.unheard();
        if !unheard.is_empty() && matches!(saying, Saying::Given(_)) {
            return Err(HolderFault::MustLearn(unheard));
        }
        let word = saying.statement().sign(&about.federation, &secrets.key(purse.number));
        Ok(Word { saying, word })
    }

    /// The key that her credentials are bound to. It pays nothing, so a copy shows what she shows.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Who`].
    pub fn credential_key(&self, who: usize) -> Result<SigningKey, HolderFault> {
        Ok(self.both(who)?.0.credentials())
    }

    /// The key that one copy of a credential of hers is bound to, by the label she gave it.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Who`].
    pub fn copy_key(&self, who: usize, label: &[u8; 8]) -> Result<SigningKey, HolderFault> {
        Ok(self.both(who)?.0.copy(label))
    }

    /// Seals the file under another passphrase.
    ///
    /// # Errors
    ///
    /// [`HolderFault`]; then the old one still opens it.
    pub fn change_passphrase(
        &mut self,
        passphrase: &Zeroizing<String>,
        cost: Cost,
    ) -> Result<(), HolderFault> {
        let old = std::mem::replace(&mut self.lock, Lock::new(passphrase, cost)?);
        // Nothing is ever written under a passphrase that nobody was told of.
        self.save().inspect_err(|_| self.lock = old)
    }
}
