use annona_node::checkpoint;
use clap::Args;

use super::{text, value};
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint make
  $ annona checkpoint make --json";

/// Makes a checkpoint of everything this node knows; open entries are sealed first.
///
/// Bundles carry it from now on. It says nothing until witnesses sign it: `annona checkpoint cosign`.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Make {}

impl Make {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let page = checkpoint::make(&mut node)?;
        let hash = page.checkpoint.hash();
        let store = node.store();
        let kept = super::named(store, Some(&hash.to_string()))?;
        let standing = store.page_standing(&kept)?;
        session.screen.answer("checkpoint", value(&hash, &page, &standing), || {
            text(&hash, &page, &standing)
        })?;
        node.close()?;
        session.screen.note("Next: `annona checkpoint cosign` here and, after a bundle, at witnesses of other organisations.");
        Ok(())
    }
}
