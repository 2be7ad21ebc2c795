use annona_node::household::What;
use clap::Args;

use super::happened::Happened;
use crate::fault::Outcome;
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family merge 1 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt
  $ annona family merge 1 2 --collector 1 \\
      --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt \\
      --dry-run";

/// Joins two families: all of the other move into this one, after those who are there.
///
/// The other's number stays as a purse without people: what is left in it is handed out with what is left for this family, by
/// its number or card, to the named collector, until it is over.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Merge {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// The other family: its number, its short code, or SOURCE:KEY
    other: String,
    #[command(flatten)]
    happened: Happened,
}

impl Merge {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.happened
            .run(session, &self.family, |vault| Ok(What::Merge(holder::find(vault, &self.other)?)))
    }
}
