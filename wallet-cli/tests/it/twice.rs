//! What is said twice, cut off, or told by a list that does not know of it: whom it is about is named, and nothing told at
//! the desk is undone.

use crate::camp::{Answer, Camp, split};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const TWO: &str = "--operator mara.keys --operator-passphrase-file pass.txt \
                   --second yusuf.keys --second-passphrase-file pass.txt";

/// A family of Andrea, an old man and a child.
fn three() -> (Camp, String) {
    let camp = Camp::new();
    let lines = "size=3\nmember: full_name=Andrea\nmember: full_name=Old Man,age=70\n\
                 member: full_name=Little One,age=7";
    let id = camp.family(lines, &format!("--json {MARA}")).fine().field(0, "family");
    (camp, id)
}

fn people(camp: &Camp, id: &str) -> usize {
    let shown = camp.run(&format!("family show {id} --json")).fine();
    shown.lines()[0]["members"].as_array().expect("members").len()
}

/// Without anybody to ask.
fn unasked(camp: &Camp, words: &str) -> Answer {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annona"));
    command.args(split(&format!("{words} --passphrase-file pass.txt --no-input")));
    command.arg("--heads").arg(camp.file("heads")).env("ANNONA_DIR", camp.file("lake"));
    Answer::of(words, command.current_dir(camp.path()).output().expect("runs"))
}

/// Done, and its answer went nowhere.
fn cut_off(camp: &Camp, words: &str) {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
    let mut command = camp.command(split(&format!("{words} --passphrase-file pass.txt")));
    let output = command.stdout(full).output().expect("runs");
    assert!(!output.status.success(), "{words}");
}

#[test]
fn a_death_names_who_died_and_said_twice_takes_nobody_else() {
    let (camp, id) = three();
    let words = format!("family death {id} --member 2 --collector 1 {TWO}");
    let old = "Died: Old Man, age 70 (member 2). Andrea collects.";
    unasked(&camp, &words).fails(5, old);
    let json = unasked(&camp, &format!("{words} --json"));
    assert!(json.code == Some(5) && !format!("{}{}", json.out, json.err).contains("Old Man"));
    let dry = camp.run(&format!("{words} --dry-run")).fine();
    assert!(
        dry.out.contains("Died: Old Man, age 70 (member 2). Andrea would collect."),
        "{}",
        dry.out
    );
    assert_eq!(people(&camp, &id), 3);
    let done = camp.run(&words).fine();
    assert!(done.out.contains("2 people") && done.out.contains(old), "{}", done.out);
    // The arrow key, or the other operator, by another collector: member 2 is the child now.
    for again in [words.clone(), words.replace("--collector 1", "--collector 2")] {
        let refused = camp.run(&again);
        assert_ne!(refused.code, Some(0), "{}", refused.out);
    }
    camp.run(&words).fails(5, "This says: Died: Little One, age 7 (member 2).");
    let dry = camp.run(&format!("{words} --dry-run")).fine();
    assert!(dry.out.contains("--again"), "{}", dry.out);
    assert_eq!(people(&camp, &id), 2);
    camp.run(&format!("{words} --again")).fine();
    assert_eq!(people(&camp, &id), 1);
}

#[test]
fn births_splits_and_merges_name_whom_they_are_about() {
    let (camp, id) = three();
    let birth = format!("family birth {id} --from adam.family --collector 1 {TWO}");
    assert!(camp.run(&birth).fine().out.contains("New: Adam"));
    camp.run(&birth).fails(5, "the same words");
    camp.run(&format!("{birth} --again")).fine();
    assert_eq!(people(&camp, &id), 5);
    let split = format!("family split {id} --member 3 --collector 1 {TWO}");
    let told = "Apart: Little One, age 7 (member 3). Andrea collects.";
    let done = camp.run(&split).fine();
    assert!(done.out.contains(told), "{}", done.out);
    camp.run(&split).fails(5, "a split was told");
    let other = camp.family("member: full_name=Bo Chen", &format!("--json {MARA}")).fine();
    let merge =
        format!("family merge {id} {} --collector 1 {TWO} --dry-run", other.field(0, "family"));
    let dry = camp.run(&merge).fine();
    assert!(dry.out.contains(": Bo Chen · 1 person"), "{}", dry.out);
}

#[test]
fn words_that_were_cut_off_make_no_other_family_vanish() {
    let camp = Camp::new();
    camp.write("late.family", "women=1\nsize=4");
    let add = format!("family add --from late.family {MARA}");
    let family = |words: &str| camp.run(&format!("{words} --json")).fine().field(0, "family");
    // Said again at once it is the same family, and that is told.
    cut_off(&camp, &add);
    let again = camp.run(&add).fine();
    assert!(again.err.contains("It was written before"), "{}", again.err);
    let first = family(&add);
    // Cut off, and said of another who is described in the same words: there are two.
    cut_off(&camp, &add);
    let number = |family: &str| family.parse::<u64>().expect("a number");
    let cut = number(&first) + 1;
    camp.run(&format!("family show {cut}")).fine();
    let twin = family(&format!("{add} --again"));
    assert_eq!(number(&twin), cut + 1);
    // Weeks later, after others: nobody can tell, so nobody is turned into another.
    cut_off(&camp, &add);
    camp.family("size=2\nmember: full_name=Other", MARA).fine();
    camp.run(&add).fails(5, "--again");
    let second = family(&format!("{add} --again"));
    let third = family(&add);
    assert!(first != second && second != third, "{first} {second} {third}");
    // So with what happened to a family.
    let birth = format!("family birth {third} --from adam.family --collector 1 {TWO}");
    cut_off(&camp, &birth);
    camp.run(&birth).fine();
    assert_eq!(people(&camp, &third), 1);
    let death = format!("family death {third} --member 1 --collector 2 {TWO} --again");
    camp.run(&format!("{birth} --again")).fine();
    cut_off(&camp, &death);
    camp.family("size=2\nmember: full_name=Another", MARA).fine();
    let death = death.replace(" --again", "");
    camp.run(&death).fails(5, "that command was cut off");
    assert_eq!(people(&camp, &third), 1);
}

#[test]
fn a_list_undoes_nothing_that_was_told_at_the_desk() {
    let camp = crate::registers::imported();
    let id =
        |key: &str| camp.run(&format!("family show reg:{key} --json")).fine().field(0, "family");
    let (born, corrected) = (id("N-1"), id("N-2"));
    camp.run(&format!("family birth {born} --from adam.family --collector 1 {TWO}")).fine();
    camp.write("change.family", "1: phone=0700 1");
    camp.run(&format!("family change {corrected} --from change.family {MARA}")).fine();
    let import = format!("family import reg.csv --map reg.toml --update {MARA}");
    let dry = camp.run(&format!("{import} --dry-run")).fine();
    assert!(
        dry.out.contains("row 2: ") && dry.out.contains("as told at the desk: birth"),
        "{}",
        dry.out
    );
    let done = camp.run(&format!("{import} --json")).fine();
    assert_eq!((done.field(0, "told"), done.field(1, "told")), ("2".into(), "2".into()));
    assert!(done.out.contains("\"told\":[\"phone\"]"), "{}", done.out);
    assert!(done.err.contains("2 families were not replaced"), "{}", done.err);
    assert_eq!((people(&camp, &born), done.field(1, "replaced")), (2, "0".into()));
}
