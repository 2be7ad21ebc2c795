//! The demonstration from beginning to end, and what it must have shown.

use std::fs;

use crate::camp::Camp;

#[test]
fn the_demonstration_plays_to_its_end() {
    let camp = Camp::empty();
    let played = camp.bare("demo --dir day --json").fine();
    let lines = played.lines();
    let told: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line["kind"] == "demo_result")
        .filter_map(|line| Some((line["name"].as_str()?, line["text"].as_str()?)))
        .collect();
    for (name, words) in [
        ("supplied", "no link"),
        ("registered", "180 families"),
        ("one_operator", "two"),
        ("issued", "300 families"),
        ("served", "accepted and durable"),
        ("repeated", "answered as before"),
        ("travelled", "25 kg"),
        ("capped", "rejection 52"),
        ("refunded", "taken back"),
        ("refund_twice", "rejection 26"),
        ("overspend", "rejection 54"),
        ("claim_twice", "rejection 44"),
        ("spend_what_left", "rejection"),
        ("other_site", "rejection 41"),
        ("altered", "block"),
        ("carried", "new blocks"),
        ("roots_agree", "one state root"),
        ("audited", "good"),
        ("altered_file", "wrong"),
        ("report", "report.html"),
        ("insured", "other's reserve"),
        ("burnt", "gone"),
        ("ate", "2 families ate"),
        ("suspense", "kg of rice"),
        ("fenced", "rejection 49"),
        ("late_receipts", "nobody is charged"),
        ("certified", "by City"),
        ("rollback", "goes back on"),
        ("forked", "forked"),
        ("fork_charged", "Relief owes 14 kg"),
        ("restored", "node reincarnate"),
        ("no_rights", "rejection"),
        ("reincarnated", "new key"),
        ("closed", "closed"),
        ("one_person", "rejection"),
        ("settled_twice", "nothing waits"),
        ("settled", "payments.csv"),
        ("found", "forked"),
        ("owed", "organisation 1 owes"),
        ("report_after", "the report lists them"),
    ] {
        assert!(
            told.iter().any(|(n, text)| *n == name && text.contains(words)),
            "{name}: \"{words}\" was not told in {told:#?}"
        );
    }
    for page in ["day/report.html", "day/report-after.html"] {
        let page = fs::read_to_string(camp.file(page)).expect("the report");
        assert!(page.contains("<svg"), "with plots");
    }
    // The folders are left, and work.
    camp.bare("status --dir day/hill").fine();
    camp.bare("audit verify day/auditor/camp.audit").fine();
    camp.bare("demo --dir day").fails(6, "has something in it");
}

#[test]
fn two_computers_meet_over_loopback_are_cut_off_and_catch_up() {
    let camp = Camp::empty();
    let played = camp.bare("demo --network --orders 900 --dir net --json").fine();
    let lines = played.lines();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let told = of("demo_result");
    for (name, words) in [
        ("met", "127.0.0.1:"),
        ("heard", "epoch 1 at the lake"),
        ("listed", "the same on both computers"),
        ("served", "900 orders"),
        ("caught_up", "entries before the cut, all 90"),
        ("roots_agree", "one state root"),
        ("revoked", "met no more"),
    ] {
        let found = told.iter().any(|line| {
            line["name"] == name && line["text"].as_str().is_some_and(|text| text.contains(words))
        });
        assert!(found, "{name}: \"{words}\" was not told in {told:#?}");
    }
    let seen = of("demo_progress");
    assert!(seen.iter().any(|line| line["state"] == "meeting"), "progress is shown: {seen:#?}");
    // Nobody is left running, and the folders work.
    let status = camp.bare("status --dir net/treasury --json").fine();
    assert_eq!(status.lines()[0]["running"], serde_json::Value::Null);
    camp.bare("demo --orders 3").fails(2, "--network");
}
