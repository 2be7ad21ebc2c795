//! Printed cards, through the program: printed, checked here and by strangers, reprinted, re-issued, cancelled.

use std::fs;

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
/// A machine without a ledger: what a stranger runs.
const STRANGER: &str = "--dir nowhere --trust camp.cards/trust.json";

#[test]
fn a_card_is_printed_and_checked_by_its_node_a_neighbour_and_a_stranger() {
    let camp = Camp::new();
    let print =
        format!("card print 2 --name --language en --out cards.html --png cards {MARA} --json");
    let printed = camp.run(&print).fine();
    let text = printed.field(0, "text");
    assert!(text.len() <= 311, "version 10 with a short name: {} letters", text.len());
    assert!(camp.told("card.txt").len() <= 275, "{} letters", camp.told("card.txt").len());
    camp.write("second.txt", format!("{text}\n"));
    let sheet = camp.told("cards.html");
    assert!(
        sheet.contains("<svg")
            && sheet.contains(&printed.field(0, "code"))
            && sheet.contains("Noor")
    );
    let picture = fs::read(camp.file("cards/2.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG"));

    let here = camp.bare("card check second.txt --json").fine();
    let said = |field: &str| here.field(0, field);
    assert_eq!(
        (said("good"), said("name"), said("issuer")),
        ("true".into(), "Noor".into(), "lake".into())
    );
    assert_eq!((said("stale"), said("on_ledger")), ("false".into(), "true".into()));
    camp.bare("card check second.txt --transfer").fine();
    // The hill knows the lake's certificate and has not heard of the card.
    let hill = camp.bare("card check second.txt --dir hill --json").fine();
    assert_eq!(
        (hill.field(0, "stale"), hill.field(0, "on_ledger")),
        ("true".into(), "false".into())
    );
    camp.bare("card check second.txt --dir hill --transfer").fails(1, "Stale");
    camp.bare("card check second.txt --dir nowhere --charter founding.annona")
        .fails(1, "Issuer unknown");
    camp.bare("card check second.txt --dir nowhere --charter charter.annona").fine();

    let stranger = camp.bare(&format!("card check second.txt {STRANGER} --json")).fine();
    assert_eq!(stranger.field(0, "stale"), "true", "its list was not given");
    for list in ["1.1.cwt", "1.1.jwt"] {
        let with = format!("{STRANGER} --status camp.cards/{list} --transfer");
        camp.bare(&format!("card check second.txt {with}")).fine();
    }
    camp.bare("card check second.txt --dir nowhere").fails(3, "whom to trust");
    camp.run(&format!("card print 2 {MARA}")).fails(5, "card reprint");
    camp.run(&format!("card print 2 --until 2020-01-01 {MARA}")).fails(5, "has a card");
}

#[test]
fn a_card_that_is_not_honoured_is_told_why_with_1() {
    let camp = Camp::new();
    let card = camp.told("card.txt");
    let check = |text: &str, words: &str| {
        camp.write("shown.txt", text);
        let refused = camp.bare("card check shown.txt").fails(1, words);
        assert!(refused.out.is_empty(), "{}", refused.out);
        camp.bare("card check shown.txt --json").fails(1, "").field(0, "reason")
    };
    assert_eq!(check(&card.to_lowercase(), "Unreadable"), "unreadable");
    assert_eq!(check(&card[..card.len() - 9], "Unreadable"), "unreadable");
    // Packed, and no card: CBOR of one number.
    assert_eq!(check(&"A".repeat(60), "Unreadable"), "unreadable");
    camp.bare("card check 7K3M-9QXD-2VH").fails(3, "a code has 12 characters");
    // A node of another camp: as good a card, of nobody who is known here.
    let other = Camp::empty();
    let nobody =
        other.bare("card check --trust none.json --dir nowhere A").fails(3, "12 characters");
    assert!(nobody.out.is_empty());
    camp.write("empty.json", "{\"annona_trust\":1,\"issuers\":[]}");
    camp.bare("card check card.txt --dir nowhere --trust empty.json").fails(1, "Issuer unknown");
    camp.write("empty.json", "{\"annona_trust\":2,\"issuers\":[]}");
    camp.bare("card check card.txt --dir nowhere --trust empty.json").fails(3, "whom to trust");
    let mut list = fs::read(camp.file("camp.cards/1.1.cwt")).expect("a list");
    *list.last_mut().expect("a signature") ^= 1;
    fs::write(camp.file("list.cwt"), list).expect("written");
    let altered = format!("card check card.txt {STRANGER} --status list.cwt");
    camp.bare(&altered).fails(1, "not authentic");
}

#[test]
fn a_torn_card_is_printed_again_and_a_lost_one_is_cancelled() {
    let camp = Camp::new();
    let first = camp.told("card.txt");
    let again = camp.run(&format!("card reprint 1 --out again.html --json {MARA}")).fine();
    assert_eq!(again.field(0, "text"), first, "the same card");
    // A register that is lost is not begun anew: what was cancelled would count again.
    let (register, aside) = (camp.file("lake/cards.annona"), camp.file("aside"));
    fs::rename(&register, &aside).expect("lost");
    camp.run(&format!("card print 2 {MARA}")).fails(1, "Put it back from the last backup");
    camp.run("card publish camp.cards").fails(1, "is not here");
    fs::rename(&aside, &register).expect("put back");
    camp.run(&format!("card reprint 2 {MARA}")).fails(5, "no printed card");

    let second = camp.run(&format!("card reissue 1 --out new.html {MARA} --json")).fine();
    let (text, code) = (second.field(0, "text"), second.field(0, "code"));
    assert_ne!(text, first);
    assert_ne!(code, again.field(0, "code"));
    camp.write("new.txt", &text);
    camp.bare("card check card.txt").fails(1, "Revoked");
    camp.bare("card check new.txt --transfer").fine();
    camp.run(&format!("card check {}", again.field(0, "code")))
        .fails(5, "no household here has this code");
    // A stranger with yesterday's list honours it still; with today's no more.
    let stale = format!("card check card.txt {STRANGER} --status camp.cards/1.1.cwt --transfer");
    camp.bare(&stale).fine();
    camp.run("card publish camp.cards").fine();
    camp.bare(&stale).fails(1, "Revoked");
    camp.bare(&stale.replace("card.txt", "new.txt")).fine();
    assert_eq!(
        camp.run("card publish camp.cards --dry-run --json").fine().field(0, "revoked"),
        "1"
    );

    // The code beside a card and the card are cancelled together.
    camp.run(&format!("card cancel {code} {MARA}")).fine();
    camp.bare("card check new.txt").fails(1, "Revoked");
    camp.run(&format!("card reprint 1 {MARA}")).fails(5, "no printed card");
    camp.run(&format!("card print 1 {MARA}")).fine();
}

#[test]
fn a_card_is_bound_to_its_node_its_operator_and_its_certificate() {
    let camp = Camp::new();
    camp.run(&format!("card print 2 --until +400d {MARA}")).fails(5, "certificate ends");
    camp.run(&format!("card print 2 --language Arabic {MARA}")).fails(3, "language");
    camp.run(&format!("card print 2 --name --dry-run {MARA}")).fine();
    camp.run(&format!("card reprint 2 {MARA}")).fails(5, "no printed card");
    camp.run(&format!("card print 1 --dir hill {MARA}")).fails(3, "");
    // A name that has changed since is another card.
    camp.run(&format!("card print 2 --name {MARA}")).fine();
    camp.run(&format!("card reprint 2 {MARA}")).fine();
    camp.write("sara.family", "1: full_name=Sara");
    camp.run(&format!("family change 2 --from sara.family {MARA}")).fine();
    camp.run(&format!("card reprint 2 {MARA}")).fails(6, "card reissue");
}
