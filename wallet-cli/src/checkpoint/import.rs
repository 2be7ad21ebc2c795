use std::path::PathBuf;

use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint import camp.checkpoint --dry-run
  $ annona checkpoint import camp.checkpoint
  $ annona checkpoint import camp.checkpoint --json";

/// Takes in a checkpoint and its signatures from a file. Needs no passphrase; bundles do the same by themselves.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Say what would be taken in, and take in nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (federation, carried) = super::read(&self.file)?;
        let (folder, mut store) = session.take_in()?;
        if federation != store.federation()? {
            return Err(Fault::input("the checkpoint belongs to another federation."));
        }
        let kept = if self.dry_run {
            checkpoint::would_keep(&store, &carried)
        } else {
            checkpoint::keep(&mut store, &carried)
        };
        let kept = kept.map_err(|fault| Fault::from(fault).at(self.file.display()))?;
        let hash = carried.page.checkpoint.hash();
        let value = json!({
            "checkpoint": hash.to_string(), "cosignatures": kept.new,
            "refused": kept.refused.iter().map(|(node, why)| {
                json!({ "witness": hex(node), "why": why.to_string() })
            }).collect::<Vec<_>>(),
        });
        session.screen.answer("checkpoint_import", value, || {
            let mut text =
                format!("{hash}: {}", count(kept.new, "new cosignature", "new cosignatures"));
            for (witness, why) in &kept.refused {
                text = format!("{text}\n  not kept, of {}: {why}", hex(witness));
            }
            text
        })?;
        drop(folder);
        Ok(())
    }
}
