//! Signatures checked once a run. Every node of a world checks the same ones, many times over: after a power cut, for
//! every order in which blocks are told again. Checking is pure, so what was found once is found again; four fifths of
//! a run's time went into it.
//!
//! Only what the core itself answered is kept, under all the bytes it was asked about.

use std::cell::RefCell;
use std::collections::BTreeMap;

use annona_ledger::block::{Block, Placed};
use annona_ledger::charter::{Charter, SignedArticle};
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FederationId, FeedId, ProgrammeId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::notice::{Roster, SignedNotice};
use annona_ledger::orphan::Shown;
use annona_ledger::settlement::Signing;
use annona_ledger::ticket::Sent;
use annona_ledger::wire;

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

#[derive(Default)]
struct Memo {
    blocks: BTreeMap<Hash, Option<Vec<Placed>>>,
    powers: BTreeMap<Hash, (Charter, Roster)>,
    sends: BTreeMap<Hash, bool>,
    others: BTreeMap<Hash, bool>,
}

/// Forgets everything, before another run.
pub fn clear() {
    MEMO.with_borrow_mut(|memo| *memo = Memo::default());
}

fn name(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new(Purpose::File);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish()
}

/// The entries of a block that is what its header says, signed by its feed. `None` where it is not.
#[must_use]
pub fn verified(block: &Block, federation: &FederationId, feed: &FeedId) -> Option<Vec<Placed>> {
    let name = name(&[&federation.0.0, &feed.bytes(), &wire::encode(block)]);
    if let Some(known) = MEMO.with_borrow(|memo| memo.blocks.get(&name).cloned()) {
        return known;
    }
    let found = block.verify(federation, feed).ok().map(|v| v.entries().to_vec());
    MEMO.with_borrow_mut(|memo| memo.blocks.insert(name, found.clone()));
    found
}

/// What articles and notices come to, each as it was written down after it was checked.
///
/// # Panics
///
/// Where one does not follow.
#[must_use]
pub fn power(articles: &[Vec<u8>], notices: &[Vec<u8>]) -> (Charter, Roster) {
    let all: Vec<&[u8]> = articles.iter().chain(notices).map(Vec::as_slice).collect();
    let name = name(&[&(articles.len() as u64).to_be_bytes(), &name(&all).0]);
    if let Some(known) = MEMO.with_borrow(|memo| memo.powers.get(&name).cloned()) {
        return known;
    }
    let found = read(articles, notices);
    MEMO.with_borrow_mut(|memo| memo.powers.insert(name, found.clone()));
    found
}

fn read(articles: &[Vec<u8>], notices: &[Vec<u8>]) -> (Charter, Roster) {
    let mut charter: Option<Charter> = None;
    for bytes in articles {
        let signed = SignedArticle::decode(bytes).expect("it was checked when written");
        let next = match &charter {
            None => Charter::found(&signed),
            Some(charter) => charter.apply(&signed),
        };
        charter = Some(next.expect("it was checked when written"));
    }
    let charter = charter.expect("every folder begins with a charter");
    let mut roster = Roster::new();
    for bytes in notices {
        let signed = SignedNotice::decode(bytes).expect("it was checked when written");
        roster.learn(&charter, &signed).expect("it was checked when written");
    }
    (charter, roster)
}

/// Whether a key signed a send as it stands in a ticket.
#[must_use]
pub fn bears(sent: &Sent, federation: &FederationId, key: &PublicKey, at: ProgrammeId) -> bool {
    let name =
        name(&[&federation.0.0, &wire::encode(key), &at.0.to_be_bytes(), &wire::encode(sent)]);
    if let Some(known) = MEMO.with_borrow(|memo| memo.sends.get(&name).copied()) {
        return known;
    }
    let found = sent.verifies(federation, key, at);
    MEMO.with_borrow_mut(|memo| memo.sends.insert(name, found));
    found
}

fn once(parts: &[&[u8]], ask: impl FnOnce() -> bool) -> bool {
    let name = name(parts);
    if let Some(known) = MEMO.with_borrow(|memo| memo.others.get(&name).copied()) {
        return known;
    }
    let found = ask();
    MEMO.with_borrow_mut(|memo| memo.others.insert(name, found));
    found
}

/// Whether a node signed an entry that somebody shows of its value feed.
#[must_use]
pub fn shows(
    shown: &Shown,
    federation: &FederationId,
    node: &PublicKey,
    programme: ProgrammeId,
) -> bool {
    let (key, at) = (wire::encode(node), programme.0.to_be_bytes());
    once(&[b"shown", &federation.0.0, &key, &at, &wire::encode(shown)], || {
        shown.verifies(federation, node, programme)
    })
}

/// Whether an operator signed a step of a settlement.
#[must_use]
pub fn steps(
    signing: &Signing,
    federation: &FederationId,
    operator: &PublicKey,
    signature: &Signature,
) -> bool {
    let (key, sign, said) =
        (wire::encode(operator), wire::encode(signature), wire::encode(signing));
    once(&[b"step", &federation.0.0, &key, &sign, &said], || {
        signing.is_by(federation, operator, signature)
    })
}
