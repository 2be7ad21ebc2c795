use annona_node::household::What;
use clap::Args;

use super::happened::Happened;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family birth 1 --member given_name=Adam,age=0 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt
  $ annona family birth 1 --member given_name=Adam,age=0 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt \\
      --dry-run";

/// Adds somebody who was born, or came to stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Birth {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// Who: FIELD=VALUE,FIELD=VALUE
    #[arg(long, value_name = "FIELDS")]
    member: String,
    #[command(flatten)]
    happened: Happened,
}

impl Birth {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut person = annona_node::person::Attributes::default();
        super::fields::person(&mut person, &self.member)?;
        self.happened.run(session, &self.family, |_| Ok(What::Birth(Box::new(person))))
    }
}
