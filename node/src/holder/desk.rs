//! A desk and a wallet: what a site keeps of one, and the pages it gives (spec/wallet.md).
//!
//! ```text
//! vault paper  "wallet" ‖ programme     introduction, and which key was given to which purse     under the household's key
//! ledger       CarrierBound, CarrierCancelled                                                    spec/entries.md
//! ```

use annona_ledger::entry::{Entry, Lot, Owner, Value};
use annona_ledger::fold;
use annona_ledger::id::{CarrierId, CommodityId, CycleId, FeedId, Lane, ProgrammeId, Purse};
use annona_ledger::key::SigningKey;
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;
use annona_ledger::view::{At, LotRow, View};
use annona_ledger::wallet::{carrier, tied};
use annona_ledger::wire::{self, Bounded};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::page::{Agreed, Given, Note, PLACES, Page, Shown, Way};
use super::till::Introduction;
use super::{HolderFault, KEPT, PURSES};
use crate::consent::{self, ConsentFault, Stage};
use crate::keystore::Name;
use crate::node::{Node, NodeFault, promise};
use crate::receipt::promised;
use crate::store::{Accepted, StoreFault, Work};
use crate::vault::{HouseholdId, MAX_RECORD, Vault};

const TAG: &[u8; 9] = b"wallet 1\n";

/// A wallet as a desk knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What it showed last.
    pub introduction: Introduction,
    /// Which key was given to the purse of which cycle.
    pub given: Vec<(CycleId, annona_ledger::key::PublicKey)>,
}

/// A household's wallet in a programme, if it has one.
///
/// # Errors
///
/// A broken person file.
pub fn kept(
    vault: &Vault,
    household: HouseholdId,
    programme: ProgrammeId,
) -> Result<Option<Kept>, ConsentFault> {
    let Some(paper) = vault.paper(&name(household, programme))? else { return Ok(None) };
    let body = paper.1.strip_prefix(TAG);
    Ok(body.and_then(|body| wire::decode(body, MAX_RECORD).ok()))
}

fn name(household: HouseholdId, programme: ProgrammeId) -> Vec<u8> {
    [&b"wallet"[..], &programme.0.to_be_bytes(), &household.0.to_be_bytes()].concat()
}

impl Kept {
    /// What it is called on the ledger.
    #[must_use]
    pub fn carrier(&self, programme: ProgrammeId) -> CarrierId {
        carrier(&self.introduction.salt, programme)
    }

    /// Gives the purse of a cycle a key, if it has none. `false` where the introduction offers no more.
    pub fn give(&mut self, cycle: CycleId) -> bool {
        if self.given.iter().any(|(of, _)| *of == cycle) {
            return true;
        }
        let free = |key: &&annona_ledger::key::PublicKey| {
            !self.given.iter().any(|(_, given)| given == *key)
        };
        let Some(key) = self.introduction.keys.iter().find(free).copied() else { return false };
        self.given.push((cycle, key));
        true
    }

    /// Keeps it beside its household.
    ///
    /// # Errors
    ///
    /// A broken person file.
    pub fn keep(
        &self,
        vault: &mut Vault,
        household: HouseholdId,
        programme: ProgrammeId,
    ) -> Result<(), ConsentFault> {
        let bytes = Zeroizing::new([&TAG[..], &wire::encode(self)].concat());
        let mut txn = vault.begin()?;
        txn.put_paper(household, &name(household, programme), &bytes)?;
        Ok(txn.commit()?)
    }
}

/// The household whose purses are given at this desk.
#[derive(Clone, Copy)]
pub struct Home<'a> {
    /// Where it is kept.
    pub vault: &'a Vault,
    /// Which it is.
    pub household: HouseholdId,
    /// Its wallet.
    pub kept: &'a Kept,
    /// Its purses, by cycle.
    pub purses: &'a [(CycleId, Purse)],
}

/// A page for whoever shows an introduction: what this node knows of her keys, and — where her purses are given here — all
/// else that concerns her.
///
/// `days`: for how many each key counts.
///
/// # Errors
///
/// [`HolderFault`] in the inner result; the ledger or the person file in the outer.
pub fn page(
    node: &Node,
    (programme, shown): (ProgrammeId, &Introduction),
    home: Option<Home<'_>>,
    days: u32,
) -> Result<Result<Page, HolderFault>, ConsentFault> {
    let feed = node.feed(Lane::Value, programme);
    let at = node.stamp(&feed)?;
    let key = node.signing_key(Name::NodeSigning)?;
    // Before the ledger is looked at below: each asks it by itself.
    let (mut consents, mut disclosures) = (Vec::new(), Vec::new());
    if let Some(Home { vault, household, .. }) = home {
        for one in
            consent::list(vault, household)?.iter().filter(|c| c.grant.programme == programme)
        {
            let state = consent::state(node, one, DayNo::of(at))?;
            consents.push(Agreed { grant: one.grant, commitment: one.commitment(), state });
        }
        for one in consent::disclosures(vault, household)? {
            disclosures
                .push(Shown { disclosure: one.disclosure, opened: one.stage != Stage::Written });
        }
    }
    let work = node.store().look().map_err(NodeFault::from)?;
    let (federation, founded) = (work.charter().federation(), work.charter().founded());
    let Some(about) = work.charter().programme(programme).cloned() else {
        return Ok(Err(HolderFault::Page("is of a programme the charter has not")));
    };
    let (mut purses, mut notes) = (Vec::new(), Vec::new());
    let mut keys: Vec<_> = shown.known.to_vec();
    if let Some(Home { kept, purses: of, .. }) = home {
        for (cycle, purse) in of {
            let Some((_, key_of)) = kept.given.iter().find(|(known, _)| known == cycle) else {
                continue;
            };
            let Some(opened) = work.roster().cycle(programme, *cycle) else { continue };
            let until = DayNo::of(at).plus(days.saturating_sub(1));
            let (purse, card) = (*purse, tied(&shown.salt, key_of));
            let word = Statement::Holder { programme, purse, key: *key_of, card, until }
                .sign(&federation, &key);
            let (cycle, key, expires) = (*cycle, *key_of, opened.expires);
            purses.push(Given { cycle, purse, key, card, until, expires, word });
            keys.push(key);
        }
        for given in &purses {
            notes.extend(concerning(&work, &key, &feed, &given.purse)?);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let newest = keys.iter().filter_map(|key| {
        let (spend, signature) = work.newest_spend(key)?;
        Some((*key, spend, signature))
    });
    let newest: Vec<_> = newest.take(PURSES).collect();
    let serves = |c: &&annona_ledger::notice::NodeCertificate| c.programmes.contains(&programme);
    let places = work.roster().nodes().filter(serves);
    let places: Vec<_> = places.map(|c| (c.node, c.site_name.to_string())).take(PLACES).collect();
    let organisations = work.charter().organisations();
    let organisations: Vec<_> = organisations.map(|org| (org.id, org.name.to_string())).collect();
    work.check().map_err(NodeFault::from)?;
    // The newest of each: what is older she has from pages before.
    let (notes, consents) = (newest_of(notes, KEPT), newest_of(consents, 256));
    let disclosures = newest_of(disclosures, 1024);
    let page = || {
        Ok(Page {
            federation,
            founded,
            programme_id: programme,
            programme: about.name.to_string(),
            commodities: about.commodities,
            organisations: Bounded::new(organisations)?,
            node: key.public(),
            as_of: at,
            asked: shown.asked,
            places: Bounded::new(places)?,
            purses: Bounded::new(purses)?,
            newest: Bounded::new(newest)?,
            notes: Bounded::new(notes)?,
            consents: Bounded::new(consents)?,
            disclosures: Bounded::new(disclosures)?,
        })
    };
    Ok(page())
}

fn newest_of<T>(mut all: Vec<T>, most: usize) -> Vec<T> {
    let over = all.len().saturating_sub(most);
    all.drain(..over);
    all
}

/// The receipts of entries that were just accepted: those of this purse, for her wallet.
///
/// # Errors
///
/// The ledger.
pub fn receipts(
    work: &Work<'_>,
    key: &SigningKey,
    purse: &Purse,
    nonce: Option<annona_ledger::id::Nonce>,
    accepted: &[Accepted],
) -> Result<Vec<Note>, NodeFault> {
    let mut notes = Vec::new();
    for one in accepted {
        let entry = Entry::decode(one.feed.lane, &one.bytes).map_err(StoreFault::from)?;
        let Entry::Value(value) = &entry else { continue };
        let arrived = arrived(value).filter(|send| send.owner == Owner::Purse(*purse));
        let (cycle, commodity, amount, way) = if let Some(send) = arrived {
            (send.cycle, send.commodity, send.amount, Way::In)
        } else {
            let Some((lot, amount, way)) = moved(work, one.at, value) else { continue };
            let Some((_, row)) = fold::resolve(work, one.at.chain, lot) else { continue };
            (row.cycle, row.commodity, amount, way)
        };
        let purse = *purse;
        let promise = promise(key, &work.charter().federation(), one)?;
        notes.push(Note { promise, purse, cycle, commodity, amount, way, nonce });
    }
    Ok(notes)
}

/// What a claimed ticket brings.
#[must_use]
pub fn arrived(value: &Value) -> Option<&annona_ledger::entry::Send> {
    use annona_ledger::ticket::{Moved, Ticket};
    match value {
        Value::Claim { ticket, .. } => match &**ticket {
            Ticket::Sent(sent, _) => match &sent.moved {
                Moved::Send(send) => Some(send),
                Moved::Cover(_) | Moved::Refund { .. } => None,
            },
            Ticket::Budget { .. } | Ticket::Release { .. } => None,
        },
        _ => None,
    }
}

/// The lot an entry takes from, how much, and which way it goes. `None` for an entry that takes nothing.
fn moved(
    work: &Work<'_>,
    at: At,
    value: &Value,
) -> Option<(Lot, annona_ledger::amount::Amount, Way)> {
    match value {
        Value::Redeem { lot, amount, .. } | Value::FloatRedeem { lot, amount, .. } => {
            Some((*lot, *amount, Way::Out))
        }
        Value::Post { hold, .. } => {
            let hold = work.hold(fold::owner_of(work, at.chain, *hold))?;
            Some((Lot(hold.lot.index), hold.amount, Way::Out))
        }
        Value::Send(send) => Some((send.from, send.amount, Way::Out)),
        Value::FloatCover(cover) => Some((cover.from, cover.amount, Way::Covers(cover.float))),
        _ => None,
    }
}

/// What came to a purse in a feed of this node, and what left it, as promises made again.
pub(crate) fn concerning(
    work: &Work<'_>,
    key: &SigningKey,
    feed: &FeedId,
    purse: &Purse,
) -> Result<Vec<Note>, NodeFault> {
    let Some(chain) = work.trunk(feed) else { return Ok(Vec::new()) };
    let lots = work.lots_of_purse(chain, purse);
    let lots: Vec<(u64, LotRow)> = lots.into_iter().map(|(at, row)| (at.index, row)).collect();
    let Some(first) = lots.iter().map(|(index, _)| *index).min() else { return Ok(Vec::new()) };
    let row_of = |lot: u64| lots.iter().find(|(index, _)| *index == lot).map(|(_, row)| *row);
    let mut found: Vec<(u64, CycleId, CommodityId, annona_ledger::amount::Amount, Way)> =
        Vec::new();
    let mut see = |index: u64, entry: &Entry| {
        let Entry::Value(value) = entry else { return };
        if let Some(row) = row_of(index)
            && let Some(amount) = brought(value, purse)
        {
            found.push((index, row.cycle, row.commodity, amount, Way::In));
        }
        let Some((lot, amount, way)) = moved(work, At { chain, index }, value) else { return };
        if let Some(row) = row_of(lot.0) {
            found.push((index, row.cycle, row.commodity, amount, way));
        }
    };
    // Where the block that brought them was pruned, what is left of the chain tells the rest: her wallet has the older ones.
    let from = work.block_at(At { chain, index: first }).map_or(0, |row| row.block.header.seq);
    let mut next = None;
    work.blocks::<NodeFault>(chain, from, |row, _| {
        let mut index = row.block.header.first;
        let mut rest: &[u8] = &row.block.body;
        while !rest.is_empty() {
            let (entry, after) = Entry::take(feed.lane, rest).map_err(StoreFault::from)?;
            see(index, &entry);
            rest = after;
            index = index.saturating_add(1);
        }
        next = Some(index);
        Ok(true)
    })?;
    let tail = work.tail(chain)?;
    let sealed = work.chains_of(feed).iter().find(|f| f.chain == chain).map(|f| f.sealed.next);
    let mut index = next.or(sealed).unwrap_or_default();
    for bytes in tail {
        see(index, &Entry::decode(feed.lane, &bytes).map_err(StoreFault::from)?);
        index = index.saturating_add(1);
    }
    let mut notes = Vec::new();
    for (index, cycle, commodity, amount, way) in found {
        let promise = promised(work, key, feed, index)?;
        let nonce = paid(work, At { chain, index });
        notes.push(Note { promise, purse: *purse, cycle, commodity, amount, way, nonce });
    }
    Ok(notes)
}

/// What an entry brings to the purse whose lot it opens.
fn brought(value: &Value, purse: &Purse) -> Option<annona_ledger::amount::Amount> {
    match value {
        Value::Issue { amount, .. } | Value::Refund { amount, .. } => Some(*amount),
        other => {
            let send = arrived(other).filter(|send| send.owner == Owner::Purse(*purse))?;
            Some(send.amount)
        }
    }
}

/// The bill an entry answers, by the words beside it.
fn paid(work: &Work<'_>, at: At) -> Option<annona_ledger::id::Nonce> {
    let words = annona_ledger::counter::Vouched::decode(&work.evidence_at(at)?).ok()?;
    words.0.iter().find_map(|(said, _)| match said {
        Statement::Spend(spend) => Some(spend.nonce),
        _ => None,
    })
}

/// The word of a person's own key on a consent of hers, where that is what it is: her key is known at this desk.
#[must_use]
pub fn is_hers(kept: &Kept, stated: &annona_ledger::statement::Stated) -> bool {
    kept.given.iter().any(|(_, key)| *key == stated.operator)
}
