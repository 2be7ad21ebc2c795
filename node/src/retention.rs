//! How long what is kept: a clock for each class of data, what is due, and doing it (spec/privacy.md, "Retention").

use annona_ledger::id::{Commitment, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::time::DayNo;

use crate::consent::{self, ConsentFault, request};
use crate::copies;
use crate::cycle_key;
use crate::erase;
use crate::household::{self, Happened};
use crate::keystore::Name;
use crate::node::{Node, NodeFault};
use crate::vault::{HouseholdId, MAX_PAGE, Vault, VaultFault};

#[cfg(test)]
mod tests;

/// What is kept for a time. A household's own record has no clock: it is kept until it is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataClass {
    /// The record of a consent that ended.
    Consent,
    /// The record of what was opened for somebody.
    Disclosure,
    /// That a node's request was answered.
    Request,
    /// A household without people, whose purse is over.
    Merged,
    /// The key purses of a cycle are derived from.
    CycleKey,
    /// A copy of another site's keys.
    KeyCopy,
}

impl DataClass {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Consent,
        Self::Disclosure,
        Self::Request,
        Self::Merged,
        Self::CycleKey,
        Self::KeyCopy,
    ];

    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Disclosure => "disclosure",
            Self::Request => "request",
            Self::Merged => "merged",
            Self::CycleKey => "cycle_key",
            Self::KeyCopy => "key_copy",
        }
    }

    /// How many days after it ended.
    #[must_use]
    pub const fn days(self) -> u32 {
        match self {
            // As long as somebody may complain of it.
            Self::Consent => 365,
            // Her list is the longest: three years.
            Self::Disclosure => 3 * 365,
            // A request that old is not answered anyway.
            Self::Request => request::REQUEST_DAYS,
            // A cycle is no longer than a year.
            Self::Merged => 366,
            Self::CycleKey => annona_ledger::limits::CYCLE_KEY_DAYS,
            // Its site should have made another long since.
            Self::KeyCopy => 180,
        }
    }
}

/// Something that has had its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its class.
    pub class: DataClass,
    /// What it is, by a number that names nobody.
    pub what: Thing,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A paper beside a household.
    Paper(HouseholdId, PaperName),
    /// A household.
    Household(HouseholdId),
    /// A cycle's key.
    Cycle(ProgrammeId, annona_ledger::id::CycleId),
    /// The copy of a site.
    Copy([u8; 8]),
}

/// The name of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperName {
    /// Of a consent.
    Consent(annona_ledger::consent::GrantId),
    /// Of a disclosure.
    Disclosure(Commitment),
    /// Of a request.
    Request([u8; 32]),
}

impl PaperName {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Consent(id) => [b"consent".as_slice(), &id.0].concat(),
            Self::Disclosure(commitment) => [b"disclosure".as_slice(), &commitment.0.0].concat(),
            Self::Request(digest) => [b"answered".as_slice(), digest].concat(),
        }
    }
}

/// The day it is, by the stamp this node would write: a clock that runs ahead of all that was heard destroys nothing.
///
/// # Errors
///
/// A broken disk.
pub fn today(node: &Node) -> Result<DayNo, ConsentFault> {
    Ok(DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?))
}

/// Everything whose time is over on a day.
///
/// # Errors
///
/// A broken disk.
pub fn due(node: &Node, vault: &Vault, today: DayNo) -> Result<Vec<Due>, ConsentFault> {
    let mut all = Vec::new();
    let over = |class: DataClass, ended: DayNo| today > ended.plus(class.days());
    let federation = node.federation()?;
    let mut after = None;
    loop {
        let page = vault.all(after, MAX_PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for id in page {
            match papers(vault, id, &over, &mut all) {
                // Without its key there is nothing to look at.
                Err(ConsentFault::Vault(VaultFault::NoKey { .. })) => continue,
                other => other?,
            }
            let last = household::changes(vault, &federation, id)?.last().copied();
            let husk = last.filter(|c| c.happened == Happened::Merge && c.collected_by != id);
            if husk.is_some_and(|change| over(DataClass::Merged, change.on)) {
                all.push(Due { class: DataClass::Merged, what: Thing::Household(id) });
            }
        }
    }
    for name in node.keys().names() {
        if let Name::Cycle(programme, cycle) = name
            && cycle_key::is_over(node, programme, cycle)?
        {
            all.push(Due { class: DataClass::CycleKey, what: Thing::Cycle(programme, cycle) });
        }
    }
    for label in copies::kept(node)?.labels {
        if over(DataClass::KeyCopy, label.on) {
            all.push(Due { class: DataClass::KeyCopy, what: Thing::Copy(label.site) });
        }
    }
    Ok(all)
}

fn papers(
    vault: &Vault,
    id: HouseholdId,
    over: &impl Fn(DataClass, DayNo) -> bool,
    all: &mut Vec<Due>,
) -> Result<(), ConsentFault> {
    let mut push = |class, name| all.push(Due { class, what: Thing::Paper(id, name) });
    for one in consent::list(vault, id)? {
        // Withdrawn or not, nothing is opened under it after this day.
        if over(DataClass::Consent, one.grant.expires) {
            push(DataClass::Consent, PaperName::Consent(one.grant.id));
        }
    }
    for one in consent::disclosures(vault, id)? {
        if over(DataClass::Disclosure, one.disclosure.on) {
            push(DataClass::Disclosure, PaperName::Disclosure(one.commitment()));
        }
    }
    for (digest, on) in request::answered(vault, id)? {
        if over(DataClass::Request, on) {
            push(DataClass::Request, PaperName::Request(digest));
        }
    }
    Ok(())
}

/// Destroys what is due: papers and households in one rewriting, then keys and copies. What goes of a household is said on
/// the ledger as an erasure is. Interrupted, the next call does the rest.
///
/// # Errors
///
/// [`ConsentFault`].
pub fn carry_out(
    node: &mut Node,
    vault: &mut Vault,
    due: &[Due],
    operator: &SigningKey,
) -> Result<(), ConsentFault> {
    let mut txn = vault.begin()?;
    let (mut households, mut papers) = (Vec::new(), 0u64);
    for one in due {
        match &one.what {
            Thing::Paper(id, name) => {
                txn.drop_paper(*id, &name.bytes())?;
                papers += 1;
            }
            Thing::Household(id) => households.push(*id),
            Thing::Cycle(..) | Thing::Copy(_) => {}
        }
    }
    txn.commit()?;
    if !households.is_empty() {
        erase::erase(node, vault, &households, operator)?;
    } else if papers > 0 {
        vault.scrub()?;
    }
    for one in due {
        match &one.what {
            Thing::Cycle(programme, cycle) => drop(cycle_key::forget(node, *programme, *cycle)?),
            Thing::Copy(site) => {
                let gone = copies::forget(node, site);
                gone.map_err(|why| NodeFault::Refused(why.to_string()))?;
            }
            Thing::Paper(..) | Thing::Household(_) => {}
        }
    }
    Ok(())
}
