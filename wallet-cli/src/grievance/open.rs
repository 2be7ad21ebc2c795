use std::path::PathBuf;

use annona_ledger::consent::{GrievanceStep, Secret, random_commitment};
use annona_ledger::id::Lane;
use annona_ledger::notice::OperatorRoles;
use annona_node::atomic;
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::{decider, say, short};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance open --text complaint.txt --decider Relief --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance open --text complaint.txt --decider City --days 7 --dry-run \\
      --operator mara.keys --operator-passphrase-file pass.txt";

/// The longest complaint, in bytes.
const MOST: usize = 64 * 1024;

/// Takes a complaint: on the ledger stands that there is one, who decides it and by when; its text and whose it is do not.
///
/// The paper it was written on goes to whoever decides, with the digits printed here and the code that proves it is the
/// one meant. Nothing else leads from the ledger to it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Open {
    /// The complaint as it was written down
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// The organisation that decides it
    #[arg(long, value_name = "ORG")]
    decider: String,
    /// In how many days
    #[arg(long, value_name = "N", default_value_t = 14)]
    days: u32,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Open {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let text = atomic::read(&self.text, MOST)?;
        if text.is_empty() {
            return Err(Fault::input("the complaint is empty.").at(self.text.display()));
        }
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let signer = self.operator.open(session)?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        signer.may(node.store().roster(), &[org], (OperatorRoles::REGISTRAR, programme), at)?;
        let (decider, days) = (decider(&node, &self.decider)?, self.days);
        let mut bytes: [u8; 32] = random()?;
        let code = words::hex(&bytes);
        let commitment = random_commitment(&Secret::take(&mut bytes), &text);
        if !self.dry_run {
            say(&mut node, programme, commitment, &signer, |on| GrievanceStep::Opened {
                decider,
                due: on.plus(days),
            })?;
        }
        node.close()?;
        let value = json!({
            "complaint": commitment.to_string(), "code": code, "decider": decider,
            "days": days, "written": !self.dry_run,
        });
        session.screen.answer("grievance", value, || {
            let verb = if self.dry_run { "would be" } else { "is" };
            format!(
                "Complaint {} {verb} for {} to decide within {days} days.\n  code  {code}",
                short(&commitment),
                self.decider
            )
        })
    }
}
