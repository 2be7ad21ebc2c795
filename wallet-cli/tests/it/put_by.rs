//! Food that is hers and not in her balance: put by, about to be lost with her record, or hers though the person file is lost.

use std::fs;

use crate::camp::Camp;
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

/// How much rice a family has, in grams, as the desk says.
fn rice(camp: &Camp) -> String {
    let lines = camp.run("entitle balance 1 --json").fine().lines();
    let rice = lines.iter().find(|line| line["kind"] == "balance" && line["commodity"] == 1);
    let units = rice.and_then(|line| line["units"].as_u64()).unwrap_or_default();
    format!("{}.{:03}", units / 1000, units % 1000)
}

#[test]
fn what_is_put_by_is_told_wherever_she_is_short_of_it() {
    let camp = counter();
    let all = rice(&camp);
    let hold = |item: &str| {
        camp.run(&format!("pay hold --family 1 --item Rice={item} --json")).fine().field(0, "entry")
    };
    let held = hold("2");
    let line = format!("as {held}: `annona pay post {held}` or `annona pay drop {held}`");
    for words in ["entitle balance 1", "pay list --family 1", "pay list"] {
        let told = camp.run(words).fine().out;
        assert!(
            told.contains("Rice 2.000 kg put by until") && told.contains(&line),
            "{words}: {told}"
        );
    }
    assert!(!camp.run("pay list --family 2").fine().out.contains("put by"), "another's");
    assert!(camp.run("status").fine().out.contains("Goods are put by, 1 time: `annona pay list`"));
    assert_eq!(camp.run("status --json").fine().field(0, "put_by"), "1");
    // All of it: nothing else of hers is here, and she is not sent to complain.
    let rest = hold(&rice(&camp));
    let entries = || camp.run("status --json").fine().field(0, "entries");
    let before = entries();
    for dry in ["", " --dry-run"] {
        let short = camp.run(&format!("pay charge --family 1 --item Rice=0.5{dry}"));
        let short = short.fails(5, "put by for this holder");
        assert!(short.err.contains(&rest) && short.err.contains(&held), "{}", short.err);
        assert!(!short.out.contains("REFUSED"), "{}", short.out);
    }
    camp.write("queue.jsonl", "{\"family\": 1, \"items\": {\"Rice\": \"0.5\"}}\n");
    let queue = camp.run("pay charge --from queue.jsonl");
    assert!(queue.code == Some(5) && queue.out.contains("put by for this holder"), "{}", queue.out);
    assert_eq!(entries(), before, "no refusal of hers is written");
    for one in [held, rest] {
        camp.run(&format!("pay drop {one}")).fine();
    }
    assert_eq!(rice(&camp), all);
    assert!(!camp.run("pay list").fine().out.contains("put by"));
    assert_eq!(camp.run("status --json").fine().field(0, "put_by"), "0");
}

#[test]
fn nothing_is_put_by_for_longer_than_it_may_be_handed_out() {
    let camp = counter();
    let hold =
        |minutes: &str| camp.run(&format!("pay hold --family 1 --item Rice=1 --minutes {minutes}"));
    let before = rice(&camp);
    hold("9999999").fails(5, "at the longest");
    hold("9999999 --dry-run").fails(5, "at the longest");
    assert_eq!(rice(&camp), before);
    hold("60").fine();
}

#[test]
fn an_erasure_says_which_food_goes_with_it() {
    let camp = counter();
    camp.run("pay hold --family 1 --item Rice=2").fine();
    let left = format!("Rice {} kg until", rice(&camp));
    let dry = camp.run(&format!("erase 1 --dry-run {MARA}")).fine();
    assert!(dry.out.contains(&left) && dry.out.contains("Rice 2.000 kg until"), "{}", dry.out);
    let json = camp.run(&format!("erase 1 --dry-run {MARA} --json")).fine();
    let unfetched = json.lines()[0]["unfetched"].as_array().expect("a list").len();
    assert!(unfetched >= 2, "{}", json.out);
    // Whoever is asked hears it, too.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annona"));
    let words = format!("erase 1 {MARA} --passphrase-file pass.txt --no-input");
    command.args(crate::camp::split(&words)).arg("--heads").arg(camp.file("heads"));
    command.env("ANNONA_DIR", camp.file("lake")).current_dir(camp.path());
    let asked = crate::camp::Answer::of("erase 1", command.output().expect("runs"));
    let asked = asked.fails(5, "say --yes if so");
    assert!(asked.err.contains(&left), "{}", asked.err);
    let gone = camp.run(&format!("erase 1 {MARA}")).fine();
    assert!(gone.out.contains(&left), "{}", gone.out);
    // Of somebody who has nothing nothing is said.
    let none = camp.family("member: full_name=Nobody", &format!("--json {MARA}")).fine();
    let gone = camp.run(&format!("erase {} {MARA}", none.field(0, "family"))).fine();
    assert!(!gone.out.contains("fetched"), "{}", gone.out);
}

#[test]
fn purses_in_a_queue_and_their_pins_are_served_where_the_person_file_is_lost() {
    let camp = counter();
    let purse = camp.run("pay charge --family 1 --item Rice=0.1 --dry-run --json").fine();
    let purse = purse.lines()[0]["purses"][0].as_str().expect("a purse").to_owned();
    for file in ["people.db", "people.db-wal", "people.db-shm"] {
        drop(fs::remove_file(camp.file("lake").join(file)));
    }
    let by = |who: &str| format!("{{{who}, \"items\": {{\"Rice\": \"0.1\"}}}}\n");
    let hers = by(&format!("\"purse\": \"{purse}\""));
    camp.write("queue.jsonl", format!("{hers}{}{hers}", by("\"family\": 1")));
    let answer = camp.run("pay charge --from queue.jsonl");
    assert!(
        answer.err.contains("2 accepted") && answer.err.contains("1 refused"),
        "{}",
        answer.err
    );
    assert!(answer.out.contains("people.db is not here"), "{}", answer.out);
}

#[test]
fn a_lent_pin_counts_where_the_person_file_is_lost_until_she_is_erased() {
    let camp = counter();
    camp.run("family find Amina --dir hill");
    fs::remove_file(camp.file("hill/people.db")).expect("made by looking");
    camp.run("family find Amina --dir hill").fails(1, "people.db is not here");
    let lent = "pay charge --dir hill --ticket amina.ticket --item Rice=0.5 --method pin";
    let lent = format!("{lent} --pin-file pin.txt");
    camp.run(&lent).fine();
    camp.run(&format!("erase 2 {MARA}")).fine();
    fs::create_dir(camp.file("erased")).expect("a folder");
    camp.run("bundle export --to hill --out erased").fine();
    camp.run("bundle import erased --dir hill");
    camp.run(&lent).fails(5, "has no PIN here");
}
