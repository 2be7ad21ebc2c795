//! What is read with what came before it: articles, notices, lists, histories.

use super::{Made, Vector};
use crate::block::Block;
use crate::charter::{Act, Article, Charter, SignedArticle};
use crate::entry::{CarrierKind, Control, Entry, List, Lot, Method, Owner, Registry, Send, Value};
use crate::feed::Head;
use crate::fixtures;
use crate::hash::{Hash, Purpose, hash, hash_one};
use crate::id::{CarrierId, FeedId, Lane, OrgId, ProgrammeId};
use crate::key::Context;
use crate::notice::{
    NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Reserve, Roles, SignedNotice,
};
use crate::state::{self, State};
use crate::testing::*;
use crate::ticket::{Moved, Sent, Ticket};
use crate::time::Minute;
use crate::view::{Pool, View};
use crate::wire::{self, Bounded};

pub(super) fn all() -> Made {
    [articles(), notices(), lists(), rows(), histories()].into_iter().flatten().collect()
}

pub(super) type Given = Vec<(&'static str, Vec<u8>)>;

pub(super) fn founded() -> (&'static str, Vec<u8>) {
    ("article", founding().encode())
}

/// An article with the ordinary signatures of organisations, in the order given.
pub(super) fn signed(charter: &Charter, article: Article, by: &[u8]) -> SignedArticle {
    fixtures::signed(article, &charter.federation(), by.iter().copied())
}

/// An article of one act after the founding, signed by all.
pub(super) fn decides(charter: &Charter, act: Act) -> SignedArticle {
    signed(charter, charter.draft(bounded([act])), &[1, 2, 3])
}

fn articles() -> Made {
    let (charter, first) = (charter(), founding());
    let good = next_article(&charter).article;
    let all = |change: fn(&mut Article)| {
        let mut other = good.clone();
        change(&mut other);
        signed(&charter, other, &[1, 2, 3])
    };
    let by = |by: &[u8]| signed(&charter, good.clone(), by);
    let mut forged = by(&[1, 2, 3]).signatures.into_vec();
    forged[2].1 = forged[1].1;
    let forged = SignedArticle { article: good.clone(), signatures: bounded(forged) };
    let two = bounded(first.signatures.iter().copied().take(2));
    let two = SignedArticle { article: first.article.clone(), signatures: two };
    let acts = first.article.acts.clone();
    let again = signed(&charter, charter.draft(acts), &[1, 2, 3]);
    let leave = Act::Leave { org: OrgId(9), quorum: 2 };
    let rows = [
        ("charter/founding", "good", None, first),
        ("charter/founding_not_signed_by_all", "NewcomerUnsigned", None, two),
        ("charter/founding_again", "FoundMisplaced", Some(()), again),
        ("charter/next", "good", Some(()), by(&[1, 2])),
        ("charter/epoch_left_out", "EpochNotNext", Some(()), all(|a| a.epoch = 2)),
        ("charter/other_previous", "PreviousNotHead", Some(()), all(|a| a.previous = Hash::ZERO)),
        ("charter/no_acts", "NoActs", Some(()), all(|a| a.acts = Bounded::empty())),
        ("charter/unknown_organisation", "UnknownOrganisation", Some(()), decides(&charter, leave)),
        ("charter/signers_not_in_order", "SignersNotRising", Some(()), by(&[2, 1])),
        ("charter/signer_without_a_say", "UnknownSigner", Some(()), by(&[1, 2, 4])),
        ("charter/signature_of_another", "BadSignature", Some(()), forged),
        ("charter/quorum_missing", "QuorumMissing", Some(()), by(&[1])),
    ];
    let made = |(name, answer, after, article): (_, _, Option<()>, SignedArticle)| {
        let given: Given = after.map(|()| founded()).into_iter().collect();
        let bytes = ("bytes", article.encode());
        (name, Vector::new("article", answer, given.into_iter().chain([bytes]).collect()))
    };
    rows.into_iter().map(made).collect()
}

pub(super) fn operator(seed: u8, org: u16, roles: OperatorRoles) -> Notice {
    Notice::Operator(OperatorCertificate {
        org: OrgId(org),
        operator: key(seed).public(),
        site: crate::id::SiteId(1),
        roles,
        programmes: bounded([FOOD]),
        issued: Minute(0),
        not_after: Minute(1_000),
    })
}

pub(super) fn said(by: u8, notice: Notice) -> SignedNotice {
    fixtures::said(&charter(), by, notice)
}

fn reserve(change: fn(&mut Reserve)) -> Notice {
    let (org, programme, issued) = (OrgId(2), FOOD, Minute(0));
    let mut reserve = Reserve { org, insured: node(A), programme, reserve: node(B), issued };
    change(&mut reserve);
    Notice::Reserve(reserve)
}

fn notices() -> Made {
    let charter = charter();
    let certificate = certificate(&charter.federation(), 2, A);
    let with = |change: fn(&mut NodeCertificate)| {
        let mut other = certificate.clone();
        change(&mut other);
        said(2, Notice::Node(other))
    };
    let good = Notice::Node(certificate.clone());
    let trailing = |mut bytes: Vec<u8>| {
        bytes.push(0);
        bytes
    };
    let rows = [
        ("notice/good", "good", said(2, good.clone()).encode()),
        ("notice/signed_by_another", "BadSignature", said(3, good.clone()).encode()),
        ("notice/organisation", "UnknownOrganisation", with(|c| c.org = OrgId(9)).encode()),
        (
            "notice/programme",
            "UnknownProgramme",
            with(|c| c.programmes = bounded([FOOD, ProgrammeId(9)])).encode(),
        ),
        ("notice/not_rising", "NotRising", with(|c| c.programmes = bounded([FOOD; 2])).encode()),
        ("notice/one_key_for_two", "SameKey", with(|c| c.transport = c.node).encode()),
        ("notice/no_role", "NoRole", with(|c| c.roles = Roles::NONE).encode()),
        (
            "notice/ends_before_it_begins",
            "TimesNotInOrder",
            with(|c| c.issued = Minute(1_001)).encode(),
        ),
        ("notice/node_did_not_accept", "NotAccepted", with(|c| c.sealing = [0; 32]).encode()),
        ("notice/reserve", "good", said(2, reserve(|_| ())).encode()),
        ("notice/reserve_that_is_the_insured", "SameKey", {
            said(2, reserve(|r| r.reserve = r.insured)).encode()
        }),
        ("notice/reserve_said_by_another", "BadSignature", said(3, reserve(|_| ())).encode()),
        ("notice/reserve_of_no_programme", "UnknownProgramme", {
            said(2, reserve(|r| r.programme = ProgrammeId(9))).encode()
        }),
        ("notice/reserve_of_no_organisation", "UnknownOrganisation", {
            said(2, reserve(|r| r.org = OrgId(9))).encode()
        }),
        ("notice/trailing_byte", "Trailing(1)", trailing(said(2, good).encode())),
    ];
    let more = operators().into_iter().chain(cycles());
    let more = more.map(|(name, answer, signed)| (name, answer, signed.encode()));
    let made = |(name, answer, bytes)| {
        (name, Vector::new("notice", answer, vec![founded(), ("bytes", bytes)]))
    };
    rows.into_iter().chain(more).map(made).collect()
}

type Said = (&'static str, &'static str, SignedNotice);

fn operators() -> [Said; 8] {
    let good = operator(OPERATORS[0], 2, OperatorRoles::APPROVER);
    let with = |change: fn(&mut OperatorCertificate)| {
        let Notice::Operator(mut other) = good.clone() else { unreachable!("an operator") };
        change(&mut other);
        said(2, Notice::Operator(other))
    };
    [
        ("notice/operator", "good", said(2, good.clone())),
        ("notice/operator_of_no_organisation", "UnknownOrganisation", with(|c| c.org = OrgId(9))),
        ("notice/operator_of_no_programme", "UnknownProgramme", {
            with(|c| c.programmes = bounded([FOOD, ProgrammeId(9)]))
        }),
        ("notice/operator_said_by_another", "BadSignature", said(3, good.clone())),
        ("notice/operator_not_rising", "NotRising", with(|c| c.programmes = bounded([FOOD; 2]))),
        // A point of order four.
        ("notice/operator_weak_key", "WeakKey", {
            with(|c| c.operator = crate::key::PublicKey::Ed25519([0; 32]))
        }),
        ("notice/operator_no_role", "NoRole", with(|c| c.roles = OperatorRoles::NONE)),
        ("notice/operator_ends_before_it_begins", "TimesNotInOrder", {
            with(|c| c.issued = Minute(1_001))
        }),
    ]
}

fn cycles() -> [Said; 7] {
    let with = |change: fn(&mut crate::notice::Cycle)| {
        let mut cycle = may();
        change(&mut cycle);
        said(1, Notice::Cycle(cycle))
    };
    [
        ("notice/cycle", "good", with(|_| ())),
        ("notice/cycle_of_no_programme", "UnknownProgramme", {
            with(|c| c.programme = ProgrammeId(9))
        }),
        // The programme is the first organisation's.
        ("notice/cycle_said_by_another", "BadSignature", said(2, Notice::Cycle(may()))),
        ("notice/cycle_closes_as_it_opens", "TimesNotInOrder", with(|c| c.closes = c.opens)),
        ("notice/cycle_closes_before_it_opens", "TimesNotInOrder", {
            with(|c| (c.opens, c.closes) = (c.closes, c.opens))
        }),
        ("notice/cycle_expires_before_it_closes", "TimesNotInOrder", {
            with(|c| c.expires = c.opens)
        }),
        ("notice/cycle_expires_at_the_beginning", "TimesNotInOrder", {
            with(|c| c.expires = Minute(0))
        }),
    ]
}

/// Approved by the operators of these seeds, in this order.
fn approved(draft: &crate::list::Draft, by: [u8; 2]) -> List {
    let approvals = by.map(|seed| draft.approve(&charter().federation(), &key(seed)));
    List { approvals, ..draft.clone().approved(approvals[0], approvals[1]) }
}

fn lists() -> Made {
    let federation = charter().federation();
    let (good, _) = list(&federation, TREASURY, &[5, 7], NOW);
    let draft = good.draft(node(TREASURY));
    let in_order =
        good.approvals.map(|a| OPERATORS.into_iter().find(|s| key(*s).public() == a.operator));
    let [low, high] = in_order.map(|seed| seed.expect("one of two"));
    let with = |change: fn(&mut crate::list::Draft)| {
        let mut other = draft.clone();
        change(&mut other);
        approved(&other, [low, high])
    };
    let partner = |seed: u8| {
        let seeds = if key(seed).public() < key(low).public() { [seed, low] } else { [low, seed] };
        approved(&draft, seeds)
    };
    let rows = [
        ("list/good", "good", good.clone()),
        ("list/no_rows", "NoRows", with(|d| d.rows = 0)),
        ("list/no_totals", "TotalsNotRising", with(|d| d.totals = bounded([]))),
        ("list/fewer_units_than_rows", "TotalsBelowRows", with(|d| d.rows = 13)),
        ("list/cycle_not_opened", "UnknownCycle", with(|d| d.cycle = crate::id::CycleId(6))),
        ("list/one_person_twice", "SameOperator", approved(&draft, [low, low])),
        ("list/approvals_not_in_order", "ApprovalsNotRising", approved(&draft, [high, low])),
        ("list/unknown_operator", "UnknownOperator", partner(64)),
        ("list/operator_of_another", "OtherOrganisation", partner(62)),
        ("list/cashier", "NotApprover", partner(63)),
        ("list/approved_for_another_node", "BadSignature", with(|d| d.node = node(A))),
        ("list/changed_after_approval", "BadSignature", List { at: Minute(101), ..good }),
    ];
    let treasury = Notice::Node(certificate(&federation, 1, TREASURY));
    let approver = |seed| operator(seed, 1, OperatorRoles::APPROVER);
    let mut notices = vec![said(1, treasury), said(1, Notice::Cycle(may()))];
    notices.extend([low, high].map(|seed| said(1, approver(seed))));
    let extra = |name: &str| match name {
        "list/operator_of_another" => Some(said(2, operator(62, 2, OperatorRoles::APPROVER))),
        "list/cashier" => Some(said(1, operator(63, 1, OperatorRoles::CASHIER))),
        _ => None,
    };
    let made = |(name, answer, list): (_, _, List)| {
        let known = notices.iter().cloned().chain(extra(name));
        let mut given = vec![founded()];
        given.extend(known.map(|notice| ("notice", notice.encode())));
        given.push(("node", node(TREASURY).to_vec()));
        given.push(("bytes", Entry::Control(Control::List(Box::new(list))).encode()));
        (name, Vector::new("list", answer, given))
    };
    rows.into_iter().map(made).collect()
}

fn may() -> crate::notice::Cycle {
    *roster(&charter()).cycle(FOOD, MAY).expect("May is open")
}

/// A root over rows, as somebody computed it who does not sort, counts once what is there twice, or hashes otherwise.
fn rows() -> Made {
    let who = |n| state::enrolled_bytes(FOOD, &holder(n));
    // Of one leaf, written out once more as the page has it.
    let under = |count: u32, leaf: Hash| hash(Purpose::State, &[&count.to_be_bytes()[..], &leaf.0]);
    let leaf = |rows: &[Vec<u8>], said: u32, purpose: Purpose| {
        let hashes: Vec<Hash> = rows.iter().map(|row| hash_one(purpose, row)).collect();
        let root = crate::merkle::root(&hashes);
        let (programme, cycle) = (FOOD.0.to_be_bytes(), 0u16.to_be_bytes());
        hash(Purpose::StateTable, &[&programme[..], &cycle, &said.to_be_bytes(), &root.0])
    };
    let one = |rows: &[Vec<u8>], purpose| under(1, leaf(rows, rows.len() as u32, purpose));
    let (three, unsorted) = ([who(1), who(2), who(3)], [who(2), who(3), who(1)]);
    let twice = [who(1), who(1), who(2)];
    let row = Purpose::StateRow;
    let rows = [
        ("state/rows", "good", &unsorted, one(&three, row)),
        ("state/rows_not_sorted", "Root", &unsorted, one(&unsorted, row)),
        ("state/row_twice_counted_once", "Root", &twice, one(&twice[1..], row)),
        ("state/rows_of_another_purpose", "Root", &three, one(&three, Purpose::ListRow)),
        ("state/rows_of_another_count", "Root", &three, under(1, leaf(&three, 4, row))),
        ("state/leaves_of_another_count", "Root", &three, under(2, leaf(&three, 3, row))),
        ("state/rows_as_the_root", "Root", &three, leaf(&three, 3, row)),
    ];
    let made = |(name, answer, rows, root): (_, _, &[Vec<u8>; 3], Hash)| {
        let given = rows.iter().map(|row| ("row", row.clone())).chain([("root", root.0.to_vec())]);
        (name, Vector::new("rows", answer, given.collect()))
    };
    rows.into_iter().map(made).collect()
}

/// A feed of a history: blocks are sealed one after the other.
pub(super) struct Log {
    seed: u8,
    feed: FeedId,
    head: Head,
    blocks: Vec<Block>,
}

impl Log {
    pub(super) fn new(seed: u8, lane: Lane) -> Self {
        let feed = on(seed, lane);
        let head = Head::start(&charter().federation(), &feed);
        Self { seed, feed, head, blocks: Vec::new() }
    }

    pub(super) fn seal(&mut self, entries: &[Entry]) -> (FeedId, Block) {
        let seq = self.blocks.len() as u64;
        let block = seal(&charter().federation(), self.seed, self.feed, seq, self.head, entries);
        self.head = block.header.end();
        self.blocks.push(block.clone());
        (self.feed, block)
    }
}

fn send(from: u64, owner: Owner, amount: u64) -> Moved {
    let (from, to, amount) = (Lot(from), node(A), units(amount));
    let (cycle, commodity, expires, at) = (MAY, RICE, LAST, NOW);
    Moved::Send(Send { from, to, owner, cycle, commodity, amount, expires, at })
}

pub(super) fn claim(ticket: Ticket) -> Entry {
    Entry::Value(Value::Claim { ticket: Box::new(ticket), at: NOW })
}

/// One family: listed, issued, sent to A, served there; and the rest of the budget sent as float, not yet claimed.
pub(super) fn family() -> Vec<(FeedId, Block)> {
    let federation = charter().federation();
    let (amount, at, method, expires) = (units(5), NOW, Method::Pin, LAST);
    let (frozen, _) = list(&federation, TREASURY, &[5], NOW);
    let issue =
        Value::Issue { from: Lot(0), list: 0, row: 0, purse: purse(0), amount, expires, at };
    let opening = [claim(FOOD_BUDGET), Entry::Value(issue)];
    let before = opening
        .iter()
        .fold(Head::start(&federation, &on(TREASURY, Lane::Value)), |h, e| h.after(&e.encode()));
    let moved = send(1, purse_of(0), 5);
    let sent: Sent = ticket(&federation, TREASURY, before, moved);
    let [to_a, float] = [moved, send(0, Owner::Float, 95)].map(|m| Entry::Value(m.entry()));
    let [claimed, issued] = opening;
    let redeem = Value::Redeem { lot: Lot(1), amount: units(2), merchant: 0, at, method };
    let (pseudonym, carrier, kind) = (holder(1), CarrierId([1; 16]), CarrierKind::Paper);
    let registered = [
        Registry::Enrol { pseudonym, at },
        Registry::CarrierBound { pseudonym, carrier, kind, at },
        Registry::CarrierCancelled { carrier, at },
    ];
    vec![
        Log::new(TREASURY, Lane::Control).seal(&[Entry::Control(Control::List(Box::new(frozen)))]),
        Log::new(TREASURY, Lane::Value).seal(&[claimed, issued, to_a, float]),
        Log::new(A, Lane::Registry).seal(&registered.map(Entry::Registry)),
        Log::new(A, Lane::Value).seal(&[
            Entry::Value(Value::Merchant { merchant: merchant(1) }),
            claim(Ticket::Sent(sent, bounded([]))),
            Entry::Value(redeem),
        ]),
    ]
}

/// The state after blocks, which are all good.
fn folded(blocks: &[(FeedId, Block)]) -> State {
    let charter = charter();
    let (federation, roster) = (charter.federation(), roster(&charter));
    let mut state = State::new(charter, roster);
    for (feed, block) in blocks {
        let chain = state.trunk(feed);
        let block = block.verify(&federation, feed).expect("a good block");
        state.fold_block(chain, &block).expect("the next of its chain");
    }
    assert_eq!(state.faults().next(), None, "nobody does wrong here");
    state
}

/// The root with the pools that are all zero, which do not belong in it.
fn root_with_empty_pools(state: &State) -> Hash {
    let feed = |at: &crate::view::At| state.chain(at.chain).feed.short();
    let lots = state.lots().map(|(at, lot)| state::lot_bytes(&feed(at), lot));
    let pools = state.pools().map(|(key, pool)| state::pool_bytes(key, pool));
    let tickets = state.tickets().map(|(name, row)| state::ticket_bytes(name, row));
    assert!(state.pools().any(|(_, pool)| *pool == Pool::default()), "one is empty");
    state::root(lots.chain(pools).chain(tickets).collect())
}

fn histories() -> Made {
    let (federation, known) = (charter().federation(), roster(&charter()));
    let given = |blocks: &[(FeedId, Block)], root: Hash| {
        let mut given = vec![("federation", federation.0.0.to_vec()), founded()];
        given.extend(known.notices().map(|notice| ("notice", notice.encode())));
        for (feed, block) in blocks {
            given.push(("feed", feed.bytes().to_vec()));
            given.push(("block", wire::encode(block)));
        }
        given.push(("root", root.0.to_vec()));
        given
    };
    let family = family();
    let good = folded(&family);
    let mut treasury = Log::new(TREASURY, Lane::Value);
    let first = treasury.seal(&[claim(FOOD_BUDGET)]);
    let second = treasury.seal(&[Entry::Value(send(0, Owner::Float, 100).entry())]);
    let two = [first.clone(), second];
    let (one, both) = (folded(&two[..1]), folded(&two));
    let mut later = first.clone();
    later.1.header.epoch = 1;
    let scope: [&[u8]; 2] = [&federation.0.0, &later.0.bytes()];
    let header = wire::encode(&later.1.header);
    later.1.signature = key(TREASURY).sign(Context::Header, &scope, &header);
    let elsewhere = (value(A), first.1.clone());
    let rows = [
        ("state/history", "good", given(&family, good.root())),
        ("state/root_before_the_last_block", "Root", given(&two, one.root())),
        ("state/root_with_an_empty_pool", "Root", given(&two, root_with_empty_pools(&both))),
        ("state/block_left_out", "Gap", given(&two[1..], both.root())),
        ("state/block_twice", "Gap", given(&[first.clone(), first], one.root())),
        ("state/block_of_a_later_epoch", "Epoch(1)", given(&[later], one.root())),
        ("state/block_of_another_feed", "Signature", given(&[elsewhere], one.root())),
    ];
    rows.map(|(name, answer, given)| (name, Vector::new("history", answer, given))).into()
}
