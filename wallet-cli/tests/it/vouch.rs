//! Checkpoints, through the program.

use std::fs;

use serde_json::{Value, json};

use crate::camp::{Answer, Camp};
use crate::counter::counter;

#[test]
fn a_checkpoint_of_one_organisation_is_signed_carried_and_not_enough() {
    let camp = counter();
    camp.run("checkpoint cosign").fine();
    camp.run("checkpoint cosign").fine();
    camp.run("checkpoint export signed.checkpoint").fine();
    camp.bare("checkpoint verify signed.checkpoint --dir lake").fails(1, "fewer organisations");
    // The hill has not the lake's newest blocks yet, and says what to do before it takes the checkpoint.
    let import = "checkpoint import signed.checkpoint --dir hill";
    camp.bare(import).fails(6, "take in a bundle");
    fs::create_dir(camp.file("news")).expect("folder");
    camp.run("bundle export --to hill --out news").fine();
    camp.run("bundle import news --dir hill").fine();
    camp.bare(import).fine();
    let known = camp.bare("checkpoint show --json --dir hill").fine();
    assert_eq!(known.field(0, "checkpoint"), camp.told("checkpoint.txt"));
}

#[test]
fn pruning_says_what_is_missing_and_a_dry_run_writes_nothing() {
    let camp = counter();
    camp.run("checkpoint cosign --dry-run").fine();
    let told = camp.run("checkpoint prune --programme Food --dry-run --json").fine();
    assert_eq!(told.field(0, "done"), "false");
    let words = camp.run("checkpoint prune --programme Food --dry-run").fine();
    assert!(words.out.contains("it takes 2 organisations"), "{}", words.out);
    let before = camp.bare("checkpoint show --json").fine().out;
    camp.run("checkpoint make --dry-run").fine();
    camp.bare("checkpoint export none.checkpoint --dry-run").fine();
    assert!(!camp.file("none.checkpoint").exists());
    camp.bare("checkpoint import camp.checkpoint --dry-run").fine();
    assert_eq!(camp.bare("checkpoint show --json").fine().out, before, "nothing was kept");
}

#[test]
fn a_changed_checkpoint_is_told() {
    let camp = counter();
    let file = fs::read(camp.file("camp.checkpoint")).expect("read");
    // The end is a cosignature, which is kept until whoever certifies its witness is known, and refused then.
    for at in [0, 100, file.len() / 2] {
        let mut wrong = file.clone();
        wrong[at] ^= 1;
        camp.write("wrong.checkpoint", &wrong);
        let output = camp.command(crate::camp::split("checkpoint import wrong.checkpoint"));
        let output = { output }.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("wrong.checkpoint"), "{at}: {said}");
    }
    camp.write("empty.checkpoint", "");
    camp.bare("checkpoint import empty.checkpoint").fails(3, "empty.checkpoint");
}

/// A witness of a second organisation, which has all that the lake has.
pub(crate) fn witnessed() -> Camp {
    let camp = counter();
    let council = "init --dir council --site council --role witness --organisation 2";
    camp.run(&format!("{council} --passphrase-cost light")).fine();
    camp.run("charter apply charter.annona --dir council").fine();
    camp.run("node request --dir council --out council.request").fine();
    let admitted = "--programme Food --site 9 --small-site --until +300d --out council.annona";
    let signing = "--keys city.keys --charter charter.annona";
    camp.run(&format!("node admit council.request {signing} {admitted}")).fine();
    for dir in ["treasury", "lake", "hill", "council"] {
        camp.run(&format!("node learn council.annona --dir {dir}")).fine();
    }
    carry(&camp, "treasury", "lake");
    carry(&camp, "lake", "council");
    camp
}

/// Takes all that one node has to another.
fn carry(camp: &Camp, from: &str, to: &str) {
    let folder = format!("{from}-to-{to}");
    fs::remove_dir_all(camp.file(&folder)).ok();
    fs::create_dir(camp.file(&folder)).expect("folder");
    camp.run(&format!("bundle export --dir {from} --to {to} --all --out {folder}")).fine();
    camp.run(&format!("bundle import {folder} --dir {to}")).fine();
}

/// Another node signs the lake's newest checkpoint, and the lake hears of it.
pub(crate) fn signs(camp: &Camp, dir: &str) {
    let shown = format!("for-{dir}.checkpoint");
    camp.run(&format!("checkpoint export {shown}")).fine();
    camp.bare(&format!("checkpoint import {shown} --dir {dir}")).fine();
    camp.run(&format!("checkpoint cosign --dir {dir}")).fine();
    camp.bare(&format!("checkpoint export {dir}.checkpoint --dir {dir}")).fine();
    camp.bare(&format!("checkpoint import {dir}.checkpoint")).fine();
}

#[test]
fn an_entry_is_seen_when_one_has_signed_it_and_certified_when_enough_have() {
    let camp = witnessed();
    let name = camp.told("name.txt");
    // Of the same rice twice, under a name of its own, and to the hill, which never hears of it.
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let named = "pay charge --family 1 --item Rice=1 --request till-1 --json";
    let made = camp.run(named).fine();
    assert_eq!(made.field(0, "finality"), "accepted");
    let (entry, again) = (made.field(0, "entry"), made.field(0, "name"));
    camp.write("till.promise", made.field(0, "promise"));
    camp.write("till.jsonl", r#"{"request":"till-1","family":"1","items":{"Rice":"1"}}"#);
    camp.run("pay ticket --family 1 --to hill --out away.ticket").fine();
    let told = |stage: &str| {
        let list = camp.run("pay list --json").fine();
        let file = format!("{stage}.audit");
        camp.run(&format!("audit export {file}")).fine();
        let traced = camp.run(&format!("audit trace {file} {name} --json")).fine();
        let receipt = camp.run(&format!("pay receipt {entry} --out {stage}.receipt --json")).fine();
        let sample = camp.run(&format!("audit sample {file} -n 99 --seed x --json")).fine();
        let sites = camp.run(&format!("audit reconcile {file} --json"));
        let odd = camp.run(&format!("audit anomalies {file} --json")).fine();
        let asked = camp.run(named).fine();
        let queue = camp.run("pay charge --from till.jsonl --json").fine();
        assert_eq!(asked.field(0, "repeated"), "true");
        let line = |answer: &Answer| answer.lines().remove(0);
        let of = |all: &Value, entry: &dyn Fn(&Value) -> bool| {
            let found = all.as_array().and_then(|all| all.iter().find(|line| entry(line)));
            found.map_or(Value::Null, |line| line["finality"].clone())
        };
        let named = |line: &Value| line["entry"] == json!(again);
        let sent = |line: &Value| line["site"].as_str().is_some_and(|at| at.contains("lake"));
        [
            ("list", line(&list)["finality"].clone()),
            ("receipt", line(&receipt)["finality"].clone()),
            ("trace", line(&traced)["entry"]["finality"].clone()),
            ("sample", of(&line(&sample)["drawn"], &named)),
            ("sent", of(&line(&sites)["open"], &sent)),
            ("again at once", of(&line(&odd)["found"], &named)),
            ("asked again", line(&asked)["finality"].clone()),
            ("in a queue", line(&queue)["finality"].clone()),
            ("promise", line(&camp.run("pay promise till.promise --json"))["finality"].clone()),
        ]
    };
    let all = |word: &str, told: [(&str, Value); 9]| {
        for (what, grade) in told {
            assert_eq!(grade, json!(word), "{what}");
        }
    };
    assert_eq!(told("before")[0].1, "sealed", "nobody else has said anything");
    carry(&camp, "lake", "council");
    camp.run("checkpoint make").fine();
    signs(&camp, "council");
    all("seen", told("one"));
    camp.run("checkpoint cosign").fine();
    all("certified", told("two"));
    assert!(camp.run(named.trim_end_matches(" --json")).fine().out.contains("(certified)"));
}

/// A cycle that is closed, below a checkpoint that the lake and a second organisation have signed and everybody has read.
pub(crate) fn closed() -> Camp {
    let camp = witnessed();
    carry(&camp, "hill", "lake");
    camp.run("cycle close --programme Food --cycle 1 --out close.annona").fine();
    for keys in ["relief", "city"] {
        camp.run(&format!("charter sign close.annona --keys {keys}.keys")).fine();
    }
    for dir in ["lake", "treasury", "hill", "council"] {
        camp.run(&format!("charter apply close.annona --dir {dir}")).fine();
    }
    for dir in ["treasury", "council"] {
        carry(&camp, "lake", dir);
    }
    camp.run("checkpoint make").fine();
    camp.run("checkpoint cosign").fine();
    signs(&camp, "council");
    camp
}

#[test]
fn s38_a_closed_cycle_is_pruned_and_what_stands_above_is_proven_and_paid_as_before() {
    let camp = closed();
    let (entry, name) = (camp.told("entry.txt"), camp.told("name.txt"));
    let prune = "checkpoint prune --programme Food";
    // One other organisation is not enough, and nothing goes.
    camp.run(prune).fails(5, "it takes 2 organisations");
    signs(&camp, "treasury");
    let would = camp.run(&format!("{prune} --dry-run --json")).fine();
    let gone = camp.run(&format!("{prune} --json")).fine();
    assert_eq!(gone.field(0, "done"), "true");
    assert_eq!(gone.field(0, "blocks"), would.field(0, "blocks"));
    assert_ne!(gone.field(0, "blocks"), "0");
    assert_eq!(camp.run(&format!("{prune} --json")).fine().field(0, "blocks"), "0", "once");
    camp.run("doctor --full --rebuild").fine();
    // Below: neither receipt nor promise can be made again here, and it is said from where to have it.
    camp.run(&format!("pay receipt {entry} --out late.receipt")).fails(5, "import it again");
    // Above: it serves on, seals, and is proven from a file that says what it has not.
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let above = camp.run("pay charge --family 1 --item Rice=1 --json").fine();
    camp.run("audit export pruned.audit --seal").fine();
    let checked = camp.bare("audit verify pruned.audit").fine();
    assert!(checked.out.contains("not checked: Food"), "{}", checked.out);
    let (name_above, out) = (above.field(0, "name"), "--out above.proof");
    camp.bare(&format!("audit prove pruned.audit {name_above} {out}")).fine();
    camp.bare("audit check-proof above.proof").fine();
    let above = above.field(0, "entry");
    camp.run(&format!("pay receipt {above} --out above.receipt")).fine();
    camp.run("pay receipt --check above.receipt").fine();
    camp.bare(&format!("audit prove pruned.audit {name} --out below.proof"))
        .fails(3, "has no entry");
    // What was proven before still is, and whoever holds the bodies brings them back.
    camp.bare("audit check-proof noor.proof").fine();
    carry(&camp, "council", "lake");
    camp.run(&format!("pay receipt {entry} --out again.receipt")).fine();
    camp.run("pay receipt --check again.receipt").fine();
    camp.run("audit export whole.audit").fine();
    let whole = camp.bare("audit verify whole.audit").fine();
    assert!(!whole.out.contains("not checked"), "{}", whole.out);
}

/// What is not in the file is not nothing: no sum is told of a programme whose bodies were dropped.
#[test]
fn an_audit_file_of_a_node_that_pruned_tells_no_sums_of_what_it_lacks() {
    let camp = closed();
    signs(&camp, "treasury");
    camp.run("audit export whole.audit --seal").fine();
    let whole = camp.run("audit verify whole.audit").fine();
    assert!(whole.out.contains("handed out"), "{}", whole.out);
    let pruned = camp.run("checkpoint prune --programme Food").fine();
    assert!(pruned.err.contains("tell no sums of Food"), "{}", pruned.err);
    let exported = camp.run("audit export less.audit").fine();
    assert!(exported.err.contains("bodies are not here"), "{}", exported.err);
    let less = camp.run("audit verify less.audit").fine();
    assert!(!less.out.contains(", handed out "), "{}", less.out);
    assert!(less.out.contains("is not told by this file"), "{}", less.out);
    assert!(less.out.contains("what was late is not told"), "{}", less.out);
    assert!(!less.out.contains("in flight"), "{}", less.out);
    let less = camp.run("audit verify less.audit --json").fine();
    assert_eq!(less.lines()[0]["sums"][0]["redeemed"], Value::Null, "{}", less.out);
    assert_eq!(less.lines()[0]["closed"][0]["late"], Value::Null, "{}", less.out);
    assert_eq!(less.lines()[0]["suspense"], serde_json::json!([]), "{}", less.out);
}
