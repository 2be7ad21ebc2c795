//! `annona checkpoint`: what organisations vouch for, and beginning from it.

mod begin;
mod cosign;
mod export;
mod import;
mod make;
mod prune;
mod show;
mod verify;

use std::path::Path;

use annona_ledger::checkpoint::Standing;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, ProgrammeId};
use annona_node::checkpoint::{self, Carried, CheckpointFault};
use annona_node::store::{KeptPage, Store};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint make
  $ annona checkpoint show";

/// Lets independent organisations sign what they have seen: one history for everybody, and a start without replaying.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Checkpoint {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Make(make::Make),
    Cosign(cosign::Cosign),
    Show(show::Show),
    Verify(verify::Verify),
    Export(export::Export),
    Import(import::Import),
    Begin(begin::Begin),
    Prune(prune::Prune),
}

impl Checkpoint {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Make(command) => command.run(session),
            Command::Cosign(command) => command.run(session),
            Command::Show(command) => command.run(session),
            Command::Verify(command) => command.run(session),
            Command::Export(command) => command.run(session),
            Command::Import(command) => command.run(session),
            Command::Begin(command) => command.run(session),
            Command::Prune(command) => command.run(session),
        }
    }
}

/// A checkpoint by the beginning of its hash, or the one that covers most.
fn named(store: &Store, text: Option<&str>) -> Outcome<KeptPage> {
    let all = store.page_hashes()?;
    let wanted = text.map(str::to_lowercase);
    let fits = |hash: &&Hash| wanted.as_ref().is_none_or(|w| hash.to_string().starts_with(w));
    let found: Vec<&Hash> = all.iter().filter(fits).collect();
    let hash = match (&found[..], text) {
        ([], None) => {
            return Err(Fault::input(
                "no checkpoint is known here: `annona checkpoint make` makes one, bundles bring those of others.",
            ));
        }
        ([], Some(text)) => return Err(Fault::input(format!("no checkpoint begins with {text}."))),
        ([_, _, ..], Some(text)) => {
            return Err(Fault::input(format!(
                "several checkpoints begin with {text}: give more of it."
            )));
        }
        // Not the latest date: that is its maker's word.
        ([hash, ..], None) | ([hash], _) => **hash,
    };
    store.kept_page(&hash)?.ok_or_else(|| CheckpointFault::Unknown.into())
}

/// The programmes a quorum vouches for.
fn certified(standing: &Standing) -> Vec<ProgrammeId> {
    let mut all: Vec<ProgrammeId> = standing.leaves.keys().map(|leaf| leaf.programme).collect();
    all.dedup();
    all.retain(|programme| *programme != ProgrammeId::NONE && standing.certifies(*programme));
    all
}

/// A checkpoint file; what is wrong with it is told with its name.
fn read(path: &Path) -> Outcome<(FederationId, Carried)> {
    checkpoint::read(path).map_err(|fault| {
        let fault = Fault::from(fault);
        let named = fault.message.contains(&*path.to_string_lossy());
        if named { fault } else { fault.at(path.display()) }
    })
}

fn value(hash: &Hash, page: &annona_ledger::checkpoint::Page, standing: &Standing) -> Value {
    let leaves: Vec<Value> = standing
        .leaves
        .iter()
        .map(|(leaf, orgs)| json!({ "leaf": leaf.to_string(), "organisations": orgs }))
        .collect();
    let refused: Vec<Value> = standing
        .refused
        .iter()
        .map(|(node, why)| json!({ "witness": hex(node), "why": why.to_string() }))
        .collect();
    json!({
        "checkpoint": hash.to_string(), "epoch": page.checkpoint.epoch,
        "minute": page.checkpoint.time.0, "tips": page.checkpoint.feeds,
        "frontier": page.checkpoint.frontier.to_string(), "state": page.checkpoint.state.to_string(),
        "quorum": standing.quorum, "organisations": standing.frontier, "leaves": leaves,
        "certified": standing.certifies_frontier(), "certified_programmes": certified(standing),
        "not_counted": refused,
    })
}

fn text(hash: &Hash, page: &annona_ledger::checkpoint::Page, standing: &Standing) -> String {
    let name = hash.to_string();
    let programmes: Vec<String> =
        certified(standing).iter().map(|programme| programme.to_string()).collect();
    let whole = if standing.certifies_frontier() { "certified" } else { "not certified yet" };
    let folded = if programmes.is_empty() {
        "no programme".to_owned()
    } else {
        format!("programme {}", programmes.join(", "))
    };
    format!(
        "{}  minute {}  {}  {} of {} organisations  {whole}, {folded} folded by enough",
        name.get(..16).unwrap_or(&name),
        page.checkpoint.time.0,
        count(page.checkpoint.feeds.into(), "tip", "tips"),
        standing.frontier.len(),
        standing.quorum,
    )
}

impl From<CheckpointFault> for Fault {
    fn from(fault: CheckpointFault) -> Self {
        let exit = match &fault {
            CheckpointFault::Disk(_) | CheckpointFault::Store(_) | CheckpointFault::Node(_) => {
                return match fault {
                    CheckpointFault::Disk(fault) => fault.into(),
                    CheckpointFault::Store(fault) => fault.into(),
                    CheckpointFault::Node(fault) => fault.into(),
                    other => Self::new(Exit::Bug, other.to_string()),
                };
            }
            CheckpointFault::Refused(why) if why.status() == 409 => Exit::Conflict,
            CheckpointFault::Page(annona_ledger::checkpoint::PageFault::Tips(_)) => Exit::Conflict,
            CheckpointFault::Refused(_)
            | CheckpointFault::Page(_)
            | CheckpointFault::Chunk(_)
            | CheckpointFault::State(_)
            | CheckpointFault::TooFew { .. }
            | CheckpointFault::Missing(_) => Exit::Wrong,
            CheckpointFault::NotAWitness | CheckpointFault::NoWord(_) => Exit::NotAllowed,
            CheckpointFault::Unknown
            | CheckpointFault::Nothing
            | CheckpointFault::NotACheckpoint
            | CheckpointFault::Frame(_)
            | CheckpointFault::Wire(_) => Exit::Input,
        };
        let next = match &fault {
            CheckpointFault::NotACheckpoint => {
                "`annona checkpoint export` writes one: ask who sent it for the file again."
            }
            _ => return Self::new(exit, fault.to_string()),
        };
        Self::new(exit, fault.to_string()).then(next)
    }
}
