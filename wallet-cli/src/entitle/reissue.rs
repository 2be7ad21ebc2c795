use annona_ledger::entry::Owner;
use clap::Args;

use super::issue;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona entitle reissue c4f2 --dry-run
  $ annona entitle reissue c4f2 --dry-run --json";

/// Issues the rows of a frozen list out of the reserve this node holds: for families whose site is lost.
///
/// It needs no fence and no quorum, only the list that two operators approved: nobody waits to eat. What these families had
/// left elsewhere, as far as it is known here, is shown as advice.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reissue {
    /// The list, by the first digits of its root
    list: String,
    /// Say how many rows are left; issue none
    #[arg(long)]
    dry_run: bool,
}

impl Reissue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        issue::rows_of(session, &self.list, Owner::Reserve, self.dry_run)
    }
}
