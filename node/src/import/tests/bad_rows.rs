//! Rows that are not as they should be: what is said of them, and what is imported all the same.

use super::*;

/// What a file gives: findings in short form, and the keys that are imported.
fn check(text: &str, columns: &str, expected: &[&str], keys: &[&str]) {
    let map = format!("source = \"s\"\nkey = [\"id\"]\n[household.columns]\n{columns}\n");
    let r = csv(text, &map).expect("read");
    assert_eq!(said(&r), expected, "{text}");
    assert_eq!(households(&r).iter().map(|h| h.key.clone()).collect::<Vec<_>>(), keys, "{text}");
    let shown: Vec<String> = r.report().findings.list.iter().map(ToString::to_string).collect();
    assert!(
        shown.iter().all(|line| !line.contains("Amina")),
        "no value of a person is shown: {shown:?}"
    );
}

#[test]
fn keys() {
    check(
        "id,n\n1,Amina\n,Bo\n1,Amina\n2,C\n",
        "n = \"full_name\"",
        &["A3 missing-key", "A4 duplicate-key"],
        &["1", "2"],
    );
    check("id,n\n  1 ,Amina\n\u{200F}1,Bo\n", "n = \"full_name\"", &["A3 duplicate-key"], &["1"]);
    check("id,n\nab,Amina\nAB,Bo\n", "n = \"full_name\"", &[], &["ab", "AB"]);
    let long = "9".repeat(65);
    check(&format!("id,n\n{long},Amina\n"), "n = \"full_name\"", &["A2 text-too-long"], &[]);
}

#[test]
fn values_that_do_not_fit_leave_the_rest_of_the_row() {
    let rows = [
        ("age", "131", "number-out-of-range"),
        ("age", "-1", "number-out-of-range"),
        ("age", "4.5", "not-a-number"),
        ("age", "four", "not-a-number"),
        ("pregnant", "perhaps", "not-yes-no"),
        ("sex", "M", "unknown-value"),
        ("birth_date", "01/02/2024", "ambiguous-date"),
        ("birth_date", "1/2/24", "ambiguous-date"),
        ("birth_date", "31/02/2024", "not-a-date"),
        ("birth_date", "2024-13-01", "not-a-date"),
        ("birth_date", "yesterday", "not-a-date"),
        ("birth_date", "1390/05/12", "other-calendar"),
        ("birth_date", "1370/06/31", "other-calendar"),
        ("birth_date", "۱۳۹۰/۰۵/۱۲", "other-calendar"),
        ("birth_date", "12.05.1443", "other-calendar"),
        ("birth_date", "2560-01-02", "other-calendar"),
        ("birth_date", "1390/40/40", "not-a-date"),
        ("given_name", "Am\u{FFFD}ina", "unreadable-characters"),
        ("given_name", "\u{202E}anima", "stray-characters"),
        ("given_name", "Ù†ÙˆØ±", "twice-encoded"),
        ("given_name", "JosÃ©", "twice-encoded"),
        ("given_name", "РќРёРЅР°", "twice-encoded"),
    ];
    for (field, value, code) in rows {
        let text = format!("id,n,v\n1,Amina,{value}\n");
        let columns = format!("n = \"full_name\"\nv = \"{field}\"");
        check(&text, &columns, &[&format!("C2 {code}")], &["1"]);
    }
    let long = "a ".repeat(300);
    check(&format!("id,n\n1,{long}\n"), "n = \"full_name\"", &["B2 text-too-long"], &["1"]);
    check(
        "id,n\n1,\n",
        "n = { field = \"full_name\", required = true }",
        &["B2 missing-value"],
        &["1"],
    );
}

/// Names of all kinds are none of it, however odd.
#[test]
fn no_name_is_taken_for_one_that_was_read_twice() {
    for name in ["José", "Нина", "Лі", "Її Лі", "نور", "سگ", "Ñandú Ärö", "Zoë", "ሰላም", "Åsa Ü"]
    {
        check(&format!("id,n\n1,{name}\n"), "n = \"full_name\"", &[], &["1"]);
    }
}

#[test]
fn numbers_and_dates_of_every_script_are_read() {
    let dates = [
        "٣١/١٢/١٩٩٩",
        "৩১-১২-১৯৯৯",
        "၃၁/၁၂/၁၉၉၉",
        "፴፩/፲፪/፲፱፻፺፱",
        "1999-12-31",
        "1999-12-31T08:30:00.000+03:00",
        "31.12.1999",
    ];
    let expected = crate::person::Date::new(1999, 12, 31).map(Value::Date);
    for date in dates {
        let r = csv(
            &format!("id,v\n1,{date}\n"),
            &ONE.replace("name = \"full_name\"\nsize = \"size\"", "v = \"birth_date\""),
        )
        .expect("read");
        assert_eq!(said(&r), Vec::<String>::new(), "{date}");
        assert_eq!(households(&r)[0].members[0].get(Field::BirthDate), expected.as_ref(), "{date}");
    }
    for number in ["١٢", "۱۲", "১২", "၁၂", "፲፪", "12", "12.0", "+12"] {
        let r = csv(&format!("id,name,size\n1,x,{number}\n"), ONE).expect("read");
        let expected = (number != "+12").then_some(12);
        assert_eq!(households(&r)[0].whole.number(Field::Size), expected, "{number}");
    }
}

#[test]
fn a_declared_order_decides_a_date() {
    for (order, expected) in [
        ("day-month-year", Some((2024, 2, 1))),
        ("month-day-year", Some((2024, 1, 2))),
        ("year-month-day", None),
    ] {
        let map = format!(
            "source=\"s\"\nkey=[\"id\"]\n[household.columns]\nv = {{ field = \"birth_date\", date_order = \"{order}\" }}"
        );
        let r = csv("id,v\n1,01/02/2024\n", &map).expect("read");
        let date =
            expected.and_then(|(y, m, d)| crate::person::Date::new(y, m, d)).map(Value::Date);
        let all = households(&r);
        assert_eq!(
            all[0].members.first().and_then(|m| m.get(Field::BirthDate)),
            date.as_ref(),
            "{order}"
        );
    }
}

/// What one wrong line in a map brings out: a column of names under a field that has words of its own.
#[test]
fn words_a_map_does_not_know_are_told_of_a_column_and_never_of_a_row() {
    let map = ONE
        .replace("name = \"full_name\"", "kind = { field = \"sex\", values = { f = \"female\" } }");
    let told = |words: &[(&str, u32)]| {
        let mut text = "id,kind,size\n".to_owned();
        let all = words.iter().flat_map(|(word, times)| (0..*times).map(move |_| word));
        all.enumerate().for_each(|(n, word)| text.push_str(&format!("{n},{word},1\n")));
        let r = csv(&text, &map).expect("read");
        let findings = &r.report().findings;
        let rows = serde_json::to_string(&findings.list).expect("json");
        let shown: Vec<String> = findings.list.iter().map(ToString::to_string).collect();
        for word in words.iter().map(|(word, _)| *word).filter(|word| *word != "F") {
            assert!(!rows.contains(word) && !shown.join("").contains(word), "{word}: {shown:?}");
        }
        let columns = serde_json::to_value(findings).expect("json")["columns"].clone();
        assert!(!format!("{findings:?}").contains("weiblich"), "nor for who looks for a fault");
        columns[0]["words"].clone()
    };
    let few = [("weiblich", 6), ("männlich", 3), ("F", 2)];
    assert_eq!(told(&few), serde_json::json!({ "weiblich": 6, "männlich": 3 }));
    let none = serde_json::Value::Null;
    let many: Vec<String> = (0..13u8).map(|n| format!("Amina {}", char::from(b'A' + n))).collect();
    let many: Vec<(&str, u32)> = many.iter().map(|word| (word.as_str(), 3)).collect();
    for words in [
        [("weiblich", 6), ("Johanna", 1)].as_slice(),
        &[("weiblich", 6), ("0711223344", 3)],
        &[("weiblich", 6), ("Amina Bint Yusuf Al", 3)],
        &many,
    ] {
        assert_eq!(told(words), none, "{words:?}");
    }
    // Three of one household are one family's name.
    let map = "source=\"s\"\nkey=[\"id\"]\n[member.columns]\nkind = \"sex\"\n";
    let r = csv("id,kind\n1,Glenn\n1,Glenn\n1,Glenn\n2,Glenn\n", map).expect("read");
    let column = r.report().findings.columns.iter().next().expect("one");
    assert_eq!((column.rows, column.first.as_slice()), (4, [2, 3, 4, 5].as_slice()));
    assert!(column.words.told().is_empty());
    // Of a column that is called as names are nothing is told, however few and frequent its words.
    let map = map.replace("kind", "firstname");
    let r = csv("id,firstname\n1,Glenn\n2,Glenn\n3,Glenn\n4,Glenn\n", &map).expect("read");
    let column = r.report().findings.columns.iter().next().expect("one");
    assert_eq!((column.rows, column.words.told().len()), (4, 0));
}

#[test]
fn what_an_import_loses_adds_up() {
    let columns = "v = \"age\"\nw = { field = \"phone\", required = true }\nx = \"address\"";
    let map = format!("source = \"s\"\nkey = [\"id\"]\n[household.columns]\n{columns}\n");
    let r = csv("id,v,w,y,photo\n1,131,07,a,b\n2,200,,a,b\n,1,2,a,b\n", &map).expect("read");
    let findings = &r.report().findings;
    assert_eq!(findings.count(Code::NumberOutOfRange), 2);
    // A blank phone is not lost, nor a column nobody asked for; a row without a key is counted as a row.
    assert_eq!((findings.values_lost(), r.report().refused_rows), (2, 1));
    assert_eq!(findings.at_least(Severity::Error), 1, "a refused column costs no row");
}

#[test]
fn a_column_of_images_is_refused_whole_by_name_or_by_what_it_holds() {
    let jpeg = "/9j/4AAQSkZJRgABAQEASABIAAD";
    // By content, mapped, and the picture is not in the first row.
    let text = format!("id,name,size,note\n1,Amina,2,x\n2,Bo,3,{jpeg}\n");
    let map = format!("{ONE}note = \"address\"\n");
    let r = csv(&text, &map).expect("read");
    assert_eq!(said(&r), ["D refused-column"]);
    let all = households(&r);
    assert!(
        all.iter().all(|h| h.whole.text(Field::Address).is_none()),
        "values staged before it are gone too"
    );
    assert_eq!(
        all.iter().map(|h| h.whole.number(Field::Size)).collect::<Vec<_>>(),
        [Some(2), Some(3)]
    );
    // By content, not mapped; and by name, mapped or not.
    let r = csv(&text, ONE).expect("read");
    assert_eq!(
        (said(&r).len(), r.report().refused_columns.len(), r.report().dropped_columns.len()),
        (1, 1, 0)
    );
    for name in
        ["photo", "Left Thumb", "fingerprintTemplate", "صورة", "head_signature", "voice-recording"]
    {
        let r = csv(&format!("id,name,size,{name}\n1,Amina,2,x\n"), ONE).expect("read");
        assert_eq!(said(&r), ["D refused-column"], "{name}");
        let r = csv(
            &format!("id,name,size,{name}\n1,Amina,2,x\n"),
            &format!("{ONE}\"{name}\" = \"address\"\n"),
        )
        .expect("read");
        assert_eq!(said(&r), ["D refused-column"], "{name}");
        assert!(households(&r)[0].whole.text(Field::Address).is_none(), "{name}");
    }
    for name in ["telephoto", "assignment", "surface", "designation"] {
        assert_eq!(header::refused_header(name), None, "{name}");
    }
    // One odd long text is a value left out; three are a column.
    let run = "Q".repeat(70);
    let r = csv(&format!("id,name,size\n1,{run},2\n2,Bo,3\n"), ONE).expect("read");
    assert_eq!(said(&r), ["B2 refused-value", "2 no-name"]);
    let r = csv(&format!("id,name,size\n1,{run},2\n2,{run},3\n3,Bo,1\n4,{run},1\n"), ONE)
        .expect("read");
    assert_eq!(said(&r).last().map(String::as_str), Some("B refused-column"));
    assert!(households(&r).iter().all(|h| h.members.is_empty()));
}

#[test]
fn headers() {
    let titled = "Camp registration 2026\n\nid,name,size\n1,Amina,2\n";
    let r = csv(titled, ONE).expect("the header is found below a title");
    assert_eq!((said(&r), households(&r).len()), (vec![], 1));
    let r = csv("ID,Name,SIZE\n1,Amina,2\n", ONE).expect("case does not matter");
    assert_eq!(households(&r)[0].whole.number(Field::Size), Some(2));
    let r = csv("id,name,name\n1,Amina,Bo\n", ONE).expect("read");
    assert_eq!(said(&r), ["B repeated-column", " missing-column"]);
    let r = csv("id,name,size\n1,Amina,2,stray\n2,Bo\n", ONE).expect("ragged");
    assert_eq!((said(&r), households(&r).len()), (vec!["D2 long-row".to_owned()], 2));
    let fault = |text: &str| csv(text, ONE).map(|_| ()).expect_err("no key").to_string();
    assert!(fault("name,size\nAmina,2\n").contains("no column is named \"id\""));
    assert!(fault("id,id,name\n1,2,Amina\n").contains("rename"));
    assert!(fault("1,2\n3,4\n").contains("no names of columns"));
    let wrong = format!("{ONE}\n[csv]\ndelimiter = \"|\"\n");
    assert!(
        csv("id,name,size\n1,Amina,2\n", &wrong).is_err(),
        "the wrong delimiter leaves one column"
    );
}

#[test]
fn a_row_of_totals_and_a_row_that_stands_twice_are_told() {
    let map = "source=\"s\"\nkey=[\"hh\"]\n[member.columns]\nage = \"age\"\n";
    let names = format!("{map}name = \"full_name\"\n");
    let text = "hh,name,age\nA,Ann Lee,30\nB,Bo,4\nA,Ann Lee,30\nC,Chen,4\nTOTAL,,38\n";
    let r = csv(text, &names).expect("read");
    assert_eq!(said(&r), ["2 same-person", "6 no-name"]);
    assert_eq!((r.report().households, r.report().findings.values_lost()), (4, 0));
    // Twins of one name at least differ in something; a list without names is meant so.
    let r = csv(&text.replace("A,Ann Lee,30\nC", "A,Ann Lee,31\nC"), &names).expect("read");
    assert_eq!(said(&r), ["6 no-name"]);
    assert_eq!(said(&csv(text, map).expect("read")), Vec::<String>::new());
}
