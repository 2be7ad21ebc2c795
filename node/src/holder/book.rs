//! What a wallet remembers beside its secrets: people, their purses, what they signed and what they were promised.

use std::collections::BTreeMap;

use annona_ledger::charter::Commodity;
use annona_ledger::entry::{Entry, Owner, Send, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, FederationId, Nonce, OrgId, ProgrammeId, Purse as PurseId,
};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::ticket::{Moved, Sent, Ticket};
use annona_ledger::time::{DayNo, Millis, Minute};
use annona_ledger::wallet::Spend;
use annona_ledger::wire::Bounded;
use serde::{Deserialize, Serialize};

use super::page::{Agreed, Given, Note, Page, Shown, Way};
use super::till::{Bill, Signed};
use super::{HolderFault, KEPT};

/// The file's number, how often it was written, and who is in it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) file: [u8; 16],
    pub(super) writes: u64,
    /// Where it is a copy that has neither learned nor signed: a number of its own, by which this machine remembers it, and
    /// what the machine remembered of the file it is a copy of.
    pub(super) copy: Option<([u8; 16], Option<u64>)>,
    pub(super) people: Vec<Person>,
    pub(super) tickets: Vec<Carried>,
}

/// As it was before tickets were kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Before {
    file: [u8; 16],
    writes: u64,
    copy: Option<([u8; 16], Option<u64>)>,
    people: Vec<Person>,
}

impl From<Before> for Book {
    fn from(Before { file, writes, copy, people }: Before) -> Self {
        Self { file, writes, copy, people, tickets: Vec::new() }
    }
}

/// A ticket she carries to another site.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The programme.
    pub programme: ProgrammeId,
    /// The ticket.
    pub ticket: Ticket,
    /// Her PIN for that site, as it goes with it: sealed to the node there.
    pub pin: Option<Vec<u8>>,
}

impl Carried {
    /// What it sends; `None` of what is no purse's.
    #[must_use]
    pub const fn send(&self) -> Option<&Send> {
        match &self.ticket {
            Ticket::Sent(Sent { moved: Moved::Send(send), .. }, _) => Some(send),
            _ => None,
        }
    }

    pub(super) fn purse(&self) -> Option<PurseId> {
        match self.send()?.owner {
            Owner::Purse(purse) => Some(purse),
            Owner::Budget | Owner::Float | Owner::Reserve => None,
        }
    }
}

/// Where she is served, as the page of her home says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The federation.
    pub federation: FederationId,
    /// When it was founded.
    pub founded: Millis,
    /// The programme's number.
    pub programme_id: ProgrammeId,
    /// What it is called.
    pub programme: String,
    /// What it gives.
    pub commodities: Vec<Commodity>,
    /// Organisations of the federation, by number and name.
    pub organisations: Vec<(OrgId, String)>,
    /// Nodes of the programme, and the sites they are at.
    pub places: Vec<(PublicKey, String)>,
    /// The minute as of which her home said so.
    pub as_of: Minute,
}

impl About {
    pub(super) fn of(page: &Page) -> Self {
        Self {
            federation: page.federation,
            founded: page.founded,
            programme_id: page.programme_id,
            programme: page.programme.clone(),
            commodities: page.commodities.to_vec(),
            organisations: page.organisations.to_vec(),
            places: page.places.to_vec(),
            as_of: page.as_of,
        }
    }

    /// The site of a node.
    #[must_use]
    pub fn site(&self, node: &[u8; 8]) -> Option<&str> {
        let found = self.places.iter().find(|(key, _)| key.short() == *node);
        found.map(|(_, site)| site.as_str())
    }

    pub(super) fn names(&self, nodes: &[[u8; 8]]) -> Vec<String> {
        let name = |node: &[u8; 8]| {
            self.site(node).map_or_else(|| crate::guard::hex(node), ToOwned::to_owned)
        };
        nodes.iter().map(name).collect()
    }
}

/// Somebody whose wallet this is.
#[derive(Default, Serialize, Deserialize)]
pub struct Person {
    /// What she is called here, and nowhere else.
    pub name: String,
    /// Where she is served. `None` before her first page.
    pub about: Option<About>,
    /// Her purses, in the order in which they were given.
    pub purses: Vec<Purse>,
    /// What she agreed to, as her home has it.
    pub consents: Vec<Agreed>,
    /// Who was shown something of her, as her home has it.
    pub disclosures: Vec<Shown>,
    /// By which an answer is known to have been given since the last question.
    pub(super) asked: [u8; 16],
    /// Where the file was a copy: the nodes that have since told which purses they gave her. What they give later, they give
    /// to this wallet alone.
    pub(super) told: Option<Vec<[u8; 8]>>,
}

/// A purse, and all that was signed for it.
#[derive(Serialize, Deserialize)]
pub struct Purse {
    /// The cycle.
    pub cycle: CycleId,
    /// The purse.
    pub purse: PurseId,
    /// The node that gave it.
    pub home: PublicKey,
    /// The last minute in which it may be redeemed.
    pub expires: Minute,
    /// Its key.
    pub key: PublicKey,
    /// The last day the key counts.
    pub until: DayNo,
    /// The last spend's counter.
    pub counter: u64,
    /// What was signed, oldest first.
    pub spends: Vec<(Spend, Signature)>,
    /// What was promised, in any order.
    pub notes: Vec<Note>,
    pub(super) number: u32,
    pub(super) previous: Hash,
    pub(super) card: annona_ledger::id::Commitment,
    pub(super) word: Stated,
    /// Nodes that must be heard before anything more is signed.
    pub(super) unheard: Vec<[u8; 8]>,
}

/// What is left of a commodity in a purse, by receipts alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The commodity.
    pub commodity: CommodityId,
    /// In minor units; negative where receipts are missing.
    pub units: i128,
}

/// Something that was signed and has no receipt.
pub type Pending = Spend;

impl Person {
    pub(super) fn answered(&self, nonce: &Nonce) -> Option<(&Purse, Vec<(Spend, Signature)>)> {
        self.purses.iter().find_map(|purse| {
            let of = |(spend, _): &&(Spend, Signature)| spend.nonce == *nonce;
            let spends: Vec<_> = purse.spends.iter().filter(of).copied().collect();
            (!spends.is_empty()).then_some((purse, spends))
        })
    }

    /// The purse a bill is paid from: of those that count, the one that ends first of those that can pay by what is known.
    pub(super) fn paying(
        &self,
        bill: &Bill,
        cycle: Option<CycleId>,
        at: Minute,
    ) -> Result<usize, HolderFault> {
        let today = DayNo::of(at);
        let mut counts: Vec<usize> = (0..self.purses.len())
            .filter(|place| {
                self.purses.get(*place).is_some_and(|purse| {
                    purse.expires >= at
                        && purse.until >= today
                        && cycle.is_none_or(|cycle| purse.cycle == cycle)
                })
            })
            .collect();
        let purse = |place: &usize| self.purses.get(*place);
        counts.sort_by_key(|place| purse(place).map(|purse| (purse.expires, purse.cycle)));
        let pays = |place: &usize| {
            let left = purse(place).map(Purse::balance).unwrap_or_default();
            bill.items.iter().all(|(commodity, amount)| {
                let found = left.iter().find(|left| left.commodity == *commodity);
                found.is_some_and(|left| left.units >= i128::from(amount.units()))
            })
        };
        let able = counts.iter().copied().find(pays);
        able.or_else(|| counts.first().copied())
            .ok_or(HolderFault::Bill("she has no purse that counts today"))
    }

    pub(super) fn given(&mut self, number: u32, given: &Given, by: PublicKey, unheard: &[[u8; 8]]) {
        if let Some(purse) = self.purses.iter_mut().find(|purse| purse.number == number) {
            (purse.until, purse.card, purse.word) = (given.until, given.card, given.word);
            purse.expires = given.expires;
            return;
        }
        self.purses.push(Purse {
            cycle: given.cycle,
            purse: given.purse,
            home: by,
            expires: given.expires,
            key: given.key,
            until: given.until,
            counter: 0,
            spends: Vec::new(),
            notes: Vec::new(),
            number,
            previous: Hash::ZERO,
            card: given.card,
            word: given.word,
            unheard: unheard.to_vec(),
        });
    }

    /// Whether a node may give this key to this purse: a purse keeps its key, and its home alone renews it.
    pub(super) fn may_give(
        &self,
        number: u32,
        given: &Given,
        by: &PublicKey,
    ) -> Result<(), HolderFault> {
        match self.purses.iter().find(|purse| purse.number == number) {
            Some(purse) if purse.purse != given.purse => {
                Err(HolderFault::Page("gives a key to a second purse"))
            }
            Some(purse) if purse.home != *by => {
                Err(HolderFault::Page("gives a purse again that another node gave"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a node may say what concerns her beside its own entries: whoever gave her a purse before, and before her first
    /// page the desk she stands at.
    pub(super) fn is_home(&self, node: &PublicKey) -> bool {
        self.about.is_none() || self.purses.iter().any(|purse| purse.home == *node)
    }

    /// Who must be heard before a purse that this page brings signs anything. A page that answers an older question may
    /// leave out what was signed since; and where the file is a copy, the one it was copied from may have paid anywhere
    /// with a purse that this one never saw.
    pub(super) fn must_hear(&self, page: &Page) -> Vec<[u8; 8]> {
        let (fresh, node) = (page.asked == self.asked, page.node.short());
        let told = |told: &Vec<[u8; 8]>| fresh && told.contains(&node);
        let mut nodes = Vec::new();
        if !self.told.as_ref().is_none_or(told) {
            let known = self.about.iter().flat_map(|about| about.places.iter());
            nodes.extend(page.places.iter().chain(known).map(|(key, _)| key.short()));
        }
        nodes.push(node);
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|one| !(fresh && *one == node));
        nodes
    }

    /// Learns from a page what was signed last, as its node knows: each spend was checked to be hers.
    pub(super) fn heard(&mut self, page: &Page) {
        let fresh = page.asked == self.asked;
        for purse in &mut self.purses {
            for (key, spend, _) in page.newest.iter() {
                if *key == purse.key && spend.counter > purse.counter {
                    purse.counter = spend.counter;
                    purse.previous = spend.hash(&page.federation, key);
                }
            }
            if fresh {
                purse.unheard.retain(|node| *node != page.node.short());
            }
        }
    }

    /// Keeps a receipt of one of her purses.
    pub(super) fn note(&mut self, note: Note) -> Result<(), HolderFault> {
        let about =
            self.about.as_ref().ok_or(HolderFault::Receipt("came before her first page"))?;
        let node = about.places.iter().find(|(key, _)| key.short() == note.promise.feed.node);
        let (node, _) = node.ok_or(HolderFault::Receipt("is of a node she does not know"))?;
        note.check(&about.federation, node, about.programme_id)?;
        let purse = self.purses.iter_mut().find(|purse| purse.purse == note.purse);
        let purse = purse.ok_or(HolderFault::Receipt("is of a purse she has not"))?;
        let name = note.promise.name();
        let full = purse.notes.len() >= KEPT;
        match purse.notes.iter_mut().find(|known| known.promise.name() == name) {
            // Which bill it answered may be told later.
            Some(known) if known.nonce.is_none() => *known = note,
            Some(_) => {}
            None if full => return Err(HolderFault::Full),
            None => purse.notes.push(note),
        }
        Ok(())
    }

    /// Whether it was taken up, as far as her receipts tell.
    #[must_use]
    pub fn used(&self, carried: &Carried) -> bool {
        let taken = |note: &Note| match note.promise.entry() {
            Ok(Entry::Value(Value::Claim { ticket, .. })) => *ticket == carried.ticket,
            _ => false,
        };
        self.purses.iter().flat_map(|purse| &purse.notes).any(taken)
    }

    /// Whether anything is signed: not before these were heard, where the file is a copy.
    #[must_use]
    pub fn unheard(&self) -> Vec<String> {
        let mut nodes: Vec<[u8; 8]> =
            self.purses.iter().flat_map(|purse| purse.unheard.iter().copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.about.as_ref().map(|about| about.names(&nodes)).unwrap_or_default()
    }
}

impl Purse {
    /// Every node that may know more of its history than this file: its home, and whoever was paid.
    pub(super) fn places(&self) -> Vec<[u8; 8]> {
        let mut places = vec![self.home.short()];
        places.extend(self.spends.iter().map(|(spend, _)| spend.node));
        places.sort_unstable();
        places.dedup();
        places
    }

    pub(super) fn signed(
        &self,
        salt: [u8; 32],
        bill: &Bill,
        spends: Vec<(Spend, Signature)>,
    ) -> Result<Signed, HolderFault> {
        let same = spends.len() == bill.items.len()
            && spends.iter().zip(bill.items.iter()).all(|((spend, _), (commodity, amount))| {
                (spend.commodity, spend.amount) == (*commodity, *amount)
                    && (spend.node, spend.on) == (bill.node, bill.on)
            });
        if !same {
            return Err(HolderFault::Bill("another bill with this number was signed before"));
        }
        Ok(Signed {
            salt,
            holder: (
                Statement::Holder {
                    programme: bill.programme,
                    purse: self.purse,
                    key: self.key,
                    card: self.card,
                    until: self.until,
                },
                self.word,
            ),
            spends: Bounded::new(spends)?,
        })
    }

    pub(super) fn spent(
        &mut self,
        counter: u64,
        previous: Hash,
        spends: Vec<(Spend, Signature)>,
    ) -> Result<(), HolderFault> {
        if self.spends.len().saturating_add(spends.len()) > KEPT {
            return Err(HolderFault::Full);
        }
        (self.counter, self.previous) = (counter, previous);
        self.spends.extend(spends);
        Ok(())
    }

    /// What is left by its receipts: each entry counted once, and what a float gave and its cover together once.
    #[must_use]
    pub fn balance(&self) -> Vec<Balance> {
        let mut left: BTreeMap<CommodityId, i128> = BTreeMap::new();
        for note in &self.notes {
            let units = i128::from(note.amount.units());
            let of = left.entry(note.commodity).or_default();
            match note.way {
                Way::In => *of += units,
                Way::Out => *of -= units,
                Way::Covers(float) => {
                    let counted = self.notes.iter().any(|other| other.promise.name() == float);
                    if !counted {
                        *of -= units;
                    }
                }
            }
        }
        left.into_iter().map(|(commodity, units)| Balance { commodity, units }).collect()
    }

    /// The newest stamp among its receipts: as of when the balance is known.
    #[must_use]
    pub fn known_as_of(&self) -> Option<Minute> {
        self.notes.iter().filter_map(Note::stamp).max()
    }

    /// What was signed and has no receipt yet.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let answered = |spend: &Spend| {
            self.notes
                .iter()
                .any(|note| note.nonce == Some(spend.nonce) && note.commodity == spend.commodity)
        };
        let open = self.spends.iter().map(|(spend, _)| *spend);
        open.filter(|spend| !answered(spend)).collect()
    }
}
