use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use super::{text, value};
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint make --dry-run
  $ annona checkpoint make
  $ annona checkpoint make --json";

/// Makes a checkpoint of everything this node knows; open entries are sealed first.
///
/// Bundles carry it from now on. It says nothing until witnesses sign it: `annona checkpoint cosign`.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Make {
    /// Say what it would cover, and make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Make {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.dry_run {
            return would(session);
        }
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

/// What a checkpoint made now would cover.
fn would(session: &Session) -> Outcome {
    let store = session.read()?;
    let feeds = store.feeds()?;
    let open = feeds.iter().filter(|feed| feed.head != feed.sealed).count();
    let entries: u64 = feeds.iter().map(|feed| feed.head.next).sum();
    let value = json!({ "feeds": feeds.len(), "entries": entries, "open": open });
    session.screen.answer("checkpoint", value, || {
        format!(
            "would cover {} in {}; {} would be sealed first",
            count(entries, "entry", "entries"),
            count(feeds.len() as u64, "feed", "feeds"),
            count(open as u64, "open tail", "open tails"),
        )
    })
}
