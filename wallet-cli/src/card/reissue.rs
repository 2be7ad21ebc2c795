use annona_ledger::duty::Duty;
use annona_node::credential::register::Register;
use clap::Args;
use serde_json::json;

use super::paper::{self, On, Where};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona card reissue 1 --out cards.html --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card reissue 1 --name --operator mara.keys --operator-passphrase-file pass.txt --dry-run";

/// Cancels a family's card and the code beside it, for ever, and prints another: for one that is lost or stolen.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reissue {
    /// The family: its number, a short code, or SOURCE:KEY
    family: String,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    to: Where,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be cancelled; cancel and print nothing
    #[arg(long)]
    dry_run: bool,
}

impl Reissue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let id = holder::find(&vault, &self.family)?;
        paper::may(&node, &signer, Duty::CardReissue, programme)?;
        let mut register = Register::of_node(&node, &mut vault)?;
        let line = register.of(id, programme).cloned().ok_or_else(|| {
            Fault::refused(format!("family {id} has no printed card in {}.", about.name))
                .then("`annona card print` makes one.")
        })?;
        let terms = self.on.terms(session.now(), &charter, programme, Some(&line));
        if self.dry_run {
            let uri = line.status();
            let words = format!("The card at {} of {} would be cancelled.", uri.index, uri.uri);
            let value = json!({ "family": id, "list": uri.uri, "index": uri.index });
            dry_run::would(session, "card", value, &words)?;
            return Ok(node.close()?);
        }
        let question = format!("Cancel the card of family {id} and print another?");
        session.confirm(&question, &[])?;
        // The old one first: a kill in between leaves the family with no card, and never with two.
        paper::cancel(&mut node, &mut vault, &mut register, &signer, &line)?;
        let made = paper::make(&mut node, &mut vault, &mut register, &signer, &[id], &terms)?;
        paper::hand_out(session, &node, &made, &self.to)?;
        Ok(node.close()?)
    }
}
