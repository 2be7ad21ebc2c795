//! The key that the purses of a cycle are derived from: made by the treasury that the charter budgets the cycle for,
//! sealed to each site of the programme, carried on the treasury's control feed (spec/entries.md, "Cycle keys").
//!
//! With it two sites that hold a household from one register derive one purse; without it nobody derives any. It is kept
//! in the key file alone.

use annona_ledger::admit::gives_keys;
use annona_ledger::entry::{Control, CycleKey, Entry, Wrapped};
use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{CycleId, FederationId, FeedId, Lane, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::notice::NodeCertificate;
use annona_ledger::rejection::Rejection;
use annona_ledger::role::HOLDS_CYCLE_KEYS;
use annona_ledger::time::Minute;
use annona_ledger::view::{At, View};

use crate::envelope;
use crate::keystore::{Name, Secret};
use crate::member::may_meet;
use crate::node::{Compose, Composed, Node, NodeFault, Request};
use crate::seal::Key;
use crate::store::Work;

/// What giving a key came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The nodes it was sealed to now.
    pub to: Vec<[u8; 8]>,
    /// Those that had it already.
    pub before: Vec<[u8; 8]>,
}

/// Whether this node is the one the key of a cycle comes from.
///
/// # Errors
///
/// [`NodeFault::Store`] without a charter.
pub fn gives(node: &Node, programme: ProgrammeId, cycle: CycleId) -> Result<bool, NodeFault> {
    Ok(gives_keys(node.store().charter()?, &node.public().short(), programme, cycle))
}

/// The sites a cycle's key goes to from this node: certified now for the programme, in a role that keeps it, and in good
/// standing. One that is cut off as lost or compromised learns no purse of a cycle it has no key of yet.
///
/// # Errors
///
/// [`NodeFault::Store`] without a charter.
pub fn sites(node: &Node, programme: ProgrammeId) -> Result<Vec<NodeCertificate>, NodeFault> {
    let now = node.between()?;
    let own = node.public().short();
    let work = node.store().look()?;
    let fits = |c: &&NodeCertificate| {
        c.short() != own
            && c.programmes.contains(&programme)
            && c.roles.meets(HOLDS_CYCLE_KEYS)
            && may_meet(&work, &c.short(), now).is_ok()
    };
    let all = node.store().roster().nodes().filter(fits).cloned().collect();
    work.check()?;
    Ok(all)
}

/// The minute from which the key of a cycle has no more use, and is destroyed: [`limits::CYCLE_KEY_DAYS`] after the last
/// minute of its entitlements. `None` while the charter has not closed the cycle, or it was never opened here.
///
/// Until then a family that comes late with a question, a refund or an appeal is still found by its purse.
///
/// # Errors
///
/// [`NodeFault::Store`] without a charter.
pub fn over_from(
    node: &Node,
    programme: ProgrammeId,
    cycle: CycleId,
) -> Result<Option<Minute>, NodeFault> {
    let store = node.store();
    let closed = store.charter()?.closed(programme, cycle).is_some();
    let opened = store.roster().cycle(programme, cycle).filter(|_| closed);
    let kept = limits::CYCLE_KEY_DAYS.saturating_mul(24 * 60);
    Ok(opened.map(|opened| Minute(opened.expires.max(opened.closes).0.saturating_add(kept))))
}

/// Whether the key of a cycle has had its time. Asked of the stamp and not of the clock: one that ran far ahead of all that
/// was heard must not destroy what is still needed.
///
/// # Errors
///
/// [`NodeFault::Store`] without a charter.
pub fn is_over(node: &Node, programme: ProgrammeId, cycle: CycleId) -> Result<bool, NodeFault> {
    let now = node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?;
    Ok(over_from(node, programme, cycle)?.is_some_and(|from| now >= from))
}

/// Destroys the key of a cycle that is over, and says whether it was here. From then on nobody derives a purse of that
/// cycle at this node, and no purse leads back to a household; the key is not taken from the ledger again.
///
/// The copy sealed to this node stays on the ledger until blocks are pruned. It opens with the node's sealing key alone,
/// which goes with the node, or with the certificate that names another.
///
/// # Errors
///
/// [`NodeFault::Refused`] before its time; [`NodeFault`].
pub fn forget(node: &mut Node, programme: ProgrammeId, cycle: CycleId) -> Result<bool, NodeFault> {
    if !is_over(node, programme, cycle)? {
        return Err(NodeFault::Refused(
            "the cycle is not closed, or not long enough: its key is still asked for".into(),
        ));
    }
    let here = node.keys_mut().remove(Name::Cycle(programme, cycle));
    if here {
        node.keys().save()?;
    }
    Ok(here)
}

/// Gives the key of a cycle to every site that has not had it: makes it on first use, keeps it before it is given.
///
/// # Errors
///
/// [`Rejection::NotTreasury`]; [`NodeFault`].
pub fn give(node: &mut Node, programme: ProgrammeId, cycle: CycleId) -> Result<Given, NodeFault> {
    if !gives(node, programme, cycle)? {
        return Err(Rejection::NotTreasury.into());
    }
    if is_over(node, programme, cycle)? {
        return Err(NodeFault::Refused("the cycle is over: its key is given to nobody".into()));
    }
    let name = Name::Cycle(programme, cycle);
    if !learn(node, programme, cycle)? {
        node.keys_mut().put(name, Secret::random()?)?;
        node.keys().save()?;
    }
    let key =
        node.keys().get(name).and_then(Secret::as_key).ok_or(NodeFault::NoKey("cycle key"))?;
    let federation = node.federation()?;
    let of = Of { federation, programme, cycle, key: commitment(&key) };
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    let had: Vec<[u8; 8]> = {
        let work = node.store().look()?;
        let said = said(&work, &control, programme, cycle);
        work.check()?;
        said.iter().filter(|given| given.key == of.key).map(|given| given.node).collect()
    };
    let mut given = Given::default();
    let mut group = Vec::new();
    for site in sites(node, programme)? {
        let to = site.short();
        if had.contains(&to) {
            given.before.push(to);
            continue;
        }
        // A site whose key is none cannot be given anything; the others can.
        let Ok(sealed) = envelope::wrap(&site.sealing, &of.info(&to), &key) else { continue };
        let (key, sealed) = (of.key, Wrapped::of(&sealed));
        let compose: Compose<'_> = Box::new(move |_, _, at| {
            let given = CycleKey { programme, cycle, node: to, key, sealed, at };
            Ok(vec![Composed::from(Control::CycleKey(Box::new(given)))])
        });
        group.push(Request { feed: control, compose });
        given.to.push(to);
    }
    for answer in node.write(&mut group)? {
        answer.map_err(|why| NodeFault::Refused(why.to_string()))?;
    }
    Ok(given)
}

/// Whether the key of a cycle is here; takes it from the ledger where it was given to this node and the cycle is not over. What is here stays: a
/// list is drafted with one key only.
///
/// # Errors
///
/// [`NodeFault`].
pub fn learn(node: &mut Node, programme: ProgrammeId, cycle: CycleId) -> Result<bool, NodeFault> {
    let name = Name::Cycle(programme, cycle);
    if node.keys().get(name).is_some() {
        return Ok(true);
    }
    // What was destroyed is not taken from the ledger again.
    if is_over(node, programme, cycle)? {
        return Ok(false);
    }
    let Some(key) = find(node, programme, cycle)? else { return Ok(false) };
    node.keys_mut().put(name, Secret::of(&key))?;
    node.keys().save()?;
    Ok(true)
}

/// Takes in the keys of all open cycles that were given to this node; says of which.
///
/// # Errors
///
/// [`NodeFault`].
pub fn learn_all(node: &mut Node) -> Result<Vec<(ProgrammeId, CycleId)>, NodeFault> {
    let mut learned = Vec::new();
    for (programme, cycle) in missing(node) {
        if learn(node, programme, cycle)? {
            learned.push((programme, cycle));
        }
    }
    Ok(learned)
}

/// Of which cycles [`learn_all`] would take in the key.
///
/// # Errors
///
/// [`NodeFault`].
pub fn to_learn(node: &Node) -> Result<Vec<(ProgrammeId, CycleId)>, NodeFault> {
    let mut found = Vec::new();
    for (programme, cycle) in missing(node) {
        if !is_over(node, programme, cycle)? && find(node, programme, cycle)?.is_some() {
            found.push((programme, cycle));
        }
    }
    Ok(found)
}

/// The open cycles of this node's programmes whose keys are not here.
fn missing(node: &Node) -> Vec<(ProgrammeId, CycleId)> {
    let Some(certificate) = node.certificate() else { return Vec::new() };
    let open = node.store().roster().cycles().map(|c| (c.programme, c.cycle));
    let here = |programme, cycle| node.keys().get(Name::Cycle(programme, cycle)).is_some();
    open.filter(|(programme, cycle)| {
        certificate.programmes.contains(programme) && !here(*programme, *cycle)
    })
    .collect()
}

/// The key given to this node; of several, that with the least hash.
fn find(node: &Node, programme: ProgrammeId, cycle: CycleId) -> Result<Option<Key>, NodeFault> {
    let Some(secret) = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed) else {
        return Ok(None);
    };
    let (charter, own) = (node.store().charter()?, node.public().short());
    let federation = charter.federation();
    let work = node.store().look()?;
    let mut best: Option<(Hash, Key)> = None;
    for feed in work.feeds().iter().filter(|feed| feed.id.lane == Lane::Control) {
        if !gives_keys(charter, &feed.id.node.short(), programme, cycle) {
            continue;
        }
        for given in said(&work, &feed.id, programme, cycle) {
            let better = best.as_ref().is_none_or(|(least, _)| given.key < *least);
            if given.node != own || !better {
                continue;
            }
            let of = Of { federation, programme, cycle, key: given.key };
            let opened = envelope::unwrap(secret, &of.info(&own), &given.sealed.bytes());
            if let Some(key) = opened.ok().filter(|key| commitment(key) == given.key) {
                best = Some((given.key, key));
            }
        }
    }
    work.check()?;
    Ok(best.map(|(_, key)| key))
}

/// What a control feed says of a cycle's key.
fn said(work: &Work<'_>, feed: &FeedId, programme: ProgrammeId, cycle: CycleId) -> Vec<CycleKey> {
    let Some(chain) = work.trunk(feed) else { return Vec::new() };
    let entries = (0..work.head(chain).next).filter_map(|index| work.entry_at(At { chain, index }));
    let keys = entries.filter_map(|entry| match entry {
        Entry::Control(Control::CycleKey(given)) => Some(*given),
        _ => None,
    });
    keys.filter(|given| (given.programme, given.cycle) == (programme, cycle)).collect()
}

/// A hash of a key. The key is random, so nothing is guessed from it.
fn commitment(key: &Key) -> Hash {
    hash(Purpose::Commitment, &[b"cycle key", key.expose()])
}

/// Which key it is.
struct Of {
    federation: FederationId,
    programme: ProgrammeId,
    cycle: CycleId,
    key: Hash,
}

impl Of {
    /// What the key is sealed for: nothing else opens it.
    fn info(&self, to: &[u8; 8]) -> Vec<u8> {
        let (programme, cycle) = (self.programme.0.to_be_bytes(), self.cycle.0.to_be_bytes());
        let parts: [&[u8]; 6] = [
            b"annona 2026 v1 cycle key",
            &self.federation.0.0,
            &programme,
            &cycle,
            to,
            &self.key.0,
        ];
        parts.concat()
    }
}
