//! CSV, as found in the field: any delimiter, quotes where they are needed and where they are not, ragged rows.
//!
//! The guesses and the reader; the parser itself is in `fields`.

use std::path::Path;

use encoding_rs::Encoding;

use super::decode::{Decoding, detect};
use super::fields::Parser;
use super::{Cell, CsvOptions, Decimal, Reading, Row, TableError};

/// Delimiters that are tried, in order of preference.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// Rows a guess looks at.
const SAMPLE_ROWS: usize = 50;

#[derive(Debug)]
pub(super) struct Csv {
    encoding: &'static Encoding,
    delimiter: char,
    decimal: Decimal,
    /// Lines to pass over at the start: 1 where the file opens with `sep=;`.
    skip: u64,
    guessed: bool,
}

impl Csv {
    pub(super) fn open(path: &Path, options: &CsvOptions, name: &str) -> Result<Self, TableError> {
        let io = |source| TableError::Io { path: path.to_owned(), source };
        let found = detect(path, options.encoding.as_deref())?;
        let mut sample = String::new();
        Decoding::open(path, found.encoding).and_then(|mut d| d.next(&mut sample)).map_err(io)?;
        if let Some(at) = sample.find('\0') {
            return Err(TableError::Binary { at: at as u64 });
        }
        if sample.trim().is_empty() {
            return Err(TableError::Empty(name.to_owned()));
        }
        let said = separator_line(&sample);
        let skip = u64::from(said.is_some());
        let body = if skip == 1 { sample.split_once('\n').map_or("", |(_, b)| b) } else { &sample };
        let declared = options.delimiter.or(said);
        let delimiter = declared.unwrap_or_else(|| guess_delimiter(body));
        let said = options.decimal.map(|sign| Decimal { sign, sure: true });
        let decimal = said.unwrap_or_else(|| guess_decimal(body, delimiter));
        let guessed = found.guessed || declared.is_none() || said.is_none();
        Ok(Self { encoding: found.encoding, delimiter, decimal, skip, guessed })
    }

    pub(super) fn reading(&self) -> Reading {
        Reading::Csv {
            encoding: self.encoding.name(),
            delimiter: self.delimiter,
            decimal: self.decimal.sign,
            guessed: self.guessed,
        }
    }

    pub(super) const fn decimal(&self) -> Decimal {
        self.decimal
    }

    pub(super) fn read<E: From<TableError>>(
        &self,
        path: &Path,
        each: &mut impl FnMut(&Row, u64) -> Result<(), E>,
    ) -> Result<u64, E> {
        let io = |source| E::from(TableError::Io { path: path.to_owned(), source });
        let mut decoding = Decoding::open(path, self.encoding).map_err(io)?;
        let mut parser = Parser::new(self.delimiter);
        let (mut piece, mut blank) = (String::new(), 0u64);
        let mut hand_over = |parser: &mut Parser, at: u64| -> Result<(), E> {
            if parser.row().is_blank() {
                blank = blank.saturating_add(1);
            } else if parser.row().number > self.skip {
                each(parser.row(), at)?;
            }
            parser.clear();
            Ok(())
        };
        while decoding.next(&mut piece).map_err(io)? {
            for c in piece.chars() {
                if parser.push(c)? {
                    hand_over(&mut parser, decoding.read)?;
                }
            }
        }
        if parser.finish()? {
            hand_over(&mut parser, decoding.read)?;
        }
        Ok(blank)
    }
}

/// `sep=;` on the first line, as spreadsheet programs write for each other.
fn separator_line(sample: &str) -> Option<char> {
    let line = sample.lines().next()?.trim_matches('"');
    let mut rest = line.strip_prefix("sep=").or_else(|| line.strip_prefix("SEP="))?.chars();
    match (rest.next(), rest.next()) {
        (Some(c), None) if !c.is_alphanumeric() && c != '"' => Some(c),
        _ => None,
    }
}

/// The delimiter that gives the same number of fields, more than one, in most rows of the sample.
fn guess_delimiter(sample: &str) -> char {
    let score = |delimiter: char| {
        let rows = sample_rows(sample, delimiter);
        let header = rows.first().map_or(0, Vec::len);
        let same = rows.iter().filter(|r| r.len() == header).count();
        if header < 2 { (0, 0) } else { (same * 100 / rows.len(), header) }
    };
    // Later ones must be strictly better, so that a comma wins a draw.
    let best = DELIMITERS.into_iter().rev().max_by_key(|d| score(*d));
    best.filter(|d| score(*d).1 > 0).unwrap_or(',')
}

/// Whole rows at the start of the sample.
fn sample_rows(sample: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut parser = Parser::new(delimiter);
    let mut rows = Vec::new();
    let mut take = |parser: &mut Parser| {
        if !parser.row().is_blank() {
            let text = |c: &Cell| if let Cell::Text(t) = c { t.clone() } else { String::new() };
            rows.push(parser.row().cells.iter().map(text).collect());
        }
        parser.clear();
        rows.len()
    };
    for c in sample.chars() {
        match parser.push(c) {
            Ok(true) if take(&mut parser) >= SAMPLE_ROWS => return rows,
            Ok(_) => {}
            Err(_) => return rows,
        }
    }
    if matches!(parser.finish(), Ok(true)) {
        take(&mut parser);
    }
    rows
}

/// A comma where numbers are written 12,5 and none 12.5, and the comma does not part the fields. Sure where the comma parts
/// the fields, as those who write 12.5 have it, or where a number can be read in no other way: 1.500 and 20,000 can.
fn guess_decimal(sample: &str, delimiter: char) -> Decimal {
    let rows = sample_rows(sample, delimiter);
    let any = |of: &dyn Fn(&str) -> bool| {
        rows.iter().skip(1).flatten().any(|c| of(&c.replace([' ', '\u{A0}', '\u{202F}'], "")))
    };
    let with = |sign: char| any(&|cell| parted(cell, sign).is_some());
    let only = |sign: char| any(&|cell| parted(cell, sign).is_some() && !may_group(cell));
    let sign = if delimiter != ',' && with(',') && !with('.') { ',' } else { '.' };
    let other = if sign == ',' { '.' } else { ',' };
    let sure = (delimiter == ',' || only(sign)) && !with(other);
    Decimal { sign, sure }
}

/// The digits before and after a sign, where there is nothing else.
fn parted(text: &str, sign: char) -> Option<(&str, &str)> {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    text.split_once(sign).filter(|(a, b)| digits(a) && digits(b))
}

/// Whether the one sign in a number may as well stand between groups of three digits: 1.500 and 20,000, not 0.500.
pub(in crate::import) fn may_group(text: &str) -> bool {
    let parts = parted(text, '.').or_else(|| parted(text, ','));
    parts
        .is_some_and(|(whole, part)| part.len() == 3 && whole.len() <= 3 && !whole.starts_with('0'))
}
