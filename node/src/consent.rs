//! Consent, as a site keeps and obeys it: the records lie sealed beside the household's own, the ledger has their
//! commitments, and nothing about anybody is opened for others but by a [`Permit`].
//!
//! ```text
//! vault paper  "consent" ‖ id       grant, 32 random bytes, who signed, how it was answered     under the household's key
//! vault paper  "disclosure" ‖ c     record, 32 random bytes, whether it was opened              c: its commitment
//! ledger       ConsentGiven, ConsentWithdrawn, Disclosed                                       spec/consent.md
//! ```
//!
//! The paper is durable before the entry, and the entry before anything is shown. So whatever moment the power fails at, a
//! person's list is never shorter than what was shown of her.

mod attributes;
pub mod own;
mod paper;
mod permit;
mod receipt;
pub mod request;
#[cfg(test)]
mod tests;

use annona_ledger::consent::{
    Grant, GrantFault, GrantId, People, Secret, StateWord, Told, Withdrawal, state_of,
};
use annona_ledger::entry::Registry;
use annona_ledger::id::{Commitment, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::time::DayNo;
use annona_ledger::view::View;

pub use attributes::{Shown, attribute_of};
pub use paper::{Consent, Opened, Stage, disclosures, find, list, note_joined};
pub use permit::{Asking, Permit, Showing, first_day, permit, unfinished, unshown, would_open};
pub use receipt::{Parties, read_slip_code, receipt, slip, slip_code, slip_page, withdraw_code};

use crate::credential::register::RegisterFault;
use crate::disk::DiskFault;
use crate::letters::Letters;
use crate::node::{Composed, Node, NodeFault, Refusal, Request};
use crate::pin::PinFault;
use crate::seal::{self, SealError};
use crate::vault::{HouseholdId, Vault, VaultFault};

/// Why something about a consent was not done.
#[derive(Debug, thiserror::Error)]
pub enum ConsentFault {
    /// The record says nothing that could be consented to.
    #[error("{0}")]
    Grant(#[from] GrantFault),
    /// The door stays closed.
    #[error("{0} (answer {code})", code = *.0 as u8)]
    Closed(#[from] annona_ledger::consent::Closed),
    /// The ledger refused an entry.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// No such consent here.
    #[error("no such consent is known here")]
    Unknown,
    /// The record is of another household or programme than said.
    #[error("the consent is not of this family in this programme")]
    OtherHousehold,
    /// What it is to take the place of is somebody else's.
    #[error("the consent it would take the place of is not of this family in this programme")]
    OthersConsent,
    /// A word by a wallet is not hers, or is none that this desk takes.
    #[error("the word is not taken for this family: {0}")]
    NotHers(&'static str),
    /// It was answered already.
    #[error("this consent was answered already: it never changes, another takes its place")]
    Answered,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// No randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The PINs, of which somebody's go with her.
    #[error(transparent)]
    Pins(#[from] PinFault),
    /// The register of cards, of which somebody's go with her.
    #[error(transparent)]
    Cards(#[from] RegisterFault),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

/// 32 random bytes to keep beside a record.
fn secret() -> Result<Secret, SealError> {
    Ok(Secret::take(&mut seal::random()?))
}

/// A random number for a consent.
///
/// # Errors
///
/// [`SealError::NoRandomness`].
pub fn new_id() -> Result<GrantId, SealError> {
    Ok(GrantId(seal::random()?))
}

/// Writes one entry about a person on this node's registry feed for a programme, with an operator's word beside it; without
/// one where the person's own word is kept for it.
///
/// # Errors
///
/// [`ConsentFault::Refused`]; a broken disk.
pub fn say(
    node: &mut Node,
    programme: ProgrammeId,
    operator: Option<&SigningKey>,
    mut people: impl FnMut(DayNo) -> People + Send,
) -> Result<DayNo, ConsentFault> {
    say_all(node, programme, operator, &mut |on| vec![people(on)])
}

/// As [`say`], several at once: all of them are written, or none.
fn say_all(
    node: &mut Node,
    programme: ProgrammeId,
    operator: Option<&SigningKey>,
    people: &mut (dyn FnMut(DayNo) -> Vec<People> + Send),
) -> Result<DayNo, ConsentFault> {
    let feed = node.feed(Lane::Registry, programme);
    let federation = node.federation()?;
    let mut on = DayNo::default();
    let said = &mut on;
    let compose: crate::node::Compose<'_> = Box::new(move |work, feed, at| {
        // A day that was begun goes on: the clock may have been set back a little.
        let last = work.trunk(feed).map_or(at, |chain| work.last_stamp(chain));
        *said = DayNo::of(at.max(last));
        let entry = |people| {
            let entry = annona_ledger::entry::Entry::from(Registry::People(people));
            let evidence = operator.map(|operator| {
                let leaf = annona_ledger::feed::leaf(&entry.encode());
                let word = Statement::Entry { feed: feed.short(), leaf };
                word.sign(&federation, operator).encode()
            });
            Composed { evidence, ..Composed::from(entry) }
        };
        Ok(people(*said).into_iter().map(entry).collect())
    });
    let answers = node.write(&mut [Request { feed, compose }])?;
    for answer in answers {
        answer?;
    }
    Ok(on)
}

/// What a person answered when she was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No: kept, so that nobody asks again as if nobody had.
    No,
}

/// Keeps what a person answered, and — where it was yes — says on the ledger that she consented to something. Returns the
/// consent's commitment.
///
/// The operator's word stands in the record: she took it. Asked again with the same id after a fault it goes on where it
/// stopped.
///
/// # Errors
///
/// [`ConsentFault`]; a record without its entry counts for nothing.
pub fn give(
    node: &mut Node,
    vault: &mut Vault,
    household: HouseholdId,
    grant: &Grant,
    answer: Answer,
    operator: &SigningKey,
) -> Result<Commitment, ConsentFault> {
    grant.check()?;
    let federation = node.federation()?;
    of_hers(node, vault, household, grant)?;
    let consent = match find(vault, &grant.id)? {
        Some(known) if known.grant == *grant && known.household == household => known,
        Some(_) => return Err(ConsentFault::Answered),
        None => {
            let secret = secret()?;
            let commitment = grant.commitment(&secret);
            let word: Stated = Statement::Consent { commitment }.sign(&federation, operator);
            let answered = match answer {
                Answer::Yes => StateWord::Given,
                Answer::No => StateWord::Refused,
            };
            let grant = *grant;
            let consent = Consent { household, grant, secret, word, answered, carrier: None };
            consent.keep(vault)?;
            consent
        }
    };
    let commitment = consent.commitment();
    if consent.answered != StateWord::Given || answer == Answer::No {
        return Ok(commitment);
    }
    spoken(node, &consent, Some(operator))?;
    Ok(commitment)
}

/// Makes sure that a record is of this household in its programme, and what it takes the place of, too.
fn of_hers(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
    grant: &Grant,
) -> Result<(), ConsentFault> {
    let federation = node.federation()?;
    let own = vault.pseudonym(household, grant.programme.0, &federation.0.0)?;
    if own != grant.pseudonym.0 {
        return Err(ConsentFault::OtherHousehold);
    }
    if let Some(earlier) = grant.renews {
        let hers = list(vault, household)?.into_iter().find(|one| one.commitment() == earlier);
        if hers.is_none_or(|one| one.grant.programme != grant.programme) {
            return Err(ConsentFault::OthersConsent);
        }
    }
    Ok(())
}

/// Says on the ledger that a consent was given, and that the one it takes the place of counts no more, where that was not
/// said before.
fn spoken(
    node: &mut Node,
    consent: &Consent,
    operator: Option<&SigningKey>,
) -> Result<(), ConsentFault> {
    let (grant, commitment) = (&consent.grant, consent.commitment());
    let (given, taken_back) = {
        let work = node.store().look().map_err(NodeFault::from)?;
        let withdrawn =
            |told: &Told| matches!(told.people(), Some(People::ConsentWithdrawn { .. }));
        let back = grant.renews.is_none_or(|earlier| work.told(&earlier).iter().any(withdrawn));
        let given = !work.told(&commitment).is_empty();
        work.check().map_err(NodeFault::from)?;
        (given, back)
    };
    if given && taken_back {
        return Ok(());
    }
    // At once: a power cut leaves her with the earlier one or with this one, never with both.
    say_all(node, grant.programme, operator, &mut |on| {
        let (issuer, expires) = (grant.controller, grant.expires);
        let this = (!given).then_some(People::ConsentGiven { commitment, issuer, expires, on });
        let earlier = grant.renews.filter(|_| !taken_back).map(|commitment| {
            People::ConsentWithdrawn { commitment, reason: Withdrawal::Replaced, on }
        });
        this.into_iter().chain(earlier).collect()
    })?;
    Ok(())
}

/// Says on the ledger that a consent counts no more: at once here, and elsewhere with the next sync. By its commitment, as
/// it stands on the slip, so that it can be taken back at any desk, whether or not its record lies there. Answers under it that
/// wait here to go are stopped.
///
/// # Errors
///
/// [`ConsentFault::Refused`]; a broken disk.
pub fn withdraw(
    node: &mut Node,
    programme: ProgrammeId,
    commitment: Commitment,
    reason: Withdrawal,
    operator: &SigningKey,
) -> Result<DayNo, ConsentFault> {
    let said = |on| People::ConsentWithdrawn { commitment, reason, on };
    let on = say(node, programme, Some(operator), said)?;
    Letters::of(node.folder().root()).stop(|about| about.consent == commitment)?;
    Ok(on)
}

/// How a consent stands on a day, as far as this node has heard.
///
/// # Errors
///
/// A broken disk.
pub fn state(node: &Node, consent: &Consent, on: DayNo) -> Result<StateWord, ConsentFault> {
    if consent.answered == StateWord::Refused {
        return Ok(StateWord::Refused);
    }
    let work = node.store().look().map_err(NodeFault::from)?;
    let told = work.told(&consent.commitment());
    let state = state_of(&consent.known(&work, &told), on);
    work.check().map_err(NodeFault::from)?;
    Ok(state)
}
