//! What happens at a counter, through the program as it is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::camp::Camp;
use crate::counter::counter;

/// What a family has of a commodity at the lake, in minor units.
fn left(camp: &Camp, family: u32, commodity: u64) -> u64 {
    let answer = camp.run(&format!("entitle balance {family} --json")).fine();
    let of = |line: &Value| line["commodity"] == json!(commodity);
    answer.lines().iter().filter(|l| of(l)).filter_map(|l| l["units"].as_u64()).sum()
}

#[test]
fn a_charge_pays_once_however_often_it_is_asked() {
    let camp = counter();
    let charge = "pay charge --family 1 --item Rice=2 --item Oil=0.5 --request till-1-7 --json";
    let first = camp.run(charge).fine();
    let again = camp.run(charge).fine();
    assert_eq!(first.field(0, "promise"), again.field(0, "promise"), "the same bytes");
    assert_eq!(
        (first.field(0, "repeated"), again.field(0, "repeated")),
        ("false".into(), "true".into())
    );
    assert_eq!((left(&camp, 1, 1), left(&camp, 1, 2)), (10_500, 1_500));
    assert!(first.field(0, "promise").len() <= 270, "fits a QR code on a slip");
    camp.run(&charge.replace("Rice=2", "Rice=3")).fails(5, "used for something else");
    camp.run(&charge.replace("--family 1", "--family 2")).fails(5, "used for something else");
    assert_eq!(left(&camp, 1, 1), 10_500);
}

#[test]
fn what_must_not_be_paid_is_refused_with_its_number() {
    let camp = counter();
    for (words, code, reason) in [
        ("pay charge --family 1 --item Rice=12.501", 5, "rejection 54"),
        ("pay charge --family 2 --item Rice=1", 5, "rejection 54"),
        ("pay charge --family 1 --item Rice=0", 5, "the amount is zero"),
        ("pay charge --family 1 --item Rice=1.0001", 3, "at most 3 decimals"),
        ("pay charge --family 1 --item Rice=9223372036854775807", 3, "larger than an amount"),
        ("pay charge --family 1 --item Salt=1", 3, "no commodity"),
        ("pay charge --family 99 --item Rice=1", 3, "no family has number 99 here"),
        ("pay charge --purse 00 --item Rice=1", 3, "32 hexadecimal"),
        ("pay charge --purse 00112233445566778899aabbccddeeff --item Rice=1", 5, "rejection 21"),
        ("pay charge --card 7K3M-9QXD-2VHN --item Rice=1", 3, "misread"),
        ("pay charge --item Rice=1", 2, "whose"),
        ("pay claim amina.ticket --dir hill", 5, "rejection 44"),
        ("pay claim amina.ticket", 5, "rejection 41"),
        ("pay claim supply.ticket", 5, "rejection 41"),
        ("pay claim noor.receipt", 3, "ticket"),
        ("pay claim missing.ticket", 3, "missing.ticket"),
        ("pay refund 1#0", 5, "no redemption"),
        ("pay refund nothing", 3, "names no entry"),
        ("pay ticket --family 2 --to hill", 5, "rejection 21"),
        ("pay ticket --family 1 --to lake", 5, "rejection 48"),
        ("pay supply --to hill --cycle 1 --item Rice=5000", 5, "rejection 54"),
    ] {
        camp.run(words).fails(code, reason);
    }
    assert_eq!((left(&camp, 1, 1), left(&camp, 1, 2)), (12_500, 2_000), "nothing was written");
}

#[test]
fn what_fails_once_it_is_durable_makes_no_refusal_of_it() {
    let camp = counter();
    for folder in ["lake", "hill"] {
        // A disk with room for the entry, and none for the merchant's name.
        let ledger = rusqlite::Connection::open(camp.file(folder).join("ledger.db"));
        let full =
            "CREATE TRIGGER full BEFORE INSERT ON meta WHEN substr(NEW.key, 1, 9)='merchant:'
                    BEGIN SELECT RAISE(ABORT, 'full'); END;";
        ledger.expect("opens").execute_batch(full).expect("a trigger");
    }
    let at = "--family 1 --merchant \"A new shop\" --item Rice=2 --json";
    for said in [
        format!("pay charge {at}"),
        format!("pay hold {at}"),
        "pay float --dir hill --purse 00112233445566778899aabbccddeeff --home lake --item Rice=5 \
         --merchant \"A new shop\" --json"
            .to_owned(),
    ] {
        let answer = camp.run(&said).fine();
        assert!(!answer.field(0, "promise").is_empty(), "{}", answer.out);
        assert!(answer.err.contains("What was accepted stays"), "{}", answer.err);
    }
    assert_eq!(left(&camp, 1, 1), 8_500);
}

#[test]
fn a_basket_is_paid_whole_or_not_at_all() {
    let camp = counter();
    camp.run("pay charge --family 1 --item Rice=1 --item Oil=2.5").fails(5, "rejection 54");
    assert_eq!((left(&camp, 1, 1), left(&camp, 1, 2)), (12_500, 2_000));
}

#[test]
fn a_card_finds_the_purse_and_a_promise_names_the_entry() {
    let camp = counter();
    let code = camp.told("code.txt");
    let charged = camp.run(&format!("pay charge --card {code} --item Rice=4 --json")).fine();
    let promise = charged.field(0, "promise");
    // The promise alone is enough to take the goods back, or to ask for the receipt.
    camp.run(&format!("pay refund \"{promise}\" --amount 1.5 --request r --json")).fine();
    let again =
        camp.run(&format!("pay refund \"{promise}\" --amount 1.5 --request r --json")).fine();
    assert_eq!(again.field(0, "repeated"), "true");
    camp.run(&format!("pay refund \"{promise}\"")).fails(5, "rejection 26");
    assert_eq!(left(&camp, 1, 1), 10_000);
    camp.run(&format!("pay receipt \"{promise}\" --dir hill")).fails(5, "not by this one");
    let sums = camp.run("pay list --by commodity --json").fine();
    assert_eq!(sums.field(0, "units"), "7500", "5 + 4 - 1.5 kg");
    let sums = camp.run("pay list --by commodity").fine();
    assert!(sums.out.ends_with("in 3 lines\n"), "{}", sums.out);
    assert!(sums.err.contains("1 sum of 3 lines"), "{}", sums.err);
    let mine = camp.run(&format!("pay list --card {code} --json")).fine();
    let totals: Vec<Value> = mine.lines().iter().map(|line| line["total"].clone()).collect();
    assert_eq!(totals, ["4000", "2500"]);
}

#[test]
fn what_is_declined_goes_back() {
    let camp = counter();
    let back = camp.run("pay decline supply.ticket --dir hill --json").fine();
    let ticket = back.field(1, "ticket");
    camp.run("pay claim supply.ticket --dir hill").fails(5, "rejection 44");
    camp.run(&format!("pay claim \"{ticket}\" --dir treasury")).fine();
    camp.run(&format!("pay claim \"{ticket}\" --dir treasury")).fails(5, "rejection 44");
}

#[test]
fn a_float_is_capped_and_covered_once() {
    let camp = counter();
    let asked = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let purses: Vec<String> = serde_json::from_str(&asked.field(0, "purses")).expect("purses");
    let float = |kilos: &str| {
        camp.run(&format!(
            "pay float --dir hill --purse {} --home lake --item Rice={kilos}",
            purses[0]
        ))
    };
    float("4").fine();
    float("1.001").fails(5, "rejection 52");
    fs::create_dir(camp.file("carried")).expect("folder");
    camp.run("bundle export --dir hill --to lake --out carried").fine();
    camp.run("bundle import carried").fine();
    let waiting = camp.run("pay cover --json").fine();
    assert_eq!((waiting.lines().len(), waiting.field(0, "units")), (1, "4000".into()));
    camp.run("pay cover --all --out cover.ticket").fine();
    assert_eq!(left(&camp, 1, 1), 8_500);
    camp.run("pay claim cover.ticket --dir hill").fine();
    camp.run("pay claim cover.ticket --dir hill").fails(5, "rejection 44");
    assert_eq!(camp.run("pay cover --json").fine().lines().len(), 0);
}

/// Whoever has a stolen till names purses of people who never came: their homes are asked one by one.
#[test]
fn what_a_site_gave_after_it_was_cut_off_is_covered_by_name_alone() {
    let camp = counter();
    let asked = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let purses: Vec<String> = serde_json::from_str(&asked.field(0, "purses")).expect("purses");
    let float = format!("pay float --dir hill --purse {} --home lake --item Rice=4", purses[0]);
    camp.run(&float).fine();
    // Who cuts it off never saw it.
    camp.run("node revoke hill --reason lost --dir treasury").fine();
    for from in ["hill", "treasury"] {
        let to = camp.file(&format!("of-{from}"));
        fs::create_dir(&to).expect("folder");
        camp.run(&format!("bundle export --dir {from} --to lake --out of-{from}")).fine();
        camp.run(&format!("bundle import of-{from}")).fine();
    }
    let waiting = camp.run("pay cover --json").fine();
    assert_eq!(waiting.field(0, "doubt"), "cut");
    let all = camp.run("pay cover --all --out cover.ticket").fine();
    assert!(all.err.contains("is left out: who served was cut off"), "{}", all.err);
    assert_eq!(left(&camp, 1, 1), 12_500);
    camp.run(&format!("pay cover {} --out named.ticket", waiting.field(0, "name"))).fine();
    assert_eq!(left(&camp, 1, 1), 8_500);
}

/// The power fails between a hand-out and its answer: asked again it is answered again, and stands once.
#[test]
fn what_was_put_by_is_handed_out_once_however_often_it_is_asked() {
    let camp = counter();
    let hold = camp.run("pay hold --family 1 --item Rice=2 --json").fine().field(0, "entry");
    let first = camp.run(&format!("pay post {hold} --json")).fine();
    let entries = indices(&camp);
    let again = camp.run(&format!("pay post {hold} --json")).fine();
    assert_eq!(again.field(0, "entry"), first.field(0, "entry"));
    assert_eq!(
        (first.field(0, "repeated"), again.field(0, "repeated")),
        ("false".into(), "true".into())
    );
    assert_eq!(indices(&camp), entries, "and nothing more is written");
}

/// The stick is full: what was sent is sent, and its ticket is asked for by itself.
#[test]
fn a_supply_whose_ticket_cannot_be_written_is_not_to_be_sent_again() {
    let camp = counter();
    // A name that no file can have: whatever can be asked before is asked before.
    let supply = "pay supply --dir treasury --cycle 1 --to lake --item Rice=1 --out";
    camp.run(&format!("{supply} nowhere/lake.ticket")).fails(3, "there is no folder nowhere");
    let said = camp.run(&format!("{supply} {}", "x".repeat(300))).fails(3, "do not send it again");
    let (_, rest) = said.err.split_once("--again ").expect("how to have the ticket");
    let entry = rest.split_whitespace().next().expect("the entry");
    camp.run(&format!("pay ticket --dir treasury --again {entry} --out again.ticket")).fine();
    camp.run("pay claim again.ticket").fine();
}

#[test]
fn a_receipt_proves_and_a_wrong_one_does_not() {
    let camp = counter();
    let good = camp.run("pay receipt --check noor.receipt --json").fine();
    let bytes: usize = good.field(0, "bytes").parse().expect("a number");
    let limit: usize = good.field(0, "limit").parse().expect("a number");
    assert!(bytes <= limit, "{bytes} of {limit}");
    // An office without a node checks it against the charter's papers alone.
    camp.bare("pay receipt --check noor.receipt --charter charter.annona --dir nowhere").fine();
    let file = fs::read(camp.file("noor.receipt")).expect("read");
    for at in [20, file.len() / 3, file.len() / 2, file.len() - 1] {
        let mut wrong = file.clone();
        wrong[at] ^= 4;
        camp.write("wrong.receipt", &wrong);
        let answer = camp.bare("pay receipt --check wrong.receipt");
        assert!(matches!(answer.code, Some(1 | 3)), "byte {at}: {:?} {}", answer.code, answer.out);
    }
    for len in [0, 5, 17, 40, file.len() - 1] {
        camp.write("short.receipt", &file[..len]);
        let answer = camp.bare("pay receipt --check short.receipt");
        assert!(matches!(answer.code, Some(1 | 3)), "{len} bytes: {:?}", answer.code);
    }
}

/// Orders of one gram of rice each for family 1, with names of their own.
fn orders(count: usize) -> String {
    let order = |n: usize| json!({ "request": format!("r{n}"), "family": "1", "items": { "Rice": "0.001" } });
    (0..count).map(|n| format!("{}\n", order(n))).collect()
}

#[test]
fn a_queue_is_answered_line_by_line_in_order() {
    let camp = counter();
    camp.write(
        "mixed.jsonl",
        "{\"family\":\"1\",\"items\":{\"Rice\":\"1\"}}\n\nnot an order\n{\"family\":\"1\",\"items\":{\"Rice\":\"99\"}}\n\
         {\"family\":\"1\",\"items\":{\"Salt\":\"1\"}}\n{\"family\":\"1\",\"items\":{\"Rice\":2},\"method\":\"pin\"}\n\
         {\"pin\":\"1234\"}\n",
    );
    let answer = camp.run("pay charge --from mixed.jsonl --json");
    assert_eq!(answer.code, Some(3), "{}", answer.err);
    let told: Vec<(u64, bool, Value)> = answer
        .lines()
        .iter()
        .map(|l| {
            (
                l["line"].as_u64().expect("line"),
                l["accepted"] == json!(true),
                l["rejection"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, true, Value::Null),
            (3, false, Value::Null),
            (4, false, json!(54)),
            (5, false, Value::Null),
            (6, false, Value::Null),
            (7, false, Value::Null),
        ]
    );
    camp.write(
        "queue.csv",
        "request;family;items\na;1;Rice=1\nb;1;\"Rice=1;Oil=1\"\nc;1;Rice=99\n",
    );
    let answer = camp
        .run("pay charge --from queue.csv")
        .fails(5, "2 accepted (0 of them before), 1 refused");
    assert_eq!(
        answer.out.lines().filter(|l| l.contains("\taccepted\t")).count(),
        2,
        "{}",
        answer.out
    );
    assert!(answer.out.contains("refused 54"), "{}", answer.out);
    camp.run("pay charge --from missing.jsonl").fails(3, "missing.jsonl");
    assert_eq!(left(&camp, 1, 1), 12_500 - 1_000 - 2_000);
}

/// A till sends one line and waits for its answer before it sends the next.
#[test]
fn a_till_is_answered_while_it_waits() {
    let camp = counter();
    let mut command =
        camp.command("pay charge --from - --json --passphrase-file pass.txt".split(' '));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut till = child.stdin.take().expect("stdin");
    let mut answers = BufReader::new(child.stdout.take().expect("stdout"));
    for order in orders(5).lines() {
        writeln!(till, "{order}").expect("send");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("answered");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["accepted"], json!(true));
    }
    drop(till);
    assert!(child.wait().expect("ends").success());
    assert_eq!(left(&camp, 1, 1), 12_495);
}

/// Kill -9 in the middle of a queue of 1,000: all that was answered is there afterwards, and sending everything again
/// charges nobody twice.
#[test]
fn a_killed_queue_loses_no_answer_and_charges_nobody_twice() {
    let camp = counter();
    let all = orders(1_000);
    camp.write("thousand.jsonl", &all);
    let mut answered: BTreeMap<String, u64> = BTreeMap::new();
    // Killed after so many answers: early, in the first commits, and late.
    for after in [1, 150, 600] {
        let words = "pay charge --from thousand.jsonl --json --passphrase-file pass.txt";
        let mut child = camp
            .command(words.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        for line in lines.by_ref().take(after) {
            note(&mut answered, &line.expect("a line"));
        }
        child.kill().expect("killed");
        // What it had printed before it was killed was answered as well.
        for line in lines.map_while(Result::ok) {
            note(&mut answered, &line);
        }
        child.wait().expect("ended");
    }
    let listed: BTreeSet<u64> = indices(&camp);
    for (request, index) in &answered {
        assert!(
            listed.contains(index),
            "{request} was answered with entry {index}, which is not there"
        );
    }
    let done = camp.run("pay charge --from thousand.jsonl --json").fine();
    let lines = done.lines();
    assert_eq!(lines.len(), 1_000);
    let mut entries = BTreeSet::new();
    for line in &lines {
        let (request, index) =
            (line["request"].as_str().expect("id"), line["index"].as_u64().expect("index"));
        assert!(entries.insert(index), "two orders in one entry");
        if let Some(before) = answered.get(request) {
            assert_eq!(*before, index, "{request} is where it was said to be");
        }
    }
    assert_eq!(left(&camp, 1, 1), 11_500, "1,000 orders of one gram, each once");
    camp.run("doctor --full --rebuild").fine();
    camp.run("audit export killed.audit --seal").fine();
    camp.bare("audit verify killed.audit").fine();
}

fn note(answered: &mut BTreeMap<String, u64>, line: &str) {
    // The last line may have been cut by the kill: then it was no answer.
    let Ok(line) = serde_json::from_str::<Value>(line) else { return };
    assert_eq!(line["accepted"], json!(true), "{line}");
    let request = line["request"].as_str().expect("id").to_owned();
    let index = line["index"].as_u64().expect("index");
    let before = answered.insert(request, index);
    assert!(before.is_none_or(|before| before == index), "answered with another entry than before");
}

fn indices(camp: &Camp) -> BTreeSet<u64> {
    let list = camp.run("pay list --json").fine();
    let index = |line: &Value| {
        let entry = line["entry"].as_str().expect("entry");
        entry.split_once('#').expect("a name").1.parse().expect("index")
    };
    list.lines().iter().map(index).collect()
}

#[test]
fn who_asks_for_more_than_there_is_hears_what_there_is() {
    let camp = counter();
    let refusals = || {
        camp.run("audit export counted.audit --seal --replace").fine();
        camp.run("audit anomalies counted.audit --json").fine().out.matches("\"class\"").count()
    };
    let before = refusals();
    // An amount that was typed wrong refuses nobody: no slip, nothing on the ledger.
    for dry in ["", " --dry-run"] {
        let said = camp.run(&format!("pay charge --family 1 --item Rice=99{dry}"));
        let said = said.fails(5, "Rice 12.500 kg until ");
        assert!(said.err.contains("Hand out what there is: --item Rice=12.500"), "{}", said.err);
        assert!(said.out.is_empty() && !said.err.contains("nothing was written"), "{}", said.err);
    }
    let said = camp.run("pay charge --family 1 --item Rice=99 --item Oil=1").fails(5, "");
    assert!(said.err.contains("--item Rice=12.500 --item Oil=1.000"), "{}", said.err);
    camp.write("short.csv", "family,items\n1,Rice=99\n");
    let queued = camp.run("pay charge --from short.csv --json").fails(5, "1 refused");
    assert_eq!(queued.field(0, "ticket"), "null", "{}", queued.out);
    assert!(queued.field(0, "reason").contains("--item Rice=12.500"), "{}", queued.out);
    assert_eq!(refusals(), before, "nobody was refused");
    camp.run("pay charge --family 1 --item Rice=12.500").fine();
    // Nothing of it is left: she is refused, hears what else she has, and stands at her home already.
    let said = camp.run("pay charge --family 1 --item Rice=1").fails(5, "nothing is left of Rice");
    assert!(said.err.contains("Left here: Oil 2.000 l until"), "{}", said.err);
    assert!(said.err.contains("Next: complain with this number"), "{}", said.err);
    assert!(said.out.contains("REFUSED "), "{}", said.out);
    assert_eq!(refusals(), before + 1);
    // Elsewhere it is another place that helps.
    let away = "pay charge --dir hill --purse 00112233445566778899aabbccddeeff --item Rice=1";
    let said = camp.run(away).fails(5, "nothing is left of Rice here");
    assert!(said.err.contains("Next: her home, or this site's allowance"), "{}", said.err);
}

#[test]
fn whose_it_is_stands_before_how_much() {
    let camp = counter();
    let whose = "family 1, key desk:B1-001, 1 person\n";
    for command in ["entitle balance 1", "pay charge --family 1 --item Rice=1"] {
        let said = camp.run(command).fine().out;
        assert!(said.starts_with(whose), "{said}");
    }
    let code = camp.told("code.txt");
    let dry = camp.run(&format!("pay charge --card {code} --item Rice=1 --dry-run")).fine().out;
    assert!(dry.starts_with(whose) && !dry.contains("Noor"), "{dry}");
}

/// Goods leave by the answer: where nobody reads it, nothing more is begun.
#[test]
fn a_queue_whose_answers_nobody_reads_stops_and_says_so() {
    let camp = counter();
    let orders = r#"{"family": 1, "items": {"Rice": "0.001"}}"#.to_owned() + "\n";
    camp.write("queue.jsonl", orders.repeat(4_000));
    let mut till = camp.start("pay charge --from queue.jsonl --json");
    drop(till.stdout.take());
    let done = till.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("could not write the answer"), "{said}");
    let charged = camp.run("pay list --json").fine().out.lines().count();
    assert!(charged < 3_000, "{charged}");
}

#[test]
fn a_line_of_a_queue_that_is_wrong_is_told_in_its_own_words() {
    let camp = counter();
    let lines = [
        (r#"{"family": 1, "items": {"Rice": "1"}}"#, "true", ""),
        (r#"{"family": "1", "items": "Rice=1;Oil=1"}"#, "false", r#"items, written {"Rice": "10""#),
        (r#"{"family": 1, "items": {"Rice": "1", "Rice": "2"}}"#, "false", "Rice stands twice"),
        (r#"{"family": 1, "items": {"Rice": "1", "rice": "2"}}"#, "false", "Rice stands twice"),
        (
            r#"{"family": 1, "card": "7K3M-9QXD-2VHN", "items": {"Rice": "1"}}"#,
            "false",
            "twice whose it is: card and family",
        ),
        (r#"{"request": "", "family": 1, "items": {"Rice": "1"}}"#, "false", "name is empty"),
        (r#"{"family": true, "items": {"Rice": "1"}}"#, "false", "a family is a number"),
        (r#"{"family": 99, "items": {"Rice": "1"}}"#, "false", "no family has number 99 here"),
        ("{\"family\": 1", "false", "not an order, at letter"),
    ];
    let all: Vec<&str> = lines.iter().map(|(line, ..)| *line).collect();
    camp.write("queue.jsonl", all.join("\n"));
    let told = camp.run("pay charge --from queue.jsonl --json").fails(3, "1 accepted");
    for (n, (line, accepted, words)) in lines.iter().enumerate() {
        assert_eq!(told.field(n, "accepted"), *accepted, "{line}");
        assert_eq!(told.field(n, "line"), (n + 1).to_string());
        let reason = told.field(n, "reason");
        assert!(reason.contains(words) && !reason.contains("at line 1"), "{line}: {reason}");
    }
    // Whom nobody knows is refused; her line could be read.
    assert_eq!(told.field(7, "answer"), "refused");
    camp.run("pay charge --family 1 --item Rice=1 --item Rice=1").fails(3, "Rice stands twice");
    let help = camp.bare("pay charge --help").fine().out;
    for words in ["--request till-3-0008", "request,family,items", "Rice=10;Oil=1.5", "power fails"]
    {
        assert!(help.contains(words), "{words} in\n{help}");
    }
}
