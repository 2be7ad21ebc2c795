use std::path::PathBuf;

use annona_node::tlog::check::{SourceOf, check};
use annona_node::tlog::folder::LogFolder;
use annona_node::tlog::note::{NoteKey, Says};
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona audit log check camp.log --log-key log.key
  $ annona audit log check camp.log --log-key log.key --audit camp.audit";

/// Checks every header, tile and signature of a log; with an audit file, that both tell the same. Programs of others can
/// do all of it but the last.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct Check {
    /// The log's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// A file with the log's key, from somewhere you trust
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// A file with the key of a witness that must have cosigned; several times for several
    #[arg(long, value_name = "FILE")]
    witness_key: Vec<PathBuf>,
    /// An audit file of the same federation
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let log = super::read_key(&self.log_key, Says::Log)?;
        let witnesses: Vec<NoteKey> = self
            .witness_key
            .iter()
            .map(|file| super::read_key(file, Says::Witness))
            .collect::<Outcome<_>>()?;
        let file = self.audit.as_deref().map(crate::audit::open).transpose()?;
        let audit = file.as_ref().map(|file| file as &dyn SourceOf);
        let checked = check(&LogFolder::at(&self.folder), &log, &witnesses, audit)?;
        let head = checked.head.as_ref();
        let cosigned: Vec<_> = checked
            .witnesses
            .iter()
            .map(|(name, when)| json!({ "name": name, "time": when.ok() }))
            .collect();
        let value = json!({
            "folder": self.folder, "log": log.name, "good": checked.is_good(),
            "leaves": head.map(|head| head.size), "root": head.map(|head| hex(&head.root)),
            "feeds": checked.feeds, "witnesses": cosigned, "in_both": checked.both,
            "in_order": checked.is_in_order(), "shows": checked.shows,
            "sealed_since": checked.newer, "later_than_the_file": checked.later, "of_feeds_not_in_the_log": checked.absent,
            "of_nodes_not_in_the_file": checked.untold, "node_says_its_own": checked.owned,
            "federations": checked.federations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "findings": checked.findings,
        });
        session.screen.answer("audit_log_check", value, || {
            let mut lines = Vec::new();
            if let Some(head) = head {
                let headers = count(head.size, "header", "headers");
                let feeds = count(checked.feeds as u64, "feed", "feeds");
                lines.push(format!("{}: {headers} of {feeds}", log.name));
                lines.push(format!("root  {}", hex(&head.root)));
            }
            for (name, when) in &checked.witnesses {
                let when = when.map_or_else(|fault| fault.to_string(), |at| format!("at {at}"));
                lines.push(format!("witness {name}: {when}"));
            }
            if let Some(both) = checked.both {
                lines.push(format!(
                    "{both} in both; {} sealed since the log, {} since the audit file",
                    checked.newer, checked.later
                ));
                if checked.untold > 0 {
                    let untold = count(checked.untold, "header", "headers");
                    lines.push(format!(
                        "{untold} of sites the audit file has nothing of: new, or left out of it, which cannot be told"
                    ));
                }
                if checked.absent > 0 {
                    let absent = count(checked.absent, "header", "headers");
                    lines.push(format!(
                        "of them {absent} of feeds that are not in the log at all: new, or left out from the first"
                    ));
                }
            }
            lines.extend(checked.findings.iter().map(|finding| format!("WRONG: {finding}")));
            lines.extend(checked.shows.iter().map(|shown| format!("SHOWS: {shown}")));
            let verdict = match (checked.is_in_order(), checked.is_good()) {
                (true, true) => "good",
                (true, false) => "the log is in order; what it shows is NOT GOOD",
                (false, _) => "NOT GOOD",
            };
            lines.push(verdict.to_owned());
            lines.join("\n")
        })?;
        let wrong =
            |what: &str| Fault::new(Exit::Wrong, format!("{}: {what}.", self.folder.display()));
        match (checked.findings.first(), checked.shows.first()) {
            (Some(first), _) => Err(wrong(first)),
            (None, Some(shown)) => Err(wrong(shown).then(
                "The log is in order, and its writer did right: that feed's node and its organisation have to answer for the fork.",
            )),
            (None, None) => Ok(()),
        }
    }
}
