//! The small model of the value rules, as far as a few seconds go; `exhaust` goes further (spec/model.md).

use annona_tests::exhaustive::{Limits, Line, Row, rows, run_all};

/// What the rows show otherwise than they should.
fn surprises(rows: &[Row], states: usize) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found = Vec::new();
    let limits = Limits { states, depth: u8::MAX };
    run_all(
        rows,
        |row| row.run(limits),
        threads,
        |row, outcome| {
            found.extend(row.surprise(outcome).map(|surprise| format!("{}: {surprise}", row.name)));
            let least = if row.breaks.is_none() { 3 } else { 0 };
            if outcome.complete < least {
                found.push(format!("{}: complete to {} only", row.name, outcome.complete));
            }
        },
    );
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
fn the_core_comes_to_the_same() {
    let mut rows = rows();
    rows.retain(Row::is_real);
    assert_eq!(rows.len(), 21, "a row that was bound is gone");
    let limits = Limits { states: 60, depth: u8::MAX };
    let differ = |row: &Row| row.run_in_core(limits).broken.map(|broken| (row.name, broken));
    assert_eq!(rows.iter().filter_map(differ).collect::<Vec<_>>(), Vec::new());
}

#[test]
fn a_model_that_is_wrong_differs_from_the_core() {
    // Its writer refunds twice; its claims open another amount; its refunds on two branches add up; it covers a float twice,
    // and covers it where the purse is not at home.
    for code in ["Na", "Nb", "Nd", "P4", "L10"] {
        let row = rows().into_iter().find(|row| row.name.starts_with(code)).expect("a row");
        let found = row.run_in_core(Limits { states: 3_000, depth: u8::MAX });
        assert!(found.broken.is_some(), "{}: {found:?}", row.name);
    }
}

/// Who knows A's block with the redemptions, and B's claim, but not A's next block with the refund, does not charge A: in
/// 400 states of this row there are tickets drawn on what came back, and without their refunds the sixth step charged it.
#[test]
fn a_refund_travels_with_its_ticket() {
    let row = rows().into_iter().find(|row| row.name.starts_with("01 ")).expect("a row");
    let found = row.run_in_core(Limits { states: 1_000, depth: u8::MAX });
    assert_eq!(found.broken, None);
}

#[test]
fn threads_change_nothing() {
    let rows: Vec<Row> = rows().into_iter().step_by(7).collect();
    let table = |threads| {
        let mut lines = Vec::new();
        let limits = Limits { states: 500, depth: 6 };
        run_all(
            &rows,
            |row| row.run(limits),
            threads,
            |row, found| {
                lines.push(Line(row, found).to_string());
            },
        );
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

/// `exhaust` ends with 1 where a row that holds was not searched as deep as the page says.
#[test]
fn a_row_that_is_searched_less_deep_than_the_page_says_is_told() {
    for row in rows().iter().filter(|row| row.breaks.is_none()) {
        let least = row.least().unwrap_or_else(|| panic!("{}: the page says no depth", row.name));
        assert!(least >= 7, "{}: {least} is not deep", row.name);
        let few = row.run(Limits { states: 50, depth: u8::MAX });
        assert!(few.complete < least && row.shallow(&few).is_some(), "{}: {few:?}", row.name);
        let mut deep = few;
        deep.complete = least;
        assert_eq!(row.shallow(&deep), None);
    }
}
