//! Orphans, days, settlements and broken promises: one value of each variant.

use crate::amount::Amount;
use crate::broken::BrokenPromise;
use crate::checkpoint::{Spot, Working};
use crate::day::{Closing, Day, Sum};
use crate::entry::Value;
use crate::hash::Hash;
use crate::id::FederationId;
use crate::orphan::{Orphan, Shown};
use crate::receipt::Receipt;
use crate::settlement::{Kind, Net, Row, Settling, Signing, Single, Step};
use crate::testing::*;
use crate::ticket::{Promise, Sent};

fn net() -> Net {
    Net { commodity: RICE, given: Amount::ZERO, back: Amount::ZERO }
}

pub(super) fn single(kind: Kind) -> Single {
    let (index, leaf, copy, amount) = (0, Hash::ZERO, 0, Amount::ZERO);
    let (merchant, cycle, commodity) = (merchant(1), MAY, RICE);
    Single { index, leaf, copy, kind, merchant, cycle, commodity, amount }
}

pub(super) fn row() -> Row {
    Row { row: 0, node: node(A), what: single(Kind::Redeemed) }
}

pub(super) fn kinds() -> [Kind; 4] {
    [Kind::Redeemed, Kind::Refunded, Kind::Returned, Kind::Disputed]
}

pub(super) fn steps() -> [Step; 4] {
    [Step::Verified, Step::Approved, Step::Paid, Step::Disputed]
}

pub(super) fn signing(step: Step) -> Signing {
    let (draft, root, totals) = (Hash::ZERO, Hash::ZERO, bounded([net()]));
    Signing { node: node(TREASURY), programme: FOOD, draft, root, rows: 1, totals, step }
}

pub(super) fn sum() -> Sum {
    let (given, back) = (Amount::ZERO, Amount::ZERO);
    let (merchant, cycle, commodity) = (merchant(1), MAY, RICE);
    Sum { merchant, cycle, commodity, redeemed: 0, given, refunded: 0, back }
}

pub(super) fn broken(promise: &Promise) -> BrokenPromise {
    BrokenPromise { feed: value(A), promise: promise.clone(), last: None }
}

pub(super) fn values(sent: Sent, shown: [Shown; 2]) -> Vec<Value> {
    let (at, root, totals) = (NOW, Hash::ZERO, bounded([net()]));
    let closing = Closing { first: 0, redeemed: 0, refunded: 0, root, totals: bounded([net()]) };
    let day = |day| Value::DayClose { day: Box::new(day), at };
    let settle = |settling| Value::Settle { settling: Box::new(settling), at };
    let [promised, sealed] = shown;
    let orphan =
        |shown| Orphan { node: node(A), shown: bounded([shown]), sends: bounded([sent]), at };
    let operator = key(OPERATORS[0]);
    let signature = signing(Step::Verified).sign(&charter().federation(), &operator);
    let (operator, step) = (operator.public(), Step::Verified);
    let stretch =
        Settling::Stretch { node: node(A), from: 0, to: 1, head: root, except: bounded([0]) };
    vec![
        Value::End { at },
        Value::Orphan(Box::new(orphan(promised))),
        Value::Orphan(Box::new(orphan(sealed))),
        day(Day::Open),
        day(Day::Close(closing)),
        settle(stretch),
        settle(Settling::Rows { node: node(A), rows: bounded([single(Kind::Redeemed)]) }),
        settle(Settling::Draft { first: 0, root, rows: 1, totals }),
        settle(Settling::Step { draft: 0, step, operator, signature }),
    ]
}

pub(super) fn shown(promise: &Promise, receipt: &Receipt) -> [Shown; 2] {
    [promise.clone().into(), receipt.clone().into()]
}

pub(super) fn working(at: Spot) -> Vec<Working> {
    let (feed, hash, totals) = (feed_of(A), Hash::ZERO, bounded([net()]));
    let (operator, step) = (key(OPERATORS[0]).public(), Step::Verified);
    let bytes = crate::wire::Bytes::new(vec![0]).expect("small");
    vec![
        Working::Shown { feed, index: 0, leaf: hash, name: hash, piece: 0, bytes },
        Working::Day { at, name: hash, first: 0, closed: Some(hash) },
        Working::Line { feed, line: at, draft: at },
        Working::Settlement { at, name: hash, first: 0, root: hash, rows: 1, totals },
        Working::Step { draft: at, at, step, operator, stamp: NOW },
    ]
}

/// A promise and a receipt of one entry.
pub(super) fn evidence(federation: &FederationId) -> (Promise, Receipt) {
    use crate::entry::Entry;
    use crate::feed::Head;
    use crate::wire::Bytes;
    let start = Head::start(federation, &value(A));
    let entry = Entry::Value(Value::Merchant { merchant: merchant(1) });
    let block = seal(federation, A, value(A), 0, start, std::slice::from_ref(&entry));
    let bytes = Bytes::new(entry.encode()).expect("small");
    let (feed, index, before) = (feed_of(A), 0, start.accumulator);
    let signature = block.signature;
    let path = crate::merkle::path(&[crate::feed::leaf(&bytes), Hash::ZERO], 0).expect("a leaf");
    let heading = crate::receipt::Heading::of(&block.header);
    let promise = Promise { feed, index, before, entry: bytes.clone(), signature };
    let provenance = bounded([]);
    (promise, Receipt { feed, entry: bytes, path, heading, signature, provenance })
}
