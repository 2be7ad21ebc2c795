//! What a node asks another for, carried as a file: signed by the asking node, answered only by a [`super::Permit`].
//!
//! ```text
//! "annona asking 1\n"   16
//! request               in canonical bytes: from, to, consent, purpose, attributes, day, 16 random bytes
//! signature             64, of the asking node's transport key
//! ```

use annona_ledger::consent::{Attributes, GrantId, Purpose};
use annona_ledger::hash::{Hash, Purpose as Hashing, hash};
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::key::{Context, Signature};
use annona_ledger::time::DayNo;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};

use super::{Asking, ConsentFault};
use crate::copies;
use crate::envelope::{self, WRAPPED};
use crate::keystore::{Name, Secret};
use crate::member::NoMember;
use crate::node::{Node, NodeFault};
use crate::person::forbidden;
use crate::seal;
use crate::vault::{HouseholdId, Vault};

const MAGIC: &[u8; 16] = b"annona asking 1\n";
/// How an answer begins: then come the commitment of the disclosure (32), a wrapped key, and what was opened, sealed.
pub const ANSWER: &[u8; 16] = b"annona opened 1\n";
/// What the key of an answer is for, and no other's.
pub const ANSWER_KEY: &[u8] = b"annona 2026 v1 opened";
/// The longest such file, in bytes.
pub const MAX_REQUEST: usize = 512;
/// How long a request may be answered, in days: what somebody asked long ago she may no longer want.
pub const REQUEST_DAYS: u32 = 30;

/// What the paper of an answered request begins with: other papers begin with other numbers.
const PAPER: u8 = 65;

#[derive(Serialize, Deserialize)]
struct Request {
    from: [u8; 8],
    to: [u8; 8],
    grant: GrantId,
    purpose: Purpose,
    attributes: Attributes,
    on: DayNo,
    nonce: [u8; 16],
}

/// A request whose author is known.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// What is asked, for whom: the node that signed it.
    pub asking: Asking,
    /// On which day.
    pub on: DayNo,
    digest: Hash,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// Other bytes.
    #[error("this is no request, or it was changed or cut short.")]
    NotARequest,
    /// For another node.
    #[error("this request is for another node.")]
    NotForUs,
    /// Not from whom it says.
    #[error("no certificate of the asking node is known here, or it did not sign this request.")]
    NotTheirs,
    /// From a node that nothing is given to any more.
    #[error("the node that asks is not answered: {0}.")]
    NoMember(#[from] NoMember),
    /// Asked long ago, or by a clock that is ahead.
    #[error("this request is older than {REQUEST_DAYS} days, or of a day to come: ask anew.")]
    Stale,
    /// Answered before.
    #[error("this request was answered already: for another answer, ask anew.")]
    Answered,
}

fn today(node: &Node) -> Result<DayNo, ConsentFault> {
    Ok(DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?))
}

fn word(body: &[u8]) -> (Hash, Vec<u8>) {
    let digest = hash(Hashing::File, &[body]);
    (digest, [b"asking".as_slice(), &digest.0].concat())
}

/// Asks another node for attributes of somebody, under a consent whose number stands on her slip.
///
/// # Errors
///
/// A broken disk; no randomness.
pub fn ask(
    node: &Node,
    to: [u8; 8],
    (grant, purpose, attributes): (GrantId, Purpose, Attributes),
) -> Result<Vec<u8>, ConsentFault> {
    let (from, on, nonce) = (node.public().short(), today(node)?, seal::random()?);
    let request = Request { from, to, grant, purpose, attributes, on, nonce };
    let mut file = [&MAGIC[..], &wire::encode(&request)].concat();
    let (federation, transport) = (node.federation()?, node.signing_key(Name::NodeTransport)?);
    let Signature::Ed25519([r, s]) =
        transport.sign(Context::Bundle, &[&federation.0.0], &word(&file).1);
    file.extend_from_slice(&r);
    file.extend_from_slice(&s);
    Ok(file)
}

/// A request's body, what it says, and its signature: to the last byte.
fn parsed(file: &[u8]) -> Option<(&[u8], Request, Signature)> {
    let (body, signature) = file.split_last_chunk::<64>()?;
    let request: Request = wire::decode(body.strip_prefix(MAGIC)?, MAX_REQUEST).ok()?;
    let (r, s) = signature.split_first_chunk::<32>()?;
    Some((body, request, Signature::Ed25519([*r, s.try_into().ok()?])))
}

/// Whether bytes are a request, whole; whose it is, [`read`] tells.
#[must_use]
pub fn is_request(file: &[u8]) -> bool {
    file.len() <= MAX_REQUEST && parsed(file).is_some()
}

/// Whether bytes have the parts of an answer. What is sealed in it only its reader can tell: [`opens`].
#[must_use]
pub fn is_answer(file: &[u8]) -> bool {
    file.starts_with(ANSWER) && file.len() > ANSWER.len() + 32 + WRAPPED
}

/// Whether an answer opens for this node, and is text of an answer's kind in which no picture or recording is put. It is
/// closed again, and none of it is kept.
///
/// # Errors
///
/// [`NodeFault::NoKey`].
pub fn opens(node: &Node, file: &[u8]) -> Result<bool, ConsentFault> {
    let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
    let secret = secret.ok_or(NodeFault::NoKey("key to open what is sealed for it"))?;
    let federation = node.federation()?;
    let plain = || {
        let (about, rest) = file.strip_prefix(ANSWER)?.split_first_chunk::<32>()?;
        let (wrapped, sealed) = rest.split_first_chunk::<WRAPPED>()?;
        let info = [ANSWER_KEY, &federation.0.0, about].concat();
        envelope::unwrap(secret, &info, wrapped).ok()?.open(&info, sealed).ok()
    };
    let text = plain();
    let text = text.as_ref().and_then(|plain| std::str::from_utf8(plain).ok());
    // Looked over without a copy of anything that stands in it.
    let json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    Ok(text.is_some_and(|text| text.starts_with('{') && forbidden(text).is_none() && json(text)))
}

/// Reads a request, and makes sure of who asks.
///
/// # Errors
///
/// [`RequestFault`], tested in its order; a broken disk.
pub fn read(node: &Node, file: &[u8]) -> Result<Result<Asked, RequestFault>, ConsentFault> {
    let Some((body, request, signature)) = parsed(file) else {
        return Ok(Err(RequestFault::NotARequest));
    };
    if request.to != node.public().short() {
        return Ok(Err(RequestFault::NotForUs));
    }
    let (federation, (digest, word)) = (node.federation()?, word(body));
    let from = node.store().roster().node(&request.from);
    let theirs = from.is_some_and(|certificate| {
        certificate.transport.verifies(Context::Bundle, &[&federation.0.0], &word, &signature)
    });
    if !theirs {
        return Ok(Err(RequestFault::NotTheirs));
    }
    if let Err(why) = copies::stands(node, &request.from)? {
        return Ok(Err(why.into()));
    }
    let now = today(node)?;
    if request.on > now.plus(1) || now > request.on.plus(REQUEST_DAYS) {
        return Ok(Err(RequestFault::Stale));
    }
    let Request { from: node, grant, purpose, attributes, on, .. } = request;
    Ok(Ok(Asked { asking: Asking { grant, node, purpose, attributes }, on, digest }))
}

/// The requests that were answered of a household's, and of which days they were.
pub(crate) fn answered(
    vault: &Vault,
    id: HouseholdId,
) -> Result<Vec<([u8; 32], DayNo)>, ConsentFault> {
    let papers = vault.papers(id)?;
    let read = |bytes: &zeroize::Zeroizing<Vec<u8>>| {
        let (kind, digest, on): (u8, Hash, DayNo) = wire::decode(bytes, MAX_REQUEST).ok()?;
        (kind == PAPER).then_some((digest.0, on))
    };
    Ok(papers.iter().filter_map(read).collect())
}

impl Asked {
    fn name(&self) -> Vec<u8> {
        [b"answered".as_slice(), &self.digest.0].concat()
    }

    /// Whether it was answered before: a copy of the same file is not answered again.
    ///
    /// # Errors
    ///
    /// A broken file.
    pub fn is_answered(&self, vault: &Vault) -> Result<bool, ConsentFault> {
        Ok(vault.paper(&self.name())?.is_some())
    }

    /// Notes that it is answered, before it is.
    ///
    /// # Errors
    ///
    /// A broken or full disk.
    pub fn answer(&self, vault: &mut Vault, household: HouseholdId) -> Result<(), ConsentFault> {
        let mut txn = vault.begin()?;
        let paper = wire::encode(&(PAPER, self.digest, self.on));
        txn.put_paper(household, &self.name(), &paper)?;
        Ok(txn.commit()?)
    }
}

#[cfg(test)]
pub(crate) fn sample(n: u64) -> Vec<u8> {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&n.to_be_bytes());
    let request = Request {
        from: [1; 8],
        to: [2; 8],
        grant: GrantId([3; 16]),
        purpose: Purpose::Referral,
        attributes: Attributes::of([annona_ledger::consent::Attribute::Name]),
        on: DayNo(1),
        nonce,
    };
    [&MAGIC[..], &wire::encode(&request), &[0; 64]].concat()
}
