//! What a till hears of its orders: whose they were, what is left, what became of them, and what may be a slip of the pen.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Command;

use serde_json::{Value, json};

use crate::camp::Camp;
use crate::counter::counter;

/// The answers to a queue of these orders.
fn asked(camp: &Camp, orders: &[Value]) -> (Vec<Value>, String) {
    let lines: Vec<String> = orders.iter().map(Value::to_string).collect();
    camp.write("asked.jsonl", lines.join("\n"));
    let answer = camp.run("pay charge --from asked.jsonl --json");
    (answer.lines(), answer.err)
}

#[test]
fn a_queue_says_what_was_handed_out_whose_it_was_and_what_is_left() {
    let camp = counter();
    let order = |request: &str, rice: &str| json!({ "request": request, "family": 1, "items": { "Rice": rice, "Oil": "0.5" } });
    let (told, _) = asked(&camp, &[order("a", "2.5"), order("b", "10"), order("c", "99")]);
    let units = |line: &Value, field: &str| {
        let of = |one: &Value| (one["commodity"].as_u64(), one["units"].as_u64());
        line[field].as_array().expect("a list").iter().map(of).collect::<Vec<_>>()
    };
    let sorted = |line: &Value, field: &str| {
        let mut all = units(line, field);
        all.sort_unstable();
        all
    };
    let pair = |rice, oil| vec![(Some(1), Some(rice)), (Some(2), Some(oil))];
    assert_eq!(sorted(&told[0], "items"), pair(2_500, 500));
    assert_eq!(sorted(&told[0], "left"), pair(10_000, 1_500));
    assert_eq!(units(&told[1], "left"), [(Some(2), Some(1_000))], "of rice nothing is left");
    assert_eq!(units(&told[2], "left"), [(Some(2), Some(1_000))], "a refusal says it too");
    let purse = told[0]["purse"].as_str().expect("a purse");
    assert_eq!((purse.len(), &told[1]["purse"]), (32, &told[0]["purse"]));
    let left = camp.run("entitle balance 1 --json").fine().lines();
    assert_eq!(left[0]["units"], json!(1_000), "as it is");
}

#[test]
fn what_cannot_be_read_is_answered_under_its_name_and_a_new_merchant_is_told() {
    let camp = counter();
    let order = |request: &str, merchant: &str| json!({ "request": request, "family": 1, "items": { "Rice": "0.5" }, "merchant": merchant });
    camp.run("merchant add \"Al Noor bakery\"").fine();
    let unknown = json!({ "request": "u", "family": 1, "items": { "Rice": "1" }, "size": 3 });
    let orders =
        [order("a", "al noor bakery"), order("b", "Al Nor bakery"), order("c", "Al Nor bakery")];
    let (told, said) = asked(&camp, &[&orders[..], &[unknown]].concat());
    let new: Vec<&Value> = told.iter().map(|line| &line["new_merchant"]).collect();
    assert_eq!(new[..2], [&json!(false), &json!(true)]);
    assert!(said.contains("Al Nor bakery is a new merchant here"), "{said}");
    assert_eq!((&told[3]["request"], &told[3]["answer"]), (&json!("u"), &json!("unreadable")));
    // Named once, it is known; and one by one it is the same.
    let (told, said) = asked(&camp, &[order("d", "Al Nor bakery")]);
    assert_eq!((&told[0]["new_merchant"], said.contains("new merchant")), (&json!(false), false));
    let charge = "pay charge --family 1 --item Rice=0.1 --merchant Norr";
    let one = camp.run(&format!("{charge} --json")).fine();
    assert_eq!(one.field(0, "new_merchant"), "true");
    assert!(!camp.run(charge).fine().err.contains("new merchant"));
    assert!(!camp.run("pay charge --family 1 --item Rice=0.1").fine().err.contains("new merchant"));
    camp.write("queue.csv", "request,family,items\nv,1,Rice\n");
    let told = camp.run("pay charge --from queue.csv --json").fails(3, "1 unreadable").lines();
    assert_eq!(told[0]["request"], json!("v"));
}

#[test]
fn a_request_said_again_says_what_became_of_it() {
    let camp = counter();
    let charge = "pay charge --family 1 --item Rice=2 --item Oil=0.5 --merchant Noor --request t-1";
    let first = camp.run(&format!("{charge} --json")).fine();
    let entry = first.field(0, "entry");
    // Whoever uses the name for something else hears which hand-out had it.
    camp.run("pay charge --family 1 --item Rice=1 --request t-1")
        .fails(5, &format!("entry {entry}:"));
    let again = camp.run(&format!("{charge} --json")).fine();
    assert_eq!(again.field(0, "refunded"), "[]");
    let back = camp.run(&format!("pay refund {entry} --json")).fine().field(0, "entry");
    let again = camp.run(&format!("{charge} --json")).fine();
    assert_eq!(
        (again.field(0, "refunded"), again.field(0, "repeated")),
        (json!([back]).to_string(), "true".into())
    );
    let said = camp.run(charge).fine().out;
    assert!(said.contains(&format!("TAKEN BACK by {back}")), "{said}");
    let order =
        r#"{"request":"t-1","family":1,"items":{"Rice":"2","Oil":"0.5"},"merchant":"Noor"}"#;
    camp.write("again.jsonl", order);
    let told = camp.run("pay charge --from again.jsonl --json").fine().lines();
    assert_eq!(told[0]["refunded"], json!([back]));
}

/// Once somebody has asked to stop, an order that comes is not begun; and with `--json` every word is for a program.
#[test]
#[cfg(unix)]
fn who_asked_to_stop_is_sent_nothing_more_and_told_as_a_program_is() {
    for twice in [false, true] {
        stopped_in_a_queue(&counter(), twice);
    }
}

#[cfg(unix)]
fn stopped_in_a_queue(camp: &Camp, twice: bool) {
    let mut queue = camp.start("pay charge --from - --json");
    let mut till = queue.stdin.take().expect("open");
    let mut answers = BufReader::new(queue.stdout.take().expect("answers"));
    let mut said = BufReader::new(queue.stderr.take().expect("words"));
    let order = r#"{"family": 1, "items": {"Rice": "0.5"}}"#;
    writeln!(till, "{order}").expect("sent");
    let mut line = String::new();
    answers.read_line(&mut line).expect("answered");
    assert!(line.contains("\"accepted\":true"), "{line}");
    let term = |number: u32| {
        Command::new("kill").args(["-TERM", &number.to_string()]).status().expect("kill runs")
    };
    assert!(term(queue.id()).success());
    let mut words = String::new();
    while !words.contains("safe place") {
        assert!(said.read_line(&mut words).expect("said") > 0, "{words}");
    }
    // It may have ended by then.
    if twice {
        term(queue.id());
    } else {
        drop(writeln!(till, "{order}"));
    }
    assert_eq!(queue.wait().expect("ends").code(), Some(130));
    drop(till);
    line.clear();
    answers.read_to_string(&mut line).expect("ended");
    assert_eq!(line, "", "nothing more was begun");
    said.read_to_string(&mut words).expect("said");
    let last: Value = serde_json::from_str(words.lines().last().expect("words")).expect("JSON");
    assert_eq!((&last["kind"], &last["exit"]), (&json!("error"), &json!(130)), "{words}");
    assert_eq!(camp.run("pay list --json").fine().lines().len(), 2, "of the counter, and one");
}

/// What a till is written against stands in the specification, field by field.
#[test]
fn every_field_of_an_answer_is_on_the_page_and_no_other() {
    let camp = counter();
    let order = json!({ "request": "a", "family": 1, "items": { "Rice": "1" } });
    let none = json!({ "request": "n", "family": 1, "items": { "Rice": "99", "Oil": "99" } });
    let (first, _) = asked(&camp, &[order.clone(), none, json!({ "colour": 1 })]);
    camp.run(&format!("pay refund {}", first[0]["entry"].as_str().expect("an entry"))).fine();
    let (again, _) = asked(&camp, &[order]);
    let keys =
        |line: &Value| line.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let told: BTreeSet<String> = first.iter().chain(&again).flat_map(keys).collect();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/counter.md"));
    let page = page.expect("the page");
    let (_, page) = page.split_once("## What a queue answers").expect("the section");
    let (page, _) = page.split_once("\n## ").expect("its end");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let fields = rows.filter_map(|row| row.split(" | ").next());
    let fields = fields.flat_map(|all| all.split(", ").map(|one| one.trim_matches('`').to_owned()));
    assert_eq!(told, fields.collect::<BTreeSet<_>>());
}
