//! Erasing people: keys destroyed, records gone, said on the ledger, followed by every node that holds copies
//! (spec/privacy.md, "Erasure").
//!
//! The keys go first. What must be said on the ledger is kept in the transaction that destroys them, so whatever moment
//! the power fails at, the person is gone, and the next call says so.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::consent::{People, Said, Told};
use annona_ledger::entry::{Control, Entry, Registry};
use annona_ledger::feed::leaf;
use annona_ledger::id::{CarrierId, Commitment, Lane, ProgrammeId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::Roles;
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;
use annona_ledger::view::View;

use crate::backup;
use crate::consent::{ConsentFault, say};
use crate::copies;
use crate::credential::register::Register;
use crate::folder::{CARDS, PINS};
use crate::holder::desk;
use crate::household;
use crate::keystore::{Name, Secret};
use crate::letters::{About, Letters};
use crate::node::{Compose, Composed, Node, NodeFault, Request};
use crate::pin::{Lent, PinFault, Pins};
use crate::seal::Key;
use crate::vault::{Erasure, HouseholdId, MAX_PAGE, Vault, VaultFault};

#[cfg(test)]
mod tests;

/// Entries of one commit.
const AT_ONCE: usize = 256;

/// Nodes that have not said that they followed an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The erasure.
    pub erasure: Erasure,
    /// The nodes, by eight bytes of their keys.
    pub nodes: Vec<[u8; 8]>,
}

/// Destroys the data keys and records of households and of those that were merged into them, rewrites the file so that no
/// stale page keeps them, and says so on the ledger. Of several at once the file is rewritten once.
///
/// # Errors
///
/// [`ConsentFault::Vault`] where nothing was erased, as where a household's keys are not here ([`told_as`]); what comes after
/// is made good by [`finish`].
pub fn erase(
    node: &mut Node,
    vault: &mut Vault,
    households: &[HouseholdId],
    operator: &SigningKey,
) -> Result<Vec<Erasure>, ConsentFault> {
    let mut all = BTreeSet::new();
    for id in households {
        all.extend(with_merged(node, vault, *id)?);
    }
    let mut gone = Vec::new();
    for id in all {
        gone.push((id, told_as(node, vault, id)?));
    }
    destroy(node, vault, gone, operator)
}

/// A household and all that were merged into it: their people are among its own, and their papers go with them.
///
/// # Errors
///
/// A broken disk.
pub fn with_merged(
    node: &Node,
    vault: &Vault,
    id: HouseholdId,
) -> Result<Vec<HouseholdId>, ConsentFault> {
    let merged = match household::merged_into(vault, &node.federation()?, id) {
        // Its papers open no more than its record: [`told_as`] says what that comes to.
        Err(fault) if fault.is_of_one_record() => Vec::new(),
        other => other?,
    };
    Ok(std::iter::once(id).chain(merged).collect())
}

/// As [`erase`], of one household whose keys are nowhere: no other node is told of it.
///
/// # Errors
///
/// As [`erase`].
pub fn erase_untold(
    node: &mut Node,
    vault: &mut Vault,
    household: HouseholdId,
    operator: &SigningKey,
) -> Result<(), ConsentFault> {
    destroy(node, vault, vec![(household, Vec::new())], operator).map(drop)
}

/// What the ledger will be told of a household's erasure, one for each programme; fewer where its record is too damaged to
/// tell of, which goes all the same.
///
/// # Errors
///
/// [`VaultFault::NoKey`]: whoever keeps her key would never hear, and a copy of before would bring her back. A
/// broken disk.
pub fn told_as(node: &Node, vault: &Vault, id: HouseholdId) -> Result<Vec<Erasure>, ConsentFault> {
    let mut programmes = vault.programmes(id)?;
    if programmes.is_empty() {
        // Nobody outside knows her; a copy of this file may.
        programmes.extend(node.certificate().and_then(|c| c.programmes.first().copied()));
    }
    let mut erasures = Vec::new();
    for programme in programmes {
        match vault.erasure_commitment(id, programme) {
            Ok(commitment) => erasures.push(Erasure { programme, commitment, said: false }),
            Err(VaultFault::Damaged { .. }) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(erasures)
}

fn destroy(
    node: &mut Node,
    vault: &mut Vault,
    gone: Vec<(HouseholdId, Vec<Erasure>)>,
    operator: &SigningKey,
) -> Result<Vec<Erasure>, ConsentFault> {
    // Heard of before anything is destroyed: what does not open is put right, and she is asked for again.
    drop(others(node)?);
    // Before its salt is destroyed, by which alone it is known: a wallet left behind would go on paying.
    cancel_wallets(node, vault, &gone, operator)?;
    stop_letters(node, &gone)?;
    let mut txn = vault.begin()?;
    for (id, erasures) in &gone {
        txn.erase(*id, erasures)?;
    }
    txn.commit()?;
    beside(node, vault)?;
    rotate(node, vault)?;
    finish(node, vault, operator)?;
    let known = vault.erasures()?;
    let said = |one: &Erasure| known.iter().any(|k| k.commitment == one.commitment && k.said);
    let all = gone.into_iter().flat_map(|(_, erasures)| erasures);
    Ok(all.map(|one| Erasure { said: said(&one), ..one }).collect())
}

/// Stops answers about households that wait to go. Before the rest: killed right after it, a node that runs would post what
/// tells of somebody who is gone. Killed before it, she is asked for again, and so is whoever wanted the answer.
fn stop_letters(node: &Node, gone: &[(HouseholdId, Vec<Erasure>)]) -> Result<usize, ConsentFault> {
    let of = |about: &About| gone.iter().any(|(id, _)| *id == about.family);
    Ok(Letters::of(node.folder().root()).stop(of)?)
}

/// Cancels the wallets of households on the ledger. What this node may not say there keeps no erasure back.
fn cancel_wallets(
    node: &mut Node,
    vault: &Vault,
    gone: &[(HouseholdId, Vec<Erasure>)],
    operator: &SigningKey,
) -> Result<(), ConsentFault> {
    let mut carriers = Vec::new();
    for (id, erasures) in gone {
        for Erasure { programme, .. } in erasures {
            // A record too damaged to open tells of no wallet.
            if let Ok(Some(kept)) = desk::kept(vault, *id, *programme) {
                carriers.push((*programme, kept.carrier(*programme)));
            }
        }
    }
    cancel(node, &carriers, Some(operator)).map(drop)
}

/// Cancels carriers on the ledger, with an operator's word where there is one; gives those that are cancelled there now.
fn cancel(
    node: &mut Node,
    carriers: &[(ProgrammeId, CarrierId)],
    operator: Option<&SigningKey>,
) -> Result<Vec<(ProgrammeId, CarrierId)>, ConsentFault> {
    let federation = node.federation()?;
    let mut done = Vec::new();
    for carriers in carriers.chunks(AT_ONCE) {
        let request = |(programme, carrier): &(ProgrammeId, CarrierId)| {
            let (programme, carrier) = (*programme, *carrier);
            let compose: Compose<'_> = Box::new(move |work, feed, at| {
                let bound = !work.carrier(programme, &carrier).is_empty();
                if !bound || work.cancelled(programme, &carrier) {
                    return Ok(Vec::new());
                }
                let entry = Entry::from(Registry::CarrierCancelled { carrier, at });
                let word = Statement::Entry { feed: feed.short(), leaf: leaf(&entry.encode()) };
                let evidence = operator.map(|key| word.sign(&federation, key).encode());
                Ok(vec![Composed { evidence, ..Composed::from(entry) }])
            });
            Request { feed: node.feed(Lane::Registry, programme), compose }
        };
        let mut group: Vec<Request<'_>> = carriers.iter().map(request).collect();
        let answers = node.write(&mut group)?;
        let all = carriers.iter().zip(answers);
        done.extend(all.filter(|(_, answer)| answer.is_ok()).map(|(one, _)| *one));
    }
    Ok(done)
}

/// Cancels the wallets of whoever was erased here upon hearing of it. What this node may not say stays to be said.
fn cancel_heard(
    node: &mut Node,
    vault: &mut Vault,
    operator: Option<&SigningKey>,
) -> Result<(), ConsentFault> {
    let waiting = vault.wallets_to_cancel()?;
    if waiting.is_empty() {
        return Ok(());
    }
    let done = cancel(node, &waiting, operator)?;
    Ok(vault.wallets_cancelled(&done)?)
}

/// Takes what other files of the folder tell of households that are gone: answers about them that wait to go, their PINs,
/// their cards, which count no more, and what an interrupted backup has left. Interrupted, the next call does the rest.
///
/// # Errors
///
/// A broken disk; a register or a file of PINs that does not open.
pub(crate) fn beside(node: &Node, vault: &mut Vault) -> Result<(), ConsentFault> {
    let gone = vault.to_forget()?;
    if gone.is_empty() {
        return Ok(());
    }
    Letters::of(node.folder().root()).stop(|about| gone.contains(&about.family))?;
    let (pins, cards) = others(node)?;
    if let Some(mut pins) = pins {
        pins.forget(&gone)?;
    }
    if let Some(mut cards) = cards
        && cards.forget(&gone) > 0
    {
        cards.save()?;
    }
    backup::clear(node.folder())?;
    Ok(vault.forgotten()?)
}

/// The other files of the folder that tell of households, where there are such.
fn others(node: &Node) -> Result<(Option<Pins>, Option<Register>), ConsentFault> {
    let (pins, cards, key) =
        (node.folder().file(PINS), node.folder().file(CARDS), node.vault_key()?);
    let pins = match pins.exists().then(|| Pins::open(&pins, &key)) {
        // Nobody's are in it.
        Some(Err(PinFault::Missing { .. })) | None => None,
        Some(other) => Some(other?),
    };
    let cards = cards.exists().then(|| Register::open(&cards, key)).transpose()?;
    Ok((pins, cards))
}

/// Puts the data keys under a new site key and destroys the old one: what somebody kept of the key file opens nobody any
/// more, whatever backup and passphrase he has. Interrupted, either key opens them, and the next call destroys both.
///
/// # Errors
///
/// A broken or full disk.
pub fn rotate(node: &mut Node, vault: &mut Vault) -> Result<(), ConsentFault> {
    let old: Vec<Name> = node.keys().names().filter(|name| matches!(name, Name::Site(_))).collect();
    let nth = match old.last() {
        Some(Name::Site(nth)) => nth.saturating_add(1),
        _ => 1,
    };
    let (key, keys) = (Key::random()?, node.keys_mut());
    keys.put(Name::Site(nth), Secret::of(&key)).map_err(NodeFault::from)?;
    keys.save().map_err(NodeFault::from)?;
    vault.rotate(&key)?;
    let keys = node.keys_mut();
    for name in old.into_iter().filter(|name| *name != Name::Site(nth)) {
        keys.remove(name);
    }
    keys.save().map_err(NodeFault::from)?;
    Ok(vault.site_key_gone()?)
}

/// Whether something of an erasure is left to [`finish`]: the site key of then, or an entry this node may write.
///
/// # Errors
///
/// A broken disk.
pub fn is_unfinished(node: &Node, vault: &Vault) -> Result<bool, ConsentFault> {
    let mine = |p: &ProgrammeId| node.certificate().is_some_and(|c| c.programmes.contains(p));
    let unsaid = |one: &Erasure| !one.said && mine(&one.programme);
    let wallet = |(programme, _): &(ProgrammeId, CarrierId)| mine(programme);
    Ok(vault.site_key_due()?
        || vault.erasures()?.iter().any(unsaid)
        || vault.wallets_to_cancel()?.iter().any(wallet))
}

/// Says on the ledger what was erased and not said yet; says how much that was. What this node may not say, since it lost
/// the programme or was cut, stays to be said, and keeps nothing else back: she is gone here whatever the ledger hears.
///
/// # Errors
///
/// [`ConsentFault`]; calling again goes on where it stopped.
pub fn finish(
    node: &mut Node,
    vault: &mut Vault,
    operator: &SigningKey,
) -> Result<u64, ConsentFault> {
    // Nothing is said of what is not destroyed.
    beside(node, vault)?;
    if vault.keys_due()? || vault.site_key_due()? {
        rotate(node, vault)?;
    }
    cancel_heard(node, vault, Some(operator))?;
    let mut said = 0;
    for erasure in vault.erasures()?.into_iter().filter(|one| !one.said) {
        let commitment = erasure.commitment;
        let known = !node.store().look().map_err(NodeFault::from)?.told(&commitment).is_empty();
        if !known {
            match say(node, erasure.programme, Some(operator), |on| People::Erased {
                commitment,
                on,
            }) {
                Ok(_) => said += 1,
                Err(ConsentFault::Refused(_)) => continue,
                Err(other) => return Err(other),
            }
        }
        let mut txn = vault.begin()?;
        txn.erasure_said(&commitment)?;
        txn.commit()?;
    }
    Ok(said)
}

/// Erases whoever of this vault the ledger says is erased: after a restored backup, or where another site holds her too.
/// Costs nothing where the ledger says nothing new. Returns how many households went.
///
/// # Errors
///
/// [`ConsentFault`]; calling again goes on where it stopped.
pub fn apply(node: &Node, vault: &mut Vault) -> Result<u64, ConsentFault> {
    if node.store().charter().is_err() {
        return Ok(0);
    }
    let erased = heard(node)?;
    let heard = erased.values().map(|all| all.len() as u64).sum();
    let gone = if vault.erasures_heard()? == heard {
        0
    } else {
        // PINs that do not open keep no record from being erased: they are tried again each time, as nothing new was heard.
        let lent = forget_lent(node, &erased);
        apply_to(node, vault, &erased, if lent.is_ok() { heard } else { 0 })?
    };
    // A register that does not open keeps nobody from being served. It is tried again each time, and this node does not
    // say that it followed ([`follow`]) before it is done.
    drop(beside(node, vault));
    Ok(gone)
}

/// Destroys the PINs others lent to this node of whoever was erased: nobody is known by them any more, whatever their day.
fn forget_lent(node: &Node, erased: &Erased) -> Result<usize, ConsentFault> {
    let path = node.folder().file(PINS);
    if !path.exists() {
        return Ok(0);
    }
    Ok(Pins::open(&path, &node.vault_key()?)?.forget_lent(erased.values().flatten())?)
}

/// Takes PINs that were lent to this node, but for those of whom it has heard that they are erased: a file of before may be
/// brought again. Says of how many purses are here.
///
/// # Errors
///
/// Those of the file of PINs and of the ledger; then nothing of it is kept, or all of it until the next opening.
pub fn keep_lent(
    node: &Node,
    pins: &mut Pins,
    rows: &[Lent],
    today: DayNo,
) -> Result<usize, ConsentFault> {
    let kept = pins.keep(rows, today)?;
    let gone = pins.forget_lent(heard(node)?.values().flatten())?;
    Ok(kept.saturating_sub(gone))
}

/// Erasures, by programme.
pub(crate) type Erased = BTreeMap<ProgrammeId, BTreeSet<Commitment>>;

/// Every erasure this node's ledger tells of.
pub(crate) fn heard(node: &Node) -> Result<Erased, ConsentFault> {
    let work = node.store().look().map_err(NodeFault::from)?;
    let told = work.all_told();
    work.check().map_err(NodeFault::from)?;
    let mut erased = Erased::new();
    for (programme, commitment) in told.iter().filter_map(erasure_of) {
        erased.entry(programme).or_default().insert(commitment);
    }
    Ok(erased)
}

/// Erases whoever of this vault is among these; `heard` of them are of its node's ledger.
pub(crate) fn apply_to(
    node: &Node,
    vault: &mut Vault,
    erased: &Erased,
    heard: u64,
) -> Result<u64, ConsentFault> {
    let (mut gone, mut wallets) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = vault.all(after, MAX_PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for id in page {
            let mut theirs = Vec::new();
            for (programme, all) in erased {
                match vault.erasure_commitment(id, *programme) {
                    Ok(commitment) if all.contains(&commitment) => {
                        theirs.push(Erasure { programme: *programme, commitment, said: true });
                    }
                    Ok(_) => {}
                    // Without its key a record opens for nobody, and there is nothing to destroy but noise. A key may come
                    // back: then all are asked again ([`Vault::put_keys`]).
                    Err(fault) if fault.is_of_one_record() => {}
                    Err(fault) => return Err(fault.into()),
                }
            }
            if !theirs.is_empty() {
                // Known by a salt that goes with her: it would go on paying.
                let mut programmes: BTreeSet<_> = vault.programmes(id)?.into_iter().collect();
                programmes.extend(theirs.iter().map(|one| one.programme));
                for programme in programmes {
                    match desk::kept(vault, id, programme) {
                        Ok(Some(kept)) => wallets.push((programme, kept.carrier(programme))),
                        Ok(None) => {}
                        Err(ConsentFault::Vault(fault)) if fault.is_of_one_record() => {}
                        Err(fault) => return Err(fault),
                    }
                }
                gone.push((id, theirs));
            }
        }
    }
    stop_letters(node, &gone)?;
    let mut txn = vault.begin()?;
    for (id, erasures) in &gone {
        txn.erase(*id, erasures)?;
    }
    for (programme, carrier) in wallets {
        txn.note_wallet_to_cancel(programme, &carrier)?;
    }
    txn.set_erasures_heard(heard)?;
    txn.commit()?;
    if !gone.is_empty() {
        vault.scrub()?;
    }
    Ok(gone.len() as u64)
}

fn erasure_of(told: &Told) -> Option<(ProgrammeId, Commitment)> {
    match told.people() {
        Some(People::Erased { commitment, .. }) => Some((told.programme, *commitment)),
        _ => None,
    }
}

/// Follows every erasure the ledger tells of: applies it, and says on this node's control feed that it did. Returns how
/// many it answered.
///
/// # Errors
///
/// [`ConsentFault`]; calling again goes on where it stopped.
pub fn follow(node: &mut Node, vault: &mut Vault) -> Result<u64, ConsentFault> {
    apply(node, vault)?;
    beside(node, vault)?;
    if vault.keys_due()? || vault.site_key_due()? {
        rotate(node, vault)?;
    }
    cancel_heard(node, vault, None)?;
    let open = open(node)?;
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    for erased in &open {
        let erased = *erased;
        let compose: Compose<'_> = Box::new(move |work, feed, at| {
            let last = work.trunk(feed).map_or(at, |chain| work.last_stamp(chain));
            let on = DayNo::of(at.max(last));
            Ok(vec![Composed::from(Control::ErasureSeen { erased, on })])
        });
        for answer in node.write(&mut [Request { feed: control, compose }])? {
            answer?;
        }
    }
    Ok(open.len() as u64)
}

/// Whether somebody else has erased a person, and this node has not said yet that it followed.
///
/// # Errors
///
/// [`ConsentFault`].
pub fn waits(node: &Node) -> Result<bool, ConsentFault> {
    Ok(!open(node)?.is_empty())
}

/// The erasures of others that this node has not answered, and may.
fn open(node: &Node) -> Result<Vec<Commitment>, ConsentFault> {
    let own = node.public().short();
    let work = node.store().look().map_err(NodeFault::from)?;
    let told = work.all_told();
    work.check().map_err(NodeFault::from)?;
    let seen: BTreeSet<Commitment> =
        told.iter().filter(|t| t.by == own).filter_map(seen_of).collect();
    let kept = copies::kept(node)?;
    let roster = node.store().roster();
    // Somebody's keys may be in a copy kept here: it is followed when the copy is replaced or destroyed.
    // One that cannot be read is held to be of before every erasure of its site, and keeps no other from being followed.
    let held = |by: &[u8; 8], commitment: &Commitment| {
        let replaced = roster.node(by).and_then(|certificate| certificate.replaces);
        let of = |site: &[u8; 8]| site == by || Some(*site) == replaced;
        kept.labels.iter().any(|label| of(&label.site) && !label.is_after(commitment))
            || kept.unreadable.iter().filter_map(|one| one.site.as_ref()).any(of)
    };
    let others = told.iter().filter(|t| t.by != own).filter_map(|t| {
        let (_, commitment) = erasure_of(t)?;
        (!held(&t.by, &commitment)).then_some(commitment)
    });
    Ok(others.filter(|commitment| !seen.contains(commitment)).collect())
}

fn seen_of(told: &Told) -> Option<Commitment> {
    match told.said {
        Said::ErasureSeen { erased, .. } => Some(erased),
        Said::People(_) => None,
    }
}

/// The erasures of this vault that some node has not followed yet, as far as this one has heard: every node certified for
/// the programme that may keep people's records, and whoever was given a copy of their keys.
///
/// # Errors
///
/// A broken disk.
pub fn pending(node: &Node, vault: &Vault) -> Result<Vec<Pending>, ConsentFault> {
    let keeps = Roles::REGISTRAR.and(Roles::VAULT);
    let own = node.public().short();
    let work = node.store().look().map_err(NodeFault::from)?;
    let (keepers, erasures) = (vault.copies()?, vault.erasures()?);
    let roster = node.store().roster();
    let serves = |who: &[u8; 8], of| roster.node(who).is_some_and(|c| c.programmes.contains(&of));
    let mut all = Vec::new();
    let last = erasures.len() as u64;
    for (nth, erasure) in (0u64..).zip(erasures) {
        let told = work.told(&erasure.commitment);
        let done = |who: &[u8; 8]| {
            told.iter().any(|t| t.by == *who && (seen_of(t).is_some() || erasure_of(t).is_some()))
        };
        let nodes = roster.nodes();
        let nodes = nodes.filter(|c| {
            c.roles.meets(keeps) && c.programmes.contains(&erasure.programme) && c.short() != own
        });
        // A keeper that does not serve the programme hears nothing of it and can say nothing: it counts as done when it was
        // given a copy of after it.
        let keeps = keepers.iter().filter(|copy| {
            serves(&copy.node, erasure.programme) || nth >= last.saturating_sub(copy.behind)
        });
        let nodes = nodes.map(|c| c.short()).chain(keeps.map(|copy| copy.node));
        let nodes: BTreeSet<_> = nodes.filter(|who| !done(who)).collect();
        let nodes: Vec<_> = nodes.into_iter().collect();
        if !nodes.is_empty() {
            all.push(Pending { erasure, nodes });
        }
    }
    work.check().map_err(NodeFault::from)?;
    Ok(all)
}
