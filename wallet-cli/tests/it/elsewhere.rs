//! Where somebody can be served whose home cannot serve her, and how much a place may hand out for others.

use std::fs;

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
