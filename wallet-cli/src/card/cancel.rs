use annona_ledger::charter::Charter;
use annona_ledger::duty::Duty;
use annona_ledger::entry::CarrierKind;
use annona_ledger::id::{CarrierId, Lane, OrgId, ProgrammeId};
use annona_ledger::view::View;
use annona_node::credential::register::Register;
use annona_node::node::Node;
use annona_node::vault::Vault;
use clap::Args;
use serde_json::json;

use super::end::{about, cancel, counting, kinds, lose};
use super::{carriers, given};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::{Operator, Signer};
use crate::{holder, words};

const EXAMPLES: &str = "\
Examples:
  $ annona card cancel --family 1 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card cancel 7K3M-9QXD-2VHN --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card cancel --family desk:B1-001 --programme Food --operator mara.keys \\
      --operator-passphrase-file pass.txt --dry-run";

/// Cancels what is lost, for ever: here at once and elsewhere with the next sync.
///
/// With --family everything that counts for a family: its cards, codes, collectors' papers and wallets, also those nobody
/// has the code of any more. With a code that code alone, and the card it was printed on.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Cancel {
    /// The code, where that alone is lost
    #[arg(required_unless_present = "family", conflicts_with_all = ["family", "programme"])]
    code: Option<String>,
    /// The family whose cards and codes are lost: its number, a short code, or SOURCE:KEY
    #[arg(long, value_name = "FAMILY")]
    family: Option<String>,
    /// Only what counts in this programme [default: every programme]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be cancelled; cancel nothing
    #[arg(long)]
    dry_run: bool,
}

impl Cancel {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (node, signer) = session.signing(&self.operator)?;
        let vault = session.vault(&node)?;
        let charter = node.store().charter()?.clone();
        match (&self.family, &self.code) {
            (Some(family), _) => self.all(session, (node, vault), &signer, &charter, family),
            (None, Some(code)) => self.one(session, (node, vault), &signer, &charter, code),
            (None, None) => Err(Fault::usage("say what is lost: a code, or --family FAMILY.")),
        }
    }

    /// A code, and the card beside it.
    fn one(
        &self,
        session: &Session,
        (mut node, mut vault): (Node, Vault),
        signer: &Signer,
        charter: &Charter,
        text: &str,
    ) -> Outcome {
        let (code, id) = given(&node, &vault, text)?;
        let mut bound = Vec::new();
        {
            let work = node.store().look()?;
            for (programme, carrier) in carriers(&node, &code)? {
                if !work.carrier(programme, &carrier).is_empty() {
                    bound.push((programme, carrier));
                }
            }
            work.check()?;
        }
        for (programme, _) in &bound {
            may(&node, signer, charter, *programme)?;
        }
        let mut register = Register::of_node(&node, &mut vault)?;
        if !self.dry_run {
            session.confirm(&format!("Cancel code {code} of family {id}?"), &[])?;
            for (programme, carrier) in &bound {
                cancel(&mut node, signer, *programme, &[*carrier])?;
            }
            // What is printed beside a code goes with it.
            let lines: Vec<_> = register.by_code(&code.bytes()).cloned().collect();
            for line in &lines {
                let programme = ProgrammeId(line.programme);
                cancel(&mut node, signer, programme, &[line.carrier])?;
                register.take_back(line.household, programme);
                register.save()?;
            }
            let mut txn = vault.begin()?;
            txn.drop_card(&code.bytes())?;
            txn.commit()?;
        }
        node.close()?;
        let value = json!({ "family": id, "code": code.to_string(), "cancelled": !self.dry_run });
        session.screen.answer("card", value, || {
            let verb = if self.dry_run { "would be" } else { "is" };
            format!("Code {code} of family {id} {verb} cancelled.")
        })
    }

    /// Whatever counts for a family.
    fn all(
        &self,
        session: &Session,
        (mut node, mut vault): (Node, Vault),
        signer: &Signer,
        charter: &Charter,
        family: &str,
    ) -> Outcome {
        let id = holder::find(&vault, family)?;
        let named = self.programme.as_deref().map(|text| words::programme(charter, text));
        let named = named.transpose()?.map(|(programme, _)| programme);
        let mut register = Register::of_node(&node, &mut vault)?;
        let mut lost: Vec<(ProgrammeId, Vec<(CarrierId, CarrierKind)>)> = Vec::new();
        for (programme, about) in charter.programmes() {
            if named.is_some_and(|named| named != programme) {
                continue;
            }
            let all = counting(&node, &vault, id, programme)?;
            if all.is_empty() && register.of(id, programme).is_none() {
                continue;
            }
            // All of them or none: half of what was lost would go on paying, and nobody would know.
            may(&node, signer, charter, programme).map_err(|fault| {
                let next = "Nothing is cancelled. Say --programme P to cancel what you may.";
                fault.at(format!("what counts in {}", about.name)).then(next)
            })?;
            lost.push((programme, all));
        }
        let told = |(programme, all): &(ProgrammeId, Vec<_>)| {
            let name = charter.programme(*programme).map(|about| about.name.to_string());
            format!("{} in {}", kinds(all), name.unwrap_or_default())
        };
        let told = lost.iter().filter(|(_, all)| !all.is_empty()).map(told);
        let told = Some(told.collect::<Vec<_>>().join("; ")).filter(|told| !told.is_empty());
        if !self.dry_run {
            let what = told.as_deref().unwrap_or("what is left of its codes");
            let about: Vec<Vec<u8>> =
                lost.iter().map(|(p, all)| about(*p, all, register.of(id, *p))).collect();
            let about: Vec<&[u8]> = about.iter().map(Vec::as_slice).collect();
            session.confirm(&format!("Cancel {what} of family {id}?"), &about)?;
            for (programme, all) in &lost {
                let whose = (id, *programme);
                lose(&mut node, &mut vault, &mut register, signer, whose, all)?;
            }
            if lost.is_empty() && named.is_none() {
                let mut txn = vault.begin()?;
                txn.drop_cards(id)?;
                txn.commit()?;
            }
        }
        node.close()?;
        let ended: usize = lost.iter().map(|(_, all)| all.len()).sum();
        let value = json!({ "family": id, "carriers": ended, "cancelled": !self.dry_run });
        session.screen.answer("card", value, || match told {
            None => format!("Nothing counts for family {id} here: no card, code or paper."),
            Some(told) if self.dry_run => format!("Of family {id} would be cancelled: {told}."),
            Some(told) => format!("Cancelled of family {id}: {told}."),
        })?;
        if !self.dry_run {
            session.screen.note(format!("Next: `annona card print {id}` gives it a new card."));
        }
        Ok(())
    }
}

/// Whether this operator may cancel in a programme.
fn may(node: &Node, signer: &Signer, charter: &Charter, programme: ProgrammeId) -> Outcome {
    let owner = charter.programme(programme).map(|about| about.org);
    let orgs: Vec<OrgId> = owner.into_iter().chain(node.org()).collect();
    let at = node.stamp(&node.feed(Lane::Registry, programme))?;
    signer.may(node, &orgs, (Duty::CardCancel, programme), at)
}
