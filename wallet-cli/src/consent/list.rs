use annona_node::consent;
use clap::Args;
use serde_json::json;

use super::{date, heard, unfinished};
use crate::fault::Outcome;
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona consent list 1
  $ annona consent list desk:B1-001 --json";

/// Lists what a family agreed to, or refused, and how each stands as of what this node has heard.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
}

impl List {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let charter = node.store().charter()?.clone();
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (today, as_of) = heard(&node, session.now())?;
        let all = consent::list(&vault, id)?;
        for (number, one) in (1..).zip(&all) {
            let grant = &one.grant;
            let state = consent::state(&node, one, today)?;
            let value = json!({
                "family": id, "number": format!("{id}/{number}"), "consent": grant.id.to_string(),
                "state": state.word(), "purpose": grant.purpose.word(),
                "attributes": grant.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "expires": date(&charter, grant.expires), "as_of": as_of,
            });
            session.screen.answer("consent", value, || {
                format!(
                    "{id}/{number}  {:<11}  {:<10}  {}  until {}",
                    state.word(),
                    grant.purpose.word(),
                    grant.attributes,
                    date(&charter, grant.expires)
                )
            })?;
        }
        unfinished(session, &consent::unshown(&node, &vault, id)?);
        session.screen.note(format!("List as of {}; {as_of}.", date(&charter, today)));
        Ok(node.close()?)
    }
}
