//! Decoders of cards and credentials: what is read of a stranger's code before anybody is believed, and after.

use annona_ledger::key::SigningKey;
use annona_node::credential::card::{StatusRef, check};
use annona_node::credential::status::{About, ListName, StatusList, TTL, bitstring, token};
use annona_node::credential::when::Seconds;
use annona_node::credential::{
    Against, Card, Issuer, OnStale, Statuses, TrustList, integrity, json, sd_jwt,
};

const NOW: Seconds = Seconds(1_795_000_000);
const ASKED: (&str, &str) = ("water", "n-1");

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn trust() -> TrustList {
    let mut trust = TrustList::new();
    let until = NOW.plus(1_000_000_000);
    let issuer = Issuer::ours(key().public(), 2, "issuer", (Seconds(0), until));
    trust.add(issuer).expect("a good key");
    trust
}

/// A printed card. What is taken is printed again as a card that says the same.
pub(super) fn card(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (trust, statuses) = (trust(), Statuses::new());
    let against = Against { trust: &trust, statuses: &statuses, now: NOW, stale: OnStale::Allow };
    let Ok(checked) = check(text, &against) else { return false };
    if let Ok(again) = checked.card.print(&key()) {
        let again = check(&again.text, &against).expect("what is printed is read");
        assert_eq!(again.card, checked.card, "one card");
    }
    true
}

/// A signed status list, of either form.
pub(super) fn status_list(bytes: &[u8]) -> bool {
    token::read(bytes, &trust(), NOW).is_ok()
}

/// The bits of a list as W3C writes them.
pub(super) fn bitstring(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| bitstring::decode(text).is_ok())
}

/// A presentation.
pub(super) fn presentation(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (trust, statuses) = (trust(), Statuses::new());
    let (audience, nonce) = ASKED;
    let stale = OnStale::Allow;
    let against = Against { trust: &trust, statuses: &statuses, now: NOW, stale };
    let asked = sd_jwt::Asked { against, audience, nonce, since: None };
    sd_jwt::check(text, &asked).is_ok()
}

/// A credential with a Data Integrity proof.
pub(super) fn w3c(bytes: &[u8]) -> bool {
    let (trust, statuses, stale) = (trust(), Statuses::new(), OnStale::Allow);
    let against = Against { trust: &trust, statuses: &statuses, now: NOW, stale };
    integrity::shown(bytes, &against).is_ok()
}

/// JSON that is hashed again: its canonical form is read as the same value, and is its own.
pub(super) fn canonical(bytes: &[u8]) -> bool {
    let Some(value) = json::read(bytes) else { return false };
    let Some(text) = json::canonical(&value) else { return false };
    let again = json::read(text.as_bytes()).expect("what is written is read");
    assert_eq!(json::canonical(&again).as_ref(), Some(&text), "one spelling");
    true
}

/// A list of whom to trust.
pub(super) fn trust_list(bytes: &[u8]) -> bool {
    let Some(list) = TrustList::from_json(bytes) else { return false };
    let text = list.to_json().to_string();
    assert_eq!(TrustList::from_json(text.as_bytes()), Some(list), "what is written is read");
    true
}

/// What a fuzzer begins with.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let key = key();
    let uri = ListName::of(&key.public(), 2, 1).to_string();
    let status = StatusRef { uri: uri.clone(), index: 5 };
    let expires = NOW.plus(100_000);
    let card = Card::ours(&[0x5a; 16], expires, status.clone());
    let named =
        Card {
            name: Some("أمينة".to_owned()), language: Some("ar".to_owned()), ..card.clone()
        };
    let mut list = StatusList::new();
    assert!(list.revoke(9));
    let about = About { uri, issued: NOW, ttl: Some(TTL), expires: None };
    let holder = SigningKey::from_seed(&[8; 32]);
    let bound = Some(holder.public());
    let terms = sd_jwt::Terms { holder: bound, issued: NOW, expires, status };
    let attributes = [("household_size", 6.into()), ("age_band", "30-39".into())];
    let issued = sd_jwt::issue(&attributes, &terms, &key).expect("issued");
    let shown = sd_jwt::present(&issued, &["age_band"], &holder, ASKED, NOW).expect("shown");
    let member = integrity::holder(&attributes, &terms, &key);
    let text = |card: &Card| card.print(&key).expect("a card").text.into_bytes();
    vec![
        ("card", text(&card)),
        ("card", text(&named)),
        ("status_list", token::to_cwt(&about, &list, &key)),
        ("status_list", token::to_jwt(&about, &list, &key).into_bytes()),
        ("bitstring", bitstring::encode(&list).expect("one bit").into_bytes()),
        ("presentation", shown.into_bytes()),
        ("w3c", member.expect("signed").to_string().into_bytes()),
        ("canonical", br#"{"b":[56.0,4.5,2e-3,-1],"a":"\u20ac\u000f\n","":null}"#.to_vec()),
        ("trust_list", trust().to_json().to_string().into_bytes()),
    ]
}
