use annona_node::person::{Field, Kind};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family fields
  $ annona family fields --json";

/// Lists what can be known of a person and of a family: the fields of maps, of `family add` and of `family change`.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Fields {}

impl Fields {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        for field in Field::ALL {
            let (name, of, holds) = (field.name(), field.scope(), field.kind());
            let words = match holds {
                Kind::Choice(words) => words,
                Kind::Text(_) | Kind::Number(_) | Kind::Date | Kind::YesNo => &[],
            };
            let value = json!({
                "field": name, "of": of.to_string(), "holds": holds.to_string(), "words": words,
                "meaning": field.meaning(),
            });
            session.screen.answer("field", value, || {
                format!("{name:<26} {:<10} {holds}. {}", of.to_string(), field.meaning())
            })?;
        }
        Ok(())
    }
}
