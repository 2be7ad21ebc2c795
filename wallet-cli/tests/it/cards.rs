//! Printed cards, through the program: printed, checked here and by strangers, reprinted, re-issued, cancelled.

use std::fs;

use crate::camp::Camp;
use crate::counter::counter;

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
        .fails(5, "no family here has this code");
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

#[test]
fn what_stands_against_a_new_card_is_told_while_the_old_one_counts() {
    let camp = Camp::new();
    camp.write("there.html", "another sheet");
    for (wrong, code, words) in [
        ("--language Arabic", 3, "two or three small letters"),
        ("--until +999d", 5, "may not outlive it"),
        ("--out nowhere/cards.html", 3, "there is no folder nowhere"),
        ("--out there.html", 6, "is there already"),
    ] {
        for command in ["card reissue 1", "card print 2"] {
            for dry in ["--dry-run", ""] {
                camp.run(&format!("{command} {wrong} {dry} {MARA}")).fails(code, words);
            }
        }
        camp.bare("card check card.txt --transfer").fine();
    }
    camp.run(&format!("card reprint 2 {MARA}")).fails(5, "no printed card");
    camp.run(&format!("card reissue 2 {MARA}")).fails(5, "no card and no code that counts");
    camp.run(&format!("card reissue 1 --png card.txt {MARA}")).fails(3, "there is no folder");
    camp.bare("card check card.txt --transfer").fine();
}

/// What fails once the card is made says where it is.
#[cfg(target_os = "linux")]
#[test]
fn a_card_whose_sheet_was_not_told_of_is_printed_again() {
    let camp = Camp::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
    let words = format!("card reissue 1 --out new.html {MARA} --passphrase-file pass.txt --json");
    let done = camp.command(crate::camp::split(&words)).stdout(full).output().expect("runs");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && told.contains("`annona card reprint` prints it"), "{told}");
    camp.bare("card check card.txt").fails(1, "Revoked");
    camp.run(&format!("card reprint 1 {MARA}")).fine();
}

/// A lost card, code or paper is ended by one command that needs no more than the family.
#[test]
fn what_is_lost_stops_paying_by_one_command_and_no_code_is_needed() {
    let camp = counter();
    let pays = |how: &str| camp.run(&format!("pay charge {how} --item Rice=0.125"));
    let gone = |how: &str| drop(pays(how).fails(5, "no family here has this code"));
    let issue = |family: u8| {
        camp.run(&format!("card issue {family} {MARA} --json")).fine().field(0, "code")
    };
    let (first, second) = (camp.told("code.txt"), issue(1));
    let collector = camp.run(&format!("family collector 1 {MARA} --out c.paper --json")).fine();
    let collector = collector.field(0, "code");
    let printed = camp.run(&format!("card reprint 1 {MARA} --json")).fine().field(0, "code");
    let shown = camp.run("family show 1").fine().out;
    for words in ["2 cards or collectors' papers", &printed, "annona card cancel --family 1"] {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    pays(&format!("--card {second}")).fine();
    camp.run(&format!("card reissue 1 {MARA} --dry-run")).fine();
    let new = camp.run(&format!("card reissue 1 {MARA} --json")).fine().field(0, "code");
    // One after the other, and not all of them: five codes nobody has make a counter wait.
    gone(&format!("--card {first}"));
    gone(&format!("--card {collector}"));
    gone(&format!("--family {printed}"));
    let paper = "--family 1 --method collector --paper c.paper";
    pays(paper).fails(5, "does not count");
    pays(&format!("--card {new}")).fine();
    let shown = camp.run("family show 1 --json").fine();
    assert!(shown.out.contains("\"counting\":[{\"codes\":1,\"papers\":1"), "{}", shown.out);

    // A family that never had a printed card.
    let only = issue(2);
    camp.run(&format!("card reissue 2 {MARA} --out two.html")).fine();
    camp.run(&format!("card check {only}")).fails(5, "no family here has this code");
    // All of it, and nothing new; a person file that is put back knows the code and not that it was lost.
    let (people, aside) = (camp.file("lake/people.db"), camp.file("aside.db"));
    fs::copy(&people, &aside).expect("copied");
    let all = format!("card cancel --family 1 {MARA}");
    let told = camp.run(&format!("{all} --dry-run")).fine().out;
    assert!(told.contains("1 code, 1 card or collector's paper in Food"), "{told}");
    pays(&format!("--card {new}")).fine();
    camp.run(&format!("{all} --programme Food")).fine();
    camp.run(&all).fine();
    fs::copy(&aside, &people).expect("put back");
    camp.run(&format!("card check {new}")).fails(1, "was cancelled");
    gone(&format!("--card {new}"));
    gone(&format!("--family {new}"));
    camp.write("lost.csv", format!("card,items\n{new},Rice=0.125\n"));
    let queued = camp.run("pay charge --from lost.csv --json").fails(5, "1 refused");
    assert!(queued.out.contains("no family here has this code"), "{}", queued.out);
    // Nobody but a registrar ends a card.
    let wrong = "--operator hill.keys --operator-passphrase-file pass.txt";
    camp.run(&format!("card cancel --family 1 {wrong}")).fails(3, "");
    camp.run(&format!("card cancel {new} --family 1 {MARA}")).fails(2, "cannot be used");
    // She is served meanwhile, and gets another.
    pays("--family 1").fine();
    let again = camp.run(&format!("card print 1 {MARA} --json")).fine().field(0, "code");
    pays(&format!("--card {again}")).fine();
}

/// A family of two programmes has a card of each: what reads one has nothing of the other, and losing one leaves the other.
#[test]
fn a_family_has_a_card_of_each_programme_and_nothing_joins_them() {
    let camp = Camp::new();
    let cash = "[[programme]]\nid = 2\norganisation = 1\nname = \"Cash\"\n\
                commodity = [{ id = 1, name = \"Rice\", item = \"kg\", digits = 3 }]\n";
    camp.write("cash.toml", cash);
    camp.run("charter propose --acts cash.toml --out cash.annona").fine();
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign cash.annona --keys {name}.keys")).fine();
    }
    camp.run("charter apply cash.annona").fine();
    camp.run("charter show --out charter.annona --replace").fine();
    camp.run("node request --out again.request").fine();
    let signing = "--keys relief.keys --charter charter.annona --programme Food --programme Cash";
    camp.run(&format!(
        "node admit again.request {signing} --site 2 --small-site --ceiling Food/Rice=5000:300:5000 \
         --ceiling Food/Oil=5000:300:5000 --until +300d --out both.annona"
    ))
    .fine();
    camp.run(&format!(
        "operator admit mara.keys.public {signing} --organisation 1 --site 0 --role registrar --role approver \
         --out mara-both.annona"
    ))
    .fine();
    camp.run("node learn both.annona mara-both.annona").fine();
    // Who is registered from now on is enrolled in both.
    camp.family("member: full_name=Sara", &format!("--key B1-003 {MARA}")).fine();
    let food = camp.run(&format!("card print 3 --programme Food {MARA} --json")).fine();
    let cash = camp.run(&format!("card print 3 --programme Cash {MARA} --json")).fine();
    for (name, card) in [("food.txt", &food), ("cash.txt", &cash)] {
        camp.write(name, card.field(0, "text"));
    }
    let told = |name: &str| {
        let checked = camp.bare(&format!("card check {name} --json")).fine();
        let said: serde_json::Value = serde_json::from_str(&checked.out).expect("JSON");
        said
    };
    let (one, other) = (told("food.txt"), told("cash.txt"));
    assert_eq!((&one["programme"], &other["programme"]), (&1.into(), &2.into()));
    assert!(one["holder"].is_string() && one["holder"] != other["holder"], "{one} {other}");
    assert_ne!(food.field(0, "code"), cash.field(0, "code"));
    // She loses that of Cash: it counts no more, and the other does.
    camp.run(&format!("card cancel --family 3 --programme Cash {MARA}")).fine();
    camp.run("card publish camp.cards").fine();
    assert_eq!(camp.bare("card check cash.txt --json").fails(1, "").field(0, "reason"), "revoked");
    camp.bare("card check food.txt").fine();
}
