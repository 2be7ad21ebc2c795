use std::path::PathBuf;

use annona_node::checkpoint;
use clap::Args;

use super::{text, value};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint verify camp.checkpoint
  $ annona checkpoint verify camp.checkpoint --json";

/// Checks a checkpoint file: its page, every signature, the quorum, and every row it carries. Needs no passphrase.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Verify {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Verify {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (federation, carried) = super::read(&self.file)?;
        let store = session.read()?;
        if federation != store.federation()? {
            return Err(Fault::input("the checkpoint belongs to another federation."));
        }
        let standing = checkpoint::count(&store, &carried)?;
        for chunk in &carried.rows {
            chunk.check(&carried.page).map_err(checkpoint::CheckpointFault::from)?;
        }
        let hash = carried.page.checkpoint.hash();
        session.screen.answer("checkpoint", value(&hash, &carried.page, &standing), || {
            text(&hash, &carried.page, &standing)
        })?;
        if standing.certifies_frontier() && standing.refused.is_empty() {
            return Ok(());
        }
        let words = standing.refused.first().map_or_else(
            || "fewer organisations have signed than it takes".to_owned(),
            |(_, why)| why.to_string(),
        );
        Err(Fault::new(Exit::Wrong, format!("{}: {words}.", self.file.display())))
    }
}
