//! What screens say to who reads them: times, what is wrong and what to do, and how a command ends.

use std::fs;

use serde_json::Value;

use crate::camp::Camp;
use crate::clocks::{at, now};
use crate::counter::counter;

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Gives a folder's settings one more line.
fn set(camp: &Camp, dir: &str, line: &str) {
    let path = format!("{dir}/node.toml");
    let (name, told) = (line.split(' ').next().unwrap_or_default(), camp.told(&path));
    let rest: Vec<&str> = told.lines().filter(|old| !old.starts_with(name)).collect();
    camp.write(&path, format!("{line}\n{}\n", rest.join("\n")));
}

#[test]
fn times_are_those_of_the_wall_and_a_day_is_a_day_there() {
    let camp = counter();
    let listed = |words: &str| camp.run(&format!("pay list {words}")).fine().out;
    set(&camp, "lake", "zone = \"+03:00\"");
    assert!(listed("").contains(" +03:00"), "{}", listed(""));
    // Half past ten in the evening in UTC, and half past one on the next day in the camp. Stamps count whole minutes since
    // the founding, which was at some second.
    let evening = now() / DAY * DAY + DAY + 1_350 * 60_000 + 59_999;
    let charged = at(&camp, evening, "pay charge --family 1 --item Rice=2 --json").fine();
    let entry = charged.field(0, "entry");
    let lines = camp.run("pay list --json").fine().lines();
    let line = lines.iter().find(|line| line["entry"] == *entry).expect("the charge");
    let in_utc = line["at"].as_str().expect("a time");
    assert!(in_utc.ends_with("T22:30:00Z"), "{in_utc}");
    let text = listed("");
    let is_it = |line: &&str| line.contains(" 01:30 +03:00") && line.contains("2.000 kg");
    let shown = text.lines().find(is_it).unwrap_or_else(|| panic!("{text}"));
    let (utc_day, day) = (&in_utc[..10], shown.split_whitespace().find(|w| w.contains("-")));
    let day = day.expect("a day").to_owned();
    assert!(day.as_str() > utc_day, "{day} {utc_day}");
    let has = |day: &str| {
        let told = camp.run(&format!("pay list --day {day} --json")).fine().lines();
        told.iter().any(|line| line["entry"] == *entry)
    };
    assert!(has(&day) && !has(utc_day), "of {day}, and not of {utc_day}");
    assert!(listed("--by day").contains(&day));
}

#[test]
fn a_folder_is_given_its_zone_and_another_word_is_refused() {
    let camp = Camp::empty();
    let init = |dir: &str, rest: &str| {
        camp.run(&format!("init --dir {dir} --role merchant --passphrase-cost light {rest}"))
    };
    init("east", "--zone +05:45").fine();
    assert!(camp.told("east/node.toml").contains("zone = \"+05:45\""));
    init("west", "--zone -03:30").fine();
    assert!(camp.told("west/node.toml").contains("zone = \"-03:30\""));
    init("none", "--zone Nairobi").fails(2, "Write it as +03:00");
    camp.write("east/node.toml", "zone = \"3\"\n");
    camp.run("status --dir east").fails(3, "Write it as +03:00");
}

/// A fork that is proven ends with a name and a next step, wherever one looks.
#[test]
fn a_feed_that_is_proven_faulty_is_named_with_its_site_and_what_to_do() {
    let camp = counter();
    let copy = camp.copied();
    for (camp, kilos) in [(&camp, 1), (&copy, 2)] {
        let charge = format!("pay charge --ticket amina.ticket --item Rice={kilos} --dir hill");
        camp.run(&charge).fine();
        fs::create_dir(camp.file("news")).expect("a folder");
        camp.run("bundle export --dir hill --to lake --out news").fine();
    }
    camp.run("doctor").fine();
    camp.run("bundle import news").fine();
    camp.run(&format!("bundle import {}", copy.file("news").display())).fails(6, "forked");
    let status = camp.run("status").fine().out;
    let line = status.lines().find(|line| line.contains("two histories")).expect("named");
    assert!(line.contains("hill") && line.contains("Relief"), "{line}");
    let told = camp.run("status --json").fine().lines().remove(0);
    assert_eq!(told["faulty_feeds"], 1);
    assert_eq!(
        (&told["faulty"][0]["site"], &told["faulty"][0]["own"]),
        (&"hill".into(), &false.into())
    );
    let health = camp.run("doctor").fine().out;
    let line = health.lines().find(|line| line.starts_with("LOOK") && line.contains("hill"));
    assert!(line.expect("a look").contains("annona audit export"), "{health}");
}

#[test]
fn the_doctor_says_what_a_folder_lacks() {
    let camp = Camp::new();
    camp.run("doctor --dir nowhere").fails(3, "nowhere");
    assert!(camp.run("doctor --dir nowhere").out.is_empty(), "nothing is well in no folder");
    let health = camp.run("doctor").fine().out;
    assert!(health.contains("well   certificate: until "), "{health}");
    // Its certificate ends: told before, and then it is wrong.
    let later = |days: u64| at(&camp, now() + days * DAY, "doctor").out;
    assert!(later(281).contains("LOOK   certificate: it ends in 1"), "{}", later(281));
    let ended = at(&camp, now() + 302 * DAY, "doctor").fails(1, "wrong").out;
    assert!(ended.contains("WRONG  certificate: it ended "), "{ended}");
    camp.run("init --dir new --role merchant --passphrase-cost light").fine();
    let health = camp.run("doctor --dir new").fine().out;
    assert!(health.contains("LOOK   federation: none yet"), "{health}");
    camp.run("charter apply charter.annona --dir new").fine();
    let health = camp.run("doctor --dir new").fine().out;
    assert!(health.contains("LOOK   certificate: none. Send `annona node request`"), "{health}");
}

#[cfg(unix)]
#[test]
fn the_doctor_sees_a_ledger_others_can_read_and_copies_nobody_needs() {
    use std::os::unix::fs::PermissionsExt;
    let camp = Camp::new();
    camp.write("lake/ledger.db.schema-3", vec![7; 3_000_000]);
    let health = camp.run("doctor").fine().out;
    assert!(health.contains("LOOK   copies: ledger.db.schema-3 (3 MiB)"), "{health}");
    for name in ["ledger.db", "people.db"] {
        let path = camp.file(&format!("lake/{name}"));
        let mode =
            |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        mode(0o644);
        let health = camp.run("doctor").fails(1, "wrong").out;
        assert!(health.contains("mode 644") && health.contains(name), "{health}");
        mode(0o600);
    }
    camp.run("doctor").fine();
}

#[test]
fn a_monitor_is_told_by_the_exit_code_whether_peers_are_met() {
    let camp = Camp::new();
    let told = camp.bare("peers --json").fine().lines();
    assert_eq!((&told[0]["kind"], &told[0]["running"]), (&"peers".into(), &false.into()));
    camp.bare("peers --check").fine();
    camp.write("lake/run.toml", "[[peer]]\nnode = \"00112233445566ff\"\naddress = \"hill:1\"\n");
    camp.bare("peers").fine();
    camp.bare("peers --check").fails(4, "annona peers");
}

#[test]
fn what_is_wrong_with_a_file_is_said_alike_by_every_command() {
    let camp = counter();
    camp.run("charter apply lake").fails(3, "it is a folder. Name the file in it.");
    for words in ["verify", "anomalies", "report --out out", "sample --seed x", "reconcile"] {
        let (command, rest) = words.split_once(' ').unwrap_or((words, ""));
        let answer = camp.run(&format!("audit {command} relief.keys {rest}"));
        answer
            .fails(3, "relief.keys: this is no audit file of this version. `annona audit export`");
    }
    camp.run("bundle import camp.audit").fails(3, "annona bundle export");
    camp.run("checkpoint import camp.audit").fails(3, "annona checkpoint export");
    camp.run("pay receipt --check camp.audit").fails(3, "annona pay receipt");
}

/// A site of two programmes lists a family's lines in the one where she has any.
#[test]
fn a_programme_without_a_key_keeps_no_line_from_being_listed() {
    let camp = counter();
    let cash = "[[programme]]\nid = 2\norganisation = 1\nname = \"Cash\"\n\
        commodity = [{ id = 1, name = \"Voucher\", item = \"unit\", digits = 0 }]\n";
    camp.write("cash.toml", cash);
    camp.run("charter propose --acts cash.toml --out cash.annona").fine();
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign cash.annona --keys {name}.keys")).fine();
    }
    camp.run("charter apply cash.annona").fine();
    camp.run(
        "node admit lake.request --keys relief.keys --site 2 --small-site --ceiling Food/Rice=5000:300:5000 \
         --ceiling Food/Oil=5000:300:5000 --programme Cash --until +300d --out both.annona",
    )
    .fine();
    camp.run("node learn both.annona").fine();
    let listed = camp.run("pay list --family 2 --json").fine().lines();
    assert!(listed.iter().any(|line: &Value| line["kind"] == "payment"), "{listed:?}");
    camp.run("pay list --family 2 --programme Cash").fails(5, "annona entitle import");
}

/// What a family takes home is in its own language: that of the command, or that of the site.
#[test]
fn papers_speak_the_language_of_the_family() {
    let camp = counter();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let two = format!("{mara} --second yusuf.keys --second-passphrase-file pass.txt");
    let refused = |rest: &str| {
        camp.run(&format!(
            "pay charge --family 2 --item Rice=1 --method pin --pin-file wrong.txt {rest}"
        ))
    };
    camp.write("wrong.txt", "918273\n");
    assert!(refused("").fails(5, "Next: ").out.contains("REFUSED   not recognised"));
    let slip = refused("--language fr").fails(5, "Next: ").out;
    assert!(slip.contains("REFUSÉ") && slip.contains("identité non établie"), "{slip}");
    refused("--language sw").fails(2, "there are: en, fr, es, ar");
    set(&camp, "lake", "language = \"ar\"");
    let paper = refused("--json").fails(5, "").field(0, "paper");
    assert!(paper.contains("مرفوض") && paper.contains("القسيمة"), "{paper}");
    // Numbers stand by themselves between words that run the other way.
    assert!(paper.lines().all(|line| line.contains('\u{2068}') && line.ends_with('\u{2069}')));
    let voucher = format!("pay voucher --family 1 --item Rice=5 {two}");
    assert!(camp.run(&voucher).fine().out.starts_with("قسيمة طوارئ"));
    assert!(
        camp.run(&format!("{voucher} --language es")).fine().out.contains("VALE DE EMERGENCIA")
    );
    let paper = camp.run(&format!("family collector 1 {mara} --language fr --json")).fine();
    assert!(paper.field(0, "page").contains("PAPIER DE RETRAIT"), "{}", paper.out);
    camp.run("pay ticket --family 1 --to hill --out hers.ticket").fine();
    let ticket = camp.told("hers.ticket");
    assert!(ticket.starts_with("# تذكرة") && ticket.contains("\u{2068}hill\u{2069}"), "{ticket}");
    camp.run("pay claim hers.ticket --dir hill --dry-run").fine();
    camp.write("complaint.txt", "The till gave less.");
    let open = format!("grievance open --text complaint.txt --decider Relief {mara} --language es");
    assert!(camp.run(&open).fine().out.contains("RECLAMACIÓN"));
    set(&camp, "hill", "language = \"sw\"");
    camp.run("status --dir hill").fails(3, "there are: en, fr, es, ar");
    camp.run("audit report camp.audit --out out --language sw").fails(2, "en, fr, ar");
}

/// A consent is printed as its notice was read, and the digits on it take it back as they stand there.
#[test]
fn a_consent_is_in_the_language_of_its_notice() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.write("notice.txt", "what it is for");
    let give = |language: &str| {
        let terms = "--purpose referral --to Water --attributes name,phone --notice notice.txt";
        camp.run(&format!("consent give 1 {terms} --language {language} {mara}")).fine().out
    };
    assert!(give("ar").contains("الحصول على مساعدة من منظمة أخرى"));
    assert!(give("sw").contains("to be helped by another organisation"), "none in Swahili yet");
    let page = camp.run("consent show 1/1").fine().out;
    assert!(page.contains("سارية") && !page.contains("counts"), "{page}");
    assert!(camp.run("consent show 1/1 --language fr").fine().out.contains("pour le retirer"));
    let line = page.lines().find(|line| line.contains("لسحب الموافقة")).expect("the digits");
    let digits = line.split_whitespace().last().expect("the digits");
    assert!(digits.starts_with('\u{2068}'), "{digits:?}");
    camp.run(&format!("consent withdraw {digits} {mara}")).fine();
    assert_eq!(camp.run("consent list 1 --json").fine().field(0, "state"), "withdrawn");
}

/// The share from float, in a report of a real file: a quarter of what the hill handed out.
#[test]
fn the_share_from_float_is_what_sites_gave_of_their_own_allowance() {
    let camp = counter();
    let purse = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let purses: Vec<String> = serde_json::from_str(&purse.field(0, "purses")).expect("purses");
    // Of a family that is at home here 3 kg, in so many hand-outs that none is hidden.
    let (paper, items) = (camp.told("amina.ticket"), serde_json::json!({ "Rice": "0.25" }));
    // To the end of its line: a ticket's text may have spaces in it.
    let from = paper.find("AT1:").expect("a ticket");
    let ticket = paper[from..].lines().next().expect("a line").trim_end();
    let own = |n| {
        let n = format!("own-{n}");
        serde_json::json!({ "request": n, "ticket": ticket, "items": items }).to_string()
    };
    let own: Vec<String> = (0..12).map(own).collect();
    camp.write("own.jsonl", own.join("\n"));
    camp.run("pay charge --from own.jsonl --dir hill").fine();
    camp.run(&format!("pay float --dir hill --purse {} --home lake --item Rice=1", purses[0]))
        .fine();
    camp.run("audit export hill.audit --seal --dir hill").fine();
    for (form, name) in [("json", "hill.json"), ("csv", "hill.csv"), ("html", "hill.html")] {
        camp.run(&format!("audit report hill.audit --as {form} --out {name}")).fine();
    }
    let told: Value = serde_json::from_str(&camp.told("hill.json")).expect("JSON");
    let sites = told["handouts"].as_array().expect("sites");
    let hill = sites.iter().find(|line| line["site"].as_str().is_some_and(|s| s.contains("hill")));
    let hill = hill.unwrap_or_else(|| panic!("{told:#}"));
    assert_eq!((&hill["float_share"], &hill["net"]), (&250.into(), &"4.000".into()), "{hill}");
    assert_eq!(hill["float"], "1.000", "{hill}");
    for name in ["hill.csv", "hill.html"] {
        assert!(camp.told(name).contains("25.0 %"), "{name}");
    }
    assert!(camp.told("hill.html").contains("from float, the family's home being out of reach"));
}

/// What a paper in Arabic shows is read as it is copied: between the marks that keep it in order, in digits of either script.
#[test]
fn what_is_copied_from_a_paper_in_arabic_is_read() {
    let camp = counter();
    let by = |name: &str| {
        format!("--operator {name}.keys --operator-passphrase-file pass.txt --language ar")
    };
    let mara = by("mara");
    let marked = |text: &str| format!("\u{2068}{text}\u{2069}");
    let paper = camp.run(&format!("family collector 1 {mara} --json")).fine();
    let code = marked(&paper.field(0, "code"));
    camp.run(&format!("family show {code}")).fine();
    camp.write("wrong.txt", "918273\n");
    let charge = "pay charge --family 2 --item Rice=1 --method pin --pin-file wrong.txt --json";
    let slip = marked(&camp.run(charge).fails(5, "").field(0, "slip"));
    camp.write("complaint.txt", "She was sent away.");
    let open = format!("grievance open --text complaint.txt --slip {slip} --decider Relief");
    let opened = camp.run(&format!("{open} {mara} --json")).fine();
    let complaint = marked(&opened.field(0, "complaint"));
    let yusuf = by("yusuf").replace(" --language ar", "");
    camp.run(&format!("grievance decide {complaint} --outcome upheld {yusuf}")).fine();
    camp.write("notice.txt", "what it is for");
    let terms = "--purpose referral --to Water --attributes name,phone --notice notice.txt";
    let mara = mara.replace(" --language ar", "");
    camp.run(&format!("consent give 1 {terms} --language ar {mara}")).fine();
    let shown = camp.run(&format!("consent show {} --json", marked("١/١"))).fine();
    let number = marked(shown.lines()[0]["record"]["record_id"].as_str().expect("a number"));
    camp.run(&format!("consent show {number}")).fine();
    let entry = camp.run("pay charge --family 1 --item Rice=1 --json").fine().field(0, "entry");
    camp.run(&format!("pay refund {} --dry-run", marked(&entry))).fine();
}
