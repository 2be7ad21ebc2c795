use annona_node::household::What;
use clap::Args;

use super::form::Form;
use super::happened::Happened;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family birth 1 --from adam.family --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt
  $ annona family birth 1 --from adam.family --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt \\
      --dry-run

What stands in adam.family:
  member: given_name=Adam,age=0";

/// Adds somebody who was born, or came to stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Birth {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    happened: Happened,
}

impl Birth {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let person = self.form.read(session, true)?.only()?;
        self.happened.run(session, &self.family, |_| Ok(What::Birth(Box::new(person))))
    }
}
