use annona_node::consent::{self, Stage};
use clap::Args;
use serde_json::json;

use super::Hers;
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona consent log 1
  $ annona consent log desk:B1-001 --json";

/// Lists who was shown what of a family, what for, and on which day: the list is hers to ask for.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Log {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
}

impl Log {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let hers = Hers::open(session, &self.family)?;
        let id = hers.id;
        let all = consent::disclosures(&hers.vault, id)?;
        for one in &all {
            let d = &one.disclosure;
            let org = hers.charter.organisation(d.recipient);
            let org = org.map_or_else(|| d.recipient.to_string(), |org| org.name.to_string());
            let on = hers.date(d.on);
            let commitment = one.commitment();
            let value = json!({
                "family": id, "on": on, "recipient": org,
                "node": hex(&d.node), "purpose": d.purpose.word(),
                "attributes": d.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "consent": d.grant.to_string(), "shown": one.stage != Stage::Written,
                "unfinished": hers.cut.iter().any(|permit| permit.commitment() == commitment),
                "as_of": hers.as_of,
            });
            session.screen.answer("disclosure", value, || {
                let shown = match one.stage {
                    Stage::Written => "  (asked, not shown)",
                    Stage::Opening => "  (not known to have been shown)",
                    Stage::Shown => "",
                };
                format!("{on}  {org}  {}: {}{shown}", d.purpose.word(), d.attributes)
            })?;
        }
        if all.is_empty() {
            session.screen.note(format!("Nothing of family {id} was shown to anybody from here."));
        }
        hers.close(session)
    }
}
