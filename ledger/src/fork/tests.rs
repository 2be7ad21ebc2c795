use proptest::prelude::*;

use super::*;
use crate::entry::Entry;
use crate::hash::Hash;
use crate::testing::*;
use crate::ticket::sign_place;
use crate::wire::Bytes;

fn federation() -> FederationId {
    charter().federation()
}

fn entry(n: u8) -> Entry {
    Entry::Value(Value::Merchant { merchant: merchant(n) })
}

fn promise(before: Head, n: u8) -> Statement {
    let (federation, feed) = (federation(), value(A));
    let bytes = entry(n).encode();
    let signature = sign_place(&key(A), &federation, &feed, &before.after(&bytes));
    let entry = Bytes::new(bytes).expect("a small entry");
    let (index, before) = (before.next, before.accumulator);
    Statement::Promise(Box::new(Promise { feed: feed.short(), index, before, entry, signature }))
}

fn block(seq: u64, start: Head, entries: &[u8]) -> Block {
    let entries: Vec<Entry> = entries.iter().map(|n| entry(*n)).collect();
    seal(&federation(), A, value(A), seq, start, &entries)
}

fn header(block: &Block) -> Statement {
    Statement::Header(block.header, block.signature)
}

fn proves(one: &Statement, other: &Statement) -> Option<u64> {
    let proof = |one: &Statement, other: &Statement| ForkProof {
        feed: value(A),
        one: one.clone(),
        other: other.clone(),
    };
    let there = proof(one, other).verify(&federation());
    assert_eq!(there, proof(other, one).verify(&federation()), "in either order");
    let bytes = proof(one, other).encode();
    assert_eq!(ForkProof::decode(&bytes), Ok(proof(one, other)));
    there
}

#[test]
fn two_statements_that_cannot_be_of_one_chain_show_the_lowest_index_they_can() {
    #[track_caller]
    fn check(one: &Statement, other: &Statement, want: Option<u64>) {
        assert_eq!(proves(one, other), want);
    }
    let start = Head::start(&federation(), &value(A));
    let one = block(0, start, &[1, 2, 3]);
    let two = block(1, one.header.end(), &[4]);
    let inner = start.after(&entry(1).encode());
    let late = two.header.end();

    check(&promise(start, 1), &promise(start, 2), Some(0));
    check(&promise(start, 1), &promise(start, 1), None);
    check(&promise(inner, 2), &promise(inner, 3), Some(1));
    let strayed = Head { accumulator: Hash([9; 32]), ..inner };
    check(&promise(start, 1), &promise(strayed, 2), Some(0)); // what came before differs
    check(&promise(inner, 2), &promise(strayed, 2), Some(0));
    check(&header(&one), &promise(start, 1), None);
    check(&header(&one), &promise(inner, 9), None); // inside a block a header shows nothing
    let whole = Statement::Block(Box::new(one.clone()));
    check(&whole, &promise(inner, 9), Some(1));
    check(&whole, &promise(inner, 2), None);
    check(&whole, &header(&two), None);
    check(&header(&one), &header(&two), None);
    check(&header(&one), &promise(Head { accumulator: Hash([9; 32]), ..late }, 5), None);
    check(&header(&two), &promise(Head { accumulator: Hash([9; 32]), ..late }, 5), Some(3));

    // The same entries sealed twice: no entry differs, but an honest writer seals once and sends the same bytes again.
    let shorter = block(0, start, &[1, 2]);
    check(&header(&one), &header(&shorter), Some(0));
    check(&header(&one), &header(&block(1, shorter.header.end(), &[3])), Some(0));
    check(&header(&one), &header(&block(1, strayed, &[3])), Some(0)); // overlap
    check(&header(&one), &header(&block(1, late, &[3])), Some(0)); // a gap
    check(&header(&one), &header(&block(2, one.header.end(), &[3])), Some(0)); // a block of none
    check(&header(&one), &header(&block(2, late, &[3])), None); // one between
}

#[test]
fn only_the_feeds_own_statements_prove_anything() {
    let start = Head::start(&federation(), &value(A));
    let (one, other) = (promise(start, 1), promise(start, 2));
    let proof = ForkProof { feed: value(A), one, other };
    assert_eq!(proof.verify(&federation()), Some(0));
    assert_eq!(proof.verify(&FederationId(Hash::ZERO)), None, "another federation");
    assert_eq!(ForkProof { feed: value(B), ..proof.clone() }.verify(&federation()), None);
    let Statement::Promise(mut spoilt) = proof.other.clone() else { unreachable!("a promise") };
    spoilt.index = 7;
    let other = Statement::Promise(spoilt);
    assert_eq!(ForkProof { other, ..proof.clone() }.verify(&federation()), None);
    // A promise of another lane of the same node is of another feed.
    let Statement::Promise(mut elsewhere) = proof.other.clone() else { unreachable!("a promise") };
    elsewhere.feed.programme = CASH;
    let other = Statement::Promise(elsewhere);
    assert_eq!(ForkProof { other, ..proof }.verify(&federation()), None);
}

#[test]
fn the_largest_proof_fits_a_frame() {
    let start = Head::start(&federation(), &value(A));
    let mut whole = block(0, start, &[1]);
    whole.body = Bytes::new(vec![255; limits::BODY_BYTES]).expect("within the limit");
    let Statement::Promise(mut promise) = promise(start, 1) else { unreachable!("a promise") };
    promise.entry = Bytes::new(vec![255; limits::CARRYING_ENTRY_BYTES]).expect("within the limit");
    promise.index = u64::MAX;
    let other = Statement::Promise(promise);
    let proof = ForkProof { feed: value(A), one: Statement::Block(Box::new(whole)), other };
    assert_eq!(ForkProof::decode(&proof.encode()), Ok(proof));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_honest_feed_never_contradicts_itself(
        entries in prop::collection::vec(any::<u8>(), 1..24),
        cuts in prop::collection::vec(1usize..6, 24),
    ) {
        // Promises for every entry, sealed in blocks of any sizes; after a crash the same bytes are sent again.
        let mut said = Vec::new();
        let mut head = Head::start(&federation(), &value(A));
        for n in &entries {
            said.push(promise(head, *n));
            head = head.after(&entry(*n).encode());
        }
        let (mut start, mut rest) = (Head::start(&federation(), &value(A)), &entries[..]);
        for (seq, cut) in (0u64..).zip(cuts) {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            if now.is_empty() {
                break;
            }
            let block = block(seq, start, now);
            said.push(header(&block));
            start = block.header.end();
            said.push(Statement::Block(Box::new(block)));
            rest = later;
        }
        for one in &said {
            for other in &said {
                prop_assert_eq!(contradiction(one, other), None);
            }
        }
    }

    #[test]
    fn whoever_signs_two_entries_at_one_index_is_shown(
        shared in prop::collection::vec(any::<u8>(), 0..8),
        apart in any::<[u8; 2]>(),
        later in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        prop_assume!(apart[0] != apart[1]);
        let start = Head::start(&federation(), &value(A));
        let branch = |n: u8| {
            let entries: Vec<u8> = shared.iter().copied().chain([n]).chain(later.clone()).collect();
            block(0, start, &entries)
        };
        let blocks = apart.map(branch);
        let index = proves(&header(&blocks[0]), &header(&blocks[1]));
        prop_assert!(index.is_some_and(|index| index <= shared.len() as u64));
        let fork = shared.iter().fold(start, |head, n| head.after(&entry(*n).encode()));
        let promised = promise(fork, apart[1]);
        let whole = Statement::Block(Box::new(blocks[0].clone()));
        prop_assert_eq!(proves(&whole, &promised), Some(shared.len() as u64));
    }
}
