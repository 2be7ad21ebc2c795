//! `annona audit log`: block headers as an append-only log in the forms that programs of others check.

mod check;
mod cosign;
mod publish;

use std::path::Path;

use annona_ledger::key::SigningKey;
use annona_node::atomic;
use annona_node::keystore::{Name, Secret};
use annona_node::node::Node;
use annona_node::tlog::LogFault;
use annona_node::tlog::note::{MAX_NOTE, NoteFault, NoteKey, Says};
use clap::{Args, Subcommand};

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona audit log publish camp.log --key-out log.key
  $ annona audit log cosign camp.log --log-key log.key
  $ annona audit log check camp.log --log-key log.key --audit camp.audit";

/// Writes, cosigns or checks the log for outsiders (C2SP tlog-tiles): block headers only, which tell nobody's food.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Log {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Publish(publish::Publish),
    Cosign(cosign::Cosign),
    Check(check::Check),
}

impl Log {
    pub(super) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Publish(command) => command.run(session),
            Command::Cosign(command) => command.run(session),
            Command::Check(command) => command.run(session),
        }
    }
}

/// A log's or witness's key of this node, made the first time, under a name.
fn own(node: &mut Node, says: Says, name: Option<&str>) -> Outcome<(NoteKey, SigningKey)> {
    let (secret, word) = match says {
        Says::Log => (Name::Log, "annona"),
        Says::Witness => (Name::LogWitness, "annona-witness"),
    };
    if node.keys().get(secret).is_none() {
        node.keys_mut().put(secret, Secret::random()?)?;
        node.keys().save()?;
    }
    let key = node.signing_key(secret)?;
    let federation = node.federation()?;
    let own = format!("{word}-{}-{}", hex(&federation.0.short()), hex(&node.public().short()),);
    let named = NoteKey::new(name.unwrap_or(&own), says, key.public())?;
    Ok((named, key))
}

/// The key of a log, or of a witness, in a file.
fn read_key(path: &Path, says: Says) -> Outcome<NoteKey> {
    let bytes = atomic::read(path, MAX_NOTE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Fault::from(NoteFault::Key));
    let key = text.and_then(|text| NoteKey::parse(text).map_err(Fault::from));
    let fits = |key: &NoteKey| key.says == says;
    let key = key.and_then(|key| if fits(&key) { Ok(key) } else { Err(NoteFault::Kind.into()) });
    key.map_err(|fault| fault.at(path.display()))
}

/// Writes a key for others, where that is asked for.
fn write_key(path: Option<&Path>, key: &NoteKey) -> Outcome {
    match path {
        Some(path) => Ok(atomic::write(path, format!("{key}\n").as_bytes())?),
        None => Ok(()),
    }
}

impl From<NoteFault> for Fault {
    fn from(fault: NoteFault) -> Self {
        Self::input(fault.to_string())
    }
}

impl From<LogFault> for Fault {
    fn from(fault: LogFault) -> Self {
        let message = fault.to_string();
        match fault {
            LogFault::Store(fault) => fault.into(),
            LogFault::Disk(fault) => fault.into(),
            LogFault::NotOurs { .. } => Self::new(Exit::Conflict, message).then(
                "Bring the newest copy of that folder back, or begin another log: another folder and --name NAME.",
            ),
            LogFault::Older { .. } => Self::new(Exit::Conflict, message)
                .then("Ask for a newer copy of the log and run this again."),
            LogFault::Rewritten { .. } => Self::new(Exit::Conflict, message)
                .then("Keep this folder: with the checkpoint cosigned before, it is the proof."),
            LogFault::Wrong { .. } | LogFault::Note { .. } => Self::new(Exit::Wrong, message)
                .then("Ask for the log again; where the same is wrong once more, its writer has to answer for it."),
        }
    }
}
