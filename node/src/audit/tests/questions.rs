//! Samples, reconciliations and anomalies over a camp whose every hand-out is known.

use annona_ledger::audit::Source;

use super::*;
use crate::audit::anomalies::{Anomalies, Usual};
use crate::audit::reconcile::Claim;

fn file(camp: &Camp) -> (Case, AuditFile) {
    let case = Case::of(camp);
    fs::write(case.path(), &case.bytes).expect("room in the folder");
    let file = AuditFile::open(&case.path()).expect("it was written");
    (case, file)
}

#[test]
fn a_sample_depends_on_the_seed_and_the_hand_outs_alone() {
    let camp = camp(3, 4, 120);
    let (_case, file) = file(&camp);
    let ten = sample(&file, 10, "spring", Zone::default()).expect("a charter");
    assert_eq!((ten.of, ten.drawn.len()), (360, 10));
    assert_eq!(sample(&file, 10, "spring", Zone::default()), Ok(ten.clone()));
    assert_ne!(
        sample(&file, 10, "autumn", Zone::default()).map(|s| s.drawn),
        Ok(ten.drawn.clone())
    );
    let more = sample(&file, 60, "spring", Zone::default()).expect("a charter");
    assert!(
        ten.drawn.iter().all(|drawn| more.drawn.contains(drawn)),
        "a larger one has the smaller"
    );
    let all = sample(&file, 9_999, "spring", Zone::default()).expect("a charter");
    assert_eq!(all.drawn.len(), 360);
    // 1 − 0.05^(1/60) = 4.87 %, by any table; of all of them nothing is left to chance.
    assert_eq!((more.bound(), all.bound()), (Some(487 + 1), Some(0)));
    let sites: std::collections::BTreeSet<_> = more.drawn.iter().map(|d| &d.site).collect();
    assert_eq!(sites.len(), 3, "every site is drawn from");
}

#[test]
fn sites_side_by_side_come_to_the_sums_of_the_audit() {
    let camp = camp(3, 4, 300);
    let (case, file) = file(&camp);
    let sites = reconcile(&file, &[], &[], Zone::default()).expect("a charter");
    let verdict = case.audit(&case.bytes);
    let (_, sum) = verdict.sums.iter().next().expect("one commodity");
    let total = |of: fn(&reconcile::Line) -> u128| -> u128 { sites.lines.iter().map(of).sum() };
    let left: i128 = sites.lines.iter().map(|line| line.left).sum();
    assert_eq!(total(|l| l.budgeted), u128::from(sum.budget.units()));
    assert_eq!(left, sum.lots.units());
    assert_eq!(i128::try_from(total(|l| l.arriving)), Ok(sum.in_flight.units()));
    let given = total(|l| l.handed_out) + total(|l| l.float) - total(|l| l.refunded);
    let spent = sum.budget.units() as i128 - sum.lots.units() - sum.in_flight.units();
    assert_eq!(i128::try_from(given), Ok(spent));
    // The last site's tickets to the first are not claimed in this camp, and nothing else is open.
    assert!(!sites.open.is_empty() && sites.is_even());
    assert!(sites.open.iter().all(|open| open.what.contains("not claimed")), "{:?}", sites.open);
    let one = reconcile(&file, &["site 3".to_owned()], &[], Zone::default()).expect("it is a site");
    assert_eq!(one.lines.len(), 1);
    assert!(reconcile(&file, &["nowhere".to_owned()], &[], Zone::default()).is_err());
}

#[test]
fn a_merchant_s_list_is_matched_row_by_row() {
    let camp = camp(1, 2, 20);
    let (_case, file) = file(&camp);
    let drawn = sample(&file, 3, "x", Zone::default()).expect("a charter").drawn;
    let claim = |line, entry: &str, amount: &str| Claim {
        line,
        entry: entry.to_owned(),
        amount: amount.to_owned(),
    };
    let written = |amount: &str| amount.split(' ').next().unwrap_or_default().to_owned();
    let list = [
        claim(2, &drawn[0].entry, &written(&drawn[0].amount)),
        claim(3, &drawn[1].entry, "999999"),
        claim(4, "0000000000000000/value/1#7:0000000000000000", "1"),
    ];
    let sites = reconcile(&file, &[], &list, Zone::default()).expect("a charter");
    assert_eq!(sites.matched, 1);
    assert!(!sites.is_even() && sites.contradictions == 2);
    let what: Vec<&str> = sites.open.iter().map(|open| &*open.what).collect();
    assert!(what.contains(&"line 3 of the list says 999999"), "{what:?}");
    assert!(what.contains(&"line 4 of the list: not in this file"), "{what:?}");
}

fn kinds(seen: &Anomalies) -> Vec<&'static str> {
    let mut kinds: Vec<_> = seen.found.iter().map(|found| found.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn each_pattern_is_seen_where_it_is_and_only_there() {
    // Founded at 11:06 UTC; the hand-outs begin 100 minutes later, twenty a minute.
    let camp = camp(2, 40, 200);
    let (_case, file) = file(&camp);
    let quiet = Usual { an_hour: 1_000, again: 0, ..Usual::default() };
    let seen = anomalies(&file, quiet).expect("a charter");
    assert_eq!(seen.handed_out, 400);
    assert!(kinds(&seen).is_empty(), "{:?}", seen.found);
    let seen = anomalies(&file, Usual { an_hour: 10, ..quiet }).expect("a charter");
    assert!(kinds(&seen).is_empty(), "four times the median hour is more than ten");
    let night = Usual { night: (12, 13), ..quiet };
    assert_eq!(kinds(&anomalies(&file, night).expect("a charter")), ["night"]);
    let east = Usual { zone: Zone(9 * 60), ..quiet };
    assert_eq!(kinds(&anomalies(&file, east).expect("a charter")), ["night"], "21:46 there");
    let again = Usual { again: 5, ..quiet };
    assert_eq!(kinds(&anomalies(&file, again).expect("a charter")), ["again"]);
    assert!(seen.not_looked_for.iter().any(|what| what.contains("PIN")));
}

#[test]
fn a_site_that_stands_out_is_named() {
    let mut camp = camp(3, 60, 60);
    // A fourth feed of the first site's, in place of its own: one busy minute of round sums on an operator's word.
    let node = key(1_000);
    let feed = FeedId { node: node.public(), lane: Lane::Value, programme: P };
    let old = camp.feeds.remove(&feed).expect("the site's feed");
    let mut pen = Pen::new(&node, camp.federation, Lane::Value, P);
    let federation = camp.federation;
    let entries: Vec<Entry> = old
        .iter()
        .flat_map(|block| block.verify(&federation, &feed).expect("it is good").entries().to_vec())
        .map(|placed| placed.entry)
        .collect();
    for entry in entries {
        match entry {
            Entry::Value(Value::Redeem { lot, merchant, at, .. }) => {
                for _ in 0..3 {
                    let method = Method::Override;
                    let amount = amount(1_000);
                    pen.write(Value::Redeem { lot, amount, merchant, at, method });
                }
            }
            Entry::Value(Value::Refund { .. } | Value::Send(_) | Value::Basket { .. }) => {}
            other => {
                pen.write(other);
            }
        }
    }
    pen.done(&mut camp.feeds);
    let (_case, file) = file(&camp);
    let usual = Usual { an_hour: 10, again: 0, ..Usual::default() };
    let seen = anomalies(&file, usual).expect("a charter");
    let of_first: Vec<_> =
        seen.found.iter().filter(|f| f.feed == feed.short().to_string()).collect();
    assert_eq!(of_first.len(), seen.found.len(), "{:?}", seen.found);
    let kinds: Vec<_> = of_first.iter().map(|found| found.kind).collect();
    assert!(kinds.contains(&"override") && kinds.contains(&"round sums"), "{kinds:?}");
}

#[test]
fn a_feed_that_is_not_wholly_there_is_said_to_be_so() {
    let mut camp = camp(2, 4, 300);
    let feed = site(&camp);
    camp.feeds.get_mut(&feed).expect("the site's feed").remove(0);
    let (_case, file) = file(&camp);
    assert!(file.feeds().contains(&feed));
    let partly = sample(&file, 5, "x", Zone::default()).expect("a charter").partly;
    assert_eq!(partly, [feed.short().to_string()]);
    assert_eq!(reconcile(&file, &[], &[], Zone::default()).expect("a charter").partly, partly);
}

/// Writes on at the end of some blocks of a feed, by whoever holds its key.
fn going_on<'a>(key: &'a SigningKey, camp: &Camp, feed: FeedId, blocks: Vec<Block>) -> Pen<'a> {
    let head = blocks.last().expect("a block").header.end();
    let federation = camp.federation;
    Pen { key, federation, feed, head, sealed: head, open: Vec::new(), epoch: 0, blocks }
}

/// A clock at the end of time belongs to one node: nobody else's day is late by it.
#[test]
fn one_clock_alone_makes_nothing_late() {
    let mut camp = camp(2, 40, 200);
    let treasury = key(1);
    let feed = FeedId { node: treasury.public(), lane: Lane::Value, programme: P };
    let blocks = camp.feeds.remove(&feed).expect("the treasury's");
    let mut pen = going_on(&treasury, &camp, feed, blocks);
    let ticket = Box::new(Ticket::Budget { epoch: 0, act: 2, line: 0 });
    pen.write(Value::Claim { ticket, at: Minute(u32::MAX - 1) });
    pen.done(&mut camp.feeds);
    let (_case, file) = file(&camp);
    let seen = anomalies(&file, Usual { an_hour: 1_000, again: 0, ..Usual::default() });
    assert_eq!(kinds(&seen.expect("a charter")), [""; 0]);
}

/// Each branch has the merchants it names itself, and those below the place where it left.
#[test]
fn a_branch_hands_out_for_its_own_merchants() {
    let mut camp = camp(1, 4, 60);
    let (site, feed) = (key(1_000), site(&camp));
    let shared = camp.feeds.remove(&feed).expect("the site's");
    let mut all = Vec::new();
    for n in [2u8, 3] {
        let mut pen = going_on(&site, &camp, feed, shared.clone());
        pen.write(Value::Merchant { merchant: MerchantId([n; 16]) });
        let (lot, amount, method) = (Lot(2), amount(1), Method::Pin);
        pen.write(Value::Redeem { lot, amount, merchant: 1, at: Minute(500), method });
        pen.seal();
        all.extend(pen.blocks.into_iter().filter(|block| !shared.contains(block)));
    }
    all.sort_by_key(|block| block.header.hash());
    camp.feeds.insert(feed, [shared, all].concat());
    let (_case, file) = file(&camp);
    let drawn = sample(&file, 1_000, "x", Zone::default()).expect("a charter").drawn;
    let named: std::collections::BTreeSet<_> = drawn.iter().flat_map(|d| &d.merchant).collect();
    assert_eq!(named.len(), 3, "the first of both, and one of each: {named:?}");
}
