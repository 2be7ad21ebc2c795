//! Whose numbers a file has, what of it is told, and what it loses: as somebody sees it who imports her first list.

use std::process::Command;

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const FILE: &str =
    "household_id,full_name,size\nN-1,Amina Yusuf,4\nN-2,Bo Chen,2\nN-3,Dara Sok,9\n";

/// A camp that has imported a file under the register "reg".
pub(crate) fn imported() -> Camp {
    let camp = Camp::new();
    camp.write("reg.csv", FILE);
    let draft = camp.bare("family import reg.csv --suggest-map").fine().out;
    camp.write("draft.toml", &draft);
    let dry = "family import reg.csv --map draft.toml --dry-run";
    camp.run(dry).fails(3, "in place of \"?\"");
    camp.write("reg.toml", draft.replace("source = \"?\"", "source = \"reg\""));
    camp.run(&format!("family import reg.csv --map reg.toml {MARA}")).fine();
    camp
}

/// A list under another name is most likely the same list.
#[test]
fn the_same_list_under_another_name_is_not_registered_unnoticed() {
    let camp = imported();
    camp.write("june.toml", camp.told("reg.toml").replace("\"reg\"", "\"reg-june\""));
    let words = "family import reg.csv --map june.toml";
    let dry = camp.run(&format!("{words} --dry-run")).fine();
    assert!(
        dry.err.contains("3 of these 3 keys are here under the register \"reg\""),
        "{}",
        dry.err
    );
    let json = camp.run(&format!("{words} --dry-run --json")).fine();
    assert!(json.field(0, "elsewhere").contains("reg"), "{}", json.out);
    // Whoever is not asked, and has not said so, registers nobody twice.
    let before = camp.run("status --json").fine().field(0, "entries");
    let refused = Command::new(env!("CARGO_BIN_EXE_annona"))
        .args(crate::camp::split(&format!("{words} {MARA} --passphrase-file pass.txt --no-input")))
        .arg("--heads")
        .arg(camp.file("heads"))
        .current_dir(camp.path())
        .env("ANNONA_DIR", camp.file("lake"))
        .output()
        .expect("the program runs");
    let err = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{err}");
    assert!(err.contains("say --yes if so"), "{err}");
    assert_eq!(camp.run("status --json").fine().field(0, "entries"), before);
    // The same register again is the same families.
    let again = camp.run(&format!("family import reg.csv --map reg.toml {MARA} --json")).fine();
    assert_eq!(again.field(1, "unchanged"), "3", "{}", again.out);
    assert!(!again.err.contains("under the register"), "{}", again.err);
}

#[test]
fn a_list_of_a_register_s_keys_is_told_which_register_has_them() {
    let camp = imported();
    camp.write("list-of-reg.csv", "household_id,Rice\nN-1,10\nN-2,5\n");
    let import = "entitle import list-of-reg.csv --programme Food --cycle 1";
    camp.run(import).fails(1, "2 of these keys are of the register \"reg\"");
    camp.run(&format!("{import} --source \"reg\" --dry-run")).fine();
    // Keys nobody has, and those of the desk, send nobody elsewhere.
    camp.write("list-of-none.csv", "household_id,Rice\nN-9,10\nB1-001,5\n");
    let none = import.replace("list-of-reg", "list-of-none");
    let told = camp.run(&none).fails(1, "1 row has a problem");
    assert!(!told.err.contains("register"), "{}", told.err);
    let found = camp.run("family find N-2").fine();
    assert!(found.out.contains("key reg:N-2"), "{}", found.out);
    assert!(camp.run("family show reg:N-2").fine().out.contains("key reg:N-2"));
    assert!(camp.run("family show desk:B1-001").fine().out.contains("key desk:B1-001"));
}

/// A column of names under a field that has words of its own: what a dry run is for.
#[test]
fn findings_print_nobody_s_name_and_the_end_says_what_is_lost() {
    let camp = Camp::new();
    let names = ["Johanna", "Glenn", "Jean", "Mariam", "Tomas", "Halima", "Samir"];
    let rows: Vec<String> =
        (0..42).map(|n| format!("{n},{},{},CANNOT_DO", names[n % 7], 100 + 10 * n)).collect();
    camp.write("wrong.csv", format!("household_id,firstname,age,seeing\n{}\n", rows.join("\n")));
    let map = "source = \"reg\"\nkey = [\"household_id\"]\n[household.columns]\nhousehold_id = { number_as_text = true }\n\
               firstname = \"sex\"\nage = \"age\"\nseeing = \"seeing\"\n";
    camp.write("wrong.toml", map);
    let dry = "family import wrong.csv --map wrong.toml --dry-run";
    let (text, json) = (camp.run(dry).fine(), camp.run(&format!("{dry} --json")).fine());
    for name in names {
        let whole = |said: &str| said.split(|c: char| !c.is_alphanumeric()).any(|w| w == name);
        assert!(!whole(&text.out) && !whole(&text.err), "{name}: {}", text.out);
        assert!(!whole(&json.out) && !whole(&json.err), "{name}: {}", json.out);
    }
    assert!(text.out.contains("CANNOT_DO 42"), "what is no name is counted: {}", text.out);
    assert!(text.out.lines().count() < 12, "many of a kind are one line: {}", text.out);
    let last = text.out.lines().last().unwrap_or_default();
    assert!(last.contains("0 rows refused, 122 values lost"), "{}", text.out);
    assert!(text.out.contains("lost     84 values (columns B, D):"), "{}", text.out);
    assert!(text.out.contains("lost     38 values (column C): the number"), "{}", text.out);
    let report: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let rows = report["report"]["findings"]["list"].to_string();
    assert!(!rows.contains("CANNOT_DO") && !rows.contains("Glenn"), "{rows}");
}

#[test]
fn fields_are_listed_with_what_they_hold() {
    let camp = Camp::empty();
    let listed = camp.bare("family fields").fine().out;
    let line = listed.lines().find(|line| line.starts_with("sex ")).expect("one of them");
    assert!(line.contains("person") && line.contains("one of female, male"), "{line}");
    let all = camp.bare("family fields --json").fine();
    assert_eq!(all.lines().len(), annona_node::person::Field::ALL.len());
    camp.write("town.toml", "source = \"s\"\nkey = [\"id\"]\n[household.columns]\ntown = \"\"\n");
    camp.write("town.csv", "id,town\n1,x\n");
    camp.bare("family import town.csv --map town.toml --dry-run").fails(3, "leave the line out");
}

/// Who asked to be forgotten is in the office's list of next week: she is left out, by her row, until somebody says that she
/// wants it otherwise.
#[test]
fn whoever_was_erased_is_not_registered_again_by_the_list_she_came_from() {
    let camp = imported();
    let erased = camp.run(&format!("erase reg:N-2 {MARA}")).fine();
    assert!(erased.err.contains("take her out there too"), "{}", erased.err);
    let words = "family import reg.csv --map reg.toml";
    let dry = camp.run(&format!("{words} --dry-run --json")).fine();
    assert_eq!((dry.field(0, "new"), dry.field(0, "erased_rows")), ("0".into(), "[3]".into()));
    assert!(dry.err.contains("1 family is left out, in row 3"), "{}", dry.err);
    let again = camp.run(&format!("{words} {MARA} --json")).fine();
    let counts = ["added", "unchanged", "erased"].map(|field| again.field(1, field));
    assert_eq!(counts, ["0", "2", "1"], "{}", again.out);
    camp.run("family show reg:N-2").fails(3, "");
    // The same number in another register is another family.
    camp.write("other.toml", camp.told("reg.toml").replace("\"reg\"", "\"other\""));
    camp.write("one.csv", "household_id,full_name,size\nN-2,Els Bo,1\n");
    let other = camp.run(&format!("family import one.csv --map other.toml {MARA} --json")).fine();
    assert_eq!(other.field(1, "added"), "1", "{}", other.out);
    // Whoever restores a backup finds in it nothing of who asked to be forgotten.
    camp.run("backup after.backup --people-keys after.people").fine();
    camp.run("restore after.backup --people-keys after.people --dir again").fine();
    let restored = camp.run(&format!("{words} --dry-run --json --dir again")).fine();
    assert_eq!(restored.field(0, "erased"), "0", "{}", restored.out);
    // She asks to be registered again.
    let said = camp.run(&format!("{words} --erased {MARA} --json")).fine();
    assert_eq!((said.field(1, "added"), said.field(1, "erased")), ("1".into(), "0".into()));
    let last = camp.run(&format!("{words} {MARA} --json")).fine();
    assert_eq!((last.field(1, "unchanged"), last.field(1, "erased")), ("3".into(), "0".into()));
}
