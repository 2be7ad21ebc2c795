use std::path::PathBuf;

use annona_ledger::key::SigningKey;
use annona_node::envelope;
use annona_node::keystore::{Keystore, Name, Secret};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona key show
  $ annona key show relief.keys --json";

/// Shows what a key file holds: names and public halves, never a secret.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The key file [default: that of the data folder]
    file: Option<PathBuf>,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let path = self.file.unwrap_or_else(|| session.keys_path());
        let keys = session.keys(&path)?;
        let about = keys.describe().to_string();
        let value = json!({ "file": path, "seal": about });
        session.screen.answer("key file", value, || format!("{}: {about}", path.display()))?;
        for name in keys.names() {
            let (what, public) = describe(&keys, name);
            let value = json!({ "key": what, "public": public });
            session.screen.answer("key", value, || match &public {
                Some(public) => format!("  {what}: {public}"),
                None => format!("  {what}: secret only"),
            })?;
        }
        Ok(())
    }
}

fn describe(keys: &Keystore, name: Name) -> (String, Option<String>) {
    let seed = || keys.get(name).and_then(Secret::as_seed);
    let signing = || seed().map(|s| hex(SigningKey::from_seed(s).public().bytes()));
    match name {
        Name::NodeSigning => ("node".into(), signing()),
        Name::NodeTransport => ("transport".into(), signing()),
        Name::NodeSealing => {
            ("sealing".into(), seed().and_then(|s| envelope::public(s).ok()).map(|key| hex(&key)))
        }
        Name::Vault => ("person file".into(), None),
        Name::Organisation(org) => (format!("organisation {org}"), signing()),
        Name::Recovery(org) => (format!("recovery of organisation {org}"), signing()),
        Name::Operator(_) => ("operator".into(), signing()),
        Name::Cycle(programme, cycle) => {
            (format!("purses of programme {programme} cycle {cycle}"), None)
        }
        Name::Card(_) => ("card".into(), signing()),
        Name::Log => ("log for outsiders".into(), signing()),
        Name::Site(_) => ("people's keys".into(), None),
        Name::LogWitness => ("witness of outsiders' logs".into(), signing()),
    }
}
