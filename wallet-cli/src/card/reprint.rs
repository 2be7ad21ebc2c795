use annona_ledger::duty::Duty;
use annona_node::credential::register::Register;
use clap::Args;

use super::paper::{self, Where};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::{holder, words};

const EXAMPLES: &str = "\
Examples:
  $ annona card reprint 1 --out cards.html --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card reprint 1 --programme Food --png cards --operator mara.keys \\
      --operator-passphrase-file pass.txt --json";

/// Prints a family's card again, as it was: for one that is torn or faded. A lost one is re-issued instead.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reprint {
    /// The family: its number, a short code, or SOURCE:KEY
    family: String,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    to: Where,
    #[command(flatten)]
    operator: Operator,
}

impl Reprint {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        paper::may(&node, &signer, Duty::CardReprint, programme)?;
        let id = holder::find(&vault, &self.family)?;
        let register = Register::of_node(&node, &mut vault)?;
        let line = register.of(id, programme).ok_or_else(|| {
            Fault::refused(format!("family {id} has no printed card in {}.", about.name))
                .then("`annona card print` makes one.")
        })?;
        let made = paper::again(&node, &vault, line)?;
        paper::hand_out(session, &node, &[made], &self.to)?;
        Ok(node.close()?)
    }
}
