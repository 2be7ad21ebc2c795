//! Findings: everything in a file that is not as it should be, by sheet, row and column, with what to do.
//!
//! A finding shows the place and the problem, never the value: a list of findings is printed, mailed and left on desks.
//! Words that a value map does not know are told of a column as a whole, where they cannot be names ([`Words`]).

mod columns;
mod convert;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use columns::{Columns, InColumn, MAX_WORDS, WORD_IN, Words};
pub(crate) use convert::{Compiled, Said, is_identifier, key_text, number};

/// The most findings kept with their place; beyond it they are only counted.
pub const MAX_FINDINGS: usize = 200_000;

/// How much a finding costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is lost that the map asks for.
    Note,
    /// A value, or a column, is left out; the rest of the row is imported.
    Warning,
    /// The row is not imported.
    Error,
}

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $text:literal)*) => {
        /// What a finding is about. The names are stable: programs and training material refer to them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $text] $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The stable name.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// How much it costs.
            #[must_use]
            pub fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity,)* } }
            /// What is wrong and what to do.
            #[must_use]
            pub fn text(self) -> &'static str { match self { $(Self::$variant => $text,)* } }
        }
    };
}

codes! {
    MissingKey "missing-key" Error "this row has no household key; fill it in"
    DuplicateKey "duplicate-key" Error "an earlier row has the same household key and is kept; correct one of the two"
    OrphanMember "orphan-member" Error "no household has the key this person refers to; correct the key or add the household"
    TooManyMembers "too-many-members" Error "this household has more members than one may have; split it"
    HouseholdRefused "household-refused" Error "the household cannot be kept"
    RefusedColumn "refused-column" Warning "this column is refused and none of its values is stored"
    MissingColumn "missing-column" Warning "the map names a column that the header does not have; correct the map or the file"
    RepeatedColumn "repeated-column" Warning "several columns have this name; rename them, because none of them can be told from the others"
    AmbiguousDate "ambiguous-date" Warning "the date can be read in several ways; say date_order in the map"
    NotADate "not-a-date" Warning "there is no such date; correct it, or date_order in the map"
    OtherCalendar "other-calendar" Warning "the year is none between 1850 and 2200: of another calendar, or mistyped; it is not converted here, so write the date in the Gregorian calendar"
    UnknownValue "unknown-value" Warning "the map does not say what this word stands for; add it under values"
    NotANumber "not-a-number" Warning "a whole number is expected"
    AmbiguousNumber "ambiguous-number" Warning "the number can be read in two ways, as a part or as thousands; say decimal in the map"
    NumberOutOfRange "number-out-of-range" Warning "the number is outside what this field allows; correct it"
    NotYesNo "not-yes-no" Warning "yes or no is expected; say under values which words mean which"
    NumberAsId "number-as-id" Warning "this identifier is stored as a number, so leading zeros may be lost; format the column as text, or allow number_as_text"
    TextTooLong "text-too-long" Warning "the text is longer than this field allows; shorten it"
    RefusedValue "refused-value" Warning "the text looks like an image, a template or a recording"
    MissingValue "missing-value" Warning "the map requires a value here"
    Uncalculated "uncalculated" Warning "the formula has no stored result; open the file in a spreadsheet program and save it"
    CellFault "cell-error" Warning "the cell shows an error; correct its formula"
    UnreadableCharacters "unreadable-characters" Warning "some characters were damaged before this file was written; correct the text"
    ValuesDiffer "values-differ" Warning "another row of the same household says otherwise; the first one is kept"
    LongRow "long-row" Warning "the row has values beyond the header; a delimiter inside a text may need quotation marks"
    NoName "no-name" Warning "nobody in it has a name, as in a row of totals; take the row out, or fill a name in"
    SamePerson "same-person" Warning "two people of this household are the same in every column: one too many, where the row is there twice; take it out, or tell them apart"
    TwiceEncoded "twice-encoded" Warning "the text looks like UTF-8 that was read as another encoding, and is kept as it stands; save the file again from where it came, or say encoding in the map"
    StrayCharacters "stray-characters" Note "invisible direction or control characters were left out"
    FormulaColumn "formula-column" Note "the column holds formulas; their stored results are used"
    UnmappedColumn "unmapped-column" Note "no field in the map; the column is dropped"
    NoMembers "no-members" Note "no person refers to this household"
    UnknownHousehold "unknown-household" Error "no household has this key; import or correct it first"
    UnknownCommodity "unknown-commodity" Error "the programme has no such commodity"
    DuplicateRow "duplicate-row" Error "an earlier row has the same household and commodity and is kept; remove one"
    AmbiguousAmount "ambiguous-amount" Error "1.500 may be one and a half or fifteen hundred; say decimal in the map (TOML: decimal = \".\")"
    CellBeyond "cell-beyond" Error "there is a value beyond the last column of the header: a decimal comma, or a delimiter inside a text, may have moved the others; put quotation marks around it, or name the column"
    NotAnAmount "not-an-amount" Error "an amount is expected, with at most the commodity's decimals"
    AmountNotPositive "amount-not-positive" Error "the amount is zero or negative"
    AmountTooLarge "amount-too-large" Error "the amount, or the total with it, is larger than can be kept"
}

impl Code {
    /// Whether each of these is a value of the file that is left out of its row.
    #[must_use]
    pub fn loses_a_value(self) -> bool {
        let columns = [Self::RefusedColumn, Self::MissingColumn, Self::RepeatedColumn];
        // A value that is not there is not lost, nor is one too many.
        let none = [Self::MissingValue, Self::NoName, Self::SamePerson, Self::TwiceEncoded];
        self.severity() == Severity::Warning && !none.contains(&self) && !columns.contains(&self)
    }
}

/// The name and letters of a column.
#[derive(Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// As spreadsheet programs letter it.
    pub letters: String,
    /// As the header names it.
    pub name: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The sheet; empty for a CSV file.
    pub sheet: Arc<str>,
    /// The row from 1; none where a whole column or sheet is meant.
    pub row: Option<u64>,
    /// The column; none where a whole row is meant.
    pub column: Option<Arc<ColumnName>>,
    /// What it is about.
    pub code: Code,
    /// A row number or a reason that makes it plain; never a value.
    pub detail: Option<Box<str>>,
}

impl Finding {
    /// What is wrong and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{} ({detail})", self.code.text()),
            None => self.code.text().to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.sheet.is_empty() {
            write!(f, "{}, ", self.sheet)?;
        }
        if let Some(row) = self.row {
            write!(f, "row {row}, ")?;
        }
        if let Some(column) = &self.column {
            write!(f, "column {} ({}), ", column.letters, column.name)?;
        }
        f.write_str(&self.message())
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = to.serialize_struct("Finding", 7)?;
        out.serialize_field("sheet", &*self.sheet)?;
        out.serialize_field("row", &self.row)?;
        out.serialize_field("column", &self.column.as_ref().map(|c| &c.letters))?;
        out.serialize_field("name", &self.column.as_ref().map(|c| &c.name))?;
        out.serialize_field("severity", &self.code.severity())?;
        out.serialize_field("code", self.code.name())?;
        out.serialize_field("message", &self.message())?;
        out.end()
    }
}

/// All findings of one file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// With their place, in the order of the file, at most [`MAX_FINDINGS`].
    pub list: Vec<Finding>,
    /// How many there are of each code, including those beyond the list.
    #[serde(serialize_with = "by_name")]
    pub counts: BTreeMap<Code, u64>,
    /// By column, including those beyond the list.
    #[serde(serialize_with = "columns::shown")]
    pub columns: Columns,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_insert(0);
        *count = count.saturating_add(1);
        self.columns.of(&finding);
        self.push(finding);
    }

    /// Adds one about a word that the map does not know, found in a household. The word is told of the column alone.
    pub(crate) fn add_word(&mut self, finding: Finding, word: &str, household: &str) {
        let count = self.counts.entry(finding.code).or_insert(0);
        *count = count.saturating_add(1);
        if let Some(column) = self.columns.of(&finding) {
            column.words.add(word, household);
        }
        self.push(finding);
    }

    fn push(&mut self, finding: Finding) {
        if self.list.len() < MAX_FINDINGS {
            self.list.push(finding);
        }
    }

    /// How many values the map asks for and the file has are not imported.
    #[must_use]
    pub fn values_lost(&self) -> u64 {
        let lost = |(code, _): &(&Code, &u64)| code.loses_a_value();
        self.counts.iter().filter(lost).map(|(_, n)| *n).sum()
    }

    /// How many there are of one code.
    #[must_use]
    pub fn count(&self, code: Code) -> u64 {
        self.counts.get(&code).copied().unwrap_or(0)
    }

    /// How many are of at least this severity.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> u64 {
        self.counts.iter().filter(|(c, _)| c.severity() >= severity).map(|(_, n)| *n).sum()
    }

    /// How many are counted but not in the list.
    #[must_use]
    pub fn omitted(&self) -> u64 {
        self.counts.values().sum::<u64>().saturating_sub(self.list.len() as u64)
    }
}

fn by_name<S: Serializer>(counts: &BTreeMap<Code, u64>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(counts.iter().map(|(code, n)| (code.name(), n)))
}

#[cfg(test)]
mod tests;
