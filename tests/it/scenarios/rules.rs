//! Clocks, limits, and what is refused before it can do harm.

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::charter::{Act, SignedArticle};
use annona_ledger::entry::{Entry, Later, Lot, Owner, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane};
use annona_ledger::key::SigningKey;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::view::Fault;
use annona_ledger::wire::{Bounded, Bytes};
use annona_tests::cast::{CASH, Person};
use annona_tests::check::charges;
use annona_tests::memo;
use annona_tests::site::memory::Memory;
use annona_tests::site::stored::Stored;
use annona_tests::site::{Received, Site};

use super::camp::{Camp, LAST, NOW, amount};

/// A block as its author's own program would never write it.
fn written(camp: &Camp, who: &Person, entries: &[Value]) -> (FeedId, Block) {
    let feed = who.value(CASH);
    let entries: Vec<Vec<u8>> = entries.iter().map(|v| Entry::from(v.clone()).encode()).collect();
    let draft = Draft {
        feed,
        seq: 0,
        start: Head::start(&camp.cast.federation, &feed),
        entries: &entries,
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 1,
        hlc: Hlc::default(),
    };
    (feed, draft.seal(&SigningKey::from_seed(&who.seed), &camp.cast.federation).expect("small"))
}

fn at(value: Value, stamp: Minute) -> Value {
    match value {
        Value::Redeem { lot, amount, merchant, method, .. } => {
            Value::Redeem { lot, amount, merchant, at: stamp, method }
        }
        other => other,
    }
}

#[test]
fn s12_a_clock_years_ahead_elsewhere_expires_nothing_here() {
    let mut camp = Camp::new();
    let lots = [1usize, 2].map(|site| camp.family_at(site, 0, 10));
    for site in [1, 2] {
        camp.shop(site);
    }
    // Site 2's clock is three years fast: it serves nobody any more, and says why. What it may write bears that stamp.
    let far = Minute(3 * 365 * 24 * 60);
    assert_eq!(camp.refused(2, at(Camp::redeeming(lots[1], 1), far)), Rejection::Expired);
    let mut back = camp.sending(lots[1], 0, Owner::Budget, 10);
    (back.at, back.expires) = (far, Minute(0));
    camp.write(2, Value::Send(back));
    // Site 1 has heard from it, and goes on by its own clock.
    camp.hand(2, 1);
    camp.write(1, Camp::redeeming(lots[0], 4));
    // A clock that fell back to 1970 stamps nothing earlier than its feed's last; with that stamp it serves on.
    let fallen = at(Camp::redeeming(lots[0], 4), Minute(0));
    assert_eq!(camp.refused(1, fallen), Rejection::StampFell);
    let feed = camp.feed(1);
    let last = camp.sites[1].last_stamp(&feed);
    assert_eq!(last, NOW);
    camp.write(1, at(Camp::redeeming(lots[0], 4), last));
}

#[test]
fn s13_a_spend_backdated_past_its_expiry_is_late_or_fell_and_moves_what_it_moved() {
    let mut camp = Camp::new();
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let late = Minute(LAST.0 + 1);
    assert_eq!(camp.refused(1, at(Camp::redeeming(lot, 1), late)), Rejection::Expired);
    // Once its feed has a stamp past the last minute, a clock that is set back serves nobody: not a purse whose time is
    // over, and no ticket that came before.
    let (one, other) = (camp.send(0, 0, 1, Owner::Float, 5), camp.send(0, 0, 1, Owner::Float, 5));
    camp.write(1, Value::Claim { ticket: Box::new(one), at: late });
    assert_eq!(camp.refused(1, Camp::claiming(Box::new(other))), Rejection::StampFell);
    assert_eq!(camp.refused(1, Camp::redeeming(lot, 1)), Rejection::StampFell);
    assert_eq!(camp.refused(1, at(Camp::redeeming(lot, 1), LAST)), Rejection::StampFell);
    // A program that does not ask is told by everybody who reads it: late, and its stamp fell. Nothing is undone.
    let granted = camp.issue(1, 10);
    let owner = Owner::Purse(camp.purse(1));
    let ticket = Box::new(camp.send(0, granted, 3, owner, 10));
    let merchant = camp.cast.merchants[0];
    let spends = [
        Camp::claiming(ticket),
        Value::Merchant { merchant },
        at(Camp::redeeming(0, 4), late),
        at(Camp::redeeming(0, 2), NOW),
    ];
    let (feed, block) = written(&camp, &camp.cast.nodes[3], &spends);
    camp.hand(0, 4);
    assert_eq!(camp.sites[4].receive(&feed, &block), Received::New);
    let faults: Vec<_> = camp.sites[4].faults();
    let of = |fault| faults.iter().filter(|(_, _, found)| *found == fault).count();
    assert_eq!((of(Fault::Late), of(Fault::StampFell), faults.len()), (1, 1, 2), "{faults:?}");
    assert_eq!(camp.redeemed(4), 6, "both were handed out");
    camp.conserved(4);
}

/// Entries of a later version's kinds: 64 must not be passed over, 65 may.
const STOPS: u8 = 64;
const PASSES: u8 = 65;

fn later(kind: u8) -> Entry {
    let bytes = Bytes::new(vec![kind, 2, 3]).expect("small");
    Entry::Later(Later { lane: Lane::Value, kind, bytes })
}

/// The article that brings them in, signed by two of three.
fn brings_in(camp: &Camp) -> SignedArticle {
    let articles: Vec<Vec<u8>> = camp.cast.articles.iter().map(SignedArticle::encode).collect();
    let (charter, _) = memo::power(&articles, &[]);
    let kinds = [(STOPS, true), (PASSES, false)];
    let acts =
        kinds.map(|(kind, critical)| Act::Activate { lane: Lane::Value, kind, size: 3, critical });
    let draft = charter.draft(Bounded::new(acts.into()).expect("two"));
    let mut signed = SignedArticle::unsigned(draft);
    for (org, key) in camp.cast.orgs.iter().take(2) {
        let signature = signed.article.sign(&camp.cast.federation, key);
        signed.add(Some(&charter), *org, signature).expect("a member");
    }
    signed
}

/// Blocks of node 3's, each of these entries after the one before, by an author who knew the article.
fn by_a_newer_program(camp: &Camp, blocks: &[&[Entry]]) -> (FeedId, Vec<Block>) {
    let who = &camp.cast.nodes[3];
    let feed = who.value(CASH);
    let epoch = u32::try_from(camp.cast.articles.len()).expect("few");
    let mut start = Head::start(&camp.cast.federation, &feed);
    let sealed = (0u64..).zip(blocks).map(|(seq, entries)| {
        let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
        let draft = Draft {
            feed,
            seq,
            start,
            entries: &entries,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch,
            hlc: Hlc::default(),
        };
        let key = SigningKey::from_seed(&who.seed);
        let block = draft.seal(&key, &camp.cast.federation).expect("small");
        start = block.header.end();
        block
    });
    (feed, sealed.collect())
}

#[test]
fn s36_a_kind_that_no_article_brought_in_is_refused_and_changes_nothing() {
    let mut camp = Camp::new();
    let article = brings_in(&camp);
    let (feed, unknown) = by_a_newer_program(&camp, &[&[later(66)]]);
    let (_, good) = by_a_newer_program(&camp, &[&[later(PASSES)]]);
    let root = camp.sites[4].root();
    assert_eq!(camp.sites[4].receive(&feed, &good[0]), Received::Waits, "for the article");
    camp.sites[4].article(&article);
    assert_eq!(camp.sites[4].receive(&feed, &unknown[0]), Received::Refused);
    assert_eq!(camp.sites[4].root(), root);
    assert_eq!(camp.sites[4].receive(&feed, &good[0]), Received::New);
    // A writer of this version writes none.
    camp.sites[3].article(&article);
    let feed = camp.feed(3);
    let asked = camp.sites[3].submit(&feed, &[later(PASSES).into()]);
    assert_eq!(asked.expect_err("it does not know it"), Rejection::UnknownKind);
}

#[test]
fn s36_a_kind_brought_in_is_kept_and_handed_on_and_a_critical_one_stops_the_fold_of_its_feed_alone()
{
    let camp = Camp::new();
    let article = brings_in(&camp);
    // Of nothing: it is owed, so that state tells whether it was folded.
    let send = |units| Entry::from(Value::Send(camp.sending(0, 4, Owner::Budget, units)));
    let (articles, notices) = (&camp.cast.articles, &camp.cast.notices);
    let sites = || -> [Box<dyn Site>; 2] {
        let mut sites: [Box<dyn Site>; 2] = [
            Box::new(Stored::found([9; 32], articles, notices)),
            Box::new(Memory::found([9; 32], articles, notices, None)),
        ];
        sites.iter_mut().for_each(|site| site.article(&article));
        sites
    };
    let owed = |site: &dyn Site| charges(site).values().sum::<i128>();
    for (kind, sums) in [(PASSES, [3, 7]), (STOPS, [0, 0])] {
        let (feed, blocks) = by_a_newer_program(&camp, &[&[later(kind), send(3)], &[send(4)]]);
        for mut site in sites() {
            for (block, sum) in blocks.iter().zip(sums) {
                assert_eq!(site.receive(&feed, block), Received::New, "replication goes on");
                assert_eq!(owed(&*site), sum, "{kind}");
                assert_eq!(site.replayed(), site.root());
            }
            let halted = site.faults().iter().any(|(_, at, f)| (*at, *f) == (0, Fault::Halted));
            assert_eq!(halted, kind == STOPS);
            assert_eq!(site.faulty(&feed.short()), kind == PASSES, "being halted is no fault");
            // Another feed is folded as ever, and whoever takes the blocks from here comes to the same.
            let (other, block) = written(
                &camp,
                &camp.cast.nodes[2],
                &[Value::Send(camp.sending(0, 4, Owner::Budget, 5))],
            );
            assert_eq!(site.receive(&other, &block), Received::New);
            assert_eq!(owed(&*site), sums[1] + 5);
            for mut next in sites() {
                for (feed, block) in site.blocks() {
                    assert_eq!(next.receive(&feed, &block), Received::New);
                }
                assert_eq!(next.root(), site.root());
            }
        }
    }
}

#[test]
fn s45_amounts_at_their_limit_are_refused_or_summed_and_never_wrap() {
    let mut camp = Camp::new();
    assert_eq!(Amount::new(u64::MAX), None);
    let lot = camp.family_at(1, 0, 10);
    camp.shop(1);
    let most = |lot| match Camp::redeeming(lot, 1) {
        Value::Redeem { lot, merchant, at, method, .. } => {
            Value::Redeem { lot, amount: Amount::MAX, merchant, at, method }
        }
        other => other,
    };
    assert_eq!(camp.refused(1, most(lot)), Rejection::ExceedsLot);
    // Somebody else's program writes it all the same, forty times over.
    let who = &camp.cast.nodes[3];
    let mut send = camp.sending(0, 4, Owner::Budget, 1);
    (send.amount, send.from) = (Amount::MAX, Lot(0));
    let (feed, block) = written(&camp, who, &vec![Value::Send(send); 40]);
    assert_eq!(camp.sites[4].receive(&feed, &block), Received::New);
    camp.conserved(4);
    let owed: i128 = charges(&*camp.sites[4]).values().sum();
    assert_eq!(owed, 40 * i128::from(Amount::MAX.units()));
    assert!(camp.sites[4].faulty(&feed.short()));
    assert!(amount(1) < Amount::MAX);
}
