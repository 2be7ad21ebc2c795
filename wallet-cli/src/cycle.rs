//! `annona cycle`: the rounds of a programme.

mod close;
mod forget;
mod key;
mod list;
mod open;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona cycle open --programme Food --cycle 2 --opens +0d --closes +30d \\
      --keys relief.keys --charter charter.annona --out cycle-2.annona
  $ annona cycle key --programme Food --cycle 1
  $ annona cycle list";

/// Cycles: the programme's organisation opens one; a budget voted in the charter fills it.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Cycle {
    Open(open::Open),
    Key(key::GiveKey),
    List(list::List),
    Close(close::Close),
    Forget(forget::Forget),
}

impl Cycle {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Open(command) => command.run(session),
            Self::Key(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Close(command) => command.run(session),
            Self::Forget(command) => command.run(session),
        }
    }
}
