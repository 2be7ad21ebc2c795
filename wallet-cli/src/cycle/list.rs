use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::print_minute;

const EXAMPLES: &str = "\
Examples:
  $ annona cycle list
  $ annona cycle list --json";

/// Lists the cycles that were opened.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, roster) = session.power(None)?;
        let print = |minute| print_minute(minute, charter.founded());
        for c in roster.cycles() {
            let value = json!({
                "programme": c.programme, "cycle": c.cycle, "opens": print(c.opens),
                "closes": print(c.closes), "expires": print(c.expires),
            });
            session.screen.answer("cycle", value, || {
                let name = charter.programme(c.programme).map(|p| p.name.to_string());
                format!(
                    "{} cycle {}: from {} to {}, redeemable until {}",
                    name.unwrap_or_default(),
                    c.cycle,
                    print(c.opens),
                    print(c.closes),
                    print(c.expires)
                )
            })?;
        }
        Ok(())
    }
}
