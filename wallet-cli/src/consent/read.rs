use std::path::PathBuf;

use annona_node::atomic;
use annona_node::keystore::{Name, Secret};
use annona_node::node::NodeFault;
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
        let bytes = atomic::read(&self.file, answer::MOST)?;
        let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
        let secret = secret.ok_or(NodeFault::NoKey("key to open what is sealed for it"))?;
        let (commitment, words) = answer::open(&node.federation()?, secret, &bytes)
            .map_err(|fault| fault.at(self.file.display()))?;
        let opened: serde_json::Value = serde_json::from_slice(&words)
            .map_err(|_| Fault::input("what is in it is not written as it should be."))?;
        node.close()?;
        let value = json!({ "disclosure": commitment.to_string(), "opened": opened });
        session
            .screen
            .answer("opened", value, || serde_json::to_string_pretty(&opened).unwrap_or_default())
    }
}
