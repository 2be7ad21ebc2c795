//! A merchant, his promise, and a feed that was sealed without it.

use super::*;
use crate::entry::Entry;
use crate::feed::Head;
use crate::hash::Hash;
use crate::orphan::tests::{Burnt, redeem};
use crate::testing::*;
use crate::ticket::sign_place;
use crate::wire::Bytes;

struct Case {
    federation: FederationId,
    proof: BrokenPromise,
    cut: Cut,
}

/// A seals four entries and is cut there on minute 100; its promise is for the sixth.
fn case() -> Case {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4)]);
    let entries: Vec<Entry> = a.entries[..4].iter().map(|e| e.0.clone()).collect();
    let start = Head::start(&a.federation, &value(A));
    let block = seal(&a.federation, A, value(A), 0, start, &entries);
    let (entry, before, after) = &a.entries[5];
    let promise = Promise {
        feed: feed_of(A),
        index: before.next,
        before: before.accumulator,
        entry: Bytes::new(entry.encode()).expect("small"),
        signature: sign_place(&key(A), &a.federation, &value(A), after),
    };
    let cut = Cut { seq: 1, head: block.header.hash() };
    let last = Some((block.header, block.signature));
    let proof = BrokenPromise { feed: value(A), promise, last };
    Case { federation: a.federation, proof, cut }
}

const SINCE: Minute = Minute(100);
const OVER: Minute = Minute(100 + limits::PROMISE_GRACE_MINUTES + 1);

#[test]
fn s27_a_dropped_entry_is_a_broken_promise_once_the_grace_is_over() {
    let Case { federation, proof, cut } = case();
    let check = |proof: &BrokenPromise, cut: &Cut, now| proof.check(&federation, cut, SINCE, now);
    assert_eq!(check(&proof, &cut, OVER), Ok(5));
    let just = Minute(OVER.0 - 1);
    assert_eq!(check(&proof, &cut, just), Err(NotBroken::Grace(just)));
    let bytes = proof.encode();
    assert_eq!(BrokenPromise::decode(&bytes), Ok(proof.clone()));
    let mut other = proof.clone();
    other.promise.index = 6;
    assert_eq!(check(&other, &cut, OVER), Err(NotBroken::NotPromised));
    let later = Cut { seq: 2, ..cut };
    assert_eq!(check(&proof, &later, OVER), Err(NotBroken::OtherCut));
    let elsewhere = Cut { head: Hash([1; 32]), ..cut };
    assert_eq!(check(&proof, &elsewhere, OVER), Err(NotBroken::OtherCut));
    let mut unsigned = proof.clone();
    if let Some((_, signature)) = &mut unsigned.last {
        *signature = proof.promise.signature;
    }
    assert_eq!(check(&unsigned, &cut, OVER), Err(NotBroken::Unsigned));
    let nothing = BrokenPromise { last: None, ..proof };
    assert_eq!(check(&nothing, &Cut::NOTHING, OVER), Ok(5), "nothing of it was ever known");
}

#[test]
fn a_promise_below_the_cut_is_kept_or_a_fork() {
    let Case { federation, mut proof, cut } = case();
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, []);
    let (entry, before, after) = &a.entries[3];
    proof.promise = Promise {
        feed: feed_of(A),
        index: before.next,
        before: before.accumulator,
        entry: Bytes::new(entry.encode()).expect("small"),
        signature: sign_place(&key(A), &a.federation, &value(A), after),
    };
    assert_eq!(proof.check(&federation, &cut, SINCE, OVER), Err(NotBroken::Below));
}

#[test]
fn one_clock_alone_does_not_tell_when_a_feed_was_fenced() {
    let (one, other) = (Some(OrgId(1)), Some(OrgId(2)));
    let first = |node: u8, org, at| ([node; 8], org, Minute(at));
    assert_eq!(fenced_since(&[]), None);
    assert_eq!(fenced_since(&[first(1, one, 0)]), None, "in 1970");
    assert_eq!(fenced_since(&[first(1, one, 0), first(1, one, 5)]), None, "two feeds of one node");
    assert_eq!(fenced_since(&[first(1, one, 0), first(2, one, 70)]), Some(Minute(70)));
    let two = [first(1, one, 0), first(2, one, 3), first(3, other, 90), first(4, other, 80)];
    assert_eq!(fenced_since(&two), Some(Minute(80)), "when the second organisation had heard");
}
