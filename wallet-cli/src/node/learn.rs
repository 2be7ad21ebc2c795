use std::path::PathBuf;

use clap::Args;

use crate::charter::take_in;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona node learn certificate.annona
  $ annona node learn operator.annona cycle.annona --json";

/// Takes certificates and cycles into this node's ledger. Needs no passphrase: nothing is signed here.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Learn {
    /// Files of notices
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say what would be taken in; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Learn {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        take_in(session, &self.files, self.dry_run)
    }
}
