//! What the readers of this crate answer to what a file gives.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Vector;
use crate::admit::admit;
use crate::block::Block;
use crate::broken::{BrokenPromise, NotBroken};
use crate::charter::{ArticleFork, Charter, CharterRejection, SignedArticle};
use crate::checkpoint::{Chunk, Cosignature, Page, Working};
use crate::consent::{Asker, Attributes, Grant, Known, Purpose, Question, Secret, check};
use crate::cut::Cut;
use crate::entry::{Control, Entry};
use crate::fork::ForkProof;
use crate::hash::Hash;
use crate::id::{Commitment, FederationId, FeedId, Lane, OrgId, ProgrammeId};
use crate::insolvency;
use crate::key::{Context, Prepared, PublicKey, Signature};
use crate::limits;
use crate::list::{self, ListFork};
use crate::merkle::Path;
use crate::notice::{Roles, Roster, SignedNotice};
use crate::receipt::Receipt;
use crate::short_code::ShortCode;
use crate::state::{self, State};
use crate::statement::{Stated, Statement};
use crate::sync::frame::Frame;
use crate::ticket::{Moved, Promise, Sent, Ticket};
use crate::time::{DayNo, Minute};
use crate::wallet::CloneProof;
use crate::wire::{self, Bounded, Bytes, Name};

/// A good answer, or the word for what is wrong.
type Answer = Result<String, String>;

/// Whether an answer is that nothing is wrong. Of a fork proof it is an index.
pub(super) fn is_good(answer: &str) -> bool {
    answer == "good" || answer.starts_with("index ")
}

pub(super) fn answer(vector: &Vector) -> String {
    run(vector).unwrap_or_else(|wrong| wrong)
}

fn run(v: &Vector) -> Answer {
    match v.kind.as_str() {
        "integer of 64 bits" => decoded::<u64>(v),
        "truth value" => decoded::<bool>(v),
        "option of an integer of 32 bits" => decoded::<Option<u32>>(v),
        "list of at most 4 integers of 16 bits" => decoded::<Bounded<u16, 4>>(v),
        "at most 4 bytes" => decoded::<Bytes<4>>(v),
        "name" => decoded::<Name>(v),
        "entry" => Entry::decode(lane(v.one("lane")), v.one("bytes")).map_err(word).map(good),
        "promise" => promise(v),
        "ticket" => ticket(v),
        "block" => block(v, v.one("feed"), v.one("bytes")).map(good),
        "receipt" => receipt(v),
        "fork proof" => fork(v),
        "article" => article(v),
        "notice" => notice(v),
        "list" => frozen(v),
        "path" => path(v),
        "rows" => {
            let rows = v.all("row").map(<[u8]>::to_vec).collect();
            told(state::root(rows) == hash(v.one("root")), "Root")
        }
        "history" => history(v),
        "frame" => Frame::decode(v.one("bytes")).map_err(word).map(good),
        "broken promise" => broken(v),
        "article fork" => article_fork(v),
        "list fork" => list_fork(v),
        "statement" => statement(v),
        "clone of a wallet" => {
            let proof = CloneProof::decode(v.one("bytes")).map_err(word)?;
            proof.check().map_err(word).map(good)
        }
        "short code" => code(v),
        "prefix" => prefix(v),
        "draft" => draft(v),
        "checkpoint" => checkpoint(v),
        "cosignature" => cosignature(v),
        "rows of a checkpoint" => chunk(v),
        "working row" => Working::of_row(v.one("bytes")).map_err(word).map(good),
        "signature" => signature(v),
        "consent" => consent(v),
        "record of a consent" => Grant::decode(v.one("bytes")).map_err(word).map(good),
        other => unreachable!("no such kind: {other}"),
    }
}

fn good<T>(_: T) -> String {
    "good".to_owned()
}

fn told(holds: bool, wrong: &str) -> Answer {
    if holds { Ok(good(())) } else { Err(wrong.to_owned()) }
}

/// The name of what is wrong, with what it holds in brackets: `Trailing(1)`. Named fields are left out, and brackets with
/// such in them.
fn word(fault: impl Debug) -> String {
    let text = format!("{fault:?}");
    let (plain, named) =
        text.split_once(" {").map_or((&text[..], false), |(front, _)| (front, true));
    let end = if named { plain.find('(') } else { None };
    plain[..end.unwrap_or(plain.len())].to_owned()
}

fn decode<T: Serialize + DeserializeOwned>(v: &Vector) -> Result<T, String> {
    wire::decode(v.one("bytes"), limits::FRAME_BYTES).map_err(word)
}

fn decoded<T: Serialize + DeserializeOwned>(v: &Vector) -> Answer {
    decode::<T>(v).map(good)
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(bytes.try_into().expect("32 bytes"))
}

fn federation(v: &Vector) -> FederationId {
    FederationId(hash(v.one("federation")))
}

fn lane(bytes: &[u8]) -> Lane {
    wire::decode(bytes, 1).expect("a lane")
}

/// The 36 bytes of a feed as they enter signatures.
fn feed(bytes: &[u8]) -> FeedId {
    let bytes: [u8; 36] = bytes.try_into().expect("36 bytes");
    let node: PublicKey = wire::decode(&bytes[..33], 33).expect("a key");
    let programme = ProgrammeId(u16::from_be_bytes([bytes[34], bytes[35]]));
    FeedId { node, lane: lane(&bytes[33..34]), programme }
}

fn promise(v: &Vector) -> Answer {
    let promise: Promise = decode(v)?;
    let feed = feed(v.one("feed"));
    if promise.feed != feed.short() {
        return Err("Feed".to_owned());
    }
    told(promise.verifies(&federation(v), &feed.node), "Signature")
}

fn ticket(v: &Vector) -> Answer {
    let (ticket, feed) = (decode::<Ticket>(v)?, feed(v.one("feed")));
    let Ticket::Sent(sent, _) = &ticket else { return Err("Budget".to_owned()) };
    if matches!(sent.moved, Moved::Refund { .. }) {
        return Err("NotAddressed".to_owned());
    }
    // The hops of a file are of the same sender.
    let good = |sent: &Sent| sent.verifies(&federation(v), &feed.node, feed.programme);
    told(ticket.sends().all(good), "Signature")
}

fn block(v: &Vector, of: &[u8], bytes: &[u8]) -> Result<crate::block::Verified, String> {
    let block: Block = wire::decode(bytes, limits::FRAME_BYTES).map_err(word)?;
    block.verify(&federation(v), &feed(of)).map_err(word)
}

fn receipt(v: &Vector) -> Answer {
    let receipt: Receipt = decode(v)?;
    receipt.check(&federation(v), &feed(v.one("feed")).node).map_err(word).map(good)
}

fn fork(v: &Vector) -> Answer {
    let proof = ForkProof::decode(v.one("bytes")).map_err(word)?;
    let index = proof.verify(&federation(v)).ok_or_else(|| "nothing".to_owned())?;
    Ok(format!("index {index}"))
}

fn broken(v: &Vector) -> Answer {
    let proof = BrokenPromise::decode(v.one("bytes")).map_err(word)?;
    let minute = |name| Minute(u32::from_be_bytes(v.one(name).try_into().expect("4 bytes")));
    let cut: Cut = wire::decode(v.one("cut"), limits::FRAME_BYTES).expect("a cut");
    let index = proof.check(&federation(v), &cut, minute("since"), minute("now"));
    // The minute after which it is broken is no part of the answer.
    let named = |fault: NotBroken| word(fault).split('(').next().unwrap_or_default().to_owned();
    index.map(|index| format!("index {index}")).map_err(named)
}

fn shows(holds: bool) -> Answer {
    told(holds, "nothing")
}

fn article_fork(v: &Vector) -> Answer {
    let fork = ArticleFork::decode(v.one("bytes")).map_err(word)?;
    shows(!fork.verify(&charter(v).expect("a founding article")).is_empty())
}

fn list_fork(v: &Vector) -> Answer {
    let fork = ListFork::decode(v.one("bytes")).map_err(word)?;
    shows(fork.verify(&federation(v)).is_some())
}

/// The nine questions: whether anything is opened.
fn consent(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    let roster = roster(v, &charter);
    let grant = Grant::decode(v.one("bytes")).map_err(word)?;
    let secret = Secret::take(&mut v.one("secret").try_into().expect("32 bytes"));
    let stated = Stated::decode(v.one("word")).map_err(word)?;
    let said: Result<Vec<_>, _> =
        v.all("said").map(|b| wire::decode(b, limits::ENTRY_BYTES).map_err(word)).collect();
    let said = said?;
    let [o, p, r, s] = v.one("asker").try_into().expect("organisation and roles");
    let (org, roles) = (OrgId(u16::from_be_bytes([o, p])), Roles(u16::from_be_bytes([r, s])));
    let (purpose, rest) = v.one("question").split_first().expect("a purpose");
    let (attributes, day) = rest.split_at(4);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("4 bytes"));
    let question = Question {
        asker: Asker { org, roles },
        purpose: wire::decode::<Purpose>(&[*purpose], 1).map_err(word)?,
        attributes: Attributes(number(attributes)),
        on: DayNo(number(day)),
        written: v.all("written").next().map(|bytes| Commitment(hash(bytes))),
    };
    let hers = v.all("hers").next().map(|key| key.try_into().map(PublicKey::Ed25519));
    let hers = hers.transpose().expect("32 bytes");
    let known = Known::of(&grant, &secret, &stated, &said).by_her(hers);
    check(&charter.federation(), &roster, Some(&known), &question).map_err(word).map(good)
}

fn statement(v: &Vector) -> Answer {
    let said: Statement = wire::decode(v.one("statement"), limits::FRAME_BYTES).map_err(word)?;
    let stated = Stated::decode(v.one("bytes")).map_err(word)?;
    told(said.is_by(&federation(v), &stated), "Signature")
}

fn code(v: &Vector) -> Answer {
    let text = std::str::from_utf8(v.one("bytes")).expect("a text");
    text.parse::<ShortCode>().map_err(word).map(good)
}

/// Replays the blocks of one feed from its first.
fn prefix(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    let roster = roster(v, &charter);
    let blocks: Result<Vec<Block>, String> =
        v.all("block").map(|b| wire::decode(b, limits::FRAME_BYTES).map_err(word)).collect();
    let shown =
        insolvency::replay(&charter, &roster, &feed(v.one("feed")), blocks?).map_err(word)?;
    shown.map(|shown| format!("index {}", shown.index)).ok_or_else(|| "nothing".to_owned())
}

/// The charter of the articles given, if there are any.
fn charter(v: &Vector) -> Option<Charter> {
    let articles = v.all("article").map(|bytes| SignedArticle::decode(bytes).expect("an article"));
    articles.fold(None, |charter, article| Some(next(charter.as_ref(), &article).expect("good")))
}

fn next(charter: Option<&Charter>, article: &SignedArticle) -> Result<Charter, CharterRejection> {
    charter.map_or_else(|| Charter::found(article), |charter| charter.apply(article))
}

fn roster(v: &Vector, charter: &Charter) -> Roster {
    let mut roster = Roster::new();
    for bytes in v.all("notice") {
        let signed = SignedNotice::decode(bytes).expect("a notice");
        roster.learn(charter, &signed).expect("a good notice");
    }
    roster
}

fn article(v: &Vector) -> Answer {
    let article = SignedArticle::decode(v.one("bytes")).map_err(word)?;
    next(charter(v).as_ref(), &article).map_err(word).map(good)
}

fn notice(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    let notice = SignedNotice::decode(v.one("bytes")).map_err(word)?;
    roster(v, &charter).learn(&charter, &notice).map_err(word).map(good)
}

fn frozen(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    let entry = Entry::decode(Lane::Control, v.one("bytes")).map_err(word)?;
    let Entry::Control(Control::List(list)) = entry else { return Err("Kind".to_owned()) };
    let node = v.one("node").try_into().expect("8 bytes");
    list::check(&list, &node, &charter, &roster(v, &charter)).map_err(word).map(good)
}

fn path(v: &Vector) -> Answer {
    let path: Path = decode(v)?;
    let count = u32::from_be_bytes(v.one("count").try_into().expect("4 bytes"));
    told(path.verifies(&hash(v.one("leaf")), count, &hash(v.one("root"))), "Path")
}

/// Folds blocks of feeds, each after the feed it is of, and compares the root.
fn history(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    assert_eq!(charter.federation(), federation(v), "one federation");
    told(folded(v, charter)?.root() == hash(v.one("root")), "Root")
}

/// Folds blocks of feeds, each after the feed it is of.
fn folded(v: &Vector, charter: Charter) -> Result<State, String> {
    let (federation, roster) = (charter.federation(), roster(v, &charter));
    let mut state = State::new(charter, roster);
    assert_eq!(v.all("feed").count(), v.all("block").count(), "a feed for each block");
    for (of, bytes) in v.all("feed").zip(v.all("block")) {
        let of = feed(of);
        let block: Block = wire::decode(bytes, limits::FRAME_BYTES).map_err(word)?;
        let verified = block.verify(&federation, &of).map_err(word)?;
        let chain = state.trunk(&of);
        state.fold_block(chain, &verified).map_err(word)?;
    }
    Ok(state)
}

/// What a writer asks of itself.
fn draft(v: &Vector) -> Answer {
    let writer = feed(v.one("writer"));
    let mut state = folded(v, charter(v).expect("a founding article"))?;
    let entry = Entry::decode(writer.lane, v.one("bytes")).map_err(word)?;
    let chain = state.trunk(&writer);
    admit(&state, chain, &entry.into()).map_err(word).map(good)
}

fn page(bytes: &[u8]) -> Result<Page, String> {
    Page::decode(bytes).map_err(word)
}

fn checkpoint(v: &Vector) -> Answer {
    let charter = charter(v).expect("a founding article");
    page(v.one("bytes"))?.check(&charter).map_err(word).map(good)
}

fn cosignature(v: &Vector) -> Answer {
    let (charter, page) = (charter(v).expect("a founding article"), page(v.one("checkpoint"))?);
    let said = Cosignature::decode(v.one("bytes")).map_err(word)?;
    said.check(&page, &charter, &roster(v, &charter)).map_err(word).map(good)
}

fn chunk(v: &Vector) -> Answer {
    let page = page(v.one("checkpoint"))?;
    Chunk::decode(v.one("bytes")).map_err(word)?.check(&page).map_err(word).map(good)
}

/// Asks both verifiers: they have one answer.
fn signature(v: &Vector) -> Answer {
    let key = PublicKey::Ed25519(v.one("key").try_into().expect("32 bytes"));
    let (r, s) = v.one("bytes").split_at(32);
    let signature = Signature::Ed25519([r, s].map(|half| half.try_into().expect("64 bytes")));
    let context = Context::Promise;
    let message = v.one("message").strip_prefix(context.bytes()).expect("a promise");
    let holds = key.verifies(context, &[], message, &signature);
    let prepared = Prepared::new(&key);
    assert_eq!(prepared.is_some_and(|k| k.verifies(context, &[], message, &signature)), holds);
    told(holds, "Signature")
}
