use std::path::{Path, PathBuf};

use annona_node::folder::{Folder, KEYS, LOCK};
use annona_node::keystore::{Keystore, KeystoreFault};
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
        let held = match &self.file {
            Some(path) => of_node(path)?,
            None => Some(session.folder()?),
        };
        let path = self.file.unwrap_or_else(|| session.keys_path());
        let what = path.display().to_string();
        let file = self.new_passphrase_file.as_deref();
        let ask = || session.ask.new_passphrase(&what, file, "--new-passphrase-file FILE");
        let (keys, left) = match (session.keys(&path), file) {
            (Ok(mut keys), _) => {
                let left = match keys.change_passphrase(&ask()?, self.passphrase_cost.cost()) {
                    Ok(()) => None,
                    Err(left @ KeystoreFault::Left { .. }) => Some(left),
                    Err(fault) => return Err(fault.into()),
                };
                (keys, left)
            }
            // Changed already, by the same command before it was interrupted: what comes after it is done now.
            (Err(fault), Some(_)) => (Keystore::open(&path, &ask()?).map_err(|_| fault)?, None),
            (Err(fault), None) => return Err(fault),
        };
        // Whoever has a share opens the file as before.
        if let Some(folder) = &held {
            shares::renew(folder, &keys)?;
        }
        drop(held);
        if let Some(left) = left {
            session.screen.warn(left.to_string());
        }
        let about = keys.describe().to_string();
        let value = json!({ "file": path, "seal": about });
        session.screen.answer("passphrase changed", value, || {
            format!("{what} opens with the new passphrase: {about}")
        })
    }
}

/// The folder of a node, where the file is a node's.
fn of_node(path: &Path) -> Outcome<Option<Folder>> {
    let root = path.parent().filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let of_node = path.file_name().is_some_and(|name| name == KEYS) && root.join(LOCK).is_file();
    if !of_node {
        return Ok(None);
    }
    crate::owner::check(root)?;
    Ok(Some(Folder::open(root)?))
}
