//! A wallet from its making to its copy: what it pays, what it keeps, what a restored one must learn, and how two of it are
//! found when the sites meet.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::camp::{Answer, Camp};
use crate::counter::counter;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

/// The wallet of family 1, which has 12.5 kg of rice and 2 l of oil at the lake.
pub(crate) fn wallet() -> Camp {
    let camp = counter();
    new(&camp, "amina", 1);
    camp
}

/// What the examples in the help take as given.
pub(crate) fn at_hand() -> Camp {
    static MADE: OnceLock<Camp> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let camp = wallet();
        let memory = marks(&camp);
        fs::copy(camp.file("amina.wallet"), camp.file("stolen.wallet")).expect("copied");
        signs(&camp, "amina", "lake", "Rice=1").fine();
        charge(&camp, "amina").fine();
        let new = marks(&camp);
        as_of(&memory);
        signs(&camp, "stolen", "lake", "Rice=1").fine();
        charge(&camp, "stolen").fails(5, "copied");
        as_of(&new);
        let found = camp.run("wallet clones --out proofs --json").fine();
        fs::copy(camp.file(&found.field(0, "file")), camp.file("copied.clone")).expect("copied");
        let split = "wallet backup amina.wallet --out amina.split --shares 3 --share-files amina";
        camp.run(split).fine();
        let own = "--out amina.backup --backup-passphrase-file pass.txt --passphrase-cost light";
        camp.run(&format!("wallet backup amina.wallet {own}")).fine();
        camp.run("pay bill --item Rice=1 --out rice.bill").fine();
        camp
    });
    made.copied()
}

/// A wallet that a family was given at the lake's desk.
fn new(camp: &Camp, name: &str, family: u8) {
    camp.run(&format!("wallet new {name}.wallet --name Amina --passphrase-cost light")).fine();
    learns(camp, name, family);
}

/// Goes to the lake's desk and takes in what it says.
fn learns(camp: &Camp, name: &str, family: u8) -> Answer {
    camp.run(&format!("wallet introduce {name}.wallet --out {name}.introduction")).fine();
    let shown = format!("--introduction {name}.introduction --out {name}.page");
    camp.run(&format!("card wallet {family} {shown} {MARA}")).fine();
    camp.run(&format!("wallet take {name}.wallet {name}.page --json")).fine()
}

/// Asks a till for a bill, and has a wallet sign it.
fn signs(camp: &Camp, name: &str, dir: &str, item: &str) -> Answer {
    camp.run(&format!("pay bill --item {item} --dir {dir} --out {name}.bill")).fine();
    camp.run(&format!("wallet sign {name}.wallet {name}.bill --out {name}.signed --json"))
}

fn charge(camp: &Camp, name: &str) -> Answer {
    let paper = format!("--method signed --paper {name}.signed --receipts {name}.receipts");
    camp.run(&format!("pay charge {paper} --json"))
}

fn balance(camp: &Camp, name: &str) -> Vec<(String, String)> {
    let told = camp.run(&format!("wallet balance {name}.wallet --json")).fine();
    let lines = 0..told.out.lines().count();
    lines.map(|n| (told.field(n, "units"), told.field(n, "signed_without_receipt"))).collect()
}

/// What the machine remembers of wallets.
fn marks(camp: &Camp) -> Vec<(PathBuf, Vec<u8>)> {
    let marks =
        fs::read_dir(camp.file("heads")).expect("heads").map(|entry| entry.expect("one").path());
    let wallets = marks.filter(|path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("wallet-"))
    });
    wallets.map(|path| (path.clone(), fs::read(path).expect("a mark"))).collect()
}

/// As on another machine, which had been given all of this one's memory.
fn as_of(marks: &[(PathBuf, Vec<u8>)]) {
    marks.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("a mark"));
}

#[test]
fn she_pays_by_her_signature_and_keeps_what_she_was_promised() {
    let camp = wallet();
    assert_eq!(
        balance(&camp, "amina"),
        [("12500".into(), "0".into()), ("2000".into(), "0".into())]
    );
    let one = signs(&camp, "amina", "lake", "Rice=2.5").fine();
    assert_eq!(one.field(0, "counter"), "1");
    assert_eq!(balance(&camp, "amina")[0], ("12500".into(), "2500".into()));
    // The same bill again: the same bytes, and nothing new is signed.
    let again = camp.run("wallet sign amina.wallet amina.bill --json").fine();
    assert_eq!(again.field(0, "signed"), one.field(0, "signed"));
    let done = charge(&camp, "amina").fine();
    assert_eq!(done.field(0, "repeated"), "false");
    camp.run("wallet receive amina.wallet amina.receipts").fine();
    camp.run("wallet receive amina.wallet amina.receipts").fine();
    assert_eq!(balance(&camp, "amina")[0], ("10000".into(), "0".into()));
    // Shown again it pays no second time, and the receipts are the same.
    let receipts = camp.told("amina.receipts");
    assert_eq!(charge(&camp, "amina").fine().field(0, "repeated"), "true");
    assert_eq!(camp.told("amina.receipts"), receipts);
    // Two commodities on one bill: a signature for each, one after the other.
    let two = signs(&camp, "amina", "lake", "Rice=1 --item Oil=0.5").fine();
    assert_eq!(two.field(0, "counter"), "3");
    charge(&camp, "amina").fine();
    // The desk's page brings the receipts she was not given.
    assert_eq!(balance(&camp, "amina")[1], ("2000".into(), "500".into()));
    learns(&camp, "amina", 1);
    let left = [("9000".into(), "0".into()), ("1500".into(), "0".into())];
    assert_eq!(balance(&camp, "amina"), left);
    // An audit finds the words beside each.
    camp.run("audit export wallet.audit --seal").fine();
    let seen = camp.run("audit anomalies wallet.audit --json").fine().out;
    assert!(!seen.contains("words missing"), "{seen}");
    assert_eq!(camp.run("wallet clones --json").fine().out, "");
}

#[test]
fn a_signature_is_for_one_till_on_one_bill_and_a_cancelled_wallet_pays_nothing() {
    let camp = wallet();
    let turned = |answer: Answer, words: &str| {
        let answer = answer.fails(5, words);
        assert!(answer.err.contains("Next: "), "{}", answer.err);
        for word in ["authentication", "ticket"] {
            assert!(answer.out.contains(word), "{}", answer.out);
        }
    };
    // The hill's bill at the lake.
    signs(&camp, "amina", "hill", "Rice=1").fine();
    turned(camp.run("pay charge --method signed --paper amina.signed"), "another hand-out");
    // Another family's purse.
    signs(&camp, "amina", "lake", "Rice=1").fine();
    let other = "pay charge --family 2 --method signed --paper amina.signed";
    turned(camp.run(other), "another household");
    camp.run("pay charge --family 1 --item Rice=1 --method signed").fails(2, "--paper");
    // Bytes that were changed on the way.
    let text = camp.told("amina.signed");
    let swapped: String =
        text.trim_end().chars().rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    camp.write("cut.signed", swapped);
    let cut = camp.run("pay charge --method signed --paper cut.signed");
    assert!(matches!(cut.code, Some(3 | 5)), "{}", cut.err);
    // Lost, and said so at the desk: cancelled wherever that is heard of.
    camp.run(&format!("card wallet 1 --cancel {MARA}")).fine();
    turned(charge(&camp, "amina"), "does not count");
    // Its file opens with its passphrase alone, is never overwritten, and a page for somebody else is none.
    camp.bare("wallet show amina.wallet --passphrase-file new-passphrase.txt")
        .fails(5, "passphrase");
    camp.run("wallet new amina.wallet --name Eve --passphrase-cost light").fails(6, "exists");
    camp.run("wallet new eve.wallet --name Eve --passphrase-cost light").fine();
    camp.run("wallet take eve.wallet amina.page").fails(5, "nobody in this wallet");
    camp.run("wallet balance eve.wallet").fine();
    camp.run("wallet sign eve.wallet amina.bill").fails(5, "no purse yet");
}

#[test]
fn a_restored_wallet_signs_nothing_before_it_has_learned() {
    let camp = wallet();
    signs(&camp, "amina", "lake", "Rice=1").fine();
    charge(&camp, "amina").fine();
    let split =
        "wallet backup amina.wallet --out amina.split --shares 3 --needed 2 --share-files amina";
    camp.run(split).fine();
    let own = "--backup-passphrase-file new-passphrase.txt --passphrase-cost light";
    camp.run(&format!("wallet backup amina.wallet --out amina.backup {own}")).fine();
    // What is paid after the backup is not in it.
    for n in 2..=3 {
        assert_eq!(
            signs(&camp, "amina", "lake", "Rice=1").fine().field(0, "counter"),
            n.to_string()
        );
        charge(&camp, "amina").fine();
    }
    fs::remove_file(camp.file("amina.wallet")).expect("lost");
    let restore = |rest: &str| camp.run(&format!("wallet restore {rest} --passphrase-cost light"));
    restore("amina.split --out x.wallet --share amina-1.share").fails(5, "shares");
    restore("amina.split --out x.wallet --share amina-1.share --share amina-1.share")
        .fails(5, "shares");
    restore("amina.split --out x.wallet --backup-passphrase-file pass.txt")
        .fails(5, "--share FILE");
    restore("amina.split --out x.wallet --share AK1:ABC").fails(2, "--share FILE");
    restore("amina.backup --out x.wallet --backup-passphrase-file pass.txt").fails(5, "passphrase");
    for (out, rest) in [
        ("by-shares", "amina.split --share amina-3.share --share amina-1.share"),
        ("amina", "amina.backup --backup-passphrase-file new-passphrase.txt"),
    ] {
        let back = restore(&format!("{rest} --out {out}.wallet"));
        assert!(back.fine().out.contains("signs nothing before it heard lake"));
        signs(&camp, out, "lake", "Rice=1").fails(5, "signs nothing before it has heard");
        camp.run(&format!("wallet show {out}.wallet")).fine();
    }
    // A page from before does not do: it was not asked for by this one.
    camp.run("wallet take amina.wallet amina.page --json").fine();
    signs(&camp, "amina", "lake", "Rice=1").fails(5, "signs nothing before it has heard");
    assert_eq!(learns(&camp, "amina", 1).field(0, "signs"), "true");
    assert_eq!(balance(&camp, "amina")[0], ("9500".into(), "0".into()), "receipts of all three");
    assert_eq!(signs(&camp, "amina", "lake", "Rice=1").fine().field(0, "counter"), "4");
    charge(&camp, "amina").fine();
    // One that paid at the hill too has to hear of the hill, which knows her key and not her.
    signs(&camp, "amina", "hill", "Rice=1").fine();
    let float = "pay float --dir hill --home lake --method signed --paper amina.signed --json";
    let done = camp.run(float).fine();
    // Shown again, as after a cut of power: it was handed out, once.
    let again = camp.run(float).fine();
    assert_eq!(
        (done.field(0, "repeated"), again.field(0, "repeated")),
        ("false".into(), "true".into())
    );
    assert_eq!(again.field(0, "receipts"), done.field(0, "receipts"));
    assert!(done.field(0, "receipts").contains("AR1:"), "{}", done.out);
    camp.run(&format!("wallet backup amina.wallet --out later.backup {own}")).fine();
    fs::remove_file(camp.file("amina.wallet")).expect("lost");
    restore("later.backup --backup-passphrase-file new-passphrase.txt --out amina.wallet").fine();
    assert_eq!(learns(&camp, "amina", 1).field(0, "signs"), "false");
    signs(&camp, "amina", "lake", "Rice=1").fails(5, "heard what was signed");
    camp.run("card page --dir hill --introduction amina.introduction --out hill.page").fine();
    let heard = camp.run("wallet take amina.wallet hill.page --json").fine();
    assert_eq!(heard.field(0, "signs"), "true");
    assert_eq!(signs(&camp, "amina", "lake", "Rice=1").fine().field(0, "counter"), "6");
    charge(&camp, "amina").fine();
    assert_eq!(
        camp.run("wallet clones --json").fine().out,
        "",
        "an honest restore looks like none"
    );
}

#[test]
fn two_of_a_wallet_pay_at_two_sites_and_are_found_when_bundles_meet() {
    let camp = wallet();
    signs(&camp, "amina", "lake", "Rice=1").fine();
    charge(&camp, "amina").fine();
    camp.run("wallet receive amina.wallet amina.receipts").fine();
    // Copied with the memory of its machine, to another one.
    fs::copy(camp.file("amina.wallet"), camp.file("stolen.wallet")).expect("copied");
    let memory = marks(&camp);
    // She pays at home, from her lot; the copy at the hill, from its allowance. They cannot talk to each other.
    assert_eq!(signs(&camp, "amina", "lake", "Rice=2").fine().field(0, "counter"), "2");
    charge(&camp, "amina").fine();
    as_of(&memory);
    assert_eq!(signs(&camp, "stolen", "hill", "Rice=3").fine().field(0, "counter"), "2");
    let float = "pay float --dir hill --home lake --method signed --paper stolen.signed --json";
    camp.run(float).fine();
    for dir in ["lake", "hill"] {
        assert_eq!(camp.run(&format!("wallet clones --dir {dir} --json")).fine().out, "");
    }
    // A stick from the hill, and one back.
    for (from, to) in [("hill", "lake"), ("lake", "hill")] {
        fs::create_dir(camp.file(&format!("to-{to}"))).expect("a stick");
        camp.run(&format!("bundle export --dir {from} --to {to} --out to-{to}")).fine();
        let told = camp.run(&format!("bundle import to-{to} --dir {to}")).fine();
        assert!(told.err.contains("copied"), "{}{}", told.out, told.err);
        let found = camp.run(&format!("wallet clones --dir {to} --out proofs-{to} --json")).fine();
        assert_eq!(found.out.lines().count(), 1, "{}", found.out);
        let proof = found.field(0, "file");
        // A stranger with nothing but the file, and one with the charter.
        let checked = camp.bare(&format!("wallet check-clone {proof} --json")).fine();
        assert_eq!(checked.field(0, "key"), found.field(0, "key"));
        camp.bare(&format!("wallet check-clone {proof} --charter charter.annona")).fine();
        let mut bytes = fs::read(camp.file(&proof)).expect("the proof");
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
        camp.write("forged.clone", bytes);
        camp.bare("wallet check-clone forged.clone").fails(1, "shows nothing");
    }
    // Neither pays any more, and she is told what comes next.
    let paid = camp.run("pay list --json").fine().out.lines().count();
    as_of(&memory);
    let later = signs(&camp, "stolen", "lake", "Rice=1").fine();
    assert_eq!(later.field(0, "counter"), "3");
    charge(&camp, "stolen").fails(5, "copied");
    let refused = camp.run("pay charge --method signed --paper stolen.signed").fails(5, "copied");
    assert!(refused.err.contains("Next: "), "{}", refused.err);
    assert_eq!(camp.run("pay list --json").fine().out.lines().count(), paid);
    // What was handed out stays so, and the desk gives her another wallet.
    new(&camp, "new", 1);
    assert_eq!(balance(&camp, "new")[0].0, "9500");
    signs(&camp, "new", "lake", "Rice=1").fine();
    charge(&camp, "new").fine();
}

#[test]
fn a_till_that_is_shown_both_halves_keeps_the_proof_and_refuses_the_second() {
    let camp = wallet();
    fs::copy(camp.file("amina.wallet"), camp.file("stolen.wallet")).expect("copied");
    let memory = marks(&camp);
    signs(&camp, "amina", "lake", "Rice=2").fine();
    charge(&camp, "amina").fine();
    // On the machine that remembers, a copy is known as one at once.
    fs::copy(camp.file("stolen.wallet"), camp.file("other.wallet")).expect("copied");
    signs(&camp, "other", "lake", "Rice=2").fails(5, "is a copy");
    // On one that does not, it signs; the till has seen the other half.
    as_of(&memory);
    assert_eq!(signs(&camp, "stolen", "lake", "Rice=2").fine().field(0, "counter"), "1");
    let before = camp.run("pay list --json").fine().out;
    charge(&camp, "stolen").fails(5, "copied");
    assert_eq!(camp.run("pay list --json").fine().out, before);
    let found = camp.run("wallet clones --out proofs --json").fine();
    assert_eq!(found.out.lines().count(), 1, "{}", found.out);
    camp.bare(&format!("wallet check-clone {}", found.field(0, "file"))).fine();
}
