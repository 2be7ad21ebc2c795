use std::sync::atomic::AtomicBool;

use super::*;

/// Rows, findings and totals.
type Outcome = (Vec<(String, usize, u64)>, Vec<String>, Vec<u64>);

fn run(text: &str, map: &str) -> Result<Outcome, ImportError> {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("list.csv");
    std::fs::write(&path, text).expect("write");
    let map = ListMap::parse(map).expect("map");
    let source = Source::open(&path, &map.csv())?;
    let of = |code: &str, digits| Commodity { code: code.into(), digits };
    let commodities = [of("RICE", 1), of("oil", 0), of("SYP", 2)];
    let (cancel, mut rows) = (AtomicBool::new(false), Vec::new());
    let report = read_list(
        &source,
        &map,
        &commodities,
        &mut |key| Ok(key != "stranger"),
        &mut |row| {
            rows.push((row.key, row.commodity, row.amount_minor));
            Ok(())
        },
        &mut Watch { progress: &mut |_| {}, cancel: &cancel },
    )?;
    let said = report.findings.list.iter().map(|f| {
        let column = f.column.as_ref().map(|c| c.letters.clone()).unwrap_or_default();
        format!("{column}{} {}", f.row.unwrap_or(0), f.code.name())
    });
    Ok((rows, said.collect(), report.totals))
}

#[test]
fn both_shapes_give_the_same_entitlements() {
    let expected = vec![("A".to_owned(), 0, 125), ("A".to_owned(), 1, 2), ("B".to_owned(), 0, 100)];
    let long = "household_id,commodity,amount\nA,rice,12.5\nA,oil,2\nB,Rice,10\n";
    let wide = "household_id,rice,OIL\nA,12.5,2\nB,10,\n";
    let comma = "household_id;rice;oil\nA;12,5;2\nB;10,0;0\n";
    for text in [long, wide, comma] {
        let (rows, said, totals) = run(text, "").expect("read");
        assert_eq!(
            (rows, said, totals),
            (expected.clone(), Vec::<String>::new(), vec![225, 2, 0]),
            "{text}"
        );
    }
}

#[test]
fn amounts_are_checked() {
    let most = limits::AMOUNT;
    let rows = [
        ("1", None),
        ("9223372036854775807", None),
        ("9223372036854775808", Some("amount-too-large")),
        ("18446744073709551616", Some("amount-too-large")),
        ("99999999999999999999999", Some("amount-too-large")),
        ("0", Some("amount-not-positive")),
        ("-3", Some("amount-not-positive")),
        ("2.5", Some("not-an-amount")),
        ("10 20", Some("not-an-amount")),
        ("1'2", Some("not-an-amount")),
        ("1'200", None),
        ("1 200 000", None),
        ("two", Some("not-an-amount")),
        ("", Some("not-an-amount")),
        ("1e3", Some("not-an-amount")),
        ("٣", None),
    ];
    for (amount, finding) in rows {
        let text = format!("household_id,commodity,amount\nA,oil,{amount}\n");
        let (given, said, _) = run(&text, "").expect("read");
        let expected: Vec<String> = finding.iter().map(|f| format!("C2 {f}")).collect();
        assert_eq!(said, expected, "{amount:?}");
        assert_eq!(given.len(), usize::from(finding.is_none()), "{amount:?}");
    }
    let text = format!("household_id,commodity,amount\nA,oil,{most}\nB,oil,1\n");
    assert_eq!(run(&text, "").expect("read").1, ["C3 amount-too-large"], "the total");
}

#[test]
fn rows_that_cannot_be_given_are_findings() {
    let text =
        "household_id,commodity,amount\nA,oil,1\nA,OIL,2\nstranger,oil,1\n,oil,1\nB,gold,1\n";
    let (rows, said, totals) = run(text, "").expect("read");
    assert_eq!(rows.len(), 1);
    assert_eq!(totals, [0, 1, 0]);
    assert_eq!(
        said,
        ["C3 duplicate-row", "A4 unknown-household", "A5 missing-key", "B6 unknown-commodity"]
    );
}

#[test]
fn a_map_names_other_columns_and_a_missing_one_is_told() {
    let map = "key = [\"numéro\"]\ncommodity = \"denrée\"\namount = \"quantité\"\n";
    let (rows, said, _) = run("numéro;denrée;quantité\nA;SYP;1 250,75\n", map).expect("read");
    assert_eq!((rows, said), (vec![("A".to_owned(), 2, 125_075)], vec![]));
    let fault = run("a,b\n1,2\n", map).expect_err("no such columns");
    assert!(matches!(fault, ImportError::NoHeader { .. }), "{fault}");
    let fault = run("numéro,b\n1,2\n", map).expect_err("no such column");
    assert!(fault.to_string().contains("denrée"), "{fault}");
    assert!(ListMap::parse("colour = 1").is_err());
}

#[test]
fn a_decimal_comma_without_quotation_marks_moves_nobodys_ration() {
    let long = "household_id,commodity,amount\nA,SYP,12,5\nB,SYP,7\n";
    let (rows, said, _) = run(long, "").expect("read");
    assert_eq!((rows, said), (vec![("B".to_owned(), 2, 700)], vec!["D2 cell-beyond".to_owned()]));
    let wide = "household_id,rice,oil\nA,12,5,2\nB,7,1\n";
    let (rows, said, _) = run(wide, "").expect("read");
    let of_b = vec![("B".to_owned(), 0, 70), ("B".to_owned(), 1, 1)];
    assert_eq!((rows, said), (of_b, vec!["D2 cell-beyond".to_owned()]));
    let quoted = "household_id;commodity;amount\nA;SYP;12,5;\n";
    assert_eq!(run(quoted, "").expect("read").0, vec![("A".to_owned(), 2, 1_250)]);
}

#[test]
fn thousands_are_not_taken_for_parts() {
    let (rows, said, _) =
        run("household_id,commodity,amount\nA,SYP,1.50\nB,SYP,1.500\n", "").expect("read");
    assert_eq!((rows.len(), said), (2, vec![]), "a comma parts the fields: 1.5 is written so");
    let head = "household_id;commodity;amount\n";
    for (amounts, map, expected) in [
        // Nothing tells how they are meant.
        (["1.500", "20.000"], "", None),
        (["1,500", "20,000"], "", None),
        // Another one of the file tells, or whoever imports.
        (["1.500", "20.5"], "", Some([150, 2_050])),
        (["1,500", "0,250"], "", Some([150, 25])),
        (["1.500", "20.000"], "decimal = \".\"", Some([150, 2_000])),
        (["1500", "0.5"], "", Some([150_000, 50])),
    ] {
        let [one, other] = amounts;
        let text = format!("{head}A;SYP;{one}\nB;SYP;{other}\n");
        let (rows, said, _) = run(&text, map).expect("read");
        let given: Vec<u64> = rows.iter().map(|(_, _, amount)| *amount).collect();
        match expected {
            Some(expected) => assert_eq!((given, said), (expected.to_vec(), vec![]), "{amounts:?}"),
            None => {
                assert!(given.is_empty(), "{amounts:?}");
                assert_eq!(said, ["C2 ambiguous-amount", "C3 ambiguous-amount"], "{amounts:?}");
            }
        }
    }
}
