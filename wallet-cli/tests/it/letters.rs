//! Papers for one node alone: over links between programs that run, and in bundles.

use std::fs;

use crate::camp::Camp;
use crate::canaries::found;
use crate::running::{Node, name, port, until};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

/// Bytes before the paper in a file of a letter that waits to go.
const HEAD: usize = 44;

/// Whose name goes, sealed, and is found nowhere else.
const NAME: &str = "Rahima Begum";

/// A family at the lake agrees that its name may be told; gives its number there.
fn given(camp: &Camp) -> String {
    let id = camp.family(&format!("member: full_name={NAME}"), &format!("--json {MARA}")).fine();
    let id = id.field(0, "family");
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    camp.run(&format!(
        "consent give {id} --purpose referral --to relief --attributes name --notice notice-sw.txt \
         --language sw {MARA}"
    ))
    .fine();
    id
}

/// The hill asks the lake for a name, as a letter.
fn asks(camp: &Camp, family: &str) {
    let id = camp.run(&format!("consent list {family} --json")).fine().field(0, "consent");
    let ask = format!("consent ask {id} --of lake --purpose referral --attributes name --dir hill");
    camp.run(&ask).fails(2, "--out");
    camp.run(&format!("{ask} --send")).fine();
}

/// A bundle from one node for others, taken in by one of them.
fn carried(camp: &Camp, from: &str, to: &[&str], by: &str) -> String {
    let stick = format!("{from}-to-{by}-{}", fs::read_dir(camp.path()).expect("lists").count());
    fs::create_dir(camp.file(&stick)).expect("a folder");
    let to: String = to.iter().map(|to| format!(" --to {to}")).collect();
    camp.run(&format!("bundle export --dir {from}{to} --out {stick}")).fine();
    camp.run(&format!("bundle import {stick} --dir {by}")).fine();
    stick
}

/// A letter of the hill waits at the lake.
pub(crate) fn waiting(camp: &Camp) {
    let family = given(camp);
    asks(camp, &family);
    carried(camp, "hill", &["lake"], "lake");
}

/// What of each letter of a node is told: from or for whom, and what it seems to be.
fn letters(camp: &Camp, dir: &str) -> Vec<(String, String)> {
    let said = camp.run(&format!("letter list --dir {dir} --json")).fine();
    let rows = said.out.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let way = if row["from"].is_null() { "out" } else { "in" };
        (way.to_owned(), row["paper"].as_str().expect("a kind").to_owned())
    });
    rows.collect()
}

fn one(way: &str, kind: &str) -> Vec<(String, String)> {
    vec![(way.to_owned(), kind.to_owned())]
}

/// The only file of a folder.
fn only(camp: &Camp, folder: &str) -> std::path::PathBuf {
    let files: Vec<_> = fs::read_dir(camp.file(folder)).expect("lists").collect();
    let [Ok(file)] = &files[..] else { panic!("{folder}: {files:?}") };
    file.path()
}

#[test]
fn a_request_and_its_answer_go_over_a_link_and_to_nobody_else() {
    let camp = Camp::new();
    let family = given(&camp);
    let names = [NAME.to_owned()];
    let [a, b, c] = [port(), port(), port()];
    let [lake_is, hill_is] = ["lake", "hill"].map(|dir| name(&camp, dir));
    let lake = Node::start(&camp, "lake", a, &[]);
    let hill = Node::start(&camp, "hill", b, &[(&lake_is, a)]);
    let treasury = Node::start(&camp, "treasury", c, &[(&lake_is, a), (&hill_is, b)]);
    hill.comes_to(&camp, &lake_is, "meeting");
    treasury.comes_to(&camp, &lake_is, "meeting");
    treasury.comes_to(&camp, &hill_is, "meeting");

    asks(&camp, &family);
    until("the request came", || letters(&camp, "lake") == one("in", "request"));
    until("the hill heard so", || letters(&camp, "hill").is_empty());
    let kept = only(&camp, "lake/letters/in");
    let sent = fs::read(&kept).expect("reads");
    camp.run("letter take --from hill --out amina.asking").fine();
    assert_eq!(letters(&camp, "lake"), []);
    camp.run("letter take --out again").fails(3, "letter list");
    camp.run(&format!("consent reply amina.asking --send {MARA}")).fine();
    until("the answer came", || letters(&camp, "hill") == one("in", "answer"));
    assert_eq!(found(&camp.file("hill/letters"), &names), [], "sealed");
    assert_eq!(found(&camp.file("lake/letters"), &names), [], "sealed");

    // The word that it came was lost: it goes again, is known, and waits for nobody a second time.
    let file = kept.file_name().expect("a name").to_str().expect("plain");
    let (_, paper) = file.split_once('-').expect("a node and a name");
    let again = [&sent[..4], &[0; 40], &sent[4..]].concat();
    fs::write(camp.file(&format!("hill/letters/out/{lake_is}-{paper}")), again).expect("writes");
    until("it is acknowledged again", || letters(&camp, "hill") == one("in", "answer"));
    assert_eq!(letters(&camp, "lake"), []);

    camp.run("letter take --from lake --out amina.answer --dir hill").fine();
    let read = camp.run("consent read amina.answer --dir hill --json").fine();
    assert!(read.out.contains(NAME), "{}", read.out);
    // The treasury met both all the while.
    assert!(!camp.file("treasury/letters").exists(), "a third node has none of it");
    assert_eq!([treasury.stop(), hill.stop(), lake.stop()], [Some(0); 3]);
    for dir in ["lake", "hill", "treasury"] {
        let log = camp.told(&format!("{dir}.log"));
        assert!(!log.contains(" breach") && !log.contains(NAME), "{dir}: {log}");
    }
}

#[test]
fn a_bundle_carries_letters_to_the_one_they_are_for() {
    let camp = Camp::new();
    let family = given(&camp);
    asks(&camp, &family);
    let stick = carried(&camp, "hill", &["lake", "treasury"], "treasury");
    assert!(!camp.file("treasury/letters").exists(), "it was a recipient, and opens none of it");
    camp.run(&format!("bundle import {stick} --dry-run")).fine();
    assert_eq!(letters(&camp, "lake"), [], "nothing was written");
    assert_eq!(camp.run(&format!("bundle import {stick} --json")).fine().field(0, "letters"), "1");
    assert_eq!(camp.run(&format!("bundle import {stick} --json")).fine().field(0, "letters"), "0");
    assert_eq!(letters(&camp, "lake"), one("in", "request"));
    assert_eq!(letters(&camp, "hill"), one("out", "request"), "it has not heard of that");
    camp.run("letter take --from hill --out amina.asking").fine();
    camp.run(&format!("consent reply amina.asking --send {MARA}")).fine();
    let back = carried(&camp, "lake", &["hill"], "hill");
    assert_eq!(letters(&camp, "hill"), one("in", "answer"), "and that its own came");
    // Whoever carries the stick reads nothing on it.
    assert_eq!(found(&camp.file(&back), &[NAME.to_owned()]), []);
    camp.run("letter take --out amina.answer --dir hill").fine();
    let read = camp.run("consent read amina.answer --dir hill --json").fine();
    assert!(read.out.contains(NAME), "{}", read.out);
    // Taken out, it comes no more, and its sender hears so with the next bundle.
    camp.run(&format!("bundle import {back} --dir hill")).fine();
    assert_eq!(letters(&camp, "hill"), []);
    carried(&camp, "hill", &["lake"], "lake");
    assert_eq!(letters(&camp, "lake"), []);
}

/// What came opens nothing, and what is none of the papers that go as letters is not even kept.
#[test]
fn a_hostile_letter_is_refused_or_a_file_and_nothing_more() {
    let camp = Camp::new();
    let family = given(&camp);
    let hill_is = name(&camp, "hill");
    camp.run("consent ask 00112233445566778899aabbccddeeff --of lake --purpose referral --attributes name --send --dir hill")
        .fine();
    // The hill's program says what it likes: its paper is changed, under the name of what it says now.
    let file = only(&camp, "hill/letters/out");
    let whole = fs::read(&file).expect("reads");
    let lake_is = name(&camp, "lake");
    let changed = |paper: &[u8]| {
        let hash = annona_ledger::hash::hash_one(annona_ledger::hash::Purpose::File, paper);
        let named: String = hash.0[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        fs::remove_dir_all(camp.file("hill/letters/out")).expect("removes");
        fs::create_dir(camp.file("hill/letters/out")).expect("a folder");
        let path = format!("hill/letters/out/{lake_is}-{named}");
        fs::write(camp.file(&path), [&whole[..HEAD], paper].concat()).expect("writes");
    };
    for wrong in [&b"annona asking 1\n\xff\xff\xff\xff\xff"[..], b"\xff\xd8\xff\xe0 a photograph"] {
        changed(wrong);
        carried(&camp, "hill", &["lake"], "lake");
        assert_eq!(letters(&camp, "lake"), []);
    }
    // What begins like an answer goes, does not open there, and its sender hears so.
    changed(&[&b"annona opened 1\n"[..], &[5; 300]].concat());
    fs::create_dir(camp.file("strange")).expect("a folder");
    camp.run("bundle export --dir hill --to lake --out strange").fine();
    camp.run("bundle import strange").fails(1, "no request, answer or question");
    assert_eq!(letters(&camp, "lake"), []);
    assert_eq!(letters(&camp, "hill"), one("out", "answer"));
    carried(&camp, "lake", &["hill"], "hill");
    assert_eq!(letters(&camp, "hill"), one("out", "not taken"));
    // A whole request by another signature.
    let mut forged = whole[HEAD..].to_vec();
    *forged.last_mut().expect("a signature") ^= 1;
    changed(&forged);
    carried(&camp, "hill", &["lake"], "lake");
    assert_eq!(letters(&camp, "lake"), one("in", "request"));
    camp.run(&format!("letter take --from {hill_is} --out bad")).fine();
    camp.run(&format!("consent reply bad --send {MARA}")).fails(5, "did not sign");
    assert_eq!(
        camp.run(&format!("consent log {family} --json")).fine().out,
        "",
        "nothing was opened"
    );
    assert_eq!(letters(&camp, "lake"), []);
}

/// Questions on overlap and their answers, by a stick and over a link: one bit.
#[test]
fn overlap_is_asked_and_answered_by_letters() {
    let camp = Camp::new();
    crate::consent::overlapping(&camp);
    let ask = format!("family overlap ask --to hill --send {MARA}");
    camp.run(&ask).fine();
    assert_eq!(letters(&camp, "lake"), one("out", "overlap questions"));
    // With what the lake registered today, of which the hill counts.
    carried(&camp, "lake", &["hill"], "hill");
    assert_eq!(letters(&camp, "hill"), one("in", "overlap questions"));
    camp.run("letter take --out by-stick.questions --dir hill").fine();
    // A name that is taken: the question is not used up, and the answer is made again.
    fs::create_dir(camp.file("taken")).expect("a folder");
    let answer = "family overlap answer by-stick.questions --dir hill";
    assert_ne!(camp.run(&format!("{answer} --out taken")).code, Some(0));
    camp.run(&format!("{answer} --send")).fine();
    carried(&camp, "hill", &["lake"], "lake");
    camp.run("letter take --out by-stick.answers").fine();
    let read = camp.run("family overlap read by-stick.answers --json").fine();
    assert_eq!(read.field(0, "helped"), "false", "{}", read.out);

    let [a, b] = [port(), port()];
    let lake_is = name(&camp, "lake");
    let lake = Node::start(&camp, "lake", a, &[]);
    let hill = Node::start(&camp, "hill", b, &[(&lake_is, a)]);
    hill.comes_to(&camp, &lake_is, "meeting");
    // One family a day may be asked about twice as often; this is its second time.
    camp.run(&ask).fine();
    until("the questions came", || letters(&camp, "hill") == one("in", "overlap questions"));
    camp.run("letter take --out by-link.questions --dir hill").fine();
    camp.run("family overlap answer by-link.questions --send --dir hill").fine();
    until("the answers came", || letters(&camp, "lake") == one("in", "overlap answers"));
    camp.run("letter take --out by-link.answers").fine();
    let read = camp.run("family overlap read by-link.answers --json").fine();
    assert_eq!(read.field(0, "helped"), "false", "{}", read.out);
    assert_eq!([hill.stop(), lake.stop()], [Some(0); 2]);
}

/// What she takes back, and who is erased, goes no more, though it was answered before.
#[test]
fn an_answer_that_waits_is_stopped_by_withdrawal_and_by_erasure() {
    for stop in ["consent withdraw FAMILY/1", "erase FAMILY"] {
        let camp = Camp::new();
        let family = given(&camp);
        let stop = stop.replace("FAMILY", &family);
        asks(&camp, &family);
        carried(&camp, "hill", &["lake"], "lake");
        camp.run("letter take --out amina.asking").fine();
        camp.run(&format!("consent reply amina.asking --send {MARA}")).fine();
        assert_eq!(letters(&camp, "lake"), one("out", "answer"));
        camp.run(&format!("{stop} --dry-run {MARA}")).fine();
        assert_eq!(letters(&camp, "lake"), one("out", "answer"), "{stop}: nothing was done");
        let told = camp.run(&format!("{stop} --json {MARA}")).fine();
        assert_eq!(told.field(0, "letters_stopped"), "1", "{stop}");
        assert_eq!(letters(&camp, "lake"), [], "{stop}");
        carried(&camp, "lake", &["hill"], "hill");
        assert_eq!(letters(&camp, "hill"), [], "{stop}: nothing came");
    }
}

/// A withdrawal at another desk stops it as soon as that is heard.
#[test]
fn an_answer_that_waits_is_stopped_by_what_another_desk_heard() {
    let camp = Camp::new();
    let family = given(&camp);
    let slip = camp.run(&format!("consent show {family}/1")).fine().out;
    let line = slip.lines().find(|line| line.contains("to take back")).expect("the digits");
    let digits = line.split_whitespace().last().expect("the digits").to_owned();
    asks(&camp, &family);
    carried(&camp, "hill", &["lake"], "lake");
    camp.run("letter take --out amina.asking").fine();
    camp.run(&format!("consent reply amina.asking --send {MARA}")).fine();
    // The hill hears of the consent, and of nothing that is in the letter.
    carried(&camp, "lake", &["treasury"], "treasury");
    assert_eq!(letters(&camp, "lake"), one("out", "answer"));
    camp.run(&format!("consent withdraw {digits} --dir hill {MARA}")).fine();
    carried(&camp, "hill", &["lake"], "lake");
    carried(&camp, "lake", &["hill"], "hill");
    assert_eq!(letters(&camp, "hill"), [], "it did not go");
    assert_eq!(letters(&camp, "lake"), []);
}
