//! The one way to somebody's attributes for others: asked, written down, opened once.

use annona_ledger::consent::{
    Asker, Attributes, Closed, Disclosure, GrantId, People, Purpose, Question, check,
};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::feed::leaf;
use annona_ledger::id::{Commitment, FederationId, Lane};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::Roles;
use annona_ledger::statement::Statement;
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::view::View;
use zeroize::Zeroizing;

use super::paper::{Consent, Opened, Stage, disclosures, find};
use super::{ConsentFault, Shown, secret};
use crate::copies;
use crate::household;
use crate::node::{Composed, Node, NodeFault, Refusal, Request};
use crate::person::{Date, Household, HouseholdError};
use crate::vault::{HouseholdId, Vault};

/// What a node asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// Under which consent.
    pub grant: GrantId,
    /// The node that gets it, by eight bytes of its key: its certificate says for whom it asks. That it is this node, the
    /// caller has made sure; or it seals what is opened to the key in that certificate, which opens it for nobody else.
    pub node: [u8; 8],
    /// What for.
    pub purpose: Purpose,
    /// For which attributes.
    pub attributes: Attributes,
}

/// Leave to open somebody's attributes for somebody, once: there is a durable entry for it on the ledger. It cannot be
/// copied, and opening eats it, so nothing is opened more often than is written down.
///
/// ```compile_fail,E0382
/// # use annona_node::{consent::Permit, person::Date, vault::Vault};
/// fn twice(permit: Permit, vault: &mut Vault, today: Date) {
///     let _once = permit.open(vault, today);
///     let _again = permit.open(vault, today);
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use annona_node::consent::Permit;
/// fn copy(permit: &Permit) -> Permit {
///     permit.clone()
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use annona_node::consent::{Opened, Permit};
/// fn forge(opened: Opened) -> Permit {
///     Permit { opened }
/// }
/// ```
#[must_use = "the disclosure is written down: open it, or it counts for nothing"]
pub struct Permit {
    opened: Opened,
}

/// Asks the nine questions, writes the disclosure down, and asks them again: a withdrawal that came meanwhile still closes
/// the door. Where the same was written down before and the power failed before it was shown, that line is used again, and
/// no other is written ([`unshown`]).
///
/// # Errors
///
/// [`ConsentFault::Closed`] with the first question that is not answered well; nothing is opened and, before the ninth,
/// nothing written. [`ConsentFault::Refused`] where the ledger's rules refuse the entry.
pub fn permit(
    node: &mut Node,
    vault: &mut Vault,
    asking: &Asking,
    operator: &SigningKey,
) -> Result<Permit, ConsentFault> {
    let consent = find(vault, &asking.grant)?.ok_or(Closed::Unknown)?;
    if let Some(permit) = again(node, vault, &consent, asking)? {
        return Ok(permit);
    }
    let asker = asker(node, asking)?;
    let question = |on, written| Question {
        asker,
        purpose: asking.purpose,
        attributes: asking.attributes,
        on,
        written,
    };
    let on = today(node, &consent)?;
    match asked(node, vault, &consent, &question(on, None))? {
        Err(Closed::NotWritten) => {}
        Err(closed) => return Err(closed.into()),
        Ok(()) => return Err(Closed::NotWritten.into()),
    }
    let disclosure = Disclosure {
        grant: consent.grant.id,
        pseudonym: consent.grant.pseudonym,
        recipient: asker.org,
        node: asking.node,
        purpose: asking.purpose,
        attributes: asking.attributes,
        on,
    };
    let household = consent.household;
    let opened = Opened { household, disclosure, secret: secret()?, stage: Stage::Written };
    // The record first: an entry without one would be a line in her list that nobody can explain.
    opened.keep(vault)?;
    let commitment = opened.commitment();
    write(node, &consent, &question(on, None), commitment, operator)?;
    asked(node, vault, &consent, &question(on, Some(commitment)))??;
    Ok(Permit { opened })
}

/// Whether [`permit`] would be given now. Nothing is written, and nothing opened.
///
/// # Errors
///
/// As [`permit`].
pub fn would_open(node: &Node, vault: &Vault, asking: &Asking) -> Result<(), ConsentFault> {
    let consent = find(vault, &asking.grant)?.ok_or(Closed::Unknown)?;
    if again(node, vault, &consent, asking)?.is_some() {
        return Ok(());
    }
    let question = Question {
        asker: asker(node, asking)?,
        purpose: asking.purpose,
        attributes: asking.attributes,
        on: today(node, &consent)?,
        written: None,
    };
    match asked(node, vault, &consent, &question)? {
        Err(Closed::NotWritten) => Ok(()),
        other => Ok(other?),
    }
}

/// Leave for the same that was written down and never shown.
fn again(
    node: &Node,
    vault: &Vault,
    consent: &Consent,
    asking: &Asking,
) -> Result<Option<Permit>, ConsentFault> {
    if !vault.unshown()?.contains(&consent.household) {
        return Ok(None);
    }
    Ok(unshown(node, vault, consent.household)?.into_iter().find(|permit| permit.is_for(asking)))
}

/// The day by the stamp of the feed a disclosure would stand on.
fn today(node: &Node, consent: &Consent) -> Result<DayNo, ConsentFault> {
    let feed = node.feed(Lane::Registry, consent.grant.programme);
    let work = node.store().look().map_err(NodeFault::from)?;
    let at = crate::node::stamp(&work, &feed, node.now()).at;
    let last = work.trunk(&feed).map_or(at, |chain| work.last_stamp(chain));
    Ok(DayNo::of(at.max(last)))
}

/// Whom a node asks for, by its certificate as it stands now. A node that is unknown, has ended, was replaced or cut off, or
/// whose organisation left, asks for nobody: whoever has its folder would read what is sealed to it.
fn asker(node: &Node, asking: &Asking) -> Result<Asker, ConsentFault> {
    Ok(match copies::stands(node, &asking.node)? {
        Ok(certificate) => Asker { org: certificate.org, roles: certificate.roles },
        Err(_) => Asker { org: annona_ledger::id::OrgId(0), roles: Roles::NONE },
    })
}

fn asked(
    node: &Node,
    vault: &Vault,
    consent: &Consent,
    question: &Question,
) -> Result<Result<(), Closed>, ConsentFault> {
    let work = node.store().look().map_err(NodeFault::from)?;
    let told = work.told(&consent.commitment());
    let known = consent.known(&work, &told);
    // A clock that is doubted moves no stamp, and opens nothing that has ended by it.
    let wall = DayNo::of(Minute::of(node.now(), work.charter().founded()));
    let ended = wall > consent.grant.expires;
    work.check().map_err(NodeFault::from)?;
    let federation = node.federation()?;
    let answer = check(&federation, node.store().roster(), Some(&known), question);
    Ok(match answer {
        Err(Closed::Unknown | Closed::Unsigned | Closed::Withdrawn) => answer,
        // Whoever came into the household later has agreed to nothing.
        _ if ended => Err(Closed::OutsideWindow),
        _ if joined_since(vault, &federation, consent)? => Err(Closed::OutsideWindow),
        _ => answer,
    })
}

/// Whether somebody came into the household since a consent was given: by birth or to stay, with another household, or by
/// the register's next file.
fn joined_since(
    vault: &Vault,
    federation: &FederationId,
    consent: &Consent,
) -> Result<bool, ConsentFault> {
    let changes = household::changes(vault, federation, consent.household)?;
    let since = consent.grant.not_before;
    let joined = changes.iter().any(|c| household::adds_people(c.happened) && c.on >= since);
    Ok(joined || super::paper::joined_after(vault, consent)?)
}

/// The first day on which a consent that is given now may count: of a day on which somebody joined the household, it could
/// not be told which came first.
///
/// # Errors
///
/// A broken file.
pub fn first_day(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
    on: DayNo,
) -> Result<DayNo, ConsentFault> {
    let changes = household::changes(vault, &node.federation()?, household)?;
    let joined = changes.iter().filter(|c| household::adds_people(c.happened) && c.on >= on);
    Ok(joined.map(|change| change.on.plus(1)).max().unwrap_or(on))
}

fn write(
    node: &mut Node,
    consent: &Consent,
    question: &Question,
    commitment: Commitment,
    operator: &SigningKey,
) -> Result<(), ConsentFault> {
    let feed = node.feed(Lane::Registry, consent.grant.programme);
    let federation = node.federation()?;
    let compose: crate::node::Compose<'_> = Box::new(|work, feed, _| {
        // Once more inside the transaction that writes it: what was taken in since counts.
        let told = work.told(&consent.commitment());
        let known = consent.known(work, &told);
        match check(&federation, work.roster(), Some(&known), question) {
            Err(Closed::NotWritten) => {}
            Err(closed) => return Err(NodeFault::Refused(closed.to_string())),
            Ok(()) => return Err(NodeFault::Refused(Closed::NotWritten.to_string())),
        }
        let entry = Entry::from(Registry::People(People::Disclosed {
            commitment,
            grant: consent.commitment(),
            recipient: question.asker.org,
            purpose: question.purpose,
            attributes: question.attributes,
            on: question.on,
        }));
        let leaf = leaf(&entry.encode());
        let word = Statement::Entry { feed: feed.short(), leaf }.sign(&federation, operator);
        let composed = Composed::from(entry);
        Ok(vec![Composed { evidence: Some(word.encode()), ..composed }])
    });
    for answer in node.write(&mut [Request { feed, compose }])? {
        if answer.map_err(ConsentFault::from)?.is_empty() {
            return Err(Refusal::Words(Closed::NotWritten.to_string()).into());
        }
    }
    Ok(())
}

impl Permit {
    /// What it opens.
    #[must_use]
    pub const fn disclosure(&self) -> &Disclosure {
        &self.opened.disclosure
    }

    /// The commitment of its disclosure.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.opened.commitment()
    }

    /// Whether it is leave for what is asked.
    #[must_use]
    pub fn is_for(&self, asking: &Asking) -> bool {
        let d = self.disclosure();
        (d.grant, d.node, d.purpose, d.attributes)
            == (asking.grant, asking.node, asking.purpose, asking.attributes)
    }

    /// Whether it may have been opened already, and the power failed before it was known to have reached anybody.
    #[must_use]
    pub fn was_opening(&self) -> bool {
        self.opened.stage == Stage::Opening
    }

    /// Opens the attributes it names, and no others. That it may be seen is durable before it is: where the power fails
    /// between the two, nobody has seen anything, and her list says that somebody may have.
    ///
    /// # Errors
    ///
    /// [`ConsentFault::Vault`]: a household that was erased meanwhile does not open.
    pub fn open(self, vault: &mut Vault, today: Date) -> Result<(Shown, Showing), ConsentFault> {
        let mut opened = self.opened;
        opened.stage = Stage::Opening;
        opened.keep(vault)?;
        let stored = vault.household(opened.household)?;
        let members = stored.members.iter().map(|member: &Zeroizing<Vec<u8>>| member.as_slice());
        let household = Household::from_records(&stored.household, members)
            .map_err(|fault: HouseholdError| NodeFault::Refused(fault.to_string()))?;
        Ok((Shown::of(opened.disclosure, &household, today), Showing(opened)))
    }
}

/// What was opened and is not known to have reached whom it is for.
#[must_use = "until it is done it is shown again under the same line"]
pub struct Showing(Opened);

impl Showing {
    /// What was opened is durable, with whom it is for or on its way there: from here on another showing is another use.
    ///
    /// # Errors
    ///
    /// A broken or full disk; then it may be shown once more under the same line.
    pub fn done(self, vault: &mut Vault) -> Result<(), ConsentFault> {
        let mut opened = self.0;
        opened.stage = Stage::Shown;
        opened.keep(vault)
    }
}

/// Households of whom something stands on the ledger as shown that is not known to have been, and may still be.
///
/// # Errors
///
/// A broken disk.
pub fn unfinished(node: &Node, vault: &mut Vault) -> Result<Vec<HouseholdId>, ConsentFault> {
    let mut all = Vec::new();
    for id in vault.unshown()? {
        match unshown(node, vault, id) {
            Ok(permits) if permits.is_empty() => vault.all_shown(id)?,
            Ok(_) => all.push(id),
            // Its keys may come back.
            Err(ConsentFault::Vault(fault)) if fault.is_of_one_record() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(all)
}

/// Permits whose entry is on the ledger, of what is not known to have been shown, since the power failed in between: to be
/// opened now, under the same entry, or left.
///
/// # Errors
///
/// A broken disk.
pub fn unshown(
    node: &Node,
    vault: &Vault,
    household: HouseholdId,
) -> Result<Vec<Permit>, ConsentFault> {
    let mut permits = Vec::new();
    for opened in disclosures(vault, household)? {
        if opened.stage == Stage::Shown {
            continue;
        }
        let Some(consent) = find(vault, &opened.disclosure.grant)? else { continue };
        let d = &opened.disclosure;
        let asking =
            Asking { grant: d.grant, node: d.node, purpose: d.purpose, attributes: d.attributes };
        let question = Question {
            asker: asker(node, &asking)?,
            purpose: d.purpose,
            attributes: d.attributes,
            // Of today, too: a line of the last day opens nothing a year later.
            on: today(node, &consent)?.max(d.on),
            written: Some(opened.commitment()),
        };
        if asked(node, vault, &consent, &question)?.is_ok() {
            permits.push(Permit { opened });
        }
    }
    Ok(permits)
}
