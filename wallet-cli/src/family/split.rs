use annona_node::household::What;
use clap::Args;

use super::happened::Happened;
use crate::fault::Outcome;
use crate::holder;
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
///
/// A merge made by mistake is taken back with --back: whoever moves out gets the number, and with it the purse, of the family
/// that was merged into this one. What was handed out of that purse meanwhile is not given back.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Split {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// Who moves out, by number; once for each
    #[arg(long = "member", value_name = "NUMBER", required = true)]
    members: Vec<usize>,
    /// They go back to a family that was merged into this one: its number and purse are theirs again
    #[arg(long, value_name = "FAMILY")]
    back: Option<String>,
    #[command(flatten)]
    happened: Happened,
}

impl Split {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.happened.run(session, &self.family, |vault| {
            Ok(match &self.back {
                Some(husk) => What::Back(self.members, holder::find(vault, husk)?),
                None => What::Split(self.members),
            })
        })
    }
}
