//! Who a bundle is sealed to.

use annona_ledger::charter::{Act, Article, SignedArticle};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::id::{FeedRef, OrgId};
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
