//! Consent at a desk: given, shown, used for what it says, taken back; and her own list of it all.

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
/// Opens her name for the hill's node, which is of the organisation that keeps her.
pub(crate) const OPEN: &str = "consent open 1/1 --for hill --purpose referral --attributes name --out amina.opened \
                               --operator mara.keys --operator-passphrase-file pass.txt";

/// Family 1 agrees to a referral.
pub(crate) fn given(camp: &Camp) {
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    camp.run(&give("relief", "--uses 2 --json")).fine();
}

/// A family of whom enough is known agrees that others are asked, blind, whether they help it too.
pub(crate) fn overlapping(camp: &Camp) {
    let known = "member: full_name=Rahima Begum,birth_date=1991-04-07,national_id=A1234567";
    let id = camp.family(known, &format!("--json {MARA}")).fine().field(0, "family");
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    camp.run(&format!(
        "consent give {id} --purpose overlap --to relief --attributes name,age,documents \
         --notice notice-sw.txt --language sw --uses 2 {MARA}"
    ))
    .fine();
}

/// The hill asks for her name.
pub(crate) fn asked(camp: &Camp) {
    let id = camp.run("consent list 1 --json").fine().field(0, "consent");
    let ask = format!("consent ask {id} --of lake --purpose referral --attributes name --dir hill");
    camp.run(&format!("{ask} --out amina.asking")).fine();
}

fn give(to: &str, more: &str) -> String {
    format!(
        "consent give 1 --purpose referral --to {to} --attributes name,age_band --notice notice-sw.txt \
         --language sw {MARA} {more}"
    )
}

#[test]
fn what_she_agreed_to_is_opened_for_whom_she_said_and_listed_for_her() {
    let camp = Camp::new();
    given(&camp);
    let list = camp.run("consent list 1 --json").fine();
    assert_eq!((list.field(0, "state"), list.field(0, "number")), ("given".into(), "1/1".into()));
    let name = camp.run("family show 1 --json").fine().out;
    let name: serde_json::Value = serde_json::from_str(&name).expect("JSON");
    let name = name["members"][0].clone();
    camp.run(OPEN).fine();
    let read = camp.run("consent read amina.opened --dir hill --json").fine();
    let read: serde_json::Value = serde_json::from_str(&read.out).expect("JSON");
    let member = read["opened"]["members"][0].as_object().expect("a member");
    for (field, value) in member {
        assert_eq!(&name[field], value, "{field}");
        assert!(field.ends_with("name"), "nothing but names: {field}");
    }
    assert!(!member.is_empty());
    camp.run("consent read amina.opened --dir treasury").fails(5, "sealed for another node");
    let log = camp.run("consent log 1 --json").fine();
    assert_eq!(
        (log.field(0, "purpose"), log.field(0, "shown")),
        ("referral".into(), "true".into())
    );
    // The file that went out shows nothing to who carries it.
    let file = std::fs::read(camp.file("amina.opened")).expect("read");
    for value in member.values().filter_map(|v| v.as_str()) {
        assert!(!file.windows(value.len()).any(|w| w == value.as_bytes()), "{value}");
    }
    let slip = camp.run("consent show 1/1").fine().out;
    assert!(slip.contains("to take back") && slip.contains("referral"), "{slip}");
    let receipt = camp.run("consent show 1/1 --json").fine().out;
    assert!(receipt.contains("https://w3id.org/dpv#ConsentGiven"), "{receipt}");
}

#[test]
fn a_closed_door_says_which_question_closed_it() {
    let camp = Camp::new();
    given(&camp);
    let open = |change: &[(&str, &str)]| {
        change.iter().fold(OPEN.to_owned(), |words, (from, to)| words.replace(from, to))
    };
    camp.run(&open(&[("referral", "export")])).fails(5, "another purpose");
    camp.run(&open(&[("attributes name", "attributes name,phone")])).fails(5, "does not give all");
    camp.run(&open(&[("1/1", "1/9")])).fails(3, "consent list");
    camp.run(&open(&[("referral", "food")])).fails(3, "there are: aid");
    camp.run(&give("water", "")).fine();
    camp.run(&open(&[("1/1", "1/2")])).fails(5, "another recipient");
    camp.run(&format!("{OPEN} --dry-run")).fine();
    assert_eq!(camp.run("consent log 1 --json").fine().out, "", "nothing was opened");
    let code = camp.run("consent list 1 --json").fine().field(0, "consent");
    camp.run(&format!("consent withdraw {code} {MARA}")).fine();
    camp.run(OPEN).fails(5, "withdrawn");
    assert_eq!(camp.run("consent list 1 --json").fine().field(0, "state"), "withdrawn");
    assert_eq!(camp.run("consent log 1 --json").fine().out, "", "nothing was opened");
    // Her entitlements are as they were.
    camp.run("family show 1").fine();
}

#[test]
fn a_consent_is_taken_back_at_another_desk_by_the_digits_on_its_slip() {
    let camp = Camp::new();
    given(&camp);
    let slip = camp.run("consent show 1/1").fine().out;
    let line = slip.lines().find(|line| line.contains("to take back")).expect("the digits");
    let digits = line.split_whitespace().last().expect("the digits");
    let withdraw = format!("consent withdraw {digits} --dir hill {MARA}");
    assert!(camp.run(&withdraw).fine().out.starts_with("Taken back on "));
    // Said again it is the same day, and nothing is written.
    let again = camp.run(&withdraw).fine().out;
    assert!(again.starts_with("It was taken back on ") && again.contains("Nothing was written"));
    std::fs::create_dir(camp.file("stick")).expect("folder");
    camp.run("bundle export --dir hill --to lake --out stick").fine();
    camp.run("bundle import stick").fine();
    assert_eq!(camp.run("consent list 1 --json").fine().field(0, "state"), "withdrawn");
    camp.run(OPEN).fails(5, "withdrawn");
}

/// What a scanner gives of the code on her slip does as the digits do, at whatever desk; the code has no name.
#[test]
fn the_code_on_a_slip_takes_the_consent_back() {
    let camp = Camp::new();
    given(&camp);
    camp.run("consent show 1/1 --out slip.html").fine();
    camp.run("consent show 1/1 --out slip.html").fails(6, "is there already");
    let page = camp.told("slip.html");
    assert!(page.contains("<svg") && page.contains("to take back") && !page.contains("Noor"));
    let id = camp.run("consent list 1 --json").fine().field(0, "consent");
    let slip = camp.run("consent show 1/1").fine().out;
    let line = slip.lines().find(|line| line.contains("to take back")).expect("the digits");
    let digits = line.split_whitespace().last().expect("the digits").replace('-', "");
    let code = format!("AC1:{id}{digits}").to_uppercase();
    // The page has this code and no other: drawn again, it is the same picture.
    let drawn = annona_node::credential::qr::code(&code).expect("a code").svg("AC1");
    assert!(page.contains(&drawn), "another code");
    assert_eq!(camp.run(&format!("consent show {code}")).fine().out, slip);
    camp.run(&format!("consent withdraw {} --dir hill {MARA}", &code[..99])).fails(3, "");
    camp.run(&format!("consent withdraw {code} --dir hill {MARA}")).fine();
    std::fs::create_dir(camp.file("stick")).expect("folder");
    camp.run("bundle export --dir hill --to lake --out stick").fine();
    camp.run("bundle import stick").fine();
    camp.run(OPEN).fails(5, "withdrawn");
}

#[test]
fn a_no_is_kept_and_nothing_counts_that_cannot_be_consented_to() {
    let camp = Camp::new();
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako.");
    camp.run(&give("water", "--refused")).fine();
    assert_eq!(camp.run("consent list 1 --json").fine().field(0, "state"), "refused");
    camp.run(&give("water", "--days 400")).fails(3, "1 to 366 days");
    camp.run(&give("water", "--way witnessed")).fails(3, "witness");
    camp.run(&give("water", "--uses 0")).fails(3, "never be used");
    camp.run(&give("nobody", "")).fails(3, "no organisation");
    camp.run(&give("water", "").replace("sw.txt --language sw", "sw.txt --language Kiswahili"))
        .fails(3, "language tag");
    camp.run(&give("water", "--dry-run")).fine();
    assert_eq!(camp.run("consent list 1 --json").fine().out.lines().count(), 1);
}

#[test]
fn another_node_asks_by_file_and_is_answered_once() {
    let camp = Camp::new();
    given(&camp);
    asked(&camp);
    let reply = format!("consent reply amina.asking --out amina.answer {MARA}");
    camp.run(&format!("{reply} --dry-run")).fine();
    camp.run(&reply.replace("reply amina.asking", "reply pass.txt")).fails(3, "no request");
    camp.run(&format!("{reply} --dir treasury")).fails(5, "for another node");
    camp.run(&reply).fine();
    let again = reply.replace("amina.answer", "again.answer");
    camp.run(&again).fails(5, "answered already");
    let read = camp.run("consent read amina.answer --dir hill --json").fine();
    assert!(read.out.contains("Noor") && read.out.contains("as_of"), "{}", read.out);
    assert_eq!(camp.run("consent log 1 --json").fine().out.lines().count(), 1);
    // What is asked beyond the consent opens nothing, and its asking is not used up.
    let id = camp.run("consent list 1 --json").fine().field(0, "consent");
    let more =
        format!("consent ask {id} --of lake --purpose referral --attributes phone --dir hill");
    camp.run(&format!("{more} --out more")).fine();
    camp.run(&again.replace("amina.asking", "more")).fails(5, "does not give all");
    assert_eq!(camp.run("consent log 1 --json").fine().out.lines().count(), 1);
}

/// The hill's laptop is stolen, and the lake has heard of it: names, PINs and complaints are sealed to it no more.
#[test]
fn nothing_is_sealed_to_a_node_that_is_lost() {
    let camp = crate::counter::counter();
    given(&camp);
    asked(&camp);
    let mara = MARA;
    camp.write("complaint.txt", "He asked for money.");
    camp.run(&format!("family pin 1 --pin-file pin.txt {mara}")).fine();
    let complain =
        "grievance open --text complaint.txt --decider Relief --reader hill --out sealed";
    camp.run("node revoke hill --reason lost --dir treasury").fine();
    std::fs::create_dir(camp.file("lost-stick")).expect("folder");
    camp.run("bundle export --dir treasury --to lake --out lost-stick").fine();
    camp.run("bundle import lost-stick").fine();
    camp.run(OPEN).fails(5, "another recipient");
    let reply = format!("consent reply amina.asking --out amina.answer {mara}");
    camp.run(&reply).fails(5, "it is cut off, as lost or compromised");
    camp.run("family lend-pins --to hill --family 1 --out hill.pins").fails(5, "it is cut off");
    camp.run(&format!("{complain} {mara}")).fails(5, "it is cut off");
    for name in ["amina.opened", "amina.answer", "hill.pins", "sealed"] {
        assert!(!camp.file(name).exists(), "{name}");
    }
    assert_eq!(camp.run("grievance list --json").fine().out, "");
}

/// A paper is in the language the notice was read in, or the desk is told that it is not; dates stand in their own order.
#[test]
fn a_paper_says_when_it_is_in_another_language_than_the_notice() {
    let camp = Camp::new();
    camp.write("notice.txt", "Tunauliza.");
    let give = "consent give 1 --purpose referral --to water --attributes name --notice notice.txt";
    let told = camp.run(&format!("{give} --language sw {MARA}")).fine();
    assert!(told.err.contains("There are no papers in \"sw\""), "{}", told.err);
    assert!(told.out.contains("counts ") && told.out.contains(" until 20"), "{}", told.out);
    let told = camp.run(&format!("{give} --language ar {MARA}")).fine();
    assert!(!told.err.contains("no papers"), "{}", told.err);
    let line =
        told.out.lines().find(|line| line.contains(" حتى ")).expect("from a day until a day");
    assert_eq!(line.matches('\u{2068}').count(), 3, "{line:?}");
    assert!(told.out.contains("\u{2068}ar\u{2069}"), "{}", told.out);
}
