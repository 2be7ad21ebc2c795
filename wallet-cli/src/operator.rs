//! `annona operator`: the persons who work at nodes.

mod admit;
mod list;
mod new;
mod withdraw;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona operator new --out noor.keys
  $ annona operator admit mara.keys.public --keys relief.keys --charter charter.annona \\
      --organisation 1 --site 3 --role registrar --programme Food --out mara.annona
  $ annona operator list";

/// Operators: a person makes a key of her own, and her organisation certifies it.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Operator {
    New(new::New),
    Admit(admit::Admit),
    List(list::List),
    Withdraw(withdraw::Withdraw),
}

impl Operator {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::New(command) => command.run(session),
            Self::Admit(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Withdraw(command) => command.run(session),
        }
    }
}
