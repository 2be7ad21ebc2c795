//! A courier: it carries bundles for others, reads none of them, and lets go of what has come to whom it is for.

use std::fs;

use crate::camp::Camp;
use crate::canaries::found;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

fn folder(camp: &Camp, name: &str) {
    fs::create_dir(camp.file(name)).expect("a folder");
}

/// A node of the camp that is nothing but a courier.
pub(crate) fn bus(camp: &Camp) {
    camp.run("init --dir bus --site bus --role courier --organisation 1 --passphrase-cost light")
        .fine();
    camp.run("charter apply charter.annona --dir bus").fine();
    camp.run("node request --dir bus --out bus.request").fine();
    camp.run("node admit bus.request --keys relief.keys --charter charter.annona --site 7 --until +300d --out bus.annona")
        .fine();
    camp.run("node learn treasury.annona lake.annona hill.annona bus.annona --dir bus").fine();
}

/// How many parts the bus carries.
fn carried(camp: &Camp) -> u64 {
    let said = camp.run("bundle carry --dir bus --json").fine();
    let last = said.out.lines().count() - 1;
    said.field(last, "parts").parse().expect("a number")
}

#[test]
fn a_courier_carries_what_it_cannot_read_until_it_has_come() {
    let camp = Camp::new();
    bus(&camp);
    for n in 0..3 {
        camp.family("member: full_name=Noor", &format!("--key C9-00{n} {MARA}")).fine();
    }
    folder(&camp, "stick");
    camp.run("bundle export --to hill --all --part-bytes 1000 --out stick").fine();
    let mut parts: Vec<_> = fs::read_dir(camp.file("stick"))
        .expect("lists")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    parts.sort();
    assert!(parts.len() >= 2, "{parts:?}");
    // Who is no courier carries nothing, and nothing is carried for nobody.
    camp.run("bundle carry stick --for hill").fails(5, "the role courier");
    camp.run("bundle carry stick --dir bus").fails(2, "--for");
    // The last part first, one that was cut short on the stick, and then all: each once.
    let last = parts.last().expect("two").display().to_string();
    camp.run(&format!("bundle carry {last} --for hill --dir bus")).fine();
    let whole = fs::read(&parts[0]).expect("reads");
    fs::write(&parts[0], &whole[..whole.len() - 1]).expect("writes");
    camp.run("bundle carry stick --for hill --dir bus").fails(1, "cut short");
    fs::write(&parts[0], &whole).expect("writes");
    camp.run("bundle carry stick --for hill --dir bus").fine();
    let again = camp.run("bundle carry stick --for hill --dir bus --json").fine();
    assert_eq!(again.field(0, "new"), "0");
    assert_eq!(carried(&camp), parts.len() as u64);
    // No key of the courier opens any, and nothing in them is plain: site names stand in every certificate they hold.
    camp.run("bundle import stick --dir bus").fails(3, "not for this node");
    let plain = ["treasury", "annona1 "].map(str::to_owned);
    assert!(!found(&camp.file("lake"), &plain[..1]).is_empty(), "where they are read");
    assert_eq!(found(&camp.file("bus/carried"), &plain), []);

    folder(&camp, "hand");
    folder(&camp, "back");
    camp.run("bundle carry --out hand --for lake --dir bus").fine();
    assert_eq!(fs::read_dir(camp.file("hand")).expect("lists").count(), 0, "nothing for the lake");
    camp.run("bundle carry --out hand --dir bus").fine();
    // Part of it is lost on the way: what has come is taken in, and the courier still has the rest.
    let handed = fs::read_dir(camp.file("hand")).expect("lists");
    let mut handed: Vec<_> = handed.map(|entry| entry.expect("an entry").path()).collect();
    handed.sort();
    assert_eq!(handed.len(), parts.len());
    fs::remove_file(&handed[0]).expect("lost");
    let some = camp.run("bundle import hand --receipt back --dir hill");
    let receipts = || {
        let files = fs::read_dir(camp.file("back")).expect("lists");
        files.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    // Where the lost part leaves a gap, nothing is said to have come.
    assert_eq!(receipts().is_empty(), some.code != Some(0), "{}", some.err);
    camp.run("bundle carry --out hand --dir bus").fine();
    camp.run("bundle import hand --receipt back --dir hill").fine();
    let [.., receipt] = &receipts()[..] else { panic!("a receipt") };
    let mut forged = fs::read(receipt).expect("reads");
    forged[40] ^= 1;
    camp.write("forged.receipt", forged);
    camp.run("bundle carry forged.receipt --dir bus").fails(1, "did not sign");
    assert_eq!(carried(&camp), parts.len() as u64, "a forged word takes nothing");
    camp.run("bundle carry back --dir bus").fine();
    assert_eq!(carried(&camp), 0, "it has come");

    // The hill's own acknowledgement goes back the same way: the next bundle begins after what it holds.
    for name in ["hill-says", "to-lake"] {
        folder(&camp, name);
    }
    camp.run("bundle export --to lake --acknowledge --out hill-says --dir hill").fine();
    camp.run("bundle carry hill-says --for lake --dir bus").fine();
    camp.run("bundle carry --out to-lake --for lake --dir bus").fine();
    camp.run("bundle import to-lake").fine();
    folder(&camp, "next");
    let next = camp.run("bundle export --to hill --out next --json").fine();
    assert_eq!(next.field(0, "blocks"), "0", "{}", next.out);
}
