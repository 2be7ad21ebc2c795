//! What kind of file this is, from its first bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::TableError;

/// A form that can be read.
pub(super) enum Form {
    Csv,
    Xlsx,
}

/// Files people send by mistake: first bytes, what it is, what to do.
const OTHERS: [(&[u8], &str, &str); 8] = [
    (
        b"\xD0\xCF\x11\xE0",
        "an old XLS or a password-protected workbook",
        "open it and save it as XLSX without a password",
    ),
    (b"%PDF", "a PDF", "ask for the table it was printed from"),
    (b"\xFF\xD8\xFF", "a photograph", "import the registration file"),
    (b"\x89PNG", "a picture", "import the registration file"),
    (b"\x1F\x8B", "a compressed file", "unpack it first"),
    (b"7z\xBC\xAF", "a compressed file", "unpack it first"),
    (b"SQLite format 3\0", "a database", "export its table as CSV"),
    (b"{\\rtf", "a text document", "save its table as CSV"),
];

pub(super) fn form(path: &Path, bytes: u64, name: &str) -> Result<Form, TableError> {
    if bytes == 0 {
        return Err(TableError::Empty(name.to_owned()));
    }
    let io = |source: io::Error| TableError::Io { path: path.to_owned(), source };
    let mut head = Vec::with_capacity(512);
    File::open(path).and_then(|f| f.take(512).read_to_end(&mut head)).map_err(io)?;
    let other = |what, next| Err(TableError::OtherFormat { what, next });
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let ods = head.windows(12).any(|w| w == b"opendocument");
        return if ods { other("an ODS workbook", "save it as XLSX") } else { Ok(Form::Xlsx) };
    }
    if let Some((_, what, next)) = OTHERS.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return other(what, next);
    }
    let text = head.to_ascii_lowercase();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text).trim_ascii_start();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        return other("a web page", "log in and export the file again");
    }
    if text.starts_with(b"<?xml") {
        return other("an XML file", "export it as CSV or XLSX");
    }
    if text.starts_with(b"{") || text.starts_with(b"[{") {
        return other("a JSON file", "export it as CSV or XLSX");
    }
    Ok(Form::Csv)
}
