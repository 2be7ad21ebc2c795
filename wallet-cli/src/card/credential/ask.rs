use annona_node::credential::jws;
use annona_node::credential::when::Seconds;
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::Waiting;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona card credential ask --dir hill
  $ annona card credential ask --dir hill --json";

/// Asks whoever will show a credential here: audience and nonce, which her answer names and which counts once.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Ask {}

impl Ask {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (_folder, store) = session.take_in()?;
        let audience = jws::did(&session.own_key()?.ok_or_else(|| {
            Fault::input("node.toml does not say which key is this node's.")
                .then("`annona node show` tells it.")
        })?);
        let now = Seconds::of(session.now());
        let nonce: [u8; 16] = random()?;
        let mut waiting = Waiting::read(&store, now)?;
        waiting.0.push((nonce, now.0));
        waiting.write(&store)?;
        let nonce = hex(&nonce);
        let value = json!({ "audience": audience, "nonce": nonce });
        session
            .screen
            .answer("question", value, || format!("--audience {audience} --nonce {nonce}"))?;
        session.screen.note(
            "She answers with `annona wallet present`; then here: `annona card credential check FILE`.",
        );
        Ok(())
    }
}
