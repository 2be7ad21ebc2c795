//! Whether another organisation helps with the same need, asked so that it does not learn about whom (spec/overlap.md).
//!
//! ```text
//! asker      what is registered → key → blinded element          one Disclosed entry each, before it leaves
//! answerer   each element under a key made for this answer, and what its own people come to under it
//! asker      one bit for each household
//! ```
//!
//! The answerer learns how many were asked about, and nothing else; the asker, one bit for each whom it asked about, under
//! a key that ends with the answer: what it was given tells nothing about anybody else, then or later.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use annona_ledger::audit::{Item, Source};
use annona_ledger::consent::{Attribute, Attributes, GrantId, Purpose};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::hash::{Hash, Purpose as Use, hash};
use annona_ledger::id::{FeedId, Lane, Nonce, ProgrammeId, Pseudonym};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::Roles;
use annona_ledger::oprf::{Blind, NoElement, OprfKey, Output, is_element};
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::DayNo;
use annona_ledger::view::View;
use annona_ledger::wire::{self, Bounded};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::audit::StoreSource;
use crate::consent::request::REQUEST_DAYS;
use crate::consent::{self, Asking, ConsentFault, Showing};
use crate::copies;
use crate::duplicates::{bare, document, roman};
use crate::folder::LEDGER;
use crate::keystore::Name;
use crate::member::NoMember;
use crate::node::{Node, NodeFault};
use crate::person::{Date, Field, Household, HouseholdError, Person, Value};
use crate::seal::random;
use crate::vault::{HouseholdId, Vault, VaultFault};

/// What a file of questions begins with.
pub const ASKED: &[u8; 17] = b"annona overlap 1\n";
/// What a file of answers begins with.
pub const ANSWERED: &[u8; 17] = b"annona answers 1\n";
/// Elements of one question, as many as a letter takes: 995 households, two each.
pub const MOST: usize = 1_990;
/// Questions of a day and a node that are known again: an answer may be made a second time.
const KNOWN: usize = 1_024;
/// Tags of one answer.
pub const TAGS: usize = 65_536;
/// The largest file, in bytes.
pub const BYTES: usize = 2 << 20;
/// What a paper of a question begins with: no consent or disclosure does.
const MARK: u8 = 0xff;
/// Bytes of an author and signature.
const STATED: usize = 98;
/// What may be asked for somebody, from her consent.
pub const NEEDED: [Attribute; 3] = [Attribute::Name, Attribute::Age, Attribute::Documents];

/// Why an overlap was not asked, answered or read.
#[derive(Debug, thiserror::Error)]
pub enum OverlapFault {
    /// Bytes that are no such file.
    #[error("this is no file of that kind, or it is damaged: have it made again")]
    Damaged,
    /// Not by a node that may ask, or for somebody else.
    #[error("it is not signed by a site of this federation, or not for this node")]
    Stranger,
    /// By a node that nothing is given to any more.
    #[error("the node that signed it is not answered: {0}")]
    NoMember(#[from] NoMember),
    /// More than the day allows.
    #[error(
        "more questions than twice the families registered that day: {asked} asked, {allowed} allowed"
    )]
    TooMany {
        /// Of this day, with these.
        asked: u64,
        /// At most.
        allowed: u64,
    },
    /// More households than one file takes.
    #[error("one file asks about at most {most} families, and {0} were named: name fewer of them", most = MOST / 2)]
    Long(usize),
    /// Asked long ago, or by a clock that is ahead.
    #[error(
        "these questions are older than {REQUEST_DAYS} days, or of a day to come: have them asked anew"
    )]
    Stale,
    /// Nobody consented.
    #[error("nobody was named who consented to be asked about there, and of whom enough is known")]
    Nobody,
    /// Nothing was asked under this number.
    #[error("nothing was asked from here under this number, or it was read already")]
    NotAsked,
    /// An element that is none.
    #[error(transparent)]
    Element(#[from] NoElement),
    /// A consent.
    #[error(transparent)]
    Consent(#[from] ConsentFault),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// A household's record.
    #[error(transparent)]
    Household(#[from] HouseholdError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

/// What is asked. Elements are blinded: to whoever sees them they are random.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Question {
    number: Nonce,
    to: [u8; 8],
    programme: ProgrammeId,
    on: DayNo,
    elements: Bounded<[u8; 32], MOST>,
}

/// What is answered: each element evaluated, and tags of the answerer's own people, in the order of their bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Answer {
    number: Nonce,
    to: [u8; 8],
    evaluated: Bounded<[u8; 32], MOST>,
    tags: Bounded<[u8; 16], TAGS>,
}

/// What the asker keeps beside a household until the answer is read.
#[derive(Serialize, Deserialize, Zeroize)]
#[zeroize(drop)]
struct Kept {
    /// [`MARK`].
    mark: u8,
    programme: u16,
    input: String,
    blind: [u8; 32],
}

/// What came of a question about one household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub household: HouseholdId,
    /// Whether the other organisation helps somebody who is registered alike.
    pub helped: bool,
}

/// By what a person is met in another organisation's register: her documents, and her name with the year and sex.
fn keys(person: &Person) -> Vec<String> {
    const DOCUMENTS: [Field; 4] =
        [Field::NationalId, Field::Passport, Field::AgencyId, Field::BirthCertificate];
    let mut keys: Vec<String> = DOCUMENTS
        .iter()
        .filter_map(|field| Some((field, document(person.text(*field)?))))
        .filter(|(_, text)| text.len() >= 5)
        .map(|(field, text)| format!("document {} {text}", field.number()))
        .take(1)
        .collect();
    let whole = [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
    let words: Vec<String> = whole.iter().filter_map(|f| person.text(*f)).map(roman).collect();
    let mut words: Vec<String> =
        words.iter().flat_map(|text| text.split(' ')).map(bare).filter(|w| !w.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    let year = match person.get(Field::BirthDate) {
        Some(Value::Date(born)) => Some(born.ymd().0),
        _ => None,
    };
    // A name alone is many people's: without two words and a year nothing is asked by it.
    if let (true, Some(year)) = (words.len() >= 2, year) {
        keys.push(format!("name {} {year}", words.join(" ")));
    }
    keys
}

fn tag(output: &Output, programme: ProgrammeId) -> [u8; 16] {
    let Hash(hash) = hash(Use::Lookup, &[b"overlap", &programme.0.to_be_bytes(), output]);
    let mut tag = [0; 16];
    tag.copy_from_slice(&hash[..16]);
    tag
}

fn randomness() -> Result<[u8; 64], NodeFault> {
    Ok(random()?)
}

fn sign(node: &Node, magic: &[u8; 17], to: [u8; 8], body: &[u8]) -> Result<Vec<u8>, OverlapFault> {
    let file = hash(Use::File, &[magic, body]);
    let said = Statement::File { to, file };
    let stated = said.sign(&node.federation()?, &node.signing_key(Name::NodeSigning)?);
    Ok([magic.as_slice(), &stated.encode(), body].concat())
}

/// The body of a file for this node, and who made it: a node certified now as one that registers people.
fn signed<'a>(
    node: &Node,
    magic: &[u8; 17],
    bytes: &'a [u8],
) -> Result<([u8; 8], &'a [u8]), OverlapFault> {
    if bytes.len() > BYTES {
        return Err(OverlapFault::Damaged);
    }
    let rest = bytes.strip_prefix(magic).ok_or(OverlapFault::Damaged)?;
    let (stated, body) = rest.split_at_checked(STATED).ok_or(OverlapFault::Damaged)?;
    let stated = Stated::decode(stated).map_err(|_| OverlapFault::Damaged)?;
    let at = node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?;
    let roster = node.store().roster();
    let certified = roster.node_ever(&stated.operator).find(|c| {
        c.roles.meets(Roles::REGISTRAR.and(Roles::VAULT)) && (c.issued..=c.not_after).contains(&at)
    });
    let from = certified.map(|c| c.short()).ok_or(OverlapFault::Stranger)?;
    copies::stands(node, &from)??;
    let said = Statement::File { to: node.public().short(), file: hash(Use::File, &[magic, body]) };
    if said.is_by(&node.federation()?, &stated) {
        Ok((from, body))
    } else {
        Err(OverlapFault::Stranger)
    }
}

/// The body of a file, without asking who made it or for whom.
fn body<T: DeserializeOwned + Serialize>(magic: &[u8; 17], bytes: &[u8]) -> Option<T> {
    let (stated, body) = bytes.strip_prefix(magic)?.split_at_checked(STATED)?;
    Stated::decode(stated).ok()?;
    wire::decode(body, BYTES).ok()
}

/// Whether bytes are a file of questions, to the last byte: no element that is none.
#[must_use]
pub fn is_question(bytes: &[u8]) -> bool {
    body::<Question>(ASKED, bytes).is_some_and(|one| one.elements.iter().all(is_element))
}

/// Whether bytes are a file of answers, to the last byte: no element that is none, and tags in order.
#[must_use]
pub fn is_answer(bytes: &[u8]) -> bool {
    body::<Answer>(ANSWERED, bytes).is_some_and(|one| {
        one.evaluated.iter().all(is_element) && one.tags.windows(2).all(|two| two[0] < two[1])
    })
}

/// How many families a node registered in a programme on a day, as far as its blocks are here.
fn enrolled(
    node: &Node,
    who: &[u8; 8],
    programme: ProgrammeId,
    on: DayNo,
) -> Result<u64, OverlapFault> {
    let Some(certificate) = node.store().roster().node(who) else { return Ok(0) };
    let feed = FeedId { node: certificate.node, lane: Lane::Registry, programme };
    let federation = node.federation()?;
    let source = StoreSource::open(&node.folder().file(LEDGER)).map_err(NodeFault::from)?;
    let mut count = 0;
    source.items(&feed, &mut |_, item| {
        let Item::Block(block) = item else { return true };
        let Ok(block) = block.verify(&federation, &feed) else { return true };
        for placed in block.entries() {
            if let Entry::Registry(Registry::Enrol { at, .. }) = &placed.entry
                && DayNo::of(*at) == on
            {
                count += 1;
            }
        }
        true
    });
    Ok(count)
}

/// What was counted of a day: elements, and which questions they were of.
type Counted = (u64, Bounded<[u8; 16], KNOWN>);

/// Counts questions of a day, durably, before they are asked or answered, each file once; refuses those over twice the day's
/// enrolments.
fn count(
    node: &Node,
    (kind, who): (&str, &[u8; 8]),
    programme: ProgrammeId,
    on: DayNo,
    (elements, question): (u64, Option<[u8; 16]>),
) -> Result<(), OverlapFault> {
    let whose: String = who.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("overlap {kind} {whose} {programme} {}", on.0);
    let kept = node.store().meta(&name).map_err(NodeFault::from)?.unwrap_or_default();
    let (before, known): Counted = wire::decode(&kept, BYTES).unwrap_or_else(|_| {
        // As it was written before questions were known again: the sum alone.
        (wire::decode(&kept, 64).unwrap_or_default(), Bounded::default())
    });
    let mut known = known.to_vec();
    if question.is_some_and(|question| known.contains(&question)) {
        return Ok(());
    }
    let allowed = enrolled(node, who, programme, on)?.saturating_mul(2);
    let asked = before.saturating_add(elements);
    if asked > allowed {
        return Err(OverlapFault::TooMany { asked, allowed });
    }
    known.extend(question.filter(|_| known.len() < KNOWN));
    let counted: Counted = (asked, Bounded::new(known).map_err(|_| OverlapFault::Damaged)?);
    Ok(node.store().set_meta(&name, &wire::encode(&counted)).map_err(NodeFault::from)?)
}

/// The consent by which a household may be asked about at an organisation today.
fn consent_for(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
    to: &[u8; 8],
) -> Result<Option<GrantId>, OverlapFault> {
    for one in consent::list(vault, household)? {
        let asking = asking(one.grant.id, to);
        if one.grant.purpose == Purpose::Overlap
            && consent::would_open(node, vault, &asking).is_ok()
        {
            return Ok(Some(one.grant.id));
        }
    }
    Ok(None)
}

fn asking(grant: GrantId, to: &[u8; 8]) -> Asking {
    let attributes = Attributes::of(NEEDED);
    Asking { grant, node: *to, purpose: Purpose::Overlap, attributes }
}

/// Questions that were written down, and are not known to be in a file yet.
#[must_use = "until they are done, the same households are asked about again under the same lines"]
pub struct Asked {
    /// The file.
    pub file: Vec<u8>,
    /// About how many households.
    pub households: usize,
    shown: Vec<Showing>,
}

impl Asked {
    /// The file is durable: from here on another question is another use of each consent.
    ///
    /// # Errors
    ///
    /// A broken or full disk; then they may be asked about once more under the same lines.
    pub fn done(self, vault: &mut Vault) -> Result<(), OverlapFault> {
        Ok(self.shown.into_iter().try_for_each(|showing| showing.done(vault))?)
    }
}

/// Asks about households at another node, and gives the file of questions. Each is asked about under a consent for just
/// that, which is written down before anything leaves; who has none is left out.
///
/// # Errors
///
/// [`OverlapFault::TooMany`] over twice the families this node registered that day; [`OverlapFault::Nobody`].
pub fn ask(
    node: &mut Node,
    vault: &mut Vault,
    to: [u8; 8],
    programme: ProgrammeId,
    (households, today): (&[HouseholdId], Date),
    operator: &SigningKey,
) -> Result<Asked, OverlapFault> {
    let mut chosen = Vec::new();
    for household in households {
        if let Some(grant) = consent_for(node, vault, *household, &to)? {
            chosen.push((*household, grant));
        }
    }
    let feed = node.feed(Lane::Registry, programme);
    node.seal(&[feed])?;
    let on = DayNo::of(node.stamp(&feed)?);
    // Before any record opens. Two each is the most. Whose line was written before and never left was counted with it.
    let mut most = 0u64;
    for (household, grant) in &chosen {
        let before = consent::unshown(node, vault, *household)?;
        if !before.iter().any(|permit| permit.is_for(&asking(*grant, &to))) {
            most = most.saturating_add(2);
        }
    }
    let own = node.public().short();
    if chosen.is_empty() {
        return Err(OverlapFault::Nobody);
    }
    // Before anything is written down: a file takes no more.
    if chosen.len() > MOST / 2 {
        return Err(OverlapFault::Long(chosen.len()));
    }
    count(node, ("asked", &own), programme, on, (most, None))?;
    let number = Nonce(random().map_err(NodeFault::from)?);
    let mut elements: Vec<[u8; 32]> = Vec::new();
    let (mut asked, mut all) = (0, Vec::new());
    for (household, grant) in chosen {
        let permit = consent::permit(node, vault, &asking(grant, &to), operator)?;
        let (shown, showing) = permit.open(vault, today)?;
        let mut any = false;
        for member in shown.members.iter().take(1) {
            let mut person = Person::default();
            for (field, value) in member {
                person.set(*field, value.clone()).map_err(|_| OverlapFault::Damaged)?;
            }
            // The year stands with the name, and is asked for under it.
            for input in keys(&person) {
                let (blind, element) = Blind::of(input.as_bytes(), &mut randomness()?)?;
                let place = u32::try_from(elements.len()).unwrap_or(u32::MAX);
                let blind = blind.expose();
                let kept = Kept { mark: MARK, programme: programme.0, input, blind };
                let name = [b"overlap".as_slice(), &number.0, &place.to_be_bytes()].concat();
                let mut txn = vault.begin()?;
                txn.put_paper(household, &name, &wire::encode(&kept))?;
                txn.commit()?;
                elements.push(element);
                any = true;
            }
        }
        all.push(showing);
        asked += usize::from(any);
    }
    let elements = Bounded::new(elements).map_err(|_| OverlapFault::Damaged)?;
    if elements.is_empty() {
        return Err(OverlapFault::Nobody);
    }
    let question = Question { number, to, programme, on, elements };
    let file = sign(node, ASKED, to, &wire::encode(&question))?;
    Ok(Asked { file, households: asked, shown: all })
}

/// A file of answers, the node that asked, and how many questions it had.
pub type Answered = (Vec<u8>, [u8; 8], usize);

/// Answers a file of questions: about people registered here who consented to it for the asker's organisation, and who
/// are enrolled in the programme it asks about. How many that are is rounded up to a power of two with chance.
///
/// # Errors
///
/// [`OverlapFault::TooMany`] where the asker asks about more than it registered, as far as its register was heard here.
pub fn answer(node: &Node, vault: &Vault, bytes: &[u8]) -> Result<Answered, OverlapFault> {
    let (from, body) = signed(node, ASKED, bytes)?;
    let question: Question = wire::decode(body, BYTES).map_err(|_| OverlapFault::Damaged)?;
    if question.to != node.public().short() {
        return Err(OverlapFault::Stranger);
    }
    // The day is the asker's word, and each has a count of its own: a day long past is one nobody has asked on yet.
    let now = DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?);
    if question.on > now.plus(1) || now > question.on.plus(REQUEST_DAYS) {
        return Err(OverlapFault::Stale);
    }
    let elements = u64::try_from(question.elements.len()).unwrap_or(u64::MAX);
    let Hash(digest) = hash(Use::File, &[bytes]);
    let counted = (elements, digest.first_chunk().copied());
    count(node, ("answered", &from), question.programme, question.on, counted)?;
    // For this answer alone.
    let key = OprfKey::of(&mut randomness()?);
    let evaluated: Result<Vec<_>, _> =
        question.elements.iter().map(|element| key.answer(element)).collect();
    let mut tags = BTreeSet::new();
    let mut after = None;
    loop {
        let page = vault.all(after, usize::MAX)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for household in page {
            if !helped(node, vault, household, &question, &from)? {
                continue;
            }
            let stored = vault.household(household)?;
            let members = stored.members.iter().map(|member| member.as_slice());
            let whole = Household::from_records(&stored.household, members)?;
            for input in whole.head().map(keys).unwrap_or_default() {
                tags.insert(tag(&key.output(input.as_bytes())?, question.programme));
            }
        }
    }
    let full = tags.len().max(16).next_power_of_two().min(TAGS);
    while tags.len() < full {
        tags.insert(random().map_err(NodeFault::from)?);
    }
    let answer = Answer {
        number: question.number,
        to: from,
        evaluated: Bounded::new(evaluated?).map_err(|_| OverlapFault::Damaged)?,
        tags: Bounded::new(tags.into_iter().collect()).map_err(|_| OverlapFault::Damaged)?,
    };
    let count = question.elements.len();
    Ok((sign(node, ANSWERED, from, &wire::encode(&answer))?, from, count))
}

fn helped(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
    question: &Question,
    asker: &[u8; 8],
) -> Result<bool, OverlapFault> {
    let federation = node.federation()?;
    let pseudonym = vault.pseudonym(household, question.programme.0, &federation.0.0)?;
    let work = node.store().look().map_err(NodeFault::from)?;
    let enrolled = work.enrolled(question.programme, &Pseudonym(pseudonym));
    work.check().map_err(NodeFault::from)?;
    drop(work);
    if !enrolled {
        return Ok(false);
    }
    for one in consent::list(vault, household)? {
        // Every question but the ninth, as for anything else that is shown of her, on this node's own day.
        if one.grant.programme == question.programme && one.grant.purpose == Purpose::Overlap {
            match consent::would_open(node, vault, &asking(one.grant.id, asker)) {
                Ok(()) => return Ok(true),
                Err(ConsentFault::Closed(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    Ok(false)
}

/// Reads a file of answers: one bit for each household that was asked about. What was kept for it is used up.
///
/// # Errors
///
/// [`OverlapFault::NotAsked`] for another's, or one that was read.
pub fn read(node: &Node, vault: &mut Vault, bytes: &[u8]) -> Result<Vec<Told>, OverlapFault> {
    let (_, body) = signed(node, ANSWERED, bytes)?;
    let answer: Answer = wire::decode(body, BYTES).map_err(|_| OverlapFault::Damaged)?;
    if answer.to != node.public().short() {
        return Err(OverlapFault::Stranger);
    }
    let tags: BTreeSet<[u8; 16]> = answer.tags.iter().copied().collect();
    let mut told: Vec<Told> = Vec::new();
    for (place, element) in (0u32..).zip(answer.evaluated.iter()) {
        let name = [b"overlap".as_slice(), &answer.number.0, &place.to_be_bytes()].concat();
        // Who was erased meanwhile has no papers.
        let Some((household, paper)) = vault.paper(&name)? else { continue };
        let kept = wire::decode::<Kept>(&paper, 1024).ok().filter(|kept| kept.mark == MARK);
        let Some(kept) = kept else { continue };
        let output = Blind::kept(&kept.blind)?.output(kept.input.as_bytes(), element)?;
        let helped = tags.contains(&tag(&output, ProgrammeId(kept.programme)));
        match told.iter_mut().find(|one| one.household == household) {
            Some(one) => one.helped |= helped,
            None => told.push(Told { household, helped }),
        }
        // Used up: the blind, and what it hid, are written over.
        let mut txn = vault.begin()?;
        txn.put_paper(household, &name, &[MARK])?;
        txn.commit()?;
    }
    if told.is_empty() {
        return Err(OverlapFault::NotAsked);
    }
    Ok(told)
}
