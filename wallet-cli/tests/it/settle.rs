//! What burnt is brought, days are closed, and merchants are paid once.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::camp::{Answer, Camp};
use crate::clocks::{at, now};
use crate::counter::counter;

/// The hill hands out 2 kg from its allowance that the lake will never read of in a block: `burnt.promise` is what the
/// till was given, and its purse is the first family's.
pub(crate) fn burnt(camp: &Camp) {
    let asked = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let purses: Vec<String> = serde_json::from_str(&asked.field(0, "purses")).expect("purses");
    camp.run("bundle import part-1.annona").fine();
    let float = format!("pay float --dir hill --purse {} --home lake --item Rice=2", purses[0]);
    let given = camp.run(&format!("{float} --merchant \"Hill store\" --json")).fine();
    camp.write("burnt.promise", given.field(0, "promise"));
}

/// The counter with a third operator, sara, and its treasury knowing what the lake handed out.
pub(crate) fn treasury() -> Camp {
    static MADE: OnceLock<Camp> = OnceLock::new();
    MADE.get_or_init(|| {
        let camp = counter();
        camp.run("operator new --out sara.keys --passphrase-cost light").fine();
        let signing = "--keys relief.keys --charter charter.annona --organisation 1 --site 1";
        let who = "--role supervisor --programme Food --out sara.annona";
        camp.run(&format!("operator admit sara.keys.public {signing} {who}")).fine();
        camp.run("node learn sara.annona --dir treasury").fine();
        carry(&camp, "lake", "treasury");
        camp
    })
    .copied()
}

/// Takes all that one node has written to another.
fn carry(camp: &Camp, from: &str, to: &str) {
    let folder = format!("{from}-to-{to}");
    fs::remove_dir_all(camp.file(&folder)).ok();
    fs::create_dir(camp.file(&folder)).expect("a folder");
    camp.run(&format!("bundle export --dir {from} --to {to} --out {folder}")).fine();
    camp.run(&format!("bundle import {folder} --dir {to}")).fine();
}

fn settle(camp: &Camp, words: &str) -> Answer {
    camp.run(&format!("settle {words} --dir treasury"))
}

/// The words of a step by an operator.
fn by(step: &str, settlement: &str, who: &str) -> String {
    format!("{step} {settlement} --operator {who}.keys --operator-passphrase-file pass.txt")
}

/// A settlement as far as `steps` lead.
pub(crate) fn drafted(camp: &Camp, steps: usize) -> String {
    let drafted = settle(camp, "draft --json").fine().field(0, "entry");
    for (step, who) in [("verify", "mara"), ("approve", "yusuf")].into_iter().take(steps) {
        settle(camp, &by(step, &drafted, who)).fine();
    }
    drafted
}

/// The payments of a settlement, each as its cells.
fn payments(camp: &Camp, settlement: &str, dir: &str) -> Vec<Vec<String>> {
    camp.run(&format!("settle pay {settlement} --out pay.csv --replace --dir {dir}")).fine();
    let text = camp.told("pay.csv");
    let mut lines = text.lines();
    let header = "reference,merchant,programme,cycle,commodity,units,kind,node,index,copy,amount";
    assert_eq!(lines.next(), Some(header));
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn s24_what_comes_back_after_it_was_paid_is_a_payment_below_zero() {
    let camp = treasury();
    camp.run("pay charge --family 1 --item Rice=1 --request first").fine();
    carry(&camp, "lake", "treasury");
    assert_eq!(settle(&camp, "draft --dry-run --json").fine().field(0, "rows"), "2");
    let first = drafted(&camp, 2);
    let rows = payments(&camp, &first, "treasury");
    let mut told: Vec<(&str, &str)> = rows.iter().map(|r| (&*r[5], &*r[6])).collect();
    told.sort_unstable();
    assert_eq!(told, [("1000", "redeemed"), ("5000", "redeemed")]);
    settle(&camp, &by("pay", &format!("{first} --done"), "sara")).fine();
    settle(&camp, "draft").fails(5, "nothing waits");
    // The lake hears of it, and its list says so.
    carry(&camp, "treasury", "lake");
    let list = camp.run("pay list --json").fine();
    assert_eq!(list.field(0, "finality"), "settled");
    // Asked again under its own name, it is told to be paid.
    let again = camp.run("pay charge --family 1 --item Rice=1 --request first --json").fine();
    assert_eq!(again.field(0, "finality"), "settled");
    camp.run(&format!("pay refund {} --amount 2", camp.told("entry.txt"))).fine();
    carry(&camp, "lake", "treasury");
    let second = drafted(&camp, 2);
    let back = payments(&camp, &second, "treasury");
    assert_eq!((back.len(), back[0][5].as_str(), back[0][6].as_str()), (1, "-2000", "refunded"));
    assert_eq!(back[0][1], rows[0][1], "of the merchant of its redemption");
    assert_ne!(back[0][0], rows[0][0]);
    let status = settle(&camp, "status --json").fine().lines();
    let stages: Vec<&Value> = status.iter().map(|line| &line["stage"]).collect();
    assert_eq!(stages[..2], ["paid", "approved"]);
    assert_eq!(status[0]["finality"], "accepted", "of the draft itself");
    assert_eq!(status[2]["waiting"], 0);
}

#[test]
fn three_people_take_the_steps_in_order_and_nobody_takes_two() {
    let camp = treasury();
    let draft = drafted(&camp, 0);
    settle(&camp, &format!("pay {draft} --out early.csv")).fails(5, "not approved");
    let early = settle(&camp, &by("approve", &draft, "yusuf")).fails(5, "rejection");
    assert!(early.err.contains("`annona settle verify` is next"), "{}", early.err);
    // Who works at another site of the organisation takes no step here.
    camp.run("operator new --out dina.keys --passphrase-cost light").fine();
    let signing = "--keys relief.keys --charter charter.annona --organisation 1 --site 3";
    let who = "--role approver --programme Food --out dina.annona";
    camp.run(&format!("operator admit dina.keys.public {signing} {who}")).fine();
    camp.run("node learn dina.annona --dir treasury").fine();
    settle(&camp, &by("verify", &draft, "dina")).fails(5, "for site 3, and this is site 1");
    settle(&camp, &format!("{} --dry-run", by("verify", &draft, "mara"))).fine();
    settle(&camp, &by("verify", &draft, "mara")).fine();
    settle(&camp, &by("verify", &draft, "yusuf")).fails(5, "rejection");
    settle(&camp, &by("approve", &draft, "mara")).fails(5, "rejection");
    // A supervisor verifies and pays, and approves nothing.
    settle(&camp, &by("approve", &draft, "sara")).fails(5, "rejection");
    settle(&camp, &by("approve", &draft, "yusuf")).fine();
    for who in ["mara", "yusuf"] {
        settle(&camp, &by("pay", &format!("{draft} --done"), who)).fails(5, "rejection");
    }
    settle(&camp, &by("pay", &format!("{draft} --done"), "sara")).fine();
    settle(&camp, &by("pay", &format!("{draft} --done"), "sara")).fails(5, "rejection");
    let late = format!("{} --reason late", by("dispute", &draft, "mara"));
    let late = settle(&camp, &late).fails(5, "rejection");
    assert!(late.err.contains("annona pay refund"), "{}", late.err);
    settle(&camp, &by("verify", "1#9999", "mara")).fails(3, "no settlement");
    // Who counts is told by certificate, wherever the feed is read.
    carry(&camp, "treasury", "lake");
    let there = camp.run("settle status --json").fine().lines();
    assert_eq!(there[0]["stage"], "paid");
    assert_eq!(there[0]["steps"].as_array().map(Vec::len), Some(3), "{}", there[0]);
}

#[test]
fn what_is_disputed_is_free_for_the_next_draft_and_the_reason_is_kept() {
    let camp = treasury();
    let first = drafted(&camp, 1);
    let root = settle(&camp, &format!("status {first} --json")).fine().field(0, "root");
    settle(&camp, &by("dispute --reason \" \"", &first, "yusuf")).fails(2, "--reason");
    let dispute = by("dispute --reason \"receipt 1#9 is missing\"", &first, "yusuf");
    settle(&camp, &dispute).fine();
    settle(&camp, &by("approve", &first, "yusuf")).fails(5, "rejection");
    let told = settle(&camp, "status --json").fine().lines();
    assert_eq!(told[0]["steps"][1]["reason"], "receipt 1#9 is missing", "{}", told[0]);
    let second = drafted(&camp, 2);
    let again = settle(&camp, &format!("status {second} --json")).fine();
    assert_eq!(again.field(0, "root"), root, "the same rows");
    // It travels beside its entry.
    carry(&camp, "treasury", "lake");
    let there = camp.run("settle status --json").fine().lines();
    assert_eq!(there[0]["steps"][1]["reason"], "receipt 1#9 is missing");
}

/// A second treasury, that hears of nothing the first does.
fn annex(camp: &Camp) {
    camp.run(
        "init --dir annex --site annex --role treasury --organisation 1 --passphrase-cost light",
    )
    .fine();
    let signing = "--keys relief.keys --charter charter.annona";
    camp.run("charter apply charter.annona --dir annex").fine();
    camp.run("node request --dir annex --out annex.request").fine();
    camp.run(&format!(
        "node admit annex.request {signing} --site 9 --programme Food --until +300d --out annex.annona"
    ))
    .fine();
    let notices = "treasury.annona lake.annona hill.annona mara.annona yusuf.annona sara.annona cycle.annona annex.annona";
    camp.run(&format!("node learn {notices} --dir annex")).fine();
    for dir in ["treasury", "lake"] {
        camp.run(&format!("node learn annex.annona --dir {dir}")).fine();
    }
    carry(camp, "lake", "annex");
}

#[test]
fn a_treasury_is_lost_and_its_successor_asks_with_the_same_references() {
    let camp = treasury();
    annex(&camp);
    let first = drafted(&camp, 2);
    let paid = payments(&camp, &first, "treasury");
    let again = camp.run("settle draft --dir annex --json").fine().field(0, "entry");
    for (step, who) in [("verify", "mara"), ("approve", "yusuf")] {
        camp.run(&format!("settle {} --dir annex", by(step, &again, who))).fine();
    }
    let asked = payments(&camp, &again, "annex");
    assert_eq!(asked, paid, "so the payer outside refuses them");
    settle(&camp, &by("verify", &format!("{again}9"), "mara")).fails(3, "no settlement");
    // Once the successor hears of the first, it leaves out what that one holds.
    carry(&camp, "treasury", "annex");
    camp.run("settle draft --dir annex").fails(5, "nothing waits");
    let json = camp.run(&format!("settle pay {again} --out pay.json --dir annex --json")).fine();
    assert_eq!(json.field(0, "rows"), "1");
    let file: Value = serde_json::from_str(&camp.told("pay.json")).expect("JSON");
    assert_eq!(file["rows"][0]["reference"], paid[0][0].as_str());
    assert!(json.err.contains("1 of these rows stand approved in"), "{}", json.err);
    // Once it is cut off, nobody writes a file of what it left approved.
    let all = camp.run("settle status --dir annex --json").fine().lines();
    let theirs = all.iter().find(|one| one["own"] == false).expect("the first");
    let name = theirs["name"].as_str().expect("a name").to_owned();
    assert_eq!(theirs["void"], false);
    camp.run("node revoke treasury --reason lost --dir annex").fine();
    camp.run(&format!("settle pay {name} --out dead.csv --dir annex")).fails(5, "is void");
    assert!(!camp.file("dead.csv").exists());
    assert!(camp.run("settle status --dir annex").fine().out.contains("VOID"));
    camp.run(&format!("settle pay {again} --out living.csv --dir annex")).fine();
}

fn said(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn s27_what_a_site_promised_and_dropped_is_told_brought_and_settled_once() {
    let camp = treasury();
    burnt(&camp);
    let promise = |dir: &str| camp.run(&format!("pay promise burnt.promise --dir {dir} --json"));
    assert_eq!(promise("hill").fine().field(0, "promise"), "kept");
    assert_eq!(promise("treasury").fine().field(0, "promise"), "not here");
    carry(&camp, "lake", "treasury");
    camp.run("node revoke hill --reason lost --dir treasury").fine();
    let told = promise("treasury").fine();
    assert_eq!(told.field(0, "promise"), "cut off", "{}", told.out);
    // What the hill claimed is known from the lake's copy or shown beside.
    camp.run("pay receipt 1#0 --dir hill --out claim.receipt").fine();
    let bring = "pay orphan burnt.promise claim.receipt --dir treasury";
    camp.run(bring).fine();
    camp.run(bring).fails(5, "rejection");
    assert_eq!(promise("treasury").fine().field(0, "shown"), "true");
    // What was shown stands beside the sums of blocks, and the two come to those of the audit.
    camp.run("audit export shown.audit --dir treasury --seal").fine();
    let verdict = camp.bare("audit verify shown.audit --json").lines().remove(0);
    let sums = verdict["sums"].as_array().expect("sums");
    let rice = sums.iter().find(|sum| sum["commodity"] == 1).expect("rice");
    let sites = camp.bare("audit reconcile shown.audit --json").lines().remove(0);
    let of_rice = |field: &str| {
        let lines = sites["lines"].as_array().expect("lines").iter();
        let of = lines.filter(|line| line["commodity"] == 1);
        of.map(|line| line[field].as_i64().expect("units")).sum::<i64>()
    };
    assert_eq!((of_rice("shown"), of_rice("left").to_string()), (2_000, said(&rice["lots"])));
    let words = camp.bare("audit reconcile shown.audit hill").out;
    assert!(words.contains("handed out as others show 2.000"), "{words}");
    let unnamed = "--unnamed \"Hill store\"";
    let first = settle(&camp, &format!("draft {unnamed} --json")).fine();
    assert_eq!(first.field(0, "rows"), "2", "{}", first.out);
    let first = first.field(0, "entry");
    for (step, who) in [("verify", "mara"), ("approve", "yusuf")] {
        settle(&camp, &by(step, &first, who)).fine();
    }
    let rows = payments(&camp, &first, "treasury");
    assert!(rows.iter().any(|row| row[5] == "2000"), "{rows:?}");
    // The hill comes back with all its blocks: what was shown stands in one of them, and is not paid again.
    carry(&camp, "hill", "treasury");
    settle(&camp, &format!("draft {unnamed}")).fails(5, "nothing waits");
    assert_eq!(promise("treasury").fine().field(0, "promise"), "kept");
}

#[test]
fn a_promise_is_not_broken_by_the_clock_of_whoever_asks() {
    let camp = treasury();
    burnt(&camp);
    carry(&camp, "lake", "treasury");
    camp.run("node revoke hill --reason lost --dir treasury").fine();
    let asked = "pay promise burnt.promise --dir treasury --out burnt.broken --json";
    let later = now() + 16 * 24 * 60 * 60 * 1_000;
    let told = at(&camp, later, asked).fine();
    assert_eq!(told.field(0, "promise"), "cut off", "nobody else has come so far: {}", told.out);
    // Sixteen days pass for the lake, too.
    let news = |from: &str, to: &str| {
        let folder = format!("{from}-then");
        fs::create_dir(camp.file(&folder)).expect("a folder");
        at(&camp, later, &format!("bundle export --dir {from} --to {to} --out {folder}")).fine();
        at(&camp, later, &format!("bundle import {folder} --dir {to}")).fine();
    };
    for dir in ["treasury", "lake"] {
        at(&camp, later, &format!("node clock --here --dir {dir}")).fine();
    }
    at(&camp, later, "pay supply --dir treasury --cycle 1 --item Rice=1 --to lake").fine();
    news("treasury", "lake");
    at(&camp, later, "pay charge --family 1 --item Rice=1").fine();
    news("lake", "treasury");
    let told = at(&camp, now(), asked).fine();
    assert_eq!(told.field(0, "promise"), "cut off", "nor by theirs alone: {}", told.out);
    assert!(!camp.file("burnt.broken").exists());
    at(&camp, later, asked).fails(1, "broken");
    assert!(camp.file("burnt.broken").exists());
}

#[test]
fn what_is_synced_late_is_in_the_next_settlement_and_in_no_other() {
    let camp = treasury();
    let first = drafted(&camp, 2);
    let before = payments(&camp, &first, "treasury");
    // Handed out in time, and synced late, when the settlement is under way.
    camp.run("pay charge --family 1 --item Rice=3").fine();
    carry(&camp, "lake", "treasury");
    let second = drafted(&camp, 2);
    let late = payments(&camp, &second, "treasury");
    assert_eq!((before.len(), late.len(), late[0][5].as_str()), (1, 1, "3000"));
    let references: std::collections::BTreeSet<&String> =
        before.iter().chain(&late).map(|row| &row[0]).collect();
    assert_eq!(references.len(), 2);
    settle(&camp, "draft").fails(5, "nothing waits");
}

#[test]
fn s26_what_is_put_by_is_handed_out_or_let_go_once_and_settled_if_handed_out() {
    let camp = treasury();
    let hold = "pay hold --family 1 --item Rice=4 --json";
    camp.run(&format!("{hold} --dry-run")).fine();
    let one = camp.run(hold).fine().field(0, "entry");
    let two = camp.run(hold).fine().field(0, "entry");
    camp.run("pay charge --family 1 --item Rice=5").fails(5, "rejection");
    camp.run(&format!("pay post {one} --dry-run")).fine();
    let done = camp.run(&format!("pay post {one} --json")).fine().field(0, "entry");
    let again = camp.run(&format!("pay post {one} --json")).fine();
    assert_eq!((again.field(0, "entry"), again.field(0, "repeated")), (done, "true".into()));
    camp.run(&format!("pay drop {one}")).fails(5, "rejection");
    camp.run(&format!("pay drop {two}")).fine();
    camp.run(&format!("pay post {two}")).fails(5, "rejection");
    camp.run("pay post 1#0").fails(3, "puts nothing by");
    camp.run("pay charge --family 1 --item Rice=5").fine();
    carry(&camp, "lake", "treasury");
    let rows = payments(&camp, &drafted(&camp, 2), "treasury");
    let mut units: Vec<&str> = rows.iter().map(|row| row[5].as_str()).collect();
    units.sort_unstable();
    assert_eq!(units, ["4000", "5000", "5000"], "and what was only put by is not paid");
}

#[test]
fn merchants_are_named_once_and_known_by_handle() {
    let camp = counter();
    let bakery = "merchant add \"Al Noor bakery\" --json";
    camp.run(&format!("{bakery} --dry-run")).fine();
    let added = camp.run(bakery).fine();
    let again = camp.run(bakery).fine();
    assert_eq!((added.field(0, "known"), again.field(0, "known")), ("false".into(), "true".into()));
    assert_eq!(added.field(0, "merchant"), again.field(0, "merchant"));
    let list = camp.run("merchant list --json").fine().lines();
    assert!(list.iter().any(|line| line["name"] == "Al Noor bakery"), "{list:?}");
    camp.run("merchant add \" \"").fails(2, "called");
}

#[test]
fn what_burnt_is_brought_once_by_its_promise() {
    let camp = counter();
    burnt(&camp);
    let dry = camp.run("pay orphan burnt.promise --dry-run --json").fine();
    assert_eq!((dry.field(0, "dry_run"), dry.field(0, "of")), ("true".into(), "4".into()));
    camp.run("pay orphan burnt.promise").fine();
    camp.run("pay orphan burnt.promise").fails(5, "rejection");
    camp.run("pay orphan noor.receipt").fails(5, "rejection");
    let whole = camp.told("burnt.promise");
    camp.write("damaged.promise", &whole[..whole.len() - 9]);
    camp.run("pay orphan damaged.promise").fails(3, "damaged");
    camp.write("two.promise", format!("{}\n{}", camp.told("burnt.promise"), promise(&camp)));
    camp.run("pay orphan two.promise").fails(3, "different sites");
}

/// The promise of a redemption at the lake.
pub(crate) fn promise(camp: &Camp) -> String {
    camp.run("pay charge --family 1 --item Rice=1 --json").fine().field(0, "promise")
}

#[test]
fn a_day_is_opened_and_closed_with_what_each_merchant_gave() {
    let camp = counter();
    camp.run("pay open-day --dry-run").fine();
    camp.run("pay open-day").fine();
    camp.run("pay open-day").fails(5, "rejection");
    promise(&camp);
    let dry = camp.run("pay close-day --dry-run --json").fine();
    let closed = camp.run("pay close-day --json").fine();
    assert_eq!(dry.field(0, "root"), closed.field(0, "root"));
    let merchants: Value = serde_json::from_str(&closed.field(0, "merchants")).expect("merchants");
    assert_eq!(merchants[0]["given"], 1_000, "{merchants}");
    camp.run("pay close-day").fails(5, "rejection");
}
