//! `annona charter`: what the organisations have decided together, and deciding more.

mod acts;
mod apply;
mod description;
mod propose;
mod show;
mod sign;
mod signed;

use annona_ledger::charter::{Article, Branches};
use annona_node::store::StoreFault;
use clap::Subcommand;

pub(crate) use acts::describe;
pub(crate) use apply::take_in;

use crate::fault::Outcome;
use crate::session::Session;

/// A description of an article with every table there is; what it founds is the federation of the demonstration.
pub(crate) const EXAMPLE: &str = include_str!("charter/example.toml");

const EXAMPLES: &str = "\
Examples:
  $ annona charter propose --print-example
  $ annona charter propose --found federation.toml --out founding.annona
  $ annona charter sign founding.annona --keys relief.keys
  $ annona charter apply founding.annona";

/// The charter: who belongs to the federation, what may be spent, and who decides.
///
/// An article goes round as a file. Each organisation signs it on a machine of its own, with or without a network, in
/// the file itself or in a copy; `apply` puts all copies together.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Charter {
    Show(show::Show),
    Propose(propose::Propose),
    Sign(sign::Sign),
    Apply(apply::Apply),
}

impl Charter {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Show(command) => command.run(session),
            Self::Propose(command) => command.run(session),
            Self::Sign(command) => command.run(session),
            Self::Apply(command) => command.run(session),
        }
    }
}

/// A fork of the charter that nothing has healed, in words.
pub(crate) fn forked(epoch: u32) -> String {
    format!(
        "it has forked at epoch {epoch}, and nothing is voted until that is healed: `annona charter show` tells who signed \
         both articles"
    )
}

/// Where two articles of one epoch are known, nothing is proposed or signed but what heals that.
fn only_heals(
    branches: Option<&Branches>,
    charter: Option<&annona_ledger::charter::Charter>,
    article: &Article,
) -> Outcome {
    match branches.zip(charter).and_then(|(branches, charter)| branches.fork(charter)) {
        Some(epoch) if !article.heals() => Err(StoreFault::CharterForked { epoch }.into()),
        _ => Ok(()),
    }
}
