//! Bitstring Status List of W3C: the same bits, most significant first, for export.

use annona_ledger::key::SigningKey;
use serde_json::{Value, json};

use super::{About, MAX_LIST, Signed, StatusList};
use crate::credential::trust::TrustList;
use crate::credential::when::Seconds;
use crate::credential::{NotMade, Refusal, integrity, jws, pack};

/// The bits of a list in the order of W3C; `None` for entries of more than one bit.
#[must_use]
pub fn encode(list: &StatusList) -> Option<String> {
    // Most significant first: every byte is turned round.
    let turned = |list: &StatusList| list.bytes().iter().map(|byte| byte.reverse_bits()).collect();
    let bytes: Vec<u8> = (list.bits() == 1).then(|| turned(list))?;
    Some(format!("u{}", jws::base64(&pack::gzip(&bytes))))
}

/// Reads an `encodedList`.
///
/// # Errors
///
/// [`Refusal::Unreadable`].
pub fn decode(text: &str) -> Result<StatusList, Refusal> {
    let wrong = Refusal::Unreadable("no bitstring status list");
    if text.len() > MAX_LIST * 3 / 2 {
        return Err(wrong);
    }
    let packed = text.strip_prefix('u').and_then(jws::unbase64).ok_or(wrong)?;
    let mut bytes = pack::ungzip(&packed, MAX_LIST).ok_or(wrong)?;
    bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    StatusList::of(1, bytes).ok_or(wrong)
}

/// A list as a credential of its own, signed.
///
/// # Errors
///
/// [`NotMade::Text`] for entries of more than one bit.
pub fn credential(about: &About, list: &StatusList, key: &SigningKey) -> Result<Value, NotMade> {
    let encoded = encode(list).ok_or(NotMade::Text("only entries of one bit are exported"))?;
    let mut document = json!({
        "@context": [integrity::CONTEXT],
        "id": about.uri,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": jws::did(&key.public()),
        "validFrom": about.issued.to_string(),
        "credentialSubject": {
            "id": format!("{}#list", about.uri),
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encoded,
        },
    });
    let end = about.ttl.map(|ttl| about.issued.plus(ttl)).or(about.expires);
    if let (Some(end), Some(document)) = (end, document.as_object_mut()) {
        document.insert("validUntil".to_owned(), end.to_string().into());
    }
    integrity::sign(document, key, about.issued)
}

/// Reads a list that [`credential`] made, or somebody else. One that has ended is still a list: what it revoked is revoked.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub(super) fn read(text: &[u8], trust: &TrustList) -> Result<Signed, Refusal> {
    let (document, _, issuer) = integrity::signed(text, trust)?;
    let wrong = Refusal::NotOurs("no status list");
    let subject = document.get("credentialSubject").ok_or(wrong)?;
    fn field(value: Option<&Value>) -> Option<&str> {
        value.and_then(Value::as_str)
    }
    let kind = (field(subject.get("type")), field(subject.get("statusPurpose")));
    if kind != (Some("BitstringStatusList"), Some("revocation")) {
        return Err(wrong);
    }
    let time = |name: &str| field(document.get(name)).and_then(Seconds::parse);
    let uri = field(document.get("id")).ok_or(wrong)?.to_owned();
    let (issued, expires) = (time("validFrom").ok_or(wrong)?, time("validUntil"));
    let list = decode(field(subject.get("encodedList")).ok_or(wrong)?)?;
    Ok(Signed { issuer: issuer.key, about: About { uri, issued, ttl: None, expires }, list })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_is_the_highest_bit() {
        let mut list = StatusList::new();
        assert!(list.revoke(0) && list.revoke(9) && list.revoke(131_071));
        assert!(!list.revoke(131_072), "there is none");
        let text = encode(&list).expect("one bit each");
        let bytes = pack::ungzip(&jws::unbase64(&text[1..]).expect("base64"), MAX_LIST);
        let bytes = bytes.expect("gzip");
        assert_eq!((bytes[0], bytes[1], bytes[16_383]), (0x80, 0x40, 0x01));
        assert_eq!(decode(&text), Ok(list));
        for wrong in ["", "u", "z123", &text[1..], &text[..text.len() - 4], "uAAAA"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
