//! A person and a household as the sealed person file keeps them: a closed list of attributes, and nothing else.
//!
//! ```text
//! household "GoNdk"   size = 14, men = 1, boys = 8, women = 0, girls = 3
//!   member 1          given_name = …, family_name = …, sex = …, birth_date = …
//! ```
//!
//! Every attribute is a [`Field`]: text in NFC, a whole number, a calendar date, or yes/no, each with a limit. There is
//! no attribute that could hold a photograph, a fingerprint or a template, and text that looks like one is refused
//! ([`forbidden()`]). Nothing here is ever written to the ledger.

mod date;
mod field;
mod forbidden;

use std::collections::BTreeMap;
use std::fmt;

use annona_ledger::hash::{Hash, Purpose, keyed};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::{Zeroize, Zeroizing};

pub use date::Date;
pub use field::{Field, Kind, Scope};
pub use forbidden::{Forbidden, forbidden};

/// The most members one household may have. The largest compounds in published registrations have under 60.
pub const MAX_MEMBERS: usize = 200;
/// The longest household key, in bytes.
pub const MAX_KEY: usize = 128;
/// The longest household in canonical bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// Text of a person: wiped when dropped, and never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The text itself, for a screen the person at the counter may see.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The value of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Text in NFC, without control or direction-override characters.
    Text(Text),
    /// A whole number.
    Number(u64),
    /// A calendar date.
    Date(Date),
    /// Yes or no.
    YesNo(bool),
}

/// Why a value was not accepted for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// The value's kind is not the field's.
    #[error("another kind of value was expected")]
    Kind,
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text is longer than the field allows.
    #[error("the text is longer than the field allows")]
    TooLong,
    /// The text is not NFC or holds control characters.
    #[error("the text holds characters that do not belong in it")]
    Characters,
    /// The field has a list of words and this is not one of them.
    #[error("the text is not one of the words of this field")]
    NotAChoice,
    /// The number is over the field's limit.
    #[error("the number is outside what the field allows")]
    Range,
    /// The text looks like an image, a fingerprint, a template or a recording.
    #[error("{0}")]
    Forbidden(Forbidden),
}

impl Value {
    /// Makes a text value for `field`: NFC, trimmed, direction marks and control characters left out.
    ///
    /// # Errors
    ///
    /// The first [`ValueFault`] that applies.
    pub fn text(field: Field, raw: &str) -> Result<Self, ValueFault> {
        let value = Self::Text(Text(clean(raw).0));
        value.check(field)?;
        Ok(value)
    }

    /// The text, where this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(t) => Some(t.expose()),
            Self::Number(_) | Self::Date(_) | Self::YesNo(_) => None,
        }
    }

    /// The number, where this is a number.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Text(_) | Self::Date(_) | Self::YesNo(_) => None,
        }
    }

    /// Checks this value against what `field` may hold.
    ///
    /// # Errors
    ///
    /// The first [`ValueFault`] that applies.
    pub fn check(&self, field: Field) -> Result<(), ValueFault> {
        match (field.kind(), self) {
            (Kind::Text(cap), Self::Text(t)) => check_text(t.expose(), cap),
            (Kind::Choice(words), Self::Text(t)) => {
                if words.contains(&t.expose()) {
                    Ok(())
                } else {
                    Err(ValueFault::NotAChoice)
                }
            }
            (Kind::Number(most), Self::Number(n)) => {
                if *n <= most {
                    Ok(())
                } else {
                    Err(ValueFault::Range)
                }
            }
            (Kind::Date, Self::Date(_)) | (Kind::YesNo, Self::YesNo(_)) => Ok(()),
            _ => Err(ValueFault::Kind),
        }
    }
}

fn check_text(text: &str, cap: usize) -> Result<(), ValueFault> {
    if text.is_empty() {
        return Err(ValueFault::Empty);
    }
    // Looked at before the length, so that a photograph is called a photograph and not a long name.
    if let Some(what) = forbidden(text) {
        return Err(ValueFault::Forbidden(what));
    }
    if text.len() > cap {
        return Err(ValueFault::TooLong);
    }
    if !is_nfc(text) || text.chars().any(|c| c.is_control() || is_mark(c)) {
        return Err(ValueFault::Characters);
    }
    Ok(())
}

/// Direction marks and overrides, which change how the text around them reads. The joiners U+200C and U+200D are not
/// among them: Persian, Bengali and Burmese names need them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Text made fit to keep: NFC, trimmed, runs of white space as one space, without marks and control characters.
/// The second value tells whether characters other than white space were left out.
#[must_use]
pub fn clean(raw: &str) -> (String, bool) {
    let mut left_out = false;
    let mut out = String::with_capacity(raw.len());
    let mut space = false;
    for c in raw.nfc() {
        if c.is_whitespace() {
            space = !out.is_empty();
        } else if c.is_control() || is_mark(c) {
            left_out = true;
        } else {
            if std::mem::take(&mut space) {
                out.push(' ');
            }
            out.push(c);
        }
    }
    (out, left_out)
}

/// From this age on, in years, somebody answers for herself.
const ADULT: u64 = 18;

/// One person's attributes, or one household's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<Field, Value>);

impl Attributes {
    /// Puts a value in its place.
    ///
    /// # Errors
    ///
    /// The first [`ValueFault`] that applies; nothing is changed then.
    pub fn set(&mut self, field: Field, value: Value) -> Result<(), ValueFault> {
        value.check(field)?;
        self.0.insert(field, value);
        Ok(())
    }

    /// Takes a value away.
    pub fn remove(&mut self, field: Field) {
        self.0.remove(&field);
    }

    /// The value of one field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.0.get(&field)
    }

    /// The text of one field.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&str> {
        self.get(field).and_then(Value::as_text)
    }

    /// The number of one field.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<u64> {
        self.get(field).and_then(Value::as_number)
    }

    /// All values by field number.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check(&self, scope: Scope) -> Result<(), HouseholdError> {
        for (field, value) in self.iter() {
            let right =
                if field.scope() == scope { value.check(field) } else { Err(ValueFault::Kind) };
            right.map_err(|why| HouseholdError::Value { field, why })?;
        }
        Ok(())
    }
}

/// One person: attributes of [`Scope::Person`].
pub type Person = Attributes;

/// A household: the key its registration names it by, what is known of it as a whole, and its members, head first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Household {
    /// The key in the registration it came from, NFC, at most [`MAX_KEY`] bytes. Not a ledger id.
    pub key: String,
    /// What is known of the household as a whole: attributes of [`Scope::Household`].
    pub whole: Attributes,
    /// Its members.
    pub members: Vec<Person>,
}

/// A household's bytes in pieces: the whole, and each member.
pub type Records = (Zeroizing<Vec<u8>>, Vec<Zeroizing<Vec<u8>>>);

/// Why bytes are not a household, or a household has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum HouseholdError {
    /// The key is empty, too long or not clean text.
    #[error("the family's key is empty, longer than {MAX_KEY} bytes, or holds stray characters")]
    Key,
    /// More members than [`MAX_MEMBERS`].
    #[error("{0} members; a family has at most {MAX_MEMBERS}")]
    TooManyMembers(usize),
    /// More bytes than [`MAX_BYTES`].
    #[error("{0} bytes; a family takes at most {MAX_BYTES}")]
    TooLong(usize),
    /// A value that its field may not hold.
    #[error("field {}: {why}", field.name())]
    Value {
        /// The field.
        field: Field,
        /// What is wrong with its value.
        why: ValueFault,
    },
    /// The bytes are not the canonical form of a household.
    #[error("the bytes are not a family in canonical form")]
    NotCanonical,
}

impl Household {
    /// The number of people an entitlement counts: the declared size, or else the members listed (at least one).
    #[must_use]
    pub fn people(&self) -> u64 {
        let listed = u64::try_from(self.members.len()).unwrap_or(u64::MAX).max(1);
        self.whole.number(Field::Size).unwrap_or(listed)
    }

    /// The head: the member marked as head by relationship, or else the first one.
    #[must_use]
    pub fn head(&self) -> Option<&Person> {
        let is_head = |p: &&Person| {
            p.get(Field::IsHead) == Some(&Value::YesNo(true))
                || p.text(Field::Relationship).is_some_and(|r| r.eq_ignore_ascii_case("head"))
        };
        self.members.iter().find(is_head).or_else(|| self.members.first())
    }

    /// Whole years of one of its people on a day: by the date of birth, or by the age when registered and the years since.
    /// `None` where either is unknown: an age alone does not tell of which day it is.
    #[must_use]
    pub fn age_on(&self, person: &Person, today: Date) -> Option<u64> {
        if let Some(Value::Date(born)) = person.get(Field::BirthDate) {
            return Some(born.years_until(today));
        }
        let Some(Value::Date(registered)) = self.whole.get(Field::RegisteredOn) else {
            return None;
        };
        Some(person.number(Field::Age)?.saturating_add(registered.years_until(today)))
    }

    /// Whether one of its people is 18 or older on a day; `None` where it is not known. Whoever was it when registered is.
    #[must_use]
    pub fn is_adult(&self, person: &Person, today: Date) -> Option<bool> {
        let was = person.number(Field::Age).filter(|age| *age >= ADULT);
        self.age_on(person, today).or(was).map(|age| age >= ADULT)
    }

    /// Checks every limit.
    ///
    /// # Errors
    ///
    /// The first [`HouseholdError`] that applies.
    pub fn check(&self) -> Result<(), HouseholdError> {
        if check_text(&self.key, MAX_KEY).is_err() {
            return Err(HouseholdError::Key);
        }
        if self.members.len() > MAX_MEMBERS {
            return Err(HouseholdError::TooManyMembers(self.members.len()));
        }
        self.whole.check(Scope::Household)?;
        self.members.iter().try_for_each(|m| m.check(Scope::Person))
    }

    /// The canonical bytes: postcard, fields by number. Wiped when dropped.
    ///
    /// # Errors
    ///
    /// [`HouseholdError`] where a limit is exceeded.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, HouseholdError> {
        self.check()?;
        let bytes = to_bytes(self).ok_or(HouseholdError::NotCanonical)?;
        if bytes.len() > MAX_BYTES {
            return Err(HouseholdError::TooLong(bytes.len()));
        }
        Ok(bytes)
    }

    /// Reads canonical bytes. Whatever would not print back to the same bytes is refused.
    ///
    /// # Errors
    ///
    /// [`HouseholdError::TooLong`] before anything is read, [`HouseholdError::NotCanonical`] for other bytes, and the
    /// limit exceeded where the shape is right.
    pub fn decode(bytes: &[u8]) -> Result<Self, HouseholdError> {
        if bytes.len() > MAX_BYTES {
            return Err(HouseholdError::TooLong(bytes.len()));
        }
        let household: Self = from_bytes(bytes).ok_or(HouseholdError::NotCanonical)?;
        let again = household.encode()?;
        if again.as_slice() == bytes { Ok(household) } else { Err(HouseholdError::NotCanonical) }
    }

    /// The canonical bytes in pieces, each for a seal of its own: the household without its members, and each member.
    ///
    /// # Errors
    ///
    /// As [`Household::encode`].
    pub fn records(&self) -> Result<Records, HouseholdError> {
        self.check()?;
        let whole = to_bytes(&(&self.key, &self.whole)).ok_or(HouseholdError::NotCanonical)?;
        let members = self.members.iter().map(to_bytes).collect::<Option<Vec<_>>>();
        Ok((whole, members.ok_or(HouseholdError::NotCanonical)?))
    }

    /// Puts together what [`Household::records`] took apart.
    ///
    /// # Errors
    ///
    /// As [`Household::decode`].
    pub fn from_records<'a>(
        whole: &[u8],
        members: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, HouseholdError> {
        let (key, whole) = from_bytes(whole).ok_or(HouseholdError::NotCanonical)?;
        let members = members.map(from_bytes).collect::<Option<Vec<_>>>();
        let household = Self { key, whole, members: members.ok_or(HouseholdError::NotCanonical)? };
        household.check()?;
        Ok(household)
    }

    /// The digest that tells whether a household read again is the same, keyed by the file it lies in.
    ///
    /// # Errors
    ///
    /// As [`Household::encode`].
    pub fn digest(&self, key: &[u8; 32]) -> Result<Hash, HouseholdError> {
        Ok(keyed(Purpose::Content, key, &[self.encode()?.as_slice()]))
    }

    /// The names of the fields in which two households differ; `members` where their number does.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Vec<&'static str> {
        let mut fields = std::collections::BTreeSet::new();
        let mut compare = |a: &Attributes, b: &Attributes| {
            let of = |x: &Attributes| x.0.keys().copied().collect::<Vec<_>>();
            fields.extend(of(a).into_iter().chain(of(b)).filter(|f| a.get(*f) != b.get(*f)));
        };
        compare(&self.whole, &other.whole);
        self.members.iter().zip(&other.members).for_each(|(a, b)| compare(a, b));
        let mut names: Vec<_> = fields.into_iter().map(Field::name).collect();
        if self.members.len() != other.members.len() {
            names.push("members");
        }
        names
    }
}

/// The one place of this crate's import that writes postcard.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Option<Zeroizing<Vec<u8>>> {
    postcard::to_stdvec(value).ok().map(Zeroizing::new)
}

/// The one place of this crate's import that reads postcard; trailing bytes are refused.
pub(crate) fn from_bytes<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
