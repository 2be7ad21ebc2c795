use std::path::PathBuf;

use annona_node::shares;
use clap::Args;
use serde_json::json;

use super::Holders;
use crate::fault::Outcome;
use crate::init::PassphraseCost;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona key shares open --operator mara.keys --operator yusuf.keys \\
      --operator-passphrase-file pass.txt \\
      --new-passphrase-file new-passphrase.txt
  $ annona key shares open --operator mara.keys --operator yusuf.keys \\
      --operator-passphrase-file pass.txt \\
      --dry-run";

/// Opens this node's keys by the shares of two operators, and gives them a new passphrase. The shares stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Open {
    #[command(flatten)]
    holders: Holders,
    /// Take the new passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// What one guess at the new passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
    /// See whether they open; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Open {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let folder = session.folder()?;
        let holders = self.holders.open(session)?;
        let mut keys = shares::open(&folder, &holders)?;
        if !self.dry_run {
            let path = session.keys_path();
            let what = path.display().to_string();
            let file = self.new_passphrase_file.as_deref();
            let new = session.ask.new_passphrase(&what, file, "--new-passphrase-file FILE")?;
            keys.change_passphrase(&new, self.passphrase_cost.cost())?;
            shares::renew(&folder, &keys)?;
        }
        let value = json!({ "opened": true, "changed": !self.dry_run });
        session.screen.answer("shares", value, || {
            let what =
                if self.dry_run { "Nothing was changed." } else { "A new passphrase is set." };
            format!("The shares open the keys. {what}")
        })
    }
}
