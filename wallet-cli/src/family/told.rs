//! What an import says of a file: its findings, many of a kind in one line, and what is lost.

use std::collections::{BTreeMap, BTreeSet};

use annona_node::import::{Code, Findings, InColumn, Severity};

use crate::words::count;

/// Findings and changes printed as text; all of them are in the JSON.
pub(super) const PRINTED: usize = 200;
/// More rows of one column and kind than this are one line.
const FEW: u64 = 5;

/// Findings as lines: rows where they are few, columns where they are many. Columns that are dropped or refused as a whole
/// are told elsewhere.
pub(super) fn findings(findings: &Findings) -> Vec<String> {
    let many = |here: &&InColumn| here.rows > FEW || !here.words.told().is_empty();
    let many: Vec<&InColumn> = findings.columns.iter().filter(many).collect();
    let place = many.iter().map(|here| (here.code, &*here.sheet, &*here.column.letters));
    let together: BTreeSet<_> = place.collect();
    let whole = [Code::RefusedColumn, Code::UnmappedColumn];
    let mut lines = Vec::new();
    let mut rows = 0u64;
    for finding in findings.list.iter().filter(|f| !whole.contains(&f.code)) {
        let column = finding.column.as_ref().filter(|_| finding.row.is_some());
        let place = column.map(|column| (finding.code, &*finding.sheet, &*column.letters));
        if place.is_some_and(|place| together.contains(&place)) {
            continue;
        }
        if lines.len() < PRINTED {
            lines.push(format!("{} {finding}", severity(finding.code)));
        }
        rows = rows.saturating_add(1);
    }
    let more = rows.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push(format!("… and {} more: --json lists them", count(more, "finding", "findings")));
    }
    for here in many {
        let first: Vec<String> = here.first.iter().map(u64::to_string).collect();
        let sheet = if here.sheet.is_empty() { String::new() } else { format!("{}, ", here.sheet) };
        let words = here.words.told();
        let words: Vec<String> = words.iter().map(|(word, n)| format!("{word} {n}")).collect();
        lines.push(format!(
            "{} {sheet}column {} ({}), {} rows, from {}: {}{}{}",
            severity(here.code),
            here.column.letters,
            here.column.name,
            here.rows,
            first.join(", "),
            here.code.text(),
            if words.is_empty() { "" } else { ": " },
            words.join(", "),
        ));
    }
    lines
}

fn severity(code: Code) -> &'static str {
    match code.severity() {
        Severity::Note => "note    ",
        Severity::Warning => "warning ",
        Severity::Error => "error   ",
    }
}

/// What is lost, kind by kind, with its columns.
pub(super) fn lost(findings: &Findings) -> Vec<String> {
    let kinds = findings.counts.iter().filter(|(code, _)| code.loses_a_value());
    kinds
        .map(|(code, values)| {
            let mut columns = BTreeMap::<&str, Vec<&str>>::new();
            for here in findings.columns.iter().filter(|here| here.code == *code) {
                columns.entry(&here.sheet).or_default().push(&here.column.letters);
            }
            let named = |(sheet, letters): (&&str, &Vec<&str>)| {
                let of = if sheet.is_empty() { String::new() } else { format!(" of {sheet}") };
                let word = if letters.len() == 1 { "column" } else { "columns" };
                format!("{word} {}{of}", letters.join(", "))
            };
            let columns: Vec<String> = columns.iter().map(named).collect();
            let reason = code.text().split(';').next().unwrap_or_default();
            let place = if columns.is_empty() {
                String::new()
            } else {
                format!(" ({})", columns.join("; "))
            };
            format!("lost     {}{place}: {reason}", count(*values, "value", "values"))
        })
        .collect()
}
