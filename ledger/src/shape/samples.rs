//! One value of every variant of every wire type.

use super::of;
use crate::amount::Amount;
use crate::charter::{Act, ArticleFork};
use crate::entry::{CarrierKind, Control, FloatCover, Lot, Method, Owner, Registry, Send, Value};
use crate::feed::Head;
use crate::fork::Statement;
use crate::hash::Hash;
use crate::id::{CarrierId, EntryName, OrgId};
use crate::merkle;
use crate::receipt::Receipt;
use crate::testing::*;
use crate::ticket::{Moved, Promise, Sent, Ticket};
use crate::time::Minute;
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

fn sent() -> Sent {
    let before = Head { next: 0, accumulator: Hash::ZERO };
    ticket(&charter().federation(), A, before, Moved::Send(send()))
}

fn values() -> Vec<Value> {
    let (lot, amount, at, until, merchant_no, method) =
        (Lot(0), Amount::ZERO, NOW, LAST, 0, Method::Pin);
    let (from, list, row, purse, expires) = (lot, 0, 0, purse(0), LAST);
    let home = feed_of(A);
    vec![
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
    ]
}

/// Every wire type by name, with its shape: one paragraph for each variant.
pub(super) fn all() -> Vec<(&'static str, String)> {
    let charter = charter();
    let federation = charter.federation();
    let join = |shapes: Vec<String>| shapes.join("\n");
    let methods = [
        Method::Pin,
        Method::Sight,
        Method::Witness,
        Method::Collector,
        Method::Override,
        Method::Attested,
        Method::Signed,
    ];
    let kinds = [CarrierKind::Code, CarrierKind::Paper, CarrierKind::Card, CarrierKind::Phone];
    let owners = [Owner::Budget, Owner::Float, Owner::Reserve, purse_of(0)];
    let (pseudonym, carrier, at) = (holder(1), CarrierId([1; 16]), NOW);
    let registries = [
        Registry::Enrol { pseudonym, at },
        Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Code, at },
        Registry::CarrierCancelled { carrier, at },
    ];
    let frozen = list(&federation, TREASURY, &[1], NOW).0;
    let fault = Control::FaultSeen { feed: feed_of(A), index: 0, proof: Hash::ZERO };
    let controls = [Control::List(Box::new(frozen)), fault];
    let tickets = [Ticket::Sent(sent(), bounded([sent()])), FOOD_BUDGET];
    let start = Head::start(&federation, &value(A));
    let entries = [crate::entry::Entry::Value(values().remove(0))];
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
        header: block.header,
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
    let notices: Vec<_> = roster(&charter).notices().map(|signed| signed.notice.clone()).collect();
    let mut notices: Vec<String> = notices.iter().map(of).collect();
    notices.sort();
    notices.dedup();
    let fork = ArticleFork { one: article.clone(), other: article.clone() };
    assert_eq!(Minute::default(), Minute(0));
    vec![
        ("Method", join(methods.iter().map(of).collect())),
        ("CarrierKind", join(kinds.iter().map(of).collect())),
        ("Owner", join(owners.iter().map(of).collect())),
        ("Value", join(values().iter().map(of).collect())),
        ("Registry", join(registries.iter().map(of).collect())),
        ("Control", join(controls.iter().map(of).collect())),
        ("Moved", join([Moved::Send(send()), Moved::Cover(cover())].iter().map(of).collect())),
        ("Ticket", join(tickets.iter().map(of).collect())),
        ("Promise", of(&promise)),
        ("Block", of(&block)),
        ("Receipt", of(&receipt)),
        ("Statement", join(statements.iter().map(of).collect())),
        ("Act", join(acts.iter().map(of).collect())),
        ("SignedArticle", of(&fork.one)),
        ("Notice", join(notices)),
    ]
}
