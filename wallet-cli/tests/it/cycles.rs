//! Two cycles that are open at once, and two families that became one: what somebody may have lies in several purses.

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const TWO: &str = "--operator mara.keys --operator-passphrase-file pass.txt --second yusuf.keys --second-passphrase-file pass.txt";

/// The counter of the camp, with a second cycle that ends later: family 1 has 10 kg of it, beside 12.5 of the first.
fn two_cycles() -> Camp {
    let camp = crate::counter::counter();
    let budget = camp.told("budget.toml").replace("cycle = 1", "cycle = 2");
    camp.write("second.toml", budget);
    camp.run("charter propose --acts second.toml --out second.annona --dir treasury").fine();
    for name in ["relief", "city"] {
        let signed = format!("{name}.keys.signed");
        drop(std::fs::remove_file(camp.file(&signed)));
        camp.run(&format!("charter sign second.annona --keys {name}.keys")).fine();
    }
    camp.run(
        "cycle open --programme Food --cycle 2 --opens +0d --closes +40d --expires +50d --keys relief.keys \
         --charter charter.annona --out second-cycle.annona",
    )
    .fine();
    for dir in ["treasury", "lake"] {
        camp.run(&format!("charter apply second.annona --dir {dir}")).fine();
        camp.run(&format!("node learn second-cycle.annona --dir {dir}")).fine();
    }
    camp.run("pay claim --budget --dir treasury").fine();
    camp.run("pay supply --dir treasury --cycle 2 --to lake --item Rice=100 --out second.ticket")
        .fine();
    camp.run("pay claim second.ticket").fine();
    camp.write("second.csv", "household_id,Rice\nB1-001,10\n");
    let import = "entitle import second.csv --programme Food --cycle 2 --own-key --json";
    let list = camp.run(import).fine().field(0, "list");
    for operator in [MARA, &MARA.replace("mara", "yusuf")] {
        camp.run(&format!("entitle approve {list} {operator}")).fine();
    }
    camp.run(&format!("entitle issue {list}")).fine();
    camp
}

#[test]
fn what_ends_first_is_handed_out_first_and_one_basket_takes_from_both_cycles() {
    let camp = two_cycles();
    // More than either cycle has.
    camp.run("pay charge --family 1 --item Rice=22.6 --dry-run").fails(5, "--item Rice=22.5");
    let held = camp.run("pay hold --family 1 --item Rice=13 --dry-run").fine();
    assert!(held.out.contains("13.000 kg put by"), "{}", held.out);
    let charged = camp.run("pay charge --family 1 --item Rice=20 --json").fine();
    let left: serde_json::Value = serde_json::from_str(&charged.field(0, "left")).expect("left");
    let rice: Vec<&serde_json::Value> =
        left.as_array().expect("a list").iter().filter(|one| one["commodity"] == 1).collect();
    assert_eq!(rice.len(), 1, "nothing is left of what ends first: {left}");
    assert_eq!((&rice[0]["cycle"], &rice[0]["units"]), (&2.into(), &2500.into()));
    // Of one cycle alone, where that is meant.
    camp.run("pay charge --family 1 --item Rice=1 --cycle 1").fails(5, "nothing is left of Rice");
    camp.write("order.jsonl", r#"{"request":"c1","family":"1","items":{"Rice":"1","Oil":"1"}}"#);
    let queue = camp.run("pay charge --from order.jsonl --json").fine();
    assert!(queue.field(0, "left").contains("\"units\":1500"), "{}", queue.out);
}

#[test]
fn what_lies_for_a_merged_family_is_seen_and_served_under_the_number_that_lives() {
    let camp = crate::counter::counter();
    camp.run(&format!("family merge 2 1 --collector 1 {TWO}")).fine();
    let left = camp.run("entitle balance 2").fine().out;
    let line = left.lines().find(|line| line.contains("12.500 kg")).expect("her rice");
    assert!(line.contains("as family 1, merged into this one"), "{line}");
    assert_eq!(camp.run("entitle balance 2 --json").fine().field(0, "merged"), "1");
    let shown = camp.run("family show 2").fine().out;
    assert!(shown.contains("family 1 was merged into it"), "{shown}");
    camp.run("pay charge --family 2 --item Rice=13").fails(5, "--item Rice=12.5");
    camp.run("pay charge --family 2 --item Rice=12").fine();
    camp.write("order.jsonl", r#"{"request":"m1","family":"2","items":{"Rice":"0.5"}}"#);
    let queue = camp.run("pay charge --from order.jsonl --json").fine();
    assert_eq!(queue.field(0, "accepted"), "true", "{}", queue.out);
    camp.run("pay charge --family 2 --item Rice=1").fails(5, "nothing is left of Rice");
}

#[test]
fn what_is_set_aside_is_named_and_can_be_sent() {
    let camp = crate::counter::counter();
    let aside = "pay supply --dir treasury --cycle 1 --to lake --item Rice=50 --as reserve --out aside.ticket";
    camp.run(aside).fine();
    camp.run("pay claim aside.ticket").fine();
    assert!(camp.run("status").fine().out.contains("50.000 kg as reserve"));
    let supply = "pay supply --cycle 1 --to hill";
    let said = camp.run(&format!("{supply} --item Rice=3000")).fails(5, "rejection 54");
    assert!(said.err.contains("Rice 50.000 kg lie here as reserve"), "{}", said.err);
    camp.run(&format!("{supply} --item Rice=20 --from-reserve --as float"))
        .fails(2, "as budget or");
    camp.run(&format!("{supply} --item Rice=51 --from-reserve")).fails(5, "rejection 54");
    let sent = camp.run(&format!("{supply} --item Rice=20 --from-reserve --out given.ticket"));
    assert!(sent.fine().out.contains("Rice 20.000 kg as budget"));
    camp.run("pay claim given.ticket --dir hill").fine();
    assert!(camp.run("status").fine().out.contains("30.000 kg as reserve"));
}
