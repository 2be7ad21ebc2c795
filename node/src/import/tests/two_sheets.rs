//! Households and members on two sheets, or on one, in any order.

use rust_xlsxwriter::Workbook;

use super::*;

const TWO: &str = "source = \"s\"\nkey = [\"hh\", \"camp\"]
[household]\nsheet = \"h\"\n[household.columns]\nsize = \"size\"
[member]\nsheet = \"m\"\njoin = [\"parent\", \"camp\"]\n[member.columns]\nname = \"full_name\"\nvillage = \"village\"\n";

pub(super) fn workbook(sheets: &[(&str, &[&[&str]])]) -> (tempfile::TempDir, PathBuf) {
    let mut book = Workbook::new();
    for (name, rows) in sheets {
        let sheet = book.add_worksheet().set_name(*name).expect("name");
        for (r, row) in rows.iter().enumerate() {
            for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let at = (u32::try_from(r).expect("small"), u16::try_from(c).expect("small"));
                match cell.strip_prefix('=').map(str::parse::<f64>) {
                    Some(Ok(n)) => sheet.write(at.0, at.1, n).map(|_| ()),
                    _ => sheet.write(at.0, at.1, *cell).map(|_| ()),
                }
                .expect("cell");
            }
        }
    }
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("book.xlsx");
    book.save(&path).expect("save");
    (dir, path)
}

#[test]
fn members_join_in_any_order_and_orphans_are_told() {
    let (_dir, path) = workbook(&[
        (
            "m",
            &[
                &["parent", "camp", "name", "village"],
                &["2", "A", "Bo", "V1"],
                &["1", "A", "Amina", ""],
                &["9", "A", "Orphan", ""],
                &["1", "B", "Chen", ""],
                &["2", "A", "Dara", "V2"],
                &["", "A", "Nobody", ""],
            ],
        ),
        (
            "h",
            &[
                &["hh", "camp", "size"],
                &["1", "A", "4"],
                &["2", "A", "2"],
                &["1", "B", "1"],
                &["3", "C", "1"],
            ],
        ),
    ]);
    let r = read(&path, TWO).expect("read");
    assert_eq!(
        said(&r),
        ["m!A4 orphan-member", "m!A7 missing-key", "m!6 values-differ", "h!5 no-members"]
    );
    let all = households(&r);
    let names: Vec<(String, Vec<Option<&str>>)> = all
        .iter()
        .map(|h| (h.key.clone(), h.members.iter().map(|m| m.text(Field::FullName)).collect()))
        .collect();
    let expected = [
        ("1 / A".to_owned(), vec![Some("Amina")]),
        ("2 / A".to_owned(), vec![Some("Bo"), Some("Dara")]),
        ("1 / B".to_owned(), vec![Some("Chen")]),
        ("3 / C".to_owned(), vec![]),
    ];
    assert_eq!(names, expected);
    assert_eq!(all[1].whole.text(Field::Village), Some("V1"), "the first one is kept");
    assert_eq!((r.report().rows, r.report().refused_rows), (10, 2));
}

#[test]
fn an_identifier_kept_as_a_number_is_a_finding_until_it_is_allowed() {
    let rows: &[&[&str]] = &[&["id", "phone"], &["=7", "=962790000000"], &["x", "0711"]];
    let (_dir, path) = workbook(&[("s", rows)]);
    let map = "source=\"s\"\nkey=[\"id\"]\n[household.columns]\nphone = \"phone\"\n";
    let r = read(&path, map).expect("read");
    assert_eq!(said(&r), ["s!A2 number-as-id"]);
    let allowed = map.replace(
        "\"phone\"\n",
        "{ field = \"phone\", number_as_text = true }\nid = { number_as_text = true }\n",
    );
    let r = read(&path, &allowed).expect("read");
    assert_eq!(said(&r), Vec::<String>::new());
    let all = households(&r);
    assert_eq!(
        (all[0].key.as_str(), all[0].members[0].text(Field::Phone)),
        ("7", Some("962790000000"))
    );
}

#[test]
fn rows_of_one_key_make_a_household_wherever_they_stand() {
    let map =
        "source=\"s\"\nkey=[\"hh\"]\n[member.columns]\nname = \"full_name\"\nsize = \"size\"\n";
    let r = csv("hh,name,size\nA,Amina,2\nB,Bo,\nA,Chen,2\nB,Dara,2\n", map).expect("read");
    assert_eq!((said(&r), r.report().households, r.report().members), (vec![], 2, 4));
    let all = households(&r);
    assert_eq!(all[1].members[1].text(Field::FullName), Some("Dara"));
    assert_eq!(all[1].whole.number(Field::Size), Some(2), "said on the second row only");
}

#[test]
fn too_many_members_refuse_one_household_and_no_other() {
    let map = "source=\"s\"\nkey=[\"hh\"]\n[member.columns]\nname = \"full_name\"\n";
    let mut text = "hh,name\nB,Bo\n".to_owned();
    (0..=crate::person::MAX_MEMBERS).for_each(|i| text.push_str(&format!("A,Name{i}\n")));
    let r = csv(&text, map).expect("read");
    assert_eq!((said(&r), households(&r).len()), (vec!["3 too-many-members".to_owned()], 1));
}

#[test]
fn sheets_that_are_not_there_are_told_with_those_that_are() {
    let (_dir, path) = workbook(&[("only", &[&["hh", "camp", "size"], &["1", "A", "1"]])]);
    let fault = read(&path, TWO).map(|_| ()).expect_err("no sheet h").to_string();
    assert!(fault.contains("\"h\"") && fault.contains("only"), "{fault}");
    let same = TWO.replace("\"h\"", "\"only\"").replace("\"m\"", "\"only\"");
    assert!(matches!(read(&path, &same).map(|_| ()), Err(ImportError::SameSheet(_))));
}

#[test]
fn a_sample_camp_goes_into_a_vault_and_comes_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("camp.csv");
    let mut file = std::fs::File::create(&path).expect("create");
    crate::sample::camp(3, 60, &mut file).expect("write");
    let r = read(&path, crate::sample::MAP).expect("read");
    assert_eq!((said(&r), r.report().households), (vec![], 60));
    let key = crate::seal::Key::random().expect("randomness");
    let mut vault = crate::vault::Vault::create(&dir.path().join("people"), &key).expect("vault");
    let how = Apply { batch: 25, ..Apply::default() };
    let mut batches = Vec::new();
    {
        let after = |_: &mut crate::vault::Vault, added: &[_], _: &[_]| {
            batches.push(added.len());
            Ok(())
        };
        let mut register = VaultRegister::with(&mut vault, FEDERATION, Box::new(after));
        let applied = watched(|w| r.apply(&mut register, how, w)).expect("apply");
        assert_eq!(applied.added, 60);
    }
    assert_eq!(batches, [25, 25, 10]);
    let register = VaultRegister::new(&mut vault, FEDERATION);
    let plan = watched(|w| r.plan(&register, w)).expect("plan");
    assert_eq!((plan.new, plan.unchanged, plan.changed), (0, 60, 0));
    let first = &households(&r)[0];
    let found = register.find("sample-camp", &first.key).expect("find").expect("there");
    assert_eq!(register.open(&found.id).expect("open").as_ref(), Some(first));
}
