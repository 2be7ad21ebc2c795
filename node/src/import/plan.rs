//! What an import would change in the person file, and doing it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use annona_ledger::hash::Hash;
use serde::Serialize;

use super::{ImportError, Phase, Progress, Registration, Report, Watch};
use crate::person::{Household, HouseholdError};

/// The most changes listed; beyond it they are only counted.
pub const MAX_CHANGES: usize = 10_000;

/// A household the person file already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<Id> {
    /// Its place in the person file.
    pub id: Id,
    /// The digest of its content; `None` where its record does not open.
    pub digest: Option<Hash>,
}

/// What the person file knows, for comparing.
pub trait KnownHouseholds {
    /// A household's place in the person file.
    type Id;
    /// What can go wrong there.
    type Error: Error + Send + Sync + 'static;

    /// The digest of a household's content under the person file's own key.
    ///
    /// # Errors
    ///
    /// [`HouseholdError`] where the household exceeds a limit.
    fn digest(&self, household: &Household) -> Result<Hash, HouseholdError>;

    /// The household of that key in that source.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn find(&self, source: &str, key: &str) -> Result<Option<Known<Self::Id>>, Self::Error>;

    /// Whether the household of that key in that source was erased here, and not registered anew since.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn was_erased(&self, source: &str, key: &str) -> Result<bool, Self::Error>;

    /// The registers that households here were taken from, by name, as far as it is known.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn registers(&self) -> Result<BTreeSet<String>, Self::Error>;

    /// Opens a household, to say which fields differ. None where it must not or cannot be opened.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn open(&self, id: &Self::Id) -> Result<Option<Household>, Self::Error>;

    /// What was told of a household at the desk, and that this content would undo: what happened to it, and the fields that
    /// were corrected. Empty where nothing.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn undoes(
        &self,
        id: &Self::Id,
        household: &Household,
    ) -> Result<Vec<&'static str>, Self::Error>;
}

/// The person file, for writing. Whatever else belongs to a registration (an enrolment on the ledger) hangs in here:
/// what `add` and `replace` were given is durable, all of it or nothing, when `commit` returns.
pub trait Register: KnownHouseholds {
    /// Adds a household.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn add(&mut self, source: &str, household: &Household, digest: Hash)
    -> Result<(), Self::Error>;

    /// Replaces a household's content.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn replace(
        &mut self,
        id: &Self::Id,
        household: &Household,
        digest: Hash,
    ) -> Result<(), Self::Error>;

    /// Makes everything since the last commit, all of it of one register, durable in one step.
    ///
    /// # Errors
    ///
    /// Those of the person file.
    fn commit(&mut self, source: &str) -> Result<(), Self::Error>;
}

/// A household whose content differs from what the person file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The row it first appears on.
    pub row: u64,
    /// The names of the fields that differ; empty where the old content could not be opened.
    pub fields: Vec<&'static str>,
    /// Fields the household has here, and that the file could not be read for: with any, it is left as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<&'static str>,
    /// What was told at the desk and would be undone, in a word each: with any, it is left as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<&'static str>,
}

/// Another register under which most keys of a file are here, while none is under the file's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The other register.
    pub source: String,
    /// How many of the file's households have a key that is in it.
    pub keys: u64,
}

/// What an import would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Households that are not in the person file.
    pub new: u64,
    /// Households that were erased here: they are left out, unless that is asked for ([`Apply::erased`]).
    pub erased: u64,
    /// The rows of the first [`MAX_CHANGES`] of them.
    pub erased_rows: Vec<u64>,
    /// Households that are there with the same content.
    pub unchanged: u64,
    /// Households that are there with other content.
    pub changed: u64,
    /// Households among them that would lose what is known of them, only because a column is not there or a value could
    /// not be read: they are left as they are.
    pub held: u64,
    /// Households among them of which something was told at the desk that would be undone: they are left as they are.
    pub told: u64,
    /// Households that are there, and whose records do not open: their keys are missing. They are left as they are.
    pub closed: u64,
    /// Where all are new and more than half of the keys are here under another register: most likely the same families, who
    /// would be registered a second time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// Which fields differ, for the first [`MAX_CHANGES`] of them.
    pub changes: Vec<Change>,
    /// What was found in the file.
    pub report: Report,
}

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct Apply {
    /// Whether changed households are replaced; otherwise they are left as they are.
    pub update: bool,
    /// Whether households that were erased here are registered anew; otherwise they are left out.
    pub erased: bool,
    /// Households in one durable step.
    pub batch: usize,
}

impl Default for Apply {
    fn default() -> Self {
        // 500 households are about a quarter of a second of work, which is what a kill can cost.
        Self { update: false, erased: false, batch: 500 }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Households added.
    pub added: u64,
    /// Households replaced.
    pub replaced: u64,
    /// Households left out since they were erased here.
    pub erased: u64,
    /// Households that were there with the same content.
    pub unchanged: u64,
    /// Households with other content that were left as they are.
    pub left: u64,
    /// Households left as they are since they would have lost what could not be read.
    pub held: u64,
    /// Households left as they are since what was told at the desk would have been undone.
    pub told: u64,
    /// Households whose records do not open, left as they are.
    pub closed: u64,
}

fn fault(e: impl Error + Send + Sync + 'static) -> ImportError {
    ImportError::Register(Box::new(e))
}

impl Registration {
    /// Compares with the person file; changes nothing.
    ///
    /// # Errors
    ///
    /// [`ImportError`] of the person file or the temporary file, or [`ImportError::Cancelled`].
    pub fn plan<K: KnownHouseholds>(
        &self,
        known: &K,
        watch: &mut Watch<'_>,
    ) -> Result<Plan, ImportError> {
        let report = self.report().clone();
        let total = report.households;
        let mut plan = Plan {
            new: 0,
            erased: 0,
            erased_rows: Vec::new(),
            unchanged: 0,
            changed: 0,
            held: 0,
            told: 0,
            closed: 0,
            elsewhere: None,
            changes: Vec::new(),
            report,
        };
        let mut others = known.registers().map_err(fault)?;
        others.remove(&plan.report.source);
        let mut there = BTreeMap::<&str, u64>::new();
        let mut done = 0u64;
        self.each(|row, household| {
            done = done.saturating_add(1);
            watch.step(Progress { phase: Phase::Comparing, done, total, rows: done })?;
            match known.find(&plan.report.source, &household.key).map_err(fault)? {
                None if known.was_erased(&plan.report.source, &household.key).map_err(fault)? => {
                    plan.erased = plan.erased.saturating_add(1);
                    if plan.erased_rows.len() < MAX_CHANGES {
                        plan.erased_rows.push(row);
                    }
                }
                None => {
                    plan.new = plan.new.saturating_add(1);
                    for other in &others {
                        if known.find(other, &household.key).map_err(fault)?.is_some() {
                            let keys = there.entry(other).or_default();
                            *keys = keys.saturating_add(1);
                        }
                    }
                }
                Some(Known { digest: None, .. }) => plan.closed = plan.closed.saturating_add(1),
                Some(found) if found.digest == Some(known.digest(household)?) => {
                    plan.unchanged = plan.unchanged.saturating_add(1);
                }
                Some(found) => {
                    plan.changed = plan.changed.saturating_add(1);
                    let listed = plan.changes.len() < MAX_CHANGES;
                    let told = known.undoes(&found.id, household).map_err(fault)?;
                    plan.told = plan.told.saturating_add(u64::from(!told.is_empty()));
                    if listed || (told.is_empty() && self.may_lose()) {
                        let old = known.open(&found.id).map_err(fault)?;
                        let of =
                            |old: Household| (old.differs(household), self.loses(&old, household));
                        let (fields, unread) = old.map(of).unwrap_or_default();
                        let held = told.is_empty() && !unread.is_empty();
                        plan.held = plan.held.saturating_add(u64::from(held));
                        if listed {
                            plan.changes.push(Change { row, fields, unread, told });
                        }
                    }
                }
            }
            Ok(())
        })?;
        let most = there.into_iter().max_by_key(|(_, keys)| *keys);
        plan.elsewhere = most
            .filter(|(_, keys)| plan.new == total && keys.saturating_mul(2) > total)
            .map(|(source, keys)| Elsewhere { source: source.to_owned(), keys });
        Ok(plan)
    }

    fn would_lose<K: KnownHouseholds>(
        &self,
        known: &K,
        id: &K::Id,
        household: &Household,
    ) -> Result<bool, ImportError> {
        if !self.may_lose() {
            return Ok(false);
        }
        let old = known.open(id).map_err(fault)?;
        Ok(old.is_some_and(|old| !self.loses(&old, household).is_empty()))
    }

    /// Writes to the person file in batches. Run again after a kill or a fault, it goes on: what is there with the
    /// same content is passed over.
    ///
    /// # Errors
    ///
    /// [`ImportError`]; batches committed before it stay. [`ImportError::Cancelled`] comes after committing what was
    /// begun.
    pub fn apply<R: Register>(
        &self,
        register: &mut R,
        how: Apply,
        watch: &mut Watch<'_>,
    ) -> Result<Applied, ImportError> {
        let total = self.report().households;
        let (mut applied, mut done, mut open) = (Applied::default(), 0u64, 0usize);
        let source = self.report().source.as_str();
        let all = self.each(|_, household| {
            watch.step(Progress { phase: Phase::Writing, done, total, rows: done })?;
            done = done.saturating_add(1);
            let digest = register.digest(household)?;
            let count = match register.find(source, &household.key).map_err(fault)? {
                Some(Known { digest: None, .. }) => &mut applied.closed,
                Some(found) if found.digest == Some(digest) => &mut applied.unchanged,
                Some(_) if !how.update => &mut applied.left,
                Some(found)
                    if !register.undoes(&found.id, household).map_err(fault)?.is_empty() =>
                {
                    &mut applied.told
                }
                Some(found) if self.would_lose(register, &found.id, household)? => {
                    &mut applied.held
                }
                Some(found) => {
                    register.replace(&found.id, household, digest).map_err(fault)?;
                    open = open.saturating_add(1);
                    &mut applied.replaced
                }
                None if !how.erased
                    && register.was_erased(source, &household.key).map_err(fault)? =>
                {
                    &mut applied.erased
                }
                None => {
                    register.add(source, household, digest).map_err(fault)?;
                    open = open.saturating_add(1);
                    &mut applied.added
                }
            };
            *count = count.saturating_add(1);
            if open >= how.batch.max(1) {
                register.commit(source).map_err(fault)?;
                open = 0;
            }
            Ok(())
        });
        if open > 0 && matches!(all, Ok(()) | Err(ImportError::Cancelled)) {
            register.commit(source).map_err(fault)?;
        }
        all?;
        (watch.progress)(Progress { phase: Phase::Writing, done, total, rows: done });
        Ok(applied)
    }
}
