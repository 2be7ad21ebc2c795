use annona_node::consent::{self, Stage};
use clap::Args;
use serde_json::json;

use super::{date, heard, unfinished};
use crate::fault::Outcome;
use crate::holder;
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
        let node = session.node()?;
        let charter = node.store().charter()?.clone();
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (today, as_of) = heard(&node, session.now())?;
        let all = consent::disclosures(&vault, id)?;
        let cut = consent::unshown(&node, &vault, id)?;
        for one in &all {
            let d = &one.disclosure;
            let org = charter.organisation(d.recipient);
            let org = org.map_or_else(|| d.recipient.to_string(), |org| org.name.to_string());
            let value = json!({
                "family": id, "on": date(&charter, d.on), "recipient": org,
                "node": hex(&d.node), "purpose": d.purpose.word(),
                "attributes": d.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "consent": d.grant.to_string(), "shown": one.stage != Stage::Written,
                "unfinished": cut.iter().any(|permit| permit.commitment() == one.commitment()),
                "as_of": as_of,
            });
            session.screen.answer("disclosure", value, || {
                let shown = match one.stage {
                    Stage::Written => "  (asked, not shown)",
                    Stage::Opening => "  (not known to have been shown)",
                    Stage::Shown => "",
                };
                format!(
                    "{}  {org}  {}: {}{shown}",
                    date(&charter, d.on),
                    d.purpose.word(),
                    d.attributes
                )
            })?;
        }
        unfinished(session, &cut);
        if all.is_empty() {
            session.screen.note(format!("Nothing of family {id} was shown to anybody from here."));
        }
        session.screen.note(format!("List as of {}; {as_of}.", date(&charter, today)));
        Ok(node.close()?)
    }
}
