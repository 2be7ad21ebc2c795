//! The header of a sheet: where it is, what its columns are called, and which of them are refused by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::import::table::{Cell, Row};
use crate::person::clean;

/// Rows looked at to find a header: exports carry titles and notes above it.
pub const HEADER_ROWS: usize = 40;

/// The names of a sheet's columns.
#[derive(Clone, Debug)]
pub struct Header {
    /// The row it stands on.
    pub row: u64,
    names: Vec<(usize, String)>,
    repeated: BTreeSet<String>,
}

impl Header {
    fn of(row: &Row) -> Self {
        let mut names = Vec::new();
        let mut seen = BTreeMap::new();
        for (column, cell) in row.cells.iter().enumerate() {
            if let Some(name) = name_of(cell) {
                *seen.entry(name.clone()).or_insert(0u32) += 1;
                names.push((column, name));
            }
        }
        let repeated = seen.into_iter().filter(|(_, n)| *n > 1).map(|(name, _)| name).collect();
        Self { row: row.number, names, repeated }
    }

    /// Columns that have a name, with their place from 0.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.names.iter().map(|(at, name)| (*at, name.as_str()))
    }

    /// Whether several columns bear this name.
    #[must_use]
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    /// The place of the column of that name: exactly, or else without regard to case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let name = clean(name).0;
        let lower = name.to_lowercase();
        let exact = self.names.iter().find(|(_, n)| *n == name);
        exact
            .or_else(|| self.names.iter().find(|(_, n)| n.to_lowercase() == lower))
            .map(|(at, _)| *at)
    }
}

fn name_of(cell: &Cell) -> Option<String> {
    let name = match cell {
        Cell::Text(t) => clean(t).0,
        Cell::Number(n) => n.to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Empty | Cell::Date(_) | Cell::Fault | Cell::Uncalculated => String::new(),
    };
    (!name.is_empty()).then(|| name.chars().take(200).collect())
}

/// Finds the header among the first rows: the row of that number; or the one that names most of `wanted`; or, where
/// nothing is wanted, the first of those with the most texts.
#[must_use]
pub fn find(rows: &[Row], at: Option<u64>, wanted: &BTreeSet<String>) -> Option<Header> {
    if let Some(at) = at {
        return rows.iter().find(|r| r.number == at).map(Header::of);
    }
    let score = |row: &Row| {
        let header = Header::of(row);
        let hits = wanted.iter().filter(|w| header.find(w).is_some()).count();
        let texts =
            row.cells.iter().filter(|c| matches!(c, Cell::Text(t) if !t.trim().is_empty())).count();
        if wanted.is_empty() { texts } else { hits }
    };
    // The first of the best: `max_by_key` answers the last one, so the rows are walked from the end.
    let best = rows.iter().take(HEADER_ROWS).rev().max_by_key(|r| score(r))?;
    (score(best) > 0).then(|| Header::of(best))
}

/// Words in a header that announce an image or a measurement of a body, and why such a column is refused.
const REFUSED: &[(&str, &str)] = &[
    (
        "photo photos photograph image images picture pictures pic selfie face portrait foto fotos imagen صورة صور",
        PHOTO,
    ),
    ("signature sign firma توقيع", "a signature is an image of a person's hand"),
    (
        "fingerprint fingerprints finger fingers thumb thumbprint iris palm biometric biometrics biometrie wsq fmr fir \
         template templates minutiae huella huellas empreinte empreintes بصمة بصمات",
        "measurements of a body are never stored",
    ),
    ("voice audio recording voz voix", "recordings of a voice are never stored"),
];
const PHOTO: &str = "images of persons and their documents are never stored";

/// Why a column is refused by its name, where it is.
#[must_use]
pub fn refused_header(name: &str) -> Option<&'static str> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        // camelCase: a capital after a small letter opens a word.
        if !c.is_alphabetic() || (c.is_uppercase() && lower_before) {
            words.push(std::mem::take(&mut word));
        }
        lower_before = c.is_lowercase();
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
    }
    words.push(word);
    let listed = |list: &str| {
        list.split(' ').any(|w| words.iter().any(|x| x == w || x.strip_prefix("ال") == Some(w)))
    };
    REFUSED.iter().find(|(list, _)| listed(list)).map(|(_, why)| *why)
}
