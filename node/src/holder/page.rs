//! What a node gives a wallet: pages of what it knows of one person, and receipts (spec/wallet.md).

use annona_ledger::charter::Commodity;
use annona_ledger::consent::{Disclosure, Grant, StateWord};
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{
    Commitment, CommodityId, CycleId, EntryName, FederationId, Lane, Nonce, OrgId, ProgrammeId,
    Purse,
};
use annona_ledger::key::{PublicKey, Signature, SigningKey};
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::ticket::{Moved, Promise, Ticket};
use annona_ledger::time::{DayNo, Millis, Minute};
use annona_ledger::wallet::Spend;
use annona_ledger::wire::{self, Bounded};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{HolderFault, KEPT, PURSES};
use crate::envelope::{self, WRAPPED};
use crate::seal::{Key, OVERHEAD};

const MAGIC: &[u8; 14] = b"annona page 1\n";
/// The largest page.
pub const MAX_PAGE: usize = 256 * 1024;
/// The most nodes a page names.
pub const PLACES: usize = 512;
const INFO: &[u8] = b"annona 2026 v1 page";

/// A purse, and the registrar's word that a key holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Given {
    /// The cycle.
    pub cycle: CycleId,
    /// The purse.
    pub purse: Purse,
    /// The key.
    pub key: PublicKey,
    /// What ties it to the carrier.
    pub card: Commitment,
    /// The last day it counts.
    pub until: DayNo,
    /// The last minute in which the purse may be redeemed.
    pub expires: Minute,
    /// The node's word: [`Statement::Holder`].
    pub word: Stated,
}

/// Which way units went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Way {
    /// To the purse.
    In,
    /// From the purse.
    Out,
    /// From the purse, for what a float gave before.
    Covers(EntryName),
}

/// A receipt: the promise of an entry that brought units to a purse or took them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// The promise.
    pub promise: Promise,
    /// The purse.
    pub purse: Purse,
    /// The cycle.
    pub cycle: CycleId,
    /// Of what.
    pub commodity: CommodityId,
    /// How much.
    pub amount: annona_ledger::amount::Amount,
    /// Which way.
    pub way: Way,
    /// The bill it answers, if it answers one.
    pub nonce: Option<Nonce>,
}

impl Note {
    /// Checks that its node signed it and that the entry says, as far as it can, what stands beside it. What an entry does not
    /// say by itself (a lot names purse and commodity) is the word of whoever gave the receipt.
    pub(super) fn check(
        &self,
        federation: &FederationId,
        node: &PublicKey,
        programme: ProgrammeId,
    ) -> Result<(), HolderFault> {
        let feed = &self.promise.feed;
        if feed.lane != Lane::Value
            || feed.programme != programme
            || !self.promise.verifies(federation, node)
        {
            return Err(HolderFault::Receipt("is not signed by the node it names"));
        }
        let fits = match self.promise.entry()? {
            Entry::Value(value) => self.fits(&value),
            Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => false,
        };
        if fits { Ok(()) } else { Err(HolderFault::Receipt("says other than the entry in it")) }
    }

    fn fits(&self, value: &Value) -> bool {
        let own = |owner: &Owner| *owner == Owner::Purse(self.purse);
        match value {
            Value::Issue { purse, amount, .. } => {
                self.way == Way::In && *purse == self.purse && *amount == self.amount
            }
            Value::Claim { ticket, .. } => match &**ticket {
                Ticket::Sent(sent, _) => match sent.moved {
                    Moved::Send(send) => {
                        self.way == Way::In
                            && own(&send.owner)
                            && (send.cycle, send.commodity, send.amount)
                                == (self.cycle, self.commodity, self.amount)
                    }
                    Moved::Cover(_) | Moved::Refund { .. } => false,
                },
                Ticket::Budget { .. } | Ticket::Release { .. } => false,
            },
            Value::Refund { amount, .. } => self.way == Way::In && *amount == self.amount,
            Value::Redeem { amount, .. } => self.way == Way::Out && *amount == self.amount,
            Value::Post { .. } => self.way == Way::Out,
            Value::FloatRedeem { purse, amount, .. } => {
                self.way == Way::Out && *purse == self.purse && *amount == self.amount
            }
            Value::Send(send) => {
                self.way == Way::Out
                    && own(&send.owner)
                    && (send.commodity, send.amount) == (self.commodity, self.amount)
            }
            Value::FloatCover(cover) => {
                self.way == Way::Covers(cover.float)
                    && (cover.commodity, cover.amount) == (self.commodity, self.amount)
            }
            Value::Merchant { .. }
            | Value::Hold { .. }
            | Value::Drop { .. }
            | Value::Basket { .. }
            | Value::End { .. }
            | Value::Orphan(_)
            | Value::DayClose { .. }
            | Value::Settle { .. } => false,
        }
    }

    /// The stamp of its entry.
    #[must_use]
    pub fn stamp(&self) -> Option<Minute> {
        self.promise.entry().ok()?.stamp()
    }

    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Wire`] where they are no receipt.
    pub fn decode(bytes: &[u8]) -> Result<Self, HolderFault> {
        Ok(wire::decode(bytes, annona_ledger::limits::CARRYING_ENTRY_BYTES)?)
    }
}

/// A consent of hers, as her home has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Agreed {
    /// What it says.
    pub grant: Grant,
    /// What the ledger has of it.
    pub commitment: Commitment,
    /// How it stands.
    pub state: StateWord,
}

/// Something that was opened for somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// Who, what, what for, when.
    pub disclosure: Disclosure,
    /// Whether it was opened.
    pub opened: bool,
}

/// What a node knows of one person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The federation.
    pub federation: FederationId,
    /// When it was founded.
    pub founded: Millis,
    /// The programme's number.
    pub programme_id: ProgrammeId,
    /// What it is called.
    pub programme: String,
    /// What it gives.
    pub commodities: Bounded<Commodity, { annona_ledger::limits::COMMODITIES }>,
    /// Organisations of the federation, by number and name.
    pub organisations: Bounded<(OrgId, String), { annona_ledger::limits::ORGANISATIONS }>,
    /// The node whose page it is.
    pub node: PublicKey,
    /// The minute as of which.
    pub as_of: Minute,
    /// What the introduction asked.
    pub asked: [u8; 16],
    /// Nodes of the programme, and their sites.
    pub places: Bounded<(PublicKey, String), PLACES>,
    /// Her purses here. None where her home is elsewhere.
    pub purses: Bounded<Given, PURSES>,
    /// The last spend known of each of her keys, as she signed it.
    pub newest: Bounded<(PublicKey, Spend, Signature), PURSES>,
    /// What came to her purses here and what left.
    pub notes: Bounded<Note, KEPT>,
    /// Her consents.
    pub consents: Bounded<Agreed, 256>,
    /// Who was shown what.
    pub disclosures: Bounded<Shown, 1024>,
}

impl Page {
    /// Signs and seals it for a wallet.
    ///
    /// # Errors
    ///
    /// [`HolderFault::NotHers`] where the key is none; [`HolderFault::Full`] over [`MAX_PAGE`].
    pub fn seal(&self, node: &SigningKey, to: &[u8; 32]) -> Result<Vec<u8>, HolderFault> {
        let body = Zeroizing::new(wire::encode(self));
        let word = said(to, &body).sign(&self.federation, node).encode();
        let length = u8::try_from(word.len()).map_err(|_| HolderFault::Full)?;
        let plain = Zeroizing::new([&[length][..], &word, &body].concat());
        let key = Key::random()?;
        let wrapped = envelope::wrap(to, INFO, &key).map_err(|_| HolderFault::NotHers)?;
        let sealed = key.seal(INFO, &plain)?;
        let bytes = [&MAGIC[..], &wrapped, &sealed].concat();
        if bytes.len() > MAX_PAGE { Err(HolderFault::Full) } else { Ok(bytes) }
    }
}

fn said(to: &[u8; 32], body: &[u8]) -> Statement {
    let mut short = [0; 8];
    short.copy_from_slice(&to[..8]);
    Statement::File { to: short, file: hash(Purpose::File, &[b"page", body]) }
}

/// A page that was for this key, and is not believed yet.
pub(super) struct Opened {
    to: [u8; 32],
    word: Stated,
    body: Zeroizing<Vec<u8>>,
}

/// Opens a page. `None` where it is for another key.
pub(super) fn open(bytes: &[u8], sealing: &Key) -> Result<Option<Opened>, HolderFault> {
    if bytes.len() > MAX_PAGE {
        return Err(HolderFault::Page("is too large"));
    }
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(HolderFault::NotAPage);
    };
    let (wrapped, sealed) =
        rest.split_first_chunk::<WRAPPED>().ok_or(HolderFault::Page("was cut short"))?;
    if sealed.len() < OVERHEAD {
        return Err(HolderFault::Page("was cut short"));
    }
    let Ok(key) = envelope::unwrap(sealing.expose(), INFO, wrapped) else { return Ok(None) };
    let plain = key.open(INFO, sealed).map_err(|_| HolderFault::Page("was changed"))?;
    let (length, rest) = plain.split_first().ok_or(HolderFault::Page("is empty"))?;
    let (word, body) =
        rest.split_at_checked(usize::from(*length)).ok_or(HolderFault::Page("was cut short"))?;
    let to = envelope::public(sealing.expose()).map_err(|_| HolderFault::NotHers)?;
    let word = Stated::decode(word)?;
    Ok(Some(Opened { to, word, body: Zeroizing::new(body.to_vec()) }))
}

impl Opened {
    /// Checks that the node it names signed it, in the federation she is in, where she is in one. A first page is believed
    /// because of where it was given: she stands at the desk.
    pub(super) fn check(self, federation: Option<FederationId>) -> Result<Page, HolderFault> {
        let page: Page = wire::decode(&self.body, MAX_PAGE)?;
        if federation.is_some_and(|federation| federation != page.federation) {
            return Err(HolderFault::Page("is of another federation"));
        }
        let signed = said(&self.to, &self.body).is_by(&page.federation, &self.word);
        if self.word.operator != page.node || !signed {
            return Err(HolderFault::Page("is not signed by the node it names"));
        }
        if federation.is_none() && page.purses.is_empty() {
            return Err(HolderFault::Page("brings no purse, and is her first"));
        }
        for given in page.purses.iter() {
            let Given { purse, key, card, until, word, .. } = *given;
            let programme = page.programme_id;
            let holder = Statement::Holder { programme, purse, key, card, until };
            if word.operator != page.node || !holder.is_by(&page.federation, &word) {
                return Err(HolderFault::Page("gives a purse that its node did not sign for"));
            }
        }
        Ok(page)
    }
}
