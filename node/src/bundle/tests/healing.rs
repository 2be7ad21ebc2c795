//! S17: an organisation signs two articles for one epoch, A follows one of them and B the other, and people heal it.

use annona_ledger::charter::{Act, Charter, Line, SignedArticle, Twice};
use annona_ledger::entry::{Lot, Method, Value};
use annona_ledger::id::{Lane, OrgId};
use annona_ledger::notice::{Learned, Notice};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;
use annona_ledger::wire::{self, Bounded, Bytes};

use super::world::*;
use crate::node::{Node, NodeFault};
use crate::store::{Store, StoreFault};

/// The new key of organisation 1.
const ANEW: u8 = 61;

/// Signed by those organisations; the first with its new key, where that is said.
fn voted(charter: &Charter, act: Act, by: &[u8]) -> SignedArticle {
    let article = charter.draft(Bounded::new(vec![act]).expect("one act"));
    let federation = charter.federation();
    let sign = |n: &u8| {
        let org = if *n == ANEW { 1 } else { u16::from(*n) };
        (OrgId(org), article.sign(&federation, &key(*n)))
    };
    let signatures = Bounded::new(by.iter().map(sign).collect()).expect("few");
    SignedArticle { article, signatures }
}

fn budget(node: &Node, units: u64) -> Act {
    let lines = Bounded::new(vec![Line { commodity: RICE, amount: amount(units) }]);
    let (programme, cycle, treasury) = (FOOD, MAY, short(node));
    Act::Budget { programme, cycle, treasury, lines: lines.expect("one line") }
}

/// Keeps one of two articles that organisation 1 signed both; it gets a new key.
fn heal(kept: &SignedArticle, lost: &SignedArticle) -> Act {
    let of_one = |signed: &SignedArticle| {
        let mine = signed.signatures.iter().filter(|(org, _)| *org == OrgId(1));
        Bounded::new(mine.copied().collect()).expect("one")
    };
    Act::Heal {
        kept: kept.article.hash(),
        lost: Bytes::new(wire::encode(&lost.article)).expect("small"),
        kept_by: of_one(kept),
        lost_by: of_one(lost),
        twice: Bounded::new(vec![Twice { org: OrgId(1), key: Some(key(ANEW).public()) }])
            .expect("one"),
        quorum: 2,
    }
}

fn forked(fault: NodeFault) -> u32 {
    let NodeFault::Store(StoreFault::CharterForked { epoch }) = fault else { panic!("{fault}") };
    epoch
}

fn redeem(node: &mut Node, lot: u64) {
    let value = node.feed(Lane::Value, FOOD);
    let (lot, merchant, at) = (Lot(lot), 0, Minute(100));
    let redeem = Value::Redeem { lot, amount: amount(1), merchant, at, method: Method::Sight };
    write(node, value, vec![redeem.into()]);
}

fn claim(node: &mut Node) {
    let value = node.feed(Lane::Value, FOOD);
    let ticket = Box::new(Ticket::Budget { epoch: 1, act: 0, line: 0 });
    write(node, value, vec![Value::Claim { ticket, at: Minute(100) }.into()]);
}

#[test]
fn s17_power_stops_food_does_not_and_who_followed_the_lost_branch_comes_over() {
    let mut w = World::new();
    w.distribute(4);
    let first = Charter::found(&w.founding).expect("founded");
    // Organisation 1 signs two budgets: one with 2, one with 3. A hears the first, B and T the second.
    let lost = voted(&first, budget(&w.a, 700), &[1, 2]);
    let kept = voted(&first, budget(&w.a, 900), &[1, 3]);
    assert_eq!(w.a.apply_article(&lost).expect("voted"), Learned::New);
    assert_eq!(w.b.apply_article(&kept).expect("voted"), Learned::New);
    // In good faith A's treasury takes up what its branch gives it.
    claim(&mut w.a);

    // They meet. Each keeps its own branch and says that there are two.
    let (to_a, to_b) = (w.path("to-a"), w.path("to-b"));
    let files = export(&mut w.a, &[short(&w.b)], &to_b).files;
    let heard = import(&mut w.b, &files);
    assert_eq!((heard.charter_forked, heard.refusals), (Some(1), 0));
    assert!(heard.blocks > 0, "blocks are taken in all the same");
    let files = export(&mut w.b, &[short(&w.a)], &to_a).files;
    assert_eq!(import(&mut w.a, &files).charter_forked, Some(1));
    assert_eq!(import(&mut w.a, &files).charter_forked, Some(1), "heard again");
    assert_eq!(w.a.store().charter().expect("a charter").head(), lost.article.hash());

    // Nothing is voted on either; food goes on.
    let ours = w.a.store().charter().expect("a charter").clone();
    let more = voted(&ours, budget(&w.a, 50), &[1, 2]);
    assert_eq!(forked(w.a.apply_article(&more).expect_err("power stops")), 1);
    assert_eq!(w.a.store().charter().expect("a charter").epoch(), 1);
    redeem(&mut w.a, 2);
    w.a.seal_all().expect("sealed");
    // A restart forgets nothing of it.
    let World { dir, a, b, .. } = w;
    let before = root(&a);
    a.close().expect("stops");
    let (mut a, mut b) = (reopen(dir.path(), "a"), b);
    assert_eq!((a.store().charter_fork(), root(&a)), (Some(1), before));

    // Those who signed once heal it, for the branch A is not on.
    let theirs = b.store().charter().expect("a charter").clone();
    let healing = voted(&theirs, heal(&kept, &lost), &[ANEW, 2, 3]);
    let bad = voted(&theirs, heal(&kept, &lost), &[ANEW, 3]);
    assert!(b.apply_article(&bad).is_err(), "not by one of them");
    assert_eq!(b.apply_article(&healing).expect("healed"), Learned::New);
    assert_eq!(b.store().charter_fork(), None);
    let files = export(&mut b, &[short(&a)], &to_a).files;
    let heard = import(&mut a, &files);
    assert_eq!((heard.charter_forked, heard.articles), (None, 1));
    let healed = a.store().charter().expect("a charter").clone();
    assert_eq!(*healed, **b.store().charter().expect("a charter"));
    assert_eq!(healed.healed().len(), 1);
    assert_eq!(healed.organisation(OrgId(1)).map(|o| o.key), Some(key(ANEW).public()));

    // Both know the same and have the same state, made anew or not; and food goes on.
    let files = export(&mut a, &[short(&b)], &to_b).files;
    let heard = import(&mut b, &files);
    assert_eq!((heard.charter_forked, heard.refusals), (None, 0), "what lies aside is no fork now");
    assert_eq!(root(&a), root(&b));
    for node in [&mut a, &mut b] {
        let before = root(node);
        node.store_mut().rebuild(&mut |_, _| {}).expect("made anew");
        assert_eq!(root(node), before);
    }
    redeem(&mut a, 4);
    // The next article follows the healing.
    let next = voted(&healed, budget(&a, 10), &[2, 3]);
    assert_eq!(a.apply_article(&next).expect("voted again"), Learned::New);
    a.close().expect("stops");
    let a = reopen(dir.path(), "a");
    assert_eq!(a.store().charter().expect("a charter").head(), next.article.hash());
    assert_eq!(a.store().charter_fork(), None);
}

#[test]
fn s17_notices_of_the_lost_branch_go_with_it_and_a_kill_before_state_is_made_anew_is_made_good() {
    let mut w = World::new();
    w.distribute(4);
    let first = Charter::found(&w.founding).expect("founded");
    let organisation = annona_ledger::charter::Organisation {
        id: OrgId(4),
        name: wire::Name::new("Newcomer").expect("a name"),
        key: key(4).public(),
        recovery: key(104).public(),
    };
    let join = Act::Join { organisation, quorum: 3 };
    let lost = voted(&first, join, &[1, 2, 4]);
    let kept = voted(&first, budget(&w.a, 900), &[1, 3]);
    w.a.apply_article(&lost).expect("voted");
    let newcomer = certify(&w.t, &w.federation(), 4, &[FOOD]);
    w.a.learn(&newcomer).expect("of a member");
    let known = w.a.store().roster().notices().count();
    assert!(w.a.apply_article(&kept).is_err());
    let kept_charter = first.apply(&kept).expect("a quorum");
    let healing = voted(&kept_charter, heal(&kept, &lost), &[ANEW, 2, 3]);
    w.a.apply_article(&healing).expect("healed");
    assert_eq!(w.a.store().roster().notices().count(), known - 1);
    let of_four = |n: &annona_ledger::notice::SignedNotice| matches!(&n.notice, Notice::Node(c) if c.org == OrgId(4));
    assert!(!w.a.store().roster().notices().any(of_four));
    let want = root(&w.a);
    // As if the process had been killed after the turn and before the rest.
    let path = w.a.store().path().to_owned();
    w.a.store().set_meta("stale", &[]).expect("noted");
    w.a.close().expect("stops");
    let store = Store::open(&path).expect("opens");
    assert_eq!(store.meta("stale").expect("a look"), None);
    assert_eq!(store.root().expect("a root"), want);
}
