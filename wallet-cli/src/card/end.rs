//! What ends what names a family at a counter: a loss, or a change of hands.

use annona_ledger::entry::{CarrierKind, Registry};
use annona_ledger::id::{CarrierId, Lane, ProgrammeId};
use annona_node::credential::register::{Line, Register};
use annona_node::folder::CARDS;
use annona_node::node::{Compose, Node, Request};
use annona_node::pin::{PinFault, Pins};
use annona_node::vault::{HouseholdId, Vault};

use super::carrier;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::signer::Signer;
use crate::words::count;

/// What counts for a family in a programme, as the ledger here knows it: whatever is bound to it and not cancelled, also
/// what nobody here has seen for a long time.
pub(crate) fn counting(
    node: &Node,
    vault: &Vault,
    id: HouseholdId,
    programme: ProgrammeId,
) -> Outcome<Vec<(CarrierId, CarrierKind)>> {
    let pseudonym = holder::pseudonym(node, vault, id, programme)?;
    let work = node.store().look()?;
    let mut all = work.carriers_of(programme, &pseudonym);
    all.retain(|(carrier, _)| !work.cancelled(programme, carrier));
    work.check()?;
    Ok(all)
}

/// How many there are of each kind: `2 codes, 1 card or collector's paper`.
pub(crate) fn kinds(all: &[(CarrierId, CarrierKind)]) -> String {
    let of = |kind| all.iter().filter(|(_, is)| *is == kind).count() as u64;
    let some = [
        (of(CarrierKind::Code), "code", "codes"),
        (of(CarrierKind::Paper), "card or collector's paper", "cards or collectors' papers"),
        (of(CarrierKind::Card), "card that signs", "cards that sign"),
        (of(CarrierKind::Phone), "wallet", "wallets"),
    ];
    let some = some.into_iter().filter(|(number, ..)| *number > 0);
    some.map(|(number, one, many)| count(number, one, many)).collect::<Vec<_>>().join(", ")
}

/// What an answer is about that names carriers by their kinds: these and no others, with the card the register has. Another
/// desk may have given a new one while the person thought.
pub(super) fn about(
    programme: ProgrammeId,
    all: &[(CarrierId, CarrierKind)],
    line: Option<&Line>,
) -> Vec<u8> {
    let mut carriers: Vec<String> = all.iter().map(|(carrier, _)| carrier.to_string()).collect();
    carriers.sort_unstable();
    let line = line.map(|line| (line.carrier.to_string(), line.list, line.index));
    format!("{programme} {carriers:?} {line:?}").into_bytes()
}

/// Cancels on the ledger what is not cancelled there yet, all of it in one commit. Says how many that were.
pub(super) fn cancel(
    node: &mut Node,
    signer: &Signer,
    programme: ProgrammeId,
    carriers: &[CarrierId],
) -> Outcome<u64> {
    let federation = node.federation()?;
    let feed = node.feed(Lane::Registry, programme);
    let compose: Compose<'_> = Box::new(|work, feed, at| {
        let open = carriers.iter().filter(|carrier| !work.cancelled(programme, carrier));
        let entry = |carrier: &_| Registry::CarrierCancelled { carrier: *carrier, at };
        Ok(open.map(|c| signer.stands_for(&federation, feed, entry(c))).collect())
    });
    let answers = node.write(&mut [Request { feed, compose }])?;
    let answer = answers.into_iter().next();
    let written = answer.ok_or_else(|| Fault::refused("nothing was written."))??;
    Ok(written.len() as u64)
}

/// Ends these carriers of a family in a programme, and the printed card the register here has of it: on the ledger first,
/// then in the person file. Interrupted, the same again does the rest.
pub(super) fn lose(
    node: &mut Node,
    vault: &mut Vault,
    register: &mut Register,
    signer: &Signer,
    (id, programme): (HouseholdId, ProgrammeId),
    lost: &[(CarrierId, CarrierKind)],
) -> Outcome {
    let mut carriers: Vec<CarrierId> = lost.iter().map(|(carrier, _)| *carrier).collect();
    let line = register.of(id, programme).cloned();
    let code = line.as_ref().and_then(super::code_of);
    if let Some(line) = &line {
        // Of a card whose maker was killed the ledger may know one half.
        carriers.push(line.carrier);
        carriers.extend(code.map(|code| carrier(node, &code, programme)).transpose()?);
        carriers.sort_unstable();
        carriers.dedup();
    }
    if !carriers.is_empty() {
        cancel(node, signer, programme, &carriers)?;
    }
    let mut open = false;
    let charter = node.store().charter()?.clone();
    for (programme, _) in charter.programmes() {
        let still = counting(node, vault, id, programme)?;
        open |= still.iter().any(|(_, kind)| *kind != CarrierKind::Phone);
    }
    let mut txn = vault.begin()?;
    if let Some(code) = code {
        txn.drop_card(&code.bytes())?;
    }
    // Of a code only its hash is kept: which programme it is for cannot be told. One that counts elsewhere must go on.
    if !open {
        txn.drop_cards(id)?;
    }
    txn.commit()?;
    if register.take_back(id, programme).is_some() {
        register.save()?;
    }
    Ok(())
}

/// Takes the PINs of families away, and cancels their cards, codes, collectors' papers and wallets, here at once and
/// elsewhere with the next sync. Says how many of those there were. Interrupted, the same call does the rest.
pub(crate) fn end_all(
    node: &mut Node,
    vault: &mut Vault,
    signer: &Signer,
    families: &[HouseholdId],
) -> Outcome<u64> {
    match Pins::of_node(node, vault) {
        // Nobody's counts.
        Err(PinFault::Missing { .. }) => {}
        pins => drop(pins?.forget(families)?),
    }
    let mut ended = 0u64;
    for id in families {
        for programme in vault.programmes(*id)? {
            let all = counting(node, vault, *id, programme)?;
            if all.is_empty() {
                continue;
            }
            let all: Vec<CarrierId> = all.into_iter().map(|(carrier, _)| carrier).collect();
            ended = ended.saturating_add(cancel(node, signer, programme, &all)?);
        }
    }
    if node.folder().file(CARDS).exists() {
        let mut register = Register::of_node(node, vault)?;
        if register.forget(families) > 0 {
            register.save()?;
        }
    }
    let mut txn = vault.begin()?;
    for id in families {
        txn.drop_cards(*id)?;
    }
    txn.commit()?;
    Ok(ended)
}
