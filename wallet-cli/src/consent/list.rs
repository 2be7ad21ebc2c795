use annona_node::consent;
use clap::Args;
use serde_json::json;

use super::Hers;
use crate::fault::Outcome;
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
        let hers = Hers::open(session, &self.family)?;
        let id = hers.id;
        let all = consent::list(&hers.vault, id)?;
        for (number, one) in (1..).zip(&all) {
            let grant = &one.grant;
            let state = consent::state(&hers.node, one, hers.today)?;
            let expires = hers.last(grant.expires);
            let value = json!({
                "family": id, "number": format!("{id}/{number}"), "consent": grant.id.to_string(),
                "state": state.word(), "purpose": grant.purpose.word(),
                "attributes": grant.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "expires": expires, "as_of": hers.as_of,
            });
            session.screen.answer("consent", value, || {
                let (state, purpose) = (state.word(), grant.purpose.word());
                let attributes = grant.attributes;
                format!("{id}/{number}  {state:<11}  {purpose:<10}  {attributes}  until {expires}")
            })?;
        }
        hers.close(session)
    }
}
