use std::path::PathBuf;

use annona_node::folder::Folder;
use annona_node::shares;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::init::PassphraseCost;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona key passwd --new-passphrase-file new-passphrase.txt
  $ annona key passwd relief.keys --new-passphrase-file new-passphrase.txt";

/// Changes the passphrase of a key file. Backups made before still open with the old one.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Passwd {
    /// The key file [default: that of the data folder]
    file: Option<PathBuf>,
    /// Take the new passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// What one guess at the new passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

impl Passwd {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        // A node's key file is rewritten while nobody else has it open.
        let held = self.file.is_none().then(|| Folder::open(&session.dir)).transpose()?;
        let path = self.file.unwrap_or_else(|| session.keys_path());
        let mut keys = session.keys(&path)?;
        let what = path.display().to_string();
        let file = self.new_passphrase_file.as_deref();
        let new = session.ask.new_passphrase(&what, file, "--new-passphrase-file FILE")?;
        keys.change_passphrase(&new, self.passphrase_cost.cost())?;
        // Whoever has a share opens the file as before.
        if let Some(folder) = &held {
            shares::renew(folder, &keys)?;
        }
        drop(held);
        let about = keys.describe().to_string();
        let value = json!({ "file": path, "seal": about });
        session.screen.answer("passphrase changed", value, || {
            format!("{what} opens with the new passphrase: {about}")
        })
    }
}
