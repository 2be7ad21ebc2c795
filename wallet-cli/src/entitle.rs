//! `annona entitle`: who is to receive what, approved by two persons, and issued out of a budget.

mod approve;
pub(crate) mod balance;
mod beyond;
mod import;
mod issue;
mod list;
mod reissue;
mod rows;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona entitle import list.csv --programme Food --cycle 1
  $ annona entitle list
  $ annona entitle balance 1";

/// Entitlements: import a distribution list, let two operators approve it, issue it.
///
/// `import` drafts the list, `approve` is run by two different operators and freezes it with the second, `issue` opens
/// a purse's lot for each row out of the budget this node holds.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Entitle {
    Import(import::Import),
    List(list::Show),
    Approve(approve::Approve),
    Issue(issue::Issue),
    Reissue(reissue::Reissue),
    Balance(balance::Balance),
}

impl Entitle {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Import(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Approve(command) => command.run(session),
            Self::Issue(command) => command.run(session),
            Self::Reissue(command) => command.run(session),
            Self::Balance(command) => command.run(session),
        }
    }
}
