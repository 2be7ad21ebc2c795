//! Bundles and audits, through the program as it is run.

use std::fs;

use crate::counter::counter;

#[test]
fn a_bundle_travels_and_is_known_the_second_time() {
    let camp = counter();
    camp.run("bundle import stick --json").fine();
    let again = camp.run("bundle import stick part-1.annona --json").fine();
    assert_eq!(again.field(0, "blocks"), "0");
    camp.run("bundle import stick --dir treasury").fails(3, "not for this node");
    camp.run("bundle import camp.audit").fails(3, "no bundle");
    camp.run("bundle import lake").fails(3, "holds no part");
    camp.run("bundle export --to nowhere").fails(3, "no certificate");
    let sealed = camp.bare("bundle inspect part-1.annona --sealed --json").fine();
    assert!(!sealed.out.contains("\"open\":true"), "{}", sealed.out);
    let open = camp.run("bundle inspect part-1.annona --json").fine();
    assert!(open.out.contains("\"open\":true"), "{}", open.out);
}

#[test]
fn a_damaged_bundle_is_told_and_what_was_good_is_kept() {
    let camp = counter();
    let part = fs::read(camp.file("part-1.annona")).expect("read");
    let mut wrong = part.clone();
    let last = wrong.len() - 10;
    wrong[last] ^= 1;
    camp.write("wrong.annona", &wrong);
    camp.run("bundle import wrong.annona").fails(1, "wrong.annona");
    camp.write("short.annona", &part[..part.len() / 2]);
    camp.run("bundle import short.annona").fails(1, "short.annona");
    camp.write("empty.annona", "");
    camp.run("bundle import empty.annona").fails(3, "empty.annona");
    camp.run("bundle import part-1.annona").fine();
}

#[test]
fn an_audit_needs_the_file_alone_and_finds_one_changed_bit() {
    let camp = counter();
    let good = camp.bare("audit verify camp.audit --dir nowhere --json").fine();
    assert_eq!(good.field(0, "good"), "true");
    let federation = good.field(0, "federation");
    // By their names and dates, and by the digest that the export printed.
    let digest = good.field(0, "digest");
    let exported = camp.bare("audit export again.audit --json").fine();
    let again = camp.bare("audit verify again.audit --json").fine();
    assert_eq!(exported.field(0, "digest"), again.field(0, "digest"));
    let words = camp.bare("audit verify camp.audit --utc-offset +03:00").fine().out;
    for part in [
        digest.as_str(),
        "Food cycle 1, Rice (kg): budget ",
        "times are UTC+03:00",
        "as of       20",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert!(!words.contains("commodity 1"), "{words}");
    camp.bare(&format!("audit verify camp.audit --federation {federation}")).fine();
    let other =
        format!("{}{}", if federation.starts_with('0') { '1' } else { '0' }, &federation[1..]);
    camp.bare(&format!("audit verify camp.audit --federation {other}"))
        .fails(1, "another federation");
    let file = fs::read(camp.file("camp.audit")).expect("read");
    for at in [3, file.len() / 4, file.len() / 2, file.len() * 3 / 4, file.len() - 1] {
        let mut wrong = file.clone();
        wrong[at] ^= 1;
        camp.write("wrong.audit", &wrong);
        // What does not begin as an audit file is none; anything else is one that is wrong.
        let code = if at < 16 { 3 } else { 1 };
        camp.bare("audit verify wrong.audit").fails(code, "wrong.audit");
    }
    camp.write("empty.audit", "");
    camp.bare("audit verify empty.audit").fails(3, "empty.audit: this is no audit file");
    camp.bare("audit verify missing.audit").fails(3, "missing.audit");
    camp.bare("audit export camp.audit").fails(6, "is there already");
    camp.bare("audit export today.audit").fine();
    camp.bare("audit report camp.audit --out report.html --language ar").fine();
    let page = fs::read_to_string(camp.file("report.html")).expect("read");
    assert!(page.contains("<svg") && page.contains("dir=\"rtl\""));
    for part in [digest.as_str(), "camp.audit", "--utc-offset +00:00", "UTC"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("http://") || page.contains("www.w3.org"), "loads nothing");
}

#[test]
fn a_proof_stands_alone_and_a_changed_one_proves_nothing() {
    let camp = counter();
    let checked = camp.bare("audit check-proof noor.proof --dir nowhere --json").fine();
    assert_eq!(checked.field(0, "proven"), "true");
    let file = fs::read(camp.file("noor.proof")).expect("read");
    for at in [2, file.len() / 2, file.len() - 40] {
        let mut wrong = file.clone();
        wrong[at] ^= 1;
        camp.write("wrong.proof", &wrong);
        camp.bare("audit check-proof wrong.proof").fails(1, "proves nothing");
    }
    let name = camp.told("name.txt");
    let trail = camp.bare(&format!("audit trace camp.audit {name} --json")).fine();
    // Back to the treasury that sent it, and no further: the treasury's own feed is not in the lake's file.
    assert!(trail.field(0, "came").contains("treasury of Relief"), "{}", trail.out);
    assert!(trail.field(0, "entry").contains("hands out 5.000 kg Rice"), "{}", trail.out);
    assert_eq!(trail.field(0, "cut"), "true");
    assert!(trail.field(0, "entry").contains("\"when\":\"20"), "a date: {}", trail.out);
    // As the counter prints it, where one feed of the file has the programme; and as the list prints it.
    let short = camp.told("entry.txt");
    let trace = camp.bare(&format!("audit trace camp.audit {short} --json")).fine();
    assert_eq!(trace.out, trail.out);
    assert_eq!(camp.run("pay list --json").fine().field(0, "name"), name);
    camp.bare("audit trace camp.audit 9#2").fails(3, "whole name");
    camp.bare("audit prove camp.audit 0011223344556677/value/1#2 --out x").fails(3, "no feed");
}

#[test]
fn a_sample_is_drawn_the_same_by_everybody_and_its_proofs_hold() {
    let camp = counter();
    let draw = |seed: &str| {
        camp.bare(&format!("audit sample camp.audit -n 5 --seed {seed} --json")).fine().out
    };
    assert_eq!(draw("a"), draw("a"));
    let drawn = camp.bare("audit sample camp.audit --seed 7 --proofs drawn --json").fine();
    assert_eq!(drawn.field(0, "of"), "1", "one hand-out in the lake's file");
    let proofs: Vec<_> = fs::read_dir(camp.file("drawn")).expect("a folder").collect();
    assert_eq!(proofs.len(), 1);
    let proof = proofs.into_iter().next().expect("one").expect("read").path();
    camp.bare(&format!("audit check-proof {}", proof.display())).fine();
    camp.bare("audit sample camp.audit -n 0 --seed 7").fails(2, "from 1");
}

#[test]
fn sites_are_held_side_by_side_and_a_merchant_s_list_against_them() {
    let camp = counter();
    // The lake's file has what it sent, and not the hill's claims: they are open, and said to be.
    let sites = camp.bare("audit reconcile camp.audit --json");
    assert_eq!(sites.field(0, "even"), "true");
    assert!(sites.field(0, "open").contains("not claimed in this file"), "{}", sites.out);
    camp.bare("audit reconcile camp.audit Atlantis").fails(3, "Atlantis");
    let name = camp.told("name.txt");
    camp.write("shop.csv", format!("Entry,Amount\n{name},5\n"));
    let listed = camp.bare("audit reconcile camp.audit --merchant-list shop.csv --json");
    assert_eq!(listed.field(0, "matched"), "1", "{}", listed.out);
    camp.write("shop.csv", format!("entry,amount\n{name},6\nnowhere,1\n"));
    let listed = camp.bare("audit reconcile camp.audit --merchant-list shop.csv --json");
    assert_eq!(
        (listed.field(0, "matched"), listed.field(0, "contradictions")),
        ("0".into(), "2".into())
    );
    for what in ["line 2 of the list says 6", "line 3 of the list: not in this file"] {
        assert!(listed.field(0, "open").contains(what), "{}", listed.out);
    }
    camp.write("shop.csv", "name,amount\n");
    camp.bare("audit reconcile camp.audit --merchant-list shop.csv").fails(3, "column `entry`");
}

#[test]
fn anomalies_say_what_was_not_looked_for() {
    let camp = counter();
    let seen = camp.bare("audit anomalies camp.audit --json").fine();
    assert_eq!(seen.field(0, "handed_out"), "1");
    assert!(seen.field(0, "not_looked_for").contains("PIN"), "{}", seen.out);
    // The camp is served by a clock of the tests: where it is night there is for the offset to say.
    let all: Vec<String> = (0..24)
        .map(|hours| {
            let command = format!(
                "audit anomalies camp.audit --night 0-1 --utc-offset +{:02}:00 --json",
                hours % 15
            );
            camp.bare(&command).fine().field(0, "found")
        })
        .collect();
    assert!(all.iter().any(|found| !found.contains("night")));
    camp.bare("audit anomalies camp.audit --utc-offset 3").fails(2, "offset");
    camp.bare("audit anomalies camp.audit --night 25-3").fails(2, "night");
}
