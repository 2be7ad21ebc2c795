//! One good value for each decoder: where a fuzzer begins, beside the vectors.

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Evidence, Proof as Piece};
use annona_ledger::broken::BrokenPromise;
use annona_ledger::charter::ArticleFork;
use annona_ledger::checkpoint::{Of, Page, Said, Working, chunks};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{CarrierKind, Control, CycleKey, Entry, FloatCover, Lot, Method, Owner};
use annona_ledger::entry::{Registry, Send, Value, Wrapped};
use annona_ledger::feed::leaf;
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::frontier::Frontier;
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{
    CarrierId, CommodityId, EntryName, FeedRef, Lane, MerchantId, Nonce, Pseudonym, Purse,
};
use annona_ledger::key::{Context, Signature, SigningKey};
use annona_ledger::leaf::{LeafId, leaves};
use annona_ledger::list::{Builder, ListFork, Row};
use annona_ledger::merkle::Paths;
use annona_ledger::receipt::{Heading, Receipt};
use annona_ledger::short_code::ShortCode;
use annona_ledger::statement::Statement as Says;
use annona_ledger::sync::frame::{Frame, Known};
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket};
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::view::View;
use annona_ledger::wallet::{CloneProof, Spend};
use annona_ledger::wire::{self, Bounded, Bytes};
use annona_node::audit::Proof;
use annona_node::holder::till::{Bill, Introduction, Signed};
use annona_node::person::{Field, Household};
use annona_node::tlog::leaf::Leaf;
use annona_node::tlog::note::{Checkpoint, Note, NoteKey, Says as NoteSays};

use super::listener::{Listener, feeds};
use super::peer::meetings;
use crate::cast::{CASH, CYCLE, Cast};
use crate::rng::Rng;

const AT: Minute = Minute(500);

/// Good values, each with the name of its decoder.
///
/// # Panics
///
/// Never: they are always the same.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let cast = Cast::draw(&mut Rng::new(1), 3);
    let listener = Listener::draw(1);
    let mut seeds = entries();
    seeds.extend(proofs(&cast));
    seeds.extend(checkpoints(&cast, &listener));
    seeds.extend(papers(&cast));
    for frame in listener.known.iter().chain(&listener.new) {
        seeds.push(("frame", frame[4..].to_vec()));
    }
    let frames = listener.known.iter().skip(1).chain(&listener.new);
    seeds.push(("audit_file", audit_file(&cast, frames)));
    seeds.extend(meetings().into_iter().map(|meeting| ("session", meeting)));
    seeds.push(("short_code", ShortCode::new(42).to_string().into_bytes()));
    let map = include_bytes!("../../../examples/maps/121-demo.toml");
    seeds.push(("map_file", map.to_vec()));
    seeds.push((
        "table_csv",
        b"name,size\n\"Abebe, T.\",3\r\nFatima;Noor\t\xd8\xa3\xd8\xb1\xd8\xb2,2\n".to_vec(),
    ));
    seeds
}

fn amount(units: u64) -> Amount {
    Amount::new(units).expect("below the limit")
}

fn entries() -> Vec<(&'static str, Vec<u8>)> {
    let (amount, at, method) = (amount(300), AT, Method::Pin);
    let name = EntryName {
        feed: FeedRef { node: [7; 8], lane: Lane::Value, programme: CASH },
        index: 5,
        accumulator: Hash([9; 32]),
    };
    let (cycle, commodity, purse) = (CYCLE, CommodityId(1), Purse([4; 16]));
    let ticket = Box::new(Ticket::Sent(sent(), Bounded::new(vec![sent()]).expect("one hop")));
    let values = [
        Value::Merchant { merchant: MerchantId([3; 16]) },
        Value::Issue { from: Lot(0), list: 1, row: 2, purse, amount, expires: AT, at },
        sent().moved.entry(),
        Value::Claim { ticket, at },
        Value::Redeem { lot: Lot(3), amount, merchant: 0, at, method },
        Value::Hold { lot: Lot(3), amount, merchant: 0, until: AT, at },
        Value::Post { hold: 4, at, method },
        Value::Drop { hold: 4, at },
        Value::Basket { entries: 3 },
        Value::Refund { redeem: 4, amount, at },
        Value::FloatRedeem { lot: Lot(2), home: name.feed, purse, amount, merchant: 0, at, method },
        Value::FloatCover(FloatCover { from: Lot(1), float: name, cycle, commodity, amount, at }),
        Value::End { at },
    ];
    let (pseudonym, carrier) = (Pseudonym([1; 16]), CarrierId([2; 16]));
    let registry = [
        Registry::Enrol { pseudonym, at },
        Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Paper, at },
        Registry::CarrierCancelled { carrier, at },
    ];
    let (cut, reason) = (Cut { seq: 2, head: Hash([8; 32]) }, Reason::Compromised);
    let key = CycleKey {
        programme: CASH,
        cycle,
        node: [4; 8],
        key: Hash([5; 32]),
        sealed: Wrapped([[6; 16]; 5]),
        at,
    };
    let control =
        [Control::Revoke { feed: name.feed, cut, reason, at }, Control::CycleKey(Box::new(key))];
    let of = |name, entry: Entry| (name, entry.encode());
    let mut seeds: Vec<_> = values.map(|v| of("entry_value", v.into())).into();
    seeds.extend(registry.map(|r| of("entry_registry", r.into())));
    seeds.extend(control.map(|c| of("entry_control", c.into())));
    seeds
}

fn sent() -> Sent {
    let send = Send {
        from: Lot(2),
        to: [5; 8],
        owner: Owner::Purse(Purse([4; 16])),
        cycle: CYCLE,
        commodity: CommodityId(1),
        amount: amount(70),
        expires: AT,
        at: AT,
    };
    let signature = SigningKey::from_seed(&[3; 32]).sign(
        Context::Promise,
        &[],
        b"whatever: it is not looked at",
    );
    Sent { node: [6; 8], index: 9, before: Hash([2; 32]), moved: Moved::Send(send), signature }
}

fn proofs(cast: &Cast) -> Vec<(&'static str, Vec<u8>)> {
    let (feed, [block, next]) = feeds(cast).swap_remove(0);
    let header = |block: &Block| Statement::Header(block.header, block.signature);
    let fork = ForkProof { feed, one: header(&block), other: Statement::Block(Box::new(next)) };
    let entry: Bytes<_> = Bytes::new(block.body.to_vec()).expect("one entry");
    let promise = Promise {
        feed: feed.short(),
        index: 0,
        before: block.header.before,
        entry: entry.clone(),
        signature: block.signature,
    };
    let path = Paths::new(vec![leaf(&entry)]).path(0).expect("the only one");
    let heading = Heading::of(&block.header);
    let provenance = Bounded::empty();
    let (signature, feed_name) = (block.signature, feed.short());
    let receipt = Receipt { feed: feed_name, entry, path, heading, signature, provenance };
    let piece = Piece { place: 0, bytes: Bytes::new(vec![9; 5]).expect("five bytes") };
    let evidence = Evidence(Bounded::new(vec![piece]).expect("one piece"));
    let [.., before, last] = &cast.articles[..] else { unreachable!("three articles") };
    let articles = ArticleFork { one: before.clone(), other: last.clone() };
    let broken = BrokenPromise {
        feed,
        promise: promise.clone(),
        last: Some((block.header, block.signature)),
    };
    let proof = Proof {
        federation: cast.federation,
        articles: Bounded::new(cast.articles.clone()).expect("three"),
        notices: Bounded::new(cast.notices[..1].to_vec()).expect("one"),
        receipt: receipt.clone(),
    };
    vec![
        ("header", wire::encode(&block.header)),
        ("block", wire::encode(&block)),
        ("evidence", wire::encode(&evidence)),
        ("promise", wire::encode(&promise)),
        ("ticket", wire::encode(&Ticket::Sent(sent(), Bounded::empty()))),
        ("ticket", wire::encode(&Ticket::Budget { epoch: 1, act: 0, line: 0 })),
        ("receipt", wire::encode(&receipt)),
        ("article", last.encode()),
        ("article_fork", articles.encode()),
        ("notice", cast.notices[0].encode()),
        ("fork_proof", wire::encode(&fork)),
        ("proof_file", proof.encode()),
        ("broken_promise", broken.encode()),
        (
            "working_row",
            Working::Chain { feed, blocks: 1, head: block.header.end(), stamp: AT }.row(CASH),
        ),
        ("log_leaf", Leaf::of(cast.federation, feed, &(block.header, block.signature)).encode()),
    ]
}

fn checkpoints(cast: &Cast, listener: &Listener) -> Vec<(&'static str, Vec<u8>)> {
    let known = feeds(cast).into_iter().map(|(feed, [block, _])| Known {
        feed,
        blocks: 1,
        head: block.header.end(),
    });
    let frontier = Frontier::new(known.collect()).expect("three tips");
    let (state, rows) = (listener.state(), listener.state().rows());
    let page = Page::new(state.charter(), &frontier, leaves(rows.clone()), Vec::new(), AT);
    let page = page.expect("few leaves");
    let leaf = page.state.first().expect("budgets were voted").id;
    let of_leaf = rows.into_iter().filter(|row| LeafId::of(row) == leaf);
    let chunks = chunks(&page, Of::State, leaf, of_leaf.collect()).expect("short rows");
    let said = Said {
        checkpoint: page.checkpoint.hash(),
        witness: cast.nodes[0].short(),
        time: AT,
        leaves: Bounded::new(vec![leaf]).expect("one"),
        holds: Bounded::new(vec![CASH]).expect("one"),
    };
    let cosigned = said.sign(&cast.federation, &SigningKey::from_seed(&[3; 32]));
    let mut seeds = vec![
        ("checkpoint", page.encode()),
        ("cosignature", wire::encode(&cosigned)),
        ("frontier", frontier.sketch().encode()),
    ];
    seeds.extend(chunks.iter().map(|chunk| ("state_chunk", chunk.encode())));
    seeds.extend(super::files::seeds(page, vec![cosigned], chunks));
    seeds
}

fn papers(cast: &Cast) -> Vec<(&'static str, Vec<u8>)> {
    let key = &cast.operators[0];
    let says = Says::Clock { node: [4; 8], clock: AT };
    let draft = |at| {
        let mut rows = Builder::new();
        let (purse, commodity) = (Purse([4; 16]), CommodityId(1));
        rows.push(&Row { row: 0, purse, commodity, amount: amount(9) }).expect("a row");
        rows.finish(cast.nodes[0].short(), CASH, CYCLE, at).expect("a list")
    };
    let approved = |at| {
        let draft = draft(at);
        let approval = draft.approve(&cast.federation, key);
        (draft, approval)
    };
    let fork = ListFork { one: approved(AT), other: approved(Minute(501)) };
    let mut family = Household { key: "17".to_owned(), ..Household::default() };
    let size = annona_node::person::Value::Number(4);
    family.whole.set(Field::Size, size).expect("a number of people");
    let family = family.encode().expect("a small household");
    let log = NoteKey::new("annona.example/log", NoteSays::Log, key.public()).expect("a name");
    let name = "annona.example/log".to_owned();
    let head = Checkpoint { name, size: 3, root: [5; 32] };
    let mut note = Note::new(head.text());
    note.sign(&log, key);
    vec![
        ("statement", says.sign(&cast.federation, key).encode()),
        ("clone_proof", copied(cast).encode()),
        ("wallet_paper", bill(cast).encode()),
        ("wallet_paper", shown(cast).encode()),
        ("wallet_paper", answer(cast).encode()),
        ("list_fork", fork.encode()),
        ("household", family.to_vec()),
        ("log_note", note.write().into_bytes()),
        ("log_note", log.to_string().into_bytes()),
    ]
}

fn spend(cast: &Cast, nonce: u8) -> (Spend, Signature) {
    let spend = Spend {
        programme: CASH,
        purse: Purse([4; 16]),
        node: cast.nodes[0].short(),
        nonce: Nonce([nonce; 16]),
        on: DayNo(3),
        commodity: CommodityId(1),
        amount: amount(9),
        counter: 1,
        previous: Hash::ZERO,
    };
    (spend, Says::Spend(spend).sign(&cast.federation, &cast.operators[0]).signature)
}

fn copied(cast: &Cast) -> CloneProof {
    let key = cast.operators[0].public();
    CloneProof::of(cast.federation, key, spend(cast, 1), spend(cast, 2))
}

fn bill(cast: &Cast) -> Bill {
    let (spend, _) = spend(cast, 1);
    let items = Bounded::new(vec![(spend.commodity, spend.amount)]).expect("one");
    let (programme, node, nonce, on) = (spend.programme, spend.node, spend.nonce, spend.on);
    Bill { federation: cast.federation, programme, node, nonce, on, items }
}

fn shown(cast: &Cast) -> Introduction {
    let keys = |key: &SigningKey| Bounded::new(vec![key.public()]).expect("one");
    Introduction {
        version: 1,
        sealing: [5; 32],
        salt: [6; 32],
        asked: [7; 16],
        first: 1,
        keys: keys(&cast.operators[0]),
        known: Bounded::new(vec![cast.operators[1].public()]).expect("one"),
    }
}

fn answer(cast: &Cast) -> Signed {
    let key = cast.operators[0].public();
    let card = annona_ledger::wallet::tied(&[6; 32], &key);
    let (programme, purse, until) = (CASH, Purse([4; 16]), DayNo(30));
    let holder = Says::Holder { programme, purse, key, card, until };
    let holder = (holder, holder.sign(&cast.federation, &cast.operators[1]));
    let spends = Bounded::new(vec![spend(cast, 1)]).expect("one");
    Signed { salt: [6; 32], holder, spends }
}

fn audit_file<'a>(cast: &Cast, frames: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = annona_node::audit::export::MAGIC.to_vec();
    bytes.extend_from_slice(&cast.federation.0.0);
    let mut count = 0;
    let mut rest: Vec<Frame> = frames.filter_map(|f| Frame::decode(&f[4..]).ok()).collect();
    // Articles, then notices, then feeds with their blocks.
    rest.retain(|f| matches!(f.kind(), 1..=4));
    let mut feeds = rest.split_off(rest.iter().position(|f| f.kind() == 3).unwrap_or(rest.len()));
    rest.extend(feeds.extract_if(.., |f| matches!(f.kind(), 1 | 2)));
    rest.sort_by_key(Frame::kind);
    for frame in rest.iter().chain(&feeds) {
        bytes.extend(frame.encode().expect("it fits a frame"));
        count += 1;
    }
    let digest = Hasher::new(Purpose::File).with(&bytes).finish();
    bytes.extend(Frame::Bye { count, digest }.encode().expect("a short frame"));
    bytes
}
