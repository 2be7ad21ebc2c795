//! The mapping file: which column is which field. TOML, written once per kind of file.
//!
//! ```toml
//! source = "intake-2026"            # names the register the keys belong to
//! key = ["household_id"]            # one column or several; names a household within the source
//! date_order = "day-month-year"
//!
//! [household]                       # one row per household
//! sheet = "Households"              # not needed where there is one sheet
//! [household.columns]
//! size_h_c = "size"
//! gender = { field = "sex", values = { "Féminin" = "female", "Masculin" = "male" } }
//!
//! [member]                          # one row per person, joined by its own copy of the key
//! sheet = "Individuals"
//! join = ["household_id"]
//! [member.columns]
//! full_name_i_c = "full_name"
//! ```
//!
//! With `[household]` alone a row is a household, and fields of a person on it are its head's. With `[member]` alone
//! a row is a person, rows of one key are a household, and `key` is looked for there.

mod suggest;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::import::table::CsvOptions;
use crate::person::{Date, Field, Kind, Scope, Value, forbidden};

pub use suggest::suggest_map;
pub(super) use suggest::{guess, likely_key};

/// The most bytes a mapping file may have.
pub const MAX_MAP: usize = 1024 * 1024;
/// What a drafted map has where nobody but its reader knows what is right; no map is taken with it.
pub(super) const OPEN: &str = "?";
/// The most members one row may hold (`member = N`).
pub const MAX_MEMBERS_A_ROW: u8 = 50;

/// Why a mapping file is not one. The message shows line, column and what to write.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MapError(String);

impl MapError {
    pub(super) fn new(what: String) -> Self {
        Self(what)
    }
}

/// In which order a date's parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DateOrder {
    /// 2024-02-01.
    #[serde(rename = "year-month-day")]
    YearMonthDay,
    /// 01/02/2024 is the first of February.
    #[serde(rename = "day-month-year")]
    DayMonthYear,
    /// 02/01/2024 is the first of February.
    #[serde(rename = "month-day-year")]
    MonthDayYear,
}

/// What one column is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The field it fills; none for a column that is only a key.
    #[serde(default, deserialize_with = "field")]
    pub field: Option<Field>,
    /// What the file's words mean; compared without regard to case and surrounding space. `"*"` stands for the rest.
    #[serde(default)]
    pub values: Option<BTreeMap<String, Word>>,
    /// The order of dates in this column.
    pub date_order: Option<DateOrder>,
    /// Whether an identifier that arrives as a number is taken as its digits.
    #[serde(default)]
    pub number_as_text: bool,
    /// Which member of the row it is about, from 1 (the head).
    pub member: Option<u8>,
    /// Whether a row without it is a finding.
    #[serde(default)]
    pub required: bool,
}

/// What a word of the file stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// Yes or no.
    YesNo(bool),
    /// A number.
    Number(u64),
    /// Text, or the name of a choice; empty for "not known".
    Text(String),
}

/// One sheet and its columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// The sheet's name; the first sheet where it is not said.
    pub sheet: Option<String>,
    /// The row of the header, from 1; found by its column names where it is not said.
    pub header: Option<u64>,
    /// The columns that name the household this row belongs to; the map's `key` where it is not said.
    #[serde(default)]
    pub join: Vec<String>,
    /// Columns by their name in the header.
    columns: BTreeMap<String, Spanned<Entry>>,
}

impl Sheet {
    /// Columns by their name in the header.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, entry)| (name.as_str(), &entry.get_ref().0))
    }
}

#[derive(Clone, Debug)]
struct Entry(Column);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Csv {
    delimiter: Option<char>,
    encoding: Option<String>,
    decimal: Option<char>,
}

/// A mapping file that holds together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The register that the keys belong to.
    pub source: String,
    /// The columns that name a household.
    pub key: Vec<String>,
    /// The order of dates where a column does not say its own.
    pub date_order: Option<DateOrder>,
    #[serde(default)]
    csv: Csv,
    /// The sheet with one row per household.
    pub household: Option<Sheet>,
    /// The sheet with one row per person.
    pub member: Option<Sheet>,
}

impl Map {
    /// Reads a mapping file.
    ///
    /// # Errors
    ///
    /// [`MapError`], which shows the line and what is allowed there.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        if text.len() > MAX_MAP {
            return Err(MapError(format!("a mapping file has at most {MAX_MAP} bytes")));
        }
        let map: Self = toml::from_str(text.trim_start_matches('\u{FEFF}'))
            .map_err(|e| MapError(e.to_string().trim_end().to_owned()))?;
        map.check(text)?;
        Ok(map)
    }

    /// How the map says a CSV file is to be read.
    #[must_use]
    pub fn csv(&self) -> CsvOptions {
        let Csv { delimiter, encoding, decimal } = self.csv.clone();
        CsvOptions { delimiter, encoding, decimal }
    }

    /// The columns that name the household in the member sheet.
    #[must_use]
    pub fn join(&self) -> &[String] {
        let own = self.member.as_ref().map(|m| m.join.as_slice()).filter(|j| !j.is_empty());
        own.unwrap_or(&self.key)
    }

    fn check(&self, text: &str) -> Result<(), MapError> {
        let fault = |what: String| Err(MapError(what));
        if self.source == OPEN {
            return fault(
                "source: in place of \"?\", write which register the keys belong to, for example \"intake-2026\": the same \
                 as in every earlier map of that register, and at every site"
                    .into(),
            );
        }
        // Before its length: a photograph is called one, and no long name.
        if let Some(found) = forbidden(&self.source) {
            return fault(format!("source: {found}"));
        }
        if self.source.is_empty()
            || self.source.len() > 64
            || self.source.chars().any(char::is_control)
        {
            return fault("source: a name of 1 to 64 bytes, for example \"intake-2026\"".into());
        }
        if self.key.is_empty() || self.key.iter().any(|k| k.trim().is_empty()) {
            return fault("key: at least one column, for example key = [\"household_id\"]".into());
        }
        if self.household.is_none() && self.member.is_none() {
            return fault("say what a row is: [household.columns] or [member.columns]".into());
        }
        if self.household.as_ref().is_some_and(|h| !h.join.is_empty()) {
            return fault(
                "household.join: only [member] joins; the household's own columns are in `key`"
                    .into(),
            );
        }
        if self.household.is_some() && self.join().len() != self.key.len() {
            let (join, key) = (self.join().len(), self.key.len());
            return fault(format!(
                "member.join has {join} column(s) and key has {key}: they must match one to one"
            ));
        }
        if !matches!(self.csv.decimal, None | Some('.' | ',')) {
            return fault("csv.decimal: \".\" or \",\"".into());
        }
        for (table, sheet) in [("household", &self.household), ("member", &self.member)] {
            for sheet in sheet.iter() {
                check_sheet(table, sheet, text)?;
            }
        }
        Ok(())
    }
}

fn check_sheet(table: &str, sheet: &Sheet, text: &str) -> Result<(), MapError> {
    let mut taken = BTreeMap::new();
    for (name, entry) in &sheet.columns {
        let Entry(column) = entry.get_ref();
        let (line, at) = place(text, entry.span().start);
        let fault = |what: String| {
            Err(MapError(format!("line {line}, column {at}: {table} column \"{name}\": {what}")))
        };
        let Some(field) = column.field else {
            if column.values.is_some() || column.member.is_some() || column.required {
                return fault("options without a field".into());
            }
            continue;
        };
        let member = column.member.unwrap_or(1);
        if member == 0 || member > MAX_MEMBERS_A_ROW {
            return fault(format!("member: a number from 1 to {MAX_MEMBERS_A_ROW}"));
        }
        if column.member.is_some() && (table == "member" || field.scope() == Scope::Household) {
            return fault("member: only for a person's field on a household's row".into());
        }
        if let Some(other) = taken.insert((field, member), name) {
            return fault(format!("\"{other}\" already fills {}", field.name()));
        }
        for (word, meaning) in column.values.iter().flatten() {
            if *meaning == Word::Text(OPEN.to_owned()) {
                return fault(format!(
                    "values: in place of \"?\", write what \"{word}\" stands for, or \"\" for not known{}",
                    hint(field)
                ));
            }
            if *meaning != Word::Text(String::new()) && value_of(field, meaning).is_none() {
                return fault(format!(
                    "values: what \"{word}\" stands for does not fit {}{}",
                    field.name(),
                    hint(field)
                ));
            }
        }
    }
    Ok(())
}

fn hint(field: Field) -> String {
    match field.kind() {
        Kind::Choice(words) => format!("; it is one of {}", words.join(", ")),
        Kind::YesNo => "; it is true or false".into(),
        Kind::Number(most) => format!("; it is a number up to {most}"),
        Kind::Date => "; it is a date such as \"2000-01-31\"".into(),
        Kind::Text(_) => String::new(),
    }
}

/// What a word stands for, as a value of `field`; none where it does not fit.
#[must_use]
pub fn value_of(field: Field, word: &Word) -> Option<Value> {
    let value = match (field.kind(), word) {
        (Kind::YesNo, Word::YesNo(b)) => Value::YesNo(*b),
        (Kind::Number(_), Word::Number(n)) => Value::Number(*n),
        (Kind::Date, Word::Text(t)) => {
            let mut parts = t.splitn(3, '-').map(str::parse::<u16>);
            let (Some(Ok(y)), Some(Ok(m)), Some(Ok(d))) =
                (parts.next(), parts.next(), parts.next())
            else {
                return None;
            };
            Value::Date(Date::new(y, u8::try_from(m).ok()?, u8::try_from(d).ok()?)?)
        }
        (Kind::Text(_) | Kind::Choice(_), Word::Text(t)) => Value::text(field, t).ok()?,
        _ => return None,
    };
    value.check(field).ok().map(|()| value)
}

/// Line and column, from 1, of a byte in a text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.chars().rev().take_while(|c| *c != '\n').count() + 1)
}

fn field<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Field>, D::Error> {
    let name = String::deserialize(from)?;
    named(&name).map(Some)
}

fn named<E: de::Error>(name: &str) -> Result<Field, E> {
    if name.is_empty() {
        let what = "write a field between the quotation marks, or leave the line out; `annona family fields` lists them";
        return Err(E::custom(what));
    }
    Field::named(name).ok_or_else(|| {
        let near = suggest::nearest(name).map(|f| format!("; did you mean \"{}\"?", f.name()));
        E::custom(format!("there is no field \"{name}\"{}", near.unwrap_or_default()))
    })
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field, or a table such as { field = \"size\" }")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Entry, E> {
                Ok(Entry(Column { field: Some(named(name)?), ..Column::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                Column::deserialize(MapAccessDeserializer::new(map)).map(Entry)
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests;
