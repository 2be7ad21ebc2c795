//! Enrolling on the ledger those whom the person file holds: as pseudonyms, with an operator's word beside each.

use annona_ledger::duty::Duty;
use annona_ledger::entry::Registry;
use annona_ledger::id::{FeedId, Lane, OrgId, ProgrammeId, Pseudonym};
use annona_ledger::notice::Roles;
use annona_ledger::rejection::Rejection;
use annona_ledger::view::View;
use annona_node::node::{Compose, Node, Request};
use annona_node::vault::{HouseholdId, Vault};

use crate::fault::{Fault, Outcome};
use crate::signer::Signer;

/// Entries in one commit: the writer's own group.
const GROUP: usize = annona_node::writer::GROUP;

/// Which programmes this node enrols in, and who answers for it.
pub(super) struct Enrolling<'a> {
    signer: &'a Signer,
    programmes: Vec<ProgrammeId>,
}

impl<'a> Enrolling<'a> {
    /// Checks that this node may register and that the operator may for each programme: those given, or all the node
    /// serves.
    pub(super) fn new(
        node: &Node,
        (signer, duty): (&'a Signer, Duty),
        only: Option<Vec<ProgrammeId>>,
    ) -> Outcome<Self> {
        let certificate = node.certificate().ok_or_else(|| Fault::refused("no certificate"))?;
        // Asked here too, so that nobody is written down whom the ledger would not take.
        if !certificate.roles.has(Roles::REGISTRAR) {
            return Err(Rejection::OtherRole.into());
        }
        let programmes = only.unwrap_or_else(|| certificate.programmes.to_vec());
        let charter = node.store().charter()?;
        for programme in &programmes {
            let owner = charter.programme(*programme).map_or(certificate.org, |p| p.org);
            let orgs: [OrgId; 2] = [owner, certificate.org];
            // By the stamp the entry will have: a wrong clock takes nobody's certificate away.
            let at = node.stamp(&node.feed(Lane::Registry, *programme))?;
            signer.may(node, &orgs, (duty, *programme), at)?;
        }
        Ok(Self { signer, programmes })
    }

    /// Enrols these households in every programme: durable on the ledger first, then noted in the person file. What is
    /// enrolled already is passed over, so that a kill in between costs nothing.
    pub(super) fn enrol(
        &self,
        node: &mut Node,
        vault: &mut Vault,
        ids: &[HouseholdId],
    ) -> Outcome<u64> {
        let federation = node.federation()?;
        let mut written = 0u64;
        for programme in &self.programmes {
            let feed = node.feed(Lane::Registry, *programme);
            for ids in ids.chunks(GROUP) {
                let mut holders = Vec::with_capacity(ids.len());
                for id in ids {
                    holders.push(Pseudonym(vault.pseudonym(*id, programme.0, &federation.0.0)?));
                }
                written = written.saturating_add(self.write(node, feed, &holders)?);
                let mut txn = vault.begin()?;
                for id in ids {
                    txn.mark_enrolled(*id, programme.0, &federation.0.0)?;
                }
                txn.commit()?;
            }
        }
        Ok(written)
    }

    /// Enrols whoever is in the person file and not yet enrolled: what an earlier run left undone.
    pub(super) fn catch_up(&self, node: &mut Node, vault: &mut Vault) -> Outcome<u64> {
        let mut written = 0u64;
        for programme in &self.programmes {
            let mut after = None;
            loop {
                let mut ids = vault.pending(programme.0, after, GROUP)?;
                let Some(last) = ids.last() else { break };
                after = Some(*last);
                // Whose record does not open waits for its key; the others do not wait for her.
                let closed = |id: &HouseholdId| vault.registration(*id).map(drop);
                ids.retain(|id| !closed(id).is_err_and(|fault| fault.is_of_one_record()));
                let one = Self { signer: self.signer, programmes: vec![*programme] };
                written = written.saturating_add(one.enrol(node, vault, &ids)?);
            }
        }
        Ok(written)
    }

    fn write(&self, node: &mut Node, feed: FeedId, holders: &[Pseudonym]) -> Outcome<u64> {
        let federation = node.federation()?;
        let signer = self.signer;
        let request = |holder: &Pseudonym| {
            let pseudonym = *holder;
            let compose: Compose<'_> = Box::new(move |work, _, at| {
                if work.enrolled(feed.programme, &pseudonym) {
                    return Ok(Vec::new());
                }
                let entry = Registry::Enrol { pseudonym, at };
                Ok(vec![signer.stands_for(&federation, &feed, entry)])
            });
            Request { feed, compose }
        };
        let mut group: Vec<Request<'_>> = holders.iter().map(request).collect();
        let mut written = 0u64;
        for answer in node.write(&mut group)? {
            written = written.saturating_add(answer?.len() as u64);
        }
        Ok(written)
    }
}
