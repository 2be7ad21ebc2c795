//! Cards and distribution lists.

use serde_json::json;

use crate::camp::{Answer, Camp};
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--operator yusuf.keys --operator-passphrase-file pass.txt";

#[test]
fn a_code_finds_its_family_until_it_is_cancelled() {
    let camp = Camp::new();
    let code = camp.told("code.txt");
    assert_eq!(camp.run(&format!("card check {code} --json")).fine().field(0, "family"), "1");
    let by_code = camp.run(&format!("family show \"{}\"", code.to_lowercase())).fine();
    assert!(by_code.out.contains("Family 1,"), "{}", by_code.out);
    // A misread character is told as one, and counts as no try.
    let last = if code.ends_with('7') { "8" } else { "7" };
    let misread = format!("{}{last}", &code[..code.len() - 1]);
    camp.run(&format!("card check {misread}")).fails(3, "misread");
    camp.run(&format!("card cancel {code} {MARA}")).fine();
    camp.run(&format!("card check {code}")).fails(5, "was taken back");
    camp.run(&format!("card issue 1 {MARA}")).fine();
    // No code reaches the ledger or the person file in the clear.
    for file in ["lake/ledger.db", "lake/people.db"] {
        let bytes = std::fs::read(camp.file(file)).expect("read");
        let plain = code.replace('-', "");
        assert!(!bytes.windows(plain.len()).any(|w| w == plain.as_bytes()), "{file}");
    }
}

#[test]
fn nobody_finds_a_family_by_trying_codes() {
    let camp = Camp::new();
    // Codes of another place: good codes that nobody here has.
    for seed in 1..=5u64 {
        let code = annona_ledger::short_code::ShortCode::new(seed).to_string();
        camp.run(&format!("card check {code}")).fails(5, "no family here has this code");
    }
    let code = camp.told("code.txt");
    camp.run(&format!("card check {code}")).fails(5, "wait");
}

#[test]
fn a_list_needs_two_different_operators_and_then_a_budget() {
    let camp = Camp::new();
    let waiting = camp.told("waiting.txt");
    camp.run(&format!("entitle issue {waiting}")).fails(5, "is not frozen");
    camp.run(&format!("entitle approve {waiting} {MARA}")).fine();
    camp.run(&format!("entitle approve {waiting} {MARA}")).fails(5, "A second one must");
    camp.run(&format!("entitle issue {waiting}")).fails(5, "is not frozen");
    let frozen = camp.run(&format!("entitle approve {waiting} {YUSUF} --json")).fine();
    assert_eq!(frozen.field(0, "frozen"), "true");
    // Without a budget nothing is issued, and the reason is told.
    camp.run(&format!("entitle issue {waiting}")).fails(5, "rejection");
    let listed = camp.bare("entitle list --json").fine().out;
    assert_eq!(listed.matches("frozen").count(), 2, "{listed}");
    // The same rows are not drafted twice.
    camp.write("same.csv", "household_id,Rice\nB1-001,1\n");
    camp.run("entitle import same.csv --programme Food --cycle 1").fails(6, "frozen already");
}

#[test]
fn whoever_drafts_or_approves_a_list_hears_who_was_issued_of_the_cycle_before() {
    let camp = counter();
    camp.write("again.csv", "household_id,Rice,Oil\nB1-001,1,\nB1-002,2,1\n");
    let import = "entitle import again.csv --programme Food --cycle 1 --json";
    let told = |answer: &Answer, families: u64, totals: &[&str]| {
        let before = answer.lines().last().expect("an answer")["issued_before"].clone();
        assert_eq!(before, json!({ "families": families, "totals": totals }), "{}", answer.err);
        assert_eq!(answer.err.contains("issued of this cycle before"), families > 0);
    };
    // Family 2 was issued rice, ate of it and took the rest elsewhere; of oil she has had none.
    let rice = ["37.500 kg Rice"];
    told(&camp.run(&format!("{import} --dry-run")).fine(), 2, &rice);
    let drafted = camp.run(import).fine();
    told(&drafted, 2, &rice);
    let list = drafted.field(drafted.lines().len() - 1, "list");
    told(&camp.run(&format!("entitle approve {list} {MARA} --dry-run --json")).fine(), 2, &rice);
    let said = camp.run(&format!("entitle approve {list} {MARA}")).fine().err;
    assert!(said.contains("2 of 2 families on this list were issued"), "{said}");
    // Whoever was never issued to is not counted, nor what was issued of something else.
    camp.write("oil.csv", "household_id,Oil\nB1-002,1\n");
    told(&camp.run(&format!("{} --dry-run", import.replace("again", "oil"))).fine(), 0, &[]);
}

#[test]
fn a_list_with_problems_is_not_drafted() {
    let camp = Camp::new();
    camp.write(
        "bad.csv",
        "household_id,commodity,amount\nB1-001,Rice,1.2345\nB1-009,Rice,1\nB1-002,Salt,1\nB1-001,Oil,-1\nB1-002,Rice,2\n",
    );
    let import = "entitle import bad.csv --programme Food --cycle 1";
    let answer = camp.run(import).fails(1, "4 rows have problems");
    for place in ["row 2, column C", "row 3, column A", "row 4, column B", "row 5, column C"] {
        assert!(answer.out.contains(place), "{place}\n{}", answer.out);
    }
    let skipped = camp.run(&format!("{import} --skip-bad-rows --dry-run --json")).fine();
    let last = skipped.out.lines().count() - 1;
    assert_eq!(skipped.field(last, "rows"), "1");
    camp.run("entitle import bad.csv --programme Food --cycle 9").fails(5, "was not opened");
}

#[test]
fn a_row_of_a_family_that_was_merged_is_told_to_whoever_drafts() {
    let camp = Camp::new();
    let second = "--second yusuf.keys --second-passphrase-file pass.txt";
    let lines = "size=2\nmember: full_name=Late Comer";
    let other =
        camp.family(lines, &format!("--key B1-050 --json {MARA}")).fine().field(0, "family");
    camp.run(&format!("family merge 1 {other} --collector 1 {MARA} {second}")).fine();
    let import = "entitle import merged.csv --programme Food --cycle 1 --dry-run";
    camp.write("merged.csv", "household_id,Rice,Oil\nB1-001,5,1\nB1-050,5,1\n");
    let both = camp.run(&format!("{import} --json")).fine();
    assert!(
        both.err.contains("row 3: ") && both.err.contains("family 1, which has a row too"),
        "{}",
        both.err
    );
    let last = both.lines().last().expect("a list")["merged"].clone();
    assert_eq!(last.as_array().map(Vec::len), Some(1), "once for both commodities: {last}");
    assert_eq!(last[0]["both"], true);
    camp.write("merged.csv", "household_id,Rice,Oil\nB1-050,5,1\n");
    let alone = camp.run(import).fine();
    assert!(alone.err.contains("family 1. Nobody lives in it"), "{}", alone.err);
    camp.write("merged.csv", "household_id,Rice,Oil\nB1-001,5,1\n");
    assert!(!camp.run(import).fine().err.contains("merged"));
}

/// A formula that came out empty: her family is on the file, and would go without.
#[test]
fn a_row_that_gives_nothing_is_told_to_whoever_drafts_and_whoever_approves() {
    let camp = counter();
    camp.write("empty.csv", "household_id,Rice,Oil\nB1-001,5,1\nB1-002,,0\n");
    let import = "entitle import empty.csv --programme Food --cycle 1";
    let drafted = camp.run(&format!("{import} --json")).fine();
    assert!(drafted.err.contains("1 of 2 rows on the file gives its family nothing: row 3"));
    let list = drafted.lines().last().expect("a list").clone();
    assert_eq!((&list["rows_left_out"], &list["rows_of_nothing"]), (&json!(1), &json!(1)));
    let list = list["list"].as_str().expect("a root");
    let approve = format!("entitle approve {list} {MARA}");
    let dry = camp.run(&format!("{approve} --dry-run")).fine();
    assert!(dry.err.contains("1 row of its file gave a family nothing"), "{}", dry.err);
    assert!(dry.out.contains("2 rows for 1 family") && dry.out.contains("5.000 kg Rice in all"));
    let told = camp.run(&format!("{approve} --json")).fine().lines()[0].clone();
    assert_eq!(told["totals"], json!(["5.000 kg Rice", "1.000 l Oil"]), "{told}");
    assert_eq!((&told["families"], &told["cycle"]), (&json!(1), &json!(1)));
    assert_eq!(told["rows_of_nothing"], 1);
    // All is as it should be: nobody is warned.
    camp.write("full.csv", "household_id,Rice,Oil\nB1-001,5,\nB1-002,,1\n");
    let full = camp.run("entitle import full.csv --programme Food --cycle 1 --dry-run").fine();
    assert!(!full.err.contains("nothing: row"), "{}", full.err);
}

#[test]
fn a_list_that_is_larger_than_the_budget_is_told_before_it_is_approved_and_by_family() {
    let camp = counter();
    // 2962.5 kg are left to issue, as status says beside what families have.
    let status = camp.run("status").fine().out;
    assert!(status.contains("2962.500 kg to issue or send, 12.500 kg for families"), "{status}");
    camp.write("big.csv", "household_id,Rice\nB1-001,2900\nB1-002,100\n");
    let import = "entitle import big.csv --programme Food --cycle 1 --json";
    let drafted = camp.run(import).fine();
    let told =
        "37.500 kg Rice more is on it than lies here to issue: 1 row of 2 would wait, of family 2";
    assert!(drafted.err.contains(told), "{}", drafted.err);
    let list = drafted.lines().last().expect("a list").clone();
    assert_eq!(
        list["beyond"],
        json!({ "rows": 1, "lacking": ["37.500 kg Rice"], "families": [2] })
    );
    let list = list["list"].as_str().expect("a root").to_owned();
    for operator in [MARA, YUSUF] {
        let said = camp.run(&format!("entitle approve {list} {operator}")).fine();
        assert!(said.err.contains(told), "{}", said.err);
    }
    camp.run(&format!("entitle approve {list} {MARA}")).fails(6, "is frozen");
    let dry = camp.run(&format!("entitle issue {list} --dry-run")).fine();
    assert!(dry.err.contains(told), "{}", dry.err);
    let issued = camp.run(&format!("entitle issue {list} --json"));
    let issued = issued.fails(5, "1 of the rows were not issued, of family 2");
    assert_eq!(issued.lines()[0]["waiting"], json!([2]), "{}", issued.out);
    let all = camp.run("entitle list --json").fine().lines();
    let this = all.iter().find(|one| one["list"] == list.as_str()).expect("it is listed");
    assert_eq!((&this["rows"], &this["issued"]), (&json!(2), &json!(1)));
}
