//! The vault as the place an import writes to.

use std::collections::BTreeSet;
use std::error::Error;

use annona_ledger::hash::Hash;
use annona_ledger::id::FederationId;
use zeroize::Zeroizing;

use super::plan::{Known, KnownHouseholds, Register};
use crate::consent::note_joined;
use crate::household;
use crate::person::{Attributes, Field, Household, HouseholdError};
use crate::vault::{HouseholdId, Vault, VaultFault};

/// What happens after a batch is durable in the vault: enrolling on the ledger, for example. It is given the
/// households added and those replaced. Where it fails the batch stays; whatever it left undone must be found again
/// from the vault (`Vault::pending`), because the next run passes these households over as unchanged.
pub type AfterBatch<'a> = dyn FnMut(&mut Vault, &[HouseholdId], &[HouseholdId]) -> Result<(), Box<dyn Error + Send + Sync>>
    + 'a;

/// An open vault, and a batch waiting for it.
pub struct VaultRegister<'a> {
    vault: &'a mut Vault,
    /// In which two operators' words count.
    federation: FederationId,
    waiting: Vec<Waiting>,
    after: Option<Box<AfterBatch<'a>>>,
}

struct Waiting {
    /// None where it is new.
    id: Option<HouseholdId>,
    source: String,
    key: Zeroizing<String>,
    digest: Hash,
    household: Zeroizing<Vec<u8>>,
    members: Vec<Zeroizing<Vec<u8>>>,
    /// Whether somebody is among them who was not there before.
    joined: bool,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterFault {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// What the vault holds is not a household, or what came is not one.
    #[error(transparent)]
    Household(#[from] HouseholdError),
    /// What follows a batch failed; the batch itself is written.
    #[error("after writing the batch: {0}")]
    After(#[source] Box<dyn Error + Send + Sync>),
}

impl<'a> VaultRegister<'a> {
    /// Writes into `vault` of a node of this federation.
    #[must_use]
    pub const fn new(vault: &'a mut Vault, federation: FederationId) -> Self {
        Self { vault, federation, waiting: Vec::new(), after: None }
    }

    /// As [`VaultRegister::new`], and calls `after` once each batch is durable.
    #[must_use]
    pub fn with(
        vault: &'a mut Vault,
        federation: FederationId,
        after: Box<AfterBatch<'a>>,
    ) -> Self {
        Self { after: Some(after), ..Self::new(vault, federation) }
    }

    fn wait(
        &mut self,
        (id, joined): (Option<HouseholdId>, bool),
        source: &str,
        household: &Household,
        digest: Hash,
    ) -> Result<(), RegisterFault> {
        let (whole, members) = household.records()?;
        let (source, key) = (source.to_owned(), Zeroizing::new(household.key.clone()));
        let new = Waiting { id, source, key, digest, household: whole, members, joined };
        self.waiting.push(new);
        Ok(())
    }
}

/// Whether somebody is in a household who was not: one more, or a name that nobody of it had. A name that is spelt otherwise
/// counts as another person: nobody is opened under a consent that may not be hers.
fn somebody_joins(old: &Household, new: &Household) -> bool {
    const NAMES: [Field; 4] =
        [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
    let named = |of: &Household| -> Vec<[Option<String>; 4]> {
        let name = |person: &Attributes| NAMES.map(|field| person.text(field).map(str::to_owned));
        of.members.iter().map(name).collect()
    };
    let before = named(old);
    new.members.len() > old.members.len() || named(new).iter().any(|name| !before.contains(name))
}

impl KnownHouseholds for VaultRegister<'_> {
    type Id = HouseholdId;
    type Error = RegisterFault;

    fn digest(&self, household: &Household) -> Result<Hash, HouseholdError> {
        Ok(Hash(self.vault.content_digest(&household.encode()?)))
    }

    fn find(&self, source: &str, key: &str) -> Result<Option<Known<HouseholdId>>, RegisterFault> {
        match self.vault.find(source, key.as_bytes()) {
            Ok(found) => Ok(found.map(|f| Known { id: f.id, digest: f.digest.map(Hash) })),
            // It may be there, and nobody can tell before the keys are back or given up: passed over, and told with those that are.
            Err(VaultFault::NoKey { id, .. }) => Ok(Some(Known { id, digest: None })),
            Err(fault) => Err(fault.into()),
        }
    }

    fn was_erased(&self, source: &str, key: &str) -> Result<bool, RegisterFault> {
        Ok(self.vault.was_erased(source, key.as_bytes())?)
    }

    fn registers(&self) -> Result<BTreeSet<String>, RegisterFault> {
        Ok(self.vault.registers()?)
    }

    fn open(&self, id: &HouseholdId) -> Result<Option<Household>, RegisterFault> {
        let stored = self.vault.household(*id)?;
        let members = stored.members.iter().map(|m| m.as_slice());
        Ok(Some(Household::from_records(&stored.household, members)?))
    }

    fn undoes(
        &self,
        id: &HouseholdId,
        household: &Household,
    ) -> Result<Vec<&'static str>, RegisterFault> {
        let told = household::told(self.vault, &self.federation, *id)?;
        let old = if told.is_empty() { None } else { self.open(id)? };
        Ok(old.map(|old| told.undone(&old, household)).unwrap_or_default())
    }
}

impl Register for VaultRegister<'_> {
    fn add(
        &mut self,
        source: &str,
        household: &Household,
        digest: Hash,
    ) -> Result<(), RegisterFault> {
        self.wait((None, false), source, household, digest)
    }

    fn replace(
        &mut self,
        id: &HouseholdId,
        household: &Household,
        digest: Hash,
    ) -> Result<(), RegisterFault> {
        let joined = self.open(id)?.is_none_or(|old| somebody_joins(&old, household));
        self.wait((Some(*id), joined), "", household, digest)
    }

    fn commit(&mut self, source: &str) -> Result<(), RegisterFault> {
        let (mut added, mut replaced) = (Vec::new(), Vec::new());
        let mut txn = self.vault.begin()?;
        txn.keep_register(source)?;
        for w in &self.waiting {
            if let Some(id) = w.id {
                txn.replace(id, w.digest.0, &w.household, &w.members)?;
                if w.joined {
                    note_joined(&mut txn, id)?;
                }
                replaced.push(id);
            } else {
                let key = w.key.as_bytes();
                added.push(txn.add(&w.source, key, w.digest.0, &w.household, &w.members)?);
            }
        }
        txn.commit()?;
        self.waiting.clear();
        if let Some(after) = &mut self.after {
            after(self.vault, &added, &replaced).map_err(RegisterFault::After)?;
        }
        Ok(())
    }
}
