use super::*;

#[test]
fn mistakes_are_shown_with_their_line() {
    let good = "source = \"s\"\nkey = [\"id\"]\n[household.columns]\na = \"size\"\n";
    Map::parse(good).expect("good");
    let with = |line: &str| format!("{good}{line}\n");
    let rows: [(String, &str); 20] = [
        (String::new(), "source"),
        ("source = \"s\"".into(), "key"),
        ("source = \"s\"\nkey = []\n[household.columns]\n".into(), "at least one column"),
        ("source = \"\"\nkey = [\"a\"]\n[household.columns]\n".into(), "source"),
        ("source = \"s\"\nkey = [\"a\"]\n".into(), "what a row is"),
        (with("b = \"siz\""), "did you mean \"size\"?"),
        (with("b = \"siz\""), "line 5"),
        (with("b = \"\""), "leave the line out"),
        (good.replace("\"s\"", "\"?\""), "which register"),
        (with("b = { field = \"pregnant\", values = { x = \"?\" } }"), "true or false"),
        (with("b = { field = \"size\", colour = 1 }"), "unknown field `colour`"),
        (with("b = \"size\""), "already fills size"),
        (
            with("b = { field = \"sex\", values = { x = \"woman\" } }"),
            "one of female, male, other, unknown",
        ),
        (with("b = { field = \"pregnant\", values = { x = \"yes\" } }"), "true or false"),
        (with("b = { field = \"women\", member = 2 }"), "only for a person's field"),
        (with("b = { field = \"phone\", member = 0 }"), "from 1 to 50"),
        (with("b = { field = \"phone\", date_order = \"dmy\" }"), "day-month-year"),
        (with("b = { required = true }"), "options without a field"),
        (with("b = 7"), "name of a field"),
        (with("[member]\njoin = [\"x\", \"y\"]\n[member.columns]"), "match one to one"),
    ];
    for (text, expected) in rows {
        let fault = Map::parse(&text).expect_err(expected).to_string();
        assert!(fault.contains(expected), "{expected:?} in {fault}");
    }
    assert!(Map::parse(&"#".repeat(MAX_MAP + 1)).is_err());
}

#[test]
fn headers_of_several_languages_and_tools_are_guessed() {
    let rows = [
        ("First Name", Some(Field::GivenName)),
        ("firstname", Some(Field::GivenName)),
        ("Prénom", Some(Field::GivenName)),
        ("Apellidos", Some(Field::FamilyName)),
        ("الاسم الكامل", Some(Field::FullName)),
        ("رقم الهاتف", Some(Field::Phone)),
        ("تاريخ الميلاد", Some(Field::BirthDate)),
        ("Date de naissance", Some(Field::BirthDate)),
        ("group_hh/head/gender_i_c", Some(Field::Sex)),
        ("size_h_c", Some(Field::Size)),
        ("Household size", Some(Field::Size)),
        ("Taille du ménage", Some(Field::Size)),
        ("phonenumbr", Some(Field::Phone)),
        ("with_disability", Some(Field::WithDisability)),
        ("favourite colour", None),
        ("", None),
    ];
    for (header, expected) in rows {
        assert_eq!(guess(header), expected, "{header}");
    }
}
