use annona_node::shares;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona key shares list
  $ annona key shares list --json";

/// Lists the operators who have a share of this node's keys. It takes no passphrase.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let folder = session.folder()?;
        let holders = match shares::holders(&folder) {
            Err(shares::SharesFault::None) => Vec::new(),
            other => other?,
        };
        for key in &holders {
            let key = hex(key.bytes());
            session.screen.answer("share", json!({ "operator": key }), || key.clone())?;
        }
        if !holders.is_empty() && !shares::fit(&folder)? {
            session.screen.warn(
                "these shares open nothing: the key file has another passphrase since they were made. \
                 `annona key shares make` gives new ones.",
            );
        }
        if holders.is_empty() {
            session.screen.note("Nobody has a share: if the passphrase is lost, so are the keys.");
        }
        Ok(())
    }
}
