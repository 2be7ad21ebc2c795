use std::path::PathBuf;

use annona_ledger::charter::Charter;
use annona_ledger::duty::EVERY_SITE;
use annona_ledger::id::ProgrammeId;
use annona_ledger::notice::OperatorCertificate;
use annona_ledger::time::Minute;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{ending, hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona operator list
  $ annona operator list --charter charter.annona --json";

/// Lists the operators whose certificates are known.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
}

impl List {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, roster) = session.power(self.charter.as_deref())?;
        let now = Minute::of(session.now(), charter.founded());
        for c in roster.operators() {
            let withdrawn = roster.withdrawn(&c.operator, c.org);
            let value = json!({
                "operator": hex(c.operator.bytes()), "organisation": c.org, "site": c.site,
                "roles": c.roles.words().collect::<Vec<_>>(), "programmes": c.programmes.to_vec(),
                "not_after": print_minute(c.not_after, charter.founded()),
                "ended": c.not_after <= now, "withdrawn": withdrawn.is_some(),
            });
            let ended = ending(c.not_after, now).filter(|_| withdrawn.is_none());
            let words = ended.or_else(|| withdrawn.map(|_| "withdrawn".to_owned()));
            session.screen.answer("operator", value, || match words {
                Some(words) => format!("{}: {words}", line(c, &charter)),
                None => line(c, &charter),
            })?;
        }
        Ok(())
    }
}

/// A certificate in one line.
pub(super) fn line(c: &OperatorCertificate, charter: &Charter) -> String {
    let roles: Vec<_> = c.roles.words().collect();
    let name = |id: &ProgrammeId| charter.programme(*id).map(|known| known.name.to_string());
    let programmes: Vec<_> =
        c.programmes.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect();
    let site = match c.site {
        EVERY_SITE => "every site".to_owned(),
        one => format!("site {one}"),
    };
    format!(
        "Operator {} of organisation {} at {site}: {}, for {}, from {} until {}",
        hex(&c.operator.short()),
        c.org,
        roles.join(", "),
        programmes.join(", "),
        print_minute(c.issued, charter.founded()),
        print_minute(c.not_after, charter.founded()),
    )
}
