use annona_ledger::consent::{Closed, GrievanceStep, Purpose, Recipient, StateWord};
use annona_ledger::duty::Duty;
use annona_ledger::id::Lane;
use annona_node::consent::{self, ConsentFault};
use clap::Args;
use serde_json::json;

use super::{decider, find, say, short, today};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance refer 5b0c77aa --to City --consent 1/1 --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance refer 5b0c77aa --to City --consent 1/1 --days 30 --dry-run \\
      --operator mara.keys --operator-passphrase-file pass.txt";

/// Refers an open complaint to another organisation, which decides it from then on: under her consent, for the purpose
/// `complaint`, to that organisation. Its text goes there by `annona grievance open --reader`, or on paper.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Refer {
    /// The complaint: the first digits of its slip, at least eight
    complaint: String,
    /// The organisation that is to decide
    #[arg(long, value_name = "ORG")]
    to: String,
    /// Her consent: FAMILY/N, or its number
    #[arg(long, value_name = "CONSENT")]
    consent: String,
    /// In how many days
    #[arg(long, value_name = "N", default_value_t = 14)]
    days: u32,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Refer {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let known = find(&node, &self.complaint)?;
        let orgs = node.org();
        let at = node.stamp(&node.feed(Lane::Registry, known.programme))?;
        let role = (Duty::GrievanceRefer, known.programme);
        signer.may(&node, orgs.as_slice(), role, at)?;
        let (to, days) = (decider(&node, &self.to)?, self.days);
        if known.stands.decider == Some(to) {
            return Err(Fault::refused(format!("{} decides it already.", self.to)));
        }
        let vault = session.vault(&node)?;
        let hers = crate::consent::find(&vault, &self.consent)?;
        drop(vault);
        // The same questions as of any disclosure, in their order; nothing of her record goes with it.
        let closed = |why: Closed| Err(ConsentFault::Closed(why).into());
        match consent::state(&node, &hers, today(&node, known.programme)?)? {
            StateWord::Given => {}
            StateWord::Withdrawn => return closed(Closed::Withdrawn),
            _ => return closed(Closed::OutsideWindow),
        }
        let names = match hers.grant.recipient {
            Recipient::Organisation(org) | Recipient::Role { org, .. } => org == to,
        };
        if !names || hers.grant.programme != known.programme {
            return closed(Closed::OtherRecipient);
        }
        if hers.grant.purpose != Purpose::Complaint {
            return closed(Closed::OtherPurpose);
        }
        if !self.dry_run {
            say(&mut node, known.programme, known.commitment, &signer, |on| {
                GrievanceStep::Referred { decider: to, due: on.plus(days) }
            })?;
        }
        node.close()?;
        let value = json!({
            "complaint": known.commitment.to_string(), "decider": to, "days": days,
            "consent": hers.grant.id.to_string(), "written": !self.dry_run,
        });
        session.screen.answer("grievance", value, || {
            let verb = if self.dry_run { "would be" } else { "is" };
            let name = short(&known.commitment);
            format!("Complaint {name} {verb} {}'s to decide within {days} days.", self.to)
        })
    }
}
