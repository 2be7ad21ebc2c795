use annona_node::shares;
use clap::Args;
use serde_json::json;

use super::Holders;
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona key shares make --operator mara.keys --operator yusuf.keys \\
      --operator-passphrase-file pass.txt
  $ annona key shares make --operator mara.keys --operator yusuf.keys \\
      --operator-passphrase-file pass.txt \\
      --dry-run";

/// Gives operators shares of this node's keys, in the place of any that were given before. Each lies sealed under her own
/// key, which her own passphrase opens; whoever is left out opens nothing any more.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Make {
    #[command(flatten)]
    holders: Holders,
    /// Check everything; give nothing
    #[arg(long)]
    dry_run: bool,
}

impl Make {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let folder = session.folder()?;
        let keys = session.keys(&session.keys_path())?;
        let holders = self.holders.open(session)?;
        let who: Vec<_> = holders.iter().map(|h| hex(h.public().bytes())).collect();
        if !self.dry_run {
            shares::make(&folder, &keys, &holders)?;
        }
        let value = json!({
            "operators": who, "needed": shares::NEEDED, "given": !self.dry_run,
        });
        session.screen.answer("shares", value, || {
            let verb = if self.dry_run { "would have" } else { "have" };
            let all = count(who.len() as u64, "operator", "operators");
            format!("{all} {verb} a share; any {} open the keys.", shares::NEEDED)
        })?;
        session.screen.note("Shares are in no backup: they open this folder alone.");
        Ok(())
    }
}
