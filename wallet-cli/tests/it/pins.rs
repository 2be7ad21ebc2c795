//! PINs at the counter, through the program: right, wrong, waiting, locked, opened; and the next method each time.

use std::fs;

use crate::camp::Camp;
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--second yusuf.keys --second-passphrase-file pass.txt";

fn charge(pin: &str) -> String {
    format!("pay charge --family 1 --item Rice=1 --method pin --pin-file {pin}")
}

fn with_pins() -> Camp {
    let camp = counter();
    camp.write("wrong.txt", "771204");
    camp.write("short.txt", "2048");
    camp.write("arabic.txt", "٢٠٤٨١٦");
    camp.run(&charge("pin.txt")).fails(5, "has no PIN here");
    camp.run(&format!("family pin 1 --pin-file pin.txt {MARA}")).fine();
    camp
}

#[test]
fn a_wrong_pin_hands_nothing_out_and_says_what_is_next() {
    let camp = with_pins();
    let charged = || camp.run("pay list --json").fine().out.lines().count();
    let before = charged();
    let (right, wrong) = (charge("pin.txt"), charge("wrong.txt"));
    camp.run(&right).fine();
    camp.run(&charge("arabic.txt")).fine();
    camp.run(&charge("short.txt")).fails(3, "It was not counted");
    camp.run(&wrong).fails(5, "2 more before it waits");
    let again = camp.run(&wrong).fails(5, "1 more before it waits");
    assert!(again.err.contains("Next: look at the card"), "{}", again.err);
    camp.run(&right).fine();
    for left in ["2 more", "1 more", "waits for 10 more minutes"] {
        camp.run(&wrong).fails(5, left);
    }
    // While it waits, the right one is not looked at; the next method serves her at once.
    let waits = camp.run(&right).fails(5, "the PIN waits for");
    assert!(waits.err.contains("Next: look at the card"), "{}", waits.err);
    camp.run("pay charge --family 1 --item Rice=1 --method sight").fine();
    assert_eq!(charged(), before + 4);
    camp.write("pins.jsonl", r#"{"request":"p","family":"1","items":{"Rice":"1"},"method":"pin"}"#);
    let queue = camp.run("pay charge --from pins.jsonl --json").fails(5, "");
    assert!(queue.out.contains("not in a queue"), "{}", queue.out);
}

#[test]
fn a_pin_is_changed_and_opened_by_two_operators_and_no_network() {
    let camp = with_pins();
    let wrong = charge("wrong.txt");
    for _ in 0..3 {
        camp.run(&wrong).fails(5, "the PIN is wrong");
    }
    camp.run(&format!("family pin 1 --unlock {MARA}")).fails(5, "two operators");
    let oneself = "--second mara.keys --second-passphrase-file pass.txt";
    camp.run(&format!("family pin 1 --unlock {MARA} {oneself}")).fails(5, "somebody else");
    camp.run(&format!("family pin 1 --unlock {MARA} {YUSUF}")).fine();
    camp.run(&charge("pin.txt")).fine();
    camp.run(&format!("family pin 1 --pin-file wrong.txt {MARA}")).fails(5, "two operators");
    camp.run(&format!("family pin 1 --pin-file wrong.txt {MARA} {YUSUF}")).fine();
    camp.run(&charge("pin.txt")).fails(5, "the PIN is wrong");
    camp.run(&charge("wrong.txt")).fine();
    camp.write("easy.txt", "123456");
    camp.run(&format!("family pin 1 --pin-file easy.txt {MARA} {YUSUF}"))
        .fails(3, "one of the first");
    camp.run(&format!("family pin 99 --pin-file pin.txt {MARA}")).fails(3, "");
    camp.run(&format!("family pin 1 --remove {MARA} {YUSUF}")).fine();
    camp.run(&charge("wrong.txt")).fails(5, "has no PIN here");
    camp.run(&format!("family pin 1 --remove {MARA}")).fails(5, "has no PIN here");
}

/// Begun anew, ten guesses would be there again, and one operator alone could give anybody a PIN.
#[test]
fn pins_that_are_lost_are_named_and_begun_anew_by_two() {
    let made = with_pins();
    made.run(&charge("pin.txt")).fine();
    for empty in [false, true] {
        let camp = made.copied();
        let pins = camp.file("lake/pins.db");
        let kept = camp.file("kept-pins");
        fs::copy(&pins, &kept).expect("there");
        let lose = || match empty {
            true => fs::write(&pins, "").expect("emptied"),
            false => fs::remove_file(&pins).expect("removed"),
        };
        lose();
        let again = format!("family pin 1 --pin-file wrong.txt {MARA}");
        for words in [charge("pin.txt").as_str(), &again, &again.replace("pin 1", "pin 2")] {
            let lost = camp.run(words).fails(1, "pins.db is not here, or is empty");
            assert!(lost.err.contains("annona restore"), "{}", lost.err);
        }
        camp.run("pay charge --family 1 --item Rice=0.5 --method sight").fine();
        let doctor = camp.run("doctor --full").fails(1, "wrong").out;
        assert!(doctor.contains("WRONG  PINs: ") && doctor.contains("is empty"), "{doctor}");
        fs::copy(&kept, &pins).expect("put back");
        camp.run(&charge("pin.txt")).fine();
        camp.run("doctor --full").fine();
        lose();
        camp.run(&format!("family pin 1 --unlock {MARA} {YUSUF}")).fails(1, "pins.db");
        camp.run(&format!("{again} {YUSUF}")).fine();
        camp.run(&charge("wrong.txt")).fine();
    }
}
