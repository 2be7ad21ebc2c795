//! Consents and disclosures as papers of the vault.

use annona_ledger::consent::{Disclosure, Grant, GrantId, Known, Secret, StateWord, Told};
use annona_ledger::id::{CarrierId, Commitment};
use annona_ledger::statement::Stated;
use annona_ledger::view::View;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ConsentFault;
use crate::seal::random;
use crate::vault::{HouseholdId, MAX_RECORD, Vault, VaultFault, VaultTxn};

/// A consent that was asked for here.
pub struct Consent {
    /// Whose.
    pub household: HouseholdId,
    /// What it says.
    pub grant: Grant,
    pub(super) secret: Secret,
    /// Who took it.
    pub word: Stated,
    /// What she answered: given or refused. What became of it since, the ledger tells ([`super::state`]).
    pub answered: StateWord,
    /// Where her own wallet gave it: by what that was known on the ledger when her word was taken in.
    pub(super) carrier: Option<CarrierId>,
}

/// Something that was, or was to be, opened for somebody.
pub struct Opened {
    /// Whose.
    pub household: HouseholdId,
    /// What.
    pub disclosure: Disclosure,
    pub(super) secret: Secret,
    /// How far that went.
    pub stage: Stage,
}

/// How far an opening went. Each is durable before what comes after it is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The record is kept. Whether the ledger has its line, the ledger tells.
    Written,
    /// It was about to be opened. Where the power failed here, nobody need have seen anything, and her list says that
    /// somebody may have.
    Opening,
    /// What was opened is durable with whom it is for, or on the way there.
    Shown,
}

/// What lies in a paper. Variants are only ever added at the end: numbers are those of the vault's file.
#[derive(Serialize, Deserialize)]
enum Paper {
    Consent {
        grant: Grant,
        secret: [u8; 32],
        word: Stated,
        answered: StateWord,
    },
    Disclosure {
        disclosure: Disclosure,
        secret: [u8; 32],
        shown: bool,
    },
    /// By which an erasure is known to holders of copies.
    Erasure {
        secret: [u8; 32],
    },
    /// A disclosure that is about to be opened.
    Opening {
        disclosure: Disclosure,
        secret: [u8; 32],
    },
    /// A consent that her own wallet gave.
    Own {
        grant: Grant,
        secret: [u8; 32],
        word: Stated,
        carrier: CarrierId,
    },
    /// Somebody came into the household after every consent before it.
    Joined,
}

fn read(bytes: &[u8]) -> Option<Paper> {
    wire::decode(bytes, MAX_RECORD).ok()
}

fn written(paper: &Paper) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(wire::encode(paper))
}

fn consent_name(id: &GrantId) -> Vec<u8> {
    [b"consent".as_slice(), &id.0].concat()
}

impl Consent {
    /// What the ledger has of it.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.grant.commitment(&self.secret)
    }

    /// With what was told of it. Of one that her wallet gave, its key is hers where that wallet was bound to her.
    #[must_use]
    pub fn known<'a>(&'a self, view: &dyn View, told: &'a [Told]) -> Known<'a> {
        let programme = self.grant.programme;
        let bound =
            |carrier: &CarrierId| view.carrier(programme, carrier).contains(&self.grant.pseudonym);
        let hers = self.carrier.as_ref().filter(|carrier| bound(carrier));
        Known::of(&self.grant, &self.secret, &self.word, told)
            .by_her(hers.map(|_| self.word.operator))
    }

    pub(super) fn keep(&self, vault: &mut Vault) -> Result<(), ConsentFault> {
        let (grant, secret, word) = (self.grant, *self.secret.expose(), self.word);
        let paper = match self.carrier {
            Some(carrier) => Paper::Own { grant, secret, word, carrier },
            None => Paper::Consent { grant, secret, word, answered: self.answered },
        };
        let mut txn = vault.begin()?;
        txn.put_paper(self.household, &consent_name(&self.grant.id), &written(&paper))?;
        Ok(txn.commit()?)
    }

    fn of(household: HouseholdId, paper: Paper) -> Option<Self> {
        let (grant, mut secret, word, answered, carrier) = match paper {
            Paper::Consent { grant, secret, word, answered } => {
                (grant, secret, word, answered, None)
            }
            Paper::Own { grant, secret, word, carrier } => {
                (grant, secret, word, StateWord::Given, Some(carrier))
            }
            Paper::Disclosure { .. }
            | Paper::Erasure { .. }
            | Paper::Opening { .. }
            | Paper::Joined => return None,
        };
        let secret = Secret::take(&mut secret);
        Some(Self { household, grant, secret, word, answered, carrier })
    }
}

impl Opened {
    /// What the ledger has of it.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.disclosure.commitment(&self.secret)
    }

    pub(super) fn keep(&self, vault: &mut Vault) -> Result<(), ConsentFault> {
        let name = [b"disclosure".as_slice(), &self.commitment().0.0].concat();
        let (disclosure, secret) = (self.disclosure, *self.secret.expose());
        let paper = match self.stage {
            Stage::Written => Paper::Disclosure { disclosure, secret, shown: false },
            Stage::Opening => Paper::Opening { disclosure, secret },
            Stage::Shown => Paper::Disclosure { disclosure, secret, shown: true },
        };
        let mut txn = vault.begin()?;
        txn.put_paper(self.household, &name, &written(&paper))?;
        txn.note_unshown(self.household, &name, self.stage != Stage::Shown)?;
        Ok(txn.commit()?)
    }

    fn of(household: HouseholdId, paper: Paper) -> Option<Self> {
        let (disclosure, mut secret, stage) = match paper {
            Paper::Disclosure { disclosure, secret, shown: false } => {
                (disclosure, secret, Stage::Written)
            }
            Paper::Opening { disclosure, secret } => (disclosure, secret, Stage::Opening),
            Paper::Disclosure { disclosure, secret, shown: true } => {
                (disclosure, secret, Stage::Shown)
            }
            Paper::Consent { .. } | Paper::Own { .. } | Paper::Erasure { .. } | Paper::Joined => {
                return None;
            }
        };
        Some(Self { household, disclosure, secret: Secret::take(&mut secret), stage })
    }
}

/// The consent of a number, wherever in this vault it lies.
///
/// # Errors
///
/// A broken file.
pub fn find(vault: &Vault, id: &GrantId) -> Result<Option<Consent>, ConsentFault> {
    let found = vault.paper(&consent_name(id))?;
    Ok(found.and_then(|(household, bytes)| Consent::of(household, read(&bytes)?)))
}

/// The consents of a household, in the order in which they were asked for.
///
/// # Errors
///
/// A broken file.
pub fn list(vault: &Vault, household: HouseholdId) -> Result<Vec<Consent>, ConsentFault> {
    let papers = vault.papers(household)?;
    Ok(papers.iter().filter_map(|bytes| Consent::of(household, read(bytes)?)).collect())
}

/// What was opened of a household for others, in order.
///
/// # Errors
///
/// A broken file.
pub fn disclosures(vault: &Vault, household: HouseholdId) -> Result<Vec<Opened>, ConsentFault> {
    let papers = vault.papers(household)?;
    Ok(papers.iter().filter_map(|bytes| Opened::of(household, read(bytes)?)).collect())
}

/// Notes that somebody came into a household by its register: whoever agreed before spoke for those who were there.
///
/// # Errors
///
/// As [`VaultTxn::put_paper`].
pub fn note_joined(txn: &mut VaultTxn<'_>, household: HouseholdId) -> Result<(), VaultFault> {
    let number: [u8; 16] = random()?;
    let name = [b"joined".as_slice(), &number].concat();
    txn.put_paper(household, &name, &written(&Paper::Joined))
}

/// Whether somebody came in so after a consent was given: papers keep the order in which they were put.
pub(super) fn joined_after(vault: &Vault, consent: &Consent) -> Result<bool, ConsentFault> {
    let papers = vault.papers(consent.household)?;
    let is_it = |paper: &Paper| match paper {
        Paper::Consent { grant, .. } | Paper::Own { grant, .. } => grant.id == consent.grant.id,
        Paper::Disclosure { .. }
        | Paper::Erasure { .. }
        | Paper::Opening { .. }
        | Paper::Joined => false,
    };
    let after = papers.iter().filter_map(|bytes| read(bytes)).skip_while(|paper| !is_it(paper));
    Ok(after.into_iter().any(|paper| matches!(paper, Paper::Joined)))
}
