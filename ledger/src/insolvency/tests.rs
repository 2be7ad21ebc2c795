use super::*;
use crate::entry::{Entry, Lot, Method, Owner, Send, Value};
use crate::testing::*;
use crate::ticket::{Moved, Ticket};
use crate::wire::Bounded;

fn redeem(lot: u64, amount: u64) -> Entry {
    let (lot, amount, method) = (Lot(lot), units(amount), Method::Pin);
    Entry::Value(Value::Redeem { lot, amount, merchant: 0, at: NOW, method })
}

/// Site A: a ticket of three for purse 0 taken up, and then what it gave, one block for each run.
fn blocks(runs: &[&[Entry]]) -> Vec<Block> {
    let federation = charter().federation();
    let elsewhere = Head { next: 40, accumulator: Hash([40; 32]) };
    let send = Send {
        from: Lot(2),
        to: node(A),
        owner: Owner::Purse(purse(0)),
        cycle: MAY,
        commodity: RICE,
        amount: units(3),
        expires: LAST,
        at: NOW,
    };
    let sent = ticket(&federation, TREASURY, elsewhere, Moved::Send(send));
    let ticket = Box::new(Ticket::Sent(sent, Bounded::empty()));
    let claim = Entry::Value(Value::Claim { ticket, at: NOW });
    let merchant = Entry::Value(Value::Merchant { merchant: merchant(1) });
    let first = [claim, merchant];
    let mut start = Head::start(&federation, &value(A));
    let mut out = Vec::new();
    for (seq, entries) in (0u64..).zip(std::iter::once(&first[..]).chain(runs.iter().copied())) {
        let block = seal(&federation, A, value(A), seq, start, entries);
        start = block.header.end();
        out.push(block);
    }
    out
}

fn replayed(blocks: Vec<Block>) -> Result<Option<(u64, Fault)>, PrefixFault> {
    let charter = charter();
    let found = replay(&charter, &roster(&charter), &value(A), blocks)?;
    Ok(found.map(|found| (found.index, found.fault)))
}

#[test]
fn a_prefix_shows_the_first_entry_it_cannot_pay_and_an_honest_one_shows_none() {
    let honest = blocks(&[&[redeem(0, 2)], &[redeem(0, 1)]]);
    assert_eq!(replayed(honest.clone()), Ok(None));
    assert_eq!(replayed(honest[..1].to_vec()), Ok(None));
    let short = blocks(&[&[redeem(0, 2)], &[redeem(0, 1), redeem(0, 1)], &[redeem(9, 1)]]);
    assert_eq!(replayed(short), Ok(Some((4, Fault::Short))));
    assert_eq!(replayed(blocks(&[&[redeem(9, 1)]])), Ok(Some((2, Fault::LotMissing))));
}

#[test]
fn blocks_that_are_no_prefix_prove_nothing() {
    let good = blocks(&[&[redeem(0, 2)], &[redeem(0, 9)]]);
    let gap = vec![good[0].clone(), good[2].clone()];
    assert_eq!(replayed(gap), Err(PrefixFault::Number { at: 1, seq: 2 }));
    let tail = good[1..].to_vec();
    assert_eq!(replayed(tail), Err(PrefixFault::Number { at: 0, seq: 1 }));
    let mut spoilt = good.clone();
    spoilt[1].signature = good[0].signature;
    let fault = BlockFault::Signature;
    assert_eq!(replayed(spoilt), Err(PrefixFault::Block { at: 1, fault }));
    let other = blocks(&[&[redeem(0, 1)]]);
    let mixed = vec![other[0].clone(), other[1].clone(), good[2].clone()];
    assert!(matches!(replayed(mixed), Err(PrefixFault::Chain { at: 2, .. })));
}

#[test]
fn a_sender_nobody_vouched_for_yet_proves_nothing_against_its_receiver() {
    let charter = charter();
    let roster = roster_without(&charter, &[TREASURY]);
    let short = blocks(&[&[redeem(0, 3)]]);
    assert_eq!(replay(&charter, &roster, &value(A), short), Ok(None));
}
