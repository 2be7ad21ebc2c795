//! Credentials through the program: issued under a consent, shown for one question, checked, revoked; and refused for a
//! reason that is told apart.

use std::fs;

use annona_ledger::key::SigningKey;
use annona_node::credential::card::StatusRef;
use annona_node::credential::integrity;
use annona_node::credential::sd_jwt::{Terms, issue as make, present};
use annona_node::credential::when::Seconds;

use crate::camp::{Answer, Camp};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
/// What the hill checks with.
const HILL: &str = "--dir hill --status camp.cards/1.1.cwt";

/// Family 1 is somebody of an age, who agreed to a referral and to a copy.
pub(crate) fn agreed(camp: &Camp) {
    camp.write("noor.family", "1: birth_date=1990-05-04");
    camp.run(&format!("family change 1 --from noor.family {MARA}")).fine();
    camp.write("notice-sw.txt", "Tunauliza ruhusa yako. Unaweza kukataa.");
    for purpose in ["referral", "export"] {
        camp.run(&format!(
            "consent give 1 --purpose {purpose} --to relief --attributes name,age_band,phone --uses 9 \
             --notice notice-sw.txt --language sw {MARA}"
        ))
        .fine();
    }
}

/// What the examples in the help take as given.
pub(crate) fn at_hand(camp: &Camp) {
    agreed(camp);
    if !camp.file("amina.wallet").exists() {
        camp.run("wallet new amina.wallet --name Amina --passphrase-cost light").fine();
    }
    issue(camp, "amina.credential", "name,age_band", &her_key(camp)).fine();
    camp.run(&copy("sd-jwt", "amina.issued")).fine();
    camp.run(&copy("w3c", "amina.w3c")).fine();
    camp.run("card credential present amina.w3c --out amina.json --dir hill").fine();
    camp.run("card publish camp.cards").fine();
    shows(camp, "amina.shown", "age_band");
}

fn her_key(camp: &Camp) -> String {
    camp.run("wallet show amina.wallet --json").fine().field(0, "key")
}

fn issue(camp: &Camp, out: &str, attributes: &str, key: &str) -> Answer {
    camp.run(&format!(
        "card credential issue 1/1 --for hill --purpose referral --attributes {attributes} --holder {key} \
         --out {out} {MARA} --json"
    ))
}

fn copy(form: &str, out: &str) -> String {
    format!(
        "card credential issue 1/2 --for hill --purpose export --attributes name,age_band --form {form} \
         --out {out} {MARA} --json"
    )
}

/// The hill asks, and she answers. Gives what it asked, and as whom.
pub(crate) fn shows(camp: &Camp, out: &str, show: &str) -> (String, String) {
    let asked = camp.bare("card credential ask --dir hill --json").fine();
    let (audience, nonce) = (asked.field(0, "audience"), asked.field(0, "nonce"));
    let present = format!("wallet present amina.wallet amina.credential --show {show} --out {out}");
    camp.run(&format!("{present} --audience {audience} --nonce {nonce}")).fine();
    (audience, nonce)
}

/// Why something is not honoured, as a program reads it.
#[track_caller]
fn reason(camp: &Camp, check: &str) -> String {
    camp.bare(&format!("card credential check {check} --json")).fails(1, "").field(0, "reason")
}

#[test]
fn she_shows_one_attribute_of_two_to_who_asked_and_it_counts_once() {
    let camp = Camp::new();
    at_hand(&camp);
    let shown = camp.told("amina.shown");
    let name = base64(b"Noor\"");
    assert!(!shown.contains(&name[..6]), "her name is not in it");
    // What was shown is on the ledger and in her list before it left.
    let log = camp.run("consent log 1 --json").fine();
    assert_eq!(log.out.lines().count(), 3, "{}", log.out);
    assert_eq!(log.field(0, "shown"), "true");

    let good = camp.bare(&format!("card credential check amina.shown {HILL} --json")).fine();
    let told: serde_json::Value = serde_json::from_str(&good.out).expect("JSON");
    assert_eq!(told["claims"]["age_band"], "18-59");
    assert!(told["claims"].get("full_name").is_none(), "{told}");
    assert_eq!((good.field(0, "issuer"), good.field(0, "holder")), ("lake".into(), her_key(&camp)));
    // The same once more: the question is used up.
    assert_eq!(reason(&camp, &format!("amina.shown {HILL}")), "not for us");
    // Without a list nobody knows whether it was revoked.
    shows(&camp, "again.shown", "full_name,age_band");
    assert_eq!(reason(&camp, "again.shown --dir hill"), "stale");
    let text = camp.bare("card credential check again.shown --dir hill --allow-stale").fine();
    assert!(text.out.contains("full_name: Noor") && text.err.contains("not known"), "{}", text.out);
}

fn base64(bytes: &[u8]) -> String {
    // As it would stand in a disclosure: `["…","full_name","Noor"]`, at whatever third letter it begins.
    use std::fmt::Write;
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:08b}").expect("written");
    }
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let six = |at: usize| usize::from_str_radix(&text[at..at + 6], 2).expect("bits");
    (0..text.len() / 6).map(|n| char::from(letters[six(n * 6)])).collect()
}

#[test]
fn what_is_altered_expired_revoked_replayed_or_self_issued_is_refused() {
    let camp = Camp::new();
    at_hand(&camp);
    let refused = |name: &str, text: &str| {
        camp.write(name, text);
        reason(&camp, &format!("{name} {HILL}"))
    };
    let good = camp.told("amina.shown");
    // Altered: in what the issuer signed, in what she shows, and cut.
    let token = good.find('~').expect("a disclosure");
    assert_eq!(refused("altered", &swapped(&good, token - 20)), "not authentic");
    let disclosure = token + 9;
    assert_eq!(refused("altered", &swapped(&good, disclosure)), "unreadable");
    assert_eq!(refused("altered", &swapped(&good, good.len() - 20)), "not for us");
    assert_eq!(refused("altered", &good[..300]), "unreadable");
    // A credential nobody shows: whoever copied it from her.
    assert_eq!(refused("stolen", &camp.told("amina.credential")), "not for us");
    // Replayed: shown to another, or for another question.
    let other = "wallet present amina.wallet amina.credential --show age_band";
    let asked = camp.bare("card credential ask --dir hill --json").fine();
    let (audience, nonce) = (asked.field(0, "audience"), asked.field(0, "nonce"));
    camp.run(&format!("{other} --audience did:key:z6Mk --nonce {nonce} --out other")).fine();
    assert_eq!(reason(&camp, &format!("other {HILL}")), "not for us");
    camp.run(&format!("{other} --audience {audience} --nonce 4711 --out third")).fine();
    assert_eq!(reason(&camp, &format!("third {HILL}")), "not for us");
    let stranger = "--dir nowhere --trust camp.cards/trust.json --status camp.cards/1.1.jwt";
    let third = format!("third {stranger} --audience {audience} --nonce");
    camp.bare(&format!("card credential check {third} 4711")).fine();
    assert_eq!(reason(&camp, &format!("{third} 4712")), "not for us");
    camp.bare(&format!("card credential check third {stranger}")).fails(3, "--nonce");
    // Self-issued, and issued by nobody who is known: another camp's, whole and good there.
    let away = Camp::empty();
    assert_eq!(away.bare("card credential check x --dir nowhere --trust x").code, Some(3));
    camp.write("nobody.json", "{\"annona_trust\":1,\"issuers\":[]}");
    let nobody = "--dir nowhere --trust nobody.json --audience x --nonce y";
    assert_eq!(reason(&camp, &format!("amina.shown {nobody}")), "issuer unknown");
    assert_eq!(refused("self", &self_issued()), "self-issued");

    // The W3C form: good, altered, of nobody, self-issued.
    let w3c = format!("amina.json {stranger}");
    let told = camp.bare(&format!("card credential check {w3c} --json")).fine();
    assert_eq!((told.field(0, "form"), told.field(0, "stale")), ("w3c".into(), "false".into()));
    camp.bare(&format!("card credential check {}", w3c.replace(".jwt", ".json"))).fine();
    camp.write("altered.json", camp.told("amina.json").replacen("18-59", "60+", 1));
    assert_eq!(reason(&camp, &w3c.replace("amina.json", "altered.json")), "not authentic");
    assert_eq!(
        reason(
            &camp,
            &w3c.replace("camp.cards/trust", "nobody").replace("--status camp.cards/1.1.jwt", "")
        ),
        "issuer unknown"
    );
    // Nobody's word but her own: she signs what she says of herself, and names herself.
    assert_eq!(refused("self.json", &self_issued_w3c()), "self-issued");
    // Past the last day of its consent.
    let mut late = camp.command(crate::camp::split(&format!("card credential check {w3c} --json")));
    let output = late.env("ANNONA_NOW", in_days(400)).output().expect("the program runs");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &said["reason"]), (Some(1), &"expired".into()), "{said}");

    // Revoked: she takes the consents back, and the next list says so.
    shows(&camp, "last.shown", "age_band");
    for consent in ["1/1", "1/2"] {
        camp.run(&format!("consent withdraw {consent} {MARA}")).fine();
    }
    camp.run("card publish camp.cards").fine();
    assert_eq!(reason(&camp, &format!("last.shown {HILL}")), "revoked");
    assert_eq!(reason(&camp, &w3c), "revoked");
    assert_eq!(reason(&camp, &w3c.replace(".jwt", ".json")), "revoked");
    issue(&camp, "more.credential", "name", &her_key(&camp)).fails(5, "withdrawn");
}

/// Another letter of base64 in the place of one.
fn swapped(text: &str, at: usize) -> String {
    let mut text = text.to_owned();
    let letter = if &text[at..=at] == "A" { "B" } else { "A" };
    text.replace_range(at..=at, letter);
    text
}

/// Milliseconds since 1970, so many days from now.
fn in_days(days: u128) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (now.expect("after 1970").as_millis() + days * 86_400_000).to_string()
}

/// A key of a holder's, and what she says of herself with it.
fn own_terms() -> (SigningKey, Terms) {
    let own = SigningKey::from_seed(&[9; 32]);
    let status = StatusRef { uri: "annona:i-gH9qHC/1.1".to_owned(), index: 5 };
    let holder = Some(own.public());
    let terms = Terms { holder, issued: Seconds(0), expires: Seconds(4_000_000_000), status };
    (own, terms)
}

fn self_issued_w3c() -> String {
    let (own, terms) = own_terms();
    let made = integrity::holder(&[("age_band", "18-59".into())], &terms, &own).expect("made");
    made.to_string()
}

/// What a holder makes for herself.
fn self_issued() -> String {
    let (own, terms) = own_terms();
    let issued = make(&[("age_band", "18-59".into())], &terms, &own).expect("made");
    present(&issued, &["age_band"], &own, ("x", "y"), Seconds(1)).expect("shown")
}

/// The parts of what was shown that anybody who was shown another copy could compare, but for what all holders share.
fn compared(camp: &Camp, shown: &str) -> Vec<String> {
    let text = camp.told(shown);
    let mut parts: Vec<String> = text.split('~').skip(1).map(str::to_owned).collect();
    let token: Vec<&str> = text.split(['.', '~']).collect();
    let claims = from_base64(token[1]);
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    let digests = claims["_sd"].as_array().expect("digests");
    parts.extend(digests.iter().map(|digest| digest.as_str().expect("a text").to_owned()));
    parts.push(claims["cnf"]["jwk"]["x"].as_str().expect("a key").to_owned());
    parts.push(claims["status"]["status_list"]["idx"].to_string());
    parts.push(token[2].to_owned());
    assert_eq!(claims["iat"].as_u64().expect("a time") % 86_400, 0, "the day, and no minute of it");
    parts.retain(|part| !part.is_empty());
    parts
}

/// Bytes of base64url.
fn from_base64(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for letter in text.bytes() {
        let six = letters.iter().position(|known| *known == letter).expect("base64url") as u32;
        bits = (bits << 6) | six;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    out
}

#[test]
fn of_several_copies_each_is_shown_once_and_no_two_can_be_joined() {
    let camp = Camp::new();
    agreed(&camp);
    camp.run("wallet new amina.wallet --name Amina --passphrase-cost light").fine();
    let keys = camp.run("wallet show amina.wallet --keys 3").fine().out;
    assert_eq!(keys.lines().count(), 3);
    let again = camp.run("wallet show amina.wallet --keys 3").fine().out;
    assert!(keys.lines().all(|key| !again.contains(key)), "new ones each time");
    camp.write("keys.txt", &keys);
    let issue = format!(
        "card credential issue 1/1 --for hill --purpose referral --attributes name,age_band --holders keys.txt --out amina.copies {MARA}"
    );
    camp.write("bad.txt", "did:key:z6Mk 00\n");
    camp.run(&issue.replace("keys.txt", "bad.txt")).fails(3, "line 1 of bad.txt");
    camp.write("bad.txt", format!("{keys}{keys}"));
    camp.run(&issue.replace("keys.txt", "bad.txt")).fails(3, "there twice");
    camp.run(&format!("{issue} --form w3c")).fails(2, "copies are SD-JWT");
    camp.run(&format!("{issue} --dry-run")).fine();
    assert_eq!(camp.run("consent log 1 --json").fine().out, "", "nothing was opened");
    camp.run(&issue).fine();
    assert_eq!(camp.run("consent log 1 --json").fine().out.lines().count(), 1, "opened once");
    camp.run("card publish camp.cards").fine();

    let mut seen: Vec<String> = Vec::new();
    for left in [2, 1, 0] {
        let asked = camp.bare("card credential ask --dir hill --json").fine();
        let (audience, nonce) = (asked.field(0, "audience"), asked.field(0, "nonce"));
        let out = format!("copy-{left}");
        let shown = camp.run(&format!(
            "wallet present amina.wallet amina.copies --show age_band --audience {audience} --nonce {nonce} --out {out} --json"
        ));
        assert_eq!(shown.fine().field(0, "left"), left.to_string());
        camp.bare(&format!("card credential check {out} {HILL}")).fine();
        for part in compared(&camp, &out) {
            assert!(!seen.contains(&part), "{part} joins two showings");
            seen.push(part);
        }
    }
    let more = "wallet present amina.wallet amina.copies --show age_band --audience x --nonce y --out more";
    camp.run(more).fails(3, "each copy in this file was shown");
    // One consent gave all of them, and takes all of them back.
    camp.run(&format!("consent withdraw 1/1 {MARA}")).fine();
    camp.run("card publish camp.cards").fine();
    for left in [2, 1, 0] {
        assert_eq!(reason(&camp, &format!("copy-{left} {HILL}")), "revoked");
    }
}

#[test]
fn a_credential_ends_with_its_consent_and_its_holder_is_erased_with_it() {
    let camp = Camp::new();
    agreed(&camp);
    camp.run("wallet new amina.wallet --name Amina --passphrase-cost light").fine();
    let one = "consent give 1 --purpose contact --to relief --attributes name --days 1 --notice notice-sw.txt --language sw";
    camp.run(&format!("{one} {MARA}")).fine();
    let key = her_key(&camp);
    let issue = format!(
        "card credential issue 1/3 --for hill --purpose contact --attributes name --holder {key} --out amina.credential {MARA}"
    );
    // What is asked beyond the consent, for a copy, or under no consent, opens nothing.
    camp.run(&issue.replace("attributes name", "attributes phone")).fails(5, "does not give all");
    camp.run(&issue.replace(&format!("--holder {key}"), "")).fails(5, "its purpose is export");
    camp.run(&issue.replace(MARA, &format!("--form w3c {MARA}"))).fails(5, "its purpose is export");
    camp.run(&issue.replace("1/3", "1/9")).fails(3, "consent list");
    camp.run(&issue.replace(&key, "did:key:z6Mk")).fails(3, "holder's key");
    camp.run(&format!("{issue} --dry-run")).fine();
    assert_eq!(camp.run("consent log 1 --json").fine().out, "", "nothing was opened");
    camp.run(&issue).fine();
    camp.run(&issue.replace("amina.credential", "next.credential")).fails(5, "as often as it may");
    camp.run("card publish camp.cards").fine();
    shows(&camp, "amina.shown", "full_name");
    let check = format!("card credential check amina.shown {HILL} --json");
    let mut late = camp.command(crate::camp::split(&check));
    late.env("ANNONA_NOW", in_days(3));
    let output = late.output().expect("the program runs");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["reason"], "expired", "{said}");
    // Of somebody who is erased nothing counts any more.
    camp.run(&format!("erase 1 {MARA}")).fine();
    camp.run("card publish camp.cards").fine();
    assert_eq!(reason(&camp, &format!("amina.shown {HILL}")), "revoked");
}

#[test]
fn what_is_bound_to_a_node_is_sealed_to_it_and_shown_by_it() {
    let camp = Camp::new();
    at_hand(&camp);
    let file = fs::read(camp.file("amina.issued")).expect("a file");
    assert!(!file.windows(4).any(|w| w == b"Noor"));
    camp.run("card credential present amina.issued --out mine --dir treasury")
        .fails(5, "sealed for another node");
    let asked = camp.bare("card credential ask --json").fine();
    let (audience, nonce) = (asked.field(0, "audience"), asked.field(0, "nonce"));
    let present = format!(
        "card credential present amina.issued --audience {audience} --nonce {nonce} --dir hill --out to.lake"
    );
    camp.run(&format!("{present} --show phone")).fails(3, "it can show: ");
    camp.run(&format!("{present} --show full_name")).fine();
    let check = "card credential check to.lake --status camp.cards/1.1.cwt --json";
    assert_eq!(camp.bare(check).fine().field(0, "issuer"), "lake");
    assert_eq!(reason(&camp, "to.lake --status camp.cards/1.1.cwt"), "not for us");
}
