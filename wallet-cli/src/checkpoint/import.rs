use std::path::PathBuf;

use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint import camp.checkpoint
  $ annona checkpoint import camp.checkpoint --json";

/// Takes in a checkpoint and its signatures from a file. Needs no passphrase; bundles do the same by themselves.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (federation, carried) = super::read(&self.file)?;
        let (folder, mut store) = session.take_in()?;
        if federation != store.federation()? {
            return Err(Fault::input("the checkpoint belongs to another federation."));
        }
        let new = checkpoint::keep(&mut store, &carried)
            .map_err(|fault| Fault::from(fault).at(self.file.display()))?;
        let hash = carried.page.checkpoint.hash();
        let value = json!({ "checkpoint": hash.to_string(), "cosignatures": new });
        session.screen.answer("checkpoint_import", value, || {
            format!("{hash}: {}", count(new, "new cosignature", "new cosignatures"))
        })?;
        drop(folder);
        Ok(())
    }
}
