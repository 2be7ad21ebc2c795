//! What ends with a change of hands: everything that names a family at a counter.

use annona_ledger::entry::Registry;
use annona_ledger::id::{Lane, Pseudonym};
use annona_ledger::view::View;
use annona_node::credential::register::Register;
use annona_node::folder::CARDS;
use annona_node::node::{Compose, Node, Request};
use annona_node::vault::{HouseholdId, Vault};

use crate::fault::{Fault, Outcome};
use crate::pay::pin::pins;
use crate::signer::Signer;

/// Takes the PINs of families away, and cancels their cards, codes, collectors' papers and wallets, here at once and
/// elsewhere with the next sync. Says how many of those there were. Interrupted, the same call does the rest.
pub(crate) fn end_all(
    node: &mut Node,
    vault: &mut Vault,
    signer: &Signer,
    families: &[HouseholdId],
) -> Outcome<u64> {
    let federation = node.federation()?;
    pins(node)?.forget(families)?;
    let mut ended = 0u64;
    for id in families {
        for programme in vault.programmes(*id)? {
            let feed = node.feed(Lane::Registry, programme);
            let pseudonym = Pseudonym(vault.pseudonym(*id, programme.0, &federation.0.0)?);
            let compose: Compose<'_> = Box::new(move |work, feed, at| {
                let all = work.carriers_of(programme, &pseudonym);
                let open = all.iter().filter(|carrier| !work.cancelled(programme, carrier));
                let entry = |carrier: &_| Registry::CarrierCancelled { carrier: *carrier, at };
                Ok(open.map(|c| signer.stands_for(&federation, feed, entry(c))).collect())
            });
            let answers = node.write(&mut [Request { feed, compose }])?;
            let answer = answers.into_iter().next();
            let written = answer.ok_or_else(|| Fault::refused("nothing was written."))??;
            ended = ended.saturating_add(written.len() as u64);
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
