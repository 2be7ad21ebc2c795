//! Findings by column: how many of a kind one column has, and the words in it that a map does not know.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{Code, ColumnName, Finding};

/// The rows named of one column and kind.
const FIRST: usize = 5;
/// The most different words that are told of one column.
pub const MAX_WORDS: usize = 12;
/// The households that each of them is found in at least.
pub const WORD_IN: usize = 3;

/// Words of a column that a map does not know. Where the wrong column was mapped they are names of people: so they are told
/// only where all of them are few, short, without digits, and each in several households; of a column that is called as one of
/// names none is noted.
#[derive(Clone, Default)]
pub struct Words {
    seen: BTreeMap<String, Word>,
    /// More than can be told, or one that may be somebody's name or number.
    kept_back: bool,
}

#[derive(Clone, Default)]
struct Word {
    count: u64,
    /// Some households that it was found in, at most [`WORD_IN`].
    households: Vec<String>,
}

impl Words {
    /// Notes one, of a household's.
    pub(in crate::import) fn add(&mut self, word: &str, household: &str) {
        let short = word.chars().count() <= 24
            && word.split(' ').count() <= 3
            && !word.chars().any(char::is_numeric);
        let room = self.seen.len() < MAX_WORDS || self.seen.contains_key(word);
        if self.kept_back || !short || !room {
            self.kept_back = true;
            self.seen.clear();
            return;
        }
        let word = self.seen.entry(word.to_owned()).or_default();
        word.count = word.count.saturating_add(1);
        if word.households.len() < WORD_IN && word.households.iter().all(|h| h != household) {
            word.households.push(household.to_owned());
        }
    }

    /// The words with how often each is there, where they may be told; otherwise none.
    #[must_use]
    pub fn told(&self) -> BTreeMap<&str, u64> {
        if self.seen.values().any(|word| word.households.len() < WORD_IN) {
            return BTreeMap::new();
        }
        self.seen.iter().map(|(word, at)| (word.as_str(), at.count)).collect()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(…)")
    }
}

/// What was found in one column, of one kind.
#[derive(Clone, Debug)]
pub struct InColumn {
    /// The sheet; empty for a CSV file.
    pub sheet: Arc<str>,
    /// The column.
    pub column: Arc<ColumnName>,
    /// What it is about.
    pub code: Code,
    /// In how many rows.
    pub rows: u64,
    /// The first of them.
    pub first: Vec<u64>,
    /// The words that a map does not know.
    pub words: Words,
}

/// Kinds by sheet and column, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Columns(BTreeMap<(Arc<str>, usize, String, Code), InColumn>);

impl Columns {
    /// What there is, sheet by sheet and column by column.
    pub fn iter(&self) -> impl Iterator<Item = &InColumn> {
        self.0.values()
    }

    /// Where a finding is counted, if it is of one row and one column.
    pub(super) fn of(&mut self, finding: &Finding) -> Option<&mut InColumn> {
        let (row, column) = (finding.row?, finding.column.as_ref()?);
        let letters = column.letters.clone();
        let place = (finding.sheet.clone(), letters.len(), letters, finding.code);
        let here = self.0.entry(place).or_insert_with(|| InColumn {
            sheet: finding.sheet.clone(),
            column: column.clone(),
            code: finding.code,
            rows: 0,
            first: Vec::new(),
            words: Words::default(),
        });
        here.rows = here.rows.saturating_add(1);
        if here.first.len() < FIRST {
            here.first.push(row);
        }
        Some(here)
    }
}

/// A column as `--json` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    sheet: &'a str,
    column: &'a str,
    name: &'a str,
    code: &'static str,
    rows: u64,
    first: &'a [u64],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<&'a str, u64>,
}

pub(super) fn shown<S: Serializer>(columns: &Columns, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(columns.iter().map(|here| Shown {
        sheet: &here.sheet,
        column: &here.column.letters,
        name: &here.column.name,
        code: here.code.name(),
        rows: here.rows,
        first: &here.first,
        words: here.words.told(),
    }))
}
