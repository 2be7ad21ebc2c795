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
        camp.bare("audit verify wrong.audit").fails(1, "wrong.audit");
    }
    camp.write("empty.audit", "");
    camp.bare("audit verify empty.audit").fails(1, "empty");
    camp.bare("audit verify missing.audit").fails(3, "missing.audit");
    camp.bare("audit export camp.audit").fails(6, "is there already");
    camp.bare("audit export today.audit").fine();
    camp.bare("audit report camp.audit --out report.html --language ar").fine();
    let page = fs::read_to_string(camp.file("report.html")).expect("read");
    assert!(page.contains("<svg") && page.contains("dir=\"rtl\""));
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
    camp.bare("audit trace camp.audit 1#2").fails(3, "whole name");
    camp.bare("audit prove camp.audit 0011223344556677/value/1#2 --out x").fails(3, "no feed");
}
