//! One value of every variant of every wire type.

use super::{settled, spelling::of};
use crate::amount::Amount;
use crate::block::{Block, Proof};
use crate::charter::{Act, ArticleFork, NodeCut, SignedArticle, Twice};
use crate::checkpoint::{Chunk, Cosignature, Of, Page, Said, Spot, Used, Working};
use crate::consent::{
    Attribute, Attributes, Body, Exception, GrievanceStep, Outcome, People, Purpose, RefusalClass,
    Said as SaidOfPeople, Verdict, Withdrawal,
};
use crate::cut::{Cut, Reason};
use crate::entry::{
    CarrierKind, Control, CycleKey, Entry, FloatCover, Lot, Method, Owner, Registry, Send, Value,
    Wrapped,
};
use crate::feed::Head;
use crate::fork::{ForkProof, Statement};
use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, EntryName, FederationId, FeedRef, Lane, Nonce, OrgId, SlipId,
};
use crate::leaf::{Leaf, LeafId};
use crate::list::{Draft, ListFork, Row};
use crate::merkle;
use crate::notice::{NodeCertificate, Notice, Reserve};
use crate::receipt::{Heading, Receipt};
use crate::statement;
use crate::sync::frame::{Frame, From, Hello, Known};
use crate::sync::talk::{
    Apart, Buckets, Ids, Item, Letter, Need, NodeTips, Open, Over, Part, Point, Run, Section,
    Slice, Tip, Tips, Why,
};
use crate::testing::*;
use crate::ticket::{Moved, Promise, Sent, Ticket};
use crate::time::{DayNo, Minute};
use crate::wire::Bytes;

fn send() -> Send {
    Send {
        from: Lot(0),
        to: node(A),
        owner: Owner::Float,
        cycle: MAY,
        commodity: RICE,
        amount: Amount::ZERO,
        expires: LAST,
        at: NOW,
    }
}

fn cover() -> FloatCover {
    let float = EntryName { feed: feed_of(B), index: 0, accumulator: Hash::ZERO };
    let (cycle, commodity, amount) = (MAY, RICE, Amount::ZERO);
    FloatCover { from: Lot(0), float, cycle, commodity, amount, at: NOW }
}

fn moved() -> [Moved; 3] {
    let refund = Moved::Refund { redeem: 0, amount: Amount::ZERO, at: NOW };
    [Moved::Send(send()), Moved::Cover(cover()), refund]
}

fn sent() -> Sent {
    let before = Head { next: 0, accumulator: Hash::ZERO };
    ticket(&charter().federation(), A, before, Moved::Send(send()))
}

fn values() -> Vec<Value> {
    let (lot, amount, at, until, merchant_no, method) =
        (Lot(0), Amount::ZERO, NOW, LAST, 0, Method::Pin);
    let (from, list, row, purse, expires) = (lot, 0, 0, purse(0), LAST);
    let home = feed_of(A);
    let mut all = vec![
        Value::Merchant { merchant: merchant(1) },
        Value::Issue { from, list, row, purse, amount, expires, at },
        Value::Send(send()),
        Value::Claim { ticket: Box::new(FOOD_BUDGET), at },
        Value::Redeem { lot, amount, merchant: merchant_no, at, method },
        Value::Hold { lot, amount, merchant: merchant_no, until, at },
        Value::Post { hold: 0, at, method },
        Value::Drop { hold: 0, at },
        Value::Basket { entries: 1 },
        Value::Refund { redeem: 0, amount, at },
        Value::FloatRedeem { lot, home, purse, amount, merchant: merchant_no, at, method },
        Value::FloatCover(cover()),
    ];
    let (promise, receipt) = settled::evidence(&charter().federation());
    all.extend(settled::values(sent(), settled::shown(&promise, &receipt)));
    all
}

/// An entry of every kind; claims of both kinds of ticket.
pub(crate) fn entries() -> Vec<Entry> {
    let claim = Value::Claim { ticket: Box::new(Ticket::Sent(sent(), bounded([]))), at: NOW };
    let release = Box::new(Ticket::Release { epoch: 0, act: 0 });
    let release = Value::Claim { ticket: release, at: NOW };
    let values = values().into_iter().chain([claim, release]).map(Entry::Value);
    let registries = registries().into_iter().map(Entry::Registry);
    values.chain(registries).chain(controls().map(Entry::Control)).collect()
}

/// One of each thing that is said about people.
pub(crate) fn people() -> Vec<People> {
    let (on, due) = (DayNo::of(NOW), DayNo::of(NOW).plus(14));
    let [commitment, grant] = [1, 2].map(|n| Commitment(Hash([n; 32])));
    let (decider, outcome) = (OrgId(1), Outcome::Upheld);
    let word = |appeal, by: u8| {
        let said = statement::Statement::Decision { grievance: commitment, appeal, outcome, on };
        said.sign(&charter().federation(), &key(by))
    };
    let steps = [
        GrievanceStep::Opened { decider, due },
        GrievanceStep::Referred { decider, due },
        GrievanceStep::Decided { outcome, word: word(false, OPERATORS[0]) },
        GrievanceStep::Appealed { decider, due },
        GrievanceStep::AppealDecided { outcome, word: word(true, OPERATORS[1]) },
        GrievanceStep::TakenBack,
    ];
    let (attributes, purpose) = (Attributes::of([Attribute::Name]), Purpose::Referral);
    let class = RefusalClass::Authentication;
    let recipient = OrgId(3);
    let mut all = vec![
        People::ConsentGiven { commitment, issuer: OrgId(2), expires: on.plus(100), on },
        People::ConsentWithdrawn { commitment, reason: Withdrawal::Asked, on },
        People::Disclosed { commitment, grant, recipient, purpose, attributes, on },
        People::Erased { commitment, on },
        People::Refused { class, rule: 1, slip: SlipId([7; 16]), on },
    ];
    all.extend(steps.map(|step| People::Grievance { commitment, step, on }));
    all.push(People::Pair { pair: grant, verdict: Verdict::Distinct, on });
    all
}

fn registries() -> Vec<Registry> {
    let (pseudonym, carrier, at) = (holder(1), CarrierId([1; 16]), NOW);
    let mut all = vec![
        Registry::Enrol { pseudonym, at },
        Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Code, at },
        Registry::CarrierCancelled { carrier, at },
    ];
    all.extend(people().into_iter().map(Registry::People));
    all
}

fn controls() -> [Control; 6] {
    let federation = charter().federation();
    let frozen = list(&federation, TREASURY, &[1], NOW).0;
    let fault = Control::FaultSeen { feed: feed_of(A), index: 0, proof: Hash::ZERO };
    let clock = statement::Statement::Clock { node: node(A), clock: NOW };
    let word = clock.sign(&federation, &key(OPERATORS[0]));
    let (feed, cut, reason) = (feed_of(A), Cut::NOTHING, Reason::Lost);
    let given = CycleKey {
        programme: FOOD,
        cycle: MAY,
        node: node(B),
        key: Hash::ZERO,
        sealed: Wrapped([[0; 16]; 5]),
        at: NOW,
    };
    [
        Control::List(Box::new(frozen)),
        fault,
        Control::Revoke { feed, cut, reason, at: NOW },
        Control::ClockAnswer { clock: NOW, word, at: NOW },
        Control::CycleKey(Box::new(given)),
        Control::ErasureSeen { erased: Commitment(Hash([1; 32])), on: DayNo::of(NOW) },
    ]
}

fn frozen_draft(federation: &FederationId) -> Draft {
    list(federation, TREASURY, &[1], NOW).0.draft(node(TREASURY))
}

fn row() -> Row {
    Row { row: 0, purse: purse(0), commodity: RICE, amount: Amount::ZERO }
}

/// What an operator can say, each with her signature.
fn stated(federation: &FederationId) -> [(statement::Statement, statement::Stated); 13] {
    let (leaf, file, map, update) = (Hash::ZERO, Hash::ZERO, Hash::ZERO, true);
    let entry = statement::Statement::Entry { feed: feed_of(A), leaf };
    let import = statement::Statement::Import { node: node(A), file, map, update };
    let clock = statement::Statement::Clock { node: node(A), clock: NOW };
    let grievance = Commitment(Hash([1; 32]));
    let consent = statement::Statement::Consent { commitment: grievance };
    let (appeal, outcome, on) = (false, Outcome::Upheld, DayNo::of(NOW));
    let decision = statement::Statement::Decision { grievance, appeal, outcome, on };
    let handed = statement::Statement::HandedOut { feed: feed_of(A), leaf, why: Exception::NoCard };
    let (programme, purse, until) = (FOOD, purse(0), on);
    let carrier = CarrierId([0; 16]);
    let mandate =
        statement::Statement::Mandate { programme, purse, carrier, external: false, until };
    let (number, commodity, amount) = (SlipId([0; 16]), RICE, Amount::ZERO);
    let voucher =
        statement::Statement::Voucher { programme, purse, number, commodity, amount, until };
    let (body, yes, policy, nonce) = (Body::Finger, true, 0, Nonce([0; 16]));
    let attested = statement::Statement::Attested { programme, body, yes, policy, on, nonce };
    let pins = statement::Statement::File { to: node(A), file };
    let (key_, card) = (key(OPERATORS[0]).public(), grievance);
    let holder = statement::Statement::Holder { programme, purse, key: key_, card, until };
    let spend = statement::Statement::Spend(crate::wallet::tests::spend(1, leaf, 0));
    let back = statement::Statement::TakenBack { commitment: grievance };
    [
        entry, import, clock, consent, decision, handed, mandate, voucher, attested, pins, holder,
        spend, back,
    ]
    .map(|said| (said, said.sign(federation, &key(OPERATORS[0]))))
}

/// One frame of each kind, for those who have no article and block at hand.
pub(crate) fn every_frame() -> Vec<Frame> {
    let start = Head::start(&charter().federation(), &value(A));
    let block = seal(&charter().federation(), A, value(A), 0, start, &entries()[..1]);
    frames(&founding(), &block)
}

/// One frame of each kind.
fn frames(article: &SignedArticle, block: &Block) -> Vec<Frame> {
    let (charter, feed, hash) = (charter(), value(A), Hash::ZERO);
    let (header, signature) = (block.header, block.signature);
    let notice = roster(&charter).notices().next().expect("a notice").clone();
    let hello = Hello { version: 1, federation: charter.federation(), epoch: 0, charter: hash };
    let known = Known { feed, blocks: 0, head: Head { next: 0, accumulator: hash } };
    let piece = Proof { place: 0, bytes: Bytes::new(vec![0]).expect("small") };
    let statement = Statement::Header(header, signature);
    let fork = ForkProof { feed, one: statement.clone(), other: statement };
    let (kind, name, total, offset) = (0, hash, 0, 0);
    let bytes = Bytes::new(vec![0]).expect("small");
    let frames = vec![
        Frame::Hello(hello),
        Frame::Article(Box::new(article.clone())),
        Frame::Notice(Box::new(notice)),
        Frame::Feed(feed),
        Frame::Block(Box::new(block.clone())),
        Frame::Evidence { seq: 0, header: hash, pieces: bounded([piece]), last: true },
        Frame::Header { header, signature },
        Frame::ListRows { list: hash, rows: bounded([row()]) },
        Frame::BlobChunk { kind, name, total, offset, bytes },
        Frame::ForkProof(Box::new(fork)),
        Frame::Frontier(bounded([known])),
        Frame::Ack(bounded([known])),
        Frame::Bye { count: 0, digest: hash },
        Frame::From(From { node: feed.node, bundle: [0; 16], part: 1, programme: FOOD }),
        Frame::Outline(bounded([known])),
        Frame::Signed { count: 0, digest: hash, signature },
        Frame::Cosignature(Box::new(cosignature(&charter))),
        Frame::Chunk(Box::new(chunk())),
    ]
    .into_iter()
    .chain(talk(feed.short()))
    .collect::<Vec<_>>();
    let kinds: Vec<u8> = frames.iter().map(|frame| crate::wire::encode(frame)[0]).collect();
    assert_eq!(kinds, (0..=31).collect::<Vec<u8>>(), "one of each kind, in order");
    frames
}

/// One of each frame that only links have.
fn talk(feed: FeedRef) -> Vec<Frame> {
    let (check, point) = ([0; 4], Point { blocks: 0, check: [0; 4] });
    let section = Section { programme: FOOD, digest: [0; 16] };
    let open = Open {
        nonce: [0; 8],
        window: 4_096,
        budget: 0,
        slice: Slice::Nodes(bounded([feed.node])),
        sections: bounded([section]),
        loose: [0; 16],
    };
    let tips = bounded([NodeTips { node: feed.node, tips: bounded([Tip { place: 0, check }]) }]);
    let header = Hash::ZERO;
    let (checkpoint, leaf) = (header, LeafId { programme: FOOD, cycle: MAY });
    let items = [
        Item::Evidence { feed, seq: 0, header },
        Item::Rows { programme: FOOD, list: header },
        Item::Page,
        Item::State { checkpoint, of: Of::State, leaf, from: 0 },
    ];
    vec![
        Frame::Open(Box::new(open)),
        Frame::Buckets(Box::new(Buckets { part: Part::Feeds(FOOD), sums: bounded([[0; 4]]) })),
        Frame::Tips(Box::new(Tips { programme: FOOD, mask: 1, nodes: tips })),
        Frame::Ids(Box::new(Ids { mask: 1, ids: bounded([[0; 6]]) })),
        Frame::Follow(bounded([Run { from: 0, count: 1 }])),
        Frame::Need(Need { feed, points: bounded([point]) }),
        Frame::Apart(Apart { feed, above: 0, below: 1 }),
        Frame::Want(bounded(items)),
        Frame::Over(Over::Feed(feed)),
        Frame::Stop(feed),
        Frame::Taken(0),
        Frame::Busy { seconds: 0 },
        Frame::End(Why::Breach(1)),
        Frame::Letter(Box::new(letter())),
    ]
}

fn letter() -> Letter {
    Letter { until: DayNo(30), bytes: Bytes::new(vec![0]).expect("small") }
}

fn slices() -> [Slice; 3] {
    [Slice::Whole, Slice::Nodes(bounded([node(A)])), Slice::State]
}

fn whys() -> [Why; 7] {
    [
        Why::Done,
        Why::Version,
        Why::Federation,
        Why::Breach(1),
        Why::Stalled,
        Why::NotAMember,
        Why::Stopping,
    ]
}

fn said() -> Said {
    let leaf = LeafId { programme: FOOD, cycle: MAY };
    let (leaves, holds) = (bounded([leaf]), bounded([FOOD]));
    Said { checkpoint: Hash::ZERO, witness: node(A), time: NOW, leaves, holds }
}

fn cosignature(charter: &crate::charter::Charter) -> Cosignature {
    said().sign(&charter.federation(), &key(A))
}

fn chunk() -> Chunk {
    let leaf = LeafId { programme: FOOD, cycle: MAY };
    let rows = bounded([Bytes::new(vec![0]).expect("small")]);
    let path = merkle::path(&[Hash::ZERO, Hash::ZERO], 0).expect("a leaf");
    Chunk { checkpoint: Hash::ZERO, of: Of::State, leaf, rows, path }
}

fn page(charter: &crate::charter::Charter) -> Page {
    let head = Head { next: 1, accumulator: Hash::ZERO };
    let frontier = Frontier::new(vec![Known { feed: value(A), blocks: 1, head }]).expect("one");
    let id = LeafId { programme: FOOD, cycle: MAY };
    let leaves = vec![Leaf { id, rows: 1, root: Hash::ZERO }];
    Page::new(charter, &frontier, leaves.clone(), leaves, NOW).expect("short")
}

fn working() -> Vec<Working> {
    let (at, hash, cycle, commodity, owner) =
        (Spot { feed: feed_of(A), index: 0 }, Hash::ZERO, MAY, RICE, Owner::Float);
    let (amount, expires, first, carrier) = (Amount::ZERO, LAST, at, CarrierId([0; 16]));
    let head = Head { next: 1, accumulator: hash };
    let uses = [
        Used::Ticket(hash),
        Used::Float(hash),
        Used::Redemption(at),
        Used::Hold(at),
        Used::Row { node: node(A), list: 0, row: 0 },
    ];
    let federation = charter().federation();
    let mut rows = vec![
        Working::Chain { feed: value(A), blocks: 1, head, stamp: NOW },
        Working::Merchant { feed: feed_of(A), number: 0, merchant: merchant(1) },
        Working::Lot {
            at,
            origin: hash,
            owner,
            cycle,
            commodity,
            balance: 0,
            held: 0,
            expires,
            opened: 0,
        },
        Working::Same { at, first },
        Working::Pool { node: node(A), cycle, commodity, sums: [0; 3] },
        Working::Ticket {
            name: hash,
            from: Some(node(A)),
            index: 0,
            lot: Lot(0),
            to: node(B),
            owner,
            cycle,
            commodity,
            amount,
            expires,
            placed: true,
            claimed: Some(at),
        },
        Working::Hold { at, lot: at, amount, merchant: 0, until: LAST },
    ];
    rows.extend(uses.map(|what| Working::Used { what, at }));
    let (home, purse, stamp) = (feed_of(B), purse(0), NOW);
    rows.push(Working::Float {
        at,
        accumulator: hash,
        home,
        purse,
        cycle,
        commodity,
        amount,
        stamp,
    });
    rows.push(Working::Enrolled(holder(1)));
    rows.push(Working::Carrier(carrier, holder(1), CarrierKind::Card));
    rows.push(Working::Cancelled(carrier));
    rows.push(Working::CancelledAt { carrier, at });
    let list = Box::new(list(&federation, TREASURY, &[1], NOW).0);
    rows.push(Working::List { node: node(A), index: 0, list });
    rows.push(Working::Waiting { node: node(A), at });
    rows.push(Working::Fault { at, number: 1 });
    rows.push(Working::Entry { at, bytes: Bytes::new(vec![0]).expect("small") });
    let (cut, reason) = (Cut::NOTHING, Reason::Lost);
    rows.push(Working::Revoked { feed: feed_of(A), by: node(B), cut, reason });
    rows.push(Working::Ended { at, accumulator: hash });
    rows.push(Working::ClockWord { node: node(A), clock: NOW, operator: key(B).public() });
    rows.extend(settled::working(at));
    let (erased, on) = (Commitment(hash), DayNo::of(NOW));
    let said = people()
        .into_iter()
        .map(SaidOfPeople::People)
        .chain([SaidOfPeople::ErasureSeen { erased, on }]);
    rows.extend(said.map(|said| Working::Told { by: node(A), said }));
    rows.push(Working::Long { at, piece: 0, bytes: Bytes::new(vec![1; 2]).expect("short") });
    rows
}

/// Every wire type by name, with its shape: one paragraph for each variant.
pub(super) fn all() -> Vec<(&'static str, String)> {
    let charter = charter();
    let federation = charter.federation();
    let join = |shapes: Vec<String>| shapes.join("\n");
    let methods = Method::ALL;
    let kinds = [CarrierKind::Code, CarrierKind::Paper, CarrierKind::Card, CarrierKind::Phone];
    let owners = [Owner::Budget, Owner::Float, Owner::Reserve, purse_of(0)];
    let (registries, controls) = (registries(), controls());
    let (cut, reason) = (Cut::NOTHING, Reason::Lost);
    let reasons = [Reason::Lost, Reason::Compromised, Reason::Late, Reason::HandedOver];
    let tickets = [
        Ticket::Sent(sent(), bounded([sent()])),
        FOOD_BUDGET,
        Ticket::Release { epoch: 0, act: 0 },
    ];
    let start = Head::start(&federation, &value(A));
    let entries = [Entry::Value(values().remove(0))];
    let block = seal(&federation, A, value(A), 0, start, &entries);
    let bytes = entries[0].encode();
    let signature = block.signature;
    let promise = Promise {
        feed: feed_of(A),
        index: 0,
        before: start.accumulator,
        entry: Bytes::new(bytes.clone()).expect("small"),
        signature,
    };
    let receipt = Receipt {
        feed: feed_of(A),
        entry: Bytes::new(bytes.clone()).expect("small"),
        path: merkle::path(&[crate::feed::leaf(&bytes), Hash::ZERO], 0).expect("a leaf"),
        heading: Heading::of(&block.header),
        signature,
        provenance: bounded([sent()]),
    };
    let statements = [
        Statement::Header(block.header, signature),
        Statement::Promise(Box::new(promise.clone())),
        Statement::Block(Box::new(block.clone())),
    ];
    let article = founding();
    let organisation = charter.organisation(OrgId(1)).expect("the first").clone();
    let (org, key) = (OrgId(1), organisation.key);
    let mut acts: Vec<Act> = article.article.acts.iter().take(1).cloned().collect();
    acts.push(Act::Join { organisation, quorum: 1 });
    acts.push(Act::Leave { org, quorum: 1 });
    acts.push(Act::Rotate { org, key });
    acts.push(Act::Recover { org, key });
    acts.extend(article.article.acts.iter().skip(1).take(3).cloned());
    let (programme, commodity, rights, float) = (FOOD, RICE, Amount::ZERO, Amount::ZERO);
    acts.insert(6, Act::Ceiling { org, programme, commodity, rights, float });
    acts.push(Act::Fence { feed: feed_of(A), cut, reason });
    let (cycle, amount) = (MAY, Amount::ZERO);
    acts.push(Act::Release { feed: feed_of(A), cycle, commodity, amount, reserve: node(B) });
    let cuts = bounded([NodeCut { node: node(A), cut }]);
    acts.push(Act::Close { programme, cycle, cuts });
    let signatures = bounded(article.signatures.iter().copied().take(1));
    acts.push(Act::Heal {
        kept: Hash::ZERO,
        lost: Bytes::new(vec![0]).expect("small"),
        kept_by: signatures,
        lost_by: bounded(article.signatures.iter().copied().take(1)),
        twice: bounded([Twice { org, key: None }]),
        quorum: 1,
    });
    acts.push(Act::Succeed { federation, heads: [Hash::ZERO; 2] });
    acts.push(Act::Activate { lane: Lane::Value, kind: 64, size: 1, critical: true });
    let twice = [Twice { org, key: None }, Twice { org, key: Some(key) }];
    let notices: Vec<_> = roster(&charter).notices().map(|signed| signed.notice.clone()).collect();
    let mut notices: Vec<String> = notices.iter().map(of).collect();
    let replaces = Some(node(B));
    notices.push(of(&Notice::Node(NodeCertificate { replaces, ..certificate(&federation, 2, A) })));
    let (insured, programme, reserve, issued) = (node(A), FOOD, node(B), Minute(1));
    notices.push(of(&Notice::Reserve(Reserve { org, insured, programme, reserve, issued })));
    notices.sort();
    notices.dedup();
    let fork = ArticleFork { one: article.clone(), other: article.clone() };
    let draft = frozen_draft(&federation);
    let approval = draft.approve(&federation, &self::key(OPERATORS[0]));
    let one = (draft, approval);
    let list_fork = ListFork { one: one.clone(), other: one };
    assert_eq!(Minute::default(), Minute(0));
    vec![
        ("Method", join(methods.iter().map(of).collect())),
        ("CarrierKind", join(kinds.iter().map(of).collect())),
        ("Owner", join(owners.iter().map(of).collect())),
        ("Value", join(values().iter().map(of).collect())),
        ("settlement::Kind", join(settled::kinds().iter().map(of).collect())),
        ("settlement::Step", join(settled::steps().iter().map(of).collect())),
        ("settlement::Row", of(&settled::row())),
        ("settlement::Signing", of(&settled::signing(crate::settlement::Step::Verified))),
        ("day::Sum", of(&settled::sum())),
        ("BrokenPromise", of(&settled::broken(&promise))),
        ("Registry", join(registries.iter().map(of).collect())),
        ("Control", join(controls.iter().map(of).collect())),
        ("Moved", join(moved().iter().map(of).collect())),
        ("Reason", join(reasons.iter().map(of).collect())),
        ("Twice", join(twice.iter().map(of).collect())),
        ("Ticket", join(tickets.iter().map(of).collect())),
        ("Promise", of(&promise)),
        ("Block", of(&block)),
        ("Receipt", of(&receipt)),
        ("Statement", join(statements.iter().map(of).collect())),
        ("Stated", join(stated(&federation).iter().map(of).collect())),
        ("CloneProof", {
            let [one, other] = [1, 2].map(|n| crate::wallet::tests::spend(1, Hash::ZERO, n));
            of(&crate::wallet::tests::proof(one, other))
        }),
        ("Act", join(acts.iter().map(of).collect())),
        ("SignedArticle", of(&fork.one)),
        ("Notice", join(notices)),
        ("Row", of(&row())),
        ("ListFork", of(&list_fork)),
        ("Page", of(&page(&charter))),
        ("Said", of(&said())),
        ("Working", join(working().iter().map(of).collect())),
        ("Frame", join(frames(&article, &block).iter().map(of).collect())),
        ("Slice", join(slices().iter().map(of).collect())),
        ("Part", join([Part::Feeds(FOOD), Part::Loose].iter().map(of).collect())),
        ("Over", {
            let overs = [
                Over::Feed(feed_of(A)),
                Over::Item(Item::Page),
                Over::Budget,
                Over::Letter([0; 16]),
                Over::NotTaken([0; 16]),
            ];
            join(overs.iter().map(of).collect())
        }),
        ("Why", join(whys().iter().map(of).collect())),
    ]
}
