//! Families of a site: by hand and from a file, in the scripts people write in.

use std::process::Stdio;

use crate::camp::{Answer, Camp};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const BOTH: &str = "--operator mara.keys --operator-passphrase-file pass.txt --second yusuf.keys \
                    --second-passphrase-file pass.txt";

#[test]
fn names_in_every_script_are_added_found_and_shown() {
    let camp = Camp::new();
    let names = [
        ("فاطمة العلي", "العلي"),
        ("ሰላም ተስፋዬ", "ተስፋዬ"),
        ("রহিমা বেগম", "বেগম"),
        ("မောင် အေးမောင်", "အေးမောင်"),
        ("José Ñuñez", "JOSE\u{301}"),
        ("\u{202e}نور\u{202c} الحسن", "الحسن"),
    ];
    for (name, word) in names {
        let key = if name.starts_with('J') { "--key J" } else { "" };
        let added = camp
            .family(&format!("member: full_name={name},age=30"), &format!("{key} {MARA} --json"));
        let number = added.fine().field(0, "family");
        let found = camp.run(&format!("family find \"{word}\" --json")).fine();
        assert_eq!(found.field(0, "family"), number, "{name}");
        let shown = camp.run(&format!("family show {number}")).fine().out;
        assert!(shown.contains("1 Food"), "enrolled: {shown}");
        assert!(!shown.contains('\u{202e}'), "no direction override is kept: {shown}");
    }
    camp.write("j.family", "size=4\n1: sex=male\n");
    let change = "family change desk:J --from j.family";
    camp.run(change).fails(2, "--operator FILE");
    let changed = camp.run(&format!("{change} {MARA}")).fine();
    assert!(changed.out.contains("sex, size"), "{}", changed.out);
    assert!(camp.run("family show desk:J").fine().out.contains("size: 4"));
    camp.run("family show 77").fails(3, "no family has number 77 here");
    camp.run("family find nobody").fine();
    // No name reaches the ledger file.
    let ledger = std::fs::read(camp.file("lake/ledger.db")).expect("read");
    for (name, _) in names {
        assert!(!ledger.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
}

/// People type a name as they hear it, on the keyboard at hand; "you are not on the list" must not hang on that.
#[test]
fn a_family_is_found_however_its_name_is_typed() {
    let camp = Camp::new();
    let add = |name: &str| {
        let lines = format!("member: full_name={name},age=30");
        camp.family(&lines, &format!("{MARA} --json")).fine().field(0, "family")
    };
    let find = |typed: &str| camp.run(&format!("family find \"{typed}\" --json")).fine();
    for (name, typed) in [
        ("أحمد القاسم", "احمد"),
        ("فاطمة الزهراء", "فاطمه"),
        ("نيلا كريمي", "کریمی"),
        ("နီလာ မောင်", "နီလာမောင်"),
        ("Yusra Canary", "\u{200f}YUSRA"),
    ] {
        let id = add(name);
        let found = find(typed);
        assert_eq!(
            (found.field(0, "family"), found.field(0, "alike")),
            (id, "false".into()),
            "{name}"
        );
    }
    // Spelt otherwise: after those who have the words.
    let (one, other) = (add("Mohammed Qanari"), add("محمد قناري"));
    let found = find("Muhamad Qanari");
    assert_eq!((found.field(0, "family"), found.field(0, "alike")), (one, "true".into()));
    assert_eq!(found.field(1, "family"), other);
    assert_eq!(find("Mohammed Qanari").field(0, "alike"), "false");
    assert_eq!(camp.run("family find Qanari --limit 1 --json").fine().out.lines().count(), 1);
}

#[test]
fn who_may_not_register_does_not() {
    let camp = Camp::new();
    camp.write("nobody.family", "member: full_name=Nobody");
    let add = "family add --from nobody.family";
    camp.run(add).fails(2, "--operator FILE");
    camp.run("operator new --out eve.keys --passphrase-cost light").fine();
    camp.run(&format!("{add} --operator eve.keys --operator-passphrase-file pass.txt"))
        .fails(5, "has no certificate");
    camp.run(&format!("{add} --operator relief.keys --operator-passphrase-file pass.txt"))
        .fails(5, "holds no operator's key");
    let photo = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD";
    camp.family(&format!("member: full_name={photo}"), MARA).fails(3, "full_name");
}

fn registrations(camp: &Camp, households: u32) {
    let mut text = String::from("household_id,full_name,size\n");
    for n in 1..=households {
        text.push_str(&format!("HH-{n:06},Person {n},{}\n", n % 7 + 1));
    }
    camp.write("big.csv", text);
    camp.write(
        "big.toml",
        "source = \"big\"\nkey = [\"household_id\"]\n[household.columns]\nfull_name = \"full_name\"\nsize = \"size\"\n",
    );
}

#[test]
fn a_large_import_needs_two_different_operators() {
    let camp = Camp::new();
    registrations(&camp, 60);
    let import = format!("family import big.csv --map big.toml {MARA}");
    camp.run(&import).fails(5, "need two operators");
    camp.run(&import).fails(5, "need two operators");
    assert_eq!(camp.run("family find Person --limit 1000 --json").fine().out.lines().count(), 0);
    let second = import.replace("mara", "yusuf");
    // Another file is another word to give.
    let mut text = std::fs::read_to_string(camp.file("big.csv")).expect("read");
    text.push_str("HH-999999,Eve,9\n");
    camp.write("other.csv", &text);
    camp.run(&second.replace("big.csv", "other.csv")).fails(5, "need two operators");
    let done = camp.run(&format!("{second} --json")).fine();
    assert_eq!(imported(&done), (60, 60));
    let again = camp.run(&format!("{import} --json")).fine();
    assert_eq!(imported(&again), (0, 0), "the same again changes nothing");
}

fn imported(answer: &Answer) -> (u64, u64) {
    let line = answer.out.lines().count() - 1;
    let number = |field| answer.field(line, field).parse().expect("a number");
    (number("added"), number("enrolments"))
}

#[test]
fn a_dry_run_says_what_is_wrong_and_where() {
    let camp = Camp::new();
    registrations(&camp, 3);
    let mut text = std::fs::read_to_string(camp.file("big.csv")).expect("read");
    text.push_str(",No Key,4\nHH-000001,Twice,4\nHH-000009,Nine,many\n");
    camp.write("big.csv", text);
    let answer = camp.run("family import big.csv --map big.toml --dry-run");
    assert_eq!(answer.code, Some(1), "{}", answer.err);
    for words in ["row 5", "no household key", "row 6", "row 7", "column C (size)", "4 families"] {
        assert!(answer.out.contains(words), "{words}\n{}", answer.out);
    }
    camp.write("empty.csv", "");
    camp.run("family import empty.csv --map big.toml --dry-run").fails(3, "empty");
    camp.write("bad.toml", "sorce = 1\n");
    camp.run("family import big.csv --map bad.toml --dry-run").fails(3, "bad.toml");
}

/// Starts an import and kills it once the person file has grown: wherever that is, nothing is lost or done twice.
#[cfg(unix)]
#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    use std::os::unix::process::ExitStatusExt;
    let camp = Camp::new();
    let before: u64 = camp.bare("status --json").fine().field(0, "entries").parse().expect("count");
    registrations(&camp, 3_000);
    let import = format!("family import big.csv --map big.toml {BOTH}");
    let mut met = 0;
    for round in 0..3u64 {
        let mut child = camp
            .command(crate::camp::split(&format!("{import} --passphrase-file pass.txt")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start");
        let log = camp.file("lake/people.db-wal");
        while std::fs::metadata(&log).map_or(0, |m| m.len()) < 400_000 * (round + 1) {
            if child.try_wait().expect("wait").is_some() {
                break;
            }
            std::thread::yield_now();
        }
        child.kill().expect("kill");
        let ended = child.wait().expect("wait");
        met += u32::from(ended.signal() == Some(9));
    }
    assert!(met > 0, "every kill came too late");
    camp.run(&format!("{import} --json")).fine();
    let again = camp.run(&format!("{import} --json")).fine();
    assert_eq!(imported(&again), (0, 0));
    let last = again.out.lines().count() - 1;
    assert_eq!(again.field(last, "unchanged"), "3000");
    // One enrolment for each: no more entries than families.
    let entries: u64 =
        camp.bare("status --json").fine().field(0, "entries").parse().expect("count");
    assert_eq!(entries, before + 3_000);
}

/// What happens to families: two people answer for it, and what is left in a purse follows the named collector.
#[test]
fn births_deaths_splits_and_merges_take_two_people_and_name_a_collector() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let two = format!("{mara} --second yusuf.keys --second-passphrase-file pass.txt");
    let members =
        "size=3\nmember: full_name=زينب العلي\nmember: full_name=Sami\nmember: full_name=Noor";
    let added = camp.family(members, &format!("--json {mara}")).fine();
    let id = added.field(0, "family");
    let twice = format!("{mara} --second mara.keys --second-passphrase-file pass.txt");
    camp.run(&format!("family death {id} --member 1 --collector 2 {twice}"))
        .fails(5, "somebody else");
    camp.run(&format!("family death {id} --member 1 --collector 1 {two}"))
        .fails(3, "living member");
    let birth = format!("family birth {id} --from adam.family --collector 2 {two}");
    camp.run(&format!("{birth} --dry-run")).fine();
    camp.run(&birth).fine();
    let died = camp.run(&format!("family death {id} --member 1 --collector 2 {two} --json")).fine();
    assert_eq!((died.field(0, "people"), died.field(0, "collector")), ("3".into(), "1".into()));
    let split = format!("family split {id} --member 1 --collector 1 {two} --json");
    let split = camp.run(&split).fine();
    let new = split.field(0, "new");
    assert_eq!(split.field(0, "people"), "1", "the number stays with the collector");
    assert!(camp.run(&format!("family show {new}")).fine().out.contains("enrolled in: 1"));
    camp.run(&format!("family merge {id} {new} --collector 9 {two}")).fails(3, "living member");
    camp.run(&format!("family merge {id} {new} --collector 2 {two}")).fine();
    let shown = camp.run(&format!("family show {new}")).fine();
    assert!(shown.out.contains(&format!("collects: member 2 of family {id}")), "{}", shown.out);
    camp.run(&format!("family merge {id} {new} --collector 2 {two}")).fails(3, "merged already");
}

/// What two people answer for is not done by one under another command.
#[test]
fn one_operator_moves_nobody_by_correcting_a_family() {
    let camp = Camp::new();
    let two = format!("{MARA} --second yusuf.keys --second-passphrase-file pass.txt");
    let added =
        camp.family("member: full_name=Amina\nmember: full_name=Sami", &format!("--json {MARA}"));
    let id = added.fine().field(0, "family");
    let change = |lines: &str, rest: &str| {
        camp.write("change.family", lines);
        camp.run(&format!("family change {id} --from change.family {rest}"))
    };
    change("member: full_name=My Brother", MARA).fails(3, "two operators");
    camp.run(&format!("family change {id} --remove-member 1 {MARA}")).fails(2, "family death");
    // Where nobody was named by two, a name is corrected by one.
    change("1: full_name=Amina Noor", MARA).fine();
    camp.run(&format!("family birth {id} --from adam.family --collector 1 {two}")).fine();
    change("1: full_name=My Brother", MARA).fails(5, "changed by two");
    let oneself = "--second mara.keys --second-passphrase-file pass.txt";
    change("1: full_name=My Brother", &format!("{MARA} {oneself}")).fails(5, "somebody else");
    change("1: phone=0700 1\n2: full_name=Sami Noor", MARA).fine();
    change("1: full_name=Amina Nour", &two).fine();
    let shown = camp.run(&format!("family show {id}")).fine().out;
    assert!(shown.contains("Amina Nour") && shown.contains("Sami Noor"), "{shown}");
    assert!(!shown.contains("My Brother"), "{shown}");
}

/// A woman leaves her husband, and the number stays with her. He knows the PIN, and has the card and a collector's paper.
#[test]
fn who_left_cannot_empty_the_purse_with_what_he_has_kept() {
    let camp = crate::counter::counter();
    let two = format!("{MARA} --second yusuf.keys --second-passphrase-file pass.txt");
    camp.run(&format!("family birth 1 --from adam.family --collector 1 {two}")).fine();
    camp.run(&format!("family pin 1 --pin-file pin.txt {MARA}")).fine();
    camp.run(&format!("family collector 1 --days 366 --out kept.paper {MARA}")).fine();
    let (card, printed) = (camp.told("code.txt"), camp.file("card.txt"));
    let (card, printed) = (card.trim(), printed.display());
    let charge = |how: &str| camp.run(&format!("pay charge --item Rice=0.5 {how}"));
    let by_pin = format!("--card {card} --method pin --pin-file pin.txt");
    let by_paper = "--family 1 --method collector --paper kept.paper";
    charge(&by_pin).fine();
    charge(by_paper).fine();
    camp.run(&format!("card check {printed}")).fine();
    // Nobody left, and the same collects: they stay.
    camp.run(&format!("family birth 1 --from adam.family --collector 1 --again {two}")).fine();
    let split = format!("family split 1 --member 1 --member 3 --collector 2 {two}");
    camp.run(&format!("{split} --dry-run")).fine();
    charge(&by_pin).fine();
    let done = camp.run(&format!("{split} --json")).fine();
    assert_eq!(done.field(0, "ended"), "[1]", "{}", done.out);
    assert!(charge(&by_pin).code != Some(0));
    charge("--family 1 --method pin --pin-file pin.txt").fails(5, "has no PIN here");
    charge(by_paper).fails(5, "does not count today");
    assert!(camp.run(&format!("card check {printed}")).code != Some(0));
    // She gets others in the same visit; and where both are with whom is named, they may stay.
    let again = camp.run(&format!("card issue 1 {MARA} --json")).fine().field(0, "code");
    camp.run(&format!("family pin 1 --pin-file pin.txt {MARA}")).fine();
    camp.run(&format!("family birth 1 --from adam.family --collector 1 --again {two}")).fine();
    let other = format!(
        "family birth 1 --from adam.family --collector 2 --again --keep-cards {two} --json"
    );
    assert_eq!(camp.run(&other).fine().field(0, "ended"), "[]");
    charge(&format!("--card {again} --method pin --pin-file pin.txt")).fine();
}

/// Names do not stand in a command, where everybody on the machine reads them: they come from a file or standard input.
#[test]
fn names_are_told_in_a_file_and_never_in_a_command() {
    let camp = Camp::new();
    let before = camp.run("status --json").fine().field(0, "entries");
    for typed in [
        format!("family add --member full_name=Amina {MARA}"),
        format!("family add --from adam.family --set village=B2 {MARA}"),
        format!("family change 1 --set village=B2 {MARA}"),
        format!("family change 1 --member-set 1:full_name=Amina {MARA}"),
        format!("family change 1 --add-member full_name=Amina {MARA}"),
        format!(
            "family birth 1 --member given_name=Amina --collector 1 --second yusuf.keys {MARA}"
        ),
    ] {
        let refused = camp.run(&typed).fails(2, "--from FILE");
        assert!(!refused.err.contains("Amina"), "{}", refused.err);
    }
    camp.run(&format!("family add {MARA}")).fails(2, "--from FILE");
    camp.family("# nobody\n", MARA).fails(3, "nothing is said");
    camp.family("head: full_name=Amina", MARA).fails(3, "\"member:\"");
    camp.run("family find").fails(2, "standard input");
    assert_eq!(camp.run("status --json").fine().field(0, "entries"), before);
    let words = format!("family add --from - --json {MARA} --passphrase-file pass.txt");
    let mut command = camp.command(crate::camp::split(&words));
    command.stdin(std::fs::File::open(camp.file("tesfaye.family")).expect("opens"));
    assert!(command.output().expect("runs").status.success());
    camp.write("words.txt", "ሰላም\n");
    let mut command = camp.command(crate::camp::split("family find - --passphrase-file pass.txt"));
    command.stdin(std::fs::File::open(camp.file("words.txt")).expect("opens"));
    let found = command.output().expect("runs");
    assert!(String::from_utf8_lossy(&found.stdout).contains("ሰላም ተስፋዬ"), "{found:?}");
}

#[test]
fn a_number_that_is_two_families_is_asked_about() {
    let camp = Camp::new();
    // The desk's own register numbers a family as the person file numbers another.
    let other = camp.family("member: full_name=Sara", &format!("--key 1 {MARA} --json")).fine();
    let other = other.field(0, "family");
    let said = camp.run("family show 1").fails(3, "say desk:1, or \"#1\" for the first");
    assert!(said.err.contains(&format!("family {other}'s")) && !said.err.contains("Sara"));
    camp.run("pay charge --family 1 --item Rice=1").fails(3, "desk:1");
    assert!(camp.run("family show desk:1").fine().out.contains("Sara"));
    assert!(camp.run("family show #1").fine().out.contains("Noor"));
    // A key that is nobody's number is no family that was erased.
    camp.family("member: full_name=Idris", &format!("--key 1092128444 {MARA}")).fine();
    camp.run("entitle balance 1092128444").fails(3, "say desk:1092128444");
    for unknown in ["5551", "#5551"] {
        camp.run(&format!("entitle balance {unknown}"))
            .fails(3, "`annona family find 5551` looks for it");
    }
}

/// Two women of one name: the second goes back to her own number, and eats.
#[test]
fn a_merge_by_mistake_is_taken_back_at_the_desk() {
    let camp = crate::counter::counter();
    let two = format!("{MARA} --second yusuf.keys --second-passphrase-file pass.txt");
    let merged = camp.run(&format!("family merge 2 1 --collector 1 {two}")).fine();
    assert!(merged.err.contains("--member NUMBER --back 1"), "{}", merged.err);
    let split = format!("family split 2 --member 2 --collector 1 {two}");
    let dry = camp.run(&format!("{split} --dry-run")).fine();
    assert!(dry.out.contains("left for family 1, merged into this one, stays"), "{}", dry.out);
    let back = camp.run(&format!("{split} --back 1")).fine();
    assert!(back.out.contains("Family 1 has its number and purse again."), "{}", back.out);
    assert!(back.err.contains("annona card issue 1"), "{}", back.err);
    let shown = camp.run("family show 1").fine().out;
    assert!(shown.contains("1. Noor") && shown.contains("member 1 of family 1"), "{shown}");
    let left = camp.run("entitle balance 1").fine().out;
    assert!(left.contains("12.500 kg"), "{left}");
    camp.run("pay charge --family 1 --item Rice=1").fine();
    camp.run(&format!("{split} --back 1 --again")).fails(3, "none that was merged into this one");
}
