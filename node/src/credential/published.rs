//! Vectors published by others, read where they lie beside the checkout. Nothing of them is kept here.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::key::{PublicKey, SigningKey};
use serde_json::Value;

use super::cose::Sign1;
use super::status::{StatusList, token};
use super::when::Seconds;
use super::{
    Against, Issuer, OnStale, Refusal, Statuses, TrustList, card, integrity, jws, pack, sd_jwt,
};

thread_local! {
    /// The files that were asked for on this thread.
    static ASKED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

fn folder() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples"));
    std::env::var_os("ANNONA_SAMPLES").map_or_else(beside, PathBuf::from).join("vectors")
}

/// A file of theirs; `None`, said aloud, where they are not here.
fn published(file: &str) -> Option<String> {
    let path = folder().join(file);
    if !path.exists() {
        println!("skipped, because {} is not there", path.display());
        return None;
    }
    ASKED.with_borrow_mut(|asked| asked.insert(file.to_owned()));
    Some(fs::read_to_string(path).expect("a text"))
}

/// What is read by no test, by how its path ends, and why.
const UNREAD: [(&str, &str); 13] = [
    ("_diag.md", "a drawing of the bytes in the file of that name without it"),
    ("/disclosures.md", "the parts of the issuance beside it, spelt out for people"),
    ("/decoy_digests.md", "the parts of the issuance beside it, spelt out for people"),
    ("/specification.yml", "what their generator was told"),
    ("/sd_jwt_jws_part.txt", "the beginning of the issuance beside it"),
    ("/kb_jwt_header.json", "stands in the presentation beside it"),
    ("/kb_jwt_payload.json", "stands in the presentation beside it"),
    ("/kb_jwt_serialized.txt", "stands in the presentation beside it"),
    ("/status_list_jwt.md", "the content of the raw one, spelt out for people"),
    (
        "wycheproof/x25519_test.json",
        "no code here calls it: it is inside HPKE, as a library has it",
    ),
    (
        "wycheproof/hkdf_sha256_test.json",
        "no code here calls it: it is inside HPKE, as a library has it",
    ),
    ("/sd_jwt_payload.json", "stands in the issuance beside it"),
    ("eddsa-jcs-2022/proofConfigJCS.json", "its canonical form is read, and hashed"),
];

/// Every file that is there is read by a test here, or stands in the list with its reason.
#[test]
fn every_file_is_read_or_has_its_reason() {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let root = folder();
    if !root.exists() {
        println!("skipped, because {} is not there", root.display());
        return;
    }
    ASKED.take();
    for test in [
        cards_of_claim_169,
        messages_of_cose,
        signatures_of_wycheproof,
        seals_of_wycheproof,
        status_lists_of_the_draft,
        a_credential_of_w3c,
        sd_jwts_of_the_rfc,
    ] {
        test();
    }
    let asked = ASKED.take();
    let mut found = Vec::new();
    walk(&root, &mut found);
    let mut excused: BTreeSet<&str> = BTreeSet::new();
    for path in found {
        let file = path.strip_prefix(&root).expect("below it").to_str().expect("plain");
        let reason = UNREAD.iter().find(|(end, _)| file.ends_with(end));
        excused.extend(reason.map(|(end, _)| *end));
        assert_ne!(
            asked.contains(file),
            reason.is_some(),
            "{file}: read, or excused, and not both"
        );
    }
    let all: BTreeSet<&str> = UNREAD.iter().map(|(end, _)| *end).collect();
    assert_eq!(excused, all, "an excuse for what is not there");
}

/// What others sealed opens, and nothing that is not whole.
#[test]
fn seals_of_wycheproof() {
    let Some(all) = json("wycheproof/xchacha20_poly1305_test.json") else { return };
    let mut tried = 0;
    for group in all["testGroups"].as_array().expect("groups") {
        for case in group["tests"].as_array().expect("cases") {
            let part = |name: &str| unhex(text(case, name));
            let sealed = [part("/iv"), part("/ct"), part("/tag")].concat();
            let key: Result<[u8; 32], _> = part("/key").try_into();
            let opened = key.ok().and_then(|mut key| {
                crate::seal::Key::take(&mut key).open(&part("/aad"), &sealed).ok()
            });
            // One byte too few or many of a nonce is one of the tag.
            let want = (text(case, "/result") == "valid").then(|| part("/msg"));
            assert_eq!(opened.map(|plain| plain.to_vec()), want, "{}", case["tcId"]);
            tried += 1;
        }
    }
    assert_eq!(Some(tried), all["numberOfTests"].as_u64());
}

fn json(file: &str) -> Option<Value> {
    published(file).map(|text| serde_json::from_str(&text).expect("JSON"))
}

fn unhex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len() / 2).map(|n| pair(2 * n)).collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path}"))
}

fn trusting(key: PublicKey) -> TrustList {
    let mut trust = TrustList::new();
    trust.add(Issuer::foreign(key, "another", Seconds(u64::MAX))).expect("a good key");
    trust
}

fn key(hex: &str) -> PublicKey {
    PublicKey::Ed25519(unhex(hex).try_into().expect("32 bytes"))
}

#[test]
fn cards_of_claim_169() {
    let Some(signed) = json("claim-169/ed25519-signed.json") else { return };
    let (trust, none) =
        (trusting(key(text(&signed, "/signing_key/public_key_hex"))), Statuses::new());
    let now = Seconds(1_750_000_000);
    let against = Against { trust: &trust, statuses: &none, now, stale: OnStale::Refuse };
    let checked = card::check(text(&signed, "/qr_data"), &against).expect("theirs is good");
    assert_eq!(checked.card.id, text(&signed, "/expected_claim169/id"));
    assert_eq!(checked.card.name.as_deref(), Some(text(&signed, "/expected_claim169/fullName")));
    assert_eq!(checked.card.issuer.as_deref(), Some(text(&signed, "/expected_cwt_meta/issuer")));
    let ends = signed.pointer("/expected_cwt_meta/expiresAt").and_then(Value::as_u64);
    assert_eq!(Some(checked.card.expires.0), ends);
    let late = Against { now: Seconds(1_800_000_001), ..against };
    assert_eq!(card::check(text(&signed, "/qr_data"), &late).expect_err("late").number(), 7);
    let others = trusting(SigningKey::from_seed(&[1; 32]).public());
    let other = Against { trust: &others, ..against };
    assert_eq!(card::check(text(&signed, "/qr_data"), &other), Err(Refusal::IssuerUnknown));
    for (file, number) in
        [("bad-base45", 1), ("bad-zlib", 1), ("not-cose", 2), ("missing-169", 2), ("minimal", 2)]
    {
        // The minimal one is not signed with anything.
        let Some(bad) = json(&format!("claim-169/{file}.json")) else { return };
        let refusal = card::check(text(&bad, "/qr_data"), &against).expect_err(file);
        assert_eq!(refusal.number(), number, "{file}: {refusal}");
    }
}

#[test]
fn messages_of_cose() {
    let Some(good) = json("cose/eddsa-examples/eddsa-sig-01.json") else { return };
    let bytes = unhex(text(&good, "/output/cbor"));
    let message = Sign1::read(&bytes).expect("a message");
    let signer = key(text(&good, "/input/sign0/key/x_hex"));
    assert_eq!(message.payload, text(&good, "/input/plaintext").as_bytes());
    assert_eq!(message.kid.as_deref(), Some(&b"11"[..]));
    assert!(message.verifies(&signer));
    for place in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[place] ^= 1;
        // The key id is not signed here: it names a key, and proves nothing.
        let same = Sign1::read(&wrong).is_ok_and(|m| m.verifies(&signer) && m.kid == message.kid);
        assert!(!same, "changed at {place}");
    }
    for n in ["01", "02", "03", "04", "06", "07"] {
        let file = format!("cose/sign1-tests/sign-fail-{n}.json");
        let Some(bad) = json(&file) else { return };
        assert!(Sign1::read(&unhex(text(&bad, "/output/cbor"))).is_err(), "{file}");
    }
    // Of other algorithms, of several signers, with a MAC, encrypted: not ours, and no panic.
    for file in [
        "cose/sign1-tests/sign-pass-01",
        "cose/sign1-tests/sign-pass-02",
        "cose/sign1-tests/sign-pass-03",
        "cose/eddsa-examples/eddsa-01",
        "cose/eddsa-examples/eddsa-02",
        "cose/eddsa-examples/eddsa-sig-02",
        "rfc8392-cwt/A_3",
        "rfc8392-cwt/A_4",
        "rfc8392-cwt/A_5",
        "rfc8392-cwt/A_6",
        "rfc8392-cwt/A_7",
    ] {
        let Some(other) = json(&format!("{file}.json")) else { return };
        let cbor = unhex(text(&other, "/output/cbor"));
        let refused = Sign1::read(&cbor).map(|m| m.verifies(&signer));
        assert!(
            matches!(refused, Err(Refusal::NotOurs(_) | Refusal::Unreadable(_)) | Ok(false)),
            "{file}"
        );
    }
}

#[test]
fn signatures_of_wycheproof() {
    let Some(all) = json("wycheproof/ed25519_test.json") else { return };
    let mut tried = 0;
    for group in all["testGroups"].as_array().expect("groups") {
        let key = key(text(group, "/publicKey/pk"));
        for case in group["tests"].as_array().expect("cases") {
            let signature: Result<[u8; 64], _> = unhex(text(case, "/sig")).try_into();
            let message = unhex(text(case, "/msg"));
            let holds = signature.is_ok_and(|s| key.verifies_credential(&message, &s));
            assert_eq!(holds, text(case, "/result") == "valid", "{}", case["tcId"]);
            tried += 1;
        }
    }
    assert_eq!(Some(tried), all["numberOfTests"].as_u64());
}

#[test]
fn status_lists_of_the_draft() {
    let unwrapped = |file: &str| {
        let text = published(&format!("token-status-list/{file}.md"))?;
        Some(text.split_whitespace().collect::<String>())
    };
    // The examples are signed with another algorithm: their lists are unpacked, and they themselves refused.
    let Some(cwt) = unwrapped("status_list_cwt") else { return };
    let nobody = TrustList::new();
    let now = Seconds(1_750_000_000);
    assert_eq!(token::read(&unhex(&cwt), &nobody, now).expect_err("ES256").number(), 2);
    let Some(jwt) = unwrapped("status_list_jwt_raw") else { return };
    assert_eq!(token::read(jwt.as_bytes(), &nobody, now).expect_err("ES256").number(), 2);
    let Some(example) = published("token-status-list/status_list_encoding_json.md") else { return };
    let bytes = [0xb9, 0xa3];
    assert!(example.contains("[0xb9, 0xa3]"));
    let packed = example.split("\"lst\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let unpacked = pack::unzlib(&jws::unbase64(packed.expect("lst")).expect("base64"), 64);
    assert_eq!(unpacked.as_deref(), Some(&bytes[..]));
    let list = StatusList::of(1, bytes.to_vec()).expect("one bit");
    let entries: Vec<u8> = (0..16).filter_map(|n| list.get(n)).collect();
    assert_eq!(
        entries,
        [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1],
        "as the draft lists them"
    );
    let Some(two) = published("token-status-list/status_list_encoding2_json.md") else { return };
    let bytes: Vec<u8> = two
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| {
            list.split(',').map(|b| unhex(b.trim().trim_start_matches("0x"))[0]).collect()
        })
        .expect("bytes");
    let packed = two.split("\"lst\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let unpacked = pack::unzlib(&jws::unbase64(packed.expect("lst")).expect("base64"), 64);
    assert_eq!(unpacked.as_ref(), Some(&bytes));
    let list = StatusList::of(2, bytes).expect("two bits");
    let entries: Vec<u8> = (0..12).filter_map(|n| list.get(n)).collect();
    assert_eq!(entries, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3], "as the draft lists them");
    let Some(token) = unwrapped("referenced_token_cwt") else { return };
    let token = unhex(&token);
    assert_ne!(
        Sign1::read(&token).map(|m| m.verifies(&SigningKey::from_seed(&[1; 32]).public())),
        Ok(true),
        "ES256"
    );
    // Each list in both spellings is one list, of as many bits as it says.
    for (name, bits, first) in [
        ("encoding", 1, [0, 3]),
        ("encoding2", 2, [0, 1]),
        ("encoding1_long", 1, [0, 1_993]),
        ("encoding2_long", 2, [0, 1_993]),
        ("encoding4", 4, [0, 1_993]),
        ("encoding8", 8, [1_199, 4_520]),
    ] {
        let Some(spelt) = unwrapped(&format!("status_list_{name}_json")) else { return };
        let spelt = &spelt[spelt.find('{').expect("an object")..];
        let spelt: Value = serde_json::from_str(spelt).expect("JSON");
        assert_eq!(spelt["bits"], bits, "{name}");
        let of_json = jws::unbase64(text(&spelt, "/lst")).expect("base64");
        let Some(cbor) = unwrapped(&format!("status_list_{name}_cbor")) else { return };
        let cbor = unhex(cbor.rsplit(':').next().expect("bytes"));
        let item = super::cbor::Item::read(&cbor).expect("CBOR");
        assert_eq!(item.named("bits").and_then(|bits| bits.as_u64()), Some(bits), "{name}");
        let of_cbor = item.named("lst").and_then(|lst| lst.as_bytes()).expect("bytes");
        let unpacked = pack::unzlib(of_cbor, 1 << 20).expect("zlib");
        assert_eq!(pack::unzlib(&of_json, 1 << 20).as_ref(), Some(&unpacked), "{name}");
        let list = StatusList::of(bits as u8, unpacked).expect("of such bits");
        let set: Vec<u32> =
            (0..list.entries() as u32).filter(|n| list.get(*n) != Some(0)).collect();
        assert_eq!(set[..2], first, "{name}");
        let long = list.entries() == 1 << 20 && set.len() > 10;
        assert!(long || list.entries() <= 16, "{name}: {} of {}", set.len(), list.entries());
    }
}

#[test]
fn a_credential_of_w3c() {
    let folder = "w3c-vc-di-eddsa/eddsa-jcs-2022";
    let Some(signed) = published(&format!("{folder}/signedJCS.json")) else { return };
    let Some(pair) = json("w3c-vc-di-eddsa/keyPair.json") else { return };
    let key = jws::from_multibase(text(&pair, "/publicKeyMultibase")).expect("a key");
    assert_eq!(jws::multibase(&key), text(&pair, "/publicKeyMultibase"));
    let mut trust = TrustList::new();
    let issuer = Issuer::foreign(key, "another", Seconds(u64::MAX));
    let named = Issuer { id: Some("https://vc.example/issuers/5678".to_owned()), ..issuer.clone() };
    trust.add(named).expect("a good key");
    let now = Seconds(1_750_000_000);
    let (document, _) = integrity::check(signed.as_bytes(), &trust, now).expect("theirs is good");
    assert_eq!(document["name"], "Alumni Credential");
    // Their issuer is no spelling of the key: without its name on the list anybody could write it.
    let mut nameless = TrustList::new();
    nameless.add(issuer).expect("a good key");
    let refusal = integrity::check(signed.as_bytes(), &nameless, now).expect_err("no name");
    assert_eq!(refusal.number(), 5);
    assert_eq!(
        integrity::check(signed.as_bytes(), &TrustList::new(), now).expect_err("nobody").number(),
        4
    );
    for (from, to) in [
        ("Alumni Credential", "Alumni credential"),
        ("23:36:38", "23:36:39"),
        ("5678", "5679"),
        ("assertionMethod", "authentication"),
        ("2023-01-01", "2999-01-01"),
    ] {
        let wrong = signed.replacen(from, to, 1);
        assert!(integrity::check(wrong.as_bytes(), &trust, now).is_err(), "{from}");
    }
    // What we make of the same document with their key is what they made, byte for byte.
    let seed = bs58::decode(&text(&pair, "/privateKeyMultibase")[1..]).into_vec().expect("base58");
    let seed: [u8; 32] = seed[2..].try_into().expect("32 bytes");
    let mut plain: Value = serde_json::from_str(&signed).expect("JSON");
    let theirs = plain.as_object_mut().expect("an object").remove("proof").expect("a proof");
    let created = Seconds::parse(text(&theirs, "/created")).expect("a time");
    let ours = integrity::sign(plain, &SigningKey::from_seed(&seed), created).expect("signed");
    assert_eq!(ours["proof"], theirs);
    let canonical = super::json::canonical(&{
        let mut options = theirs;
        options.as_object_mut().expect("an object").remove("proofValue");
        options
    });
    let beside = |file: &str| {
        let text = published(&format!("{folder}/{file}.txt")).expect("beside the others");
        text.trim_end().to_owned()
    };
    assert_eq!(canonical, Some(beside("proofCanonJCS")));
    let mut document: Value = serde_json::from_str(&signed).expect("JSON");
    let mut proof = document.as_object_mut().expect("an object").remove("proof").expect("a proof");
    assert_eq!(super::json::canonical(&document), Some(beside("canonDocJCS")));
    let document = document.as_object().expect("an object");
    let options = proof.as_object_mut().expect("an object");
    let value = options.remove("proofValue").expect("a signature");
    assert_eq!(value, beside("sigBTC58JCS"));
    let signature = bs58::decode(&beside("sigBTC58JCS")[1..]).into_vec().expect("base58");
    assert_eq!(signature, unhex(&beside("sigHexJCS")));
    let both = integrity::hashes(options, document).expect("hashed");
    assert_eq!(both[..32], unhex(&beside("proofHashJCS")));
    assert_eq!(both[32..], unhex(&beside("docHashJCS")));
    assert_eq!(both[..], unhex(&beside("combinedHashJCS")));
}

#[test]
fn sd_jwts_of_the_rfc() {
    for folder in ["simple", "simple_structured", "address_only_flat"] {
        let folder = format!("rfc9901-sd-jwt/{folder}");
        let Some(presented) = published(&format!("{folder}/sd_jwt_presentation.txt")) else {
            return;
        };
        let presented: String = presented.split_whitespace().collect();
        // Padding at the end of their signatures stands outside the standard.
        let presented = presented.replace('=', "");
        let shown = Value::Object(sd_jwt::unsigned(&presented).expect("it opens"));
        let want = json(&format!("{folder}/verified_contents.json")).expect("beside the others");
        assert_eq!(shown, want, "{folder}");
        let issued =
            published(&format!("{folder}/sd_jwt_issuance.txt")).expect("beside the others");
        let issued: String = issued.split_whitespace().collect::<String>().replace('=', "");
        let all = Value::Object(sd_jwt::unsigned(&issued).expect("it opens"));
        let user = json(&format!("{folder}/user_claims.json")).expect("beside the others");
        for (name, value) in user.as_object().expect("claims") {
            assert_eq!(&all[name], value, "{folder}: {name}");
        }
        let none = Statuses::new();
        let trust = TrustList::new();
        let now = Seconds(1_750_000_000);
        let stale = OnStale::Refuse;
        let against = Against { trust: &trust, statuses: &none, now, stale };
        let asked = sd_jwt::Asked { against, audience: "x", nonce: "y", since: None };
        assert_eq!(sd_jwt::check(&presented, &asked).expect_err("ES256").number(), 2);
    }
}
