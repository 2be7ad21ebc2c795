//! What was opened, on its way to who asked: a file only the asking node opens.
//!
//! ```text
//! "annona opened 1\n"   16 bytes
//! disclosure            32, its commitment on the ledger
//! wrapped               80, a key for the asking node (HPKE)
//! sealed                what was opened, as JSON, under that key
//! ```

use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, FederationId};
use annona_node::consent::Shown;
use annona_node::envelope::{self, WRAPPED};
use annona_node::person::{Field, Value};
use annona_node::seal::Key;
use serde_json::{Map, json};
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};

const MAGIC: &[u8; 16] = b"annona opened 1\n";
/// The longest such file that is read, in bytes.
pub(super) const MOST: usize = 1024 * 1024;

fn info(federation: &FederationId, disclosure: &Commitment) -> Vec<u8> {
    [b"annona 2026 v1 opened".as_slice(), &federation.0.0, &disclosure.0.0].concat()
}

fn fields<'a>(fields: impl IntoIterator<Item = (&'a Field, &'a Value)>) -> serde_json::Value {
    let value = |value: &Value| match value {
        Value::Text(text) => json!(text.expose()),
        Value::Number(number) => json!(number),
        Value::Date(date) => json!(date.to_string()),
        Value::YesNo(yes) => json!(yes),
    };
    let all = fields.into_iter().map(|(field, v)| (field.name().to_owned(), value(v)));
    all.collect::<Map<_, _>>().into()
}

/// What was opened, as it is read by who asked.
pub(super) fn words(shown: &Shown, as_of: &str) -> Zeroizing<Vec<u8>> {
    let d = &shown.disclosure;
    let members = shown.members.iter().zip(&shown.bands).map(|(member, band)| {
        let mut fields = fields(member);
        if let (Some(band), Some(map)) = (band, fields.as_object_mut()) {
            map.insert("age_band".to_owned(), json!(band));
        }
        fields
    });
    let value = json!({
        "consent": d.grant.to_string(), "purpose": d.purpose.word(), "day": d.on.0, "as_of": as_of,
        "household": fields(&shown.whole), "members": members.collect::<Vec<_>>(),
    });
    Zeroizing::new(value.to_string().into_bytes())
}

/// Seals it to the asking node.
pub(super) fn seal(
    federation: &FederationId,
    disclosure: &Commitment,
    to: &[u8; 32],
    words: &[u8],
) -> Outcome<Vec<u8>> {
    let info = info(federation, disclosure);
    let key = Key::random()?;
    let wrapped = envelope::wrap(to, &info, &key)
        .map_err(|_| Fault::input("the asking node's certificate has no key to seal to."))?;
    let sealed = key.seal(&info, words)?;
    Ok([&MAGIC[..], &disclosure.0.0, &wrapped, &sealed].concat())
}

/// Opens one with this node's secret.
pub(super) fn open(
    federation: &FederationId,
    secret: &[u8; 32],
    bytes: &[u8],
) -> Outcome<(Commitment, Zeroizing<Vec<u8>>)> {
    let none = || Fault::input("this is no answer to a request for somebody's data.");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(none)?;
    let (disclosure, rest) = rest.split_first_chunk::<32>().ok_or_else(none)?;
    let (wrapped, sealed) = rest.split_first_chunk::<WRAPPED>().ok_or_else(none)?;
    let disclosure = Commitment(Hash(*disclosure));
    let info = info(federation, &disclosure);
    let ours = || Fault::refused("it was sealed for another node, or changed on the way.");
    let key = envelope::unwrap(secret, &info, wrapped).map_err(|_| ours())?;
    Ok((disclosure, key.open(&info, sealed).map_err(|_| ours())?))
}
