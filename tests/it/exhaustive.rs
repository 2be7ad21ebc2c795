//! The small model of the value rules, as far as a few seconds go; `exhaust` goes further (spec/model.md).

use annona_tests::exhaustive::{Limits, Line, Row, rows, run_all};

/// What the rows show otherwise than they should.
fn surprises(rows: &[Row], states: usize) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found = Vec::new();
    run_all(rows, Limits { states, depth: u8::MAX }, threads, |row, outcome| {
        found.extend(row.surprise(outcome).map(|surprise| format!("{}: {surprise}", row.name)));
        let least = if row.breaks.is_none() { 3 } else { 0 };
        if outcome.complete < least {
            found.push(format!("{}: complete to {} only", row.name, outcome.complete));
        }
    });
    found
}

#[test]
fn what_should_break_breaks_in_so_many_steps() {
    let mut rows = rows();
    rows.retain(|row| row.breaks.is_some());
    assert_eq!(surprises(&rows, 40_000), Vec::<String>::new());
}

#[test]
fn what_should_hold_holds_as_far_as_this_goes() {
    let mut rows = rows();
    rows.retain(|row| row.breaks.is_none());
    assert_eq!(surprises(&rows, 1_000), Vec::<String>::new());
}

#[test]
fn threads_change_nothing() {
    let rows: Vec<Row> = rows().into_iter().step_by(7).collect();
    let table = |threads| {
        let mut lines = Vec::new();
        run_all(&rows, Limits { states: 500, depth: 6 }, threads, |row, found| {
            lines.push(Line(row, found).to_string());
        });
        lines
    };
    assert_eq!(table(1), table(3));
}

#[test]
fn the_page_lists_every_row() {
    let page = include_str!("../../spec/model.md");
    let missing: Vec<String> = rows()
        .iter()
        .map(|row| match row.breaks {
            None => format!("| {} | holds |", row.name),
            Some(steps) => format!("| {} | breaks in {steps} |", row.name),
        })
        .filter(|line| !page.contains(line.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "lines that spec/model.md lacks");
}
