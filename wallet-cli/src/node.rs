//! `annona node`: asking for a certificate, giving one, and coming back after a loss.

mod admit;
mod clock;
mod end;
mod insure;
mod learn;
mod reincarnate;
mod request;
pub(crate) mod revoke;
mod show;

use clap::Subcommand;

pub(crate) use admit::{organisation_key, together};

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona node request --organisation 1 --out lake.request
  $ annona node admit lake.request --keys relief.keys --charter charter.annona --site 3 \\
      --role merchant --ceiling Food/Rice=1000 --out lake-certificate.annona
  $ annona node learn certificate.annona";

/// Nodes: what a node may do is said by its organisation, in a certificate inside the charter's ceilings.
///
/// A node asks (`request`), its organisation answers with its key on any machine (`admit`), and every node takes the
/// answer in (`learn`). All three are files.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Node {
    Request(request::Request),
    Admit(admit::Admit),
    Learn(learn::Learn),
    Show(show::Show),
    Reincarnate(reincarnate::Reincarnate),
    Insure(insure::Insure),
    Revoke(revoke::Revoke),
    End(end::End),
    Clock(clock::Clock),
}

impl Node {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Request(command) => command.run(session),
            Self::Admit(command) => command.run(session),
            Self::Learn(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Reincarnate(command) => command.run(session),
            Self::Insure(command) => command.run(session),
            Self::Revoke(command) => command.run(session),
            Self::End(command) => command.run(session),
            Self::Clock(command) => command.run(session),
        }
    }
}
