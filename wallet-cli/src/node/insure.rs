use std::path::PathBuf;

use annona_ledger::notice::{Notice, Reserve};
use annona_ledger::time::Minute;
use clap::Args;
use serde_json::json;

use super::organisation_key;
use crate::fault::{Fault, Outcome};
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{self, hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona node insure lake --reserve hill --programme Food --keys relief.keys --out insured.annona
  $ annona node insure lake --reserve hill --programme Food --keys relief.keys \\
      --charter charter.annona --out insured.annona --dry-run";

/// Names the one node that re-issues to the families of another, should that be lost: in advance, with the organisation's
/// key.
///
/// The reserve itself is sent there with `annona pay supply --as reserve`. A name for a later time takes the place of the
/// one before.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Insure {
    /// The node that may be lost: its 16 digits, or the name of its site
    node: String,
    /// The node that holds the reserve
    #[arg(long, value_name = "NODE")]
    reserve: String,
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The key file of the insured node's organisation
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Where to write the notice
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show what would be said; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Insure {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, mut roster) = session.power(self.charter.as_deref())?;
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let insured = words::node(&roster, &self.node)?.clone();
        let reserve = words::node(&roster, &self.reserve)?.clone();
        if (reserve.org, reserve.site) == (insured.org, insured.site) {
            return Err(Fault::refused(format!(
                "both nodes stand at site {}: what burns one burns the other.",
                insured.site
            ))
            .then("Name a node of another site."));
        }
        if !reserve.programmes.contains(&programme) {
            return Err(Fault::refused(format!(
                "node {} is not certified for {}: it could issue nothing.",
                hex(&reserve.short()),
                about.name
            )));
        }
        let (org, short) = (insured.org, insured.short());
        let before =
            roster.reserve_of(&short, programme).map_or(0, |r| r.issued.0.saturating_add(1));
        let now = session.dated_on(&charter, &roster, self.charter.as_deref())?;
        let now = Minute::of(now, charter.founded());
        let issued = Minute(now.0.max(before));
        let named = Reserve { org, insured: short, programme, reserve: reserve.short(), issued };
        let keys = session.keys(&self.keys)?;
        let key = organisation_key(&keys, &charter, org, &self.keys)?;
        let signed = Notice::Reserve(named).sign(&charter.federation(), &key);
        roster.learn(&charter, &signed)?;
        if !self.dry_run {
            let (one, other) = (&reserve.site_name, &insured.site_name);
            let from = print_minute(issued, charter.founded());
            let name = &about.name;
            let question = format!("Name {one} as the reserve of {other} for {name}, from {from}?");
            session.ask.confirm(&session.screen, &question)?;
            Papers::notice(signed).write(&self.out)?;
        }
        let value = json!({
            "node": hex(&short), "reserve": hex(&named.reserve), "programme": programme,
            "out": (!self.dry_run).then_some(&self.out),
        });
        session.screen.answer("insured", value, || {
            let (verb, out) = (if self.dry_run { "would go" } else { "is" }, self.out.display());
            format!(
                "Should {} be lost, {} re-issues {} to its families: the notice {verb} in {out}",
                insured.site_name, reserve.site_name, about.name
            )
        })?;
        session.screen.note(
            "Next: every node takes it in with `annona node learn FILE`; `annona pay supply --as reserve` sends the units.",
        );
        Ok(())
    }
}
