use annona_ledger::consent::StateWord;
use annona_node::consent::own::{self, Word};
use clap::Args;
use serde_json::json;

use super::heard;
use crate::dry_run;
use crate::fault::Outcome;
use crate::holder;
use crate::pay::slip;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona consent take 1 amina.word
  $ annona consent take 1 amina.word --dry-run";

/// Takes in what a person says of a consent by her own wallet: that she gives it, or takes it back. No operator signs.
///
/// Counted is a word by a key that this desk gave to a purse of that family, while its wallet is not cancelled.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Take {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// What `annona wallet consent` printed: its text, or a file that holds it
    #[arg(value_name = "WORD")]
    word: String,
    /// Say whether it would be taken; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Take {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let word = slip::wallet::one(&self.word, slip::wallet::WORD, "a word on a consent")?;
        let word = Word::decode(&word)?;
        let mut node = session.signing_node()?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (today, _) = heard(&node, session.now())?;
        if self.dry_run {
            own::would_take(&node, &vault, id, &word)?;
            let words = "It would be taken. Nothing was written.";
            dry_run::would(session, "consent", json!({ "family": id }), words)?;
            return Ok(node.close()?);
        }
        let (consent, state) = own::take(&mut node, &mut vault, id, &word, today)?;
        node.close()?;
        let value = json!({ "family": id, "consent": consent.to_string(), "state": state.word() });
        session.screen.answer("consent", value, || match state {
            StateWord::Withdrawn => "Taken back. Other sites hear of it with the next sync.".into(),
            other => format!("Consent {consent} of family {id}: {}.", other.word()),
        })
    }
}
