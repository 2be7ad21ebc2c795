//! `annona key shares`: two of several operators open a node's key file together.

mod list;
mod make;
mod open;

use std::path::{Path, PathBuf};

use annona_node::keystore::{Name, Secret};
use annona_node::shares::Holder;
use clap::{Args, Subcommand};

use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona key shares make --operator mara.keys --operator yusuf.keys \\
      --operator-passphrase-file pass.txt
  $ annona key shares list";

/// Shares of a node's keys: where its passphrase is lost or its keeper away, any two of the operators who have one open
/// the key file together, and give it a new passphrase. One alone opens nothing.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Shares {
    Make(make::Make),
    List(list::List),
    Open(open::Open),
}

impl Shares {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Make(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Open(command) => command.run(session),
        }
    }
}

/// Operators and their passphrases.
#[derive(Args)]
struct Holders {
    /// An operator's key file; once for each
    #[arg(long = "operator", value_name = "FILE", required = true)]
    operators: Vec<PathBuf>,
    /// Take the operators' passphrases from the first lines of files, in the same order; the last serves for those after
    #[arg(long = "operator-passphrase-file", value_name = "FILE")]
    passphrases: Vec<PathBuf>,
}

impl Holders {
    fn open(&self, session: &Session) -> Outcome<Vec<Holder>> {
        let file = |nth| self.passphrases.get(nth).or(self.passphrases.last());
        let one = |(nth, path): (usize, &PathBuf)| holder(session, path, file(nth).map(|p| &**p));
        self.operators.iter().enumerate().map(one).collect()
    }
}

fn holder(session: &Session, path: &Path, passphrase: Option<&Path>) -> Outcome<Holder> {
    let keys = session.operator_keys(path, passphrase, "--operator-passphrase-file FILE")?;
    let name = keys.names().find(|name| matches!(name, Name::Operator(_)));
    let seed = name.and_then(|name| keys.get(name)).and_then(Secret::as_seed);
    seed.map(Holder::of).ok_or_else(|| {
        Fault::refused(format!("{} holds no operator's key.", path.display()))
            .then("`annona operator new` makes one.")
    })
}
