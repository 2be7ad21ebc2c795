use annona_ledger::consent::GrievanceStep;
use annona_ledger::duty::Duty;
use annona_ledger::id::Lane;
use clap::Args;
use serde_json::json;

use super::{decider, find, say, short};
use crate::fault::Outcome;
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance appeal 77aa5b0c --decider Relief --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance appeal 77aa5b0c --decider City --days 30 --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt";

/// Takes a decided complaint to somebody else.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Appeal {
    /// The complaint: the first digits of its slip, at least eight
    complaint: String,
    /// The organisation that decides the appeal
    #[arg(long, value_name = "ORG")]
    decider: String,
    /// In how many days
    #[arg(long, value_name = "N", default_value_t = 14)]
    days: u32,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Appeal {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let known = find(&node, &self.complaint)?;
        let orgs = node.org();
        let at = node.stamp(&node.feed(Lane::Registry, known.programme))?;
        let role = (Duty::GrievanceAppeal, known.programme);
        signer.may(&node, orgs.as_slice(), role, at)?;
        let (decider, days) = (decider(&node, &self.decider)?, self.days);
        if !self.dry_run {
            say(&mut node, known.programme, known.commitment, &signer, |on| {
                GrievanceStep::Appealed { decider, due: on.plus(days) }
            })?;
        }
        node.close()?;
        let value = json!({
            "complaint": known.commitment.to_string(), "decider": decider, "days": days,
            "written": !self.dry_run,
        });
        session.screen.answer("grievance", value, || {
            let verb = if self.dry_run { "would go" } else { "goes" };
            let name = short(&known.commitment);
            format!("Complaint {name} {verb} to {} for another to decide.", self.decider)
        })
    }
}
