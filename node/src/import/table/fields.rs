//! The CSV parser: one row at a time out of a stream of characters.
//!
//! Our own, because a row must be refused before it fills the memory, a quotation mark that is never closed must be
//! named by the line it opens on, and the line number must be right after blank lines. A property test holds it to the
//! `csv` crate on everything that crate reads.

use super::{Cell, MAX_CELL, MAX_COLUMNS, MAX_ROW, Row, TableError};

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the start of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Inside quotes.
    Quoted,
    /// Just after a quote inside quotes: the end, or half of a doubled one.
    QuoteSeen,
}

pub(super) struct Parser {
    delimiter: char,
    state: State,
    field: String,
    row: Row,
    /// The current line, from 1.
    line: u64,
    quote_line: u64,
    row_bytes: usize,
    after_cr: bool,
}

impl Parser {
    pub(super) fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            state: State::Start,
            field: String::new(),
            row: Row { number: 1, ..Row::default() },
            line: 1,
            quote_line: 1,
            row_bytes: 0,
            after_cr: false,
        }
    }

    /// The row just completed.
    pub(super) fn row(&self) -> &Row {
        &self.row
    }

    /// Takes one character; true where a row is complete.
    pub(super) fn push(&mut self, c: char) -> Result<bool, TableError> {
        let second_half = std::mem::replace(&mut self.after_cr, c == '\r') && c == '\n';
        if second_half && self.state != State::Quoted {
            return Ok(false);
        }
        if c == '\n' || c == '\r' {
            if !second_half {
                self.line = self.line.saturating_add(1);
            }
            if self.state != State::Quoted {
                self.end_field()?;
                return Ok(true);
            }
        }
        match (self.state, c) {
            (State::Quoted, '"') => self.state = State::QuoteSeen,
            (State::Start, '"') => (self.state, self.quote_line) = (State::Quoted, self.line),
            (State::QuoteSeen, '"') => {
                self.state = State::Quoted;
                self.keep('"')?;
            }
            (State::Start | State::Plain | State::QuoteSeen, c) if c == self.delimiter => {
                self.end_field()?;
            }
            // A letter after a closing quote, as in `"Ana" Maria`, is taken as it stands.
            (State::Start | State::QuoteSeen, c) => {
                self.state = State::Plain;
                self.keep(c)?;
            }
            (State::Plain | State::Quoted, c) => self.keep(c)?,
        }
        Ok(false)
    }

    fn keep(&mut self, c: char) -> Result<(), TableError> {
        self.row_bytes = self.row_bytes.saturating_add(c.len_utf8());
        let too_long = |what, limit| TableError::TooLong { line: self.row.number, what, limit };
        if self.field.len() >= MAX_CELL {
            let open = self.state == State::Quoted && self.line > self.quote_line;
            let open = open.then_some(TableError::OpenQuote { line: self.quote_line });
            return Err(open.unwrap_or_else(|| too_long("cell", MAX_CELL)));
        }
        if self.row_bytes > MAX_ROW {
            return Err(too_long("row", MAX_ROW));
        }
        self.field.push(c);
        Ok(())
    }

    fn end_field(&mut self) -> Result<(), TableError> {
        let column = self.row.cells.len();
        if column >= MAX_COLUMNS {
            let column = super::letters(column);
            return Err(TableError::TooWide { sheet: "CSV".into(), row: self.row.number, column });
        }
        self.state = State::Start;
        let text = std::mem::take(&mut self.field);
        self.row.cells.push(if text.is_empty() { Cell::Empty } else { Cell::Text(text) });
        Ok(())
    }

    /// The end of the file; true where a last row without a line end is complete.
    pub(super) fn finish(&mut self) -> Result<bool, TableError> {
        if self.state == State::Quoted {
            return Err(TableError::OpenQuote { line: self.quote_line });
        }
        if self.row.cells.is_empty() && self.field.is_empty() && self.state == State::Start {
            return Ok(false);
        }
        self.end_field()?;
        Ok(true)
    }

    /// Makes ready for the next row.
    pub(super) fn clear(&mut self) {
        self.row.cells.clear();
        self.row.number = self.line;
        self.row_bytes = 0;
    }
}
