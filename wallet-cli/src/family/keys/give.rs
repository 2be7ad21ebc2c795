use std::path::PathBuf;

use annona_node::{atomic, copies};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona family keys give lake --dir hill --out keys-of-lake
  $ annona family keys give lake --to treasury --dir hill --out keys-of-lake";

/// Gives back the copy that is kept here for a site, with every erasure heard of: sealed to the node that takes its place.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Give {
    /// The site: its node's 16 digits, or its name
    site: String,
    /// The node that takes its place [default: the same]
    #[arg(long, value_name = "NODE")]
    to: Option<String>,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Give {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let roster = node.store().roster();
        let site = words::lost(roster, &self.site)?.short();
        let to = words::node(roster, self.to.as_deref().unwrap_or(&self.site))?.clone();
        let question = format!("Give {} the keys of the people of {}?", to.site_name, self.site);
        session.confirm(&question, &[])?;
        atomic::write(&self.out, &copies::give(&node, &site, &to)?)?;
        node.close()?;
        let value = json!({ "site": hex(&site), "to": hex(&to.short()), "out": self.out });
        session.screen.answer("given", value, || {
            format!("The keys of {} are in {}.", self.site, self.out.display())
        })?;
        session.screen.note("There: `annona family keys take FILE`.");
        Ok(())
    }
}
