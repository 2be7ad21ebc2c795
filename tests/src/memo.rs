//! Signatures checked once a run. Every node of a world checks the same ones, many times over: after a power cut, for
//! every order in which blocks are told again. Checking is pure, so what was found once is found again; four fifths of
//! a run's time went into it.
//!
//! Only what the core itself answered is kept, under all the bytes it was asked about.

use std::cell::RefCell;
use std::collections::BTreeMap;

use annona_ledger::block::{Block, Placed};
use annona_ledger::charter::{Branches, Charter, SignedArticle, Taken};
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

/// The charter that articles lead to, in the order in which they came, and what lies aside.
fn follow(articles: &[Vec<u8>]) -> (Charter, Branches) {
    let mut followed: Vec<SignedArticle> = Vec::new();
    let mut charter: Option<Charter> = None;
    let mut branches = Branches::default();
    for bytes in articles {
        let signed = SignedArticle::decode(bytes).expect("it was checked when written");
        let Some(known) = &charter else {
            charter = Some(Charter::found(&signed).expect("it was checked when written"));
            followed.push(signed);
            continue;
        };
        match branches.take(known, &signed).expect("it was checked when written") {
            Taken::Known | Taken::Aside => {}
            Taken::Follows(next) => {
                charter = Some(*next);
                followed.push(signed);
            }
            Taken::Heals(turn) => {
                let from = usize::try_from(turn.from).unwrap_or(usize::MAX);
                let given_up = followed.split_off(from.min(followed.len()));
                branches.turn(&turn, given_up);
                followed.extend(turn.articles.iter().cloned());
                charter = Some(turn.charter);
            }
        }
    }
    (charter.expect("every folder begins with a charter"), branches)
}

/// Whether an article is new beside others, and stands on one of them.
#[must_use]
pub fn stands(articles: &[Vec<u8>], article: &SignedArticle) -> bool {
    let bytes = article.encode();
    let all = articles.iter().map(Vec::as_slice);
    let parts: Vec<&[u8]> = [b"stands".as_slice(), &bytes].into_iter().chain(all).collect();
    once(&parts, || {
        let (charter, mut branches) = follow(articles);
        let aside = branches.aside().iter().any(|kept| kept.article == article.article);
        !aside && !matches!(branches.take(&charter, article), Ok(Taken::Known) | Err(_))
    })
}

fn read(articles: &[Vec<u8>], notices: &[Vec<u8>]) -> (Charter, Roster) {
    let (charter, _) = follow(articles);
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
