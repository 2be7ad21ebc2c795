use std::path::PathBuf;

use clap::Args;

use super::admit::lines;
use crate::fault::Outcome;
use crate::session::Session;
use crate::status::certificate_value;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona node show
  $ annona node show --charter charter.annona --json";

/// Shows the nodes whose certificates are known: all of them, or one.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// A node, by its digits or the name of its site
    node: Option<String>,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, roster) = session.power(self.charter.as_deref())?;
        let nodes = match &self.node {
            Some(text) => vec![words::node(&roster, text)?],
            None => roster.nodes().collect(),
        };
        if nodes.is_empty() {
            session.screen.note("No node has a certificate here: `annona node learn FILE`.");
        }
        for c in nodes {
            let value = certificate_value(c, charter.founded());
            session.screen.answer("node", value, || lines(c, &charter).join("\n"))?;
        }
        Ok(())
    }
}
