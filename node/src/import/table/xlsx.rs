//! XLSX through calamine's streaming reader only.
//!
//! Its convenient reader (`worksheet_range`) allocates for every cell between the first and the last: a 5 KB file with
//! cells A1 and XFD1048576 made it ask for 549 GB. Here a cell is looked at as it comes, and before that every part
//! of the container is unpacked once into nothing, against its limit: declared sizes can lie.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use calamine::{DataRef, Reader, Xlsx, XlsxError};

use super::{
    Cell, Decimal, MAX_CELL, MAX_COLUMNS, MAX_PART, MAX_SHEETS, MAX_STRINGS, Reading, Row,
    TableError, letters,
};
use crate::person::Date;

pub(super) struct Book {
    // Reading a sheet needs the container mutably; rows are handed over while it is borrowed, never re-entered.
    book: RefCell<Xlsx<BufReader<File>>>,
    sheets: Vec<String>,
    epoch_1904: bool,
    decimal: Option<char>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("sheets", &self.sheets).finish_non_exhaustive()
    }
}

impl Book {
    pub(super) fn open(path: &Path, decimal: Option<char>) -> Result<Self, TableError> {
        let io = |source| TableError::Io { path: path.to_owned(), source };
        measure(path)?;
        let file = BufReader::new(File::open(path).map_err(io)?);
        let book = Xlsx::new(file).map_err(|e| damaged("the workbook", &e))?;
        let sheets: Vec<String> = book.sheet_names();
        if sheets.is_empty() || sheets.len() > MAX_SHEETS {
            let detail = format!("{} sheets", sheets.len());
            return Err(TableError::Damaged { place: "the workbook".into(), detail });
        }
        let epoch_1904 = book.has_1904_epoch();
        Ok(Self { book: RefCell::new(book), sheets, epoch_1904, decimal })
    }

    /// Of numbers kept as text: numbers that are numbers have no sign.
    pub(super) fn decimal(&self) -> Decimal {
        Decimal { sign: self.decimal.unwrap_or('.'), sure: self.decimal.is_some() }
    }

    pub(super) fn sheets(&self) -> &[String] {
        &self.sheets
    }

    pub(super) fn reading(&self) -> Reading {
        Reading::Xlsx { sheets: self.sheets.clone(), epoch_1904: self.epoch_1904 }
    }

    pub(super) fn read<E: From<TableError>>(
        &self,
        bytes: u64,
        sheet: usize,
        each: &mut impl FnMut(&Row, u64) -> Result<(), E>,
    ) -> Result<u64, E> {
        let no_sheet =
            || TableError::NoSheet { name: sheet.to_string(), have: self.sheets.clone() };
        let name = self.sheets.get(sheet).ok_or_else(no_sheet)?;
        let place = || format!("sheet \"{name}\"");
        let mut book = self.book.borrow_mut();
        let mut cells = book.worksheet_cells_reader(name).map_err(|e| damaged(&place(), &e))?;
        // The container does not tell how far it is read; the declared last row does, roughly.
        let last_row = u64::from(cells.dimensions().end.0).saturating_add(1);
        let progress = |row: u64| bytes.saturating_mul(row.min(last_row)) / last_row;
        let (mut row, mut last) = (Row::default(), 0u64);
        let mut blank = 0u64;
        let mut hand_over = |row: &mut Row| -> Result<(), E> {
            if !row.is_blank() {
                blank = blank.saturating_add(row.number.saturating_sub(last).saturating_sub(1));
                last = row.number;
                each(row, progress(row.number))?;
            }
            row.cells.clear();
            row.formulas.clear();
            Ok(())
        };
        let damaged_at =
            |row: u64, e: &XlsxError| damaged(&format!("{} after row {row}", place()), e);
        loop {
            let next = cells.next_cell_with_formula_metadata();
            let Some(cell) = next.map_err(|e| damaged_at(row.number, &e))? else { break };
            let (number, column) = (u64::from(cell.pos.0).saturating_add(1), cell.pos.1 as usize);
            if number != row.number {
                hand_over(&mut row)?;
                row.number = number;
            }
            let value = convert(cell.value, cell.formula.is_some());
            if column >= MAX_COLUMNS {
                if value.is_blank() {
                    continue;
                }
                let (sheet, column) = (name.clone(), letters(column));
                return Err(TableError::TooWide { sheet, row: number, column }.into());
            }
            if row.cells.len() <= column {
                row.cells.resize_with(column.saturating_add(1), Cell::default);
            }
            if cell.formula.is_some() {
                row.formulas.push(column);
            }
            if let Some(place) = row.cells.get_mut(column) {
                *place = value;
            }
        }
        hand_over(&mut row)?;
        Ok(blank)
    }
}

fn convert(value: DataRef<'_>, formula: bool) -> Cell {
    let text = |t: &str| if t.is_empty() { Cell::Empty } else { Cell::Text(t.to_owned()) };
    match value {
        DataRef::Empty if formula => Cell::Uncalculated,
        DataRef::Empty => Cell::Empty,
        DataRef::Int(n) => Cell::Number(n as f64),
        DataRef::Float(n) => Cell::Number(n),
        DataRef::String(t) => text(&t),
        DataRef::SharedString(t) => text(t),
        DataRef::Bool(b) => Cell::Bool(b),
        DataRef::DateTime(d) if d.is_datetime() => {
            let (year, month, day, ..) = d.to_ymd_hms_milli();
            Cell::Date(Date::new(year, month, day))
        }
        DataRef::DateTime(d) => Cell::Number(d.as_f64()),
        DataRef::DateTimeIso(t) => Cell::Text(t.split('T').next().unwrap_or_default().to_owned()),
        DataRef::DurationIso(t) => Cell::Text(t),
        DataRef::Error(_) => Cell::Fault,
    }
}

/// What the reader said, cut short and without quoting content.
fn damaged(place: &str, error: &XlsxError) -> TableError {
    let detail = match error {
        XlsxError::Io(e) => e.to_string(),
        XlsxError::Zip(e) => e.to_string(),
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) => "broken XML".to_owned(),
        XlsxError::XmlEof(_) => "it ends too early".to_owned(),
        XlsxError::FileNotFound(part) => format!("part {part} is missing"),
        XlsxError::Password => "it has a password: save it without one".to_owned(),
        _ => "a value of the wrong form".to_owned(),
    };
    TableError::Damaged { place: place.to_owned(), detail }
}

/// Unpacks every part the reader may open into nothing, so that neither its size nor one endless token or cell can surprise
/// it.
fn measure(path: &Path) -> Result<(), TableError> {
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let zip_fault = |e: zip::result::ZipError| TableError::Damaged {
        place: "the file".into(),
        detail: e.to_string(),
    };
    let file = BufReader::new(File::open(path).map_err(io)?);
    let mut zip = zip::ZipArchive::new(file).map_err(zip_fault)?;
    let mut chunk = vec![0u8; 64 * 1024];
    let sheets = match zip.by_name("xl/_rels/workbook.xml.rels") {
        Ok(part) => {
            let mut text = Vec::new();
            let read = part.take(RELATIONS).read_to_end(&mut text);
            read.map_err(|e| TableError::Damaged {
                place: "the workbook".into(),
                detail: e.to_string(),
            })?;
            String::from_utf8_lossy(&text).to_ascii_lowercase()
        }
        Err(_) => String::new(),
    };
    for i in 0..zip.len() {
        let mut part = zip.by_index(i).map_err(zip_fault)?;
        let name = part.name().map_err(zip_fault)?.into_owned();
        let lower = name.to_ascii_lowercase();
        // Pictures and macros are never opened, so their size does not matter; but a sheet may be called as one.
        let called = lower.rsplit('/').next().unwrap_or_default();
        let spelt_otherwise = sheets.contains(['&', '%']);
        let may_be_sheet = sheets.contains(called) || spelt_otherwise;
        if !(lower.ends_with(".xml") || lower.ends_with(".rels") || may_be_sheet) {
            continue;
        }
        let sheet = lower.contains("worksheets/");
        let limit = if sheet { MAX_PART } else { MAX_STRINGS };
        let bomb = |limit| TableError::Bomb { part: name.clone(), limit };
        if part.size() > limit {
            return Err(bomb(limit));
        }
        let (mut unpacked, mut tokens) = (0u64, Tokens::default());
        loop {
            let n = part
                .read(&mut chunk)
                .map_err(|e| TableError::Damaged { place: name.clone(), detail: e.to_string() })?;
            let bytes = chunk.get(..n).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            unpacked = unpacked.saturating_add(n as u64);
            if unpacked > limit {
                return Err(bomb(limit));
            }
            if !tokens.fit(bytes) {
                return Err(bomb(MAX_CELL as u64));
            }
        }
    }
    Ok(())
}

/// Bytes looked at of what the workbook is made of: it names at most [`MAX_SHEETS`] sheets.
const RELATIONS: u64 = 1024 * 1024;

/// Watches the longest tag, text and comment, which the XML reader holds in memory, and the text of the longest cell: the
/// pieces of a rich text are put together.
#[derive(Default)]
struct Tokens {
    run: usize,
    special: bool,
    last: [u8; 2],
    /// Text since a cell, a row or a shared string began or ended.
    text: usize,
    /// The name of the tag in hand, without what stands before a colon; more than four letters are not kept.
    tag: Option<Vec<u8>>,
    inside: bool,
}

impl Tokens {
    fn fit(&mut self, bytes: &[u8]) -> bool {
        for b in bytes {
            let closes = self.special && *b == b'>' && (self.last == *b"--" || self.last == *b"]]");
            let opens = !self.special && *b == b'<';
            if self.last[1] == b'<' && *b == b'!' {
                self.special = true;
            }
            self.special &= !closes;
            self.run = if opens || closes { 0 } else { self.run + 1 };
            self.cell(*b, opens);
            if self.run > MAX_CELL || self.text > MAX_CELL {
                return false;
            }
            self.last = [self.last[1], *b];
        }
        true
    }

    fn cell(&mut self, b: u8, opens: bool) {
        if opens {
            (self.inside, self.tag) = (true, Some(Vec::with_capacity(4)));
        } else if self.special || !self.inside {
            self.text += 1;
        } else if let Some(tag) = &mut self.tag {
            match b {
                b'/' if tag.is_empty() => {}
                b':' => tag.clear(),
                b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'/' => {
                    if [&b"c"[..], b"row", b"si"].contains(&tag.as_slice()) {
                        self.text = 0;
                    }
                    self.tag = None;
                }
                _ if tag.len() < 4 => tag.push(b),
                _ => {}
            }
        }
        if b == b'>' && !self.special {
            self.inside = false;
        }
    }
}
