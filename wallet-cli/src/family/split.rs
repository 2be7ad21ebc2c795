use annona_node::household::What;
use clap::Args;

use super::happened::Happened;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family split 3 --member 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt
  $ annona family split 3 --member 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt \\
      --dry-run";

/// Parts a family: some move out, into a family of their own.
///
/// The family's number and what is left in its purse stay where the named collector is, on whichever side. Its PIN, cards and
/// collectors' papers end, since somebody left who may have them.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Split {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// Who moves out, by number; once for each
    #[arg(long = "member", value_name = "NUMBER", required = true)]
    members: Vec<usize>,
    #[command(flatten)]
    happened: Happened,
}

impl Split {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.happened.run(session, &self.family, |_| Ok(What::Split(self.members)))
    }
}
