//! `spec/vectors/<area>/<what is wrong>.txt`: one defect a file, named by the defect. Each is made here, compared with
//! its file, and answered by the reader it is for.

use crate::block::Block;
use crate::entry::{Entry, Lot, Method, Value};
use crate::feed::Head;
use crate::fork::{ForkProof, Statement};
use crate::id::Lane;
use crate::testing::*;
use crate::ticket::{Promise, sign_place};
use crate::wire::{self, Bytes};

/// What a reader answers to bytes of a kind.
fn run(kind: &str, bytes: &[u8]) -> String {
    let federation = charter().federation();
    match kind {
        "entry on the value lane" => match Entry::decode(Lane::Value, bytes) {
            Ok(_) => "good".to_owned(),
            Err(fault) => format!("{fault:?}"),
        },
        "promise of feed A" => match wire::decode::<Promise>(bytes, 4_096) {
            Ok(promise) if promise.verifies(&federation, &key(A).public()) => "good".to_owned(),
            Ok(_) => "Signature".to_owned(),
            Err(fault) => format!("{fault:?}"),
        },
        "block of feed A" => match wire::decode::<Block>(bytes, 65_536) {
            Ok(block) => match block.verify(&federation, &value(A)) {
                Ok(_) => "good".to_owned(),
                Err(fault) => format!("{fault:?}"),
            },
            Err(fault) => format!("{fault:?}"),
        },
        "fork proof" => match ForkProof::decode(bytes) {
            Ok(proof) => {
                proof.verify(&federation).map_or("nothing".to_owned(), |i| format!("index {i}"))
            }
            Err(fault) => format!("{fault:?}"),
        },
        other => unreachable!("no such kind: {other}"),
    }
}

fn made() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let federation = charter().federation();
    let (lot, amount, method) = (Lot(2), units(300), Method::Pin);
    let redeem = Entry::Value(Value::Redeem { lot, amount, merchant: 0, at: NOW, method });
    let good = redeem.encode();
    let changed = |at: usize, to: &[u8]| [&good[..at], to, &good[at + 1..]].concat();
    let entry = "entry on the value lane";
    let start = Head::start(&federation, &value(A));
    let signature = sign_place(&key(A), &federation, &value(A), &start.after(&good));
    let bytes = Bytes::new(good.clone()).expect("small");
    let (feed, index, before) = (feed_of(A), 0, start.accumulator);
    let promise = Promise { feed, index, before, entry: bytes, signature };
    let with = |change: &dyn Fn(&mut Promise)| {
        let mut other = promise.clone();
        change(&mut other);
        wire::encode(&other)
    };
    let block = seal(&federation, A, value(A), 0, start, std::slice::from_ref(&redeem));
    let block_with = |change: &dyn Fn(&mut Block)| {
        let mut other = block.clone();
        change(&mut other);
        wire::encode(&other)
    };
    let header = Statement::Header(block.header, block.signature);
    let merchant = Entry::Value(Value::Merchant { merchant: merchant(1) });
    let second = seal(&federation, A, value(A), 0, start, &[merchant]);
    let proof =
        |other: Statement| ForkProof { feed: value(A), one: header.clone(), other }.encode();
    let (p, b, f) = ("promise of feed A", "block of feed A", "fork proof");
    let trailing = |mut bytes: Vec<u8>| {
        bytes.push(0);
        bytes
    };
    let next = seal(&federation, A, value(A), 1, block.header.end(), std::slice::from_ref(&redeem));
    vec![
        ("entry/good", entry, good.clone(), "good"),
        ("entry/over_long_varint", entry, changed(1, &[0x82, 0]), "NotCanonical"),
        ("entry/trailing_byte", entry, trailing(good.clone()), "Trailing(1)"),
        ("entry/cut_short", entry, good[..good.len() - 1].to_vec(), "Malformed"),
        ("entry/unknown_kind", entry, changed(0, &[63]), "Malformed"),
        ("entry/kind_of_a_later_version", entry, changed(0, &[64]), "UnknownKind(64)"),
        ("promise/good", p, wire::encode(&promise), "good"),
        ("promise/other_index", p, with(&|p| p.index = 1), "Signature"),
        ("promise/other_prefix", p, with(&|p| p.before.0[0] ^= 1), "Signature"),
        ("promise/other_programme", p, with(&|p| p.feed.programme = CASH), "Signature"),
        ("promise/other_node", p, with(&|p| p.feed.node = node(B)), "Signature"),
        ("block/good", b, wire::encode(&block), "good"),
        ("block/version", b, block_with(&|b| b.header.version = 2), "Header(\"version\")"),
        ("block/no_entries", b, block_with(&|b| b.header.count = 0), "Header(\"count\")"),
        ("block/sequence", b, block_with(&|b| b.header.seq = 1), "Header(\"sequence\")"),
        ("block/unsigned_change", b, block_with(&|b| b.header.epoch = 1), "Signature"),
        (
            "fork/two_headers_of_one_number",
            f,
            proof(Statement::Header(second.header, second.signature)),
            "index 0",
        ),
        (
            "fork/block_that_follows",
            f,
            proof(Statement::Header(next.header, next.signature)),
            "nothing",
        ),
        ("fork/one_statement_twice", f, proof(header.clone()), "nothing"),
        (
            "fork/unsigned_header",
            f,
            proof(Statement::Header(second.header, block.signature)),
            "nothing",
        ),
        ("fork/trailing_byte", f, trailing(proof(header.clone())), "Trailing(1)"),
    ]
}

#[test]
fn every_vector_is_made_as_it_is_kept_and_answered_as_it_says() {
    for (name, kind, bytes, want) in made() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("kind: {kind}\nanswer: {want}\nbytes: {hex}\n");
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors");
        let file = expect_test::ExpectFile {
            path: format!("{root}/{name}.txt").into(),
            position: file!(),
        };
        file.assert_eq(&text);
        assert_eq!(run(kind, &bytes), want, "{name}");
    }
}
