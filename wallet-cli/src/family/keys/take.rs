use std::path::PathBuf;

use annona_node::copies;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys take keys-of-lake
  $ annona family keys take keys-of-lake --json";

/// Takes back the keys of a restored folder from what a keeper gave. Who was erased since goes first, before any record
/// opens.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Take {
    /// What the keeper gave
    file: PathBuf,
}

impl Take {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.node()?;
        // First: without it there is nothing to begin new keys for.
        let file = super::read(&self.file)?;
        let mut vault = session.vault_without_keys(&node)?;
        let taken = copies::take(&node, &mut vault, &file)
            .map_err(|fault| Fault::from(fault).at(self.file.display()))?;
        // From here on they lie under a key that no backup has.
        annona_node::erase::rotate(&mut node, &mut vault)?;
        let families = vault.count()?;
        node.close()?;
        let value = json!({
            "families": families, "erased": taken.erased, "keyless": taken.keyless,
        });
        session.screen.answer("taken", value, || {
            format!(
                "{} here; {} erased meanwhile; {} without a key.",
                count(families, "family", "families"),
                count(taken.erased, "family was", "families were"),
                count(taken.keyless, "record is", "records are"),
            )
        })
    }
}
