//! The pages of the specification, held against the code they describe.

/// The rows of a page's tables, cell by cell, without the marks around names.
fn rows(page: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(cells.split(" | ").map(|cell| cell.trim_matches('`').to_owned()).collect())
    };
    page.lines().filter_map(row).collect()
}

/// The pairs `name = number` of an enum or of constants, as the source spells them.
fn numbered(source: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (name, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
        number.parse::<u16>().ok()?;
        Some((name.to_owned(), number.to_owned()))
    };
    source.lines().filter_map(pair).collect()
}

/// What a constant's expression comes to: products, shifts and one name are all there is.
fn evaluated(expression: &str) -> u64 {
    let number = |text: &str| match text.trim() {
        "i64::MAX as u64" => i64::MAX.unsigned_abs(),
        text => text.replace('_', "").parse().expect("a number"),
    };
    match (expression.split_once(" << "), expression.contains(" * ")) {
        (Some((one, by)), _) => number(one) << number(by),
        (None, true) => expression.split(" * ").map(number).product(),
        (None, false) => number(expression),
    }
}

#[test]
fn every_limit_is_one_line_of_its_page() {
    let source = include_str!("limits.rs");
    let constant = |line: &str| {
        let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
        let (_, value) = rest.strip_suffix(';')?.split_once(" = ")?;
        Some((name.to_owned(), evaluated(value).to_string()))
    };
    let code: Vec<_> = source.lines().filter_map(constant).collect();
    let page = rows(include_str!("../../spec/limits.md"));
    let page: Vec<_> = page.iter().skip(1).map(|row| (row[0].clone(), row[1].clone())).collect();
    assert!(code.len() > 20);
    assert_eq!(page, code);
}

#[test]
fn rejections_and_faults_have_the_numbers_and_names_of_their_page() {
    let page = rows(include_str!("../../spec/deciding.md"));
    let page: Vec<_> = page
        .iter()
        .filter(|row| row[0].parse::<u16>().is_ok())
        .map(|row| (row[1].clone(), row[0].clone()))
        .collect();
    let mut code = numbered(include_str!("rejection.rs"));
    assert!(code.is_sorted_by_key(|(_, number)| number.parse::<u16>().expect("a number")));
    let all = crate::rejection::Rejection::ALL.map(|r| (format!("{r:?}"), r.code().to_string()));
    assert_eq!(code, all, "the list of all of them has all of them");
    code.extend(numbered(include_str!("view.rs")));
    assert!(code.len() > 45);
    assert_eq!(page, code);
}

#[test]
fn purposes_and_contexts_are_those_of_their_page() {
    let page = include_str!("../../spec/encoding.md");
    let table = rows(page);
    for purpose in crate::hash::PURPOSES {
        let row = [format!("{purpose:?}"), purpose.context().to_owned()];
        assert_eq!(table.iter().filter(|cells| cells.starts_with(&row)).count(), 1, "{row:?}");
    }
    let purposes = table.iter().filter(|cells| cells[1].starts_with("annona 2026 v1 ")).count();
    assert_eq!(purposes, crate::hash::PURPOSES.len());
    let quoted =
        include_str!("key.rs").lines().filter_map(|line| line.trim().split_once("b\"annona1 "));
    for (name, context) in quoted {
        let context = context.split('"').next().expect("up to the quote");
        // A line that asks whether something begins like a context names none.
        if context.is_empty() {
            continue;
        }
        assert!(page.contains(&format!("`annona1 {context}`")), "{name} {context}");
    }
}
