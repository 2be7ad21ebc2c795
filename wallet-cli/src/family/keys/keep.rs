use std::path::PathBuf;

use annona_node::copies;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys keep keys-for-hill --dir hill
  $ annona family keys keep keys-for-hill --dir hill --json";

/// Keeps a copy of another site's keys, in the place of its last one. Nobody here can read it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Keep {
    /// The copy
    file: PathBuf,
}

impl Keep {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let file = super::read(&self.file)?;
        let label = copies::keep(&node, &file)
            .map_err(|fault| Fault::from(fault).at(self.file.display()))?;
        node.close()?;
        let value = json!({ "site": hex(&label.site), "kept": true });
        session.screen.answer("kept", value, || {
            format!("Kept for node {}. Its last copy, if any, is overwritten.", hex(&label.site))
        })?;
        session
            .screen
            .note("Destroy the file it came in. `annona erase --follow` says what it is after.");
        Ok(())
    }
}
