//! What can be read by itself: values, entries, single entries that travel, blocks, proofs, paths.

use super::{Made, Vector};
use crate::block::Block;
use crate::entry::{Entry, Lot, Method, Owner, Send, Value};
use crate::feed::{Head, leaf};
use crate::fork::{ForkProof, Statement};
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{FeedId, Lane};
use crate::key::{Signature, odd};
use crate::merkle;
use crate::receipt::{Heading, Receipt};
use crate::testing::*;
use crate::ticket::{Moved, Promise, Sent, Ticket, sign_place};
use crate::wire::{self, Bytes};

pub(super) fn all() -> Made {
    let areas = [encoding(), entries(), promises(), tickets(), blocks(), receipts(), forks()];
    areas.into_iter().flatten().chain(paths()).chain(signatures()).collect()
}

/// What libraries answer differently, and this one in one way.
fn signatures() -> Made {
    let made = |case: odd::Case| {
        let Signature::Ed25519([r, s]) = case.signature;
        let name: &'static str = format!("signature/{}", case.name).leak();
        let given = vec![
            ("key", case.key.bytes().to_vec()),
            ("message", [&odd::CONTEXT.bytes()[..], &case.message].concat()),
            ("bytes", [r, s].concat()),
        ];
        (name, Vector::new("signature", if case.good { "good" } else { "Signature" }, given))
    };
    odd::cases().into_iter().map(made).collect()
}

/// Vectors of one kind: name, answer, bytes, and before the bytes what every one of them needs.
fn of(kind: &str, needs: &[(&str, Vec<u8>)], rows: Vec<(&'static str, &str, Vec<u8>)>) -> Made {
    let made = |(name, answer, bytes)| {
        let given = needs.iter().cloned().chain([("bytes", bytes)]).collect();
        (name, Vector::new(kind, answer, given))
    };
    rows.into_iter().map(made).collect()
}

fn federation() -> (&'static str, Vec<u8>) {
    ("federation", charter().federation().0.0.to_vec())
}

fn feed(feed: &FeedId) -> (&'static str, Vec<u8>) {
    ("feed", feed.bytes().to_vec())
}

fn trailing(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(0);
    bytes
}

fn cut_short(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() - 1].to_vec()
}

fn changed<T: Clone>(value: &T, change: impl FnOnce(&mut T)) -> T {
    let mut other = value.clone();
    change(&mut other);
    other
}

/// What the vectors of blocks, promises and receipts are about.
fn redeem() -> Entry {
    let (lot, amount, method) = (Lot(2), units(300), Method::Pin);
    Entry::Value(Value::Redeem { lot, amount, merchant: 0, at: NOW, method })
}

fn start() -> Head {
    Head::start(&charter().federation(), &value(A))
}

/// A block of A at a place, with what was at its counter.
fn sealed(seq: u64, after: Head, entries: &[Entry]) -> Block {
    seal(&charter().federation(), A, value(A), seq, after, entries)
}

fn encoding() -> Made {
    let kind = |kind, rows| of(kind, &[], rows);
    let integer = vec![
        ("encoding/integer", "good", vec![0xac, 0x02]),
        ("encoding/integer_over_long", "NotCanonical", vec![0xac, 0x82, 0x00]),
        ("encoding/integer_cut_short", "Malformed", vec![0xac]),
        ("encoding/integer_of_65_bits", "Malformed", [vec![0xff; 9], vec![0x02]].concat()),
        ("encoding/integer_of_11_bytes", "Malformed", [vec![0x80; 10], vec![0x00]].concat()),
        ("encoding/integer_and_a_byte", "Trailing(1)", vec![0xac, 0x02, 0x00]),
    ];
    let list = vec![
        ("encoding/list_longer_than_its_limit", "Malformed", vec![5, 1, 2, 3, 4, 5]),
        ("encoding/list_of_more_than_there_is", "Malformed", vec![4, 1, 2, 3]),
        ("encoding/list_of_four_thousand_million", "Malformed", vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("encoding/list_with_over_long_length", "NotCanonical", vec![0x82, 0x00, 1, 2]),
    ];
    let name = vec![
        ("encoding/name", "good", b"\x04Rice".to_vec()),
        ("encoding/name_of_nothing", "Malformed", vec![0]),
        ("encoding/name_not_utf_8", "Malformed", vec![1, 0xff]),
        ("encoding/name_that_turns_round", "Malformed", "\x07\u{202e}eciR".into()),
        ("encoding/name_with_space_around", "Malformed", b"\x05 Rice".to_vec()),
        ("encoding/name_of_65_bytes", "Malformed", [vec![65], vec![b'R'; 65]].concat()),
    ];
    let option = vec![("encoding/option_neither_none_nor_some", "Malformed", vec![2, 1])];
    let bytes =
        vec![("encoding/bytes_longer_than_their_limit", "Malformed", vec![5, 1, 2, 3, 4, 5])];
    let rest = [
        kind("integer of 64 bits", integer),
        kind("list of at most 4 integers of 16 bits", list),
        kind("name", name),
        kind("option of an integer of 32 bits", option),
        kind("at most 4 bytes", bytes),
        kind("truth value", vec![("encoding/truth_of_two", "Malformed", vec![2])]),
    ];
    rest.into_iter().flatten().collect()
}

fn entries() -> Made {
    let good = redeem().encode();
    let with = |at: usize, to: &[u8]| [&good[..at], to, &good[at + 1..]].concat();
    let rows = vec![
        ("entry/good", "good", good.clone()),
        ("entry/over_long_varint", "NotCanonical", with(1, &[0x82, 0])),
        ("entry/trailing_byte", "Trailing(1)", trailing(good.clone())),
        ("entry/cut_short", "Malformed", cut_short(&good)),
        ("entry/unknown_kind", "Malformed", with(0, &[63])),
        ("entry/of_a_later_version", "good", vec![64, 3, 1, 2, 3]),
        ("entry/of_a_later_version_cut_short", "Malformed", vec![64, 3, 1, 2]),
        ("entry/of_a_later_version_and_a_byte", "Trailing(1)", vec![64, 3, 1, 2, 3, 4]),
        ("entry/of_a_later_version_without_length", "Malformed", vec![64]),
        ("entry/of_a_later_version_with_its_length_spelt_longer", "NotCanonical", {
            vec![64, 0x83, 0, 1, 2, 3]
        }),
        ("entry/of_a_later_version_longer_than_any", "TooLong", {
            [&[64, 0xfe, 0x0f][..], &[1; 2_046]].concat()
        }),
    ];
    of("entry", &[("lane", vec![Lane::Value as u8])], rows)
}

fn promises() -> Made {
    let (federation_id, start, bytes) = (charter().federation(), start(), redeem().encode());
    let signature = sign_place(&key(A), &federation_id, &value(A), &start.after(&bytes));
    let (feed_ref, entry) = (feed_of(A), Bytes::new(bytes).expect("small"));
    let good = Promise { feed: feed_ref, index: 0, before: start.accumulator, entry, signature };
    let with = |change: fn(&mut Promise)| wire::encode(&changed(&good, change));
    let rows = vec![
        ("promise/good", "good", wire::encode(&good)),
        ("promise/other_index", "Signature", with(|p| p.index = 1)),
        ("promise/other_prefix", "Signature", with(|p| p.before.0[0] ^= 1)),
        (
            "promise/other_entry",
            "Signature",
            with(|p| p.entry = Bytes::new(vec![0x04, 0x03]).expect("small")),
        ),
        ("promise/other_programme", "Feed", with(|p| p.feed.programme = CASH)),
        ("promise/other_node", "Feed", with(|p| p.feed.node = node(B))),
        ("promise/cut_short", "Malformed", cut_short(&wire::encode(&good))),
    ];
    of("promise", &[federation(), feed(&value(A))], rows)
}

/// Five of A's, to B, for a family.
fn sent() -> Sent {
    let (from, to, owner, amount) = (Lot(2), node(B), purse_of(7), units(5));
    let (cycle, commodity, expires, at) = (MAY, RICE, LAST, NOW);
    let send = Send { from, to, owner, cycle, commodity, amount, expires, at };
    let before = Head { next: 3, accumulator: start().accumulator };
    ticket(&charter().federation(), A, before, Moved::Send(send))
}

/// Two of A's came back: they filled the lot that the ticket is drawn on.
fn refund() -> Sent {
    let moved = Moved::Refund { redeem: 1, amount: units(2), at: NOW };
    let before = Head { next: 2, accumulator: start().accumulator };
    ticket(&charter().federation(), A, before, moved)
}

fn refunded(change: fn(&mut Sent)) -> Vec<u8> {
    wire::encode(&Ticket::Sent(sent(), bounded([changed(&refund(), change)])))
}

fn more_back(hop: &mut Sent, places: u64, more: u64) {
    let Moved::Refund { redeem, amount, .. } = &mut hop.moved else { return };
    *redeem += places;
    *amount = units(amount.units() + more);
}

fn tickets() -> Made {
    let good = |sent: Sent| wire::encode(&Ticket::Sent(sent, bounded([])));
    let with = |change: fn(&mut Send)| {
        let Moved::Send(send) = sent().moved else { unreachable!("a send") };
        good(Sent { moved: Moved::Send(changed(&send, change)), ..sent() })
    };
    // As a ticket is written, with one hop more than it may have.
    let hops = wire::encode(&(0u8, sent(), vec![sent(); crate::limits::HOPS + 1]));
    let rows = vec![
        ("ticket/good", "good", good(sent())),
        ("ticket/more_units", "Signature", with(|send| send.amount = units(50))),
        ("ticket/other_receiver", "Signature", with(|send| send.to = node(TREASURY))),
        ("ticket/other_owner", "Signature", with(|send| send.owner = Owner::Float)),
        ("ticket/other_place", "Signature", good(Sent { index: 4, ..sent() })),
        ("ticket/other_sender", "Signature", good(Sent { node: node(B), ..sent() })),
        ("ticket/seven_hops", "Malformed", hops),
        ("ticket/trailing_byte", "Trailing(1)", trailing(good(sent()))),
        ("ticket/with_a_refund", "good", refunded(|_| ())),
        ("ticket/with_a_refund_of_more", "Signature", refunded(|hop| more_back(hop, 0, 1))),
        ("ticket/with_a_refund_of_another", "Signature", refunded(|hop| more_back(hop, 1, 0))),
        ("ticket/with_a_refund_elsewhere", "Signature", refunded(|hop| hop.index += 1)),
        ("ticket/with_a_refund_after_another", "Signature", refunded(|hop| hop.before.0[0] ^= 1)),
        ("ticket/refund_alone", "NotAddressed", good(refund())),
    ];
    of("ticket", &[federation(), feed(&value(A))], rows)
}

fn blocks() -> Made {
    let good = sealed(0, start(), &[redeem()]);
    let with = |change: fn(&mut Block)| wire::encode(&changed(&good, change));
    // Signed again after the change, so that only the body is wrong.
    let signed = |change: fn(&mut Block)| {
        let mut other = changed(&good, change);
        let scope: [&[u8]; 2] = [&charter().federation().0.0, &value(A).bytes()];
        let message = wire::encode(&other.header);
        other.signature = key(A).sign(crate::key::Context::Header, &scope, &message);
        wire::encode(&other)
    };
    let of_entries = |entries: &[Entry]| wire::encode(&sealed(0, start(), entries));
    let basket = |entries| Entry::Value(Value::Basket { entries });
    let claim = |ticket| Entry::Value(Value::Claim { ticket: Box::new(ticket), at: NOW });
    let rows = vec![
        ("block/good", "good", wire::encode(&good)),
        ("block/version", "Header(\"version\")", with(|b| b.header.version = 2)),
        ("block/no_entries", "Header(\"count\")", with(|b| b.header.count = 0)),
        ("block/sequence", "Header(\"sequence\")", with(|b| b.header.seq = 1)),
        ("block/unsigned_change", "Signature", with(|b| b.header.epoch = 1)),
        ("block/other_prefix", "Core", signed(|b| b.header.before.0[0] ^= 1)),
        ("block/other_root", "Core", signed(|b| b.header.core_root.0[0] ^= 1)),
        ("block/basket_whole", "good", of_entries(&[basket(1), redeem()])),
        ("block/basket_parted", "Basket", of_entries(&[basket(2), redeem()])),
        ("block/claim_of_what_was_voted_later", "Unheard", {
            of_entries(&[claim(Ticket::Budget { epoch: 1, act: 0, line: 0 })])
        }),
        ("block/claim_of_what_is_released_later", "Unheard", {
            of_entries(&[claim(Ticket::Release { epoch: 1, act: 0 })])
        }),
        ("block/body_longer_than_said", "BodyLength", signed(|b| b.header.body_len -= 1)),
        ("block/trailing_byte", "Trailing(1)", trailing(wire::encode(&good))),
    ];
    of("block", &[federation(), feed(&value(A))], rows)
}

fn receipts() -> Made {
    let named = Entry::Value(Value::Merchant { merchant: merchant(1) });
    let entries = [named, redeem(), redeem()];
    let block = sealed(0, start(), &entries);
    let leaves = entries.each_ref().map(|entry| leaf(&entry.encode()));
    let bytes = |entry: &Entry| Bytes::new(entry.encode()).expect("small");
    let good = Receipt {
        feed: feed_of(A),
        entry: bytes(&entries[1]),
        path: merkle::path(&leaves, 1).expect("a leaf"),
        heading: Heading::of(&block.header),
        signature: block.signature,
        provenance: bounded([]),
    };
    let with = |change: &dyn Fn(&mut Receipt)| wire::encode(&changed(&good, change));
    let rows = vec![
        ("receipt/good", "good", wire::encode(&good)),
        ("receipt/other_entry", "Signature", with(&|r| r.entry = bytes(&entries[0]))),
        ("receipt/other_place", "Signature", with(&|r| r.path.index = 0)),
        ("receipt/path_past_the_end", "Path", with(&|r| r.path.index = 3)),
        ("receipt/changed_header", "Signature", with(&|r| r.heading.after = leaves[1])),
        ("receipt/other_feed", "Feed", with(&|r| r.feed = feed_of(B))),
        ("receipt/other_programme", "Signature", with(&|r| r.feed.programme = CASH)),
        ("receipt/cut_short", "Malformed", cut_short(&wire::encode(&good))),
    ];
    of("receipt", &[federation(), feed(&value(A))], rows)
}

fn forks() -> Made {
    let block = sealed(0, start(), &[redeem()]);
    let named = Entry::Value(Value::Merchant { merchant: merchant(1) });
    let second = sealed(0, start(), &[named]);
    let next = sealed(1, block.header.end(), &[redeem()]);
    let proof = |block_: &Block, signature: Signature| ForkProof {
        feed: value(A),
        one: Statement::Header(block.header, block.signature),
        other: Statement::Header(block_.header, signature),
    };
    let good = proof(&second, second.signature);
    let of_b = ForkProof { feed: value(B), ..good.clone() };
    let rows = vec![
        ("fork/two_headers_of_one_number", "index 0", good.encode()),
        ("fork/block_that_follows", "nothing", proof(&next, next.signature).encode()),
        ("fork/one_statement_twice", "nothing", proof(&block, block.signature).encode()),
        ("fork/unsigned_header", "nothing", proof(&second, block.signature).encode()),
        ("fork/other_feed", "nothing", of_b.encode()),
        ("fork/trailing_byte", "Trailing(1)", trailing(good.encode())),
    ];
    of("fork proof", &[federation()], rows)
}

/// The fifth of seven leaves: promoted pairs on one side of it, whole ones on the other.
fn paths() -> Made {
    let leaves: Vec<Hash> = (0u8..7).map(|n| hash_one(Purpose::Leaf, &[n])).collect();
    let root = merkle::root(&leaves);
    let good = merkle::path(&leaves, 4).expect("a leaf");
    let one = |name, answer: &str, leaf: Hash, count: u32, path: &(u32, Vec<Hash>)| {
        let root = root.0.to_vec();
        let needs =
            [("root", root), ("count", count.to_be_bytes().to_vec()), ("leaf", leaf.0.to_vec())];
        of("path", &needs, vec![(name, answer, wire::encode(path))])
    };
    let (leaf, path) = (leaves[4], (good.index, good.hashes.into_vec()));
    let with =
        |change: &dyn Fn(&mut Vec<Hash>)| (path.0, changed(&path.1, |hashes| change(hashes)));
    let node = crate::hash::hash_pair(Purpose::Node, &leaves[4], &leaves[5]);
    let made = [
        one("merkle/good", "good", leaf, 7, &path),
        one("merkle/other_leaf", "Path", leaves[5], 7, &path),
        one("merkle/other_place", "Path", leaf, 7, &(5, path.1.clone())),
        one("merkle/tree_of_fewer", "Path", leaf, 4, &path),
        one("merkle/tree_of_none", "Path", leaf, 0, &path),
        one("merkle/hash_missing", "Path", leaf, 7, &with(&|hashes| hashes.truncate(2))),
        one("merkle/hash_too_many", "Path", leaf, 7, &with(&|hashes| hashes.push(root))),
        one("merkle/hashes_in_other_order", "Path", leaf, 7, &with(&|hashes| hashes.swap(0, 1))),
        one(
            "merkle/node_for_a_leaf",
            "Path",
            node,
            7,
            &with(&|hashes| *hashes = hashes[1..].to_vec()),
        ),
        one("merkle/33_hashes", "Malformed", leaf, 7, &with(&|hashes| hashes.resize(33, root))),
    ];
    made.into_iter().flatten().collect()
}
