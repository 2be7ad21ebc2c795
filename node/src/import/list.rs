//! Distribution lists: who is to receive how much of what, from a table that a programme made elsewhere.
//!
//! ```text
//! household_id,commodity,amount        household_id,rice,oil
//! HH-000001,rice,12.5             or   HH-000001,12.5,2
//! ```
//!
//! With columns `commodity` and `amount` every row is one entitlement; otherwise each commodity has a column of its own,
//! named by its code. An empty or zero cell in such a column is no entitlement, not a mistake.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use annona_ledger::hash::{Purpose, keyed};
use annona_ledger::limits;
use serde::{Deserialize, Serialize};

use super::check::{Code, ColumnName, Finding, Findings, key_text, number};
use super::header::{self, HEADER_ROWS, Header};
use super::table::{Cell, CsvOptions, Decimal, Reading, Row, Source, letters};
use super::{ImportError, Phase, Progress, Watch};
use crate::seal::Key;

/// Which columns of a list mean what. Where the columns are called as in the example above, none is needed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMap {
    /// The register whose keys the list uses; said by whoever imports where it is not here.
    pub source: Option<String>,
    /// The columns that name the household.
    #[serde(default)]
    pub key: Vec<String>,
    /// The column of commodity codes, where each row is one entitlement.
    pub commodity: Option<String>,
    /// The column of amounts, beside it. Without `commodity`: of the only commodity.
    pub amount: Option<String>,
    /// The sheet of a workbook; the first where it is not said.
    pub sheet: Option<String>,
    /// The row of the header.
    pub header: Option<u64>,
    /// The delimiter of a CSV file.
    pub delimiter: Option<char>,
    /// The encoding of a CSV file.
    pub encoding: Option<String>,
    /// The decimal sign, `.` or `,`; in a workbook, of numbers kept as text.
    pub decimal: Option<char>,
}

impl ListMap {
    /// Reads a list's mapping file (TOML).
    ///
    /// # Errors
    ///
    /// [`super::map::MapError`], which shows the line and what is allowed there.
    pub fn parse(text: &str) -> Result<Self, super::map::MapError> {
        toml::from_str(text)
            .map_err(|e| super::map::MapError::new(e.to_string().trim_end().to_owned()))
    }

    /// How the map says a CSV file is to be read.
    #[must_use]
    pub fn csv(&self) -> CsvOptions {
        CsvOptions {
            delimiter: self.delimiter,
            encoding: self.encoding.clone(),
            decimal: self.decimal,
        }
    }
}

/// A commodity a list may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commodity {
    /// Its code, compared without regard to case.
    pub code: String,
    /// How many decimals its amounts have: 2 for most currencies, 0 for pieces.
    pub digits: u8,
}

/// One entitlement of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// The row of the file, from 1.
    pub row: u64,
    /// The household's key in its register.
    pub key: String,
    /// The place of the commodity in the slice that was given.
    pub commodity: usize,
    /// The amount in minor units, above zero.
    pub amount_minor: u64,
}

/// What was found in a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// How the file was read.
    pub reading: Reading,
    /// Rows below the header that are not blank.
    pub rows: u64,
    /// Rows with nothing in them.
    pub blank_rows: u64,
    /// Rows of the wide form in which no commodity has an amount, so that their household gets nothing.
    pub nothing: u64,
    /// The first of them, by their numbers: at most 200.
    pub nothing_rows: Vec<u64>,
    /// Entitlements handed over.
    pub entitlements: u64,
    /// The total of each commodity, in minor units, in the order the commodities were given.
    pub totals: Vec<u64>,
    /// Everything that is not as it should be.
    pub findings: Findings,
}

/// Rows that give nothing are named up to here.
const NOTHING: usize = 200;

enum Shape {
    /// Places of the commodity (where there is a choice) and of the amount.
    Long(Option<Place>, Place),
    /// A place for each commodity that has a column.
    Wide(Vec<(usize, Place)>),
}

type Place = (usize, Arc<ColumnName>);

struct Reader<'a> {
    commodities: &'a [Commodity],
    known: &'a mut dyn FnMut(&str) -> Result<bool, ImportError>,
    each: &'a mut dyn FnMut(ListRow) -> Result<(), ImportError>,
    report: ListReport,
    sheet: Arc<str>,
    decimal: Decimal,
    /// Keyed hashes of what was seen: 16 bytes for each entitlement, so a million take some 30 MB.
    seen: HashSet<[u8; 16]>,
    secret: Key,
}

/// Reads a distribution list. `known` tells whether a household is registered; `each` takes every entitlement that
/// nothing is wrong with. A row with an [`Severity::Error`](super::Severity::Error) finding is not handed over.
///
/// # Errors
///
/// [`ImportError`] where the file cannot be read or lacks its columns, or whatever `known` and `each` answer.
pub fn read_list(
    source: &Source,
    map: &ListMap,
    commodities: &[Commodity],
    known: &mut dyn FnMut(&str) -> Result<bool, ImportError>,
    each: &mut dyn FnMut(ListRow) -> Result<(), ImportError>,
    watch: &mut Watch<'_>,
) -> Result<ListReport, ImportError> {
    let at = source.find_sheet(map.sheet.as_deref())?;
    let sheet: Arc<str> = source.sheets().get(at).map_or("", String::as_str).into();
    let mut reader = Reader {
        commodities,
        known,
        each,
        report: ListReport {
            reading: source.reading(),
            rows: 0,
            blank_rows: 0,
            nothing: 0,
            nothing_rows: Vec::new(),
            entitlements: 0,
            totals: vec![0; commodities.len()],
            findings: Findings::default(),
        },
        sheet,
        decimal: source.decimal(),
        seen: HashSet::new(),
        secret: Key::random()?,
    };
    let (mut waiting, mut columns) = (Vec::new(), None);
    let total = source.bytes();
    let blank = source.read(at, |row, done| {
        watch.step(Progress { phase: Phase::Reading, done, total, rows: reader.report.rows })?;
        if let Some(columns) = &columns {
            return reader.row(columns, row);
        }
        if map.header.is_none_or(|h| row.number >= h) {
            let (cells, formulas) = (row.cells.clone(), row.formulas.clone());
            waiting.push(Row { number: row.number, cells, formulas });
        }
        if waiting.len() >= HEADER_ROWS {
            columns = Some(reader.begin(map, &mut waiting)?);
        }
        Ok::<(), ImportError>(())
    })?;
    if columns.is_none() {
        reader.begin(map, &mut waiting)?;
    }
    reader.report.blank_rows = blank;
    Ok(reader.report)
}

struct Columns {
    header_row: u64,
    key: Vec<Place>,
    shape: Shape,
    /// Columns the header names, and those before them.
    width: usize,
}

impl Reader<'_> {
    /// Finds the columns and takes the rows that waited for them.
    fn begin(&mut self, map: &ListMap, waiting: &mut Vec<Row>) -> Result<Columns, ImportError> {
        let mut wanted: BTreeSet<String> = map.key.iter().cloned().collect();
        wanted.extend(self.commodities.iter().map(|c| c.code.clone()));
        wanted.extend(map.amount.iter().chain(&map.commodity).cloned());
        wanted.extend(["commodity", "amount"].map(str::to_owned));
        let header = header::find(waiting, map.header, &wanted)
            .ok_or_else(|| ImportError::NoHeader { sheet: self.sheet.to_string() })?;
        let key = if map.key.is_empty() {
            vec![super::map::likely_key(&header).unwrap_or_else(|| "household_id".to_owned())]
        } else {
            map.key.clone()
        };
        let key = key.iter().map(|k| self.column(&header, k)).collect::<Result<Vec<_>, _>>()?;
        let width = header.names().last().map_or(0, |(at, _)| at.saturating_add(1));
        let shape = self.shape(map, &header)?;
        let columns = Columns { header_row: header.row, key, shape, width };
        for row in waiting.drain(..) {
            self.row(&columns, &row)?;
        }
        Ok(columns)
    }

    fn column(&self, header: &Header, name: &str) -> Result<Place, ImportError> {
        let Some(at) = header.find(name) else {
            let have = header.names().take(12).map(|(_, n)| n).collect::<Vec<_>>().join(", ");
            return Err(ImportError::NoListColumn { column: name.to_owned(), have });
        };
        if header.is_repeated(name) {
            let why = "several columns have this name; rename all but one";
            return Err(ImportError::KeyColumn { column: name.to_owned(), why });
        }
        Ok((at, Arc::new(ColumnName { letters: letters(at), name: name.to_owned() })))
    }

    fn shape(&self, map: &ListMap, header: &Header) -> Result<Shape, ImportError> {
        let named = |said: &Option<String>, usual: &str| {
            said.clone().or_else(|| header.find(usual).map(|_| usual.to_owned()))
        };
        if let Some(amount) = named(&map.amount, "amount") {
            let commodity = named(&map.commodity, "commodity");
            if commodity.is_none() && self.commodities.len() != 1 {
                return Err(ImportError::NoListColumn { column: "commodity".into(), have: amount });
            }
            let commodity = commodity.map(|c| self.column(header, &c)).transpose()?;
            return Ok(Shape::Long(commodity, self.column(header, &amount)?));
        }
        let mut wide = Vec::new();
        for (nth, commodity) in self.commodities.iter().enumerate() {
            if header.find(&commodity.code).is_some() {
                wide.push((nth, self.column(header, &commodity.code)?));
            }
        }
        if wide.is_empty() {
            let have = header.names().take(12).map(|(_, n)| n).collect::<Vec<_>>().join(", ");
            return Err(ImportError::NoListColumn { column: "amount".into(), have });
        }
        Ok(Shape::Wide(wide))
    }

    fn say(&mut self, row: u64, column: &Arc<ColumnName>, code: Code, detail: Option<Box<str>>) {
        let (sheet, column) = (self.sheet.clone(), Some(column.clone()));
        self.report.findings.add(Finding { sheet, row: Some(row), column, code, detail });
    }

    fn row(&mut self, columns: &Columns, row: &Row) -> Result<(), ImportError> {
        if row.number <= columns.header_row {
            return Ok(());
        }
        self.report.rows = self.report.rows.saturating_add(1);
        // 12,5 without quotation marks is two cells, and whatever stands behind it is somebody else's.
        let mut beyond = row.cells.iter().enumerate().skip(columns.width);
        if let Some((at, _)) = beyond.find(|(_, cell)| !cell.is_blank()) {
            let column = Arc::new(ColumnName { letters: letters(at), name: "no name".into() });
            self.say(row.number, &column, Code::CellBeyond, None);
            return Ok(());
        }
        let mut parts = Vec::with_capacity(columns.key.len());
        for (at, name) in &columns.key {
            // A list is matched against keys that are known, so digits that a spreadsheet took for a number are safe.
            match key_text(row.cell(*at), true) {
                Ok(part) => parts.push(part),
                Err(code) => {
                    let detail = (code != Code::MissingKey).then(|| "so the row has no key".into());
                    self.say(row.number, name, code, detail);
                    return Ok(());
                }
            }
        }
        let key = super::join_key(parts);
        if let Some((_, name)) = columns.key.first()
            && !(self.known)(&key)?
        {
            self.say(row.number, name, Code::UnknownHousehold, None);
            return Ok(());
        }
        match &columns.shape {
            Shape::Long(commodity, amount) => {
                let nth = match commodity {
                    None => Some(0),
                    Some((at, _)) => self.commodity(row.cell(*at)),
                };
                match (nth, commodity) {
                    (Some(nth), _) => self.entitle(row, &key, nth, amount, true),
                    (None, Some((_, name))) => {
                        self.say(row.number, name, Code::UnknownCommodity, None);
                        Ok(())
                    }
                    (None, None) => Ok(()),
                }
            }
            Shape::Wide(wide) => {
                let before = self.said();
                for (nth, place) in wide {
                    self.entitle(row, &key, *nth, place, false)?;
                }
                if self.said() == before {
                    // A formula that came out empty looks like this: her family is on the file, and would go without.
                    self.report.nothing = self.report.nothing.saturating_add(1);
                    if self.report.nothing_rows.len() < NOTHING {
                        self.report.nothing_rows.push(row.number);
                    }
                }
                Ok(())
            }
        }
    }

    /// How many entitlements and findings there are by now.
    fn said(&self) -> (u64, usize, u64) {
        let found = &self.report.findings;
        (self.report.entitlements, found.list.len(), found.omitted())
    }

    fn commodity(&self, cell: &Cell) -> Option<usize> {
        let code = key_text(cell, true).ok()?.to_lowercase();
        self.commodities.iter().position(|c| c.code.to_lowercase() == code)
    }

    fn entitle(
        &mut self,
        row: &Row,
        key: &str,
        nth: usize,
        place: &Place,
        must: bool,
    ) -> Result<(), ImportError> {
        let (at, name) = place;
        let cell = row.cell(*at);
        let Some(commodity) = self.commodities.get(nth) else { return Ok(()) };
        if cell.is_blank() && !must {
            return Ok(());
        }
        let amount = match amount_minor(cell, self.decimal, commodity.digits) {
            Ok(0) if !must => return Ok(()),
            Ok(0) => Err(Code::AmountNotPositive),
            other => other,
        };
        let amount = match amount {
            Ok(amount) => amount,
            Err(code) => {
                self.say(row.number, name, code, None);
                return Ok(());
            }
        };
        let nth_bytes = (nth as u64).to_be_bytes();
        let hash = keyed(Purpose::Lookup, self.secret.expose(), &[&nth_bytes, key.as_bytes()]);
        let mut handle = [0; 16];
        handle.copy_from_slice(hash.0.split_at(16).0);
        if !self.seen.insert(handle) {
            self.say(row.number, name, Code::DuplicateRow, None);
            return Ok(());
        }
        let total = self.report.totals.get(nth).and_then(|t| t.checked_add(amount));
        let total = total.filter(|total| *total <= limits::AMOUNT);
        let Some(total) = total else {
            self.say(row.number, name, Code::AmountTooLarge, None);
            return Ok(());
        };
        if let Some(place) = self.report.totals.get_mut(nth) {
            *place = total;
        }
        self.report.entitlements = self.report.entitlements.saturating_add(1);
        (self.each)(ListRow {
            row: row.number,
            key: key.to_owned(),
            commodity: nth,
            amount_minor: amount,
        })
    }
}

/// An amount in minor units. Never rounds: more decimals than the commodity has are a mistake.
fn amount_minor(cell: &Cell, decimal: Decimal, digits: u8) -> Result<u64, Code> {
    let amount = minor_units(cell, decimal, digits)?;
    if amount > limits::AMOUNT { Err(Code::AmountTooLarge) } else { Ok(amount) }
}

fn minor_units(cell: &Cell, decimal: Decimal, digits: u8) -> Result<u64, Code> {
    let scale = 10u64.checked_pow(u32::from(digits)).ok_or(Code::AmountTooLarge)?;
    match cell {
        Cell::Number(n) => {
            let scaled = n * scale as f64;
            if !scaled.is_finite() || scaled.abs() >= 9_007_199_254_740_992.0 {
                return Err(Code::AmountTooLarge);
            }
            // A spreadsheet keeps 0.1 + 0.2 as 0.30000000000000004; a real further decimal is far from whole.
            if (scaled - scaled.round()).abs() > 1e-6 {
                return Err(Code::NotAnAmount);
            }
            if *n < 0.0 {
                return Err(Code::AmountNotPositive);
            }
            format!("{:.0}", scaled.round()).parse().map_err(|_| Code::AmountTooLarge)
        }
        Cell::Text(t) => match number(t, decimal, digits) {
            Ok((whole, minor)) => {
                let major = whole.checked_mul(scale);
                major.and_then(|m| m.checked_add(minor)).ok_or(Code::AmountTooLarge)
            }
            Err(Code::NumberOutOfRange) if t.contains(['-', '−']) => Err(Code::AmountNotPositive),
            Err(Code::NumberOutOfRange) => Err(Code::AmountTooLarge),
            Err(Code::AmbiguousNumber) => Err(Code::AmbiguousAmount),
            Err(_) => Err(Code::NotAnAmount),
        },
        Cell::Uncalculated => Err(Code::Uncalculated),
        Cell::Fault => Err(Code::CellFault),
        Cell::Empty | Cell::Date(_) | Cell::Bool(_) => Err(Code::NotAnAmount),
    }
}

#[cfg(test)]
mod tests;
