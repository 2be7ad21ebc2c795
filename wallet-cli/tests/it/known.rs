//! Every way to be known at a counter, through the program: what it asks for, who must sign, and what a refusal leaves.

use crate::camp::{Answer, Camp};
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--second yusuf.keys --second-passphrase-file pass.txt";

/// The counter, and beside it a supervisor, a witness and a reader.
fn staffed() -> Camp {
    let camp = counter();
    let signing = "--keys relief.keys --charter charter.annona --organisation 1 --site 0";
    let admit = |name: &str, roles: &str| {
        camp.run(&format!("operator new --out {name}.keys --passphrase-cost light")).fine();
        camp.run(&format!(
            "operator admit {name}.keys.public {signing} {roles} --programme Food --out {name}.annona"
        ))
    };
    let roles = [
        ("sara", "supervisor"),
        ("wendo", "witness"),
        ("reader", "device"),
        ("cora", "cashier"),
        ("dan", "cashier"),
    ];
    for (name, role) in roles {
        admit(name, &format!("--role {role}")).fine();
    }
    admit("both", "--role witness --role cashier").fails(5, "witness");
    admit("odd", "--role device --role cashier").fails(2, "stands alone");
    for dir in ["lake", "hill"] {
        camp.run(&format!(
            "node learn sara.annona wendo.annona reader.annona cora.annona dan.annona --dir {dir}"
        ))
        .fine();
    }
    camp
}

fn by(name: &str) -> String {
    format!("--operator {name}.keys --operator-passphrase-file pass.txt")
}

fn and(name: &str) -> String {
    format!("--second {name}.keys --second-passphrase-file pass.txt")
}

fn served(camp: &Camp) -> usize {
    camp.run("pay list --json").fine().out.lines().count()
}

/// Every refusal prints its ticket and what is next, and stands on the ledger.
#[track_caller]
fn turned_away(answer: Answer, words: &str) {
    let answer = answer.fails(5, words);
    assert!(answer.err.contains("Next: "), "{}", answer.err);
    for word in
        ["REFUSED   not recognised", "rules     1", "slip      ", "next      ", "complain  "]
    {
        assert!(answer.out.contains(word), "no {word}in\n{}", answer.out);
    }
    assert!(!answer.err.contains("not on the ledger"), "{}", answer.err);
}

/// What staff did wrong is told to them: the family is not refused for it, and gets no slip.
#[track_caller]
fn staff_told(answer: Answer, words: &str) {
    let answer = answer.fails(5, words);
    assert!(answer.err.contains("Nobody was refused"), "{}", answer.err);
    assert_eq!(answer.out, "", "a slip");
}

#[test]
fn every_method_serves_and_its_words_must_be_the_right_ones() {
    let camp = staffed();
    let charge = |rest: &str| camp.run(&format!("pay charge --family 1 --item Rice=0.5 {rest}"));
    let before = served(&camp);
    let (sara, wendo) = (by("sara"), by("wendo"));
    // Two signers: a witness and staff, in either order; never one of them twice, never two of staff.
    charge(&format!("--method witness {wendo} {}", and("mara"))).fine();
    charge(&format!("--method witness {MARA} {}", and("wendo"))).fine();
    turned_away(charge(&format!("--method witness {wendo} {}", and("wendo"))), "two different");
    turned_away(charge(&format!("--method witness {MARA} {YUSUF}")), "may not answer");
    turned_away(charge(&format!("--method witness {} {}", by("reader"), and("mara"))), "may not");
    charge(&format!("--method desk {MARA} {YUSUF}")).fine();
    staff_told(charge(&format!("--method desk {MARA} {}", and("mara"))), "two different");
    // Two of staff, and neither of them an approver or supervisor.
    let cashiers = format!("{} {}", by("cora"), and("dan"));
    let said = charge(&format!("--method desk {cashiers}"));
    assert_eq!(said.err.matches(" is cashier").count(), 2, "{}", said.err);
    staff_told(said, "it needs an approver or supervisor");
    let said = camp.run(&format!("pay voucher --family 1 --item Rice=1 --out no.paper {cashiers}"));
    said.fails(5, "it needs an approver or supervisor");
    charge(&format!("--method override --why injury {sara}")).fine();
    charge(&format!("--method override {sara}")).fails(2, "--why");
    staff_told(charge(&format!("--method override --why injury {MARA}")), "may not answer");
    // An adult of the household is one by what is known of her.
    turned_away(charge(&format!("--method adult --member 1 {MARA}")), "no age is known");
    camp.write("ages.family", "1: age=40");
    camp.run(&format!("family change 1 --from ages.family {MARA}")).fine();
    camp.run(&format!("family birth 1 --from adam.family --collector 1 {MARA} {YUSUF}")).fine();
    charge(&format!("--method adult --member 1 {MARA}")).fine();
    turned_away(charge(&format!("--method adult --member 2 {MARA}")), "no age is known");
    camp.write("ages.family", "registered_on=2026-01-02\n2: age=9");
    camp.run(&format!("family change 1 --from ages.family {MARA}")).fine();
    turned_away(charge(&format!("--method adult --member 2 {MARA}")), "is a child");
    staff_told(charge(&format!("--method adult --member 1 {wendo}")), "may not answer");
    let here = served(&camp);
    assert_eq!(here, before + 5, "refused is refused");
    // A purse without its household: whoever serves it says how she was known all the same.
    let purse = camp.run("pay charge --family 1 --item Rice=0.5 --dry-run --json").fine();
    let purse = purse.field(0, "purses");
    let purse = purse.trim_matches(['[', ']', '"']);
    let at = |rest: &str| camp.run(&format!("pay charge --purse {purse} --item Rice=0.5 {rest}"));
    at(&format!("--method witness {wendo} {}", and("mara"))).fine();
    turned_away(at(&format!("--method adult --member 1 {MARA}")), "its own site only");
    turned_away(at("--method pin --pin-file pin.txt"), "no PIN here");
    // At another site, from its allowance.
    let float = format!("pay float --dir hill --purse {purse} --home lake --item Rice=0.5");
    camp.run(&format!("{float} --method override --why no_card {sara}")).fine();
    staff_told(camp.run(&format!("{float} --method desk {MARA} {}", and("mara"))), "two different");
    // What was put by is handed out by any of them too.
    let hold = camp.run("pay hold --family 1 --item Rice=0.5 --json").fine().field(0, "entry");
    let post = format!("pay post {hold}");
    staff_told(camp.run(&format!("{post} --method desk {MARA} {}", and("mara"))), "two different");
    camp.run(&format!("{post} --method desk {MARA} {YUSUF}")).fine();
    // And an audit counts each exception, method by method.
    camp.run("audit export known.audit --seal").fine();
    let seen = camp.run("audit anomalies known.audit --json").fine().out;
    for method in ["witness", "desk", "override", "adult"] {
        assert!(seen.contains(&format!("\"method\":\"{method}\"")), "{method} in\n{seen}");
    }
    assert!(seen.contains("\"class\":\"authentication\""), "{seen}");
    assert!(!seen.contains("words missing"), "{seen}");
}

#[test]
fn papers_count_for_one_holder_in_their_days_and_pay_once() {
    let camp = staffed();
    let charge = |rest: &str| camp.run(&format!("pay charge --item Rice=0.5 {rest}"));
    // A collector.
    let named = camp.run(&format!("family collector 1 --external {MARA} --out c.paper --json"));
    let code = named.fine().field(0, "code");
    let collects = "--family 1 --method collector --paper c.paper";
    charge(collects).fine();
    charge(collects).fine();
    turned_away(charge("--family 2 --method collector --paper c.paper"), "another family");
    camp.run(&format!("card cancel {code} {MARA}")).fine();
    turned_away(charge(collects), "does not count");
    camp.run(&format!("family collector 1 {}", by("wendo"))).fails(5, "registrar");
    camp.run(&format!("family collector 1 --days 367 {MARA}")).fails(2, "366");
    // An emergency voucher.
    let out = |item: &str, second: &str| {
        camp.run(&format!("pay voucher --family 1 --item {item} --out v.paper {MARA} {second}"))
    };
    out("Rice=0.5", &and("mara")).fails(5, "two different");
    out("Rice=0.5", &and("wendo")).fails(5, "may not answer");
    out("Rice=0.5", YUSUF).fine();
    let voucher = "--family 1 --method voucher --paper v.paper";
    turned_away(
        camp.run(&format!("pay charge --item Rice=0.6 {voucher}")),
        "for less, or for something else",
    );
    turned_away(charge("--family 2 --method voucher --paper v.paper"), "another family");
    turned_away(charge("--family 1 --method collector --paper v.paper"), "has not signed");
    let before = served(&camp);
    charge(voucher).fine();
    // Again is the same hand-out, not another; and with anything else it is refused.
    assert_eq!(charge(&format!("{voucher} --json")).fine().field(0, "repeated"), "true");
    let again = charge(voucher).fine().out;
    assert!(again.contains("this paper has paid before, and pays once"), "{again}");
    let less = camp.run(&format!("pay charge --item Rice=0.25 {voucher}"));
    turned_away(less, "this paper was used for something else");
    assert_eq!(served(&camp), before + 1);
    let clipped: String = camp.told("v.paper").trim_end().chars().take(60).collect();
    camp.write("clipped.paper", clipped);
    charge("--family 1 --method voucher --paper clipped.paper").fails(3, "not read right");
}

/// Whoever may not answer for anybody closes the desk for nobody.
#[test]
fn the_desk_counts_what_two_who_may_have_signed() {
    let camp = staffed();
    camp.run("operator new --out eve.keys --passphrase-cost light").fine();
    let charge = |rest: &str| {
        camp.run(&format!("pay charge --family 1 --item Rice=0.5 --method desk {rest}"))
    };
    for _ in 0..annona_ledger::limits::DESK_A_DAY {
        staff_told(charge(&format!("{} {}", by("eve"), and("eve"))), "");
    }
    staff_told(charge(&format!("{MARA} {}", and("mara"))), "two different");
    charge(&format!("{MARA} {YUSUF}")).fine();
}

#[test]
fn a_readers_yes_counts_for_one_purse_on_one_day_and_once() {
    let camp = staffed();
    let ask = |family: u8| {
        let asked = camp.run(&format!("pay challenge --family {family} --json")).fine();
        camp.write("challenge.txt", asked.field(0, "challenge"));
    };
    let answer = |who: &str, word: &str| {
        let said = format!("pay attest challenge.txt --method iris {word} {}", by(who));
        camp.run(&format!("{said} --out answer.paper --replace")).fine();
    };
    let charge = |family: u8| {
        let rest = "--method attested --paper answer.paper";
        camp.run(&format!("pay charge --family {family} --item Rice=0.5 {rest}"))
    };
    ask(1);
    answer("reader", "--yes-it-is");
    let before = served(&camp);
    charge(1).fine();
    // Replayed: answered as before, and nothing leaves; for another purse it never counts.
    charge(1).fine();
    assert_eq!(served(&camp), before + 1);
    turned_away(charge(2), "another family");
    answer("reader", "--no-match");
    turned_away(charge(1), "the reader said no");
    ask(1);
    answer("mara", "--yes-it-is");
    turned_away(charge(1), "may not answer");
    // The hill did not ask: a challenge is its node's own.
    ask(2);
    answer("reader", "--yes-it-is");
    let elsewhere = "pay charge --dir hill --ticket amina.ticket --item Rice=0.5";
    turned_away(
        camp.run(&format!("{elsewhere} --method attested --paper answer.paper")),
        "another family",
    );
}

#[test]
fn a_pin_goes_with_a_ticket_and_to_other_nodes_and_counts_where_it_is_tried() {
    let camp = counter();
    camp.write("wrong.txt", "771204");
    let lent = camp.run("family lend-pins --to hill --family 2 --out hill.pins --json").fine();
    assert_eq!(lent.field(0, "purses"), "1");
    let charge = |pin: &str| {
        let rest = format!("--item Rice=0.5 --method pin --pin-file {pin}");
        camp.run(&format!("pay charge --dir hill --ticket amina.ticket {rest}"))
    };
    // Hers went with her ticket when she left.
    charge("pin.txt").fine();
    // Sealed to the hill: the lake cannot take it, nor anybody a changed one.
    camp.run("family take-pins hill.pins").fails(5, "");
    let mut changed = std::fs::read(camp.file("hill.pins")).expect("the file");
    changed[200] ^= 1;
    camp.write("changed.pins", changed);
    camp.run("family take-pins --dir hill changed.pins").fails(5, "not signed");
    camp.run("family take-pins --dir hill hill.pins").fine();
    charge("pin.txt").fine();
    for words in ["2 more", "1 more", "waits for 10 more minutes"] {
        turned_away(charge("wrong.txt"), words);
    }
    // Lending again buys no guess.
    camp.run("family take-pins --dir hill hill.pins").fine();
    turned_away(charge("pin.txt"), "the PIN waits for");
    // With her ticket it goes by itself.
    camp.run(&format!("family pin 1 --pin-file pin.txt {MARA}")).fine();
    camp.run("pay ticket --family 1 --to hill --out noor.ticket").fine();
    assert!(camp.told("noor.ticket").contains("AN1:"));
    camp.run("pay claim --dir hill noor.ticket").fine();
    let noor = "pay charge --dir hill --ticket noor.ticket --item Rice=0.5 --method pin";
    turned_away(camp.run(&format!("{noor} --pin-file wrong.txt")), "2 more");
    camp.run(&format!("{noor} --pin-file pin.txt")).fine();
    std::fs::copy(camp.file("hill/pins.db"), camp.file("hill-pins.before")).expect("copied");
    // She is erased at home: where that is heard of, nobody is known by her PIN any more, whatever day it was lent for.
    camp.run("family lend-pins --to hill --family 1 --days 30 --out again.pins").fine();
    camp.run(&format!("erase 1 {MARA}")).fine();
    std::fs::create_dir(camp.file("erased")).expect("a folder");
    camp.run("bundle export --to hill --out erased").fine();
    camp.run("bundle import erased --dir hill").fine();
    let gone = camp.run(&format!("{noor} --pin-file pin.txt"));
    turned_away(gone, "no PIN");
    // Nor by the file of before, brought once more.
    let again = camp.run("family take-pins again.pins --dir hill --json").fine();
    assert_eq!(again.field(0, "purses"), "0");
    turned_away(camp.run(&format!("{noor} --pin-file pin.txt")), "no PIN");
    // Nor by the PINs of a backup of before, put in the place of those that were lost.
    std::fs::copy(camp.file("hill-pins.before"), camp.file("hill/pins.db")).expect("put back");
    turned_away(camp.run(&format!("{noor} --pin-file pin.txt")), "no PIN");
}

/// The table of duties is tried cell by cell where it stands; here every command is given somebody who is everything but
/// what it asks for.
#[test]
fn the_wrong_role_opens_nothing_at_any_command() {
    let camp = staffed();
    let signing = "--keys relief.keys --charter charter.annona --organisation 1 --site 0";
    camp.run("operator new --out nobody.keys --passphrase-cost light").fine();
    camp.run(&format!(
        "operator admit nobody.keys.public {signing} --role cashier --role approver --role supervisor \
         --role auditor --programme Food --out nobody.annona"
    ))
    .fine();
    camp.run("node learn nobody.annona").fine();
    let nobody = by("nobody");
    camp.write("complaint.txt", "She was sent away.");
    let code = camp.told("code.txt");
    let commands = [
        "family add --from tesfaye.family --key B1-099".to_owned(),
        "family change 1 --from moved.family".to_owned(),
        "card reprint 1".to_owned(),
        "family import camp.csv --map camp.toml".to_owned(),
        "family pin 1 --pin-file pin.txt".to_owned(),
        "family collector 1".to_owned(),
        "card issue 1".to_owned(),
        "card print 2".to_owned(),
        format!("card reissue {code}"),
        format!("card cancel {code}"),
        "grievance open --text complaint.txt --decider Relief".to_owned(),
        "erase 1".to_owned(),
    ];
    let before = camp.run("family show 1 --json").fine().out;
    for command in commands {
        camp.run(&format!("{command} {nobody}")).fails(5, "may not act as registrar");
    }
    let waiting = camp.told("waiting.txt");
    camp.run(&format!("entitle approve {waiting} {}", by("sara"))).fails(5, "act as approver");
    let locked = format!("family pin 2 --unlock {MARA}");
    camp.run(&format!("{locked} {}", and("wendo"))).fails(5, "act as approver or supervisor");
    assert_eq!(camp.run("family show 1 --json").fine().out, before);
}

/// No entrance takes a picture, a template or a recording, whatever it is called and whatever stands before it; and each is
/// refused for that, since the same command takes plain words.
#[test]
fn nothing_of_a_body_comes_in_by_any_entrance() {
    let camp = crate::wallet::wallet();
    let signing = "--keys relief.keys --charter charter.annona --small-site";
    let long = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(2);
    let disguised = [
        "/9j/4AAQSkZJRgABAQAAAQ",
        "her photo /9j/4AAQSkZJRgABAQAAAQ",
        "iVBORw0KGgoAAAANSUhEUg",
        "Rk1SACAyMAAAAAAA/AAAA",
        "RklSADAxMAAAAAAAAAAAA",
        "UklGRiQAAABXQVZFZm10IBAAAAAB",
        "AAAAIGZ0eXBhdmlmAAAAAGF2",
        "data:image/png;base64,AAAA",
        &long,
    ];
    let entrances = |text: &str, nth: usize| {
        let told = text.replace(',', "\\,");
        camp.write("new.family", format!("member: full_name={told}"));
        camp.write("whole.family", format!("address={text}"));
        camp.write("of.family", format!("1: full_name={told}"));
        camp.write("plain.family", "size=2");
        camp.write("face.toml", camp.told("camp.toml").replace("\"camp\"", &format!("{text:?}")));
        camp.write("said.txt", text);
        camp.write("names.toml", FOUNDED.replace("Lake camps", text));
        camp.write("queue.jsonl", format!(
            "{{\"request\":\"q{nth}\",\"family\":\"1\",\"items\":{{\"Rice\":\"0.1\"}},\"merchant\":{text:?}}}"
        ));
        [
            format!("family add --from new.family --key N-{nth} {MARA} --dry-run"),
            format!("family add --from plain.family --key \"{text}\" {MARA} --dry-run"),
            format!("family add --from plain.family --source \"{text}\" {MARA} --dry-run"),
            format!("family change 1 --from whole.family {MARA} --dry-run"),
            format!("family change 1 --from of.family {MARA} --dry-run"),
            format!("family import camp.csv --map face.toml {MARA} --dry-run"),
            format!("pay charge --family 1 --item Rice=0.1 --merchant \"{text}\" --dry-run"),
            "pay charge --from queue.jsonl".to_owned(),
            format!("merchant add \"{text}\" --dry-run"),
            format!("grievance open --text said.txt --decider Relief {MARA} --dry-run"),
            "charter propose --found names.toml --out names.annona".to_owned(),
            format!(
                "init --dir site-{nth} --site \"{text}\" --role registrar --passphrase-cost light"
            ),
            format!(
                "node admit hill.request {signing} --site 3 --name \"{text}\" --ceiling Food/Rice=5:0:5 --out site.annona --dry-run"
            ),
            format!("wallet new w-{nth}.wallet --name \"{text}\" --passphrase-cost light"),
            format!("wallet add amina.wallet --name \"{text}\""),
        ]
    };
    let removed = || drop(std::fs::remove_file(camp.file("names.annona")));
    for command in entrances("Plain Words", 0) {
        let answer = camp.run(&command);
        assert_eq!(answer.code, Some(0), "{command}: {}{}", answer.out, answer.err);
        removed();
    }
    let before = camp.run("family show 1 --json").fine().out;
    for (nth, text) in (1..).zip(disguised) {
        for command in entrances(text, nth) {
            let answer = camp.run(&command);
            let told = format!("{}{}", answer.out, answer.err);
            // A queue goes on with its other lines, and says of this one what is wrong with it.
            let refused =
                answer.code == Some(3) || command.contains("queue") && answer.code != Some(0);
            assert!(refused, "{command}: {told}");
            assert!(told.contains("it looks like"), "{command}: {told}");
        }
        assert!(!camp.file(&format!("site-{nth}")).join("keys.annona").exists(), "{text}");
        // In a cell it takes the cell, or its column, and not the row.
        camp.write("face.csv", format!("household_id,full_name,size\nF-1,\"{text}\",4\n"));
        let looked = camp.run(&format!("family import face.csv --map camp.toml {MARA} --dry-run"));
        let told = format!("{}{}", looked.out, looked.err);
        assert!(told.contains("looks like"), "{text}: {told}");
    }
    assert_eq!(camp.run("family show 1 --json").fine().out, before);
    assert!(!camp.file("names.annona").exists() && !camp.file("site.annona").exists());
}

/// The least that founds a federation.
const FOUNDED: &str = r#"
[federation]
name = "Lake camps"
quorum = 1

[[organisation]]
id = 1
name = "Relief"
keys = "relief.keys.public"
"#;

/// Pairs are proposed, shown side by side and decided by a person; what is decided stays decided, and nobody goes hungry.
#[test]
fn pairs_are_decided_by_a_person_and_keep_nobody_from_aid() {
    let camp = staffed();
    let add = |key: &str, name: &str| {
        let member = format!("member: full_name={name},birth_date=1987-03-02,sex=male");
        camp.family(&member, &format!("--key {key} {MARA}")).fine();
    };
    add("T-1", "Mohamed Ali Hassan");
    add("T-2", "محمد علي حسن");
    add("T-3", "Idris Bello Sani");
    let pairs = || camp.run("family duplicates list --json").fine().out;
    let found = pairs();
    assert_eq!(found.lines().count(), 1, "{found}");
    let (one, other) =
        (camp.run("family duplicates list --json").fine().field(0, "one"), "desk:T-2");
    let side = camp.run(&format!("family duplicates show {one} {other}")).fine().out;
    assert!(side.contains('≠') && side.contains("1987"), "{side}");
    let decide = |word: &str, who: &str| {
        camp.run(&format!("family duplicates decide {one} {other} --verdict {word} {}", by(who)))
    };
    decide("duplicate", "wendo").fails(5, "may not act as approver or supervisor");
    decide("perhaps", "sara").fails(2, "duplicate, distinct, adjudicate");
    decide("adjudicate", "sara").fine();
    assert_eq!(pairs().lines().count(), 1, "somebody else must look");
    decide("duplicate", "mara").fine();
    // Two words of one day that differ: open still. It is the next day's word that counts, or one that agrees.
    assert_eq!(pairs().lines().count(), 1);
    add("T-4", "Omar Said Warsame");
    add("T-5", "Omar Saeed Warsama");
    let decided = "family duplicates decide desk:T-4 desk:T-5 --verdict distinct";
    camp.run(&format!("{decided} {MARA}")).fine();
    assert_eq!(pairs().lines().count(), 1, "{}", pairs());
    assert_eq!(camp.run("family duplicates list --all --json").fine().out.lines().count(), 2);
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
}

/// What is named next is neither what has just failed nor what she does not have, and is named with what is typed.
#[test]
fn the_next_method_is_one_that_can_be_tried() {
    let camp = staffed();
    let next = |rest: &str, words: &str| {
        let said = camp.run(&format!("pay charge --item Rice=0.5 {rest}"));
        let said = said.fails(5, &format!("Next: {words}"));
        assert!(said.err.contains("--method"), "{}", said.err);
    };
    // Family 1 has no PIN here, and a card that counts.
    next("--family 1 --method pin --pin-file pin.txt", "look at the card");
    // Another has neither, nobody else who is grown up, and no collector.
    let one = "member: full_name=Zaid,age=30";
    let alone = camp.family(one, &format!("--key T-8 {MARA} --json")).fine().field(0, "family");
    next(&format!("--family {alone} --method pin --pin-file pin.txt"), "a community witness");
    let desk = format!("--method desk {MARA} {}", and("mara"));
    next(&format!("--family {alone} {desk}"), "a community witness");
    camp.run(&format!("pay voucher --family 1 --item Rice=0.5 --out v.paper {MARA} {YUSUF}"))
        .fine();
    next(&format!("--family {alone} --method voucher --paper v.paper"), "a community witness");
    // What has failed for her is not named again: two of staff, none of them a witness.
    next(&format!("--family 1 --method witness {MARA} {YUSUF}"), "look at the card");
    next(&format!("--family 1 --method adult --member 1 {MARA}"), "look at the card");
    // A collector that was named is one; a PIN that waits is none.
    camp.run(&format!("family collector 2 {MARA} --out c.paper")).fine();
    camp.write("wrong.txt", "771204");
    for _ in 0..3 {
        next("--family 2 --method pin --pin-file wrong.txt", "the collector it has named");
    }
    next("--family 2 --method voucher --paper v.paper", "the collector it has named");
    // Two who are grown up: the other may come.
    let two = "member: full_name=Sara,age=40\nmember: full_name=Idris,age=41";
    let both = camp.family(two, &format!("--key T-9 {MARA} --json")).fine().field(0, "family");
    next(&format!("--family {both} --method desk {MARA} {}", and("mara")), "another adult");
}
