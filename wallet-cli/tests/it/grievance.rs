//! Complaints: a clock, a decision by a person, an appeal to another.

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--operator yusuf.keys --operator-passphrase-file pass.txt";

/// A complaint that is open, and one that was decided; their digits.
pub(crate) fn complaints(camp: &Camp) -> [String; 2] {
    camp.write("complaint.txt", "I was sent away although my card is good.");
    let open = |text: &str| {
        camp.write("complaint.txt", text);
        let said = format!("grievance open --text complaint.txt --decider Relief {MARA} --json");
        camp.run(&said).fine().field(0, "complaint")
    };
    let (first, second) = (open("I was sent away although my card is good."), open("Short rice."));
    camp.run(&format!("grievance decide {second} --outcome not_upheld {YUSUF}")).fine();
    [first, second]
}

/// Family 1 agrees that its complaint goes to City.
pub(crate) fn may_refer(camp: &Camp) {
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    let words =
        "--purpose complaint --to City --attributes name --notice notice-sw.txt --language sw";
    camp.run(&format!("consent give 1 {words} {MARA}")).fine();
}

/// A complaint goes to another organisation where she agreed to that, and is that one's to decide from then on.
#[test]
fn a_complaint_is_referred_under_her_consent_and_under_no_other() {
    let camp = Camp::new();
    let [open, decided] = complaints(&camp);
    crate::consent::given(&camp);
    may_refer(&camp);
    let refer = |complaint: &str, to: &str, consent: &str| {
        camp.run(&format!("grievance refer {complaint} --to {to} --consent {consent} {MARA}"))
    };
    refer(&open, "City", "1/1").fails(5, "another recipient");
    refer(&open, "Water", "1/2").fails(5, "another recipient");
    refer(&open, "Relief", "1/2").fails(5, "decides it already");
    refer(&open, "City", "1/9").fails(3, "consent list");
    refer(&decided, "City", "1/2").fails(5, "not the next step");
    let for_referral = "consent give 1 --purpose referral --to City --attributes name --notice notice-sw.txt --language sw";
    camp.run(&format!("{for_referral} {MARA}")).fine();
    refer(&open, "City", "1/3").fails(5, "another purpose");
    camp.run(&format!("grievance refer {open} --to City --consent 1/2 --dry-run {MARA}")).fine();
    let list = || camp.run("grievance list --open --json").fine();
    let before = list().field(0, "decider");
    refer(&open, "City", "1/2").fine();
    assert_ne!(list().field(0, "decider"), before);
    // Relief's no more.
    camp.run(&format!("grievance decide {open} --outcome upheld {YUSUF}"))
        .fails(5, "may not decide");
    refer(&open, "City", "1/2").fails(5, "decides it already");
    // Taken back, it opens no other.
    let said =
        camp.run(&format!("grievance open --text complaint.txt --decider Relief {MARA} --json"));
    let another = said.fine().field(0, "complaint");
    camp.run(&format!("consent withdraw 1/2 {MARA}")).fine();
    refer(&another, "City", "1/2").fails(5, "withdrawn");
}

/// Three months on: what nobody decided stands first and is counted, what was decided is late no more.
#[test]
fn a_complaint_nobody_decided_is_past_its_day() {
    let camp = Camp::new();
    let [open, decided] = complaints(&camp);
    let list = camp.run("grievance list --json").fine().out;
    assert!(!list.contains("\"overdue\":true"), "{list}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let later = now.expect("after 1970").as_millis() + 100 * 86_400_000;
    let in_time = |words: &str| {
        let mut late = camp.command(crate::camp::split(words));
        late.arg("--passphrase-file").arg("pass.txt").env("ANNONA_NOW", later.to_string());
        let output = late.output().expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr))
    };
    let (said, _) = in_time("grievance list --json");
    let rows: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> =
        rows.iter().map(|row| (row["complaint"].as_str(), row["overdue"].as_bool())).collect();
    assert_eq!(told, [(Some(open.as_str()), Some(true)), (Some(&decided), Some(false))]);
    assert!(rows[0]["days_left"].as_i64() < Some(0), "{said}");
    let (page, note) = in_time("grievance list");
    assert!(page.contains(" past its day"), "{page}");
    assert!(note.contains("1 complaint is past the day"), "{note}");
}

#[test]
fn an_appeal_is_decided_by_another_and_nothing_of_the_complaint_is_on_the_ledger() {
    let camp = Camp::new();
    let [open, decided] = complaints(&camp);
    let list = camp.run("grievance list --json").fine().out;
    assert_eq!(list.lines().count(), 2, "{list}");
    assert_eq!(camp.run("grievance list --open --json").fine().field(0, "complaint"), open);
    let decide = |who: &str| format!("grievance decide {decided} --outcome upheld {who}");
    camp.run(&decide(MARA)).fails(5, "not the next step");
    camp.run(&format!("grievance appeal {open} --decider Relief {MARA}")).fails(5, "next step");
    camp.run(&format!("grievance appeal {decided} --decider Relief {MARA}")).fine();
    camp.run(&decide(YUSUF)).fails(5, "somebody else than who decided before");
    camp.run(&decide(MARA)).fine();
    let list = camp.run("grievance list --json").fine();
    let stage = |of: &str| {
        let line = list.out.lines().position(|line| line.contains(of)).expect("listed");
        (list.field(line, "stage"), list.field(line, "outcome"))
    };
    assert_eq!(stage(&decided), ("settled".to_owned(), "upheld".to_owned()));
    assert_eq!(stage(&open).0, "open");
    camp.run(&format!("grievance decide {} --outcome upheld {MARA}", &open[..7])).fails(3, "eight");
    camp.run(&format!("grievance decide {open} --outcome maybe {MARA}")).fails(3, "one of: upheld");
    // City's to decide: nobody of Relief may.
    let to_city = format!("grievance open --text complaint.txt --decider City {MARA} --json");
    let city = camp.run(&to_city).fine().field(0, "complaint");
    camp.run(&format!("grievance decide {city} --outcome upheld {MARA}"))
        .fails(5, "may not decide");
    for file in ["lake/ledger.db", "lake/ledger.db-wal"] {
        let bytes = std::fs::read(camp.file(file)).unwrap_or_default();
        assert!(!bytes.windows(9).any(|w| w == b"sent away"), "{file}");
    }
}

/// What is sealed for a reader outside the site shows nothing here but a ticket.
#[test]
fn a_sensitive_complaint_is_a_ticket_here_and_a_text_for_its_reader() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let words = "المشرف يطلب مقابلا";
    camp.write("secret.txt", words);
    let open = format!(
        "grievance open --text secret.txt --decider Relief --sensitive --reader hill --out sealed {mara}"
    );
    camp.run(&open.replace("reader hill", "reader lake")).fails(5, "another site");
    camp.run(&format!("{open} --dry-run")).fine();
    assert!(!camp.file("sealed").exists());
    let said = camp.run(&format!("{open} --json")).fine().out;
    assert!(
        said.contains("ticket") && !said.contains("code") && !said.contains("Relief"),
        "{said}"
    );
    camp.run(&open).fails(6, "is there already. Name another file, or say --replace.");
    let file = std::fs::read(camp.file("sealed")).expect("reads");
    assert!(!file.windows(words.len()).any(|w| w == words.as_bytes()));
    camp.run("grievance read sealed").fails(5, "another node");
    camp.run("grievance read pass.txt --dir hill").fails(3, "no sealed complaint");
    assert!(camp.run("grievance read sealed --dir hill").fine().out.contains(words));
}

/// Where the slip could not be printed the complaint is written all the same: the next to ask gets its code, and there is
/// one complaint, not two.
#[cfg(target_os = "linux")]
#[test]
fn a_code_that_was_not_printed_is_not_lost() {
    let camp = Camp::new();
    let unread = |words: &str| {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
        let words = crate::camp::split(&format!("{words} --passphrase-file pass.txt"));
        let done = camp.command(words).stdout(full).output().expect("runs");
        assert!(!done.status.success());
    };
    let list = || camp.run("grievance list --json").fine();
    camp.write("complaint.txt", "I was sent away.");
    camp.write("other.txt", "Short rice.");
    let open = |file: &str| format!("grievance open --text {file} --decider Relief {MARA} --json");
    unread(&open("complaint.txt"));
    let said = camp.run(&open("complaint.txt")).fine();
    assert_eq!((said.field(0, "written"), said.field(0, "code").len()), ("true".to_owned(), 64));
    assert_eq!(
        (list().out.lines().count(), list().field(0, "complaint")),
        (1, said.field(0, "complaint"))
    );
    // Another is taken meanwhile, or the list is asked for: it is told all the same, once.
    for next in [open("complaint.txt"), "grievance list".to_owned()] {
        unread(&open("other.txt"));
        assert!(camp.run(&next).fine().err.contains("  code  "), "{next}");
        assert!(!camp.run(&next).fine().err.contains("  code  "), "{next}");
    }
    // What was not written has no code.
    let refused = open("other.txt").replace("Relief", "City").replace(MARA, "");
    assert!(!camp.run(&refused).err.contains("code  "));
    assert!(!camp.file("lake/slip.annona").exists());
}

/// The text of a complaint is text: no picture of a face or a finger goes to a reader, in its disguise or behind a word.
#[test]
fn nothing_of_a_body_goes_as_the_text_of_a_complaint() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let open =
        format!("grievance open --text face --decider Relief --reader hill --out sealed {mara}");
    let base64 = "/9j/4AAQSkZJRgABAQAAAQ";
    let long = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(2);
    let texts: [Vec<u8>; 5] = [
        vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 16, b'J', b'F', b'I', b'F'],
        base64.into(),
        format!("She said: {base64}").into(),
        format!("Her finger\n{long}").into(),
        b"data:image/png;base64,AAAA".to_vec(),
    ];
    for text in texts {
        camp.write("face", &text);
        let answer = camp.run(&open);
        assert_eq!(answer.code, Some(3), "{}{}", answer.out, answer.err);
        assert!(!camp.file("sealed").exists());
    }
    assert_eq!(camp.run("grievance list --json").fine().out, "");
}

/// The number on the paper of a refusal leads to it, and a complaint about it says so.
#[test]
fn a_complaint_about_a_refusal_takes_the_number_of_its_slip() {
    let camp = Camp::new();
    let refused = camp.run("pay charge --family 1 --item Rice=1 --json").fails(5, "");
    let slip = refused.field(0, "slip");
    assert_eq!(slip.len(), 19, "{slip}");
    camp.write("complaint.txt", "She was sent away.");
    let open = |slip: &str| {
        format!("grievance open --text complaint.txt --slip {slip} --decider Relief {MARA}")
    };
    camp.run(&open("3C1F-90A2-77D0-0B1E")).fails(3, "no slip 3C1F-90A2-77D0-0B1E was given out");
    camp.run(&open("3C1F")).fails(3, "16 hexadecimal digits");
    camp.run(&format!("{} --dry-run", open(&slip))).fine();
    assert!(camp.run("grievance list").fine().out.is_empty());
    let said = camp.run(&format!("{} --json", open(&slip.to_lowercase()))).fine();
    assert_eq!(said.field(0, "slip"), slip);
    let listed = camp.run("grievance list").fine().out;
    assert!(listed.contains(&format!("slip {slip}")), "{listed}");
    // Its reader sees it before the text; of a sensitive one the desk sees nothing.
    let sealed = format!("{} --reader hill --out sealed --sensitive", open(&slip));
    camp.write("complaint.txt", "The supervisor sent her away.");
    camp.run(&sealed).fine();
    assert_eq!(camp.run("grievance list").fine().out.matches(&slip).count(), 1);
    let read = camp.run("grievance read sealed --dir hill").fine().out;
    assert!(read.contains(&format!("slip {slip}\n\nThe supervisor")), "{read}");
}
