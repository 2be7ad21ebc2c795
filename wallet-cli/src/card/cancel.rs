use annona_ledger::duty::Duty;
use annona_ledger::entry::Registry;
use annona_ledger::id::Lane;
use annona_ledger::view::View;
use annona_node::credential::register::Register;
use annona_node::node::{Compose, Request, stamp};
use clap::Args;
use serde_json::json;

use super::{carrier, family, paper};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona card cancel 7K3M-9QXD-2VHN --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card cancel 7K3M-9QXD-2VHN --operator mara.keys --operator-passphrase-file pass.txt \\
      --dry-run";

/// Cancels a lost code, and the card it was printed on, for ever: here at once and elsewhere with the next sync.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Cancel {
    /// The code
    code: String,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be cancelled; cancel nothing
    #[arg(long)]
    dry_run: bool,
}

impl Cancel {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let (code, id) = family(&node, &vault, &self.code)?;
        let org = node.org();
        let federation = node.federation()?;
        let mut bound = Vec::new();
        {
            let work = node.store().look()?;
            for (programme, about) in charter.programmes() {
                let carrier = carrier(&node, &code, programme)?;
                if work.carrier(programme, &carrier).is_empty() {
                    continue;
                }
                let orgs = [about.org, org.unwrap_or(about.org)];
                let role = (Duty::CardCancel, programme);
                let feed = node.feed(Lane::Registry, programme);
                let at = stamp(&work, &feed, node.now()).at;
                signer.may(&node, &orgs, role, at)?;
                bound.push((programme, carrier));
            }
            work.check()?;
        }
        let mut register = Register::of_node(&node, &mut vault)?;
        if !self.dry_run {
            session.confirm(&format!("Cancel code {code} of family {id}?"), &[])?;
            for (programme, carrier) in &bound {
                let (programme, carrier) = (*programme, *carrier);
                let feed = node.feed(Lane::Registry, programme);
                let compose: Compose<'_> = Box::new(|work, feed, at| {
                    if work.cancelled(programme, &carrier) {
                        return Ok(Vec::new());
                    }
                    let entry = Registry::CarrierCancelled { carrier, at };
                    Ok(vec![signer.stands_for(&federation, feed, entry)])
                });
                let answers = node.write(&mut [Request { feed, compose }])?;
                answers
                    .into_iter()
                    .next()
                    .ok_or_else(|| Fault::refused("nothing was written."))??;
            }
            // What is printed beside a code goes with it.
            let lines: Vec<_> = register.by_code(&code.bytes()).cloned().collect();
            for line in &lines {
                paper::cancel(&mut node, &mut vault, &mut register, &signer, line)?;
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
}
