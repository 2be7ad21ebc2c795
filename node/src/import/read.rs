//! Rows to staged households: the one pass over the file.

mod sheet;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::check::{Code, Finding, Findings};
use super::map::{Map, Sheet};
use super::stage::{Joined, Stage};
use super::table::{Reading, Source};
use super::{ImportError, Phase, Progress, Watch};
use crate::person::{Field, Household, Person};

/// A column that is not imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The sheet; empty for a CSV file.
    pub sheet: String,
    /// The column's letters.
    pub column: String,
    /// Its name.
    pub name: String,
    /// Why it is refused; none where it is only not mapped.
    pub why: Option<String>,
}

/// What was found in a file, before anything is compared or written.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The register the keys belong to.
    pub source: String,
    /// How the file was read.
    pub reading: Reading,
    /// How the file of members was read, where they have one of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading_members: Option<Reading>,
    /// Rows below the headers that are not blank.
    pub rows: u64,
    /// Rows that are not imported.
    pub refused_rows: u64,
    /// Rows with nothing in them.
    pub blank_rows: u64,
    /// Households that can be imported.
    pub households: u64,
    /// People in them.
    pub members: u64,
    /// Columns without a field in the map.
    pub dropped_columns: Vec<Dropped>,
    /// Columns that are refused, with the reason.
    pub refused_columns: Vec<Dropped>,
    /// Everything else.
    pub findings: Findings,
}

/// A registration file that has been read: its households, sealed and waiting, and its report.
pub struct Registration {
    stage: Stage,
    report: Report,
    /// Values of refused columns that were staged before the column gave itself away.
    withheld: BTreeSet<(Field, Option<usize>)>,
    /// Fields of which a value in the file could not be read, or whose column is not there: that a household has none says
    /// nothing of it.
    unread: BTreeSet<Field>,
    /// Households that cannot be kept.
    refused: BTreeSet<i64>,
    /// What the sheets of households and of members are called, where they are files of their own.
    files: Option<(Arc<str>, Arc<str>)>,
}

impl Registration {
    /// Reads and checks a file by a map. Memory does not grow with the number of rows, except for the findings kept.
    ///
    /// # Errors
    ///
    /// [`ImportError`] where the file cannot be read or its key is not there. Single rows stop nothing.
    pub fn read(source: &Source, map: &Map, watch: &mut Watch<'_>) -> Result<Self, ImportError> {
        Self::read_files(source, None, map, watch)
    }

    /// As [`Registration::read`], households from one file and their members from another, joined by the key. Open both
    /// with [`Source::beside_another`], so that findings say which file they are of.
    ///
    /// # Errors
    ///
    /// [`ImportError::NotTwoTables`] where the map does not describe both; otherwise as [`Registration::read`].
    pub fn read_two(
        households: &Source,
        members: &Source,
        map: &Map,
        watch: &mut Watch<'_>,
    ) -> Result<Self, ImportError> {
        if map.household.is_none() || map.member.is_none() {
            return Err(ImportError::NotTwoTables);
        }
        Self::read_files(households, Some(members), map, watch)
    }

    fn read_files(
        source: &Source,
        members: Option<&Source>,
        map: &Map,
        watch: &mut Watch<'_>,
    ) -> Result<Self, ImportError> {
        let report = Report {
            source: map.source.clone(),
            reading: source.reading(),
            reading_members: members.map(Source::reading),
            rows: 0,
            refused_rows: 0,
            blank_rows: 0,
            households: 0,
            members: 0,
            dropped_columns: Vec::new(),
            refused_columns: Vec::new(),
            findings: Findings::default(),
        };
        let mut this = Self {
            stage: Stage::open()?,
            report,
            withheld: BTreeSet::new(),
            unread: BTreeSet::new(),
            refused: BTreeSet::new(),
            files: None,
        };
        this.sheets(source, members, map, watch)?;
        this.join(map, watch)?;
        Ok(this)
    }

    /// What was found.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Hands over every household that can be imported, in the order of its first appearance, with its first row.
    ///
    /// # Errors
    ///
    /// Those of the temporary file, or whatever `each` answers.
    pub fn each(
        &self,
        mut each: impl FnMut(u64, &Household) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        self.stage.each(|mut joined| {
            self.withhold(&mut joined);
            if self.refused.contains(&joined.id) {
                Ok(())
            } else {
                each(joined.row, &joined.household)
            }
        })
    }

    /// Whether anything in the file could not be read that a household may have here.
    pub(super) fn may_lose(&self) -> bool {
        !(self.unread.is_empty() && self.withheld.is_empty())
    }

    /// What the person file knows of a household and would not know any more, only because the file could not be read
    /// there. Values that are blank everywhere, or whose column the map does not name, are meant to go.
    pub(super) fn loses(&self, old: &Household, new: &Household) -> Vec<&'static str> {
        let unread = self.unread.iter().chain(self.withheld.iter().map(|(field, _)| field));
        let have = |of: &Household, field: &Field| {
            let all = std::iter::once(&of.whole).chain(&of.members);
            all.filter(|attributes| attributes.get(*field).is_some()).count()
        };
        let lost: BTreeSet<Field> =
            unread.filter(|field| have(new, field) < have(old, field)).copied().collect();
        lost.into_iter().map(Field::name).collect()
    }

    fn withhold(&self, joined: &mut Joined) {
        for (field, slot) in &self.withheld {
            joined.household.whole.remove(*field);
            for (at, member) in joined.household.members.iter_mut().enumerate() {
                if slot.is_none_or(|s| s == at) {
                    member.remove(*field);
                }
            }
        }
        joined.tidy();
    }

    /// One pass over the households to check each as a whole and count them.
    fn join(&mut self, map: &Map, watch: &mut Watch<'_>) -> Result<(), ImportError> {
        let total = self.stage.households()?;
        let two_sheets = map.household.is_some() && map.member.is_some();
        let (sheet, members): (Arc<str>, Arc<str>) = self.files.clone().unwrap_or_else(|| {
            let whole = map.household.as_ref().or(map.member.as_ref());
            (called(whole), called(map.member.as_ref()))
        });
        let (mut findings, mut refused) = (Vec::new(), BTreeSet::new());
        let mut nameless = Vec::new();
        let (mut done, mut households, mut people, mut refused_rows) = (0u64, 0u64, 0u64, 0u64);
        self.stage.each(|mut joined| {
            self.withhold(&mut joined);
            let say = |sheet: &Arc<str>, row, code, detail: Option<Box<str>>| Finding {
                sheet: sheet.clone(),
                row: Some(row),
                column: None,
                code,
                detail,
            };
            joined.differing.dedup();
            findings.extend(
                joined.differing.iter().map(|row| say(&members, *row, Code::ValuesDiffer, None)),
            );
            let fault = if joined.too_many {
                Some((Code::TooManyMembers, None))
            } else {
                joined
                    .household
                    .encode()
                    .err()
                    .map(|e| (Code::HouseholdRefused, Some(e.to_string().into())))
            };
            if let Some((code, detail)) = fault {
                findings.push(say(&sheet, joined.row, code, detail));
                refused.insert(joined.id);
                refused_rows = refused_rows.saturating_add(1);
            } else {
                let all = &joined.household.members;
                if two_sheets && all.is_empty() {
                    findings.push(say(&sheet, joined.row, Code::NoMembers, None));
                } else if !all.iter().any(named) {
                    nameless.push(say(&sheet, joined.row, Code::NoName, None));
                }
                let before = |at: usize, one| all.iter().take(at).any(|other| other == one);
                if all.iter().enumerate().any(|(at, one)| named(one) && before(at, one)) {
                    findings.push(say(&members, joined.row, Code::SamePerson, None));
                }
                households = households.saturating_add(1);
                people = people.saturating_add(joined.household.members.len() as u64);
            }
            done = done.saturating_add(1);
            watch.step(Progress { phase: Phase::Joining, done, total, rows: done })
        })?;
        // A list without names at all is meant so.
        nameless.truncate(if nameless.len() as u64 * 2 <= households { usize::MAX } else { 0 });
        findings.into_iter().chain(nameless).for_each(|f| self.report.findings.add(f));
        self.refused = refused;
        self.report.refused_rows = self.report.refused_rows.saturating_add(refused_rows);
        (self.report.households, self.report.members) = (households, people);
        Ok(())
    }
}

/// Whether anything of a person's name is known.
fn named(person: &Person) -> bool {
    let names = [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
    names.iter().any(|name| person.text(*name).is_some())
}

/// What a map calls a sheet, if it does.
fn called(sheet: Option<&Sheet>) -> Arc<str> {
    sheet.and_then(|sheet| sheet.sheet.as_deref()).unwrap_or("").into()
}
