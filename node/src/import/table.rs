//! Spreadsheets as rows: one streaming reader for CSV, one for XLSX, the same rows out of both.
//!
//! A file is sniffed first ([`Source::open`]) and never loaded whole. Its sheets are then read row by row
//! ([`Source::read`]), each cell with its place, so that a finding can name sheet, row and column as the person who
//! keeps the file sees them. Limits are checked before anything is allocated:
//!
//! | limit | value | why |
//! |---|---|---|
//! | columns | [`MAX_COLUMNS`] | the widest published registration export has under 600 |
//! | one cell | [`MAX_CELL`] bytes | Excel's own limit is 32,767 characters |
//! | one CSV row | [`MAX_ROW`] bytes | a file without line ends must not be read as one row |
//! | unpacked XLSX part | [`MAX_PART`], shared strings [`MAX_STRINGS`] | a zip bomb is met before it goes off |
//!
//! The number of rows has no limit.

mod csv;
mod decode;
mod error;
mod fields;
mod sniff;
mod xlsx;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::person::Date;

pub(super) use csv::may_group;
pub use error::TableError;

/// The most columns a sheet may have.
pub const MAX_COLUMNS: usize = 2048;
/// The most bytes one cell may have.
pub const MAX_CELL: usize = 4 * 1024 * 1024;
/// The most bytes one row of a CSV file may have.
pub const MAX_ROW: usize = 32 * 1024 * 1024;
/// The most bytes a sheet of an XLSX file may unpack to.
pub const MAX_PART: u64 = 4 * 1024 * 1024 * 1024;
/// The most bytes the strings shared by all sheets may unpack to: they are the one part held in memory.
pub const MAX_STRINGS: u64 = 256 * 1024 * 1024;
/// The most sheets an XLSX file may have.
pub const MAX_SHEETS: usize = 256;

/// One cell.
#[derive(Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text as it stands in the file.
    Text(String),
    /// A number; a spreadsheet knows no other kind, so leading zeros and long numbers are already lost.
    Number(f64),
    /// A date, from a cell formatted as one; none where there is no such date.
    Date(Option<Date>),
    /// True or false.
    Bool(bool),
    /// An error value such as `#REF!`.
    Fault,
    /// A formula whose result was never stored.
    Uncalculated,
}

impl Cell {
    /// Whether the cell holds nothing but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(t) => t.trim().is_empty(),
            Self::Number(_) | Self::Date(_) | Self::Bool(_) | Self::Fault | Self::Uncalculated => {
                false
            }
        }
    }
}

impl fmt::Debug for Cell {
    // Cells hold personal values: only their kind is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Date(_) => "date",
            Self::Bool(_) => "yes/no",
            Self::Fault => "error",
            Self::Uncalculated => "uncalculated",
        })
    }
}

/// One row. The same value is used again for the next row.
#[derive(Debug, Default)]
pub struct Row {
    /// The row number as the file's keeper sees it: the line in a CSV file, the row in a spreadsheet, from 1.
    pub number: u64,
    /// Cells from column A on; missing ones at the end are empty.
    pub cells: Vec<Cell>,
    /// The columns whose cell comes from a formula.
    pub formulas: Vec<usize>,
}

impl Row {
    /// The cell of a column, empty where the row is shorter.
    #[must_use]
    pub fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Empty)
    }

    /// Whether every cell is blank.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(Cell::is_blank)
    }
}

/// The letters of a column: 0 is `A`, 26 is `AA`.
#[must_use]
pub fn letters(column: usize) -> String {
    let mut out = Vec::new();
    let mut rest = column;
    loop {
        out.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        if rest < 26 {
            break;
        }
        rest = rest / 26 - 1;
    }
    out.iter().rev().collect()
}

/// How a CSV file is to be read; whatever is not said is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// The character between fields.
    pub delimiter: Option<char>,
    /// The label of an encoding (WHATWG names, `windows-1256`).
    pub encoding: Option<String>,
    /// The decimal sign: `.` or `,`; in a workbook, of numbers kept as text.
    pub decimal: Option<char>,
}

/// The sign between whole and part of numbers written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// `.` or `,`.
    pub sign: char,
    /// Whether somebody said so, or a number of the file can be read in no other way. Where not, 1.500 may be one and a
    /// half or fifteen hundred.
    pub sure: bool,
}

/// How a file is being read, to be shown before anything is imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum Reading {
    /// Text with separators.
    Csv {
        /// The encoding's name.
        encoding: &'static str,
        /// The character between fields.
        delimiter: char,
        /// The decimal sign.
        decimal: char,
        /// Whether encoding, delimiter or decimal sign was guessed rather than declared in the map or the file.
        guessed: bool,
    },
    /// A workbook.
    Xlsx {
        /// Its sheets, in their order.
        sheets: Vec<String>,
        /// Whether its dates count from 1904.
        epoch_1904: bool,
    },
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv { encoding, delimiter, decimal, guessed } => {
                let delimiter =
                    if *delimiter == '\t' { "a tab".into() } else { format!("\"{delimiter}\"") };
                let how =
                    if *guessed { " (guessed; [csv] in the map can say otherwise)" } else { "" };
                write!(
                    f,
                    "CSV, {encoding}, fields parted by {delimiter}, decimal sign \"{decimal}\"{how}"
                )
            }
            Self::Xlsx { sheets, epoch_1904 } => {
                let epoch = if *epoch_1904 { ", dates count from 1904" } else { "" };
                write!(f, "XLSX, {} sheet(s): {}{epoch}", sheets.len(), sheets.join(", "))
            }
        }
    }
}

/// A file whose form is known and whose rows can be read, as often as needed.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    bytes: u64,
    body: Body,
    /// Whether a CSV file's only sheet is called by the file's name: another file is read beside it.
    beside: bool,
}

#[derive(Debug)]
enum Body {
    Csv(csv::Csv),
    Xlsx(Box<xlsx::Book>),
}

impl Source {
    /// Opens a file and finds out how it must be read, without handing over its rows.
    ///
    /// # Errors
    ///
    /// [`TableError`], with the next step in its message.
    pub fn open(path: &Path, options: &CsvOptions) -> Result<Self, TableError> {
        let io = |source| TableError::Io { path: path.to_owned(), source };
        let meta = std::fs::metadata(path).map_err(io)?;
        if meta.is_dir() {
            return Err(io(std::io::ErrorKind::IsADirectory.into()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let body = match sniff::form(path, meta.len(), &name)? {
            sniff::Form::Csv => Body::Csv(csv::Csv::open(path, options, &name)?),
            sniff::Form::Xlsx => Body::Xlsx(Box::new(xlsx::Book::open(path, options.decimal)?)),
        };
        Ok(Self { path: path.to_owned(), bytes: meta.len(), body, beside: false })
    }

    /// The same file, read beside another one: its findings name the file, where its sheet has no name of its own.
    #[must_use]
    pub fn beside_another(self) -> Self {
        Self { beside: true, ..self }
    }

    /// How the file is being read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match &self.body {
            Body::Csv(csv) => csv.reading(),
            Body::Xlsx(book) => book.reading(),
        }
    }

    /// The names of its sheets. A CSV file has one, without a name, or with the file's beside another.
    #[must_use]
    pub fn sheets(&self) -> Vec<String> {
        let file = || self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match &self.body {
            Body::Csv(_) if self.beside => vec![file()],
            Body::Csv(_) => vec![String::new()],
            Body::Xlsx(book) => book.sheets().to_vec(),
        }
    }

    /// The place of the sheet of that name, compared without regard to case; the first where none is asked for. A CSV
    /// file has one sheet, whatever it is called.
    ///
    /// # Errors
    ///
    /// [`TableError::NoSheet`] with the names there are.
    pub fn find_sheet(&self, name: Option<&str>) -> Result<usize, TableError> {
        let (Some(name), Body::Xlsx(book)) = (name, &self.body) else { return Ok(0) };
        let fold = |t: &str| t.trim().to_lowercase();
        let at = book.sheets().iter().position(|s| fold(s) == fold(name));
        at.ok_or_else(|| TableError::NoSheet {
            name: name.to_owned(),
            have: book.sheets().to_vec(),
        })
    }

    /// The file's size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The decimal sign of numbers written as text.
    #[must_use]
    pub fn decimal(&self) -> Decimal {
        match &self.body {
            Body::Csv(csv) => csv.decimal(),
            Body::Xlsx(book) => book.decimal(),
        }
    }

    /// Reads one sheet (by its place in [`Source::sheets`]) and hands over every row that is not blank, with how far
    /// the file is read, out of [`Source::bytes`]. Answers how many blank rows were passed over. The same source is
    /// not read again from within `each`.
    ///
    /// # Errors
    ///
    /// [`TableError`] of the file, or whatever `each` answers.
    pub fn read<E: From<TableError>>(
        &self,
        sheet: usize,
        mut each: impl FnMut(&Row, u64) -> Result<(), E>,
    ) -> Result<u64, E> {
        match &self.body {
            Body::Csv(csv) => csv.read(&self.path, &mut each),
            Body::Xlsx(book) => book.read(self.bytes, sheet, &mut each),
        }
    }
}

#[cfg(test)]
mod tests;
