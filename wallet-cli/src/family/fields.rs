//! Attributes as they are typed: `field=value`, and as they are shown.

use annona_ledger::digits::typed;
use annona_node::import::map::{Word, value_of};
use annona_node::person::{Attributes, Field, Household, Kind, Scope, Value};
use annona_node::vault::{HouseholdId, Vault};
use serde_json::{Map, json};

use crate::fault::{Fault, Outcome};
use crate::words;

/// Reads `size=5` into attributes of one scope. An empty value takes the attribute away.
pub(super) fn set(attributes: &mut Attributes, scope: Scope, text: &str) -> Outcome {
    let (name, raw) = text.split_once('=').ok_or_else(|| {
        Fault::input(format!("\"{text}\" sets nothing: write FIELD=VALUE, such as size=5."))
    })?;
    let field =
        Field::named(name.trim()).filter(|field| field.scope() == scope).ok_or_else(|| {
            let all: Vec<&str> =
                Field::ALL.iter().filter(|f| f.scope() == scope).map(|f| f.name()).collect();
            let whose = match scope {
                Scope::Person => "person",
                Scope::Household => "household",
            };
            Fault::input(format!(
                "a {whose} has no field \"{name}\"; there are: {}.",
                all.join(", ")
            ))
        })?;
    let raw = raw.trim();
    if raw.is_empty() {
        attributes.remove(field);
        return Ok(());
    }
    let value = match field.kind() {
        // Made here for the sake of its reason: a name that looks like a photograph is told so.
        Kind::Text(_) => Value::text(field, raw)
            .map_err(|why| Fault::input(format!("{}: {why}.", field.name())))?,
        Kind::Choice(words) => {
            value_of(field, &Word::Text(raw.to_lowercase())).ok_or_else(|| {
                Fault::input(format!("{} is one of: {}.", field.name(), words.join(", ")))
            })?
        }
        Kind::Number(most) => {
            let number = typed(raw).parse().ok();
            number.and_then(|number| value_of(field, &Word::Number(number))).ok_or_else(|| {
                Fault::input(format!("{} is a whole number up to {most}.", field.name()))
            })?
        }
        Kind::Date => value_of(field, &Word::Text(typed(raw))).ok_or_else(|| {
            Fault::input(format!("{} is a day such as 2001-05-31.", field.name()))
        })?,
        Kind::YesNo => match raw.to_lowercase().as_str() {
            "yes" | "true" => Value::YesNo(true),
            "no" | "false" => Value::YesNo(false),
            _ => return Err(Fault::input(format!("{} is yes or no.", field.name()))),
        },
    };
    attributes.set(field, value)?;
    Ok(())
}

/// Reads `full_name=…,sex=female` into attributes of a person. A comma within a value stands after a backslash.
pub(super) fn person(person: &mut Attributes, text: &str) -> Outcome {
    let mut part = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => part.extend(chars.next()),
            ',' => set(person, Scope::Person, &std::mem::take(&mut part))?,
            other => part.push(other),
        }
    }
    set(person, Scope::Person, &part)
}

/// A value as it is shown.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Text(text) => text.expose().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::YesNo(yes) => if *yes { "yes" } else { "no" }.into(),
    }
}

/// Attributes as `--json` shows them.
pub(super) fn json_of(attributes: &Attributes) -> serde_json::Value {
    let fields = attributes.iter().map(|(field, value)| {
        let value = match value {
            Value::Number(number) => json!(number),
            Value::YesNo(yes) => json!(yes),
            other @ (Value::Text(_) | Value::Date(_)) => json!(print(other)),
        };
        (field.name().to_owned(), value)
    });
    serde_json::Value::Object(fields.collect::<Map<_, _>>())
}

/// What a person is called, as far as it is known.
pub(super) fn name(person: &Attributes) -> String {
    if let Some(full) = person.text(Field::FullName) {
        return full.to_owned();
    }
    let parts = [Field::GivenName, Field::MiddleName, Field::FamilyName];
    parts.into_iter().filter_map(|field| person.text(field)).collect::<Vec<_>>().join(" ")
}

/// A person by her name and how old she is, for whoever is to be sure whom a question is about.
pub(super) fn who(person: &Attributes) -> String {
    let called = name(person);
    let called = if called.is_empty() { "(no name)".into() } else { words::name(&called) };
    let old = [(Field::Age, "age"), (Field::BirthDate, "born")];
    let old = old.into_iter().find_map(|(field, word)| Some((word, person.get(field)?)));
    old.map_or_else(|| called.clone(), |(word, value)| format!("{called}, {word} {}", print(value)))
}

/// The key of a household's registration, with its register where its name is known: what commands take for a family.
pub(crate) fn key(vault: &Vault, id: HouseholdId, household: &Household) -> Outcome<String> {
    let key = &household.key;
    let register = vault.register_of(id, key.as_bytes())?;
    Ok(register.map_or_else(|| key.clone(), |register| format!("{register}:{key}")))
}

/// What is said of records that do not open.
pub(crate) fn closed(families: u64) -> String {
    format!(
        "{} left out: their records do not open, their keys are missing or damaged, or they may be among those. A node that \
         keeps a copy gives the keys back (`annona family keys give` there, `annona family keys take` here); where nobody \
         has them, `annona family keys give-up`.",
        words::count(families, "family was", "families were"),
    )
}

/// A household in one line: head, size, place, key. What is said before it says whose number stands there.
pub(super) fn line(household: &Household) -> String {
    let head = household.head().map(name).unwrap_or_default();
    let head = if head.is_empty() { "(no name)".into() } else { head };
    let people = words::count(household.people(), "person", "people");
    let place = household.whole.text(Field::Village).map(|v| format!(" · {}", words::name(v)));
    let place = place.unwrap_or_default();
    format!("{} · {people}{place} · key {}", words::name(&head), words::name(&household.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_kind() {
        #[track_caller]
        fn check(text: &str, want: Result<&str, &str>) {
            let mut read = Attributes::default();
            match (person(&mut read, text), want) {
                (Ok(()), Ok(want)) => {
                    let all: Vec<String> = read.iter().map(|(_, v)| print(v)).collect();
                    assert_eq!(all.join("|"), want, "{text}");
                }
                (Err(fault), Err(words)) => {
                    assert!(fault.message.contains(words), "{}", fault.message);
                }
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
        check("full_name=မောင် အေး,sex=Male,age=40", Ok("မောင် အေး|male|40"));
        check("full_name=রহিমা\\, বেগম", Ok("রহিমা, বেগম"));
        check("birth_date=2001-05-31,pregnant=yes", Ok("2001-05-31|yes"));
        check("birth_date=٢٠٠١-٠٥-٣١,age=៤០", Ok("2001-05-31|40"));
        check("full_name=", Ok(""));
        check("size=5", Err("a person has no field"));
        check("sex=woman", Err("female, male"));
        check("age=200", Err("up to 130"));
        check("birth_date=31.5.2001", Err("2001-05-31"));
        check("full_name", Err("FIELD=VALUE"));
    }
}
