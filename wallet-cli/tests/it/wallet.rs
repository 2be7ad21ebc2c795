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
pub(crate) fn new(camp: &Camp, name: &str, family: u8) {
    camp.run(&format!("wallet new {name}.wallet --name Amina --passphrase-cost light")).fine();
    learns(camp, name, family);
}

/// Goes to the lake's desk and takes in what it says.
fn learns(camp: &Camp, name: &str, family: u8) -> Answer {
    camp.run(&format!("wallet introduce {name}.wallet --out {name}.introduction --replace")).fine();
    let shown = format!("--introduction {name}.introduction --out {name}.page --replace");
    camp.run(&format!("card wallet {family} {shown} {MARA}")).fine();
    camp.run(&format!("wallet take {name}.wallet {name}.page --json")).fine()
}

/// Asks a till for a bill, and has a wallet sign it.
pub(crate) fn signs(camp: &Camp, name: &str, dir: &str, item: &str) -> Answer {
    camp.run(&format!("pay bill --item {item} --dir {dir} --out {name}.bill --replace")).fine();
    camp.run(&format!("wallet sign {name}.wallet {name}.bill --out {name}.signed --replace --json"))
}

pub(crate) fn charge(camp: &Camp, name: &str) -> Answer {
    let paper =
        format!("--method signed --paper {name}.signed --receipts {name}.receipts --replace");
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
        for word in ["not recognised", "slip"] {
            assert!(answer.out.contains(word), "{}", answer.out);
        }
    };
    // The hill's bill at the lake.
    signs(&camp, "amina", "hill", "Rice=1").fine();
    turned(camp.run("pay charge --method signed --paper amina.signed"), "another hand-out");
    // Another family's purse.
    signs(&camp, "amina", "lake", "Rice=1").fine();
    let other = "pay charge --family 2 --method signed --paper amina.signed";
    turned(camp.run(other), "another family");
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
fn two_families_are_given_their_pages_in_one_folder_on_one_day() {
    let camp = counter();
    let given = |name: &str, family: u8| {
        camp.run(&format!("wallet introduce {name}.wallet --out {name}.introduction --replace"))
            .fine();
        let shown =
            format!("card wallet {family} --introduction {name}.introduction {MARA} --json");
        camp.run(&shown).fine().field(0, "page")
    };
    for name in ["amina", "noor"] {
        camp.run(&format!("wallet new {name}.wallet --name {name} --passphrase-cost light")).fine();
    }
    let (first, second) = (given("amina", 1), given("noor", 2));
    assert_ne!(first, second, "neither takes the other's away before it was taken in");
    // Her newer page takes the place of her own.
    assert_eq!(given("amina", 1), first);
    for (name, page, other) in [("amina", &first, &second), ("noor", &second, &first)] {
        camp.run(&format!("wallet take {name}.wallet {other}")).fails(5, "nobody in this wallet");
        camp.run(&format!("wallet take {name}.wallet {page}")).fine();
    }
    signs(&camp, "amina", "lake", "Rice=1").fine();
    charge(&camp, "amina").fine();
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
    // Whoever signs, a site that cannot check hands out no more to a purse than its allowance lets it: five in all.
    assert_eq!(signs(&camp, "stolen", "hill", "Rice=3").fine().field(0, "counter"), "3");
    camp.run(float).fails(5, "rejection 52");
    as_of(&memory);
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
    assert_eq!(later.field(0, "counter"), "4");
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

/// The lake offers her what she might agree to.
pub(crate) fn offered(camp: &Camp) {
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    let give = "consent give 1 --purpose referral --to relief --attributes name --notice notice-sw.txt --language sw";
    camp.run(&format!("{give} --offer amina.offer {MARA}")).fine();
}

/// A consent of hers, by her own word, on her newest page. Gives its number.
pub(crate) fn agreed(camp: &Camp) -> String {
    offered(camp);
    camp.run("wallet consent give amina.wallet amina.offer --out amina.word --replace").fine();
    let taken = camp.run("consent take 1 amina.word --json").fine();
    learns(camp, "amina", 1);
    taken.field(0, "consent")
}

#[test]
fn she_gives_and_takes_back_a_consent_by_her_own_word() {
    let camp = wallet();
    offered(&camp);
    assert_eq!(camp.run("consent list 1 --json").fine().out, "", "an offer is none");
    let give = "wallet consent give amina.wallet amina.offer --out amina.word --replace";
    camp.write("other.txt", "Something else.");
    camp.run(&format!("{give} --notice other.txt")).fails(3, "another notice");
    camp.run(&format!("{give} --notice notice-sw.txt")).fine();
    // Not another household's word, and not a word that was changed.
    camp.run("consent take 2 amina.word").fails(5, "no wallet here");
    let mut word = camp.told("amina.word").trim_end().to_owned();
    word.replace_range(40..41, if &word[40..41] == "0" { "1" } else { "0" });
    camp.write("changed.word", word);
    let changed = camp.run("consent take 1 changed.word");
    assert!(matches!(changed.code, Some(3 | 5)), "{}", changed.err);
    camp.run("wallet new eve.wallet --name Eve --passphrase-cost light").fine();
    camp.run("wallet consent give eve.wallet amina.offer").fails(3, "no purse yet");
    camp.run("consent take 1 amina.word --dry-run").fine();
    assert_eq!(camp.run("consent list 1 --json").fine().out, "", "nothing was kept");

    let taken = camp.run("consent take 1 amina.word --json").fine();
    assert_eq!(taken.field(0, "state"), "given");
    camp.run("consent take 1 amina.word").fine();
    assert_eq!(camp.run("consent list 1 --json").fine().out.lines().count(), 1);
    let slip = camp.run("consent show 1/1").fine().out;
    assert!(slip.contains("by your wallet"), "{slip}");
    // It opens what it covers, and she sees that it did.
    camp.run(crate::consent::OPEN).fine();
    learns(&camp, "amina", 1);
    let list = camp.run("wallet consent list amina.wallet --json").fine();
    assert_eq!((list.field(0, "state"), list.field(0, "to")), ("given".into(), "Relief".into()));
    assert_eq!(list.field(1, "shown"), "true");
    let id = list.field(0, "consent");
    let back =
        format!("wallet consent withdraw amina.wallet {} --out back.word --replace", &id[..8]);
    let other = if id.starts_with('0') { "1" } else { "0" };
    camp.run(&format!("wallet consent withdraw amina.wallet {other}{}", &id[1..8]))
        .fails(3, "no consent");
    camp.run(&back).fine();
    let taken = camp.run("consent take 1 back.word --json").fine();
    assert_eq!(taken.field(0, "state"), "withdrawn");
    camp.run("consent take 1 back.word").fine();
    let opened = crate::consent::OPEN.replace("amina.opened", "again.opened");
    camp.run(&opened).fails(5, "withdrawn");
    // A consent that was taken back is not given again by the same paper.
    camp.run("consent take 1 amina.word").fine();
    camp.run(&opened).fails(5, "withdrawn");

    // Nor does a word count whose wallet was cancelled: who found it on the way gives nothing in her name.
    offered(&camp);
    camp.run(give).fine();
    camp.run(&format!("card wallet 1 --cancel {MARA}")).fine();
    camp.run("consent take 1 amina.word").fails(5, "was cancelled");
    camp.run("audit export wallet.audit --seal").fine();
    camp.run("audit verify wallet.audit").fine();
}

#[test]
fn a_copy_gives_no_consent_before_it_has_learned_and_takes_back_at_once() {
    let camp = wallet();
    let id = agreed(&camp);
    let own = "--out amina.backup --backup-passphrase-file pass.txt --passphrase-cost light";
    camp.run(&format!("wallet backup amina.wallet {own}")).fine();
    let restore =
        "wallet restore amina.backup --out again.wallet --backup-passphrase-file pass.txt";
    camp.run(&format!("{restore} --passphrase-cost light")).fine();
    offered(&camp);
    camp.run("wallet consent give again.wallet amina.offer").fails(5, "before it has heard");
    camp.run(&format!("wallet consent withdraw again.wallet {id} --out back.word --replace"))
        .fine();
    camp.run("consent take 1 back.word").fine();
}

#[test]
fn what_was_put_by_is_handed_out_on_her_signature_and_one_bill_pays_once() {
    let camp = wallet();
    let hold = |item: &str| {
        let held = camp.run(&format!("pay hold --family 1 --item {item} --json")).fine();
        held.field(0, "entry")
    };
    let held = hold("Rice=2");
    let post = |held: &str| {
        camp.run(&format!(
            "pay post {held} --method signed --paper amina.signed --receipts amina.receipts --replace --json"
        ))
    };
    // Less than was put by, and another node's bill.
    signs(&camp, "amina", "lake", "Rice=1").fine();
    post(&held).fails(5, "is for less");
    signs(&camp, "amina", "hill", "Rice=2").fine();
    post(&held).fails(5, "another hand-out");
    signs(&camp, "amina", "lake", "Rice=2").fine();
    post(&held).fine();
    camp.run("wallet receive amina.wallet amina.receipts").fine();
    assert_eq!(balance(&camp, "amina")[0].1, "3000", "the first two have no receipt");
    learns(&camp, "amina", 1);
    assert_eq!(balance(&camp, "amina")[0].0, "10500");
    // The same paper pays neither another hold nor at the till.
    let again = hold("Rice=2");
    assert_ne!(post(&again).code, Some(0));
    assert_ne!(charge(&camp, "amina").code, Some(0));
    learns(&camp, "amina", 1);
    assert_eq!(balance(&camp, "amina")[0].0, "10500");
    camp.run("audit export wallet.audit --seal").fine();
    let seen = camp.run("audit anomalies wallet.audit --json").fine().out;
    assert!(!seen.contains("words missing") && !seen.contains("wallet "), "{seen}");
}

#[test]
fn a_wallet_whose_family_is_erased_pays_nothing() {
    let camp = wallet();
    signs(&camp, "amina", "lake", "Rice=1").fine();
    camp.run(&format!("erase 1 {MARA}")).fine();
    charge(&camp, "amina").fails(5, "does not count");
    // Nor where it is heard of.
    fs::create_dir(camp.file("carried")).expect("folder");
    camp.run("bundle export --to hill --out carried").fine();
    camp.run("bundle import carried --dir hill").fine();
    signs(&camp, "amina", "hill", "Rice=1").fine();
    let paper = "--method signed --paper amina.signed --dir hill";
    camp.run(&format!("pay float --home lake {paper}")).fails(5, "does not count");
}

#[test]
fn a_passphrase_is_changed_whole_or_not_at_all() {
    let camp = wallet();
    let passwd = "wallet passwd amina.wallet --new-passphrase-file new-passphrase.txt --passphrase-cost light";
    camp.run("wallet passwd amina.wallet --new-passphrase-file pass.txt --passphrase-cost light")
        .fine();
    let opens = |file: &str| {
        camp.bare(&format!("wallet show amina.wallet --passphrase-file {file}")).code == Some(0)
    };
    let whole = balance(&camp, "amina");
    // Killed wherever it may be: the file opens with one of the two, and is the same wallet.
    for nth in 0..12 {
        let (old, new) = if opens("pass.txt") {
            ("pass.txt", "new-passphrase.txt")
        } else {
            ("new-passphrase.txt", "pass.txt")
        };
        assert!(opens(old), "one of them");
        let words = passwd.replace("new-passphrase.txt", new);
        let mut command =
            camp.command(crate::camp::split(&format!("{words} --passphrase-file {old}")));
        let mut child = command.spawn().expect("the program runs");
        std::thread::sleep(std::time::Duration::from_millis(12 * nth));
        let _ended = child.kill();
        child.wait().expect("ended");
        assert!(opens(old) != opens(new), "exactly one of them");
    }
    if opens("new-passphrase.txt") {
        camp.bare(&format!(
            "{} --passphrase-file new-passphrase.txt",
            passwd.replace("new-passphrase.txt", "pass.txt")
        ))
        .fine();
    }
    assert_eq!(balance(&camp, "amina"), whole);
    signs(&camp, "amina", "lake", "Rice=1").fine();
    charge(&camp, "amina").fine();
    let left = fs::read_dir(camp.path()).expect("the folder");
    let names = left.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned());
    assert!(
        !names.into_iter().any(|name| name.starts_with(".amina.wallet.")),
        "nothing is left of it"
    );
}

#[test]
fn a_ticket_is_kept_shown_and_known_as_taken_up() {
    let camp = wallet();
    camp.run("pay ticket --family 1 --to hill --out amina.ticket --replace").fine();
    camp.run("wallet new eve.wallet --name Eve --passphrase-cost light").fine();
    camp.run("wallet receive eve.wallet amina.ticket").fails(5, "nobody in this wallet");
    camp.run("wallet receive amina.wallet amina.ticket").fine();
    let kept = camp.run("wallet receive amina.wallet amina.ticket --json").fine();
    assert_eq!(kept.field(0, "tickets"), "2", "rice and oil; the same again is no third");
    let shown = camp.run("wallet tickets amina.wallet --out hers.ticket --replace --json").fine();
    assert_eq!(shown.out.lines().count(), 2);
    assert_eq!((shown.field(0, "to"), shown.field(0, "used")), ("hill".into(), "false".into()));
    let line = |text: String, nth: usize| text.lines().nth(nth).map(str::to_owned);
    let given = camp.told("amina.ticket");
    assert!((0..2).all(|n| given.contains(&line(camp.told("hers.ticket"), n).expect("a ticket"))));
    // Her wallet alone takes it to the hill, which gives it a receipt.
    camp.run("pay claim hers.ticket --dir hill --receipts claim.receipts").fine();
    camp.run("wallet receive amina.wallet claim.receipts").fine();
    let shown = camp.run("wallet tickets amina.wallet --out hers.ticket --replace --json").fine();
    assert_eq!((shown.field(0, "used"), shown.field(1, "used")), ("true".into(), "true".into()));
    assert_eq!(camp.told("hers.ticket").trim(), "");
    learns(&camp, "amina", 1);
    let left = [("12500".into(), "0".into()), ("2000".into(), "0".into())];
    assert_eq!(balance(&camp, "amina"), left, "sent away and arrived");
}

/// What she looks at for food says by when, and what she signs for is held against it.
#[test]
fn a_balance_says_until_when_and_a_bill_says_what_is_odd_about_it() {
    let camp = wallet();
    let later = |days: u64| crate::clocks::now() + days * 24 * 60 * 60 * 1_000;
    let said = |days, json: &str| {
        let words = format!("wallet balance amina.wallet{json}");
        crate::clocks::at(&camp, later(days), &words).fine()
    };
    let now = said(1, "").out;
    assert!(now.contains(", until 20") && now.contains(" days left; known as of"), "{now}");
    assert_eq!(said(1, " --json").field(0, "over"), "false");
    let over = said(50, "").out;
    assert!(over.contains("Rice 12.500 kg, OVER since 20"), "{over}");
    assert_eq!(said(50, " --json").field(0, "over"), "true");
    camp.run("pay bill --item Rice=500 --out large.bill").fine();
    let odd = "wallet sign amina.wallet large.bill --dry-run";
    let told = camp.run(odd).fine();
    let more = "Rice 500.000 kg is more than she is known to have: Rice 12.500 kg.";
    assert!(told.err.contains(more) && !told.err.contains("another day"), "{}", told.err);
    let told = crate::clocks::at(&camp, later(3), odd).fine();
    assert!(told.err.contains("this bill is of another day"), "{}", told.err);
    camp.run("pay bill --item Rice=1 --out small.bill").fine();
    let told = camp.run("wallet sign amina.wallet small.bill --dry-run").fine();
    assert!(!told.err.contains("warning"), "{}", told.err);
}
