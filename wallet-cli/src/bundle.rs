//! `annona bundle`: a sync carried by file, sealed to the nodes it is for.

mod carry;
mod export;
mod import;
mod inspect;

use std::path::{Path, PathBuf};

use annona_node::bundle::{ENDING, PartFault};
use clap::{Args, Subcommand};

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona bundle export --to hill --out stick
  $ annona bundle import stick
  $ annona bundle inspect part-1.annona
  $ annona bundle carry";

/// Carries what others lack on a stick or in a mail; taken in in any order, once or twice, whole or in parts.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Bundle {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Carry(carry::Carry),
    Export(export::Export),
    Import(import::Import),
    Inspect(inspect::Inspect),
}

impl Bundle {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Carry(command) => command.run(session),
            Command::Export(command) => command.run(session),
            Command::Import(command) => command.run(session),
            Command::Inspect(command) => command.run(session),
        }
    }
}

/// The parts that were named: files as they are, of a folder those that are named like parts.
fn parts(given: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in given {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let fault = |fault| Fault::io("list", path, fault);
        let before = found.len();
        for entry in std::fs::read_dir(path).map_err(fault)? {
            let entry = entry.map_err(fault)?.path();
            if is_part(&entry) {
                found.push(entry);
            }
        }
        if found.len() == before {
            return Err(Fault::input(format!(
                "{} holds no part of a bundle: they are called annona-….001.{ENDING}.",
                path.display()
            )));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn is_part(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("annona-") && path.extension().is_some_and(|end| end == ENDING)
}

/// A fault of a part: for someone else or nothing of ours is input, anything else is damage.
fn refused(fault: &PartFault) -> Fault {
    let exit = match fault {
        PartFault::NotABundle
        | PartFault::Version(_)
        | PartFault::NotForUs
        | PartFault::OtherFederation(_) => Exit::Input,
        _ => Exit::Wrong,
    };
    let said = Fault::new(exit, fault.to_string());
    match fault {
        PartFault::NotABundle => {
            said.then("`annona bundle export` writes some: their names end in .annona.")
        }
        _ => said,
    }
}
