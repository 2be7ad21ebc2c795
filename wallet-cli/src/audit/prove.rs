use std::path::PathBuf;

use annona_node::atomic;
use annona_node::audit::prove;
use clap::Args;
use serde_json::json;

use super::entry;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona audit prove camp.audit 8be807f6a1c2d3e4/value/1#12 --out entry.proof
  $ annona audit check-proof noor.proof";

/// Cuts the proof of one entry out of an audit file: what an outsider needs to believe it, and nothing else.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Prove {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The entry, by its whole name
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// Where to write the proof
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Prove {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let file = super::open(&self.file)?;
        let (feed, index, name) = entry(&self.entry, &file)?;
        let bytes = prove(&file, &feed, index, name)
            .map_err(|why| Fault::from(why).at(self.file.display()))?
            .encode();
        atomic::write(&self.out, &bytes)?;
        let value = json!({
            "file": self.out, "bytes": bytes.len(), "feed": feed.to_string(), "index": index,
        });
        session.screen.answer("proof", value, || {
            format!("proof of {feed}#{index} in {}: {} bytes", self.out.display(), bytes.len())
        })
    }
}
