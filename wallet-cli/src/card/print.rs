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
  $ annona card print 2 --out cards.html --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card print 2 --name --language ar --until +90d --out cards.html --png cards \\
      --operator mara.keys --operator-passphrase-file pass.txt --json";

/// Prints a card for each of these families: a code any phone checks with no network, and a short code beside it.
///
/// The card finds the family and authenticates nobody. It holds the family's pseudonym in one programme, and nothing
/// else unless --name puts the first name on it, which is for the family to say.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Print {
    /// The families: number, short code, or SOURCE:KEY
    #[arg(required = true)]
    families: Vec<String>,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    to: Where,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; print nothing
    #[arg(long)]
    dry_run: bool,
}

impl Print {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        paper::may(&node, &signer, Duty::CardPrint, programme)?;
        let mut register = Register::of_node(&node, &mut vault)?;
        let mut ids = Vec::new();
        for family in &self.families {
            let id = holder::find(&vault, family)?;
            if register.of(id, programme).is_some() {
                return Err(Fault::refused(format!("family {id} has a card in {}.", about.name))
                    .then(
                        "`annona card reprint` prints it again, `card reissue` cancels it first.",
                    ));
            }
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let terms = self.on.terms(session.now(), &charter, programme, None);
        paper::check(session, (&node, &vault), &ids, &terms, &self.to)?;
        if self.dry_run {
            let words = format!("{} cards would be printed in {}.", ids.len(), about.name);
            dry_run::would(session, "card", json!({ "families": ids }), &words)?;
            return Ok(node.close()?);
        }
        let made = paper::make(&mut node, &mut vault, &mut register, &signer, &ids, &terms)?;
        paper::hand_out(session, &node, &made, &self.to)?;
        Ok(node.close()?)
    }
}
