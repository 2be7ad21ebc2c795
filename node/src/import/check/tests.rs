use super::*;
use crate::person::Field;

#[test]
fn codes_have_stable_unique_names() {
    let names: std::collections::BTreeSet<&str> = Code::ALL.iter().map(|c| c.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
}

#[test]
fn beyond_the_list_findings_are_still_counted() {
    let mut findings = Findings::default();
    let one = Finding {
        sheet: "".into(),
        row: Some(2),
        column: None,
        code: Code::MissingKey,
        detail: None,
    };
    (0..MAX_FINDINGS + 5).for_each(|_| findings.add(one.clone()));
    assert_eq!((findings.list.len(), findings.omitted()), (MAX_FINDINGS, 5));
    assert_eq!(findings.count(Code::MissingKey), 200_005);
    assert_eq!(findings.at_least(Severity::Error), 200_005);
    let json = serde_json::to_value(&findings.list[0]).expect("json");
    assert_eq!(json["code"], "missing-key");
    assert_eq!(json["severity"], "error");
}

#[test]
fn every_finding_stands_on_its_page() {
    let page = include_str!("../../../../spec/import.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for code in Code::ALL {
        let severity = format!("{:?}", code.severity()).to_lowercase();
        let row = format!("| `{}` | {severity} | {} |", code.name(), code.text());
        assert_eq!(rows.iter().filter(|line| **line == row).count(), 1, "{row}");
    }
}

#[test]
fn every_field_stands_on_its_page() {
    let page = include_str!("../../../../spec/import.md");
    let (_, table) = page.split_once("## Fields").expect("a part of it");
    let rows = table.lines().take_while(|line| !line.starts_with("## "));
    let rows: Vec<&str> = rows.filter(|line| line.starts_with("| `")).collect();
    let row = |field: &Field| {
        let (name, of, holds) = (field.name(), field.scope(), field.kind());
        format!("| `{name}` | {of} | {holds} | {} |", field.meaning())
    };
    assert_eq!(rows, Field::ALL.iter().map(row).collect::<Vec<_>>());
}
