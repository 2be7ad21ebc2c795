//! A till and a wallet: the bill, what she signs, and what the till asks of it before goods leave (spec/wallet.md).

use annona_ledger::amount::Amount;
use annona_ledger::counter::{Ground, HandOut, Turned, Vouched, Word, check};
use annona_ledger::cut;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::fold;
use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::{
    CommodityId, FederationId, FeedId, FeedRef, Lane, Nonce, ProgrammeId, Purse,
};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::DayNo;
use annona_ledger::view::{Slot, View};
use annona_ledger::wallet::{CloneProof, Spend, carrier, tied};
use annona_ledger::wire::{self, Bounded};
use annona_ledger::{entry::Method, limits};
use serde::{Deserialize, Serialize};

use super::HolderFault;
use crate::counter;
use crate::node::{Composed, Node, NodeFault};
use crate::seal::random;
use crate::serve::Item;
use crate::store::Work;

/// The most items of one bill.
pub const ITEMS: usize = 8;

/// What a wallet shows at a desk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Introduction {
    /// Of these bytes: 1.
    pub version: u8,
    /// What pages are sealed to.
    pub sealing: [u8; 32],
    /// By which its carrier is known.
    pub salt: [u8; 32],
    /// What an answer repeats.
    pub asked: [u8; 16],
    /// The number of the first key that is offered.
    pub first: u32,
    /// Keys for purses she has not yet.
    pub keys: Bounded<PublicKey, 8>,
    /// Keys of purses she has.
    pub known: Bounded<PublicKey, { super::PURSES }>,
}

impl Introduction {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`HolderFault::Wire`]; [`HolderFault::Page`] for another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, HolderFault> {
        let read: Self = wire::decode(bytes, 4 * 1024)?;
        if read.version == 1 { Ok(read) } else { Err(HolderFault::Page("is of another version")) }
    }
}

/// What a till asks her to pay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bill {
    /// The federation.
    pub federation: FederationId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Whose bill.
    pub node: [u8; 8],
    /// Its number.
    pub nonce: Nonce,
    /// Its day: what is signed for it pays on no other.
    pub on: DayNo,
    /// What for.
    pub items: Bounded<(CommodityId, Amount), ITEMS>,
}

impl Bill {
    /// Each commodity stands once, and something is asked.
    pub(super) fn check(&self) -> Result<(), HolderFault> {
        let mut names: Vec<CommodityId> = self.items.iter().map(|(c, _)| *c).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() != self.items.len() {
            return Err(HolderFault::Bill("it names nothing, or a commodity twice"));
        }
        Ok(())
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
    /// [`HolderFault`] where they are no bill.
    pub fn decode(bytes: &[u8]) -> Result<Self, HolderFault> {
        let bill: Self = wire::decode(bytes, limits::ENTRY_BYTES)?;
        bill.check()?;
        Ok(bill)
    }
}

/// What she answers: her key's word on each item, and the registrar's on her key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed {
    /// By which her carrier is known. Seen by the till, and written nowhere.
    pub salt: [u8; 32],
    /// The registrar's word.
    pub holder: Word,
    /// Hers, in the order of the bill.
    pub spends: Bounded<(Spend, Signature), ITEMS>,
}

impl Signed {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`HolderFault`] where they are no answer to a bill.
    pub fn decode(bytes: &[u8]) -> Result<Self, HolderFault> {
        let read: Self = wire::decode(bytes, 4 * 1024)?;
        let one_bill = read.spends.windows(2).all(|two| {
            two.first().map(|(spend, _)| (spend.nonce, spend.node))
                == two.last().map(|(spend, _)| (spend.nonce, spend.node))
        });
        let holder = matches!(read.holder.0, Statement::Holder { .. });
        if read.spends.is_empty() || !one_bill || !holder {
            return Err(HolderFault::Bill("this is no answer to one bill"));
        }
        Ok(read)
    }

    /// The key, purse and tie that the registrar's word is about.
    #[must_use]
    pub fn held(&self) -> Option<(Purse, PublicKey, Hash)> {
        match self.holder.0 {
            Statement::Holder { purse, key, card, .. } => Some((purse, key, card.0)),
            _ => None,
        }
    }

    /// The bill it answers.
    #[must_use]
    pub fn nonce(&self) -> Nonce {
        self.spends.first().map_or(Nonce([0; 16]), |(spend, _)| spend.nonce)
    }

    /// What is paid for.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let item = |(spend, _): &(Spend, Signature)| Item {
            commodity: spend.commodity,
            amount: spend.amount,
        };
        self.spends.iter().map(item).collect()
    }

    /// The words, as they stand beside a hand-out.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        let key = self.held().map(|(_, key, _)| key);
        let spends = self.spends.iter().filter_map(|(spend, signature)| {
            let stated = Stated { operator: key?, signature: *signature };
            Some((Statement::Spend(*spend), stated))
        });
        [self.holder].into_iter().chain(spends).collect()
    }
}

/// A number for a bill: this node's, on one day.
///
/// # Errors
///
/// [`NodeFault`] without randomness or the person file's key.
pub fn nonce(node: &Node, programme: ProgrammeId, on: DayNo) -> Result<Nonce, NodeFault> {
    Ok(numbered(&counter::key(node)?, programme, on, random()?))
}

/// Whether a bill's number is this node's own, of this day.
///
/// # Errors
///
/// [`NodeFault`] without the person file's key.
pub fn is_own(
    node: &Node,
    programme: ProgrammeId,
    on: DayNo,
    given: &Nonce,
) -> Result<bool, NodeFault> {
    let mut chosen = [0; 8];
    chosen.copy_from_slice(&given.0[..8]);
    Ok(counter::same(&numbered(&counter::key(node)?, programme, on, chosen), given))
}

fn numbered(key: &[u8; 32], programme: ProgrammeId, on: DayNo, chosen: [u8; 8]) -> Nonce {
    let parts: [&[u8]; 4] = [b"bill", &programme.0.to_be_bytes(), &on.0.to_be_bytes(), &chosen];
    counter::tagged(chosen, &keyed(Purpose::Lookup, key, &parts))
}

/// Why a wallet's word is not taken, by what this ledger knows of it. Asked after the words themselves.
///
/// # Errors
///
/// The [`Turned`] that applies first.
pub fn known(work: &Work<'_>, programme: ProgrammeId, signed: &Signed) -> Result<(), Turned> {
    let (_, key, card) = signed.held().ok_or(Turned::TooFew)?;
    if tied(&signed.salt, &key).0 != card {
        return Err(Turned::OtherHolder);
    }
    let node = signed.holder.1.operator.short();
    let cut = |lane| cut::lowest(work, &FeedRef { node, lane, programme }).is_some();
    // A word has no day: from a device that was stolen it may have been made after.
    if [Lane::Control, Lane::Registry, Lane::Value].into_iter().any(cut) {
        return Err(Turned::MayNot);
    }
    if work.cancelled(programme, &carrier(&signed.salt, programme)) {
        return Err(Turned::Ended);
    }
    if work.clone_of(&key).is_some() || rival(work, signed).is_some() {
        return Err(Turned::Copied);
    }
    let first = signed.spends.first().map_or(0, |(spend, _)| spend.counter);
    match work.last_spend(&key) {
        // The same spends again are a repetition: they pay once.
        Some((last, _)) if last >= first && !repeated(work, &key, signed) => Err(Turned::Behind),
        _ => Ok(()),
    }
}

fn repeated(work: &Work<'_>, key: &PublicKey, signed: &Signed) -> bool {
    signed.spends.iter().all(|(spend, _)| work.has_spend(key, spend))
}

/// The proof that what she shows stands where something else stands already.
#[must_use]
pub fn rival(work: &Work<'_>, signed: &Signed) -> Option<CloneProof> {
    let (_, key, _) = signed.held()?;
    signed.spends.iter().find_map(|own| work.rival(&key, own))
}

/// Puts a wallet's words beside each hand-out, and makes sure that they are good for it.
///
/// # Errors
///
/// [`NodeFault::Refused`] with the first [`Turned`] that applies.
pub fn vouch(
    ground: &Ground<'_>,
    signed: &Signed,
    work: &Work<'_>,
    feed: &FeedId,
    composed: &mut [Composed],
) -> Result<(), NodeFault> {
    let refused = |turned: Turned| NodeFault::Refused(turned.to_string());
    let words = signed.words();
    let purse = signed.held().map(|(purse, ..)| purse).ok_or_else(|| refused(Turned::TooFew))?;
    let mut taken: Vec<(CommodityId, u64)> = Vec::new();
    for one in composed {
        let Entry::Value(value) = &one.draft.entry else { continue };
        let Some((commodity, amount)) = handed_out(work, feed, value) else { continue };
        let (feed, leaf) = (feed.short(), leaf(&one.draft.entry.encode()));
        let at = one.draft.entry.stamp().unwrap_or_default();
        let sum = match taken.iter_mut().find(|(of, _)| *of == commodity) {
            Some((_, sum)) => sum,
            None => {
                taken.push((commodity, 0));
                &mut taken.last_mut().ok_or_else(|| refused(Turned::TooMuch))?.1
            }
        };
        // Several lots may give what one signature is for: together no more than it says.
        *sum = sum.saturating_add(amount.units());
        let amount = Amount::new(*sum).ok_or_else(|| refused(Turned::TooMuch))?;
        let of = |word: &&Word| matches!(&word.0, Statement::Spend(spend) if spend.commodity == commodity);
        let spend = words.iter().find(of).ok_or_else(|| refused(Turned::TooMuch))?;
        let both = vec![signed.holder, *spend];
        let method = Method::Signed;
        let out = HandOut { feed, leaf, purse, commodity, amount, at, method };
        check(ground, &out, &both).map_err(refused)?;
        let both = Bounded::new(both).map_err(|_| refused(Turned::TooFew))?;
        one.evidence = Some(Vouched(both).encode());
    }
    known(work, feed.programme, signed).map_err(refused)
}

/// What an entry hands out, of what.
fn handed_out(work: &Work<'_>, feed: &FeedId, value: &Value) -> Option<(CommodityId, Amount)> {
    let chain = work.trunk(feed)?;
    match value {
        Value::Redeem { lot, amount, .. } | Value::FloatRedeem { lot, amount, .. } => {
            let (_, row) = fold::resolve(work, chain, *lot)?;
            Some((row.commodity, *amount))
        }
        Value::Post { hold, .. } => {
            let hold = work.hold(fold::owner_of(work, chain, *hold))?;
            match work.slot(hold.lot)? {
                Slot::Lot(row) => Some((row.commodity, hold.amount)),
                Slot::Same(_) => None,
            }
        }
        _ => None,
    }
}
