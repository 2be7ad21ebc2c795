//! The three files from outside, each with the map kept in `examples/maps`: every row accounted for.

use super::*;

fn import(file: &str, map: &str) -> Option<Registration> {
    let path = sample(file)?;
    let registration = read(&path, map).expect("the file is read");
    let report = registration.report();
    let mut book = Book::default();
    let plan = watched(|w| registration.plan(&book, w)).expect("plan");
    assert_eq!(plan.new, report.households);
    let applied = watched(|w| registration.apply(&mut book, Apply::default(), w)).expect("apply");
    assert_eq!(applied.added, report.households);
    let plan = watched(|w| registration.plan(&book, w)).expect("plan");
    assert_eq!((plan.new, plan.changed, plan.unchanged), (0, 0, report.households));
    Some(registration)
}

#[test]
fn the_121_demo_file_imports() {
    let Some(r) =
        import("121-demo-1000.csv", include_str!("../../../../examples/maps/121-demo.toml"))
    else {
        return;
    };
    let report = r.report();
    assert_eq!(
        (report.rows, report.refused_rows, report.households, report.members),
        (1000, 0, 1000, 1000)
    );
    assert_eq!(report.dropped_columns, []);
    assert_eq!(report.findings.counts, BTreeMap::new());
    let first = households(&r).into_iter().next().expect("one");
    assert_eq!(first.key, "GoNdk");
    assert_eq!(first.whole.number(Field::PregnantWomen), Some(4));
    let head = first.head().expect("head");
    assert_eq!(head.text(Field::FamilyName), Some("Gibbs"));
    assert_eq!(head.text(Field::Sex), Some("female"));
    assert_eq!(
        head.get(Field::BirthDate),
        crate::person::Date::new(2000, 11, 30).map(Value::Date).as_ref()
    );
    assert_eq!(head.text(Field::PhoneMessaging), Some("00144693326"), "leading zeros stay");
}

#[test]
fn the_121_semicolon_file_imports() {
    let Some(r) = import("121-mm-999.csv", include_str!("../../../../examples/maps/121-mm.toml"))
    else {
        return;
    };
    let report = r.report();
    assert_eq!(
        (report.rows, report.refused_rows, report.households, report.members),
        (999, 0, 999, 999)
    );
    assert_eq!(report.dropped_columns.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["sum"]);
    assert_eq!(report.findings.counts, BTreeMap::from([(Code::UnmappedColumn, 1)]));
    let sizes: u64 = households(&r).iter().map(Household::people).sum();
    assert_eq!(sizes, SIZES);
}

/// The sum of column totalHHSize, added up with awk.
const SIZES: u64 = 3_955;

#[test]
fn the_hope_workbook_imports() {
    let file = "hope-rdi_import_50_hh_50_ind.xlsx";
    let Some(r) = import(file, include_str!("../../../../examples/maps/hope.toml")) else { return };
    let report = r.report();
    assert_eq!(
        (report.rows, report.refused_rows, report.households, report.members),
        (258, 0, 50, 208)
    );
    assert_eq!(report.blank_rows, 2, "row 2 of both sheets");
    let expected = [
        (Code::RefusedColumn, 10),     // one for signatures, nine for photographs
        (Code::NumberOutOfRange, 208), // `age` holds nine-digit numbers
        (Code::UnmappedColumn, 64),
        (Code::FormulaColumn, 5),
    ];
    assert_eq!(report.findings.counts, BTreeMap::from(expected));
    let refused: Vec<&str> = report.refused_columns.iter().map(|d| d.name.as_str()).collect();
    assert!(refused.contains(&"consent_sign_h_c") && refused.contains(&"photo_i_c"), "{refused:?}");
    assert_eq!(
        (report.dropped_columns.len(), refused.len()),
        (64, 10),
        "72 + 69 columns, the rest mapped"
    );
    let all = households(&r);
    assert!(
        all.iter().all(|h| h.head().is_some_and(|p| p.text(Field::Relationship) == Some("HEAD")))
    );
    let first = all.first().expect("one");
    assert_eq!((first.key.as_str(), first.people(), first.members.len()), ("1092128444", 1, 1));
    assert_eq!(
        first.whole.get(Field::Returnee),
        Some(&Value::YesNo(false)),
        "a formula's stored result"
    );
    let birth = crate::person::Date::new(2013, 3, 2).map(Value::Date);
    assert_eq!(
        first.members.first().and_then(|m| m.get(Field::BirthDate)),
        birth.as_ref(),
        "serial 41335"
    );
}

fn drafted(path: &Path) -> String {
    let source = Source::open(path, &CsvOptions::default()).expect("open");
    suggest_map(&source).expect("draft")
}

/// A draft in which somebody has said what nobody else can know; refused before.
fn filled(draft: &str) -> String {
    let refused = Map::parse(draft).expect_err("who is the same person is never guessed");
    assert!(refused.to_string().contains("in place of \"?\""), "{refused}");
    draft.replace("source = \"?\"", "source = \"s\"").replace("= \"?\"", "= \"\"")
}

/// The same list under another name is the same list.
#[test]
fn a_draft_never_takes_the_register_from_the_name_of_the_file() {
    let dir = tempfile::tempdir().expect("temp dir");
    let draft = |name: &str| {
        let path = dir.path().join(name);
        let mut text = "household_id,full_name,size,seeing\n".to_owned();
        (0..9).for_each(|n| text.push_str(&format!("{n},Amina,4,{}\n", ["YES", "none"][n % 2])));
        std::fs::write(&path, text).expect("write");
        drafted(&path)
    };
    let first = draft("reg.csv");
    assert_eq!(first, draft("reg-june.csv"));
    let fault = |draft: &str| Map::parse(draft).expect_err("not yet a map").to_string();
    assert!(fault(&first).starts_with("source: in place of \"?\""), "{}", fault(&first));
    let said = first.replace("source = \"?\"", "source = \"reg\"");
    let open = fault(&said);
    assert!(open.contains("what \"YES\" stands for") && open.contains("a_lot, cannot"), "{open}");
    Map::parse(&said.replace("= \"?\"", "= \"some\"")).expect("a map");
    assert!(!first.contains("Amina"), "{first}");
}

#[test]
fn a_drafted_map_is_valid_and_imports_as_many_households() {
    for (file, expected) in [
        ("121-demo-1000.csv", 1000),
        ("121-mm-999.csv", 999),
        ("hope-rdi_import_50_hh_50_ind.xlsx", 50),
    ] {
        let Some(path) = sample(file) else { continue };
        let r = read(&path, &filled(&drafted(&path))).expect("the draft is a map");
        assert_eq!(r.report().households, expected, "{file}");
    }
}

#[test]
fn a_drafted_map_sees_that_rows_are_persons() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("camp.csv");
    crate::sample::camp(5, 40, &mut std::fs::File::create(&path).expect("create")).expect("write");
    let draft = drafted(&path);
    let r = read(&path, &filled(&draft)).expect("the draft is a map");
    assert!(draft.contains("[member.columns]"), "{draft}");
    assert_eq!((r.report().households, r.report().refused_rows), (40, 0), "{draft}");
}

/// What a letter under "sex" stands for, and in which order dates are, is read where it can be one thing alone, and asked.
#[test]
fn a_draft_asks_what_letters_and_dates_mean_that_can_be_two_things() {
    let dir = tempfile::tempdir().expect("temp dir");
    let draft = |rows: &str| {
        let path = dir.path().join("drafted.csv");
        std::fs::write(&path, format!("household_id,full_name,sex,birth_date\n{rows}"))
            .expect("write");
        drafted(&path)
    };
    let order = |draft: &str| {
        let line = draft.lines().find(|line| line.starts_with("date_order")).expect("a line");
        line.to_owned()
    };
    let one = draft("1,Amina,F,31/12/1985\n2,Nina,Ж,03/04/1985\n3,زهرا,زن,1990-01-01\n4,Bo,f,\n");
    assert!(!one.contains("values"), "{one}");
    assert_eq!(order(&one), "date_order = \"day-month-year\"");
    let two = draft("1,Amina,F,31/12/1985\n2,Bo,M,12/31/1985\n3,Jo,Peter,07/25/1999\n");
    assert!(two.contains("values = { \"M\" = \"?\" }") && !two.contains("Peter"), "{two}");
    assert_eq!(order(&two), "date_order = \"?\"");
    assert!(
        two.contains("row 2 is one as day-month-year") && two.contains("row 3 is one as month")
    );
    let three = draft("1,Amina,F,12/31/1985\n");
    assert_eq!(order(&three), "date_order = \"?\"");
    let refused =
        Map::parse(&three.replace("source = \"?\"", "source = \"s\"")).expect_err("asked");
    assert!(refused.to_string().contains("month-day-year"), "{refused}");
    let read = three.replace("source = \"?\"", "source = \"s\"");
    let read = read.replace("date_order = \"?\"", "date_order = \"month-day-year\"");
    Map::parse(&read).expect("a map");
}
