use super::*;

fn household() -> Household {
    let mut h = Household { key: "GoNdk".into(), ..Household::default() };
    h.whole.set(Field::Size, Value::Number(7)).expect("in range");
    let mut p = Person::default();
    p.set(Field::FullName, Value::text(Field::FullName, "ሰላም  ወርቁ ").expect("text")).expect("kind");
    p.set(Field::BirthDate, Value::Date(Date::new(2000, 2, 29).expect("leap"))).expect("kind");
    p.set(Field::Pregnant, Value::YesNo(false)).expect("kind");
    h.members.push(p);
    h
}

#[test]
fn bytes_come_back_and_no_other_bytes_do() {
    let h = household();
    let bytes = h.encode().expect("encode");
    assert_eq!(Household::decode(&bytes).expect("decode"), h);
    for cut in 0..bytes.len() {
        assert!(Household::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(Household::decode(&longer).is_err(), "trailing byte");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.to_vec();
            other[at] ^= 1 << bit;
            if let Ok(read) = Household::decode(&other) {
                assert_eq!(read.encode().expect("encode").as_slice(), other, "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn field_numbers_and_names_are_unique_and_in_order() {
    let mut names = std::collections::BTreeSet::new();
    let mut last = 0;
    for field in Field::ALL {
        assert!(field.number() > last, "{field:?}");
        last = field.number();
        assert!(names.insert(field.name()), "{field:?}");
        assert_eq!(Field::named(field.name()), Some(*field));
        assert_eq!(Field::try_from(field.number()), Ok(*field));
    }
    assert!(Field::try_from(9999).is_err());
}

#[test]
fn nothing_personal_is_printed() {
    let shown = format!("{:?}", household());
    assert!(!shown.contains("ሰላም") && !shown.contains("2000"), "{shown}");
}

#[test]
fn text_that_hides_an_image_or_a_template_is_refused() {
    let long = "A".repeat(65);
    let rows: [(&str, Option<Forbidden>); 30] = [
        ("/9j/4AAQSkZJRgABAQEASABIAAD", Some(Forbidden::Image)),
        ("ÿØÿà\u{0}\u{10}JFIF", Some(Forbidden::Image)),
        ("iVBORw0KGgoAAAANSUhEUgAAAAE", Some(Forbidden::Image)),
        ("‰PNG\r\n", Some(Forbidden::Image)),
        ("data:image/webp;base64,UklG", Some(Forbidden::Image)),
        ("UklGRiQAAABXRUJQVlA4IBgAAAAw", Some(Forbidden::Image)),
        ("UklGRiQAAABXQVZFV0FWRSAAAAAV0FWR", Some(Forbidden::Recording)),
        ("RIFF\u{24}\0\0\0WAVEfmt", Some(Forbidden::Recording)),
        ("\0\0\0\u{20}ftypavif", Some(Forbidden::Image)),
        ("AAAADGpQICANCocKAAAAFGZ0", Some(Forbidden::Image)),
        ("/6D/pAA6CQcACTLTJc0ACuDzGQ", Some(Forbidden::Fingerprint)),
        ("FMR\0 20\0", Some(Forbidden::Template)),
        ("Rk1SACAyMAAAAAEIAAAAPAFAAf", Some(Forbidden::Template)),
        ("RklSADAyMAAAAAEIAAAAPAFAAf", Some(Forbidden::Template)),
        (&long, Some(Forbidden::EncodedBytes)),
        ("AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYx", Some(Forbidden::Image)),
        ("AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYx", Some(Forbidden::Image)),
        ("AAAAGGZ0eXBoZWljAAAAAG1pZjE", Some(Forbidden::Image)),
        ("her photo: /9j/4AAQSkZJRgABAQEASABIAAD", Some(Forbidden::Image)),
        ("photo=/9j/4AAQSkZJRgABAQEASABIAAD", Some(Forbidden::Image)),
        ("taken (iVBORw0KGgoAAAANSUhEUgAAAAE)", Some(Forbidden::Image)),
        ("thumb Rk1SACAyMAAAAAEIAAAAPAFAAf", Some(Forbidden::Template)),
        ("see data:image/png;base64,AA", Some(Forbidden::Image)),
        ("a note, then ‰PNG\r\n", Some(Forbidden::Image)),
        ("UklGRiQAAABXQVZFZm10IBAAAAAB", Some(Forbidden::Recording)),
        ("R/9j/ street", None),
        ("UklGR", None),
        ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None),
        ("Wolfeschlegelsteinhausenbergerdorff", None),
        ("محمد عبد الرحمن", None),
    ];
    for (text, expected) in rows {
        assert_eq!(forbidden(text), expected, "{text:?}");
    }
}

#[test]
fn limits_hold() {
    let field = Field::FullName;
    let rows: [(&str, Result<(), ValueFault>); 6] = [
        ("", Err(ValueFault::Empty)),
        (" \u{202E} ", Err(ValueFault::Empty)),
        (&"aé ".repeat(100), Err(ValueFault::TooLong)),
        ("\u{202E}Amina\u{200F}", Ok(())),
        ("e\u{301}lan", Ok(())),
        ("می\u{200C}خواهم", Ok(())),
    ];
    for (text, expected) in rows {
        assert_eq!(Value::text(field, text).map(|_| ()), expected, "{text:?}");
    }
    assert_eq!(Value::text(field, "\u{202E}Amina\u{200F}").expect("kept").as_text(), Some("Amina"));
    assert_eq!(Value::text(field, "e\u{301}lan").expect("kept").as_text(), Some("élan"));
    assert_eq!(Value::Number(131).check(Field::Age), Err(ValueFault::Range));
    assert_eq!(Value::text(Field::Sex, "woman").map(|_| ()), Err(ValueFault::NotAChoice));
    assert!(Date::new(2023, 2, 29).is_none() && Date::new(1849, 1, 1).is_none());
    let mut h = household();
    h.members = vec![Person::default(); MAX_MEMBERS + 1];
    assert!(matches!(h.encode(), Err(HouseholdError::TooManyMembers(_))));
    h.members.clear();
    h.key.clear();
    assert!(matches!(h.encode(), Err(HouseholdError::Key)));
}

#[test]
fn a_change_is_told_by_field_name() {
    let (a, mut b) = (household(), household());
    assert!(a.differs(&b).is_empty());
    b.whole.set(Field::Size, Value::Number(8)).expect("in range");
    b.members[0].set(Field::Phone, Value::text(Field::Phone, "0711").expect("text")).expect("kind");
    b.members.push(Person::default());
    assert_eq!(a.differs(&b), ["phone", "size", "members"]);
    assert_ne!(a.digest(&[1; 32]).expect("digest"), b.digest(&[1; 32]).expect("digest"));
    assert_ne!(a.digest(&[1; 32]).expect("digest"), a.digest(&[2; 32]).expect("digest"));
}

#[test]
fn an_age_is_that_of_the_day_it_is_asked_on() {
    let date = |year, month, day| Date::new(year, month, day).expect("a date");
    let born = |day| {
        let mut person = Person::default();
        person.set(Field::BirthDate, Value::Date(day)).expect("kind");
        person
    };
    let aged = |years| {
        let mut person = Person::default();
        person.set(Field::Age, Value::Number(years)).expect("kind");
        person
    };
    let mut of = household();
    let adult = |of: &Household, person: &Person, day| of.is_adult(person, day);
    // On the day itself, and not on the first of January.
    let hers = born(date(2008, 6, 30));
    assert_eq!(adult(&of, &hers, date(2026, 6, 29)), Some(false));
    assert_eq!(adult(&of, &hers, date(2026, 6, 30)), Some(true));
    // Sixteen when registered, and nobody knows when that was; eighteen then is eighteen now.
    assert_eq!(
        (of.age_on(&aged(16), date(2027, 1, 1)), adult(&of, &aged(16), date(2027, 1, 1))),
        (None, None)
    );
    assert_eq!(adult(&of, &aged(18), date(2027, 1, 1)), Some(true));
    of.whole.set(Field::RegisteredOn, Value::Date(date(2023, 3, 1))).expect("kind");
    assert_eq!(of.age_on(&aged(16), date(2025, 2, 28)), Some(17));
    assert_eq!(adult(&of, &aged(16), date(2025, 2, 28)), Some(false));
    assert_eq!(adult(&of, &aged(16), date(2025, 3, 1)), Some(true));
}
