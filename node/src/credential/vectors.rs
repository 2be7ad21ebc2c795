//! Vectors of spec/vectors/{card,status_list}: one defect a file, named by it. To make them again:
//! `ANNONA_WRITE_VECTORS=1 cargo test -p annona-node --lib credential::vectors`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use annona_ledger::key::{Foreign, PublicKey, SigningKey};
use serde_json::json;

use super::card::{StatusRef, check};
use super::cbor::Out;
use super::status::{About, ENTRIES, ListName, StatusList, TTL, token};
use super::when::Seconds;
use super::{Against, Card, Issuer, OnStale, Refusal, Statuses, TrustList, jws, pack};

const NOW: Seconds = Seconds(1_795_000_000);
const DAY: u64 = 24 * 60 * 60;
const LINE: usize = 48;
/// Where the order of Ed25519's base point stands, little-endian: a scalar and this make a second spelling.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A file: area, name, answer, and what is given.
struct Vector(&'static str, &'static str, &'static str, Vec<(&'static str, Vec<u8>)>);

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

/// The list the vectors' issuer is on: programme 2, until a year from now.
fn trust(key: PublicKey) -> TrustList {
    let mut trust = TrustList::new();
    let times = (Seconds(0), NOW.plus(365 * DAY));
    trust.add(Issuer::ours(key, 2, "issuer", times)).expect("a good key");
    trust
}

fn uri() -> String {
    ListName::of(&key().public(), 2, 1).to_string()
}

fn card() -> Card {
    let status = StatusRef { uri: uri(), index: 69_420 };
    let card = Card::ours(&[0x5a; 16], NOW.plus(90 * DAY), status);
    Card { language: Some("ar".into()), ..card }
}

fn list(revoked: &[u32]) -> StatusList {
    let mut list = StatusList::new();
    revoked.iter().for_each(|index| assert!(list.revoke(*index)));
    list
}

fn about(issued: Seconds) -> About {
    About { uri: uri(), issued, ttl: Some(TTL), expires: None }
}

/// COSE_Sign1 of any header and payload, rightly signed.
fn signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let parts =
        [Out::Text("Signature1"), Out::Bytes(protected), Out::Bytes(&[]), Out::Bytes(payload)];
    let bytes = Out::Array(parts.into_iter().collect()).encode();
    let signature = key().sign_credential(Foreign::Cose, &bytes).expect("of that form");
    let parts = vec![
        Out::Bytes(protected),
        Out::Map(Vec::new()),
        Out::Bytes(payload),
        Out::Bytes(&signature),
    ];
    Out::Tag(18, Box::new(Out::Array(parts))).encode()
}

fn header() -> Vec<u8> {
    let kid = super::cose::kid(&key().public());
    Out::Map(vec![(Out::Number(1), Out::Number(-8)), (Out::Number(4), Out::Bytes(&kid))]).encode()
}

fn packed(bytes: &[u8]) -> String {
    base45::encode(pack::zlib(bytes))
}

fn text_of(card: &Card) -> String {
    card.print(&key()).expect("a card").text
}

/// The claims of a card with one attribute more in claim 169.
fn with(attribute: i64, value: Out<'_>) -> String {
    let holder = vec![
        (Out::Number(1), Out::Text("WlpaWlpaWlpaWlpaWlpaWg")),
        (Out::Number(attribute), value),
    ];
    let end = i64::try_from(NOW.0 + DAY).expect("a time");
    let claims = vec![(Out::Number(4), Out::Number(end)), (Out::Number(169), Out::Map(holder))];
    packed(&signed(&header(), &Out::Map(claims).encode()))
}

fn cards() -> Vec<Vector> {
    let good = text_of(&card());
    let fresh = token::to_cwt(&about(NOW), &list(&[1, 69_421]), &key());
    let mut all = Vec::new();
    let mut add = |name, answer, text: String, list: Option<&[u8]>| {
        let mut given = vec![
            ("text", text.into_bytes()),
            ("issuer", key().public().bytes().to_vec()),
            ("now", NOW.0.to_be_bytes().to_vec()),
        ];
        given.extend(list.map(|list| ("list", list.to_vec())));
        all.push(Vector("card", name, answer, given));
    };
    let fresh = Some(&fresh[..]);
    add("good", "good", good.clone(), fresh);
    add("good_named", "good", text_of(&Card { name: Some("أمينة".into()), ..card() }), fresh);
    add("lower_case", "unreadable", good.to_lowercase(), fresh);
    add("cut_short", "unreadable", good[..good.len() - 3].into(), fresh);
    add("space_behind", "unreadable", format!("{good} "), fresh);
    add("group_over_65535", "unreadable", format!("{good}:::"), fresh);
    let bytes = pack::unzlib(&base45::decode(&good).expect("letters"), 8192).expect("zlib");
    add(
        "byte_behind_zlib",
        "unreadable",
        base45::encode([&pack::zlib(&bytes)[..], &[0]].concat()),
        fresh,
    );
    add("byte_behind_cose", "unreadable", packed(&[&bytes[..], &[0]].concat()), fresh);
    let mut sum = pack::zlib(&bytes);
    *sum.last_mut().expect("a checksum") ^= 1;
    add("zlib_checksum", "unreadable", base45::encode(&sum), fresh);
    add("bomb", "unreadable", packed(&[0; 8193]), fresh);
    add("too_deep", "unreadable", packed(&[&[0x81; 9][..], &[0]].concat()), fresh);
    add("array_without_end", "unreadable", packed(&[0x9f, 0xff]), fresh);
    let twice = [
        &[0xa3, 0x04, 0x1a][..],
        &(NOW.0 as u32 + 60).to_be_bytes(),
        &[0x04, 0x00, 0x18, 0xa9, 0xa0],
    ]
    .concat();
    add("claim_twice", "unreadable", packed(&signed(&header(), &twice)), fresh);
    add("a_number", "not ours", packed(&[0x01]), fresh);
    add("no_signature", "not ours", packed(&[0xd2, 0x83, 0x40, 0xa0, 0x40]), fresh);
    // Tag, array, header, an empty map, two bytes of length; then claims, and behind them the signature.
    let payload = &bytes[15..bytes.len() - 66];
    assert_eq!(payload.first(), Some(&0xa3), "a map of three claims");
    add("es256", "not ours", packed(&signed(&[0xa1, 0x01, 0x26], payload)), fresh);
    add("no_algorithm", "not ours", packed(&signed(&[], payload)), fresh);
    add(
        "critical_header",
        "not ours",
        packed(&signed(&[0xa2, 0x01, 0x27, 0x02, 0x81, 0x01], payload)),
        fresh,
    );
    add("no_claim_169", "not ours", packed(&signed(&header(), &[0xa1, 0x04, 0x00])), fresh);
    add(
        "no_id",
        "not ours",
        packed(&signed(&header(), &[0xa2, 0x04, 0x1b, 0, 0, 1, 0, 0, 0, 0, 0, 0x18, 0xa9, 0xa0])),
        fresh,
    );
    add(
        "no_end",
        "not ours",
        packed(&signed(&header(), &[0xa1, 0x18, 0xa9, 0xa1, 0x01, 0x61, b'x'])),
        fresh,
    );
    add("nationality", "forbidden", with(13, Out::Text("x")), fresh);
    add("photograph", "forbidden", with(16, Out::Bytes(&[0xff, 0xd8, 0xff])), fresh);
    add("legal_status", "forbidden", with(22, Out::Text("x")), fresh);
    add("fingerprint", "forbidden", with(50, Out::Array(Vec::new())), fresh);
    add("bytes_for_a_name", "forbidden", with(4, Out::Bytes(b"Amina")), fresh);
    let stranger = SigningKey::from_seed(&[9; 32]);
    add("stranger", "issuer unknown", card().print(&stranger).expect("a card").text, fresh);
    for (name, place) in
        [("altered_end", 21), ("altered_r", bytes.len() - 64), ("altered_s", bytes.len() - 32)]
    {
        let mut wrong = bytes.clone();
        wrong[place] ^= 1;
        add(name, "not authentic", packed(&wrong), fresh);
    }
    let mut respelt = bytes.clone();
    let from = respelt.len() - 32;
    respelt[from..].iter_mut().zip(ORDER).fold(0u16, |carry, (s, l)| {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum.to_le_bytes()[0];
        sum >> 8
    });
    add("respelt_scalar", "not authentic", packed(&respelt), fresh);
    let other = ListName::of(&key().public(), 3, 1).to_string();
    let other = Card { status: Some(StatusRef { uri: other, index: 1 }), ..card() };
    add("other_programme", "not authentic", text_of(&other), fresh);
    add(
        "outlives_issuer",
        "not authentic",
        text_of(&Card { expires: NOW.plus(366 * DAY), ..card() }),
        fresh,
    );
    let past = StatusRef { uri: uri(), index: ENTRIES };
    add("past_its_list", "not authentic", text_of(&Card { status: Some(past), ..card() }), fresh);
    add("expired", "expired", text_of(&Card { expires: Seconds(NOW.0 - 1), ..card() }), fresh);
    let revoked = token::to_cwt(&about(NOW), &list(&[69_420]), &key());
    add("revoked", "revoked", good.clone(), Some(&revoked));
    let old = token::to_cwt(&about(Seconds(NOW.0 - TTL - 1)), &list(&[]), &key());
    add("old_list", "stale", good.clone(), Some(&old));
    let old = token::to_cwt(&about(Seconds(NOW.0 - TTL - 1)), &list(&[69_420]), &key());
    add("revoked_long_ago", "revoked", good.clone(), Some(&old));
    add("no_list", "stale", good, None);
    all
}

fn lists() -> Vec<Vector> {
    let (now, three) = (about(NOW), list(&[0, 9, 131_071]));
    let cwt = token::to_cwt(&now, &three, &key());
    let jwt = token::to_jwt(&now, &three, &key());
    let mut all = Vec::new();
    let mut add = |name, answer, bytes: Vec<u8>| {
        let given = vec![
            ("bytes", bytes),
            ("issuer", key().public().bytes().to_vec()),
            ("now", NOW.0.to_be_bytes().to_vec()),
        ];
        all.push(Vector("status_list", name, answer, given));
    };
    add("good_cwt", "revoked 0 9 131071", cwt.clone());
    add("good_jwt", "revoked 0 9 131071", jwt.clone().into_bytes());
    let stranger = SigningKey::from_seed(&[9; 32]);
    add("stranger_cwt", "issuer unknown", token::to_cwt(&now, &three, &stranger));
    add("stranger_jwt", "issuer unknown", token::to_jwt(&now, &three, &stranger).into_bytes());
    let mut wrong = cwt.clone();
    *wrong.last_mut().expect("a signature") ^= 0x10;
    add("altered_cwt", "not authentic", wrong);
    add("cut_short_cwt", "unreadable", cwt[..cwt.len() - 1].to_vec());
    add("of_tomorrow", "not yet", token::to_cwt(&about(NOW.plus(2 * DAY)), &three, &key()));
    let claims = |packed: Vec<u8>, bits: u8| {
        json!({ "iss": jws::did(&key().public()), "sub": uri(), "iat": NOW.0, "ttl": TTL,
            "status_list": { "bits": bits, "lst": jws::base64(&packed) } })
    };
    let small = pack::zlib(&[0; 16]);
    let token = |claims: &serde_json::Value, typ: &str| jws::sign(&key(), typ, claims).into_bytes();
    add("three_bits", "not ours", token(&claims(small.clone(), 3), "statuslist+jwt"));
    add("no_zlib", "unreadable", token(&claims(vec![0; 16], 1), "statuslist+jwt"));
    add(
        "bomb",
        "unreadable",
        token(&claims(pack::zlib(&vec![0; (1 << 20) + 1]), 1), "statuslist+jwt"),
    );
    add("other_type", "not ours", token(&claims(small, 1), "JWT"));
    let (_, rest) = jwt.split_once('.').expect("parts");
    let none = jws::base64(br#"{"alg":"none","typ":"statuslist+jwt"}"#);
    add("alg_none", "not ours", format!("{none}.{rest}").into_bytes());
    let twice = jws::base64(br#"{"alg":"none","alg":"EdDSA","typ":"statuslist+jwt"}"#);
    add("header_twice", "unreadable", format!("{twice}.{rest}").into_bytes());
    let mut wrong = jwt.clone().into_bytes();
    let at = wrong.len() - 20;
    wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
    add("altered_jwt", "not authentic", wrong);
    add("padded_jwt", "unreadable", format!("{jwt}==").into_bytes());
    all
}

fn print(Vector(kind, _, answer, given): &Vector) -> String {
    let mut text = format!("kind: {}\nanswer: {answer}\n", kind.replace('_', " "));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (name, bytes) in given {
        if bytes.len() <= LINE {
            writeln!(text, "{name}: {}", hex(bytes)).expect("memory");
        } else {
            writeln!(text, "{name}:").expect("memory");
            bytes.chunks(LINE).for_each(|line| writeln!(text, "  {}", hex(line)).expect("memory"));
        }
    }
    text
}

/// Answers a file by what stands in it alone.
fn answer(text: &str) -> (String, String) {
    let mut given: Vec<(String, Vec<u8>)> = Vec::new();
    let (mut kind, mut wanted) = (String::new(), String::new());
    for line in text.lines() {
        let pairs = |hex: &str| -> Vec<u8> {
            let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
            (0..hex.len()).step_by(2).map(pair).collect()
        };
        match line.split_once(':') {
            None => given.last_mut().expect("a name").1.extend(pairs(line.trim())),
            Some(("kind", rest)) => kind = rest.trim().to_owned(),
            Some(("answer", rest)) => wanted = rest.trim().to_owned(),
            Some((name, rest)) => given.push((name.to_owned(), pairs(rest.trim()))),
        }
    }
    let one = |name: &str| given.iter().find(|(n, _)| n == name).map(|(_, bytes)| &bytes[..]);
    let issuer: [u8; 32] = one("issuer").and_then(|k| k.try_into().ok()).expect("a key");
    let trust = trust(PublicKey::Ed25519(issuer));
    let now =
        Seconds(u64::from_be_bytes(one("now").and_then(|n| n.try_into().ok()).expect("a time")));
    let said = if kind == "card" {
        let mut statuses = Statuses::new();
        if let Some(list) = one("list") {
            statuses.take(list, &trust, now).expect("the list itself is good");
        }
        let text = std::str::from_utf8(one("text").expect("a text")).expect("letters");
        let against = Against { trust: &trust, statuses: &statuses, now, stale: OnStale::Refuse };
        check(text, &against).map(|_| "good".to_owned())
    } else {
        token::read(one("bytes").expect("bytes"), &trust, now).map(|signed| {
            let revoked =
                (0..ENTRIES).filter(|n| signed.list.get(*n).is_some_and(|entry| entry != 0));
            revoked.fold("revoked".to_owned(), |said, index| format!("{said} {index}"))
        })
    };
    (wanted, said.unwrap_or_else(|refusal: Refusal| refusal.word().to_owned()))
}

fn root() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors").into()
}

#[test]
fn every_vector_is_made_as_it_is_kept() {
    let write = std::env::var_os("ANNONA_WRITE_VECTORS").is_some();
    let made: Vec<Vector> = cards().into_iter().chain(lists()).collect();
    let mut names = BTreeSet::new();
    for vector in &made {
        let folder = root().join(vector.0);
        let file = folder.join(format!("{}.txt", vector.1));
        assert!(names.insert(file.clone()), "{} twice", file.display());
        if write {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&file, print(vector)).expect("written");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(kept, print(vector), "{}", file.display());
    }
    for area in ["card", "status_list"] {
        for file in std::fs::read_dir(root().join(area)).expect("an area") {
            let path = file.expect("a file").path();
            assert!(names.contains(&path), "{} is made by nothing", path.display());
        }
    }
}

#[test]
fn every_vector_is_answered_as_it_says() {
    for area in ["card", "status_list"] {
        let (mut good, mut bad) = (0, 0);
        for file in std::fs::read_dir(root().join(area)).expect("an area") {
            let path = file.expect("a file").path();
            let (wanted, said) = answer(&std::fs::read_to_string(&path).expect("a text"));
            assert_eq!(said, wanted, "{}", path.display());
            // A list that is read tells which of its entries are revoked.
            let is_good = said == "good" || said.starts_with("revoked ");
            *if is_good { &mut good } else { &mut bad } += 1;
        }
        assert!(good > 0 && bad >= 4 * good, "{area}: {good} good, {bad} not");
    }
}
