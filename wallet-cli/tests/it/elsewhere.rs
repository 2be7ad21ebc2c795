//! Where somebody can be served whose home cannot serve her, and how much a place may hand out for others.

use std::fs;

use serde_json::Value;

use crate::camp::Camp;
use crate::counter::counter;

/// Carries what one node has to another.
fn carry(camp: &Camp, from: &str, to: &str) {
    let stick = format!("{from}-{to}");
    fs::create_dir(camp.file(&stick)).expect("folder");
    camp.run(&format!("bundle export --dir {from} --to {to} --out {stick}")).fine();
    camp.run(&format!("bundle import {stick} --dir {to}")).fine();
}

#[test]
fn whose_home_is_lost_is_served_where_she_stands_and_never_sent_back_to_it() {
    let camp = counter();
    camp.run("pay ticket --family 1 --to hill --out noor.ticket").fine();
    // All of it is sent: the slip and the line beside it name the place that has it.
    let said =
        camp.run("pay charge --family 1 --item Rice=5 --language fr").fails(5, "sent to hill");
    assert!(said.out.contains("ce que vous aviez a été envoyé à hill ("), "{}", said.out);
    // Before anybody says that the lake is lost, it is still asked.
    let charge = "pay charge --dir hill --ticket noor.ticket --item Rice=5";
    let line = "annona pay float --ticket noor.ticket --home lake --item Rice=5.000";
    let said = camp.run(charge).fails(5, "Next: her home, or this site's allowance");
    assert!(said.err.contains(line), "{}", said.err);

    camp.run("node revoke lake --reason lost --dir treasury").fine();
    carry(&camp, "treasury", "hill");
    let said = camp.run("pay claim --dir hill noor.ticket").fails(5, "rejection 50");
    let whole = "annona pay float --ticket noor.ticket --home lake --item Rice=12.500";
    assert!(said.err.contains(whole) && !said.err.contains("reserve"), "{}", said.err);
    for (language, to_her) in [
        ("en", "this site can serve you from its own allowance"),
        ("ar", "يمكن أن يخدمكم هذا الموقع من مخصصاته"),
    ] {
        let said = camp.run(&format!("{charge} --language {language}")).fails(5, line);
        assert!(said.out.contains(to_her), "{}", said.out);
        assert!(!said.err.contains("her home"), "{}", said.err);
    }
    // And the line does it.
    let line = line.strip_prefix("annona ").expect("a command");
    camp.run(&format!("{line} --dir hill")).fine();
}

/// What `status` of the hill says of its allowance of rice.
fn allowance(camp: &Camp) -> (Value, String) {
    let told = camp.run("status --dir hill --json").fine();
    let words = camp.run("status --dir hill").fine().out;
    let line = words.lines().find(|line| line.contains("allowance, Rice")).unwrap_or_default();
    (told.lines()[0]["allowances"][0].clone(), line.to_owned())
}

#[test]
fn an_allowance_tells_what_is_left_and_gives_that_where_more_was_asked() {
    let camp = counter();
    let purse = "00112233445566778899aabbccddeeff";
    let float =
        |rest: &str| camp.run(&format!("pay float --dir hill --purse {purse} --home lake {rest}"));
    let refusals = || {
        camp.run("audit export hill.audit --seal --replace --dir hill").fine();
        camp.run("audit anomalies hill.audit --json").fine().out.matches("\"class\"").count()
    };
    float("--item Rice=2").fine();
    let (told, line) = allowance(&camp);
    assert_eq!((&told["here"], &told["per_purse"]), (&"98000".into(), &"5000".into()), "{told}");
    assert_eq!(told["day"], serde_json::json!({ "most": "100000", "left": "98000" }));
    assert_eq!(told["site"], serde_json::json!({ "most": "300000", "left": "298000" }));
    assert!(line.contains("98.000 kg here; 98.000 kg of 100.000 kg left today"), "{line}");
    assert_eq!(camp.run("status --json").fine().lines()[0]["allowances"], serde_json::json!([]));

    // Some of it is left: she is not refused, and what there is can be typed off.
    let before = refusals();
    for dry in ["", " --dry-run"] {
        let said = float(&format!("--item Rice=40{dry}")).fails(5, "(rejection 52)");
        let most = "at most Rice 5.000 kg to one purse: this one may be given Rice 3.000 kg";
        assert!(said.err.contains(most) && !said.err.contains("today"), "{}", said.err);
        assert!(said.err.contains("Hand out what there is: --item Rice=3.000"), "{}", said.err);
        assert!(!said.out.contains("REFUSED"), "{}", said.out);
    }
    assert_eq!(refusals(), before, "nobody was refused");
    float("--item Rice=3.000").fine();
    // Nothing of it is left: she is.
    let said = float("--item Rice=1").fails(5, "nothing is left for this holder");
    assert!(
        said.out.contains("REFUSED") && said.err.contains("Next: another site"),
        "{}",
        said.err
    );
    let said = float("--item Oil=1").fails(5, "gives no Oil from an allowance");
    assert!(!said.err.contains("used up"), "{}", said.err);
}
