use std::path::PathBuf;

use annona_node::config::{Config, DayBytes, QuietHours, RUN, SAMPLE};
use annona_node::daemon::unit::UNIT;
use annona_node::daemon::{self, Running};
use annona_node::log::Log;
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::stop::LongWork;

const EXAMPLES: &str = "\
Examples:
  $ annona run --print-config
  $ annona run --passphrase-file pass.txt
  $ annona run --budget 5MB/day --quiet-hours 22:00-05:30
  $ annona peers";

/// Keeps this node running: it meets the peers of run.toml whenever the link is there, until Ctrl-C or SIGTERM.
///
/// Other commands work meanwhile in the same folder: each is lent it for as long as it takes. What happens is told on
/// stderr, one line an event, with nodes by their keys and nobody's name; `annona peers` says how it stands with each.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Run {
    /// The configuration [default: run.toml in the data folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For every peer of the configuration that has no budget of its own: what may go over its link in a day; what is
    /// urgent goes beyond it
    #[arg(long, value_name = "BYTES/day", value_parser = budget)]
    budget: Option<DayBytes>,
    /// For every peer of the configuration that has no quiet hours of its own: when there is no link, in its zone
    #[arg(long, value_name = "FROM-TO", value_parser = hours)]
    quiet_hours: Option<QuietHours>,
    /// Print a configuration with every key explained, and end
    #[arg(long, conflicts_with = "print_unit")]
    print_config: bool,
    /// Print a hardened unit for systemd, and end
    #[arg(long)]
    print_unit: bool,
}

impl Run {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        for (asked, kind, text) in
            [(self.print_config, "config", SAMPLE), (self.print_unit, "unit", UNIT)]
        {
            if asked {
                let value = json!({ "text": text });
                return session.screen.answer(kind, value, || text.trim_end().to_owned());
            }
        }
        // What is wrong with the configuration is told before a passphrase is asked for.
        let mut config = Config::read(&self.config.unwrap_or_else(|| session.dir.join(RUN)))?;
        for peer in &mut config.peer {
            peer.budget = peer.budget.or(self.budget);
            peer.quiet = peer.quiet.or(self.quiet_hours);
        }
        session.is_ours()?;
        if let Some(runs) = running(session)? {
            return Err(Fault::new(
                Exit::Conflict,
                format!("this node runs already (pid {}).", runs["pid"]),
            )
            .then("Look at it with `annona status`, or stop it first."));
        }
        let long = LongWork::begin();
        let node = session.node()?;
        node.federation()?;
        if node.certificate().is_none() {
            return Err(Fault::refused(
                "this node has no certificate, so no peer would let it in.",
            )
            .then(HOW_CERTIFIED));
        }
        let log = Log::stderr(config.log, session.clock);
        let running = Running { config, log, clock: session.clock, stop: long.flag() };
        daemon::run(node, running, daemon::meet::meet)?;
        Ok(())
    }
}

fn budget(text: &str) -> Result<DayBytes, String> {
    DayBytes::try_from(text.to_owned())
}

fn hours(text: &str) -> Result<QuietHours, String> {
    QuietHours::try_from(text.to_owned())
}

/// How a node comes to a certificate, or to the next one.
pub(crate) const HOW_CERTIFIED: &str = "Send `annona node request` to its organisation and take in the answer with `annona node learn FILE`.";

/// What a node that runs in this folder says of itself; `None` where none does.
#[cfg(unix)]
pub(crate) fn running(session: &Session) -> Outcome<Option<serde_json::Value>> {
    Ok(ask(session, "status")?.and_then(|line| serde_json::from_str(&line).ok()))
}

/// Asks a node that runs in this folder; `None` where none does.
#[cfg(unix)]
pub(crate) fn ask(session: &Session, question: &str) -> Outcome<Option<String>> {
    daemon::control::ask(&session.dir, question)
        .map_err(|why| Fault::io("ask the node that runs in", &session.dir, why))
}

/// What a node that runs in this folder says of itself: on this system it cannot be asked.
#[cfg(not(unix))]
pub(crate) fn running(_: &Session) -> Outcome<Option<serde_json::Value>> {
    Ok(None)
}

/// Asks a node that runs in this folder: on this system it cannot be asked.
#[cfg(not(unix))]
pub(crate) fn ask(_: &Session, _: &str) -> Outcome<Option<String>> {
    Ok(None)
}
