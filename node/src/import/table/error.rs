//! Why a file cannot be read as a table.

use std::io;
use std::path::PathBuf;

use super::MAX_COLUMNS;

/// Why a file cannot be read as a table. Every message says what to do next; none shows a value.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Zero bytes, or nothing but white space.
    #[error("{0} is empty: export it again")]
    Empty(String),
    /// A kind of file that is not read.
    #[error("this is {what}, not a CSV or XLSX file: {next}")]
    OtherFormat {
        /// What it looks like.
        what: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Bytes no text has.
    #[error("byte {at} is not text: the file is damaged, or it is not a CSV file; export it again")]
    Binary {
        /// Offset from the start of the file.
        at: u64,
    },
    /// A quotation mark that is never closed.
    #[error("line {line}: a quotation mark opens here and is never closed; close it or remove it")]
    OpenQuote {
        /// Where it opens.
        line: u64,
    },
    /// More in one row than [`super::MAX_ROW`], or in one cell than [`super::MAX_CELL`].
    #[error(
        "line {line}: over {limit} bytes in one {what}; delimiter or line ends are not what they seem"
    )]
    TooLong {
        /// Where it starts.
        line: u64,
        /// `row` or `cell`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A cell to the right of the last column that is read.
    #[error(
        "sheet \"{sheet}\", row {row}, column {column}: only the first {MAX_COLUMNS} columns are read; delete the stray \
         cells to the right and save the file again"
    )]
    TooWide {
        /// The sheet.
        sheet: String,
        /// Row, from 1.
        row: u64,
        /// Column letters.
        column: String,
    },
    /// An XLSX part that would unpack to too much.
    #[error(
        "{part} unpacks to more than {limit} bytes: this is no registration file, or it is an attack"
    )]
    Bomb {
        /// The part's name within the file.
        part: String,
        /// The limit.
        limit: u64,
    },
    /// The XLSX file does not hold together.
    #[error(
        "{place} does not hold together ({detail}): open it in a spreadsheet program and save it again"
    )]
    Damaged {
        /// Sheet or part.
        place: String,
        /// What the reader said, without any value.
        detail: String,
    },
    /// No sheet of that name.
    #[error("there is no sheet \"{name}\"; the file has {}", have.join(", "))]
    NoSheet {
        /// What was asked for.
        name: String,
        /// The sheets there are.
        have: Vec<String>,
    },
    /// An encoding nobody knows.
    #[error("\"{0}\" names no encoding; use for example utf-8, windows-1256 or windows-1252")]
    NoEncoding(String),
}
