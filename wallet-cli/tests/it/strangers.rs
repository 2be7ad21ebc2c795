//! What we issue, checked by programs of others from the registries of Python and JavaScript: they must accept it, and refuse
//! it altered.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use annona_ledger::key::SigningKey;
use annona_node::credential::card::StatusRef;
use annona_node::credential::status::{About, StatusList, TTL, bitstring, token};
use annona_node::credential::when::Seconds;
use annona_node::credential::{Card, TrustList, integrity, png, qr, sd_jwt};
use serde_json::{Value, json};

use crate::camp::Camp;

/// Where `.ci/run` has installed them; `None`, said aloud, where it has not.
fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("ANNONA_STRANGERS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("claim169").is_dir());
    if folder.is_none() {
        println!("skipped, because ANNONA_STRANGERS names no folder with programs of others");
    }
    folder
}

/// What they are given, and what they must say.
struct Cases {
    folder: PathBuf,
    key: String,
    cases: Vec<Value>,
}

impl Cases {
    fn add(&mut self, by: &str, file: &str, accept: bool, more: &Value) {
        let mut case = json!({ "by": by, "file": file, "accept": accept, "key": self.key });
        let said = case.as_object_mut().expect("an object");
        said.extend(more.as_object().expect("an object").clone());
        self.cases.push(case);
    }

    /// The same by several, good and altered.
    fn both(&mut self, by: &[&str], name: &str, good: &[u8], altered: &[u8], more: &Value) {
        assert_ne!(good, altered, "{name}");
        let bad = format!("altered-{name}");
        fs::write(self.folder.join(name), good).expect("written");
        fs::write(self.folder.join(&bad), altered).expect("written");
        for by in by {
            self.add(by, name, true, more);
            self.add(by, &bad, false, more);
        }
    }
}

/// Another letter in the middle, of the same kind.
fn altered(text: &str, at: usize) -> String {
    let mut text = text.to_owned();
    let letter = if &text[at..=at] == "A" { "B" } else { "A" };
    text.replace_range(at..=at, letter);
    text
}

#[test]
fn programs_of_others_accept_what_we_issue_and_refuse_it_altered() {
    let Some(library) = installed() else { return };
    let camp = Camp::new();
    let trust = fs::read(camp.file("camp.cards/trust.json")).expect("a list");
    let trust = TrustList::from_json(&trust).expect("a trust list");
    let lake = trust.issuers().find(|issuer| issuer.name == "lake").expect("the lake").key;
    let folder = tempfile::tempdir().expect("a folder");
    let mut all =
        Cases { folder: folder.path().to_owned(), key: lake.to_string(), cases: Vec::new() };

    // The card and the lists of the program, as it wrote them.
    let card = camp.told("card.txt");
    let said = camp.bare("card check card.txt --json").fine();
    let id = json!({ "id": said.field(0, "holder") });
    let readers = ["claim169", "pycose", "cwt"];
    all.both(&readers, "card.txt", card.as_bytes(), altered(&card, 200).as_bytes(), &id);
    let other = SigningKey::from_seed(&[9; 32]).public().to_string();
    for by in readers {
        all.add(by, "card.txt", false, &json!({ "id": said.field(0, "holder"), "key": other }));
    }
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.run(&format!("card print 2 --png codes {mara}")).fine();
    let again = camp.run(&format!("card reprint 2 {mara} --json")).fine().field(0, "text");
    fs::copy(camp.file("codes/2.png"), folder.path().join("code.png")).expect("copied");
    all.add("zxing", "code.png", true, &json!({ "text": again }));

    // The credentials of the program, and its lists: in one of them a place is taken back.
    crate::credential::at_hand(&camp);
    let asked = crate::credential::shows(&camp, "full.shown", "full_name");
    let shown = camp.told("full.shown");
    let token = shown.find('~').expect("a disclosure") - 20;
    let more = json!({ "audience": asked.0, "nonce": asked.1, "shown": { "full_name": "Noor" } });
    let name = ["sd-jwt", "openvc"];
    all.both(&name, "program.txt", shown.as_bytes(), altered(&shown, token).as_bytes(), &more);
    let replayed = json!({ "audience": asked.0, "nonce": "4711", "shown": {} });
    name.iter().for_each(|by| all.add(by, "program.txt", false, &replayed));
    let made = camp.told("amina.json");
    let wrong = made.replacen("18-59", "60+", 1);
    all.both(&["w3c"], "program.json", made.as_bytes(), wrong.as_bytes(), &json!({}));
    let place = |text: &str| {
        let made: Value = serde_json::from_str(text).expect("JSON");
        let status = &made["credentialStatus"];
        let uri = status["statusListCredential"].as_str().expect("a list").to_owned();
        (uri, status["statusListIndex"].as_str().and_then(|n| n.parse::<u32>().ok()).expect("one"))
    };
    let (uri, index) = place(&made);
    for (consent, status) in [(None, 0), (Some("1/2"), 1)] {
        if let Some(consent) = consent {
            camp.run(&format!("consent withdraw {consent} {mara}")).fine();
            camp.run("card publish camp.cards").fine();
        }
        let more = json!({ "uri": uri, "entries": [[index, status]] });
        for (by, ending) in [("cwt list", "cwt"), ("jwt list", "jwt"), ("bitstring", "json")] {
            let name = format!("program-{status}.{ending}");
            fs::copy(camp.file(&format!("camp.cards/1.1.{ending}")), folder.path().join(&name))
                .expect("copied");
            all.add(by, &name, true, &more);
        }
    }

    // Lists with entries revoked, and credentials, by a key of this test.
    let key = SigningKey::from_seed(&[7; 32]);
    all.key = key.public().to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = Seconds(now.expect("after 1970").as_secs());
    let mut list = StatusList::new();
    let mut entries = vec![json!([1, 0]), json!([8, 0]), json!([131_070, 0])];
    for index in [0, 7, 9, 69_420, 131_071] {
        assert!(list.revoke(index));
        entries.push(json!([index, 1]));
    }
    let uri = "annona:i-gH9qHC/2.1".to_owned();
    let about = About { uri: uri.clone(), issued: now, ttl: Some(TTL), expires: None };
    let more = json!({ "uri": uri, "entries": entries });
    let cwt = token::to_cwt(&about, &list, &key);
    let mut wrong = cwt.clone();
    let middle = wrong.len() - 70;
    wrong[middle] ^= 1;
    all.both(&["cwt list"], "list.cwt", &cwt, &wrong, &more);
    let jwt = token::to_jwt(&about, &list, &key);
    all.both(
        &["jwt list"],
        "list.jwt",
        jwt.as_bytes(),
        altered(&jwt, jwt.len() / 2).as_bytes(),
        &more,
    );
    let w3c = bitstring::credential(&about, &list, &key).expect("signed").to_string();
    let wrong = w3c.replacen("revocation", "suspension", 1);
    all.both(&["bitstring"], "list.json", w3c.as_bytes(), wrong.as_bytes(), &more);

    let status = StatusRef { uri, index: 5 };
    let times = (Seconds(now.0 - 60), now.plus(1_000_000));
    let holder = SigningKey::from_seed(&[8; 32]);
    let terms = sd_jwt::Terms {
        holder: Some(holder.public()),
        issued: times.0,
        expires: times.1,
        status: status.clone(),
    };
    let attributes = [
        ("age_band", json!("30-39")),
        ("household_size", json!(6)),
        ("given_name", json!("أمينة")),
    ];
    let made = integrity::holder(&attributes, &terms, &key).expect("signed").to_string();
    let wrong = made.replacen("30-39", "40-49", 1);
    all.both(&["w3c"], "member.json", made.as_bytes(), wrong.as_bytes(), &json!({}));
    let issued = sd_jwt::issue(&attributes, &terms, &key).expect("issued");
    let asked = ("https://water.example", "n-1");
    let shown = sd_jwt::present(&issued, &["household_size"], &holder, asked, now).expect("shown");
    let more = json!({ "audience": asked.0, "nonce": asked.1, "shown": { "household_size": 6 } });
    let readers = ["sd-jwt", "openvc"];
    all.both(&readers, "shown.txt", shown.as_bytes(), altered(&shown, 300).as_bytes(), &more);
    let replayed = json!({ "audience": asked.0, "nonce": "n-2", "shown": {} });
    let stolen = sd_jwt::present(&issued, &["household_size"], &key, asked, now).expect("made");
    fs::write(folder.path().join("stolen.txt"), stolen).expect("written");
    for by in readers {
        all.add(by, "shown.txt", false, &replayed);
        all.add(by, "stolen.txt", false, &more);
    }
    // A card with a name, in letters of another script, as a picture.
    let card = Card::ours(&[0x5a; 16], times.1, status);
    let card =
        Card { name: Some("أمينة".to_owned()), language: Some("ar".to_owned()), ..card };
    let text = card.print(&key).expect("a card").text;
    let picture = png::png(&qr::code(&text).expect("a code"), 4);
    fs::write(folder.path().join("name.png"), picture).expect("written");
    all.add("zxing", "name.png", true, &json!({ "text": text }));

    let cases = serde_json::to_string(&all.cases).expect("JSON");
    fs::write(folder.path().join("cases.json"), cases).expect("written");
    python(&library, folder.path(), all.cases.len());
    // The same files, by the programs in JavaScript.
    let by = ["pycose", "cwt list", "jwt list", "w3c", "bitstring", "sd-jwt"];
    let theirs = all.cases.iter().filter(|case| by.contains(&case["by"].as_str().expect("a name")));
    javascript(&library, folder.path(), theirs.count());
}

/// Those from npm, where `.ci/run` has installed them beside the others.
#[cfg(unix)]
fn javascript(library: &Path, folder: &Path, cases: usize) {
    let modules = library.join("node_modules");
    if !modules.join("jose").is_dir() {
        println!("skipped, because ANNONA_STRANGERS has no programs from npm");
        return;
    }
    let program = folder.join("credentials.mjs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/outside/credentials.mjs");
    fs::copy(source, &program).expect("copied");
    std::os::unix::fs::symlink(modules, folder.join("node_modules")).expect("named");
    right(Command::new("node").arg(program).arg(folder), cases);
}

#[cfg(not(unix))]
fn javascript(_: &Path, _: &Path, _: usize) {}

fn python(library: &Path, folder: &Path, cases: usize) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/outside/credentials.py");
    let mut command = Command::new("python3");
    command.arg(program).arg(folder).env("PYTHONPATH", library);
    right(command.env("PYTHONDONTWRITEBYTECODE", "1"), cases);
}

/// Each says of each file what it must.
fn right(command: &mut Command, cases: usize) {
    let output = command.output().expect("what installed them runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{err}");
    assert_eq!(said.lines().filter(|line| line.starts_with("right")).count(), cases, "{said}");
}
