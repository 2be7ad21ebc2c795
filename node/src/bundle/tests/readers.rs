//! Who a bundle is sealed to.

use annona_ledger::charter::{Act, Article, SignedArticle};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::id::{FeedRef, OrgId};
use annona_ledger::notice::Notice;
use annona_ledger::wire::Bounded;

use super::*;

#[test]
fn nothing_is_sealed_to_a_device_that_was_cut_as_stolen() {
    let mut w = World::new();
    let b = short(&w.b);
    let feed = FeedRef { node: b, lane: Lane::Value, programme: FOOD };
    let fence = Act::Fence { feed, cut: Cut::NOTHING, reason: Reason::Compromised };
    let charter = w.a.store().charter().expect("founded").clone();
    let acts = Bounded::new(vec![fence]).expect("one");
    let article = Article { epoch: charter.epoch() + 1, previous: charter.head(), acts };
    let by = [1u8, 2].map(|n| (OrgId(n.into()), article.sign(&charter.federation(), &key(n))));
    let signatures = Bounded::new(by.to_vec()).expect("two");
    w.a.apply_article(&SignedArticle { article, signatures }).expect("a good article");
    let folder = w.path("out");
    let refused =
        crate::bundle::export(&mut w.a, &[b], &Options::default(), &folder, &mut |_, _| true);
    let fault = refused.map(|_| ()).expect_err("the thief would read it").to_string();
    assert!(fault.contains("cut off"), "{fault}");
}

#[test]
fn a_clock_in_1970_seals_nothing_to_nobody() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 1);
    let (b, folder) = (short(&w.b), w.path("out"));
    drop(w.a);
    w.a = reopen_at(w.dir.path(), "a", 0);
    // Nothing was ever written on its control feed: what day it is, its other feeds know.
    export(&mut w.a, &[b], &folder);
}

/// A site that wrote and heard nothing for six days, whose clock is right: meanwhile the one it deals with came back under
/// another key, and its certificate was carried there. That one alone has the news that would end the doubt.
#[test]
fn s12_a_site_that_was_shut_for_days_seals_to_who_was_admitted_meanwhile() {
    const DAY: u32 = 24 * 60;
    let mut w = World::new();
    w.distribute(4);
    let new = make(w.dir.path(), "new");
    let dated = |issued: u32| {
        let signed = replacing(&new, &w.federation(), 2, &[FOOD], Some(short(&w.b)));
        let Notice::Node(mut certificate) = signed.notice else { unreachable!("a certificate") };
        certificate.issued = Minute(issued);
        Notice::Node(certificate).sign(&w.federation(), &key(2))
    };
    let (five, later) = (dated(100 + 5 * DAY), 100 + 6 * DAY);
    drop(w.a);
    w.a = reopen_at(w.dir.path(), "a", later);
    w.a.learn(&five).expect("a good notice");
    let between = w.a.between().expect("a look");
    assert_eq!(w.a.latest().expect("a look"), Minute(100), "doubted: dated as before");
    assert_eq!((between.earliest < Minute(later), between.latest), (true, Minute(later)));
    let stands = crate::copies::stands(&w.a, &short(&new)).expect("a look");
    assert_eq!(stands.map(|certificate| certificate.node), Ok(new.public()));
    let folder = w.path("out");
    assert!(!export(&mut w.a, &[short(&new)], &folder).files.is_empty());
    // What begins after that reading has not begun.
    drop(w.a);
    w.a = reopen_at(w.dir.path(), "a", 100 + 5 * DAY - 1);
    let stands = crate::copies::stands(&w.a, &short(&new)).expect("a look");
    assert_eq!(stands.map(drop), Err(crate::member::NoMember::NotBegun));
}
