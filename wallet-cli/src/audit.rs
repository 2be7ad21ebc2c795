//! `annona audit`: one file, one command, no network and nobody's secret.

mod anomalies;
mod check_proof;
mod export;
mod log;
mod prove;
mod reconcile;
mod report;
mod sample;
mod stopped;
mod trace;
mod verify;

use std::path::Path;

use annona_ledger::audit::{Options, Verdict};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedRef};
use annona_node::audit::AuditFile;
use clap::{Args, Subcommand};

use crate::fault::{Fault, Outcome};
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona audit export today.audit
  $ annona audit verify camp.audit
  $ annona audit report camp.audit --out report.html";

/// Checks everything an outsider can check: hashes, signatures, quorums, and every rule of value.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Export(export::Export),
    Verify(verify::Verify),
    Prove(prove::Prove),
    CheckProof(check_proof::CheckProof),
    Trace(trace::Trace),
    Report(report::Report),
    Reconcile(reconcile::Reconcile),
    Anomalies(anomalies::Anomalies),
    Sample(sample::Sample),
    Log(log::Log),
}

impl Audit {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Export(command) => command.run(session),
            Command::Verify(command) => command.run(session),
            Command::Prove(command) => command.run(session),
            Command::CheckProof(command) => command.run(session),
            Command::Trace(command) => command.run(session),
            Command::Report(command) => command.run(session),
            Command::Reconcile(command) => command.run(session),
            Command::Anomalies(command) => command.run(session),
            Command::Sample(command) => command.run(session),
            Command::Log(command) => command.run(session),
        }
    }
}

/// Opens an audit file. What is none is bad input and not a verdict on anybody.
fn open(path: &Path) -> Outcome<AuditFile> {
    let file = AuditFile::open(path)?;
    if file.federation().is_none() {
        let fault = Fault::input("this is no audit file of this version").at(path.display());
        return Err(
            fault.then("`annona audit export` makes one: ask who sent it for the file again.")
        );
    }
    Ok(file)
}

/// Audits a file on all cores, with progress; Ctrl-C ends it early, and the verdict says so.
fn audit(session: &Session, path: &Path, options: &Options) -> Outcome<(AuditFile, Verdict)> {
    let file = open(path)?;
    let size: u64 = file.sizes().values().sum();
    let long = LongWork::begin();
    let bar = std::sync::Mutex::new(Bar::new(&session.screen, "blocks"));
    // Blocks are counted as they are read; how many there are is not known, so bytes of an average one stand for them.
    let guess = size / 3_000;
    let progress = |blocks: u64| {
        if let Ok(mut bar) = bar.try_lock() {
            bar.set(blocks, guess.max(blocks));
        }
    };
    let cores = annona_node::audit::cores();
    let verdict = annona_node::audit::audit(&file, options, cores, &progress, long.flag());
    drop(bar);
    Ok((file, verdict))
}

/// A federation by its 64 digits.
fn federation(text: Option<&str>) -> Outcome<Option<FederationId>> {
    let read = |text| words::unhex("the federation", text).map(|id| FederationId(Hash(id)));
    text.map(read).transpose()
}

/// An entry by its whole name, as promises, receipts and findings print it: `8be8…/value/1#12`, perhaps with `:` and the
/// beginning of its hash behind.
fn entry(text: &str) -> Outcome<(FeedRef, u64)> {
    let wrong = || {
        Fault::input(format!(
            "\"{text}\" is not the whole name of an entry. It has node, lane, programme and index, such \
             as 8be807f6a1c2d3e4/value/1#12: `annona pay list --json` and every promise show it."
        ))
    };
    let (feed, rest) = text.trim().split_once('#').ok_or_else(wrong)?;
    let (index, _) = rest.split_once(':').unwrap_or((rest, ""));
    let feed = words::feed(feed).map_err(|_| wrong())?;
    Ok((feed, index.parse().map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_read_as_they_print() {
        let (feed, index) = entry("8be807f6a1c2d3e4/value/1#12:0011223344556677").expect("a name");
        assert_eq!((feed.to_string().as_str(), index), ("8be807f6a1c2d3e4/value/1", 12));
        for bad in [
            "",
            "1#12",
            "8be807f6a1c2d3e4/value/1",
            "8be8/value/1#1",
            "x/value/1#1",
            "8be807f6a1c2d3e4/money/1#1",
            "8be807f6a1c2d3e4/value/1/2#1",
            "8be807f6a1c2d3e4/value/1#-1",
        ] {
            assert!(entry(bad).is_err(), "{bad}");
        }
    }
}
