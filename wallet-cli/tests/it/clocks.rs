//! Clocks at 1970 and at 2099, through the real program. `ANNONA_NOW` is heard by builds for tests alone.

use serde_json::{Value, json};

use crate::camp::{Answer, Camp, split};
use crate::counter::counter;
use crate::vouch::witnessed;

/// A dead battery.
const DEAD: u64 = 0;
/// 2099-01-01.
const FAR: u64 = 4_070_908_800_000;

pub(crate) fn at(camp: &Camp, now: u64, words: &str) -> Answer {
    let mut command = camp.command(split(words));
    command.arg("--passphrase-file").arg("pass.txt").env("ANNONA_NOW", now.to_string());
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    Answer { code: output.status.code(), out, err, said: format!("{words} in {now}") }
}

/// A day later, by clocks that are right, the treasury sends something and the hill serves somebody, and all hear of it.
/// Says when that was.
fn heard(camp: &Camp) -> String {
    heard_after(camp, 1)
}

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// As [`heard`], some days later.
fn heard_after(camp: &Camp, days: u64) -> String {
    let tomorrow = now() + days * DAY;
    if days > 5 {
        for dir in ["treasury", "hill"] {
            at(camp, tomorrow, &format!("node clock --here --dir {dir}")).fine();
        }
    }
    at(camp, tomorrow, "pay supply --dir treasury --cycle 1 --item Rice=1 --to hill").fine();
    std::fs::create_dir(camp.file("news")).expect("folder");
    at(camp, tomorrow, "bundle export --dir treasury --to lake --to hill --out news").fine();
    for dir in ["lake", "hill"] {
        at(camp, tomorrow, &format!("bundle import news --dir {dir}")).fine();
    }
    at(camp, tomorrow, "pay charge --ticket amina.ticket --item Rice=1 --dir hill").fine();
    std::fs::create_dir(camp.file("hills")).expect("folder");
    at(camp, tomorrow, "bundle export --dir hill --to lake --out hills").fine();
    at(camp, tomorrow, "bundle import hills --dir lake").fine();
    times(camp, "hill").into_iter().max().expect("who was served")
}

/// The times of everything paid, as the list prints them.
fn times(camp: &Camp, dir: &str) -> Vec<String> {
    let listed = camp.run(&format!("pay list --json --dir {dir}")).fine();
    let payments = listed.lines().into_iter().filter(|line| line["kind"] == "payment");
    payments.filter_map(|line| Some(line["at"].as_str()?.to_owned())).collect()
}

#[test]
fn a_clock_at_1970_or_2099_starves_nobody_and_stamps_as_the_rules_say() {
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    for now in [DEAD, FAR] {
        let camp = counter();
        let theirs = heard(&camp);
        let before = times(&camp, "lake");
        let ours = before.iter().max().expect("somebody was served").clone();
        assert!(ours < theirs, "a day later");
        // The counter.
        let served = at(&camp, now, "pay charge --family 1 --item Rice=1 --json").fine();
        at(&camp, now, "pay charge --from queue.jsonl --json").fine();
        at(&camp, now, &format!("pay refund {}", served.field(0, "entry"))).fine();
        at(&camp, now, "pay ticket --family 1 --to hill --out away.ticket").fine();
        at(&camp, now, "pay claim away.ticket supply.ticket --dir hill").fine();
        at(&camp, now, "pay charge --ticket away.ticket --item Rice=1 --dir hill").fine();
        // A clock that goes back stamps as before; one far ahead as the newest that was heard of others.
        let after = times(&camp, "lake");
        let sound = |time: &String| match now {
            DEAD => *time >= ours && *time < theirs,
            _ => *time == theirs,
        };
        assert!(after.len() > before.len() + 2, "{after:?}");
        assert!(after.iter().skip(before.len()).all(sound), "{ours} {theirs}: {after:?}");
        // The desk.
        camp.write("late.family", "member: full_name=Late");
        at(&camp, now, &format!("family add --from late.family {mara}")).fine();
        at(&camp, now, &format!("card issue 2 {mara}")).fine();
        at(&camp, now, &format!("family import families.csv --map families.toml {mara}")).fine();
        camp.write("list.csv", "household_id,Rice\nB1-001,0.25\n");
        let list =
            at(&camp, now, "entitle import list.csv --programme Food --cycle 1 --json").fine();
        let list = list.field(0, "list");
        at(&camp, now, &format!("entitle approve {list} {mara}")).fine();
        at(&camp, now, &format!("entitle approve {list} {}", mara.replace("mara", "yusuf"))).fine();
        at(&camp, now, &format!("entitle issue {list}")).fine();
        // Files for others, and what they find.
        std::fs::create_dir(camp.file("late")).expect("folder");
        at(&camp, now, "bundle export --to hill --to treasury --out late").fine();
        at(&camp, now, "bundle import late --dir treasury").fine();
        at(&camp, now, "checkpoint make").fine();
        at(&camp, now, "checkpoint cosign").fine();
        at(&camp, now, "audit export late.audit --seal").fine();
        at(&camp, now, "audit verify late.audit").fine();
        at(&camp, now, "audit report late.audit --out late.html").fine();
        at(&camp, now, "backup late.backup").fine();
        // The node says what is the matter.
        let status = at(&camp, now, "status --json").fine();
        assert_eq!(status.lines()[0]["clock_doubted"], json!(now == FAR), "{}", status.out);
        let doctor = at(&camp, now, "doctor --json").fails(1, "wrong");
        let clock = doctor.lines().into_iter().find(|line| line["check"] == "clock");
        let clock = clock.expect("the clock was looked at");
        assert_eq!(clock["well"], json!(false), "{clock}");
        let words = if now == DEAD { "a day before" } else { "35 days" };
        assert!(clock["found"].as_str().is_some_and(|found| found.contains(words)), "{clock}");
        let right = self::now() + 2 * 24 * 60 * 60 * 1_000;
        // Set right again, everything goes on and is good.
        at(&camp, right, "pay charge --family 1 --item Rice=0.125").fine();
        camp.run("audit export after.audit --seal").fine();
        camp.bare("audit verify after.audit").fine();
        let health = at(&camp, right, "doctor --full --rebuild").fine();
        assert!(health.out.contains("made anew, the same"), "{}", health.out);
    }
}

#[test]
fn offices_are_told_when_their_clock_cannot_be_right() {
    let camp = Camp::new();
    let signing = "--keys relief.keys --charter charter.annona";
    let office = [
        format!(
            "node admit hill.request {signing} --site 3 --small-site --until +30d --out new.annona"
        ),
        format!(
            "operator admit mara.keys.public {signing} --organisation 1 --site 2 --role cashier --programme Food --until +30d --out new.annona"
        ),
        format!(
            "cycle open --programme Food --cycle 9 --opens +0d --closes +30d --expires +40d {signing} --out new.annona"
        ),
        format!("node insure hill --reserve treasury --programme Food {signing} --out new.annona"),
    ];
    for words in &office {
        at(&camp, DEAD, words).fails(3, "before the federation was founded");
        assert!(!camp.file("new.annona").exists(), "{words}");
    }
    at(&camp, DEAD, "charter propose --found federation.toml --out new.annona").fails(3, "1970");
    assert!(!camp.file("new.annona").exists());
    // A clock that is far ahead may be right: the dates are shown, and a person agrees to them.
    for words in &office[..3] {
        let told = at(&camp, FAR, &format!("{words} --replace")).fine();
        let said = format!("{}{}", told.out, told.err);
        assert!(said.contains("2099"), "{words}: {said}");
    }
    // And asked about, since nothing counts before it is dated: by a clock that fits nothing is.
    for words in [&office[0], &office[1], &office[3]] {
        let told = at(&camp, FAR, &format!("{words} --replace")).fine();
        assert!(told.err.contains("clock? This device's clock shows 20"), "{words}: {}", told.err);
        let told = camp.run(&format!("{words} --replace")).fine();
        assert!(!told.err.contains("clock?"), "{words}: {}", told.err);
    }
    for words in &office[..2] {
        let told = camp.run(&format!("{words} --dry-run --replace")).fine();
        assert!(told.err.contains(", from 20"), "{words}: {}", told.err);
    }
    // Folders, keys and backups have nothing to do with the time.
    for (now, name) in [(DEAD, "dead"), (FAR, "far")] {
        at(&camp, now, &format!("init --dir {name} --site {name} --role merchant --organisation 1 --passphrase-cost light"))
            .fine();
        at(&camp, now, &format!("charter apply charter.annona --dir {name}")).fine();
        at(&camp, now, &format!("node request --dir {name} --out {name}.request")).fine();
        at(&camp, now, &format!("key new --organisation 7 --out {name}.keys --recovery {name}-r.keys --passphrase-cost light"))
            .fine();
        at(&camp, now, &format!("restore lake.backup --dir {name}-back")).fine();
        at(&camp, now, &format!("node reincarnate --dir {name}-back")).fine();
    }
}

#[test]
fn an_operator_answers_for_a_clock_that_is_far_ahead_and_right() {
    let camp = counter();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    // Two months later nobody was heard of since: the clock is doubted until somebody says that it is right.
    heard(&camp);
    let later = now() + 60 * 24 * 60 * 60 * 1_000;
    let doubted = |answer: Answer| -> Value { answer.fine().lines()[0]["clock_doubted"].clone() };
    assert_eq!(doubted(at(&camp, later, "status --json")), json!(true));
    at(&camp, later, &format!("node clock {mara} --dry-run")).fine();
    assert_eq!(doubted(at(&camp, later, "status --json")), json!(true));
    at(&camp, later, &format!("node clock {mara}")).fine();
    assert_eq!(doubted(at(&camp, later, "status --json")), json!(false));
}

/// The month typed wrong at a shop that was open yesterday: one entry with that date would end every cycle of its families
/// that ends before it, for good.
#[test]
fn s12_a_month_typed_wrong_ends_nothing_and_what_ended_so_is_handed_out_next_door() {
    let camp = counter();
    let charge = "pay charge --family 1 --item Rice=0.125";
    // The federation is some days old.
    let today = now() + 3 * DAY;
    at(&camp, today, charge).fine();
    let wrong = today + 30 * DAY;
    let before = times(&camp, "lake");
    for words in ["pay open-day", charge] {
        let told = at(&camp, wrong, words).fine();
        assert!(told.err.contains("node clock --here"), "{words}: {} {}", told.out, told.err);
    }
    let newest = times(&camp, "lake").into_iter().max();
    assert_eq!(newest, before.into_iter().max(), "dated as before");
    let status = at(&camp, wrong, "status --json").fine();
    assert_eq!(status.lines()[0]["clock_doubted"], json!(true), "{}", status.out);
    at(&camp, wrong, "doctor").fails(1, "wrong");
    at(&camp, today, charge).fine();
    at(&camp, today, "doctor").fine();

    // It was right after all: whoever works there says so, in this folder alone.
    at(&camp, wrong, "node clock --here --dry-run").fine();
    assert!(at(&camp, wrong, charge).fine().err.contains("clock?"));
    at(&camp, wrong, "node clock --here").fine();
    assert!(!at(&camp, wrong, charge).fine().err.contains("clock?"));
    // Her word carries no further, and not past 35 days: there an operator answers. This one was wrong too.
    heard_after(&camp, 3);
    let ended = today + 41 * DAY;
    for dry in ["", " --dry-run"] {
        at(&camp, ended, &format!("node clock --here{dry}")).fails(5, "an operator answers");
    }
    assert!(at(&camp, ended, charge).fine().err.contains("an operator says so"));
    at(&camp, ended, "node clock --operator mara.keys --operator-passphrase-file pass.txt").fine();
    at(&camp, ended, charge).fails(5, "rejection 23");
    at(&camp, ended, "pay close-day").fine();

    // What it ended is passed on, and handed out where the clock is right.
    let refused = at(&camp, today, charge).fails(5, "rejection 23");
    assert!(refused.err.contains("handed out at another node"), "{}", refused.err);
    at(&camp, today, "doctor").fails(1, "wrong");
    at(&camp, today, "pay ticket --family 1 --to hill --out away.ticket").fine();
    at(&camp, today, "pay claim away.ticket --dir hill").fine();
    at(&camp, today, "pay charge --ticket away.ticket --item Rice=0.125 --dir hill").fine();
    at(&camp, today, "audit export clock.audit --seal").fine();
    at(&camp, today, "audit verify clock.audit").fine();
}

/// A site that hands out once a month, whose neighbours carry and vouch and hand out nothing.
#[test]
fn what_two_organisations_signed_as_witnesses_tells_the_day() {
    let camp = witnessed();
    let charge = "pay charge --family 1 --item Rice=0.125";
    let start = now();

    let doubted = |days: u64| {
        let status = at(&camp, start + days * DAY, "status --json").fine();
        status.lines()[0]["clock_doubted"] == json!(true)
    };
    for days in [4, 8] {
        assert!(doubted(12), "day {days}");
        let day = start + days * DAY;
        at(&camp, day, "checkpoint make").fine();
        at(&camp, day, "checkpoint cosign").fine();
        at(&camp, day, "checkpoint export day.checkpoint --replace").fine();
        // One organisation's word is not enough.
        assert!(doubted(12), "day {days}");
        at(&camp, day, "checkpoint import day.checkpoint --dir council").fine();
        at(&camp, day, "checkpoint cosign --dir council").fine();
        at(&camp, day, "checkpoint export signed.checkpoint --replace --dir council").fine();
        at(&camp, day, "checkpoint import signed.checkpoint").fine();
    }
    assert!(!doubted(12));
    let told = at(&camp, start + 12 * DAY, charge).fine();
    assert!(!told.err.contains("clock?"), "{}", told.err);
    assert!(doubted(22));
}

pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("small")
}

#[test]
fn what_nobody_can_use_any_more_goes_back_to_the_treasury() {
    let camp = counter();
    let rice = |dir: &str, now: u64| {
        let status = at(&camp, now, &format!("status --dir {dir} --json")).fine();
        let pools = status.lines()[0]["pools"].as_array().cloned().unwrap_or_default();
        let rice = pools.into_iter().find(|pool| pool["commodity"] == json!(1));
        rice.map(|pool| pool["lots"].clone())
    };
    let back = "pay return --cycle 1 --json";
    camp.run("pay hold --family 1 --item Rice=7 --minutes 60").fine();
    // In time nobody's entitlement goes back: what was not issued does, and the hill's float.
    let early = now() + DAY;
    let float = at(&camp, early, &format!("{back} --what float --dir hill --dry-run")).fine();
    assert!(float.out.contains("100"), "{}", float.out);
    at(&camp, early, &format!("{back} --what expired")).fails(5, "nothing of cycle 1");
    at(&camp, early, &format!("{back} --dir treasury")).fails(5, "the treasury of the cycle");
    // After the last minute of the cycle it does, once others' clocks say so too.
    heard_after(&camp, 20);
    let late = now() + 41 * DAY;
    let doubted = at(&camp, late, &format!("{back} --what expired")).fails(5, "nothing of cycle 1");
    assert!(doubted.err.contains("node clock --here"), "{}", doubted.err);
    at(&camp, late, "node clock --here").fine();
    at(&camp, late, "pay charge --family 1 --item Rice=1").fails(5, "rejection");
    let dry = at(&camp, late, &format!("{back} --what expired --dry-run")).fine();
    let before = rice("lake", late);
    assert!(dry.lines()[0]["places"].as_u64() > Some(0), "{}", dry.out);
    at(&camp, late, &format!("{back} --what expired --out back.ticket")).fine();
    assert_ne!(rice("lake", late), before);
    let here = rice("treasury", late);
    at(&camp, late, "pay claim back.ticket --dir treasury").fine();
    assert_ne!(rice("treasury", late), here);
    at(&camp, late, &format!("{back} --what expired")).fails(5, "nothing of cycle 1");
    // With what was put by and never fetched, nothing of the cycle stays in the books of this site.
    at(&camp, late, back).fine();
    assert_eq!(rice("lake", late), Some(json!("0")));
}

#[test]
fn a_till_that_reads_answers_hears_that_its_hand_outs_are_dated_as_before() {
    let camp = counter();
    heard(&camp);
    let soon = now() + DAY + DAY / 2;
    let charge = "pay charge --family 1 --item Rice=1 --json";
    let said = at(&camp, soon, charge).fine();
    assert_eq!(
        (said.field(0, "clock_doubted"), said.err.contains("clock?")),
        ("false".into(), false)
    );
    let late = now() + 20 * DAY;
    let said = at(&camp, late, charge).fine();
    assert_eq!(said.field(0, "clock_doubted"), "true");
    assert!(
        said.err.contains("\"kind\":\"warning\"") && said.err.contains("clock?"),
        "{}",
        said.err
    );
    camp.write("late.jsonl", r#"{"request":"l1","family":"1","items":{"Rice":"1"}}"#);
    let said = at(&camp, late, "pay charge --from late.jsonl --json").fine();
    assert_eq!(said.field(0, "clock_doubted"), "true");
    assert!(said.err.contains("clock?"), "{}", said.err);
}

/// The day's allowance was used up on the day of the last hand-out; nobody believes that the day is over.
#[test]
fn nobody_is_refused_for_a_day_that_the_clock_alone_says_is_not_over() {
    let camp = counter();
    let more =
        "pay supply --dir treasury --cycle 1 --to hill --item Rice=50 --as float --out more.ticket";
    camp.run(more).fine();
    camp.run("pay claim more.ticket --dir hill").fine();
    heard(&camp);
    let day = now() + DAY + DAY / 8;
    let float = |when: u64, n: u8| {
        let purse = format!("{n:02x}112233445566778899aabbccddeeff");
        at(&camp, when, &format!("pay float --dir hill --purse {purse} --home lake --item Rice=5"))
    };
    (0..20).for_each(|n| drop(float(day, n).fine()));
    let said = float(day, 30).fails(5, "today may still be given Rice 0.000 kg");
    assert!(said.out.contains("REFUSED"), "by a clock that is believed: {}", said.out);
    let late = now() + 20 * DAY;
    let said = float(late, 31).fails(5, "node clock --here");
    assert!(!said.out.contains("REFUSED"), "{}", said.out);
    let status = at(&camp, late, "status --dir hill").fine().out;
    let line = status.lines().find(|line| line.contains("allowance, Rice")).expect("an allowance");
    assert!(line.contains("as entries are dated here") && !line.contains("today"), "{line}");
    at(&camp, late, "node clock --here --dir hill").fine();
    float(late, 31).fine();
}

/// A quorum by stick: the second signature comes three weeks after the first, and food waits for neither.
#[test]
fn s18_signatures_that_take_weeks_stop_nobody_and_count_when_they_come() {
    let camp = counter();
    let week = |n: u64| now() + 7 * n * DAY;
    at(&camp, week(0), "charter propose --acts budget.toml --out slow.annona").fine();
    at(&camp, week(0), "charter sign slow.annona --keys relief.keys --out first.annona").fine();
    let epoch = |n: u64| at(&camp, week(n), "charter show --json").fine().field(0, "epoch");
    for n in 1..=2 {
        let early = at(&camp, week(n), "charter apply first.annona");
        assert_ne!(early.code, Some(0), "one of two has signed: {}", early.out);
        at(&camp, week(n), "pay charge --family 1 --item Rice=1").fine();
        assert_eq!(epoch(n), "1");
    }
    at(&camp, week(3), "charter sign slow.annona --keys city.keys --out second.annona").fine();
    at(&camp, week(3), "charter apply first.annona second.annona").fine();
    assert_eq!(epoch(3), "2");
    at(&camp, week(3), "charter apply first.annona second.annona --dir treasury").fine();
    at(&camp, week(3), "pay claim --budget --dir treasury").fine();
    at(&camp, week(3), "pay charge --family 1 --item Rice=1").fine();
    // Nobody was heard of for three weeks: whoever works here says that the clock is right.
    at(&camp, week(3), "node clock --here").fine();
    at(&camp, week(3), "pay charge --family 1 --item Rice=1").fine();
    at(&camp, week(3), "doctor --full --rebuild").fine();
}

/// A first entry under a wrong clock, at the desk: nobody is told that the clock which is right now is the wrong one.
#[test]
fn a_clock_that_is_behind_an_entry_of_the_desk_may_be_the_right_one() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let (today, wrong) = (now() + DAY, now() + 30 * DAY);
    at(&camp, wrong, "node clock --here").fine();
    let told = at(&camp, wrong, &format!("card issue 2 {mara}")).fine();
    assert!(!told.err.contains("clock?"), "{}", told.err);
    let doctor = at(&camp, today, "doctor --json").fails(1, "wrong");
    let clock = doctor.lines().into_iter().find(|line| line["check"] == "clock");
    let found = clock.expect("looked at")["found"].as_str().expect("words").to_owned();
    assert!(found.contains("/registry/1)") && found.contains("or it was then"), "{found}");
    let status = at(&camp, today, "status --json").fine();
    assert_eq!(status.lines()[0]["clock_behind"], json!(true), "{}", status.out);
}

/// The day after a certificate ends nobody is served at its site: its own people and its treasury are told before.
#[test]
fn a_certificate_that_ends_is_told_of_at_the_site_and_at_the_treasury() {
    let camp = Camp::new();
    let (early, late, over) = (now() + 250 * DAY, now() + 280 * DAY, now() + 301 * DAY);
    let status = |when| at(&camp, when, "status").fine().out;
    assert!(!status(early).contains("CERTIFICATE"), "fifty days are enough");
    assert!(status(late).contains("CERTIFICATE: it ends in"), "{}", status(late));
    assert!(status(over).contains("CERTIFICATE: it has ended"), "{}", status(over));
    let told = at(&camp, over, "status --json").fine();
    assert_eq!(told.lines()[0]["certificate_ended"], json!(true), "{}", told.out);
    // Mara's and Yusuf's are for a year.
    let looked = |when| at(&camp, when, "doctor --dir treasury").out;
    assert!(!looked(early).contains("certificates: that of"), "{}", looked(early));
    let said = looked(late);
    assert!(said.contains("certificates: that of lake (") && said.contains("ends in"), "{said}");
    assert!(said.contains("`annona node admit`") && !said.contains("that of operator"), "{said}");
    let said = looked(now() + 340 * DAY);
    assert!(said.contains("that of operator") && !said.contains("that of lake"), "{said}");
    // Nor is it any other site's business.
    assert!(!at(&camp, late, "doctor --dir hill").out.contains("that of lake"));
    let listed = at(&camp, now() + 366 * DAY, "operator list").fine();
    assert!(listed.out.contains("it has ended"), "{}", listed.out);
}
