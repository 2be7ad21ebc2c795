//! One sheet: find its header, match it with the map, convert its rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Dropped, Registration};
use crate::import::check::{Code, ColumnName, Compiled, Finding, Said, key_text};
use crate::import::header::{self, HEADER_ROWS, Header, refused_header};
use crate::import::map::{Map, Sheet};
use crate::import::stage::Placed;
use crate::import::table::{Cell, Decimal, Row, Source, letters};
use crate::import::{ImportError, Phase, Progress, Watch, join_key};
use crate::person::{Attributes, Household, forbidden};

/// Rows in which columns outside the map are looked at, to tell a column of pictures from one nobody wanted.
const LOOK_ROWS: u64 = 200;
/// After so many values that look like encoded bytes the whole column is refused.
const ENCODED: u32 = 3;

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Household,
    /// Joined to the household sheet.
    Member,
    /// The only sheet: rows of one key make a household.
    Person,
}

struct KeyColumn {
    index: usize,
    name: Arc<ColumnName>,
    number_as_text: bool,
}

/// A sheet whose header is known.
struct Prepared {
    name: Arc<str>,
    role: Role,
    header_row: u64,
    width: usize,
    key: Vec<KeyColumn>,
    columns: Vec<Compiled>,
    /// Columns of the map that are refused, by place in `columns`, and how many encoded values each had.
    refused: BTreeSet<usize>,
    encoded: Vec<u32>,
    formulas: BTreeSet<usize>,
    /// Columns outside the map.
    others: Vec<(usize, Arc<ColumnName>)>,
}

impl Registration {
    pub(super) fn sheets(
        &mut self,
        source: &Source,
        members: Option<&Source>,
        map: &Map,
        watch: &mut Watch<'_>,
    ) -> Result<(), ImportError> {
        let place = |file: &Source, sheet: &Sheet| file.find_sheet(sheet.sheet.as_deref());
        let mut work = Vec::new();
        if let Some(sheet) = &map.household {
            work.push((source, place(source, sheet)?, sheet, map.key.as_slice(), Role::Household));
        }
        if let Some(sheet) = &map.member {
            let role = if map.household.is_some() { Role::Member } else { Role::Person };
            let file = members.unwrap_or(source);
            work.push((file, place(file, sheet)?, sheet, map.join(), role));
        }
        let called = |file: &Source, at: usize| file.sheets().get(at).cloned().unwrap_or_default();
        if let ([(_, a, ..), (_, b, ..)], None) = (work.as_slice(), members)
            && a == b
        {
            return Err(ImportError::SameSheet(called(source, *a)));
        }
        if let ([(one, a, ..), (other, b, ..)], Some(_)) = (work.as_slice(), members) {
            self.files = Some((called(one, *a).into(), called(other, *b).into()));
        }
        let total = work.iter().map(|(file, ..)| file.bytes()).sum();
        let mut before = 0u64;
        for (file, at, sheet, key, role) in &work {
            let name: Arc<str> = called(file, *at).into();
            let read = before;
            before = before.saturating_add(file.bytes());
            let (mut waiting, mut prepared) = (Vec::new(), None);
            let ready =
                |this: &mut Self, waiting: &mut Vec<Row>| -> Result<Prepared, ImportError> {
                    let mut sheet =
                        this.prepare(&name, *role, sheet, key, waiting, map, file.decimal())?;
                    for row in waiting.drain(..) {
                        this.row(&mut sheet, &row)?;
                    }
                    Ok(sheet)
                };
            let blank = file.read(*at, |row, done| {
                let done = read.saturating_add(done);
                watch.step(Progress {
                    phase: Phase::Reading,
                    done,
                    total,
                    rows: self.report.rows,
                })?;
                if let Some(sheet) = &mut prepared {
                    return self.row(sheet, row);
                }
                if sheet.header.is_none_or(|h| row.number >= h) {
                    let cells = row.cells.clone();
                    waiting.push(Row { number: row.number, cells, formulas: row.formulas.clone() });
                }
                if waiting.len() >= HEADER_ROWS {
                    prepared = Some(ready(self, &mut waiting)?);
                }
                Ok::<(), ImportError>(())
            })?;
            self.report.blank_rows = self.report.blank_rows.saturating_add(blank);
            if prepared.is_none() {
                ready(self, &mut waiting)?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // Everything a sheet is made of, handed over once.
    fn prepare(
        &mut self,
        name: &Arc<str>,
        role: Role,
        sheet: &Sheet,
        key: &[String],
        rows: &[Row],
        map: &Map,
        decimal: Decimal,
    ) -> Result<Prepared, ImportError> {
        let wanted: BTreeSet<String> =
            sheet.columns().map(|(n, _)| n.to_owned()).chain(key.iter().cloned()).collect();
        let header = header::find(rows, sheet.header, &wanted)
            .ok_or_else(|| ImportError::NoHeader { sheet: name.to_string() })?;
        let key = key
            .iter()
            .map(|k| key_column(name, &header, sheet, k))
            .collect::<Result<Vec<_>, _>>()?;
        let mut used: BTreeSet<usize> = key.iter().map(|k| k.index).collect();
        let mut columns = Vec::new();
        for (called, column) in sheet.columns() {
            let Some(index) = header.find(called) else {
                let name_of =
                    |called: &str| ColumnName { letters: String::new(), name: called.to_owned() };
                let column_name = Arc::new(name_of(called));
                self.say(name, None, Some(&column_name), Code::MissingColumn, None);
                self.unread.extend(column.field);
                continue;
            };
            let compiled = column
                .field
                .map(|field| Compiled::new(index, called, field, column, map.date_order, decimal));
            let Some(compiled) = compiled else {
                used.insert(index);
                continue;
            };
            if header.is_repeated(called) {
                self.unread.insert(compiled.field);
                self.say(name, None, Some(&compiled.name), Code::RepeatedColumn, None);
            } else if let Some(why) = refused_header(called) {
                self.refuse(name, &compiled.name, why);
            } else {
                columns.push(compiled);
            }
            used.insert(index);
        }
        let mut others = Vec::new();
        for (index, called) in header.names().filter(|(i, _)| !used.contains(i)) {
            let column = Arc::new(ColumnName { letters: letters(index), name: called.to_owned() });
            match refused_header(called) {
                Some(why) => self.refuse(name, &column, why),
                None => others.push((index, column)),
            }
        }
        for (_, column) in &others {
            self.say(name, None, Some(column), Code::UnmappedColumn, None);
            self.report.dropped_columns.push(dropped(name, column, None));
        }
        let width = header.names().last().map_or(0, |(i, _)| i.saturating_add(1));
        Ok(Prepared {
            name: name.clone(),
            role,
            header_row: header.row,
            width,
            key,
            encoded: vec![0; columns.len()],
            columns,
            refused: BTreeSet::new(),
            formulas: BTreeSet::new(),
            others,
        })
    }

    fn say(
        &mut self,
        sheet: &Arc<str>,
        row: Option<u64>,
        column: Option<&Arc<ColumnName>>,
        code: Code,
        detail: Option<Box<str>>,
    ) {
        self.report.findings.add(Finding {
            sheet: sheet.clone(),
            row,
            column: column.cloned(),
            code,
            detail,
        });
    }

    fn refuse(&mut self, sheet: &Arc<str>, column: &Arc<ColumnName>, why: &str) {
        self.say(sheet, None, Some(column), Code::RefusedColumn, Some(why.into()));
        self.report.refused_columns.push(dropped(sheet, column, Some(why.to_owned())));
        self.report.dropped_columns.retain(|d| *d != dropped(sheet, column, None));
    }

    fn row(&mut self, sheet: &mut Prepared, row: &Row) -> Result<(), ImportError> {
        if row.number <= sheet.header_row {
            return Ok(());
        }
        self.report.rows = self.report.rows.saturating_add(1);
        self.look_around(sheet, row);
        let Some(key) = self.key(sheet, row) else {
            self.report.refused_rows = self.report.refused_rows.saturating_add(1);
            return Ok(());
        };
        let waiting = self.values(sheet, row, key);
        let at = row.number;
        let kept = match sheet.role {
            Role::Household => match self.stage.place(at, &waiting)? {
                Placed::New(_) => true,
                Placed::Known(_, first) => {
                    let detail = Some(format!("row {first}").into());
                    let column = sheet.key.first().map(|k| k.name.clone());
                    self.say(&sheet.name, Some(at), column.as_ref(), Code::DuplicateKey, detail);
                    false
                }
            },
            Role::Member => match self.stage.find(&waiting.key)? {
                Some(household) => {
                    self.stage.member(household, at, &waiting)?;
                    true
                }
                None => {
                    let column = sheet.key.first().map(|k| k.name.clone());
                    self.say(&sheet.name, Some(at), column.as_ref(), Code::OrphanMember, None);
                    false
                }
            },
            Role::Person => {
                let household = Household { key: waiting.key.clone(), ..Household::default() };
                let (Placed::New(id) | Placed::Known(id, _)) = self.stage.place(at, &household)?;
                self.stage.member(id, at, &waiting)?;
                true
            }
        };
        if !kept {
            self.report.refused_rows = self.report.refused_rows.saturating_add(1);
        }
        Ok(())
    }

    /// Notices what concerns the row as a whole and columns outside the map.
    fn look_around(&mut self, sheet: &mut Prepared, row: &Row) {
        let beyond = row.cells.iter().enumerate().skip(sheet.width).find(|(_, c)| !c.is_blank());
        if let Some((at, _)) = beyond {
            let column = Arc::new(ColumnName { letters: letters(at), name: "no name".into() });
            self.say(&sheet.name, Some(row.number), Some(&column), Code::LongRow, None);
        }
        if row.number.saturating_sub(sheet.header_row) <= LOOK_ROWS {
            let looks = |cell: &Cell| if let Cell::Text(t) = cell { forbidden(t) } else { None };
            let found = |(at, _): &(usize, _)| looks(row.cell(*at)).is_some();
            while let Some(at) = sheet.others.iter().position(found) {
                let (index, column) = sheet.others.swap_remove(at);
                let why = looks(row.cell(index)).map(|w| w.to_string()).unwrap_or_default();
                self.refuse(&sheet.name, &column, &why);
            }
        }
        for index in &row.formulas {
            let column = sheet.columns.iter().find(|c| c.index == *index).map(|c| c.name.clone());
            if let Some(column) = column
                && sheet.formulas.insert(*index)
            {
                self.say(&sheet.name, None, Some(&column), Code::FormulaColumn, None);
            }
        }
    }

    fn key(&mut self, sheet: &Prepared, row: &Row) -> Option<String> {
        let mut parts = Vec::with_capacity(sheet.key.len());
        for column in &sheet.key {
            match key_text(row.cell(column.index), column.number_as_text) {
                Ok(part) => parts.push(part),
                Err(code) => {
                    let detail = (code != Code::MissingKey).then(|| "so the row has no key".into());
                    self.say(&sheet.name, Some(row.number), Some(&column.name), code, detail);
                    return None;
                }
            }
        }
        let key = join_key(parts);
        if key.len() > crate::person::MAX_KEY || forbidden(&key).is_some() {
            let column = sheet.key.first().map(|k| k.name.clone());
            self.say(
                &sheet.name,
                Some(row.number),
                column.as_ref(),
                Code::TextTooLong,
                Some("so the row has no key".into()),
            );
            return None;
        }
        Some(key)
    }

    fn values(&mut self, sheet: &mut Prepared, row: &Row, key: String) -> Household {
        let mut waiting = Household { key, ..Household::default() };
        for (at, column) in sheet.columns.iter().enumerate() {
            if sheet.refused.contains(&at) {
                continue;
            }
            let cell = row.cell(column.index);
            let (value, said) = column.convert(cell);
            if value.is_none() && said.is_some() {
                self.unread.insert(column.field);
            }
            let about = |code, detail| Finding {
                sheet: sheet.name.clone(),
                row: Some(row.number),
                column: Some(column.name.clone()),
                code,
                detail,
            };
            if let Some(said) = said {
                match said {
                    Said::Wrong(code) => self.report.findings.add(about(code, None)),
                    Said::Word(word) => {
                        let finding = about(Code::UnknownValue, None);
                        self.report.findings.add_word(finding, &word, &waiting.key);
                    }
                    Said::Refused(code, what) => {
                        let encoded = sheet.encoded.get_mut(at);
                        let enough =
                            encoded.filter(|_| code == Code::RefusedValue).is_some_and(|n| {
                                *n = n.saturating_add(1);
                                *n >= ENCODED
                            });
                        let why = what.to_string();
                        if code == Code::RefusedColumn || enough {
                            self.refuse(&sheet.name, &column.name, &why);
                            sheet.refused.insert(at);
                            let slot = (sheet.role == Role::Household).then_some(column.slot);
                            self.withheld.insert((column.field, slot));
                            continue;
                        }
                        self.report.findings.add(about(code, Some(why.into())));
                    }
                }
            } else if value.is_none() && column.required {
                self.say(
                    &sheet.name,
                    Some(row.number),
                    Some(&column.name),
                    Code::MissingValue,
                    None,
                );
            }
            let Some(value) = value else { continue };
            let attributes = if column.is_household() {
                &mut waiting.whole
            } else {
                if waiting.members.len() <= column.slot {
                    waiting.members.resize_with(column.slot.saturating_add(1), Attributes::default);
                }
                let Some(member) = waiting.members.get_mut(column.slot) else { continue };
                member
            };
            if attributes.set(column.field, value).is_err() {
                self.unread.insert(column.field);
                self.say(
                    &sheet.name,
                    Some(row.number),
                    Some(&column.name),
                    Code::UnreadableCharacters,
                    None,
                );
            }
        }
        waiting
    }
}

fn key_column(
    sheet: &str,
    header: &Header,
    map: &Sheet,
    name: &str,
) -> Result<KeyColumn, ImportError> {
    let Some(index) = header.find(name) else {
        let names: Vec<&str> = header.names().map(|(_, n)| n).collect();
        let more = if names.len() > 12 {
            format!(" and {} more", names.len() - 12)
        } else {
            String::new()
        };
        let have = names.iter().take(12).copied().collect::<Vec<_>>().join(", ") + &more;
        return Err(ImportError::NoKeyColumn {
            sheet: sheet.to_owned(),
            column: name.to_owned(),
            have,
        });
    };
    let fault = |why| Err(ImportError::KeyColumn { column: name.to_owned(), why });
    if header.is_repeated(name) {
        return fault("several columns have this name; rename all but one");
    }
    if let Some(why) = refused_header(name) {
        return fault(why);
    }
    let number_as_text =
        map.columns().any(|(n, c)| c.number_as_text && header.find(n) == Some(index));
    let name = Arc::new(ColumnName { letters: letters(index), name: name.to_owned() });
    Ok(KeyColumn { index, name, number_as_text })
}

fn dropped(sheet: &str, column: &ColumnName, why: Option<String>) -> Dropped {
    Dropped {
        sheet: sheet.to_owned(),
        column: column.letters.clone(),
        name: column.name.clone(),
        why,
    }
}
