//! Two households side by side: field with field, person with person.
//!
//! ```text
//! family 41 | family 95
//! =   village: A2
//! ≠   size: 5 | 6
//! 95  registered_on: 2004-06-14
//!
//! person 1 | person 2
//! ≠   full_name
//!         41: Mohamed Ali Hassan
//!         95: محمد علي حسن
//! ```

use annona_node::person::{Attributes, Field, Household};
use annona_node::vault::HouseholdId;

use super::fields;

/// Values of more characters than this, or of another script, have a line each.
const SHORT: usize = 24;

/// What differs and what does not, marked in words and signs, and not by colour or place.
pub(super) fn beside(
    (one, left): (HouseholdId, &Household),
    (other, right): (HouseholdId, &Household),
    people: &[(Option<usize>, Option<usize>)],
) -> String {
    let mut lines = vec![format!("family {one} | family {other}")];
    let (first, second) = (one.to_string(), other.to_string());
    let families = (first.as_str(), second.as_str());
    rows(&mut lines, families, Some(&left.whole), Some(&right.whole));
    for (a, b) in people {
        let number =
            |place: &Option<usize>| place.map(|n| format!("person {}", n.saturating_add(1)));
        lines.push(String::new());
        lines.push(match (number(a), number(b)) {
            (Some(a), Some(b)) => format!("{a} | {b}"),
            (Some(a), None) => format!("{a} of family {one}, like nobody of the other"),
            (None, Some(b)) => format!("{b} of family {other}, like nobody of the other"),
            (None, None) => continue,
        });
        let of = |household: &'_ Household, place: &Option<usize>| {
            place.and_then(|n| household.members.get(n).cloned())
        };
        rows(&mut lines, families, of(left, a).as_ref(), of(right, b).as_ref());
    }
    lines.join("\n")
}

/// A row for each field that either has.
fn rows(
    lines: &mut Vec<String>,
    (one, other): (&str, &str),
    left: Option<&Attributes>,
    right: Option<&Attributes>,
) {
    let width = one.len().max(other.len());
    for field in Field::ALL {
        let of = |all: Option<&Attributes>| all.and_then(|all| all.get(*field)).map(fields::print);
        let name = field.name();
        let mut line = |mark: &str, said: &str| {
            let pad = " ".repeat(width.saturating_sub(mark.chars().count()));
            lines.push(format!("{mark}{pad}  {name}{said}"));
        };
        match (of(left), of(right)) {
            (None, None) => {}
            (Some(left), None) => line(one, &format!(": {left}")),
            (None, Some(right)) => line(other, &format!(": {right}")),
            (Some(left), Some(right)) if left == right => line("=", &format!(": {left}")),
            (Some(left), Some(right)) if is_short(&left) && is_short(&right) => {
                line("≠", &format!(": {left} | {right}"));
            }
            (Some(left), Some(right)) => {
                line("≠", "");
                lines.push(format!("        {one}: {left}"));
                lines.push(format!("        {other}: {right}"));
            }
        }
    }
}

/// Whether a value can stand in a line with another: one of a script of its own may be ordered by itself.
fn is_short(value: &str) -> bool {
    value.is_ascii() && value.len() <= SHORT
}

#[cfg(test)]
mod tests {
    use annona_node::duplicates::people;
    use annona_node::person::Scope;

    use super::*;

    fn household(whole: &[&str], members: &[&str]) -> Household {
        let mut household = Household { key: "T".into(), ..Household::default() };
        for text in whole {
            fields::set(&mut household.whole, Scope::Household, text).expect("a field");
        }
        for text in members {
            let mut person = Attributes::default();
            fields::person(&mut person, text).expect("fields");
            household.members.push(person);
        }
        household
    }

    #[test]
    fn field_stands_with_field_and_person_with_person() {
        let left = household(
            &["size=3", "village=A2"],
            &[
                "full_name=Mohamed Ali Hassan,sex=male,birth_date=1987-03-02",
                "full_name=Hawa Yusuf Omar,sex=female,birth_date=1990-05-01",
                "full_name=Idris Bello Sani,sex=male",
            ],
        );
        // One field more, and its people in another order.
        let right = household(
            &["size=4", "village=A2", "registered_on=2004-06-14"],
            &[
                "full_name=Hawa Yusuf Omar,sex=female,birth_date=1990-05-01",
                "full_name=محمد علي حسن,sex=male,birth_date=1987-03-02",
            ],
        );
        let people = people(&left, &right, 2026);
        assert_eq!(people, [(Some(0), Some(1)), (Some(1), Some(0)), (Some(2), None)]);
        let shown = beside((HouseholdId(41), &left), (HouseholdId(95), &right), &people);
        let lines: Vec<&str> = shown.lines().collect();
        for line in [
            "family 41 | family 95",
            "≠   size: 3 | 4",
            "=   village: A2",
            "95  registered_on: 2004-06-14",
            "person 1 | person 2",
            "≠   full_name",
            "        41: Mohamed Ali Hassan",
            "        95: محمد علي حسن",
            "=   birth_date: 1987-03-02",
            "person 2 | person 1",
            "=   full_name: Hawa Yusuf Omar",
            "person 3 of family 41, like nobody of the other",
            "41  full_name: Idris Bello Sani",
        ] {
            assert!(lines.contains(&line), "no {line:?} in\n{shown}");
        }
        assert_eq!(lines.iter().filter(|line| line.starts_with('≠')).count(), 2, "{shown}");
    }
}
