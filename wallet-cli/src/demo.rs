//! `annona demo`: a day of two camps and what goes wrong after it, on real files and folders, each command a process of
//! its own. What is shown here is what a person would type; nothing is reached that the command line does not reach.

mod attack;
mod audit;
mod carry;
mod copied;
mod fire;
mod found;
mod issue;
mod network;
mod register;
mod running;
mod serve;
mod settled;
mod stage;
mod verdict;
mod witness;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use stage::Stage;

const EXAMPLES: &str = "\
Examples:
  $ annona demo --dir try-annona
  $ annona demo --network --orders 500 --dir try-network
  $ annona demo --dir try-mine --registrations families.csv --map families.toml --json";

/// A day of two camps with every network off: founded, registered, served, carried on a stick, audited by a stranger.
/// Then what goes wrong: a fire, a copied folder, a restored backup, a checkpoint that goes back, a cycle that closes, a settlement.
/// With --network two computers meet instead.
///
/// Everything is left in the folder, to look at and to try more commands on. Takes under a minute and a half. The key files of the
/// demonstration cost 19 MiB and 2 passes a guess; those of a real node 64 MiB and 3.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Demo {
    /// A registration file of your own instead of an invented camp
    #[arg(long, value_name = "FILE", requires = "map")]
    registrations: Option<PathBuf>,
    /// Which of its columns is which field (`annona family import FILE --suggest-map` drafts one)
    #[arg(long, value_name = "FILE", requires = "registrations")]
    map: Option<PathBuf>,
    /// Two computers instead, that meet over a link: voted here and heard there, cut off, caught up, revoked
    #[arg(long, conflicts_with_all = ["registrations", "map"])]
    network: bool,
    /// How many orders the cut-off site serves, which the other then hears of
    #[arg(long, value_name = "N", default_value_t = 20_000, requires = "network", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    orders: u32,
}

/// Where the demonstration goes where nothing is said.
const FOLDER: &str = "annona-demo";
/// Where that of the network does.
const NETWORK: &str = "annona-network";

impl Demo {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let asked = crate::args::default_folder().is_ok_and(|default| default != session.dir);
        let folder = if self.network { NETWORK } else { FOLDER };
        let dir = if asked { session.dir.clone() } else { PathBuf::from(folder) };
        let dir = empty(&dir)?;
        let mut stage = Stage::new(session, dir)?;
        if self.network {
            return meet(session, &mut stage, self.orders);
        }
        stage.begin(
            "This is a day of two camps, the lake and the hill. Three organisations share the ledger; no \
             network is used at any time. Every line that begins with $ is a process of its own, on files \
             in this folder.",
        );
        found::act(&mut stage)?;
        let camp = register::act(&mut stage, self.registrations.as_deref(), self.map.as_deref())?;
        issue::act(&mut stage, &camp)?;
        let day = serve::act(&mut stage, &camp)?;
        attack::act(&mut stage, &camp, &day)?;
        carry::act(&mut stage)?;
        audit::act(&mut stage)?;
        stage.curtain(
            "So far everybody was honest and nothing broke. What follows happens to the same folders, after that day.",
        );
        fire::act(&mut stage, &camp)?;
        witness::act(&mut stage)?;
        copied::act(&mut stage, &camp)?;
        copied::restored(&mut stage, &camp)?;
        verdict::close(&mut stage)?;
        settled::act(&mut stage)?;
        verdict::act(&mut stage)?;
        end(session, &stage)
    }
}

/// Two computers that meet.
fn meet(session: &Session, stage: &mut Stage, orders: u32) -> Outcome {
    stage.begin(
        "These are two computers of one federation. Each is a folder and a process of its own, and they meet over \
         the loopback of this machine as they would over a cable. Lines that begin with … are what they say of \
         themselves (`annona status`, `annona peers`).",
    );
    network::act(stage, orders)?;
    let (dir, seconds) = (stage.dir().display().to_string(), stage.seconds());
    let value = json!({ "dir": dir, "seconds": seconds, "commands": stage.commands() });
    session.screen.answer("demo", value, || {
        format!(
            "\n{} commands in {seconds:.1} seconds. The folders are left for you, with what both nodes logged:\n\
             \x20 {dir}\n\n\
             Try, from within that folder, one in each window:\n\
             \x20 annona run --dir treasury --passphrase-file pass.txt --heads heads\n\
             \x20 annona peers --dir treasury",
            stage.commands(),
        )
    })
}

/// Makes the folder; one that has something in it is left alone.
fn empty(dir: &Path) -> Outcome<PathBuf> {
    let fault = |fault| Fault::io("make", dir, fault);
    std::fs::create_dir_all(dir).map_err(fault)?;
    let mut inside = std::fs::read_dir(dir).map_err(fault)?;
    if inside.next().is_some() {
        return Err(Fault::new(
            Exit::Conflict,
            format!("{} has something in it already, which stays as it is.", dir.display()),
        )
        .then("Name another folder: annona demo --dir DIR."));
    }
    dir.canonicalize().map_err(fault)
}

fn end(session: &Session, stage: &Stage) -> Outcome {
    let dir = stage.dir().display().to_string();
    let seconds = stage.seconds();
    let value = json!({
        "dir": dir, "seconds": seconds, "commands": stage.commands(), "report": stage.dir().join("report.html"),
        "audit": stage.dir().join("auditor/camp.audit"),
    });
    session.screen.answer("demo", value, || {
        format!(
            "\n{} commands in {seconds:.1} seconds. The folders are left for you:\n\
             \x20 {dir}\n\
             \x20   report.html           the day, and report-after.html what became of it: open them in a browser\n\
             \x20   auditor/              what the stranger checked: camp.audit, forked.audit, after.audit\n\
             \x20   treasury/ council/    nodes of two organisations; the passphrase of all is in pass.txt\n\
             \x20   hill-new/             what took the place of the hill; hill/ and hill-copy/ forked, the lake is burnt\n\n\
             Try, from within that folder:\n\
             \x20 annona status --dir treasury\n\
             \x20 annona charter show --dir treasury\n\
             \x20 annona pay list --dir hill --by merchant\n\
             \x20 annona family find --dir hill-new --passphrase-file pass.txt A\n\
             \x20 annona audit anomalies auditor/after.audit\n\
             \x20 annona audit verify auditor/camp.audit --root",
            stage.commands(),
        )
    })
}

/// Copies a folder, as somebody with a stick does.
fn copy(from: &Path, to: &Path) -> Outcome {
    let fault = |fault| Fault::io("copy", from, fault);
    std::fs::create_dir(to).map_err(fault)?;
    for entry in std::fs::read_dir(from).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            std::fs::copy(entry.path(), place).map_err(fault)?;
        }
    }
    let mode = std::fs::metadata(from).map_err(fault)?.permissions();
    std::fs::set_permissions(to, mode).map_err(fault)
}

/// A machine of its own, as it were: whoever opens a copy beside the real one makes that one stop signing.
fn copy_heads(stage: &Stage, name: &str) -> Outcome {
    copy(&stage.path("heads"), &stage.path(name))
}

/// Has two organisations sign an article, and some nodes take it in.
fn vote(stage: &mut Stage, article: &str, nodes: &[&str]) -> Outcome {
    for office in ["relief", "city"] {
        stage.run(&format!("charter sign {article} --keys {office}.keys --dir treasury"))?;
    }
    for dir in nodes {
        stage.run(&format!("charter apply {article} --dir {dir}"))?;
    }
    Ok(())
}
