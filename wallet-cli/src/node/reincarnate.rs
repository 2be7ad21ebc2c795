use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona node reincarnate --dir restored
  $ annona node reincarnate --dir restored --json";

/// Comes back as a new node in the same folder, after a restore or a loss.
///
/// What the old node signed after the copy was made is not in it, so the old key must never sign again. The new key has
/// no rights until its organisation admits it; the people and their cards stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reincarnate {}

impl Reincarnate {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut settings = session.settings()?;
        let mut node = session.node()?;
        let old = hex(&node.public().short());
        session.ask.confirm(
            &session.screen,
            &format!("Retire node {old} for ever and go on here under a new key?"),
        )?;
        let key = node.reincarnate(&session.heads()?)?;
        settings.node = Some(hex(key.bytes()));
        settings.replaces = Some(old.clone());
        settings.write(&session.dir)?;
        node.close()?;
        let short = hex(&key.short());
        let value = json!({ "node": short, "key": hex(key.bytes()), "replaces": old });
        session.screen.answer("reincarnated", value, || {
            format!("Node {old} is retired; this folder is node {short} now.")
        })?;
        session.screen.note("Next: `annona node request --out FILE` for its organisation.");
        Ok(())
    }
}
