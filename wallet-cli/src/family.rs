//! `annona family`: who is registered at this site. Names stay in its sealed person file; the ledger knows pseudonyms.

mod add;
mod change;
mod enrol;
mod fields;
mod find;
mod import;
mod keys;
mod pin;
mod show;

pub(crate) use show::open;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family add --member \"full_name=ሰላም ተስፋዬ,sex=female\" --set size=5 \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family find ሰላም
  $ annona family import camp.csv --map camp.toml --dry-run";

/// Families: add, find, show and change them one by one, or import a registration file.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Family {
    Add(add::Add),
    Find(find::Find),
    Show(show::Show),
    Change(change::Change),
    Import(import::Import),
    Pin(pin::Pin),
    #[command(subcommand)]
    Keys(keys::Keys),
}

impl Family {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Add(command) => command.run(session),
            Self::Find(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Change(command) => command.run(session),
            Self::Import(command) => command.run(session),
            Self::Pin(command) => command.run(session),
            Self::Keys(command) => command.run(session),
        }
    }
}
