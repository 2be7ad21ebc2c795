use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::answer;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona consent read amina.opened --dir hill
  $ annona consent read amina.opened --dir hill --json";

/// Reads what another site opened for this node under a person's consent.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Read {
    /// The file
    file: PathBuf,
}

impl Read {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let (commitment, words) = answer::KIND.open(&node, &self.file)?;
        let opened: serde_json::Value = serde_json::from_slice(&words)
            .map_err(|_| Fault::input("what is in it is not written as it should be."))?;
        node.close()?;
        let value = json!({ "disclosure": commitment.to_string(), "opened": opened });
        session
            .screen
            .answer("opened", value, || serde_json::to_string_pretty(&opened).unwrap_or_default())
    }
}
