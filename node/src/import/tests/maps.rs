//! The maps kept in `examples/maps`, each with a made row under all columns it names: every field comes out filled.

use super::two_sheets::workbook;
use super::*;
use crate::import::map::{Column, Sheet};
use crate::person::Kind;

/// What a made row says under a column, and what it means.
fn made(called: &str, column: &Column, place: usize) -> String {
    let Some(field) = column.field else { return "1092".to_owned() };
    if let Some(words) = &column.values {
        return words.keys().next().expect("a word").clone();
    }
    match (field, field.kind()) {
        // Of these the map of the workbook takes the household's number.
        (Field::PrimaryCollectorFor | Field::AlternateCollectorFor, _) => "1092".to_owned(),
        (Field::Age, _) => "40".to_owned(),
        (_, Kind::Text(_)) if called.contains("hone") => format!("+2519111{place:05}"),
        (_, Kind::Text(_)) => format!("T{place}"),
        (_, Kind::Choice(words)) => words[0].to_owned(),
        (_, Kind::Number(_)) => "2".to_owned(),
        (_, Kind::Date) => "2001-02-03".to_owned(),
        (_, Kind::YesNo) => "yes".to_owned(),
    }
}

/// A header and a row under each column of a sheet.
fn rows(sheet: &Sheet) -> [Vec<String>; 2] {
    let names = sheet.columns().map(|(called, _)| called.to_owned()).collect();
    let cells = sheet.columns().enumerate().map(|(at, (called, column))| made(called, column, at));
    [names, cells.collect()]
}

/// What of a map's fields is not in the household that was read, and what the import says of it.
fn lost(map: &Map, registration: &Registration) -> (Vec<Field>, Vec<String>) {
    let all = households(registration);
    assert_eq!(all.len(), 1, "{:?}", said(registration));
    let household = &all[0];
    let there = |field: Field| {
        household.whole.get(field).is_some()
            || household.members.iter().any(|member| member.get(field).is_some())
    };
    let sheets = [map.household.as_ref(), map.member.as_ref()];
    let fields = sheets.into_iter().flatten().flat_map(Sheet::columns);
    let fields = fields.filter_map(|(_, column)| column.field);
    (fields.filter(|field| !there(*field)).collect(), said(registration))
}

#[test]
fn a_made_row_under_each_column_of_a_map_fills_every_field_it_names() {
    for text in [
        include_str!("../../../../examples/maps/121-demo.toml"),
        include_str!("../../../../examples/maps/121-mm.toml"),
    ] {
        let map = Map::parse(text).expect("a map");
        let parted = if text.contains("delimiter = \";\"") { ";" } else { "," };
        let table =
            rows(map.household.as_ref().expect("a sheet")).map(|row| row.join(parted)).join("\n");
        let registration = csv(&format!("{table}\n"), text).expect("read");
        assert_eq!(lost(&map, &registration), (vec![], vec![]), "{}", map.source);
        assert_eq!(registration.report().dropped_columns, []);
    }
}

#[test]
fn a_made_workbook_under_the_map_of_two_sheets_fills_every_field_it_names() {
    let text = include_str!("../../../../examples/maps/hope.toml");
    let map = Map::parse(text).expect("a map");
    let member = map.member.as_ref().expect("a sheet of members");
    let sheets = [rows(map.household.as_ref().expect("a sheet")), rows(member)];
    let cells = sheets
        .each_ref()
        .map(|rows| rows.each_ref().map(|row| row.iter().map(String::as_str).collect::<Vec<_>>()));
    let [one, two] = cells.each_ref().map(|rows| rows.each_ref().map(Vec::as_slice));
    let (_dir, path) = workbook(&[("Households", &one), ("Individuals", &two)]);
    let registration = read(&path, text).expect("read");
    assert_eq!(lost(&map, &registration), (vec![], vec![]));
    assert_eq!(registration.report().dropped_columns, []);
}
