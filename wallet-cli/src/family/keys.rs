//! `annona family keys`: copies of the keys of people's records, at nodes named for it.

mod copy;
mod drop;
mod give;
mod keep;
mod list;
mod rotate;
mod take;

use annona_node::copies::MAX_FILE;
use clap::Subcommand;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys copy --to hill --out keys-for-hill
  $ annona family keys list";

/// Keys of people's records: copies at two other nodes, which cannot read them, and getting them back after a loss.
///
/// A backup holds nobody's keys, so that an erased person does not come back with it. Name two nodes that keep a copy;
/// make it anew once a week, and whenever somebody was erased.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Keys {
    Copy(copy::Copy),
    List(list::List),
    Keep(keep::Keep),
    Drop(drop::Drop),
    Give(give::Give),
    Take(take::Take),
    Rotate(rotate::Rotate),
}

impl Keys {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Copy(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Keep(command) => command.run(session),
            Self::Drop(command) => command.run(session),
            Self::Give(command) => command.run(session),
            Self::Take(command) => command.run(session),
            Self::Rotate(command) => command.run(session),
        }
    }
}

fn read(path: &std::path::Path) -> Outcome<Zeroizing<Vec<u8>>> {
    Ok(annona_node::atomic::read(path, MAX_FILE)?)
}

/// A file that is about to be written must not be there.
fn free(path: &std::path::Path) -> Outcome {
    if path.exists() {
        return Err(Fault::input(format!("{} exists already.", path.display()))
            .then("Name another file: nothing is written over."));
    }
    Ok(())
}
