use annona_ledger::duty::Duty;
use annona_ledger::entry::CarrierKind;
use annona_node::credential::register::Register;
use clap::Args;
use serde_json::json;

use super::end::{about as about_all, counting, kinds, lose};
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

/// Cancels all cards, codes and collectors' papers of a family, for ever, and prints a new card: for one that is lost or
/// stolen.
///
/// No code is needed: what counts is known by the ledger. Her wallet, which her own passphrase guards, goes on.
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
        let line = register.of(id, programme).cloned();
        let mut lost = counting(&node, &vault, id, programme)?;
        lost.retain(|(_, kind)| *kind != CarrierKind::Phone);
        if line.is_none() && lost.is_empty() {
            let none =
                format!("family {id} has no card and no code that counts in {}.", about.name);
            return Err(Fault::refused(none).then("`annona card print` makes a card."));
        }
        let terms = self.on.terms(session.now(), &charter, programme, line.as_ref());
        // Whatever can be refused is refused while the old card still counts.
        paper::check(session, (&node, &vault), &[id], &terms, &self.to)?;
        let told = format!("{} of family {id} in {}", kinds(&lost), about.name);
        if self.dry_run {
            let value = json!({ "family": id, "carriers": lost.len() });
            dry_run::would(session, "card", value, &format!("Would be cancelled: {told}."))?;
            return Ok(node.close()?);
        }
        let about = about_all(programme, &lost, line.as_ref());
        session.confirm(&format!("Cancel {told}, and print a card?"), &[&about])?;
        // The old one first: a kill in between leaves the family with no card, and never with two.
        let whose = (id, programme);
        lose(&mut node, &mut vault, &mut register, &signer, whose, &lost).map_err(|fault| {
            fault.then("The old card may be cancelled already: run the same command again.")
        })?;
        let made = paper::make(&mut node, &mut vault, &mut register, &signer, &[id], &terms);
        let made = made.map_err(|fault| {
            let next = format!("`annona card print {id}` makes the new one.");
            fault.then(&format!("The old card is cancelled: {next}"))
        })?;
        session.screen.note(format!("Cancelled: {told}."));
        paper::hand_out(session, &node, &made, &self.to)?;
        Ok(node.close()?)
    }
}
