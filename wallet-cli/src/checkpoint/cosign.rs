use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint cosign --dry-run
  $ annona checkpoint cosign
  $ annona checkpoint cosign a81f3c02";

/// Signs a checkpoint as a witness: what extends everything this node has signed before, and nothing else.
///
/// The signature lists the cycles this node has folded itself. A checkpoint that is older than what was signed, or tells of
/// feeds this node does not have yet, is put off with exit code 6 (409); one that goes back on a feed, or shows another
/// history of it, is refused with exit code 1 (422).
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Cosign {
    /// The beginning of its hash [default: the newest]
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: Option<String>,
    /// Say what would be signed, and sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Cosign {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let kept = super::named(node.store(), self.checkpoint.as_deref())?;
        let said = if self.dry_run {
            checkpoint::saying(&node, &kept.hash)?.1
        } else {
            checkpoint::cosign(&mut node, &kept.hash)?.said
        };
        let leaves: Vec<String> = said.leaves.iter().map(ToString::to_string).collect();
        let value = json!({
            "checkpoint": kept.hash.to_string(), "witness": hex(&said.witness),
            "leaves": leaves, "holds": &*said.holds,
        });
        session.screen.answer("cosigned", value, || {
            let leaves = count(said.leaves.len() as u64, "cycle", "cycles");
            let word = if self.dry_run { "would be signed" } else { "signed" };
            format!("{} {word}, with {leaves} folded here", kept.hash)
        })?;
        node.close()?;
        if self.dry_run {
            return Ok(());
        }
        session.screen.note("Bundles carry the signature from now on.");
        Ok(())
    }
}
