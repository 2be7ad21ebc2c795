//! What a person agrees to is what she was asked about: where that has changed while she thought, she is asked again, and
//! what she was told before she is not told twice.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::camp::Camp;
use crate::counter::counter;
use crate::registers::imported;
use crate::terminal::{typed, typed_beside, typed_while};
use crate::wallet::{charge, signs};
use crate::{consent, wallet};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

fn said(told: &Value) -> &str {
    told["said"].as_str().expect("words")
}

fn times(told: &Value, words: &str) -> usize {
    said(told).matches(words).count()
}

/// Agrees, while another desk does something that makes another question of it, and says no to that. `None` where nobody
/// can play the terminal.
fn asked_again(camp: &Camp, words: &str, meanwhile: &str) -> Option<()> {
    let words = format!("{words} {MARA} --passphrase-file pass.txt");
    let meanwhile = format!("{meanwhile} {MARA}");
    let told = typed_while(camp, &words, "[y/N]", "y\\nn\\n", &meanwhile)?;
    assert_eq!(told["meanwhile"][0], 0, "{words}: {told}");
    assert_eq!((&told["code"], times(&told, "[y/N]")), (&5.into(), 2), "{words}: {told}");
    Some(())
}

#[cfg(unix)]
#[test]
fn what_another_desk_has_changed_is_not_cancelled_by_an_answer_of_before() {
    let camp = counter();
    // A card that was handed out meanwhile.
    let reissue = "card reissue 1 --out first.html";
    let Some(()) = asked_again(&camp, reissue, "card reissue 1 --out second.html") else { return };
    assert!(!camp.file("first.html").exists() && camp.file("second.html").exists());
    let dry = camp.run(&format!("card reissue 1 --dry-run --json {MARA}")).fine();
    assert_ne!(dry.field(0, "carriers"), "0", "the card of the second sheet counts");
    // A family that is not what it was.
    camp.write("size.family", "size=7\n");
    asked_again(&camp, "erase 2", "family change 2 --from size.family").expect("a terminal");
    assert!(camp.run("family show 2").fine().out.contains('7'), "she is here still");
    // A wallet that was given meanwhile: what it signs is paid.
    wallet::new(&camp, "amina", 1);
    camp.run("wallet new other.wallet --name Amina --passphrase-cost light").fine();
    camp.run("wallet introduce other.wallet --out other.introduction").fine();
    let given = "card wallet 1 --introduction other.introduction --out other.page";
    asked_again(&camp, "card wallet 1 --cancel", given).expect("a terminal");
    camp.run("wallet take other.wallet other.page").fine();
    signs(&camp, "other", "lake", "Rice=1").fine();
    charge(&camp, "other").fine();
}

#[cfg(unix)]
#[test]
fn a_consent_that_is_taken_back_is_the_one_that_was_named() {
    let camp = Camp::new();
    consent::given(&camp);
    let all = |camp: &Camp| -> Vec<(String, String)> {
        let list = camp.run("consent list 1 --json").fine().lines();
        let text = |line: &Value, field: &str| line[field].as_str().map(str::to_owned);
        let of =
            list.iter().filter_map(|line| Some((text(line, "consent")?, text(line, "state")?)));
        of.collect()
    };
    let [(first, _)] = &all(&camp)[..] else { panic!("one consent") };
    let other = "consent give 1 --purpose complaint --to relief --attributes name --notice notice-sw.txt --language sw";
    let words = format!("consent withdraw 1/1 {MARA} --passphrase-file pass.txt");
    let other = format!("{other} {MARA}");
    let Some(told) = typed_while(&camp, &words, "[y/N]", "y\\nn\\n", &other) else { return };
    assert_eq!(told["meanwhile"][0], 0, "{told}");
    // Where the list begins with another one by then, she is asked about that, and says no to it.
    let again = times(&told, "[y/N]") == 2;
    assert_eq!(told["code"], if again { 5 } else { 0 }, "{told}");
    for (consent, state) in all(&camp) {
        let want = if consent == *first && !again { "withdrawn" } else { "given" };
        assert_eq!(state, want, "{told}");
    }
}

#[cfg(unix)]
#[test]
fn an_import_is_told_once_and_agreed_to_for_the_file_that_was_read() {
    let camp = imported();
    let map = camp.told("reg.toml").replace("\"reg\"", "\"reg-june\"");
    camp.write("june.toml", &map);
    let import =
        |map: &str| format!("family import reg.csv --map {map} {MARA} --passphrase-file pass.txt");
    // Somebody puts another file in its place while she thinks: as many families, of the same keys.
    camp.write("other.csv", camp.told("reg.csv").replace("Amina Yusuf", "Amina Yusuf Ali"));
    let exchange = ["cp", "other.csv", "reg.csv"].map(str::to_owned);
    let words = import("june.toml");
    let Some(told) = typed_beside(&camp, &words, "[y/N]", "y\\nn\\n", &exchange) else { return };
    assert_eq!((&told["code"], times(&told, "[y/N]")), (&5.into(), 2), "{told}");
    assert_eq!(times(&told, "3 families in 3 rows"), 1, "{told}");
    assert!(camp.run("family find Ali --json").fine().out.is_empty(), "nobody was registered");
    // A map that can be read once, and a plan that is told once.
    let pipe = camp.file("june.pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    let map_from = if made.is_ok_and(|status| status.success()) {
        std::thread::spawn(move || fs::write(pipe, map));
        "june.pipe"
    } else {
        "june.toml"
    };
    let told = typed(&camp, &import(map_from), "[y/N]", "y\\n").expect("a terminal");
    assert_eq!((&told["code"], times(&told, "[y/N]")), (&0.into(), 1), "{told}");
    for words in ["3 families in 3 rows", "Read as", "if it is the same register"] {
        let (said, words) = (said(&told).to_lowercase(), words.to_lowercase());
        assert_eq!(said.matches(&words).count(), 1, "{words}: {told}");
    }
    assert!(said(&told).contains("3 families added"), "{told}");
}
