use annona_node::erase;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys rotate
  $ annona family keys rotate --dry-run";

/// Puts people's keys under a new site key and destroys the old one, as every erasure does: after somebody left who had
/// reached this folder, change its passphrase first and then this.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Rotate {
    /// Say what would be done; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Rotate {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.node()?;
        let mut vault = session.vault(&node)?;
        let families = vault.count()?;
        if !self.dry_run {
            session.confirm("Put people's keys under a new site key?", &[])?;
            erase::rotate(&mut node, &mut vault)?;
        }
        node.close()?;
        let value = json!({ "families": families, "rotated": !self.dry_run });
        session.screen.answer("rotated", value, || {
            let verb = if self.dry_run { "would lie" } else { "lie" };
            let families = crate::words::count(families, "family", "families");
            format!("The keys of {families} {verb} under a new site key.")
        })
    }
}
