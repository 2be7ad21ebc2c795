//! What was opened, on its way to who asked, as JSON: a file only the asking node opens.

use annona_node::consent::Shown;
use annona_node::consent::request::{ANSWER, ANSWER_KEY};
use annona_node::person::{Field, Value};
use serde_json::{Map, json};
use zeroize::Zeroizing;

use crate::sealed::Kind;

/// As it travels.
pub(super) const KIND: Kind = Kind {
    magic: ANSWER,
    purpose: ANSWER_KEY,
    most: 1024 * 1024,
    none: "this is no answer to a request for somebody's data.",
};

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
pub(super) fn words(shown: &Shown, on: &str, as_of: &str) -> Zeroizing<Vec<u8>> {
    let d = &shown.disclosure;
    let members = shown.members.iter().zip(&shown.bands).map(|(member, band)| {
        let mut fields = fields(member);
        if let (Some(band), Some(map)) = (band, fields.as_object_mut()) {
            map.insert("age_band".to_owned(), json!(band));
        }
        fields
    });
    let value = json!({
        "consent": d.grant.to_string(), "purpose": d.purpose.word(), "day": d.on.0, "on": on,
        "as_of": as_of,
        "household": fields(&shown.whole), "members": members.collect::<Vec<_>>(),
    });
    Zeroizing::new(value.to_string().into_bytes())
}
