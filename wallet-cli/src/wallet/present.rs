use std::path::Path;

use annona_node::credential::json::MAX_TEXT;
use clap::Args;

use super::Whose;
use crate::card::credential::{Answering, copies};
use crate::card::paper::told;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona wallet present amina.wallet amina.credential --show age_band \\
      --audience https://clinic.example --nonce 4711 --out amina.shown
  $ annona wallet present amina.wallet amina.credential --show age_band,full_name \\
      --audience https://clinic.example --nonce 4711 --out amina.shown --json";

/// Shows what she chooses of a credential, to whoever asks for it. What is not named stays hidden.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Present {
    #[command(flatten)]
    whose: Whose,
    /// The credential she was given: its text, or a file that holds it, or several copies
    #[arg(value_name = "CREDENTIAL")]
    credential: String,
    #[command(flatten)]
    answering: Answering,
}

impl Present {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let text = told(&self.credential, u64::try_from(3 * MAX_TEXT).unwrap_or(u64::MAX))?;
        let (wallet, who) = self.whose.open(session)?;
        let Some(next) = copies::next(&text)? else {
            return self.answering.answer(session, &text, &wallet.credential_key(who)?, None);
        };
        let file = Path::new(&self.credential);
        if !file.is_file() {
            return Err(Fault::usage("copies are shown from their file, out of which each goes."));
        }
        let key = wallet.copy_key(who, &next.label)?;
        self.answering.answer(session, &next.copy, &key, Some((&next, file)))
    }
}
