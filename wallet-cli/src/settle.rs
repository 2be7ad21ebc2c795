//! `annona settle`: merchants are paid once for what they handed out, by three people.

mod draft;
mod ledger;
mod payments;
mod status;
mod step;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona settle draft --dir treasury --dry-run
  $ annona settle status --dir treasury
  $ annona settle status --dir treasury --json";

/// Settles with merchants: each entry once, whoever asks and however it came to be known.
///
/// `draft` freezes what is in no settlement yet; `verify`, `approve` and `pay` are taken by three different operators,
/// none of them with the node's own key; `dispute` frees everything in it for the next draft.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Settle {
    Draft(draft::Draft),
    Verify(step::Verify),
    Approve(step::Approve),
    Pay(payments::Pay),
    Dispute(step::Dispute),
    Status(status::Status),
}

impl Settle {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Draft(command) => command.run(session),
            Self::Verify(command) => command.run(session),
            Self::Approve(command) => command.run(session),
            Self::Pay(command) => command.run(session),
            Self::Dispute(command) => command.run(session),
            Self::Status(command) => command.run(session),
        }
    }
}
