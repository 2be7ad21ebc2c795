//! What happens to households: somebody is born, dies, moves out, or two become one (spec/privacy.md, "Households").
//!
//! Each change is made by two operators who are not one person, names who collects afterwards, and leaves a paper beside
//! every household it touched, in the commit that makes it. The purse stays with the household's number; so what is left
//! in it follows the named collector, since the number stays where the collector is.

use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::FederationId;
use annona_ledger::key::{Context, PublicKey, Signature, SigningKey};
use annona_ledger::time::DayNo;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::consent::note_joined;
use crate::person::{Field, Household, HouseholdError, Person, Value};
use crate::seal::{SealError, random};
use crate::vault::{HouseholdId, MAX_RECORD, OWN_SOURCE, Vault, VaultFault, VaultTxn};

#[cfg(test)]
mod tests;

/// What a paper of a change begins with: consents and disclosures begin with other numbers.
const PAPER: u8 = 64;
/// What the note of a correction begins with.
const CORRECTED: u8 = 65;

/// What happened, by its number in papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// Somebody was born, or came to stay.
    Birth,
    /// Somebody died.
    Death,
    /// Some moved out, into a household of their own.
    Split,
    /// Two households became one.
    Merge,
}

impl Happened {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Birth => "birth",
            Self::Death => "death",
            Self::Split => "split",
            Self::Merge => "merge",
        }
    }
}

/// Whether after it there are people in the household who were not there before.
#[must_use]
pub const fn adds_people(happened: Happened) -> bool {
    matches!(happened, Happened::Birth | Happened::Merge)
}

/// A change as its paper tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub happened: Happened,
    /// On which day it was written down.
    pub on: DayNo,
    /// The household whose member collects what is left in this one's purse.
    pub collected_by: HouseholdId,
    /// Which member, from 1.
    pub collector: u8,
    /// The other household: the new one, or the one that was merged.
    pub other: Option<HouseholdId>,
    /// The two operators who answer for it.
    pub by: [PublicKey; 2],
}

#[derive(Serialize, Deserialize)]
struct Paper {
    kind: u8,
    of: HouseholdId,
    change: Change,
    words: [Signature; 2],
}

/// What is to be changed.
pub enum What {
    /// A person is added.
    Birth(Box<Person>),
    /// A member, from 1, has died.
    Death(usize),
    /// These members, from 1, move out.
    Split(Vec<usize>),
    /// These members, from 1, go back to a household that was merged into this one.
    Back(Vec<usize>, HouseholdId),
    /// Another household moves in.
    Merge(HouseholdId),
}

/// The words of a change, for [`Vault::begun`]: the household, what happened to it and who collects.
#[must_use]
pub fn asked(vault: &Vault, id: HouseholdId, what: &What, collector: usize) -> [u8; 32] {
    let number = |n: usize| n as u64;
    let words = Zeroizing::new(match what {
        What::Birth(person) => wire::encode(&(0u8, person)),
        What::Death(member) => wire::encode(&(1u8, number(*member))),
        What::Split(members) => {
            let members: Vec<u64> = members.iter().copied().map(number).collect();
            wire::encode(&(2u8, members))
        }
        What::Merge(other) => wire::encode(&(3u8, other)),
        What::Back(members, husk) => {
            let members: Vec<u64> = members.iter().copied().map(number).collect();
            wire::encode(&(4u8, members, husk))
        }
    });
    let about = wire::encode(&("change", id, number(collector), &*words));
    let about = Zeroizing::new(about);
    vault.content_digest(&about)
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFault {
    /// One person, twice.
    #[error("a family is changed by two operators who are not one person.")]
    SamePerson,
    /// No such member.
    #[error("the family has members 1 to {count}, no {number}.")]
    NoMember {
        /// The number asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The named collector is who died, or nobody.
    #[error("name a living member who collects from now on, by number.")]
    NoCollector,
    /// Nobody would be left.
    #[error("nobody would be left in the family. Merge it into another, or erase it.")]
    NobodyLeft,
    /// One household with itself, or one that was merged before.
    #[error("the family cannot be merged with itself, nor with one that was merged already.")]
    NotTwo,
    /// Nobody goes back there.
    #[error("family {0} is none that was merged into this one, and has nobody in it.")]
    NotMerged(HouseholdId),
    /// The household as it would be.
    #[error(transparent)]
    Household(#[from] HouseholdError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// No randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A change that may be made: everything was asked, and nothing written.
pub struct Planned {
    id: HouseholdId,
    asked: [u8; 32],
    change: Change,
    stays: Written,
    leaves: Option<(String, Written)>,
    merged: Option<(HouseholdId, Written)>,
    husks: Vec<HouseholdId>,
    /// The household those who leave go back to, and what had been merged into that.
    back: Option<(HouseholdId, Vec<HouseholdId>)>,
    /// The households whose number passes into other hands, or that somebody leaves who may know its PIN and have its card.
    pub passes: Vec<HouseholdId>,
}

/// A household as it will be stored.
type Written = ([u8; 32], (Zeroizing<Vec<u8>>, Vec<Zeroizing<Vec<u8>>>));

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The household that keeps number, purse, cards and PIN.
    pub stays: HouseholdId,
    /// The new one after a split, to be enrolled; or the one that somebody went back to.
    pub new: Option<HouseholdId>,
}

fn opened(vault: &Vault, id: HouseholdId) -> Result<Household, ChangeFault> {
    let stored = vault.household(id)?;
    let members = stored.members.iter().map(|member: &Zeroizing<Vec<u8>>| member.as_slice());
    Ok(Household::from_records(&stored.household, members)?)
}

fn size(household: &mut Household, people: u64) -> Result<(), ChangeFault> {
    let set = household.whole.set(Field::Size, Value::Number(people));
    Ok(set.map_err(|why| HouseholdError::Value { field: Field::Size, why })?)
}

/// As [`plan`] and [`Planned::carry_out`].
///
/// # Errors
///
/// [`ChangeFault`]; nothing was changed.
pub fn change(
    vault: &mut Vault,
    federation: &FederationId,
    what: (HouseholdId, What, usize),
    on: DayNo,
    by: [&SigningKey; 2],
) -> Result<Changed, ChangeFault> {
    plan(vault, federation, what, on, by)?.carry_out(vault, federation, by)
}

/// Who collected for a household before, by place: whom two people named last, or its head.
fn collected(
    vault: &Vault,
    federation: &FederationId,
    id: HouseholdId,
    household: &Household,
) -> Result<Option<usize>, ChangeFault> {
    let last = changes(vault, federation, id)?.last().copied();
    if let Some(last) = last.filter(|last| last.collected_by == id) {
        return Ok(usize::from(last.collector).checked_sub(1));
    }
    let head = household.head();
    Ok(household.members.iter().position(|one| head.is_some_and(|head| std::ptr::eq(one, head))))
}

/// Makes sure that a change can be made. `collector` is the number, from 1, that the collector has among the members as
/// they stand before; after a birth the newborn's is the last, in a merge those who move in come after those who are there.
///
/// Whether the two may do so, the caller has asked.
///
/// # Errors
///
/// [`ChangeFault`]; nothing was changed.
pub fn plan(
    vault: &Vault,
    federation: &FederationId,
    (id, what, collector): (HouseholdId, What, usize),
    on: DayNo,
    by: [&SigningKey; 2],
) -> Result<Planned, ChangeFault> {
    if by[0].public() == by[1].public() {
        return Err(ChangeFault::SamePerson);
    }
    let asked = asked(vault, id, &what, collector);
    let (what, back) = match what {
        What::Back(members, husk) => (What::Split(members), Some(husk)),
        other => (other, None),
    };
    let mut husks = merged_into(vault, federation, id)?;
    let back = match back {
        Some(husk) if !husks.contains(&husk) => return Err(ChangeFault::NotMerged(husk)),
        Some(husk) => Some((husk, merged_into(vault, federation, husk)?)),
        None => None,
    };
    let mut stays = opened(vault, id)?;
    let count = stays.members.len();
    let declared = stays.whole.number(Field::Size);
    let member = |number: usize| match number.checked_sub(1) {
        Some(at) if at < count => Ok(at),
        _ => Err(ChangeFault::NoMember { number, count }),
    };
    let named = collector.checked_sub(1).ok_or(ChangeFault::NoCollector)?;
    let mut passes = Vec::new();
    if collected(vault, federation, id, &stays)? != Some(named) || matches!(what, What::Split(_)) {
        passes.push(id);
    }
    let (mut leaves, mut merged) = (None, None);
    let (happened, collector) = match what {
        What::Birth(person) => {
            stays.members.push(*person);
            if let Some(people) = declared {
                size(&mut stays, people.saturating_add(1))?;
            }
            (Happened::Birth, named)
        }
        What::Death(number) => {
            let dead = member(number)?;
            if count == 1 {
                return Err(ChangeFault::NobodyLeft);
            }
            stays.members.remove(dead);
            if let Some(people) = declared {
                size(&mut stays, people.saturating_sub(1))?;
            }
            match named.cmp(&dead) {
                std::cmp::Ordering::Less => (Happened::Death, named),
                std::cmp::Ordering::Equal => return Err(ChangeFault::NoCollector),
                std::cmp::Ordering::Greater => (Happened::Death, named - 1),
            }
        }
        What::Split(numbers) => {
            let mut out = numbers.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
            out.sort_unstable();
            out.dedup();
            member(collector).map_err(|_| ChangeFault::NoCollector)?;
            if out.is_empty() || out.len() == count {
                return Err(ChangeFault::NobodyLeft);
            }
            // The number, and with it the purse, stays where the collector is. Whoever goes back has a number of her own.
            if back.is_some() && out.contains(&named) {
                return Err(ChangeFault::NoCollector);
            }
            if out.contains(&named) {
                out = (0..count).filter(|at| !out.contains(at)).collect();
            }
            let place = (0..named).filter(|at| !out.contains(at)).count();
            let key = match &back {
                Some((husk, _)) => opened(vault, *husk)?.key,
                None => format!("F-{}", hex(&random()?)),
            };
            let mut new = Household { key, ..stays.clone() };
            let all = std::mem::take(&mut stays.members);
            new.members.clear();
            for (at, person) in all.into_iter().enumerate() {
                let side = if out.contains(&at) { &mut new } else { &mut stays };
                side.members.push(person);
            }
            let gone = out.len() as u64;
            if let Some(people) = declared {
                size(&mut stays, people.saturating_sub(gone))?;
            }
            size(&mut new, gone)?;
            leaves = Some(new);
            (Happened::Split, place)
        }
        What::Merge(other) => {
            let mut husk = opened(vault, other)?;
            if other == id || husk.members.is_empty() || count == 0 {
                return Err(ChangeFault::NotTwo);
            }
            let theirs = collected(vault, federation, other, &husk)?;
            if theirs.and_then(|at| at.checked_add(count)) != Some(named) {
                passes.push(other);
            }
            let people = stays.people().saturating_add(husk.people());
            stays.members.append(&mut husk.members);
            size(&mut stays, people)?;
            // It stays as a purse without people until that is over (`retention`), and counts for nobody.
            husk.whole = Person::default();
            size(&mut husk, 0)?;
            merged = Some((other, husk));
            (Happened::Merge, named)
        }
        // Taken apart above.
        What::Back(_, husk) => return Err(ChangeFault::NotMerged(husk)),
    };
    if collector >= stays.members.len() {
        return Err(ChangeFault::NoCollector);
    }
    let collector = u8::try_from(collector + 1).map_err(|_| ChangeFault::NoCollector)?;
    let by_keys = [by[0].public(), by[1].public()];
    let change = Change { happened, on, collected_by: id, collector, other: None, by: by_keys };
    let write = |household: &Household| {
        Ok::<_, ChangeFault>((vault.content_digest(&household.encode()?), household.records()?))
    };
    let (digest, (whole, members)) = write(&stays)?;
    let leaves = leaves.map(|new| Ok::<_, ChangeFault>((new.key.clone(), write(&new)?)));
    let leaves = leaves.transpose()?;
    let merged = merged.map(|(other, husk)| Ok::<_, ChangeFault>((other, write(&husk)?)));
    let merged = merged.transpose()?;

    // Whoever is named collects what is left in every purse that is collected here: places among the members move.
    if let Some((other, _)) = &merged {
        husks.extend(merged_into(vault, federation, *other)?);
    }
    if !passes.is_empty() {
        passes.extend(&husks);
    }
    // What had been merged into the one that goes back goes with it.
    if let Some((husk, with)) = &back {
        husks.retain(|one| one != husk && !with.contains(one));
    }
    let stays = (digest, (whole, members));
    Ok(Planned { id, asked, change, stays, leaves, merged, husks, back, passes })
}

impl Planned {
    /// Makes it, all of it in one commit, and notes that it is not answered yet ([`Vault::answered`]).
    ///
    /// # Errors
    ///
    /// [`ChangeFault`]; nothing was changed.
    pub fn carry_out(
        self,
        vault: &mut Vault,
        federation: &FederationId,
        by: [&SigningKey; 2],
    ) -> Result<Changed, ChangeFault> {
        let Self { id, asked, change, stays, leaves, merged, husks, back, .. } = self;
        let (digest, (whole, members)) = stays;

        let mut txn = vault.begin()?;
        txn.replace(id, digest, &whole, &members)?;
        let mut other = merged.as_ref().map(|(other, _)| *other);
        if let Some((key, (digest, (whole, members)))) = &leaves {
            let new = match &back {
                Some((husk, _)) => {
                    txn.replace(*husk, *digest, whole, members)?;
                    // Whoever agreed before the merge may be somebody else.
                    note_joined(&mut txn, *husk)?;
                    *husk
                }
                None => txn.add(OWN_SOURCE, key.as_bytes(), *digest, whole, members)?,
            };
            other = Some(new);
            // Whoever moved out collects for herself.
            let theirs = Change { collected_by: new, collector: 1, other: Some(id), ..change };
            keep(&mut txn, federation, new, theirs, by)?;
            for husk in back.into_iter().flat_map(|(_, with)| with) {
                let of = Change { happened: Happened::Merge, other: Some(new), ..theirs };
                keep(&mut txn, federation, husk, of, by)?;
            }
        }
        if let Some((husk, (digest, (whole, members)))) = &merged {
            txn.replace(*husk, *digest, whole, members)?;
            keep(&mut txn, federation, *husk, Change { other: Some(id), ..change }, by)?;
        }
        for husk in husks {
            let theirs = Change { happened: Happened::Merge, other: Some(id), ..change };
            keep(&mut txn, federation, husk, theirs, by)?;
        }
        keep(&mut txn, federation, id, Change { other, ..change }, by)?;
        let new = leaves.and(other);
        txn.note_begun(&asked, new.unwrap_or(id))?;
        txn.commit()?;
        Ok(Changed { stays: id, new })
    }
}

fn hex(bytes: &[u8; 5]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn said(of: HouseholdId, change: &Change) -> Vec<u8> {
    let digest = hash(Purpose::Content, &[&wire::encode(&(of, change))]);
    [b"household change".as_slice(), &digest.0].concat()
}

fn keep(
    txn: &mut VaultTxn<'_>,
    federation: &FederationId,
    of: HouseholdId,
    change: Change,
    by: [&SigningKey; 2],
) -> Result<(), ChangeFault> {
    let message = said(of, &change);
    let words = by.map(|key| key.sign(Context::Evidence, &[&federation.0.0], &message));
    let paper = Zeroizing::new(wire::encode(&Paper { kind: PAPER, of, change, words }));
    let name = [b"change".as_slice(), &random::<16>()?].concat();
    Ok(txn.put_paper(of, &name, &paper)?)
}

/// The households that were merged into one, and those into them: nobody lives in them any more, and what they agreed to,
/// were shown and may still collect lies there until it has had its time.
///
/// # Errors
///
/// As [`changes`].
pub fn merged_into(
    vault: &Vault,
    federation: &FederationId,
    id: HouseholdId,
) -> Result<Vec<HouseholdId>, VaultFault> {
    let (mut found, mut at) = (vec![id], 0);
    while let Some(into) = found.get(at).copied() {
        at += 1;
        for change in changes(vault, federation, into)? {
            let mine = change.happened == Happened::Merge && change.collected_by == into;
            let Some(husk) = change.other.filter(|_| mine) else { continue };
            // Its own paper says that nobody lives in it; it may be gone by now.
            let last = match changes(vault, federation, husk) {
                Err(VaultFault::NotFound { .. }) => continue,
                other => other?.last().copied(),
            };
            let empty = last
                .is_some_and(|last| last.happened == Happened::Merge && last.collected_by != husk);
            if empty && !found.contains(&husk) {
                found.push(husk);
            }
        }
    }
    Ok(found.split_off(1))
}

/// What was told of a household at the desk, which its register does not know of (spec/import.md, "Again").
#[derive(Debug, Default)]
pub struct Told {
    happened: Vec<Change>,
    corrected: Vec<&'static str>,
    /// Whether nobody lives in it any more.
    husk: bool,
}

impl Told {
    /// Whether nothing was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.happened.is_empty() && self.corrected.is_empty()
    }

    /// What of it would be undone where `new` took the place of `old`: what happened, where the people or how many they are
    /// would be others, and each corrected field that would be another.
    #[must_use]
    pub fn undone(&self, old: &Household, new: &Household) -> Vec<&'static str> {
        let size = |of: &Household| of.whole.number(Field::Size);
        let others = self.husk || old.members != new.members || size(old) != size(new);
        let happened = self.happened.iter().filter(|_| others).map(|one| one.happened.word());
        let differs = old.differs(new);
        let corrected = self.corrected.iter().copied().filter(|field| differs.contains(field));
        let all: std::collections::BTreeSet<_> = happened.chain(corrected).collect();
        all.into_iter().collect()
    }
}

/// What was told of a household at the desk.
///
/// # Errors
///
/// A broken file.
pub fn told(vault: &Vault, federation: &FederationId, id: HouseholdId) -> Result<Told, VaultFault> {
    let happened = changes(vault, federation, id)?;
    let husk = happened.last().is_some_and(|last| last.collected_by != id);
    Ok(Told { corrected: corrected(&vault.papers(id)?), husk, happened })
}

fn corrected(papers: &[Zeroizing<Vec<u8>>]) -> Vec<&'static str> {
    let of = |paper: &Zeroizing<Vec<u8>>| match paper.split_first() {
        Some((&CORRECTED, names)) => Some(names.to_vec()),
        _ => None,
    };
    let names = papers.iter().find_map(of).unwrap_or_default();
    let names = std::str::from_utf8(&names).unwrap_or_default();
    names.split(',').filter_map(|name| Field::named(name).map(Field::name)).collect()
}

/// Notes which fields of a household were corrected at the desk, beside those of before.
///
/// # Errors
///
/// As [`VaultTxn::put_paper`].
pub fn note_corrected(
    txn: &mut VaultTxn<'_>,
    id: HouseholdId,
    fields: &[&'static str],
) -> Result<(), VaultFault> {
    let before = corrected(&txn.papers(id)?);
    let all: std::collections::BTreeSet<_> = before.iter().chain(fields).copied().collect();
    let names = all.into_iter().collect::<Vec<_>>().join(",");
    let name = [b"corrected".as_slice(), &wire::encode(&id)].concat();
    txn.put_paper(id, &name, &[&[CORRECTED], names.as_bytes()].concat())
}

/// The household that one was merged into, where nobody lives in it any more.
///
/// # Errors
///
/// A broken file.
pub fn merged(
    vault: &Vault,
    federation: &FederationId,
    id: HouseholdId,
) -> Result<Option<HouseholdId>, VaultFault> {
    if !vault.has_papers(id)? {
        return Ok(None);
    }
    let last = changes(vault, federation, id)?.last().map(|last| last.collected_by);
    Ok(last.filter(|into| *into != id))
}

/// What happened to a household, in order, as far as two people answer for it.
///
/// # Errors
///
/// A broken file.
pub fn changes(
    vault: &Vault,
    federation: &FederationId,
    id: HouseholdId,
) -> Result<Vec<Change>, VaultFault> {
    let papers = vault.papers(id)?;
    let read = |bytes: &Zeroizing<Vec<u8>>| {
        let paper: Paper = wire::decode(bytes, MAX_RECORD).ok()?;
        let message = said(id, &paper.change);
        let mut words = paper.change.by.iter().zip(&paper.words);
        let scope: [&[u8]; 1] = [&federation.0.0];
        let theirs =
            words.all(|(key, word)| key.verifies(Context::Evidence, &scope, &message, word));
        let two = paper.change.by[0] != paper.change.by[1];
        (paper.kind == PAPER && paper.of == id && theirs && two).then_some(paper.change)
    };
    Ok(papers.iter().filter_map(read).collect())
}
