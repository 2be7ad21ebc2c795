//! The demonstration from beginning to end, and what it must have shown.

use std::fs;

use crate::camp::Camp;

#[test]
fn the_demonstration_plays_to_its_end() {
    let camp = Camp::empty();
    let played = camp.bare("demo --dir day --json").fine();
    let lines = played.lines();
    let told: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line["kind"] == "demo_result")
        .filter_map(|line| Some((line["name"].as_str()?, line["text"].as_str()?)))
        .collect();
    for (name, words) in [
        ("supplied", "no link"),
        ("registered", "180 families"),
        ("one_operator", "two"),
        ("issued", "300 families"),
        ("served", "accepted and durable"),
        ("repeated", "answered as before"),
        ("travelled", "25 kg"),
        ("capped", "rejection 52"),
        ("refunded", "taken back"),
        ("refund_twice", "rejection 26"),
        ("overspend", "rejection 54"),
        ("claim_twice", "rejection 44"),
        ("spend_what_left", "rejection"),
        ("other_site", "rejection 41"),
        ("altered", "block"),
        ("carried", "new blocks"),
        ("roots_agree", "one state root"),
        ("audited", "good"),
        ("altered_file", "wrong"),
        ("report", "report.html"),
        ("insured", "other's reserve"),
        ("burnt", "gone"),
        ("ate", "2 families ate"),
        ("suspense", "kg of rice"),
        ("fenced", "rejection 49"),
        ("late_receipts", "nobody is charged"),
        ("certified", "by City"),
        ("rollback", "goes back on"),
        ("forked", "forked"),
        ("fork_charged", "Relief owes 14 kg"),
        ("restored", "node reincarnate"),
        ("no_rights", "rejection"),
        ("reincarnated", "new key"),
        ("closed", "closed"),
        ("one_person", "rejection"),
        ("settled_twice", "nothing waits"),
        ("settled", "payments.csv"),
        ("found", "forked"),
        ("owed", "organisation 1 owes"),
        ("report_after", "the report lists them"),
    ] {
        assert!(
            told.iter().any(|(n, text)| *n == name && text.contains(words)),
            "{name}: \"{words}\" was not told in {told:#?}"
        );
    }
    for page in ["day/report.html", "day/report-after.html"] {
        let page = fs::read_to_string(camp.file(page)).expect("the report");
        assert!(page.contains("<svg"), "with plots");
    }
    let bodies = bodies(&camp.file("day"));
    assert!(bodies.is_empty(), "{bodies:?}");
    // Nobody of whom the day was told is in any file of a node, or in anything it said.
    for (site, file) in [("lake", "lake-families.csv"), ("hill", "hill-families.csv")] {
        let csv = fs::read_to_string(camp.file(&format!("day/{file}"))).expect("a registration");
        let columns = ["household_id", "given_name", "family_name", "phone"];
        let canaries = crate::canaries::of_csv(&csv, &columns);
        assert!(canaries.len() > 200, "{site}: {} are looked for", canaries.len());
        for folder in ["lake", "hill", "treasury", "auditor"] {
            let folder = camp.file(&format!("day/{folder}"));
            if folder.exists() {
                assert_eq!(crate::canaries::found(&folder, &canaries), [], "{site}");
            }
        }
    }
    // The folders are left, and work.
    camp.bare("status --dir day/hill").fine();
    camp.bare("audit verify day/auditor/camp.audit").fine();
    // What went wrong is told with its place, and whoever did it has to answer for it.
    let after =
        camp.bare("audit verify day/auditor/after.audit").fails(1, "the file is whole and true");
    assert!(after.out.contains("1 hand-out late: 1 on "), "{}", after.out);
    let open =
        after.out.lines().find(|line| line.contains("not compared: ")).expect("a settlement");
    assert!(open.contains("/value/1) entry "), "{open}");
    let csv = "audit report day/auditor/after.audit --as csv --out after.csv";
    camp.bare(csv).fails(1, "has faults");
    let csv = camp.told("after.csv");
    let told = |line: &str| line.starts_with("unchecked,") && line.contains("not compared: ");
    assert!(csv.lines().any(told), "{csv}");
    camp.bare("demo --dir day").fails(6, "has something in it");
}

/// Whoever has a registration file of her own sees her own families in the day: registered, put on a list, served.
#[test]
fn the_demonstration_plays_with_a_file_of_ones_own() {
    let camp = Camp::empty();
    let people =
        [("Amina", 4), ("Idris", 2), ("Sara", 7), ("Bo", 1), ("Chen", 3), ("Noor", 5), ("Ali", 6)];
    let mut csv = "Form No,Name of head,Persons\n".to_owned();
    for (n, (name, size)) in people.iter().enumerate() {
        csv.push_str(&format!("F-{n:03},{name} of the demonstration,{size}\n"));
    }
    camp.write("ours.csv", csv);
    camp.write(
        "ours.toml",
        "source = \"our-camp\"\nkey = [\"Form No\"]\n[household.columns]\n\"Name of head\" = \"full_name\"\nPersons = \"size\"\n",
    );
    let played = camp.bare("demo --dir day --registrations ours.csv --map ours.toml --json").fine();
    let told: Vec<String> = played
        .lines()
        .iter()
        .filter(|line| line["kind"] == "demo_result" && line["name"] == "registered")
        .filter_map(|line| Some(line["text"].as_str()?.to_owned()))
        .collect();
    assert_eq!(told, ["7 families at the lake", "120 families at the hill"]);
    // They were put on the day's list with the others, and the day went on to its end with them.
    let issued = |line: &serde_json::Value| {
        line["name"] == "issued"
            && line["text"].as_str().is_some_and(|t| t.contains("127 families"))
    };
    assert!(played.lines().iter().any(issued), "{}", played.out);
    // The lake burns, and they are known by name where they are served from then on.
    let hill = "family find Amina --dir day/hill --passphrase-file day/pass.txt --json";
    let hill = camp.bare(hill).fine();
    assert!(hill.out.contains("Amina of the demonstration"), "{}", hill.out);
    camp.bare("audit verify day/auditor/camp.audit").fine();
    assert!(camp.file("day/report-after.html").exists());
    // Too few families, and a map alone, are refused in words.
    camp.write("few.csv", "Form No,Name of head,Persons\nF-1,Amina,4\n");
    camp.bare("demo --dir few --registrations few.csv --map ours.toml").fails(3, "needs 6");
    camp.bare("demo --dir none --map ours.toml").fails(2, "--registrations");
}

#[test]
fn two_computers_meet_over_loopback_are_cut_off_and_catch_up() {
    let camp = Camp::empty();
    let played = camp.bare("demo --network --orders 900 --dir net --json").fine();
    let lines = played.lines();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let told = of("demo_result");
    for (name, words) in [
        ("met", "127.0.0.1:"),
        ("heard", "epoch 1 at the lake"),
        ("listed", "the same on both computers"),
        ("served", "900 orders"),
        ("caught_up", "entries before the cut, all 90"),
        ("roots_agree", "one state root"),
        ("revoked", "met no more"),
    ] {
        let found = told.iter().any(|line| {
            line["name"] == name && line["text"].as_str().is_some_and(|text| text.contains(words))
        });
        assert!(found, "{name}: \"{words}\" was not told in {told:#?}");
    }
    let seen = of("demo_progress");
    assert!(seen.iter().any(|line| line["state"] == "meeting"), "progress is shown: {seen:#?}");
    // Nobody is left running, and the folders work.
    let status = camp.bare("status --dir net/treasury --json").fine();
    assert_eq!(status.lines()[0]["running"], serde_json::Value::Null);
    camp.bare("demo --orders 3").fails(2, "--network");
}

/// Files below a folder in which something of a body stands: images, templates and recordings by how they begin, and
/// text of more than 64 letters that could be one of them. What is sealed is random: only beginnings are looked for that
/// chance does not write in a gigabyte.
fn bodies(dir: &std::path::Path) -> Vec<(std::path::PathBuf, &'static str)> {
    const BEGINNINGS: [(&[u8], &str); 11] = [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
        (b"\xff\xd8\xff\xe1", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x00\x00\x00\x0cjP  \r\n", "JP2"),
        (b"ftypavif", "AVIF"),
        (b"WEBPVP8", "WEBP"),
        (b"\xff\xa0\xff\xa4\x00\x3a", "WSQ"),
        (b"FMR\x00 20\x00", "FMR"),
        (b"FIR\x00010\x00", "FIR"),
        (b"WAVEfmt ", "WAV"),
        (b"data:image/", "data URI"),
    ];
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(bodies(&path));
            continue;
        }
        let bytes = fs::read(&path).expect("a file");
        for (begins, what) in BEGINNINGS {
            if begins.len() > 4 && bytes.windows(begins.len()).any(|window| window == begins) {
                found.push((path.clone(), what));
            }
        }
        let database = path.extension().is_some_and(|e| e == "db");
        let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let hex = |run: &[u8]| run.iter().all(u8::is_ascii_hexdigit);
        if database && bytes.split(|b| !letter(b)).any(|run| run.len() > 64 && !hex(run)) {
            found.push((path.clone(), "text of more than 64 letters"));
        }
    }
    found
}

/// The scan finds what it looks for.
#[test]
fn a_face_in_any_file_would_be_found() {
    let camp = Camp::empty();
    fs::create_dir(camp.file("planted")).expect("a folder");
    let planted = |bytes: &[u8]| {
        camp.write("planted/ledger.db", bytes);
        bodies(&camp.file("planted")).len()
    };
    assert_eq!(planted(b"\0Amina\0"), 0);
    for bytes in [
        &b"x\xff\xd8\xff\xe0\x00\x10JFIF"[..],
        b"..FMR\0 20\0..",
        b"..\xff\xa0\xff\xa4\x00\x3a",
        b"\0RIFF1234WAVEfmt ",
    ] {
        assert_eq!(planted(bytes), 1, "{bytes:?}");
    }
    assert_eq!(planted("/9j/4AAQSkZJRgABAQ".repeat(5).as_bytes()), 1);
    assert_eq!(planted("/9j/4AAQSkZJRgABAQ".repeat(3).as_bytes()), 0, "54 letters are a number");
}
