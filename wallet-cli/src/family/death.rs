use annona_node::household::What;
use clap::Args;

use super::happened::Happened;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family death 3 --member 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt
  $ annona family death 3 --member 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt \\
      --dry-run";

/// Takes out somebody who died. What is left in the purse follows whoever is named to collect.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Death {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// Who, by number
    #[arg(long, value_name = "NUMBER")]
    member: usize,
    #[command(flatten)]
    happened: Happened,
}

impl Death {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.happened.run(session, &self.family, |_| Ok(What::Death(self.member)))
    }
}
