//! Households in one file and their members in another.

use super::*;

const MAP: &str = "source = \"s\"\nkey = [\"hh\", \"camp\"]
[household.columns]\nsize = \"size\"
[member]\njoin = [\"parent\", \"camp\"]\n[member.columns]\nname = \"full_name\"\nvillage = \"village\"\n";

fn two(households: &[u8], members: &[u8], map: &str) -> Result<Registration, ImportError> {
    let dir = tempfile::tempdir().expect("temp dir");
    let map = Map::parse(map).expect("a map of this test");
    let open = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        Source::open(&path, &map.csv()).map(Source::beside_another)
    };
    let (one, other) = (open("households.csv", households)?, open("members.csv", members)?);
    watched(|w| Registration::read_two(&one, &other, &map, w))
}

#[test]
fn members_join_in_any_order_and_findings_name_the_file() {
    // The second file comes from another desk: other delimiter, other encoding, other order.
    let households = "hh,camp,size\n1,A,4\n2,A,x\n1,B,1\n3,C,1\n1,A,9\n";
    let members =
        b"village;name;camp;parent\nV1;Bo;A;2\n;Am\xe9lie;A;1\n;Orphan;A;9\n;Chen;B;1\nV2;Dara;A;2\n;Nobody;A;\n";
    let r = two(households.as_bytes(), members, MAP).expect("read");
    let mut findings = said(&r);
    findings.sort();
    assert_eq!(
        findings,
        [
            "households.csv!5 no-members",
            "households.csv!A6 duplicate-key",
            "households.csv!C3 not-a-number",
            "members.csv!6 values-differ",
            "members.csv!D4 orphan-member",
            "members.csv!D7 missing-key",
        ]
    );
    let all = households_of(&r);
    let expected = [
        ("1 / A".to_owned(), vec!["Am\u{e9}lie".to_owned()]),
        ("2 / A".to_owned(), vec!["Bo".to_owned(), "Dara".to_owned()]),
        ("1 / B".to_owned(), vec!["Chen".to_owned()]),
        ("3 / C".to_owned(), vec![]),
    ];
    assert_eq!(all, expected);
    assert_eq!(r.report().rows, 11);
    assert!(r.report().reading_members.is_some());
}

fn households_of(r: &Registration) -> Vec<(String, Vec<String>)> {
    let names = |h: &Household| {
        let of = h.members.iter().filter_map(|m| m.text(Field::FullName));
        of.map(str::to_owned).collect()
    };
    households(r).iter().map(|h| (h.key.clone(), names(h))).collect()
}

#[test]
fn a_map_of_one_table_is_no_map_of_two_files() {
    for map in [
        "source = \"s\"\nkey = [\"hh\"]\n[household.columns]\nsize = \"size\"\n",
        "source = \"s\"\nkey = [\"hh\"]\n[member.columns]\nname = \"full_name\"\n",
    ] {
        let answer = two(b"hh,size\n1,2\n", b"hh,name\n1,Bo\n", map).map(|_| ());
        assert!(matches!(answer, Err(ImportError::NotTwoTables)), "{answer:?}");
    }
    let missing = two(b"hh,camp,size\n1,A,2\n", b"name,village\nBo,V\n", MAP).map(|_| ());
    assert!(matches!(missing, Err(ImportError::NoKeyColumn { .. })), "{missing:?}");
    assert!(two(b"", b"hh\n", MAP).is_err());
}

#[test]
fn two_files_and_two_sheets_of_one_workbook_come_to_the_same() {
    let map = include_str!("../../../../examples/maps/hope.toml");
    let Some(path) = sample("hope-rdi_import_50_hh_50_ind.xlsx") else { return };
    let one = read(&path, map).expect("the workbook");
    // The same workbook given twice: as the file of households, and as that of members.
    let map = Map::parse(map).expect("a map");
    let open = || Source::open(&path, &map.csv()).expect("opens").beside_another();
    let two = watched(|w| Registration::read_two(&open(), &open(), &map, w)).expect("two files");
    assert_eq!(households(&one).len(), 50);
    assert_eq!(households(&two), households(&one));
    assert_eq!(two.report().findings.counts, one.report().findings.counts);
}

#[test]
fn a_real_file_of_households_takes_members_from_another() {
    let Some(path) = sample("121-mm-999.csv") else { return };
    let mut text = include_str!("../../../../examples/maps/121-mm.toml").to_owned();
    let map = Map::parse(&text).expect("a map");
    let key = map.key;
    assert_eq!(key.len(), 1, "one column names a household there");
    text.push_str("\n[member]\njoin = [\"parent\"]\n[member.columns]\nchild = \"full_name\"\n");
    let map = Map::parse(&text).expect("a map of two tables");
    let alone = read(&path, include_str!("../../../../examples/maps/121-mm.toml")).expect("alone");
    let mut members = String::from("parent,child\n");
    for household in households(&alone).iter().rev() {
        for n in 0..2 {
            members.push_str(&format!("{},Child {n} of {}\n", household.key, household.key));
        }
    }
    let dir = tempfile::tempdir().expect("temp dir");
    let beside = dir.path().join("children.csv");
    std::fs::write(&beside, members).expect("write");
    let open =
        |path: &Path| Source::open(path, &CsvOptions::default()).expect("opens").beside_another();
    let (one, other) = (open(&path), open(&beside));
    let r = watched(|w| Registration::read_two(&one, &other, &map, w)).expect("two files");
    assert_eq!((r.report().households, r.report().refused_rows), (999, 0));
    let all = households(&r);
    // Whoever stands in the row of the household is its head; those of the other file follow.
    assert!(all.iter().all(|h| h.members.len() >= 2), "two children each");
    let mut book = Book::default();
    let plan = watched(|w| r.plan(&book, w)).expect("plan");
    assert_eq!(plan.new, 999);
    watched(|w| r.apply(&mut book, Apply::default(), w)).expect("apply");
    let plan = watched(|w| r.plan(&book, w)).expect("plan");
    assert_eq!((plan.new, plan.changed, plan.unchanged), (0, 0, 999));
}
